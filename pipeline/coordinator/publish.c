#include "publish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "coordinator/failpoint.h"
#include "job/layout.h"

/* -- publications and batches ------------------------------------------------------------ */

struct publication *publication_new(enum job_kind kind, struct error *err)
{
    struct publication *const publication = memory_zeroed(sizeof *publication, err);

    if (publication != NULL) {
        publication->kind = kind;
        publication->member_index = -1;
    }
    return publication;
}

void publication_free(struct publication *publication)
{
    if (publication == NULL)
        return;
    memory_free(publication->path);
    memory_free(publication->member);
    memory_free(publication->order);
    memory_free(publication->stages);
    job_result_release(&publication->result);
    memory_free(publication);
}

bool batch_add(struct batch *batch, struct publication *publication, struct error *err)
{
    void *items = batch->items;

    if (!memory_grow(&items, &batch->capacity, batch->count + 1, sizeof *batch->items, err))
        return false;
    batch->items = items;
    batch->items[batch->count++] = publication;
    return true;
}

void batch_release(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        publication_free(batch->items[i]);
    memory_free(batch->items);
    *batch = (struct batch){0};
}

/* -- leftovers --------------------------------------------------------------------------- */

bool leftovers_add(struct leftovers *leftovers, const char *path, bool digest_named, struct error *err)
{
    void *items = leftovers->items;
    char *const copy = memory_string(path, err);

    if (copy == NULL ||
        !memory_grow(&items, &leftovers->capacity, leftovers->count + 1, sizeof *leftovers->items, err)) {
        memory_free(copy);
        return false;
    }
    leftovers->items = items;
    leftovers->items[leftovers->count++] = (struct leftover){copy, digest_named};
    return true;
}

bool leftovers_settle(struct leftovers *leftovers, struct catalogue *catalogue, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < leftovers->count; i++) {
        struct leftover *const leftover = &leftovers->items[i];
        int64_t used = 0;

        ok = catalogue_number(catalogue, "SELECT 1 FROM artefact WHERE path = ?",
                              VALUES(value_text(leftover->path)), 0, &used, err);
        if (ok && used == 0 && leftover->digest_named)
            ok = garbage_add(catalogue, leftover->path, err);
        if (used != 0 || leftover->digest_named) {
            memory_free(leftover->path);
            leftover->path = NULL;
        }
    }
    return ok;
}

bool leftovers_remove(const struct leftovers *leftovers, const char *root, struct error *err)
{
    char path[PATH_SIZE];

    for (size_t i = 0; i < leftovers->count; i++) {
        if (leftovers->items[i].path == NULL)
            continue;
        if (!path_format(path, err, "%s/public/%s", root, leftovers->items[i].path) ||
            !path_remove_tree(path, err))
            return false;
    }
    return true;
}

void leftovers_release(struct leftovers *leftovers)
{
    for (size_t i = 0; i < leftovers->count; i++)
        memory_free(leftovers->items[i].path);
    memory_free(leftovers->items);
    *leftovers = (struct leftovers){0};
}

/* -- disks ------------------------------------------------------------------------------- */

bool publish_sync(const struct publisher *publisher, struct error *err)
{
    return syncfs(publisher->root_descriptor) == 0 || error_errno(err, errno, "cannot sync \"%s\"", publisher->root);
}

bool publish_sync_path(const char *path, bool is_folder, struct error *err)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | (is_folder ? O_DIRECTORY : 0));

    if (descriptor < 0)
        return error_errno(err, errno, "cannot open \"%s\"", path);
    const int code = fsync(descriptor) == 0 ? 0 : errno;
    (void)close(descriptor);
    return code == 0 || error_errno(err, code, "cannot sync \"%s\"", path);
}

bool publish_sync_parent(const char *path, char last[PATH_SIZE], struct error *err)
{
    const size_t length = (size_t)(strrchr(path, '/') - path);

    if (strncmp(last, path, length) == 0 && last[length] == '\0')
        return true;
    return path_format(last, err, "%.*s", (int)length, path) && publish_sync_path(last, true, err);
}

bool publish_rename(const char *from, const char *to, bool *made_folder, struct error *err)
{
    if (rename(from, to) == 0)
        return true;
    if (errno == ENOENT && path_make_parent(to, 0755, err) && rename(from, to) == 0) {
        *made_folder = true;
        return true;
    }
    /* A tree of that digest is there already: complete, because trees appear by rename only. */
    if (errno == ENOTEMPTY || errno == EEXIST)
        return path_remove_tree(from, err);
    return error_errno(err, errno, "cannot rename \"%s\" to \"%s\"", from, to);
}

bool publish_link(const char *from, const char *to, struct error *err)
{
    char beside[PATH_SIZE];

    if (!path_format(beside, err, "%s.link", to) || !path_make_parent(to, 0755, err))
        return false;
    (void)unlink(beside);
    if (link(from, beside) != 0)
        return error_errno(err, errno, "cannot link \"%s\" to \"%s\"", from, to);
    if (rename(beside, to) != 0)
        return error_errno(err, errno, "cannot rename \"%s\" to \"%s\"", beside, to);
    (void)unlink(beside); /* rename does nothing when both are the same file already */
    return true;
}

