/* icc.h - colours of a picture from its ICC profile to sRGB, by lcms2 (PS3.3 C.11.15)
 *
 * Frames of one object carry the same profile: the transform of the last profile is kept and found again
 * by its bytes. A profile that cannot be used is an error (CORRUPT: broken; UNSUPPORTED: not for RGB
 * pictures, or of a class that is no source of colour); the caller notes it and goes on without.
 */
#ifndef SLICEPRESS_STAGES_CODEC_ICC_H
#define SLICEPRESS_STAGES_CODEC_ICC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dicom/picture.h"

struct icc;

bool icc_new(struct icc **icc, struct error *err);
void icc_free(struct icc *icc); /* NULL is fine */
/* In place; `picture` is RGB and unchanged on failure. Relative to the profile's own rendering intent. */
bool icc_to_srgb(struct icc *icc, const uint8_t *profile, size_t size, struct picture *picture,
                 struct error *err);

#endif
