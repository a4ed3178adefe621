/* links: base dicom job */
#include "job/slices.h"

#include <math.h>

#include "base/limits.h"
#include "base/memory.h"
#include "tests/support/hostile.h"
#include "tests/support/test.h"

static enum error_kind try_slices(const void *data, size_t size)
{
    struct slices slices = {0};
    struct error err = {0}, checked = {0};
    const bool ok = slices_parse(data, size, &slices, &err);

    CHECK(slices_check(data, size, &checked) == ok); /* the same checks */
    slices_release(&slices);
    return ok ? ERROR_NONE : err.kind;
}

static struct slice ordinary(void)
{
    struct slice slice = slice_absent();

    slice.rows = slice.columns = 512;
    slice.bits_stored = 12;
    slice.slope = 1;
    slice.intercept = -1024;
    slice.row[0] = slice.column[1] = 1;
    slice.row[1] = slice.row[2] = slice.column[0] = slice.column[2] = 0;
    slice.row_spacing_mm = slice.column_spacing_mm = 0.7;
    slice.acquisition_number = -3;
    slice.instance_number = INT64_MAX;
    slice.position[0] = slice.position[1] = -179.5;
    memcpy(slice.image_type, "ORIGINAL\\PRIMARY\\AXIAL", sizeof "ORIGINAL\\PRIMARY\\AXIAL");
    return slice;
}

static const struct native_pixels coded;
static struct native_pixels native(void)
{
    return (struct native_pixels){.are_there = true, .offset = 1234, .length = 524288,
                                  .image = {.rows = 512, .columns = 512, .frames = 1, .samples_per_pixel = 1,
                                            .bits_allocated = 16, .bits_stored = 12, .high_bit = 11,
                                            .element = PIXEL_ELEMENT_INTEGER,
                                            .photometric = PHOTOMETRIC_MONOCHROME2}};
}

static void write_all(const struct native_pixels *pixels, const struct slice *slices, size_t count, struct buffer *out)
{
    struct slices_writer writer;
    struct error err;

    CHECK_OK(slices_begin(&writer, pixels, out, &err), err);
    for (size_t i = 0; i < count; i++)
        CHECK_OK(slices_add(&writer, &slices[i], &err), err);
    slices_end(&writer);
}

/* Every byte of every field, NANs too: padding between members is zero in both. */
static void check_same(const struct slice *found, const struct slice *expected)
{
    struct slice a, b;

    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    a = *found;
    b = *expected;
    CHECK_EQ_MEM(&a.frame, &b.frame, sizeof a.frame);
    CHECK_EQ_INT(a.fault, b.fault);
    CHECK_EQ_INT(a.frames, b.frames);
    CHECK(a.rows == b.rows && a.columns == b.columns && a.x == b.x && a.y == b.y);
    CHECK(a.samples_per_pixel == b.samples_per_pixel && a.bits_stored == b.bits_stored);
    CHECK(a.is_signed == b.is_signed && a.is_float == b.is_float && a.has_modality_lut == b.has_modality_lut);
    CHECK_EQ_INT(a.has_padding, b.has_padding);
    CHECK_EQ_MEM(&a.padding_low, &b.padding_low, 4 * sizeof(double));
    CHECK_EQ_MEM(a.position, b.position, 12 * sizeof(double));
    CHECK_EQ_STR(a.image_type, b.image_type);
    CHECK_EQ_STR(a.stack_id, b.stack_id);
    CHECK_EQ_INT(a.echo_number, b.echo_number);
    CHECK_EQ_MEM(&a.echo_time_ms, &b.echo_time_ms, sizeof(double));
    CHECK(a.channel == b.channel && a.temporal_position == b.temporal_position);
    CHECK_EQ_MEM(&a.b_value, &b.b_value, 5 * sizeof(double));
    CHECK(a.acquisition_number == b.acquisition_number && a.acquisition_time_us == b.acquisition_time_us);
    CHECK(a.instance_number == b.instance_number && a.in_stack_position == b.in_stack_position);
}

