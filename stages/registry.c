#include "stages.h"

#include <stddef.h>

const struct stage *const stages[] = {
    &codestream_stage, &dicomweb_stage, &thumbnail_stage, &rendered_stage, &webp_stage, &tiles_stage, &png16_stage,
    &originals_stage, &volume_stage, &slides_stage, NULL,
};
