#include "slices.h"

#include <stddef.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "job/wire.h"

/* -- fields --------------------------------------------------------------------------------- */

enum kind { KIND_U32, KIND_U16, KIND_BOOL, KIND_FAULT, KIND_F64, KIND_I64, KIND_TEXT };

/* Fields of a group travel together. `size`: bytes of the member. */
struct field { uint8_t group, kind; uint16_t offset, size; };

#define FIELD(group, kind, member) {group, kind, offsetof(struct slice, member), sizeof(((struct slice *)0)->member)}
static const struct field fields[] = {
    FIELD(0, KIND_U32, frame),
    FIELD(1, KIND_U32, frames),
    FIELD(2, KIND_FAULT, fault),
    FIELD(3, KIND_U32, rows),
    FIELD(3, KIND_U32, columns),
    FIELD(4, KIND_U32, x),
    FIELD(4, KIND_U32, y),
    FIELD(5, KIND_U16, samples_per_pixel),
    FIELD(5, KIND_U16, bits_stored),
    FIELD(5, KIND_BOOL, is_signed),
    FIELD(5, KIND_BOOL, is_float),
    FIELD(5, KIND_BOOL, has_modality_lut),
    FIELD(6, KIND_BOOL, has_padding),
    FIELD(6, KIND_F64, padding_low),
    FIELD(6, KIND_F64, padding_high),
    FIELD(7, KIND_F64, slope),
    FIELD(7, KIND_F64, intercept),
    FIELD(8, KIND_F64, position),
    FIELD(9, KIND_F64, row),
    FIELD(9, KIND_F64, column),
    FIELD(10, KIND_F64, row_spacing_mm),
    FIELD(10, KIND_F64, column_spacing_mm),
    FIELD(11, KIND_F64, declared_spacing_mm),
    FIELD(12, KIND_TEXT, image_type),
    FIELD(13, KIND_TEXT, stack_id),
    FIELD(14, KIND_I64, echo_number),
    FIELD(15, KIND_F64, echo_time_ms),
    FIELD(16, KIND_I64, channel),
    FIELD(17, KIND_I64, temporal_position),
    FIELD(18, KIND_F64, b_value),
    FIELD(18, KIND_F64, gradient),
    FIELD(19, KIND_F64, trigger_time_ms),
    FIELD(20, KIND_I64, acquisition_number),
    FIELD(21, KIND_I64, acquisition_time_us),
    FIELD(22, KIND_I64, instance_number),
    FIELD(23, KIND_I64, in_stack_position),
};
enum {
    FIELD_COUNT = sizeof fields / sizeof fields[0],
    GROUPS = 24,
    SLICE_BYTES = 4, /* the least that one takes on the wire */
    BITS_MOST = 64
};

static bool is_alike(const struct field *field, const struct slice *a, const struct slice *b)
{
    const char *const one = (const char *)a + field->offset, *const other = (const char *)b + field->offset;

    return field->kind == KIND_TEXT ? strcmp(one, other) == 0 : memcmp(one, other, field->size) == 0;
}

static uint32_t differing_groups(const struct slice *slice, const struct slice *former)
{
    uint32_t groups = 0;

    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (!is_alike(&fields[i], slice, former))
            groups |= UINT32_C(1) << fields[i].group;
    return groups;
}

static void carry_u16(struct wire *w, uint16_t *value)
{
    uint32_t number = *value;

    wire_u32(w, &number);
    wire_require(w, number <= UINT16_MAX, "a number is out of range");
    *value = (uint16_t)number;
}

static void carry_field(struct wire *w, const struct field *field, struct slice *slice)
{
    void *const member = (char *)slice + field->offset;
    double *const numbers = member;

    switch ((enum kind)field->kind) {
    case KIND_U32: wire_u32(w, member); break;
    case KIND_U16: carry_u16(w, member); break;
    case KIND_BOOL: wire_bool(w, member); break;
    case KIND_FAULT: WIRE_ENUM(w, slice->fault, enum slice_fault, SLICE_FAULT_COUNT); break;
    case KIND_I64: wire_i64(w, member); break;
    case KIND_TEXT: wire_text(w, member, field->size, WIRE_ANY); break;
    case KIND_F64:
        for (size_t i = 0; i < field->size / sizeof *numbers; i++)
            wire_f64(w, &numbers[i]);
        break;
    }
}

/* What the slice is compared with: frames mostly follow one another. */
static struct slice next_of(const struct slice *former, uint32_t count)
{
    struct slice next = *former;

    next.frame += count > 0;
    return next;
}

/* When it is parsed, `slice` begins as what it was compared with. */
static void carry_slice(struct wire *w, struct slice *slice, const struct slice *former)
{
    uint32_t groups = w->out != NULL ? differing_groups(slice, former) : 0;

    wire_u32(w, &groups);
    wire_require(w, groups < UINT32_C(1) << GROUPS, "a slice has unknown fields");
    for (size_t i = 0; i < FIELD_COUNT && !w->failed; i++)
        if (groups >> fields[i].group & 1)
            carry_field(w, &fields[i], slice);
}

static bool is_within(uint32_t from, uint32_t size)
{
    return size >= 1 && size <= LIMIT(SIDE) && from <= LIMIT(SIDE) - size;
}

static void check_slice(struct wire *w, const struct slice *s)
{
    wire_require(w, s->frame >= 1 && s->frame <= LIMIT(FRAMES) && s->frames >= 1 &&
                 s->frames <= LIMIT(FRAMES) + 1 - s->frame, "a slice's frame is out of range");
    wire_require(w, is_within(s->x, s->columns) && is_within(s->y, s->rows), "a slice's size is out of range");
    wire_require(w, s->samples_per_pixel >= 1 && s->samples_per_pixel <= LIMIT(SAMPLES) && s->bits_stored <= BITS_MOST,
                 "a slice's samples are out of range");
}

