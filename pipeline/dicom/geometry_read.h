/* geometry_read.h - the slices of one object: what geometry.h sorts
 *
 *     image_read(object, &image, &notes, err)
 *     geometry_read(object, &image, take, client, err)       take(client, &slice, err) for each slice
 *
 * One slice for each frame, for each tile of a Siemens mosaic, and a single one with a `fault` for an object
 * whose frames have no place in space (cine, whole slides, projections). Where the values come from:
 *
 *     single frame          Image Plane (PS3.3 C.7.6.2)
 *     enhanced multi-frame  functional groups (C.7.6.16.2): Plane Position, Plane Orientation, Pixel
 *                           Measures, Frame Content, Frame Type, MR Echo, MR Diffusion, Cardiac
 *                           Synchronization, Segment Identification
 *     RT Dose               Grid Frame Offset Vector (C.8.8.3.2): relative if it begins with 0, else the
 *                           patient's z
 *     NM                    Detector Information, Slice and Time Slot Vector, Spacing Between Slices with
 *                           its sign (C.8.4.11, C.8.4.15); reconstructed slices only
 *     Siemens mosaic        number of images and slice normal from the vendor's elements; Image Position is
 *                           where the first slice would begin if it were as large as the mosaic, and is
 *                           corrected
 *
 * Pixel Spacing is believed, Imager Pixel Spacing is not: it holds at the detector. b-values are the
 * standard's, else those of Siemens, GE and Philips. `instance` is 0: the caller sets it. Errors: those of
 * image_frame_display, and take's.
 */
#ifndef SLICEPRESS_DICOM_GEOMETRY_READ_H
#define SLICEPRESS_DICOM_GEOMETRY_READ_H

#include <stdbool.h>

#include "base/error.h"
#include "dicom/geometry.h"
#include "dicom/image.h"
#include "dicom/object.h"

typedef bool geometry_take(void *client, const struct slice *slice, struct error *err);

bool geometry_read(const struct object *object, const struct image *image, geometry_take *take,
                   void *client, struct error *err);

#endif
