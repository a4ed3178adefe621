#include "site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "coordinator/catalogue_source.h"
#include "coordinator/failpoint.h"
#include "coordinator/publish.h"

enum change_kind { CHANGE_PUT, CHANGE_LINK, CHANGE_REMOVE };

struct change {
    enum change_kind kind;
    char *path, *from; /* relative to public/; PUT: the staged file, absolute; LINK: the target */
    uint64_t bytes;
};

struct site_context {
    struct publisher publisher; /* root and descriptor, for its disk functions */
    char root[PATH_SIZE], temporary_root[PATH_SIZE];
    enum site_mode mode;
    site_difference difference;
    void *client;
    struct change *changes;
    size_t count, capacity;
    uint64_t temporaries;
    struct site_counts counts;
};

struct catalogue *site_catalogue(struct site_context *context)
{
    return context->publisher.catalogue;
}

const char *site_root(const struct site_context *context)
{
    return context->root;
}

static bool public_path(const struct site_context *context, const char *path, char whole[PATH_SIZE],
                        struct error *err)
{
    if (!path_is_safe_relative(path))
        return error_set(err, ERROR_CATALOGUE, "\"%s\" is no path for a published file", path);
    return path_format(whole, err, "%s/public/%s", context->root, path);
}

bool site_temporary(struct site_context *context, char path[PATH_SIZE], struct error *err)
{
    return path_format(path, err, "%s/work/staging/site-%d-%llu", context->temporary_root, (int)getpid(),
                       (unsigned long long)++context->temporaries);
}

static bool add_change(struct site_context *context, enum change_kind kind, const char *path, const char *from,
                       uint64_t bytes, struct error *err)
{
    void *changes = context->changes;
    struct change change = {.kind = kind, .bytes = bytes};

    if (!memory_grow(&changes, &context->capacity, context->count + 1, sizeof *context->changes, err))
        return false;
    context->changes = changes;
    change.path = memory_string(path, err);
    if (change.path != NULL && from != NULL)
        change.from = memory_string(from, err);
    if (change.path == NULL || (from != NULL && change.from == NULL)) {
        memory_free(change.path);
        return false;
    }
    context->changes[context->count++] = change;
    return true;
}

static void drop_changes(struct site_context *context)
{
    for (size_t i = 0; i < context->count; i++) {
        if (context->changes[i].kind == CHANGE_PUT)
            (void)unlink(context->changes[i].from); /* renamed away, unless something failed */
        memory_free(context->changes[i].path);
        memory_free(context->changes[i].from);
    }
    context->count = 0;
}

/* -- comparing --------------------------------------------------------------------------- */

static bool tell(const struct site_context *context, const char *path, const char *what, struct error *err)
{
    return context->difference == NULL || context->difference(context->client, path, what, err);
}

enum likeness { LIKE_SAME, LIKE_OTHER, LIKE_ABSENT };

static enum likeness compare(const char *whole, const void *data, size_t size)
{
    struct buffer now = {0};
    struct error ignored;
    struct stat status;
    enum likeness likeness = LIKE_OTHER;

    if (lstat(whole, &status) != 0)
        return LIKE_ABSENT;
    if (S_ISREG(status.st_mode) && (uint64_t)status.st_size == size &&
        path_read_file(whole, size + 1, &now, &ignored) && now.size == size &&
        (size == 0 || memcmp(now.data, data, size) == 0))
        likeness = LIKE_SAME;
    buffer_release(&now);
    return likeness;
}

/* In SITE_COMPARE: tells; *go_on is for SITE_WRITE, when the bytes differ. */
static bool weigh(struct site_context *context, const char *path, enum likeness likeness, bool *go_on,
                  struct error *err)
{
    *go_on = context->mode == SITE_WRITE && likeness != LIKE_SAME;
    if (context->mode == SITE_WRITE)
        return true;
    return tell(context, path, NULL, err) &&
           (likeness == LIKE_SAME || tell(context, path, likeness == LIKE_ABSENT ? "missing" : "differs", err));
}

/* -- putting ----------------------------------------------------------------------------- */

static bool stage_bytes(struct site_context *context, const char *path, const void *data, size_t size,
                        struct error *err)
{
    char temporary[PATH_SIZE];

    return site_temporary(context, temporary, err) && path_write_file(temporary, data, size, err) &&
           add_change(context, CHANGE_PUT, path, temporary, size, err);
}

