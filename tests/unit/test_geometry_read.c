/* links: base dicom */
/* geometry_read: the slices of objects of all kinds. */
#include "dicom/geometry_read.h"
#include "tests/support/data_set.h"

#define EXPLICIT "1.2.840.10008.1.2.1"
#define CT "1.2.840.10008.5.1.4.1.1.2"
#define MR "1.2.840.10008.5.1.4.1.1.4"
#define ENHANCED_MR "1.2.840.10008.5.1.4.1.1.4.1"
#define NM "1.2.840.10008.5.1.4.1.1.20"
#define RT_DOSE "1.2.840.10008.5.1.4.1.1.481.2"

enum { SLICES_MOST = 32 };

static struct slice slices[SLICES_MOST];
static size_t slice_count;
static struct error err;

/* ---------------------------------------------------------------- objects, elements in ascending
 * order */

static void set_fd(struct set *s, uint32_t tag, const double *values, size_t count)
{
    set_raw(s, tag, "FD", values, 8 * count); /* the tests' machines are little endian */
}

static struct set begin(const char *sop_class, const char *modality, const char *image_type)
{
    struct set s = set_new(EXPLICIT);
    if (image_type)
        set_text(&s, 0x00080008, "CS", image_type);
    set_text(&s, 0x00080016, "UI", sop_class);
    set_text(&s, 0x00080018, "UI", "1.2.3.4");
    return (set_text(&s, 0x00080060, "CS", modality), s);
}

static void set_plane(struct set *s, const char *position, const char *orientation)
{
    set_text(s, 0x00200032, "DS", position);
    set_text(s, 0x00200037, "DS", orientation);
}

static void set_matrix(struct set *s, uint16_t rows, uint16_t columns, const char *frames,
                       const char *spacing)
{
    set_us(s, 0x00280002, 1);
    set_text(s, 0x00280004, "CS", "MONOCHROME2");
    if (frames)
        set_text(s, 0x00280008, "IS", frames);
    set_us(s, 0x00280010, rows);
    set_us(s, 0x00280011, columns);
    if (spacing)
        set_text(s, 0x00280030, "DS", spacing);
    set_us(s, 0x00280100, 16);
    set_us(s, 0x00280101, 12);
    set_us(s, 0x00280102, 11);
    set_us(s, 0x00280103, 1);
}

static bool take(void *client, const struct slice *slice, struct error *error)
{
    (void)client;
    (void)error;
    CHECK(slice_count < SLICES_MOST);
    slices[slice_count++] = *slice;
    return true;
}

/* Puts the pixel data and reads the slices of all. */
static void read_slices(struct set *s, size_t pixels)
{
    struct object *object = NULL;
    struct image image;
    struct buffer notes = {0};
    uint8_t *const zeros = calloc(2, pixels);
    set_raw(s, 0x7fe00010, "OW", zeros, 2 * pixels);
    free(zeros);
    slice_count = 0;
    CHECK_OK(set_open(s, &object, &err), err);
    CHECK_OK(image_read(object, &image, &notes, &err), err);
    CHECK_OK(geometry_read(object, &image, take, NULL, &err), err);
    image_release(&image);
    buffer_release(&notes);
    object_close(object);
    set_release(s);
}

static void check_position(size_t i, double x, double y, double z)
{
    CHECK_NEAR(slices[i].position[0], x, 1e-9);
    CHECK_NEAR(slices[i].position[1], y, 1e-9);
    CHECK_NEAR(slices[i].position[2], z, 1e-9);
}

static void check_fault(size_t frames, enum slice_fault fault)
{
    CHECK_EQ_UINT(slice_count, 1);
    CHECK_EQ_INT(slices[0].fault, fault);
    CHECK_EQ_UINT(slices[0].frames, frames);
}

/* ---------------------------------------------------------------- single frames */

