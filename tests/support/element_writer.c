#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "dicom_writer.h"

static bool put_number(struct buffer *out, uint64_t bits, unsigned bytes, bool big_endian,
                       struct error *err)
{
    uint8_t data[8];

    for (unsigned i = 0; i < bytes; i++)
        data[big_endian ? bytes - 1 - i : i] = (uint8_t)(bits >> 8 * i);
    return buffer_append(out, data, bytes, err);
}

static bool put_tag(struct buffer *out, uint32_t tag, bool big_endian, struct error *err)
{
    return put_number(out, tag >> 16, 2, big_endian, err) &&
           put_number(out, tag & 0xffff, 2, big_endian, err);
}

static bool is_long(const char *vr)
{
    static const char *const longs[] = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"};

    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++)
        if (memcmp(vr, longs[i], 2) == 0)
            return true;
    return false;
}

bool element_head(uint32_t tag, const char *vr, uint32_t length, struct writing writing,
                  struct buffer *out, struct placed *placed, struct error *err)
{
    const bool big = writing.big_endian;
    const size_t at = out->size;
    unsigned length_size = 4;

    if (!put_tag(out, tag, big, err))
        return false;
    if (writing.explicit_vr && tag >> 16 != 0xfffe) {
        if (!buffer_append(out, vr, 2, err))
            return false;
        if (is_long(vr)) {
            if (!buffer_append(out, "\0\0", 2, err))
                return false;
        } else {
            length_size = 2;
        }
    }
    if (placed != NULL)
        *placed = (struct placed){tag, at, out->size, out->size + length_size, length_size};
    return put_number(out, length, length_size, big, err);
}

static bool put_hex(const char *text, struct buffer *out, struct error *err)
{
    unsigned value = 0, digits = 0;

    for (; *text != '\0'; text++) {
        const char *const digit = strchr("0123456789abcdef", *text | 32);

        if (*text == ' ')
            continue;
        if (digit == NULL)
            return error_set(err, ERROR_USAGE, "bad hexadecimal digit '%c'", *text);
        value = value << 4 | (unsigned)(digit - "0123456789abcdef");
        if (++digits % 2 == 0 && !buffer_put_u8(out, (uint8_t)value, err))
            return false;
    }
    return true;
}

/* \xHH is that byte; all else as it stands. */
static bool put_text(const char *text, bool uid, struct buffer *out, struct error *err)
{
    const size_t from = out->size;

    for (; *text != '\0'; text++) {
        char hex[3] = {text[0], 0, 0};

        if (text[0] == '\\' && text[1] == 'x' && text[2] != '\0' && text[3] != '\0') {
            hex[0] = text[2];
            hex[1] = text[3];
            if (!buffer_put_u8(out, (uint8_t)strtoul(hex, NULL, 16), err))
                return false;
            text += 3;
        } else if (!buffer_append(out, text, 1, err)) {
            return false;
        }
    }
    return (out->size - from) % 2 == 0 || buffer_append(out, uid ? "\0" : " ", 1, err);
}

static unsigned number_bytes(const char *vr)
{
    static const struct { char vr[3]; unsigned bytes; } widths[] = {
        {"US", 2}, {"SS", 2}, {"OW", 2}, {"UL", 4}, {"SL", 4}, {"OL", 4}, {"FL", 4}, {"OF", 4},
        {"FD", 8}, {"OD", 8}, {"UV", 8}, {"SV", 8}, {"OV", 8}, {"OB", 1}, {"UN", 1}, {"AT", 4},
    };

    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        if (memcmp(vr, widths[i].vr, 2) == 0)
            return widths[i].bytes;
    return 0;
}

static bool put_value(const char *vr, double value, unsigned bytes, bool big_endian, struct buffer *out,
                      struct error *err)
{
    uint64_t bits = 0;

    if (vr[0] == 'F' || memcmp(vr, "OF", 2) == 0 || memcmp(vr, "OD", 2) == 0) {
        const float single = (float)value;

        if (bytes == 4)
            memcpy(&bits, &single, 4);
        else
            memcpy(&bits, &value, 8);
    } else {
        bits = value < 0 ? (uint64_t)(int64_t)value : (uint64_t)value;
    }
    return put_number(out, bits, bytes, big_endian, err);
}

static bool put_numbers(const char *vr, const char *text, bool big_endian, struct buffer *out,
                        struct error *err)
{
    const unsigned bytes = number_bytes(vr);
    char *end;

