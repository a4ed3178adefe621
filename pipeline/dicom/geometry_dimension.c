/* Which repetition of its position an image is: the further dimension of geometry.h. */
#include "dicom/geometry_private.h"

#include <stdio.h>
#include <string.h>

/* What tells repetitions apart by itself. */
enum { BY_TIME = 1, BY_B_VALUE = 2, BY_GRADIENT = 4 };

static int by_temporal_position(const struct item *a, const struct item *b)
{
    return compare_integers(a->slice->temporal_position, b->slice->temporal_position);
}

static int by_b_value(const struct item *a, const struct item *b)
{
    return compare_numbers(a->slice->b_value, b->slice->b_value);
}

static int by_gradient(const struct item *a, const struct item *b)
{
    for (int i = 0; i < 3; i++) {
        const int order = compare_numbers(a->slice->gradient[i], b->slice->gradient[i]);
        if (order)
            return order;
    }
    return 0;
}

/* What may tell them apart where it has as many values as there are repetitions. */
static int by_acquisition_time(const struct item *a, const struct item *b)
{
    return compare_integers(a->slice->acquisition_time_us, b->slice->acquisition_time_us);
}

static int by_acquisition_number(const struct item *a, const struct item *b)
{
    return compare_integers(a->slice->acquisition_number, b->slice->acquisition_number);
}

static int by_trigger_time(const struct item *a, const struct item *b)
{
    return compare_numbers(a->slice->trigger_time_ms, b->slice->trigger_time_ms);
}

/* The order where nothing else helps. */
static int by_occurrence(const struct item *a, const struct item *b)
{
    int order = by_acquisition_time(a, b);
    if (!order)
        order = by_acquisition_number(a, b);
    if (!order)
        order = by_trigger_time(a, b);
    return order ? order : compare_integers(a->slice->instance_number, b->slice->instance_number);
}

static const struct key {
    unsigned bit;
    item_order *order;
    const char *name;
} keys[] = {
    {BY_TIME, by_temporal_position, "temporal position"},
    {BY_B_VALUE, by_b_value, "b-value"},
    {BY_GRADIENT, by_gradient, "diffusion direction"},
};
enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

static int by_position(const struct item *a, const struct item *b)
{
    return compare_integers(a->position, b->position);
}

static int by_tuple(const struct item *a, const struct item *b)
{
    return compare_integers(a->tuple, b->tuple);
}

/* qsort_r hands the order over, but not what an order depends on: one function for each use. */
#define AFTER(name, first, second) \
    static int name(const struct item *a, const struct item *b) \
    { \
        const int order = first(a, b); \
        return order ? order : second(a, b); \
    }
AFTER(by_position_and_time, by_position, by_temporal_position)
AFTER(by_position_and_b_value, by_position, by_b_value)
AFTER(by_position_and_gradient, by_position, by_gradient)
AFTER(by_time_and_b_value, by_temporal_position, by_b_value)
AFTER(by_time_and_gradient, by_temporal_position, by_gradient)
AFTER(by_b_value_and_gradient, by_b_value, by_gradient)
AFTER(by_all_keys, by_temporal_position, by_b_value_and_gradient)
AFTER(by_tuple_and_position, by_tuple, by_position)
AFTER(by_tuple_position_occurrence, by_tuple_and_position, by_occurrence)
AFTER(by_tuple_and_acquisition_time, by_tuple, by_acquisition_time)
AFTER(by_tuple_and_acquisition_number, by_tuple, by_acquisition_number)
AFTER(by_tuple_and_trigger_time, by_tuple, by_trigger_time)

static int by_nothing(const struct item *a, const struct item *b)
{
    (void)a;
    (void)b;
    return 0;
}

static item_order *const order_of_keys[] = {
    by_nothing,           by_temporal_position,    by_b_value,  by_time_and_b_value, by_gradient,
    by_time_and_gradient, by_b_value_and_gradient, by_all_keys,
};

/* The keys of which images at one position have different values. */
static unsigned keys_that_vary(struct item *items, size_t count)
{
    static item_order *const orders[KEY_COUNT] = {by_position_and_time, by_position_and_b_value,
                                                  by_position_and_gradient};
    unsigned vary = 0;
    for (size_t k = 0; k < KEY_COUNT; k++) {
        items_sort(items, count, orders[k]);
        for (size_t i = 1; i < count; i++)
            if (items[i].position == items[i - 1].position &&
                keys[k].order(&items[i], &items[i - 1]))
                vary |= keys[k].bit;
    }
    return vary;
}

static size_t number_tuples(struct item *items, size_t count, item_order *order)
{
    uint32_t tuple = 0;
    items_sort(items, count, order);
    for (size_t i = 0; i < count; i++) {
        if (i && order(&items[i - 1], &items[i]))
            tuple++;
        items[i].tuple = tuple;
    }
    return tuple + 1;
}

/* Keys count as a dimension while no more than half of its cells would be empty: values that no two
 * images share are a remark on each image, no dimension. */
