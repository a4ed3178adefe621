/* links: base dicom job codec stages support */
/* What needs no other reader; tests/volume/run reads whole trees back. */
#include "stages/stages.h"

#include "base/path.h"
#include "stages/volume_levels.h"
#include "stages/volume_pyramid.h"
#include "stages/volume_resample.h"
#include "stages/volume_voxels.h"
#include "tests/support/stage_harness.h"
#include "tests/support/test.h"
#include "tests/support/volume_phantom.h"

static struct error err;
static const struct option_ints no_chunk;

static const char *folder_for(const char *name)
{
    static char path[PATH_SIZE];

    CHECK_OK(path_join(path, test_folder(), name, &err), err);
    return path;
}

static void run_stage(struct volume_phantom *phantom, const char *settings, const char *name,
                      struct stage_outcome *outcome)
{
    const struct stage_series_case series = {
        .volumes = &phantom->volume, .count = 1, .place = volume_phantom_place, .client = phantom};

    stage_harness_run_series(&volume_stage, settings, &series, folder_for(name), outcome);
}

/* -- voxels ------------------------------------------------------------------------------------- */

static void check_extent(enum sample_type type, const void *voxels, size_t count, double low, double high, double least,
                         double most)
{
    double found_least = (double)INFINITY, found_most = (double)-INFINITY;

    voxels_extent(type, voxels, count, low, high, &found_least, &found_most);
    CHECK(found_least == least);
    CHECK(found_most == most);
}

TEST(test_voxels__extent_is_that_of_what_is_no_padding)
{
    static const int16_t words[] = {5, -2000, -7, 300, -2000, -32768, 32767};
    static const uint8_t octets[] = {0, 255, 7, 9};
    static const uint32_t longs[] = {4294967295u, 17, 0};
    static const float floats[] = {2.5F, (float)NAN, -1, (float)INFINITY};
    const double none = (double)INFINITY;
    int16_t many[101];

    for (int i = 0; i < 101; i++) /* more than one round of lanes, and not a whole number of them */
        many[i] = (int16_t)(i == 64 ? -900 : i == 100 ? 900 : i);
    check_extent(SAMPLE_S16, many, 101, 1, 0, -900, 900);
    check_extent(SAMPLE_S16, many, 101, 99, 1000, -900, 98);
    check_extent(SAMPLE_S16, many, 64, 0, 40, 41, 63);
    check_extent(SAMPLE_S16, words, 7, 1, 0, -32768, 32767);
    check_extent(SAMPLE_S16, words, 5, -2000, -2000, -7, 300);
    check_extent(SAMPLE_S16, words, 7, -40000, -1999.5, -7, 32767);
    check_extent(SAMPLE_S16, words, 7, -40000, 40000, none, -none); /* all of it is padding */
    check_extent(SAMPLE_S16, words, 5, 5.25, 5.75, -2000, 300);     /* between two integers */
    check_extent(SAMPLE_S16, words, 0, 1, 0, none, -none);
    check_extent(SAMPLE_U8, octets, 4, 1, 0, 0, 255);
    check_extent(SAMPLE_U8, octets, 4, 255, 1000, 0, 9);
    check_extent(SAMPLE_U8, octets, 4, -5, 0, 7, 255);
    check_extent(SAMPLE_U8, octets, 4, -5, -1, 0, 255);
    check_extent(SAMPLE_U32, longs, 3, 4294967295.0, 4294967295.0, 0, 17);
    check_extent(SAMPLE_F32, floats, 4, 1, 0, -1, 2.5);
}

/* -- levels ------------------------------------------------------------------------------------- */

static struct volume_levels plan(uint32_t x, uint32_t y, uint32_t z, double mm_x, double mm_y, double mm_z,
                                 size_t bytes)
{
    struct volume_levels levels;

    volume_levels_plan((const uint32_t[SPACE]){x, y, z}, (const double[SPACE]){mm_x, mm_y, mm_z}, bytes, &no_chunk,
                       &levels);
    return levels;
}

