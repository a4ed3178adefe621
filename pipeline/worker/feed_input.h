/* feed_input.h - the bytes of a stream or archive in order, gzip taken off, with a look at the first ones
 *
 * Private to feed.c. From descriptor 0 as they arrive, or from a source with random access, which can also seek as
 * long as nothing is unpacked.
 */
#ifndef SLICEPRESS_WORKER_FEED_INPUT_H
#define SLICEPRESS_WORKER_FEED_INPUT_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "worker/gunzip.h"
#include "worker/sniff.h"

struct peek { uint8_t bytes[SNIFF_BYTES]; size_t size, used; };

struct feed_input {
    const struct bytes *bytes; /* NULL: the stream */
    uint64_t offset;           /* of the next packed byte */
    uint64_t taken;            /* packed bytes read so far, also twice */
    struct gunzip *gunzip;
    struct buffer returned;    /* given again before all else */
    size_t returned_used;
    bool is_one_way;           /* it is read as if it were a stream */
    struct peek packed, unpacked; /* what was read to sniff, given first; packed: of the stream only */
};

/* Finds out what the input is; takes gzip off. `what` as sniff gives it. */
bool feed_input_open(struct feed_input *input, const struct bytes *bytes, enum sniffed *found, const char **what,
                     struct error *err);
void feed_input_close(struct feed_input *input);
bool feed_input_read(struct feed_input *input, void *to, size_t size, size_t *got, struct error *err);
bool feed_input_can_seek(const struct feed_input *input);
/* From the first byte on again, once: there is no other way back. */
void feed_input_restart(struct feed_input *input);
/* The next bytes are these, and there is no way back. */
bool feed_input_return(struct feed_input *input, const struct buffer *bytes, struct error *err);
/* Reads on to the end, so that the last CRC is checked and whoever writes to us is not cut off; only a bit. */
bool feed_input_drain(struct feed_input *input, struct error *err);

#endif
