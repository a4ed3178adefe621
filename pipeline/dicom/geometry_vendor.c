/* What vendors say about slices in elements of their own. */
#include "dicom/geometry_vendor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dicom/geometry_private.h"

enum {
    BLOCKS = 32, /* private blocks of a group that are looked at */
    CSA_NAME = 64,
    CSA_TAG = CSA_NAME + 20, /* name, VM, VR, type, number of items, a mark */
    CSA_ITEM = 16,
    CSA_TAGS_MOST = 1000,
    CSA_NUMBER = 32,
};

/* The element `low` (its last two digits) of the block that `creator` has reserved in `group`; 0 if
 * none. */
static uint32_t private_tag(const struct dataset *dataset, uint16_t group, const char *creator,
                            uint8_t low)
{
    char found[65];
    for (uint32_t block = 0x10; block < 0x10 + BLOCKS; block++)
        if (dataset_text(dataset, TAG(group, block), found, sizeof found) &&
            !strcmp(found, creator))
            return TAG(group, block << 8 | low);
    return 0;
}

/* ---------------------------------------------------------------- Siemens CSA header
 *
 * Little endian whatever the transfer syntax. Version 2 begins with "SV10" and 4 bytes; then a
 * number of tags, a mark, and for each tag its head and items: 4 numbers (one of them the length)
 * and a text, padded to 4 bytes. Version 1 has no "SV10", and lengths that count from the number of
 * items of the first tag.
 */

struct csa {
    const uint8_t *bytes;
    size_t size, at;
    bool is_version_2;
    uint32_t first_items; /* of the first tag; version 1 */
};

