/* links: base dicom codec */
#include "codec/decode.h"

#include <libdeflate.h>

#include "codec/samples.h"
#include "tests/support/test.h"

static struct image image_of(uint32_t rows, uint32_t columns, uint16_t samples, uint16_t bits,
                             const char *transfer_syntax)
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
        .transfer_syntax = transfer_syntax_find(transfer_syntax),
        .photometric = samples == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MONOCHROME2,
    };
}

#define NATIVE "1.2.840.10008.1.2.1"
#define DEFLATED_FRAMES "1.2.840.10008.1.2.8.1"

/* A frame decoded from memory of exactly the size, at an odd address. */
struct outcome {
    bool ok;
    struct error err;
    struct frame frame;
    struct decoder *decoder;
    struct buffer notes;
};

static struct outcome run(const struct image *image, const void *bytes, size_t size,
                          unsigned bit_offset)
{
    struct outcome o = {.ok = false};
    uint8_t *exact = malloc(size + 1);

    memcpy(exact + 1, bytes, size);
    CHECK_OK(decoder_new(&o.decoder, &o.err), o.err);
    o.ok =
        decoder_run(o.decoder, image, 1, exact + 1, size, bit_offset, &o.frame, &o.notes, &o.err);
    free(exact);
    return o;
}

static void done(struct outcome *o)
{
    decoder_free(o->decoder);
    buffer_release(&o->notes);
}

TEST(test_native__sixteen_bits_come_as_they_are)
{
    const uint16_t pixels[] = {0, 1, 0x1234, 0xffff, 0x8000, 7};
    const struct image image = image_of(2, 3, 1, 16, NATIVE);
    struct outcome o = run(&image, pixels, sizeof pixels, 0);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_UINT(o.frame.size, sizeof pixels);
    CHECK_EQ_INT(o.frame.type, SAMPLE_U16);
    CHECK_EQ_MEM(o.frame.samples, pixels, sizeof pixels);
    CHECK_EQ_STR(buffer_text(&o.notes), "");
    done(&o);
}

TEST(test_native__overlay_bits_above_the_value_are_dropped)
{
    const uint16_t pixels[] = {0xf123, 0x1fff, 0x8000, 0x0abc, 0x7007},
                   values[] = {0x123, 0xfff, 0, 0xabc, 7};
    struct image image = image_of(1, 5, 1, 16, NATIVE);
    image.bits_stored = 12;
    image.high_bit = 11;
    struct outcome o = run(&image, pixels, sizeof pixels, 0);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_MEM(o.frame.samples, values, sizeof values);
    CHECK_EQ_UINT(o.frame.bits_stored, 12);
    done(&o);
}

TEST(test_native__value_below_high_bit_15_is_shifted_down_and_signed)
{
    const uint16_t pixels[] = {0xfff5, 0x8003, 0x7ff0, 0x0010, 0x0000};
    const int16_t values[] = {-1, -2048, 2047, 1, 0};
    struct image image = image_of(1, 5, 1, 16, NATIVE);
    image.bits_stored = 12;
    image.high_bit = 15;
    image.is_signed = true;
    struct outcome o = run(&image, pixels, sizeof pixels, 0);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.frame.type, SAMPLE_S16);
    CHECK_EQ_MEM(o.frame.samples, values, sizeof values);
    done(&o);
}

/* Every shift, width and container, against plain arithmetic, at every length up to two words. */
TEST(test_native__settling_agrees_with_plain_arithmetic)
{
    for (unsigned bytes = 1; bytes <= 4; bytes *= 2)
        for (unsigned bits = 1; bits <= 8 * bytes; bits++)
            for (unsigned shift = 0; shift + bits <= 8 * bytes; shift++)
                for (unsigned is_signed = 0; is_signed < 2; is_signed++) {
                    uint8_t codes[19 * 4], values[19 * 4];
                    const size_t count = 1 + (bits + shift) % 19;
                    uint32_t random = 12345 + bits;
                    for (size_t i = 0; i < count * bytes; i++)
                        codes[i] = (uint8_t)((random = random * 1664525 + 1013904223) >> 24);
                    memcpy(values, codes, sizeof codes);
                    samples_settle(values, count, bytes, shift, bits, is_signed);
                    for (size_t i = 0; i < count; i++) {
                        uint32_t code = 0, found = 0;
                        memcpy(&code, codes + i * bytes, bytes);
                        memcpy(&found, values + i * bytes, bytes);
                        int64_t value = (code >> shift) & ((INT64_C(1) << bits) - 1);
                        if (is_signed && value >> (bits - 1))
                            value -= INT64_C(1) << bits;
                        CHECK_EQ_UINT(
                            found, (uint32_t)((uint64_t)value & (UINT64_MAX >> (64 - 8 * bytes))));
                    }
                }
}

