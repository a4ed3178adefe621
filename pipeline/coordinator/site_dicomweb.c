#include "coordinator/site_dicomweb.h"

#include <string.h>

#include "base/json.h"
#include "coordinator/qido.h"
#include "coordinator/site_text.h"
#include "job/layout.h"

/* -- rows -------------------------------------------------------------------------------- */

/* Of one study (PS3.18 table 10.6.3-3). */
#define STUDY_SQL \
    "SELECT 'ISO_IR 192' AS \"00080005CS\", study_date AS \"00080020DA\", study_time AS \"00080030TM\"," \
    " accession_number AS \"00080050SH\", 'ONLINE' AS \"00080056CS\"," \
    " (SELECT group_concat(modality, '\\') FROM (SELECT DISTINCT modality FROM series e" \
    "  WHERE e.study_instance_uid = s.study_instance_uid AND e.dicomweb_instances > 0 ORDER BY modality))" \
    "  AS \"00080061CS\"," \
    " referring_physician_name AS \"00080090PN\", study_description AS \"00081030LO?\"," \
    " patient_name AS \"00100010PN\", patient_id AS \"00100020LO\", patient_birth_date AS \"00100030DA\"," \
    " patient_sex AS \"00100040CS\", study_instance_uid AS \"0020000DUI\", study_id AS \"00200010SH\"," \
    " (SELECT count(*) FROM series e WHERE e.study_instance_uid = s.study_instance_uid" \
    "  AND e.dicomweb_instances > 0) AS \"00201206IS\"," \
    " (SELECT sum(dicomweb_instances) FROM series e WHERE e.study_instance_uid = s.study_instance_uid)" \
    "  AS \"00201208IS\"" \
    " FROM study s WHERE study_instance_uid = ?"

/* Table 10.6.3-4, and what viewers show. */
#define SERIES_SQL(condition) \
    "SELECT 'ISO_IR 192' AS \"00080005CS\", series_date AS \"00080021DA?\", series_time AS \"00080031TM?\"," \
    " 'ONLINE' AS \"00080056CS\", modality AS \"00080060CS\", manufacturer AS \"00080070LO?\"," \
    " series_description AS \"0008103ELO?\", body_part_examined AS \"00180015CS?\"," \
    " protocol_name AS \"00181030LO?\", study_instance_uid AS \"0020000DUI\"," \
    " series_instance_uid AS \"0020000EUI\", series_number AS \"00200011IS\", laterality AS \"00200060CS?\"," \
    " dicomweb_instances AS \"00201209IS\"" \
    " FROM series WHERE study_instance_uid = ? AND dicomweb_instances > 0 " condition \
    " ORDER BY series_number IS NULL, series_number, series_instance_uid"

#define INSTANCE_ORDER " ORDER BY i.instance_number IS NULL, i.instance_number, i.sop_instance_uid"

/* Table 10.6.3-5. The transfer syntax is that of the published frames, whose number may be less than was declared. */
#define INSTANCES_SQL \
    "SELECT 'ISO_IR 192' AS \"00080005CS\", sop_class_uid AS \"00080016UI\", sop_instance_uid AS \"00080018UI\"," \
    " 'ONLINE' AS \"00080056CS\"," \
    " (SELECT substr(t, 1, instr(t || ';', ';') - 1) FROM" \
    "  (SELECT substr(media_type, instr(media_type, 'transfer-syntax=') + 16) AS t FROM artefact a" \
    "   WHERE a.instance_id = i.instance_id AND a.place = ?3 AND a.frame = 1" \
    "   AND instr(media_type, 'transfer-syntax=') > 0)) AS \"00083002UI?\"," \
    " study_instance_uid AS \"0020000DUI\", series_instance_uid AS \"0020000EUI\"," \
    " instance_number AS \"00200013IS\"," \
    " CASE WHEN number_of_frames IS NOT NULL AND state = 'done' THEN frames END AS \"00280008IS?\"," \
    " rows AS \"00280010US?\", columns AS \"00280011US?\", bits_allocated AS \"00280100US?\"" \
    " FROM instance i WHERE study_instance_uid = ?1 AND series_instance_uid = ?2 AND " IN_DICOMWEB INSTANCE_ORDER

/* The rows as elements of an array that is open in `text`; *any: it has one already. */
static bool put_rows(struct site_text *text, bool *any, const char *sql, const struct value *values, size_t count,
                     struct error *err)
{
    struct cursor *row = NULL;
    struct error ignored;
    struct json j;

