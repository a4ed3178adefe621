#include <libdeflate.h>
#include <string.h>

#include "base/memory.h"
#include "dicom_writer.h"

/* PackBits of one segment (PS3.5 G.3), padded to an even length. */
static bool segment(const uint8_t *bytes, size_t size, struct buffer *out, struct error *err)
{
    const size_t from = out->size;
    size_t at = 0;

    while (at < size) {
        size_t run = 1, literal = 0;

        while (run < 128 && at + run < size && bytes[at + run] == bytes[at])
            run++;
        if (run >= 3 || (run == 2 && at + run == size)) {
            if (!buffer_put_u8(out, (uint8_t)(257 - run), err) || !buffer_put_u8(out, bytes[at], err))
                return false;
            at += run;
            continue;
        }
        while (literal < 128 && at + literal < size &&
               !(at + literal + 2 < size && bytes[at + literal] == bytes[at + literal + 1] &&
                 bytes[at + literal] == bytes[at + literal + 2]))
            literal++;
        if (!buffer_put_u8(out, (uint8_t)(literal - 1), err) || !buffer_append(out, bytes + at, literal, err))
            return false;
        at += literal;
    }
    return (out->size - from) % 2 == 0 || buffer_put_u8(out, 0, err);
}

/* PS3.5 G.2: a segment for each byte of each sample, most significant first. */
bool rle_encode(const uint8_t *frame, size_t pixels, unsigned samples, unsigned bytes, bool planar,
                struct buffer *out, struct error *err)
{
    const unsigned segments = samples * bytes;
    uint8_t *const gathered = memory_new(pixels, err);
    const size_t header = out->size;
    bool ok = gathered != NULL;

    if (segments > 15)
        ok = error_set(err, ERROR_USAGE, "RLE has at most 15 segments, not %u", segments);
    ok = ok && buffer_put_u32(out, segments, err);
    for (unsigned i = 0; ok && i < 15; i++)
        ok = buffer_put_u32(out, 0, err);
    for (unsigned s = 0; ok && s < segments; s++) {
        const unsigned sample = s / bytes, byte = bytes - 1 - s % bytes;
        const uint32_t offset = (uint32_t)(out->size - header);

        for (unsigned i = 0; i < 4; i++)
            out->data[header + 4 + 4 * s + i] = (uint8_t)(offset >> 8 * i);
        for (size_t i = 0; i < pixels; i++)
            gathered[i] = frame[(planar ? sample * pixels + i : i * samples + sample) * bytes + byte];
        ok = segment(gathered, pixels, out, err);
    }
    memory_free(gathered);
    return ok;
}

bool deflate_raw(const void *data, size_t size, struct buffer *out, struct error *err)
{
    struct libdeflate_compressor *const compressor = libdeflate_alloc_compressor(9);
    size_t written = 0, bound;
    void *packed = NULL;
    bool ok = false;

    if (compressor == NULL)
        return error_set(err, ERROR_NOMEM, "no compressor");
    bound = libdeflate_deflate_compress_bound(compressor, size);
    packed = memory_new(bound, err);
    if (packed != NULL) {
        written = libdeflate_deflate_compress(compressor, data, size, packed, bound);
        ok = written > 0 ? buffer_append(out, packed, written, err)
                         : error_set(err, ERROR_CODEC, "cannot deflate %zu bytes", size);
    }
    memory_free(packed);
    libdeflate_free_compressor(compressor);
    return ok;
}
