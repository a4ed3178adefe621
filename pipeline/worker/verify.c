/* JOB_VERIFY: published lossless frames decoded and compared with the source, or, where that is gone, just decoded. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "worker/instance.h"
#include "worker/kept.h"
#include "worker/published.h"
#include "worker/sandbox.h"
#include "worker/worker.h"

struct verification {
    struct worker *worker;
    const struct job *job;
    struct instance instance;
    struct kept kept;
    struct digest expected; /* of the source's samples of the frame at hand: two frames need not be held at once */
    struct buffer strip;    /* of a published frame */
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

static bool digest_samples(struct verification *v, const struct frame *frame, struct digest *digest, struct error *err)
{
    const struct bytes samples = bytes_of_memory(frame->samples, frame->size);

    return worker_digest(v->worker, &samples, digest, err);
}

/* The samples as the source gives them now. */
static bool expect(struct verification *v, uint32_t number, struct error *err)
{
    struct frame frame = {0};

    return instance_frame(&v->instance, number, v->worker->studio, &frame, err) &&
           digest_samples(v, &frame, &v->expected, err);
}

static bool check_bytes(struct verification *v, const struct artefact *artefact, const struct bytes *bytes,
                        struct error *err)
{
    struct digest digest;

    if (bytes->size != artefact->bytes)
        return error_set(err, ERROR_CORRUPT, "expected %" PRIu64 " bytes, found %" PRIu64, artefact->bytes, bytes->size);
    return worker_digest(v->worker, bytes, &digest, err) &&
           (digest_equal(&digest, &artefact->digest) ||
            error_set(err, ERROR_CORRUPT, "its SHA-256 is not the catalogue's"));
}

/* -- a frame in strips: the file is not read whole, either ------------------------------------ */

/* A published file with the bytes that the catalogue knows. */
static bool open_checked(struct verification *v, const struct artefact *artefact, const char *path, int *descriptor,
                         struct bytes *file, struct error *err)
{
    *descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (*descriptor < 0)
        return error_errno(err, errno, "cannot open \"%s\"", path);
    if (bytes_of_descriptor(*descriptor, file, err) && check_bytes(v, artefact, file, err))
        return true;
    (void)close(*descriptor);
    return false;
}

static bool check_strip(struct verification *v, const struct bytes *file, uint64_t offset, uint32_t number,
                        uint32_t first_row, uint32_t rows, struct error *err)
{
    struct frame frame = {0};

    buffer_clear(&v->strip);
    if (!sandbox_allow_cpu(v->worker->setup.cpu_seconds, err) ||
        !instance_strip(&v->instance, number, first_row, rows, v->worker->studio, &frame, err) ||
        !buffer_reserve(&v->strip, frame.size, err) ||
        !bytes_read_all(file, offset + (uint64_t)first_row * (frame.size / rows), v->strip.data, frame.size, err))
        return false;
    return memcmp(frame.samples, v->strip.data, frame.size) == 0 ||
           error_set(err, ERROR_CORRUPT, "the published samples are not the source's");
}

/* Plain samples; a codestream that has passed is what its digest says, and not decoded. */
static bool check_strips(struct verification *v, const struct bytes *file, uint32_t number, uint32_t rows, struct error *err)
{
    const struct image *const image = &v->instance.image;
    const struct transfer_syntax *syntax = NULL;
    uint64_t offset = 0, size = 0;

    if (!published_measure(file, &offset, &size, &syntax, err))
        return false;
    if (syntax->coding != CODING_NATIVE)
        return true;
    for (uint32_t first = 0; first < image->rows; first += rows)
        if (!check_strip(v, file, offset, number, first, rows < image->rows - first ? rows : image->rows - first, err))
            return false;
    return size == image_frame_bytes(image) || error_set(err, ERROR_CORRUPT, "it has more samples than the source");
}

static bool check_frame_in_strips(struct verification *v, const struct artefact *artefact, const char *path,
                                  uint32_t rows, struct error *err)
{
    struct bytes file;
    int descriptor;

    if (!open_checked(v, artefact, path, &descriptor, &file, err))
        return false;
    const bool ok = check_strips(v, &file, artefact->frame, rows, err);
    (void)close(descriptor);
    return ok;
}

/* Plain samples without a source: the digest says all but whether they are as many as they should be. */
static bool check_plain(struct verification *v, const struct artefact *artefact, const char *path, struct error *err)
{
    struct instance *const instance = &v->instance;
    struct frame frame = {0};
    struct bytes file;
    int descriptor;

    if (!open_checked(v, artefact, path, &descriptor, &file, err))
        return false;
    (void)close(descriptor);
    return published_strip(path, &instance->image, instance->has_form ? &instance->form : NULL, artefact->frame,
                           instance->image.rows - 1, 1, v->worker->studio, &instance->notes, &frame, err);
}

/* -- a whole frame ---------------------------------------------------------------------------- */

static bool check_file(struct verification *v, const struct artefact *artefact, const char *path, struct error *err)
{
    struct buffer *const published = &v->worker->studio->published;

    buffer_clear(published);
    if (!path_read_file(path, LIMIT(FRAME_BYTES) * 2, published, err))
        return false;
    const struct bytes bytes = bytes_of_memory(published->data, published->size);
    return check_bytes(v, artefact, &bytes, err);
}

static bool check_frame(struct verification *v, const struct artefact *artefact, struct error *err)
{
    const bool has_source = v->instance.index != NULL;
    struct instance *const instance = &v->instance;
    char relative[PATH_SIZE], path[PATH_SIZE];
    struct frame frame = {0};
    struct error ignored; /* no tiles: it was decoded at once */
    struct digest found;
    uint32_t rows = 0;

    if (!layout_path(&v->job->subject, artefact->place, NULL, artefact->frame, NULL, NULL, relative, err) ||
        !path_join(path, v->worker->public, relative, err))
        return false;
    if (has_source && instance_wants_strips(instance, v->worker->setup.memory_bytes) &&
        instance_strip_rows(instance, artefact->frame, v->worker->studio, &rows, &ignored))
        return check_frame_in_strips(v, artefact, path, rows, err);
    if (!has_source && published_is_plain(path))
        return check_plain(v, artefact, path, err);
    if ((has_source && !expect(v, artefact->frame, err)) || !check_file(v, artefact, path, err) ||
        !published_frame(path, &instance->image, instance->has_form ? &instance->form : NULL, artefact->frame,
                         v->worker->studio, &instance->notes, &frame, err))
        return false;
    if (!has_source)
        return true;
    return digest_samples(v, &frame, &found, err) &&
           (digest_equal(&found, &v->expected) ||
            error_set(err, ERROR_CORRUPT, "the published samples are not the source's"));
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
    buffer_release(&v->strip);
    memory_free(v);
    sources_close(worker->sources);
    return true;
}
