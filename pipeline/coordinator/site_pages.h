/* site_pages.h - plain HTML from the catalogue's rows: index.html, and a page a study
 *
 * No script, no fetch, relative references only: the pages work from any static server and straight from disk.
 * Pictures below the fold are lazy, series of more than 60 slices are folded, so that a page of thousands
 * of slices opens at once.
 */
#ifndef SLICEPRESS_COORDINATOR_SITE_PAGES_H
#define SLICEPRESS_COORDINATOR_SITE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/path.h"
#include "coordinator/catalogue.h"
#include "coordinator/html.h"

/* Names below public/app/, where the digest-named style sheet and placeholder stand. */
struct page_assets { char style[PATH_SIZE], placeholder[PATH_SIZE]; };
struct page_text { const char *data; size_t size; };
extern const struct page_text page_style, page_placeholder;

bool page_of_study(struct catalogue *catalogue, const struct page_assets *assets, const char *study,
                   struct buffer *out, struct error *err);
/* index.html: begin, an entry for each of the newest studies, end. `path` and `sha256` are of its picture, "" if there
 * is none; the card is what stands behind it. */
bool page_card_of_study(struct catalogue *catalogue, const char *study, struct buffer *out, struct error *err);
void page_of_site_begin(struct html *h, const struct page_assets *assets, int64_t total, bool all);
void page_of_site_entry(struct html *h, const struct page_assets *assets, const char *study, const char *path,
                        const char *sha256, const char *card);
void page_of_site_end(struct html *h);

#endif
