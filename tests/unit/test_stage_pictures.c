/* links: base dicom job codec stages support */
/* thumbnail, rendered, webp, png16 and tiles, read back by the libraries' own decoders. */
#include <png.h>
#include <webp/decode.h>
#include <webp/mux.h>

#include <stdio.h>

#include <jpeglib.h>

#include "base/path.h"
#include "dicom/picture_shrink.h"
#include "dicom/pyramid.h"
#include "stages/stages.h"
#include "tests/support/stage_harness.h"
#include "tests/support/test.h"

static struct error err;

static const char *folder_for(const char *name)
{
    static char path[PATH_SIZE];

    CHECK_OK(path_join(path, test_folder(), name, &err), err);
    return path;
}

static struct stage_outcome run(const struct stage *stage, const char *settings,
                                const struct stage_case *object)
{
    static unsigned turn;
    struct stage_outcome outcome;
    char folder[32];

    (void)snprintf(folder, sizeof folder, "run-%u", turn++);
    stage_harness_run(stage, settings, object, folder_for(folder), &outcome);
    if (stage_outcome_product(&outcome)->state != PRODUCT_DONE)
        TEST_FAIL("%s: %s", stage->name, outcome.err.text);
    return outcome;
}

static struct buffer file_of(const struct stage_outcome *outcome, const char *name,
                             const char *inner)
{
    const struct artefact *const artefact = stage_outcome_find(outcome, name);
    struct buffer file = {0};

    if (artefact == NULL)
        TEST_FAIL("no artefact \"%s\"", name);
    stage_outcome_read(outcome, artefact, inner, &file);
    return file;
}

/* -- decoders ---------------------------------------------------------------------------------- */

static struct picture new_picture(int columns, int rows, unsigned channels)
{
    struct picture picture = {0};

    CHECK(columns > 0 && rows > 0);
    CHECK_OK(picture_resize(&picture, (uint32_t)rows, (uint32_t)columns, channels, &err), err);
    return picture;
}

static struct picture read_jpeg(const struct buffer *file)
{
    struct jpeg_decompress_struct reader;
    struct jpeg_error_mgr errors;

    reader.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&reader);
    jpeg_mem_src(&reader, file->data, file->size);
    CHECK_EQ_INT(jpeg_read_header(&reader, TRUE), JPEG_HEADER_OK);
    CHECK(jpeg_start_decompress(&reader));
    struct picture picture = new_picture((int)reader.output_width, (int)reader.output_height,
                                         (unsigned)reader.output_components);
    for (uint32_t row = 0; row < picture.rows; row++) {
        JSAMPROW line = picture.data + (size_t)row * picture.columns * picture.channels;
        CHECK_EQ_UINT(jpeg_read_scanlines(&reader, &line, 1), 1);
    }
    CHECK(jpeg_finish_decompress(&reader));
    CHECK_EQ_INT(errors.num_warnings, 0);
    jpeg_destroy_decompress(&reader);
    return picture;
}

static struct picture read_webp(const struct buffer *file)
{
    int columns, rows;
    uint8_t *const rgb = WebPDecodeRGB(file->data, file->size, &columns, &rows);

    CHECK(rgb != NULL);
    struct picture picture = new_picture(columns, rows, 3);
    memcpy(picture.data, rgb, (size_t)columns * (size_t)rows * 3);
    WebPFree(rgb);
    return picture;
}

/* Samples of 8 or 16 bits; *channels and *bits as in the file. */
static uint16_t *read_png(const struct buffer *file, uint32_t *columns, uint32_t *rows,
                          unsigned *channels, unsigned *bits)
{
    FILE *const in = fmemopen(file->data, file->size, "rb");
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);

    CHECK(in != NULL);
    png_init_io(png, in);
    png_set_swap(png);
    png_read_png(png, info, PNG_TRANSFORM_SWAP_ENDIAN, NULL);
    *columns = png_get_image_width(png, info);
    *rows = png_get_image_height(png, info);
    *channels = png_get_channels(png, info);
    *bits = png_get_bit_depth(png, info);
    const size_t count = (size_t)*columns * *channels;
    uint16_t *const samples = calloc(count * *rows, sizeof *samples);
    CHECK(samples != NULL);
    png_bytepp lines = png_get_rows(png, info);
    for (size_t row = 0; row < *rows; row++)
        for (size_t i = 0; i < count; i++)
            samples[row * count + i] =
                (uint16_t)(*bits == 16 ? lines[row][2 * i] | lines[row][2 * i + 1] << 8
                                       : lines[row][i]);
    png_destroy_read_struct(&png, &info, NULL);
    (void)fclose(in);
    return samples;
}

