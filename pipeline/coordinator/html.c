#include "coordinator/html.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct html html_into(struct buffer *out, struct error *err)
{
    return (struct html){.out = out, .err = err, .ok = true};
}

static void put(struct html *h, const char *text, size_t size)
{
    h->ok = h->ok && buffer_append(h->out, text, size, h->err);
}

void html_raw(struct html *h, const char *markup)
{
    put(h, markup, strlen(markup));
}

static const char *entity(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

static void text_run(struct html *h, const char *text, size_t size)
{
    size_t start = 0;
    for (size_t i = 0; i < size; i++) {
        const char *replacement = entity(text[i]);
        if (replacement == NULL) continue;
        put(h, text + start, i - start);
        html_raw(h, replacement);
        start = i + 1;
    }
    put(h, text + start, size - start);
}

void html_text(struct html *h, const char *text)
{
    text_run(h, text, strlen(text));
}

void html_reference(struct html *h, const char *path)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/?=";
    for (size_t run; *path != '\0'; path += run) {
        run = strspn(path, plain);
        put(h, path, run);
        if (run > 0)
            continue;
        char code[4];
        snprintf(code, sizeof code, "%%%02X", (unsigned char)*path);
        html_raw(h, code);
        run = 1;
    }
}

void html_number(struct html *h, int64_t number)
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)number);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && isdigit((unsigned char)digits[i - 1])) html_raw(h, "\xe2\x80\x89");
        put(h, digits + i, 1);
    }
}

/* One component group: family^given^middle^prefix^suffix. */
static void name_group(struct html *h, const char *group, size_t size)
{
    const char *part[5] = {"", "", "", "", ""};
    size_t length[5] = {0};
    const char *end = group + size;
    for (int i = 0; i < 5 && group <= end; i++) {
        const char *caret = memchr(group, '^', (size_t)(end - group));
        const char *stop = caret == NULL ? end : caret;
        part[i] = group;
        length[i] = (size_t)(stop - group);
        group = stop + 1;
    }
    static const char *const before[5] = {"", ", ", " ", " (", " ("};
    static const char *const after[5] = {"", "", "", ")", ")"};
    bool any = false;
    for (int i = 0; i < 5; i++) {
        if (length[i] == 0) continue;
        if (any) html_raw(h, before[i]);
        text_run(h, part[i], length[i]);
        if (any) html_raw(h, after[i]);
        any = true;
    }
}

void html_person_name(struct html *h, const char *pn)
{
    const char *group = pn;
    for (int i = 0; i < 3; i++) {
        const size_t size = strcspn(group, "=");
        if (size > strspn(group, "^ ")) {
            if (group != pn) html_raw(h, " (");
            name_group(h, group, size);
            if (group != pn) html_raw(h, ")");
        }
        if (group[size] == '\0') return;
        group += size + 1;
    }
}

void html_date(struct html *h, const char *da)
{
    const bool is_date = strlen(da) == 8 && strspn(da, "0123456789") == 8;
    if (!is_date) {
        html_text(h, da);
        return;
    }
    put(h, da, 4);
    html_raw(h, "-");
    put(h, da + 4, 2);
    html_raw(h, "-");
    put(h, da + 6, 2);
}
