/* One stack measured: positions, the line they are on, the even grid. */
#include "dicom/geometry_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int by_along(const struct item *a, const struct item *b)
{
    return compare_numbers(a->along, b->along);
}

static int by_position_and_dimension(const struct item *a, const struct item *b)
{
    const int order = compare_integers(a->position, b->position);
    return order ? order : compare_integers(a->dimension, b->dimension);
}

/* ---------------------------------------------------------------- the line */

double item_in_plane_tolerance(const struct item *item)
{
    return GEOMETRY_IN_PLANE_PIXELS *
           fmin(item->slice->row_spacing_mm, item->slice->column_spacing_mm);
}

/* Least squares: right and down as linear functions of along. */
double items_off_line(const struct item *items, size_t count, double *right, double *down)
{
    double along = 0, to_right = 0, to_down = 0, square = 0, with_right = 0, with_down = 0;
    for (size_t i = 0; i < count; i++) {
        along += items[i].along / (double)count;
        to_right += items[i].right / (double)count;
        to_down += items[i].down / (double)count;
    }
    for (size_t i = 0; i < count; i++) {
        const double distance = items[i].along - along;
        square += distance * distance;
        with_right += distance * (items[i].right - to_right);
        with_down += distance * (items[i].down - to_down);
    }
    const bool is_line = square > GEOMETRY_SAME_POSITION_MM * GEOMETRY_SAME_POSITION_MM;
    double worst = 0;
    *right = is_line ? with_right / square : 0;
    *down = is_line ? with_down / square : 0;
    for (size_t i = 0; i < count; i++) {
        const double distance = items[i].along - along;
        worst = fmax(worst, hypot(items[i].right - to_right - *right * distance,
                                  items[i].down - to_down - *down * distance));
    }
    return worst;
}

static void measure_line(struct shape *shape)
{
    double right, down;
    const double tolerance = item_in_plane_tolerance(&shape->items[0]);
    const double length = shape->at[shape->positions - 1] - shape->at[0];
    shape->off_line = items_off_line(shape->items, shape->count, &right, &down);
    shape->is_straight = shape->off_line <= tolerance;
    shape->tilt_degrees = atan(hypot(right, down)) * 180 / M_PI;
    shape->is_tilted = shape->is_straight && hypot(right, down) * length > tolerance &&
                       shape->tilt_degrees > GEOMETRY_TILT_DEGREES;
}

/* ---------------------------------------------------------------- the grid */

static int compare_doubles(const void *a, const void *b)
{
    return compare_numbers(*(const double *)a, *(const double *)b);
}

static double spacing_tolerance(double spacing)
{
    return fmin(fmax(GEOMETRY_SPACING_SHARE * spacing, GEOMETRY_SPACING_ROUNDING_MM),
                GEOMETRY_SPACING_MOST * spacing);
}

/* Places for the positions with `spacing` between places; false if two share one, or more places
 * would be empty than taken. */
static bool set_places(struct shape *shape, double spacing)
{
    double place = 0;
    shape->place[0] = 0;
    for (size_t i = 1; i < shape->positions; i++) {
        const double steps = floor((shape->at[i] - shape->at[i - 1]) / spacing + 0.5);
        place += steps;
        if (steps < 1 || place >= 2 * (double)shape->positions)
            return false;
        shape->place[i] = (uint32_t)place;
    }
    return true;
}

/* The worst distance of a position from the grid that fits the places best. */
static double off_grid(const struct shape *shape)
{
    const double count = (double)shape->positions;
    double place = 0, at = 0, square = 0, product = 0, worst = 0;
    for (size_t i = 0; i < shape->positions; i++) {
        place += shape->place[i] / count;
        at += shape->at[i] / count;
    }
    for (size_t i = 0; i < shape->positions; i++) {
        square += (shape->place[i] - place) * (shape->place[i] - place);
        product += (shape->place[i] - place) * (shape->at[i] - at);
    }
    const double spacing = product / square;
    for (size_t i = 0; i < shape->positions; i++)
        worst = fmax(worst, fabs(shape->at[i] - at - spacing * (shape->place[i] - place)));
    return worst;
}

