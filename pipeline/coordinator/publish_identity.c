/* Step 1 of publish.h: who is a twin of whom, who stays, who is current. */
#include "publish.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "coordinator/plan.h"

/* A row with the same UIDs as a publication's; its texts are copies. */
struct relative {
    struct instance_row row;
    struct publication *publication; /* of this batch, if it has one */
    char *path, *member, *order;
    int64_t member_index;
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
    return copy_texts(relative, cursor_text(cursor, 4), cursor_is_null(cursor, 5) ? NULL : cursor_text(cursor, 5),
                      cursor_text(cursor, 7), err);
}

static bool gather(const struct publisher *publisher, const struct batch *batch, const struct instance_row *like,
                   struct family *family, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(publisher->catalogue,
                               "SELECT instance_id, source_digest, is_current, state, source, member, member_index,"
                               " source_order FROM instance WHERE study_instance_uid = ? AND series_instance_uid = ?"
                               " AND sop_instance_uid = ? ORDER BY instance_id",
                               VALUES(value_text(like->study), value_text(like->series), value_text(like->sop)),
                               &cursor, err);

    while (ok && cursor_next(cursor))
        ok = read_relative(family, cursor, like, batch, err);
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
        twin->state = publication != NULL ? publication->result.state : relative->row.state;
        twin->settled = publication != NULL ||
                        (twin->state != INSTANCE_PENDING && twin->state != INSTANCE_RUNNING);
    }
    return true;
}

/* -- applying ---------------------------------------------------------------------------- */

/* relatives[i] is a duplicate of the one that stays: it loses its row and its source is told as rejected. */
static bool drop_duplicate(const struct publisher *publisher, struct family *family, size_t i,
                           struct leftovers *leftovers, struct error *err)
{
    struct relative *const relative = &family->relatives[i];

    if (relative->publication != NULL)
        relative->publication->dropped = true;
    return relative->row.instance_id == INT64_MAX ||
           publish_forget(publisher, relative->row.instance_id, leftovers, err);
}

/* Of all sources with these bytes the first gives the row its name, the others are rejected rows. */
static bool name_sources(const struct publisher *publisher, const struct family *family, size_t i,
                         struct error *err)
{
    const size_t stays = family->twins[i].same_as, first = family->twins[i].source_of;
    const struct origin origin = origin_of(&family->relatives[i]), winner = origin_of(&family->relatives[first]);
    struct error text;

    if (i == first)
        return source_unreject_one(publisher->catalogue, &origin, err) &&
               (stays == first || family->relatives[stays].row.instance_id == INT64_MAX ||
                instance_set_origin(publisher->catalogue, family->relatives[stays].row.instance_id, &origin, err));
    if (strcmp(origin.path, winner.path) == 0 && strcmp(origin.order, winner.order) == 0)
        return true; /* the same stream once more */
    (void)error_set(&text, ERROR_NONE, "the same bytes as \"%s\"%s%s%s", winner.path,
                    winner.member != NULL ? ", member \"" : "", winner.member != NULL ? winner.member : "",
                    winner.member != NULL ? "\"" : "");
    return source_reject(publisher->catalogue, &origin, "duplicate", text.text, err);
}

static bool has_duplicates(const struct family *family)
{
    for (size_t i = 0; i < family->count; i++)
        if (family->twins[i].same_as != i || family->twins[i].source_of != i)
            return true;
    return false;
}

static bool apply_duplicates(const struct publisher *publisher, struct family *family, struct leftovers *leftovers,
                             struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < family->count; i++)
        if (family->twins[i].same_as != i)
            ok = drop_duplicate(publisher, family, i, leftovers, err);
    for (size_t i = 0; ok && i < family->count; i++)
        if (family->twins[i].same_as != i || family->twins[i].source_of != i)
            ok = name_sources(publisher, family, i, err);
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
        family->relatives[first].path = family->relatives[first].member = family->relatives[first].order = NULL;
    }
    return ok;
}

/* First those that stop being current, then the one that becomes it. */
static bool apply_current(const struct publisher *publisher, struct family *family, struct leftovers *leftovers,
                          bool *linked, struct error *err)
{
    bool ok = true;

    for (int becoming = 0; ok && becoming <= 1; becoming++)
        for (size_t i = 0; ok && i < family->count; i++) {
            const struct twin *const twin = &family->twins[i];
            struct relative *const relative = &family->relatives[i];

            if (twin->same_as != i || !twin->settled || twin->is_current != (becoming == 1))
                continue;
            if (relative->publication != NULL)
                relative->publication->is_current = twin->is_current;
            if (relative->row.instance_id == INT64_MAX || relative->row.is_current == twin->is_current)
                continue;
            *linked = true;
            ok = relocate_instance(publisher, &relative->row, twin->is_current, leftovers, err);
        }
    return ok;
}

/* -- one publication --------------------------------------------------------------------- */

static bool insert_newcomer(const struct publisher *publisher, struct publication *publication, struct error *err)
{
    const struct origin origin = {publication->path, publication->member, -1, publication->order};
    struct instance_row former;
    bool found = false;

    /* the same member of an archive that is read again */
    if (!instance_find_origin(publisher->catalogue, &origin, &former, &found, err))
        return false;
    if (found && strcmp(former.study, publication->row.study) == 0 &&
        strcmp(former.series, publication->row.series) == 0 && strcmp(former.sop, publication->row.sop) == 0) {
        publication->instance_id = publication->row.instance_id = former.instance_id;
        return instance_renew(publisher->catalogue, former.instance_id, &publication->result.record, &origin,
                              (int64_t)publication->result.source_bytes, err) &&
               instance_set_state(publisher->catalogue, former.instance_id, INSTANCE_RUNNING, err);
    }
    if (!instance_insert(publisher->catalogue, &publication->result.record, &origin,
                         (int64_t)publication->result.source_bytes, INSTANCE_RUNNING, &publication->instance_id, err))
        return false;
    publication->row.instance_id = publication->instance_id;
    return true;
}

