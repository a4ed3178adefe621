/* stages.h - the stages there are: one extern line each, listed in run order by registry.c */
#ifndef SLICEPRESS_STAGES_STAGES_H
#define SLICEPRESS_STAGES_STAGES_H

#include "job/stage.h"

extern const struct stage codestream_stage;
extern const struct stage dicomweb_stage;
extern const struct stage thumbnail_stage;
extern const struct stage rendered_stage;
extern const struct stage webp_stage;
extern const struct stage tiles_stage;
extern const struct stage png16_stage;
extern const struct stage originals_stage;
extern const struct stage volume_stage;
extern const struct stage slides_stage;

#endif
