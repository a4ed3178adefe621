/* histogram.h - modality values counted, and the window that a set of them asks for
 *
 * One histogram an instance, at most HISTOGRAM_BINS bins, each 2^shift stored values wide (floats, 32-bit
 * integers and frames whose rescaling differs: a linear grid made from at most 65,536 of the values). Padding,
 * NaN and infinities are left out. The series window is a pure function of the SET of histograms: the order in
 * which they are given does not matter. histogram.c counts one instance, histogram_set.c joins.
 */
#ifndef SLICEPRESS_DICOM_HISTOGRAM_H
#define SLICEPRESS_DICOM_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/frame.h"
#include "dicom/image.h"

enum { HISTOGRAM_BINS = 4096 };

/* Counts of values after the modality step (slope, intercept or LUT), so that slices with different
 * slopes can be joined. */
struct histogram {
    uint64_t total;      /* values counted: the sum of counts */
    double first, step;  /* bin i covers [first + i*step, first + (i+1)*step) in modality values */
    double least, most;  /* exact extremes of the modality values; least > most when total is 0 */
    uint32_t bins;
    uint64_t *counts;    /* owned, `bins` of them */
};

/* Gathers frames of one instance; after histogram_builder_end or _clear it is ready for another. */
struct histogram_builder;
bool histogram_builder_new(struct histogram_builder **builder, struct error *err);
bool histogram_builder_add(struct histogram_builder *builder, const struct frame *frame,
                           const struct frame_display *display, struct error *err);
bool histogram_builder_end(struct histogram_builder *builder, struct histogram *histogram, struct error *err);
void histogram_builder_clear(struct histogram_builder *builder); /* forgets what was added */
void histogram_builder_free(struct histogram_builder *builder);

void histogram_release(struct histogram *histogram);
bool histogram_write(const struct histogram *histogram, struct buffer *out, struct error *err); /* compact */
bool histogram_parse(const void *data, size_t size, struct histogram *histogram, struct error *err);

/* The window over the 0.5th..99.5th percentile, with a tenth of headroom above where there are such values. A
 * single value that holds a twentieth and stands alone at an end (masked air, an unmarked padding, direct
 * exposure) is left out, unless there are fewer than 64 values in all; a body that fills 1 to 10 percent of
 * the field of view decides itself. Two significant digits of the width, the center to the same place. LINEAR,
 * or LINEAR_EXACT where values are fractions and the width below 100; nearly all of a range of up to 256
 * integers becomes all of it, not rounded. All padding or nothing: false with NO_IMAGE. Constant: width 2,
 * the value middle grey. */
struct histogram_set;
bool histogram_set_new(struct histogram_set **set, struct error *err);
/* First pass: extent of every histogram; second pass: counts. The set does not keep the histograms. */
bool histogram_set_extent(struct histogram_set *set, const struct histogram *histogram, struct error *err);
bool histogram_set_add(struct histogram_set *set, const struct histogram *histogram, struct error *err);
bool histogram_set_window(const struct histogram_set *set, struct window *window, struct error *err);
void histogram_set_free(struct histogram_set *set);

#endif
