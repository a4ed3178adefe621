/* frame_code.h - a frame's stored values, coded as they are published
 *
 *     struct frame_coder coder = {0};                            memory is kept from frame to frame
 *     frame_code(&coder, frame_code_best(&frame, FRAME_HTJ2K), &frame, &payload, err);
 *     frame_coder_release(&coder);
 *
 * HTJ2K holds 16 bits exactly here, JPEG 2000 23; more bits, floats, and what is too large are the plain little-endian
 * samples. Colours other than RGB are JPEG 2000 (htj2k_encode.h). HTJ2K comes out with one tile-part a resolution and
 * TLM, which with RPCL and a base of at most 64 makes it .202 (PS3.5 10.18); what cannot be indexed stays .201.
 */
#ifndef SLICEPRESS_STAGES_CODEC_FRAME_CODE_H
#define SLICEPRESS_STAGES_CODEC_FRAME_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "codec/codestream_index.h"
#include "codec/frame_payload.h"
#include "dicom/frame.h"

enum frame_coding { FRAME_HTJ2K, FRAME_J2K, FRAME_PLAIN };

struct frame_coder {
    struct buffer coded, indexed; /* of the last frame */
    struct codestream_index index;
};

void frame_coder_release(struct frame_coder *coder);
bool frame_is_too_large(const struct frame *frame); /* to be coded (WHOLE_FRAME_BYTES) */
/* The wished coding, or the next one that holds the frame exactly. */
enum frame_coding frame_code_best(const struct frame *frame, enum frame_coding wished);
/* Without loss. The payload lives until the next frame; a plain one lives as long as the samples. */
bool frame_code(struct frame_coder *coder, enum frame_coding coding, const struct frame *frame,
                struct frame_payload *payload, struct error *err);
/* Lossy HTJ2K, .203, quantised so that the range of the frame's own values has `levels` steps, none less than 1: twelve
 * bits of CT in 16 bits stored must not become noise. Not for masks (fewer than 8 bits), indices, and what HTJ2K does
 * not hold: ask frame_can_be_lossy first. */
bool frame_can_be_lossy(const struct frame *frame);
bool frame_code_lossy(struct frame_coder *coder, const struct frame *frame, unsigned levels,
                      struct frame_payload *payload, struct error *err);
/* The resolutions of an index, which counts from the payload's first byte. */
void frame_payload_take(struct frame_payload *payload, const struct codestream_index *index);

#endif
