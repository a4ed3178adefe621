#include "catalogue_instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* SQL from the one list of columns in job/record.h */
#define NAME(field, type, tag, vr) #field ", "
#define MARK(field, type, tag, vr) "?, "
#define IS(field, type, tag, vr) " AND " #field " IS ?"
#define TAKE(field, type, tag, vr) #field " = w." #field ", "
#define SET(field, type, tag, vr) #field " = ?, "
#define VALUE(field, type, tag, vr) record_value(record, RECORD_##field),

static struct value record_value(const struct record *record, enum record_field field)
{
    const char *const text = record->values[field];

    if (text == NULL || text[0] == '\0')
        return value_null();
    switch (record_columns[field].type) {
    case RECORD_INTEGER: return value_int(strtoll(text, NULL, 10));
    case RECORD_REAL: return value_real(strtod(text, NULL));
    case RECORD_TEXT: break;
    }
    return value_text(text);
}

/* -- study and series -------------------------------------------------------------------- */

static bool put_study(struct catalogue *catalogue, const struct record *record, const char *order,
                      struct error *err)
{
    return catalogue_execute(
        catalogue,
        "INSERT INTO study (" RECORD_STUDY_FIELDS(NAME) "source_order) VALUES (" RECORD_STUDY_FIELDS(MARK) "?)"
        " ON CONFLICT (study_instance_uid) DO NOTHING",
        VALUES(RECORD_STUDY_FIELDS(VALUE) value_text(order)), err);
}

static bool put_series(struct catalogue *catalogue, const struct record *record, const char *order,
                       struct error *err)
{
    return catalogue_execute(
        catalogue,
        "INSERT INTO series (study_instance_uid, " RECORD_SERIES_FIELDS(NAME) "source_order)"
        " VALUES (?, " RECORD_SERIES_FIELDS(MARK) "?)"
        " ON CONFLICT (study_instance_uid, series_instance_uid) DO NOTHING",
        VALUES(record_value(record, RECORD_study_instance_uid), RECORD_SERIES_FIELDS(VALUE) value_text(order)),
        err);
}

bool series_touch(struct catalogue *catalogue, const char *study, const char *series, struct error *err)
{
    return catalogue_execute(catalogue,
                             "UPDATE series SET state = 'pending' WHERE study_instance_uid = ?"
                             " AND series_instance_uid = ? AND state <> 'pending'",
                             VALUES(value_text(study), value_text(series)), err) &&
           catalogue_execute(catalogue,
                             "UPDATE study SET state = 'pending' WHERE study_instance_uid = ? AND state <> 'pending'",
                             VALUES(value_text(study)), err);
}

bool series_prune(struct catalogue *catalogue, const char *study, const char *series, struct error *err)
{
    return catalogue_execute(catalogue,
                             "DELETE FROM series WHERE study_instance_uid = ?1 AND series_instance_uid = ?2"
                             " AND NOT EXISTS (SELECT 1 FROM instance WHERE study_instance_uid = ?1"
                             " AND series_instance_uid = ?2)",
                             VALUES(value_text(study), value_text(series)), err) &&
           catalogue_execute(catalogue,
                             "DELETE FROM study WHERE study_instance_uid = ?1"
                             " AND NOT EXISTS (SELECT 1 FROM series WHERE study_instance_uid = ?1)",
                             VALUES(value_text(study)), err);
}

/* -- wordings ---------------------------------------------------------------------------- */

static bool find_wording(struct catalogue *catalogue, const struct record *record, int64_t *wording_id,
                         struct error *err)
{
    return catalogue_number(catalogue,
                            "SELECT wording_id FROM wording WHERE true" RECORD_STUDY_FIELDS(IS) RECORD_SERIES_FIELDS(IS),
                            VALUES(RECORD_STUDY_FIELDS(VALUE) RECORD_SERIES_FIELDS(VALUE)), 0, wording_id, err);
}

/* One that is there has its study and its series. */
static bool put_wording(struct catalogue *catalogue, const struct record *record, const char *order,
                        int64_t *wording_id, struct error *err)
{
    if (!find_wording(catalogue, record, wording_id, err))
        return false;
    if (*wording_id != 0)
        return true;
    if (!put_study(catalogue, record, order, err) || !put_series(catalogue, record, order, err) ||
        !catalogue_execute(catalogue,
                           "INSERT INTO wording (" RECORD_STUDY_FIELDS(NAME) RECORD_SERIES_FIELDS(NAME) "wording_id)"
                           " VALUES (" RECORD_STUDY_FIELDS(MARK) RECORD_SERIES_FIELDS(MARK) "NULL)",
                           VALUES(RECORD_STUDY_FIELDS(VALUE) RECORD_SERIES_FIELDS(VALUE)), err))
        return false;
    *wording_id = catalogue_last_id(catalogue);
    return true;
}

