/* notes.h - lines for people about what was done that nobody would expect: each once, in the order in which they came
 *
 * A note belongs to what it is about: those of an object to its instance, those of what a stage made to its product.
 * A reader puts them together.
 */
#ifndef SLICEPRESS_JOB_NOTES_H
#define SLICEPRESS_JOB_NOTES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

enum { NOTES_MOST = 64 << 10 }; /* of one instance or product: what is more is cut */

/* Appends those of `lines` that are not in `notes` yet. Each ends in \n then, also where the last one had none. */
bool notes_merge(struct buffer *notes, const char *lines, struct error *err);

#endif
