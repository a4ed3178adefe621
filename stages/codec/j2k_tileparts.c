#include "j2k_tileparts.h"

enum {
    SOC = 0xFF4F,
    SOT = 0xFF90,
    EOC = 0xFFD9,
    MARKER_BYTES = 2,
    SOT_BYTES = 12, /* the marker and its segment */
};

static unsigned log2_floor(uint32_t value)
{
    unsigned bits = 0;

    while (value > 1) {
        value >>= 1;
        bits++;
    }
    return bits;
}

uint32_t j2k_reduced(uint32_t side, unsigned reduce)
{
    return (uint32_t)(((uint64_t)side + (UINT64_C(1) << reduce) - 1) >> reduce);
}

unsigned htj2k_decompositions(uint32_t columns, uint32_t rows)
{
    enum { USUAL = 5, BASE_SIDE = 64 };
    const uint32_t longer = columns > rows ? columns : rows;
    const unsigned most = log2_floor(columns < rows ? columns : rows);
    unsigned count = most < USUAL ? most : USUAL;

    while (j2k_reduced(longer, count) > BASE_SIDE)
        count++;
    return count;
}

unsigned j2k_decompositions(uint32_t columns, uint32_t rows)
{
    const unsigned wanted = htj2k_decompositions(columns, rows);
    const unsigned most = log2_floor(columns < rows ? columns : rows);

    return wanted < most ? wanted : most;
}

static uint32_t big_endian(const uint8_t *bytes, size_t size)
{
    uint32_t value = 0;

    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static bool unexpected(struct error *err, size_t offset)
{
    return error_set(err, ERROR_CORRUPT, "a codestream has no expected marker at byte %zu", offset);
}

/* The first SOT: behind SOC and the main header's segments. */
static bool find_first_sot(const uint8_t *data, size_t size, size_t *offset, struct error *err)
{
    size_t at = MARKER_BYTES;

    if (size < MARKER_BYTES || big_endian(data, MARKER_BYTES) != SOC)
        return unexpected(err, 0);
    while (size - at >= 2 * MARKER_BYTES) {
        if (big_endian(data + at, 2) == SOT) {
            *offset = at;
            return true;
        }
        const size_t length = big_endian(data + at + MARKER_BYTES, 2);
        if (data[at] != 0xFF || length < 2 || length > size - at - MARKER_BYTES)
            break;
        at += MARKER_BYTES + length;
    }
    return unexpected(err, at);
}

bool j2k_tileparts_find(const uint8_t *data, size_t size, struct j2k_tileparts *parts,
                        struct error *err)
{
    size_t at = 0;

    parts->count = 0;
    if (!find_first_sot(data, size, &at, err))
        return false;
    while (size - at >= SOT_BYTES && big_endian(data + at, 2) == SOT) {
        const size_t length = big_endian(data + at + 6, 4); /* Psot */

        if (length < SOT_BYTES || length > size - at)
            return error_set(err, ERROR_CORRUPT, "a tile-part of %zu bytes at byte %zu of %zu",
                             length, at, size);
        if (parts->count == J2K_RESOLUTIONS_MOST)
            return error_set(err, ERROR_CORRUPT, "more than %d tile-parts", J2K_RESOLUTIONS_MOST);
        at += length;
        parts->ends[parts->count++] = at;
    }
    if (size - at != MARKER_BYTES || big_endian(data + at, 2) != EOC)
        return unexpected(err, at);
    return true;
}
