/* text.h - text from files and peers, checked or made harmless: UTF-8 (RFC 3629) without control characters */
#ifndef SLICEPRESS_JOB_TEXT_H
#define SLICEPRESS_JOB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Valid UTF-8 without C0, DEL and C1 control characters; `lines`: \n is fine. */
bool text_is_clean(const char *text, bool lines);
/* Copies `from` (size bytes, or up to a NUL if that comes first) into `to` (`room` bytes, NUL included), cut at
 * a character: control characters become a space, bytes that are no UTF-8 U+FFFD; `lines`: \n stays. */
void text_clean(const char *from, size_t size, bool lines, char *to, size_t room);

#endif
