/* Step 1 of publish.h: who is a twin of whom, who stays, who is current. */
#include "publish.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "coordinator/failpoint.h"
#include "coordinator/plan.h"

/* A row with the same UIDs as a publication's; its texts are copies. */
struct relative {
    struct instance_row row;
    struct publication *publication; /* of this batch, if it has one */
    char *path, *member, *order;
    int64_t member_index;
    enum instance_state presumed; /* of a row that waits for its job */
    bool is_made; /* there are products of its bytes */
};

struct family {
    struct relative *relatives;
    struct twin *twins; /* the same order */
    size_t count, capacity;
};

static void family_release(struct family *family)
{
    for (size_t i = 0; i < family->count; i++) {
        memory_free(family->relatives[i].path);
        memory_free(family->relatives[i].member);
        memory_free(family->relatives[i].order);
    }
    memory_free(family->relatives);
    memory_free(family->twins);
    *family = (struct family){0};
}

static struct origin origin_of(const struct relative *relative)
{
    return (struct origin){relative->path, relative->member, relative->member_index, relative->order};
}

static bool copy_texts(struct relative *relative, const char *path, const char *member, const char *order,
                       struct error *err)
{
    relative->path = memory_string(path, err);
    relative->order = relative->path != NULL ? memory_string(order, err) : NULL;
    if (relative->order != NULL && member != NULL)
        relative->member = memory_string(member, err);
    return relative->order != NULL && (member == NULL || relative->member != NULL);
}

static struct relative *add_relative(struct family *family, struct error *err)
{
    void *relatives = family->relatives;

    if (!memory_grow(&relatives, &family->capacity, family->count + 1, sizeof *family->relatives, err))
        return NULL;
    family->relatives = relatives;
    family->relatives[family->count] = (struct relative){0};
    return &family->relatives[family->count++];
}

/* -- gathering --------------------------------------------------------------------------- */

static struct publication *find_publication(const struct batch *batch, int64_t instance_id)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->items[i]->kind == JOB_OBJECT && batch->items[i]->row.instance_id == instance_id &&
            !batch->items[i]->dropped)
            return batch->items[i];
    return NULL;
}

/* Objects without a picture that can be read have files all the same: their bulk values. */
static bool is_skip_reason(const char *reason)
{
    return strcmp(reason, "no_image") == 0 || strcmp(reason, "unsupported") == 0;
}

static bool read_relative(struct family *family, const struct cursor *cursor, const struct instance_row *like,
                          const struct batch *batch, struct error *err)
{
    struct relative *const relative = add_relative(family, err);

    if (relative == NULL)
        return false;
    relative->row = *like;
    relative->row.instance_id = cursor_int(cursor, 0);
    relative->row.has_digest = digest_parse(cursor_text(cursor, 1), &relative->row.digest);
    relative->row.is_current = cursor_int(cursor, 2) != 0;
    if (!instance_state_of_word(cursor_text(cursor, 3), &relative->row.state))
        relative->row.state = INSTANCE_PENDING;
    relative->member_index = cursor_is_null(cursor, 6) ? -1 : cursor_int(cursor, 6);
    relative->publication = find_publication(batch, relative->row.instance_id);
    relative->presumed = is_skip_reason(cursor_text(cursor, 8))                   ? INSTANCE_SKIPPED
                         : cursor_is_null(cursor, 8) || cursor_int(cursor, 9) > 0 ? INSTANCE_DONE
                                                                                  : INSTANCE_FAILED;
    relative->is_made = cursor_int(cursor, 10) != 0;
    return copy_texts(relative, cursor_text(cursor, 4), cursor_is_null(cursor, 5) ? NULL : cursor_text(cursor, 5),
                      cursor_text(cursor, 7), err);
}

