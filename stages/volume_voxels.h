/* volume_voxels.h - voxels of a volume: from frames, to numbers and back; pure functions
 *
 * A voxel type is one of frame.h's sample types but F64. Integer volumes hold stored values (PS3.5 8.1.1);
 * F32 ones hold modality values, with NAN for what is no value.
 */
#ifndef SLICEPRESS_STAGES_VOLUME_VOXELS_H
#define SLICEPRESS_STAGES_VOLUME_VOXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "job/stage.h"

/* The smallest type that holds what the volume and its first frame (or NULL) say. */
enum sample_type voxel_type_of(const struct volume *volume, const struct frame *frame);
void voxel_type_range(enum sample_type type, double *least, double *most); /* integers */
const char *voxel_type_word(enum sample_type type); /* "int16", "float32": as Zarr 3 calls them */

/* The slice's part of its frame as `type` into columns x rows of `voxels`. CORRUPT where the frame is smaller than the
 * slice, has colour, or holds a value that an integer type cannot. */
bool voxels_of_slice(const struct stage_slice *slice, enum sample_type type, uint32_t columns, uint32_t rows,
                     void *voxels, struct error *err);
void voxels_fill(enum sample_type type, void *voxels, size_t count, double value);
/* Values in low..high become NAN, as NAN itself does in F32; low > high: there are none. */
void voxels_to_doubles(enum sample_type type, const void *voxels, size_t count, double low, double high,
                       double *values);
/* Rounds halves up; NAN becomes `fill`. What a mean of voxels can be always fits. */
void voxels_of_doubles(enum sample_type type, const double *values, size_t count, double fill, void *voxels);
/* Widens least..most by the voxels outside low..high that are numbers; begin with INFINITY and -INFINITY. */
void voxels_extent(enum sample_type type, const void *voxels, size_t count, double low, double high, double *least,
                   double *most);

#endif
