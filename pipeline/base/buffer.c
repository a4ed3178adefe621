#include "buffer.h"

#include <stdio.h>
#include <string.h>

#include "memory.h"

enum { NULL_STRING = UINT32_MAX }; /* the length that stands for a NULL string */

void buffer_release(struct buffer *b)
{
    memory_free(b->data);
    *b = (struct buffer){0};
}

void buffer_clear(struct buffer *b)
{
    b->size = 0;
    if (b->data != NULL)
        b->data[0] = 0;
}

bool buffer_reserve(struct buffer *b, size_t more, struct error *err)
{
    size_t needed;
    void *data = b->data;

    if (!size_add(b->size, more, &needed) || !size_add(needed, 1, &needed))
        return error_set(err, ERROR_NOMEM, "a buffer of %zu bytes cannot grow by %zu", b->size,
                         more);
    if (!memory_grow(&data, &b->capacity, needed, 1, err))
        return false;
    b->data = data;
    b->data[b->size] = 0;
    return true;
}

bool buffer_append(struct buffer *b, const void *data, size_t size, struct error *err)
{
    if (!buffer_reserve(b, size, err))
        return false;
    if (size > 0)
        memcpy(b->data + b->size, data, size);
    b->size += size;
    b->data[b->size] = 0;
    return true;
}

bool buffer_puts(struct buffer *b, const char *text, struct error *err)
{
    return buffer_append(b, text, strlen(text), err);
}

bool buffer_printf(struct buffer *b, struct error *err, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        return error_set(err, ERROR_IO, "cannot format a text");
    if (!buffer_reserve(b, (size_t)length, err))
        return false;
    va_start(arguments, format);
    (void)vsnprintf((char *)b->data + b->size, (size_t)length + 1, format, arguments);
    va_end(arguments);
    b->size += (size_t)length;
    return true;
}

const char *buffer_text(const struct buffer *b)
{
    return b->data != NULL ? (const char *)b->data : "";
}

static bool put_little_endian(struct buffer *b, uint64_t v, size_t size, struct error *err)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    return buffer_append(b, bytes, size, err);
}

bool buffer_put_u8(struct buffer *b, uint8_t v, struct error *err)
{
    return put_little_endian(b, v, 1, err);
}

bool buffer_put_u16(struct buffer *b, uint16_t v, struct error *err)
{
    return put_little_endian(b, v, 2, err);
}

bool buffer_put_u32(struct buffer *b, uint32_t v, struct error *err)
{
    return put_little_endian(b, v, 4, err);
}

bool buffer_put_u64(struct buffer *b, uint64_t v, struct error *err)
{
    return put_little_endian(b, v, 8, err);
}

bool buffer_put_f64(struct buffer *b, double v, struct error *err)
{
    uint64_t bits;

    _Static_assert(sizeof bits == sizeof v, "double is binary64");
    memcpy(&bits, &v, sizeof bits);
    return put_little_endian(b, bits, 8, err);
}

bool buffer_put_bytes(struct buffer *b, const void *data, size_t size, struct error *err)
{
    if (size >= NULL_STRING)
        return error_set(err, ERROR_LIMIT, "a run of %zu bytes does not fit 32 bits", size);
    return buffer_put_u32(b, (uint32_t)size, err) && buffer_append(b, data, size, err);
}

bool buffer_put_string(struct buffer *b, const char *text, struct error *err)
{
    if (text == NULL)
        return buffer_put_u32(b, NULL_STRING, err);
    return buffer_put_bytes(b, text, strlen(text), err) && buffer_put_u8(b, 0, err);
}

struct reader reader_over(const void *data, size_t size)
{
    return (struct reader){.data = data, .size = data != NULL ? size : 0};
}

/* The next `size` bytes, or NULL, and then for ever. */
static const uint8_t *reader_take(struct reader *r, size_t size)
{
    if (r->failed || size > r->size - r->offset) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *const taken = r->data + r->offset;
    r->offset += size;
    return taken;
}

static uint64_t take_little_endian(struct reader *r, size_t size)
{
    const uint8_t *const bytes = reader_take(r, size);
    uint64_t v = 0;

    for (size_t i = 0; bytes != NULL && i < size; i++)
        v |= (uint64_t)bytes[i] << (8 * i);
    return v;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)take_little_endian(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)take_little_endian(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)take_little_endian(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
    return take_little_endian(r, 8);
}

double reader_f64(struct reader *r)
{
    const uint64_t bits = take_little_endian(r, 8);
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

const char *reader_string(struct reader *r, size_t most)
{
    const uint32_t size = reader_u32(r);

    if (r->failed)
        return "";
    if (size == NULL_STRING)
        return NULL;
    if (size > most) {
        r->failed = true;
        return "";
    }
    const uint8_t *const text = reader_take(r, (size_t)size + 1);
    if (text == NULL || memchr(text, 0, (size_t)size + 1) != text + size) {
        r->failed = true;
        return "";
    }
    return (const char *)text;
}

const void *reader_bytes(struct reader *r, size_t *size, size_t most)
{
    const uint32_t length = reader_u32(r);
    const uint8_t *const data = length <= most ? reader_take(r, length) : NULL;

    if (data == NULL)
        r->failed = true;
    *size = r->failed ? 0 : length;
    return r->failed ? NULL : data;
}

bool reader_done(const struct reader *r)
{
    return !r->failed && r->offset == r->size;
}
