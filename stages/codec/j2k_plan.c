#include "j2k_plan.h"

#include "base/memory.h"

enum {
    SOC = 0xFF4F, CAP = 0xFF50, SIZ = 0xFF51, COD = 0xFF52, COC = 0xFF53, TLM = 0xFF55, PLM = 0xFF57,
    PLT = 0xFF58, POC = 0xFF5F, PPM = 0xFF60, PPT = 0xFF61, SOT = 0xFF90, SOD = 0xFF93, EOC = 0xFFD9
};

enum { PIECES = 1 << 20 }; /* one a packet where EPH is left out */

static unsigned u16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)u16(at) << 16 | u16(at + 2);
}

void j2k_plan_reset(struct j2k_plan *plan, const uint8_t *data, size_t size)
{
    plan->data = data;
    plan->size = size;
    plan->layout = (struct j2k_layout){0};
    plan->part_count = plan->tlm_count = plan->tlm_segments = 0;
    plan->tlm_is_odd = false;
    plan->piece_count = 0;
    plan->reader.visits = 0;
}

bool j2k_plan_add(struct j2k_plan *plan, size_t first, size_t offset, size_t size, struct error *err)
{
    struct piece *const last = plan->piece_count > first ? &plan->pieces[plan->piece_count - 1] : NULL;
    void *pieces = plan->pieces;

    if (size == 0)
        return true;
    if (last != NULL && last->offset + last->size == offset) {
        last->size += size;
        return true;
    }
    if (plan->piece_count == PIECES)
        return error_set(err, ERROR_UNSUPPORTED, "a codestream in more than %d pieces", PIECES);
    if (!memory_grow(&pieces, &plan->piece_capacity, plan->piece_count + 1, sizeof *plan->pieces, err))
        return false;
    plan->pieces = pieces;
    plan->pieces[plan->piece_count++] = (struct piece){offset, size};
    return true;
}

/* -- headers ----------------------------------------------------------------------------------- */

struct segment {
    unsigned marker;
    size_t at, size;     /* with its marker */
    const uint8_t *body; /* behind its length */
    size_t body_size;
};

/* The segment at plan->at, which is left there. */
static bool peek_segment(const struct j2k_plan *plan, struct segment *segment, struct error *err)
{
    const uint8_t *const at = plan->data + plan->at;
    const size_t left = plan->size - plan->at;

    if (left < 2 * J2K_PLAN_MARKER)
        return error_set(err, ERROR_CORRUPT, "the codestream ends in its header, at byte %zu", plan->at);
    segment->marker = u16(at);
    segment->at = plan->at;
    if (segment->marker == SOD || segment->marker == SOT)
        return true;
    const size_t length = u16(at + J2K_PLAN_MARKER);
    if (segment->marker < 0xFF40 || segment->marker == SOC || segment->marker == EOC || length < 2 ||
        length > left - J2K_PLAN_MARKER)
        return error_set(err, ERROR_CORRUPT, "expected a marker segment at byte %zu, found %04X and %zu bytes",
                         plan->at, segment->marker, length);
    segment->size = J2K_PLAN_MARKER + length;
    segment->body = at + 2 * J2K_PLAN_MARKER;
    segment->body_size = length - 2;
    return true;
}

static bool refuse_marker(const char *name, struct error *err)
{
    return error_set(err, ERROR_UNSUPPORTED, "a codestream with %s", name);
}

/* Ccap15 is behind the words of the parts before it (A.5.2; 15444-15 A.3). */
static bool check_capabilities(const struct segment *segment, struct error *err)
{
    enum { PART_15 = 17, SEVERAL_SETS = 0x2000 };
    size_t before = 4;

    if (segment->body_size < 4)
        return error_set(err, ERROR_CORRUPT, "CAP of %zu bytes", segment->body_size);
    const uint32_t parts = u32(segment->body);
    if ((parts & ~(UINT32_C(1) << PART_15)) != 0)
        return error_set(err, ERROR_UNSUPPORTED, "a codestream with capabilities %08X", parts);
    if (parts != 0 && segment->body_size < before + 2)
        return error_set(err, ERROR_CORRUPT, "CAP of %zu bytes", segment->body_size);
    if (parts != 0 && (u16(segment->body + before) & SEVERAL_SETS) != 0)
        return error_set(err, ERROR_UNSUPPORTED, "a codestream with several HT sets in a block");
    return true;
}

/* Ptlm of each tile-part, if the segment is as one may expect (A.7.1). */
static void read_tlm(struct j2k_plan *plan, const struct segment *segment)
{
    const uint8_t *at = segment->body, *const end = at + segment->body_size;

    if (segment->body_size < 2 || at[0] != plan->tlm_segments++) {
        plan->tlm_is_odd = true;
        return;
    }
    const size_t index_bytes = at[1] >> 4 & 3, length_bytes = (at[1] & 0x40) != 0 ? 4 : 2;
    plan->tlm_is_odd = plan->tlm_is_odd || (segment->body_size - 2) % (index_bytes + length_bytes) != 0;
    for (at += 2; !plan->tlm_is_odd && at < end; at += index_bytes + length_bytes) {
        if (plan->tlm_count == J2K_PLAN_PARTS || (index_bytes > 0 && at[0] != 0) || (index_bytes > 1 && at[1] != 0) ||
            index_bytes > 2) {
            plan->tlm_is_odd = true;
            return;
        }
        plan->tlm[plan->tlm_count++] = length_bytes == 4 ? u32(at + index_bytes) : u16(at + index_bytes);
    }
}