TEST(test_native__big_endian_words_are_swapped)
{
    const uint8_t pixels[] = {0x12, 0x34, 0xff, 0xfe, 0x00, 0x01};
    const uint16_t values[] = {0x1234, 0xfffe, 1};
    struct image image = image_of(1, 3, 1, 16, "1.2.840.10008.1.2.2");
    image.big_endian = true;
    struct outcome o = run(&image, pixels, sizeof pixels, 0);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_MEM(o.frame.samples, values, sizeof values);
    done(&o);

    image = image_of(1, 1, 1, 32, "1.2.840.10008.1.2.2");
    image.big_endian = true;
    o = run(&image, pixels, 4, 0);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_UINT(*(const uint32_t *)o.frame.samples, 0x1234fffe);
    done(&o);
}

TEST(test_native__eight_bits_in_big_endian_words_change_places)
{
    struct image image = image_of(1, 3, 1, 8, "1.2.840.10008.1.2.2");
    image.big_endian = true;
    image.swapped_pairs = true;
    struct outcome o = run(&image, "\2\1\4\3", 4, 0);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_MEM(o.frame.samples, "\1\2\3", 3);
    done(&o);
    o = run(&image, "\2\1\4", 3, 0);
    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_TRUNCATED);
    done(&o);
}

/* Frames of 3 bytes: the second one begins in the second byte of a word. */
TEST(test_native__frames_in_big_endian_words_may_share_a_word)
{
    struct image image = image_of(1, 3, 1, 8, "1.2.840.10008.1.2.2");
    image.big_endian = true;
    image.swapped_pairs = true;
    image.frames = 3;
    struct outcome o = run(&image, "\4\3\6\5", 4, 8);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_MEM(o.frame.samples, "\4\5\6", 3);
    done(&o);
    o = run(&image, "\4\3\6", 3, 8);
    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_TRUNCATED);
    done(&o);

    image = image_of(3, 3, 1, 1, "1.2.840.10008.1.2.2"); /* bits 9..17 of two words */
    image.big_endian = true;
    image.swapped_pairs = true;
    image.frames = 3;
    o = run(&image, "\xaa\1\0\3", 4, 9);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_MEM(o.frame.samples, "\1\0\1\0\1\0\1\1\1", 9);
    done(&o);
}

/* PS3.5 8.1.1: a frame of one-bit pixels may begin in the middle of a byte. */
TEST(test_native__one_bit_frame_may_begin_inside_a_byte)
{
    const uint8_t packed[] = {0xb1, 0x6e, 0x93, 0x0f, 0xff};

    for (unsigned offset = 0; offset < 8; offset++) {
        const struct image image = image_of(3, 7, 1, 1, NATIVE);
        struct outcome o = run(&image, packed, (offset + 21 + 7) / 8, offset);
        CHECK_OK(o.ok, o.err);
        CHECK_EQ_UINT(o.frame.size, 21);
        for (unsigned i = 0; i < 21; i++)
            CHECK_EQ_UINT(((const uint8_t *)o.frame.samples)[i],
                          packed[(offset + i) / 8] >> (offset + i) % 8 & 1);
        done(&o);
    }
}

TEST(test_native__twelve_packed_bits_are_unpacked)
{
    const uint8_t packed[] = {0x23, 0x61, 0x45, 0xbc,
                              0x0a}; /* 0x123, 0x456, 0xabc, four bits to spare */
    const uint16_t values[] = {0x123, 0x456, 0xabc};
    const struct image image = image_of(1, 3, 1, 12, NATIVE);
    struct outcome o = run(&image, packed, sizeof packed, 0);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_MEM(o.frame.samples, values, sizeof values);
    done(&o);
}

TEST(test_native__colour_planes_are_interleaved)
{
    struct image image = image_of(1, 3, 3, 8, NATIVE);
    image.planar_configuration = 1;
    struct outcome o = run(&image, "rstghiabc", 9, 0);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_MEM(o.frame.samples, "rgashbtic", 9);
    done(&o);
}

