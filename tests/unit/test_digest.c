/* links: base */
#include "base/digest.h"

#include <fcntl.h>

#include "base/path.h"
#include "tests/support/test.h"

/* FIPS 180-4 and NIST's examples */
static const char empty_hex[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char abc_hex[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char million_hex[] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void check_digest(const struct digest *digest, const char *expected)
{
    char hex[DIGEST_HEX_SIZE];

    digest_hex(digest, hex);
    CHECK_EQ_STR(hex, expected);
}

TEST(test_digest__known_answers)
{
    struct digest digest;
    struct error err;

    CHECK_OK(digest_of("", 0, &digest, &err), err);
    check_digest(&digest, empty_hex);
    CHECK_OK(digest_of(NULL, 0, &digest, &err), err);
    check_digest(&digest, empty_hex);
    CHECK_OK(digest_of("abc", 3, &digest, &err), err);
    check_digest(&digest, abc_hex);
}

TEST(test_digest__state_is_ready_anew_after_the_end)
{
    struct digest_state *state;
    struct digest digest;
    struct error err;

    CHECK_OK(digest_new(&state, &err), err);
    for (int round = 0; round < 3; round++) {
        CHECK_OK(digest_add(state, "a", 1, &err) && digest_add(state, "bc", 2, &err) &&
                     digest_end(state, &digest, &err),
                 err);
        check_digest(&digest, abc_hex);
    }
    CHECK_OK(digest_end(state, &digest, &err), err);
    check_digest(&digest, empty_hex);
    digest_free(state);
    digest_free(NULL);
}

TEST(test_digest__a_file_gives_the_digest_of_its_bytes)
{
    enum { MILLION = 1000000 };
    char path[PATH_SIZE];
    static char letters[MILLION];
    struct digest digest;
    struct bytes bytes;
    struct error err;

    memset(letters, 'a', sizeof letters);
    CHECK_OK(path_join(path, test_folder(), "million", &err), err);
    CHECK_OK(path_write_file(path, letters, MILLION, &err), err);
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_OK(bytes_of_descriptor(descriptor, &bytes, &err), err);
    CHECK_OK(digest_of_bytes(&bytes, &digest, &err), err);
    check_digest(&digest, million_hex);
    CHECK_EQ_INT(truncate(path, 10), 0);
    CHECK(!digest_of_bytes(&bytes, &digest, &err)); /* shrank while it was read */
    CHECK_EQ_INT(err.kind, ERROR_TRUNCATED);
    close(descriptor);
    bytes = bytes_of_memory(letters, MILLION);
    CHECK_OK(digest_of_bytes(&bytes, &digest, &err), err);
    check_digest(&digest, million_hex);
}

TEST(test_digest__hex_reads_back)
{
    struct digest digest, parsed;
    struct error err;
    char hex16[DIGEST16_SIZE];

    CHECK_OK(digest_of("abc", 3, &digest, &err), err);
    CHECK(digest_parse(abc_hex, &parsed));
    CHECK(digest_equal(&digest, &parsed));
    parsed.bytes[31] ^= 1;
    CHECK(!digest_equal(&digest, &parsed));
    digest_hex16(&digest, hex16);
    CHECK_EQ_STR(hex16, "ba7816bf8f01cfea");
}

TEST(test_digest__text_that_is_not_64_lower_case_digits_is_refused)
{
    struct digest digest = {{1}};
    char hex[80];

    CHECK(!digest_parse(NULL, &digest));
    CHECK(!digest_parse("", &digest));
    for (size_t length = 0; length < 70; length++) {
        memset(hex, '0', sizeof hex);
        hex[length] = '\0';
        CHECK_EQ_INT(digest_parse(hex, &digest), length == 64);
    }
    for (const char *bad = "AGg/:`@ "; *bad != '\0'; bad++) {
        memcpy(hex, abc_hex, sizeof abc_hex);
        hex[33] = *bad;
        CHECK(!digest_parse(hex, &digest));
    }
}
