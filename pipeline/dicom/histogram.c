#include "dicom/histogram.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clones.h"
#include "base/memory.h"
#include "dicom/voi.h"

/* Numbers beyond this are no measurement in any unit; below it sums and differences stay finite. */
static const double most_magnitude = 1e100;

/* -- a sample of values ---------------------------------------------------------------------
 * Floats, 32-bit integers and frames whose rescaling differs have no table of values. Of them at most
 * SAMPLE_COUNT are kept: value number i when frac(i * golden ratio) is below a threshold that halves when the
 * sample is full. That is even over rows and columns of any size, and the same every time. */

enum { SAMPLE_COUNT = 65536 };

struct sample_value {
    double value;
    uint64_t place;
};

struct sample {
    struct sample_value *values; /* owned, SAMPLE_COUNT of them once there is one */
    size_t count;
    uint64_t seen, threshold; /* 0: every value */
    double least, most;       /* of all seen */
};

static void sample_thin(struct sample *sample)
{
    size_t kept = 0;

    sample->threshold = sample->threshold == 0 ? UINT64_C(1) << 63 : sample->threshold / 2;
    for (size_t i = 0; i < sample->count; i++)
        if (sample->values[i].place < sample->threshold)
            sample->values[kept++] = sample->values[i];
    sample->count = kept;
}

static bool sample_add(struct sample *sample, double x, uint64_t times, struct error *err)
{
    if (!(fabs(x) <= most_magnitude) || times == 0)
        return true;
    if (sample->values == NULL) {
        sample->values = memory_array(SAMPLE_COUNT, sizeof sample->values[0], err);
        if (sample->values == NULL)
            return false;
        sample->least = sample->most = x;
    }
    sample->least = x < sample->least ? x : sample->least;
    sample->most = x > sample->most ? x : sample->most;
    for (; times > 0; times--) {
        const uint64_t place = sample->seen++ * UINT64_C(0x9E3779B97F4A7C15);
        if (sample->threshold != 0 && place >= sample->threshold)
            continue;
        while (sample->count == SAMPLE_COUNT)
            sample_thin(sample);
        if (sample->threshold == 0 || place < sample->threshold)
            sample->values[sample->count++] = (struct sample_value){x, place};
    }
    return true;
}

/* -- the builder ---------------------------------------------------------------------------- */

enum { VALUES = 65536, LANES = 4 };

/* Stored values of up to 16 bits are counted one by one in `counts`, by value - base; the values of a Modality
 * LUT likewise by its output, with slope 1 and intercept 0. A frame is first counted in `lanes`, four counters
 * a value for neighbouring pixels, so that a run of equal pixels does not wait for one counter. */
struct histogram_builder {
    uint32_t *lanes;  /* owned, VALUES * LANES, all 0 between frames */
    uint64_t *counts; /* owned, VALUES */
    bool has_line, is_sampled;
    double slope, intercept;
    int32_t base;
    uint32_t least, most; /* indices with a count; least > most: none */
    struct sample sample;
};

void histogram_builder_clear(struct histogram_builder *builder)
{
    if (builder->counts != NULL && builder->least <= builder->most)
        memset(builder->counts + builder->least, 0,
               ((size_t)builder->most - builder->least + 1) * sizeof builder->counts[0]);
    builder->least = VALUES;
    builder->most = 0;
    builder->has_line = builder->is_sampled = false;
    builder->sample.count = 0;
    builder->sample.seen = builder->sample.threshold = 0;
    memory_free(builder->sample.values);
    builder->sample.values = NULL;
}

bool histogram_builder_new(struct histogram_builder **builder, struct error *err)
{
    *builder = memory_zeroed(sizeof **builder, err);
    if (*builder == NULL)
        return false;
    histogram_builder_clear(*builder);
    return true;
}

void histogram_builder_free(struct histogram_builder *builder)
{
    if (builder == NULL)
        return;
    memory_free(builder->lanes);
    memory_free(builder->counts);
    memory_free(builder->sample.values);
    memory_free(builder);
}

