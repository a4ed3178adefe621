/* links: base dicom */
#include "base/limits.h"
#include "dicom/image.h"
#include "tests/support/data_set.h"

#define EXPLICIT "1.2.840.10008.1.2.1"
#define RLE "1.2.840.10008.1.2.5"
#define IMPLICIT "1.2.840.10008.1.2"
#define BIG "1.2.840.10008.1.2.2"

/* An object with its image; the set's pixel data are put by `close_set`. */
struct opened {
    struct set set;
    struct object *object;
    struct image image;
    struct buffer notes;
    struct error err;
    bool ok;
};

static void close_set(struct opened *o, size_t pixel_bytes)
{
    uint8_t *const pixels = calloc(1, pixel_bytes + 1);
    set_raw(&o->set, 0x7fe00010, "OW", pixels, pixel_bytes);
    free(pixels);
}

static void read_it(struct opened *o)
{
    CHECK_OK(set_open(&o->set, &o->object, &o->err), o->err);
    o->ok = image_read(o->object, &o->image, &o->notes, &o->err);
}

static void done(struct opened *o)
{
    if (o->ok)
        image_release(&o->image);
    object_close(o->object);
    buffer_release(&o->notes);
    set_release(&o->set);
}

/* A grey image of 4 x 3 with one tag in front of the others' place. */
static struct opened grey(const char *transfer_syntax)
{
    struct opened o = {.set = set_new(transfer_syntax)};
    set_image(&o.set, 4, 3, 16, NULL);
    return o;
}

TEST(test_image__plain_grey)
{
    struct opened o = grey(EXPLICIT);
    close_set(&o, 24);
    read_it(&o);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.image.rows, 4);
    CHECK_EQ_INT(o.image.columns, 3);
    CHECK_EQ_INT(o.image.frames, 1);
    CHECK_EQ_INT(o.image.bits_allocated, 16);
    CHECK_EQ_INT(o.image.photometric, PHOTOMETRIC_MONOCHROME2);
    CHECK_EQ_STR(o.image.modality, "CT");
    CHECK_EQ_UINT(image_native_frame_bits(&o.image), 4 * 3 * 16);
    CHECK_EQ_STR(buffer_text(&o.notes), "");
    done(&o);
}

/* One element of the Image Pixel module replaced by a US value. */
static struct opened changed(uint32_t tag, uint16_t value, size_t pixel_bytes)
{
    static const struct {
        uint32_t tag;
        uint16_t value;
    } module[] = {
        {0x00280002, 1},  {0x00280010, 4},  {0x00280011, 3}, {0x00280100, 16},
        {0x00280101, 16}, {0x00280102, 15}, {0x00280103, 0},
    };
    struct opened o = {.set = set_new(EXPLICIT)};
    set_text(&o.set, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    for (size_t i = 0; i < sizeof module / sizeof module[0]; i++) {
        set_us(&o.set, module[i].tag, module[i].tag == tag ? value : module[i].value);
        if (i == 0)
            set_text(&o.set, 0x00280004, "CS", "MONOCHROME2");
    }
    close_set(&o, pixel_bytes);
    read_it(&o);
    return o;
}

static void check_refused(uint32_t tag, uint16_t value, enum error_kind kind, const char *text)
{
    struct opened o = changed(tag, value, 24);
    CHECK(!o.ok);
    CHECK_EQ_STR(error_kind_word(o.err.kind), error_kind_word(kind));
    CHECK_HAS(o.err.text, text);
    done(&o);
}

TEST(test_image__nonsense_is_refused)
{
    check_refused(0x00280010, 0, ERROR_CORRUPT, "0 rows");
    check_refused(0x00280011, 0, ERROR_CORRUPT, "0 columns");
    check_refused(0x00280002, 3, ERROR_CORRUPT, "samples per pixel");
    check_refused(0x00280100, 7, ERROR_CORRUPT, "Bits Allocated");
    check_refused(0x00280100, 64, ERROR_UNSUPPORTED, "Bits Allocated");
    check_refused(0x00280101, 17, ERROR_CORRUPT, "17 bits stored");
    check_refused(0x00280101, 0, ERROR_CORRUPT, "0 bits stored");
    check_refused(0x00280103, 9, ERROR_CORRUPT, "Pixel Representation");
}

TEST(test_image__high_bit_is_repaired_where_there_is_one_place)
{
    struct opened o = changed(0x00280102, 3, 24);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.image.high_bit, 15);
    CHECK_HAS(buffer_text(&o.notes), "High Bit");
    done(&o);
}

