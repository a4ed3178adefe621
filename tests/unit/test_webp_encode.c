/* links: base dicom codec */
#include "test.h"

#include <webp/decode.h>
#include <webp/mux.h>

#include "base/path.h"
#include "codec/webp_encode.h"

static struct error err;

static struct picture scene(uint32_t columns, uint32_t rows, unsigned channels, double shift)
{
    struct picture picture = {0};

    CHECK_OK(picture_resize(&picture, rows, columns, channels, &err), err);
    for (uint32_t y = 0; y < rows; y++) {
        for (uint32_t x = 0; x < columns; x++) {
            const double dx = x - columns / 2.0 - shift, dy = y - rows / 2.0;
            const double inside = 1 / (1 + exp((sqrt(dx * dx + dy * dy) - columns / 5.0) / 3));
            for (unsigned c = 0; c < channels; c++)
                picture.data[((size_t)y * columns + x) * channels + c] =
                    (uint8_t)(10 + inside * (200 - 50.0 * c) + 0.5);
        }
    }
    return picture;
}

/* RGB against a grey or RGB picture. */
static double psnr(const uint8_t *rgb, const struct picture *picture)
{
    const size_t count = (size_t)picture->rows * picture->columns;
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        for (unsigned c = 0; c < 3; c++) {
            const int d = rgb[3 * i + c] - picture->data[i * picture->channels + (picture->channels == 3 ? c : 0)];
            sum += d * d;
        }
    }
    return sum == 0 ? 99 : 10 * log10(255.0 * 255 * 3 * (double)count / sum);
}

static double decoded_psnr(const uint8_t *data, size_t size, const struct picture *picture)
{
    int columns, rows;
    uint8_t *const rgb = WebPDecodeRGB(data, size, &columns, &rows);

    CHECK(rgb != NULL);
    CHECK_EQ_UINT((unsigned)columns, picture->columns);
    CHECK_EQ_UINT((unsigned)rows, picture->rows);
    const double result = psnr(rgb, picture);
    WebPFree(rgb);
    return result;
}

static const struct webp_options lossy = {.quality = 80, .method = 2}, lossless = {.lossless = true, .method = 2};

static void check_still(uint32_t columns, uint32_t rows, unsigned channels, const struct webp_options *options,
                        double least_psnr)
{
    struct picture picture = scene(columns, rows, channels, 0);
    struct buffer out = {0};

    CHECK_OK(webp_encode(&picture, options, NULL, &out, &err), err);
    const double found = decoded_psnr(out.data, out.size, &picture);
    if (found < least_psnr)
        TEST_FAIL("%ux%ux%u: PSNR %.1f, expected %.1f", columns, rows, channels, found, least_psnr);
    buffer_release(&out);
    picture_release(&picture);
}

TEST(test_webp_encode__lossy_comes_back_near)
{
    check_still(256, 256, 1, &lossy, 40);
    check_still(256, 256, 3, &lossy, 35);
    check_still(255, 131, 1, &lossy, 38);
    check_still(1, 1, 1, &lossy, 35);
    check_still(3, 500, 3, &lossy, 30);
}

TEST(test_webp_encode__lossless_comes_back_exactly)
{
    check_still(256, 256, 1, &lossless, 99);
    check_still(131, 77, 3, &lossless, 99);
    check_still(1, 1, 3, &lossless, 99);
}