#define RELATIVES \
    "SELECT instance_id, source_digest, is_current, state, source, member, member_index, source_order, reason, frames," \
    " EXISTS (SELECT 1 FROM product p WHERE p.instance_id = instance.instance_id AND p.input_digest <> '')" \
    " FROM instance WHERE "

static bool gather(const struct publisher *publisher, const struct batch *batch, const struct instance_row *like,
                   struct family *family, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(publisher->catalogue,
                               RELATIVES "study_instance_uid = ? AND series_instance_uid = ? AND sop_instance_uid = ?"
                                         " ORDER BY instance_id",
                               VALUES(value_text(like->study), value_text(like->series), value_text(like->sop)),
                               &cursor, err);

    while (ok && cursor_next(cursor))
        ok = read_relative(family, cursor, like, batch, err);
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

/* The row itself and those with these bytes, of all that may have its UIDs. */
static bool gather_duplicates(const struct publisher *publisher, const struct instance_row *row,
                              const struct digest *digest, struct family *family, struct error *err)
{
    static const struct batch nobody;
    struct cursor *cursor = NULL;
    struct error ignored;
    char hex[DIGEST_HEX_SIZE];

    digest_hex(digest, hex);
    bool ok = catalogue_select(publisher->catalogue,
                               RELATIVES "instance_id = ? OR (study_instance_uid = ? AND series_instance_uid = ?"
                                         " AND sop_instance_uid = ? AND source_digest = ?) ORDER BY instance_id",
                               VALUES(value_int(row->instance_id), value_text(row->study), value_text(row->series),
                                      value_text(row->sop), value_text(hex)),
                               &cursor, err);

    while (ok && cursor_next(cursor))
        ok = read_relative(family, cursor, row, &nobody, err);
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

/* A member of a stream that has no row yet takes part with an id after all others. */
static bool add_newcomer(struct family *family, struct publication *publication, struct error *err)
{
    struct relative *const relative = add_relative(family, err);

    if (relative == NULL)
        return false;
    relative->row = publication->row;
    relative->row.instance_id = INT64_MAX;
    relative->publication = publication;
    relative->member_index = -1;
    return copy_texts(relative, publication->path, publication->member, publication->order, err);
}

static bool make_twins(struct family *family, struct error *err)
{
    family->twins = memory_array(family->count, sizeof *family->twins, err);
    if (family->twins == NULL)
        return false;
    for (size_t i = 0; i < family->count; i++) {
        const struct relative *const relative = &family->relatives[i];
        const struct publication *const publication = relative->publication;
        struct twin *const twin = &family->twins[i];

        twin->instance_id = relative->row.instance_id;
        twin->source_order = relative->order;
        twin->has_digest = publication != NULL ? publication->row.has_digest : relative->row.has_digest;
        twin->digest = publication != NULL ? publication->row.digest : relative->row.digest;
        twin->is_new = !relative->is_made || !relative->row.has_digest ||
                       !digest_equal(&relative->row.digest, &twin->digest);
        twin->state = publication != NULL ? publication->result.state : relative->row.state;
        twin->settled = publication != NULL ||
                        (twin->state != INSTANCE_PENDING && twin->state != INSTANCE_RUNNING);
        twin->presumed = !twin->settled && twin->has_digest;
        if (twin->presumed || (publication != NULL && publication->keeps))
            twin->state = relative->presumed;
    }
    return true;
}

/* -- applying ---------------------------------------------------------------------------- */

/* relatives[i] is a duplicate of the one that stays: it loses its row and its source is told as rejected. */
static bool drop_duplicate(const struct publisher *publisher, struct family *family, size_t i,
                           struct leftovers *leftovers, struct error *err)
{
    struct relative *const relative = &family->relatives[i];
    const struct relative *const stays = &family->relatives[family->twins[i].same_as];

    if (relative->publication != NULL)
        relative->publication->dropped = true;
    return relative->row.instance_id == INT64_MAX ||
           (instance_pass_wording(publisher->catalogue, relative->row.instance_id, stays->row.instance_id, err) &&
            publish_forget(publisher, relative->row.instance_id, leftovers, err));
}

/* Its path was a duplicate before. What a stream told is nothing that a later one takes back. */
static bool forget_rejection(const struct publisher *publisher, const struct origin *origin, struct error *err)
{
    return strcmp(origin->path, "-") == 0 || source_unreject_one(publisher->catalogue, origin, err);
}

/* Of all sources with these bytes the first gives the row its name, the others are rejected rows. */
static bool name_sources(const struct publisher *publisher, const struct family *family, size_t i, bool *moves,
                         struct error *err)
{
    const size_t stays = family->twins[i].same_as, first = family->twins[i].source_of;
    const struct origin origin = origin_of(&family->relatives[i]), winner = origin_of(&family->relatives[first]);

    *moves = *moves || (i == first && stays != first && origin.member != NULL && origin.member_index < 0);
    if (i == first)
        return forget_rejection(publisher, &origin, err) &&
               (stays == first || family->relatives[stays].row.instance_id == INT64_MAX ||
                instance_set_origin(publisher->catalogue, family->relatives[stays].row.instance_id, &origin, err));
    if (strcmp(origin.path, winner.path) == 0 && strcmp(origin.order, winner.order) == 0)
        return true; /* the same stream once more */
    return source_reject_duplicate(publisher->catalogue, &origin, &family->twins[i].digest, &winner, err);
}

static bool has_duplicates(const struct family *family)
{
    for (size_t i = 0; i < family->count; i++)
        if (family->twins[i].same_as != i || family->twins[i].source_of != i)
            return true;
    return false;
}

static bool apply_duplicates(const struct publisher *publisher, struct family *family, struct leftovers *leftovers,
                             bool *moves, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < family->count; i++)
        if (family->twins[i].same_as != i)
            ok = drop_duplicate(publisher, family, i, leftovers, err);
    for (size_t i = 0; ok && i < family->count; i++)
        if (family->twins[i].same_as != i || family->twins[i].source_of != i)
            ok = name_sources(publisher, family, i, moves, err);
    /* a survivor of the batch goes by the first source, too */
    for (size_t i = 0; ok && i < family->count; i++) {
        struct publication *const p = family->relatives[i].publication;
        const size_t first = family->twins[i].source_of;

        if (p == NULL || family->twins[i].same_as != i || first == i || p->instance_id != 0)
            continue;
        memory_free(p->path);
        memory_free(p->member);
        memory_free(p->order);
        p->path = family->relatives[first].path;
        p->member = family->relatives[first].member;
        p->order = family->relatives[first].order;
        p->member_index = family->relatives[first].member_index;
        family->relatives[first].path = family->relatives[first].member = family->relatives[first].order = NULL;
    }
    return ok;
}

static bool takes_part(const struct family *family, size_t i)
{
    return family->twins[i].same_as == i && (family->twins[i].settled || family->twins[i].presumed);
}

static void tell_publications(struct family *family)
{
    for (size_t i = 0; i < family->count; i++)
        if (takes_part(family, i) && family->relatives[i].publication != NULL)
            family->relatives[i].publication->is_current = family->twins[i].is_current;
}

/* Whether its files are to be linked to another address. */
static bool is_moving(const struct family *family, size_t i)
{
    const struct instance_row *const row = &family->relatives[i].row;

    return takes_part(family, i) && row->instance_id != INT64_MAX && row->is_current != family->twins[i].is_current;
}

static bool is_decided(const struct family *family)
{
    for (size_t i = 0; i < family->count; i++)
        if (is_moving(family, i))
            return false;
    return true;
}

static bool has_promotion(const struct family *family)
{
    for (size_t i = 0; i < family->count; i++)
        if (is_moving(family, i) && family->twins[i].is_current)
            return true;
    return false;
}

/* Those that stop being current, or the one that becomes it. Its files replace the others' at their address: so the
 * others' rows must have left that address, committed, before it is promoted. */
static bool relocate_family(const struct publisher *publisher, struct family *family, bool to_current,
                            struct leftovers *leftovers, bool *linked, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < family->count; i++) {
        if (!is_moving(family, i) || family->twins[i].is_current != to_current)
            continue;
        *linked = true;
        ok = relocate_instance(publisher, &family->relatives[i].row, to_current, leftovers, err);
    }
    return ok;
}