static unsigned choose_keys(struct item *items, size_t count, size_t positions)
{
    static const unsigned tries[] = {BY_TIME | BY_B_VALUE | BY_GRADIENT, BY_TIME | BY_B_VALUE,
                                     BY_B_VALUE | BY_GRADIENT, BY_TIME, BY_B_VALUE};
    const unsigned vary = keys_that_vary(items, count);
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        const unsigned mask = tries[i] & vary;
        if (mask && number_tuples(items, count, order_of_keys[mask]) <= 2 * count / positions)
            return mask;
    }
    number_tuples(items, count, by_nothing);
    return 0;
}

/* The images of each tuple and position, numbered. Returns the most of any. */
static uint32_t number_repetitions(struct item *items, size_t count)
{
    uint32_t most = 0;
    items_sort(items, count, by_tuple_position_occurrence);
    for (size_t i = 0; i < count; i++) {
        const bool again = i && !by_tuple_and_position(&items[i - 1], &items[i]);
        items[i].repetition = again ? items[i - 1].repetition + 1 : 0;
        if (items[i].repetition > most)
            most = items[i].repetition;
    }
    return most + 1;
}

/* The items of one tuple, in order of position: the most at any. */
static uint32_t most_repetitions(const struct item *items, size_t count)
{
    uint32_t most = 0;
    for (size_t i = 0; i < count; i++)
        if (items[i].repetition > most)
            most = items[i].repetition;
    return most + 1;
}

/* A value for each repetition, the same at all positions: then it tells also which of them is
 * missing. Sets `group` to the number of the value within its tuple. */
static bool number_values(struct item *items, size_t count, item_order *order)
{
    size_t run;
    items_sort(items, count, order);
    for (size_t i = 0; i < count; i += run) {
        run = items_run(&items[i], count - i, by_tuple);
        uint32_t value = 0;
        for (size_t k = i; k < i + run; k++) {
            if (k > i && order(&items[k - 1], &items[k]))
                value++;
            items[k].group = value;
        }
        if (value + 1 != most_repetitions(&items[i], run))
            return false;
    }
    return true;
}

static int by_tuple_value_position(const struct item *a, const struct item *b)
{
    int order = by_tuple(a, b);
    if (!order)
        order = compare_integers(a->group, b->group);
    return order ? order : by_position(a, b);
}

static bool is_each_once(struct item *items, size_t count)
{
    items_sort(items, count, by_tuple_value_position);
    for (size_t i = 1; i < count; i++)
        if (!by_tuple_value_position(&items[i - 1], &items[i]))
            return false;
    return true;
}

/* The name of what aligns the repetitions; NULL: only their order does. */
static const char *align_repetitions(struct item *items, size_t count)
{
    static const struct {
        item_order *order;
        const char *name;
    } tries[] = {
        {by_tuple_and_acquisition_time, "acquisition time"},
        {by_tuple_and_acquisition_number, "acquisition number"},
        {by_tuple_and_trigger_time, "trigger time"},
    };
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        if (!number_values(items, count, tries[i].order) || !is_each_once(items, count))
            continue;
        for (size_t k = 0; k < count; k++)
            items[k].repetition = items[k].group;
        return tries[i].name;
    }
    return NULL;
}

static uint32_t number_dimensions(struct item *items, size_t count)
{
    uint32_t dimensions = 0;
    size_t run;
    items_sort(items, count, by_tuple_and_position);
    for (size_t i = 0; i < count; i += run) {
        run = items_run(&items[i], count - i, by_tuple);
        for (size_t k = i; k < i + run; k++)
            items[k].dimension = dimensions + items[k].repetition;
        dimensions += most_repetitions(&items[i], run);
    }
    return dimensions;
}

static void add_name(struct shape *shape, const char *name)
{
    const size_t length = strlen(shape->dimension_name);
    snprintf(shape->dimension_name + length, sizeof shape->dimension_name - length, "%s%s",
             length ? ", " : "", name);
}

void dimension_assign(struct item *items, size_t count, size_t positions, struct shape *shape)
{
    shape->dimensions = 1;
    shape->is_full = true;
    shape->dimension_is_keyed = true;
    for (size_t i = 0; i < count; i++)
        items[i].tuple = items[i].repetition = items[i].dimension = 0;
    if (count == positions)
        return;
    const unsigned mask = choose_keys(items, count, positions);
    for (size_t k = 0; k < KEY_COUNT; k++)
        if (mask & keys[k].bit)
            add_name(shape, keys[k].name);
    if (number_repetitions(items, count) > 1) {
        const char *const name = align_repetitions(items, count);
        shape->dimension_is_keyed = name != NULL;
        add_name(shape, name ? name : "order");
    }
    shape->dimensions = number_dimensions(items, count);
    const uint64_t cells = (uint64_t)shape->dimensions * positions;
    shape->is_full = cells == count;
    if (cells > 2 * (uint64_t)count)
        shape->dimension_is_keyed = false;
}