static uint32_t csa_u32(const struct csa *csa, size_t at)
{
    const uint8_t *const b = csa->bytes + at;
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

static bool csa_has(const struct csa *csa, uint64_t more)
{
    return more <= csa->size - csa->at;
}

/* The text of the next item, or an empty one. False at the end of what can be read. */
static bool csa_item(struct csa *csa, double *number, bool *is_number)
{
    char text[CSA_NUMBER + 1] = "";
    char *end = NULL;
    *is_number = false;
    if (!csa_has(csa, CSA_ITEM))
        return false;
    const uint32_t size =
        csa->is_version_2 ? csa_u32(csa, csa->at + 4) : csa_u32(csa, csa->at) - csa->first_items;
    csa->at += CSA_ITEM;
    if (!csa_has(csa, ((uint64_t)size + 3) / 4 * 4))
        return false;
    if (size && size <= CSA_NUMBER) {
        memcpy(text, csa->bytes + csa->at, size);
        text[strcspn(text, " ")] = '\0';
        *number = strtod(text, &end);
        *is_number = end != text && *end == '\0' && isfinite(*number);
    }
    csa->at += ((size_t)size + 3) / 4 * 4;
    return true;
}

/* The items of the tag whose head is next. Numbers go to `numbers` if its name is `name`; *found:
 * how many. */
static bool csa_tag(struct csa *csa, const char *name, double *numbers, size_t most, size_t *found)
{
    if (!csa_has(csa, CSA_TAG))
        return false;
    const bool wanted = !strncmp((const char *)csa->bytes + csa->at, name, CSA_NAME);
    const uint32_t items = csa_u32(csa, csa->at + CSA_NAME + 12);
    if (!csa->first_items)
        csa->first_items = items;
    csa->at += CSA_TAG;
    for (uint32_t i = 0; i < items; i++) {
        double number = 0;
        bool is_number;
        if (!csa_item(csa, &number, &is_number))
            return false;
        if (wanted && is_number && *found < most)
            numbers[(*found)++] = number;
    }
    return true;
}

/* Up to `most` numbers of the tag `name` of CSA Image Header Info; returns how many. */
static size_t csa_numbers(const struct dataset *dataset, const char *name, double *numbers,
                          size_t most)
{
    const uint32_t tag = private_tag(dataset, 0x0029, "SIEMENS CSA HEADER", 0x10);
    struct csa csa = {0};
    size_t found = 0;
    csa.bytes = tag ? dataset_raw(dataset, tag, &csa.size) : NULL;
    if (!csa.bytes || csa.size < 16)
        return 0;
    csa.is_version_2 = !memcmp(csa.bytes, "SV10", 4);
    csa.at = csa.is_version_2 ? 8 : 0;
    const uint32_t tags = csa_u32(&csa, csa.at);
    csa.at += 8;
    for (uint32_t i = 0; i < tags && i < CSA_TAGS_MOST && !found; i++)
        if (!csa_tag(&csa, name, numbers, most, &found))
            break;
    return found;
}

/* ---------------------------------------------------------------- mosaic */

bool vendor_is_mosaic(const struct dataset *dataset)
{
    char type[257];
    return dataset_text(dataset, TAG(0x0008, 0x0008), type, sizeof type) &&
           geometry_type_has(type, "MOSAIC");
}

static bool read_number_of_slices(const struct dataset *dataset, uint32_t *slices)
{
    const uint32_t tag = private_tag(dataset, 0x0019, "SIEMENS MR HEADER", 0x0a);
    double number;
    int64_t integer;
    if (csa_numbers(dataset, "NumberOfImagesInMosaic", &number, 1) && number >= 1 && number < 1e6)
        *slices = (uint32_t)number;
    else if (tag && dataset_is(dataset, tag, &integer) && integer >= 1 && integer < 1000000)
        *slices = (uint32_t)integer;
    else
        return false;
    return true;
}

bool vendor_mosaic(const struct dataset *dataset, struct mosaic *mosaic)
{
    return read_number_of_slices(dataset, &mosaic->slices) &&
           csa_numbers(dataset, "SliceNormalVector", mosaic->normal, 3) == 3;
}

/* ---------------------------------------------------------------- diffusion */

static bool read_one(const struct dataset *dataset, uint32_t tag, const char vr[2], double *number)
{
    return tag && dataset_numbers(dataset, tag, vr, number, 1) == 1;
}

static bool read_siemens(const struct dataset *dataset, double *b_value, double gradient[3])
{
    double direction[3];
    if (!read_one(dataset, private_tag(dataset, 0x0019, "SIEMENS MR HEADER", 0x0c), "IS", b_value))
        return false;
    const uint32_t tag = private_tag(dataset, 0x0019, "SIEMENS MR HEADER", 0x0e);
    if (tag && dataset_numbers(dataset, tag, "FD", direction, 3) == 3)
        memcpy(gradient, direction, sizeof direction);
    return true;
}

/* The first of four numbers; 1,000,000,000 is added to it in some protocols. The directions are DS
 * in three elements. */
static bool read_ge(const struct dataset *dataset, double *b_value, double gradient[3])
{
    if (!read_one(dataset, private_tag(dataset, 0x0043, "GEMS_PARM_01", 0x39), "IS", b_value))
        return false;
    if (*b_value >= 1e9)
        *b_value -= 1e9;
    for (uint8_t i = 0; i < 3; i++)
        read_one(dataset, private_tag(dataset, 0x0019, "GEMS_ACQU_01", (uint8_t)(0xbb + i)), "DS",
                 &gradient[i]);
    return true;
}

static bool read_philips(const struct dataset *dataset, double *b_value, double gradient[3])
{
    if (!read_one(dataset, private_tag(dataset, 0x2001, "Philips Imaging DD 001", 0x03), "FL",
                  b_value))
        return false;
    for (uint8_t i = 0; i < 3; i++)
        read_one(dataset,
                 private_tag(dataset, 0x2005, "Philips MR Imaging DD 001", (uint8_t)(0xb0 + i)),
                 "FL", &gradient[i]);
    return true;
}

void vendor_diffusion(const struct dataset *dataset, double *b_value, double gradient[3])
{
    if (!read_siemens(dataset, b_value, gradient) && !read_ge(dataset, b_value, gradient))
        read_philips(dataset, b_value, gradient);
}
