/* native.c - frames as they are (PS3.5 8.1.1, A.1, A.2), and frames deflated one by one (PS3.5
 * A.4.13)
 *
 * Pixels follow each other without gaps, least significant bit first; words of a big endian object
 * are swapped. libdeflate is given the exact size a frame must have.
 */
#include <libdeflate.h>
#include <string.h>

#include "base/memory.h"
#include "codec/codec.h"
#include "codec/samples.h"

enum { DEFLATE_RATIO_MOST = 1032 }; /* 258 bytes from two bits */

/* Codes in one frame when each pixel has all its samples. */
static size_t sample_count(const struct image *image)
{
    return (size_t)image->rows * image->columns * image->samples_per_pixel;
}

static uint64_t full_bits(const struct image *image)
{
    return (uint64_t)sample_count(image) * image->bits_allocated;
}

static bool is_422(const struct image *image)
{
    return image->samples_per_pixel == 3 && (image->photometric == PHOTOMETRIC_YBR_FULL_422 ||
                                             image->photometric == PHOTOMETRIC_YBR_PARTIAL_422);
}

static bool is_whole_bytes(const struct image *image)
{
    return image->bits_allocated == 8 || image->bits_allocated == 16 ||
           image->bits_allocated == 32 || image->bits_allocated == 64;
}

static size_t container_bytes(const struct image *image)
{
    if (image->element != PIXEL_ELEMENT_INTEGER)
        return image->element == PIXEL_ELEMENT_FLOAT ? 4 : 8;
    return sample_size(sample_type_of(image->bits_allocated, image->is_signed));
}

/* Bits the frame must have. 422 has two samples a pixel, but objects that were decompressed and
 * kept the old label have three. */
static uint64_t needed_bits(const struct image *image, uint64_t there)
{
    if (is_422(image) && there < full_bits(image))
        return full_bits(image) / 3 * 2;
    return full_bits(image);
}

static bool describe(const struct coded *coded, struct codestream *stream, struct error *err)
{
    const struct image *image = coded->image;

    if (image->element != PIXEL_ELEMENT_INTEGER &&
        image->bits_allocated != 8 * container_bytes(image))
        return error_set(err, ERROR_CORRUPT, "bits allocated is %u for pixels of %zu bytes",
                         image->bits_allocated, container_bytes(image));
    if (image->element == PIXEL_ELEMENT_INTEGER && image->bits_allocated > 32)
        return error_set(err, ERROR_UNSUPPORTED, "bits allocated is %u, at most 32 are supported",
                         image->bits_allocated);
    if (image->photometric == PHOTOMETRIC_YBR_PARTIAL_420)
        return error_set(err, ERROR_UNSUPPORTED, "native pixel data in YBR_PARTIAL_420");
    if (image->big_endian && image->bits_allocated > 8 && !is_whole_bytes(image))
        return error_set(err, ERROR_UNSUPPORTED, "%u bits allocated in a big endian object",
                         image->bits_allocated);
    *stream = (struct codestream){
        .rows = image->rows,
        .columns = image->columns,
        .components = image->samples_per_pixel,
        .precision = image->bits_allocated,
        .sample_bytes = container_bytes(image),
        .size = coded->size,
    };
    return true;
}

bool native_inspect(const struct coded *coded, struct codestream *stream, struct error *err)
{
    const uint64_t there = (uint64_t)coded->size * 8;
    const uint64_t needed = needed_bits(coded->image, there) + coded->bit_offset;

    if (!describe(coded, stream, err))
        return false;
    return there >= needed || error_set(err, ERROR_TRUNCATED, "frame has %zu of %llu bytes", coded->size,
                                        (unsigned long long)((needed + 7) / 8));
}

/* Up to 8 bits in OW, big endian: the bytes of each word change places. The words are those that hold the
 * frame, bit_offset (0..15) says where in the first one it begins. */
