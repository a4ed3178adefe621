/* Parallel slices of one kind: one stack, or more than one. */
#include "dicom/geometry_private.h"

#include <math.h>
#include <string.h>

/* A second stack is one that leaves a gap of more than this many spacings. */
#define HOLE_SPACINGS 1.5
/* What is set apart by acquisition number must be stacks on the whole, not slices. */
enum { SLICES_FOR_EACH_PART = 3 };

static int by_group(const struct item *a, const struct item *b)
{
    return compare_integers(a->group, b->group);
}

static int by_image_type(const struct item *a, const struct item *b)
{
    return strcmp(a->slice->image_type, b->slice->image_type);
}

static int by_acquisition_number(const struct item *a, const struct item *b)
{
    return compare_integers(a->slice->acquisition_number, b->slice->acquisition_number);
}

static bool are_alike(const struct item *items, size_t count, item_order *order)
{
    for (size_t i = 1; i < count; i++)
        if (order(&items[0], &items[i]))
            return false;
    return true;
}

static bool add_volume(struct volumes *volumes, struct item *items, size_t count, struct error *err)
{
    struct shape shape;
    if (!shape_measure(items, count, &shape, err))
        return false;
    const bool ok = volumes_add_shape(volumes, &shape, err);
    shape_release(&shape);
    return ok;
}

typedef bool add_items(struct volumes *volumes, struct item *items, size_t count,
                       struct error *err);

/* One call for each run of items that are alike. */
static bool add_parts(struct volumes *volumes, struct item *items, size_t count, item_order *order,
                      add_items *add, struct error *err)
{
    size_t run;
    items_sort(items, count, order);
    for (size_t i = 0; i < count; i += run) {
        run = items_run(&items[i], count - i, order);
        if (!add(volumes, &items[i], run, err))
            return false;
    }
    return true;
}

/* *clean: each part by `order` is a volume without anything to say against it. *longest: the most
 * positions of one. The parts stay alike when `items` are sorted by `order` again. */
static bool try_parts(struct item *items, size_t count, item_order *order, bool *clean,
                      size_t *parts, size_t *longest, struct error *err)
{
    size_t run;
    *clean = true;
    *parts = *longest = 0;
    items_sort(items, count, order);
    for (size_t i = 0; i < count && *clean; i += run) {
        struct shape shape;
        run = items_run(&items[i], count - i, order);
        if (!shape_measure(&items[i], run, &shape, err))
            return false;
        *clean = shape_is_clean(&shape);
        *parts += 1;
        if (shape.positions > *longest)
            *longest = shape.positions;
        shape_release(&shape);
    }
    return true;
}

/* ---------------------------------------------------------------- stacks behind one another */

/* Numbers what is between holes: gaps longer than HOLE_SPACINGS times the commonest spacing. */
static uint32_t number_pieces(const struct shape *shape, double spacing)
{
    uint32_t piece = 0;
    for (size_t i = 0; i < shape->count; i++) {
        const uint32_t position = shape->items[i].position;
        if (i && position != shape->items[i - 1].position &&
            shape->at[position] - shape->at[position - 1] > HOLE_SPACINGS * spacing)
            piece++;
        shape->items[i].group = piece;
    }
    return piece + 1;
}

/* The spacing that most neighbours have: of the gaps, the longest of a run of equal ones. */
static double commonest_spacing(const struct shape *shape)
{
    size_t best = 0, run = 0;
    double spacing = shape->least_gap;
    for (size_t i = 1; i < shape->positions; i++) {
        const double gap = shape->at[i] - shape->at[i - 1];
        const double before = i > 1 ? shape->at[i - 1] - shape->at[i - 2] : gap;
        run = fabs(gap - before) <= GEOMETRY_SPACING_SHARE * before ? run + 1 : 1;
        if (run > best) {
            best = run;
            spacing = gap;
        }
    }
    return spacing;
}