/* -- native pixels -------------------------------------------------------------------------- */

static void carry_image(struct wire *w, struct image *image)
{
    wire_u32(w, &image->rows);
    wire_u32(w, &image->columns);
    wire_u32(w, &image->frames);
    carry_u16(w, &image->samples_per_pixel);
    carry_u16(w, &image->bits_allocated);
    carry_u16(w, &image->bits_stored);
    carry_u16(w, &image->high_bit);
    carry_u16(w, &image->planar_configuration);
    wire_bool(w, &image->is_signed);
    WIRE_ENUM(w, image->element, enum pixel_element, PIXEL_ELEMENT_DOUBLE + 1);
    WIRE_ENUM(w, image->photometric, enum photometric, PHOTOMETRIC_CMYK + 1);
    wire_bool(w, &image->big_endian);
    wire_bool(w, &image->swapped_pairs);
    wire_bool(w, &image->lossy_declared);
}

/* As image_read leaves it (PS3.3 C.7.6.3.1): memory is taken by these numbers. */
static bool image_is_sane(const struct image *image)
{
    return image->rows >= 1 && image->rows <= LIMIT(SIDE) && image->columns >= 1 && image->columns <= LIMIT(SIDE) &&
           image->frames >= 1 && image->frames <= LIMIT(FRAMES) && image->samples_per_pixel >= 1 &&
           image->samples_per_pixel <= LIMIT(SAMPLES) && image->bits_allocated >= 1 &&
           image->bits_allocated <= BITS_MOST && image->element != PIXEL_ELEMENT_NONE;
}

static void carry_native(struct wire *w, struct native_pixels *native)
{
    wire_bool(w, &native->are_there);
    if (!native->are_there)
        return;
    wire_u64(w, &native->offset);
    wire_u64(w, &native->length);
    carry_image(w, &native->image);
    wire_require(w, image_is_sane(&native->image), "native pixels are out of range");
}

/* -- writing -------------------------------------------------------------------------------- */

static void put_count(struct slices_writer *writer)
{
    uint8_t *const at = writer->out->data + writer->from;

    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(writer->count >> 8 * i);
}

bool slices_begin(struct slices_writer *writer, const struct native_pixels *native, struct buffer *out,
                  struct error *err)
{
    struct native_pixels copy = *native;
    struct wire w = wire_to(out, "slices", err);
    uint32_t count = 0;

    *writer = (struct slices_writer){.out = out, .from = out->size, .former = slice_absent()};
    wire_u32(&w, &count);
    carry_native(&w, &copy);
    return wire_done(&w);
}

bool slices_add(struct slices_writer *writer, const struct slice *slice, struct error *err)
{
    const struct slice former = next_of(&writer->former, writer->count);
    struct slice copy = *slice;
    struct wire w = wire_to(writer->out, "slices", err);

    carry_slice(&w, &copy, &former);
    if (!wire_done(&w))
        return false;
    if (writer->count == SLICES_MOST || writer->out->size - writer->from > SLICES_BYTES_MOST)
        return error_set(err, ERROR_LIMIT, "more than %u slices, or than %d bytes of them", SLICES_MOST - 1,
                         SLICES_BYTES_MOST);
    writer->former = *slice;
    writer->count++;
    return true;
}

void slices_end(struct slices_writer *writer)
{
    put_count(writer);
}

/* -- parsing -------------------------------------------------------------------------------- */

static void parse_count(struct wire *w, struct slices *slices)
{
    uint32_t count = 0;

    wire_u32(w, &count);
    carry_native(w, &slices->native);
    wire_require(w, count <= SLICES_MOST && count <= (w->in.size - w->in.offset) / SLICE_BYTES,
                 "more slices are announced than follow");
    slices->count = w->failed ? 0 : count;
}

/* Into slices->items, if there is room for them. */
static void parse_items(struct wire *w, struct slices *slices)
{
    struct slice slice = slice_absent();

    for (size_t i = 0; i < slices->count && !w->failed; i++) {
        slice = next_of(&slice, i > 0);
        carry_slice(w, &slice, NULL);
        check_slice(w, &slice);
        if (slices->items != NULL)
            slices->items[i] = slice;
    }
}

bool slices_parse(const void *data, size_t size, struct slices *slices, struct error *err)
{
    struct slices parsed = {0};
    struct wire w = wire_from(data, size, "slices", err);

    parse_count(&w, &parsed);
    if (w.failed)
        return false;
    parsed.items = memory_array(parsed.count, sizeof *parsed.items, err);
    w.failed = parsed.items == NULL;
    parse_items(&w, &parsed);
    if (!wire_done(&w)) {
        slices_release(&parsed);
        return false;
    }
    *slices = parsed;
    return true;
}

size_t slices_count(const void *data, size_t size)
{
    struct reader reader = reader_over(data, size);
    const uint32_t count = reader_u32(&reader);

    return count <= SLICES_MOST ? count : 0;
}

bool slices_native(const void *data, size_t size, struct native_pixels *native, struct error *err)
{
    struct slices parsed = {0};
    struct wire w = wire_from(data, size, "slices", err);

    parse_count(&w, &parsed);
    *native = w.failed ? (struct native_pixels){0} : parsed.native;
    return !w.failed;
}

bool slices_check(const void *data, size_t size, struct error *err)
{
    struct slices parsed = {0};
    struct wire w = wire_from(data, size, "slices", err);

    parse_count(&w, &parsed);
    parse_items(&w, &parsed);
    return wire_done(&w);
}

void slices_release(struct slices *slices)
{
    memory_free(slices->items);
    *slices = (struct slices){0};
}