static bool read_main_segment(struct j2k_plan *plan, const struct segment *segment, struct error *err)
{
    switch (segment->marker) {
    case SIZ:
        return j2k_layout_read_siz(&plan->layout, segment->body, segment->body_size, err);
    case COD:
        plan->style_at = segment->at + 2 * J2K_PLAN_MARKER;
        return j2k_layout_read_cod(&plan->layout, segment->body, segment->body_size, err);
    case COC:
        return j2k_layout_read_coc(&plan->layout, segment->body, segment->body_size, err);
    case CAP:
        return check_capabilities(segment, err);
    case TLM:
        read_tlm(plan, segment);
        return true;
    case POC:
        return refuse_marker("changes of progression (POC)", err);
    case PPM:
        return refuse_marker("packed packet headers (PPM)", err);
    default:
        return true;
    }
}

/* SOC to the first SOT. */
static bool read_main_header(struct j2k_plan *plan, struct error *err)
{
    struct segment segment;

    if (plan->size < 2 * J2K_PLAN_MARKER || u16(plan->data) != SOC || u16(plan->data + J2K_PLAN_MARKER) != SIZ)
        return error_set(err, ERROR_CORRUPT, "expected a codestream (FF4F FF51)");
    plan->at = J2K_PLAN_MARKER;
    if (!j2k_plan_add(plan, 0, 0, J2K_PLAN_MARKER, err))
        return false;
    for (;; plan->at += segment.size) {
        if (!peek_segment(plan, &segment, err))
            return false;
        if (segment.marker == SOT)
            break;
        if (segment.marker == SOD)
            return error_set(err, ERROR_CORRUPT, "a codestream with SOD in its main header");
        if (!read_main_segment(plan, &segment, err))
            return false;
        if (segment.marker != TLM && segment.marker != PLM &&
            !j2k_plan_add(plan, 0, segment.at, segment.size, err))
            return false;
    }
    plan->main_pieces = plan->piece_count;
    return plan->layout.layers > 0 || error_set(err, ERROR_CORRUPT, "a codestream without COD");
}

/* From behind SOT to behind SOD. */
static bool read_part_header(struct j2k_plan *plan, struct error *err)
{
    struct segment segment;

    for (;; plan->at += segment.size) {
        if (!peek_segment(plan, &segment, err))
            return false;
        switch (segment.marker) {
        case SOD:
            plan->at += J2K_PLAN_MARKER;
            return true;
        case SOT:
            return error_set(err, ERROR_CORRUPT, "a tile-part without SOD");
        case COD:
        case COC:
            return refuse_marker("another coding style in its tile", err);
        case POC:
            return refuse_marker("changes of progression (POC)", err);
        case PPT:
            return refuse_marker("packed packet headers (PPT)", err);
        case PLT:
            break;
        default:
            if (!j2k_plan_add(plan, plan->main_pieces, segment.at, segment.size, err))
                return false;
        }
    }
}

/* Up to EOC, or to the end: Psot 0 of the last tile-part (A.4.2). Behind EOC a fragment may be padded. */
static size_t end_without_length(const struct j2k_plan *plan)
{
    size_t end = plan->size;

    while (end > plan->at && plan->data[end - 1] == 0)
        end--;
    if (end - plan->at >= J2K_PLAN_MARKER && u16(plan->data + end - J2K_PLAN_MARKER) == EOC)
        return end - J2K_PLAN_MARKER;
    return plan->size;
}

static bool read_tile_part(struct j2k_plan *plan, struct error *err)
{
    const uint8_t *const sot = plan->data + plan->at;
    const size_t left = plan->size - plan->at;

    if (left < J2K_PLAN_SOT || u16(sot) != SOT || u16(sot + 2) != J2K_PLAN_SOT - J2K_PLAN_MARKER)
        return error_set(err, ERROR_CORRUPT, "expected a tile-part (SOT) at byte %zu", plan->at);
    if (plan->part_count == J2K_PLAN_PARTS)
        return error_set(err, ERROR_UNSUPPORTED, "more than %d tile-parts", J2K_PLAN_PARTS);
    if (u16(sot + 4) != 0 || sot[10] != plan->part_count)
        return error_set(err, ERROR_CORRUPT, "expected tile-part %u of tile 0, found %u of tile %u",
                         plan->part_count, sot[10], u16(sot + 4));
    struct tile_part *const part = &plan->parts[plan->part_count];
    part->length = u32(sot + 6);
    part->parts = sot[11];
    part->end = part->length == 0 ? end_without_length(plan) : plan->at + part->length;
    if (part->length > left)
        return error_set(err, ERROR_CORRUPT, "a tile-part of %u bytes, %zu are left", part->length, left);
    plan->at += J2K_PLAN_SOT;
    if (!read_part_header(plan, err))
        return false;
    if (plan->at > part->end)
        return error_set(err, ERROR_CORRUPT, "tile-part %u is shorter than its header", plan->part_count);
    part->body = plan->at;
    plan->at = part->end;
    plan->part_count++;
    return true;
}

bool j2k_plan_read(struct j2k_plan *plan, bool *has_eoc, struct error *err)
{
    if (!read_main_header(plan, err))
        return false;
    do {
        if (!read_tile_part(plan, err))
            return false;
        *has_eoc = plan->size - plan->at >= J2K_PLAN_MARKER && u16(plan->data + plan->at) == EOC;
    } while (!*has_eoc && plan->at < plan->size);
    plan->head_pieces = plan->piece_count;
    return true;
}
