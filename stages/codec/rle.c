/* rle.c - DICOM's own run length encoding (PS3.5 Annex G): PackBits, a segment for each byte of a
 * pixel
 *
 * Segments come most significant byte first, sample by sample. One-bit pixels are packed, eight to
 * a byte, in one segment.
 */
#include <string.h>

#include "codec/codec.h"
#include "codec/samples.h"

enum { HEADER_SIZE = 64, SEGMENTS_MOST = 15 };

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static unsigned segments_expected(const struct image *image)
{
    return image->samples_per_pixel * ((image->bits_allocated + 7u) / 8u);
}

/* Bytes each segment holds when unpacked. */
static size_t segment_bytes(const struct image *image)
{
    const size_t pixels = (size_t)image->rows * image->columns;
    return image->bits_allocated == 1 ? (pixels + 7) / 8 : pixels;
}

bool rle_inspect(const struct coded *coded, struct codestream *stream, struct error *err)
{
    const struct image *image = coded->image;
    const unsigned expected = segments_expected(image);

    if (coded->size < HEADER_SIZE)
        return error_set(err, ERROR_TRUNCATED, "RLE frame has %zu bytes, its header has %d",
                         coded->size, HEADER_SIZE);
    if (image->element != PIXEL_ELEMENT_INTEGER ||
        (image->bits_allocated != 1 &&
         (image->bits_allocated % 8 != 0 || image->bits_allocated > 32)))
        return error_set(err, ERROR_UNSUPPORTED, "RLE with %u bits allocated",
                         image->bits_allocated);
    if (image->bits_allocated == 1 && image->samples_per_pixel != 1)
        return error_set(err, ERROR_UNSUPPORTED, "RLE with one bit and %u samples",
                         image->samples_per_pixel);
    const uint32_t found = u32(coded->data);
    if (found != expected || expected > SEGMENTS_MOST)
        return error_set(err, ERROR_CORRUPT, "expected %u RLE segments, found %u", expected, found);
    for (unsigned s = 0; s < expected; s++) {
        const uint32_t offset = u32(coded->data + 4 + 4 * s);
        if (offset < HEADER_SIZE || offset > coded->size)
            return error_set(err, offset > coded->size ? ERROR_TRUNCATED : ERROR_CORRUPT,
                             "RLE segment %u at offset %u of %zu bytes", s + 1, offset,
                             coded->size);
    }
    *stream = (struct codestream){
        .rows = image->rows,
        .columns = image->columns,
        .components = image->samples_per_pixel,
        .precision = image->bits_allocated,
        .sample_bytes = sample_size(sample_type_of(image->bits_allocated, image->is_signed)),
        .least_size = segment_bytes(image) / 64, /* two bytes give 128 at best */
        .size = coded->size,
    };
    return true;
}

/* A segment ends where the next one begins, whatever their order. */
static size_t segment_end(const struct coded *coded, unsigned segments, uint32_t begin)
{
    size_t end = coded->size;

    for (unsigned s = 0; s < segments; s++) {
        const uint32_t offset = u32(coded->data + 4 + 4 * s);
        if (offset > begin && offset < end)
            end = offset;
    }
    return end;
}

/* Unpacks `count` bytes to to[0], to[stride], ...; returns how many there were. What the last run
 * has beyond `count` is padding (encoders write whole runs). */
static size_t unpack(const uint8_t *from, const uint8_t *end, uint8_t *to, size_t stride,
                     size_t count)
{
    size_t done = 0;

    while (done < count && from < end) {
        const unsigned control = *from++;
        if (control == 128)
            continue;
        size_t run = control < 128 ? control + 1u : 257u - control;
        if (run > count - done)
            run = count - done;
        if (control < 128) {
            if (run > (size_t)(end - from))
                run = (size_t)(end - from);
            if (stride == 1)
                memcpy(to, from, run);
            else
                for (size_t i = 0; i < run; i++)
                    to[i * stride] = from[i];
            from += run;
        } else {
            if (from == end)
                break;
            const uint8_t value = *from++;
            if (stride == 1)
                memset(to, value, run);
            else
                for (size_t i = 0; i < run; i++)
                    to[i * stride] = value;
        }
        to += run * stride;
        done += run;
    }
    return done;
}

bool rle_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                struct error *err)
{
    const struct image *image = coded->image;
    const unsigned segments = segments_expected(image);
    const unsigned bytes = (image->bits_allocated + 7u) / 8u;
    const size_t count = segment_bytes(image);
    const size_t pixel_bytes = stream->sample_bytes * image->samples_per_pixel;
    const bool packed = image->bits_allocated == 1;

    if (packed && !scratch_fit(coded->scratch, count, err))
        return false;
    if (bytes != stream->sample_bytes) /* 24 bits in 32 */
        memset(samples, 0, count * pixel_bytes);
    for (unsigned s = 0; s < segments; s++) {
        const uint32_t begin = u32(coded->data + 4 + 4 * s);
        const uint8_t *from = coded->data + begin;
        const uint8_t *end = coded->data + segment_end(coded, segments, begin);
        const size_t place = s / bytes * stream->sample_bytes + (bytes - 1 - s % bytes);
        const size_t done = packed
                                ? unpack(from, end, coded->scratch->data, 1, count)
                                : unpack(from, end, (uint8_t *)samples + place, pixel_bytes, count);
        if (done < count)
            return error_set(err, ERROR_TRUNCATED, "RLE segment %u holds %zu of %zu bytes", s + 1,
                             done, count);
    }
    if (packed)
        samples_unpack(coded->scratch->data, 0, 1, (size_t)image->rows * image->columns, samples,
                       stream->sample_bytes);
    return true;
}
