/* webp_encode.h - pictures into still and animated WebP, by libwebp and libwebpmux
 *
 * Grey goes straight into the Y plane (no RGB detour: faster, and no chroma noise). `xmp` (may be NULL) is
 * a whole XMP packet in UTF-8, embedded as it is. Everything appends to `out`; on failure `out` is as long as
 * before. LIMIT: a side above LIMIT(WEBP_SIDE). One thread, no dithering: the same input, the same bytes.
 *
 *     struct webp_animation *animation = NULL;
 *     ok = webp_animation_new(columns, rows, &options, &animation, err);
 *     for each frame: ok = ok && webp_animation_add(animation, &picture, 40, err);
 *     ok = ok && webp_animation_end(animation, NULL, &out, err);
 *     webp_animation_free(animation);
 */
#ifndef SLICEPRESS_STAGES_CODEC_WEBP_ENCODE_H
#define SLICEPRESS_STAGES_CODEC_WEBP_ENCODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/picture.h"

struct webp_options {
    bool lossless;
    int quality; /* lossy: 0..100 */
    int method;  /* lossy: 0..6, 2 is the knee; lossless: level 0..8 */
};

bool webp_encode(const struct picture *picture, const struct webp_options *options, const char *xmp,
                 struct buffer *out, struct error *err);

/* Loops forever. Only the rectangle that changed since the frame before is coded, and a frame equal to
 * the one before lengthens it; coded frames are held in memory until the end. */
struct webp_animation;
bool webp_animation_new(uint32_t columns, uint32_t rows, const struct webp_options *options,
                        struct webp_animation **animation, struct error *err);
/* Every picture has the animation's size; grey and RGB may mix. */
bool webp_animation_add(struct webp_animation *animation, const struct picture *picture,
                        uint32_t duration_ms, struct error *err);
/* Once, after at least one frame. */
bool webp_animation_end(struct webp_animation *animation, const char *xmp, struct buffer *out,
                        struct error *err);
void webp_animation_free(struct webp_animation *animation); /* NULL is fine */

#endif
