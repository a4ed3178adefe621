#include "feed_zip.h"

#include <string.h>

#include <libdeflate.h>

enum {
    HEADER = 30,             /* of a local file header, the name follows */
    WHOLE_MOST = 64 << 20,   /* packed or unpacked */
    DEFLATE_MOST = 1032,     /* bytes that one packed byte can give */
    FLAG_ENCRYPTED = 1 << 0, FLAG_LEVEL = 3 << 1, FLAG_UTF8 = 1 << 11,
    STORED = 0, DEFLATED = 8
};

static uint32_t u16(const uint8_t *b)
{
    return (uint32_t)b[1] << 8 | b[0];
}

static uint32_t u32(const uint8_t *b)
{
    return u16(b + 2) << 16 | u16(b);
}

void feed_zip_release(struct feed_zip *zip)
{
    buffer_release(&zip->name);
    buffer_release(&zip->packed);
    buffer_release(&zip->content);
    libdeflate_free_decompressor(zip->inflater);
    zip->inflater = NULL;
}

/* Up to `size` bytes: fewer at the end of the input only. */
static bool take(struct feed_zip *zip, void *to, size_t size, size_t *got, struct error *err)
{
    size_t n = 1;

    for (*got = 0; *got < size && n > 0; *got += n)
        if (!feed_input_read(zip->input, (uint8_t *)to + *got, size - *got, &n, err))
            return false;
    return true;
}

/* -- headers -------------------------------------------------------------------------------- */

/* Time stamps and owners: the fields of Info-ZIP. Others may change what a name or a size means. */
static bool is_plain_extra(const uint8_t *extra, size_t size)
{
    while (size >= 4) {
        const uint32_t id = u16(extra), length = u16(extra + 2);

        if ((id != 0x5455 && id != 0x7875 && id != 0x5855 && id != 0x7855) || length > size - 4)
            return false;
        extra += 4 + length;
        size -= 4 + length;
    }
    return size == 0;
}

static bool is_plain(const uint8_t *header, const struct zip_entry *entry)
{
    const uint32_t flags = u16(header + 6), method = u16(header + 8);

    if ((flags & ~(uint32_t)(FLAG_LEVEL | FLAG_UTF8)) != 0 || (method != STORED && method != DEFLATED) ||
        entry->packed > WHOLE_MOST || entry->size > WHOLE_MOST || u16(header + 26) == 0)
        return false;
    return method == STORED ? entry->size == entry->packed : entry->size / DEFLATE_MOST <= entry->packed;
}

/* What stands in front of what is given back, where that is no local file header: a folder, so that it is an archive all
 * the same for those who look at its beginning. */
static const uint8_t folder[HEADER + 2] = {'P', 'K', 3, 4, 20, [26] = 2, [HEADER] = '.', [HEADER + 1] = '/'};

static bool give_back(struct feed_zip *zip, const uint8_t *header, size_t size, struct error *err)
{
    struct buffer *const returned = &zip->input->returned;
    const bool is_header = size >= 4 && memcmp(header, "PK\3\4", 4) == 0;

    return (is_header || buffer_append(returned, folder, sizeof folder, err)) &&
           buffer_append(returned, header, size, err) && buffer_append(returned, zip->name.data, zip->name.size, err);
}

static bool read_name(struct feed_zip *zip, const uint8_t *header, bool *plain, struct error *err)
{
    const size_t length = u16(header + 26), extra = u16(header + 28);
    size_t got = 0;

    if (!buffer_reserve(&zip->name, length + extra, err) || !take(zip, zip->name.data, length + extra, &got, err))
        return false;
    zip->name.size = got;
    *plain = got == length + extra && is_plain_extra(zip->name.data + length, extra) &&
             memchr(zip->name.data, '\\', length) == NULL && memchr(zip->name.data, '\0', length) == NULL;
    return true;
}

bool feed_zip_next(struct feed_zip *zip, enum feed_zip_found *found, struct zip_entry *entry, struct error *err)
{
    uint8_t header[HEADER];
    size_t got = 0;
    bool plain = false;

    buffer_clear(&zip->name);
    if (!take(zip, header, sizeof header, &got, err))
        return false;
    *found = FEED_ZIP_END;
    if (got >= 4 && (memcmp(header, "PK\1\2", 4) == 0 || memcmp(header, "PK\5\6", 4) == 0))
        return true; /* the central directory says nothing new */
    if (got == sizeof header && memcmp(header, "PK\3\4", 4) == 0) {
        *entry = (struct zip_entry){.crc = u32(header + 14), .packed = u32(header + 18), .size = u32(header + 22),
                                    .is_stored = u16(header + 8) == STORED};
        if (is_plain(header, entry) && !read_name(zip, header, &plain, err))
            return false;
    }
    *found = plain ? FEED_ZIP_MEMBER : FEED_ZIP_OTHER;
    if (!plain)
        return give_back(zip, header, got, err);
    zip->name.size = u16(header + 26);
    zip->name.data[zip->name.size] = '\0';
    return true;
}

/* -- data ----------------------------------------------------------------------------------- */

static bool read_exactly(struct feed_zip *zip, struct buffer *to, size_t size, struct error *err)
{
    size_t got = 0;

    buffer_clear(to);
    if (!buffer_reserve(to, size, err) || !take(zip, to->data, size, &got, err))
        return false;
    to->size = got;
    return got == size || error_set(err, ERROR_TRUNCATED, "the archive ends early: %zu of %zu bytes of a member", got, size);
}

static bool inflate_packed(struct feed_zip *zip, size_t size, struct error *err)
{
    size_t used = 0, made = 0;

    if (zip->inflater == NULL)
        zip->inflater = libdeflate_alloc_decompressor();
    if (zip->inflater == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for a deflate decompressor");
    buffer_clear(&zip->content);
    if (!buffer_reserve(&zip->content, size, err))
        return false;
    const enum libdeflate_result result = libdeflate_deflate_decompress_ex(
        zip->inflater, zip->packed.data, zip->packed.size, zip->content.data, size, &used, &made);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
        return error_set(err, ERROR_CORRUPT, "the member inflates to more than the %zu bytes it claims", size);
    if (result != LIBDEFLATE_SUCCESS)
        return error_set(err, ERROR_CORRUPT, "the member's deflated data are damaged");
    if (made != size)
        return error_set(err, ERROR_CORRUPT, "the member claims %zu bytes and inflates to %zu", size, made);
    zip->content.size = made;
    return true;
}

bool feed_zip_unpack(struct feed_zip *zip, const struct zip_entry *entry, struct error *err)
{
    if (!(entry->is_stored ? read_exactly(zip, &zip->content, entry->size, err)
                           : read_exactly(zip, &zip->packed, entry->packed, err) &&
                                 inflate_packed(zip, entry->size, err)))
        return false;
    const uint32_t crc = libdeflate_crc32(0, zip->content.data, zip->content.size);
    return crc == entry->crc ||
           error_set(err, ERROR_CORRUPT, "the member's CRC is %08x, its header says %08x", crc, entry->crc);
}
