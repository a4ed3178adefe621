/* JOB_OBJECT: one object decoded once, all stages fed; and what it shares with JOB_RENDER. */
#include "run.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "dicom/uid.h"
#include "job/keep.h"
#include "worker/describe.h"
#include "worker/sniff.h"
#include "worker/windows.h"

/* -- shared with JOB_RENDER ----------------------------------------------------------------- */

bool run_begin(struct run *run, bool defer, struct error *err)
{
    char folder[PATH_SIZE];

    run->input = (struct stage_input){.subject = &run->subject, .image = &run->instance.image};
    if (run->staging == NULL &&
        (!path_join(folder, run->worker->staging, run->job->staging, err) ||
         !staging_open(folder, &run->result->manifest, &run->staging, err)))
        return false;
    return stage_set_new(run->worker->options, run->job->stages, &run->input, run->staging, &run->instance.notes,
                         &run->stages, err) &&
           stage_set_begin(run->stages, defer, err);
}

bool run_finish(struct run *run, const struct frames_pass *pass, struct error *err)
{
    struct digest window;

    if (!stage_set_finish(run->stages, &run->result->information, err))
        return false;
    if (!pass->used_series_window)
        return true;
    if (!window_digest(pass->series_window, &window, err))
        return false;
    stage_set_mark_window(run->stages, &run->result->manifest, &window);
    return true;
}

void run_release(struct run *run, bool failed)
{
    char folder[PATH_SIZE];
    struct error ignored;

    stage_set_free(run->stages);
    if (run->staging != NULL)
        staging_close(run->staging);
    if (failed && run->job->staging[0] != '\0' && path_join(folder, run->worker->staging, run->job->staging, &ignored))
        (void)path_remove_tree(folder, &ignored); /* the coordinator empties it in any case */
    if (failed)
        manifest_release(&run->result->manifest);
    instance_release(&run->instance);
}

bool run_tell_notes(struct run *run, struct error *err)
{
    struct buffer all = {0};
    const char *const read = run->instance.object != NULL ? object_notes(run->instance.object) : "";
    bool ok = buffer_puts(&all, read, err) && buffer_puts(&all, buffer_text(&run->instance.notes), err);

    run->result->notes = ok ? memory_string(buffer_text(&all), err) : NULL;
    ok = run->result->notes != NULL;
    buffer_release(&all);
    return ok;
}

/* -- what is it? ---------------------------------------------------------------------------- */

/* False with a reason: no object. */
static bool check_kind(struct run *run, const struct bytes *bytes, struct error *err)
{
    enum sniffed kind = SNIFFED_UNKNOWN;
    const char *what = "";

    if (!sniff_bytes(bytes, &kind, &what, err))
        return false;
    if (kind == SNIFFED_DICOM || kind == SNIFFED_UNKNOWN)
        return true;
    run->result->not_an_object = true;
    run->result->is_archive = kind == SNIFFED_ZIP || kind == SNIFFED_TAR || kind == SNIFFED_GZIP;
    run->result->ignored = kind == SNIFFED_OTHER;
    if (run->result->is_archive && run->job->sources[0].depth >= LIMIT(ARCHIVE_DEPTH)) {
        run->result->is_archive = false;
        return error_set(err, ERROR_LIMIT, "%s in %u other archives, ARCHIVE_DEPTH is %llu", what,
                         run->job->sources[0].depth, (unsigned long long)LIMIT(ARCHIVE_DEPTH));
    }
    return run->result->is_archive ? error_set(err, ERROR_UNSUPPORTED, "an archive in an archive: %s", what)
                                   : error_set(err, ERROR_NOT_DICOM, "%s", what);
}

static bool open_data_set(struct run *run, const struct bytes *bytes, struct error *err)
{
    const struct spool_maker spool = worker_spool_maker(run->worker);

    if (!instance_open(&run->instance, bytes, &spool, err)) {
        run->result->not_an_object = err->kind == ERROR_NOT_DICOM;
        return false;
    }
    if (!object_is_dicomdir(run->instance.object))
        return true;
    run->result->not_an_object = run->result->ignored = true;
    return error_set(err, ERROR_NOT_DICOM, "a DICOMDIR");
}

static void copy_uid(const struct record *record, enum record_field field, char uid[UID_SIZE])
{
    const char *const text = record_get(record, field);
    const size_t length = strnlen(text, UID_SIZE - 1);

    memcpy(uid, text, length);
    uid[length] = '\0';
}

static bool describe_object(struct run *run, struct error *err)
{
    struct record *const record = &run->result->record;

    if (!describe(run->instance.object, &run->result->source_digest, record, &run->instance.notes, err))
        return false;
    run->result->has_record = true;
    copy_uid(record, RECORD_study_instance_uid, run->subject.study);
    copy_uid(record, RECORD_series_instance_uid, run->subject.series);
    copy_uid(record, RECORD_sop_instance_uid, run->subject.sop);
    return true;
}

/* -- what is kept --------------------------------------------------------------------------- */

