/* j2k_plan.h - what codestream_index.c knows of a codestream, and its headers (j2k_plan.c)
 *
 * The markers of a codestream of one tile (ISO/IEC 15444-1 annex A) into a plan: the layout, the tile-parts,
 * and which runs of the source's headers stay. Packets are not looked at.
 */
#ifndef SLICEPRESS_STAGES_CODEC_J2K_PLAN_H
#define SLICEPRESS_STAGES_CODEC_J2K_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "j2k_layout.h"
#include "j2k_packet.h"

enum {
    J2K_PLAN_PARTS = 255,    /* TPsot has 8 bits */
    J2K_PLAN_MARKER = 2,     /* bytes of a marker */
    J2K_PLAN_SOT = 12        /* of SOT with its segment */
};

struct piece { size_t offset, size; }; /* of the source */

struct tile_part {
    size_t body, end;
    uint32_t length; /* Psot as it stands */
    uint8_t parts;   /* TNsot */
};

struct j2k_plan {
    /* the source, while it is read */
    const uint8_t *data;
    size_t size, at;

    struct j2k_layout layout;
    struct tile_part parts[J2K_PLAN_PARTS];
    unsigned part_count;
    uint32_t tlm[J2K_PLAN_PARTS]; /* Ptlm of the source */
    unsigned tlm_count, tlm_segments;
    bool tlm_is_odd;     /* nothing that a reader should rely upon */

    /* What the rewritten codestream is made of: main header, tile-part header, body by body. */
    struct piece *pieces;
    size_t piece_count, piece_capacity;
    size_t main_pieces, head_pieces, body_pieces[J2K_RESOLUTIONS_MOST]; /* where each group ends */
    size_t lengths[J2K_RESOLUTIONS_MOST]; /* Psot to be */
    size_t style_at; /* Scod, behind which the progression is */
    struct j2k_reader reader;
};

/* SOC to the first SOT, then all tile-parts to EOC; *has_eoc false where the data end just before it. The plan
 * comes with data and size, and everything else as j2k_plan_reset leaves it. */
bool j2k_plan_read(struct j2k_plan *plan, bool *has_eoc, struct error *err);
/* Appends a run of the source to the group that began with piece `first`. */
bool j2k_plan_add(struct j2k_plan *plan, size_t first, size_t offset, size_t size, struct error *err);
void j2k_plan_reset(struct j2k_plan *plan, const uint8_t *data, size_t size); /* memory is kept */

#endif
