/* links: base dicom job coordinator */
#include "coordinator/catalogue.h"

#include <pthread.h>

#include "base/path.h"
#include "coordinator/catalogue_instance.h"
#include "coordinator/catalogue_source.h"
#include "tests/support/test.h"

static struct catalogue *open_fresh(const char *folder)
{
    struct catalogue *catalogue = NULL;
    struct error err;

    CHECK_OK(catalogue_open(folder, CATALOGUE_WRITE, &catalogue, &err), err);
    return catalogue;
}

static int64_t number(struct catalogue *catalogue, const char *sql)
{
    struct error err;
    int64_t value = 0;

    CHECK_OK(catalogue_number(catalogue, sql, NO_VALUES, -1, &value, &err), err);
    return value;
}

static void execute(struct catalogue *catalogue, const char *sql)
{
    struct error err;

    CHECK_OK(catalogue_execute(catalogue, sql, NO_VALUES, &err), err);
}

TEST(test_catalogue__new_one_has_identity_version_and_safe_settings)
{
    struct catalogue *const c = open_fresh(test_folder());

    CHECK_EQ_INT(number(c, "PRAGMA application_id"), CATALOGUE_APPLICATION_ID);
    CHECK_EQ_INT(number(c, "PRAGMA user_version"), CATALOGUE_VERSION);
    CHECK_EQ_INT(number(c, "PRAGMA foreign_keys"), 1);
    CHECK_EQ_INT(number(c, "PRAGMA synchronous"), 2);
    catalogue_close(c);
}

TEST(test_catalogue__opens_again_and_keeps_its_rows)
{
    const char *const folder = test_folder();
    struct catalogue *c = open_fresh(folder);

    execute(c, "INSERT INTO garbage VALUES ('x', 1)");
    catalogue_close(c);
    c = open_fresh(folder);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM garbage"), 1);
    catalogue_close(c);
}

TEST(test_catalogue__another_database_is_refused)
{
    const char *const folder = test_folder();
    struct catalogue *c = open_fresh(folder);
    struct error err;

    execute(c, "PRAGMA application_id = 5");
    catalogue_close(c);
    c = NULL;
    CHECK(!catalogue_open(folder, CATALOGUE_WRITE, &c, &err));
    CHECK_EQ_INT(err.kind, ERROR_CATALOGUE);
}

TEST(test_catalogue__a_newer_version_is_refused)
{
    const char *const folder = test_folder();
    struct catalogue *c = open_fresh(folder);
    struct error err;

    execute(c, "PRAGMA user_version = 99");
    catalogue_close(c);
    c = NULL;
    CHECK(!catalogue_open(folder, CATALOGUE_WRITE, &c, &err));
    CHECK(strstr(err.text, "99") != NULL);
}

TEST(test_catalogue__an_older_version_is_refused_and_left_alone)
{
    const char *const folder = test_folder();
    struct catalogue *c = open_fresh(folder);
    struct error err;

    execute(c, "PRAGMA user_version = 1");
    catalogue_close(c);
    for (int i = 0; i < 2; i++) {
        c = NULL;
        CHECK(!catalogue_open(folder, i == 0 ? CATALOGUE_WRITE : CATALOGUE_READ, &c, &err));
        CHECK_EQ_INT(err.kind, ERROR_CATALOGUE);
        CHECK_HAS(err.text, "make the site again");
    }
}

#define BACK_TO_VERSION_4 "DROP TABLE wording", "ALTER TABLE instance DROP COLUMN wording_id"

/* With notes of an instance and of two series, of which one has two products. */
static const char *const back_to_version_3[] = {
    BACK_TO_VERSION_4,
    "DROP INDEX rejected_io", "ALTER TABLE product DROP COLUMN notes", "ALTER TABLE series ADD COLUMN notes TEXT",
    "INSERT INTO study (study_instance_uid) VALUES ('1')",
    "INSERT INTO series (study_instance_uid, series_instance_uid, notes) VALUES ('1', '1.1', 'slide-1: sRGB'),"
    " ('1', '1.2', 'volume 1: none made')",
    "INSERT INTO instance (study_instance_uid, series_instance_uid, sop_instance_uid, source, source_order, notes)"
    " VALUES ('1', '1.1', '1.1.1', '/a', '/a', 'repaired'), ('1', '1.1', '1.1.2', '/b', '/b', NULL)",
    "INSERT INTO product (study_instance_uid, series_instance_uid, instance_id, subject, stage, stage_version,"
    " options_digest, input_digest, state) VALUES ('1', '1.1', 1, 'instance', 'webp', 1, '', '', 'done'),"
    " ('1', '1.1', 1, 'instance', 'codestream', 1, '', '', 'done'),"
    " ('1', '1.1', 2, 'instance', 'webp', 1, '', '', 'done'),"
    " ('1', '1.1', NULL, 'series', 'volume', 1, '', '', 'done'),"
    " ('1', '1.1', NULL, 'series', 'slides', 1, '', '', 'done'),"
    " ('1', '1.2', NULL, 'series', 'volume', 1, '', '', 'done')",
    "PRAGMA user_version = 3", NULL};

