#include "option.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* One parsed value, whatever its type. */
union value {
    int64_t integer;
    double real;
    bool boolean;
    char text[OPTION_TEXT];
    struct option_ints list;
};

const char *option_type_word(enum option_type type)
{
    static const char *const words[] = {
        [OPTION_INT] = "integer",   [OPTION_REAL] = "real",
        [OPTION_BOOL] = "boolean",  [OPTION_CHOICE] = "choice",
        [OPTION_TEXT_VALUE] = "text", [OPTION_INT_LIST] = "integers",
    };

    return (size_t)type < sizeof words / sizeof *words ? words[type] : "unknown";
}

static bool in_range(const struct option *option, double value)
{
    const bool any = option->least == 0 && option->most == 0;

    return any || (value >= option->least && value <= option->most);
}

/* Decimal digits with a sign at most: no spaces, no hexadecimal. *end is behind them. */
static bool parse_integer(const char *text, int64_t *value, const char **end)
{
    const char *const digits = text[0] == '-' || text[0] == '+' ? text + 1 : text;
    char *rest;

    if (digits[0] < '0' || digits[0] > '9')
        return false;
    errno = 0;
    *value = strtoll(text, &rest, 10);
    *end = rest;
    return errno == 0;
}

/* strtod also takes hexadecimal, "inf", "nan" and leading spaces: nobody means these here. */
static bool parse_real(const char *text, double *value)
{
    char *rest;

    if (text[0] == '\0' || text[strspn(text, "+-.0123456789eE")] != '\0')
        return false;
    *value = strtod(text, &rest);
    return *rest == '\0' && rest != text && isfinite(*value);
}

static bool parse_bool(const char *text, bool *value)
{
    static const char *const words[][2] = {
        {"false", "true"}, {"no", "yes"}, {"off", "on"}, {"0", "1"}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int truth = 0; truth < 2; truth++)
            if (strcmp(text, words[i][truth]) == 0) {
                *value = truth != 0;
                return true;
            }
    return false;
}

/* `text` is one of the words of `choices`, which spaces separate. */
static bool is_choice(const char *choices, const char *text)
{
    const size_t length = strlen(text);

    while (length > 0 && choices != NULL && *choices != '\0') {
        const size_t word = strcspn(choices, " ");
        if (word == length && memcmp(choices, text, length) == 0)
            return true;
        choices += word;
        choices += strspn(choices, " ");
    }
    return false;
}

static bool parse_text(const char *text, char value[OPTION_TEXT])
{
    const size_t length = strlen(text);

    if (length >= OPTION_TEXT)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            return false; /* the canonical text is lines */
    memset(value, 0, OPTION_TEXT);
    memcpy(value, text, length);
    return true;
}

static bool parse_list(const struct option *option, const char *text, struct option_ints *list)
{
    *list = (struct option_ints){0};
    if (text[0] == '\0')
        return true;
    for (;;) {
        int64_t v;
        if (list->count == OPTION_LIST || !parse_integer(text, &v, &text) ||
            !in_range(option, (double)v))
            return false;
        list->values[list->count++] = v;
        if (*text == '\0')
            return true;
        if (*text++ != ',')
            return false;
    }
}

static bool parse_value(const struct option *option, const char *text, union value *value)
{
    const char *end = "";

    switch (option->type) {
    case OPTION_INT:
        return parse_integer(text, &value->integer, &end) && *end == '\0' &&
               in_range(option, (double)value->integer);
    case OPTION_REAL:
        return parse_real(text, &value->real) && in_range(option, value->real);
    case OPTION_BOOL:
        return parse_bool(text, &value->boolean);
    case OPTION_CHOICE:
        return is_choice(option->choices, text) && parse_text(text, value->text);
    case OPTION_TEXT_VALUE:
        return parse_text(text, value->text);
    case OPTION_INT_LIST:
        return parse_list(option, text, &value->list);
    }
    return false;
}

/* "a whole number from 1 to 100" and the like, for the error text. */
static bool describe_expected(const struct option *option, struct buffer *out, struct error *err)
{
    char least[32], most[32];
    static const char *const words[] = {
        [OPTION_INT] = "a whole number",
        [OPTION_REAL] = "a number",
        [OPTION_BOOL] = "true or false",
        [OPTION_CHOICE] = "one of",
        [OPTION_TEXT_VALUE] = "a text shorter than 64 bytes without control characters",
        [OPTION_INT_LIST] = "at most 16 whole numbers separated by commas",
    };
    const bool numbers = option->type == OPTION_INT || option->type == OPTION_REAL ||
                         option->type == OPTION_INT_LIST;

    if (!buffer_puts(out, words[option->type], err))
        return false;
    if (option->type == OPTION_CHOICE)
        return buffer_printf(out, err, " %s", option->choices != NULL ? option->choices : "");
    if (!numbers || (option->least == 0 && option->most == 0))
        return true;
    json_format_real(option->least, least);
    json_format_real(option->most, most);
    return buffer_printf(out, err, " from %s to %s", least, most);
}

