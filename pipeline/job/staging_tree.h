/* staging_tree.h - a folder of files that is one artefact
 *
 *     staging_tree(staging, &spec, err)
 *       staging_tree_put(staging, path, parts, count, err)...         files; or, one too large to be held,
 *       staging_tree_stream(staging, path, err), staging_stream_put(...)..., staging_tree_stream_end(staging, err)
 *     staging_tree_end(staging, err)                                  writes the manifest
 *
 * One is open at a time in a product. A `path` is relative inside the tree, checked; folders are made as needed. A
 * failure leaves the tree open, and staging_tree_drop takes it away.
 */
#ifndef SLICEPRESS_JOB_STAGING_TREE_H
#define SLICEPRESS_JOB_STAGING_TREE_H

#include "job/staging.h"

bool staging_tree(struct staging *staging, const struct artefact_spec *spec, struct error *err);
bool staging_tree_put(struct staging *staging, const char *path, const struct part *parts, size_t part_count,
                      struct error *err);
/* The same of a file that holds the name of the tree's own folder: at `offset` stand 16 times '0', which become the
 * first 16 digits of the tree's digest when it ends. The line in manifest.tsv is that of the file with the zeros. One
 * in a tree. */
bool staging_tree_put_naming(struct staging *staging, const char *path, const void *data, size_t size, uint64_t offset,
                             struct error *err);
/* A file of the tree, written as it comes by staging_stream_put (staging_stream.h); no other stream may be open. */
bool staging_tree_stream(struct staging *staging, const char *path, struct error *err);
bool staging_tree_stream_end(struct staging *staging, struct error *err);
/* Writes manifest.tsv (lines `sha256 bytes path`, one tab between, sorted bytewise); the artefact's digest is
 * its SHA-256, bytes and files count what it lists. */
bool staging_tree_end(struct staging *staging, struct error *err);
void staging_tree_drop(struct staging *staging); /* nothing stays, its open stream neither; fine without one */

#endif
