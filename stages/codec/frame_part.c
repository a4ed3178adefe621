#include "codec/frame_part.h"

#include <stdio.h>
#include <string.h>

enum { BOUNDARY_SIZE = 24, BOUNDARIES = 10 };

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

/* A boundary that the payload does not contain (RFC 2046 5.1.1). */
static bool choose_boundary(const void *payload, size_t size, char boundary[BOUNDARY_SIZE], struct error *err)
{
    for (unsigned i = 0; i < BOUNDARIES; i++) {
        const int length = snprintf(boundary, BOUNDARY_SIZE, "slicepress-part-%u", i);

        if (memmem(payload, size, boundary, (size_t)length) == NULL)
            return true;
    }
    return error_set(err, ERROR_UNSUPPORTED, "a frame contains all words that could bound it");
}

bool frame_part_make(const struct transfer_syntax *syntax, const void *payload, size_t size, struct frame_part *part,
                     struct error *err)
{
    const char *const media = media_of(syntax);
    char boundary[BOUNDARY_SIZE];

    if (!choose_boundary(payload, size, boundary, err))
        return false;
    (void)snprintf(part->head, sizeof part->head, "--%s\r\nContent-Type: %s;transfer-syntax=%s\r\n\r\n", boundary,
                   media, syntax->uid);
    (void)snprintf(part->tail, sizeof part->tail, "\r\n--%s--\r\n", boundary);
    (void)snprintf(part->media_type, sizeof part->media_type,
                   "multipart/related; type=\"%s\"; transfer-syntax=%s; boundary=%s", media, syntax->uid, boundary);
    return true;
}
