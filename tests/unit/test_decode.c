/* links: base dicom codec */
#include "codec/decode.h"

#include "base/limits.h"
#include "codec/jpeg_header.h"
#include "tests/support/codestreams.h"
#include "tests/support/test.h"

#define JPEG_BASELINE_UID "1.2.840.10008.1.2.4.50"
#define JPEG_LOSSLESS_UID "1.2.840.10008.1.2.4.70"
#define JPEG_LS_UID "1.2.840.10008.1.2.4.80"
#define J2K_UID "1.2.840.10008.1.2.4.90"
#define RLE_UID "1.2.840.10008.1.2.5"

/* What the fixtures of codestreams.h are: 16 rows, 8 columns. */
static struct image image_of(const char *transfer_syntax, uint16_t samples, uint16_t allocated,
                             uint16_t stored)
{
    return (struct image){
        .rows = 16,
        .columns = 8,
        .frames = 1,
        .samples_per_pixel = samples,
        .bits_allocated = allocated,
        .bits_stored = stored,
        .high_bit = (uint16_t)(stored - 1),
        .element = PIXEL_ELEMENT_INTEGER,
        .transfer_syntax = transfer_syntax_find(transfer_syntax),
        .photometric = samples == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MONOCHROME2,
    };
}

struct outcome {
    bool ok;
    struct error err;
    struct frame frame;
    struct decoder *decoder;
    struct buffer notes;
};

static struct outcome run(const struct image *image, const uint8_t *bytes, size_t size)
{
    struct outcome o = {.ok = false};
    uint8_t *exact = malloc(size > 0 ? size : 1);

    if (size > 0)
        memcpy(exact, bytes, size);
    CHECK_OK(decoder_new(&o.decoder, &o.err), o.err);
    o.ok = decoder_run(o.decoder, image, 1, exact, size, 0, &o.frame, &o.notes, &o.err);
    free(exact);
    return o;
}

static void done(struct outcome *o)
{
    decoder_free(o->decoder);
    buffer_release(&o->notes);
}

static int64_t value_at(const struct frame *frame, size_t i)
{
    switch (frame->type) {
    case SAMPLE_U8:
        return ((const uint8_t *)frame->samples)[i];
    case SAMPLE_S8:
        return ((const int8_t *)frame->samples)[i];
    case SAMPLE_U16:
        return ((const uint16_t *)frame->samples)[i];
    case SAMPLE_S16:
        return ((const int16_t *)frame->samples)[i];
    case SAMPLE_U32:
        return ((const uint32_t *)frame->samples)[i];
    case SAMPLE_S32:
        return ((const int32_t *)frame->samples)[i];
    default:
        TEST_FAIL("a float");
    }
}

static void check_ramp(const struct frame *frame, unsigned bits)
{
    const unsigned samples = frame->samples_per_pixel;

    CHECK_EQ_UINT(frame->rows, 16);
    CHECK_EQ_UINT(frame->columns, 8);
    for (unsigned i = 0; i < 128; i++)
        for (unsigned k = 0; k < samples; k++)
            CHECK_EQ_INT(value_at(frame, i * samples + k), (i * 29 + k * 50) % (1u << bits));
}

#define RUN(image, codestream) run(&(image), codestream, sizeof(codestream))

static void check_refused(struct outcome *o, enum error_kind kind, const char *text)
{
    CHECK(!o->ok);
    CHECK_EQ_STR(error_kind_word(o->err.kind), error_kind_word(kind));
    CHECK_HAS(o->err.text, text);
    done(o);
}

