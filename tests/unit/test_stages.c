/* links: base dicom job codec stages support */
/* What every stage must do, whatever it makes: new stages are under these tests as soon as they are
 * listed. */
#include "stages/stages.h"

#include "base/path.h"
#include "tests/support/stage_harness.h"
#include "tests/support/test.h"

static struct error err;

static const struct stage_case cases[] = {
    {.columns = 1, .rows = 1, .frames = 1, .samples = 1, .bits = 8},
    {.columns = 1, .rows = 7, .frames = 1, .samples = 1, .bits = 12},
    {.columns = 7, .rows = 1, .frames = 2, .samples = 1, .bits = 16, .is_signed = true},
    {.columns = 513,
     .rows = 511,
     .frames = 1,
     .samples = 1,
     .bits = 12,
     .row_mm = 0.5,
     .column_mm = 0.7},
    {.columns = 513, .rows = 511, .frames = 1, .samples = 1, .bits = 12, .is_blank = true},
    {.columns = 3, .rows = 4097, .frames = 1, .samples = 1, .bits = 16},
    {.columns = 2100, .rows = 5, .frames = 1, .samples = 1, .bits = 16, .is_signed = true},
    {.columns = 100, .rows = 70, .frames = 1, .samples = 1, .bits = 1},
    {.columns = 100,
     .rows = 70,
     .frames = 1,
     .samples = 1,
     .bits = 8,
     .photometric = PHOTOMETRIC_PALETTE_COLOR},
    {.columns = 101,
     .rows = 71,
     .frames = 3,
     .samples = 3,
     .bits = 8,
     .modality = "US",
     .fps_x1000 = 25000},
    {.columns = 101, .rows = 71, .frames = 1, .samples = 3, .bits = 16},
    {.columns = 60,
     .rows = 61,
     .frames = 1,
     .samples = 3,
     .bits = 8,
     .photometric = PHOTOMETRIC_YBR_FULL},
    {.columns = 60, .rows = 61, .frames = 1, .samples = 1, .bits = 24},
    {.columns = 60, .rows = 61, .frames = 1, .samples = 1, .bits = 32},
    {.columns = 60, .rows = 61, .frames = 1, .samples = 1, .bits = 32, .is_float = true},
    {.columns = 64, .rows = 64, .frames = 4, .samples = 3, .bits = 8, .is_tiled = true},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static const char *folder_for(const char *name)
{
    static char path[PATH_SIZE];

    CHECK_OK(path_join(path, test_folder(), name, &err), err);
    return path;
}

static struct buffer manifest_bytes(const struct stage_outcome *outcome)
{
    struct buffer out = {0};

    CHECK_OK(manifest_write(&outcome->manifest, &out, &err), err);
    return out;
}

/* Files are as long as told, and hash to what is told. */
static void check_files(const struct stage_outcome *outcome)
{
    const struct product *const product = stage_outcome_product(outcome);
    struct buffer file = {0};

    for (size_t i = 0; i < product->artefact_count; i++) {
        const struct artefact *const artefact = &product->artefacts[i];
        const bool is_tree = artefact->place == PLACE_TREE;
        struct digest digest;

        stage_outcome_read(outcome, artefact, is_tree ? "manifest.tsv" : NULL, &file);
        CHECK_OK(digest_of(file.data, file.size, &digest, &err), err);
        CHECK(digest_equal(&digest, &artefact->digest));
        if (!is_tree)
            CHECK_EQ_UINT(file.size, artefact->bytes);
    }
    buffer_release(&file);
}

/* What the coordinator will say about it. */
static void check_manifest(const struct buffer *bytes)
{
    struct reader reader = reader_over(bytes->data, bytes->size);
    struct manifest parsed = {0};

    CHECK_OK(manifest_parse(&reader, &parsed, &err), err);
    manifest_release(&parsed);
}

static void check_case(const struct stage *stage, size_t number)
{
    struct stage_outcome one, two;
    char folder[2][64];

    for (size_t i = 0; i < 2; i++)
        (void)snprintf(folder[i], sizeof folder[i], "%s-%zu-%zu", stage->name, number, i);
    stage_harness_run(stage, NULL, &cases[number], folder_for(folder[0]), &one);
    stage_harness_run(stage, NULL, &cases[number], folder_for(folder[1]), &two);
    if (stage_outcome_product(&one)->state == PRODUCT_FAILED)
        TEST_FAIL("%s, case %zu: %s", stage->name, number, one.err.text);
    struct buffer first = manifest_bytes(&one), second = manifest_bytes(&two);
    CHECK_EQ_UINT(first.size, second.size);
    CHECK_EQ_MEM(first.data, second.data, first.size);
    check_manifest(&first);
    check_files(&one);
    buffer_release(&first);
    buffer_release(&second);
    stage_outcome_release(&one);
    stage_outcome_release(&two);
}

TEST(test_stages__same_input_gives_same_bytes_at_odd_sizes_and_depths)
{
    for (size_t i = 0; stages[i] != NULL; i++)
        for (size_t number = 0; number < CASES; number++)
            check_case(stages[i], number);
}

TEST(test_stages__tables_are_complete)
{
    for (size_t i = 0; stages[i] != NULL; i++) {
        const struct stage *const stage = stages[i];
        void *const options = calloc(1, stage->options_size);
        struct buffer text = {0};

        CHECK(options != NULL);
        CHECK(layout_word_is_valid(stage->name));
        CHECK(stage->summary[0] != '\0');
        CHECK(stage->version >= 1);
        CHECK(stage->needs != 0);
        CHECK(stage->frame != NULL || stage->slice != NULL || stage->slide != NULL ||
              stage->finish != NULL); /* else it could make nothing */
        CHECK(stage->frame != NULL || stage->slice != NULL || (stage->needs & (NEEDS_FRAME | NEEDS_PICTURE)) == 0);
        CHECK((stage->scope == SCOPE_SERIES) == (stage->slice != NULL || stage->slide != NULL));
        CHECK_OK(option_defaults(stage->options, options, &err), err);
        CHECK_OK(option_canonical(stage->options, options, &text, &err), err);
        for (const struct option *option = stage->options; option->name != NULL; option++) {
            CHECK(option->help != NULL && option->help[0] != '\0');
            CHECK_OK(option_check(stage->options, option->name, option->default_value, &err), err);
            CHECK_HAS(buffer_text(&text), option->name);
        }
        CHECK(!option_check(stage->options, "no-such-option", "1", &err));
        for (size_t k = 0; k < i; k++)
            CHECK(strcmp(stages[k]->name, stage->name) != 0);
        buffer_release(&text);
        free(options);
    }
}

/* release() after nothing but zeroed state must be harmless: begin may fail at its first line. */
TEST(test_stages__release_of_zeroed_state_is_harmless)
{
    for (size_t i = 0; stages[i] != NULL; i++) {
        void *const state = calloc(1, stages[i]->state_size);
        struct stage_run run = {.stage = stages[i], .state = state};

        CHECK(state != NULL);
        if (stages[i]->release != NULL)
            stages[i]->release(&run);
        free(state);
    }
}

TEST(test_stages__unwritable_staging_fails_and_leaves_nothing)
{
    const struct stage_case object = {
        .columns = 2100, .rows = 20, .frames = 2, .samples = 1, .bits = 12, .modality = "US"};

    CHECK_OK(path_write_file(folder_for("file"), "", 0, &err), err);
    for (size_t i = 0; stages[i] != NULL; i++) {
        struct stage_outcome outcome;

        if (stages[i]->scope == SCOPE_SERIES)
            continue; /* test_stage_volume.c */
        stage_harness_run(stages[i], NULL, &object, folder_for("file/job"), &outcome);
        CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_FAILED);
        CHECK_EQ_INT(outcome.err.kind, ERROR_IO);
        CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 0);
        stage_outcome_release(&outcome);
    }
}

