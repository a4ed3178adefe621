#include "dicom/dicom_json_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "dicom/charset.h"
#include "dicom/encoding.h"

enum { NUMBER_TEXT = 64 }; /* longer texts are no numbers: DS has at most 16 characters */
static const double EXACT_MOST = 9007199254740992.0; /* 2^53: from here on doubles skip integers */

#define VR(a, b) ((unsigned)(a) << 8 | (unsigned)(b))

static unsigned vr_code(const char vr[3])
{
    return VR((uint8_t)vr[0], (uint8_t)vr[1]);
}

/* ---------------------------------------------------------------- output */

void dicom_json_out_release(struct dicom_json_out *out)
{
    buffer_release(&out->text);
}

void dicom_json_put(struct dicom_json_out *out, const char *text, size_t size)
{
    if (!out->failed && !buffer_append(out->buffer, text, size, out->err))
        out->failed = true;
}

void dicom_json_puts(struct dicom_json_out *out, const char *text)
{
    dicom_json_put(out, text, strlen(text));
}

static void put_escape(struct dicom_json_out *out, char c)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof named; i += 2)
        if (named[i] == c) {
            const char escape[2] = {'\\', named[i + 1]};
            dicom_json_put(out, escape, 2);
            return;
        }
    char code[8];
    const int size = snprintf(code, sizeof code, "\\u%04x", (unsigned)(uint8_t)c);
    dicom_json_put(out, code, (size_t)size);
}

void dicom_json_put_string(struct dicom_json_out *out, const char *utf8, size_t size)
{
    size_t run = 0;
    dicom_json_put(out, "\"", 1);
    for (size_t i = 0; i < size; i++)
        if ((uint8_t)utf8[i] < 0x20 || utf8[i] == '"' || utf8[i] == '\\') {
            dicom_json_put(out, utf8 + run, i - run);
            put_escape(out, utf8[i]);
            run = i + 1;
        }
    dicom_json_put(out, utf8 + run, size - run);
    dicom_json_put(out, "\"", 1);
}

void dicom_json_put_hex(uint32_t tag, char text[8])
{
    for (int i = 7; i >= 0; i--, tag >>= 4)
        text[i] = "0123456789ABCDEF"[tag & 15];
}

void dicom_json_put_key(struct dicom_json_out *out, uint32_t tag, const char vr[3])
{
    char text[] = "\"GGGGEEEE\":{\"vr\":\"XX\"";
    dicom_json_put_hex(tag, text + 1);
    memcpy(text + sizeof text - 4, vr, 2);
    dicom_json_put(out, text, sizeof text - 1);
}

/* ---------------------------------------------------------------- binary */

bool dicom_json_vr_is_binary(const char vr[3])
{
    return (vr[0] == 'O' && memchr("BDFLVW", vr[1], 6)) || vr_code(vr) == VR('U', 'N');
}

/* RFC 4648 4, in pieces that keep the steps of the buffer small. */
void dicom_json_put_binary(struct dicom_json_out *out, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char piece[1024];
    size_t used = 0;
    dicom_json_puts(out, ",\"InlineBinary\":\"");
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t bits = (uint32_t)bytes[i] << 16 |
                              (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (left > 2 ? bytes[i + 2] : 0);
        piece[used++] = digits[bits >> 18];
        piece[used++] = digits[bits >> 12 & 63];
        piece[used++] = left > 1 ? digits[bits >> 6 & 63] : '=';
        piece[used++] = left > 2 ? digits[bits & 63] : '=';
        if (used == sizeof piece) {
            dicom_json_put(out, piece, used);
            used = 0;
        }
    }
    dicom_json_put(out, piece, used);
    dicom_json_put(out, "\"", 1);
}

/* ---------------------------------------------------------------- binary numbers */

