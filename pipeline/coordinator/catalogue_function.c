#include "catalogue_function.h"

#include <sqlite3.h>

#include "base/buffer.h"
#include "job/notes.h"

static void each_line_once(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *const text = count > 0 ? (const char *)sqlite3_value_text(values[0]) : NULL;
    struct buffer lines = {0};
    struct error err;

    if (text == NULL)
        sqlite3_result_null(context);
    else if (!notes_merge(&lines, text, &err))
        sqlite3_result_error_nomem(context);
    else if (lines.size == 0)
        sqlite3_result_null(context);
    else
        sqlite3_result_text64(context, buffer_text(&lines), lines.size, SQLITE_TRANSIENT, SQLITE_UTF8);
    buffer_release(&lines);
}

bool catalogue_functions_add(struct sqlite3 *db)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;

    return sqlite3_create_function(db, "each_line_once", 1, flags, NULL, each_line_once, NULL, NULL) == SQLITE_OK;
}
