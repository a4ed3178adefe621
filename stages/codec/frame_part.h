/* frame_part.h - the multipart form in which a frame is published (clients.md, PS3.18 8.6.1.2.1)
 *
 *     --slicepress-part-0\r\n
 *     Content-Type: image/jphc;transfer-syntax=1.2.840.10008.1.2.4.202\r\n
 *     \r\n
 *     <codestream>\r\n
 *     --slicepress-part-0--\r\n
 *
 * Clients take boundary and part type from the body and want only `multipart/related` outside, so that one rule serves
 * all frames. The boundary is the same word in every file in which it does not occur by chance, so even a strict client
 * can be given the full type by one rule.
 */
#ifndef SLICEPRESS_STAGES_CODEC_FRAME_PART_H
#define SLICEPRESS_STAGES_CODEC_FRAME_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dicom/transfer_syntax.h"

/* Which of the words that could bound a payload occur in it; it may come piece by piece. Zeroed at first. */
struct frame_part_scan {
    uint32_t found; /* a bit a word */
    char last[24];  /* the end of what was seen: a word may lie across a seam */
    size_t last_size;
};

struct frame_part {
    char head[160], tail[48]; /* before and behind the payload */
    char media_type[128];     /* of the whole, as a server may say it */
};

void frame_part_look(struct frame_part_scan *scan, const void *payload, size_t size);
/* What goes around what was seen; the head is as long whatever word is chosen. */
bool frame_part_describe(const struct frame_part_scan *scan, const struct transfer_syntax *syntax, struct frame_part *part,
                         struct error *err);
/* The two in one: what goes around `payload`; UNSUPPORTED if it holds all words that could bound it. */
bool frame_part_make(const struct transfer_syntax *syntax, const void *payload, size_t size, struct frame_part *part,
                     struct error *err);

#endif