TEST(test_image__high_bit_is_refused_where_pixels_would_be_doubtful)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    set_us(&o.set, 0x00280002, 1);
    set_text(&o.set, 0x00280004, "CS", "MONOCHROME2");
    set_us(&o.set, 0x00280010, 4);
    set_us(&o.set, 0x00280011, 3);
    set_us(&o.set, 0x00280100, 16);
    set_us(&o.set, 0x00280101, 12);
    set_us(&o.set, 0x00280102, 3);
    set_us(&o.set, 0x00280103, 0);
    close_set(&o, 24);
    read_it(&o);
    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_CORRUPT);
    done(&o);
}

TEST(test_image__too_large_a_frame_is_refused)
{
    struct opened o = {.set = set_new(RLE)};
    set_image(&o.set, 65535, 65535, 16, NULL);
    close_set(&o, 24);
    read_it(&o);
    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_LIMIT);
    CHECK_HAS(o.err.text, "FRAME_BYTES");
    done(&o);
}

TEST(test_image__too_large_a_frame_may_come_in_strips)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    set_image(&o.set, 65535, 65535, 16, NULL);
    close_set(&o, 24);
    read_it(&o);
    CHECK_OK(o.ok, o.err);
    CHECK(image_comes_in_strips(&o.image));
    CHECK_EQ_UINT(image_frame_bytes(&o.image), UINT64_C(65535) * 65535 * 2);
    o.image.photometric = PHOTOMETRIC_YBR_FULL_422;
    CHECK(!image_comes_in_strips(&o.image));
    o.image.photometric = PHOTOMETRIC_RGB;
    o.image.samples_per_pixel = 3;
    CHECK(image_comes_in_strips(&o.image));
    o.image.planar_configuration = 1;
    CHECK(!image_comes_in_strips(&o.image));
    o.image.samples_per_pixel = 1;
    o.image.bits_allocated = 12;
    CHECK(!image_comes_in_strips(&o.image));
    done(&o);
}

TEST(test_image__frames_that_are_no_number_come_from_the_length)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    set_image(&o.set, 4, 3, 16, "1A");
    close_set(&o, 5 * 24);
    read_it(&o);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.image.frames, 5);
    done(&o);
}

TEST(test_image__objects_without_a_picture_say_what_they_are)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    set_text(&o.set, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88.33");
    set_text(&o.set, 0x00080060, "CS", "SR");
    read_it(&o);
    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_NO_IMAGE);
    CHECK_EQ_STR(o.err.text, "a structured report");
    done(&o);
}

TEST(test_image__video_is_unsupported)
{
    struct opened o = {.set = set_new("1.2.840.10008.1.2.4.102")};
    set_image(&o.set, 4, 3, 8, "100");
    set_head(&o.set, 0x7fe00010, "OB", UINT32_MAX);
    read_it(&o);
    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_UNSUPPORTED);
    CHECK_HAS(o.err.text, "video");
    done(&o);
}

TEST(test_image__native_data_labelled_as_coded_are_recovered)
{
    struct opened o = grey("1.2.840.10008.1.2.4.90");
    close_set(&o, 24);
    read_it(&o);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_STR(o.image.transfer_syntax->uid, EXPLICIT);
    CHECK_HAS(buffer_text(&o.notes), "native");
    done(&o);
}

TEST(test_image__native_data_of_another_size_labelled_as_coded_are_refused)
{
    struct opened o = grey("1.2.840.10008.1.2.4.90");
    close_set(&o, 20);
    read_it(&o);
    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_CORRUPT);
    done(&o);
}

