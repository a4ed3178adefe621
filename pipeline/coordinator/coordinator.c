#include "coordinator/coordinator.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "coordinator/catalogue_run.h"
#include "coordinator/coordinator_private.h"
#include "coordinator/failpoint.h"
#include "coordinator/public_catalogue.h"

enum {
    TICK_MS = 50,
    GRACE_MS = 5000, /* after a signal, for jobs that are running */
    RETIRE_AFTER = 2000
};

/* -- small things ------------------------------------------------------------------------ */

/* The first failure ends the run: nothing more is sent, and what runs is stopped. */
void coordinator_fail(struct coordinator *c, const struct error *err)
{
    if (c->err.kind == ERROR_NONE)
        c->err = *err;
    if (c->pool != NULL)
        pool_stop(c->pool, true);
}

bool coordinator_is_failed(const struct coordinator *c)
{
    return c->err.kind != ERROR_NONE;
}

bool coordinator_begin_run(struct coordinator *c, struct error *err)
{
    return c->run_id != 0 ||
           (coordinator_count_duplicates(c, &c->duplicates_before, err) &&
            run_insert(c->catalogue, c->settings->arguments, c->table.libraries, &c->run_id, err));
}

bool coordinator_count_duplicates(struct coordinator *c, int64_t *count, struct error *err)
{
    return catalogue_number(c->catalogue, "SELECT count(*) FROM rejected WHERE reason = 'duplicate'", NO_VALUES, 0, count,
                            err);
}

/* Names differ from those of all other runs, so that a worker of a killed run that still writes does no harm. */
bool coordinator_new_name(struct coordinator *c, char name[48], struct error *err)
{
    if ((size_t)snprintf(name, 48, "%s-%llu", c->token, (unsigned long long)++c->names) < 48)
        return true;
    return error_set(err, ERROR_LIMIT, "too many jobs");
}

/* -- the pool's callbacks ---------------------------------------------------------------- */

static struct pool_job *next_of_phase(struct coordinator *c)
{
    switch (c->phase) {
    case PHASE_INDEX:
    case PHASE_DIGEST: return index_next(c);
    case PHASE_FEED: return feed_next(c);
    case PHASE_OBJECT: return object_next(c);
    case PHASE_VERIFY: return verify_next(c);
    case PHASE_FINISH:
    case PHASE_OVER: break;
    }
    return NULL;
}

static struct pool_job *on_next(void *client)
{
    struct coordinator *const c = client;

    struct pool_job *const job = c->stopping || coordinator_is_failed(c) ? NULL : next_of_phase(c);
    struct error err = {0};

    if (job == NULL || equip_job(c, job, &err))
        return job;
    coordinator_fail(c, &err);
    job_discard(job);
    return NULL;
}

static void on_indexed(void *client, struct pool_job *job, struct index_result *result)
{
    index_take(client, job, result);
}

static void on_member(void *client, struct pool_job *job, struct feed_member *member)
{
    feed_member(client, job, member);
}

static void on_result(void *client, struct pool_job *job, struct job_result *result)
{
    struct coordinator *const c = client;
    const struct errand *const errand = job->owner;
    struct error err = {0};

    switch (job->job.kind) {
    case JOB_INDEX:
        index_over(c, job, result);
        job_result_release(result);
        break;
    case JOB_FEED:
        feed_result(c, job, result);
        break;
    case JOB_VERIFY:
        verify_result(c, job, result);
        break;
    case JOB_OBJECT:
    case JOB_RENDER:
    case JOB_SERIES:
        equip_result(c, job, result);
        if (errand->feed == NULL) {
            object_result(c, job, result);
            break;
        }
        c->counts.read_bytes += errand->bytes;
        c->progress.bytes += errand->bytes;
        c->progress.done++;
        if (!feed_object_result(c, job, result, &err))
            coordinator_fail(c, &err);
        equip_leave(c, job);
        job_discard(job);
        break;
    }
}

static void member_lost(struct coordinator *c, struct pool_job *job, const struct pool_failure *failure)
{
    struct job_result result = {.kind = JOB_OBJECT, .not_an_object = true, .error = failure->kind};
    struct errand *const errand = job->owner;
    struct error err = {0};
    bool ok = coordinator_begin_run(c, &err) &&
              attempt_insert(c->catalogue, c->run_id, JOB_OBJECT, errand->feed->name, errand->member, 0, failure, &err);

    if (ok && failure->kind != ERROR_PROTOCOL && job->attempts < 2) {
        job->alone = true;
        job_queue_push(&c->again, job);
        return;
    }
    (void)snprintf(result.text, sizeof result.text, "%s", failure->text);
    c->progress.done++;
    c->counts.failed++;
    ok = feed_object_result(c, job, &result, &err) && ok;
    if (!ok)
        coordinator_fail(c, &err);
    job_discard(job);
}

