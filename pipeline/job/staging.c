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
struct tree {
    int descriptor;  /* of its folder; NOTHING: no tree is open */
    size_t artefact; /* index in its product */
    size_t file_count, file_capacity;
    struct tree_file *files;
    struct buffer paths; /* each with its NUL */
    bool has_naming;     /* a file in it holds the name of the tree */
    size_t naming;       /* offset of its path */
    uint64_t naming_offset;
};

/* A file being written as it comes. */
struct stream {
    int descriptor; /* NOTHING: none is open */
    uint32_t staged;
    char *path; /* below the tree that is open; NULL: no file of a tree */
    uint64_t size;
    bool is_patched; /* then its digest is not that of what was put */
    struct digest_state *digest;
};

struct staging {
    char *folder;
    int descriptor; /* of the folder, once something was staged */
    struct manifest *manifest;
    struct digest_state *digest;
    uint32_t first, next; /* number of the first, of the next file */
    size_t selected;
    size_t tree_capacity, stream_capacity;
    struct tree *trees; /* one for each product of the manifest */
    struct stream *streams; /* the same */
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

static void tree_release(struct tree *tree)
{
    memory_free(tree->files);
    buffer_release(&tree->paths);
    if (tree->descriptor != NOTHING)
        (void)close(tree->descriptor);
    *tree = (struct tree){.descriptor = NOTHING};
}

static void stream_release(struct stream *stream)
{
    digest_free(stream->digest);
    memory_free(stream->path);
    if (stream->descriptor != NOTHING)
        (void)close(stream->descriptor);
    *stream = (struct stream){.descriptor = NOTHING};
}

void staging_close(struct staging *staging)
{
    if (staging == NULL)
        return;
    for (size_t i = 0; i < staging->tree_capacity; i++)
        tree_release(&staging->trees[i]);
    for (size_t i = 0; i < staging->stream_capacity; i++)
        stream_release(&staging->streams[i]);
    memory_free(staging->trees);
    memory_free(staging->streams);
    if (staging->descriptor != NOTHING)
        (void)close(staging->descriptor);
    digest_free(staging->digest);
    memory_free(staging->folder);
    memory_free(staging);
}

void staging_discard(struct staging *staging)
{
    char path[PATH_SIZE];
    struct error ignored;

    for (uint32_t number = staging->first; number < staging->next; number++)
        if (path_format(path, &ignored, "%s/%u", staging->folder, number))
            (void)path_remove_tree(path, &ignored); /* the coordinator removes what stays */
    (void)rmdir(staging->folder);                   /* unless others' files are in it */
}

/* -- products ------------------------------------------------------------------------------ */

static bool grow_streams(struct staging *staging, struct error *err)
{
    const size_t before = staging->stream_capacity;
    void *streams = staging->streams;

    if (!memory_grow(&streams, &staging->stream_capacity, staging->selected + 1, sizeof *staging->streams, err))
        return false;
    staging->streams = streams;
    for (size_t i = before; i < staging->stream_capacity; i++)
        staging->streams[i] = (struct stream){.descriptor = NOTHING};
    return true;
}

bool staging_begin(struct staging *staging, const char *stage, uint32_t version, struct error *err)
{
    const size_t before = staging->tree_capacity;
    void *trees = staging->trees;

    if (manifest_add(staging->manifest, stage, version, err) == NULL)
        return false;
    staging->selected = staging->manifest->product_count - 1;
    if (!memory_grow(&trees, &staging->tree_capacity, staging->selected + 1, sizeof *staging->trees,
                     err))
        return false;
    staging->trees = trees;
    for (size_t i = before; i < staging->tree_capacity; i++)
        staging->trees[i] = (struct tree){.descriptor = NOTHING};
    return grow_streams(staging, err);
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

static void number_name(uint32_t number, char name[NUMBER_SIZE])
{
    (void)snprintf(name, NUMBER_SIZE, "%u", number);
}

const struct product *staging_product(const struct staging *staging)
{
    return selected_product(staging);
}

static bool remove_artefacts(struct staging *staging, struct product *product, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < product->artefact_count; i++) {
        char name[NUMBER_SIZE], path[PATH_SIZE];

        number_name(product->artefacts[i].staged, name);
        ok = path_join(path, staging->folder, name, err) && path_remove_tree(path, err);
    }
    while (product->artefact_count > 0)
        product_remove(product, product->artefact_count - 1);
    return ok;
}

bool staging_end(struct staging *staging, enum product_state state, const char *reason,
                 struct error *err)
{
    struct product *const product = selected_product(staging);