static void check_coded_as_native(const void *start, size_t size, const char *expected)
{
    struct opened o = grey(EXPLICIT);
    set_head(&o.set, 0x7fe00010, "OB", UINT32_MAX);
    set_head(&o.set, 0xfffee000, "", 0);
    set_head(&o.set, 0xfffee000, "", (uint32_t)size);
    set_bytes(&o.set, start, size);
    set_head(&o.set, 0xfffee0dd, "", 0);
    read_it(&o);
    if (expected) {
        CHECK_OK(o.ok, o.err);
        CHECK_EQ_STR(o.image.transfer_syntax->uid, expected);
    } else {
        CHECK(!o.ok);
        CHECK_EQ_INT(o.err.kind, ERROR_CORRUPT);
    }
    done(&o);
}

TEST(test_image__coded_data_labelled_as_native_are_recovered)
{
    check_coded_as_native("\xff\xd8\xff\xe0\0\4ab\xff\xc0\0\13", 12, "1.2.840.10008.1.2.4.50");
    check_coded_as_native("\xff\xd8\xff\xc3\0\13ab", 8, "1.2.840.10008.1.2.4.57");
    check_coded_as_native("\xff\x4f\xff\x51\0\x29\0\0", 8, "1.2.840.10008.1.2.4.91");
    check_coded_as_native("\xff\x4f\xff\x51\0\x29\x40\0", 8, "1.2.840.10008.1.2.4.203");
    check_coded_as_native("what?   ", 8, NULL);
}

static struct opened coloured(const char *photometric, uint16_t samples, size_t pixel_bytes)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    set_us(&o.set, 0x00280002, samples);
    set_text(&o.set, 0x00280004, "CS", photometric);
    set_us(&o.set, 0x00280006, 0);
    set_us(&o.set, 0x00280010, 4);
    set_us(&o.set, 0x00280011, 4);
    set_us(&o.set, 0x00280100, 8);
    set_us(&o.set, 0x00280101, 8);
    set_us(&o.set, 0x00280102, 7);
    set_us(&o.set, 0x00280103, 0);
    close_set(&o, pixel_bytes);
    read_it(&o);
    return o;
}

TEST(test_image__subsampled_by_name_only)
{
    struct opened o = coloured("YBR_FULL_422", 3, 48);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.image.photometric, PHOTOMETRIC_YBR_FULL);
    done(&o);
    o = coloured("YBR_PARTIAL_422", 3, 32);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.image.photometric, PHOTOMETRIC_YBR_PARTIAL_422);
    done(&o);
    o = coloured("YBR_PARTIAL_422", 3, 48);
    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_UNSUPPORTED);
    done(&o);
}

TEST(test_image__retired_colours)
{
    struct opened o = coloured("HSV", 3, 48);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.image.photometric, PHOTOMETRIC_HSV);
    done(&o);
    o = coloured("CMYK", 4, 64);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_UINT(image_native_frame_bits(&o.image), 4 * 4 * 4 * 8);
    done(&o);
    o = coloured("CMYK", 3, 48);
    CHECK(!o.ok);
    CHECK_HAS(o.err.text, "CMYK has 4 samples per pixel, found 3");
    done(&o);
    o = coloured("ARGB", 4, 64); /* for its alpha */
    CHECK(!o.ok);
    CHECK_HAS(o.err.text, "palette");
    done(&o);
}

TEST(test_image__spacing_in_order_of_meaning)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    set_text(&o.set, 0x00181164, "DS", "0.2\\0.3");
    set_image(&o.set, 4, 3, 16, NULL);
    set_text(&o.set, 0x00280030, "DS", "0.5\\0.6");
    close_set(&o, 24);
    read_it(&o);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_STR(o.image.spacing_source, "PixelSpacing");
    CHECK_NEAR(o.image.row_spacing_mm, 0.5, 0);
    CHECK_NEAR(o.image.column_spacing_mm, 0.6, 0);
    done(&o);
}