static void check_size(const struct volume_level *level, uint32_t x, uint32_t y, uint32_t z)
{
    CHECK_EQ_UINT(level->size[X], x);
    CHECK_EQ_UINT(level->size[Y], y);
    CHECK_EQ_UINT(level->size[Z], z);
}

TEST(test_volume_levels__thick_slices_are_halved_when_the_pixels_have_caught_up)
{
    const struct volume_levels levels = plan(512, 512, 61, 0.5, 0.5, 3, 2);

    check_size(&levels.level[1], 256, 256, 61);
    check_size(&levels.level[2], 128, 128, 61);
    check_size(&levels.level[3], 64, 64, 61); /* 4 x 4 x 3 mm: nearer to a cube than 4 x 4 x 6 */
    check_size(&levels.level[4], 32, 32, 31);
    CHECK_EQ_UINT(levels.count, 5);
}

TEST(test_volume_levels__even_voxels_are_halved_everywhere)
{
    const struct volume_levels levels = plan(301, 300, 299, 1, 1, 1.2, 2);

    check_size(&levels.level[1], 151, 150, 150);
    check_size(&levels.level[2], 76, 75, 75);
}

TEST(test_volume_levels__the_last_one_is_whole_in_256_kib)
{
    static const uint32_t sizes[][SPACE] = {{512, 512, 2000}, {4096, 3328, 80}, {1, 1, 1000000}, {65535, 1, 2},
                                            {64, 64, 64},     {2, 2, 2},        {512, 512, 1}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t bytes = 1; bytes <= 4; bytes *= 2) {
            const struct volume_levels levels = plan(sizes[i][X], sizes[i][Y], sizes[i][Z], 0.5, 0.5, 1, bytes);
            const struct volume_level *const last = &levels.level[levels.count - 1];

            CHECK(volume_level_voxels(last) * bytes <= VOLUME_COARSE_BYTES);
            CHECK(levels.count == 1 || volume_level_voxels(last - 1) * bytes > VOLUME_COARSE_BYTES);
        }
}

TEST(test_volume_levels__a_chunk_is_a_quarter_to_one_mebibyte_and_a_slab_is_bounded)
{
    static const uint32_t sizes[][SPACE] = {
        {512, 512, 2000}, {512, 512, 37}, {4096, 3328, 80}, {700, 650, 300}, {1024, 1024, 5}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t bytes = 1; bytes <= 4; bytes *= 2) {
            const struct volume_levels levels = plan(sizes[i][X], sizes[i][Y], sizes[i][Z], 1, 1, 1, bytes);
            const struct volume_level *const level = &levels.level[0];
            const uint64_t chunk = (uint64_t)level->chunk[X] * level->chunk[Y] * level->chunk[Z] * bytes;
            const uint64_t plane = (uint64_t)level->size[X] * level->size[Y] * bytes;

            CHECK(chunk <= 1024 * 1024);
            CHECK(chunk >= 100 * 1024);
            CHECK(plane * level->chunk[Z] <= VOLUME_SLAB_BYTES || level->chunk[Z] == 1);
            for (int axis = 0; axis < SPACE; axis++) {
                CHECK(level->chunk[axis] * level->chunks[axis] >= level->size[axis]);
                CHECK(level->chunk[axis] * (level->chunks[axis] - 1) < level->size[axis]);
            }
        }
}

TEST(test_volume_levels__default_is_the_finest_within_max_axis)
{
    const struct volume_levels levels = plan(4096, 3328, 80, 0.1, 0.1, 1, 2);

    CHECK_EQ_UINT(volume_levels_default(&levels, 4096), 0);
    CHECK_EQ_UINT(volume_levels_default(&levels, 2048), 1);
    CHECK_EQ_UINT(volume_levels_default(&levels, 1), levels.count - 1);
}

