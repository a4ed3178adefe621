/* Phase 3: streams and archives without random access, one pass each. A member becomes an OBJECT job as soon as it is
 * in the spool; its row is made when it settles. A member that is an archive becomes a feed inside the feed. */
#include "coordinator_private.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "coordinator/catalogue_run.h"

/* -- feeds ------------------------------------------------------------------------------- */

static void feed_free(struct feed *feed)
{
    if (feed == NULL)
        return;
    source_release(&feed->source);
    memory_free(feed->name);
    memory_free(feed->order);
    memory_free(feed->member_prefix);
    hash_set_release(&feed->names);
    hash_set_release(&feed->inner_names);
    memory_free(feed);
}

static bool copy_text(char **copy, const char *text, struct error *err)
{
    *copy = text != NULL ? memory_string(text, err) : NULL;
    return text == NULL || *copy != NULL;
}

bool feed_add(struct coordinator *c, const struct feed *like, struct error *err)
{
    struct feed *const feed = memory_zeroed(sizeof *feed, err);

    if (feed == NULL)
        return false;
    feed->source = (struct source){.kind = like->source.kind, .member = like->source.member,
                                   .depth = like->source.depth, .size = like->source.size,
                                   .offset = like->source.offset};
    feed->part = like->part;
    feed->has_identity = like->has_identity;
    feed->identity = like->identity;
    feed->read_ns = like->read_ns;
    feed->archive = like->archive;
    feed->outer = like->outer;
    feed->outer_attempt = like->outer_attempt;
    if (!copy_text(&feed->source.path, like->source.path, err) ||
        !copy_text(&feed->source.member_name, like->source.member_name, err) ||
        !copy_text(&feed->name, like->name, err) || !copy_text(&feed->order, like->order, err) ||
        !copy_text(&feed->member_prefix, like->member_prefix, err)) {
        feed_free(feed);
        return false;
    }
    *c->feed_last = feed;
    c->feed_last = &feed->next;
    return true;
}

bool feeds_are_over(const struct coordinator *c)
{
    return c->feeds == NULL;
}

static void unlink_feed(struct coordinator *c, struct feed *feed)
{
    for (struct feed **link = &c->feeds; *link != NULL; link = &(*link)->next)
        if (*link == feed) {
            *link = feed->next;
            if (c->feed_last == &feed->next)
                c->feed_last = link;
            break;
        }
    feed_free(feed);
}

/* A member has been read: the job that told it may go on. Another one has begun anew if that was lost. */
static void member_done(struct coordinator *c, const struct feed *feed, unsigned attempt)
{
    if (feed->job != NULL && feed->attempts == attempt)
        pool_members_done(c->pool, feed->job, 1);
}

/* A member of an archive in another one is told there, too. */
static bool tell_outer(struct feed *feed, const char *name, struct error *err)
{
    struct feed *outer = feed;

    while (outer->outer != NULL)
        outer = outer->outer;
    return (outer == feed && outer->archive == NULL) ||
           absent_tell(outer->archive != NULL ? &outer->archive->inner_names : &outer->inner_names, name, -1, err);
}

static bool settle_file(struct coordinator *c, const struct feed *feed, struct error *err)
{
    bool changed = false;

    return absent_may_be(c, feed->name, &feed->identity, &changed, err) &&
           (!changed || absent_forget(c, feed->name, &feed->names, &feed->inner_names, err)) &&
           source_put(c->catalogue, feed->name, &feed->identity, feed->read_ns, err);
}

/* Its worker is done, and so are its members. */
static void end_if_over(struct coordinator *c, struct feed *feed)
{
    struct error err = {0};
    struct feed *const outer = feed->outer;
    const unsigned outer_attempt = feed->outer_attempt;
    bool ok = true;

    if (!feed->ended || feed->out > 0)
        return;
    if (feed->has_identity)
        ok = settle_file(c, feed, &err);
    else if (feed->archive != NULL)
        feed->archive->left--;
    if (outer != NULL)
        feed_spool_drop(&c->feed_spool, feed->part);
    unlink_feed(c, feed);
    if (outer != NULL) {
        member_done(c, outer, outer_attempt);
        feed_published(c, outer);
    }
    if (!ok)
        coordinator_fail(c, &err);
}

