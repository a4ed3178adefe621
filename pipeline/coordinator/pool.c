#include "pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "job/message.h"

enum {
    QUEUE = 2,            /* jobs on one worker (facts.md 62) */
    START_FAILURES = 3,   /* in a row, before the pool gives up */
    CONFIGURATION = 2,    /* exit status of a worker: starting again would not help */
    TICK_MS = 250
};

struct worker {
    struct pool *pool;
    struct process *process;
    struct pool_job *queue[QUEUE];
    unsigned count, jobs_done;
    uint64_t began_ms;    /* when the first job of the queue began, or last showed life */
    uint64_t job_began_ms;
    bool extra, greeted, ready, quitting, timed_out;
    struct worker *next;
};

struct pool {
    uv_loop_t *loop;
    struct pool_options options;
    struct pool_callbacks callbacks;
    struct worker *workers;
    uv_timer_t timer;
    struct pool_job *extra_jobs, **extra_last; /* wait for a process of their own */
    uint32_t numbers;
    unsigned regular, alone, start_failures;
    bool stopped, broken, hello_told, in_wake, wake_again, timer_closed;
};

/* -- jobs -------------------------------------------------------------------------------- */

struct pool_job *pool_job_new(enum job_kind kind, struct error *err)
{
    struct pool_job *const job = memory_zeroed(sizeof *job, err);

    if (job != NULL)
        job->job.kind = kind;
    return job;
}

void pool_job_free(struct pool_job *job)
{
    if (job == NULL)
        return;
    job_release(&job->job);
    memory_free(job);
}

static bool post(struct worker *worker, enum message_type type, uint32_t number, const struct buffer *payload,
                 struct error *err)
{
    struct buffer frame = {0};
    const bool ok = message_write(&frame, type, number, payload, err) && process_send(worker->process, &frame, err);

    buffer_release(&frame);
    return ok;
}

static bool send_job(struct worker *worker, struct pool_job *job, struct error *err)
{
    struct buffer payload = {0};

    job->number = ++worker->pool->numbers;
    job->items_done = 0;
    const bool ok = job_write(&job->job, &payload, err) && post(worker, MESSAGE_JOB, job->number, &payload, err);
    buffer_release(&payload);
    if (!ok)
        return false;
    if (job->job.kind == JOB_SERIES)
        job_drop_members(&job->job);
    if (worker->count == 0)
        worker->began_ms = worker->job_began_ms = uv_now(worker->pool->loop);
    worker->queue[worker->count++] = job;
    return true;
}

static void quit(struct worker *worker)
{
    const struct buffer nothing = {0};
    struct error err;

    worker->quitting = true;
    if (!post(worker, MESSAGE_QUIT, 0, &nothing, &err))
        process_kill(worker->process);
}

/* -- what a worker says ------------------------------------------------------------------ */

static void free_slot(struct worker *worker)
{
    worker->count--;
    memmove(&worker->queue[0], &worker->queue[1], sizeof worker->queue - sizeof worker->queue[0]);
    worker->began_ms = worker->job_began_ms = uv_now(worker->pool->loop);
}

static bool take_hello(struct worker *worker, const struct message *message, struct error *err)
{
    struct worker_hello hello = {0};
    struct pool *const pool = worker->pool;

    if (worker->greeted)
        return error_set(err, ERROR_PROTOCOL, "a second hello");
    if (!worker_hello_parse(message->payload, message->size, &hello, err))
        return false;
    worker->greeted = hello.protocol == MESSAGE_VERSION;
    if (!worker->greeted)
        (void)error_set(err, ERROR_PROTOCOL, "the worker speaks protocol %u, expected %d", hello.protocol,
                        MESSAGE_VERSION);
    else if (!pool->hello_told && pool->callbacks.hello != NULL) {
        pool->hello_told = true;
        pool->callbacks.hello(pool->callbacks.client, &hello);
    }
    worker_hello_release(&hello);
    return worker->greeted;
}

