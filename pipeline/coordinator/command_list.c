#include <string.h>

#include "coordinator/catalogue.h"
#include "coordinator/catalogue_instance.h"
#include "coordinator/command.h"
#include "coordinator/table.h"

/* What can be listed: a word, and the columns in the order people want them. */
struct listing { const char *word, *sql; };

static const struct listing listings[] = {
    {"studies",
     "SELECT study_instance_uid, patient_id, patient_name, study_date, study_description, accession_number,"
     " (SELECT count(*) FROM series e WHERE e.study_instance_uid = s.study_instance_uid) AS series,"
     " (SELECT count(*) FROM instance i WHERE i.study_instance_uid = s.study_instance_uid AND is_current)"
     "  AS instances, state, note FROM study s ORDER BY study_date DESC, study_time DESC, study_instance_uid"},
    {"series",
     "SELECT study_instance_uid, series_instance_uid, modality, series_number, series_description,"
     " (SELECT count(*) FROM instance i WHERE i.study_instance_uid = s.study_instance_uid"
     "  AND i.series_instance_uid = s.series_instance_uid AND is_current) AS instances,"
     " volume_verdict, (SELECT reason FROM volume v WHERE v.study_instance_uid = s.study_instance_uid"
     "  AND v.series_instance_uid = s.series_instance_uid AND ordinal = 1) AS volume_reason, state FROM series s"
     " ORDER BY study_instance_uid, series_number IS NULL, series_number, series_instance_uid"},
    {"instances",
     "SELECT instance_id, study_instance_uid, series_instance_uid, sop_instance_uid, instance_number,"
     " transfer_syntax_uid, rows, columns, frames, state, reason, detail, " INSTANCE_NOTES("i") " AS notes,"
     " is_current, source, member, source_digest FROM instance i ORDER BY source_order, instance_id"},
    {"artefacts",
     "SELECT artefact_id, stage, name, frame, path, media_type, files, bytes, columns, rows, sha256"
     " FROM artefact ORDER BY path"},
    {"volumes",
     "SELECT study_instance_uid, series_instance_uid, ordinal, verdict, columns, rows, slices, dimensions,"
     " dimension_name, images, missing, row_spacing_mm, column_spacing_mm, slice_spacing_mm, tilt_degrees, voxel,"
     " reason, affine FROM volume ORDER BY study_instance_uid, series_instance_uid, ordinal"},
    {"slides",
     "SELECT study_instance_uid, series_instance_uid, ordinal, verdict, columns, rows, levels, optical_path, focus_um,"
     " row_spacing_mm, column_spacing_mm, container_identifier, reason FROM slide_pyramid"
     " ORDER BY study_instance_uid, series_instance_uid, ordinal"},
    {"rejected",
     "SELECT source, member, reason, detail FROM rejected ORDER BY source, member_index, member"},
};

static const struct listing *find(const char *word)
{
    for (size_t i = 0; i < sizeof listings / sizeof listings[0]; i++)
        if (strcmp(listings[i].word, word) == 0) return &listings[i];
    return NULL;
}

bool command_list(struct settings *settings, enum exit_status *status, struct error *err)
{
    const char *word = settings->input_count > 0 ? settings->inputs[0] : "studies";
    const struct listing *listing = find(word);
    if (listing == NULL || settings->input_count > 1)
        return error_set(err, ERROR_USAGE,
                         "cannot list \"%s\": expected one of studies, series, instances, artefacts, volumes, slides,"
                         " rejected",
                         settings->input_count > 1 ? settings->inputs[1] : word);
    struct catalogue *catalogue = NULL;
    bool ok = catalogue_open(settings->site, CATALOGUE_READ, &catalogue, err) &&
              table_print(catalogue, listing->sql, settings->json, err);
    catalogue_close(catalogue);
    if (ok) *status = EXIT_ALL_DONE;
    return ok;
}
