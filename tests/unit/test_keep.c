/* links: base dicom job */
#include "job/keep.h"

#include "base/memory.h"
#include "tests/support/hostile.h"
#include "tests/support/test.h"

static enum error_kind try_keep(const void *data, size_t size)
{
    struct buffer header = {0};
    struct histogram histogram = {0};
    struct error err = {0};
    bool has_histogram = false;
    const bool ok = keep_parse(data, size, &header, &histogram, &has_histogram, &err);

    buffer_release(&header);
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

TEST(test_keep__header_and_histogram_read_back)
{
    struct histogram histogram, found = {0};
    struct buffer out = {0}, header = {0};
    struct error err;
    bool has_histogram = false;
    static uint8_t text[10000];

    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i % 97);
    make_histogram(&histogram);
    CHECK_OK(keep_write(text, sizeof text, &histogram, &out, &err), err);
    CHECK(out.size < sizeof text);
    CHECK_OK(keep_parse(out.data, out.size, &header, &found, &has_histogram, &err), err);
    CHECK(has_histogram);
    CHECK_EQ_INT(header.size, sizeof text);
    CHECK_EQ_MEM(header.data, text, sizeof text);
    CHECK_EQ_INT(found.total, 100);
    CHECK_EQ_INT(found.bins, 100);
    CHECK_OK(keep_parse(out.data, out.size, NULL, NULL, NULL, &err), err);
    histogram_release(&histogram);
    histogram_release(&found);
    buffer_release(&out);
    buffer_release(&header);
}

TEST(test_keep__without_histogram)
{
    struct buffer out = {0}, header = {0};
    struct histogram found = {0};
    struct error err;
    bool has_histogram = true;

    CHECK_OK(keep_write("", 0, NULL, &out, &err), err);
    CHECK_OK(keep_parse(out.data, out.size, &header, &found, &has_histogram, &err), err);
    CHECK(!has_histogram);
    CHECK_EQ_INT(header.size, 0);
    buffer_release(&out);
    buffer_release(&header);
}

TEST(test_keep__cut_and_changed_bytes_are_corrupt)
{
    struct histogram histogram;
    struct buffer out = {0};
    struct error err;

    make_histogram(&histogram);
    CHECK_OK(keep_write("a header, a header, a header", 28, &histogram, &out, &err), err);
    hostile_check(try_keep, out.data, out.size, ERROR_CORRUPT, 20000);
    histogram_release(&histogram);
    buffer_release(&out);
}
