/* studio.h - the tools that turn coded frames into samples and samples into pictures, kept from job to job
 *
 * Their memory is kept too, unless a frame was so large that the next job should not have to carry it.
 */
#ifndef SLICEPRESS_WORKER_STUDIO_H
#define SLICEPRESS_WORKER_STUDIO_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "codec/decode.h"
#include "codec/icc.h"
#include "dicom/histogram.h"
#include "dicom/picture.h"
#include "dicom/pixels.h"

struct studio {
    struct decoder *decoder;
    struct renderer *renderer;
    struct icc *icc;
    struct histogram_builder *histogram; /* empty between jobs */
    struct picture picture;
    struct buffer coded;     /* of the source's frame at hand */
    struct buffer published; /* of the published file at hand */
};

bool studio_new(struct studio **studio, struct error *err);
void studio_free(struct studio *studio);
/* Between jobs. */
bool studio_tidy(struct studio *studio, struct error *err);
/* Into studio->picture, in sRGB; without `image->icc` in the colours that it has. A profile that cannot be used is noted once
 * and left out. */
bool studio_draw(struct studio *studio, const struct image *image, const struct frame *frame,
                 const struct frame_display *display, const struct voi *voi, struct buffer *notes, struct error *err);

#endif
