/* links: base */
#include "base/error.h"

#include <errno.h>

#include "tests/support/test.h"

TEST(test_error__set_fills_kind_and_text_and_returns_false)
{
    struct error err;

    CHECK(!error_set(&err, ERROR_CORRUPT, "rows is %d", 0));
    CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
    CHECK_EQ_STR(err.text, "rows is 0");
}

TEST(test_error__empty_text_becomes_the_kinds_text)
{
    struct error err;
    const char *const nothing = "";

    error_set(&err, ERROR_NOMEM, "%s", nothing);
    CHECK_EQ_STR(err.text, "out of memory");
}

TEST(test_error__errno_is_appended_and_out_of_memory_has_its_kind)
{
    struct error err;

    CHECK(!error_errno(&err, ENOENT, "cannot open \"%s\"", "x"));
    CHECK_EQ_INT(err.kind, ERROR_IO);
    CHECK_EQ_STR(err.text, "cannot open \"x\": No such file or directory");
    error_errno(&err, ENOMEM, "x");
    CHECK_EQ_INT(err.kind, ERROR_NOMEM);
}

TEST(test_error__context_comes_first_and_keeps_the_kind)
{
    struct error err;

    error_set(&err, ERROR_LIMIT, "too large");
    CHECK(!error_context(&err, "frame %d", 3));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK_EQ_STR(err.text, "frame 3: too large");
}

TEST(test_error__own_text_may_be_an_argument)
{
    struct error err;

    error_set(&err, ERROR_IO, "inner");
    error_set(&err, ERROR_CODEC, "outer: %s", err.text);
    CHECK_EQ_STR(err.text, "outer: inner");
}

TEST(test_error__long_text_is_cut_at_a_character)
{
    struct error err;
    char text[600];

    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i + 4 < sizeof text; i += 3)
            memcpy(text + i, "\xE2\x82\xAC", 4); /* the euro sign */
        error_set(&err, ERROR_IO, "%s", text);
        const size_t length = strlen(err.text);
        CHECK(length >= sizeof err.text - 4);
        CHECK_EQ_INT((length - shift) % 3, 0);
    }
}

TEST(test_error__text_that_just_fits_is_kept_whole)
{
    struct error err;
    char text[240];

    memset(text, 'a', sizeof text);
    memcpy(text + 236, "\xE2\x82\xAC", 4);
    error_set(&err, ERROR_IO, "%s", text);
    CHECK_EQ_STR(err.text, text);
}

TEST(test_error__control_characters_of_names_are_masked)
{
    struct error err;

    error_set(&err, ERROR_IO, "cannot open \"%s\"", "a\033[2J\nb");
    CHECK_EQ_STR(err.text, "cannot open \"a?[2J?b\"");
}

TEST(test_error__every_kind_has_a_word_that_reads_back)
{
    for (int kind = 0; kind < ERROR_KIND_COUNT; kind++) {
        const char *const word = error_kind_word((enum error_kind)kind);
        CHECK_EQ_INT(error_kind_of_word(word), kind);
    }
    CHECK_EQ_INT(error_kind_of_word("nonsense"), ERROR_NONE);
    CHECK_EQ_INT(error_kind_of_word(NULL), ERROR_NONE);
    CHECK_EQ_STR(error_kind_word((enum error_kind)999), "unknown");
}
