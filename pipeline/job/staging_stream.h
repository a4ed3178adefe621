/* staging_stream.h - a file too large to be held, written as it comes
 *
 *     staging_stream(staging, err)
 *     staging_stream_put(staging, parts, count, err)...
 *     staging_stream_end(staging, &spec, false, err)       the file is an artefact
 *
 * One is open at a time in a product; other files may be put meanwhile. What does not end is removed, by
 * staging_stream_drop or by staging_end.
 */
#ifndef SLICEPRESS_JOB_STAGING_STREAM_H
#define SLICEPRESS_JOB_STAGING_STREAM_H

#include "job/staging.h"

bool staging_stream(struct staging *staging, struct error *err);
bool staging_stream_put(struct staging *staging, const struct part *parts, size_t part_count, struct error *err);
uint64_t staging_stream_size(const struct staging *staging); /* bytes put so far */
/* Writes over bytes that were put before: tables of what follows them. */
bool staging_stream_patch(struct staging *staging, uint64_t offset, const void *data, size_t size, struct error *err);
/* `gzip`, of a RENDITION: also NAME-gzip at PLACE_GZIP, the same compressed (RFC 1952), unless it is hardly smaller. */
bool staging_stream_end(struct staging *staging, const struct artefact_spec *spec, bool gzip, struct error *err);
void staging_stream_drop(struct staging *staging); /* nothing stays; fine without one */

#endif
