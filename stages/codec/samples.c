#include "codec/samples.h"

#include <string.h>

/* Containers are worked on eight bytes at a time: as fast as memcpy to the eye, on any compiler. */

static uint64_t load(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static void store(uint8_t *at, uint64_t word)
{
    memcpy(at, &word, sizeof word);
}

/* `value` in each lane of `bytes` bytes. */
static uint64_t in_each_lane(uint64_t value, size_t bytes)
{
    for (size_t bits = 8 * bytes; bits < 64; bits *= 2)
        value |= value << bits;
    return value;
}

static uint64_t low_bits(unsigned bits)
{
    return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static uint64_t swap_word(uint64_t word, size_t bytes)
{
    if (bytes == 2)
        return (word & UINT64_C(0x00ff00ff00ff00ff)) << 8 |
               (word >> 8 & UINT64_C(0x00ff00ff00ff00ff));
    word = __builtin_bswap64(word);
    return bytes == 4 ? word << 32 | word >> 32 : word;
}

void samples_swap(void *samples, size_t count, size_t bytes)
{
    uint8_t *at = samples;
    size_t left = count * bytes;

    if (bytes < 2)
        return;
    for (; left >= 8; left -= 8, at += 8)
        store(at, swap_word(load(at), bytes));
    if (left > 0) {
        uint64_t word = 0;
        memcpy(&word, at, left);
        word = swap_word(word, bytes);
        memcpy(at, &word, left);
    }
}

struct settling {
    uint64_t mask, ones, fill;
    unsigned shift, sign_shift;
};

static uint64_t settle_word(uint64_t word, const struct settling *s)
{
    word = word >> s->shift & s->mask;
    /* Each lane of the second factor is 0 or 1, so no lane of the product reaches the next. */
    return word | (word >> s->sign_shift & s->ones) * s->fill;
}

void samples_settle(void *samples, size_t count, size_t bytes, unsigned shift, unsigned bits,
                    bool is_signed)
{
    const unsigned lane = (unsigned)(8 * bytes);
    uint8_t *at = samples;
    size_t left = count * bytes;

    if (shift == 0 && bits == lane)
        return;
    const struct settling s = {
        .mask = in_each_lane(low_bits(bits), bytes),
        .ones = in_each_lane(1, bytes),
        .fill = is_signed ? low_bits(lane) & ~low_bits(bits) : 0,
        .shift = shift,
        .sign_shift = bits - 1,
    };
    if (s.fill == 0)
        for (; left >= 8; left -= 8, at += 8)
            store(at, load(at) >> s.shift & s.mask);
    for (; left >= 8; left -= 8, at += 8)
        store(at, settle_word(load(at), &s));
    if (left > 0) {
        uint64_t word = 0;
        memcpy(&word, at, left);
        word = settle_word(word, &s);
        memcpy(at, &word, left);
    }
}

/* One body for each container; the compiler makes the loops. */
#define CLAMP_LOOP(type) \
    do { \
        type *value = samples; \
        for (size_t i = 0; i < count; i++) \
            value[i] = (type)(value[i] < low ? low : value[i] > high ? high : value[i]); \
    } while (0)

void samples_clamp(void *samples, size_t count, size_t bytes, bool is_signed, int64_t low,
                   int64_t high)
{
    if (bytes == 1 && is_signed)
        CLAMP_LOOP(int8_t);
    else if (bytes == 1)
        CLAMP_LOOP(uint8_t);
    else if (bytes == 2 && is_signed)
        CLAMP_LOOP(int16_t);
    else if (bytes == 2)
        CLAMP_LOOP(uint16_t);
    else if (is_signed)
        CLAMP_LOOP(int32_t);
    else
        CLAMP_LOOP(uint32_t);
}

uint32_t samples_union(const void *samples, size_t count, size_t bytes)
{
    const uint8_t *at = samples;
    size_t left = count * bytes;
    uint64_t used = 0;

    for (; left >= 8; left -= 8, at += 8)
        used |= load(at);
    if (left > 0) {
        uint64_t word = 0;
        memcpy(&word, at, left);
        used |= word;
    }
    for (size_t bits = 32; bits >= 8 * bytes; bits /= 2)
        used |= used >> bits;
    return (uint32_t)(used & low_bits((unsigned)(8 * bytes)));
}

/* A number of `bits` bits has copies of its sign above: what differs from the sign is or-ed together. */
#define UNLIKE_SIGN_LOOP(type) \
    do { \
        const type *const code = samples; \
        const unsigned up = 32 - width; \
        for (size_t i = 0; i < count; i++) { \
            const int32_t value = (int32_t)((uint32_t)code[i] << up) >> up; \
            unlike |= (uint32_t)(value ^ (value >> 31)); \
        } \
    } while (0)

bool samples_fit(const void *samples, size_t count, size_t bytes, unsigned width, unsigned bits, bool is_signed)
{
    uint32_t unlike = 0;

    if (!is_signed)
        return ((samples_union(samples, count, bytes) & low_bits(width)) >> (bits - 1)) >> 1 == 0;
    if (bytes == 1)
        UNLIKE_SIGN_LOOP(uint8_t);
    else if (bytes == 2)
        UNLIKE_SIGN_LOOP(uint16_t);
    else
        UNLIKE_SIGN_LOOP(uint32_t);
    return unlike >> (bits - 1) == 0;
}

#define CONVERT_LOOP(from_type, to_type) \
    do { \
        const from_type *source = from; \
        to_type *target = to; \
        for (size_t i = 0; i < count; i++) \
            target[i] = (to_type)source[i]; \
    } while (0)

void samples_convert(const void *from, size_t from_bytes, bool is_signed, size_t count, void *to,
                     size_t to_bytes)
{
    if (from_bytes == to_bytes)
        memcpy(to, from, count * to_bytes);
    else if (from_bytes == 1 && to_bytes == 2 && is_signed)
        CONVERT_LOOP(int8_t, int16_t);
    else if (from_bytes == 1 && to_bytes == 2)
        CONVERT_LOOP(uint8_t, uint16_t);
    else if (from_bytes == 1 && is_signed)
        CONVERT_LOOP(int8_t, int32_t);
    else if (from_bytes == 1)
        CONVERT_LOOP(uint8_t, uint32_t);
    else if (from_bytes == 2 && to_bytes == 4 && is_signed)
        CONVERT_LOOP(int16_t, int32_t);
    else if (from_bytes == 2 && to_bytes == 4)
        CONVERT_LOOP(uint16_t, uint32_t);
    else if (from_bytes == 2)
        CONVERT_LOOP(uint16_t, uint8_t);
    else if (to_bytes == 2)
        CONVERT_LOOP(uint32_t, uint16_t);
    else
        CONVERT_LOOP(uint32_t, uint8_t);
}

/* One bit to one byte, eight at a time. */
static void unpack_bits(const uint8_t *packed, unsigned bit_offset, size_t count, uint8_t *to)
{
    const uint64_t one_bit_each = UINT64_C(0x8040201008040201);
    const uint64_t carry = UINT64_C(0x7f7f7f7f7f7f7f7f), ones = UINT64_C(0x0101010101010101);

    for (; count >= 8; count -= 8, to += 8, packed++) {
        unsigned byte = packed[0];
        if (bit_offset > 0)
            byte = (byte | (unsigned)packed[1] << 8) >> bit_offset & 0xffu;
        store(to, ((byte * ones & one_bit_each) + carry) >> 7 & ones);
    }
    for (size_t i = 0; i < count; i++) {
        const size_t bit = bit_offset + i;
        to[i] = packed[bit / 8] >> bit % 8 & 1u;
    }
}

void samples_unpack(const uint8_t *packed, unsigned bit_offset, unsigned bits, size_t count,
                    void *to, size_t to_bytes)
{
    if (bits == 1 && to_bytes == 1) {
        unpack_bits(packed, bit_offset, count, to);
        return;
    }
    uint64_t held = 0;
    unsigned have = 0;
    for (size_t i = 0; i < count; i++) {
        const unsigned skip = i == 0 ? bit_offset : 0;
        while (have < bits + skip) {
            held |= (uint64_t)*packed++ << have;
            have += 8;
        }
        held >>= skip;
        const uint32_t code = (uint32_t)(held & low_bits(bits));
        held >>= bits;
        have -= bits + skip;
        memcpy((uint8_t *)to + i * to_bytes, &code, to_bytes);
    }
}

/* The source may lie anywhere: it is read with memcpy. */
#define INTERLEAVE_LOOP(type) \
    do { \
        for (unsigned s = 0; s < samples; s++) { \
            const uint8_t *source = (const uint8_t *)planes + s * pixels * sizeof(type); \
            type *target = (type *)to + s; \
            for (size_t i = 0; i < pixels; i++) \
                memcpy(&target[i * samples], source + i * sizeof(type), sizeof(type)); \
        } \
    } while (0)

void samples_interleave(const void *planes, size_t pixels, unsigned samples, size_t bytes, void *to)
{
    if (bytes == 1)
        INTERLEAVE_LOOP(uint8_t);
    else if (bytes == 2)
        INTERLEAVE_LOOP(uint16_t);
    else if (bytes == 4)
        INTERLEAVE_LOOP(uint32_t);
    else
        INTERLEAVE_LOOP(uint64_t);
}

#define EXPAND_422_LOOP(type) \
    do { \
        const uint8_t *source = from; \
        type *target = to, pair[4]; \
        for (size_t i = 0; i < pixels / 2; i++, source += sizeof pair, target += 6) { \
            memcpy(pair, source, sizeof pair); \
            target[0] = pair[0]; \
            target[3] = pair[1]; \
            target[1] = target[4] = pair[2]; \
            target[2] = target[5] = pair[3]; \
        } \
    } while (0)

void samples_expand_422(const void *from, size_t pixels, size_t bytes, void *to)
{
    if (bytes == 1)
        EXPAND_422_LOOP(uint8_t);
    else if (bytes == 2)
        EXPAND_422_LOOP(uint16_t);
    else
        EXPAND_422_LOOP(uint32_t);
}
