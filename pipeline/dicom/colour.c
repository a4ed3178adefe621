#include "dicom/colour.h"

#include <string.h>

#include "base/memory.h"

static uint8_t clamp_byte(int32_t v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
}

/* An unsigned sample of `bits` bits as 8 bits. */
static inline uint8_t to_byte(uint32_t v, unsigned bits)
{
    const uint32_t most = UINT32_MAX >> (32 - bits);

    if (v > most)
        v = most;
    return (uint8_t)(bits >= 8 ? v >> (bits - 8) : (v * 255 + most / 2) / most);
}

/* -- palettes ---------------------------------------------------------------------------- */

static int32_t lut_last(const struct lut *lut)
{
    return lut->first + (int32_t)lut->entries - 1;
}

static uint8_t palette_byte(const struct lut *lut, int32_t index)
{
    const int32_t last = lut_last(lut);
    const int32_t inside = index < lut->first ? lut->first : index > last ? last : index;
    return to_byte(lut->values[inside - lut->first], lut->bits);
}

/* The three tables as one of RGB triples over the indices where any of them changes. */
struct triples {
    int32_t first, last;
    uint8_t *rgb; /* owned */
};

static bool triples_make(const struct palette *palette, struct triples *triples, struct error *err)
{
    const struct lut *const luts[3] = {&palette->red, &palette->green, &palette->blue};

    for (int c = 0; c < 3; c++) {
        if (luts[c]->values == NULL || luts[c]->entries == 0 || luts[c]->entries > 65536 ||
            luts[c]->first < -65536 || luts[c]->first > 65535 || luts[c]->bits < 8 || luts[c]->bits > 16)
            return error_set(err, ERROR_CORRUPT, "palette has %u entries of %u bits from %d",
                             (unsigned)luts[c]->entries, (unsigned)luts[c]->bits, (int)luts[c]->first);
        if (c == 0 || luts[c]->first < triples->first)
            triples->first = luts[c]->first;
        if (c == 0 || lut_last(luts[c]) > triples->last)
            triples->last = lut_last(luts[c]);
    }
    const size_t count = (size_t)(triples->last - triples->first) + 1;
    triples->rgb = memory_array(count, 3, err);
    if (triples->rgb == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++)
            triples->rgb[3 * i + c] = palette_byte(luts[c], triples->first + (int32_t)i);
    return true;
}

static inline void put_triple(const struct triples *triples, int32_t index, uint8_t *to)
{
    const int32_t inside =
        index < triples->first ? triples->first : index > triples->last ? triples->last : index;
    const uint8_t *const rgb = triples->rgb + 3 * (size_t)(inside - triples->first);

    to[0] = rgb[0];
    to[1] = rgb[1];
    to[2] = rgb[2];
}

#define PUT_TRIPLES(type) \
    do { \
        const type *const indices = frame->samples; \
        for (size_t i = 0; i < count; i++) \
            put_triple(&triples, indices[i], to + 3 * i); \
    } while (0)

static bool draw_palette(const struct image *image, const struct frame *frame, struct picture *picture,
                         struct error *err)
{
    const size_t count = (size_t)frame->rows * frame->columns;
    uint8_t *const to = picture->data;
    struct triples triples = {0, 0, NULL};

    if (!image->has_palette)
        return error_set(err, ERROR_CORRUPT, "PALETTE COLOR without a palette");
    if (!triples_make(&image->palette, &triples, err))
        return false;
    bool ok = true;
    switch (frame->type) {
    case SAMPLE_U8:
        PUT_TRIPLES(uint8_t);
        break;
    case SAMPLE_S8:
        PUT_TRIPLES(int8_t);
        break;
    case SAMPLE_U16:
        PUT_TRIPLES(uint16_t);
        break;
    case SAMPLE_S16:
        PUT_TRIPLES(int16_t);
        break;
    default:
        ok = error_set(err, ERROR_UNSUPPORTED, "palette indices of more than 16 bits");
    }
    memory_free(triples.rgb);
    return ok;
}

#define SUPPLEMENT(type) \
    do { \
        const type *const values = frame->samples; \
        for (size_t i = 0; i < count; i++) \
            if (values[i] >= triples.first) \
                put_triple(&triples, values[i], to + 3 * i); \
            else \
                to[3 * i] = to[3 * i + 1] = to[3 * i + 2] = grey.data[i]; \
    } while (0)

bool colour_supplement(const struct image *image, const struct frame *frame, struct picture *picture,
                       struct error *err)
{
    const size_t count = (size_t)frame->rows * frame->columns;
    struct triples triples = {0, 0, NULL};
    struct picture grey = *picture;

