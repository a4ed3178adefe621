/* links: base dicom */
#include "dicom/frame_index.h"
#include "tests/support/data_set.h"

#define EXPLICIT "1.2.840.10008.1.2.1"
#define JPEG "1.2.840.10008.1.2.4.50"
#define START "\xff\xd8\xff"

struct indexed {
    struct set set;
    struct object *object;
    struct image image;
    struct frame_index *index;
    struct buffer notes, frame;
    struct error err;
    bool ok;
};

static void open_it(struct indexed *x)
{
    CHECK_OK(set_open(&x->set, &x->object, &x->err), x->err);
    CHECK_OK(image_read(x->object, &x->image, &x->notes, &x->err), x->err);
    x->ok = frame_index_open(x->object, &x->image, &x->notes, &x->index, &x->err);
}

static void done(struct indexed *x)
{
    frame_index_close(x->index);
    image_release(&x->image);
    object_close(x->object);
    buffer_release(&x->notes);
    buffer_release(&x->frame);
    set_release(&x->set);
}

static struct indexed coded(const char *frames)
{
    struct indexed x = {.set = set_new(JPEG)};
    set_image(&x.set, 4, 3, 8, frames);
    return x;
}

static void begin_items(struct indexed *x, const uint32_t *offsets, size_t count)
{
    set_head(&x->set, 0x7fe00010, "OB", UINT32_MAX);
    set_head(&x->set, 0xfffee000, "", (uint32_t)(4 * count));
    for (size_t i = 0; i < count; i++)
        set_u32(&x->set, offsets[i]);
}

static void put_item(struct indexed *x, const char *text)
{
    set_head(&x->set, 0xfffee000, "", (uint32_t)strlen(text));
    set_bytes(&x->set, text, strlen(text));
}

static void end_items(struct indexed *x)
{
    set_head(&x->set, 0xfffee0dd, "", 0);
}

static void check_frame(struct indexed *x, uint32_t frame, const char *expected)
{
    unsigned bit_offset;
    CHECK_OK(frame_index_read(x->index, frame, &x->frame, &bit_offset, &x->err), x->err);
    CHECK_EQ_STR(buffer_text(&x->frame), expected);
    CHECK_EQ_INT(x->frame.size, strlen(expected));
}

static void check_lost(struct indexed *x, uint32_t frame)
{
    unsigned bit_offset;
    CHECK(!frame_index_read(x->index, frame, &x->frame, &bit_offset, &x->err));
    CHECK_EQ_STR(error_kind_word(x->err.kind), "truncated");
}

TEST(test_frame_index__one_frame_in_many_fragments)
{
    struct indexed x = coded(NULL);
    begin_items(&x, NULL, 0);
    put_item(&x, START "1");
    put_item(&x, "2345");
    end_items(&x);
    open_it(&x);
    CHECK_OK(x.ok, x.err);
    CHECK_EQ_INT(frame_index_count(x.index), 1);
    check_frame(&x, 1, START "12345");
    done(&x);
}

TEST(test_frame_index__one_fragment_a_frame)
{
    struct indexed x = coded("2");
    begin_items(&x, NULL, 0);
    put_item(&x, START "a");
    put_item(&x, START "b");
    end_items(&x);
    open_it(&x);
    check_frame(&x, 2, START "b");
    CHECK_EQ_STR(buffer_text(&x.notes), "");
    done(&x);
}

TEST(test_frame_index__basic_offset_table)
{
    struct indexed x = coded("2");
    begin_items(&x, (const uint32_t[]){0, 24}, 2);
    put_item(&x, "no s");
    put_item(&x, "tart");
    put_item(&x, "here");
    end_items(&x);
    open_it(&x);
    check_frame(&x, 1, "no start");
    check_frame(&x, 2, "here");
    CHECK_EQ_STR(buffer_text(&x.notes), "");
    done(&x);
}

TEST(test_frame_index__lying_offset_table_gives_way_to_the_scan)
{
    struct indexed x = coded("2");
    begin_items(&x, (const uint32_t[]){0, 1000}, 2);
    put_item(&x, START "1");
    put_item(&x, "two ");
    put_item(&x, START "3");
    end_items(&x);
    open_it(&x);
    CHECK_OK(x.ok, x.err);
    check_frame(&x, 1, START "1two ");
    check_frame(&x, 2, START "3");
    CHECK_HAS(buffer_text(&x.notes), "Basic Offset Table does not fit");
    done(&x);
}