/* A file of the same name in the way: the second write fails, the first file goes too. */
TEST(test_stages__failure_half_way_removes_what_was_made)
{
    const struct stage_case object = {.columns = 2100,
                                      .rows = 1100,
                                      .frames = 3,
                                      .samples = 1,
                                      .bits = 12,
                                      .modality = "US",
                                      .fps_x1000 = 1000};

    for (size_t i = 0; stages[i] != NULL; i++) {
        struct stage_outcome outcome;
        char name[64], first[96];

        (void)snprintf(name, sizeof name, "half-%s", stages[i]->name);
        (void)snprintf(first, sizeof first, "%s/1", name);
        CHECK_OK(path_make_folder(folder_for(name), 0755, &err), err);
        CHECK_OK(path_write_file(folder_for(first), "", 0, &err), err);
        stage_harness_run(stages[i], NULL, &object, folder_for(name), &outcome);
        if (stage_outcome_product(&outcome)->state == PRODUCT_FAILED) {
            char zero[96];

            (void)snprintf(zero, sizeof zero, "%s/0", name);
            CHECK(access(folder_for(zero), F_OK) != 0);
            CHECK_EQ_UINT(stage_outcome_product(&outcome)->artefact_count, 0);
        }
        stage_outcome_release(&outcome);
    }
}

TEST(test_stages__skipping_has_a_reason)
{
    const struct stage_case tiled = {
        .columns = 4000, .rows = 64, .frames = 4, .samples = 3, .bits = 8, .is_tiled = true};
    static const struct stage *const refusing[] = {&webp_stage, &tiles_stage};

    for (size_t i = 0; i < 2; i++) {
        struct stage_outcome outcome;

        stage_harness_run(refusing[i], NULL, &tiled, folder_for("skip"), &outcome);
        CHECK_EQ_INT(stage_outcome_product(&outcome)->state, PRODUCT_SKIPPED);
        CHECK_HAS(stage_outcome_product(&outcome)->reason, "tiles");
        stage_outcome_release(&outcome);
    }
}