static bool take_ready(struct worker *worker, struct error *err)
{
    if (!worker->greeted || worker->ready || worker->count == 0)
        return error_set(err, ERROR_PROTOCOL, "a worker is ready when nobody asked");
    worker->ready = true;
    worker->pool->start_failures = 0;
    return true;
}

static bool take_indexed(struct worker *worker, struct pool_job *job, const struct message *message,
                         struct error *err)
{
    struct index_result result = {0};

    if (job->job.kind != JOB_INDEX)
        return error_set(err, ERROR_PROTOCOL, "an index result for another kind of job");
    if (!index_result_parse(message->payload, message->size, &result, err))
        return false;
    if (result.item != job->items_done || result.item >= job->job.source_count) {
        const uint32_t item = result.item;
        index_result_release(&result);
        return error_set(err, ERROR_PROTOCOL, "item %u of the index, expected %zu", item, job->items_done);
    }
    job->items_done++;
    worker->began_ms = uv_now(worker->pool->loop);
    worker->pool->callbacks.indexed(worker->pool->callbacks.client, job, &result);
    return true;
}

static bool take_member(struct worker *worker, struct pool_job *job, const struct message *message,
                        struct error *err)
{
    struct feed_member member = {0};

    if (job->job.kind != JOB_FEED)
        return error_set(err, ERROR_PROTOCOL, "a member for another kind of job");
    if (!feed_member_parse(message->payload, message->size, &member, err))
        return false;
    if (member.number != job->items_done) {
        const uint32_t number = member.number;
        feed_member_release(&member);
        return error_set(err, ERROR_PROTOCOL, "member %u of an archive, expected %zu", number, job->items_done);
    }
    job->items_done++;
    worker->began_ms = uv_now(worker->pool->loop);
    worker->pool->callbacks.member(worker->pool->callbacks.client, job, &member);
    return true;
}

static bool take_result(struct worker *worker, struct pool_job *job, const struct message *message,
                        struct error *err)
{
    struct job_result result = {0};
    struct pool *const pool = worker->pool;

    if (!job_result_parse(message->payload, message->size, &result, err))
        return false;
    if (result.kind != job->job.kind ||
        (result.kind == JOB_INDEX && result.error == ERROR_NONE && job->items_done != job->job.source_count)) {
        job_result_release(&result);
        return error_set(err, ERROR_PROTOCOL, "a result that does not fit its job");
    }
    free_slot(worker);
    worker->jobs_done++;
    if (worker->extra || (worker->jobs_done >= pool->options.retire_after && worker->count == 0))
        quit(worker);
    pool->callbacks.result(pool->callbacks.client, job, &result);
    pool_wake(pool);
    return true;
}

static bool on_message(void *client, struct process *process, const struct message *message, struct error *err)
{
    struct worker *const worker = client;

    (void)process;
    if (message->type == MESSAGE_HELLO)
        return take_hello(worker, message, err);
    if (message->type == MESSAGE_READY)
        return take_ready(worker, err);
    if (!worker->ready)
        return error_set(err, ERROR_PROTOCOL, "message %d before the worker was ready", (int)message->type);
    struct pool_job *const job = worker->count > 0 ? worker->queue[0] : NULL;
    if (job == NULL || job->number != message->job)
        return error_set(err, ERROR_PROTOCOL, "message %d for job %u, which is not at hand", (int)message->type,
                         message->job);
    switch (message->type) {
    case MESSAGE_INDEXED: return take_indexed(worker, job, message, err);
    case MESSAGE_MEMBER: return take_member(worker, job, message, err);
    case MESSAGE_RESULT: return take_result(worker, job, message, err);
    default: return error_set(err, ERROR_PROTOCOL, "message %d is not for us", (int)message->type);
    }
}

/* -- a worker's end ---------------------------------------------------------------------- */

