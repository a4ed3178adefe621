/* The job of a series: its stages over the volumes that its slices make, when it is settled. Made in the window task's
 * thread, handed out and taken back in the loop's. */
#include "coordinator_private.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "job/stage.h"

/* -- what is due ------------------------------------------------------------------------- */

/* The window that most images carry; of equals the one that stands first in them. */
static bool find_own_window(struct open_series *series, struct error *err)
{
    struct cursor *cursor = NULL;

    if (!catalogue_select(series->coordinator->catalogue,
                          "SELECT w.center, w.width, w.function FROM voi_window w JOIN instance i USING (instance_id)"
                          " WHERE w.study_instance_uid = ? AND w.series_instance_uid = ? AND w.origin = 'tag'"
                          " AND w.is_valid = 1 AND i.is_current = 1 AND i.state = 'done'"
                          " GROUP BY w.center, w.width, w.function ORDER BY count(*) DESC,"
                          " sum((SELECT count(*) FROM voi_window b WHERE b.instance_id = w.instance_id"
                          "  AND b.voi_window_id < w.voi_window_id)), w.center, w.width, w.function LIMIT 1",
                          VALUES(value_text(series->study), value_text(series->series)), &cursor, err))
        return false;
    if (cursor_next(cursor)) {
        const char *const function = cursor_text(cursor, 2);

        series->volume_window = (struct window){.center = cursor_real(cursor, 0), .width = cursor_real(cursor, 1),
                                                .function = strcmp(function, "SIGMOID") == 0        ? VOI_SIGMOID
                                                            : strcmp(function, "LINEAR_EXACT") == 0 ? VOI_LINEAR_EXACT
                                                                                                    : VOI_LINEAR};
        series->has_volume_window = true;
    }
    return cursor_end(cursor, err);
}

static bool find_window(struct open_series *series, bool computed, struct error *err)
{
    struct digest window;

    if (!series->has_window && !find_own_window(series, err))
        return false;
    if (series->has_window && computed) {
        series->volume_window = series->window;
        series->has_volume_window = true;
    }
    const struct digest *const used = series->has_volume_window ? &window : NULL;
    return (used == NULL || window_digest(&series->volume_window, &window, err)) &&
           plan_input_digest(&series->input_digest, used, series->product_input, err) &&
           plan_input_digest(&series->slide_digest, used, series->slide_input, err);
}

/* The wanted stages of a series whose product is not of these slices, this window and these options. */
static bool list_due(const struct open_series *series, struct buffer *list, struct error *err)
{
    const struct coordinator *const c = series->coordinator;
    bool ok = true;

    for (size_t i = 0; ok && i < c->table.wanted_count; i++) {
        const struct wanted_stage *const stage = &c->table.wanted[i];
        const bool for_slides = (stage->needs & NEEDS_SLIDE) != 0;
        int64_t current = 0;

        if (stage->scope != SCOPE_SERIES || (for_slides && series->pyramids == 0))
            continue;
        ok = catalogue_number(c->catalogue,
                              "SELECT 1 FROM product WHERE study_instance_uid = ? AND series_instance_uid = ?"
                              " AND instance_id IS NULL AND stage = ? AND stage_version = ? AND options_digest = ?"
                              " AND input_digest = ?",
                              VALUES(value_text(series->study), value_text(series->series), value_text(stage->name),
                                     value_int(stage->version), value_text(stage->options_digest),
                                     value_text(for_slides ? series->slide_input : series->product_input)),
                              0, &current, err);
        if (ok && current == 0)
            ok = (list->size == 0 || buffer_puts(list, ",", err)) && buffer_puts(list, stage->name, err);
    }
    return ok;
}

/* -- members of streams, kept ------------------------------------------------------------ */

bool volume_keep_member(struct coordinator *c, const struct pool_job *job, const struct job_result *result, bool *kept,
                        struct error *err)
{
    const struct errand *const errand = job->owner;
    const uint64_t most = (uint64_t)c->settings->spool_mib << 20;
    const uint64_t used = c->spool.used + feed_spool_kept_bytes(&c->feed_spool);

