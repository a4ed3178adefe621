/* element_vr.h - the VR under which an element is written, whatever the file says or leaves out; private to dicom/ */
#ifndef SLICEPRESS_DICOM_ELEMENT_VR_H
#define SLICEPRESS_DICOM_ELEMENT_VR_H

#include <stdbool.h>

#include "dicom/object.h"

/* Two letters. The element's own where it has one; without one, or with UN, that of PS3.6 if it fits the size of the
 * value. *found: it is the element's own, so its bytes are in host order. */
const char *element_vr(const struct dataset *dataset, const struct dataset_element *element, bool *found);

#endif
