/* links: base dicom */
#include "test.h"

#include "dicom/ct_presets.h"
#include "dicom/histogram.h"

static struct error err;

static uint32_t random_state = 3;

static uint32_t random_u32(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

/* Roughly normal: the mean of 12 numbers. */
static double normal(double mean, double deviation)
{
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += (random_u32() % 65536) / 65536.0;
    return mean + (sum - 6) * deviation;
}

static struct frame frame_of(enum sample_type type, const void *samples, uint32_t columns, uint32_t rows)
{
    return (struct frame){.number = 1, .rows = rows, .columns = columns, .samples_per_pixel = 1, .type = type,
                          .bits_stored = (uint16_t)(8 * sample_size(type)),
                          .is_signed = type == SAMPLE_S8 || type == SAMPLE_S16 || type == SAMPLE_S32,
                          .photometric = PHOTOMETRIC_MONOCHROME2, .samples = samples,
                          .size = (size_t)columns * rows * sample_size(type)};
}

static const struct frame_display plain = {.slope = 1};

static struct histogram histogram_of(const struct frame *frame, const struct frame_display *display)
{
    struct histogram_builder *builder = NULL;
    struct histogram histogram;

    CHECK_OK(histogram_builder_new(&builder, &err), err);
    CHECK_OK(histogram_builder_add(builder, frame, display, &err), err);
    CHECK_OK(histogram_builder_end(builder, &histogram, &err), err);
    histogram_builder_free(builder);
    return histogram;
}

static uint64_t count_at(const struct histogram *h, double value)
{
    const double place = floor((value - h->first) / h->step);
    return place < 0 || place >= h->bins ? 0 : h->counts[(uint32_t)place];
}

static uint64_t sum_of(const struct histogram *h)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < h->bins; i++)
        sum += h->counts[i];
    return sum;
}

static bool window_from(struct histogram *list, size_t count, struct window *window)
{
    struct histogram_set *set = NULL;

    CHECK_OK(histogram_set_new(&set, &err), err);
    for (size_t i = 0; i < count; i++)
        CHECK_OK(histogram_set_extent(set, &list[i], &err), err);
    for (size_t i = 0; i < count; i++)
        CHECK_OK(histogram_set_add(set, &list[i], &err), err);
    const bool ok = histogram_set_window(set, window, &err);
    histogram_set_free(set);
    return ok;
}

static struct window window_of_frame(const struct frame *frame, const struct frame_display *display)
{
    struct histogram h = histogram_of(frame, display);
    struct window window;

    CHECK_OK(window_from(&h, 1, &window), err);
    CHECK(window_is_valid(&window));
    histogram_release(&h);
    return window;
}

/* -- counting --------------------------------------------------------------------------- */

TEST(test_histogram__counts_every_value_of_16_bits)
{
    static uint16_t samples[300 * 211];
    static uint64_t expected[65536];
    const size_t count = sizeof samples / sizeof samples[0];

    for (size_t i = 0; i < count; i++) {
        samples[i] = (uint16_t)(i % 3 == 0 ? 100 : 100 + random_u32() % 4000);
        expected[samples[i]]++;
    }
    const struct frame frame = frame_of(SAMPLE_U16, samples, 300, 211);
    struct histogram h = histogram_of(&frame, &(struct frame_display){.slope = 2, .intercept = -1024});
    CHECK_EQ_UINT(h.total, count);
    CHECK_EQ_UINT(sum_of(&h), count);
    CHECK_NEAR(h.step, 2, 0);
    CHECK_NEAR(h.least, 100 * 2 - 1024, 0);
    for (uint32_t v = 0; v < 65536; v++)
        CHECK_EQ_UINT(count_at(&h, 2.0 * v - 1024), expected[v]);
    histogram_release(&h);
}

