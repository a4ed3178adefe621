/* links: base dicom job codec stages support */
#include "base/path.h"
#include "codec/frame_code.h"
#include "codec/frame_part.h"
#include "codec/j2k_tileparts.h"
#include "stages/stages.h"
#include "tests/support/program.h"
#include "tests/support/stage_harness.h"
#include "tests/support/test.h"

static struct error err;

static const char *folder_for(const char *name)
{
    static char path[PATH_SIZE];

    CHECK_OK(path_join(path, test_folder(), name, &err), err);
    return path;
}

static struct stage_outcome run(const char *settings, const struct stage_case *object,
                                const char *folder)
{
    struct stage_outcome outcome;

    stage_harness_run(&codestream_stage, settings, object, folder_for(folder), &outcome);
    if (stage_outcome_product(&outcome)->state != PRODUCT_DONE)
        TEST_FAIL("%s", outcome.err.text);
    return outcome;
}

/* The part of a frame file: checks everything around it. *head: where it begins. */
static struct part payload_of(const struct buffer *file, const char *boundary,
                              const char *content_type, size_t *head)
{
    char before[200], after[60];

    (void)snprintf(before, sizeof before, "--%s\r\nContent-Type: %s\r\n\r\n", boundary,
                   content_type);
    (void)snprintf(after, sizeof after, "\r\n--%s--\r\n", boundary);
    CHECK(file->size > strlen(before) + strlen(after));
    CHECK_EQ_MEM(file->data, before, strlen(before));
    CHECK_EQ_MEM(file->data + file->size - strlen(after), after, strlen(after));
    *head = strlen(before);
    return (struct part){file->data + *head, file->size - *head - strlen(after)};
}

/* -- the other decoder ------------------------------------------------------------------------- */

/* opj_decompress masks negative values to their precision: the sign is put back. */
static int64_t raw_value(const uint8_t *raw, size_t bytes, const struct stage_case *object)
{
    const int64_t value = bytes == 1 ? raw[0] : raw[0] | raw[1] << 8, span = INT64_C(1)
                                                                             << object->bits;
    const int64_t masked = value & (span - 1);

    return object->is_signed && masked >= span / 2 ? masked - span : masked;
}

static void check_opj_decompress(const struct stage_case *object, uint32_t frame,
                                 struct part codestream)
{
    const size_t bytes = object->bits <= 8 ? 1 : 2, pixels = (size_t)object->columns * object->rows;
    char in[PATH_SIZE], out[PATH_SIZE];
    struct buffer raw = {0};

    (void)snprintf(in, sizeof in, "%s/opj.j2k", test_folder());
    (void)snprintf(out, sizeof out, "%s/opj.rawl", test_folder());
    CHECK_OK(path_write_file(in, codestream.data, codestream.size, &err), err);
    (void)remove(out);
    const char *const command[] = {"opj_decompress", "-i", in, "-o", out, NULL};
    CHECK_EQ_INT(program_run(command), 0);
    CHECK_OK(path_read_file(out, SIZE_MAX / 2, &raw, &err), err);
    CHECK_EQ_UINT(raw.size, pixels * object->samples * bytes);
    for (size_t c = 0; c < object->samples; c++)
        for (size_t i = 0; i < pixels; i++) {
            const int64_t found = raw_value(raw.data + (c * pixels + i) * bytes, bytes, object);
            const int64_t expected = stage_case_value(object, frame, i * object->samples + c);

            if (found != expected)
                TEST_FAIL("%ux%u, %u bits: sample %zu of component %zu is %lld, expected %lld",
                          object->columns, object->rows, object->bits, i, c, (long long)found,
                          (long long)expected);
        }
    buffer_release(&raw);
}

static void need_opj_decompress(void)
{
    const char *const command[] = {"opj_decompress", "-h", NULL};

    if (program_run(command) == 127)
        TEST_SKIP("no opj_decompress");
}

