/* codec.h - what decode.c and the decoders say to each other; private to stages/codec
 *
 * A decoder has two steps. `inspect` reads the codestream's own header: no library, no memory by
 * what it claims. decode.c then reconciles that with the data set, takes the memory and calls
 * `decode`, which fills the samples, interleaved, as codes of `stream.sample_bytes` each. What the
 * codes mean as stored values (shift, mask, sign, clamp) is decode.c's again, the same for all.
 */
#ifndef SLICEPRESS_STAGES_CODEC_CODEC_H
#define SLICEPRESS_STAGES_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/frame.h"
#include "dicom/image.h"

/* Memory kept from frame to frame. The contents do not survive scratch_fit. */
struct scratch {
    uint8_t *data;
    size_t capacity;
};
bool scratch_fit(struct scratch *scratch, size_t size, struct error *err);
void scratch_release(struct scratch *scratch);

/* The coded bytes of one frame, and what the data set says of it. All borrowed. */
struct coded {
    const struct image *image;
    const uint8_t *data;
    size_t size;
    unsigned bit_offset;
    struct scratch *scratch; /* for the decoder's own use */
    struct buffer *notes;
};

/* Adds a line to the notes, unless it is there already (frames of one object are alike). */
bool coded_note(const struct coded *coded, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* JPEG and JPEG-LS carry bit patterns, JPEG 2000 carries numbers. */
enum code_sign { CODE_PATTERN, CODE_UNSIGNED, CODE_SIGNED };

/* What a codestream says of itself. */
struct codestream {
    uint32_t rows, columns;
    uint16_t components;
    uint16_t precision; /* bits of a code */
    enum code_sign sign;
    bool lossy;
    enum photometric photometric; /* of the decoded samples; UNKNOWN: the data set knows */
    size_t sample_bytes;          /* of the codes that `decode` writes */
    uint64_t least_size;      /* fewer coded bytes cannot hold these samples; 0: any number might */
    size_t offset, size;      /* where the codestream lies in the coded bytes */
    unsigned process;         /* JPEG: the SOF marker; JPEG-LS: the interleave mode */
    unsigned levels;          /* JPEG 2000: decompositions, UINT_MAX if they differ by component */
    uint32_t strip_rows;      /* rows that can be decoded without the others: a row of tiles; 0: all or nothing */
    uint32_t tile_columns;    /* then: columns of a tile */
    uint32_t first_row;       /* `decode` is to give `rows` from here on, and they are a strip; else 0 */
    bool is_strip;
    size_t endless_tile_part; /* JPEG 2000: offset of a Psot to be read as 0; 0 if none */
};

bool native_inspect(const struct coded *coded, struct codestream *stream, struct error *err);
bool native_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                   struct error *err);
bool deflated_inspect(const struct coded *coded, struct codestream *stream, struct error *err);
bool deflated_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                     struct error *err);
bool rle_inspect(const struct coded *coded, struct codestream *stream, struct error *err);
bool rle_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                struct error *err);
bool jpeg_inspect(const struct coded *coded, struct codestream *stream, struct error *err);
bool jpeg_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                 struct error *err);
bool jls_inspect(const struct coded *coded, struct codestream *stream, struct error *err);
bool jls_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                struct error *err);
bool j2k_inspect(const struct coded *coded, struct codestream *stream, struct error *err);
bool j2k_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                struct error *err);

/* The three libjpegs behind jpeg_decode: libjpeg-turbo, and GDCM's for 12 and 16 bits. */
bool jpeg8_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                  struct error *err);
bool jpeg12_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                   struct error *err);
bool jpeg16_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                   struct error *err);

#endif
