/* Phase 4, the jobs: rows become OBJECT and RENDER jobs, results become publications, publications a batch. */
#include "coordinator_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "coordinator/catalogue_run.h"
#include "job/stage.h"

enum { SLOW_BYTES_PER_MS = 500 }; /* half a megabyte a second is slow even for JPEG 2000 */

bool object_fill_stages(struct pool_job *job, struct errand *errand, const char *asked, struct error *err)
{
    job->job.stages = memory_string(asked, err);
    errand->stages = memory_string(asked, err);
    return job->job.stages != NULL && errand->stages != NULL;
}

bool object_fill_relic(struct coordinator *c, int64_t instance_id, struct job *job, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    size_t size = 0;
    bool ok = catalogue_select(c->catalogue, "SELECT relic FROM keep WHERE instance_id = ?",
                               VALUES(value_int(instance_id)), &cursor, err);

    if (ok && cursor_next(cursor)) {
        const void *const relic = cursor_blob(cursor, 0, &size);
        ok = buffer_append(&job->relic, relic, size, err);
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

/* -- from a row to a job ----------------------------------------------------------------- */

enum row_column {
    ROW_ID, ROW_SOP, ROW_SOURCE, ROW_MEMBER, ROW_INDEX, ROW_ORDER, ROW_BYTES, ROW_DIGEST, ROW_CURRENT, ROW_WINDOW,
    ROW_REASON, ROW_FED, ROW_DEVICE, ROW_INODE, ROW_FILE_BYTES, ROW_MTIME, ROW_CTIME, ROW_STAGES
};
#define ROW_SQL \
    "i.instance_id, i.sop_instance_uid, i.source, i.member, i.member_index, i.source_order, i.source_bytes," \
    " i.source_digest, i.is_current, i.needs_window, i.reason, " SOURCE_IS_FED("i") ", f.device, f.inode, f.bytes," \
    " f.mtime_ns, f.ctime_ns"

static bool fill_source(const struct cursor *row, struct source *source, struct error *err)
{
    const bool is_member = !cursor_is_null(row, ROW_INDEX);

    source->kind = is_member ? SOURCE_MEMBER : SOURCE_FILE;
    source->member = is_member ? (uint64_t)cursor_int(row, ROW_INDEX) : 0;
    source->depth = is_member ? 1 : 0;
    source->size = is_member ? 0 : (uint64_t)cursor_int(row, ROW_BYTES);
    source->path = memory_string(cursor_text(row, ROW_SOURCE), err);
    if (source->path != NULL && is_member)
        source->member_name = memory_string(cursor_text(row, ROW_MEMBER), err);
    return source->path != NULL && (!is_member || source->member_name != NULL);
}

/* A file may be gone. */
static bool source_is_there(const struct cursor *row)
{
    struct stat status;

    return cursor_int(row, ROW_FED) == 0 && stat(cursor_text(row, ROW_SOURCE), &status) == 0;
}

/* It is the file that was read, not one that has come in its place since and is not offered. */
static bool source_is_same(const struct cursor *row)
{
    const struct file_identity then = {cursor_int(row, ROW_DEVICE), cursor_int(row, ROW_INODE),
                                       cursor_int(row, ROW_FILE_BYTES), cursor_int(row, ROW_MTIME),
                                       cursor_int(row, ROW_CTIME)};
    struct stat status;

    if (cursor_int(row, ROW_FED) != 0 || stat(cursor_text(row, ROW_SOURCE), &status) != 0)
        return false;
    const struct file_identity now = plan_file_identity(&status);
    return cursor_is_null(row, ROW_DEVICE) || memcmp(&then, &now, sizeof now) == 0;
}

/* What was kept of it, when it was decoded. */
static bool find_keep(struct coordinator *c, const struct cursor *row, bool *found, struct error *err)
{
    int64_t known = 0;
    const bool ok = catalogue_number(c->catalogue, "SELECT 1 FROM keep WHERE instance_id = ? AND relic IS NOT NULL",
                                     VALUES(value_int(cursor_int(row, ROW_ID))), 0, &known, err);

    *found = known != 0;
    return ok;
}

/* A render job of this instance: from its planes, else from its source, else from what was kept. */
static bool fill_render(struct coordinator *c, const struct open_series *series, const struct cursor *row,
                        struct job *job, struct error *err)
{
    memcpy(job->subject.study, series->study, UID_SIZE);
    memcpy(job->subject.series, series->series, UID_SIZE);
    (void)snprintf(job->subject.sop, UID_SIZE, "%s", cursor_text(row, ROW_SOP));
    job->has_source_digest = digest_parse(cursor_text(row, ROW_DIGEST), &job->source_digest);
    if (cursor_int(row, ROW_CURRENT) == 0)
        digest_hex16(&job->source_digest, job->subject.conflict);
    const struct spool_place *const planes = spool_find(&c->spool, cursor_int(row, ROW_ID));
    if (planes != NULL) {
        memcpy(job->spool, c->spool.files[planes->file].name, sizeof job->spool);
        job->spool_offset = planes->offset;
        job->spool_bytes = planes->bytes;
    } else if (!object_fill_relic(c, cursor_int(row, ROW_ID), job, err)) {
        return false;
    }
    job->sources = memory_array(1, sizeof *job->sources, err);
    if (job->sources == NULL)
        return false;
    const bool is_there = source_is_there(row);
    if (!(is_there ? fill_source(row, &job->sources[0], err)
                   : feed_spool_find(&c->feed_spool, &job->source_digest, &job->sources[0], err)))
        return false;
    job->source_count = job->sources[0].path != NULL ? 1 : 0;
    return true;
}

static bool fill_object(const struct cursor *row, struct job *job, struct error *err)
{
    struct digest digest;

    if (cursor_int(row, ROW_CURRENT) == 0 && digest_parse(cursor_text(row, ROW_DIGEST), &digest))
        digest_hex16(&digest, job->subject.conflict);
    job->sources = memory_array(1, sizeof *job->sources, err);
    job->source_count = job->sources != NULL ? 1 : 0;
    return job->sources != NULL && fill_source(row, &job->sources[0], err);
}

/* OBJECT where the bytes are there and not all that is wanted can wait for them; RENDER else. */
static struct pool_job *make_job(struct coordinator *c, struct open_series *series, const struct cursor *row,
                                 const char *asked, bool render, struct error *err)
{
    struct pool_job *const job = pool_job_new(render ? JOB_RENDER : JOB_OBJECT, err);
    struct errand *const errand = job != NULL ? errand_new(job, err) : NULL;
    bool ok = errand != NULL && object_fill_stages(job, errand, asked, err) &&
              (render ? fill_render(c, series, row, &job->job, err) : fill_object(row, &job->job, err));

    if (!ok) {
        if (job != NULL)
            job_discard(job);
        return NULL;
    }
    job->job.for_volumes = !render && c->table.wants_volumes;
    job->job.for_slides = !render && c->table.wants_slides;
    job->job.with_labels = c->with_labels;
    errand->instance_id = cursor_int(row, ROW_ID);
    errand->series = series;
    errand->bytes = (uint64_t)cursor_int(row, ROW_BYTES);
    if (render && series->has_window && cursor_int(row, ROW_WINDOW) != 0) {
        job->job.has_window = errand->has_window = true;
        job->job.window = series->window;
        errand->window_digest = series->window_digest;
    }
    return job;
}

/* -- refilling --------------------------------------------------------------------------- */

/* The wanted stages whose product is not up to date, of those that need a picture or of all others or of both. */
enum { FOR_PICTURES = 1, FOR_OTHERS = 2 };

static bool is_to_do(struct coordinator *c, int64_t instance_id, const struct wanted_stage *stage, bool *to_do,
                     struct error *err)
{
    int64_t current = 0;
    const bool ok = catalogue_number(c->catalogue,
                                     "SELECT 1 FROM product WHERE instance_id = ? AND stage = ? AND stage_version = ?"
                                     " AND options_digest = ?",
                                     VALUES(value_int(instance_id), value_text(stage->name), value_int(stage->version),
                                            value_text(stage->options_digest)),
                                     0, &current, err);

    *to_do = current == 0;
    return ok;
}

static bool stages_to_do(struct coordinator *c, int64_t instance_id, bool has_digest, unsigned which,
                         struct buffer *list, struct error *err)
{
    bool ok = true, makes_frames = false;

    buffer_clear(list);
    for (size_t i = 0; ok && i < c->table.wanted_count; i++) {
        const struct wanted_stage *const stage = &c->table.wanted[i];
        /* metadata describe the published frames: whoever makes frames anew describes them anew. In run order the
         * frames come first */
        bool to_do = !has_digest || (makes_frames && (stage->needs & NEEDS_OBJECT) != 0);

        if (stage->scope != SCOPE_INSTANCE || !(which & ((stage->needs & NEEDS_PICTURE) ? FOR_PICTURES : FOR_OTHERS)))
            continue;
        ok = to_do || is_to_do(c, instance_id, stage, &to_do, err);
        if (!ok || !to_do)
            continue;
        makes_frames = makes_frames || strcmp(stage->name, STAGE_OF_FRAMES) == 0;
        ok = (list->size == 0 || buffer_puts(list, ",", err)) && buffer_puts(list, stage->name, err);
    }
    return ok;
}

static bool queue_job(struct coordinator *c, struct open_series *series, const struct cursor *row,
                      const char *asked, bool render, struct error *err)
{
    struct pool_job *const job = make_job(c, series, row, asked, render, err);

    if (job == NULL)
        return false;
    job_queue_push(&c->ready, job);
    series->in_pool++;
    return instance_set_state(c->catalogue, cursor_int(row, ROW_ID), INSTANCE_RUNNING, err);
}

/* An object without a picture that can be read: it has no window to wait for. */
static bool is_header_only(const struct cursor *row)
{
    const enum error_kind reason = error_kind_of_word(cursor_text(row, ROW_REASON));

    return reason == ERROR_NO_IMAGE || reason == ERROR_UNSUPPORTED;
}

static bool queue_kept_header(struct coordinator *c, struct open_series *series, const struct cursor *row,
                              struct buffer *list, struct error *err)
{
    const int64_t instance_id = cursor_int(row, ROW_ID);

    if (!stages_to_do(c, instance_id, true, FOR_PICTURES | FOR_OTHERS, list, err))
        return false;
    if (list->size > 0)
        return queue_job(c, series, row, buffer_text(list), true, err);
    return instance_set_state(c->catalogue, instance_id, INSTANCE_SKIPPED, err);
}

/* The source is gone: pictures are made from what was kept when the window of the series is known, like those that
 * an OBJECT job defers. */
static bool queue_kept(struct coordinator *c, struct open_series *series, const struct cursor *row,
                       struct buffer *list, struct error *err)
{
    const int64_t instance_id = cursor_int(row, ROW_ID);

    if (!stages_to_do(c, instance_id, true, FOR_PICTURES, list, err) ||
        !publish_defer(&c->publisher, instance_id, buffer_text(list), err) ||
        !stages_to_do(c, instance_id, true, FOR_OTHERS, list, err))
        return false;
    if (list->size > 0)
        return queue_job(c, series, row, buffer_text(list), true, err);
    return instance_set_state(c->catalogue, instance_id, INSTANCE_DONE, err);
}

/* It failed, and its source is gone: it would fail again if that were there. */
static bool keep_failed(struct coordinator *c, const struct cursor *row, struct buffer *list, struct error *err)
{
    const int64_t instance_id = cursor_int(row, ROW_ID);

    return stages_to_do(c, instance_id, true, FOR_PICTURES | FOR_OTHERS, list, err) &&
           publish_stay_failed(&c->publisher, instance_id, buffer_text(list), cursor_text(row, ROW_REASON), err);
}

static bool queue_row(struct coordinator *c, struct open_series *series, const struct cursor *row,
                      struct buffer *list, struct error *err)
{
    const bool has_digest = !cursor_is_null(row, ROW_DIGEST);
    bool is_kept = false;

    if (has_digest && !source_is_same(row) && !find_keep(c, row, &is_kept, err))
        return false;
    if (is_kept && is_header_only(row))
        return queue_kept_header(c, series, row, list, err);
    if (is_kept)
        return queue_kept(c, series, row, list, err);
    if (has_digest && !source_is_there(row) && !cursor_is_null(row, ROW_REASON))
        return keep_failed(c, row, list, err);
    if (!stages_to_do(c, cursor_int(row, ROW_ID), has_digest, FOR_PICTURES | FOR_OTHERS, list, err))
        return false;
    /* what was killed before it settled is decoded again even if its products are there */
    return queue_job(c, series, row, list->size > 0 ? buffer_text(list) : c->table.of_instances, false, err);
}

static bool fetch_objects(struct coordinator *c, struct open_series *series, struct error *err)
{
    struct cursor *cursor = NULL;
    struct buffer list = {0};
    struct error ignored;
    size_t count = 0;
    bool ok = catalogue_begin(c->catalogue, err);

    if (!ok)
        return false;
    /* all rows first: their state changes while we look at them */
    ok = catalogue_select(c->catalogue,
                          "SELECT " ROW_SQL " FROM (SELECT * FROM instance WHERE study_instance_uid = ?"
                          " AND series_instance_uid = ? AND state = 'pending' AND state IN ('pending', 'running')"
                          " ORDER BY source_order LIMIT ?) i LEFT JOIN source_file f ON f.path = i.source"
                          " ORDER BY i.source_order || ''",
                          VALUES(value_text(series->study), value_text(series->series), value_int(REFILL)), &cursor,
                          err);
    while (ok && cursor_next(cursor)) {
        ok = queue_row(c, series, cursor, &list, err);
        count++;
    }
    ok = cursor_end(cursor, ok ? err : &ignored) && ok;
    buffer_release(&list);
    if (!ok) {
        catalogue_rollback(c->catalogue);
        return false;
    }
    series->fetched = count < REFILL;
    return catalogue_commit(c->catalogue, err);
}

static bool fetch_renders(struct coordinator *c, struct open_series *series, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    size_t count = 0;
    bool ok = catalogue_select(
        c->catalogue,
        "SELECT " ROW_SQL ", group_concat(p.stage) FROM product p JOIN instance i USING (instance_id)"
        " LEFT JOIN source_file f ON f.path = i.source"
        " WHERE p.study_instance_uid = ? AND p.series_instance_uid = ? AND p.state = 'pending' AND i.instance_id > ?"
        " AND i.state = 'done' AND instr(',' || ? || ',', ',' || p.stage || ',') > 0"
        " GROUP BY i.instance_id ORDER BY i.instance_id LIMIT ?",
        VALUES(value_text(series->study), value_text(series->series), value_int(series->last_id),
               value_text(c->table.of_instances), value_int(REFILL)),
        &cursor, err);

    while (ok && cursor_next(cursor)) {
        struct pool_job *const job = make_job(c, series, cursor, cursor_text(cursor, ROW_STAGES), true, err);

        ok = job != NULL;
        if (!ok)
            break;
        series->last_id = cursor_int(cursor, ROW_ID);
        job_queue_push(&c->ready, job);
        series->in_pool++;
        count++;
    }
    series->fetched = count < REFILL;
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

/* Renders first: they end a series, and free the spool. */
static struct open_series *find_fillable(struct coordinator *c)
{
    for (struct open_series *s = c->open; s != NULL; s = s->next)
        if (s->step == SERIES_RENDERS && !s->fetched)
            return s;
    for (struct open_series *s = c->open; s != NULL; s = s->next)
        if (s->step == SERIES_OBJECTS && !s->fetched)
            return s;
    return NULL;
}

static bool refill(struct coordinator *c, struct error *err)
{
    while (c->ready.count == 0) {
        struct open_series *const series = find_fillable(c);

        if (series == NULL) {
            if (c->all_series_opened)
                return true;
            if (!series_open_next(c, err))
                return false;
        } else if (!(series->step == SERIES_RENDERS ? fetch_renders(c, series, err) : fetch_objects(c, series, err))) {
            return false;
        }
    }
    return true;
}

struct pool_job *object_next(struct coordinator *c)
{
    struct error err = {0};
    struct pool_job *job = job_queue_pop(&c->again);

    if (job == NULL) {
        if (!refill(c, &err)) {
            coordinator_fail(c, &err);
            return NULL;
        }
        job = job_queue_pop(&c->ready);
    }
    if (job != NULL && job->wall_ms == 0) {
        const struct errand *const errand = job->owner;
        job->wall_ms = coordinator_wall_ms() + errand->bytes / SLOW_BYTES_PER_MS;
    }
    return job;
}

/* -- from a result to a publication ------------------------------------------------------ */

static bool is_asked(const char *asked, const char *name)
{
    const size_t length = strlen(name);

    for (const char *word = asked; *word != '\0'; word += strcspn(word, ","), word += *word == ',')
        if (strcspn(word, ",") == length && memcmp(word, name, length) == 0)
            return true;
    return false;
}

/* What the pool cannot check: products that were asked for, in the version that was told. */
static bool check_products(const struct coordinator *c, const struct errand *errand, const struct manifest *manifest,
                           struct error *err)
{
    for (size_t i = 0; i < manifest->product_count; i++) {
        const struct product *const product = &manifest->products[i];
        bool known = false;

        for (size_t k = 0; k < c->table.wanted_count; k++)
            known = known || (strcmp(c->table.wanted[k].name, product->stage) == 0 &&
                              c->table.wanted[k].version == product->stage_version);
        if (!known || !is_asked(errand->stages, product->stage))
            return error_set(err, ERROR_PROTOCOL, "a product of stage \"%s\", version %u, was not asked for",
                             product->stage, product->stage_version);
    }
    return true;
}

bool object_add_publication(struct coordinator *c, struct publication *publication, struct error *err)
{
    if (!batch_add(&c->batch, publication, err)) {
        publication_free(publication);
        return false;
    }
    if (c->batch.count == 1)
        c->batch_began_ms = uv_now(&c->loop);
    return true;
}

static void report_failure(const struct coordinator *c, const struct pool_job *job, enum error_kind kind,
                           const char *text)
{
    const char *const path = job->job.source_count > 0        ? job->job.sources[0].path
                             : job->job.kind == JOB_SERIES ? job->job.subject.series
                                                           : job->job.subject.sop;
    const char *const member = job->job.source_count > 0 ? job->job.sources[0].member_name : NULL;

    (void)c;
    coordinator_report("instance_failed", path, member, error_kind_word(kind), text);
}

/* Takes the result. */
static bool add_result(struct coordinator *c, struct pool_job *job, struct job_result *result, struct error *err)
{
    struct errand *const errand = job->owner;
    struct publication *const publication = publication_new(job->job.kind, err);

    if (publication == NULL) {
        job_result_release(result);
        return false;
    }
    publication->result = *result;
    publication->instance_id = errand->instance_id;
    publication->has_window = errand->has_window;
    publication->window_digest = errand->window_digest;
    publication->owner = errand->series;
    if (job->job.kind == JOB_SERIES) {
        memcpy(publication->row.study, errand->series->study, UID_SIZE);
        memcpy(publication->row.series, errand->series->series, UID_SIZE);
        memcpy(publication->input, errand->series->product_input, sizeof publication->input);
        memcpy(publication->slide_input, errand->series->slide_input, sizeof publication->slide_input);
        volume_job_over(c, job, &publication->result);
    }
    publication->stages = errand->stages;
    errand->stages = NULL;
    errand->series->in_pool--;
    errand->series->in_batch++;
    if (!equip_publication(c, errand, publication, err)) {
        publication_free(publication);
        return false;
    }
    return object_add_publication(c, publication, err);
}

static void fail_result(struct job_result *result, enum instance_state state, enum error_kind kind, const char *text)
{
    const enum job_kind job = result->kind;

    job_result_release(result);
    *result = (struct job_result){.kind = job, .error = kind, .state = state};
    (void)snprintf(result->text, sizeof result->text, "%s", text);
}

void object_result(struct coordinator *c, struct pool_job *job, struct job_result *result)
{
    struct errand *const errand = job->owner;
    struct error err = {0};

    if (!check_products(c, errand, &result->manifest, &err))
        fail_result(result, INSTANCE_FAILED, err.kind, err.text);
    /* it was an object when it was indexed */
    const bool is_cut = result->state == INSTANCE_DONE && result->error == ERROR_TRUNCATED; /* whole frames are made */
    if (job->job.kind == JOB_OBJECT && (result->not_an_object || (result->error != ERROR_NONE && !is_cut &&
                                                                  result->state == INSTANCE_DONE)))
        result->state = INSTANCE_FAILED;
    if (result->not_an_object && result->error == ERROR_NONE)
        result->error = ERROR_NOT_DICOM;
    const bool may_fail = job->job.kind == JOB_RENDER ? result->state != INSTANCE_SKIPPED
                                                      : result->state == INSTANCE_FAILED;
    if ((result->error != ERROR_NONE && may_fail) ||
        (job->job.kind == JOB_OBJECT && is_cut))
        report_failure(c, job, result->error, result->text);
    c->counts.read_bytes += errand->bytes;
    c->progress.bytes += errand->bytes;
    c->progress.done++;
    if (!add_result(c, job, result, &err))
        coordinator_fail(c, &err);
    job_discard(job);
}

void object_lost(struct coordinator *c, struct pool_job *job, const struct pool_failure *failure)
{
    struct errand *const errand = job->owner;
    const struct source *const source = job->job.source_count > 0 ? &job->job.sources[0] : NULL;
    struct job_result result = {.kind = job->job.kind};
    struct error err = {0};
    bool ok = attempt_insert(c->catalogue, c->run_id, job->job.kind, source != NULL ? source->path : NULL,
                             source != NULL ? source->member_name : NULL, errand->instance_id, failure, &err);

    if (ok && failure->kind != ERROR_PROTOCOL && job->attempts < 2) {
        job->alone = true;
        if (job->job.kind == JOB_SERIES)
            volume_make_again(c, job);
        else
            job_queue_push(&c->again, job);
        return;
    }
    if (job->job.kind == JOB_RENDER && !errand->series->keeps_planes)
        spool_drop(&c->spool, errand->instance_id);
    fail_result(&result, failure->kind == ERROR_PROTOCOL ? INSTANCE_FAILED : INSTANCE_QUARANTINED, failure->kind,
                failure->text);
    report_failure(c, job, failure->kind, failure->text);
    c->progress.done++;
    ok = ok && add_result(c, job, &result, &err);
    if (!ok)
        coordinator_fail(c, &err);
    job_discard(job);
}

/* -- batches ----------------------------------------------------------------------------- */

/* Members of streams that have done their service go before the disks are synced: they need not be written at all. */
static bool drop_served_members(const struct batch *batch, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < batch->count; i++) {
        const struct publication *const p = batch->items[i];
        struct open_series *const series = p->kind == JOB_SERIES ? p->owner : NULL;

        if (series != NULL && series->renders == 0)
            ok = volume_drop_kept(series, err);
    }
    return ok;
}

static bool publish_work(void *data, struct error *err)
{
    struct coordinator *const c = data;

    return drop_served_members(&c->publishing, err) && publish_batch(&c->publisher, &c->publishing, err);
}

static void count_publication(struct coordinator *c, const struct publication *p)
{
    c->counts.files += p->dropped ? 0 : p->files;
    c->counts.bytes += p->dropped ? 0 : p->bytes;
    c->met_fault = c->met_fault || p->result.error != ERROR_NONE;
    if (p->kind == JOB_INDEX) {
        c->counts.rejected++;
        return;
    }
    if (p->kind != JOB_OBJECT)
        return;
    c->counts.instances += !p->dropped;
    if (p->dropped)
        return;
    if (p->result.state == INSTANCE_DONE)
        c->counts.done++;
    else if (p->result.state == INSTANCE_SKIPPED)
        c->counts.skipped++;
    else {
        c->counts.failed++;
        c->progress.failed++;
    }
}

static void after_publish(void *data, bool ok, const struct error *err)
{
    struct coordinator *const c = data;
    struct error failure;

    c->is_publishing = false;
    if (!ok)
        coordinator_fail(c, err);
    c->offers = c->offers || c->publishing.offers;
    c->moves = c->moves || c->publishing.moves;
    for (size_t i = 0; ok && i < c->publishing.count; i++) {
        struct publication *const p = c->publishing.items[i];

        count_publication(c, p);
        if (!equip_published(c, p, &failure))
            coordinator_fail(c, &failure);
        if (p->path != NULL) {
            feed_published(c, p->owner);
        } else if (p->owner != NULL) {
            ((struct open_series *)p->owner)->in_batch--;
        }
    }
    batch_release(&c->publishing);
}

/* A series waits for nothing but the batch. */
static bool series_waits(const struct coordinator *c)
{
    for (const struct open_series *s = c->open; s != NULL; s = s->next)
        if (s->fetched && s->in_pool == 0 && s->in_batch > 0)
            return true;
    return false;
}

/* Towards the end they are smaller: while the last one is published no worker has anything to do. */
static bool batch_is_full(const struct coordinator *c)
{
    const uint64_t left = c->progress.total > c->progress.done ? c->progress.total - c->progress.done : 0;

    return c->batch.count >= BATCH_MOST ||
           (c->phase == PHASE_OBJECT && c->batch.count >= BATCH_LEAST && left <= c->batch.count / 2);
}

void object_flush_if_due(struct coordinator *c)
{
    struct error err = {0};
    const uint64_t age = uv_now(&c->loop) - c->batch_began_ms;
    const bool idle = pool_jobs_out(c->pool) == 0;

    if (c->is_publishing || c->batch.count == 0 || coordinator_is_failed(c))
        return;
    if (!batch_is_full(c) && age < BATCH_MS && !idle && !(age >= SERIES_END_MS && series_waits(c)))
        return;
    c->publishing = c->batch;
    c->batch = (struct batch){0};
    c->is_publishing = true;
    if (!task_add(c->tasks, publish_work, after_publish, c, &err)) {
        c->is_publishing = false;
        coordinator_fail(c, &err);
    }
}
