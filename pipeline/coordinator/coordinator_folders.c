/* Folders that were not entered because they are too deep: rows of `rejected`, for as long as they are. */
#include "coordinator_private.h"

#include <string.h>
#include <sys/stat.h>

#include "coordinator/catalogue_source.h"

static const char detail[] = "a folder too deep below the input: FOLDER_DEPTH";

/* Folders of former runs that are gone or were entered this time. */
static bool find_stale(const char *path, char *const *paths, size_t count, const struct settings *settings)
{
    struct stat status;

    for (size_t i = 0; i < count; i++)
        if (strcmp(path, paths[i]) == 0)
            return false;
    if (stat(path, &status) != 0)
        return true;
    for (size_t i = 0; i < settings->input_count; i++) {
        const size_t length = strlen(settings->inputs[i]);

        if (strncmp(path, settings->inputs[i], length) == 0 && (path[length] == '/' || path[length] == '\0'))
            return true;
    }
    return false;
}

static bool forget_stale(struct coordinator *c, char *const *paths, size_t count, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(c->catalogue, "SELECT source FROM rejected WHERE reason = 'limit' AND detail = ?",
                               VALUES(value_text(detail)), &cursor, err);

    while (ok && cursor_next(cursor))
        if (find_stale(cursor_text(cursor, 0), paths, count, c->settings))
            ok = coordinator_begin_run(c, err) && source_unreject(c->catalogue, cursor_text(cursor, 0), false, err);
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

static bool reject_folder(struct coordinator *c, const char *path, struct error *err)
{
    const struct origin origin = {path, NULL, -1, path};
    int64_t known = 0;

    if (!catalogue_number(c->catalogue, "SELECT 1 FROM rejected WHERE source = ? AND reason = 'limit'",
                          VALUES(value_text(path)), 0, &known, err))
        return false;
    if (known != 0)
        return true;
    c->counts.rejected++;
    coordinator_report("rejected", path, NULL, "limit", detail);
    return coordinator_begin_run(c, err) && source_reject(c->catalogue, &origin, "limit", detail, err);
}

bool index_folders(struct coordinator *c, struct error *err)
{
    char *const *paths = NULL;
    const size_t count = scan_too_deep(c->scan, &paths);
    bool ok = forget_stale(c, paths, count, err);

    for (size_t i = 0; ok && i < count; i++)
        ok = reject_folder(c, paths[i], err);
    return ok;
}