    *picture = (struct picture){0};
    bool ok = triples_make(&image->palette, &triples, err) &&
              picture_resize(picture, frame->rows, frame->columns, 3, err);
    uint8_t *const to = picture->data;
    if (ok)
        switch (frame->type) {
        case SAMPLE_U8:
            SUPPLEMENT(uint8_t);
            break;
        case SAMPLE_S8:
            SUPPLEMENT(int8_t);
            break;
        case SAMPLE_U16:
            SUPPLEMENT(uint16_t);
            break;
        case SAMPLE_S16:
            SUPPLEMENT(int16_t);
            break;
        default:
            ok = error_set(err, ERROR_UNSUPPORTED, "supplemental palette of more than 16 bits");
        }
    memory_free(triples.rgb);
    picture_release(&grey);
    return ok;
}

/* -- RGB --------------------------------------------------------------------------------- */

#define PUT_BYTES(type) \
    do { \
        const type *const from = frame->samples; \
        for (size_t i = 0; i < count; i++) \
            to[i] = to_byte(from[i], bits); \
    } while (0)

static void draw_rgb(const struct frame *frame, uint8_t *to)
{
    const size_t count = (size_t)frame->rows * frame->columns * 3;
    const unsigned bits = frame->bits_stored;

    if (frame->type == SAMPLE_U32)
        PUT_BYTES(uint32_t);
    else if (frame->type == SAMPLE_U16)
        PUT_BYTES(uint16_t);
    else if (bits == 8)
        memcpy(to, frame->samples, count);
    else
        PUT_BYTES(uint8_t);
}

/* -- YBR --------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t round_div(int64_t a, int64_t b) /* half up; b even */
{
    return floor_div(a + b / 2, b);
}

/* What blue and red difference add, for full-range 8 bits:
 *     R = Y + 1.402 Cr'    B = Y + 1.772 Cb'    G = Y - (0.114 * 1.772 Cb' + 0.299 * 1.402 Cr') / 0.587
 * G's fraction is (101004 Cb' + 209599 Cr') / 293500 exactly; it is kept positive by G_BIAS. */
enum { G_OVER = 293500, G_BIAS = 256 };

struct ybr_tables {
    int16_t red[256], blue[256];
    uint32_t green_cb[256], green_cr[256];
};

static void ybr_tables_make(struct ybr_tables *t)
{
    for (int32_t i = 0; i < 256; i++) {
        const int32_t d = i - 128;
        t->red[i] = (int16_t)round_div(701 * d, 500);
        t->blue[i] = (int16_t)round_div(443 * d, 250);
        t->green_cb[i] = (uint32_t)(G_BIAS / 2 * G_OVER - 101004 * d + G_OVER / 2);
        t->green_cr[i] = (uint32_t)(G_BIAS / 2 * G_OVER - 209599 * d);
    }
}

static void draw_full_8(const uint8_t *from, size_t count, uint8_t *to)
{
    struct ybr_tables t;

    ybr_tables_make(&t);
    for (size_t i = 0; i < count; i++, from += 3, to += 3) {
        const int32_t y = from[0];
        const uint32_t green = (t.green_cb[from[1]] + t.green_cr[from[2]]) / G_OVER;
        to[0] = clamp_byte(y + t.red[from[2]]);
        to[1] = clamp_byte(y + (int32_t)green - G_BIAS);
        to[2] = clamp_byte(y + t.blue[from[1]]);
    }
}

static uint8_t clamp_shift(int64_t v, unsigned bits)
{
    const int64_t most = (INT64_C(1) << bits) - 1;
    return (uint8_t)((v < 0 ? 0 : v > most ? most : v) >> (bits - 8));
}

static void draw_full_16(const uint16_t *from, size_t count, unsigned bits, uint8_t *to)
{
    const int64_t half = INT64_C(1) << (bits - 1);

    for (size_t i = 0; i < count; i++, from += 3, to += 3) {
        const int64_t y = from[0], cb = from[1] - half, cr = from[2] - half;
        to[0] = clamp_shift(y + round_div(701 * cr, 500), bits);
        to[1] = clamp_shift(y + round_div(-101004 * cb - 209599 * cr, G_OVER), bits);
        to[2] = clamp_shift(y + round_div(443 * cb, 250), bits);
    }
}

/* ITU-R BT.601 with head and foot room: Y 16..235, Cb and Cr 16..240. The same equations, with Y' x 255/219 and
 * differences x 255/224, over the common denominators. */
