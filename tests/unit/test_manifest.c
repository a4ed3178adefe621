/* links: base dicom job */
#include "job/manifest.h"

#include "base/memory.h"
#include "job/notes.h"
#include "tests/support/test.h"

static struct error err;

static struct artefact *add(struct product *product, enum place place, const char *name,
                            uint32_t frame, uint32_t staged)
{
    struct artefact *const artefact = product_add(product, &err);

    CHECK(artefact != NULL);
    artefact->place = place;
    (void)snprintf(artefact->name, sizeof artefact->name, "%s", name);
    (void)snprintf(artefact->extension, sizeof artefact->extension, "%s",
                   place == PLACE_RENDITION ? "webp" : "");
    (void)snprintf(artefact->media_type, sizeof artefact->media_type, "image/webp");
    artefact->frame = frame;
    artefact->columns = 512;
    artefact->rows = 511;
    artefact->bytes = 1000 + staged;
    artefact->digest.bytes[0] = (uint8_t)staged;
    artefact->staged = staged;
    return artefact;
}

static void fill(struct manifest *manifest)
{
    struct product *product = manifest_add(manifest, "codestream", 3, &err);
    struct artefact *artefact;

    CHECK(product != NULL);
    product->window_digest.bytes[31] = 7;
    artefact = add(product, PLACE_FRAME, "frame-1", 1, 4);
    CHECK_OK(artefact_add_range(artefact, (struct byte_range){0, 32, 32, 500}, &err), err);
    CHECK_OK(artefact_add_range(artefact, (struct byte_range){1, 512, 511, 1004}, &err), err);
    (void)add(product, PLACE_FRAME, "frame-2", 2, 5);
    product = manifest_add(manifest, "webp", 1, &err);
    (void)add(product, PLACE_RENDITION, "webp-512-1", 1, 0);
    (void)add(product, PLACE_RENDITION, "webp-cine", 0, 1);
    add(product, PLACE_TREE, "tiles-1", 1, 2)->files = 40;
    (void)add(product, PLACE_THUMBNAIL, "thumbnail-256", 1, 3);
    product = manifest_add(manifest, "tiles", 1, &err);
    product->state = PRODUCT_SKIPPED;
    (void)snprintf(product->reason, sizeof product->reason, "zu klein \xc3\xbc");
    product = manifest_add(manifest, "thumbnail", 1, &err);
    product->state = PRODUCT_DEFERRED;
    product->notes = memory_string("one\nzwei \xc3\xbc\n", &err);
    CHECK(product->notes != NULL);
}

static struct buffer written(const struct manifest *manifest)
{
    struct buffer out = {0};

    CHECK_OK(manifest_write(manifest, &out, &err), err);
    return out;
}

/* Releases manifest; checks that what it says is refused. */
static void check_refused(struct manifest *manifest, const char *part)
{
    struct buffer out = written(manifest);
    struct reader reader = reader_over(out.data, out.size);
    struct manifest parsed = {0};

    err.kind = ERROR_NONE;
    CHECK(!manifest_parse(&reader, &parsed, &err));
    CHECK_EQ_INT(err.kind, ERROR_PROTOCOL);
    CHECK_HAS(err.text, part);
    CHECK_EQ_UINT(parsed.product_count, 0);
    buffer_release(&out);
    manifest_release(manifest);
}

