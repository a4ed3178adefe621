/* JOB_OBJECT: one object decoded once, all stages fed; and what it shares with JOB_RENDER. */
#include "run.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "dicom/uid.h"
#include "job/keep.h"
#include "job/notes.h"
#include "worker/describe.h"
#include "worker/sniff.h"
#include "worker/windows.h"

/* -- shared with JOB_RENDER ----------------------------------------------------------------- */

static bool open_staging(struct run *run, struct error *err)
{
    char folder[PATH_SIZE];

    if (run->staging != NULL)
        return true;
    if (!path_join(folder, run->worker->staging, run->job->staging, err) ||
        !staging_open(folder, &run->result->manifest, &run->staging, err))
        return false;
    staging_number_from(run->staging, run->job->staging_first);
    return true;
}

bool run_begin(struct run *run, bool defer, struct error *err)
{
    run->input = (struct stage_input){.subject = &run->subject,
                                      .object = run->instance.object,
                                      .image = run->has_image ? &run->instance.image : NULL,
                                      .source_digest = run->source_digest,
                                      .window = run->window,
                                      .published = &run->yield.published,
                                      .published_fault = &run->published_fault};
    return open_staging(run, err) &&
           stage_set_new(run->worker->options, run->job->stages, &run->input, run->staging,
                         run->worker->setup.nice_threads, &run->yield, &run->stages, err) &&
           stage_set_begin(run->stages, defer, err);
}

/* The frames that stand published, when this job makes none. */
static void find_published(struct run *run)
{
    struct coded_form *const form = &run->yield.published;
    struct error why = {0};

    if (run->has_image && form->transfer_syntax[0] == '\0' && stage_set_has(run->stages, NEEDS_OBJECT) &&
        !instance_published_form(&run->instance, run->worker->public, &run->subject, run->worker->studio, form, &why) &&
        why.kind != ERROR_IO) /* there are none */
        run->published_fault = why;
}

static bool tell_metadata(struct run *run, struct error *err)
{
    struct buffer *const metadata = &run->yield.metadata;

    if (metadata->size == 0)
        return true;
    run->result->metadata = memory_string(buffer_text(metadata), err);
    return run->result->metadata != NULL;
}

bool run_finish(struct run *run, const struct frames_pass *pass, struct error *err)
{
    struct digest window;

    find_published(run);
    if (!stage_set_finish(run->stages, &run->result->information, err) ||
        !stage_set_tell_notes(run->stages, &run->result->manifest, err) || !tell_metadata(run, err))
        return false;
    if (pass == NULL || !pass->used_series_window)
        return true;
    if (!window_digest(pass->series_window, &window, err))
        return false;
    stage_set_mark_window(run->stages, &run->result->manifest, &window);
    return true;
}

