#include "notes.h"

#include <string.h>

static bool has_line(const struct buffer *notes, const char *line, size_t length)
{
    for (const char *at = buffer_text(notes); *at != '\0';) {
        const size_t size = strcspn(at, "\n");

        if (size == length && memcmp(at, line, length) == 0)
            return true;
        at += size + (at[size] == '\n');
    }
    return false;
}

bool notes_merge(struct buffer *notes, const char *lines, struct error *err)
{
    for (const char *line = lines; *line != '\0';) {
        const size_t length = strcspn(line, "\n");

        if (length > 0 && !has_line(notes, line, length) &&
            !(buffer_append(notes, line, length, err) && buffer_puts(notes, "\n", err)))
            return false;
        line += length + (line[length] == '\n');
    }
    return true;
}
