/* links: base dicom codec */
/* What passes as it came: what a plain decoder, which knows nothing of the data set, reads as we do. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h> /* for jpeglib.h */
#include <sys/mman.h>

#include <jpeglib.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "codec/coded_form_read.h"
#include "codec/decode.h"
#include "codec/frame_pass.h"
#include "codec/htj2k_encode.h"
#include "dicom/frame_index.h"
#include "dicom/object.h"
#include "tests/support/codestreams.h"
#include "tests/support/test.h"

#define BASELINE_UID "1.2.840.10008.1.2.4.50"
#define JPEG_LS_NEAR_UID "1.2.840.10008.1.2.4.81"
#define J2K_UID "1.2.840.10008.1.2.4.90"
#define J2K_LOSSY_UID "1.2.840.10008.1.2.4.91"
#define HTJ2K_UID "1.2.840.10008.1.2.4.201"
#define HTJ2K_RPCL_UID "1.2.840.10008.1.2.4.202"
#define HTJ2K_LOSSY_UID "1.2.840.10008.1.2.4.203"

static struct error err;
static const struct pass_rules all = {.wishes = PASS_HTJ2K | PASS_J2K | PASS_LOSSY};

static struct image image_of(const char *uid, uint16_t samples, uint16_t allocated, uint16_t stored)
{
    return (struct image){.rows = 16, .columns = 8, .frames = 1, .samples_per_pixel = samples,
                          .bits_allocated = allocated, .bits_stored = stored, .high_bit = (uint16_t)(stored - 1),
                          .element = PIXEL_ELEMENT_INTEGER, .transfer_syntax = transfer_syntax_find(uid),
                          .photometric = samples == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MONOCHROME2};
}

/* -- one look ------------------------------------------------------------------------------- */

struct view {
    struct passer *passer;
    struct passed_frame passed;
    uint8_t *exact; /* ASan sees a byte read beyond it */
};

static struct view look_by(const struct pass_rules *rules, const struct image *image, const void *data, size_t size)
{
    struct view view = {.exact = malloc(size > 0 ? size : 1)};

    memcpy(view.exact, data, size);
    CHECK_OK(passer_new(&view.passer, &err), err);
    CHECK_OK(passer_look(view.passer, rules, image, 1, view.exact, size, NULL, &view.passed, &err), err);
    return view;
}

static void check_no_doubt(const struct view *view)
{
    if (view->passed.why_not != NULL)
        TEST_FAIL("it does not pass: %s", view->passed.why_not);
}

static void close_view(struct view *view)
{
    passer_free(view->passer);
    free(view->exact);
}

static struct image as_published(const struct image *image, const struct passed_frame *passed)
{
    struct image made = *image;

    made.transfer_syntax = passed->payload.syntax;
    made.photometric = passed->like.photometric;
    made.planar_configuration = 0;
    made.bits_allocated = (uint16_t)(8 * sample_size(passed->like.type));
    made.high_bit = (uint16_t)(made.bits_stored - 1);
    return made;
}

/* Source and payload decode to the same samples, which are as `like` told. False: the source itself does not. */
static bool decodes_alike(const struct image *image, const uint8_t *data, size_t size,
                          const struct passed_frame *passed)
{
    const struct image made = as_published(image, passed);
    struct decoder *one = NULL, *two = NULL;
    struct frame source = {0}, published = {0};

    CHECK_OK(decoder_new(&one, &err) && decoder_new(&two, &err), err);
    const bool ok = decoder_run(one, image, 1, data, size, 0, &source, NULL, &err);
    if (ok) {
        CHECK_OK(decoder_run(two, &made, 1, passed->payload.data, passed->payload.size, 0, &published, NULL, &err),
                 err);
        CHECK_EQ_INT(source.photometric, passed->like.photometric);
        CHECK_EQ_UINT(source.bits_stored, passed->like.bits_stored);
        CHECK_EQ_INT(published.photometric, source.photometric);
        CHECK_EQ_UINT(published.bits_stored, source.bits_stored);
        CHECK_EQ_UINT(published.size, source.size);
        CHECK_EQ_MEM(published.samples, source.samples, source.size);
    }
    decoder_free(one);
    decoder_free(two);
    return ok;
}

