/* digest.h - SHA-256 (FIPS 180-4) by libcrypto, which uses the processor's own instructions
 *
 *     struct digest_state *state;
 *     digest_new(&state, err) && digest_add(state, data, size, err) && digest_end(state, &d, err);
 *     digest_free(state);
 */
#ifndef SLICEPRESS_BASE_DIGEST_H
#define SLICEPRESS_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "error.h"

enum { DIGEST_SIZE = 32, DIGEST_HEX_SIZE = 65, DIGEST16_SIZE = 17 };

struct digest { uint8_t bytes[DIGEST_SIZE]; };
struct digest_state;

bool digest_new(struct digest_state **state, struct error *err);
bool digest_add(struct digest_state *state, const void *data, size_t size, struct error *err);
bool digest_end(struct digest_state *state, struct digest *digest, struct error *err); /* and ready anew */
void digest_free(struct digest_state *state);

bool digest_of(const void *data, size_t size, struct digest *digest, struct error *err);
bool digest_of_bytes(const struct bytes *bytes, struct digest *digest, struct error *err);
void digest_hex(const struct digest *digest, char hex[DIGEST_HEX_SIZE]);
void digest_hex16(const struct digest *digest, char hex[DIGEST16_SIZE]); /* the first 16 digits */
bool digest_parse(const char *hex, struct digest *digest); /* 64 lower-case digits */
bool digest_equal(const struct digest *a, const struct digest *b);

#endif