TEST(test_manifest__round_trip_keeps_everything)
{
    struct manifest manifest = {0}, parsed = {0};

    fill(&manifest);
    struct buffer out = written(&manifest);
    struct reader reader = reader_over(out.data, out.size);
    CHECK_OK(manifest_parse(&reader, &parsed, &err), err);
    CHECK(reader_done(&reader));
    CHECK_EQ_UINT(parsed.product_count, 4);
    CHECK_EQ_STR(parsed.products[0].stage, "codestream");
    CHECK_EQ_UINT(parsed.products[0].stage_version, 3);
    CHECK_EQ_UINT(parsed.products[0].window_digest.bytes[31], 7);
    CHECK_EQ_UINT(parsed.products[0].artefacts[0].ranges[1].end_offset, 1004);
    CHECK_EQ_STR(parsed.products[0].artefacts[1].media_type, "image/webp");
    CHECK_EQ_STR(parsed.products[1].artefacts[1].extension, "webp");
    CHECK_EQ_STR(parsed.products[1].artefacts[2].extension, "");
    CHECK_EQ_UINT(parsed.products[1].artefacts[2].files, 40);
    CHECK_EQ_STR(parsed.products[2].reason, "zu klein \xc3\xbc");
    CHECK_EQ_INT(parsed.products[3].state, PRODUCT_DEFERRED);
    CHECK(parsed.products[2].notes == NULL);
    CHECK_EQ_STR(parsed.products[3].notes, "one\nzwei \xc3\xbc\n");
    struct buffer again = written(&parsed);
    CHECK_EQ_UINT(again.size, out.size);
    CHECK_EQ_MEM(again.data, out.data, out.size);
    buffer_release(&again);
    buffer_release(&out);
    manifest_release(&manifest);
    manifest_release(&parsed);
}

TEST(test_manifest__empty_one_is_fine)
{
    struct manifest manifest = {0}, parsed = {0};
    struct buffer out = written(&manifest);
    struct reader reader = reader_over(out.data, out.size);

    CHECK_OK(manifest_parse(&reader, &parsed, &err), err);
    CHECK_EQ_UINT(parsed.product_count, 0);
    buffer_release(&out);
}

TEST(test_manifest__truncation_at_every_length_is_refused)
{
    struct manifest manifest = {0}, parsed = {0};

    fill(&manifest);
    struct buffer out = written(&manifest);
    for (size_t size = 0; size < out.size; size++) {
        /* an own block of exactly that size: a sanitizer sees the first byte beyond */
        uint8_t *const copy = malloc(size > 0 ? size : 1);

        CHECK(copy != NULL);
        memcpy(copy, out.data, size);
        struct reader reader = reader_over(copy, size);
        CHECK(!manifest_parse(&reader, &parsed, &err));
        CHECK_EQ_INT(err.kind, ERROR_PROTOCOL);
        free(copy);
    }
    buffer_release(&out);
    manifest_release(&manifest);
}

TEST(test_manifest__any_flipped_byte_is_parsed_or_refused_without_harm)
{
    static const uint8_t flips[] = {0x01, 0x80, 0xFF, 0x7F};
    struct manifest manifest = {0};

    fill(&manifest);
    struct buffer out = written(&manifest);
    for (size_t i = 0; i < out.size; i++)
        for (size_t f = 0; f < sizeof flips; f++) {
            struct manifest parsed = {0};
            struct reader reader = reader_over(out.data, out.size);

            out.data[i] ^= flips[f];
            if (manifest_parse(&reader, &parsed, &err))
                manifest_release(&parsed);
            else
                CHECK_EQ_INT(err.kind, ERROR_PROTOCOL);
            out.data[i] ^= flips[f];
        }
    buffer_release(&out);
    manifest_release(&manifest);
}

/* A manifest of one product with one good artefact, to be spoilt. */
static struct artefact *one(struct manifest *manifest, enum place place)
{
    struct product *const product = manifest_add(manifest, "webp", 1, &err);

    CHECK(product != NULL);
    return add(product, place, "name-1", 1, 0);
}

TEST(test_manifest__bad_words_are_refused)
{
    struct manifest manifest = {0};

    (void)snprintf(one(&manifest, PLACE_RENDITION)->name, 48, "../x");
    check_refused(&manifest, "name");
    (void)snprintf(one(&manifest, PLACE_RENDITION)->extension, 8, "a/b");
    check_refused(&manifest, "extension");
    one(&manifest, PLACE_RENDITION)->extension[0] = '\0';
    check_refused(&manifest, "extension");
    (void)snprintf(one(&manifest, PLACE_FRAME)->extension, 8, "webp");
    check_refused(&manifest, "extension");
    (void)snprintf(one(&manifest, PLACE_RENDITION)->media_type, 96, "webp");
    check_refused(&manifest, "media type");
    (void)snprintf(one(&manifest, PLACE_RENDITION)->media_type, 96, "image/\r\nx: y");
    check_refused(&manifest, "media type");
    (void)one(&manifest, PLACE_RENDITION);
    (void)snprintf(manifest.products[0].stage, 32, "We bp");
    check_refused(&manifest, "stage");
}