TEST(test_geometry_read__ct)
{
    struct set s = begin(CT, "CT", "ORIGINAL\\PRIMARY\\AXIAL");
    set_text(&s, 0x00200012, "IS", "7");
    set_text(&s, 0x00200013, "IS", "42");
    set_plane(&s, "-125.5\\10\\3.25", "1\\0\\0\\0\\0.6\\-0.8");
    set_matrix(&s, 4, 3, NULL, "0.5\\0.25");
    set_text(&s, 0x00281052, "DS", "-1024");
    set_text(&s, 0x00281053, "DS", "2");
    read_slices(&s, 12);
    const struct slice *const slice = &slices[0];
    CHECK_EQ_UINT(slice_count, 1);
    CHECK_EQ_INT(slice->fault, SLICE_NONE);
    CHECK_EQ_STR(slice->sop_instance_uid, "1.2.3.4");
    CHECK_EQ_UINT(slice->frame, 1);
    CHECK_EQ_UINT(slice->frames, 1);
    CHECK_EQ_UINT(slice->rows, 4);
    CHECK_EQ_UINT(slice->columns, 3);
    check_position(0, -125.5, 10, 3.25);
    CHECK_NEAR(slice->row[0], 1, 0);
    CHECK_NEAR(slice->column[2], -0.8, 0);
    CHECK_NEAR(slice->row_spacing_mm, 0.5, 0); /* between rows first */
    CHECK_NEAR(slice->column_spacing_mm, 0.25, 0);
    CHECK_NEAR(slice->slope, 2, 0);
    CHECK_NEAR(slice->intercept, -1024, 0);
    CHECK(slice->is_signed && !slice->is_float && !slice->has_padding);
    CHECK_EQ_UINT(slice->bits_stored, 12);
    CHECK_EQ_INT(slice->instance_number, 42);
    CHECK_EQ_INT(slice->acquisition_number, 7);
    CHECK_EQ_STR(slice->image_type, "ORIGINAL\\PRIMARY\\AXIAL");
    CHECK(isnan(slice->b_value) && isnan(slice->echo_time_ms));
    CHECK_EQ_INT(slice->temporal_position, SLICE_NO_NUMBER);
}

TEST(test_geometry_read__padding)
{
    const uint16_t padding = (uint16_t)-2000;
    struct set s = begin(CT, "CT", NULL);
    set_plane(&s, "0\\0\\0", "1\\0\\0\\0\\1\\0");
    set_matrix(&s, 4, 3, NULL, "1\\1");
    set_us_list(&s, 0x00280120, "SS", &padding, 1);
    read_slices(&s, 12);
    CHECK(slices[0].has_padding);
    CHECK_NEAR(slices[0].padding_low, -2000, 0);
    CHECK_NEAR(slices[0].padding_high, -2000, 0);
}

TEST(test_geometry_read__imager_pixel_spacing_is_not_the_patients)
{
    struct set s = begin(CT, "CT", NULL);
    set_text(&s, 0x00181164, "DS", "0.1\\0.1");
    set_plane(&s, "0\\0\\0", "1\\0\\0\\0\\1\\0");
    set_matrix(&s, 4, 3, NULL, NULL);
    read_slices(&s, 12);
    check_fault(1, SLICE_DETECTOR_SPACING);
}

static int64_t time_of(const char *date_time, const char *date, const char *time)
{
    struct set s = set_new(EXPLICIT);
    set_text(&s, 0x00080016, "UI", CT);
    if (date)
        set_text(&s, 0x00080022, "DA", date);
    if (date_time)
        set_text(&s, 0x0008002a, "DT", date_time);
    if (time)
        set_text(&s, 0x00080032, "TM", time);
    set_text(&s, 0x00080060, "CS", "CT");
    set_matrix(&s, 4, 3, NULL, NULL);
    read_slices(&s, 12);
    return slices[0].acquisition_time_us;
}

