/* wire.h - structs on the wire: one function a struct serves both ways
 *
 *     static void carry_source(struct wire *w, struct source *s)
 *     {
 *         wire_enum(w, &kind, SOURCE_SPOOL + 1);
 *         wire_string(w, &s->path, PATH_MAX, WIRE_NEEDED);
 *     }
 *
 * A writing wire appends the fields to `out`; a parsing one (out NULL) fills them from `in`, checking
 * everything, and allocates what it fills (the struct's _release frees it, also after a failure half-way). The
 * first failure sticks; a failed parse yields zeros and NULLs. Private to job/.
 */
#ifndef SLICEPRESS_JOB_WIRE_H
#define SLICEPRESS_JOB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"

struct wire {
    struct buffer *out;
    struct reader in;
    const char *what; /* "result": begins every message */
    struct error *err;
    bool failed;
};

enum wire_flags {
    WIRE_ANY = 0,
    WIRE_NEEDED = 1, /* not NULL, not "" */
    WIRE_LINES = 2,  /* \n may stand in it */
    WIRE_RAW = 4,    /* a path: whatever bytes the file system has */
};

struct wire wire_to(struct buffer *out, const char *what, struct error *err);
struct wire wire_from(const void *data, size_t size, const char *what, struct error *err);
/* After parsing: nothing failed, nothing is left over. After writing: nothing failed. */
bool wire_done(struct wire *w);

/* PROTOCOL "what: ..." unless `holds`. */
void wire_require(struct wire *w, bool holds, const char *problem);
void wire_u32(struct wire *w, uint32_t *value);
void wire_u64(struct wire *w, uint64_t *value); /* at most INT64_MAX: it ends in SQL */
void wire_i64(struct wire *w, int64_t *value); /* any */
void wire_f64(struct wire *w, double *value);
void wire_bool(struct wire *w, bool *value);
/* value < count */
void wire_enum(struct wire *w, unsigned *value, unsigned count);
void wire_digest(struct wire *w, struct digest *digest);
/* Text in an array of `size`, and owned text of at most `most` bytes. When writing, what is no clean text (text.h)
 * is made so; when parsing, it is refused. */
void wire_text(struct wire *w, char *text, size_t size, unsigned flags);
void wire_string(struct wire *w, char **text, size_t most, unsigned flags);
/* Any bytes, at most `most`: more is refused both ways. An empty buffer stays empty. */
void wire_blob(struct wire *w, struct buffer *blob, size_t most);
/* The number of elements, then (parsing) room for them, zeroed: each takes `least` bytes on the wire or more, so
 * a lie about the count cannot take memory. `spare` elements more are allocated. Returns the array. */
void *wire_array(struct wire *w, void *items, size_t *count, size_t most, size_t size, size_t least,
                 size_t spare);

/* An enum of any type through wire_enum. */
#define WIRE_ENUM(w, field, type, count)                 \
    do {                                                 \
        unsigned wire_value = (unsigned)(field);         \
        wire_enum((w), &wire_value, (unsigned)(count));  \
        (field) = (type)wire_value;                      \
    } while (0)

#endif