TEST(test_manifest__wild_numbers_are_refused)
{
    struct manifest manifest = {0};

    one(&manifest, PLACE_FRAME)->frame = 0;
    check_refused(&manifest, "frame");
    one(&manifest, PLACE_FRAME)->frame = 1000001;
    check_refused(&manifest, "frame");
    one(&manifest, PLACE_FRAME)->files = 2;
    check_refused(&manifest, "files");
    one(&manifest, PLACE_TREE)->files = 0;
    check_refused(&manifest, "files");
    one(&manifest, PLACE_RENDITION)->bytes = UINT64_C(1) << 63;
    check_refused(&manifest, "number");
    one(&manifest, PLACE_RENDITION)->columns = UINT32_MAX;
    check_refused(&manifest, "number");
    one(&manifest, PLACE_RENDITION)->place = PLACE_COUNT;
    check_refused(&manifest, "artefact");
    (void)one(&manifest, PLACE_RENDITION);
    manifest.products[0].state = (enum product_state)(PRODUCT_PARTIAL + 1);
    check_refused(&manifest, "product");
}

TEST(test_manifest__states_and_reasons_must_agree)
{
    struct manifest manifest = {0};

    (void)one(&manifest, PLACE_RENDITION);
    manifest.products[0].state = PRODUCT_DEFERRED;
    check_refused(&manifest, "not done");
    (void)one(&manifest, PLACE_RENDITION);
    manifest.products[0].state = PRODUCT_PARTIAL;
    check_refused(&manifest, "reason");
    manifest_add(&manifest, "webp", 1, &err)->state = PRODUCT_FAILED;
    check_refused(&manifest, "reason");
    (void)snprintf(manifest_add(&manifest, "webp", 1, &err)->reason, 240, "why");
    check_refused(&manifest, "reason");
    struct product *product = manifest_add(&manifest, "webp", 1, &err);
    product->state = PRODUCT_FAILED;
    (void)snprintf(product->reason, 240, "a\nb");
    check_refused(&manifest, "line");
    product = manifest_add(&manifest, "webp", 1, &err);
    product->state = PRODUCT_FAILED;
    (void)snprintf(product->reason, 240, "a\xc3");
    check_refused(&manifest, "UTF-8");
    product = manifest_add(&manifest, "webp", 1, &err);
    product->state = PRODUCT_FAILED;
    (void)snprintf(product->reason, 240, "a\xed\xa0\x80");
    check_refused(&manifest, "UTF-8");
}

TEST(test_manifest__notes_are_lines_of_utf8_and_bounded)
{
    static const char *const bad[] = {"a\x01\n", "a\xc3", "a\x7f"};
    struct manifest manifest = {0};
    char *const much = memory_zeroed(NOTES_MOST + 2, &err);

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        manifest_add(&manifest, "webp", 1, &err)->notes = memory_string(bad[i], &err);
        check_refused(&manifest, "notes");
    }
    CHECK(much != NULL);
    memset(much, 'a', NOTES_MOST + 1);
    manifest_add(&manifest, "webp", 1, &err)->notes = much;
    check_refused(&manifest, "cut short");
}

TEST(test_manifest__byte_ranges_must_climb_inside_the_file)
{
    static const struct byte_range bad[][2] = {
        {{0, 1, 1, 10}, {2, 1, 1, 20}},   /* resolutions in order */
        {{0, 1, 1, 10}, {1, 1, 1, 10}},   /* ends climb */
        {{0, 1, 1, 10}, {1, 1, 1, 2000}}, /* inside the file */
        {{0, 0, 1, 10}, {1, 1, 1, 20}},   /* no empty image */
        {{0, 1, 1, 10}, {1, 1, 512, 20}}, /* not above the artefact's */
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct manifest manifest = {0};
        struct artefact *const artefact = one(&manifest, PLACE_FRAME);

        CHECK_OK(artefact_add_range(artefact, bad[i][0], &err), err);
        CHECK_OK(artefact_add_range(artefact, bad[i][1], &err), err);
        check_refused(&manifest, "byte range");
    }
}

