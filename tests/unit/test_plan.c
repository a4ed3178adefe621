/* links: base dicom job coordinator */
#include "coordinator/plan.h"

#include "tests/support/test.h"

/* -- files ------------------------------------------------------------------------------- */

static const struct file_identity one = {1, 2, 3, 1000, 2000};

TEST(test_plan__file_read_after_its_last_change_is_unchanged)
{
    CHECK(plan_file_unchanged(&one, 3000, &one));
}

TEST(test_plan__file_changed_in_the_tick_of_its_reading_is_read_again)
{
    CHECK(!plan_file_unchanged(&one, 2000, &one));
}

TEST(test_plan__any_difference_of_the_file_is_a_change)
{
    for (int i = 0; i < 5; i++) {
        struct file_identity other = one;
        int64_t *const fields[] = {&other.device, &other.inode, &other.bytes, &other.mtime_ns, &other.ctime_ns};

        *fields[i] += 1;
        CHECK(!plan_file_unchanged(&one, 3000, &other));
    }
}

TEST(test_plan__members_are_ordered_by_number_behind_their_archive)
{
    struct buffer two = {0}, ten = {0}, alone = {0};
    struct error err;

    CHECK_OK(plan_source_order("/a.zip", 2, &two, &err), err);
    CHECK_OK(plan_source_order("/a.zip", 10, &ten, &err), err);
    CHECK_OK(plan_source_order("/a.zip", -1, &alone, &err), err);
    CHECK_EQ_STR(buffer_text(&alone), "/a.zip");
    CHECK(strcmp(buffer_text(&two), buffer_text(&ten)) < 0);
    CHECK(strcmp(buffer_text(&alone), buffer_text(&two)) < 0);
    buffer_release(&two);
    buffer_release(&ten);
    buffer_release(&alone);
}

/* -- twins ------------------------------------------------------------------------------- */

static struct twin twin(int64_t id, const char *order, uint8_t digest, enum instance_state state)
{
    return (struct twin){.instance_id = id, .source_order = order, .has_digest = digest != 0,
                         .digest = {{digest}}, .settled = state >= INSTANCE_DONE, .state = state};
}

TEST(test_plan__equal_bytes_keep_one_row_under_the_first_path)
{
    struct twin twins[] = {twin(1, "/b", 1, INSTANCE_DONE), twin(2, "/a", 1, INSTANCE_DONE)};

    plan_twins(twins, 2, false);
    CHECK_EQ_INT(twins[0].same_as, 0);
    CHECK_EQ_INT(twins[1].same_as, 0);
    CHECK_EQ_INT(twins[0].source_of, 1);
    CHECK_EQ_INT(twins[1].source_of, 1);
    CHECK(twins[0].is_current && !twins[1].is_current);
}

TEST(test_plan__of_a_conflict_the_last_path_is_current_or_the_first)
{
    struct twin twins[] = {twin(3, "/b", 1, INSTANCE_DONE), twin(1, "/c", 2, INSTANCE_DONE),
                           twin(2, "/a", 3, INSTANCE_DONE)};

    plan_twins(twins, 3, false);
    CHECK(!twins[0].is_current && twins[1].is_current && !twins[2].is_current);
    plan_twins(twins, 3, true);
    CHECK(!twins[0].is_current && !twins[1].is_current && twins[2].is_current);
}

TEST(test_plan__a_failed_object_is_not_current_beside_a_done_one)
{
    struct twin twins[] = {twin(1, "/a", 1, INSTANCE_DONE), twin(2, "/b", 2, INSTANCE_FAILED),
                           twin(3, "/c", 0, INSTANCE_QUARANTINED)};

    plan_twins(twins, 3, false);
    CHECK(twins[0].is_current && !twins[1].is_current && !twins[2].is_current);
}

TEST(test_plan__one_that_has_not_settled_takes_no_part_in_the_conflict)
{
    struct twin twins[] = {twin(1, "/a", 1, INSTANCE_DONE), twin(2, "/b", 2, INSTANCE_RUNNING)};

    plan_twins(twins, 2, false);
    CHECK(twins[0].is_current && !twins[1].is_current);
}

TEST(test_plan__one_that_has_not_settled_may_be_a_duplicate)
{
    struct twin twins[] = {twin(1, "/b", 1, INSTANCE_PENDING), twin(2, "/a", 1, INSTANCE_DONE)};

    plan_twins(twins, 2, false);
    CHECK_EQ_INT(twins[0].same_as, 1);
    CHECK_EQ_INT(twins[1].same_as, 1);
}

