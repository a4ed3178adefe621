/* hash_set.c - open addressing, at most three quarters full; slots by the upper bits of a product */
#include "hash_set.h"

#include <sys/random.h>

#include "memory.h"

enum { LEAST_BITS = 6 };

uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (const char *c = text; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return hash;
}

/* Where it is, or the free slot where it would be. */
static size_t find(const struct hash_set *set, uint64_t hash)
{
    const size_t mask = ((size_t)1 << set->bits) - 1;
    size_t at = (size_t)(hash * set->factor >> (64 - set->bits));

    while (set->slots[at] != 0 && set->slots[at] != hash)
        at = (at + 1) & mask;
    return at;
}

bool hash_set_has(const struct hash_set *set, uint64_t hash)
{
    if (hash == 0)
        return set->has_zero;
    return set->slots != NULL && set->slots[find(set, hash)] == hash;
}

static bool grow(struct hash_set *set, struct error *err)
{
    const size_t before = set->slots != NULL ? (size_t)1 << set->bits : 0;
    struct hash_set grown = *set;

    if (before == 0 && getrandom(&grown.factor, sizeof grown.factor, GRND_NONBLOCK) != sizeof grown.factor)
        grown.factor = UINT64_C(0x9E3779B97F4A7C15);
    grown.factor |= 1;
    grown.bits = before > 0 ? set->bits + 1 : LEAST_BITS;
    grown.slots = memory_array((size_t)1 << grown.bits, sizeof *grown.slots, err);
    if (grown.slots == NULL)
        return false;
    for (size_t i = 0; i < before; i++)
        if (set->slots[i] != 0)
            grown.slots[find(&grown, set->slots[i])] = set->slots[i];
    memory_free(set->slots);
    *set = grown;
    return true;
}

bool hash_set_add(struct hash_set *set, uint64_t hash, struct error *err)
{
    const size_t slots = set->slots != NULL ? (size_t)1 << set->bits : 0;

    if (hash == 0) {
        set->has_zero = true;
        return true;
    }
    if (set->count >= slots / 4 * 3 && !grow(set, err))
        return false;
    const size_t at = find(set, hash);
    set->count += set->slots[at] == 0;
    set->slots[at] = hash;
    return true;
}

void hash_set_release(struct hash_set *set)
{
    memory_free(set->slots);
    *set = (struct hash_set){0};
}