    if (!catalogue_select(site_catalogue(text->context), sql, values, count, &row, err))
        return false;
    bool ok = true;
    while (ok && cursor_next(row)) {
        ok = buffer_puts(&text->buffer, *any ? ",\n" : "", err);
        json_begin(&j, &text->buffer);
        qido_put_row(&j, row);
        ok = ok && json_finish(&j, err) && site_text_spill(text, err);
        *any = true;
    }
    return cursor_end(row, ok ? err : &ignored) && ok;
}

/* FOLDER/index.json: an array of the rows. */
static bool put_index(struct site_context *context, const char *folder, const char *sql, const struct value *values,
                      size_t count, struct error *err)
{
    struct site_text text = {.context = context};
    char path[PATH_SIZE];
    bool any = false;
    const bool ok = path_join(path, folder, "index.json", err) && buffer_puts(&text.buffer, "[", err) &&
                    put_rows(&text, &any, sql, values, count, err) && buffer_puts(&text.buffer, "]\n", err) &&
                    site_text_put(&text, path, err);

    site_text_release(&text);
    return ok;
}

/* -- metadata ---------------------------------------------------------------------------- */

/* One instance's; relative addresses in it get `prefix` in front. */
static bool append_metadata(struct buffer *out, const char *metadata, const char *prefix, struct error *err)
{
    static const char mark[] = ",\"BulkDataURI\":\"";
    const char *next = NULL;
    bool ok = true;

    while (ok && prefix[0] != '\0' && (next = strstr(metadata, mark)) != NULL) {
        next += sizeof mark - 1;
        ok = buffer_append(out, metadata, (size_t)(next - metadata), err) && buffer_puts(out, prefix, err);
        metadata = next;
    }
    return ok && buffer_puts(out, metadata, err);
}

typedef bool metadata_function(void *client, const char *sop, const char *metadata, struct error *err);

static bool one_metadata(struct catalogue *catalogue, int64_t instance_id, const char *sop,
                         metadata_function *function, void *client, struct error *err)
{
    struct cursor *row = NULL;
    struct error ignored;

    if (!catalogue_select(catalogue, "SELECT metadata FROM keep WHERE instance_id = ? AND metadata IS NOT NULL",
                          VALUES(value_int(instance_id)), &row, err))
        return false;
    const bool ok = !cursor_next(row) || function(client, sop, cursor_text(row, 0), err);
    return cursor_end(row, ok ? err : &ignored) && ok;
}

/* In order. The texts are fetched one by one: sorting would take them all into memory. */
static bool each_metadata(struct catalogue *catalogue, const char *study, const char *series,
                          metadata_function *function, void *client, struct error *err)
{
    struct cursor *row = NULL;
    struct error ignored;

    if (!catalogue_select(catalogue,
                          "SELECT instance_id, sop_instance_uid FROM instance i WHERE study_instance_uid = ?"
                          " AND series_instance_uid = ? AND " IN_DICOMWEB INSTANCE_ORDER,
                          VALUES(value_text(study), value_text(series)), &row, err))
        return false;
    bool ok = true;
    while (ok && cursor_next(row))
        ok = one_metadata(catalogue, cursor_int(row, 0), cursor_text(row, 1), function, client, err);
    return cursor_end(row, ok ? err : &ignored) && ok;
}

struct metadata_join { struct site_text text; const char *prefix; bool any; };

static bool join_metadata(void *client, const char *sop, const char *metadata, struct error *err)
{
    struct metadata_join *const join = client;
    const bool ok = buffer_puts(&join->text.buffer, join->any ? ",\n" : "[", err) &&
                    append_metadata(&join->text.buffer, metadata, join->prefix, err);

    (void)sop;
    join->any = true;
    return ok && site_text_spill(&join->text, err);
}

/* The array ends and is put; without an element there is no file. */
static bool put_metadata(struct metadata_join *join, const char *folder, struct error *err)
{
    char path[PATH_SIZE];
    const bool ok = path_join(path, folder, "metadata", err) &&
                    (join->any ? buffer_puts(&join->text.buffer, "]\n", err) && site_text_put(&join->text, path, err)
                               : site_remove(join->text.context, path, err));

    site_text_release(&join->text);
    return ok;
}

static bool put_series_metadata(struct site_context *context, const char *study, const char *series,
                                const char *folder, struct error *err)
{
    struct metadata_join join = {.text = {.context = context}, .prefix = ""};

    if (each_metadata(site_catalogue(context), study, series, join_metadata, &join, err))
        return put_metadata(&join, folder, err);
    site_text_release(&join.text);
    return false;
}