TEST(test_decode__each_lossless_codec_gives_the_values)
{
    const struct image grey_16 = image_of(JPEG_LS_UID, 1, 16, 12),
                       colour = image_of(JPEG_LS_UID, 3, 8, 8);
    struct outcome o = RUN(grey_16, jls_12);
    CHECK_OK(o.ok, o.err);
    check_ramp(&o.frame, 12);
    CHECK_EQ_UINT(o.frame.bits_stored, 12);
    CHECK(!o.frame.lossy);
    CHECK_EQ_STR(buffer_text(&o.notes), "");
    done(&o);

    o = RUN(colour, jls_rgb_planes);
    CHECK_OK(o.ok, o.err);
    check_ramp(&o.frame, 8);
    done(&o);

    const struct image j2k_grey = image_of(J2K_UID, 1, 16, 12),
                       j2k_colour = image_of(J2K_UID, 3, 8, 8);
    o = RUN(j2k_grey, j2k_12);
    CHECK_OK(o.ok, o.err);
    check_ramp(&o.frame, 12);
    done(&o);
    o = RUN(j2k_grey, j2k_two_tiles);
    CHECK_OK(o.ok, o.err);
    check_ramp(&o.frame, 12);
    done(&o);
    o = RUN(j2k_colour, j2k_rgb);
    CHECK_OK(o.ok, o.err);
    check_ramp(&o.frame, 8);
    CHECK_EQ_INT(o.frame.photometric, PHOTOMETRIC_RGB);
    done(&o);

    const struct image lossless = image_of(JPEG_LOSSLESS_UID, 1, 16, 16);
    o = RUN(lossless, jpeg_lossless_16);
    CHECK_OK(o.ok, o.err);
    check_ramp(&o.frame, 16);
    CHECK(!o.frame.lossy);
    done(&o);
}

TEST(test_decode__near_lossless_says_that_it_is_lossy)
{
    const struct image image = image_of("1.2.840.10008.1.2.4.81", 1, 8, 8);
    struct outcome o = RUN(image, jls_near);

    CHECK_OK(o.ok, o.err);
    CHECK(o.frame.lossy);
    for (size_t i = 0; i < 128; i++)
        CHECK_NEAR(value_at(&o.frame, i), i * 29 % 256, 2);
    done(&o);
}

TEST(test_decode__container_is_that_of_bits_allocated)
{
    struct image image = image_of(JPEG_BASELINE_UID, 1, 16, 8);
    struct outcome o = RUN(image, jpeg_grey);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.frame.type, SAMPLE_U16);
    CHECK_EQ_UINT(o.frame.size, 256);
    CHECK_NEAR(value_at(&o.frame, 127), 167, 2);
    done(&o);
    image = image_of(J2K_UID, 1, 32, 16);
    image.is_signed = true;
    o = RUN(image, j2k_signed_16);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.frame.type, SAMPLE_S32);
    CHECK_EQ_INT(value_at(&o.frame, 0), -500);
    CHECK_EQ_INT(value_at(&o.frame, 34), 486);
    done(&o);
}

TEST(test_decode__lossy_jpeg_keeps_its_colour_space)
{
    struct image image = image_of(JPEG_BASELINE_UID, 3, 8, 8);
    image.photometric = PHOTOMETRIC_YBR_FULL_422;
    struct outcome o = RUN(image, jpeg_ybr);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.frame.photometric, PHOTOMETRIC_YBR_FULL);
    CHECK_NEAR(value_at(&o.frame, 0), 124, 2); /* 0.299 R + 0.587 G + 0.114 B */
    CHECK_NEAR(value_at(&o.frame, 1), 86, 2);
    CHECK_NEAR(value_at(&o.frame, 2), 182, 2);
    CHECK(o.frame.lossy);
    CHECK_EQ_STR(buffer_text(&o.notes), "");
    done(&o);
}

/* Adobe marker and identifiers R, G, B say RGB; JFIF says YCbCr. The codestream wins, with a note.
 */
