#include "memory.h"

#include <stdlib.h>
#include <string.h>

bool size_mul(size_t a, size_t b, size_t *result)
{
    size_t product;

    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *result = product;
    return true;
}

bool size_add(size_t a, size_t b, size_t *result)
{
    size_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *result = sum;
    return true;
}

static void no_memory(size_t size, struct error *err)
{
    (void)error_set(err, ERROR_NOMEM, "cannot allocate %zu bytes", size);
}

void *memory_new(size_t size, struct error *err)
{
    void *const pointer = malloc(size > 0 ? size : 1);

    if (pointer == NULL)
        no_memory(size, err);
    return pointer;
}

void *memory_zeroed(size_t size, struct error *err)
{
    void *const pointer = calloc(1, size > 0 ? size : 1);

    if (pointer == NULL)
        no_memory(size, err);
    return pointer;
}

void *memory_array(size_t count, size_t size, struct error *err)
{
    size_t total;

    if (!size_mul(count, size, &total)) {
        (void)error_set(err, ERROR_NOMEM, "cannot allocate %zu elements of %zu bytes", count, size);
        return NULL;
    }
    return memory_zeroed(total, err);
}

void *memory_resize(void *old, size_t size, struct error *err)
{
    void *const pointer = realloc(old, size > 0 ? size : 1);

    if (pointer == NULL)
        no_memory(size, err);
    return pointer;
}

char *memory_string(const char *text, struct error *err)
{
    const size_t size = strlen(text) + 1;
    char *const copy = memory_new(size, err);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

void memory_free(void *pointer)
{
    free(pointer);
}

bool memory_grow(void **items, size_t *capacity, size_t needed, size_t size, struct error *err)
{
    const size_t least = 4;
    size_t wanted = *capacity > 0 ? *capacity : needed > least ? needed : least, total;

    if (needed <= *capacity)
        return true;
    while (wanted < needed)
        if (!size_mul(wanted, 2, &wanted)) {
            wanted = needed;
            break;
        }
    if (!size_mul(wanted, size, &total))
        return error_set(err, ERROR_NOMEM, "cannot allocate %zu elements of %zu bytes", wanted,
                         size);
    void *const grown = memory_resize(*items, total, err);
    if (grown == NULL)
        return false;
    *items = grown;
    *capacity = wanted;
    return true;
}