struct instance_metadata { struct site_context *context; const char *folder; };

static bool put_instance_metadata(void *client, const char *sop, const char *metadata, struct error *err)
{
    const struct instance_metadata *const each = client;
    struct metadata_join join = {.text = {.context = each->context}, .prefix = "../../"};
    char folder[PATH_SIZE];

    if (path_format(folder, err, "%s/instances/%s", each->folder, sop) && join_metadata(&join, sop, metadata, err))
        return put_metadata(&join, folder, err);
    site_text_release(&join.text);
    return false;
}

/* -- series ------------------------------------------------------------------------------ */

static bool join_series(struct site_context *context, const char *study, const char *series, struct error *err)
{
    struct instance_metadata each = {.context = context};
    char folder[PATH_SIZE], instances[PATH_SIZE];

    each.folder = folder;
    return layout_dicomweb_series(study, series, folder, err) && path_join(instances, folder, "instances", err) &&
           (!site_options(context)->instance_metadata ||
            each_metadata(site_catalogue(context), study, series, put_instance_metadata, &each, err)) &&
           put_index(context, instances, INSTANCES_SQL,
                     VALUES(value_text(study), value_text(series), value_int(PLACE_FRAME)), err) &&
           put_series_metadata(context, study, series, folder, err) &&
           put_index(context, folder, SERIES_SQL("AND series_instance_uid = ?"),
                     VALUES(value_text(study), value_text(series)), err);
}

typedef bool series_function(struct site_context *context, const char *study, const char *series, void *client,
                             struct error *err);

static bool each_series(struct site_context *context, const char *study, series_function *function, void *client,
                        struct error *err)
{
    struct cursor *row = NULL;
    struct error ignored;

    if (!catalogue_select(site_catalogue(context),
                          "SELECT series_instance_uid FROM series WHERE study_instance_uid = ?"
                          " AND dicomweb_instances > 0"
                          " ORDER BY series_number IS NULL, series_number, series_instance_uid",
                          VALUES(value_text(study)), &row, err))
        return false;
    bool ok = true;
    while (ok && cursor_next(row))
        ok = function(context, study, cursor_text(row, 0), client, err);
    return cursor_end(row, ok ? err : &ignored) && ok;
}

static bool join_one(struct site_context *context, const char *study, const char *series, void *client,
                     struct error *err)
{
    (void)client;
    return join_series(context, study, series, err);
}

/* -- what only some sites have ----------------------------------------------------------- */

static bool add_series_metadata(struct site_context *context, const char *study, const char *series, void *client,
                                struct error *err)
{
    struct metadata_join *const join = client;
    char prefix[PATH_SIZE];

    if (!path_format(prefix, err, "series/%s/", series))
        return false;
    join->prefix = prefix;
    return each_metadata(site_catalogue(context), study, series, join_metadata, join, err);
}

static bool put_study_metadata(struct site_context *context, const char *study, const char *folder,
                               struct error *err)
{
    struct metadata_join join = {.text = {.context = context}};

    if (!site_options(context)->study_metadata || each_series(context, study, add_series_metadata, &join, err))
        return put_metadata(&join, folder, err);
    site_text_release(&join.text);
    return false;
}

struct study_instances { struct site_text text; bool any; };

static bool add_series_instances(struct site_context *context, const char *study, const char *series, void *client,
                                 struct error *err)
{
    struct study_instances *const all = client;

    (void)context;
    return put_rows(&all->text, &all->any, INSTANCES_SQL,
                    VALUES(value_text(study), value_text(series), value_int(PLACE_FRAME)), err);
}

static bool put_study_instances(struct site_context *context, const char *study, const char *folder,
                                struct error *err)
{
    struct study_instances all = {.text = {.context = context}};
    char path[PATH_SIZE];
    bool ok = path_join(path, folder, "instances/index.json", err);

    if (ok && !site_options(context)->study_instances)
        return site_remove(context, path, err);
    ok = ok && buffer_puts(&all.text.buffer, "[", err) &&
         each_series(context, study, add_series_instances, &all, err) &&
         buffer_puts(&all.text.buffer, "]\n", err) && site_text_put(&all.text, path, err);
    site_text_release(&all.text);
    return ok;
}

/* -- what has no place any more ---------------------------------------------------------- */

struct sweep { struct site_context *context; const char *study, *series; bool series_stands; };

