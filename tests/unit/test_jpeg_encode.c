/* links: base dicom codec */
#include "test.h"

#include <jpeglib.h>

#include "codec/jpeg_encode.h"

static struct error err;

/* A disc with a soft edge on a slope: like a body part, and easy to check. */
static struct picture scene(uint32_t columns, uint32_t rows, unsigned channels)
{
    struct picture picture = {0};

    CHECK_OK(picture_resize(&picture, rows, columns, channels, &err), err);
    for (uint32_t y = 0; y < rows; y++) {
        for (uint32_t x = 0; x < columns; x++) {
            const double dx = x - columns / 2.0, dy = y - rows / 2.0;
            const double inside = 1 / (1 + exp((sqrt(dx * dx + dy * dy) - columns / 3.0) / 3));
            for (unsigned c = 0; c < channels; c++)
                picture.data[((size_t)y * columns + x) * channels + c] =
                    (uint8_t)(30 + 20.0 * x / columns + inside * (150 - 60.0 * c));
        }
    }
    return picture;
}

struct decoded {
    struct picture picture;
    bool progressive;
    int components, luma_h, luma_v;
    uint8_t *icc;
    unsigned icc_size;
};

static struct decoded decode(const struct buffer *file, size_t from)
{
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    struct decoded result = {0};
    JOCTET *icc = NULL;

    d.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, file->data + from, (unsigned long)(file->size - from));
    jpeg_save_markers(&d, JPEG_APP0 + 2, 0xffff);
    CHECK_EQ_INT(jpeg_read_header(&d, TRUE), JPEG_HEADER_OK);
    (void)jpeg_read_icc_profile(&d, &icc, &result.icc_size);
    result.icc = icc;
    result.progressive = jpeg_has_multiple_scans(&d);
    result.components = d.num_components;
    result.luma_h = d.comp_info[0].h_samp_factor;
    result.luma_v = d.comp_info[0].v_samp_factor;
    jpeg_start_decompress(&d);
    CHECK_OK(picture_resize(&result.picture, d.output_height, d.output_width, (unsigned)d.output_components,
                            &err), err);
    while (d.output_scanline < d.output_height) {
        JSAMPROW row = result.picture.data +
                       (size_t)d.output_scanline * d.output_width * (unsigned)d.output_components;
        jpeg_read_scanlines(&d, &row, 1);
    }
    jpeg_finish_decompress(&d);
    jpeg_destroy_decompress(&d);
    CHECK_EQ_INT(errors.num_warnings, 0);
    return result;
}

static double psnr(const struct picture *a, const struct picture *b)
{
    const size_t size = (size_t)a->rows * a->columns * a->channels;
    double sum = 0;

    CHECK_EQ_UINT(a->rows, b->rows);
    CHECK_EQ_UINT(a->columns, b->columns);
    CHECK_EQ_UINT(a->channels, b->channels);
    for (size_t i = 0; i < size; i++)
        sum += (a->data[i] - b->data[i]) * (a->data[i] - b->data[i]);
    return sum == 0 ? 99 : 10 * log10(255.0 * 255 * (double)size / sum);
}

static struct jpeg_encoder *new_encoder(void)
{
    struct jpeg_encoder *encoder = NULL;
    CHECK_OK(jpeg_encoder_new(&encoder, &err), err);
    return encoder;
}

static void check_round_trip(struct jpeg_encoder *encoder, uint32_t columns, uint32_t rows, unsigned channels,
                             struct jpeg_options options, double least_psnr)
{
    struct picture picture = scene(columns, rows, channels);
    struct buffer out = {0};

    CHECK_OK(buffer_puts(&out, "before", &err), err);
    CHECK_OK(jpeg_encode(encoder, &picture, &options, NULL, 0, &out, &err), err);
    CHECK_EQ_MEM(out.data, "before", 6);
    CHECK_EQ_INT(out.data[out.size], 0);
    struct decoded back = decode(&out, 6);
    CHECK_EQ_INT(back.components, channels);
    CHECK_EQ_INT(back.progressive, options.progressive);
    CHECK_EQ_INT(back.luma_h, channels == 3 && !options.full_chroma ? 2 : 1);
    CHECK_EQ_INT(back.luma_v, channels == 3 && !options.full_chroma ? 2 : 1);
    const double found = psnr(&picture, &back.picture);
    if (found < least_psnr)
        TEST_FAIL("%ux%ux%u: PSNR %.1f, expected %.1f", columns, rows, channels, found, least_psnr);
    picture_release(&back.picture);
    picture_release(&picture);
    buffer_release(&out);
}

