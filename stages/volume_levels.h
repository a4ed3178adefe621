/* volume_levels.h - the resolutions of a volume and their chunks: pure arithmetic
 *
 * Level 0 is the volume. Each further one halves (rounding up) the axes whose spacing is at most sqrt(2) times the
 * finest: 0.5 x 0.5 x 3 mm becomes 1 x 1 x 3, 2 x 2 x 3, 4 x 4 x 3, then 8 x 8 x 6, so that voxels tend to cubes. An
 * axis of one voxel stays. The last level has at most VOLUME_COARSE_BYTES: what a page loads whole before anything
 * else.
 *
 * A chunk is the unit that a client fetches: by default 128 x 128 voxels of 32 slices, 1 MB before compression with
 * 16-bit voxels. Sides are evened out (300 slices: 10 chunks of 30), so that the last chunk is not a sliver. A slab,
 * all chunks of one range of slices, is held in memory while it fills: VOLUME_SLAB_BYTES at most, unless one plane is
 * more; chunks are then flatter and broader.
 */
#ifndef SLICEPRESS_STAGES_VOLUME_LEVELS_H
#define SLICEPRESS_STAGES_VOLUME_LEVELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/option.h"
#include "volume_sink.h"

enum { VOLUME_LEVELS_MOST = 32, VOLUME_COARSE_BYTES = 256 * 1024, VOLUME_SLAB_BYTES = 16 * 1024 * 1024 };

struct volume_level {
    uint32_t size[SPACE];
    unsigned halved[SPACE]; /* how often, counted from level 0 */
    uint32_t chunk[SPACE];  /* voxels a chunk; at the far edges a chunk reaches beyond the volume */
    uint32_t chunks[SPACE]; /* how many of them */
};

struct volume_levels {
    unsigned count;
    struct volume_level level[VOLUME_LEVELS_MOST];
};

/* `chunk`: z,y,x as a user wrote them, or empty. Spacings that are not above 0 count as the finest. */
void volume_levels_plan(const uint32_t size[SPACE], const double spacing_mm[SPACE], size_t voxel_bytes,
                        const struct option_ints *chunk, struct volume_levels *levels);
uint64_t volume_level_voxels(const struct volume_level *level);
/* Distance between voxels of a level, and from the first voxel's centre of level 0 to that of the level: the mean of
 * two voxels lies half a voxel further. */
double volume_level_scale(const struct volume_level *level, const double spacing_mm[SPACE], int axis);
double volume_level_translation(const struct volume_level *level, const double spacing_mm[SPACE], int axis);
/* The finest level without a side above max_axis; the coarsest if there is none. */
unsigned volume_levels_default(const struct volume_levels *levels, int64_t max_axis);

#endif