TEST(test_native__four_planes_are_interleaved)
{
    struct image image = image_of(1, 3, 4, 8, NATIVE);
    image.planar_configuration = 1;
    image.photometric = PHOTOMETRIC_CMYK;
    struct outcome o = run(&image, "cdemnoyz!klm", 12, 0);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_MEM(o.frame.samples, "cmykdnzleo!m", 12);
    CHECK_EQ_INT(o.frame.photometric, PHOTOMETRIC_CMYK);
    done(&o);
}

/* PS3.3 C.7.6.3.1.2 allows it in codestreams only: no order of its samples is written anywhere. */
TEST(test_native__chroma_halved_both_ways_is_unsupported)
{
    struct image image = image_of(2, 2, 3, 8, NATIVE);
    image.photometric = PHOTOMETRIC_YBR_PARTIAL_420;
    struct outcome o = run(&image, "YZWVbr", 6, 0);

    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_UNSUPPORTED);
    done(&o);
}

TEST(test_native__subsampled_chroma_belongs_to_both_pixels)
{
    struct image image = image_of(1, 4, 3, 8, NATIVE);
    image.photometric = PHOTOMETRIC_YBR_FULL_422;
    struct outcome o = run(&image, "YybrZzcs", 8, 0);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_MEM(o.frame.samples, "YbrybrZcszcs", 12);
    CHECK_EQ_INT(o.frame.photometric, PHOTOMETRIC_YBR_FULL);
    done(&o);
}

TEST(test_native__label_422_on_whole_samples_is_noted)
{
    struct image image = image_of(1, 2, 3, 8, NATIVE);
    image.photometric = PHOTOMETRIC_YBR_FULL_422;
    struct outcome o = run(&image, "YbrZcs", 6, 0);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_MEM(o.frame.samples, "YbrZcs", 6);
    CHECK_HAS(buffer_text(&o.notes), "YBR_FULL_422");
    done(&o);
}

TEST(test_native__floats_are_moved)
{
    const float values[] = {-1.5f, 0.0f, 3e38f};
    struct image image = image_of(1, 3, 1, 32, NATIVE);
    image.element = PIXEL_ELEMENT_FLOAT;
    struct outcome o = run(&image, values, sizeof values, 0);

    CHECK_OK(o.ok, o.err);
    CHECK_EQ_INT(o.frame.type, SAMPLE_F32);
    CHECK_EQ_MEM(o.frame.samples, values, sizeof values);
    done(&o);
}

TEST(test_native__short_frame_is_refused_with_both_numbers)
{
    const uint16_t pixels[] = {1, 2, 3};
    const struct image image = image_of(2, 2, 1, 16, NATIVE);
    struct outcome o = run(&image, pixels, sizeof pixels, 0);

    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_TRUNCATED);
    CHECK_EQ_STR(o.err.text, "frame has 6 of 8 bytes");
    done(&o);
}

/* 60000 x 60000 claimed and 6 bytes given: nothing is allocated. */
TEST(test_native__claim_without_data_takes_no_memory)
{
    const struct image image = image_of(20000, 20000, 1, 16, NATIVE);
    struct outcome o = run(&image, "123456", 6, 0);

    CHECK(!o.ok);
    CHECK_EQ_INT(o.err.kind, ERROR_TRUNCATED);
    done(&o);
}

TEST(test_native__frames_deflated_one_by_one_are_inflated)
{
    uint8_t pixels[64], deflated[256];
    const struct image image = image_of(8, 8, 1, 8, DEFLATED_FRAMES);
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);

    for (unsigned i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i / 7);
    const size_t size =
        libdeflate_deflate_compress(compressor, pixels, sizeof pixels, deflated, sizeof deflated);
    libdeflate_free_compressor(compressor);
    deflated[size] = 0; /* the pad byte of an odd item */
    struct outcome o = run(&image, deflated, size + 1, 0);
    CHECK_OK(o.ok, o.err);
    CHECK_EQ_MEM(o.frame.samples, pixels, sizeof pixels);
    done(&o);
    for (size_t cut = 0; cut < size; cut++) {
        o = run(&image, deflated, cut, 0);
        CHECK(!o.ok);
        done(&o);
    }
    const struct image smaller = image_of(8, 7, 1, 8, DEFLATED_FRAMES);
    o = run(&smaller, deflated, size, 0);
    CHECK(!o.ok);
    CHECK_HAS(o.err.text, "holds more than 56 bytes");
    done(&o);
}