/* Objects that are current before others, as in all that is published; then in order of path. What a stream brings may
 * be of equal order: the UIDs and the digest tell, no row's number does. */
#define FIRST_OF(condition) \
    "(SELECT wording_id, source_order, source FROM instance WHERE " condition \
    " ORDER BY is_current DESC, source_order, series_instance_uid, sop_instance_uid, source_digest LIMIT 1)"
#define FIRST_OF_STUDY FIRST_OF("study_instance_uid = ?1")
#define FIRST_OF_SERIES FIRST_OF("study_instance_uid = ?1 AND series_instance_uid = ?2")

/* Read again by the next run: the first object, of which a former version has not noted what it says, where the row has
 * the texts of another. */
#define OFFER_FIRST(first, row, condition) \
    "UPDATE source_file SET read_ns = 0 WHERE path = (SELECT f.source FROM " first " f JOIN " row " r ON " condition \
    " WHERE f.wording_id IS NULL AND f.source_order IS NOT r.source_order)"

bool study_take_texts(struct catalogue *catalogue, const char *study, struct error *err)
{
    return catalogue_execute(catalogue,
                             "UPDATE study SET " RECORD_STUDY_TEXTS(TAKE) "source_order = f.source_order"
                             " FROM " FIRST_OF_STUDY " f JOIN wording w USING (wording_id)"
                             " WHERE study.study_instance_uid = ?1", VALUES(value_text(study)), err) &&
           (catalogue_changes(catalogue) != 0 ||
            catalogue_execute(catalogue, OFFER_FIRST(FIRST_OF_STUDY, "study", "r.study_instance_uid = ?1"),
                              VALUES(value_text(study)), err));
}

bool series_take_texts(struct catalogue *catalogue, const char *study, const char *series, struct error *err)
{
    return catalogue_execute(catalogue,
                             "UPDATE series SET " RECORD_SERIES_TEXTS(TAKE) "source_order = f.source_order"
                             " FROM " FIRST_OF_SERIES " f JOIN wording w USING (wording_id)"
                             " WHERE series.study_instance_uid = ?1 AND series.series_instance_uid = ?2",
                             VALUES(value_text(study), value_text(series)), err) &&
           (catalogue_changes(catalogue) != 0 ||
            catalogue_execute(catalogue,
                              OFFER_FIRST(FIRST_OF_SERIES, "series",
                                          "r.study_instance_uid = ?1 AND r.series_instance_uid = ?2"),
                              VALUES(value_text(study), value_text(series)), err)) &&
           catalogue_execute(catalogue,
                             "DELETE FROM wording WHERE study_instance_uid = ?1 AND series_instance_uid = ?2"
                             " AND wording_id NOT IN (SELECT wording_id FROM instance WHERE study_instance_uid = ?1"
                             " AND series_instance_uid = ?2 AND wording_id IS NOT NULL)",
                             VALUES(value_text(study), value_text(series)), err);
}

bool wording_drop_unused(struct catalogue *catalogue, struct error *err)
{
    return catalogue_execute(catalogue,
                             "DELETE FROM wording WHERE wording_id NOT IN"
                             " (SELECT wording_id FROM instance WHERE wording_id IS NOT NULL)", NO_VALUES, err);
}

/* -- instance ---------------------------------------------------------------------------- */

static bool touch_parents(struct catalogue *catalogue, const struct record *record, struct error *err)
{
    return series_touch(catalogue, record_get(record, RECORD_study_instance_uid),
                        record_get(record, RECORD_series_instance_uid), err);
}

static struct value index_value(const struct origin *origin)
{
    return origin->member_index < 0 ? value_null() : value_int(origin->member_index);
}

bool instance_insert(struct catalogue *catalogue, const struct record *record, const struct origin *origin,
                     int64_t bytes, enum instance_state state, int64_t *instance_id, struct error *err)
{
    int64_t wording_id = 0;

    if (!put_wording(catalogue, record, origin->order, &wording_id, err) || !touch_parents(catalogue, record, err) ||
        !catalogue_execute(
            catalogue,
            "INSERT INTO instance (study_instance_uid, series_instance_uid, " RECORD_INSTANCE_FIELDS(NAME)
            "patient_id, wording_id, source, member, member_index, source_order, source_bytes, state)"
            " VALUES (?, ?, " RECORD_INSTANCE_FIELDS(MARK) "?, ?, ?, ?, ?, ?, ?, ?)",
            VALUES(record_value(record, RECORD_study_instance_uid),
                   record_value(record, RECORD_series_instance_uid), RECORD_INSTANCE_FIELDS(VALUE)
                   record_value(record, RECORD_patient_id), value_int(wording_id), value_text(origin->path),
                   value_text(origin->member), index_value(origin), value_text(origin->order), value_int(bytes),
                   value_text(instance_state_word(state))),
            err))
        return false;
    *instance_id = catalogue_last_id(catalogue);
    return true;
}

