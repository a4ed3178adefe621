/* slicepress-worker: opens hostile files for slicepress, which starts it and speaks to it over descriptor 3. Standard
 * output and error carry nothing but what libraries print. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "worker/sandbox.h"
#include "worker/versions.h"
#include "worker/worker.h"

/* CONFIGURATION: starting again would end the same way. */
enum { EXIT_DONE = 0, EXIT_CHANNEL = 1, EXIT_CONFIGURATION = 2 };

/* Frames of half a megabyte come and go all the time: they stay in the heap instead of being mapped and cleared each
 * time. Two arenas, because each one takes 64 MB of the address space that RLIMIT_AS counts. */
enum { MMAP_FROM = 32 << 20, TRIM_FROM = 64 << 20, ARENAS = 2 };

static void tune_heap(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
    (void)mallopt(M_TRIM_THRESHOLD, TRIM_FROM);
    (void)mallopt(M_ARENA_MAX, ARENAS);
}

/* -- what jobs share ------------------------------------------------------------------------ */

bool job_fault(struct job_result *result, const struct error *err)
{
    result->error = err->kind;
    memcpy(result->text, err->text, sizeof result->text);
    return true;
}

bool worker_digest(struct worker *worker, const struct bytes *bytes, struct digest *digest, struct error *err)
{
    if (bytes->memory == NULL)
        return digest_of_bytes(bytes, digest, err);
    return digest_add(worker->digest, bytes->memory, (size_t)bytes->size, err) &&
           digest_end(worker->digest, digest, err);
}

static bool make_temporary(void *client, int *descriptor, struct error *err)
{
    const struct worker *const worker = client;

    return spool_temporary(worker->spool, descriptor, err);
}

struct spool_maker worker_spool_maker(struct worker *worker)
{
    return (struct spool_maker){.make = make_temporary, .client = worker};
}

/* -- beginning ------------------------------------------------------------------------------ */

static bool receive_setup(struct worker *worker, struct error *err)
{
    struct message message;

    if (!channel_next(&worker->channel, &message, err))
        return err->kind == ERROR_NONE ? error_set(err, ERROR_PROTOCOL, "the coordinator said nothing") : false;
    if (message.type != MESSAGE_HELLO)
        return error_set(err, ERROR_PROTOCOL, "expected a hello, found message %d", (int)message.type);
    return worker_setup_parse(message.payload, message.size, &worker->setup, err);
}

static bool name_folders(struct worker *worker, struct error *err)
{
    return path_join(worker->work, worker->setup.site, "work", err) &&
           path_join(worker->public, worker->setup.site, "public", err) &&
           path_join(worker->staging, worker->work, "staging", err) &&
           path_join(worker->spool, worker->work, "spool", err);
}

static bool enter_sandbox(const struct worker *worker, struct error *err)
{
    const struct sandbox sandbox = {.memory_bytes = worker->setup.memory_bytes,
                                    .file_bytes = worker->setup.file_bytes,
                                    .writable = {worker->staging, worker->spool, NULL}};

    return sandbox_enter(&sandbox, err);
}

static bool make_tools(struct worker *worker, struct error *err)
{
    return sources_new(worker->spool, &worker->sources, err) && studio_new(&worker->studio, err) &&
           digest_new(&worker->digest, err) && keep_packer_new(&worker->packer, err) &&
           stage_options_new(worker->setup.settings, worker->setup.setting_count, &worker->options, err);
}

static bool say_hello(struct worker *worker, struct error *err)
{
    struct worker_hello hello = {.protocol = MESSAGE_VERSION};
    struct buffer libraries = {0};
    bool ok = versions_append(&libraries, err) && stage_options_tell(worker->options, &hello, err);

    hello.libraries = ok ? memory_string(buffer_text(&libraries), err) : NULL;
    ok = ok && hello.libraries != NULL && worker_hello_write(&hello, &worker->payload, err) &&
         channel_send(&worker->channel, MESSAGE_HELLO, 0, &worker->payload, err);
    worker_hello_release(&hello);
    buffer_release(&libraries);
    return ok;
}

static bool begin(struct worker *worker, struct error *err)
{
    return receive_setup(worker, err) && name_folders(worker, err) && make_tools(worker, err) && say_hello(worker, err);
}

