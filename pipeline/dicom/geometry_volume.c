/* The answer: affine, cells, holes, voxels of one volume. */
#include "dicom/geometry_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dicom/geometry_vector.h"

/* ---------------------------------------------------------------- cells */

static int compare_cells(const void *a, const void *b)
{
    const struct volume_cell *const one = a, *const other = b;
    const int order = compare_integers(one->dimension, other->dimension);
    return order ? order : compare_integers(one->slice, other->slice);
}

static bool set_cells(const struct shape *shape, struct volume *volume, struct error *err)
{
    if (!(volume->cells = memory_array(shape->count, sizeof *volume->cells, err)))
        return false;
    for (size_t i = 0; i < shape->count; i++) {
        const struct item *const item = &shape->items[i];
        volume->cells[i] =
            (struct volume_cell){item->dimension, shape->place[item->position], item->input};
    }
    volume->cell_count = shape->count;
    qsort(volume->cells, volume->cell_count, sizeof *volume->cells, compare_cells);
    return true;
}

static void set_missing(struct volume *volume, struct volume_missing *missing, uint32_t dimension,
                        uint32_t slice)
{
    *missing = (struct volume_missing){.dimension = dimension, .slice = slice};
    for (int i = 0; i < 3; i++)
        missing->position[i] = volume->affine[i][3] + slice * volume->affine[i][2];
}

/* Every cell without an image; repetitions that only their order tells apart have no cells to miss,
 * so that there places count which no repetition has. */
static bool find_missing(const struct shape *shape, struct volume *volume, struct error *err)
{
    const bool each = shape->is_full || shape->dimension_is_keyed;
    const uint32_t dimensions = each ? shape->dimensions : 1;
    const size_t found = each ? shape->count : shape->positions;
    const size_t missing = (size_t)dimensions * shape->places - found;
    size_t cell = 0, place = 0;
    if (!missing)
        return true;
    if (!(volume->missing = memory_array(missing, sizeof *volume->missing, err)))
        return false;
    for (uint32_t d = 0; d < dimensions; d++, place = 0)
        for (uint32_t s = 0; s < shape->places; s++) {
            const bool here = each ? cell < volume->cell_count &&
                                         volume->cells[cell].dimension == d &&
                                         volume->cells[cell].slice == s
                                   : place < shape->positions && shape->place[place] == s;
            if (here) {
                cell++;
                place++;
            } else {
                set_missing(volume, &volume->missing[volume->missing_count++], d, s);
            }
        }
    return true;
}

/* ---------------------------------------------------------------- affine */

/* The step from place to place: from the first position to the last where they are on a line, else
 * the mean along the normal; 1 mm along the normal where there is one position. */
static void find_step(const struct shape *shape, const struct item *first, double step[3])
{
    const struct item *const last = &shape->items[shape->count - 1];
    for (int i = 0; i < 3; i++)
        step[i] = first->normal[i] * (shape->positions > 1 ? shape->spacing : 1);
    if (shape->positions == 1 || !shape->is_straight)
        return;
    for (int i = 0; i < 3; i++)
        step[i] = (last->slice->position[i] - first->slice->position[i]) / (shape->places - 1);
}

static void set_affine(const struct shape *shape, struct volume *volume)
{
    const struct item *const first = &shape->items[0];
    double step[3];
    find_step(shape, first, step);
    volume->has_affine = true;
    for (int i = 0; i < 3; i++) {
        volume->affine[i][0] = first->row[i] * first->slice->column_spacing_mm;
        volume->affine[i][1] = first->column[i] * first->slice->row_spacing_mm;
        volume->affine[i][2] = step[i];
        volume->affine[i][3] = first->slice->position[i];
    }
    volume->affine[3][3] = 1;
    volume->row_spacing_mm = first->slice->row_spacing_mm;
    volume->column_spacing_mm = first->slice->column_spacing_mm;
}

/* ---------------------------------------------------------------- voxels */

