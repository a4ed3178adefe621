/* pixels.h - from stored values to a picture: pure functions (PS3.3 C.11, C.7.6.3)
 *
 * Order for grey: stored value -> Modality LUT (sequence or slope and intercept) -> VOI (window or LUT) ->
 * 8 bits -> inversion (MONOCHROME1, Presentation LUT Shape INVERSE) last. Pixel padding is compared on
 * stored values and shown black. Colour: palette -> RGB, YBR -> RGB (BT.601 full range, PS3.3 C.7.6.3.1.2;
 * partial range for YBR_PARTIAL), HSV, ARGB and CMYK -> RGB (colour.h), more than 8 bits shifted down; ICC is the
 * caller's.
 */
#ifndef SLICEPRESS_DICOM_PIXELS_H
#define SLICEPRESS_DICOM_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dicom/frame.h"
#include "dicom/image.h"
#include "dicom/picture.h"
#include "dicom/voi.h"

/* Keeps the table of the last (display, voi) so that frames alike do not build it twice. */
struct renderer;
bool renderer_new(struct renderer **renderer, struct error *err);
void renderer_free(struct renderer *renderer);
/* Grey frames need voi.kind != NONE; colour ignores display and voi. */
bool renderer_draw(struct renderer *renderer, const struct image *image, const struct frame *frame,
                   const struct frame_display *display, const struct voi *voi, struct picture *picture,
                   struct error *err);
bool frame_is_colour(const struct frame *frame);

#endif
