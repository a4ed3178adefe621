/* ct_presets.h - the windows a radiologist calls by name, in Hounsfield units
 *
 * They make sense only where the modality step gives HU: Modality CT, Rescale Type absent or HU. The values are
 * the ones common to textbooks and vendors' consoles, each LINEAR.
 */
#ifndef SLICEPRESS_DICOM_CT_PRESETS_H
#define SLICEPRESS_DICOM_CT_PRESETS_H

#include <stddef.h>

struct ct_preset {
    const char *name;  /* "temporal-bone": command line, file names */
    const char *title; /* "temporal bone" */
    double center, width;
};

extern const struct ct_preset ct_presets[]; /* the last one has name NULL */

/* NULL if there is none of that name. */
const struct ct_preset *ct_preset_find(const char *name);

#endif