TEST(test_volume_levels__translation_is_the_centre_of_what_a_voxel_covers)
{
    const struct volume_levels levels = plan(512, 512, 610, 0.5, 0.5, 1, 2);
    const double spacing[SPACE] = {0.5, 0.5, 1};

    CHECK_NEAR(volume_level_scale(&levels.level[2], spacing, X), 2, 0);
    CHECK_NEAR(volume_level_translation(&levels.level[2], spacing, X), 0.75, 0); /* of 0, 0.5, 1, 1.5 */
    CHECK_NEAR(volume_level_translation(&levels.level[1], spacing, Z), 0, 0);    /* 1 x 1 x 1 mm */
    CHECK_NEAR(volume_level_translation(&levels.level[2], spacing, Z), 0.5, 0);
}

/* -- means -------------------------------------------------------------------------------------- */

struct kept {
    int16_t voxels[3][64];
    unsigned planes[3];
};

static bool keep(void *client, unsigned level, uint32_t slice, const void *voxels, struct error *error)
{
    struct kept *const kept = client;
    const size_t count = level == 0 ? 12 : 4;

    (void)error;
    CHECK(level < 3);
    CHECK_EQ_UINT(slice, kept->planes[level]);
    memcpy(&kept->voxels[level][slice * count], voxels, count * sizeof(int16_t));
    kept->planes[level]++;
    return true;
}

/* 3 x 4 x 2 voxels into 2 x 2 x 1: padding is -9, a second plane is a hole or not. */
static void reduce(const int16_t planes[2][12], bool hole, bool padding, struct kept *kept)
{
    struct volume_levels levels = {.count = 2,
                                   .level = {{.size = {3, 4, 2}}, {.size = {2, 2, 1}, .halved = {1, 1, 1}}}};
    struct volume_pyramid *pyramid = NULL;

    *kept = (struct kept){0};
    CHECK_OK(volume_pyramid_new(&levels, SAMPLE_S16, -9, keep, kept, &pyramid, &err), err);
    for (uint32_t i = 0; i < 2; i++) {
        const struct volume_plane plane = {.slice = i,
                                           .voxels = planes[i],
                                           .is_hole = hole && i == 1,
                                           .has_padding = padding,
                                           .padding_low = -9,
                                           .padding_high = -9};
        CHECK_OK(volume_pyramid_add(pyramid, &plane, &err), err);
    }
    volume_pyramid_free(pyramid);
    CHECK_EQ_UINT(kept->planes[1], 1);
}

TEST(test_volume_pyramid__a_voxel_is_the_mean_of_those_it_covers_halves_rounded_up)
{
    static const int16_t planes[2][12] = {{1, 2, -3, 5, 6, -3, 0, 0, 7, 0, 0, 8},
                                          {1, 2, -4, 5, 6, -4, 1, 0, 7, 0, 0, 8}};
    struct kept kept;

    reduce(planes, false, false, &kept);
    CHECK_EQ_INT(kept.voxels[1][0], 4);  /* 28 / 8 = 3.5 */
    CHECK_EQ_INT(kept.voxels[1][1], -3); /* -14 / 4 = -3.5: one voxel wide at the odd edge */
    CHECK_EQ_INT(kept.voxels[1][2], 0);  /* 1 / 8 */
    CHECK_EQ_INT(kept.voxels[1][3], 8);  /* 30 / 4 = 7.5 */
}

TEST(test_volume_pyramid__padding_and_holes_are_left_out)
{
    static const int16_t planes[2][12] = {{-9, 2, -9, -9, -9, -9, 0, 0, 7, 0, 4, 8},
                                          {50, 50, 50, 50, 50, 50, 1, 1, 1, 1, 1, 1}};
    struct kept kept;

    reduce(planes, true, true, &kept);
    CHECK_EQ_INT(kept.voxels[1][0], 2);
    CHECK_EQ_INT(kept.voxels[1][1], -9); /* nothing there */
    CHECK_EQ_INT(kept.voxels[1][2], 1);
    CHECK_EQ_INT(kept.voxels[1][3], 8);
}

/* -- trees -------------------------------------------------------------------------------------- */