/* As it came: the first `kept` bytes. */
static void check_passes(const struct image *image, const void *data, size_t size, const char *uid, size_t kept)
{
    struct view view = look_by(&all, image, data, size);

    check_no_doubt(&view);
    CHECK_EQ_STR(view.passed.payload.syntax->uid, uid);
    CHECK_EQ_UINT(view.passed.payload.size, kept);
    CHECK_EQ_MEM(view.passed.payload.data, data, kept);
    CHECK(decodes_alike(image, data, size, &view.passed));
    close_view(&view);
}

static void check_refused(const struct image *image, const void *data, size_t size, const char *why)
{
    struct view view = look_by(&all, image, data, size);

    CHECK_HAS(view.passed.why_not, why);
    close_view(&view);
}

static void append(struct buffer *out, const void *data, size_t size)
{
    CHECK_OK(buffer_append(out, data, size, &err), err);
}

/* `data` with `segment` put in at `at`. */
static struct buffer with(const void *data, size_t size, size_t at, const void *segment, size_t segment_size)
{
    struct buffer out = {0};

    append(&out, data, at);
    append(&out, segment, segment_size);
    append(&out, (const uint8_t *)data + at, size - at);
    return out;
}

/* -- JPEG ----------------------------------------------------------------------------------- */

/* The mean of each channel as libjpeg gives it to whom asks for nothing. */
static void plain_means(const uint8_t *data, size_t size, double means[3])
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    uint8_t line[3 * 8];
    JSAMPROW row = line;

    means[0] = means[1] = means[2] = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, data, size);
    (void)jpeg_read_header(&jpeg, TRUE);
    (void)jpeg_start_decompress(&jpeg);
    CHECK_EQ_UINT(jpeg.output_width, 8);
    CHECK_EQ_INT(jpeg.output_components, 3);
    while (jpeg.output_scanline < jpeg.output_height) {
        (void)jpeg_read_scanlines(&jpeg, &row, 1);
        for (unsigned i = 0; i < sizeof line; i++)
            means[i % 3] += line[i] / 8.0 / jpeg.output_height;
    }
    (void)jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
}

/* Our samples as RGB (PS3.3 C.7.6.3.1.2). */
static void our_means(const struct image *image, const uint8_t *data, size_t size, double means[3])
{
    struct decoder *decoder = NULL;
    struct frame frame = {0};

    means[0] = means[1] = means[2] = 0;
    CHECK_OK(decoder_new(&decoder, &err), err);
    CHECK_OK(decoder_run(decoder, image, 1, data, size, 0, &frame, NULL, &err), err);
    for (size_t i = 0; i < frame.size; i += 3) {
        const uint8_t *const at = (const uint8_t *)frame.samples + i;
        const double y = at[0], cb = at[1] - 128.0, cr = at[2] - 128.0;
        const bool is_rgb = frame.photometric == PHOTOMETRIC_RGB;
        const double rgb[3] = {is_rgb ? at[0] : y + 1.402 * cr, is_rgb ? at[1] : y - 0.344136 * cb - 0.714136 * cr,
                               is_rgb ? at[2] : y + 1.772 * cb};

        for (unsigned c = 0; c < 3; c++)
            means[c] += rgb[c] * 3 / (double)frame.size;
    }
    decoder_free(decoder);
}

/* Passes, and a plain decoder sees the colours that the data set asks for. `adobe`: the transform in the APP14 written,
 * -1 for as it came. */
static void check_colour(const struct image *image, const struct buffer *jpeg, int adobe)
{
    struct view view = look_by(&all, image, jpeg->data, jpeg->size);
    double ours[3], plain[3];

    check_no_doubt(&view);
    CHECK_EQ_STR(view.passed.payload.syntax->uid, BASELINE_UID);
    const uint8_t *const data = view.passed.payload.data;
    if (adobe < 0) {
        CHECK_EQ_UINT(view.passed.payload.size, jpeg->size);
        CHECK_EQ_MEM(data, jpeg->data, jpeg->size);
    } else {
        CHECK_EQ_MEM(data, "\xff\xd8\xff\xee\0\x0e" "Adobe\0d\0\0\0\0", 17);
        CHECK_EQ_UINT(data[17], adobe);
        CHECK(memmem(data, view.passed.payload.size, "JFIF", 4) == NULL);
    }
    CHECK(decodes_alike(image, jpeg->data, jpeg->size, &view.passed));
    our_means(image, jpeg->data, jpeg->size, ours);
    plain_means(data, view.passed.payload.size, plain);
    for (unsigned c = 0; c < 3; c++)
        CHECK_NEAR(plain[c], ours[c], 1.5);
    close_view(&view);
}

