/* links: base dicom job */
/* fake_worker - a worker that behaves as the name of its source says
 *
 * INDEX and OBJECT of a path with one of these words in its last component:
 *     icrash (dies in INDEX)  crash  hang  exit  nonsense  wrongid  early (answers before it is asked)
 *     once (crashes unless FAKE_WORKER_MARKS/NAME exists, which it makes)
 *     feed (an archive with members 1 to 4, for a FEED job, which does the above when it has told two of them)
 *     feedtwice (the third member comes with the number of the second)
 * All others are objects without an image, of study 1.2.3, series 1.2.3.4, instance 1.2.3.4.N, where N are the digits of
 * the name. It prints a line for each job, as libraries do.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job/job.h"
#include "job/message.h"

enum { CHANNEL = 3, MEMBERS = 4 };

static void send_bytes(const void *data, size_t size)
{
    const char *bytes = data;

    while (size > 0) {
        const ssize_t sent = write(CHANNEL, bytes, size);

        if (sent <= 0)
            exit(1);
        bytes += sent;
        size -= (size_t)sent;
    }
}

static void send_message(enum message_type type, uint32_t job, struct buffer *payload)
{
    struct buffer frame = {0};
    struct error err;

    if (!message_write(&frame, type, job, payload, &err))
        exit(1);
    send_bytes(frame.data, frame.size);
    buffer_release(&frame);
    buffer_release(payload);
}

static void say_hello(void)
{
    char fake[] = "fake", version[] = "fake 1", none[] = "";
    struct option end = {0};
    struct stage_row row = {.name = fake, .summary = fake, .version = 1, .on_by_default = true, .options = &end,
                            .canonical_options = none};
    struct worker_hello hello = {MESSAGE_VERSION, version, 1, &row};
    struct buffer payload = {0};
    struct error err = {0};

    if (!worker_hello_write(&hello, &payload, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    send_message(MESSAGE_HELLO, 0, &payload);
}

static const char *last_part(const char *path)
{
    const char *const slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static void crash_once(const char *name)
{
    char path[4096];
    const char *const marks = getenv("FAKE_WORKER_MARKS");

    snprintf(path, sizeof path, "%s/%s", marks != NULL ? marks : ".", name);
    if (access(path, F_OK) == 0)
        return;
    fclose(fopen(path, "w"));
    abort();
}

static void misbehave(const char *name, bool index)
{
    static const char garbage[] = "\xff\xff\xff\xff garbage";
    struct buffer nothing = {0};

    if (strstr(name, "icrash") != NULL ? index : !index && strstr(name, "crash") != NULL) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer has its own */
        raise(SIGSEGV);
    }
    if (index)
        return;
    if (strstr(name, "once") != NULL)
        crash_once(name);
    if (strstr(name, "hang") != NULL)
        pause();
    if (strstr(name, "exit") != NULL)
        exit(9);
    if (strstr(name, "nonsense") != NULL)
        send_bytes(garbage, sizeof garbage);
    if (strstr(name, "wrongid") != NULL)
        send_message(MESSAGE_RESULT, 4711, &nothing);
}

static void fill_record(const char *name, struct record *record)
{
    char uid[UID_SIZE];
    struct error err;

    snprintf(uid, sizeof uid, "1.2.3.4.%lu", strtoul(name + strcspn(name, "123456789"), NULL, 10));
    if (!record_set(record, RECORD_study_instance_uid, "1.2.3", &err) ||
        !record_set(record, RECORD_series_instance_uid, "1.2.3.4", &err) ||
        !record_set(record, RECORD_sop_instance_uid, uid, &err))
        exit(1);
}

static void answer_index(uint32_t number, const struct job *job)
{
    for (size_t i = 0; i < job->source_count; i++) {
        const char *const path = job->sources[i].path;
        struct index_result result = {.item = (uint32_t)i, .outcome = INDEX_OBJECT, .bytes = 1, .frames = 1};
        struct buffer payload = {0};
        struct error err = {0};

        misbehave(last_part(path), true);
        if (strstr(last_part(path), "feed") != NULL)
            result.outcome = INDEX_FEED;
        else
            fill_record(last_part(path), &result.record);
        result.has_digest = job->want_digest;
        if (!digest_of(path, strlen(path), &result.digest, &err) || !index_result_write(&result, &payload, &err))
            exit(1);
        send_message(MESSAGE_INDEXED, number, &payload);
        index_result_release(&result);
    }
}

static void tell_members(uint32_t number, const char *name)
{
    const bool is_twice = strstr(name, "feedtwice") != NULL;

    for (uint32_t i = 0; i < MEMBERS; i++) {
        char member_name[] = {(char)('1' + i), '\0'}, spool[48];
        const struct feed_member member = {.number = is_twice && i == 2 ? 1 : i, .name = member_name, .spool = spool,
                                           .bytes = 1, .offset = i};
        struct buffer payload = {0};
        struct error err = {0};

        snprintf(spool, sizeof spool, "feed-%u-0", number);
        if (!feed_member_write(&member, &payload, &err))
            exit(1);
        send_message(MESSAGE_MEMBER, number, &payload);
        if (i == 1)
            misbehave(name, false);
    }
}

static void answer(uint32_t number, const struct job *job)
{
    const struct source *const source = job->source_count > 0 ? &job->sources[0] : NULL;
    const char *const path = source == NULL ? "" : source->member_name != NULL ? source->member_name : source->path;
    char none[] = "";
    struct job_result result = {.kind = job->kind, .state = INSTANCE_SKIPPED, .notes = none};
    struct buffer payload = {0};
    struct error err = {0};

    printf("job %u: %s\n", number, path);
    fflush(stdout);
    if (job->kind == JOB_INDEX) {
        answer_index(number, job);
    } else if (job->kind == JOB_FEED) {
        tell_members(number, last_part(path));
        result.members = MEMBERS;
    } else {
        misbehave(last_part(path), false);
        if (!digest_of(path, strlen(path), &result.source_digest, &err) ||
            !error_set(&err, ERROR_NO_IMAGE, "nothing to see"))
            result.error = ERROR_NO_IMAGE;
        snprintf(result.text, sizeof result.text, "nothing to see");
        result.has_record = source != NULL && source->kind == SOURCE_SPOOL;
        if (result.has_record)
            fill_record(last_part(path), &result.record);
    }
    if (!job_result_write(&result, &payload, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    send_message(MESSAGE_RESULT, number, &payload);
    record_release(&result.record);
}

static void say_ready(void)
{
    static bool is_ready;
    struct buffer nothing = {0};

    if (!is_ready)
        send_message(MESSAGE_READY, 0, &nothing);
    is_ready = true;
}

static void take(const struct message *message)
{
    struct job job = {0};
    struct error err = {0};

    if (message->type == MESSAGE_QUIT)
        exit(0);
    if (message->type != MESSAGE_JOB)
        return;
    if (getenv("FAKE_WORKER_UNREADY") != NULL)
        exit(2);
    say_ready();
    if (!job_parse(message->payload, message->size, &job, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    answer(message->job, &job);
    job_release(&job);
}

int main(void)
{
    struct message_parser parser = {0};
    struct message message;
    struct error err = {0};
    char data[4096];
    ssize_t size;

    if (getenv("FAKE_WORKER_BROKEN") != NULL)
        return 2;
    say_hello();
    while ((size = read(CHANNEL, data, sizeof data)) > 0) {
        if (!message_feed(&parser, data, (size_t)size, &err))
            return 1;
        while (message_next(&parser, &message, &err))
            take(&message);
    }
    return 0;
}
