#include "feed_search.h"

#include <string.h>

enum {
    HEADER = 30, /* of a local file header, the name follows (APPNOTE 4.3.7) */
    NAME_MOST = 4096,
    VERSION_MOST = 63, METHOD_MOST = 99,
    AT_ONCE = 64 << 10
};

static unsigned u16(const uint8_t *b)
{
    return (unsigned)b[1] << 8 | b[0];
}

/* Four bytes come up in compressed data now and then; versions, methods and names that make sense behind them do not. */
static bool can_be_header(const uint8_t *b)
{
    return memcmp(b, "PK\3\4", 4) == 0 && b[4] <= VERSION_MOST && u16(b + 8) <= METHOD_MOST && u16(b + 26) > 0 &&
           u16(b + 26) <= NAME_MOST && b[HEADER] != '\0';
}

/* Where the first one begins, or where one may begin that is not all there. */
static size_t find_header(const struct buffer *data, bool *found)
{
    size_t at = 0;

    for (*found = false; at + HEADER < data->size; at++) {
        const uint8_t *const next = memchr(data->data + at, 'P', data->size - HEADER - at);

        if (next == NULL)
            return data->size - HEADER;
        at = (size_t)(next - data->data);
        *found = can_be_header(next);
        if (*found)
            return at;
    }
    return at;
}

static void drop_front(struct buffer *data, size_t size)
{
    memmove(data->data, data->data + size, data->size - size);
    data->size -= size;
}

static bool read_on(struct feed_input *input, struct buffer *data, size_t *got, struct error *err)
{
    if (!buffer_reserve(data, AT_ONCE, err) || !feed_input_read(input, data->data + data->size, AT_ONCE, got, err))
        return false;
    data->size += *got;
    return true;
}

bool feed_search(struct feed_input *input, struct buffer *unread, bool *found, struct error *err)
{
    size_t got = 1;
    bool ok = true;

    *found = false;
    while (ok && got > 0 && !*found) {
        if (unread->size > 0)
            drop_front(unread, find_header(unread, found));
        ok = *found || read_on(input, unread, &got, err);
    }
    if (ok && *found)
        ok = feed_input_return(input, unread, err);
    buffer_clear(unread);
    return ok;
}
