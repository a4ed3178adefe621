/* links: base dicom */
/* part10: data sets of every encoding written anew, and opened again. */
#include "dicom/part10.h"

#include "dicom/encoding.h"
#include "dicom/uid.h"
#include "tests/support/data_set.h"

#define IMPLICIT "1.2.840.10008.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define BIG "1.2.840.10008.1.2.2"

static struct error err;

static struct buffer written(struct set *s, const struct part10_override *overrides, size_t count)
{
    const struct part10_options options = {.transfer_syntax = EXPLICIT, .sop_instance_uid = "1.2.3",
                                           .overrides = overrides, .override_count = count};
    struct object *object = NULL;
    struct buffer out = {0};

    CHECK_OK(set_open(s, &object, &err), err);
    CHECK_OK(part10_meta(object, &options, &out, &err), err);
    CHECK_OK(part10_dataset(object, &options, &out, &err), err);
    object_close(object);
    return out;
}

/* What follows File Meta. */
static const uint8_t *dataset_of(const struct buffer *file, size_t *size)
{
    const struct encoding little = {.explicit_vr = true};
    const size_t from = 144 + encoding_u32(little, file->data + 140);

    CHECK(from <= file->size);
    *size = file->size - from;
    return file->data + from;
}

static void check_dataset(struct set *s, const struct part10_override *overrides, size_t count, const void *expected,
                          size_t expected_size)
{
    struct buffer out = written(s, overrides, count);
    size_t size;
    const uint8_t *const found = dataset_of(&out, &size);

    CHECK_EQ_UINT(size, expected_size);
    CHECK_EQ_MEM(found, expected, expected_size);
    buffer_release(&out);
    set_release(s);
}