TEST(test_stage_volume__same_slices_give_same_bytes)
{
    struct stage_outcome one, two;

    for (int i = 0; i < 3; i++) {
        static const char *const settings[] = {"", "compress=gzip\nshards=yes\n", "format=0.4\n"};
        struct volume_phantom phantom = {
            .size = {140, 90, 40}, .bits = 12, .spacing_mm = {1, 1, 2}, .holes = {3}, .hole_count = 1};
        char name[2][32];

        volume_phantom_init(&phantom);
        (void)snprintf(name[0], sizeof name[0], "one-%d", i);
        (void)snprintf(name[1], sizeof name[1], "two-%d", i);
        run_stage(&phantom, settings[i], name[0], &one);
        run_stage(&phantom, settings[i], name[1], &two);
        CHECK_EQ_UINT(stage_outcome_product(&one)->artefact_count, 1);
        CHECK(
            digest_equal(&stage_outcome_find(&one, "volume-1")->digest, &stage_outcome_find(&two, "volume-1")->digest));
        CHECK_EQ_INT(stage_outcome_find(&one, "volume-1")->place, PLACE_TREE);
        stage_outcome_release(&one);
        stage_outcome_release(&two);
        volume_phantom_release(&phantom);
    }
}

/* The voxel at (x, y, z) of a mosaic's tile is that of its frame at (x + 5, y + 3). */
static void place_in_mosaic(void *client, struct stage_slice *slice)
{
    volume_phantom_place(client, slice);
    slice->x = 5;
    slice->y = 3;
}

TEST(test_stage_volume__a_slice_is_cut_out_of_its_mosaic)
{
    struct volume_phantom phantom = {.size = {20, 16, 3}, .bits = 12, .spacing_mm = {1, 1, 1}};
    struct stage_outcome outcome;
    struct buffer chunk = {0};

    volume_phantom_init(&phantom);
    phantom.volume.columns = 9;
    phantom.volume.rows = 7;
    const struct stage_series_case series = {
        .volumes = &phantom.volume, .count = 1, .place = place_in_mosaic, .client = &phantom};
    stage_harness_run_series(&volume_stage, "compress=none\n", &series, folder_for("mosaic"), &outcome);
    stage_outcome_read(&outcome, stage_outcome_find(&outcome, "volume-1"), "image.ome.zarr/0/c/0/0/0", &chunk);
    CHECK_EQ_UINT(chunk.size, 3 * 7 * 9 * 2);
    for (uint32_t z = 0, i = 0; z < 3; z++)
        for (uint32_t y = 0; y < 7; y++)
            for (uint32_t x = 0; x < 9; x++, i++)
                CHECK_EQ_INT(((const uint16_t *)(const void *)chunk.data)[i],
                             volume_phantom_value(&phantom, 0, z, y + 3, x + 5));
    buffer_release(&chunk);
    stage_outcome_release(&outcome);
    volume_phantom_release(&phantom);
}

/* One that is wider than its frame is refused, before anything is read. */
static void place_beyond(void *client, struct stage_slice *slice)
{
    volume_phantom_place(client, slice);
    slice->x = 12;
}

TEST(test_stage_volume__a_slice_beyond_its_frame_is_refused)
{
    struct volume_phantom phantom = {.size = {20, 16, 3}, .bits = 12, .spacing_mm = {1, 1, 1}};
    struct stage_outcome outcome;

    volume_phantom_init(&phantom);
    phantom.volume.columns = 9;
    const struct stage_series_case series = {
        .volumes = &phantom.volume, .count = 1, .place = place_beyond, .client = &phantom};
    stage_harness_run_series(&volume_stage, NULL, &series, folder_for("beyond"), &outcome);
    CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_FAILED);
    CHECK_EQ_INT(outcome.err.kind, ERROR_CORRUPT);
    CHECK_HAS(outcome.err.text, "its frame has 20 x 16");
    stage_outcome_release(&outcome);
    volume_phantom_release(&phantom);
}

