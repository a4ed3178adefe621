/* sibling.h - NAME.gz and NAME.br beside a text file NAME: what servers send instead (gzip_static, brotli_static)
 *
 * Beside JSON, HTML, CSS, SVG and `metadata` of 256 bytes or more: smaller ones fit one packet anyway. The gzip file
 * is always made, the Brotli file by option. Each is one gzip member (RFC 1952, without name and time) or one Brotli
 * stream (RFC 7932); the same text in the same form (in memory, in a file) gives the same bytes.
 *
 * Text in memory is deflated as a whole, the large lists of studies quickly rather than well, because every run makes
 * them; a file is deflated as it is read, so that memory does not grow with it.
 */
#ifndef SLICEPRESS_COORDINATOR_SIBLING_H
#define SLICEPRESS_COORDINATOR_SIBLING_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/path.h"

enum sibling { SIBLING_GZIP, SIBLING_BROTLI, SIBLING_COUNT };

/* `path` is the name of a text file (its size is not looked at). */
bool sibling_is_text(const char *path);
/* So that a text of this name and size has siblings. */
bool sibling_is_due(const char *path, uint64_t size);
/* PATH.gz, PATH.br */
bool sibling_path(enum sibling sibling, const char *path, char out[PATH_SIZE], struct error *err);

/* The memory that deflating takes; one a context. */
struct sibling_maker;
bool sibling_maker_new(struct sibling_maker **maker, struct error *err);
void sibling_maker_free(struct sibling_maker *maker);
/* Writes a file at `to` (absolute). */
bool sibling_make(struct sibling_maker *maker, enum sibling sibling, const struct bytes *plain, const char *to,
                  struct error *err);

/* Whether the gzip file at `path` is of a text of this size and CRC-32, by what its last eight bytes say. */
bool sibling_says(const char *path, const struct bytes *plain);
/* Whether the file at `path` holds exactly `plain`: it is read as a whole. */
bool sibling_holds(enum sibling sibling, const char *path, const struct bytes *plain);

#endif