static bool bad_value(const struct option *option, const char *text, struct error *err)
{
    struct buffer expected = {0};

    if (describe_expected(option, &expected, err))
        (void)error_set(err, ERROR_USAGE, "option \"%s\": expected %s, found \"%.64s\"",
                        option->name, buffer_text(&expected), text);
    buffer_release(&expected);
    return false;
}

static bool unknown_name(const struct option *table, const char *name, struct error *err)
{
    struct buffer names = {0};
    bool ok = true;

    for (const struct option *o = table; ok && o != NULL && o->name != NULL; o++)
        ok = buffer_printf(&names, err, "%s%s", names.size > 0 ? ", " : "", o->name);
    if (ok && names.size > 0)
        (void)error_set(err, ERROR_USAGE, "unknown option \"%.64s\", expected one of: %s", name,
                        buffer_text(&names));
    else if (ok)
        (void)error_set(err, ERROR_USAGE, "unknown option \"%.64s\", expected none", name);
    buffer_release(&names);
    return false;
}

static const struct option *find(const struct option *table, const char *name)
{
    for (const struct option *o = table; o != NULL && o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

static void store(const struct option *option, const union value *value, void *values)
{
    char *const field = (char *)values + option->offset;

    switch (option->type) {
    case OPTION_INT:
        memcpy(field, &value->integer, sizeof value->integer);
        break;
    case OPTION_REAL:
        memcpy(field, &value->real, sizeof value->real);
        break;
    case OPTION_BOOL:
        memcpy(field, &value->boolean, sizeof value->boolean);
        break;
    case OPTION_CHOICE:
    case OPTION_TEXT_VALUE:
        memcpy(field, value->text, sizeof value->text);
        break;
    case OPTION_INT_LIST:
        memcpy(field, &value->list, sizeof value->list);
        break;
    }
}

/* Looks `name` up and parses `text`; NULL with *err filled. */
static const struct option *parse(const struct option *table, const char *name, const char *text,
                                  union value *value, struct error *err)
{
    const struct option *const option = find(table, name);

    if (option == NULL) {
        (void)unknown_name(table, name, err);
        return NULL;
    }
    if (!parse_value(option, text, value)) {
        (void)bad_value(option, text, err);
        return NULL;
    }
    return option;
}

bool option_defaults(const struct option *table, void *values, struct error *err)
{
    for (const struct option *o = table; o != NULL && o->name != NULL; o++)
        if (!option_set(o, values, o->name, o->default_value != NULL ? o->default_value : "",
                        err))
            return false;
    return true;
}

bool option_set(const struct option *table, void *values, const char *name, const char *text,
                struct error *err)
{
    union value value;
    const struct option *const option = parse(table, name, text, &value, err);

    if (option == NULL)
        return false;
    store(option, &value, values);
    return true;
}

bool option_check(const struct option *table, const char *name, const char *text,
                  struct error *err)
{
    union value value;

    return parse(table, name, text, &value, err) != NULL;
}

static bool write_list(const struct option_ints *list, struct buffer *out, struct error *err)
{
    for (size_t i = 0; i < list->count && i < OPTION_LIST; i++)
        if (!buffer_printf(out, err, "%s%" PRId64, i > 0 ? "," : "", list->values[i]))
            return false;
    return true;
}

static bool write_value(const struct option *option, const void *values, struct buffer *out,
                        struct error *err)
{
    const char *const field = (const char *)values + option->offset;
    union value value;
    char real[32];

    switch (option->type) {
    case OPTION_INT:
        memcpy(&value.integer, field, sizeof value.integer);
        return buffer_printf(out, err, "%" PRId64, value.integer);
    case OPTION_REAL:
        memcpy(&value.real, field, sizeof value.real);
        json_format_real(value.real == 0 ? 0 : value.real, real); /* -0 is 0 */
        return buffer_puts(out, real, err);
    case OPTION_BOOL:
        memcpy(&value.boolean, field, sizeof value.boolean);
        return buffer_puts(out, value.boolean ? "true" : "false", err);
    case OPTION_CHOICE:
    case OPTION_TEXT_VALUE:
        return buffer_append(out, field, strnlen(field, OPTION_TEXT), err);
    case OPTION_INT_LIST:
        memcpy(&value.list, field, sizeof value.list);
        return write_list(&value.list, out, err);
    }
    return error_set(err, ERROR_USAGE, "option \"%s\" has an unknown type", option->name);
}

bool option_canonical(const struct option *table, const void *values, struct buffer *out,
                      struct error *err)
{
    for (const struct option *o = table; o != NULL && o->name != NULL; o++)
        if (!buffer_printf(out, err, "%s=", o->name) || !write_value(o, values, out, err) ||
            !buffer_puts(out, "\n", err))
            return false;
    return true;
}
