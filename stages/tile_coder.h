/* tile_coder.h - tiles coded by threads, and handed on in the order in which they came
 *
 *     tile_coder_new(&options, put, client, &coder, err)
 *     tile_coder_add(coder, place, &picture, err)... or tile_coder_pass(coder, place, data, size, err)...
 *     tile_coder_flush(coder, err)
 *     tile_coder_free(coder)                              whatever happened
 *
 * `put` is called from within add, pass and flush, in the caller's thread, for every tile once. What comes does not depend
 * on the number of threads. Memory: a few tiles a thread.
 */
#ifndef SLICEPRESS_STAGES_TILE_CODER_H
#define SLICEPRESS_STAGES_TILE_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/picture.h"

enum tile_format { TILE_FORMAT_JPEG, TILE_FORMAT_WEBP };

const char *tile_format_extension(enum tile_format format); /* "jpg", "webp" */
const char *tile_format_media_type(enum tile_format format);

struct tile_coder_options {
    enum tile_format format;
    int quality;
    unsigned threads;
};

struct tile_place { unsigned level; uint32_t x, y; };

typedef bool tile_coder_put(void *client, const struct tile_place *place, const void *data, size_t size,
                            struct error *err);

struct tile_coder;

bool tile_coder_new(const struct tile_coder_options *options, tile_coder_put *put, void *client,
                    struct tile_coder **coder, struct error *err);
/* Takes what the picture holds and leaves it other memory, or none. */
bool tile_coder_add(struct tile_coder *coder, struct tile_place place, struct picture *picture, struct error *err);
/* One that is coded already: copied if it must wait for its turn. */
bool tile_coder_pass(struct tile_coder *coder, struct tile_place place, const void *data, size_t size,
                     struct error *err);
/* At once, in the caller's thread, appended to `out`: the same bytes that add gives. */
bool tile_coder_code(struct tile_coder *coder, const struct picture *picture, struct buffer *out, struct error *err);
bool tile_coder_flush(struct tile_coder *coder, struct error *err);
void tile_coder_free(struct tile_coder *coder); /* NULL is fine */

#endif