/* Where positions are not on an even grid, each is a place of its own. */
static void set_uneven(struct shape *shape)
{
    for (size_t i = 0; i < shape->positions; i++)
        shape->place[i] = (uint32_t)i;
}

/* The commonest distance, the lower median of the gaps, makes the grid: at least half of the gaps
 * are no longer. */
static bool measure_grid(struct shape *shape, struct error *err)
{
    const size_t gaps = shape->positions - 1;
    shape->places = 1;
    shape->is_even = true;
    shape->place[0] = 0;
    if (!gaps)
        return true;
    double *const gap = memory_array(gaps, sizeof *gap, err);
    if (!gap)
        return false;
    for (size_t i = 0; i < gaps; i++)
        gap[i] = shape->at[i + 1] - shape->at[i];
    qsort(gap, gaps, sizeof *gap, compare_doubles);
    shape->least_gap = gap[0];
    shape->most_gap = gap[gaps - 1];
    shape->is_even = set_places(shape, gap[(gaps - 1) / 2]);
    memory_free(gap);
    if (shape->is_even) {
        shape->off_grid = off_grid(shape);
        shape->is_even = shape->off_grid <=
                         spacing_tolerance((shape->at[gaps] - shape->at[0]) / shape->place[gaps]);
    }
    if (!shape->is_even) {
        set_uneven(shape);
        shape->off_grid = off_grid(shape);
    }
    shape->places = shape->place[gaps] + 1;
    shape->spacing = (shape->at[gaps] - shape->at[0]) / shape->place[gaps];
    return true;
}

/* ---------------------------------------------------------------- all of it */

/* Each position begins with its lowest image. */
static size_t number_positions(struct item *items, size_t count)
{
    uint32_t position = 0;
    double begin = items[0].along;
    for (size_t i = 0; i < count; i++) {
        if (items[i].along - begin > GEOMETRY_SAME_POSITION_MM) {
            position++;
            begin = items[i].along;
        }
        items[i].position = position;
    }
    return position + 1;
}

static enum volume_verdict judge(const struct shape *shape)
{
    for (size_t i = 0; i < shape->count; i++)
        if (item_is_localizer(&shape->items[i]))
            return VOLUME_LOCALIZER;
    if (shape->positions == 1)
        return VOLUME_SINGLE_SLICE;
    if (!shape->is_straight)
        return VOLUME_SHIFTED_SLICES;
    if (!shape->is_even)
        return VOLUME_IRREGULAR_SPACING;
    if (shape->places > shape->positions || (!shape->is_full && shape->dimension_is_keyed))
        return VOLUME_MISSING_SLICES;
    if (!shape->is_full)
        return VOLUME_REPEATED_POSITIONS;
    return shape->is_tilted ? VOLUME_TILTED : VOLUME_REGULAR;
}

bool shape_measure(struct item *items, size_t count, struct shape *shape, struct error *err)
{
    *shape = (struct shape){.items = items, .count = count};
    items_sort(items, count, by_along);
    shape->positions = number_positions(items, count);
    shape->at = memory_array(shape->positions, sizeof *shape->at, err);
    shape->place = shape->at ? memory_array(shape->positions, sizeof *shape->place, err) : NULL;
    if (!shape->place) {
        shape_release(shape);
        return false;
    }
    for (size_t i = count; i-- > 0;)
        shape->at[items[i].position] = items[i].along;
    measure_line(shape);
    if (!measure_grid(shape, err)) {
        shape_release(shape);
        return false;
    }
    dimension_assign(items, count, shape->positions, shape);
    items_sort(items, count, by_position_and_dimension);
    shape->verdict = judge(shape);
    return true;
}

void shape_release(struct shape *shape)
{
    memory_free(shape->at);
    memory_free(shape->place);
    *shape = (struct shape){0};
}

bool shape_is_clean(const struct shape *shape)
{
    return shape->verdict == VOLUME_REGULAR || shape->verdict == VOLUME_TILTED ||
           shape->verdict == VOLUME_SINGLE_SLICE;
}
