/* pool.h - workers, and the jobs they are given
 *
 * The pool pulls: whenever a worker could take another job it asks `next`. Two jobs are queued on a worker, so
 * that it never waits for us. A worker is started only when there is a job for it (or by pool_greet), and is told to go
 * after `retire_after` jobs. FEED jobs and jobs marked `alone` get a process of their own beside the others.
 *
 * A job is the client's again in exactly one of these calls:
 *     result   the worker answered
 *     lost     the worker died of it, took too long or sent nonsense while it was the job at hand
 *     back     it had not begun when its worker died (or the pool was stopped)
 * INDEX and FEED jobs tell more before that: indexed, member. Every message was parsed and checked against the
 * job; a worker that sends anything else is killed.
 *
 *     struct pool *pool = NULL;
 *     pool_new(loop, &options, &callbacks, &pool, err);
 *     pool_wake(pool);                      something may be there for `next`
 *     uv_run(loop, UV_RUN_DEFAULT);         ends when no process is left and nothing else is active
 *     pool_stop(pool, false);               no more jobs; workers end after those they have (true: killed now)
 *     pool_free(pool);                      when pool_is_idle and the loop has run out
 */
#ifndef SLICEPRESS_COORDINATOR_POOL_H
#define SLICEPRESS_COORDINATOR_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/error.h"
#include "coordinator/process.h"
#include "job/job.h"

struct pool;

struct pool_job {
    struct job job;      /* contents owned: pool_job_free */
    bool alone;          /* on a fresh worker, with no other job beside it */
    bool untimed;        /* waits for a stream */
    uint64_t wall_ms;    /* 0: the pool's */
    unsigned attempts;   /* how often it was lost */
    void *owner;         /* the client's */
    struct pool_job *next; /* the client's, and the pool's while it has the job */
    uint32_t number;     /* the pool's: id in messages */
    size_t items_done;   /* INDEX: results so far, FEED: members so far; in order */
};

struct pool_failure {
    enum error_kind kind; /* CRASHED, TIMEOUT, PROTOCOL */
    char text[240];
    int exit_status;
    const char *signal;   /* name, or NULL */
    bool timed_out;
    uint64_t wall_ms, peak_kib;
    const char *output;   /* borrowed for the call */
};

struct pool_options {
    const char *worker;   /* path of the program */
    const struct worker_setup *setup; /* borrowed; must outlive the pool */
    unsigned workers;
    uint64_t wall_ms;
    unsigned retire_after;
};

struct pool_callbacks {
    void *client;
    struct pool_job *(*next)(void *client); /* NULL: nothing now */
    void (*hello)(void *client, const struct worker_hello *hello); /* of the first worker; may be NULL */
    /* `result` and `member` are the callee's to release. */
    void (*indexed)(void *client, struct pool_job *job, struct index_result *result);
    void (*member)(void *client, struct pool_job *job, struct feed_member *member);
    void (*result)(void *client, struct pool_job *job, struct job_result *result);
    /* Members of a SERIES job are dropped when it has been sent (thousands of slices take megabytes): a job that is lost
     * or comes back has to be made anew. */
    void (*lost)(void *client, struct pool_job *job, const struct pool_failure *failure);
    void (*back)(void *client, struct pool_job *job);
    void (*broken)(void *client, const struct error *err); /* workers cannot be started at all */
};

bool pool_new(uv_loop_t *loop, const struct pool_options *options, const struct pool_callbacks *callbacks,
              struct pool **pool, struct error *err);
void pool_wake(struct pool *pool);
/* FEED: `count` members are free again. */
void pool_members_done(struct pool *pool, struct pool_job *job, uint32_t count);
void pool_stop(struct pool *pool, bool kill);
bool pool_is_idle(const struct pool *pool); /* no process left */
unsigned pool_jobs_out(const struct pool *pool);
/* Starts a worker without a job, so that `hello` is called. */
void pool_greet(struct pool *pool);
/* Workers without a job go; another one is started when there is a job again. */
void pool_dismiss_idle(struct pool *pool);
void pool_free(struct pool *pool);

struct pool_job *pool_job_new(enum job_kind kind, struct error *err);
void pool_job_free(struct pool_job *job);

/* SLICEPRESS_WORKER, beside the running program, or ../libexec/slicepress/. */
bool pool_find_worker(char path[PATH_SIZE], struct error *err);

#endif
