#include "dicom/ct_presets.h"

#include <string.h>

const struct ct_preset ct_presets[] = {
    {"brain", "brain", 40, 80},
    {"subdural", "subdural", 75, 215},
    {"stroke", "stroke", 40, 40},
    {"temporal-bone", "temporal bones", 600, 2800},
    {"bone", "bone", 480, 2500},
    {"lung", "lung", -600, 1500},
    {"mediastinum", "mediastinum", 50, 350},
    {"soft-tissue", "soft tissue", 40, 400},
    {"abdomen", "abdomen", 50, 400},
    {"liver", "liver", 60, 150},
    {"angio", "angiography", 300, 600},
    {NULL, NULL, 0, 0},
};

const struct ct_preset *ct_preset_find(const char *name)
{
    for (const struct ct_preset *preset = ct_presets; preset->name != NULL; preset++)
        if (strcmp(preset->name, name) == 0)
            return preset;
    return NULL;
}
