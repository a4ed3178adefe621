/* frame_stream.h - a frame that does not fit memory, published as it comes: plain samples in multipart form
 *
 *     struct frame_stream stream = {0};                                      again for the next frame
 *     frame_stream_add(&stream, staging, &spec, &strip, first_row, rows, err)   for every strip, from top to bottom
 *
 * The strips are written one behind the other as one artefact, little-endian in their own containers (transfer syntax
 * 1.2.840.10008.1.2.1), which is what other frames without a codec are (codec/frame_code.h, FRAME_PLAIN).
 */
#ifndef SLICEPRESS_STAGES_FRAME_STREAM_H
#define SLICEPRESS_STAGES_FRAME_STREAM_H

#include "codec/frame_part.h"
#include "dicom/frame.h"
#include "job/staging.h"

struct frame_stream {
    struct frame_part_scan scan;
    struct frame_part part;
};

/* `rows`: of the whole frame; the artefact is put with the last strip. media_type of `spec` is set here. */
bool frame_stream_add(struct frame_stream *stream, struct staging *staging, const struct artefact_spec *spec,
                      const struct frame *strip, uint32_t first_row, uint32_t rows, struct error *err);
const struct transfer_syntax *frame_stream_syntax(void);

#endif
