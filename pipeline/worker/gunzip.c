#include "gunzip.h"

#include <string.h>

#include <zlib.h>

#include "base/memory.h"
#include "worker/source.h"

enum { INPUT_BYTES = 64 << 10, GZIP_ONLY = 16 };

struct gunzip {
    gunzip_input input;
    void *client;
    z_stream stream;
    bool input_ended, in_member, finished;
    uint64_t in, out; /* of all members */
    uint8_t room[INPUT_BYTES];
};

bool gunzip_new(gunzip_input input, void *client, struct gunzip **gunzip, struct error *err)
{
    struct gunzip *const made = memory_new(sizeof *made, err);

    if (made == NULL)
        return false;
    memset(made, 0, offsetof(struct gunzip, room));
    made->input = input;
    made->client = client;
    if (inflateInit2(&made->stream, MAX_WBITS + GZIP_ONLY) != Z_OK) {
        memory_free(made);
        return error_set(err, ERROR_NOMEM, "no memory to read gzip");
    }
    made->in_member = true;
    *gunzip = made;
    return true;
}

void gunzip_free(struct gunzip *gunzip)
{
    if (gunzip == NULL)
        return;
    (void)inflateEnd(&gunzip->stream);
    memory_free(gunzip);
}

static bool fill(struct gunzip *gunzip, struct error *err)
{
    size_t got = 0;

    if (gunzip->stream.avail_in > 0 || gunzip->input_ended)
        return true;
    if (!gunzip->input(gunzip->client, gunzip->room, sizeof gunzip->room, &got, err))
        return false;
    gunzip->input_ended = got == 0;
    gunzip->in += got;
    gunzip->stream.next_in = gunzip->room;
    gunzip->stream.avail_in = (unsigned)got;
    return true;
}

/* After a member: another one, padding, or the end. */
static bool next_member(struct gunzip *gunzip, struct error *err)
{
    for (;;) {
        if (!fill(gunzip, err))
            return false;
        if (gunzip->stream.avail_in == 0) {
            gunzip->finished = true;
            return true;
        }
        if (*gunzip->stream.next_in != 0)
            break;
        gunzip->stream.next_in++;
        gunzip->stream.avail_in--;
    }
    if (*gunzip->stream.next_in != 0x1F) {
        gunzip->finished = true;
        return error_set(err, ERROR_CORRUPT, "something follows the gzip data");
    }
    (void)inflateReset(&gunzip->stream);
    gunzip->in_member = true;
    return true;
}

static bool explain(const struct gunzip *gunzip, int status, struct error *err)
{
    if (status == Z_MEM_ERROR)
        return error_set(err, ERROR_NOMEM, "no memory to read gzip");
    if (status == Z_BUF_ERROR || status == Z_OK)
        return error_set(err, ERROR_TRUNCATED, "the gzip data end early");
    return error_set(err, ERROR_CORRUPT, "the gzip data are damaged: %s",
                     gunzip->stream.msg != NULL ? gunzip->stream.msg : "unknown reason");
}

bool gunzip_read(struct gunzip *gunzip, void *to, size_t size, size_t *got, struct error *err)
{
    z_stream *const stream = &gunzip->stream;

    stream->next_out = to;
    stream->avail_out = (unsigned)size;
    *got = 0;
    while (*got == 0 && !gunzip->finished) {
        if (!gunzip->in_member && !next_member(gunzip, err))
            return false;
        if (gunzip->finished)
            break;
        if (!fill(gunzip, err))
            return false;
        const int status = inflate(stream, Z_NO_FLUSH);
        *got = size - stream->avail_out;
        gunzip->in_member = status != Z_STREAM_END;
        /* What came out before the fault is given first; the next call finds the fault again. */
        if (status != Z_OK && status != Z_STREAM_END && *got == 0)
            return explain(gunzip, status, err);
        if (status == Z_OK && *got == 0 && gunzip->input_ended)
            return explain(gunzip, status, err);
    }
    gunzip->out += *got;
    return ratio_is_fair(gunzip->in, gunzip->out, err);
}
