/* header.h - the walk over an encoded data set up to its pixel data
 *
 * Private to dicom/. The walk checks every tag, VR and length against the bytes that are there,
 * finds the pixel data, and copies what it has understood in ONE form: known VRs, even lengths, all
 * sequences and items with undefined length and with their delimiters. GDCM reads only this copy;
 * so its many paths for broken files, which recurse, allocate by unchecked lengths and abort, are
 * never taken (facts: 9 of 125 malformed headers killed GDCM 3.0.21; none of the copies does).
 *
 * A long Per-frame Functional Groups Sequence (a slide's reaches 100 MB) is not copied: the places
 * of its items are kept, and header_item copies one when it is asked for.
 */
#ifndef SLICEPRESS_DICOM_HEADER_H
#define SLICEPRESS_DICOM_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "dicom/encoding.h"
#include "dicom/object.h"

enum {
    /* Elements and items in the copy. GDCM takes some 200 bytes for each. */
    HEADER_ELEMENTS = 1000000,
    /* Copied bytes from which Per-frame Functional Groups are served item by item. */
    HEADER_GROUPS_BYTES = 256 << 10,
};

struct header_range {
    uint64_t from, to;
};

struct header {
    struct encoding encoding;     /* of the original and of the copy */
    struct buffer copy;           /* owned */
    uint64_t end;                 /* of the original: the pixel element's tag, or the end */
    struct pixel_location pixels; /* element is NONE where there are none */
    char pixel_vr[3];             /* of their element, "UN" where it has none */
    /* The items of Per-frame Functional Groups left out of the copy; 0 if they are in it (or
     * absent). */
    struct header_range *groups;
    size_t group_count, group_capacity;
    struct encoding group_encoding;
};

/* Walks [from, to) of `bytes`. meta: explicit little endian, ends before the first tag whose group
 * is not 0002. Errors: TRUNCATED (cut), CORRUPT, LIMIT, IO, NOMEM. Recoveries are noted. */
bool header_walk(const struct bytes *bytes, uint64_t from, uint64_t to, struct encoding encoding,
                 bool meta, struct buffer *notes, struct header *header, struct error *err);
/* Copies Per-frame Functional Groups item `index`; *encoding: its own. */
bool header_item(const struct bytes *bytes, const struct header *header, size_t index,
                 struct buffer *copy, struct encoding *encoding, struct error *err);
void header_release(struct header *header);

#endif
