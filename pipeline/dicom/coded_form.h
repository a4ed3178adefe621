/* coded_form.h - what a published frame is: the attributes of the Image Pixel module that describe it
 *
 * The lossless frame that clients get (dicomweb/.../frames/N) is rarely coded as the source was: samples are
 * interleaved, a colour transform may be on, bits may have been reconciled. The metadata must describe the frame as it
 * is published (PS3.18 8.7.3.5.2; PS3.5 8.2), not as it came.
 */
#ifndef SLICEPRESS_DICOM_CODED_FORM_H
#define SLICEPRESS_DICOM_CODED_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include "dicom/image.h"
#include "dicom/uid.h"

struct coded_form {
    char transfer_syntax[UID_SIZE]; /* of the frames; "": none is published */
    uint32_t frames;                /* published */
    uint32_t rows, columns;
    enum photometric photometric;   /* YBR_RCT where an RGB codestream's reversible transform is on */
    uint16_t samples_per_pixel, planar_configuration;
    uint16_t bits_allocated, bits_stored, high_bit;
    bool is_signed;
    bool lossy; /* some step, now or before, has lost something */
};

#endif