static const uint8_t jfif[18] = {0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0};

static struct buffer adobe_segment(uint8_t transform)
{
    const uint8_t segment[16] = {0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, transform};
    struct buffer out = {0};

    append(&out, segment, sizeof segment);
    return out;
}

/* jpeg_ybr, whose components are 1, 2, 3, with `segments` in place of its JFIF, and other identifiers. */
static struct buffer jpeg_with(const struct buffer *segments, const char *ids)
{
    struct buffer out = {0};

    CHECK_EQ_MEM(jpeg_ybr + 2, jfif, 4);
    append(&out, jpeg_ybr, 2);
    if (segments != NULL)
        append(&out, segments->data, segments->size);
    append(&out, jpeg_ybr + 20, sizeof jpeg_ybr - 20);
    uint8_t *const frame = memmem(out.data, out.size, "\xff\xc0", 2);
    uint8_t *const scan = memmem(out.data, out.size, "\xff\xda", 2);
    CHECK(frame != NULL && scan != NULL);
    for (unsigned c = 0; ids != NULL && c < 3; c++)
        frame[10 + 3 * c] = scan[5 + 2 * c] = (uint8_t)ids[c];
    return out;
}

static void check_markers(enum photometric photometric, const struct buffer *segments, const char *ids, int adobe)
{
    struct image image = image_of(BASELINE_UID, 3, 8, 8);
    struct buffer jpeg = jpeg_with(segments, ids);

    image.photometric = photometric;
    check_colour(&image, &jpeg, adobe);
    buffer_release(&jpeg);
}

TEST(test_frame_pass__jpeg_colours_are_those_of_the_data_set)
{
    struct buffer rgb = adobe_segment(0), ybr = adobe_segment(1), both = {0}, header = {0}, cut = {0};

    append(&header, jfif, sizeof jfif);
    append(&both, jfif, sizeof jfif);
    append(&both, rgb.data, rgb.size);
    append(&cut, rgb.data, rgb.size - 1); /* as in SC_rgb_jpeg.dcm */
    cut.data[3] = 13;

    check_markers(PHOTOMETRIC_YBR_FULL, NULL, NULL, -1);
    check_markers(PHOTOMETRIC_YBR_FULL_422, &header, NULL, -1);
    check_markers(PHOTOMETRIC_YBR_FULL, &ybr, NULL, -1);
    check_markers(PHOTOMETRIC_RGB, &rgb, NULL, -1);
    check_markers(PHOTOMETRIC_RGB, NULL, "RGB", -1);
    check_markers(PHOTOMETRIC_YBR_FULL, NULL, "abc", -1);
    /* nothing says RGB, and three components are taken for YCbCr then */
    check_markers(PHOTOMETRIC_RGB, NULL, NULL, 0);
    check_markers(PHOTOMETRIC_RGB, NULL, "abc", 0);
    check_markers(PHOTOMETRIC_RGB, &cut, NULL, 0);
    /* libjpeg believes JFIF before APP14, the data set agrees with APP14 */
    check_markers(PHOTOMETRIC_RGB, &both, NULL, 0);
    buffer_release(&rgb);
    buffer_release(&ybr);
    buffer_release(&both);
    buffer_release(&header);
    buffer_release(&cut);
}

TEST(test_frame_pass__jpeg_that_browsers_would_turn_or_recolour_loses_those_segments)
{
    static const uint8_t looks[] = {0xff, 0xe1, 0, 8, 'E', 'x', 'i', 'f', 0, 0, 0xff, 0xe2, 0, 16,
                                    'I', 'C', 'C', '_', 'P', 'R', 'O', 'F', 'I', 'L', 'E', 0, 1, 1};
    struct image image = image_of(BASELINE_UID, 3, 8, 8);
    struct buffer jpeg = with(jpeg_ybr, sizeof jpeg_ybr, 20, looks, sizeof looks);

    image.photometric = PHOTOMETRIC_YBR_FULL;
    struct view view = look_by(&all, &image, jpeg.data, jpeg.size);
    check_no_doubt(&view);
    CHECK_EQ_UINT(view.passed.payload.size, sizeof jpeg_ybr);
    CHECK_EQ_MEM(view.passed.payload.data, jpeg_ybr, sizeof jpeg_ybr);
    close_view(&view);
    buffer_release(&jpeg);
}

