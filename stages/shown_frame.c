#include "shown_frame.h"

enum { CANDIDATES = 9 };

bool shown_frame_wants(const struct stage_run *run, uint32_t frame_number)
{
    const uint32_t frames = run->input->image->frames;

    if (frames <= CANDIDATES)
        return true;
    for (uint64_t i = 1; i <= CANDIDATES; i++)
        if (frame_number == i * ((uint64_t)frames + 1) / (CANDIDATES + 1))
            return true; /* the fifth is the middle */
    return false;
}

static uint32_t middle_of(uint32_t frames)
{
    return (frames + 1) / 2;
}

bool shown_frame_is_better(const struct stage_run *run, struct shown_frame *shown, const struct stage_frame *frame,
                           bool *is_better, struct error *err)
{
    const uint32_t number = frame->frame->number;

    *is_better = false;
    if (!picture_box_add_fitted(&shown->box, run, frame, SHOWN_FRAME_SIDE, &shown->small, err))
        return false;
    if (shown->small == NULL)
        return true;
    const uint32_t information = picture_information(shown->small);
    const uint64_t score = (uint64_t)information * (number == middle_of(run->input->image->frames) ? 2 : 1);
    *is_better = shown->number == 0 || score > shown->score;
    if (*is_better) {
        shown->number = number;
        shown->score = score;
        shown->information = information;
    }
    return true;
}

void shown_frame_release(struct shown_frame *shown)
{
    picture_box_release(&shown->box);
}
