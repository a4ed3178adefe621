/* links: base dicom */
/* geometry_sort: phantoms of which every slice knows where it is. */
#include "test.h"

#include <time.h>

#include "dicom/geometry.h"

enum { SLICES_MOST = 600, ROWS = 7, COLUMNS = 5 };

static const double ROW_SPACING = 0.8, COLUMN_SPACING = 0.5;

struct series {
    struct slice slices[SLICES_MOST];
    size_t count;
    struct geometry geometry;
};

/* Big, and one at a time is enough: each TEST has a process of its own. */
static struct series series;
static struct error err;

/* ---------------------------------------------------------------- making */

static const double axial[6] = {1, 0, 0, 0, 1, 0};
static const double sagittal[6] = {0, 1, 0, 0, 0, -1};
static const double coronal[6] = {1, 0, 0, 0, 0, -1};
/* Unit vectors at a right angle with no zero among them. */
static const double oblique[6] = {2 / 3.0, -1 / 3.0, 2 / 3.0, 2 / 3.0, 2 / 3.0, -1 / 3.0};

static struct slice *add(const double cosines[6], double x, double y, double z)
{
    struct slice *const slice = &series.slices[series.count++];
    *slice = slice_absent();
    /* UIDs are no order: 239 and 601 have no common factor */
    snprintf(slice->sop_instance_uid, sizeof slice->sop_instance_uid, "1.2.%zu",
             1000 + series.count * 239 % 601);
    slice->instance = series.count;
    slice->instance_number = (int64_t)(series.count * 11 % 601);
    slice->rows = ROWS;
    slice->columns = COLUMNS;
    slice->bits_stored = 16;
    memcpy(slice->row, cosines, sizeof slice->row);
    memcpy(slice->column, cosines + 3, sizeof slice->column);
    slice->position[0] = x;
    slice->position[1] = y;
    slice->position[2] = z;
    slice->row_spacing_mm = ROW_SPACING;
    slice->column_spacing_mm = COLUMN_SPACING;
    memcpy(slice->image_type, "ORIGINAL\\PRIMARY\\AXIAL", 23);
    return slice;
}

static void cross(const double c[6], double n[3])
{
    n[0] = c[1] * c[5] - c[2] * c[4];
    n[1] = c[2] * c[3] - c[0] * c[5];
    n[2] = c[0] * c[4] - c[1] * c[3];
}

/* A slice `distance` along the normal from (10, 20, 30). */
static struct slice *add_along(const double cosines[6], double distance)
{
    double n[3];
    cross(cosines, n);
    return add(cosines, 10 + distance * n[0], 20 + distance * n[1], 30 + distance * n[2]);
}

static void add_stack(const double cosines[6], size_t count, double spacing)
{
    for (size_t i = 0; i < count; i++)
        add_along(cosines, (double)i * spacing);
}

static uint32_t random_state = 7;

static uint32_t random_below(uint32_t most)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % most;
}

static void shuffle(void)
{
    for (size_t i = series.count; i > 1; i--) {
        const size_t k = random_below((uint32_t)i);
        const struct slice other = series.slices[k];
        series.slices[k] = series.slices[i - 1];
        series.slices[i - 1] = other;
    }
}

/* ---------------------------------------------------------------- checking */

static void sort(void)
{
    geometry_release(&series.geometry);
    CHECK_OK(geometry_sort(series.slices, series.count, &series.geometry, &err), err);
}

static const struct volume *volume(size_t ordinal)
{
    CHECK(ordinal <= series.geometry.count);
    const struct volume *const v = &series.geometry.volumes[ordinal - 1];
    CHECK_EQ_UINT(v->ordinal, ordinal);
    return v;
}

static const struct volume *only_volume(void)
{
    sort();
    CHECK_EQ_UINT(series.geometry.count, 1);
    return volume(1);
}

static void check_verdict(const struct volume *v, const char *verdict)
{
    if (strcmp(volume_verdict_word(v->verdict), verdict) != 0)
        TEST_FAIL("verdict is %s (%s), expected %s", volume_verdict_word(v->verdict), v->reason,
                  verdict);
}

static void check_size(const struct volume *v, uint32_t slices, uint32_t dimensions, size_t images)
{
    CHECK_EQ_UINT(v->columns, COLUMNS);
    CHECK_EQ_UINT(v->rows, ROWS);
    CHECK_EQ_UINT(v->slices, slices);
    CHECK_EQ_UINT(v->dimensions, dimensions);
    CHECK_EQ_UINT(v->cell_count, images);
}

/* No slice is lost and none is in two cells. */
static void check_nothing_lost(void)
{
    static bool seen[SLICES_MOST];
    size_t cells = 0;
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < series.geometry.count; i++) {
        const struct volume *const v = &series.geometry.volumes[i];
        cells += v->cell_count;
        for (size_t c = 0; c < v->cell_count; c++) {
            CHECK(!seen[v->cells[c].input]);
            seen[v->cells[c].input] = true;
        }
    }
    CHECK_EQ_UINT(cells, series.count);
}

