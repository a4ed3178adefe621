/* links: base dicom codec */
#include "codec/codec.h"

#include "tests/support/test.h"

/* An RLE frame: header with the offsets of `segments`, then the given bytes. */
struct rle {
    uint8_t bytes[1024];
    size_t size;
};

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static struct rle rle_begin(void)
{
    return (struct rle){.size = 64};
}

static void rle_segment(struct rle *rle, const uint8_t *bytes, size_t size)
{
    const uint32_t count = rle->bytes[0];

    put_u32(rle->bytes, count + 1);
    put_u32(rle->bytes + 4 + 4 * count, (uint32_t)rle->size);
    memcpy(rle->bytes + rle->size, bytes, size);
    rle->size += size;
}

static struct image image_of(uint32_t rows, uint32_t columns, uint16_t samples, uint16_t bits)
{
    return (struct image){
        .rows = rows,
        .columns = columns,
        .frames = 1,
        .samples_per_pixel = samples,
        .bits_allocated = bits,
        .bits_stored = bits,
        .high_bit = (uint16_t)(bits - 1),
        .element = PIXEL_ELEMENT_INTEGER,
        .photometric = samples == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MONOCHROME2,
    };
}

/* inspect and decode from memory of exactly the size. */
static bool decode(const struct image *image, const uint8_t *bytes, size_t size, void *samples,
                   struct error *err)
{
    struct scratch scratch = {0};
    uint8_t *exact = malloc(size > 0 ? size : 1);
    struct codestream stream;

    if (size > 0)
        memcpy(exact, bytes, size);
    const struct coded coded = {.image = image, .data = exact, .size = size, .scratch = &scratch};
    const bool ok = rle_inspect(&coded, &stream, err) && size >= stream.least_size &&
                    rle_decode(&coded, &stream, samples, err);
    scratch_release(&scratch);
    free(exact);
    return ok;
}

TEST(test_rle__literal_and_replicated_runs_are_unpacked)
{
    const uint8_t packed[] = {2, 10, 20, 30, 0xfd, 7, 0, 99}; /* three, four times 7, one */
    const uint8_t expected[] = {10, 20, 30, 7, 7, 7, 7, 99};
    const struct image image = image_of(2, 4, 1, 8);
    struct rle rle = rle_begin();
    struct error err;
    uint8_t samples[8];

    rle_segment(&rle, packed, sizeof packed);
    CHECK_OK(decode(&image, rle.bytes, rle.size, samples, &err), err);
    CHECK_EQ_MEM(samples, expected, sizeof expected);
}

TEST(test_rle__control_byte_128_means_nothing)
{
    const uint8_t packed[] = {0x80, 0xff, 5, 0x80, 1, 6, 7};
    const struct image image = image_of(1, 4, 1, 8);
    struct rle rle = rle_begin();
    struct error err;
    uint8_t samples[4];

    rle_segment(&rle, packed, sizeof packed);
    CHECK_OK(decode(&image, rle.bytes, rle.size, samples, &err), err);
    CHECK_EQ_MEM(samples, "\5\5\6\7", 4);
}

TEST(test_rle__sixteen_bits_are_two_segments_most_significant_first)
{
    const uint8_t high[] = {1, 0x12, 0x56}, low[] = {1, 0x34, 0x78};
    const struct image image = image_of(1, 2, 1, 16);
    struct rle rle = rle_begin();
    struct error err;
    uint16_t samples[2];

    rle_segment(&rle, high, sizeof high);
    rle_segment(&rle, low, sizeof low);
    CHECK_OK(decode(&image, rle.bytes, rle.size, samples, &err), err);
    CHECK_EQ_UINT(samples[0], 0x1234);
    CHECK_EQ_UINT(samples[1], 0x5678);
}

