/* volume_phantom.h - volumes whose every voxel is known by a formula, for stage_harness_run_series
 *
 *     struct volume_phantom phantom = {.size = {37, 20, 9}, .bits = 12, .spacing_mm = {1, 1, 3}};
 *     volume_phantom_init(&phantom); ... run over phantom.volume with volume_phantom_place ... volume_phantom_release
 *
 * The stored value of (x, y, z) at point d of a further dimension, none like its mirror image, is
 *
 *     least + 1 + (7 x + 13 y + 29 z + 101 d + x y z mod 31) mod (2^bits - 1)
 *
 * and `least`, the least stored value, is padding where there is padding: at (x + 2 y + 3 z) mod 11 = 0. With
 * `is_float` slice z has slope 0.5 + z / 4 and intercept -z, so that voxels must be rescaled one by one.
 * tests/volume/run computes the same in Python.
 */
#ifndef SLICEPRESS_TESTS_VOLUME_PHANTOM_H
#define SLICEPRESS_TESTS_VOLUME_PHANTOM_H

#include "job/stage.h"

struct volume_phantom {
    uint32_t size[3], dimensions; /* dimensions 0: 1 */
    uint16_t bits;
    bool is_signed, is_float, has_padding;
    double spacing_mm[3];
    uint32_t holes[4], hole_count; /* slices that are missing in dimension 0 */
    const char *dimension_name;
    enum volume_verdict verdict;
    /* instead of the formula: stored value = round(plane[0..2] . patient coordinates + plane[3]) */
    bool is_plane;
    double plane[4];
    double (*positions)[3]; /* of each slice; NULL: on the grid */

    struct volume volume; /* made by init */
    void *samples;
    struct frame frame;
};

void volume_phantom_init(struct volume_phantom *phantom);
void volume_phantom_release(struct volume_phantom *phantom);
int64_t volume_phantom_value(const struct volume_phantom *phantom, uint32_t d, uint32_t z, uint32_t y, uint32_t x);
/* stage_series_case.place; client: the phantom. */
void volume_phantom_place(void *client, struct stage_slice *slice);

#endif
