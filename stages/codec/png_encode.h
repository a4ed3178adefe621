/* png_encode.h - lossless PNG of 8 and 16 bits, by libpng
 *
 * Everything appends to `out`; on failure `out` is as long as before. No text, no time: the same
 * input and level give the same bytes. Grey and RGB only, not interlaced.
 */
#ifndef SLICEPRESS_STAGES_CODEC_PNG_ENCODE_H
#define SLICEPRESS_STAGES_CODEC_PNG_ENCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/picture.h"

/* level: zlib's 0..9 (1 is fast, 6 the usual). RGB pictures carry an sRGB chunk. */
bool png_encode(const struct picture *picture, int level, struct buffer *out, struct error *err);
/* `samples`: rows x columns x channels (1 or 3) in host byte order; signed values are the caller's to offset.
 * significant_bits (1..16) is told in an sBIT chunk when below 16; the samples are written as they are. */
bool png_encode_16(const uint16_t *samples, uint32_t columns, uint32_t rows, unsigned channels,
                   unsigned significant_bits, int level, struct buffer *out, struct error *err);

#endif
