/* plane_pack.h - planes of 16-bit samples made small, at the speed of a copy
 *
 * The difference to the sample above, folded so that small ones of either sign are small numbers, 64 at a time in as
 * few bits as the largest wants: none, 4, 8 or 16. A slice takes a third to two thirds. What is not written to the page
 * cache and read back saves more than the packing costs, and the spool's budget reaches further.
 *
 *     each block of 64 samples: u8 0..3, then nothing, 32, 64 or 128 bytes; the rest of a row: 16 bits a sample
 */
#ifndef SLICEPRESS_WORKER_PLANE_PACK_H
#define SLICEPRESS_WORKER_PLANE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most that `rows` rows of `width` samples may take. */
size_t plane_pack_bound(size_t width, size_t rows);
/* Bytes written to `to`. */
size_t plane_pack(const uint16_t *samples, size_t width, size_t rows, uint8_t *to);
/* False: the bytes do not make these rows, all of them and nothing else. */
bool plane_unpack(const uint8_t *from, size_t size, uint16_t *samples, size_t width, size_t rows);

#endif