/* Each corner of each slice is where the affine says it is: no axis is flipped, none is swapped. */
static void check_corners(const struct volume *v, double tolerance)
{
    CHECK(v->has_affine);
    for (size_t c = 0; c < v->cell_count; c++) {
        const struct slice *const s = &series.slices[v->cells[c].input];
        for (int corner = 0; corner < 4; corner++) {
            const double i = corner & 1 ? COLUMNS - 1 : 0, j = corner & 2 ? ROWS - 1 : 0;
            for (int k = 0; k < 3; k++) {
                const double *const a = v->affine[k];
                CHECK_NEAR(a[0] * i + a[1] * j + a[2] * v->cells[c].slice + a[3],
                           s->position[k] + s->row[k] * i * COLUMN_SPACING +
                               s->column[k] * j * ROW_SPACING,
                           tolerance);
            }
        }
    }
}

static void check_affine(const struct volume *v, const double expected[12])
{
    for (int i = 0; i < 12; i++)
        CHECK_NEAR(v->affine[i / 4][i % 4], expected[i], 1e-9);
    CHECK(v->affine[3][0] == 0 && v->affine[3][1] == 0 && v->affine[3][2] == 0);
    CHECK(v->affine[3][3] == 1);
}

static double determinant(const struct volume *v)
{
    const double(*const a)[4] = v->affine;
    return a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
           a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
           a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
}

/* Regular, the whole series, in any order of arrival. */
static const struct volume *check_regular(uint32_t slices, double spacing)
{
    shuffle();
    const struct volume *const v = only_volume();
    check_verdict(v, "regular");
    check_size(v, slices, 1, slices);
    check_corners(v, 1e-9);
    check_nothing_lost();
    CHECK_NEAR(v->slice_spacing_mm, spacing, 1e-9);
    CHECK_NEAR(v->tilt_degrees, 0, 1e-4);
    CHECK_EQ_UINT(v->missing_count, 0);
    CHECK(determinant(v) > 0);
    return v;
}

/* ---------------------------------------------------------------- orientations */

TEST(test_geometry__axial)
{
    add_stack(axial, 9, 2.5);
    const double expected[12] = {0.5, 0, 0, 10, 0, 0.8, 0, 20, 0, 0, 2.5, 30};
    check_affine(check_regular(9, 2.5), expected);
    CHECK_EQ_STR(volume(1)->reason, "9 slices, 2.5 mm apart");
}

TEST(test_geometry__sagittal)
{
    add_stack(sagittal, 9, 2.5);
    /* normal: (0,1,0) x (0,0,-1) = (-1,0,0) */
    const double expected[12] = {0, 0, -2.5, 10, 0.5, 0, 0, 20, 0, -0.8, 0, 30};
    check_affine(check_regular(9, 2.5), expected);
}

TEST(test_geometry__coronal)
{
    add_stack(coronal, 9, 2.5);
    /* normal: (1,0,0) x (0,0,-1) = (0,1,0) */
    const double expected[12] = {0.5, 0, 0, 10, 0, 0, 2.5, 20, 0, -0.8, 0, 30};
    check_affine(check_regular(9, 2.5), expected);
}

TEST(test_geometry__oblique)
{
    add_stack(oblique, 9, 2.5);
    check_regular(9, 2.5);
}

/* Written from head to foot, or with the head down: the order is that of the positions along the
 * normal. */
TEST(test_geometry__reversed)
{
    const double head_first[6] = {-1, 0, 0, 0, 1, 0}; /* normal (0,0,-1) */
    add_stack(axial, 9, -2.5);
    const double expected[12] = {0.5, 0, 0, 10, 0, 0.8, 0, 20, 0, 0, 2.5, 10};
    check_affine(check_regular(9, 2.5), expected);
    series.count = 0;
    add_stack(head_first, 9, 2.5);
    const double turned[12] = {-0.5, 0, 0, 10, 0, 0.8, 0, 20, 0, 0, -2.5, 30};
    check_affine(check_regular(9, 2.5), turned);
}

TEST(test_geometry__order_is_by_position_not_by_number_or_uid)
{
    add_stack(axial, 40, 1);
    shuffle();
    for (size_t i = 0; i < series.count; i++) {
        series.slices[i].instance_number = (int64_t)i;
        snprintf(series.slices[i].sop_instance_uid, 65, "1.2.%zu", 100 + i);
    }
    const struct volume *const v = only_volume();
    for (size_t i = 0; i < v->cell_count; i++)
        CHECK_NEAR(series.slices[v->cells[i].input].position[2], 30 + (double)i, 1e-12);
}

/* Cosines with four or five decimals, other ones for each slice; axes that are not quite unit
 * vectors. */
TEST(test_geometry__rounding_noise_in_cosines_is_one_orientation)
{
    add_stack(oblique, 60, 1.5);
    for (size_t i = 0; i < series.count; i++)
        for (int k = 0; k < 3; k++) {
            series.slices[i].row[k] += ((double)random_below(101) - 50) * 1e-6;
            series.slices[i].column[k] += ((double)random_below(101) - 50) * 1e-6;
        }
    shuffle();
    const struct volume *const v = only_volume();
    check_verdict(v, "regular");
    check_size(v, 60, 1, 60);
    check_corners(v, 0.02);
    series.count = 0;
    add_stack(axial, 5, 2);
    for (size_t i = 0; i < series.count; i++)
        series.slices[i].row[0] = 1.01;
    CHECK_NEAR(only_volume()->affine[0][0], COLUMN_SPACING, 1e-12);
}

TEST(test_geometry__minus_zero_is_zero)
{
    add_stack(axial, 4, 2);
    series.slices[2].row[1] = series.slices[1].column[0] = -0.0;
    check_regular(4, 2);
}

