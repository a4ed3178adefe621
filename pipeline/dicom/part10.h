/* part10.h - an object written anew as a file of PS3.10: File Meta, and the data set in explicit VR little endian
 *
 *     struct part10_options options = {.transfer_syntax = "1.2.840.10008.1.2.4.90", .overrides = ..., .flush = ...};
 *     ok = part10_meta(object, &options, &out, err) &&
 *          part10_dataset(object, &options, &out, err) &&         up to the pixel data
 *          part10_put_head(&out, tag, "OB", UINT32_MAX, err) ...  pixel data and their items are the caller's
 *          part10_rest(object, &from, &to, &left_out, err)        what stood behind them, byte for byte
 *
 * Values are those of the file, in its character sets; numbers become little endian; values without a VR get the one of
 * PS3.6 (vr_table.h). Sequences and items have undefined length (PS3.5 7.5). Not there: group lengths, which are
 * retired, the Extended Offset Table, and what dataset_each does not give. Same object and options, same bytes.
 */
#ifndef SLICEPRESS_DICOM_PART10_H
#define SLICEPRESS_DICOM_PART10_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/object.h"

#define PART10_IMPLEMENTATION_UID "2.25.147944902260733457333831777444677779573"

enum {
    PART10_PREAMBLE = 128, /* bytes for whoever wants them: zeros here, for they may hide a program (PS3.10 7.1) */
    PART10_ITEM = 0xfffee000u,
    PART10_SEQUENCE_END = 0xfffee0ddu,
};

/* An attribute of the top level that replaces the object's, or is added in its place. */
struct part10_override {
    uint32_t tag;
    char vr[3];       /* US or one of text */
    const char *text; /* a US in decimal; NULL: no attribute */
};

struct part10_options {
    const char *transfer_syntax, *sop_instance_uid; /* for File Meta */
    const struct part10_override *overrides;        /* ascending */
    size_t override_count;
    /* Takes what is written so far and clears `out`, every 64 KiB or so; NULL: all stays in `out`. */
    bool (*flush)(void *client, struct buffer *out, struct error *err);
    void *flush_client;
};

/* Appends preamble, DICM and File Meta (PS3.10 7.1). */
bool part10_meta(const struct object *object, const struct part10_options *options, struct buffer *out,
                 struct error *err);
/* Appends what stands before the pixel data, or everything. On failure `out` holds a beginning. */
bool part10_dataset(const struct object *object, const struct part10_options *options, struct buffer *out,
                    struct error *err);
/* Tag, VR and length of an element (PS3.5 7.1.2); an item or a delimiter, which have no VR. */
bool part10_put_head(struct buffer *out, uint32_t tag, const char vr[3], uint32_t length, struct error *err);
bool part10_put_item(struct buffer *out, uint32_t tag, uint32_t length, struct error *err);

/* The first byte after the value of the pixel data in object_bytes, the sequence delimiter included; the end of the
 * bytes where they are cut. */
bool part10_pixels_end(const struct object *object, uint64_t *end, struct error *err);
/* What follows the pixel data in object_bytes and can stand behind them in a file written anew: [*from, *to), perhaps
 * empty. *left_out: what cannot, NULL if nothing is lost. Padding is nothing; signatures no longer hold. */
bool part10_rest(const struct object *object, uint64_t *from, uint64_t *to, const char **left_out, struct error *err);

#endif
