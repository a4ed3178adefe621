/* links: base dicom */
#include "dicom/transfer_syntax.h"
#include "tests/support/test.h"

TEST(test_transfer_syntax__implicit_little_endian_is_native)
{
    const struct transfer_syntax *const ts = transfer_syntax_find("1.2.840.10008.1.2");
    CHECK(ts != NULL);
    CHECK_EQ_INT(ts->coding, CODING_NATIVE);
    CHECK(!ts->explicit_vr && !ts->big_endian && !ts->encapsulated && !ts->lossy);
}

TEST(test_transfer_syntax__big_endian_is_explicit)
{
    const struct transfer_syntax *const ts = transfer_syntax_find("1.2.840.10008.1.2.2");
    CHECK(ts && ts->explicit_vr && ts->big_endian);
}

TEST(test_transfer_syntax__codings)
{
    static const struct {
        const char *uid;
        enum coding coding;
        bool lossy;
    } expected[] = {
        {"1.2.840.10008.1.2.5", CODING_RLE, false},
        {"1.2.840.10008.1.2.4.50", CODING_JPEG, true},
        {"1.2.840.10008.1.2.4.57", CODING_JPEG_LOSSLESS, false},
        {"1.2.840.10008.1.2.4.81", CODING_JPEG_LS, true},
        {"1.2.840.10008.1.2.4.90", CODING_JPEG_2000, false},
        {"1.2.840.10008.1.2.4.202", CODING_HTJ2K, false},
        {"1.2.840.10008.1.2.8.1", CODING_DEFLATED_FRAME, false},
        {"1.2.840.10008.1.2.4.103.1", CODING_VIDEO, true},
        {"1.2.840.10008.1.2.4.112", CODING_UNSUPPORTED, true},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct transfer_syntax *const ts = transfer_syntax_find(expected[i].uid);
        CHECK(ts && ts->encapsulated && ts->explicit_vr);
        CHECK_EQ_INT(ts->coding, expected[i].coding);
        CHECK_EQ_INT(ts->lossy, expected[i].lossy);
    }
}

TEST(test_transfer_syntax__unknown_is_null)
{
    CHECK(transfer_syntax_find("1.2.840.113619.5.2") == NULL);
    CHECK(transfer_syntax_find("") == NULL);
    CHECK(transfer_syntax_find("1.2.840.10008.1.2.1 ") == NULL);
}