static struct picture source_picture(const struct stage_case *object, uint32_t frame)
{
    struct picture picture = new_picture((int)object->columns, (int)object->rows, object->samples);

    for (size_t i = 0; i < (size_t)object->columns * object->rows * object->samples; i++)
        picture.data[i] = stage_case_picture_value(object, frame, i);
    return picture;
}

/* The mean absolute difference; grey against RGB counts each channel. */
static double difference(const struct picture *a, const struct picture *b)
{
    const size_t pixels = (size_t)a->columns * a->rows;
    double sum = 0;

    CHECK_EQ_UINT(a->columns, b->columns);
    CHECK_EQ_UINT(a->rows, b->rows);
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++)
            sum += abs(a->data[i * a->channels + (a->channels == 3 ? c : 0)] -
                       b->data[i * b->channels + (b->channels == 3 ? c : 0)]);
    return sum / (double)(3 * pixels);
}

/* `found` shows the middle of the road between `expected` and itself: what lossy coders may do to
 * noise. */
static void check_alike(struct picture found, struct picture expected, double most)
{
    const double distance = difference(&found, &expected);

    if (distance > most)
        TEST_FAIL("pictures differ by %.2f on average, at most %.2f expected", distance, most);
    picture_release(&found);
    picture_release(&expected);
}

static struct picture shrunk(struct picture from, uint32_t columns, uint32_t rows)
{
    struct picture to = {0};

    CHECK_OK(picture_shrink(&from, columns, rows, &to, &err), err);
    picture_release(&from);
    return to;
}

static void check_size(const struct stage_outcome *outcome, const char *name, uint32_t columns,
                       uint32_t rows)
{
    const struct artefact *const artefact = stage_outcome_find(outcome, name);

    if (artefact == NULL)
        TEST_FAIL("no artefact \"%s\"", name);
    CHECK_EQ_UINT(artefact->columns, columns);
    CHECK_EQ_UINT(artefact->rows, rows);
}

/* -- thumbnail --------------------------------------------------------------------------------- */

TEST(test_stage_thumbnail__jpeg_of_the_first_size_is_the_dicomweb_thumbnail)
{
    const struct stage_case object = {
        .columns = 300, .rows = 600, .frames = 1, .samples = 1, .bits = 12};
    struct stage_outcome outcome = run(&thumbnail_stage, "sizes=256,64,256", &object);

    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 2);
    check_size(&outcome, "thumbnail-256", 128, 256);
    check_size(&outcome, "thumbnail-64", 32, 64);
    const struct artefact *const first = stage_outcome_find(&outcome, "thumbnail-256");
    const struct artefact *const second = stage_outcome_find(&outcome, "thumbnail-64");
    CHECK_EQ_INT(first->place, PLACE_THUMBNAIL);
    CHECK_EQ_STR(first->extension, "");
    CHECK_EQ_STR(first->media_type, "image/jpeg");
    CHECK_EQ_INT(second->place, PLACE_RENDITION);
    CHECK_EQ_STR(second->extension, "jpg");
    CHECK(outcome.information > 0);
    struct buffer file = file_of(&outcome, "thumbnail-256", NULL);
    check_alike(read_jpeg(&file), shrunk(source_picture(&object, 1), 128, 256), 4);
    buffer_release(&file);
    stage_outcome_release(&outcome);
}