/* -- one publication --------------------------------------------------------------------- */

/* Nothing that is there is of the bytes that it has from now on: killed before its rows are there, it is made anew. */
static bool renew_row(const struct publisher *publisher, const struct publication *publication, struct error *err)
{
    const struct origin origin = {publication->path, publication->member, -1, publication->order};

    return instance_renew(publisher->catalogue, publication->instance_id, &publication->result.record, &origin,
                          (int64_t)publication->result.source_bytes, err) &&
           instance_set_state(publisher->catalogue, publication->instance_id, INSTANCE_RUNNING, err);
}

static bool insert_newcomer(const struct publisher *publisher, struct publication *publication, bool *offers,
                            struct error *err)
{
    const struct origin origin = {publication->path, publication->member, publication->member_index,
                                  publication->order};
    struct instance_row former;
    bool found = false;

    /* the same member of an archive that is read again */
    if (!instance_find_origin(publisher->catalogue, &origin, &former, &found, err))
        return false;
    if (found && strcmp(former.study, publication->row.study) == 0 &&
        strcmp(former.series, publication->row.series) == 0 && strcmp(former.sop, publication->row.sop) == 0) {
        publication->instance_id = publication->row.instance_id = former.instance_id;
        return (!former.has_digest || source_offer_again(publisher->catalogue, &former.digest, offers, err)) &&
               renew_row(publisher, publication, err);
    }
    if (!instance_insert(publisher->catalogue, &publication->result.record, &origin,
                         (int64_t)publication->result.source_bytes, INSTANCE_RUNNING, &publication->instance_id, err))
        return false;
    publication->row.instance_id = publication->instance_id;
    return true;
}

