/* published.h - a published lossless frame read back: the multipart form taken off, the codestream decoded */
#ifndef SLICEPRESS_WORKER_PUBLISHED_H
#define SLICEPRESS_WORKER_PUBLISHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "dicom/coded_form.h"
#include "dicom/image.h"
#include "worker/plane_file.h"
#include "worker/studio.h"

/* Finds the one part of a multipart body: *payload lies in `body`. CORRUPT. */
bool published_part(const struct buffer *body, const uint8_t **payload, size_t *size,
                    const struct transfer_syntax **transfer_syntax, struct error *err);
/* The same of a file that is not read whole: where the payload lies. */
bool published_measure(const struct bytes *file, uint64_t *offset, uint64_t *size,
                       const struct transfer_syntax **transfer_syntax, struct error *err);
/* The functions below want to know how frames had been decoded when they were published: `form`; NULL: as `image` says.
 * The file's bytes stay in studio->published. */

/* The coded bytes in the file at `path`, and *made: the image as a decoder of them must know it, which borrows from
 * `image`. */
bool published_coded(const char *path, const struct image *image, const struct plane_form *form, struct studio *studio,
                     struct image *made, const uint8_t **data, size_t *size, struct error *err);
/* Makes a frame decoded from them what it was when it was published. */
void published_settle(const struct plane_form *form, struct frame *frame);
/* The file at `path` decoded. */
bool published_frame(const char *path, const struct image *image, const struct plane_form *form, uint32_t number,
                     struct studio *studio, struct buffer *notes, struct frame *frame, struct error *err);
/* It holds plain samples, which can be read in strips: `rows` rows from first_row on. */
bool published_is_plain(const char *path);
bool published_strip(const char *path, const struct image *image, const struct plane_form *form, uint32_t number,
                     uint32_t first_row, uint32_t rows, struct studio *studio, struct buffer *notes, struct frame *frame,
                     struct error *err);
/* What the file at `path` holds, by its headers; `frames` is left to the caller. */
bool published_form(const char *path, const struct image *image, const struct plane_form *form, struct studio *studio,
                    struct coded_form *coded, struct error *err);

#endif
