#include "staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/path.h"
#include "job/gzip_copy.h"
#include "job/text.h"

enum { NOTHING = -1, NUMBER_SIZE = 12, GZIP_PERCENT_MOST = 90, LINES_SIZE = 64 << 10, NAME_DIGITS = DIGEST16_SIZE - 1 };

/* A slide has a hundred thousand of them: no allocation for each. */
struct tree_file {
    struct digest digest;
    uint64_t bytes;
    size_t path; /* offset in the tree's paths */
};

/* A tree being filled; its artefact stands in the product already. */
struct staged_tree {
    int descriptor;  /* of its folder */
    size_t artefact; /* index in its product */
    size_t file_count, file_capacity;
    struct tree_file *files;
    struct buffer paths; /* each with its NUL */
    bool has_naming;     /* a file in it holds the name of the tree */
    size_t naming;       /* offset of its path */
    uint64_t naming_offset;
};

/* A file being written as it comes. */
struct staged_stream {
    int descriptor;
    char *path;      /* below its folder */
    bool is_in_tree; /* that is open; else an artefact to be, and `staged` its number */
    uint32_t staged;
    uint64_t size;
    bool is_patched; /* then its digest is not that of what was put */
    struct digest_state *digest;
};

/* What is open of a product; NULL: none is. */
struct opened {
    struct staged_stream *stream;
    struct staged_tree *tree;
};

struct staging {
    char *folder;
    int descriptor; /* of the folder, once something was staged */
    struct manifest *manifest;
    struct digest_state *digest;
    uint32_t first, next; /* number of the first, of the next file */
    size_t selected;
    size_t opened_capacity;
    struct opened *opened; /* one for each product of the manifest */
};

bool staging_open(const char *folder, struct manifest *manifest, struct staging **staging,
                  struct error *err)
{
    struct staging *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->descriptor = NOTHING;
    made->manifest = manifest;
    made->folder = memory_string(folder, err);
    if (made->folder == NULL || !digest_new(&made->digest, err)) {
        staging_close(made);
        return false;
    }
    *staging = made;
    return true;
}

void staging_number_from(struct staging *staging, uint32_t first)
{
    staging->first = staging->next = first;
}

static void staged_tree_free(struct staged_tree *tree)
{
    if (tree == NULL)
        return;
    memory_free(tree->files);
    buffer_release(&tree->paths);
    if (tree->descriptor != NOTHING)
        (void)close(tree->descriptor);
    memory_free(tree);
}

static void staged_stream_free(struct staged_stream *stream)
{
    if (stream == NULL)
        return;
    digest_free(stream->digest);
    memory_free(stream->path);
    if (stream->descriptor != NOTHING)
        (void)close(stream->descriptor);
    memory_free(stream);
}

void staging_close(struct staging *staging)
{
    if (staging == NULL)
        return;
    for (size_t i = 0; i < staging->opened_capacity; i++) {
        staged_stream_free(staging->opened[i].stream);
        staged_tree_free(staging->opened[i].tree);
    }
    memory_free(staging->opened);
    if (staging->descriptor != NOTHING)
        (void)close(staging->descriptor);
    digest_free(staging->digest);
    memory_free(staging->folder);
    memory_free(staging);
}

/* -- products ------------------------------------------------------------------------------ */

bool staging_begin(struct staging *staging, const char *stage, uint32_t version, struct error *err)
{
    const size_t before = staging->opened_capacity;
    void *opened = staging->opened;

    if (manifest_add(staging->manifest, stage, version, err) == NULL)
        return false;
    staging->selected = staging->manifest->product_count - 1;
    if (!memory_grow(&opened, &staging->opened_capacity, staging->selected + 1, sizeof *staging->opened, err))
        return false;
    staging->opened = opened;
    for (size_t i = before; i < staging->opened_capacity; i++)
        staging->opened[i] = (struct opened){0};
    return true;
}

size_t staging_selected(const struct staging *staging)
{
    return staging->selected;
}

void staging_select(struct staging *staging, size_t product)
{
    staging->selected = product;
}

