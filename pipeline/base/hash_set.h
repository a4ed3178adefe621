/* hash_set.h - a set of 64-bit hashes
 *
 *     struct hash_set set = {0};
 *     if (!hash_set_has(&set, hash_text(name))) hash_set_add(&set, hash_text(name), err);
 *     hash_set_release(&set);
 *
 * Where a hash stands depends on a number drawn for each set: names that were chosen to stand in each other's way do not.
 */
#ifndef SLICEPRESS_BASE_HASH_SET_H
#define SLICEPRESS_BASE_HASH_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct hash_set {
    uint64_t *slots; /* owned; 0: free */
    size_t count;    /* in slots */
    unsigned bits;   /* there are 1 << bits slots */
    uint64_t factor; /* odd */
    bool has_zero;
};

uint64_t hash_text(const char *text); /* FNV-1a: the same everywhere and always */

bool hash_set_has(const struct hash_set *set, uint64_t hash);
bool hash_set_add(struct hash_set *set, uint64_t hash, struct error *err); /* fine if it is there */
void hash_set_release(struct hash_set *set);                              /* and empty anew */

#endif
