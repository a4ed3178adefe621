/* links: base dicom job */
#include "job/layout.h"

#include "tests/support/test.h"

static struct error err;
static char path[PATH_SIZE];
static const struct digest digest = {{0x3f, 0x0c, 0xde, 0xad, 0xbe, 0xef, 0x01, 0x23, 0x45}};

static struct subject subject_of(const char *sop, const char *conflict)
{
    struct subject subject = {.study = "1.2", .series = "3.4"};

    (void)snprintf(subject.sop, sizeof subject.sop, "%s", sop);
    (void)snprintf(subject.conflict, sizeof subject.conflict, "%s", conflict);
    return subject;
}

static const char *path_of(const struct subject *subject, enum place place, const char *name,
                           uint32_t frame, const char *extension)
{
    CHECK_OK(layout_path(subject, place, name, frame, &digest, extension, path, &err), err);
    return path;
}

static void check_refused(const struct subject *subject, enum place place, const char *name,
                          uint32_t frame, const char *extension)
{
    CHECK(!layout_path(subject, place, name, frame, &digest, extension, path, &err));
    CHECK_EQ_INT(err.kind, ERROR_PROTOCOL);
}

TEST(test_layout__current_instance_has_dicomweb_addresses)
{
    const struct subject subject = subject_of("5.6", "");

    CHECK_EQ_STR(path_of(&subject, PLACE_FRAME, NULL, 7, NULL),
                 "dicomweb/studies/1.2/series/3.4/instances/5.6/frames/7");
    CHECK_EQ_STR(path_of(&subject, PLACE_J2K, NULL, 1000000, NULL),
                 "dicomweb/studies/1.2/series/3.4/instances/5.6/j2k/1000000");
    CHECK_EQ_STR(path_of(&subject, PLACE_THUMBNAIL, NULL, 0, NULL),
                 "dicomweb/studies/1.2/series/3.4/instances/5.6/thumbnail");
    CHECK_EQ_STR(path_of(&subject, PLACE_RENDITION, "webp-512-1", 1, "webp"),
                 "studies/1.2/3.4/5.6/webp-512-1.3f0cdeadbeef0123.webp");
    CHECK_EQ_STR(path_of(&subject, PLACE_GZIP, "original", 0, "dcm"),
                 "studies/1.2/3.4/5.6/original.3f0cdeadbeef0123.dcm.gz");
    CHECK_EQ_STR(path_of(&subject, PLACE_RENDERED, NULL, 0, NULL),
                 "dicomweb/studies/1.2/series/3.4/instances/5.6/rendered");
    CHECK_EQ_STR(path_of(&subject, PLACE_TREE, "tiles-1", 1, NULL),
                 "studies/1.2/3.4/5.6/tiles-1.3f0cdeadbeef0123");
}

TEST(test_layout__conflict_stays_out_of_dicomweb)
{
    const struct subject subject = subject_of("5.6", "0123456789abcdef");

    CHECK_EQ_STR(path_of(&subject, PLACE_FRAME, NULL, 7, NULL),
                 "studies/1.2/3.4/conflict/0123456789abcdef/frames/7");
    CHECK_EQ_STR(path_of(&subject, PLACE_J2K, NULL, 7, NULL),
                 "studies/1.2/3.4/conflict/0123456789abcdef/j2k/7");
    CHECK_EQ_STR(path_of(&subject, PLACE_THUMBNAIL, NULL, 7, NULL),
                 "studies/1.2/3.4/conflict/0123456789abcdef/thumbnail");
    CHECK_EQ_STR(path_of(&subject, PLACE_RENDITION, "a", 0, "jpg"),
                 "studies/1.2/3.4/conflict/0123456789abcdef/a.3f0cdeadbeef0123.jpg");
}

