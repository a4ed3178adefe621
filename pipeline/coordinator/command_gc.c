/* gc: what was replaced longer than --grace ago, files of nobody, empty folders */
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "coordinator/catalogue_instance.h"
#include "coordinator/catalogue_source.h"
#include "coordinator/command.h"
#include "coordinator/recover.h"
#include "coordinator/session.h"
#include "coordinator/tree.h"

struct collection {
    struct session session;
    struct catalogue *catalogue; /* the session's; of a dry run: only read */
    const char *root;
    bool dry;
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
    return collection->dry || path_remove_tree(whole, err);
}

static bool collect_garbage(struct collection *collection, int64_t before_ns, struct error *err)
{
    struct catalogue *const catalogue = collection->catalogue;
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
    return ok && (collection->dry || catalogue_execute(catalogue, "DELETE FROM garbage WHERE since_ns <= ?",
                                                       VALUES(value_int(before_ns)), err));
}

/* What a full disk or a hand left in public/: relative to it. No row and no garbage names it. */
static bool take_stray(void *client, const char *path, struct error *err)
{
    char whole[PATH_SIZE];

    return path_join(whole, "public", path, err) && take_away(client, whole, err);
}

static bool collect(struct collection *collection, int64_t grace_hours, struct error *err)
{
    const int64_t before_ns = clock_now_ns() - grace_hours * 3600 * INT64_C(1000000000);
    char public[PATH_SIZE];

    /* strays first: garbage that is due is not one of them, so that nothing is counted twice */
    return recover_find_strays(collection->catalogue, collection->root, take_stray, collection, err) &&
           collect_garbage(collection, before_ns, err) &&
           (collection->dry || wording_drop_unused(collection->catalogue, err)) &&
           path_join(public, collection->root, "public", err) &&
           (collection->dry || tree_prune(public, err));
}

/* A dry run takes no lock and repairs nothing. */
static bool open_collection(struct collection *collection, struct error *err)
{
    if (collection->dry)
        return catalogue_open(collection->root, CATALOGUE_READ, &collection->catalogue, err);
    if (!session_open(collection->root, (struct session_wishes){0}, &collection->session, err))
        return false;
    collection->catalogue = collection->session.catalogue;
    return true;
}

static bool print_json(const struct collection *collection, struct error *err)
{
    struct buffer text = {0};
    struct json j;

    json_begin(&j, &text);
    json_open_object(&j);
    json_member_int(&j, "files", (int64_t)collection->files);
    json_member_int(&j, "bytes", (int64_t)collection->bytes);
    json_member_bool(&j, "dry_run", collection->dry);
    json_close(&j);
    const bool ok = json_finish(&j, err) && buffer_puts(&text, "\n", err) && command_print(&text, err);
    buffer_release(&text);
    return ok;
}

bool command_gc(struct settings *settings, enum exit_status *status, struct error *err)
{
    struct collection collection = {.session = {.lock = -1}, .root = settings->site, .dry = settings->dry_run};
    char line[200];
    bool ok = open_collection(&collection, err) && collect(&collection, settings->grace_hours, err);

    if (collection.dry)
        catalogue_close(collection.catalogue);
    else
        session_close(&collection.session);
    ok = ok && (!settings->json || print_json(&collection, err));
    if (!ok)
        return false;
    (void)snprintf(line, sizeof line, "slicepress: %llu files, %.1f MB %s", (unsigned long long)collection.files,
                   (double)collection.bytes / 1e6, collection.dry ? "would be removed" : "removed");
    log_event(LOG_INFO, "collected", line, NULL);
    *status = EXIT_ALL_DONE;
    return true;
}