/* The header says 8 bits, the frames have 12: the voxels must hold them, wherever the first such slice is. */
static void place_deeper(void *client, struct stage_slice *slice)
{
    struct volume_phantom *const phantom = client;

    phantom->frame.bits_stored = slice->slice == 0 ? 8 : 12;
    volume_phantom_place(client, slice);
    if (slice->slice == 0)
        for (size_t i = 0; i < 20 * 16; i++)
            ((uint16_t *)phantom->samples)[i] &= 0xFF;
}

TEST(test_stage_volume__values_that_do_not_fit_are_refused)
{
    struct volume_phantom phantom = {.size = {20, 16, 3}, .bits = 12, .spacing_mm = {1, 1, 1}};
    struct stage_outcome outcome;

    volume_phantom_init(&phantom);
    phantom.volume.bits_stored = 8;
    const struct stage_series_case series = {
        .volumes = &phantom.volume, .count = 1, .place = place_deeper, .client = &phantom};
    stage_harness_run_series(&volume_stage, NULL, &series, folder_for("deep"), &outcome);
    CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_FAILED);
    CHECK_HAS(outcome.err.text, "values that uint8 voxels cannot hold");
    stage_outcome_release(&outcome);
    volume_phantom_release(&phantom);
}

TEST(test_stage_volume__what_is_no_volume_gives_none_and_a_note)
{
    static const enum volume_verdict verdicts[] = {VOLUME_SINGLE_SLICE, VOLUME_MIXED_ORIENTATION, VOLUME_LOCALIZER,
                                                   VOLUME_NOT_VOLUMETRIC};

    for (size_t i = 0; i < 4; i++) {
        struct volume_phantom phantom = {
            .size = {20, 16, 3}, .bits = 12, .spacing_mm = {1, 1, 1}, .verdict = verdicts[i]};
        struct stage_outcome outcome;

        volume_phantom_init(&phantom);
        run_stage(&phantom, NULL, "none", &outcome);
        CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_DONE);
        CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 0);
        CHECK_HAS(buffer_text(&outcome.notes), "volume 1: none made, made for a test");
        stage_outcome_release(&outcome);
        volume_phantom_release(&phantom);
    }
}

TEST(test_stage_volume__two_slices_give_none)
{
    struct volume_phantom phantom = {.size = {20, 16, 2}, .bits = 12, .spacing_mm = {1, 1, 1}};
    struct stage_outcome outcome;

    volume_phantom_init(&phantom);
    run_stage(&phantom, NULL, "two", &outcome);
    CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_DONE);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 0);
    CHECK_HAS(buffer_text(&outcome.notes), "volume 1: none made, fewer than three slices");
    stage_outcome_release(&outcome);
    volume_phantom_release(&phantom);
}

TEST(test_stage_volume__options_that_contradict_are_refused)
{
    static const char *const settings[] = {"chunk=4,5\n", "format=0.4\nshards=yes\n"};

    for (size_t i = 0; i < 2; i++) {
        struct volume_phantom phantom = {.size = {20, 16, 3}, .bits = 12, .spacing_mm = {1, 1, 1}};
        struct stage_outcome outcome;

        volume_phantom_init(&phantom);
        run_stage(&phantom, settings[i], "usage", &outcome);
        CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_FAILED);
        CHECK_EQ_INT(outcome.err.kind, ERROR_USAGE);
        stage_outcome_release(&outcome);
        volume_phantom_release(&phantom);
    }
}

TEST(test_stage_volume__unwritable_staging_fails_and_leaves_nothing)
{
    struct volume_phantom phantom = {.size = {20, 16, 3}, .bits = 12, .spacing_mm = {1, 1, 1}};
    struct stage_outcome outcome;

    CHECK_OK(path_write_file(folder_for("file"), "", 0, &err), err);
    volume_phantom_init(&phantom);
    run_stage(&phantom, NULL, "file/job", &outcome);
    CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_FAILED);
    CHECK_EQ_INT(outcome.err.kind, ERROR_IO);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 0);
    stage_outcome_release(&outcome);
    volume_phantom_release(&phantom);
}

/* -- resampled ---------------------------------------------------------------------------------- */

enum { SIDE = 24, SLICES = 9 };

