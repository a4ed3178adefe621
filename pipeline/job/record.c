#include "record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dicom/uid.h"
#include "job/text.h"

const struct record_column record_columns[RECORD_FIELD_COUNT] = {
#define X(field, type, tag, vr) {#field, RECORD_##type, tag, vr},
    RECORD_FIELDS(X)
#undef X
};

bool record_set(struct record *record, enum record_field field, const char *text, struct error *err)
{
    char *copy = NULL;

    if (text != NULL && text[0] != '\0') {
        char clean[RECORD_TEXT_MOST + 1];

        text_clean(text, strlen(text), false, clean, sizeof clean);
        copy = memory_string(clean, err);
        if (copy == NULL)
            return false;
    }
    memory_free(record->values[field]);
    record->values[field] = copy;
    return true;
}

const char *record_get(const struct record *record, enum record_field field)
{
    return record->values[field] != NULL ? record->values[field] : "";
}

bool record_write(const struct record *record, struct buffer *out, struct error *err)
{
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        if (!buffer_put_string(out, record->values[i], err))
            return false;
    return true;
}

static bool is_integer(const char *text)
{
    const size_t sign = text[0] == '-' ? 1 : 0;
    const size_t digits = strspn(text + sign, "0123456789");

    return digits > 0 && digits <= 18 && text[sign + digits] == '\0';
}

/* strtod alone would take "nan", "inf" and hexadecimal. */
static bool is_real(const char *text)
{
    char *end = NULL;

    if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0')
        return false;
    const double value = strtod(text, &end);
    return *end == '\0' && isfinite(value);
}

static bool value_is_valid(enum record_field field, const char *text)
{
    if (field == RECORD_study_instance_uid || field == RECORD_series_instance_uid ||
        field == RECORD_sop_instance_uid)
        return uid_is_valid(text);
    switch (record_columns[field].type) {
    case RECORD_INTEGER:
        return is_integer(text);
    case RECORD_REAL:
        return is_real(text);
    case RECORD_TEXT:
        break;
    }
    return text[0] != '\0' && text_is_clean(text, false);
}

static bool parse_values(struct reader *reader, struct record *record, struct error *err)
{
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++) {
        const char *const text = reader_string(reader, RECORD_TEXT_MOST);

        if (reader->failed)
            return error_set(err, ERROR_PROTOCOL, "record: cut short at %s", record_columns[i].name);
        if (text != NULL && !value_is_valid((enum record_field)i, text))
            return error_set(err, ERROR_PROTOCOL, "record: \"%.64s\" is no %s", text,
                             record_columns[i].name);
        if (text != NULL && !record_set(record, (enum record_field)i, text, err))
            return false;
    }
    if (record->values[RECORD_study_instance_uid] == NULL ||
        record->values[RECORD_series_instance_uid] == NULL ||
        record->values[RECORD_sop_instance_uid] == NULL)
        return error_set(err, ERROR_PROTOCOL, "record: one of the three UIDs is absent");
    return true;
}

bool record_parse(struct reader *reader, struct record *record, struct error *err)
{
    struct record parsed = {0};

    if (!parse_values(reader, &parsed, err)) {
        record_release(&parsed);
        return false;
    }
    *record = parsed;
    return true;
}

void record_release(struct record *record)
{
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        memory_free(record->values[i]);
    *record = (struct record){0};
}

bool record_shows_label(const struct record *record)
{
    const char *value = record_get(record, RECORD_image_type);

    for (int i = 0; i < 2 && value != NULL; i++) {
        value = strchr(value, '\\');
        value += value != NULL;
    }
    return (value != NULL && strncmp(value, "LABEL", 5) == 0 && strchr("\\ ", value[5]) != NULL) ||
           strcmp(record_get(record, RECORD_specimen_label_in_image), "YES") == 0;
}
