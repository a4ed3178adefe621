/* hostile.h - bytes cut and changed, for every parser of what another process or a disk gives
 *
 * `try` parses a copy (in memory of exactly that size, so that ASan sees one byte too far), releases what it got, and
 * gives the error's kind, or ERROR_NONE. Cut anywhere it must refuse; changed it may refuse or not; the kind
 * is always `expected` (NOMEM would be an allocation by a lie).
 */
#ifndef SLICEPRESS_TESTS_HOSTILE_H
#define SLICEPRESS_TESTS_HOSTILE_H

#include "base/error.h"
#include "tests/support/test.h"

typedef enum error_kind (*hostile_try)(const void *data, size_t size);

static inline enum error_kind hostile_run(hostile_try try, const uint8_t *data, size_t size)
{
    uint8_t *const copy = calloc(1, size > 0 ? size : 1);

    CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    const enum error_kind kind = try(copy, size);
    free(copy);
    return kind;
}

static inline uint64_t hostile_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static inline void hostile_check(hostile_try try, const uint8_t *data, size_t size,
                                 enum error_kind expected, unsigned rounds)
{
    uint8_t *const mutant = malloc(size);
    uint64_t state = 20261121;

    CHECK(mutant != NULL);
    CHECK_EQ_INT(hostile_run(try, data, size), ERROR_NONE);
    for (size_t cut = 0; cut < size; cut++)
        if (hostile_run(try, data, cut) != expected)
            TEST_FAIL("%zu of %zu bytes are not refused as %s", cut, size, error_kind_word(expected));
    for (unsigned round = 0; round < rounds; round++) {
        memcpy(mutant, data, size);
        for (uint64_t i = 1 + hostile_random(&state) % 4; i > 0; i--) {
            const size_t at = (size_t)(hostile_random(&state) % size);
            static const uint8_t evil[] = {0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF};

            mutant[at] = hostile_random(&state) % 2 ? (uint8_t)hostile_random(&state)
                                                    : evil[hostile_random(&state) % sizeof evil];
        }
        const enum error_kind kind = hostile_run(try, mutant, size);
        if (kind != ERROR_NONE && kind != expected)
            TEST_FAIL("round %u: kind %s, expected %s", round, error_kind_word(kind),
                      error_kind_word(expected));
    }
    free(mutant);
}

#endif
