/* What is said and written when a run is over; what reprocess marks before one. */
#include "coordinator_private.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "coordinator/catalogue_run.h"
#include "coordinator/command.h"
#include "coordinator/failpoint.h"
#include "coordinator/recover.h"

/* -- warnings ---------------------------------------------------------------------------- */

/* Those of any_failure: the others are told in the catalogue, and counted in the summary. */
static bool is_fault(const char *reason)
{
    return strcmp(reason, "ignored") != 0 && strcmp(reason, "duplicate") != 0 && strcmp(reason, "not_dicom") != 0;
}

void coordinator_report(const char *event, const char *path, const char *member, const char *reason, const char *text)
{
    char line[900];

    (void)snprintf(line, sizeof line, "%s%s%s: %s: %s", path, member != NULL ? ", " : "",
                   member != NULL ? member : "", reason, text);
    log_event(is_fault(reason) ? LOG_WARNING : LOG_DEBUG, event, line, "source", path, "member", member, "reason",
              reason, "detail", text, NULL);
}

/* -- the exit status --------------------------------------------------------------------- */

static bool any_failure(struct coordinator *c, bool *any, struct error *err)
{
    int64_t count = 0;

    if (!catalogue_number(
            c->catalogue,
            "SELECT EXISTS (SELECT 1 FROM instance INDEXED BY instance_failed"
            " WHERE state IN ('failed', 'quarantined')"
            " OR (state = 'done' AND reason IS NOT NULL))" /* only the whole frames are there */
            " OR EXISTS (SELECT 1 FROM product WHERE state = 'failed')"
            " OR EXISTS (SELECT 1 FROM rejected"
            " WHERE reason NOT IN ('ignored', 'duplicate', 'removed', 'not_dicom'))",
            NO_VALUES, 0, &count, err))
        return false;
    *any = count != 0;
    return true;
}

/* -- the summary ------------------------------------------------------------------------- */

static bool format_summary(struct coordinator *c, char *text, size_t size, struct error *err)
{
    int64_t duplicates = 0, studies = 0, rows = 0;
    const struct counts *const n = &c->counts;
    const struct site_counts site = site_context_counts(c->site);
    const double seconds = (double)(progress_clock_ms() - c->began_ms) / 1000;

    if (!coordinator_count_duplicates(c, &duplicates, err) || !series_count_joined(c, &studies, err) ||
        !catalogue_number(c->catalogue, "SELECT count(*) FROM rejected WHERE reason <> 'duplicate'", NO_VALUES, 0, &rows,
                          err))
        return false;
    /* an archive and its only content may be told twice, and have one row */
    const uint64_t rejected = n->rejected < (uint64_t)rows ? n->rejected : (uint64_t)rows;
    duplicates = duplicates > c->duplicates_before && c->run_id != 0 ? duplicates - c->duplicates_before : 0;
    (void)snprintf(text, size,
                   "%llu instance%s in %llu stud%s: %llu done, %llu failed, %llu skipped; %llu duplicate%s, %llu"
                   " rejected; %llu files, %.1f MB published in %.1f s",
                   (unsigned long long)n->instances, n->instances == 1 ? "" : "s", (unsigned long long)studies,
                   studies == 1 ? "y" : "ies", (unsigned long long)n->done, (unsigned long long)n->failed,
                   (unsigned long long)n->skipped, (unsigned long long)duplicates, duplicates == 1 ? "" : "s",
                   (unsigned long long)rejected, (unsigned long long)(n->files + site.files),
                   (double)(n->bytes + site.bytes) / 1e6, seconds);
    return true;
}

