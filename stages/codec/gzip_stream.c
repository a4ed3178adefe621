/* gzip_stream.c - a ring of blocks: filled and put by the caller in turn, deflated by threads
 *
 *     FREE -(filled)-> FULL -(a thread takes it)-> BUSY -> DONE -(put)-> FREE
 *
 * A block's state changes under the lock; its bytes belong to whoever brought it into its state.
 */
#include "codec/gzip_stream.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"

/* deflateBound assumes the header of zlib, not the empty stored block of the flush. */
enum { DICTIONARY = 32 << 10, FLUSH_BYTES = 16, RING_MOST = 2 * GZIP_STREAM_THREADS_MOST, STACK = 256 << 10 };

enum block_state { BLOCK_FREE, BLOCK_FULL, BLOCK_BUSY, BLOCK_DONE };

struct block {
    enum block_state state;
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
    size_t ring;
    struct block blocks[RING_MOST];
    size_t filling, putting; /* indices of the ring; blocks from putting up to filling are on their way */

    unsigned thread_count;
    pthread_t threads[GZIP_STREAM_THREADS_MOST];
    bool has_lock;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a block became FULL or DONE, or `stop` */
    size_t taking;          /* the next that a thread takes */
    bool stop;
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

static void deflate_block(struct block *block)
{
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

/* -- threads ------------------------------------------------------------------------------------ */

static void *thread_main(void *client)
{
    struct gzip_stream *const s = client;

    (void)pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        struct block *const block = &s->blocks[s->taking];

        if (block->state != BLOCK_FULL) {
            (void)pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        block->state = BLOCK_BUSY;
        s->taking = (s->taking + 1) % s->ring;
        (void)pthread_mutex_unlock(&s->lock);
        deflate_block(block);
        (void)pthread_mutex_lock(&s->lock);
        block->state = BLOCK_DONE;
        (void)pthread_cond_broadcast(&s->changed);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* A thread that cannot be started is done without. */
static void start_threads(struct gzip_stream *s, unsigned threads)
{
    pthread_attr_t attributes;

    if (threads <= 1 || pthread_mutex_init(&s->lock, NULL) != 0)
        return;
    s->has_lock = pthread_cond_init(&s->changed, NULL) == 0;
    if (!s->has_lock) {
        (void)pthread_mutex_destroy(&s->lock);
        return;
    }
    if (pthread_attr_init(&attributes) != 0)
        return;
    (void)pthread_attr_setstacksize(&attributes, STACK); /* address space is limited in a worker */
    while (s->thread_count < threads && pthread_create(&s->threads[s->thread_count], &attributes, thread_main, s) == 0)
        s->thread_count++;
    (void)pthread_attr_destroy(&attributes);
}

static void stop_threads(struct gzip_stream *s)
{
    if (!s->has_lock)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stop = true;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->thread_count; i++)
        (void)pthread_join(s->threads[i], NULL);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
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
    s->ring = used <= 1 ? 2 : 2 * (size_t)used; /* two at least: the next block has the end of this one */
    for (size_t i = 0; i < s->ring; i++)
        if (!make_block(&s->blocks[i], err)) {
            gzip_stream_free(s);
            return false;
        }
    start_threads(s, used);
    *stream = s;
    return true;
}

void gzip_stream_free(struct gzip_stream *s)
{
    if (s == NULL)
        return;
    stop_threads(s);
    for (size_t i = 0; i < s->ring; i++) {
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

static void set_state(struct gzip_stream *s, struct block *block, enum block_state state)
{
    if (s->has_lock)
        (void)pthread_mutex_lock(&s->lock);
    block->state = state;
    if (!s->has_lock)
        return;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
}

static void wait_until_done(struct gzip_stream *s, const struct block *block)
{
    if (s->thread_count == 0)
        return;
    (void)pthread_mutex_lock(&s->lock);
    while (block->state != BLOCK_DONE)
        (void)pthread_cond_wait(&s->changed, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
}

static bool put_next(struct gzip_stream *s, struct error *err)
{
    struct block *const block = &s->blocks[s->putting];

    wait_until_done(s, block);
    if (block->failed)
        return error_set(err, ERROR_CODEC, "zlib cannot compress a block of %zu bytes", block->size);
    s->crc = crc32_combine(s->crc, block->crc, (z_off_t)block->size);
    if (!put_header(s, err) || !s->put(s->client, block->coded, block->coded_size, err))
        return false;
    block->size = 0;
    set_state(s, block, BLOCK_FREE);
    s->putting = (s->putting + 1) % s->ring;
    return true;
}

static void hand_over(struct gzip_stream *s, struct block *block)
{
    if (s->thread_count == 0) {
        deflate_block(block);
        set_state(s, block, BLOCK_DONE);
        return;
    }
    set_state(s, block, BLOCK_FULL);
}

/* Before a block is handed over the one after it must be free: it takes over the dictionary. */
static bool close_block(struct gzip_stream *s, bool is_last, struct error *err)
{
    struct block *const block = &s->blocks[s->filling];
    const size_t next = (s->filling + 1) % s->ring;

    if (!is_last && next == s->putting && !put_next(s, err))
        return false;
    block->is_last = is_last;
    if (!is_last) {
        memcpy(s->blocks[next].data, block->data + block->size, DICTIONARY); /* a full block is longer than that */
        s->blocks[next].dictionary = DICTIONARY;
    }
    hand_over(s, block);
    s->filling = next;
    return true;
}

bool gzip_stream_write(struct gzip_stream *s, const void *data, size_t size, struct error *err)
{
    const uint8_t *from = data;

    s->bytes += (uint32_t)size;
    while (size > 0) {
        if (s->blocks[s->filling].size == GZIP_STREAM_BLOCK && !close_block(s, false, err))
            return false;
        struct block *const block = &s->blocks[s->filling];
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
    do {
        if (!put_next(s, err))
            return false;
    } while (s->putting != s->filling);
    return put_trailer(s, err);
}
