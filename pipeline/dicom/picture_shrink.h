/* picture_shrink.h - a picture made smaller, whole or strip by strip
 *
 *     picture_shrink(&picture, 256, 200, &small, err)
 *
 *     strip_shrinker_new(columns, rows, channels, 256, 200, &strips, err)       one that does not fit memory
 *       small = strip_shrinker_add(strips, &strip)        for each strip, from top to bottom: NULL before the last
 *     strip_shrinker_free(strips)
 *
 * Box filter to exactly columns x rows (each at least 1): every output pixel is the average of the area
 * it covers, fractions of source pixels included, computed exactly and rounded half up. An axis may also
 * grow (pixels that are not square, picture_fit): then source pixels repeat, with exact fractions at the
 * seams. Both ways give the same bytes. Memory: one row of sums, or eight.
 */
#ifndef SLICEPRESS_DICOM_PICTURE_SHRINK_H
#define SLICEPRESS_DICOM_PICTURE_SHRINK_H

#include "dicom/picture.h"

struct strip_shrinker;

/* `from` and `to` are different pictures. */
bool picture_shrink(const struct picture *from, uint32_t columns, uint32_t rows, struct picture *to,
                    struct error *err);

bool strip_shrinker_new(uint32_t columns, uint32_t rows, unsigned channels, uint32_t to_columns, uint32_t to_rows,
                        struct strip_shrinker **strips, struct error *err);
/* The small picture, which stays the shrinker's; NULL as long as rows are missing. */
const struct picture *strip_shrinker_add(struct strip_shrinker *strips, const struct picture *strip);
void strip_shrinker_free(struct strip_shrinker *strips); /* NULL is fine */

#endif