TEST(test_rle__colour_of_32_bits_is_twelve_segments)
{
    const struct image image = image_of(1, 2, 3, 32);
    struct rle rle = rle_begin();
    struct error err;
    uint32_t samples[6];

    for (uint8_t s = 0; s < 12; s++) {
        const uint8_t packed[] = {1, (uint8_t)(s + 1), (uint8_t)(s + 101)};
        rle_segment(&rle, packed, sizeof packed);
    }
    CHECK_OK(decode(&image, rle.bytes, rle.size, samples, &err), err);
    CHECK_EQ_UINT(samples[0], 0x01020304);
    CHECK_EQ_UINT(samples[1], 0x05060708);
    CHECK_EQ_UINT(samples[2], 0x090a0b0c);
    CHECK_EQ_UINT(samples[3], 0x65666768);
}

TEST(test_rle__one_bit_pixels_are_packed_eight_to_a_byte)
{
    const uint8_t packed[] = {1, 0x05, 0x02}; /* 1 0 1 0 0 0 0 0, 0 1 */
    const struct image image = image_of(2, 5, 1, 1);
    struct rle rle = rle_begin();
    struct error err;
    uint8_t samples[10];

    rle_segment(&rle, packed, sizeof packed);
    CHECK_OK(decode(&image, rle.bytes, rle.size, samples, &err), err);
    CHECK_EQ_MEM(samples, "\1\0\1\0\0\0\0\0\0\1", 10);
}

TEST(test_rle__last_run_may_be_longer_than_the_segment)
{
    const uint8_t packed[] = {0xf0, 9}; /* 17 of 4 */
    const struct image image = image_of(1, 4, 1, 8);
    struct rle rle = rle_begin();
    struct error err;
    uint8_t samples[4];

    rle_segment(&rle, packed, sizeof packed);
    CHECK_OK(decode(&image, rle.bytes, rle.size, samples, &err), err);
    CHECK_EQ_MEM(samples, "\11\11\11\11", 4);
}

TEST(test_rle__wrong_number_of_segments_is_refused_with_both_numbers)
{
    const uint8_t packed[] = {0xfd, 1};
    const struct image image = image_of(1, 4, 1, 16);
    struct rle rle = rle_begin();
    struct error err;
    uint16_t samples[4];

    rle_segment(&rle, packed, sizeof packed);
    CHECK(!decode(&image, rle.bytes, rle.size, samples, &err));
    CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
    CHECK_EQ_STR(err.text, "expected 2 RLE segments, found 1");
}

TEST(test_rle__short_segment_is_refused)
{
    const uint8_t packed[] = {0xfe, 1};
    const struct image image = image_of(1, 4, 1, 8);
    struct rle rle = rle_begin();
    struct error err;
    uint8_t samples[4];

    rle_segment(&rle, packed, sizeof packed);
    CHECK(!decode(&image, rle.bytes, rle.size, samples, &err));
    CHECK_EQ_INT(err.kind, ERROR_TRUNCATED);
    CHECK_EQ_STR(err.text, "RLE segment 1 holds 3 of 4 bytes");
}

TEST(test_rle__offset_outside_is_refused)
{
    const uint8_t packed[] = {0xfd, 1};
    const struct image image = image_of(1, 4, 1, 8);
    struct rle rle = rle_begin();
    struct error err;
    uint8_t samples[4];

    rle_segment(&rle, packed, sizeof packed);
    put_u32(rle.bytes + 4, 0xffffffff);
    CHECK(!decode(&image, rle.bytes, rle.size, samples, &err));
    CHECK_EQ_INT(err.kind, ERROR_TRUNCATED);
    put_u32(rle.bytes + 4, 63);
    CHECK(!decode(&image, rle.bytes, rle.size, samples, &err));
    CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
}

TEST(test_rle__cut_anywhere_is_refused)
{
    const uint8_t high[] = {0xf1, 3}, low[] = {7, 1, 2, 3, 4, 5, 6, 7, 8, 0xf9, 9};
    const struct image image = image_of(4, 4, 1, 16);
    struct rle rle = rle_begin();
    struct error err;
    uint16_t samples[16];

    rle_segment(&rle, high, sizeof high);
    rle_segment(&rle, low, sizeof low);
    CHECK_OK(decode(&image, rle.bytes, rle.size, samples, &err), err);
    for (size_t size = 0; size < rle.size; size++) {
        CHECK(!decode(&image, rle.bytes, size, samples, &err));
        CHECK_EQ_INT(err.kind, ERROR_TRUNCATED);
    }
}