static bool swap_pairs(const struct coded *coded, struct coded *swapped, struct error *err)
{
    const size_t size = coded->size & ~(size_t)1, skip = coded->bit_offset / 8;
    const uint64_t needed = needed_bits(coded->image, (uint64_t)coded->size * 8) + coded->bit_offset;

    if (coded->size != size && needed > (uint64_t)size * 8)
        return error_set(err, ERROR_TRUNCATED, "frame has %zu bytes, its last word is incomplete",
                         coded->size);
    if (!scratch_fit(coded->scratch, size, err))
        return false;
    memcpy(coded->scratch->data, coded->data, size);
    samples_swap(coded->scratch->data, size / 2, 2);
    *swapped = *coded;
    swapped->data = coded->scratch->data + skip;
    swapped->size = size - skip;
    swapped->bit_offset = coded->bit_offset % 8;
    return true;
}

static bool expand_422(const struct coded *coded, size_t bytes, void *samples, struct error *err)
{
    const struct image *image = coded->image;

    if (image->columns % 2 != 0)
        return error_set(err, ERROR_CORRUPT, "%s with an odd number of columns, %u",
                         photometric_word(image->photometric), image->columns);
    samples_expand_422(coded->data, (size_t)image->rows * image->columns, bytes, samples);
    return true;
}

bool native_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                   struct error *err)
{
    const struct image *image = coded->image;
    const size_t count = sample_count(image), bytes = stream->sample_bytes;
    const bool subsampled = needed_bits(image, (uint64_t)coded->size * 8) != full_bits(image);
    struct coded swapped;

    if (image->swapped_pairs && image->big_endian && image->bits_allocated <= 8) {
        if (!swap_pairs(coded, &swapped, err))
            return false;
        coded = &swapped;
    }
    if (is_422(image) && !subsampled &&
        !coded_note(coded, err,
                    "photometric interpretation is %s, but each pixel has three samples",
                    photometric_word(image->photometric)))
        return false;

    if (!is_whole_bytes(image) || coded->bit_offset > 0) {
        if (image->samples_per_pixel > 1 && (image->planar_configuration == 1 || subsampled))
            return error_set(err, ERROR_UNSUPPORTED, "%u bits allocated in colour planes",
                             image->bits_allocated);
        samples_unpack(coded->data, coded->bit_offset, image->bits_allocated, count, samples,
                       bytes);
        return true;
    }
    if (subsampled) {
        if (!expand_422(coded, bytes, samples, err))
            return false;
    } else if (image->samples_per_pixel > 1 && image->planar_configuration == 1) {
        samples_interleave(coded->data, count / image->samples_per_pixel, image->samples_per_pixel,
                           bytes, samples);
    } else {
        memcpy(samples, coded->data, count * bytes);
    }
    if (image->big_endian)
        samples_swap(samples, count, bytes);
    return true;
}

bool deflated_inspect(const struct coded *coded, struct codestream *stream, struct error *err)
{
    if (!describe(coded, stream, err))
        return false;
    stream->least_size = full_bits(coded->image) / 8 / DEFLATE_RATIO_MOST;
    return true;
}

bool deflated_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                     struct error *err)
{
    const size_t most = (size_t)((full_bits(coded->image) + 7) / 8);
    struct scratch inflated = {0};
    struct libdeflate_decompressor *decompressor = NULL;
    enum libdeflate_result result;
    size_t got = 0;
    bool ok = false;

    /* Its own memory, because native_decode may want the coded frame's scratch. */
    if (!scratch_fit(&inflated, most, err))
        return false;
    decompressor = libdeflate_alloc_decompressor();
    if (!decompressor) {
        error_set(err, ERROR_NOMEM, "out of memory in libdeflate");
        goto done;
    }
    result = libdeflate_deflate_decompress(decompressor, coded->data, coded->size, inflated.data,
                                           most, &got);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
        error_set(err, ERROR_CORRUPT, "deflated frame holds more than %zu bytes", most);
        goto done;
    }
    if (result != LIBDEFLATE_SUCCESS) {
        error_set(err, ERROR_CORRUPT, "deflated frame is damaged or cut short");
        goto done;
    }
    struct coded native = *coded;
    native.data = inflated.data;
    native.size = got;
    native.bit_offset = 0;
    struct codestream unused;
    ok = native_inspect(&native, &unused, err) && native_decode(&native, stream, samples, err);
done:
    libdeflate_free_decompressor(decompressor);
    scratch_release(&inflated);
    return ok;
}
