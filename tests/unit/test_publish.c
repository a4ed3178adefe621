/* links: base dicom job coordinator */
#include "coordinator/publish.h"

#include <fcntl.h>

#include "base/memory.h"
#include "base/path.h"
#include "tests/support/test.h"

/* A site in the test's folder, with stages "codestream" and "webp". */
struct site {
    struct catalogue *catalogue;
    struct wanted_stage stages[2];
    struct publisher publisher;
    struct batch batch;
    unsigned names;
};

static void open_site(struct site *site)
{
    static const char *const folders[] = {"public", "work/staging", "work/spool"};
    char path[PATH_SIZE];
    struct error err;

    *site = (struct site){.stages = {{"codestream", 1, 1, 0, "c"}, {"webp", 1, 2, 0, "w"}}};
    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(path_join(path, test_folder(), folders[i], &err), err);
        CHECK_OK(path_make_folder(path, 0755, &err), err);
    }
    CHECK_OK(catalogue_open(test_folder(), CATALOGUE_WRITE, &site->catalogue, &err), err);
    site->publisher = (struct publisher){.catalogue = site->catalogue, .root = test_folder(),
                                         .root_descriptor = open(test_folder(), O_RDONLY | O_DIRECTORY),
                                         .stages = site->stages, .stage_count = 2};
}

static void close_site(struct site *site)
{
    batch_release(&site->batch);
    close(site->publisher.root_descriptor);
    catalogue_close(site->catalogue);
}

static int64_t number(struct site *site, const char *sql)
{
    struct error err;
    int64_t value = 0;

    CHECK_OK(catalogue_number(site->catalogue, sql, NO_VALUES, -1, &value, &err), err);
    return value;
}

static int64_t insert(struct site *site, const char *sop, const char *source)
{
    struct record record = {0};
    const struct origin origin = {source, NULL, -1, source};
    struct error err;
    int64_t id = 0;

    CHECK_OK(record_set(&record, RECORD_study_instance_uid, "1.1", &err), err);
    CHECK_OK(record_set(&record, RECORD_series_instance_uid, "1.2", &err), err);
    CHECK_OK(record_set(&record, RECORD_sop_instance_uid, sop, &err), err);
    CHECK_OK(instance_insert(site->catalogue, &record, &origin, 1, INSTANCE_RUNNING, &id, &err), err);
    record_release(&record);
    return id;
}

static void add_file(struct site *site, struct publication *p, const char *stage, enum place place, const char *text)
{
    char path[PATH_SIZE];
    struct error err;
    struct product *const product = manifest_add(&p->result.manifest, stage, 1, &err);
    struct artefact *const artefact = product_add(product, &err);

    (void)site;
    artefact->place = place;
    snprintf(artefact->name, sizeof artefact->name, "%s", place == PLACE_FRAME ? "frame-1" : "picture");
    snprintf(artefact->extension, sizeof artefact->extension, "%s", place == PLACE_RENDITION ? "webp" : "");
    snprintf(artefact->media_type, sizeof artefact->media_type, "image/webp");
    artefact->frame = place == PLACE_FRAME ? 1 : 0;
    artefact->bytes = strlen(text);
    artefact->staged = (uint32_t)p->result.manifest.product_count;
    CHECK_OK(digest_of(text, strlen(text), &artefact->digest, &err), err);
    CHECK_OK(path_format(path, &err, "%s/work/staging/%s/%u", test_folder(), p->staging, artefact->staged), err);
    CHECK_OK(path_make_parent(path, 0755, &err), err);
    CHECK_OK(path_write_file(path, text, strlen(text), &err), err);
}

/* An OBJECT's result whose source has the digest of `source`: a frame and a picture of `text`. */
static struct publication *add(struct site *site, int64_t instance_id, const char *source, const char *text)
{
    struct error err;
    struct publication *const p = publication_new(JOB_OBJECT, &err);

    p->instance_id = instance_id;
    p->stages = memory_string("codestream,webp", &err);
    snprintf(p->staging, sizeof p->staging, "job-%u", ++site->names);
    p->result.kind = JOB_OBJECT;
    p->result.state = INSTANCE_DONE;
    CHECK_OK(digest_of(source, strlen(source), &p->result.source_digest, &err), err);
    add_file(site, p, "codestream", PLACE_FRAME, text);
    add_file(site, p, "webp", PLACE_RENDITION, text);
    CHECK_OK(batch_add(&site->batch, p, &err), err);
    return p;
}