static void check_artefact(const struct stage_outcome *outcome, const struct stage_case *object,
                           const char *name, uint32_t frame, enum place place, bool is_htj2k)
{
    const struct artefact *const artefact = stage_outcome_find(outcome, name);
    const unsigned levels = is_htj2k ? htj2k_decompositions(object->columns, object->rows)
                                     : j2k_decompositions(object->columns, object->rows);
    struct buffer file = {0};
    size_t head;

    CHECK(artefact != NULL);
    CHECK_EQ_INT(artefact->place, place);
    CHECK_EQ_UINT(artefact->frame, frame);
    CHECK_EQ_UINT(artefact->columns, object->columns);
    CHECK_EQ_UINT(artefact->rows, object->rows);
    CHECK_EQ_STR(artefact->media_type,
                 is_htj2k ? "multipart/related; type=\"image/jphc\"; "
                            "transfer-syntax=1.2.840.10008.1.2.4.202; boundary=slicepress-part-0"
                          : "multipart/related; type=\"image/jp2\"; "
                            "transfer-syntax=1.2.840.10008.1.2.4.90; boundary=slicepress-part-0");
    stage_outcome_read(outcome, artefact, NULL, &file);
    const struct part payload =
        payload_of(&file, "slicepress-part-0",
                   is_htj2k ? "image/jphc;transfer-syntax=1.2.840.10008.1.2.4.202"
                            : "image/jp2;transfer-syntax=1.2.840.10008.1.2.4.90",
                   &head);
    check_opj_decompress(object, frame, payload);
    CHECK_EQ_UINT(artefact->range_count, levels + 1u);
    const struct byte_range *const last = &artefact->ranges[artefact->range_count - 1];
    CHECK_EQ_UINT(last->columns, object->columns);
    CHECK_EQ_UINT(last->rows, object->rows);
    CHECK_EQ_UINT(last->end_offset, head + payload.size - 2); /* without EOC */
    buffer_release(&file);
}

/* -- tests ------------------------------------------------------------------------------------- */

TEST(test_stage_codestream__another_decoder_reads_the_stored_values)
{
    static const struct stage_case cases[] = {
        {.columns = 1, .rows = 1, .frames = 1, .samples = 1, .bits = 8},
        {.columns = 1, .rows = 7, .frames = 1, .samples = 1, .bits = 12},
        {.columns = 513, .rows = 511, .frames = 1, .samples = 1, .bits = 12},
        {.columns = 3, .rows = 4097, .frames = 1, .samples = 1, .bits = 16, .is_signed = true},
        {.columns = 65, .rows = 33, .frames = 1, .samples = 1, .bits = 1},
        {.columns = 65, .rows = 33, .frames = 1, .samples = 1, .bits = 9, .is_signed = true},
        {.columns = 65, .rows = 33, .frames = 1, .samples = 1, .bits = 16},
        {.columns = 65,
         .rows = 33,
         .frames = 1,
         .samples = 1,
         .bits = 8,
         .photometric = PHOTOMETRIC_PALETTE_COLOR},
        {.columns = 65, .rows = 33, .frames = 1, .samples = 3, .bits = 8},
        {.columns = 65, .rows = 33, .frames = 1, .samples = 3, .bits = 16},
    };

    need_opj_decompress();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[32];

        (void)snprintf(folder, sizeof folder, "case-%zu", i);
        struct stage_outcome outcome = run("format=both", &cases[i], folder);
        check_artefact(&outcome, &cases[i], "frame-1", 1, PLACE_FRAME, true);
        check_artefact(&outcome, &cases[i], "j2k-1", 1, PLACE_J2K, false);
        stage_outcome_release(&outcome);
    }
}

/* Browsers' OpenJPH mixes up the components of what has no colour transform. */
TEST(test_stage_codestream__colours_other_than_rgb_are_jpeg_2000)
{
    const struct stage_case object = {.columns = 65, .rows = 33, .frames = 1, .samples = 3, .bits = 8,
                                      .photometric = PHOTOMETRIC_YBR_FULL};

    need_opj_decompress();
    struct stage_outcome outcome = run("format=both", &object, "ybr");
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 1);
    check_artefact(&outcome, &object, "frame-1", 1, PLACE_FRAME, false);
    CHECK_EQ_INT(outcome.published.photometric, PHOTOMETRIC_YBR_FULL);
    CHECK_HAS(buffer_text(&outcome.notes), "browsers");
    stage_outcome_release(&outcome);
}

