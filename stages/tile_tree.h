/* tile_tree.h - one picture as a tree of tiles at every level, written while it comes
 *
 *     struct tile_tree *tree = NULL;
 *     tile_tree_new(&spec, staging, &tree, err)                  opens the tree of an artefact (staging_tree)
 *     tile_tree_rows(tree, level, rows, count, err)...           a level that comes as a picture, from top to bottom
 *     tile_tree_put(tree, level, x, y, data, size, err)...       a level whose tiles come coded,
 *     tile_tree_put_picture(tree, level, x, y, &picture, err)... its edges, to be coded here,
 *     tile_tree_put_blank(tree, level, x, y, err)...             and where it has nothing
 *     tile_tree_end(tree, err)                                   descriptors, index, tiles.json, manifest.tsv
 *     tile_tree_free(tree)                                       whatever happened
 *
 * Levels count from the finest: level 0 is the picture, level L has sides of ceil(side / 2^L) and the last, where both
 * sides are 1, is tile_tree_levels() - 1. (Deep Zoom's number is the other way round.) Tile (x, y) is the x-th from the
 * left and y-th from the top, from 0; it covers tile_size pixels each way, less at the right and lower edge, and `overlap`
 * more on each side that has a neighbour: tile_tree_tile_size().
 *
 * Where a level comes from is `source[level]`:
 *
 *     TILE_SOURCE_FINER  halved from the rows of the level before it (not level 0): each pixel is the mean of four
 *     TILE_SOURCE_ROWS   from the caller, as rows of a picture
 *     TILE_SOURCE_CODED  from the caller, as tiles: each is put in one of the three ways, in any order. Its rows may be
 *                        given as well, and must be where the next coarser level is FINER; a tile that has not been put
 *                        when the last of its rows comes is cut out of them and coded.
 *
 * Levels do not wait for each other: rows of several may come in turn. Rows that a level does not need are not to be given.
 * tile_tree_end() refuses (USAGE) a tree with a tile or a row missing.
 *
 * Tiles that are cut are coded by `threads` threads and written in the order of cutting; the same calls give the same bytes
 * on any number of threads. Memory: for each level that has rows a strip of tile_size + 2 overlap of them, a few tiles a
 * thread, and less than 100 bytes a tile for the manifest and the index. Nothing grows with the area but that.
 *
 * Forms, any of them together; their tiles are the same bytes, and are coded once:
 *
 *     TILE_FORM_DZI   image.dzi, image_files/LEVEL/X_Y.EXT                                 (Deep Zoom)
 *     TILE_FORM_IIIF  iiif/info.json, iiif/X,Y,W,H/W,H/0/default.EXT                       (IIIF Image API 3.0, level 0)
 *     TILE_FORM_PACK  image.szi (a stored ZIP with the Deep Zoom files in it), image.index (schema/layout.md)
 *
 * and beside them tiles.json, which says what there is: levels, occupancy, forms. Level 0 of IIIF promises every tile as JPEG,
 * and knows no overlap: with it the spec must say so, too. A blank tile is one of which all pixels are `blank`:
 * TILE_BLANK_KEEP writes it as any other (it is coded once for each size), TILE_BLANK_OMIT writes none of them; then clients
 * draw blank.EXT, once in the tree, where the occupancy of tiles.json has a gap.
 */
#ifndef SLICEPRESS_STAGES_TILE_TREE_H
#define SLICEPRESS_STAGES_TILE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dicom/picture.h"
#include "dicom/pyramid.h"
#include "job/staging.h"
#include "tile_coder.h"

enum tile_form { TILE_FORM_DZI = 1 << 0, TILE_FORM_IIIF = 1 << 1, TILE_FORM_PACK = 1 << 2 };
enum tile_blank { TILE_BLANK_KEEP, TILE_BLANK_OMIT };
enum tile_source { TILE_SOURCE_FINER, TILE_SOURCE_ROWS, TILE_SOURCE_CODED };

/* All that is pointed to is borrowed until tile_tree_end(). */
struct tile_tree_spec {
    const char *name;  /* of the artefact: "tiles-1" */
    uint32_t frame;    /* of the artefact; 0: it is not of one frame */
    const char *folder; /* where the tree will stand below public/, for IIIF's id: "studies/S/E/U" */
    const char *base;   /* the address of public/, for IIIF's id: "https://host/site/"; "/": the same server's root */
    uint32_t columns, rows;
    unsigned channels; /* of rows and pictures: 1 or 3, interleaved, sRGB unless there is an `icc` */
    uint32_t tile_size, overlap;
    enum tile_format format; /* of the tiles that are put coded, too */
    int quality;             /* 1..100 */
    unsigned forms;          /* of enum tile_form, at least one */
    enum tile_blank blank_policy;
    uint8_t blank[3];        /* as many as channels */
    enum tile_source source[PYRAMID_LEVELS_MOST]; /* [0] must be said */
    unsigned threads;        /* 0 and 1: all is done in the caller's */
    const void *icc;         /* what the colours of all tiles mean: profile.icc in the tree. NULL: sRGB */
    size_t icc_size;
    double column_mm, row_mm; /* a pixel of level 0; 0: unknown */
    const char *details;      /* a JSON object, the member "details" of tiles.json; NULL: none */
};

struct tile_tree;

unsigned tile_tree_levels(uint32_t columns, uint32_t rows);
/* Pixels of a level; tiles of it. */
void tile_tree_level_size(const struct tile_tree_spec *spec, unsigned level, uint32_t *columns, uint32_t *rows);
void tile_tree_level_tiles(const struct tile_tree_spec *spec, unsigned level, uint32_t *across, uint32_t *down);
/* Pixels of a tile, its overlap included: what the picture of a coded tile must have, exactly. */
void tile_tree_tile_size(const struct tile_tree_spec *spec, unsigned level, uint32_t x, uint32_t y, uint32_t *columns,
                         uint32_t *rows);

/* USAGE: a spec that cannot be. In the selected product of `staging` no other tree may be open until the end. */
bool tile_tree_new(const struct tile_tree_spec *spec, struct staging *staging, struct tile_tree **tree,
                   struct error *err);
/* `count` more rows of a level, interleaved, without padding; used up when the call returns. */
bool tile_tree_rows(struct tile_tree *tree, unsigned level, const uint8_t *rows, uint32_t count, struct error *err);
/* A whole JPEG or WebP file, which becomes the tile as it is. Its picture has the tile's exact size: that is the caller's
 * word, and a padded edge is not to be put. */
bool tile_tree_put(struct tile_tree *tree, unsigned level, uint32_t x, uint32_t y, const void *data, size_t size,
                   struct error *err);
bool tile_tree_put_picture(struct tile_tree *tree, unsigned level, uint32_t x, uint32_t y,
                           const struct picture *picture, struct error *err); /* copied */
bool tile_tree_put_blank(struct tile_tree *tree, unsigned level, uint32_t x, uint32_t y, struct error *err);
bool tile_tree_end(struct tile_tree *tree, struct error *err);
void tile_tree_free(struct tile_tree *tree); /* NULL is fine; the tree stays with the product if it did not end */

#endif