TEST(test_stage_thumbnail__colour_webp_and_png)
{
    const struct stage_case object = {
        .columns = 300, .rows = 200, .frames = 1, .samples = 3, .bits = 8};
    struct stage_outcome outcome = run(&thumbnail_stage, "sizes=100\nformat=webp", &object);
    struct buffer file = file_of(&outcome, "thumbnail-100", NULL);

    CHECK_EQ_INT(stage_outcome_product(&outcome)->artefacts[0].place, PLACE_RENDITION);
    CHECK_EQ_STR(stage_outcome_product(&outcome)->artefacts[0].extension, "webp");
    check_alike(read_webp(&file), shrunk(source_picture(&object, 1), 100, 67), 6);
    buffer_release(&file);
    stage_outcome_release(&outcome);

    outcome = run(&thumbnail_stage, "sizes=100\nformat=png", &object);
    file = file_of(&outcome, "thumbnail-100", NULL);
    struct picture expected = shrunk(source_picture(&object, 1), 100, 67);
    uint32_t columns, rows;
    unsigned channels, bits;
    uint16_t *const samples = read_png(&file, &columns, &rows, &channels, &bits);
    CHECK_EQ_UINT(channels, 3);
    CHECK_EQ_UINT(bits, 8);
    for (size_t i = 0; i < 100 * 67 * 3; i++)
        CHECK_EQ_UINT(samples[i], expected.data[i]);
    free(samples);
    picture_release(&expected);
    buffer_release(&file);
    stage_outcome_release(&outcome);
}

TEST(test_stage_thumbnail__middle_frame_never_enlarged_physical_aspect)
{
    const struct stage_case many = {
        .columns = 40, .rows = 30, .frames = 4, .samples = 1, .bits = 8};
    const struct stage_case tall = {.columns = 400,
                                    .rows = 200,
                                    .frames = 1,
                                    .samples = 1,
                                    .bits = 8,
                                    .row_mm = 2,
                                    .column_mm = 1};
    struct stage_outcome outcome = run(&thumbnail_stage, NULL, &many);

    CHECK_EQ_UINT(stage_outcome_find(&outcome, "thumbnail-256")->frame, 2);
    check_size(&outcome, "thumbnail-256", 40, 30);
    stage_outcome_release(&outcome);
    outcome = run(&thumbnail_stage, NULL, &tall);
    check_size(&outcome, "thumbnail-256", 256, 256);
    stage_outcome_release(&outcome);
}

TEST(test_stage_thumbnail__a_frame_with_something_to_see_is_preferred_to_an_empty_middle)
{
    struct stage_case many = {.columns = 40, .rows = 30, .frames = 5, .samples = 1, .bits = 8, .only_frame = 5};
    struct stage_outcome outcome = run(&thumbnail_stage, NULL, &many);

    CHECK_EQ_UINT(stage_outcome_find(&outcome, "thumbnail-256")->frame, 5);
    stage_outcome_release(&outcome);
    many.frames = 99; /* nine are looked at: 10, 20 ... 90 */
    many.only_frame = 70;
    outcome = run(&thumbnail_stage, NULL, &many);
    CHECK_EQ_UINT(stage_outcome_find(&outcome, "thumbnail-256")->frame, 70);
    stage_outcome_release(&outcome);
}

/* -- rendered ------------------------------------------------------------------------------------ */

static void check_rendered(const struct stage_outcome *outcome, uint32_t frame, struct picture expected, double most)
{
    const struct artefact *const artefact = stage_outcome_find(outcome, "rendered");
    struct buffer file = file_of(outcome, "rendered", NULL);

    CHECK_EQ_INT(artefact->place, PLACE_RENDERED);
    CHECK_EQ_STR(artefact->extension, "");
    CHECK_EQ_STR(artefact->media_type, "image/jpeg");
    CHECK_EQ_UINT(artefact->frame, frame);
    check_size(outcome, "rendered", expected.columns, expected.rows);
    check_alike(read_jpeg(&file), expected, most);
    buffer_release(&file);
}

