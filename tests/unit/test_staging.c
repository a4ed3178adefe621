/* links: base dicom job */
#include "job/staging.h"

#include <sys/resource.h>
#include <zlib.h>

#include "base/path.h"
#include "job/staging_stream.h"
#include "job/staging_tree.h"
#include "tests/support/test.h"

static struct error err;
static struct manifest manifest;
static struct staging *staging;
static char folder[PATH_SIZE];

static const struct artefact_spec rendition = {.place = PLACE_RENDITION,
                                               .name = "a",
                                               .extension = "webp",
                                               .media_type = "image/webp",
                                               .frame = 1,
                                               .columns = 3,
                                               .rows = 2};
static const struct artefact_spec tree = {
    .place = PLACE_TREE, .name = "tiles-1", .media_type = "application/xml", .frame = 1};

static void begin(void)
{
    CHECK_OK(path_join(folder, test_folder(), "job/1", &err), err);
    CHECK_OK(staging_open(folder, &manifest, &staging, &err), err);
    CHECK_OK(staging_begin(staging, "webp", 1, &err), err);
}

static void end(void)
{
    staging_close(staging);
    manifest_release(&manifest);
}

static const char *staged_path(const char *name)
{
    static char path[PATH_SIZE];

    CHECK_OK(path_join(path, folder, name, &err), err);
    return path;
}

static bool is_there(const char *name)
{
    return access(staged_path(name), F_OK) == 0;
}

static void check_content(const char *name, const char *expected)
{
    struct buffer found = {0};

    CHECK_OK(path_read_file(staged_path(name), 100000, &found, &err), err);
    CHECK_EQ_STR(buffer_text(&found), expected);
    buffer_release(&found);
}

static void put(const struct artefact_spec *spec, const char *text)
{
    const struct part part = {text, strlen(text)};

    CHECK_OK(staging_put(staging, spec, &part, 1, &err), err);
}

static void tree_put(const char *path, const char *text)
{
    const struct part part = {text, strlen(text)};

    CHECK_OK(staging_tree_put(staging, path, &part, 1, &err), err);
}

TEST(test_staging__parts_become_one_file_with_its_digest)
{
    const struct part parts[] = {{"head ", 5}, {NULL, 0}, {"body", 4}, {" tail", 5}};
    const struct byte_range ranges[] = {{0, 1, 1, 6}, {1, 3, 2, 14}};
    struct artefact_spec spec = rendition;
    struct digest expected;

    spec.ranges = ranges;
    spec.range_count = 2;
    begin();
    CHECK(!is_there("."));
    CHECK_OK(staging_put(staging, &spec, parts, 4, &err), err);
    CHECK_OK(staging_end(staging, PRODUCT_DONE, NULL, &err), err);
    check_content("0", "head body tail");
    const struct artefact *const artefact = &manifest.products[0].artefacts[0];
    CHECK_EQ_UINT(artefact->staged, 0);
    CHECK_EQ_UINT(artefact->bytes, 14);
    CHECK_EQ_UINT(artefact->files, 1);
    CHECK_EQ_UINT(artefact->range_count, 2);
    CHECK_EQ_UINT(artefact->ranges[1].end_offset, 14);
    CHECK_OK(digest_of("head body tail", 14, &expected, &err), err);
    CHECK(digest_equal(&artefact->digest, &expected));
    struct stat status;
    CHECK_EQ_INT(stat(staged_path("0"), &status), 0);
    CHECK_EQ_UINT(status.st_mode & 07133, 0);
    end();
}

TEST(test_staging__many_parts_are_all_written)
{
    static char text[101];
    struct part parts[100];

    for (size_t i = 0; i < 100; i++) {
        text[i] = (char)('a' + i % 26);
        parts[i] = (struct part){text + i, 1};
    }
    begin();
    CHECK_OK(staging_put(staging, &rendition, parts, 100, &err), err);
    check_content("0", text);
    CHECK_OK(staging_put(staging, &rendition, parts, 0, &err), err);
    check_content("1", "");
    end();
}

