/* geometry_vendor.h - what vendors say about slices in elements of their own; private to dicom/
 *
 * Only what is certain: the creator of the block is checked (PS3.5 7.8.1), and what does not parse is absent.
 */
#ifndef SLICEPRESS_DICOM_GEOMETRY_VENDOR_H
#define SLICEPRESS_DICOM_GEOMETRY_VENDOR_H

#include <stdbool.h>
#include <stdint.h>

#include "dicom/object.h"

/* Siemens: many slices as tiles of one frame, row by row, in a square as small as holds them. */
struct mosaic {
    uint32_t slices;
    double normal[3]; /* from each slice to the next; its sign is what matters */
};

/* A Siemens mosaic by its image type. */
bool vendor_is_mosaic(const struct dataset *dataset);
/* False where the number of slices or their direction is not told. */
bool vendor_mosaic(const struct dataset *dataset, struct mosaic *mosaic);
/* b-value (s/mm2) and direction in the vendors' elements; what is absent is left as it is. */
void vendor_diffusion(const struct dataset *dataset, double *b_value, double gradient[3]);

#endif