static bool sweep_instance(void *client, const char *path, const char *name, struct error *err)
{
    struct sweep *const sweep = client;
    char metadata[PATH_SIZE];
    int64_t stands = 0;

    if (!uid_is_valid(name))
        return true;
    if (sweep->series_stands && site_options(sweep->context)->instance_metadata &&
        !catalogue_number(site_catalogue(sweep->context),
                          "SELECT 1 FROM instance i JOIN keep m USING (instance_id) WHERE study_instance_uid = ?"
                          " AND series_instance_uid = ? AND sop_instance_uid = ? AND m.metadata IS NOT NULL"
                          " AND " IN_DICOMWEB,
                          VALUES(value_text(sweep->study), value_text(sweep->series), value_text(name)), 0, &stands,
                          err))
        return false;
    return stands != 0 ||
           (path_join(metadata, path, "metadata", err) && site_remove(sweep->context, metadata, err));
}

static bool sweep_series(void *client, const char *path, const char *name, struct error *err)
{
    static const char *const files[] = {"index.json", "metadata", "instances/index.json", "thumbnail"};
    struct sweep *const sweep = client;
    char other[PATH_SIZE];
    int64_t stands = 0; /* -1: there is no such series at all, and no thumbnail of it */

    if (!uid_is_valid(name))
        return true;
    if (!catalogue_number(site_catalogue(sweep->context),
                          "SELECT dicomweb_instances > 0 FROM series WHERE study_instance_uid = ?"
                          " AND series_instance_uid = ?",
                          VALUES(value_text(sweep->study), value_text(name)), -1, &stands, err))
        return false;
    for (size_t i = 0; stands <= 0 && i < (stands < 0 ? 4 : 3); i++)
        if (!path_join(other, path, files[i], err) || !site_remove(sweep->context, other, err))
            return false;
    sweep->series = name;
    sweep->series_stands = stands > 0;
    return path_join(other, path, "instances", err) &&
           site_names(sweep->context, other, sweep_instance, sweep, err);
}

/* -- the study --------------------------------------------------------------------------- */

static bool put_study(struct site_context *context, const char *study, const char *folder, const char *series,
                      struct error *err)
{
    return put_index(context, series, SERIES_SQL(""), VALUES(value_text(study)), err) &&
           put_study_instances(context, study, folder, err) && put_study_metadata(context, study, folder, err) &&
           put_index(context, folder, STUDY_SQL, VALUES(value_text(study)), err);
}

static bool drop_study(struct site_context *context, const char *folder, struct error *err)
{
    static const char *const files[] = {"index.json", "metadata", "instances/index.json", "series/index.json"};
    char path[PATH_SIZE];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!path_join(path, folder, files[i], err) || !site_remove(context, path, err))
            return false;
    return true;
}

static bool is_in_dicomweb(struct catalogue *catalogue, const char *study, int64_t *found, struct error *err)
{
    return catalogue_number(catalogue,
                            "SELECT 1 FROM series WHERE study_instance_uid = ? AND dicomweb_instances > 0 LIMIT 1",
                            VALUES(value_text(study)), 0, found, err);
}

bool site_dicomweb_join(struct site_context *context, const char *study, struct error *err)
{
    struct sweep sweep = {.context = context, .study = study};
    char folder[PATH_SIZE], series[PATH_SIZE];
    int64_t found = 0;

    return layout_dicomweb_study(study, folder, err) && path_join(series, folder, "series", err) &&
           is_in_dicomweb(site_catalogue(context), study, &found, err) &&
           each_series(context, study, join_one, NULL, err) &&
           (found != 0 ? put_study(context, study, folder, series, err) : drop_study(context, folder, err)) &&
           site_names(context, series, sweep_series, &sweep, err);
}

bool site_dicomweb_study(struct catalogue *catalogue, const char *study, struct buffer *out, struct error *err)
{
    struct cursor *row = NULL;
    struct error ignored;
    struct json j;
    int64_t found = 0;

    if (!is_in_dicomweb(catalogue, study, &found, err))
        return false;
    if (found == 0)
        return true;
    if (!catalogue_select(catalogue, STUDY_SQL, VALUES(value_text(study)), &row, err))
        return false;
    json_begin(&j, out);
    bool ok = true;
    if (cursor_next(row)) {
        qido_put_row(&j, row);
        ok = json_finish(&j, err);
    }
    return cursor_end(row, ok ? err : &ignored) && ok;
}