TEST(test_frame_index__extended_offset_table_with_lengths)
{
    struct indexed x = coded("2");
    set_raw(&x.set, 0x7fe00001, "OV", "\0\0\0\0\0\0\0\0\14\0\0\0\0\0\0", 16);
    set_raw(&x.set, 0x7fe00002, "OV", "\3\0\0\0\0\0\0\0\4\0\0\0\0\0\0", 16);
    begin_items(&x, NULL, 0);
    put_item(&x, "abc_");
    put_item(&x, "defg");
    end_items(&x);
    open_it(&x);
    CHECK_OK(x.ok, x.err);
    check_frame(&x, 1, "abc");
    check_frame(&x, 2, "defg");
    CHECK_EQ_STR(buffer_text(&x.notes), "");
    done(&x);
}

TEST(test_frame_index__more_starts_than_frames_are_declared)
{
    struct indexed x = coded("2");
    begin_items(&x, NULL, 0);
    put_item(&x, START "a");
    put_item(&x, START "b");
    put_item(&x, START "c");
    end_items(&x);
    open_it(&x);
    CHECK_EQ_INT(frame_index_count(x.index), 3);
    CHECK_HAS(buffer_text(&x.notes), "2 frames declared, 3");
    done(&x);
}

TEST(test_frame_index__fragments_without_table_and_starts_are_refused)
{
    struct indexed x = coded("2");
    begin_items(&x, NULL, 0);
    put_item(&x, "aaaa");
    put_item(&x, "bbbb");
    put_item(&x, "cccc");
    end_items(&x);
    open_it(&x);
    CHECK(!x.ok);
    CHECK_EQ_INT(x.err.kind, ERROR_CORRUPT);
    done(&x);
}

TEST(test_frame_index__cut_data_leave_the_whole_frames)
{
    struct indexed x = coded("3");
    begin_items(&x, (const uint32_t[]){0, 12, 24}, 3);
    put_item(&x, START "a");
    put_item(&x, START "b");
    set_head(&x.set, 0xfffee000, "", 4);
    set_bytes(&x.set, START, 2);
    open_it(&x);
    CHECK_OK(x.ok, x.err);
    CHECK_EQ_INT(frame_index_count(x.index), 3);
    CHECK_EQ_INT(frame_index_whole(x.index), 2);
    check_frame(&x, 2, START "b");
    check_lost(&x, 3);
    done(&x);
}

TEST(test_frame_index__frames_beyond_cut_data_are_lost)
{
    struct indexed x = coded("3");
    begin_items(&x, NULL, 0);
    put_item(&x, START "a");
    open_it(&x);
    CHECK_OK(x.ok, x.err);
    CHECK_EQ_INT(frame_index_count(x.index), 3);
    CHECK_EQ_INT(frame_index_whole(x.index), 1);
    check_frame(&x, 1, START "a");
    check_lost(&x, 2);
    check_lost(&x, 3);
    done(&x);
}

TEST(test_frame_index__no_fragment_is_refused)
{
    struct indexed x = coded(NULL);
    begin_items(&x, NULL, 0);
    end_items(&x);
    open_it(&x);
    CHECK(!x.ok);
    CHECK_EQ_INT(x.err.kind, ERROR_CORRUPT);
    done(&x);
}

TEST(test_frame_index__native_frames_follow_each_other)
{
    struct indexed x = {.set = set_new(EXPLICIT)};
    set_image(&x.set, 1, 3, 8, "3");
    set_raw(&x.set, 0x7fe00010, "OB", "abcdefghi", 9);
    open_it(&x);
    check_frame(&x, 1, "abc");
    check_frame(&x, 3, "ghi");
    unsigned bit_offset;
    CHECK(!frame_index_read(x.index, 4, &x.frame, &bit_offset, &x.err));
    CHECK(!frame_index_read(x.index, 0, &x.frame, &bit_offset, &x.err));
    CHECK_EQ_STR(buffer_text(&x.notes), "");
    done(&x);
}

