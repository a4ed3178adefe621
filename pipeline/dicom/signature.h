/* signature.h - coded frames known by their first bytes; private to dicom/ */
#ifndef SLICEPRESS_DICOM_SIGNATURE_H
#define SLICEPRESS_DICOM_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dicom/transfer_syntax.h"

enum { SIGNATURE_SNIFF = 1024 }; /* bytes that are enough for signature_guess, mostly */

/* A frame of this coding begins with these bytes; 64 suffice. */
bool signature_starts(enum coding coding, const uint8_t *bytes, size_t size);
/* The transfer syntax under which such a codestream may travel; NULL if it is none or not to be
 * told. */
const struct transfer_syntax *signature_guess(const uint8_t *bytes, size_t size);

#endif