/* Its path gave another object before: that one goes. */
static bool replace_former(const struct publisher *publisher, struct publication *publication,
                           struct leftovers *leftovers, bool *offers, struct error *err)
{
    const struct origin origin = {publication->path, publication->member, -1, publication->order};
    const struct instance_row *const now = &publication->row;
    struct instance_row former;
    bool found = false;

    if (!instance_find_origin(publisher->catalogue, &origin, &former, &found, err))
        return false;
    if (!found)
        return true;
    if (strcmp(former.study, now->study) == 0 && strcmp(former.series, now->series) == 0 &&
        strcmp(former.sop, now->sop) == 0)
        return true;
    return (!former.has_digest || source_offer_again(publisher->catalogue, &former.digest, offers, err)) &&
           publish_forget(publisher, former.instance_id, leftovers, err) &&
           series_touch(publisher->catalogue, former.study, former.series, err);
}

/* The bytes changed between the index and the decoding. */
static bool offer_former_again(const struct publisher *publisher, const struct family *family, bool *offers,
                               struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < family->count; i++) {
        const struct relative *const relative = &family->relatives[i];

        if (relative->publication != NULL && relative->publication->row.has_digest && relative->row.has_digest &&
            !digest_equal(&relative->row.digest, &relative->publication->row.digest))
            ok = source_offer_again(publisher->catalogue, &relative->row.digest, offers, err);
    }
    return ok;
}

/* A newcomer's row, or the one that has its bytes already, may be of a former version. */
static bool learn_wording(const struct publisher *publisher, const struct publication *publication,
                          const struct family *family, struct error *err)
{
    int64_t instance_id = publication->instance_id;

    for (size_t i = 0; publication->dropped && i < family->count; i++)
        if (family->relatives[i].publication == publication)
            instance_id = family->relatives[family->twins[i].same_as].row.instance_id;
    return instance_learn_wording(publisher->catalogue, instance_id, &publication->result.record, err);
}

