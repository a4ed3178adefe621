/* Step 6 of publish.h: the rows of one publication. */
#include "publish.h"

#include <stdio.h>
#include <string.h>

#include "coordinator/plan.h"
#include "job/layout.h"
#include "job/stage.h"

/* -- products ---------------------------------------------------------------------------- */

static const struct wanted_stage *find_stage(const struct publisher *publisher, const char *name, size_t length)
{
    for (size_t i = 0; i < publisher->stage_count; i++)
        if (strlen(publisher->stages[i].name) == length && memcmp(publisher->stages[i].name, name, length) == 0)
            return &publisher->stages[i];
    return NULL;
}

static const struct product *find_product(const struct manifest *manifest, const char *stage)
{
    for (size_t i = 0; i < manifest->product_count; i++)
        if (strcmp(manifest->products[i].stage, stage) == 0)
            return &manifest->products[i];
    return NULL;
}

/* Of the product; `name`: those only. */
static bool list_artefacts(const struct publisher *publisher, int64_t product_id, const char *name,
                           struct leftovers *leftovers, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(publisher->catalogue,
                               "SELECT path, place FROM artefact WHERE product_id = ?1 AND name = coalesce(?2, name)",
                               VALUES(value_int(product_id), value_text(name)), &cursor, err);

    while (ok && cursor_next(cursor)) {
        const int64_t place = cursor_int(cursor, 1);
        ok = leftovers_add(leftovers, cursor_text(cursor, 0), place_is_digest_named((enum place)place), err);
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

static bool drop_artefacts(const struct publisher *publisher, int64_t product_id, const char *name,
                           struct leftovers *leftovers, struct error *err)
{
    const size_t before = leftovers->count;

    return list_artefacts(publisher, product_id, name, leftovers, err) &&
           (leftovers->count == before ||
            catalogue_execute(publisher->catalogue,
                              "DELETE FROM artefact WHERE product_id = ?1 AND name = coalesce(?2, name)",
                              VALUES(value_int(product_id), value_text(name)), err));
}

/* What a product row will say. */
struct verdict {
    const char *state, *reason, *notes;
    bool keeps_files; /* deferred: the former pictures stay until the new ones are there */
};

static struct verdict judge(const struct publication *publication, const struct product *product)
{
    static const char *const states[] = {
        [PRODUCT_DONE] = "done", [PRODUCT_SKIPPED] = "skipped", [PRODUCT_FAILED] = "failed",
        [PRODUCT_DEFERRED] = "pending", [PRODUCT_PARTIAL] = "failed"};
    const struct job_result *const result = &publication->result;

    if (product != NULL)
        return (struct verdict){states[product->state], product->reason[0] != '\0' ? product->reason : NULL,
                                product->notes, product->state == PRODUCT_DEFERRED};
    if (result->error == ERROR_NONE)
        return (struct verdict){"failed", "the worker did not say anything about it", NULL, false};
    return (struct verdict){result->state == INSTANCE_SKIPPED ? "skipped" : "failed",
                            error_kind_word(result->error), NULL, false};
}

/* What is skipped is so whatever the window, and is not asked again when that changes. */
static bool input_digest(const struct publication *publication, const struct wanted_stage *stage,
                         const struct verdict *verdict, char hex[DIGEST_HEX_SIZE], struct error *err)
{
    const bool covers_window = publication->has_window && strcmp(verdict->state, "skipped") != 0;

    if (publication->kind == JOB_SERIES) {
        memcpy(hex, stage->needs & NEEDS_SLIDE ? publication->slide_input : publication->input, DIGEST_HEX_SIZE);
        return true;
    }
    return plan_input_digest(&publication->row.digest, covers_window ? &publication->window_digest : NULL, hex, err);
}

static bool find_row(const struct publisher *publisher, const struct publication *publication, const char *stage,
                     int64_t *product_id, struct error *err)
{
    const struct instance_row *const row = &publication->row;

    if (publication->kind == JOB_SERIES)
        return catalogue_number(publisher->catalogue,
                                "SELECT product_id FROM product WHERE study_instance_uid = ?"
                                " AND series_instance_uid = ? AND instance_id IS NULL AND stage = ?",
                                VALUES(value_text(row->study), value_text(row->series), value_text(stage)), 0,
                                product_id, err);
    return catalogue_number(publisher->catalogue, "SELECT product_id FROM product WHERE instance_id = ? AND stage = ?",
                            VALUES(value_int(row->instance_id), value_text(stage)), 0, product_id, err);
}

/* A failure takes nothing away that was made of the same bytes; a series', of the same set of them. */
static bool keeps_former(const struct publisher *publisher, const struct publication *publication, int64_t product_id,
                         const char *input, int64_t *keeps, struct error *err)
{
    if (publication->kind == JOB_SERIES)
        return catalogue_number(publisher->catalogue, "SELECT input_digest = ? FROM product WHERE product_id = ?",
                                VALUES(value_text(input), value_int(product_id)), 0, keeps, err);
    return publication->is_new_bytes ||
           catalogue_number(publisher->catalogue, "SELECT input_digest <> '' FROM product WHERE product_id = ?",
                            VALUES(value_int(product_id)), 0, keeps, err);
}

/* A source that could not be read may be readable in the next run: what stays of former options says so. */
static bool stays_outdated(const struct publisher *publisher, const struct verdict *verdict, int64_t product_id,
                           int64_t *outdated, struct error *err)
{
    return verdict->reason == NULL || (strcmp(verdict->reason, "io") != 0 && strcmp(verdict->reason, "nomem") != 0) ||
           catalogue_number(publisher->catalogue, "SELECT EXISTS (SELECT 1 FROM artefact WHERE product_id = ?)",
                            VALUES(value_int(product_id)), 0, outdated, err);
}

static bool upsert_product(const struct publisher *publisher, const struct publication *publication,
                           const struct wanted_stage *stage, const struct verdict *verdict,
                           struct leftovers *leftovers, int64_t *product_id, struct error *err)
{
    struct catalogue *const catalogue = publisher->catalogue;
    const struct instance_row *const row = &publication->row;
    char input[DIGEST_HEX_SIZE];
    int64_t keeps = verdict->keeps_files, outdated = 0;

    if (!input_digest(publication, stage, verdict, input, err) ||
        !find_row(publisher, publication, stage->name, product_id, err) ||
        (*product_id != 0 && keeps == 0 && strcmp(verdict->state, "failed") == 0 &&
         !keeps_former(publisher, publication, *product_id, input, &keeps, err)) ||
        (keeps != 0 && !stays_outdated(publisher, verdict, *product_id, &outdated, err)))
        return false;
    if (*product_id != 0)
        return (keeps != 0 || drop_artefacts(publisher, *product_id, NULL, leftovers, err)) &&
               catalogue_execute(catalogue,
                                 "UPDATE product SET stage_version = ?, options_digest = ?, input_digest = ?,"
                                 " state = ?, reason = ?, notes = coalesce(?, iif(?, notes, NULL))"
                                 " WHERE product_id = ?",
                                 VALUES(value_int(stage->version), value_text(outdated ? "" : stage->options_digest),
                                        value_text(input), value_text(verdict->state), value_text(verdict->reason),
                                        value_filled(verdict->notes), value_int(keeps), value_int(*product_id)),
                                 err);
    if (!catalogue_execute(catalogue,
                           "INSERT INTO product (study_instance_uid, series_instance_uid, instance_id, subject, stage,"
                           " stage_version, options_digest, input_digest, state, reason, notes)"
                           " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                           VALUES(value_text(row->study), value_text(row->series), value_id(row->instance_id),
                                  value_text(row->instance_id != 0 ? "instance" : "series"),
                                  value_text(stage->name), value_int(stage->version),
                                  value_text(stage->options_digest), value_text(input), value_text(verdict->state),
                                  value_text(verdict->reason), value_filled(verdict->notes)),
                           err))
        return false;
    *product_id = catalogue_last_id(catalogue);
    return true;
}

/* -- artefacts --------------------------------------------------------------------------- */

static void subject_of(const struct publication *publication, struct subject *subject)
{
    *subject = (struct subject){0};
    memcpy(subject->study, publication->row.study, UID_SIZE);
    memcpy(subject->series, publication->row.series, UID_SIZE);
    memcpy(subject->sop, publication->row.sop, UID_SIZE);
    if (!publication->is_current)
        digest_hex16(&publication->row.digest, subject->conflict);
}

static bool insert_ranges(struct catalogue *catalogue, const struct artefact *artefact, int64_t artefact_id,
                          struct error *err)
{
    bool ok = true;

    for (uint32_t i = 0; ok && i < artefact->range_count; i++)
        ok = catalogue_execute(catalogue,
                               "INSERT INTO byte_range (artefact_id, resolution, columns, rows, end_offset)"
                               " VALUES (?, ?, ?, ?, ?)",
                               VALUES(value_int(artefact_id), value_int(artefact->ranges[i].resolution),
                                      value_int(artefact->ranges[i].columns), value_int(artefact->ranges[i].rows),
                                      value_int((int64_t)artefact->ranges[i].end_offset)),
                               err);
    return ok;
}

static bool insert_artefact(const struct publisher *publisher, const struct publication *publication,
                            const struct subject *subject, const char *stage, int64_t product_id,
                            const struct product *product, size_t index, struct error *err)
{
    struct catalogue *const catalogue = publisher->catalogue;
    const struct artefact *const artefact = &product->artefacts[index];
    char path[PATH_SIZE], hex[DIGEST_HEX_SIZE];

    digest_hex(&artefact->digest, hex);
    return artefact_path(subject, product, index, path, err) &&
           catalogue_execute(
               catalogue,
               "INSERT OR REPLACE INTO artefact (product_id, study_instance_uid, series_instance_uid, instance_id,"
               " frame, stage, place, name, path, media_type, files, bytes, sha256, columns, rows)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
               VALUES(value_int(product_id), value_text(publication->row.study), value_text(publication->row.series),
                      value_id(publication->row.instance_id), value_id(artefact->frame), value_text(stage),
                      value_int(artefact->place), value_text(artefact->name), value_text(path),
                      value_text(artefact->media_type), value_int(artefact->files),
                      value_int((int64_t)artefact->bytes), value_text(hex), value_id(artefact->columns),
                      value_id(artefact->rows)),
               err) &&
           insert_ranges(catalogue, artefact, catalogue_last_id(catalogue), err) &&
           (place_is_digest_named(artefact->place)
                ? garbage_forget(catalogue, path, err)
                : true);
}

/* What stays from before, beside what is new, where a product has failed in part: not under the same name. */
static bool replace_named(const struct publisher *publisher, int64_t product_id, const struct product *product,
                          struct leftovers *leftovers, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < product->artefact_count; i++)
        ok = drop_artefacts(publisher, product_id, product->artefacts[i].name, leftovers, err);
    return ok;
}

