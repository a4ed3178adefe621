/* j2k_packet.h - how long a packet is, by its header (ISO/IEC 15444-1 B.9, B.10; 15444-15 B.3)
 *
 *     struct j2k_reader reader = {0};
 *     j2k_reader_begin(&reader, &precinct, style, err);
 *     for (unsigned layer = 0; ...; layer++)
 *         j2k_packet_read(&reader, data + at, size - at, layer, &packet, err);
 *     j2k_reader_release(&reader);
 *
 * Memory is kept from precinct to precinct and grows with the code-blocks of the largest one. Work is bounded:
 * UNSUPPORTED where a precinct has more than J2K_PACKET_BLOCKS code-blocks, or all that were begun more than
 * J2K_PACKET_VISITS, counted by layer; no codestream of 65,535 x 65,535 samples and common blocks comes near.
 */
#ifndef SLICEPRESS_STAGES_CODEC_J2K_PACKET_H
#define SLICEPRESS_STAGES_CODEC_J2K_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "j2k_layout.h"

enum { J2K_PACKET_BLOCKS = 1 << 20, J2K_PACKET_VISITS = 1 << 24, J2K_EPH_BYTES = 2 };

struct j2k_tree_node;
struct j2k_block;

/* Two tag trees (inclusion, missing bit-planes) of one shape, and the code-blocks below them. */
struct j2k_tree_band {
    uint32_t columns, rows;
    size_t blocks, nodes; /* first of its own in the reader's arrays */
};

struct j2k_reader {
    struct j2k_tree_node *nodes;
    struct j2k_block *blocks;
    size_t node_capacity, block_capacity, node_count, block_count;
    size_t visits; /* code-blocks looked at; the user sets it to 0 for a new codestream */
    bool has_sop, has_eph; /* set by the user */
    unsigned bands;
    uint8_t style;
    bool is_clear; /* trees and blocks are as at the first packet */
    struct j2k_tree_band band[J2K_LAYOUT_BANDS];
};

struct j2k_packet {
    size_t size; /* SOP, header, EPH and body */
    size_t eph;  /* where in it EPH is; 0 if there is none */
};

void j2k_reader_release(struct j2k_reader *reader);
bool j2k_reader_begin(struct j2k_reader *reader, const struct j2k_precinct *precinct, uint8_t style,
                         struct error *err);
/* Layers come in turn. CORRUPT if the packet is longer than `size`. */
bool j2k_packet_read(struct j2k_reader *reader, const uint8_t *data, size_t size, unsigned layer,
                     struct j2k_packet *packet, struct error *err);

#endif