static void partial(int64_t y, int64_t cb, int64_t cr, int64_t rgb[3])
{
    rgb[0] = round_div(1904000 * y + 2609823 * cr, 1635200);
    rgb[1] = round_div(1117648000 * y - 73 * (5151204 * cb + 10689549 * cr), 959862400);
    rgb[2] = round_div(1904000 * y + 3298578 * cb, 1635200);
}

static void draw_partial_8(const uint8_t *from, size_t count, uint8_t *to)
{
    int64_t rgb[3];

    for (size_t i = 0; i < count; i++, from += 3, to += 3) {
        partial(from[0] - 16, from[1] - 128, from[2] - 128, rgb);
        for (int c = 0; c < 3; c++)
            to[c] = clamp_byte((int32_t)rgb[c]);
    }
}

/* More bits have as many more steps between the same black and white. */
static void draw_partial_16(const uint16_t *from, size_t count, unsigned bits, uint8_t *to)
{
    const int64_t black = INT64_C(16) << (bits - 8), half = INT64_C(128) << (bits - 8);
    int64_t rgb[3];

    for (size_t i = 0; i < count; i++, from += 3, to += 3) {
        partial(from[0] - black, from[1] - half, from[2] - half, rgb);
        for (int c = 0; c < 3; c++)
            to[c] = clamp_shift(rgb[c], bits);
    }
}

static bool draw_ybr(const struct frame *frame, bool is_partial, struct picture *picture, struct error *err)
{
    const size_t count = (size_t)frame->rows * frame->columns;

    if (frame->bits_stored < 8 || frame->type == SAMPLE_U32)
        return error_set(err, ERROR_UNSUPPORTED, "%s of %u bits in samples of %zu bytes",
                         photometric_word(frame->photometric), (unsigned)frame->bits_stored,
                         sample_size(frame->type));
    if (frame->type == SAMPLE_U16)
        (is_partial ? draw_partial_16 : draw_full_16)(frame->samples, count, frame->bits_stored, picture->data);
    else
        (is_partial ? draw_partial_8 : draw_full_8)(frame->samples, count, picture->data);
    return true;
}

/* -- HSV, ARGB, CMYK (PS3.3-2000 C.7.6.3.1.2; nobody's usual images: short before fast) --- */

static uint32_t most_of(const struct frame *frame)
{
    return UINT32_MAX >> (32 - frame->bits_stored);
}

static uint32_t sample_at(const struct frame *frame, size_t i)
{
    const uint32_t most = most_of(frame);
    const uint32_t v = frame->type == SAMPLE_U8    ? ((const uint8_t *)frame->samples)[i]
                       : frame->type == SAMPLE_U16 ? ((const uint16_t *)frame->samples)[i]
                                                   : ((const uint32_t *)frame->samples)[i];
    return v < most ? v : most;
}

/* "The minimum sample value represents a minimum value of each vector": hue begins with red at 0 and goes round in
 * 2^bits steps, so that the last value is not red again. The usual hexcone (Smith, 1978), exact in 64 bits to 16 bits;
 * more are cut to 16 first. */
static void draw_hsv(const struct frame *frame, uint8_t *to)
{
    enum { V, Q, P, T };
    static const uint8_t places[6][3] = {{V, T, P}, {Q, V, P}, {P, V, T}, {P, Q, V}, {T, P, V}, {V, P, Q}};
    const size_t count = (size_t)frame->rows * frame->columns;
    const unsigned cut = frame->bits_stored > 16 ? frame->bits_stored - 16u : 0, bits = frame->bits_stored - cut;
    const uint64_t most = most_of(frame) >> cut, size = most + 1, whole = most * size;

    for (size_t i = 0; i < 3 * count; i += 3, to += 3) {
        const uint64_t turn = (uint64_t)(sample_at(frame, i) >> cut) * 6, part = turn & most;
        const uint64_t s = sample_at(frame, i + 1) >> cut, v = sample_at(frame, i + 2) >> cut;
        const uint64_t found[4] = {
            [V] = v,
            [Q] = (v * (whole - s * part) + whole / 2) / whole,
            [P] = (v * (most - s) + most / 2) / most,
            [T] = (v * (whole - s * (size - part)) + whole / 2) / whole,
        };
        for (int c = 0; c < 3; c++)
            to[c] = to_byte((uint32_t)found[places[turn >> bits][c]], bits);
    }
}

