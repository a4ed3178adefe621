#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_words[ERROR_KIND_COUNT] = {
#define X(name, word, text) [ERROR_##name] = word,
    ERROR_KINDS(X)
#undef X
};

static const char *const kind_texts[ERROR_KIND_COUNT] = {
#define X(name, word, text) [ERROR_##name] = text,
    ERROR_KINDS(X)
#undef X
};

/* Takes away the beginning of a character whose rest did not fit. */
static void cut_at_character(char *text)
{
    size_t end = strlen(text), start = end;
    size_t length = 1;

    while (start > 0 && end - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    const unsigned char lead = (unsigned char)text[start - 1];
    if (lead >= 0xF0)
        length = 4;
    else if (lead >= 0xE0)
        length = 3;
    else if (lead >= 0xC0)
        length = 2;
    if (lead >= 0xC0 && end - (start - 1) < length)
        text[start - 1] = '\0';
}

/* Formats into `text`; control characters of hostile names become '?', so a text is one line. */
__attribute__((format(printf, 3, 0))) static void format_text(char *text, size_t size,
                                                              const char *format,
                                                              va_list arguments)
{
    const int length = vsnprintf(text, size, format, arguments);

    if (length < 0)
        text[0] = '\0';
    else if ((size_t)length >= size)
        cut_at_character(text);
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
}

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    char text[sizeof err->text]; /* an argument may be err->text itself */
    va_list arguments;

    va_start(arguments, format);
    format_text(text, sizeof text, format, arguments);
    va_end(arguments);
    err->kind = kind;
    memcpy(err->text, text, sizeof text);
    if (err->text[0] == '\0')
        (void)snprintf(err->text, sizeof err->text, "%s",
                       (unsigned)kind < ERROR_KIND_COUNT ? kind_texts[kind] : "unknown error");
    return false;
}

bool error_errno(struct error *err, int errno_value, const char *format, ...)
{
    char text[sizeof err->text], reason[128];
    va_list arguments;

    va_start(arguments, format);
    format_text(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *const why = strerror_r(errno_value, reason, sizeof reason);
    return error_set(err, errno_value == ENOMEM ? ERROR_NOMEM : ERROR_IO, "%s: %s", text, why);
}

bool error_context(struct error *err, const char *format, ...)
{
    char context[sizeof err->text];
    va_list arguments;

    va_start(arguments, format);
    format_text(context, sizeof context, format, arguments);
    va_end(arguments);
    return error_set(err, err->kind, "%s: %s", context, err->text);
}

const char *error_kind_word(enum error_kind kind)
{
    return (unsigned)kind < ERROR_KIND_COUNT ? kind_words[kind] : "unknown";
}

enum error_kind error_kind_of_word(const char *word)
{
    for (unsigned i = 0; word != NULL && i < ERROR_KIND_COUNT; i++)
        if (strcmp(kind_words[i], word) == 0)
            return (enum error_kind)i;
    return ERROR_NONE;
}
