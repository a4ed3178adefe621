/* links: base dicom job codec stages support */
/* The codestream stage over frames that arrive coded, and what its files promise: prefixes, forms, lossy ones. */
#include <openjpeg.h>

#include "base/memory.h"
#include "codec/codestream_index.h"
#include "codec/decode.h"
#include "codec/htj2k_encode.h"
#include "codec/j2k_encode.h"
#include "codec/jpeg_encode.h"
#include "stages/stages.h"
#include "tests/support/stage_harness.h"
#include "tests/support/test.h"

#define J2K_UID "1.2.840.10008.1.2.4.90"
#define HTJ2K_UID "1.2.840.10008.1.2.4.201"
#define HTJ2K_RPCL_UID "1.2.840.10008.1.2.4.202"
#define HTJ2K_LOSSY_UID "1.2.840.10008.1.2.4.203"

static struct error err;

/* -- sources -------------------------------------------------------------------------------- */

static bool as_j2k(const struct frame *frame, struct buffer *out, struct error *error)
{
    struct j2k_tileparts parts;

    return j2k_encode(frame, out, &parts, error);
}

static bool as_htj2k(const struct frame *frame, struct buffer *out, struct error *error)
{
    return htj2k_encode(frame, out, error);
}

static bool as_lossy(const struct frame *frame, struct buffer *out, struct error *error)
{
    return htj2k_encode_lossy(frame, 8, out, error);
}

/* The last of several frames is of another kind than the others. */
static bool as_mixed(const struct frame *frame, struct buffer *out, struct error *error)
{
    return frame->number == 3 ? htj2k_encode(frame, out, error) : as_j2k(frame, out, error);
}

/* As many bits as the frame's number needs. */
static bool as_widening(const struct frame *frame, struct buffer *out, struct error *error)
{
    struct frame narrow = *frame;
    const uint16_t samples[4] = {1, 0, 1, (uint16_t)((1u << (2 * frame->number)) - 1)};

    narrow.rows = narrow.columns = 2;
    narrow.bits_stored = (uint16_t)(2 * frame->number);
    narrow.samples = samples;
    narrow.size = sizeof samples;
    return as_j2k(&narrow, out, error);
}

static struct stage_outcome run(const char *settings, const struct stage_case *object, const char *name)
{
    struct stage_outcome outcome;
    char folder[PATH_SIZE];
    static unsigned count;

    CHECK_OK(path_format(folder, &err, "%s/%s-%u", test_folder(), name, count++), err);
    stage_harness_run(&codestream_stage, settings, object, folder, &outcome);
    if (stage_outcome_product(&outcome)->state != PRODUCT_DONE)
        TEST_FAIL("%s", outcome.err.text);
    return outcome;
}

/* -- files ---------------------------------------------------------------------------------- */

/* The payload of a file; *head: where it begins. */
static struct part payload_of(const struct buffer *file, const char *uid, size_t *head)
{
    char key[100];
    const uint8_t *const blank = memmem(file->data, file->size, "\r\n\r\n", 4);
    const uint8_t *const line = memmem(file->data, file->size, "\r\n", 2);

    CHECK(blank != NULL && line != NULL);
    *head = (size_t)(blank + 4 - file->data);
    (void)snprintf(key, sizeof key, ";transfer-syntax=%s\r\n", uid);
    CHECK(memmem(file->data, *head, key, strlen(key)) != NULL);
    const size_t tail = 2 + (size_t)(line - file->data) + 4;
    CHECK_EQ_MEM(file->data + file->size - tail, "\r\n--", 4);
    return (struct part){file->data + *head, file->size - *head - tail};
}

static void check_uid(const struct stage_outcome *outcome, const char *name, const char *uid)
{
    const struct artefact *const artefact = stage_outcome_find(outcome, name);

    if (artefact == NULL)
        TEST_FAIL("there is no %s", name);
    CHECK_HAS(artefact->media_type, uid);
}

/* -- what passes ---------------------------------------------------------------------------- */