static bool ready_tables(struct histogram_builder *builder, struct error *err)
{
    if (builder->lanes == NULL)
        builder->lanes = memory_array((size_t)VALUES * LANES, sizeof builder->lanes[0], err);
    if (builder->lanes != NULL && builder->counts == NULL)
        builder->counts = memory_array(VALUES, sizeof builder->counts[0], err);
    return builder->lanes != NULL && builder->counts != NULL;
}

/* Counts a frame in lanes[(v - base) * LANES ...] and gives the extremes of v - base. The extremes come first: a
 * pass in the vector unit, after which only the part of the table in use is folded. A RUN of one value is counted at
 * once: half of a head is the air around it. */
enum { BLOCK = 32, RUN = 16 };

#define COUNT_FRAME(name, type, base) \
    VECTOR_CLONES static void name(const type *from, size_t count, uint32_t *lanes, \
                                   uint32_t *least, uint32_t *most) \
    { \
        type low[BLOCK], high[BLOCK]; \
        size_t i = 0; \
        for (size_t k = 0; k < BLOCK; k++) \
            low[k] = high[k] = from[0]; \
        for (; i + BLOCK <= count; i += BLOCK) \
            for (size_t k = 0; k < BLOCK; k++) { \
                low[k] = from[i + k] < low[k] ? from[i + k] : low[k]; \
                high[k] = from[i + k] > high[k] ? from[i + k] : high[k]; \
            } \
        for (; i < count; i++) { \
            low[0] = from[i] < low[0] ? from[i] : low[0]; \
            high[0] = from[i] > high[0] ? from[i] : high[0]; \
        } \
        for (size_t k = 1; k < BLOCK; k++) { \
            low[0] = low[k] < low[0] ? low[k] : low[0]; \
            high[0] = high[k] > high[0] ? high[k] : high[0]; \
        } \
        *least = (uint32_t)((int32_t)low[0] - (base)); \
        *most = (uint32_t)((int32_t)high[0] - (base)); \
        for (i = 0; i + RUN <= count; i += RUN) { \
            type differs = 0; \
            for (size_t k = 0; k < RUN; k++) \
                differs |= from[i + k] ^ from[i]; \
            if (differs == 0) { \
                lanes[(uint32_t)((int32_t)from[i] - (base)) * LANES] += RUN; \
                continue; \
            } \
            for (size_t k = 0; k < RUN; k++) \
                lanes[(uint32_t)((int32_t)from[i + k] - (base)) * LANES + k % LANES]++; \
        } \
        for (; i < count; i++) \
            lanes[(uint32_t)((int32_t)from[i] - (base)) * LANES]++; \
    }

COUNT_FRAME(count_u8, uint8_t, 0)
COUNT_FRAME(count_s8, int8_t, -32768)
COUNT_FRAME(count_u16, uint16_t, 0)
COUNT_FRAME(count_s16, int16_t, -32768)

static int32_t count_frame(const struct frame *frame, size_t count, uint32_t *lanes, uint32_t *least,
                           uint32_t *most)
{
    switch (frame->type) {
    case SAMPLE_U8:
        count_u8(frame->samples, count, lanes, least, most);
        return 0;
    case SAMPLE_S8:
        count_s8(frame->samples, count, lanes, least, most);
        return -32768;
    case SAMPLE_U16:
        count_u16(frame->samples, count, lanes, least, most);
        return 0;
    default:
        count_s16(frame->samples, count, lanes, least, most);
        return -32768;
    }
}

/* What was counted so far becomes a sample: a frame with another rescaling has come. */
static bool start_sample(struct histogram_builder *builder, struct error *err)
{
    if (builder->is_sampled)
        return true;
    builder->is_sampled = true;
    for (uint32_t i = builder->least; i <= builder->most; i++) {
        const double x = builder->slope * ((double)i + builder->base) + builder->intercept;
        if (!sample_add(&builder->sample, x, builder->counts[i], err))
            return false;
        builder->counts[i] = 0;
    }
    builder->least = VALUES;
    builder->most = 0;
    return true;
}

