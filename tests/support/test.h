/* test.h - a unit test is a program of TESTs
 *
 *     #include "tests/support/test.h"           (main is in here)
 *     TEST(test_buffer__string_with_nul_is_refused) { CHECK_EQ_INT(1 + 1, 2); }
 *
 * The file's first line is a comment which says what it links: "links: base dicom".
 *
 * Each TEST runs in a child of its own with a time limit, so that a crash or an endless loop is
 * one `not ok`. Checks hold in release builds and print both values. Arguments pick tests by a
 * part of their name; -n runs them in this process, for a debugger.
 */
#ifndef SLICEPRESS_TEST_H
#define SLICEPRESS_TEST_H

#include <ftw.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TEST_SECONDS
#define TEST_SECONDS 60
#endif

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};

static struct test *test_list;
static struct test **test_end = &test_list;

static inline void test_register(struct test *test)
{
    *test_end = test;
    test_end = &test->next;
}

#define TEST(test_name) \
    static void test_name(void); \
    __attribute__((constructor)) static void test_name##_register(void) \
    { \
        static struct test self = {#test_name, test_name, NULL}; \
        test_register(&self); \
    } \
    static void test_name(void)

/* Ends the test: the message goes through the pipe on descriptor 1 of the child. */
#define TEST_FAIL(...) \
    do { \
        printf("%s:%d: ", __FILE__, __LINE__); \
        printf(__VA_ARGS__); \
        printf("\n"); \
        test_stop(1); \
    } while (0)

#define TEST_SKIP(why) \
    do { \
        printf("%s\n", (why)); \
        test_stop(77); \
    } while (0)

__attribute__((noreturn)) static inline void test_stop(int status)
{
    fflush(stdout);
    _exit(status);
}

#define CHECK(condition) \
    do { \
        if (!(condition)) \
            TEST_FAIL("%s is false", #condition); \
    } while (0)

/* For functions with `struct error *err`: prints the text. */
#define CHECK_OK(condition, err) \
    do { \
        if (!(condition)) \
            TEST_FAIL("%s failed: %s", #condition, (err).text); \
    } while (0)

#define CHECK_EQ_INT(found, expected) \
    do { \
        const intmax_t found_ = (intmax_t)(found), expected_ = (intmax_t)(expected); \
        if (found_ != expected_) \
            TEST_FAIL("%s is %" PRIdMAX ", expected %" PRIdMAX, #found, found_, expected_); \
    } while (0)

#define CHECK_EQ_UINT(found, expected) \
    do { \
        const uintmax_t found_ = (uintmax_t)(found), expected_ = (uintmax_t)(expected); \
        if (found_ != expected_) \
            TEST_FAIL("%s is %" PRIuMAX ", expected %" PRIuMAX, #found, found_, expected_); \
    } while (0)

#define CHECK_EQ_STR(found, expected) \
    do { \
        const char *const found_ = (found), *const expected_ = (expected); \
        if (found_ == NULL || expected_ == NULL ? found_ != expected_ \
                                                : strcmp(found_, expected_) != 0) \
            TEST_FAIL("%s is \"%s\", expected \"%s\"", #found, found_ ? found_ : "(null)", \
                      expected_ ? expected_ : "(null)"); \
    } while (0)

/* `found` contains `part`: for error texts. */
#define CHECK_HAS(found, part) \
    do { \
        const char *const found_ = (found), *const part_ = (part); \
        if (found_ == NULL || strstr(found_, part_) == NULL) \
            TEST_FAIL("%s is \"%s\", expected to hold \"%s\"", #found, \
                      found_ ? found_ : "(null)", part_); \
    } while (0)

#define CHECK_EQ_MEM(found, expected, size) \
    do { \
        const unsigned char *const found_ = (const unsigned char *)(found); \
        const unsigned char *const expected_ = (const unsigned char *)(expected); \
        for (size_t i_ = 0; i_ < (size_t)(size); i_++) \
            if (found_[i_] != expected_[i_]) \
                TEST_FAIL("%s[%zu] is 0x%02x, expected 0x%02x", #found, i_, found_[i_], \
                          expected_[i_]); \
    } while (0)

#define CHECK_NEAR(found, expected, tolerance) \
    do { \
        const double found_ = (double)(found), expected_ = (double)(expected); \
        if (!(fabs(found_ - expected_) <= (double)(tolerance))) \
            TEST_FAIL("%s is %.17g, expected %.17g", #found, found_, expected_); \
    } while (0)

/* A folder of this test's own, removed when it ends. */
static inline void test_folder_of(pid_t pid, char path[64])
{
    (void)snprintf(path, 64, "/tmp/slicepress-test-%ld", (long)pid);
}

__attribute__((unused)) static const char *test_folder(void)
{
    static char path[64];

    if (path[0] == '\0') {
        test_folder_of(getpid(), path);
        if (mkdir(path, 0700) != 0)
            TEST_FAIL("cannot make folder %s", path);
    }
    return path;
}

/* The value of an environment variable of tests/run, or skips. */
__attribute__((unused)) static const char *test_environment(const char *name)
{
    const char *const value = getenv(name);

    if (value == NULL || value[0] == '\0')
        TEST_SKIP("no environment: run by tests/run");
    return value;
}

static inline int test_remove_one(const char *path, const struct stat *status, int type,
                                  struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static inline void test_remove_folder(pid_t child)
{
    char path[64];

    test_folder_of(child, path);
    if (access(path, F_OK) == 0)
        (void)nftw(path, test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* What the child printed: its first line becomes the reason, all of it goes to stderr. */
static inline void test_report(const char *name, int status, char *said)
{
    char *const end = strchr(said, '\n');
    const char *rest = end != NULL ? end + 1 : "";

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        printf("ok %s\n", name);
        return;
    }
    if (*rest != '\0')
        fprintf(stderr, "%s:\n%s\n", name, said);
    if (end != NULL)
        *end = '\0';
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        printf("skip %s - %s\n", name, said);
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf("not ok %s - still running after %d s\n", name, TEST_SECONDS);
    else if (WIFSIGNALED(status))
        printf("not ok %s - killed by signal %d (%s) %s\n", name, WTERMSIG(status),
               strsignal(WTERMSIG(status)), said);
    else
        printf("not ok %s - %s\n", name, said[0] != '\0' ? said : "exit without a message");
}

static inline bool test_run_child(const struct test *test)
{
    static char said[65536];
    size_t size = 0;
    int ends[2], status = 0;

    fflush(stdout);
    if (pipe(ends) != 0) {
        printf("not ok %s - no pipe\n", test->name);
        return false;
    }
    const pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[1]);
        (void)alarm(TEST_SECONDS);
        test->run();
        exit(0); /* not _exit: the leak check comes at exit */
    }
    (void)close(ends[1]);
    for (;;) {
        char spill[4096];
        const bool full = size + 1 >= sizeof said;
        const ssize_t n = full ? read(ends[0], spill, sizeof spill)
                               : read(ends[0], said + size, sizeof said - 1 - size);
        if (n <= 0)
            break;
        size += full ? 0 : (size_t)n;
    }
    said[size] = '\0';
    (void)close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child)
        status = 1 << 8;
    test_report(test->name, status, said);
    if (child > 0)
        test_remove_folder(child);
    return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
}

static inline bool test_is_wanted(const char *name, int count, char **arguments)
{
    int words = 0;

    for (int i = 1; i < count; i++) {
        if (arguments[i][0] == '-')
            continue;
        words++;
        if (strstr(name, arguments[i]) != NULL)
            return true;
    }
    return words == 0;
}

int main(int count, char **arguments)
{
    const bool here = count > 1 && strcmp(arguments[1], "-n") == 0;
    bool passed = true;

    for (const struct test *test = test_list; test != NULL; test = test->next) {
        if (!test_is_wanted(test->name, count, arguments))
            continue;
        if (here)
            test->run();
        else
            passed = test_run_child(test) && passed;
    }
    return passed ? 0 : 1;
}

#endif