TEST(test_staging__failed_product_leaves_no_file)
{
    begin();
    put(&rendition, "one");
    CHECK_OK(staging_tree(staging, &tree, &err), err);
    tree_put("x/y", "deep");
    CHECK(is_there("1/x/y"));
    CHECK_OK(staging_end(staging, PRODUCT_FAILED, "frame 3: \nno", &err), err);
    CHECK(!is_there("0"));
    CHECK(!is_there("1"));
    CHECK_EQ_UINT(manifest.products[0].artefact_count, 0);
    CHECK_EQ_STR(manifest.products[0].reason, "frame 3:  no");
    CHECK_OK(staging_begin(staging, "tiles", 1, &err), err);
    put(&rendition, "two");
    check_content("2", "two");
    CHECK_OK(staging_end(staging, PRODUCT_DONE, NULL, &err), err);
    end();
}

TEST(test_staging__tree_that_cannot_end_can_be_dropped)
{
    begin();
    CHECK_OK(staging_tree(staging, &tree, &err), err);
    tree_put("x", "one");
    tree_put("manifest.tsv/in", "the way");
    CHECK(!staging_tree_end(staging, &err));
    staging_tree_drop(staging);
    CHECK(!is_there("0"));
    CHECK_OK(staging_end(staging, PRODUCT_DONE, NULL, &err), err);
    CHECK_EQ_UINT(manifest.products[0].artefact_count, 0);
    end();
}

TEST(test_staging__what_a_partial_product_has_is_whole)
{
    begin();
    put(&rendition, "one");
    CHECK_OK(staging_tree(staging, &tree, &err), err);
    tree_put("x/y", "deep");
    staging_tree_drop(staging);
    staging_tree_drop(staging); /* fine without one */
    CHECK(!is_there("1"));
    CHECK_OK(staging_tree(staging, &tree, &err), err); /* another may follow */
    tree_put("x", "again");
    CHECK_OK(staging_tree_end(staging, &err), err);
    CHECK_OK(staging_end(staging, PRODUCT_PARTIAL, "volume 2: no", &err), err);
    CHECK_EQ_UINT(manifest.products[0].artefact_count, 2);
    CHECK_EQ_UINT(manifest.products[0].artefacts[1].staged, 2);
    CHECK_EQ_STR(manifest.products[0].reason, "volume 2: no");
    CHECK(is_there("0"));
    CHECK(is_there("2/x"));
    end();
}

/* -- streams ----------------------------------------------------------------------------------- */

static void stream_put(const char *text)
{
    const struct part part = {text, strlen(text)};

    CHECK_OK(staging_stream_put(staging, &part, 1, &err), err);
}

TEST(test_staging__stream_that_cannot_end_can_be_dropped)
{
    begin();
    CHECK_OK(staging_stream(staging, &err), err);
    stream_put("one");
    CHECK_OK(path_write_file(staged_path("1"), "x", 1, &err), err); /* where the compressed one wants to be */
    CHECK(!staging_stream_end(staging, &rendition, true, &err));
    staging_stream_drop(staging);
    CHECK(!is_there("0"));
    CHECK_OK(staging_end(staging, PRODUCT_DONE, NULL, &err), err);
    CHECK_EQ_UINT(manifest.products[0].artefact_count, 0);
    end();
}