TEST(test_decode__codestream_that_names_its_colour_space_is_believed)
{
    struct image image = image_of(JPEG_BASELINE_UID, 3, 8, 8);
    struct outcome o = RUN(image, jpeg_rgb);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.frame.photometric, PHOTOMETRIC_RGB);
    CHECK_NEAR(value_at(&o.frame, 0), 200, 2);
    CHECK_EQ_STR(buffer_text(&o.notes), "");
    done(&o);

    image.photometric = PHOTOMETRIC_YBR_FULL;
    o = RUN(image, jpeg_rgb);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.frame.photometric, PHOTOMETRIC_RGB);
    CHECK_HAS(buffer_text(&o.notes), "photometric interpretation is YBR_FULL");
    done(&o);

    image.photometric = PHOTOMETRIC_RGB;
    o = RUN(image, jpeg_ybr);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.frame.photometric, PHOTOMETRIC_YBR_FULL);
    done(&o);
}

/* Without JFIF, Adobe marker and telling identifiers the data set decides (SC_rgb_jpeg.dcm). */
TEST(test_decode__codestream_that_does_not_is_what_the_data_set_says)
{
    struct image image = image_of(JPEG_BASELINE_UID, 3, 8, 8);
    uint8_t silent[sizeof jpeg_ybr];
    memcpy(silent, jpeg_ybr, sizeof silent);
    CHECK_EQ_MEM(silent + 6, "JFIF", 4);
    silent[6] = 'L'; /* as PVRG's encoder writes it */
    struct outcome o = RUN(image, silent);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.frame.photometric, PHOTOMETRIC_RGB);
    CHECK_NEAR(value_at(&o.frame, 0), 124, 2); /* nothing was converted */
    done(&o);
    image.photometric = PHOTOMETRIC_YBR_FULL;
    o = RUN(image, silent);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.frame.photometric, PHOTOMETRIC_YBR_FULL);
    done(&o);
}

/* HSV is as it is coded, or nobody knows what was transformed into what. */
TEST(test_decode__transformed_hsv_is_refused)
{
    struct image image = image_of(JPEG_BASELINE_UID, 3, 8, 8);
    image.photometric = PHOTOMETRIC_HSV;
    struct outcome o = RUN(image, jpeg_rgb); /* an Adobe marker: no transform */
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.frame.photometric, PHOTOMETRIC_HSV);
    CHECK_EQ_STR(buffer_text(&o.notes), "");
    done(&o);
    o = RUN(image, jpeg_ybr);
    CHECK(!o.ok);
    CHECK_HAS(o.err.text, "HSV");
    done(&o);
    image.transfer_syntax = transfer_syntax_find(J2K_UID);
    o = RUN(image, j2k_rgb);
    CHECK(!o.ok);
    CHECK_HAS(o.err.text, "HSV");
    done(&o);
}

TEST(test_decode__ycck_is_unsupported)
{
    static const uint8_t ycck[] = {
        0xff, 0xd8, 0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 2,                    /* YCCK */
        0xff, 0xc0, 0, 20, 8, 0, 16, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0,             /* four */
        0xff, 0xda, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0, 0, 0, 0, 0, 0xff, 0xd9};
    struct image image = image_of(JPEG_BASELINE_UID, 4, 8, 8);
    image.photometric = PHOTOMETRIC_CMYK;
    struct outcome o = RUN(image, ycck);

    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_UNSUPPORTED);
    CHECK_HAS(o.err.text, "YCCK");
    done(&o);
}

TEST(test_decode__contradicting_shape_is_refused_with_both_numbers)
{
    struct image image = image_of(JPEG_LS_UID, 1, 16, 12);
    image.rows = 17;
    struct outcome o = RUN(image, jls_12);
    check_refused(&o, ERROR_CORRUPT, "codestream is 16 x 8, rows x columns are 17 x 8");
    image = image_of(J2K_UID, 3, 16, 12);
    o = RUN(image, j2k_12);
    check_refused(&o, ERROR_CORRUPT, "codestream has 1 components, samples per pixel is 3");
    image = image_of(J2K_UID, 1, 8, 8);
    o = RUN(image, j2k_12);
    check_refused(&o, ERROR_CORRUPT, "codestream has 12 bits, bits allocated is 8");
}

