/* htj2k_encode.h - stored values into lossless HTJ2K (ISO/IEC 15444-15), by OpenJPH
 *
 * A bare codestream: RPCL, reversible, one tile; the frame's own precision and sign; the reversible
 * colour transform for unsigned RGB only. Exact to 19 bits, 20 and more are wrong (facts 38); used
 * to 16: UNSUPPORTED beyond. The same frame, the same bytes. OpenJPH prints and throws: neither
 * leaves this door.
 */
#ifndef SLICEPRESS_STAGES_CODEC_HTJ2K_ENCODE_H
#define SLICEPRESS_STAGES_CODEC_HTJ2K_ENCODE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/frame.h"

enum { HTJ2K_BITS_MOST = 16 };

/* Appends the codestream to `out`. CORRUPT if a sample does not fit bits_stored. On failure `out`
 * is as long as before. */
bool htj2k_encode(const struct frame *frame, struct buffer *out, struct error *err);

#endif
