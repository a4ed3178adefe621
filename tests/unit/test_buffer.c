/* links: base */
#include "base/buffer.h"

#include "tests/support/test.h"

TEST(test_buffer__untouched_buffer_is_an_empty_text_and_can_be_released)
{
    struct buffer b = {0};

    CHECK_EQ_STR(buffer_text(&b), "");
    buffer_clear(&b);
    buffer_release(&b);
    buffer_release(&b);
}

TEST(test_buffer__text_is_always_terminated)
{
    struct buffer b = {0};
    struct error err;

    for (int i = 0; i < 500; i++) {
        CHECK(buffer_append(&b, "xyz", 3, &err));
        CHECK_EQ_UINT(strlen(buffer_text(&b)), b.size);
    }
    CHECK_EQ_UINT(b.size, 1500);
    buffer_clear(&b);
    CHECK_EQ_STR(buffer_text(&b), "");
    buffer_release(&b);
}

TEST(test_buffer__appending_nothing_is_fine)
{
    struct buffer b = {0};
    struct error err;

    CHECK(buffer_append(&b, NULL, 0, &err));
    CHECK(buffer_puts(&b, "", &err));
    CHECK_EQ_UINT(b.size, 0);
    CHECK(b.data != NULL);
    buffer_release(&b);
}

TEST(test_buffer__printf_appends_long_texts)
{
    struct buffer b = {0};
    struct error err;

    CHECK(buffer_puts(&b, "a", &err));
    CHECK(buffer_printf(&b, &err, "%01000d-%s", 7, "end"));
    CHECK_EQ_UINT(b.size, 1 + 1000 + 4);
    CHECK_EQ_STR(buffer_text(&b) + 1000, "7-end");
    buffer_release(&b);
}

TEST(test_buffer__impossible_size_is_refused_and_contents_stay)
{
    struct buffer b = {0};
    struct error err = {0};

    CHECK(buffer_puts(&b, "abc", &err));
    CHECK(!buffer_reserve(&b, SIZE_MAX, &err));
    CHECK_EQ_INT(err.kind, ERROR_NOMEM);
    CHECK(!buffer_reserve(&b, SIZE_MAX / 2, &err));
    CHECK_EQ_STR(buffer_text(&b), "abc");
    buffer_release(&b);
}

TEST(test_buffer__bytes_beyond_32_bits_are_refused)
{
    struct buffer b = {0};
    struct error err = {0};

    CHECK(!buffer_put_bytes(&b, "", UINT32_MAX, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    buffer_release(&b);
}

TEST(test_buffer__numbers_are_little_endian)
{
    static const uint8_t expected[] = {0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0F,
                                       0x0E, 0x0D, 0x0C, 0x0B, 0x0A, 0x09, 0x08};
    struct buffer b = {0};
    struct error err;

    CHECK(buffer_put_u8(&b, 1, &err) && buffer_put_u16(&b, 0x0203, &err) &&
          buffer_put_u32(&b, 0x04050607, &err) &&
          buffer_put_u64(&b, UINT64_C(0x08090A0B0C0D0E0F), &err));
    CHECK_EQ_UINT(b.size, sizeof expected);
    CHECK_EQ_MEM(b.data, expected, sizeof expected);
    buffer_release(&b);
}

static void write_message(struct buffer *b)
{
    struct error err;

    CHECK(buffer_put_u8(b, 200, &err) && buffer_put_u16(b, 60000, &err) &&
          buffer_put_u32(b, 4000000000u, &err) && buffer_put_u64(b, UINT64_MAX, &err) &&
          buffer_put_f64(b, -0.1, &err) && buffer_put_string(b, "text", &err) &&
          buffer_put_string(b, NULL, &err) && buffer_put_string(b, "", &err) &&
          buffer_put_bytes(b, "\0\1\2", 3, &err) && buffer_put_bytes(b, NULL, 0, &err));
}

/* True if the whole message was read as it was written. */
static bool read_message(const void *data, size_t size)
{
    struct reader r = reader_over(data, size);
    size_t bytes = 99, none = 99;
    bool same = reader_u8(&r) == 200;

    same &= reader_u16(&r) == 60000;
    same &= reader_u32(&r) == 4000000000u;
    same &= reader_u64(&r) == UINT64_MAX;
    same &= reader_f64(&r) == -0.1;
    const char *const text = reader_string(&r, 4);
    const char *const absent = reader_string(&r, 100);
    const char *const empty = reader_string(&r, 0);
    const void *const run = reader_bytes(&r, &bytes, 3);
    const void *const nothing = reader_bytes(&r, &none, 0);
    if (!reader_done(&r))
        return false;
    CHECK_EQ_STR(text, "text");
    CHECK(absent == NULL);
    CHECK_EQ_STR(empty, "");
    CHECK_EQ_UINT(bytes, 3);
    CHECK_EQ_MEM(run, "\0\1\2", 3);
    CHECK(nothing != NULL);
    CHECK_EQ_UINT(none, 0);
    return same;
}

TEST(test_reader__reads_what_the_buffer_wrote)
{
    struct buffer b = {0};

    write_message(&b);
    CHECK(read_message(b.data, b.size));
    buffer_release(&b);
}

TEST(test_reader__every_shorter_message_fails)
{
    struct buffer b = {0};

    write_message(&b);
    for (size_t size = 0; size < b.size; size++) {
        uint8_t *const exact = malloc(size + (size == 0)); /* so that ASan sees the edge */
        memcpy(exact, b.data, size);
        CHECK(!read_message(exact, size));
        free(exact);
    }
    buffer_release(&b);
}

TEST(test_reader__message_with_something_left_over_is_not_done)
{
    struct buffer b = {0};
    struct error err;

    write_message(&b);
    CHECK(buffer_put_u8(&b, 0, &err));
    CHECK(!read_message(b.data, b.size));
    buffer_release(&b);
}

TEST(test_reader__random_bytes_never_read_outside)
{
    uint32_t seed = 1;

    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[40];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 1664525 + 1013904223;
            bytes[i] = (seed >> 28) < 12 ? (uint8_t)((seed >> 20) & 3) : (uint8_t)(seed >> 20);
        }
        struct reader r = reader_over(bytes, sizeof bytes);
        size_t size;
        const char *const text = reader_string(&r, 1000);
        CHECK(text == NULL || strlen(text) < sizeof bytes);
        const uint8_t *const run = reader_bytes(&r, &size, 1000);
        CHECK(run == NULL || (run >= bytes && run + size <= bytes + sizeof bytes));
        (void)reader_u64(&r);
        CHECK(r.offset <= r.size);
    }
}

