#include "coordinator/site_json.h"

#include <string.h>

#include "base/json.h"
#include "job/layout.h"

/* -- rows as members ---------------------------------------------------------------------- */

void site_json_row(struct json *j, const struct cursor *row)
{
    for (int i = 0; i < cursor_columns(row); i++) {
        const char *name = cursor_name(row, i);
        switch (cursor_type(row, i)) {
        case VALUE_NULL: break;
        case VALUE_TEXT: json_member_text(j, name, cursor_text(row, i)); break;
        case VALUE_INT: json_member_int(j, name, cursor_int(row, i)); break;
        case VALUE_REAL: json_member_real(j, name, cursor_real(row, i)); break;
        }
    }
}

/* An array of the rows that `sql` gives, each an object of its columns that are not NULL. */
static bool rows_member(struct json *j, const char *key, struct catalogue *catalogue, const char *sql,
                        const struct value *values, size_t count, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(catalogue, sql, values, count, &row, err)) return false;
    bool any = false;
    while (cursor_next(row)) {
        if (!any) {
            json_key(j, key);
            json_open_array(j);
            any = true;
        }
        json_open_object(j);
        site_json_row(j, row);
        json_close(j);
    }
    if (any) json_close(j);
    return cursor_end(row, err);
}

bool site_address(const char *path, enum place place, const char *sha256, char address[PATH_SIZE],
                  struct error *err)
{
    /* dicomweb addresses keep their name when their bytes change: with ?d= they are immutable */
    if (place == PLACE_RENDITION || place == PLACE_TREE)
        return path_format(address, err, "%s", path);
    return path_format(address, err, "%s?d=%.16s", path, sha256);
}

/* -- series.<digest16>.json ---------------------------------------------------------------- */

static bool byte_ranges(struct json *j, struct catalogue *catalogue, int64_t artefact, struct error *err)
{
    return rows_member(j, "byte_ranges", catalogue,
                       "SELECT resolution, columns, rows, end_offset FROM byte_range"
                       " WHERE artefact_id = ? ORDER BY resolution",
                       VALUES(value_int(artefact)), err);
}

static bool artefact(struct json *j, struct catalogue *catalogue, struct cursor *row, struct error *err)
{
    char address[PATH_SIZE];
    if (!site_address(cursor_text(row, 1), (enum place)cursor_int(row, 2), cursor_text(row, 3), address, err))
        return false;
    json_open_object(j);
    json_member_text(j, "address", address);
    for (int i = 3; i < cursor_columns(row); i++) {
        if (cursor_is_null(row, i)) continue;
        if (cursor_type(row, i) == VALUE_INT) json_member_int(j, cursor_name(row, i), cursor_int(row, i));
        else json_member_text(j, cursor_name(row, i), cursor_text(row, i));
    }
    bool ok = byte_ranges(j, catalogue, cursor_int(row, 0), err);
    json_close(j);
    return ok;
}

static bool artefacts(struct json *j, struct catalogue *catalogue, int64_t instance, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(catalogue,
                          "SELECT artefact_id, path, place, sha256, stage, name, frame, media_type, bytes,"
                          " columns, rows FROM artefact WHERE instance_id = ?"
                          " ORDER BY stage, coalesce(frame, 0), name, path",
                          VALUES(value_int(instance)), &row, err))
        return false;
    json_key(j, "artefacts");
    json_open_array(j);
    bool ok = true;
    while (ok && cursor_next(row)) ok = artefact(j, catalogue, row, err);
    json_close(j);
    struct error ignored;
    return cursor_end(row, ok ? err : &ignored) && ok;
}

static bool instance(struct json *j, struct catalogue *catalogue, struct cursor *row, struct error *err)
{
    const int64_t id = cursor_int(row, 0);
    json_open_object(j);
    for (int i = 1; i < cursor_columns(row); i++) {
        if (cursor_is_null(row, i)) continue;
        switch (cursor_type(row, i)) {
        case VALUE_INT: json_member_int(j, cursor_name(row, i), cursor_int(row, i)); break;
        case VALUE_REAL: json_member_real(j, cursor_name(row, i), cursor_real(row, i)); break;
        default: json_member_text(j, cursor_name(row, i), cursor_text(row, i));
        }
    }
    bool ok = rows_member(j, "windows", catalogue,
                          "SELECT frame, name, center, width, function, origin, is_valid FROM voi_window"
                          " WHERE instance_id = ? ORDER BY voi_window_id",
                          VALUES(value_int(id)), err) &&
              rows_member(j, "products", catalogue,
                          "SELECT stage, stage_version, options_digest, input_digest, state, reason"
                          " FROM product WHERE instance_id = ? ORDER BY stage",
                          VALUES(value_int(id)), err) &&
              artefacts(j, catalogue, id, err);
    json_close(j);
    return ok;
}

enum { SPILL_AT = 1 << 16 };

static bool instances(struct json *j, const char *key, bool current, struct catalogue *catalogue,
                      const char *study, const char *series, site_spill *spill, void *client,
                      struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(catalogue,
                          "SELECT instance_id, sop_instance_uid, sop_class_uid, instance_number,"
                          " transfer_syntax_uid, rows, columns, frames, samples_per_pixel, bits_stored,"
                          " pixel_representation, photometric_interpretation, image_type, pixel_spacing,"
                          " image_position_patient, image_orientation_patient, rescale_slope,"
                          " rescale_intercept, rescale_type, lossy_image_compression, state, reason, notes,"
                          " source_digest, source_bytes FROM instance WHERE study_instance_uid = ?"
                          " AND series_instance_uid = ? AND is_current = ?"
                          " ORDER BY instance_number, sop_instance_uid, source_digest, source_order",
                          VALUES(value_text(study), value_text(series), value_int(current)), &row, err))
        return false;
    json_key(j, key);
    json_open_array(j);
    bool ok = true;
    while (ok && cursor_next(row))
        ok = instance(j, catalogue, row, err) && (j->out->size < SPILL_AT || spill(client, j->out, err));
    json_close(j);
    struct error ignored;
    return cursor_end(row, ok ? err : &ignored) && ok;
}