/* Slices of a function that is linear in the patient, at these shifts and heights. */
static void make_linear(struct volume_phantom *phantom, enum volume_verdict verdict, const double places[SLICES][3],
                        double (*positions)[3])
{
    static const double plane[4] = {30, -20, 50, 20000};

    *phantom = (struct volume_phantom){.size = {SIDE, SIDE - 4, SLICES}, .bits = 16, .spacing_mm = {0.5, 0.75, 2}};
    phantom->verdict = verdict;
    phantom->is_plane = true;
    phantom->positions = positions;
    memcpy(phantom->plane, plane, sizeof plane);
    volume_phantom_init(phantom);
    for (uint32_t i = 0; i < SLICES; i++)
        for (int k = 0; k < 3; k++)
            positions[i][k] = phantom->volume.affine[k][3] + places[i][k];
    for (int k = 0; k < 3; k++)
        phantom->volume.affine[k][2] = (places[SLICES - 1][k] - places[0][k]) / (SLICES - 1);
}

struct checked {
    const struct volume_resample_plan *plan;
    const struct volume_phantom *phantom;
    size_t inside, planes;
};

static bool check_linear(void *client, const struct volume_plane *found, struct error *error)
{
    struct checked *const checked = client;
    const struct volume_resample_plan *const plan = checked->plan;
    const uint16_t *const voxels = found->voxels;

    (void)error;
    CHECK_EQ_UINT(found->slice, checked->planes++);
    for (uint32_t y = 0; y < plan->to[Y]; y++)
        for (uint32_t x = 0; x < plan->to[X]; x++) {
            double expected = checked->phantom->plane[3];

            for (int i = 0; i < 3; i++)
                expected += checked->phantom->plane[i] * (x * plan->affine[i][0] + y * plan->affine[i][1] +
                                                          found->slice * plan->affine[i][2] + plan->affine[i][3]);
            if (voxels[(size_t)y * plan->to[X] + x] == 7) /* fill: outside */
                continue;
            /* at a slice's edge the nearest pixel stands in, half a step away: of 15 each way */
            CHECK_NEAR(voxels[(size_t)y * plan->to[X] + x], expected, 16);
            checked->inside += fabs(voxels[(size_t)y * plan->to[X] + x] - expected) <= 1.01;
        }
    return true;
}

static void check_resampled(enum volume_verdict verdict, const double places[SLICES][3], uint32_t expected_slices)
{
    double positions[SLICES][3];
    struct volume_phantom phantom;
    struct volume_resample_plan grid;
    struct volume_resampler *resampler = NULL;

    make_linear(&phantom, verdict, places, positions);
    CHECK_OK(volume_resample_plan(&phantom.volume, (const double(*)[SPACE])positions, &grid, &err), err);
    CHECK_EQ_UINT(grid.to[Z], expected_slices);
    const struct volume_form form = {.type = SAMPLE_U16, .fill = 7, .size = {grid.to[X], grid.to[Y], grid.to[Z]}};
    struct checked checked = {&grid, &phantom, 0, 0};
    CHECK_OK(volume_resampler_new(&grid, &form, check_linear, &checked, &resampler, &err), err);
    for (uint32_t i = 0; i < SLICES; i++) {
        struct stage_slice slice = {.volume = &phantom.volume, .slice = i};

        volume_phantom_place(&phantom, &slice);
        const struct volume_plane plane = {.slice = i, .voxels = slice.frame->samples};
        CHECK_OK(volume_resampler_add(resampler, &plane, &err), err);
    }
    CHECK_EQ_UINT(checked.planes, expected_slices);
    CHECK(checked.inside >= (size_t)(SIDE - 2) * (SIDE - 6) * expected_slices);
    volume_resampler_free(resampler);
    volume_resample_plan_release(&grid);
    volume_phantom_release(&phantom);
}

