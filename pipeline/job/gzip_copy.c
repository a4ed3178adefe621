#include "gzip_copy.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/memory.h"

/* What is large is pixels, which the better levels make 3% smaller in four times the time. */
enum { CHUNK = 128 << 10, SMALL = 256 << 10, LEVEL_SMALL = 6, LEVEL_LARGE = 1 };
enum { GZIP_WINDOW = 15 + 16 /* the largest, in gzip form */, MEMORY_LEVEL = 8 };

struct work {
    z_stream stream;
    struct digest_state *digest;
    int to;
    uint64_t written;
    uint8_t in[CHUNK], out[CHUNK];
};

static bool write_out(struct work *work, size_t size, struct error *err)
{
    const uint8_t *data = work->out;

    if (!digest_add(work->digest, data, size, err))
        return false;
    work->written += size;
    while (size > 0) {
        const ssize_t written = write(work->to, data, size);

        if (written < 0 && errno != EINTR)
            return error_errno(err, errno, "cannot write a compressed file");
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return true;
}

/* Everything that the input at hand gives. */
static bool drain(struct work *work, int flush, struct error *err)
{
    do {
        work->stream.next_out = work->out;
        work->stream.avail_out = CHUNK;
        if (deflate(&work->stream, flush) == Z_STREAM_ERROR)
            return error_set(err, ERROR_CODEC, "zlib: %s",
                             work->stream.msg != NULL ? work->stream.msg : "deflate failed");
        if (!write_out(work, CHUNK - work->stream.avail_out, err))
            return false;
    } while (work->stream.avail_out == 0);
    return true;
}

static bool run(struct work *work, const struct bytes *from, uint64_t size, struct error *err)
{
    uint64_t at = 0;

    do {
        const size_t piece = size - at < CHUNK ? (size_t)(size - at) : CHUNK;

        if (!bytes_read_all(from, at, work->in, piece, err))
            return false;
        at += piece;
        work->stream.next_in = work->in;
        work->stream.avail_in = (unsigned)piece;
        if (!drain(work, at == size ? Z_FINISH : Z_NO_FLUSH, err))
            return false;
    } while (at < size);
    return true;
}

static bool begin(struct work *work, uint64_t size, struct error *err)
{
    const int level = size <= SMALL ? LEVEL_SMALL : LEVEL_LARGE;

    return deflateInit2(&work->stream, level, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK ||
           error_set(err, ERROR_NOMEM, "out of memory in zlib");
}

bool gzip_copy(int from, uint64_t size, int to, struct gzip_copy *copy, struct error *err)
{
    struct work *const work = memory_zeroed(sizeof *work, err);
    struct bytes bytes;
    bool ok = work != NULL && bytes_of_descriptor(from, &bytes, err) && digest_new(&work->digest, err);

    if (ok) {
        work->to = to;
        ok = begin(work, size, err) && run(work, &bytes, size, err) && digest_end(work->digest, &copy->digest, err);
        copy->size = work->written;
        (void)deflateEnd(&work->stream);
    }
    if (work != NULL)
        digest_free(work->digest);
    memory_free(work);
    return ok;
}
