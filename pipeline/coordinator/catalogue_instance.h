/* catalogue_instance.h - rows of study, series, wording, instance and voi_window
 *
 * What objects say of their study and series is kept in `wording`, a row for all that say the same; a study and a
 * series have the texts of their first object. They are taken when all objects have settled (series_take_texts), and
 * when the study is joined (study_take_texts), so they depend on the objects that are there alone: not on those that
 * were, nor on which job finished first.
 */
#ifndef SLICEPRESS_COORDINATOR_CATALOGUE_INSTANCE_H
#define SLICEPRESS_COORDINATOR_CATALOGUE_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "coordinator/catalogue.h"
#include "coordinator/catalogue_source.h"
#include "dicom/uid.h"
#include "job/job.h"
#include "job/record.h"

/* What is asked most often of a row. */
struct instance_row {
    int64_t instance_id;
    char study[UID_SIZE], series[UID_SIZE], sop[UID_SIZE];
    bool has_digest, is_current;
    struct digest digest;
    enum instance_state state;
};

/* A new row; study and series rows are made where there are none, and become pending. */
bool instance_insert(struct catalogue *catalogue, const struct record *record, const struct origin *origin,
                     int64_t bytes, enum instance_state state, int64_t *instance_id, struct error *err);
/* Other bytes at the same place, the same UIDs: the row starts anew. */
bool instance_renew(struct catalogue *catalogue, int64_t instance_id, const struct record *record,
                    const struct origin *origin, int64_t bytes, struct error *err);
/* Of the bytes that the row is of already: fills in what a former version did not note. */
bool instance_learn_wording(struct catalogue *catalogue, int64_t instance_id, const struct record *record,
                            struct error *err);
/* The same, from a row of the same bytes. */
bool instance_pass_wording(struct catalogue *catalogue, int64_t from, int64_t to, struct error *err);
bool instance_find(struct catalogue *catalogue, int64_t instance_id, struct instance_row *row, bool *found,
                   struct error *err);
bool instance_find_origin(struct catalogue *catalogue, const struct origin *origin, struct instance_row *row,
                          bool *found, struct error *err);
bool instance_set_origin(struct catalogue *catalogue, int64_t instance_id, const struct origin *origin,
                         struct error *err);
bool instance_set_state(struct catalogue *catalogue, int64_t instance_id, enum instance_state state,
                        struct error *err);
bool instance_set_digest(struct catalogue *catalogue, int64_t instance_id, const struct digest *digest,
                         int64_t bytes, struct error *err);
/* The row alone (products and windows go with it); files are the caller's. */
bool instance_delete(struct catalogue *catalogue, int64_t instance_id, struct error *err);
/* What its OBJECT job told. */
bool instance_settle(struct catalogue *catalogue, int64_t instance_id, const struct job_result *result,
                     bool is_current, struct error *err);
bool instance_put_windows(struct catalogue *catalogue, const struct instance_row *row,
                          const struct window_row *windows, size_t count, struct error *err);

/* The series, and its study, have something to do again. */
bool series_touch(struct catalogue *catalogue, const char *study, const char *series, struct error *err);
/* Rows of series and studies that lost their last instance. */
bool series_prune(struct catalogue *catalogue, const char *study, const char *series, struct error *err);
/* Texts and source_order of the first object. What no object of the series says any more goes. */
bool series_take_texts(struct catalogue *catalogue, const char *study, const char *series, struct error *err);
bool study_take_texts(struct catalogue *catalogue, const char *study, struct error *err);
/* Of the whole site: what a killed run has left. */
bool wording_drop_unused(struct catalogue *catalogue, struct error *err);
bool voi_window_insert(struct catalogue *catalogue, int64_t instance_id, const char *study, const char *series,
                       uint32_t frame, const struct window *window, const char *origin, bool valid,
                       struct error *err);

/* SQL: all that is said of the row `i` of `instance`, of its object, then of its products by name. Each line once. */
#define INSTANCE_NOTES(i) \
    "each_line_once(coalesce(" i ".notes, '') || char(10) || coalesce((SELECT group_concat(notes, char(10)) FROM" \
    " (SELECT notes FROM product WHERE instance_id = " i ".instance_id ORDER BY stage)), ''))"

#endif
