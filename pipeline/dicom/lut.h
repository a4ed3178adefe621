/* lut.h - look-up tables as data sets carry them (PS3.3 C.11.1.1.1, C.11.2.1.1, C.7.6.3.1.5,
 * C.7.9.2)
 *
 * Private to dicom/; the struct is in image.h.
 */
#ifndef SLICEPRESS_DICOM_LUT_H
#define SLICEPRESS_DICOM_LUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dicom/image.h"
#include "dicom/object.h"

/* A table from its descriptor and data. input_signed: what is looked up may be negative, so that
 * the descriptor's second value is SS whatever its VR says. CORRUPT when descriptor and data cannot
 * be reconciled. */
bool lut_read(const struct dataset *dataset, uint32_t descriptor, uint32_t data, bool input_signed,
              struct lut *lut, struct error *err);
/* The same from segmented data (C.7.9.2), expanded. */
bool lut_read_segmented(const struct dataset *dataset, uint32_t descriptor, uint32_t data,
                        struct lut *lut, struct error *err);
void lut_release(struct lut *lut);

/* Red, green and blue, plain or segmented. */
bool palette_read(const struct dataset *dataset, struct palette *palette, struct error *err);
void palette_release(struct palette *palette);

#endif
