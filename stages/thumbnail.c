/* thumbnail.c - one frame of an instance as a small picture, in as many sizes as are asked for
 *
 * A size is the side of a box; the physical aspect of the pixels is respected, nothing is enlarged. Of a
 * multi-frame object one frame is shown (shown_frame.h). The first size as JPEG is the DICOMweb thumbnail.
 */
#include <stdio.h>
#include <string.h>

#include "codec/jpeg_encode.h"
#include "codec/png_encode.h"
#include "codec/webp_encode.h"
#include "shown_frame.h"
#include "stages.h"

struct options {
    struct option_ints sizes;
    char format[OPTION_TEXT];
    int64_t quality;
};

static const struct option option_table[] = {
    {.name = "sizes",
     .type = OPTION_INT_LIST,
     .offset = offsetof(struct options, sizes),
     .default_value = "256",
     .least = 16,
     .most = 4096,
     .help = "sides of the boxes, in pixels; as JPEG the first is the DICOMweb thumbnail"},
    {.name = "format",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct options, format),
     .default_value = "jpeg",
     .choices = "jpeg webp png",
     .help = "jpeg, webp or png"},
    {.name = "quality",
     .type = OPTION_INT,
     .offset = offsetof(struct options, quality),
     .default_value = "80",
     .least = 1,
     .most = 100,
     .help = "of jpeg and webp"},
    {.name = NULL},
};

struct coded { struct buffer bytes; uint32_t columns, rows; };

struct state {
    struct jpeg_encoder *jpeg;
    struct shown_frame shown;
    struct picture_box boxes[OPTION_LIST];
    struct coded coded[OPTION_LIST]; /* of that frame, one a size; memory is kept */
};

static bool is_format(const struct stage_run *run, const char *word)
{
    const struct options *const options = run->options;

    return strcmp(options->format, word) == 0;
}

static bool thumbnail_begin(struct stage_run *run, struct error *err)
{
    struct state *const state = run->state;

    return !is_format(run, "jpeg") || jpeg_encoder_new(&state->jpeg, err);
}

static bool encode(struct stage_run *run, const struct picture *picture, struct buffer *out, struct error *err)
{
    const struct options *const options = run->options;
    const struct state *const state = run->state;

    buffer_clear(out);
    if (is_format(run, "jpeg"))
        return jpeg_encode(state->jpeg, picture, &(struct jpeg_options){.quality = (int)options->quality}, NULL, 0, out,
                           err);
    if (is_format(run, "webp"))
        return webp_encode(picture, &(struct webp_options){.quality = (int)options->quality, .method = 2},
                           NULL, out, err);
    return png_encode(picture, 6, out, err);
}

static bool put(struct stage_run *run, int64_t side, bool first, const struct coded *coded, struct error *err)
{
    const struct options *const options = run->options;
    const struct state *const state = run->state;
    const bool is_jpeg = is_format(run, "jpeg"), at_dicomweb = first && is_jpeg;
    char name[48], media_type[16 + OPTION_TEXT];

    (void)snprintf(name, sizeof name, "thumbnail-%lld", (long long)side);
    (void)snprintf(media_type, sizeof media_type, "image/%s", options->format);
    const struct part part = {coded->bytes.data, coded->bytes.size};
    const struct artefact_spec spec = {
        .place = at_dicomweb ? PLACE_THUMBNAIL : PLACE_RENDITION,
        .name = name,
        .extension = at_dicomweb ? "" : is_jpeg ? "jpg" : options->format,
        .media_type = media_type,
        .frame = state->shown.number,
        .columns = coded->columns,
        .rows = coded->rows,
    };
    return staging_put(run->staging, &spec, &part, 1, err);
}

static bool was_before(const struct option_ints *sizes, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (sizes->values[i] == sizes->values[index])
            return true;
    return false;
}

/* Encodes one size of a frame that is to be shown. Strips go into its box before that is known. */
static bool add_size(struct stage_run *run, const struct stage_frame *frame, size_t index, bool is_better, struct error *err)
{
    const int64_t side = ((const struct options *)run->options)->sizes.values[index];
    struct state *const state = run->state;
    struct coded *const coded = &state->coded[index];
    const struct picture *picture = state->shown.small; /* made already */

    if (side != SHOWN_FRAME_SIDE && !picture_box_add_fitted(&state->boxes[index], run, frame, side, &picture, err))
        return false;
    if (!is_better)
        return true;
    coded->columns = picture->columns;
    coded->rows = picture->rows;
    return encode(run, picture, &coded->bytes, err);
}

static bool thumbnail_frame(struct stage_run *run, const struct stage_frame *frame, struct error *err)
{
    const struct option_ints *const sizes = &((const struct options *)run->options)->sizes;
    const bool is_strip = frame->picture->rows < run->input->image->rows;
    struct state *const state = run->state;
    bool is_better = false;

    if (!shown_frame_is_better(run, &state->shown, frame, &is_better, err))
        return false;
    if (is_better)
        run->information = state->shown.information;
    for (size_t i = 0; (is_better || is_strip) && i < sizes->count; i++)
        if (!was_before(sizes, i) && !add_size(run, frame, i, is_better, err))
            return false;
    return true;
}

static bool thumbnail_finish(struct stage_run *run, struct error *err)
{
    const struct options *const options = run->options;
    const struct state *const state = run->state;

    for (size_t i = 0; state->shown.number != 0 && i < options->sizes.count; i++)
        if (!was_before(&options->sizes, i) &&
            !put(run, options->sizes.values[i], i == 0, &state->coded[i], err))
            return false;
    return true;
}

static void thumbnail_release(struct stage_run *run)
{
    struct state *const state = run->state;

    for (size_t i = 0; i < OPTION_LIST; i++) {
        buffer_release(&state->coded[i].bytes);
        picture_box_release(&state->boxes[i]);
    }
    shown_frame_release(&state->shown);
    jpeg_encoder_free(state->jpeg);
}

const struct stage thumbnail_stage = {
    .name = "thumbnail",
    .summary = "one frame of an instance as a small picture, also at its DICOMweb address",
    .version = 3,
    .scope = SCOPE_INSTANCE,
    .needs = NEEDS_PICTURE,
    .on_by_default = true,
    .options = option_table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .begin = thumbnail_begin,
    .wants = shown_frame_wants,
    .frame = thumbnail_frame,
    .takes_strips = true,
    .finish = thumbnail_finish,
    .release = thumbnail_release,
};