TEST(test_frame_pass__jpeg_passes_in_a_form_strict_readers_take)
{
    const struct image image = image_of(BASELINE_UID, 1, 8, 8);
    struct buffer padded = with(jpeg_grey, sizeof jpeg_grey, sizeof jpeg_grey, "\0\0\0", 3);
    struct buffer filled = with(jpeg_grey, sizeof jpeg_grey, sizeof jpeg_grey - 2, "\xff\xff", 2);
    struct buffer stray = with(jpeg_grey, sizeof jpeg_grey, 2, "\x17", 1);
    struct buffer twice = with(jpeg_grey, sizeof jpeg_grey, 2, "\xff\xd8", 2);

    check_passes(&image, jpeg_grey, sizeof jpeg_grey, BASELINE_UID, sizeof jpeg_grey);
    check_passes(&image, padded.data, padded.size, BASELINE_UID, sizeof jpeg_grey);
    check_passes(&image, filled.data, filled.size, BASELINE_UID, filled.size);
    check_refused(&image, stray.data, stray.size, "between its segments");
    check_refused(&image, twice.data, twice.size, "between its segments");
    check_refused(&image, jpeg_grey, sizeof jpeg_grey - 2, "end is missing");
    buffer_release(&padded);
    buffer_release(&filled);
    buffer_release(&stray);
    buffer_release(&twice);
}

TEST(test_frame_pass__jpeg_of_other_values_or_processes_is_encoded)
{
    struct image image = image_of(BASELINE_UID, 1, 8, 7);

    check_refused(&image, jpeg_grey, sizeof jpeg_grey, "clamped");
    image.bits_stored = 8;
    image.high_bit = 7;
    image.is_signed = true;
    check_refused(&image, jpeg_grey, sizeof jpeg_grey, "sign");
    image.is_signed = false;
    image.photometric = PHOTOMETRIC_PALETTE_COLOR;
    check_refused(&image, jpeg_grey, sizeof jpeg_grey, "palette");
    image = image_of(BASELINE_UID, 3, 8, 8);
    image.photometric = PHOTOMETRIC_YBR_PARTIAL_420;
    struct buffer silent = jpeg_with(NULL, NULL);
    check_refused(&image, silent.data, silent.size, "neither RGB nor full-range");
    buffer_release(&silent);
    image = image_of("1.2.840.10008.1.2.4.55", 1, 8, 8);
    check_refused(&image, jpeg_progressive, sizeof jpeg_progressive, "baseline");
    image = image_of("1.2.840.10008.1.2.4.70", 1, 16, 16);
    check_refused(&image, jpeg_lossless_16, sizeof jpeg_lossless_16, "not wished");
}

/* -- JPEG-LS -------------------------------------------------------------------------------- */

TEST(test_frame_pass__near_lossless_passes_lossless_is_encoded)
{
    struct image image = image_of(JPEG_LS_NEAR_UID, 1, 16, 12);

    check_passes(&image, jls_near, sizeof jls_near, JPEG_LS_NEAR_UID, sizeof jls_near);
    check_refused(&image, jls_12, sizeof jls_12, "not wished");
    image.is_signed = true; /* twelve bits, whose sign plain decoders do not extend */
    check_refused(&image, jls_near, sizeof jls_near, "sign");
    image.is_signed = false;
    image.bits_stored = 7;
    image.high_bit = 6;
    check_refused(&image, jls_near, sizeof jls_near, "more bits");
    image = image_of(JPEG_LS_NEAR_UID, 1, 16, 12);
    struct buffer stray = with(jls_near, sizeof jls_near, sizeof jls_near - 2, "\0", 1);
    check_refused(&image, stray.data, stray.size, "stray byte");
    struct buffer mapped = with(jls_near, sizeof jls_near, 2, "\xff\xf8\0\x05\x02\0\0", 7);
    check_refused(&image, mapped.data, mapped.size, "maps samples");
    buffer_release(&stray);
    buffer_release(&mapped);
}

