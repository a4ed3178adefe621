/* frame_pass.h - a frame's own codestream, published as it came
 *
 *     struct passer *passer = NULL;
 *     passer_new(&passer, err);
 *     passer_look(passer, &rules, &image, 1, data, size, notes, &passed, err);     for each frame
 *     if (passed.why_not == NULL) ... passed.payload
 *     passer_free(passer);
 *
 * Nothing is decoded: headers are read and, in HTJ2K, packet headers walked. What passes is what a plain decoder, which
 * knows nothing of the data set, decodes to the very values that decoder_run gives: no bit to be masked, shifted or
 * clamped, the same sign, the colours that the data set asks for. What is in doubt does not pass; it is to be decoded
 * and encoded.
 *
 *   HTJ2K lossless    comes out as .202: indexed, RPCL, TLM, base of 64 or less (PS3.5 10.18); else it does not pass
 *   HTJ2K lossy       .203, indexed if it can be
 *   JPEG 2000         .90 if its wavelet is reversible and so was its label, else .91
 *   JPEG              8-bit baseline: .50. Where a plain decoder would guess other colours, APP14 is written
 *   JPEG-LS           near-lossless: .81
 *
 * Padding behind the end is cut; an absent end and the length of a last tile-part are put right.
 */
#ifndef SLICEPRESS_STAGES_CODEC_FRAME_PASS_H
#define SLICEPRESS_STAGES_CODEC_FRAME_PASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "codec/frame_payload.h"
#include "dicom/frame.h"
#include "dicom/image.h"

enum { PASS_HTJ2K = 1 << 0, PASS_J2K = 1 << 1, PASS_LOSSY = 1 << 2 };

struct pass_rules {
    unsigned wishes; /* what is wished to pass */
    /* Largest Image Pixel Value (0028,0107) of unsigned pixels, where the data set tells it: a signed codestream of
     * values that need no sign reads alike with and without one. */
    bool has_largest;
    uint16_t largest;
};

struct passed_frame {
    const char *why_not; /* NULL: it passes. Lent until the next look */
    bool is_lossy;       /* by its own coding; also where it does not pass */
    struct frame like;   /* what it decodes to, without samples; also where it does not pass, unless it is damaged */
    struct frame_payload payload; /* of the source or the passer's, until the next look */
};

struct passer;

bool passer_new(struct passer **passer, struct error *err);
void passer_free(struct passer *passer);
/* Whether any frame of such an image might pass, without looking at one. */
bool passer_may(const struct image *image);
/* `image`: as decoder_run takes it. Fails for want of memory only. */
bool passer_look(struct passer *passer, const struct pass_rules *rules, const struct image *image, uint32_t number,
                 const uint8_t *data, size_t size, struct buffer *notes, struct passed_frame *passed,
                 struct error *err);

#endif
