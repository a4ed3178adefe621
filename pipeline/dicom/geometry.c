/* What can be told apart at a glance: faults, types, orientations; and the order of the volumes. */
#include "dicom/geometry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dicom/geometry_private.h"
#include "dicom/geometry_vector.h"

/* Beyond these no position or spacing is believed: 1 km, 100 m. */
#define POSITION_MOST_MM 1e6
#define SPACING_MOST_MM 1e5

/* More directions than that in one kind are not told apart any more: they are no stacks. */
enum { DIRECTIONS_MOST = 256 };

struct slice slice_absent(void)
{
    return (struct slice){
        .frame = 1,
        .frames = 1,
        .samples_per_pixel = 1,
        .slope = 1,
        .position = {NAN, NAN, NAN},
        .row = {NAN, NAN, NAN},
        .column = {NAN, NAN, NAN},
        .row_spacing_mm = NAN,
        .column_spacing_mm = NAN,
        .declared_spacing_mm = NAN,
        .echo_number = SLICE_NO_NUMBER,
        .echo_time_ms = NAN,
        .channel = SLICE_NO_NUMBER,
        .temporal_position = SLICE_NO_NUMBER,
        .b_value = NAN,
        .gradient = {NAN, NAN, NAN},
        .trigger_time_ms = NAN,
        .acquisition_number = SLICE_NO_NUMBER,
        .acquisition_time_us = SLICE_NO_NUMBER,
        .instance_number = SLICE_NO_NUMBER,
        .in_stack_position = SLICE_NO_NUMBER,
    };
}

const char *volume_verdict_word(enum volume_verdict verdict)
{
    static const char *const words[] = {
#define X(name, word, text) word,
        VOLUME_VERDICTS(X)
#undef X
    };
    return words[verdict];
}

bool geometry_type_has(const char *type, const char *value)
{
    const size_t wanted = strlen(value);
    for (;;) {
        const size_t length = strcspn(type, "\\");
        if (length == wanted && !memcmp(type, value, length))
            return true;
        if (!type[length])
            return false;
        type += length + 1;
    }
}

/* ---------------------------------------------------------------- orders */

int compare_numbers(double a, double b)
{
    if (isnan(a) || isnan(b))
        return isnan(b) - isnan(a);
    return (a > b) - (a < b);
}

int compare_integers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_sorted(const void *a, const void *b, void *client)
{
    item_order *const order = *(item_order *const *)client;
    const struct item *const first = a, *const second = b;
    const int compared = order(first, second);
    return compared ? compared : compare_integers(first->rank, second->rank);
}

void items_sort(struct item *items, size_t count, item_order *order)
{
    qsort_r(items, count, sizeof *items, compare_sorted, &order);
}

size_t items_run(const struct item *items, size_t count, item_order *order)
{
    size_t run = 1;
    while (run < count && order(&items[0], &items[run]) == 0)
        run++;
    return run;
}

/* What the slices themselves say, so that the order of arrival says nothing. */
static int by_identity(const struct item *a, const struct item *b)
{
    int order = strcmp(a->slice->sop_instance_uid, b->slice->sop_instance_uid);
    if (!order)
        order = compare_integers(a->slice->frame, b->slice->frame);
    if (!order)
        order = compare_integers(a->slice->y, b->slice->y);
    if (!order)
        order = compare_integers(a->slice->x, b->slice->x);
    return order ? order
                 : (a->slice->instance > b->slice->instance) -
                       (a->slice->instance < b->slice->instance);
}

/* The length of an image type without the values from the fourth on, which are the vendor's own
 * (PS3.3 C.7.6.1.1.2). */
static size_t type_head(const char *type)
{
    size_t length = 0;
    for (int values = 0; type[length]; length++)
        if (type[length] == '\\' && ++values == 3)
            break;
    return length;
}

static int by_type_head(const struct item *a, const struct item *b)
{
    const char *const one = a->slice->image_type, *const other = b->slice->image_type;
    const size_t length = type_head(one), other_length = type_head(other);
    const int order = strncmp(one, other, length < other_length ? length : other_length);
    return order ? order : (length > other_length) - (length < other_length);
}

static int by_matrix(const struct item *a, const struct item *b)
{
    int order = compare_integers(a->slice->rows, b->slice->rows);
    if (!order)
        order = compare_integers(a->slice->columns, b->slice->columns);
    return order ? order
                 : compare_integers(a->slice->samples_per_pixel, b->slice->samples_per_pixel);
}

static int by_fault(const struct item *a, const struct item *b)
{
    const int order = compare_integers(a->fault, b->fault);
    return order ? order : by_matrix(a, b);
}

/* One kind: what has nothing to do with space. */
static int by_kind(const struct item *a, const struct item *b)
{
    int order = by_matrix(a, b);
    if (!order)
        order = by_type_head(a, b);
    if (!order)
        order = strcmp(a->slice->stack_id, b->slice->stack_id);
    if (!order)
        order = compare_integers(a->slice->channel, b->slice->channel);
    return order ? order : compare_integers(a->slice->echo_number, b->slice->echo_number);
}

