#include "placing.h"

#include "dicom/geometry_read.h"
#include "dicom/slide_read.h"
#include "job/slices.h"
#include "job/slide_blob.h"

/* Pixels of a coding, or of an inflated data set, are not there as they are. */
static struct native_pixels find_native(const struct instance *instance)
{
    const struct object *const object = instance->object;
    const struct pixel_location pixels = object_pixels(object);
    const struct bytes *const bytes = object_bytes(object);
    const struct image *const image = &instance->image;
    const uint64_t rest = pixels.offset < bytes->size ? bytes->size - pixels.offset : 0;

    if (image->transfer_syntax == NULL || image->transfer_syntax->coding != CODING_NATIVE || pixels.encapsulated ||
        bytes != object_source(object).bytes)
        return (struct native_pixels){0};
    return (struct native_pixels){
        .are_there = true,
        .offset = pixels.offset,
        .length = pixels.length < rest ? pixels.length : rest,
        .image = {.rows = image->rows, .columns = image->columns, .frames = image->frames,
                  .samples_per_pixel = image->samples_per_pixel, .bits_allocated = image->bits_allocated,
                  .bits_stored = image->bits_stored, .high_bit = image->high_bit,
                  .planar_configuration = image->planar_configuration, .is_signed = image->is_signed,
                  .element = image->element, .photometric = image->photometric, .big_endian = image->big_endian,
                  .swapped_pairs = image->swapped_pairs, .lossy_declared = image->lossy_declared}};
}

struct taking { struct slices_writer writer; struct slice first; bool has_place; };

static bool take(void *client, const struct slice *slice, struct error *err)
{
    struct taking *const taking = client;

    if (taking->writer.count == 0)
        taking->first = *slice;
    taking->has_place = taking->has_place || slice->fault == SLICE_NONE;
    return slices_add(&taking->writer, slice, err);
}

/* More than can be sorted: one slice says so for all of them. */
static bool put_too_many(const struct image *image, const struct native_pixels *native, struct taking *taking,
                         struct error *err)
{
    struct buffer *const out = taking->writer.out;
    struct slice slice = taking->first;

    out->size = taking->writer.from;
    slice.frame = 1;
    slice.frames = image->frames;
    slice.fault = SLICE_TOO_MANY;
    return slices_begin(&taking->writer, native, out, err) && slices_add(&taking->writer, &slice, err);
}

bool placing_collect(struct instance *instance, struct buffer *out, struct placing *placing, struct error *err)
{
    const struct native_pixels native = find_native(instance);
    struct taking taking = {0};
    struct error why = {0};

    if (!slices_begin(&taking.writer, &native, out, err))
        return false;
    if (!geometry_read(instance->object, &instance->image, take, &taking, &why)) {
        if (why.kind != ERROR_LIMIT || taking.writer.count == 0) {
            *err = why;
            return false;
        }
        if (!put_too_many(&instance->image, &native, &taking, err))
            return false;
    }
    slices_end(&taking.writer);
    *placing = (struct placing){.has_place = taking.has_place, .is_native = native.are_there};
    return true;
}

bool placing_collect_slide(struct instance *instance, struct buffer *out, struct error *err)
{
    struct slide_part part;
    struct error why = {0};
    bool is_part = false;

    if (!slide_read(instance->object, &instance->image, &part, &is_part, &instance->notes, err))
        return false;
    const bool ok = !is_part || slide_blob_write(&part, out, &why);
    slide_part_release(&part);
    if (ok)
        return true;
    buffer_clear(out);
    if (why.kind == ERROR_LIMIT)
        return buffer_printf(&instance->notes, err, "no part of a pyramid: %s\n", why.text);
    *err = why;
    return false;
}
