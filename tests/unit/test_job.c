/* links: base dicom job */
#include "job/job.h"

#include "base/memory.h"
#include "job/keep.h"
#include "tests/support/hostile.h"
#include "tests/support/test.h"

#define TRY(type, prefix)                                                     \
    static enum error_kind try_##prefix(const void *data, size_t size)        \
    {                                                                         \
        struct type value = {0};                                              \
        struct error err = {0};                                               \
        if (!prefix##_parse(data, size, &value, &err))                        \
            return err.kind;                                                  \
        prefix##_release(&value);                                             \
        return ERROR_NONE;                                                    \
    }

TRY(worker_setup, worker_setup)
TRY(worker_hello, worker_hello)
TRY(job, job)
TRY(index_result, index_result)
TRY(feed_member, feed_member)
TRY(job_result, job_result)

/* What was written, parsed and written again is the same; and hostile changes are refused. */
#define CHECK_WIRE(type, prefix, value)                                           \
    do {                                                                          \
        struct type back_ = {0};                                                 \
        struct buffer one_ = {0}, twice_ = {0};                                  \
        struct error err_ = {0};                                                  \
        CHECK_OK(prefix##_write((value), &one_, &err_), err_);                   \
        CHECK_OK(prefix##_parse(one_.data, one_.size, &back_, &err_), err_);   \
        CHECK_OK(prefix##_write(&back_, &twice_, &err_), err_);                  \
        CHECK_EQ_INT(twice_.size, one_.size);                                    \
        CHECK_EQ_MEM(twice_.data, one_.data, one_.size);                        \
        hostile_check(try_##prefix, one_.data, one_.size, ERROR_PROTOCOL, 5000); \
        prefix##_release(&back_);                                                \
        buffer_release(&one_);                                                   \
        buffer_release(&twice_);                                                  \
    } while (0)

static char path[] = "/data/\xFF in.dcm", member[] = "a/b.dcm", empty[] = "";

TEST(test_job__setup)
{
    struct stage_setting settings[] = {{(char[]){"tiles"}, (char[]){"min_size"}, (char[]){"64"}},
                                       {(char[]){"webp"}, (char[]){"sizes"}, empty}};
    const struct worker_setup setup = {.site = (char[]){"/srv/site"}, .memory_bytes = 1 << 30,
                                       .cpu_seconds = 600, .file_bytes = 1 << 30, .nice_threads = 2,
                                       .setting_count = 2, .settings = settings};
    CHECK_WIRE(worker_setup, worker_setup, &setup);
}

TEST(test_job__hello)
{
    struct option options[] = {
        {.name = "quality", .type = OPTION_INT, .default_value = "80", .least = 1, .most = 100, .help = "x"},
        {.name = "format", .type = OPTION_CHOICE, .default_value = "jpeg", .choices = "jpeg webp", .help = "y",
         .for_join = true},
        {0}};
    struct stage_row rows[] = {{.name = (char[]){"thumbnail"}, .summary = (char[]){"small pictures"}, .version = 3,
                                .needs = 2, .on_by_default = true, .option_count = 2, .options = options,
                                .canonical_options = (char[]){"quality=80\nformat=jpeg\n"}}};
    const struct worker_hello hello = {
        .protocol = 1, .libraries = (char[]){"gdcm 3.0.21"}, .stage_count = 1, .stages = rows};
    struct worker_hello found = {0};
    struct buffer out = {0};
    struct error err;

    CHECK_WIRE(worker_hello, worker_hello, &hello);
    CHECK_OK(worker_hello_write(&hello, &out, &err), err);
    CHECK_OK(worker_hello_parse(out.data, out.size, &found, &err), err);
    CHECK_OK(option_check(found.stages[0].options, "format", "webp", &err), err);
    CHECK(!option_check(found.stages[0].options, "format", "gif", &err));
    CHECK(found.stages[0].options[2].name == NULL);
    CHECK(!found.stages[0].options[0].for_join && found.stages[0].options[1].for_join);
    worker_hello_release(&found);
    buffer_release(&out);
}

static struct source sources[] = {
    {.kind = SOURCE_FILE, .path = path, .size = 5},
    {.kind = SOURCE_MEMBER, .path = path, .member = 9, .member_name = member, .depth = 1}};

TEST(test_job__jobs_of_every_kind)
{
    struct byte_range ranges[] = {{0, 8, 8, 100}, {1, 16, 16, 400}};
    struct artefact artefact = {.place = PLACE_FRAME, .name = "frame-1", .media_type = "image/jphc", .frame = 1,
                                .columns = 16, .rows = 16, .bytes = 400, .files = 1, .range_count = 2,
                                .ranges = ranges};
    const struct job index = {.kind = JOB_INDEX, .source_count = 2, .sources = sources, .want_digest = true};
    const struct job render = {
        .kind = JOB_RENDER, .stages = (char[]){"thumbnail"}, .staging = "job-1", .staging_first = 7, .has_window = true,
        .window = {40, 400, VOI_LINEAR, "WINDOW1"}, .subject = {"1.2", "1.3", "1.4", "0123456789abcdef"},
        .spool = "job-0", .spool_offset = 5, .spool_bytes = 9, .has_source_digest = true,
        .relic = {.data = (uint8_t[]){1, 0, 255, 0}, .size = 4}};
    const struct job verify = {.kind = JOB_VERIFY, .expected_count = 1, .expected = &artefact};

    CHECK_WIRE(job, job, &index);
    CHECK_WIRE(job, job, &render);
    CHECK_WIRE(job, job, &verify);
}

TEST(test_job__a_series_and_its_members)
{
    struct series_member members[] = {
        {.sop = "1.2.1", .slices_bytes = 3, .has_source = true, .source = {.kind = SOURCE_SPOOL, .path = path, .offset = 7}},
        {.sop = "1.2.2", .slices_offset = 3, .slices_bytes = 2, .planes = "job-0", .planes_offset = 5, .planes_bytes = 9}};
    struct job series = {
        .kind = JOB_SERIES, .stages = (char[]){"volume"}, .subject = {"1.2", "1.3", "", ""}, .member_count = 2,
        .members = members, .slices = {.data = (uint8_t[]){1, 2, 3, 4, 5}, .size = 5}};
    struct buffer out = {0};
    struct job found = {0};
    struct error err;

    CHECK_WIRE(job, job, &series);
    CHECK_OK(job_write(&series, &out, &err), err);
    CHECK_OK(job_parse(out.data, out.size, &found, &err), err);
    CHECK_EQ_INT(found.slices.data[found.members[1].slices_offset], 4);
    CHECK_EQ_INT(found.members[0].source.offset, 7);
    struct series_member alone = {0};
    struct buffer slices = {0}, one = {0};
    CHECK_OK(series_member_write(&found, 1, &one, &err), err);
    CHECK_OK(series_member_parse(one.data, one.size, &alone, &slices, &err), err);
    CHECK_EQ_STR(alone.sop, "1.2.2");
    CHECK_EQ_STR(alone.planes, "job-0");
    CHECK(slices.size == 2 && slices.data[0] == 4 && alone.slices_offset == 0 && alone.slices_bytes == 2);
    CHECK(!series_member_parse(one.data, one.size - 1, &alone, &slices, &err));
    CHECK_EQ_INT(err.kind, ERROR_PROTOCOL);
    source_release(&alone.source);
    buffer_release(&one);
    buffer_release(&slices);
    job_drop_members(&found);
    CHECK(found.member_count == 0 && found.slices.data == NULL);
    CHECK_EQ_STR(found.stages, "volume");
    job_release(&found);
    buffer_clear(&out);
    series.slices.size = 4; /* the last member's slices end behind them */
    CHECK(!job_write(&series, &out, &err) || try_job(out.data, out.size) == ERROR_PROTOCOL);
    buffer_release(&out);
}

static void set_uids(struct record *record)
{
    struct error err;

    CHECK_OK(record_set(record, RECORD_study_instance_uid, "1.2.3", &err), err);
    CHECK_OK(record_set(record, RECORD_series_instance_uid, "1.2.3.4", &err), err);
    CHECK_OK(record_set(record, RECORD_sop_instance_uid, "2.25.5", &err), err);
}

TEST(test_job__index_results)
{
    struct zip_member members[] = {{0, 100, 50, 0, member}, {1, 0, 0, MEMBER_FOLDER, empty}};
    struct index_result object = {.item = 3, .outcome = INDEX_OBJECT, .has_digest = true, .bytes = 7, .frames = 1};
    const struct index_result zip = {.outcome = INDEX_ZIP, .member_count = 2, .members = members};
    const struct index_result rejected = {
        .outcome = INDEX_REJECTED, .ignored = true, .kind = ERROR_NOT_DICOM, .text = "a text"};

    set_uids(&object.record);
    CHECK_WIRE(index_result, index_result, &object);
    CHECK_WIRE(index_result, index_result, &zip);
    CHECK_WIRE(index_result, index_result, &rejected);
    record_release(&object.record);
}

TEST(test_job__feed_members)
{
    const struct feed_member good = {.number = 1, .name = member, .spool = (char[]){"feed-1-1"}, .bytes = 5};
    const struct feed_member bad = {.number = 2, .kind = ERROR_UNSUPPORTED, .text = "a link"};

    CHECK_WIRE(feed_member, feed_member, &good);
    CHECK_WIRE(feed_member, feed_member, &bad);
}

TEST(test_job__object_result)
{
    struct window_row windows[] = {{0, {40, 400, VOI_LINEAR, "soft"}, "tag", true}};
    struct job_result result = {.kind = JOB_OBJECT, .state = INSTANCE_DONE, .has_record = true,
                                .notes = (char[]){"one\ntwo\n"}, .frames = 1, .window_count = 1,
                                .windows = windows, .metadata = (char[]){"{\"a\":1}\n"},
                                .relic = {.data = (uint8_t[]){0, 7, 0, 0x80}, .size = 4},
                                .histogram = {.data = (uint8_t[]){0, 0, 0}, .size = 3}};
    struct error err;
    struct product *const product = manifest_add(&result.manifest, "thumbnail", 1, &err);

    CHECK(product != NULL);
    struct artefact *const artefact = product_add(product, &err);
    CHECK(artefact != NULL);
    artefact->place = PLACE_THUMBNAIL;
    (void)snprintf(artefact->name, sizeof artefact->name, "thumbnail");
    (void)snprintf(artefact->media_type, sizeof artefact->media_type, "image/jpeg");
    set_uids(&result.record);
    CHECK_WIRE(job_result, job_result, &result);
    result.state = INSTANCE_FAILED;
    result.error = ERROR_CORRUPT;
    (void)snprintf(result.text, sizeof result.text, "rows is 0");
    CHECK_WIRE(job_result, job_result, &result);
    record_release(&result.record);
    manifest_release(&result.manifest);
}

TEST(test_job__what_is_kept_is_bounded_both_ways)
{
    struct job_result result = {.kind = JOB_RENDER}, found = {0};
    struct buffer out = {0};
    struct error err = {0};

    CHECK_OK(buffer_reserve(&result.relic, KEEP_RELIC_MOST + 1, &err), err);
    memset(result.relic.data, 5, KEEP_RELIC_MOST + 1);
    result.relic.size = KEEP_RELIC_MOST + 1;
    CHECK(!job_result_write(&result, &out, &err));
    CHECK_EQ_INT(err.kind, ERROR_PROTOCOL);
    buffer_clear(&out);
    result.relic.size = KEEP_RELIC_MOST;
    CHECK_OK(job_result_write(&result, &out, &err), err);
    CHECK_OK(job_result_parse(out.data, out.size, &found, &err), err);
    CHECK_EQ_INT(found.relic.size, KEEP_RELIC_MOST);
    CHECK_EQ_INT(found.relic.data[KEEP_RELIC_MOST - 1], 5);
    job_result_drop_kept(&found);
    CHECK(found.relic.data == NULL && found.relic.size == 0 && found.metadata == NULL);
    job_result_release(&found);
    /* a peer that announces one byte more than may be */
    uint8_t *const size = memmem(out.data, out.size, (uint8_t[]){0, 0, 0x80, 0, 5, 5, 5, 5}, 8);
    CHECK(size != NULL);
    size[0] = 1;
    CHECK_EQ_INT(try_job_result(out.data, out.size), ERROR_PROTOCOL);
    job_result_release(&result);
    buffer_release(&out);
}

TEST(test_job__names_and_paths_from_a_peer_are_checked)
{
    struct feed_member member_out = {.spool = (char[]){"../x"}};
    struct buffer out = {0};
    struct error err;

    CHECK(!feed_member_write(&member_out, &out, &err) || try_feed_member(out.data, out.size) == ERROR_PROTOCOL);
    buffer_clear(&out);
    struct job_result result = {.kind = JOB_OBJECT, .state = INSTANCE_DONE};
    CHECK_OK(job_result_write(&result, &out, &err), err);
    CHECK_EQ_INT(try_job_result(out.data, out.size), ERROR_PROTOCOL);
    buffer_release(&out);
}

TEST(test_job__texts_are_cleaned_on_the_way_out)
{
    struct job_result result = {.kind = JOB_FEED, .error = ERROR_CORRUPT, .text = "bad \xFF\n\x1B[2J"};
    struct job_result found = {0};
    struct buffer out = {0};
    struct error err;

    CHECK_OK(job_result_write(&result, &out, &err), err);
    CHECK_OK(job_result_parse(out.data, out.size, &found, &err), err);
    CHECK_EQ_STR(found.text, "bad \xEF\xBF\xBD  [2J");
    job_result_release(&found);
    buffer_release(&out);
}

TEST(test_job__states_have_words)
{
    for (unsigned i = INSTANCE_PENDING; i <= INSTANCE_QUARANTINED; i++) {
        enum instance_state state = INSTANCE_PENDING;
        CHECK(instance_state_of_word(instance_state_word((enum instance_state)i), &state));
        CHECK_EQ_INT(state, i);
    }
}