TEST(test_plan__a_duplicate_of_the_last_path_does_not_make_its_first_path_the_last)
{
    /* the bytes of /c are those of /a: they go by /a, so /b is the last */
    struct twin twins[] = {twin(1, "/a", 1, INSTANCE_DONE), twin(2, "/b", 2, INSTANCE_DONE),
                           twin(3, "/c", 1, INSTANCE_DONE)};

    plan_twins(twins, 3, false);
    CHECK_EQ_INT(twins[2].same_as, 0);
    CHECK(twins[1].is_current && !twins[0].is_current && !twins[2].is_current);
}

/* All orders of the rows give the same decisions. */
/* All are pending when options have changed: the first to settle does not take the place of the current one. */
TEST(test_plan__one_that_waits_and_is_known_can_be_current)
{
    struct twin twins[] = {twin(1, "/a", 1, INSTANCE_DONE), twin(2, "/b", 2, INSTANCE_DONE)};

    twins[1].settled = false;
    twins[1].presumed = true;
    plan_twins(twins, 2, false);
    CHECK(!twins[0].is_current && twins[1].is_current);
    twins[1].state = INSTANCE_FAILED;
    plan_twins(twins, 2, false);
    CHECK(twins[0].is_current && !twins[1].is_current);
    CHECK_EQ_INT(twins[0].same_as, 0);
}

TEST(test_plan__outcome_does_not_depend_on_the_order_of_the_twins)
{
    const struct twin given[4] = {twin(5, "/a", 1, INSTANCE_DONE), twin(6, "/b", 2, INSTANCE_DONE),
                                  twin(7, "/c", 1, INSTANCE_DONE), twin(8, "/d", 3, INSTANCE_SKIPPED)};
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}, {0, 2, 1, 3}};

    for (size_t k = 0; k < sizeof orders / sizeof *orders; k++) {
        struct twin twins[4];
        int64_t current = 0;

        for (int i = 0; i < 4; i++)
            twins[i] = given[orders[k][i]];
        plan_twins(twins, 4, false);
        for (int i = 0; i < 4; i++) {
            current += twins[i].is_current ? twins[i].instance_id : 0;
            if (twins[i].instance_id == 7)
                CHECK_EQ_INT(twins[twins[i].same_as].instance_id, 5);
        }
        CHECK_EQ_INT(current, 6);
    }
}

/* -- digests, thumbnails ----------------------------------------------------------------- */

TEST(test_plan__options_digest_leaves_out_what_is_for_the_join)
{
    struct option options[] = {{.name = "quality"}, {.name = "brotli", .for_join = true}, {.name = "brotli_too"}, {0}};
    struct stage_row row = {.option_count = 3, .options = options};
    char hex[4][DIGEST_HEX_SIZE];
    static const char *const texts[] = {"quality=80\nbrotli=false\nbrotli_too=1\n",
                                        "quality=80\nbrotli=true\nbrotli_too=1\n",
                                        "quality=80\nbrotli=false\nbrotli_too=2\n",
                                        "quality=81\nbrotli=false\nbrotli_too=1\n"};
    struct error err;

    for (size_t i = 0; i < 4; i++) {
        row.canonical_options = (char *)texts[i];
        CHECK_OK(plan_options_digest(&row, hex[i], &err), err);
    }
    CHECK_EQ_STR(hex[1], hex[0]);
    CHECK(strcmp(hex[2], hex[0]) != 0 && strcmp(hex[3], hex[0]) != 0 && strcmp(hex[3], hex[2]) != 0);
}

TEST(test_plan__input_digest_covers_source_and_window)
{
    struct digest source = {{1}}, window = {{2}};
    char plain[DIGEST_HEX_SIZE], with[DIGEST_HEX_SIZE], other[DIGEST_HEX_SIZE];
    struct error err;

    CHECK_OK(plan_input_digest(&source, NULL, plain, &err), err);
    CHECK_OK(plan_input_digest(&source, &window, with, &err), err);
    window.bytes[5] = 9;
    CHECK_OK(plan_input_digest(&source, &window, other, &err), err);
    CHECK(strcmp(plain, with) != 0 && strcmp(with, other) != 0);
}

TEST(test_plan__thumbnail_is_the_most_informative_of_the_middle_half)
{
    const int64_t outside[] = {9, 9, 1, 2, 1, 1, 9, 9};

    CHECK_EQ_INT(plan_thumbnail(outside, 8), 3);
}

TEST(test_plan__equal_slices_give_the_one_in_the_middle)
{
    const int64_t equal[] = {5, 5, 5, 5, 5, 5, 5};

    for (size_t count = 1; count <= 7; count++)
        CHECK_EQ_INT(plan_thumbnail(equal, count), (count - 1) / 2);
}
