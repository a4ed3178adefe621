/* site_text.h - a text that may grow with a study: in memory while it is short, else in a file as it is written
 *
 *     struct site_text text = {.context = context};
 *     while (...) ok = buffer_puts(&text.buffer, "...", err) && site_text_spill(&text, err);
 *     ok = ok && site_text_put(&text, path, err);
 *     site_text_release(&text);
 */
#ifndef SLICEPRESS_COORDINATOR_SITE_TEXT_H
#define SLICEPRESS_COORDINATOR_SITE_TEXT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/path.h"
#include "coordinator/site.h"

struct site_text {
    struct site_context *context;
    struct buffer buffer; /* what was written last: append to it */
    FILE *file;           /* what went before; NULL: nothing did */
    char made[PATH_SIZE];
};

/* Empties the buffer when there is much in it. */
bool site_text_spill(struct site_text *text, struct error *err);
/* site_put, site_put_named. */
bool site_text_put(struct site_text *text, const char *path, struct error *err);
bool site_text_put_named(struct site_text *text, const char *folder, const char *stem, const char *extension,
                         char name[PATH_SIZE], struct error *err);
void site_text_release(struct site_text *text);

#endif