/* Sets stacks with holes between them apart, where each is clean and one at least is a stack. */
static bool add_by_holes(struct volumes *volumes, struct item *items, size_t count,
                         struct error *err)
{
    struct shape shape;
    bool clean = false;
    size_t parts = 0, longest = 0;
    if (!shape_measure(items, count, &shape, err))
        return false;
    const bool may_have = shape.verdict == VOLUME_IRREGULAR_SPACING && shape.positions > 3 &&
                          number_pieces(&shape, commonest_spacing(&shape)) > 1;
    shape_release(&shape);
    if (may_have && !try_parts(items, count, by_group, &clean, &parts, &longest, err))
        return false;
    return clean && longest >= SLICES_FOR_EACH_PART
               ? add_parts(volumes, items, count, by_group, add_volume, err)
               : add_volume(volumes, items, count, err);
}

/* ---------------------------------------------------------------- stacks of one line */

static bool is_clean(struct item *items, size_t count, bool *clean, struct error *err)
{
    struct shape shape;
    if (!shape_measure(items, count, &shape, err))
        return false;
    *clean = shape_is_clean(&shape);
    shape_release(&shape);
    return true;
}

/* Two scans in one series, one of which repeats or shifts the other's positions. */
static bool add_by_acquisition(struct volumes *volumes, struct item *items, size_t count,
                               struct error *err)
{
    bool clean;
    size_t parts, longest;
    if (!is_clean(items, count, &clean, err))
        return false;
    if (clean || are_alike(items, count, by_acquisition_number))
        return add_by_holes(volumes, items, count, err);
    if (!try_parts(items, count, by_acquisition_number, &clean, &parts, &longest, err))
        return false;
    return clean && count >= SLICES_FOR_EACH_PART * parts
               ? add_parts(volumes, items, count, by_acquisition_number, add_volume, err)
               : add_by_holes(volumes, items, count, err);
}

/* Whether images at one position differ in the vendor's part of the image type. */
static bool types_overlap(const struct item *items, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (items[i].position == items[i - 1].position && by_image_type(&items[i - 1], &items[i]))
            return true;
    return false;
}

static bool add_by_type(struct volumes *volumes, struct item *items, size_t count,
                        struct error *err)
{
    struct shape shape;
    if (are_alike(items, count, by_image_type))
        return add_by_acquisition(volumes, items, count, err);
    if (!shape_measure(items, count, &shape, err))
        return false;
    const bool together = shape_is_clean(&shape) && !types_overlap(items, count);
    shape_release(&shape);
    return together ? add_volume(volumes, items, count, err)
                    : add_parts(volumes, items, count, by_image_type, add_by_acquisition, err);
}

/* ---------------------------------------------------------------- stacks beside one another */

static int by_right(const struct item *a, const struct item *b)
{
    return compare_numbers(a->right, b->right);
}

static int by_down(const struct item *a, const struct item *b)
{
    return compare_numbers(a->down, b->down);
}

/* Numbers the places in the plane at which the items are: runs without a gap along one axis, then
 * along the other. */
static uint32_t number_places(struct item *items, size_t count)
{
    const double tolerance = item_in_plane_tolerance(&items[0]);
    uint32_t group = 0;
    items_sort(items, count, by_right);
    for (size_t begin = 0, end; begin < count; begin = end, group++) {
        for (end = begin + 1; end < count; end++)
            if (items[end].right - items[end - 1].right > tolerance)
                break;
        items_sort(&items[begin], end - begin, by_down);
        for (size_t i = begin; i < end; i++) {
            if (i > begin && items[i].down - items[i - 1].down > tolerance)
                group++;
            items[i].group = group;
        }
    }
    return group;
}

static bool are_lines(struct item *items, size_t count)
{
    double right, down;
    size_t run;
    items_sort(items, count, by_group);
    for (size_t i = 0; i < count; i += run) {
        run = items_run(&items[i], count - i, by_group);
        if (items_off_line(&items[i], run, &right, &down) > item_in_plane_tolerance(&items[i]))
            return false;
    }
    return true;
}

/* One line of positions, tilted or not, is one stack; a few lines beside one another are stacks of
 * their own. */
bool stack_sort(struct volumes *volumes, struct item *items, size_t count, struct error *err)
{
    double right, down;
    if (items_off_line(items, count, &right, &down) <= item_in_plane_tolerance(&items[0]))
        return add_by_type(volumes, items, count, err);
    const uint32_t places = number_places(items, count);
    if (places > 1 && places <= count / 2 && are_lines(items, count))
        return add_parts(volumes, items, count, by_group, add_by_type, err);
    return add_by_type(volumes, items, count, err);
}
