/* feed_zip.h - the plain members of a ZIP that arrives as a stream (APPNOTE 6.3.10, 4.3.7), unpacked whole by libdeflate
 *
 *     while (feed_zip_next(&zip, &found, &entry, err) && found == FEED_ZIP_MEMBER)
 *         feed_zip_unpack(&zip, &entry, err) ... zip.content
 *     feed_zip_release(&zip)
 *
 * Private to feed.c. libdeflate takes less than half of the time that libarchive's inflating takes, which is most of what a
 * stream costs. Plain: stored or deflated, sizes and CRC in front of the data, not encrypted, no larger than fits in
 * memory, a name that means one thing. At the first member that is not, OTHER: what was read of it is given back to
 * the input, and whoever reads on finds an archive that begins there.
 */
#ifndef SLICEPRESS_WORKER_FEED_ZIP_H
#define SLICEPRESS_WORKER_FEED_ZIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "worker/feed_input.h"

enum feed_zip_found { FEED_ZIP_MEMBER, FEED_ZIP_END, FEED_ZIP_OTHER };

struct zip_entry { uint32_t crc, packed, size; bool is_stored; };

struct libdeflate_decompressor;
struct feed_zip {
    struct feed_input *input; /* borrowed */
    struct buffer name;       /* of the entry, as it is */
    struct buffer packed, content;
    struct libdeflate_decompressor *inflater;
};

/* False: the input cannot be read. */
bool feed_zip_next(struct feed_zip *zip, enum feed_zip_found *found, struct zip_entry *entry, struct error *err);
/* CORRUPT: the next entry can be read all the same. TRUNCATED: it is not there. */
bool feed_zip_unpack(struct feed_zip *zip, const struct zip_entry *entry, struct error *err);
void feed_zip_release(struct feed_zip *zip);

#endif