static bool put_product(const struct publisher *publisher, const struct publication *publication,
                        const struct wanted_stage *stage, struct leftovers *leftovers, struct error *err)
{
    const struct product *const product = find_product(&publication->result.manifest, stage->name);
    const struct verdict verdict = judge(publication, product);
    struct subject subject;
    int64_t product_id = 0;
    bool ok = upsert_product(publisher, publication, stage, &verdict, leftovers, &product_id, err);

    subject_of(publication, &subject);
    if (ok && product != NULL && product->state == PRODUCT_PARTIAL)
        ok = replace_named(publisher, product_id, product, leftovers, err);
    for (size_t i = 0; ok && product != NULL && i < product->artefact_count; i++)
        ok = insert_artefact(publisher, publication, &subject, stage->name, product_id, product, i, err);
    return ok;
}

/* Products of former bytes (instance_renew emptied their digest) that this job did not make anew. */
static bool drop_former_bytes(const struct publisher *publisher, const struct publication *publication,
                              struct leftovers *leftovers, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(publisher->catalogue,
                               "SELECT product_id FROM product WHERE instance_id = ? AND input_digest = ''",
                               VALUES(value_int(publication->row.instance_id)), &cursor, err);

    while (ok && cursor_next(cursor))
        ok = drop_artefacts(publisher, cursor_int(cursor, 0), NULL, leftovers, err) &&
             catalogue_execute(publisher->catalogue, "DELETE FROM product WHERE product_id = ?",
                               VALUES(value_int(cursor_int(cursor, 0))), err);
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

/* -- what is kept ------------------------------------------------------------------------ */

/* Of the same bytes, what this job did not tell stays as it was. */
static bool put_kept(const struct publisher *publisher, const struct publication *publication, struct error *err)
{
    const struct job_result *const result = &publication->result;
    const struct value id = value_int(publication->row.instance_id);

    if (publication->is_new_bytes && publication->kind == JOB_OBJECT &&
        !catalogue_execute(publisher->catalogue, "DELETE FROM keep WHERE instance_id = ?", VALUES(id), err))
        return false;
    return (result->relic.size == 0 && result->histogram.size == 0 && result->geometry.size == 0 &&
            result->slide.size == 0 && result->metadata == NULL) ||
           catalogue_execute(publisher->catalogue,
                             "INSERT INTO keep (instance_id, relic, histogram, geometry, slide, metadata)"
                             " VALUES (?, ?, ?, ?, ?, ?)"
                             " ON CONFLICT (instance_id) DO UPDATE SET relic = coalesce(excluded.relic, relic),"
                             " histogram = coalesce(excluded.histogram, histogram),"
                             " geometry = coalesce(excluded.geometry, geometry), slide = coalesce(excluded.slide, slide),"
                             " metadata = coalesce(excluded.metadata, metadata)",
                             VALUES(id, value_blob(result->relic.data, result->relic.size),
                                    value_blob(result->histogram.data, result->histogram.size),
                                    value_blob(result->geometry.data, result->geometry.size),
                                    value_blob(result->slide.data, result->slide.size),
                                    value_text(result->metadata)),
                             err);
}

/* -- the whole --------------------------------------------------------------------------- */

static bool put_asked(const struct publisher *publisher, const struct publication *publication,
                      struct leftovers *leftovers, struct error *err)
{
    bool ok = true;

    for (const char *word = publication->stages; ok && word != NULL && *word != '\0';) {
        const size_t length = strcspn(word, ",");
        const struct wanted_stage *const stage = find_stage(publisher, word, length);

        ok = stage == NULL || put_product(publisher, publication, stage, leftovers, err);
        word += length + (word[length] == ',');
    }
    return ok;
}

static bool put_verdict(const struct publisher *publisher, int64_t instance_id, const char *names,
                        const struct verdict *verdict, struct error *err)
{
    bool found = false, ok = true;
    struct publication publication = {.kind = JOB_RENDER, .instance_id = instance_id};

    if (!instance_find(publisher->catalogue, instance_id, &publication.row, &found, err) || !found)
        return !found;
    for (const char *word = names; ok && *word != '\0';) {
        const size_t length = strcspn(word, ",");
        const struct wanted_stage *const stage = find_stage(publisher, word, length);
        int64_t product_id = 0;

        ok = stage == NULL || upsert_product(publisher, &publication, stage, verdict, NULL, &product_id, err);
        word += length + (word[length] == ',');
    }
    return ok;
}

bool publish_defer(const struct publisher *publisher, int64_t instance_id, const char *names, struct error *err)
{
    static const struct verdict deferred = {"pending", NULL, NULL, true};

    return put_verdict(publisher, instance_id, names, &deferred, err);
}

bool publish_stay_failed(const struct publisher *publisher, int64_t instance_id, const char *names, const char *reason,
                         struct error *err)
{
    const struct verdict failed = {"failed", reason, NULL, true};

    return put_verdict(publisher, instance_id, names, &failed, err) &&
           instance_set_state(publisher->catalogue, instance_id, INSTANCE_FAILED, err);
}

static bool raise_information(const struct publisher *publisher, const struct publication *publication,
                              struct error *err)
{
    return publication->result.information == 0 ||
           catalogue_execute(publisher->catalogue, "UPDATE instance SET information = ? WHERE instance_id = ?",
                             VALUES(value_int(publication->result.information),
                                    value_int(publication->row.instance_id)),
                             err);
}

bool publish_find_kept(const struct publisher *publisher, struct publication *publication, struct error *err)
{
    const struct job_result *const result = &publication->result;
    int64_t count = 0;

    publication->keeps = false;
    if ((result->state != INSTANCE_FAILED && result->state != INSTANCE_QUARANTINED) ||
        publication->instance_id == 0 || publication->is_new_bytes)
        return true;
    if (!catalogue_number(publisher->catalogue,
                          "SELECT EXISTS (SELECT 1 FROM product p JOIN artefact a USING (product_id)"
                          " WHERE p.instance_id = ? AND p.input_digest <> '')",
                          VALUES(value_int(publication->instance_id)), 0, &count, err))
        return false;
    publication->keeps = count != 0;
    return true;
}

/* The products say what failed; the object is what it was. */
static bool keep_rows(const struct publisher *publisher, const struct publication *publication,
                      struct leftovers *leftovers, struct error *err)
{
    return put_asked(publisher, publication, leftovers, err) &&
           catalogue_execute(publisher->catalogue,
                             "UPDATE instance SET state = iif(coalesce(reason, '') IN ('no_image', 'unsupported'),"
                             " 'skipped', 'done'), is_current = ? WHERE instance_id = ?",
                             VALUES(value_int(publication->is_current), value_int(publication->row.instance_id)),
                             err);
}

bool publish_rows(const struct publisher *publisher, struct publication *publication,
                  struct leftovers *leftovers, struct error *err)
{
    const struct job_result *const result = &publication->result;

    if (publication->kind == JOB_INDEX) {
        const struct origin origin = {publication->path, publication->member, -1, publication->order};
        return source_reject(publisher->catalogue, &origin,
                             result->ignored ? "ignored" : error_kind_word(result->error), result->text, err);
    }
    if (publication->kind == JOB_SERIES)
        return put_asked(publisher, publication, leftovers, err);
    if (publication->kind == JOB_RENDER)
        return raise_information(publisher, publication, err) && put_kept(publisher, publication, err) &&
               put_asked(publisher, publication, leftovers, err) &&
               (publication->row.state != INSTANCE_RUNNING ||
                instance_set_state(publisher->catalogue, publication->row.instance_id,
                                   result->state == INSTANCE_SKIPPED ? INSTANCE_SKIPPED : INSTANCE_DONE, err));
    if (!publish_find_kept(publisher, publication, err))
        return false;
    if (publication->keeps)
        return keep_rows(publisher, publication, leftovers, err);
    return instance_settle(publisher->catalogue, publication->row.instance_id, result, publication->is_current,
                           err) &&
           instance_put_windows(publisher->catalogue, &publication->row, result->windows, result->window_count,
                                err) &&
           put_kept(publisher, publication, err) &&
           put_asked(publisher, publication, leftovers, err) &&
           drop_former_bytes(publisher, publication, leftovers, err);
}

bool publish_forget_series(const struct publisher *publisher, const char *study, const char *series, const char *stage,
                           struct leftovers *leftovers, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(publisher->catalogue,
                               "SELECT product_id FROM product WHERE study_instance_uid = ?1 AND series_instance_uid = ?2"
                               " AND instance_id IS NULL AND (?3 IS NULL OR stage = ?3)",
                               VALUES(value_text(study), value_text(series), value_text(stage)), &cursor, err);

    while (ok && cursor_next(cursor))
        ok = drop_artefacts(publisher, cursor_int(cursor, 0), NULL, leftovers, err) &&
             catalogue_execute(publisher->catalogue, "DELETE FROM product WHERE product_id = ?",
                               VALUES(value_int(cursor_int(cursor, 0))), err);
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

bool publish_forget(const struct publisher *publisher, int64_t instance_id, struct leftovers *leftovers,
                    struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(publisher->catalogue, "SELECT product_id FROM product WHERE instance_id = ?",
                               VALUES(value_int(instance_id)), &cursor, err);

    while (ok && cursor_next(cursor))
        ok = list_artefacts(publisher, cursor_int(cursor, 0), NULL, leftovers, err);
    ok = cursor_end(cursor, ok ? err : &ignored) && ok;
    return ok && instance_delete(publisher->catalogue, instance_id, err);
}
