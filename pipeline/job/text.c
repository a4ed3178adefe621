#include "text.h"

#include <string.h>

/* Length of the character at `text` (of which `left` bytes may be read), 0 if it is none. */
static size_t character_length(const unsigned char *text, size_t left)
{
    const unsigned char lead = text[0];
    const size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3
                          : lead < 0xF5 ? 4 : 0;

    if (length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    if ((lead == 0xE0 && text[1] < 0xA0) || (lead == 0xED && text[1] > 0x9F) ||
        (lead == 0xF0 && text[1] < 0x90) || (lead == 0xF4 && text[1] > 0x8F))
        return 0;
    return length;
}

/* C0, DEL, and C1 (U+0080..U+009F, which some terminals obey). */
static bool is_control(const unsigned char *text, size_t length)
{
    return (length == 1 && (text[0] < 0x20 || text[0] == 0x7F)) ||
           (length == 2 && text[0] == 0xC2 && text[1] < 0xA0);
}

/* Of the `left` characters at `text` those at its beginning that nothing need be asked about. */
static size_t plain_length(const unsigned char *text, size_t left)
{
    size_t length = 0;

    while (length < left && text[length] >= 0x20 && text[length] < 0x7F)
        length++;
    return length;
}

bool text_is_clean(const char *text, bool lines)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t left = strlen(text);

    for (;;) {
        const size_t plain = plain_length(at, left);

        at += plain;
        left -= plain;
        if (left == 0)
            return true;
        const size_t length = character_length(at, left);

        if (length == 0 || (is_control(at, length) && !(lines && *at == '\n')))
            return false;
        at += length;
        left -= length;
    }
}

void text_clean(const char *from, size_t size, bool lines, char *to, size_t room)
{
    const unsigned char *at = (const unsigned char *)from;
    size_t left = strnlen(from, size), used = 0;

    while (left > 0) {
        const size_t plain = plain_length(at, left), length = plain > 0 ? plain : character_length(at, left);
        const size_t step = length > 0 ? length : 1;
        const char *put = (const char *)at;
        size_t put_size = length;

        if (plain > 0) {
            put_size = plain < room - used ? plain : room - used - 1;
        } else if (length == 0) {
            put = "\xEF\xBF\xBD";
            put_size = 3;
        } else if (is_control(at, length) && !(lines && *at == '\n')) {
            put = " ";
            put_size = 1;
        }
        if (used + put_size >= room)
            break;
        memcpy(to + used, put, put_size);
        used += put_size;
        at += step;
        left -= step;
    }
    to[used] = '\0';
}