static const struct stage_case three = {.columns = 70, .rows = 40, .frames = 3, .samples = 1, .bits = 12,
                                        .transfer_syntax = J2K_UID, .code = as_j2k};

TEST(test_stage_codestream_pass__lossless_j2k_is_not_decoded)
{
    struct stage_outcome outcome = run(NULL, &three, "pass");

    CHECK_EQ_UINT(outcome.taken, 3);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 3);
    check_uid(&outcome, "frame-2", J2K_UID);
    CHECK_EQ_STR(outcome.published.transfer_syntax, J2K_UID);
    CHECK_EQ_UINT(outcome.published.frames, 3);
    CHECK_EQ_UINT(outcome.published.bits_stored, 12);
    CHECK_EQ_UINT(outcome.published.bits_allocated, 16);
    stage_outcome_release(&outcome);
    outcome = run("j2k_input=encode", &three, "encode");
    CHECK_EQ_UINT(outcome.taken, 0);
    check_uid(&outcome, "frame-2", HTJ2K_RPCL_UID);
    CHECK_EQ_STR(outcome.published.transfer_syntax, HTJ2K_RPCL_UID);
    stage_outcome_release(&outcome);
}

TEST(test_stage_codestream_pass__what_else_is_wanted_needs_samples)
{
    struct stage_outcome outcome = run("lossy=true", &three, "lossy");

    CHECK_EQ_UINT(outcome.taken, 0);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 6);
    check_uid(&outcome, "frame-3", J2K_UID);
    check_uid(&outcome, "lossy-3", HTJ2K_LOSSY_UID);
    stage_outcome_release(&outcome);

    struct stage_case ht = three;
    ht.transfer_syntax = HTJ2K_UID;
    ht.code = as_htj2k;
    outcome = run("format=both", &ht, "both");
    CHECK_EQ_UINT(outcome.taken, 0);
    check_uid(&outcome, "frame-1", HTJ2K_RPCL_UID);
    check_uid(&outcome, "j2k-1", J2K_UID);
    stage_outcome_release(&outcome);
    outcome = run("format=j2k", &ht, "j2k"); /* HTJ2K is not wished */
    check_uid(&outcome, "frame-1", J2K_UID);
    stage_outcome_release(&outcome);
}

/* One set of metadata describes all frames: one that cannot pass decides for all, before any is put. */
TEST(test_stage_codestream_pass__all_frames_or_none)
{
    struct stage_case object = three;

    object.code = as_mixed;
    struct stage_outcome outcome = run(NULL, &object, "mixed");
    CHECK_EQ_UINT(outcome.taken, 0);
    for (unsigned i = 0; i < 3; i++)
        CHECK_HAS(stage_outcome_product(&outcome)->artefacts[i].media_type, HTJ2K_RPCL_UID);
    CHECK_EQ_UINT(outcome.published.frames, 3);
    stage_outcome_release(&outcome);
}

/* Frames of 2, 4 and 6 bits: encoded, all of them have 6. */
TEST(test_stage_codestream_pass__bits_hold_for_all_frames)
{
    struct stage_case object = three;

    object.columns = object.rows = 2;
    object.bits = 6;
    object.is_blank = true;
    object.code = as_widening;
    struct stage_outcome outcome = run(NULL, &object, "widening");
    CHECK_EQ_UINT(outcome.taken, 0);
    CHECK_EQ_UINT(outcome.published.bits_stored, 6);
    check_uid(&outcome, "frame-1", HTJ2K_RPCL_UID);
    stage_outcome_release(&outcome);
}

