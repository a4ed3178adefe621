/* codestream_index.h - where each resolution of a finished codestream ends, and tile-parts that say so
 *
 *     struct codestream_index index = {0};                    // kept from frame to frame: so is its memory
 *     ok = codestream_index(data, size, &index, err) &&
 *          codestream_rewrite(data, size, &index, &out, err);
 *     ... out from its former end to index.resolutions[r].end, plus EOC, is the image at that resolution
 *     codestream_index_release(&index);
 *
 * JPEG 2000 or HTJ2K (ISO/IEC 15444-1, -15), bare, of one tile. Packet headers are walked, packet bodies are
 * neither read nor changed; no library. The rewritten codestream has one tile-part for each resolution, right
 * Psot and TNsot, and TLM. PLT, PLM and EPH of the source are left out (OpenJPEG refuses prefixes where EPH is
 * announced), all else stays. The progression becomes RPCL where another name stood for the same order of
 * packets, as LRCP does with one layer and one precinct a resolution: that makes a `.201` a `.202`.
 *
 * Not indexable, with a reason, as UNSUPPORTED: several tiles, another order of packets, POC, PPM, PPT, COD or
 * COC in a tile-part, COC before COD or with other levels, part 2, several HT sets or mixed blocks, more than
 * 4 components, a resolution without samples, more code-blocks than J2K_PACKET_BLOCKS allows. Publish such a
 * codestream without ranges. CORRUPT: headers or lengths contradict each other or the size; packets must end
 * exactly where the last tile-part does. A Psot of 0 and an absent EOC are put right; what follows EOC is
 * dropped.
 */
#ifndef SLICEPRESS_STAGES_CODEC_CODESTREAM_INDEX_H
#define SLICEPRESS_STAGES_CODEC_CODESTREAM_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "j2k_layout.h"

struct j2k_plan;

struct codestream_resolution {
    uint32_t columns, rows; /* of the first component, as a decoder gives them */
    size_t end;             /* bytes from SOC of the rewritten codestream */
};

struct codestream_index {
    unsigned count; /* resolutions, the smallest first; 0 after a failure */
    struct codestream_resolution resolutions[J2K_RESOLUTIONS_MOST];
    size_t size;     /* of the rewritten codestream; the last end and EOC */
    bool is_indexed; /* the source is in this form already: its first `size` bytes are what rewriting gives */
    struct j2k_plan *plan; /* for codestream_rewrite; owned */
};

bool codestream_index(const uint8_t *data, size_t size, struct codestream_index *index, struct error *err);
/* Appends to `out`; the same data that were indexed. On failure `out` is as long as before. */
bool codestream_rewrite(const uint8_t *data, size_t size, const struct codestream_index *index,
                        struct buffer *out, struct error *err);
void codestream_index_release(struct codestream_index *index); /* usable again */

#endif
