#include "dicom/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <string.h>

/* A set of PS3.3 C.12.1.1.2 tables C.12-2 to C.12-5 as iconv reads it. How bytes become input for
 * iconv differs: ISO 2022 sets are reached through G0 (7 bits) or G1 (8 bits), iconv wants the EUC
 * form. */
enum plane { PLANE_G0, PLANE_G1 };

struct set {
    const char *term;   /* after "ISO_IR " or "ISO 2022 IR ", or a whole term */
    const char *escape; /* after ESC; the second one of a term is a row of its own */
    enum plane plane;
    unsigned width; /* bytes a character in this plane */
    const char *iconv;
    uint8_t prefix; /* put before each character (EUC's SS3), 0 if none */
    bool high;      /* iconv wants the bytes with their top bit set */
};

static const struct set sets[] = {
    {"6", "(B", PLANE_G0, 1, "ASCII", 0, false},
    {"100", "-A", PLANE_G1, 1, "ISO-8859-1", 0, true},
    {"101", "-B", PLANE_G1, 1, "ISO-8859-2", 0, true},
    {"109", "-C", PLANE_G1, 1, "ISO-8859-3", 0, true},
    {"110", "-D", PLANE_G1, 1, "ISO-8859-4", 0, true},
    {"144", "-L", PLANE_G1, 1, "ISO-8859-5", 0, true},
    {"127", "-G", PLANE_G1, 1, "ISO-8859-6", 0, true},
    {"126", "-F", PLANE_G1, 1, "ISO-8859-7", 0, true},
    {"138", "-H", PLANE_G1, 1, "ISO-8859-8", 0, true},
    {"148", "-M", PLANE_G1, 1, "ISO-8859-9", 0, true},
    {"203", "-b", PLANE_G1, 1, "ISO-8859-15", 0, true},
    {"166", "-T", PLANE_G1, 1, "TIS-620", 0, true},
    {"13", ")I", PLANE_G1, 1, "EUC-JP", 0x8e, true},   /* JIS X 0201 katakana */
    {"13", "(J", PLANE_G0, 1, "ASCII", 0, false},      /* JIS X 0201 romaji, for which glibc has no name; yen and overline
                                                          are backslash and tilde, as in texts without katakana */
    {"87", "$B", PLANE_G0, 2, "EUC-JP", 0, true},      /* JIS X 0208 */
    {"87", "$@", PLANE_G0, 2, "EUC-JP", 0, true},      /* JIS C 6226-1978, met in old files */
    {"159", "$(D", PLANE_G0, 2, "EUC-JP", 0x8f, true}, /* JIS X 0212 */
    {"149", "$)C", PLANE_G1, 2, "EUC-KR", 0, true},    /* KS X 1001 */
    {"58", "$)A", PLANE_G1, 2, "EUC-CN", 0, true},     /* GB 2312 */
};
enum { SET_COUNT = sizeof sets / sizeof sets[0] };
static const char *const whole_sets[][2] = {
    /* without code extensions */
    {"ISO_IR 192", "UTF-8"},
    {"GB18030", "GB18030"},
    {"GBK", "GBK"},
};

/* ---------------------------------------------------------------- output */

struct output {
    char *text;
    size_t size, used;
    bool full;
    iconv_t
        descriptors[SET_COUNT + 1]; /* opened when first needed; (iconv_t)-1 failed, NULL not yet */
};

static void put(struct output *out, const char *bytes, size_t size)
{
    if (out->full || out->used + size >= out->size) {
        out->full = true;
        return;
    }
    memcpy(out->text + out->used, bytes, size);
    out->used += size;
}

static void put_replacement(struct output *out)
{
    put(out, "\xef\xbf\xbd", 3);
}

static size_t utf8_length(uint8_t first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Whole characters only; control characters other than CR, LF, FF, TAB are dropped. */
static void put_characters(struct output *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size;) {
        const uint8_t c = (uint8_t)bytes[i];
        const size_t length = utf8_length(c);
        const bool c1 = c == 0xc2 && (uint8_t)bytes[i + 1] < 0xa0;
        if (c1 || (c < 0x20 && !memchr("\r\n\f\t", c, 4)) || c == 0x7f) {
            i += length;
            continue;
        }
        put(out, bytes + i, length);
        i += length;
    }
}

/* ---------------------------------------------------------------- iconv */

