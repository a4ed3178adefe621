/* thumbnail.c - one frame of an instance as a picture: small, in as many sizes as are asked for, and rendered
 *
 * A size is the side of a box; the physical aspect of the pixels is respected, nothing is enlarged. Of a
 * multi-frame object one frame is shown: the middle one, unless another says much more. The first size as JPEG is
 * the DICOMweb thumbnail.
 *
 * `rendered` is the same frame at full size, always JPEG, at the DICOMweb address of the same name (PS3.18 8.3.5.1).
 * It is for people who look, so one frame stands for all (the standard lets a server choose how it shows many), and
 * a mosaic of a slide is brought down to `rendered_side`. Where the thumbnail's box is no smaller than the picture
 * the bytes are the thumbnail's.
 */
#include <stdio.h>
#include <string.h>

#include "codec/jpeg_encode.h"
#include "codec/png_encode.h"
#include "codec/webp_encode.h"
#include "stages.h"

struct options {
    struct option_ints sizes;
    char format[OPTION_TEXT];
    int64_t quality;
    bool rendered;
    int64_t rendered_side;
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
    {.name = "rendered",
     .type = OPTION_BOOL,
     .offset = offsetof(struct options, rendered),
     .default_value = "true",
     .help = "also the frame at full size, as JPEG at the DICOMweb address `rendered`"},
    {.name = "rendered_side",
     .type = OPTION_INT,
     .offset = offsetof(struct options, rendered_side),
     .default_value = "4096",
     .least = 256,
     .most = 65500, /* JPEG's own limit */
     .help = "longest side of rendered, in pixels; larger pictures are scaled down"},
    {.name = NULL},
};

enum { CANDIDATES = 9, JUDGED_SIDE = 256 };

struct coded { struct buffer bytes; uint32_t columns, rows; };

struct state {
    struct jpeg_encoder *jpeg;
    struct picture small;
    uint32_t frame;      /* the one that is shown; 0: none was seen yet */
    uint64_t best;       /* its score */
    struct coded coded[OPTION_LIST]; /* of that frame, one a size; memory is kept */
    struct coded rendered;           /* empty: its bytes are those of coded[0] */
};

static bool thumbnail_accepts(const struct stage_input *input, const void *options, char *reason,
                              size_t size)
{
    (void)input;
    (void)options;
    (void)reason;
    (void)size;
    return true;
}

static bool is_format(const struct stage_run *run, const char *word)
{
    const struct options *const options = run->options;

    return strcmp(options->format, word) == 0;
}

static bool thumbnail_begin(struct stage_run *run, struct error *err)
{
    const struct options *const options = run->options;
    struct state *const state = run->state;

    return !(is_format(run, "jpeg") || options->rendered) || jpeg_encoder_new(&state->jpeg, err);
}

static uint32_t middle_of(uint32_t frames)
{
    return (frames + 1) / 2;
}

static bool thumbnail_wants(const struct stage_run *run, uint32_t frame_number)
{
    const uint32_t frames = run->input->image->frames;

    if (frames <= CANDIDATES)
        return true;
    for (uint64_t i = 1; i <= CANDIDATES; i++)
        if (frame_number == i * ((uint64_t)frames + 1) / (CANDIDATES + 1))
            return true; /* the fifth is the middle */
    return false;
}

static bool encode_jpeg(struct stage_run *run, const struct picture *picture, struct buffer *out, struct error *err)
{
    const struct options *const options = run->options;
    const struct state *const state = run->state;

    buffer_clear(out);
    return jpeg_encode(state->jpeg, picture, &(struct jpeg_options){.quality = (int)options->quality}, NULL, 0, out,
                       err);
}

static bool encode(struct stage_run *run, const struct picture *picture, struct buffer *out, struct error *err)
{
    const struct options *const options = run->options;

    if (is_format(run, "jpeg"))
        return encode_jpeg(run, picture, out, err);
    buffer_clear(out);
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
        .frame = state->frame,
        .columns = coded->columns,
        .rows = coded->rows,
    };
    return staging_put(run->staging, &spec, &part, 1, err);
}

/* The picture itself where nothing is to shrink: no copy. */
static const struct picture *shrink(struct stage_run *run, const struct picture *picture,
                                    int64_t side, struct error *err)
{
    const struct image *const image = run->input->image;
    struct state *const state = run->state;
    uint32_t columns, rows;

    picture_fit(picture->columns, picture->rows, image->column_spacing_mm, image->row_spacing_mm,
                (uint32_t)side, &columns, &rows);
    if (columns == picture->columns && rows == picture->rows)
        return picture;
    return picture_shrink(picture, columns, rows, &state->small, err) ? &state->small : NULL;
}

