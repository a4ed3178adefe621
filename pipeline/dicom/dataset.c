/* Values out of data sets: the second half of object.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/charset.h"
#include "dicom/dicom_gdcm.h"
#include "dicom/object.h"
#include "dicom/object_private.h"

enum { NUMBER_SIZE = 64, CHARSET_SIZE = 256 };

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\0';
}

/* The text of a value: up to a NUL, without blanks at its end. */
static bool find_text(const struct dataset *dataset, uint32_t tag, struct dataset_value *value)
{
    if (!gdcm_find(dataset, tag, value))
        return false;
    const uint8_t *nul = memchr(value->bytes, 0, value->size);
    if (nul)
        value->size = (size_t)(nul - value->bytes);
    while (value->size && is_blank(value->bytes[value->size - 1]))
        value->size--;
    return value->size > 0;
}

static bool copy_text(const uint8_t *bytes, size_t length, char *text, size_t size)
{
    if (length >= size)
        length = size - 1;
    memcpy(text, bytes, length);
    text[length] = '\0';
    return length > 0;
}

bool dataset_has(const struct dataset *dataset, uint32_t tag)
{
    struct dataset_value value;
    return gdcm_find(dataset, tag, &value) || dataset_items(dataset, tag) > 0;
}

bool dataset_text(const struct dataset *dataset, uint32_t tag, char *text, size_t size)
{
    struct dataset_value value;
    text[0] = '\0';
    return find_text(dataset, tag, &value) && copy_text(value.bytes, value.size, text, size);
}

/* Value `index` of `*value`, blanks around it removed. */
static bool select_value(struct dataset_value *value, size_t index)
{
    const uint8_t *begin = value->bytes, *end = value->bytes + value->size;
    const uint8_t *stop;
    for (;; index--, begin = stop + 1) {
        stop = memchr(begin, '\\', (size_t)(end - begin));
        if (!index)
            break;
        if (!stop)
            return false;
    }
    if (!stop)
        stop = end;
    while (begin < stop && *begin == ' ')
        begin++;
    while (stop > begin && is_blank(stop[-1]))
        stop--;
    value->bytes = begin;
    value->size = (size_t)(stop - begin);
    return value->size > 0;
}

bool dataset_value(const struct dataset *dataset, uint32_t tag, size_t index, char *text,
                   size_t size)
{
    struct dataset_value value;
    text[0] = '\0';
    return find_text(dataset, tag, &value) && select_value(&value, index) &&
           copy_text(value.bytes, value.size, text, size);
}

/* Specific Character Set of this data set or the nearest one around it. */
static void charset_in_force(const struct dataset *dataset, char declared[CHARSET_SIZE])
{
    declared[0] = '\0';
    for (; dataset; dataset = gdcm_parent(dataset))
        if (dataset_text(dataset, TAG(0x0008, 0x0005), declared, CHARSET_SIZE))
            return;
}

static bool is_person_name(const struct dataset_value *value, uint32_t tag)
{
    static const uint32_t names[] = {
        TAG(0x0010, 0x0010), TAG(0x0008, 0x0090), TAG(0x0008, 0x1048), TAG(0x0008, 0x1050),
        TAG(0x0008, 0x1060), TAG(0x0008, 0x1070), TAG(0x0010, 0x1001), TAG(0x0010, 0x1005),
        TAG(0x0010, 0x1060), TAG(0x0032, 0x1032),
    };
    if (strcmp(value->vr, "UN") != 0)
        return !strcmp(value->vr, "PN");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i] == tag)
            return true;
    return false;
}

bool dataset_utf8(const struct dataset *dataset, uint32_t tag, char *text, size_t size)
{
    struct dataset_value value;
    char declared[CHARSET_SIZE];
    text[0] = '\0';
    if (!find_text(dataset, tag, &value))
        return false;
    charset_in_force(dataset, declared);
    charset_to_utf8(declared, (const char *)value.bytes, value.size, is_person_name(&value, tag),
                    text, size);
    return text[0] != '\0';
}

/* ---------------------------------------------------------------- numbers */

/* DS or IS: PS3.5 6.2; no hexadecimal, no "nan". */
static bool parse_number(const struct dataset_value *text, double *number)
{
    char copy[NUMBER_SIZE], *end;
    if (text->size >= sizeof copy)
        return false;
    memcpy(copy, text->bytes, text->size);
    copy[text->size] = '\0';
    if (copy[strspn(copy, "+-.0123456789eE")] != '\0')
        return false;
    *number = strtod(copy, &end);
    return end != copy && *end == '\0' && isfinite(*number);
}