TEST(test_frame_index__a_part_of_a_native_frame)
{
    struct indexed x = {.set = set_new(EXPLICIT)};
    set_image(&x.set, 2, 3, 8, "3");
    set_raw(&x.set, 0x7fe00010, "OB", "abcdefghijklmnop", 16); /* the third frame is cut */
    open_it(&x);
    CHECK_OK(frame_index_read_part(x.index, 2, 3, 2, &x.frame, &x.err), x.err);
    CHECK_EQ_STR(buffer_text(&x.frame), "jk");
    CHECK_OK(frame_index_read_part(x.index, 1, 0, 6, &x.frame, &x.err), x.err);
    CHECK_EQ_STR(buffer_text(&x.frame), "abcdef");
    CHECK(!frame_index_read_part(x.index, 2, 5, 2, &x.frame, &x.err));
    CHECK(!frame_index_read_part(x.index, 2, UINT64_MAX, 2, &x.frame, &x.err));
    CHECK(!frame_index_read_part(x.index, 0, 0, 2, &x.frame, &x.err));
    CHECK(!frame_index_read_part(x.index, 3, 3, 3, &x.frame, &x.err));
    done(&x);
}

TEST(test_frame_index__one_bit_frames_start_inside_bytes)
{
    struct indexed x = {.set = set_new(EXPLICIT)};
    unsigned bit_offset;
    set_image(&x.set, 3, 3, 1, "3");
    set_raw(&x.set, 0x7fe00010, "OB", "\1\2\3\4", 4);
    open_it(&x);
    CHECK_OK(frame_index_read(x.index, 2, &x.frame, &bit_offset, &x.err), x.err);
    CHECK_EQ_INT(bit_offset, 1);
    CHECK_EQ_INT(x.frame.size, 2);
    CHECK_EQ_INT(x.frame.data[0], 2);
    CHECK_OK(frame_index_read(x.index, 3, &x.frame, &bit_offset, &x.err), x.err);
    CHECK_EQ_INT(bit_offset, 2);
    CHECK_EQ_INT(x.frame.data[0], 3);
    done(&x);
}

TEST(test_frame_index__native_data_shorter_than_declared)
{
    struct indexed x = {.set = set_new(EXPLICIT)};
    set_image(&x.set, 1, 3, 8, "4");
    set_raw(&x.set, 0x7fe00010, "OB", "abcdef", 6);
    open_it(&x);
    CHECK_EQ_INT(frame_index_count(x.index), 2);
    CHECK_HAS(buffer_text(&x.notes), "4 frames declared");
    done(&x);
}

TEST(test_frame_index__native_data_cut)
{
    struct indexed x = {.set = set_new(EXPLICIT)};
    set_image(&x.set, 1, 4, 8, "2");
    set_head(&x.set, 0x7fe00010, "OB", 8);
    set_bytes(&x.set, "abcdef", 6);
    open_it(&x);
    CHECK_EQ_INT(frame_index_count(x.index), 2);
    CHECK_EQ_INT(frame_index_whole(x.index), 1);
    check_frame(&x, 1, "abcd");
    check_lost(&x, 2);
    done(&x);
}

TEST(test_frame_index__native_length_beyond_the_input_is_noted)
{
    struct indexed x = {.set = set_new(EXPLICIT)};
    set_image(&x.set, 1, 4, 8, "2");
    set_head(&x.set, 0x7fe00010, "OB", 5000);
    set_bytes(&x.set, "abcdefgh", 8);
    open_it(&x);
    CHECK_OK(x.ok, x.err);
    CHECK_EQ_INT(frame_index_whole(x.index), 2);
    check_frame(&x, 2, "efgh");
    CHECK_HAS(buffer_text(&x.notes), "pixel data claim 5000 bytes, 8 are left");
    done(&x);
}

/* Big endian, 8 bits as OW: frames of 3 bytes share words, which are handed out whole. */
TEST(test_frame_index__frames_of_swapped_words_come_with_whole_words)
{
    struct indexed x = {.set = set_new("1.2.840.10008.1.2.2")};
    unsigned bit_offset;
    set_image(&x.set, 1, 3, 8, "3");
    set_raw(&x.set, 0x7fe00010, "OW", "badcfehg.i", 10);
    open_it(&x);
    CHECK_OK(x.ok, x.err);
    CHECK(x.image.swapped_pairs);
    CHECK_EQ_INT(frame_index_whole(x.index), 3);
    check_frame(&x, 1, "badc");
    CHECK_OK(frame_index_read(x.index, 2, &x.frame, &bit_offset, &x.err), x.err);
    CHECK_EQ_INT(bit_offset, 8);
    CHECK_EQ_STR(buffer_text(&x.frame), "dcfe");
    CHECK_OK(frame_index_read(x.index, 3, &x.frame, &bit_offset, &x.err), x.err);
    CHECK_EQ_INT(bit_offset, 0);
    CHECK_EQ_STR(buffer_text(&x.frame), "hg.i");
    done(&x);
}