/* Runs of any length and at any place, as in masks and in the air around a head, between noise. */
static size_t fill_with_runs(int values[], size_t count, int least, int most)
{
    const uint32_t span = (uint32_t)(most - least + 1);
    size_t changes = 0;

    for (size_t i = 0; i < count; changes++) {
        const int value = least + (int)(random_u32() % span);
        for (size_t length = random_u32() % 70; length > 0 && i < count; length--)
            values[i++] = value;
        for (size_t length = random_u32() % 5; length > 0 && i < count; length--)
            values[i++] = least + (int)(random_u32() % span);
    }
    return changes;
}

static void check_runs(enum sample_type type, int least, int most)
{
    static int values[173 * 59];
    static union { uint8_t u8[173 * 59]; int8_t s8[173 * 59]; uint16_t u16[173 * 59]; int16_t s16[173 * 59]; } samples;
    static uint64_t expected[65536];
    const size_t count = sizeof values / sizeof values[0];

    CHECK(fill_with_runs(values, count, least, most) > 100);
    memset(expected, 0, sizeof expected);
    for (size_t i = 0; i < count; i++) {
        expected[values[i] + 32768]++;
        switch (type) {
        case SAMPLE_U8: samples.u8[i] = (uint8_t)values[i]; break;
        case SAMPLE_S8: samples.s8[i] = (int8_t)values[i]; break;
        case SAMPLE_U16: samples.u16[i] = (uint16_t)values[i]; break;
        default: samples.s16[i] = (int16_t)values[i]; break;
        }
    }
    const struct frame frame = frame_of(type, &samples, 173, 59);
    struct histogram h = histogram_of(&frame, &plain);
    CHECK_EQ_UINT(sum_of(&h), count);
    for (int v = least; v <= most; v++)
        CHECK_EQ_UINT(count_at(&h, v), expected[v + 32768]);
    histogram_release(&h);
}

TEST(test_histogram__runs_are_counted_as_their_values)
{
    check_runs(SAMPLE_U8, 0, 255);
    check_runs(SAMPLE_S8, -128, 127);
    check_runs(SAMPLE_U16, 0, 4000);
    check_runs(SAMPLE_S16, -2000, 2000);
    check_runs(SAMPLE_S16, -3, 3);
}

TEST(test_histogram__wide_range_has_bins_of_powers_of_two)
{
    static int16_t samples[65536];

    for (int i = 0; i < 65536; i++)
        samples[i] = (int16_t)(i - 32768);
    const struct frame frame = frame_of(SAMPLE_S16, samples, 256, 256);
    struct histogram h = histogram_of(&frame, &plain);
    CHECK_EQ_UINT(h.bins, 4096);
    CHECK_NEAR(h.first, -32768, 0);
    CHECK_NEAR(h.step, 16, 0);
    for (uint32_t i = 0; i < h.bins; i++)
        CHECK_EQ_UINT(h.counts[i], 16);
    CHECK_NEAR(h.most, 32767, 0);
    histogram_release(&h);
}

TEST(test_histogram__falling_slope_turns_the_bins)
{
    const uint8_t samples[6] = {0, 0, 0, 10, 10, 20};
    const struct frame frame = frame_of(SAMPLE_U8, samples, 3, 2);
    struct histogram h = histogram_of(&frame, &(struct frame_display){.slope = -0.5, .intercept = 100});

    CHECK_NEAR(h.least, 90, 0);
    CHECK_NEAR(h.most, 100, 0);
    CHECK_NEAR(h.step, 0.5, 0);
    CHECK_EQ_UINT(count_at(&h, 100), 3);
    CHECK_EQ_UINT(count_at(&h, 95), 2);
    CHECK_EQ_UINT(count_at(&h, 90), 1);
    histogram_release(&h);
}

TEST(test_histogram__padding_is_left_out)
{
    const int16_t samples[6] = {-2000, -2000, -1999, 5, 6, -2001};
    const struct frame frame = frame_of(SAMPLE_S16, samples, 6, 1);
    const struct frame_display display = {
        .slope = 1, .has_padding = true, .padding_low = -2000, .padding_high = -1999};
    struct histogram h = histogram_of(&frame, &display);

    CHECK_EQ_UINT(h.total, 3);
    CHECK_NEAR(h.least, -2001, 0);
    histogram_release(&h);
}