static uint64_t read_little(const uint8_t *bytes, size_t size, bool big_endian)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[big_endian ? i : size - 1 - i];
    return value;
}

/* Bytes of one number of a binary VR, 0 if it is none. */
static size_t number_size(const char vr[2])
{
    static const struct {
        char vr[3];
        size_t size;
    } sizes[] = {
        {"US", 2}, {"SS", 2}, {"OW", 2}, {"UL", 4}, {"SL", 4}, {"OL", 4}, {"FL", 4},
        {"OF", 4}, {"AT", 4}, {"FD", 8}, {"OD", 8}, {"SV", 8}, {"UV", 8}, {"OV", 8},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (!memcmp(sizes[i].vr, vr, 2))
            return sizes[i].size;
    return 0;
}

static double read_number(const uint8_t *bytes, const char vr[2], bool big_endian)
{
    const size_t size = number_size(vr);
    const uint64_t bits = read_little(bytes, size, big_endian);
    if (vr[0] == 'F' || !memcmp(vr, "OF", 2) || !memcmp(vr, "OD", 2)) {
        float single;
        double number;
        const uint32_t low = (uint32_t)bits;
        if (size == 4) {
            memcpy(&single, &low, sizeof single);
            return (double)single;
        }
        memcpy(&number, &bits, sizeof number);
        return number;
    }
    if (!memcmp(vr, "SS", 2))
        return (double)(int16_t)bits;
    if (!memcmp(vr, "SL", 2))
        return (double)(int32_t)bits;
    if (!memcmp(vr, "SV", 2))
        return (double)(int64_t)bits;
    return (double)bits;
}

static size_t text_numbers(const struct dataset *dataset, uint32_t tag, double *numbers,
                           size_t most)
{
    struct dataset_value all;
    size_t count = 0;
    if (!find_text(dataset, tag, &all))
        return 0;
    while (count < most) {
        struct dataset_value one = all;
        if (!select_value(&one, 0) || !parse_number(&one, &numbers[count]))
            break;
        count++;
        const uint8_t *stop = memchr(all.bytes, '\\', all.size);
        if (!stop)
            break;
        all.size -= (size_t)(stop + 1 - all.bytes);
        all.bytes = stop + 1;
    }
    return count;
}

static bool is_text_vr(const char vr[2])
{
    return !number_size(vr) && memcmp(vr, "UN", 2) && memcmp(vr, "OB", 2) && memcmp(vr, "SQ", 2);
}

size_t dataset_numbers(const struct dataset *dataset, uint32_t tag, const char vr[2],
                       double *numbers, size_t most)
{
    struct dataset_value value;
    if (!gdcm_find(dataset, tag, &value))
        return 0;
    const bool without = !strcmp(value.vr, "UN") || !strcmp(value.vr, "OB");
    const char *const effective = without ? vr : value.vr;
    if (is_text_vr(effective))
        return text_numbers(dataset, tag, numbers, most);
    const size_t size = number_size(effective);
    if (!size)
        return 0;
    const bool big_endian = without && dataset_is_big_endian(dataset);
    size_t count = value.size / size;
    if (count > most)
        count = most;
    for (size_t i = 0; i < count; i++) {
        numbers[i] = read_number(value.bytes + i * size, effective, big_endian);
        if (!isfinite(numbers[i]))
            return i;
    }
    return count;
}

bool dataset_us(const struct dataset *dataset, uint32_t tag, uint16_t *value)
{
    double number;
    if (!dataset_numbers(dataset, tag, "US", &number, 1))
        return false;
    if (number < 0 && number >= INT16_MIN && number == floor(number)) { /* SS where US is meant */
        *value = (uint16_t)(int16_t)number;
        return true;
    }
    if (number < 0 || number > UINT16_MAX || number != floor(number))
        return false;
    *value = (uint16_t)number;
    return true;
}

/* Without a VR: text, if all of it looks so. */
static bool looks_like_text(const struct dataset_value *value)
{
    for (size_t i = 0; i < value->size; i++)
        if (!is_blank(value->bytes[i]) && !memchr("+-.0123456789\\eE", value->bytes[i], 16))
            return false;
    return value->size > 0 && value->bytes[0] != '\0';
}

bool dataset_is(const struct dataset *dataset, uint32_t tag, int64_t *value)
{
    struct dataset_value raw;
    double number;
    if (!gdcm_find(dataset, tag, &raw))
        return false;
    const char *vr = "IS";
    if ((!strcmp(raw.vr, "UN") || !strcmp(raw.vr, "OB")) && !looks_like_text(&raw))
        vr = raw.size == 2 ? "US" : raw.size == 4 ? "UL" : raw.size == 8 ? "UV" : "IS";
    if (!dataset_numbers(dataset, tag, vr, &number, 1) || fabs(number) > 9e15)
        return false;
    *value = (int64_t)(number < 0 ? number - 0.5 : number + 0.5);
    return true;
}

/* ---------------------------------------------------------------- the rest */

const uint8_t *dataset_raw(const struct dataset *dataset, uint32_t tag, size_t *size)
{
    struct dataset_value value;
    *size = 0;
    if (!gdcm_find(dataset, tag, &value))
        return NULL;
    *size = value.size;
    return value.bytes;
}

bool dataset_vr(const struct dataset *dataset, uint32_t tag, char vr[3])
{
    struct dataset_value value;
    if (!gdcm_find(dataset, tag, &value)) {
        vr[0] = '\0';
        if (!dataset_items(dataset, tag))
            return false;
        memcpy(vr, "SQ", 3);
        return true;
    }
    memcpy(vr, value.vr, 3);
    return true;
}

bool dataset_is_big_endian(const struct dataset *dataset)
{
    return object_encoding(gdcm_object(dataset)).big_endian;
}

size_t dataset_items(const struct dataset *dataset, uint32_t tag)
{
    const struct object *object = gdcm_object(dataset);
    if (tag == TAG(0x5200, 0x9230) && dataset == object_dataset(object) &&
        object_group_count(object))
        return object_group_count(object);
    return gdcm_items(dataset, tag);
}

const struct dataset *dataset_item(const struct dataset *dataset, uint32_t tag, size_t index)
{
    const struct object *object = gdcm_object(dataset);
    if (tag == TAG(0x5200, 0x9230) && dataset == object_dataset(object) &&
        object_group_count(object))
        return object_group(object, index);
    return gdcm_item(dataset, tag, index);
}

/* ---------------------------------------------------------------- all of them */

struct walk {
    const struct dataset *dataset;
    dataset_visit *visit;
    void *client;
    size_t groups; /* items of Per-frame Functional Groups that GDCM does not have; 0 when told */
};

static bool visit_groups(struct walk *walk, struct error *err)
{
    const struct dataset_element element = {
        .tag = TAG(0x5200, 0x9230), .vr = "SQ", .is_sequence = true, .items = walk->groups};
    walk->groups = 0;
    return !element.items || walk->visit(walk->client, walk->dataset, &element, err);
}

static bool visit_element(void *client, const struct gdcm_element *found, struct error *err)
{
    struct walk *const walk = client;
    if (found->tag == TAG(0x5200, 0x9230) && walk->groups)
        return visit_groups(walk, err);
    if (found->tag > TAG(0x5200, 0x9230) && !visit_groups(walk, err))
        return false;
    struct dataset_element element = {
        .tag = found->tag,
        .is_sequence = found->is_sequence,
        .items = found->items,
        .bytes = found->value.size ? found->value.bytes : NULL,
        .size = found->value.size,
    };
    memcpy(element.vr, found->is_sequence ? "SQ" : found->value.vr, sizeof element.vr);
    return walk->visit(walk->client, walk->dataset, &element, err);
}

bool dataset_each(const struct dataset *dataset, dataset_visit *visit, void *client,
                  struct error *err)
{
    const struct object *const object = gdcm_object(dataset);
    struct walk walk = {.dataset = dataset, .visit = visit, .client = client};
    if (dataset == object_dataset(object))
        walk.groups = object_group_count(object);
    return gdcm_each(dataset, visit_element, &walk, err) && visit_groups(&walk, err);
}

const struct dataset *dataset_outer(const struct dataset *dataset)
{
    return gdcm_parent(dataset);
}

const struct dataset *object_functional_group(const struct object *object, uint32_t macro,
                                              uint32_t frame)
{
    const struct dataset *root = object_dataset(object);
    const struct dataset *groups =
        frame ? dataset_item(root, TAG(0x5200, 0x9230), frame - 1) : NULL;
    const struct dataset *found = groups ? dataset_item(groups, macro, 0) : NULL;
    if (found)
        return found;
    groups = dataset_item(root, TAG(0x5200, 0x9229), 0);
    return groups ? dataset_item(groups, macro, 0) : NULL;
}
