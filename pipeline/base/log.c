#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buffer.h"
#include "json.h"

static const char *const level_words[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_NOTICE] = "notice",
    [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};

/* One log a process; the lock keeps lines of libuv's threads apart. */
static struct {
    pthread_mutex_t lock;
    bool quiet, verbose, failed;
    int json; /* descriptor, or -1 */
    struct error err;
    void (*before_line)(void *client);
    void *client;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .json = -1};

bool log_open(bool quiet, bool verbose, const char *json_path, struct error *err)
{
    int json = -1;

    if (json_path != NULL) {
        json = open(json_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (json < 0)
            return error_errno(err, errno, "cannot open log \"%s\"", json_path);
    }
    (void)pthread_mutex_lock(&state.lock);
    if (state.json >= 0)
        (void)close(state.json);
    state.quiet = quiet;
    state.verbose = verbose;
    state.failed = false;
    state.json = json;
    (void)pthread_mutex_unlock(&state.lock);
    return true;
}

void log_before_line(void (*before_line)(void *client), void *client)
{
    (void)pthread_mutex_lock(&state.lock);
    state.before_line = before_line;
    state.client = client;
    (void)pthread_mutex_unlock(&state.lock);
}

static bool write_line(int descriptor, const struct buffer *line, struct error *err)
{
    for (size_t done = 0; done < line->size;) {
        const ssize_t n = write(descriptor, line->data + done, line->size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, errno, "cannot write the log");
        done += (size_t)n;
    }
    return true;
}

/* Names come from hostile files: no control character of theirs reaches a terminal. */
static void mask_controls(struct buffer *line)
{
    for (size_t i = 0; i < line->size; i++)
        if (line->data[i] < 0x20 || line->data[i] == 0x7F)
            line->data[i] = '?';
}

static void write_for_people(enum log_level level, const char *text)
{
    struct buffer line = {0};
    struct error ignored; /* there is nobody left to tell */
    bool ok = true;

    if (level != LOG_INFO && level != LOG_NOTICE)
        ok = buffer_printf(&line, &ignored, "%s: ", level_words[level]);
    ok = ok && buffer_puts(&line, text, &ignored);
    if (ok)
        mask_controls(&line);
    if (ok && buffer_puts(&line, "\n", &ignored)) {
        if (state.before_line != NULL)
            state.before_line(state.client);
        (void)write_line(STDERR_FILENO, &line, &ignored);
    }
    buffer_release(&line);
}

static void put_time(struct json *j)
{
    struct timespec now = {0};
    struct tm parts = {0};
    char date[32], text[64];

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text, sizeof text, "%s.%03ldZ", date, now.tv_nsec / 1000000);
    json_member_text(j, "time", text);
}

static bool write_for_machines(enum log_level level, const char *event, const char *text,
                               va_list fields, struct error *err)
{
    struct buffer line = {0};
    struct json j;
    const char *key;

    json_begin(&j, &line);
    json_open_object(&j);
    put_time(&j);
    json_member_text(&j, "level", level_words[level]);
    json_member_text(&j, "event", event);
    json_member_text(&j, "text", text);
    while ((key = va_arg(fields, const char *)) != NULL) {
        json_key(&j, key);
        json_put_string(&j, va_arg(fields, const char *));
    }
    json_close(&j);
    const bool ok = json_finish(&j, err) && buffer_puts(&line, "\n", err) &&
                    write_line(state.json, &line, err);
    buffer_release(&line);
    return ok;
}

static bool is_for_people(enum log_level level)
{
    return level >= LOG_NOTICE || (level == LOG_INFO && !state.quiet) ||
           (level == LOG_DEBUG && state.verbose && !state.quiet);
}

void log_event(enum log_level level, const char *event, const char *text, ...)
{
    va_list fields;

    va_start(fields, text);
    (void)pthread_mutex_lock(&state.lock);
    if (text != NULL && is_for_people(level))
        write_for_people(level, text);
    if (state.json >= 0 && !state.failed)
        state.failed = !write_for_machines(level, event, text, fields, &state.err);
    (void)pthread_mutex_unlock(&state.lock);
    va_end(fields);
}

bool log_close(struct error *err)
{
    bool ok;

    (void)pthread_mutex_lock(&state.lock);
    ok = !state.failed;
    if (!ok)
        *err = state.err;
    if (state.json >= 0 && close(state.json) != 0 && ok)
        ok = error_errno(err, errno, "cannot close the log");
    state.json = -1;
    state.failed = false;
    (void)pthread_mutex_unlock(&state.lock);
    return ok;
}
