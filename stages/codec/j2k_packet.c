#include "j2k_packet.h"

#include <string.h>

#include "base/memory.h"

enum {
    SOP = 0xFF91, EPH = 0xFF92,
    SOP_BYTES = 6,
    TREE_LEVELS = 32,
    MISSING_PLANES = 128, /* more than 7 guard bits and 31 of exponent can give */
    LENGTH_BITS = 32,     /* a segment of 4 GB */
    FIRST_LENGTH_BITS = 3,
    PASSES = 1024         /* of one block: 164 a layer, 3 a bit-plane */
};

/* A value is known, or it is at least `low` (B.10.2). */
struct j2k_tree_node {
    uint16_t included, missing; /* the lows of the two trees */
    bool included_known, missing_known;
};

struct j2k_block {
    bool is_included;
    uint8_t length_bits; /* Lblock */
    uint16_t passes;
};

/* -- bits (B.10.1) ----------------------------------------------------------------------------- */

struct bits {
    const uint8_t *at, *end;
    uint8_t byte, left;
    bool failed; /* beyond the end, or a byte above 8F behind FF; bits are 0 then */
};

static void next_byte(struct bits *bits)
{
    const bool is_stuffed = bits->byte == 0xFF;

    if (bits->at == bits->end || (is_stuffed && *bits->at >> 7 != 0)) {
        bits->failed = true;
        bits->byte = 0;
    } else {
        bits->byte = *bits->at++;
    }
    bits->left = is_stuffed ? 7 : 8;
}

static inline unsigned bit(struct bits *bits)
{
    if (bits->left == 0)
        next_byte(bits);
    bits->left--;
    return (unsigned)bits->byte >> bits->left & 1;
}

static uint64_t number(struct bits *bits, unsigned count)
{
    uint64_t value = 0;

    while (count-- > 0)
        value = value << 1 | bit(bits);
    return value;
}

/* A header that ends in FF has one byte more. */
static void align(struct bits *bits)
{
    if (bits->byte == 0xFF)
        next_byte(bits);
}

/* -- tag trees (B.10.2) ------------------------------------------------------------------------ */

/* The leaf's ancestors, the leaf first: returns how many. Levels lie one behind the other. */
static unsigned find_path(struct j2k_tree_node *nodes, const struct j2k_tree_band *band, uint32_t x, uint32_t y,
                          struct j2k_tree_node *path[TREE_LEVELS])
{
    uint32_t columns = band->columns, rows = band->rows;
    unsigned count = 0;

    nodes += band->nodes;
    for (;;) {
        path[count++] = &nodes[(size_t)y * columns + x];
        if (columns == 1 && rows == 1)
            return count;
        nodes += (size_t)columns * rows;
        columns = (columns + 1) / 2;
        rows = (rows + 1) / 2;
        x /= 2;
        y /= 2;
    }
}

static size_t count_nodes(uint32_t columns, uint32_t rows)
{
    size_t count = (size_t)columns * rows;

    while (columns > 1 || rows > 1) {
        columns = (columns + 1) / 2;
        rows = (rows + 1) / 2;
        count += (size_t)columns * rows;
    }
    return count;
}

/* Is the leaf's value below `threshold`? */
static bool is_included(struct bits *bits, struct j2k_tree_node *const path[], unsigned count, unsigned threshold)
{
    uint16_t low = 0;

    for (unsigned i = count; i-- > 0;) {
        struct j2k_tree_node *const node = path[i];

        if (node->included < low)
            node->included = low;
        while (!node->included_known && node->included < threshold) {
            if (bit(bits))
                node->included_known = true;
            else
                node->included++;
        }
        low = node->included;
    }
    return path[0]->included_known && low < threshold;
}