static void set_voxels(const struct item *items, size_t count, struct volume *volume)
{
    const struct slice *const first = items[0].slice;
    volume->samples_per_pixel = first->samples_per_pixel;
    volume->voxel = VOXEL_STORED;
    volume->is_signed = first->is_signed;
    volume->has_padding = first->has_padding;
    volume->padding_low = first->padding_low;
    volume->padding_high = first->padding_high;
    for (size_t i = 0; i < count; i++) {
        const struct slice *const slice = items[i].slice;
        if (slice->bits_stored > volume->bits_stored)
            volume->bits_stored = slice->bits_stored;
        if (slice->is_float || slice->has_modality_lut || slice->is_signed != first->is_signed ||
            slice->slope != first->slope || slice->intercept != first->intercept)
            volume->voxel = VOXEL_FLOAT32;
        if (!slice->has_padding || slice->padding_low != first->padding_low ||
            slice->padding_high != first->padding_high)
            volume->has_padding = false;
    }
    volume->slope = volume->voxel == VOXEL_STORED ? first->slope : 1;
    volume->intercept = volume->voxel == VOXEL_STORED ? first->intercept : 0;
    if (!volume->has_padding)
        volume->padding_low = volume->padding_high = 0;
}

/* ---------------------------------------------------------------- volumes */

bool item_is_localizer(const struct item *item)
{
    return geometry_type_has(item->slice->image_type, "LOCALIZER");
}

static void volume_release(struct volume *volume)
{
    memory_free(volume->cells);
    memory_free(volume->missing);
    memory_free(volume->reason);
}

/* Takes `volume`, also where it fails. */
static bool add_take(struct volumes *volumes, struct volume *volume, struct error *err)
{
    if (memory_grow((void **)&volumes->items, &volumes->capacity, volumes->count + 1,
                    sizeof *volumes->items, err)) {
        volumes->items[volumes->count++] = *volume;
        return true;
    }
    volume_release(volume);
    return false;
}

static void copy_shape(const struct shape *shape, struct volume *volume)
{
    *volume = (struct volume){
        .verdict = shape->verdict,
        .columns = shape->items[0].slice->columns,
        .rows = shape->items[0].slice->rows,
        .slices = shape->places,
        .dimensions = shape->dimensions,
        .slice_spacing_mm = shape->spacing,
        .least_gap_mm = shape->least_gap,
        .most_gap_mm = shape->most_gap,
        .off_grid_mm = shape->off_grid,
        .tilt_degrees = shape->tilt_degrees,
        .off_line_mm = shape->off_line,
    };
    memcpy(volume->dimension_name, shape->dimension_name, sizeof volume->dimension_name);
    set_affine(shape, volume);
    set_voxels(shape->items, shape->count, volume);
}

bool volumes_add_shape(struct volumes *volumes, const struct shape *shape, struct error *err)
{
    struct volume volume;
    struct buffer reason = {0};
    copy_shape(shape, &volume);
    const bool ok = set_cells(shape, &volume, err) && find_missing(shape, &volume, err) &&
                    reason_of_shape(shape, &volume, &reason, err) &&
                    (volume.reason = memory_string(buffer_text(&reason), err)) != NULL;
    buffer_release(&reason);
    if (ok)
        return add_take(volumes, &volume, err);
    volume_release(&volume);
    return false;
}

/* Nothing but the order in which they were made. */
static int by_instance_number(const struct item *a, const struct item *b)
{
    return compare_integers(a->slice->instance_number, b->slice->instance_number);
}

static bool fill_loose(struct item *items, size_t count, size_t directions, struct volume *volume,
                       struct buffer *reason, struct error *err)
{
    if (!(volume->cells = memory_array(count, sizeof *volume->cells, err)))
        return false;
    for (size_t i = 0; i < count; i++)
        volume->cells[i] = (struct volume_cell){0, (uint32_t)i, items[i].input};
    volume->cell_count = count;
    return reason_of_loose(items, count, directions, reason, err) &&
           (volume->reason = memory_string(buffer_text(reason), err)) != NULL;
}

bool volumes_add_loose(struct volumes *volumes, struct item *items, size_t count, size_t directions,
                       struct error *err)
{
    struct buffer reason = {0};
    items_sort(items, count, by_instance_number);
    struct volume volume = {
        .verdict = items[0].fault != SLICE_NONE   ? VOLUME_NOT_VOLUMETRIC
                   : item_is_localizer(&items[0]) ? VOLUME_LOCALIZER
                                                  : VOLUME_MIXED_ORIENTATION,
        .columns = items[0].slice->columns,
        .rows = items[0].slice->rows,
        .slices = (uint32_t)count,
        .dimensions = 1,
    };
    set_voxels(items, count, &volume);
    const bool ok = fill_loose(items, count, directions, &volume, &reason, err);
    buffer_release(&reason);
    if (ok)
        return add_take(volumes, &volume, err);
    volume_release(&volume);
    return false;
}
