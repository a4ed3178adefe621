/* webp.c - windowed pictures in a ladder of sizes, and a moving one for cine
 *
 * A page shows the small one first and the full one after: WebP has no progressive scans. Size 0 is
 * the full one, with every pixel; others are boxes. The physical aspect of the pixels is respected
 * in all of them: where pixels are not square the coarser axis of the full one grows. Sizes that
 * would not be smaller than a larger rung are left out.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "codec/webp_encode.h"
#include "picture_box.h"
#include "stages.h"

struct options {
    struct option_ints sizes;
    int64_t quality, method, max_frames;
    bool lossless, animate;
};

static const struct option option_table[] = {
    {.name = "sizes",
     .type = OPTION_INT_LIST,
     .offset = offsetof(struct options, sizes),
     .default_value = "512,0",
     .least = 0,
     .most = 16383,
     .help = "sides of the boxes, in pixels; 0: full size"},
    {.name = "quality",
     .type = OPTION_INT,
     .offset = offsetof(struct options, quality),
     .default_value = "80",
     .least = 0,
     .most = 100,
     .help = "of lossy pictures"},
    {.name = "method",
     .type = OPTION_INT,
     .offset = offsetof(struct options, method),
     .default_value = "2",
     .least = 0,
     .most = 6,
     .help = "0 fast, 6 small; 2 is the knee"},
    {.name = "lossless",
     .type = OPTION_BOOL,
     .offset = offsetof(struct options, lossless),
     .default_value = "false",
     .help = "the windowed picture exactly"},
    {.name = "max_frames",
     .type = OPTION_INT,
     .offset = offsetof(struct options, max_frames),
     .default_value = "512",
     .least = 1,
     .most = 1000000,
     .help = "of a multi-frame object the first so many"},
    {.name = "animate",
     .type = OPTION_BOOL,
     .offset = offsetof(struct options, animate),
     .default_value = "true",
     .help = "a moving picture of cine objects"},
    {.name = NULL},
};

enum { CINE_SIDE = 512, CINE_DURATION_MS = 100, FULL = 0 };

struct rung {
    int64_t side;
    uint32_t columns, rows;
};

struct state {
    struct picture_box boxes[OPTION_LIST], cine;
    struct buffer coded, xmp;
    struct webp_animation *animation; /* from the first frame of a cine */
    uint32_t cine_columns, cine_rows;
    bool told_cap;
};

/* -- the XMP packet (ISO 16684-1): what a picture shows, nothing about whom -------------------- */

static bool xmp_text(struct buffer *out, const char *name, const char *text, struct error *err)
{
    if (text == NULL || text[0] == '\0')
        return true;
    if (!buffer_printf(out, err, "\n   sp:%s=\"", name))
        return false;
    for (const char *c = text; *c != '\0'; c++) {
        const char *const escaped = *c == '&'   ? "&amp;"
                                    : *c == '<' ? "&lt;"
                                    : *c == '>' ? "&gt;"
                                    : *c == '"' ? "&quot;"
                                                : NULL;
        if ((unsigned char)*c < 0x20)
            continue; /* XML 1.0 has no way to write them */
        if (escaped != NULL ? !buffer_puts(out, escaped, err) : !buffer_append(out, c, 1, err))
            return false;
    }
    return buffer_puts(out, "\"", err);
}

static bool xmp_number(struct buffer *out, const char *name, double value, struct error *err)
{
    char text[32];

    if (!isfinite(value))
        return true;
    json_format_real(value, text);
    return xmp_text(out, name, text, err);
}

static bool xmp_window(struct buffer *out, const struct stage_frame *input, struct error *err)
{
    static const char *const functions[] = {
        [VOI_LINEAR] = "LINEAR", [VOI_LINEAR_EXACT] = "LINEAR_EXACT", [VOI_SIGMOID] = "SIGMOID"};
    const struct voi *const voi = input->voi;

    if (voi == NULL || voi->kind == VOI_KIND_NONE)
        return true;
    if (voi->kind == VOI_KIND_LUT)
        return xmp_text(out, "VOILUTFunction", "VOI LUT Sequence", err);
    return xmp_number(out, "WindowCenter", voi->window.center, err) &&
           xmp_number(out, "WindowWidth", voi->window.width, err) &&
           xmp_text(out, "VOILUTFunction", functions[voi->window.function], err) &&
           xmp_text(out, "WindowOrigin", input->voi_origin, err);
}

static bool xmp_spacing(struct buffer *out, const struct image *image, struct error *err)
{
    char row[32], column[32], both[72];

    if (image->row_spacing_mm <= 0 || image->column_spacing_mm <= 0 ||
        image->spacing_source == NULL || strcmp(image->spacing_source, "PixelAspectRatio") == 0)
        return true;
    json_format_real(image->row_spacing_mm, row);
    json_format_real(image->column_spacing_mm, column);
    (void)snprintf(both, sizeof both, "%s\\%s", row, column);
    return xmp_text(out, image->spacing_source, both, err);
}