TEST(test_webp_encode__every_grey_level_survives_the_luma_plane)
{
    struct picture picture = {0};
    struct buffer out = {0};
    int columns, rows;

    CHECK_OK(picture_resize(&picture, 16, 4096, 1, &err), err); /* flat blocks of 16 x 16 */
    for (size_t i = 0; i < 16 * 4096; i++)
        picture.data[i] = (uint8_t)(i % 4096 / 16);
    CHECK_OK(webp_encode(&picture, &(struct webp_options){.quality = 100, .method = 2}, NULL, &out, &err), err);
    uint8_t *const rgb = WebPDecodeRGB(out.data, out.size, &columns, &rows);
    CHECK(rgb != NULL);
    for (size_t x = 0; x < 256; x++) {
        const uint8_t *const p = rgb + 3 * (8 * 4096 + 16 * x + 8);
        CHECK_NEAR(p[0], x, 2);
        CHECK_NEAR(p[1], p[0], 1); /* the decoder's own rounding of U = V = 128 */
        CHECK_NEAR(p[2], p[0], 1);
    }
    WebPFree(rgb);
    buffer_release(&out);
    picture_release(&picture);
}

TEST(test_webp_encode__metadata_is_embedded_as_it_is)
{
    static const char *const xmp = "<x:xmpmeta xmlns:x='adobe:ns:meta/'>odd</x:xmpmeta>";
    struct picture picture = scene(64, 48, 1, 0);
    struct buffer out = {0};
    WebPData chunk;

    CHECK_OK(buffer_puts(&out, "before", &err), err);
    CHECK_OK(webp_encode(&picture, &lossy, xmp, &out, &err), err);
    CHECK_EQ_MEM(out.data, "before", 6);
    CHECK(decoded_psnr(out.data + 6, out.size - 6, &picture) > 35);
    WebPMux *const mux = WebPMuxCreate(&(WebPData){out.data + 6, out.size - 6}, 0);
    CHECK(mux != NULL);
    CHECK_EQ_INT(WebPMuxGetChunk(mux, "XMP ", &chunk), WEBP_MUX_OK);
    CHECK_EQ_UINT(chunk.size, strlen(xmp));
    CHECK_EQ_MEM(chunk.bytes, xmp, chunk.size);
    WebPMuxDelete(mux);
    buffer_release(&out);
    picture_release(&picture);
}