/* -- JPEG 2000 ------------------------------------------------------------------------------ */

static const struct image j2k_image = {.rows = 16, .columns = 8, .frames = 1, .samples_per_pixel = 1,
                                       .bits_allocated = 16, .bits_stored = 12, .high_bit = 11,
                                       .element = PIXEL_ELEMENT_INTEGER, .photometric = PHOTOMETRIC_MONOCHROME2};

static struct image j2k_image_as(const char *uid)
{
    struct image image = j2k_image;

    image.transfer_syntax = transfer_syntax_find(uid);
    return image;
}

TEST(test_frame_pass__lossless_j2k_passes_as_it_came)
{
    struct image image = j2k_image_as(J2K_UID);
    struct buffer padded = with(j2k_12, sizeof j2k_12, sizeof j2k_12, "\0\0\xff", 3);
    static const struct pass_rules none = {.wishes = PASS_HTJ2K | PASS_LOSSY};

    check_passes(&image, j2k_12, sizeof j2k_12, J2K_UID, sizeof j2k_12);
    check_passes(&image, padded.data, padded.size, J2K_UID, sizeof j2k_12);
    image.transfer_syntax = transfer_syntax_find(J2K_LOSSY_UID); /* a label that leaves it open */
    check_passes(&image, j2k_12, sizeof j2k_12, J2K_LOSSY_UID, sizeof j2k_12);
    struct view view = look_by(&none, &image, j2k_12, sizeof j2k_12);
    CHECK_EQ_STR(view.passed.why_not, "it is not wished");
    close_view(&view);
    image.lossy_declared = true; /* then it is lossy */
    view = look_by(&none, &image, j2k_12, sizeof j2k_12);
    check_no_doubt(&view);
    CHECK(view.passed.is_lossy);
    close_view(&view);
    const struct image colour = image_of(J2K_UID, 3, 8, 8);
    check_passes(&colour, j2k_rgb, sizeof j2k_rgb, J2K_UID, sizeof j2k_rgb);
    buffer_release(&padded);
}

TEST(test_frame_pass__j2k_that_must_be_interpreted_is_encoded)
{
    struct image image = j2k_image_as(J2K_UID);

    image.bits_stored = 10;
    check_refused(&image, j2k_12, sizeof j2k_12, "more bits");
    image = j2k_image_as(J2K_UID);
    image.is_signed = true;
    check_refused(&image, j2k_12, sizeof j2k_12, "sign");
}

/* The FDA phantoms: a signed codestream of values 0 to 1845. */
TEST(test_frame_pass__a_sign_that_no_value_needs_does_no_harm)
{
    struct image image = image_of(J2K_UID, 1, 16, 16);
    struct pass_rules rules = all;
    struct view view = look_by(&rules, &image, j2k_signed_16, sizeof j2k_signed_16);

    CHECK_HAS(view.passed.why_not, "sign");
    close_view(&view);
    rules.has_largest = true;
    rules.largest = 0x8000;
    view = look_by(&rules, &image, j2k_signed_16, sizeof j2k_signed_16);
    CHECK_HAS(view.passed.why_not, "sign");
    close_view(&view);
    rules.largest = 0x7fff;
    view = look_by(&rules, &image, j2k_signed_16, sizeof j2k_signed_16);
    check_no_doubt(&view);
    close_view(&view);
    image.is_signed = true;
    check_passes(&image, j2k_signed_16, sizeof j2k_signed_16, J2K_UID, sizeof j2k_signed_16);
}

static void check_changed(size_t at, uint8_t value, const char *why)
{
    const struct image image = j2k_image_as(J2K_UID);
    uint8_t changed[sizeof j2k_12];

    memcpy(changed, j2k_12, sizeof changed);
    changed[at] = value;
    check_refused(&image, changed, sizeof changed, why);
}

static size_t offset_of(const char *marker)
{
    const uint8_t *const at = memmem(j2k_12, sizeof j2k_12, marker, 2);

    CHECK(at != NULL);
    return (size_t)(at - j2k_12);
}

