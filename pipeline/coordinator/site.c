#include "coordinator/site.h"

#include <errno.h>
#include <stdio.h>

#include "base/digest.h"
#include "coordinator/public_catalogue.h"
#include "coordinator/site_json.h"
#include "coordinator/site_pages.h"
#include "job/layout.h"

static bool put_assets(struct site_context *context, struct page_assets *assets, struct error *err)
{
    return site_put_named(context, "app", "style", "css", page_style.data, page_style.size, assets->style, err) &&
           site_put_named(context, "app", "no-image", "svg", page_placeholder.data, page_placeholder.size,
                          assets->placeholder, err);
}

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

static bool spill_to_file(void *client, struct buffer *text, struct error *err)
{
    FILE *const file = client;
    const bool ok = fwrite(text->data, 1, text->size, file) == text->size;

    buffer_clear(text);
    return ok || error_errno(err, errno, "cannot write a series' JSON");
}

/* series.DIGEST16.json, written as it is read; `name` gets its name. */
static bool put_series_json(struct site_context *context, const char *study, const char *series,
                            const char *folder, char name[PATH_SIZE], struct error *err)
{
    char made[PATH_SIZE];
    struct buffer text = {0};

    if (!site_temporary(context, made, err)) return false;
    FILE *const file = fopen(made, "wbe"); /* lint: allow */
    if (file == NULL) return error_errno(err, errno, "cannot create \"%s\"", made);
    bool ok = site_series_json(site_catalogue(context), study, series, &text, spill_to_file, file, err);
    buffer_release(&text);
    if (fclose(file) != 0 && ok) ok = error_errno(err, errno, "cannot write \"%s\"", made);
    return ok && site_put_named_file(context, folder, "series", "json", made, name, err);
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
                          "SELECT series_instance_uid, (SELECT count(*) FROM instance i"
                          "  WHERE i.study_instance_uid = e.study_instance_uid"
                          "  AND i.series_instance_uid = e.series_instance_uid AND is_current) FROM series e"
                          " WHERE study_instance_uid = ?"
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
    bool ok = put_assets(context, &assets, err) && path_join(path, folder, "index.html", err) &&
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

bool site_join_study(struct site_context *context, const char *study_uid, struct error *err)
{
    char folder[PATH_SIZE], web[PATH_SIZE];
    struct buffer text = {0};
    struct chosen best;
    struct json j;
    bool ok = layout_study_folder(study_uid, folder, err) && layout_dicomweb_study(study_uid, web, err) &&
              site_study_json_begin(&j, &text, site_catalogue(context), study_uid, err) &&
              join_all_series(context, &j, study_uid, &best, err) &&
              site_study_json_end(&j, best.found ? best.address : NULL, err) &&
              link_thumbnail(context, web, &best, err) &&
              put_page(context, study_uid, folder, err) &&
              put_study_json(context, study_uid, folder, &text, err);
    buffer_release(&text);
    return ok;
}

bool site_drop_study(struct site_context *context, const char *study_uid, struct error *err)
{
    char folder[PATH_SIZE], web[PATH_SIZE];
    return layout_study_folder(study_uid, folder, err) && layout_dicomweb_study(study_uid, web, err) &&
           site_remove(context, folder, err) && site_remove(context, web, err);
}

/* -- the site ------------------------------------------------------------------------------- */

static bool put_index(struct site_context *context, struct error *err)
{
    struct page_assets assets;
    struct buffer text = {0};
    bool ok = put_assets(context, &assets, err) &&
              page_of_site(site_catalogue(context), &assets, &text, err) &&
              site_put(context, "index.html", text.data, text.size, err);
    buffer_release(&text);
    return ok;
}

bool site_finish_run(struct site_context *context, struct error *err)
{
    char name[PATH_SIZE];
    struct buffer text = {0};
    bool ok = public_catalogue_put(context, name, err) &&
              site_studies_json(site_catalogue(context), name, &text, err) && put_index(context, err) &&
              site_put(context, "studies.json", text.data, text.size, err);
    buffer_release(&text);
    return ok;
}
