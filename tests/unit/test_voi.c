/* links: base dicom */
#include "test.h"

#include "dicom/pixels.h"

static struct error err;

static uint32_t random_state = 1;

static uint32_t random_u32(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8 ^ random_state << 13;
}

static double random_within(double least, double most)
{
    return least + (most - least) * (random_u32() % 100001) / 100000.0;
}

/* The pseudo code of PS3.3 C.11.2.1.2.1 and the formulas of C.11.2.1.3, ymin 0, ymax 255. */
static double naive_window(const struct window *w, double x)
{
    const double ymin = 0, ymax = 255;
    double y;

    if (w->function == VOI_SIGMOID)
        return ymax / (1 + exp(-4 * (x - w->center) / w->width));
    if (w->function == VOI_LINEAR_EXACT) {
        if (x <= w->center - w->width / 2)
            y = ymin;
        else if (x > w->center + w->width / 2)
            y = ymax;
        else
            y = ((x - w->center) / w->width + 0.5) * (ymax - ymin) + ymin;
        return y;
    }
    if (x <= w->center - 0.5 - (w->width - 1) / 2)
        y = ymin;
    else if (x > w->center - 0.5 + (w->width - 1) / 2)
        y = ymax;
    else
        y = ((x - (w->center - 0.5)) / (w->width - 1) + 0.5) * (ymax - ymin) + ymin;
    return y;
}

static int naive_grey(const struct frame_display *d, const struct window *w, double stored)
{
    if (d->has_padding && stored >= d->padding_low && stored <= d->padding_high)
        return 0;
    const int level = (int)floor(naive_window(w, d->slope * stored + d->intercept) + 0.5);
    return d->inverse ? 255 - level : level;
}

/* A 256 x 256 frame that holds every 16-bit value, from `least` on. */
static struct frame every_value(bool is_signed, uint16_t bits, void *samples)
{
    const int32_t least = is_signed ? -32768 : 0;

    for (int32_t i = 0; i < 65536; i++) {
        if (is_signed)
            ((int16_t *)samples)[i] = (int16_t)(least + i);
        else
            ((uint16_t *)samples)[i] = (uint16_t)i;
    }
    return (struct frame){.number = 1, .rows = 256, .columns = 256, .samples_per_pixel = 1,
                          .type = is_signed ? SAMPLE_S16 : SAMPLE_U16, .bits_stored = bits,
                          .is_signed = is_signed, .photometric = PHOTOMETRIC_MONOCHROME2,
                          .samples = samples, .size = 131072};
}

static struct renderer *new_renderer(void)
{
    struct renderer *renderer = NULL;
    CHECK_OK(renderer_new(&renderer, &err), err);
    return renderer;
}

static void compare_all(struct renderer *renderer, bool is_signed, const struct frame_display *display,
                        const struct window *window, struct picture *picture)
{
    static uint16_t samples[65536];
    const struct frame frame = every_value(is_signed, 16, samples);
    const struct voi voi = {VOI_KIND_WINDOW, *window, NULL};

    CHECK_OK(renderer_draw(renderer, NULL, &frame, display, &voi, picture, &err), err);
    for (int32_t i = 0; i < 65536; i++) {
        const int32_t stored = is_signed ? i - 32768 : i;
        const int expected = naive_grey(display, window, stored);
        if (picture->data[i] != expected)
            TEST_FAIL("stored %d at window %.17g/%.17g function %d slope %g intercept %g: %d, expected %d",
                      stored, window->center, window->width, (int)window->function, display->slope,
                      display->intercept, picture->data[i], expected);
    }
}

TEST(test_voi__every_stored_value_equals_the_standards_pseudo_code)
{
    struct renderer *const renderer = new_renderer();
    struct picture picture = {0};

    for (int k = 0; k < 120; k++) {
        struct frame_display display = {.slope = k % 3 == 0 ? 1 : random_within(-3, 3),
                                        .intercept = random_within(-2000, 2000),
                                        .inverse = k % 5 == 0, .has_padding = k % 4 == 0};
        display.padding_low = floor(random_within(-40000, 40000));
        display.padding_high = display.padding_low + random_u32() % 300;
        struct window window = {.center = random_within(-30000, 60000),
                                .width = random_within(1, k % 2 == 0 ? 500 : 70000),
                                .function = (enum voi_function)(k % 3)};
        if (k % 7 == 0)
            window.center = floor(window.center), window.width = floor(window.width);
        compare_all(renderer, k % 2 == 1, &display, &window, &picture);
    }
    picture_release(&picture);
    renderer_free(renderer);
}