/* "The minimum sample value represents a minimum intensity": no ink. Black ink takes from all three; what is below
 * nothing is black (dcmtk lets it wrap around to white). */
static void draw_cmyk(const struct frame *frame, uint8_t *to)
{
    const size_t count = (size_t)frame->rows * frame->columns;
    const uint32_t most = most_of(frame);

    for (size_t i = 0; i < 4 * count; i += 4)
        for (size_t c = 0; c < 3; c++) {
            const uint64_t ink = (uint64_t)sample_at(frame, i + c) + sample_at(frame, i + 3);
            *to++ = to_byte(ink < most ? most - (uint32_t)ink : 0, frame->bits_stored);
        }
}

/* "If the alpha pixel value is greater than 0, the red, green, and blue lookup table values override the pixel plane
 * colors." Entries and samples have a width of their own each (dcmtk takes the wider one for both: dark planes beside
 * entries of 16 bits). */
static bool draw_argb(const struct image *image, const struct frame *frame, uint8_t *to, struct error *err)
{
    const size_t count = (size_t)frame->rows * frame->columns;
    struct triples triples = {0, 0, NULL};

    if (image == NULL || !image->has_palette)
        return error_set(err, ERROR_CORRUPT, "ARGB without a palette");
    if (!triples_make(&image->palette, &triples, err))
        return false;
    for (size_t i = 0; i < 4 * count; i += 4, to += 3) {
        const uint32_t alpha = sample_at(frame, i);
        if (alpha > 0)
            put_triple(&triples, alpha < INT32_MAX ? (int32_t)alpha : INT32_MAX, to);
        else
            for (size_t c = 0; c < 3; c++)
                to[c] = to_byte(sample_at(frame, i + 1 + c), frame->bits_stored);
    }
    memory_free(triples.rgb);
    return true;
}

/* ---------------------------------------------------------------------------------------- */

static bool check_samples(const struct frame *frame, struct error *err)
{
    const unsigned most = 8 * (unsigned)sample_size(frame->type);
    const bool has_four = frame->photometric == PHOTOMETRIC_ARGB || frame->photometric == PHOTOMETRIC_CMYK;

    if (frame->samples_per_pixel != (has_four ? 4 : 3))
        return error_set(err, ERROR_UNSUPPORTED, "%s with %u samples, expected %d",
                         photometric_word(frame->photometric), (unsigned)frame->samples_per_pixel, has_four ? 4 : 3);
    if ((frame->type != SAMPLE_U8 && frame->type != SAMPLE_U16 && frame->type != SAMPLE_U32) ||
        frame->is_signed)
        return error_set(err, ERROR_UNSUPPORTED, "colour samples are signed or floats, expected unsigned");
    if (frame->bits_stored < 1 || frame->bits_stored > most)
        return error_set(err, ERROR_CORRUPT, "colour samples of %u bits in %u",
                         (unsigned)frame->bits_stored, most);
    return true;
}

bool colour_draw(const struct image *image, const struct frame *frame, struct picture *picture,
                 struct error *err)
{
    if (!picture_resize(picture, frame->rows, frame->columns, 3, err))
        return false;
    if (frame->photometric == PHOTOMETRIC_PALETTE_COLOR) {
        if (frame->samples_per_pixel != 1)
            return error_set(err, ERROR_CORRUPT, "PALETTE COLOR with %u samples, expected 1",
                             (unsigned)frame->samples_per_pixel);
        return draw_palette(image, frame, picture, err);
    }
    if (!check_samples(frame, err))
        return false;
    switch (frame->photometric) {
    case PHOTOMETRIC_RGB:
        draw_rgb(frame, picture->data);
        return true;
    case PHOTOMETRIC_YBR_FULL:
    case PHOTOMETRIC_YBR_FULL_422: /* upsampled by the decoder */
        return draw_ybr(frame, false, picture, err);
    case PHOTOMETRIC_YBR_PARTIAL_420:
    case PHOTOMETRIC_YBR_PARTIAL_422:
        return draw_ybr(frame, true, picture, err);
    case PHOTOMETRIC_HSV:
        draw_hsv(frame, picture->data);
        return true;
    case PHOTOMETRIC_ARGB:
        return draw_argb(image, frame, picture->data, err);
    case PHOTOMETRIC_CMYK:
        draw_cmyk(frame, picture->data);
        return true;
    default: /* ICT and RCT are RGB once decoded (frame.h); a frame that says otherwise was not */
        return error_set(err, ERROR_UNSUPPORTED, "photometric interpretation %s",
                         photometric_word(frame->photometric));
    }
}