    product->state = state;
    product->reason[0] = '\0';
    if (product_state_has_reason(state)) {
        const char *const text =
            reason != NULL && reason[0] != '\0' ? reason : "no reason was given";

        text_clean(text, strlen(text), false, product->reason, sizeof product->reason);
    }
    tree_release(&staging->trees[staging->selected]);
    staging_stream_drop(staging);
    return product_state_has_artefacts(state) || remove_artefacts(staging, product, err);
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

static bool write_numbered(struct staging *staging, const struct part *parts, size_t part_count,
                           uint32_t *staged, struct error *err)
{
    char name[NUMBER_SIZE];

    if (!open_folder(staging, err))
        return false;
    *staged = staging->next++;
    number_name(*staged, name);
    return write_file(staging->descriptor, name, parts, part_count, err);
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
    uint32_t staged;
    struct digest digest;
    uint64_t bytes;

    if (!digest_parts(staging, parts, part_count, &digest, &bytes, err) ||
        !write_numbered(staging, parts, part_count, &staged, err))
        return false;
    struct artefact *const artefact = add_artefact(staging, spec, err);
    if (artefact == NULL) {
        char name[NUMBER_SIZE];
        number_name(staged, name);
        (void)unlinkat(staging->descriptor, name, 0);
        return false;
    }
    artefact->staged = staged;
    artefact->digest = digest;
    artefact->bytes = bytes;
    return true;
}

/* -- streams ------------------------------------------------------------------------------- */

static struct stream *selected_stream(const struct staging *staging)
{
    return &staging->streams[staging->selected];
}

/* With its digest begun; nothing of it stays when that fails. */
static bool begin_stream(struct stream *stream, int folder, const char *path, struct error *err)
{
    if (!digest_new(&stream->digest, err))
        return false;
    stream->descriptor = create_file(folder, path, O_RDWR);
    if (stream->descriptor != NOTHING)
        return true;
    const int reason = errno;
    stream_release(stream);
    return error_errno(err, reason, "cannot create the staged file \"%s\"", path);
}

bool staging_stream(struct staging *staging, struct error *err)
{
    struct stream *const stream = selected_stream(staging);
    char name[NUMBER_SIZE];

    if (stream->descriptor != NOTHING)
        return error_set(err, ERROR_USAGE, "a stream of this product is open already");
    if (!open_folder(staging, err))
        return false;
    stream->staged = staging->next++;
    number_name(stream->staged, name);
    return begin_stream(stream, staging->descriptor, name, err);
}

bool staging_stream_put(struct staging *staging, const struct part *parts, size_t part_count, struct error *err)
{
    struct stream *const stream = selected_stream(staging);

    if (stream->descriptor == NOTHING)
        return error_set(err, ERROR_USAGE, "no stream of this product is open");
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].size > 0 && !digest_add(stream->digest, parts[i].data, parts[i].size, err))
            return false;
        stream->size += parts[i].size;
    }
    return write_parts(stream->descriptor, parts, part_count) ||
           error_errno(err, errno, "cannot write the staged file \"%u\"", stream->staged);
}

uint64_t staging_stream_size(const struct staging *staging)
{
    return selected_stream(staging)->size;
}

