/* bytes.h - random access to the bytes of an input, wherever they are
 *
 * A `struct bytes` lends read access to a file, a run of memory or anything else; parsers and
 * frame indexes take it and never a path. Reads are positioned, so nobody moves a cursor for
 * somebody else.
 */
#ifndef SLICEPRESS_BASE_BYTES_H
#define SLICEPRESS_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct bytes {
    uint64_t size;
    /* Reads up to `size` bytes at `offset`; *got < size only at the end. False: IO. */
    bool (*read)(const struct bytes *bytes, uint64_t offset, void *to, size_t size, size_t *got,
                 struct error *err);
    const uint8_t *memory; /* the whole content if it is in memory anyway, else NULL */
    int descriptor;        /* the file, or -1 */
};

struct bytes bytes_of_memory(const void *data, size_t size);
/* `size` is fstat's; the descriptor stays the caller's. */
bool bytes_of_descriptor(int descriptor, struct bytes *bytes, struct error *err);
/* Exactly `size` bytes, or TRUNCATED with both numbers. */
bool bytes_read_all(const struct bytes *bytes, uint64_t offset, void *to, size_t size,
                    struct error *err);

#endif