/* ---------------------------------------------------------------- palettes */

static void put_palette(struct opened *o, uint16_t bits, uint16_t values_scale, bool packed)
{
    const uint16_t descriptor[] = {4, 0, bits};
    const uint16_t values[4] = {0, values_scale, (uint16_t)(2 * values_scale),
                                (uint16_t)(3 * values_scale)};
    const uint8_t bytes[4] = {0, 10, 20, 30};
    set_us(&o->set, 0x00280002, 1);
    set_text(&o->set, 0x00280004, "CS", "PALETTE COLOR");
    set_us(&o->set, 0x00280010, 4);
    set_us(&o->set, 0x00280011, 3);
    set_us(&o->set, 0x00280100, 8);
    set_us(&o->set, 0x00280101, 8);
    set_us(&o->set, 0x00280102, 7);
    set_us(&o->set, 0x00280103, 0);
    for (uint32_t i = 0; i < 3; i++)
        set_us_list(&o->set, 0x00281101 + i, "US", descriptor, 3);
    for (uint32_t i = 0; i < 3; i++)
        if (packed)
            set_raw(&o->set, 0x00281201 + i, "OW", bytes, 4);
        else
            set_us_list(&o->set, 0x00281201 + i, "OW", values, 4);
    close_set(o, 12);
    read_it(o);
}

static void check_palette(const char *transfer_syntax, uint16_t bits, uint16_t scale, bool packed,
                          uint16_t expected_bits, uint16_t expected_last)
{
    struct opened o = {.set = set_new(transfer_syntax)};
    put_palette(&o, bits, scale, packed);
    CHECK_OK(o.ok, o.err);
    CHECK(o.image.has_palette);
    CHECK_EQ_INT(o.image.palette.blue.entries, 4);
    CHECK_EQ_INT(o.image.palette.blue.bits, expected_bits);
    CHECK_EQ_INT(o.image.palette.blue.values[3], expected_last);
    done(&o);
}

TEST(test_image__palettes_of_16_bits)
{
    check_palette(EXPLICIT, 16, 0x1234, false, 16, 0x369c);
    check_palette(IMPLICIT, 16, 0x1234, false, 16, 0x369c);
    check_palette(BIG, 16, 0x1234, false, 16, 0x369c);
}

TEST(test_image__palettes_of_8_bits_in_words_and_packed)
{
    check_palette(EXPLICIT, 8, 10, false, 8, 30);
    check_palette(EXPLICIT, 8, 0, true, 8, 30);
    check_palette(EXPLICIT, 16, 10, false, 8, 30); /* declared 16, given 8 */
    check_palette(EXPLICIT, 16, 0, true, 8, 30);
}

TEST(test_image__segmented_palette_is_expanded)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    const uint16_t descriptor[] = {12, 0, 16};
    /* discrete 100, 200; linear of 4 to 600; the first segment again by its offset; discrete of 4
     */
    const uint16_t segments[] = {0, 2, 100, 200, 1, 4, 600, 2, 1, 0, 0, 0, 4, 1, 2, 3, 4};
    set_us(&o.set, 0x00280002, 1);
    set_text(&o.set, 0x00280004, "CS", "PALETTE COLOR");
    set_us(&o.set, 0x00280010, 4);
    set_us(&o.set, 0x00280011, 3);
    set_us(&o.set, 0x00280100, 8);
    set_us(&o.set, 0x00280101, 8);
    set_us(&o.set, 0x00280102, 7);
    set_us(&o.set, 0x00280103, 0);
    for (uint32_t i = 0; i < 3; i++)
        set_us_list(&o.set, 0x00281101 + i, "US", descriptor, 3);
    for (uint32_t i = 0; i < 3; i++)
        set_us_list(&o.set, 0x00281221 + i, "OW", segments, sizeof segments / 2);
    close_set(&o, 12);
    read_it(&o);
    CHECK_OK(o.ok, o.err);
    static const uint16_t expected[12] = {100, 200, 300, 400, 500, 600, 100, 200, 1, 2, 3, 4};
    for (int i = 0; i < 12; i++)
        CHECK_EQ_INT(o.image.palette.red.values[i], expected[i]);
    done(&o);
}

