/* staging.h - where a worker puts what it makes, before the coordinator publishes it
 *
 *     staging_open(folder, &manifest, &staging, err)
 *     staging_begin(staging, "thumbnail", 1, err)          a product
 *       staging_put(staging, &spec, parts, count, err)     a file that is held as a whole;
 *                                                          a larger one: staging_stream.h; a folder: staging_tree.h
 *     staging_end(staging, PRODUCT_DONE, NULL, err)        or _FAILED with a reason: its files are removed;
 *                                                          or _PARTIAL with a reason: they stay
 *     staging_close(staging)
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
bool staging_end(struct staging *staging, enum product_state state, const char *reason, struct error *err);
/* Removes all that was put. */
void staging_discard(struct staging *staging);
void staging_close(struct staging *staging);

#endif
