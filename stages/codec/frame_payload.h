/* frame_payload.h - the coded bytes of a frame as they are published, and where resolutions end in them */
#ifndef SLICEPRESS_STAGES_CODEC_FRAME_PAYLOAD_H
#define SLICEPRESS_STAGES_CODEC_FRAME_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "codec/j2k_tileparts.h"
#include "dicom/transfer_syntax.h"

struct frame_resolution {
    uint32_t columns, rows;
    size_t end; /* the first `end` bytes of the payload decode at this resolution */
};

struct frame_payload {
    const struct transfer_syntax *syntax;
    const void *data; /* borrowed */
    size_t size, count;
    struct frame_resolution resolutions[J2K_RESOLUTIONS_MOST]; /* the smallest first; none where none are told */
};

#endif
