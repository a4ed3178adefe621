/* ring.c - slots are handed over, taken and released in one order, each counted; DONE is said of each slot */
#include "ring.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>

#include "memory.h"

enum { STACK = 512 << 10 }; /* address space is limited in a worker */

struct ring {
    void (*work)(void *client, size_t slot);
    void *client;
    size_t count;                     /* of slots */
    uint64_t handed, taken, released; /* released <= taken <= handed <= released + count */
    bool is_done[RING_SLOTS_MOST];

    unsigned thread_count;
    pthread_t threads[RING_THREADS_MOST];
    bool has_lock;
    pthread_mutex_t lock;
    pthread_cond_t to_take, is_oldest_done;
    bool stop;
};

static void *thread_main(void *client)
{
    struct ring *const ring = client;

    (void)pthread_mutex_lock(&ring->lock);
    while (!ring->stop) {
        if (ring->taken == ring->handed) {
            (void)pthread_cond_wait(&ring->to_take, &ring->lock);
            continue;
        }
        const size_t slot = ring->taken++ % ring->count;
        if (ring->is_done[slot])
            continue;
        (void)pthread_mutex_unlock(&ring->lock);
        ring->work(ring->client, slot);
        (void)pthread_mutex_lock(&ring->lock);
        ring->is_done[slot] = true;
        if (slot == ring->released % ring->count)
            (void)pthread_cond_signal(&ring->is_oldest_done);
    }
    (void)pthread_mutex_unlock(&ring->lock);
    return NULL;
}

static bool make_lock(struct ring *ring)
{
    if (pthread_mutex_init(&ring->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&ring->to_take, NULL) == 0) {
        if (pthread_cond_init(&ring->is_oldest_done, NULL) == 0)
            return true;
        (void)pthread_cond_destroy(&ring->to_take);
    }
    (void)pthread_mutex_destroy(&ring->lock);
    return false;
}

/* A thread that cannot be started is done without. */
static void start_threads(struct ring *ring, unsigned threads)
{
    const unsigned most = threads < RING_THREADS_MOST ? threads : RING_THREADS_MOST;
    pthread_attr_t attributes;

    if (threads <= 1)
        return;
    ring->has_lock = make_lock(ring);
    if (!ring->has_lock || pthread_attr_init(&attributes) != 0)
        return;
    (void)pthread_attr_setstacksize(&attributes, STACK);
    while (ring->thread_count < most &&
           pthread_create(&ring->threads[ring->thread_count], &attributes, thread_main, ring) == 0)
        ring->thread_count++;
    (void)pthread_attr_destroy(&attributes);
}

bool ring_new(unsigned threads, size_t slots, void (*work)(void *client, size_t slot), void *client, struct ring **ring,
              struct error *err)
{
    struct ring *const made = memory_zeroed(sizeof *made, err);

    assert(slots >= 1 && slots <= RING_SLOTS_MOST);
    if (made == NULL)
        return false;
    made->work = work;
    made->client = client;
    made->count = slots;
    start_threads(made, threads);
    *ring = made;
    return true;
}

void ring_free(struct ring *ring)
{
    if (ring == NULL)
        return;
    if (ring->has_lock) {
        (void)pthread_mutex_lock(&ring->lock);
        ring->stop = true;
        (void)pthread_cond_broadcast(&ring->to_take);
        (void)pthread_mutex_unlock(&ring->lock);
        for (unsigned i = 0; i < ring->thread_count; i++)
            (void)pthread_join(ring->threads[i], NULL);
        (void)pthread_cond_destroy(&ring->is_oldest_done);
        (void)pthread_cond_destroy(&ring->to_take);
        (void)pthread_mutex_destroy(&ring->lock);
    }
    memory_free(ring);
}

bool ring_is_full(const struct ring *ring)
{
    return ring->handed - ring->released == ring->count;
}

bool ring_is_empty(const struct ring *ring)
{
    return ring->handed == ring->released;
}

size_t ring_slot(const struct ring *ring)
{
    return ring->handed % ring->count;
}

void ring_hand_over(struct ring *ring, bool is_done)
{
    const size_t slot = ring_slot(ring);

    assert(!ring_is_full(ring));
    if (ring->thread_count == 0) {
        if (!is_done)
            ring->work(ring->client, slot);
        ring->handed++;
        return;
    }
    (void)pthread_mutex_lock(&ring->lock);
    ring->is_done[slot] = is_done;
    ring->handed++;
    (void)pthread_cond_signal(&ring->to_take);
    (void)pthread_mutex_unlock(&ring->lock);
}

size_t ring_wait(struct ring *ring)
{
    const size_t slot = ring->released % ring->count;

    assert(!ring_is_empty(ring));
    if (ring->thread_count == 0)
        return slot;
    (void)pthread_mutex_lock(&ring->lock);
    while (!ring->is_done[slot])
        (void)pthread_cond_wait(&ring->is_oldest_done, &ring->lock);
    (void)pthread_mutex_unlock(&ring->lock);
    return slot;
}

/* A slot that came done may not have been passed by the threads yet; it is still theirs then to pass. */
void ring_release(struct ring *ring)
{
    assert(!ring_is_empty(ring));
    if (ring->thread_count == 0) {
        ring->released++;
        return;
    }
    (void)pthread_mutex_lock(&ring->lock);
    if (ring->taken == ring->released)
        ring->taken++;
    ring->released++;
    (void)pthread_mutex_unlock(&ring->lock);
}