/* J2K_pixelrep_mismatch.dcm: as many bits as Bits Stored, so these are patterns to be given a sign.
 */
TEST(test_decode__unsigned_codestream_of_signed_values_is_twos_complement)
{
    struct image image = image_of(J2K_UID, 1, 16, 12);
    image.is_signed = true;
    struct outcome o = RUN(image, j2k_12);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(value_at(&o.frame, 70), 70 * 29);
    CHECK_EQ_INT(value_at(&o.frame, 71), 71 * 29 - 4096);
    CHECK_HAS(buffer_text(&o.notes), "two's complement");
    done(&o);
}

TEST(test_decode__jpeg_patterns_take_the_sign_of_the_data_set)
{
    struct image image = image_of(JPEG_LS_UID, 1, 16, 12);
    image.is_signed = true;
    struct outcome o = RUN(image, jls_12);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(value_at(&o.frame, 71), 71 * 29 - 4096);
    CHECK_EQ_STR(buffer_text(&o.notes), "");
    done(&o);
}

/* 12 bits of a signed 16-bit data set: bit 11 may be a sign or not, and here it is set. */
TEST(test_decode__sign_in_doubt_is_refused)
{
    struct image image = image_of(JPEG_LS_UID, 1, 16, 16);
    image.is_signed = true;
    struct outcome o = RUN(image, jls_12);
    check_refused(&o, ERROR_CORRUPT, "the sign is in doubt");
}

TEST(test_decode__signed_codestream_of_unsigned_values_must_hold_no_negative_ones)
{
    struct image image = image_of(J2K_UID, 1, 16, 16);
    struct outcome o = RUN(image, j2k_signed_16);
    check_refused(&o, ERROR_CORRUPT, "the sign is in doubt");
    image.is_signed = true;
    o = RUN(image, j2k_signed_16);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(value_at(&o.frame, 1), -471);
    done(&o);
}

TEST(test_decode__bits_above_bits_stored_are_dropped_when_lossless)
{
    struct image image = image_of(JPEG_LOSSLESS_UID, 1, 16, 16);
    struct outcome all = RUN(image, jpeg_lossless_16);

    CHECK_OK(all.ok, all.err);
    image.bits_stored = 8; /* of 16: overlays of old objects lie above */
    image.high_bit = 7;
    struct outcome o = RUN(image, jpeg_lossless_16);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_UINT(o.frame.bits_stored, 8);
    for (size_t i = 0; i < 128; i++)
        CHECK_EQ_INT(value_at(&o.frame, i), value_at(&all.frame, i) & 0xff);
    done(&all);
    done(&o);
    image = image_of(J2K_UID, 1, 16, 8);
    image.high_bit = 11;
    o = RUN(image, j2k_12);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(value_at(&o.frame, 100), 2900 >> 4);
    done(&o);
    image.high_bit = 15;
    o = RUN(image, j2k_12);
    check_refused(&o, ERROR_CORRUPT, "high bit is 15, the codestream has 12 bits");
}

TEST(test_decode__values_of_a_codestream_wider_than_bits_stored_are_refused)
{
    struct image image = image_of(J2K_UID, 1, 16, 8);
    struct outcome o = RUN(image, j2k_12);

    check_refused(&o, ERROR_CORRUPT, "codestream of 12 bits holds values of more than the 8 bits stored");
    image.is_signed = true;
    o = RUN(image, j2k_12);
    check_refused(&o, ERROR_CORRUPT, "codestream of 12 bits holds values of more than the 8 bits stored");
}

TEST(test_decode__values_above_bits_stored_are_clamped_when_lossy)
{
    const struct image image = image_of(JPEG_BASELINE_UID, 1, 8, 7);
    struct outcome o = RUN(image, jpeg_grey); /* 100 to 167 */

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(value_at(&o.frame, 127), 127);
    CHECK_NEAR(value_at(&o.frame, 0), 100, 2);
    done(&o);
}