/* When there is a job, and before it is read: a worker that was only asked for its stages leaves no trace. */
static bool get_ready(struct worker *worker, struct error *err)
{
    if (worker->is_ready)
        return true;
    buffer_clear(&worker->payload);
    worker->is_ready = path_make_folder(worker->staging, 0755, err) && path_make_folder(worker->spool, 0755, err) &&
                       enter_sandbox(worker, err) &&
                       channel_send(&worker->channel, MESSAGE_READY, 0, &worker->payload, err);
    return worker->is_ready;
}

static void end(struct worker *worker)
{
    stage_options_free(worker->options);
    digest_free(worker->digest);
    keep_packer_free(worker->packer);
    studio_free(worker->studio);
    sources_free(worker->sources);
    worker_setup_release(&worker->setup);
    buffer_release(&worker->payload);
    channel_release(&worker->channel);
}

/* -- jobs ----------------------------------------------------------------------------------- */

static bool run_job(struct worker *worker, uint32_t number, struct job *job, struct job_result *result,
                    struct error *err)
{
    switch (job->kind) {
    case JOB_INDEX:
        return worker_index(worker, number, job, result, err);
    case JOB_OBJECT:
        return worker_object(worker, job, result, err);
    case JOB_RENDER:
        return worker_render(worker, job, result, err);
    case JOB_FEED:
        return worker_feed(worker, number, job, result, err);
    case JOB_SERIES:
        return worker_series(worker, job, result, err);
    case JOB_VERIFY:
        return worker_verify(worker, job, result, err);
    }
    return error_set(err, ERROR_PROTOCOL, "a job of kind %d", (int)job->kind);
}

static bool send_result(struct worker *worker, uint32_t number, struct job_result *result, struct error *err)
{
    buffer_clear(&worker->payload);
    return job_result_write(result, &worker->payload, err) &&
           channel_send(&worker->channel, MESSAGE_RESULT, number, &worker->payload, err);
}

static bool do_job(struct worker *worker, const struct message *message, struct error *err)
{
    const uint32_t number = message->job;
    struct job job = {0};
    struct job_result result = {0};

    if (!job_parse(message->payload, message->size, &job, err))
        return false;
    message_parser_trim(&worker->channel.parser);
    result.kind = job.kind;
    const bool ok = sandbox_allow_cpu(worker->setup.cpu_seconds, err) &&
                    run_job(worker, number, &job, &result, err) && send_result(worker, number, &result, err) &&
                    studio_tidy(worker->studio, err);
    job_result_release(&result);
    job_release(&job);
    return ok;
}

/* False: something is wrong with the channel or with us. */
static bool do_jobs(struct worker *worker, struct error *err)
{
    struct message message;

    while (channel_next(&worker->channel, &message, err)) {
        if (message.type == MESSAGE_QUIT)
            return true;
        if (message.type == MESSAGE_MEMBER_DONE) /* of a feed that has ended meanwhile */
            continue;
        if (message.type != MESSAGE_JOB)
            return error_set(err, ERROR_PROTOCOL, "expected a job, found message %d", (int)message.type);
        if (!get_ready(worker, err))
            return false;
        if (!do_job(worker, &message, err))
            return err->kind == ERROR_NONE;
    }
    return err->kind == ERROR_NONE;
}

static int fail(int status, const struct error *err)
{
    fprintf(stderr, "slicepress-worker: %s\n", err->text);
    return status;
}

static bool is_socket(int descriptor)
{
    int type = 0;
    socklen_t size = sizeof type;

    return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
}

int main(int count, char **arguments)
{
    static struct worker worker = {.channel = {.descriptor = CHANNEL_DESCRIPTOR}};
    struct error err = {0};

    if (count == 2 && strcmp(arguments[1], "--version") == 0) {
        struct buffer line = {0};

        (void)versions_append(&line, &err);
        (void)puts(buffer_text(&line));
        buffer_release(&line);
        return EXIT_DONE;
    }
    if (!is_socket(CHANNEL_DESCRIPTOR)) {
        (void)error_set(&err, ERROR_USAGE, "started by slicepress only: descriptor 3 is no socket");
        return fail(EXIT_CONFIGURATION, &err);
    }
    tune_heap();
    (void)setenv("TZ", "UTC0", 1); /* libzip makes times of dates: without it each one asks for /etc/localtime */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file too large is an error of that write */
    if (!begin(&worker, &err)) {
        end(&worker);
        return fail(EXIT_CONFIGURATION, &err);
    }
    const bool ok = do_jobs(&worker, &err);
    end(&worker);
    return ok ? EXIT_DONE : fail(worker.is_ready ? EXIT_CHANNEL : EXIT_CONFIGURATION, &err);
}
