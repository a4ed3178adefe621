/* kind.h - what a SOP class is, where it is no picture; private to dicom/ */
#ifndef SLICEPRESS_DICOM_KIND_H
#define SLICEPRESS_DICOM_KIND_H

/* "a structured report", for a SOP Class UID (PS3.6 A) whose objects have no image; NULL for all
 * others. */
const char *kind_without_image(const char *sop_class_uid);

#endif