size_t dicom_json_vr_size(const char vr[3])
{
    switch (vr_code(vr)) {
    case VR('U', 'S'):
    case VR('S', 'S'):
        return 2;
    case VR('U', 'L'):
    case VR('S', 'L'):
    case VR('F', 'L'):
    case VR('A', 'T'):
        return 4;
    case VR('F', 'D'):
    case VR('S', 'V'):
    case VR('U', 'V'):
        return 8;
    default:
        return 0;
    }
}

/* The digits of `magnitude` at the end of `text`. */
static char *format_digits(uint64_t magnitude, char *end)
{
    do
        *--end = (char)('0' + magnitude % 10);
    while (magnitude /= 10);
    return end;
}

static void put_integer(struct dicom_json_out *out, bool negative, uint64_t magnitude)
{
    char text[24], *const end = text + sizeof text - 1, *begin = format_digits(magnitude, end);
    const bool beyond = magnitude > (uint64_t)EXACT_MOST;
    if (negative)
        *--begin = '-';
    if (beyond)
        *--begin = *end = '"';
    dicom_json_put(out, begin, (size_t)(end - begin) + beyond);
}

static void put_signed(struct dicom_json_out *out, int64_t value)
{
    put_integer(out, value < 0, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

/* The shortest text that reads back as the same number of its own width: 0.1f is 0.1. */
static void put_real(struct dicom_json_out *out, double value, bool single)
{
    char text[32];
    if (fabs(value) < 1e9 && value == floor(value) && !(value == 0 && signbit(value))) {
        put_signed(out, (int64_t)value);
        return;
    }
    if (!single || !isfinite(value)) {
        json_format_real(value, text);
    } else {
        for (int digits = 6; digits <= 9; digits++) {
            (void)snprintf(text, sizeof text, "%.*g", digits, value);
            if (strtof(text, NULL) == (float)value)
                break;
        }
    }
    dicom_json_puts(out, text);
}

static void put_number(struct dicom_json_out *out, unsigned vr, const uint8_t *bytes,
                       struct encoding encoding)
{
    const uint32_t first = encoding_u32(encoding, bytes);
    float single;
    memcpy(&single, &first, sizeof single);
    switch (vr) {
    case VR('U', 'L'):
        put_integer(out, false, first);
        break;
    case VR('S', 'L'):
        put_signed(out, (int32_t)first);
        break;
    case VR('F', 'L'):
        put_real(out, (double)single, true);
        break;
    default: { /* AT: two numbers of 16 bits */
        char text[10] = "\"GGGGEEEE\"";
        dicom_json_put_hex(encoding_tag(encoding, bytes), text + 1);
        dicom_json_put(out, text, sizeof text);
    }
    }
}

static void put_long_number(struct dicom_json_out *out, unsigned vr, const uint8_t *bytes,
                            struct encoding encoding)
{
    const uint64_t first = encoding_u32(encoding, bytes),
                   second = encoding_u32(encoding, bytes + 4),
                   bits = encoding.big_endian ? first << 32 | second : second << 32 | first;
    double real;
    memcpy(&real, &bits, sizeof real);
    if (vr == VR('F', 'D'))
        put_real(out, real, false);
    else if (vr == VR('S', 'V'))
        put_signed(out, (int64_t)bits);
    else
        put_integer(out, false, bits);
}

static void put_numbers(struct dicom_json_out *out, const char vr[3], const uint8_t *bytes,
                        size_t size, bool big_endian)
{
    const struct encoding encoding = {.big_endian = big_endian};
    const size_t width = dicom_json_vr_size(vr), count = size / width;
    const unsigned code = vr_code(vr);
    if (!count)
        return;
    dicom_json_puts(out, ",\"Value\":[");
    for (size_t i = 0; i < count; i++, bytes += width) {
        if (i)
            dicom_json_put(out, ",", 1);
        if (width == 8)
            put_long_number(out, code, bytes, encoding);
        else if (width == 4)
            put_number(out, code, bytes, encoding);
        else if (code == VR('S', 'S'))
            put_signed(out, (int16_t)encoding_u16(encoding, bytes));
        else
            put_integer(out, false, encoding_u16(encoding, bytes));
    }
    dicom_json_put(out, "]", 1);
}

/* ---------------------------------------------------------------- numbers in text */

static size_t digits_at(const char *text, size_t size)
{
    size_t count = 0;
    while (count < size && text[count] >= '0' && text[count] <= '9')
        count++;
    return count;
}

/* What is left of the text of a number. */
struct scan {
    const char *text;
    size_t size;
};

static bool take(struct scan *scan, const char *any)
{
    if (!scan->size || !strchr(any, *scan->text))
        return false;
    scan->text++;
    scan->size--;
    return true;
}

/* Digits without leading zeros; returns how many there were before. */
static size_t copy_digits(struct scan *scan, char *to, size_t *used)
{
    const size_t count = digits_at(scan->text, scan->size);
    size_t zeros = 0;
    while (zeros + 1 < count && scan->text[zeros] == '0')
        zeros++;
    memcpy(to + *used, scan->text + zeros, count - zeros);
    *used += count - zeros;
    scan->text += count;
    scan->size -= count;
    return count;
}

/* Digits after the point, without zeros at their end. */
static size_t copy_fraction(struct scan *scan, char *to, size_t *used)
{
    const size_t count = digits_at(scan->text, scan->size);
    size_t kept = count;
    while (kept && scan->text[kept - 1] == '0')
        kept--;
    if (kept)
        to[(*used)++] = '.';
    memcpy(to + *used, scan->text, kept);
    *used += kept;
    scan->text += count;
    scan->size -= count;
    return count;
}

/* DS or IS (PS3.5 6.2: +, leading zeros, "5." and ".5" are allowed) as a JSON number in `to`, with
 * a NUL; 0 if it is none. */
static size_t number_of_text(const char *text, size_t size, char to[NUMBER_TEXT + 4])
{
    struct scan scan = {text, size};
    size_t used = 0;
    if (size > NUMBER_TEXT)
        return 0;
    if (take(&scan, "-"))
        to[used++] = '-';
    else
        (void)take(&scan, "+");
    const size_t whole = copy_digits(&scan, to, &used);
    if (!whole)
        to[used++] = '0';
    const size_t fraction = take(&scan, ".") ? copy_fraction(&scan, to, &used) : 0;
    if (whole + fraction == 0)
        return 0;
    if (take(&scan, "eE")) {
        to[used++] = 'e';
        if (take(&scan, "-"))
            to[used++] = '-';
        else
            (void)take(&scan, "+");
        if (!copy_digits(&scan, to, &used))
            return 0;
    }
    to[used] = '\0';
    return scan.size ? 0 : used;
}

/* Readers make doubles of it: not too large, nor an integer in a place where they skip. */
static bool fits_double(const char *number, size_t size, bool integer)
{
    if (size <= 15 && !memchr(number, 'e', size))
        return true;
    const double value = strtod(number, NULL);
    if (!isfinite(value) || (integer && fabs(value) > EXACT_MOST))
        return false;
    return value != 0 || strspn(number, "-0.") >= strcspn(number, "e");
}

static void put_decimal(struct dicom_json_out *out, const char *text, size_t size, bool integer)
{
    char number[NUMBER_TEXT + 4];
    const size_t length = number_of_text(text, size, number);
    if (length && fits_double(number, length, integer))
        dicom_json_put(out, number, length);
    else
        dicom_json_put_string(out, text, size);
}

/* ---------------------------------------------------------------- text */

/* One value of many between backslashes, or all of the text (PS3.5 6.2: VM 1 by definition). */
static bool is_one_value(unsigned vr)
{
    return vr == VR('L', 'T') || vr == VR('S', 'T') || vr == VR('U', 'T') || vr == VR('U', 'R');
}

/* Blanks before a value mean something there. */
static bool keeps_leading_blanks(unsigned vr)
{
    return is_one_value(vr) || vr == VR('U', 'C');
}

static void trim(const char **text, size_t *size, bool leading)
{
    while (*size && (*text)[*size - 1] == ' ')
        --*size;
    while (leading && *size && **text == ' ') {
        ++*text;
        --*size;
    }
}

/* Printable ASCII: the same in every character set. */
static bool is_plain(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] < 0x20 || bytes[i] > 0x7e)
            return false;
    return true;
}

