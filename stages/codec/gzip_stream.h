/* gzip_stream.h - a stream of any length into one gzip member (RFC 1952), by zlib, on several cores
 *
 *     gzip_stream_new(gzip_stream_threads(), put, client, &stream, err)
 *     gzip_stream_write(stream, data, size, err)...; gzip_stream_end(stream, err)
 *     gzip_stream_free(stream)                           whatever happened
 *
 * The stream is cut into blocks of GZIP_STREAM_BLOCK bytes. Each is deflated alone, with the 32 KiB
 * before it as dictionary, up to a byte boundary (Z_SYNC_FLUSH), so that the pieces one after the
 * other are one deflate stream and lose next to nothing. One member, not many: DecompressionStream
 * of browsers refuses bytes behind the first. No name and no time in its header, and the blocks do
 * not depend on the threads: the same bytes in, the same bytes out, however they are cut into
 * writes. Memory is a few blocks a thread, whatever the length.
 *
 * `put` is called from within write and end, in the caller's thread; its failure is theirs. After a
 * failure only free is of use.
 */
#ifndef SLICEPRESS_STAGES_CODEC_GZIP_STREAM_H
#define SLICEPRESS_STAGES_CODEC_GZIP_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Voxels as dcm2niix -z y (level 6) leaves them are at most 1% smaller, at two to five times the
 * processor time. */
enum { GZIP_STREAM_LEVEL = 4, GZIP_STREAM_BLOCK = 512 << 10, GZIP_STREAM_THREADS_MOST = 4 };

typedef bool gzip_stream_put(void *client, const void *data, size_t size, struct error *err);

struct gzip_stream;
/* As many as cores that the process may use, at most GZIP_STREAM_THREADS_MOST. */
unsigned gzip_stream_threads(void);
/* threads 1: all is done in the caller's; so it is where no thread can be started. NOMEM. */
bool gzip_stream_new(unsigned threads, gzip_stream_put *put, void *client, struct gzip_stream **stream,
                     struct error *err);
bool gzip_stream_write(struct gzip_stream *stream, const void *data, size_t size, struct error *err);
bool gzip_stream_end(struct gzip_stream *stream, struct error *err);
void gzip_stream_free(struct gzip_stream *stream); /* NULL is fine */

#endif
