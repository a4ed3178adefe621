#include "keep.h"

#include <string.h>

#include <libdeflate.h>

#include "base/limits.h"
#include "base/memory.h"

/* "SPKEEP1\n", u32 bytes of the header, u32 the same deflated, u32 bytes of the histogram (0: none), u32 CRC-32
 * of what follows: the deflated header, the histogram. */
enum { MAGIC_SIZE = 8, FRONT_SIZE = MAGIC_SIZE + 4 * 4 };
enum { LEVEL = 1 };          /* a header of 5 KB: 30 us, and only 10% larger than at level 6 */
enum { DEFLATE_MOST = 1032 }; /* deflate cannot expand more */

static const char magic[] = "SPKEEP1\n";

static bool append_deflated(const void *data, size_t size, struct buffer *out, size_t *packed,
                            struct error *err)
{
    struct libdeflate_compressor *const compressor = libdeflate_alloc_compressor(LEVEL);
    bool ok = false;

    if (compressor == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a deflate compressor");
    const size_t most = libdeflate_deflate_compress_bound(compressor, size);
    if (buffer_reserve(out, most, err)) {
        *packed = libdeflate_deflate_compress(compressor, data, size, out->data + out->size, most);
        out->size += *packed;
        ok = *packed > 0 || error_set(err, ERROR_CODEC, "libdeflate cannot deflate %zu bytes", size);
    }
    libdeflate_free_compressor(compressor);
    return ok;
}

static void put_u32(uint8_t *to, size_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

bool keep_write(const void *header, size_t header_size, const struct histogram *histogram,
                struct buffer *out, struct error *err)
{
    static const uint8_t empty_front[FRONT_SIZE];
    const size_t start = out->size;
    size_t packed = 0;

    if (header_size > LIMIT(HEADER_BYTES))
        return error_set(err, ERROR_LIMIT, "a header of %zu bytes exceeds HEADER_BYTES", header_size);
    if (!buffer_append(out, empty_front, FRONT_SIZE, err) ||
        !append_deflated(header, header_size, out, &packed, err))
        return false;
    const size_t before = out->size;
    if (histogram != NULL && !histogram_write(histogram, out, err))
        return false;
    uint8_t *const front = out->data + start;
    memcpy(front, magic, MAGIC_SIZE);
    put_u32(front + MAGIC_SIZE, header_size);
    put_u32(front + MAGIC_SIZE + 4, packed);
    put_u32(front + MAGIC_SIZE + 8, out->size - before);
    put_u32(front + MAGIC_SIZE + 12,
            libdeflate_crc32(0, front + FRONT_SIZE, out->size - start - FRONT_SIZE));
    return true;
}

static bool inflate_header(const uint8_t *data, size_t packed, size_t size, struct buffer *header,
                           struct error *err)
{
    struct libdeflate_decompressor *const decompressor = libdeflate_alloc_decompressor();
    size_t found = 0;
    bool ok = false;

    if (decompressor == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a deflate decompressor");
    buffer_clear(header);
    if (buffer_reserve(header, size, err)) {
        ok = libdeflate_deflate_decompress(decompressor, data, packed, header->data, size, &found) ==
                 LIBDEFLATE_SUCCESS &&
             found == size;
        header->size = ok ? size : 0;
        header->data[header->size] = 0;
        if (!ok)
            (void)error_set(err, ERROR_CORRUPT, "a keep file's header does not inflate to %zu bytes",
                            size);
    }
    libdeflate_free_decompressor(decompressor);
    return ok;
}

bool keep_parse(const void *data, size_t size, struct buffer *header, struct histogram *histogram,
                bool *has_histogram, struct error *err)
{
    struct reader reader = reader_over(data, size);
    struct error inner = {0};

    if (size < FRONT_SIZE || memcmp(data, magic, MAGIC_SIZE) != 0)
        return error_set(err, ERROR_CORRUPT, "no keep file");
    reader.offset = MAGIC_SIZE;
    const size_t raw = reader_u32(&reader), packed = reader_u32(&reader), counts = reader_u32(&reader);
    const uint32_t crc = reader_u32(&reader);
    const uint8_t *const parts = (const uint8_t *)data + FRONT_SIZE;
    if (packed + counts != size - FRONT_SIZE || raw > LIMIT(HEADER_BYTES) || raw / DEFLATE_MOST > packed)
        return error_set(err, ERROR_CORRUPT, "a keep file of %zu bytes lies about its parts", size);
    if (libdeflate_crc32(0, parts, packed + counts) != crc)
        return error_set(err, ERROR_CORRUPT, "a keep file's CRC is wrong");
    if (header != NULL && !inflate_header(parts, packed, raw, header, err))
        return false;
    if (has_histogram != NULL)
        *has_histogram = counts > 0;
    if (histogram != NULL && counts > 0 && !histogram_parse(parts + packed, counts, histogram, &inner))
        return error_set(err, inner.kind == ERROR_NOMEM ? ERROR_NOMEM : ERROR_CORRUPT, "a keep file: %s",
                         inner.text);
    return true;
}
