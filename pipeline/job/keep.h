/* keep.h - what is kept of an instance for when its source is gone: two blobs of its row in the catalogue's `keep`
 *
 *   relic      the data set without Pixel Data, exactly as it was encoded (with preamble and File Meta; an inflated
 *              one as explicit little endian), and what worker/instance.h puts behind it; deflated:
 *              u32 bytes of the relic, u32 CRC-32 of what follows, the deflated bytes (RFC 1951)
 *   histogram  u32 CRC-32 of what follows, the histogram as histogram_write makes it
 *
 * The coordinator opens a histogram, and passes relics on as they are; a worker opens them.
 */
#ifndef SLICEPRESS_JOB_KEEP_H
#define SLICEPRESS_JOB_KEEP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/histogram.h"

/* The most that one of them may have: they share a message with the instance's metadata. */
enum { KEEP_RELIC_MOST = 8 << 20, KEEP_HISTOGRAM_MOST = 1 << 20 };

/* The memory that deflating takes; one a process. */
struct keep_packer;
bool keep_packer_new(struct keep_packer **packer, struct error *err);
void keep_packer_free(struct keep_packer *packer);

/* Appends. LIMIT: it would have more than KEEP_RELIC_MOST bytes; nothing is appended then. */
bool keep_write_relic(struct keep_packer *packer, const void *relic, size_t size, struct buffer *out,
                      struct error *err);
bool keep_write_histogram(const struct histogram *histogram, struct buffer *out, struct error *err);
/* `relic` is overwritten; `histogram` is filled, for histogram_release. CORRUPT: damaged, or lies about a size. */
bool keep_parse_relic(const void *data, size_t size, struct buffer *relic, struct error *err);
bool keep_parse_histogram(const void *data, size_t size, struct histogram *histogram, struct error *err);

#endif
