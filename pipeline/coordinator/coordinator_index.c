/* Phase 1 and 2: what the sources are. Results are applied at once, inside one transaction that is committed every
 * so often: nothing else uses the catalogue in these phases. */
#include "coordinator_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "coordinator/catalogue_run.h"
#include "coordinator/failpoint.h"

enum { COMMIT_ITEMS = 4096 };

bool index_begin(struct coordinator *c, struct error *err)
{
    return coordinator_mark_failures(c, err) && coordinator_offer_archives(c, 0, err) &&
           scan_open(c->settings->inputs, c->settings->input_count, c->real_root, &c->scan, err);
}

static bool begin_transaction(struct coordinator *c, struct error *err)
{
    if (c->in_transaction)
        return true;
    if (!coordinator_begin_run(c, err) || !catalogue_begin(c->catalogue, err))
        return false;
    c->in_transaction = true;
    return true;
}

bool index_commit(struct coordinator *c, struct error *err)
{
    if (!c->in_transaction)
        return true;
    c->in_transaction = false;
    c->transaction_items = 0;
    if (!leftovers_settle(&c->index_leftovers, c->catalogue, err)) {
        catalogue_rollback(c->catalogue);
        return false;
    }
    FAILPOINT("index:before-commit");
    const bool ok = catalogue_commit(c->catalogue, err) && leftovers_remove(&c->index_leftovers, c->root, err);
    FAILPOINT("index:after-commit");
    leftovers_release(&c->index_leftovers);
    return ok;
}

/* -- items ------------------------------------------------------------------------------- */

static bool add_item(struct index_item **items, size_t *count, size_t *capacity, const struct index_item *item,
                     struct error *err)
{
    void *grown = *items;

    if (!memory_grow(&grown, capacity, *count + 1, sizeof **items, err))
        return false;
    *items = grown;
    (*items)[*count] = *item;
    if (((*items)[*count].path = memory_string(item->path, err)) == NULL)
        return false;
    (*count)++;
    return true;
}

static bool add_fresh(struct coordinator *c, const struct index_item *item, struct error *err)
{
    return add_item(&c->fresh, &c->fresh_count, &c->fresh_capacity, item, err);
}

static bool add_digest(struct coordinator *c, const struct index_item *item, struct error *err)
{
    return add_item(&c->digests, &c->digest_count, &c->digest_capacity, item, err);
}

static const struct zip_member *member_of(const struct index_item *item)
{
    return item->archive != NULL ? &item->archive->members[item->member] : NULL;
}

/* `order` holds the text that the origin borrows. */
static bool origin_of(const struct index_item *item, struct buffer *order, struct origin *origin, struct error *err)
{
    const struct zip_member *const member = member_of(item);
    const int64_t number = member != NULL ? (int64_t)member->index : -1;

    if (!plan_source_order(item->path, number, order, err))
        return false;
    *origin = (struct origin){item->path, member != NULL ? member->name : NULL, number, buffer_text(order)};
    return true;
}

/* -- a file or member has been told ------------------------------------------------------ */

static bool forget_absent(struct coordinator *c, const struct archive *archive, struct error *err)
{
    struct hash_set told = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < archive->member_count; i++)
        ok = absent_tell(&told, archive->members[i].name, (int64_t)archive->members[i].index, err);
    ok = ok && absent_forget(c, archive->path, &told, &archive->inner_names, err);
    hash_set_release(&told);
    return ok;
}

static bool settle_archive(struct coordinator *c, struct archive *archive, struct error *err)
{
    bool changed = false;

    archive->is_settled = true;
    return absent_may_be(c, archive->path, &archive->identity, &changed, err) &&
           (!changed || forget_absent(c, archive, err)) &&
           source_put(c->catalogue, archive->path, &archive->identity, archive->read_ns, err);
}

/* Twins and members of feeds may still make duplicates of what was in them: only then is it known what is absent. */
static bool settle_archives(struct coordinator *c, struct error *err)
{
    bool ok = true;

    for (struct archive *archive = c->archives; ok && archive != NULL; archive = archive->next)
        ok = archive->left > 0 || archive->is_settled || (begin_transaction(c, err) && settle_archive(c, archive, err));
    return ok && index_commit(c, err);
}