static bool was_before(const struct option_ints *sizes, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (sizes->values[i] == sizes->values[index])
            return true;
    return false;
}

static bool encode_size(struct stage_run *run, const struct picture *picture, struct coded *coded,
                        struct error *err)
{
    coded->columns = picture->columns;
    coded->rows = picture->rows;
    return encode(run, picture, &coded->bytes, err);
}

static bool encode_rendered(struct stage_run *run, const struct picture *picture, struct error *err)
{
    const struct options *const options = run->options;
    struct state *const state = run->state;
    struct coded *const rendered = &state->rendered;
    const struct coded *const first = &state->coded[0];

    buffer_clear(&rendered->bytes);
    picture = shrink(run, picture, options->rendered_side, err);
    if (picture == NULL)
        return false;
    rendered->columns = picture->columns;
    rendered->rows = picture->rows;
    return (is_format(run, "jpeg") && first->columns == picture->columns && first->rows == picture->rows) ||
           encode_jpeg(run, picture, &rendered->bytes, err);
}

/* Takes the frame if it says more than the one so far; `picture` is of the first size. */
static bool is_better(struct stage_run *run, uint32_t number, const struct picture *picture)
{
    struct state *const state = run->state;
    const uint32_t information = picture_information(picture);
    const uint64_t score = (uint64_t)information * (number == middle_of(run->input->image->frames) ? 2 : 1);

    if (state->frame != 0 && score <= state->best)
        return false;
    state->frame = number;
    state->best = score;
    run->information = information;
    return true;
}

static bool thumbnail_frame(struct stage_run *run, const struct stage_frame *input, struct error *err)
{
    const struct options *const options = run->options;
    struct state *const state = run->state;

    for (size_t i = 0; i == 0 || i < options->sizes.count; i++) { /* without a size a frame is chosen all the same */
        const bool is_wanted = i < options->sizes.count;
        if (is_wanted && was_before(&options->sizes, i))
            continue;
        const int64_t side = is_wanted ? options->sizes.values[i] : JUDGED_SIDE;
        const struct picture *const picture = shrink(run, input->picture, side, err);
        if (picture == NULL)
            return false;
        if (i == 0 && !is_better(run, input->frame->number, picture))
            return true;
        if (is_wanted && !encode_size(run, picture, &state->coded[i], err))
            return false;
    }
    return !options->rendered || encode_rendered(run, input->picture, err);
}

static bool put_rendered(struct stage_run *run, struct error *err)
{
    const struct state *const state = run->state;
    const struct coded *const rendered = &state->rendered;
    const struct buffer *const bytes = rendered->bytes.size > 0 ? &rendered->bytes : &state->coded[0].bytes;
    const struct artefact_spec spec = {
        .place = PLACE_RENDERED,
        .name = "rendered",
        .media_type = "image/jpeg",
        .frame = state->frame,
        .columns = rendered->columns,
        .rows = rendered->rows,
    };

    return staging_put(run->staging, &spec, &(struct part){bytes->data, bytes->size}, 1, err);
}

static bool thumbnail_finish(struct stage_run *run, struct error *err)
{
    const struct options *const options = run->options;
    const struct state *const state = run->state;

    for (size_t i = 0; state->frame != 0 && i < options->sizes.count; i++)
        if (!was_before(&options->sizes, i) &&
            !put(run, options->sizes.values[i], i == 0, &state->coded[i], err))
            return false;
    return state->frame == 0 || !options->rendered || put_rendered(run, err);
}

static void thumbnail_release(struct stage_run *run)
{
    struct state *const state = run->state;

    for (size_t i = 0; i < OPTION_LIST; i++)
        buffer_release(&state->coded[i].bytes);
    buffer_release(&state->rendered.bytes);
    picture_release(&state->small);
    jpeg_encoder_free(state->jpeg);
}

const struct stage thumbnail_stage = {
    .name = "thumbnail",
    .summary = "one frame of an instance as a small and as a full picture, also at the DICOMweb addresses",
    .version = 2,
    .scope = SCOPE_INSTANCE,
    .needs = NEEDS_PICTURE,
    .on_by_default = true,
    .options = option_table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .accepts = thumbnail_accepts,
    .begin = thumbnail_begin,
    .wants = thumbnail_wants,
    .frame = thumbnail_frame,
    .finish = thumbnail_finish,
    .release = thumbnail_release,
};
