#include "job/slide_blob.h"

#include "base/limits.h"
#include "base/memory.h"
#include "job/wire.h"

enum { PLACES_MOST = SLIDE_BLOB_MOST - (1 << 18), PLANE_BYTES = 12, NUMBER_MOST = 5 /* bytes, of 32 bits */ };

/* -- numbers of variable length -------------------------------------------------------------- */

/* Seven bits a byte, the lowest first; the sign is the lowest of them. */
static bool put_number(struct buffer *out, int64_t number, struct error *err)
{
    uint64_t rest = (uint64_t)number << 1 ^ (uint64_t)(number < 0 ? -1 : 0);

    for (; rest >= 0x80; rest >>= 7)
        if (!buffer_put_u8(out, (uint8_t)(rest | 0x80), err))
            return false;
    return buffer_put_u8(out, (uint8_t)rest, err);
}

static int64_t take_number(struct reader *in)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < NUMBER_MOST; i++) {
        const uint8_t byte = reader_u8(in);

        number |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80)
            return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
    }
    in->failed = true;
    return 0;
}

/* -- places ---------------------------------------------------------------------------------- */

/* Where the next frame is expected; the first: in the corner. */
static struct slide_place expected(const struct slide_part *part, uint32_t index)
{
    if (index == 0)
        return (struct slide_place){0};
    const struct slide_place *const former = &part->places[index - 1];
    return (struct slide_place){former->column + part->tile_columns, former->row, former->plane};
}

static bool put_places(const struct slide_part *part, struct buffer *out, struct error *err)
{
    for (uint32_t i = 0; part->places != NULL && i < part->frames; i++) {
        const struct slide_place next = expected(part, i), *const place = &part->places[i];

        if (!put_number(out, (int64_t)place->plane - next.plane, err) ||
            !put_number(out, (int64_t)place->column - next.column, err) ||
            !put_number(out, (int64_t)place->row - next.row, err))
            return false;
        if (out->size > PLACES_MOST)
            return error_set(err, ERROR_LIMIT, "the places of %u tiles take more than %d bytes", part->frames, PLACES_MOST);
    }
    return true;
}

/* Any sum of what stands there is no more than 2^36. */
static bool take_place(struct reader *in, const struct slide_part *part, uint32_t index, struct slide_place *place)
{
    const struct slide_place next = expected(part, index);
    const int64_t plane = next.plane + take_number(in), column = next.column + take_number(in),
                  row = next.row + take_number(in);

    if (in->failed || plane < 0 || plane >= (int64_t)part->plane_count || column < 0 || column >= part->columns || row < 0 ||
        row >= part->rows)
        return false;
    *place = (struct slide_place){(uint32_t)column, (uint32_t)row, (uint32_t)plane};
    return true;
}

static bool take_places(const struct buffer *coded, struct slide_part *part, struct error *err)
{
    struct reader in = reader_over(coded->data, coded->size);

    if (part->frames > coded->size / 3)
        return error_set(err, ERROR_PROTOCOL, "slide: more tiles are announced than follow");
    part->places = memory_array(part->frames, sizeof *part->places, err);
    if (part->places == NULL)
        return false;
    for (uint32_t i = 0; i < part->frames; i++)
        if (!take_place(&in, part, i, &part->places[i]))
            return error_set(err, ERROR_PROTOCOL, "slide: tile %u has no place", i + 1);
    return reader_done(&in) || error_set(err, ERROR_PROTOCOL, "slide: more places follow than there are tiles");
}

/* -- the rest -------------------------------------------------------------------------------- */

static void carry_u16(struct wire *w, uint16_t *value)
{
    uint32_t number = *value;

    wire_u32(w, &number);
    wire_require(w, number >= 1 && number <= LIMIT(SAMPLES), "samples are out of range");
    *value = (uint16_t)number;
}