static struct product *selected_product(const struct staging *staging)
{
    return &staging->manifest->products[staging->selected];
}

static struct opened *selected_opened(const struct staging *staging)
{
    return &staging->opened[staging->selected];
}

const struct product *staging_product(const struct staging *staging)
{
    return selected_product(staging);
}

/* The staged file or folder of that number. */
static bool remove_staged(const struct staging *staging, uint32_t number, struct error *err)
{
    char path[PATH_SIZE];

    return path_format(path, err, "%s/%u", staging->folder, number) && path_remove_tree(path, err);
}

static bool remove_artefacts(const struct staging *staging, struct product *product, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < product->artefact_count; i++)
        ok = remove_staged(staging, product->artefacts[i].staged, err);
    while (product->artefact_count > 0)
        product_remove(product, product->artefact_count - 1);
    return ok;
}

bool staging_end(struct staging *staging, enum product_state state, const char *reason,
                 struct error *err)
{
    struct product *const product = selected_product(staging);
    struct opened *const opened = selected_opened(staging);

    product->state = state;
    product->reason[0] = '\0';
    if (product_state_has_reason(state)) {
        const char *const text =
            reason != NULL && reason[0] != '\0' ? reason : "no reason was given";

        text_clean(text, strlen(text), false, product->reason, sizeof product->reason);
    }
    staging_stream_drop(staging);
    staged_tree_free(opened->tree);
    opened->tree = NULL;
    return product_state_has_artefacts(state) || remove_artefacts(staging, product, err);
}

void staging_discard(struct staging *staging)
{
    struct error ignored;

    for (uint32_t number = staging->first; number < staging->next; number++)
        (void)remove_staged(staging, number, &ignored); /* the coordinator removes what stays */
    (void)rmdir(staging->folder);                       /* unless others' files are in it */
}

/* -- files --------------------------------------------------------------------------------- */

static bool open_folder(struct staging *staging, struct error *err)
{
    if (staging->descriptor != NOTHING)
        return true;
    /* emptied folders are used again: it is there more often than not */
    staging->descriptor = open(staging->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (staging->descriptor != NOTHING || errno != ENOENT)
        return staging->descriptor != NOTHING ||
               error_errno(err, errno, "cannot open the staging folder \"%s\"", staging->folder);
    if (!path_make_folder(staging->folder, 0755, err))
        return false;
    staging->descriptor = open(staging->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return staging->descriptor != NOTHING ||
           error_errno(err, errno, "cannot open the staging folder \"%s\"", staging->folder);
}

/* The number of the next file or folder, and its name in the staging folder, which is open then. */
static bool take_number(struct staging *staging, uint32_t *number, char name[NUMBER_SIZE], struct error *err)
{
    if (!open_folder(staging, err))
        return false;
    *number = staging->next++;
    (void)snprintf(name, NUMBER_SIZE, "%u", *number);
    return true;
}

/* Writes all of it, whatever a call takes. */
static bool write_vector(int descriptor, struct iovec *vector, size_t count)
{
    while (count > 0) {
        ssize_t written = writev(descriptor, vector, (int)count);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        while (count > 0 && (size_t)written >= vector->iov_len) {
            written -= (ssize_t)vector->iov_len;
            vector++;
            count--;
        }
        if (count > 0) {
            vector->iov_base = (char *)vector->iov_base + written;
            vector->iov_len -= (size_t)written;
        }
    }
    return true;
}

static bool write_parts(int descriptor, const struct part *parts, size_t part_count)
{
    enum { AT_ONCE = 16 };
    struct iovec vector[AT_ONCE];
    size_t count = 0;

    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].size > 0) {
            /* writev does not write to what iov_base points at */
            memcpy(&vector[count].iov_base, &parts[i].data, sizeof vector[count].iov_base);
            vector[count++].iov_len = parts[i].size;
        }
        if (count == AT_ONCE || (i + 1 == part_count && count > 0)) {
            if (!write_vector(descriptor, vector, count))
                return false;
            count = 0;
        }
    }
    return true;
}