/* ---------------------------------------------------------------- spacing */

TEST(test_geometry__jitter_is_not_irregular)
{
    for (int i = 0; i < 50; i++)
        add(axial, 10, 20, 30 + 0.9 * i + (i % 3 - 1) * 0.000002);
    const struct volume *const v = only_volume();
    check_verdict(v, "regular");
    check_size(v, 50, 1, 50);
    CHECK_NEAR(v->slice_spacing_mm, 0.9, 1e-6);
    CHECK(v->most_gap_mm > 0.900002 && v->off_grid_mm > 1e-6 && v->off_grid_mm < 1e-5);
}

/* 0.625 mm written with one decimal: 0.6 and 0.7 by turns. */
TEST(test_geometry__positions_with_one_decimal_are_not_irregular)
{
    for (int i = 0; i < 50; i++)
        add(axial, 10, 20, floor(6.25 * i + 0.5) / 10);
    const struct volume *const v = only_volume();
    check_verdict(v, "regular");
    check_size(v, 50, 1, 50);
    CHECK_NEAR(v->slice_spacing_mm, 0.625, 0.002);
    CHECK_HAS(v->reason, "off the even grid");
}

TEST(test_geometry__uneven_distances)
{
    const double at[] = {0, 7.5, 17.5, 20, 32.5, 40, 60, 61, 75};
    for (size_t i = 0; i < 9; i++)
        add_along(axial, at[i]);
    shuffle();
    const struct volume *const v = only_volume();
    check_verdict(v, "irregular_spacing");
    check_size(v, 9, 1, 9);
    CHECK_NEAR(v->least_gap_mm, 1, 1e-9);
    CHECK_NEAR(v->most_gap_mm, 20, 1e-9);
    CHECK_NEAR(v->slice_spacing_mm, 75 / 8.0, 1e-9);
    CHECK_HAS(v->reason, "from 1 to 20 mm apart");
    check_nothing_lost();
}

static void check_one_off(double spacing, double off, const char *verdict)
{
    series.count = 0;
    add_stack(axial, 9, spacing);
    series.slices[4].position[2] += off;
    check_verdict(only_volume(), verdict);
}

/* 5 % of the spacing, or the rounding of one decimal where that is more, but never more than a
 * fifth. */
TEST(test_geometry__how_even_is_even)
{
    check_one_off(5, 0.2, "regular");
    check_one_off(5, 0.4, "irregular_spacing");
    check_one_off(0.5, 0.05, "regular");
    check_one_off(0.5, 0.08, "irregular_spacing");
    check_one_off(0.1, 0.015, "regular");
    check_one_off(0.1, 0.04, "irregular_spacing");
}

TEST(test_geometry__positions_that_differ_in_the_last_digit_are_one)
{
    add_stack(axial, 9, 2);
    add_stack(axial, 9, 2);
    for (size_t i = 0; i < 9; i++)
        series.slices[i].position[2] += 0.004;
    const struct volume *const v = only_volume();
    check_verdict(v, "regular");
    check_size(v, 9, 2, 18);
}

/* Pairs are no stacks: nothing is set apart. */
TEST(test_geometry__scattered_pairs_are_irregular)
{
    for (int i = 0; i < 8; i++)
        add_along(axial, 50 * (i / 2) + i % 2);
    const struct volume *const v = only_volume();
    check_verdict(v, "irregular_spacing");
    check_size(v, 8, 1, 8);
}

/* Spacing that changes on the way is one stack all the same. */
TEST(test_geometry__two_spacings_in_a_row)
{
    for (int i = 0; i < 8; i++)
        add_along(axial, i < 4 ? 4 * i : 12 + 7 * (i - 3));
    check_verdict(only_volume(), "irregular_spacing");
}

TEST(test_geometry__missing_slices_are_named)
{
    for (int i = 0; i < 20; i++)
        if (i != 4 && i != 11 && i != 12)
            add_along(oblique, 2 * i);
    shuffle();
    const struct volume *const v = only_volume();
    check_verdict(v, "missing_slices");
    check_size(v, 20, 1, 17);
    check_corners(v, 1e-9);
    CHECK_EQ_UINT(v->missing_count, 3);
    CHECK_EQ_UINT(v->missing[0].slice, 4);
    CHECK_EQ_UINT(v->missing[1].slice, 11);
    CHECK_EQ_UINT(v->missing[2].slice, 12);
    double n[3];
    cross(oblique, n);
    CHECK_NEAR(v->missing[1].position[2], 30 + 22 * n[2], 1e-9);
    CHECK_HAS(v->reason,
              "3 of 20 images are missing: slice 5 at 8 mm, slice 12 at 22 mm, slice 13 at 24 mm");
}

TEST(test_geometry__missing_slices_of_a_jittered_stack)
{
    for (int i = 0; i < 300; i++)
        if (i != 17 && i != 150)
            add(axial, 10, 20, 0.6 * i + (i * 7 % 5 - 2) * 0.004);
    const struct volume *const v = only_volume();
    check_verdict(v, "missing_slices");
    check_size(v, 300, 1, 298);
    CHECK_EQ_UINT(v->missing[0].slice, 17);
    CHECK_EQ_UINT(v->missing[1].slice, 150);
}

TEST(test_geometry__spacing_between_slices_is_compared_only)
{
    add_stack(axial, 5, 2);
    for (size_t i = 0; i < series.count; i++)
        series.slices[i].declared_spacing_mm = 5;
    CHECK_HAS(check_regular(5, 2)->reason, "Spacing Between Slices says 5 mm");
}