TEST(test_stage_rendered__is_the_frame_at_full_size)
{
    const struct stage_case grey = {.columns = 300, .rows = 600, .frames = 1, .samples = 1, .bits = 12};
    const struct stage_case colour = {.columns = 300, .rows = 260, .frames = 1, .samples = 3, .bits = 8};
    const struct stage_case tall = {.columns = 400, .rows = 200, .frames = 1, .samples = 1, .bits = 8, .row_mm = 2,
                                    .column_mm = 1};
    struct stage_outcome outcome = run(&rendered_stage, NULL, &grey);

    check_rendered(&outcome, 1, source_picture(&grey, 1), 5);
    stage_outcome_release(&outcome);
    outcome = run(&rendered_stage, "quality=95", &colour);
    check_rendered(&outcome, 1, source_picture(&colour, 1), 4);
    stage_outcome_release(&outcome);
    outcome = run(&rendered_stage, NULL, &tall); /* in proportion */
    check_rendered(&outcome, 1, shrunk(source_picture(&tall, 1), 400, 400), 5);
    stage_outcome_release(&outcome);
}

TEST(test_stage_rendered__shows_the_frame_of_the_thumbnail_whatever_its_sizes)
{
    const struct stage_case many = {.columns = 400, .rows = 30, .frames = 5, .samples = 1, .bits = 8, .only_frame = 4};
    struct stage_outcome outcome = run(&rendered_stage, NULL, &many);

    check_rendered(&outcome, 4, source_picture(&many, 4), 5);
    stage_outcome_release(&outcome);
    outcome = run(&thumbnail_stage, "sizes=64,256", &many);
    CHECK_EQ_UINT(stage_outcome_find(&outcome, "thumbnail-64")->frame, 4);
    CHECK_EQ_UINT(stage_outcome_find(&outcome, "thumbnail-256")->frame, 4);
    check_size(&outcome, "thumbnail-64", 64, 5);
    check_size(&outcome, "thumbnail-256", 256, 19);
    stage_outcome_release(&outcome);
}

TEST(test_stage_rendered__has_a_longest_side)
{
    const struct stage_case long_one = {.columns = 65535, .rows = 3, .frames = 1, .samples = 1, .bits = 8};
    const struct stage_case object = {.columns = 1000, .rows = 500, .frames = 1, .samples = 1, .bits = 8};
    struct stage_outcome outcome = run(&rendered_stage, NULL, &long_one);

    check_size(&outcome, "rendered", 4096, 1);
    stage_outcome_release(&outcome);
    outcome = run(&rendered_stage, "side=65500", &long_one);
    check_size(&outcome, "rendered", 65500, 3);
    stage_outcome_release(&outcome);
    outcome = run(&rendered_stage, "side=600", &object);
    check_rendered(&outcome, 1, shrunk(source_picture(&object, 1), 600, 300), 5);
    stage_outcome_release(&outcome);
}

/* -- webp -------------------------------------------------------------------------------------- */

TEST(test_stage_webp__ladder_of_a_large_and_of_a_small_frame)
{
    const struct stage_case large = {
        .columns = 700, .rows = 350, .frames = 1, .samples = 1, .bits = 12};
    const struct stage_case small = {
        .columns = 512, .rows = 300, .frames = 1, .samples = 1, .bits = 12};
    struct stage_outcome outcome = run(&webp_stage, NULL, &large);

    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 2);
    check_size(&outcome, "webp-512-1", 512, 256);
    check_size(&outcome, "webp-full-1", 700, 350);
    struct buffer file = file_of(&outcome, "webp-full-1", NULL);
    check_alike(read_webp(&file), source_picture(&large, 1), 5);
    buffer_release(&file);
    file = file_of(&outcome, "webp-512-1", NULL);
    check_alike(read_webp(&file), shrunk(source_picture(&large, 1), 512, 256), 5);
    buffer_release(&file);
    stage_outcome_release(&outcome);

    outcome = run(&webp_stage, NULL, &small);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 1);
    check_size(&outcome, "webp-full-1", 512, 300);
    stage_outcome_release(&outcome);
    outcome = run(&webp_stage, "sizes=600,1000,100",
                  &small); /* both of 600 and 1,000 are the whole: once */
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 2);
    check_size(&outcome, "webp-600-1", 512, 300);
    check_size(&outcome, "webp-100-1", 100, 59);
    stage_outcome_release(&outcome);
}

