/* dicom_json.h - a data set in the DICOM JSON Model (PS3.18 Annex F)
 *
 *     struct dicom_json_options options = {.inline_limit = 1024, .bulk_prefix = "instances/1.2.3/bulk/",
 *                                          .bulk = keep_bulk, .bulk_client = stage};
 *     ok = dicom_json_write(object, &options, &out, err);
 *
 * One JSON object: every attribute of the data set in ascending order, items of sequences included;
 * no group length, none of the groups 0000, 0002 and FFFE, and neither Extended Offset Table, which
 * tells of the file, not of the published frames. `vr` is always there, `Value` never empty: an empty
 * attribute has none, an empty member of a list is null. All text is UTF-8, and Specific Character
 * Set says so. IS, DS, SV and UV that a double cannot hold, or that are no numbers, are strings;
 * infinities and NaN are null. Values without a VR, or with UN, have the one of PS3.6 (vr_table.h)
 * if it fits their size.
 *
 * The object is as the file has it; what describes the published frames instead comes as overrides.
 * Same object and options, same bytes. Not there: what follows the pixel data of the file, encapsulated
 * icons, and items of long Per-frame Functional Groups that cannot be read (their place holds {}).
 */
#ifndef SLICEPRESS_DICOM_DICOM_JSON_H
#define SLICEPRESS_DICOM_DICOM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/object.h"

/* An attribute of the top level that replaces the file's, or is added in its place. */
struct dicom_json_override {
    uint32_t tag;
    char vr[3];
    const char *text; /* UTF-8, values separated by \, tags in hex; "": no value; NULL: no attribute */
};

/* A binary value that is too long to stand in the JSON. */
struct dicom_json_bulk {
    const char *path; /* "00282000"; "00880200-1-7FE00010": in item 1 of 00880200 */
    const char *vr;
    const uint8_t *bytes; /* little endian; borrowed for the call */
    size_t size;
};

enum { DICOM_JSON_PATH = 200 }; /* longer paths do not happen: such values are inline */

struct dicom_json_options {
    bool private_attributes;    /* with their creators */
    size_t inline_limit;        /* bytes of an OB, OD, OF, OL, OV, OW or UN value in the JSON (base64) */
    const char *bulk_prefix;    /* longer ones: BulkDataURI is this and the path; NULL: all are inline */
    bool (*bulk)(void *client, const struct dicom_json_bulk *bulk, struct error *err); /* or NULL */
    void *bulk_client;
    const char *pixel_data_uri; /* BulkDataURI of the pixel data; NULL: not mentioned */
    const struct dicom_json_override *overrides; /* ascending */
    size_t override_count;
    /* Takes what is written so far and clears `out`, every 64 KiB or so; NULL: all stays in `out`. */
    bool (*flush)(void *client, struct buffer *out, struct error *err);
    void *flush_client;
};

/* Appends to `out`. On failure `out` holds a beginning. */
bool dicom_json_write(const struct object *object, const struct dicom_json_options *options,
                      struct buffer *out, struct error *err);

#endif
