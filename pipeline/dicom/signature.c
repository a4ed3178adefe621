#include "dicom/signature.h"

#include <string.h>

static uint32_t u32(const uint8_t *b)
{
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

/* The header of PS3.5 G.5: up to 15 segments, the first one right after it, offsets rising. */
static bool is_rle_header(const uint8_t *b, size_t size)
{
    if (size < 64 || u32(b) == 0 || u32(b) > 15 || u32(b + 4) != 64)
        return false;
    for (uint32_t i = 2; i <= 15; i++) {
        const uint32_t offset = u32(b + 4 * (size_t)i);
        if (i <= u32(b) ? offset <= u32(b + 4 * (size_t)(i - 1)) : offset != 0)
            return false;
    }
    return true;
}

static bool is_jpeg(const uint8_t *b, size_t size)
{
    return size >= 3 && b[0] == 0xff && b[1] == 0xd8 && b[2] == 0xff;
}

static bool is_j2k(const uint8_t *b, size_t size)
{
    static const uint8_t codestream[] = {0xff, 0x4f, 0xff, 0x51};
    return size >= sizeof codestream && !memcmp(b, codestream, sizeof codestream);
}

static bool is_jp2(const uint8_t *b, size_t size)
{
    static const uint8_t box[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
    return size >= sizeof box && !memcmp(b, box, sizeof box);
}

bool signature_starts(enum coding coding, const uint8_t *b, size_t size)
{
    switch (coding) {
    case CODING_JPEG:
    case CODING_JPEG_LOSSLESS:
    case CODING_JPEG_LS:
        return is_jpeg(b, size);
    case CODING_JPEG_2000:
    case CODING_HTJ2K:
        return is_j2k(b, size) || is_jp2(b, size);
    case CODING_RLE:
        return is_rle_header(b, size);
    default:
        return false;
    }
}

/* By the frame marker (ISO 10918-1 B.1.1.3, 14495-1 C.1): SOF0, 1, 2, 3 and 55. */
static const char *jpeg_uid(const uint8_t *b, size_t size)
{
    for (size_t at = 2; at + 4 <= size && b[at] == 0xff;) {
        switch (b[at + 1]) {
        case 0xc0:
            return "1.2.840.10008.1.2.4.50";
        case 0xc1:
            return "1.2.840.10008.1.2.4.51";
        case 0xc2:
            return "1.2.840.10008.1.2.4.55";
        case 0xc3:
            return "1.2.840.10008.1.2.4.57";
        case 0xf7:
            return "1.2.840.10008.1.2.4.81";
        case 0xff: /* fill */
            at++;
            break;
        default:
            at += 2 + (size_t)(b[at + 2] << 8 | b[at + 3]);
        }
    }
    return NULL;
}

const struct transfer_syntax *signature_guess(const uint8_t *b, size_t size)
{
    const char *uid = NULL;
    if (is_jpeg(b, size))
        uid = jpeg_uid(b, size);
    else if (is_j2k(b, size) && size >= 8) /* Rsiz bit 14: ISO 15444-15 A.2 */
        uid = b[6] & 0x40 ? "1.2.840.10008.1.2.4.203" : "1.2.840.10008.1.2.4.91";
    else if (is_rle_header(b, size))
        uid = "1.2.840.10008.1.2.5";
    return uid ? transfer_syntax_find(uid) : NULL;
}