TEST(test_stage_webp__lossless_is_the_picture_exactly)
{
    const struct stage_case colour = {
        .columns = 101, .rows = 57, .frames = 1, .samples = 3, .bits = 8};
    const struct stage_case grey = {
        .columns = 57, .rows = 101, .frames = 1, .samples = 1, .bits = 16, .is_signed = true};
    struct stage_outcome outcome = run(&webp_stage, "lossless=true", &colour);
    struct buffer file = file_of(&outcome, "webp-full-1", NULL);

    check_alike(read_webp(&file), source_picture(&colour, 1), 0);
    buffer_release(&file);
    stage_outcome_release(&outcome);
    outcome = run(&webp_stage, "lossless=true", &grey);
    file = file_of(&outcome, "webp-full-1", NULL);
    check_alike(read_webp(&file), source_picture(&grey, 1), 0);
    buffer_release(&file);
    stage_outcome_release(&outcome);
}

TEST(test_stage_webp__pixels_that_are_not_square_are_shown_in_proportion)
{
    const struct stage_case object = {.columns = 100,
                                      .rows = 50,
                                      .frames = 1,
                                      .samples = 1,
                                      .bits = 8,
                                      .row_mm = 2,
                                      .column_mm = 1};
    struct stage_outcome outcome = run(&webp_stage, NULL, &object);

    check_size(&outcome, "webp-full-1", 100, 100);
    stage_outcome_release(&outcome);
}

TEST(test_stage_webp__too_long_a_side_is_capped_and_told)
{
    const struct stage_case object = {
        .columns = 16400, .rows = 2, .frames = 1, .samples = 1, .bits = 8};
    struct stage_outcome outcome = run(&webp_stage, NULL, &object);

    check_size(&outcome, "webp-full-1", 16383, 2);
    CHECK_HAS(buffer_text(&outcome.notes), "16383");
    stage_outcome_release(&outcome);
}

TEST(test_stage_webp__first_frames_only_when_there_are_too_many)
{
    const struct stage_case object = {
        .columns = 20, .rows = 20, .frames = 5, .samples = 1, .bits = 8};
    struct stage_outcome outcome = run(&webp_stage, "max_frames=3", &object);

    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 3);
    CHECK(stage_outcome_find(&outcome, "webp-full-3") != NULL);
    CHECK_HAS(buffer_text(&outcome.notes), "first 3 of 5");
    stage_outcome_release(&outcome);
}

static WebPMux *open_mux(const struct buffer *file)
{
    const WebPData data = {file->data, file->size};
    WebPMux *const mux = WebPMuxCreate(&data, 0);

    CHECK(mux != NULL);
    return mux;
}

TEST(test_stage_webp__cine_moves_at_its_rate)
{
    const struct stage_case object = {.columns = 600,
                                      .rows = 300,
                                      .frames = 5,
                                      .samples = 3,
                                      .bits = 8,
                                      .modality = "US",
                                      .fps_x1000 = 30000};
    const struct stage_case no_film = {
        .columns = 60, .rows = 30, .frames = 5, .samples = 1, .bits = 8, .modality = "CT"};
    struct stage_outcome outcome = run(&webp_stage, NULL, &object);
    struct buffer file = file_of(&outcome, "webp-cine", NULL);
    WebPMux *const mux = open_mux(&file);
    int frames = 0;

    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 11);
    check_size(&outcome, "webp-cine", 512, 256);
    CHECK_EQ_UINT(stage_outcome_find(&outcome, "webp-cine")->frame, 0);
    CHECK_EQ_INT(WebPMuxNumChunks(mux, WEBP_CHUNK_ANMF, &frames), WEBP_MUX_OK);
    CHECK_EQ_INT(frames, 5);
    WebPMuxFrameInfo info;
    CHECK_EQ_INT(WebPMuxGetFrame(mux, 2, &info), WEBP_MUX_OK);
    CHECK_EQ_INT(info.duration, 33);
    WebPDataClear(&info.bitstream);
    WebPMuxDelete(mux);
    buffer_release(&file);
    stage_outcome_release(&outcome);

    outcome = run(&webp_stage, "animate=false", &object);
    CHECK(stage_outcome_find(&outcome, "webp-cine") == NULL);
    stage_outcome_release(&outcome);
    outcome = run(&webp_stage, NULL, &no_film);
    CHECK(stage_outcome_find(&outcome, "webp-cine") == NULL);
    stage_outcome_release(&outcome);
}

