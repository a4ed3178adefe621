/* samples.h - arrays of samples put into shape: pure functions, no memory taken
 *
 * `bytes` is the size of a sample's container: 1, 2, 4 (8 where doubles are only moved). Containers
 * are in host order (little endian) once samples_swap has been through. PS3.5 8.1.1 names the
 * steps.
 */
#ifndef SLICEPRESS_STAGES_CODEC_SAMPLES_H
#define SLICEPRESS_STAGES_CODEC_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The other byte order, in place; bytes 2, 4 or 8. */
void samples_swap(void *samples, size_t count, size_t bytes);

/* In place: value = (code >> shift), its low `bits` bits, sign-extended if is_signed. What lies
 * above (overlays of old objects) is gone. shift + bits <= 8 * bytes, bits >= 1. */
void samples_settle(void *samples, size_t count, size_t bytes, unsigned shift, unsigned bits,
                    bool is_signed);

/* In place: values outside [low, high] become low or high. */
void samples_clamp(void *samples, size_t count, size_t bytes, bool is_signed, int64_t low,
                   int64_t high);

/* All codes or-ed together: which bits are used at all. */
uint32_t samples_union(const void *samples, size_t count, size_t bytes);

/* Whether the low `width` bits of every code are a number of `bits` bits, two's complement if is_signed; bytes 1, 2 or 4. */
bool samples_fit(const void *samples, size_t count, size_t bytes, unsigned width, unsigned bits, bool is_signed);

/* Low bytes kept or zeroes added above (sign bits if is_signed): 1, 2, 4 to 1, 2, 4. */
void samples_convert(const void *from, size_t from_bytes, bool is_signed, size_t count, void *to,
                     size_t to_bytes);

/* Codes of `bits` bits (1..32) that follow each other without gaps, least significant bit first,
 * from bit `bit_offset` (0..7) of the first byte on. Reads ceil((bit_offset + count * bits) / 8).
 */
void samples_unpack(const uint8_t *packed, unsigned bit_offset, unsigned bits, size_t count,
                    void *to, size_t to_bytes);

/* RRR.. GGG.. BBB.. to RGB RGB ..: `samples` planes of `pixels` each. */
void samples_interleave(const void *planes, size_t pixels, unsigned samples, size_t bytes,
                        void *to);

/* Y1 Y2 Cb Cr to Y1 Cb Cr Y2 Cb Cr (PS3.3 C.7.6.3.1.2: Cb and Cr belong to both); pixels even. */
void samples_expand_422(const void *from, size_t pixels, size_t bytes, void *to);

#endif
