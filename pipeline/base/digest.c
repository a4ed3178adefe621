#include "digest.h"

#include <pthread.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "memory.h"

struct digest_state {
    EVP_MD_CTX *context; /* always begun: ready for digest_add */
};

/* Fetched once a process, because the fetch costs more than a small digest; NULL: there is none. */
static pthread_once_t is_fetched = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;

static void fetch(void)
{
    /* neither the system's configuration nor texts of errors: reading them costs more than the fetch */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
    sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
}

static bool refused(struct error *err)
{
    return error_set(err, ERROR_CODEC, "libcrypto refused a SHA-256 operation");
}

bool digest_new(struct digest_state **state, struct error *err)
{
    struct digest_state *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->context = EVP_MD_CTX_new();
    if (pthread_once(&is_fetched, fetch) != 0 || made->context == NULL || sha256 == NULL ||
        EVP_DigestInit_ex2(made->context, sha256, NULL) != 1) {
        digest_free(made);
        return refused(err);
    }
    *state = made;
    return true;
}

bool digest_add(struct digest_state *state, const void *data, size_t size, struct error *err)
{
    return EVP_DigestUpdate(state->context, data, size) == 1 || refused(err);
}

bool digest_end(struct digest_state *state, struct digest *digest, struct error *err)
{
    unsigned size = 0;
    struct digest made;
    const bool ended = EVP_DigestFinal_ex(state->context, made.bytes, &size) == 1;

    /* With NULL the context keeps its algorithm and begins anew. */
    if (EVP_DigestInit_ex2(state->context, NULL, NULL) != 1 || !ended || size != DIGEST_SIZE)
        return refused(err);
    *digest = made;
    return true;
}

void digest_free(struct digest_state *state)
{
    if (state == NULL)
        return;
    EVP_MD_CTX_free(state->context);
    memory_free(state);
}

bool digest_of(const void *data, size_t size, struct digest *digest, struct error *err)
{
    struct digest_state *state = NULL;
    const bool ok = digest_new(&state, err) && digest_add(state, data, size, err) &&
                    digest_end(state, digest, err);

    digest_free(state);
    return ok;
}

/* Files change while they are read: what was announced must be there, no less. */
static bool add_bytes(struct digest_state *state, const struct bytes *bytes, void *room,
                      size_t room_size, struct error *err)
{
    for (uint64_t offset = 0; offset < bytes->size;) {
        const uint64_t left = bytes->size - offset;
        const size_t size = left < room_size ? (size_t)left : room_size;

        if (!bytes_read_all(bytes, offset, room, size, err) || !digest_add(state, room, size, err))
            return false;
        offset += size;
    }
    return true;
}

bool digest_of_bytes(const struct bytes *bytes, struct digest *digest, struct error *err)
{
    enum { ROOM = 256 * 1024 };
    struct digest_state *state = NULL;
    void *room = NULL;
    bool ok = false;

    if (bytes->memory != NULL && bytes->size <= SIZE_MAX)
        return digest_of(bytes->memory, (size_t)bytes->size, digest, err);
    room = memory_new(ROOM, err);
    ok = room != NULL && digest_new(&state, err) && add_bytes(state, bytes, room, ROOM, err) &&
         digest_end(state, digest, err);
    digest_free(state);
    memory_free(room);
    return ok;
}

static void write_hex(const uint8_t *bytes, size_t count, char *hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * count] = '\0';
}

void digest_hex(const struct digest *digest, char hex[DIGEST_HEX_SIZE])
{
    write_hex(digest->bytes, DIGEST_SIZE, hex);
}

void digest_hex16(const struct digest *digest, char hex[DIGEST16_SIZE])
{
    write_hex(digest->bytes, 8, hex);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool digest_parse(const char *hex, struct digest *digest)
{
    struct digest parsed;

    if (hex == NULL || strnlen(hex, DIGEST_HEX_SIZE) != 2 * DIGEST_SIZE)
        return false;
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        const int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        parsed.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *digest = parsed;
    return true;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return memcmp(a->bytes, b->bytes, DIGEST_SIZE) == 0;
}