/* Of one frame; `input` NULL: of all of them. Spacing and size are those of the stored frame. */
static bool make_xmp(struct stage_run *run, const struct stage_frame *input, struct error *err)
{
    struct state *const state = run->state;
    struct buffer *const out = &state->xmp;
    const struct image *const image = run->input->image;
    bool ok;

    buffer_clear(out);
    ok = buffer_puts(out,
                     "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
                     " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
                     "  <rdf:Description rdf:about=\"\" xmlns:sp=\"urn:slicepress:xmp#\"",
                     err) &&
         xmp_text(out, "SOPInstanceUID", run->input->subject->sop, err) &&
         xmp_number(out, "Rows", image->rows, err) &&
         xmp_number(out, "Columns", image->columns, err) && xmp_spacing(out, image, err);
    if (ok && input != NULL) {
        ok = xmp_number(out, "Frame", input->frame->number, err) && xmp_window(out, input, err);
        if (ok && input->display != NULL && image->samples_per_pixel == 1)
            ok = input->display->has_modality_lut
                     ? xmp_text(out, "ModalityLUT", "Modality LUT Sequence", err)
                     : xmp_number(out, "RescaleSlope", input->display->slope, err) &&
                           xmp_number(out, "RescaleIntercept", input->display->intercept, err);
    }
    return ok && buffer_puts(out, "/>\n </rdf:RDF>\n</x:xmpmeta>\n", err);
}

/* -- the ladder ------------------------------------------------------------------------------- */

/* The full one has every pixel, as long as libwebp can hold them. */
static struct rung fit(const struct stage_run *run, int64_t side)
{
    const uint64_t most = LIMIT(WEBP_PIXELS);
    struct rung rung = {.side = side};

    picture_box_fit(run, side == FULL ? (int64_t)LIMIT(WEBP_SIDE) : side, &rung.columns, &rung.rows);
    const uint64_t pixels = (uint64_t)rung.columns * rung.rows;
    if (pixels > most) {
        const uint32_t longest = rung.columns > rung.rows ? rung.columns : rung.rows;
        picture_box_fit(run, (int64_t)(longest * sqrt((double)most / (double)pixels)), &rung.columns, &rung.rows);
    }
    return rung;
}

static bool is_on_ladder(const struct rung *ladder, size_t count, const struct rung *rung)
{
    for (size_t i = 0; i < count; i++)
        if (ladder[i].columns == rung->columns && ladder[i].rows == rung->rows)
            return true;
    return false;
}

/* The full one first, so that it is the others that collapse into it. */
static size_t make_ladder(const struct stage_run *run, struct rung ladder[OPTION_LIST])
{
    const struct option_ints *const sizes = &((const struct options *)run->options)->sizes;
    size_t count = 0;

    for (int full = 1; full >= 0; full--)
        for (size_t i = 0; i < sizes->count; i++) {
            const struct rung rung = fit(run, sizes->values[i]);

            if ((rung.side == FULL) == full && !is_on_ladder(ladder, count, &rung))
                ladder[count++] = rung;
        }
    return count;
}

static struct webp_options encoder_options(const struct stage_run *run)
{
    const struct options *const options = run->options;

    return (struct webp_options){.lossless = options->lossless,
                                 .quality = (int)options->quality,
                                 .method = (int)options->method};
}

static bool put(struct stage_run *run, const char *name, uint32_t frame, uint32_t columns,
                uint32_t rows, struct error *err)
{
    struct state *const state = run->state;
    const struct part part = {state->coded.data, state->coded.size};
    const struct artefact_spec spec = {
        .place = PLACE_RENDITION,
        .name = name,
        .extension = "webp",
        .media_type = "image/webp",
        .frame = frame,
        .columns = columns,
        .rows = rows,
    };

    return staging_put(run->staging, &spec, &part, 1, err);
}

/* Of a frame in strips with its last one. */
static bool put_rung(struct stage_run *run, const struct stage_frame *input, const struct rung *rung,
                     struct picture_box *box, struct error *err)
{
    struct state *const state = run->state;
    const struct webp_options options = encoder_options(run);
    const struct picture *picture = NULL;
    char name[48];

    if (!picture_box_add(box, run, input, rung->columns, rung->rows, &picture, err))
        return false;
    if (picture == NULL)
        return true;
    buffer_clear(&state->coded);
    if (!webp_encode(picture, &options, buffer_text(&state->xmp), &state->coded, err))
        return false;
    if (rung->side == FULL)
        (void)snprintf(name, sizeof name, "webp-full-%u", input->frame->number);
    else
        (void)snprintf(name, sizeof name, "webp-%lld-%u", (long long)rung->side,
                       input->frame->number);
    return put(run, name, input->frame->number, picture->columns, picture->rows, err);
}

