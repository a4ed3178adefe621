/* vr_table.h - the VR of a tag (PS3.6), where the file does not tell it
 *
 * vr_table.c is made by scripts/make_vr_table. GDCM's own dictionaries would cost 30 ms a start.
 */
#ifndef SLICEPRESS_DICOM_VR_TABLE_H
#define SLICEPRESS_DICOM_VR_TABLE_H

#include <stdint.h>

/* Two letters; "xs": US or SS by Pixel Representation; "ox": OB or OW; "lt": US, SS or OW (LUT
 * data). NULL for private and unknown tags, groups 0000, 0002 and FFFE, and group lengths. */
const char *vr_of_tag(uint32_t tag);

#endif
