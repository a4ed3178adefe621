/* What is to be made again: products that are not those that are wanted now, failures of another worker, and what
 * reprocess asks for. A product with empty options_digest is nobody's: out of date. */
#include "coordinator_private.h"

#include "job/stage.h"

/* -- what has changed -------------------------------------------------------------------- */

/* Of stages that are not wanted nothing is made, and what is published of them stays as it is told. */
#define FAILED "state = 'failed' AND instr(',' || ?1 || ',', ',' || stage || ',') > 0"
#define FAILED_BY_IO FAILED " AND reason = 'io'"
#define FAULTY_SOURCES "FROM rejected WHERE reason NOT IN ('ignored', 'duplicate', 'removed', 'not_dicom')"

static bool is_another_worker(struct coordinator *c, int64_t *found, struct error *err)
{
    return catalogue_number(c->catalogue,
                            "SELECT (SELECT libraries FROM run WHERE ended IS NOT NULL AND libraries IS NOT NULL"
                            " ORDER BY run_id DESC LIMIT 1) <> ?2 AND (EXISTS (SELECT 1 FROM product WHERE " FAILED ")"
                            " OR EXISTS (SELECT 1 " FAULTY_SOURCES "))",
                            VALUES(value_text(c->table.all), value_text(c->table.libraries)), 0, found, err);
}

static bool is_any_io(struct coordinator *c, int64_t *found, struct error *err)
{
    return catalogue_number(c->catalogue,
                            "SELECT EXISTS (SELECT 1 FROM product WHERE " FAILED_BY_IO ")"
                            " OR EXISTS (SELECT 1 FROM rejected WHERE reason = 'io')", VALUES(value_text(c->table.all)), 0,
                            found, err);
}

static bool mark_io(struct coordinator *c, struct error *err)
{
    return catalogue_execute(c->catalogue, "UPDATE product SET options_digest = '' WHERE " FAILED_BY_IO,
                             VALUES(value_text(c->table.all)), err) &&
           catalogue_execute(c->catalogue,
                             "UPDATE source_file SET read_ns = 0 WHERE path IN (SELECT source FROM rejected"
                             " WHERE reason = 'io')", NO_VALUES, err);
}

static bool mark_all(struct coordinator *c, struct error *err)
{
    return catalogue_execute(c->catalogue, "UPDATE product SET options_digest = '' WHERE " FAILED,
                             VALUES(value_text(c->table.all)), err) &&
           catalogue_execute(c->catalogue,
                             "UPDATE source_file SET read_ns = 0 WHERE path IN (SELECT source " FAULTY_SOURCES ")",
                             NO_VALUES, err);
}

/* Failures are tried again when the worker or one of its libraries is another one; those of a disk (it was full, it was
 * away) always. */
static bool mark_failures(struct coordinator *c, struct error *err)
{
    int64_t all = 0, io = 0;

    if (!is_another_worker(c, &all, err) || !is_any_io(c, &io, err))
        return false;
    c->left_as_wanted = c->left_as_wanted && all == 0 && io == 0;
    if (all == 0 && io == 0)
        return true;
    return coordinator_begin_run(c, err) && (io == 0 || mark_io(c, err)) &&
           (all == 0 || mark_all(c, err));
}

bool coordinator_mark_failures(struct coordinator *c, struct error *err)
{
    if (!catalogue_begin(c->catalogue, err))
        return false;
    if (mark_failures(c, err))
        return catalogue_commit(c->catalogue, err);
    catalogue_rollback(c->catalogue);
    return false;
}

/* Products that are as they are wanted now: one pass over the whole site at every start, so it is one. */
#define WANTED_PRODUCTS(id) \
    "(SELECT count(*) FROM product p WHERE p.instance_id = " id \
    " AND instr(?1, ',' || p.stage || ' ' || p.stage_version || ' ' || p.options_digest || ',') > 0)"

/* ",codestream 2 DIGEST,webp 1 DIGEST,": those of instances, and how many they are */
static bool tell_wanted(const struct stage_table *table, struct buffer *text, int64_t *count, struct error *err)
{
    bool ok = buffer_puts(text, ",", err);

    for (size_t i = 0; ok && i < table->wanted_count; i++)
        if (table->wanted[i].scope == SCOPE_INSTANCE) {
            ok = buffer_printf(text, err, "%s %u %s,", table->wanted[i].name, table->wanted[i].version,
                               table->wanted[i].options_digest);
            ++*count;
        }
    return ok;
}

#define OUTDATED_INSTANCES(id) \
    "state IN ('done', 'failed', 'quarantined', 'skipped') AND " WANTED_PRODUCTS(id) " < ?2"

static bool any_instance(struct coordinator *c, const char *wanted, int64_t count, int64_t *any,
                         struct error *err)
{
    const struct value values[] = {value_text(wanted), value_int(count)};

    return catalogue_number(
        c->catalogue,
        "SELECT 1 FROM instance i WHERE " OUTDATED_INSTANCES("i.instance_id") " LIMIT 1", values, 2,
        0, any, err);
}