TEST(test_stage_codestream_pass__lossy_input_stays_lossy)
{
    struct stage_case object = three;

    object.transfer_syntax = HTJ2K_LOSSY_UID;
    object.code = as_lossy;
    struct stage_outcome outcome = run(NULL, &object, "kept");
    CHECK_EQ_UINT(outcome.taken, 3);
    CHECK_EQ_STR(outcome.published.transfer_syntax, HTJ2K_LOSSY_UID);
    CHECK(outcome.published.lossy);
    CHECK_EQ_STR(buffer_text(&outcome.notes), "");
    stage_outcome_release(&outcome);
    outcome = run("lossy_input=encode", &object, "not-kept");
    CHECK_EQ_UINT(outcome.taken, 0);
    CHECK_EQ_STR(outcome.published.transfer_syntax, HTJ2K_RPCL_UID);
    stage_outcome_release(&outcome);
    object.is_signed = true;
    outcome = run(NULL, &object, "signed");
    CHECK_EQ_UINT(outcome.taken, 3);
    CHECK(outcome.published.is_signed);
    stage_outcome_release(&outcome);
}

/* -- prefixes, by OpenJPEG ------------------------------------------------------------------ */

struct memory_stream { const uint8_t *data; size_t size, at; };

static OPJ_SIZE_T read_stream(void *to, OPJ_SIZE_T size, void *client)
{
    struct memory_stream *const stream = client;
    const size_t left = stream->size - stream->at, count = size < left ? size : left;

    if (count == 0)
        return (OPJ_SIZE_T)-1;
    memcpy(to, stream->data + stream->at, count);
    stream->at += count;
    return count;
}

static OPJ_OFF_T skip_stream(OPJ_OFF_T distance, void *client)
{
    struct memory_stream *const stream = client;

    if (distance < 0 || (size_t)distance > stream->size - stream->at)
        return -1;
    stream->at += (size_t)distance;
    return distance;
}

static OPJ_BOOL seek_stream(OPJ_OFF_T offset, void *client)
{
    struct memory_stream *const stream = client;

    if (offset < 0 || (size_t)offset > stream->size)
        return OPJ_FALSE;
    stream->at = (size_t)offset;
    return OPJ_TRUE;
}

/* The first `size` bytes and EOC, strictly; NULL if that cannot be decoded. */
static opj_image_t *decode(const void *data, size_t size, unsigned reduce)
{
    uint8_t *const copy = memory_new(size + 2, &err);
    struct memory_stream memory = {copy, size + 2, 0};
    opj_dparameters_t parameters;
    opj_image_t *image = NULL;

    CHECK(copy != NULL);
    memcpy(copy, data, size);
    memcpy(copy + size, "\xff\xd9", 2);
    opj_stream_t *const stream = opj_stream_default_create(OPJ_TRUE);
    opj_codec_t *const codec = opj_create_decompress(OPJ_CODEC_J2K);
    opj_stream_set_read_function(stream, read_stream);
    opj_stream_set_skip_function(stream, skip_stream);
    opj_stream_set_seek_function(stream, seek_stream);
    opj_stream_set_user_data(stream, &memory, NULL);
    opj_stream_set_user_data_length(stream, memory.size);
    opj_set_default_decoder_parameters(&parameters);
    parameters.cp_reduce = reduce;
    const bool ok = opj_setup_decoder(codec, &parameters) && opj_decoder_set_strict_mode(codec, OPJ_TRUE) &&
                    opj_read_header(stream, codec, &image) && opj_decode(codec, stream, image) &&
                    opj_end_decompress(codec, stream);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    memory_free(copy);
    if (!ok)
        opj_image_destroy(image);
    return ok ? image : NULL;
}

static void check_same(const opj_image_t *a, const opj_image_t *b, const char *what, unsigned resolution)
{
    CHECK_EQ_UINT(a->numcomps, b->numcomps);
    for (unsigned c = 0; c < a->numcomps; c++) {
        CHECK_EQ_UINT(a->comps[c].w, b->comps[c].w);
        CHECK_EQ_UINT(a->comps[c].h, b->comps[c].h);
        if (memcmp(a->comps[c].data, b->comps[c].data, (size_t)a->comps[c].w * a->comps[c].h * sizeof(OPJ_INT32)) != 0)
            TEST_FAIL("%s: resolution %u has other pixels", what, resolution);
    }
}

