#include "record.h"

#include <math.h>
#include <stdint.h>
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

static void drop_value(struct record *record, enum record_field field)
{
    char *const value = record->values[field];
    const uintptr_t at = (uintptr_t)value, message = (uintptr_t)record->message;

    if (message == 0 || at < message || at - message >= record->message_size)
        memory_free(value);
    record->values[field] = NULL;
}

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
    drop_value(record, field);
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

/* Texts that lie in the message of the reader. */
static bool read_values(struct reader *reader, const char *values[RECORD_FIELD_COUNT], struct error *err)
{
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++) {
        values[i] = reader_string(reader, RECORD_TEXT_MOST);
        if (reader->failed)
            return error_set(err, ERROR_PROTOCOL, "record: cut short at %s", record_columns[i].name);
        if (values[i] != NULL && !value_is_valid((enum record_field)i, values[i]))
            return error_set(err, ERROR_PROTOCOL, "record: \"%.64s\" is no %s", values[i], record_columns[i].name);
    }
    return (values[RECORD_study_instance_uid] != NULL && values[RECORD_series_instance_uid] != NULL &&
            values[RECORD_sop_instance_uid] != NULL) ||
           error_set(err, ERROR_PROTOCOL, "record: one of the three UIDs is absent");
}

/* In one piece: a batch holds hundreds of them. */
bool record_parse(struct reader *reader, struct record *record, struct error *err)
{
    const char *const from = (const char *)reader->data + reader->offset;
    const char *values[RECORD_FIELD_COUNT];

    if (!read_values(reader, values, err))
        return false;
    struct record parsed = {.message_size = (size_t)((const char *)reader->data + reader->offset - from)};
    parsed.message = memory_new(parsed.message_size, err);
    if (parsed.message == NULL)
        return false;
    memcpy(parsed.message, from, parsed.message_size);
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        parsed.values[i] = values[i] != NULL ? parsed.message + (values[i] - from) : NULL;
    *record = parsed;
    return true;
}

void record_release(struct record *record)
{
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        drop_value(record, (enum record_field)i);
    memory_free(record->message);
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