TEST(test_stage_webp__xmp_tells_what_the_picture_shows)
{
    const struct stage_case object = {.columns = 60,
                                      .rows = 30,
                                      .frames = 2,
                                      .samples = 1,
                                      .bits = 12,
                                      .row_mm = 0.5,
                                      .column_mm = 0.25};
    struct stage_outcome outcome = run(&webp_stage, NULL, &object);
    struct buffer file = file_of(&outcome, "webp-full-2", NULL);
    WebPMux *const mux = open_mux(&file);
    WebPData chunk;
    char text[2000];

    CHECK_EQ_INT(WebPMuxGetChunk(mux, "XMP ", &chunk), WEBP_MUX_OK);
    CHECK(chunk.size < sizeof text);
    memcpy(text, chunk.bytes, chunk.size);
    text[chunk.size] = '\0';
    CHECK_HAS(text, "sp:SOPInstanceUID=\"1.2.3.4\"");
    CHECK_HAS(text, "sp:Frame=\"2\"");
    CHECK_HAS(text, "sp:WindowCenter=\"40.5\"");
    CHECK_HAS(text, "sp:WindowWidth=\"400\"");
    CHECK_HAS(text, "sp:VOILUTFunction=\"LINEAR\"");
    CHECK_HAS(text, "sp:RescaleSlope=\"2\"");
    CHECK_HAS(text, "sp:RescaleIntercept=\"-1024\"");
    CHECK_HAS(text, "sp:PixelSpacing=\"0.5\\0.25\"");
    WebPMuxDelete(mux);
    buffer_release(&file);
    stage_outcome_release(&outcome);
}

/* -- png16 ------------------------------------------------------------------------------------- */

static void check_png16(const struct stage_case *object, const char *name, unsigned expected_bits)
{
    struct stage_outcome outcome = run(&png16_stage, NULL, object);
    struct buffer file = file_of(&outcome, name, NULL);
    uint32_t columns, rows;
    unsigned channels, bits;
    uint16_t *const samples = read_png(&file, &columns, &rows, &channels, &bits);

    CHECK_EQ_UINT(columns, object->columns);
    CHECK_EQ_UINT(rows, object->rows);
    CHECK_EQ_UINT(channels, object->samples);
    CHECK_EQ_UINT(bits, expected_bits);
    for (size_t i = 0; i < (size_t)columns * rows * channels; i++)
        CHECK_EQ_INT(samples[i], stage_case_value(object, 1, i) + (object->is_signed ? 32768 : 0));
    CHECK_EQ_INT(strstr(buffer_text(&outcome.notes), "offset") != NULL, object->is_signed);
    free(samples);
    buffer_release(&file);
    stage_outcome_release(&outcome);
}

TEST(test_stage_png16__stored_values_come_back)
{
    check_png16(
        &(struct stage_case){.columns = 33, .rows = 21, .frames = 1, .samples = 1, .bits = 1},
        "png16-1", 16);
    check_png16(
        &(struct stage_case){.columns = 33, .rows = 21, .frames = 1, .samples = 1, .bits = 8},
        "png16-1", 16);
    check_png16(
        &(struct stage_case){.columns = 33, .rows = 21, .frames = 1, .samples = 1, .bits = 12},
        "png16-1", 16);
    check_png16(
        &(struct stage_case){.columns = 33, .rows = 21, .frames = 1, .samples = 1, .bits = 16},
        "png16-1", 16);
    check_png16(
        &(struct stage_case){
            .columns = 33, .rows = 21, .frames = 1, .samples = 1, .bits = 8, .is_signed = true},
        "png16-1-offset32768", 16);
    check_png16(
        &(struct stage_case){
            .columns = 33, .rows = 21, .frames = 1, .samples = 1, .bits = 16, .is_signed = true},
        "png16-1-offset32768", 16);
    check_png16(
        &(struct stage_case){.columns = 33, .rows = 21, .frames = 1, .samples = 3, .bits = 8},
        "png16-1", 8);
    check_png16(
        &(struct stage_case){.columns = 33, .rows = 21, .frames = 1, .samples = 3, .bits = 12},
        "png16-1", 16);
}

