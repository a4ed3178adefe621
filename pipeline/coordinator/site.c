#include "coordinator/site.h"

#include "base/digest.h"
#include "coordinator/site_dicomweb.h"
#include "coordinator/site_json.h"
#include "coordinator/site_lists.h"
#include "coordinator/site_pages.h"
#include "coordinator/site_summary.h"
#include "coordinator/site_text.h"
#include "dicom/uid.h"
#include "job/layout.h"

/* -- one series ----------------------------------------------------------------------------- */

struct chosen { char path[PATH_SIZE], address[PATH_SIZE]; bool found; };

/* The DICOMweb thumbnail (place THUMBNAIL) of the slice that stands for the series. */
static bool series_thumbnail(struct catalogue *catalogue, const char *study, const char *series,
                             struct chosen *chosen, struct error *err)
{
    struct cursor *row = NULL;
    chosen->found = false;
    if (!catalogue_select(catalogue,
                          "SELECT path, place, sha256 FROM artefact JOIN series e"
                          " ON instance_id = e.thumbnail_instance_id"
                          " WHERE e.study_instance_uid = ? AND e.series_instance_uid = ? AND place = ?",
                          VALUES(value_text(study), value_text(series), value_int(PLACE_THUMBNAIL)), &row, err))
        return false;
    bool ok = true;
    if (cursor_next(row)) {
        chosen->found = true;
        ok = path_format(chosen->path, err, "%s", cursor_text(row, 0)) &&
             site_address(cursor_text(row, 0), PLACE_THUMBNAIL, cursor_text(row, 2), chosen->address, err);
    }
    struct error ignored;
    return cursor_end(row, ok ? err : &ignored) && ok;
}

/* `address` is a folder's thumbnail: a link to the chosen picture, or nothing. */
static bool link_thumbnail(struct site_context *context, const char *folder, const struct chosen *chosen,
                           struct error *err)
{
    char path[PATH_SIZE];
    if (!path_join(path, folder, "thumbnail", err)) return false;
    return chosen->found ? site_link(context, path, chosen->path, err) : site_remove(context, path, err);
}

static bool spill_series(void *client, struct buffer *text, struct error *err)
{
    struct site_text *const whole = client;

    (void)text;
    return site_text_spill(whole, err);
}

/* series.DIGEST16.json, written as it is read; `name` gets its name. */
static bool put_series_json(struct site_context *context, const char *study, const char *series,
                            const char *folder, char name[PATH_SIZE], struct error *err)
{
    struct site_text text = {.context = context};
    const bool ok = site_series_json(site_catalogue(context), study, series, &text.buffer, spill_series, &text, err) &&
                    site_text_put_named(&text, folder, "series", "json", name, err);

    site_text_release(&text);
    return ok;
}

static bool join_series(struct site_context *context, struct json *j, const char *study, const char *series,
                        struct chosen *chosen, struct error *err)
{
    struct catalogue *catalogue = site_catalogue(context);
    char folder[PATH_SIZE], web[PATH_SIZE], name[PATH_SIZE], file[PATH_SIZE];
    return layout_series_folder(study, series, folder, err) &&
           layout_dicomweb_series(study, series, web, err) &&
           put_series_json(context, study, series, folder, name, err) &&
           path_join(file, folder, name, err) && series_thumbnail(catalogue, study, series, chosen, err) &&
           link_thumbnail(context, web, chosen, err) &&
           site_study_json_series(j, catalogue, study, series, file, chosen->found ? chosen->address : NULL, err);
}

/* -- a study -------------------------------------------------------------------------------- */