static void describe_end(const struct worker *worker, const struct process_end *end, struct pool_failure *failure)
{
    const struct error *const protocol = process_protocol_error(worker->process);

    failure->exit_status = (int)end->exit_status;
    failure->signal = end->signal != 0 ? process_signal_name(end->signal) : NULL;
    failure->timed_out = worker->timed_out;
    failure->wall_ms = uv_now(worker->pool->loop) - worker->job_began_ms;
    failure->peak_kib = end->peak_kib;
    failure->output = end->output;
    if (worker->timed_out) {
        failure->kind = ERROR_TIMEOUT;
        (void)snprintf(failure->text, sizeof failure->text, "the worker was stopped after %.1f s",
                       (double)failure->wall_ms / 1000);
    } else if (protocol->kind != ERROR_NONE) {
        failure->kind = ERROR_PROTOCOL;
        (void)snprintf(failure->text, sizeof failure->text, "%s", protocol->text);
    } else if (end->signal != 0) {
        failure->kind = ERROR_CRASHED;
        (void)snprintf(failure->text, sizeof failure->text, "the worker died of %s", failure->signal);
    } else {
        failure->kind = ERROR_CRASHED;
        (void)snprintf(failure->text, sizeof failure->text, "the worker ended with status %d",
                       failure->exit_status);
    }
}

static void unlink_worker(struct worker *worker)
{
    for (struct worker **link = &worker->pool->workers; *link != NULL; link = &(*link)->next)
        if (*link == worker) {
            *link = worker->next;
            break;
        }
    if (!worker->extra)
        worker->pool->regular--;
}

static void break_down(struct pool *pool, const char *what, const struct process_end *end)
{
    struct error err;

    pool->broken = pool->stopped = true;
    (void)error_set(&err, ERROR_IO, "%s \"%s\" (status %d%s%s): %s", what, pool->options.worker,
                    (int)end->exit_status, end->signal != 0 ? ", " : "",
                    end->signal != 0 ? process_signal_name(end->signal) : "", end->output);
    pool->callbacks.broken(pool->callbacks.client, &err);
}

static void on_ended(void *client, struct process *process, const struct process_end *end)
{
    struct worker *const worker = client;
    struct pool *const pool = worker->pool;
    const bool blame = worker->count > 0 && worker->ready;

    (void)process;
    uv_update_time(pool->loop);
    unlink_worker(worker);
    if (worker->extra)
        pool->alone = 0;
    if (blame) {
        struct pool_failure failure;

        describe_end(worker, end, &failure);
        worker->queue[0]->attempts++;
        pool->callbacks.lost(pool->callbacks.client, worker->queue[0], &failure);
    }
    for (unsigned i = blame ? 1 : 0; i < worker->count; i++)
        pool->callbacks.back(pool->callbacks.client, worker->queue[i]);
    if (!worker->ready && !pool->broken && !worker->quitting &&
        (++pool->start_failures >= START_FAILURES || end->exit_status == CONFIGURATION))
        break_down(pool, "cannot use worker", end);
    memory_free(worker);
    pool_wake(pool);
}

/* -- starting ---------------------------------------------------------------------------- */

static struct worker *start_worker(struct pool *pool, bool extra, bool give_stdin, struct error *err)
{
    struct worker *const worker = memory_zeroed(sizeof *worker, err);
    struct buffer payload = {0};
    const struct process_callbacks callbacks = {.client = worker, .message = on_message, .ended = on_ended};

    if (worker == NULL)
        return NULL;
    worker->pool = pool;
    worker->extra = extra;
    if (!process_start(pool->loop, pool->options.worker, give_stdin, &callbacks, &worker->process, err)) {
        memory_free(worker);
        return NULL;
    }
    worker->next = pool->workers;
    pool->workers = worker;
    if (!extra)
        pool->regular++;
    if (!worker_setup_write(pool->options.setup, &payload, err) ||
        !post(worker, MESSAGE_HELLO, 0, &payload, err))
        process_kill(worker->process);
    buffer_release(&payload);
    return worker;
}

