/* The window of a series, and which of its pictures have to be made with it; its thumbnail. In the task's thread. */
#include "coordinator_private.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "coordinator/failpoint.h"
#include "dicom/ct_presets.h"
#include "dicom/histogram.h"
#include "job/keep.h"
#include "job/layout.h"
#include "job/stage.h"

/* -- the histograms ---------------------------------------------------------------------- */

typedef bool set_function(struct histogram_set *set, const struct histogram *histogram, struct error *err);

static bool take_histogram(const struct cursor *row, struct histogram_set *set, set_function *function,
                           uint64_t *taken, struct error *err)
{
    struct histogram histogram = {0};
    size_t size = 0;
    const void *const blob = cursor_blob(row, 1, &size);
    const bool ok = keep_parse_histogram(blob, size, &histogram, err) && function(set, &histogram, err);

    *taken += ok ? 1 : 0;
    histogram_release(&histogram);
    return ok;
}

static bool each_histogram(const struct open_series *series, struct histogram_set *set, set_function *function,
                           uint64_t *taken, uint64_t *damaged, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(series->coordinator->catalogue,
                               "SELECT sop_instance_uid, histogram FROM instance LEFT JOIN keep USING (instance_id)"
                               " WHERE study_instance_uid = ? AND series_instance_uid = ? AND is_current = 1"
                               " AND state = 'done' AND needs_window = 1 AND has_histogram = 1",
                               VALUES(value_text(series->study), value_text(series->series)), &cursor, err);

    while (ok && cursor_next(cursor)) {
        ok = take_histogram(cursor, set, function, taken, err);
        if (!ok && err->kind == ERROR_CORRUPT) {
            if ((*damaged)++ == 0)
                coordinator_report("keep_damaged", "catalogue.sqlite", cursor_text(cursor, 0),
                                   error_kind_word(err->kind), err->text);
            *err = (struct error){0};
            ok = true;
        }
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

/* The one that the pictures were made with. */
static bool former_window(struct open_series *series, bool *computed, struct error *err)
{
    struct cursor *cursor = NULL;

    if (!catalogue_select(series->coordinator->catalogue,
                          "SELECT center, width, function FROM voi_window WHERE study_instance_uid = ?"
                          " AND series_instance_uid = ? AND instance_id IS NULL AND origin = 'computed'",
                          VALUES(value_text(series->study), value_text(series->series)), &cursor, err))
        return false;
    if (cursor_next(cursor)) {
        const char *const function = cursor_text(cursor, 2);

        series->window = (struct window){.center = cursor_real(cursor, 0), .width = cursor_real(cursor, 1),
                                         .function = strcmp(function, "SIGMOID") == 0        ? VOI_SIGMOID
                                                     : strcmp(function, "LINEAR_EXACT") == 0 ? VOI_LINEAR_EXACT
                                                                                             : VOI_LINEAR};
        *computed = true;
    }
    return cursor_end(cursor, err);
}

/* *computed false: nothing but padding. */
static bool compute_window(struct open_series *series, bool *computed, struct error *err)
{
    struct histogram_set *set = NULL;
    uint64_t taken = 0, damaged = 0;
    bool ok = histogram_set_new(&set, err) &&
              each_histogram(series, set, histogram_set_extent, &taken, &damaged, err) &&
              each_histogram(series, set, histogram_set_add, &taken, &damaged, err);

    *computed = false;
    if (ok && damaged > 0) /* a window of the rest would be another one */
        ok = former_window(series, computed, err);
    if (ok && !*computed && taken > 0) {
        struct error why = {0};

        *computed = histogram_set_window(set, &series->window, &why);
        if (!*computed && why.kind != ERROR_NO_IMAGE) {
            *err = why;
            ok = false;
        }
    }
    histogram_set_free(set);
    return ok;
}

static bool wants_window(const struct open_series *series, bool *wanted, struct error *err)
{
    int64_t count = 0;

    if (!catalogue_number(series->coordinator->catalogue,
                          "SELECT count(*) FROM instance WHERE study_instance_uid = ? AND series_instance_uid = ?"
                          " AND state = 'done' AND needs_window = 1",
                          VALUES(value_text(series->study), value_text(series->series)), 0, &count, err))
        return false;
    *wanted = count > 0;
    return true;
}

static bool find_window(struct open_series *series, bool *computed, struct error *err)
{
    bool wanted = false;

    *computed = false;
    if (!wants_window(series, &wanted, err))
        return false;
    if (!wanted)
        return true;
    if (!compute_window(series, computed, err))
        return false;
    if (!*computed) /* any window shows padding as background */
        series->window = (struct window){.center = 0.5, .width = 1, .function = VOI_LINEAR};
    series->has_window = true;
    return window_digest(&series->window, &series->window_digest, err);
}

/* -- presets ----------------------------------------------------------------------------- */

/* Hounsfield windows make sense where the series is a CT whose rescale gives Hounsfield units. */
static bool put_presets(struct catalogue *catalogue, const char *study, const char *series, struct error *err)
{
    int64_t count = 0;
    bool ok = catalogue_number(catalogue,
                               "SELECT count(*) FROM series s JOIN instance i USING (study_instance_uid,"
                               " series_instance_uid) WHERE s.study_instance_uid = ? AND s.series_instance_uid = ?"
                               " AND s.modality = 'CT' AND i.is_current = 1 AND i.state = 'done'"
                               " AND i.rescale_intercept IS NOT NULL AND coalesce(i.rescale_type, 'HU') = 'HU'"
                               " AND coalesce(i.samples_per_pixel, 1) = 1",
                               VALUES(value_text(study), value_text(series)), 0, &count, err);

    for (const struct ct_preset *preset = ct_presets; ok && count > 0 && preset->name != NULL; preset++) {
        struct window window = {.center = preset->center, .width = preset->width, .function = VOI_LINEAR};

        (void)snprintf(window.explanation, sizeof window.explanation, "%s", preset->title);
        ok = voi_window_insert(catalogue, 0, study, series, 0, &window, "preset", true, err);
    }
    return ok;
}

/* -- rows -------------------------------------------------------------------------------- */

static bool put_series_windows(const struct open_series *series, bool computed, struct error *err)
{
    struct catalogue *const catalogue = series->coordinator->catalogue;
    bool ok = catalogue_execute(catalogue,
                                "DELETE FROM voi_window WHERE study_instance_uid = ? AND series_instance_uid = ?"
                                " AND instance_id IS NULL",
                                VALUES(value_text(series->study), value_text(series->series)), err);

    if (ok && computed)
        ok = voi_window_insert(catalogue, 0, series->study, series->series, 0, &series->window, "computed", true, err);
    return ok && put_presets(catalogue, series->study, series->series, err);
}

/* Pictures whose window is another one now are to be made again. */
static bool mark_pictures(const struct open_series *series, const char *input, int64_t instance_id, struct error *err)
{
    const struct coordinator *const c = series->coordinator;
    bool ok = true;

    for (size_t i = 0; ok && i < c->table.wanted_count; i++)
        if (c->table.wanted[i].scope == SCOPE_INSTANCE && (c->table.wanted[i].needs & NEEDS_PICTURE) != 0)
            ok = catalogue_execute(c->catalogue,
                                   "UPDATE product SET state = 'pending' WHERE instance_id = ? AND stage = ?"
                                   " AND state IN ('done', 'failed') AND input_digest <> ?",
                                   VALUES(value_int(instance_id), value_text(c->table.wanted[i].name),
                                          value_text(input)),
                                   err);
    return ok;
}

static bool mark_all_pictures(const struct open_series *series, struct error *err)
{
    const struct coordinator *const c = series->coordinator;
    struct cursor *cursor = NULL;
    struct error ignored;
    char input[DIGEST_HEX_SIZE];
    bool ok = catalogue_select(c->catalogue,
                               "SELECT instance_id, source_digest FROM instance WHERE study_instance_uid = ?"
                               " AND series_instance_uid = ? AND state = 'done' AND needs_window = 1",
                               VALUES(value_text(series->study), value_text(series->series)), &cursor, err);

    while (ok && cursor_next(cursor)) {
        struct digest source;

        if (digest_parse(cursor_text(cursor, 1), &source))
            ok = plan_input_digest(&source, &series->window_digest, input, err) &&
                 mark_pictures(series, input, cursor_int(cursor, 0), err);
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

static bool put_rows(struct open_series *series, bool computed, struct error *err)
{
    struct catalogue *const catalogue = series->coordinator->catalogue;
    char hex[DIGEST_HEX_SIZE] = "";

    if (series->has_window)
        digest_hex(&series->window_digest, hex);
    return series_take_texts(catalogue, series->study, series->series, err) && geometry_settle(series, err) &&
           slide_settle(series, err) && put_series_windows(series, computed, err) &&
           catalogue_execute(catalogue,
                             "UPDATE series SET window_digest = ? WHERE study_instance_uid = ?"
                             " AND series_instance_uid = ?",
                             VALUES(value_filled(hex), value_text(series->study), value_text(series->series)), err) &&
           (!series->has_window || mark_all_pictures(series, err)) &&
           catalogue_number(catalogue,
                            "SELECT count(DISTINCT p.instance_id) FROM product p JOIN instance i USING (instance_id)"
                            " WHERE p.study_instance_uid = ? AND p.series_instance_uid = ? AND p.state = 'pending'"
                            " AND i.state = 'done' AND instr(',' || ? || ',', ',' || p.stage || ',') > 0",
                            VALUES(value_text(series->study), value_text(series->series),
                                   value_text(series->coordinator->table.of_instances)),
                            0, &series->renders, err);
}

static bool in_transaction(struct open_series *series, bool computed,
                           bool (*function)(struct open_series *, bool, struct error *), struct error *err)
{
    struct catalogue *const catalogue = series->coordinator->catalogue;

    if (!catalogue_begin(catalogue, err))
        return false;
    if (!function(series, computed, err)) {
        catalogue_rollback(catalogue);
        return false;
    }
    FAILPOINT("series:before-commit");
    const bool ok = catalogue_commit(catalogue, err);
    FAILPOINT("series:after-commit");
    return ok;
}

bool window_work(void *data, struct error *err)
{
    struct open_series *const series = data;
    bool computed = false;

    return find_window(series, &computed, err) && in_transaction(series, computed, put_rows, err) &&
           volume_make_job(series, computed, err);
}

/* -- closing ----------------------------------------------------------------------------- */

struct slices { int64_t *ids, *information; size_t count, id_capacity, information_capacity; };

static bool add_slice(struct slices *slices, int64_t id, int64_t information, struct error *err)
{
    void *ids = slices->ids, *values = slices->information;

    if (!memory_grow(&ids, &slices->id_capacity, slices->count + 1, sizeof *slices->ids, err))
        return false;
    slices->ids = ids;
    if (!memory_grow(&values, &slices->information_capacity, slices->count + 1, sizeof *slices->information, err))
        return false;
    slices->information = values;
    slices->ids[slices->count] = id;
    slices->information[slices->count++] = information;
    return true;
}

/* Instances that have a thumbnail, in instance order. */
static bool list_slices(const struct open_series *series, struct slices *slices, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(
        series->coordinator->catalogue,
        "SELECT i.instance_id, i.information FROM instance i WHERE i.study_instance_uid = ?"
        " AND i.series_instance_uid = ? AND i.is_current = 1 AND i.state = 'done' AND EXISTS (SELECT 1 FROM artefact a"
        " WHERE a.instance_id = i.instance_id AND a.place = ?)"
        " ORDER BY i.instance_number IS NULL, i.instance_number, i.sop_instance_uid",
        VALUES(value_text(series->study), value_text(series->series), value_int(PLACE_THUMBNAIL)), &cursor, err);

    while (ok && cursor_next(cursor))
        ok = add_slice(slices, cursor_int(cursor, 0), cursor_int(cursor, 1), err);
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

/* Without slices, or without a pyramid, there is nothing left to show of them. */
static bool forget_series(struct open_series *series, struct error *err)
{
    struct coordinator *const c = series->coordinator;
    const bool nothing = series->members == 0;
    struct leftovers leftovers = {0};
    bool ok = !nothing || publish_forget_series(&c->publisher, series->study, series->series, NULL, &leftovers, err);

    for (size_t i = 0; ok && !nothing && series->pyramids == 0 && i < c->table.wanted_count; i++)
        if ((c->table.wanted[i].needs & NEEDS_SLIDE) != 0)
            ok = publish_forget_series(&c->publisher, series->study, series->series, c->table.wanted[i].name, &leftovers,
                                       err);
    ok = ok && leftovers_settle(&leftovers, c->catalogue, err); /* all of them are named by digests */
    leftovers_release(&leftovers);
    return ok;
}

static bool close_rows(struct open_series *series, bool computed, struct error *err)
{
    struct catalogue *const catalogue = series->coordinator->catalogue;
    struct slices slices = {0};
    bool ok = list_slices(series, &slices, err);
    const int64_t chosen = ok && slices.count > 0 ? slices.ids[plan_thumbnail(slices.information, slices.count)] : 0;

    (void)computed;
    memory_free(slices.ids);
    memory_free(slices.information);
    return ok && forget_series(series, err) &&
           catalogue_execute(catalogue,
                             "UPDATE series SET state = 'done', thumbnail_instance_id = ?"
                             " WHERE study_instance_uid = ? AND series_instance_uid = ?",
                             VALUES(value_id(chosen), value_text(series->study), value_text(series->series)), err) &&
           series_prune(catalogue, series->study, series->series, err);
}

bool close_work(void *data, struct error *err)
{
    return in_transaction(data, false, close_rows, err) && volume_drop_kept(data, err);
}