TEST(test_layout__series_has_renditions_but_no_frames)
{
    const struct subject subject = subject_of("", "");

    CHECK_EQ_STR(path_of(&subject, PLACE_TREE, "volume-1", 0, NULL),
                 "studies/1.2/3.4/volume-1.3f0cdeadbeef0123");
    check_refused(&subject, PLACE_FRAME, NULL, 1, NULL);
    check_refused(&subject, PLACE_THUMBNAIL, NULL, 1, NULL);
    CHECK(!layout_dicomweb_instance(&subject, path, &err));
}

TEST(test_layout__folders_of_study_and_series)
{
    const struct subject subject = subject_of("5", "");

    CHECK_OK(layout_study_folder("1.2", path, &err), err);
    CHECK_EQ_STR(path, "studies/1.2");
    CHECK_OK(layout_series_folder("1.2", "3", path, &err), err);
    CHECK_EQ_STR(path, "studies/1.2/3");
    CHECK_OK(layout_dicomweb_study("1.2", path, &err), err);
    CHECK_EQ_STR(path, "dicomweb/studies/1.2");
    CHECK_OK(layout_dicomweb_series("1.2", "3", path, &err), err);
    CHECK_EQ_STR(path, "dicomweb/studies/1.2/series/3");
    CHECK_OK(layout_dicomweb_instance(&subject, path, &err), err);
    CHECK_EQ_STR(path, "dicomweb/studies/1.2/series/3.4/instances/5");
}

TEST(test_layout__hostile_parts_are_refused)
{
    static const char *const uids[] = {
        "",     ".",
        "..",   "1..2",
        "../1", "1/2",
        "1.2 ", "a",
        "1.2.", "12345678901234567890123456789012345678901234567890123456789012345"};
    const struct subject good = subject_of("5.6", "");

    for (size_t i = 0; i < sizeof uids / sizeof uids[0]; i++) {
        struct subject subject = good;

        (void)snprintf(subject.study, sizeof subject.study, "%.64s", uids[i]);
        if (strlen(uids[i]) < 65)
            check_refused(&subject, PLACE_RENDITION, "a", 0, "webp");
        CHECK(!layout_study_folder(uids[i], path, &err));
        CHECK(!layout_series_folder("1", uids[i], path, &err));
    }
    check_refused(&good, PLACE_FRAME, NULL, 0, NULL);
    check_refused(&good, PLACE_FRAME, NULL, 1000001, NULL);
    check_refused(&good, PLACE_RENDITION, "../x", 0, "webp");
    check_refused(&good, PLACE_RENDITION, NULL, 0, "webp");
    check_refused(&good, PLACE_RENDITION, "x", 0, "we/bp");
    check_refused(&good, PLACE_RENDITION, "x", 0, NULL);
    check_refused(&good, PLACE_COUNT, "x", 1, "webp");
    const struct subject short_conflict = subject_of("5.6", "0123"),
                         odd_conflict = subject_of("5.6", "../3456789abcdef");
    check_refused(&short_conflict, PLACE_FRAME, NULL, 1, NULL);
    check_refused(&odd_conflict, PLACE_FRAME, NULL, 1, NULL);
}

TEST(test_layout__words_and_extensions)
{
    CHECK(layout_word_is_valid("a"));
    CHECK(layout_word_is_valid("0-a-"));
    CHECK(layout_word_is_valid("12345678901234567890123456789012345678901234567"));
    CHECK(!layout_word_is_valid("123456789012345678901234567890123456789012345678"));
    CHECK(!layout_word_is_valid(""));
    CHECK(!layout_word_is_valid("-a"));
    CHECK(!layout_word_is_valid("A"));
    CHECK(!layout_word_is_valid("a.b"));
    CHECK(!layout_word_is_valid("a/b"));
    CHECK(layout_extension_is_valid("webp"));
    CHECK(!layout_extension_is_valid(""));
    CHECK(!layout_extension_is_valid("12345678"));
    CHECK(!layout_extension_is_valid("a-b"));
    CHECK(layout_extension_is_valid("nii.gz"));
    CHECK(!layout_extension_is_valid(".gz"));
    CHECK(!layout_extension_is_valid("nii."));
    CHECK(!layout_extension_is_valid("a..b"));
}
