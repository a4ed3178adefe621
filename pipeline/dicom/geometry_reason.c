/* Why a volume has its verdict, in plain English with the numbers. */
#include "dicom/geometry_private.h"

#include <math.h>
#include <string.h>

/* More holes are counted, not named: volume.missing has them all. */
enum { HOLES_NAMED = 8 };

static bool separate(struct buffer *out, struct error *err)
{
    return !out->size || buffer_puts(out, "; ", err);
}

#define ADD(out, err, ...) (separate(out, err) && buffer_printf(out, err, __VA_ARGS__))

static bool add_positions(const struct shape *shape, struct buffer *out, struct error *err)
{
    if (shape->positions == 1)
        return shape->count == 1 ? ADD(out, err, "one slice")
                                 : ADD(out, err, "%zu images of one slice", shape->count);
    if (!shape->is_even)
        return ADD(out, err, "%zu slices, from %.6g to %.6g mm apart", shape->positions,
                   shape->least_gap, shape->most_gap) &&
               ADD(out, err, "up to %.4g mm from even steps of %.6g mm", shape->off_grid,
                   shape->spacing);
    return ADD(out, err, "%zu slices, %.6g mm apart", shape->positions, shape->spacing) &&
           (shape->off_grid <= GEOMETRY_SAME_POSITION_MM ||
            ADD(out, err, "positions up to %.4g mm off the even grid", shape->off_grid));
}

static bool add_line(const struct shape *shape, struct buffer *out, struct error *err)
{
    if (shape->positions > 1 && !shape->is_straight)
        return ADD(out, err, "up to %.4g mm beside the line of positions, in their plane",
                   shape->off_line);
    return !shape->is_tilted ||
           ADD(out, err, "tilted by %.4g degrees: each slice is shifted by %.4g mm in its plane",
               shape->tilt_degrees, shape->spacing * tan(shape->tilt_degrees * M_PI / 180));
}

static bool add_dimension(const struct shape *shape, struct buffer *out, struct error *err)
{
    if (shape->dimensions == 1)
        return true;
    return ADD(out, err, "%u images at a position, told apart by %s", shape->dimensions,
               shape->dimension_name) &&
           (shape->is_full || shape->dimension_is_keyed ||
            ADD(out, err, "not everywhere: %zu images at %zu positions", shape->count,
                shape->positions));
}

static bool add_hole(const struct volume *volume, const struct volume_missing *hole,
                     struct buffer *out, struct error *err)
{
    return buffer_printf(out, err, " slice %u at %.6g mm", hole->slice + 1,
                         hole->slice * volume->slice_spacing_mm) &&
           (volume->dimensions == 1 ||
            buffer_printf(out, err, " of image %u", hole->dimension + 1));
}

/* Where each is: its distance from the first slice along the normal. */
static bool add_holes(const struct volume *volume, struct buffer *out, struct error *err)
{
    const size_t missing = volume->missing_count;
    const size_t named = missing < HOLES_NAMED ? missing : HOLES_NAMED;
    if (!missing)
        return true;
    if (!ADD(out, err, "%zu of %zu images are missing:", missing, missing + volume->cell_count))
        return false;
    for (size_t i = 0; i < named; i++)
        if (!buffer_puts(out, i ? "," : "", err) ||
            !add_hole(volume, &volume->missing[i], out, err))
            return false;
    return named == missing || buffer_puts(out, " and others", err);
}

/* What the object says beside its positions (PS3.3 C.7.6.16.2.2); the positions win. */
static bool is_in_stack_order(const struct shape *shape)
{
    int direction = 0;
    for (size_t i = 1; i < shape->count; i++) {
        const struct item *const before = &shape->items[i - 1], *const item = &shape->items[i];
        const int step =
            compare_integers(item->slice->in_stack_position, before->slice->in_stack_position);
        if (item->position != before->position && !direction)
            direction = step;
        if (step != (item->position == before->position ? 0 : direction))
            return false;
    }
    return shape->positions == 1 || direction != 0;
}

static bool has_in_stack_positions(const struct shape *shape)
{
    for (size_t i = 0; i < shape->count; i++)
        if (shape->items[i].slice->in_stack_position == SLICE_NO_NUMBER)
            return false;
    return true;
}

static bool add_contradictions(const struct shape *shape, struct buffer *out, struct error *err)
{
    const double declared = fabs(shape->items[0].slice->declared_spacing_mm);
    if (has_in_stack_positions(shape) && !is_in_stack_order(shape) &&
        !ADD(out, err, "In-Stack Position Number does not follow Image Position (Patient)"))
        return false;
    if (shape->positions > 1 && shape->is_even && declared > 0 &&
        fabs(declared - shape->spacing) > GEOMETRY_SPACING_SHARE * shape->spacing)
        return ADD(out, err, "Spacing Between Slices says %.6g mm", declared);
    return true;
}

static bool add_voxels(const struct shape *shape, const struct volume *volume, struct buffer *out,
                       struct error *err)
{
    bool is_float = false, has_lut = false;
    for (size_t i = 0; i < shape->count; i++) {
        is_float |= shape->items[i].slice->is_float;
        has_lut |= shape->items[i].slice->has_modality_lut;
    }
    return volume->voxel == VOXEL_STORED ||
           ADD(out, err, "voxels are float32: %s",
               is_float  ? "pixels are floating point"
               : has_lut ? "a Modality LUT gives the values"
                         : "slices differ in rescale slope, intercept or sign");
}

bool reason_of_shape(const struct shape *shape, const struct volume *volume, struct buffer *out,
                     struct error *err)
{
    if (shape->verdict == VOLUME_LOCALIZER && !ADD(out, err, "a scout by its image type"))
        return false;
    return add_positions(shape, out, err) && add_holes(volume, out, err) &&
           add_line(shape, out, err) && add_dimension(shape, out, err) &&
           add_contradictions(shape, out, err) && add_voxels(shape, volume, out, err);
}

bool reason_of_loose(const struct item *items, size_t count, size_t directions, struct buffer *out,
                     struct error *err)
{
    static const char *const faults[] = {
#define X(name, text) text,
        SLICE_FAULTS(X)
#undef X
    };
    uint64_t images = 0;
    for (size_t i = 0; i < count; i++)
        images += items[i].slice->frames;
    if (items[0].fault != SLICE_NONE)
        return ADD(out, err, "%llu image%s with %s", (unsigned long long)images,
                   images == 1 ? "" : "s", faults[items[0].fault]);
    return (!item_is_localizer(&items[0]) || ADD(out, err, "scouts by their image type")) &&
           ADD(out, err, "%zu slices in %zu directions, none of which has two positions", count,
               directions);
}