TEST(test_catalogue__version_3_becomes_the_present_one_and_keeps_its_notes)
{
    const char *const folder = test_folder();
    struct catalogue *c = open_fresh(folder);

    for (const char *const *sql = back_to_version_3; *sql != NULL; sql++)
        execute(c, *sql);
    catalogue_close(c);
    c = open_fresh(folder);
    CHECK_EQ_INT(number(c, "PRAGMA user_version"), CATALOGUE_VERSION);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM product WHERE notes IS NOT NULL"), 3);
    CHECK_EQ_INT(number(c, "SELECT notes = 'repaired' FROM product WHERE stage = 'codestream'"), 1);
    CHECK_EQ_INT(number(c, "SELECT notes = 'slide-1: sRGB' FROM product WHERE stage = 'slides'"), 1);
    CHECK_EQ_INT(number(c, "SELECT notes = 'volume 1: none made' FROM product WHERE series_instance_uid = '1.2'"), 1);
    CHECK_EQ_INT(number(c, "SELECT " INSTANCE_NOTES("i") " = printf('repaired%s', char(10)) FROM instance i"
                           " WHERE source = '/a'"), 1);
    CHECK_EQ_INT(number(c, "SELECT " INSTANCE_NOTES("i") " IS NULL FROM instance i WHERE source = '/b'"), 1);
    catalogue_close(c);
}

TEST(test_catalogue__notes_of_an_instance_and_its_products_are_each_told_once)
{
    struct catalogue *const c = open_fresh(test_folder());

    CHECK_EQ_INT(number(c, "SELECT each_line_once(printf('b%sa%sb', char(10), char(10)))"
                           " = printf('b%sa%s', char(10), char(10))"), 1);
    CHECK_EQ_INT(number(c, "SELECT each_line_once(char(10)) IS NULL AND each_line_once(NULL) IS NULL"), 1);
    catalogue_close(c);
}

static const char *const back_to_version_2[] = {
    BACK_TO_VERSION_4,
    "DROP INDEX rejected_io", "ALTER TABLE product DROP COLUMN notes", "ALTER TABLE series ADD COLUMN notes TEXT",
    "ALTER TABLE run DROP COLUMN wanted", "DROP INDEX instance_failed", "DROP INDEX product_failed",
    "DROP INDEX product_of_nobody",
    "DROP TABLE slide_level_instance", "DROP TABLE slide_level", "DROP TABLE slide_pyramid",
    "ALTER TABLE keep DROP COLUMN slide", "ALTER TABLE series DROP COLUMN slide_digest",
    "ALTER TABLE instance DROP COLUMN specimen_label_in_image",
    "INSERT INTO study (study_instance_uid, state) VALUES ('1', 'done'), ('2', 'done')",
    "INSERT INTO series (study_instance_uid, series_instance_uid, state) VALUES ('1', '1.1', 'done'), ('2', '2.1', 'done')",
    "INSERT INTO instance (study_instance_uid, series_instance_uid, sop_instance_uid, sop_class_uid, source, source_order,"
    " state) VALUES ('1', '1.1', '1.1.1', '1.2.840.10008.5.1.4.1.1.77.1.6', '/a', '/a', 'done'),"
    " ('2', '2.1', '2.1.1', '1.2.840.10008.5.1.4.1.1.2', '/b', '/b', 'done')",
    "PRAGMA user_version = 2", NULL};