TEST(test_geometry_read__acquisition_time)
{
    const int64_t second = 1000000, day = 86400 * second;
    const int64_t noon = time_of(NULL, "20240228", "120000");
    CHECK_EQ_INT(time_of("20240228120000.000000+0100", "19990101", "1"), noon);
    CHECK_EQ_INT(time_of(NULL, "20240229", "120000") - noon, day);
    CHECK_EQ_INT(time_of(NULL, "20240301", "12") - noon, 2 * day);
    CHECK_EQ_INT(time_of(NULL, "20250228", "120000") - noon, 366 * day);
    CHECK_EQ_INT(time_of(NULL, "20240228", "120001.25") - noon, second + 250000);
    CHECK_EQ_INT(time_of(NULL, NULL, "000001.5"), second + 500000);
    CHECK_EQ_INT(time_of(NULL, "20240228", "noon"), SLICE_NO_NUMBER);
    CHECK_EQ_INT(time_of(NULL, "20240228", "250000"), SLICE_NO_NUMBER);
    CHECK_EQ_INT(time_of(NULL, NULL, NULL), SLICE_NO_NUMBER);
}

TEST(test_geometry_read__long_image_types_differ_where_they_differ)
{
    char type[260], first[SLICE_TYPE_SIZE];
    for (int i = 0; i < 2; i++) {
        memset(type, 'A', sizeof type);
        for (size_t k = 15; k < sizeof type; k += 16)
            type[k] = '\\';
        type[254] = i ? 'B' : 'C';
        type[255] = '\0';
        struct set s = begin(CT, "CT", type);
        set_matrix(&s, 4, 3, NULL, NULL);
        read_slices(&s, 12);
        if (i == 0)
            memcpy(first, slices[0].image_type, sizeof first);
    }
    CHECK(strcmp(first, slices[0].image_type) != 0);
    CHECK_EQ_UINT(strlen(first), SLICE_TYPE_SIZE - 1);
    CHECK(!strncmp(first, "AAAAAAAAAAAAAAA\\AAAAA", 20));
}

/* ---------------------------------------------------------------- diffusion */

TEST(test_geometry_read__b_value_of_the_standard)
{
    const double b = 700, gradient[3] = {0, 0.6, 0.8};
    struct set s = begin(MR, "MR", NULL);
    set_fd(&s, 0x00189087, &b, 1);
    set_fd(&s, 0x00189089, gradient, 3);
    set_matrix(&s, 4, 3, NULL, NULL);
    read_slices(&s, 12);
    CHECK_NEAR(slices[0].b_value, 700, 0);
    CHECK_NEAR(slices[0].gradient[2], 0.8, 0);
}

TEST(test_geometry_read__b_value_of_siemens)
{
    const double gradient[3] = {0.6, 0, 0.8};
    struct set s = begin(MR, "MR", NULL);
    set_text(&s, 0x00190010, "LO", "SOMEBODY ELSE");
    set_text(&s, 0x00190011, "LO", "SIEMENS MR HEADER");
    set_text(&s, 0x0019100c, "IS", "1");
    set_text(&s, 0x0019110c, "IS", "1000");
    set_fd(&s, 0x0019110e, gradient, 3);
    set_matrix(&s, 4, 3, NULL, NULL);
    read_slices(&s, 12);
    CHECK_NEAR(slices[0].b_value, 1000, 0);
    CHECK_NEAR(slices[0].gradient[0], 0.6, 0);
}

TEST(test_geometry_read__b_value_of_ge)
{
    struct set s = begin(MR, "MR", NULL);
    set_text(&s, 0x00190010, "LO", "GEMS_ACQU_01");
    set_text(&s, 0x001910bb, "DS", "0.5");
    set_text(&s, 0x001910bc, "DS", "-0.5");
    set_text(&s, 0x001910bd, "DS", "0.7");
    set_matrix(&s, 4, 3, NULL, NULL);
    set_text(&s, 0x00430010, "LO", "GEMS_PARM_01");
    set_text(&s, 0x00431039, "IS", "1000000800\\8\\0\\0");
    read_slices(&s, 12);
    CHECK_NEAR(slices[0].b_value, 800, 0);
    CHECK_NEAR(slices[0].gradient[1], -0.5, 0);
}