static void publish(struct site *site)
{
    struct error err;

    CHECK_OK(publish_batch(&site->publisher, &site->batch, &err), err);
    batch_release(&site->batch);
}

static bool holds(const char *path, const char *text)
{
    char whole[PATH_SIZE];
    struct buffer bytes = {0};
    struct error err;
    const bool ok = path_format(whole, &err, "%s/public/%s", test_folder(), path) &&
                    path_read_file(whole, 1000, &bytes, &err) && strcmp(buffer_text(&bytes), text) == 0;

    buffer_release(&bytes);
    return ok;
}

static const char frame_path[] = "dicomweb/studies/1.1/series/1.2/instances/1.3/frames/1";

TEST(test_publish__files_and_rows_agree)
{
    struct site site;

    open_site(&site);
    const int64_t id = insert(&site, "1.3", "/a");
    add(&site, id, "bytes", "picture");
    publish(&site);
    CHECK(holds(frame_path, "picture"));
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM artefact WHERE bytes = 7"), 2);
    CHECK_EQ_INT(number(&site, "SELECT state = 'done' AND source_digest IS NOT NULL FROM instance"), 1);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM product WHERE state = 'done'"), 2);
    close_site(&site);
}

TEST(test_publish__a_missing_staged_file_fails_its_own_instance_only)
{
    struct site site;
    char path[PATH_SIZE];
    struct error err;

    open_site(&site);
    add(&site, insert(&site, "1.3", "/a"), "one", "picture");
    const struct publication *const bad = add(&site, insert(&site, "1.4", "/b"), "two", "other");
    CHECK_OK(path_format(path, &err, "%s/work/staging/%s/2", test_folder(), bad->staging), err);
    CHECK_EQ_INT(unlink(path), 0);
    publish(&site);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM instance WHERE state = 'done'"), 1);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM instance WHERE state = 'failed' AND reason = 'io'"), 1);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM artefact"), 2);
    CHECK(!holds("dicomweb/studies/1.1/series/1.2/instances/1.4/frames/1", "other"));
    close_site(&site);
}

TEST(test_publish__a_staged_file_of_another_size_is_refused)
{
    struct site site;

    open_site(&site);
    add(&site, insert(&site, "1.3", "/a"), "one", "picture")->result.manifest.products[0].artefacts[0].bytes = 99;
    publish(&site);
    CHECK_EQ_INT(number(&site, "SELECT reason = 'protocol' FROM instance WHERE state = 'failed'"), 1);
    close_site(&site);
}

TEST(test_publish__what_is_replaced_in_place_goes_and_what_has_a_digest_waits)
{
    struct site site;

    open_site(&site);
    const int64_t id = insert(&site, "1.3", "/a");
    add(&site, id, "bytes", "before");
    publish(&site);
    add(&site, id, "bytes", "after");
    publish(&site);
    CHECK(holds(frame_path, "after"));
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM garbage WHERE path LIKE 'public/studies/1.1/1.2/1.3/picture.%.webp'"), 1);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM artefact"), 2);
    add(&site, id, "bytes", "before");
    publish(&site);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM garbage"), 1); /* the other one now */
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM garbage g JOIN artefact a ON g.path = 'public/' || a.path"), 0);
    close_site(&site);
}

TEST(test_publish__the_same_bytes_twice_are_a_duplicate_of_the_first_path)
{
    struct site site;

    open_site(&site);
    add(&site, insert(&site, "1.3", "/b"), "bytes", "picture");
    add(&site, insert(&site, "1.3", "/a"), "bytes", "picture");
    publish(&site);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM instance"), 1);
    CHECK_EQ_INT(number(&site, "SELECT source = '/a' FROM instance"), 1);
    CHECK_EQ_INT(number(&site, "SELECT source = '/b' AND reason = 'duplicate' FROM rejected"), 1);
    close_site(&site);
}