/* ---------------------------------------------------------------- tilt */

static void add_tilted(const double cosines[6], size_t count, double spacing, double shift)
{
    for (size_t i = 0; i < count; i++) {
        struct slice *const slice = add_along(cosines, (double)i * spacing);
        for (int k = 0; k < 3; k++)
            slice->position[k] += (double)i * shift * cosines[3 + k];
    }
}

TEST(test_geometry__gantry_tilt_comes_from_the_positions)
{
    add_tilted(oblique, 12, 4, 4 * tan(18.5 * M_PI / 180));
    shuffle();
    const struct volume *const v = only_volume();
    check_verdict(v, "tilted");
    check_size(v, 12, 1, 12);
    CHECK_NEAR(v->tilt_degrees, 18.5, 1e-9);
    CHECK_NEAR(v->slice_spacing_mm, 4, 1e-9);
    check_corners(v, 1e-9); /* the shear is in the affine */
    CHECK_HAS(v->reason, "tilted by 18.5 degrees: each slice is shifted by 1.338 mm");
}

/* Rounding of cosines looks like a tilt of hundredths of a degree, rounding of positions like one
 * of a fraction of a pixel. */
TEST(test_geometry__drift_of_rounding_is_no_tilt)
{
    add_tilted(axial, 300, 1, 0.0015); /* 0.09 degrees, 0.45 mm in all */
    check_verdict(only_volume(), "regular");
    series.count = 0;
    add_tilted(axial, 3, 1, 0.03); /* 1.7 degrees, 0.06 mm in all */
    check_verdict(only_volume(), "regular");
}

TEST(test_geometry__tilted_with_a_hole_says_both)
{
    add_tilted(axial, 12, 4, 1);
    series.slices[5] = series.slices[--series.count];
    const struct volume *const v = only_volume();
    check_verdict(v, "missing_slices");
    CHECK_HAS(v->reason, "tilted by 14.04 degrees");
    check_corners(v, 1e-9);
}

TEST(test_geometry__slices_beside_the_line)
{
    for (int i = 0; i < 12; i++)
        add(axial, 10 + 3 * (i * 5 % 7), 20, 30 + 2 * i);
    const struct volume *const v = only_volume();
    check_verdict(v, "shifted_slices");
    check_size(v, 12, 1, 12);
    CHECK(v->off_line_mm > 1);
}

/* ---------------------------------------------------------------- stacks */

TEST(test_geometry__two_stacks_beside_one_another)
{
    add_stack(axial, 8, 3);
    for (int i = 0; i < 6; i++)
        add(axial, 110, 20, 30 + 3 * i);
    shuffle();
    sort();
    CHECK_EQ_UINT(series.geometry.count, 2);
    check_size(volume(1), 8, 1, 8);
    check_size(volume(2), 6, 1, 6);
    for (size_t i = 1; i <= 2; i++) {
        check_verdict(volume(i), "regular");
        check_corners(volume(i), 1e-9);
    }
    CHECK_NEAR(volume(2)->affine[0][3], 110, 1e-9);
    check_nothing_lost();
}

TEST(test_geometry__two_stacks_behind_one_another)
{
    for (int i = 0; i < 10; i++)
        add_along(axial, i < 6 ? 3 * i : 3 * i + 100.7);
    shuffle();
    sort();
    CHECK_EQ_UINT(series.geometry.count, 2);
    check_verdict(volume(1), "regular");
    check_size(volume(1), 6, 1, 6);
    check_verdict(volume(2), "regular");
    check_size(volume(2), 4, 1, 4);
    check_nothing_lost();
}

TEST(test_geometry__two_directions)
{
    add_stack(axial, 5, 3);
    add_stack(oblique, 7, 3);
    shuffle();
    sort();
    CHECK_EQ_UINT(series.geometry.count, 2);
    check_size(volume(1), 7, 1, 7);
    check_corners(volume(1), 1e-9);
    check_corners(volume(2), 1e-9);
}

/* Two scans whose positions lie between one another: the acquisition number sets them apart. */
TEST(test_geometry__interleaved_acquisitions)
{
    for (int i = 0; i < 10; i++) {
        add_along(axial, 5 * i)->acquisition_number = 1;
        add_along(axial, 5 * i + 1.7)->acquisition_number = 2;
    }
    shuffle();
    sort();
    CHECK_EQ_UINT(series.geometry.count, 2);
    check_verdict(volume(1), "regular");
    check_verdict(volume(2), "regular");
    CHECK_NEAR(volume(2)->affine[2][3], 31.7, 1e-9);
}

/* ... while a CT that numbers each slice stays one stack. */
TEST(test_geometry__acquisition_numbers_do_not_split_a_stack)
{
    for (int i = 0; i < 10; i++)
        add_along(axial, 5 * i)->acquisition_number = i;
    check_regular(10, 5);
    series.slices[3].position[2] += 2;
    check_verdict(only_volume(), "irregular_spacing");
}

TEST(test_geometry__scout_is_set_apart)
{
    add_stack(axial, 12, 3);
    memcpy(add(sagittal, 0, -100, 200)->image_type, "ORIGINAL\\PRIMARY\\LOCALIZER", 27);
    shuffle();
    sort();
    CHECK_EQ_UINT(series.geometry.count, 2);
    check_verdict(volume(1), "regular");
    check_size(volume(1), 12, 1, 12);
    check_verdict(volume(2), "localizer");
    check_size(volume(2), 1, 1, 1);
}

