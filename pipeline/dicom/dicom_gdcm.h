/* dicom_gdcm.h - the door to GDCM, which reads the copies that header.c makes
 *
 * Private to dicom/. A `struct dataset` is made by gdcm_read with all its items and belongs to the
 * tree's root.
 */
#ifndef SLICEPRESS_DICOM_GDCM_H
#define SLICEPRESS_DICOM_GDCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "base/error.h"
#include "dicom/encoding.h"

struct dataset;
struct object;

/* One value: GDCM has swapped it to host byte order by its VR; "UN" values are as they were. */
struct dataset_value {
    char vr[3]; /* "UN" where there is none */
    const uint8_t *bytes;
    size_t size;
};

/* Reads all of `copy`. `object` and `parent` (NULL for a root) are remembered for the two functions
 * below. */
bool gdcm_read(const uint8_t *copy, size_t size, struct encoding encoding,
               const struct object *object, const struct dataset *parent, struct dataset **root,
               struct error *err);
void gdcm_free(struct dataset *root);

/* Every element in ascending order; `is_sequence` ones have no bytes. Ends where `visit` says false,
 * which then has filled *err. */
struct gdcm_element {
    uint32_t tag;
    bool is_sequence;
    struct dataset_value value; /* bytes NULL where it is empty */
    size_t items;
};
typedef bool gdcm_visit(void *client, const struct gdcm_element *element, struct error *err);
bool gdcm_each(const struct dataset *dataset, gdcm_visit *visit, void *client, struct error *err);

bool gdcm_find(const struct dataset *dataset, uint32_t tag, struct dataset_value *value);
size_t gdcm_items(const struct dataset *dataset, uint32_t tag);
const struct dataset *gdcm_item(const struct dataset *dataset, uint32_t tag, size_t index);
const struct object *gdcm_object(const struct dataset *dataset);
const struct dataset *gdcm_parent(const struct dataset *dataset);

#ifdef __cplusplus
}
#endif

#endif