    *kept = errand->has_part && result->wants_source && result->error == ERROR_NONE &&
            (used + job->job.sources[0].size <= most || !c->table.makes_frames); /* else the published frames will do */
    return !*kept ||
           feed_spool_keep(&c->feed_spool, &result->source_digest, errand->part, &job->job.sources[0], err);
}

bool volume_drop_kept(struct open_series *series, struct error *err)
{
    struct coordinator *const c = series->coordinator;
    struct cursor *cursor = NULL;
    struct digest digest;

    if (feed_spool_is_empty(&c->feed_spool))
        return true;
    if (!catalogue_select(c->catalogue,
                          "SELECT source_digest FROM instance WHERE study_instance_uid = ?"
                          " AND series_instance_uid = ? AND source_digest IS NOT NULL",
                          VALUES(value_text(series->study), value_text(series->series)), &cursor, err))
        return false;
    while (cursor_next(cursor))
        if (digest_parse(cursor_text(cursor, 0), &digest))
            feed_spool_release(&c->feed_spool, &digest);
    return cursor_end(cursor, err);
}

/* -- the job ----------------------------------------------------------------------------- */

enum member_column {
    MEMBER_ID, MEMBER_SOP, MEMBER_SOURCE, MEMBER_NAME, MEMBER_INDEX, MEMBER_BYTES, MEMBER_DIGEST, MEMBER_GEOMETRY,
    MEMBER_SLIDE, MEMBER_RELIC, MEMBER_DEVICE, MEMBER_INODE, MEMBER_FILE_BYTES, MEMBER_MTIME, MEMBER_CTIME, MEMBER_READ, MEMBER_FED
};

/* Relics of those whose source is gone, one after another. */
struct relics { int descriptor; uint64_t size; char name[48]; };

static bool write_relic(const struct coordinator *c, struct relics *relics, const void *data, size_t size,
                        struct error *err)
{
    char path[PATH_SIZE];

    if (relics->descriptor < 0) {
        if (!path_join(path, c->spool_folder, relics->name, err))
            return false;
        relics->descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (relics->descriptor < 0)
            return error_errno(err, errno, "cannot make \"%s\"", path);
    }
    for (size_t done = 0; done < size;) {
        const ssize_t n = write(relics->descriptor, (const char *)data + done, size - done);

        if (n <= 0)
            return error_errno(err, errno, "cannot write to the spool");
        done += (size_t)n;
    }
    relics->size += size;
    return true;
}

static void take_identity(const struct cursor *row, struct series_member *member)
{
    member->has_identity = !cursor_is_null(row, MEMBER_DEVICE) &&
                           cursor_int(row, MEMBER_MTIME) < cursor_int(row, MEMBER_READ) &&
                           cursor_int(row, MEMBER_CTIME) < cursor_int(row, MEMBER_READ);
    member->identity = (struct source_identity){cursor_int(row, MEMBER_DEVICE), cursor_int(row, MEMBER_INODE),
                                                cursor_int(row, MEMBER_FILE_BYTES), cursor_int(row, MEMBER_MTIME),
                                                cursor_int(row, MEMBER_CTIME)};
}

/* In `paths` until name_sources. */
static bool take_source(struct coordinator *c, const struct cursor *row, struct series_member *member,
                        struct buffer *paths, struct error *err)
{
    const bool in_zip = !cursor_is_null(row, MEMBER_INDEX);
    struct source *const source = &member->source;
    struct stat status;