bool instance_renew(struct catalogue *catalogue, int64_t instance_id, const struct record *record,
                    const struct origin *origin, int64_t bytes, struct error *err)
{
    int64_t wording_id = 0;

    return put_wording(catalogue, record, origin->order, &wording_id, err) && touch_parents(catalogue, record, err) &&
           catalogue_execute(catalogue,
                             "UPDATE instance SET " RECORD_INSTANCE_FIELDS(SET)
                             "patient_id = ?, wording_id = ?, source_bytes = ?, source_digest = NULL, state = 'pending',"
                             " reason = NULL, detail = NULL, information = NULL WHERE instance_id = ?",
                             VALUES(RECORD_INSTANCE_FIELDS(VALUE) record_value(record, RECORD_patient_id),
                                    value_int(wording_id), value_int(bytes), value_int(instance_id)),
                             err) &&
           catalogue_execute(catalogue,
                             "UPDATE product SET options_digest = '', input_digest = '', state = 'pending'"
                             " WHERE instance_id = ?",
                             VALUES(value_int(instance_id)), err) &&
           catalogue_execute(catalogue, "DELETE FROM keep WHERE instance_id = ?", VALUES(value_int(instance_id)), err);
}

bool instance_learn_wording(struct catalogue *catalogue, int64_t instance_id, const struct record *record,
                            struct error *err)
{
    int64_t unsaid = 0, wording_id = 0;

    if (!catalogue_number(catalogue,
                          "SELECT 1 FROM instance WHERE instance_id = ? AND wording_id IS NULL"
                          " AND study_instance_uid = ? AND series_instance_uid = ?",
                          VALUES(value_int(instance_id), record_value(record, RECORD_study_instance_uid),
                                 record_value(record, RECORD_series_instance_uid)), 0, &unsaid, err))
        return false;
    return unsaid == 0 ||
           (put_wording(catalogue, record, "", &wording_id, err) && touch_parents(catalogue, record, err) &&
            catalogue_execute(catalogue, "UPDATE instance SET wording_id = ? WHERE instance_id = ?",
                              VALUES(value_int(wording_id), value_int(instance_id)), err));
}

bool instance_pass_wording(struct catalogue *catalogue, int64_t from, int64_t to, struct error *err)
{
    return catalogue_execute(catalogue,
                             "UPDATE instance SET wording_id = (SELECT wording_id FROM instance WHERE instance_id = ?)"
                             " WHERE instance_id = ? AND wording_id IS NULL",
                             VALUES(value_int(from), value_int(to)), err);
}

#define ROW_COLUMNS \
    "instance_id, study_instance_uid, series_instance_uid, sop_instance_uid, source_digest, is_current, state"

static void read_row(const struct cursor *cursor, struct instance_row *row)
{
    *row = (struct instance_row){.instance_id = cursor_int(cursor, 0), .is_current = cursor_int(cursor, 5) != 0};
    (void)snprintf(row->study, UID_SIZE, "%s", cursor_text(cursor, 1));
    (void)snprintf(row->series, UID_SIZE, "%s", cursor_text(cursor, 2));
    (void)snprintf(row->sop, UID_SIZE, "%s", cursor_text(cursor, 3));
    row->has_digest = digest_parse(cursor_text(cursor, 4), &row->digest);
    if (!instance_state_of_word(cursor_text(cursor, 6), &row->state))
        row->state = INSTANCE_PENDING;
}

static bool read_one(struct cursor *cursor, struct instance_row *row, bool *found, struct error *err)
{
    *found = cursor_next(cursor);
    if (*found)
        read_row(cursor, row);
    return cursor_end(cursor, err);
}

bool instance_find(struct catalogue *catalogue, int64_t instance_id, struct instance_row *row, bool *found,
                   struct error *err)
{
    struct cursor *cursor = NULL;

    return catalogue_select(catalogue, "SELECT " ROW_COLUMNS " FROM instance WHERE instance_id = ?",
                            VALUES(value_int(instance_id)), &cursor, err) &&
           read_one(cursor, row, found, err);
}

bool instance_find_origin(struct catalogue *catalogue, const struct origin *origin, struct instance_row *row,
                          bool *found, struct error *err)
{
    struct cursor *cursor = NULL;

    return catalogue_select(catalogue,
                            "SELECT " ROW_COLUMNS " FROM instance WHERE source = ? AND source <> '-'"
                            " AND coalesce(member, '') = coalesce(?, '') AND coalesce(member_index, -1) = ?",
                            VALUES(value_text(origin->path), value_text(origin->member),
                                   value_int(origin->member_index)),
                            &cursor, err) &&
           read_one(cursor, row, found, err);
}

