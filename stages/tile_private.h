/* tile_private.h - a tree of tiles while it is written; private to stages/tile_*.c
 *
 *     tile_tree.c         rows and tiles as they come, and that all have come
 *     tile_coder.c        tiles coded by threads
 *     tile_dzi.c          Deep Zoom: a file a tile, the descriptor
 *     tile_iiif.c         IIIF Image API 3.0: a file a tile, info.json
 *     tile_pack.c         all tiles in one stored ZIP, and where each is in it
 *     tile_description.c  tiles.json: what there is, for pages
 */
#ifndef SLICEPRESS_STAGES_TILE_PRIVATE_H
#define SLICEPRESS_STAGES_TILE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "tile_tree.h"

enum { TILE_PATH = 192 };

struct tile_level {
    uint32_t columns, rows; /* pixels */
    uint32_t across, down;  /* tiles */
    size_t first;           /* number of its first tile; the coarsest level has the first ones, and rows follow each other */
    size_t coded, blank;    /* of its tiles: put coded by the caller; blank */
};

/* Where a tile is in the pack. */
struct tile_record {
    uint64_t offset; /* of its first byte */
    uint32_t size;   /* 0: it is not there */
    uint32_t crc;
};

struct tile_pack {
    struct tile_record *records; /* by number */
    struct tile_record descriptor;
    uint64_t entries;
    struct buffer header; /* memory that is kept */
};

/* A blank tile of each size, coded once. */
struct tile_blanks {
    size_t count, capacity;
    struct tile_blank_size { uint32_t columns, rows; struct buffer coded; } *sizes;
};

struct tile_tree {
    struct tile_tree_spec spec;
    struct staging *staging;
    unsigned count; /* of levels */
    struct tile_level levels[PYRAMID_LEVELS_MOST];
    size_t tiles;                /* of all levels */
    uint8_t *is_put, *is_blank; /* a bit a tile, by number */
    struct pyramid *pyramid;
    struct tile_coder *coder;
    struct tile_blanks blanks;
    struct tile_pack pack;
};

size_t tile_number(const struct tile_tree *tree, struct tile_place place);
bool tile_bit(const uint8_t *bits, size_t number);
/* Deep Zoom's number of a level: 0 is one pixel. */
unsigned tile_dzi_level(const struct tile_tree *tree, unsigned level);
/* Where a tile stands in a Deep Zoom tree, beside image.dzi. */
void tile_dzi_path(const struct tile_tree *tree, struct tile_place place, char path[TILE_PATH]);
bool tile_dzi_descriptor(const struct tile_tree *tree, struct buffer *out, struct error *err);
/* The last level before which all have more than one tile. */
unsigned tile_whole_level(const struct tile_tree *tree);
bool tile_put_file(const struct tile_tree *tree, const char *path, const void *data, size_t size, struct error *err);

bool tile_dzi_put(struct tile_tree *tree, struct tile_place place, const void *data, size_t size, struct error *err);
bool tile_dzi_end(struct tile_tree *tree, struct error *err);
bool tile_iiif_put(struct tile_tree *tree, struct tile_place place, const void *data, size_t size, struct error *err);
bool tile_iiif_end(struct tile_tree *tree, struct error *err);
bool tile_pack_begin(struct tile_tree *tree, struct error *err);
bool tile_pack_put(struct tile_tree *tree, struct tile_place place, const void *data, size_t size, struct error *err);
bool tile_pack_end(struct tile_tree *tree, struct error *err);
void tile_pack_release(struct tile_pack *pack);
bool tile_put_description(const struct tile_tree *tree, struct error *err);

#endif
