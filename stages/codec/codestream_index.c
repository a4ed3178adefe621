#include "codestream_index.h"

#include "base/memory.h"
#include "j2k_plan.h"

enum { TLM = 0xFF55, SOT = 0xFF90, SOD = 0xFF93, EOC = 0xFFD9 };

enum {
    TLM_HEAD = 6,        /* marker, length, Ztlm, Stlm */
    TLM_ENTRY = 6,       /* Ttlm of 16 bits, Ptlm of 32 */
    TLM_SIZES = 0x60     /* Stlm that says so, as Kakadu and OpenJPH write it */
};

static const size_t most_bytes = (size_t)1 << 31; /* Psot and Ptlm have 32 bits */

/* -- packets ----------------------------------------------------------------------------------- */

/* Where the walk is: in which tile-part, and from where on bytes are not yet in a piece. */
struct packet_walk {
    unsigned part;
    size_t at, from, first_piece;
};

static bool end_piece(struct j2k_plan *plan, struct packet_walk *walk, struct error *err)
{
    const size_t from = walk->from;

    walk->from = walk->at;
    return j2k_plan_add(plan, walk->first_piece, from, walk->at - from, err);
}

/* A packet does not cross the border of a tile-part, which may be empty. */
static bool skip_borders(struct j2k_plan *plan, struct packet_walk *walk, struct error *err)
{
    while (walk->at == plan->parts[walk->part].end && walk->part + 1 < plan->part_count) {
        if (!end_piece(plan, walk, err))
            return false;
        walk->part++;
        walk->at = walk->from = plan->parts[walk->part].body;
    }
    return true;
}

/* EPH is left out: where it is announced OpenJPEG also wants it of the packets behind a prefix. */
static bool pass_packet(struct j2k_plan *plan, const struct j2k_packet *packet, struct packet_walk *walk,
                        struct error *err)
{
    const size_t next = walk->at + packet->size;

    if (packet->eph > 0) {
        walk->at += packet->eph;
        if (!end_piece(plan, walk, err))
            return false;
        walk->from += J2K_EPH_BYTES;
    }
    walk->at = next;
    return true;
}

static bool walk_precinct(struct j2k_plan *plan, const struct j2k_precinct *precinct,
                          struct packet_walk *walk, struct error *err)
{
    struct j2k_packet packet;

    if (!j2k_reader_begin(&plan->reader, precinct, plan->layout.component[precinct->component].style, err))
        return false;
    for (unsigned layer = 0; layer < plan->layout.layers; layer++) {
        if (!skip_borders(plan, walk, err) ||
            !j2k_packet_read(&plan->reader, plan->data + walk->at, plan->parts[walk->part].end - walk->at,
                             layer, &packet, err) ||
            !pass_packet(plan, &packet, walk, err))
            return false;
    }
    return true;
}

static bool walk_packets(struct j2k_plan *plan, bool *parts_are_resolutions, struct error *err)
{
    struct packet_walk walk = {.at = plan->parts[0].body, .from = plan->parts[0].body};
    struct j2k_precincts resolution;
    struct j2k_precinct precinct;

    *parts_are_resolutions = plan->part_count == plan->layout.levels + 1;
    for (unsigned r = 0; r <= plan->layout.levels; r++) {
        walk.first_piece = plan->piece_count;
        j2k_layout_begin(&plan->layout, r, &resolution);
        while (j2k_layout_next(&resolution, &precinct))
            if (!walk_precinct(plan, &precinct, &walk, err))
                return error_context(err, "resolution %u, byte %zu", r, walk.at);
        if (!end_piece(plan, &walk, err))
            return false;
        plan->body_pieces[r] = plan->piece_count;
        *parts_are_resolutions = *parts_are_resolutions && walk.at == plan->parts[r].end;
    }
    if (!skip_borders(plan, &walk, err))
        return false;
    if (walk.at != plan->parts[plan->part_count - 1].end)
        return error_set(err, ERROR_CORRUPT, "packets end at byte %zu, tile-parts at %zu", walk.at,
                         plan->parts[plan->part_count - 1].end);
    return true;
}