TEST(test_frame_pass__j2k_of_a_kind_that_few_decoders_read_is_encoded)
{
    const struct image image = j2k_image_as(J2K_UID);
    struct image wider = j2k_image_as(J2K_UID);
    struct buffer coc = with(j2k_12, sizeof j2k_12, offset_of("\xff\x5c"), "\xff\x53\0\x09\0\0\x01\x04\x04\0\x01", 11);
    const size_t sot = offset_of("\xff\x90"), cod = offset_of("\xff\x52");
    struct buffer tile = with(j2k_12, sizeof j2k_12, sot + 12, j2k_12 + cod, 14);

    check_changed(4 + 2, 0x80, "extensions"); /* Rsiz: part 2 */
    check_refused(&image, coc.data, coc.size, "different ways");
    CHECK_EQ_MEM(tile.data + sot + 12, "\xff\x52\0\x0c", 4);
    tile.data[sot + 9] = (uint8_t)(tile.data[sot + 9] + 14);
    check_refused(&image, tile.data, tile.size, "different ways");
    wider.columns--;
    uint8_t moved[sizeof j2k_12];
    memcpy(moved, j2k_12, sizeof moved);
    moved[4 + 2 + 2 + 8 + 3] = 1; /* XOsiz */
    check_refused(&wider, moved, sizeof moved, "origin");
    buffer_release(&coc);
    buffer_release(&tile);
}

TEST(test_frame_pass__j2k_ends_as_strict_readers_want_it)
{
    const struct image image = j2k_image_as(J2K_UID);
    const size_t sot = offset_of("\xff\x90");
    uint8_t longer[sizeof j2k_12], endless[sizeof j2k_12];

    memcpy(longer, j2k_12, sizeof longer);
    longer[sot + 8] = 0x40; /* Psot: 16384 and more, as the phantoms say */
    struct view view = look_by(&all, &image, longer, sizeof longer);
    check_no_doubt(&view);
    CHECK_EQ_UINT(view.passed.payload.size, sizeof j2k_12);
    const uint8_t *const psot = (const uint8_t *)view.passed.payload.data + sot + 6;
    CHECK_EQ_UINT((uint32_t)psot[2] << 8 | psot[3], sizeof j2k_12 - 2 - sot);
    CHECK_EQ_UINT((uint32_t)psot[0] << 8 | psot[1], 0);
    CHECK(decodes_alike(&image, longer, sizeof longer, &view.passed));
    close_view(&view);
    memcpy(endless, j2k_12, sizeof endless);
    endless[sot + 11] = 1; /* TNsot: this is all, so that the end may be missing */
    view = look_by(&all, &image, endless, sizeof endless - 2);
    check_no_doubt(&view);
    CHECK_EQ_UINT(view.passed.payload.size, sizeof j2k_12);
    CHECK_EQ_MEM(view.passed.payload.data, endless, sizeof endless);
    close_view(&view);
}

TEST(test_frame_pass__j2k_is_taken_out_of_its_jp2_file)
{
    static const uint8_t before[] = {0, 0, 0, 12, 'j', 'P', ' ', ' ', 0x0d, 0x0a, 0x87, 0x0a,
                                     0, 0, 0, 0, 'j', 'p', '2', 'c'};
    const struct image image = j2k_image_as(J2K_UID);
    struct buffer jp2 = with(j2k_12, sizeof j2k_12, 0, before, sizeof before);
    struct view view = look_by(&all, &image, jp2.data, jp2.size);

    check_no_doubt(&view);
    CHECK_EQ_UINT(view.passed.payload.size, sizeof j2k_12);
    CHECK_EQ_MEM(view.passed.payload.data, j2k_12, sizeof j2k_12);
    close_view(&view);
    buffer_release(&jp2);
}

/* -- HTJ2K ---------------------------------------------------------------------------------- */

static struct buffer ht_coded(uint32_t columns, uint32_t rows, double step)
{
    const size_t count = (size_t)columns * rows;
    uint16_t *const samples = memory_new(count * 2, &err);
    struct buffer out = {0};

    CHECK(samples != NULL);
    for (size_t i = 0; i < count; i++)
        samples[i] = (uint16_t)((i * 7 + i / columns * 31) % 4096);
    const struct frame frame = {.number = 1, .rows = rows, .columns = columns, .samples_per_pixel = 1,
                                .type = SAMPLE_U16, .bits_stored = 12, .samples = samples, .size = count * 2};
    CHECK_OK(step > 0 ? htj2k_encode_lossy(&frame, step, &out, &err) : htj2k_encode(&frame, &out, &err), err);
    memory_free(samples);
    return out;
}

