#include "frames.h"

#include "base/limits.h"
#include "job/notes.h"
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

/* Hands one frame, or a strip of it, to the stages, as a picture too if somebody wants one. */
static bool hand_on(struct frames_pass *pass, const struct frame *frame, const struct frame_display *display,
                    uint32_t first_row, struct error *err)
{
    struct instance *const instance = pass->instance;
    struct stage_frame given = {.frame = frame, .first_row = first_row, .display = display};
    struct frame_telling telling = {.notes = pass->tells_notes ? &instance->frame_notes : NULL,
                                    .picture_notes = &instance->picture_notes};
    const char *origin = "";
    const struct voi voi = choose_voi(pass, frame, display, &origin);

    given.voi = &voi;
    given.voi_origin = origin;
    buffer_clear(&instance->picture_notes);
    if (stage_set_wants(pass->stages, NEEDS_PICTURE, frame->number) &&
        studio_draw(pass->studio, &instance->image, frame, display, &voi, &instance->picture_notes,
                    &telling.picture_fault))
        given.picture = &pass->studio->picture;
    return stage_set_frame(pass->stages, &given, &telling, err);
}

/* Every OBJECT job counts the same frames: what is said of them is said of the instance. */
static bool count(struct frames_pass *pass, const struct frame *frame, const struct frame_display *display,
                  struct error *err)
{
    struct instance *const instance = pass->instance;

    if (!histogram_builder_add(pass->histogram, frame, display, err) ||
        !notes_merge(&instance->notes, buffer_text(&instance->frame_notes), err))
        return false;
    buffer_clear(&instance->frame_notes);
    return true;
}

/* What cannot be read here is told when its turn comes. */
static bool survey(struct frames_pass *pass, struct error *err)
{
    const uint32_t frames = pass->instance->image.frames;
    struct coded_frame coded;
    struct error ignored;

    if (frames < 2 || !instance_has_coded(pass->instance) || instance_wants_strips(pass->instance, pass->memory_bytes))
        return true;
    for (uint32_t number = 1; number <= frames && stage_set_wants_survey(pass->stages); number++) {
        if (number % FRAMES_AN_ALLOWANCE == 0 && !sandbox_allow_cpu(pass->cpu_seconds, err))
            return false;
        if (!instance_coded(pass->instance, number, pass->studio, &coded, &ignored))
            return true;
        if (!stage_set_survey(pass->stages, &coded, err))
            return false;
    }
    return true;
}

/* Some stages take the coded bytes as they are: what nobody else wants is not decoded then. */
static bool show_coded(struct frames_pass *pass, uint32_t number, struct error *err)
{
    struct coded_frame coded;

    return !instance_has_coded(pass->instance) || !stage_set_wants_coded(pass->stages, number) ||
           (instance_coded(pass->instance, number, pass->studio, &coded, err) &&
            stage_set_coded(pass->stages, &coded, err));
}

static bool run_frame(struct frames_pass *pass, uint32_t number, struct error *err)
{
    const bool counted =
        pass->histogram != NULL && frames_counted(pass->instance->image.frames, number);
    const bool kept = pass->planes != NULL && (pass->keeps_all || stage_set_defers(pass->stages, number));
    const struct frame_display *display = NULL;
    struct frame frame = {0};

    if (!show_coded(pass, number, err))
        return false;
    const bool wanted = stage_set_wants(pass->stages, NEEDS_FRAME | NEEDS_PICTURE, number);
    if (!counted && !kept && !wanted)
        return instance_know_form(pass->instance, number, pass->studio, err);
    return instance_frame(pass->instance, number, pass->studio, &frame, err) &&
           instance_display(pass->instance, number, &display, err) &&
           (!counted || count(pass, &frame, display, err)) &&
           (!kept || plane_writer_add(pass->planes, &frame, err)) &&
           (!wanted || hand_on(pass, &frame, display, 0, err));
}

/* -- frames that do not fit memory ------------------------------------------------------------ */

static bool run_strip(struct frames_pass *pass, uint32_t number, uint32_t first_row, uint32_t rows, struct error *err)
{
    const struct frame_display *display = NULL;
    struct frame frame = {0};

    return sandbox_allow_cpu(pass->cpu_seconds, err) &&
           instance_strip(pass->instance, number, first_row, rows, pass->studio, &frame, err) &&
           instance_display(pass->instance, number, &display, err) &&
           (pass->histogram == NULL || !frames_counted(pass->instance->image.frames, number) ||
            count(pass, &frame, display, err)) &&
           hand_on(pass, &frame, display, first_row, err);
}

static bool run_strips(struct frames_pass *pass, uint32_t number, uint32_t rows, struct error *err)
{
    const uint32_t all = pass->instance->image.rows;

    for (uint32_t first = 0; first < all; first += rows)
        if (!run_strip(pass, number, first, rows < all - first ? rows : all - first, err))
            return false;
    return true;
}

/* Stages that want it whole fail; a codestream without tiles is no fault of the others. One may pass as it is. */
static bool run_in_strips(struct frames_pass *pass, uint32_t number, struct error *err)
{
    struct error why = {0}, whole = {0};
    uint32_t rows = 0;
    const bool has_strips = instance_strip_rows(pass->instance, number, pass->studio, &rows, &why);

    if (!has_strips && why.kind == ERROR_LIMIT && instance_fits_whole(pass->instance, pass->memory_bytes))
        return run_frame(pass, number, err);
    (void)error_set(&whole, ERROR_LIMIT, "a frame of %llu bytes is read in strips, and this is made of whole ones",
                    (unsigned long long)image_frame_bytes(&pass->instance->image));
    if ((!instance_is_native(pass->instance) && !show_coded(pass, number, err)) ||
        !stage_set_refuse(pass->stages, number, false, &whole, err))
        return false;
    if (pass->histogram == NULL && !stage_set_wants(pass->stages, NEEDS_FRAME | NEEDS_PICTURE, number))
        return true;
    if (has_strips)
        return run_strips(pass, number, rows, err);
    *err = why;
    return why.kind == ERROR_LIMIT && pass->histogram == NULL &&
           stage_set_refuse(pass->stages, number, true, &why, err);
}

bool frames_run(struct frames_pass *pass, struct error *err)
{
    const bool in_strips = instance_wants_strips(pass->instance, pass->memory_bytes);
    const uint32_t frames = pass->instance->image.frames;

    pass->readable = 0;
    if (!survey(pass, err))
        return false;
    for (uint32_t number = 1; number <= frames; number++) {
        if (number % FRAMES_AN_ALLOWANCE == 0 && !sandbox_allow_cpu(pass->cpu_seconds, err))
            return false;
        if (!(in_strips ? run_in_strips : run_frame)(pass, number, err))
            return false;
        pass->readable = number;
    }
    return true;
}