TEST(test_publish__of_a_conflict_in_one_batch_one_is_current)
{
    struct site site;

    open_site(&site);
    add(&site, insert(&site, "1.3", "/b"), "two", "second");
    add(&site, insert(&site, "1.3", "/a"), "one", "first");
    publish(&site);
    CHECK(holds(frame_path, "second"));
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM artefact WHERE path LIKE 'studies/1.1/1.2/conflict/%'"), 2);
    CHECK_EQ_INT(number(&site, "SELECT source = '/b' FROM instance WHERE is_current"), 1);
    close_site(&site);
}

TEST(test_publish__a_later_object_takes_the_place_of_the_current_one)
{
    struct site site;

    open_site(&site);
    add(&site, insert(&site, "1.3", "/a"), "one", "first");
    publish(&site);
    add(&site, insert(&site, "1.3", "/b"), "two", "second");
    publish(&site);
    CHECK(holds(frame_path, "second"));
    CHECK_EQ_INT(number(&site, "SELECT source = '/b' FROM instance WHERE is_current"), 1);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM artefact WHERE path LIKE 'studies/1.1/1.2/conflict/%/frames/1'"), 1);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM artefact"), 4);
    close_site(&site);
}

TEST(test_publish__keep_first_leaves_the_current_one_where_it_is)
{
    struct site site;

    open_site(&site);
    site.publisher.keep_first = true;
    add(&site, insert(&site, "1.3", "/a"), "one", "first");
    publish(&site);
    add(&site, insert(&site, "1.3", "/b"), "two", "second");
    publish(&site);
    CHECK(holds(frame_path, "first"));
    CHECK_EQ_INT(number(&site, "SELECT source = '/a' FROM instance WHERE is_current"), 1);
    close_site(&site);
}

/* What the publication keeps of its instance. NULL: nothing. */
static void keep(struct publication *p, const char *relic, const char *metadata)
{
    struct error err;

    if (relic != NULL)
        CHECK_OK(buffer_append(&p->result.relic, relic, strlen(relic) + 1, &err), err); /* a NUL, too */
    p->result.metadata = metadata != NULL ? memory_string(metadata, &err) : NULL;
}

static bool kept(struct site *site, const char *relic, const char *metadata)
{
    struct cursor *cursor = NULL;
    struct error err;
    size_t size = 0;

    CHECK_OK(catalogue_select(site->catalogue, "SELECT relic, metadata FROM keep", NO_VALUES, &cursor, &err), err);
    CHECK(cursor_next(cursor));
    const void *const found = cursor_blob(cursor, 0, &size);
    const bool same = (relic != NULL ? size == strlen(relic) + 1 && memcmp(found, relic, size) == 0 : size == 0) &&
                      strcmp(cursor_text(cursor, 1), metadata) == 0;
    CHECK(!cursor_next(cursor));
    CHECK_OK(cursor_end(cursor, &err), err);
    return same;
}

TEST(test_publish__of_the_same_bytes_what_is_not_told_again_stays_kept)
{
    struct site site;
    struct error err;

    open_site(&site);
    const int64_t id = insert(&site, "1.3", "/a");
    keep(add(&site, id, "bytes", "picture"), "relic", "{}");
    publish(&site);
    CHECK(kept(&site, "relic", "{}"));
    keep(add(&site, id, "bytes", "picture"), NULL, NULL);
    publish(&site);
    CHECK(kept(&site, "relic", "{}"));
    keep(add(&site, id, "bytes", "picture"), "relic", "{1}");
    publish(&site);
    CHECK(kept(&site, "relic", "{1}"));
    struct publication *const render = publication_new(JOB_RENDER, &err);
    render->instance_id = id;
    render->stages = memory_string("webp", &err);
    render->result.kind = JOB_RENDER;
    keep(render, NULL, "{2}");
    CHECK_OK(batch_add(&site.batch, render, &err), err);
    publish(&site);
    CHECK(kept(&site, "relic", "{2}"));
    close_site(&site);
}

TEST(test_publish__other_bytes_take_away_what_was_kept_of_the_former)
{
    struct site site;

    open_site(&site);
    const int64_t id = insert(&site, "1.3", "/a");
    keep(add(&site, id, "bytes", "picture"), "relic", "{}");
    publish(&site);
    keep(add(&site, id, "others", "another picture"), "new", NULL);
    publish(&site);
    CHECK(kept(&site, "new", ""));
    close_site(&site);
}

