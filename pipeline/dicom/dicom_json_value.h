/* dicom_json_value.h - values of one attribute as JSON; private to dicom_json.c
 *
 * The first failure sticks: write everything, then ask `failed`, which *err explains.
 */
#ifndef SLICEPRESS_DICOM_DICOM_JSON_VALUE_H
#define SLICEPRESS_DICOM_DICOM_JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

struct dicom_json_out {
    struct buffer *buffer;
    struct buffer text; /* converted text, reused; dicom_json_out_release */
    struct error *err;
    bool failed;
};
void dicom_json_out_release(struct dicom_json_out *out);

void dicom_json_put(struct dicom_json_out *out, const char *text, size_t size);
void dicom_json_puts(struct dicom_json_out *out, const char *text);
void dicom_json_put_string(struct dicom_json_out *out, const char *utf8, size_t size); /* quoted */
/* `"GGGGEEEE":{"vr":"XX"`; the caller knows about commas and closes. */
void dicom_json_put_key(struct dicom_json_out *out, uint32_t tag, const char vr[3]);
void dicom_json_put_hex(uint32_t tag, char text[8]);

/* `,"Value":[...]`, or nothing where there is no value; vr is not binary and not SQ. charset: the
 * declared one. big_endian: of numbers. */
void dicom_json_put_value(struct dicom_json_out *out, const char vr[3], const uint8_t *bytes,
                          size_t size, const char *charset, bool big_endian);
void dicom_json_put_binary(struct dicom_json_out *out, const uint8_t *bytes, size_t size);

/* OB, OD, OF, OL, OV, OW, UN */
bool dicom_json_vr_is_binary(const char vr[3]);
/* Bytes of one number (or tag) of this VR; 0 for text, binary VRs and SQ. */
size_t dicom_json_vr_size(const char vr[3]);

#endif