TEST(test_staging__stream_becomes_one_file_with_the_digest_of_what_it_holds_at_last)
{
    struct digest expected;

    begin();
    CHECK_OK(staging_stream(staging, &err), err);
    stream_put("head ....");
    put(&rendition, "another file meanwhile");
    stream_put(" tail");
    CHECK_EQ_UINT(staging_stream_size(staging), 14);
    CHECK_OK(staging_stream_patch(staging, 5, "body", 4, &err), err);
    CHECK(!staging_stream_patch(staging, 11, "beyond", 6, &err));
    CHECK_EQ_INT(err.kind, ERROR_USAGE);
    stream_put("!");
    struct artefact_spec spec = rendition;
    spec.name = "b";
    CHECK_OK(staging_stream_end(staging, &spec, false, &err), err);
    CHECK_OK(staging_end(staging, PRODUCT_DONE, NULL, &err), err);
    check_content("0", "head body tail!");
    check_content("1", "another file meanwhile");
    const struct artefact *const artefact = &manifest.products[0].artefacts[1];
    CHECK_EQ_STR(artefact->name, "b");
    CHECK_EQ_UINT(artefact->staged, 0);
    CHECK_EQ_UINT(artefact->bytes, 15);
    CHECK_OK(digest_of("head body tail!", 15, &expected, &err), err);
    CHECK(digest_equal(&artefact->digest, &expected));
    CHECK_EQ_UINT(manifest.products[0].artefact_count, 2);
    end();
}

TEST(test_staging__streams_of_two_products_do_not_mix)
{
    struct digest expected;

    begin();
    const size_t first = staging_selected(staging);
    CHECK_OK(staging_stream(staging, &err), err);
    stream_put("on");
    CHECK_OK(staging_begin(staging, "tiles", 2, &err), err);
    const size_t second = staging_selected(staging);
    CHECK_OK(staging_stream(staging, &err), err);
    stream_put("two");
    staging_select(staging, first);
    stream_put("e");
    CHECK_OK(staging_stream_end(staging, &rendition, false, &err), err);
    staging_select(staging, second);
    CHECK_OK(staging_stream_end(staging, &rendition, false, &err), err);
    CHECK_OK(digest_of("one", 3, &expected, &err), err);
    CHECK(digest_equal(&manifest.products[first].artefacts[0].digest, &expected));
    CHECK_OK(digest_of("two", 3, &expected, &err), err);
    CHECK(digest_equal(&manifest.products[second].artefacts[0].digest, &expected));
    end();
}

TEST(test_staging__stream_that_does_not_end_leaves_no_file)
{
    begin();
    CHECK(!staging_stream_put(staging, &(struct part){"x", 1}, 1, &err)); /* none is open */
    CHECK_EQ_INT(err.kind, ERROR_USAGE);
    CHECK_OK(staging_stream(staging, &err), err);
    CHECK(!staging_stream(staging, &err)); /* one at a time */
    stream_put("dropped");
    staging_stream_drop(staging);
    CHECK(!is_there("0"));
    CHECK_OK(staging_stream(staging, &err), err);
    CHECK_EQ_UINT(staging_stream_size(staging), 0);
    stream_put("never ended");
    CHECK(is_there("1"));
    CHECK_OK(staging_end(staging, PRODUCT_DONE, NULL, &err), err);
    CHECK(!is_there("1"));
    CHECK_EQ_UINT(manifest.products[0].artefact_count, 0);
    CHECK_OK(staging_begin(staging, "tiles", 1, &err), err);
    CHECK_OK(staging_stream(staging, &err), err);
    stream_put("of a product that fails");
    CHECK_OK(staging_stream_end(staging, &rendition, true, &err), err);
    CHECK_OK(staging_end(staging, PRODUCT_FAILED, "why not", &err), err);
    CHECK(!is_there("2"));
    CHECK(!is_there("3"));
    end();
}