static bool join_line(struct histogram_builder *builder, double slope, double intercept, int32_t base,
                      struct error *err)
{
    if (builder->has_line && (builder->slope != slope || builder->intercept != intercept ||
                              builder->base != base))
        return start_sample(builder, err);
    builder->has_line = true;
    builder->slope = slope;
    builder->intercept = intercept;
    builder->base = base;
    return true;
}

static bool is_padding(const struct frame_display *display, double stored)
{
    return display->has_padding && stored >= display->padding_low && stored <= display->padding_high;
}

static void add_count(struct histogram_builder *builder, uint32_t i, uint64_t times)
{
    builder->counts[i] += times;
    builder->least = i < builder->least ? i : builder->least;
    builder->most = i > builder->most ? i : builder->most;
}

/* Empties lanes[least..most]; on failure too. */
static bool fold_lanes(struct histogram_builder *builder, const struct frame_display *display,
                       int32_t base, uint32_t least, uint32_t most, struct error *err)
{
    bool ok = true;

    for (uint32_t i = least; i <= most; i++) {
        uint32_t *const lane = builder->lanes + (size_t)i * LANES;
        const uint64_t times = (uint64_t)lane[0] + lane[1] + lane[2] + lane[3];
        const double stored = (double)i + base;
        memset(lane, 0, LANES * sizeof lane[0]);
        if (times == 0 || !ok || is_padding(display, stored))
            continue;
        if (builder->is_sampled)
            ok = sample_add(&builder->sample, voi_modality_value(display, stored), times, err);
        else if (display->has_modality_lut)
            add_count(builder, (uint32_t)voi_modality_value(display, stored), times);
        else
            add_count(builder, i, times);
    }
    return ok;
}

static bool add_small(struct histogram_builder *builder, const struct frame *frame,
                      const struct frame_display *display, size_t count, struct error *err)
{
    uint32_t least, most;

    if (!ready_tables(builder, err))
        return false;
    const int32_t base = count_frame(frame, count, builder->lanes, &least, &most);
    struct error unused;
    const bool joined = display->has_modality_lut
                            ? join_line(builder, 1, 0, 0, err)
                            : join_line(builder, display->slope, display->intercept, base, err);
    return fold_lanes(builder, display, base, least, most, joined ? err : &unused) && joined;
}

#define SAMPLE_FRAME(type) \
    do { \
        const type *const from = frame->samples; \
        for (size_t i = 0; ok && i < count; i++) \
            if (!is_padding(display, (double)from[i])) \
                ok = isfinite((double)from[i]) ? sample_add(&builder->sample, \
                    voi_modality_value(display, (double)from[i]), 1, err) : true; \
    } while (0)

static bool add_wide(struct histogram_builder *builder, const struct frame *frame,
                     const struct frame_display *display, size_t count, struct error *err)
{
    bool ok = start_sample(builder, err);

    switch (frame->type) {
    case SAMPLE_U32:
        SAMPLE_FRAME(uint32_t);
        break;
    case SAMPLE_S32:
        SAMPLE_FRAME(int32_t);
        break;
    case SAMPLE_F32:
        SAMPLE_FRAME(float);
        break;
    default:
        SAMPLE_FRAME(double);
    }
    return ok;
}

bool histogram_builder_add(struct histogram_builder *builder, const struct frame *frame,
                           const struct frame_display *display, struct error *err)
{
    const size_t count = (size_t)frame->rows * frame->columns;

    if (frame->samples_per_pixel != 1 || count == 0 || frame->size != count * sample_size(frame->type))
        return error_set(err, ERROR_CORRUPT, "frame has %zu bytes, expected %zu grey values", frame->size,
                         count);
    if (!display->has_modality_lut &&
        (!(fabs(display->slope) <= most_magnitude) || !(fabs(display->intercept) <= most_magnitude)))
        return error_set(err, ERROR_CORRUPT, "rescale is %g, %g, which is no measurement", display->slope,
                         display->intercept);
    if (frame->type <= SAMPLE_S16)
        return add_small(builder, frame, display, count, err);
    return add_wide(builder, frame, display, count, err);
}