/* The study's picture is that of its series with the most objects, as on index.html. */
static bool join_all_series(struct site_context *context, struct json *j, const char *study,
                            struct chosen *best, struct error *err)
{
    struct cursor *row = NULL;
    best->found = false;
    if (!catalogue_select(site_catalogue(context),
                          "SELECT series_instance_uid, instances FROM series WHERE study_instance_uid = ?"
                          " ORDER BY series_number IS NULL, series_number, series_instance_uid",
                          VALUES(value_text(study)), &row, err))
        return false;
    bool ok = true;
    int64_t most = 0;
    while (ok && cursor_next(row)) {
        struct chosen chosen;
        ok = join_series(context, j, study, cursor_text(row, 0), &chosen, err);
        if (ok && chosen.found && cursor_int(row, 1) > most) {
            most = cursor_int(row, 1);
            *best = chosen;
        }
    }
    struct error ignored;
    return cursor_end(row, ok ? err : &ignored) && ok;
}

static bool put_page(struct site_context *context, const char *study, const char *folder, struct error *err)
{
    struct page_assets assets;
    char path[PATH_SIZE];
    struct buffer text = {0};
    bool ok = site_put_assets(context, &assets, err) && path_join(path, folder, "index.html", err) &&
              page_of_study(site_catalogue(context), &assets, study, &text, err) &&
              site_put(context, path, text.data, text.size, err);
    buffer_release(&text);
    return ok;
}

/* study.json goes last: it alone switches what is shown of the study. */
static bool put_study_json(struct site_context *context, const char *study, const char *folder,
                           const struct buffer *text, struct error *err)
{
    char path[PATH_SIZE], hex[DIGEST_HEX_SIZE];
    struct digest digest;
    if (!path_join(path, folder, "study.json", err) || !digest_of(text->data, text->size, &digest, err))
        return false;
    digest_hex(&digest, hex);
    return site_put(context, path, text->data, text->size, err) &&
           catalogue_execute(site_catalogue(context),
                             "UPDATE study SET published_digest = ? WHERE study_instance_uid = ?",
                             VALUES(value_text(hex), value_text(study)), err);
}

struct former { struct site_context *context; const char *study; };

/* The JSON of a series whose rows are gone. */
static bool retire_series(void *client, const char *path, const char *name, struct error *err)
{
    const struct former *const former = client;
    int64_t stands = 0;

    if (!uid_is_valid(name))
        return true;
    return catalogue_number(site_catalogue(former->context),
                            "SELECT 1 FROM series WHERE study_instance_uid = ? AND series_instance_uid = ?",
                            VALUES(value_text(former->study), value_text(name)), 0, &stands, err) &&
           (stands != 0 || site_retire(former->context, path, "series", "json", err));
}

static bool put_files(struct site_context *context, const char *study, const char *folder, struct buffer *text,
                      struct chosen *best, struct error *err)
{
    struct former former = {context, study};
    char web[PATH_SIZE];
    struct json j;

    return layout_dicomweb_study(study, web, err) &&
           site_study_json_begin(&j, text, site_catalogue(context), study, err) &&
           join_all_series(context, &j, study, best, err) &&
           site_study_json_end(&j, best->found ? best->address : NULL, err) &&
           link_thumbnail(context, web, best, err) && site_dicomweb_join(context, study, err) &&
           site_names(context, folder, retire_series, &former, err) && put_page(context, study, folder, err) &&
           put_study_json(context, study, folder, text, err);
}

bool site_join_study(struct site_context *context, const char *study_uid, struct error *err)
{
    char folder[PATH_SIZE];
    struct buffer text = {0};
    struct chosen best;
    const bool ok = layout_study_folder(study_uid, folder, err) &&
                    site_summary_count(site_catalogue(context), study_uid, err) &&
                    put_files(context, study_uid, folder, &text, &best, err) &&
                    site_summary_keep(site_catalogue(context), study_uid, err);

    buffer_release(&text);
    return ok;
}

bool site_drop_study(struct site_context *context, const char *study_uid, struct error *err)
{
    char folder[PATH_SIZE], web[PATH_SIZE];
    return layout_study_folder(study_uid, folder, err) && layout_dicomweb_study(study_uid, web, err) &&
           site_remove(context, folder, err) && site_remove(context, web, err);
}
