/* links: base dicom */
#include "test.h"

#include "dicom/colour.h"

static struct error err;
static struct picture picture;

static struct frame frame_of(enum photometric photometric, enum sample_type type, uint16_t bits,
                             const void *samples, uint32_t columns, uint16_t channels)
{
    return (struct frame){.number = 1, .rows = 1, .columns = columns, .samples_per_pixel = channels,
                          .type = type, .bits_stored = bits, .is_signed = type == SAMPLE_S8 || type == SAMPLE_S16,
                          .photometric = photometric, .samples = samples,
                          .size = columns * channels * sample_size(type)};
}

/* Half up, and safe from the last digit of a double: exact halves occur (1.772 * 125). */
static int rounded(double v)
{
    const double r = floor(v + 0.5 + 1e-9);
    return r < 0 ? 0 : r > 255 ? 255 : (int)r;
}

static void check_pixel(int y, int cb, int cr, const uint8_t *found, double r, double g, double b)
{
    if (found[0] != rounded(r) || found[1] != rounded(g) || found[2] != rounded(b))
        TEST_FAIL("YBR %d %d %d gives %d %d %d, expected %d %d %d", y, cb, cr, found[0], found[1], found[2],
                  rounded(r), rounded(g), rounded(b));
}

TEST(test_colour__every_ybr_full_equals_the_equations)
{
    static uint8_t samples[256 * 3];

    for (int y = 0; y < 256; y++) {
        for (int cb = 0; cb < 256; cb++) {
            for (int cr = 0; cr < 256; cr++) {
                samples[3 * cr] = (uint8_t)y;
                samples[3 * cr + 1] = (uint8_t)cb;
                samples[3 * cr + 2] = (uint8_t)cr;
            }
            const struct frame f = frame_of(PHOTOMETRIC_YBR_FULL, SAMPLE_U8, 8, samples, 256, 3);
            CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
            for (int cr = 0; cr < 256; cr++) {
                const double red = y + 1.402 * (cr - 128), blue = y + 1.772 * (cb - 128);
                /* from the forward equation Y = .299 R + .587 G + .114 B */
                const double green = (y - 0.299 * red - 0.114 * blue) / 0.587;
                check_pixel(y, cb, cr, picture.data + 3 * cr, red, green, blue);
            }
        }
    }
    picture_release(&picture);
}

TEST(test_colour__ybr_partial_equals_bt601)
{
    for (int y = 0; y < 256; y += 3) {
        for (int cb = 0; cb < 256; cb += 5) {
            for (int cr = 0; cr < 256; cr++) {
                const uint8_t samples[3] = {(uint8_t)y, (uint8_t)cb, (uint8_t)cr};
                const struct frame f = frame_of(PHOTOMETRIC_YBR_PARTIAL_422, SAMPLE_U8, 8, samples, 1, 3);
                const double luma = (y - 16) * 255.0 / 219;
                const double red = luma + 1.402 * (cr - 128) * 255 / 224;
                const double blue = luma + 1.772 * (cb - 128) * 255 / 224;
                CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
                check_pixel(y, cb, cr, picture.data, red, (luma - 0.299 * red - 0.114 * blue) / 0.587, blue);
            }
        }
    }
    picture_release(&picture);
}

TEST(test_colour__ybr_of_16_bits_agrees_with_8)
{
    for (int k = 0; k < 4096; k++) {
        const uint8_t small[3] = {(uint8_t)(k * 7), (uint8_t)(k * 13), (uint8_t)(k * 31)};
        uint16_t large[3];
        uint8_t expected[3];
        for (int c = 0; c < 3; c++)
            large[c] = (uint16_t)(small[c] << 4);
        const struct frame f8 = frame_of(PHOTOMETRIC_YBR_FULL, SAMPLE_U8, 8, small, 1, 3);
        const struct frame f12 = frame_of(PHOTOMETRIC_YBR_FULL, SAMPLE_U16, 12, large, 1, 3);
        CHECK_OK(colour_draw(NULL, &f8, &picture, &err), err);
        memcpy(expected, picture.data, 3);
        CHECK_OK(colour_draw(NULL, &f12, &picture, &err), err);
        for (int c = 0; c < 3; c++)
            CHECK_NEAR(picture.data[c], expected[c], 1);
    }
    picture_release(&picture);
}

