/* uid.h - UIDs as identities and as path components (PS3.5 9) */
#ifndef SLICEPRESS_DICOM_UID_H
#define SLICEPRESS_DICOM_UID_H

#include <stdbool.h>

#include "base/digest.h"
#include "base/error.h"

enum { UID_SIZE = 65 };

/* `[0-9]+(\.[0-9]+)*`, at most 64 long. */
bool uid_is_valid(const char *text);
/* `text` itself when valid; else 2.25.<128-bit decimal> from the SHA-256 of `text`, or, where text is
 * empty, of "role\0" and the source digest in hex. The same input gives the same UID everywhere. */
bool uid_make_safe(const char *text, const char *role, const struct digest *source, char uid[UID_SIZE],
                   struct error *err);

#endif
