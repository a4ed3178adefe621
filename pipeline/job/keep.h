/* keep.h - what is kept of an instance when its source is gone: work/keep/SS/SOURCE_DIGEST
 *
 * The data set without Pixel Data, exactly as it was encoded (with preamble and File Meta; an inflated
 * one as explicit little endian), deflated, and its histogram. object_open reads the header again from
 * memory. One file an instance: "SPKEEP1\n", u32 sizes, parts.
 */
#ifndef SLICEPRESS_JOB_KEEP_H
#define SLICEPRESS_JOB_KEEP_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/histogram.h"

/* `histogram` NULL: none. */
bool keep_write(const void *header, size_t header_size, const struct histogram *histogram,
                struct buffer *out, struct error *err);
/* Either output may be NULL (not wanted). CORRUPT if it is no keep file or lies about a size. */
bool keep_parse(const void *data, size_t size, struct buffer *header, struct histogram *histogram,
                bool *has_histogram, struct error *err);

#endif
