/* geometry_private.h - how the files of geometry.h share the work; private to dicom/
 *
 *     geometry.c            what can be told apart at a glance: faults, types, orientations; ordinals
 *     geometry_stack.c      parallel slices: lines of positions, second stacks
 *     geometry_shape.c      one stack measured: positions, even grid, tilt
 *     geometry_dimension.c  which repetition of its position an image is
 *     geometry_volume.c     the answer: affine, cells, holes, voxels
 *     geometry_reason.c     and why, in words
 */
#ifndef SLICEPRESS_DICOM_GEOMETRY_PRIVATE_H
#define SLICEPRESS_DICOM_GEOMETRY_PRIVATE_H

#include "base/buffer.h"
#include "dicom/geometry.h"

/* Whether `value` is among the backslash-separated values of `type`. */
bool geometry_type_has(const char *type, const char *value);

/* A slice while it is sorted. */
struct item {
    const struct slice *slice;
    uint32_t input;
    uint32_t rank;       /* in an order that only the slices' own values decide: settles all ties */
    enum slice_fault fault;
    double row[3], column[3], normal[3]; /* unit vectors at right angles */
    double along, right, down; /* position by the axes of its stack: normal, row, column */
    uint32_t group;      /* scratch: whatever is being told apart */
    uint32_t position;   /* number of its position in the stack, ascending */
    uint32_t tuple, repetition, dimension;
};

/* An order of items; 0: alike. items_sort settles ties by rank. */
typedef int item_order(const struct item *a, const struct item *b);
void items_sort(struct item *items, size_t count, item_order *order);
/* How many of the items at the front are alike by `order`, by which they are sorted. */
size_t items_run(const struct item *items, size_t count, item_order *order);
int compare_numbers(double a, double b); /* NAN first, and like NAN */
int compare_integers(int64_t a, int64_t b);

/* One stack, measured. */
struct shape {
    struct item *items;   /* borrowed; by position and dimension */
    size_t count;
    size_t positions;
    double *at;           /* owned: along the normal, of each position */
    uint32_t *place;      /* owned: of each position in the grid */
    uint32_t places;      /* of the grid; `positions` if uneven */
    bool is_even;
    double spacing;       /* between places: of the grid, or mean; 0 with one position */
    double least_gap, most_gap, off_grid;
    bool is_straight, is_tilted;
    double tilt_degrees, off_line;
    uint32_t dimensions;
    bool is_full;         /* each position is in each dimension */
    bool dimension_is_keyed; /* something other than the order tells the repetitions apart */
    char dimension_name[96];
    enum volume_verdict verdict;
};

/* `items` share axes: along, right and down are set. */
bool shape_measure(struct item *items, size_t count, struct shape *shape, struct error *err);
void shape_release(struct shape *shape);
bool shape_is_clean(const struct shape *shape); /* regular, tilted or a single slice */
/* The worst distance from the straight line that fits best, and its slopes per mm along the normal. */
double items_off_line(const struct item *items, size_t count, double *right, double *down);
double item_in_plane_tolerance(const struct item *item);

/* Sets `position` of each item first. No allocation. */
void dimension_assign(struct item *items, size_t count, size_t positions, struct shape *shape);

/* The volumes so far. */
struct volumes {
    struct volume *items;
    size_t count, capacity;
};
bool volumes_add_shape(struct volumes *volumes, const struct shape *shape, struct error *err);
/* Items without common axes: mixed_orientation (in `directions` of them), or faulty ones, not_volumetric. */
bool volumes_add_loose(struct volumes *volumes, struct item *items, size_t count, size_t directions,
                       struct error *err);
bool item_is_localizer(const struct item *item);
bool reason_of_shape(const struct shape *shape, const struct volume *volume, struct buffer *out,
                     struct error *err);
bool reason_of_loose(const struct item *items, size_t count, size_t directions, struct buffer *out,
                     struct error *err);

/* Parallel slices of one kind become one volume or more. */
bool stack_sort(struct volumes *volumes, struct item *items, size_t count, struct error *err);

#endif