TEST(test_geometry_read__b_value_of_philips)
{
    const float b = 1500, x = 0.25;
    struct set s = begin(MR, "MR", NULL);
    set_matrix(&s, 4, 3, NULL, NULL);
    set_text(&s, 0x20010010, "LO", "Philips Imaging DD 001");
    set_raw(&s, 0x20011003, "FL", &b, 4);
    set_text(&s, 0x20050010, "LO", "Philips MR Imaging DD 001");
    set_raw(&s, 0x200510b0, "FL", &x, 4);
    read_slices(&s, 12);
    CHECK_NEAR(slices[0].b_value, 1500, 0);
    CHECK_NEAR(slices[0].gradient[0], 0.25, 0);
}

/* ---------------------------------------------------------------- enhanced multi-frame */

static void open_macro(struct set *s, uint32_t macro)
{
    set_open_sequence(s, macro);
    set_open_item(s);
}

static void close_macro(struct set *s)
{
    set_close_item(s);
    set_close_sequence(s);
}

static void set_frame_content(struct set *s, uint32_t in_stack, uint32_t time)
{
    open_macro(s, 0x00209111);
    set_text(s, 0x00189074, "DT", time == 1 ? "20240228120000" : "20240228120002");
    set_text(s, 0x00209056, "SH", "head");
    set_raw(s, 0x00209057, "UL", &in_stack, 4);
    set_raw(s, 0x00209128, "UL", &time, 4);
    close_macro(s);
}

static void set_frame(struct set *s, uint32_t in_stack, uint32_t time, double b)
{
    char position[32];
    const double gradient[3] = {1, 0, 0}, delay = 10.0 * in_stack;
    set_open_item(s);
    open_macro(s, 0x00189117);
    open_macro(s, 0x00189076);
    set_fd(s, 0x00189089, gradient, 3);
    close_macro(s);
    set_fd(s, 0x00189087, &b, 1);
    close_macro(s);
    open_macro(s, 0x00189118);
    set_fd(s, 0x00209153, &delay, 1);
    close_macro(s);
    set_frame_content(s, in_stack, time);
    open_macro(s, 0x00209113);
    snprintf(position, sizeof position, "1\\2\\%u", 3 + 5 * in_stack);
    set_text(s, 0x00200032, "DS", position);
    close_macro(s);
    open_macro(s, 0x00289145);
    set_text(s, 0x00281052, "DS", "0");
    set_text(s, 0x00281053, "DS", in_stack == 1 ? "1.5" : "2.5");
    close_macro(s);
    set_close_item(s);
}

static void set_shared(struct set *s)
{
    const double echo_time = 4.5;
    open_macro(s, 0x52009229);
    open_macro(s, 0x00189114);
    set_fd(s, 0x00189082, &echo_time, 1);
    close_macro(s);
    open_macro(s, 0x00189226);
    set_text(s, 0x00089007, "CS", "ORIGINAL\\PRIMARY\\DIFFUSION\\NONE");
    close_macro(s);
    open_macro(s, 0x00209116);
    set_text(s, 0x00200037, "DS", "1\\0\\0\\0\\1\\0");
    close_macro(s);
    open_macro(s, 0x00289110);
    set_text(s, 0x00180088, "DS", "5");
    set_text(s, 0x00280030, "DS", "0.5\\0.25");
    close_macro(s);
    close_macro(s);
}

