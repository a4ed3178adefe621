/* links: base dicom codec */
#include "test.h"

#include <png.h>

#include "codec/png_encode.h"

static struct error err;

static void read_bytes(png_structp png, png_bytep to, size_t size)
{
    struct reader *const reader = png_get_io_ptr(png);

    CHECK(size <= reader->size - reader->offset);
    memcpy(to, reader->data + reader->offset, size);
    reader->offset += size;
}

struct decoded {
    uint32_t columns, rows;
    int bits, colour, significant;
    bool has_srgb;
    uint8_t *data; /* rows, 16-bit samples in host order */
};

static struct decoded decode(const struct buffer *file, size_t from)
{
    struct reader reader = reader_over(file->data + from, file->size - from);
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    struct decoded d = {0};
    png_color_8p significant = NULL;
    int intent;

    if (setjmp(png_jmpbuf(png)) != 0)
        TEST_FAIL("libpng cannot read it");
    png_set_read_fn(png, &reader, read_bytes);
    png_read_info(png, info);
    d.columns = png_get_image_width(png, info);
    d.rows = png_get_image_height(png, info);
    d.bits = png_get_bit_depth(png, info);
    d.colour = png_get_color_type(png, info);
    d.has_srgb = png_get_sRGB(png, info, &intent) != 0;
    if (png_get_sBIT(png, info, &significant) != 0)
        d.significant = d.colour == PNG_COLOR_TYPE_GRAY ? significant->gray : significant->green;
    if (d.bits == 16)
        png_set_swap(png);
    png_read_update_info(png, info);
    const size_t row_bytes = png_get_rowbytes(png, info);
    d.data = malloc(row_bytes * d.rows);
    CHECK(d.data != NULL);
    for (uint32_t y = 0; y < d.rows; y++)
        png_read_row(png, d.data + y * row_bytes, NULL);
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &info, NULL);
    CHECK_EQ_UINT(reader.offset, reader.size);
    return d;
}

static void check_8(uint32_t columns, uint32_t rows, unsigned channels, int level)
{
    struct picture picture = {0};
    struct buffer out = {0};

    CHECK_OK(picture_resize(&picture, rows, columns, channels, &err), err);
    for (size_t i = 0; i < (size_t)rows * columns * channels; i++)
        picture.data[i] = (uint8_t)(i * i / 7 + i % 13);
    CHECK_OK(buffer_puts(&out, "before", &err), err);
    CHECK_OK(png_encode(&picture, level, &out, &err), err);
    struct decoded d = decode(&out, 6);
    CHECK_EQ_UINT(d.columns, columns);
    CHECK_EQ_UINT(d.rows, rows);
    CHECK_EQ_INT(d.bits, 8);
    CHECK_EQ_INT(d.colour, channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY);
    CHECK_EQ_INT(d.has_srgb, channels == 3);
    CHECK_EQ_INT(d.significant, 0);
    CHECK_EQ_MEM(d.data, picture.data, (size_t)rows * columns * channels);
    free(d.data);
    picture_release(&picture);
    buffer_release(&out);
}

TEST(test_png_encode__8_bits_come_back_exactly)
{
    for (int level = 0; level <= 9; level++) {
        check_8(97, 31, 1, level);
        check_8(33, 65, 3, level);
    }
    check_8(1, 1, 1, 6);
    check_8(1, 1, 3, 6);
    check_8(65535, 2, 1, 1);
    check_8(1, 4000, 3, 1);
}

static void check_16(uint32_t columns, uint32_t rows, unsigned channels, unsigned bits)
{
    const size_t count = (size_t)rows * columns * channels;
    uint16_t *const samples = malloc(count * 2);
    struct buffer out = {0};

    CHECK(samples != NULL);
    for (size_t i = 0; i < count; i++)
        samples[i] = (uint16_t)((i * 40503u + 77) & ((1u << bits) - 1));
    CHECK_OK(png_encode_16(samples, columns, rows, channels, bits, 3, &out, &err), err);
    struct decoded d = decode(&out, 0);
    CHECK_EQ_INT(d.bits, 16);
    CHECK_EQ_INT(d.significant, bits == 16 ? 0 : bits);
    CHECK_EQ_MEM(d.data, samples, count * 2);
    free(d.data);
    free(samples);
    buffer_release(&out);
}

TEST(test_png_encode__16_bits_come_back_exactly)
{
    check_16(129, 77, 1, 16);
    check_16(129, 77, 1, 12);
    check_16(40, 50, 3, 16);
    check_16(40, 50, 3, 10);
    check_16(1, 1, 1, 1);
}

TEST(test_png_encode__failure_leaves_the_output_as_it_was)
{
    struct picture picture = {0};
    struct buffer out = {0};

    CHECK_OK(picture_resize(&picture, 4, 4, 1, &err), err);
    CHECK_OK(buffer_puts(&out, "kept", &err), err);
    picture.columns = 0;
    CHECK(!png_encode(&picture, 6, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_CODEC);
    CHECK_HAS(err.text, "libpng: ");
    CHECK_EQ_STR(buffer_text(&out), "kept");
    picture_release(&picture);
    buffer_release(&out);
}
