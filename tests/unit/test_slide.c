/* links: base dicom job */
/* slide: pyramids of parts; slide_blob: parts on their way. */
#include "dicom/slide.h"

#include "base/memory.h"
#include "job/slide_blob.h"
#include "tests/support/hostile.h"
#include "tests/support/test.h"

enum { PARTS_MOST = 16 };

static struct slide_part parts[PARTS_MOST];
static size_t part_count;
static struct slide slide;
static struct error err;

static void set(char *to, size_t size, const char *text)
{
    (void)snprintf(to, size, "%s", text);
}

/* A TILED_FULL part with as many frames as it needs, of one plane. */
static struct slide_part *add(const char *uid, uint32_t columns, uint32_t rows, uint32_t tile)
{
    struct slide_part *const part = &parts[part_count++];

    *part = (struct slide_part){.instance = part_count, .columns = columns, .rows = rows, .tile_columns = tile,
                                .tile_rows = tile, .samples_per_pixel = 3, .plane_count = 1};
    set(part->sop_instance_uid, sizeof part->sop_instance_uid, uid);
    part->planes = memory_array(1, sizeof *part->planes, &err);
    part->frames = ((columns - 1) / tile + 1) * ((rows - 1) / tile + 1);
    set(part->planes[0].channel, sizeof part->planes[0].channel, "1");
    return part;
}

/* Its planes: names of one letter each, with so many focal planes. */
static void planes(struct slide_part *part, const char *names, size_t focal)
{
    memory_free(part->planes);
    part->plane_count = strlen(names) * focal;
    part->planes = memory_array(part->plane_count, sizeof *part->planes, &err);
    part->frames *= (uint32_t)part->plane_count;
    for (size_t i = 0; i < part->plane_count; i++) {
        part->planes[i].channel[0] = names[i / focal];
        part->planes[i].focus_nm = (int64_t)(i % focal) * 1000;
    }
}

/* Makes it TILED_SPARSE: these are the places of its tiles. */
static void sparse(struct slide_part *part, const struct slide_place *places, uint32_t count)
{
    part->frames = count;
    part->places = memory_array(count, sizeof *places, &err);
    memcpy(part->places, places, count * sizeof *places);
}

static void sort(void)
{
    CHECK_OK(slide_sort(parts, part_count, &slide, &err), err);
}

static void check_level(const struct slide_pyramid *pyramid, size_t level, uint32_t columns, size_t cells)
{
    CHECK(level < pyramid->level_count);
    CHECK_EQ_INT(pyramid->levels[level].columns, columns);
    CHECK_EQ_INT(pyramid->levels[level].cell_count, cells);
}

/* -- levels --------------------------------------------------------------------------------- */

TEST(test_slide__levels_of_any_factor_make_one_pyramid)
{
    add("2", 1000, 700, 256);
    add("1", 333, 233, 256);
    add("3", 63, 44, 256);
    sort();
    CHECK_EQ_INT(slide.count, 1);
    CHECK_EQ_STR(slide_verdict_word(slide.pyramids[0].verdict), "whole");
    check_level(&slide.pyramids[0], 0, 1000, 12);
    check_level(&slide.pyramids[0], 1, 333, 2);
    check_level(&slide.pyramids[0], 2, 63, 1);
}

TEST(test_slide__the_order_of_parts_does_not_matter)
{
    add("9", 63, 44, 256);
    add("1", 1000, 700, 256);
    sort();
    check_level(&slide.pyramids[0], 0, 1000, 12);
    CHECK_EQ_INT(slide.pyramids[0].levels[0].parts[0], 1);
    CHECK_EQ_INT(slide.pyramids[0].levels[0].cells[0].part, 1);
}

TEST(test_slide__another_shape_is_another_pyramid)
{
    add("1", 1000, 700, 256);
    add("2", 500, 400, 256);
    sort();
    CHECK_EQ_INT(slide.count, 2);
    CHECK_EQ_INT(slide.pyramids[0].ordinal, 1);
    check_level(&slide.pyramids[1], 0, 500, 4);
}

TEST(test_slide__two_instances_of_one_size_make_two_pyramids)
{
    add("1", 1000, 700, 256);
    add("2", 1000, 700, 256);
    add("3", 500, 350, 256);
    sort();
    CHECK_EQ_INT(slide.count, 2);
    CHECK_EQ_INT(slide.pyramids[0].level_count, 2);
    CHECK_EQ_INT(slide.pyramids[1].level_count, 1);
}

TEST(test_slide__another_container_frame_of_reference_or_pyramid_uid_is_set_apart)
{
    add("1", 1000, 700, 256);
    set(add("2", 500, 350, 256)->container, 65, "SPECIMEN 2");
    set(add("3", 250, 175, 256)->frame_of_reference_uid, 65, "1.2.3");
    set(add("4", 125, 88, 256)->pyramid_uid, 65, "1.2.4");
    sort();
    CHECK_EQ_INT(slide.count, 4);
}

