/* links: base dicom job codec stages support */
#include "base/json.h"
#include "base/path.h"
#include "dicom/image.h"
#include "job/job.h"
#include "stages/stages.h"
#include "tests/support/data_set.h"
#include "tests/support/stage_harness.h"

#define EXPLICIT "1.2.840.10008.1.2.1"
#define HTJ2K "1.2.840.10008.1.2.4.202"
/* of the harness: the UIDs of the path */
#define UIDS_OF_PATH_STUDY "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]}"
#define UIDS_OF_PATH_SERIES "\"0020000E\":{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]}"
#define UIDS_OF_PATH_SOP "\"00080018\":{\"vr\":\"UI\",\"Value\":[\"1.2.3.4\"]}"

static struct error err;

static const struct coded_form grey_form = {.transfer_syntax = HTJ2K,
                                            .frames = 1,
                                            .rows = 4,
                                            .columns = 6,
                                            .photometric = PHOTOMETRIC_MONOCHROME2,
                                            .samples_per_pixel = 1,
                                            .bits_allocated = 16,
                                            .bits_stored = 12,
                                            .high_bit = 11};

static const char *folder_for(const char *name)
{
    static char path[PATH_SIZE];

    CHECK_OK(path_join(path, test_folder(), name, &err), err);
    return path;
}

/* Runs the stage over the data set, which is released. */
static struct stage_outcome run_set(struct set *set, const char *settings, struct stage_case what, const char *folder)
{
    struct stage_outcome outcome;
    struct object *object = NULL;

    CHECK_OK(set_open(set, &object, &err), err);
    what.object = object;
    stage_harness_run(&dicomweb_stage, settings, &what, folder_for(folder), &outcome);
    object_close(object);
    set_release(set);
    return outcome;
}

static struct stage_case picture(const struct coded_form *published)
{
    return (struct stage_case){.columns = 6, .rows = 4, .frames = 1, .samples = 1, .bits = 12, .published = published};
}

static struct stage_case no_picture(void)
{
    return (struct stage_case){.columns = 1, .rows = 1, .frames = 1, .samples = 1, .bits = 8, .no_image = true};
}

static const char *metadata_of(const struct stage_outcome *outcome)
{
    if (stage_outcome_product(outcome)->state != PRODUCT_DONE)
        TEST_FAIL("%s", outcome->err.text);
    return buffer_text(&outcome->metadata);
}

static void check_missing(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        TEST_FAIL("\"%s\" is in %s", part, text);
}

static struct set grey_set(void)
{
    struct set s = set_new(EXPLICIT);

    set_image(&s, 4, 6, 16, NULL);
    return s;
}

static void set_pixels(struct set *s)
{
    static const uint8_t pixels[48] = {0};

    set_raw(s, 0x7fe00010, "OW", pixels, sizeof pixels);
}

/* -- objects without a picture ----------------------------------------------------------------- */

TEST(test_stage_dicomweb__a_report_is_told_as_it_is)
{
    struct set s = set_new(EXPLICIT);

    set_text(&s, 0x00080018, "UI", "not a UID");
    set_text(&s, 0x00080060, "CS", "SR");
    set_text(&s, 0x00100010, "PN", "A^B");
    struct stage_outcome outcome = run_set(&s, NULL, no_picture(), "report");
    CHECK_EQ_STR(metadata_of(&outcome),
                 "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}," UIDS_OF_PATH_SOP
                 ",\"00080060\":{\"vr\":\"CS\",\"Value\":[\"SR\"]},\"00100010\":{\"vr\":\"PN\",\"Value\":["
                 "{\"Alphabetic\":\"A^B\"}]}," UIDS_OF_PATH_STUDY "," UIDS_OF_PATH_SERIES "}");
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 0);
    stage_outcome_release(&outcome);
}

static void check_document(const char *type, size_t size, const char *length, const char *address, size_t bytes,
                           const char *media_type)
{
    static const char document[] = "%PDF-1.4 so short that it would fit inside";
    struct set s = set_new(EXPLICIT);
    struct buffer file = {0};
    char expected[200];

    set_raw(&s, 0x00420011, "OB", document, size);
    set_text(&s, 0x00420012, "LO", type);
    if (length != NULL) {
        set_head(&s, 0x00420015, "UL", 4);
        set_u32(&s, (uint32_t)strtoul(length, NULL, 10));
    }
    struct stage_outcome outcome = run_set(&s, NULL, no_picture(), "document");
    (void)snprintf(expected, sizeof expected, "\"00420011\":{\"vr\":\"OB\",\"BulkDataURI\":\"%s\"}", address);
    CHECK_HAS(metadata_of(&outcome), expected);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 1);
    const struct artefact *const artefact = stage_outcome_find(&outcome, "00420011");
    stage_outcome_read(&outcome, artefact, NULL, &file);
    CHECK_EQ_UINT(file.size, bytes);
    CHECK_EQ_MEM(file.data, document, size < bytes ? size : bytes);
    CHECK_EQ_STR(artefact->media_type, media_type);
    CHECK_EQ_INT(artefact->place, PLACE_BULK);
    CHECK_EQ_STR(artefact->extension, strstr(address, ".pdf") != NULL ? "pdf" : "");
    stage_outcome_release(&outcome);
    buffer_release(&file);
    CHECK_OK(path_remove_tree(folder_for("document"), &err), err);
}

