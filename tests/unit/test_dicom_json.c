/* links: base dicom */
#include "dicom/dicom_json.h"
#include "dicom/vr_table.h"
#include "tests/support/data_set.h"

#define EXPLICIT "1.2.840.10008.1.2.1"
#define IMPLICIT "1.2.840.10008.1.2"
#define BIG "1.2.840.10008.1.2.2"
#define UTF8_SAID "\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]}"

static struct buffer json;

/* The JSON of `s`, which is released. */
static const char *json_with(struct set *s, const struct dicom_json_options *options)
{
    struct object *object;
    struct error err;
    buffer_clear(&json);
    CHECK_OK(set_open(s, &object, &err), err);
    CHECK_OK(dicom_json_write(object, options, &json, &err), err);
    object_close(object);
    set_release(s);
    return buffer_text(&json);
}

static const char *json_of(struct set *s)
{
    static const struct dicom_json_options options = {0};
    return json_with(s, &options);
}

/* One element beside the character set: what stands between {} for its tag. */
static void check_value(uint32_t tag, const char *vr, const void *bytes, size_t size,
                        const char *expected)
{
    struct set s = set_new(EXPLICIT);
    char text[512];
    set_raw(&s, tag, vr, bytes, size);
    (void)snprintf(text, sizeof text, "{" UTF8_SAID ",\"%08X\":{\"vr\":\"%s\"%s}}", tag, vr,
                   expected);
    CHECK_EQ_STR(json_of(&s), text);
}

static void check_text(const char *vr, const char *value, const char *expected)
{
    check_value(0x00100020, vr, value, strlen(value), expected);
}

/* ---------------------------------------------------------------- VRs */