TEST(test_stage_png16__what_png_does_not_hold_is_skipped_with_a_reason)
{
    static const struct {
        struct stage_case object;
        const char *reason;
    } rows[] = {
        {{.columns = 3, .rows = 3, .frames = 1, .samples = 1, .bits = 17}, "16 bits"},
        {{.columns = 3, .rows = 3, .frames = 1, .samples = 1, .bits = 32, .is_float = true},
         "floating"},
        {{.columns = 3,
          .rows = 3,
          .frames = 1,
          .samples = 3,
          .bits = 8,
          .photometric = PHOTOMETRIC_YBR_FULL},
         "RGB"},
        {{.columns = 3, .rows = 3, .frames = 1, .samples = 3, .bits = 8, .is_signed = true},
         "signed"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stage_outcome outcome;

        stage_harness_run(&png16_stage, NULL, &rows[i].object, folder_for("skip"), &outcome);
        CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_SKIPPED);
        CHECK_HAS(stage_outcome_product(&outcome)->reason, rows[i].reason);
        stage_outcome_release(&outcome);
    }
}

/* -- tiles ------------------------------------------------------------------------------------- */

static void paste(const struct picture *tile, uint32_t left, uint32_t top, struct picture *to)
{
    CHECK(left + tile->columns <= to->columns && top + tile->rows <= to->rows);
    for (uint32_t row = 0; row < tile->rows; row++)
        for (uint32_t column = 0; column < tile->columns; column++)
            for (unsigned c = 0; c < to->channels; c++)
                to->data[((size_t)(top + row) * to->columns + left + column) * to->channels + c] =
                    tile->data[((size_t)row * tile->columns + column) * tile->channels + c % tile->channels];
}

struct tile_check {
    const char *settings, *name;
    uint32_t tile_size, overlap;
    bool is_jpeg;
};

/* Every tile of a level is there with its exact size; together they are the picture. */
static struct picture assemble(const struct stage_outcome *outcome, const struct tile_check *check, unsigned level,
                               uint32_t columns, uint32_t rows)
{
    struct picture whole = new_picture((int)columns, (int)rows, 3);
    const struct pyramid_spec cut = {.tile_size = check->tile_size, .overlap = check->overlap};

    for (uint32_t y = 0; y < pyramid_tiles(rows, check->tile_size); y++)
        for (uint32_t x = 0; x < pyramid_tiles(columns, check->tile_size); x++) {
            uint32_t left, right, top, bottom;
            char path[64];

            pyramid_extent(&cut, columns, x, &left, &right);
            pyramid_extent(&cut, rows, y, &top, &bottom);
            (void)snprintf(path, sizeof path, "image_files/%u/%u_%u.%s", level, x, y,
                           check->is_jpeg ? "jpg" : "webp");
            struct buffer file = file_of(outcome, check->name, path);
            struct picture tile = check->is_jpeg ? read_jpeg(&file) : read_webp(&file);
            CHECK_EQ_UINT(tile.columns, right - left);
            CHECK_EQ_UINT(tile.rows, bottom - top);
            paste(&tile, left, top, &whole);
            picture_release(&tile);
            buffer_release(&file);
        }
    return whole;
}