TEST(test_webp_encode__too_large_is_a_limit)
{
    struct picture picture = {0};
    struct buffer out = {0};
    struct webp_animation *animation = NULL;

    CHECK_OK(picture_resize(&picture, 1, 16384, 1, &err), err);
    CHECK_OK(buffer_puts(&out, "kept", &err), err);
    CHECK(!webp_encode(&picture, &lossy, NULL, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK_EQ_STR(buffer_text(&out), "kept");
    CHECK(!webp_animation_new(16384, 1, &lossy, &animation, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK(animation == NULL);
    buffer_release(&out);
    picture_release(&picture);
}

TEST(test_webp_encode__bad_options_are_usage)
{
    struct picture picture = scene(8, 8, 1, 0);
    struct buffer out = {0};

    CHECK(!webp_encode(&picture, &(struct webp_options){.quality = 101, .method = 2}, NULL, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_USAGE);
    CHECK(!webp_encode(&picture, &(struct webp_options){.lossless = true, .method = 17}, NULL, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_USAGE);
    buffer_release(&out);
    picture_release(&picture);
}

/* -- animations: the canvas is put together here from the container's frames ----------------- */

static void paste(const WebPMuxFrameInfo *frame, uint8_t *canvas, uint32_t canvas_columns)
{
    int columns, rows;
    uint8_t *const rgb = WebPDecodeRGB(frame->bitstream.bytes, frame->bitstream.size, &columns, &rows);

    CHECK(rgb != NULL);
    for (int y = 0; y < rows; y++)
        memcpy(canvas + 3 * ((size_t)(frame->y_offset + y) * canvas_columns + (size_t)frame->x_offset),
               rgb + 3 * (size_t)y * (size_t)columns, 3 * (size_t)columns);
    WebPFree(rgb);
}

static void check_animation(const struct webp_options *options, unsigned channels, double least_psnr)
{
    enum { FRAMES = 6, COLUMNS = 161, ROWS = 121 };
    static const double shifts[FRAMES] = {0, 5, 5, 5, 40, 0}; /* frames 2 and 3 repeat frame 1 */
    static const int pictured[4] = {0, 1, 4, 5}, durations[4] = {40, 120, 40, 40};
    struct webp_animation *animation = NULL;
    struct buffer out = {0};
    static uint8_t canvas[COLUMNS * ROWS * 3];
    WebPMuxAnimParams params;
    int count, columns, rows;

    CHECK_OK(webp_animation_new(COLUMNS, ROWS, options, &animation, &err), err);
    for (int i = 0; i < FRAMES; i++) {
        struct picture picture = scene(COLUMNS, ROWS, channels, shifts[i]);
        CHECK_OK(webp_animation_add(animation, &picture, 40, &err), err);
        picture_release(&picture);
    }
    CHECK_OK(webp_animation_end(animation, "<xmp/>", &out, &err), err);
    webp_animation_free(animation);
    WebPMux *const mux = WebPMuxCreate(&(WebPData){out.data, out.size}, 0);
    CHECK(mux != NULL);
    CHECK_EQ_INT(WebPMuxGetCanvasSize(mux, &columns, &rows), WEBP_MUX_OK);
    CHECK_EQ_INT(columns, COLUMNS);
    CHECK_EQ_INT(rows, ROWS);
    CHECK_EQ_INT(WebPMuxGetAnimationParams(mux, &params), WEBP_MUX_OK);
    CHECK_EQ_INT(params.loop_count, 0);
    CHECK_EQ_INT(WebPMuxNumChunks(mux, WEBP_CHUNK_ANMF, &count), WEBP_MUX_OK);
    CHECK_EQ_INT(count, 4);
    for (int k = 0; k < count; k++) {
        WebPMuxFrameInfo frame;
        struct picture expected = scene(COLUMNS, ROWS, channels, shifts[pictured[k]]);
        CHECK_EQ_INT(WebPMuxGetFrame(mux, (uint32_t)k + 1, &frame), WEBP_MUX_OK);
        CHECK_EQ_INT(frame.duration, durations[k]);
        paste(&frame, canvas, COLUMNS);
        const double found = psnr(canvas, &expected);
        if (found < least_psnr)
            TEST_FAIL("frame %d: PSNR %.1f, expected %.1f", k, found, least_psnr);
        WebPDataClear(&frame.bitstream);
        picture_release(&expected);
    }
    WebPMuxDelete(mux);
    buffer_release(&out);
}

TEST(test_webp_encode__animation_comes_back_frame_by_frame)
{
    check_animation(&lossless, 1, 99);
    check_animation(&lossless, 3, 99);
    check_animation(&lossy, 1, 38);
    check_animation(&lossy, 3, 33);
}

/* The exit status of webpinfo on a file; 127 if there is no such program. */
static int webpinfo_status(const char *path)
{
    int status = 0;
    const pid_t child = fork();

    if (child == 0) {
        execlp("webpinfo", "webpinfo", "-quiet", path, (char *)NULL);
        _exit(127);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(test_webp_encode__webpinfo_finds_nothing_wrong)
{
    struct webp_animation *animation = NULL;
    struct buffer out = {0};
    char path[PATH_SIZE];

    CHECK_OK(webp_animation_new(99, 55, &lossy, &animation, &err), err);
    for (int i = 0; i < 3; i++) {
        struct picture picture = scene(99, 55, i == 1 ? 3 : 1, 7 * i);
        CHECK_OK(webp_animation_add(animation, &picture, 100, &err), err);
        picture_release(&picture);
    }
    CHECK_OK(webp_animation_end(animation, "<xmp/>", &out, &err), err);
    webp_animation_free(animation);
    CHECK_OK(path_join(path, test_folder(), "a.webp", &err), err);
    CHECK_OK(path_write_file(path, out.data, out.size, &err), err);
    buffer_release(&out);
    const int status = webpinfo_status(path);
    if (status == 127)
        TEST_SKIP("no webpinfo");
    CHECK_EQ_INT(status, 0);
}
