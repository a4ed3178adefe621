/* recipe.h - a DICOM object as text: what make_dicom writes
 *
 * One thing a line; `#` begins a comment line. Settings are `name = value`, data elements are
 * `gggg,eeee VR value` (`>` before them: one level deeper, `>item` begins an item), faults are
 * `fault WHAT ...`. `{expression}` anywhere is replaced by its value: + - * / % ( ), numbers and
 * the variables i (which instance, from 0), n (how many) and what `let NAME = expression` defined.
 * `repeat V FIRST LAST` ... `end` repeats lines. tests/support/README.md lists it all.
 */
#ifndef SLICEPRESS_SUPPORT_RECIPE_H
#define SLICEPRESS_SUPPORT_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct recipe_items;

struct recipe_element {
    uint32_t tag;
    char vr[3];
    char *value;                /* owned, as written */
    bool undefined_length;      /* SQ */
    struct recipe_items *items; /* owned, SQ: NULL if none */
};

struct recipe_set {
    size_t count, capacity;
    struct recipe_element *elements; /* owned */
};

struct recipe_items {
    size_t count, capacity;
    struct recipe_set *sets; /* owned */
};

struct recipe_setting { char *name, *value; };

struct recipe {
    size_t setting_count, setting_capacity;
    struct recipe_setting *settings; /* `fault` and `pixels` may stand more than once */
    struct recipe_set elements;
};

struct recipe_variable { char name[24]; double value; };

/* Reads `text`, with the variables given. Errors name the line. */
bool recipe_parse(const char *text, const struct recipe_variable *variables, size_t variable_count,
                  struct recipe *recipe, struct error *err);
void recipe_release(struct recipe *recipe);

/* The last setting of that name; `absent` if there is none. */
const char *recipe_text(const struct recipe *recipe, const char *name, const char *absent);
double recipe_number(const struct recipe *recipe, const char *name, double absent);
bool recipe_flag(const struct recipe *recipe, const char *name, bool absent); /* yes no */

struct recipe_element *recipe_find(struct recipe_set *set, uint32_t tag);
/* Sets or replaces. */
bool recipe_put(struct recipe_set *set, uint32_t tag, const char vr[2], const char *value,
                struct error *err);
void recipe_remove(struct recipe_set *set, uint32_t tag);
/* The same, if nothing stands there yet. */
bool recipe_default(struct recipe_set *set, uint32_t tag, const char vr[2], const char *value,
                    struct error *err);

/* Replaces each {expression} of `text`, appending the result to `out`. expression.c */
bool expression_expand(const char *text, const struct recipe_variable *variables, size_t count,
                       struct buffer *out, struct error *err);
bool expression_value(const char *text, const struct recipe_variable *variables, size_t count,
                      double *value, struct error *err);

#endif
