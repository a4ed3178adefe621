#include "stage_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <uv.h>

#include "base/memory.h"
#include "coordinator/plan.h"
#include "coordinator/pool.h"
#include "job/stage.h"

enum { CACHE_MOST = 1 << 20, KEY_SIZE = STAGE_TABLE_KEY };

/* -- asking a worker --------------------------------------------------------------------- */

struct question {
    struct pool *pool;
    struct buffer hello;
    struct error err;
    bool answered;
};

static void on_hello(void *client, const struct worker_hello *hello)
{
    struct question *const question = client;

    question->answered = worker_hello_write(hello, &question->hello, &question->err);
    pool_stop(question->pool, false);
}

static void on_broken(void *client, const struct error *err)
{
    struct question *const question = client;

    question->err = *err;
}

static struct pool_job *no_job(void *client)
{
    (void)client;
    return NULL;
}

/* By a worker of its own, which goes. */
static bool ask_alone(const char *worker, const struct worker_setup *setup, struct buffer *hello, struct error *err)
{
    struct question question = {0};
    const struct pool_options options = {.worker = worker, .setup = setup, .workers = 1, .wall_ms = 60000,
                                         .retire_after = 1};
    const struct pool_callbacks callbacks = {
        .client = &question, .next = no_job, .hello = on_hello, .broken = on_broken};
    uv_loop_t loop;

    if (uv_loop_init(&loop) != 0)
        return error_set(err, ERROR_NOMEM, "cannot make an event loop");
    if (pool_new(&loop, &options, &callbacks, &question.pool, err)) {
        pool_greet(question.pool);
        (void)uv_run(&loop, UV_RUN_DEFAULT);
        pool_free(question.pool);
        (void)uv_run(&loop, UV_RUN_DEFAULT);
        if (!question.answered)
            *err = question.err.kind != ERROR_NONE
                       ? question.err
                       : (struct error){ERROR_PROTOCOL, "the worker ended without a word"};
    }
    (void)uv_loop_close(&loop);
    *hello = question.hello;
    return question.answered;
}

/* -- the cache --------------------------------------------------------------------------- */