TEST(test_colour__ybr_partial_of_16_bits_agrees_with_8)
{
    for (int k = 0; k < 4096; k++) {
        const uint8_t small[3] = {(uint8_t)(k * 7), (uint8_t)(k * 13), (uint8_t)(k * 31)};
        uint16_t large[3];
        uint8_t expected[3];
        for (int c = 0; c < 3; c++)
            large[c] = (uint16_t)(small[c] << 8);
        const struct frame f8 = frame_of(PHOTOMETRIC_YBR_PARTIAL_422, SAMPLE_U8, 8, small, 1, 3);
        const struct frame f16 = frame_of(PHOTOMETRIC_YBR_PARTIAL_422, SAMPLE_U16, 16, large, 1, 3);
        CHECK_OK(colour_draw(NULL, &f8, &picture, &err), err);
        memcpy(expected, picture.data, 3);
        CHECK_OK(colour_draw(NULL, &f16, &picture, &err), err);
        for (int c = 0; c < 3; c++)
            CHECK_NEAR(picture.data[c], expected[c], 1);
    }
    picture_release(&picture);
}

TEST(test_colour__rgb_of_more_bits_is_shifted_of_fewer_stretched)
{
    const uint16_t wide[6] = {0, 0x7fff, 0xffff, 0x00ff, 0x0100, 0xff00};
    struct frame f = frame_of(PHOTOMETRIC_RGB, SAMPLE_U16, 16, wide, 2, 3);
    CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x00\x7f\xff\x00\x01\xff", 6);
    const uint32_t widest[3] = {0, 0x7fffffff, 0xffffffff};
    f = frame_of(PHOTOMETRIC_RGB, SAMPLE_U32, 32, widest, 1, 3);
    CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x00\x7f\xff", 3);
    const uint8_t narrow[3] = {0, 7, 15};
    f = frame_of(PHOTOMETRIC_RGB, SAMPLE_U8, 4, narrow, 1, 3);
    CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x00\x77\xff", 3);
    const uint8_t plain[3] = {1, 2, 3};
    f = frame_of(PHOTOMETRIC_RGB, SAMPLE_U8, 8, plain, 1, 3);
    CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x01\x02\x03", 3);
    picture_release(&picture);
}

static uint16_t red[3] = {0x0000, 0x80ff, 0xffff}, green[3] = {0x1100, 0x2200, 0x3300},
                blue[3] = {0xaa00, 0xbb00, 0xcc00};

static struct image palette_image(int32_t first, uint16_t bits)
{
    return (struct image){.has_palette = true,
                          .palette = {{3, first, bits, red, ""}, {3, first, bits, green, ""},
                                      {3, first, bits, blue, ""}}};
}

