/* object.h - one DICOM object: its data set, and where its pixel data are
 *
 *     struct object *object = NULL;
 *     if (!object_open(bytes, spool, &object, err)) ...
 *     dataset_text(object_dataset(object), TAG(0x0020, 0x000d), uid, sizeof uid);
 *     object_close(object);
 *
 * object_open reads the data set up to (not including) the value of (7FE0,0010), (7FE0,0008) or
 * (7FE0,0009), with GDCM behind this door (dicom_gdcm.cc is the only file that sees it). It takes
 * what the field sends: with or without preamble, with or without File Meta (then the encoding is
 * guessed from the first elements), any transfer syntax, deflated data sets (inflated to a file
 * that `spool` makes, under LIMIT(INFLATED_BYTES) and LIMIT(INFLATE_RATIO)). An object without
 * pixel data opens as well. Elements after the pixel data are not read. `bytes` must outlive the
 * object. Errors: NOT_DICOM, TRUNCATED, CORRUPT, LIMIT, UNSUPPORTED, IO, NOMEM. Recoveries are
 * told in object_notes (one line each).
 *
 * GDCM's parser may abort or crash on hostile input: call this in a worker only.
 */
#ifndef SLICEPRESS_DICOM_OBJECT_H
#define SLICEPRESS_DICOM_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "dicom/transfer_syntax.h"

#define TAG(group, element) ((uint32_t)(group) << 16 | (uint32_t)(element))

struct object;
struct dataset; /* a data set or a sequence item; belongs to its object */

/* Makes a temporary, already unlinked file for inflated data; its descriptor is the object's, and closed with it. */
struct spool_maker {
    bool (*make)(void *client, int *descriptor, struct error *err);
    void *client;
};

enum pixel_element { PIXEL_ELEMENT_NONE, PIXEL_ELEMENT_INTEGER, PIXEL_ELEMENT_FLOAT, PIXEL_ELEMENT_DOUBLE };

struct pixel_location {
    enum pixel_element element;
    bool encapsulated;  /* the value is a sequence of items (undefined length) */
    uint64_t offset;    /* of the first byte of the value, in object_bytes() */
    uint64_t length;    /* as declared; UINT64_MAX when undefined */
};

bool object_open(const struct bytes *bytes, const struct spool_maker *spool, struct object **object,
                 struct error *err);
void object_close(struct object *object); /* NULL is fine */

const struct dataset *object_dataset(const struct object *object);
const struct dataset *object_meta(const struct object *object); /* File Meta; empty if absent */
/* NULL if unknown to the standard; object_transfer_syntax_uid is the text as found or guessed. */
const struct transfer_syntax *object_transfer_syntax(const struct object *object);
const char *object_transfer_syntax_uid(const struct object *object);
struct pixel_location object_pixels(const struct object *object);
/* Where pixel offsets count: the input, or the inflated copy. */
const struct bytes *object_bytes(const struct object *object);
/* The bytes that were opened, never inflated, and where File Meta and the data set begin in them: at one place where
 * there is no File Meta. */
struct object_source { const struct bytes *bytes; uint64_t meta, dataset; };
struct object_source object_source(const struct object *object);
const char *object_notes(const struct object *object); /* "" or lines ended by \n */
bool object_is_dicomdir(const struct object *object);  /* Media Storage Directory */
/* The encoded data set before pixel data as it stood in object_bytes(): [*from, *to). */
void object_header_range(const struct object *object, uint64_t *from, uint64_t *to);

/* -- values ------------------------------------------------------------------------------
 * The caller knows the VR (PS3.6); implicit VR, UN and wrong explicit VRs are read as that VR.
 * Text is trimmed of trailing spaces and NULs. Absent, empty and unreadable are all "not there".
 */
bool dataset_has(const struct dataset *dataset, uint32_t tag); /* present with a non-empty value */
/* The whole value as text, undecoded (backslashes stay); false and "" if not there. Cut to size. */
bool dataset_text(const struct dataset *dataset, uint32_t tag, char *text, size_t size);
/* Value number `index` (from 0) of a backslash-separated text. */
bool dataset_value(const struct dataset *dataset, uint32_t tag, size_t index, char *text, size_t size);
/* The whole value converted to UTF-8 by the Specific Character Set in force (PS3.3 C.12.1.1.2). */
bool dataset_utf8(const struct dataset *dataset, uint32_t tag, char *text, size_t size);
/* VR US, SS, UL, SL, IS or DS by what is found: numbers in text are parsed, binary ones read in the
 * object's byte order. `us` variants: the dictionary's VR where the file gives none. */
bool dataset_us(const struct dataset *dataset, uint32_t tag, uint16_t *value);
bool dataset_is(const struct dataset *dataset, uint32_t tag, int64_t *value);
/* Up to `most` numbers of a DS, IS (text) or FD, FL, US, SS, UL, SL value (explicit VR decides; with
 * implicit VR `vr`, two letters, does). Returns how many. Non-numbers end the list. */
size_t dataset_numbers(const struct dataset *dataset, uint32_t tag, const char vr[2], double *numbers,
                       size_t most);
/* The bytes, swapped to host byte order by the VR found (OW by 16 bits, UN and OB not); NULL if not there.
 * The size is even: odd values have one byte more. */
const uint8_t *dataset_raw(const struct dataset *dataset, uint32_t tag, size_t *size);
/* The object's byte order, in which UN and OB values still are. */
bool dataset_is_big_endian(const struct dataset *dataset);
/* VR letters as found ("UN" also for implicit); false if absent. */
bool dataset_vr(const struct dataset *dataset, uint32_t tag, char vr[3]);

/* An item of a long (5200,9230) is read when it is asked for, and stays valid until four others have been. */
size_t dataset_items(const struct dataset *dataset, uint32_t tag);
const struct dataset *dataset_item(const struct dataset *dataset, uint32_t tag, size_t index);

/* -- all of them ---------------------------------------------------------------------------- */
struct dataset_element {
    uint32_t tag;
    char vr[3];           /* as found; "UN" where the file has none, "SQ" for what has items */
    bool is_sequence;     /* then `items` counts, and dataset_item gives them */
    size_t items;
    const uint8_t *bytes; /* as dataset_raw gives them; NULL where the value is empty */
    size_t size;
};
/* Each element once, in ascending order of tags, pixel data of the top level excepted, also what has
 * no value. Ends where `visit` says false (it has filled *err then). Elements that GDCM would misread
 * (header.c: is_trap) are not there. */
typedef bool dataset_visit(void *client, const struct dataset *dataset,
                           const struct dataset_element *element, struct error *err);
bool dataset_each(const struct dataset *dataset, dataset_visit *visit, void *client, struct error *err);
/* The data set that holds this item; NULL for a root. */
const struct dataset *dataset_outer(const struct dataset *dataset);
/* The VR of the pixel data's element as found, "UN" with implicit VR, "" without pixel data. */
const char *object_pixel_vr(const struct object *object);

/* The item of functional group `macro` (e.g. TAG(0x0028,0x9145)) that holds for `frame` (from 1):
 * per-frame (5200,9230) first, else shared (5200,9229); NULL if neither has it (PS3.3 C.7.6.16.1). */
const struct dataset *object_functional_group(const struct object *object, uint32_t macro, uint32_t frame);

#endif