TEST(test_slide__labels_and_overviews_are_no_levels_but_thumbnails_are)
{
    add("1", 1000, 700, 256);
    add("2", 500, 350, 256)->kind = SLIDE_LABEL;
    add("3", 250, 175, 256)->kind = SLIDE_OVERVIEW;
    add("4", 125, 88, 256)->kind = SLIDE_THUMBNAIL;
    sort();
    CHECK_EQ_INT(slide.count, 1);
    CHECK_EQ_INT(slide.pyramids[0].level_count, 2);
    check_level(&slide.pyramids[0], 1, 125, 1);
}

TEST(test_slide__a_thumbnail_that_fits_nowhere_is_left_out)
{
    add("1", 1000, 700, 256);
    add("2", 100, 100, 256)->kind = SLIDE_THUMBNAIL;
    sort();
    CHECK_EQ_INT(slide.count, 1);
    CHECK_EQ_INT(slide.pyramids[0].level_count, 1);
}

TEST(test_slide__a_level_of_one_pixel_fits)
{
    add("1", 70000, 1, 256);
    add("2", 1, 1, 256);
    sort();
    CHECK_EQ_INT(slide.count, 1);
    check_level(&slide.pyramids[0], 0, 70000, 274);
}

/* -- where tiles are ------------------------------------------------------------------------ */

TEST(test_slide__full_goes_along_rows_then_focal_planes_then_optical_paths)
{
    planes(add("1", 500, 300, 256), "AB", 3);
    sort();
    CHECK_EQ_INT(slide.count, 6); /* 2 x 2 tiles each */
    for (size_t i = 0; i < slide.count; i++) {
        const struct slide_pyramid *const pyramid = &slide.pyramids[i];
        const uint32_t plane = (pyramid->plane.channel[0] == 'B' ? 3u : 0u) + (uint32_t)(pyramid->plane.focus_nm / 1000);

        check_level(pyramid, 0, 500, 4);
        CHECK_EQ_INT(slide_level_at(&pyramid->levels[0], 0, 0)->frame, plane * 4 + 1);
        CHECK_EQ_INT(slide_level_at(&pyramid->levels[0], 1, 0)->frame, plane * 4 + 2);
        CHECK_EQ_INT(slide_level_at(&pyramid->levels[0], 0, 1)->frame, plane * 4 + 3);
    }
}

TEST(test_slide__a_concatenation_is_one_image)
{
    for (uint32_t i = 0; i < 3; i++) { /* 12 tiles in 5, 5, 2 frames; the last instance first */
        struct slide_part *const part = add(i == 0 ? "3" : i == 1 ? "1" : "2", 1000, 700, 256);

        set(part->concatenation_uid, 65, "1.2");
        part->first_frame = i == 0 ? 10 : i == 1 ? 0 : 5;
        part->frames = i == 0 ? 2 : 5;
    }
    sort();
    CHECK_EQ_INT(slide.count, 1);
    check_level(&slide.pyramids[0], 0, 1000, 12);
    CHECK_EQ_STR(slide.pyramids[0].reason, "1 level, every tile is there");
    const struct slide_cell *const cell = slide_level_at(&slide.pyramids[0].levels[0], 2, 1); /* tile 6 */
    CHECK_EQ_STR(parts[cell->part].sop_instance_uid, "2");
    CHECK_EQ_INT(cell->frame, 2);
}

TEST(test_slide__a_concatenation_with_a_gap_is_incomplete)
{
    struct slide_part *const part = add("1", 1000, 700, 256);

    set(part->concatenation_uid, 65, "1.2");
    part->frames = 5;
    sort();
    CHECK_EQ_STR(slide_verdict_word(slide.pyramids[0].verdict), "incomplete");
    CHECK_EQ_STR(slide.pyramids[0].reason, "1000 x 700 pixels: 7 of 12 tiles are missing");
    CHECK(slide_level_at(&slide.pyramids[0].levels[0], 1, 1) == NULL);
}

TEST(test_slide__sparse_tiles_are_where_they_say)
{
    static const struct slide_place places[] = {{512, 256, 0}, {0, 0, 0}};

    sparse(add("1", 1000, 700, 256), places, 2);
    sort();
    CHECK_EQ_STR(slide_verdict_word(slide.pyramids[0].verdict), "sparse");
    CHECK_EQ_INT(slide_level_at(&slide.pyramids[0].levels[0], 2, 1)->frame, 1);
    CHECK_EQ_INT(slide_level_at(&slide.pyramids[0].levels[0], 0, 0)->frame, 2);
    CHECK(slide_level_at(&slide.pyramids[0].levels[0], 1, 0) == NULL);
}

TEST(test_slide__tiles_off_the_grid_or_twice_in_a_place_overlap)
{
    static const struct slide_place off[] = {{0, 0, 0}, {200, 0, 0}}, twice[] = {{0, 0, 0}, {0, 0, 0}};

    sparse(add("1", 1000, 700, 256), off, 2);
    sparse(add("2", 2000, 300, 256), twice, 2);
    sort();
    CHECK_EQ_INT(slide.count, 2);
    for (size_t i = 0; i < 2; i++) {
        CHECK_EQ_STR(slide_verdict_word(slide.pyramids[i].verdict), "overlapping");
        CHECK(!slide.pyramids[i].levels[0].is_aligned);
    }
}

