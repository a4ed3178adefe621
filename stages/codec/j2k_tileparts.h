/* j2k_tileparts.h - the structure of a JPEG 2000 codestream, without decoding it (ISO/IEC 15444-1
 * A)
 *
 * For our own encoders: how many decompositions an image gets, and where in a finished codestream
 * each resolution ends. No library is involved.
 */
#ifndef SLICEPRESS_STAGES_CODEC_J2K_TILEPARTS_H
#define SLICEPRESS_STAGES_CODEC_J2K_TILEPARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { J2K_RESOLUTIONS_MOST = 33 };

/* As many as make the longer side of the base 64 or less (PS3.5 10.18); 5 where fewer would do and the sides allow it.
 * Lines and the like (1x65, 40x3000) get more than floor(log2(shorter side)): OpenJPH 0.9's own decoder errs there;
 * OpenJPEG and the decoder of the web clients (codec-openjph 2.4.11) do not. */
unsigned htj2k_decompositions(uint32_t columns, uint32_t rows);
/* The same but never more than floor(log2(shorter side)): OpenJPEG does not encode more. */
unsigned j2k_decompositions(uint32_t columns, uint32_t rows);
/* Ceiling of side / 2^reduce: a side of the image at a lower resolution. */
uint32_t j2k_reduced(uint32_t side, unsigned reduce);

struct j2k_tileparts {
    size_t count;
    size_t ends[J2K_RESOLUTIONS_MOST]; /* offset behind tile-part i, from SOC */
};

/* Walks SOC, main header, SOT and Psot to EOC. CORRUPT unless the parts fill the codestream
 * exactly. */
bool j2k_tileparts_find(const uint8_t *data, size_t size, struct j2k_tileparts *parts,
                        struct error *err);

#endif
