/* links: base dicom job coordinator */
#include "coordinator/shelf.h"

#include <unistd.h>

#include "base/path.h"
#include "tests/support/test.h"

static struct error err;

static struct shelves fresh(void)
{
    return (struct shelves){.folder = test_folder(), .token = "r1"};
}

static struct shelf *take(struct shelves *shelves)
{
    struct shelf *const shelf = shelves_take(shelves, &err);

    CHECK(shelf != NULL);
    return shelf;
}

static void path_of(const struct shelf *shelf, char path[PATH_SIZE])
{
    CHECK_OK(path_join(path, test_folder(), shelf->name, &err), err);
}

TEST(test_shelf__jobs_at_once_have_shelves_of_their_own_and_later_ones_number_on)
{
    struct shelves shelves = fresh();
    struct manifest manifest = {0};
    struct shelf *const one = take(&shelves), *const two = take(&shelves);

    CHECK(one != two);
    CHECK(strcmp(one->name, two->name) != 0);
    struct product *const product = manifest_add(&manifest, "webp", 1, &err);
    product_add(product, &err)->staged = 3;
    product_add(product, &err)->staged = 1;
    shelf_advance(one, &manifest);
    shelf_give(one);
    CHECK_EQ_UINT(one->next, 4);
    CHECK(take(&shelves) == one);
    manifest_release(&manifest);
    shelf_advance(one, &manifest); /* nothing was staged */
    CHECK_EQ_UINT(one->next, 4);
    shelves_release(&shelves);
}

TEST(test_shelf__a_closed_one_takes_no_job_and_goes_when_nothing_waits)
{
    struct shelves shelves = fresh();
    struct shelf *const shelf = take(&shelves);
    char path[PATH_SIZE];

    path_of(shelf, path);
    CHECK_OK(path_make_folder(path, 0755, &err), err);
    shelf->waiting = 2;
    shelf_give(shelf);
    shelf_published(&shelves, shelf, false);
    CHECK(access(path, F_OK) == 0);
    struct shelf *const other = take(&shelves);
    CHECK(other != shelf);
    shelf_published(&shelves, shelf, true);
    CHECK(access(path, F_OK) != 0);
    CHECK_EQ_UINT(shelves.count, 1);
    shelf_give(other);
    CHECK(take(&shelves) == other);
    shelves_release(&shelves);
}

TEST(test_shelf__an_emptied_one_stays)
{
    struct shelves shelves = fresh();
    struct shelf *const shelf = take(&shelves);
    char path[PATH_SIZE];

    path_of(shelf, path);
    CHECK_OK(path_make_folder(path, 0755, &err), err);
    shelf->waiting++;
    shelf_give(shelf);
    shelf_published(&shelves, shelf, true);
    CHECK(access(path, F_OK) == 0);
    CHECK(take(&shelves) == shelf);
    shelves_release(&shelves);
}

TEST(test_shelf__numbers_do_not_wrap)
{
    struct shelves shelves = fresh();
    struct manifest manifest = {0};
    struct shelf *const shelf = take(&shelves);

    product_add(manifest_add(&manifest, "webp", 1, &err), &err)->staged = UINT32_MAX - 1;
    shelf_advance(shelf, &manifest);
    shelf_give(shelf);
    CHECK(take(&shelves) != shelf);
    manifest_release(&manifest);
    shelves_release(&shelves);
}
