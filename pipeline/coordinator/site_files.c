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
#include "coordinator/sibling.h"
#include "coordinator/site_option.h"

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
    struct site_options options; /* of the last run */
    struct sibling_maker *maker; /* made when it is wanted */
    uint64_t temporaries;
    struct site_counts counts;
};

struct catalogue *site_catalogue(struct site_context *context)
{
    return context->publisher.catalogue;
}

const struct site_options *site_options(const struct site_context *context)
{
    return &context->options;
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

/* -- content --------------------------------------------------------------------------- */

enum { CONTENT_SMALL = 1 << 20 }; /* of a file: read into memory */

/* What is to be put: in memory, or in a file of our own. */
struct content {
    struct bytes bytes;
    const char *made; /* the file; NULL: none */
    int descriptor;   /* of it, or -1 */
    struct buffer small;
};

static struct content content_of_memory(const void *data, size_t size)
{
    return (struct content){.bytes = bytes_of_memory(size > 0 ? data : "", size), .descriptor = -1};
}

static void content_release(struct content *content)
{
    if (content->descriptor >= 0)
        (void)close(content->descriptor);
    buffer_release(&content->small);
}

/* `made` is borrowed. */
static bool content_of_file(const char *made, struct content *content, struct error *err)
{
    *content = (struct content){.made = made, .descriptor = open(made, O_RDONLY | O_CLOEXEC)};
    if (content->descriptor < 0)
        return error_errno(err, errno, "cannot open \"%s\"", made);
    bool ok = bytes_of_descriptor(content->descriptor, &content->bytes, err);
    if (ok && content->bytes.size <= CONTENT_SMALL) {
        ok = path_read_file(made, CONTENT_SMALL, &content->small, err) && buffer_reserve(&content->small, 1, err);
        content->bytes = bytes_of_memory(content->small.data, content->small.size);
    }
    if (!ok)
        content_release(content);
    return ok;
}

/* -- comparing --------------------------------------------------------------------------- */

static bool tell(const struct site_context *context, const char *path, const char *what, struct error *err)
{
    return context->difference == NULL || context->difference(context->client, path, what, err);
}

enum likeness { LIKE_SAME, LIKE_OTHER, LIKE_ABSENT };

static bool same_bytes(int descriptor, const struct bytes *bytes)
{
    enum { CHUNK = 64 << 10 };
    uint8_t chunk[CHUNK], other[CHUNK];
    struct error ignored;
    struct bytes now;
    bool same = bytes_of_descriptor(descriptor, &now, &ignored) && now.size == bytes->size;

    for (uint64_t offset = 0; same && offset < now.size; offset += CHUNK) {
        const size_t size = now.size - offset < CHUNK ? (size_t)(now.size - offset) : CHUNK;
        const uint8_t *const ours = bytes->memory != NULL ? bytes->memory + offset : other;

        same = bytes_read_all(&now, offset, chunk, size, &ignored) &&
               (bytes->memory != NULL || bytes_read_all(bytes, offset, other, size, &ignored)) &&
               memcmp(chunk, ours, size) == 0;
    }
    return same;
}

static enum likeness compare(const char *whole, const struct bytes *bytes)
{
    struct stat status;

    if (lstat(whole, &status) != 0)
        return LIKE_ABSENT;
    if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size != bytes->size)
        return LIKE_OTHER;
    const int descriptor = open(whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const bool same = descriptor >= 0 && same_bytes(descriptor, bytes);
    if (descriptor >= 0)
        (void)close(descriptor);
    return same ? LIKE_SAME : LIKE_OTHER;
}

/* In SITE_COMPARE: tells. */
static bool weigh(const struct site_context *context, const char *path, enum likeness likeness, struct error *err)
{
    return tell(context, path, NULL, err) &&
           (likeness == LIKE_SAME || tell(context, path, likeness == LIKE_ABSENT ? "missing" : "differs", err));
}

/* -- siblings ---------------------------------------------------------------------------- */

static bool is_due(const struct site_context *context, enum sibling sibling, const char *path, uint64_t size)
{
    return (sibling == SIBLING_GZIP || context->options.brotli) && sibling_is_due(path, size);
}

static bool weigh_siblings(const struct site_context *context, const char *path, const struct bytes *bytes,
                           struct error *err)
{
    char other[PATH_SIZE], whole[PATH_SIZE];
    struct stat status;

    for (enum sibling sibling = 0; sibling < SIBLING_COUNT; sibling++) {
        if (!is_due(context, sibling, path, bytes->size))
            continue;
        if (!sibling_path(sibling, path, other, err) || !public_path(context, other, whole, err) ||
            !weigh(context, other, sibling_holds(sibling, whole, bytes) ? LIKE_SAME
                                   : lstat(whole, &status) == 0         ? LIKE_OTHER
                                                                        : LIKE_ABSENT, err))
            return false;
    }
    return true;
}

/* Where the text stands already: the gzip file was put first and ends with the text's CRC, so that where it tells of
 * the text, nothing was left half done. */
static bool sibling_stands(enum sibling sibling, const char *whole, const struct bytes *bytes)
{
    char gzip[PATH_SIZE], other[PATH_SIZE];
    struct stat status;
    struct error ignored;

    return sibling_path(SIBLING_GZIP, whole, gzip, &ignored) && sibling_path(sibling, whole, other, &ignored) &&
           lstat(other, &status) == 0 && sibling_says(gzip, bytes);
}

static bool stage_sibling(struct site_context *context, enum sibling sibling, const char *path,
                          const struct bytes *bytes, struct error *err)
{
    char temporary[PATH_SIZE];
    struct stat status;

    if ((context->maker == NULL && !sibling_maker_new(&context->maker, err)) ||
        !site_temporary(context, temporary, err) || !sibling_make(context->maker, sibling, bytes, temporary, err))
        return false;
    if (lstat(temporary, &status) != 0)
        return error_errno(err, errno, "cannot find \"%s\"", temporary);
    return add_change(context, CHANGE_PUT, path, temporary, (uint64_t)status.st_size, err);
}

/* Before the text they belong to, so that no server sends a former one for long. `same`: the text stands there. */
static bool stage_siblings(struct site_context *context, const char *path, bool same, const struct bytes *bytes,
                           struct error *err)
{
    char other[PATH_SIZE], whole[PATH_SIZE], text[PATH_SIZE];
    struct stat status;

    if (!public_path(context, path, text, err))
        return false;
    for (enum sibling sibling = 0; sibling < SIBLING_COUNT; sibling++) {
        if (!sibling_path(sibling, path, other, err) || !public_path(context, other, whole, err))
            return false;
        if (is_due(context, sibling, path, bytes->size)
                ? !(same && sibling_stands(sibling, text, bytes)) &&
                      !stage_sibling(context, sibling, other, bytes, err)
                : lstat(whole, &status) == 0 && !add_change(context, CHANGE_REMOVE, other, NULL, 0, err))
            return false;
    }
    return true;
}

/* -- putting ----------------------------------------------------------------------------- */

/* A file that was made becomes the staged one. */
static bool stage_content(struct site_context *context, const char *path, const struct content *content,
                          struct error *err)
{
    char temporary[PATH_SIZE];

    if (content->made != NULL)
        return add_change(context, CHANGE_PUT, path, content->made, content->bytes.size, err);
    return site_temporary(context, temporary, err) &&
           path_write_file(temporary, content->bytes.memory, (size_t)content->bytes.size, err) &&
           add_change(context, CHANGE_PUT, path, temporary, content->bytes.size, err);
}

/* The file that was made is consumed, unless this fails. */
static bool put(struct site_context *context, const char *path, const struct content *content, struct error *err)
{
    char whole[PATH_SIZE];
    const bool compares = context->mode == SITE_COMPARE;

    if (!public_path(context, path, whole, err))
        return false;
    const enum likeness likeness = compare(whole, &content->bytes);
    const bool same = likeness == LIKE_SAME;
    if (compares && !weigh(context, path, likeness, err))
        return false;
    if (sibling_is_text(path) && !(compares ? weigh_siblings(context, path, &content->bytes, err)
                                            : stage_siblings(context, path, same, &content->bytes, err)))
        return false;
    if (!compares && !same)
        return stage_content(context, path, content, err);
    if (content->made != NULL)
        (void)unlink(content->made);
    return true;
}

bool site_put(struct site_context *context, const char *path, const void *data, size_t size, struct error *err)
{
    const struct content content = content_of_memory(data, size);

    return put(context, path, &content, err);
}

bool site_put_file(struct site_context *context, const char *path, const char *made, struct error *err)
{
    struct content content;

    if (!content_of_file(made, &content, err))
        return false;
    const bool ok = put(context, path, &content, err);
    content_release(&content);
    return ok;
}

/* "STEM.0123456789abcdef.EXTENSION", or a sibling of one; `name` excepted. */
static bool is_former(const char *found, const char *stem, const char *extension, const char *name)
{
    const size_t length = strlen(stem), extended = length + 18 + strlen(extension);

    return strncmp(found, stem, length) == 0 && found[length] == '.' &&
           strspn(found + length + 1, "0123456789abcdef") == 16 && found[length + 17] == '.' &&
           strncmp(found + length + 18, extension, strlen(extension)) == 0 &&
           (found[extended] == '\0' || strcmp(found + extended, ".gz") == 0 || strcmp(found + extended, ".br") == 0) &&
           strncmp(found, name, extended) != 0;
}

static bool retire_former(struct site_context *context, const char *folder, const char *stem, const char *extension,
                          const char *name, struct error *err)
{
    char whole[PATH_SIZE], path[PATH_SIZE];
    const struct dirent *entry = NULL;
    bool ok = path_format(whole, err, "%s/public/%s", context->root, folder);
    DIR *const stream = ok ? opendir(whole) : NULL;

    while (ok && stream != NULL && (entry = readdir(stream)) != NULL)
        if (is_former(entry->d_name, stem, extension, name))
            ok = path_format(path, err, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", entry->d_name) &&
                 garbage_add(site_catalogue(context), path, err);
    if (stream != NULL)
        (void)closedir(stream);
    return ok;
}

bool site_retire(struct site_context *context, const char *folder, const char *stem, const char *extension,
                 struct error *err)
{
    return context->mode == SITE_COMPARE || retire_former(context, folder, stem, extension, "", err);
}

static bool make_name(const char *folder, const char *stem, const char *extension, const struct digest *digest,
                      char name[PATH_SIZE], char path[PATH_SIZE], struct error *err)
{
    char hex[DIGEST16_SIZE];

    digest_hex16(digest, hex);
    return path_format(name, err, "%s.%s.%s", stem, hex, extension) &&
           path_format(path, err, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", name);
}

/* What was garbage and stands again is none. */
static bool forget_garbage(struct site_context *context, const char *path, struct error *err)
{
    char other[PATH_SIZE];
    bool ok = garbage_forget(site_catalogue(context), path, err);

    for (enum sibling sibling = 0; ok && sibling < SIBLING_COUNT && sibling_is_text(path); sibling++)
        ok = sibling_path(sibling, path, other, err) && garbage_forget(site_catalogue(context), other, err);
    return ok;
}

static bool put_named(struct site_context *context, const char *folder, const char *stem, const char *extension,
                      const struct content *content, char name[PATH_SIZE], struct error *err)
{
    struct digest digest;
    char path[PATH_SIZE];

    return digest_of_bytes(&content->bytes, &digest, err) &&
           make_name(folder, stem, extension, &digest, name, path, err) && put(context, path, content, err) &&
           (context->mode == SITE_COMPARE ||
            (forget_garbage(context, path, err) && retire_former(context, folder, stem, extension, name, err)));
}

bool site_put_named(struct site_context *context, const char *folder, const char *stem, const char *extension,
                    const void *data, size_t size, char name[PATH_SIZE], struct error *err)
{
    const struct content content = content_of_memory(data, size);

    return put_named(context, folder, stem, extension, &content, name, err);
}

bool site_put_named_file(struct site_context *context, const char *folder, const char *stem, const char *extension,
                         const char *made, char name[PATH_SIZE], struct error *err)
{
    struct content content;

    if (!content_of_file(made, &content, err))
        return false;
    const bool ok = put_named(context, folder, stem, extension, &content, name, err);
    content_release(&content);
    return ok;
}

bool site_link(struct site_context *context, const char *path, const char *target, struct error *err)
{
    char whole[PATH_SIZE], other[PATH_SIZE];
    struct stat link_status, target_status;

    if (!public_path(context, path, whole, err) || !public_path(context, target, other, err))
        return false;
    if (context->mode == SITE_WRITE)
        return add_change(context, CHANGE_LINK, path, target, 0, err);
    const bool same = stat(whole, &link_status) == 0 && stat(other, &target_status) == 0 &&
                      link_status.st_size == target_status.st_size;
    return weigh(context, path, same ? LIKE_SAME : LIKE_OTHER, err);
}

static bool remove_one(struct site_context *context, const char *path, struct error *err)
{
    char whole[PATH_SIZE];
    struct stat status;

    return public_path(context, path, whole, err) &&
           (lstat(whole, &status) != 0 || add_change(context, CHANGE_REMOVE, path, NULL, 0, err));
}

bool site_remove(struct site_context *context, const char *path, struct error *err)
{
    char other[PATH_SIZE];

    if (context->mode == SITE_COMPARE)
        return true;
    for (enum sibling sibling = 0; sibling < SIBLING_COUNT && sibling_is_text(path); sibling++)
        if (!sibling_path(sibling, path, other, err) || !remove_one(context, other, err))
            return false;
    return remove_one(context, path, err);
}

bool site_names(struct site_context *context, const char *folder, site_name *function, void *client,
                struct error *err)
{
    char whole[PATH_SIZE], path[PATH_SIZE];
    const struct dirent *entry = NULL;
    bool ok = public_path(context, folder, whole, err);
    DIR *const stream = ok && context->mode == SITE_WRITE ? opendir(whole) : NULL;

    while (ok && stream != NULL && (entry = readdir(stream)) != NULL)
        if (entry->d_name[0] != '.')
            ok = path_join(path, folder, entry->d_name, err) && function(client, path, entry->d_name, err);
    if (stream != NULL)
        (void)closedir(stream);
    return ok;
}

/* -- flushing ---------------------------------------------------------------------------- */

static bool same_file(const char *a, const char *b)
{
    struct stat first, second;

    return lstat(a, &first) == 0 && lstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static bool apply_change(struct site_context *context, const struct change *change, bool *made_folder,
                         struct error *err)
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
    if (!publish_rename(change->from, whole, made_folder, err))
        return false;
    FAILPOINT("site:after-rename");
    context->counts.files++;
    context->counts.bytes += change->bytes;
    return true;
}

static bool sync_changes(struct site_context *context, bool names, struct error *err)
{
    char whole[PATH_SIZE], synced[PATH_SIZE] = "";

    for (size_t i = 0; i < context->count; i++) {
        const struct change *const change = &context->changes[i];

        if (change->kind == CHANGE_REMOVE || (change->kind == CHANGE_LINK && !names))
            continue;
        if (!public_path(context, change->path, whole, err) ||
            !(names ? publish_sync_parent(whole, synced, err) : publish_sync_path(change->from, false, err)))
            return false;
    }
    return true;
}

static bool flush(struct site_context *context, struct error *err)
{
    bool by_system = context->count >= PUBLISH_FEW; /* syncfs: many files, or new folders */

    if (context->count == 0)
        return true;
    if (!(by_system ? publish_sync(&context->publisher, err) : sync_changes(context, false, err)))
        return false;
    for (size_t i = 0; i < context->count; i++)
        if (!apply_change(context, &context->changes[i], &by_system, err))
            return false;
    return by_system ? publish_sync(&context->publisher, err) : sync_changes(context, true, err);
}

bool site_apply(struct site_context *context, site_function function, const char *study_uid, struct error *err)
{
    struct catalogue *const catalogue = site_catalogue(context);

    if (!site_options_read(catalogue, &context->options, err))
        return false;
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
    sibling_maker_free(context->maker);
    (void)close(context->publisher.root_descriptor);
    memory_free(context);
}
