/* jpeg_segments.h - the segments of a JPEG or JPEG-LS codestream that is to be published as it came
 *
 *     struct jpeg_segments segments;
 *     const char *why_not = jpeg_segments_read(data, size, &segments);
 *     jpeg_segments_write(data, &segments, colour, &out, err);
 *
 * Strict readers are the measure: nothing but known segments between SOI and EOI, and EOI is there. What tells a
 * decoder that knows nothing of DICOM how to show the image can be put right (T.81 B.2.4.6, T.872): APP14 says whether
 * three components are RGB or YCbCr, JFIF, which always means YCbCr, is left out then; an ICC profile and an
 * orientation, which browsers apply, are always left out: the data set's hold. The scans are never touched.
 */
#ifndef SLICEPRESS_STAGES_CODEC_JPEG_SEGMENTS_H
#define SLICEPRESS_STAGES_CODEC_JPEG_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum jpeg_colour { JPEG_COLOUR_AS_IT_IS = -1, JPEG_COLOUR_RGB = 0, JPEG_COLOUR_YCBCR = 1 }; /* as APP14 says it */

struct jpeg_segments {
    size_t scan;        /* offset of the first SOS */
    size_t end;         /* behind EOI; what follows is no part of the codestream */
    bool is_jpeg_ls;    /* by its frame header */
    bool maps_samples;  /* JPEG-LS: a mapping table or a colour transform that only some readers know */
    bool changes_looks; /* an ICC profile or Exif before the scan */
    uint8_t last;       /* byte before EOI */
};

/* NULL, or why a strict reader might stumble. */
const char *jpeg_segments_read(const uint8_t *data, size_t size, struct jpeg_segments *segments);
/* Appends the codestream without what changes its looks, and with an APP14 of its own unless `colour` is AS_IT_IS. */
bool jpeg_segments_write(const uint8_t *data, const struct jpeg_segments *segments, enum jpeg_colour colour,
                         struct buffer *out, struct error *err);

#endif