static bool is_same_name(const char *one, const char *other)
{
    return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

/* promotes: for the second transaction, promote_all; offers, moves: batch. */
struct settled_so_far { bool linked, promotes, offers, moves; };

/* A member that is read again stands for its own row. True: that is of other bytes. */
static bool stand_for_own_row(struct family *family, struct publication *publication)
{
    bool renews = false;

    for (size_t i = 0; i < family->count; i++) {
        struct relative *const relative = &family->relatives[i];

        if (strcmp(relative->path, "-") != 0 && strcmp(relative->path, publication->path) == 0 &&
            relative->member_index < 0 && is_same_name(relative->member, publication->member)) {
            publication->instance_id = publication->row.instance_id = relative->row.instance_id;
            relative->publication = publication;
            renews = !(relative->row.has_digest && digest_equal(&relative->row.digest, &publication->row.digest));
        }
    }
    return renews;
}

static bool settle_identity(const struct publisher *publisher, struct batch *batch, struct publication *publication,
                            struct leftovers *leftovers, struct settled_so_far *made, struct error *err)
{
    struct family family = {0};
    const struct origin origin = {publication->path, publication->member, -1, publication->order};
    const bool is_new = publication->instance_id == 0;
    bool ok = (!is_new || (forget_rejection(publisher, &origin, err) &&
                           replace_former(publisher, publication, leftovers, &made->offers, err))) &&
              gather(publisher, batch, &publication->row, &family, err);
    const bool renews = ok && is_new && stand_for_own_row(&family, publication);

    if (ok && publication->instance_id == 0)
        ok = add_newcomer(&family, publication, err);
    ok = ok && offer_former_again(publisher, &family, &made->offers, err) && make_twins(&family, err);
    if (ok) {
        plan_twins(family.twins, family.count, publisher->keep_first);
        if (has_duplicates(&family))
            ok = apply_duplicates(publisher, &family, leftovers, &made->moves, err);
        tell_publications(&family);
        made->promotes = made->promotes || has_promotion(&family);
        ok = ok && relocate_family(publisher, &family, false, leftovers, &made->linked, err);
    }
    if (ok && publication->instance_id == 0 && !publication->dropped)
        ok = insert_newcomer(publisher, publication, &made->offers, err);
    if (ok && !publication->dropped && renews)
        ok = renew_row(publisher, publication, err);
    if (ok && !publication->dropped && publication->row.has_digest)
        ok = instance_set_digest(publisher->catalogue, publication->row.instance_id, &publication->row.digest,
                                 (int64_t)publication->result.source_bytes, err);
    ok = ok && (!is_new || learn_wording(publisher, publication, &family, err));
    ok = ok && series_touch(publisher->catalogue, publication->row.study, publication->row.series, err);
    family_release(&family);
    return ok;
}

bool publish_twin_digest(const struct publisher *publisher, int64_t instance_id, const struct digest *digest,
                         struct leftovers *leftovers, struct error *err)
{
    struct family family = {0};
    struct instance_row row;
    bool found = false, stays = true, moves = false;
    bool ok = instance_find(publisher->catalogue, instance_id, &row, &found, err);

    if (!ok || !found)
        return ok;
    ok = gather_duplicates(publisher, &row, digest, &family, err);
    for (size_t i = 0; ok && i < family.count; i++)
        if (family.relatives[i].row.instance_id == instance_id) {
            family.relatives[i].row.digest = *digest;
            family.relatives[i].row.has_digest = true;
        }
    ok = ok && make_twins(&family, err);
    if (ok)
        plan_twins(family.twins, family.count, publisher->keep_first);
    if (ok && has_duplicates(&family))
        ok = apply_duplicates(publisher, &family, leftovers, &moves, err);
    for (size_t i = 0; ok && i < family.count; i++)
        stays = stays && (family.twins[i].same_as == i || family.relatives[i].row.instance_id != instance_id);
    if (ok && stays)
        ok = instance_set_digest(publisher->catalogue, instance_id, digest, 0, err);
    family_release(&family);
    return ok;
}

/* -- the batch --------------------------------------------------------------------------- */

static void take_digest(struct publication *publication)
{
    static const struct digest none;

    if (digest_equal(&publication->result.source_digest, &none))
        return;
    publication->is_new_bytes = publication->row.has_digest &&
                                !digest_equal(&publication->row.digest, &publication->result.source_digest);
    publication->row.digest = publication->result.source_digest;
    publication->row.has_digest = true;
}

/* It settles as failed, and keeps what it has. */
static void fail_publication(struct publication *publication, enum error_kind kind, const char *text)
{
    struct job_result *const result = &publication->result;

    publication->is_amiss = result->manifest.product_count > 0;
    manifest_release(&result->manifest);
    job_result_drop_kept(result);
    result->source_digest = (struct digest){0};
    result->error = kind;
    result->state = INSTANCE_FAILED;
    (void)snprintf(result->text, sizeof result->text, "%s", text);
}

/* Its source holds another object than the row is of: nothing of that is published under its name. */
static bool is_of_another(const struct publication *publication)
{
    const struct job_result *const result = &publication->result;
    const struct instance_row *const row = &publication->row;

    return result->has_record && (strcmp(row->study, record_get(&result->record, RECORD_study_instance_uid)) != 0 ||
                                  strcmp(row->series, record_get(&result->record, RECORD_series_instance_uid)) != 0 ||
                                  strcmp(row->sop, record_get(&result->record, RECORD_sop_instance_uid)) != 0);
}

static bool load_series(const struct publisher *publisher, struct publication *publication, struct error *err)
{
    int64_t exists = 0;
    const bool ok = catalogue_number(publisher->catalogue,
                                     "SELECT 1 FROM series WHERE study_instance_uid = ? AND series_instance_uid = ?",
                                     VALUES(value_text(publication->row.study), value_text(publication->row.series)), 0,
                                     &exists, err);

    publication->dropped = exists == 0;
    publication->is_current = true;
    return ok;
}

static bool load_row(const struct publisher *publisher, struct publication *publication, struct error *err)
{
    const struct record *const record = &publication->result.record;
    bool found = true;

    if (publication->kind == JOB_SERIES)
        return load_series(publisher, publication, err);
    if (publication->instance_id != 0) {
        if (!instance_find(publisher->catalogue, publication->instance_id, &publication->row, &found, err))
            return false;
        publication->dropped = !found;
        publication->is_current = publication->row.is_current;
        if (found && publication->kind == JOB_OBJECT && is_of_another(publication))
            fail_publication(publication, ERROR_IO, "the source has changed since it was read");
    } else {
        (void)snprintf(publication->row.study, UID_SIZE, "%s", record_get(record, RECORD_study_instance_uid));
        (void)snprintf(publication->row.series, UID_SIZE, "%s", record_get(record, RECORD_series_instance_uid));
        (void)snprintf(publication->row.sop, UID_SIZE, "%s", record_get(record, RECORD_sop_instance_uid));
        publication->is_current = true;
    }
    if (publication->kind == JOB_OBJECT)
        take_digest(publication);
    return publication->dropped || publication->kind != JOB_OBJECT ||
           publish_find_kept(publisher, publication, err);
}

static bool needs_decision(const struct publisher *publisher, const struct publication *publication, bool *needed,
                           struct error *err)
{
    int64_t twins = 0;

    *needed = !publication->dropped && publication->kind == JOB_OBJECT && publication->instance_id == 0;
    if (publication->dropped || publication->kind != JOB_OBJECT || *needed)
        return true;
    if (!catalogue_number(publisher->catalogue,
                          "SELECT count(*) FROM instance WHERE study_instance_uid = ? AND series_instance_uid = ?"
                          " AND sop_instance_uid = ?",
                          VALUES(value_text(publication->row.study), value_text(publication->row.series),
                                 value_text(publication->row.sop)),
                          0, &twins, err))
        return false;
    *needed = twins > 1 || !publication->row.is_current;
    return true;
}

/* Rows that contradict one another are the failure of one publication, and do not hold up the others. */
static bool settle_alone(const struct publisher *publisher, struct batch *batch, struct publication *publication,
                         struct leftovers *leftovers, struct settled_so_far *made, bool *decided, struct error *err)
{
    struct catalogue *const catalogue = publisher->catalogue;
    struct error why = {0};

    if (!catalogue_execute(catalogue, "SAVEPOINT publication", NO_VALUES, err))
        return false;
    *decided = settle_identity(publisher, batch, publication, leftovers, made, &why);
    if (*decided)
        return catalogue_execute(catalogue, "RELEASE publication", NO_VALUES, err);
    if (!catalogue_has_clash(catalogue)) {
        *err = why;
        return false;
    }
    if (!catalogue_execute(catalogue, "ROLLBACK TO publication", NO_VALUES, err) ||
        !catalogue_execute(catalogue, "RELEASE publication", NO_VALUES, err))
        return false;
    fail_publication(publication, why.kind, why.text);
    publication->is_current = publication->row.is_current;
    publication->dropped = publication->path != NULL; /* a member that got no row */
    return true;
}

/* A RENDER publication goes where its instance is now. */
static bool follow_current(const struct publisher *publisher, struct batch *batch, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < batch->count; i++) {
        struct publication *const p = batch->items[i];
        bool found = false;

        if (p->kind != JOB_RENDER || p->dropped)
            continue;
        ok = instance_find(publisher->catalogue, p->instance_id, &p->row, &found, err);
        p->dropped = !found;
        p->is_current = p->row.is_current;
    }
    return ok;
}

