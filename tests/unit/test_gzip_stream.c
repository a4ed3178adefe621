/* links: base codec */
#include "stages/codec/gzip_stream.h"

#include <libdeflate.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "tests/support/test.h"

static struct error err;

struct target {
    struct buffer coded;
    size_t most; /* bytes taken before it fails */
};

static bool keep(void *client, const void *data, size_t size, struct error *error)
{
    struct target *const target = client;

    if (target->coded.size + size > target->most)
        return error_set(error, ERROR_IO, "full");
    return buffer_append(&target->coded, data, size, error);
}

/* Compressible and not, so that stored blocks occur, too. */
static uint8_t *make(size_t size)
{
    uint8_t *const data = memory_new(size, &err);
    uint32_t state = 7;

    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        data[i] = (uint8_t)(i / 200000 % 2 ? state >> 24 : state >> 30);
    }
    return data;
}

static bool code(const uint8_t *data, size_t size, size_t step, unsigned threads, struct target *target)
{
    struct gzip_stream *stream = NULL;
    bool ok = true;

    CHECK_OK(gzip_stream_new(threads, keep, target, &stream, &err), err);
    for (size_t at = 0; ok && at < size; at += step)
        ok = gzip_stream_write(stream, data + at, size - at < step ? size - at : step, &err);
    ok = ok && gzip_stream_end(stream, &err);
    gzip_stream_free(stream);
    return ok;
}

/* One member: all coded bytes are used up and all data is there. */
static void check_decoded(const struct target *target, const uint8_t *data, size_t size)
{
    struct libdeflate_decompressor *const decompressor = libdeflate_alloc_decompressor();
    uint8_t *const found = memory_new(size + 1, &err);
    size_t used = 0, got = 0;

    CHECK_EQ_INT(libdeflate_gzip_decompress_ex(decompressor, target->coded.data, target->coded.size, found, size + 1,
                                               &used, &got),
                 LIBDEFLATE_SUCCESS);
    CHECK_EQ_UINT(used, target->coded.size);
    CHECK_EQ_UINT(got, size);
    CHECK(memcmp(found, data, size) == 0);
    libdeflate_free_decompressor(decompressor);
    memory_free(found);
}

TEST(test_gzip_stream__any_length_is_one_member)
{
    static const size_t sizes[] = {0,
                                   1,
                                   GZIP_STREAM_BLOCK - 1,
                                   GZIP_STREAM_BLOCK,
                                   GZIP_STREAM_BLOCK + 1,
                                   2 * GZIP_STREAM_BLOCK,
                                   9 * GZIP_STREAM_BLOCK,
                                   20 * GZIP_STREAM_BLOCK + 12345};
    uint8_t *const data = make(sizes[7]);

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned threads = 0; threads <= 5; threads++) {
            struct target target = {.most = SIZE_MAX / 2};

            CHECK_OK(code(data, sizes[i], 300007, threads, &target), err);
            check_decoded(&target, data, sizes[i]);
            buffer_release(&target.coded);
        }
    memory_free(data);
}

TEST(test_gzip_stream__neither_threads_nor_writes_change_a_byte)
{
    const size_t size = 6 * GZIP_STREAM_BLOCK + 77;
    uint8_t *const data = make(size);
    struct target expected = {.most = SIZE_MAX / 2};

    CHECK_OK(code(data, size, size, 1, &expected), err);
    for (unsigned threads = 2; threads <= GZIP_STREAM_THREADS_MOST; threads++) {
        struct target found = {.most = SIZE_MAX / 2};

        CHECK_OK(code(data, size, 1000 * threads, threads, &found), err);
        CHECK_EQ_UINT(found.coded.size, expected.coded.size);
        CHECK(memcmp(found.coded.data, expected.coded.data, found.coded.size) == 0);
        buffer_release(&found.coded);
    }
    buffer_release(&expected.coded);
    memory_free(data);
}

TEST(test_gzip_stream__blocks_see_what_was_before_them)
{
    const size_t size = 8 * GZIP_STREAM_BLOCK;
    uint8_t *const data = memory_new(size, &err);
    struct target target = {.most = SIZE_MAX / 2};
    uint32_t state = 1;

    /* noise that comes again after 30,000 bytes: nothing but the dictionary makes it small at a
     * block's begin */
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        data[i] = i < 30000 ? (uint8_t)(state >> 24) : data[i - 30000];
    }
    CHECK_OK(code(data, size, size, 2, &target), err);
    check_decoded(&target, data, size);
    CHECK(target.coded.size < 30000 + 8 * 8000);
    buffer_release(&target.coded);
    memory_free(data);
}

TEST(test_gzip_stream__what_cannot_be_put_ends_it)
{
    const size_t size = 12 * GZIP_STREAM_BLOCK;
    uint8_t *const data = make(size);
    static const size_t rooms[] = {0, 10, GZIP_STREAM_BLOCK, 3 * GZIP_STREAM_BLOCK};

    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        for (unsigned threads = 1; threads <= 4; threads++) {
            struct target target = {.most = rooms[i]};

            CHECK(!code(data, size, 100000, threads, &target));
            CHECK_EQ_INT(err.kind, ERROR_IO);
            buffer_release(&target.coded);
        }
    memory_free(data);
}
