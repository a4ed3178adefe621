/* Phase 4, the barriers: objects settled -> window -> pictures settled -> closed; all series of a study -> join. */
#include "coordinator_private.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* -- opening ----------------------------------------------------------------------------- */

/* The next series that has something to do; sets all_series_opened when there is none. */
bool series_open_next(struct coordinator *c, struct error *err)
{
    struct open_series *const made = memory_zeroed(sizeof *made, err);
    struct cursor *cursor = NULL;

    if (made == NULL)
        return false;
    if (!catalogue_select(c->catalogue,
                          "SELECT study_instance_uid, series_instance_uid FROM series WHERE state = 'pending'"
                          " AND (study_instance_uid, series_instance_uid) > (?, ?)"
                          " ORDER BY study_instance_uid, series_instance_uid LIMIT 1",
                          VALUES(value_text(c->last_study), value_text(c->last_series)), &cursor, err)) {
        memory_free(made);
        return false;
    }
    const bool found = cursor_next(cursor);
    if (found) {
        (void)snprintf(made->study, UID_SIZE, "%s", cursor_text(cursor, 0));
        (void)snprintf(made->series, UID_SIZE, "%s", cursor_text(cursor, 1));
    }
    if (!cursor_end(cursor, err) || !found) {
        c->all_series_opened = !found;
        memory_free(made);
        return c->all_series_opened;
    }
    memcpy(c->last_study, made->study, UID_SIZE);
    memcpy(c->last_series, made->series, UID_SIZE);
    made->coordinator = c;
    made->next = c->open;
    c->open = made;
    return true;
}

static void unlink_series(struct coordinator *c, struct open_series *series)
{
    for (struct open_series **link = &c->open; *link != NULL; link = &(*link)->next)
        if (*link == series) {
            *link = series->next;
            break;
        }
    if (series->job != NULL)
        job_discard(series->job);
    memory_free(series->ids);
    memory_free(series);
}

/* -- joins ------------------------------------------------------------------------------- */

static bool study_is_settled(struct coordinator *c, const char *study, bool *settled, struct error *err)
{
    int64_t pending = 0;

    if (!catalogue_number(c->catalogue,
                          "SELECT count(*) FROM series WHERE study_instance_uid = ? AND state = 'pending'",
                          VALUES(value_text(study)), 0, &pending, err))
        return false;
    *settled = pending == 0;
    return true;
}

bool series_add_join(struct coordinator *c, const char *study, struct error *err)
{
    void *joins = c->joins;

    if (!memory_grow(&joins, &c->join_capacity, c->join_count + 1, sizeof *c->joins, err))
        return false;
    c->joins = joins;
    (void)snprintf(c->joins[c->join_count++].study, UID_SIZE, "%s", study);
    return true;
}

/* Studies of this run, each once: a stream may join one many times. */
static const char make_joined[] = "CREATE TEMP TABLE IF NOT EXISTS joined (study TEXT PRIMARY KEY) WITHOUT ROWID";

static bool note_join(struct catalogue *catalogue, const char *study, struct error *err)
{
    return catalogue_execute(catalogue, make_joined, NO_VALUES, err) &&
           catalogue_execute(catalogue, "INSERT OR IGNORE INTO temp.joined (study) VALUES (?)",
                             VALUES(value_text(study)), err);
}

bool series_count_joined(struct coordinator *c, int64_t *count, struct error *err)
{
    return catalogue_execute(c->catalogue, make_joined, NO_VALUES, err) &&
           catalogue_number(c->catalogue, "SELECT count(*) FROM temp.joined", NO_VALUES, 0, count, err);
}

struct join_work {
    struct coordinator *coordinator;
    struct join joins[JOIN_MOST];
    size_t count;
};

static bool join_work(void *data, struct error *err)
{
    struct join_work *const work = data;
    bool ok = true;

    for (size_t i = 0; ok && i < work->count; i++)
        ok = site_apply(work->coordinator->site, site_join, work->joins[i].study, err) &&
             note_join(work->coordinator->catalogue, work->joins[i].study, err);
    return ok;
}

static void after_join(void *data, bool ok, const struct error *err)
{
    struct join_work *const work = data;
    struct coordinator *const c = work->coordinator;

    c->joining = false;
    if (!ok)
        coordinator_fail(c, err);
    memory_free(work);
}

void series_join_if_due(struct coordinator *c)
{
    struct error err = {0};

    if (c->joining || c->join_count == 0 || coordinator_is_failed(c))
        return;
    if (c->all_series_opened && c->open == NULL)
        pool_dismiss_idle(c->pool); /* their memory is free for the texts of the last studies */
    struct join_work *const work = memory_zeroed(sizeof *work, &err);
    if (work != NULL) {
        work->coordinator = c;
        work->count = c->join_count < JOIN_MOST ? c->join_count : JOIN_MOST;
        memcpy(work->joins, c->joins, work->count * sizeof *work->joins);
        c->join_count -= work->count;
        memmove(c->joins, c->joins + work->count, c->join_count * sizeof *c->joins);
        c->joining = true;
        if (task_add(c->tasks, join_work, after_join, work, &err))
            return;
        memory_free(work);
    }
    coordinator_fail(c, &err);
}

/* -- steps ------------------------------------------------------------------------------- */

static void start_closing(struct coordinator *c, struct open_series *series);

static void after_window(void *data, bool ok, const struct error *err)
{
    struct open_series *const series = data;
    struct coordinator *const c = series->coordinator;

    if (!ok) {
        coordinator_fail(c, err);
        return;
    }
    if (series->renders == 0 && series->job == NULL) {
        start_closing(c, series);
        return;
    }
    series->step = SERIES_RENDERS;
    series->fetched = series->renders == 0;
    if (series->job != NULL)
        volume_queue_job(c, series);
    series->last_id = 0;
    c->progress.total += (uint64_t)series->renders;
    pool_wake(c->pool);
}

static void after_close(void *data, bool ok, const struct error *err)
{
    struct open_series *const series = data;
    struct coordinator *const c = series->coordinator;
    struct error failure = {0};
    bool settled = false;

    if (!ok)
        coordinator_fail(c, err);
    else if (!study_is_settled(c, series->study, &settled, &failure) ||
             (settled && !series_add_join(c, series->study, &failure)))
        coordinator_fail(c, &failure);
    volume_close(c, series);
    unlink_series(c, series);
}

static void start_task(struct coordinator *c, struct open_series *series, task_work *work, task_after *after)
{
    struct error err = {0};

    if (!task_add(c->tasks, work, after, series, &err))
        coordinator_fail(c, &err);
}

static void start_closing(struct coordinator *c, struct open_series *series)
{
    series->step = SERIES_CLOSING;
    start_task(c, series, close_work, after_close);
}

/* Starts what has become possible. */
void series_advance(struct coordinator *c)
{
    for (struct open_series *s = c->open, *next = NULL; s != NULL; s = next) {
        next = s->next;
        if (c->stopping || coordinator_is_failed(c) || !s->fetched || s->in_pool > 0 || s->in_batch > 0)
            continue;
        if (s->step == SERIES_OBJECTS) {
            s->step = SERIES_WINDOW;
            start_task(c, s, window_work, after_window);
        } else if (s->step == SERIES_RENDERS) {
            start_closing(c, s);
        }
    }
}

bool series_all_over(const struct coordinator *c)
{
    return c->all_series_opened && c->open == NULL && c->join_count == 0 && !c->joining;
}

void series_release(struct coordinator *c)
{
    while (c->open != NULL)
        unlink_series(c, c->open);
    memory_free(c->joins);
    c->joins = NULL;
    c->join_count = 0;
}