TEST(test_slices__what_was_written_is_read_back)
{
    struct slice slices[5] = {ordinary(), ordinary(), ordinary(), ordinary(), slice_absent()};
    const struct native_pixels pixels = native();
    struct slices found = {0};
    struct buffer out = {0};
    struct error err;

    slices[1].frame = 2; /* follows: not told */
    slices[1].position[2] = 5.25;
    slices[2].frame = 2; /* a mosaic's second tile */
    slices[2].x = 64;
    slices[2].position[2] = NAN;
    slices[2].has_padding = true;
    slices[2].padding_low = slices[2].padding_high = -2000;
    slices[3].frame = 7;
    slices[3].b_value = 1000;
    slices[3].channel = INT64_MIN + 1;
    slices[3].is_signed = true;
    slices[4].rows = slices[4].columns = 1;
    slices[4].fault = SLICE_NO_POSITION;
    slices[4].frames = 900;
    write_all(&pixels, slices, 5, &out);
    CHECK_OK(slices_parse(out.data, out.size, &found, &err), err);
    CHECK_EQ_INT(found.count, 5);
    for (size_t i = 0; i < 5; i++)
        check_same(&found.items[i], &slices[i]);
    CHECK(found.native.are_there && found.native.offset == 1234 && found.native.length == 524288);
    CHECK(found.native.image.bits_stored == 12 && found.native.image.photometric == PHOTOMETRIC_MONOCHROME2);
    hostile_check(try_slices, out.data, out.size, ERROR_PROTOCOL, 20000);
    slices_release(&found);
    buffer_release(&out);
}

TEST(test_slices__they_are_small)
{
    struct buffer one = {0}, many = {0};
    struct slice *const slices = calloc(1000, sizeof *slices);

    CHECK(slices != NULL);
    for (uint32_t i = 0; i < 1000; i++) {
        slices[i] = ordinary();
        slices[i].frame = i + 1;
        slices[i].position[2] = i;
    }
    write_all(&coded, slices, 1, &one);
    write_all(&coded, slices, 1000, &many);
    CHECK(one.size < 250);
    CHECK(many.size < one.size + 1000 * 40);
    free(slices);
    buffer_release(&one);
    buffer_release(&many);
}

TEST(test_slices__too_many_are_refused)
{
    struct slices_writer writer;
    struct buffer out = {0};
    struct slice slice = ordinary();
    struct error err;
    uint32_t count = 0;

    CHECK_OK(slices_begin(&writer, &coded, &out, &err), err);
    while (slices_add(&writer, &slice, &err)) {
        slice.position[0] += 1; /* and another one for each */
        slice.frame++;
        count++;
    }
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK(count > 100000 && count <= SLICES_MOST);
    buffer_release(&out);
}

/* A number that the reader would take memory or bytes by. */
static void check_refused(const struct slice *slice)
{
    struct buffer out = {0};

    write_all(&coded, slice, 1, &out);
    CHECK_EQ_INT(try_slices(out.data, out.size), ERROR_PROTOCOL);
    buffer_release(&out);
}

TEST(test_slices__what_is_out_of_range_is_refused)
{
    const struct slice good = ordinary();
    struct native_pixels pixels = native();
    struct slices_writer writer;
    struct buffer out = {0};
    struct slice slice = good;
    struct error err = {0};

    slice.frame = 0;
    check_refused(&slice);
    slice = good;
    slice.frame = (uint32_t)LIMIT(FRAMES);
    slice.frames = 2;
    check_refused(&slice);
    slice = good;
    slice.rows = 0;
    check_refused(&slice);
    slice = good;
    slice.x = 65536 - 512;
    check_refused(&slice);
    slice = good;
    slice.samples_per_pixel = 5;
    check_refused(&slice);
    slice = good;
    slice.fault = SLICE_FAULT_COUNT;
    check_refused(&slice);
    pixels.image.frames = 0; /* not even written */
    CHECK(!slices_begin(&writer, &pixels, &out, &err) && err.kind == ERROR_PROTOCOL);
    pixels = native();
    pixels.image.element = PIXEL_ELEMENT_NONE;
    CHECK(!slices_begin(&writer, &pixels, &out, &err) && err.kind == ERROR_PROTOCOL);
    buffer_release(&out);
}
