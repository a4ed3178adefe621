/* links: base dicom */
/* slide_read: what objects hold of a slide, and where it lies. */
#include "dicom/slide_read.h"
#include "tests/support/data_set.h"

#define WHOLE_SLIDE "1.2.840.10008.5.1.4.1.1.77.1.6"
#define SEGMENTATION "1.2.840.10008.5.1.4.1.1.66.4"

static struct error err;
static struct buffer notes;
static struct slide_part part;
static bool is_part;

struct tiling {
    const char *type, *frames; /* Image Type; Number of Frames */
    uint32_t columns, rows;    /* 0: no Total Pixel Matrix */
    const char *organization;  /* NULL: absent */
    uint32_t paths, focal;     /* Total Pixel Matrix Focal Planes; 0: absent */
    const char *concatenation, *offset;
};

static void set_ul(struct set *s, uint32_t tag, const char *vr, uint32_t value)
{
    set_head(s, tag, vr, 4);
    set_u32(s, value);
}

/* Up to the functional groups: tiles of 100 x 100. */
static struct set begin(const struct tiling *t)
{
    struct set s = set_new("1.2.840.10008.1.2.1");

    set_text(&s, 0x00080008, "CS", t->type);
    set_text(&s, 0x00080016, "UI", WHOLE_SLIDE);
    set_text(&s, 0x00080018, "UI", "1.2.3.4");
    if (t->concatenation != NULL) {
        set_text(&s, 0x00209161, "UI", t->concatenation);
        set_ul(&s, 0x00209228, "UL", (uint32_t)strtoul(t->offset, NULL, 10));
    }
    if (t->organization != NULL)
        set_text(&s, 0x00209311, "CS", t->organization);
    set_us(&s, 0x00280002, 1);
    set_text(&s, 0x00280004, "CS", "MONOCHROME2");
    set_text(&s, 0x00280008, "IS", t->frames);
    set_us(&s, 0x00280010, 100);
    set_us(&s, 0x00280011, 100);
    set_us(&s, 0x00280100, 8);
    set_us(&s, 0x00280101, 8);
    set_us(&s, 0x00280102, 7);
    set_us(&s, 0x00280103, 0);
    if (t->columns > 0) {
        set_ul(&s, 0x00480006, "UL", t->columns);
        set_ul(&s, 0x00480007, "UL", t->rows);
    }
    set_open_sequence(&s, 0x00480105);
    for (uint32_t i = 0; i < t->paths; i++) {
        set_open_item(&s);
        set_text(&s, 0x00480106, "SH", i == 0 ? "red" : "green");
        set_close_item(&s);
    }
    set_close_sequence(&s);
    if (t->focal > 0)
        set_ul(&s, 0x00480303, "UL", t->focal);
    return s;
}

static void add_position(struct set *s, uint32_t column, uint32_t row, const char *z, const char *path)
{
    set_open_item(s);
    set_open_sequence(s, 0x00480207);
    set_open_item(s);
    set_text(s, 0x00480106, "SH", path);
    set_close_item(s);
    set_close_sequence(s);
    set_open_sequence(s, 0x0048021a);
    set_open_item(s);
    set_text(s, 0x0040074a, "DS", z);
    set_ul(s, 0x0048021e, "SL", column);
    set_ul(s, 0x0048021f, "SL", row);
    set_close_item(s);
    set_close_sequence(s);
    set_close_item(s);
}

/* `frames` of them can be read. */
static void read_part(struct set *s, uint32_t frames)
{
    struct object *object = NULL;
    struct image image;

    slide_part_release(&part);
    set_raw(s, 0x7fe00010, "OB", "", 0);
    CHECK_OK(set_open(s, &object, &err), err);
    image = (struct image){.rows = 100, .columns = 100, .frames = frames, .samples_per_pixel = 1, .bits_stored = 8,
                           .is_tiled = true};
    CHECK_OK(slide_read(object, &image, &part, &is_part, &notes, &err), err);
    object_close(object);
    set_release(s);
}

static void read_simple(const struct tiling *t, uint32_t frames)
{
    struct set s = begin(t);

    read_part(&s, frames);
}

static const struct tiling plain = {.type = "ORIGINAL\\PRIMARY\\VOLUME\\NONE", .frames = "6", .columns = 250, .rows = 200,
                                    .organization = "TILED_FULL", .paths = 1};

TEST(test_slide_read__full_needs_no_place_for_a_tile)
{
    read_simple(&plain, 6);
    CHECK(is_part && part.fault == SLIDE_FAULT_NONE && part.places == NULL);
    CHECK_EQ_INT(part.columns, 250);
    CHECK_EQ_INT(part.tile_columns, 100);
    CHECK_EQ_INT(part.plane_count, 1);
    CHECK_EQ_STR(part.planes[0].channel, "red");
}

TEST(test_slide_read__without_a_matrix_it_is_no_part)
{
    struct tiling t = plain;

    t.columns = 0;
    read_simple(&t, 6);
    CHECK(!is_part);
}

