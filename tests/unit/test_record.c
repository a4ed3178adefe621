/* links: base dicom job */
#include "job/record.h"

#include "tests/support/hostile.h"
#include "tests/support/test.h"

static void fill(struct record *record)
{
    struct error err;

    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++) {
        static const char *const values[] = {
            [RECORD_TEXT] = "M\xC3\xBCller^J", [RECORD_INTEGER] = "-12", [RECORD_REAL] = "-1.5e+03"};
        CHECK_OK(record_set(record, (enum record_field)i, values[record_columns[i].type], &err), err);
    }
    CHECK_OK(record_set(record, RECORD_study_instance_uid, "1.2.3", &err), err);
    CHECK_OK(record_set(record, RECORD_series_instance_uid, "1.2.3.4", &err), err);
    CHECK_OK(record_set(record, RECORD_sop_instance_uid, "2.25.5", &err), err);
}

static enum error_kind try_record(const void *data, size_t size)
{
    struct reader reader = reader_over(data, size);
    struct record record = {0};
    struct error err = {0};

    if (!record_parse(&reader, &record, &err))
        return err.kind;
    record_release(&record);
    return ERROR_NONE;
}

TEST(test_record__reads_back_what_was_written)
{
    struct record record = {0}, found = {0};
    struct buffer out = {0};
    struct error err;

    fill(&record);
    CHECK_OK(record_set(&record, RECORD_modality, NULL, &err), err);
    CHECK_OK(record_write(&record, &out, &err), err);
    struct reader reader = reader_over(out.data, out.size);
    CHECK_OK(record_parse(&reader, &found, &err), err);
    CHECK(reader_done(&reader));
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        CHECK_EQ_STR(found.values[i], record.values[i]);
    CHECK(found.values[RECORD_modality] == NULL);
    CHECK_EQ_STR(record_get(&found, RECORD_modality), "");
    record_release(&record);
    record_release(&found);
    buffer_release(&out);
}

TEST(test_record__what_was_read_can_be_set_anew)
{
    struct record record = {0}, found = {0};
    struct buffer out = {0};
    struct error err;

    fill(&record);
    CHECK_OK(record_write(&record, &out, &err), err);
    struct reader reader = reader_over(out.data, out.size);
    CHECK_OK(record_parse(&reader, &found, &err), err);
    buffer_release(&out); /* it is a copy */
    CHECK_OK(record_set(&found, RECORD_patient_name, "Another", &err), err);
    CHECK_OK(record_set(&found, RECORD_patient_name, "A third", &err), err);
    CHECK_OK(record_set(&found, RECORD_patient_id, NULL, &err), err);
    CHECK_EQ_STR(record_get(&found, RECORD_patient_name), "A third");
    CHECK(found.values[RECORD_patient_id] == NULL);
    CHECK_EQ_STR(record_get(&found, RECORD_sop_instance_uid), "2.25.5");
    record_release(&record);
    record_release(&found);
}

TEST(test_record__cut_and_changed_bytes_are_refused)
{
    struct record record = {0};
    struct buffer out = {0};
    struct error err;

    fill(&record);
    CHECK_OK(record_write(&record, &out, &err), err);
    hostile_check(try_record, out.data, out.size, ERROR_PROTOCOL, 20000);
    record_release(&record);
    buffer_release(&out);
}

static enum error_kind kind_with(enum record_field field, const char *value)
{
    struct record record = {0};
    struct buffer out = {0};
    struct error err;

    fill(&record);
    free(record.values[field]);
    record.values[field] = value != NULL ? strdup(value) : NULL;
    CHECK_OK(record_write(&record, &out, &err), err);
    const enum error_kind kind = try_record(out.data, out.size);
    record_release(&record);
    buffer_release(&out);
    return kind;
}

