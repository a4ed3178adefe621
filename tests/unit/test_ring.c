/* links: base */
#include "base/ring.h"

#include <stdint.h>

#include "tests/support/test.h"

static struct error err;

enum { SLOTS = 6, TASKS = 5000 };

struct desk {
    uint64_t values[SLOTS];
    uint64_t done;
};

/* Some take long, so that later ones are done before. */
static void square(void *client, size_t slot)
{
    struct desk *const desk = client;
    volatile uint64_t spin = 0;

    for (uint64_t i = 0; i < desk->values[slot] % 7 * 500; i++)
        spin = spin + i;
    desk->values[slot] *= desk->values[slot];
}

static void take(struct ring *ring, struct desk *desk)
{
    const size_t slot = ring_wait(ring);

    CHECK_EQ_UINT(desk->values[slot], desk->done * desk->done);
    desk->done++;
    ring_release(ring);
}

/* Every third comes done. */
static void run(unsigned threads, size_t slots)
{
    struct desk desk = {0};
    struct ring *ring = NULL;

    CHECK_OK(ring_new(threads, slots, square, &desk, &ring, &err), err);
    CHECK(ring_is_empty(ring));
    for (uint64_t i = 0; i < TASKS; i++) {
        if (ring_is_full(ring))
            take(ring, &desk);
        desk.values[ring_slot(ring)] = i % 3 == 0 ? i * i : i;
        ring_hand_over(ring, i % 3 == 0);
    }
    while (!ring_is_empty(ring))
        take(ring, &desk);
    CHECK_EQ_UINT(desk.done, TASKS);
    ring_free(ring);
}

TEST(test_ring__what_is_handed_over_comes_back_in_order)
{
    run(0, 1);
    run(1, SLOTS);
    run(2, 1);
    run(2, SLOTS);
    run(4, SLOTS);
    run(100, 2);
}

TEST(test_ring__is_freed_with_work_in_it)
{
    struct desk desk = {.values = {1, 2, 3}};
    struct ring *ring = NULL;

    CHECK_OK(ring_new(2, SLOTS, square, &desk, &ring, &err), err);
    for (int i = 0; i < 3; i++)
        ring_hand_over(ring, false);
    ring_free(ring);
    ring_free(NULL);
}
