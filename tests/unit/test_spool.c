/* links: base dicom job coordinator */
#include "coordinator/spool.h"

#include <sys/stat.h>

#include "base/path.h"
#include "tests/support/test.h"

static struct error err;

static struct spool fresh(void)
{
    return (struct spool){.folder = test_folder(), .token = "r1"};
}

static uint32_t take(struct spool *spool)
{
    uint32_t file = 99;

    CHECK_OK(spool_take(spool, &file, &err), err);
    return file;
}

static void keep(struct spool *spool, int64_t id, uint32_t file, uint64_t offset, uint64_t bytes)
{
    CHECK_OK(spool_keep(spool, &(struct spool_place){id, file, offset, bytes}, &err), err);
}

TEST(test_spool__jobs_at_once_have_files_of_their_own_and_later_ones_go_behind)
{
    struct spool spool = fresh();
    const uint32_t one = take(&spool), two = take(&spool);

    CHECK(one != two);
    CHECK(strcmp(spool.files[one].name, spool.files[two].name) != 0);
    spool_give(&spool, one, 100);
    keep(&spool, 7, one, 0, 100);
    CHECK_EQ_INT(take(&spool), one);
    CHECK_EQ_UINT(spool.files[one].end, 100);
    spool_give(&spool, one, 50);
    keep(&spool, 5, one, 100, 50);
    spool_give(&spool, two, 0);
    CHECK_EQ_UINT(spool.used, 150);
    CHECK_EQ_UINT(spool_find(&spool, 5)->offset, 100);
    CHECK_EQ_UINT(spool_find(&spool, 7)->bytes, 100);
    CHECK(spool_find(&spool, 6) == NULL);
    spool_release(&spool);
}

TEST(test_spool__a_file_is_emptied_when_nobody_wants_its_planes)
{
    struct spool spool = fresh();
    const uint32_t file = take(&spool);
    char path[PATH_SIZE];
    struct stat status;

    CHECK_OK(path_join(path, test_folder(), spool.files[file].name, &err), err);
    CHECK_OK(path_write_file(path, "0123456789", 10, &err), err);
    spool_give(&spool, file, 6);
    keep(&spool, 1, file, 0, 6);
    CHECK_EQ_INT(take(&spool), file);
    spool_give(&spool, file, 4);
    keep(&spool, 2, file, 6, 4);
    spool_drop(&spool, 1);
    CHECK(spool_find(&spool, 1) == NULL);
    CHECK_EQ_UINT(spool.used, 10);
    CHECK_EQ_INT(take(&spool), file); /* a job is about to write behind it */
    spool_drop(&spool, 2);
    CHECK_EQ_UINT(spool.used, 10);
    spool_give(&spool, file, 0);
    CHECK_EQ_UINT(spool.used, 0);
    CHECK_EQ_UINT(spool.files[file].end, 0);
    CHECK(stat(path, &status) == 0 && status.st_size == 0);
    spool_drop(&spool, 2); /* nothing */
    spool_release(&spool);
}

TEST(test_spool__a_full_file_takes_no_more)
{
    struct spool spool = fresh();
    const uint32_t file = take(&spool);

    spool_give(&spool, file, SPOOL_FULL);
    CHECK(take(&spool) != file);
    spool_abandon(&spool, file);
    CHECK_EQ_UINT(spool.used, 0);
    spool_release(&spool);
}

TEST(test_spool__many_places_in_any_order)
{
    enum { MANY = 5000 };
    struct spool spool = fresh();

    for (int64_t i = 0; i < MANY; i++) {
        const uint32_t file = take(&spool);
        const int64_t id = 1 + (i * 7919) % MANY; /* all numbers once */
        spool_give(&spool, file, 10);
        keep(&spool, id, file, (uint64_t)i * 10, 10);
    }
    for (int64_t id = 1; id <= MANY; id += 2)
        spool_drop(&spool, id);
    for (int64_t id = 1; id <= MANY; id++)
        CHECK((spool_find(&spool, id) != NULL) == (id % 2 == 0));
    CHECK_EQ_UINT(spool.used, MANY * 10);
    for (int64_t id = 1; id <= MANY; id++)
        spool_drop(&spool, id);
    CHECK_EQ_UINT(spool.used, 0);
    CHECK_EQ_UINT(spool.place_count, 0);
    spool_release(&spool);
}

TEST(test_spool__planes_of_the_same_instance_again_replace_the_former)
{
    struct spool spool = fresh();
    const uint32_t file = take(&spool);

    spool_give(&spool, file, 10);
    keep(&spool, 3, file, 0, 10);
    CHECK_EQ_INT(take(&spool), file);
    spool_give(&spool, file, 20);
    keep(&spool, 3, file, 10, 20);
    CHECK_EQ_UINT(spool_find(&spool, 3)->offset, 10);
    CHECK_EQ_UINT(spool.files[file].live, 1);
    spool_drop(&spool, 3);
    CHECK_EQ_UINT(spool.used, 0);
    spool_release(&spool);
}