/* -- the result -------------------------------------------------------------------------------- */

static size_t pieces_size(const struct j2k_plan *plan, size_t first, size_t end)
{
    size_t size = 0;

    for (size_t i = first; i < end; i++)
        size += plan->pieces[i].size;
    return size;
}

/* TNsot and TLM agree with what is there. */
static bool is_announced(const struct j2k_plan *plan)
{
    bool has_number = false;

    if (plan->tlm_is_odd || plan->tlm_count != plan->part_count)
        return false;
    for (unsigned i = 0; i < plan->part_count; i++) {
        const struct tile_part *const part = &plan->parts[i];

        if (part->length == 0 || plan->tlm[i] != part->length ||
            (part->parts != 0 && part->parts != plan->part_count))
            return false;
        has_number = has_number || part->parts != 0;
    }
    return has_number;
}

/* Ends as they are. */
static void keep_parts(const struct j2k_plan *plan, struct codestream_index *index)
{
    for (unsigned r = 0; r <= plan->layout.levels; r++)
        index->resolutions[r].end = plan->parts[r].end;
    index->size = plan->parts[plan->layout.levels].end + J2K_PLAN_MARKER;
}

/* Ends in the rewritten codestream. */
static void place_parts(struct j2k_plan *plan, struct codestream_index *index)
{
    const unsigned count = plan->layout.levels + 1;
    size_t at = pieces_size(plan, 0, plan->main_pieces) + TLM_HEAD + TLM_ENTRY * count;
    size_t head = plan->main_pieces;

    for (unsigned r = 0; r < count; r++) {
        plan->lengths[r] = J2K_PLAN_SOT + J2K_PLAN_MARKER + pieces_size(plan, head, plan->body_pieces[r]);
        head = plan->body_pieces[r];
        at += plan->lengths[r];
        index->resolutions[r].end = at;
    }
    index->size = at + J2K_PLAN_MARKER;
}

static bool measure_resolutions(const struct j2k_layout *layout, struct codestream_index *index,
                                struct error *err)
{
    for (unsigned r = 0; r <= layout->levels; r++)
        for (unsigned c = layout->components; c-- > 0;) { /* the first one's remain */
            struct codestream_resolution *const resolution = &index->resolutions[r];

            j2k_layout_size(layout, c, r, &resolution->columns, &resolution->rows);
            if (resolution->columns == 0 || resolution->rows == 0)
                return error_set(err, ERROR_UNSUPPORTED, "resolution %u of component %u has no samples", r, c);
        }
    return true;
}

static bool make_plan(struct j2k_plan *plan, struct codestream_index *index, struct error *err)
{
    const struct j2k_layout *const layout = &plan->layout;
    bool has_eoc = false, parts_are_resolutions = false;

    if (!j2k_plan_read(plan, &has_eoc, err) || !measure_resolutions(layout, index, err))
        return false;
    if (!j2k_layout_is_rpcl(layout))
        return error_set(err, ERROR_UNSUPPORTED, "packets in progression %u with %u layers, not RPCL (2)",
                         layout->progression, layout->layers);
    plan->reader.has_sop = layout->has_sop;
    plan->reader.has_eph = layout->has_eph;
    if (!walk_packets(plan, &parts_are_resolutions, err))
        return false;
    index->is_indexed = has_eoc && parts_are_resolutions && is_announced(plan) &&
                        layout->progression == J2K_RPCL && !layout->has_eph;
    if (index->is_indexed)
        keep_parts(plan, index);
    else
        place_parts(plan, index);
    index->count = layout->levels + 1;
    return true;
}

bool codestream_index(const uint8_t *data, size_t size, struct codestream_index *index, struct error *err)
{
    index->count = 0;
    if (size > most_bytes)
        return error_set(err, ERROR_UNSUPPORTED, "a codestream of %zu bytes", size);
    if (index->plan == NULL)
        index->plan = memory_zeroed(sizeof *index->plan, err);
    if (index->plan == NULL)
        return false;
    j2k_plan_reset(index->plan, data, size);
    const bool ok = make_plan(index->plan, index, err);
    index->plan->data = NULL;
    return ok;
}