static bool end_transaction(const struct publisher *publisher, bool ok, struct error *err)
{
    if (ok)
        return catalogue_commit(publisher->catalogue, err);
    catalogue_rollback(publisher->catalogue);
    return false;
}

static bool promote(const struct publisher *publisher, const struct batch *batch, const struct instance_row *like,
                    struct leftovers *leftovers, bool *linked, struct error *err)
{
    struct family family = {0};
    bool ok = gather(publisher, batch, like, &family, err) && make_twins(&family, err);

    if (ok) {
        plan_twins(family.twins, family.count, publisher->keep_first);
        ok = relocate_family(publisher, &family, true, leftovers, linked, err);
    }
    family_release(&family);
    return ok;
}

/* Rows of older objects that become current. Killed in between, a family has no current object: the next run decides
 * it again. */
static bool promote_all(const struct publisher *publisher, const struct batch *batch, const bool *needed,
                        struct leftovers *leftovers, struct error *err)
{
    bool linked = false, ok = catalogue_begin(publisher->catalogue, err);

    if (!ok)
        return false;
    for (size_t i = 0; ok && i < batch->count; i++)
        ok = !needed[i] || promote(publisher, batch, &batch->items[i]->row, leftovers, &linked, err);
    FAILPOINT("publish:linked");
    return end_transaction(publisher, ok && (!linked || publish_sync(publisher, err)), err);
}