static bool digest_parts(struct staging *staging, const struct part *parts, size_t part_count,
                         struct digest *digest, uint64_t *bytes, struct error *err)
{
    *bytes = 0;
    for (size_t i = 0; i < part_count; i++) {
        if (!digest_add(staging->digest, parts[i].data, parts[i].size, err))
            return false;
        *bytes += parts[i].size;
    }
    return digest_end(staging->digest, digest, err);
}

/* The folders above `path` in `folder`, which are not all there. */
static bool make_folders(int folder, const char *path)
{
    char parent[PATH_SIZE];

    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        const size_t length = (size_t)(slash - path);

        memcpy(parent, path, length);
        parent[length] = '\0';
        if (mkdirat(folder, parent, 0755) != 0 && errno != EEXIST)
            return false;
    }
    return true;
}

static int create_file(int folder, const char *path, int mode)
{
    const int flags = mode | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int descriptor = openat(folder, path, flags, 0644);

    if (descriptor == NOTHING && errno == ENOENT && make_folders(folder, path))
        descriptor = openat(folder, path, flags, 0644);
    return descriptor;
}

/* Nothing stays behind when it fails. `path` is below `folder`, fit for a path. */
static bool write_file(int folder, const char *path, const struct part *parts, size_t part_count,
                       struct error *err)
{
    const int descriptor = create_file(folder, path, O_WRONLY);

    if (descriptor == NOTHING)
        return error_errno(err, errno, "cannot create the staged file \"%s\"", path);
    bool ok = write_parts(descriptor, parts, part_count);
    int reason = errno;
    if (close(descriptor) != 0 && ok) {
        reason = errno;
        ok = false;
    }
    if (ok)
        return true;
    (void)unlinkat(folder, path, 0);
    return error_errno(err, reason, "cannot write the staged file \"%s\"", path);
}

/* -- artefacts ----------------------------------------------------------------------------- */

static bool copy_word(char *to, size_t size, const char *text, const char *what, struct error *err)
{
    const char *const from = text != NULL ? text : "";

    if (strlen(from) >= size)
        return error_set(err, ERROR_LIMIT, "%s of an artefact is too long: \"%s\"", what, from);
    memcpy(to, from, strlen(from) + 1);
    return true;
}

/* Adds the artefact that `spec` tells of to the selected product; false leaves the product as it
 * was. */
static struct artefact *add_artefact(struct staging *staging, const struct artefact_spec *spec,
                                     struct error *err)
{
    struct product *const product = selected_product(staging);
    struct artefact *const artefact = product_add(product, err);

    if (artefact == NULL)
        return NULL;
    artefact->place = spec->place;
    artefact->frame = spec->frame;
    artefact->columns = spec->columns;
    artefact->rows = spec->rows;
    bool ok = copy_word(artefact->name, sizeof artefact->name, spec->name, "the name", err) &&
              copy_word(artefact->extension, sizeof artefact->extension, spec->extension,
                        "the extension", err) &&
              copy_word(artefact->media_type, sizeof artefact->media_type, spec->media_type,
                        "the media type", err);
    for (size_t i = 0; ok && i < spec->range_count; i++)
        ok = artefact_add_range(artefact, spec->ranges[i], err);
    if (ok)
        return artefact;
    product_remove(product, product->artefact_count - 1);
    return NULL;
}

bool staging_put(struct staging *staging, const struct artefact_spec *spec,
                 const struct part *parts, size_t part_count, struct error *err)
{
    char name[NUMBER_SIZE];
    uint32_t staged;
    struct digest digest;
    uint64_t bytes;

    if (!digest_parts(staging, parts, part_count, &digest, &bytes, err) ||
        !take_number(staging, &staged, name, err) ||
        !write_file(staging->descriptor, name, parts, part_count, err))
        return false;
    struct artefact *const artefact = add_artefact(staging, spec, err);
    if (artefact == NULL) {
        (void)unlinkat(staging->descriptor, name, 0);
        return false;
    }
    artefact->staged = staged;
    artefact->digest = digest;
    artefact->bytes = bytes;
    return true;
}