/* -- the end of it -------------------------------------------------------------------------- */

static bool make_bins(struct histogram *histogram, uint32_t bins, struct error *err)
{
    histogram->bins = bins;
    histogram->counts = memory_array(bins, sizeof histogram->counts[0], err);
    return histogram->counts != NULL;
}

static void add_to_bin(struct histogram *histogram, uint32_t bin, uint64_t times)
{
    histogram->counts[bin] += times;
    histogram->total += times;
}

/* Bins of 2^shift stored values, cut at multiples of that, so that bins of slices fit each other. */
static bool end_counts(const struct histogram_builder *builder, struct histogram *histogram,
                       struct error *err)
{
    const double slope = builder->slope, intercept = builder->intercept;
    const double at_least = slope * ((double)builder->least + builder->base) + intercept;
    const double at_most = slope * ((double)builder->most + builder->base) + intercept;
    const bool is_falling = slope < 0;
    unsigned shift = 0;

    while ((builder->most >> shift) - (builder->least >> shift) >= HISTOGRAM_BINS)
        shift++;
    const uint32_t first = builder->least >> shift, bins = (builder->most >> shift) - first + 1;
    if (!make_bins(histogram, bins, err))
        return false;
    for (uint32_t i = builder->least; i <= builder->most; i++) {
        const uint32_t bin = (i >> shift) - first;
        add_to_bin(histogram, is_falling ? bins - 1 - bin : bin, builder->counts[i]);
    }
    const uint32_t lowest = is_falling ? ((first + bins) << shift) - 1 : first << shift;
    histogram->first = slope * ((double)lowest + builder->base) + intercept;
    histogram->step = slope == 0 ? 1 : fabs(slope) * (double)(1u << shift);
    histogram->least = is_falling ? at_most : at_least;
    histogram->most = is_falling ? at_least : at_most;
    return true;
}

static int compare_values(const void *a, const void *b)
{
    const double x = ((const struct sample_value *)a)->value, y = ((const struct sample_value *)b)->value;
    return (x > y) - (x < y);
}

/* The grid spans all but one value in a thousand at either end, and half as much again: a few wild values
 * (a failed fit in a parametric map) must not take all the resolution. They count in the end bins. */
static void sample_range(struct sample *sample, double *low, double *high)
{
    const size_t n = sample->count;

    qsort(sample->values, n, sizeof sample->values[0], compare_values);
    const double from = sample->values[n / 1000].value, to = sample->values[n - 1 - n / 1000].value;
    const double margin = (to - from) / 2;
    *low = sample->least;
    *high = sample->most;
    if (margin > 0 && from - margin > *low)
        *low = from - margin;
    if (margin > 0 && to + margin < *high)
        *high = to + margin;
}

static bool end_sample(struct histogram_builder *builder, struct histogram *histogram, struct error *err)
{
    struct sample *const sample = &builder->sample;
    const uint64_t weight = (sample->seen + sample->count / 2) / sample->count;
    double low, high;

    sample_range(sample, &low, &high);
    const double step = (high - low) / HISTOGRAM_BINS;
    const bool is_flat = !(step > 0) || !isfinite(1 / step);
    if (!make_bins(histogram, is_flat ? 1 : HISTOGRAM_BINS, err))
        return false;
    for (size_t i = 0; i < sample->count; i++) {
        const double place = is_flat ? 0 : (sample->values[i].value - low) / step;
        add_to_bin(histogram,
                   place <= 0 ? 0 : place >= histogram->bins ? histogram->bins - 1 : (uint32_t)place, weight);
    }
    histogram->first = low;
    histogram->step = is_flat ? 1 : step;
    histogram->least = sample->least;
    histogram->most = sample->most;
    return true;
}

bool histogram_builder_end(struct histogram_builder *builder, struct histogram *histogram, struct error *err)
{
    bool ok = true;

    *histogram = (struct histogram){.step = 1, .most = -1};
    if (builder->sample.count > 0)
        ok = end_sample(builder, histogram, err);
    else if (builder->least <= builder->most)
        ok = end_counts(builder, histogram, err);
    histogram_builder_clear(builder);
    return ok;
}