TEST(test_stage_dicomweb__a_pdf_is_a_file_with_its_own_length)
{
    check_document("application/pdf", 20, NULL, "instances/1.2.3.4/bulkdata/00420011.pdf", 20, "application/pdf");
    check_document("application/PDF", 19, "19", "instances/1.2.3.4/bulkdata/00420011.pdf", 19, "application/pdf");
    check_document("application/pdf", 19, NULL, "instances/1.2.3.4/bulkdata/00420011.pdf", 20, "application/pdf");
    check_document("application/pdf", 20, "3", "instances/1.2.3.4/bulkdata/00420011.pdf", 20, "application/pdf");
}

/* Nothing that a browser would run from the site's own address. */
TEST(test_stage_dicomweb__other_documents_are_plain_bytes)
{
    check_document("text/html", 20, NULL, "instances/1.2.3.4/bulkdata/00420011", 20, "application/octet-stream");
    check_document("application/pdfx", 20, NULL, "instances/1.2.3.4/bulkdata/00420011", 20,
                   "application/octet-stream");
}

/* -- bulk values ------------------------------------------------------------------------------- */

static void set_long(struct set *s, uint32_t tag, uint8_t value)
{
    uint8_t bytes[1026];

    memset(bytes, value, sizeof bytes);
    set_raw(s, tag, "OB", bytes, sizeof bytes);
}

static void open_level(struct set *s, uint32_t tag)
{
    set_open_sequence(s, tag);
    set_open_item(s);
}

static void close_level(struct set *s)
{
    set_close_item(s);
    set_close_sequence(s);
}

static void check_bulk(const struct stage_outcome *outcome, const char *name, uint8_t value)
{
    struct buffer file = {0};
    char address[200];

    (void)snprintf(address, sizeof address, "\"BulkDataURI\":\"instances/1.2.3.4/bulkdata/%s\"", name);
    CHECK_HAS(metadata_of(outcome), address);
    stage_outcome_read(outcome, stage_outcome_find(outcome, name), NULL, &file);
    CHECK_EQ_UINT(file.size, 1026);
    CHECK_EQ_UINT(file.data[0], value);
    CHECK_EQ_UINT(file.data[1025], value);
    buffer_release(&file);
}

TEST(test_stage_dicomweb__long_values_are_named_by_their_place)
{
    static const uint8_t exact[1024] = {0};
    struct set s = grey_set();

    set_long(&s, 0x00282000, 1);
    set_raw(&s, 0x00282002, "OB", exact, sizeof exact);
    open_level(&s, 0x00480105);
    set_long(&s, 0x0028200a, 2);
    open_level(&s, 0x00880200);
    open_level(&s, 0x00880200);
    open_level(&s, 0x00880200);
    set_long(&s, 0x7fe00010, 3);
    close_level(&s);
    open_level(&s, 0x0088ABCD);
    set_long(&s, 0x7fe00010, 4);
    close_level(&s);
    close_level(&s);
    close_level(&s);
    close_level(&s);
    struct stage_outcome outcome = run_set(&s, NULL, picture(NULL), "bulk");
    check_bulk(&outcome, "00282000", 1);
    check_bulk(&outcome, "00480105-1-0028200a", 2);
    CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 4);
    CHECK_HAS(metadata_of(&outcome), "\"00282002\":{\"vr\":\"OB\",\"InlineBinary\":\"AAAA");
    for (size_t i = 2; i < 4; i++) { /* 4 sequences deep: a hash, and the two differ */
        const struct artefact *const artefact = &stage_outcome_product(&outcome)->artefacts[i];
        CHECK_EQ_UINT(strlen(artefact->name), 41);
        CHECK_EQ_MEM(artefact->name, "7fe00010-", 9);
        check_bulk(&outcome, artefact->name, (uint8_t)(i + 1));
    }
    stage_outcome_release(&outcome);
}

