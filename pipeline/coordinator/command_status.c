#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "coordinator/catalogue.h"
#include "coordinator/command.h"
#include "coordinator/site_json.h"

/* Each part of the answer: a key, a heading for people, and rows whose last column is free text. */
struct part { const char *key, *heading, *sql; };

static const struct part parts[] = {
    {"studies", "studies", "SELECT state, count(*) AS count FROM study GROUP BY state ORDER BY state"},
    {"series", "series", "SELECT state, count(*) AS count FROM series GROUP BY state ORDER BY state"},
    {"instances", "instances",
     "SELECT state, count(*) AS count, sum(NOT is_current) AS conflicts FROM instance GROUP BY state ORDER BY state"},
    {"trouble", "why not done",
     "SELECT state, reason, count(*) AS count, min(detail) AS example FROM instance"
     " WHERE state IN ('skipped', 'failed', 'quarantined') OR reason IS NOT NULL GROUP BY state, reason ORDER BY state, reason"},
    {"failed_products", "failed stages",
     "SELECT stage, count(*) AS count, min(reason) AS example FROM product WHERE state = 'failed'"
     " GROUP BY stage ORDER BY stage"},
    {"rejected", "rejected",
     "SELECT reason, count(*) AS count, min(coalesce(detail, '')) AS example FROM rejected"
     " GROUP BY reason ORDER BY reason"},
    {"published", "published",
     "SELECT stage, count(*) AS artefacts, sum(files) AS files, sum(bytes) AS bytes FROM artefact"
     " GROUP BY stage ORDER BY stage"},
    {"warnings", "to look at",
     "SELECT study_instance_uid, note FROM study WHERE note IS NOT NULL ORDER BY study_instance_uid"},
    {"last_run", "last run",
     "SELECT started, ended, exit_status, summary, version FROM run ORDER BY run_id DESC LIMIT 1"},
};
enum { PARTS = sizeof parts / sizeof parts[0] };

static bool json_part(struct json *j, struct catalogue *catalogue, const struct part *part, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(catalogue, part->sql, NO_VALUES, &row, err)) return false;
    json_key(j, part->key);
    json_open_array(j);
    while (cursor_next(row)) {
        json_open_object(j);
        site_json_row(j, row);
        json_close(j);
    }
    json_close(j);
    return cursor_end(row, err);
}

static bool text_row(struct buffer *out, const struct cursor *row, struct error *err)
{
    if (!buffer_puts(out, "  ", err)) return false;
    for (int i = 0; i < cursor_columns(row); i++) {
        if (cursor_is_null(row, i)) continue;
        const bool number = cursor_type(row, i) == VALUE_INT;
        const bool ok = number ? buffer_printf(out, err, "%s=%s  ", cursor_name(row, i), cursor_text(row, i))
                               : buffer_printf(out, err, "%s  ", cursor_text(row, i));
        if (!ok) return false;
    }
    while (out->size > 0 && out->data[out->size - 1] == ' ') out->size--;
    return buffer_puts(out, "\n", err);
}

static bool text_part(struct buffer *out, struct catalogue *catalogue, const struct part *part, struct error *err)
{
    struct cursor *row = NULL;
    bool ok = catalogue_select(catalogue, part->sql, NO_VALUES, &row, err), any = false;
    while (ok && cursor_next(row)) {
        ok = (any || buffer_printf(out, err, "%s\n", part->heading)) && text_row(out, row, err);
        any = true;
    }
    struct error ignored;
    return cursor_end(row, ok ? err : &ignored) && ok;
}

static bool status_text(struct buffer *out, struct catalogue *catalogue, struct error *err)
{
    for (size_t i = 0; i < PARTS; i++)
        if (!text_part(out, catalogue, &parts[i], err)) return false;
    return out->size > 0 || buffer_puts(out, "nothing was ever run here\n", err);
}

static bool status_json(struct buffer *out, struct catalogue *catalogue, struct error *err)
{
    struct json j;
    json_begin(&j, out);
    json_open_object(&j);
    for (size_t i = 0; i < PARTS; i++)
        if (!json_part(&j, catalogue, &parts[i], err)) return false;
    json_close(&j);
    return json_finish(&j, err) && buffer_puts(out, "\n", err);
}

/* What cron would want to know of a site: 1 while something current failed or was quarantined. */
static bool status_of_site(struct catalogue *catalogue, enum exit_status *status, struct error *err)
{
    int64_t failed = 0;
    if (!catalogue_number(catalogue,
                          "SELECT count(*) FROM instance WHERE is_current AND state IN ('failed', 'quarantined')",
                          NO_VALUES, 0, &failed, err))
        return false;
    *status = failed > 0 ? EXIT_SOME_FAILED : EXIT_ALL_DONE;
    return true;
}

bool command_status(struct settings *settings, enum exit_status *status, struct error *err)
{
    struct catalogue *catalogue = NULL;
    struct buffer out = {0};
    bool ok = catalogue_open(settings->site, CATALOGUE_READ, &catalogue, err) &&
              (settings->json ? status_json(&out, catalogue, err) : status_text(&out, catalogue, err)) &&
              command_print(&out, err) && status_of_site(catalogue, status, err);
    buffer_release(&out);
    catalogue_close(catalogue);
    return ok;
}