void codestream_index_release(struct codestream_index *index)
{
    if (index->plan != NULL) {
        j2k_reader_release(&index->plan->reader);
        memory_free(index->plan->pieces);
        memory_free(index->plan);
    }
    *index = (struct codestream_index){0};
}

/* -- rewriting --------------------------------------------------------------------------------- */

static bool put(struct buffer *out, uint64_t value, size_t bytes, struct error *err)
{
    uint8_t big_endian[8];

    for (size_t i = 0; i < bytes; i++)
        big_endian[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return buffer_append(out, big_endian, bytes, err);
}

static bool put_pieces(struct buffer *out, const uint8_t *data, const struct j2k_plan *plan, size_t first,
                       size_t end, struct error *err)
{
    for (size_t i = first; i < end; i++)
        if (!buffer_append(out, data + plan->pieces[i].offset, plan->pieces[i].size, err))
            return false;
    return true;
}

/* COD's Scod and progression, which are where they were unless TLM or PLM stood before them. */
static void change_style(struct buffer *out, size_t start, const struct j2k_plan *plan)
{
    enum { SCOD_EPH = 4 };
    size_t at = start;

    for (size_t i = 0; i < plan->main_pieces; i++) {
        const struct piece *const piece = &plan->pieces[i];

        if (plan->style_at >= piece->offset && plan->style_at - piece->offset < piece->size) {
            uint8_t *const style = out->data + at + (plan->style_at - piece->offset);
            style[0] = (uint8_t)(style[0] & ~SCOD_EPH);
            style[1] = J2K_RPCL;
        }
        at += piece->size;
    }
}

static bool put_header(struct buffer *out, const uint8_t *data, const struct j2k_plan *plan,
                       unsigned count, struct error *err)
{
    const size_t start = out->size;

    if (!put_pieces(out, data, plan, 0, plan->main_pieces, err))
        return false;
    change_style(out, start, plan);
    if (!put(out, TLM, 2, err) || !put(out, TLM_HEAD - J2K_PLAN_MARKER + TLM_ENTRY * count, 2, err) ||
        !put(out, TLM_SIZES, 2, err)) /* Ztlm 0, Stlm */
        return false;
    for (unsigned r = 0; r < count; r++)
        if (!put(out, plan->lengths[r], TLM_ENTRY, err)) /* Ttlm 0, Ptlm */
            return false;
    return true;
}

static bool put_parts(struct buffer *out, const uint8_t *data, const struct j2k_plan *plan, unsigned count,
                      struct error *err)
{
    size_t first = plan->head_pieces;

    for (unsigned r = 0; r < count; r++) {
        if (!put(out, SOT, 2, err) || !put(out, J2K_PLAN_SOT - J2K_PLAN_MARKER, 2, err) || !put(out, 0, 2, err) ||
            !put(out, plan->lengths[r], 4, err) || !put(out, r << 8 | count, 2, err))
            return false;
        if (r == 0 && !put_pieces(out, data, plan, plan->main_pieces, plan->head_pieces, err))
            return false;
        if (!put(out, SOD, 2, err) || !put_pieces(out, data, plan, first, plan->body_pieces[r], err))
            return false;
        first = plan->body_pieces[r];
    }
    return put(out, EOC, 2, err);
}

bool codestream_rewrite(const uint8_t *data, size_t size, const struct codestream_index *index,
                        struct buffer *out, struct error *err)
{
    const struct j2k_plan *const plan = index->plan;
    const size_t before = out->size;

    if (index->count == 0 || size != plan->size)
        return error_set(err, ERROR_CORRUPT, "a codestream of %zu bytes was not indexed", size);
    if (!buffer_reserve(out, index->size, err))
        return false;
    if (index->is_indexed ? buffer_append(out, data, index->size, err)
                          : put_header(out, data, plan, index->count, err) &&
                                put_parts(out, data, plan, index->count, err))
        return true;
    out->size = before;
    if (out->data != NULL)
        out->data[before] = 0;
    return false;
}