static void check_tiles(const struct stage_case *object, const struct tile_check *check)
{
    struct stage_outcome outcome = run(&tiles_stage, check->settings, object);
    const unsigned levels = pyramid_levels(object->columns, object->rows);
    const struct artefact *const artefact = stage_outcome_find(&outcome, check->name);
    uint32_t files = 2; /* image.dzi, tiles.json */
    char text[200];

    CHECK_EQ_INT(artefact->place, PLACE_TREE);
    struct buffer dzi = file_of(&outcome, check->name, "image.dzi");
    (void)snprintf(text, sizeof text, "Format=\"%s\" Overlap=\"%u\" TileSize=\"%u\"",
                   check->is_jpeg ? "jpg" : "webp", check->overlap, check->tile_size);
    CHECK_HAS(buffer_text(&dzi), text);
    (void)snprintf(text, sizeof text, "<Size Width=\"%u\" Height=\"%u\"/>", object->columns, object->rows);
    CHECK_HAS(buffer_text(&dzi), text);
    for (unsigned i = 0; i < levels; i++) {
        const uint32_t columns = pyramid_side(object->columns, i), rows = pyramid_side(object->rows, i);
        struct picture whole = assemble(&outcome, check, levels - 1 - i, columns, rows);

        if (i == 0)
            check_alike(whole, source_picture(object, 1), 6);
        else
            picture_release(&whole);
        files += pyramid_tiles(columns, check->tile_size) * pyramid_tiles(rows, check->tile_size);
    }
    CHECK_EQ_UINT(artefact->files, files);
    buffer_release(&dzi);
    stage_outcome_release(&outcome);
}

TEST(test_stage_tiles__every_tile_is_there_and_they_make_the_picture)
{
    check_tiles(
        &(struct stage_case){.columns = 2100, .rows = 1021, .frames = 1, .samples = 1, .bits = 12},
        &(struct tile_check){"format=webp\noverlap=1\ntile_size=510", "tiles-1-c40p5-w400", 510, 1, false});
    check_tiles(
        &(struct stage_case){.columns = 509, .rows = 511, .frames = 1, .samples = 3, .bits = 8},
        &(struct tile_check){"min_size=100\ntile_size=254\noverlap=1", "tiles-1", 254, 1, true});
    check_tiles(
        &(struct stage_case){.columns = 1, .rows = 7000, .frames = 1, .samples = 1, .bits = 8},
        &(struct tile_check){NULL, "tiles-1-c40p5-w400", 512, 0, true});
}

TEST(test_stage_tiles__each_frame_has_a_tree)
{
    const struct stage_case object = {
        .columns = 200, .rows = 10, .frames = 3, .samples = 1, .bits = 8};
    struct stage_outcome outcome = run(&tiles_stage, "min_size=100\nmax_frames=2", &object);

    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 2);
    CHECK_EQ_UINT(stage_outcome_find(&outcome, "tiles-2-c40p5-w400")->frame, 2);
    CHECK_HAS(buffer_text(&outcome.notes), "first 2 of 3");
    struct buffer description = file_of(&outcome, "tiles-2-c40p5-w400", "tiles.json");
    CHECK_HAS(buffer_text(&description), "\"window\":{\"center\":40.5,\"width\":400,\"function\":\"LINEAR\",\"origin\":\"tag\"}");
    buffer_release(&description);
    stage_outcome_release(&outcome);
}

TEST(test_stage_tiles__forms_that_cannot_go_together_fail_with_the_reason)
{
    const struct stage_case object = {.columns = 200, .rows = 10, .frames = 1, .samples = 1, .bits = 8};
    static const char *const settings[] = {"min_size=100\nforms=iiif\nformat=webp", "min_size=100\nforms=dzi,iiif\noverlap=1",
                                           "min_size=100\nforms=iiif,pack\nblank=omit"};

    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        struct stage_outcome outcome;

        stage_harness_run(&tiles_stage, settings[i], &object, folder_for("forms"), &outcome);
        CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_FAILED);
        CHECK_HAS(stage_outcome_product(&outcome)->reason, "tiles of IIIF are JPEG");
        stage_outcome_release(&outcome);
    }
}

TEST(test_stage_tiles__frames_not_above_the_least_size_are_skipped)
{
    const struct stage_case object = {
        .columns = 2048, .rows = 2048, .frames = 1, .samples = 1, .bits = 8};
    struct stage_outcome outcome;

    stage_harness_run(&tiles_stage, NULL, &object, folder_for("skip"), &outcome);
    CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_SKIPPED);
    CHECK_HAS(stage_outcome_product(&outcome)->reason, "2048");
    stage_outcome_release(&outcome);
}
