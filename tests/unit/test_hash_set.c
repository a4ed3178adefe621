/* links: base */
#include "base/hash_set.h"

#include "tests/support/test.h"

static struct error err;

TEST(test_hash_set__has_what_was_added)
{
    struct hash_set set = {0};

    CHECK(!hash_set_has(&set, 0));
    CHECK(!hash_set_has(&set, 7));
    CHECK_OK(hash_set_add(&set, 7, &err), err);
    CHECK_OK(hash_set_add(&set, 7, &err), err);
    CHECK_EQ_UINT(set.count, 1);
    CHECK(hash_set_has(&set, 7));
    CHECK(!hash_set_has(&set, 0));
    CHECK_OK(hash_set_add(&set, 0, &err), err);
    CHECK(hash_set_has(&set, 0) && hash_set_has(&set, 7) && !hash_set_has(&set, 8));
    hash_set_release(&set);
    CHECK(!hash_set_has(&set, 0) && !hash_set_has(&set, 7));
    hash_set_release(&set);
}

/* Half of a million hashes with the same lower, then with the same upper bits: each in a set of its own. */
TEST(test_hash_set__grows_and_does_not_mind_similar_hashes)
{
    static const unsigned shifts[] = {0, 32, 44};

    for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
        struct hash_set set = {0};

        for (uint64_t n = 1; n <= 500000; n++)
            CHECK_OK(hash_set_add(&set, n << shifts[i], &err), err);
        CHECK_EQ_UINT(set.count, 500000);
        for (uint64_t n = 1; n <= 500000; n++)
            if (!hash_set_has(&set, n << shifts[i]) || hash_set_has(&set, (n << shifts[i]) + (UINT64_C(1) << 20) - 1))
                TEST_FAIL("%" PRIu64 " << %u", n, shifts[i]);
        hash_set_release(&set);
    }
}

TEST(test_hash_set__texts_have_the_published_hashes_of_fnv_1a)
{
    CHECK_EQ_UINT(hash_text(""), UINT64_C(0xcbf29ce484222325));
    CHECK_EQ_UINT(hash_text("a"), UINT64_C(0xaf63dc4c8601ec8c));
    CHECK_EQ_UINT(hash_text("foobar"), UINT64_C(0x85944171f73967e8));
}
