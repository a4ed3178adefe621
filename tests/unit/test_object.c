/* links: base dicom */
#include <fcntl.h>

#include "base/limits.h"
#include "dicom/object.h"
#include "tests/support/data_set.h"

#define EXPLICIT "1.2.840.10008.1.2.1"
#define IMPLICIT "1.2.840.10008.1.2"
#define BIG "1.2.840.10008.1.2.2"

static void put_common(struct set *s)
{
    set_text(s, 0x00080005, "CS", "ISO_IR 100");
    set_text(s, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    set_text(s, 0x00100010, "PN", "M\xfcller^A");
    set_text(s, 0x00200013, "IS", "7");
    set_us(s, 0x00280010, 512);
}

static void check_common(const struct object *object)
{
    const struct dataset *const d = object_dataset(object);
    char text[64];
    uint16_t rows;
    int64_t number;
    CHECK(dataset_utf8(d, 0x00100010, text, sizeof text));
    CHECK_EQ_STR(text, "Müller^A");
    CHECK(dataset_us(d, 0x00280010, &rows));
    CHECK_EQ_INT(rows, 512);
    CHECK(dataset_is(d, 0x00200013, &number));
    CHECK_EQ_INT(number, 7);
}

static void check_encoding(const char *transfer_syntax)
{
    struct set s = set_new(transfer_syntax);
    struct object *object;
    struct error err;
    put_common(&s);
    set_raw(&s, 0x7fe00010, "OW", "abcd", 4);
    CHECK_OK(set_open(&s, &object, &err), err);
    check_common(object);
    const struct pixel_location pixels = object_pixels(object);
    CHECK_EQ_INT(pixels.element, PIXEL_ELEMENT_INTEGER);
    CHECK_EQ_UINT(pixels.length, 4);
    CHECK_EQ_MEM(s.data.data + pixels.offset, "abcd", 4);
    CHECK_EQ_STR(object_transfer_syntax_uid(object), transfer_syntax);
    CHECK_EQ_STR(object_notes(object), "");
    object_close(object);
    set_release(&s);
}

TEST(test_object__explicit_little_endian)
{
    check_encoding(EXPLICIT);
}
TEST(test_object__implicit_little_endian)
{
    check_encoding(IMPLICIT);
}
TEST(test_object__explicit_big_endian)
{
    check_encoding(BIG);
}

static void check_without_meta(bool implicit, bool big_endian, const char *expected)
{
    struct set s = {.implicit = implicit, .big_endian = big_endian};
    struct object *object;
    struct error err;
    put_common(&s);
    CHECK_OK(set_open(&s, &object, &err), err);
    check_common(object);
    CHECK_EQ_STR(object_transfer_syntax_uid(object), expected);
    CHECK_HAS(object_notes(object), "no file meta information");
    object_close(object);
    set_release(&s);
}

TEST(test_object__without_meta_the_encoding_is_guessed)
{
    check_without_meta(false, false, EXPLICIT);
    check_without_meta(true, false, IMPLICIT);
    check_without_meta(false, true, BIG);
}

static void check_mislabelled(const char *label, bool implicit, bool big_endian,
                              const char *expected)
{
    struct set s = set_new(label);
    struct object *object;
    struct error err;
    s.implicit = implicit;
    s.big_endian = big_endian;
    put_common(&s);
    CHECK_OK(set_open(&s, &object, &err), err);
    check_common(object);
    CHECK_EQ_STR(object_transfer_syntax_uid(object), expected);
    CHECK_HAS(object_notes(object), "transfer syntax");
    object_close(object);
    set_release(&s);
}

TEST(test_object__mislabelled_encodings_are_recovered)
{
    check_mislabelled(IMPLICIT, false, false, EXPLICIT);
    check_mislabelled(EXPLICIT, true, false, IMPLICIT);
    check_mislabelled(BIG, false, false, EXPLICIT);
    check_mislabelled("1.2.840.10008.1.2.1.99", false, false, EXPLICIT);
    check_mislabelled("1.2.840.10008.1.2.4.50", true, false, "1.2.840.10008.1.2.4.50");
}

TEST(test_object__rubbish_is_not_dicom)
{
    static const char *const rubbish[] = {"", "x", "<!DOCTYPE html><html><head></head></html>",
                                          "\x89PNG\r\n\x1a\n...."};
    for (size_t i = 0; i < sizeof rubbish / sizeof rubbish[0]; i++) {
        struct set s = {0};
        struct object *object;
        struct error err;
        set_bytes(&s, rubbish[i], strlen(rubbish[i]));
        CHECK(!set_open(&s, &object, &err));
        CHECK_EQ_INT(err.kind, ERROR_NOT_DICOM);
        set_release(&s);
    }
}

TEST(test_object__cut_anywhere_is_truncated_or_shorter)
{
    struct set s = set_new(EXPLICIT);
    put_common(&s);
    set_open_sequence(&s, 0x00400275);
    set_open_item(&s);
    set_text(&s, 0x00400007, "LO", "inner");
    set_close_item(&s);
    set_close_sequence(&s);
    const size_t whole = s.data.size;
    for (size_t size = 0; size < whole; size++) {
        struct bytes bytes = bytes_of_memory(s.data.data, size);
        struct object *object = NULL;
        struct error err;
        if (object_open(&bytes, NULL, &object, &err))
            object_close(object);
        else if (err.kind != ERROR_TRUNCATED && err.kind != ERROR_NOT_DICOM)
            TEST_FAIL("%zu bytes: %s: %s", size, error_kind_word(err.kind), err.text);
    }
    set_release(&s);
}

TEST(test_object__values_by_index_and_numbers)
{
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    char text[16];
    double numbers[4];
    set_text(&s, 0x00080008, "CS", "ORIGINAL\\ PRIMARY \\AXIAL");
    set_text(&s, 0x00281050, "DS", "40 \\ -600.5\\x\\1");
    const uint16_t descriptor[] = {256, 0xfc00, 16};
    set_us_list(&s, 0x00283002, "SS", descriptor, 3);
    CHECK_OK(set_open(&s, &object, &err), err);
    const struct dataset *const d = object_dataset(object);
    CHECK(dataset_value(d, 0x00080008, 1, text, sizeof text));
    CHECK_EQ_STR(text, "PRIMARY");
    CHECK(!dataset_value(d, 0x00080008, 3, text, sizeof text));
    CHECK_EQ_INT(dataset_numbers(d, 0x00281050, "DS", numbers, 4), 2);
    CHECK_NEAR(numbers[1], -600.5, 0);
    CHECK_EQ_INT(dataset_numbers(d, 0x00283002, "US", numbers, 4), 3);
    CHECK_NEAR(numbers[1], -1024, 0);
    CHECK(!dataset_has(d, 0x00280010));
    object_close(object);
    set_release(&s);
}

static void put_nested(struct set *s, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        set_open_sequence(s, 0x0040a730);
        set_open_item(s);
    }
    set_text(s, 0x00080100, "SH", "deep");
    for (unsigned i = 0; i < depth; i++) {
        set_close_item(s);
        set_close_sequence(s);
    }
}

