/* coded_form_read.h - what a frame ready to be published is, by its own bytes
 *
 * `like` tells what its samples are once they are decoded (photometric, samples, bits, sign, lossy; no samples needed);
 * the codestream's own header tells the rest: Photometric Interpretation is YBR_RCT or YBR_ICT where its component
 * transform is on (PS3.5 8.2.4), YBR_FULL_422 where a JPEG's chroma is subsampled (PS3.5 8.2.1), Bits Allocated the
 * container that a decoder gives, High Bit is Bits Stored - 1, Planar Configuration 0. `frames` is left to the caller.
 */
#ifndef SLICEPRESS_STAGES_CODEC_CODED_FORM_READ_H
#define SLICEPRESS_STAGES_CODEC_CODED_FORM_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dicom/coded_form.h"
#include "dicom/frame.h"
#include "dicom/transfer_syntax.h"

bool coded_form_read(const struct transfer_syntax *syntax, const uint8_t *data, size_t size, const struct frame *like,
                     struct coded_form *form, struct error *err);

#endif
