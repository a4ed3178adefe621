#include "sibling.h"

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buffer.h"
#include "base/memory.h"

enum {
    LEAST = 256,
    LARGE = 256 << 10, /* from here on quickly */
    LEVEL = 7, LEVEL_LARGE = 1, LEVEL_FILE = 4,
    BROTLI_LEVEL = 9, BROTLI_LEVEL_LARGE = 4, BROTLI_WINDOW = 20,
    CHUNK = 64 << 10
};

struct sibling_maker {
    struct libdeflate_compressor *well, *quickly; /* made when they are wanted */
    uint8_t in[CHUNK], out[CHUNK];
};

/* -- names ------------------------------------------------------------------------------- */

bool sibling_is_text(const char *path)
{
    static const char *const extensions[] = {".json", ".html", ".css", ".svg"};
    const char *const slash = strrchr(path, '/');
    const char *const name = slash != NULL ? slash + 1 : path;
    const char *const dot = strrchr(name, '.');

    for (size_t i = 0; dot != NULL && i < sizeof extensions / sizeof *extensions; i++)
        if (strcmp(dot, extensions[i]) == 0)
            return true;
    return strcmp(name, "metadata") == 0;
}

bool sibling_is_due(const char *path, uint64_t size)
{
    return size >= LEAST && sibling_is_text(path);
}

bool sibling_path(enum sibling sibling, const char *path, char out[PATH_SIZE], struct error *err)
{
    static const char *const suffixes[SIBLING_COUNT] = {[SIBLING_GZIP] = ".gz", [SIBLING_BROTLI] = ".br"};

    return path_format(out, err, "%s%s", path, suffixes[sibling]);
}

/* -- making ------------------------------------------------------------------------------ */

bool sibling_maker_new(struct sibling_maker **maker, struct error *err)
{
    return (*maker = memory_zeroed(sizeof **maker, err)) != NULL;
}

void sibling_maker_free(struct sibling_maker *maker)
{
    if (maker == NULL)
        return;
    libdeflate_free_compressor(maker->well);
    libdeflate_free_compressor(maker->quickly);
    memory_free(maker);
}

