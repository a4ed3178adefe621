#include "dicom/encoding.h"

#include <string.h>

static const char short_vrs[] = "AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS";
static const char long_vrs[] = "OBODOFOLOVOWSQSVUCUNURUTUV";

static bool is_in(const char *list, const uint8_t vr[2])
{
    for (; *list; list += 2)
        if (!memcmp(list, vr, 2))
            return true;
    return false;
}

bool vr_is_long(const uint8_t vr[2])
{
    return is_in(long_vrs, vr);
}

bool vr_is_known(const uint8_t vr[2])
{
    return is_in(short_vrs, vr) || is_in(long_vrs, vr);
}

uint16_t encoding_u16(struct encoding encoding, const uint8_t *b)
{
    return (uint16_t)(encoding.big_endian ? b[0] << 8 | b[1] : b[1] << 8 | b[0]);
}

uint32_t encoding_u32(struct encoding encoding, const uint8_t *b)
{
    const uint32_t first = encoding_u16(encoding, b), second = encoding_u16(encoding, b + 2);
    return encoding.big_endian ? first << 16 | second : second << 16 | first;
}

uint32_t encoding_tag(struct encoding encoding, const uint8_t *b)
{
    return (uint32_t)encoding_u16(encoding, b) << 16 | encoding_u16(encoding, b + 2);
}

static void put_u16(struct encoding encoding, uint32_t value, uint8_t *b)
{
    b[encoding.big_endian ? 0 : 1] = (uint8_t)(value >> 8);
    b[encoding.big_endian ? 1 : 0] = (uint8_t)value;
}

void encoding_put_tag(struct encoding encoding, uint32_t tag, uint8_t *b)
{
    put_u16(encoding, tag >> 16, b);
    put_u16(encoding, tag & 0xffff, b + 2);
}

void encoding_put_u32(struct encoding encoding, uint32_t value, uint8_t *b)
{
    put_u16(encoding, encoding.big_endian ? value >> 16 : value & 0xffff, b);
    put_u16(encoding, encoding.big_endian ? value & 0xffff : value >> 16, b + 2);
}

/* Header and value of the element at `at` make sense: *next is the one after it. */
static bool element_makes_sense(struct encoding encoding, const uint8_t *bytes, size_t size,
                                uint64_t rest, uint64_t at, uint32_t *last_tag, uint64_t *next)
{
    const uint8_t *b = bytes + at;
    const uint32_t tag = encoding_tag(encoding, b);
    uint64_t value = at + 8;
    uint32_t length;
    /* Data sets begin in group 0008, or with a command, a file meta or a directory group. */
    if (*last_tag == 0 ? tag == 0 || tag >> 16 > 0x0028 : tag <= *last_tag)
        return false;
    if (encoding.explicit_vr) {
        if (!vr_is_known(b + 4))
            return false;
        length = encoding_u16(encoding, b + 6);
        if (vr_is_long(b + 4)) {
            if (at + 12 > size)
                return false;
            length = encoding_u32(encoding, b + 8);
            value = at + 12;
        }
    } else {
        length = encoding_u32(encoding, b + 4);
        /* "UI\x16\x00" is an explicit header, and 1.4 MB as a length. */
        if (vr_is_known(b + 4) && length > 0xffff)
            return false;
    }
    *last_tag = tag;
    *next = value;
    if (length == UINT32_MAX) { /* what follows should be an item */
        *next = UINT64_MAX;
        return true;
    }
    if (value > rest || length > rest - value)
        return false;
    *next = value + length;
    return true;
}

unsigned encoding_score(struct encoding encoding, const uint8_t *bytes, size_t size, uint64_t rest)
{
    uint32_t last_tag = 0;
    uint64_t at = 0;
    for (unsigned score = 0; score < ENCODING_SCORE_MOST; score++) {
        uint64_t next = 0;
        if (at >= rest)
            return score ? ENCODING_SCORE_MOST : 0;
        if (at + 8 > size)
            return score;
        if (!element_makes_sense(encoding, bytes, size, rest, at, &last_tag, &next))
            return score;
        if (next == UINT64_MAX)
            return score + 1;
        at = next;
    }
    return ENCODING_SCORE_MOST;
}

unsigned encoding_guess(const uint8_t *bytes, size_t size, uint64_t rest, struct encoding preferred,
                        struct encoding *encoding)
{
    static const struct encoding candidates[] = {{true, false}, {false, false}, {true, true}};
    unsigned best = encoding_score(preferred, bytes, size, rest);
    *encoding = preferred;
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        const unsigned score = encoding_score(candidates[i], bytes, size, rest);
        if (score > best) {
            best = score;
            *encoding = candidates[i];
        }
    }
    return best;
}