/* -- streams ------------------------------------------------------------------------------- */

/* A new file with its digest begun; NULL leaves nothing of it. */
static struct staged_stream *staged_stream_new(int folder, const char *path, struct error *err)
{
    struct staged_stream *const stream = memory_zeroed(sizeof *stream, err);

    if (stream == NULL)
        return NULL;
    stream->descriptor = NOTHING;
    stream->path = memory_string(path, err);
    bool ok = stream->path != NULL && digest_new(&stream->digest, err);
    if (ok) {
        stream->descriptor = create_file(folder, path, O_RDWR);
        ok = stream->descriptor != NOTHING || error_errno(err, errno, "cannot create the staged file \"%s\"", path);
    }
    if (ok)
        return stream;
    staged_stream_free(stream);
    return NULL;
}

bool staging_stream(struct staging *staging, struct error *err)
{
    struct opened *const opened = selected_opened(staging);
    char name[NUMBER_SIZE];
    uint32_t staged;

    if (opened->stream != NULL)
        return error_set(err, ERROR_USAGE, "a stream of this product is open already");
    if (!take_number(staging, &staged, name, err))
        return false;
    opened->stream = staged_stream_new(staging->descriptor, name, err);
    if (opened->stream == NULL)
        return false;
    opened->stream->staged = staged;
    return true;
}

bool staging_stream_put(struct staging *staging, const struct part *parts, size_t part_count, struct error *err)
{
    struct staged_stream *const stream = selected_opened(staging)->stream;

    if (stream == NULL)
        return error_set(err, ERROR_USAGE, "no stream of this product is open");
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].size > 0 && !digest_add(stream->digest, parts[i].data, parts[i].size, err))
            return false;
        stream->size += parts[i].size;
    }
    return write_parts(stream->descriptor, parts, part_count) ||
           error_errno(err, errno, "cannot write the staged file \"%s\"", stream->path);
}

uint64_t staging_stream_size(const struct staging *staging)
{
    const struct staged_stream *const stream = selected_opened(staging)->stream;

    return stream != NULL ? stream->size : 0;
}

