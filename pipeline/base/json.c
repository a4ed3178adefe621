#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_begin(struct json *j, struct buffer *out)
{
    *j = (struct json){.out = out};
}

static void fail(struct json *j, const char *what)
{
    if (!j->failed)
        (void)error_set(&j->err, ERROR_PROTOCOL, "cannot write JSON: %s", what);
    j->failed = true;
}

static void put(struct json *j, const char *text, size_t size)
{
    if (!j->failed && !buffer_append(j->out, text, size, &j->err))
        j->failed = true;
}

static void put_text(struct json *j, const char *text)
{
    put(j, text, strlen(text));
}

/* A new line for a member of level `depth`, where levels have lines. */
static void put_line(struct json *j, int level, int depth)
{
    if (j->indent <= 0 || level > 2)
        return;
    put(j, "\n", 1);
    for (int i = 0; i < depth * j->indent; i++)
        put(j, " ", 1);
}

/* The comma and the line before a key or a bare element. */
static void put_separator(struct json *j)
{
    if (j->depth == 0)
        return;
    if (j->filled[j->depth - 1])
        put(j, ",", 1);
    j->filled[j->depth - 1] = true;
    put_line(j, j->depth, j->depth);
}

/* What comes before a value: nothing after a key, else a separator. */
static void begin_value(struct json *j)
{
    const bool in_object = j->depth > 0 && j->closers[j->depth - 1] == '}';

    if (in_object && !j->after_key)
        fail(j, "a value without a key in an object");
    else if (j->depth == 0 && j->filled[0])
        fail(j, "a second value at the top");
    else if (!in_object)
        put_separator(j);
    if (j->depth == 0)
        j->filled[0] = true;
    j->after_key = false;
}

static void open_level(struct json *j, const char *opener, char closer)
{
    begin_value(j);
    if (j->depth == JSON_DEPTH) {
        fail(j, "nested too deep");
        return;
    }
    put(j, opener, 1);
    j->closers[j->depth] = closer;
    j->filled[j->depth] = false;
    j->depth++;
}

void json_open_object(struct json *j)
{
    open_level(j, "{", '}');
}

void json_open_array(struct json *j)
{
    open_level(j, "[", ']');
}

void json_close(struct json *j)
{
    if (j->depth == 0 || j->after_key) {
        fail(j, j->depth == 0 ? "nothing is open" : "a key without a value");
        return;
    }
    j->depth--;
    if (j->filled[j->depth])
        put_line(j, j->depth + 1, j->depth);
    put(j, &j->closers[j->depth], 1);
    if (j->depth == 0)
        j->filled[0] = true; /* now: the top has its value */
}

/* The length of the well-formed UTF-8 character at `s`, or 0 with *bad = the bytes to replace:
 * the longest beginning of a character (Unicode 15, 3.9, "maximal subparts"). */
static size_t character_length(const unsigned char *s, size_t left, size_t *bad)
{
    unsigned char least = 0x80, most = 0xBF;
    size_t length;

    *bad = 1;
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 0;
    length = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    if (s[0] == 0xE0)
        least = 0xA0; /* overlong */
    else if (s[0] == 0xED)
        most = 0x9F; /* surrogates */
    else if (s[0] == 0xF0)
        least = 0x90; /* overlong */
    else if (s[0] == 0xF4)
        most = 0x8F; /* beyond U+10FFFF */
    for (size_t i = 1; i < length; i++) {
        if (i >= left || s[i] < least || s[i] > most) {
            *bad = i;
            return 0;
        }
        least = 0x80;
        most = 0xBF;
    }
    return length;
}

static void put_escape(struct json *j, unsigned char c)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char text[8];

    for (size_t i = 0; i + 1 < sizeof named; i += 2)
        if ((unsigned char)named[i] == c) {
            const char escape[2] = {'\\', named[i + 1]};
            put(j, escape, 2);
            return;
        }
    (void)snprintf(text, sizeof text, "\\u%04x", c);
    put_text(j, text);
}

static void put_quoted(struct json *j, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t left = strlen(text), run = 0;

    put(j, "\"", 1);
    while (run < left) {
        size_t bad;
        const size_t length = character_length(s + run, left - run, &bad);
        if (length > 1 || (length == 1 && s[run] >= 0x20 && s[run] != '"' && s[run] != '\\')) {
            run += length;
            continue;
        }
        put(j, (const char *)s, run);
        if (length == 1)
            put_escape(j, s[run]);
        else
            put_text(j, "\xEF\xBF\xBD");
        const size_t taken = run + (length == 1 ? 1 : bad);
        s += taken;
        left -= taken;
        run = 0;
    }
    put(j, (const char *)s, run);
    put(j, "\"", 1);
}

void json_key(struct json *j, const char *key)
{
    if (j->depth == 0 || j->closers[j->depth - 1] != '}' || j->after_key) {
        fail(j, "a key outside an object, or two in a row");
        return;
    }
    put_separator(j);
    put_quoted(j, key);
    put_text(j, j->indent > 0 ? ": " : ":");
    j->after_key = true;
}

void json_put_raw(struct json *j, const char *text, size_t size)
{
    begin_value(j);
    put(j, text, size);
}

void json_put_string(struct json *j, const char *text)
{
    if (text == NULL) {
        json_put_null(j);
        return;
    }
    begin_value(j);
    put_quoted(j, text);
}

void json_put_int(struct json *j, int64_t value)
{
    char text[32];
    const int length = snprintf(text, sizeof text, "%" PRId64, value);

    json_put_raw(j, text, (size_t)length);
}

void json_format_real(double value, char text[32])
{
    if (!isfinite(value)) {
        memcpy(text, "null", sizeof "null");
        return;
    }
    /* 15 digits always survive the way there and back, so %g has dropped what is not needed. */
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, 32, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    for (char *c = text; *c != '\0'; c++)
        if ((*c < '0' || *c > '9') && strchr("+-e", *c) == NULL)
            *c = '.'; /* some locales write a comma */
}

void json_put_real(struct json *j, double value)
{
    char text[32];

    json_format_real(value, text);
    json_put_raw(j, text, strlen(text));
}

void json_put_bool(struct json *j, bool value)
{
    begin_value(j);
    put_text(j, value ? "true" : "false");
}

void json_put_null(struct json *j)
{
    json_put_raw(j, "null", 4);
}

void json_member_text(struct json *j, const char *key, const char *text)
{
    if (text == NULL)
        return;
    json_key(j, key);
    json_put_string(j, text);
}

void json_member_int(struct json *j, const char *key, int64_t value)
{
    json_key(j, key);
    json_put_int(j, value);
}

void json_member_real(struct json *j, const char *key, double value)
{
    json_key(j, key);
    json_put_real(j, value);
}

void json_member_bool(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_put_bool(j, value);
}

bool json_finish(struct json *j, struct error *err)
{
    if (j->depth > 0)
        fail(j, "a level is still open");
    else if (!j->filled[0])
        fail(j, "no value was written");
    if (j->indent > 0)
        put(j, "\n", 1);
    if (j->failed)
        *err = j->err;
    return !j->failed;
}