static void on_lost(void *client, struct pool_job *job, const struct pool_failure *failure)
{
    struct coordinator *const c = client;
    const struct errand *const errand = job->owner;

    if (c->stopping || coordinator_is_failed(c)) { /* killed by us: it had no time */
        job_discard(job);
        return;
    }
    equip_lost(c, job);
    log_event(LOG_DEBUG, "worker_lost", failure->text, "output", failure->output, NULL);
    if (job->job.kind == JOB_INDEX)
        index_lost(c, job, failure);
    else if (job->job.kind == JOB_FEED)
        feed_lost(c, job, failure);
    else if (job->job.kind == JOB_VERIFY)
        verify_lost(c, job, failure);
    else if (errand->feed != NULL)
        member_lost(c, job, failure);
    else
        object_lost(c, job, failure);
}

static void on_back(void *client, struct pool_job *job)
{
    struct coordinator *const c = client;

    if (c->stopping || coordinator_is_failed(c)) {
        job_discard(job);
    } else if (job->job.kind == JOB_SERIES) {
        equip_lost(c, job);
        volume_make_again(c, job);
    } else {
        job_queue_push_front(&c->again, job);
    }
}

static void on_broken(void *client, const struct error *err)
{
    coordinator_fail(client, err);
}
/* -- phases ------------------------------------------------------------------------------ */

static bool count_pending(struct coordinator *c, struct error *err)
{
    int64_t count = 0;

    if (!catalogue_number(c->catalogue,
                          "SELECT count(*) FROM instance WHERE state = 'pending' AND state IN ('pending', 'running')",
                          NO_VALUES, 0, &count, err))
        return false;
    c->progress.total = c->progress.done + (uint64_t)count;
    return true;
}

static bool add_stdin(struct coordinator *c, struct error *err)
{
    for (size_t i = 0; i < c->settings->input_count && !c->fed; i++)
        if (strcmp(c->settings->inputs[i], "-") == 0) {
            char dash[] = "-";
            const struct feed like = {.source = {.kind = SOURCE_FILE, .path = dash}, .name = dash, .order = dash};

            c->fed = true;
            return feed_add(c, &like, err);
        }
    return true;
}

