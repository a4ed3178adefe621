#include "coordinator/site_json.h"
#include "coordinator/site_volumes.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "coordinator/catalogue_instance.h"
#include "job/layout.h"

/* -- rows as members ---------------------------------------------------------------------- */

void site_json_row(struct json *j, const struct cursor *row)
{
    for (int i = 0; i < cursor_columns(row); i++) {
        const char *name = cursor_name(row, i);
        switch (cursor_type(row, i)) {
        case VALUE_NULL: break;
        case VALUE_BLOB: break; /* no table for readers has one */
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
    if (place_is_digest_named(place))
        return path_format(address, err, "%s", path);
    return path_format(address, err, "%s?d=%.16s", path, sha256);
}

/* -- series.<digest16>.json ---------------------------------------------------------------- */

enum { SPILL_AT = 1 << 16 };

/* What a series' JSON is written with. */
struct series_writer {
    struct json *j;
    struct catalogue *catalogue;
    site_spill *spill;
    void *client;
    struct made_by { char stage[32], options_digest[DIGEST_HEX_SIZE]; int64_t version; } *made; /* owned */
    size_t made_count, made_capacity;
};

static bool is_made_by(const struct made_by *made, const struct cursor *row)
{
    return strcmp(made->stage, cursor_text(row, 0)) == 0 && made->version == cursor_int(row, 1) &&
           strcmp(made->options_digest, cursor_text(row, 2)) == 0;
}

static bool add_stage(struct series_writer *w, const struct cursor *row, struct error *err)
{
    void *made = w->made;
    if (!memory_grow(&made, &w->made_capacity, w->made_count + 1, sizeof *w->made, err)) return false;
    w->made = made;
    struct made_by *const next = &w->made[w->made_count++];
    *next = (struct made_by){.version = cursor_int(row, 1)};
    snprintf(next->stage, sizeof next->stage, "%s", cursor_text(row, 0));
    snprintf(next->options_digest, sizeof next->options_digest, "%s", cursor_text(row, 2));
    return true;
}

/* `stages`: what made the series' products, each once. */
static bool stages(struct series_writer *w, const char *study, const char *series, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(w->catalogue,
                          "SELECT DISTINCT stage, stage_version, options_digest FROM product"
                          " WHERE study_instance_uid = ? AND series_instance_uid = ?"
                          " ORDER BY stage, stage_version, options_digest",
                          VALUES(value_text(study), value_text(series)), &row, err))
        return false;
    json_key(w->j, "stages");
    json_open_array(w->j);
    bool ok = true;
    while (ok && cursor_next(row)) {
        json_open_object(w->j);
        site_json_row(w->j, row);
        json_close(w->j);
        ok = add_stage(w, row, err);
    }
    json_close(w->j);
    struct error ignored;
    return cursor_end(row, ok ? err : &ignored) && ok;
}

static bool spill_some(const struct series_writer *w, struct error *err)
{
    return w->j->out->size < SPILL_AT || w->spill(w->client, w->j->out, err);
}

/* -- frames: what a progressive client asks for ---------------------------------------------- */

enum { RESOLUTIONS_MOST = 33 }; /* ISO/IEC 15444-1: at most 32 decompositions */
struct resolution { int64_t columns, rows; };

/* Frames that are coded alike and lie in one folder. */
struct frame_group {
    char folder[PATH_SIZE], media_type[128];
    struct resolution resolutions[RESOLUTIONS_MOST];
    size_t resolution_count;
    bool open;
};

/* The value of `key` in a media type, up to a semicolon, without quotes: "" if it is not there. */
static void media_parameter(const char *media_type, const char *key, char value[128])
{
    const char *from = strstr(media_type, key);
    value[0] = '\0';
    if (from == NULL) return;
    from += strlen(key);
    from += *from == '"';
    snprintf(value, 128, "%.*s", (int)strcspn(from, "\";"), from);
}

static bool read_ranges(struct catalogue *catalogue, int64_t artefact, struct resolution *resolutions,
                        int64_t ends[RESOLUTIONS_MOST], size_t *count, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(catalogue,
                          "SELECT columns, rows, end_offset FROM byte_range WHERE artefact_id = ?"
                          " ORDER BY resolution",
                          VALUES(value_int(artefact)), &row, err))
        return false;
    for (*count = 0; *count < RESOLUTIONS_MOST && cursor_next(row); ++*count) {
        resolutions[*count] = (struct resolution){cursor_int(row, 0), cursor_int(row, 1)};
        ends[*count] = cursor_int(row, 2);
    }
    return cursor_end(row, err);
}

