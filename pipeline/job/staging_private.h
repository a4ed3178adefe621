/* staging_private.h - what the files of staging share; private to job/
 *
 *     staging.c         products, artefacts, files that are put at once
 *     staging_stream.c  files written as they come
 *     staging_tree.c    folders of files with a manifest
 *     staging_file.c    a file below an open folder: knows neither products nor numbers
 */
#ifndef SLICEPRESS_JOB_STAGING_PRIVATE_H
#define SLICEPRESS_JOB_STAGING_PRIVATE_H

#include "base/digest.h"
#include "job/staging.h"

enum { NOTHING = -1, STAGING_NAME_SIZE = 12 };

/* -- staging_file.c ------------------------------------------------------------------------ */

/* `path` is below `folder`, and fit for a path; folders on the way are made. A descriptor, or NOTHING with errno;
 * `mode`: O_WRONLY or O_RDWR. */
int staging_file_create(int folder, const char *path, int mode);
/* All of it, or false with errno. */
bool staging_file_write(int descriptor, const struct part *parts, size_t part_count);
/* Creates, writes and closes; nothing stays behind when it fails. */
bool staging_file_put(int folder, const char *path, const struct part *parts, size_t part_count, struct error *err);

/* -- staging.c ----------------------------------------------------------------------------- */

struct staged_stream;
struct staged_tree;

/* What is open of a product; NULL: none is. */
struct opened {
    struct staged_stream *stream;
    struct staged_tree *tree;
};

struct staging {
    char *folder;
    int descriptor; /* of the folder, once something was staged */
    struct manifest *manifest;
    struct digest_state *digest; /* of one file after the other: whoever begins it ends it */
    uint32_t first, next; /* number of the first, of the next file */
    size_t selected;
    size_t opened_capacity;
    struct opened *opened; /* one for each product of the manifest */
};

/* Of the selected product. */
struct product *staging_selected_product(const struct staging *staging);
struct opened *staging_opened(const struct staging *staging);

/* The number of the next file or folder, and its name in the staging folder, which is open then. */
bool staging_take_number(struct staging *staging, uint32_t *number, char name[STAGING_NAME_SIZE], struct error *err);
/* The staged file or folder of that number; fine if it is not there. */
bool staging_remove(const struct staging *staging, uint32_t number, struct error *err);
/* Of all parts together. */
bool staging_digest(struct staging *staging, const struct part *parts, size_t part_count, struct digest *digest,
                    uint64_t *bytes, struct error *err);
/* Adds the artefact that `spec` tells of to the selected product; NULL leaves the product as it was. */
struct artefact *staging_add_artefact(struct staging *staging, const struct artefact_spec *spec, struct error *err);

/* -- staging_stream.c ---------------------------------------------------------------------- */

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

/* A new file with its digest begun; NULL leaves nothing of it. */
struct staged_stream *staged_stream_new(int folder, const char *path, struct error *err);
/* Of all that it holds now. */
bool staged_stream_digest(struct staged_stream *stream, struct digest *digest, struct error *err);
void staged_stream_free(struct staged_stream *stream); /* its file stays; NULL is fine */
/* The last thing that a full disk may say; nothing is open afterwards. */
bool opened_close_stream(struct opened *opened, struct error *err);

/* -- staging_tree.c ------------------------------------------------------------------------ */

void staged_tree_free(struct staged_tree *tree); /* its folder stays; NULL is fine */

#endif
