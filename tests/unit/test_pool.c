/* links: base dicom job coordinator */
#include "coordinator/pool.h"

#include "base/memory.h"
#include "tests/support/test.h"

/* A client that hands out a list of paths as OBJECT jobs and notes what became of each. */
struct client {
    uv_loop_t loop;
    struct pool *pool;
    struct worker_setup setup;
    const char *paths[16];
    size_t count, next;
    struct pool_job *again; /* a list */
    size_t out;             /* with the pool */
    unsigned results, indexed, backs, broken;
    struct { char path[64]; enum error_kind kind; char signal[16]; uint64_t wall_ms; char output[200]; } lost[16];
    size_t lost_count;
    bool retry, stop_after_first;
    const char *late; /* a path that comes when all others are done and the idle workers were dismissed */
    struct error err;
};

static struct pool_job *make_job(const char *path, enum job_kind kind)
{
    struct error err;
    struct pool_job *const job = pool_job_new(kind, &err);

    job->job.sources = memory_zeroed(sizeof *job->job.sources, &err);
    job->job.source_count = 1;
    job->job.sources->kind = SOURCE_FILE;
    job->job.sources->path = memory_string(path, &err);
    job->job.stages = memory_string("fake", &err);
    snprintf(job->job.staging, sizeof job->job.staging, "word");
    return job;
}

static struct pool_job *on_next(void *data)
{
    struct client *const client = data;
    struct pool_job *const again = client->again;

    if (again != NULL) {
        client->again = again->next;
        client->out++;
        return again;
    }
    if (client->next == client->count)
        return NULL;
    client->out++;
    const char *const path = client->paths[client->next++];
    return make_job(path, strstr(path, "index") != NULL ? JOB_INDEX : JOB_OBJECT);
}

static void stop_if_over(struct client *client)
{
    if (client->late != NULL && client->next == client->count && client->out == 0) {
        pool_dismiss_idle(client->pool);
        client->paths[client->count++] = client->late;
        client->late = NULL;
        return;
    }
    if ((client->next == client->count && client->again == NULL && client->out == 0) ||
        client->stop_after_first)
        pool_stop(client->pool, false);
}

static void on_result(void *data, struct pool_job *job, struct job_result *result)
{
    struct client *const client = data;

    client->results++;
    client->out--;
    job_result_release(result);
    pool_job_free(job);
    stop_if_over(client);
}

static void on_indexed(void *data, struct pool_job *job, struct index_result *result)
{
    (void)job;
    ((struct client *)data)->indexed++;
    index_result_release(result);
}

static void on_lost(void *data, struct pool_job *job, const struct pool_failure *failure)
{
    struct client *const client = data;
    const size_t at = client->lost_count++;

    client->out--;
    snprintf(client->lost[at].path, 64, "%s", job->job.sources[0].path);
    client->lost[at].kind = failure->kind;
    snprintf(client->lost[at].signal, 16, "%s", failure->signal != NULL ? failure->signal : "");
    client->lost[at].wall_ms = failure->wall_ms;
    snprintf(client->lost[at].output, 200, "%s", failure->output);
    if (client->retry && job->attempts < 2) {
        job->alone = true;
        job->next = client->again;
        client->again = job;
        return;
    }
    pool_job_free(job);
    stop_if_over(client);
}

static void on_back(void *data, struct pool_job *job)
{
    struct client *const client = data;

    client->backs++;
    client->out--;
    if (client->stop_after_first || client->broken > 0) {
        pool_job_free(job);
        return;
    }
    job->next = client->again;
    client->again = job;
}

static void on_broken(void *data, const struct error *err)
{
    struct client *const client = data;

    client->broken++;
    client->err = *err;
}

static void run(struct client *client, unsigned workers, uint64_t wall_ms, unsigned retire_after)
{
    static char site[] = "/tmp";
    char worker[PATH_SIZE];
    struct error err;
    const struct pool_callbacks callbacks = {.client = client, .next = on_next, .indexed = on_indexed,
                                             .result = on_result, .lost = on_lost, .back = on_back,
                                             .broken = on_broken};

    snprintf(worker, sizeof worker, "%s/support/fake_worker", test_environment("SLICEPRESS_BUILD"));
    client->setup = (struct worker_setup){.site = site, .memory_bytes = 1 << 28, .cpu_seconds = 10,
                                          .file_bytes = 1 << 28, .nice_threads = 1};
    const struct pool_options options = {worker, &client->setup, workers, wall_ms, retire_after};
    CHECK_EQ_INT(uv_loop_init(&client->loop), 0);
    CHECK_OK(pool_new(&client->loop, &options, &callbacks, &client->pool, &err), err);
    pool_wake(client->pool);
    CHECK_EQ_INT(uv_run(&client->loop, UV_RUN_DEFAULT), 0);
    CHECK(pool_is_idle(client->pool));
    pool_free(client->pool);
    CHECK_EQ_INT(uv_run(&client->loop, UV_RUN_DEFAULT), 0);
    CHECK_EQ_INT(uv_loop_close(&client->loop), 0);
}

static void add(struct client *client, const char *path)
{
    client->paths[client->count++] = path;
}

TEST(test_pool__all_jobs_are_answered)
{
    struct client client = {0};
    static const char *const paths[] = {"/1", "/2", "/3", "/4", "/5", "/6", "/7"};

    for (size_t i = 0; i < 7; i++)
        add(&client, paths[i]);
    run(&client, 2, 10000, 100);
    CHECK_EQ_INT(client.results, 7);
    CHECK_EQ_INT(client.lost_count, 0);
}