static bool decide_all(const struct publisher *publisher, struct batch *batch, bool *needed,
                       struct leftovers *leftovers, struct error *err)
{
    struct settled_so_far made = {0};
    bool ok = catalogue_begin(publisher->catalogue, err);

    if (!ok)
        return false;
    for (size_t i = 0; ok && i < batch->count; i++)
        ok = !needed[i] || batch->items[i]->dropped ||
             settle_alone(publisher, batch, batch->items[i], leftovers, &made, &needed[i], err);
    ok = ok && follow_current(publisher, batch, err) && (!made.linked || publish_sync(publisher, err));
    if (!end_transaction(publisher, ok, err))
        return false;
    batch->offers = made.offers;
    batch->moves = made.moves;
    FAILPOINT("publish:demoted");
    return !made.promotes || (promote_all(publisher, batch, needed, leftovers, err) &&
                              follow_current(publisher, batch, err));
}

/* In one transaction: each one of a statement alone takes and gives locks of files. */
static bool load_rows(const struct publisher *publisher, struct batch *batch, bool *needed, bool *any,
                      struct error *err)
{
    bool ok = catalogue_begin(publisher->catalogue, err);

    if (!ok)
        return false;
    for (size_t i = 0; ok && i < batch->count; i++) {
        ok = load_row(publisher, batch->items[i], err) &&
             needs_decision(publisher, batch->items[i], &needed[i], err);
        *any = *any || (ok && needed[i]);
    }
    return end_transaction(publisher, ok, err);
}