TEST(test_dicom_json__each_vr_of_text)
{
    static const char *const rows[][3] = {
        {"AE", " STORE ", ",\"Value\":[\"STORE\"]"},
        {"AS", "045Y", ",\"Value\":[\"045Y\"]"},
        {"CS", "AXIAL\\ PRIMARY", ",\"Value\":[\"AXIAL\",\"PRIMARY\"]"},
        {"DA", "20200229", ",\"Value\":[\"20200229\"]"},
        {"DT", "20200229101112.5+0100", ",\"Value\":[\"20200229101112.5+0100\"]"},
        {"LO", " a b ", ",\"Value\":[\"a b\"]"},
        {"LT", " a\\b\r\n ", ",\"Value\":[\" a\\\\b\\r\\n\"]"},
        {"SH", "x\\y", ",\"Value\":[\"x\",\"y\"]"},
        {"ST", "  a\\b", ",\"Value\":[\"  a\\\\b\"]"},
        {"TM", "101112.123456", ",\"Value\":[\"101112.123456\"]"},
        {"UC", " a\\b ", ",\"Value\":[\" a\",\"b\"]"},
        {"UI", "1.2.3\\1.2.4", ",\"Value\":[\"1.2.3\",\"1.2.4\"]"},
        {"UR", "http://x/a\\b", ",\"Value\":[\"http://x/a\\\\b\"]"},
        {"UT", "\"quoted\"\t\x01.", ",\"Value\":[\"\\\"quoted\\\"\\t.\"]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_text(rows[i][0], rows[i][1], rows[i][2]);
}

TEST(test_dicom_json__each_vr_of_binary_numbers)
{
    static const struct {
        const char *vr, *bytes;
        size_t size;
        const char *expected;
    } rows[] = {
        {"US", "\1\0\xff\xff", 4, ",\"Value\":[1,65535]"},
        {"SS", "\1\0\xff\xff", 4, ",\"Value\":[1,-1]"},
        {"UL", "\xff\xff\xff\xff", 4, ",\"Value\":[4294967295]"},
        {"SL", "\0\0\0\x80", 4, ",\"Value\":[-2147483648]"},
        {"FL", "\xcd\xcc\xcc\x3d\0\0\xc0\xbf", 8, ",\"Value\":[0.1,-1.5]"},
        {"FD", "\x9a\x99\x99\x99\x99\x99\xb9\x3f", 8, ",\"Value\":[0.1]"},
        {"AT", "\x28\0\x10\0\xe0\x7f\x10\0", 8, ",\"Value\":[\"00280010\",\"7FE00010\"]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_value(0x00280010, rows[i].vr, rows[i].bytes, rows[i].size, rows[i].expected);
}

/* data_set.h knows no SV and UV, and their header is as OB's. */
static void check_long_integer(const char *vr, uint64_t value, const char *expected)
{
    struct set s = set_new(EXPLICIT);
    char text[256];
    set_head(&s, 0x00280010, "OB", 8);
    memcpy(s.data.data + s.data.size - 8, vr, 2);
    set_u32(&s, (uint32_t)value);
    set_u32(&s, (uint32_t)(value >> 32));
    (void)snprintf(text, sizeof text, "{" UTF8_SAID ",\"00280010\":{\"vr\":\"%s\",\"Value\":[%s]}}",
                   vr, expected);
    CHECK_EQ_STR(json_of(&s), text);
}

TEST(test_dicom_json__integers_that_doubles_skip_are_strings)
{
    check_long_integer("SV", (uint64_t)-5, "-5");
    check_long_integer("SV", (uint64_t)1 << 63, "\"-9223372036854775808\"");
    check_long_integer("UV", (uint64_t)1 << 53, "9007199254740992");
    check_long_integer("UV", ((uint64_t)1 << 53) + 1, "\"9007199254740993\"");
    check_long_integer("UV", UINT64_MAX, "\"18446744073709551615\"");
}

TEST(test_dicom_json__each_binary_vr)
{
    static const char *const vrs[] = {"OB", "OD", "OF", "OL", "OW", "UN"};
    for (size_t i = 0; i < sizeof vrs / sizeof vrs[0]; i++) {
        check_value(0x000a1010, vrs[i], "12345678", 8, ",\"InlineBinary\":\"MTIzNDU2Nzg=\"");
        check_value(0x000a1010, vrs[i], "", 0, "");
    }
    check_value(0x00282000, "OB", "abc", 3, ",\"InlineBinary\":\"YWJjAA==\"");
    check_value(0x00282000, "OB", "\xff\xfe", 2, ",\"InlineBinary\":\"//4=\"");
}

TEST(test_dicom_json__floats_that_are_no_numbers_are_null)
{
    check_value(0x00280010, "FL", "\0\0\xc0\x7f\0\0\x80\x7f\0\0\x80\xff\0\0\x80\x3f", 16,
                ",\"Value\":[null,null,null,1]");
    check_value(0x00280010, "FD", "\0\0\0\0\0\0\xf8\x7f", 8, ",\"Value\":[null]");
    check_value(0x00280010, "FL", "\0\0\0\x80", 4, ",\"Value\":[-0]");
    check_value(0x00280010, "FL", "\1\0\0\0", 4, ",\"Value\":[1.4013e-45]");
    check_value(0x00280010, "FL", "\xff\xff\x7f\x7f", 4, ",\"Value\":[3.4028235e+38]");
}

TEST(test_dicom_json__values_of_a_wrong_size)
{
    check_value(0x00280010, "UL", "\1\0\0\0\2\0", 6, ",\"Value\":[1]");
    check_value(0x00280010, "FD", "\1\0\0\0", 4, "");
}

/* ---------------------------------------------------------------- numbers in text */

TEST(test_dicom_json__decimal_strings_are_numbers)
{
    static const char *const rows[][2] = {
        {"0", "0"},           {"+1.50", "1.5"},
        {".5", "0.5"},        {"5.", "5"},
        {"-0.0", "-0"},       {"007.700", "7.7"},
        {"1E+05", "1e5"},     {"1.25e-07", "1.25e-7"},
        {"-.25", "-0.25"},    {" 12 ", "12"},
        {"0e-400", "0e-400"}, {"123456789.12345", "123456789.12345"},
        {"1e308", "1e308"},   {"00", "0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, ",\"Value\":[%s]", rows[i][1]);
        check_text("DS", rows[i][0], expected);
    }
}

TEST(test_dicom_json__what_is_no_number_or_no_double_is_a_string)
{
    static const char *const rows[] = {
        "1e400",  "-1e400",
        "1e-400", "abc",
        "1,5",    "--1",
        "0x10",   "1e",
        "1e+",    ".",
        "-",      "+",
        "e5",     "nan",
        "inf",    "1 2",
        "1.2.3",  "111111111111111111111111111111111111111111111111111111111111111111111111111",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[128];
        (void)snprintf(expected, sizeof expected, ",\"Value\":[\"%s\"]", rows[i]);
        check_text("DS", rows[i], expected);
    }
}

TEST(test_dicom_json__integer_strings)
{
    check_text("IS", "+7\\-12", ",\"Value\":[7,-12]");
    check_text("IS", "9007199254740992", ",\"Value\":[9007199254740992]");
    check_text("IS", "90071992547409934", ",\"Value\":[\"90071992547409934\"]");
    check_text("IS", "1.5", ",\"Value\":[1.5]");
    check_text("IS", "12A", ",\"Value\":[\"12A\"]");
}

/* ---------------------------------------------------------------- emptiness */

TEST(test_dicom_json__empty_attributes_have_no_value)
{
    static const char *const vrs[] = {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FL", "FD",
                                      "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM",
                                      "UC", "UI", "UL", "UR", "US", "UT", "SQ"};
    for (size_t i = 0; i < sizeof vrs / sizeof vrs[0]; i++)
        check_text(vrs[i], "", "");
    check_text("LO", "  ", "");
    check_text("UT", "    ", "");
    check_value(0x00100020, "UI", "\0\0", 2, "");
    check_text("PN", "==", "");
}

TEST(test_dicom_json__empty_members_are_null)
{
    check_text("CS", "A\\\\C", ",\"Value\":[\"A\",null,\"C\"]");
    check_text("CS", "\\B\\", ",\"Value\":[null,\"B\",null]");
    check_text("LO", "\\ ", ",\"Value\":[null,null]");
    check_text("DS", "\\1", ",\"Value\":[null,1]");
    check_text("PN", "\\A^B\\=", ",\"Value\":[null,{\"Alphabetic\":\"A^B\"},null]");
}

TEST(test_dicom_json__text_ends_at_its_first_nul)
{
    check_value(0x00100020, "UI", "1.2\0", 4, ",\"Value\":[\"1.2\"]");
    check_value(0x00100020, "LO", "ab\0cd", 6, ",\"Value\":[\"ab\"]");
}

/* ---------------------------------------------------------------- names, character sets */

TEST(test_dicom_json__names_have_groups)
{
    check_text("PN", "A^B", ",\"Value\":[{\"Alphabetic\":\"A^B\"}]");
    check_text("PN", "=I=P", ",\"Value\":[{\"Ideographic\":\"I\",\"Phonetic\":\"P\"}]");
    check_text("PN", "A==P", ",\"Value\":[{\"Alphabetic\":\"A\",\"Phonetic\":\"P\"}]");
    check_text("PN", "A=I=P=more",
               ",\"Value\":[{\"Alphabetic\":\"A\",\"Ideographic\":\"I\",\"Phonetic\":\"P\"}]");
    check_text("PN", "A^B^^^", ",\"Value\":[{\"Alphabetic\":\"A^B^^^\"}]");
}

TEST(test_dicom_json__text_becomes_utf8)
{
    struct set s = set_new(EXPLICIT);
    set_text(&s, 0x00080005, "CS", "ISO_IR 100");
    set_text(&s, 0x00100010, "PN", "M\xfcller^A");
    set_text(&s, 0x00100020, "LO", "\xe4\\\xf6");
    CHECK_EQ_STR(json_of(&s),
                 "{" UTF8_SAID
                 ",\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Müller^A\"}]}"
                 ",\"00100020\":{\"vr\":\"LO\",\"Value\":[\"ä\",\"ö\"]}}");
}

TEST(test_dicom_json__japanese_name_with_code_extensions)
{
    struct set s = set_new(EXPLICIT);
    set_text(&s, 0x00080005, "CS", "\\ISO 2022 IR 87");
    set_text(
        &s, 0x00100010, "PN",
        "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B");
    CHECK_HAS(json_of(&s), "{\"Alphabetic\":\"Yamada^Tarou\",\"Ideographic\":\"山田^太郎\","
                           "\"Phonetic\":\"やまだ^たろう\"}");
}

TEST(test_dicom_json__a_backslash_inside_a_character_splits_nothing)
{
    struct set s = set_new(EXPLICIT);
    set_text(&s, 0x00080005, "CS", "GB18030");
    set_text(&s, 0x00100020, "LO", "\x81\x5c\\b"); /* 乗 is 81 5C */
    CHECK_HAS(json_of(&s), "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"乗\",\"b\"]}");
}

TEST(test_dicom_json__an_item_has_its_own_character_set)
{
    struct set s = set_new(EXPLICIT);
    set_text(&s, 0x00080005, "CS", "ISO_IR 100");
    set_open_sequence(&s, 0x00400275);
    set_open_item(&s);
    set_text(&s, 0x00400007, "LO", "\xfc");
    set_close_item(&s);
    set_open_item(&s);
    set_text(&s, 0x00080005, "CS", "ISO_IR 144");
    set_text(&s, 0x00400007, "LO", "\xb6");
    set_close_item(&s);
    set_close_sequence(&s);
    CHECK_EQ_STR(json_of(&s), "{" UTF8_SAID ",\"00400275\":{\"vr\":\"SQ\",\"Value\":["
                              "{\"00400007\":{\"vr\":\"LO\",\"Value\":[\"ü\"]}},"
                              "{" UTF8_SAID ",\"00400007\":{\"vr\":\"LO\",\"Value\":[\"Ж\"]}}]}}");
}

/* ---------------------------------------------------------------- sequences */

TEST(test_dicom_json__sequences_nest)
{
    struct set s = set_new(EXPLICIT);
    set_open_sequence(&s, 0x00081140);
    set_open_item(&s);
    set_open_sequence(&s, 0x0040a170);
    set_open_item(&s);
    set_text(&s, 0x00080100, "SH", "121320");
    set_close_item(&s);
    set_open_item(&s);
    set_close_item(&s);
    set_close_sequence(&s);
    set_close_item(&s);
    set_close_sequence(&s);
    set_open_sequence(&s, 0x00082112);
    set_close_sequence(&s);
    CHECK_EQ_STR(
        json_of(&s),
        "{" UTF8_SAID ",\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"0040A170\":"
        "{\"vr\":\"SQ\",\"Value\":[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"121320\"]}},{}]}}]},"
        "\"00082112\":{\"vr\":\"SQ\"}}");
}

static void set_nested(struct set *s, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        set_open_sequence(s, 0x0040a730);
        set_open_item(s);
    }
    set_raw(s, 0x00282000, "OB", "abcdefgh", 8);
    for (unsigned i = 0; i < depth; i++) {
        set_close_item(s);
        set_close_sequence(s);
    }
}

TEST(test_dicom_json__deep_nesting_is_written)
{
    struct set s = set_new(EXPLICIT);
    const struct dicom_json_options options = {.bulk_prefix = "b/"};
    set_nested(&s, 60);
    const char *const text = json_with(&s, &options);
    CHECK_HAS(text, "\"InlineBinary\":\"YWJjZGVmZ2g=\""); /* too deep for a path */
    CHECK_EQ_INT(strspn(text + strlen(text) - 182, "}]"), 182);
}

/* ---------------------------------------------------------------- what is left out */

TEST(test_dicom_json__private_attributes_by_option)
{
    struct dicom_json_options options = {0};
    for (int i = 0; i < 2; i++) {
        struct set s = set_new(EXPLICIT);
        set_text(&s, 0x00090010, "LO", "CREATOR");
        set_text(&s, 0x00091001, "SH", "secret");
        set_open_sequence(&s, 0x00091140);
        set_open_item(&s);
        set_text(&s, 0x00080100, "SH", "x");
        set_close_item(&s);
        set_close_sequence(&s);
        set_text(&s, 0x00100020, "LO", "id");
        options.private_attributes = i == 1;
        CHECK_EQ_STR(json_with(&s, &options),
                     i ? "{" UTF8_SAID ",\"00090010\":{\"vr\":\"LO\",\"Value\":[\"CREATOR\"]},"
                         "\"00091001\":{\"vr\":\"SH\",\"Value\":[\"secret\"]},\"00091140\":{\"vr\":"
                         "\"SQ\",\"Value\":"
                         "[{\"00080100\":{\"vr\":\"SH\",\"Value\":[\"x\"]}}]},"
                         "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"id\"]}}"
                       : "{" UTF8_SAID ",\"00100020\":{\"vr\":\"LO\",\"Value\":[\"id\"]}}");
    }
}

TEST(test_dicom_json__group_lengths_meta_and_pixel_data_are_left_out)
{
    struct set s = set_new(EXPLICIT);
    set_raw(&s, 0x00080000, "UL", "\4\0\0\0", 4);
    set_text(&s, 0x00080060, "CS", "CT");
    set_raw(&s, 0x7fe00001, "OV", "\0\0\0\0\0\0\0\0", 8);
    set_raw(&s, 0x7fe00010, "OW", "abcd", 4);
    CHECK_EQ_STR(json_of(&s), "{" UTF8_SAID ",\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}");
}

/* ---------------------------------------------------------------- implicit VR and UN */

TEST(test_dicom_json__implicit_vr_has_the_vr_of_the_table)
{
    struct set s = set_new(IMPLICIT);
    struct dicom_json_options options = {.private_attributes = true, .pixel_data_uri = "frames"};
    set_text(&s, 0x00080060, "CS", "MR");
    set_text(&s, 0x00090010, "LO", "CREATOR");
    set_raw(&s, 0x00091010, "US", "\1\0", 2);
    set_text(&s, 0x00100010, "PN", "A^B");
    set_us(&s, 0x00280010, 7);
    set_us(&s, 0x00280103, 1);
    set_us(&s, 0x00280106, 0xfffe); /* US or SS */
    set_raw(&s, 0x00283006, "OW", "\1\0\2\0", 4);
    set_raw(&s, 0x00480105, "SQ", "\1\0\2\0", 4); /* SQ, but it is none */
    set_raw(&s, 0x00720026, "AT", "\x10\0\x20\0", 4);
    set_us(&s, 0x60020010, 3);
    set_raw(&s, 0x60023000, "OW", "\1\2", 2);
    set_raw(&s, 0x7fe00010, "OW", "abcd", 4);
    CHECK_EQ_STR(
        json_with(&s, &options),
        "{" UTF8_SAID ",\"00080060\":{\"vr\":\"CS\",\"Value\":[\"MR\"]},"
        "\"00090010\":{\"vr\":\"LO\",\"Value\":[\"CREATOR\"]},"
        "\"00091010\":{\"vr\":\"UN\",\"InlineBinary\":\"AQA=\"},"
        "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A^B\"}]},"
        "\"00280010\":{\"vr\":\"US\",\"Value\":[7]},\"00280103\":{\"vr\":\"US\",\"Value\":[1]},"
        "\"00280106\":{\"vr\":\"SS\",\"Value\":[-2]},"
        "\"00283006\":{\"vr\":\"OW\",\"InlineBinary\":\"AQACAA==\"},"
        "\"00480105\":{\"vr\":\"UN\",\"InlineBinary\":\"AQACAA==\"},"
        "\"00720026\":{\"vr\":\"AT\",\"Value\":[\"00100020\"]},"
        "\"60020010\":{\"vr\":\"US\",\"Value\":[3]},"
        "\"60023000\":{\"vr\":\"OW\",\"InlineBinary\":\"AQI=\"},"
        "\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"frames\"}}");
}

TEST(test_dicom_json__us_or_ss_in_an_item_follows_the_data_set_around_it)
{
    struct set s = set_new(IMPLICIT);
    set_us(&s, 0x00280103, 1);
    set_open_sequence(&s, 0x00409096);
    set_open_item(&s);
    set_us(&s, 0x00409211, 0xffff);
    set_us(&s, 0x00409216, 0x8000);
    set_close_item(&s);
    set_open_item(&s);
    set_us(&s, 0x00280103, 0);
    set_us(&s, 0x00409216, 0x8000);
    set_close_item(&s);
    set_close_sequence(&s);
    const char *const text = json_of(&s);
    CHECK_HAS(text, "\"00409211\":{\"vr\":\"SS\",\"Value\":[-1]},\"00409216\":{\"vr\":\"SS\","
                    "\"Value\":[-32768]}");
    CHECK_HAS(text, "\"00280103\":{\"vr\":\"US\",\"Value\":[0]},\"00409216\":{\"vr\":\"US\","
                    "\"Value\":[32768]}");
}

TEST(test_dicom_json__waveforms_of_8_bits_are_ob)
{
    for (uint16_t bits = 8; bits <= 16; bits = (uint16_t)(bits + 8)) {
        struct set s = set_new(IMPLICIT);
        set_open_sequence(&s, 0x54000100);
        set_open_item(&s);
        set_us(&s, 0x54001004, bits);
        set_raw(&s, 0x54001010, "OW", "\1\2", 2);
        set_close_item(&s);
        set_close_sequence(&s);
        CHECK_HAS(json_of(&s), bits == 8
                                   ? "\"54001010\":{\"vr\":\"OB\",\"InlineBinary\":\"AQI=\"}"
                                   : "\"54001010\":{\"vr\":\"OW\",\"InlineBinary\":\"AQI=\"}");
    }
}

TEST(test_dicom_json__un_of_a_known_attribute_is_resolved_if_its_size_fits)
{
    struct set s = set_new(EXPLICIT);
    set_raw(&s, 0x00100020, "UN", "id", 2);
    set_raw(&s, 0x00280010, "UN", "\x10\0", 2);
    set_raw(&s, 0x00280011, "UN", "", 0);
    set_raw(&s, 0x00409225, "UN", "abcd", 4); /* FD */
    CHECK_EQ_STR(json_of(&s),
                 "{" UTF8_SAID ",\"00100020\":{\"vr\":\"LO\",\"Value\":[\"id\"]},"
                 "\"00280010\":{\"vr\":\"US\",\"Value\":[16]},\"00280011\":{\"vr\":\"US\"},"
                 "\"00409225\":{\"vr\":\"UN\",\"InlineBinary\":\"YWJjZA==\"}}");
}

TEST(test_dicom_json__big_endian_comes_out_little)
{
    struct set s = set_new(BIG);
    set_us(&s, 0x00280010, 7);
    set_raw(&s, 0x00280011, "UN", "\0\x10", 2);
    set_raw(&s, 0x00281201, "OW", "\1\2\3\4", 4);
    set_raw(&s, 0x00720026, "AT", "\0\x10\0\x20", 4);
    set_raw(&s, 0x00720052, "UN", "\0\x10\0\x20", 4); /* AT */
    set_raw(&s, 0x00720076, "OF", "\x3f\x80\0\0", 4);
    CHECK_EQ_STR(json_of(&s), "{" UTF8_SAID ",\"00280010\":{\"vr\":\"US\",\"Value\":[7]},"
                              "\"00280011\":{\"vr\":\"US\",\"Value\":[16]},"
                              "\"00281201\":{\"vr\":\"OW\",\"InlineBinary\":\"AgEEAw==\"},"
                              "\"00720026\":{\"vr\":\"AT\",\"Value\":[\"00100020\"]},"
                              "\"00720052\":{\"vr\":\"AT\",\"Value\":[\"00100020\"]},"
                              "\"00720076\":{\"vr\":\"OF\",\"InlineBinary\":\"AACAPw==\"}}");
}

TEST(test_dicom_json__the_table_knows_tags_ranges_and_nothing_private)
{
    static const struct {
        uint32_t tag;
        const char *vr;
    } rows[] = {
        {0x00041130, "CS"}, {0x00080005, "CS"}, {0x00100010, "PN"}, {0x00280106, "xs"},
        {0x00283006, "lt"}, {0x50000005, "US"}, {0x50fe3000, "ox"}, {0x60001500, "LO"},
        {0x60fe3000, "ox"}, {0x7fe00010, "ox"}, {0x7fe00008, "OF"}, {0x00203104, "CS"},
        {0xfffcfffc, "OB"}, {0x00090010, NULL}, {0x60013000, NULL}, {0x61003000, NULL},
        {0x00080000, NULL}, {0x00020010, NULL}, {0xfffee000, NULL}, {0xffffffff, NULL},
        {0x00000000, NULL}, {0x00090000, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const vr = vr_of_tag(rows[i].tag);
        if (!vr || !rows[i].vr ? vr != rows[i].vr : strcmp(vr, rows[i].vr) != 0)
            TEST_FAIL("%08x is %s, expected %s", rows[i].tag, vr ? vr : "unknown",
                      rows[i].vr ? rows[i].vr : "unknown");
    }
}

/* ---------------------------------------------------------------- overrides */

TEST(test_dicom_json__overrides_replace_add_and_remove)
{
    static const struct dicom_json_override overrides[] = {
        {0x00080001, "UL", "5"},          {0x00080008, "CS", "DERIVED\\PRIMARY"},
        {0x00080018, "UI", "2.25.1"},     {0x00083002, "UI", "1.2.840.10008.1.2.4.202"},
        {0x00100010, "PN", "Zo\xc3\xab"}, {0x00280002, "US", "1"},
        {0x00280006, "US", NULL},         {0x00280009, "AT", "00181063"},
        {0x00280030, "DS", "0.50\\0.5"},  {0x00280100, "US", ""},
        {0x00280106, "SS", "-5"},         {0x7fe00020, "OF", ""},
    };
    const struct dicom_json_options options = {
        .overrides = overrides,
        .override_count = sizeof overrides / sizeof overrides[0],
        .pixel_data_uri = "instances/1/frames",
    };
    struct set s = set_new(EXPLICIT);
    set_text(&s, 0x00080008, "CS", "ORIGINAL");
    set_text(&s, 0x00080018, "UI", "not a uid");
    set_open_sequence(&s, 0x00082112);
    set_open_item(&s);
    set_text(&s, 0x00080018, "UI", "1.2");
    set_close_item(&s);
    set_close_sequence(&s);
    set_us(&s, 0x00280002, 3);
    set_us(&s, 0x00280006, 1);
    set_us(&s, 0x00280010, 1);
    set_us(&s, 0x00280100, 16);
    set_raw(&s, 0x7fe00010, "OW", "ab", 2);
    CHECK_EQ_STR(json_with(&s, &options),
                 "{\"00080001\":{\"vr\":\"UL\",\"Value\":[5]}," UTF8_SAID
                 ",\"00080008\":{\"vr\":\"CS\",\"Value\":[\"DERIVED\",\"PRIMARY\"]},"
                 "\"00080018\":{\"vr\":\"UI\",\"Value\":[\"2.25.1\"]},"
                 "\"00082112\":{\"vr\":\"SQ\",\"Value\":[{\"00080018\":{\"vr\":\"UI\",\"Value\":["
                 "\"1.2\"]}}]},"
                 "\"00083002\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.1.2.4.202\"]},"
                 "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Zoë\"}]},"
                 "\"00280002\":{\"vr\":\"US\",\"Value\":[1]},"
                 "\"00280009\":{\"vr\":\"AT\",\"Value\":[\"00181063\"]},\"00280010\":{\"vr\":"
                 "\"US\",\"Value\":[1]},"
                 "\"00280030\":{\"vr\":\"DS\",\"Value\":[0.5,0.5]},\"00280100\":{\"vr\":\"US\"},"
                 "\"00280106\":{\"vr\":\"SS\",\"Value\":[-5]},"
                 "\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"instances/1/frames\"},"
                 "\"7FE00020\":{\"vr\":\"OF\"}}");
}

TEST(test_dicom_json__overrides_may_speak_of_pixel_data_and_character_set)
{
    static const struct dicom_json_override overrides[] = {{0x00080005, "CS", "ISO_IR 192"},
                                                           {0x7fe00010, "OB", NULL}};
    const struct dicom_json_options options = {
        .overrides = overrides, .override_count = 2, .pixel_data_uri = "frames"};
    struct set s = set_new(EXPLICIT);
    set_text(&s, 0x00080005, "CS", "ISO_IR 100");
    set_raw(&s, 0x7fe00010, "OW", "ab", 2);
    CHECK_EQ_STR(json_with(&s, &options), "{" UTF8_SAID "}");
}

/* ---------------------------------------------------------------- bulk data */

struct kept {
    struct buffer told;
    bool fail, rename;
};

static bool keep_bulk(void *client, const struct dicom_json_bulk *bulk,
                      char name[DICOM_JSON_PATH + 1], struct error *err)
{
    struct kept *const kept = client;
    CHECK_EQ_STR(name, bulk->path);
    if (kept->rename)
        memcpy(name, "other.pdf", sizeof "other.pdf");
    if (kept->fail)
        return error_set(err, ERROR_IO, "the disk is full");
    return buffer_printf(&kept->told, err, "%s %s %zu %.4s\n", bulk->path, bulk->vr, bulk->size,
                         (const char *)bulk->bytes);
}

static void set_bulk_values(struct set *s)
{
    set_raw(s, 0x00282000, "OB", "profile of 20 bytes!", 20);
    set_open_sequence(s, 0x00480200);
    set_open_item(s);
    set_close_item(s);
    set_open_item(s);
    set_raw(s, 0x00282000, "OB", "short", 5);
    set_raw(s, 0x7fe00010, "OB", "an icon of 18 byte", 18);
    set_close_item(s);
    set_close_sequence(s);
    set_raw(s, 0x00420011, "OB", "%PDF-1.4 not really", 19);
}

TEST(test_dicom_json__long_binary_values_are_bulk_data)
{
    struct kept kept = {0};
    const struct dicom_json_options options = {.inline_limit = 8,
                                               .bulk_prefix = "instances/1.2/bulk/",
                                               .bulk = keep_bulk,
                                               .bulk_client = &kept};
    struct set s = set_new(EXPLICIT);
    set_bulk_values(&s);
    CHECK_EQ_STR(json_with(&s, &options),
                 "{" UTF8_SAID
                 ",\"00282000\":{\"vr\":\"OB\",\"BulkDataURI\":\"instances/1.2/bulk/00282000\"},"
                 "\"00420011\":{\"vr\":\"OB\",\"BulkDataURI\":\"instances/1.2/bulk/00420011\"},"
                 "\"00480200\":{\"vr\":\"SQ\",\"Value\":[{},{\"00282000\":{\"vr\":\"OB\","
                 "\"InlineBinary\":\"c2hvcnQA\"},"
                 "\"7FE00010\":{\"vr\":\"OB\",\"BulkDataURI\":\"instances/1.2/bulk/"
                 "00480200-2-7FE00010\"}}]}}");
    CHECK_EQ_STR(buffer_text(&kept.told), "00282000 OB 20 prof\n00420011 OB 20 %PDF\n"
                                          "00480200-2-7FE00010 OB 18 an i\n");
    buffer_release(&kept.told);
}

TEST(test_dicom_json__without_a_prefix_all_is_inline)
{
    const struct dicom_json_options options = {.inline_limit = 8};
    struct set s = set_new(EXPLICIT);
    set_bulk_values(&s);
    const char *const text = json_with(&s, &options);
    CHECK(!strstr(text, "BulkDataURI"));
    CHECK_HAS(text, "\"InlineBinary\":\"cHJvZmlsZSBvZiAyMCBieXRlcyE=\"");
}

TEST(test_dicom_json__who_keeps_a_bulk_value_may_name_it)
{
    struct kept kept = {.rename = true};
    const struct dicom_json_options options = {
        .inline_limit = 18, .bulk_prefix = "b/", .bulk = keep_bulk, .bulk_client = &kept};
    struct set s = set_new(EXPLICIT);
    set_bulk_values(&s);
    CHECK_HAS(json_with(&s, &options), "\"00282000\":{\"vr\":\"OB\",\"BulkDataURI\":\"b/other.pdf\"}");
    buffer_release(&kept.told);
}

TEST(test_dicom_json__a_document_is_bulk_data_at_any_size)
{
    struct kept kept = {0};
    const struct dicom_json_options options = {
        .inline_limit = 1000, .bulk_prefix = "b/", .bulk = keep_bulk, .bulk_client = &kept};
    struct set s = set_new(EXPLICIT);
    set_bulk_values(&s);
    CHECK_HAS(json_with(&s, &options), "\"00420011\":{\"vr\":\"OB\",\"BulkDataURI\":\"b/00420011\"}");
    CHECK_EQ_STR(buffer_text(&kept.told), "00420011 OB 20 %PDF\n");
    buffer_release(&kept.told);
}

TEST(test_dicom_json__a_bulk_value_that_cannot_be_kept_fails)
{
    struct kept kept = {.fail = true};
    const struct dicom_json_options options = {
        .bulk_prefix = "b/", .bulk = keep_bulk, .bulk_client = &kept};
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    set_bulk_values(&s);
    CHECK_OK(set_open(&s, &object, &err), err);
    CHECK(!dicom_json_write(object, &options, &json, &err));
    CHECK_HAS(err.text, "disk is full");
    object_close(object);
    set_release(&s);
}

TEST(test_dicom_json__long_text_of_base64_is_whole)
{
    struct set s = set_new(EXPLICIT);
    uint8_t bytes[3000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t) "abc"[i % 3];
    set_raw(&s, 0x00282000, "OB", bytes, sizeof bytes);
    const char *text = strstr(json_of(&s), "InlineBinary\":\"");
    CHECK(text);
    text += strlen("InlineBinary\":\"");
    CHECK_EQ_INT(strcspn(text, "\""), 4000);
    for (int i = 0; i < 4000; i += 4)
        CHECK_EQ_MEM(text + i, "YWJj", 4);
}

/* ---------------------------------------------------------------- long objects */

struct parts {
    struct buffer all;
    size_t most;
    bool fail;
};

static bool take_part(void *client, struct buffer *out, struct error *err)
{
    struct parts *const parts = client;
    if (parts->fail)
        return error_set(err, ERROR_IO, "the disk is full");
    if (out->size > parts->most)
        parts->most = out->size;
    const bool ok = buffer_append(&parts->all, out->data, out->size, err);
    buffer_clear(out);
    return ok;
}

static void set_many_frames(struct set *s, uint32_t count)
{
    set_text(s, 0x00080005, "CS", "ISO_IR 100");
    set_open_sequence(s, 0x52009229);
    set_open_item(s);
    set_close_item(s);
    set_close_sequence(s);
    set_open_sequence(s, 0x52009230);
    for (uint32_t i = 0; i < count; i++) {
        set_open_item(s);
        set_open_sequence(s, 0x00209111);
        set_open_item(s);
        set_head(s, 0x00209157, "UL", 4);
        set_u32(s, i + 1);
        set_text(s, 0x00204000, "LT", "\xfc ber alle Berge");
        set_close_item(s);
        set_close_sequence(s);
        set_close_item(s);
    }
    set_close_sequence(s);
    set_raw(s, 0x56000010, "OF", "abcd", 4);
}

TEST(test_dicom_json__long_per_frame_groups_are_written_in_parts)
{
    enum { FRAMES = 4000 };
    struct parts parts = {0};
    struct dicom_json_options options = {0};
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    char text[64];
    set_many_frames(&s, FRAMES);
    CHECK_OK(set_open(&s, &object, &err), err);
    CHECK_EQ_UINT(dataset_items(object_dataset(object), 0x52009230), FRAMES);
    buffer_clear(&json);
    CHECK_OK(dicom_json_write(object, &options, &json, &err), err);
    CHECK_HAS(
        buffer_text(&json),
        "\"52009229\":{\"vr\":\"SQ\",\"Value\":[{}]},\"52009230\":{\"vr\":\"SQ\",\"Value\":[{");
    CHECK_HAS(buffer_text(&json), "}]},\"56000010\":{\"vr\":\"OF\"");
    for (unsigned i = 1; i <= FRAMES; i += 1333) {
        (void)snprintf(text, sizeof text, "\"00209157\":{\"vr\":\"UL\",\"Value\":[%u]}", i);
        CHECK_HAS(buffer_text(&json), text);
    }
    CHECK_HAS(buffer_text(&json), "\"ü ber alle Berge\"");

    struct buffer rest = {0};
    options.flush = take_part;
    options.flush_client = &parts;
    CHECK_OK(dicom_json_write(object, &options, &rest, &err) && take_part(&parts, &rest, &err),
             err);
    CHECK_EQ_UINT(parts.all.size, json.size);
    CHECK_EQ_MEM(parts.all.data, json.data, json.size);
    CHECK(parts.most < 70000);

    parts.fail = true;
    CHECK(!dicom_json_write(object, &options, &rest, &err));
    CHECK_HAS(err.text, "disk is full");
    buffer_release(&parts.all);
    buffer_release(&rest);
    object_close(object);
    set_release(&s);
}

/* ---------------------------------------------------------------- dataset_each */

static bool note_element(void *client, const struct dataset *dataset,
                         const struct dataset_element *element, struct error *err)
{
    struct buffer *const told = client;
    if (element->tag == 0x00280011)
        return error_set(err, ERROR_LIMIT, "enough");
    return buffer_printf(told, err, "%08x %s %zu%s%s\n", element->tag, element->vr,
                         element->is_sequence ? element->items : element->size,
                         element->bytes ? "" : " none", dataset_outer(dataset) ? " inner" : "");
}

TEST(test_dicom_json__dataset_each_visits_in_order_and_stops)
{
    struct buffer told = {0};
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    set_us(&s, 0x00280010, 1); /* out of order */
    set_text(&s, 0x00080060, "CS", "CT");
    set_text(&s, 0x00080070, "LO", "");
    set_open_sequence(&s, 0x00082112);
    set_open_item(&s);
    set_text(&s, 0x00080070, "LO", "x");
    set_close_item(&s);
    set_close_sequence(&s);
    set_us(&s, 0x00280011, 1);
    CHECK_OK(set_open(&s, &object, &err), err);
    CHECK(!dataset_each(object_dataset(object), note_element, &told, &err));
    CHECK_EQ_STR(err.text, "enough");
    CHECK_OK(dataset_each(dataset_item(object_dataset(object), 0x00082112, 0), note_element, &told,
                          &err),
             err);
    CHECK_EQ_STR(buffer_text(&told), "00080060 CS 2\n00080070 LO 0 none\n00082112 SQ 1 none\n"
                                     "00280010 US 2\n00080070 LO 2 inner\n");
    buffer_release(&told);
    object_close(object);
    set_release(&s);
}

/* ---------------------------------------------------------------- the published frames */

static void set_signs(struct set *s)
{
    static const uint16_t padding = 0xf830, lut[] = {256, 0xfc00, 16}, many[] = {40000, 0, 16};
    set_us(s, 0x00280103, 0);
    set_us_list(s, 0x00280120, "US", &padding, 1);
    set_us_list(s, 0x00281101, "US", many, 3);
    set_open_sequence(s, 0x00283010);
    set_open_item(s);
    set_us_list(s, 0x00283002, "US", lut, 3);
    set_close_item(s);
    set_close_sequence(s);
    set_open_sequence(s, 0x00880200); /* an icon has its own sign */
    set_open_item(s);
    set_us(s, 0x00280103, 0);
    set_us_list(s, 0x00280120, "US", &padding, 1);
    set_close_item(s);
    set_close_sequence(s);
}

static void check_signs(const char *transfer_syntax, enum dicom_json_sign sign, const char *padding,
                        const char *lut)
{
    const struct dicom_json_options options = {.sign = sign};
    struct set s = set_new(transfer_syntax);
    char text[600];
    set_signs(&s);
    (void)snprintf(text, sizeof text,
                   "{" UTF8_SAID ",\"00280103\":{\"vr\":\"US\",\"Value\":[0]},\"00280120\":{%s},"
                   "\"00281101\":{\"vr\":\"US\",\"Value\":[40000,0,16]},"
                   "\"00283010\":{\"vr\":\"SQ\",\"Value\":[{\"00283002\":{%s}}]},"
                   "\"00880200\":{\"vr\":\"SQ\",\"Value\":[{\"00280103\":{\"vr\":\"US\",\"Value\":[0]},"
                   "\"00280120\":{\"vr\":\"US\",\"Value\":[63536]}}]}}",
                   padding, lut);
    CHECK_EQ_STR(json_with(&s, &options), text);
}

TEST(test_dicom_json__pixel_values_have_the_sign_of_the_published_frames)
{
    static const char *const syntaxes[] = {EXPLICIT, IMPLICIT};
    for (size_t i = 0; i < 2; i++) {
        check_signs(syntaxes[i], DICOM_JSON_SIGN_DECLARED, "\"vr\":\"US\",\"Value\":[63536]",
                    "\"vr\":\"US\",\"Value\":[256,64512,16]");
        check_signs(syntaxes[i], DICOM_JSON_UNSIGNED, "\"vr\":\"US\",\"Value\":[63536]",
                    "\"vr\":\"US\",\"Value\":[256,64512,16]");
        check_signs(syntaxes[i], DICOM_JSON_SIGNED, "\"vr\":\"SS\",\"Value\":[-2000]",
                    "\"vr\":\"SS\",\"Value\":[256,-1024,16]");
    }
}

TEST(test_dicom_json__pixel_data_can_have_the_vr_of_the_published_frames)
{
    const struct dicom_json_options options = {.pixel_data_uri = "frames", .pixel_data_vr = "OB"};
    struct set s = set_new(EXPLICIT);
    set_image(&s, 1, 1, 16, NULL);
    set_raw(&s, 0x7fe00010, "OW", "ab", 2);
    CHECK_HAS(json_with(&s, &options), ",\"7FE00010\":{\"vr\":\"OB\",\"BulkDataURI\":\"frames\"}}");
}

TEST(test_dicom_json__lengths_of_the_file_are_left_out)
{
    struct set s = set_new(EXPLICIT);
    set_raw(&s, 0x7fe00003, "OB", "12345678", 8);
    CHECK_EQ_STR(json_of(&s), "{" UTF8_SAID "}");
}

TEST(test_dicom_json__more_than_the_most_fails)
{
    struct dicom_json_options options = {.most = 1000};
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    char value[1001];
    memset(value, 'a', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    set_text(&s, 0x00104000, "LT", value);
    CHECK_OK(set_open(&s, &object, &err), err);
    buffer_clear(&json);
    CHECK(!dicom_json_write(object, &options, &json, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK_HAS(err.text, "1000");
    options.most = 2000;
    buffer_clear(&json);
    CHECK_OK(dicom_json_write(object, &options, &json, &err), err);
    object_close(object);
    set_release(&s);
}