bool site_series_json(struct catalogue *catalogue, const char *study, const char *series, struct buffer *out,
                      site_spill *spill, void *client, struct error *err)
{
    struct json j;
    json_begin(&j, out);
    json_open_object(&j);
    json_member_text(&j, "study_instance_uid", study);
    json_member_text(&j, "series_instance_uid", series);
    bool ok = rows_member(&j, "windows", catalogue,
                          "SELECT name, center, width, function, origin FROM voi_window"
                          " WHERE study_instance_uid = ? AND series_instance_uid = ? AND instance_id IS NULL"
                          " ORDER BY origin, name, center, width",
                          VALUES(value_text(study), value_text(series)), err) &&
              instances(&j, "instances", true, catalogue, study, series, spill, client, err) &&
              instances(&j, "conflicts", false, catalogue, study, series, spill, client, err);
    json_close(&j);
    return ok && json_finish(&j, err) && spill(client, out, err);
}

/* -- study.json ---------------------------------------------------------------------------- */

static bool study_members(struct json *j, struct catalogue *catalogue, const char *study, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(catalogue,
                          "SELECT study_instance_uid, patient_id, patient_name, patient_birth_date,"
                          " patient_sex, study_date, study_time, study_id, study_description,"
                          " accession_number, referring_physician_name, note"
                          " FROM study WHERE study_instance_uid = ?",
                          VALUES(value_text(study)), &row, err))
        return false;
    if (cursor_next(row)) site_json_row(j, row);
    return cursor_end(row, err);
}

bool site_study_json_begin(struct json *j, struct buffer *out, struct catalogue *catalogue, const char *study,
                           struct error *err)
{
    json_begin(j, out);
    json_open_object(j);
    if (!study_members(j, catalogue, study, err)) return false;
    json_key(j, "series");
    json_open_array(j);
    return true;
}

bool site_study_json_series(struct json *j, struct catalogue *catalogue, const char *study,
                            const char *series, const char *series_file, const char *thumbnail,
                            struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(catalogue,
                          "SELECT series_instance_uid, modality, series_number, series_date, series_time,"
                          " series_description, body_part_examined, laterality, protocol_name, manufacturer,"
                          " frame_of_reference_uid, volume_verdict,"
                          " (SELECT count(*) FROM instance i WHERE i.study_instance_uid = s.study_instance_uid"
                          "  AND i.series_instance_uid = s.series_instance_uid AND is_current) AS instances,"
                          " (SELECT sum(frames) FROM instance i WHERE i.study_instance_uid = s.study_instance_uid"
                          "  AND i.series_instance_uid = s.series_instance_uid AND is_current AND state = 'done')"
                          "  AS frames"
                          " FROM series s WHERE study_instance_uid = ? AND series_instance_uid = ?",
                          VALUES(value_text(study), value_text(series)), &row, err))
        return false;
    json_open_object(j);
    if (cursor_next(row)) site_json_row(j, row);
    bool ok = cursor_end(row, err) &&
              rows_member(j, "states", catalogue,
                          "SELECT state, reason, count(*) AS instances FROM instance"
                          " WHERE study_instance_uid = ? AND series_instance_uid = ? AND is_current"
                          " GROUP BY state, reason ORDER BY state, reason",
                          VALUES(value_text(study), value_text(series)), err);
    json_member_text(j, "thumbnail", thumbnail);
    json_member_text(j, "series_json", series_file);
    json_close(j);
    return ok;
}

bool site_study_json_end(struct json *j, const char *thumbnail, struct error *err)
{
    json_close(j);
    json_member_text(j, "thumbnail", thumbnail);
    json_close(j);
    return json_finish(j, err);
}

/* -- studies.json -------------------------------------------------------------------------- */

bool site_studies_json(struct catalogue *catalogue, const char *catalogue_file, struct buffer *out,
                       struct error *err)
{
    struct json j;
    json_begin(&j, out);
    json_open_object(&j);
    json_member_text(&j, "catalogue", catalogue_file);
    int64_t studies = 0;
    bool ok = catalogue_number(catalogue, "SELECT count(*) FROM study WHERE published_digest IS NOT NULL",
                               NO_VALUES, 0, &studies, err);
    json_member_int(&j, "studies_total", studies);
    ok = ok && rows_member(&j, "studies", catalogue,
                           "SELECT study_instance_uid, patient_id, patient_name, patient_birth_date,"
                           " patient_sex, study_date, study_time, study_description, accession_number,"
                           " (SELECT group_concat(modality, '\\') FROM (SELECT DISTINCT modality FROM series e"
                           "  WHERE e.study_instance_uid = s.study_instance_uid ORDER BY modality))"
                           "  AS modalities_in_study,"
                           " (SELECT count(*) FROM series e WHERE e.study_instance_uid = s.study_instance_uid)"
                           "  AS series,"
                           " (SELECT count(*) FROM instance i WHERE i.study_instance_uid = s.study_instance_uid"
                           "  AND is_current) AS instances,"
                           " substr(published_digest, 1, 16) AS study_json_digest16"
                           " FROM study s WHERE published_digest IS NOT NULL"
                           " ORDER BY study_date DESC, study_time DESC, study_instance_uid LIMIT 1000",
                           NO_VALUES, err);
    json_close(&j);
    return ok && json_finish(&j, err);
}
