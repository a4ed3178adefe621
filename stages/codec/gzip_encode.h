/* gzip_encode.h - bytes into one gzip member (RFC 1952), by libdeflate
 *
 * No name and no time in its header: the same bytes in, the same bytes out.
 */
#ifndef SLICEPRESS_STAGES_CODEC_GZIP_ENCODE_H
#define SLICEPRESS_STAGES_CODEC_GZIP_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/error.h"

enum { GZIP_LEVEL = 6 };

struct gzip_encoder;
bool gzip_encoder_new(struct gzip_encoder **encoder, struct error *err);
/* Appends to `out`; on failure `out` is as long as before. */
bool gzip_encode(struct gzip_encoder *encoder, const void *data, size_t size, struct buffer *out, struct error *err);
void gzip_encoder_free(struct gzip_encoder *encoder); /* NULL is fine */

#endif
