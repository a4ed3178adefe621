/* htj2k_encode.h - stored values into HTJ2K (ISO/IEC 15444-15), by OpenJPH
 *
 * A bare codestream: RPCL, one tile; the frame's own precision and sign; the colour transform (RCT, ICT) for unsigned RGB
 * only. The same frame, the same bytes. OpenJPH prints and throws: neither leaves this door.
 */
#ifndef SLICEPRESS_STAGES_CODEC_HTJ2K_ENCODE_H
#define SLICEPRESS_STAGES_CODEC_HTJ2K_ENCODE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/frame.h"

enum { HTJ2K_BITS_MOST = 16 };

/* Lossless, by the reversible wavelet: exact to 19 bits, 20 and more are wrong (facts 38); used to 16, UNSUPPORTED
 * beyond. Appends the codestream to `out`. CORRUPT if a sample does not fit bits_stored. On failure `out` is as long as
 * before. */
bool htj2k_encode(const struct frame *frame, struct buffer *out, struct error *err);
/* Whether the component transform is on: for unsigned RGB. Browsers' OpenJPH (codec-openjph 2.4) mixes up the components
 * of a codestream without it: such frames had better be JPEG 2000. */
bool htj2k_transforms(const struct frame *frame);
/* Lossy, by the irreversible wavelet (9/7), quantised in steps of about `step` stored values, 0 < step. */
bool htj2k_encode_lossy(const struct frame *frame, double step, struct buffer *out, struct error *err);

#endif
