#include "codec/jpeg_segments.h"

#include <string.h>

enum {
    SOF_JPEG_LS = 0xf7, LSE = 0xf8, DHT = 0xc4, DAC = 0xcc, JPG = 0xc8, RST0 = 0xd0, RST7 = 0xd7, SOI = 0xd8,
    EOI = 0xd9, SOS = 0xda, DQT = 0xdb, DRI = 0xdd, APP0 = 0xe0, APP1 = 0xe1, APP2 = 0xe2, APP8 = 0xe8, APP14 = 0xee, APP15 = 0xef,
    COM = 0xfe
};
enum { LSE_PARAMETERS = 1 }; /* the other kinds map samples or extend the size (T.87 C.2.4.1) */

static size_t length_at(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

static bool is_frame(unsigned marker)
{
    return marker == SOF_JPEG_LS ||
           (marker >= 0xc0 && marker <= 0xcf && marker != DHT && marker != DAC && marker != JPG);
}

static bool is_known(unsigned marker)
{
    return is_frame(marker) || marker == DHT || marker == DQT || marker == DRI || marker == SOS || marker == LSE ||
           marker == COM || (marker >= APP0 && marker <= APP15);
}

static bool begins(const uint8_t *body, size_t size, const char *word)
{
    return size >= strlen(word) && memcmp(body, word, strlen(word)) == 0;
}

static bool changes_looks(unsigned marker, const uint8_t *body, size_t size)
{
    return (marker == APP1 && begins(body, size, "Exif")) || (marker == APP2 && begins(body, size, "ICC_PROFILE"));
}

static bool tells_colour(unsigned marker, const uint8_t *body, size_t size)
{
    return (marker == APP0 && (begins(body, size, "JFIF") || begins(body, size, "JFXX"))) ||
           (marker == APP14 && begins(body, size, "Adobe"));
}

static void note_segment(unsigned marker, const uint8_t *body, size_t size, struct jpeg_segments *segments)
{
    segments->is_jpeg_ls = segments->is_jpeg_ls || marker == SOF_JPEG_LS;
    segments->maps_samples = segments->maps_samples ||
                             (marker == LSE && (size == 0 || body[0] != LSE_PARAMETERS)) ||
                             (marker == APP8 && begins(body, size, "mrfx"));
    segments->changes_looks =
        segments->changes_looks || (segments->scan == 0 && changes_looks(marker, body, size));
}

/* The marker that ends entropy-coded data; FF 00 (T.87: FF and less than 80) and restarts belong to them. */
static size_t scan_end(const uint8_t *data, size_t size, size_t at, bool is_jpeg_ls)
{
    while (at + 1 < size) {
        const uint8_t *const ff = memchr(data + at, 0xff, size - 1 - at);

        if (ff == NULL)
            return size;
        at = (size_t)(ff - data);
        const unsigned code = ff[1];
        if (!(is_jpeg_ls ? code < 0x80 : code == 0) && !(code >= RST0 && code <= RST7))
            return at;
        at += 2;
    }
    return size;
}

/* Fill bytes may stand before any marker (T.81 B.1.1.2). */
static size_t skip_fill(const uint8_t *data, size_t size, size_t at)
{
    while (size - at >= 2 && data[at] == 0xff && data[at + 1] == 0xff)
        at++;
    return at;
}

const char *jpeg_segments_read(const uint8_t *data, size_t size, struct jpeg_segments *segments)
{
    size_t at;

    *segments = (struct jpeg_segments){0};
    if (size < 4 || data[0] != 0xff || data[1] != SOI)
        return "it does not begin as JPEG does";
    at = skip_fill(data, size, 2);
    while (size - at >= 4 && data[at] == 0xff && is_known(data[at + 1])) {
        const unsigned marker = data[at + 1];
        const size_t length = length_at(data + at + 2);

        if (length < 2 || length > size - at - 2)
            return "a segment reaches beyond its end";
        note_segment(marker, data + at + 4, length - 2, segments);
        if (marker == SOS && segments->scan == 0)
            segments->scan = at;
        at += 2 + length;
        if (marker == SOS)
            at = scan_end(data, size, at, segments->is_jpeg_ls);
        at = skip_fill(data, size, at);
    }
    if (size - at < 2 || data[at] != 0xff || data[at + 1] != EOI)
        return size - at < 2 ? "its end is missing" : "it has something between its segments";
    if (segments->scan == 0)
        return "it has no scan";
    segments->last = data[at - 1];
    segments->end = at + 2;
    return NULL;
}

bool jpeg_segments_write(const uint8_t *data, const struct jpeg_segments *segments, enum jpeg_colour colour,
                         struct buffer *out, struct error *err)
{
    /* version 100, no flags, the transform (T.872 6.5.3) */
    const uint8_t adobe[16] = {0xff, APP14, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, (uint8_t)colour};

    if (!buffer_append(out, data, 2, err) ||
        (colour != JPEG_COLOUR_AS_IT_IS && !buffer_append(out, adobe, sizeof adobe, err)))
        return false;
    for (size_t at = 2, size = 0; at < segments->scan; at += size) {
        at = skip_fill(data, segments->scan, at);
        const unsigned marker = data[at + 1];
        const uint8_t *const body = data + at + 4;

        size = 2 + length_at(data + at + 2);
        if (changes_looks(marker, body, size - 4) ||
            (colour != JPEG_COLOUR_AS_IT_IS && tells_colour(marker, body, size - 4)))
            continue;
        if (!buffer_append(out, data + at, size, err))
            return false;
    }
    return buffer_append(out, data + segments->scan, segments->end - segments->scan, err);
}