static void cannot_start(struct pool *pool, const struct error *err)
{
    pool->broken = pool->stopped = true;
    pool->callbacks.broken(pool->callbacks.client, err);
}

/* Gives the job to the worker; it comes back at once when it cannot even be written. */
static void give(struct worker *worker, struct pool_job *job)
{
    struct error err;
    struct pool *const pool = worker->pool;

    if (send_job(worker, job, &err))
        return;
    const struct pool_failure failure = {.kind = err.kind, .output = ""};
    struct pool_failure told = failure;
    memcpy(told.text, err.text, sizeof told.text);
    job->attempts++;
    pool->callbacks.lost(pool->callbacks.client, job, &told);
}

static void push_extra(struct pool *pool, struct pool_job *job)
{
    job->next = NULL;
    *pool->extra_last = job;
    pool->extra_last = &job->next;
}

static void start_extra(struct pool *pool)
{
    struct error err;

    while (pool->extra_jobs != NULL && !pool->stopped) {
        struct pool_job *const job = pool->extra_jobs;
        const bool is_feed = job->job.kind == JOB_FEED;

        if (!is_feed && pool->alone > 0)
            return;
        pool->extra_jobs = job->next;
        if (pool->extra_jobs == NULL)
            pool->extra_last = &pool->extra_jobs;
        const bool wants_stdin = is_feed && job->job.source_count == 1 && strcmp(job->job.sources[0].path, "-") == 0;
        struct worker *const worker = start_worker(pool, true, wants_stdin, &err);
        if (worker == NULL) {
            pool->callbacks.back(pool->callbacks.client, job);
            cannot_start(pool, &err);
            return;
        }
        if (!is_feed)
            pool->alone = 1;
        give(worker, job);
    }
}

static struct worker *least_busy(struct pool *pool, unsigned below)
{
    struct worker *best = NULL;

    for (struct worker *w = pool->workers; w != NULL; w = w->next)
        if (!w->extra && !w->quitting && w->count < below && (best == NULL || w->count < best->count))
            best = w;
    return best;
}

/* The worker that should have the next job: an idle one, a new one, one with room in its queue; or NULL. */
static bool has_room(struct pool *pool, struct worker **worker)
{
    *worker = least_busy(pool, 1);
    if (*worker != NULL || pool->regular < pool->options.workers)
        return true;
    *worker = least_busy(pool, QUEUE);
    return *worker != NULL && (*worker)->jobs_done + (*worker)->count < pool->options.retire_after;
}

static void fill(struct pool *pool)
{
    struct worker *worker = NULL;
    struct error err;

    start_extra(pool);
    while (!pool->stopped && has_room(pool, &worker)) {
        struct pool_job *const job = pool->callbacks.next(pool->callbacks.client);

        if (job == NULL)
            return;
        job->next = NULL;
        if (job->alone || job->job.kind == JOB_FEED) {
            push_extra(pool, job);
            start_extra(pool);
            continue;
        }
        if (worker == NULL && (worker = start_worker(pool, false, false, &err)) == NULL) {
            pool->callbacks.back(pool->callbacks.client, job);
            cannot_start(pool, &err);
            return;
        }
        give(worker, job);
    }
}

void pool_wake(struct pool *pool)
{
    pool->wake_again = true;
    if (pool->in_wake)
        return;
    pool->in_wake = true;
    while (pool->wake_again) {
        pool->wake_again = false;
        fill(pool);
    }
    pool->in_wake = false;
}

void pool_greet(struct pool *pool)
{
    struct error err;

    if (pool->workers == NULL && !pool->stopped && start_worker(pool, false, false, &err) == NULL)
        cannot_start(pool, &err);
}

void pool_dismiss_idle(struct pool *pool)
{
    for (struct worker *w = pool->workers; w != NULL; w = w->next)
        if (w->greeted && w->count == 0 && !w->quitting)
            quit(w);
}