/* Its path gave another object before: that one goes. */
static bool replace_former(const struct publisher *publisher, struct publication *publication,
                           struct leftovers *leftovers, struct error *err)
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
    return publish_forget(publisher, former.instance_id, leftovers, err) &&
           series_touch(publisher->catalogue, former.study, former.series, err);
}

static bool settle_identity(const struct publisher *publisher, struct batch *batch, struct publication *publication,
                            struct leftovers *leftovers, bool *linked, struct error *err)
{
    struct family family = {0};
    const bool is_new = publication->instance_id == 0;
    bool ok = (!is_new || replace_former(publisher, publication, leftovers, err)) &&
              gather(publisher, batch, &publication->row, &family, err);

    /* a member that is read again stands for its own row */
    for (size_t i = 0; ok && is_new && i < family.count; i++) {
        const struct relative *const relative = &family.relatives[i];

        if (strcmp(relative->path, "-") != 0 && strcmp(relative->path, publication->path) == 0 &&
            relative->member_index < 0 && relative->member != NULL && publication->member != NULL &&
            strcmp(relative->member, publication->member) == 0) {
            publication->instance_id = publication->row.instance_id = relative->row.instance_id;
            family.relatives[i].publication = publication;
        }
    }
    if (ok && publication->instance_id == 0)
        ok = add_newcomer(&family, publication, err);
    ok = ok && make_twins(&family, err);
    if (ok) {
        plan_twins(family.twins, family.count, publisher->keep_first);
        if (has_duplicates(&family))
            ok = apply_duplicates(publisher, &family, leftovers, err);
        ok = ok && apply_current(publisher, &family, leftovers, linked, err);
    }
    if (ok && publication->instance_id == 0 && !publication->dropped)
        ok = insert_newcomer(publisher, publication, err);
    if (ok && !publication->dropped && publication->row.has_digest)
        ok = instance_set_digest(publisher->catalogue, publication->row.instance_id, &publication->row.digest,
                                 (int64_t)publication->result.source_bytes, err);
    ok = ok && series_touch(publisher->catalogue, publication->row.study, publication->row.series, err);
    family_release(&family);
    return ok;
}

bool publish_twin_digest(const struct publisher *publisher, int64_t instance_id, const struct digest *digest,
                         struct leftovers *leftovers, struct error *err)
{
    static const struct batch nobody;
    struct family family = {0};
    struct instance_row row;
    bool found = false, stays = true;
    bool ok = instance_find(publisher->catalogue, instance_id, &row, &found, err);

    if (!ok || !found)
        return ok;
    ok = gather(publisher, &nobody, &row, &family, err);
    for (size_t i = 0; ok && i < family.count; i++)
        if (family.relatives[i].row.instance_id == instance_id) {
            family.relatives[i].row.digest = *digest;
            family.relatives[i].row.has_digest = true;
        }
    ok = ok && make_twins(&family, err);
    if (ok)
        plan_twins(family.twins, family.count, publisher->keep_first);
    if (ok && has_duplicates(&family))
        ok = apply_duplicates(publisher, &family, leftovers, err);
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
    publication->row.digest = publication->result.source_digest;
    publication->row.has_digest = true;
}

static bool load_row(const struct publisher *publisher, struct publication *publication, struct error *err)
{
    const struct record *const record = &publication->result.record;
    bool found = true;

    if (publication->instance_id != 0) {
        if (!instance_find(publisher->catalogue, publication->instance_id, &publication->row, &found, err))
            return false;
        publication->dropped = !found;
        publication->is_current = publication->row.is_current;
    } else {
        (void)snprintf(publication->row.study, UID_SIZE, "%s", record_get(record, RECORD_study_instance_uid));
        (void)snprintf(publication->row.series, UID_SIZE, "%s", record_get(record, RECORD_series_instance_uid));
        (void)snprintf(publication->row.sop, UID_SIZE, "%s", record_get(record, RECORD_sop_instance_uid));
        publication->is_current = true;
    }
    if (publication->kind == JOB_OBJECT)
        take_digest(publication);
    return true;
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

static bool decide_all(const struct publisher *publisher, struct batch *batch, const bool *needed,
                       struct leftovers *leftovers, struct error *err)
{
    bool linked = false, ok = catalogue_begin(publisher->catalogue, err);

    if (!ok)
        return false;
    for (size_t i = 0; ok && i < batch->count; i++)
        ok = !needed[i] || batch->items[i]->dropped ||
             settle_identity(publisher, batch, batch->items[i], leftovers, &linked, err);
    ok = ok && (!linked || publish_sync(publisher, err));
    if (!ok) {
        catalogue_rollback(publisher->catalogue);
        return false;
    }
    return catalogue_commit(publisher->catalogue, err);
}

bool publish_identity(const struct publisher *publisher, struct batch *batch, struct leftovers *leftovers,
                      struct error *err)
{
    bool *const needed = memory_array(batch->count + 1, sizeof *needed, err);
    bool any = false, ok = needed != NULL;

    for (size_t i = 0; ok && i < batch->count; i++) {
        ok = load_row(publisher, batch->items[i], err) &&
             needs_decision(publisher, batch->items[i], &needed[i], err);
        any = any || (ok && needed[i]);
    }
    ok = ok && (!any || decide_all(publisher, batch, needed, leftovers, err));
    memory_free(needed);
    return ok;
}