TEST(test_geometry__scout_without_its_word_is_a_single_slice)
{
    add_stack(axial, 12, 3);
    add(sagittal, 0, -100, 200);
    sort();
    check_verdict(volume(1), "regular");
    check_verdict(volume(2), "single_slice");
    CHECK_EQ_UINT(series.geometry.count, 2);
}

TEST(test_geometry__three_planes_are_mixed_orientation)
{
    add(axial, 0, 0, 0);
    add(sagittal, 1, 1, 1);
    add(coronal, 2, 2, 2);
    const struct volume *const v = only_volume();
    check_verdict(v, "mixed_orientation");
    check_size(v, 3, 1, 3);
    CHECK(!v->has_affine);
    CHECK_HAS(v->reason, "3 slices in 3 directions");
    check_nothing_lost();
}

TEST(test_geometry__radial_slices_are_mixed_orientation)
{
    for (int i = 0; i < 300; i++) {
        const double angle = i * 0.6 * M_PI / 180;
        const double cosines[6] = {cos(angle), sin(angle), 0, 0, 0, -1};
        add(cosines, -100 * cos(angle), -100 * sin(angle), 50);
    }
    shuffle();
    const struct volume *const v = only_volume();
    check_verdict(v, "mixed_orientation");
    CHECK_HAS(v->reason, "300 slices in 300 directions");
    check_nothing_lost();
}

/* ---------------------------------------------------------------- other volumes */

static void split_by_every(size_t step, void change(struct slice *slice))
{
    series.count = 0;
    add_stack(axial, 12, 3);
    for (size_t i = 0; i < series.count; i += step)
        change(&series.slices[i]);
    shuffle();
    sort();
    CHECK_EQ_UINT(series.geometry.count, 2);
    CHECK_EQ_UINT(volume(1)->cell_count, series.count - (series.count + step - 1) / step);
    check_nothing_lost();
}

static void set_rows(struct slice *s)
{
    s->rows++;
}
static void set_columns(struct slice *s)
{
    s->columns++;
}
static void set_samples(struct slice *s)
{
    s->samples_per_pixel = 3;
}
static void set_pixel_spacing(struct slice *s)
{
    s->row_spacing_mm = 0.81;
}
static void set_type(struct slice *s)
{
    s->image_type[0] = 'D';
}
static void set_stack(struct slice *s)
{
    s->stack_id[0] = '2';
}
static void set_echo(struct slice *s)
{
    s->echo_number = 2;
}
static void set_echo_time(struct slice *s)
{
    s->echo_time_ms = 4.6;
}
static void set_channel(struct slice *s)
{
    s->channel = 2;
}

TEST(test_geometry__what_makes_another_volume)
{
    split_by_every(4, set_rows);
    split_by_every(4, set_columns);
    split_by_every(4, set_samples);
    split_by_every(4, set_pixel_spacing);
    split_by_every(4, set_type);
    split_by_every(4, set_stack);
    split_by_every(4, set_echo);
    split_by_every(4, set_echo_time);
    split_by_every(4, set_channel);
}

TEST(test_geometry__echo_times_with_other_roundings_are_one_echo)
{
    add_stack(axial, 12, 3);
    for (size_t i = 0; i < series.count; i++)
        series.slices[i].echo_time_ms = 2.98 + 0.001 * (double)(i % 3);
    check_regular(12, 3);
}

TEST(test_geometry__pixel_spacings_with_other_roundings_are_one_spacing)
{
    add_stack(axial, 12, 3);
    for (size_t i = 0; i < series.count; i++)
        series.slices[i].row_spacing_mm += 0.00001 * (double)(i % 3);
    shuffle();
    check_verdict(only_volume(), "regular");
}

/* Magnitude and phase at the same positions are two volumes; a remark of the vendor's on half of a
 * stack makes none. */
TEST(test_geometry__the_vendors_part_of_the_image_type)
{
    for (int i = 0; i < 16; i++)
        memcpy(add_along(axial, 3 * (i / 2))->image_type,
               i % 2 ? "ORIGINAL\\PRIMARY\\OTHER\\M" : "ORIGINAL\\PRIMARY\\OTHER\\P", 25);
    shuffle();
    sort();
    CHECK_EQ_UINT(series.geometry.count, 2);
    check_verdict(volume(1), "regular");
    check_size(volume(2), 8, 1, 8);
    series.count = 0;
    add_stack(axial, 12, 3);
    for (size_t i = 0; i < series.count; i += 2)
        memcpy(series.slices[i].image_type + 22, "\\ADD", 5);
    check_regular(12, 3);
}

/* ---------------------------------------------------------------- repetitions */

TEST(test_geometry__duplicates_become_a_further_dimension)
{
    add_stack(axial, 10, 3);
    add_along(axial, 12);
    shuffle();
    const struct volume *const v = only_volume();
    check_verdict(v, "repeated_positions");
    check_size(v, 10, 2, 11);
    check_corners(v, 1e-9);
    check_nothing_lost();
    CHECK_EQ_UINT(v->cells[10].dimension, 1);
    CHECK_EQ_UINT(v->cells[10].slice, 4);
    CHECK_EQ_UINT(v->missing_count, 0);
    CHECK_HAS(v->reason, "not everywhere: 11 images at 10 positions");
}