TEST(test_histogram__modality_lut_is_applied)
{
    uint16_t values[3] = {1000, 500, 65535};
    const int8_t samples[4] = {-128, 0, 1, 127};
    const struct frame frame = frame_of(SAMPLE_S8, samples, 4, 1);
    const struct frame_display display = {.has_modality_lut = true,
                                          .modality_lut = {3, -1, 16, values, ""}};
    struct histogram h = histogram_of(&frame, &display);

    CHECK_EQ_UINT(h.total, 4);
    CHECK_NEAR(h.least, 500, 0);
    CHECK_NEAR(h.most, 65535, 0);
    CHECK_EQ_UINT(count_at(&h, 1000), 1);
    CHECK_EQ_UINT(count_at(&h, 65535), 2);
    histogram_release(&h);
}

TEST(test_histogram__nan_and_infinities_are_left_out)
{
    const float samples[6] = {NAN, INFINITY, -INFINITY, 0.25f, 0.5f, 1};
    const struct frame frame = frame_of(SAMPLE_F32, samples, 3, 2);
    struct histogram h = histogram_of(&frame, &plain);

    CHECK_EQ_UINT(h.total, 3);
    CHECK_NEAR(h.least, 0.25, 0);
    CHECK_NEAR(h.most, 1, 0);
    histogram_release(&h);
}

TEST(test_histogram__frames_with_other_slopes_are_joined)
{
    static uint16_t samples[128 * 128];
    struct histogram_builder *builder = NULL;
    struct histogram h;

    for (int i = 0; i < 128 * 128; i++)
        samples[i] = (uint16_t)(random_u32() % 1000);
    const struct frame frame = frame_of(SAMPLE_U16, samples, 128, 128);
    CHECK_OK(histogram_builder_new(&builder, &err), err);
    for (int k = 1; k <= 12; k++)
        CHECK_OK(histogram_builder_add(builder, &frame, &(struct frame_display){.slope = k}, &err), err);
    CHECK_OK(histogram_builder_end(builder, &h, &err), err);
    CHECK_NEAR((double)h.total, 12 * 128 * 128, 128 * 128);
    CHECK_NEAR(h.least, 0, 0);
    CHECK_NEAR(h.most, 12 * 999, 12);
    histogram_release(&h);
    /* and the builder is as new */
    CHECK_OK(histogram_builder_add(builder, &frame, &plain, &err), err);
    CHECK_OK(histogram_builder_end(builder, &h, &err), err);
    CHECK_EQ_UINT(h.total, 128 * 128);
    CHECK_NEAR(h.step, 1, 0);
    histogram_release(&h);
    CHECK_OK(histogram_builder_end(builder, &h, &err), err);
    CHECK_EQ_UINT(h.total, 0);
    histogram_release(&h);
    CHECK_OK(histogram_builder_add(builder, &frame, &plain, &err), err);
    histogram_builder_clear(builder);
    CHECK_OK(histogram_builder_end(builder, &h, &err), err);
    CHECK_EQ_UINT(h.total, 0);
    histogram_release(&h);
    histogram_builder_free(builder);
}

TEST(test_histogram__sample_of_many_floats_is_fair)
{
    enum { SIDE = 1024 };
    float *const samples = malloc(sizeof(float) * SIDE * SIDE);

    CHECK(samples != NULL);
    for (size_t i = 0; i < SIDE * SIDE; i++) /* a ramp across the columns: an unfair sample would show */
        samples[i] = (float)(i % SIDE) / SIDE;
    const struct frame frame = frame_of(SAMPLE_F32, samples, SIDE, SIDE);
    struct histogram h = histogram_of(&frame, &plain);
    CHECK_NEAR((double)h.total, SIDE * SIDE, SIDE * SIDE / 50);
    uint64_t below = 0;
    for (uint32_t i = 0; i < h.bins; i++)
        below += h.first + (i + 0.5) * h.step < 0.25 ? h.counts[i] : 0;
    CHECK_NEAR((double)below / (double)h.total, 0.25, 0.01);
    histogram_release(&h);
    free(samples);
}

