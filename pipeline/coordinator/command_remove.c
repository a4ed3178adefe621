/* remove: a study's rows and files, at once */
#include <stdio.h>

#include "base/log.h"
#include "coordinator/catalogue_run.h"
#include "coordinator/command.h"
#include "coordinator/failpoint.h"
#include "coordinator/join.h"
#include "coordinator/public_catalogue.h"
#include "coordinator/session.h"
#include "dicom/uid.h"

/* The sources are told as removed, duplicates too: they are not read again unless they change or --rehash is given. */
static bool drop_rows(struct catalogue *catalogue, const char *study, struct error *err)
{
    return catalogue_execute(catalogue,
                             "INSERT OR REPLACE INTO rejected (source, member, member_index, reason)"
                             " SELECT source, member, member_index, 'removed' FROM instance"
                             " WHERE study_instance_uid = ?",
                             VALUES(value_text(study)), err) &&
           catalogue_execute(catalogue,
                             "UPDATE rejected SET reason = 'removed', detail = NULL, source_digest = NULL"
                             " WHERE reason = 'duplicate' AND source_digest IN (SELECT source_digest FROM instance"
                             " WHERE study_instance_uid = ?)",
                             VALUES(value_text(study)), err) &&
           catalogue_execute(catalogue, "DELETE FROM study WHERE study_instance_uid = ?", VALUES(value_text(study)),
                             err) &&
           catalogue_execute(catalogue,
                             "DELETE FROM garbage WHERE path LIKE 'public/studies/' || ?1 || '/%'"
                             " OR path LIKE 'public/dicomweb/studies/' || ?1 || '/%'",
                             VALUES(value_text(study)), err);
}

/* No list names the study any more. */
static bool put_lists(struct session *session, const struct settings *settings, struct error *err)
{
    return site_apply(session->site, site_finish, "", err) &&
           public_catalogue_remove_former(session->catalogue, settings->site, err);
}

/* The next run finishes what a killed one has left undone here: folders of studies without a row and former public
 * catalogues go. */
static bool remove_study(struct session *session, const struct settings *settings, int64_t *run_id, struct error *err)
{
    struct catalogue *const catalogue = session->catalogue;

    if (!run_insert(catalogue, settings->arguments, NULL, run_id, err) || !catalogue_begin(catalogue, err))
        return false;
    if (!drop_rows(catalogue, settings->study, err)) {
        catalogue_rollback(catalogue);
        return false;
    }
    if (!catalogue_commit(catalogue, err))
        return false;
    FAILPOINT("remove:after-commit");
    return site_apply(session->site, site_drop_study, settings->study, err) && put_lists(session, settings, err);
}

static bool count_instances(struct catalogue *catalogue, const char *study, int64_t *count, struct error *err)
{
    int64_t exists = 0;

    if (!catalogue_number(catalogue, "SELECT 1 FROM study WHERE study_instance_uid = ?",
                          VALUES(value_text(study)), 0, &exists, err) ||
        !catalogue_number(catalogue, "SELECT count(*) FROM instance WHERE study_instance_uid = ?",
                          VALUES(value_text(study)), 0, count, err))
        return false;
    return exists != 0 || error_set(err, ERROR_IO, "the site has no study \"%s\"", study);
}

/* Takes no lock, repairs nothing. */
static bool say_what_would_go(const struct settings *settings, struct error *err)
{
    struct catalogue *catalogue = NULL;
    struct buffer text = {0};
    int64_t instances = 0, files = 0, bytes = 0;
    bool ok = catalogue_open(settings->site, CATALOGUE_READ, &catalogue, err) &&
              count_instances(catalogue, settings->study, &instances, err) &&
              catalogue_number(catalogue,
                               "SELECT sum(a.files) FROM artefact a JOIN product p USING (product_id)"
                               " WHERE p.study_instance_uid = ?", VALUES(value_text(settings->study)), 0, &files, err) &&
              catalogue_number(catalogue,
                               "SELECT sum(a.bytes) FROM artefact a JOIN product p USING (product_id)"
                               " WHERE p.study_instance_uid = ?", VALUES(value_text(settings->study)), 0, &bytes, err) &&
              buffer_printf(&text, err, "would remove 1 study with %lld instances, %lld files, %.1f MB\n",
                            (long long)instances, (long long)files, (double)bytes / 1e6) &&
              command_print(&text, err);

    buffer_release(&text);
    catalogue_close(catalogue);
    return ok;
}

bool command_remove(struct settings *settings, enum exit_status *status, struct error *err)
{
    struct session session = {.lock = -1};
    int64_t instances = 0, run_id = 0;
    char line[200];

    if (settings->study == NULL || !uid_is_valid(settings->study))
        return error_set(err, ERROR_USAGE, "remove wants --study UID");
    if (settings->dry_run) {
        *status = EXIT_ALL_DONE;
        return say_what_would_go(settings, err);
    }
    /* a killed remove may have left the lists as they were, and its study has no row now */
    bool ok = session_open(settings->site, (struct session_wishes){0}, &session, err) &&
              (!session.repaired || put_lists(&session, settings, err)) &&
              count_instances(session.catalogue, settings->study, &instances, err) &&
              remove_study(&session, settings, &run_id, err);
    (void)snprintf(line, sizeof line, "slicepress: 1 study with %lld instances removed", (long long)instances);
    ok = ok && run_finish(session.catalogue, run_id, EXIT_ALL_DONE, line, NULL, err) &&
         run_keep_wanted(session.catalogue, run_id, err);
    session_close(&session);
    if (ok)
        log_event(LOG_INFO, "removed", line, NULL);
    *status = EXIT_ALL_DONE;
    return ok;
}
