/* links: base dicom job coordinator */
#include "coordinator/sibling.h"

#include <fcntl.h>

#include "base/buffer.h"
#include "tests/support/test.h"

/* A text like those that are published: long, with repetitions. */
static void make_text(struct buffer *text, size_t size)
{
    struct error err;

    for (unsigned i = 0; text->size < size; i++)
        CHECK_OK(buffer_printf(text, &err, "{\"00080018\":{\"vr\":\"UI\",\"Value\":[\"1.2.3.%u\"]}},\n", i * i), err);
    text->size = size;
}

static void path_of(char path[PATH_SIZE], const char *name)
{
    struct error err;

    CHECK_OK(path_join(path, test_folder(), name, &err), err);
}

static void read_whole(const char *path, struct buffer *out)
{
    struct error err;

    buffer_clear(out);
    CHECK_OK(path_read_file(path, 1 << 26, out, &err), err);
}

static void write_whole(const char *path, const void *data, size_t size)
{
    struct error err;

    CHECK_OK(path_write_file(path, data, size, &err), err);
}

TEST(test_sibling__texts_by_name)
{
    CHECK(sibling_is_text("studies.json"));
    CHECK(sibling_is_text("studies/1.2/index.html"));
    CHECK(sibling_is_text("app/style.0123456789abcdef.css"));
    CHECK(sibling_is_text("dicomweb/studies/1.2/series/1.3/metadata"));
    CHECK(!sibling_is_text("dicomweb/studies/1.2/series/1.3/instances/1.4/frames/1"));
    CHECK(!sibling_is_text("catalogue.0123456789abcdef.sqlite"));
    CHECK(!sibling_is_text("metadata.json/1"));
    CHECK(!sibling_is_text("studies.json.gz"));
    CHECK(sibling_is_due("studies.json", 256));
    CHECK(!sibling_is_due("studies.json", 255));
}

/* The text in memory and in a file, in sizes on both sides of every bound. */
static void check_size(struct sibling_maker *maker, size_t size)
{
    struct buffer text = {0}, first = {0}, second = {0};
    char plain[PATH_SIZE], made[PATH_SIZE];
    struct bytes bytes;
    struct error err;

    make_text(&text, size);
    path_of(plain, "plain");
    path_of(made, "made");
    write_whole(plain, text.data, size);
    const int descriptor = open(plain, O_RDONLY);
    for (int in_file = 0; in_file < 2; in_file++)
        for (enum sibling sibling = 0; sibling < SIBLING_COUNT; sibling++) {
            bytes = bytes_of_memory(text.data, size);
            if (in_file != 0)
                CHECK_OK(bytes_of_descriptor(descriptor, &bytes, &err), err);
            CHECK_OK(sibling_make(maker, sibling, &bytes, made, &err), err);
            read_whole(made, &first);
            CHECK(sibling_holds(sibling, made, &bytes));
            CHECK(sibling == SIBLING_BROTLI || sibling_says(made, &bytes));
            CHECK_OK(sibling_make(maker, sibling, &bytes, made, &err), err);
            read_whole(made, &second);
            CHECK(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
        }
    close(descriptor);
    buffer_release(&text);
    buffer_release(&first);
    buffer_release(&second);
}

TEST(test_sibling__holds_what_was_put_in_and_is_the_same_again)
{
    static const size_t sizes[] = {1, 256, 65535, 65536, 65537, 262143, 262144, 1 << 20, 3000001};
    struct sibling_maker *maker = NULL;
    struct error err;

    CHECK_OK(sibling_maker_new(&maker, &err), err);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_size(maker, sizes[i]);
    sibling_maker_free(maker);
}

/* Every kind of damage to the file, or to the text, is told. */
static void check_damage(enum sibling sibling, const struct buffer *good, struct buffer *text, const char *path)
{
    struct bytes bytes = bytes_of_memory(text->data, text->size);
    struct buffer bad = {0};
    struct error err;

    for (size_t cut = 1; cut < good->size; cut += good->size / 7) {
        write_whole(path, good->data, good->size - cut);
        CHECK(!sibling_holds(sibling, path, &bytes));
    }
    CHECK_OK(buffer_append(&bad, good->data, good->size, &err) && buffer_put_u8(&bad, 0, &err), err);
    write_whole(path, bad.data, bad.size);
    CHECK(!sibling_holds(sibling, path, &bytes));
    write_whole(path, good->data, good->size);
    CHECK(sibling_holds(sibling, path, &bytes));
    text->data[text->size / 2] ^= 1;
    CHECK(!sibling_holds(sibling, path, &bytes));
    CHECK(sibling == SIBLING_BROTLI || !sibling_says(path, &bytes));
    text->data[text->size / 2] ^= 1;
    bytes.size--;
    CHECK(!sibling_holds(sibling, path, &bytes));
    CHECK(sibling == SIBLING_BROTLI || !sibling_says(path, &bytes));
    buffer_release(&bad);
}

TEST(test_sibling__another_text_and_a_damaged_file_are_told)
{
    struct sibling_maker *maker = NULL;
    struct buffer text = {0}, good = {0};
    char path[PATH_SIZE];
    struct error err;

    make_text(&text, 100000);
    path_of(path, "made");
    CHECK(!sibling_holds(SIBLING_GZIP, path, &(struct bytes){.size = 1}));
    CHECK_OK(sibling_maker_new(&maker, &err), err);
    for (enum sibling sibling = 0; sibling < SIBLING_COUNT; sibling++) {
        const struct bytes bytes = bytes_of_memory(text.data, text.size);

        CHECK_OK(sibling_make(maker, sibling, &bytes, path, &err), err);
        read_whole(path, &good);
        check_damage(sibling, &good, &text, path);
    }
    sibling_maker_free(maker);
    buffer_release(&text);
    buffer_release(&good);
}
