/* describe.h - a record of what the data set says, for the catalogue */
#ifndef SLICEPRESS_WORKER_DESCRIBE_H
#define SLICEPRESS_WORKER_DESCRIBE_H

#include <stdbool.h>

#include "base/digest.h"
#include "base/error.h"
#include "dicom/object.h"
#include "job/record.h"

/* One of the three UIDs is absent, so that describe needs the source's digest to make it. */
bool describe_needs_digest(const struct object *object);
/* `source` may be NULL if it is not needed. UIDs become safe ones (uid.h), text clean UTF-8; what is no number where
 * one is expected is left out. `notes` (may be NULL) tells which UIDs were made. */
bool describe(const struct object *object, const struct digest *source, struct record *record, struct buffer *notes,
              struct error *err);

#endif
