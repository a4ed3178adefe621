/* slide_read.h - what one object holds of a slide: what slide.h sorts
 *
 * A part is an object with Total Pixel Matrix Columns and Rows (0048,0006), (0048,0007). Where its frames lie:
 *
 *     positions given    Plane Position (Slide) Sequence (0048,021A) of every frame, whatever Dimension Organization Type
 *                        says; optical path by Optical Path Identification, segment by Segment Identification
 *     else TILED_FULL    PS3.3 C.7.6.17.3: along the rows, down, focal planes, then optical paths or segments in the order
 *                        of their sequences; also where the type is absent and the number of frames fits
 *
 * Positions that are those of TILED_FULL are not kept.
 */
#ifndef SLICEPRESS_DICOM_SLIDE_READ_H
#define SLICEPRESS_DICOM_SLIDE_READ_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/image.h"
#include "dicom/object.h"
#include "dicom/slide.h"

/* Image Type, value 3, before anything else is known; VOLUME for objects that are no slides. */
enum slide_kind slide_kind_of(const struct object *object);
/* *is_part false: it is none, and `part` is empty. `image` as it can be read: its frames are there. What is wrong with the
 * object is part->fault; false only for NOMEM. */
bool slide_read(const struct object *object, const struct image *image, struct slide_part *part, bool *is_part,
                struct buffer *notes, struct error *err);

#endif