/* -- walking over what is to be renamed -------------------------------------------------- */

typedef bool move_function(const struct publisher *publisher, const char *from, const char *to,
                           const struct artefact *artefact, void *client, struct error *err);

static void subject_of(const struct publication *publication, struct subject *subject)
{
    *subject = (struct subject){0};
    memcpy(subject->study, publication->row.study, UID_SIZE);
    memcpy(subject->series, publication->row.series, UID_SIZE);
    memcpy(subject->sop, publication->row.sop, UID_SIZE);
    if (!publication->is_current)
        digest_hex16(&publication->row.digest, subject->conflict);
}

static bool staged_path(const struct publisher *publisher, const struct publication *publication, uint32_t number,
                        char path[PATH_SIZE], struct error *err)
{
    return path_format(path, err, "%s/work/staging/%s/%u", publisher->root, publication->staging, number);
}

static bool each_artefact(const struct publisher *publisher, const struct publication *publication,
                          move_function *move, void *client, struct error *err)
{
    const struct manifest *const manifest = &publication->result.manifest;
    struct subject subject;
    char from[PATH_SIZE], path[PATH_SIZE], to[PATH_SIZE];

    subject_of(publication, &subject);
    for (size_t p = 0; p < manifest->product_count; p++)
        for (size_t i = 0; i < manifest->products[p].artefact_count; i++) {
            const struct artefact *const artefact = &manifest->products[p].artefacts[i];

            if (!artefact_path(&subject, &manifest->products[p], i, path, err) ||
                !path_format(to, err, "%s/public/%s", publisher->root, path) ||
                !staged_path(publisher, publication, artefact->staged, from, err) ||
                !move(publisher, from, to, artefact, client, err))
                return false;
        }
    return true;
}

static bool each_file(const struct publisher *publisher, const struct publication *publication,
                      move_function *move, void *client, struct error *err)
{
    return publication->dropped || each_artefact(publisher, publication, move, client, err);
}

/* -- check ------------------------------------------------------------------------------- */

/* Sums a tree; its worker wrote it, so it is small enough to be walked by recursion (tiles/LEVEL/X_Y). */
static bool measure_tree(const char *path, uint64_t *files, uint64_t *bytes, struct error *err);

static bool check_size(const struct publisher *publisher, const char *from, const char *to,
                       const struct artefact *artefact, void *client, struct error *err)
{
    struct publication *const publication = client;
    const bool is_tree = artefact->place == PLACE_TREE;
    struct stat status;

    (void)publisher;
    (void)to;
    if (lstat(from, &status) != 0)
        return error_errno(err, errno, "staged file \"%s\"", from);
    if (is_tree ? !S_ISDIR(status.st_mode) : !S_ISREG(status.st_mode))
        return error_set(err, ERROR_PROTOCOL, "staged file \"%s\" is of another kind", from);
    uint64_t files = 1, bytes = (uint64_t)status.st_size;
    if (is_tree) {
        files = bytes = 0;
        if (!measure_tree(from, &files, &bytes, err))
            return false;
    }
    if (bytes != artefact->bytes || files != artefact->files)
        return error_set(err, ERROR_PROTOCOL, "staged file \"%s\" has %llu bytes in %llu files, expected %llu in %u",
                         from, (unsigned long long)bytes, (unsigned long long)files,
                         (unsigned long long)artefact->bytes, artefact->files);
    publication->files += files;
    publication->bytes += bytes;
    return true;
}

static bool measure_entry(const char *folder, const char *name, uint64_t *files, uint64_t *bytes, struct error *err)
{
    char path[PATH_SIZE];
    struct stat status;

    if (!path_join(path, folder, name, err))
        return false;
    if (lstat(path, &status) != 0)
        return error_errno(err, errno, "staged file \"%s\"", path);
    if (S_ISDIR(status.st_mode))
        return measure_tree(path, files, bytes, err);
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_PROTOCOL, "staged file \"%s\" is of another kind", path);
    if (strcmp(name, "manifest.tsv") != 0) { /* it lists the others */
        *files += 1;
        *bytes += (uint64_t)status.st_size;
    }
    return true;
}

