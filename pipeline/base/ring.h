/* ring.h - work handed to threads and taken back in order
 *
 *     ring_new(threads, slots, work, client, &ring, err)
 *     while (ring_is_full(ring)) { use(ring_wait(ring)); ring_release(ring); }
 *     fill(ring_slot(ring)); ring_hand_over(ring, false);          again and again
 *     while (!ring_is_empty(ring)) { use(ring_wait(ring)); ring_release(ring); }
 *     ring_free(ring)
 *
 * Slots are numbers: what stands in them is the caller's. All calls are the caller's thread's; `work` runs in one of the
 * ring's threads, or within ring_hand_over() where there are none. From ring_hand_over() until ring_wait() gives the slot
 * back its contents belong to the threads.
 */
#ifndef SLICEPRESS_BASE_RING_H
#define SLICEPRESS_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

enum { RING_THREADS_MOST = 16, RING_SLOTS_MOST = 128 };

struct ring;

/* Up to RING_THREADS_MOST threads and 1 to RING_SLOTS_MOST slots. 0 threads, 1 thread, or none that could be started: all is
 * done in the caller's. */
bool ring_new(unsigned threads, size_t slots, void (*work)(void *client, size_t slot), void *client, struct ring **ring,
              struct error *err);
bool ring_is_full(const struct ring *ring);
bool ring_is_empty(const struct ring *ring);
size_t ring_slot(const struct ring *ring); /* the one to be filled next; it is free unless the ring is full */
void ring_hand_over(struct ring *ring, bool is_done); /* the same, filled; is_done: there is no work in it */
size_t ring_wait(struct ring *ring); /* until the oldest is done; the ring is not empty */
void ring_release(struct ring *ring); /* the oldest is free again */
void ring_free(struct ring *ring); /* NULL is fine; work that was handed over may be left undone */

#endif
