#include "dicom/voi.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

bool window_is_valid(const struct window *window)
{
    if (!isfinite(window->center) || !isfinite(window->width))
        return false;
    return window->function == VOI_LINEAR ? window->width >= 1 : window->width > 0;
}

struct voi voi_of_display(const struct frame_display *display)
{
    struct voi voi = {VOI_KIND_NONE, {0}, NULL};

    for (uint32_t i = 0; i < display->window_count; i++) {
        if (window_is_valid(&display->windows[i])) {
            voi.kind = VOI_KIND_WINDOW;
            voi.window = display->windows[i];
            return voi;
        }
    }
    if (display->voi_lut_count > 0) {
        voi.kind = VOI_KIND_LUT;
        voi.lut = &display->voi_luts[0];
    }
    return voi;
}

static bool check_lut(const struct lut *lut, const char *name, struct error *err)
{
    if (lut == NULL || lut->values == NULL || lut->entries == 0 || lut->entries > 65536)
        return error_set(err, ERROR_CORRUPT, "%s has %u entries, expected 1 to 65536", name,
                         lut != NULL ? (unsigned)lut->entries : 0);
    if (lut->bits < 1 || lut->bits > 16)
        return error_set(err, ERROR_CORRUPT, "%s has entries of %u bits, expected 8 to 16", name,
                         (unsigned)lut->bits);
    return true;
}

bool voi_curve_check(const struct voi_curve *curve, struct error *err)
{
    const struct frame_display *const display = curve->display;

    if (display->has_modality_lut) {
        if (!check_lut(&display->modality_lut, "Modality LUT", err))
            return false;
    } else if (!isfinite(display->slope) || !isfinite(display->intercept)) {
        return error_set(err, ERROR_CORRUPT, "rescale is %g, %g, expected finite numbers",
                         display->slope, display->intercept);
    }
    switch (curve->voi->kind) {
    case VOI_KIND_WINDOW:
        if (!window_is_valid(&curve->voi->window))
            return error_set(err, ERROR_CORRUPT, "window is %g, %g, which is no window",
                             curve->voi->window.center, curve->voi->window.width);
        return true;
    case VOI_KIND_LUT:
        return check_lut(curve->voi->lut, "VOI LUT", err);
    case VOI_KIND_NONE:
        break;
    }
    return error_set(err, ERROR_USAGE, "a grey frame needs a window or a VOI LUT");
}

double voi_window_value(const struct window *window, double x)
{
    const double c = window->center, w = window->width;

    switch (window->function) {
    case VOI_LINEAR: /* C.11.2.1.2.1; at w = 1 the first two cases are all there is */
        if (x <= c - 0.5 - (w - 1) / 2)
            return 0;
        if (x > c - 0.5 + (w - 1) / 2)
            return 255;
        return ((x - (c - 0.5)) / (w - 1) + 0.5) * 255;
    case VOI_LINEAR_EXACT: /* C.11.2.1.3.2 */
        if (x <= c - w / 2)
            return 0;
        if (x > c + w / 2)
            return 255;
        return ((x - c) / w + 0.5) * 255;
    case VOI_SIGMOID: /* C.11.2.1.3.1 */
        return 255 / (1 + exp(-4 * (x - c) / w));
    }
    return 0;
}

/* Outside [least, most] the end values (C.11.1.1.1); `x` may be anything but NaN. */
static int64_t round_within(double x, int64_t least, int64_t most)
{
    if (x <= (double)least)
        return least;
    if (x >= (double)most)
        return most;
    const double shifted = x + 0.5;
    const int64_t towards_zero = (int64_t)shifted;
    return towards_zero - (shifted < (double)towards_zero);
}

static uint16_t lut_value(const struct lut *lut, double x)
{
    const int64_t last = (int64_t)lut->first + (int64_t)lut->entries - 1;
    return lut->values[round_within(x, lut->first, last) - lut->first];
}

static uint8_t lut_level(const struct lut *lut, double x)
{
    const uint32_t most = (UINT32_C(1) << lut->bits) - 1;
    const uint32_t value = lut_value(lut, x);
    return (uint8_t)(value >= most ? 255 : (value * 255 + most / 2) / most);
}

static uint8_t window_level(const struct window *window, double x)
{
    const double level = voi_window_value(window, x);
    /* beyond the ends only where a tiny width drowns in a huge center */
    return level >= 255 ? 255 : level <= 0 ? 0 : (uint8_t)(level + 0.5);
}

double voi_modality_value(const struct frame_display *display, double stored)
{
    if (display->has_modality_lut)
        return lut_value(&display->modality_lut, stored);
    return display->slope * stored + display->intercept;
}

uint8_t voi_grey(const struct voi_curve *curve, double stored)
{
    const struct frame_display *const display = curve->display;

    if (!isfinite(stored) ||
        (display->has_padding && stored >= display->padding_low && stored <= display->padding_high))
        return 0;
    const double x = voi_modality_value(display, stored);
    if (isnan(x))
        return 0;
    const uint8_t level = curve->voi->kind == VOI_KIND_LUT ? lut_level(curve->voi->lut, x)
                                                           : window_level(&curve->voi->window, x);
    return display->inverse ? (uint8_t)(255 - level) : level;
}

/* -- tables ----------------------------------------------------------------------------- */

