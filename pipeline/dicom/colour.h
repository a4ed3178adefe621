/* colour.h - palette indices and colour samples into 8-bit RGB (PS3.3 C.7.6.3.1.2, C.7.6.3.1.5)
 *
 * Exact: the real value of the standard's equation, rounded half up and clamped. Samples of more than 8 bits
 * are shifted down after conversion, of fewer stretched to 0..255. UNSUPPORTED are signed and floating-point
 * colour samples, which the standard does not know.
 *
 * HSV, ARGB and CMYK were retired with PS3.3-2001; C.7.6.3.1.2 of the editions before says what they mean.
 */
#ifndef SLICEPRESS_DICOM_COLOUR_H
#define SLICEPRESS_DICOM_COLOUR_H

#include <stdbool.h>

#include "base/error.h"
#include "dicom/frame.h"
#include "dicom/image.h"
#include "dicom/picture.h"

/* `image` for its palette. The frame's photometric interpretation is that of its samples (frame.h). */
bool colour_draw(const struct image *image, const struct frame *frame, struct picture *picture,
                 struct error *err);

/* A grey picture of the frame becomes RGB: values from the Supplemental Palette's first index on get its colours. */
bool colour_supplement(const struct image *image, const struct frame *frame, struct picture *picture,
                       struct error *err);

#endif