    if (cursor_int(row, MEMBER_FED) != 0 || stat(cursor_text(row, MEMBER_SOURCE), &status) != 0) {
        if (!feed_spool_find(&c->feed_spool, &member->digest, source, err))
            return false;
        member->has_source = source->path != NULL;
        const bool ok = !member->has_source || buffer_append(paths, source->path, strlen(source->path) + 1, err);
        memory_free(source->path);
        source->path = NULL;
        return ok;
    }
    *source = (struct source){.kind = in_zip ? SOURCE_MEMBER : SOURCE_FILE, .depth = in_zip,
                              .member = in_zip ? (uint64_t)cursor_int(row, MEMBER_INDEX) : 0,
                              .size = in_zip ? 0 : (uint64_t)cursor_int(row, MEMBER_BYTES)};
    member->has_source = true;
    take_identity(row, member);
    return buffer_append(paths, cursor_text(row, MEMBER_SOURCE), strlen(cursor_text(row, MEMBER_SOURCE)) + 1, err);
}

static bool take_member(struct coordinator *c, const struct cursor *row, struct relics *relics, struct buffer *paths,
                        struct job *job, struct error *err)
{
    struct series_member *const member = &job->members[job->member_count++];
    size_t size = 0;
    const void *const geometry = cursor_blob(row, MEMBER_GEOMETRY, &size);

    (void)snprintf(member->sop, UID_SIZE, "%s", cursor_text(row, MEMBER_SOP));
    if (!digest_parse(cursor_text(row, MEMBER_DIGEST), &member->digest))
        return error_set(err, ERROR_CATALOGUE, "instance %s has no digest", member->sop);
    member->slices_offset = job->slices.size;
    member->slices_bytes = size;
    if (!buffer_append(&job->slices, geometry, size, err))
        return false;
    const void *const slide = cursor_blob(row, MEMBER_SLIDE, &size);
    if (!buffer_append(&member->slide, slide, size, err) || !take_source(c, row, member, paths, err))
        return false;
    if (member->has_source)
        return true;
    const void *const relic = cursor_blob(row, MEMBER_RELIC, &size);
    member->relic_offset = relics->size;
    member->relic_bytes = size;
    return size == 0 || write_relic(c, relics, relic, size, err);
}

