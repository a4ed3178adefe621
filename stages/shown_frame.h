/* shown_frame.h - the one frame of an instance that a picture of it shows
 *
 *     struct shown_frame shown;                                  zeroed
 *     shown_frame_wants(run, number)                             stage.wants: at most nine frames are looked at
 *     shown_frame_is_better(run, &shown, frame, &better, err)    stage.frame: then this one is to be shown
 *     shown_frame_release(&shown)
 *
 * The middle frame, unless another says much more (picture_information of the picture in a box of 256). All stages that
 * ask here show the same one.
 */
#ifndef SLICEPRESS_STAGES_SHOWN_FRAME_H
#define SLICEPRESS_STAGES_SHOWN_FRAME_H

#include "picture_box.h"

enum { SHOWN_FRAME_SIDE = 256 };

struct shown_frame {
    uint32_t number;      /* of the best so far, from 1; 0: none was seen yet */
    uint64_t score;       /* its own */
    uint32_t information; /* picture_information of it */
    const struct picture *small; /* the last frame, in its box; NULL: strips of it are missing. Until the next frame */
    struct picture_box box;
};

bool shown_frame_wants(const struct stage_run *run, uint32_t frame_number);
/* Known of a frame in strips with its last one: false before. */
bool shown_frame_is_better(const struct stage_run *run, struct shown_frame *shown, const struct stage_frame *frame,
                           bool *is_better, struct error *err);
void shown_frame_release(struct shown_frame *shown);

#endif