TEST(test_geometry__everything_twice_is_regular)
{
    for (int i = 0; i < 20; i++)
        add_along(axial, 3 * (i / 2));
    const struct volume *const v = only_volume();
    check_verdict(v, "regular");
    check_size(v, 10, 2, 20);
    CHECK_EQ_STR(v->dimension_name, "order");
}

/* Time told by nothing but the instance number: slice by slice within each time. */
TEST(test_geometry__time_told_by_repetition_alone)
{
    for (int time = 0; time < 6; time++)
        for (int i = 0; i < 10; i++)
            add_along(axial, 3 * i)->instance_number = 1 + 10 * time + i;
    shuffle();
    const struct volume *const v = only_volume();
    check_verdict(v, "regular");
    check_size(v, 10, 6, 60);
    check_corners(v, 1e-9);
    for (size_t c = 0; c < v->cell_count; c++) {
        const struct volume_cell *const cell = &v->cells[c];
        CHECK_EQ_INT(series.slices[cell->input].instance_number,
                     1 + 10 * cell->dimension + cell->slice);
    }
}

TEST(test_geometry__temporal_position_orders_and_names_what_is_missing)
{
    for (int time = 0; time < 6; time++)
        for (int i = 0; i < 10; i++)
            if (time != 3 || i != 7) {
                struct slice *const slice = add_along(axial, 3 * i);
                slice->temporal_position = 10 + 2 * time;
                slice->instance_number = 1000 - (int64_t)series.count; /* says nothing */
            }
    shuffle();
    const struct volume *const v = only_volume();
    check_verdict(v, "missing_slices");
    check_size(v, 10, 6, 59);
    CHECK_EQ_STR(v->dimension_name, "temporal position");
    CHECK_EQ_UINT(v->missing_count, 1);
    CHECK_EQ_UINT(v->missing[0].dimension, 3);
    CHECK_EQ_UINT(v->missing[0].slice, 7);
    for (size_t c = 0; c < v->cell_count; c++)
        CHECK_EQ_INT(series.slices[v->cells[c].input].temporal_position,
                     10 + 2 * v->cells[c].dimension);
    CHECK_HAS(v->reason, "1 of 60 images are missing: slice 8 at 21 mm of image 4");
}

TEST(test_geometry__acquisition_time_where_it_separates_time_points)
{
    for (int time = 0; time < 4; time++)
        for (int i = 0; i < 10; i++)
            if (time != 1 || i != 2) {
                struct slice *const slice = add_along(axial, 3 * i);
                slice->acquisition_time_us = 1000000 * (4 - time);
                slice->instance_number = (int64_t)series.count;
            }
    const struct volume *const v = only_volume();
    check_verdict(v, "missing_slices");
    CHECK_EQ_STR(v->dimension_name, "acquisition time");
    CHECK_EQ_UINT(v->missing[0].dimension, 2); /* the third in time */
    CHECK_EQ_UINT(v->missing[0].slice, 2);
}

/* Each slice has a time of its own: order within the position. */
TEST(test_geometry__acquisition_time_of_each_slice_orders)
{
    for (int i = 0; i < 10; i++)
        for (int time = 0; time < 4; time++)
            add_along(axial, 3 * i)->acquisition_time_us = 100000 * (3 - time) + i * 5 % 7;
    shuffle();
    const struct volume *const v = only_volume();
    check_verdict(v, "regular");
    check_size(v, 10, 4, 40);
    for (size_t c = 0; c < v->cell_count; c++)
        CHECK_EQ_INT(series.slices[v->cells[c].input].acquisition_time_us / 100000,
                     v->cells[c].dimension);
}

TEST(test_geometry__diffusion)
{
    static const double directions[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 2; k++)
            add_along(axial, 3 * i)->b_value = 0;
        for (int k = 0; k < 3; k++) {
            struct slice *const slice = add_along(axial, 3 * i);
            slice->b_value = 1000;
            memcpy(slice->gradient, directions[k], sizeof slice->gradient);
        }
    }
    shuffle();
    const struct volume *const v = only_volume();
    check_verdict(v, "regular");
    check_size(v, 5, 5, 25);
    CHECK_EQ_STR(v->dimension_name, "b-value, diffusion direction, order");
    for (size_t c = 0; c < v->cell_count; c++) {
        const struct slice *const slice = &series.slices[v->cells[c].input];
        const uint32_t d = v->cells[c].dimension;
        CHECK_NEAR(slice->b_value, d < 2 ? 0 : 1000, 0);
        if (d >= 2) /* ascending by x, y, z */
            CHECK_NEAR(slice->gradient[4 - d], 1, 0);
    }
}

/* A number that is another for each image is no dimension. */
TEST(test_geometry__temporal_position_of_each_slice_is_no_dimension)
{
    for (int i = 0; i < 40; i++) {
        struct slice *const slice = add_along(axial, 3 * (i % 20));
        slice->temporal_position = i;
        slice->instance_number = i;
    }
    const struct volume *const v = only_volume();
    check_verdict(v, "regular");
    check_size(v, 20, 2, 40);
}

