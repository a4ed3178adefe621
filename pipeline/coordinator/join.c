#include "join.h"

#include <string.h>

#include "coordinator/catalogue_instance.h"

/* "objects disagree on Patient ID: A, B"; "" if they agree. */
static bool describe_patients(struct catalogue *catalogue, const char *study, struct buffer *note, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    size_t count = 0;
    bool ok = catalogue_select(catalogue,
                               "SELECT DISTINCT coalesce(patient_id, '') FROM instance WHERE study_instance_uid = ?"
                               " AND is_current = 1 ORDER BY 1",
                               VALUES(value_text(study)), &cursor, err);

    while (ok && cursor_next(cursor))
        ok = buffer_printf(note, err, "%s\"%s\"", count++ == 0 ? "objects disagree on Patient ID: " : ", ",
                           cursor_text(cursor, 0));
    if (count < 2)
        buffer_clear(note);
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

static bool put_note(struct catalogue *catalogue, const char *study, struct error *err)
{
    struct buffer note = {0};
    const bool ok = describe_patients(catalogue, study, &note, err) &&
                    catalogue_execute(catalogue, "UPDATE study SET note = ? WHERE study_instance_uid = ?",
                                      VALUES(value_filled(note.size > 0 ? buffer_text(&note) : NULL),
                                             value_text(study)),
                                      err);

    buffer_release(&note);
    return ok;
}

bool site_join(struct site_context *context, const char *study_uid, struct error *err)
{
    struct catalogue *const catalogue = site_catalogue(context);
    int64_t exists = 0;

    if (!catalogue_number(catalogue, "SELECT 1 FROM study WHERE study_instance_uid = ?",
                          VALUES(value_text(study_uid)), 0, &exists, err))
        return false;
    if (exists == 0)
        return site_drop_study(context, study_uid, err);
    return study_take_texts(catalogue, study_uid, err) && put_note(catalogue, study_uid, err) &&
           catalogue_execute(catalogue, "UPDATE study SET state = 'done' WHERE study_instance_uid = ?",
                             VALUES(value_text(study_uid)), err) &&
           site_join_study(context, study_uid, err);
}

bool site_finish(struct site_context *context, const char *nothing, struct error *err)
{
    (void)nothing;
    return site_finish_run(context, err);
}
