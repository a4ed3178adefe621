#include "dicom/lut.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

void lut_release(struct lut *lut)
{
    memory_free(lut->values);
    *lut = (struct lut){0};
}

/* Number of entries, first input, bits of an entry. */
static bool read_descriptor(const struct dataset *dataset, uint32_t tag, bool input_signed,
                            struct lut *lut, struct error *err)
{
    double numbers[3];
    char vr[3] = "";
    if (dataset_numbers(dataset, tag, "US", numbers, 3) != 3)
        return error_set(err, ERROR_CORRUPT, "LUT descriptor (%04x,%04x): expected 3 values",
                         tag >> 16, tag & 0xffff);
    dataset_vr(dataset, tag, vr);
    const uint32_t entries = (uint32_t)(uint16_t)(int32_t)numbers[0];
    lut->entries = entries ? entries : (uint32_t)LIMIT(LUT_ENTRIES);
    const uint16_t first = (uint16_t)(int32_t)numbers[1];
    lut->first = input_signed || !strcmp(vr, "SS") ? (int16_t)first : (int32_t)first;
    lut->bits = (uint16_t)(int32_t)numbers[2];
    if (lut->bits == 0 || lut->bits > 16)
        return error_set(err, ERROR_CORRUPT,
                         "LUT descriptor (%04x,%04x): expected 8 to 16 bits an entry, found %u",
                         tag >> 16, tag & 0xffff, lut->bits);
    return true;
}

static uint16_t word_at(const uint8_t *bytes, size_t index, bool swapped)
{
    const uint8_t *b = bytes + 2 * index;
    return (uint16_t)(swapped ? b[0] << 8 | b[1] : b[1] << 8 | b[0]);
}

/* UN and OB values are still in the file's byte order. */
static bool is_swapped(const struct dataset *dataset, uint32_t tag)
{
    char vr[3];
    return dataset_is_big_endian(dataset) && dataset_vr(dataset, tag, vr) &&
           (!strcmp(vr, "UN") || !strcmp(vr, "OB"));
}

/* The size tells how entries are stored: in words, or (8 bits, and writers who mean it) packed in
 * bytes. */
static void copy_entries(const uint8_t *bytes, size_t size, bool swapped, struct lut *lut)
{
    const bool words = size >= 2 * (size_t)lut->entries || (lut->bits > 8 && size != lut->entries);
    const size_t available = words ? size / 2 : size;
    if (available < lut->entries)
        lut->entries =
            (uint32_t)available; /* a short table ends earlier: inputs beyond take its last value */
    for (uint32_t i = 0; i < lut->entries; i++)
        lut->values[i] = words ? word_at(bytes, i, swapped) : bytes[i];
    if (!words)
        lut->bits = 8;
}

/* Descriptors err: 16 bits declared and bytes given (most palettes of the nineties), or fewer bits
 * than the values have. */
static void correct_bits(struct lut *lut)
{
    uint16_t most = 0;
    for (uint32_t i = 0; i < lut->entries; i++)
        if (lut->values[i] > most)
            most = lut->values[i];
    if (lut->bits == 16 && most < 256 && most > 0)
        lut->bits = 8;
    while (lut->bits < 16 && most >> lut->bits)
        lut->bits++;
}

bool lut_read(const struct dataset *dataset, uint32_t descriptor, uint32_t data, bool input_signed,
              struct lut *lut, struct error *err)
{
    size_t size;
    *lut = (struct lut){0};
    if (!read_descriptor(dataset, descriptor, input_signed, lut, err))
        return false;
    const uint8_t *bytes = dataset_raw(dataset, data, &size);
    if (!bytes || size < 2)
        return error_set(err, ERROR_CORRUPT,
                         "LUT data (%04x,%04x): expected %u entries, found none", data >> 16,
                         data & 0xffff, lut->entries);
    if (!(lut->values = memory_array(lut->entries, sizeof lut->values[0], err)))
        return false;
    copy_entries(bytes, size, is_swapped(dataset, data), lut);
    correct_bits(lut);
    return true;
}

/* ---------------------------------------------------------------- segments */

struct segments {
    const uint8_t *bytes;
    size_t size;   /* in bytes */
    unsigned unit; /* bytes of one number: 1 or 2 */
    bool swapped;
    struct lut *lut;
    uint32_t filled;
};

static bool next_number(const struct segments *s, size_t *at, uint32_t *number)
{
    if (*at + s->unit > s->size)
        return false;
    *number = s->unit == 1 ? s->bytes[*at]
                           : (uint32_t)(s->swapped ? s->bytes[*at] << 8 | s->bytes[*at + 1]
                                                   : s->bytes[*at + 1] << 8 | s->bytes[*at]);
    *at += s->unit;
    return true;
}

static bool fill(struct segments *s, uint32_t value)
{
    if (s->filled == s->lut->entries)
        return false;
    s->lut->values[s->filled++] = (uint16_t)value;
    return true;
}

static bool expand_discrete(struct segments *s, size_t *at, uint32_t length)
{
    for (uint32_t i = 0, value; i < length; i++)
        if (!next_number(s, at, &value) || !fill(s, value))
            return false;
    return true;
}

static bool expand_linear(struct segments *s, size_t *at, uint32_t length)
{
    uint32_t to;
    if (!s->filled || !length || !next_number(s, at, &to))
        return false;
    const int32_t from = s->lut->values[s->filled - 1];
    for (uint32_t i = 1; i <= length; i++) {
        const int64_t twice = 2 * ((int64_t)to - from) * i;
        const int64_t step =
            (twice + (twice < 0 ? -(int64_t)length : (int64_t)length)) / (2 * (int64_t)length);
        if (!fill(s, (uint32_t)(from + step)))
            return false;
    }
    return true;
}

/* One segment at *at; those that an indirect segment (opcode 2) repeats are plain. */
static bool expand_segment(struct segments *s, size_t *at, bool plain_only)
{
    uint32_t opcode, length;
    if (!next_number(s, at, &opcode) || !next_number(s, at, &length))
        return false;
    if (opcode == 0)
        return expand_discrete(s, at, length);
    if (opcode == 1)
        return expand_linear(s, at, length);
    if (opcode != 2 || plain_only)
        return false;
    uint32_t offset = 0;
    for (unsigned i = 0, part; i < 4 / s->unit; i++) { /* least significant part first */
        if (!next_number(s, at, &part))
            return false;
        offset |= part << (8 * s->unit * i);
    }
    size_t again = offset;
    for (uint32_t i = 0; i < length; i++)
        if (!expand_segment(s, &again, true))
            return false;
    return true;
}

bool lut_read_segmented(const struct dataset *dataset, uint32_t descriptor, uint32_t data,
                        struct lut *lut, struct error *err)
{
    struct segments s = {.lut = lut};
    size_t at = 0;
    *lut = (struct lut){0};
    if (!read_descriptor(dataset, descriptor, false, lut, err))
        return false;
    s.bytes = dataset_raw(dataset, data, &s.size);
    s.unit = lut->bits > 8 ? 2 : 1;
    s.swapped = is_swapped(dataset, data);
    if (!(lut->values = memory_array(lut->entries, sizeof lut->values[0], err)))
        return false;
    while (s.bytes && s.filled < lut->entries && at + 2 * s.unit <= s.size)
        if (!expand_segment(&s, &at, false))
            break;
    if (s.filled != lut->entries)
        return error_set(err, ERROR_CORRUPT,
                         "segmented LUT (%04x,%04x): expected %u entries, found %u", data >> 16,
                         data & 0xffff, lut->entries, s.filled);
    correct_bits(lut);
    return true;
}
