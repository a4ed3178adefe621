#include "volume_voxels.h"

#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "dicom/image.h"

/* type, C type */
#define INTEGER_TYPES(M) \
    M(SAMPLE_U8, uint8_t) \
    M(SAMPLE_S8, int8_t) \
    M(SAMPLE_U16, uint16_t) \
    M(SAMPLE_S16, int16_t) \
    M(SAMPLE_U32, uint32_t) \
    M(SAMPLE_S32, int32_t)

/* -- types -------------------------------------------------------------------------------------- */

enum sample_type voxel_type_of(const struct volume *volume, const struct frame *frame)
{
    uint16_t bits = volume->bits_stored;
    bool is_signed = volume->is_signed;

    if (volume->voxel == VOXEL_FLOAT32)
        return SAMPLE_F32;
    if (frame != NULL) { /* a codestream knows its precision and sign better than the header does */
        if (frame->bits_stored > bits)
            bits = frame->bits_stored;
        if (frame->is_signed != is_signed) {
            is_signed = true;
            bits++;
        }
    }
    if (bits > 32)
        bits = 32;
    return sample_type_of(bits <= 8 ? 8 : bits <= 16 ? 16 : 32, is_signed);
}

void voxel_type_range(enum sample_type type, double *least, double *most)
{
    const int bits = (int)(8 * sample_size(type));
    const bool is_signed = type == SAMPLE_S8 || type == SAMPLE_S16 || type == SAMPLE_S32;

    *least = is_signed ? -ldexp(1, bits - 1) : 0;
    *most = ldexp(1, is_signed ? bits - 1 : bits) - 1;
}

const char *voxel_type_word(enum sample_type type)
{
    switch (type) {
    case SAMPLE_U8: return "uint8";
    case SAMPLE_S8: return "int8";
    case SAMPLE_U16: return "uint16";
    case SAMPLE_S16: return "int16";
    case SAMPLE_U32: return "uint32";
    case SAMPLE_S32: return "int32";
    case SAMPLE_F32: return "float32";
    case SAMPLE_F64: break;
    }
    return "float64";
}

/* -- numbers ------------------------------------------------------------------------------------ */

void voxels_to_doubles(enum sample_type type, const void *voxels, size_t count, double low, double high, double *values)
{
    switch (type) {
#define CASE(word, integer) \
    case word: \
        for (size_t i = 0; i < count; i++) \
            values[i] = ((const integer *)voxels)[i]; \
        break;
        INTEGER_TYPES(CASE)
#undef CASE
    case SAMPLE_F32:
        for (size_t i = 0; i < count; i++)
            values[i] = (double)((const float *)voxels)[i];
        break;
    case SAMPLE_F64: memcpy(values, voxels, count * sizeof *values); break;
    }
    if (low > high)
        return;
    for (size_t i = 0; i < count; i++)
        if (values[i] >= low && values[i] <= high)
            values[i] = (double)NAN;
}

/* Halves up: floor(x + 1/2), by a shift into the positive numbers, where a cast is the floor. */
static inline int64_t rounded(double value)
{
    const double shift = 4294967296.0;

    return (int64_t)(value + shift + 0.5) - INT64_C(4294967296);
}

void voxels_of_doubles(enum sample_type type, const double *values, size_t count, double fill, void *voxels)
{
    switch (type) {
#define CASE(word, integer) \
    case word: \
        for (size_t i = 0; i < count; i++) \
            ((integer *)voxels)[i] = (integer)rounded(isnan(values[i]) ? fill : values[i]); \
        break;
        INTEGER_TYPES(CASE)
#undef CASE
    case SAMPLE_F32:
        for (size_t i = 0; i < count; i++)
            ((float *)voxels)[i] = (float)(isnan(values[i]) ? fill : values[i]);
        break;
    case SAMPLE_F64: break;
    }
}

void voxels_fill(enum sample_type type, void *voxels, size_t count, double value)
{
    switch (type) {
#define CASE(word, integer) \
    case word: \
        for (size_t i = 0; i < count; i++) \
            ((integer *)voxels)[i] = (integer)value; \
        break;
        INTEGER_TYPES(CASE)
#undef CASE
    case SAMPLE_F32:
        for (size_t i = 0; i < count; i++)
            ((float *)voxels)[i] = (float)value;
        break;
    case SAMPLE_F64: break;
    }
}

/* Padding is low..high, none where low > high. What is padding counts as the other end: the loop has no branch. Lanes of a
 * fixed number, because the compiler makes vectors of those only. */
enum { LANES = 32 };

#define EXTENT(word, integer) \
    VECTOR_CLONES static void extent_##word(const integer *voxels, size_t count, integer low, integer high, \
                                            integer *least, integer *most) \
    { \
        const integer none_least = *least, none_most = *most; \
        integer small[LANES], large[LANES], last[LANES]; \
        for (size_t k = 0; k < LANES; k++) { \
            small[k] = none_least; \
            large[k] = none_most; \
        } \
        for (size_t i = 0; i < count; i += LANES) { \
            const integer *from = voxels + i; \
            if (count - i < LANES) { \
                for (size_t k = 0; k < LANES; k++) \
                    last[k] = from[k < count - i ? k : 0]; \
                from = last; \
            } \
            for (size_t k = 0; k < LANES; k++) { \
                const integer value = from[k]; \
                const bool is_padding = (value >= low) & (value <= high); \
                const integer below = is_padding ? none_least : value, above = is_padding ? none_most : value; \
                small[k] = below < small[k] ? below : small[k]; \
                large[k] = above > large[k] ? above : large[k]; \
            } \
        } \
        for (size_t k = 0; k < LANES; k++) { \
            *least = small[k] < *least ? small[k] : *least; \
            *most = large[k] > *most ? large[k] : *most; \
        } \
    }