static int by_echo_time(const struct item *a, const struct item *b)
{
    return compare_numbers(a->slice->echo_time_ms, b->slice->echo_time_ms);
}

static int by_group(const struct item *a, const struct item *b)
{
    return compare_integers(a->group, b->group);
}

/* ---------------------------------------------------------------- one slice */

static bool is_length(double value)
{
    return isfinite(value) && value > 0 && value < SPACING_MOST_MM;
}

/* Unit vectors at a right angle; false if the cosines are too far from that to be repaired (PS3.3
 * C.7.6.2.1.1: "shall be orthogonal"). The column gives way, the row stays. */
static bool set_axes(struct item *item)
{
    const double row_length = vector_length(item->slice->row);
    const double column_length = vector_length(item->slice->column);
    const double cosine = vector_dot(item->slice->row, item->slice->column);
    if (!(fabs(row_length - 1) <= GEOMETRY_COSINE_LENGTH) ||
        !(fabs(column_length - 1) <= GEOMETRY_COSINE_LENGTH) ||
        !(fabs(cosine) <= GEOMETRY_COSINE_RIGHT_ANGLE))
        return false;
    for (int i = 0; i < 3; i++)
        item->row[i] = item->slice->row[i] / row_length;
    vector_add(item->slice->column, -vector_dot(item->slice->column, item->row), item->row,
               item->column);
    const double length = vector_length(item->column);
    for (int i = 0; i < 3; i++)
        item->column[i] /= length;
    vector_cross(item->row, item->column, item->normal);
    return true;
}

static bool position_is_usable(const double position[3])
{
    return vector_is_finite(position) && fabs(position[0]) < POSITION_MOST_MM &&
           fabs(position[1]) < POSITION_MOST_MM && fabs(position[2]) < POSITION_MOST_MM;
}

static enum slice_fault find_fault(struct item *item)
{
    const struct slice *const slice = item->slice;
    if (slice->fault != SLICE_NONE)
        return slice->fault;
    if (!position_is_usable(slice->position))
        return SLICE_NO_POSITION;
    if (!vector_is_finite(slice->row) || !vector_is_finite(slice->column))
        return SLICE_NO_ORIENTATION;
    if (!set_axes(item))
        return SLICE_BAD_COSINES;
    if (!is_length(slice->row_spacing_mm) || !is_length(slice->column_spacing_mm))
        return SLICE_NO_SPACING;
    return SLICE_NONE;
}

/* ---------------------------------------------------------------- orientation and spacing in the
 * plane */

static bool are_near(double a, double b, double share)
{
    return fabs(a - b) <= share * fmax(a, b);
}

static bool are_parallel(const double a[3], const double b[3])
{
    double across[3];
    vector_cross(a, b, across);
    return vector_dot(a, b) > 0 &&
           vector_length(across) <= sin(GEOMETRY_ORIENTATION_DEGREES * M_PI / 180);
}

static bool lie_alike(const struct item *a, const struct item *b)
{
    return are_parallel(a->row, b->row) && are_parallel(a->column, b->column) &&
           are_near(a->slice->row_spacing_mm, b->slice->row_spacing_mm,
                    GEOMETRY_PIXEL_SPACING_SHARE) &&
           are_near(a->slice->column_spacing_mm, b->slice->column_spacing_mm,
                    GEOMETRY_PIXEL_SPACING_SHARE);
}

/* Numbers the directions of the items, which are of one kind and in order of rank; the first one of
 * each stands for it. What comes after DIRECTIONS_MOST shares the last number. Returns how many. */
static uint32_t number_directions(struct item *items, size_t count)
{
    const struct item *first[DIRECTIONS_MOST];
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t group = 0;
        while (group < found && !lie_alike(first[group], &items[i]))
            group++;
        if (group == found && found < DIRECTIONS_MOST)
            first[found++] = &items[i];
        items[i].group = group;
    }
    return found;
}

/* Positions by the axes of the first item. */
static void place_on_axes(struct item *items, size_t count)
{
    const struct item axes = items[0];
    for (size_t i = 0; i < count; i++) {
        const double *const position = items[i].slice->position;
        items[i].along = vector_dot(position, axes.normal);
        items[i].right = vector_dot(position, axes.row);
        items[i].down = vector_dot(position, axes.column);
    }
}

static bool is_one_position(const struct item *items, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (fabs(items[i].along - items[0].along) > GEOMETRY_SAME_POSITION_MM)
            return false;
    return true;
}

static bool are_all_parallel(const struct item *items, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!are_parallel(items[0].row, items[i].row) ||
            !are_parallel(items[0].column, items[i].column))
            return false;
    return true;
}

static bool sort_groups(struct volumes *volumes, struct item *items, size_t count,
                        struct error *err)
{
    size_t run;
    for (size_t i = 0; i < count; i += run) {
        run = items_run(&items[i], count - i, by_group);
        if (!stack_sort(volumes, &items[i], run, err))
            return false;
    }
    return true;
}

/* The items of one kind, in order of rank. Directions with one position each are a radial set or
 * scouts: no stacks, and together the answer "not parallel". */