TEST(test_frame_pass__htj2k_is_indexed_once)
{
    struct image image = j2k_image_as(HTJ2K_UID);
    struct buffer coded = ht_coded(200, 300, 0);
    image.columns = 200;
    image.rows = 300;
    struct view view = look_by(&all, &image, coded.data, coded.size);

    check_no_doubt(&view);
    CHECK_EQ_STR(view.passed.payload.syntax->uid, HTJ2K_RPCL_UID);
    CHECK_EQ_UINT(view.passed.payload.count, 6);
    CHECK_EQ_UINT(view.passed.payload.resolutions[0].columns, 7);
    CHECK_EQ_UINT(view.passed.payload.resolutions[5].end, view.passed.payload.size - 2);
    CHECK(decodes_alike(&image, coded.data, coded.size, &view.passed));
    image.transfer_syntax = view.passed.payload.syntax;
    check_passes(&image, view.passed.payload.data, view.passed.payload.size, HTJ2K_RPCL_UID, view.passed.payload.size);
    close_view(&view);
    buffer_release(&coded);
}

TEST(test_frame_pass__lossy_htj2k_keeps_its_kind)
{
    struct image image = j2k_image_as(HTJ2K_LOSSY_UID);
    struct buffer coded = ht_coded(200, 300, 20);
    image.columns = 200;
    image.rows = 300;
    struct view view = look_by(&all, &image, coded.data, coded.size);

    check_no_doubt(&view);
    CHECK(view.passed.is_lossy && view.passed.like.lossy);
    CHECK_EQ_STR(view.passed.payload.syntax->uid, HTJ2K_LOSSY_UID);
    CHECK_EQ_UINT(view.passed.payload.count, 6);
    CHECK(decodes_alike(&image, coded.data, coded.size, &view.passed));
    close_view(&view);
    buffer_release(&coded);
}

/* -- the rest ------------------------------------------------------------------------------- */

TEST(test_frame_pass__native_rle_and_floats_never_pass)
{
    struct image image = image_of("1.2.840.10008.1.2.1", 1, 16, 12);

    CHECK(!passer_may(&image));
    image.transfer_syntax = transfer_syntax_find("1.2.840.10008.1.2.5");
    CHECK(!passer_may(&image));
    image = j2k_image_as(J2K_UID);
    CHECK(passer_may(&image));
    image.samples_per_pixel = 4;
    CHECK(!passer_may(&image));
    check_refused(&image, j2k_12, sizeof j2k_12, "not wished");
}

TEST(test_frame_pass__the_form_is_that_of_the_codestream)
{
    const struct image colour = image_of(J2K_UID, 3, 8, 8);
    struct image ybr = image_of(BASELINE_UID, 3, 8, 8);
    struct coded_form form;
    struct view view = look_by(&all, &colour, j2k_rgb, sizeof j2k_rgb);

    CHECK_OK(coded_form_read(view.passed.payload.syntax, view.passed.payload.data, view.passed.payload.size,
                             &view.passed.like, &form, &err), err);
    CHECK_EQ_STR(form.transfer_syntax, J2K_UID);
    CHECK_EQ_INT(form.photometric, PHOTOMETRIC_YBR_RCT);
    CHECK_EQ_UINT(form.bits_allocated, 8);
    CHECK_EQ_UINT(form.high_bit, 7);
    CHECK(!form.lossy);
    close_view(&view);
    ybr.photometric = PHOTOMETRIC_YBR_FULL;
    view = look_by(&all, &ybr, jpeg_ybr, sizeof jpeg_ybr);
    CHECK_OK(coded_form_read(view.passed.payload.syntax, view.passed.payload.data, view.passed.payload.size,
                             &view.passed.like, &form, &err), err);
    const uint8_t *const sof = memmem(jpeg_ybr, sizeof jpeg_ybr, "\xff\xc0", 2);
    CHECK_EQ_INT(form.photometric, sof[11] == 0x11 ? PHOTOMETRIC_YBR_FULL : PHOTOMETRIC_YBR_FULL_422);
    CHECK(form.lossy);
    close_view(&view);
}

