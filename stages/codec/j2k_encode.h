/* j2k_encode.h - stored values into lossless JPEG 2000, by OpenJPEG
 *
 * A bare codestream: RPCL, reversible, one tile, one quality layer, one tile-part a resolution, TLM
 * and PLT; the frame's own precision and sign; the reversible colour transform for unsigned RGB
 * only. Exact to 24 bits (26 and more are not, facts 36): UNSUPPORTED beyond. One thread; the same
 * frame, the same bytes.
 */
#ifndef SLICEPRESS_STAGES_CODEC_J2K_ENCODE_H
#define SLICEPRESS_STAGES_CODEC_J2K_ENCODE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/frame.h"
#include "j2k_tileparts.h"

enum { J2K_BITS_MOST = 24 };

/* Appends the codestream to `out`. `parts`: where each resolution ends in it, smallest first (part
 * i holds resolution i). CORRUPT if a sample does not fit bits_stored. On failure `out` is as long
 * as before. */
bool j2k_encode(const struct frame *frame, struct buffer *out, struct j2k_tileparts *parts,
                struct error *err);

#endif