static bool sort_directions(struct volumes *volumes, struct item *items, size_t count,
                            struct error *err)
{
    const uint32_t most = number_directions(items, count);
    size_t run, loose = 0, directions = 0;
    items_sort(items, count, by_group);
    for (size_t i = 0; i < count; i += run) {
        run = items_run(&items[i], count - i, by_group);
        place_on_axes(&items[i], run);
        if (items[i].group == most || is_one_position(&items[i], run)) {
            directions += items[i].group == most ? run : 1;
            /* gathered at the front, where what was there has been dealt with */
            memmove(&items[loose], &items[i], run * sizeof *items);
            loose += run;
        } else if (!stack_sort(volumes, &items[i], run, err)) {
            return false;
        }
    }
    return are_all_parallel(items, loose) /* they differ in pixel spacing, if at all */
               ? sort_groups(volumes, items, loose, err)
               : volumes_add_loose(volumes, items, loose, directions, err);
}

/* ---------------------------------------------------------------- kinds */

/* Another echo where the echo time makes a step; one that is written with another rounding is the
 * same. */
static bool sort_echoes(struct volumes *volumes, struct item *items, size_t count,
                        struct error *err)
{
    items_sort(items, count, by_echo_time);
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count; end++) {
            const double before = items[end - 1].slice->echo_time_ms;
            const double after = items[end].slice->echo_time_ms;
            if (isnan(before) != isnan(after) || after - before > GEOMETRY_ECHO_TIME_MS)
                break;
        }
        items_sort(&items[begin], end - begin, by_identity);
        if (!sort_directions(volumes, &items[begin], end - begin, err))
            return false;
    }
    return true;
}

static bool sort_kinds(struct volumes *volumes, struct item *items, size_t count, struct error *err)
{
    size_t run;
    items_sort(items, count, by_kind);
    for (size_t i = 0; i < count; i += run) {
        run = items_run(&items[i], count - i, by_kind);
        if (!sort_echoes(volumes, &items[i], run, err))
            return false;
    }
    return true;
}

static bool sort_items(struct volumes *volumes, struct item *items, size_t count, struct error *err)
{
    size_t run, i;
    items_sort(items, count, by_identity);
    for (i = 0; i < count; i++)
        items[i].rank = (uint32_t)i;
    items_sort(items, count, by_fault);
    for (i = 0; i < count && items[i].fault == SLICE_NONE; i++)
        continue;
    if (!sort_kinds(volumes, items, i, err))
        return false;
    for (; i < count; i += run) {
        run = items_run(&items[i], count - i, by_fault);
        if (!volumes_add_loose(volumes, &items[i], run, 0, err))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- ordinals */

static int compare_first(const struct slice *a, const struct slice *b)
{
    for (int i = 2; i >= 0; i--) {
        const int order = compare_numbers(a->position[i], b->position[i]);
        if (order)
            return order;
    }
    return by_identity(&(struct item){.slice = a}, &(struct item){.slice = b});
}

static int compare_volumes(const void *a, const void *b, void *client)
{
    const struct volume *const one = a, *const other = b;
    const struct slice *const slices = client;
    const bool none = one->verdict == VOLUME_NOT_VOLUMETRIC;
    const bool other_none = other->verdict == VOLUME_NOT_VOLUMETRIC;
    if (none != other_none)
        return none - other_none;
    if (one->cell_count != other->cell_count)
        return one->cell_count > other->cell_count ? -1 : 1;
    return compare_first(&slices[one->cells[0].input], &slices[other->cells[0].input]);
}

bool geometry_sort(const struct slice *slices, size_t count, struct geometry *geometry,
                   struct error *err)
{
    struct volumes volumes = {0};
    *geometry = (struct geometry){0};
    if (count > INT32_MAX)
        return error_set(err, ERROR_LIMIT, "%zu slices, more than %d", count, INT32_MAX);
    struct item *const items = memory_array(count, sizeof *items, err);
    if (!items)
        return false;
    for (size_t i = 0; i < count; i++) {
        items[i].slice = &slices[i];
        items[i].input = (uint32_t)i;
        items[i].fault = find_fault(&items[i]);
    }
    const bool ok = sort_items(&volumes, items, count, err);
    memory_free(items);
    *geometry = (struct geometry){volumes.items, volumes.count};
    if (!ok) {
        geometry_release(geometry);
        return false;
    }
    if (volumes.count)
        qsort_r(volumes.items, volumes.count, sizeof *volumes.items, compare_volumes,
                (void *)(uintptr_t)slices);
    for (size_t i = 0; i < volumes.count; i++)
        volumes.items[i].ordinal = (uint32_t)i + 1;
    return true;
}

void geometry_release(struct geometry *geometry)
{
    for (size_t i = 0; i < geometry->count; i++) {
        memory_free(geometry->volumes[i].cells);
        memory_free(geometry->volumes[i].missing);
        memory_free(geometry->volumes[i].reason);
    }
    memory_free(geometry->volumes);
    *geometry = (struct geometry){0};
}