TEST(test_slide__rows_find_the_tiles_that_reach_into_them)
{
    size_t first, end;

    add("1", 1000, 700, 256);
    sort();
    slide_level_rows(&slide.pyramids[0].levels[0], 255, 257, &first, &end);
    CHECK_EQ_INT(first, 0);
    CHECK_EQ_INT(end, 8);
    slide_level_rows(&slide.pyramids[0].levels[0], 256, 512, &first, &end);
    CHECK_EQ_INT(first, 4);
    CHECK_EQ_INT(end, 8);
}

TEST(test_slide__profiles_that_differ_are_told)
{
    add("1", 1000, 700, 256)->profile = 7;
    add("2", 500, 350, 256)->profile = 8;
    sort();
    CHECK(slide.pyramids[0].profiles_differ);
}

TEST(test_slide__a_fault_is_told_beside_what_is_usable)
{
    add("1", 1000, 700, 256);
    add("2", 500, 350, 256)->fault = SLIDE_FAULT_COUNT;
    sort();
    CHECK_EQ_INT(slide.count, 2);
    CHECK_EQ_STR(slide_verdict_word(slide.pyramids[1].verdict), "unusable");
    CHECK_EQ_INT(slide.pyramids[1].level_count, 0);
}

TEST(test_slide__more_tiles_than_are_sorted_are_unusable)
{
    for (int i = 0; i < 5; i++) {
        struct slide_part *const part = add(i % 2 ? "1" : "2", 1000000, 1000000, 1000);

        set(part->container, 65, i % 2 ? "A" : "B");
    }
    CHECK_EQ_INT(parts[0].frames, 1000000);
    sort();
    CHECK_EQ_INT(slide.count, 5);
    CHECK_EQ_STR(slide_verdict_word(slide.pyramids[4].verdict), "unusable");
}

/* -- on the way ------------------------------------------------------------------------------ */

static enum error_kind try_blob(const void *data, size_t size)
{
    struct slide_part part;
    struct error why = {0};
    const bool ok = slide_blob_parse(data, size, &part, &why);

    slide_part_release(&part);
    return ok ? ERROR_NONE : why.kind;
}

TEST(test_slide_blob__comes_back_as_it_was)
{
    static const struct slide_place places[] = {{512, 256, 1}, {0, 0, 0}, {999, 699, 1}};
    struct slide_part *const part = add("1", 1000, 700, 256), back;
    struct buffer out = {0};

    planes(part, "AB", 1);
    part->planes[1].focus_nm = -1500;
    part->first_frame = 77;
    part->row_spacing_mm = 0.00025;
    part->profile = 12345;
    set(part->concatenation_uid, 65, "1.2.3");
    set(part->container, 65, "SPECIMEN");
    sparse(part, places, 3);
    CHECK_OK(slide_blob_write(part, &out, &err), err);
    CHECK_OK(slide_blob_parse(out.data, out.size, &back, &err), err);
    CHECK_EQ_INT(back.columns, 1000);
    CHECK_EQ_INT(back.first_frame, 77);
    CHECK_EQ_INT(back.profile, 12345);
    CHECK_EQ_STR(back.container, "SPECIMEN");
    CHECK_EQ_INT(back.plane_count, 2);
    CHECK_EQ_INT(back.planes[1].focus_nm, -1500);
    CHECK(memcmp(back.places, places, sizeof places) == 0);
    slide_part_release(&back);
    buffer_release(&out);
}

TEST(test_slide_blob__neighbouring_tiles_take_three_bytes)
{
    struct slide_part *const part = add("1", 200000, 256, 256);
    struct buffer out = {0}, full = {0};

    CHECK_OK(slide_blob_write(part, &full, &err), err);
    part->places = memory_array(part->frames, sizeof *part->places, &err);
    for (uint32_t i = 0; i < part->frames; i++)
        part->places[i].column = i * 256;
    CHECK_OK(slide_blob_write(part, &out, &err), err);
    CHECK_EQ_INT(out.size - full.size, 3 * part->frames);
    CHECK(full.size < 200);
    buffer_release(&full);
    buffer_release(&out);
}

TEST(test_slide_blob__places_outside_are_refused)
{
    const struct slide_place outside = {1000, 0, 0};
    struct slide_part *const part = add("1", 1000, 700, 256);
    struct buffer out = {0};

    sparse(part, &outside, 1);
    CHECK_OK(slide_blob_write(part, &out, &err), err);
    CHECK_EQ_INT(try_blob(out.data, out.size), ERROR_PROTOCOL);
    buffer_release(&out);
}

TEST(test_slide_blob__hostile_bytes_are_refused_or_parsed)
{
    static const struct slide_place places[] = {{512, 256, 0}, {0, 0, 0}};
    struct slide_part *const part = add("1", 1000, 700, 256);
    struct buffer out = {0};

    sparse(part, places, 2);
    CHECK_OK(slide_blob_write(part, &out, &err), err);
    hostile_check(try_blob, out.data, out.size, ERROR_PROTOCOL, 2000);
    buffer_release(&out);
}
