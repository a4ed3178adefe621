/* rendered.c - one frame of an instance at full size, as JPEG at the DICOMweb address `rendered` (PS3.18 8.3.5.1)
 *
 * It is for people who look, so one frame stands for all (the standard lets a server choose how it shows many): that of
 * the thumbnail. Pixels that are not square are shown in proportion; a mosaic of a slide is brought down to `side`.
 */
#include "codec/jpeg_encode.h"
#include "shown_frame.h"
#include "stages.h"

struct options {
    int64_t side, quality;
};

static const struct option option_table[] = {
    {.name = "side",
     .type = OPTION_INT,
     .offset = offsetof(struct options, side),
     .default_value = "4096",
     .least = 256,
     .most = 65500, /* JPEG's own limit */
     .help = "longest side, in pixels; larger pictures are scaled down"},
    {.name = "quality",
     .type = OPTION_INT,
     .offset = offsetof(struct options, quality),
     .default_value = "80",
     .least = 1,
     .most = 100,
     .help = "of the JPEG"},
    {.name = NULL},
};

struct state {
    struct jpeg_encoder *jpeg;
    struct shown_frame shown;
    struct picture_box box;
    struct buffer coded; /* the frame shown */
    uint32_t columns, rows;
};

static bool rendered_begin(struct stage_run *run, struct error *err)
{
    struct state *const state = run->state;

    return jpeg_encoder_new(&state->jpeg, err);
}

static bool is_to_be_shown(struct stage_run *run, const struct stage_frame *frame, bool *is_better, struct error *err)
{
    struct state *const state = run->state;

    if (run->input->image->frames > 1)
        return shown_frame_is_better(run, &state->shown, frame, is_better, err);
    state->shown.number = frame->frame->number; /* there is no choice */
    *is_better = true;
    return true;
}

static bool rendered_frame(struct stage_run *run, const struct stage_frame *frame, struct error *err)
{
    const struct options *const options = run->options;
    const bool is_strip = frame->picture->rows < run->input->image->rows;
    struct state *const state = run->state;
    const struct picture *picture = NULL;
    bool is_better = false;

    if (!is_to_be_shown(run, frame, &is_better, err))
        return false;
    if ((is_better || is_strip) && !picture_box_add_fitted(&state->box, run, frame, options->side, &picture, err))
        return false;
    if (!is_better || picture == NULL)
        return true;
    state->columns = picture->columns;
    state->rows = picture->rows;
    buffer_clear(&state->coded);
    return jpeg_encode(state->jpeg, picture, &(struct jpeg_options){.quality = (int)options->quality}, NULL, 0,
                       &state->coded, err);
}

static bool rendered_finish(struct stage_run *run, struct error *err)
{
    const struct state *const state = run->state;
    const struct artefact_spec spec = {
        .place = PLACE_RENDERED,
        .name = "rendered",
        .media_type = "image/jpeg",
        .frame = state->shown.number,
        .columns = state->columns,
        .rows = state->rows,
    };

    return state->shown.number == 0 ||
           staging_put(run->staging, &spec, &(struct part){state->coded.data, state->coded.size}, 1, err);
}

static void rendered_release(struct stage_run *run)
{
    struct state *const state = run->state;

    buffer_release(&state->coded);
    picture_box_release(&state->box);
    shown_frame_release(&state->shown);
    jpeg_encoder_free(state->jpeg);
}

const struct stage rendered_stage = {
    .name = "rendered",
    .summary = "one frame of an instance at full size, as JPEG at its DICOMweb address",
    .version = 1,
    .scope = SCOPE_INSTANCE,
    .needs = NEEDS_PICTURE,
    .on_by_default = true,
    .options = option_table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .begin = rendered_begin,
    .wants = shown_frame_wants,
    .frame = rendered_frame,
    .takes_strips = true,
    .finish = rendered_finish,
    .release = rendered_release,
};
