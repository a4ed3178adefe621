/* ahead.h - the slices of a volume in their order, read and decoded by a thread while the stages work on those before
 *
 *     ahead_new(members, volume, places, &ahead, err)
 *     ahead_next(ahead, &found, err)       for each of volume->cells, in order
 *     ahead_free(ahead)
 *
 * The thread is the only one that uses `members` until ahead_free. Slices that would take too much memory beside one another,
 * and those with a Modality LUT, are read when they are asked for.
 */
#ifndef SLICEPRESS_WORKER_AHEAD_H
#define SLICEPRESS_WORKER_AHEAD_H

#include <stdbool.h>

#include "base/error.h"
#include "dicom/geometry.h"
#include "worker/members.h"

struct ahead;

/* Lent until the next call. The slice's first pixel is at (x, y) of the frame, which has all of its pixels. */
struct slice_frame { const struct frame *frame; const struct lut *modality_lut; uint32_t x, y; };

/* What is left of a struct slice when the volumes are made. */
struct slice_place {
    uint32_t member; /* of the job's */
    uint32_t frame;  /* from 1 */
    uint32_t x, y;
    bool has_modality_lut, has_padding;
    double padding_low, padding_high, slope, intercept, position[3];
};

/* All is borrowed; cells[].input counts in `places`. */
bool ahead_new(struct members *members, const struct volume *volume, const struct slice_place *places,
               struct ahead **ahead, struct error *err);
void ahead_free(struct ahead *ahead); /* NULL is fine */
/* Once it has failed there is nothing more to ask for. */
bool ahead_next(struct ahead *ahead, struct slice_frame *found, struct error *err);

#endif