static bool settle_item(struct coordinator *c, const struct index_item *item, struct error *err)
{
    if (item->archive == NULL)
        return source_put(c->catalogue, item->path, &item->identity, item->read_ns, err);
    item->archive->left--;
    return true;
}

static bool offer_file(struct coordinator *c, const char *path, struct error *err)
{
    struct index_item item = {.path = (char *)path, .read_ns = clock_now_ns(), .known = true};
    struct stat status;

    if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode))
        return true;
    item.identity = plan_file_identity(&status);
    return add_digest(c, &item, err);
}

/* The row with these bytes goes: sources that were its duplicates are read again, now. */
static bool offer_again(struct coordinator *c, const struct instance_row *former, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    char hex[DIGEST_HEX_SIZE];
    bool any = false;

    if (!former->has_digest)
        return true;
    digest_hex(&former->digest, hex);
    bool ok = catalogue_select(c->catalogue,
                               "SELECT DISTINCT source FROM rejected WHERE source_digest = ? AND reason = 'duplicate'"
                               " AND source <> '-' ORDER BY source", VALUES(value_text(hex)), &cursor, err);
    while (ok && cursor_next(cursor))
        ok = offer_file(c, cursor_text(cursor, 0), err);
    return cursor_end(cursor, ok ? err : &ignored) && ok && source_offer_again(c->catalogue, &former->digest, &any, err);
}

/* It tells of the disk, the machine or the program, not of what the source holds. */
static bool is_passing(const char *reason)
{
    const enum error_kind kind = error_kind_of_word(reason);

    return kind == ERROR_IO || kind == ERROR_NOMEM || kind == ERROR_CRASHED || kind == ERROR_TIMEOUT;
}

/* What a path gave as a file goes: it is an archive now, or cannot be read as one. What was a duplicate of it is read
 * again when the feeds are over. */
static bool forget_file(struct coordinator *c, const char *path, struct error *err)
{
    const struct origin origin = {path, NULL, -1, ""};
    struct instance_row former;
    bool found = false;

    if (!instance_find_origin(c->catalogue, &origin, &former, &found, err))
        return false;
    return !found ||
           (begin_transaction(c, err) &&
            (!former.has_digest || source_offer_again(c->catalogue, &former.digest, &c->offers, err)) &&
            publish_forget(&c->publisher, former.instance_id, &c->index_leftovers, err) &&
            series_touch(c->catalogue, former.study, former.series, err));
}

bool index_forget_file(struct coordinator *c, const char *path, enum error_kind why, struct error *err)
{
    const struct origin origin = {path, NULL, -1, ""};

    return is_passing(error_kind_word(why)) ||
           (forget_file(c, path, err) && index_commit(c, err) &&
            (why != ERROR_NONE || source_unreject_one(c->catalogue, &origin, err))); /* it was a duplicate */
}

static bool reject_item(struct coordinator *c, const struct index_item *item, const char *reason, const char *detail,
                        struct error *err)
{
    struct buffer order = {0};
    struct origin origin;
    struct instance_row former;
    bool found = false, ok = origin_of(item, &order, &origin, err) &&
                             instance_find_origin(c->catalogue, &origin, &former, &found, err);

    const bool stays = ok && found && is_passing(reason);
    if (ok && found && !stays)
        ok = offer_again(c, &former, err) &&
             publish_forget(&c->publisher, former.instance_id, &c->index_leftovers, err) &&
             series_touch(c->catalogue, former.study, former.series, err);
    ok = ok && source_reject(c->catalogue, &origin, reason, detail, err);
    /* what it gave before stays, and it counts as not read: the next run tries again */
    ok = ok && (stays ? source_put(c->catalogue, origin.path, &item->identity, 0, err) : settle_item(c, item, err));
    if (ok)
        coordinator_report("rejected", origin.path, origin.member, reason, detail);
    buffer_release(&order);
    c->counts.rejected++;
    c->met_fault = c->met_fault || stays;
    return ok;
}

/* -- scanning ---------------------------------------------------------------------------- */

