/* jpeg_encode.h - pictures into baseline or progressive JPEG, by libjpeg-turbo
 *
 *     struct jpeg_encoder *encoder = NULL;
 *     ok = jpeg_encoder_new(&encoder, err) &&
 *          jpeg_encode(encoder, &picture, &(struct jpeg_options){.quality = 80}, NULL, 0, &out, err);
 *     jpeg_encoder_free(encoder);
 *
 * Grey pictures become one-component files (JFIF), RGB ones YCbCr with chroma halved both ways (4:2:0)
 * unless full_chroma. The accurate integer DCT is used: the same picture and options give the same bytes.
 */
#ifndef SLICEPRESS_STAGES_CODEC_JPEG_ENCODE_H
#define SLICEPRESS_STAGES_CODEC_JPEG_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/picture.h"

struct jpeg_encoder; /* a compressor and its tables, for any number of pictures, one at a time */

struct jpeg_options {
    int quality;      /* 1..100 */
    bool progressive; /* implies optimise */
    bool full_chroma; /* 4:4:4 */
    bool optimise;    /* Huffman tables of this picture: a second pass, some percent smaller */
};

bool jpeg_encoder_new(struct jpeg_encoder **encoder, struct error *err);
void jpeg_encoder_free(struct jpeg_encoder *encoder); /* NULL is fine */
/* Appends one file to `out`; on failure `out` is as long as before. `icc` (may be NULL) is embedded as
 * APP2 segments. LIMIT: a side above 65,500, or an ICC profile above 16 MB. CODEC: libjpeg's own words. */
bool jpeg_encode(struct jpeg_encoder *encoder, const struct picture *picture,
                 const struct jpeg_options *options, const uint8_t *icc, size_t icc_size,
                 struct buffer *out, struct error *err);

#endif