/* What schema/layout.md promises to the joins: nothing but real addresses is changed by a replacement of text. */
TEST(test_stage_dicomweb__an_address_is_found_in_the_text)
{
    static const char key[] = ",\"BulkDataURI\":\"";
    struct set s = grey_set();

    set_text(&s, 0x00104000, "LT", ",\"BulkDataURI\":\"instances/ \\,\"BulkDataURI\":\"");
    set_long(&s, 0x00282000, 1);
    set_pixels(&s);
    struct stage_outcome outcome = run_set(&s, NULL, picture(&grey_form), "join");
    const char *const first = strstr(metadata_of(&outcome), key);
    CHECK(first != NULL);
    CHECK_HAS(first, ",\"BulkDataURI\":\"instances/1.2.3.4/bulkdata/00282000\"");
    const char *const second = strstr(first + 1, key);
    CHECK(second != NULL);
    CHECK_HAS(second, ",\"BulkDataURI\":\"instances/1.2.3.4/frames/1\"");
    CHECK(strstr(second + 1, key) == NULL);
    CHECK(strchr(metadata_of(&outcome), '\n') == NULL);
    stage_outcome_release(&outcome);
}

TEST(test_stage_dicomweb__private_attributes_are_an_option)
{
    for (int wanted = 0; wanted < 2; wanted++) {
        struct set s = grey_set();

        set_text(&s, 0x00290010, "LO", "MAKER");
        set_text(&s, 0x00291001, "LO", "secret");
        struct stage_outcome outcome =
            run_set(&s, wanted ? "private=true\n" : NULL, picture(NULL), wanted ? "private" : "public");
        if (wanted)
            CHECK_HAS(metadata_of(&outcome), "\"00291001\":{\"vr\":\"LO\",\"Value\":[\"secret\"]}");
        else
            check_missing(metadata_of(&outcome), "0029");
        stage_outcome_release(&outcome);
    }
}

/* -- the published frames ---------------------------------------------------------------------- */

TEST(test_stage_dicomweb__without_published_frames_the_source_speaks)
{
    struct set s = grey_set();

    set_pixels(&s);
    struct stage_outcome outcome = run_set(&s, NULL, picture(NULL), "none");
    CHECK_HAS(metadata_of(&outcome), "\"00280101\":{\"vr\":\"US\",\"Value\":[16]}");
    check_missing(metadata_of(&outcome), "00083002");
    check_missing(metadata_of(&outcome), "7FE00010");
    check_missing(metadata_of(&outcome), "00280008");
    stage_outcome_release(&outcome);
}

TEST(test_stage_dicomweb__grey_frames_are_described_as_published)
{
    struct set s = grey_set();

    set_us(&s, 0x00280006, 0); /* of no sense with one sample */
    set_pixels(&s);
    struct stage_outcome outcome = run_set(&s, NULL, picture(&grey_form), "grey");
    CHECK_EQ_STR(metadata_of(&outcome),
                 "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}"
                 ",\"00080016\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.5.1.4.1.1.2\"]}," UIDS_OF_PATH_SOP
                 ",\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},\"00083002\":{\"vr\":\"UI\",\"Value\":[\"" HTJ2K
                 "\"]}," UIDS_OF_PATH_STUDY "," UIDS_OF_PATH_SERIES
                 ",\"00280002\":{\"vr\":\"US\",\"Value\":[1]},\"00280004\":{\"vr\":\"CS\",\"Value\":[\"MONOCHROME2\"]}"
                 ",\"00280010\":{\"vr\":\"US\",\"Value\":[4]},\"00280011\":{\"vr\":\"US\",\"Value\":[6]}"
                 ",\"00280100\":{\"vr\":\"US\",\"Value\":[16]},\"00280101\":{\"vr\":\"US\",\"Value\":[12]}"
                 ",\"00280102\":{\"vr\":\"US\",\"Value\":[11]},\"00280103\":{\"vr\":\"US\",\"Value\":[0]}"
                 ",\"7FE00010\":{\"vr\":\"OB\",\"BulkDataURI\":\"instances/1.2.3.4/frames/1\"}}");
    stage_outcome_release(&outcome);
}

