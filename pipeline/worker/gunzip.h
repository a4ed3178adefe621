/* gunzip.h - gzip (RFC 1952) as it arrives, with every CRC and length checked
 *
 * libarchive skips the CRC of a gzip file, so this stands in front of it. Members that follow each other are
 * one stream; zeros after the last one are padding.
 */
#ifndef SLICEPRESS_WORKER_GUNZIP_H
#define SLICEPRESS_WORKER_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct gunzip;

/* Gives up to `size` bytes; *got 0 at the end. */
typedef bool (*gunzip_input)(void *client, void *to, size_t size, size_t *got, struct error *err);

bool gunzip_new(gunzip_input input, void *client, struct gunzip **gunzip, struct error *err);
void gunzip_free(struct gunzip *gunzip);
/* Up to `size` bytes; *got 0 at the end. TRUNCATED, CORRUPT (all good bytes have been given before), LIMIT. */
bool gunzip_read(struct gunzip *gunzip, void *to, size_t size, size_t *got, struct error *err);

#endif
