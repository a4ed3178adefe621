/* slices.h - the slices of one instance as they travel to the coordinator, and are kept in the catalogue
 *
 *     slices_begin(&writer, &native, out, err), slices_add(&writer, &slice, err)..., slices_end(&writer)
 *     slices_parse(data, size, &slices, err) ... slices_release(&slices)
 *
 * The bytes: u32 slices; u8 whether native pixels follow, what they are; then each slice: u32 which groups of fields
 * differ from those of the slice before (the first: from slice_absent), and their values. The UID and `instance` of a
 * slice are not in it: its row has them. An ordinary slice takes 200 bytes, a frame of an enhanced object 40.
 */
#ifndef SLICEPRESS_JOB_SLICES_H
#define SLICEPRESS_JOB_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/geometry.h"
#include "dicom/image.h"

/* The most that those of one instance may have: they share a message with all else that is kept of it. */
enum { SLICES_BYTES_MOST = 4 << 20, SLICES_MOST = 1 << 17 };

/* Frames that lie in the source as they are, without a coding (PS3.5 A.1, A.2): whoever knows this reads them without
 * the data set. */
struct native_pixels {
    bool are_there;
    uint64_t offset, length; /* of Pixel Data in the source's bytes, as far as they go */
    struct image image;      /* sizes, bits and meaning of the samples; nothing in it is owned, no transfer syntax */
};

struct slices {
    struct native_pixels native;
    size_t count;
    struct slice *items; /* owned; instance 0, no UID */
};

struct slices_writer {
    struct buffer *out;
    size_t from;        /* in `out` */
    uint32_t count;
    struct slice former;
};

bool slices_begin(struct slices_writer *writer, const struct native_pixels *native, struct buffer *out,
                  struct error *err);
/* LIMIT: that would be more than SLICES_BYTES_MOST or SLICES_MOST. */
bool slices_add(struct slices_writer *writer, const struct slice *slice, struct error *err);
void slices_end(struct slices_writer *writer);

/* Checks everything that somebody will rely on (PROTOCOL): texts, faults, frames, sizes. Other numbers may be anything. */
bool slices_parse(const void *data, size_t size, struct slices *slices, struct error *err);
/* How many there are said to be: to take memory once for those of many instances. */
size_t slices_count(const void *data, size_t size);
/* Nothing but where native pixels are. */
bool slices_native(const void *data, size_t size, struct native_pixels *native, struct error *err);
/* The checks of slices_parse, and nothing else. */
bool slices_check(const void *data, size_t size, struct error *err);
void slices_release(struct slices *slices);

#endif