bool staging_stream_patch(struct staging *staging, uint64_t offset, const void *data, size_t size, struct error *err)
{
    struct staged_stream *const stream = selected_opened(staging)->stream;
    const uint8_t *bytes = data;

    if (stream == NULL || offset > stream->size || size > stream->size - offset)
        return error_set(err, ERROR_USAGE, "only what was put in a stream can be written over");
    stream->is_patched = true;
    while (size > 0) {
        const ssize_t written = pwrite(stream->descriptor, bytes, size, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return error_errno(err, errno, "cannot write the staged file \"%s\"", stream->path);
        bytes += written;
        size -= (size_t)written;
        offset += (uint64_t)written;
    }
    return true;
}

static bool staged_stream_digest(struct staged_stream *stream, struct digest *digest, struct error *err)
{
    struct bytes bytes;

    if (!stream->is_patched)
        return digest_end(stream->digest, digest, err);
    return bytes_of_descriptor(stream->descriptor, &bytes, err) && digest_of_bytes(&bytes, digest, err);
}

/* The same compressed, as the next artefact; no file stays where there is little to gain. */
static bool put_gzip(struct staging *staging, const struct staged_stream *stream, const struct artefact_spec *spec,
                     struct error *err)
{
    struct artefact_spec compressed = *spec;
    char number[NUMBER_SIZE], name[64];
    uint32_t staged;
    struct gzip_copy copy = {0};

    if (!take_number(staging, &staged, number, err))
        return false;
    (void)snprintf(name, sizeof name, "%s-gzip", spec->name);
    compressed.place = PLACE_GZIP;
    compressed.name = name;
    compressed.media_type = "application/gzip";
    const int to = create_file(staging->descriptor, number, O_WRONLY);
    if (to == NOTHING)
        return error_errno(err, errno, "cannot create the staged file \"%s\"", number);
    bool ok = gzip_copy(stream->descriptor, stream->size, to, &copy, err);
    if (close(to) != 0 && ok)
        ok = error_errno(err, errno, "cannot write the staged file \"%s\"", number);
    struct artefact *artefact = NULL;
    if (ok && copy.size < stream->size / 100 * GZIP_PERCENT_MOST) {
        artefact = add_artefact(staging, &compressed, err);
        ok = artefact != NULL;
    }
    if (artefact == NULL) {
        (void)unlinkat(staging->descriptor, number, 0);
        return ok;
    }
    artefact->staged = staged;
    artefact->digest = copy.digest;
    artefact->bytes = copy.size;
    return true;
}

/* The last thing that a full disk may say; nothing is open afterwards. */
static bool close_stream(struct opened *opened, struct error *err)
{
    struct staged_stream *const stream = opened->stream;
    const int descriptor = stream->descriptor;

    stream->descriptor = NOTHING;
    opened->stream = NULL;
    const bool ok = close(descriptor) == 0 ||
                    error_errno(err, errno, "cannot write the staged file \"%s\"", stream->path);
    staged_stream_free(stream);
    return ok;
}

bool staging_stream_end(struct staging *staging, const struct artefact_spec *spec, bool gzip, struct error *err)
{
    struct opened *const opened = selected_opened(staging);
    struct staged_stream *const stream = opened->stream;
    struct digest digest;

    if (stream == NULL || stream->is_in_tree)
        return error_set(err, ERROR_USAGE, "no stream of this product is open");
    if (!staged_stream_digest(stream, &digest, err))
        return false;
    struct artefact *const artefact = add_artefact(staging, spec, err);
    if (artefact == NULL)
        return false;
    artefact->staged = stream->staged;
    artefact->digest = digest;
    artefact->bytes = stream->size;
    if (!gzip || put_gzip(staging, stream, spec, err))
        return close_stream(opened, err);
    product_remove(selected_product(staging), selected_product(staging)->artefact_count - 1);
    return false; /* the stream is still open: it can be dropped */
}

void staging_stream_drop(struct staging *staging)
{
    struct opened *const opened = selected_opened(staging);

    if (opened->stream != NULL && !opened->stream->is_in_tree) /* a tree goes as a whole */
        (void)unlinkat(staging->descriptor, opened->stream->path, 0);
    staged_stream_free(opened->stream);
    opened->stream = NULL;
}

/* -- trees --------------------------------------------------------------------------------- */

static struct staged_tree *open_tree(const struct staging *staging, struct error *err)
{
    struct staged_tree *const tree = selected_opened(staging)->tree;

    if (tree == NULL)
        (void)error_set(err, ERROR_USAGE, "no tree of this product is open");
    return tree;
}

/* A new folder; NULL leaves nothing open. */
static struct staged_tree *staged_tree_new(int folder, const char *name, struct error *err)
{
    struct staged_tree *const tree = memory_zeroed(sizeof *tree, err);

    if (tree == NULL)
        return NULL;
    tree->descriptor = NOTHING;
    bool ok = mkdirat(folder, name, 0755) == 0 ||
              error_errno(err, errno, "cannot create the staged folder \"%s\"", name);
    if (ok) {
        tree->descriptor = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ok = tree->descriptor != NOTHING || error_errno(err, errno, "cannot open the staged folder \"%s\"", name);
    }
    if (ok)
        return tree;
    staged_tree_free(tree);
    return NULL;
}

bool staging_tree(struct staging *staging, const struct artefact_spec *spec, struct error *err)
{
    struct opened *const opened = selected_opened(staging);
    char name[NUMBER_SIZE];
    uint32_t staged;

    if (opened->tree != NULL)
        return error_set(err, ERROR_USAGE, "a tree of this product is open already");
    if (!take_number(staging, &staged, name, err))
        return false;
    struct staged_tree *const tree = staged_tree_new(staging->descriptor, name, err);
    if (tree == NULL)
        return false;
    struct artefact *const artefact = add_artefact(staging, spec, err);
    if (artefact == NULL) {
        staged_tree_free(tree);
        return false;
    }
    artefact->staged = staged;
    tree->artefact = selected_product(staging)->artefact_count - 1;
    opened->tree = tree;
    return true;
}

/* *file: with its path, for the manifest; it counts once file_count has it. */
static bool add_tree_file(struct staged_tree *tree, const char *path, struct tree_file **file, struct error *err)
{
    void *files = tree->files;

    if (!path_is_safe_relative(path) || strlen(path) >= PATH_SIZE / 2)
        return error_set(err, ERROR_USAGE, "\"%s\" is no path inside a tree", path);
    if (!memory_grow(&files, &tree->file_capacity, tree->file_count + 1, sizeof *tree->files, err))
        return false;
    tree->files = files;
    *file = &tree->files[tree->file_count];
    (*file)->path = tree->paths.size;
    return buffer_append(&tree->paths, path, strlen(path) + 1, err);
}

bool staging_tree_put(struct staging *staging, const char *path, const struct part *parts, size_t part_count,
                      struct error *err)
{
    struct staged_tree *const tree = open_tree(staging, err);
    struct tree_file *file = NULL;

    if (tree == NULL || !add_tree_file(tree, path, &file, err) ||
        !digest_parts(staging, parts, part_count, &file->digest, &file->bytes, err) ||
        !write_file(tree->descriptor, path, parts, part_count, err))
        return false;
    tree->file_count++;
    return true;
}

bool staging_tree_put_naming(struct staging *staging, const char *path, const void *data, size_t size, uint64_t offset,
                             struct error *err)
{
    struct staged_tree *const tree = open_tree(staging, err);
    const struct part part = {data, size};

    if (tree == NULL)
        return false;
    if (tree->has_naming || offset > size || size - offset < NAME_DIGITS ||
        strspn((const char *)data + offset, "0") < NAME_DIGITS)
        return error_set(err, ERROR_USAGE, "no room for the tree's name in \"%s\"", path);
    if (!staging_tree_put(staging, path, &part, 1, err))
        return false;
    tree->has_naming = true;
    tree->naming = tree->files[tree->file_count - 1].path;
    tree->naming_offset = offset;
    return true;
}

bool staging_tree_stream(struct staging *staging, const char *path, struct error *err)
{
    struct opened *const opened = selected_opened(staging);

    if (opened->tree == NULL || opened->stream != NULL)
        return error_set(err, ERROR_USAGE, "no tree is open for a stream, or a stream already");
    if (!path_is_safe_relative(path))
        return error_set(err, ERROR_USAGE, "\"%s\" is no path inside a tree", path);
    opened->stream = staged_stream_new(opened->tree->descriptor, path, err);
    if (opened->stream == NULL)
        return false;
    opened->stream->is_in_tree = true;
    return true;
}

bool staging_tree_stream_end(struct staging *staging, struct error *err)
{
    struct opened *const opened = selected_opened(staging);
    struct staged_stream *const stream = opened->stream;
    struct tree_file *file = NULL;

    if (opened->tree == NULL || stream == NULL || !stream->is_in_tree)
        return error_set(err, ERROR_USAGE, "no stream of this tree is open");
    if (!add_tree_file(opened->tree, stream->path, &file, err) || !staged_stream_digest(stream, &file->digest, err))
        return false;
    file->bytes = stream->size;
    opened->tree->file_count++;
    return close_stream(opened, err);
}

/* The order of the lines: `LC_ALL=C sort`. No two files have one path, so no two lines are alike. */
static int compare_files(const void *left, const void *right, void *paths)
{
    const struct tree_file *const a = left, *const b = right;
    const int by_digest = memcmp(a->digest.bytes, b->digest.bytes, DIGEST_SIZE);

    return by_digest != 0 ? by_digest : strcmp((const char *)paths + a->path, (const char *)paths + b->path);
}

static bool flush_lines(struct staging *staging, int descriptor, struct buffer *lines, struct error *err)
{
    const struct part part = {lines->data, lines->size};

    if (!digest_add(staging->digest, lines->data, lines->size, err))
        return false;
    if (!write_parts(descriptor, &part, 1))
        return error_errno(err, errno, "cannot write the manifest of a tree");
    buffer_clear(lines);
    return true;
}

static bool write_lines(struct staging *staging, const struct staged_tree *tree, int descriptor, struct error *err)
{
    struct buffer lines = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < tree->file_count; i++) {
        const struct tree_file *const file = &tree->files[i];
        char hex[DIGEST_HEX_SIZE];

        digest_hex(&file->digest, hex);
        ok = buffer_printf(&lines, err, "%s\t%llu\t%s\n", hex, (unsigned long long)file->bytes,
                           (const char *)tree->paths.data + file->path) &&
             (lines.size < LINES_SIZE || flush_lines(staging, descriptor, &lines, err));
    }
    ok = ok && flush_lines(staging, descriptor, &lines, err);
    buffer_release(&lines);
    return ok;
}