/* -- time -------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    struct pool *const pool = timer->data;
    const uint64_t now = uv_now(pool->loop);

    for (struct worker *w = pool->workers; w != NULL; w = w->next) {
        const struct pool_job *const job = w->count > 0 ? w->queue[0] : NULL;
        const uint64_t wall = job != NULL && job->wall_ms != 0 ? job->wall_ms : pool->options.wall_ms;

        if (job == NULL || w->timed_out)
            continue;
        process_sample(w->process);
        if (!job->untimed && now - w->began_ms > wall) {
            w->timed_out = true;
            process_kill(w->process);
        }
    }
}

void pool_members_done(struct pool *pool, struct pool_job *job, uint32_t count)
{
    struct buffer payload = {0};
    struct error err;

    for (struct worker *w = pool->workers; w != NULL; w = w->next)
        if (w->count > 0 && w->queue[0] == job) {
            w->began_ms = uv_now(pool->loop);
            if (!buffer_put_u32(&payload, count, &err) ||
                !post(w, MESSAGE_MEMBER_DONE, job->number, &payload, &err))
                process_kill(w->process);
        }
    buffer_release(&payload);
}

/* -- the pool itself --------------------------------------------------------------------- */

bool pool_new(uv_loop_t *loop, const struct pool_options *options, const struct pool_callbacks *callbacks,
              struct pool **pool, struct error *err)
{
    struct pool *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    (void)signal(SIGPIPE, SIG_IGN); /* a write to a dead worker is no reason to die (facts.md 64) */
    made->loop = loop;
    made->options = *options;
    made->callbacks = *callbacks;
    made->extra_last = &made->extra_jobs;
    (void)uv_timer_init(loop, &made->timer);
    made->timer.data = made;
    (void)uv_timer_start(&made->timer, on_tick, TICK_MS, TICK_MS);
    uv_unref((uv_handle_t *)&made->timer);
    *pool = made;
    return true;
}

void pool_stop(struct pool *pool, bool kill)
{
    pool->stopped = true;
    while (pool->extra_jobs != NULL) {
        struct pool_job *const job = pool->extra_jobs;

        pool->extra_jobs = job->next;
        pool->callbacks.back(pool->callbacks.client, job);
    }
    pool->extra_last = &pool->extra_jobs;
    for (struct worker *w = pool->workers; w != NULL; w = w->next) {
        if (kill)
            process_kill(w->process);
        else if (!w->quitting)
            quit(w);
    }
}

bool pool_is_idle(const struct pool *pool)
{
    return pool->workers == NULL;
}

unsigned pool_jobs_out(const struct pool *pool)
{
    unsigned count = 0;

    for (const struct worker *w = pool->workers; w != NULL; w = w->next)
        count += w->count;
    return count;
}

static void on_timer_closed(uv_handle_t *handle)
{
    memory_free(handle->data);
}

void pool_free(struct pool *pool)
{
    if (pool != NULL)
        uv_close((uv_handle_t *)&pool->timer, on_timer_closed);
}

bool pool_find_worker(char path[PATH_SIZE], struct error *err)
{
    static const char *const places[] = {"slicepress-worker", "../libexec/slicepress/slicepress-worker"};
    const char *const named = getenv("SLICEPRESS_WORKER");
    char own[PATH_SIZE];

    if (named != NULL && named[0] != '\0')
        return path_format(path, err, "%s", named);
    const ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length <= 0)
        return error_errno(err, errno, "cannot tell where this program is");
    own[length] = '\0';
    *strrchr(own, '/') = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (!path_join(path, own, places[i], err))
            return false;
        if (access(path, X_OK) == 0)
            return true;
    }
    return error_set(err, ERROR_IO, "cannot find slicepress-worker beside \"%s\" or in ../libexec/slicepress", own);
}