static void check_stored_values(const opj_image_t *image, const struct stage_case *object, const char *what)
{
    const size_t pixels = (size_t)object->columns * object->rows;

    for (unsigned c = 0; c < object->samples; c++)
        for (size_t i = 0; i < pixels; i++)
            if (image->comps[c].data[i] != stage_case_value(object, 1, i * object->samples + c))
                TEST_FAIL("%s: sample %zu of component %u is %d", what, i, c, image->comps[c].data[i]);
}

/* RPCL, TLM, a base of 64 or less (PS3.5 10.18). */
static void check_promise(const struct part *payload, const struct artefact *artefact)
{
    const uint8_t *const cod = memmem(payload->data, payload->size, "\xff\x52", 2);
    const uint8_t *const sot = memmem(payload->data, payload->size, "\xff\x90\0\x0a", 4);
    const uint8_t *const tlm = memmem(payload->data, payload->size, "\xff\x55", 2);

    CHECK(cod != NULL && sot != NULL && tlm != NULL && tlm < sot);
    CHECK_EQ_UINT(cod[5], 2);
    CHECK(artefact->ranges[0].columns <= 64 && artefact->ranges[0].rows <= 64);
}

/* Every prefix that a byte range names is the image at that resolution. */
static void check_ranges(const struct stage_outcome *outcome, const struct stage_case *object, const char *what)
{
    const struct artefact *const artefact = stage_outcome_find(outcome, "frame-1");
    struct buffer file = {0};
    size_t head;

    stage_outcome_read(outcome, artefact, NULL, &file);
    const struct part payload = payload_of(&file, HTJ2K_RPCL_UID, &head);
    check_promise(&payload, artefact);
    for (size_t r = 0; r < artefact->range_count; r++) {
        const unsigned reduce = (unsigned)(artefact->range_count - 1 - r);
        opj_image_t *const full = decode(payload.data, payload.size - 2, reduce);
        opj_image_t *const part = decode(payload.data, artefact->ranges[r].end_offset - head, reduce);

        if (full == NULL || part == NULL)
            TEST_FAIL("%s: resolution %zu is not decoded", what, r);
        CHECK_EQ_UINT(part->comps[0].w, artefact->ranges[r].columns);
        CHECK_EQ_UINT(part->comps[0].h, artefact->ranges[r].rows);
        check_same(part, full, what, (unsigned)r);
        if (reduce == 0)
            check_stored_values(part, object, what);
        opj_image_destroy(full);
        opj_image_destroy(part);
    }
    buffer_release(&file);
}

/* Encoded here, and arriving as HTJ2K. */
static void check_prefixes(struct stage_case object)
{
    char what[80];

    (void)snprintf(what, sizeof what, "%u x %u x %u, %u bits%s", object.columns, object.rows, object.samples,
                   object.bits, object.is_signed ? " signed" : "");
    object.frames = 1;
    for (int passes = 0; passes <= 1; passes++) {
        object.transfer_syntax = passes ? HTJ2K_UID : NULL;
        object.code = passes ? as_htj2k : NULL;
        struct stage_outcome outcome = run(NULL, &object, "prefix");
        CHECK_EQ_UINT(outcome.taken, passes);
        check_ranges(&outcome, &object, what);
        stage_outcome_release(&outcome);
    }
}

TEST(test_stage_codestream_pass__prefixes_of_all_sizes)
{
    static const uint32_t sides[][2] = {{1, 1},   {1, 2},     {2, 1},    {1, 64},   {65, 1},  {1, 4000}, {4000, 1},
                                        {3, 4097}, {2049, 17}, {40, 3000}, {64, 64}, {65, 65}, {127, 129}, {513, 511}};

    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        check_prefixes((struct stage_case){.columns = sides[i][0], .rows = sides[i][1], .samples = 1, .bits = 12});
        check_prefixes((struct stage_case){.columns = sides[i][0], .rows = sides[i][1], .samples = 3, .bits = 8});
    }
}