bool site_put(struct site_context *context, const char *path, const void *data, size_t size, struct error *err)
{
    char whole[PATH_SIZE];
    bool go_on = false;

    return public_path(context, path, whole, err) &&
           weigh(context, path, compare(whole, data, size), &go_on, err) &&
           (!go_on || stage_bytes(context, path, data, size, err));
}

/* "STEM.0123456789abcdef.EXTENSION" */
static bool is_named(const char *name, const char *stem, const char *extension)
{
    const size_t length = strlen(stem);

    return strncmp(name, stem, length) == 0 && name[length] == '.' &&
           strspn(name + length + 1, "0123456789abcdef") == 16 && name[length + 17] == '.' &&
           strcmp(name + length + 18, extension) == 0;
}

static bool retire_former(struct site_context *context, const char *folder, const char *stem, const char *extension,
                          const char *name, struct error *err)
{
    char whole[PATH_SIZE], path[PATH_SIZE];
    const struct dirent *entry = NULL;
    bool ok = path_format(whole, err, "%s/public/%s", context->root, folder);
    DIR *const stream = ok ? opendir(whole) : NULL;

    while (ok && stream != NULL && (entry = readdir(stream)) != NULL)
        if (is_named(entry->d_name, stem, extension) && strcmp(entry->d_name, name) != 0)
            ok = path_format(path, err, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", entry->d_name) &&
                 garbage_add(site_catalogue(context), path, err);
    if (stream != NULL)
        (void)closedir(stream);
    return ok;
}

static bool make_name(const char *folder, const char *stem, const char *extension, const struct digest *digest,
                      char name[PATH_SIZE], char path[PATH_SIZE], struct error *err)
{
    char hex[DIGEST16_SIZE];

    digest_hex16(digest, hex);
    return path_format(name, err, "%s.%s.%s", stem, hex, extension) &&
           path_format(path, err, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", name);
}

bool site_put_named(struct site_context *context, const char *folder, const char *stem, const char *extension,
                    const void *data, size_t size, char name[PATH_SIZE], struct error *err)
{
    struct digest digest;
    char path[PATH_SIZE];

    return digest_of(data, size, &digest, err) && make_name(folder, stem, extension, &digest, name, path, err) &&
           site_put(context, path, data, size, err) &&
           (context->mode == SITE_COMPARE || (garbage_forget(site_catalogue(context), path, err) &&
                                              retire_former(context, folder, stem, extension, name, err)));
}

static bool digest_of_file(const char *path, struct digest *digest, uint64_t *size, struct error *err)
{
    struct bytes bytes;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);

    if (descriptor < 0)
        return error_errno(err, errno, "cannot open \"%s\"", path);
    const bool ok = bytes_of_descriptor(descriptor, &bytes, err) && digest_of_bytes(&bytes, digest, err);
    if (ok)
        *size = bytes.size;
    (void)close(descriptor);
    return ok;
}

bool site_put_named_file(struct site_context *context, const char *folder, const char *stem, const char *extension,
                         const char *made, char name[PATH_SIZE], struct error *err)
{
    struct digest digest;
    struct stat status;
    char path[PATH_SIZE], whole[PATH_SIZE];
    uint64_t size = 0;
    bool go_on = false;

    if (!digest_of_file(made, &digest, &size, err) ||
        !make_name(folder, stem, extension, &digest, name, path, err) || !public_path(context, path, whole, err) ||
        !weigh(context, path, lstat(whole, &status) == 0 ? LIKE_SAME : LIKE_ABSENT, &go_on, err))
        return false;
    if (!go_on)
        (void)unlink(made);
    else if (!add_change(context, CHANGE_PUT, path, made, size, err))
        return false;
    return context->mode == SITE_COMPARE || (garbage_forget(site_catalogue(context), path, err) &&
                                             retire_former(context, folder, stem, extension, name, err));
}

bool site_link(struct site_context *context, const char *path, const char *target, struct error *err)
{
    char whole[PATH_SIZE], other[PATH_SIZE];
    struct stat link_status, target_status;
    bool go_on = false;

    if (!public_path(context, path, whole, err) || !public_path(context, target, other, err))
        return false;
    if (context->mode == SITE_WRITE)
        return add_change(context, CHANGE_LINK, path, target, 0, err);
    const bool same = stat(whole, &link_status) == 0 && stat(other, &target_status) == 0 &&
                      link_status.st_size == target_status.st_size;
    return weigh(context, path, same ? LIKE_SAME : LIKE_OTHER, &go_on, err);
}

bool site_remove(struct site_context *context, const char *path, struct error *err)
{
    char whole[PATH_SIZE];

    if (!public_path(context, path, whole, err))
        return false;
    return context->mode == SITE_COMPARE || add_change(context, CHANGE_REMOVE, path, NULL, 0, err);
}

bool site_read(struct site_context *context, const char *path, size_t most, struct buffer *out, struct error *err)
{
    char whole[PATH_SIZE];

    return public_path(context, path, whole, err) && path_read_file(whole, most, out, err);
}

/* -- flushing ---------------------------------------------------------------------------- */

static bool same_file(const char *a, const char *b)
{
    struct stat first, second;

    return lstat(a, &first) == 0 && lstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static bool apply_change(struct site_context *context, const struct change *change, struct error *err)
{
    char whole[PATH_SIZE], target[PATH_SIZE];

    if (!public_path(context, change->path, whole, err))
        return false;
    switch (change->kind) {
    case CHANGE_REMOVE: return path_remove_tree(whole, err);
    case CHANGE_LINK:
        return public_path(context, change->from, target, err) &&
               (same_file(target, whole) || publish_link(target, whole, err));
    case CHANGE_PUT: break;
    }
    FAILPOINT("site:before-rename");
    if (!publish_rename(change->from, whole, err))
        return false;
    FAILPOINT("site:after-rename");
    context->counts.files++;
    context->counts.bytes += change->bytes;
    return true;
}

static bool sync_changes(struct site_context *context, bool names, struct error *err)
{
    char whole[PATH_SIZE];

    if (context->count >= PUBLISH_FEW)
        return publish_sync(&context->publisher, err);
    for (size_t i = 0; i < context->count; i++) {
        const struct change *const change = &context->changes[i];

        if (change->kind == CHANGE_REMOVE || (change->kind == CHANGE_LINK && !names))
            continue;
        if (!public_path(context, change->path, whole, err) ||
            !(names ? publish_sync_parent(whole, err) : publish_sync_path(change->from, false, err)))
            return false;
    }
    return true;
}

static bool flush(struct site_context *context, struct error *err)
{
    if (context->count == 0)
        return true;
    if (!sync_changes(context, false, err))
        return false;
    for (size_t i = 0; i < context->count; i++)
        if (!apply_change(context, &context->changes[i], err))
            return false;
    return sync_changes(context, true, err);
}

bool site_apply(struct site_context *context, site_function function, const char *study_uid, struct error *err)
{
    struct catalogue *const catalogue = site_catalogue(context);

    if (context->mode == SITE_COMPARE)
        return function(context, study_uid, err);
    if (!catalogue_begin(catalogue, err))
        return false;
    const bool ok = function(context, study_uid, err) && flush(context, err);
    drop_changes(context);
    FAILPOINT("site:before-commit");
    if (!ok) {
        catalogue_rollback(catalogue);
        return false;
    }
    if (!catalogue_commit(catalogue, err))
        return false;
    FAILPOINT("site:after-commit");
    return true;
}

/* -- the context ------------------------------------------------------------------------- */

bool site_context_new(struct catalogue *catalogue, const char *root, enum site_mode mode,
                      struct site_context **context, struct error *err)
{
    struct site_context *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->mode = mode;
    made->publisher.catalogue = catalogue;
    made->publisher.root = made->root;
    if (!path_format(made->root, err, "%s", root) || !path_format(made->temporary_root, err, "%s", root)) {
        memory_free(made);
        return false;
    }
    made->publisher.root_descriptor = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (made->publisher.root_descriptor < 0) {
        (void)error_errno(err, errno, "cannot open \"%s\"", root);
        memory_free(made);
        return false;
    }
    *context = made;
    return true;
}

bool site_context_put_temporaries(struct site_context *context, const char *folder, struct error *err)
{
    return path_format(context->temporary_root, err, "%s", folder);
}

void site_context_on_difference(struct site_context *context, site_difference difference, void *client)
{
    context->difference = difference;
    context->client = client;
}

struct site_counts site_context_counts(const struct site_context *context)
{
    return context->counts;
}

void site_context_free(struct site_context *context)
{
    if (context == NULL)
        return;
    drop_changes(context);
    memory_free(context->changes);
    (void)close(context->publisher.root_descriptor);
    memory_free(context);
}