static void inflate_all(const char *name, struct buffer *out)
{
    struct buffer packed = {0};
    z_stream stream = {0};

    CHECK_OK(path_read_file(staged_path(name), 1 << 20, &packed, &err), err);
    CHECK_OK(buffer_reserve(out, 4 << 20, &err), err);
    CHECK_EQ_INT(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = packed.data;
    stream.avail_in = (unsigned)packed.size;
    stream.next_out = out->data;
    stream.avail_out = 4 << 20;
    CHECK_EQ_INT(inflate(&stream, Z_FINISH), Z_STREAM_END);
    out->size = stream.total_out;
    CHECK_EQ_UINT(stream.avail_in, 0); /* one member, nothing after it */
    CHECK_EQ_INT(inflateEnd(&stream), Z_OK);
    buffer_release(&packed);
}

TEST(test_staging__gzip_stands_beside_the_rendition_and_inflates_to_it)
{
    static char line[100001];
    const struct subject subject = {.study = "1.2", .series = "1.2.3", .sop = "1.2.3.4"};
    struct buffer found = {0};
    char path[PATH_SIZE], beside[PATH_SIZE];

    memset(line, 'a', sizeof line - 1);
    begin();
    CHECK_OK(staging_stream(staging, &err), err);
    for (unsigned i = 0; i < 20; i++) { /* larger than what is compressed at once, and than what is small */
        line[i] = 'b';
        stream_put(line);
    }
    CHECK_OK(staging_stream_patch(staging, 1000, "patched", 7, &err), err);
    CHECK_OK(staging_stream_end(staging, &rendition, true, &err), err);
    CHECK_OK(staging_end(staging, PRODUCT_DONE, NULL, &err), err);
    const struct product *const product = &manifest.products[0];
    CHECK_EQ_UINT(product->artefact_count, 2);
    CHECK_EQ_INT(product->artefacts[1].place, PLACE_GZIP);
    CHECK_EQ_STR(product->artefacts[1].name, "a-gzip");
    CHECK_OK(artefact_path(&subject, product, 0, path, &err), err);
    CHECK_OK(artefact_path(&subject, product, 1, beside, &err), err);
    CHECK(strncmp(beside, path, strlen(path)) == 0);
    CHECK_EQ_STR(beside + strlen(path), ".gz");
    inflate_all("1", &found);
    CHECK_EQ_UINT(found.size, 2000000);
    CHECK(memcmp(found.data + 999, "apatcheda", 9) == 0);
    struct digest digest;
    CHECK_OK(digest_of(found.data, found.size, &digest, &err), err);
    CHECK(digest_equal(&digest, &product->artefacts[0].digest));
    buffer_clear(&found);
    CHECK_OK(path_read_file(staged_path("1"), 1 << 20, &found, &err), err);
    CHECK_EQ_UINT(found.size, product->artefacts[1].bytes);
    CHECK_OK(digest_of(found.data, found.size, &digest, &err), err);
    CHECK(digest_equal(&digest, &product->artefacts[1].digest));
    buffer_release(&found);
    end();
}

TEST(test_staging__gzip_that_saves_nothing_is_not_kept)
{
    uint8_t noise[5000];
    uint32_t state = 1;

    for (size_t i = 0; i < sizeof noise; i++) {
        state = state * 1664525u + 1013904223u;
        noise[i] = (uint8_t)(state >> 24);
    }
    begin();
    CHECK_OK(staging_stream(staging, &err), err);
    CHECK_OK(staging_stream_put(staging, &(struct part){noise, sizeof noise}, 1, &err), err);
    CHECK_OK(staging_stream_end(staging, &rendition, true, &err), err);
    CHECK_OK(staging_end(staging, PRODUCT_DONE, NULL, &err), err);
    CHECK_EQ_UINT(manifest.products[0].artefact_count, 1);
    CHECK(is_there("0"));
    CHECK(!is_there("1"));
    end();
}

TEST(test_staging__products_may_be_open_together)
{
    begin();
    const size_t first = staging_selected(staging);
    CHECK_OK(staging_begin(staging, "tiles", 2, &err), err);
    const size_t second = staging_selected(staging);
    CHECK_OK(staging_tree(staging, &tree, &err), err);
    staging_select(staging, first);
    put(&rendition, "one");
    CHECK_OK(staging_tree(staging, &tree, &err), err);
    tree_put("f", "of the first");
    staging_select(staging, second);
    tree_put("f", "of the second");
    CHECK_OK(staging_tree_end(staging, &err), err);
    CHECK_OK(staging_end(staging, PRODUCT_DONE, NULL, &err), err);
    staging_select(staging, first);
    CHECK_OK(staging_end(staging, PRODUCT_SKIPPED, NULL, &err), err);
    check_content("0/f", "of the second");
    CHECK(!is_there("1"));
    CHECK(!is_there("2"));
    CHECK_EQ_UINT(manifest.products[second].artefact_count, 1);
    CHECK(manifest.products[first].reason[0] != '\0');
    end();
}

/* As by `LC_ALL=C sort`. */
static void check_sorted(const char *lines, size_t expected)
{
    size_t count = 0;

    for (const char *next; *lines != '\0'; lines = next, count++) {
        next = strchr(lines, '\n') + 1;
        CHECK(*next == '\0' || memcmp(lines, next, 64) < 0);
    }
    CHECK_EQ_UINT(count, expected);
}

TEST(test_staging__tree_has_a_sorted_manifest_whose_digest_is_the_trees)
{
    struct digest expected;
    struct buffer lines = {0};

    begin();
    CHECK_OK(staging_tree(staging, &tree, &err), err);
    tree_put("image.dzi", "x");
    tree_put("image_files/10/0_0.webp", "yy");
    tree_put("image_files/10/1_0.webp", "zzz");
    CHECK_OK(staging_tree_end(staging, &err), err);
    const struct artefact *const artefact = &manifest.products[0].artefacts[0];
    CHECK_EQ_UINT(artefact->files, 3);
    CHECK_EQ_UINT(artefact->bytes, 6);
    CHECK_OK(path_read_file(staged_path("0/manifest.tsv"), 10000, &lines, &err), err);
    CHECK_HAS(buffer_text(&lines), "\t2\timage_files/10/0_0.webp\n");
    CHECK_OK(digest_of(lines.data, lines.size, &expected, &err), err);
    CHECK(digest_equal(&artefact->digest, &expected));
    check_sorted(buffer_text(&lines), 3);
    buffer_release(&lines);
    end();
}

/* manifest.tsv has the digest of a file as it is. */
static void check_line(const char *staged, const char *path, const void *data, size_t size)
{
    struct digest digest;
    struct buffer lines = {0};
    char file[64], line[200], hex[DIGEST_HEX_SIZE];

    (void)snprintf(file, sizeof file, "%s/manifest.tsv", staged);
    CHECK_OK(path_read_file(staged_path(file), 10000, &lines, &err), err);
    CHECK_OK(digest_of(data, size, &digest, &err), err);
    digest_hex(&digest, hex);
    (void)snprintf(line, sizeof line, "%s\t%zu\t%s\n", hex, size, path);
    CHECK_HAS(buffer_text(&lines), line);
    buffer_release(&lines);
}

TEST(test_staging__a_file_of_a_tree_may_come_as_a_stream)
{
    const struct part part = {"0123456789", 10};
    struct buffer text = {0};

    begin();
    CHECK(!staging_tree_stream(staging, "a/pack", &err)); /* no tree is open */
    CHECK_OK(staging_tree(staging, &tree, &err), err);
    CHECK(!staging_tree_stream(staging, "../pack", &err));
    CHECK_OK(staging_tree_stream(staging, "a/pack", &err), err);
    CHECK(!staging_tree_stream(staging, "b", &err)); /* one at a time */
    CHECK_OK(staging_stream_put(staging, &part, 1, &err), err);
    tree_put("a/tile", "x");
    CHECK_OK(staging_stream_put(staging, &part, 1, &err), err);
    CHECK_EQ_UINT(staging_stream_size(staging), 20);
    CHECK_OK(staging_tree_stream_end(staging, &err), err);
    CHECK(!staging_tree_stream_end(staging, &err));
    CHECK_OK(staging_tree_end(staging, &err), err);
    CHECK_EQ_UINT(manifest.products[0].artefacts[0].files, 2);
    CHECK_EQ_UINT(manifest.products[0].artefacts[0].bytes, 21);
    CHECK_OK(path_read_file(staged_path("0/a/pack"), 100, &text, &err), err);
    CHECK_EQ_STR(buffer_text(&text), "01234567890123456789");
    check_line("0", "a/pack", "01234567890123456789", 20);
    buffer_release(&text);
    end();
}

TEST(test_staging__a_file_may_hold_the_name_of_its_tree)
{
    static const char zeros[] = "id: 0000000000000000/x";
    struct buffer text = {0};
    char hex[DIGEST16_SIZE], expected[32];

    begin();
    CHECK_OK(staging_tree(staging, &tree, &err), err);
    tree_put("a", "x");
    CHECK(!staging_tree_put_naming(staging, "i", zeros, sizeof zeros - 1, 3, &err)); /* no zeros there */
    CHECK(!staging_tree_put_naming(staging, "i", zeros, 12, 4, &err));               /* no room */
    CHECK_OK(staging_tree_put_naming(staging, "i", zeros, sizeof zeros - 1, 4, &err), err);
    CHECK(!staging_tree_put_naming(staging, "j", zeros, sizeof zeros - 1, 4, &err)); /* one in a tree */
    CHECK_OK(staging_tree_end(staging, &err), err);
    digest_hex16(&manifest.products[0].artefacts[0].digest, hex);
    (void)snprintf(expected, sizeof expected, "id: %s/x", hex);
    CHECK_OK(path_read_file(staged_path("0/i"), 100, &text, &err), err);
    CHECK_EQ_STR(buffer_text(&text), expected);
    check_line("0", "i", zeros, sizeof zeros - 1);
    buffer_release(&text);
    end();
}

TEST(test_staging__paths_out_of_a_tree_are_refused)
{
    static const char *const paths[] = {"", "/etc/x", "../x", "a/../../x", "a//b", "."};
    const struct part part = {"x", 1};

    begin();
    CHECK_OK(staging_tree(staging, &tree, &err), err);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        CHECK(!staging_tree_put(staging, paths[i], &part, 1, &err));
    tree_put("a", "x");
    CHECK(!staging_tree_put(staging, "a", &part, 1, &err)); /* nothing is overwritten */
    CHECK_HAS(err.text, "exists");
    CHECK(!staging_tree(staging, &tree, &err)); /* one at a time */
    end();
}

TEST(test_staging__name_too_long_leaves_nothing)
{
    struct artefact_spec spec = rendition;
    const struct part part = {"x", 1};

    spec.name = "123456789012345678901234567890123456789012345678901234567890";
    begin();
    CHECK(!staging_put(staging, &spec, &part, 1, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK(!is_there("0"));
    CHECK_EQ_UINT(manifest.products[0].artefact_count, 0);
    end();
}

TEST(test_staging__unwritable_folder_is_an_error_with_its_name)
{
    const struct part part = {"x", 1};

    CHECK_OK(path_join(folder, test_folder(), "file", &err), err);
    CHECK_OK(path_write_file(folder, "", 0, &err), err);
    CHECK_OK(path_join(folder, folder, "job", &err), err);
    CHECK_OK(staging_open(folder, &manifest, &staging, &err), err);
    CHECK_OK(staging_begin(staging, "webp", 1, &err), err);
    CHECK(!staging_put(staging, &rendition, &part, 1, &err));
    CHECK_EQ_INT(err.kind, ERROR_IO);
    CHECK(!staging_tree(staging, &tree, &err));
    CHECK_OK(staging_end(staging, PRODUCT_FAILED, err.text, &err), err);
    end();
}

TEST(test_staging__file_that_does_not_fit_is_removed)
{
    static char big[8192];
    const struct part part = {big, sizeof big};
    struct rlimit limit = {4096, 4096};

    begin();
    put(&rendition, "small");
    (void)signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK(!staging_put(staging, &rendition, &part, 1, &err)); /* a short write, then EFBIG */
    CHECK_EQ_INT(err.kind, ERROR_IO);
    CHECK(!is_there("1"));
    CHECK(is_there("0"));
    CHECK_EQ_UINT(manifest.products[0].artefact_count, 1);
    end();
}