/* *total: instances that became pending. */
static bool mark_instances(struct coordinator *c, const char *wanted, int64_t count, int64_t *total, struct error *err)
{
    const struct value values[] = {value_text(wanted), value_int(count)};
    int64_t outdated = 0;

    *total = 0;
    if (!any_instance(c, wanted, count, &outdated, err))
        return false;
    if (outdated == 0)
        return true;
    if (!coordinator_begin_run(c, err) ||
        !catalogue_execute(c->catalogue,
                           "UPDATE instance SET state = 'pending' WHERE " OUTDATED_INSTANCES(
                               "instance.instance_id"),
                           values, 2, err))
        return false;
    *total = catalogue_changes(c->catalogue);
    return true;
}

/* Of members of archives without random access: what is to be made again is made of the archive, where that is still
 * offered. */
#define OUTDATED_ARCHIVES \
    "(SELECT i.source FROM instance i WHERE i.source <> '-' AND " SOURCE_IS_FED("i") \
    " AND " WANTED_PRODUCTS("i.instance_id") " < ?2)"

static bool offer_archives(struct coordinator *c, const char *wanted, int64_t count, int64_t read_ns, struct error *err)
{
    const struct value values[] = {value_text(wanted), value_int(count), value_int(read_ns)};
    int64_t any = 0;

    return catalogue_number(c->catalogue,
                            "SELECT 1 FROM source_file WHERE read_ns > 0 AND path IN " OUTDATED_ARCHIVES " LIMIT 1",
                            values, 2, 0, &any, err) &&
           (any == 0 || (coordinator_begin_run(c, err) &&
                         catalogue_execute(c->catalogue, "UPDATE source_file SET read_ns = ?3 WHERE read_ns > 0"
                                                         " AND path IN " OUTDATED_ARCHIVES, values, 3, err)));
}

bool coordinator_offer_archives(struct coordinator *c, int64_t read_ns, struct error *err)
{
    struct buffer wanted = {0};
    int64_t count = 0;
    const bool ok = c->left_as_wanted || (tell_wanted(&c->table, &wanted, &count, err) &&
                                          offer_archives(c, buffer_text(&wanted), count, read_ns, err));

    buffer_release(&wanted);
    return ok;
}

#define OUTDATED_SERIES(table) \
    "series.state = 'done' AND EXISTS (SELECT 1 FROM " table " v WHERE v.study_instance_uid = series.study_instance_uid" \
    " AND v.series_instance_uid = series.series_instance_uid) AND NOT EXISTS (SELECT 1 FROM product p" \
    " WHERE p.study_instance_uid = series.study_instance_uid AND p.series_instance_uid = series.series_instance_uid" \
    " AND p.instance_id IS NULL AND p.stage = ?1 AND p.stage_version = ?2 AND p.options_digest = ?3)"

#define USABLE_PYRAMIDS "(SELECT * FROM slide_pyramid WHERE levels > 0)"

static const struct outdated { const char *find, *mark; }
    outdated_volumes = {"SELECT 1 FROM series WHERE " OUTDATED_SERIES("volume") " LIMIT 1",
                        "UPDATE series SET state = 'pending' WHERE " OUTDATED_SERIES("volume")},
    outdated_slides = {"SELECT 1 FROM series WHERE " OUTDATED_SERIES(USABLE_PYRAMIDS) " LIMIT 1",
                       "UPDATE series SET state = 'pending' WHERE " OUTDATED_SERIES(USABLE_PYRAMIDS)};

static const struct outdated *outdated_of(const struct wanted_stage *stage)
{
    return stage->needs & NEEDS_SLIDE ? &outdated_slides : &outdated_volumes;
}

static bool any_series(struct coordinator *c, const struct wanted_stage *stage, int64_t *any, struct error *err)
{
    return catalogue_number(c->catalogue, outdated_of(stage)->find,
                            VALUES(value_text(stage->name), value_int(stage->version),
                                   value_text(stage->options_digest)), 0, any, err);
}

/* Series with slices or tiles that have no such product of their own. Whether it is of those that are there now is asked
 * when the series is opened. */
static bool mark_series(struct coordinator *c, const struct wanted_stage *stage, int64_t *total, struct error *err)
{
    const struct value values[] = {value_text(stage->name), value_int(stage->version), value_text(stage->options_digest)};
    int64_t outdated = 0;

    if (!any_series(c, stage, &outdated, err))
        return false;
    if (outdated == 0)
        return true;
    if (!coordinator_begin_run(c, err) ||
        !catalogue_execute(c->catalogue, outdated_of(stage)->mark, values, 3, err))
        return false;
    *total += catalogue_changes(c->catalogue);
    return true;
}

static bool mark_all_series(struct coordinator *c, int64_t *total, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < c->table.wanted_count; i++)
        ok = c->table.wanted[i].scope != SCOPE_SERIES || mark_series(c, &c->table.wanted[i], total, err);
    return ok;
}