TEST(test_manifest__nothing_may_be_there_twice)
{
    static const struct {
        enum place place[2];
        const char *name[2];
        uint32_t frame[2], staged[2];
    } bad[] = {
        {{PLACE_FRAME, PLACE_J2K}, {"a", "b"}, {1, 1}, {3, 3}},           /* staged file */
        {{PLACE_FRAME, PLACE_FRAME}, {"a", "b"}, {1, 1}, {3, 4}},         /* address */
        {{PLACE_THUMBNAIL, PLACE_THUMBNAIL}, {"a", "b"}, {1, 2}, {3, 4}}, /* address */
        {{PLACE_RENDITION, PLACE_TREE}, {"a", "a"}, {1, 2}, {3, 4}},      /* name */
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct manifest manifest = {0};
        struct product *const product = manifest_add(&manifest, "webp", 1, &err);

        for (size_t k = 0; k < 2; k++)
            (void)add(product, bad[i].place[k], bad[i].name[k], bad[i].frame[k], bad[i].staged[k]);
        check_refused(&manifest, "two artefacts");
    }
    struct manifest manifest = {0};
    (void)add(manifest_add(&manifest, "a", 1, &err), PLACE_THUMBNAIL, "a", 1, 0);
    (void)add(manifest_add(&manifest, "b", 1, &err), PLACE_THUMBNAIL, "a", 1, 1);
    check_refused(&manifest, "two artefacts");
}

TEST(test_manifest__compressed_file_stands_beside_the_rendition_before_it)
{
    static const enum place bad[][3] = {
        {PLACE_GZIP, PLACE_RENDITION, PLACE_RENDITION},
        {PLACE_FRAME, PLACE_GZIP, PLACE_RENDITION},
        {PLACE_RENDITION, PLACE_GZIP, PLACE_GZIP},
    };
    static const char *const names[] = {"a", "b", "c"};
    const struct subject subject = {.study = "1.2", .series = "3.4", .sop = "5.6"};
    char path[PATH_SIZE], beside[PATH_SIZE];
    struct manifest manifest = {0};
    struct product *product = manifest_add(&manifest, "originals", 1, &err);

    add(product, PLACE_RENDITION, "a", 1, 0)->digest.bytes[0] = 0xab;
    (void)snprintf(add(product, PLACE_GZIP, "a-gzip", 1, 1)->extension, 8, "webp");
    CHECK_OK(artefact_path(&subject, product, 0, path, &err), err);
    CHECK_OK(artefact_path(&subject, product, 1, beside, &err), err);
    CHECK_EQ_STR(path, "studies/1.2/3.4/5.6/a.ab00000000000000.webp");
    CHECK_EQ_STR(beside, "studies/1.2/3.4/5.6/a.ab00000000000000.webp.gz");
    struct buffer out = written(&manifest);
    struct reader reader = reader_over(out.data, out.size);
    struct manifest parsed = {0};
    CHECK_OK(manifest_parse(&reader, &parsed, &err), err);
    manifest_release(&parsed);
    buffer_release(&out);
    manifest_release(&manifest);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        product = manifest_add(&manifest, "originals", 1, &err);
        for (uint32_t k = 0; k < 3; k++) {
            struct artefact *const artefact = add(product, bad[i][k], names[k], 1, k);
            if (bad[i][k] == PLACE_GZIP)
                (void)snprintf(artefact->extension, 8, "webp");
        }
        check_refused(&manifest, "beside");
    }
}

TEST(test_manifest__counts_are_checked_before_memory_is_taken)
{
    struct manifest manifest = {0}, parsed = {0};

    (void)manifest_add(&manifest, "webp", 1, &err);
    struct buffer out = written(&manifest);
    memset(out.data + out.size - 4, 0xFF, 4); /* number of artefacts */
    struct reader reader = reader_over(out.data, out.size);
    CHECK(!manifest_parse(&reader, &parsed, &err));
    CHECK_EQ_INT(err.kind, ERROR_PROTOCOL);
    memset(out.data, 0xFF, 4); /* number of products */
    reader = reader_over(out.data, out.size);
    CHECK(!manifest_parse(&reader, &parsed, &err));
    CHECK_EQ_INT(err.kind, ERROR_PROTOCOL);
    buffer_release(&out);
    manifest_release(&manifest);
}
