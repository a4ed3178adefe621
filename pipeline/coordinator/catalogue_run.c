#include "catalogue_run.h"

#include <stdio.h>
#include <time.h>

#include "coordinator/catalogue_source.h"

static const char *time_text(char text[32])
{
    const time_t now = time(NULL);
    struct tm parts = {0};

    (void)gmtime_r(&now, &parts);
    (void)strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

bool run_insert(struct catalogue *catalogue, const char *arguments, const char *libraries, int64_t *run_id,
                struct error *err)
{
    char now[32];

    if (!catalogue_execute(catalogue,
                           "INSERT INTO run (started, started_ns, arguments, version, libraries)"
                           " VALUES (?, ?, ?, ?, ?)",
                           VALUES(value_text(time_text(now)), value_int(clock_now_ns()), value_text(arguments),
                                  value_text(SLICEPRESS_VERSION), value_text(libraries)),
                           err))
        return false;
    *run_id = catalogue_last_id(catalogue);
    return true;
}

bool run_finish(struct catalogue *catalogue, int64_t run_id, int status, const char *summary,
                const char *wanted, struct error *err)
{
    char now[32];

    return catalogue_execute(
        catalogue,
        "UPDATE run SET ended = ?, exit_status = ?, summary = ?, wanted = ? WHERE run_id = ?",
        VALUES(value_text(time_text(now)), value_int(status), value_filled(summary),
               value_text(wanted), value_int(run_id)),
        err);
}

bool run_keep_wanted(struct catalogue *catalogue, int64_t run_id, struct error *err)
{
    return catalogue_execute(catalogue,
                             "UPDATE run SET wanted = (SELECT r.wanted FROM run r WHERE r.run_id < ?1"
                             " ORDER BY r.run_id DESC LIMIT 1) WHERE run_id = ?1",
                             VALUES(value_int(run_id)), err);
}

bool run_left_as_wanted(struct catalogue *catalogue, const char *wanted, bool *as_wanted,
                        struct error *err)
{
    int64_t same = 0;

    if (!catalogue_number(
            catalogue,
            "SELECT ended IS NOT NULL AND wanted IS ? FROM run ORDER BY run_id DESC LIMIT 1",
            VALUES(value_text(wanted)), 0, &same, err))
        return false;
    *as_wanted = same != 0;
    return true;
}

bool run_was_interrupted(struct catalogue *catalogue, bool *interrupted, struct error *err)
{
    int64_t open = 0;

    if (!catalogue_number(catalogue, "SELECT ended IS NULL FROM run ORDER BY run_id DESC LIMIT 1", NO_VALUES, 0, &open,
                          err))
        return false;
    *interrupted = open != 0;
    return true;
}

bool run_is_after_removal(struct catalogue *catalogue, bool *after, struct error *err)
{
    int64_t found = 0;

    if (!catalogue_number(catalogue,
                          "SELECT EXISTS (SELECT 1 FROM run WHERE arguments LIKE 'remove %' AND run_id >"
                          " coalesce((SELECT max(run_id) FROM run WHERE ended IS NOT NULL), 0))", NO_VALUES, 0, &found,
                          err))
        return false;
    *after = found != 0;
    return true;
}

const char *job_kind_word(enum job_kind kind)
{
    static const char *const words[] = {[JOB_INDEX] = "index", [JOB_OBJECT] = "object", [JOB_RENDER] = "render",
                                        [JOB_FEED] = "feed", [JOB_VERIFY] = "verify",
                                        [JOB_SERIES] = "series"};

    return words[kind];
}

bool attempt_insert(struct catalogue *catalogue, int64_t run_id, enum job_kind kind, const char *source,
                    const char *member, int64_t instance_id, const struct pool_failure *failure, struct error *err)
{
    return catalogue_execute(catalogue,
                             "INSERT INTO attempt (run_id, job, source, member, instance_id, exit_status, signal,"
                             " timed_out, wall_ms, peak_kib, output) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             VALUES(value_int(run_id), value_text(job_kind_word(kind)), value_text(source),
                                    value_text(member), value_id(instance_id),
                                    failure->signal == NULL ? value_int(failure->exit_status) : value_null(),
                                    value_text(failure->signal), value_int(failure->timed_out),
                                    value_int((int64_t)failure->wall_ms), value_id((int64_t)failure->peak_kib),
                                    value_filled(failure->output)),
                             err);
}