/* UTF-8 without control characters; *text stays valid until the next call. */
static bool convert(struct dicom_json_out *out, const char *charset, bool person_name,
                    const char **text, size_t *size)
{
    enum { MOST = 4 }; /* bytes of UTF-8 for one of any set */
    if (is_plain((const uint8_t *)*text, *size))
        return true;
    buffer_clear(&out->text);
    if (!buffer_reserve(&out->text, *size * MOST + 16, out->err)) {
        out->failed = true;
        return false;
    }
    char *const to = (char *)out->text.data;
    charset_to_utf8(charset, *text, *size, person_name, to, *size * MOST + 16);
    *text = to;
    *size = strlen(to);
    return true;
}

/* PS3.18 F.2.2: the groups of components as members; an empty name is null. */
static void put_name(struct dicom_json_out *out, const char *text, size_t size)
{
    static const char *const groups[] = {"\"Alphabetic\":", "\"Ideographic\":", "\"Phonetic\":"};
    const char *const end = text + size;
    bool any = false;
    for (size_t i = 0; i < 3 && text <= end; i++) {
        const char *const stop = memchr(text, '=', (size_t)(end - text));
        const char *group = text;
        size_t length = (size_t)((stop ? stop : end) - text);
        trim(&group, &length, true);
        if (length) {
            dicom_json_puts(out, any ? "," : "{");
            dicom_json_puts(out, groups[i]);
            dicom_json_put_string(out, group, length);
            any = true;
        }
        text = stop ? stop + 1 : end + 1;
    }
    dicom_json_puts(out, any ? "}" : "null");
}

