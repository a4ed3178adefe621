#include "dicom/kind.h"

#include <stddef.h>
#include <string.h>

#define STORAGE "1.2.840.10008.5.1.4.1.1"

/* A row stands for its UID and all that continue it by a dot. */
static const struct {
    const char *uid, *kind;
} kinds[] = {
    {STORAGE ".88", "a structured report"},
    {STORAGE ".11.13", "a variable modality LUT presentation state"},
    {STORAGE ".11", "a presentation state"},
    {STORAGE ".104", "an encapsulated document"},
    {STORAGE ".9", "a waveform"},
    {STORAGE ".66.1", "a spatial registration"},
    {STORAGE ".66.2", "spatial fiducials"},
    {STORAGE ".66.3", "a deformable spatial registration"},
    {STORAGE ".66.5", "a surface segmentation"},
    {STORAGE ".66.6", "a tractography result"},
    {STORAGE ".66", "raw data"},
    {STORAGE ".67", "a real world value mapping"},
    {STORAGE ".68", "a surface scan"},
    {STORAGE ".91.1", "microscopy annotations"},
    {STORAGE ".4.2", "an MR spectrum"},
    {STORAGE ".481.3", "an RT structure set"},
    {STORAGE ".481.4", "an RT treatment record"},
    {STORAGE ".481.5", "an RT plan"},
    {STORAGE ".481.6", "an RT treatment record"},
    {STORAGE ".481.7", "an RT treatment record"},
    {STORAGE ".481.8", "an RT plan"},
    {STORAGE ".481.9", "an RT treatment record"},
    {STORAGE ".481", "a radiotherapy object"},
    {STORAGE ".78", "ophthalmic measurements"},
    {STORAGE ".79", "a macular grid report"},
    {STORAGE ".80", "a visual field report"},
    {STORAGE ".200", "a CT or XA protocol"},
    {STORAGE ".201", "a storage management object"},
    {"1.2.840.10008.5.1.4.34", "a procedure step or delivery instruction"},
    {"1.2.840.10008.5.1.4.38", "a hanging protocol"},
    {"1.2.840.10008.5.1.4.39", "a colour palette"},
    {"1.2.840.10008.5.1.4.43", "an implant template"},
    {"1.2.840.10008.5.1.4.44", "an implant template group"},
    {"1.2.840.10008.5.1.4.45", "an implant assembly template"},
    {"1.2.840.10008.1.3.10", "a media directory (DICOMDIR)"},
    {"1.2.840.10008.1.9", "a basic study content notification"},
};

/* Radiotherapy has pictures, too. */
static const char *const pictures[] = {STORAGE ".481.1", STORAGE ".481.2", STORAGE ".481.23",
                                       STORAGE ".481.24"};

const char *kind_without_image(const char *uid)
{
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++)
        if (!strcmp(uid, pictures[i]))
            return NULL;
    if (!strcmp(uid, STORAGE ".66.4") || !strcmp(uid, STORAGE ".66.7") ||
        !strcmp(uid, STORAGE ".66.8"))
        return NULL; /* segmentations: .4 voxels, .7 label maps, .8 height maps */
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const size_t length = strlen(kinds[i].uid);
        if (!strncmp(uid, kinds[i].uid, length) && (uid[length] == '\0' || uid[length] == '.'))
            return kinds[i].kind;
    }
    return NULL;
}
