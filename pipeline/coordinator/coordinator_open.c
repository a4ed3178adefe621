/* A coordinator is made and taken apart. */
#include "coordinator_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "coordinator/catalogue_run.h"
#include "coordinator/recover.h"
#include "coordinator/site_option.h"

enum {
    WALL_SECONDS = 120
};

uint64_t coordinator_wall_ms(void)
{
    const char *const text = getenv("SLICEPRESS_JOB_SECONDS");
    const double seconds = text != NULL ? strtod(text, NULL) : 0;

    return (uint64_t)((seconds > 0 ? seconds : WALL_SECONDS) * 1000);
}

/* The memory of all processes together: fewer workers rather than workers that can do less, for what is made of a frame must
 * not depend on --jobs. */
static void share_memory(struct coordinator *c, struct settings *settings)
{
    int64_t jobs = settings->jobs;
    const int64_t most = (settings->memory_mib - SETTINGS_OWN_MIB) / SETTINGS_WORKER_MIB;

    if (jobs > most)
        jobs = most > 0 ? most : 1;
    settings->jobs = jobs;
    c->setup.memory_bytes = (uint64_t)((settings->memory_mib - SETTINGS_OWN_MIB) / jobs) << 20;
}

static bool fill_setup(struct coordinator *c, struct settings *settings, struct error *err)
{
    c->setup.site = (char *)c->root;
    c->setup.cpu_seconds = (uint32_t)(coordinator_wall_ms() / 1000 + 1);
    c->setup.file_bytes = UINT64_C(1) << 40;
    c->setup.nice_threads = (uint32_t)settings->jobs; /* one object may be all that is left to do */
    c->setup.setting_count = settings->setting_count;
    c->setup.settings = settings->stage_settings;
    share_memory(c, settings);
    return pool_find_worker(c->worker, err);
}

static bool fill_publisher(struct coordinator *c, struct error *err)
{
    c->root_descriptor = open(c->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->root_descriptor < 0)
        return error_errno(err, errno, "cannot open \"%s\"", c->root);
    c->publisher = (struct publisher){.catalogue = c->catalogue, .root = c->root,
                                      .root_descriptor = c->root_descriptor, .keep_first = c->settings->keep_first,
                                      .stages = c->table.wanted, .stage_count = c->table.wanted_count};
    return true;
}

/* Only `run` makes a site; verify looks at it as it is. */
static bool open_site(struct coordinator *c, struct error *err)
{
    struct session_wishes wishes = {.make = strcmp(c->settings->command, "run") == 0,
                                    .as_it_is = strcmp(c->settings->command, "verify") == 0};

    if (!session_open(c->root, wishes, &c->session, err))
        return false;
    c->catalogue = c->session.catalogue;
    c->site = c->session.site;
    c->offers = c->session.repaired; /* by what was killed */
    return true;
}

static bool name_work(struct coordinator *c, struct error *err)
{
    c->shelves = (struct shelves){.folder = c->staging_folder, .token = c->token};
    c->spool = (struct spool){.folder = c->spool_folder, .token = c->token};
    feed_spool_init(&c->feed_spool, c->spool_folder);
    return path_join(c->staging_folder, c->root, "work/staging", err) &&
           path_join(c->spool_folder, c->root, "work/spool", err);
}

static bool keep_options(struct coordinator *c, struct error *err)
{
    return site_options_keep(c->catalogue, &c->table.hello, err) && label_settle(c, err);
}

bool coordinator_open(struct settings *settings, struct coordinator **coordinator, struct error *err)
{
    struct coordinator *const c = memory_zeroed(sizeof *c, err);

    if (c == NULL)
        return false;
    c->settings = settings;
    c->session.lock = c->root_descriptor = -1;
    c->feed_last = &c->feeds;
    c->began_ms = progress_clock_ms();
    job_queue_init(&c->again);
    job_queue_init(&c->ready);
    (void)snprintf(c->token, sizeof c->token, "r%llx", (unsigned long long)clock_now_ns());
    bool ok = path_format(c->real_root, err, "%s", settings->site);
    c->root = c->real_root;
    if (ok && settings->dry_run) {
        ok = recover_make_copy(c->real_root, c->dry_root, err);
        c->root = c->dry_root;
    }
    /* wrong words about stages make no site */
    ok = ok && name_work(c, err) && fill_setup(c, settings, err) &&
         coordinator_make_pool(c, err) &&
         stage_table_load(settings, c->root, c->worker, &c->setup, coordinator_ask, c, &c->table, err) &&
         open_site(c, err) &&
         run_left_as_wanted(c->catalogue, c->table.digest, &c->left_as_wanted, err) &&
         (strcmp(settings->command, "verify") == 0 || keep_options(c, err)) && fill_publisher(c, err) &&
         (!c->session.repaired || coordinator_begin_run(c, err));
    if (!ok) {
        coordinator_close(c);
        return false;
    }
    stage_table_keep(&c->table, c->root);
    *coordinator = c;
    return true;
}

static void drain(struct job_queue *queue)
{
    for (struct pool_job *job; (job = job_queue_pop(queue)) != NULL;)
        job_discard(job);
}

void coordinator_close(struct coordinator *c)
{
    struct error ignored;

    if (c == NULL)
        return;
    coordinator_end_loop(c);
    drain(&c->again);
    drain(&c->ready);
    if (c->catalogue != NULL)
        index_release(c);
    feed_release_all(c);
    series_release(c);
    batch_release(&c->batch);
    batch_release(&c->publishing);
    stage_table_release(&c->table);
    shelves_release(&c->shelves);
    spool_release(&c->spool);
    feed_spool_destroy(&c->feed_spool);
    if (c->root_descriptor >= 0)
        (void)close(c->root_descriptor);
    session_close(&c->session);
    buffer_release(&c->hello);
    if (c->dry_root[0] != '\0')
        (void)path_remove_tree(c->dry_root, &ignored);
    memory_free(c);
}
