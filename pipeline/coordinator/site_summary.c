#include "coordinator/site_summary.h"

#include "coordinator/site_dicomweb.h"
#include "coordinator/site_json.h"
#include "coordinator/site_pages.h"

/* Of the artefacts of instance `id`: the picture that pages show. */
#define THUMBNAIL(column, id) \
    "(SELECT " column " FROM artefact a WHERE a.instance_id = " id " AND a.stage = 'thumbnail'" \
    " ORDER BY a.place = 2 DESC, a.place = 6, a.columns DESC, a.path LIMIT 1)"

static bool count_series(struct catalogue *catalogue, const char *study, struct error *err)
{
    return catalogue_execute(
        catalogue,
        "UPDATE series SET (instances, frames, failed, dicomweb_instances) ="
        " (SELECT count(*), sum(CASE WHEN i.state = 'done' THEN i.frames END),"
        "  count(CASE WHEN i.state IN ('failed', 'quarantined') THEN 1 END),"
        "  count(CASE WHEN " IN_DICOMWEB " THEN 1 END)"
        "  FROM instance i WHERE i.study_instance_uid = series.study_instance_uid"
        "  AND i.series_instance_uid = series.series_instance_uid AND i.is_current = 1),"
        " thumbnail = " THUMBNAIL("path", "series.thumbnail_instance_id")
        " WHERE study_instance_uid = ?",
        VALUES(value_text(study)), err);
}

bool site_summary_count(struct catalogue *catalogue, const char *study, struct error *err)
{
    return count_series(catalogue, study, err) &&
           catalogue_execute(
               catalogue,
               "UPDATE study SET (modalities_in_study, series, instances) ="
               " ((SELECT group_concat(modality, '\\') FROM (SELECT DISTINCT modality FROM series e"
               "   WHERE e.study_instance_uid = study.study_instance_uid ORDER BY modality)),"
               "  (SELECT count(*) FROM series e WHERE e.study_instance_uid = study.study_instance_uid),"
               "  (SELECT sum(e.instances) FROM series e WHERE e.study_instance_uid = study.study_instance_uid))"
               " WHERE study_instance_uid = ?",
               VALUES(value_text(study)), err);
}

/* The picture is that of the series with the most objects among those that have one. Nothing is written where nothing
 * differs: verify comes by here, too. */
static bool put_row(struct catalogue *catalogue, const char *study, const struct buffer texts[3], struct error *err)
{
    return catalogue_execute(
        catalogue,
        "INSERT INTO study_summary (study_instance_uid, picture, picture_sha256, listing, card, dicomweb)"
        " SELECT study_instance_uid,"
        " (SELECT thumbnail FROM series e WHERE e.study_instance_uid = s.study_instance_uid AND thumbnail IS NOT NULL"
        "  ORDER BY instances DESC, series_number IS NULL, series_number, series_instance_uid LIMIT 1),"
        " (SELECT " THUMBNAIL("sha256", "e.thumbnail_instance_id") " FROM series e"
        "  WHERE e.study_instance_uid = s.study_instance_uid AND thumbnail IS NOT NULL"
        "  ORDER BY instances DESC, series_number IS NULL, series_number, series_instance_uid LIMIT 1),"
        " ?2, ?3, ?4 FROM study s WHERE study_instance_uid = ?1"
        " ON CONFLICT (study_instance_uid) DO UPDATE SET picture = excluded.picture,"
        " picture_sha256 = excluded.picture_sha256, listing = excluded.listing, card = excluded.card,"
        " dicomweb = excluded.dicomweb"
        " WHERE (picture, picture_sha256, listing, card, dicomweb) IS NOT"
        " (excluded.picture, excluded.picture_sha256, excluded.listing, excluded.card, excluded.dicomweb)",
        VALUES(value_text(study), value_text(buffer_text(&texts[0])), value_text(buffer_text(&texts[1])),
               value_filled(buffer_text(&texts[2]))),
        err);
}

bool site_summary_keep(struct catalogue *catalogue, const char *study, struct error *err)
{
    struct buffer texts[3] = {{0}, {0}, {0}};
    const bool ok = site_study_listing(catalogue, study, &texts[0], err) &&
                    page_card_of_study(catalogue, study, &texts[1], err) &&
                    site_dicomweb_study(catalogue, study, &texts[2], err) && put_row(catalogue, study, texts, err);

    for (size_t i = 0; i < 3; i++)
        buffer_release(&texts[i]);
    return ok;
}