TEST(test_slide_read__kinds_are_told_by_image_type)
{
    static const char *const types[] = {"ORIGINAL\\PRIMARY\\VOLUME\\NONE", "ORIGINAL\\PRIMARY\\THUMBNAIL\\NONE",
                                        "ORIGINAL\\PRIMARY\\LABEL\\NONE", "ORIGINAL\\PRIMARY\\OVERVIEW\\NONE"};

    for (int i = 0; i < 4; i++) {
        struct tiling t = plain;

        t.type = types[i];
        read_simple(&t, 6);
        CHECK_EQ_INT(part.kind, i);
    }
}

TEST(test_slide_read__full_repeats_focal_planes_then_paths)
{
    struct tiling t = plain;

    t.paths = t.focal = 2;
    t.frames = "24";
    read_simple(&t, 24);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_NONE);
    CHECK_EQ_INT(part.plane_count, 4);
    CHECK_EQ_STR(part.planes[1].channel, "red");
    CHECK_EQ_STR(part.planes[2].channel, "green");
    CHECK_EQ_INT(part.planes[0].focus_nm, 0);
    CHECK_EQ_INT(part.planes[1].focus_nm, 1000);
}

TEST(test_slide_read__without_a_type_as_many_frames_as_full_has_are_full)
{
    struct tiling t = plain;

    t.organization = NULL;
    read_simple(&t, 6);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_NONE);
    CHECK(strstr(buffer_text(&notes), "no Dimension Organization Type") != NULL);
    t.frames = "5";
    read_simple(&t, 5);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_COUNT);
    CHECK_EQ_INT(part.plane_count, 0);
}

TEST(test_slide_read__full_of_another_number_of_frames_is_a_fault)
{
    struct tiling t = plain;

    t.frames = "7";
    read_simple(&t, 7);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_COUNT);
}

TEST(test_slide_read__frames_lost_at_the_end_are_no_fault)
{
    read_simple(&plain, 4);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_NONE);
    CHECK_EQ_INT(part.frames, 4);
}

TEST(test_slide_read__a_part_of_a_concatenation_may_have_fewer)
{
    struct tiling t = plain;

    t.concatenation = "1.2.9";
    t.offset = "4";
    t.frames = "2";
    read_simple(&t, 2);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_NONE);
    CHECK_EQ_INT(part.first_frame, 4);
    t.offset = "5"; /* the second one would be behind the last */
    read_simple(&t, 2);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_COUNT);
}

TEST(test_slide_read__positions_of_sparse_tiles_are_kept)
{
    struct tiling t = plain;

    t.organization = "TILED_SPARSE";
    t.frames = "2";
    struct set s = begin(&t);
    set_open_sequence(&s, 0x52009230);
    add_position(&s, 201, 101, "0.0015", "green");
    add_position(&s, 1, 1, "0", "red");
    set_close_sequence(&s);
    read_part(&s, 2);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_NONE);
    CHECK(part.places != NULL);
    CHECK_EQ_INT(part.places[0].column, 200);
    CHECK_EQ_INT(part.places[0].row, 100);
    CHECK_EQ_INT(part.places[1].plane, 1);
    CHECK_EQ_STR(part.planes[0].channel, "green");
    CHECK_EQ_INT(part.planes[0].focus_nm, 1500);
}

static void read_six(const char *organization, bool in_order)
{
    struct tiling t = plain;

    t.organization = organization;
    struct set s = begin(&t);
    set_open_sequence(&s, 0x52009230);
    for (uint32_t i = 0; i < 6; i++) {
        const uint32_t tile = in_order ? i : 5 - i;
        add_position(&s, tile % 3 * 100 + 1, tile / 3 * 100 + 1, "0", "red");
    }
    set_close_sequence(&s);
    read_part(&s, 6);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_NONE);
}

TEST(test_slide_read__positions_in_the_order_of_full_are_not_kept)
{
    read_six("TILED_SPARSE", true);
    CHECK(part.places == NULL);
}

TEST(test_slide_read__positions_are_believed_where_they_contradict_full)
{
    read_six("TILED_FULL", false);
    CHECK(part.places != NULL && part.places[0].column == 200);
    CHECK(strstr(buffer_text(&notes), "they are believed") != NULL);
}

TEST(test_slide_read__a_position_outside_or_missing_is_a_fault)
{
    struct tiling t = plain;

    t.organization = "TILED_SPARSE";
    read_simple(&t, 6);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_POSITIONS);
    t.frames = "1";
    struct set s = begin(&t);
    set_open_sequence(&s, 0x52009230);
    add_position(&s, 251, 1, "0", "red");
    set_close_sequence(&s);
    read_part(&s, 1);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_POSITIONS);
}

TEST(test_slide_read__absurd_sizes_are_faults)
{
    struct tiling t = plain;

    t.columns = UINT32_MAX;
    read_simple(&t, 6);
    CHECK(is_part);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_TOO_LARGE);
    t.columns = t.rows = 1 << 24;
    read_simple(&t, 6);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_TOO_LARGE);
    t = plain;
    t.focal = 5000000;
    read_simple(&t, 6);
    CHECK_EQ_INT(part.fault, SLIDE_FAULT_PLANES);
}
