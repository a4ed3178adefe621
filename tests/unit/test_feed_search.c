/* links: base dicom job worker */
#include "worker/feed_search.h"

#include "tests/support/test.h"

static struct error err;

/* Of a member "x.dcm". */
static const uint8_t header[] = {'P', 'K', 3, 4, 20, 0, 0, 0, 8, 0, [26] = 5, [30] = 'x', '.', 'd', 'c', 'm', 'D'};

/* What the input gives after a search in `data`, the first `unread` bytes of which have been read already. */
static struct buffer search(const void *data, size_t size, size_t unread, bool *found)
{
    const struct bytes bytes = bytes_of_memory(data, size);
    struct feed_input input = {.bytes = &bytes, .offset = unread};
    struct buffer read = {0}, rest = {0};
    size_t got = 1;

    CHECK_OK(buffer_append(&read, data, unread, &err), err);
    CHECK_OK(feed_search(&input, &read, found, &err), err);
    CHECK_EQ_UINT(read.size, 0);
    while (*found && got > 0) {
        CHECK_OK(buffer_reserve(&rest, 16, &err), err);
        CHECK_OK(feed_input_read(&input, rest.data + rest.size, 16, &got, &err), err);
        rest.size += got;
    }
    CHECK(!*found || !feed_input_can_seek(&input));
    feed_input_close(&input);
    buffer_release(&read);
    return rest;
}

TEST(test_feed_search__the_header_is_found_wherever_it_is)
{
    static uint8_t data[200000];
    static const size_t places[] = {0, 1, 100, 65535, 65536 - 15, 65536, 131072 - 3, sizeof data - sizeof header};

    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (size_t unread = 0; unread <= sizeof data; unread += 66667) {
            bool found = false;

            memset(data, 'P', sizeof data);
            memcpy(data + places[i], header, sizeof header);
            struct buffer rest = search(data, sizeof data, unread, &found);
            CHECK(found);
            CHECK_EQ_UINT(rest.size, sizeof data - places[i]);
            CHECK(memcmp(rest.data, data + places[i], rest.size) == 0);
            buffer_release(&rest);
        }
}

TEST(test_feed_search__what_only_begins_like_one_is_none)
{
    uint8_t data[3 * sizeof header];
    bool found = true;

    memset(data, 0, sizeof data);
    memcpy(data, header, sizeof header);
    data[4] = 200; /* no version of the format */
    memcpy(data + sizeof header, header, sizeof header);
    data[sizeof header + 26] = 0; /* no name */
    memcpy(data + 2 * sizeof header, header, sizeof header);
    data[2 * sizeof header + 9] = 7; /* no method */
    struct buffer rest = search(data, sizeof data, 20, &found);
    CHECK(!found);
    buffer_release(&rest);
    rest = search(header, 20, 20, &found); /* cut */
    CHECK(!found);
    buffer_release(&rest);
    rest = search("", 0, 0, &found);
    CHECK(!found);
    buffer_release(&rest);
}