static bool is_same_group(const struct frame_group *a, const struct frame_group *b)
{
    if (!a->open || a->resolution_count != b->resolution_count || strcmp(a->folder, b->folder) != 0 ||
        strcmp(a->media_type, b->media_type) != 0)
        return false;
    for (size_t i = 0; i < a->resolution_count; i++)
        if (a->resolutions[i].columns != b->resolutions[i].columns || a->resolutions[i].rows != b->resolutions[i].rows)
            return false;
    return true;
}

static void close_group(struct json *j, struct frame_group *group)
{
    if (!group->open) return;
    json_close(j);
    json_close(j);
    group->open = false;
}

static void open_group(struct json *j, struct frame_group *group, const struct frame_group *next,
                       const struct cursor *row)
{
    char value[128];
    close_group(j, group);
    *group = *next;
    group->open = true;
    json_open_object(j);
    json_member_text(j, "folder", group->folder);
    media_parameter(group->media_type, "type=", value);
    json_member_text(j, "media_type", value[0] != '\0' ? value : group->media_type);
    media_parameter(group->media_type, "transfer-syntax=", value);
    json_member_text(j, "transfer_syntax_uid", value[0] != '\0' ? value : NULL);
    if (!cursor_is_null(row, 7)) json_member_int(j, "columns", cursor_int(row, 7));
    if (!cursor_is_null(row, 8)) json_member_int(j, "rows", cursor_int(row, 8));
    if (group->resolution_count > 0) {
        json_key(j, "resolutions");
        json_open_array(j);
        for (size_t i = 0; i < group->resolution_count; i++) {
            json_open_array(j);
            json_put_int(j, group->resolutions[i].columns);
            json_put_int(j, group->resolutions[i].rows);
            json_close(j);
        }
        json_close(j);
    }
    json_key(j, "frames");
    json_open_array(j);
}

static bool coded_frame(const struct series_writer *w, struct frame_group *group, const struct cursor *row,
                        struct error *err)
{
    struct frame_group next = {0};
    int64_t ends[RESOLUTIONS_MOST];
    char digest[17];
    const char *const path = cursor_text(row, 1), *const slash = strrchr(path, '/');
    if (slash == NULL) return true;
    snprintf(next.media_type, sizeof next.media_type, "%s", cursor_text(row, 5));
    if (!path_format(next.folder, err, "%.*s", (int)(slash - path), path) ||
        !read_ranges(w->catalogue, cursor_int(row, 0), next.resolutions, ends, &next.resolution_count, err))
        return false;
    if (!is_same_group(group, &next)) open_group(w->j, group, &next, row);
    json_open_array(w->j);
    json_put_int(w->j, cursor_int(row, 4));
    snprintf(digest, sizeof digest, "%.16s", cursor_text(row, 3));
    json_put_string(w->j, digest);
    json_put_int(w->j, cursor_int(row, 6));
    for (size_t i = 0; i < group->resolution_count; i++) json_put_int(w->j, ends[i]);
    json_close(w->j);
    return spill_some(w, err);
}

/* `codestreams`: frames/N, lossy/N, j2k/N. */
static bool codestreams(const struct series_writer *w, int64_t instance, struct error *err)
{
    struct frame_group *const group = memory_zeroed(sizeof *group, err);
    struct cursor *row = NULL;
    bool ok = group != NULL &&
              catalogue_select(w->catalogue,
                               "SELECT artefact_id, path, place, sha256, frame, media_type, bytes, columns, rows"
                               " FROM artefact WHERE instance_id = ? AND place IN (?, ?, ?)"
                               " ORDER BY place, frame, path",
                               VALUES(value_int(instance), value_int(PLACE_FRAME), value_int(PLACE_J2K),
                                      value_int(PLACE_LOSSY)),
                               &row, err);
    if (ok) {
        json_key(w->j, "codestreams");
        json_open_array(w->j);
        while (ok && cursor_next(row)) ok = coded_frame(w, group, row, err);
        close_group(w->j, group);
        json_close(w->j);
        struct error ignored;
        ok = cursor_end(row, ok ? err : &ignored) && ok;
    }
    memory_free(group);
    return ok;
}