static void put_text(struct dicom_json_out *out, unsigned vr, const char *text, size_t size)
{
    trim(&text, &size, !keeps_leading_blanks(vr));
    if (!size)
        dicom_json_puts(out, "null");
    else if (vr == VR('P', 'N'))
        put_name(out, text, size);
    else if (vr == VR('D', 'S') || vr == VR('I', 'S'))
        put_decimal(out, text, size, vr == VR('I', 'S'));
    else
        dicom_json_put_string(out, text, size);
}

/* Blanks only; of a name, also nothing but =. */
static bool is_nothing(unsigned vr, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] != ' ' && (vr != VR('P', 'N') || text[i] != '='))
            return false;
    return true;
}

static void put_texts(struct dicom_json_out *out, unsigned vr, const uint8_t *bytes, size_t size,
                      const char *charset)
{
    const char *text = (const char *)bytes;
    const uint8_t *const nul = memchr(bytes, 0, size);
    if (nul) /* padding, and what some writers leave behind it */
        size = (size_t)(nul - bytes);
    if (!convert(out, charset, vr == VR('P', 'N'), &text, &size) || is_nothing(vr, text, size))
        return;
    const char *const end = text + size;
    dicom_json_puts(out, ",\"Value\":[");
    for (;;) {
        const char *const stop = is_one_value(vr) ? NULL : memchr(text, '\\', (size_t)(end - text));
        put_text(out, vr, text, (size_t)((stop ? stop : end) - text));
        if (!stop)
            break;
        dicom_json_put(out, ",", 1);
        text = stop + 1;
    }
    dicom_json_put(out, "]", 1);
}

void dicom_json_put_value(struct dicom_json_out *out, const char vr[3], const uint8_t *bytes,
                          size_t size, const char *charset, bool big_endian)
{
    if (dicom_json_vr_size(vr))
        put_numbers(out, vr, bytes, size, big_endian);
    else if (size)
        put_texts(out, vr_code(vr), bytes, size, charset);
}
