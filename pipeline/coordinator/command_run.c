/* run and reprocess: both are a coordinator's run, with and without inputs */
#include "coordinator/command.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/log.h"
#include "coordinator/coordinator.h"
#include "coordinator/pool.h"
#include "coordinator/stage_table.h"

const char *command_uv_version(void)
{
    return uv_version_string();
}

bool command_stage_table(const struct settings *settings, struct worker_hello *hello, struct error *err)
{
    struct stage_table table;
    char root[] = "/";
    struct worker_setup setup = {.site = root, .memory_bytes = UINT64_C(1) << 30, .cpu_seconds = 60,
                                 .file_bytes = UINT64_C(1) << 30, .nice_threads = 1,
                                 .setting_count = settings->setting_count, .settings = settings->stage_settings};
    char worker[PATH_SIZE];

    if (!pool_find_worker(worker, err) || !stage_table_load(settings, NULL, worker, &setup, NULL, NULL, &table, err))
        return false;
    *hello = table.hello;
    table.hello = (struct worker_hello){0};
    stage_table_release(&table);
    return true;
}

static bool run_and_close(struct coordinator *coordinator, enum exit_status *status, struct error *err)
{
    const bool ok = coordinator_run(coordinator, err);
    struct error ignored;

    *status = coordinator_finish(coordinator, ok ? NULL : err, ok ? err : &ignored);
    coordinator_close(coordinator);
    return ok && (int)*status >= 0;
}

/* Before anything is made: a site in the folder of its own inputs would be a mess to take apart. */
static bool check_inputs(const struct settings *settings, struct error *err)
{
    struct stat site, input;

    if (stat(settings->site, &site) != 0)
        return true;
    for (size_t i = 0; i < settings->input_count; i++)
        if (strcmp(settings->inputs[i], "-") != 0 && stat(settings->inputs[i], &input) == 0 &&
            input.st_dev == site.st_dev && input.st_ino == site.st_ino)
            return error_set(err, ERROR_IO, "\"%s\" is both the site and an input: the site wants a folder of its own",
                             settings->inputs[i]);
    return true;
}

bool command_run(struct settings *settings, enum exit_status *status, struct error *err)
{
    struct coordinator *coordinator = NULL;

    return check_inputs(settings, err) && coordinator_open(settings, &coordinator, err) && run_and_close(coordinator, status, err);
}

bool command_reprocess(struct settings *settings, enum exit_status *status, struct error *err)
{
    struct coordinator *coordinator = NULL;
    int64_t marked = 0;

    if (!coordinator_open(settings, &coordinator, err))
        return false;
    if (!coordinator_mark(coordinator, &marked, err)) {
        coordinator_close(coordinator);
        return false;
    }
    return run_and_close(coordinator, status, err);
}