TEST(test_histogram__nonsense_rescale_is_corrupt)
{
    struct histogram_builder *builder = NULL;
    const uint8_t samples[1] = {1};
    const struct frame frame = frame_of(SAMPLE_U8, samples, 1, 1);

    CHECK_OK(histogram_builder_new(&builder, &err), err);
    CHECK(!histogram_builder_add(builder, &frame, &(struct frame_display){.slope = NAN}, &err));
    CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
    CHECK(!histogram_builder_add(builder, &frame, &(struct frame_display){.slope = 1e200}, &err));
    histogram_builder_free(builder);
}

/* -- on disk ------------------------------------------------------------------------------ */

TEST(test_histogram__reads_back_as_written)
{
    static uint16_t samples[64 * 64];
    struct buffer out = {0};
    struct histogram back;

    for (int i = 0; i < 64 * 64; i++)
        samples[i] = (uint16_t)(i < 4000 ? 17 : random_u32() % 50000);
    const struct frame frame = frame_of(SAMPLE_U16, samples, 64, 64);
    struct histogram h = histogram_of(&frame, &(struct frame_display){.slope = 0.1, .intercept = -3});
    CHECK_OK(histogram_write(&h, &out, &err), err);
    CHECK(out.size < 600);
    CHECK_OK(histogram_parse(out.data, out.size, &back, &err), err);
    CHECK_EQ_UINT(back.total, h.total);
    CHECK_EQ_UINT(back.bins, h.bins);
    CHECK_NEAR(back.first, h.first, 0);
    CHECK_NEAR(back.step, h.step, 0);
    CHECK_NEAR(back.least, h.least, 0);
    CHECK_NEAR(back.most, h.most, 0);
    CHECK_EQ_MEM(back.counts, h.counts, h.bins * sizeof h.counts[0]);
    histogram_release(&back);
    /* cut anywhere, or with a byte changed: refused or sound, never read beyond */
    for (size_t size = 0; size < out.size; size++)
        CHECK(!histogram_parse(out.data, size, &back, &err));
    for (size_t i = 0; i < out.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            out.data[i] ^= (uint8_t)(1 << bit);
            if (histogram_parse(out.data, out.size, &back, &err)) {
                CHECK_EQ_UINT(sum_of(&back), back.total);
                histogram_release(&back);
            }
            out.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    histogram_release(&h);
    buffer_release(&out);
}

TEST(test_histogram__empty_one_reads_back)
{
    struct histogram empty = {.step = 1, .most = -1}, back;
    struct buffer out = {0};

    CHECK_OK(histogram_write(&empty, &out, &err), err);
    CHECK_OK(histogram_parse(out.data, out.size, &back, &err), err);
    CHECK_EQ_UINT(back.total, 0);
    histogram_release(&back);
    buffer_release(&out);
}

/* -- the window --------------------------------------------------------------------------- */

static double low_end(const struct window *w)
{
    return w->function == VOI_LINEAR ? w->center - 0.5 - (w->width - 1) / 2 : w->center - w->width / 2;
}

static double high_end(const struct window *w)
{
    return w->function == VOI_LINEAR ? w->center - 0.5 + (w->width - 1) / 2 : w->center + w->width / 2;
}

enum { SIDE = 256, COUNT = SIDE * SIDE };
static int16_t slice[COUNT];

static struct window slice_window(void)
{
    const struct frame frame = frame_of(SAMPLE_S16, slice, SIDE, SIDE);
    return window_of_frame(&frame, &plain);
}

TEST(test_histogram__window_of_mr_with_much_air)
{
    for (int i = 0; i < COUNT; i++) /* 60 % noisy air, tissue at 600, a little fat at 1100, few vessels */
        slice[i] = (int16_t)(i % 10 < 6 ? fabs(normal(0, 12)) : normal(i % 50 == 7 ? 1100 : 600, 80));
    slice[77] = 4000;
    const struct window w = slice_window();
    CHECK_EQ_INT(w.function, VOI_LINEAR);
    CHECK_NEAR(low_end(&w), 0, 60);
    CHECK_NEAR(high_end(&w), 1300, 150);
}

TEST(test_histogram__window_of_ct_with_unmarked_padding)
{
    for (int i = 0; i < COUNT; i++) /* the corners at -2000, air, soft tissue, some bone */
        slice[i] = (int16_t)(i % 5 == 0   ? -2000
                             : i % 5 == 1 ? normal(-1000, 15)
                             : i % 50 == 2 ? normal(700, 200)
                                           : normal(40, 30));
    const struct window w = slice_window();
    CHECK_NEAR(low_end(&w), -1040, 100);
    CHECK(high_end(&w) > 700 && high_end(&w) < 1500);
}

TEST(test_histogram__window_of_radiograph_with_direct_exposure)
{
    for (int i = 0; i < COUNT; i++) /* MONOCHROME1: 40 % at the detector's end */
        slice[i] = (int16_t)(i % 5 < 2 ? 4095 : normal(1500, 250));
    const struct window w = slice_window();
    CHECK_NEAR(low_end(&w), 850, 150);
    CHECK_NEAR(high_end(&w), 2300, 250);
}

TEST(test_histogram__small_body_in_a_large_field_is_not_saturated)
{
    for (int i = 0; i < COUNT; i++) /* 3 % body from 500 to 1000 */
        slice[i] = (int16_t)(i % 33 == 0 ? 500 + (int)(random_u32() % 500) : (int)fabs(normal(0, 10)));
    const struct window w = slice_window();
    CHECK(high_end(&w) >= 930 && high_end(&w) <= 1100);
}

TEST(test_histogram__few_wild_values_do_not_widen_the_window)
{
    for (int i = 0; i < COUNT; i++)
        slice[i] = (int16_t)normal(300, 50);
    for (int i = 0; i < 40; i++)
        slice[i * 100] = 30000;
    const struct window w = slice_window();
    CHECK(low_end(&w) > 100 && high_end(&w) < 550);
}

TEST(test_histogram__mask_and_label_map_keep_all_values)
{
    for (int i = 0; i < COUNT; i++)
        slice[i] = i % 10 == 0;
    struct window w = slice_window();
    CHECK_NEAR(w.center, 1, 0);
    CHECK_NEAR(w.width, 2, 0);
    for (int i = 0; i < COUNT; i++)
        slice[i] = (int16_t)(i % 10 == 0 ? 1 + i / 10 % 5 : 0);
    w = slice_window();
    CHECK_NEAR(low_end(&w), 0, 0);
    CHECK_NEAR(high_end(&w), 5, 0);
}

TEST(test_histogram__constant_image_has_a_valid_window)
{
    static float floats[COUNT];

    for (int i = 0; i < COUNT; i++) {
        slice[i] = -7;
        floats[i] = 0.125f;
    }
    struct window w = slice_window();
    CHECK_NEAR(w.width, 2, 0);
    CHECK_NEAR(w.center, -6.5, 0);
    const struct frame frame = frame_of(SAMPLE_F32, floats, SIDE, SIDE);
    w = window_of_frame(&frame, &plain);
    CHECK_NEAR(w.width, 2, 0);
    CHECK_NEAR(w.center, 0.625, 0);
}

TEST(test_histogram__blurred_padding_does_not_stretch_the_window)
{
    for (int i = 0; i < COUNT; i++) /* a third near -2000, the rest a ramp of 1,000 values */
        slice[i] = (int16_t)(i % 3 == 0 ? -2000 + i / 3 % 21 - 10 : i % 1000 - 500);
    const struct window w = slice_window();
    CHECK(low_end(&w) >= -520);
    CHECK(high_end(&w) <= 620);
}

TEST(test_histogram__fractions_take_linear_exact)
{
    static float floats[COUNT];

    for (int i = 0; i < COUNT; i++) /* a map of fractional anisotropy, with two failed fits */
        floats[i] = (float)(random_u32() % 1000) / 1000;
    floats[5] = 1e30f;
    floats[6] = -1e30f;
    const struct frame frame = frame_of(SAMPLE_F32, floats, SIDE, SIDE);
    const struct window w = window_of_frame(&frame, &plain);
    CHECK_EQ_INT(w.function, VOI_LINEAR_EXACT);
    CHECK_NEAR(w.center, 0.5, 0.06);
    CHECK_NEAR(w.width, 1.05, 0.1);
    for (int i = 0; i < COUNT; i++) /* kelvin */
        floats[i] = (float)normal(310, 1);
    const struct frame kelvin = frame_of(SAMPLE_F32, floats, SIDE, SIDE);
    const struct window k = window_of_frame(&kelvin, &plain);
    CHECK_NEAR(k.center, 310, 0.5);
    CHECK(k.width > 4 && k.width < 8);
}

TEST(test_histogram__all_padding_has_no_window)
{
    const uint16_t samples[4] = {9, 9, 9, 9};
    const struct frame frame = frame_of(SAMPLE_U16, samples, 2, 2);
    struct histogram h = histogram_of(
        &frame, &(struct frame_display){.slope = 1, .has_padding = true, .padding_low = 9, .padding_high = 9});
    struct window window;

    CHECK_EQ_UINT(h.total, 0);
    CHECK(!window_from(&h, 1, &window));
    CHECK_EQ_INT(err.kind, ERROR_NO_IMAGE);
    CHECK(!window_from(NULL, 0, &window));
    histogram_release(&h);
}

TEST(test_histogram__order_does_not_matter)
{
    struct histogram list[20];
    struct window first, other;

    for (size_t k = 0; k < 20; k++) {
        for (int i = 0; i < COUNT; i++)
            slice[i] = (int16_t)normal(200 + 100 * (double)k, 40 + (double)k);
        const struct frame frame = frame_of(SAMPLE_S16, slice, SIDE, SIDE);
        list[k] = histogram_of(
            &frame, &(struct frame_display){.slope = 0.3 + 0.01 * (double)k, .intercept = -0.1 * (double)k});
    }
    CHECK_OK(window_from(list, 20, &first), err);
    for (int round = 0; round < 30; round++) {
        for (size_t k = 20; k > 1; k--) {
            const size_t other_k = random_u32() % k;
            const struct histogram h = list[k - 1];
            list[k - 1] = list[other_k];
            list[other_k] = h;
        }
        CHECK_OK(window_from(list, 20, &other), err);
        CHECK_NEAR(other.center, first.center, 0);
        CHECK_NEAR(other.width, first.width, 0);
    }
    for (size_t k = 0; k < 20; k++)
        histogram_release(&list[k]);
}

TEST(test_histogram__numbers_have_two_significant_digits)
{
    for (int i = 0; i < COUNT; i++)
        slice[i] = (int16_t)(i % 1234);
    const struct window w = slice_window();
    CHECK_NEAR(w.width / 100, floor(w.width / 100), 0);
    CHECK_NEAR(w.center / 100, floor(w.center / 100), 0);
    CHECK_NEAR(w.width, 1234, 60);
}

TEST(test_histogram__a_screenshot_of_8_bits_stays_as_it_is)
{
    static uint8_t bytes[COUNT];

    for (int i = 0; i < COUNT; i++)
        bytes[i] = (uint8_t)(i % 256);
    const struct frame frame = frame_of(SAMPLE_U8, bytes, SIDE, SIDE);
    const struct window w = window_of_frame(&frame, &plain);
    CHECK_NEAR(w.center, 128, 0);
    CHECK_NEAR(w.width, 256, 0);
}

TEST(test_histogram__ct_presets_are_found_by_name)
{
    const struct ct_preset *const lung = ct_preset_find("lung");

    CHECK(lung != NULL);
    CHECK_NEAR(lung->center, -600, 0);
    CHECK_NEAR(lung->width, 1500, 0);
    CHECK(ct_preset_find("") == NULL);
    for (const struct ct_preset *p = ct_presets; p->name != NULL; p++)
        CHECK(ct_preset_find(p->name) == p);
}