TEST(test_record__numbers_uids_and_text_are_checked)
{
    CHECK_EQ_INT(kind_with(RECORD_rows, "512"), ERROR_NONE);
    CHECK_EQ_INT(kind_with(RECORD_rows, "512x"), ERROR_PROTOCOL);
    CHECK_EQ_INT(kind_with(RECORD_rows, "-"), ERROR_PROTOCOL);
    CHECK_EQ_INT(kind_with(RECORD_rows, "99999999999999999999"), ERROR_PROTOCOL);
    CHECK_EQ_INT(kind_with(RECORD_rescale_slope, "0x10"), ERROR_PROTOCOL);
    CHECK_EQ_INT(kind_with(RECORD_rescale_slope, "nan"), ERROR_PROTOCOL);
    CHECK_EQ_INT(kind_with(RECORD_rescale_slope, "1e999"), ERROR_PROTOCOL);
    CHECK_EQ_INT(kind_with(RECORD_rescale_slope, ".5"), ERROR_NONE);
    CHECK_EQ_INT(kind_with(RECORD_patient_name, "a\nb"), ERROR_PROTOCOL);
    CHECK_EQ_INT(kind_with(RECORD_patient_name, "\xC0\x80"), ERROR_PROTOCOL);
    CHECK_EQ_INT(kind_with(RECORD_patient_name, ""), ERROR_PROTOCOL);
    CHECK_EQ_INT(kind_with(RECORD_sop_instance_uid, "../../etc"), ERROR_PROTOCOL);
    CHECK_EQ_INT(kind_with(RECORD_sop_instance_uid, NULL), ERROR_PROTOCOL);
}

TEST(test_record__set_cleans_and_cuts)
{
    struct record record = {0};
    struct error err;
    char longer[3000];

    CHECK_OK(record_set(&record, RECORD_patient_name, "a\tb\xFF\x1B", &err), err);
    CHECK_EQ_STR(record_get(&record, RECORD_patient_name), "a b\xEF\xBF\xBD ");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    CHECK_OK(record_set(&record, RECORD_patient_id, longer, &err), err);
    CHECK_EQ_INT(strlen(record_get(&record, RECORD_patient_id)), RECORD_TEXT_MOST);
    memcpy(longer + RECORD_TEXT_MOST - 2, "\xC3\xBC\xC3\xBC", 4); /* the second one does not fit */
    CHECK_OK(record_set(&record, RECORD_patient_id, longer, &err), err);
    CHECK_EQ_INT(strlen(record_get(&record, RECORD_patient_id)), RECORD_TEXT_MOST);
    memcpy(longer + RECORD_TEXT_MOST - 1, "\xC3\xBC", 2); /* nor does this one, and what follows is left out, too */
    longer[RECORD_TEXT_MOST - 2] = 'y';
    CHECK_OK(record_set(&record, RECORD_patient_id, longer, &err), err);
    CHECK_EQ_INT(strlen(record_get(&record, RECORD_patient_id)), RECORD_TEXT_MOST - 1);
    CHECK_OK(record_set(&record, RECORD_patient_id, "", &err), err);
    CHECK(record.values[RECORD_patient_id] == NULL);
    record_release(&record);
}

/* The text between "CREATE TABLE name (" and ") STRICT". */
static void table_of(const char *schema, const char *name, char *table, size_t size)
{
    char head[64];

    (void)snprintf(head, sizeof head, "CREATE TABLE %s (", name);
    const char *const start = strstr(schema, head);
    CHECK(start != NULL);
    const char *const end = strstr(start, ") STRICT");
    CHECK(end != NULL && (size_t)(end - start) < size);
    memcpy(table, start, (size_t)(end - start));
    table[end - start] = '\0';
}

/* `name TYPE` stands in the table, after a blank, a comma or a bracket. */
static bool has_column(const char *table, const char *name, const char *type)
{
    char column[80];

    (void)snprintf(column, sizeof column, "%s %s", name, type);
    for (const char *at = table; (at = strstr(at, column)) != NULL; at++)
        if (strchr(" \n,(", at[-1]) != NULL && strchr(" ,\n)", at[strlen(column)]) != NULL)
            return true;
    return false;
}

TEST(test_record__columns_are_those_of_the_schema)
{
    static char schema[65536], table[16384];
    static const char *const types[] = {
        [RECORD_TEXT] = "TEXT", [RECORD_INTEGER] = "INTEGER", [RECORD_REAL] = "REAL"};
    FILE *const file = fopen("schema/catalogue.sql", "rb");

    if (file == NULL)
        TEST_SKIP("not run in the project's folder");
    schema[fread(schema, 1, sizeof schema - 1, file)] = '\0';
    fclose(file);
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++) {
        table_of(schema, i < RECORD_series_instance_uid ? "study"
                         : i < RECORD_sop_instance_uid  ? "series"
                                                        : "instance",
                 table, sizeof table);
        if (!has_column(table, record_columns[i].name, types[record_columns[i].type]))
            TEST_FAIL("schema/catalogue.sql has no column \"%s %s\"", record_columns[i].name,
                      types[record_columns[i].type]);
    }
}
