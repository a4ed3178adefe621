/* j2k_layout.h - which packets a JPEG 2000 codestream of one tile has, and in which order
 *
 * SIZ, COD and COC (ISO/IEC 15444-1 A.5, A.6) give the layout; from it follow the precincts of each
 * resolution and component and their code-blocks (annex B), without a byte of packet data:
 *
 *     struct j2k_precincts walk;
 *     struct j2k_precinct precinct;
 *     for (unsigned r = 0; r <= layout.levels; r++) {
 *         j2k_layout_begin(&layout, r, &walk);
 *         while (j2k_layout_next(&walk, &precinct)) ... one packet a layer
 *     }
 *
 * Precincts come in the order of RPCL (B.12.1.3). Nothing is allocated, whatever the numbers say; a walk may
 * be long, so count.
 */
#ifndef SLICEPRESS_STAGES_CODEC_J2K_LAYOUT_H
#define SLICEPRESS_STAGES_CODEC_J2K_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "j2k_tileparts.h"

enum {
    J2K_LAYOUT_COMPONENTS = 4, /* PS3.3 has no more samples */
    J2K_LAYOUT_BANDS = 3,
};

enum { J2K_LRCP, J2K_RLCP, J2K_RPCL, J2K_PCRL, J2K_CPRL };

/* Bits of the code-block style (A.6.1, 15444-15 A.6). */
enum { J2K_STYLE_BYPASS = 1, J2K_STYLE_TERMINATE_ALL = 4, J2K_STYLE_HT = 64, J2K_STYLE_MIXED = 128 };

struct j2k_component {
    uint8_t step_x, step_y;   /* XRsiz, YRsiz */
    uint8_t block_x, block_y; /* exponents of a code-block's sides */
    uint8_t style;
    uint8_t precinct_x[J2K_RESOLUTIONS_MOST], precinct_y[J2K_RESOLUTIONS_MOST]; /* exponents */
};

struct j2k_layout {
    uint32_t x0, y0, x1, y1; /* image area on the reference grid */
    unsigned components, levels, layers, progression;
    bool has_sop, has_eph;
    struct j2k_component component[J2K_LAYOUT_COMPONENTS]; /* all zero before SIZ */
};

/* `body` is a segment behind its length. Order: SIZ first, then COD and COC as they come. */
bool j2k_layout_read_siz(struct j2k_layout *layout, const uint8_t *body, size_t size, struct error *err);
bool j2k_layout_read_cod(struct j2k_layout *layout, const uint8_t *body, size_t size, struct error *err);
bool j2k_layout_read_coc(struct j2k_layout *layout, const uint8_t *body, size_t size, struct error *err);

/* Columns and rows of component c at resolution r (B-5, B-15); 0 can happen with an image offset. */
void j2k_layout_size(const struct j2k_layout *layout, unsigned c, unsigned r, uint32_t *columns, uint32_t *rows);
/* The packets come in the order that RPCL would give them, whatever COD calls it: so with few layers,
 * components and precincts. */
bool j2k_layout_is_rpcl(const struct j2k_layout *layout);

struct j2k_band { uint64_t x0, y0, x1, y1; };

/* The precincts of one component in one resolution: columns [left, right), rows [top, bottom) of the grid of
 * precincts; none if any is empty. */
struct j2k_grid {
    uint64_t left, top, right, bottom;
    uint64_t step_x, step_y;         /* of a precinct on the reference grid */
    uint8_t precinct_x, precinct_y;  /* exponents of its sides in a band */
    uint8_t block_x, block_y;        /* exponents of a code-block's sides here */
    struct j2k_band bands[J2K_LAYOUT_BANDS];
    uint64_t column, row;            /* where the walk is */
};

struct j2k_precincts {
    const struct j2k_layout *layout;
    unsigned bands;
    uint64_t y; /* of the row at hand; UINT64_MAX before the first */
    struct j2k_grid grids[J2K_LAYOUT_COMPONENTS];
};

/* Code-blocks of one precinct, band by band; a band without any has columns or rows 0. */
struct j2k_precinct {
    unsigned component, bands;
    struct { uint32_t columns, rows; } blocks[J2K_LAYOUT_BANDS];
};

void j2k_layout_begin(const struct j2k_layout *layout, unsigned r, struct j2k_precincts *walk);
bool j2k_layout_next(struct j2k_precincts *walk, struct j2k_precinct *precinct);

#endif