TEST(test_volume_resample__tilted_slices_become_straight)
{
    double places[SLICES][3];

    for (int i = 0; i < SLICES; i++)
        memcpy(places[i], (const double[3]){0, 0.33 * i, 2.0 * i}, sizeof places[i]);
    check_resampled(VOLUME_TILTED, places, SLICES);
    for (int i = 0; i < SLICES; i++)
        places[i][1] = -0.9 * i;
    check_resampled(VOLUME_TILTED, places, SLICES);
}

TEST(test_volume_resample__uneven_slices_get_the_least_gap)
{
    static const double heights[SLICES] = {0, 2, 4, 7, 9, 11, 15, 17, 20};
    double places[SLICES][3];

    for (int i = 0; i < SLICES; i++)
        memcpy(places[i], (const double[3]){0, 0, heights[i]}, sizeof places[i]);
    check_resampled(VOLUME_IRREGULAR_SPACING, places, 11);
}

TEST(test_volume_resample__shifted_slices_are_moved_back)
{
    double places[SLICES][3];

    for (int i = 0; i < SLICES; i++)
        memcpy(places[i], (const double[3]){i % 2 * 1.3, i % 3 * -0.8, 2.0 * i}, sizeof places[i]);
    check_resampled(VOLUME_SHIFTED_SLICES, places, SLICES);
}

TEST(test_stage_volume__resampled_volume_stands_beside_the_acquired_one)
{
    double places[SLICES][3], positions[SLICES][3];
    struct volume_phantom phantom;
    struct stage_outcome outcome;
    struct buffer text = {0};

    for (int i = 0; i < SLICES; i++)
        memcpy(places[i], (const double[3]){0, 1.5 * i, 2.0 * i}, sizeof places[i]);
    make_linear(&phantom, VOLUME_TILTED, places, positions);
    run_stage(&phantom, "resample=yes\n", "resampled", &outcome);
    CHECK_OK(stage_outcome_product(&outcome)->state == PRODUCT_DONE, outcome.err);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 2);
    stage_outcome_read(&outcome, stage_outcome_find(&outcome, "volume-1"), "volume.json", &text);
    CHECK_HAS(buffer_text(&text), "\"resampled\": false");
    CHECK_HAS(buffer_text(&text), "\"rows\": 20");
    stage_outcome_read(&outcome, stage_outcome_find(&outcome, "volume-1-resampled"), "volume.json", &text);
    CHECK_HAS(buffer_text(&text), "\"resampled\": true");
    CHECK_HAS(buffer_text(&text), "\"rows\": 36"); /* eight steps of two rows more */
    CHECK_EQ_UINT(stage_outcome_find(&outcome, "volume-1-resampled")->rows, 36);
    stage_outcome_release(&outcome);
    run_stage(&phantom, "", "as-acquired", &outcome);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 1);
    CHECK_HAS(buffer_text(&outcome.notes), "volume.resample=yes");
    stage_outcome_release(&outcome);
    buffer_release(&text);
    volume_phantom_release(&phantom);
}

TEST(test_stage_volume__what_cannot_be_resampled_is_told_and_the_acquired_volume_stays)
{
    double places[SLICES][3], positions[SLICES][3];
    struct volume_phantom phantom;
    struct stage_outcome outcome;

    for (int i = 0; i < SLICES; i++)
        memcpy(places[i], (const double[3]){0, 500.0 * (i % 2), 2.0 * i}, sizeof places[i]);
    make_linear(&phantom, VOLUME_SHIFTED_SLICES, places, positions);
    phantom.plane[1] = 0;
    run_stage(&phantom, "resample=yes\n", "far", &outcome);
    CHECK_OK(stage_outcome_product(&outcome)->state == PRODUCT_DONE, outcome.err);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 1);
    CHECK_HAS(buffer_text(&outcome.notes), "volume-1-resampled: none made");
    stage_outcome_release(&outcome);
    volume_phantom_release(&phantom);
}

/* -- NIfTI: tests/volume/run reads the files back ------------------------------------------------- */