void feed_published(struct coordinator *c, struct feed *feed)
{
    feed->out--;
    end_if_over(c, feed);
}

/* -- starting ---------------------------------------------------------------------------- */

static struct pool_job *start_feed(struct coordinator *c, struct feed *feed, struct error *err)
{
    struct pool_job *const job = pool_job_new(JOB_FEED, err);
    struct errand *const errand = job != NULL ? errand_new(job, err) : NULL;
    bool ok = errand != NULL && (job->job.sources = memory_zeroed(sizeof *job->job.sources, err)) != NULL;

    if (ok) {
        struct source *const source = job->job.sources;

        job->job.source_count = 1;
        *source = (struct source){.kind = feed->source.kind, .member = feed->source.member,
                                  .depth = feed->source.depth, .size = feed->source.size,
                                  .offset = feed->source.offset};
        ok = copy_text(&source->path, feed->source.path, err) &&
             copy_text(&source->member_name, feed->source.member_name, err) &&
             coordinator_new_name(c, job->job.spool, err);
    }
    if (!ok) {
        if (job != NULL)
            job_discard(job);
        return NULL;
    }
    errand->feed = feed;
    job->untimed = strcmp(feed->source.path, "-") == 0;
    job->job.feed_window = 8 * (uint32_t)c->settings->jobs;
    job->job.feed_bytes = (uint64_t)c->settings->spool_mib << 19; /* half of the spool: planes want the rest */
    feed->started = true;
    feed->job = job;
    return job;
}

/* One outer feed at a time, in order; inner ones beside it, one at a time. */
static struct feed *find_startable(struct coordinator *c)
{
    struct feed *outer = NULL, *inner = NULL;
    bool outer_runs = false, inner_runs = false;

    for (struct feed *f = c->feeds; f != NULL; f = f->next) {
        const bool runs = f->started && !(f->ended && f->out == 0);

        if (f->outer == NULL) {
            outer_runs = outer_runs || runs;
            outer = outer == NULL && !f->started ? f : outer;
        } else {
            inner_runs = inner_runs || (f->started && !f->ended);
            inner = inner == NULL && !f->started ? f : inner;
        }
    }
    if (inner != NULL && !inner_runs)
        return inner;
    return outer_runs ? NULL : outer;
}

struct pool_job *feed_next(struct coordinator *c)
{
    struct error err = {0};
    struct pool_job *job = job_queue_pop(&c->again);
    struct feed *const feed = job == NULL ? find_startable(c) : NULL;

    if (job == NULL && feed != NULL) {
        job = start_feed(c, feed, &err);
        if (job == NULL)
            coordinator_fail(c, &err);
        return job;
    }
    if (job == NULL)
        job = job_queue_pop(&c->ready);
    if (job != NULL && job->wall_ms == 0)
        job->wall_ms = coordinator_wall_ms() + ((struct errand *)job->owner)->bytes / 500;
    return job;
}

/* -- members ----------------------------------------------------------------------------- */

/* Names may come twice: the second is told apart by its number (from 1), which is part of the name from then on. */
static bool name_member(struct feed *feed, const struct feed_member *member, struct buffer *name, struct error *err)
{
    const char *const own = member->name;

    if (own == NULL && feed->member_prefix == NULL)
        return true; /* a bare object */
    if (!(feed->member_prefix == NULL || (buffer_puts(name, feed->member_prefix, err) &&
                                          (own == NULL || buffer_puts(name, "/", err)))) ||
        !(own == NULL || buffer_puts(name, own, err)))
        return false;
    while (hash_set_has(&feed->names, hash_text(buffer_text(name))))
        if (!buffer_printf(name, err, " (member %u)", member->number + 1))
            return false;
    return hash_set_add(&feed->names, hash_text(buffer_text(name)), err) &&
           tell_outer(feed, buffer_text(name), err);
}