static bool measure_tree(const char *path, uint64_t *files, uint64_t *bytes, struct error *err)
{
    DIR *const folder = opendir(path);
    bool ok = folder != NULL || error_errno(err, errno, "cannot open \"%s\"", path);
    const struct dirent *entry = NULL;

    while (ok && (entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = measure_entry(path, entry->d_name, files, bytes, err);
    if (folder != NULL)
        (void)closedir(folder);
    return ok;
}

/* What is wrong with one publication's files is that publication's failure. */
static void check_publication(const struct publisher *publisher, struct publication *publication)
{
    struct error err = {0};
    struct job_result *const result = &publication->result;

    publication->files = publication->bytes = 0;
    if (each_file(publisher, publication, check_size, publication, &err))
        return;
    publication->is_amiss = true;
    manifest_release(&result->manifest);
    job_result_drop_kept(result);
    result->error = err.kind;
    result->state = INSTANCE_FAILED;
    (void)snprintf(result->text, sizeof result->text, "%s", err.text);
    publication->files = publication->bytes = 0;
}

/* -- sync, rename ------------------------------------------------------------------------ */

static bool sync_staged(const struct publisher *publisher, const char *from, const char *to,
                        const struct artefact *artefact, void *client, struct error *err)
{
    (void)publisher;
    (void)to;
    (void)artefact;
    (void)client;
    return publish_sync_path(from, false, err);
}

static bool sync_names(const struct publisher *publisher, const char *from, const char *to,
                       const struct artefact *artefact, void *client, struct error *err)
{
    (void)publisher;
    (void)from;
    (void)artefact;
    return publish_sync_parent(to, client, err);
}

static bool rename_staged(const struct publisher *publisher, const char *from, const char *to,
                          const struct artefact *artefact, void *client, struct error *err)
{
    (void)publisher;
    (void)artefact;
    if (!publish_rename(from, to, client, err))
        return false;
    FAILPOINT("publish:after-rename");
    return true;
}

static bool for_all(const struct publisher *publisher, const struct batch *batch, move_function *move, void *client,
                    struct error *err)
{
    for (size_t i = 0; i < batch->count; i++)
        if (!each_file(publisher, batch->items[i], move, client, err))
            return false;
    return true;
}

static bool has_few_files(const struct batch *batch)
{
    uint64_t files = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct publication *const p = batch->items[i];

        for (size_t k = 0; k < p->result.manifest.product_count; k++)
            for (size_t a = 0; a < p->result.manifest.products[k].artefact_count; a++)
                if (p->result.manifest.products[k].artefacts[a].place == PLACE_TREE)
                    return false;
        files += p->dropped ? 0 : p->files;
    }
    return files < PUBLISH_FEW;
}

static bool move_files(const struct publisher *publisher, struct batch *batch, struct error *err)
{
    const bool few = has_few_files(batch);
    char synced[PATH_SIZE] = "";
    bool made_folder = false;

    FAILPOINT("publish:before-sync");
    if (!(few ? for_all(publisher, batch, sync_staged, NULL, err) : publish_sync(publisher, err)))
        return false;
    FAILPOINT("publish:before-rename");
    if (!for_all(publisher, batch, rename_staged, &made_folder, err))
        return false;
    FAILPOINT("publish:renamed");
    if (!(few && !made_folder ? for_all(publisher, batch, sync_names, synced, err) : publish_sync(publisher, err)))
        return false;
    FAILPOINT("publish:after-sync");
    return true;
}

/* -- commit, tidy ------------------------------------------------------------------------ */

static bool commit_rows(const struct publisher *publisher, struct batch *batch, struct leftovers *leftovers,
                        struct error *err)
{
    if (!catalogue_begin(publisher->catalogue, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < batch->count; i++)
        ok = batch->items[i]->dropped || publish_rows(publisher, batch->items[i], leftovers, err);
    ok = ok && leftovers_settle(leftovers, publisher->catalogue, err);
    FAILPOINT("publish:before-commit");
    if (!ok) {
        catalogue_rollback(publisher->catalogue);
        return false;
    }
    if (!catalogue_commit(publisher->catalogue, err))
        return false;
    FAILPOINT("publish:after-commit");
    return true;
}

static bool remove_staged(const struct publisher *publisher, const char *from, const char *to,
                          const struct artefact *artefact, void *client, struct error *err)
{
    (void)publisher;
    (void)to;
    (void)artefact;
    (void)client;
    return path_remove_tree(from, err);
}

/* Other jobs' files are in the same folder. What a duplicate had staged goes; files that were not as told, and what may
 * be beside them, are left to whoever has the folder. */
static bool clear_staging(const struct publisher *publisher, struct batch *batch, struct error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct publication *const p = batch->items[i];

        if (p->dropped && !each_artefact(publisher, p, remove_staged, NULL, err))
            return false;
        p->is_staging_empty = !p->is_amiss;
    }
    return true;
}

bool publish_batch(const struct publisher *publisher, struct batch *batch, struct error *err)
{
    struct leftovers leftovers = {0};
    bool ok = publish_identity(publisher, batch, &leftovers, err);

    FAILPOINT("publish:after-identity");
    for (size_t i = 0; ok && i < batch->count; i++)
        check_publication(publisher, batch->items[i]);
    ok = ok && move_files(publisher, batch, err) && commit_rows(publisher, batch, &leftovers, err) &&
         clear_staging(publisher, batch, err) && leftovers_remove(&leftovers, publisher->root, err);
    leftovers_release(&leftovers);
    return ok;
}
