/* frame_index.h - where each frame's bytes are, without holding them
 *
 * Native: by arithmetic (frames follow each other without padding, 1-bit frames may start inside a
 * byte). Encapsulated (PS3.5 A.4): by Extended Offset Table (7FE0,0001/0002), by Basic Offset Table
 * where it fits the items, by one fragment a frame, all fragments for one frame, else by scanning
 * fragments for the start of a codestream (FFD8, FF4F FF51, the RLE header...). A table that lies is
 * noted and the scan used. Items are walked once, headers only (pread).
 *
 * When data end early the frames that are whole stay readable; frame_index_read says TRUNCATED for the
 * others. frames as declared, corrected (and noted) if the items hold more or fewer.
 */
#ifndef SLICEPRESS_DICOM_FRAME_INDEX_H
#define SLICEPRESS_DICOM_FRAME_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "dicom/image.h"
#include "dicom/object.h"

struct frame_index;

bool frame_index_open(const struct object *object, const struct image *image, struct buffer *notes,
                      struct frame_index **index, struct error *err);
void frame_index_close(struct frame_index *index);
uint32_t frame_index_count(const struct frame_index *index);
/* So many frames, from the first one on, have all their bytes. */
uint32_t frame_index_whole(const struct frame_index *index);
/* The coded bytes of `frame` (from 1) into `out` (cleared first): fragments joined; native: the bytes that
 * hold the frame, *bit_offset (0..7) being where the frame's first bit lies in the first byte. With
 * image->swapped_pairs: the words that hold it, *bit_offset (0..15) into the first one after the swap. */
bool frame_index_read(const struct frame_index *index, uint32_t frame, struct buffer *out,
                      unsigned *bit_offset, struct error *err);
/* Of a native frame of whole bytes, without swapped pairs: `size` of its bytes from `offset` on. */
bool frame_index_read_part(const struct frame_index *index, uint32_t frame, uint64_t offset, size_t size,
                           struct buffer *out, struct error *err);

#endif
