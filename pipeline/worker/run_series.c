/* JOB_SERIES: the stages of a series, volume by volume, slice by slice; then pyramid by pyramid, whose tiles they ask for.
 * Both are made of what the members hold as the coordinator made them: the same slices give the same volumes. */
#include <malloc.h>
#include <string.h>

#include "base/memory.h"
#include "dicom/geometry.h"
#include "dicom/slide.h"
#include "job/slices.h"
#include "job/slide_blob.h"
#include "run.h"
#include "worker/ahead.h"
#include "worker/members.h"
#include "worker/sandbox.h"
#include "worker/slide_reader.h"

enum { SLICES_AN_ALLOWANCE = 16, MANY_SLICES = 64 };

struct series {
    struct run run;
    struct job *job;      /* the run's */
    struct slice *slices; /* owned, until the volumes are made; `instance` is the number of the member */
    size_t count, capacity;
    struct slice_place *places; /* owned: then */
    struct geometry geometry;
    struct slide_part *parts; /* owned; `instance` is the number of the member */
    size_t part_count;
    struct slide slide;
    struct members *members;
    struct ahead *ahead;
};

/* Before there are slabs of a volume, and after. */
static void give_back_memory(const struct series *s)
{
    if (s->count >= MANY_SLICES)
        (void)malloc_trim(0);
}

/* -- the volumes ---------------------------------------------------------------------------- */

static const uint8_t *slices_of(const struct series *s, size_t member, size_t *size)
{
    *size = (size_t)s->run.job->members[member].slices_bytes;
    return s->run.job->slices.data + s->run.job->members[member].slices_offset;
}

static bool take_slices(struct series *s, size_t member, struct error *err)
{
    const struct series_member *const from = &s->run.job->members[member];
    struct slices found = {0};
    size_t size = 0;
    const uint8_t *const data = slices_of(s, member, &size);

    if (!slices_parse(data, size, &found, err))
        return false;
    for (size_t i = 0; i < found.count && s->count < s->capacity; i++) {
        struct slice *const slice = &s->slices[s->count++];

        *slice = found.items[i];
        slice->instance = member;
        memcpy(slice->sop_instance_uid, from->sop, UID_SIZE);
    }
    slices_release(&found);
    return true;
}

static bool make_room(struct series *s, struct error *err)
{
    size_t size = 0;

    for (size_t i = 0; i < s->run.job->member_count; i++) {
        const uint8_t *const data = slices_of(s, i, &size);

        s->capacity += slices_count(data, size);
    }
    s->slices = memory_array(s->capacity, sizeof *s->slices, err);
    return s->slices != NULL;
}

/* A slice takes half a kilobyte, and hardly anything of it is needed any more. */
static bool keep_places(struct series *s, struct error *err)
{
    s->places = memory_array(s->count, sizeof *s->places, err);
    for (size_t i = 0; s->places != NULL && i < s->count; i++) {
        const struct slice *const from = &s->slices[i];
        struct slice_place *const to = &s->places[i];

        *to = (struct slice_place){.member = (uint32_t)from->instance, .frame = from->frame, .x = from->x, .y = from->y,
                                   .has_modality_lut = from->has_modality_lut, .has_padding = from->has_padding,
                                   .padding_low = from->padding_low, .padding_high = from->padding_high,
                                   .slope = from->slope, .intercept = from->intercept};
        memcpy(to->position, from->position, sizeof to->position);
    }
    memory_free(s->slices);
    s->slices = NULL;
    return s->places != NULL;
}

static bool make_volumes(struct series *s, struct error *err)
{
    bool ok = make_room(s, err);

    for (size_t i = 0; ok && i < s->run.job->member_count; i++)
        ok = take_slices(s, i, err);
    return ok && geometry_sort(s->slices, s->count, &s->geometry, err) && keep_places(s, err);
}

/* -- one slice ------------------------------------------------------------------------------ */

static bool read_slice(struct series *s, const struct volume_cell *cell, struct stage_slice *given, struct error *err)
{
    const struct slice_place *const place = &s->places[cell->input];
    struct slice_frame found;

    if (!ahead_next(s->ahead, &found, err))
        return false;
    given->frame = found.frame;
    given->modality_lut = found.modality_lut;
    given->x = found.x;
    given->y = found.y;
    given->slope = place->slope;
    given->intercept = place->intercept;
    given->has_padding = place->has_padding;
    given->padding_low = place->padding_low;
    given->padding_high = place->padding_high;
    memcpy(given->position, place->position, sizeof given->position);
    return true;
}

/* A slice that cannot be read: no stage has the volume, others of the series may be whole. */
static bool give_slice(struct series *s, const struct volume *volume, const struct volume_cell *cell, uint32_t dimension,
                       uint32_t number, struct error *err)
{
    struct stage_slice given = {.volume = volume, .dimension = dimension, .slice = number};
    struct error why = {0};

    if (cell == NULL || read_slice(s, cell, &given, &why))
        return stage_set_slice(s->run.stages, &given, err);
    (void)error_context(&why, "volume %u, slice %u", volume->ordinal, number + 1);
    return stage_set_fail(s->run.stages, &why, err);
}

