/* links: base codec */
#include "codec/samples.h"

#include "tests/support/test.h"

TEST(test_samples__fit_asks_the_bits_of_a_width)
{
    static const uint16_t words[] = {0, 255, 3, 256};
    static const uint8_t octets[] = {0x0f, 0x08};
    static const uint32_t longs[] = {0x7fffffff, 0x80000000};

    CHECK(samples_fit(words, 3, 2, 12, 8, false));
    CHECK(!samples_fit(words, 4, 2, 12, 8, false));
    CHECK(samples_fit(words, 4, 2, 8, 8, false)); /* above the width nothing is asked */
    CHECK(samples_fit(octets, 2, 1, 4, 4, true));
    CHECK(!samples_fit(octets, 2, 1, 5, 4, true)); /* 15 of five bits is no -1 */
    CHECK(samples_fit(longs, 2, 4, 32, 32, false));
    CHECK(samples_fit(longs, 2, 4, 32, 32, true));
    CHECK(!samples_fit(longs, 2, 4, 32, 31, true));
}

TEST(test_samples__fit_takes_copies_of_the_sign)
{
    static const uint16_t twelve[] = {0xfff, 0xf80, 0x07f}; /* -1, -128, 127 of 12 bits */
    static const int16_t extended[] = {-1, -128, 127};
    static const int16_t large[] = {-129, 0}, larger[] = {128, 0};

    CHECK(samples_fit(twelve, 3, 2, 12, 8, true));
    CHECK(!samples_fit(twelve, 3, 2, 12, 7, true));
    CHECK(samples_fit(extended, 3, 2, 12, 8, true));
    CHECK(!samples_fit(large, 2, 2, 12, 8, true));
    CHECK(!samples_fit(larger, 2, 2, 12, 8, true));
}
