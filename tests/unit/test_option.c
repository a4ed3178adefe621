/* links: base */
#include "base/option.h"

#include "tests/support/test.h"

struct values {
    int64_t quality;
    double factor;
    bool progressive;
    char format[OPTION_TEXT];
    char title[OPTION_TEXT];
    struct option_ints sizes;
    int64_t free;
};

static const struct option table[] = {
    {"quality", OPTION_INT, offsetof(struct values, quality), "85", 1, 100, NULL, "quality", false},
    {"factor", OPTION_REAL, offsetof(struct values, factor), "0.5", 0, 2, NULL, "factor", false},
    {"progressive", OPTION_BOOL, offsetof(struct values, progressive), "yes", 0, 0, NULL, "p", false},
    {"format", OPTION_CHOICE, offsetof(struct values, format), "jpeg", 0, 0, "jpeg webp png", "f", false},
    {"title", OPTION_TEXT_VALUE, offsetof(struct values, title), "", 0, 0, NULL, "title", false},
    {"sizes", OPTION_INT_LIST, offsetof(struct values, sizes), "64,256", 1, 4096, NULL, "sizes", false},
    {"free", OPTION_INT, offsetof(struct values, free), "-7", 0, 0, NULL, "any number", false},
    {0},
};

static struct values values;
static struct error err;

static void check_canonical(const char *expected)
{
    struct buffer text = {0};

    CHECK_OK(option_canonical(table, &values, &text, &err), err);
    CHECK_EQ_STR(buffer_text(&text), expected);
    buffer_release(&text);
}

static void set(const char *name, const char *text)
{
    CHECK_OK(option_set(table, &values, name, text, &err), err);
    CHECK_OK(option_check(table, name, text, &err), err);
}

static void check_refused(const char *name, const char *text, const char *why)
{
    const struct values before = values;

    CHECK(!option_set(table, &values, name, text, &err));
    CHECK_EQ_INT(err.kind, ERROR_USAGE);
    CHECK_HAS(err.text, why);
    CHECK_EQ_MEM(&values, &before, sizeof values);
    CHECK(!option_check(table, name, text, &err));
}

TEST(test_option__defaults_fill_the_struct)
{
    CHECK_OK(option_defaults(table, &values, &err), err);
    CHECK_EQ_INT(values.quality, 85);
    CHECK(values.factor == 0.5);
    CHECK(values.progressive);
    CHECK_EQ_STR(values.format, "jpeg");
    CHECK_EQ_STR(values.title, "");
    CHECK_EQ_UINT(values.sizes.count, 2);
    CHECK_EQ_INT(values.sizes.values[1], 256);
    check_canonical("quality=85\nfactor=0.5\nprogressive=true\nformat=jpeg\ntitle=\n"
                    "sizes=64,256\nfree=-7\n");
}

TEST(test_option__spellings_of_one_value_have_one_canonical_text)
{
    CHECK_OK(option_defaults(table, &values, &err), err);
    set("quality", "080");
    set("factor", "1.50e0");
    set("progressive", "off");
    set("format", "png");
    set("title", "a title = this");
    set("sizes", "0001,+2");
    set("free", "9223372036854775807");
    check_canonical("quality=80\nfactor=1.5\nprogressive=false\nformat=png\n"
                    "title=a title = this\nsizes=1,2\nfree=9223372036854775807\n");
    set("factor", "-0");
    set("sizes", "");
    check_canonical("quality=80\nfactor=0\nprogressive=false\nformat=png\n"
                    "title=a title = this\nsizes=\nfree=9223372036854775807\n");
}

TEST(test_option__unknown_name_lists_the_known_ones)
{
    check_refused("qualitty", "1",
                  "unknown option \"qualitty\", expected one of: quality, factor, progressive");
    CHECK(!option_check(NULL, "x", "1", &err));
    CHECK_EQ_STR(err.text, "unknown option \"x\", expected none");
    CHECK_OK(option_defaults(NULL, NULL, &err), err);
}

TEST(test_option__bad_whole_numbers_are_refused_with_expected_and_found)
{
    check_refused("quality", "0",
                  "option \"quality\": expected a whole number from 1 to 100, found \"0\"");
    check_refused("quality", "101", "found \"101\"");
    check_refused("quality", "", "found \"\"");
    check_refused("quality", "8x", "found");
    check_refused("quality", " 8", "found");
    check_refused("quality", "8 ", "found");
    check_refused("quality", "0x10", "found");
    check_refused("quality", "8.5", "found");
    check_refused("quality", "-", "found");
    check_refused("quality", "+-8", "found");
    check_refused("free", "9223372036854775808", "expected a whole number, found");
}

TEST(test_option__bad_reals_are_refused)
{
    check_refused("factor", "2.1", "expected a number from 0 to 2");
    check_refused("factor", "nan", "found");
    check_refused("factor", "inf", "found");
    check_refused("factor", "0x1p0", "found");
    check_refused("factor", "1e999", "found");
    check_refused("factor", " 1", "found");
    check_refused("factor", "1..0", "found");
    check_refused("factor", "e", "found");
    check_refused("factor", "", "found");
}

TEST(test_option__bad_words_are_refused)
{
    check_refused("progressive", "maybe", "expected true or false, found \"maybe\"");
    check_refused("progressive", "TRUE", "found");
    check_refused("format", "jp", "expected one of jpeg webp png, found \"jp\"");
    check_refused("format", "jpeg webp", "found");
    check_refused("format", "", "found");
    check_refused("format", " ", "found");
}

TEST(test_option__text_with_a_new_line_or_too_long_is_refused)
{
    char text[80];

    check_refused("title", "a\nquality=1", "without control characters");
    memset(text, 'a', sizeof text);
    text[64] = '\0';
    check_refused("title", text, "shorter than 64 bytes");
    text[63] = '\0';
    set("title", text);
    CHECK_EQ_STR(values.title, text);
}

TEST(test_option__bad_lists_are_refused)
{
    check_refused("sizes", "64,", "whole numbers separated by commas from 1 to 4096");
    check_refused("sizes", ",64", "found");
    check_refused("sizes", "64,,1", "found");
    check_refused("sizes", "64;1", "found");
    check_refused("sizes", "64, 1", "found");
    check_refused("sizes", "0", "found");
    check_refused("sizes", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "at most 16");
    set("sizes", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1");
    CHECK_EQ_UINT(values.sizes.count, 16);
}

TEST(test_option__bad_default_is_an_error)
{
    static const struct option bad[] = {
        {"n", OPTION_INT, 0, "many", 0, 0, NULL, "", false},
        {0},
    };
    int64_t n;

    CHECK(!option_defaults(bad, &n, &err));
    CHECK_EQ_INT(err.kind, ERROR_USAGE);
}

TEST(test_option__types_have_words)
{
    CHECK_EQ_STR(option_type_word(OPTION_INT_LIST), "integers");
    CHECK_EQ_STR(option_type_word((enum option_type)77), "unknown");
}