TEST(test_part10__file_meta_is_complete_and_as_long_as_it_says)
{
    struct set s = set_new(EXPLICIT), again = {0};
    struct object *object = NULL;
    char text[65];

    set_text(&s, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    struct buffer out = written(&s, NULL, 0);
    set_bytes(&again, out.data, out.size);
    CHECK_OK(set_open(&again, &object, &err), err);
    CHECK_EQ_STR(object_notes(object), "");
    CHECK(dataset_text(object_meta(object), 0x00020002, text, sizeof text));
    CHECK_EQ_STR(text, "1.2.840.10008.5.1.4.1.1.2");
    CHECK(dataset_text(object_meta(object), 0x00020003, text, sizeof text));
    CHECK_EQ_STR(text, "1.2.3");
    CHECK(dataset_text(object_meta(object), 0x00020012, text, sizeof text));
    CHECK_EQ_STR(text, PART10_IMPLEMENTATION_UID);
    CHECK(uid_is_valid(text));
    object_close(object);
    buffer_release(&out);
    set_release(&again);
    set_release(&s);
}

/* The same elements in each encoding, with a sequence in a sequence. */
static void put_elements(struct set *s)
{
    set_text(s, 0x00080060, "CS", "CT");
    set_open_sequence(s, 0x00081140);
    set_open_item(s);
    set_open_sequence(s, 0x00081199);
    set_open_item(s);
    set_text(s, 0x00081155, "UI", "1.9 ");
    set_close_item(s);
    set_close_sequence(s);
    set_close_item(s);
    set_open_item(s);
    set_close_item(s);
    set_close_sequence(s);
    set_us(s, 0x00280010, 0x1234);
    set_us(s, 0x00280103, 1);
    set_us_list(s, 0x00280106, "SS", (const uint16_t[]){0xfffe}, 1); /* by Pixel Representation where no VR is told */
    set_us_list(s, 0x00281201, "OW", (const uint16_t[]){1, 2, 0x8000}, 3);
}

static const uint8_t elements[] = "\x08\0\x60\0CS\2\0" "CT"
    "\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" "\xfe\xff\0\xe0\xff\xff\xff\xff"
    "\x08\0\x99\x11SQ\0\0\xff\xff\xff\xff" "\xfe\xff\0\xe0\xff\xff\xff\xff"
    "\x08\0\x55\x11UI\4\0" "1.9 " "\xfe\xff\x0d\xe0\0\0\0\0" "\xfe\xff\xdd\xe0\0\0\0\0"
    "\xfe\xff\x0d\xe0\0\0\0\0" "\xfe\xff\0\xe0\xff\xff\xff\xff" "\xfe\xff\x0d\xe0\0\0\0\0" "\xfe\xff\xdd\xe0\0\0\0\0"
    "\x28\0\x10\0US\2\0\x34\x12" "\x28\0\3\1US\2\0\1\0" "\x28\0\6\1SS\2\0\xfe\xff"
    "\x28\0\1\x12OW\0\0\6\0\0\0\1\0\2\0\0\x80";

TEST(test_part10__every_encoding_becomes_explicit_little_endian)
{
    static const char *const syntaxes[] = {EXPLICIT, IMPLICIT, BIG};

    for (size_t i = 0; i < sizeof syntaxes / sizeof syntaxes[0]; i++) {
        struct set s = set_new(syntaxes[i]);

        put_elements(&s);
        check_dataset(&s, NULL, 0, elements, sizeof elements - 1);
    }
}

TEST(test_part10__overrides_replace_add_and_take_away)
{
    static const struct part10_override overrides[] = {
        {0x00080018, "UI", "1.2.3"}, {0x00280010, "US", "258"}, {0x00280011, "US", NULL}, {0x00280103, "US", "1"},
    };
    static const uint8_t expected[] = "\x08\0\x18\0UI\6\0" "1.2.3\0" "\x08\0\x60\0CS\2\0" "CT"
        "\x28\0\x10\0US\2\0\2\1" "\x28\0\3\1US\2\0\1\0";
    struct set s = set_new(EXPLICIT);

    set_text(&s, 0x00080060, "CS", "CT");
    set_us(&s, 0x00280010, 7);
    set_us(&s, 0x00280011, 7);
    check_dataset(&s, overrides, sizeof overrides / sizeof overrides[0], expected, sizeof expected - 1);
}

TEST(test_part10__group_lengths_and_offset_tables_are_left_out)
{
    static const uint8_t expected[] = "\x08\0\x60\0CS\2\0" "CT" "\x09\0\x10\0LO\2\0" "ME"
        "\x09\0\1\x10UN\0\0\2\0\0\0" "ab";
    struct set s = set_new(IMPLICIT);

    set_raw(&s, 0x00080000, "UL", "\1\2\3\4", 4);
    set_text(&s, 0x00080060, "CS", "CT");
    set_text(&s, 0x00090010, "LO", "ME");
    set_raw(&s, 0x00091001, "UN", "ab", 2);
    set_raw(&s, 0x7fe00001, "OV", "12345678", 8);
    check_dataset(&s, NULL, 0, expected, sizeof expected - 1);
}

TEST(test_part10__value_too_long_for_its_vr_is_unknown)
{
    static char text[70001];
    struct set s = set_new(IMPLICIT);

    memset(text, '1', 70000);
    set_text(&s, 0x00281050, "DS", text);
    struct buffer out = written(&s, NULL, 0);
    size_t size;
    const uint8_t *const found = dataset_of(&out, &size);
    CHECK_EQ_UINT(size, 12 + 70000);
    CHECK_EQ_MEM(found, "\x28\0\x50\x10UN\0\0\x70\x11\1\0" "11", 14);
    buffer_release(&out);
    set_release(&s);
}

struct flushed { struct buffer all; unsigned times; };

static bool take(void *client, struct buffer *out, struct error *why)
{
    struct flushed *const flushed = client;
    const bool ok = buffer_append(&flushed->all, out->data, out->size, why);

    flushed->times++;
    buffer_clear(out);
    return ok;
}

TEST(test_part10__what_is_flushed_and_what_is_left_make_the_whole)
{
    struct set s = set_new(EXPLICIT);
    struct flushed flushed = {0};
    struct object *object = NULL;
    struct buffer out = {0};

    for (uint16_t i = 0; i < 20000; i++)
        set_us(&s, TAG(0x0029, 0x1000 + i), i);
    const struct part10_options options = {
        .transfer_syntax = EXPLICIT, .sop_instance_uid = "1.2.3", .flush = take, .flush_client = &flushed};
    struct buffer whole = written(&s, NULL, 0);
    CHECK_OK(set_open(&s, &object, &err), err);
    CHECK_OK(part10_meta(object, &options, &out, &err), err);
    CHECK_OK(part10_dataset(object, &options, &out, &err), err);
    CHECK(flushed.times >= 2);
    CHECK(out.size < 70000);
    CHECK_OK(take(&flushed, &out, &err), err);
    CHECK_EQ_UINT(flushed.all.size, whole.size);
    CHECK_EQ_MEM(flushed.all.data, whole.data, whole.size);
    object_close(object);
    buffer_release(&flushed.all);
    buffer_release(&whole);
    buffer_release(&out);
    set_release(&s);
}

static void put_fragments(struct set *s, bool delimiter)
{
    set_image(s, 4, 4, 8, NULL);
    set_head(s, 0x7fe00010, "OB", UINT32_MAX);
    set_head(s, 0xfffee000, "", 0);
    set_head(s, 0xfffee000, "", 4);
    set_bytes(s, "abcd", 4);
    if (delimiter)
        set_head(s, 0xfffee0dd, "", 0);
}

TEST(test_part10__pixel_data_end_at_their_delimiter_or_with_the_bytes)
{
    for (int delimiter = 0; delimiter <= 1; delimiter++) {
        struct set s = set_new("1.2.840.10008.1.2.4.90");
        struct object *object = NULL;
        uint64_t end, from, to;
        const char *left_out;

        put_fragments(&s, delimiter != 0);
        const size_t expected = s.data.size;
        if (delimiter != 0)
            set_raw(&s, 0x7fe10010, "LO", "ME", 2);
        CHECK_OK(set_open(&s, &object, &err), err);
        CHECK_OK(part10_pixels_end(object, &end, &err), err);
        CHECK_EQ_UINT(end, expected);
        CHECK_OK(part10_rest(object, &from, &to, &left_out, &err), err);
        CHECK_EQ_UINT(from, expected);
        CHECK_EQ_UINT(to, s.data.size);
        CHECK(left_out == NULL);
        object_close(object);
        set_release(&s);
    }
}
