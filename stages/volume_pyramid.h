/* volume_pyramid.h - all levels of a volume from its planes in one pass
 *
 *     struct volume_pyramid *pyramid = NULL;
 *     ok = volume_pyramid_new(&levels, type, fill, sink, client, &pyramid, err);
 *     for each plane, by slice: ok = ok && volume_pyramid_add(pyramid, &plane, err);
 *     ... all slices again for the next point of a further dimension
 *     volume_pyramid_free(pyramid);
 *
 * A voxel of a level is the mean of those of the level above that it covers: two along each halved axis, one at an odd
 * edge. Holes and padding are left out; where nothing is left the voxel is `fill`. Means are carried on in double and
 * rounded once, for the level's own voxels. Memory: one plane a level, whatever the number of slices.
 */
#ifndef SLICEPRESS_STAGES_VOLUME_PYRAMID_H
#define SLICEPRESS_STAGES_VOLUME_PYRAMID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "volume_levels.h"
#include "volume_sink.h"

struct volume_pyramid;

/* Every plane of every level once, by slice in each level; levels alternate. Level 0 comes as it was added. */
typedef bool (*volume_pyramid_sink)(void *client, unsigned level, uint32_t slice, const void *voxels,
                                    struct error *err);

/* `levels` is borrowed. */
bool volume_pyramid_new(const struct volume_levels *levels, enum sample_type type, double fill,
                        volume_pyramid_sink sink, void *client, struct volume_pyramid **pyramid, struct error *err);
bool volume_pyramid_add(struct volume_pyramid *pyramid, const struct volume_plane *plane, struct error *err);
void volume_pyramid_free(struct volume_pyramid *pyramid); /* NULL is fine */

#endif
