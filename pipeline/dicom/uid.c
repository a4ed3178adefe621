#include "dicom/uid.h"

#include <stdint.h>
#include <string.h>

#include "base/buffer.h"

bool uid_is_valid(const char *text)
{
    size_t length = 0;
    bool digit = false;
    for (; text[length]; length++) {
        if (length == UID_SIZE - 1)
            return false;
        if (text[length] == '.' && !digit)
            return false;
        if (text[length] != '.' && (text[length] < '0' || text[length] > '9'))
            return false;
        digit = text[length] != '.';
    }
    return digit;
}

/* 2.25.<128-bit number> (PS3.5 B.2) of the first 16 bytes, which are read as a big-endian number.
 */
static void uid_of_digest(const struct digest *digest, char uid[UID_SIZE])
{
    uint8_t number[16];
    char digits[40]; /* 2^128 has 39 digits */
    size_t count = 0;
    memcpy(number, digest->bytes, sizeof number);
    do {
        unsigned remainder = 0;
        for (size_t i = 0; i < sizeof number; i++) {
            const unsigned value = remainder << 8 | number[i];
            number[i] = (uint8_t)(value / 10);
            remainder = value % 10;
        }
        digits[count++] = (char)('0' + remainder);
    } while (count < 39 && memcmp(number, (const uint8_t[16]){0}, sizeof number) != 0);
    memcpy(uid, "2.25.", 5);
    for (size_t i = 0; i < count; i++)
        uid[5 + i] = digits[count - 1 - i];
    uid[5 + count] = '\0';
}

bool uid_make_safe(const char *text, const char *role, const struct digest *source,
                   char uid[UID_SIZE], struct error *err)
{
    struct digest digest;
    if (uid_is_valid(text)) {
        memcpy(uid, text, strlen(text) + 1);
        return true;
    }
    if (text[0]) {
        if (!digest_of(text, strlen(text), &digest, err))
            return false;
    } else {
        char hex[DIGEST_HEX_SIZE];
        struct buffer b = {0};
        digest_hex(source, hex);
        const bool ok = buffer_append(&b, role, strlen(role) + 1, err) &&
                        buffer_puts(&b, hex, err) && digest_of(b.data, b.size, &digest, err);
        buffer_release(&b);
        if (!ok)
            return false;
    }
    uid_of_digest(&digest, uid);
    return true;
}
