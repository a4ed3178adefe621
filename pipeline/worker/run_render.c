/* JOB_RENDER: stages of one instance again, with the series window: from the planes in the spool, else from the source,
 * else from what is kept of it and its published frames. The bytes made are the same. */
#include "base/memory.h"
#include "run.h"
#include "worker/kept.h"

struct rendering {
    struct run run;
    struct kept kept; /* of a source that is gone */
};

static bool open_spool(struct rendering *r, struct error *err)
{
    struct plane_reader *planes = NULL;
    char path[PATH_SIZE];

    if (!path_join(path, r->run.worker->spool, r->run.job->spool, err) ||
        !plane_reader_open(path, r->run.job->spool_offset, r->run.job->spool_bytes, &planes, err))
        return false;
    const struct buffer *const relic = plane_reader_relic(planes);
    if (!kept_open_relic(r->run.worker, &r->kept, relic->data, relic->size, &r->run.instance, err)) {
        plane_reader_free(planes);
        return false;
    }
    instance_use_planes(&r->run.instance, planes);
    return true;
}

static bool open_source(struct rendering *r, struct error *err)
{
    struct run *const run = &r->run;
    const struct job *const job = run->job;
    const struct spool_maker spool = worker_spool_maker(run->worker);
    const struct bytes *bytes = NULL;
    struct digest digest;

    if (job->source_count == 0)
        return error_set(err, ERROR_IO, "the source is gone");
    if (!sources_open(run->worker->sources, &job->sources[0], SOURCE_WHOLE, &bytes, err) ||
        !worker_digest(run->worker, bytes, &digest, err))
        return false;
    if (job->has_source_digest && !digest_equal(&digest, &job->source_digest))
        return error_set(err, ERROR_IO, "the source has changed");
    return instance_open(&run->instance, bytes, &spool, err) && instance_read_image(&run->instance, err) &&
           instance_use_source(&run->instance, err);
}

static bool open_keep(struct rendering *r, struct error *err)
{
    struct worker *const worker = r->run.worker;

    return kept_open(worker, &r->kept, &r->run.job->relic, &r->run.instance, err) &&
           instance_use_published(&r->run.instance, worker->public, &r->run.subject, err);
}

/* No picture that can be read; the data set is open all the same. */
static bool is_header_only(const struct error *why)
{
    return why->kind == ERROR_NO_IMAGE || why->kind == ERROR_UNSUPPORTED;
}

/* The nearest one that works; what the source itself is wrong with needs no second try. */
static bool open_any(struct rendering *r, struct error *err)
{
    struct error why = {0};

    if (r->run.job->spool[0] != '\0' && open_spool(r, &why))
        return true;
    instance_release(&r->run.instance);
    if (open_source(r, err))
        return true;
    if (is_header_only(err) && r->run.instance.object != NULL)
        return false;
    instance_release(&r->run.instance);
    sources_close(r->run.worker->sources);
    why = *err;
    if (open_keep(r, err))
        return true;
    if (r->run.job->source_count > 0 && !is_header_only(err))
        *err = why; /* the source is there: its own fault says more */
    return false;
}

/* As in an OBJECT job: `why`, and the products that need the data set alone. */
static bool do_header(struct run *run, const struct error *why, struct error *err)
{
    if (!run_begin(run, false, err) || !run_finish(run, NULL, err))
        return false;
    run->is_told = true;
    run->result->state = INSTANCE_SKIPPED;
    *err = *why;
    return false;
}

static bool do_render(struct rendering *r, struct error *err)
{
    struct run *const run = &r->run;
    const struct job *const job = run->job;
    /* of what wants the series window frames were counted: their OBJECT job told then what decoding says of them */
    struct frames_pass pass = {.instance = &run->instance, .studio = run->worker->studio,
                               .tells_notes = !job->has_window,
                               .series_window = job->has_window ? &job->window : NULL,
                               .memory_bytes = run->worker->setup.memory_bytes,
                               .cpu_seconds = run->worker->setup.cpu_seconds};
    struct error why = {0};

    if (!open_any(r, &why)) {
        if (is_header_only(&why) && run->instance.object != NULL)
            return do_header(run, &why, err);
        *err = why;
        return false;
    }
    run->has_image = true;
    if (!run_begin(run, false, err))
        return false;
    pass.stages = run->stages;
    const bool ok = frames_run(&pass, err);
    run->result->frames = pass.readable;
    return ok && run_finish(run, &pass, err);
}

bool worker_render(struct worker *worker, const struct job *job, struct job_result *result, struct error *err)
{
    struct rendering *const r = memory_zeroed(sizeof *r, err);
    struct error why = {0};

    if (r == NULL)
        return false;
    r->run.worker = worker;
    r->run.job = job;
    r->run.result = result;
    r->run.subject = job->subject;
    r->run.source_digest = &job->source_digest;
    if (!do_render(r, &why))
        (void)job_fault(result, &why);
    run_release(&r->run, result->error != ERROR_NONE && !r->run.is_told);
    kept_release(&r->kept);
    memory_free(r);
    sources_close(worker->sources);
    return true;
}
