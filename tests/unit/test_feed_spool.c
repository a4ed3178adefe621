/* links: base dicom job coordinator */
#include "coordinator/feed_spool.h"

#include <unistd.h>

#include "base/path.h"
#include "tests/support/test.h"

static struct error err;

static void make(const char *name)
{
    char path[PATH_SIZE];

    CHECK_OK(path_join(path, test_folder(), name, &err), err);
    CHECK_OK(path_write_file(path, "members", 7, &err), err);
}

static bool is_there(const char *name)
{
    char path[PATH_SIZE];

    CHECK_OK(path_join(path, test_folder(), name, &err), err);
    return access(path, F_OK) == 0;
}

static uint32_t hold(struct feed_spool *spool, const char *name)
{
    uint32_t file = 99;

    CHECK_OK(feed_spool_hold(spool, name, &file, &err), err);
    return file;
}

static struct digest digest_number(int number)
{
    struct digest digest;

    CHECK_OK(digest_of(&number, sizeof number, &digest, &err), err);
    return digest;
}

TEST(test_feed_spool__a_file_goes_when_it_is_closed_and_nobody_wants_it)
{
    struct feed_spool spool;

    feed_spool_init(&spool, test_folder());
    make("feed-1-0");
    make("feed-1-1");
    const uint32_t one = hold(&spool, "feed-1-0");
    CHECK_EQ_UINT(hold(&spool, "feed-1-0"), one);
    const uint32_t two = hold(&spool, "feed-1-1");
    CHECK(one != two);
    feed_spool_close(&spool, one);
    feed_spool_drop(&spool, one);
    CHECK(is_there("feed-1-0"));
    feed_spool_drop(&spool, one);
    CHECK(!is_there("feed-1-0"));
    feed_spool_drop(&spool, two); /* more members may come */
    CHECK(is_there("feed-1-1"));
    feed_spool_close(&spool, two);
    CHECK(!is_there("feed-1-1"));
    CHECK_EQ_UINT(hold(&spool, "feed-2-0"), one); /* numbers are used again */
    feed_spool_destroy(&spool);
}

TEST(test_feed_spool__members_stay_until_they_are_released_each_once)
{
    struct feed_spool spool;
    struct source source = {.kind = SOURCE_SPOOL};

    feed_spool_init(&spool, test_folder());
    make("feed-3-0");
    for (int i = 0; i < 20; i++) {
        const uint32_t file = hold(&spool, "feed-3-0");
        const struct digest digest = digest_number(i % 10); /* each comes twice */
        const struct source member = {.kind = SOURCE_SPOOL, .offset = (uint64_t)i, .size = 100};

        CHECK_OK(feed_spool_keep(&spool, &digest, file, &member, &err), err);
    }
    feed_spool_close(&spool, 0);
    CHECK_EQ_UINT(feed_spool_kept_bytes(&spool), 1000);
    for (int i = 0; i < 10; i++) {
        const struct digest digest = digest_number(i);

        CHECK_OK(feed_spool_find(&spool, &digest, &source, &err), err);
        CHECK_EQ_UINT(source.offset, (unsigned)i);
        CHECK_HAS(source.path, "/feed-3-0");
        source_release(&source);
        CHECK(is_there("feed-3-0"));
        feed_spool_release(&spool, &digest);
        feed_spool_release(&spool, &digest); /* fine */
        CHECK_OK(feed_spool_find(&spool, &digest, &source, &err), err);
        CHECK(source.path == NULL);
    }
    CHECK(feed_spool_is_empty(&spool) && !is_there("feed-3-0"));
    feed_spool_destroy(&spool);
}

/* Some go while others come, in any order. */
TEST(test_feed_spool__a_hundred_thousand_members_stay_and_go)
{
    enum { MEMBERS = 100000, AT_ONCE = 30000 };
    const struct source member = {.kind = SOURCE_SPOOL, .size = 10};
    struct feed_spool spool;
    struct source source = {.kind = SOURCE_SPOOL};

    feed_spool_init(&spool, test_folder());
    make("feed-4-0");
    for (int i = 0; i < MEMBERS + AT_ONCE; i++) {
        const struct digest digest = digest_number(i), former = digest_number(i - AT_ONCE);

        if (i < MEMBERS)
            CHECK_OK(feed_spool_keep(&spool, &digest, hold(&spool, "feed-4-0"), &member, &err), err);
        if (i < AT_ONCE)
            continue;
        CHECK_OK(feed_spool_find(&spool, &former, &source, &err), err);
        CHECK(source.path != NULL);
        source_release(&source);
        feed_spool_release(&spool, &former);
    }
    CHECK(feed_spool_is_empty(&spool));
    CHECK_EQ_UINT(spool.files[0].wanted, 0);
    feed_spool_destroy(&spool);
}
