/* staging.h - where a worker puts what it makes, before the coordinator publishes it
 *
 *     staging_open(folder, &manifest, &staging, err)
 *     staging_begin(staging, "thumbnail", 1, err)          a product
 *       staging_put(staging, &spec, parts, count, err)     one file; or
 *       staging_tree(staging, &spec, err), staging_tree_put(...)..., staging_tree_end(...); or
 *       staging_stream(staging, err), staging_stream_put(...)..., staging_stream_end(staging, &spec, false, err)
 *     staging_end(staging, PRODUCT_DONE, NULL, err)        or _FAILED with a reason: its files are removed;
 *                                                          or _PARTIAL with a reason: they stay
 *     staging_close(staging, err)
 *
 * Several products may be open at once, because every frame is handed to all stages in turn: begin makes
 * its product the selected one, staging_selected tells its number in the manifest, staging_select goes
 * back to it; all other functions are about the selected one.
 *
 * Every write and close is checked; SHA-256 is computed on the way. Files are numbered 0, 1, 2...; the
 * folder is made at the first file. A file is created with O_EXCL, mode 0644.
 */
#ifndef SLICEPRESS_JOB_STAGING_H
#define SLICEPRESS_JOB_STAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "job/manifest.h"

struct staging;

struct part { const void *data; size_t size; };

/* What an artefact is; ranges are copied. */
struct artefact_spec {
    enum place place;
    const char *name, *extension, *media_type;
    uint32_t frame, columns, rows;
    const struct byte_range *ranges;
    size_t range_count;
};

bool staging_open(const char *folder, struct manifest *manifest, struct staging **staging, struct error *err);
/* Right after opening: others' files with smaller numbers are in the folder. */
void staging_number_from(struct staging *staging, uint32_t first);
bool staging_begin(struct staging *staging, const char *stage, uint32_t version, struct error *err);
size_t staging_selected(const struct staging *staging); /* index in manifest->products */
const struct product *staging_product(const struct staging *staging); /* as far as it is made */
void staging_select(struct staging *staging, size_t product); /* one that is open */
bool staging_put(struct staging *staging, const struct artefact_spec *spec, const struct part *parts,
                 size_t part_count, struct error *err);
/* One tree open at a time in a product. `path` is relative inside the tree, checked; folders are made as needed. */
bool staging_tree(struct staging *staging, const struct artefact_spec *spec, struct error *err);
bool staging_tree_put(struct staging *staging, const char *path, const struct part *parts, size_t part_count,
                      struct error *err);
/* The same of a file that holds the name of the tree's own folder: at `offset` stand 16 times '0', which become the first
 * 16 digits of the tree's digest when it ends. The line in manifest.tsv is that of the file with the zeros. One in a tree. */
bool staging_tree_put_naming(struct staging *staging, const char *path, const void *data, size_t size, uint64_t offset,
                             struct error *err);
/* A file of the open tree, written as it comes by staging_stream_put; no other stream may be open. */
bool staging_tree_stream(struct staging *staging, const char *path, struct error *err);
bool staging_tree_stream_end(struct staging *staging, struct error *err);
/* Writes manifest.tsv (lines `sha256 bytes path`, one tab between, sorted bytewise); the artefact's digest is
 * its SHA-256, bytes and files count what it lists. */
bool staging_tree_end(struct staging *staging, struct error *err);
void staging_tree_drop(struct staging *staging); /* as staging_stream_drop */
/* A file too large to be held, written as it comes; one open at a time in a product, and removed if it does not end. */
bool staging_stream(struct staging *staging, struct error *err);
bool staging_stream_put(struct staging *staging, const struct part *parts, size_t part_count, struct error *err);
uint64_t staging_stream_size(const struct staging *staging); /* bytes put so far */
/* Writes over bytes that were put before: tables of what follows them. */
bool staging_stream_patch(struct staging *staging, uint64_t offset, const void *data, size_t size, struct error *err);
/* The file is an artefact. `gzip`, of a RENDITION: also NAME-gzip at PLACE_GZIP, the same compressed (RFC 1952), unless
 * it is hardly smaller. */
bool staging_stream_end(struct staging *staging, const struct artefact_spec *spec, bool gzip, struct error *err);
void staging_stream_drop(struct staging *staging); /* nothing stays; fine without one */
bool staging_end(struct staging *staging, enum product_state state, const char *reason, struct error *err);
/* Removes all that was put. */
void staging_discard(struct staging *staging);
void staging_close(struct staging *staging);

#endif