static void convert_run(iconv_t descriptor, const char *bytes, size_t size, struct output *out)
{
    char *from = (char *)(uintptr_t)bytes; /* iconv does not write there */
    iconv(descriptor, NULL, NULL, NULL, NULL);
    while (size && !out->full) {
        char chunk[512], *to = chunk;
        size_t room = sizeof chunk;
        const size_t before = size;
        const size_t result = iconv(descriptor, &from, &size, &to, &room);
        put_characters(out, chunk, (size_t)(to - chunk));
        if (result != (size_t)-1 || (errno == E2BIG && (size != before || to != chunk)))
            continue;
        put_replacement(out);
        if (errno == EINVAL) /* cut in a character */
            return;
        from++;
        size--;
    }
}

static iconv_t descriptor_of(struct output *out, size_t slot, const char *name)
{
    if (!out->descriptors[slot])
        out->descriptors[slot] = iconv_open("UTF-8", name);
    return out->descriptors[slot];
}

static void convert_whole(const char *name, const char *bytes, size_t size, struct output *out)
{
    const iconv_t descriptor = descriptor_of(out, SET_COUNT, name);
    if (descriptor != (iconv_t)-1)
        convert_run(descriptor, bytes, size, out);
    else
        put_replacement(out);
}

/* One character of `width` bytes (all of one plane) in set `set`. */
static void convert_character(const struct set *set, const uint8_t *bytes, unsigned width,
                              struct output *out)
{
    const iconv_t descriptor = descriptor_of(out, (size_t)(set - sets), set->iconv);
    char coded[4];
    size_t size = 0;
    if (descriptor == (iconv_t)-1) {
        put_replacement(out);
        return;
    }
    if (set->prefix)
        coded[size++] = (char)set->prefix;
    for (unsigned i = 0; i < width; i++)
        coded[size++] = (char)(set->high ? bytes[i] | 0x80 : bytes[i] & 0x7f);
    char utf8[8], *from = coded, *to = utf8;
    size_t room = sizeof utf8;
    iconv(descriptor, NULL, NULL, NULL, NULL);
    if (iconv(descriptor, &from, &size, &to, &room) == (size_t)-1 || size)
        put_replacement(out);
    else
        put_characters(out, utf8, (size_t)(to - utf8));
}

/* ---------------------------------------------------------------- ISO 2022 */

struct state {
    const struct set *g[2]; /* NULL: nothing designated */
};

static const struct set *set_of_term(const char *number, size_t length, enum plane plane)
{
    for (size_t i = 0; i < SET_COUNT; i++)
        if (strlen(sets[i].term) == length && !memcmp(sets[i].term, number, length) &&
            sets[i].plane == plane)
            return &sets[i];
    return NULL;
}

/* The state that the first value of Specific Character Set demands; multi-byte sets need their
 * escape first, but some writers leave it out where there is nothing else, and then it is meant. */
static struct state initial_state(const char *term, size_t length)
{
    struct state state = {{&sets[0], NULL}};
    const char *number = NULL;
    if (length > 7 && !memcmp(term, "ISO_IR ", 7))
        number = term + 7;
    else if (length > 12 && !memcmp(term, "ISO 2022 IR ", 12))
        number = term + 12;
    if (!number)
        return state;
    const size_t digits = length - (size_t)(number - term);
    state.g[1] = set_of_term(number, digits, PLANE_G1);
    const struct set *g0 = set_of_term(number, digits, PLANE_G0);
    if (g0 && g0->width == 1)
        state.g[0] = g0;
    return state;
}

/* The escape sequence at `bytes` (after ESC), *used its length; NULL if none is known. */
static const struct set *set_of_escape(const char *bytes, size_t size, size_t *used)
{
    for (size_t i = 0; i < SET_COUNT; i++) {
        const size_t length = strlen(sets[i].escape);
        if (size >= length && !memcmp(bytes, sets[i].escape, length)) {
            *used = length;
            return &sets[i];
        }
    }
    return NULL;
}

static bool is_delimiter(uint8_t c, bool person_name)
{
    return c == '\\' || c == '\r' || c == '\n' || c == '\f' || c == '\t' ||
           (person_name && (c == '^' || c == '='));
}

/* An unknown escape sequence (ISO 2022: intermediates 20-2F, one final 30-7E) is swallowed as a
 * whole. */
static size_t escape_length(const char *bytes, size_t size)
{
    size_t i = 0;
    while (i < size && bytes[i] >= 0x20 && bytes[i] <= 0x2f)
        i++;
    return i < size ? i + 1 : i;
}