/* ---------------------------------------------------------------- display */

TEST(test_image__windows_with_explanations)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    struct frame_display d;
    set_text(&o.set, 0x00080005, "CS", "ISO_IR 100");
    set_image(&o.set, 4, 3, 16, NULL);
    set_text(&o.set, 0x00281050, "DS", "40\\-600\\10");
    set_text(&o.set, 0x00281051, "DS", "400\\1500.5\\0");
    set_text(&o.set, 0x00281052, "DS", "-1024");
    set_text(&o.set, 0x00281053, "DS", "2");
    set_text(&o.set, 0x00281054, "LO", "HU");
    set_text(&o.set, 0x00281055, "LO", "WEICH\\L\xfcnge");
    set_text(&o.set, 0x00281056, "CS", "LINEAR_EXACT");
    close_set(&o, 24);
    read_it(&o);
    CHECK_OK(image_frame_display(o.object, &o.image, 1, &d, &o.err), o.err);
    CHECK_NEAR(d.slope, 2, 0);
    CHECK_NEAR(d.intercept, -1024, 0);
    CHECK_EQ_STR(d.rescale_type, "HU");
    CHECK_EQ_INT(d.window_count, 3);
    CHECK_NEAR(d.windows[1].width, 1500.5, 0);
    CHECK_EQ_STR(d.windows[1].explanation, "Lünge");
    CHECK_EQ_STR(d.windows[2].explanation, "");
    CHECK_EQ_INT(d.windows[0].function, VOI_LINEAR_EXACT);
    CHECK(window_is_valid(&d.windows[1]) && !window_is_valid(&d.windows[2]));
    CHECK(!d.inverse && !d.has_padding);
    frame_display_release(&d);
    done(&o);
}

static enum voi_function function_for(uint32_t pixel_tag, const char *vr, uint16_t bits, const char *width,
                                      const char *word)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    struct frame_display d = {0};
    enum voi_function function = VOI_SIGMOID;
    uint8_t pixels[4 * 3 * 8] = {0};

    set_image(&o.set, 4, 3, bits, NULL);
    set_text(&o.set, 0x00281050, "DS", "0.5");
    set_text(&o.set, 0x00281051, "DS", width);
    if (word != NULL)
        set_text(&o.set, 0x00281056, "CS", word);
    set_raw(&o.set, pixel_tag, vr, pixels, 4 * 3 * (size_t)bits / 8);
    read_it(&o);
    CHECK_OK(o.ok, o.err);
    CHECK_OK(o.ok && image_frame_display(o.object, &o.image, 1, &d, &o.err), o.err);
    CHECK_EQ_INT(d.window_count, 1);
    if (d.window_count == 1)
        function = d.windows[0].function;
    frame_display_release(&d);
    done(&o);
    return function;
}

/* LINEAR counts integers: 0.5/1 over floats would be a threshold. */
TEST(test_image__windows_over_floats_are_exact)
{
    CHECK_EQ_INT(function_for(0x7fe00010, "OW", 16, "1", NULL), VOI_LINEAR);
    CHECK_EQ_INT(function_for(0x7fe00010, "OW", 16, "1", "LINEAR"), VOI_LINEAR);
    CHECK_EQ_INT(function_for(0x7fe00008, "OF", 32, "400", NULL), VOI_LINEAR_EXACT);
    CHECK_EQ_INT(function_for(0x7fe00009, "OD", 64, "1.0", NULL), VOI_LINEAR_EXACT);
    CHECK_EQ_INT(function_for(0x7fe00008, "OF", 32, "400", "LINEAR"), VOI_LINEAR);
    CHECK_EQ_INT(function_for(0x7fe00008, "OF", 32, "1.0", "LINEAR"), VOI_LINEAR_EXACT);
    CHECK_EQ_INT(function_for(0x7fe00008, "OF", 32, "1.0", "SIGMOID"), VOI_SIGMOID);
}