TEST(test_voi__common_windows_are_exact)
{
    static const double windows[][2] = {{40, 400}, {40, 80}, {-600, 1500}, {0.5, 1}, {127.5, 256}, {128, 256},
                                        {2048, 4096}, {1, 2}, {1e9, 5}, {-1e12, 1}, {30000, 1e6}};
    struct renderer *const renderer = new_renderer();
    struct picture picture = {0};

    for (size_t k = 0; k < sizeof windows / sizeof windows[0]; k++) {
        for (int f = 0; f < 3; f++) {
            const struct window window = {windows[k][0], windows[k][1], (enum voi_function)f, ""};
            compare_all(renderer, true, &(struct frame_display){.slope = 1, .intercept = -1024}, &window,
                        &picture);
            compare_all(renderer, false, &(struct frame_display){.slope = -0.25, .intercept = 7}, &window,
                        &picture);
        }
    }
    picture_release(&picture);
    renderer_free(renderer);
}

TEST(test_voi__width_one_is_a_threshold)
{
    const struct window window = {100, 1, VOI_LINEAR, ""};

    CHECK_EQ_INT(voi_window_value(&window, 99.5), 0);
    CHECK_EQ_INT(voi_window_value(&window, 99.6), 255);
}

TEST(test_voi__ends_of_linear_window_are_black_and_white)
{
    const struct window window = {2048, 4096, VOI_LINEAR, ""}; /* C.11.2.1.2.1: 0 to 4095 */

    CHECK_EQ_INT(voi_window_value(&window, 0), 0);
    CHECK_EQ_INT(voi_window_value(&window, 4095), 255);
    CHECK(voi_window_value(&window, 1) > 0);
    CHECK(voi_window_value(&window, 4094) < 255);
}

static uint8_t draw_one(const struct frame_display *display, const struct voi *voi, int16_t stored)
{
    struct renderer *const renderer = new_renderer();
    struct picture picture = {0};
    const struct frame frame = {.number = 1, .rows = 1, .columns = 1, .samples_per_pixel = 1,
                                .type = SAMPLE_S16, .bits_stored = 16, .is_signed = true,
                                .photometric = PHOTOMETRIC_MONOCHROME2, .samples = &stored, .size = 2};

    CHECK_OK(renderer_draw(renderer, NULL, &frame, display, voi, &picture, &err), err);
    const uint8_t level = picture.data[0];
    CHECK_EQ_INT(level, voi_grey(&(struct voi_curve){display, voi}, stored));
    picture_release(&picture);
    renderer_free(renderer);
    return level;
}

TEST(test_voi__modality_lut_comes_first_and_clamps)
{
    uint16_t values[4] = {10, 20, 4000, 40};
    const struct frame_display display = {
        .has_modality_lut = true, .modality_lut = {4, -2, 16, values, ""}, .slope = 99, .intercept = 99};
    const struct voi voi = {VOI_KIND_WINDOW, {20.5, 21, VOI_LINEAR, ""}, NULL}; /* 10 black, 30 white */

    CHECK_EQ_INT(draw_one(&display, &voi, -2), 0);
    CHECK_EQ_INT(draw_one(&display, &voi, -1), 128);
    CHECK_EQ_INT(draw_one(&display, &voi, 0), 255);
    CHECK_EQ_INT(draw_one(&display, &voi, -30000), 0);
    CHECK_EQ_INT(draw_one(&display, &voi, 30000), 255);
}

TEST(test_voi__voi_lut_is_entered_with_the_modality_value)
{
    uint16_t values[3] = {0, 2048, 4095};
    const struct lut lut = {3, -1024, 12, values, ""};
    const struct frame_display display = {.slope = 0.5, .intercept = -1024};
    const struct voi voi = {.kind = VOI_KIND_LUT, .lut = &lut};

    CHECK_EQ_INT(draw_one(&display, &voi, 0), 0);     /* -1024 */
    CHECK_EQ_INT(draw_one(&display, &voi, 1), 128);   /* -1023.5 -> -1023: 2048 * 255 / 4095 = 127.53 */
    CHECK_EQ_INT(draw_one(&display, &voi, 2), 128);   /* -1023 */
    CHECK_EQ_INT(draw_one(&display, &voi, 4), 255);   /* -1022 */
    CHECK_EQ_INT(draw_one(&display, &voi, -500), 0);  /* below */
    CHECK_EQ_INT(draw_one(&display, &voi, 3000), 255);
}

