#include "describe.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "dicom/uid.h"

enum { TEXT_SIZE = RECORD_TEXT_MOST + 1 };

static const struct identity { enum record_field field; const char *role; } identities[] = {
    {RECORD_study_instance_uid, "study"},
    {RECORD_series_instance_uid, "series"},
    {RECORD_sop_instance_uid, "instance"},
};
enum { IDENTITIES = sizeof identities / sizeof identities[0] };

/* Enhanced objects say these in functional groups: the first frame's (PS3.3 C.7.6.16). */
static const struct grouped { enum record_field field; uint32_t macro; } grouped[] = {
    {RECORD_pixel_spacing, TAG(0x0028, 0x9110)},
    {RECORD_image_position_patient, TAG(0x0020, 0x9113)},
    {RECORD_image_orientation_patient, TAG(0x0020, 0x9116)},
    {RECORD_rescale_slope, TAG(0x0028, 0x9145)},
    {RECORD_rescale_intercept, TAG(0x0028, 0x9145)},
    {RECORD_rescale_type, TAG(0x0028, 0x9145)},
};

static bool uid_text(const struct object *object, enum record_field field, char *text, size_t size)
{
    return dataset_text(object_dataset(object), record_columns[field].tag, text, size) ||
           /* the data set wants it, but the meta information repeats it */
           (field == RECORD_sop_instance_uid &&
            dataset_text(object_meta(object), TAG(0x0002, 0x0003), text, size));
}

bool describe_needs_digest(const struct object *object)
{
    char text[TEXT_SIZE];

    for (size_t i = 0; i < IDENTITIES; i++)
        if (!uid_text(object, identities[i].field, text, sizeof text))
            return true;
    return false;
}

static bool describe_identity(const struct object *object, const struct identity *identity,
                              const struct digest *source, struct record *record, struct buffer *notes,
                              struct error *err)
{
    char text[TEXT_SIZE], uid[UID_SIZE];

    (void)uid_text(object, identity->field, text, sizeof text);
    if (!uid_make_safe(text, identity->role, source, uid, err) || !record_set(record, identity->field, uid, err))
        return false;
    if (notes == NULL || strcmp(text, uid) == 0)
        return true;
    return text[0] == '\0' ? buffer_printf(notes, err, "%s is absent: %s stands for it\n",
                                           record_columns[identity->field].name, uid)
                           : buffer_printf(notes, err, "%s \"%.80s\" is no UID: %s stands for it\n",
                                           record_columns[identity->field].name, text, uid);
}

/* Text of any character set; the others are ASCII whatever the set is. */
static bool is_localised(const char *vr)
{
    return strcmp(vr, "PN") == 0 || strcmp(vr, "LO") == 0 || strcmp(vr, "SH") == 0;
}

static bool describe_integer(const struct dataset *dataset, const struct record_column *column, char *text, size_t size)
{
    int64_t value = 0;
    uint16_t small = 0;

    if (strcmp(column->vr, "US") == 0) {
        if (!dataset_us(dataset, column->tag, &small))
            return false;
        value = small;
    } else if (!dataset_is(dataset, column->tag, &value)) {
        return false;
    }
    (void)snprintf(text, size, "%lld", (long long)value);
    return value > -INT64_C(1000000000000000000) && value < INT64_C(1000000000000000000);
}

static bool describe_real(const struct dataset *dataset, const struct record_column *column, char *text)
{
    double value = 0;

    if (dataset_numbers(dataset, column->tag, column->vr, &value, 1) != 1)
        return false;
    json_format_real(value, text);
    return strcmp(text, "null") != 0;
}

static bool describe_field(const struct dataset *dataset, enum record_field field, struct record *record,
                           struct error *err)
{
    const struct record_column *const column = &record_columns[field];
    char text[TEXT_SIZE];
    bool found = false;

    switch (column->type) {
    case RECORD_INTEGER:
        found = describe_integer(dataset, column, text, sizeof text);
        break;
    case RECORD_REAL:
        found = describe_real(dataset, column, text);
        break;
    case RECORD_TEXT:
        found = is_localised(column->vr) ? dataset_utf8(dataset, column->tag, text, sizeof text)
                                         : dataset_text(dataset, column->tag, text, sizeof text);
        break;
    }
    return !found || record_set(record, field, text, err);
}

static bool describe_groups(const struct object *object, struct record *record, struct error *err)
{
    for (size_t i = 0; i < sizeof grouped / sizeof grouped[0]; i++) {
        const struct dataset *const group =
            record->values[grouped[i].field] == NULL ? object_functional_group(object, grouped[i].macro, 1) : NULL;

        if (group != NULL && !describe_field(group, grouped[i].field, record, err))
            return false;
    }
    return true;
}

bool describe(const struct object *object, const struct digest *source, struct record *record, struct buffer *notes,
              struct error *err)
{
    const struct dataset *const dataset = object_dataset(object);

    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        if (!describe_field(dataset, (enum record_field)i, record, err))
            return false;
    for (size_t i = 0; i < IDENTITIES; i++)
        if (!describe_identity(object, &identities[i], source, record, notes, err))
            return false;
    return record_set(record, RECORD_transfer_syntax_uid, object_transfer_syntax_uid(object), err) &&
           describe_groups(object, record, err);
}
