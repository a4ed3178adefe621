#include "tile_options.h"

#include <stddef.h>
#include <string.h>

enum { DEFAULT_SIDE = 512, SIDE_LEAST = 32, OWN_SIDE_MOST = 1024 };

const struct option tile_option_table[] = {
    {.name = "min_size",
     .type = OPTION_INT,
     .offset = offsetof(struct tile_options, min_size),
     .default_value = "2048",
     .least = 1,
     .most = 65535,
     .help = "only frames with a side above this; slides always"},
    {.name = "tile_size",
     .type = OPTION_INT,
     .offset = offsetof(struct tile_options, tile_size),
     .default_value = "0",
     .least = 0,
     .most = 4096,
     .help = "without the overlap, at least 32; 0: 512, but that of a slide whose own tiles can be used"},
    {.name = "overlap",
     .type = OPTION_INT,
     .offset = offsetof(struct tile_options, overlap),
     .default_value = "0",
     .least = 0,
     .most = 16,
     .help = "pixels of the neighbours on each side; not with iiif, nor with a slide's own tiles"},
    {.name = "forms",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct tile_options, forms),
     .default_value = "dzi",
     .choices = "dzi iiif pack dzi,iiif dzi,pack iiif,pack dzi,iiif,pack",
     .help = "Deep Zoom, IIIF Image API 3 level 0, one stored ZIP (SZI) with an index"},
    {.name = "blank",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct tile_options, blank),
     .default_value = "keep",
     .choices = "keep omit",
     .help = "tiles of the background alone: written, or one for all of them; not with iiif"},
    {.name = "iiif_base",
     .type = OPTION_TEXT_VALUE,
     .offset = offsetof(struct tile_options, iiif_base),
     .default_value = "/",
     .help = "address of public/ in the id of info.json: \"https://host/site/\""},
    {.name = "format",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct tile_options, format),
     .default_value = "jpeg",
     .choices = "jpeg webp",
     .help = "jpeg or webp; iiif and a slide's own tiles want jpeg"},
    {.name = "quality",
     .type = OPTION_INT,
     .offset = offsetof(struct tile_options, quality),
     .default_value = "80",
     .least = 1,
     .most = 100,
     .help = "of the tiles that are coded here"},
    {.name = "max_frames",
     .type = OPTION_INT,
     .offset = offsetof(struct tile_options, max_frames),
     .default_value = "64",
     .least = 1,
     .most = 1000000,
     .help = "of a multi-frame object that is no slide the first so many"},
    {.name = NULL},
};

static uint32_t choose_side(const struct tile_options *options, uint32_t own_side)
{
    if (options->tile_size > 0)
        return options->tile_size < SIDE_LEAST ? SIDE_LEAST : (uint32_t)options->tile_size;
    return own_side >= SIDE_LEAST && own_side <= OWN_SIDE_MOST ? own_side : DEFAULT_SIDE;
}

void tile_options_use(const struct tile_options *options, uint32_t own_side, struct tile_tree_spec *spec)
{
    spec->base = options->iiif_base;
    spec->tile_size = choose_side(options, own_side);
    spec->overlap = (uint32_t)options->overlap;
    spec->format = strcmp(options->format, "jpeg") == 0 ? TILE_FORMAT_JPEG : TILE_FORMAT_WEBP;
    spec->quality = (int)options->quality;
    spec->forms = (strstr(options->forms, "dzi") != NULL ? TILE_FORM_DZI : 0u) |
                  (strstr(options->forms, "iiif") != NULL ? TILE_FORM_IIIF : 0u) |
                  (strstr(options->forms, "pack") != NULL ? TILE_FORM_PACK : 0u);
    spec->blank_policy = strcmp(options->blank, "omit") == 0 ? TILE_BLANK_OMIT : TILE_BLANK_KEEP;
}
