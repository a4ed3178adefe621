/* gzip_copy.h - a file compressed into another one (RFC 1952), piece by piece
 *
 * By zlib, because libdeflate wants all of it in memory. No name and no time: the same bytes, the same file.
 */
#ifndef SLICEPRESS_JOB_GZIP_COPY_H
#define SLICEPRESS_JOB_GZIP_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"

struct gzip_copy { uint64_t size; struct digest digest; }; /* of what was written */

/* The first `size` bytes of `from`, wherever its cursor stands, to the cursor of `to`. */
bool gzip_copy(int from, uint64_t size, int to, struct gzip_copy *copy, struct error *err);

#endif
