/* decode.h - from the coded bytes of one frame to stored values, by the codec that knows them
 *
 *     struct decoder *decoder = NULL;
 *     decoder_new(&decoder, err);
 *     decoder_run(decoder, &image, coded, size, bit_offset, &frame, notes, err);
 *     decoder_free(decoder);
 *
 * The codestream's own header (size, precision, sign, components, transform) is read and reconciled
 * with `image` before a decoder is trusted or memory taken; a contradiction that leaves a pixel
 * in doubt is refused (CORRUPT, with both numbers), one that does not is resolved and noted.
 * The frame's samples belong to the decoder and live until the next run; scratch memory is reused.
 */
#ifndef SLICEPRESS_STAGES_CODEC_DECODE_H
#define SLICEPRESS_STAGES_CODEC_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/frame.h"
#include "dicom/image.h"

struct decoder;

bool decoder_new(struct decoder **decoder, struct error *err);
void decoder_free(struct decoder *decoder);
bool decoder_run(struct decoder *decoder, const struct image *image, uint32_t frame_number,
                 const uint8_t *coded, size_t size, unsigned bit_offset, struct frame *frame,
                 struct buffer *notes, struct error *err);
/* The same without decoding: what the headers of the coded bytes say, reconciled as decoder_run does it. frame->samples
 * is NULL, and its size what decoding would fill. */
bool decoder_inspect(struct decoder *decoder, const struct image *image, uint32_t frame_number, const uint8_t *coded,
                     size_t size, unsigned bit_offset, struct frame *frame, struct buffer *notes, struct error *err);
/* A part of a frame whose codestream has tiles (JPEG 2000): how many rows at a time, and that many from a multiple of them
 * on, at the lower edge those that are left. LIMIT: it has none. Native frames need no more than an image of fewer rows. */
bool decoder_strip_rows(struct decoder *decoder, const struct image *image, const uint8_t *coded, size_t size,
                        uint32_t *rows, struct buffer *notes, struct error *err);
bool decoder_run_strip(struct decoder *decoder, const struct image *image, uint32_t frame_number, const uint8_t *coded,
                       size_t size, uint32_t first_row, uint32_t rows, struct frame *frame, struct buffer *notes,
                       struct error *err);

#endif
