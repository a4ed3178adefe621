/* memory.h - the only door to the allocator
 *
 * Sizes that come from files go through size_mul/size_add or memory_array, after a check
 * against limits.h. Nothing else in the project calls malloc, calloc, realloc or free.
 */
#ifndef SLICEPRESS_BASE_MEMORY_H
#define SLICEPRESS_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* NULL with *err (NOMEM) filled on failure. size 0 gives a valid, freeable pointer. */
void *memory_new(size_t size, struct error *err);                     /* not zeroed */
void *memory_zeroed(size_t size, struct error *err);
void *memory_array(size_t count, size_t size, struct error *err);     /* zeroed, overflow-checked */
/* On failure NULL, and `old` stays valid. */
void *memory_resize(void *old, size_t size, struct error *err);
char *memory_string(const char *text, struct error *err);             /* a copy */
void memory_free(void *pointer);                                      /* NULL is fine */

/* False on overflow, *result untouched. */
bool size_mul(size_t a, size_t b, size_t *result);
bool size_add(size_t a, size_t b, size_t *result);

/* Grows *items (elements of `size` bytes, *capacity of them) so that `needed` fit: by doubling, and the first
 * time to what is needed, 4 at least. */
bool memory_grow(void **items, size_t *capacity, size_t needed, size_t size, struct error *err);

#endif