TEST(test_catalogue__version_2_becomes_the_present_one_and_slides_are_read_again)
{
    static const char columns[] = "SELECT sum(unicode(substr(c.name, 2)) * length(c.name) + c.\"notnull\") FROM sqlite_schema t,"
                                  " pragma_table_info(t.name) c WHERE t.type = 'table'";
    const char *const folder = test_folder();
    struct catalogue *c = open_fresh(folder);
    struct error err;
    const int64_t present = number(c, columns), things = number(c, "SELECT count(*) FROM sqlite_schema");

    for (const char *const *sql = back_to_version_2; *sql != NULL; sql++)
        execute(c, *sql);
    CHECK(number(c, columns) != present);
    catalogue_close(c);
    c = NULL;
    CHECK(!catalogue_open(folder, CATALOGUE_READ, &c, &err)); /* nobody may write then */
    CHECK_HAS(err.text, "the next run");
    c = open_fresh(folder);
    CHECK_EQ_INT(number(c, "PRAGMA user_version"), CATALOGUE_VERSION);
    CHECK_EQ_INT(number(c, columns), present);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM sqlite_schema"), things);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM instance WHERE state = 'pending' AND source = '/a'"), 1);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM instance WHERE state = 'done' AND source = '/b'"), 1);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM study WHERE state = 'pending'"), 1);
    catalogue_close(c);
}

TEST(test_catalogue__reading_mode_does_not_make_a_site)
{
    struct catalogue *c = NULL;
    struct error err;

    CHECK(!catalogue_open(test_folder(), CATALOGUE_READ, &c, &err));
    CHECK_EQ_INT(err.kind, ERROR_IO);
}

TEST(test_catalogue__rollback_leaves_nothing)
{
    struct catalogue *const c = open_fresh(test_folder());
    struct error err;

    CHECK_OK(catalogue_begin(c, &err), err);
    execute(c, "INSERT INTO garbage VALUES ('x', 1)");
    catalogue_rollback(c);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM garbage"), 0);
    catalogue_close(c);
}

TEST(test_catalogue__statements_may_run_within_a_cursor_even_the_same_one)
{
    struct catalogue *const c = open_fresh(test_folder());
    struct cursor *outer = NULL;
    struct error err;
    int rows = 0;

    execute(c, "INSERT INTO garbage VALUES ('x', 1), ('y', 2), ('z', 3)");
    static const char sql[] = "SELECT path FROM garbage ORDER BY path";
    CHECK_OK(catalogue_select(c, sql, NO_VALUES, &outer, &err), err);
    while (cursor_next(outer)) {
        struct cursor *inner = NULL;

        CHECK_OK(catalogue_select(c, sql, NO_VALUES, &inner, &err), err);
        while (cursor_next(inner))
            rows++;
        CHECK_OK(cursor_end(inner, &err), err);
    }
    CHECK_OK(cursor_end(outer, &err), err);
    CHECK_EQ_INT(rows, 9);
    catalogue_close(c);
}

TEST(test_catalogue__wrong_sql_is_an_error_with_its_text)
{
    struct catalogue *const c = open_fresh(test_folder());
    struct error err;

    CHECK(!catalogue_execute(c, "SELECT nothing FROM nowhere", NO_VALUES, &err));
    CHECK_EQ_INT(err.kind, ERROR_CATALOGUE);
    CHECK(strstr(err.text, "nowhere") != NULL);
    catalogue_close(c);
}

TEST(test_catalogue__a_clash_of_rows_is_told_from_other_failures)
{
    struct catalogue *const c = open_fresh(test_folder());
    struct error err;

    execute(c, "INSERT INTO garbage VALUES ('x', 1)");
    CHECK(!catalogue_has_clash(c));
    CHECK(!catalogue_execute(c, "INSERT INTO garbage VALUES ('x', 2)", NO_VALUES, &err));
    CHECK(catalogue_has_clash(c));
    CHECK(!catalogue_execute(c, "INSERT INTO nowhere VALUES (1)", NO_VALUES, &err));
    CHECK(!catalogue_has_clash(c));
    CHECK(!catalogue_execute(c, "INSERT INTO keep (instance_id) VALUES (5)", NO_VALUES, &err)); /* of no instance */
    CHECK(catalogue_has_clash(c));
    execute(c, "INSERT INTO garbage VALUES ('y', 2)");
    CHECK(!catalogue_has_clash(c));
    catalogue_close(c);
}

TEST(test_catalogue__values_keep_their_types)
{
    struct catalogue *const c = open_fresh(test_folder());
    struct cursor *cursor = NULL;
    struct error err;

    CHECK_OK(catalogue_select(c, "SELECT ?, ?, ?, ?, ?, ?",
                              VALUES(value_text("t"), value_int(-5), value_real(1.5), value_null(), value_id(0),
                                     value_filled("")),
                              &cursor, &err), err);
    CHECK(cursor_next(cursor));
    CHECK_EQ_STR(cursor_text(cursor, 0), "t");
    CHECK_EQ_INT(cursor_int(cursor, 1), -5);
    CHECK(cursor_real(cursor, 2) == 1.5);
    CHECK(cursor_is_null(cursor, 3) && cursor_is_null(cursor, 4) && cursor_is_null(cursor, 5));
    CHECK_OK(cursor_end(cursor, &err), err);
    catalogue_close(c);
}