static bool read_missing_planes(struct bits *bits, struct j2k_tree_node *const path[], unsigned count)
{
    uint16_t low = 0;

    for (unsigned i = count; i-- > 0;) {
        struct j2k_tree_node *const node = path[i];

        if (node->missing < low)
            node->missing = low;
        while (!node->missing_known) {
            if (bit(bits))
                node->missing_known = true;
            else if (++node->missing > MISSING_PLANES)
                return false;
        }
        low = node->missing;
    }
    return true;
}

/* -- one code-block (B.10.5 to B.10.7) --------------------------------------------------------- */

/* Table B.4. */
static unsigned read_passes(struct bits *bits)
{
    unsigned value;

    if (!bit(bits))
        return 1;
    if (!bit(bits))
        return 2;
    value = (unsigned)number(bits, 2);
    if (value < 3)
        return 3 + value;
    value = (unsigned)number(bits, 5);
    if (value < 31)
        return 6 + value;
    return 37 + (unsigned)number(bits, 7);
}

/* How many of the `more` passes belong to the segment at hand, `passes` being behind; 0: none may come. */
static unsigned passes_of_segment(uint8_t style, unsigned passes, unsigned more)
{
    enum { BEFORE_BYPASS = 10 };
    unsigned room = more;

    if ((style & J2K_STYLE_HT) != 0) /* placeholders and the clean-up pass; then two of refinement */
        room = passes == 0 ? 1 + (more - 1) / 3 * 3 : 2 - (passes - 1) % 3;
    else if ((style & J2K_STYLE_TERMINATE_ALL) != 0)
        room = 1;
    else if ((style & J2K_STYLE_BYPASS) != 0) /* then two raw passes and one clean-up pass in turn */
        room = passes < BEFORE_BYPASS ? BEFORE_BYPASS - passes : (passes - BEFORE_BYPASS) % 3 == 1 ? 1
             : (passes - BEFORE_BYPASS) % 3 == 0 ? 2 : 1;
    return more < room ? more : room;
}

static unsigned log2_floor(unsigned value)
{
    unsigned log = 0;

    while (value >>= 1)
        log++;
    return log;
}

/* Adds the lengths of the block's segments in this packet. */
static bool read_segments(struct bits *bits, uint8_t style, struct j2k_block *block, uint64_t *body)
{
    unsigned more = read_passes(bits);

    while (bit(bits))
        if (++block->length_bits > LENGTH_BITS)
            return false;
    while (more > 0) {
        const unsigned passes = passes_of_segment(style, block->passes, more);
        const unsigned count = block->length_bits + log2_floor(passes);

        if (passes == 0 || count > LENGTH_BITS || block->passes + passes > PASSES)
            return false;
        *body += number(bits, count);
        block->passes = (uint16_t)(block->passes + passes);
        more -= passes;
    }
    return true;
}

static bool read_block(struct j2k_reader *reader, const struct j2k_tree_band *band, uint32_t x, uint32_t y,
                       struct bits *bits, unsigned layer, uint64_t *body)
{
    struct j2k_block *const block = &reader->blocks[band->blocks + (size_t)y * band->columns + x];
    struct j2k_tree_node *path[TREE_LEVELS];

    if (block->is_included) {
        if (!bit(bits))
            return true;
    } else {
        const unsigned count = find_path(reader->nodes, band, x, y, path);

        if (!is_included(bits, path, count, layer + 1))
            return true;
        if (!read_missing_planes(bits, path, count))
            return false;
        block->is_included = true;
        block->length_bits = FIRST_LENGTH_BITS;
    }
    return read_segments(bits, reader->style, block, body);
}

/* -- packets ----------------------------------------------------------------------------------- */

void j2k_reader_release(struct j2k_reader *reader)
{
    memory_free(reader->nodes);
    memory_free(reader->blocks);
    *reader = (struct j2k_reader){0};
}