static bool write_all(int descriptor, const uint8_t *data, size_t size, const char *to, struct error *err)
{
    while (size > 0) {
        const ssize_t written = write(descriptor, data, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return error_errno(err, errno, "cannot write \"%s\"", to);
        data += written;
        size -= (size_t)written;
    }
    return true;
}

static bool deflate_memory(struct sibling_maker *maker, const struct bytes *plain, const char *to, struct error *err)
{
    const bool large = plain->size >= LARGE;
    struct libdeflate_compressor **const compressor = large ? &maker->quickly : &maker->well;
    struct buffer out = {0};

    if (*compressor == NULL)
        *compressor = libdeflate_alloc_compressor(large ? LEVEL_LARGE : LEVEL);
    if (*compressor == NULL)
        return error_set(err, ERROR_NOMEM, "no memory to deflate with");
    bool ok = buffer_reserve(&out, libdeflate_gzip_compress_bound(*compressor, plain->size), err);
    if (ok) {
        out.size = libdeflate_gzip_compress(*compressor, plain->memory, plain->size, out.data, out.capacity);
        ok = out.size > 0 ? path_write_file(to, out.data, out.size, err)
                          : error_set(err, ERROR_NOMEM, "cannot deflate %llu bytes", (unsigned long long)plain->size);
    }
    buffer_release(&out);
    return ok;
}

/* One step of a stream: `size` bytes in, as many as come out written; `last` ends it. */
typedef bool pump(struct sibling_maker *maker, void *stream, size_t size, bool last, int descriptor, const char *to,
                  struct error *err);

static bool pump_deflate(struct sibling_maker *maker, void *stream, size_t size, bool last, int descriptor,
                         const char *to, struct error *err)
{
    z_stream *const z = stream;
    int code;

    z->next_in = maker->in;
    z->avail_in = (uInt)size;
    do {
        z->next_out = maker->out;
        z->avail_out = CHUNK;
        code = deflate(z, last ? Z_FINISH : Z_NO_FLUSH);
        if (code == Z_STREAM_ERROR)
            return error_set(err, ERROR_NOMEM, "cannot deflate for \"%s\"", to);
        if (!write_all(descriptor, maker->out, CHUNK - z->avail_out, to, err))
            return false;
    } while (z->avail_out == 0 || (last && code != Z_STREAM_END));
    return true;
}

static bool pump_brotli(struct sibling_maker *maker, void *stream, size_t size, bool last, int descriptor,
                        const char *to, struct error *err)
{
    const uint8_t *in = maker->in;
    size_t left = size;

    do {
        uint8_t *out = maker->out;
        size_t room = CHUNK;

        if (!BrotliEncoderCompressStream(stream, last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS, &left, &in,
                                         &room, &out, NULL))
            return error_set(err, ERROR_NOMEM, "cannot compress for \"%s\"", to);
        if (!write_all(descriptor, maker->out, CHUNK - room, to, err))
            return false;
    } while (left > 0 || BrotliEncoderHasMoreOutput(stream) || (last && !BrotliEncoderIsFinished(stream)));
    return true;
}

static bool pump_all(struct sibling_maker *maker, const struct bytes *plain, pump *step, void *stream, const char *to,
                     struct error *err)
{
    const int descriptor = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = descriptor >= 0 || error_errno(err, errno, "cannot create \"%s\"", to);

    for (uint64_t offset = 0; ok && offset < plain->size;) {
        const size_t size = plain->size - offset < CHUNK ? (size_t)(plain->size - offset) : CHUNK;

        ok = bytes_read_all(plain, offset, maker->in, size, err);
        offset += size;
        ok = ok && step(maker, stream, size, offset == plain->size, descriptor, to, err);
    }
    if (descriptor >= 0 && close(descriptor) != 0 && ok)
        ok = error_errno(err, errno, "cannot write \"%s\"", to);
    return ok;
}

static bool deflate_file(struct sibling_maker *maker, const struct bytes *plain, const char *to, struct error *err)
{
    enum { GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 };
    z_stream z = {0};

    if (deflateInit2(&z, LEVEL_FILE, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return error_set(err, ERROR_NOMEM, "no memory to deflate with");
    const bool ok = pump_all(maker, plain, pump_deflate, &z, to, err);
    (void)deflateEnd(&z);
    return ok;
}

static bool compress_brotli(struct sibling_maker *maker, const struct bytes *plain, const char *to, struct error *err)
{
    BrotliEncoderState *const stream = BrotliEncoderCreateInstance(NULL, NULL, NULL);

    if (stream == NULL)
        return error_set(err, ERROR_NOMEM, "no memory to compress with");
    (void)BrotliEncoderSetParameter(stream, BROTLI_PARAM_QUALITY,
                                    plain->size >= LARGE ? BROTLI_LEVEL_LARGE : BROTLI_LEVEL);
    (void)BrotliEncoderSetParameter(stream, BROTLI_PARAM_LGWIN, BROTLI_WINDOW);
    (void)BrotliEncoderSetParameter(stream, BROTLI_PARAM_MODE, BROTLI_MODE_TEXT);
    const bool ok = pump_all(maker, plain, pump_brotli, stream, to, err);
    BrotliEncoderDestroyInstance(stream);
    return ok;
}

bool sibling_make(struct sibling_maker *maker, enum sibling sibling, const struct bytes *plain, const char *to,
                  struct error *err)
{
    if (sibling == SIBLING_BROTLI)
        return compress_brotli(maker, plain, to, err);
    return plain->memory != NULL ? deflate_memory(maker, plain, to, err) : deflate_file(maker, plain, to, err);
}

/* -- comparing --------------------------------------------------------------------------- */

/* Reads up to CHUNK bytes at `offset`; 0 at the end and on a failure. */
static size_t read_some(const struct bytes *bytes, uint64_t offset, uint8_t chunk[CHUNK])
{
    struct error ignored;
    size_t got = 0;

    return bytes->read(bytes, offset, chunk, CHUNK, &got, &ignored) ? got : 0;
}

static uint32_t crc_of(const struct bytes *plain)
{
    uint8_t chunk[CHUNK];
    uint32_t crc = 0;
    size_t got;

    if (plain->memory != NULL)
        return libdeflate_crc32(0, plain->memory, (size_t)plain->size);
    for (uint64_t offset = 0; (got = read_some(plain, offset, chunk)) > 0; offset += got)
        crc = libdeflate_crc32(crc, chunk, got);
    return crc;
}

bool sibling_says(const char *path, const struct bytes *plain)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct bytes bytes;
    struct error ignored;
    uint8_t tail[8];

    if (descriptor < 0)
        return false;
    const bool ok = bytes_of_descriptor(descriptor, &bytes, &ignored) && bytes.size > sizeof tail &&
                    bytes_read_all(&bytes, bytes.size - sizeof tail, tail, sizeof tail, &ignored);
    (void)close(descriptor);
    struct reader reader = reader_over(tail, sizeof tail);
    return ok && reader_u32(&reader) == crc_of(plain) && reader_u32(&reader) == (uint32_t)plain->size;
}

/* Whether the next bytes of `plain` are these. */
static bool goes_on(const struct bytes *plain, uint64_t *offset, const uint8_t *data, size_t size)
{
    uint8_t chunk[CHUNK];
    struct error ignored;
    const bool same = size <= CHUNK && size <= plain->size - *offset &&
                      bytes_read_all(plain, *offset, chunk, size, &ignored) && memcmp(chunk, data, size) == 0;

    *offset += same ? size : 0;
    return same;
}

static bool inflates_to(const struct bytes *file, const struct bytes *plain)
{
    enum { GZIP_WINDOW = 15 + 16 };
    uint8_t in[CHUNK], out[CHUNK];
    uint64_t read = 0, offset = 0;
    z_stream z = {0};
    int code = inflateInit2(&z, GZIP_WINDOW);

    while (code == Z_OK) {
        if (z.avail_in == 0) {
            z.next_in = in;
            z.avail_in = (uInt)read_some(file, read, in);
            read += z.avail_in;
        }
        z.next_out = out;
        z.avail_out = CHUNK;
        code = inflate(&z, Z_NO_FLUSH);
        if ((code == Z_OK || code == Z_STREAM_END) && !goes_on(plain, &offset, out, CHUNK - z.avail_out))
            code = Z_DATA_ERROR;
    }
    const bool whole = code == Z_STREAM_END && z.avail_in == 0 && read == file->size && offset == plain->size;
    (void)inflateEnd(&z);
    return whole;
}

static bool decompresses_to(const struct bytes *file, const struct bytes *plain)
{
    uint8_t in[CHUNK], out[CHUNK];
    uint64_t read = 0, offset = 0;
    const uint8_t *next = in;
    size_t left = 0;
    BrotliDecoderState *const stream = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    BrotliDecoderResult result = stream != NULL ? BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT : BROTLI_DECODER_RESULT_ERROR;

    while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT || result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
        uint8_t *to = out;
        size_t room = CHUNK;

        if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) {
            next = in;
            left = read_some(file, read, in);
            read += left;
            if (left == 0)
                break;
        }
        result = BrotliDecoderDecompressStream(stream, &left, &next, &room, &to, NULL);
        if (result != BROTLI_DECODER_RESULT_ERROR && !goes_on(plain, &offset, out, CHUNK - room))
            result = BROTLI_DECODER_RESULT_ERROR;
    }
    if (stream != NULL)
        BrotliDecoderDestroyInstance(stream);
    return result == BROTLI_DECODER_RESULT_SUCCESS && left == 0 && read == file->size && offset == plain->size;
}

bool sibling_holds(enum sibling sibling, const char *path, const struct bytes *plain)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct bytes file;
    struct error ignored;

    if (descriptor < 0)
        return false;
    const bool same = bytes_of_descriptor(descriptor, &file, &ignored) &&
                      (sibling == SIBLING_GZIP ? inflates_to(&file, plain) : decompresses_to(&file, plain));
    (void)close(descriptor);
    return same;
}
