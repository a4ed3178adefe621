/* j2k_encode.h - stored values into lossless JPEG 2000, by OpenJPEG
 *
 * A bare codestream: RPCL, reversible, one tile, one quality layer, one tile-part a resolution, TLM
 * and PLT; the frame's own precision and sign; the reversible colour transform for unsigned RGB
 * of up to 22 bits only. Exact to 23 bits: UNSUPPORTED beyond. One thread; the same frame, the same
 * bytes.
 *
 * OpenJPEG codes coefficients in 32 bits, six of which are fractions. Those of the 5/3 wavelet can be
 * eight times as large as the values, and the transform's differences twice: of 24 bits, or 23 and the
 * transform, noise comes back wrong.
 */
#ifndef SLICEPRESS_STAGES_CODEC_J2K_ENCODE_H
#define SLICEPRESS_STAGES_CODEC_J2K_ENCODE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/frame.h"
#include "j2k_tileparts.h"

enum { J2K_BITS_MOST = 23 };

/* Appends the codestream to `out`. `parts`: where each resolution ends in it, smallest first (part
 * i holds resolution i). CORRUPT if a sample does not fit bits_stored. On failure `out` is as long
 * as before. */
bool j2k_encode(const struct frame *frame, struct buffer *out, struct j2k_tileparts *parts,
                struct error *err);

#endif