TEST(test_geometry_read__functional_groups)
{
    struct set s = begin(ENHANCED_MR, "MR", "MIXED\\PRIMARY");
    set_text(&s, 0x00181164, "DS", "9\\9"); /* not asked, as there are Pixel Measures */
    set_matrix(&s, 4, 3, "4", NULL);
    set_shared(&s);
    set_open_sequence(&s, 0x52009230);
    for (uint32_t i = 0; i < 4; i++)
        set_frame(&s, 2 - i % 2, 1 + i / 2, i < 2 ? 0 : 1000);
    set_close_sequence(&s);
    read_slices(&s, 48);
    CHECK_EQ_UINT(slice_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        const struct slice *const slice = &slices[i];
        const int64_t in_stack = 2 - i % 2;
        CHECK_EQ_INT(slice->fault, SLICE_NONE);
        CHECK_EQ_UINT(slice->frame, i + 1);
        CHECK_EQ_STR(slice->image_type, "ORIGINAL\\PRIMARY\\DIFFUSION\\NONE");
        CHECK_EQ_STR(slice->stack_id, "head");
        CHECK_EQ_INT(slice->in_stack_position, in_stack);
        CHECK_EQ_INT(slice->temporal_position, 1 + i / 2);
        CHECK_NEAR(slice->b_value, i < 2 ? 0 : 1000, 0);
        CHECK_NEAR(slice->gradient[0], 1, 0);
        CHECK_NEAR(slice->trigger_time_ms, 10.0 * (double)in_stack, 0);
        CHECK_NEAR(slice->echo_time_ms, 4.5, 0);
        CHECK_NEAR(slice->row_spacing_mm, 0.5, 0);
        CHECK_NEAR(slice->declared_spacing_mm, 5, 0);
        CHECK_NEAR(slice->slope, in_stack == 1 ? 1.5 : 2.5, 0);
        check_position(i, 1, 2, 3 + 5 * (double)in_stack);
    }
    CHECK_EQ_INT(slices[2].acquisition_time_us - slices[0].acquisition_time_us, 2000000);
}

TEST(test_geometry_read__frames_without_positions)
{
    struct set s = begin(CT, "XA", NULL);
    set_plane(&s, "0\\0\\0", "1\\0\\0\\0\\1\\0");
    set_matrix(&s, 4, 3, "5", "1\\1");
    read_slices(&s, 60);
    check_fault(5, SLICE_NO_FRAME_POSITIONS);
}

TEST(test_geometry_read__tiles)
{
    struct set s = begin("1.2.840.10008.5.1.4.1.1.77.1.6", "SM", NULL);
    set_text(&s, 0x00209311, "CS", "TILED_FULL");
    set_matrix(&s, 4, 3, "5", "1\\1");
    read_slices(&s, 60);
    check_fault(5, SLICE_TILED);
}

/* ---------------------------------------------------------------- RT Dose */

static void read_dose(const char *position, const char *orientation, const char *offsets)
{
    struct set s = begin(RT_DOSE, "RTDOSE", NULL);
    set_plane(&s, position, orientation);
    set_matrix(&s, 4, 3, "3", "2\\2");
    if (offsets)
        set_text(&s, 0x3004000c, "DS", offsets);
    set_text(&s, 0x3004000e, "DS", "1e-3");
    read_slices(&s, 36);
}

TEST(test_geometry_read__dose_with_relative_offsets)
{
    read_dose("10\\20\\-30", "1\\0\\0\\0\\1\\0", "0\\2.5\\5");
    CHECK_EQ_UINT(slice_count, 3);
    check_position(0, 10, 20, -30);
    check_position(2, 10, 20, -25);
    CHECK_EQ_UINT(slices[2].frame, 3);
    CHECK_NEAR(slices[1].slope, 1e-3, 0);
    /* along the normal of the plane, which points to the feet here */
    read_dose("10\\20\\-30", "1\\0\\0\\0\\-1\\0", "0\\2.5\\5");
    check_position(2, 10, 20, -35);
    read_dose("10\\20\\-30", "1\\0\\0\\0\\1\\0", "0\\-2.5\\-5");
    check_position(2, 10, 20, -35);
}

TEST(test_geometry_read__dose_with_positions_for_offsets)
{
    read_dose("10\\20\\-30", "1\\0\\0\\0\\1\\0", "-30\\-27.5\\-25");
    check_position(0, 10, 20, -30);
    check_position(2, 10, 20, -25);
}

TEST(test_geometry_read__dose_offsets_that_do_not_fit)
{
    read_dose("10\\20\\-30", "1\\0\\0\\0\\1\\0", "7\\8\\9");
    check_fault(3, SLICE_BAD_OFFSETS);
    read_dose("10\\20\\-30", "1\\0\\0\\0\\1\\0", "0\\2.5");
    check_fault(3, SLICE_BAD_OFFSETS);
    read_dose("10\\20\\-30", "1\\0\\0\\0\\0\\-1", "-30\\-27.5\\-25"); /* coronal */
    check_fault(3, SLICE_BAD_OFFSETS);
    read_dose("10\\20\\-30", "1\\0\\0\\0\\1\\0", NULL);
    check_fault(3, SLICE_NO_FRAME_POSITIONS);
}