/* A window of a straight line is monotone: where both ends of a run have one level, all of it has. So some
 * thousand evaluations fill 65,536 entries. */
struct line {
    const struct window *window;
    double slope, intercept;
};

static uint8_t line_level(const struct line *line, int32_t v)
{
    return window_level(line->window, line->slope * (double)v + line->intercept);
}

static void fill_run(const struct line *line, int32_t a, uint8_t at_a, int32_t b, uint8_t at_b,
                     uint8_t *zero)
{
    if (at_a == at_b) {
        memset(zero + a, at_a, (size_t)(b - a) + 1);
        return;
    }
    if (b - a == 1) {
        zero[a] = at_a;
        zero[b] = at_b;
        return;
    }
    const int32_t middle = a + (b - a) / 2;
    const uint8_t at_middle = line_level(line, middle);
    fill_run(line, a, at_a, middle, at_middle, zero);
    fill_run(line, middle, at_middle, b, at_b, zero);
}

static void fill_line(const struct line *line, int32_t least, int32_t most, uint8_t *zero)
{
    fill_run(line, least, line_level(line, least), most, line_level(line, most), zero);
}

/* levels[m] for every output m of the Modality LUT. */
static void fill_outputs(const struct voi *voi, uint8_t levels[65536])
{
    if (voi->kind == VOI_KIND_WINDOW) {
        fill_line(&(struct line){&voi->window, 1, 0}, 0, 65535, levels);
        return;
    }
    for (int32_t m = 0; m < 65536; m++)
        levels[m] = lut_level(voi->lut, m);
}

static bool fill_through_lut(const struct voi_curve *curve, int32_t least, int32_t most, uint8_t *zero,
                             struct error *err)
{
    const struct lut *const lut = &curve->display->modality_lut;
    const int64_t last = (int64_t)lut->first + (int64_t)lut->entries - 1;
    uint8_t *const levels = memory_new(65536, err);

    if (levels == NULL)
        return false;
    fill_outputs(curve->voi, levels);
    for (int32_t v = least; v <= most; v++) {
        const int64_t input = v < lut->first ? lut->first : v > last ? last : v;
        zero[v] = levels[lut->values[input - lut->first]];
    }
    memory_free(levels);
    return true;
}

/* Stored values of the padding that lie in [least, most]; false if none. */
static bool padding_run(const struct frame_display *display, int32_t least, int32_t most, int32_t *from,
                        int32_t *to)
{
    if (!display->has_padding || !(display->padding_low <= most) || !(display->padding_high >= least))
        return false;
    *from = display->padding_low <= least ? least : (int32_t)ceil(display->padding_low);
    *to = display->padding_high >= most ? most : (int32_t)floor(display->padding_high);
    return *from <= *to;
}

bool voi_table_fill(const struct voi_curve *curve, int32_t least, int32_t most, uint8_t *zero,
                    struct error *err)
{
    const struct frame_display *const display = curve->display;
    int32_t from, to;

    if (display->has_modality_lut) {
        if (!fill_through_lut(curve, least, most, zero, err))
            return false;
    } else if (curve->voi->kind == VOI_KIND_WINDOW) {
        const struct line line = {&curve->voi->window, display->slope, display->intercept};
        fill_line(&line, least, most, zero);
    } else {
        for (int32_t v = least; v <= most; v++)
            zero[v] = lut_level(curve->voi->lut, voi_modality_value(display, v));
    }
    if (display->inverse)
        for (int32_t v = least; v <= most; v++)
            zero[v] = (uint8_t)(255 - zero[v]);
    if (padding_run(display, least, most, &from, &to))
        memset(zero + from, 0, (size_t)(to - from) + 1);
    return true;
}

/* -- keys ------------------------------------------------------------------------------- */

static bool put_lut(const struct lut *lut, struct buffer *key, struct error *err)
{
    return buffer_put_u32(key, lut->entries, err) && buffer_put_u32(key, (uint32_t)lut->first, err) &&
           buffer_put_u16(key, lut->bits, err) &&
           buffer_append(key, lut->values, (size_t)lut->entries * sizeof lut->values[0], err);
}

static bool put_voi(const struct voi *voi, struct buffer *key, struct error *err)
{
    if (!buffer_put_u8(key, (uint8_t)voi->kind, err))
        return false;
    if (voi->kind == VOI_KIND_LUT)
        return put_lut(voi->lut, key, err);
    return buffer_put_u8(key, (uint8_t)voi->window.function, err) &&
           buffer_put_f64(key, voi->window.center, err) && buffer_put_f64(key, voi->window.width, err);
}

bool voi_key(const struct frame_display *display, const struct voi *voi, struct buffer *key,
             struct error *err)
{
    const uint8_t flags = (uint8_t)((display->has_modality_lut ? 1 : 0) | (display->has_padding ? 2 : 0) |
                                    (voi != NULL && display->inverse ? 4 : 0));

    if (!buffer_put_u8(key, flags, err))
        return false;
    if (display->has_modality_lut ? !put_lut(&display->modality_lut, key, err)
                                  : !(buffer_put_f64(key, display->slope, err) &&
                                      buffer_put_f64(key, display->intercept, err)))
        return false;
    if (display->has_padding && !(buffer_put_f64(key, display->padding_low, err) &&
                                  buffer_put_f64(key, display->padding_high, err)))
        return false;
    return voi == NULL || put_voi(voi, key, err);
}
