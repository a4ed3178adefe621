/* dicom_json.h - a data set in the DICOM JSON Model (PS3.18 Annex F)
 *
 *     struct dicom_json_options options = {.inline_limit = 1024, .bulk_prefix = "instances/1.2.3/bulk/",
 *                                          .bulk = name_bulk, .bulk_client = stage};
 *     ok = dicom_json_write(object, &options, &out, err);
 *
 * One JSON object: every attribute of the data set in ascending order, items of sequences included;
 * no group length, none of the groups 0000, 0002 and FFFE, and neither the Extended Offset Table nor
 * the length of encapsulated pixel data, which tell of the file, not of the published frames. `vr` is
 * always there, `Value` never empty: an empty attribute has none, an empty member of a list is null. All
 * text is UTF-8, and Specific Character Set says so. IS, DS, SV and UV that a double cannot hold, or that
 * are no numbers, are strings; infinities and NaN are null. Values without a VR, or with UN, have the one
 * of PS3.6 (vr_table.h) if it fits their size.
 *
 * The text is one line. Each quote inside of a string is escaped: ,"BulkDataURI":" stands nowhere else
 * than before an address.
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
    const char *text; /* UTF-8, values separated by \, tags in hex; "": no value; NULL: no attribute. Of VR SQ: the
                       * items as JSON, "{...},{...}" */
};

/* A binary value that is too long to stand in the JSON. */
struct dicom_json_bulk {
    const char *path; /* "00282000"; "00880200-1-7FE00010": in item 1 of 00880200 */
    const char *vr;
    const uint8_t *bytes; /* little endian; borrowed for the call */
    size_t size;
};

enum { DICOM_JSON_PATH = 200 }; /* longer paths do not happen: such values are inline */

/* Whether the attributes that are US or SS by Pixel Representation (PS3.5 6.2) have the sign that the object says, or
 * another one, which its published frames have: then the same 16 bits are told as the other VR. */
enum dicom_json_sign { DICOM_JSON_SIGN_DECLARED, DICOM_JSON_UNSIGNED, DICOM_JSON_SIGNED };

struct dicom_json_options {
    bool private_attributes;    /* with their creators */
    size_t inline_limit;        /* bytes of an OB, OD, OF, OL, OV, OW or UN value in the JSON (base64); colour palettes
                                 * are there in any case, as long as they say in their descriptor */
    const char *bulk_prefix;    /* longer ones: BulkDataURI is this and the name; NULL: all are inline */
    /* Takes a long value; NULL: nobody does. `name` is the path, unless another one is written into it. */
    bool (*bulk)(void *client, const struct dicom_json_bulk *bulk, char name[DICOM_JSON_PATH + 1], struct error *err);
    void *bulk_client;
    const char *pixel_data_uri; /* BulkDataURI of the pixel data; NULL: not mentioned */
    const char *pixel_data_vr;  /* of the published pixel data; NULL: the object's */
    enum dicom_json_sign sign;
    uint64_t most;              /* bytes in all: LIMIT; 0: any number */
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
