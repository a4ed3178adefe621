/* gzip_stream.c - a ring of blocks: filled and put by the caller in turn, deflated by threads */
#include "codec/gzip_stream.h"

#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/ring.h"

/* deflateBound assumes the header of zlib, not the empty stored block of the flush. */
enum { DICTIONARY = 32 << 10, FLUSH_BYTES = 16, BLOCKS_MOST = 2 * GZIP_STREAM_THREADS_MOST };

struct block {
    z_stream deflate;
    bool has_deflate, is_last, failed;
    size_t dictionary, size, coded_size, coded_most;
    uLong crc;
    uint8_t *data; /* DICTIONARY bytes, of which the last `dictionary` count, then `size` */
    uint8_t *coded;
};

struct gzip_stream {
    gzip_stream_put *put;
    void *client;
    bool has_begun;
    uLong crc;
    uint32_t bytes; /* modulo 2^32, as the trailer wants it */
    size_t block_count;
    struct block blocks[BLOCKS_MOST];
    struct ring *ring; /* of the blocks */
};

unsigned gzip_stream_threads(void)
{
    cpu_set_t cores;

    if (sched_getaffinity(0, sizeof cores, &cores) != 0)
        return 1;
    const int count = CPU_COUNT(&cores);
    return count < 1 ? 1 : count > GZIP_STREAM_THREADS_MOST ? GZIP_STREAM_THREADS_MOST : (unsigned)count;
}

/* -- one block ---------------------------------------------------------------------------------- */

static void deflate_block(void *client, size_t number)
{
    struct gzip_stream *const s = client;
    struct block *const block = &s->blocks[number];
    z_stream *const z = &block->deflate;

    block->failed = deflateReset(z) != Z_OK ||
                    (block->dictionary > 0 && deflateSetDictionary(z, block->data + DICTIONARY - block->dictionary,
                                                                   (uInt)block->dictionary) != Z_OK);
    if (block->failed)
        return;
    z->next_in = block->data + DICTIONARY;
    z->avail_in = (uInt)block->size;
    z->next_out = block->coded;
    z->avail_out = (uInt)block->coded_most;
    const int status = deflate(z, block->is_last ? Z_FINISH : Z_SYNC_FLUSH);
    /* room that is left says that the flush is complete */
    block->failed = status != (block->is_last ? Z_STREAM_END : Z_OK) || z->avail_in > 0 || z->avail_out == 0;
    block->coded_size = block->coded_most - z->avail_out;
    block->crc = crc32(0, block->data + DICTIONARY, (uInt)block->size);
}

static bool make_block(struct block *block, struct error *err)
{
    enum { RAW_WINDOW = -15, MEMORY_LEVEL = 8 };

    block->data = memory_new(DICTIONARY + GZIP_STREAM_BLOCK, err);
    if (block->data == NULL)
        return false;
    block->has_deflate = deflateInit2(&block->deflate, GZIP_STREAM_LEVEL, Z_DEFLATED, RAW_WINDOW, MEMORY_LEVEL,
                                      Z_DEFAULT_STRATEGY) == Z_OK;
    if (!block->has_deflate)
        return error_set(err, ERROR_NOMEM, "no memory for a compressor");
    block->coded_most = deflateBound(&block->deflate, GZIP_STREAM_BLOCK) + FLUSH_BYTES;
    block->coded = memory_new(block->coded_most, err);
    return block->coded != NULL;
}

bool gzip_stream_new(unsigned threads, gzip_stream_put *put, void *client, struct gzip_stream **stream,
                     struct error *err)
{
    struct gzip_stream *const s = memory_zeroed(sizeof *s, err);
    const unsigned used = threads > GZIP_STREAM_THREADS_MOST ? GZIP_STREAM_THREADS_MOST : threads;

    if (s == NULL)
        return false;
    s->put = put;
    s->client = client;
    s->block_count = used <= 1 ? 2 : 2 * (size_t)used; /* two at least: the next block has the end of this one */
    bool ok = ring_new(used, s->block_count, deflate_block, s, &s->ring, err);
    for (size_t i = 0; ok && i < s->block_count; i++)
        ok = make_block(&s->blocks[i], err);
    if (!ok) {
        gzip_stream_free(s);
        return false;
    }
    *stream = s;
    return true;
}

void gzip_stream_free(struct gzip_stream *s)
{
    if (s == NULL)
        return;
    ring_free(s->ring);
    for (size_t i = 0; i < s->block_count; i++) {
        if (s->blocks[i].has_deflate)
            (void)deflateEnd(&s->blocks[i].deflate);
        memory_free(s->blocks[i].data);
        memory_free(s->blocks[i].coded);
    }
    memory_free(s);
}

/* -- in turn ------------------------------------------------------------------------------------ */

/* RFC 1952 2.3: magic, deflate, no flags, no time, no hint, system unknown. */
static bool put_header(struct gzip_stream *s, struct error *err)
{
    static const uint8_t header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};

    if (s->has_begun)
        return true;
    s->has_begun = true;
    return s->put(s->client, header, sizeof header, err);
}

static bool put_trailer(struct gzip_stream *s, struct error *err)
{
    const uint32_t words[2] = {(uint32_t)s->crc, s->bytes};
    uint8_t trailer[8];

    for (size_t i = 0; i < sizeof trailer; i++)
        trailer[i] = (uint8_t)(words[i / 4] >> 8 * (i % 4));
    return s->put(s->client, trailer, sizeof trailer, err);
}

static bool put_oldest(struct gzip_stream *s, struct error *err)
{
    struct block *const block = &s->blocks[ring_wait(s->ring)];

    if (block->failed)
        return error_set(err, ERROR_CODEC, "zlib cannot compress a block of %zu bytes", block->size);
    s->crc = crc32_combine(s->crc, block->crc, (z_off_t)block->size);
    if (!put_header(s, err) || !s->put(s->client, block->coded, block->coded_size, err))
        return false;
    block->size = 0;
    ring_release(s->ring);
    return true;
}

/* The block after it takes over the dictionary, which the threads only read. */
static bool close_block(struct gzip_stream *s, bool is_last, struct error *err)
{
    struct block *const block = &s->blocks[ring_slot(s->ring)];
    const size_t size = block->size;

    block->is_last = is_last;
    ring_hand_over(s->ring, false);
    if (is_last)
        return true;
    if (ring_is_full(s->ring) && !put_oldest(s, err))
        return false;
    struct block *const next = &s->blocks[ring_slot(s->ring)];
    memcpy(next->data, block->data + size, DICTIONARY); /* a full block is longer than that */
    next->dictionary = DICTIONARY;
    return true;
}

bool gzip_stream_write(struct gzip_stream *s, const void *data, size_t size, struct error *err)
{
    const uint8_t *from = data;

    s->bytes += (uint32_t)size;
    while (size > 0) {
        if (s->blocks[ring_slot(s->ring)].size == GZIP_STREAM_BLOCK && !close_block(s, false, err))
            return false;
        struct block *const block = &s->blocks[ring_slot(s->ring)];
        const size_t room = GZIP_STREAM_BLOCK - block->size, now = size < room ? size : room;

        memcpy(block->data + DICTIONARY + block->size, from, now);
        block->size += now;
        from += now;
        size -= now;
    }
    return true;
}

bool gzip_stream_end(struct gzip_stream *s, struct error *err)
{
    if (!close_block(s, true, err))
        return false;
    while (!ring_is_empty(s->ring))
        if (!put_oldest(s, err))
            return false;
    return put_trailer(s, err);
}
