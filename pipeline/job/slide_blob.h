/* slide_blob.h - a slide_part (dicom/slide.h) as it travels to the coordinator, and is kept in the catalogue
 *
 * The bytes: what holds for the instance; its planes; then, unless it is TILED_FULL, for each frame how far its plane,
 * column and row are from where the frame before would let it expect (its right neighbour), as signed numbers of variable
 * length: three bytes a frame where tiles follow one another. `instance` and the UID are not in it: its row has them.
 */
#ifndef SLICEPRESS_JOB_SLIDE_BLOB_H
#define SLICEPRESS_JOB_SLIDE_BLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/slide.h"

enum { SLIDE_BLOB_MOST = 4 << 20 };

/* Appends. LIMIT: that would be more than SLIDE_BLOB_MOST. */
bool slide_blob_write(const struct slide_part *part, struct buffer *out, struct error *err);
/* Checks everything that somebody will rely on (PROTOCOL); `part` is for slide_part_release. */
bool slide_blob_parse(const void *data, size_t size, struct slide_part *part, struct error *err);
/* The checks of slide_blob_parse, and nothing else. */
bool slide_blob_check(const void *data, size_t size, struct error *err);

#endif
