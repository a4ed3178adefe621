/* verify --deep: VERIFY jobs for every instance with lossless frames. Nothing is written. */
#include "coordinator_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/memory.h"

static bool add_expected(struct coordinator *c, struct job *job, int64_t instance_id, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    size_t capacity = 0;
    void *expected = NULL;
    bool ok = catalogue_select(c->catalogue,
                               "SELECT place, name, media_type, frame, columns, rows, bytes, sha256 FROM artefact"
                               " WHERE instance_id = ? AND stage = 'codestream' ORDER BY frame, place",
                               VALUES(value_int(instance_id)), &cursor, err);

    while (ok && cursor_next(cursor)) {
        expected = job->expected;
        ok = memory_grow(&expected, &capacity, job->expected_count + 1, sizeof *job->expected, err);
        if (!ok)
            break;
        job->expected = expected;
        struct artefact *const artefact = &job->expected[job->expected_count++];
        *artefact = (struct artefact){.place = (enum place)cursor_int(cursor, 0),
                                      .frame = (uint32_t)cursor_int(cursor, 3),
                                      .columns = (uint32_t)cursor_int(cursor, 4),
                                      .rows = (uint32_t)cursor_int(cursor, 5),
                                      .bytes = (uint64_t)cursor_int(cursor, 6),
                                      .files = 1};
        artefact->staged = (uint32_t)job->expected_count - 1;
        (void)snprintf(artefact->name, sizeof artefact->name, "%s", cursor_text(cursor, 1));
        (void)snprintf(artefact->media_type, sizeof artefact->media_type, "%s", cursor_text(cursor, 2));
        ok = digest_parse(cursor_text(cursor, 7), &artefact->digest) ||
             error_set(err, ERROR_CATALOGUE, "an artefact without a digest");
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

static bool fill_source(const struct cursor *row, struct job *job, struct error *err)
{
    struct stat status;
    const bool is_member = !cursor_is_null(row, 6);
    const bool is_gone = (!cursor_is_null(row, 5) && !is_member) || stat(cursor_text(row, 4), &status) != 0;

    if (is_gone)
        return true;
    job->sources = memory_zeroed(sizeof *job->sources, err);
    if (job->sources == NULL)
        return false;
    job->source_count = 1;
    job->sources->kind = is_member ? SOURCE_MEMBER : SOURCE_FILE;
    job->sources->member = is_member ? (uint64_t)cursor_int(row, 6) : 0;
    job->sources->depth = is_member ? 1 : 0;
    job->sources->path = memory_string(cursor_text(row, 4), err);
    return job->sources->path != NULL;
}

static struct pool_job *make_job(struct coordinator *c, const struct cursor *row, struct error *err)
{
    struct pool_job *const job = pool_job_new(JOB_VERIFY, err);
    struct errand *const errand = job != NULL ? errand_new(job, err) : NULL;
    bool ok = errand != NULL;

    if (ok) {
        errand->instance_id = cursor_int(row, 0);
        (void)snprintf(job->job.subject.study, UID_SIZE, "%s", cursor_text(row, 1));
        (void)snprintf(job->job.subject.series, UID_SIZE, "%s", cursor_text(row, 2));
        (void)snprintf(job->job.subject.sop, UID_SIZE, "%s", cursor_text(row, 3));
        job->job.has_source_digest = digest_parse(cursor_text(row, 7), &job->job.source_digest);
        if (cursor_int(row, 8) == 0)
            digest_hex16(&job->job.source_digest, job->job.subject.conflict);
        ok = fill_source(row, &job->job, err) && object_fill_relic(c, errand->instance_id, &job->job, err) &&
             add_expected(c, &job->job, errand->instance_id, err);
    }
    if (ok)
        return job;
    if (job != NULL)
        job_discard(job);
    return NULL;
}

static bool fetch(struct coordinator *c, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    size_t count = 0;
    bool ok = catalogue_select(
        c->catalogue,
        "SELECT instance_id, study_instance_uid, series_instance_uid, sop_instance_uid, source, member, member_index,"
        " source_digest, is_current FROM instance i WHERE instance_id > ? AND state = 'done' AND EXISTS (SELECT 1 FROM"
        " artefact a WHERE a.instance_id = i.instance_id AND a.stage = 'codestream')"
        " ORDER BY instance_id LIMIT ?",
        VALUES(value_int(c->verify_last), value_int(REFILL)), &cursor, err);

    while (ok && cursor_next(cursor)) {
        struct pool_job *const job = make_job(c, cursor, err);

        ok = job != NULL;
        if (!ok)
            break;
        c->verify_last = cursor_int(cursor, 0);
        job_queue_push(&c->ready, job);
        count++;
    }
    c->verify_fetched = count < REFILL;
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

struct pool_job *verify_next(struct coordinator *c)
{
    struct error err = {0};
    struct pool_job *const job = job_queue_pop(&c->again);

    if (job != NULL)
        return job;
    if (c->ready.count == 0 && !c->verify_fetched && !fetch(c, &err)) {
        coordinator_fail(c, &err);
        return NULL;
    }
    return job_queue_pop(&c->ready);
}

static void report(struct coordinator *c, const struct pool_job *job, const char *text)
{
    char line[400];

    (void)snprintf(line, sizeof line, "instance %s: %s", job->job.subject.sop, text);
    log_event(LOG_ERROR, "verify_frames", line, NULL);
    c->counts.bad++;
}

void verify_result(struct coordinator *c, struct pool_job *job, struct job_result *result)
{
    c->counts.verified += result->frames_compared;
    c->progress.done++;
    if (result->error != ERROR_NONE)
        report(c, job, result->text);
    job_result_release(result);
    job_discard(job);
}

void verify_lost(struct coordinator *c, struct pool_job *job, const struct pool_failure *failure)
{
    c->progress.done++;
    report(c, job, failure->text);
    job_discard(job);
}

bool verify_is_over(const struct coordinator *c)
{
    return c->verify_fetched && c->ready.count == 0 && c->again.count == 0 && pool_jobs_out(c->pool) == 0;
}