bool instance_set_origin(struct catalogue *catalogue, int64_t instance_id, const struct origin *origin,
                         struct error *err)
{
    return catalogue_execute(catalogue,
                             "UPDATE instance SET source = ?, member = ?, member_index = ?, source_order = ?"
                             " WHERE instance_id = ?",
                             VALUES(value_text(origin->path), value_text(origin->member), index_value(origin),
                                    value_text(origin->order), value_int(instance_id)),
                             err);
}

bool instance_set_state(struct catalogue *catalogue, int64_t instance_id, enum instance_state state,
                        struct error *err)
{
    return catalogue_execute(catalogue, "UPDATE instance SET state = ? WHERE instance_id = ?",
                             VALUES(value_text(instance_state_word(state)), value_int(instance_id)), err);
}

bool instance_set_digest(struct catalogue *catalogue, int64_t instance_id, const struct digest *digest,
                         int64_t bytes, struct error *err)
{
    char hex[DIGEST_HEX_SIZE];

    digest_hex(digest, hex);
    return catalogue_execute(catalogue,
                             "UPDATE instance SET source_digest = ?, source_bytes = coalesce(?, source_bytes)"
                             " WHERE instance_id = ?",
                             VALUES(value_text(hex), value_id(bytes), value_int(instance_id)), err);
}

bool instance_delete(struct catalogue *catalogue, int64_t instance_id, struct error *err)
{
    return catalogue_execute(catalogue, "DELETE FROM instance WHERE instance_id = ?",
                             VALUES(value_int(instance_id)), err);
}

/* A job that was lost knows no digest; the one that the row may have stays. */
static struct value digest_value(const struct job_result *result, char hex[DIGEST_HEX_SIZE])
{
    static const struct digest none;

    if (digest_equal(&result->source_digest, &none))
        return value_null();
    digest_hex(&result->source_digest, hex);
    return value_text(hex);
}

bool instance_settle(struct catalogue *catalogue, int64_t instance_id, const struct job_result *result,
                     bool is_current, struct error *err)
{
    char hex[DIGEST_HEX_SIZE];
    const bool failed = result->error != ERROR_NONE;

    return catalogue_execute(
        catalogue,
        "UPDATE instance SET state = ?, reason = ?, detail = ?, notes = ?, frames = ?,"
        " source_digest = coalesce(?, source_digest), source_bytes = coalesce(?, source_bytes), needs_window = ?,"
        " has_histogram = ?, information = coalesce(?, information), is_current = ? WHERE instance_id = ?",
        VALUES(value_text(instance_state_word(result->state)),
               failed ? value_text(error_kind_word(result->error)) : value_null(),
               value_filled(failed ? result->text : NULL), value_filled(result->notes),
               value_int(result->frames), digest_value(result, hex), value_id((int64_t)result->source_bytes),
               value_int(result->needs_window), value_int(result->has_histogram), value_id(result->information),
               value_int(is_current), value_int(instance_id)),
        err);
}

/* -- windows ----------------------------------------------------------------------------- */

bool voi_window_insert(struct catalogue *catalogue, int64_t instance_id, const char *study, const char *series,
                       uint32_t frame, const struct window *window, const char *origin, bool valid,
                       struct error *err)
{
    static const char *const functions[] = {
        [VOI_LINEAR] = "LINEAR", [VOI_LINEAR_EXACT] = "LINEAR_EXACT", [VOI_SIGMOID] = "SIGMOID"};
    const bool is_lut = strcmp(origin, "voi_lut") == 0;

    return catalogue_execute(catalogue,
                             "INSERT INTO voi_window (instance_id, study_instance_uid, series_instance_uid, frame,"
                             " name, center, width, function, origin, is_valid)"
                             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             VALUES(value_id(instance_id), value_text(study), value_text(series), value_id(frame),
                                    value_filled(window->explanation),
                                    is_lut ? value_null() : value_real(window->center),
                                    is_lut ? value_null() : value_real(window->width),
                                    is_lut ? value_null() : value_text(functions[window->function]),
                                    value_text(origin), value_int(valid)),
                             err);
}

bool instance_put_windows(struct catalogue *catalogue, const struct instance_row *row,
                          const struct window_row *windows, size_t count, struct error *err)
{
    bool ok = catalogue_execute(catalogue, "DELETE FROM voi_window WHERE instance_id = ?",
                                VALUES(value_int(row->instance_id)), err);

    for (size_t i = 0; ok && i < count; i++)
        ok = voi_window_insert(catalogue, row->instance_id, row->study, row->series, windows[i].frame,
                               &windows[i].window, windows[i].origin, windows[i].valid, err);
    return ok;
}
