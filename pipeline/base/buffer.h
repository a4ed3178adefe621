/* buffer.h - a growing run of bytes, and a bounds-checked reader over one
 *
 *     struct buffer b = {0};
 *     ok = buffer_append(&b, data, size, err) && buffer_put_u32(&b, 7, err);
 *     buffer_release(&b);
 *
 * All numbers are little endian. A reader remembers its first failure: read everything, then
 * ask `reader_ok` once. A failed read gives 0 / NULL / "".
 */
#ifndef SLICEPRESS_BASE_BUFFER_H
#define SLICEPRESS_BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct buffer {
    uint8_t *data; /* owned; data[size] is always 0 once something was appended */
    size_t size, capacity;
};

void buffer_release(struct buffer *b);
void buffer_clear(struct buffer *b); /* keeps the memory */
bool buffer_reserve(struct buffer *b, size_t more, struct error *err);
bool buffer_append(struct buffer *b, const void *data, size_t size, struct error *err);
bool buffer_puts(struct buffer *b, const char *text, struct error *err); /* without the NUL */
bool buffer_printf(struct buffer *b, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The contents as a C string; "" when nothing was ever appended. */
const char *buffer_text(const struct buffer *b);

bool buffer_put_u8(struct buffer *b, uint8_t v, struct error *err);
bool buffer_put_u16(struct buffer *b, uint16_t v, struct error *err);
bool buffer_put_u32(struct buffer *b, uint32_t v, struct error *err);
bool buffer_put_u64(struct buffer *b, uint64_t v, struct error *err);
bool buffer_put_f64(struct buffer *b, double v, struct error *err);
/* u32 length, bytes, one NUL (so that a reader can lend it as a C string). NULL travels as NULL. */
bool buffer_put_string(struct buffer *b, const char *text, struct error *err);
bool buffer_put_bytes(struct buffer *b, const void *data, size_t size, struct error *err);

struct reader {
    const uint8_t *data;
    size_t size, offset;
    bool failed;
};

struct reader reader_over(const void *data, size_t size);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
double reader_f64(struct reader *r);
/* Borrowed from the reader's memory; NULL only if NULL was sent. Longer than `most`, or with a
 * NUL inside: the reader fails and "" is returned. */
const char *reader_string(struct reader *r, size_t most);
const void *reader_bytes(struct reader *r, size_t *size, size_t most);
/* Nothing failed and nothing is left over. */
bool reader_done(const struct reader *r);

#endif