TEST(test_object__nested_sequences_within_the_limit)
{
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    char text[8];
    set_text(&s, 0x00080016, "UI", "1.2");
    put_nested(&s, (unsigned)LIMIT(SEQUENCE_DEPTH));
    CHECK_OK(set_open(&s, &object, &err), err);
    const struct dataset *d = object_dataset(object);
    for (unsigned i = 0; i < LIMIT(SEQUENCE_DEPTH); i++) {
        CHECK_EQ_INT(dataset_items(d, 0x0040a730), 1);
        d = dataset_item(d, 0x0040a730, 0);
    }
    CHECK(dataset_text(d, 0x00080100, text, sizeof text));
    CHECK_EQ_STR(text, "deep");
    object_close(object);
    set_release(&s);
}

TEST(test_object__nested_sequences_beyond_the_limit)
{
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    set_text(&s, 0x00080016, "UI", "1.2");
    put_nested(&s, (unsigned)LIMIT(SEQUENCE_DEPTH) + 1);
    CHECK(!set_open(&s, &object, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK_HAS(err.text, "SEQUENCE_DEPTH");
    set_release(&s);
}

TEST(test_object__missing_delimiters_are_supplied)
{
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    set_text(&s, 0x00080016, "UI", "1.2");
    set_open_sequence(&s, 0x00081140);
    set_open_item(&s);
    set_text(&s, 0x00081150, "UI", "1.2.3");
    set_open_item(&s); /* the first one is not closed */
    set_text(&s, 0x00081150, "UI", "1.2.4");
    set_close_sequence(&s); /* nor the second */
    set_us(&s, 0x00280010, 512);
    CHECK_OK(set_open(&s, &object, &err), err);
    CHECK_EQ_INT(dataset_items(object_dataset(object), 0x00081140), 2);
    CHECK(dataset_has(object_dataset(object), 0x00280010));
    CHECK_HAS(object_notes(object), "missing delimiter");
    object_close(object);
    set_release(&s);
}

TEST(test_object__sequence_in_un_is_implicit)
{
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    char text[16];
    set_text(&s, 0x00080016, "UI", "1.2");
    set_head(&s, 0x00081140, "UN", UINT32_MAX);
    s.implicit = true;
    set_open_item(&s);
    set_text(&s, 0x00081150, "UI", "1.2.3");
    set_close_item(&s);
    set_close_sequence(&s);
    s.implicit = false;
    set_us(&s, 0x00280010, 512);
    CHECK_OK(set_open(&s, &object, &err), err);
    CHECK_EQ_INT(dataset_items(object_dataset(object), 0x00081140), 1);
    CHECK(dataset_text(dataset_item(object_dataset(object), 0x00081140, 0), 0x00081150, text,
                       sizeof text));
    CHECK_EQ_STR(text, "1.2.3");
    CHECK(dataset_has(object_dataset(object), 0x00280010));
    object_close(object);
    set_release(&s);
}

TEST(test_object__unreadable_sequence_of_defined_length_is_skipped)
{
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    set_text(&s, 0x00080016, "UI", "1.2");
    set_raw(&s, 0x00081140, "SQ", "this is no item.", 16);
    set_us(&s, 0x00280010, 512);
    CHECK_OK(set_open(&s, &object, &err), err);
    CHECK(dataset_has(object_dataset(object), 0x00280010));
    CHECK_HAS(object_notes(object), "unreadable sequence");
    object_close(object);
    set_release(&s);
}

TEST(test_object__charset_of_an_item_is_its_own_or_the_outer_one)
{
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    char text[16];
    set_text(&s, 0x00080005, "CS", "ISO_IR 100");
    set_open_sequence(&s, 0x00081140);
    set_open_item(&s);
    set_text(&s, 0x00100010, "PN", "\xe9");
    set_close_item(&s);
    set_open_item(&s);
    set_text(&s, 0x00080005, "CS", "ISO_IR 144");
    set_text(&s, 0x00100010, "PN", "\xbb");
    set_close_item(&s);
    set_close_sequence(&s);
    CHECK_OK(set_open(&s, &object, &err), err);
    CHECK(dataset_utf8(dataset_item(object_dataset(object), 0x00081140, 0), 0x00100010, text,
                       sizeof text));
    CHECK_EQ_STR(text, "é");
    CHECK(dataset_utf8(dataset_item(object_dataset(object), 0x00081140, 1), 0x00100010, text,
                       sizeof text));
    CHECK_EQ_STR(text, "Л");
    object_close(object);
    set_release(&s);
}

static void put_groups(struct set *s, unsigned frames, bool padded)
{
    set_open_sequence(s, 0x52009229);
    set_open_item(s);
    set_open_sequence(s, 0x00289145);
    set_open_item(s);
    set_text(s, 0x00281053, "DS", "2");
    set_close_item(s);
    set_close_sequence(s);
    set_close_item(s);
    set_close_sequence(s);
    set_open_sequence(s, 0x52009230);
    for (unsigned i = 1; i <= frames; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%u", i);
        set_open_item(s);
        if (padded)
            set_raw(s, 0x00091010, "OB", (const char[100]){0}, 100);
        set_open_sequence(s, 0x00289132);
        set_open_item(s);
        set_text(s, 0x00281050, "DS", text);
        set_close_item(s);
        set_close_sequence(s);
        set_close_item(s);
    }
    set_close_sequence(s);
}

static void check_groups(unsigned frames, bool padded)
{
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    set_text(&s, 0x00080016, "UI", "1.2");
    put_groups(&s, frames, padded);
    set_raw(&s, 0x7fe00010, "OW", "abcd", 4);
    CHECK_OK(set_open(&s, &object, &err), err);
    CHECK_EQ_INT(dataset_items(object_dataset(object), 0x52009230), frames);
    for (unsigned i = 1; i <= frames; i++) {
        const struct dataset *const group = object_functional_group(object, 0x00289132, i);
        const struct dataset *const shared = object_functional_group(object, 0x00289145, i);
        int64_t value = 0;
        CHECK(group && dataset_is(group, 0x00281050, &value));
        CHECK_EQ_INT(value, i);
        CHECK(shared && dataset_is(shared, 0x00281053, &value));
        CHECK_EQ_INT(value, 2);
    }
    CHECK(object_functional_group(object, 0x00289132, frames + 1) == NULL);
    CHECK_EQ_UINT(object_pixels(object).length, 4);
    object_close(object);
    set_release(&s);
}

TEST(test_object__functional_groups_of_few_frames)
{
    check_groups(3, false);
}
TEST(test_object__functional_groups_of_many_frames_are_read_one_by_one)
{
    check_groups(5000, true);
}

TEST(test_object__length_beyond_the_end_is_truncated)
{
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    set_text(&s, 0x00080016, "UI", "1.2");
    set_head(&s, 0x00420011, "OB", 0xfffffff0);
    set_bytes(&s, "abcd", 4);
    CHECK(!set_open(&s, &object, &err));
    CHECK_EQ_INT(err.kind, ERROR_TRUNCATED);
    CHECK_HAS(err.text, "(0042,0011)");
    set_release(&s);
}

TEST(test_object__element_over_the_limit_is_refused_without_being_read)
{
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    struct bytes bytes;
    const int descriptor = memfd_create("sparse", MFD_CLOEXEC);
    set_text(&s, 0x00080016, "UI", "1.2");
    set_head(&s, 0x00420011, "OB", 3000000000u);
    CHECK(write(descriptor, s.data.data, s.data.size) == (ssize_t)s.data.size);
    CHECK(ftruncate(descriptor, 4000000000) == 0);
    CHECK_OK(bytes_of_descriptor(descriptor, &bytes, &err), err);
    CHECK(!object_open(&bytes, NULL, &object, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK_HAS(err.text, "ELEMENT_BYTES");
    close(descriptor);
    set_release(&s);
}

TEST(test_object__directory_is_known)
{
    struct set s = set_new(EXPLICIT);
    struct object *object;
    struct error err;
    set_open_sequence(&s, 0x00041220);
    set_open_item(&s);
    set_text(&s, 0x00041430, "CS", "PATIENT");
    set_close_item(&s);
    set_close_sequence(&s);
    CHECK_OK(set_open(&s, &object, &err), err);
    CHECK(object_is_dicomdir(object));
    object_close(object);
    set_release(&s);
}
