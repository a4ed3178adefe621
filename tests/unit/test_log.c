/* links: base */
#include "base/log.h"

#include <fcntl.h>

#include "base/path.h"
#include "tests/support/test.h"

static struct error err;
static int stderr_kept = -1;
static char said_path[PATH_SIZE], json_path[PATH_SIZE];

static void begin(bool quiet, bool verbose, bool json)
{
    CHECK_OK(path_join(said_path, test_folder(), "said", &err), err);
    CHECK_OK(path_join(json_path, test_folder(), "log.json", &err), err);
    const int said = open(said_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    stderr_kept = dup(STDERR_FILENO);
    CHECK(said >= 0 && dup2(said, STDERR_FILENO) == STDERR_FILENO);
    close(said);
    CHECK_OK(log_open(quiet, verbose, json ? json_path : NULL, &err), err);
}

/* Ends the log; what was said, borrowed. */
static const char *end(void)
{
    static struct buffer said;

    CHECK_OK(log_close(&err), err);
    dup2(stderr_kept, STDERR_FILENO);
    close(stderr_kept);
    buffer_clear(&said);
    CHECK_OK(path_read_file(said_path, 100000, &said, &err), err);
    return buffer_text(&said);
}

static void say_all(void)
{
    log_event(LOG_DEBUG, "a", "debugging", NULL);
    log_event(LOG_INFO, "b", "done", NULL);
    log_event(LOG_WARNING, "c", "careful", NULL);
    log_event(LOG_ERROR, "d", "failed", NULL);
    log_event(LOG_ERROR, "e", NULL, "only", "machines", NULL);
}

TEST(test_log__usual_run_says_all_but_debug)
{
    begin(false, false, false);
    say_all();
    CHECK_EQ_STR(end(), "done\nwarning: careful\nerror: failed\n");
}

TEST(test_log__quiet_run_says_warnings_and_errors)
{
    begin(true, false, false);
    say_all();
    CHECK_EQ_STR(end(), "warning: careful\nerror: failed\n");
}

TEST(test_log__verbose_run_says_all)
{
    begin(false, true, false);
    say_all();
    CHECK_EQ_STR(end(), "debug: debugging\ndone\nwarning: careful\nerror: failed\n");
}

TEST(test_log__control_characters_do_not_reach_the_terminal)
{
    begin(false, false, false);
    log_event(LOG_INFO, "x", "name \033[2J\nend \xC3\xA9", NULL);
    CHECK_EQ_STR(end(), "name ?[2J?end \xC3\xA9\n");
}

TEST(test_log__json_lines_hold_the_fields_in_order)
{
    struct buffer text = {0};

    begin(true, false, true);
    log_event(LOG_INFO, "instance_failed", "cannot \"x\"", "source", "a\tb", "reason", NULL, NULL);
    log_event(LOG_DEBUG, "second", NULL, NULL);
    CHECK_EQ_STR(end(), "");
    CHECK_OK(path_read_file(json_path, 10000, &text, &err), err);
    CHECK_HAS(buffer_text(&text), "{\"time\":\"20");
    CHECK_HAS(buffer_text(&text), "Z\",\"level\":\"info\",\"event\":\"instance_failed\",\"text\":"
                                  "\"cannot \\\"x\\\"\",\"source\":\"a\\tb\",\"reason\":null}\n");
    CHECK_HAS(buffer_text(&text), "Z\",\"level\":\"debug\",\"event\":\"second\"}\n");
    buffer_release(&text);
}

TEST(test_log__second_run_appends_to_the_file)
{
    struct buffer text = {0};

    for (int run = 0; run < 2; run++) {
        begin(true, false, true);
        log_event(LOG_INFO, "x", NULL, NULL);
        (void)end();
    }
    CHECK_OK(path_read_file(json_path, 10000, &text, &err), err);
    const char *const second = strchr(buffer_text(&text), '\n');
    CHECK(second != NULL && second[1] == '{');
    buffer_release(&text);
}

TEST(test_log__full_disk_is_reported_at_the_end)
{
    CHECK_OK(log_open(true, false, "/dev/full", &err), err);
    log_event(LOG_INFO, "x", NULL, NULL);
    log_event(LOG_INFO, "x", NULL, NULL);
    CHECK(!log_close(&err));
    CHECK_HAS(err.text, "No space left");
}

TEST(test_log__file_that_cannot_be_opened_is_an_error)
{
    CHECK(!log_open(true, false, "/no/such/folder/log", &err));
    CHECK_HAS(err.text, "cannot open log");
}

static void count_call(void *client)
{
    ++*(int *)client;
}

TEST(test_log__before_line_is_called_once_a_line)
{
    int calls = 0;

    begin(false, false, true);
    log_before_line(count_call, &calls);
    say_all();
    log_before_line(NULL, NULL);
    (void)end();
    CHECK_EQ_INT(calls, 3);
}
