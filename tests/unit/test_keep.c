/* links: base dicom job */
#include "job/keep.h"

#include "base/memory.h"
#include "tests/support/hostile.h"
#include "tests/support/test.h"

static enum error_kind try_relic(const void *data, size_t size)
{
    struct buffer relic = {0};
    struct error err = {0};
    const bool ok = keep_parse_relic(data, size, &relic, &err);

    buffer_release(&relic);
    return ok ? ERROR_NONE : err.kind;
}

static enum error_kind try_histogram(const void *data, size_t size)
{
    struct histogram histogram = {0};
    struct error err = {0};
    const bool ok = keep_parse_histogram(data, size, &histogram, &err);

    histogram_release(&histogram);
    return ok ? ERROR_NONE : err.kind;
}

static void make_histogram(struct histogram *histogram)
{
    struct error err;

    *histogram = (struct histogram){.total = 100, .first = -1000, .step = 2, .least = -1000, .most = -801,
                                    .bins = 100, .counts = memory_array(100, sizeof(uint64_t), &err)};
    CHECK(histogram->counts != NULL);
    for (size_t i = 0; i < 100; i++)
        histogram->counts[i] = 1;
}

TEST(test_keep__relics_read_back_with_one_packer)
{
    static uint8_t text[10000];
    struct keep_packer *packer = NULL;
    struct error err;

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i % 97);
    CHECK_OK(keep_packer_new(&packer, &err), err);
    for (size_t size = 0; size <= sizeof text; size += 2500) {
        struct buffer out = {0}, relic = {0};

        CHECK_OK(keep_write_relic(packer, text, size, &out, &err), err);
        CHECK(size == 0 || out.size < size);
        CHECK_OK(keep_parse_relic(out.data, out.size, &relic, &err), err);
        CHECK_EQ_INT(relic.size, size);
        CHECK(size == 0 || memcmp(relic.data, text, size) == 0);
        buffer_release(&out);
        buffer_release(&relic);
    }
    keep_packer_free(packer);
}

TEST(test_keep__a_relic_that_no_message_takes_is_not_kept)
{
    const size_t size = (size_t)KEEP_RELIC_MOST + (64 << 10);
    struct buffer noise = {0}, out = {0};
    struct keep_packer *packer = NULL;
    struct error err = {0};
    uint32_t seed = 1;

    CHECK_OK(keep_packer_new(&packer, &err), err);
    CHECK_OK(buffer_puts(&out, "before", &err), err);
    CHECK_OK(buffer_reserve(&noise, size, &err), err);
    for (size_t i = 0; i < size; i++)
        noise.data[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    CHECK(!keep_write_relic(packer, noise.data, size, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK_EQ_INT(out.size, strlen("before"));
    buffer_release(&noise);
    buffer_release(&out);
    keep_packer_free(packer);
}

TEST(test_keep__a_histogram_reads_back)
{
    struct histogram histogram, found = {0};
    struct buffer out = {0};
    struct error err;

    make_histogram(&histogram);
    CHECK_OK(keep_write_histogram(&histogram, &out, &err), err);
    CHECK_OK(keep_parse_histogram(out.data, out.size, &found, &err), err);
    CHECK_EQ_INT(found.total, 100);
    CHECK_EQ_INT(found.bins, 100);
    histogram_release(&histogram);
    histogram_release(&found);
    buffer_release(&out);
}

TEST(test_keep__cut_and_changed_bytes_are_corrupt)
{
    struct keep_packer *packer = NULL;
    struct histogram histogram;
    struct buffer out = {0};
    struct error err;

    CHECK_OK(keep_packer_new(&packer, &err), err);
    CHECK_OK(keep_write_relic(packer, "a header, a header, a header", 28, &out, &err), err);
    hostile_check(try_relic, out.data, out.size, ERROR_CORRUPT, 20000);
    buffer_clear(&out);
    make_histogram(&histogram);
    CHECK_OK(keep_write_histogram(&histogram, &out, &err), err);
    hostile_check(try_histogram, out.data, out.size, ERROR_CORRUPT, 20000);
    CHECK_EQ_INT(try_relic(NULL, 0), ERROR_CORRUPT);
    CHECK_EQ_INT(try_histogram(NULL, 0), ERROR_CORRUPT);
    histogram_release(&histogram);
    buffer_release(&out);
    keep_packer_free(packer);
}
