/* gc: what was replaced longer than --grace ago, kept data of nobody, empty folders */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "coordinator/catalogue_source.h"
#include "coordinator/command.h"
#include "coordinator/session.h"
#include "coordinator/tree.h"

struct collection {
    struct session session;
    const char *root;
    uint64_t files, bytes;
};

static bool count_entry(void *client, const char *path, const struct stat *status, bool *enter, struct error *err)
{
    struct collection *const collection = client;

    (void)path;
    (void)enter;
    (void)err;
    if (!S_ISDIR(status->st_mode)) {
        collection->files++;
        collection->bytes += (uint64_t)status->st_size;
    }
    return true;
}

/* `path` is relative to the site. */
static bool take_away(struct collection *collection, const char *path, struct error *err)
{
    char whole[PATH_SIZE];
    struct stat status;

    if (!path_is_safe_relative(path) || !path_join(whole, collection->root, path, err))
        return error_set(err, ERROR_CATALOGUE, "\"%s\" is no path of garbage", path);
    if (lstat(whole, &status) != 0)
        return true;
    if (!S_ISDIR(status.st_mode) ? !count_entry(collection, whole, &status, NULL, err)
                                 : !tree_walk(whole, count_entry, NULL, collection, err))
        return false;
    return path_remove_tree(whole, err);
}

static bool collect_garbage(struct collection *collection, int64_t before_ns, struct error *err)
{
    struct catalogue *const catalogue = collection->session.catalogue;
    struct cursor *cursor = NULL;
    struct error ignored;
    int64_t count = 0;

    if (!catalogue_number(catalogue, "SELECT count(*) FROM garbage WHERE since_ns <= ?", VALUES(value_int(before_ns)), 0,
                          &count, err))
        return false;
    if (count == 0)
        return true;
    bool ok = catalogue_select(catalogue, "SELECT path FROM garbage WHERE since_ns <= ? ORDER BY path",
                               VALUES(value_int(before_ns)), &cursor, err);
    while (ok && cursor_next(cursor))
        ok = take_away(collection, cursor_text(cursor, 0), err);
    ok = cursor_end(cursor, ok ? err : &ignored) && ok;
    return ok && catalogue_execute(catalogue, "DELETE FROM garbage WHERE since_ns <= ?", VALUES(value_int(before_ns)),
                                   err);
}

/* work/keep/SS/DIGEST without an instance of that digest. */
static bool check_keep(void *client, const char *path, const struct stat *status, bool *enter, struct error *err)
{
    struct collection *const collection = client;
    const char *const name = strrchr(path, '/') + 1;
    int64_t known = 0;

    (void)enter;
    if (S_ISDIR(status->st_mode))
        return true;
    if (!catalogue_number(collection->session.catalogue, "SELECT 1 FROM instance WHERE source_digest = ? LIMIT 1",
                          VALUES(value_text(name)), 0, &known, err))
        return false;
    return known != 0 || take_away(collection, path + strlen(collection->root) + 1, err);
}

static bool collect(struct collection *collection, int64_t grace_hours, struct error *err)
{
    const int64_t before_ns = clock_now_ns() - grace_hours * 3600 * INT64_C(1000000000);
    char keep[PATH_SIZE], public[PATH_SIZE];

    return collect_garbage(collection, before_ns, err) && path_join(keep, collection->root, "work/keep", err) &&
           tree_walk(keep, check_keep, NULL, collection, err) && tree_prune(keep, err) &&
           path_join(public, collection->root, "public", err) && tree_prune(public, err);
}

bool command_gc(struct settings *settings, enum exit_status *status, struct error *err)
{
    struct collection collection = {.session = {.lock = -1}, .root = settings->site};
    char line[200];
    const bool ok = session_open(settings->site, (struct session_wishes){0}, &collection.session, err) &&
                    collect(&collection, settings->grace_hours, err);

    session_close(&collection.session);
    if (!ok)
        return false;
    (void)snprintf(line, sizeof line, "slicepress: %llu files, %.1f MB removed", (unsigned long long)collection.files,
                   (double)collection.bytes / 1e6);
    log_event(LOG_INFO, "collected", line, NULL);
    *status = EXIT_ALL_DONE;
    return true;
}