TEST(test_reader__string_with_nul_inside_is_refused)
{
    const uint8_t message[] = {3, 0, 0, 0, 'a', 0, 'b', 0};
    struct reader r = reader_over(message, sizeof message);

    CHECK_EQ_STR(reader_string(&r, 100), "");
    CHECK(r.failed);
}

TEST(test_reader__string_without_its_nul_is_refused)
{
    const uint8_t message[] = {3, 0, 0, 0, 'a', 'b', 'c', 'd', 'e'};
    struct reader r = reader_over(message, sizeof message);

    CHECK_EQ_STR(reader_string(&r, 100), "");
    CHECK(r.failed);
}

TEST(test_reader__string_longer_than_allowed_is_refused)
{
    struct buffer b = {0};
    struct error err;

    CHECK(buffer_put_string(&b, "12345", &err));
    struct reader r = reader_over(b.data, b.size);
    CHECK_EQ_STR(reader_string(&r, 4), "");
    CHECK(!reader_done(&r));
    r = reader_over(b.data, b.size);
    CHECK_EQ_STR(reader_string(&r, 5), "12345");
    CHECK(reader_done(&r));
    buffer_release(&b);
}

TEST(test_reader__absurd_lengths_are_refused)
{
    const uint8_t message[] = {0xFE, 0xFF, 0xFF, 0xFF, 1, 2, 3};
    struct reader r = reader_over(message, sizeof message);
    size_t size = 1;

    CHECK_EQ_STR(reader_string(&r, SIZE_MAX), "");
    r = reader_over(message, sizeof message);
    CHECK(reader_bytes(&r, &size, SIZE_MAX) == NULL);
    CHECK_EQ_UINT(size, 0);
    CHECK(r.failed);
}

TEST(test_reader__first_failure_sticks)
{
    const uint8_t message[] = {1, 2};
    struct reader r = reader_over(message, sizeof message);

    CHECK_EQ_UINT(reader_u32(&r), 0);
    CHECK_EQ_UINT(reader_u8(&r), 0);
    CHECK(!reader_done(&r));
}

TEST(test_reader__empty_message_is_done_at_once)
{
    struct reader r = reader_over(NULL, 0);

    CHECK(reader_done(&r));
    CHECK_EQ_UINT(reader_u8(&r), 0);
    CHECK(!reader_done(&r));
}