static bool tell_cap(struct stage_run *run, struct error *err)
{
    const struct image *const image = run->input->image;
    struct state *const state = run->state;
    const struct rung full = fit(run, FULL);

    if (state->told_cap || (full.columns >= image->columns && full.rows >= image->rows))
        return true;
    state->told_cap = true;
    return buffer_printf(run->notes, err,
                         "webp: %u x %u pixels are shrunk to %u x %u: WebP holds %u a side, and %u million are coded at once\n",
                         image->columns, image->rows, full.columns, full.rows, (unsigned)LIMIT(WEBP_SIDE),
                         (unsigned)(LIMIT(WEBP_PIXELS) / 1000000));
}

/* -- cine -------------------------------------------------------------------------------------- */

/* A rate says so; else the modalities whose multi-frame objects are films (not stacks of slices).
 */
static bool is_cine(const struct stage_run *run)
{
    static const char *const films[] = {"US", "IVUS", "XA", "RF", "NM", "ES", "ECHO", "DF", "CF"};
    const struct image *const image = run->input->image;

    if (!((const struct options *)run->options)->animate || image->frames < 2)
        return false;
    for (size_t i = 0; i < sizeof films / sizeof films[0]; i++)
        if (strcmp(image->modality, films[i]) == 0)
            return true;
    return image->recommended_fps_x1000 > 0;
}

static uint32_t cine_duration_ms(const struct image *image)
{
    const uint32_t rate = image->recommended_fps_x1000;
    const uint32_t duration = rate > 0 ? (1000000 + rate / 2) / rate : CINE_DURATION_MS;

    return duration < 10 ? 10 : duration > 10000 ? 10000 : duration;
}

static bool add_to_cine(struct stage_run *run, const struct stage_frame *input, struct error *err)
{
    struct state *const state = run->state;
    const struct webp_options options = encoder_options(run);
    const struct rung rung = fit(run, CINE_SIDE);
    const struct picture *small = NULL;

    if (state->animation == NULL) {
        if (!webp_animation_new(rung.columns, rung.rows, &options, &state->animation, err))
            return false;
        state->cine_columns = rung.columns;
        state->cine_rows = rung.rows;
    }
    return picture_box_add(&state->cine, run, input, rung.columns, rung.rows, &small, err) &&
           (small == NULL || webp_animation_add(state->animation, small, cine_duration_ms(run->input->image), err));
}

/* -- the stage --------------------------------------------------------------------------------- */

static bool webp_accepts(const struct stage_input *input, const void *options, char *reason,
                         size_t size)
{
    (void)options;
    if (!input->image->is_tiled)
        return true;
    (void)snprintf(reason, size, "the frames are tiles of a larger picture");
    return false;
}

static bool webp_begin(struct stage_run *run, struct error *err)
{
    const struct options *const options = run->options;
    const uint32_t frames = run->input->image->frames;

    if (frames <= options->max_frames)
        return true;
    return buffer_printf(run->notes, err, "webp: the first %lld of %u frames\n",
                         (long long)options->max_frames, frames);
}

static bool webp_wants(const struct stage_run *run, uint32_t frame_number)
{
    return frame_number <= ((const struct options *)run->options)->max_frames;
}

static bool webp_frame(struct stage_run *run, const struct stage_frame *input, struct error *err)
{
    struct rung ladder[OPTION_LIST];
    struct state *const state = run->state;
    const size_t count = make_ladder(run, ladder);
    bool ok = tell_cap(run, err) && make_xmp(run, input, err);

    for (size_t i = 0; ok && i < count; i++)
        ok = put_rung(run, input, &ladder[i], &state->boxes[i], err);
    return ok && (!is_cine(run) || add_to_cine(run, input, err));
}

static bool webp_finish(struct stage_run *run, struct error *err)
{
    struct state *const state = run->state;

    if (state->animation == NULL)
        return true;
    buffer_clear(&state->coded);
    return make_xmp(run, NULL, err) &&
           webp_animation_end(state->animation, buffer_text(&state->xmp), &state->coded, err) &&
           put(run, "webp-cine", 0, state->cine_columns, state->cine_rows, err);
}

static void webp_release(struct stage_run *run)
{
    struct state *const state = run->state;

    webp_animation_free(state->animation);
    buffer_release(&state->xmp);
    buffer_release(&state->coded);
    picture_box_release(&state->cine);
    for (size_t i = 0; i < OPTION_LIST; i++)
        picture_box_release(&state->boxes[i]);
}

const struct stage webp_stage = {
    .name = "webp",
    .summary = "windowed pictures of every frame in several sizes, and a moving one for cine",
    .version = 2,
    .scope = SCOPE_INSTANCE,
    .needs = NEEDS_PICTURE,
    .on_by_default = true,
    .options = option_table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .accepts = webp_accepts,
    .begin = webp_begin,
    .wants = webp_wants,
    .frame = webp_frame,
    .takes_strips = true,
    .finish = webp_finish,
    .release = webp_release,
};