INTEGER_TYPES(EXTENT)
#undef EXTENT

/* The integers of a type in low..high, 1..0 if there are none. */
static void range_in_type(enum sample_type type, double *low, double *high)
{
    double least, most;

    voxel_type_range(type, &least, &most);
    *low = fmax(ceil(*low), least);
    *high = fmin(floor(*high), most);
    if (!(*low <= *high)) {
        *low = 1;
        *high = 0;
    }
}

static void extent_of_floats(const float *voxels, size_t count, double *least, double *most)
{
    for (size_t i = 0; i < count; i++)
        if (isfinite(voxels[i])) {
            *least = fmin(*least, (double)voxels[i]);
            *most = fmax(*most, (double)voxels[i]);
        }
}

void voxels_extent(enum sample_type type, const void *voxels, size_t count, double low, double high, double *least,
                   double *most)
{
    double small, large; /* of none at all: the type's ends, the wrong way round */

    voxel_type_range(type, &large, &small);
    range_in_type(type, &low, &high);
    switch (type) {
#define CASE(word, integer) \
    case word: { \
        integer from = (integer)small, to = (integer)large; \
        extent_##word(voxels, count, (integer)low, (integer)high, &from, &to); \
        if (from <= to) { \
            *least = fmin(*least, (double)from); \
            *most = fmax(*most, (double)to); \
        } \
        break; \
    }
        INTEGER_TYPES(CASE)
#undef CASE
    case SAMPLE_F32: extent_of_floats(voxels, count, least, most); break;
    case SAMPLE_F64: break;
    }
}

/* -- from frames -------------------------------------------------------------------------------- */

static bool check_frame(const struct stage_slice *slice, uint32_t columns, uint32_t rows, struct error *err)
{
    const struct frame *const frame = slice->frame;

    if (frame->samples_per_pixel != 1)
        return error_set(err, ERROR_UNSUPPORTED, "slice %u has %u samples a pixel, a volume has 1", slice->slice + 1,
                         frame->samples_per_pixel);
    if (slice->x > frame->columns || columns > frame->columns - slice->x || slice->y > frame->rows ||
        rows > frame->rows - slice->y)
        return error_set(err, ERROR_CORRUPT, "slice %u is %u x %u pixels from (%u, %u), its frame has %u x %u",
                         slice->slice + 1, columns, rows, slice->x, slice->y, frame->columns, frame->rows);
    return true;
}

enum { AT_ONCE = 256 }; /* values on the way through double */

/* Integers into another container; false where one of them cannot be held. */
static bool convert_row(enum sample_type from, const void *samples, size_t count, enum sample_type to, void *voxels)
{
    double least, most, values[AT_ONCE];

    if (from == SAMPLE_F32 || from == SAMPLE_F64)
        return false;
    voxel_type_range(to, &least, &most);
    for (size_t at = 0; at < count; at += AT_ONCE) {
        const size_t some = count - at < AT_ONCE ? count - at : AT_ONCE;
        bool fits = true;

        voxels_to_doubles(from, (const uint8_t *)samples + at * sample_size(from), some, 1, 0, values);
        for (size_t i = 0; i < some; i++)
            fits = fits && values[i] >= least && values[i] <= most;
        if (!fits)
            return false;
        voxels_of_doubles(to, values, some, 0, (uint8_t *)voxels + at * sample_size(to));
    }
    return true;
}

/* PS3.3 C.11.1.1.1: below the first input the first entry, beyond the last the last. */
static double modality_value(const struct stage_slice *slice, double stored)
{
    const struct lut *const lut = slice->modality_lut;

    if (lut == NULL)
        return slice->slope * stored + slice->intercept;
    const double index = stored - lut->first;
    if (lut->entries == 0 || isnan(index))
        return (double)NAN;
    return lut->values[index <= 0 ? 0 : index >= lut->entries - 1 ? lut->entries - 1 : (uint32_t)index];
}

static void rescale_row(const struct stage_slice *slice, const void *samples, size_t count, float *voxels)
{
    const double low = slice->has_padding ? slice->padding_low : 1, high = slice->has_padding ? slice->padding_high : 0;
    const size_t size = sample_size(slice->frame->type);
    double values[AT_ONCE];

    for (size_t from = 0; from < count; from += AT_ONCE) {
        const size_t some = count - from < AT_ONCE ? count - from : AT_ONCE;

        voxels_to_doubles(slice->frame->type, (const uint8_t *)samples + from * size, some, low, high, values);
        for (size_t i = 0; i < some; i++) {
            const double value = modality_value(slice, values[i]);

            voxels[from + i] = isfinite(value) ? (float)value : (float)NAN;
        }
    }
}

bool voxels_of_slice(const struct stage_slice *slice, enum sample_type type, uint32_t columns, uint32_t rows,
                     void *voxels, struct error *err)
{
    const struct frame *const frame = slice->frame;
    const size_t from_size = sample_size(frame->type), to_row = columns * sample_size(type);

    if (!check_frame(slice, columns, rows, err))
        return false;
    for (uint32_t row = 0; row < rows; row++) {
        const size_t at = ((size_t)(slice->y + row) * frame->columns + slice->x) * from_size;
        const uint8_t *const samples = (const uint8_t *)frame->samples + at;
        uint8_t *const to = (uint8_t *)voxels + row * to_row;

        if (type == SAMPLE_F32)
            rescale_row(slice, samples, columns, (float *)(void *)to);
        else if (type == frame->type)
            memcpy(to, samples, to_row);
        else if (!convert_row(frame->type, samples, columns, type, to))
            return error_set(err, ERROR_CORRUPT, "slice %u has values that %s voxels cannot hold", slice->slice + 1,
                             voxel_type_word(type));
    }
    return true;
}