bool j2k_reader_begin(struct j2k_reader *reader, const struct j2k_precinct *precinct, uint8_t style,
                         struct error *err)
{
    reader->style = style;
    reader->bands = 0;
    reader->node_count = reader->block_count = 0;
    reader->is_clear = false;
    for (unsigned b = 0; b < precinct->bands; b++) {
        const uint32_t columns = precinct->blocks[b].columns, rows = precinct->blocks[b].rows;

        if (columns == 0 || rows == 0)
            continue;
        if ((uint64_t)columns * rows > J2K_PACKET_BLOCKS - reader->block_count)
            return error_set(err, ERROR_UNSUPPORTED, "a precinct of more than %d code-blocks", J2K_PACKET_BLOCKS);
        reader->band[reader->bands++] =
            (struct j2k_tree_band){columns, rows, reader->block_count, reader->node_count};
        reader->block_count += (size_t)columns * rows;
        reader->node_count += count_nodes(columns, rows);
    }
    return true;
}

/* Only when a packet has something to say: a hostile header names precincts by the million. */
static bool clear(struct j2k_reader *reader, struct error *err)
{
    void *nodes = reader->nodes, *blocks = reader->blocks;
    const bool ok =
        memory_grow(&nodes, &reader->node_capacity, reader->node_count, sizeof *reader->nodes, err) &&
        memory_grow(&blocks, &reader->block_capacity, reader->block_count, sizeof *reader->blocks, err);

    reader->nodes = nodes;
    reader->blocks = blocks;
    if (!ok)
        return false;
    if (reader->block_count > 0) {
        memset(reader->nodes, 0, reader->node_count * sizeof *reader->nodes);
        memset(reader->blocks, 0, reader->block_count * sizeof *reader->blocks);
    }
    reader->is_clear = true;
    return true;
}

static bool read_blocks(struct j2k_reader *reader, struct bits *bits, unsigned layer, uint64_t *body,
                        struct error *err)
{
    if (!reader->is_clear && !clear(reader, err))
        return false;
    reader->visits += reader->block_count;
    if (reader->visits > J2K_PACKET_VISITS)
        return error_set(err, ERROR_UNSUPPORTED, "more than %d code-blocks", J2K_PACKET_VISITS);
    for (unsigned b = 0; b < reader->bands; b++)
        for (uint32_t y = 0; y < reader->band[b].rows; y++)
            for (uint32_t x = 0; x < reader->band[b].columns; x++)
                if (!read_block(reader, &reader->band[b], x, y, bits, layer, body) || bits->failed)
                    return error_set(err, ERROR_CORRUPT, "a packet header is damaged or cut");
    return true;
}

static bool is_marker(const uint8_t *at, const uint8_t *end, unsigned marker, size_t size)
{
    return (size_t)(end - at) >= size && (unsigned)(at[0] << 8 | at[1]) == marker;
}

bool j2k_packet_read(struct j2k_reader *reader, const uint8_t *data, size_t size, unsigned layer,
                     struct j2k_packet *packet, struct error *err)
{
    struct bits bits = {.at = data, .end = data + size};
    uint64_t body = 0;

    /* "may be used" (A.6.1): so each packet is asked */
    if (reader->has_sop && is_marker(bits.at, bits.end, SOP, SOP_BYTES))
        bits.at += SOP_BYTES;
    if (bit(&bits) && !read_blocks(reader, &bits, layer, &body, err))
        return false;
    align(&bits);
    if (bits.failed)
        return error_set(err, ERROR_CORRUPT, "a packet header is damaged or cut");
    packet->eph = 0;
    if (reader->has_eph && is_marker(bits.at, bits.end, EPH, J2K_EPH_BYTES)) {
        packet->eph = (size_t)(bits.at - data);
        bits.at += J2K_EPH_BYTES;
    }
    if (body > (size_t)(bits.end - bits.at))
        return error_set(err, ERROR_CORRUPT, "a packet body of %llu bytes, %zu are left",
                         (unsigned long long)body, (size_t)(bits.end - bits.at));
    packet->size = (size_t)(bits.at - data) + (size_t)body;
    return true;
}
