/* links: base dicom job worker */
#include "worker/sniff.h"

#include "tests/support/test.h"

static enum sniffed kind_of(const void *data, size_t size)
{
    const char *what = NULL;
    const enum sniffed kind = sniff(data, size, &what);

    CHECK(what != NULL && what[0] != '\0');
    return kind;
}

TEST(test_sniff__dicom_wins_over_whatever_the_preamble_is)
{
    uint8_t data[200] = "II*\0 a dual-personality TIFF";

    CHECK_EQ_INT(kind_of(data, sizeof data), SNIFFED_OTHER);
    memcpy(data + 128, "DICM", 4);
    CHECK_EQ_INT(kind_of(data, sizeof data), SNIFFED_DICOM);
    CHECK_EQ_INT(kind_of(data, 131), SNIFFED_OTHER);
}

TEST(test_sniff__archives_pictures_and_texts)
{
    uint8_t tar[512] = "name.dcm";

    CHECK_EQ_INT(kind_of("", 0), SNIFFED_EMPTY);
    CHECK_EQ_INT(kind_of("PK\3\4xxxx", 8), SNIFFED_ZIP);
    CHECK_EQ_INT(kind_of("PK\5\6", 4), SNIFFED_ZIP);
    CHECK_EQ_INT(kind_of("\x1F\x8B\x08", 3), SNIFFED_GZIP);
    CHECK_EQ_INT(kind_of("\x89PNG\r\n\x1A\n", 8), SNIFFED_OTHER);
    CHECK_EQ_INT(kind_of("BM looks like a text", 20), SNIFFED_OTHER);
    CHECK_EQ_INT(kind_of("notes\n", 6), SNIFFED_OTHER);
    CHECK_EQ_INT(kind_of("\x08\0\x05\0\x0A\0\0\0ISO_IR 100", 18), SNIFFED_UNKNOWN);
    CHECK_EQ_INT(kind_of("\0\0\0\0", 4), SNIFFED_UNKNOWN);
    memcpy(tar + 257, "ustar", 5);
    CHECK_EQ_INT(kind_of(tar, sizeof tar), SNIFFED_TAR);
}

TEST(test_sniff__old_tars_are_known_by_their_checksum)
{
    uint8_t tar[512] = "name.dcm";
    unsigned sum = 8 * ' ';

    for (size_t i = 0; i < sizeof tar; i++)
        sum += tar[i];
    (void)snprintf((char *)tar + 148, 8, "%06o", sum);
    CHECK_EQ_INT(kind_of(tar, sizeof tar), SNIFFED_TAR);
    tar[0]++;
    CHECK_EQ_INT(kind_of(tar, sizeof tar), SNIFFED_UNKNOWN);
}

TEST(test_sniff__a_zip_is_found_by_its_end)
{
    uint8_t data[100] = "something";

    memcpy(data + 70, "PK\5\6", 4);
    data[70 + 20] = 8;
    struct bytes bytes = bytes_of_memory(data, sizeof data);
    CHECK(sniff_zip_at_end(&bytes));
    data[70 + 20] = 9;
    CHECK(!sniff_zip_at_end(&bytes));
    bytes = bytes_of_memory(data, 3);
    CHECK(!sniff_zip_at_end(&bytes));
}