TEST(test_geometry__bolus_tracking_before_the_scan)
{
    for (int i = 0; i < 12; i++)
        add_along(axial, 15)->acquisition_number = 1;
    for (int i = 0; i < 60; i++)
        add_along(axial, 3 * i)->acquisition_number = 2;
    shuffle();
    sort();
    CHECK_EQ_UINT(series.geometry.count, 2);
    check_verdict(volume(1), "regular");
    check_size(volume(1), 60, 1, 60);
    check_verdict(volume(2), "single_slice");
    check_size(volume(2), 1, 12, 12);
    CHECK_HAS(volume(2)->reason, "12 images of one slice");
}

/* ---------------------------------------------------------------- no place in space */

static void check_fault(void change(struct slice *slice), const char *text)
{
    series.count = 0;
    add_stack(axial, 4, 2);
    for (size_t i = 0; i < series.count; i++)
        change(&series.slices[i]);
    const struct volume *const v = only_volume();
    check_verdict(v, "not_volumetric");
    CHECK_HAS(v->reason, text);
    CHECK(!v->has_affine);
    check_nothing_lost();
}

static void no_position(struct slice *s)
{
    s->position[1] = NAN;
}
static void far_away(struct slice *s)
{
    s->position[1] = 1e300;
}
static void no_orientation(struct slice *s)
{
    s->row[1] = NAN;
}
static void zero_cosines(struct slice *s)
{
    s->column[1] = 0;
}
static void skew_cosines(struct slice *s)
{
    s->column[0] = 0.1;
}
static void long_cosines(struct slice *s)
{
    s->row[0] = 1.2;
}
static void no_spacing(struct slice *s)
{
    s->row_spacing_mm = NAN;
}
static void negative_spacing(struct slice *s)
{
    s->column_spacing_mm = -1;
}
static void at_detector(struct slice *s)
{
    s->fault = SLICE_DETECTOR_SPACING;
}

TEST(test_geometry__no_place_in_space)
{
    check_fault(no_position, "4 images with no usable Image Position (Patient)");
    check_fault(far_away, "Image Position");
    check_fault(no_orientation, "Image Orientation");
    check_fault(zero_cosines, "right angle");
    check_fault(skew_cosines, "right angle");
    check_fault(long_cosines, "unit vectors");
    check_fault(no_spacing, "Pixel Spacing");
    check_fault(negative_spacing, "Pixel Spacing");
    check_fault(at_detector, "only Imager Pixel Spacing");
}

/* One slice without a position among others: it is set apart, and comes last however many there
 * are. */
TEST(test_geometry__not_volumetric_comes_last)
{
    add_stack(axial, 3, 2);
    for (int i = 0; i < 5; i++)
        add(axial, NAN, NAN, NAN);
    shuffle();
    sort();
    CHECK_EQ_UINT(series.geometry.count, 2);
    check_verdict(volume(1), "regular");
    check_verdict(volume(2), "not_volumetric");
    check_size(volume(2), 5, 1, 5);
    check_nothing_lost();
}

TEST(test_geometry__nothing_at_all)
{
    sort();
    CHECK_EQ_UINT(series.geometry.count, 0);
}

TEST(test_geometry__single_slice)
{
    add(axial, 1, 2, 3);
    const struct volume *const v = only_volume();
    check_verdict(v, "single_slice");
    check_corners(v, 1e-12);
    CHECK_NEAR(v->slice_spacing_mm, 0, 0);
    CHECK_NEAR(determinant(v), ROW_SPACING * COLUMN_SPACING, 1e-12);
}

/* ---------------------------------------------------------------- ordinals, voxels, determinism */

TEST(test_geometry__ordinals_by_count_then_first_position)
{
    for (int i = 0; i < 4; i++) {
        add(axial, 0, 0, 100 + i)->stack_id[0] = '1';
        add(axial, 0, 0, i)->stack_id[0] = '2';
        add(axial, 0, 0, -50 + i)->stack_id[0] = '3';
    }
    add(axial, 0, 0, 104)->stack_id[0] = '1';
    shuffle();
    sort();
    CHECK_EQ_UINT(series.geometry.count, 3);
    CHECK_NEAR(volume(1)->affine[2][3], 100, 0);
    CHECK_NEAR(volume(2)->affine[2][3], -50, 0);
    CHECK_NEAR(volume(3)->affine[2][3], 0, 0);
}

TEST(test_geometry__voxels_are_stored_integers_only_if_all_slices_agree)
{
    add_stack(axial, 6, 2);
    for (size_t i = 0; i < 6; i++) {
        series.slices[i].slope = 2;
        series.slices[i].intercept = -1024;
        series.slices[i].has_padding = true;
        series.slices[i].padding_low = series.slices[i].padding_high = -2000;
    }
    const struct volume *v = check_regular(6, 2);
    CHECK_EQ_INT(v->voxel, VOXEL_STORED);
    CHECK_NEAR(v->slope, 2, 0);
    CHECK_NEAR(v->intercept, -1024, 0);
    CHECK(v->has_padding);
    CHECK_NEAR(v->padding_low, -2000, 0);
    series.slices[3].slope = 2.5;
    series.slices[3].has_padding = false;
    v = check_regular(6, 2);
    CHECK_EQ_INT(v->voxel, VOXEL_FLOAT32);
    CHECK_NEAR(v->slope, 1, 0);
    CHECK(!v->has_padding);
    CHECK_HAS(v->reason, "float32");
    series.slices[0].slope = series.slices[1].slope = series.slices[2].slope = 2;
    for (size_t i = 0; i < 6; i++)
        series.slices[i].slope = 2;
    series.slices[2].is_signed = true;
    CHECK_EQ_INT(check_regular(6, 2)->voxel, VOXEL_FLOAT32);
    series.slices[0].is_signed = series.slices[1].is_signed = series.slices[2].is_signed = false;
    for (size_t i = 0; i < 6; i++)
        series.slices[i].is_signed = false;
    series.slices[1].has_modality_lut = true;
    CHECK_EQ_INT(check_regular(6, 2)->voxel, VOXEL_FLOAT32);
}

