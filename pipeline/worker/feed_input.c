#include "feed_input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { DRAIN_MOST = 64 << 20 };

static bool read_stream(void *to, size_t size, size_t *got, struct error *err)
{
    ssize_t n = 0;

    do
        n = read(STDIN_FILENO, to, size);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_errno(err, errno, "cannot read the stream");
    *got = (size_t)n;
    return true;
}

static bool take_peeked(struct peek *peek, void *to, size_t size, size_t *got)
{
    const size_t left = peek->size - peek->used;

    if (left == 0)
        return false;
    *got = size < left ? size : left;
    memcpy(to, peek->bytes + peek->used, *got);
    peek->used += *got;
    return true;
}

static bool read_packed(void *client, void *to, size_t size, size_t *got, struct error *err)
{
    struct feed_input *const input = client;
    const bool ok = input->bytes != NULL ? input->bytes->read(input->bytes, input->offset, to, size, got, err)
                                         : take_peeked(&input->packed, to, size, got) ||
                                               read_stream(to, size, got, err);

    if (ok) {
        input->offset += *got;
        input->taken += *got;
    }
    return ok;
}

static bool take_returned(struct feed_input *input, void *to, size_t size, size_t *got)
{
    const size_t left = input->returned.size - input->returned_used;

    if (left == 0)
        return false;
    *got = size < left ? size : left;
    memcpy(to, input->returned.data + input->returned_used, *got);
    input->returned_used += *got;
    return true;
}

bool feed_input_read(struct feed_input *input, void *to, size_t size, size_t *got, struct error *err)
{
    if (take_returned(input, to, size, got))
        return true;
    if (input->gunzip == NULL)
        return read_packed(input, to, size, got, err);
    return take_peeked(&input->unpacked, to, size, got) || gunzip_read(input->gunzip, to, size, got, err);
}

/* As many of the first bytes as there are. A fault after some is found again when they have been given. */
static bool fill_peek(struct feed_input *input, struct peek *peek, struct error *err)
{
    while (peek->size < sizeof peek->bytes) {
        uint8_t *const to = peek->bytes + peek->size;
        const size_t room = sizeof peek->bytes - peek->size;
        size_t got = 0;
        const bool ok = peek == &input->unpacked ? gunzip_read(input->gunzip, to, room, &got, err)
                                                 : read_stream(to, room, &got, err);

        if (!ok && peek->size == 0)
            return false;
        if (!ok || got == 0)
            break;
        peek->size += got;
    }
    return true;
}

bool feed_input_open(struct feed_input *input, const struct bytes *bytes, enum sniffed *found, const char **what,
                     struct error *err)
{
    memset(input, 0, sizeof *input);
    input->bytes = bytes;
    if (bytes != NULL) {
        if (!sniff_bytes(bytes, found, what, err))
            return false;
    } else {
        if (!fill_peek(input, &input->packed, err))
            return false;
        *found = sniff(input->packed.bytes, input->packed.size, what);
    }
    if (*found != SNIFFED_GZIP)
        return true;
    if (!gunzip_new(read_packed, input, &input->gunzip, err) || !fill_peek(input, &input->unpacked, err))
        return false;
    *found = sniff(input->unpacked.bytes, input->unpacked.size, what);
    return true;
}

void feed_input_close(struct feed_input *input)
{
    gunzip_free(input->gunzip);
    input->gunzip = NULL;
    buffer_release(&input->returned);
}

bool feed_input_can_seek(const struct feed_input *input)
{
    return input->bytes != NULL && input->gunzip == NULL && !input->is_one_way;
}

void feed_input_restart(struct feed_input *input)
{
    input->offset = 0;
    input->is_one_way = true;
}

/* What was returned before and is not read yet comes after them. */
bool feed_input_return(struct feed_input *input, const struct buffer *bytes, struct error *err)
{
    struct buffer *const returned = &input->returned;
    const size_t left = returned->size - input->returned_used;

    if (left > 0)
        memmove(returned->data, returned->data + input->returned_used, left);
    returned->size = left;
    input->returned_used = 0;
    input->is_one_way = true;
    if (!buffer_reserve(returned, bytes->size, err))
        return false;
    memmove(returned->data + bytes->size, returned->data, left);
    memcpy(returned->data, bytes->data, bytes->size);
    returned->size += bytes->size;
    return true;
}

bool feed_input_drain(struct feed_input *input, struct error *err)
{
    uint8_t room[16 << 10];
    size_t got = 1;

    for (uint64_t drained = 0; got > 0 && drained < DRAIN_MOST; drained += got)
        if (!feed_input_read(input, room, sizeof room, &got, err))
            return false;
    return true;
}
