#include "coordinator/table.h"

#include "base/json.h"
#include "coordinator/command.h"
#include "coordinator/site_json.h"

enum { FLUSH_AT = 1 << 16 };

static bool text_value(struct buffer *out, const char *text, struct error *err)
{
    const size_t start = out->size;
    if (!buffer_puts(out, text, err)) return false;
    for (size_t i = start; i < out->size; i++)
        if (out->data[i] == '\t' || out->data[i] == '\n' || out->data[i] == '\r') out->data[i] = ' ';
    return true;
}

static bool text_line(struct buffer *out, const struct cursor *row, bool names, struct error *err)
{
    for (int i = 0; i < cursor_columns(row); i++) {
        if (i > 0 && !buffer_puts(out, "\t", err)) return false;
        if (!text_value(out, names ? cursor_name(row, i) : cursor_text(row, i), err)) return false;
    }
    return buffer_puts(out, "\n", err);
}

static bool json_line(struct buffer *out, const struct cursor *row, bool first, struct error *err)
{
    struct json j;
    if (!buffer_puts(out, first ? "[\n" : ",\n", err)) return false;
    json_begin(&j, out);
    json_open_object(&j);
    site_json_row(&j, row);
    json_close(&j);
    return json_finish(&j, err);
}

static bool flush(struct buffer *out, size_t at, struct error *err)
{
    if (out->size < at) return true;
    const bool ok = command_print(out, err);
    buffer_clear(out);
    return ok;
}

bool table_print(struct catalogue *catalogue, const char *sql, bool json, struct error *err)
{
    struct cursor *row = NULL;
    struct buffer out = {0};
    bool first = true;
    bool ok = catalogue_select(catalogue, sql, NO_VALUES, &row, err) &&
              (json || text_line(&out, row, true, err));
    while (ok && cursor_next(row)) {
        ok = (json ? json_line(&out, row, first, err) : text_line(&out, row, false, err)) &&
             flush(&out, FLUSH_AT, err);
        first = false;
    }
    if (ok && json) ok = buffer_puts(&out, first ? "[]\n" : "\n]\n", err);
    ok = ok && flush(&out, 1, err);
    buffer_release(&out);
    struct error ignored;
    return cursor_end(row, ok ? err : &ignored) && ok;
}