void run_release(struct run *run, bool failed)
{
    stage_set_free(run->stages);
    buffer_release(&run->yield.metadata);
    if (failed && run->staging != NULL)
        staging_discard(run->staging);
    staging_close(run->staging);
    if (failed) {
        manifest_release(&run->result->manifest);
        job_result_drop_kept(run->result);
    }
    instance_release(&run->instance);
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

/* What is too large is not kept, and the notes say so. */
static bool keep_relic(struct run *run, struct error *err)
{
    struct buffer relic = {0};
    struct error why = {0};
    const bool ok = instance_relic(&run->instance, &relic, &why) &&
                    keep_write_relic(run->worker->packer, relic.data, relic.size, &run->result->relic, &why);

    buffer_release(&relic);
    if (ok)
        return true;
    if (why.kind == ERROR_LIMIT)
        return buffer_printf(&run->instance.notes, err, "%s\n", why.text);
    *err = why;
    return false;
}

static bool note_nothing_counted(struct run *run, struct error *err)
{
    if (run->instance.display.has_padding) /* black, then */
        return buffer_puts(&run->instance.notes, "all pixels are padding\n", err);
    return run->instance.image.element == PIXEL_ELEMENT_INTEGER ||
           buffer_puts(&run->instance.notes, "no pixel has a finite value\n", err);
}

static bool keep_histogram(struct run *run, struct histogram_builder *builder, struct error *err)
{
    struct histogram histogram = {0};
    bool ok = histogram_builder_end(builder, &histogram, err);

    run->result->has_histogram = ok && histogram.total > 0;
    ok = ok && (histogram.total > 0 ? keep_write_histogram(&histogram, &run->result->histogram, err)
                                    : note_nothing_counted(run, err));
    histogram_release(&histogram);
    return ok;
}

/* The last step: a result that has a relic is complete. */
static bool put_keep(struct run *run, struct histogram_builder *builder, struct error *err)
{
    return (builder == NULL || keep_histogram(run, builder, err)) && keep_relic(run, err);
}

/* -- the pass ------------------------------------------------------------------------------- */

/* Planes go to the spool only if all that will be wanted fit. */
static bool planes_fit(const struct run *run, bool all)
{
    const struct image *const image = &run->instance.image;
    const uint64_t size = (uint64_t)image->rows * image->columns * image->samples_per_pixel *
                          sample_size(sample_type_of(image->bits_allocated < 32 ? image->bits_allocated : 32,
                                                     image->is_signed));
    uint64_t total = 0;

    for (uint32_t number = 1; number <= image->frames && total <= run->job->spool_budget; number++)
        total += all || stage_set_defers(run->stages, number) ? size : 0;
    return total <= run->job->spool_budget;
}

/* A stage of the series wants all frames of what has a place in space. Native ones are read where they lie, but in a
 * ZIP, where they would be inflated again; a member of a stream stays in the spool for that, and pictures are made from
 * it, too. */
static bool wants_planes(const struct run *run, bool *all)
{
    const bool for_volumes = run->job->for_volumes && run->placing.has_place, has_spool = run->job->spool[0] != '\0';
    const bool is_native = for_volumes && run->placing.is_native;
    const bool stays = is_native && run->job->sources[0].kind == SOURCE_SPOOL;
    const bool lies_open = is_native && run->job->sources[0].kind != SOURCE_MEMBER;

    *all = for_volumes && !lies_open && has_spool && planes_fit(run, true);
    return *all || (!stays && has_spool && stage_set_has_deferred(run->stages) && planes_fit(run, false));
}

static bool open_planes(struct run *run, struct frames_pass *pass, struct error *err)
{
    char path[PATH_SIZE];

    return instance_wants_strips(&run->instance, pass->memory_bytes) || !wants_planes(run, &pass->keeps_all) ||
           (path_join(path, run->worker->spool, run->job->spool, err) &&
            plane_writer_new(path, run->job->spool_offset, &pass->planes, err));
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
    const bool ok = open_planes(run, pass, err) && frames_run(pass, err);

    run->result->frames = pass->readable;
    run->result->wants_source = (run->job->for_volumes && run->placing.has_place && !pass->keeps_all) ||
                                (run->job->for_slides && run->result->slide.size > 0);
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
    struct frames_pass pass = {.instance = &run->instance, .studio = run->worker->studio, .tells_notes = true,
                               .series_window = job->has_window ? &job->window : NULL,
                               .memory_bytes = run->worker->setup.memory_bytes,
                               .cpu_seconds = run->worker->setup.cpu_seconds};

    if (!instance_use_source(&run->instance, err) || !windows_collect(&run->instance, result, err) ||
        !placing_collect(&run->instance, &result->geometry, &run->placing, err) ||
        !placing_collect_slide(&run->instance, &result->slide, err) ||
        !run_begin(run, result->needs_window && !job->has_window, err))
        return false;
    pass.histogram = result->needs_window ? run->worker->studio->histogram : NULL;
    pass.stages = run->stages;
    const bool ok = run_pass(run, &pass, err);
    histogram_builder_clear(run->worker->studio->histogram);
    plane_writer_free(pass.planes);
    run->is_told = ok;
    if (ok)
        result->state = INSTANCE_DONE;
    return ok && tell_missing_frames(run, err);
}

/* An object without a picture that can be read: its header is kept all the same, and told. */
static bool do_header(struct run *run, struct error *err)
{
    run->is_told = run_begin(run, false, err) && run_finish(run, NULL, err) && put_keep(run, NULL, err);
    return run->is_told;
}

/* Nothing is made or kept of it. */
static bool check_label(const struct run *run, struct error *err)
{
    return run->job->with_labels || !record_shows_label(&run->result->record) ||
           error_set(err, ERROR_WITHHELD, "%s", RECORD_WITHHELD);
}

static bool do_object(struct run *run, const struct source *source, struct error *err)
{
    const struct bytes *bytes = NULL;
    struct error why = {0};

    if (!sources_open(run->worker->sources, source, SOURCE_WHOLE, &bytes, err) ||
        !worker_digest(run->worker, bytes, &run->result->source_digest, err))
        return false;
    run->result->source_bytes = bytes->size;
    if (!check_kind(run, bytes, err) || !open_data_set(run, bytes, err) || !describe_object(run, err) ||
        !check_label(run, err))
        return false;
    run->has_image = instance_read_image(&run->instance, &why);
    if (run->has_image)
        return do_image(run, err);
    if ((why.kind == ERROR_NO_IMAGE || why.kind == ERROR_UNSUPPORTED) && !do_header(run, err))
        return false;
    *err = why;
    return false;
}

/* Those of the object, whatever is made of it; those of its products are theirs. Where there are none, because a frame
 * could not be read, what was said of that frame. */
static bool tell_notes(struct run *run, struct error *err)
{
    const struct instance *const instance = &run->instance;
    const bool has_failed = run->result->error != ERROR_NONE && !run->is_told;
    struct buffer all = {0};
    bool ok = (instance->object == NULL || notes_merge(&all, object_notes(instance->object), err)) &&
              notes_merge(&all, buffer_text(&instance->notes), err) &&
              (!has_failed || notes_merge(&all, buffer_text(&instance->frame_notes), err));

    run->result->notes = ok ? memory_string(buffer_text(&all), err) : NULL;
    ok = run->result->notes != NULL;
    buffer_release(&all);
    return ok;
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
    run->source_digest = &result->source_digest;
    memcpy(run->subject.conflict, job->subject.conflict, sizeof run->subject.conflict); /* where its frames stand */
    result->state = INSTANCE_FAILED;
    if (!do_object(run, &job->sources[0], &why)) {
        if (!result->not_an_object &&
            (why.kind == ERROR_NO_IMAGE || why.kind == ERROR_UNSUPPORTED || why.kind == ERROR_WITHHELD))
            result->state = INSTANCE_SKIPPED;
        (void)job_fault(result, &why);
    }
    const bool ok = tell_notes(run, err);
    run_release(run, result->error != ERROR_NONE && !run->is_told);
    memory_free(run);
    sources_close(worker->sources);
    return ok;
}