/* What gives exit status 1 though this run may have had nothing to do with it. */
static bool format_remains(struct coordinator *c, char *text, size_t size, struct error *err)
{
    int64_t failed = 0, rejected = 0;

    text[0] = '\0';
    if (!catalogue_number(c->catalogue,
                          "SELECT count(*) FROM (SELECT instance_id FROM instance WHERE state IN ('failed', 'quarantined')"
                          " UNION SELECT coalesce(instance_id, -product_id) FROM product WHERE state = 'failed')",
                          NO_VALUES, 0, &failed, err) ||
        !catalogue_number(c->catalogue,
                          "SELECT count(*) FROM rejected"
                          " WHERE reason NOT IN ('ignored', 'duplicate', 'removed', 'not_dicom')",
                          NO_VALUES, 0, &rejected, err))
        return false;
    if (c->run_id == 0 || (uint64_t)failed > c->counts.failed || (uint64_t)rejected > c->counts.rejected)
        (void)snprintf(text, size, "; %lld object%s still failed, %lld source%s rejected (slicepress status %.200s)",
                       (long long)failed, failed == 1 ? "" : "s", (long long)rejected, rejected == 1 ? "" : "s",
                       c->real_root);
    return true;
}

static bool print_plan(struct coordinator *c, const int64_t numbers[5], struct buffer *text, struct error *err)
{
    const double published = 0.5 * (double)numbers[1]; /* lossless frames come to half of 16-bit originals */
    const int64_t files = numbers[2] * (int64_t)c->table.wanted_count; /* the rest is pictures and tables */
    struct json j;

    if (!c->settings->json)
        return buffer_printf(text, err,
                             "would convert %lld instances with %lld frames, %.1f MB, by stages %s;\n"
                             "would publish roughly %lld files, %.1f MB; %lld duplicates; %lld files rejected\n",
                             (long long)numbers[0], (long long)numbers[2], (double)numbers[1] / 1e6,
                             c->table.of_instances, (long long)files, published / 1e6, (long long)numbers[4],
                             (long long)numbers[3]);
    json_begin(&j, text);
    json_open_object(&j);
    json_member_int(&j, "instances", numbers[0]);
    json_member_int(&j, "frames", numbers[2]);
    json_member_int(&j, "bytes", numbers[1]);
    json_member_text(&j, "stages", c->table.of_instances);
    json_member_int(&j, "files_roughly", files);
    json_member_int(&j, "published_bytes_roughly", (int64_t)published);
    json_member_int(&j, "duplicates", numbers[4]);
    json_member_int(&j, "rejected", numbers[3]);
    json_close(&j);
    return json_finish(&j, err) && buffer_puts(text, "\n", err);
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

    const int64_t numbers[] = {instances, bytes, frames, rejected, duplicates};
    ok = ok && print_plan(c, numbers, &text, err) && command_print(&text, err);
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
    char summary[400], remains[300] = "";
    bool any = false, as_wanted = false;

    if (failure == NULL && (!any_failure(c, &any, err) || (c->run_id != 0 && !recover_empty_work(c->root, err))))
        return EXIT_UNUSABLE;
    const bool no_input = failure == NULL && c->fed && !c->feed_gave;
    const enum exit_status status = no_input ? EXIT_UNUSABLE : status_after(failure, any);
    if (c->settings->dry_run)
        return failure != NULL || !say_plan(c, err) ? EXIT_UNUSABLE : EXIT_ALL_DONE;
    if (!format_summary(c, summary, sizeof summary, err) ||
        (any && !format_remains(c, remains, sizeof remains, err)))
        return EXIT_UNUSABLE;
    FAILPOINT("run:before-end");
    if (c->run_id != 0 && failure == NULL &&
        (!coordinator_is_as_wanted(c, &as_wanted, err) ||
         !run_finish(c->catalogue, c->run_id, (int)status, summary,
                     as_wanted ? c->table.digest : NULL, err)))
        return EXIT_UNUSABLE;
    if (no_input)
        log_event(LOG_ERROR, "no_input", "standard input held no DICOM object and no archive: did a download fail?", NULL);
    if (status == EXIT_UNUSABLE)
        return status;
    char line[720];
    (void)snprintf(line, sizeof line, "slicepress: %s%s", c->run_id != 0 ? summary : "nothing to do", remains);
    log_event(status == EXIT_ALL_DONE ? LOG_INFO : LOG_NOTICE, "summary", line, NULL); /* cron reads the latter */
    return status;
}
