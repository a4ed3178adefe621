/* j2k_header.h - the markers of a JPEG 2000 or HTJ2K codestream (T.800, T.814), without a library
 *
 * Finds the codestream (bare, or in a JP2 file that somebody encapsulated), reads SIZ and COD, and
 * walks the tile-parts: a decoder lets a codestream pass that ends early at the border of a
 * tile-part.
 */
#ifndef SLICEPRESS_STAGES_CODEC_J2K_HEADER_H
#define SLICEPRESS_STAGES_CODEC_J2K_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { J2K_COMPONENTS = 4 };

struct j2k_header {
    size_t offset, size; /* of the codestream, to the end of EOC where there is one */
    bool in_jp2;
    uint32_t rows, columns;
    uint16_t components, precision;
    bool is_signed;
    bool component_transform; /* COD: RCT or ICT */
    bool reversible;          /* COD: 5/3 */
    bool high_throughput;     /* CAP */
    unsigned levels;
    bool components_differ; /* COC: levels and wavelet of a component may be others */
    bool tiles_differ;      /* COD or COC of a tile: the same for tiles */
    bool other_parts;       /* extensions of part 2, or of any other part than 15 */
    bool has_origin;        /* image or tiles do not begin at 0, 0 of the reference grid */
    uint32_t tiles, tile_parts;
    uint32_t tile_columns, tile_rows; /* of all but those at the right and lower edge */
    bool has_end;             /* EOC */
    size_t endless_tile_part; /* offset of a Psot that lies, to be read as 0; 0 if none */
    uint32_t declared, there; /* its length, and what there is */
};

bool j2k_header_read(const uint8_t *data, size_t size, struct j2k_header *header,
                     struct error *err);

#endif