static bool take_file(struct coordinator *c, const struct scan_file *file, struct error *err)
{
    struct file_identity then;
    int64_t read_ns = 0;
    bool found = false;
    struct index_item item = {.path = (char *)file->path, .identity = file->identity, .read_ns = clock_now_ns()};

    if (!source_find(c->catalogue, file->path, &then, &read_ns, &found, err))
        return false;
    if (found && !c->settings->rehash && plan_file_unchanged(&then, read_ns, &file->identity))
        return true;
    const bool is_same = found && memcmp(&then, &file->identity, sizeof then) == 0;
    if (!begin_transaction(c, err) ||
        !source_unreject(c->catalogue, file->path, is_same && !c->settings->rehash, err))
        return false;
    if (file->odd != NULL)
        return reject_item(c, &item, "ignored", file->odd, err);
    item.known = found;
    return add_fresh(c, &item, err);
}

/* Fills c->fresh with up to a batch of files that want to be read. */
static bool scan_more(struct coordinator *c, struct error *err)
{
    struct scan_file file;
    bool found = true;

    while (!c->scanned && c->fresh_count < INDEX_BATCH) {
        if (!scan_next(c->scan, &file, &found, err))
            return false;
        if (!found)
            c->scanned = true;
        else if (!take_file(c, &file, err))
            return false;
    }
    return true;
}

static bool take_member(struct coordinator *c, struct archive *archive, size_t number, struct error *err)
{
    const struct zip_member *const member = &archive->members[number];
    const struct index_item item = {.path = archive->path, .archive = archive, .member = number,
                                    .identity = archive->identity, .read_ns = archive->read_ns};

    if (member->flags & MEMBER_FOLDER) {
        archive->left--;
        return true;
    }
    if (member->flags & MEMBER_LINK)
        return reject_item(c, &item, "ignored", "a symbolic link", err);
    if (member->flags & MEMBER_ENCRYPTED)
        return reject_item(c, &item, "unsupported", "the member is encrypted", err);
    if (member->flags & MEMBER_UNREADABLE)
        return reject_item(c, &item, "unsupported", "the member is packed in a way that is not known here", err);
    const struct origin origin = {archive->path, member->name, (int64_t)member->index, ""};
    bool removed = false;
    if (!source_is_removed(c->catalogue, &origin, &removed, err))
        return false;
    archive->left -= removed;
    return removed || add_fresh(c, &item, err);
}

static bool members_more(struct coordinator *c, struct error *err)
{
    for (struct archive *a = c->archives; a != NULL; a = a->next)
        while (a->next_member < a->member_count && c->fresh_count < INDEX_BATCH)
            if (!take_member(c, a, a->next_member++, err))
                return false;
    return true;
}

/* -- jobs -------------------------------------------------------------------------------- */

static bool fill_source(const struct index_item *item, struct source *source, struct error *err)
{
    const struct zip_member *const member = member_of(item);

    source->kind = member != NULL ? SOURCE_MEMBER : SOURCE_FILE;
    source->path = memory_string(item->path, err);
    source->member = member != NULL ? member->index : 0;
    source->size = member != NULL ? 0 : (uint64_t)item->identity.bytes;
    source->depth = member != NULL ? 1 : 0;
    if (source->path == NULL)
        return false;
    if (member != NULL)
        source->member_name = memory_string(member->name, err);
    return member == NULL || source->member_name != NULL;
}

/* Takes the items' texts over. */
static struct pool_job *make_job(const struct index_item *items, size_t count, bool want_digest, struct error *err)
{
    struct pool_job *const job = pool_job_new(JOB_INDEX, err);
    struct errand *const errand = job != NULL ? errand_new(job, err) : NULL;
    bool ok = errand != NULL;

    if (ok) {
        job->job.want_digest = want_digest;
        job->job.sources = memory_array(count, sizeof *job->job.sources, err);
        errand->items = memory_array(count, sizeof *errand->items, err);
        ok = job->job.sources != NULL && errand->items != NULL;
    }
    for (size_t i = 0; ok && i < count; i++) {
        errand->items[errand->item_count++] = items[i];
        job->job.source_count = i + 1;
        ok = fill_source(&items[i], &job->job.sources[i], err);
    }
    if (ok)
        return job;
    if (job != NULL)
        job_discard(job);
    return NULL;
}

static struct pool_job *digest_job(struct coordinator *c, struct error *err)
{
    const size_t left = c->digest_count - c->digest_next, count = left < INDEX_BATCH ? left : INDEX_BATCH;
    struct pool_job *const job = make_job(c->digests + c->digest_next, count, true, err);