TEST(test_publish__what_is_kept_goes_with_its_instance)
{
    struct site site;
    struct leftovers leftovers = {0};
    struct error err;

    open_site(&site);
    const int64_t id = insert(&site, "1.3", "/a");
    keep(add(&site, id, "bytes", "picture"), "relic", "{}");
    publish(&site);
    CHECK_OK(publish_forget(&site.publisher, id, &leftovers, &err), err);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM keep"), 0);
    leftovers_release(&leftovers);
    close_site(&site);
}

TEST(test_publish__of_a_publication_that_fails_nothing_is_kept)
{
    struct site site;
    struct error err;
    char path[PATH_SIZE];

    open_site(&site);
    struct publication *const p = add(&site, insert(&site, "1.3", "/a"), "bytes", "picture");
    keep(p, "relic", "{}");
    CHECK_OK(path_format(path, &err, "%s/work/staging/%s", test_folder(), p->staging), err);
    CHECK_OK(path_remove_tree(path, &err), err);
    publish(&site);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM keep"), 0);
    CHECK_EQ_INT(number(&site, "SELECT state = 'failed' FROM instance"), 1);
    close_site(&site);
}

/* A stream's member with the bytes of the current object and the first name: by keep-last another one is current. */
TEST(test_publish__an_older_object_becomes_current_again)
{
    struct site site;
    struct error err;

    open_site(&site);
    add(&site, insert(&site, "1.3", "/b"), "two", "second");
    add(&site, insert(&site, "1.3", "/c"), "three", "third");
    publish(&site);
    CHECK(holds(frame_path, "third"));
    struct publication *const p = add(&site, 0, "three", "third");
    p->path = memory_string("/a.tar", &err);
    p->member = memory_string("m", &err);
    p->order = memory_string("/a.tar", &err);
    CHECK_OK(record_set(&p->result.record, RECORD_study_instance_uid, "1.1", &err), err);
    CHECK_OK(record_set(&p->result.record, RECORD_series_instance_uid, "1.2", &err), err);
    CHECK_OK(record_set(&p->result.record, RECORD_sop_instance_uid, "1.3", &err), err);
    publish(&site);
    CHECK(holds(frame_path, "second"));
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM instance"), 2);
    CHECK_EQ_INT(number(&site, "SELECT source = '/b' FROM instance WHERE is_current"), 1);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM artefact WHERE path LIKE 'studies/1.1/1.2/conflict/%/frames/1'"), 1);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM artefact"), 4);
    close_site(&site);
}

TEST(test_publish__a_failed_object_has_products_that_say_so)
{
    struct site site;
    struct error err;

    open_site(&site);
    struct publication *const p = publication_new(JOB_OBJECT, &err);
    p->instance_id = insert(&site, "1.3", "/a");
    p->stages = memory_string("codestream,webp", &err);
    p->result.kind = JOB_OBJECT;
    p->result.state = INSTANCE_QUARANTINED;
    p->result.error = ERROR_CRASHED;
    CHECK_OK(batch_add(&site.batch, p, &err), err);
    publish(&site);
    CHECK_EQ_INT(number(&site, "SELECT state = 'quarantined' AND reason = 'crashed' FROM instance"), 1);
    CHECK_EQ_INT(number(&site, "SELECT count(*) FROM product WHERE state = 'failed' AND reason = 'crashed'"), 2);
    close_site(&site);
}

TEST(test_publish__a_member_of_a_stream_gets_its_row_when_it_settles)
{
    struct site site;
    struct error err;

    open_site(&site);
    struct publication *const p = add(&site, 0, "bytes", "picture");
    p->path = memory_string("-", &err);
    p->member = memory_string("m", &err);
    p->order = memory_string("-\x01" "0", &err);
    CHECK_OK(record_set(&p->result.record, RECORD_study_instance_uid, "1.1", &err), err);
    CHECK_OK(record_set(&p->result.record, RECORD_series_instance_uid, "1.2", &err), err);
    CHECK_OK(record_set(&p->result.record, RECORD_sop_instance_uid, "1.3", &err), err);
    publish(&site);
    CHECK_EQ_INT(number(&site, "SELECT source = '-' AND member = 'm' AND state = 'done' FROM instance"), 1);
    CHECK(holds(frame_path, "picture"));
    close_site(&site);
}