TEST(test_decode__codestream_beyond_its_own_precision_is_refused)
{
    uint8_t lying[sizeof jpeg_lossless_16];
    struct jpeg_header header;
    struct error err;
    const struct image image = image_of(JPEG_LOSSLESS_UID, 1, 16, 10);

    memcpy(lying, jpeg_lossless_16, sizeof lying);
    for (size_t i = 0; i + 4 < sizeof lying; i++)
        if (lying[i] == 0xff && lying[i + 1] == JPEG_LOSSLESS && lying[i + 4] == 16)
            lying[i + 4] = 10;
    CHECK_OK(jpeg_header_read(lying, sizeof lying, &header, &err), err);
    CHECK_EQ_UINT(header.precision, 10);
    struct outcome o = RUN(image, lying);
    check_refused(&o, ERROR_CORRUPT, "");
}

TEST(test_decode__codestream_of_another_family_is_recognised)
{
    const struct image image = image_of(JPEG_LS_UID, 1, 16, 12), rle = image_of(RLE_UID, 1, 16, 12);
    struct outcome o = RUN(image, j2k_12);

    CHECK_OK(o.ok, o.err);
    check_ramp(&o.frame, 12);
    CHECK_HAS(buffer_text(&o.notes), "transfer syntax says JPEG-LS, the codestream is JPEG 2000");
    done(&o);
    o = RUN(rle, jls_12);
    CHECK_OK(o.ok, o.err);
    check_ramp(&o.frame, 12);
    done(&o);
}

/* A tile-part that claims 8,446 bytes more than there are, with the end in place (the FDA
 * phantoms). */
TEST(test_decode__tile_part_that_is_too_long_is_read_to_the_end)
{
    uint8_t longer[sizeof j2k_12];
    size_t sot = 0;
    const struct image image = image_of(J2K_UID, 1, 16, 12);

    memcpy(longer, j2k_12, sizeof longer);
    while (!(longer[sot] == 0xff && longer[sot + 1] == 0x90))
        sot++;
    longer[sot + 7] = 1; /* 65,536 more */
    struct outcome o = RUN(image, longer);
    CHECK_OK(o.ok, o.err);
    check_ramp(&o.frame, 12);
    CHECK_HAS(buffer_text(&o.notes), "read to the end");
    done(&o);
    o = run(&image, longer, sizeof longer - 2);
    check_refused(&o, ERROR_TRUNCATED, "tile-part has");
}

TEST(test_decode__missing_tile_is_refused)
{
    uint8_t cut[sizeof j2k_two_tiles];
    size_t tile_parts[2] = {0}, found = 0;
    const struct image image = image_of(J2K_UID, 1, 16, 12);

    for (size_t i = 0; i + 1 < sizeof cut && found < 2; i++)
        if (j2k_two_tiles[i] == 0xff && j2k_two_tiles[i + 1] == 0x90)
            tile_parts[found++] = i;
    CHECK_EQ_UINT(found, 2);
    memcpy(cut, j2k_two_tiles, sizeof cut);
    memcpy(cut + tile_parts[1], "\xff\xd9", 2);
    struct outcome o = run(&image, cut, tile_parts[1] + 2);
    check_refused(&o, ERROR_TRUNCATED, "JPEG 2000 tile 2 of 2 is missing");
}

/* Whatever is cut off, no frame is handed out, unless only the end marker was lost. */
static void check_cuts(const struct image *image, const uint8_t *codestream, size_t size)
{
    struct outcome whole = run(image, codestream, size);
    size_t accepted = 0;

    CHECK_OK(whole.ok, whole.err);
    for (size_t cut = 0; cut < size; cut++) {
        struct outcome o = run(image, codestream, cut);
        if (o.ok) {
            accepted++;
            CHECK_EQ_MEM(o.frame.samples, whole.frame.samples, whole.frame.size);
            CHECK(o.notes.size > 0);
        } else {
            CHECK(o.err.kind == ERROR_TRUNCATED || o.err.kind == ERROR_CORRUPT);
        }
        done(&o);
    }
    CHECK(accepted <= 3);
    done(&whole);
}

