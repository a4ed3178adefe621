/* picture.h - an 8-bit picture
 *
 * All of it is integer arithmetic or exact in double: the same bytes on every processor.
 */
#ifndef SLICEPRESS_DICOM_PICTURE_H
#define SLICEPRESS_DICOM_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* An 8-bit picture, sRGB or grey. */
struct picture {
    uint32_t rows, columns;
    unsigned channels; /* 1 or 3, interleaved */
    uint8_t *data;     /* rows * columns * channels, no padding; owned */
    size_t capacity;
};

void picture_release(struct picture *picture);
bool picture_resize(struct picture *picture, uint32_t rows, uint32_t columns, unsigned channels,
                    struct error *err); /* reuses memory; contents undefined */

/* The largest size inside a box (side x side) for a picture whose pixels are column_mm wide and row_mm high
 * (0, or a ratio beyond 1:64: square); never larger than the picture along the finer axis; at least 1 x 1. */
void picture_fit(uint32_t columns, uint32_t rows, double column_mm, double row_mm, uint32_t side,
                 uint32_t *out_columns, uint32_t *out_rows);
/* 100 x the standard deviation of the luma (0..12,750): how much there is to see. */
uint32_t picture_information(const struct picture *picture);

#endif