    c->digest_next += count;
    if (c->digest_next == c->digest_count)
        c->digest_next = c->digest_count = 0;
    return job;
}

struct pool_job *index_next(struct coordinator *c)
{
    struct error err = {0};
    struct pool_job *job = job_queue_pop(&c->again);

    if (job != NULL)
        return job;
    if (c->phase == PHASE_INDEX && (!members_more(c, &err) || !scan_more(c, &err))) {
        coordinator_fail(c, &err);
        return NULL;
    }
    if (c->digest_next < c->digest_count) {
        job = digest_job(c, &err);
    } else if (c->fresh_count > 0) {
        job = make_job(c->fresh, c->fresh_count, c->settings->rehash, &err);
        c->fresh_count = 0;
    } else {
        return NULL;
    }
    if (job == NULL)
        coordinator_fail(c, &err);
    return job;
}

bool index_is_over(const struct coordinator *c)
{
    if ((c->phase == PHASE_INDEX && !c->scanned) || c->fresh_count > 0 || c->digest_next < c->digest_count ||
        c->again.count > 0 || pool_jobs_out(c->pool) > 0)
        return false;
    for (const struct archive *a = c->archives; a != NULL; a = a->next)
        if (a->next_member < a->member_count)
            return false;
    return true;
}

/* -- results ----------------------------------------------------------------------------- */

static bool same_uids(const struct instance_row *row, const struct record *record)
{
    return strcmp(row->study, record_get(record, RECORD_study_instance_uid)) == 0 &&
           strcmp(row->series, record_get(record, RECORD_series_instance_uid)) == 0 &&
           strcmp(row->sop, record_get(record, RECORD_sop_instance_uid)) == 0;
}

static bool insert_object(struct coordinator *c, const struct index_item *item, const struct origin *origin,
                          const struct index_result *result, struct error *err)
{
    int64_t instance_id = 0;

    return instance_insert(c->catalogue, &result->record, origin, (int64_t)result->bytes, INSTANCE_PENDING,
                           &instance_id, err) &&
           settle_item(c, item, err);
}

/* The source gave an instance before. */
static bool renew_object(struct coordinator *c, const struct index_item *item, const struct origin *origin,
                         const struct instance_row *former, const struct index_result *result, struct error *err)
{
    if (former->has_digest && !result->has_digest)
        return add_digest(c, item, err);
    if (former->has_digest && digest_equal(&former->digest, &result->digest))
        return instance_learn_wording(c->catalogue, former->instance_id, &result->record, err) &&
               settle_item(c, item, err); /* touched, not changed */
    if (!offer_again(c, former, err))
        return false;
    if (same_uids(former, &result->record))
        return instance_renew(c->catalogue, former->instance_id, &result->record, origin, (int64_t)result->bytes,
                              err) &&
               settle_item(c, item, err);
    return publish_forget(&c->publisher, former->instance_id, &c->index_leftovers, err) &&
           series_touch(c->catalogue, former->study, former->series, err) &&
           insert_object(c, item, origin, result, err);
}

static bool take_object(struct coordinator *c, const struct index_item *item, const struct index_result *result,
                        struct error *err)
{
    struct buffer order = {0};
    struct origin origin;
    struct instance_row former;
    bool found = false;
    bool ok = origin_of(item, &order, &origin, err) &&
              instance_find_origin(c->catalogue, &origin, &former, &found, err);

    ok = ok && source_unreject_one(c->catalogue, &origin, err);
    if (ok)
        ok = found ? renew_object(c, item, &origin, &former, result, err)
                   : insert_object(c, item, &origin, result, err);
    buffer_release(&order);
    return ok;
}

static bool take_zip(struct coordinator *c, const struct index_item *item, struct index_result *result,
                     struct error *err)
{
    if (result->member_count == 0)
        return reject_item(c, item, "ignored", "an archive without members", err);
    struct archive *const archive = memory_zeroed(sizeof *archive, err);