TEST(test_frame_pass__damaged_codestreams_do_no_harm)
{
    const struct image grey = image_of(BASELINE_UID, 1, 8, 8), deep = j2k_image_as(J2K_UID);
    const struct image near = image_of(JPEG_LS_NEAR_UID, 1, 16, 12);
    uint32_t random = 1;

    for (unsigned round = 0; round < 3000; round++) {
        uint8_t jpeg[sizeof jpeg_grey], j2k[sizeof j2k_12], jls[sizeof jls_near];
        memcpy(jpeg, jpeg_grey, sizeof jpeg);
        memcpy(j2k, j2k_12, sizeof j2k);
        memcpy(jls, jls_near, sizeof jls);
        for (unsigned i = 0; i < 1 + round % 4; i++) {
            random = random * 1664525 + 1013904223;
            jpeg[(random >> 8) % sizeof jpeg] = j2k[(random >> 8) % sizeof j2k] = jls[(random >> 8) % sizeof jls] =
                (uint8_t)(random >> 24);
        }
        struct view view = look_by(&all, &grey, jpeg, sizeof jpeg - round % 5);
        close_view(&view);
        view = look_by(&all, &deep, j2k, sizeof j2k - round % 5);
        close_view(&view);
        view = look_by(&all, &near, jls, sizeof jls - round % 5);
        close_view(&view);
    }
}

/* -- the data set --------------------------------------------------------------------------- */

static bool make_spool(void *client, int *descriptor, struct error *error)
{
    (void)client;
    *descriptor = memfd_create("test", MFD_CLOEXEC);
    return *descriptor >= 0 || error_set(error, ERROR_IO, "cannot make a spool");
}

static void check_frames(const struct object *object, const char *path, unsigned *passes)
{
    struct buffer notes = {0}, coded = {0};
    struct frame_index *index = NULL;
    struct image image = {0};
    unsigned bit_offset;

    if (image_read(object, &image, &notes, &err) && passer_may(&image) &&
        frame_index_open(object, &image, &notes, &index, &err)) {
        const uint32_t count = frame_index_count(index);

        for (uint32_t number = 1; number <= count; number += count > 1 ? count - 1 : 1) {
            if (!frame_index_read(index, number, &coded, &bit_offset, &err))
                break;
            struct view view = look_by(&all, &image, coded.data, coded.size);
            if (view.passed.why_not == NULL) {
                if (!decodes_alike(&image, coded.data, coded.size, &view.passed))
                    TEST_FAIL("%s: frame %u passes, but is not decoded: %s", path, number, err.text);
                ++*passes;
            }
            close_view(&view);
        }
    }
    frame_index_close(index);
    image_release(&image);
    buffer_release(&notes);
    buffer_release(&coded);
}

static void check_file(const char *path, unsigned *passes)
{
    const struct spool_maker spool = {make_spool, NULL};
    struct object *object = NULL;
    struct bytes bytes;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);

    CHECK(descriptor >= 0);
    if (bytes_of_descriptor(descriptor, &bytes, &err) && object_open(&bytes, &spool, &object, &err))
        check_frames(object, path, passes);
    object_close(object);
    (void)close(descriptor);
}

static void check_folder(const char *folder, unsigned *passes)
{
    DIR *const stream = opendir(folder);
    char path[1024];

    if (stream == NULL)
        TEST_SKIP("no data set");
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_DIR)
            check_folder(path, passes);
        else if (strstr(entry->d_name, ".zst") == NULL)
            check_file(path, passes);
    }
    (void)closedir(stream);
}

static unsigned passes_of(const char *folder)
{
    unsigned passes = 0;
    char path[512];

    (void)snprintf(path, sizeof path, "%s/conformance/%s", test_environment("SLICEPRESS_TEST_DATA"), folder);
    check_folder(path, &passes);
    return passes;
}

TEST(test_frame_pass__wg04)
{
    CHECK(passes_of("wg04") >= 30);
}

TEST(test_frame_pass__pydicom)
{
    CHECK(passes_of("pydicom") >= 25);
}

TEST(test_frame_pass__others)
{
    CHECK(passes_of("cornerstone") + passes_of("dicomparser") + passes_of("fodicom") >= 4);
}
