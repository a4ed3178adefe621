/* manifest.h - what a job made: products with their artefacts, as told by a worker
 *
 * Staged files are numbered in the job's staging folder; where they go is decided by the coordinator
 * through layout.h from `place`, `name`, `frame`, digest and extension.
 */
#ifndef SLICEPRESS_JOB_MANIFEST_H
#define SLICEPRESS_JOB_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"
#include "job/layout.h"

struct byte_range { uint32_t resolution, columns, rows; uint64_t end_offset; };

struct artefact {
    enum place place;
    char name[48];       /* "thumbnail-256", "webp-512-1", "frame-1" */
    char extension[8];   /* "webp", "" where the place has none */
    char media_type[128];
    uint32_t frame;      /* from 1; 0: not of one frame */
    uint32_t columns, rows;
    uint64_t bytes;
    struct digest digest; /* of the file; for a tree of its manifest lines */
    uint32_t staged;     /* number of the file or folder in the staging folder */
    uint32_t files;      /* 1, or the number of files of a tree */
    uint32_t range_count;
    struct byte_range *ranges; /* owned */
};

/* DEFERRED: waits for the series window, asked for again by a render job. PARTIAL: failed, but what there is of it is
 * whole (a series with a volume that cannot be read). */
enum product_state { PRODUCT_DONE, PRODUCT_SKIPPED, PRODUCT_FAILED, PRODUCT_DEFERRED, PRODUCT_PARTIAL };

struct product {
    char stage[32];
    uint32_t stage_version;
    enum product_state state;
    char reason[240]; /* of SKIPPED, FAILED and PARTIAL */
    char *notes;      /* owned, at most NOTES_MOST bytes; NULL: none */
    struct digest window_digest; /* of the windows its pictures used; zero if none */
    size_t artefact_count, artefact_capacity;
    struct artefact *artefacts; /* owned */
};

struct manifest {
    size_t product_count, product_capacity;
    struct product *products; /* owned */
};

struct product *manifest_add(struct manifest *manifest, const char *stage, uint32_t version, struct error *err);
struct artefact *product_add(struct product *product, struct error *err);
void product_remove(struct product *product, size_t index); /* those after it move up */
bool artefact_add_range(struct artefact *artefact, struct byte_range range, struct error *err);
/* Where artefact `index` stands in public/ (layout.h); PLACE_GZIP: beside the rendition before it in the product. */
bool artefact_path(const struct subject *subject, const struct product *product, size_t index, char path[PATH_SIZE],
                   struct error *err);
void product_release(struct product *product);
void manifest_release(struct manifest *manifest);
bool manifest_write(const struct manifest *manifest, struct buffer *out, struct error *err);
/* Checks everything: words, places, numbers, counts, frames. PROTOCOL otherwise. */
bool manifest_parse(struct reader *reader, struct manifest *manifest, struct error *err);
const char *product_state_word(enum product_state state); /* "done" */
bool product_state_has_reason(enum product_state state);
bool product_state_has_artefacts(enum product_state state);

#endif