static bool fill_errand(const struct feed *feed, const struct buffer *name, uint32_t number, struct errand *errand,
                        struct error *err)
{
    struct buffer order = {0};
    bool ok = plan_source_order(feed->order, number, &order, err) &&
              (errand->order = memory_string(buffer_text(&order), err)) != NULL &&
              (name->size == 0 || (errand->member = memory_string(buffer_text(name), err)) != NULL);

    buffer_release(&order);
    return ok;
}

/* A source that gave no instance, told with the batch. Takes the errand's texts. */
static bool add_rejection(struct coordinator *c, struct errand *errand, bool ignored, enum error_kind kind,
                          const char *text, struct error *err)
{
    struct publication *const p = publication_new(JOB_INDEX, err);

    if (p == NULL)
        return false;
    p->owner = errand->feed;
    p->path = memory_string(errand->feed->name, err);
    p->member = errand->member;
    p->order = errand->order;
    errand->member = errand->order = NULL;
    p->result.kind = JOB_INDEX;
    p->result.ignored = ignored;
    p->result.error = kind;
    (void)snprintf(p->result.text, sizeof p->result.text, "%s", text);
    if (p->path == NULL) {
        publication_free(p);
        return false;
    }
    return object_add_publication(c, p, err);
}

/* The file that the member is in; the one before gets no more members. */
static bool hold_file(struct coordinator *c, struct feed *feed, const struct feed_member *member, struct errand *errand,
                      struct error *err)
{
    if (!feed_spool_hold(&c->feed_spool, member->spool, &errand->part, err))
        return false;
    errand->has_part = true;
    if (feed->has_file && feed->file != errand->part)
        feed_spool_close(&c->feed_spool, feed->file);
    feed->has_file = true;
    feed->file = errand->part;
    return true;
}

static struct pool_job *member_job(struct coordinator *c, struct feed *feed, const struct feed_member *member,
                                   const char *path, struct error *err)
{
    struct pool_job *const job = pool_job_new(JOB_OBJECT, err);
    struct errand *const errand = job != NULL ? errand_new(job, err) : NULL;
    bool ok = errand != NULL && object_fill_stages(job, errand, c->table.of_instances, err) &&
              (job->job.sources = memory_zeroed(sizeof *job->job.sources, err)) != NULL;

    if (ok) {
        struct source *const source = job->job.sources;

        job->job.source_count = 1;
        source->kind = SOURCE_SPOOL;
        source->size = member->bytes;
        source->offset = member->offset;
        job->job.for_volumes = c->table.wants_volumes;
        job->job.for_slides = c->table.wants_slides;
        job->job.with_labels = c->with_labels;
        source->depth = feed->source.depth + 1;
        errand->feed = feed;
        errand->attempt = feed->attempts;
        errand->bytes = member->bytes;
        ok = copy_text(&source->path, path, err) && copy_text(&source->member_name, member->name, err) &&
             hold_file(c, feed, member, errand, err);
    }
    if (ok)
        return job;
    if (job != NULL)
        job_discard(job);
    return NULL;
}

/* One that a job that was lost has told before. */
static bool pass_over(struct coordinator *c, struct feed *feed, const struct feed_member *member, struct error *err)
{
    struct errand errand = {.feed = feed};

    if (member->spool == NULL)
        return true;
    if (!hold_file(c, feed, member, &errand, err))
        return false;
    feed_spool_drop(&c->feed_spool, errand.part);
    member_done(c, feed, feed->attempts);
    return true;
}

/* A stream on standard input is offered anew by whoever sends it. */
static bool is_removed(struct coordinator *c, const struct feed *feed, const struct buffer *name, bool *removed,
                       struct error *err)
{
    const struct origin origin = {feed->name, name->size > 0 ? buffer_text(name) : NULL, -1, ""};

