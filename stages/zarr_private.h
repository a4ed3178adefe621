/* zarr_private.h - one volume as OME-Zarr; private to stages/zarr*.c
 *
 *     zarr.c              the sink: planes through the pyramid into slabs, metadata at the end
 *     zarr_chunks.c       slabs of planes into chunk files and shards
 *     zarr_metadata.c     zarr.json (0.5 on Zarr 3), .zgroup, .zattrs, .zarray (0.4 on Zarr 2)
 *     zarr_description.c  volume.json, for pages: what is there, and in which order to fetch it
 */
#ifndef SLICEPRESS_STAGES_ZARR_PRIVATE_H
#define SLICEPRESS_STAGES_ZARR_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "codec/gzip_encode.h"
#include "volume_levels.h"
#include "volume_pyramid.h"
#include "volume_sink.h"

/* The image's folder in the tree: viewers tell by the end of an address what it is. */
#define ZARR_IMAGE "image.ome.zarr"
enum { ZARR_PATH = 112 };

enum zarr_coding { ZARR_BLOSC, ZARR_GZIP, ZARR_NONE };

/* The chunks of one range of slices of a level, one after the other, each with its voxels in order. */
struct zarr_slab {
    uint8_t *voxels;
    size_t chunk_bytes;
    uint32_t planes;      /* that it holds */
    uint32_t z;           /* which slab of its level and dimension */
    uint64_t *file_bytes; /* of every file of the level: by dimension, z and, where there are no shards, y, x */
};

struct zarr {
    const struct volume_form *form;
    const struct volume_options *options;
    struct staging *staging;
    bool is_v2, is_sharded;
    enum zarr_coding coding;
    struct volume_levels levels;
    struct volume_pyramid *pyramid;
    struct zarr_slab slabs[VOLUME_LEVELS_MOST];
    uint32_t dimension; /* of the plane at hand */
    struct gzip_encoder *gzip;
    struct buffer coded, index;
    uint8_t *coarse;                /* the last level of the first dimension */
    double least, most;             /* of all voxels that are values; least > most: there are none */
    double window_low, window_high; /* of the window, in voxels */
};

bool zarr_chunks_begin(struct zarr *zarr, struct error *err);
bool zarr_put_plane(struct zarr *zarr, unsigned level, uint32_t slice, const void *voxels, struct error *err);
void zarr_chunks_release(struct zarr *zarr);
/* The files of a level and dimension: z, and without shards y and x. */
size_t zarr_file_count(const struct zarr *zarr, unsigned level);
uint64_t zarr_file_bytes(const struct zarr *zarr, unsigned level, uint32_t dimension, size_t file);
/* Below ZARR_IMAGE. */
void zarr_file_path(const struct zarr *zarr, unsigned level, uint32_t dimension, size_t file, char path[ZARR_PATH]);
/* Puts a file of the image. */
bool zarr_put_file(struct zarr *zarr, const char *path, const struct part *parts, size_t part_count, struct error *err);

/* Axes in the order of the arrays: the further dimension where there is one, z, y, x. */
bool zarr_has_dimension(const struct zarr *zarr);
bool zarr_dimension_is_time(const struct zarr *zarr); /* else it is a channel */
/* [further,] z, y, x */
void zarr_put_sizes(struct json *j, const struct zarr *zarr, uint32_t further, const uint32_t sizes[SPACE]);
void zarr_put_scale(struct json *j, const struct zarr *zarr, const struct volume_level *level);
void zarr_put_translation(struct json *j, const struct zarr *zarr, const struct volume_level *level);
void zarr_put_affine(struct json *j, const struct volume_form *form);
void zarr_put_voxel(struct json *j, const struct volume_form *form, double value); /* "NaN" as Zarr writes it */
void zarr_shard_size(const struct volume_level *level, uint32_t size[SPACE]);

bool zarr_put_metadata(struct zarr *zarr, struct error *err);
bool zarr_put_description(struct zarr *zarr, struct error *err);

#endif
