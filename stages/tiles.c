/* tiles.c - a pyramid of tiles of a frame too large to be sent whole (tile_tree.h)
 *
 *     tiles-N-cCENTER-wWIDTH.DIGEST16/    of the picture with that window: tiles-1-cm600-w1500
 *     tiles-N.DIGEST16/                   in colour
 *     tiles-N-lut.DIGEST16/               with a VOI LUT
 *
 * Tiles of 512 pixels: a quarter of the files and requests of the usual 256, and a screen still holds a dozen. They do not
 * overlap, so that all forms can share them; viewers draw their seams well (OpenSeadragon 4 and later).
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "job/layout.h"
#include "stages.h"
#include "tile_options.h"

enum { NAME_SIZE = 48, BLACK = 0, WHITE = 255 };

/* Of the frame at hand. */
struct state {
    struct tile_tree *tree;
    char name[NAME_SIZE], folder[PATH_SIZE];
    struct buffer details;
};

static bool tiles_accepts(const struct stage_input *input, const void *values, char *reason,
                          size_t size)
{
    const struct tile_options *const options = values;
    const struct image *const image = input->image;

    if (image->is_tiled) {
        (void)snprintf(reason, size, "the frames are tiles already");
        return false;
    }
    if (image->columns > options->min_size || image->rows > options->min_size)
        return true;
    (void)snprintf(reason, size, "%u x %u pixels, no side above %lld", image->columns, image->rows,
                   (long long)options->min_size);
    return false;
}

static bool tiles_begin(struct stage_run *run, struct error *err)
{
    const struct tile_options *const options = run->options;

    return run->input->image->frames <= options->max_frames ||
           buffer_printf(run->notes, err, "tiles: the first %lld of %u frames\n", (long long)options->max_frames,
                         run->input->image->frames);
}

static bool tiles_wants(const struct stage_run *run, uint32_t frame_number)
{
    return frame_number <= ((const struct tile_options *)run->options)->max_frames;
}

/* -- names -------------------------------------------------------------------------------------- */

/* A number as a part of a word (layout_word_is_valid): m for minus, p for the point. */
static void number_word(double value, char word[NAME_SIZE])
{
    char *to = word;

    (void)snprintf(word, NAME_SIZE, "%.6g", value);
    for (const char *from = word; *from != '\0'; from++)
        if (*from != '+')
            *to++ = *from == '-' ? 'm' : *from == '.' ? 'p' : *from;
    *to = '\0';
}

static void tree_name(const struct stage_frame *input, char name[NAME_SIZE])
{
    const struct voi *const voi = input->voi;
    char center[NAME_SIZE], width[NAME_SIZE], window[2 * NAME_SIZE + 8] = "";

    if (voi->kind == VOI_KIND_WINDOW) {
        number_word(voi->window.center, center);
        number_word(voi->window.width, width);
        (void)snprintf(window, sizeof window, "-c%s-w%s", center, width);
    }
    (void)snprintf(name, NAME_SIZE, "tiles-%u%.36s", input->frame->number,
                   voi->kind == VOI_KIND_LUT ? "-lut" : window);
}

static const char *function_word(enum voi_function function)
{
    return function == VOI_SIGMOID ? "SIGMOID" : function == VOI_LINEAR_EXACT ? "LINEAR_EXACT" : "LINEAR";
}

/* What the picture was made with, for tiles.json. */
static bool describe(const struct stage_frame *input, struct buffer *out, struct error *err)
{
    const struct voi *const voi = input->voi;
    struct json j;

    json_begin(&j, out);
    json_open_object(&j);
    json_member_int(&j, "frame", input->frame->number);
    if (voi->kind == VOI_KIND_WINDOW) {
        json_key(&j, "window");
        json_open_object(&j);
        json_member_real(&j, "center", voi->window.center);
        json_member_real(&j, "width", voi->window.width);
        json_member_text(&j, "function", function_word(voi->window.function));
        json_member_text(&j, "origin", input->voi_origin);
        json_close(&j);
    }
    json_close(&j);
    return json_finish(&j, err);
}

/* -- the tree ------------------------------------------------------------------------------------ */

static bool begin_tree(struct stage_run *run, const struct stage_frame *input, struct error *err)
{
    const struct image *const image = run->input->image;
    const unsigned channels = input->picture->channels;
    const uint8_t blank = channels == 1 ? BLACK : WHITE;
    struct state *const state = run->state;
    struct tile_tree_spec spec = {
        .name = state->name,
        .frame = input->frame->number,
        .folder = state->folder,
        .columns = image->columns,
        .rows = image->rows,
        .channels = channels,
        .blank = {blank, blank, blank},
        .source = {TILE_SOURCE_ROWS},
        .threads = run->threads,
        .column_mm = image->column_spacing_mm,
        .row_mm = image->row_spacing_mm,
    };

    buffer_clear(&state->details);
    tile_options_use(run->options, 0, &spec);
    tree_name(input, state->name);
    if (!layout_folder(run->input->subject, state->folder, err) || !describe(input, &state->details, err))
        return false;
    spec.details = buffer_text(&state->details);
    return tile_tree_new(&spec, run->staging, &state->tree, err);
}

/* A whole frame is a strip, too. */
static bool tiles_frame(struct stage_run *run, const struct stage_frame *input, struct error *err)
{
    const struct picture *const picture = input->picture;
    struct state *const state = run->state;

    if (input->first_row == 0 && !begin_tree(run, input, err))
        return false;
    if (!tile_tree_rows(state->tree, 0, picture->data, picture->rows, err))
        return false;
    if (input->first_row + picture->rows < run->input->image->rows)
        return true;
    const bool ok = tile_tree_end(state->tree, err);
    tile_tree_free(state->tree);
    state->tree = NULL;
    return ok;
}

static void tiles_release(struct stage_run *run)
{
    struct state *const state = run->state;

    tile_tree_free(state->tree);
    buffer_release(&state->details);
}

const struct stage tiles_stage = {
    .name = "tiles",
    .summary = "a pyramid of tiles of large frames: Deep Zoom, IIIF, packs",
    .version = 3,
    .scope = SCOPE_INSTANCE,
    .needs = NEEDS_PICTURE,
    .on_by_default = true,
    .options = tile_option_table,
    .options_size = sizeof(struct tile_options),
    .state_size = sizeof(struct state),
    .accepts = tiles_accepts,
    .begin = tiles_begin,
    .wants = tiles_wants,
    .frame = tiles_frame,
    .takes_strips = true,
    .release = tiles_release,
};
