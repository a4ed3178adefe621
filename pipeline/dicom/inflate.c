#include "dicom/inflate.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

#include "base/limits.h"
#include "base/memory.h"

enum { CHUNK = 128 << 10 };

static bool write_all(int descriptor, const uint8_t *data, size_t size, struct error *err)
{
    while (size) {
        const ssize_t written = write(descriptor, data, size);
        if (written < 0 && errno != EINTR)
            return error_errno(err, errno, "cannot write an inflated data set");
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return true;
}

static bool check_limits(uint64_t in, uint64_t out, struct error *err)
{
    if (out > LIMIT(INFLATED_BYTES))
        return error_set(err, ERROR_LIMIT,
                         "limit INFLATED_BYTES: the data set inflates to more than %llu bytes",
                         (unsigned long long)LIMIT(INFLATED_BYTES));
    if (out > LIMIT(INFLATE_FREE_BYTES) && out / LIMIT(INFLATE_RATIO) > in)
        return error_set(err, ERROR_LIMIT,
                         "limit INFLATE_RATIO: %llu bytes inflate to %llu, more than %llu to 1",
                         (unsigned long long)in, (unsigned long long)out,
                         (unsigned long long)LIMIT(INFLATE_RATIO));
    return true;
}

/* All that the input at hand gives. */
static bool drain(z_stream *stream, uint8_t *out, int descriptor, int *status, struct error *err)
{
    do {
        stream->next_out = out;
        stream->avail_out = CHUNK;
        *status = inflate(stream, Z_NO_FLUSH);
        if (*status != Z_OK && *status != Z_STREAM_END && *status != Z_BUF_ERROR)
            return error_set(err, *status == Z_MEM_ERROR ? ERROR_NOMEM : ERROR_CORRUPT,
                             "deflated data set: %s after %llu bytes",
                             stream->msg ? stream->msg : "zlib failed",
                             (unsigned long long)stream->total_out);
        if (!check_limits(stream->total_in, stream->total_out, err) ||
            !write_all(descriptor, out, CHUNK - stream->avail_out, err))
            return false;
    } while (*status == Z_OK && stream->avail_out == 0);
    return true;
}

static bool run(z_stream *stream, const struct bytes *from, uint64_t at, int descriptor,
                uint8_t *chunks, bool *cut, struct error *err)
{
    uint8_t *in = chunks, *out = chunks + CHUNK;
    int status = Z_OK;
    size_t got = CHUNK;
    while (status != Z_STREAM_END && got == CHUNK) {
        if (!from->read(from, at, in, CHUNK, &got, err))
            return false;
        at += got;
        stream->next_in = in;
        stream->avail_in = (uInt)got;
        if (!drain(stream, out, descriptor, &status, err))
            return false;
    }
    *cut = status != Z_STREAM_END;
    return true;
}

bool inflate_data_set(const struct bytes *from, uint64_t at, int descriptor, bool *cut,
                      struct error *err)
{
    z_stream stream = {0};
    uint8_t *chunks = memory_new(2 * CHUNK, err);
    if (!chunks)
        return false;
    bool ok = inflateInit2(&stream, -MAX_WBITS) == Z_OK ||
              error_set(err, ERROR_NOMEM, "zlib cannot begin");
    if (ok) {
        ok = run(&stream, from, at, descriptor, chunks, cut, err);
        inflateEnd(&stream);
    }
    memory_free(chunks);
    return ok;
}