/* ---------------------------------------------------------------- nuclear medicine */

static void read_nm(const char *type, const char *spacing, const uint16_t *slice_vector)
{
    static const uint16_t slots[4] = {1, 1, 2, 2};
    struct set s = begin(NM, "NM", type);
    if (spacing)
        set_text(&s, 0x00180088, "DS", spacing);
    set_matrix(&s, 4, 3, "4", "3\\3");
    open_macro(&s, 0x00540022);
    set_plane(&s, "10\\20\\30", "1\\0\\0\\0\\1\\0");
    close_macro(&s);
    set_us_list(&s, 0x00540070, "US", slots, 4);
    if (slice_vector)
        set_us_list(&s, 0x00540080, "US", slice_vector, 4);
    read_slices(&s, 48);
}

TEST(test_geometry_read__nm_by_detector_and_slice_vector)
{
    static const uint16_t vector[4] = {1, 2, 2, 1};
    read_nm("ORIGINAL\\PRIMARY\\RECON TOMO\\EMISSION", "-4.5", vector);
    CHECK_EQ_UINT(slice_count, 4);
    check_position(0, 10, 20, 30);
    check_position(1, 10, 20, 25.5); /* in front of the first: against the normal */
    check_position(2, 10, 20, 25.5);
    check_position(3, 10, 20, 30);
    CHECK_EQ_INT(slices[1].temporal_position, 1);
    CHECK_EQ_INT(slices[2].temporal_position, 2);
    read_nm("ORIGINAL\\PRIMARY\\RECON TOMO\\EMISSION", "4.5", NULL);
    check_position(3, 10, 20, 43.5);
}

TEST(test_geometry_read__nm_without_what_it_takes)
{
    read_nm("ORIGINAL\\PRIMARY\\TOMO\\EMISSION", "4.5", NULL);
    check_fault(4, SLICE_PROJECTION);
    read_nm("ORIGINAL\\PRIMARY\\RECON TOMO\\EMISSION", NULL, NULL);
    CHECK_EQ_UINT(slice_count, 4);
    CHECK_EQ_INT(slices[0].fault, SLICE_NONE);
    CHECK_EQ_INT(slices[1].fault, SLICE_NO_SLICE_SPACING);
}

/* ---------------------------------------------------------------- mosaic */

static void put_u32(struct buffer *b, uint32_t value)
{
    CHECK_OK(buffer_put_u32(b, value, &err), err);
}

/* A tag with `items` items, of which the first `count` have a text; version 1 counts lengths from
 * the number of items of the first tag. */
static void put_csa_tag(struct buffer *b, bool version_2, const char *name, uint32_t items,
                        const char *const *texts, uint32_t count)
{
    char field[64] = "";
    memcpy(field, name, strlen(name));
    CHECK_OK(buffer_append(b, field, 64, &err), err);
    put_u32(b, count);
    CHECK_OK(buffer_append(b, "FD\0\0", 4, &err), err);
    put_u32(b, 4);
    put_u32(b, items);
    put_u32(b, 77);
    for (uint32_t i = 0; i < items; i++) {
        char padded[64] = "";
        const size_t length = i < count ? strlen(texts[i]) + 1 : 0;
        if (i < count)
            memcpy(padded, texts[i], length);
        const uint32_t size = (uint32_t)length;
        put_u32(b, version_2 ? size : size + 6);
        put_u32(b, version_2 ? size : 0);
        put_u32(b, 77);
        put_u32(b, 0);
        CHECK_OK(buffer_append(b, padded, (length + 3) / 4 * 4, &err), err);
    }
}

