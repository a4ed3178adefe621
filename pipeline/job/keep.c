#include "keep.h"

#include <libdeflate.h>

#include "base/limits.h"
#include "base/memory.h"

enum { RELIC_FRONT = 2 * 4, HISTOGRAM_FRONT = 4 };
enum { LEVEL = 1 };           /* a header of 5 KB: 30 us, and only 10% larger than at level 6 */
enum { DEFLATE_MOST = 1032 }; /* deflate cannot expand more */

struct keep_packer { struct libdeflate_compressor *compressor; };

bool keep_packer_new(struct keep_packer **packer, struct error *err)
{
    struct keep_packer *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->compressor = libdeflate_alloc_compressor(LEVEL);
    if (made->compressor == NULL) {
        memory_free(made);
        return error_set(err, ERROR_NOMEM, "no memory for a deflate compressor");
    }
    *packer = made;
    return true;
}

void keep_packer_free(struct keep_packer *packer)
{
    if (packer == NULL)
        return;
    libdeflate_free_compressor(packer->compressor);
    memory_free(packer);
}

static void put_u32(uint8_t *to, size_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

bool keep_write_relic(struct keep_packer *packer, const void *relic, size_t size, struct buffer *out,
                      struct error *err)
{
    const size_t most = libdeflate_deflate_compress_bound(packer->compressor, size);

    if (size > LIMIT(HEADER_BYTES))
        return error_set(err, ERROR_LIMIT, "a header of %zu bytes exceeds HEADER_BYTES", size);
    if (!buffer_reserve(out, RELIC_FRONT + most, err))
        return false;
    uint8_t *const front = out->data + out->size;
    const size_t packed = libdeflate_deflate_compress(packer->compressor, relic, size, front + RELIC_FRONT, most);
    if (packed == 0)
        return error_set(err, ERROR_CODEC, "libdeflate cannot deflate %zu bytes", size);
    if (packed > KEEP_RELIC_MOST - RELIC_FRONT)
        return error_set(err, ERROR_LIMIT, "a header that deflates to %zu bytes is not kept, %d is the most", packed,
                         KEEP_RELIC_MOST);
    put_u32(front, size);
    put_u32(front + 4, libdeflate_crc32(0, front + RELIC_FRONT, packed));
    out->size += RELIC_FRONT + packed;
    out->data[out->size] = 0;
    return true;
}

bool keep_write_histogram(const struct histogram *histogram, struct buffer *out, struct error *err)
{
    const size_t start = out->size;

    if (!buffer_put_u32(out, 0, err) || !histogram_write(histogram, out, err))
        return false;
    put_u32(out->data + start,
            libdeflate_crc32(0, out->data + start + HISTOGRAM_FRONT, out->size - start - HISTOGRAM_FRONT));
    return true;
}

static bool inflate(const uint8_t *data, size_t packed, size_t size, struct buffer *relic, struct error *err)
{
    struct libdeflate_decompressor *const decompressor = libdeflate_alloc_decompressor();
    size_t found = 0;
    bool ok = false;

    if (decompressor == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a deflate decompressor");
    buffer_clear(relic);
    if (buffer_reserve(relic, size, err)) {
        ok = libdeflate_deflate_decompress(decompressor, data, packed, relic->data, size, &found) ==
                 LIBDEFLATE_SUCCESS &&
             found == size;
        relic->size = ok ? size : 0;
        relic->data[relic->size] = 0;
        if (!ok)
            (void)error_set(err, ERROR_CORRUPT, "what is kept of the instance does not inflate to %zu bytes", size);
    }
    libdeflate_free_decompressor(decompressor);
    return ok;
}

bool keep_parse_relic(const void *data, size_t size, struct buffer *relic, struct error *err)
{
    struct reader reader = reader_over(data, size);
    const size_t raw = reader_u32(&reader);
    const uint32_t crc = reader_u32(&reader);

    if (size <= RELIC_FRONT || raw > LIMIT(HEADER_BYTES) || raw / DEFLATE_MOST > size - RELIC_FRONT)
        return error_set(err, ERROR_CORRUPT, "what is kept of the instance lies about its size");
    const uint8_t *const packed = (const uint8_t *)data + RELIC_FRONT;
    if (libdeflate_crc32(0, packed, size - RELIC_FRONT) != crc)
        return error_set(err, ERROR_CORRUPT, "what is kept of the instance is damaged: its CRC is wrong");
    return inflate(packed, size - RELIC_FRONT, raw, relic, err);
}

bool keep_parse_histogram(const void *data, size_t size, struct histogram *histogram, struct error *err)
{
    struct reader reader = reader_over(data, size);
    const uint32_t crc = reader_u32(&reader);
    struct error why = {0};

    if (size <= HISTOGRAM_FRONT)
        return error_set(err, ERROR_CORRUPT, "no histogram is kept of the instance");
    const uint8_t *const counts = (const uint8_t *)data + HISTOGRAM_FRONT;
    if (libdeflate_crc32(0, counts, size - HISTOGRAM_FRONT) != crc)
        return error_set(err, ERROR_CORRUPT, "the histogram that is kept of the instance is damaged: its CRC is wrong");
    if (histogram_parse(counts, size - HISTOGRAM_FRONT, histogram, &why))
        return true;
    return error_set(err, why.kind == ERROR_NOMEM ? ERROR_NOMEM : ERROR_CORRUPT, "a kept histogram: %s", why.text);
}
