#include "job.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "job/keep.h"
#include "job/notes.h"
#include "job/slices.h"
#include "job/slide_blob.h"
#include "job/wire.h"

enum {
    SOURCES_MOST = 64, /* of one INDEX job */
    SETTINGS_MOST = 1024,
    STAGES_MOST = 64,
    OPTIONS_MOST = 64,
    OPTIONS_TEXT_MOST = 64 << 10,
    LINE_MOST = 4096,
    WINDOW_ROWS_MOST = 1 << 20,
    MEMBERS_MOST = 1 << 20,
    /* the least that one of these takes on the wire */
    SETTING_BYTES = 3 * 4,
    STAGE_BYTES = 3 * 4 + 3 * 4 + 1 + 4,
    OPTION_BYTES = 4 * 4 + 1 + 2 * 8,
    SOURCE_BYTES = 1 + 4 + 8 + 4 + 4 + 8,
    MEMBER_BYTES = 3 * 8 + 4 + 4,
    WINDOW_ROW_BYTES = 4 + 2 * 8 + 1 + 5 + 5 + 1,
    SERIES_MEMBER_BYTES = 5 + DIGEST_SIZE + 2 * 8 + 4 + 2 + 5 + 4 * 8,
};

static const char *const state_words[] = {
    [INSTANCE_PENDING] = "pending", [INSTANCE_RUNNING] = "running",
    [INSTANCE_DONE] = "done",       [INSTANCE_SKIPPED] = "skipped",
    [INSTANCE_FAILED] = "failed",   [INSTANCE_QUARANTINED] = "quarantined",
};
enum { STATE_COUNT = sizeof state_words / sizeof state_words[0] };

const char *instance_state_word(enum instance_state state)
{
    return (unsigned)state < STATE_COUNT ? state_words[state] : "unknown";
}

bool instance_state_of_word(const char *word, enum instance_state *state)
{
    for (unsigned i = 0; word != NULL && i < STATE_COUNT; i++)
        if (strcmp(word, state_words[i]) == 0) {
            *state = (enum instance_state)i;
            return true;
        }
    return false;
}

bool window_digest(const struct window *window, struct digest *digest, struct error *err)
{
    struct buffer text = {0};
    const bool ok = buffer_put_f64(&text, window->center, err) && buffer_put_f64(&text, window->width, err) &&
                    buffer_put_u8(&text, (uint8_t)window->function, err) &&
                    digest_of(text.data, text.size, digest, err);

    buffer_release(&text);
    return ok;
}