static bool is_sane(const struct slide_part *part)
{
    const bool has_faults = part->fault != SLIDE_FAULT_NONE;

    return part->columns >= 1 && part->columns <= SLIDE_SIDE_MOST && part->rows >= 1 && part->rows <= SLIDE_SIDE_MOST &&
           part->tile_columns >= 1 && part->tile_columns <= LIMIT(SIDE) && part->tile_rows >= 1 &&
           part->tile_rows <= LIMIT(SIDE) && part->frames >= 1 && part->frames <= LIMIT(FRAMES) &&
           part->first_frame <= UINT32_MAX - part->frames && (has_faults || part->plane_count >= 1) &&
           (has_faults || (uint64_t)((part->columns - 1) / part->tile_columns + 1) *
                              ((part->rows - 1) / part->tile_rows + 1) <= SLIDE_PLACES_MOST);
}

static void carry_planes(struct wire *w, struct slide_part *part)
{
    part->planes = wire_array(w, part->planes, &part->plane_count, SLIDE_PLANES_MOST, sizeof *part->planes, PLANE_BYTES, 0);
    for (size_t i = 0; i < part->plane_count && !w->failed; i++) {
        wire_text(w, part->planes[i].channel, sizeof part->planes[i].channel, WIRE_ANY);
        wire_i64(w, &part->planes[i].focus_nm);
    }
}

static void carry_part(struct wire *w, struct slide_part *part)
{
    WIRE_ENUM(w, part->kind, enum slide_kind, SLIDE_KIND_COUNT);
    WIRE_ENUM(w, part->fault, enum slide_fault, SLIDE_FAULT_COUNT_OF);
    wire_u32(w, &part->columns);
    wire_u32(w, &part->rows);
    wire_u32(w, &part->tile_columns);
    wire_u32(w, &part->tile_rows);
    wire_u32(w, &part->frames);
    wire_u32(w, &part->first_frame);
    carry_u16(w, &part->samples_per_pixel);
    wire_f64(w, &part->row_spacing_mm);
    wire_f64(w, &part->column_spacing_mm);
    wire_u64(w, &part->profile);
    wire_text(w, part->frame_of_reference_uid, sizeof part->frame_of_reference_uid, WIRE_ANY);
    wire_text(w, part->pyramid_uid, sizeof part->pyramid_uid, WIRE_ANY);
    wire_text(w, part->concatenation_uid, sizeof part->concatenation_uid, WIRE_ANY);
    wire_text(w, part->container, sizeof part->container, WIRE_ANY);
    carry_planes(w, part);
    wire_require(w, is_sane(part), "sizes are out of range");
}

bool slide_blob_write(const struct slide_part *part, struct buffer *out, struct error *err)
{
    struct slide_part copy = *part; /* a wire changes nothing in what it writes */
    struct buffer places = {0};
    struct wire w = wire_to(out, "slide", err);
    bool is_full = part->places == NULL;
    bool ok = put_places(part, &places, err);

    if (ok) {
        carry_part(&w, &copy);
        wire_bool(&w, &is_full);
        wire_blob(&w, &places, PLACES_MOST);
        ok = wire_done(&w);
    }
    buffer_release(&places);
    return ok;
}

bool slide_blob_parse(const void *data, size_t size, struct slide_part *part, struct error *err)
{
    struct wire w = wire_from(data, size, "slide", err);
    struct buffer places = {0};
    bool is_full = false;

    *part = (struct slide_part){0};
    carry_part(&w, part);
    wire_bool(&w, &is_full);
    wire_blob(&w, &places, PLACES_MOST);
    const bool has_places = !is_full && part->fault == SLIDE_FAULT_NONE;
    wire_require(&w, has_places || places.size == 0, "places that nobody needs");
    const bool ok = wire_done(&w) && (!has_places || take_places(&places, part, err));
    buffer_release(&places);
    if (!ok)
        slide_part_release(part);
    return ok;
}

bool slide_blob_check(const void *data, size_t size, struct error *err)
{
    struct slide_part part;

    if (!slide_blob_parse(data, size, &part, err))
        return false;
    slide_part_release(&part);
    return true;
}