static bool add_stale_joins(struct coordinator *c, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(c->catalogue,
                               "SELECT study_instance_uid FROM study WHERE state = 'pending' AND NOT EXISTS"
                               " (SELECT 1 FROM series s WHERE s.study_instance_uid = study.study_instance_uid"
                               " AND s.state = 'pending') ORDER BY study_instance_uid",
                               NO_VALUES, &cursor, err);

    while (ok && cursor_next(cursor))
        ok = coordinator_begin_run(c, err) && series_add_join(c, cursor_text(cursor, 0), err);
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

static bool decide_again(struct coordinator *c, struct error *err)
{
    struct leftovers leftovers = {0};
    bool changed = false, ok = publish_decide_again(&c->publisher, DECIDE_LOOK, &leftovers, &changed, err);

    if (ok && changed)
        ok = coordinator_begin_run(c, err) &&
             publish_decide_again(&c->publisher, DECIDE_DEMOTE, &leftovers, &changed, err) &&
             publish_decide_again(&c->publisher, DECIDE_PROMOTE, &leftovers, &changed, err) &&
             leftovers_remove(&leftovers, c->root, err);
    leftovers_release(&leftovers);
    return ok;
}

static bool begin_objects(struct coordinator *c, struct error *err)
{
    int64_t pending = 0;

    c->phase = PHASE_OBJECT;
    c->progress.phase = "converting";
    return decide_again(c, err) && coordinator_mark_outdated(c, err) && count_pending(c, err) && add_stale_joins(c, err) &&
           catalogue_number(c->catalogue,
                            "SELECT 1 WHERE EXISTS (SELECT 1 FROM series WHERE state = 'pending')"
                            " OR NOT EXISTS (SELECT 1 FROM run)", /* a new site gets its lists, empty or not */
                            NO_VALUES, 0, &pending, err) &&
           (pending == 0 || coordinator_begin_run(c, err));
}

static bool finish_work(void *data, struct error *err)
{
    struct coordinator *const c = data;
    bool after_removal = false;

    return site_apply(c->site, site_finish, "", err) && run_is_after_removal(c->catalogue, &after_removal, err) &&
           (!after_removal || public_catalogue_remove_former(c->catalogue, c->root, err));
}

/* What feeds have offered again is read before the objects are made. */
static bool end_feeds(struct coordinator *c, struct error *err)
{
    bool again = false;

    if (!index_end_feeds(c, &again, err))
        return false;
    if (!again)
        return begin_objects(c, err);
    c->phase = PHASE_INDEX;
    c->progress.phase = "indexing";
    return true;
}

static void after_finish(void *data, bool ok, const struct error *err)
{
    struct coordinator *const c = data;

    if (!ok)
        coordinator_fail(c, err);
    c->phase = PHASE_OVER;
}

/* Goes on to the next phase when this one has nothing left; true if it did. */
static bool advance_phase(struct coordinator *c, struct error *err, bool *ok)
{
    *ok = true;
    switch (c->phase) {
    case PHASE_INDEX:
        if (!index_is_over(c))
            return false;
        c->phase = PHASE_DIGEST;
        *ok = index_commit(c, err) && index_folders(c, err) && index_find_twins(c, err);
        return true;
    case PHASE_DIGEST:
        if (!index_is_over(c))
            return false;
        *ok = index_commit(c, err) && count_pending(c, err) && add_stdin(c, err);
        c->phase = c->settings->dry_run ? PHASE_OVER : PHASE_FEED;
        c->progress.phase = "converting";
        c->progress.done = 0;
        c->progress.began_ms = progress_clock_ms();
        return true;
    case PHASE_FEED:
        if (!feeds_are_over(c) || c->again.count > 0 || c->ready.count > 0 || pool_jobs_out(c->pool) > 0 ||
            c->batch.count > 0 || c->is_publishing)
            return false;
        *ok = end_feeds(c, err);
        return true;
    case PHASE_OBJECT:
        if (!series_all_over(c) || c->again.count > 0 || c->ready.count > 0 || pool_jobs_out(c->pool) > 0 ||
            c->batch.count > 0 || c->is_publishing || !tasks_are_idle(c->tasks))
            return false;
        c->phase = c->run_id != 0 ? PHASE_FINISH : PHASE_OVER;
        return true;
    case PHASE_FINISH:
        if (!c->finish_added) {
            c->finish_added = true;
            FAILPOINT("run:before-finish");
            *ok = task_add(c->tasks, finish_work, after_finish, c, err);
        }
        return false;
    case PHASE_VERIFY:
        if (!verify_is_over(c))
            return false;
        c->phase = PHASE_OVER;
        return true;
    case PHASE_OVER: break;
    }
    return false;
}

/* After every event: everything that has become possible is started. */
static void advance(struct coordinator *c)
{
    struct error err = {0};
    bool ok = true;

    if (coordinator_is_failed(c))
        return;
    object_flush_if_due(c);
    if (c->stopping)
        return;
    do {
        series_advance(c);
        series_join_if_due(c);
        pool_wake(c->pool);
        object_flush_if_due(c);
    } while (!coordinator_is_failed(c) && advance_phase(c, &err, &ok) && ok);
    if (!ok)
        coordinator_fail(c, &err);
}

/* A stopped or failed run is over when nothing is under way. */
static bool is_over(struct coordinator *c)
{
    if (c->phase == PHASE_OVER)
        return true;
    if (!c->stopping && !coordinator_is_failed(c))
        return false;
    const bool batch_waits = c->batch.count > 0 && !coordinator_is_failed(c);
    return pool_is_idle(c->pool) && tasks_are_idle(c->tasks) && !batch_waits;
}
/* -- signals, ticks ---------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct coordinator *const c = handle->data;

    (void)number;
    if (c->stopping) {
        pool_stop(c->pool, true);
        return;
    }
    c->stopping = true;
    c->stop_ms = uv_now(&c->loop);
    pool_stop(c->pool, false);
}

static void on_tick(uv_timer_t *timer)
{
    struct coordinator *const c = timer->data;

    progress_update(&c->progress);
    if (c->stopping && !c->killed && uv_now(&c->loop) - c->stop_ms > GRACE_MS) {
        c->killed = true;
        pool_stop(c->pool, true);
    }
}

static void on_hello(void *client, const struct worker_hello *hello)
{
    struct coordinator *const c = client;
    struct error err;

    if (!worker_hello_write(hello, &c->hello, &err))
        coordinator_fail(c, &err);
}

bool coordinator_make_pool(struct coordinator *c, struct error *err)
{
    const struct pool_options options = {.worker = c->worker, .setup = &c->setup,
                                         .workers = (unsigned)c->settings->jobs, .wall_ms = coordinator_wall_ms(),
                                         .retire_after = RETIRE_AFTER};
    const struct pool_callbacks callbacks = {.client = c, .next = on_next, .hello = on_hello, .indexed = on_indexed,
                                             .member = on_member, .result = on_result, .lost = on_lost,
                                             .back = on_back, .broken = on_broken};

    if (uv_loop_init(&c->loop) != 0)
        return error_set(err, ERROR_NOMEM, "cannot make an event loop");
    c->loop_made = true;
    return pool_new(&c->loop, &options, &callbacks, &c->pool, err);
}

/* It stays: it is the pool's first. */
bool coordinator_ask(void *client, struct buffer *hello, struct error *err)
{
    struct coordinator *const c = client;

    pool_greet(c->pool);
    while (c->hello.size == 0 && !coordinator_is_failed(c) && !pool_is_idle(c->pool))
        (void)uv_run(&c->loop, UV_RUN_ONCE);
    if (coordinator_is_failed(c)) {
        *err = c->err;
        return false;
    }
    *hello = c->hello;
    c->hello = (struct buffer){0};
    return hello->size > 0 || error_set(err, ERROR_PROTOCOL, "the worker ended without a word");
}

static bool begin_loop(struct coordinator *c, struct error *err)
{
    if (!tasks_new(&c->loop, &c->tasks, err))
        return false;
    (void)uv_timer_init(&c->loop, &c->timer);
    (void)uv_signal_init(&c->loop, &c->interrupt);
    (void)uv_signal_init(&c->loop, &c->terminate);
    c->timer.data = c->interrupt.data = c->terminate.data = c;
    (void)uv_timer_start(&c->timer, on_tick, TICK_MS, TICK_MS);
    (void)uv_signal_start(&c->interrupt, on_signal, SIGINT);
    (void)uv_signal_start(&c->terminate, on_signal, SIGTERM);
    return true;
}

void coordinator_end_loop(struct coordinator *c)
{
    if (!c->loop_made)
        return;
    if (c->pool != NULL) {
        pool_stop(c->pool, coordinator_is_failed(c) || c->stopping);
        while (!pool_is_idle(c->pool) || (c->tasks != NULL && !tasks_are_idle(c->tasks)))
            (void)uv_run(&c->loop, UV_RUN_ONCE);
        pool_free(c->pool);
        c->pool = NULL;
    }
    if (c->tasks != NULL) { /* it was begun */
        uv_close((uv_handle_t *)&c->timer, NULL);
        uv_close((uv_handle_t *)&c->interrupt, NULL);
        uv_close((uv_handle_t *)&c->terminate, NULL);
    }
    (void)uv_run(&c->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&c->loop);
    tasks_free(c->tasks);
    c->tasks = NULL;
    c->loop_made = false;
}

/* -- the run ----------------------------------------------------------------------------- */

static bool loop(struct coordinator *c, struct error *err)
{
    while (!is_over(c)) {
        advance(c);
        if (!is_over(c))
            (void)uv_run(&c->loop, UV_RUN_ONCE);
    }
    if (coordinator_is_failed(c)) {
        *err = c->err;
        return false;
    }
    return !c->stopping || error_set(err, ERROR_INTERRUPTED, "interrupted: run again to go on");
}

bool coordinator_run(struct coordinator *c, struct error *err)
{
    progress_begin(&c->progress, c->settings->progress, c->settings->quiet);
    c->progress.phase = "indexing";
    const bool ok = index_begin(c, err) && begin_loop(c, err) && loop(c, err);
    coordinator_end_loop(c);
    progress_end(&c->progress);
    return ok;
}

bool coordinator_verify(struct coordinator *c, uint64_t *checked, uint64_t *bad, struct error *err)
{
    c->phase = PHASE_VERIFY;
    progress_begin(&c->progress, c->settings->progress, c->settings->quiet);
    c->progress.phase = "verifying";
    const bool ok = begin_loop(c, err) && loop(c, err);
    coordinator_end_loop(c);
    progress_end(&c->progress);
    *checked = c->counts.verified;
    *bad = c->counts.bad;
    return ok;
}