static bool make_key(const char *worker, const struct worker_setup *setup, char key[KEY_SIZE], struct error *err)
{
    struct stat status;
    struct buffer text = {0};
    struct digest digest;
    char hex[DIGEST_HEX_SIZE];
    bool ok = stat(worker, &status) == 0 || error_errno(err, errno, "cannot find worker \"%s\"", worker);

    ok = ok && buffer_printf(&text, err, "%s %lld %lld %lld.%ld\n", worker, (long long)status.st_ino,
                             (long long)status.st_size, (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    for (size_t i = 0; ok && i < setup->setting_count; i++)
        ok = buffer_printf(&text, err, "%s.%s=%s\n", setup->settings[i].stage, setup->settings[i].option,
                           setup->settings[i].value);
    ok = ok && digest_of(text.data, text.size, &digest, err);
    buffer_release(&text);
    if (!ok)
        return false;
    digest_hex(&digest, hex);
    (void)snprintf(key, KEY_SIZE, "slicepress stages 1 %s\n", hex);
    return true;
}

static bool read_cache(const char *path, const char *key, struct worker_hello *hello)
{
    struct buffer text = {0};
    struct error ignored;
    const size_t length = strlen(key);
    const bool ok = path_read_file(path, CACHE_MOST, &text, &ignored) && text.size > length &&
                    memcmp(text.data, key, length) == 0 &&
                    worker_hello_parse(text.data + length, text.size - length, hello, &ignored);

    buffer_release(&text);
    return ok;
}

/* A cache that cannot be written is no fault. */
void stage_table_keep(const struct stage_table *table, const char *site)
{
    char path[PATH_SIZE];
    struct buffer text = {0};
    struct error ignored;

    if (table->key[0] != '\0' && path_join(path, site, "work/stages", &ignored) &&
        buffer_puts(&text, table->key, &ignored) && worker_hello_write(&table->hello, &text, &ignored))
        (void)path_replace_file(path, text.data, text.size, &ignored);
    buffer_release(&text);
}

struct asking { const char *site, *worker; const struct worker_setup *setup; hello_asker *ask; void *client; };

/* key "" in the table: it came from the cache. */
static bool find_hello(const struct asking *asking, char key[KEY_SIZE], struct worker_hello *hello, struct error *err)
{
    const char *const site = asking->site;
    char path[PATH_SIZE];
    struct buffer told = {0};

    if (!make_key(asking->worker, asking->setup, key, err) || (site != NULL && !path_join(path, site, "work/stages", err)))
        return false;
    if (site != NULL && read_cache(path, key, hello)) {
        key[0] = '\0';
        return true;
    }
    const bool ok = (asking->ask != NULL ? asking->ask(asking->client, &told, err)
                                         : ask_alone(asking->worker, asking->setup, &told, err)) &&
                    worker_hello_parse(told.data, told.size, hello, err);
    buffer_release(&told);
    return ok;
}

/* -- what is wanted ---------------------------------------------------------------------- */

static const struct stage_row *find_row(const struct worker_hello *hello, const char *name, size_t length)
{
    for (size_t i = 0; i < hello->stage_count; i++)
        if (strlen(hello->stages[i].name) == length && memcmp(hello->stages[i].name, name, length) == 0)
            return &hello->stages[i];
    return NULL;
}

static bool is_listed(const char *list, const char *name)
{
    const size_t length = strlen(name);

    for (const char *word = list; *word != '\0'; word += strcspn(word, ","), word += *word == ',')
        if (strcspn(word, ",") == length && memcmp(word, name, length) == 0)
            return true;
    return false;
}

static bool check_list(const struct worker_hello *hello, const char *list, struct error *err)
{
    for (const char *word = list; *word != '\0';) {
        const size_t length = strcspn(word, ",");

        if (find_row(hello, word, length) == NULL)
            return error_set(err, ERROR_USAGE, "there is no stage \"%.*s\" (see slicepress stages)", (int)length, word);
        word += length + (word[length] == ',');
    }
    return true;
}

static bool check_settings(const struct worker_hello *hello, const struct settings *settings, struct error *err)
{
    for (size_t i = 0; i < settings->setting_count; i++) {
        const struct stage_setting *const setting = &settings->stage_settings[i];
        const struct stage_row *const row = find_row(hello, setting->stage, strlen(setting->stage));

        if (row == NULL)
            return error_set(err, ERROR_USAGE, "there is no stage \"%s\" (see slicepress stages)", setting->stage);
        if (!option_check(row->options, setting->option, setting->value, err))
            return error_context(err, "%s", setting->stage);
    }
    return true;
}

static bool add_wanted(struct stage_table *table, const struct stage_row *row, struct error *err)
{
    struct wanted_stage *const wanted = &table->wanted[table->wanted_count];

    if (strlen(row->name) >= sizeof wanted->name || !plan_options_digest(row, wanted->options_digest, err))
        return false;
    (void)snprintf(wanted->name, sizeof wanted->name, "%s", row->name);
    wanted->version = row->version;
    wanted->needs = row->needs;
    wanted->scope = row->scope;
    table->wants_slides = table->wants_slides || (row->needs & NEEDS_SLIDE) != 0;
    table->wants_volumes = table->wants_volumes || (row->scope == SCOPE_SERIES && (row->needs & NEEDS_SLIDE) == 0);
    table->makes_frames = table->makes_frames || strcmp(row->name, STAGE_OF_FRAMES) == 0;
    table->wanted_count++;
    return true;
}

static bool list_wanted(const struct stage_table *table, bool with_series, char **list, struct error *err)
{
    struct buffer text = {0};
    bool ok = true;

    for (size_t i = 0; ok && i < table->wanted_count; i++)
        if (with_series || table->wanted[i].scope == SCOPE_INSTANCE)
            ok = (text.size == 0 || buffer_puts(&text, ",", err)) && buffer_puts(&text, table->wanted[i].name, err);
    *list = ok ? memory_string(buffer_text(&text), err) : NULL;
    buffer_release(&text);
    return *list != NULL;
}

static bool digest_wanted(struct stage_table *table, struct error *err)
{
    struct buffer lines = {0};
    struct digest digest;
    bool ok = true;

    for (size_t i = 0; ok && i < table->wanted_count; i++)
        ok = buffer_printf(&lines, err, "%s %u %s\n", table->wanted[i].name, table->wanted[i].version,
                           table->wanted[i].options_digest);
    ok = ok && digest_of(lines.data, lines.size, &digest, err);
    buffer_release(&lines);
    if (ok)
        digest_hex(&digest, table->digest);
    return ok;
}

static bool pick_wanted(const struct settings *settings, struct stage_table *table, struct error *err)
{
    bool ok = settings->stages == NULL || check_list(&table->hello, settings->stages, err);

    table->wanted = ok ? memory_array(table->hello.stage_count + 1, sizeof *table->wanted, err) : NULL;
    ok = table->wanted != NULL;
    for (size_t i = 0; ok && i < table->hello.stage_count; i++) {
        const struct stage_row *const row = &table->hello.stages[i];

        if (settings->stages != NULL ? is_listed(settings->stages, row->name) : row->on_by_default)
            ok = add_wanted(table, row, err);
    }
    return ok && list_wanted(table, true, &table->all, err) && list_wanted(table, false, &table->of_instances, err) &&
           digest_wanted(table, err);
}

/* The worker checks options at its hello, but its refusal is no usage text: what is wrong with the settings is said by the
 * bare table. */
static bool explain_refusal(const struct settings *settings, const struct asking *asking, struct error *err)
{
    struct worker_setup bare = *asking->setup;
    const struct asking again = {.worker = asking->worker, .setup = &bare};
    struct worker_hello plain = {0};
    char key[KEY_SIZE];
    struct error why = {0};

    bare.setting_count = 0;
    bare.settings = NULL;
    if (!find_hello(&again, key, &plain, &why))
        return false;
    if (!check_settings(&plain, settings, &why))
        *err = why;
    worker_hello_release(&plain);
    return false;
}

bool stage_table_load(const struct settings *settings, const char *site, const char *worker,
                      const struct worker_setup *setup, hello_asker *ask, void *client,
                      struct stage_table *table, struct error *err)
{
    const struct asking asking = {site, worker, setup, ask, client};

    *table = (struct stage_table){0};
    bool ok = find_hello(&asking, table->key, &table->hello, err) ||
              (settings->setting_count > 0 && explain_refusal(settings, &asking, err));
    ok = ok && pick_wanted(settings, table, err);
    if (!ok) {
        stage_table_release(table);
        return false;
    }
    (void)snprintf(table->libraries, sizeof table->libraries, "%s, libuv %s, %s", catalogue_library_version(),
                   uv_version_string(), table->hello.libraries);
    return true;
}

bool stage_table_wants(const struct stage_table *table, const char *name)
{
    return is_listed(table->all, name);
}

void stage_table_release(struct stage_table *table)
{
    worker_hello_release(&table->hello);
    memory_free(table->wanted);
    memory_free(table->all);
    memory_free(table->of_instances);
    *table = (struct stage_table){0};
}
