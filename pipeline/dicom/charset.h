/* charset.h - text by its Specific Character Set (0008,0005) (PS3.3 C.12.1.1.2, PS3.5 6.1.2 and
 * annexes H to K)
 *
 * Single-byte sets, ISO 2022 with code extensions, and UTF-8, GB18030, GBK; glibc's iconv knows the
 * tables. Never fails: what cannot be read becomes U+FFFD.
 */
#ifndef SLICEPRESS_DICOM_CHARSET_H
#define SLICEPRESS_DICOM_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

/* `declared`: the value of (0008,0005), backslashes included, "" if absent: then bytes above 127
 * are UTF-8 where they are valid UTF-8, else Latin-1. person_name: ^ and = also switch back to the
 * first set (PS3.5 6.1.2.5.3). The result is valid UTF-8 without control characters other than CR,
 * LF, FF and TAB, cut to `text_size` at a character. */
void charset_to_utf8(const char *declared, const char *bytes, size_t size, bool person_name,
                     char *text, size_t text_size);

#endif