TEST(test_stage_codestream__formats_and_frames)
{
    const struct stage_case object = {
        .columns = 70, .rows = 40, .frames = 3, .samples = 1, .bits = 12};

    need_opj_decompress();
    struct stage_outcome outcome = run(NULL, &object, "htj2k");
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 3);
    check_artefact(&outcome, &object, "frame-3", 3, PLACE_FRAME, true);
    stage_outcome_release(&outcome);
    outcome = run("format=j2k", &object, "j2k");
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 3);
    check_artefact(&outcome, &object, "frame-2", 2, PLACE_FRAME, false);
    CHECK_EQ_STR(buffer_text(&outcome.notes), "");
    stage_outcome_release(&outcome);
    outcome = run("format=both", &object, "both");
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 6);
    stage_outcome_release(&outcome);
}

TEST(test_stage_codestream__ranges_are_of_the_file_and_of_reduced_sizes)
{
    const struct stage_case object = {
        .columns = 513, .rows = 300, .frames = 1, .samples = 1, .bits = 12};
    struct stage_outcome outcome = run("format=j2k", &object, "ranges");
    const struct artefact *const artefact = stage_outcome_find(&outcome, "frame-1");
    struct buffer file = {0};

    CHECK_EQ_UINT(artefact->range_count, 6);
    stage_outcome_read(&outcome, artefact, NULL, &file);
    for (unsigned i = 0; i < 6; i++) {
        const struct byte_range *const range = &artefact->ranges[i];

        CHECK_EQ_UINT(range->resolution, i);
        CHECK_EQ_UINT(range->columns, (513u + (1u << (5 - i)) - 1) >> (5 - i));
        CHECK_EQ_UINT(range->rows, (300u + (1u << (5 - i)) - 1) >> (5 - i));
        /* a tile-part begins there, or the end */
        CHECK_EQ_UINT(file.data[range->end_offset], 0xFF);
        CHECK_EQ_UINT(file.data[range->end_offset + 1], i < 5 ? 0x90 : 0xD9);
    }
    buffer_release(&file);
    stage_outcome_release(&outcome);
}

/* The exponents of the precincts' sides that COD gives (A.6.1). */
static void check_precincts(uint32_t columns, uint32_t rows, uint8_t expected)
{
    const struct stage_case object = {.columns = columns, .rows = rows, .frames = 1, .samples = 1, .bits = 12};
    const size_t resolutions = htj2k_decompositions(columns, rows) + (size_t)1;
    char folder[40];
    struct buffer file = {0};

    (void)snprintf(folder, sizeof folder, "precincts-%ux%u", columns, rows);
    struct stage_outcome outcome = run("format=htj2k", &object, folder);
    stage_outcome_read(&outcome, stage_outcome_find(&outcome, "frame-1"), NULL, &file);
    const uint8_t *const cod = memmem(file.data, file.size, "\xFF\x52\x00", 3);
    CHECK(cod != NULL);
    CHECK_EQ_UINT(cod[3], 12 + resolutions); /* Lcod */
    CHECK_EQ_UINT(cod[4] & 1, 1);            /* Scod */
    for (size_t r = 0; r < resolutions; r++)
        CHECK_EQ_UINT(cod[14 + r], expected * 0x11u);
    buffer_release(&file);
    stage_outcome_release(&outcome);
}

TEST(test_stage_codestream__one_precinct_a_resolution_of_the_size_of_the_frame)
{
    check_precincts(13, 9, 7);
    check_precincts(129, 64, 8);
    check_precincts(384, 512, 9);
    check_precincts(513, 300, 10);
}

TEST(test_stage_codestream__more_than_16_bits_go_to_jpeg_2000_and_say_so)
{
    const struct stage_case object = {
        .columns = 70, .rows = 40, .frames = 2, .samples = 1, .bits = 23};
    struct stage_outcome outcome = run("format=both", &object, "deep");

    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 2);
    CHECK_HAS(stage_outcome_find(&outcome, "frame-1")->media_type, "image/jp2");
    CHECK_EQ_INT(stage_outcome_find(&outcome, "frame-2")->place, PLACE_FRAME);
    CHECK_EQ_STR(buffer_text(&outcome.notes),
                 "frames are published as JPEG 2000: they have 23 bits\n");
    stage_outcome_release(&outcome);
}