TEST(test_catalogue__blobs_keep_every_byte)
{
    struct catalogue *const c = open_fresh(test_folder());
    struct cursor *cursor = NULL;
    struct error err;
    uint8_t bytes[256 * 3];
    size_t size = 99;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    bytes[0] = bytes[sizeof bytes - 1] = 0;
    CHECK_OK(catalogue_select(c, "SELECT ?, ?, ?", VALUES(value_blob(bytes, sizeof bytes), value_blob(NULL, 0),
                                                          value_blob(bytes, 0)), &cursor, &err), err);
    uint8_t first[sizeof bytes];
    memcpy(first, bytes, sizeof bytes);
    memset(bytes, 0, sizeof bytes); /* the cursor does not lend from its values */
    CHECK(cursor_next(cursor));
    const void *const found = cursor_blob(cursor, 0, &size);
    CHECK_EQ_INT(size, sizeof bytes);
    CHECK_EQ_MEM(found, first, sizeof bytes);
    CHECK(cursor_type(cursor, 0) == VALUE_BLOB && cursor_is_null(cursor, 1) && cursor_is_null(cursor, 2));
    CHECK(cursor_blob(cursor, 1, &size) == NULL && size == 0);
    CHECK_OK(cursor_end(cursor, &err), err);
    catalogue_close(c);
}

static void *insert_many(void *client)
{
    struct catalogue *const c = client;
    struct error err;

    for (int i = 0; i < 50; i++) {
        if (!catalogue_begin(c, &err) ||
            !catalogue_execute(c, "UPDATE garbage SET since_ns = since_ns + 1", NO_VALUES, &err) ||
            !catalogue_execute(c, "UPDATE garbage SET since_ns = since_ns + 1", NO_VALUES, &err) ||
            !catalogue_commit(c, &err))
            return client;
    }
    return NULL;
}

TEST(test_catalogue__transactions_of_two_threads_do_not_mix)
{
    struct catalogue *const c = open_fresh(test_folder());
    pthread_t other;
    void *failed = NULL;

    execute(c, "INSERT INTO garbage VALUES ('x', 0)");
    CHECK_EQ_INT(pthread_create(&other, NULL, insert_many, c), 0);
    CHECK(insert_many(c) == NULL);
    CHECK_EQ_INT(pthread_join(other, &failed), 0);
    CHECK(failed == NULL);
    CHECK_EQ_INT(number(c, "SELECT since_ns FROM garbage"), 200);
    catalogue_close(c);
}

/* -- rows -------------------------------------------------------------------------------- */

static void fill(struct record *record, const char *sop, const char *patient)
{
    struct error err;

    CHECK_OK(record_set(record, RECORD_study_instance_uid, "1.2", &err), err);
    CHECK_OK(record_set(record, RECORD_series_instance_uid, "1.2.3", &err), err);
    CHECK_OK(record_set(record, RECORD_sop_instance_uid, sop, &err), err);
    CHECK_OK(record_set(record, RECORD_patient_name, patient, &err), err);
}

static int64_t insert(struct catalogue *c, const char *sop, const char *patient, const char *path)
{
    struct record record = {0};
    const struct origin origin = {path, NULL, -1, path};
    struct error err;
    int64_t id = 0;

    fill(&record, sop, patient);
    CHECK_OK(instance_insert(c, &record, &origin, 10, INSTANCE_PENDING, &id, &err), err);
    record_release(&record);
    return id;
}

static void take(struct catalogue *c)
{
    struct error err;

    CHECK_OK(series_take_texts(c, "1.2", "1.2.3", &err), err);
    CHECK_OK(study_take_texts(c, "1.2", &err), err);
}

TEST(test_catalogue__study_goes_by_the_first_object_in_order_of_path)
{
    struct catalogue *const c = open_fresh(test_folder());

    insert(c, "1.2.3.1", "Second", "/b");
    insert(c, "1.2.3.2", "First", "/a");
    insert(c, "1.2.3.3", "Third", "/c");
    take(c);
    CHECK_EQ_INT(number(c, "SELECT patient_name = 'First' AND source_order = '/a' FROM study"), 1);
    CHECK_EQ_INT(number(c, "SELECT source_order = '/a' FROM series"), 1);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM series"), 1);
    catalogue_close(c);
}

