#include "dicom/part10.h"

#include <stdlib.h>
#include <string.h>

#include "dicom/element_vr.h"
#include "dicom/object_private.h"

enum {
    FLUSH_BYTES = 64 << 10,
    SHORT_MOST = 65534, /* bytes of a value with a 16-bit length */
    GROUP_PIXELS = 0x7fe0,
    GROUP_SIGNATURES = 0xfffa,
    GROUP_PADDING = 0xfffc,
    ITEM_HEAD = 8,
};
static const struct encoding little = {.explicit_vr = true};

/* ---------------------------------------------------------------- elements */

bool part10_put_head(struct buffer *out, uint32_t tag, const char vr[3], uint32_t length, struct error *err)
{
    uint8_t b[12] = {0};
    const bool is_long = vr_is_long((const uint8_t *)vr);
    encoding_put_tag(little, tag, b);
    memcpy(b + 4, vr, 2);
    if (is_long) {
        encoding_put_u32(little, length, b + 8);
    } else {
        b[6] = (uint8_t)length;
        b[7] = (uint8_t)(length >> 8);
    }
    return buffer_append(out, b, is_long ? 12 : 8, err);
}

bool part10_put_item(struct buffer *out, uint32_t tag, uint32_t length, struct error *err)
{
    uint8_t b[ITEM_HEAD];
    encoding_put_tag(little, tag, b);
    encoding_put_u32(little, length, b + 4);
    return buffer_append(out, b, sizeof b, err);
}

static bool put_value(struct buffer *out, uint32_t tag, const char *vr, const void *bytes, size_t size,
                      struct error *err)
{
    const size_t even = size + (size & 1);
    const char pad = !strcmp(vr, "UI") || vr[0] == 'O' || !strcmp(vr, "UN") ? '\0' : ' ';
    if (even > SHORT_MOST && !vr_is_long((const uint8_t *)vr))
        vr = "UN"; /* PS3.5 6.2.2 */
    return part10_put_head(out, tag, vr, (uint32_t)even, err) && buffer_append(out, bytes, size, err) &&
           (even == size || buffer_append(out, &pad, 1, err));
}

static bool put_text(struct buffer *out, uint32_t tag, const char vr[3], const char *text, struct error *err)
{
    if (strcmp(vr, "US") != 0)
        return put_value(out, tag, vr, text, strlen(text), err);
    const unsigned long number = strtoul(text, NULL, 10);
    const uint8_t b[2] = {(uint8_t)number, (uint8_t)(number >> 8)};
    return put_value(out, tag, vr, b, sizeof b, err);
}

/* ---------------------------------------------------------------- File Meta */

static bool put_sop_class(const struct object *object, struct buffer *out, struct error *err)
{
    char uid[65];
    return (!dataset_text(object_dataset(object), TAG(0x0008, 0x0016), uid, sizeof uid) &&
            !dataset_text(object_meta(object), TAG(0x0002, 0x0002), uid, sizeof uid)) ||
           put_text(out, TAG(0x0002, 0x0002), "UI", uid, err);
}

bool part10_meta(const struct object *object, const struct part10_options *options, struct buffer *out,
                 struct error *err)
{
    static const uint8_t front[PART10_PREAMBLE], version[2] = {0, 1};
    const size_t group_length = out->size + PART10_PREAMBLE + 4 + 8;
    const bool ok = buffer_append(out, front, sizeof front, err) && buffer_puts(out, "DICM", err) &&
                    put_value(out, TAG(0x0002, 0x0000), "UL", front, 4, err) &&
                    put_value(out, TAG(0x0002, 0x0001), "OB", version, sizeof version, err) &&
                    put_sop_class(object, out, err) &&
                    put_text(out, TAG(0x0002, 0x0003), "UI", options->sop_instance_uid, err) &&
                    put_text(out, TAG(0x0002, 0x0010), "UI", options->transfer_syntax, err) &&
                    put_text(out, TAG(0x0002, 0x0012), "UI", PART10_IMPLEMENTATION_UID, err) &&
                    put_text(out, TAG(0x0002, 0x0013), "SH", "SLICEPRESS", err);
    if (ok)
        encoding_put_u32(little, (uint32_t)(out->size - group_length - 4), out->data + group_length);
    return ok;
}

/* ---------------------------------------------------------------- the data set */

struct writer {
    const struct part10_options *options;
    struct buffer *out;
    size_t override; /* the next one */
    bool top;        /* not in an item */
};

static bool write_dataset(struct writer *writer, const struct dataset *dataset, struct error *err);

static bool flush(struct writer *writer, struct error *err)
{
    const struct part10_options *const options = writer->options;
    return !options->flush || writer->out->size < FLUSH_BYTES ||
           options->flush(options->flush_client, writer->out, err);
}