bool staging_stream_patch(struct staging *staging, uint64_t offset, const void *data, size_t size, struct error *err)
{
    struct stream *const stream = selected_stream(staging);
    const uint8_t *bytes = data;

    if (stream->descriptor == NOTHING || offset > stream->size || size > stream->size - offset)
        return error_set(err, ERROR_USAGE, "only what was put in a stream can be written over");
    stream->is_patched = true;
    while (size > 0) {
        const ssize_t written = pwrite(stream->descriptor, bytes, size, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return error_errno(err, errno, "cannot write the staged file \"%u\"", stream->staged);
        bytes += written;
        size -= (size_t)written;
        offset += (uint64_t)written;
    }
    return true;
}

static bool stream_digest(struct stream *stream, struct digest *digest, struct error *err)
{
    struct bytes bytes;

    if (!stream->is_patched)
        return digest_end(stream->digest, digest, err);
    return bytes_of_descriptor(stream->descriptor, &bytes, err) && digest_of_bytes(&bytes, digest, err);
}

/* The same compressed, as the next artefact; no file stays where there is little to gain. */
static bool put_gzip(struct staging *staging, const struct stream *stream, const struct artefact_spec *spec,
                     struct error *err)
{
    struct artefact_spec compressed = *spec;
    char number[NUMBER_SIZE], name[64];
    const uint32_t staged = staging->next++;
    struct gzip_copy copy = {0};

    number_name(staged, number);
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

/* The last thing that a full disk may say. */
static bool close_stream(struct stream *stream, struct error *err)
{
    const int descriptor = stream->descriptor;
    const uint32_t staged = stream->staged;

    stream->descriptor = NOTHING;
    stream_release(stream);
    return close(descriptor) == 0 || error_errno(err, errno, "cannot write the staged file \"%u\"", staged);
}

bool staging_stream_end(struct staging *staging, const struct artefact_spec *spec, bool gzip, struct error *err)
{
    struct stream *const stream = selected_stream(staging);
    struct digest digest;

    if (stream->descriptor == NOTHING || stream->path != NULL)
        return error_set(err, ERROR_USAGE, "no stream of this product is open");
    if (!stream_digest(stream, &digest, err))
        return false;
    struct artefact *const artefact = add_artefact(staging, spec, err);
    if (artefact == NULL)
        return false;
    artefact->staged = stream->staged;
    artefact->digest = digest;
    artefact->bytes = stream->size;
    if (!gzip)
        return close_stream(stream, err);
    if (put_gzip(staging, stream, spec, err))
        return close_stream(stream, err);
    product_remove(selected_product(staging), selected_product(staging)->artefact_count - 1);
    return false; /* the stream is still open: it can be dropped */
}

void staging_stream_drop(struct staging *staging)
{
    struct stream *const stream = selected_stream(staging);
    char name[NUMBER_SIZE];

    if (stream->descriptor != NOTHING && stream->path == NULL) { /* a tree goes as a whole */
        number_name(stream->staged, name);
        (void)unlinkat(staging->descriptor, name, 0);
    }
    stream_release(stream);
}

/* -- trees --------------------------------------------------------------------------------- */

static struct tree *selected_tree(const struct staging *staging)
{
    return &staging->trees[staging->selected];
}

bool staging_tree(struct staging *staging, const struct artefact_spec *spec, struct error *err)
{
    struct tree *const tree = selected_tree(staging);
    char name[NUMBER_SIZE];

    if (tree->descriptor != NOTHING)
        return error_set(err, ERROR_USAGE, "a tree of this product is open already");
    if (!open_folder(staging, err))
        return false;
    const uint32_t staged = staging->next++;
    number_name(staged, name);
    if (mkdirat(staging->descriptor, name, 0755) != 0)
        return error_errno(err, errno, "cannot create the staged folder \"%s\"", name);
    struct artefact *const artefact = add_artefact(staging, spec, err);
    if (artefact == NULL)
        return false;
    artefact->staged = staged;
    tree->artefact = selected_product(staging)->artefact_count - 1;
    tree->descriptor = openat(staging->descriptor, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return tree->descriptor != NOTHING ||
           error_errno(err, errno, "cannot open the staged folder \"%s\"", name);
}

/* *file: with its path, for the manifest; it counts once file_count has it. */
static bool add_tree_file(struct tree *tree, const char *path, struct tree_file **file, struct error *err)
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
    struct tree *const tree = selected_tree(staging);
    struct tree_file *file = NULL;

    if (!add_tree_file(tree, path, &file, err) ||
        !digest_parts(staging, parts, part_count, &file->digest, &file->bytes, err) ||
        !write_file(tree->descriptor, path, parts, part_count, err))
        return false;
    tree->file_count++;
    return true;
}

void staging_tree_drop(struct staging *staging)
{
    struct tree *const tree = &staging->trees[staging->selected];
    struct product *const product = selected_product(staging);
    char name[NUMBER_SIZE], path[PATH_SIZE];
    struct error ignored;

    if (tree->descriptor != NOTHING) {
        number_name(product->artefacts[tree->artefact].staged, name);
        if (path_join(path, staging->folder, name, &ignored))
            (void)path_remove_tree(path, &ignored); /* the coordinator removes what stays */
        product_remove(product, tree->artefact);
    }
    if (selected_stream(staging)->path != NULL) /* it was a file of the tree */
        stream_release(selected_stream(staging));
    tree_release(tree);
}

bool staging_tree_put_naming(struct staging *staging, const char *path, const void *data, size_t size, uint64_t offset,
                             struct error *err)
{
    struct tree *const tree = selected_tree(staging);
    const struct part part = {data, size};

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
    struct stream *const stream = selected_stream(staging);
    const struct tree *const tree = selected_tree(staging);

    if (tree->descriptor == NOTHING || stream->descriptor != NOTHING)
        return error_set(err, ERROR_USAGE, "no tree is open for a stream, or a stream already");
    if (!path_is_safe_relative(path))
        return error_set(err, ERROR_USAGE, "\"%s\" is no path inside a tree", path);
    stream->path = memory_string(path, err);
    return stream->path != NULL && begin_stream(stream, tree->descriptor, path, err);
}

bool staging_tree_stream_end(struct staging *staging, struct error *err)
{
    struct stream *const stream = selected_stream(staging);
    struct tree *const tree = selected_tree(staging);
    struct tree_file *file = NULL;

    if (stream->descriptor == NOTHING || stream->path == NULL)
        return error_set(err, ERROR_USAGE, "no stream of this tree is open");
    if (!add_tree_file(tree, stream->path, &file, err) || !stream_digest(stream, &file->digest, err))
        return false;
    file->bytes = stream->size;
    tree->file_count++;
    return close_stream(stream, err);
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

static bool write_lines(struct staging *staging, const struct tree *tree, int descriptor, struct error *err)
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
static bool put_manifest(struct staging *staging, const struct tree *tree, struct digest *digest, struct error *err)
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

static bool put_name(const struct tree *tree, const struct digest *digest, struct error *err)
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
    struct tree *const tree = selected_tree(staging);
    struct artefact *const artefact = &selected_product(staging)->artefacts[tree->artefact];

    if (tree->descriptor == NOTHING)
        return error_set(err, ERROR_USAGE, "no tree of this product is open");
    if (tree->file_count == 0)
        return error_set(err, ERROR_USAGE, "a tree without files is no artefact");
    if (tree->file_count > 1)
        qsort_r(tree->files, tree->file_count, sizeof *tree->files, compare_files, tree->paths.data);
    artefact->files = (uint32_t)tree->file_count;
    artefact->bytes = 0;
    for (size_t i = 0; i < tree->file_count; i++)
        artefact->bytes += tree->files[i].bytes;
    const bool ok = put_manifest(staging, tree, &artefact->digest, err) && put_name(tree, &artefact->digest, err);
    if (ok)
        tree_release(tree); /* else it is still open: it can be dropped */
    return ok;
}
