/* links: base job */
#include "job/notes.h"

#include "tests/support/test.h"

TEST(test_notes__each_line_is_there_once_in_the_order_in_which_it_came)
{
    struct buffer notes = {0};
    struct error err;

    CHECK_OK(notes_merge(&notes, "", &err), err);
    CHECK_EQ_STR(buffer_text(&notes), "");
    CHECK_OK(notes_merge(&notes, "second\nfirst\nsecond\n", &err), err);
    CHECK_EQ_STR(buffer_text(&notes), "second\nfirst\n");
    CHECK_OK(notes_merge(&notes, "first\nthird\n", &err), err);
    CHECK_EQ_STR(buffer_text(&notes), "second\nfirst\nthird\n");
    buffer_release(&notes);
}

TEST(test_notes__a_part_of_a_line_is_another_one)
{
    struct buffer notes = {0};
    struct error err;

    CHECK_OK(notes_merge(&notes, "2 of 3 frames\n", &err), err);
    CHECK_OK(notes_merge(&notes, "2 of 3\nof 3 frames\n2 of 3 frames\n", &err), err);
    CHECK_EQ_STR(buffer_text(&notes), "2 of 3 frames\n2 of 3\nof 3 frames\n");
    buffer_release(&notes);
}

TEST(test_notes__empty_lines_go_and_a_missing_end_comes)
{
    struct buffer notes = {0};
    struct error err;

    CHECK_OK(notes_merge(&notes, "\n\none\n\ncut", &err), err);
    CHECK_EQ_STR(buffer_text(&notes), "one\ncut\n");
    CHECK_OK(notes_merge(&notes, "cut\n", &err), err);
    CHECK_EQ_STR(buffer_text(&notes), "one\ncut\n");
    buffer_release(&notes);
}