/* Overrides with tags up to `tag`; *replaced: one of them is it. */
static bool put_overrides(struct writer *writer, uint32_t tag, bool *replaced, struct error *err)
{
    const struct part10_options *const options = writer->options;
    *replaced = false;
    for (; writer->override < options->override_count; writer->override++) {
        const struct part10_override *const override = &options->overrides[writer->override];
        if (override->tag > tag)
            break;
        *replaced = override->tag == tag;
        if (override->text && !put_text(writer->out, override->tag, override->vr, override->text, err))
            return false;
    }
    return true;
}

static bool write_items(struct writer *writer, const struct dataset *dataset, const struct dataset_element *element,
                        struct error *err)
{
    bool ok = part10_put_head(writer->out, element->tag, "SQ", UINT32_MAX, err);
    for (size_t i = 0; ok && i < element->items; i++) {
        const struct dataset *const item = dataset_item(dataset, element->tag, i);
        ok = part10_put_item(writer->out, PART10_ITEM, UINT32_MAX, err) &&
             (!item || write_dataset(writer, item, err)) &&
             part10_put_item(writer->out, 0xfffee00du, 0, err);
    }
    return ok && part10_put_item(writer->out, PART10_SEQUENCE_END, 0, err);
}

static bool is_left_out(const struct writer *writer, uint32_t tag)
{
    const uint32_t group = tag >> 16;
    return group <= 0x0002 || group >= 0xfffe || !(tag & 0xffff) || (writer->top && group == GROUP_PIXELS);
}

static bool write_element(void *client, const struct dataset *dataset, const struct dataset_element *element,
                          struct error *err)
{
    struct writer *const writer = client;
    const bool top = writer->top;
    bool found, replaced = false, ok;
    if (is_left_out(writer, element->tag))
        return true;
    if (top && !put_overrides(writer, element->tag, &replaced, err))
        return false;
    if (replaced)
        return true;
    const char *vr = element_vr(dataset, element, &found);
    if (!found && dataset_is_big_endian(dataset))
        vr = "UN"; /* nobody has swapped it */
    writer->top = false;
    ok = element->is_sequence ? write_items(writer, dataset, element, err)
                              : put_value(writer->out, element->tag, vr, element->bytes, element->size, err);
    writer->top = top;
    return ok && flush(writer, err);
}

static bool write_dataset(struct writer *writer, const struct dataset *dataset, struct error *err)
{
    return dataset_each(dataset, write_element, writer, err);
}

bool part10_dataset(const struct object *object, const struct part10_options *options, struct buffer *out,
                    struct error *err)
{
    struct writer writer = {.options = options, .out = out, .top = true};
    bool replaced;
    return write_dataset(&writer, object_dataset(object), err) &&
           put_overrides(&writer, UINT32_MAX, &replaced, err) && flush(&writer, err);
}

/* ---------------------------------------------------------------- pixel data and what follows */

bool part10_pixels_end(const struct object *object, uint64_t *end, struct error *err)
{
    const struct bytes *const bytes = object_bytes(object);
    const struct pixel_location pixels = object_pixels(object);
    uint64_t at = pixels.offset;
    *end = bytes->size;
    if (!pixels.encapsulated) {
        if (pixels.length < bytes->size - at)
            *end = at + pixels.length;
        return true;
    }
    while (bytes->size - at >= ITEM_HEAD) {
        uint8_t b[ITEM_HEAD];
        if (!bytes_read_all(bytes, at, b, sizeof b, err))
            return false;
        const uint32_t tag = encoding_tag(little, b), length = encoding_u32(little, b + 4);
        at += ITEM_HEAD;
        if (tag == PART10_SEQUENCE_END) {
            *end = at;
            return true;
        }
        if (tag != PART10_ITEM || length > bytes->size - at)
            return true;
        at += length;
    }
    return true;
}

bool part10_rest(const struct object *object, uint64_t *from, uint64_t *to, const char **left_out, struct error *err)
{
    const struct bytes *const bytes = object_bytes(object);
    const struct encoding encoding = object_encoding(object);
    uint8_t b[ITEM_HEAD];
    *from = *to = bytes->size;
    *left_out = NULL;
    if (object_pixels(object).element == PIXEL_ELEMENT_NONE)
        return true;
    if (!part10_pixels_end(object, from, err))
        return false;
    if (bytes->size - *from < sizeof b) {
        *to = *from;
        return true;
    }
    if (!bytes_read_all(bytes, *from, b, sizeof b, err))
        return false;
    const uint32_t group = encoding_tag(encoding, b) >> 16;
    const bool is_more = group >= GROUP_PIXELS && group < GROUP_SIGNATURES;
    if (is_more && encoding.explicit_vr && !encoding.big_endian && vr_is_known(b + 4))
        return true;
    if (group == GROUP_SIGNATURES)
        *left_out = "digital signatures, which no longer hold";
    else if (is_more)
        *left_out = "what follows the pixel data";
    *to = *from;
    return true;
}