TEST(test_stage_codestream_pass__prefixes_of_all_depths)
{
    for (uint16_t bits = 1; bits <= HTJ2K_BITS_MOST; bits++) {
        check_prefixes((struct stage_case){.columns = 131, .rows = 67, .samples = 1, .bits = bits});
        check_prefixes((struct stage_case){.columns = 131, .rows = 67, .samples = 1, .bits = bits, .is_signed = true});
        check_prefixes((struct stage_case){.columns = 67, .rows = 131, .samples = 3, .bits = bits});
    }
}

TEST(test_stage_codestream_pass__prefixes_of_a_large_frame)
{
    check_prefixes((struct stage_case){.columns = 4097, .rows = 3001, .samples = 1, .bits = 16});
}

TEST(test_stage_codestream_pass__prefixes_of_a_large_colour_frame)
{
    check_prefixes((struct stage_case){.columns = 2048, .rows = 1500, .samples = 3, .bits = 8});
}

/* -- the lossy one -------------------------------------------------------------------------- */

static size_t lossy_bytes(const char *settings, const struct stage_case *object, const char *name, double *worst)
{
    struct stage_outcome outcome = run(settings, object, name);
    const struct artefact *const artefact = stage_outcome_find(&outcome, "lossy-1");
    struct buffer file = {0};
    size_t head;

    CHECK(artefact != NULL);
    CHECK_EQ_INT(artefact->place, PLACE_LOSSY);
    CHECK(artefact->range_count > 0);
    stage_outcome_read(&outcome, artefact, NULL, &file);
    const struct part payload = payload_of(&file, HTJ2K_LOSSY_UID, &head);
    check_promise(&payload, artefact);
    opj_image_t *const image = decode(payload.data, payload.size - 2, 0);
    CHECK(image != NULL);
    CHECK_EQ_UINT(image->comps[0].w, object->columns);
    *worst = 0;
    for (size_t i = 0; i < (size_t)object->columns * object->rows; i++)
        for (unsigned c = 0; c < object->samples; c++)
            *worst = fmax(*worst, fabs((double)(image->comps[c].data[i] -
                                                stage_case_value(object, 1, i * object->samples + c))));
    opj_image_destroy(image);
    buffer_release(&file);
    stage_outcome_release(&outcome);
    return payload.size;
}

TEST(test_stage_codestream_pass__lossy_frames_are_small_and_of_full_size)
{
    static const struct stage_case cases[] = {
        {.columns = 200, .rows = 150, .frames = 1, .samples = 1, .bits = 12},
        {.columns = 200, .rows = 150, .frames = 1, .samples = 1, .bits = 16, .is_signed = true},
        {.columns = 200, .rows = 150, .frames = 1, .samples = 3, .bits = 8},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double span = ldexp(1, cases[i].bits);
        struct stage_outcome plain = run(NULL, &cases[i], "plain");
        const uint64_t lossless = stage_outcome_find(&plain, "frame-1")->bytes;
        double coarse, fine;
        const size_t small = lossy_bytes("lossy=true", &cases[i], "coarse", &coarse);
        const size_t larger = lossy_bytes("lossy=true\nlossy_levels=1024", &cases[i], "fine", &fine);

        CHECK(small < larger && small < lossless / 2);
        CHECK(coarse > fine);
        CHECK(coarse < span / 8 && fine < span / 64 + 4);
        stage_outcome_release(&plain);
    }
}

TEST(test_stage_codestream_pass__masks_and_indices_have_no_lossy_frame)
{
    static const struct stage_case cases[] = {
        {.columns = 20, .rows = 15, .frames = 2, .samples = 1, .bits = 1},
        {.columns = 20, .rows = 15, .frames = 2, .samples = 1, .bits = 8, .photometric = PHOTOMETRIC_PALETTE_COLOR},
        {.columns = 20, .rows = 15, .frames = 2, .samples = 1, .bits = 20},
        {.columns = 20, .rows = 15, .frames = 2, .samples = 3, .bits = 8, .photometric = PHOTOMETRIC_YBR_FULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stage_outcome outcome = run("lossy=true", &cases[i], "none");

        CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 2);
        CHECK_HAS(buffer_text(&outcome.notes), "no lossy frames");
        stage_outcome_release(&outcome);
    }
}
