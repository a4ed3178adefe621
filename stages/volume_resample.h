/* volume_resample.h - an even, straight grid from slices that are tilted, shifted or unevenly spaced
 *
 *     volume_resample_plan(volume, positions, &plan, err)
 *     volume_resampler_new(&plan, &form_of_output, sink, client, &resampler, err)
 *     for each slice of each dimension in order: volume_resampler_add(resampler, &plane, err)
 *     volume_resampler_free(resampler), volume_resample_plan_release(&plan)
 *
 * Linear: each slice is moved in its own plane to where it belongs (between four pixels), then planes are
 * interpolated along the normal. The grid keeps rows, columns and pixel spacing, grows in the plane so that nothing is
 * cut off, and its first and last plane are the first and last slice; even slices keep their distance, uneven ones
 * get the least gap, but no more than four planes a slice. Where there is no slice there is `fill`. A voxel next to
 * padding takes the nearest value, never a mean with padding.
 */
#ifndef SLICEPRESS_STAGES_VOLUME_RESAMPLE_H
#define SLICEPRESS_STAGES_VOLUME_RESAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "volume_sink.h"

struct volume_resample_plan {
    uint32_t from[SPACE], to[SPACE]; /* sizes */
    double spacing_mm[SPACE];
    double affine[4][4];
    double (*places)[SPACE]; /* owned: of each slice, its first pixel in columns and rows of the grid, mm along the
                                normal */
};

/* positions: of each slice, NAN for a hole, which stands where the affine puts it. UNSUPPORTED where the slices are so
 * far apart sideways that the grid would be mostly empty, or do not follow each other along the normal. */
bool volume_resample_plan(const struct volume *volume, const double (*positions)[SPACE],
                          struct volume_resample_plan *plan, struct error *err);
void volume_resample_plan_release(struct volume_resample_plan *plan);

struct volume_resampler;
typedef bool (*volume_resample_sink)(void *client, const struct volume_plane *plane, struct error *err);
/* plan and form (type, fill) are borrowed. */
bool volume_resampler_new(const struct volume_resample_plan *plan, const struct volume_form *form,
                          volume_resample_sink sink, void *client, struct volume_resampler **resampler,
                          struct error *err);
/* A plane as it came; the sink gets those of the grid that it completes. */
bool volume_resampler_add(struct volume_resampler *resampler, const struct volume_plane *plane, struct error *err);
void volume_resampler_free(struct volume_resampler *resampler); /* NULL is fine */

#endif