TEST(test_geometry__in_stack_positions_are_checked_against_the_positions)
{
    add_stack(axial, 6, 2);
    for (size_t i = 0; i < 6; i++)
        series.slices[i].in_stack_position = 6 - (int64_t)i; /* downwards is an order, too */
    CHECK_EQ_STR(check_regular(6, 2)->reason, "6 slices, 2 mm apart");
    int64_t *const one = &series.slices[1].in_stack_position,
                   *const other = &series.slices[4].in_stack_position, kept = *one;
    *one = *other;
    *other = kept;
    CHECK_HAS(check_regular(6, 2)->reason, "In-Stack Position Number does not follow");
}

static void make_medley(void)
{
    add_stack(axial, 30, 1.25);
    add_stack(oblique, 30, 1.25);
    for (int time = 0; time < 3; time++)
        for (int i = 0; i < 20; i++)
            memcpy(add_along(coronal, 2 * i)->image_type, "DERIVED\\PRIMARY\\OTHER", 22);
    add_along(coronal, 4);
    add_along(coronal, 9.3);
    for (int i = 0; i < 20; i++)
        add_along(sagittal, random_below(1000) / 10.0);
    for (int i = 0; i < 20; i++)
        add(axial, NAN, 0, 0);
    memcpy(add(sagittal, 0, -100, 200)->image_type, "ORIGINAL\\PRIMARY\\LOCALIZER", 27);
}

static void describe(char *text, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < series.geometry.count; i++) {
        const struct volume *const v = &series.geometry.volumes[i];
        length += (size_t)snprintf(text + length, size - length, "%s %s %.17g %.17g\n",
                                   volume_verdict_word(v->verdict), v->reason, v->affine[0][2],
                                   v->slice_spacing_mm);
        for (size_t c = 0; c < v->cell_count; c++)
            length += (size_t)snprintf(text + length, size - length, "%u %u %s\n",
                                       v->cells[c].dimension, v->cells[c].slice,
                                       series.slices[v->cells[c].input].sop_instance_uid);
    }
    CHECK(length < size);
}

TEST(test_geometry__the_order_of_arrival_says_nothing)
{
    static char first[40000], again[40000];
    make_medley();
    sort();
    check_nothing_lost();
    describe(first, sizeof first);
    for (int i = 0; i < 200; i++) {
        shuffle();
        sort();
        describe(again, sizeof again);
        CHECK_EQ_STR(again, first);
    }
}

/* ---------------------------------------------------------------- size */

static struct slice *many(size_t count)
{
    struct slice *const slices = calloc(count, sizeof *slices);
    CHECK(slices != NULL);
    for (size_t i = 0; i < count; i++) {
        series.count = 0;
        slices[i] = *add_along(oblique, 0.5 * (double)((i * 7919) % (count / 2)));
        snprintf(slices[i].sop_instance_uid, 65, "1.2.%zu", i);
        slices[i].instance_number = (int64_t)i;
    }
    return slices;
}

TEST(test_geometry__a_hundred_thousand_slices)
{
    enum { COUNT = 100000 };
    struct slice *const slices = many(COUNT);
    struct geometry geometry;
    const clock_t begin = clock();
    CHECK_OK(geometry_sort(slices, COUNT, &geometry, &err), err);
    const double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    CHECK_EQ_UINT(geometry.count, 1);
    CHECK_EQ_UINT(geometry.volumes[0].slices, COUNT / 2);
    CHECK_EQ_UINT(geometry.volumes[0].dimensions, 2);
    if (seconds > 20) /* 0.5 when this was written */
        TEST_FAIL("took %.1f s", seconds);
    geometry_release(&geometry);
    free(slices);
}

/* Each slice in a direction of its own, or at a distance of its own: no square of the number of
 * slices. */
TEST(test_geometry__a_hundred_thousand_hostile_slices)
{
    enum { COUNT = 100000 };
    struct slice *const slices = many(COUNT);
    struct geometry geometry;
    const clock_t begin = clock();
    for (size_t i = 0; i < COUNT; i++) {
        const double a = random_below(100000) * 1e-5, b = 3 * (double)i / COUNT;
        if (i % 2) {
            const double cosines[6] = {cos(b), sin(b), 0, 0, 0, 1};
            memcpy(slices[i].row, cosines, 24);
            memcpy(slices[i].column, cosines + 3, 24);
        }
        slices[i].position[0] += exp(10 * a);
        slices[i].b_value = i % 3 ? a : NAN;
    }
    CHECK_OK(geometry_sort(slices, COUNT, &geometry, &err), err);
    const double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    size_t cells = 0;
    for (size_t i = 0; i < geometry.count; i++)
        cells += geometry.volumes[i].cell_count;
    CHECK_EQ_UINT(cells, COUNT);
    if (seconds > 20)
        TEST_FAIL("took %.1f s", seconds);
    geometry_release(&geometry);
    free(slices);
}
