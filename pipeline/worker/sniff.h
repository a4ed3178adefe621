/* sniff.h - what some bytes are, by their content; names mean nothing
 *
 * DICOM by "DICM" at byte 128, whatever the preamble looks like (WSI files are TIFF as well). UNKNOWN may still be an
 * object without a preamble: object_open decides.
 */
#ifndef SLICEPRESS_WORKER_SNIFF_H
#define SLICEPRESS_WORKER_SNIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

enum sniffed {
    SNIFFED_UNKNOWN,
    SNIFFED_EMPTY,
    SNIFFED_DICOM,
    SNIFFED_ZIP,
    SNIFFED_TAR,
    SNIFFED_GZIP,
    SNIFFED_OTHER /* something else for certain: a picture, a text... */
};

enum { SNIFF_BYTES = 4096 };

/* `what`: "a PNG picture", for people; static. `size`: of the bytes at hand, the first SNIFF_BYTES of the input. */
enum sniffed sniff(const uint8_t *data, size_t size, const char **what);
bool sniff_bytes(const struct bytes *bytes, enum sniffed *found, const char **what, struct error *err);
/* The end-of-central-directory record of a ZIP among the last 64 KiB: a self-extracting one, or one with something in
 * front of it. */
bool sniff_zip_at_end(const struct bytes *bytes);

#endif
