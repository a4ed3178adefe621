#include "codec/jpeg_header.h"

#include <string.h>

enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, DNL = 0xdc, APP0 = 0xe0, APP14 = 0xee };
enum { JFIF_SIZE = 14 }; /* less is not recognised by libjpeg */
enum { SCANS_MOST = 1000 }; /* a progressive bomb repeats refinements; real files have about ten */

static unsigned u16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static bool is_frame(unsigned marker)
{
    if (marker == JPEG_LS)
        return true;
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static bool read_frame(const uint8_t *at, size_t size, unsigned marker, struct jpeg_header *header,
                       struct error *err)
{
    if (header->process != 0)
        return error_set(err, ERROR_CORRUPT, "second frame header FF%02X in a JPEG codestream",
                         marker);
    if (size < 6 || size < 6u + 3u * at[5])
        return error_set(err, ERROR_CORRUPT, "JPEG frame header of %zu bytes", size);
    header->process = marker;
    header->precision = at[0];
    header->rows = u16(at + 1);
    header->columns = u16(at + 3);
    header->components = at[5];
    if (header->components < 1 || header->components > JPEG_COMPONENTS)
        return error_set(err, ERROR_CORRUPT, "JPEG codestream with %u components",
                         header->components);
    for (unsigned c = 0; c < header->components; c++) {
        header->component[c].id = at[6 + 3 * c];
        header->component[c].across = at[7 + 3 * c] >> 4;
        header->component[c].down = at[7 + 3 * c] & 15;
    }
    return true;
}

static bool read_scan(const uint8_t *at, size_t size, struct jpeg_header *header, struct error *err)
{
    if (header->process == 0)
        return error_set(err, ERROR_CORRUPT, "JPEG scan before the frame header");
    if (size < 1 || at[0] < 1 || at[0] > JPEG_COMPONENTS || size < 4u + 2u * at[0])
        return error_set(err, ERROR_CORRUPT, "JPEG scan header of %zu bytes", size);
    if (++header->scans > SCANS_MOST)
        return error_set(err, ERROR_LIMIT, "JPEG codestream with more than %d scans", SCANS_MOST);
    const unsigned count = at[0];
    for (unsigned i = 0; i < count; i++)
        for (unsigned c = 0; c < header->components; c++)
            if (header->component[c].id == at[1 + 2 * i])
                header->scanned |= 1u << c;
    if (header->scans == 1) {
        header->near = at[1 + 2 * count];
        header->interleave = at[2 + 2 * count];
        header->point_transform = at[3 + 2 * count] & 15;
        header->several_scans = header->process == JPEG_PROGRESSIVE || count < header->components;
    }
    return true;
}

static void read_application(const uint8_t *at, size_t size, unsigned marker,
                             struct jpeg_header *header)
{
    if (marker == APP0 && size >= JFIF_SIZE && memcmp(at, "JFIF", 5) == 0)
        header->has_jfif = true;
    /* pydicom's SC_rgb_jpeg.dcm carries one cut by a byte: that says nothing. */
    if (marker == APP14 && size >= 12 && memcmp(at, "Adobe", 5) == 0)
        header->adobe_transform = at[11];
}

/* The next marker in or after entropy-coded data: FF and a code that no coder writes into data
 * (stuffed FF 00; T.87: FF and less than 80), restart markers left out. */
static size_t find_marker(const uint8_t *data, size_t size, size_t from)
{
    while (from + 1 < size) {
        const uint8_t *ff = memchr(data + from, 0xff, size - 1 - from);
        if (!ff)
            return size;
        if (ff[1] >= 0xc0 && ff[1] != 0xff && (ff[1] < 0xd0 || ff[1] > 0xd7))
            return (size_t)(ff - data);
        from = (size_t)(ff - data) + 1;
    }
    return size;
}

bool jpeg_header_read(const uint8_t *data, size_t size, struct jpeg_header *header,
                      struct error *err)
{
    size_t at = 2;

    memset(header, 0, sizeof *header);
    header->adobe_transform = JPEG_ADOBE_NONE;
    if (size < 2 || data[0] != 0xff || data[1] != SOI)
        return error_set(err, size < 2 ? ERROR_TRUNCATED : ERROR_CORRUPT,
                         "expected a JPEG codestream (FFD8), found %02X%02X",
                         size > 0 ? data[0] : 0, size > 1 ? data[1] : 0);
    for (;;) {
        at = find_marker(data, size, at);
        if (at >= size)
            break;
        const unsigned marker = data[at + 1];
        if (marker == EOI) {
            header->has_end = true;
            break;
        }
        if (marker == SOI) {
            at += 2;
            continue;
        }
        if (size - at < 4 || u16(data + at + 2) < 2 || u16(data + at + 2) > size - at - 2)
            return error_set(err, ERROR_TRUNCATED, "JPEG segment FF%02X at %zu of %zu bytes",
                             marker, at, size);
        const uint8_t *body = data + at + 4;
        const size_t length = u16(data + at + 2) - 2u;
        if (is_frame(marker)) {
            if (!read_frame(body, length, marker, header, err))
                return false;
        } else if (marker == SOS) {
            if (!read_scan(body, length, header, err))
                return false;
            if (!header->several_scans)
                return true;
        } else if (marker == APP0 || marker == APP14) {
            read_application(body, length, marker, header);
        }
        at += 4 + length;
    }
    if (header->scans == 0)
        return error_set(err, ERROR_TRUNCATED, "JPEG codestream of %zu bytes has no scan", size);
    if (!header->has_end || header->scanned != (1u << header->components) - 1)
        return error_set(err, ERROR_TRUNCATED,
                         "JPEG codestream ends after %u scans, before all are there",
                         header->scans);
    return true;
}