/* -- all else ------------------------------------------------------------------------------- */

static bool artefact(const struct series_writer *w, const struct cursor *row, struct error *err)
{
    char address[PATH_SIZE];
    if (!site_address(cursor_text(row, 0), (enum place)cursor_int(row, 1), cursor_text(row, 2), address, err))
        return false;
    json_open_object(w->j);
    json_member_text(w->j, "address", address); /* the digest is in it */
    for (int i = 3; i < cursor_columns(row); i++) {
        if (cursor_is_null(row, i)) continue;
        if (cursor_type(row, i) == VALUE_INT) json_member_int(w->j, cursor_name(row, i), cursor_int(row, i));
        else json_member_text(w->j, cursor_name(row, i), cursor_text(row, i));
    }
    json_close(w->j);
    return spill_some(w, err);
}

static bool artefacts(const struct series_writer *w, int64_t instance, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(w->catalogue,
                          "SELECT path, place, sha256, stage, name, frame, media_type, bytes, columns, rows"
                          " FROM artefact WHERE instance_id = ? AND place NOT IN (?, ?, ?, ?)"
                          " ORDER BY stage, coalesce(frame, 0), name, path",
                          VALUES(value_int(instance), value_int(PLACE_FRAME), value_int(PLACE_J2K),
                                 value_int(PLACE_LOSSY), value_int(PLACE_GZIP)),
                          &row, err))
        return false;
    json_key(w->j, "artefacts");
    json_open_array(w->j);
    bool ok = true;
    while (ok && cursor_next(row)) ok = artefact(w, row, err);
    json_close(w->j);
    struct error ignored;
    return cursor_end(row, ok ? err : &ignored) && ok;
}

/* `products`: [element of `stages`, state, the input digest's first 16, reason] */
static bool products(const struct series_writer *w, int64_t instance, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(w->catalogue,
                          "SELECT stage, stage_version, options_digest, state, substr(input_digest, 1, 16), reason"
                          " FROM product WHERE instance_id = ? ORDER BY stage",
                          VALUES(value_int(instance)), &row, err))
        return false;
    json_key(w->j, "products");
    json_open_array(w->j);
    while (cursor_next(row)) {
        size_t at = 0;
        while (at < w->made_count && !is_made_by(&w->made[at], row)) at++;
        json_open_array(w->j);
        json_put_int(w->j, (int64_t)at);
        for (int i = 3; i < 6; i++)
            if (!cursor_is_null(row, i)) json_put_string(w->j, cursor_text(row, i));
        json_close(w->j);
    }
    json_close(w->j);
    return cursor_end(row, err);
}

static bool instance(const struct series_writer *w, const struct cursor *row, struct error *err)
{
    const int64_t id = cursor_int(row, 0);
    json_open_object(w->j);
    for (int i = 1; i < cursor_columns(row); i++) {
        const char *const name = cursor_name(row, i);
        switch (cursor_type(row, i)) {
        case VALUE_INT: json_member_int(w->j, name, cursor_int(row, i)); break;
        case VALUE_REAL: json_member_real(w->j, name, cursor_real(row, i)); break;
        case VALUE_TEXT: json_member_text(w->j, name, cursor_text(row, i)); break;
        case VALUE_NULL:
        case VALUE_BLOB: break;
        }
    }
    bool ok = rows_member(w->j, "windows", w->catalogue,
                          "SELECT frame, name, center, width, function, origin, is_valid FROM voi_window"
                          " WHERE instance_id = ? ORDER BY voi_window_id",
                          VALUES(value_int(id)), err) &&
              products(w, id, err) &&
              codestreams(w, id, err) && artefacts(w, id, err);
    json_close(w->j);
    return ok;
}

