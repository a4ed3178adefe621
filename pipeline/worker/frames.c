#include "frames.h"

#include "worker/sandbox.h"

enum { COUNTED_MOST = 64, FRAMES_AN_ALLOWANCE = 16 };

bool frames_counted(uint32_t frames, uint32_t number)
{
    const uint32_t step = (frames + COUNTED_MOST - 1) / COUNTED_MOST;

    return (number - 1) % step == 0;
}

/* The frame's own window or LUT first, else the series' (PS3.3 C.11.2). */
static struct voi choose_voi(struct frames_pass *pass, const struct frame *frame, const struct frame_display *display,
                             const char **origin)
{
    struct voi voi = {.kind = VOI_KIND_NONE};

    *origin = "";
    if (frame_is_colour(frame))
        return voi;
    voi = voi_of_display(display);
    *origin = voi.kind == VOI_KIND_LUT ? "voi_lut" : "tag";
    if (voi.kind == VOI_KIND_NONE && pass->series_window != NULL) {
        voi = (struct voi){.kind = VOI_KIND_WINDOW, .window = *pass->series_window};
        *origin = "computed";
        pass->used_series_window = true;
    }
    return voi;
}

/* Hands one frame to the stages, as a picture too if somebody wants one. */
static bool hand_on(struct frames_pass *pass, const struct frame *frame, const struct frame_display *display,
                    struct error *err)
{
    struct instance *const instance = pass->instance;
    struct stage_frame given = {.frame = frame, .display = display};
    struct error picture_fault = {0};
    const char *origin = "";
    const struct voi voi = choose_voi(pass, frame, display, &origin);

    given.voi = &voi;
    given.voi_origin = origin;
    if (stage_set_wants(pass->stages, NEEDS_PICTURE, frame->number) &&
        studio_draw(pass->studio, &instance->image, frame, display, &voi, &instance->notes, &picture_fault))
        given.picture = &pass->studio->picture;
    return stage_set_frame(pass->stages, &given, &picture_fault, err);
}

static bool run_frame(struct frames_pass *pass, uint32_t number, struct error *err)
{
    const bool counted =
        pass->histogram != NULL && frames_counted(pass->instance->image.frames, number);
    const bool kept = pass->planes != NULL && stage_set_defers(pass->stages, number);
    const bool wanted = stage_set_wants(pass->stages, NEEDS_FRAME | NEEDS_PICTURE, number);
    const struct frame_display *display = NULL;
    struct frame frame = {0};

    if (!counted && !kept && !wanted)
        return true;
    return instance_frame(pass->instance, number, pass->studio, &frame, err) &&
           instance_display(pass->instance, number, &display, err) &&
           (!counted || histogram_builder_add(pass->histogram, &frame, display, err)) &&
           (!kept || plane_writer_add(pass->planes, &frame, err)) &&
           (!wanted || hand_on(pass, &frame, display, err));
}

bool frames_run(struct frames_pass *pass, struct error *err)
{
    const uint32_t frames = pass->instance->image.frames;

    pass->readable = 0;
    for (uint32_t number = 1; number <= frames; number++) {
        if (number % FRAMES_AN_ALLOWANCE == 0 && !sandbox_allow_cpu(pass->cpu_seconds, err))
            return false;
        if (!run_frame(pass, number, err))
            return false;
        pass->readable = number;
    }
    return true;
}