static void set_csa(struct set *s, bool version_2, const char *slices_text, const char *z)
{
    static const char *const b_value[1] = {"1000    "};
    const char *const number[1] = {slices_text};
    const char *const normal[3] = {"0.0", "0.00000000", z};
    struct buffer b = {0};
    if (version_2)
        CHECK_OK(buffer_append(&b, "SV10\4\3\2\1", 8, &err), err);
    put_u32(&b, 3);
    put_u32(&b, 77);
    put_csa_tag(&b, version_2, "B_value", 6, b_value, 1);
    put_csa_tag(&b, version_2, "SliceNormalVector", 6, normal, 3);
    put_csa_tag(&b, version_2, "NumberOfImagesInMosaic", 6, number, 1);
    set_text(s, 0x00290010, "LO", "SIEMENS CSA HEADER");
    set_raw(s, 0x00291010, "OB", b.data, b.size);
    buffer_release(&b);
}

/* 3 x 3 tiles of 4 rows x 5 columns. */
static void read_mosaic(bool version_2, const char *number, const char *z)
{
    struct set s = begin(MR, "MR", "ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC");
    set_text(&s, 0x00180088, "DS", "2.5");
    set_plane(&s, "-100\\-200\\16", "1\\0\\0\\0\\1\\0");
    set_matrix(&s, 12, 15, NULL, "3\\2");
    if (z)
        set_csa(&s, version_2, number, z);
    read_slices(&s, 180);
}

static void check_mosaic(double step)
{
    CHECK_EQ_UINT(slice_count, 7);
    for (uint32_t i = 0; i < 7; i++) {
        CHECK_EQ_UINT(slices[i].frame, 1);
        CHECK_EQ_UINT(slices[i].rows, 4);
        CHECK_EQ_UINT(slices[i].columns, 5);
        CHECK_EQ_UINT(slices[i].x, i % 3 * 5);
        CHECK_EQ_UINT(slices[i].y, i / 3 * 4);
        /* (15 - 5) / 2 columns of 2 mm, (12 - 4) / 2 rows of 3 mm */
        check_position(i, -90, -188, 16 + step * i);
    }
}

TEST(test_geometry_read__mosaic)
{
    read_mosaic(true, "7       ", "1.00000000");
    check_mosaic(2.5);
    read_mosaic(true, "7", "-1.00000000");
    check_mosaic(-2.5);
    read_mosaic(false, "7       ", "1.00000000");
    check_mosaic(2.5);
}

TEST(test_geometry_read__mosaic_that_does_not_say_its_slices)
{
    read_mosaic(true, NULL, NULL);
    check_fault(1, SLICE_BAD_MOSAIC);
    read_mosaic(true, "7", "0.5"); /* no normal of this plane */
    check_fault(1, SLICE_BAD_MOSAIC);
    read_mosaic(true, "nine", "1");
    check_fault(1, SLICE_BAD_MOSAIC);
    read_mosaic(true, "4", "1"); /* 2 x 2 does not divide 15 columns */
    check_fault(1, SLICE_BAD_MOSAIC);
}

/* Whatever the bytes: no more than the element is read (under ASan), and no other number of slices
 * is made up. */
TEST(test_geometry_read__csa_header_that_is_cut_or_overwritten)
{
    enum { HEADS = 8 + 18 + 12 }; /* of the creator and of the header's own element */
    struct set whole = {0};
    size_t refused = 0, taken = 0;
    set_csa(&whole, true, "7", "1.0");
    const size_t size = whole.data.size - HEADS;
    for (size_t i = 0; i < size; i++) {
        struct set s = begin(MR, "MR", "ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC");
        set_text(&s, 0x00180088, "DS", "2.5");
        set_plane(&s, "-100\\-200\\16", "1\\0\\0\\0\\1\\0");
        set_matrix(&s, 12, 15, NULL, "3\\2");
        set_text(&s, 0x00290010, "LO", "SIEMENS CSA HEADER");
        uint8_t *const copy = malloc(size);
        memcpy(copy, whole.data.data + HEADS, size);
        copy[i] = 0xff;
        set_raw(&s, 0x00291010, "OB", copy, i % 2 ? i : size);
        free(copy);
        read_slices(&s, 180);
        if (slice_count == 7) {
            taken++;
        } else {
            check_fault(1, SLICE_BAD_MOSAIC);
            refused++;
        }
    }
    CHECK(taken > 10 && refused > 10);
    set_release(&whole);
}