TEST(test_catalogue__texts_go_with_the_last_object_that_says_them)
{
    struct catalogue *const c = open_fresh(test_folder());
    const int64_t first = insert(c, "1.2.3.1", "Gone", "/a");
    const int64_t third = insert(c, "1.2.3.3", "Gone", "/c");
    struct error err;

    insert(c, "1.2.3.2", "Stays", "/b");
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM wording"), 2); /* one of those who say the same */
    CHECK_OK(instance_delete(c, first, &err), err);
    take(c);
    CHECK_EQ_INT(number(c, "SELECT patient_name = 'Stays' AND source_order = '/b' FROM study"), 1);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM wording"), 2);
    CHECK_OK(instance_delete(c, third, &err), err);
    take(c);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM wording WHERE patient_name = 'Stays'"), 1);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM wording"), 1);
    execute(c, "DELETE FROM instance");
    CHECK_OK(wording_drop_unused(c, &err), err);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM wording"), 0);
    catalogue_close(c);
}

TEST(test_catalogue__other_bytes_are_heard_instead_of_the_former_ones)
{
    struct catalogue *const c = open_fresh(test_folder());
    const int64_t id = insert(c, "1.2.3.1", "Former", "/a");
    const struct origin origin = {"/a", NULL, -1, "/a"};
    struct record record = {0};
    struct error err;

    insert(c, "1.2.3.2", "Other", "/b");
    take(c);
    execute(c, "UPDATE study SET state = 'done'");
    fill(&record, "1.2.3.1", "Corrected");
    CHECK_OK(instance_renew(c, id, &record, &origin, 10, &err), err);
    CHECK_EQ_INT(number(c, "SELECT state = 'pending' FROM study"), 1);
    take(c);
    CHECK_EQ_INT(number(c, "SELECT patient_name = 'Corrected' FROM study"), 1);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM wording WHERE patient_name = 'Former'"), 0);
    record_release(&record);
    catalogue_close(c);
}

TEST(test_catalogue__what_is_current_is_heard_before_what_has_lost_a_conflict)
{
    struct catalogue *const c = open_fresh(test_folder());

    insert(c, "1.2.3.1", "Lost", "/a");
    insert(c, "1.2.3.1", "Current", "/b");
    execute(c, "UPDATE instance SET is_current = 0 WHERE source = '/a'");
    take(c);
    CHECK_EQ_INT(number(c, "SELECT patient_name = 'Current' AND source_order = '/b' FROM study"), 1);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM wording"), 2);
    catalogue_close(c);
}

TEST(test_catalogue__of_objects_of_equal_order_the_uid_tells_which_is_first)
{
    for (int turn = 0; turn < 2; turn++) {
        struct catalogue *const c = open_fresh(test_folder());

        insert(c, turn == 0 ? "1.2.3.2" : "1.2.3.1", turn == 0 ? "Two" : "One", "-");
        insert(c, turn == 0 ? "1.2.3.1" : "1.2.3.2", turn == 0 ? "One" : "Two", "-");
        take(c);
        CHECK_EQ_INT(number(c, "SELECT patient_name = 'One' FROM study"), 1);
        execute(c, "DELETE FROM study");
        catalogue_close(c);
    }
}

/* A site of version 4: no object's words are known. */
TEST(test_catalogue__what_a_former_version_did_not_note_stays_until_it_is_read_again)
{
    struct catalogue *const c = open_fresh(test_folder());
    const int64_t first = insert(c, "1.2.3.1", "First", "/a"), second = insert(c, "1.2.3.2", "Second", "/b");
    struct record record = {0};
    struct error err;

    take(c);
    execute(c, "UPDATE instance SET wording_id = NULL");
    execute(c, "DELETE FROM wording");
    execute(c, "INSERT INTO source_file SELECT source, 1, 1, 1, 1, 1, 1 FROM instance");
    take(c);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM source_file WHERE read_ns = 0"), 0); /* they are those of the first */
    CHECK_OK(instance_delete(c, first, &err), err);
    take(c);
    CHECK_EQ_INT(number(c, "SELECT patient_name = 'First' FROM study"), 1);
    CHECK_EQ_INT(number(c, "SELECT path = '/b' FROM source_file WHERE read_ns = 0"), 1);
    execute(c, "UPDATE study SET state = 'done'");
    fill(&record, "1.2.3.2", "Second");
    CHECK_OK(instance_learn_wording(c, second, &record, &err), err);
    CHECK_EQ_INT(number(c, "SELECT state = 'pending' FROM study"), 1);
    take(c);
    CHECK_EQ_INT(number(c, "SELECT patient_name = 'Second' AND source_order = '/b' FROM study"), 1);
    execute(c, "UPDATE study SET state = 'done'");
    CHECK_OK(instance_learn_wording(c, second, &record, &err), err); /* known: nothing to do */
    CHECK_EQ_INT(number(c, "SELECT state = 'done' FROM study"), 1);
    record_release(&record);
    catalogue_close(c);
}