    return strcmp(feed->name, "-") == 0 || source_is_removed(c->catalogue, &origin, removed, err);
}

static bool take_member(struct coordinator *c, struct feed *feed, const struct feed_member *member, struct error *err)
{
    if (member->number < feed->told)
        return pass_over(c, feed, member, err);
    feed->told = member->number + 1;
    struct buffer name = {0};
    char path[PATH_SIZE];
    struct pool_job *job = NULL;
    bool removed = false, ok = name_member(feed, member, &name, err) && is_removed(c, feed, &name, &removed, err);
    const bool is_first = feed->has_identity && feed->names.count == 1 && member->name != NULL;

    ok = ok && (!is_first || index_forget_file(c, feed->name, ERROR_NONE, err));
    if (ok && removed) {
        buffer_release(&name);
        return pass_over(c, feed, member, err);
    }
    c->progress.total++;
    c->feed_gave = c->feed_gave || (strcmp(feed->name, "-") == 0 && member->name != NULL);
    feed->out++;
    if (ok && member->spool == NULL) {
        struct errand errand = {.feed = feed};

        ok = fill_errand(feed, &name, member->number, &errand, err) &&
             add_rejection(c, &errand, member->ignored, member->kind, member->text, err);
        memory_free(errand.member);
        memory_free(errand.order);
    } else if (ok) {
        ok = path_is_safe_relative(member->spool) || error_set(err, ERROR_PROTOCOL, "\"%s\" is no spool file", member->spool);
        ok = ok && path_format(path, err, "%s/work/spool/%s", c->root, member->spool) &&
             (job = member_job(c, feed, member, path, err)) != NULL &&
             fill_errand(feed, &name, member->number, job->owner, err);
        if (ok)
            job_queue_push(&c->ready, job);
        else if (job != NULL)
            job_discard(job);
    }
    buffer_release(&name);
    return ok;
}

void feed_member(struct coordinator *c, struct pool_job *job, struct feed_member *member)
{
    struct errand *const errand = job->owner;
    struct error err = {0};

    if (!coordinator_begin_run(c, &err) || !take_member(c, errand->feed, member, &err))
        coordinator_fail(c, &err);
    feed_member_release(member);
    pool_wake(c->pool);
}

/* -- results of members ------------------------------------------------------------------ */

/* Takes the result. */
static bool add_object(struct coordinator *c, struct pool_job *job, struct job_result *result, struct error *err)
{
    struct errand *const errand = job->owner;
    struct publication *const p = publication_new(JOB_OBJECT, err);

    if (p == NULL)
        return false;
    p->owner = errand->feed;
    p->path = memory_string(errand->feed->name, err);
    p->member = errand->member;
    p->order = errand->order;
    p->stages = errand->stages;
    errand->member = errand->order = errand->stages = NULL;
    p->result = *result;
    *result = (struct job_result){.kind = JOB_OBJECT};
    if (p->path == NULL || !equip_publication(c, errand, p, err)) {
        publication_free(p);
        return false;
    }
    return object_add_publication(c, p, err);
}

static bool add_inner(struct coordinator *c, struct pool_job *job, struct error *err)
{
    struct errand *const errand = job->owner;
    const struct source *const source = &job->job.sources[0];
    const struct feed like = {
        .source = {.kind = SOURCE_SPOOL, .path = source->path, .depth = errand->feed->source.depth + 1,
                   .member_name = errand->member, .size = source->size, .offset = source->offset},
        .part = errand->part,
        .name = errand->feed->name, .order = errand->order, .member_prefix = errand->member, .outer = errand->feed,
        .outer_attempt = errand->attempt};

    if (!feed_add(c, &like, err))
        return false;
    errand->has_part = false; /* held until it has been fed */
    return true;
}

