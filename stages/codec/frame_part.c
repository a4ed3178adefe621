#include "codec/frame_part.h"

#include <stdio.h>
#include <string.h>

#define STEM "slicepress-part-" /* and a digit */

enum { STEM_SIZE = sizeof STEM - 1, BOUNDARIES = 10 };

/* PS3.18 8.7.3.3.2: the media types of compressed frames. */
static const char *media_of(const struct transfer_syntax *syntax)
{
    switch (syntax->coding) {
    case CODING_JPEG:
    case CODING_JPEG_LOSSLESS:
        return "image/jpeg";
    case CODING_JPEG_LS:
        return "image/jls";
    case CODING_JPEG_2000:
        return "image/jp2";
    case CODING_HTJ2K:
        return "image/jphc";
    default:
        return "application/octet-stream";
    }
}

static void look(struct frame_part_scan *scan, const char *text, size_t size)
{
    const char *at = text;

    while (size - (size_t)(at - text) > STEM_SIZE &&
           (at = memmem(at, size - (size_t)(at - text), STEM, STEM_SIZE)) != NULL && at + STEM_SIZE < text + size) {
        at += STEM_SIZE;
        if (*at >= '0' && *at <= '9')
            scan->found |= 1u << (*at - '0');
    }
}

void frame_part_look(struct frame_part_scan *scan, const void *payload, size_t size)
{
    const char *const text = payload;
    char seam[2 * STEM_SIZE];
    const size_t some = size < STEM_SIZE ? size : STEM_SIZE;

    if (size == 0)
        return;
    memcpy(seam, scan->last, scan->last_size);
    memcpy(seam + scan->last_size, text, some);
    look(scan, seam, scan->last_size + some);
    look(scan, text, size);
    /* a word ends in a later piece only if its stem, or a part of it, ends this one */
    const size_t all = scan->last_size + some, kept = all < STEM_SIZE ? all : STEM_SIZE;
    if (size >= STEM_SIZE)
        memcpy(scan->last, text + size - STEM_SIZE, STEM_SIZE);
    else
        memcpy(scan->last, seam + all - kept, kept);
    scan->last_size = size >= STEM_SIZE ? STEM_SIZE : kept;
}

bool frame_part_describe(const struct frame_part_scan *scan, const struct transfer_syntax *syntax, struct frame_part *part,
                         struct error *err)
{
    const char *const media = media_of(syntax);
    char boundary[STEM_SIZE + 12];
    unsigned word = 0;

    while (word < BOUNDARIES && (scan->found >> word & 1u) != 0)
        word++;
    if (word == BOUNDARIES)
        return error_set(err, ERROR_UNSUPPORTED, "a frame contains all words that could bound it");
    (void)snprintf(boundary, sizeof boundary, STEM "%u", word); /* RFC 2046 5.1.1 */
    (void)snprintf(part->head, sizeof part->head, "--%s\r\nContent-Type: %s;transfer-syntax=%s\r\n\r\n", boundary,
                   media, syntax->uid);
    (void)snprintf(part->tail, sizeof part->tail, "\r\n--%s--\r\n", boundary);
    (void)snprintf(part->media_type, sizeof part->media_type,
                   "multipart/related; type=\"%s\"; transfer-syntax=%s; boundary=%s", media, syntax->uid, boundary);
    return true;
}

bool frame_part_make(const struct transfer_syntax *syntax, const void *payload, size_t size, struct frame_part *part,
                     struct error *err)
{
    struct frame_part_scan scan = {0};

    frame_part_look(&scan, payload, size);
    return frame_part_describe(&scan, syntax, part, err);
}