/* -- passes --------------------------------------------------------------------------------- */

static bool give_all(struct series *s, const struct volume *volume, struct error *err)
{
    const uint64_t places = (uint64_t)volume->dimensions * volume->slices;
    size_t next = 0;

    for (uint64_t i = 0; i < places && stage_set_is_live(s->run.stages); i++) {
        const uint32_t dimension = (uint32_t)(i / volume->slices), slice = (uint32_t)(i % volume->slices);
        const struct volume_cell *const cell = next < volume->cell_count ? &volume->cells[next] : NULL;
        const bool is_there = cell != NULL && cell->dimension == dimension && cell->slice == slice;

        if (i % SLICES_AN_ALLOWANCE == 0 && !sandbox_allow_cpu(s->run.worker->setup.cpu_seconds, err))
            return false;
        next += is_there;
        if (!give_slice(s, volume, is_there ? cell : NULL, dimension, slice, err))
            return false;
    }
    return true;
}

static bool run_pass(struct series *s, const struct volume *volume, struct error *err)
{
    const bool ok = ahead_new(s->members, volume, s->places, &s->ahead, err) && give_all(s, volume, err);

    ahead_free(s->ahead);
    s->ahead = NULL;
    return ok;
}

static bool run_volume(struct series *s, const struct volume *volume, struct error *err)
{
    unsigned passes = 0;

    if (!stage_set_volume(s->run.stages, volume, &passes, err))
        return false;
    for (unsigned pass = 0; pass < passes && stage_set_pass(s->run.stages, pass); pass++)
        if (!run_pass(s, volume, err) || !stage_set_volume_end(s->run.stages, volume, err))
            return false;
    return true;
}

/* -- pyramids ------------------------------------------------------------------------------- */

static bool make_slide(struct series *s, struct error *err)
{
    const struct job *const job = s->run.job;

    s->parts = memory_array(job->member_count, sizeof *s->parts, err);
    if (s->parts == NULL)
        return false;
    for (size_t i = 0; i < job->member_count; i++) {
        struct slide_part *const part = &s->parts[s->part_count];

        if (job->members[i].slide.size == 0)
            continue;
        if (!slide_blob_parse(job->members[i].slide.data, job->members[i].slide.size, part, err))
            return false;
        part->instance = i;
        memcpy(part->sop_instance_uid, job->members[i].sop, UID_SIZE);
        s->part_count++;
    }
    return slide_sort(s->parts, s->part_count, &s->slide, err);
}

/* What cannot be opened fails the stages that want it. */
static bool run_pyramid(struct series *s, struct slide_reader *reader, const struct slide_pyramid *pyramid,
                        struct error *err)
{
    struct stage_slide given;
    struct error why = {0};

    if (slide_reader_begin(reader, pyramid, &given, &why))
        return stage_set_slide(s->run.stages, &given, err);
    (void)error_context(&why, "pyramid %u", pyramid->ordinal);
    return stage_set_fail_slides(s->run.stages, &why, err);
}

static bool run_pyramids(struct series *s, struct error *err)
{
    struct slide_reader *reader = NULL;
    bool ok = slide_reader_new(s->run.worker, s->run.job, s->parts, s->members, &reader, err);

    for (size_t i = 0; ok && i < s->slide.count; i++)
        if (s->slide.pyramids[i].level_count > 0)
            ok = run_pyramid(s, reader, &s->slide.pyramids[i], err);
    slide_reader_free(reader);
    return ok;
}

static void release_slide(struct series *s)
{
    slide_release(&s->slide);
    for (size_t i = 0; i < s->part_count; i++)
        slide_part_release(&s->parts[i]);
    memory_free(s->parts);
}

static bool do_series(struct series *s, struct error *err)
{
    struct run *const run = &s->run;

    if (!make_volumes(s, err) || !make_slide(s, err) || !members_new(run->worker, s->job, &s->members, err))
        return false;
    give_back_memory(s);
    if (!run_begin(run, false, err))
        return false;
    for (size_t i = 0; i < s->geometry.count; i++)
        if (!run_volume(s, &s->geometry.volumes[i], err))
            return false;
    if (stage_set_has(run->stages, NEEDS_SLIDE) && !run_pyramids(s, err))
        return false;
    return run_finish(run, NULL, err);
}

bool worker_series(struct worker *worker, struct job *job, struct job_result *result, struct error *err)
{
    struct series *const s = memory_zeroed(sizeof *s, err);
    struct error why = {0};

    if (s == NULL)
        return false;
    s->run.worker = worker;
    s->run.job = s->job = job;
    s->run.result = result;
    s->run.subject = job->subject;
    s->run.window = job->has_window ? &job->window : NULL;
    result->state = INSTANCE_DONE;
    if (!do_series(s, &why)) {
        (void)job_fault(result, &why);
        result->state = INSTANCE_FAILED;
    }
    members_free(s->members); /* gives back the sources */
    run_release(&s->run, result->error != ERROR_NONE);
    geometry_release(&s->geometry);
    release_slide(s);
    memory_free(s->slices);
    memory_free(s->places);
    give_back_memory(s);
    memory_free(s);
    return true;
}
