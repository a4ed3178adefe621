#include "original_pixels.h"

#include "codec/coded_form_read.h"
#include "dicom/part10.h"
#include "job/staging_stream.h"

enum {
    TAG_PIXEL_DATA = TAG(0x7fe0, 0x0010),
    TAG_EXTENDED_TABLE = TAG(0x7fe0, 0x0001),
    TAG_EXTENDED_LENGTHS = TAG(0x7fe0, 0x0002),
};
/* Lossless coding makes noise a little larger than it was: far from twice as large. */
static const uint64_t BASIC_TABLE_BYTES = UINT64_C(2) << 30;

bool original_pixels_code(struct original_pixels *pixels, const struct frame *frame, struct error *err)
{
    struct frame_payload *const payload = &pixels->payload;

    if (!frame_code(&pixels->coder, frame_code_best(frame, pixels->coding), frame, payload, err) ||
        !coded_form_read(payload->syntax, payload->data, payload->size, frame, &pixels->form, err))
        return false;
    pixels->form.frames = pixels->frames;
    return true;
}

void original_pixels_release(struct original_pixels *pixels)
{
    frame_coder_release(&pixels->coder);
}

/* -- writing -------------------------------------------------------------------------------- */

static bool put_and_clear(struct buffer *text, struct staging *staging, struct error *err)
{
    const bool ok = staging_stream_put(staging, &(struct part){text->data, text->size}, 1, err);

    buffer_clear(text);
    return ok;
}

/* A table that is filled later. */
static bool put_zeros(struct staging *staging, uint64_t size, struct error *err)
{
    static const uint8_t zeros[16 << 10];
    bool ok = true;

    for (; ok && size > 0;) {
        const struct part part = {zeros, size < sizeof zeros ? (size_t)size : sizeof zeros};

        ok = staging_stream_put(staging, &part, 1, err);
        size -= part.size;
    }
    return ok;
}

static bool put_extended_tables(struct original_pixels *pixels, struct staging *staging, struct buffer *text,
                                struct error *err)
{
    const uint32_t size = pixels->frames * 8;

    if (!part10_put_head(text, TAG_EXTENDED_TABLE, "OV", size, err) || !put_and_clear(text, staging, err))
        return false;
    pixels->extended_table = staging_stream_size(staging);
    return put_zeros(staging, size, err) && part10_put_head(text, TAG_EXTENDED_LENGTHS, "OV", size, err) &&
           put_and_clear(text, staging, err) && put_zeros(staging, size, err);
}

bool original_pixels_begin(struct original_pixels *pixels, struct staging *staging, struct error *err)
{
    const bool several = pixels->frames > 1, is_basic = several && pixels->native_bits / 8 < BASIC_TABLE_BYTES;
    struct buffer text = {0};
    bool ok = !several || is_basic || put_extended_tables(pixels, staging, &text, err);

    ok = ok && part10_put_head(&text, TAG_PIXEL_DATA, "OB", UINT32_MAX, err) &&
         part10_put_item(&text, PART10_ITEM, is_basic ? pixels->frames * 4 : 0, err) &&
         put_and_clear(&text, staging, err);
    if (ok && is_basic) {
        pixels->basic_table = staging_stream_size(staging);
        ok = put_zeros(staging, (uint64_t)pixels->frames * 4, err);
    }
    pixels->first_item = staging_stream_size(staging);
    buffer_release(&text);
    return ok;
}

static void store_little(uint64_t value, size_t size, uint8_t *to)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

/* The entries of the frame that begins at `offset`. */
static bool fill_tables(const struct original_pixels *pixels, struct staging *staging, uint64_t offset,
                        uint64_t length, struct error *err)
{
    const uint64_t entry = (uint64_t)pixels->put;
    uint8_t b[8], n[8];

    store_little(offset, sizeof b, b);
    store_little(length, sizeof n, n);
    if (pixels->basic_table != 0)
        return offset <= UINT32_MAX
                   ? staging_stream_patch(staging, pixels->basic_table + entry * 4, b, 4, err)
                   : error_set(err, ERROR_LIMIT, "frame %u begins beyond what 32 bits can tell", pixels->put + 1);
    if (pixels->extended_table == 0)
        return true;
    const uint64_t lengths = pixels->extended_table + (uint64_t)pixels->frames * 8 + 12; /* the head between */
    return staging_stream_patch(staging, pixels->extended_table + entry * 8, b, sizeof b, err) &&
           staging_stream_patch(staging, lengths + entry * 8, n, sizeof n, err);
}

bool original_pixels_put(struct original_pixels *pixels, struct staging *staging, struct error *err)
{
    const struct frame_payload *const data = &pixels->payload;
    const size_t even = data->size + (data->size & 1);
    const uint64_t offset = staging_stream_size(staging) - pixels->first_item;
    struct buffer head = {0};

    bool ok = even < UINT32_MAX || error_set(err, ERROR_LIMIT, "a frame of %zu bytes is no fragment", data->size);
    ok = ok && part10_put_item(&head, PART10_ITEM, (uint32_t)even, err);
    if (ok) {
        const struct part parts[] = {{head.data, head.size}, {data->data, data->size}, {"", even - data->size}};

        ok = staging_stream_put(staging, parts, sizeof parts / sizeof parts[0], err) &&
             fill_tables(pixels, staging, offset, even, err);
    }
    buffer_release(&head);
    pixels->put++;
    return ok;
}

bool original_pixels_end(struct original_pixels *pixels, struct staging *staging, struct error *err)
{
    struct buffer text = {0};
    bool ok = pixels->put == pixels->frames ||
              error_set(err, ERROR_USAGE, "%u of %u frames were put", pixels->put, pixels->frames);

    ok = ok && part10_put_item(&text, PART10_SEQUENCE_END, 0, err) && put_and_clear(&text, staging, err);
    buffer_release(&text);
    return ok;
}