TEST(test_decode__cut_codestream_is_refused)
{
    struct image image = image_of(JPEG_LS_UID, 1, 16, 12);
    check_cuts(&image, jls_12, sizeof jls_12);
    image = image_of(J2K_UID, 1, 16, 12);
    check_cuts(&image, j2k_12, sizeof j2k_12);
    check_cuts(&image, j2k_two_tiles, sizeof j2k_two_tiles);
    image = image_of(JPEG_LOSSLESS_UID, 1, 16, 16);
    check_cuts(&image, jpeg_lossless_16, sizeof jpeg_lossless_16);
    image = image_of(JPEG_BASELINE_UID, 1, 8, 8);
    check_cuts(&image, jpeg_grey, sizeof jpeg_grey);
    check_cuts(&image, jpeg_progressive, sizeof jpeg_progressive);
    image = image_of(JPEG_LS_UID, 3, 8, 8);
    check_cuts(&image, jls_rgb_planes, sizeof jls_rgb_planes);
}

/* Damage is found or not; it neither crashes nor reads beyond the bytes (asan-check). */
TEST(test_decode__damaged_codestreams_do_no_harm)
{
    static const struct {
        const uint8_t *bytes;
        size_t size;
        const char *syntax;
        uint16_t samples, bits;
    } all[] = {
        {jls_12, sizeof jls_12, JPEG_LS_UID, 1, 16},
        {jls_rgb_planes, sizeof jls_rgb_planes, JPEG_LS_UID, 3, 8},
        {j2k_12, sizeof j2k_12, J2K_UID, 1, 16},
        {j2k_rgb, sizeof j2k_rgb, J2K_UID, 3, 8},
        {jpeg_ybr, sizeof jpeg_ybr, JPEG_BASELINE_UID, 3, 8},
        {jpeg_progressive, sizeof jpeg_progressive, JPEG_BASELINE_UID, 1, 8},
        {jpeg_lossless_16, sizeof jpeg_lossless_16, JPEG_LOSSLESS_UID, 1, 16},
    };
    uint32_t random = 20261121;

    for (size_t a = 0; a < sizeof all / sizeof all[0]; a++)
        for (int round = 0; round < 300; round++) {
            uint8_t damaged[1024];
            const struct image image =
                image_of(all[a].syntax, all[a].samples, all[a].bits, all[a].bits);
            memcpy(damaged, all[a].bytes, all[a].size);
            for (int i = 0; i < 1 + round % 3; i++) {
                random = random * 1664525 + 1013904223;
                damaged[(random >> 8) % all[a].size] = (uint8_t)random;
            }
            struct outcome o = run(&image, damaged, all[a].size);
            done(&o);
        }
}

TEST(test_decode__frame_number_is_in_the_error_of_a_multi_frame_object)
{
    struct image image = image_of(JPEG_LS_UID, 1, 16, 12);
    image.frames = 5;
    image.rows = 15;
    struct outcome o = RUN(image, jls_12);
    check_refused(&o, ERROR_CORRUPT, "frame 1: codestream is 16 x 8");
}

TEST(test_decode__too_large_a_frame_is_refused)
{
    struct image image = image_of("1.2.840.10008.1.2.1", 1, 32, 32);
    image.rows = image.columns = 65535;
    struct outcome o = RUN(image, j2k_12);
    check_refused(&o, ERROR_LIMIT, "FRAME_BYTES");
}