    if (strncmp(text, "ramp:", 5) == 0) { /* ramp:first:step:count */
        const double first = strtod(text + 5, &end), step = strtod(*end != '\0' ? end + 1 : end, &end);
        const double count = strtod(*end != '\0' ? end + 1 : end, NULL);

        for (double i = 0; i < count; i++)
            if (!put_value(vr, first + step * i, bytes, big_endian, out, err))
                return false;
        return true;
    }
    while (*text != '\0') {
        if (memcmp(vr, "AT", 2) == 0) {
            const uint32_t group = (uint32_t)strtoul(text, &end, 16);

            if (!put_tag(out, group << 16 | (uint32_t)strtoul(end + 1, &end, 16), big_endian, err))
                return false;
        } else if (!put_value(vr, strtod(text, &end), bytes, big_endian, out, err)) {
            return false;
        }
        if (end == text)
            return error_set(err, ERROR_USAGE, "expected a number, found \"%s\"", text);
        text = *end == '\\' ? end + 1 : end;
    }
    return true;
}

static bool put_sequence(const struct recipe_element *element, struct writing writing, struct buffer *out,
                         struct error *err)
{
    const struct writing tag_only = {false, writing.big_endian};
    const bool undefined = element->undefined_length;
    struct buffer item = {0};
    bool ok = true;

    for (size_t i = 0; ok && element->items != NULL && i < element->items->count; i++) {
        buffer_clear(&item);
        ok = set_write(&element->items->sets[i], writing, &item, NULL, err) &&
             element_head(0xfffee000, "", undefined ? UINT32_MAX : (uint32_t)item.size, tag_only, out, NULL, err) &&
             buffer_append(out, item.data, item.size, err) &&
             (!undefined || element_head(0xfffee00d, "", 0, tag_only, out, NULL, err));
    }
    buffer_release(&item);
    return ok && (!undefined || element_head(0xfffee0dd, "", 0, tag_only, out, NULL, err));
}

bool element_value(const struct recipe_element *element, struct writing writing, struct buffer *out,
                   struct error *err)
{
    const char *const value = element->value;
    const size_t from = out->size;

    if (memcmp(element->vr, "SQ", 2) == 0 || element->items != NULL)
        return put_sequence(element, writing, out, err);
    if (strncmp(value, "hex:", 4) == 0) /* as it is: an odd length, too */
        return put_hex(value + 4, out, err);
    if (strncmp(value, "text:", 5) == 0) { /* repeated text: text:COUNT:x */
        char *end;

        for (unsigned long count = strtoul(value + 5, &end, 10); count > 0; count--)
            if (!buffer_puts(out, *end == ':' ? end + 1 : "x", err))
                return false;
    } else if (strncmp(value, "bytes:", 6) == 0) { /* bytes:first:step:count, whatever the VR */
        char *end;
        const double first = strtod(value + 6, &end), step = strtod(*end != '\0' ? end + 1 : end, &end);
        const double count = strtod(*end != '\0' ? end + 1 : end, NULL);

        for (double i = 0; i < count; i++)
            if (!buffer_put_u8(out, (uint8_t)(first + step * i), err))
                return false;
    } else if (strncmp(value, "file:", 5) == 0) {
        if (!path_read_file(value + 5, SIZE_MAX / 4, out, err))
            return false;
    } else if (number_bytes(element->vr) > 0) {
        if (!put_numbers(element->vr, value, writing.big_endian, out, err))
            return false;
    } else {
        return put_text(value, memcmp(element->vr, "UI", 2) == 0, out, err);
    }
    return (out->size - from) % 2 == 0 || buffer_put_u8(out, 0, err);
}

bool element_write(const struct recipe_element *element, struct writing writing, struct buffer *out,
                   struct placed *placed, struct error *err)
{
    struct buffer value = {0};
    bool ok = element_value(element, writing, &value, err);

    if (ok && writing.explicit_vr && !is_long(element->vr) && value.size > 0xffff)
        ok = error_set(err, ERROR_USAGE, "%08x: %zu bytes in a VR of 16-bit length", (unsigned)element->tag, value.size);
    ok = ok &&
         element_head(element->tag, element->vr, element->undefined_length ? UINT32_MAX : (uint32_t)value.size,
                      writing, out, placed, err) &&
         buffer_append(out, value.data, value.size, err);
    buffer_release(&value);
    return ok;
}

static int compare_tags(const void *a, const void *b)
{
    const struct recipe_element *const one = a, *const two = b;

    return one->tag < two->tag ? -1 : one->tag > two->tag;
}

bool set_write(struct recipe_set *set, struct writing writing, struct buffer *out,
               struct places *places, struct error *err)
{
    if (set->count > 1)
        qsort(set->elements, set->count, sizeof *set->elements, compare_tags);
    for (size_t i = 0; i < set->count; i++) {
        struct placed placed;

        if (!element_write(&set->elements[i], writing, out, &placed, err))
            return error_context(err, "%08x", (unsigned)set->elements[i].tag);
        if (places != NULL) {
            void *items = places->items;

            if (!memory_grow(&items, &places->capacity, places->count + 1, sizeof *places->items, err))
                return false;
            places->items = items;
            places->items[places->count++] = placed;
        }
    }
    return true;
}
