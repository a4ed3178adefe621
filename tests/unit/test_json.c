/* links: base */
#include "base/json.h"

#include <float.h>

#include "tests/support/test.h"

static struct json j;
static struct buffer out;
static struct error err;

static void begin(void)
{
    buffer_release(&out);
    json_begin(&j, &out);
}

static void check_text(const char *expected)
{
    CHECK_OK(json_finish(&j, &err), err);
    CHECK_EQ_STR(buffer_text(&out), expected);
    buffer_release(&out);
}

static void check_string(const char *text, const char *expected)
{
    begin();
    json_put_string(&j, text);
    check_text(expected);
}

static void check_refused(const char *why)
{
    CHECK(!json_finish(&j, &err));
    CHECK_HAS(err.text, why);
    buffer_release(&out);
}

TEST(test_json__objects_and_arrays_get_their_commas)
{
    begin();
    json_open_object(&j);
    json_member_int(&j, "rows", 512);
    json_key(&j, "list");
    json_open_array(&j);
    json_put_int(&j, -1);
    json_put_null(&j);
    json_open_object(&j);
    json_close(&j);
    json_open_array(&j);
    json_close(&j);
    json_put_raw(&j, "{\"a\":1}", 7);
    json_close(&j);
    json_member_bool(&j, "yes", true);
    json_member_bool(&j, "no", false);
    json_member_text(&j, "absent", NULL);
    json_member_text(&j, "text", "t");
    json_member_real(&j, "real", 0.1);
    json_close(&j);
    check_text("{\"rows\":512,\"list\":[-1,null,{},[],{\"a\":1}],\"yes\":true,\"no\":false,"
               "\"text\":\"t\",\"real\":0.1}");
}

TEST(test_json__indent_gives_the_outer_two_levels_lines)
{
    begin();
    j.indent = 1;
    json_open_object(&j);
    json_key(&j, "a");
    json_open_array(&j);
    json_open_object(&j);
    json_member_int(&j, "x", 1);
    json_member_int(&j, "y", 2);
    json_close(&j);
    json_put_int(&j, 3);
    json_close(&j);
    json_key(&j, "empty");
    json_open_object(&j);
    json_close(&j);
    json_close(&j);
    check_text("{\n \"a\": [\n  {\"x\": 1,\"y\": 2},\n  3\n ],\n \"empty\": {}\n}\n");
}

TEST(test_json__escapes)
{
    check_string("\"\\/\b\f\n\r\t", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    check_string("\x01\x1F\x7F", "\"\\u0001\\u001f\x7F\"");
    check_string("", "\"\"");
    check_string("a\"", "\"a\\\"\"");
    check_string(NULL, "null");
}

TEST(test_json__valid_utf8_is_kept)
{
    check_string("\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xED\x9F\xBF \xEE\x80\x80 \xF4\x8F\xBF\xBF",
                 "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xED\x9F\xBF \xEE\x80\x80 \xF4\x8F\xBF\xBF\"");
}

#define FFFD "\xEF\xBF\xBD"

TEST(test_json__invalid_utf8_becomes_the_replacement_character)
{
    check_string("a\xFF" "b", "\"a" FFFD "b\"");
    check_string("\x80", "\"" FFFD "\"");
    check_string("\xC3", "\"" FFFD "\"");
    check_string("\xC3\"", "\"" FFFD "\\\"\"");
    check_string("\xE2\x82", "\"" FFFD "\"");
    check_string("\xE2\x82x", "\"" FFFD "x\"");
    check_string("\xF0\x9F\x98", "\"" FFFD "\"");
    check_string("\xC0\xAF", "\"" FFFD FFFD "\"");             /* overlong */
    check_string("\xE0\x80\x80", "\"" FFFD FFFD FFFD "\"");    /* overlong */
    check_string("\xED\xA0\x80", "\"" FFFD FFFD FFFD "\"");    /* surrogate */
    check_string("\xF4\x90\x80\x80", "\"" FFFD FFFD FFFD FFFD "\""); /* beyond U+10FFFF */
    check_string("\xF0\x8F\xBF\xBF", "\"" FFFD FFFD FFFD FFFD "\""); /* overlong */
}

TEST(test_json__keys_are_escaped)
{
    begin();
    json_open_object(&j);
    json_member_int(&j, "a\"b", 1);
    json_close(&j);
    check_text("{\"a\\\"b\":1}");
}

static void check_real(double value, const char *expected)
{
    char text[32];

    json_format_real(value, text);
    CHECK_EQ_STR(text, expected);
}

TEST(test_json__reals_are_short)
{
    check_real(0, "0");
    check_real(-0.0, "-0");
    check_real(1, "1");
    check_real(-40, "-40");
    check_real(0.1, "0.1");
    check_real(0.3, "0.3");
    check_real(0.1 + 0.2, "0.30000000000000004");
    check_real(1.0 / 3, "0.3333333333333333");
    check_real(123456789012345678.0, "1.2345678901234568e+17");
    check_real(1e300, "1e+300");
    check_real(5e-324, "4.94065645841247e-324");
    check_real(0.9765625, "0.9765625");
}

TEST(test_json__reals_read_back_the_same)
{
    uint64_t bits = 88172645463325252u;
    char text[32];

    for (int round = 0; round < 200000; round++) {
        double value;
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        json_format_real(value, text);
        CHECK(strtod(text, NULL) == value);
    }
    json_format_real(DBL_MAX, text);
    CHECK(strtod(text, NULL) == DBL_MAX);
    json_format_real(DBL_MIN, text);
    CHECK(strtod(text, NULL) == DBL_MIN);
}

TEST(test_json__nan_and_infinities_become_null)
{
    check_real((double)NAN, "null");
    begin();
    json_open_array(&j);
    json_put_real(&j, (double)INFINITY);
    json_put_real(&j, (double)-INFINITY);
    json_put_int(&j, INT64_MIN);
    json_close(&j);
    check_text("[null,null,-9223372036854775808]");
}

TEST(test_json__value_without_a_key_is_refused)
{
    begin();
    json_open_object(&j);
    json_put_int(&j, 1);
    json_close(&j);
    check_refused("without a key");
}

TEST(test_json__key_in_an_array_or_at_the_top_is_refused)
{
    begin();
    json_open_array(&j);
    json_key(&j, "a");
    check_refused("key outside an object");
    begin();
    json_key(&j, "a");
    check_refused("key outside an object");
}

TEST(test_json__key_without_a_value_is_refused)
{
    begin();
    json_open_object(&j);
    json_key(&j, "a");
    json_close(&j);
    check_refused("key without a value");
}

TEST(test_json__open_level_and_missing_value_are_refused)
{
    begin();
    json_open_object(&j);
    check_refused("still open");
    begin();
    check_refused("no value");
    begin();
    json_close(&j);
    check_refused("nothing is open");
}

TEST(test_json__second_value_at_the_top_is_refused)
{
    begin();
    json_open_object(&j);
    json_close(&j);
    json_put_int(&j, 1);
    check_refused("second value");
    begin();
    json_open_array(&j);
    json_close(&j);
    json_open_array(&j);
    json_close(&j);
    check_refused("second value");
    begin();
    json_put_int(&j, 1);
    json_put_int(&j, 2);
    check_refused("second value");
}

TEST(test_json__nesting_has_a_limit)
{
    begin();
    for (int i = 0; i < JSON_DEPTH; i++)
        json_open_array(&j);
    CHECK(!j.failed);
    json_open_array(&j);
    CHECK(j.failed);
    for (int i = 0; i < 100; i++)
        json_close(&j);
    check_refused("too deep");
}
