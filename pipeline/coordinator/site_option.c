#include "site_option.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "job/job.h"

enum { VALUE_SIZE = 32 };

static const struct option_name { const char *name; size_t offset; } option_names[] = {
    {"study_metadata", offsetof(struct site_options, study_metadata)},
    {"study_instances", offsetof(struct site_options, study_instances)},
    {"instance_metadata", offsetof(struct site_options, instance_metadata)},
    {"brotli", offsetof(struct site_options, brotli)},
    {"labels", offsetof(struct site_options, labels)},
};

/* The value of a line "name=value" in the canonical text; "" where there is none. */
static void find_value(const char *canonical, const char *name, char value[VALUE_SIZE])
{
    const size_t length = strlen(name);

    value[0] = '\0';
    for (const char *line = canonical; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, name, length) == 0 && line[length] == '=')
            (void)snprintf(value, VALUE_SIZE, "%.*s", (int)strcspn(line + length + 1, "\n"), line + length + 1);
}

static bool keep_one(struct catalogue *catalogue, const char *name, const char *value, bool *changed,
                     struct error *err)
{
    if (!catalogue_execute(catalogue,
                           "INSERT INTO site_option (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE"
                           " SET value = excluded.value WHERE value <> excluded.value",
                           VALUES(value_text(name), value_text(value)), err))
        return false;
    *changed = *changed || catalogue_changes(catalogue) > 0;
    return true;
}

static bool keep_all(struct catalogue *catalogue, const struct worker_hello *hello, struct error *err)
{
    char value[VALUE_SIZE];
    const char *canonical = "";
    bool changed = false, ok = keep_one(catalogue, "slicepress", SLICEPRESS_VERSION, &changed, err);

    for (size_t i = 0; i < hello->stage_count; i++)
        if (strcmp(hello->stages[i].name, "dicomweb") == 0)
            canonical = hello->stages[i].canonical_options;
    for (size_t i = 0; ok && i < sizeof option_names / sizeof *option_names; i++) {
        find_value(canonical, option_names[i].name, value);
        ok = keep_one(catalogue, option_names[i].name, value, &changed, err);
    }
    return ok && (!changed || catalogue_execute(catalogue, "UPDATE study SET state = 'pending' WHERE state = 'done'",
                                                NO_VALUES, err));
}

bool site_options_keep(struct catalogue *catalogue, const struct worker_hello *hello, struct error *err)
{
    if (!catalogue_begin(catalogue, err))
        return false;
    if (!keep_all(catalogue, hello, err)) {
        catalogue_rollback(catalogue);
        return false;
    }
    return catalogue_commit(catalogue, err);
}

bool site_options_read(struct catalogue *catalogue, struct site_options *options, struct error *err)
{
    struct cursor *cursor = NULL;

    *options = (struct site_options){0};
    if (!catalogue_select(catalogue, "SELECT name FROM site_option WHERE value = 'true'", NO_VALUES, &cursor, err))
        return false;
    while (cursor_next(cursor))
        for (size_t i = 0; i < sizeof option_names / sizeof *option_names; i++)
            if (strcmp(cursor_text(cursor, 0), option_names[i].name) == 0)
                *(bool *)((char *)options + option_names[i].offset) = true;
    return cursor_end(cursor, err);
}
