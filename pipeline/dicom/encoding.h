/* encoding.h - the two ways to write a data element, and which one some bytes are written in
 *
 * Private to dicom/. PS3.5 7.1: explicit VR in either byte order, implicit VR in little endian.
 */
#ifndef SLICEPRESS_DICOM_ENCODING_H
#define SLICEPRESS_DICOM_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct encoding {
    bool explicit_vr, big_endian;
};

uint16_t encoding_u16(struct encoding encoding, const uint8_t *bytes);
uint32_t encoding_u32(struct encoding encoding, const uint8_t *bytes);
uint32_t encoding_tag(struct encoding encoding, const uint8_t *bytes);
void encoding_put_tag(struct encoding encoding, uint32_t tag, uint8_t *bytes);
void encoding_put_u32(struct encoding encoding, uint32_t value, uint8_t *bytes);

/* A VR of PS3.5 6.2. */
bool vr_is_known(const uint8_t vr[2]);
/* Known, with a 32-bit length after two reserved bytes (PS3.5 7.1.2). */
bool vr_is_long(const uint8_t vr[2]);

/* How many of the first elements (up to 4; the end of the data counts as the rest) make sense as
 * the beginning of a data set in this encoding; `rest` is how long the data set is at most. */
unsigned encoding_score(struct encoding encoding, const uint8_t *bytes, size_t size, uint64_t rest);
enum { ENCODING_SCORE_MOST = 4 };
/* The one that scores best, `preferred` where it does as well; returns its score. */
unsigned encoding_guess(const uint8_t *bytes, size_t size, uint64_t rest, struct encoding preferred,
                        struct encoding *encoding);

#endif