TEST(test_stage_volume__nifti_stands_beside_the_tree_as_one_gzip_member)
{
    struct volume_phantom phantom = {.size = {50, 40, 12}, .bits = 12, .spacing_mm = {1, 1, 2}};
    struct stage_outcome outcome;
    struct buffer file = {0};

    volume_phantom_init(&phantom);
    run_stage(&phantom, "nifti=yes\n", "nifti", &outcome);
    CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_DONE);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 2);
    const struct artefact *const artefact = stage_outcome_find(&outcome, "volume-1-nifti");
    CHECK_EQ_INT(artefact->place, PLACE_RENDITION);
    CHECK_EQ_STR(artefact->extension, "nii.gz");
    stage_outcome_read(&outcome, artefact, NULL, &file);
    CHECK_EQ_UINT(file.size, artefact->bytes);
    const uint32_t length = 352 + 50 * 40 * 12 * 2;
    for (size_t i = 0; i < 4; i++) /* RFC 1952 2.3.1: ISIZE; a second member would tell its own */
        CHECK_EQ_UINT(file.data[file.size - 4 + i], length >> 8 * i & 255);
    buffer_release(&file);
    stage_outcome_release(&outcome);
    volume_phantom_release(&phantom);
}

TEST(test_stage_volume__uneven_slices_make_no_nifti_but_their_resampled_volume_does)
{
    static const double heights[SLICES] = {0, 2, 4, 7, 9, 11, 15, 17, 20};
    double places[SLICES][3], positions[SLICES][3];
    struct volume_phantom phantom;
    struct stage_outcome outcome;

    for (int i = 0; i < SLICES; i++)
        memcpy(places[i], (const double[3]){0, 0, heights[i]}, sizeof places[i]);
    make_linear(&phantom, VOLUME_IRREGULAR_SPACING, places, positions);
    run_stage(&phantom, "nifti=yes\nresample=yes\n", "nifti-uneven", &outcome);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 3);
    CHECK(stage_outcome_find(&outcome, "volume-1-nifti") == NULL);
    CHECK(stage_outcome_find(&outcome, "volume-1-resampled-nifti") != NULL);
    CHECK_HAS(buffer_text(&outcome.notes), "volume-1: not as NIfTI");
    stage_outcome_release(&outcome);
    volume_phantom_release(&phantom);
}

TEST(test_stage_volume__both_files_and_the_tree_come_from_one_run)
{
    struct volume_phantom phantom = {.size = {50, 40, 12}, .bits = 12, .spacing_mm = {1, 1, 2}};
    struct stage_outcome outcome;

    volume_phantom_init(&phantom);
    run_stage(&phantom, "nifti=yes\nvti=yes\n", "nifti-vti", &outcome);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 3);
    CHECK_EQ_STR(stage_outcome_find(&outcome, "volume-1-vti")->extension, "vti");
    stage_outcome_release(&outcome);
    volume_phantom_release(&phantom);
}

TEST(test_stage_volume__tilted_or_repeated_slices_make_no_vti)
{
    static const char *const reasons[] = {"at right angles", "further dimension"};
    double places[SLICES][3], positions[SLICES][3];
    struct volume_phantom phantoms[2] = {
        [1] = {.size = {20, 16, 5}, .bits = 12, .spacing_mm = {1, 1, 1}, .dimensions = 2, .dimension_name = "order"}};

    for (int i = 0; i < SLICES; i++)
        memcpy(places[i], (const double[3]){0, 1.5 * i, 2.0 * i}, sizeof places[i]);
    make_linear(&phantoms[0], VOLUME_TILTED, places, positions);
    volume_phantom_init(&phantoms[1]);
    for (int i = 0; i < 2; i++) {
        char name[32];
        struct stage_outcome outcome;

        (void)snprintf(name, sizeof name, "no-vti-%d", i);
        run_stage(&phantoms[i], "vti=yes\n", name, &outcome);
        CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_DONE);
        CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 1);
        CHECK_HAS(buffer_text(&outcome.notes), "volume-1: not as VTK ImageData");
        CHECK_HAS(buffer_text(&outcome.notes), reasons[i]);
        stage_outcome_release(&outcome);
        volume_phantom_release(&phantoms[i]);
    }
}
