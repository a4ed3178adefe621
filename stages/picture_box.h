/* picture_box.h - the picture of a frame brought into a box, whether the frame comes whole or in strips
 *
 *     struct picture_box box = {0};
 *     picture_box_add(&box, run, frame, columns, rows, &picture, err)      stage.frame: for every strip, from top to bottom
 *       picture == NULL: strips are missing yet
 *     picture_box_release(&box)
 *
 * One box holds one picture; it is used again for the next frame. Memory is kept.
 */
#ifndef SLICEPRESS_STAGES_PICTURE_BOX_H
#define SLICEPRESS_STAGES_PICTURE_BOX_H

#include "dicom/picture_shrink.h"
#include "job/stage.h"

struct picture_box {
    struct picture small;          /* of a whole frame */
    struct strip_shrinker *strips; /* of one in strips, from its first to the next first */
};

/* The size of the frame's picture in a box of side x side, in its physical proportions, never enlarged along the finer
 * axis (picture_fit). */
void picture_box_fit(const struct stage_run *run, int64_t side, uint32_t *columns, uint32_t *rows);
/* *picture: of exactly columns x rows, the frame's own where nothing is to be done; valid until the next call. */
bool picture_box_add(struct picture_box *box, const struct stage_run *run, const struct stage_frame *frame,
                     uint32_t columns, uint32_t rows, const struct picture **picture, struct error *err);
/* The two in one. */
bool picture_box_add_fitted(struct picture_box *box, const struct stage_run *run, const struct stage_frame *frame,
                            int64_t side, const struct picture **picture, struct error *err);
void picture_box_release(struct picture_box *box);

#endif