    if (archive == NULL || (archive->path = memory_string(item->path, err)) == NULL) {
        memory_free(archive);
        return false;
    }
    archive->identity = item->identity;
    archive->read_ns = item->read_ns;
    archive->members = result->members;
    archive->member_count = archive->left = result->member_count;
    result->members = NULL;
    result->member_count = 0;
    archive->next = c->archives;
    c->archives = archive;
    return forget_file(c, item->path, err);
}

static bool take_feed(struct coordinator *c, const struct index_item *item, struct error *err)
{
    struct buffer order = {0};
    struct origin origin;
    struct feed like = {.has_identity = item->archive == NULL, .archive = item->archive,
                        .identity = item->identity, .read_ns = item->read_ns};
    bool ok = fill_source(item, &like.source, err) && origin_of(item, &order, &origin, err);

    if (ok) {
        like.name = item->path;
        like.order = (char *)origin.order;
        like.member_prefix = (char *)origin.member;
        ok = feed_add(c, &like, err);
    }
    source_release(&like.source);
    buffer_release(&order);
    return ok; /* settled when it has been fed */
}

/* PHASE_DIGEST */
static bool take_twin(struct coordinator *c, const struct index_item *item, const struct index_result *result,
                      struct error *err)
{
    return !result->has_digest || publish_twin_digest(&c->publisher, item->twin, &result->digest,
                                                      &c->index_leftovers, err);
}

static bool take_result(struct coordinator *c, const struct index_item *item, struct index_result *result,
                        struct error *err)
{
    if (item->twin != 0)
        return take_twin(c, item, result, err);
    if (item->known && !source_begin(c->catalogue, item->path, err))
        return false;
    switch (result->outcome) {
    case INDEX_OBJECT: return take_object(c, item, result, err);
    case INDEX_ZIP: return take_zip(c, item, result, err);
    case INDEX_FEED: return take_feed(c, item, err);
    case INDEX_REJECTED: break;
    }
    return reject_item(c, item, result->ignored ? "ignored" : error_kind_word(result->kind), result->text, err);
}

void index_take(struct coordinator *c, struct pool_job *job, struct index_result *result)
{
    const struct errand *const errand = job->owner;
    struct error err = {0};
    const bool ok = begin_transaction(c, &err) && take_result(c, &errand->items[result->item], result, &err) &&
                    (++c->transaction_items < COMMIT_ITEMS || index_commit(c, &err));

    c->counts.read_bytes += result->bytes;
    c->progress.done++;
    index_result_release(result);
    if (!ok)
        coordinator_fail(c, &err);
}

/* -- crashes ----------------------------------------------------------------------------- */

/* Items from..to of a job that is over become a job of their own. */
static bool split(struct coordinator *c, struct pool_job *job, size_t from, size_t to, bool alone, unsigned attempts,
                  struct error *err)
{
    struct errand *const errand = job->owner;
    struct index_item items[INDEX_BATCH];
    const size_t count = to - from;

    if (count == 0)
        return true;
    memcpy(items, errand->items + from, count * sizeof *items);
    for (size_t i = from; i < to; i++)
        errand->items[i].path = NULL;
    struct pool_job *const made = make_job(items, count, job->job.want_digest, err);
    if (made == NULL)
        return false;
    made->alone = alone;
    made->attempts = attempts;
    job_queue_push(&c->again, made);
    return true;
}

static bool give_up(struct coordinator *c, const struct index_item *item, enum error_kind kind, const char *text,
                    struct error *err)
{
    if (!begin_transaction(c, err))
        return false;
    return item->twin != 0 || reject_item(c, item, error_kind_word(kind), text, err);
}

void index_over(struct coordinator *c, struct pool_job *job, const struct job_result *result)
{
    const struct errand *const errand = job->owner;
    struct error err = {0};
    bool ok = true;

    for (size_t i = job->items_done; ok && i < errand->item_count; i++)
        ok = give_up(c, &errand->items[i], result->error, result->text, &err);
    if (!ok)
        coordinator_fail(c, &err);
    job_discard(job);
}

