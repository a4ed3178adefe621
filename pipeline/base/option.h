/* option.h - options as data: a stage's table serves the command line, help and digests
 *
 * A table ends with a row whose name is NULL. Values live in a caller's struct at `offset`;
 * INT is int64_t, REAL double, BOOL bool, TEXT_VALUE and CHOICE char[OPTION_TEXT], INT_LIST
 * struct option_ints ("64,256"; "" is the empty list). A NULL table is an empty one.
 */
#ifndef SLICEPRESS_BASE_OPTION_H
#define SLICEPRESS_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "error.h"

enum { OPTION_TEXT = 64 };
enum option_type { OPTION_INT, OPTION_REAL, OPTION_BOOL, OPTION_CHOICE, OPTION_TEXT_VALUE, OPTION_INT_LIST };
enum { OPTION_LIST = 16 };
struct option_ints { size_t count; int64_t values[OPTION_LIST]; };

struct option {
    const char *name;          /* "quality" */
    enum option_type type;
    size_t offset;             /* offsetof the field in the options struct */
    const char *default_value; /* text, as a user would write it */
    double least, most;        /* INT, REAL, INT_LIST elements; both 0: any */
    const char *choices;       /* CHOICE: "jpeg webp png" */
    const char *help;          /* one line */
    bool for_join;             /* read where products are joined, not where they are made: no part of their digest */
};

/* Fills `values` (table's struct) with the defaults. */
bool option_defaults(const struct option *table, void *values, struct error *err);
/* Sets one; USAGE with expected and found on an unknown name or a bad value. */
bool option_set(const struct option *table, void *values, const char *name, const char *text,
                struct error *err);
/* Checks without storing (the coordinator has tables but no structs). */
bool option_check(const struct option *table, const char *name, const char *text, struct error *err);
/* "name=value\n" for every row in table order: the canonical text whose SHA-256 is the
 * options digest. `text` of a value comes from the struct, so that 080 and 80 are the same. */
bool option_canonical(const struct option *table, const void *values, struct buffer *out,
                      struct error *err);
const char *option_type_word(enum option_type type);

#endif
