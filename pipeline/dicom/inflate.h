/* inflate.h - a deflated data set (PS3.5 A.5) laid out in a file, under limits
 *
 * Private to dicom/. zlib, because libdeflate wants the whole result in memory and its size
 * beforehand.
 */
#ifndef SLICEPRESS_DICOM_INFLATE_H
#define SLICEPRESS_DICOM_INFLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

/* Raw deflate data of `from` from byte `at`, inflated into `descriptor`. *cut: the data ended
 * early, what was there has been written. CORRUPT, LIMIT (INFLATED_BYTES, INFLATE_RATIO), IO,
 * NOMEM. */
bool inflate_data_set(const struct bytes *from, uint64_t at, int descriptor, bool *cut,
                      struct error *err);

#endif
