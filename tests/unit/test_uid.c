/* links: base dicom */
#include "dicom/uid.h"
#include "tests/support/test.h"

static struct digest source = {{1, 2, 3}};

TEST(test_uid__valid_ones)
{
    CHECK(uid_is_valid("1.2.840.10008.1.2"));
    CHECK(uid_is_valid("2.25.0"));
    CHECK(uid_is_valid("1.02.3")); /* against PS3.5 9.1, yet harmless in a path */
    CHECK(uid_is_valid("1234567890123456789012345678901234567890123456789012345678901234"));
}

TEST(test_uid__invalid_ones)
{
    static const char *const bad[] = {
        "",      ".",    "1.",
        ".1",    "1..2", "1.2a",
        "1.2/3", "../1", "1 2",
        "1.2\n", "-1.2", "12345678901234567890123456789012345678901234567890123456789012345",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (uid_is_valid(bad[i]))
            TEST_FAIL("\"%s\" is taken as valid", bad[i]);
}

TEST(test_uid__valid_text_stays_itself)
{
    char uid[UID_SIZE];
    struct error err;
    CHECK_OK(uid_make_safe("1.2.3", "study", &source, uid, &err), err);
    CHECK_EQ_STR(uid, "1.2.3");
}

TEST(test_uid__bad_text_becomes_the_number_of_its_digest)
{
    char uid[UID_SIZE];
    struct error err;
    /* python3: int.from_bytes(hashlib.sha256(b"../../etc").digest()[:16], "big") */
    CHECK_OK(uid_make_safe("../../etc", "study", &source, uid, &err), err);
    CHECK_EQ_STR(uid, "2.25.155254620359614402841637648165840871652");
}

TEST(test_uid__absent_ones_differ_by_role_and_source)
{
    char study[UID_SIZE], series[UID_SIZE], again[UID_SIZE], other[UID_SIZE];
    const struct digest second = {{9}};
    struct error err;
    CHECK_OK(uid_make_safe("", "study", &source, study, &err), err);
    CHECK_OK(uid_make_safe("", "series", &source, series, &err), err);
    CHECK_OK(uid_make_safe("", "study", &source, again, &err), err);
    CHECK_OK(uid_make_safe("", "study", &second, other, &err), err);
    CHECK(uid_is_valid(study));
    CHECK(strcmp(study, series) != 0);
    CHECK(strcmp(study, other) != 0);
    CHECK_EQ_STR(study, again);
}