TEST(test_pool__workers_retire_and_others_take_over)
{
    struct client client = {0};
    static const char *const paths[] = {"/1", "/2", "/3", "/4", "/5", "/6", "/7"};

    for (size_t i = 0; i < 7; i++)
        add(&client, paths[i]);
    run(&client, 1, 10000, 2);
    CHECK_EQ_INT(client.results, 7);
    CHECK_EQ_INT(client.lost_count, 0);
}

TEST(test_pool__dismissed_workers_are_replaced)
{
    struct client client = {.late = "/crash9"};

    add(&client, "/1");
    run(&client, 1, 10000, 100);
    CHECK_EQ_INT(client.results, 1);
    CHECK_EQ_INT(client.lost_count, 1);
    CHECK(strstr(client.lost[0].output, "/crash9") != NULL);
    CHECK(strstr(client.lost[0].output, "/1") == NULL); /* another process */
    struct client kept = {0};
    add(&kept, "/1");
    add(&kept, "/crash9");
    run(&kept, 1, 10000, 100);
    CHECK(strstr(kept.lost[0].output, "/1") != NULL);
}

TEST(test_pool__index_items_are_told_one_by_one)
{
    struct client client = {0};

    add(&client, "/index1");
    run(&client, 1, 10000, 100);
    CHECK_EQ_INT(client.indexed, 1);
    CHECK_EQ_INT(client.results, 1);
}

TEST(test_pool__a_crash_costs_one_job_and_says_the_signal)
{
    struct client client = {0};

    add(&client, "/1");
    add(&client, "/crash2");
    add(&client, "/3");
    add(&client, "/4");
    run(&client, 1, 10000, 100);
    CHECK_EQ_INT(client.results, 3);
    CHECK_EQ_INT(client.lost_count, 1);
    CHECK_EQ_STR(client.lost[0].path, "/crash2");
    CHECK_EQ_INT(client.lost[0].kind, ERROR_CRASHED);
    CHECK_EQ_STR(client.lost[0].signal, "SIGSEGV");
    CHECK(strstr(client.lost[0].output, "/crash2") != NULL);
}

TEST(test_pool__a_hanging_worker_is_killed)
{
    struct client client = {0};

    add(&client, "/hang1");
    add(&client, "/2");
    run(&client, 1, 700, 100);
    CHECK_EQ_INT(client.results, 1);
    CHECK_EQ_INT(client.lost_count, 1);
    CHECK_EQ_INT(client.lost[0].kind, ERROR_TIMEOUT);
    CHECK(client.lost[0].wall_ms >= 700 && client.lost[0].wall_ms < 5000);
}

TEST(test_pool__nonsense_kills_the_worker_and_fails_the_job)
{
    struct client client = {0};

    add(&client, "/nonsense1");
    add(&client, "/wrongid2");
    add(&client, "/3");
    run(&client, 1, 10000, 100);
    CHECK_EQ_INT(client.results, 1);
    CHECK_EQ_INT(client.lost_count, 2);
    CHECK_EQ_INT(client.lost[0].kind, ERROR_PROTOCOL);
    CHECK_EQ_INT(client.lost[1].kind, ERROR_PROTOCOL);
}

TEST(test_pool__an_exit_without_a_word_is_a_crash)
{
    struct client client = {0};

    add(&client, "/exit1");
    run(&client, 1, 10000, 100);
    CHECK_EQ_INT(client.lost_count, 1);
    CHECK_EQ_INT(client.lost[0].kind, ERROR_CRASHED);
    CHECK_EQ_STR(client.lost[0].signal, "");
}

TEST(test_pool__a_job_marked_alone_gets_a_fresh_worker)
{
    struct client client = {.retry = true};
    const char *const folder = test_folder();

    setenv("FAKE_WORKER_MARKS", folder, 1);
    add(&client, "/1");
    add(&client, "/once2");
    add(&client, "/3");
    run(&client, 2, 10000, 100);
    CHECK_EQ_INT(client.results, 3);
    CHECK_EQ_INT(client.lost_count, 1);
    CHECK_EQ_STR(client.lost[0].signal, "SIGABRT");
}

TEST(test_pool__a_worker_that_cannot_start_ends_it)
{
    struct client client = {0};

    setenv("FAKE_WORKER_BROKEN", "1", 1);
    add(&client, "/1");
    client.stop_after_first = true; /* what comes back is freed */
    run(&client, 1, 10000, 100);
    CHECK_EQ_INT(client.broken, 1);
    CHECK_EQ_INT(client.results, 0);
    CHECK_EQ_INT(client.backs, 1);
}

/* Its sandbox, say: no job of it was read, and the next one would be no better. */
TEST(test_pool__a_worker_that_cannot_get_ready_ends_it)
{
    struct client client = {0};

    CHECK_EQ_INT(setenv("FAKE_WORKER_UNREADY", "1", 1), 0);
    add(&client, "/1");
    client.stop_after_first = true; /* what comes back is freed */
    run(&client, 2, 10000, 100);
    CHECK_EQ_INT(unsetenv("FAKE_WORKER_UNREADY"), 0);
    CHECK_EQ_INT(client.broken, 1);
    CHECK_EQ_INT(client.lost_count, 0);
    CHECK_EQ_INT(client.backs, 1);
}

TEST(test_pool__stopping_gives_back_what_has_not_begun)
{
    struct client client = {.stop_after_first = true};
    static const char *const paths[] = {"/1", "/2", "/3", "/4", "/5", "/6", "/7"};

    for (size_t i = 0; i < 7; i++)
        add(&client, paths[i]);
    run(&client, 1, 10000, 100);
    CHECK(client.results >= 1);
    CHECK_EQ_INT(client.results + client.backs, client.next);
}