/* The name of an option or a stage: stages speak of "max_frames". */
static bool is_name(const char *text)
{
    return text != NULL && text[0] >= 'a' && text[0] <= 'z' && strlen(text) < OPTION_TEXT &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

static void carry_name(struct wire *w, char **name)
{
    wire_string(w, name, OPTION_TEXT - 1, WIRE_NEEDED);
    wire_require(w, w->failed || is_name(*name), "a name is malformed");
}

/* The name of a folder or file under work/: a word, or "". */
static bool is_word_or_empty(const char *text)
{
    return text[0] == '\0' || layout_word_is_valid(text);
}

/* -- setup and hello ------------------------------------------------------------------------ */

static void carry_setup(struct wire *w, struct worker_setup *s)
{
    wire_string(w, &s->site, PATH_MAX, WIRE_NEEDED | WIRE_RAW);
    wire_require(w, w->failed || s->site[0] == '/', "the site's path is not absolute");
    wire_u64(w, &s->memory_bytes);
    wire_u32(w, &s->cpu_seconds);
    wire_u64(w, &s->file_bytes);
    wire_u32(w, &s->nice_threads);
    s->settings = wire_array(w, s->settings, &s->setting_count, SETTINGS_MOST, sizeof *s->settings,
                             SETTING_BYTES, 0);
    for (size_t i = 0; i < s->setting_count && !w->failed; i++) {
        carry_name(w, &s->settings[i].stage);
        carry_name(w, &s->settings[i].option);
        wire_string(w, &s->settings[i].value, OPTION_TEXT - 1, WIRE_ANY);
        wire_require(w, s->settings[i].value != NULL, "a setting has no value");
    }
}

static void carry_option(struct wire *w, struct option *o)
{
    carry_name(w, (char **)&o->name);
    WIRE_ENUM(w, o->type, enum option_type, OPTION_INT_LIST + 1);
    wire_string(w, (char **)&o->default_value, LINE_MOST, WIRE_ANY);
    wire_f64(w, &o->least);
    wire_f64(w, &o->most);
    wire_string(w, (char **)&o->choices, LINE_MOST, WIRE_ANY);
    wire_string(w, (char **)&o->help, LINE_MOST, WIRE_ANY);
    wire_bool(w, &o->for_join);
    wire_require(w, w->failed || (o->default_value != NULL && o->help != NULL), "an option has no text");
    wire_require(w, w->failed || o->type != OPTION_CHOICE || o->choices != NULL,
                 "an option has no choices");
    wire_require(w, isfinite(o->least) && isfinite(o->most) && o->least <= o->most,
                 "an option's range is none");
}

static void carry_stage(struct wire *w, struct stage_row *s)
{
    carry_name(w, &s->name);
    wire_string(w, &s->summary, LINE_MOST, WIRE_NEEDED);
    wire_u32(w, &s->version);
    wire_u32(w, &s->scope);
    wire_u32(w, &s->needs);
    wire_require(w, s->version <= INT32_MAX && s->scope <= 1 && s->needs <= UINT8_MAX,
                 "a stage's number is out of range");
    wire_bool(w, &s->on_by_default);
    s->options = wire_array(w, s->options, &s->option_count, OPTIONS_MOST, sizeof *s->options,
                            OPTION_BYTES, 1);
    for (size_t i = 0; i < s->option_count && !w->failed; i++)
        carry_option(w, &s->options[i]);
    wire_string(w, &s->canonical_options, OPTIONS_TEXT_MOST, WIRE_LINES);
    wire_require(w, s->canonical_options != NULL, "a stage has no canonical options");
}

static void carry_hello(struct wire *w, struct worker_hello *h)
{
    wire_u32(w, &h->protocol);
    wire_string(w, &h->libraries, LINE_MOST, WIRE_NEEDED);
    h->stages = wire_array(w, h->stages, &h->stage_count, STAGES_MOST, sizeof *h->stages, STAGE_BYTES, 0);
    for (size_t i = 0; i < h->stage_count && !w->failed; i++)
        carry_stage(w, &h->stages[i]);
}

/* -- jobs ----------------------------------------------------------------------------------- */

static void carry_source(struct wire *w, struct source *s)
{
    WIRE_ENUM(w, s->kind, enum source_kind, SOURCE_SPOOL + 1);
    wire_string(w, &s->path, PATH_MAX, WIRE_NEEDED | WIRE_RAW);
    wire_require(w, w->failed || s->path[0] == '/' || strcmp(s->path, "-") == 0,
                 "a source's path is not absolute");
    wire_u64(w, &s->member);
    wire_string(w, &s->member_name, LIMIT(MEMBER_NAME), WIRE_ANY);
    wire_u32(w, &s->depth);
    wire_u64(w, &s->size);
    if (s->kind == SOURCE_SPOOL)
        wire_u64(w, &s->offset);
}

/* `size` with the NUL; checked by the caller's rule. */
static void carry_checked(struct wire *w, char *text, size_t size, bool (*is_valid)(const char *),
                          const char *problem)
{
    wire_text(w, text, size, WIRE_ANY);
    wire_require(w, w->failed || text[0] == '\0' || is_valid(text), problem);
}

static bool is_conflict(const char *text)
{
    return strlen(text) == DIGEST16_SIZE - 1 && strspn(text, "0123456789abcdef") == DIGEST16_SIZE - 1;
}

static void carry_subject(struct wire *w, struct subject *s)
{
    carry_checked(w, s->study, sizeof s->study, uid_is_valid, "a study UID is malformed");
    carry_checked(w, s->series, sizeof s->series, uid_is_valid, "a series UID is malformed");
    carry_checked(w, s->sop, sizeof s->sop, uid_is_valid, "a SOP Instance UID is malformed");
    carry_checked(w, s->conflict, sizeof s->conflict, is_conflict, "a conflict's name is malformed");
}

static void carry_window(struct wire *w, struct window *window)
{
    wire_f64(w, &window->center);
    wire_f64(w, &window->width);
    WIRE_ENUM(w, window->function, enum voi_function, VOI_SIGMOID + 1);
    wire_text(w, window->explanation, sizeof window->explanation, WIRE_ANY);
}

/* manifest.c knows how artefacts travel: they go as those of a product. */
static void carry_artefacts(struct wire *w, struct artefact **artefacts, size_t *count)
{
    struct product product = {
        .stage = "expected", .artefact_count = *count, .artefacts = *artefacts};
    struct manifest manifest = {.product_count = 1, .products = &product};

    if (w->failed)
        return;
    if (w->out != NULL) {
        w->failed = !manifest_write(&manifest, w->out, w->err);
        return;
    }
    manifest = (struct manifest){0};
    w->failed = !manifest_parse(&w->in, &manifest, w->err);
    wire_require(w, manifest.product_count == 1, "expected artefacts are no product");
    if (!w->failed) {
        *artefacts = manifest.products[0].artefacts;
        *count = manifest.products[0].artefact_count;
        manifest.products[0].artefacts = NULL;
        manifest.products[0].artefact_count = 0;
    }
    manifest_release(&manifest);
}

/* `slices`: bytes of the slices that it is one of the owners of. */
static void carry_series_member(struct wire *w, uint64_t slices, struct series_member *m)
{
    carry_checked(w, m->sop, sizeof m->sop, uid_is_valid, "a SOP Instance UID is malformed");
    wire_digest(w, &m->digest);
    wire_u64(w, &m->slices_offset);
    wire_u64(w, &m->slices_bytes);
    wire_require(w, m->slices_offset <= slices && m->slices_bytes <= slices - m->slices_offset,
                 "a member's slices are out of range");
    wire_blob(w, &m->slide, SLIDE_BLOB_MOST);
    wire_bool(w, &m->has_source);
    if (m->has_source)
        carry_source(w, &m->source);
    wire_bool(w, &m->has_identity);
    if (m->has_identity) {
        wire_i64(w, &m->identity.device);
        wire_i64(w, &m->identity.inode);
        wire_i64(w, &m->identity.bytes);
        wire_i64(w, &m->identity.mtime_ns);
        wire_i64(w, &m->identity.ctime_ns);
    }
    carry_checked(w, m->planes, sizeof m->planes, is_word_or_empty, "a spool file is no word");
    wire_u64(w, &m->planes_offset);
    wire_u64(w, &m->planes_bytes);
    wire_u64(w, &m->relic_offset);
    wire_u64(w, &m->relic_bytes);
    wire_require(w, m->relic_bytes <= KEEP_RELIC_MOST, "a relic is too large");
}

static void carry_members(struct wire *w, struct job *j)
{
    j->members = wire_array(w, j->members, &j->member_count, MEMBERS_MOST, sizeof *j->members, SERIES_MEMBER_BYTES, 0);
    wire_require(w, (j->kind == JOB_SERIES) == (j->member_count > 0), "a job has members and is none of a series");
    wire_blob(w, &j->slices, LIMIT(MESSAGE_BYTES));
    for (size_t i = 0; i < j->member_count && !w->failed; i++)
        carry_series_member(w, j->slices.size, &j->members[i]);
    carry_checked(w, j->relics, sizeof j->relics, is_word_or_empty, "a spool file is no word");
}

bool series_member_write(const struct job *job, size_t number, struct buffer *out, struct error *err)
{
    struct series_member member = job->members[number];
    struct buffer slices = {.data = job->slices.data + member.slices_offset, .size = (size_t)member.slices_bytes};
    struct wire w = wire_to(out, "member", err);

    member.slices_offset = 0;
    member.slide = (struct buffer){0};
    wire_blob(&w, &slices, SLICES_BYTES_MOST);
    carry_series_member(&w, slices.size, &member);
    return wire_done(&w);
}

bool series_member_parse(const void *data, size_t size, struct series_member *member, struct buffer *slices,
                         struct error *err)
{
    struct wire w = wire_from(data, size, "member", err);

    buffer_clear(slices);
    wire_blob(&w, slices, SLICES_BYTES_MOST);
    carry_series_member(&w, slices->size, member);
    return wire_done(&w);
}

static void carry_job(struct wire *w, struct job *j)
{
    WIRE_ENUM(w, j->kind, enum job_kind, JOB_SERIES + 1);
    wire_require(w, j->kind >= JOB_INDEX, "a job has no kind");
    j->sources = wire_array(w, j->sources, &j->source_count, SOURCES_MOST, sizeof *j->sources,
                            SOURCE_BYTES, 0);
    wire_require(w, j->kind == JOB_INDEX || j->source_count <= 1, "a job has too many sources");
    wire_require(w, j->source_count > 0 || j->kind == JOB_RENDER || j->kind == JOB_VERIFY || j->kind == JOB_SERIES,
                 "a job has no source");
    for (size_t i = 0; i < j->source_count && !w->failed; i++)
        carry_source(w, &j->sources[i]);
    wire_bool(w, &j->want_digest);
    wire_string(w, &j->stages, LINE_MOST, WIRE_ANY);
    carry_checked(w, j->staging, sizeof j->staging, is_word_or_empty, "a staging folder is no word");
    wire_u32(w, &j->staging_first);
    carry_subject(w, &j->subject);
    wire_bool(w, &j->has_source_digest);
    wire_digest(w, &j->source_digest);
    wire_blob(w, &j->relic, KEEP_RELIC_MOST);
    wire_bool(w, &j->has_window);
    carry_window(w, &j->window);
    carry_checked(w, j->spool, sizeof j->spool, is_word_or_empty, "a spool file is no word");
    wire_u64(w, &j->spool_offset);
    wire_u64(w, &j->spool_bytes);
    wire_u64(w, &j->spool_budget);
    wire_bool(w, &j->for_volumes);
    wire_bool(w, &j->for_slides);
    wire_bool(w, &j->with_labels);
    wire_u32(w, &j->feed_window);
    wire_u64(w, &j->feed_bytes);
    carry_artefacts(w, &j->expected, &j->expected_count);
    carry_members(w, j);
}

/* -- what comes back ------------------------------------------------------------------------ */

static void carry_record(struct wire *w, struct record *record)
{
    if (w->failed)
        return;
    w->failed = w->out != NULL ? !record_write(record, w->out, w->err)
                               : !record_parse(&w->in, record, w->err);
}

/* Why something gave nothing. CRASHED and TIMEOUT are the coordinator's own words, it never hears them. */
static void carry_fault(struct wire *w, enum error_kind *kind, char *text, size_t size)
{
    WIRE_ENUM(w, *kind, enum error_kind, ERROR_KIND_COUNT);
    wire_require(w, *kind != ERROR_CRASHED && *kind != ERROR_TIMEOUT, "an error is none of a worker's");
    wire_text(w, text, size, WIRE_ANY);
    wire_require(w, w->failed || *kind == ERROR_NONE || text[0] != '\0', "an error has no text");
}

static void carry_member(struct wire *w, struct zip_member *m)
{
    wire_u64(w, &m->index);
    wire_u64(w, &m->size);
    wire_u64(w, &m->packed);
    wire_u32(w, &m->flags);
    wire_string(w, &m->name, LIMIT(MEMBER_NAME), WIRE_ANY);
    wire_require(w, m->name != NULL, "a member has no name");
}

static void carry_index_result(struct wire *w, struct index_result *r)
{
    wire_u32(w, &r->item);
    wire_require(w, r->item < SOURCES_MOST, "an item's number is out of range");
    WIRE_ENUM(w, r->outcome, enum index_outcome, INDEX_FEED + 1);
    if (r->outcome == INDEX_OBJECT)
        carry_record(w, &r->record);
    wire_bool(w, &r->ignored);
    carry_fault(w, &r->kind, r->text, sizeof r->text);
    wire_require(w, r->outcome != INDEX_REJECTED || r->kind != ERROR_NONE, "an item is rejected without a reason");
    wire_bool(w, &r->has_digest);
    wire_digest(w, &r->digest);
    wire_u64(w, &r->bytes);
    wire_u64(w, &r->frames);
    r->members = wire_array(w, r->members, &r->member_count, LIMIT(ARCHIVE_MEMBERS), sizeof *r->members,
                            MEMBER_BYTES, 0);
    wire_require(w, r->outcome == INDEX_ZIP || r->member_count == 0, "members of what is no archive");
    for (size_t i = 0; i < r->member_count && !w->failed; i++)
        carry_member(w, &r->members[i]);
}

static void carry_feed_member(struct wire *w, struct feed_member *m)
{
    wire_u32(w, &m->number);
    wire_string(w, &m->name, LIMIT(MEMBER_NAME), WIRE_ANY);
    wire_string(w, &m->spool, 47, WIRE_ANY);
    wire_require(w, m->spool == NULL || layout_word_is_valid(m->spool), "a spool file is no word");
    wire_u64(w, &m->offset);
    wire_u64(w, &m->bytes);
    wire_bool(w, &m->ignored);
    carry_fault(w, &m->kind, m->text, sizeof m->text);
    wire_require(w, (m->spool == NULL) == (m->kind != ERROR_NONE), "a member has both a file and a fault, or none");
}

static void carry_window_row(struct wire *w, struct window_row *r)
{
    wire_u32(w, &r->frame);
    carry_window(w, &r->window);
    wire_text(w, r->origin, sizeof r->origin, WIRE_NEEDED);
    wire_bool(w, &r->valid);
}

static void carry_manifest(struct wire *w, struct manifest *manifest)
{
    if (w->failed)
        return;
    w->failed = w->out != NULL ? !manifest_write(manifest, w->out, w->err)
                               : !manifest_parse(&w->in, manifest, w->err);
}

static void carry_windows(struct wire *w, struct job_result *r)
{
    r->windows = wire_array(w, r->windows, &r->window_count, WINDOW_ROWS_MOST, sizeof *r->windows,
                            WINDOW_ROW_BYTES, 0);
    for (size_t i = 0; i < r->window_count && !w->failed; i++)
        carry_window_row(w, &r->windows[i]);
}

static void carry_result(struct wire *w, struct job_result *r)
{
    WIRE_ENUM(w, r->kind, enum job_kind, JOB_SERIES + 1);
    wire_require(w, r->kind >= JOB_INDEX, "a result has no kind");
    carry_fault(w, &r->error, r->text, sizeof r->text);
    wire_bool(w, &r->not_an_object);
    wire_bool(w, &r->is_archive);
    wire_bool(w, &r->ignored);
    wire_bool(w, &r->has_record);
    if (r->has_record)
        carry_record(w, &r->record);
    WIRE_ENUM(w, r->state, enum instance_state, STATE_COUNT);
    wire_string(w, &r->notes, NOTES_MOST, WIRE_LINES);
    wire_digest(w, &r->source_digest);
    wire_u64(w, &r->source_bytes);
    wire_u32(w, &r->frames);
    wire_u32(w, &r->information);
    wire_require(w, r->frames <= LIMIT(FRAMES) && r->information <= INT32_MAX, "a number is out of range");
    wire_bool(w, &r->needs_window);
    wire_bool(w, &r->has_histogram);
    wire_u64(w, &r->spooled);
    wire_bool(w, &r->wants_source);
    wire_blob(w, &r->relic, KEEP_RELIC_MOST);
    wire_blob(w, &r->histogram, KEEP_HISTOGRAM_MOST);
    wire_blob(w, &r->geometry, SLICES_BYTES_MOST);
    wire_blob(w, &r->slide, SLIDE_BLOB_MOST);
    wire_string(w, &r->metadata, JOB_METADATA_MOST, WIRE_LINES);
    carry_windows(w, r);
    carry_manifest(w, &r->manifest);
    wire_u64(w, &r->members);
    wire_u32(w, &r->frames_compared);
}

/* What must hold between the fields, so that no caller has to doubt it. */
static void check_result(struct wire *w, const struct job_result *r)
{
    const bool has_state =
        r->state == INSTANCE_DONE || r->state == INSTANCE_SKIPPED || r->state == INSTANCE_FAILED;

    if (w->failed || r->kind != JOB_OBJECT)
        return;
    wire_require(w, r->not_an_object || has_state, "an object's state is none of a result");
    wire_require(w, r->not_an_object || r->state == INSTANCE_DONE || r->error != ERROR_NONE,
                 "an object failed without a reason");
    wire_require(w, !r->not_an_object || r->error != ERROR_NONE, "no object, and no reason");
    wire_require(w, r->state != INSTANCE_DONE || r->not_an_object || r->has_record, "an object without a record");
    if (!w->failed && r->geometry.size > 0)
        w->failed = !slices_check(r->geometry.data, r->geometry.size, w->err);
    if (!w->failed && r->slide.size > 0)
        w->failed = !slide_blob_check(r->slide.data, r->slide.size, w->err);
}

/* -- both ways: a writer's struct is copied, so that a carrier may take it for its own ---------- */

#define BOTH_WAYS(type, prefix, word, carry, check)                                                  \
    bool prefix##_write(const struct type *value, struct buffer *out, struct error *err)             \
    {                                                                                                \
        struct type copy = *value;                                                                   \
        struct wire w = wire_to(out, word, err);                                                     \
                                                                                                     \
        carry(&w, &copy);                                                                            \
        return wire_done(&w);                                                                        \
    }                                                                                                \
    bool prefix##_parse(const void *data, size_t size, struct type *value, struct error *err)        \
    {                                                                                                \
        struct type parsed = {0};                                                                    \
        struct wire w = wire_from(data, size, word, err);                                            \
                                                                                                     \
        carry(&w, &parsed);                                                                          \
        check(&w, &parsed);                                                                          \
        if (!wire_done(&w)) {                                                                        \
            prefix##_release(&parsed);                                                               \
            return false;                                                                            \
        }                                                                                            \
        *value = parsed;                                                                             \
        return true;                                                                                 \
    }

#define NO_CHECK(w, value) ((void)(w), (void)(value))

BOTH_WAYS(worker_setup, worker_setup, "setup", carry_setup, NO_CHECK)
BOTH_WAYS(worker_hello, worker_hello, "hello", carry_hello, NO_CHECK)
BOTH_WAYS(job, job, "job", carry_job, NO_CHECK)
BOTH_WAYS(index_result, index_result, "index result", carry_index_result, NO_CHECK)
BOTH_WAYS(feed_member, feed_member, "feed member", carry_feed_member, NO_CHECK)
BOTH_WAYS(job_result, job_result, "result", carry_result, check_result)

/* -- release -------------------------------------------------------------------------------- */

void worker_setup_release(struct worker_setup *setup)
{
    for (size_t i = 0; i < setup->setting_count; i++) {
        memory_free(setup->settings[i].stage);
        memory_free(setup->settings[i].option);
        memory_free(setup->settings[i].value);
    }
    memory_free(setup->settings);
    memory_free(setup->site);
    *setup = (struct worker_setup){0};
}

/* The texts of an option table are constant for its readers, but owned here. */
static void release_text(const char *text)
{
    memory_free((void *)(uintptr_t)text);
}

static void release_stage(struct stage_row *row)
{
    for (size_t i = 0; i < row->option_count; i++) {
        release_text(row->options[i].name);
        release_text(row->options[i].default_value);
        release_text(row->options[i].choices);
        release_text(row->options[i].help);
    }
    memory_free(row->options);
    memory_free(row->name);
    memory_free(row->summary);
    memory_free(row->canonical_options);
}

void worker_hello_release(struct worker_hello *hello)
{
    for (size_t i = 0; i < hello->stage_count; i++)
        release_stage(&hello->stages[i]);
    memory_free(hello->stages);
    memory_free(hello->libraries);
    *hello = (struct worker_hello){0};
}

void source_release(struct source *source)
{
    memory_free(source->path);
    memory_free(source->member_name);
    *source = (struct source){0};
}

void job_drop_members(struct job *job)
{
    for (size_t i = 0; i < job->member_count; i++) {
        source_release(&job->members[i].source);
        buffer_release(&job->members[i].slide);
    }
    memory_free(job->members);
    buffer_release(&job->slices);
    job->members = NULL;
    job->member_count = 0;
}

void job_release(struct job *job)
{
    for (size_t i = 0; i < job->source_count; i++)
        source_release(&job->sources[i]);
    for (size_t i = 0; i < job->expected_count; i++)
        memory_free(job->expected[i].ranges);
    job_drop_members(job);
    memory_free(job->sources);
    memory_free(job->stages);
    memory_free(job->expected);
    buffer_release(&job->relic);
    *job = (struct job){0};
}

void index_result_release(struct index_result *result)
{
    for (size_t i = 0; i < result->member_count; i++)
        memory_free(result->members[i].name);
    memory_free(result->members);
    record_release(&result->record);
    *result = (struct index_result){0};
}

void feed_member_release(struct feed_member *member)
{
    memory_free(member->name);
    memory_free(member->spool);
    *member = (struct feed_member){0};
}

void job_result_drop_kept(struct job_result *result)
{
    memory_free(result->metadata);
    result->metadata = NULL;
    buffer_release(&result->relic);
    buffer_release(&result->histogram);
    buffer_release(&result->geometry);
    buffer_release(&result->slide);
    result->has_histogram = false;
}

void job_result_release(struct job_result *result)
{
    record_release(&result->record);
    manifest_release(&result->manifest);
    memory_free(result->notes);
    memory_free(result->windows);
    job_result_drop_kept(result);
    *result = (struct job_result){0};
}