TEST(test_colour__palette_indices_outside_take_the_end_entries)
{
    const struct image image = palette_image(10, 16);
    const uint8_t indices[5] = {0, 10, 11, 12, 255};
    const struct frame f = frame_of(PHOTOMETRIC_PALETTE_COLOR, SAMPLE_U8, 8, indices, 5, 1);

    CHECK_OK(colour_draw(&image, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x00\x11\xaa\x00\x11\xaa\x80\x22\xbb\xff\x33\xcc\xff\x33\xcc", 15);
    picture_release(&picture);
}

TEST(test_colour__palette_of_signed_indices)
{
    const struct image image = palette_image(-1, 16);
    const int16_t indices[5] = {-32768, -1, 0, 1, 32767};
    const struct frame f = frame_of(PHOTOMETRIC_PALETTE_COLOR, SAMPLE_S16, 16, indices, 5, 1);

    CHECK_OK(colour_draw(&image, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x00\x11\xaa\x00\x11\xaa\x80\x22\xbb\xff\x33\xcc\xff\x33\xcc", 15);
    picture_release(&picture);
}

TEST(test_colour__palette_of_8_bit_entries_and_unequal_tables)
{
    uint16_t r[2] = {1, 2}, g[1] = {200}, b[3] = {7, 8, 9};
    const struct image image = {.has_palette = true,
                                .palette = {{2, 0, 8, r, ""}, {1, 5, 8, g, ""}, {3, 1, 8, b, ""}}};
    const uint16_t indices[4] = {0, 1, 3, 9};
    const struct frame f = frame_of(PHOTOMETRIC_PALETTE_COLOR, SAMPLE_U16, 16, indices, 4, 1);

    CHECK_OK(colour_draw(&image, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x01\xc8\x07\x02\xc8\x07\x02\xc8\x09\x02\xc8\x09", 12);
    picture_release(&picture);
}

TEST(test_colour__missing_or_broken_palette_is_corrupt)
{
    const struct image none = {0};
    struct image empty = palette_image(0, 16);
    const uint8_t index = 0;
    const struct frame f = frame_of(PHOTOMETRIC_PALETTE_COLOR, SAMPLE_U8, 8, &index, 1, 1);

    CHECK(!colour_draw(&none, &f, &picture, &err));
    CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
    empty.palette.green.entries = 0;
    CHECK(!colour_draw(&empty, &f, &picture, &err));
    CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
    picture_release(&picture);
}

/* The hexcone in doubles: what a part of the way round takes from two of three. */
static void check_hsv(int h, int s, int v, const uint8_t *found)
{
    const double turn = h * 6.0 / 256, grey = s / 255.0;
    double rgb[3];

    for (int c = 0; c < 3; c++) {
        const double away = fabs(fmod(turn - 2 * c + 9, 6) - 3); /* from this colour's own place, 0..3 */
        rgb[c] = v * (1 - grey * (away < 1 ? 0 : away > 2 ? 1 : away - 1));
    }
    if (found[0] != rounded(rgb[0]) || found[1] != rounded(rgb[1]) || found[2] != rounded(rgb[2]))
        TEST_FAIL("HSV %d %d %d gives %d %d %d, expected %d %d %d", h, s, v, found[0], found[1], found[2],
                  rounded(rgb[0]), rounded(rgb[1]), rounded(rgb[2]));
}

TEST(test_colour__hsv_is_the_hexcone)
{
    static uint8_t samples[256 * 3];

    for (int h = 0; h < 256; h++)
        for (int s = 0; s < 256; s += 5) {
            for (int v = 0; v < 256; v++) {
                samples[3 * v] = (uint8_t)h;
                samples[3 * v + 1] = (uint8_t)s;
                samples[3 * v + 2] = (uint8_t)v;
            }
            const struct frame f = frame_of(PHOTOMETRIC_HSV, SAMPLE_U8, 8, samples, 256, 3);
            CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
            for (int v = 0; v < 256; v++)
                check_hsv(h, s, v, picture.data + 3 * v);
        }
    picture_release(&picture);
}

TEST(test_colour__hsv_of_other_widths)
{
    /* red, cyan, a pale blue a little on the way to red */
    const uint16_t wide[9] = {0, 65535, 65535, 32768, 65535, 65535, 43691, 32768, 65535};
    struct frame f = frame_of(PHOTOMETRIC_HSV, SAMPLE_U16, 16, wide, 3, 3);
    CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\xff\x00\x00\x00\xff\xff\x80\x7f\xff", 9);
    const uint32_t widest[6] = {0, UINT32_MAX, UINT32_MAX, UINT32_C(1) << 31, UINT32_MAX, UINT32_MAX};
    f = frame_of(PHOTOMETRIC_HSV, SAMPLE_U32, 32, widest, 2, 3);
    CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\xff\x00\x00\x00\xff\xff", 6);
    const uint8_t narrow[6] = {0, 15, 15, 8, 15, 7};
    f = frame_of(PHOTOMETRIC_HSV, SAMPLE_U8, 4, narrow, 2, 3);
    CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\xff\x00\x00\x00\x77\x77", 6);
    picture_release(&picture);
}

TEST(test_colour__cmyk_takes_ink_from_white_and_stops_at_black)
{
    const uint8_t inks[16] = {0, 0, 0, 0, 255, 0, 10, 0, 1, 2, 3, 100, 200, 0, 155, 100};
    struct frame f = frame_of(PHOTOMETRIC_CMYK, SAMPLE_U8, 8, inks, 4, 4);
    CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\xff\xff\xff\x00\xff\xf5\x9a\x99\x98\x00\x9b\x00", 12);
    const uint16_t wide[4] = {0x0fff, 0x0010, 0, 0x0100};
    f = frame_of(PHOTOMETRIC_CMYK, SAMPLE_U16, 12, wide, 1, 4);
    CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x00\xee\xef", 3);
    const uint32_t widest[4] = {UINT32_MAX, 0, 1, UINT32_C(1) << 31};
    f = frame_of(PHOTOMETRIC_CMYK, SAMPLE_U32, 32, widest, 1, 4);
    CHECK_OK(colour_draw(NULL, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x00\x7f\x7f", 3);
    picture_release(&picture);
}

TEST(test_colour__argb_is_the_palette_where_there_is_alpha)
{
    const struct image image = palette_image(2, 16);
    const uint8_t pixels[16] = {0, 1, 2, 3, 1, 9, 9, 9, 3, 9, 9, 9, 255, 9, 9, 9};
    struct frame f = frame_of(PHOTOMETRIC_ARGB, SAMPLE_U8, 8, pixels, 4, 4);
    CHECK_OK(colour_draw(&image, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\x01\x02\x03\x00\x11\xaa\x80\x22\xbb\xff\x33\xcc", 12);
    const uint32_t widest[8] = {0, UINT32_MAX, 0, UINT32_C(1) << 31, UINT32_MAX, 0, 0, 0};
    f = frame_of(PHOTOMETRIC_ARGB, SAMPLE_U32, 32, widest, 2, 4);
    CHECK_OK(colour_draw(&image, &f, &picture, &err), err);
    CHECK_EQ_MEM(picture.data, "\xff\x00\x80\xff\x33\xcc", 6);
    CHECK(!colour_draw(NULL, &f, &picture, &err));
    CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
    picture_release(&picture);
}

TEST(test_colour__other_counts_and_unconverted_kinds_are_unsupported)
{
    static const struct {
        enum photometric kind;
        uint16_t samples;
    } wrong[] = {{PHOTOMETRIC_HSV, 4}, {PHOTOMETRIC_ARGB, 3}, {PHOTOMETRIC_CMYK, 3}, {PHOTOMETRIC_RGB, 4},
                 {PHOTOMETRIC_UNKNOWN, 3}, {PHOTOMETRIC_YBR_RCT, 3}};
    const uint8_t samples[4] = {0};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct frame f = frame_of(wrong[i].kind, SAMPLE_U8, 8, samples, 1, wrong[i].samples);
        CHECK(!colour_draw(NULL, &f, &picture, &err));
        CHECK_EQ_INT(err.kind, ERROR_UNSUPPORTED);
    }
    const struct frame f = frame_of(PHOTOMETRIC_RGB, SAMPLE_S8, 8, samples, 1, 3);
    CHECK(!colour_draw(NULL, &f, &picture, &err));
    CHECK_EQ_INT(err.kind, ERROR_UNSUPPORTED);
    picture_release(&picture);
}
