/* pyramid.h - a picture cut into tiles at every power of two, in one pass from top to bottom
 *
 *     struct pyramid *pyramid = NULL;
 *     ok = pyramid_new(columns, rows, channels, 510, 1, sink, client, &pyramid, err);
 *     ok = ok && pyramid_add(pyramid, data, row_count, err);  ... until all rows are in
 *     ok = ok && pyramid_end(pyramid, err);
 *     pyramid_free(pyramid);
 *
 * Deep Zoom geometry: level pyramid_levels() - 1 is the picture itself, each level below has sides
 * of ceil(side / 2), level 0 is one pixel. Tile (x, y) of a level covers tile_size pixels each way
 * from (x * tile_size, y * tile_size), and `overlap` more on every side that has a neighbour. A
 * pixel of a lower level is the average of the two by two above it, at an odd edge of those that
 * are there; averages are carried on with 8 more bits, so that twelve levels round but once.
 * Memory: a strip of tile_size + 2 overlap rows a level.
 */
#ifndef SLICEPRESS_DICOM_PYRAMID_H
#define SLICEPRESS_DICOM_PYRAMID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "picture.h"

struct pyramid;

/* Called for every tile once, rows of a level from top to bottom, tiles of a row from left to
 * right; levels alternate. `tile` is the pyramid's and valid during the call. */
typedef bool (*pyramid_sink)(void *client, unsigned level, uint32_t x, uint32_t y,
                             const struct picture *tile, struct error *err);

/* ceil(log2(longer side)) + 1 */
unsigned pyramid_levels(uint32_t columns, uint32_t rows);
bool pyramid_new(uint32_t columns, uint32_t rows, unsigned channels, uint32_t tile_size,
                 uint32_t overlap, pyramid_sink sink, void *client, struct pyramid **pyramid,
                 struct error *err);
void pyramid_free(struct pyramid *pyramid); /* NULL is fine */
/* `count` more rows, interleaved, without padding. */
bool pyramid_add(struct pyramid *pyramid, const uint8_t *rows, uint32_t count, struct error *err);
bool pyramid_end(struct pyramid *pyramid, struct error *err); /* all rows must have come */

#endif
