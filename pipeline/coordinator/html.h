/* html.h - HTML text into a buffer: escapes, and DICOM values as people read them */
#ifndef SLICEPRESS_COORDINATOR_HTML_H
#define SLICEPRESS_COORDINATOR_HTML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/* A page being written: the first failure sticks, so that markup reads as markup. */
struct html { struct buffer *out; struct error *err; bool ok; };

struct html html_into(struct buffer *out, struct error *err);
void html_raw(struct html *h, const char *markup);
void html_text(struct html *h, const char *text);  /* & < > " ' escaped; also right inside attributes */
/* A path as a relative reference: characters outside RFC 3986 unreserved, '/', '?', '=' percent-encoded. */
void html_reference(struct html *h, const char *path);
void html_number(struct html *h, int64_t number);  /* with thin spaces: 12 345 */
/* PN (PS3.5 6.2.1.1): "Doe^Jane^^Dr" is "Doe, Jane (Dr)"; further groups follow in parentheses. */
void html_person_name(struct html *h, const char *pn);
void html_date(struct html *h, const char *da);    /* 20040119 is 2004-01-19; anything else as it is */

#endif