TEST(test_voi__lut_entries_of_8_to_16_bits_reach_full_scale)
{
    for (uint16_t bits = 8; bits <= 16; bits++) {
        uint16_t values[2] = {0, (uint16_t)((1u << bits) - 1)};
        const struct lut lut = {2, 0, bits, values, ""};
        const struct frame_display display = {.slope = 1};
        const struct voi voi = {.kind = VOI_KIND_LUT, .lut = &lut};
        CHECK_EQ_INT(draw_one(&display, &voi, 0), 0);
        CHECK_EQ_INT(draw_one(&display, &voi, 1), 255);
    }
}

TEST(test_voi__padding_is_black_after_inversion_too)
{
    const struct frame_display display = {.slope = 1, .intercept = 0, .inverse = true, .has_padding = true,
                                          .padding_low = -2000, .padding_high = -1999};
    const struct voi voi = {VOI_KIND_WINDOW, {0, 100, VOI_LINEAR, ""}, NULL};

    CHECK_EQ_INT(draw_one(&display, &voi, -2001), 255);
    CHECK_EQ_INT(draw_one(&display, &voi, -2000), 0);
    CHECK_EQ_INT(draw_one(&display, &voi, -1999), 0);
    CHECK_EQ_INT(draw_one(&display, &voi, -1998), 255);
    CHECK_EQ_INT(draw_one(&display, &voi, 500), 0);
}

TEST(test_voi__change_of_display_or_window_is_seen)
{
    struct renderer *const renderer = new_renderer();
    struct picture picture = {0};
    struct frame_display display = {.slope = 1};
    struct window window = {100, 50, VOI_LINEAR, ""};

    compare_all(renderer, false, &display, &window, &picture);
    compare_all(renderer, false, &display, &window, &picture);
    window.center = 101;
    compare_all(renderer, false, &display, &window, &picture);
    display.slope = 2;
    compare_all(renderer, false, &display, &window, &picture);
    display.inverse = true;
    compare_all(renderer, false, &display, &window, &picture);
    compare_all(renderer, true, &display, &window, &picture);
    display.has_padding = true;
    display.padding_low = display.padding_high = 40;
    compare_all(renderer, true, &display, &window, &picture);
    picture_release(&picture);
    renderer_free(renderer);
}