static void convert_iso2022(struct state initial, const char *text, size_t size, bool person_name,
                            struct output *out)
{
    const uint8_t *bytes = (const uint8_t *)text;
    struct state state = initial;
    for (size_t i = 0; i < size && !out->full;) {
        if (bytes[i] == 0x1b) {
            size_t used = 0;
            const struct set *set = set_of_escape(text + i + 1, size - i - 1, &used);
            if (set)
                state.g[set->plane] = set;
            else
                used = escape_length(text + i + 1, size - i - 1);
            i += 1 + used;
            continue;
        }
        const struct set *set = state.g[bytes[i] >> 7];
        if (bytes[i] < 0x80 &&
            (bytes[i] < 0x21 || (set->width == 1 && is_delimiter(bytes[i], person_name)))) {
            put_characters(out, text + i, 1);
            if (is_delimiter(bytes[i], person_name))
                state = initial;
            i++;
        } else if (!set) {
            put_replacement(out);
            i++;
        } else if (size - i < set->width ||
                   (set->width == 2 && ((bytes[i] ^ bytes[i + 1]) & 0x80))) {
            put_replacement(out);
            i++;
        } else {
            convert_character(set, bytes + i, set->width, out);
            i += set->width;
        }
    }
}

/* ---------------------------------------------------------------- which way */

static bool is_utf8(const char *bytes, size_t size)
{
    const uint8_t *b = (const uint8_t *)bytes, *end = b + size;
    while (b < end) {
        const uint8_t c = *b++;
        if (c < 0x80)
            continue;
        const size_t more = c >= 0xc2 && c < 0xe0   ? 1
                            : c >= 0xe0 && c < 0xf0 ? 2
                            : c >= 0xf0 && c < 0xf5 ? 3
                                                    : 0;
        if (!more || (size_t)(end - b) < more)
            return false;
        if ((c == 0xe0 && *b < 0xa0) || (c == 0xed && *b > 0x9f) || (c == 0xf0 && *b < 0x90) ||
            (c == 0xf4 && *b > 0x8f))
            return false;
        for (size_t i = 0; i < more; i++)
            if ((*b++ & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static bool is_ascii(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] & 0x80 || bytes[i] == 0x1b)
            return false;
    return true;
}

/* Value `index` of `declared`, blanks around it removed. */
static const char *term_at(const char *declared, size_t index, size_t *length)
{
    for (; index; index--) {
        declared = strchr(declared, '\\');
        if (!declared) {
            *length = 0;
            return "";
        }
        declared++;
    }
    declared += strspn(declared, " ");
    *length = strcspn(declared, "\\");
    while (*length && declared[*length - 1] == ' ')
        --*length;
    return declared;
}

static const char *whole_set(const char *term, size_t length)
{
    for (size_t i = 0; i < sizeof whole_sets / sizeof whole_sets[0]; i++)
        if (strlen(whole_sets[i][0]) == length && !memcmp(whole_sets[i][0], term, length))
            return whole_sets[i][1];
    /* Spellings met in the field. */
    static const char *const others[][2] = {
        {"ISO 2022 IR 192", "UTF-8"}, {"UTF-8", "UTF-8"},       {"UTF8", "UTF-8"},
        {"ISO-IR 192", "UTF-8"},      {"GB2312", "EUC-CN"},     {"ISO_IR 58", "EUC-CN"},
        {"ISO_IR 149", "EUC-KR"},     {"latin1", "ISO-8859-1"}, {"ISO-8859-1", "ISO-8859-1"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strlen(others[i][0]) == length && !memcmp(others[i][0], term, length))
            return others[i][1];
    return NULL;
}

void charset_to_utf8(const char *declared, const char *bytes, size_t size, bool person_name,
                     char *text, size_t text_size)
{
    struct output out = {.text = text, .size = text_size};
    size_t length, more;
    if (!text_size)
        return;
    const char *term = term_at(declared, 0, &length);
    term_at(declared, 1, &more);
    const char *whole = whole_set(term, length);
    if (!whole && !length && !more) /* nothing declared */
        whole = is_utf8(bytes, size) ? "UTF-8" : "ISO-8859-1";
    if (is_ascii(bytes, size))
        put_characters(&out, bytes, size);
    else if (whole)
        convert_whole(whole, bytes, size, &out);
    else
        convert_iso2022(initial_state(term, length), bytes, size, person_name, &out);
    text[out.used] = '\0';
    for (size_t i = 0; i <= SET_COUNT; i++)
        if (out.descriptors[i] && out.descriptors[i] != (iconv_t)-1)
            iconv_close(out.descriptors[i]);
}