bool publish_identity(const struct publisher *publisher, struct batch *batch, struct leftovers *leftovers,
                      struct error *err)
{
    bool *const needed = memory_array(batch->count + 1, sizeof *needed, err);
    bool any = false, ok = needed != NULL && load_rows(publisher, batch, needed, &any, err);

    ok = ok && (!any || decide_all(publisher, batch, needed, leftovers, err));
    memory_free(needed);
    return ok;
}

/* -- the rule has changed, or a current object is gone ------------------------------------ */

static bool decide_group(const struct publisher *publisher, const struct instance_row *like,
                         enum decide_step step, struct leftovers *leftovers, bool *changed, struct error *err)
{
    static const struct batch nobody;
    struct family family = {0};
    bool linked = false, ok = gather(publisher, &nobody, like, &family, err) && make_twins(&family, err);

    if (ok) {
        plan_twins(family.twins, family.count, publisher->keep_first);
        *changed = *changed || !is_decided(&family);
        if (step != DECIDE_LOOK)
            ok = relocate_family(publisher, &family, step == DECIDE_PROMOTE, leftovers, &linked, err);
    }
    if (ok && linked)
        ok = series_touch(publisher->catalogue, like->study, like->series, err);
    family_release(&family);
    return ok;
}

static bool decide_groups(const struct publisher *publisher, enum decide_step step, struct leftovers *leftovers, bool *changed,
                          struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(publisher->catalogue,
                               "SELECT DISTINCT study_instance_uid, series_instance_uid, sop_instance_uid"
                               " FROM instance WHERE is_current = 0 ORDER BY 1, 2, 3",
                               NO_VALUES, &cursor, err);

    while (ok && cursor_next(cursor)) {
        struct instance_row like = {0};

        (void)snprintf(like.study, UID_SIZE, "%s", cursor_text(cursor, 0));
        (void)snprintf(like.series, UID_SIZE, "%s", cursor_text(cursor, 1));
        (void)snprintf(like.sop, UID_SIZE, "%s", cursor_text(cursor, 2));
        ok = decide_group(publisher, &like, step, leftovers, changed, err);
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

bool publish_decide_again(const struct publisher *publisher, enum decide_step step, struct leftovers *leftovers,
                          bool *changed, struct error *err)
{
    *changed = false;
    if (!catalogue_begin(publisher->catalogue, err))
        return false;
    if (!decide_groups(publisher, step, leftovers, changed, err) ||
        (step != DECIDE_LOOK && !publish_sync(publisher, err)) ||
        (step == DECIDE_PROMOTE && !leftovers_settle(leftovers, publisher->catalogue, err))) {
        catalogue_rollback(publisher->catalogue);
        return false;
    }
    return catalogue_commit(publisher->catalogue, err);
}
