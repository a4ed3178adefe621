/* JOB_VERIFY: published lossless frames decoded and compared with the source, or, where that is gone, just decoded. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "worker/instance.h"
#include "worker/kept.h"
#include "worker/published.h"
#include "worker/worker.h"

struct verification {
    struct worker *worker;
    const struct job *job;
    struct instance instance;
    struct kept kept;
    struct buffer expected; /* the source's samples of the frame at hand */
};

static bool open_source(struct verification *v, struct error *err)
{
    const struct spool_maker spool = worker_spool_maker(v->worker);
    const struct bytes *bytes = NULL;
    struct digest digest;

    return sources_open(v->worker->sources, &v->job->sources[0], SOURCE_WHOLE, &bytes, err) &&
           worker_digest(v->worker, bytes, &digest, err) &&
           (!v->job->has_source_digest || digest_equal(&digest, &v->job->source_digest) ||
            error_set(err, ERROR_IO, "the source has changed")) &&
           instance_open(&v->instance, bytes, &spool, err) && instance_read_image(&v->instance, err) &&
           instance_use_source(&v->instance, err);
}

/* The samples as the source gives them now. */
static bool expect(struct verification *v, uint32_t number, struct error *err)
{
    struct frame frame = {0};

    if (!instance_frame(&v->instance, number, v->worker->studio, &frame, err))
        return false;
    buffer_clear(&v->expected);
    return buffer_append(&v->expected, frame.samples, frame.size, err);
}

static bool check_file(struct verification *v, const struct artefact *artefact, char path[PATH_SIZE], struct error *err)
{
    char relative[PATH_SIZE];
    struct digest digest;

    buffer_clear(&v->worker->studio->published);
    if (!layout_path(&v->job->subject, artefact->place, NULL, artefact->frame, NULL, NULL, relative, err) ||
        !path_join(path, v->worker->public, relative, err) ||
        !path_read_file(path, LIMIT(FRAME_BYTES) * 2, &v->worker->studio->published, err))
        return false;
    const struct bytes bytes = bytes_of_memory(v->worker->studio->published.data, v->worker->studio->published.size);
    if (bytes.size != artefact->bytes)
        return error_set(err, ERROR_CORRUPT, "expected %" PRIu64 " bytes, found %" PRIu64, artefact->bytes, bytes.size);
    return worker_digest(v->worker, &bytes, &digest, err) &&
           (digest_equal(&digest, &artefact->digest) ||
            error_set(err, ERROR_CORRUPT, "its SHA-256 is not the catalogue's"));
}

static bool check_frame(struct verification *v, const struct artefact *artefact, struct error *err)
{
    const bool has_source = v->instance.index != NULL;
    struct instance *const instance = &v->instance;
    char path[PATH_SIZE];
    struct frame frame = {0};

    if (!check_file(v, artefact, path, err) || (has_source && !expect(v, artefact->frame, err)) ||
        !published_frame(path, &instance->image, instance->has_form ? &instance->form : NULL, artefact->frame,
                         v->worker->studio, &instance->notes, &frame, err))
        return false;
    if (has_source && (frame.size != v->expected.size || memcmp(frame.samples, v->expected.data, frame.size) != 0))
        return error_set(err, ERROR_CORRUPT, "the published samples are not the source's");
    return true;
}

static bool do_verify(struct verification *v, struct job_result *result, struct error *err)
{
    const struct job *const job = v->job;
    struct error why = {0};

    if (job->source_count == 0 || !open_source(v, &why)) {
        instance_release(&v->instance);
        sources_close(v->worker->sources);
        if (!kept_open(v->worker, &v->kept, &job->relic, &v->instance, err))
            return error_set(err, ERROR_IO, "neither the source nor what is kept of it can be read%s%s",
                             why.kind != ERROR_NONE ? ": " : "", why.text);
    }
    for (size_t i = 0; i < job->expected_count; i++) {
        const struct artefact *const artefact = &job->expected[i];

        if (artefact->place != PLACE_FRAME && artefact->place != PLACE_J2K)
            continue;
        if (!check_frame(v, artefact, err))
            return error_context(err, "frame %u", artefact->frame);
        result->frames_compared++;
    }
    return true;
}

bool worker_verify(struct worker *worker, const struct job *job, struct job_result *result, struct error *err)
{
    struct verification *const v = memory_zeroed(sizeof *v, err);
    struct error why = {0};

    if (v == NULL)
        return false;
    v->worker = worker;
    v->job = job;
    if (!do_verify(v, result, &why))
        (void)job_fault(result, &why);
    instance_release(&v->instance);
    kept_release(&v->kept);
    buffer_release(&v->expected);
    memory_free(v);
    sources_close(worker->sources);
    return true;
}