TEST(test_image__validity_of_windows)
{
    CHECK(window_is_valid(&(struct window){.center = 0, .width = 1, .function = VOI_LINEAR}));
    CHECK(!window_is_valid(&(struct window){.center = 0, .width = 0.5, .function = VOI_LINEAR}));
    CHECK(window_is_valid(&(struct window){.center = 0, .width = 0.5, .function = VOI_SIGMOID}));
    CHECK(
        !window_is_valid(&(struct window){.center = 0, .width = 0, .function = VOI_LINEAR_EXACT}));
    CHECK(!window_is_valid(&(struct window){.center = NAN, .width = 2, .function = VOI_LINEAR}));
    CHECK(
        !window_is_valid(&(struct window){.center = 0, .width = INFINITY, .function = VOI_LINEAR}));
}

static void put_lut(struct set *s, uint32_t sequence, uint16_t first, const char *vr)
{
    const uint16_t descriptor[] = {3, first, 12}, values[] = {7, 8, 4000};
    set_open_sequence(s, sequence);
    set_open_item(s);
    set_us_list(s, 0x00283002, vr, descriptor, 3);
    set_text(s, 0x00283003, "LO", "curve");
    set_us_list(s, 0x00283006, "OW", values, 3);
    set_close_item(s);
    set_close_sequence(s);
}

TEST(test_image__voi_lut_after_a_negative_intercept_is_signed)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    struct frame_display d;
    set_image(&o.set, 4, 3, 12, NULL);
    set_text(&o.set, 0x00281052, "DS", "-1024");
    set_text(&o.set, 0x00281053, "DS", "1");
    put_lut(&o.set, 0x00283010, (uint16_t)-1000, "US");
    close_set(&o, 24);
    o.image.bits_allocated = 0;
    CHECK_OK(set_open(&o.set, &o.object, &o.err), o.err);
    o.image = (struct image){
        .bits_stored = 12, .samples_per_pixel = 1, .photometric = PHOTOMETRIC_MONOCHROME2};
    CHECK_OK(image_frame_display(o.object, &o.image, 1, &d, &o.err), o.err);
    CHECK_EQ_INT(d.voi_lut_count, 1);
    CHECK_EQ_INT(d.voi_luts[0].first, -1000);
    CHECK_EQ_INT(d.voi_luts[0].bits, 12);
    CHECK_EQ_INT(d.voi_luts[0].values[2], 4000);
    CHECK_EQ_STR(d.voi_luts[0].explanation, "curve");
    frame_display_release(&d);
    done(&o);
}

TEST(test_image__modality_lut_makes_the_voi_input_unsigned)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    struct frame_display d;
    set_image(&o.set, 4, 3, 16, NULL);
    put_lut(&o.set, 0x00283000, 5, "US");
    put_lut(&o.set, 0x00283010, 40000, "US");
    close_set(&o, 24);
    read_it(&o);
    CHECK_OK(image_frame_display(o.object, &o.image, 1, &d, &o.err), o.err);
    CHECK(d.has_modality_lut);
    CHECK_EQ_INT(d.modality_lut.first, 5);
    CHECK_EQ_INT(d.voi_luts[0].first, 40000);
    frame_display_release(&d);
    done(&o);
}

TEST(test_image__angiography_is_shown_without_its_modality_lut)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    struct frame_display d;
    set_text(&o.set, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.12.1");
    set_us(&o.set, 0x00280002, 1);
    set_text(&o.set, 0x00280004, "CS", "MONOCHROME2");
    set_us(&o.set, 0x00280010, 4);
    set_us(&o.set, 0x00280011, 3);
    set_us(&o.set, 0x00280100, 8);
    set_us(&o.set, 0x00280101, 8);
    set_us(&o.set, 0x00280102, 7);
    set_us(&o.set, 0x00280103, 0);
    set_text(&o.set, 0x00281040, "CS", "LOG");
    put_lut(&o.set, 0x00283000, 0, "US");
    close_set(&o, 12);
    read_it(&o);
    CHECK_OK(image_frame_display(o.object, &o.image, 1, &d, &o.err), o.err);
    CHECK(!d.has_modality_lut);
    CHECK_NEAR(d.slope, 1, 0);
    frame_display_release(&d);
    done(&o);
}