static bool instances(const struct series_writer *w, const char *key, bool current, const char *study,
                      const char *series, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(w->catalogue,
                          "SELECT instance_id, sop_instance_uid, sop_class_uid, instance_number,"
                          " transfer_syntax_uid, rows, columns, frames, samples_per_pixel, bits_stored,"
                          " pixel_representation, photometric_interpretation, image_type, pixel_spacing,"
                          " image_position_patient, image_orientation_patient, rescale_slope,"
                          " rescale_intercept, rescale_type, lossy_image_compression, state, reason, "
                          INSTANCE_NOTES("i") " AS notes,"
                          " source_digest, source_bytes FROM instance i WHERE study_instance_uid = ?"
                          " AND series_instance_uid = ? AND is_current = ?"
                          " ORDER BY instance_number, sop_instance_uid, source_digest, source_order",
                          VALUES(value_text(study), value_text(series), value_int(current)), &row, err))
        return false;
    json_key(w->j, key);
    json_open_array(w->j);
    bool ok = true;
    while (ok && cursor_next(row)) ok = instance(w, row, err) && spill_some(w, err);
    json_close(w->j);
    struct error ignored;
    return cursor_end(row, ok ? err : &ignored) && ok;
}

bool site_series_json(struct catalogue *catalogue, const char *study, const char *series, struct buffer *out,
                      site_spill *spill, void *client, struct error *err)
{
    struct json j;
    struct series_writer writer = {.j = &j, .catalogue = catalogue, .spill = spill, .client = client};
    json_begin(&j, out);
    json_open_object(&j);
    json_member_text(&j, "study_instance_uid", study);
    json_member_text(&j, "series_instance_uid", series);
    bool ok = rows_member(&j, "windows", catalogue,
                          "SELECT name, center, width, function, origin FROM voi_window"
                          " WHERE study_instance_uid = ? AND series_instance_uid = ? AND instance_id IS NULL"
                          " ORDER BY origin, name, center, width",
                          VALUES(value_text(study), value_text(series)), err) &&
              stages(&writer, study, series, err) &&
              site_volumes_whole(&j, catalogue, study, series, spill, client, err) &&
              instances(&writer, "instances", true, study, series, err) &&
              instances(&writer, "conflicts", false, study, series, err);
    memory_free(writer.made);
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
                          " frame_of_reference_uid, volume_verdict, instances, frames"
                          " FROM series WHERE study_instance_uid = ? AND series_instance_uid = ?",
                          VALUES(value_text(study), value_text(series)), &row, err))
        return false;
    json_open_object(j);
    if (cursor_next(row)) site_json_row(j, row);
    bool ok = cursor_end(row, err) &&
              rows_member(j, "states", catalogue,
                          "SELECT state, reason, count(*) AS instances FROM instance"
                          " WHERE study_instance_uid = ? AND series_instance_uid = ? AND is_current"
                          " GROUP BY state, reason ORDER BY state, reason",
                          VALUES(value_text(study), value_text(series)), err) &&
              site_volumes_brief(j, catalogue, study, series, err);
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

bool site_study_listing(struct catalogue *catalogue, const char *study, struct buffer *out, struct error *err)
{
    struct cursor *row = NULL;
    struct error ignored;
    struct json j;

    if (!catalogue_select(catalogue,
                          "SELECT study_instance_uid, patient_id, patient_name, patient_birth_date,"
                          " patient_sex, study_date, study_time, study_description, accession_number,"
                          " modalities_in_study, series, instances,"
                          " substr(published_digest, 1, 16) AS study_json_digest16"
                          " FROM study WHERE study_instance_uid = ?",
                          VALUES(value_text(study)), &row, err))
        return false;
    json_begin(&j, out);
    json_open_object(&j);
    if (cursor_next(row)) site_json_row(&j, row);
    json_close(&j);
    const bool ok = json_finish(&j, err);
    return cursor_end(row, ok ? err : &ignored) && ok;
}

void site_studies_json_begin(struct json *j, struct buffer *out, const char *catalogue_file, int64_t studies)
{
    json_begin(j, out);
    json_open_object(j);
    json_member_text(j, "catalogue", catalogue_file);
    json_member_int(j, "studies_total", studies);
    json_key(j, "studies");
    json_open_array(j);
}

bool site_studies_json_end(struct json *j, struct error *err)
{
    json_close(j);
    json_close(j);
    return json_finish(j, err);
}