static bool put_keep(struct run *run, struct histogram_builder *builder, struct error *err)
{
    struct histogram histogram = {0};
    struct buffer relic = {0}, keep = {0};
    struct error too_large = {0};
    bool ok = builder == NULL || histogram_builder_end(builder, &histogram, err);

    if (ok && builder != NULL && histogram.total == 0 && run->instance.display.has_padding) /* black, then */
        ok = buffer_puts(&run->instance.notes, "all pixels are padding\n", err);
    else if (ok && builder != NULL && histogram.total == 0 && run->instance.image.element != PIXEL_ELEMENT_INTEGER)
        ok = buffer_puts(&run->instance.notes, "no pixel has a finite value\n", err);
    if (ok && !instance_relic(&run->instance, &relic, &too_large)) {
        *err = too_large;
        ok = too_large.kind == ERROR_LIMIT && buffer_printf(&run->instance.notes, err, "%s\n", too_large.text);
    } else if (ok) {
        ok = keep_write(relic.data, relic.size, builder != NULL ? &histogram : NULL, &keep, err) &&
             staging_keep(run->staging, &(struct part){keep.data, keep.size}, 1, &run->result->keep_staged,
                          &run->result->keep_bytes, err);
        run->result->has_keep = ok;
        run->result->has_histogram = ok && builder != NULL && histogram.total > 0;
    }
    histogram_release(&histogram);
    buffer_release(&relic);
    buffer_release(&keep);
    return ok;
}

/* -- the pass ------------------------------------------------------------------------------- */

/* Planes go to the spool only if all that will be wanted fit. */
static bool planes_fit(const struct run *run)
{
    const struct image *const image = &run->instance.image;
    const uint64_t size = (uint64_t)image->rows * image->columns * image->samples_per_pixel *
                          sample_size(sample_type_of(image->bits_allocated < 32 ? image->bits_allocated : 32,
                                                     image->is_signed));
    uint64_t total = 0;

    if (run->job->spool[0] == '\0' || !stage_set_has_deferred(run->stages))
        return false;
    for (uint32_t number = 1; number <= image->frames && total <= run->job->spool_budget; number++)
        total += stage_set_defers(run->stages, number) ? size : 0;
    return total <= run->job->spool_budget;
}

static bool open_planes(struct run *run, struct plane_writer **planes, struct error *err)
{
    char path[PATH_SIZE];

    return !planes_fit(run) ||
           (path_join(path, run->worker->spool, run->job->spool, err) && plane_writer_new(path, planes, err));
}

static bool end_planes(struct run *run, struct plane_writer *planes, struct error *err)
{
    struct buffer relic = {0};
    const bool ok = planes == NULL || (instance_relic(&run->instance, &relic, err) &&
                                       plane_writer_end(planes, &relic, &run->result->spooled, err));

    buffer_release(&relic);
    return ok;
}

static bool run_pass(struct run *run, struct frames_pass *pass, struct error *err)
{
    const bool ok = open_planes(run, &pass->planes, err) && frames_run(pass, err);

    run->result->frames = pass->readable;
    return ok && run_finish(run, pass, err) && end_planes(run, pass->planes, err) &&
           put_keep(run, pass->histogram, err);
}

/* The whole frames are made all the same; but the object must not pass as complete. */
static bool tell_missing_frames(struct run *run, struct error *err)
{
    const uint32_t whole = run->instance.image.frames, declared = run->instance.declared_frames;

    return whole >= declared ||
           error_set(err, ERROR_TRUNCATED, "pixel data end in frame %u of %u: %u %s published", whole + 1, declared,
                     whole, whole == 1 ? "frame is" : "frames are");
}

static bool do_image(struct run *run, struct error *err)
{
    struct job_result *const result = run->result;
    const struct job *const job = run->job;
    struct frames_pass pass = {.instance = &run->instance, .studio = run->worker->studio,
                               .series_window = job->has_window ? &job->window : NULL,
                               .cpu_seconds = run->worker->setup.cpu_seconds};

    if (!instance_use_source(&run->instance, err) || !windows_collect(&run->instance, result, err) ||
        !run_begin(run, result->needs_window && !job->has_window, err))
        return false;
    pass.histogram = result->needs_window ? run->worker->studio->histogram : NULL;
    pass.stages = run->stages;
    const bool ok = run_pass(run, &pass, err);
    histogram_builder_clear(run->worker->studio->histogram);
    plane_writer_free(pass.planes);
    if (ok)
        result->state = INSTANCE_DONE;
    return ok && tell_missing_frames(run, err);
}

/* An object without a picture: its header is kept all the same. */
static bool do_header(struct run *run, struct error *err)
{
    char folder[PATH_SIZE];

    return path_join(folder, run->worker->staging, run->job->staging, err) &&
           staging_open(folder, &run->result->manifest, &run->staging, err) && put_keep(run, NULL, err);
}

static bool do_object(struct run *run, const struct source *source, struct error *err)
{
    const struct bytes *bytes = NULL;
    struct error why = {0};

    if (!sources_open(run->worker->sources, source, SOURCE_WHOLE, &bytes, err) ||
        !worker_digest(run->worker, bytes, &run->result->source_digest, err))
        return false;
    run->result->source_bytes = bytes->size;
    if (!check_kind(run, bytes, err) || !open_data_set(run, bytes, err) || !describe_object(run, err))
        return false;
    if (instance_read_image(&run->instance, &why))
        return do_image(run, err);
    if (why.kind == ERROR_NO_IMAGE && !do_header(run, err))
        return false;
    *err = why;
    return false;
}

bool worker_object(struct worker *worker, const struct job *job, struct job_result *result, struct error *err)
{
    struct run *const run = memory_zeroed(sizeof *run, err);
    struct error why = {0};

    if (run == NULL)
        return false;
    run->worker = worker;
    run->job = job;
    run->result = result;
    result->state = INSTANCE_FAILED;
    if (!do_object(run, &job->sources[0], &why)) {
        if (!result->not_an_object && (why.kind == ERROR_NO_IMAGE || why.kind == ERROR_UNSUPPORTED))
            result->state = INSTANCE_SKIPPED;
        (void)job_fault(result, &why);
    }
    const bool ok = run_tell_notes(run, err);
    run_release(run, result->error != ERROR_NONE && result->state != INSTANCE_DONE && !result->has_keep);
    memory_free(run);
    sources_close(worker->sources);
    return ok;
}