TEST(test_jpeg_encode__grey_and_colour_come_back)
{
    struct jpeg_encoder *const encoder = new_encoder();

    check_round_trip(encoder, 256, 256, 1, (struct jpeg_options){.quality = 80}, 40);
    check_round_trip(encoder, 256, 256, 3, (struct jpeg_options){.quality = 80}, 36);
    check_round_trip(encoder, 257, 129, 3, (struct jpeg_options){.quality = 90, .full_chroma = true}, 40);
    check_round_trip(encoder, 64, 300, 1, (struct jpeg_options){.quality = 95, .progressive = true}, 44);
    check_round_trip(encoder, 513, 511, 3, (struct jpeg_options){.quality = 80, .progressive = true}, 36);
    check_round_trip(encoder, 512, 512, 1, (struct jpeg_options){.quality = 80, .optimise = true}, 40);
    check_round_trip(encoder, 1, 1, 1, (struct jpeg_options){.quality = 80}, 30);
    check_round_trip(encoder, 1, 1, 3, (struct jpeg_options){.quality = 80}, 30);
    check_round_trip(encoder, 1, 4000, 1, (struct jpeg_options){.quality = 80}, 30);
    check_round_trip(encoder, 9000, 2, 3, (struct jpeg_options){.quality = 80}, 30);
    jpeg_encoder_free(encoder);
}

TEST(test_jpeg_encode__bytes_do_not_depend_on_what_came_before)
{
    struct jpeg_encoder *const used = new_encoder(), *const fresh = new_encoder();
    struct picture grey = scene(100, 80, 1), rgb = scene(90, 70, 3);
    const struct jpeg_options plain = {.quality = 75}, odd = {.quality = 30, .progressive = true};
    struct buffer a = {0}, b = {0};

    CHECK_OK(jpeg_encode(used, &rgb, &odd, NULL, 0, &a, &err), err);
    buffer_clear(&a);
    CHECK_OK(jpeg_encode(used, &grey, &plain, NULL, 0, &a, &err), err);
    CHECK_OK(jpeg_encode(fresh, &grey, &plain, NULL, 0, &b, &err), err);
    CHECK_EQ_UINT(a.size, b.size);
    CHECK_EQ_MEM(a.data, b.data, a.size);
    buffer_release(&a);
    buffer_release(&b);
    picture_release(&grey);
    picture_release(&rgb);
    jpeg_encoder_free(used);
    jpeg_encoder_free(fresh);
}

TEST(test_jpeg_encode__icc_profile_is_embedded_whole)
{
    enum { SIZE = 150000 }; /* three APP2 segments */
    struct jpeg_encoder *const encoder = new_encoder();
    struct picture picture = scene(40, 30, 3);
    struct buffer out = {0};
    uint8_t *const icc = malloc(SIZE);

    CHECK(icc != NULL);
    for (int i = 0; i < SIZE; i++)
        icc[i] = (uint8_t)(i * 7 + i / 256);
    CHECK_OK(jpeg_encode(encoder, &picture, &(struct jpeg_options){.quality = 80}, icc, SIZE, &out, &err), err);
    struct decoded back = decode(&out, 0);
    CHECK_EQ_UINT(back.icc_size, SIZE);
    CHECK_EQ_MEM(back.icc, icc, SIZE);
    free(back.icc);
    free(icc);
    picture_release(&back.picture);
    picture_release(&picture);
    buffer_release(&out);
    jpeg_encoder_free(encoder);
}

TEST(test_jpeg_encode__failure_leaves_output_and_encoder_usable)
{
    struct jpeg_encoder *const encoder = new_encoder();
    struct picture wide = {0}, bad = scene(16, 16, 1);
    struct buffer out = {0};

    CHECK_OK(picture_resize(&wide, 1, 65535, 1, &err), err);
    CHECK_OK(buffer_puts(&out, "kept", &err), err);
    CHECK(!jpeg_encode(encoder, &wide, &(struct jpeg_options){.quality = 80}, NULL, 0, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    bad.columns = 0; /* libjpeg's own error */
    CHECK(!jpeg_encode(encoder, &bad, &(struct jpeg_options){.quality = 80}, NULL, 0, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_CODEC);
    CHECK_HAS(err.text, "libjpeg: ");
    CHECK_EQ_STR(buffer_text(&out), "kept");
    check_round_trip(encoder, 50, 50, 1, (struct jpeg_options){.quality = 80}, 38);
    picture_release(&wide);
    picture_release(&bad);
    buffer_release(&out);
    jpeg_encoder_free(encoder);
}
