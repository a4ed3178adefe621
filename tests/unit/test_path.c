/* links: base */
#include "base/path.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tests/support/test.h"

static struct error err;

static const char *in_folder(const char *name)
{
    static char path[4][PATH_SIZE];
    static unsigned turn;
    char *const to = path[turn++ % 4];

    CHECK_OK(path_join(to, test_folder(), name, &err), err);
    return to;
}

static void check_file(const char *path, const char *expected)
{
    struct buffer found = {0};

    CHECK_OK(path_read_file(path, 1000, &found, &err), err);
    CHECK_EQ_STR(buffer_text(&found), expected);
    buffer_release(&found);
}

TEST(test_path__join_puts_one_slash)
{
    char path[PATH_SIZE];

    CHECK(path_join(path, "a", "b", &err));
    CHECK_EQ_STR(path, "a/b");
    CHECK(path_join(path, "/a/", "b", &err));
    CHECK_EQ_STR(path, "/a/b");
    CHECK(path_join(path, "", "b", &err));
    CHECK_EQ_STR(path, "b");
    CHECK(path_join(path, path, "c", &err)); /* onto itself */
    CHECK_EQ_STR(path, "b/c");
}

TEST(test_path__path_that_does_not_fit_is_refused_and_the_old_one_stays)
{
    char path[PATH_SIZE] = "old", name[PATH_SIZE + 10];

    memset(name, 'n', sizeof name);
    name[PATH_SIZE - 3] = '\0'; /* 1021: a/ + 1021 + NUL = 1024 */
    CHECK(path_join(path, "a", name, &err));
    name[PATH_SIZE - 3] = 'n';
    name[PATH_SIZE - 2] = '\0';
    CHECK(path_format(path, &err, "%s", "old"));
    CHECK(!path_join(path, "a", name, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK_EQ_STR(path, "old");
}

TEST(test_path__safe_relative_names)
{
    CHECK(path_is_safe_relative("a"));
    CHECK(path_is_safe_relative("studies/1.2.3/study.json"));
    CHECK(path_is_safe_relative(".hidden/..more/a.."));
    CHECK(path_is_safe_relative("name with space"));
}

TEST(test_path__unsafe_names_are_refused)
{
    static const char *const unsafe[] = {
        "", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "../a", "a/..", "a/../b",
        "a\\b", "a\nb", "a\x7F", "\x01", "a/\x1F/b",
    };
    char name[PATH_SIZE + 1];

    for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
        if (path_is_safe_relative(unsafe[i]))
            TEST_FAIL("\"%s\" was taken for safe", unsafe[i]);
    CHECK(!path_is_safe_relative(NULL));
    memset(name, 'a', sizeof name);
    name[255] = '\0';
    CHECK(path_is_safe_relative(name));
    name[255] = 'a';
    name[256] = '\0';
    CHECK(!path_is_safe_relative(name));
    for (size_t i = 0; i < PATH_SIZE; i++)
        name[i] = i % 2 == 0 ? 'a' : '/';
    name[PATH_SIZE - 1] = '\0';
    CHECK(path_is_safe_relative(name));
    name[PATH_SIZE - 1] = '/';
    name[PATH_SIZE] = '\0';
    CHECK(!path_is_safe_relative(name));
}

TEST(test_path__folders_are_made_with_their_parents_and_twice)
{
    struct stat status;

    CHECK_OK(path_make_folder(in_folder("a/b/c"), 0755, &err), err);
    CHECK_OK(path_make_folder(in_folder("a/b/c/"), 0755, &err), err);
    CHECK_OK(path_make_parent(in_folder("x//y/file"), 0755, &err), err);
    CHECK_EQ_INT(stat(in_folder("x/y"), &status), 0);
    CHECK(S_ISDIR(status.st_mode));
    CHECK(access(in_folder("x/y/file"), F_OK) != 0);
    CHECK_OK(path_make_parent("file", 0755, &err), err);
    CHECK_OK(path_make_parent("/file", 0755, &err), err);
    CHECK(!path_make_folder("", 0755, &err));
}

TEST(test_path__file_in_the_way_of_a_folder_is_an_error)
{
    CHECK_OK(path_write_file(in_folder("f"), "", 0, &err), err);
    CHECK(!path_make_folder(in_folder("f"), 0755, &err));
    CHECK_EQ_INT(err.kind, ERROR_IO);
    CHECK(!path_make_folder(in_folder("f/g"), 0755, &err));
    CHECK_HAS(err.text, "cannot make folder");
}

TEST(test_path__tree_is_removed_and_links_are_not_followed)
{
    CHECK_OK(path_make_folder(in_folder("keep"), 0755, &err), err);
    CHECK_OK(path_write_file(in_folder("keep/file"), "x", 1, &err), err);
    CHECK_OK(path_make_folder(in_folder("tree/a/b"), 0755, &err), err);
    CHECK_OK(path_write_file(in_folder("tree/a/file"), "x", 1, &err), err);
    CHECK_EQ_INT(symlink(in_folder("keep"), in_folder("tree/a/link")), 0);
    CHECK_OK(path_remove_tree(in_folder("tree"), &err), err);
    CHECK(access(in_folder("tree"), F_OK) != 0);
    check_file(in_folder("keep/file"), "x");
}

TEST(test_path__link_to_a_tree_loses_only_the_link)
{
    CHECK_OK(path_make_folder(in_folder("keep"), 0755, &err), err);
    CHECK_OK(path_write_file(in_folder("keep/file"), "x", 1, &err), err);
    CHECK_EQ_INT(symlink("keep", in_folder("link")), 0);
    CHECK_OK(path_remove_tree(in_folder("link"), &err), err);
    CHECK(access(in_folder("link"), F_OK) != 0);
    check_file(in_folder("keep/file"), "x");
}

TEST(test_path__removing_what_is_absent_or_a_file_is_success)
{
    CHECK_OK(path_remove_tree(in_folder("absent"), &err), err);
    CHECK_OK(path_remove_tree(in_folder("absent/deeper"), &err), err);
    CHECK_OK(path_write_file(in_folder("file"), "x", 1, &err), err);
    CHECK_OK(path_remove_tree(in_folder("file"), &err), err);
    CHECK(access(in_folder("file"), F_OK) != 0);
}

TEST(test_path__file_is_read_whole_and_appended)
{
    struct buffer out = {0};
    enum { SIZE = 300000 };
    static char data[SIZE];

    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)(i * 7);
    CHECK_OK(path_write_file(in_folder("big"), data, SIZE, &err), err);
    CHECK(buffer_puts(&out, "head", &err));
    CHECK_OK(path_read_file(in_folder("big"), SIZE, &out, &err), err);
    CHECK_EQ_UINT(out.size, SIZE + 4);
    CHECK_EQ_MEM(out.data + 4, data, SIZE);
    buffer_release(&out);
}

TEST(test_path__file_beyond_the_limit_is_refused_and_the_buffer_stays)
{
    struct buffer out = {0};

    CHECK_OK(path_write_file(in_folder("f"), "12345", 5, &err), err);
    CHECK(buffer_puts(&out, "head", &err));
    CHECK(!path_read_file(in_folder("f"), 4, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK_EQ_STR(buffer_text(&out), "head");
    CHECK(!path_read_file("/dev/zero", 100000, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK_EQ_STR(buffer_text(&out), "head");
    CHECK(!path_read_file(in_folder("absent"), 4, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_IO);
    CHECK_HAS(err.text, "No such file");
    CHECK(!path_read_file(test_folder(), 4096 * 1024, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_IO);
    buffer_release(&out);
}

TEST(test_path__full_disk_is_reported)
{
    CHECK(!path_write_file("/dev/full", "x", 1, &err));
    CHECK_EQ_INT(err.kind, ERROR_IO);
    CHECK_HAS(err.text, "No space left");
}

TEST(test_path__write_truncates)
{
    CHECK_OK(path_write_file(in_folder("f"), "long text", 9, &err), err);
    CHECK_OK(path_write_file(in_folder("f"), "x", 1, &err), err);
    check_file(in_folder("f"), "x");
    CHECK(!path_write_file(in_folder("no/such/folder"), "x", 1, &err));
}

TEST(test_path__replace_leaves_an_equal_file_alone)
{
    struct stat before, after;

    CHECK_OK(path_replace_file(in_folder("f"), "one", 3, &err), err);
    CHECK_EQ_INT(stat(in_folder("f"), &before), 0);
    CHECK_OK(path_replace_file(in_folder("f"), "one", 3, &err), err);
    CHECK_EQ_INT(stat(in_folder("f"), &after), 0);
    CHECK_EQ_UINT(after.st_ino, before.st_ino);
    CHECK_EQ_INT(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
    CHECK_OK(path_replace_file(in_folder("f"), "two", 3, &err), err);
    check_file(in_folder("f"), "two");
    CHECK_OK(path_replace_file(in_folder("f"), "", 0, &err), err);
    check_file(in_folder("f"), "");
    CHECK(access(in_folder("f.part"), F_OK) != 0);
}

TEST(test_path__replace_breaks_a_hard_link_instead_of_writing_through_it)
{
    CHECK_OK(path_write_file(in_folder("f"), "one", 3, &err), err);
    CHECK_EQ_INT(link(in_folder("f"), in_folder("g")), 0);
    CHECK_OK(path_replace_file(in_folder("f"), "two", 3, &err), err);
    check_file(in_folder("g"), "one");
}

TEST(test_path__replace_that_fails_leaves_nothing_beside)
{
    CHECK_OK(path_make_folder(in_folder("f/inner"), 0755, &err), err);
    CHECK(!path_replace_file(in_folder("f"), "x", 1, &err));
    CHECK_HAS(err.text, "cannot rename");
    CHECK(access(in_folder("f.part"), F_OK) != 0);
}

TEST(test_path__what_is_below_a_folder_is_spread_where_the_file_system_can)
{
    const char *const path = in_folder("spread");
    struct statfs system;
    int flags = 0;

    path_spread_below(in_folder("absent")); /* nothing happens */
    CHECK_OK(path_make_folder(path, 0755, &err), err);
    CHECK_EQ_INT(statfs(path, &system), 0);
    path_spread_below(path);
    path_spread_below(path);
    const int folder = open(path, O_RDONLY | O_DIRECTORY);
    if (system.f_type == EXT4_SUPER_MAGIC) {
        CHECK_EQ_INT(ioctl(folder, FS_IOC_GETFLAGS, &flags), 0);
        CHECK((flags & FS_TOPDIR_FL) != 0);
    }
    CHECK_EQ_INT(close(folder), 0);
    CHECK_OK(path_make_folder(in_folder("spread/below"), 0755, &err), err);
}
