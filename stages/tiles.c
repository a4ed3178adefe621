/* tiles.c - a Deep Zoom pyramid of a frame too large to be sent whole
 *
 *     tiles-N.DIGEST16/image.dzi
 *     tiles-N.DIGEST16/image_files/LEVEL/X_Y.webp
 *
 * A tile is 510 pixels and one of overlap on each side: 512 x 512 inside the picture, the coders'
 * blocks filled exactly. That makes a quarter of the files and requests of the usual 254 + 2, and a
 * screen of today still holds a dozen. One pass over the rows, each level feeding the next
 * (dicom/pyramid.h).
 */
#include <stdio.h>
#include <string.h>

#include "codec/jpeg_encode.h"
#include "codec/webp_encode.h"
#include "dicom/pyramid.h"
#include "stages.h"

enum { OVERLAP = 1 };

struct options {
    int64_t min_size, tile_size, quality, max_frames;
    char format[OPTION_TEXT];
};

static const struct option option_table[] = {
    {.name = "min_size",
     .type = OPTION_INT,
     .offset = offsetof(struct options, min_size),
     .default_value = "2048",
     .least = 1,
     .most = 65535,
     .help = "only frames with a side above this"},
    {.name = "tile_size",
     .type = OPTION_INT,
     .offset = offsetof(struct options, tile_size),
     .default_value = "510",
     .least = 32,
     .most = 4094,
     .help = "without the pixel of overlap on each side"},
    {.name = "format",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct options, format),
     .default_value = "webp",
     .choices = "webp jpeg",
     .help = "webp or jpeg"},
    {.name = "quality",
     .type = OPTION_INT,
     .offset = offsetof(struct options, quality),
     .default_value = "80",
     .least = 1,
     .most = 100,
     .help = "of the tiles"},
    {.name = "max_frames",
     .type = OPTION_INT,
     .offset = offsetof(struct options, max_frames),
     .default_value = "64",
     .least = 1,
     .most = 1000000,
     .help = "of a multi-frame object the first so many"},
    {.name = NULL},
};

struct state {
    struct jpeg_encoder *jpeg; /* NULL: WebP */
    struct buffer coded;
};

static const char *extension(const struct stage_run *run)
{
    const struct state *const state = run->state;

    return state->jpeg != NULL ? "jpg" : "webp";
}

static bool tiles_accepts(const struct stage_input *input, const void *values, char *reason,
                          size_t size)
{
    const struct options *const options = values;
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
    const struct options *const options = run->options;
    struct state *const state = run->state;

    if (run->input->image->frames > options->max_frames &&
        !buffer_printf(run->notes, err, "tiles: the first %lld of %u frames\n",
                       (long long)options->max_frames, run->input->image->frames))
        return false;
    return strcmp(options->format, "jpeg") != 0 || jpeg_encoder_new(&state->jpeg, err);
}

static bool tiles_wants(const struct stage_run *run, uint32_t frame_number)
{
    return frame_number <= ((const struct options *)run->options)->max_frames;
}

static bool put_tile(void *client, unsigned level, uint32_t x, uint32_t y,
                     const struct picture *tile, struct error *err)
{
    struct stage_run *const run = client;
    const int quality = (int)((const struct options *)run->options)->quality;
    struct state *const state = run->state;
    char path[64];

    buffer_clear(&state->coded);
    const bool ok = state->jpeg != NULL
                        ? jpeg_encode(state->jpeg, tile, &(struct jpeg_options){.quality = quality},
                                      NULL, 0, &state->coded, err)
                        : webp_encode(tile, &(struct webp_options){.quality = quality, .method = 2},
                                      NULL, &state->coded, err);
    if (!ok)
        return false;
    (void)snprintf(path, sizeof path, "image_files/%u/%u_%u.%s", level, x, y, extension(run));
    const struct part part = {state->coded.data, state->coded.size};
    return staging_tree_put(run->staging, path, &part, 1, err);
}

static bool put_descriptor(struct stage_run *run, const struct picture *picture, struct error *err)
{
    char text[320];
    const int length = snprintf(
        text, sizeof text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" Format=\"%s\" Overlap=\"%d\""
        " TileSize=\"%lld\">\n <Size Width=\"%u\" Height=\"%u\"/>\n</Image>\n",
        extension(run), OVERLAP, (long long)((const struct options *)run->options)->tile_size,
        picture->columns, picture->rows);
    const struct part part = {text, (size_t)length};

    return staging_tree_put(run->staging, "image.dzi", &part, 1, err);
}

static bool put_tiles(struct stage_run *run, const struct picture *picture, struct error *err)
{
    const uint32_t tile_size = (uint32_t)((const struct options *)run->options)->tile_size;
    struct pyramid *pyramid = NULL;
    const bool ok = pyramid_new(picture->columns, picture->rows, picture->channels, tile_size,
                                OVERLAP, put_tile, run, &pyramid, err) &&
                    pyramid_add(pyramid, picture->data, picture->rows, err) &&
                    pyramid_end(pyramid, err);

    pyramid_free(pyramid);
    return ok;
}

static bool tiles_frame(struct stage_run *run, const struct stage_frame *input, struct error *err)
{
    const struct picture *const picture = input->picture;
    char name[48];

    (void)snprintf(name, sizeof name, "tiles-%u", input->frame->number);
    const struct artefact_spec spec = {
        .place = PLACE_TREE,
        .name = name,
        .media_type = "application/xml",
        .frame = input->frame->number,
        .columns = picture->columns,
        .rows = picture->rows,
    };
    return staging_tree(run->staging, &spec, err) && put_tiles(run, picture, err) &&
           put_descriptor(run, picture, err) && staging_tree_end(run->staging, err);
}

static bool tiles_finish(struct stage_run *run, struct error *err)
{
    (void)run;
    (void)err;
    return true;
}

static void tiles_release(struct stage_run *run)
{
    struct state *const state = run->state;

    buffer_release(&state->coded);
    jpeg_encoder_free(state->jpeg);
}

const struct stage tiles_stage = {
    .name = "tiles",
    .summary = "a Deep Zoom pyramid of large frames",
    .version = 1,
    .scope = SCOPE_INSTANCE,
    .needs = NEEDS_PICTURE,
    .on_by_default = true,
    .options = option_table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .accepts = tiles_accepts,
    .begin = tiles_begin,
    .wants = tiles_wants,
    .frame = tiles_frame,
    .finish = tiles_finish,
    .release = tiles_release,
};