TEST(test_voi__eight_bit_and_one_bit_frames)
{
    struct renderer *const renderer = new_renderer();
    struct picture picture = {0};
    int8_t samples[256];
    struct frame frame = {.number = 1, .rows = 16, .columns = 16, .samples_per_pixel = 1, .type = SAMPLE_S8,
                          .bits_stored = 8, .is_signed = true, .photometric = PHOTOMETRIC_MONOCHROME2,
                          .samples = samples, .size = 256};
    const struct frame_display display = {.slope = 1};
    const struct voi voi = {VOI_KIND_WINDOW, {0, 256, VOI_LINEAR, ""}, NULL};

    for (int i = 0; i < 256; i++)
        samples[i] = (int8_t)(i - 128);
    CHECK_OK(renderer_draw(renderer, NULL, &frame, &display, &voi, &picture, &err), err);
    for (int i = 0; i < 256; i++)
        CHECK_EQ_INT(picture.data[i], i);
    const uint8_t bits[4] = {0, 1, 1, 0};
    const struct voi mask = {VOI_KIND_WINDOW, {1, 2, VOI_LINEAR, ""}, NULL};
    frame.rows = 1, frame.columns = 4, frame.size = 4, frame.bits_stored = 1, frame.type = SAMPLE_U8;
    frame.samples = bits;
    CHECK_OK(renderer_draw(renderer, NULL, &frame, &display, &mask, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x00\xff\xff\x00", 4);
    picture_release(&picture);
    renderer_free(renderer);
}

TEST(test_voi__floats_are_computed_and_nan_is_black)
{
    struct renderer *const renderer = new_renderer();
    struct picture picture = {0};
    const float samples[6] = {0, 0.5f, 1, NAN, INFINITY, -INFINITY};
    const struct frame frame = {.number = 1, .rows = 1, .columns = 6, .samples_per_pixel = 1,
                                .type = SAMPLE_F32, .bits_stored = 32, .is_signed = true,
                                .photometric = PHOTOMETRIC_MONOCHROME2, .samples = samples, .size = 24};
    const struct frame_display display = {.slope = 1, .inverse = true};
    const struct voi voi = {VOI_KIND_WINDOW, {0.5, 1, VOI_LINEAR_EXACT, ""}, NULL};

    CHECK_OK(renderer_draw(renderer, NULL, &frame, &display, &voi, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\xff\x7f\x00\x00\x00\x00", 6);
    picture_release(&picture);
    renderer_free(renderer);
}

TEST(test_voi__wide_integers_are_computed)
{
    struct renderer *const renderer = new_renderer();
    struct picture picture = {0};
    const uint32_t samples[3] = {0, 2147483648u, 4294967295u};
    const struct frame frame = {.number = 1, .rows = 3, .columns = 1, .samples_per_pixel = 1,
                                .type = SAMPLE_U32, .bits_stored = 32,
                                .photometric = PHOTOMETRIC_MONOCHROME2, .samples = samples, .size = 12};
    const struct frame_display display = {.slope = 1};
    const struct voi voi = {VOI_KIND_WINDOW, {2147483648.0, 4294967296.0, VOI_LINEAR, ""}, NULL};

    CHECK_OK(renderer_draw(renderer, NULL, &frame, &display, &voi, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x00\x80\xff", 3);
    picture_release(&picture);
    renderer_free(renderer);
}

TEST(test_voi__first_valid_window_is_preferred_to_a_lut)
{
    struct window windows[2] = {{40, 0, VOI_LINEAR, ""}, {50, 300, VOI_SIGMOID, "second"}};
    uint16_t values[1] = {0};
    struct lut luts[1] = {{1, 0, 8, values, ""}};
    struct frame_display display = {.slope = 1, .window_count = 2, .windows = windows, .voi_lut_count = 1,
                                    .voi_luts = luts};

    struct voi voi = voi_of_display(&display);
    CHECK_EQ_INT(voi.kind, VOI_KIND_WINDOW);
    CHECK_EQ_STR(voi.window.explanation, "second");
    display.window_count = 1;
    voi = voi_of_display(&display);
    CHECK_EQ_INT(voi.kind, VOI_KIND_LUT);
    CHECK(voi.lut == luts);
    display.voi_lut_count = 0;
    voi = voi_of_display(&display);
    CHECK_EQ_INT(voi.kind, VOI_KIND_NONE);
}

TEST(test_voi__unusable_numbers_are_refused)
{
    const struct window good = {40, 400, VOI_LINEAR, ""};
    struct frame_display display = {.slope = NAN};
    struct voi voi = {VOI_KIND_WINDOW, good, NULL};
    const struct voi_curve curve = {&display, &voi};

    CHECK(!voi_curve_check(&curve, &err));
    CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
    display.slope = 1;
    CHECK_OK(voi_curve_check(&curve, &err), err);
    voi.window.width = 0.5;
    CHECK(!voi_curve_check(&curve, &err));
    voi.kind = VOI_KIND_NONE;
    CHECK(!voi_curve_check(&curve, &err));
    CHECK_EQ_INT(err.kind, ERROR_USAGE);
    const struct lut empty = {.entries = 0};
    voi = (struct voi){.kind = VOI_KIND_LUT, .lut = &empty};
    CHECK(!voi_curve_check(&curve, &err));
}

TEST(test_voi__huge_rescale_does_not_overflow)
{
    uint16_t values[2] = {0, 255};
    const struct lut lut = {2, 0, 8, values, ""};
    const struct frame_display display = {.slope = 1e308, .intercept = -1e308};
    const struct voi window = {VOI_KIND_WINDOW, {1e300, 1.0000001, VOI_LINEAR, ""}, NULL};
    const struct voi sigmoid = {VOI_KIND_WINDOW, {0, 1e-300, VOI_SIGMOID, ""}, NULL};
    const struct voi through = {.kind = VOI_KIND_LUT, .lut = &lut};

    CHECK_EQ_INT(draw_one(&display, &window, 32767), 255);
    CHECK_EQ_INT(draw_one(&display, &window, -32768), 0);
    CHECK_EQ_INT(draw_one(&display, &sigmoid, -32768), 0);
    CHECK_EQ_INT(draw_one(&display, &through, 32767), 255);
    CHECK_EQ_INT(draw_one(&display, &through, -5), 0);
}

TEST(test_voi__frame_of_wrong_size_is_refused)
{
    struct renderer *const renderer = new_renderer();
    struct picture picture = {0};
    const uint8_t sample = 0;
    const struct frame frame = {.number = 1, .rows = 2, .columns = 1, .samples_per_pixel = 1,
                                .type = SAMPLE_U8, .bits_stored = 8, .samples = &sample, .size = 1};
    const struct voi voi = {VOI_KIND_WINDOW, {1, 2, VOI_LINEAR, ""}, NULL};

    CHECK(!renderer_draw(renderer, NULL, &frame, &(struct frame_display){.slope = 1}, &voi, &picture, &err));
    CHECK_HAS(err.text, "expected 2");
    renderer_free(renderer);
}