void index_lost(struct coordinator *c, struct pool_job *job, const struct pool_failure *failure)
{
    struct errand *const errand = job->owner;
    const size_t at = job->items_done;
    struct error err = {0};
    bool ok = begin_transaction(c, &err);

    if (ok && at < errand->item_count) {
        const struct index_item *const item = &errand->items[at];
        const struct zip_member *const member = member_of(item);
        const bool again = failure->kind != ERROR_PROTOCOL && job->attempts < 2;

        ok = attempt_insert(c->catalogue, c->run_id, JOB_INDEX, item->path, member != NULL ? member->name : NULL, 0,
                            failure, &err) &&
             split(c, job, at + 1, errand->item_count, false, 0, &err);
        ok = ok && (again ? split(c, job, at, at + 1, true, job->attempts, &err)
                          : give_up(c, item, failure->kind, failure->text, &err));
    }
    if (!ok)
        coordinator_fail(c, &err);
    job_discard(job);
}

/* -- twins ------------------------------------------------------------------------------- */

/* New rows whose UIDs another row has: their digests say whether they are duplicates, before anything is decoded. */
bool index_find_twins(struct coordinator *c, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(
        c->catalogue,
        "SELECT a.instance_id, a.source, a.member, a.member_index, a.source_bytes FROM instance a"
        " WHERE a.state = 'pending' AND a.state IN ('pending', 'running') AND a.source_digest IS NULL"
        " AND NOT " SOURCE_IS_FED("a")
        " AND EXISTS (SELECT 1 FROM instance b WHERE b.study_instance_uid = a.study_instance_uid"
        " AND b.series_instance_uid = a.series_instance_uid AND b.sop_instance_uid = a.sop_instance_uid"
        " AND b.instance_id <> a.instance_id) ORDER BY a.source_order",
        NO_VALUES, &cursor, err);

    while (ok && cursor_next(cursor)) {
        struct archive *archive = NULL;
        struct index_item item = {.path = (char *)cursor_text(cursor, 1), .twin = cursor_int(cursor, 0)};

        if (!cursor_is_null(cursor, 3)) {
            ok = (archive = memory_zeroed(sizeof *archive, err)) != NULL &&
                 (archive->members = memory_zeroed(sizeof *archive->members, err)) != NULL &&
                 (archive->path = memory_string(item.path, err)) != NULL &&
                 (archive->members[0].name = memory_string(cursor_text(cursor, 2), err)) != NULL;
            if (!ok)
                break;
            archive->members[0].index = (uint64_t)cursor_int(cursor, 3);
            archive->member_count = archive->next_member = 1;
            archive->is_settled = true;
            archive->next = c->archives;
            c->archives = archive;
            item.archive = archive;
        }
        ok = add_digest(c, &item, err);
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

/* Once in a run: an archive that changes all the time is not to keep it going. */
static bool read_again(struct coordinator *c, bool *any, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = true;

    *any = false;
    if (!(c->offers || c->moves) || c->has_read_again)
        return true;
    c->has_read_again = true;
    if (c->moves && !coordinator_offer_archives(c, SOURCE_OFFERED, err))
        return false;
    ok = catalogue_select(c->catalogue, "SELECT path FROM source_file WHERE read_ns = ? ORDER BY path",
                          VALUES(value_int(SOURCE_OFFERED)), &cursor, err);
    while (ok && cursor_next(cursor))
        ok = offer_file(c, cursor_text(cursor, 0), err);
    *any = c->digest_count > 0;
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

bool index_end_feeds(struct coordinator *c, bool *again, struct error *err)
{
    return settle_archives(c, err) && read_again(c, again, err);
}

void index_release(struct coordinator *c)
{
    if (c->in_transaction) {
        catalogue_rollback(c->catalogue);
        c->in_transaction = false;
    }
    scan_close(c->scan);
    c->scan = NULL;
    for (size_t i = 0; i < c->fresh_count; i++)
        memory_free(c->fresh[i].path);
    for (size_t i = c->digest_next; i < c->digest_count; i++)
        memory_free(c->digests[i].path);
    memory_free(c->fresh);
    memory_free(c->digests);
    c->fresh = c->digests = NULL;
    c->fresh_count = c->digest_count = c->digest_next = 0;
    while (c->archives != NULL) {
        struct archive *const archive = c->archives;

        c->archives = archive->next;
        hash_set_release(&archive->inner_names);
        for (size_t i = 0; i < archive->member_count; i++)
            memory_free(archive->members[i].name);
        memory_free(archive->members);
        memory_free(archive->path);
        memory_free(archive);
    }
    leftovers_release(&c->index_leftovers);
}