TEST(test_image__padding_in_the_wrong_vr_is_a_stored_value)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    struct frame_display d;
    set_us(&o.set, 0x00280002, 1);
    set_text(&o.set, 0x00280004, "CS", "MONOCHROME1");
    set_us(&o.set, 0x00280010, 4);
    set_us(&o.set, 0x00280011, 3);
    set_us(&o.set, 0x00280100, 16);
    set_us(&o.set, 0x00280101, 16);
    set_us(&o.set, 0x00280102, 15);
    set_us(&o.set, 0x00280103, 1);
    set_us(&o.set, 0x00280120, (uint16_t)-2000);
    set_us(&o.set, 0x00280121, (uint16_t)-1990);
    close_set(&o, 24);
    read_it(&o);
    CHECK_OK(image_frame_display(o.object, &o.image, 1, &d, &o.err), o.err);
    CHECK(d.has_padding && d.inverse);
    CHECK_NEAR(d.padding_low, -2000, 0);
    CHECK_NEAR(d.padding_high, -1990, 0);
    frame_display_release(&d);
    done(&o);
}

static void put_frame_groups(struct set *s, const char *intercept, const char *center)
{
    set_open_item(s);
    set_open_sequence(s, 0x00289132);
    set_open_item(s);
    set_text(s, 0x00281050, "DS", center);
    set_text(s, 0x00281051, "DS", "100");
    set_close_item(s);
    set_close_sequence(s);
    set_open_sequence(s, 0x00289145);
    set_open_item(s);
    set_text(s, 0x00281052, "DS", intercept);
    set_text(s, 0x00281053, "DS", "1");
    set_close_item(s);
    set_close_sequence(s);
    set_close_item(s);
}

TEST(test_image__functional_groups_by_frame)
{
    struct opened o = {.set = set_new(EXPLICIT)};
    struct frame_display d;
    set_image(&o.set, 4, 3, 16, "2");
    set_text(&o.set, 0x00281050, "DS", "1");
    set_text(&o.set, 0x00281051, "DS", "2");
    set_open_sequence(&o.set, 0x52009230);
    put_frame_groups(&o.set, "-10", "50");
    put_frame_groups(&o.set, "-20", "60");
    set_close_sequence(&o.set);
    close_set(&o, 48);
    read_it(&o);
    CHECK_OK(image_frame_display(o.object, &o.image, 2, &d, &o.err), o.err);
    CHECK_NEAR(d.intercept, -20, 0);
    CHECK_EQ_INT(d.window_count, 1);
    CHECK_NEAR(d.windows[0].center, 60, 0);
    frame_display_release(&d);
    done(&o);
}

TEST(test_image__dose_grid_scaling_is_a_slope)
{
    struct opened o = grey(EXPLICIT);
    struct frame_display d;
    set_text(&o.set, 0x3004000e, "DS", "1.5e-6");
    close_set(&o, 24);
    read_it(&o);
    CHECK_OK(image_frame_display(o.object, &o.image, 1, &d, &o.err), o.err);
    CHECK_NEAR(d.slope, 1.5e-6, 1e-20);
    frame_display_release(&d);
    done(&o);
}

TEST(test_image__bytes_in_words_of_big_endian_are_marked)
{
    struct opened o = {.set = set_new(BIG)};
    set_image(&o.set, 4, 3, 8, NULL);
    close_set(&o, 12);
    read_it(&o);
    CHECK_OK(o.ok, o.err);
    CHECK(o.image.big_endian && o.image.swapped_pairs);
    done(&o);
}
