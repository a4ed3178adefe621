/* pyramid.h - a picture cut into tiles at every power of two, in one pass from top to bottom
 *
 *     struct pyramid *pyramid = NULL;
 *     ok = pyramid_new(&spec, sink, client, &pyramid, err);
 *     ok = ok && pyramid_add(pyramid, 0, rows, count, err);  ... until all rows of all levels given are in
 *     ok = ok && pyramid_end(pyramid, err);
 *     pyramid_free(pyramid);
 *
 * Level 0 is the picture itself, each level after it has sides of ceil(side / 2), the last is one pixel. Tile (x, y) of a
 * level covers tile_size pixels each way from (x * tile_size, y * tile_size), and `overlap` more on every side that has a
 * neighbour. A level is given by the caller, or made of the one before: a pixel is the average of the two by two that it
 * covers, at an odd edge of those that are there; averages are carried on with 8 more bits, so that twelve levels round
 * but once. Memory: a strip of tile_size + 2 overlap rows for each level that has rows.
 */
#ifndef SLICEPRESS_DICOM_PYRAMID_H
#define SLICEPRESS_DICOM_PYRAMID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "picture.h"

enum { PYRAMID_LEVELS_MOST = 33 };

struct pyramid_spec {
    uint32_t columns, rows;
    unsigned channels; /* 1 or 3 */
    uint32_t tile_size, overlap;
    bool is_given[PYRAMID_LEVELS_MOST]; /* by the caller, or not at all; [0] is always */
};

/* What a sink is to be asked before a tile is cut, and what it gets: every tile that it wants once, rows of a level from top
 * to bottom, tiles of a row from left to right; levels alternate. The picture is the pyramid's, but the sink may keep it and
 * leave another one, or none, in its place. */
struct pyramid_sink {
    bool (*wants)(void *client, unsigned level, uint32_t x, uint32_t y); /* NULL: every tile */
    bool (*tile)(void *client, unsigned level, uint32_t x, uint32_t y, struct picture *tile, struct error *err);
};

struct pyramid;

/* ceil(log2(longer side)) + 1 */
unsigned pyramid_levels(uint32_t columns, uint32_t rows);
uint32_t pyramid_side(uint32_t side, unsigned level);            /* of the level: ceil(side / 2^level) */
uint32_t pyramid_tiles(uint32_t side, uint32_t tile_size);       /* along a side of that length */
/* What tile `index` covers of a side, neighbours' pixels included. */
void pyramid_extent(const struct pyramid_spec *spec, uint32_t side, uint32_t index, uint32_t *from, uint32_t *to);

bool pyramid_new(const struct pyramid_spec *spec, const struct pyramid_sink *sink, void *client,
                 struct pyramid **pyramid, struct error *err);
void pyramid_free(struct pyramid *pyramid); /* NULL is fine */
/* `count` more rows of a level that is given, interleaved, without padding. */
bool pyramid_add(struct pyramid *pyramid, unsigned level, const uint8_t *rows, uint32_t count, struct error *err);
/* Every level that is begun is complete, and so is each that another one is made of. */
bool pyramid_end(struct pyramid *pyramid, struct error *err);

#endif