static bool mark_outdated(struct coordinator *c, struct error *err)
{
    struct buffer wanted = {0};
    int64_t count = 0, total = 0;
    const bool ok = tell_wanted(&c->table, &wanted, &count, err) &&
                    mark_instances(c, buffer_text(&wanted), count, &total, err) &&
                    mark_all_series(c, &total, err);

    buffer_release(&wanted);
    if (!ok)
        return false;
    return total == 0 ||
           (catalogue_execute(c->catalogue,
                              "UPDATE series SET state = 'pending' WHERE EXISTS (SELECT 1 FROM instance i WHERE"
                              " i.study_instance_uid = series.study_instance_uid AND i.series_instance_uid ="
                              " series.series_instance_uid AND i.state = 'pending'"
                              " AND i.state IN ('pending', 'running'))", NO_VALUES, err) &&
            catalogue_execute(c->catalogue,
                              "UPDATE study SET state = 'pending' WHERE EXISTS (SELECT 1 FROM series s WHERE"
                              " s.study_instance_uid = study.study_instance_uid AND s.state = 'pending')",
                              NO_VALUES, err));
}

/* Instances and series of the whole site whose products are not those that are wanted now. They are
 * all looked at only where the run before may have left some: a site of many studies has a new one
 * every few minutes. */
bool coordinator_mark_outdated(struct coordinator *c, struct error *err)
{
    if (!catalogue_begin(c->catalogue, err))
        return false;
    if (!c->left_as_wanted && !mark_outdated(c, err)) {
        catalogue_rollback(c->catalogue);
        return false;
    }
    c->has_marked = true;
    return catalogue_commit(c->catalogue, err);
}

static bool any_outdated(struct coordinator *c, int64_t *any, struct error *err)
{
    struct buffer wanted = {0};
    int64_t count = 0;
    bool ok = tell_wanted(&c->table, &wanted, &count, err) &&
              any_instance(c, buffer_text(&wanted), count, any, err);

    for (size_t i = 0; ok && *any == 0 && i < c->table.wanted_count; i++)
        ok = c->table.wanted[i].scope != SCOPE_SERIES ||
             any_series(c, &c->table.wanted[i], any, err);
    buffer_release(&wanted);
    return ok;
}

bool coordinator_is_as_wanted(struct coordinator *c, bool *as_wanted, struct error *err)
{
    int64_t outdated = 0;

    if (!catalogue_number(c->catalogue, "SELECT 1 FROM product WHERE options_digest = '' LIMIT 1", NO_VALUES, 0, &outdated,
                          err))
        return false;
    if (outdated == 0 && c->has_marked && c->met_fault && !any_outdated(c, &outdated, err))
        return false;
    *as_wanted = c->has_marked && outdated == 0;
    return true;
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
        " AND instr(',' || ?5 || ',', ',' || stage || ',') > 0",
        VALUES(value_text(s->study), value_text(s->series), value_text(s->stage), value_int(s->failed),
               value_text(c->table.all)),
        err);

    *marked = catalogue_changes(c->catalogue);
    if (!ok || !s->failed)
        return ok;
    /* rejected files that were faulty are read again, where they are still offered */
    return catalogue_execute(c->catalogue,
                             "UPDATE source_file SET read_ns = 0 WHERE path IN (SELECT source " FAULTY_SOURCES ")",
                             NO_VALUES, err);
}

/* A word that names nothing is a mistake, not "nothing to do". */
static bool check_asked(struct coordinator *c, struct error *err)
{
    const struct settings *const s = c->settings;
    int64_t found = 0;

    if (s->stage != NULL && !stage_table_wants(&c->table, s->stage))
        return error_set(err, ERROR_USAGE, "there is no stage \"%s\" among %s: see slicepress stages", s->stage,
                         c->table.all);
    if (s->study == NULL && s->series == NULL)
        return true;
    if (!catalogue_number(c->catalogue,
                          "SELECT 1 FROM series WHERE (?1 IS NULL OR study_instance_uid = ?1)"
                          " AND (?2 IS NULL OR series_instance_uid = ?2) LIMIT 1",
                          VALUES(value_text(s->study), value_text(s->series)), 0, &found, err))
        return false;
    return found != 0 || error_set(err, ERROR_IO, "the site has no %s \"%s\"", s->series != NULL ? "series" : "study",
                                   s->series != NULL ? s->series : s->study);
}

bool coordinator_mark(struct coordinator *c, int64_t *marked, struct error *err)
{
    if (!check_asked(c, err) || !catalogue_begin(c->catalogue, err))
        return false;
    c->left_as_wanted = false;
    if (!mark_products(c, marked, err) || (*marked > 0 && !coordinator_begin_run(c, err)) ||
        !coordinator_offer_archives(c, 0, err)) {
        catalogue_rollback(c->catalogue);
        return false;
    }
    return catalogue_commit(c->catalogue, err);
}
