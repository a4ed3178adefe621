/* published.h - a published lossless frame read back: the multipart form taken off, the codestream decoded */
#ifndef SLICEPRESS_WORKER_PUBLISHED_H
#define SLICEPRESS_WORKER_PUBLISHED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dicom/image.h"
#include "worker/plane_file.h"
#include "worker/studio.h"

/* Finds the one part of a multipart body: *payload lies in `body`. CORRUPT. */
bool published_part(const struct buffer *body, const uint8_t **payload, size_t *size,
                    const struct transfer_syntax **transfer_syntax, struct error *err);
/* Reads and decodes the file at `path`. `form`: how the frame had been decoded when it was published; NULL: as `image`
 * says. The file's bytes stay in studio->coded. */
bool published_frame(const char *path, const struct image *image, const struct plane_form *form, uint32_t number,
                     struct studio *studio, struct buffer *notes, struct frame *frame, struct error *err);

#endif
