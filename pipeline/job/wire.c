#include "wire.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "job/text.h"

struct wire wire_to(struct buffer *out, const char *what, struct error *err)
{
    return (struct wire){.out = out, .what = what, .err = err};
}

struct wire wire_from(const void *data, size_t size, const char *what, struct error *err)
{
    return (struct wire){.in = reader_over(data, size), .what = what, .err = err};
}

void wire_require(struct wire *w, bool holds, const char *problem)
{
    if (w->failed || (holds && !w->in.failed))
        return;
    w->failed = true;
    (void)error_set(w->err, ERROR_PROTOCOL, "%s: %s", w->what, w->in.failed ? "cut short" : problem);
}

bool wire_done(struct wire *w)
{
    wire_require(w, w->out != NULL || reader_done(&w->in), "more follows than there should");
    return !w->failed;
}

/* A failed append has filled *err already. */
static void written(struct wire *w, bool ok)
{
    w->failed = w->failed || !ok;
}

void wire_u32(struct wire *w, uint32_t *value)
{
    if (w->failed)
        return;
    if (w->out != NULL) {
        written(w, buffer_put_u32(w->out, *value, w->err));
        return;
    }
    *value = reader_u32(&w->in);
    wire_require(w, true, "");
}

void wire_u64(struct wire *w, uint64_t *value)
{
    if (w->failed)
        return;
    if (w->out != NULL) {
        written(w, buffer_put_u64(w->out, *value, w->err));
        return;
    }
    *value = reader_u64(&w->in);
    wire_require(w, *value <= INT64_MAX, "a number is out of range");
    if (w->failed)
        *value = 0;
}

void wire_i64(struct wire *w, int64_t *value)
{
    if (w->failed)
        return;
    if (w->out != NULL) {
        written(w, buffer_put_u64(w->out, (uint64_t)*value, w->err));
        return;
    }
    *value = (int64_t)reader_u64(&w->in);
    wire_require(w, true, "");
}

void wire_f64(struct wire *w, double *value)
{
    if (w->failed)
        return;
    if (w->out != NULL) {
        written(w, buffer_put_f64(w->out, *value, w->err));
        return;
    }
    *value = reader_f64(&w->in);
    wire_require(w, true, "");
}

void wire_enum(struct wire *w, unsigned *value, unsigned count)
{
    if (w->failed)
        return;
    if (w->out != NULL) {
        written(w, buffer_put_u8(w->out, (uint8_t)*value, w->err));
        return;
    }
    *value = reader_u8(&w->in);
    wire_require(w, *value < count, "a choice is out of range");
    if (w->failed)
        *value = 0;
}

void wire_bool(struct wire *w, bool *value)
{
    unsigned number = *value ? 1 : 0;

    wire_enum(w, &number, 2);
    *value = number != 0;
}

void wire_digest(struct wire *w, struct digest *digest)
{
    if (w->failed)
        return;
    if (w->out != NULL) {
        written(w, buffer_append(w->out, digest->bytes, DIGEST_SIZE, w->err));
        return;
    }
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        digest->bytes[i] = reader_u8(&w->in);
    wire_require(w, true, "");
}

/* Appends `text`; what is no clean text is made so, and cut to `most` bytes. */
static bool put_text(struct wire *w, const char *text, size_t most, unsigned flags)
{
    const size_t length = text != NULL ? strlen(text) : 0;
    const bool lines = (flags & WIRE_LINES) != 0;
    char *cleaned = NULL;
    bool ok = false;

    if (text == NULL || (flags & WIRE_RAW) != 0 || (length <= most && text_is_clean(text, lines)))
        return buffer_put_string(w->out, text, w->err);
    cleaned = memory_new(most + 1, w->err);
    if (cleaned != NULL) {
        text_clean(text, length, lines, cleaned, most + 1);
        ok = buffer_put_string(w->out, cleaned, w->err);
    }
    memory_free(cleaned);
    return ok;
}

/* Borrowed from the wire's memory; NULL only if NULL was sent or the wire failed. */
static const char *take_text(struct wire *w, size_t most, unsigned flags)
{
    const char *const text = reader_string(&w->in, most);

    wire_require(w,
                 text == NULL || (flags & WIRE_RAW) != 0 ||
                     text_is_clean(text, (flags & WIRE_LINES) != 0),
                 "a text is no clean UTF-8");
    wire_require(w, (flags & WIRE_NEEDED) == 0 || (text != NULL && text[0] != '\0'),
                 "a text is missing");
    return w->failed ? NULL : text;
}

void wire_text(struct wire *w, char *text, size_t size, unsigned flags)
{
    if (w->failed)
        return;
    if (w->out != NULL) {
        written(w, put_text(w, text, size - 1, flags));
        return;
    }
    const char *const taken = take_text(w, size - 1, flags);
    if (taken != NULL)
        memcpy(text, taken, strlen(taken) + 1);
    else
        text[0] = '\0';
}

void wire_string(struct wire *w, char **text, size_t most, unsigned flags)
{
    if (w->failed)
        return;
    if (w->out != NULL) {
        written(w, put_text(w, *text, most, flags));
        return;
    }
    const char *const taken = take_text(w, most, flags);
    *text = taken != NULL ? memory_string(taken, w->err) : NULL;
    written(w, taken == NULL || *text != NULL);
}

void wire_blob(struct wire *w, struct buffer *blob, size_t most)
{
    size_t size = 0;

    wire_require(w, blob->size <= most, "a blob is too large");
    if (w->failed)
        return;
    if (w->out != NULL) {
        written(w, buffer_put_bytes(w->out, blob->data, blob->size, w->err));
        return;
    }
    const void *const taken = reader_bytes(&w->in, &size, most);
    wire_require(w, true, "");
    if (!w->failed && size > 0)
        written(w, buffer_append(blob, taken, size, w->err));
}

void *wire_array(struct wire *w, void *items, size_t *count, size_t most, size_t size, size_t least,
                 size_t spare)
{
    uint32_t number = (uint32_t)*count;
    void *made = NULL;

    wire_require(w, *count <= most, "too many of something");
    wire_u32(w, &number);
    if (w->out != NULL || w->failed)
        return w->out != NULL ? items : NULL;
    *count = 0;
    wire_require(w, number <= most && number <= (w->in.size - w->in.offset) / least,
                 "more of something is announced than follows");
    if (w->failed)
        return NULL;
    made = memory_array(number + spare, size, w->err);
    written(w, made != NULL);
    *count = made != NULL ? number : 0;
    return made;
}