static void check_plain(const struct stage_case *object, const char *folder)
{
    struct stage_outcome outcome = run(NULL, object, folder);
    const struct artefact *const artefact = stage_outcome_find(&outcome, "frame-1");
    struct buffer file = {0};
    size_t head;

    CHECK_EQ_STR(artefact->media_type,
                 "multipart/related; type=\"application/octet-stream\"; "
                 "transfer-syntax=1.2.840.10008.1.2.1; boundary=slicepress-part-0");
    CHECK_EQ_UINT(artefact->range_count, 0);
    stage_outcome_read(&outcome, artefact, NULL, &file);
    const struct part payload =
        payload_of(&file, "slicepress-part-0",
                   "application/octet-stream;transfer-syntax=1.2.840.10008.1.2.1", &head);
    CHECK_EQ_UINT(payload.size, (size_t)object->columns * object->rows * 4);
    for (size_t i = 0; i < payload.size / 4; i++) {
        const uint8_t *const bytes = (const uint8_t *)payload.data + 4 * i;
        const uint32_t word = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
                              (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
        const int64_t value = stage_case_value(object, 1, i);
        const float real = (float)value / 3;
        uint32_t expected = (uint32_t)value;

        if (object->is_float)
            memcpy(&expected, &real, sizeof expected);
        CHECK_EQ_UINT(word, expected);
    }
    CHECK_HAS(buffer_text(&outcome.notes), "plain samples");
    buffer_release(&file);
    stage_outcome_release(&outcome);
}

TEST(test_stage_codestream__what_no_codec_holds_is_published_plain)
{
    check_plain(
        &(struct stage_case){.columns = 7, .rows = 9, .frames = 1, .samples = 1, .bits = 32},
        "u32");
    check_plain(
        &(struct stage_case){
            .columns = 7, .rows = 9, .frames = 1, .samples = 1, .bits = 32, .is_signed = true},
        "s32");
    check_plain(
        &(struct stage_case){.columns = 7, .rows = 9, .frames = 1, .samples = 1, .bits = 26},
        "u26");
    check_plain(
        &(struct stage_case){
            .columns = 7, .rows = 9, .frames = 1, .samples = 1, .bits = 32, .is_float = true},
        "float");
}

/* The stage with its own options, one product begun in a folder. */
static void open_run(struct stage_run *stage_run, const struct stage_input *input, struct stage_outcome *outcome,
                     const char *folder)
{
    static const struct {
        char format[OPTION_TEXT], j2k_input[OPTION_TEXT], lossy_input[OPTION_TEXT];
        bool lossy;
        int64_t lossy_levels, max_frames;
    } options = {"htj2k", "pass", "pass", false, 64, 20000};

    *stage_run = (struct stage_run){.stage = &codestream_stage,
                                    .input = input,
                                    .options = &options,
                                    .state = calloc(1, codestream_stage.state_size),
                                    .notes = &outcome->notes,
                                    .published = &outcome->published};
    (void)snprintf(outcome->folder, sizeof outcome->folder, "%.255s", folder_for(folder));
    CHECK_OK(staging_open(outcome->folder, &outcome->manifest, &stage_run->staging, &err), err);
    CHECK_OK(staging_begin(stage_run->staging, "codestream", 1, &err), err);
}

/* A frame that contains the boundary gets another one: plain samples can be made to. */
TEST(test_stage_codestream__boundary_is_never_in_the_payload)
{
    const char samples[] = "....slicepress-part-0...slicepress-part-1...";
    const struct frame frame = {.number = 1,
                                .rows = 1,
                                .columns = 11,
                                .samples_per_pixel = 1,
                                .type = SAMPLE_U32,
                                .bits_stored = 32,
                                .samples = samples,
                                .size = 44};
    const struct image image = {.rows = 1, .columns = 11, .frames = 1, .bits_stored = 32};
    const struct subject subject = {.study = "1", .series = "2", .sop = "3"};
    const struct stage_input input = {.subject = &subject, .image = &image};
    const struct stage_frame one = {.frame = &frame};
    struct stage_outcome outcome = {.err = {.kind = ERROR_NONE}};
    struct stage_run stage_run;
    struct buffer file = {0};
    size_t head;

    open_run(&stage_run, &input, &outcome, "boundary");
    CHECK_OK(codestream_stage.frame(&stage_run, &one, &err), err);
    codestream_stage.release(&stage_run);
    stage_outcome_read(&outcome, stage_outcome_find(&outcome, "frame-1"), NULL, &file);
    const struct part payload =
        payload_of(&file, "slicepress-part-2",
                   "application/octet-stream;transfer-syntax=1.2.840.10008.1.2.1", &head);
    CHECK_EQ_UINT(payload.size, 44);
    CHECK_HAS(stage_outcome_find(&outcome, "frame-1")->media_type, "boundary=slicepress-part-2");
    staging_close(stage_run.staging);
    buffer_release(&file);
    free(stage_run.state);
    stage_outcome_release(&outcome);
}

/* A payload may come in pieces: a word is seen wherever they are cut. */
TEST(test_frame_part__a_word_across_seams_is_seen)
{
    static const char text[] = "..slicepress-part-slicepress-part-3..slicepress-part-x";
    const size_t size = sizeof text - 1;

    for (size_t first = 0; first <= size; first++)
        for (size_t second = first; second <= size; second++) {
            struct frame_part_scan scan = {0};
            frame_part_look(&scan, text, first);
            frame_part_look(&scan, text + first, second - first);
            frame_part_look(&scan, text + second, size - second);
            CHECK_EQ_UINT(scan.found, 1u << 3);
        }
    struct frame_part_scan scan = {0};
    for (size_t i = 0; i < size; i++)
        frame_part_look(&scan, text + i, 1);
    CHECK_EQ_UINT(scan.found, 1u << 3);
}

TEST(test_stage_codestream__strips_are_written_as_they_come_and_bounded_in_the_end)
{
    static const char samples[] = "....slicepress-part-1...slicepress-part-0...slicepress-part-2...........................";
    enum { ROWS = 2, LINE = 44 }; /* the second word lies across the seam */
    const struct image image = {.rows = ROWS, .columns = 11, .frames = 1, .bits_stored = 32};
    const struct subject subject = {.study = "1", .series = "2", .sop = "3"};
    const struct stage_input input = {.subject = &subject, .image = &image};
    struct stage_outcome outcome = {.err = {.kind = ERROR_NONE}};
    struct stage_run stage_run;
    struct buffer file = {0};
    size_t head;

    open_run(&stage_run, &input, &outcome, "strips");
    for (uint32_t row = 0; row < ROWS; row++) {
        const struct frame strip = {.number = 1, .rows = 1, .columns = 11, .samples_per_pixel = 1, .type = SAMPLE_U32,
                                    .bits_stored = 32, .samples = samples + (size_t)row * LINE, .size = LINE};
        const struct stage_frame given = {.frame = &strip, .first_row = row};
        CHECK_OK(codestream_stage.frame(&stage_run, &given, &err), err);
    }
    codestream_stage.release(&stage_run);
    stage_outcome_read(&outcome, stage_outcome_find(&outcome, "frame-1"), NULL, &file);
    const struct part payload =
        payload_of(&file, "slicepress-part-3", "application/octet-stream;transfer-syntax=1.2.840.10008.1.2.1", &head);
    CHECK_EQ_UINT(payload.size, ROWS * LINE);
    CHECK(memcmp(payload.data, samples, ROWS * LINE) == 0);
    CHECK_HAS(stage_outcome_find(&outcome, "frame-1")->media_type, "boundary=slicepress-part-3");
    CHECK_EQ_UINT(outcome.published.rows, ROWS);
    CHECK_EQ_UINT(outcome.published.frames, 1);
    CHECK_HAS(buffer_text(&outcome.notes), "too large");
    staging_close(stage_run.staging);
    buffer_release(&file);
    free(stage_run.state);
    stage_outcome_release(&outcome);
}

/* OpenJPEG reads back what was coded, for `verify --deep` and where the source is gone: its numbers must fit, too. */
TEST(test_frame_code__what_could_not_be_read_back_is_not_coded)
{
    struct frame frame = {.samples_per_pixel = 1, .type = SAMPLE_U16, .bits_stored = 16, .photometric = PHOTOMETRIC_MONOCHROME2};

    frame.size = 192 << 20;
    CHECK_EQ_INT(frame_code_best(&frame, FRAME_HTJ2K), FRAME_HTJ2K);
    frame.size += 2;
    CHECK_EQ_INT(frame_code_best(&frame, FRAME_HTJ2K), FRAME_PLAIN);
    frame.type = SAMPLE_U8;
    frame.bits_stored = 8;
    frame.size = 115 << 20;
    CHECK_EQ_INT(frame_code_best(&frame, FRAME_HTJ2K), FRAME_HTJ2K);
    frame.size = 116 << 20;
    CHECK_EQ_INT(frame_code_best(&frame, FRAME_HTJ2K), FRAME_PLAIN);
    CHECK(!frame_can_be_lossy(&frame));
}
