/* Slides' labels when dicomweb.labels is another than in the last run: they go from the site at once, or are read again. */
#include "coordinator_private.h"

#include "coordinator/site_option.h"

/* As record_shows_label says it. */
#define SHOWS_LABEL \
    "(specimen_label_in_image = 'YES' OR image_type GLOB '*\\*\\LABEL' OR image_type GLOB '*\\*\\LABEL\\*')"
#define IS_WITHHELD "(state = 'skipped' AND reason = 'withheld')"
#define OF_LABELS " WHERE instance_id IN (SELECT instance_id FROM instance WHERE " SHOWS_LABEL ")"
#define OF_SERIES_WITH(which) \
    " WHERE EXISTS (SELECT 1 FROM instance i WHERE " which " AND i.study_instance_uid = series.study_instance_uid" \
    " AND i.series_instance_uid = series.series_instance_uid)"

static bool count_labels(struct coordinator *c, int64_t *published, int64_t *withheld, struct error *err)
{
    return catalogue_number(c->catalogue, "SELECT count(*) FROM instance WHERE " SHOWS_LABEL " AND NOT " IS_WITHHELD,
                            NO_VALUES, 0, published, err) &&
           catalogue_number(c->catalogue, "SELECT count(*) FROM instance WHERE " IS_WITHHELD, NO_VALUES, 0, withheld, err);
}

/* Their files are no one's, not even garbage's: that would stay for a day. */
static bool list_files(struct coordinator *c, struct leftovers *leftovers, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(c->catalogue,
                               "SELECT path FROM artefact" OF_LABELS, NO_VALUES, &cursor, err);

    while (ok && cursor_next(cursor))
        ok = leftovers_add(leftovers, cursor_text(cursor, 0), false, err);
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

static bool execute(struct coordinator *c, const char *sql, struct error *err)
{
    return catalogue_execute(c->catalogue, sql, NO_VALUES, err);
}

/* As if they had never been anything else. */
static bool withhold(struct coordinator *c, struct error *err)
{
    return execute(c, "DELETE FROM artefact" OF_LABELS, err) && execute(c, "DELETE FROM keep" OF_LABELS, err) &&
           execute(c, "DELETE FROM voi_window" OF_LABELS, err) &&
           execute(c, "UPDATE product SET state = 'skipped', reason = 'withheld', notes = NULL" OF_LABELS, err) &&
           execute(c, "UPDATE series SET state = 'pending'" OF_SERIES_WITH(SHOWS_LABEL), err) &&
           catalogue_execute(c->catalogue,
                             "UPDATE instance SET state = 'skipped', reason = 'withheld', detail = ?, notes = NULL,"
                             " frames = 0, needs_window = 0, has_histogram = 0, information = NULL WHERE " SHOWS_LABEL
                             " AND state <> 'pending'", VALUES(value_text(RECORD_WITHHELD)), err);
}

static bool publish(struct coordinator *c, struct error *err)
{
    return execute(c, "UPDATE series SET state = 'pending'" OF_SERIES_WITH(IS_WITHHELD), err) &&
           execute(c, "UPDATE instance SET state = 'pending' WHERE " IS_WITHHELD, err);
}

static bool change_rows(struct coordinator *c, bool published, struct leftovers *leftovers, struct error *err)
{
    if (!catalogue_begin(c->catalogue, err))
        return false;
    if (!(published ? publish(c, err) : list_files(c, leftovers, err) && withhold(c, err)) ||
        !execute(c, "UPDATE study SET state = 'pending' WHERE EXISTS (SELECT 1 FROM series s WHERE"
                    " s.study_instance_uid = study.study_instance_uid AND s.state = 'pending')", err)) {
        catalogue_rollback(c->catalogue);
        return false;
    }
    return catalogue_commit(c->catalogue, err);
}

/* A run of its own from here: what a kill leaves is repaired by the next one. */
static bool change(struct coordinator *c, bool published, struct error *err)
{
    struct leftovers leftovers = {0};
    const bool ok = coordinator_begin_run(c, err) && change_rows(c, published, &leftovers, err) &&
                    leftovers_remove(&leftovers, c->root, err);

    leftovers_release(&leftovers);
    return ok;
}

bool label_settle(struct coordinator *c, struct error *err)
{
    struct site_options options;
    int64_t published = 0, withheld = 0;

    if (!site_options_read(c->catalogue, &options, err) || !count_labels(c, &published, &withheld, err))
        return false;
    c->with_labels = options.labels;
    return (options.labels ? withheld : published) == 0 || change(c, options.labels, err);
}
