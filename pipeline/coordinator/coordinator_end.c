/* What is said and written when a run is over; what reprocess marks before one. */
#include "coordinator_private.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "coordinator/catalogue_run.h"
#include "coordinator/command.h"
#include "coordinator/failpoint.h"
#include "coordinator/recover.h"

/* -- the exit status --------------------------------------------------------------------- */

static bool any_failure(struct coordinator *c, bool *any, struct error *err)
{
    int64_t count = 0;

    if (!catalogue_number(c->catalogue,
                          "SELECT EXISTS (SELECT 1 FROM instance WHERE state IN ('failed', 'quarantined'))"
                          " OR EXISTS (SELECT 1 FROM product WHERE state = 'failed')"
                          " OR EXISTS (SELECT 1 FROM rejected WHERE reason NOT IN ('ignored', 'duplicate', 'not_dicom'))",
                          NO_VALUES, 0, &count, err))
        return false;
    *any = count != 0;
    return true;
}

/* -- the summary ------------------------------------------------------------------------- */

static bool format_summary(struct coordinator *c, char *text, size_t size, struct error *err)
{
    int64_t duplicates = 0;
    const struct counts *const n = &c->counts;
    const struct site_counts site = site_context_counts(c->site);
    const double seconds = (double)(progress_clock_ms() - c->began_ms) / 1000;

    if (!coordinator_count_duplicates(c, &duplicates, err))
        return false;
    duplicates = duplicates > c->duplicates_before && c->run_id != 0 ? duplicates - c->duplicates_before : 0;
    (void)snprintf(text, size,
                   "%llu instance%s in %llu stud%s: %llu done, %llu failed, %llu skipped; %llu duplicate%s, %llu"
                   " rejected; %llu files, %.1f MB published in %.1f s",
                   (unsigned long long)n->instances, n->instances == 1 ? "" : "s", (unsigned long long)n->studies,
                   n->studies == 1 ? "y" : "ies", (unsigned long long)n->done, (unsigned long long)n->failed,
                   (unsigned long long)n->skipped, (unsigned long long)duplicates, duplicates == 1 ? "" : "s",
                   (unsigned long long)n->rejected, (unsigned long long)(n->files + site.files),
                   (double)(n->bytes + site.bytes) / 1e6, seconds);
    return true;
}

static bool say_plan(struct coordinator *c, struct error *err)
{
    int64_t instances = 0, bytes = 0, frames = 0, rejected = 0, duplicates = 0;
    struct buffer text = {0};
    bool ok = catalogue_number(c->catalogue, "SELECT count(*) FROM instance WHERE state = 'pending'", NO_VALUES, 0,
                               &instances, err) &&
              catalogue_number(c->catalogue, "SELECT sum(source_bytes) FROM instance WHERE state = 'pending'", NO_VALUES,
                               0, &bytes, err) &&
              catalogue_number(c->catalogue,
                               "SELECT sum(coalesce(number_of_frames, 1)) FROM instance WHERE state = 'pending'"
                               " AND rows IS NOT NULL", NO_VALUES, 0, &frames, err) &&
              catalogue_number(c->catalogue, "SELECT count(*) FROM rejected WHERE reason <> 'duplicate'", NO_VALUES, 0,
                               &rejected, err) &&
              coordinator_count_duplicates(c, &duplicates, err);

    /* lossless frames come to half of 16-bit originals; the rest is pictures and tables */
    ok = ok && buffer_printf(&text, err,
                             "would convert %lld instances with %lld frames, %.1f MB, by stages %s;\n"
                             "would publish roughly %lld files, %.1f MB; %lld duplicates; %lld files rejected\n",
                             (long long)instances, (long long)frames, (double)bytes / 1e6, c->table.all,
                             (long long)(frames * (long long)c->table.wanted_count), 0.5 * (double)bytes / 1e6,
                             (long long)duplicates, (long long)rejected) &&
         command_print(&text, err);
    buffer_release(&text);
    return ok;
}

/* -- the end ----------------------------------------------------------------------------- */

static enum exit_status status_after(const struct error *failure, bool any)
{
    if (failure == NULL)
        return any ? EXIT_SOME_FAILED : EXIT_ALL_DONE;
    return failure->kind == ERROR_INTERRUPTED ? EXIT_INTERRUPTED : EXIT_UNUSABLE;
}

/* A run that failed leaves its row open: the next one repairs what it left. An interrupted one, too. */
enum exit_status coordinator_finish(struct coordinator *c, const struct error *failure, struct error *err)
{
    char summary[400];
    bool any = false;

    if (failure == NULL && (!any_failure(c, &any, err) || (c->run_id != 0 && !recover_empty_work(c->root, err))))
        return EXIT_UNUSABLE;
    const enum exit_status status = status_after(failure, any);
    if (c->settings->dry_run)
        return failure != NULL || !say_plan(c, err) ? EXIT_UNUSABLE : EXIT_ALL_DONE;
    if (!format_summary(c, summary, sizeof summary, err))
        return EXIT_UNUSABLE;
    FAILPOINT("run:before-end");
    if (c->run_id != 0 && failure == NULL &&
        !run_finish(c->catalogue, c->run_id, (int)status, summary, err))
        return EXIT_UNUSABLE;
    if (status == EXIT_UNUSABLE)
        return status;
    char line[420];
    (void)snprintf(line, sizeof line, "slicepress: %s", c->run_id != 0 ? summary : "nothing to do");
    log_event(status == EXIT_ALL_DONE ? LOG_INFO : LOG_NOTICE, "summary", line, NULL); /* cron reads the latter */
    return status;
}

/* -- reprocess --------------------------------------------------------------------------- */

/* Emptied options are nobody's: such a product is out of date. */
static bool mark_products(struct coordinator *c, int64_t *marked, struct error *err)
{
    const struct settings *const s = c->settings;
    bool ok = catalogue_execute(
        c->catalogue,
        "UPDATE product SET options_digest = '' WHERE (?1 IS NULL OR study_instance_uid = ?1)"
        " AND (?2 IS NULL OR series_instance_uid = ?2) AND (?3 IS NULL OR stage = ?3)"
        " AND (?4 = 0 OR state = 'failed' OR instance_id IN (SELECT instance_id FROM instance"
        " WHERE state IN ('failed', 'quarantined')))"
        " AND instr(?5, ',' || stage || ',') > 0",
        VALUES(value_text(s->study), value_text(s->series), value_text(s->stage), value_int(s->failed),
               value_text(c->table.match)),
        err);

    *marked = catalogue_changes(c->catalogue);
    if (!ok || !s->failed)
        return ok;
    /* rejected files that were faulty are read again, where they are still offered */
    return catalogue_execute(c->catalogue,
                             "DELETE FROM source_file WHERE path IN (SELECT source FROM rejected"
                             " WHERE reason NOT IN ('ignored', 'duplicate', 'not_dicom'))", NO_VALUES, err);
}

bool coordinator_mark(struct coordinator *c, int64_t *marked, struct error *err)
{
    if (!coordinator_begin_run(c, err) || !catalogue_begin(c->catalogue, err))
        return false;
    if (!mark_products(c, marked, err)) {
        catalogue_rollback(c->catalogue);
        return false;
    }
    return catalogue_commit(c->catalogue, err);
}
