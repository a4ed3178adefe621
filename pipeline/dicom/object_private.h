/* object_private.h - what dataset.c needs of object.c; private to dicom/ */
#ifndef SLICEPRESS_DICOM_OBJECT_PRIVATE_H
#define SLICEPRESS_DICOM_OBJECT_PRIVATE_H

#include "dicom/encoding.h"
#include "dicom/object.h"

struct encoding object_encoding(const struct object *object);
/* Per-frame Functional Groups that are served one by one; 0 where they are in the data set. */
size_t object_group_count(const struct object *object);
const struct dataset *object_group(const struct object *object, size_t index);

#endif
