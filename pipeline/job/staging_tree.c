#include "staging_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/path.h"
#include "job/staging_private.h"
#include "job/staging_stream.h"

enum { LINES_SIZE = 64 << 10, NAME_DIGITS = DIGEST16_SIZE - 1 };

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

/* NULL with *err if none is. */
static struct staged_tree *opened_tree(const struct staging *staging, struct error *err)
{
    struct staged_tree *const tree = staging_opened(staging)->tree;

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

void staged_tree_free(struct staged_tree *tree)
{
    if (tree == NULL)
        return;
    memory_free(tree->files);
    buffer_release(&tree->paths);
    if (tree->descriptor != NOTHING)
        (void)close(tree->descriptor);
    memory_free(tree);
}

bool staging_tree(struct staging *staging, const struct artefact_spec *spec, struct error *err)
{
    struct opened *const opened = staging_opened(staging);
    char name[STAGING_NAME_SIZE];
    uint32_t staged;

    if (opened->tree != NULL)
        return error_set(err, ERROR_USAGE, "a tree of this product is open already");
    if (!staging_take_number(staging, &staged, name, err))
        return false;
    struct staged_tree *const tree = staged_tree_new(staging->descriptor, name, err);
    if (tree == NULL)
        return false;
    struct artefact *const artefact = staging_add_artefact(staging, spec, err);
    if (artefact == NULL) {
        staged_tree_free(tree);
        return false;
    }
    artefact->staged = staged;
    tree->artefact = staging_selected_product(staging)->artefact_count - 1;
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
    struct staged_tree *const tree = opened_tree(staging, err);
    struct tree_file *file = NULL;

    if (tree == NULL || !add_tree_file(tree, path, &file, err) ||
        !staging_digest(staging, parts, part_count, &file->digest, &file->bytes, err) ||
        !staging_file_put(tree->descriptor, path, parts, part_count, err))
        return false;
    tree->file_count++;
    return true;
}

bool staging_tree_put_naming(struct staging *staging, const char *path, const void *data, size_t size, uint64_t offset,
                             struct error *err)
{
    struct staged_tree *const tree = opened_tree(staging, err);
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
    struct opened *const opened = staging_opened(staging);

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
    struct opened *const opened = staging_opened(staging);
    struct staged_stream *const stream = opened->stream;
    struct tree_file *file = NULL;

    if (opened->tree == NULL || stream == NULL || !stream->is_in_tree)
        return error_set(err, ERROR_USAGE, "no stream of this tree is open");
    if (!add_tree_file(opened->tree, stream->path, &file, err) || !staged_stream_digest(stream, &file->digest, err))
        return false;
    file->bytes = stream->size;
    opened->tree->file_count++;
    return opened_close_stream(opened, err);
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
    if (!staging_file_write(descriptor, &part, 1))
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
static bool put_manifest(struct staging *staging, const struct staged_tree *tree, struct digest *digest,
                         struct error *err)
{
    const int descriptor = staging_file_create(tree->descriptor, "manifest.tsv", O_WRONLY);

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
    struct opened *const opened = staging_opened(staging);
    struct staged_tree *const tree = opened_tree(staging, err);

    if (tree == NULL)
        return false;
    if (tree->file_count == 0)
        return error_set(err, ERROR_USAGE, "a tree without files is no artefact");
    if (tree->file_count > 1)
        qsort_r(tree->files, tree->file_count, sizeof *tree->files, compare_files, tree->paths.data);
    struct artefact *const artefact = &staging_selected_product(staging)->artefacts[tree->artefact];
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
    struct opened *const opened = staging_opened(staging);
    struct product *const product = staging_selected_product(staging);
    struct error ignored;

    if (opened->stream != NULL && opened->stream->is_in_tree)
        staging_stream_drop(staging);
    if (opened->tree == NULL)
        return;
    /* the coordinator removes what stays */
    (void)staging_remove(staging, product->artefacts[opened->tree->artefact].staged, &ignored);
    product_remove(product, opened->tree->artefact);
    staged_tree_free(opened->tree);
    opened->tree = NULL;
}
