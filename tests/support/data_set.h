/* data_set.h - encoded data sets for tests, element by element, right or wrong on purpose
 *
 *     struct set s = set_new("1.2.840.10008.1.2.1");       preamble, DICM, File Meta
 *     set_us(&s, 0x00280010, 512); set_text(&s, 0x00100010, "PN", "A^B");
 *     set_open(&s, &object)  ...  set_release(&s);
 */
#ifndef SLICEPRESS_TESTS_DATA_SET_H
#define SLICEPRESS_TESTS_DATA_SET_H

#include <sys/mman.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "dicom/object.h"
#include "tests/support/test.h"

struct set {
    struct buffer data;
    struct bytes bytes;
    bool implicit, big_endian;
};

static inline void set_bytes(struct set *s, const void *data, size_t size)
{
    struct error err;
    CHECK_OK(buffer_append(&s->data, data, size, &err), err);
}

static inline void set_u16(struct set *s, uint16_t v)
{
    const uint8_t little[] = {(uint8_t)v, (uint8_t)(v >> 8)},
                  big[] = {(uint8_t)(v >> 8), (uint8_t)v};
    set_bytes(s, s->big_endian ? big : little, 2);
}

static inline void set_u32(struct set *s, uint32_t v)
{
    set_u16(s, (uint16_t)(s->big_endian ? v >> 16 : v));
    set_u16(s, (uint16_t)(s->big_endian ? v : v >> 16));
}

static inline bool set_is_long(const char *vr)
{
    static const char *const list[] = {"OB", "OD", "OF", "OL", "OV", "OW",
                                       "SQ", "UC", "UN", "UR", "UT"};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (!strcmp(list[i], vr))
            return true;
    return false;
}

/* Tag, VR, length as they are told. */
static inline void set_head(struct set *s, uint32_t tag, const char *vr, uint32_t length)
{
    set_u16(s, (uint16_t)(tag >> 16));
    set_u16(s, (uint16_t)tag);
    if (s->implicit || tag >> 16 == 0xfffe) {
        set_u32(s, length);
        return;
    }
    set_bytes(s, vr, 2);
    if (!set_is_long(vr)) {
        set_u16(s, (uint16_t)length);
        return;
    }
    set_bytes(s, "\0", 2);
    set_u32(s, length);
}

static inline void set_raw(struct set *s, uint32_t tag, const char *vr, const void *data,
                           size_t size)
{
    set_head(s, tag, vr, (uint32_t)(size + (size & 1)));
    set_bytes(s, data, size);
    set_bytes(s, "\0", size & 1);
}

static inline void set_text(struct set *s, uint32_t tag, const char *vr, const char *text)
{
    set_head(s, tag, vr, (uint32_t)(strlen(text) + (strlen(text) & 1)));
    set_bytes(s, text, strlen(text));
    set_bytes(s, " ", strlen(text) & 1);
}

static inline void set_us_list(struct set *s, uint32_t tag, const char *vr, const uint16_t *values,
                               size_t count)
{
    set_head(s, tag, vr, (uint32_t)(2 * count));
    for (size_t i = 0; i < count; i++)
        set_u16(s, values[i]);
}

static inline void set_us(struct set *s, uint32_t tag, uint16_t value)
{
    set_us_list(s, tag, "US", &value, 1);
}

/* Sequences and items of undefined length. */
static inline void set_open_sequence(struct set *s, uint32_t tag)
{
    set_head(s, tag, "SQ", UINT32_MAX);
}
static inline void set_close_sequence(struct set *s)
{
    set_head(s, 0xfffee0dd, "", 0);
}
static inline void set_open_item(struct set *s)
{
    set_head(s, 0xfffee000, "", UINT32_MAX);
}
static inline void set_close_item(struct set *s)
{
    set_head(s, 0xfffee00d, "", 0);
}

static inline struct set set_new(const char *transfer_syntax)
{
    struct set s = {0};
    static const uint8_t preamble[128];
    set_bytes(&s, preamble, sizeof preamble);
    set_bytes(&s, "DICM", 4);
    set_head(&s, 0x00020000, "UL", 4);
    set_u32(&s, 8 + (uint32_t)(strlen(transfer_syntax) + (strlen(transfer_syntax) & 1)));
    set_raw(&s, 0x00020010, "UI", transfer_syntax, strlen(transfer_syntax));
    s.implicit = !strcmp(transfer_syntax, "1.2.840.10008.1.2");
    s.big_endian = !strcmp(transfer_syntax, "1.2.840.10008.1.2.2");
    return s;
}

/* The Image Pixel module of a grey image, SOP class and modality before it. */
static inline void set_image(struct set *s, uint16_t rows, uint16_t columns, uint16_t bits,
                             const char *frames)
{
    set_text(s, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
    set_text(s, 0x00080060, "CS", "CT");
    set_us(s, 0x00280002, 1);
    set_text(s, 0x00280004, "CS", "MONOCHROME2");
    if (frames)
        set_text(s, 0x00280008, "IS", frames);
    set_us(s, 0x00280010, rows);
    set_us(s, 0x00280011, columns);
    set_us(s, 0x00280100, bits);
    set_us(s, 0x00280101, bits);
    set_us(s, 0x00280102, (uint16_t)(bits - 1));
    set_us(s, 0x00280103, 0);
}

static inline bool set_make_spool(void *client, int *descriptor, struct error *err)
{
    (void)client;
    *descriptor = memfd_create("spool", MFD_CLOEXEC);
    return *descriptor >= 0 || error_set(err, ERROR_IO, "memfd_create failed");
}

static inline bool set_open(struct set *s, struct object **object, struct error *err)
{
    static const struct spool_maker spool = {set_make_spool, NULL};
    *object = NULL;
    s->bytes = bytes_of_memory(s->data.data, s->data.size);
    return object_open(&s->bytes, &spool, object, err);
}

static inline void set_release(struct set *s)
{
    buffer_release(&s->data);
}

#endif