void histogram_release(struct histogram *histogram)
{
    memory_free(histogram->counts);
    *histogram = (struct histogram){.step = 1, .most = -1};
}

/* -- on disk ----------------------------------------------------------------------------------
 * u8 version, u64 total, f64 first, step, least, most, u32 bins; then the counts in base 128, low
 * digits first, the top bit set on all but the last; after a zero the number of further zeros. */

enum { HISTOGRAM_VERSION = 1 };

static bool put_number(struct buffer *out, uint64_t v, struct error *err)
{
    for (; v >= 128; v >>= 7)
        if (!buffer_put_u8(out, (uint8_t)(v | 128), err))
            return false;
    return buffer_put_u8(out, (uint8_t)v, err);
}

bool histogram_write(const struct histogram *histogram, struct buffer *out, struct error *err)
{
    bool ok = buffer_put_u8(out, HISTOGRAM_VERSION, err) && buffer_put_u64(out, histogram->total, err) &&
              buffer_put_f64(out, histogram->first, err) && buffer_put_f64(out, histogram->step, err) &&
              buffer_put_f64(out, histogram->least, err) && buffer_put_f64(out, histogram->most, err) &&
              buffer_put_u32(out, histogram->bins, err);

    for (uint32_t i = 0; ok && i < histogram->bins; i++) {
        ok = put_number(out, histogram->counts[i], err);
        if (ok && histogram->counts[i] == 0) {
            uint32_t zeros = 0;
            while (i + 1 < histogram->bins && histogram->counts[i + 1] == 0) {
                zeros++;
                i++;
            }
            ok = put_number(out, zeros, err);
        }
    }
    return ok;
}

static uint64_t read_number(struct reader *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 63; shift += 7) {
        const uint8_t digit = reader_u8(r);
        v |= (uint64_t)(digit & 127) << shift;
        if (digit < 128)
            return v;
    }
    r->failed = true;
    return 0;
}

/* Their sum; the reader fails unless they fill the bins exactly and add up below 2^63. */
static uint64_t read_counts(struct reader *r, struct histogram *histogram)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < histogram->bins && !r->failed; i++) {
        const uint64_t count = read_number(r);
        const uint64_t zeros = count == 0 ? read_number(r) : 0;
        if (zeros >= histogram->bins - i || count > INT64_MAX - total) {
            r->failed = true;
            return 0;
        }
        histogram->counts[i] = count;
        total += count;
        i += (uint32_t)zeros;
    }
    return total;
}

static bool is_sound(const struct histogram *h)
{
    if (h->total == 0)
        return h->bins == 0;
    return h->bins >= 1 && h->bins <= HISTOGRAM_BINS && fabs(h->first) <= 1e300 && h->step > 0 &&
           h->step <= 1e300 && fabs(h->least) <= 1e300 && fabs(h->most) <= 1e300 && h->least <= h->most;
}

bool histogram_parse(const void *data, size_t size, struct histogram *histogram, struct error *err)
{
    struct reader r = reader_over(data, size);
    const uint8_t version = reader_u8(&r);
    struct histogram h = {.total = reader_u64(&r)};

    h.first = reader_f64(&r);
    h.step = reader_f64(&r);
    h.least = reader_f64(&r);
    h.most = reader_f64(&r);
    const uint32_t bins = reader_u32(&r);
    h.bins = bins;
    if (r.failed || version != HISTOGRAM_VERSION || !is_sound(&h))
        return error_set(err, ERROR_CORRUPT, "a histogram of %zu bytes has a wrong header", size);
    if (!make_bins(&h, bins, err))
        return false;
    const uint64_t total = read_counts(&r, &h);
    if (!reader_done(&r) || total != h.total) {
        memory_free(h.counts);
        return error_set(err, ERROR_CORRUPT, "a histogram has counts of %llu, expected %llu",
                         (unsigned long long)total, (unsigned long long)h.total);
    }
    *histogram = h;
    return true;
}