/* manifest.tsv, and its digest. */
static bool put_manifest(struct staging *staging, const struct staged_tree *tree, struct digest *digest, struct error *err)
{
    const int descriptor = create_file(tree->descriptor, "manifest.tsv", O_WRONLY);

    if (descriptor == NOTHING)
        return error_errno(err, errno, "cannot create the manifest of a tree");
    bool ok = write_lines(staging, tree, descriptor, err);
    struct error ignored;
    ok = digest_end(staging->digest, digest, ok ? err : &ignored) && ok; /* ended anyway: it is not ours alone */
    if (close(descriptor) != 0 && ok)
        return error_errno(err, errno, "cannot write the manifest of a tree");
    return ok;
}

static bool put_name(const struct staged_tree *tree, const struct digest *digest, struct error *err)
{
    char hex[DIGEST16_SIZE];

    if (!tree->has_naming)
        return true;
    digest_hex16(digest, hex);
    const int descriptor =
        openat(tree->descriptor, (const char *)tree->paths.data + tree->naming, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = descriptor != NOTHING &&
              pwrite(descriptor, hex, NAME_DIGITS, (off_t)tree->naming_offset) == NAME_DIGITS;
    const int reason = errno;
    if (descriptor != NOTHING && close(descriptor) != 0)
        ok = false;
    return ok || error_errno(err, reason, "cannot write the name of a tree into it");
}

bool staging_tree_end(struct staging *staging, struct error *err)
{
    struct opened *const opened = selected_opened(staging);
    struct staged_tree *const tree = open_tree(staging, err);

    if (tree == NULL)
        return false;
    if (tree->file_count == 0)
        return error_set(err, ERROR_USAGE, "a tree without files is no artefact");
    if (tree->file_count > 1)
        qsort_r(tree->files, tree->file_count, sizeof *tree->files, compare_files, tree->paths.data);
    struct artefact *const artefact = &selected_product(staging)->artefacts[tree->artefact];
    artefact->files = (uint32_t)tree->file_count;
    artefact->bytes = 0;
    for (size_t i = 0; i < tree->file_count; i++)
        artefact->bytes += tree->files[i].bytes;
    if (!put_manifest(staging, tree, &artefact->digest, err) || !put_name(tree, &artefact->digest, err))
        return false; /* the tree is still open: it can be dropped */
    staged_tree_free(tree);
    opened->tree = NULL;
    return true;
}

void staging_tree_drop(struct staging *staging)
{
    struct opened *const opened = selected_opened(staging);
    struct product *const product = selected_product(staging);
    struct error ignored;

    if (opened->stream != NULL && opened->stream->is_in_tree)
        staging_stream_drop(staging);
    if (opened->tree == NULL)
        return;
    /* the coordinator removes what stays */
    (void)remove_staged(staging, product->artefacts[opened->tree->artefact].staged, &ignored);
    product_remove(product, opened->tree->artefact);
    staged_tree_free(opened->tree);
    opened->tree = NULL;
}