TEST(test_decode__memory_is_reused_and_notes_are_not_repeated)
{
    const struct image large = image_of(J2K_UID, 3, 8, 8);
    struct image small = image_of(J2K_UID, 1, 16, 12);
    struct decoder *decoder;
    struct buffer notes = {0};
    struct frame frame;
    struct error err;

    small.is_signed = true;
    CHECK_OK(decoder_new(&decoder, &err), err);
    CHECK_OK(decoder_run(decoder, &large, 1, j2k_rgb, sizeof j2k_rgb, 0, &frame, &notes, &err),
             err);
    const void *samples = frame.samples;
    CHECK_OK(decoder_run(decoder, &small, 2, j2k_12, sizeof j2k_12, 0, &frame, &notes, &err), err);
    CHECK(frame.samples == samples);
    CHECK_EQ_UINT(frame.number, 2);
    const size_t said = notes.size;
    CHECK(said > 0);
    CHECK_OK(decoder_run(decoder, &small, 3, j2k_12, sizeof j2k_12, 0, &frame, &notes, &err), err);
    CHECK_EQ_UINT(notes.size, said);
    decoder_free(decoder);
    buffer_release(&notes);
}

TEST(test_decode__strips_are_the_rows_of_the_whole)
{
    const struct image grey = image_of(J2K_UID, 1, 16, 12);
    struct outcome o = RUN(grey, j2k_two_tiles);
    uint8_t whole[16 * 8 * 2];
    uint32_t rows = 0;

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_UINT(o.frame.size, sizeof whole);
    memcpy(whole, o.frame.samples, sizeof whole);
    CHECK_OK(decoder_strip_rows(o.decoder, &grey, j2k_two_tiles, sizeof j2k_two_tiles, &rows, &o.notes, &o.err), o.err);
    CHECK(rows > 0);
    for (uint32_t first = 0; first < grey.rows; first += rows) {
        const uint32_t count = rows < grey.rows - first ? rows : grey.rows - first;

        CHECK_OK(decoder_run_strip(o.decoder, &grey, 1, j2k_two_tiles, sizeof j2k_two_tiles, first, count, &o.frame,
                                   &o.notes, &o.err), o.err);
        CHECK_EQ_UINT(o.frame.rows, count);
        CHECK_EQ_UINT(o.frame.size, (size_t)count * 8 * 2);
        CHECK_EQ_MEM(o.frame.samples, whole + (size_t)first * 8 * 2, o.frame.size);
    }
    CHECK(!decoder_run_strip(o.decoder, &grey, 1, j2k_two_tiles, sizeof j2k_two_tiles, 1, rows, &o.frame, &o.notes,
                             &o.err));
    CHECK(!decoder_run_strip(o.decoder, &grey, 1, j2k_two_tiles, sizeof j2k_two_tiles, 16, rows, &o.frame, &o.notes,
                             &o.err));
    CHECK(!decoder_strip_rows(o.decoder, &grey, j2k_12, sizeof j2k_12, &rows, &o.notes, &o.err));
    CHECK_EQ_INT(o.err.kind, ERROR_LIMIT);
    done(&o);
}

TEST(test_decode__tiles_may_be_wider_than_any_picture)
{
    const struct image grey = image_of(J2K_UID, 1, 16, 12);
    uint8_t wide[sizeof j2k_two_tiles];

    memcpy(wide, j2k_two_tiles, sizeof wide);
    wide[24] = 0x7f; /* SIZ: XTsiz */
    struct outcome o = RUN(grey, wide);
    uint8_t whole[16 * 8 * 2];
    CHECK_OK(o.ok, o.err);
    memcpy(whole, o.frame.samples, sizeof whole);
    for (uint32_t first = 0; first < 16; first += 8) {
        memset((void *)o.frame.samples, 0xa5, 8 * 8 * 2); /* what is left undecoded shows */
        CHECK_OK(decoder_run_strip(o.decoder, &grey, 1, wide, sizeof wide, first, 8, &o.frame, &o.notes, &o.err), o.err);
        CHECK_EQ_MEM(o.frame.samples, whole + (size_t)first * 8 * 2, o.frame.size);
    }
    done(&o);
}