TEST(test_catalogue__every_column_of_the_record_exists)
{
    struct catalogue *const c = open_fresh(test_folder());

    for (int i = 0; i < RECORD_FIELD_COUNT; i++) {
        char sql[240];

        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s' AND type = '%s'",
                 i < RECORD_series_instance_uid ? "study" : i < RECORD_sop_instance_uid ? "series" : "instance",
                 record_columns[i].name,
                 record_columns[i].type == RECORD_TEXT      ? "TEXT"
                 : record_columns[i].type == RECORD_INTEGER ? "INTEGER"
                                                            : "REAL");
        if (number(c, sql) != 1)
            TEST_FAIL("column %s is missing or of another type", record_columns[i].name);
        snprintf(sql, sizeof sql,
                 "SELECT (SELECT count(*) FROM pragma_table_info('wording') WHERE name = '%s')"
                 " + (SELECT count(*) FROM pragma_index_info('wording_texts') WHERE name = '%s')",
                 record_columns[i].name, record_columns[i].name);
        if (number(c, sql) != (i < RECORD_sop_instance_uid ? 2 : 0))
            TEST_FAIL("column %s: wording and its index have it or not", record_columns[i].name);
    }
    catalogue_close(c);
}

TEST(test_catalogue__two_objects_at_one_place_are_refused_but_for_stdin)
{
    struct catalogue *const c = open_fresh(test_folder());
    struct record record = {0};
    const struct origin place = {"/a", "m", 3, "/a"};
    struct error err;
    int64_t id = 0;

    insert(c, "1.2.3.1", "P", "-");
    insert(c, "1.2.3.2", "P", "-");
    fill(&record, "1.2.3.3", "P");
    CHECK_OK(instance_insert(c, &record, &place, 1, INSTANCE_PENDING, &id, &err), err);
    CHECK(!instance_insert(c, &record, &place, 1, INSTANCE_PENDING, &id, &err));
    record_release(&record);
    catalogue_close(c);
}

TEST(test_catalogue__removing_a_study_takes_everything_with_it)
{
    struct catalogue *const c = open_fresh(test_folder());
    const int64_t id = insert(c, "1.2.3.1", "P", "/a");
    struct error err;

    CHECK_OK(catalogue_execute(c,
                               "INSERT INTO product (study_instance_uid, series_instance_uid, instance_id, subject,"
                               " stage, stage_version, options_digest, input_digest, state)"
                               " VALUES ('1.2', '1.2.3', ?, 'instance', 's', 1, '', '', 'done')",
                               VALUES(value_int(id)), &err), err);
    execute(c, "DELETE FROM study");
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM product"), 0);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM instance"), 0);
    CHECK_EQ_INT(number(c, "SELECT count(*) FROM wording"), 0);
    catalogue_close(c);
}

TEST(test_catalogue__the_same_database_is_made_byte_for_byte)
{
    const char *const folder = test_folder();
    struct catalogue *const c = open_fresh(folder);
    struct buffer one = {0}, two = {0};
    char path[PATH_SIZE];
    struct error err;
    static const char script[] = "CREATE TABLE target.study AS SELECT study_instance_uid FROM main.study ORDER BY 1";

    insert(c, "1.2.3.1", "P", "/a");
    for (int i = 0; i < 2; i++) {
        CHECK_OK(path_format(path, &err, "%s/made%d", folder, i), err);
        CHECK_OK(catalogue_make_database(c, path, script, &err), err);
        CHECK_OK(path_read_file(path, 1 << 20, i == 0 ? &one : &two, &err), err);
    }
    CHECK_EQ_INT(one.size, two.size);
    CHECK_EQ_MEM(one.data, two.data, one.size);
    buffer_release(&one);
    buffer_release(&two);
    catalogue_close(c);
}
