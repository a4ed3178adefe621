/* links: base */
/* Every line `name=value`: what is accepted has a canonical text that is accepted and stays. */
#include <stdlib.h>
#include <string.h>

#include "base/option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct values {
    int64_t quality;
    double factor;
    bool progressive;
    char format[OPTION_TEXT], title[OPTION_TEXT];
    struct option_ints sizes;
};

static const struct option table[] = {
    {"quality", OPTION_INT, offsetof(struct values, quality), "85", 1, 100, NULL, "", false},
    {"factor", OPTION_REAL, offsetof(struct values, factor), "0.5", 0, 2, NULL, "", false},
    {"progressive", OPTION_BOOL, offsetof(struct values, progressive), "yes", 0, 0, NULL, "", false},
    {"format", OPTION_CHOICE, offsetof(struct values, format), "jpeg", 0, 0, "jpeg webp png", "", false},
    {"title", OPTION_TEXT_VALUE, offsetof(struct values, title), "", 0, 0, NULL, "", false},
    {"sizes", OPTION_INT_LIST, offsetof(struct values, sizes), "64,256", 1, 4096, NULL, "", false},
    {0},
};

/* Sets each line; returns how many were refused. */
static unsigned set_lines(struct values *values, char *text)
{
    unsigned refused = 0;
    struct error err;

    for (char *line = text; *line != '\0';) {
        char *const end = line + strcspn(line, "\n");
        const bool last = *end == '\0';
        *end = '\0';
        char *const value = strchr(line, '=');
        if (value != NULL)
            *value = '\0';
        if (!option_set(table, values, line, value != NULL ? value + 1 : "", &err))
            refused++;
        line = last ? end : end + 1;
    }
    return refused;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct values values, again;
    struct buffer text = {0}, first = {0}, second = {0};
    struct error err;

    if (size > 4096 || !buffer_append(&text, data, size, &err) ||
        !option_defaults(table, &values, &err) || !option_defaults(table, &again, &err)) {
        buffer_release(&text);
        return 0;
    }
    (void)set_lines(&values, (char *)text.data);
    if (!option_canonical(table, &values, &first, &err))
        abort();
    buffer_clear(&text);
    if (!buffer_append(&text, first.data, first.size, &err) ||
        set_lines(&again, (char *)text.data) != 0 ||
        !option_canonical(table, &again, &second, &err) ||
        strcmp(buffer_text(&first), buffer_text(&second)) != 0)
        abort();
    buffer_release(&text);
    buffer_release(&first);
    buffer_release(&second);
    return 0;
}