TEST(test_stage_dicomweb__colour_frames_tell_their_transform_and_loss)
{
    struct coded_form form = grey_form;
    struct set s = grey_set();

    form.photometric = PHOTOMETRIC_YBR_RCT;
    form.samples_per_pixel = 3;
    form.frames = 7;
    form.lossy = true;
    set_pixels(&s);
    struct stage_outcome outcome = run_set(&s, NULL, picture(&form), "colour");
    CHECK_HAS(metadata_of(&outcome),
              "\"00280002\":{\"vr\":\"US\",\"Value\":[3]},\"00280004\":{\"vr\":\"CS\",\"Value\":[\"YBR_RCT\"]},"
              "\"00280006\":{\"vr\":\"US\",\"Value\":[0]},\"00280008\":{\"vr\":\"IS\",\"Value\":[7]},");
    CHECK_HAS(metadata_of(&outcome), "\"00282110\":{\"vr\":\"CS\",\"Value\":[\"01\"]}");
    CHECK_HAS(metadata_of(&outcome), "\"BulkDataURI\":\"instances/1.2.3.4/frames\"");
    stage_outcome_release(&outcome);
}

TEST(test_stage_dicomweb__plain_frames_have_words)
{
    struct coded_form form = grey_form;

    memcpy(form.transfer_syntax, EXPLICIT, sizeof EXPLICIT);
    for (int wide = 0; wide < 2; wide++) {
        struct set s = grey_set();

        form.bits_allocated = wide ? 32 : 8;
        set_pixels(&s);
        struct stage_outcome outcome = run_set(&s, NULL, picture(&form), wide ? "wide" : "narrow");
        CHECK_HAS(metadata_of(&outcome), wide ? "\"7FE00010\":{\"vr\":\"OW\"" : "\"7FE00010\":{\"vr\":\"OB\"");
        stage_outcome_release(&outcome);
    }
}

TEST(test_stage_dicomweb__float_frames_have_no_bits_stored)
{
    struct coded_form form = {.transfer_syntax = "1.2.840.10008.1.2.1", .frames = 1, .rows = 2, .columns = 2,
                              .photometric = PHOTOMETRIC_MONOCHROME2, .samples_per_pixel = 1, .bits_allocated = 32};
    struct set s = set_new(EXPLICIT);
    const struct stage_case what = {.columns = 2, .rows = 2, .frames = 1, .samples = 1, .bits = 32, .is_float = true,
                                    .published = &form};
    static const float pixels[4] = {0};

    set_us(&s, 0x00280100, 32);
    set_raw(&s, 0x7fe00008, "OF", pixels, sizeof pixels);
    struct stage_outcome outcome = run_set(&s, NULL, what, "float");
    CHECK_HAS(metadata_of(&outcome), "\"00280100\":{\"vr\":\"US\",\"Value\":[32]},\"7FE00008\":{\"vr\":\"OF\","
                                     "\"BulkDataURI\":\"instances/1.2.3.4/frames/1\"}}");
    stage_outcome_release(&outcome);
}

/* The harness's image is unsigned, as the data set is. */
TEST(test_stage_dicomweb__padding_has_the_sign_of_the_published_frames)
{
    struct coded_form form = grey_form;
    struct set s = grey_set();
    static const uint16_t padding = 0xf830;

    form.is_signed = true;
    set_us_list(&s, 0x00280120, "US", &padding, 1);
    set_pixels(&s);
    struct stage_outcome outcome = run_set(&s, NULL, picture(&form), "sign");
    CHECK_HAS(metadata_of(&outcome), "\"00280103\":{\"vr\":\"US\",\"Value\":[1]},\"00280120\":{\"vr\":\"SS\",\"Value\":"
                                     "[-2000]}");
    stage_outcome_release(&outcome);
}

TEST(test_stage_dicomweb__number_of_frames_is_the_published_one)
{
    struct set s = set_new(EXPLICIT);

    set_image(&s, 4, 6, 16, "5");
    set_pixels(&s);
    struct stage_outcome outcome = run_set(&s, NULL, picture(&grey_form), "frames");
    CHECK_HAS(metadata_of(&outcome), "\"00280008\":{\"vr\":\"IS\",\"Value\":[1]}");
    stage_outcome_release(&outcome);
}

/* -- limits ------------------------------------------------------------------------------------ */

TEST(test_stage_dicomweb__too_much_metadata_fails_with_the_limit)
{
    const size_t size = (size_t)JOB_METADATA_MOST / 2 + 100;
    struct set s = set_new(EXPLICIT);
    char *const text = malloc(size + 1);

    CHECK(text != NULL);
    memset(text, '"', size); /* two bytes each when written */
    text[size] = '\0';
    set_text(&s, 0x0040a160, "UT", text);
    free(text);
    struct stage_outcome outcome = run_set(&s, NULL, no_picture(), "large");
    CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_FAILED);
    CHECK_EQ_INT(outcome.err.kind, ERROR_LIMIT);
    CHECK_HAS(outcome.err.text, "41943040");
    CHECK_EQ_UINT(outcome.metadata.size, 0);
    stage_outcome_release(&outcome);
}