/* Every field that names an instance is there. */
static bool has_uids(const struct job_result *result)
{
    return result->has_record && uid_is_valid(record_get(&result->record, RECORD_study_instance_uid)) &&
           uid_is_valid(record_get(&result->record, RECORD_series_instance_uid)) &&
           uid_is_valid(record_get(&result->record, RECORD_sop_instance_uid));
}

/* The result of a feed's member, published or not; takes it. */
bool feed_object_result(struct coordinator *c, struct pool_job *job, struct job_result *result, struct error *err)
{
    struct errand *const errand = job->owner;
    bool ok, inner = false, kept = false;

    if (result->not_an_object && result->is_archive && errand->feed->source.depth + 1 < LIMIT(ARCHIVE_DEPTH) + 1) {
        inner = true;
        ok = add_inner(c, job, err);
    } else if (result->not_an_object || !has_uids(result)) {
        ok = add_rejection(c, errand, result->ignored,
                           result->error != ERROR_NONE ? result->error : ERROR_NOT_DICOM, result->text, err);
    } else {
        c->feed_gave = c->feed_gave || strcmp(errand->feed->name, "-") == 0;
        ok = volume_keep_member(c, job, result, &kept, err);
        errand->has_part = errand->has_part && !kept;
        ok = ok && add_object(c, job, result, err);
    }
    job_result_release(result);
    if (!inner) {
        if (errand->has_part)
            feed_spool_drop(&c->feed_spool, errand->part);
        errand->has_part = false;
        member_done(c, errand->feed, errand->attempt);
    }
    return ok;
}

/* -- the end of a feed ------------------------------------------------------------------- */

/* Its job is over, in one way or another. */
static void stop_feed(struct coordinator *c, struct feed *feed)
{
    feed->job = NULL;
    if (feed->has_file)
        feed_spool_close(&c->feed_spool, feed->file);
    feed->has_file = false;
}

static void end_feed(struct coordinator *c, struct feed *feed, enum error_kind kind, const char *text)
{
    struct error err = {0};

    stop_feed(c, feed);
    feed->ended = true;
    if (kind != ERROR_NONE) {
        const struct origin origin = {feed->name, feed->member_prefix, -1, feed->order};

        coordinator_report("archive_failed", feed->name, feed->member_prefix, error_kind_word(kind), text);
        c->counts.rejected++;
        if (!coordinator_begin_run(c, &err) ||
            !source_reject(c->catalogue, &origin, error_kind_word(kind), text, &err) ||
            (feed->has_identity && feed->told == 0 && !index_forget_file(c, feed->name, kind, &err)))
            coordinator_fail(c, &err);
    }
    end_if_over(c, feed);
}

void feed_result(struct coordinator *c, struct pool_job *job, struct job_result *result)
{
    struct errand *const errand = job->owner;

    end_feed(c, errand->feed, result->error, result->text);
    job_result_release(result);
    job_discard(job);
}

/* What comes from stdin comes once. */
static bool can_begin_anew(const struct feed *feed, const struct pool_failure *failure)
{
    return strcmp(feed->source.path, "-") != 0 && failure->kind != ERROR_PROTOCOL && feed->attempts < 2;
}

void feed_lost(struct coordinator *c, struct pool_job *job, const struct pool_failure *failure)
{
    struct feed *const feed = ((struct errand *)job->owner)->feed;
    struct error err = {0};

    if (!coordinator_begin_run(c, &err) ||
        !attempt_insert(c->catalogue, c->run_id, JOB_FEED, feed->name, feed->member_prefix, 0, failure, &err))
        coordinator_fail(c, &err);
    feed->attempts++;
    if (can_begin_anew(feed, failure)) {
        stop_feed(c, feed);
        feed->started = false;
    } else {
        end_feed(c, feed, failure->kind, failure->text);
    }
    job_discard(job);
}

void feed_release_all(struct coordinator *c)
{
    while (c->feeds != NULL)
        unlink_feed(c, c->feeds);
}
