/* links: base dicom job */
#include "job/message.h"

#include "base/limits.h"
#include "tests/support/test.h"

static void write_two(struct buffer *out)
{
    struct buffer payload = {0};
    struct error err;

    CHECK_OK(buffer_puts(&payload, "hello", &err), err);
    CHECK_OK(message_write(out, MESSAGE_JOB, 7, &payload, &err), err);
    CHECK_OK(message_write(out, MESSAGE_QUIT, 0xFFFFFFFF, NULL, &err), err);
    buffer_release(&payload);
}

static void check_two(struct message_parser *parser, unsigned *seen)
{
    struct message message;
    struct error err = {0};

    while (message_next(parser, &message, &err)) {
        if (*seen == 0) {
            CHECK_EQ_INT(message.type, MESSAGE_JOB);
            CHECK_EQ_INT(message.job, 7);
            CHECK_EQ_INT(message.size, 5);
            CHECK_EQ_MEM(message.payload, "hello", 5);
        } else {
            CHECK_EQ_INT(message.type, MESSAGE_QUIT);
            CHECK_EQ_UINT(message.job, 0xFFFFFFFF);
            CHECK_EQ_INT(message.size, 0);
        }
        ++*seen;
    }
    CHECK_EQ_INT(err.kind, ERROR_NONE);
}

TEST(test_message__arrives_in_pieces_of_any_size)
{
    struct buffer stream = {0};

    write_two(&stream);
    for (size_t piece = 1; piece <= stream.size; piece++) {
        struct message_parser parser = {0};
        struct error err;
        unsigned seen = 0;

        for (size_t at = 0; at < stream.size; at += piece) {
            const size_t left = stream.size - at;
            CHECK_OK(message_feed(&parser, stream.data + at, left < piece ? left : piece, &err), err);
            check_two(&parser, &seen);
        }
        CHECK_EQ_INT(seen, 2);
        message_parser_release(&parser);
    }
    buffer_release(&stream);
}

static enum error_kind first_kind(const uint8_t *data, size_t size)
{
    struct message_parser parser = {0};
    struct message message;
    struct error err = {0};

    CHECK_OK(message_feed(&parser, data, size, &err), err);
    const bool found = message_next(&parser, &message, &err);
    message_parser_release(&parser);
    CHECK(!found);
    return err.kind;
}

TEST(test_message__length_beyond_cap_is_refused)
{
    CHECK_EQ_INT(first_kind((const uint8_t *)"\xFF\xFF\xFF\xFF", 4), ERROR_PROTOCOL);
    CHECK_EQ_INT(first_kind((const uint8_t *)"\x05\0\0\0", 4), ERROR_PROTOCOL);
    CHECK_EQ_INT(first_kind((const uint8_t *)"\x06\0\0\0", 4), ERROR_NONE);
    CHECK_EQ_INT(first_kind((const uint8_t *)"\x06\0\0\0\x09\0", 6), ERROR_PROTOCOL);
    CHECK_EQ_INT(first_kind((const uint8_t *)"\x06\0\0\0\0\0", 6), ERROR_PROTOCOL);
    CHECK_EQ_INT(first_kind((const uint8_t *)"\x06\0\0", 3), ERROR_NONE);
}

TEST(test_message__payload_beyond_cap_is_not_written)
{
    struct buffer out = {0}, huge = {.size = LIMIT(MESSAGE_BYTES)};
    struct error err;

    CHECK(!message_write(&out, MESSAGE_RESULT, 1, &huge, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    buffer_release(&out);
}

TEST(test_message__a_long_stream_does_not_grow_the_parser)
{
    struct message_parser parser = {0};
    struct buffer stream = {0};
    struct message message;
    struct error err;
    unsigned seen = 0;

    for (unsigned round = 0; round < 200000; round++) {
        buffer_clear(&stream);
        write_two(&stream);
        CHECK_OK(message_feed(&parser, stream.data, stream.size - 3, &err), err);
        while (message_next(&parser, &message, &err))
            seen++;
        CHECK_OK(message_feed(&parser, stream.data + stream.size - 3, 3, &err), err);
        while (message_next(&parser, &message, &err))
            seen++;
    }
    CHECK_EQ_INT(seen, 400000);
    CHECK(parser.pending.capacity < 4 << 20);
    message_parser_release(&parser);
    buffer_release(&stream);
}