static bool take_members(struct open_series *series, struct job *job, struct relics *relics, struct buffer *paths,
                         uint64_t *bytes, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(series->coordinator->catalogue,
                               "SELECT i.instance_id, i.sop_instance_uid, i.source, i.member, i.member_index,"
                               " i.source_bytes, i.source_digest, k.geometry, k.slide, k.relic, f.device, f.inode, f.bytes,"
                               " f.mtime_ns, f.ctime_ns, f.read_ns, " SOURCE_IS_FED("i")
                               " FROM instance i JOIN keep k USING (instance_id)"
                               " LEFT JOIN source_file f ON f.path = i.source"
                               " WHERE i.study_instance_uid = ? AND i.series_instance_uid = ? AND i.is_current = 1"
                               " AND i.state = 'done' AND k.geometry IS NOT NULL ORDER BY i.sop_instance_uid",
                               VALUES(value_text(series->study), value_text(series->series)), &cursor, err);

    while (ok && job->member_count < series->members && cursor_next(cursor)) {
        const int64_t id = cursor_int(cursor, MEMBER_ID);

        if (job->member_count == 0)
            (void)snprintf(relics->name, sizeof relics->name, "%.24s-r%lld", series->coordinator->token, (long long)id);
        series->ids[job->member_count] = id;
        *bytes += (uint64_t)cursor_int(cursor, MEMBER_BYTES);
        ok = take_member(series->coordinator, cursor, relics, paths, job, err);
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

enum { MANY_MEMBERS = 64 };

/* When the rows have been read: small pieces of memory between the catalogue's pages would hold on to those, when a worker
 * is about to hold slabs of a volume. */
static bool name_sources(struct catalogue *catalogue, const struct buffer *paths, struct job *job, struct error *err)
{
    const bool are_many = job->member_count >= MANY_MEMBERS;
    const char *path = buffer_text(paths);
    bool ok = true;

    if (are_many)
        catalogue_trim(catalogue);
    for (size_t i = 0; ok && i < job->member_count; i++)
        if (job->members[i].has_source) {
            job->members[i].source.path = memory_string(path, err);
            ok = job->members[i].source.path != NULL;
            path += strlen(path) + 1;
        }
    if (are_many)
        (void)malloc_trim(0);
    return ok;
}

static bool fill_job(struct open_series *series, struct job *job, uint64_t *bytes, struct error *err)
{
    struct relics relics = {.descriptor = -1};
    struct buffer paths = {0};

    memcpy(job->subject.study, series->study, UID_SIZE);
    memcpy(job->subject.series, series->series, UID_SIZE);
    job->has_window = series->has_volume_window;
    job->window = series->volume_window;
    job->members = memory_array((size_t)series->members, sizeof *job->members, err);
    memory_free(series->ids); /* of a job that was lost */
    series->ids = memory_array((size_t)series->members, sizeof *series->ids, err);
    bool ok = job->members != NULL && series->ids != NULL &&
              take_members(series, job, &relics, &paths, bytes, err) &&
              name_sources(series->coordinator->catalogue, &paths, job, err);
    buffer_release(&paths);
    if (relics.descriptor >= 0) {
        if (close(relics.descriptor) != 0 && ok)
            ok = error_errno(err, errno, "cannot write to the spool");
        memcpy(job->relics, relics.name, sizeof job->relics);
    }
    return ok;
}

bool volume_make_job(struct open_series *series, bool computed, struct error *err)
{
    struct buffer due = {0};
    struct pool_job *job = NULL;
    bool ok = series->members == 0 || (find_window(series, computed, err) && list_due(series, &due, err));

    if (ok && due.size > 0) {
        job = pool_job_new(JOB_SERIES, err);
        struct errand *const errand = job != NULL ? errand_new(job, err) : NULL;
        ok = errand != NULL && object_fill_stages(job, errand, buffer_text(&due), err) &&
             fill_job(series, &job->job, &errand->bytes, err);
        if (ok) {
            errand->series = series;
            job->attempts = series->attempts;
            job->alone = series->attempts > 0;
        }
    }
    buffer_release(&due);
    if (ok) {
        series->job = job;
        return true;
    }
    if (job != NULL)
        job_discard(job);
    return false;
}

/* -- in the loop's thread ---------------------------------------------------------------- */

void volume_queue_job(struct coordinator *c, struct open_series *series)
{
    struct pool_job *const job = series->job;

    for (size_t i = 0; i < job->job.member_count; i++) {
        const struct spool_place *const planes = spool_find(&c->spool, series->ids[i]);
        struct series_member *const member = &job->job.members[i];

        if (planes == NULL)
            continue;
        memcpy(member->planes, c->spool.files[planes->file].name, sizeof member->planes);
        member->planes_offset = planes->offset;
        member->planes_bytes = planes->bytes;
    }
    series->job = NULL;
    series->keeps_planes = true;
    series->in_pool++;
    c->progress.total++;
    job_queue_push(&c->ready, job);
}

static void remove_relics(const struct coordinator *c, const struct pool_job *job)
{
    char path[PATH_SIZE];
    struct error ignored;

    if (job->job.relics[0] != '\0' && path_join(path, c->spool_folder, job->job.relics, &ignored))
        (void)unlink(path);
}

void volume_make_again(struct coordinator *c, struct pool_job *job)
{
    struct open_series *const series = ((struct errand *)job->owner)->series;

    remove_relics(c, job);
    series->attempts = job->attempts;
    series->in_pool--;
    series->step = SERIES_OBJECTS;
    series->fetched = true;
    c->progress.total--;
    job_discard(job);
}

void volume_job_over(struct coordinator *c, const struct pool_job *job, const struct job_result *result)
{
    remove_relics(c, job);
    for (size_t i = 0; i < result->manifest.product_count; i++) {
        const struct product *const product = &result->manifest.products[i];

        if (product->state == PRODUCT_FAILED || product->state == PRODUCT_PARTIAL)
            coordinator_report("product_failed", job->job.subject.series, product->stage, "failed", product->reason);
    }
}

void volume_close(struct coordinator *c, struct open_series *series)
{
    for (size_t i = 0; series->ids != NULL && i < series->members; i++)
        spool_drop(&c->spool, series->ids[i]);
}
