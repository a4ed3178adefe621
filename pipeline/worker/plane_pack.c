#include "plane_pack.h"

#include <string.h>

#include "base/clones.h"

/* Loops over blocks of constant length let the compiler use the vector unit. */
enum { BLOCK = 64, HALF = BLOCK / 2 };
enum coding { CODING_SAME, CODING_4, CODING_8, CODING_16, CODING_COUNT };

static const uint8_t coded_bytes[CODING_COUNT] = {0, HALF, BLOCK, 2 * BLOCK};

size_t plane_pack_bound(size_t width, size_t rows)
{
    return rows * (width * 2 + width / BLOCK);
}

/* The differences, folded: 0, -1, 1, -2... become 0, 1, 2, 3... Returns the bits that are set in any. */
static uint16_t fold(const uint16_t *restrict samples, const uint16_t *restrict above, uint16_t *restrict folded)
{
    uint16_t all = 0;

    for (int k = 0; k < BLOCK; k++) {
        const uint16_t difference = (uint16_t)(samples[k] - above[k]);
        folded[k] = (uint16_t)((uint16_t)(difference << 1) ^ (uint16_t)-(difference >> 15));
    }
    for (int k = 0; k < BLOCK; k++)
        all |= folded[k];
    return all;
}

static void unfold(const uint16_t *restrict folded, const uint16_t *restrict above, uint16_t *restrict samples)
{
    for (int k = 0; k < BLOCK; k++)
        samples[k] = (uint16_t)(above[k] + ((folded[k] >> 1) ^ (uint16_t)-(folded[k] & 1)));
}

static uint8_t *pack_block(const uint16_t *samples, const uint16_t *above, uint8_t *restrict to)
{
    uint16_t folded[BLOCK];
    const uint16_t all = fold(samples, above, folded);
    const enum coding coding = all == 0 ? CODING_SAME : all < 16 ? CODING_4 : all < 256 ? CODING_8 : CODING_16;

    *to++ = (uint8_t)coding;
    if (coding == CODING_4)
        for (int k = 0; k < HALF; k++)
            to[k] = (uint8_t)(folded[k] | folded[k + HALF] << 4);
    else if (coding == CODING_8)
        for (int k = 0; k < BLOCK; k++)
            to[k] = (uint8_t)folded[k];
    else if (coding == CODING_16)
        memcpy(to, folded, sizeof folded);
    return to + coded_bytes[coding];
}

static void unpack_block(enum coding coding, const uint8_t *restrict from, const uint16_t *above, uint16_t *samples)
{
    uint16_t folded[BLOCK] = {0};

    if (coding == CODING_4)
        for (int k = 0; k < HALF; k++) {
            folded[k] = from[k] & 15;
            folded[k + HALF] = from[k] >> 4;
        }
    else if (coding == CODING_8)
        for (int k = 0; k < BLOCK; k++)
            folded[k] = from[k];
    else if (coding == CODING_16)
        memcpy(folded, from, sizeof folded);
    unfold(folded, above, samples);
}

VECTOR_CLONES size_t plane_pack(const uint16_t *samples, size_t width, size_t rows, uint8_t *to)
{
    static const uint16_t nothing[BLOCK];
    const uint8_t *const begin = to;

    for (size_t row = 0; row < rows; row++, samples += width) {
        size_t i = 0;

        for (; i + BLOCK <= width; i += BLOCK)
            to = pack_block(samples + i, row > 0 ? samples + i - width : nothing, to);
        if (i < width)
            memcpy(to, samples + i, (width - i) * 2);
        to += (width - i) * 2;
    }
    return (size_t)(to - begin);
}

VECTOR_CLONES bool plane_unpack(const uint8_t *from, size_t size, uint16_t *samples, size_t width,
                                size_t rows)
{
    static const uint16_t nothing[BLOCK];
    const uint8_t *const end = from + size;

    for (size_t row = 0; row < rows; row++, samples += width) {
        size_t i = 0;

        for (; i + BLOCK <= width; i += BLOCK) {
            if (from == end || *from >= CODING_COUNT || (size_t)(end - from) - 1 < coded_bytes[*from])
                return false;
            const enum coding coding = (enum coding)*from++;
            unpack_block(coding, from, row > 0 ? samples + i - width : nothing, samples + i);
            from += coded_bytes[coding];
        }
        if ((size_t)(end - from) < (width - i) * 2)
            return false;
        if (i < width)
            memcpy(samples + i, from, (width - i) * 2);
        from += (width - i) * 2;
    }
    return from == end;
}
