/* tile_options.h - the options of all that makes tiles: of single pictures (tiles.c) and of slides (slides.c)
 *
 * They are set by the name of the first: `--set tiles.quality=90`.
 */
#ifndef SLICEPRESS_STAGES_TILE_OPTIONS_H
#define SLICEPRESS_STAGES_TILE_OPTIONS_H

#include <stdint.h>

#include "base/option.h"
#include "tile_tree.h"

struct tile_options {
    int64_t min_size, tile_size, overlap, quality, max_frames;
    char format[OPTION_TEXT], forms[OPTION_TEXT], blank[OPTION_TEXT], iiif_base[OPTION_TEXT];
};

extern const struct option tile_option_table[];

/* Those that a spec has a place for. `own_side`: of square tiles that might be used as they are, which decides the size where
 * it is left open; 0: there are none. */
void tile_options_use(const struct tile_options *options, uint32_t own_side, struct tile_tree_spec *spec);

#endif
