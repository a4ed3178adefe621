/* error.h - what went wrong, for policy (kind) and for people (text)
 *
 * Every function that can fail returns bool and takes `struct error *err` as its last
 * parameter: caller's storage, never NULL, untouched on success. Exactly one error_set per
 * failure, at the place that knows most; callers pass it up, adding context at most once, at
 * the boundary that knows it ("frame 3: ..."). Text starts lower case, has no full stop, says
 * what was expected and what was found. Nothing below main prints or exits.
 */
#ifndef SLICEPRESS_BASE_ERROR_H
#define SLICEPRESS_BASE_ERROR_H

#include <stdbool.h>

/* CRASHED and TIMEOUT are seen by the coordinator only. */
#define ERROR_KINDS(X) \
    X(NONE,        "none",        "no error") \
    X(IO,          "io",          "input or output failed") \
    X(NOT_DICOM,   "not_dicom",   "not a DICOM object") \
    X(UNSUPPORTED, "unsupported", "valid, but not supported") \
    X(CORRUPT,     "corrupt",     "violates the standard") \
    X(TRUNCATED,   "truncated",   "ends before it should") \
    X(LIMIT,       "limit",       "exceeds a limit") \
    X(NO_IMAGE,    "no_image",    "an object without an image") \
    X(WITHHELD,    "withheld",    "withheld from publication") \
    X(NOMEM,       "nomem",       "out of memory") \
    X(CODEC,       "codec",       "a codec library failed") \
    X(PROTOCOL,    "protocol",    "a worker sent nonsense") \
    X(CATALOGUE,   "catalogue",   "the catalogue failed") \
    X(USAGE,       "usage",       "wrong arguments") \
    X(CRASHED,     "crashed",     "a worker died") \
    X(TIMEOUT,     "timeout",     "a worker took too long") \
    X(BUSY,        "busy",        "another run holds the site") \
    X(INTERRUPTED, "interrupted", "interrupted")

enum error_kind {
#define X(name, word, text) ERROR_##name,
    ERROR_KINDS(X)
#undef X
    ERROR_KIND_COUNT
};

struct error {
    enum error_kind kind;
    char text[240]; /* UTF-8; cut at a character boundary when too long */
};

/* Fills *err and returns false, so that `return error_set(err, ...)` reads well. */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with ": " and strerror(errno_value) appended; kind IO (NOMEM for ENOMEM). */
bool error_errno(struct error *err, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prepends "context: " to a filled error; returns false. */
bool error_context(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "corrupt": the word used in catalogue, logs and messages. Never NULL. */
const char *error_kind_word(enum error_kind kind);
/* The inverse; ERROR_NONE for an unknown word. */
enum error_kind error_kind_of_word(const char *word);

#endif
