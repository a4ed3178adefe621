#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"
#include "dicom_writer.h"
#include "phantom.h"

struct layout_of_pixels pixels_layout(const struct recipe *recipe)
{
    const unsigned allocated = (unsigned)recipe_number(recipe, "allocated", 16);
    const unsigned stored = (unsigned)recipe_number(recipe, "stored", allocated);

    return (struct layout_of_pixels){
        .rows = (uint32_t)recipe_number(recipe, "rows", 16),
        .columns = (uint32_t)recipe_number(recipe, "columns", 16),
        .frames = (uint32_t)recipe_number(recipe, "frames", 1),
        .samples = (uint32_t)recipe_number(recipe, "samples", 1),
        .planar = (uint32_t)recipe_number(recipe, "planar", 0),
        .allocated = allocated,
        .stored = stored,
        .high = (unsigned)recipe_number(recipe, "high", stored - 1),
    };
}

static uint64_t cell_bits(const struct layout_of_pixels *layout, double value, bool floats, uint64_t over)
{
    uint64_t bits = 0, mask = layout->stored >= 64 ? UINT64_MAX : (UINT64_C(1) << layout->stored) - 1;

    if (floats && layout->allocated == 32) {
        const float single = (float)value;

        memcpy(&bits, &single, 4);
        return bits;
    }
    if (floats) {
        memcpy(&bits, &value, 8);
        return bits;
    }
    bits = value < 0 ? (uint64_t)(int64_t)value : (uint64_t)value;
    return (bits & mask) << (layout->high + 1 - layout->stored) | over;
}

/* Native bytes of one frame, in the order of the file. bit: where a 1-bit frame begins in `out`. */
static bool frame_bytes(const struct recipe *recipe, const struct layout_of_pixels *layout,
                        const struct plane *plane, bool big_endian, size_t *bit, struct buffer *out,
                        struct error *err)
{
    const size_t pixels = (size_t)layout->rows * layout->columns;
    const unsigned bytes = layout->allocated / 8, samples = layout->samples;
    const bool floats = strcmp(recipe_text(recipe, "element", "integer"), "integer") != 0;
    const uint64_t over = (uint64_t)recipe_number(recipe, "over", 0);
    const bool half_chroma = samples == 3 && recipe_flag(recipe, "half_chroma", false);
    size_t from = out->size;

    if (layout->allocated == 1) {
        for (size_t i = 0; i < pixels * samples; i++, ++*bit) {
            if (*bit % 8 == 0 && !buffer_put_u8(out, 0, err))
                return false;
            if (plane->values[i] != 0)
                out->data[out->size - 1] = (uint8_t)(out->data[out->size - 1] | 1u << *bit % 8);
        }
        return true;
    }
    if (half_chroma) { /* Y1 Y2 Cb Cr, little endian */
        for (size_t i = 0; i + 1 < pixels; i += 2) {
            const double *const p = plane->values + 3 * i;
            const uint16_t four[4] = {(uint16_t)p[0], (uint16_t)p[3], (uint16_t)p[1], (uint16_t)p[2]};

            for (unsigned k = 0; k < 4; k++)
                if (bytes == 1 ? !buffer_put_u8(out, (uint8_t)four[k], err) : !buffer_put_u16(out, four[k], err))
                    return false;
        }
        return true;
    }
    if (!buffer_reserve(out, pixels * samples * bytes + 1, err))
        return false;
    for (size_t i = 0; i < pixels; i++)
        for (unsigned s = 0; s < samples; s++) {
            const uint64_t bits = cell_bits(layout, plane->values[i * samples + s], floats, over);
            uint8_t *const to = out->data + from + (layout->planar ? s * pixels + i : i * samples + s) * bytes;

            for (unsigned b = 0; b < bytes; b++)
                to[big_endian ? bytes - 1 - b : b] = (uint8_t)(bits >> 8 * b);
        }
    out->size = from + pixels * samples * bytes;
    out->data[out->size] = 0;
    return true;
}

/* Big-endian OW of 8-bit samples: two bytes of a word change places (PS3.5 8.1.2). */
static void swap_words(struct buffer *data)
{
    for (size_t i = 0; i + 1 < data->size; i += 2) {
        const uint8_t first = data->data[i];

        data->data[i] = data->data[i + 1];
        data->data[i + 1] = first;
    }
}

static bool native(const struct recipe *recipe, const struct layout_of_pixels *layout, struct plane *plane,
                   struct writing writing, struct buffer *out, struct placed *placed, struct error *err)
{
    const char *const kind = recipe_text(recipe, "element", "integer");
    const char *vr = layout->allocated > 8 || !writing.explicit_vr ? "OW" : "OB";
    uint32_t tag = 0x7fe00010;
    struct buffer data = {0};
    size_t bit = 0;
    bool ok = true;

    if (strcmp(kind, "float") == 0) {
        tag = 0x7fe00008;
        vr = "OF";
    } else if (strcmp(kind, "double") == 0) {
        tag = 0x7fe00009;
        vr = "OD";
    }
    vr = recipe_text(recipe, "pixel_vr", vr);
    for (uint32_t frame = 0; ok && frame < layout->frames; frame++)
        ok = phantom_draw(recipe, frame, plane, err) &&
             frame_bytes(recipe, layout, plane, writing.big_endian, &bit, &data, err);
    ok = ok && (data.size % 2 == 0 || buffer_put_u8(&data, 0, err));
    if (ok && writing.big_endian && layout->allocated <= 8 && memcmp(vr, "OW", 2) == 0)
        swap_words(&data);
    ok = ok && element_head(tag, vr, (uint32_t)data.size, writing, out, placed, err) &&
         buffer_append(out, data.data, data.size, err);
    buffer_release(&data);
    return ok;
}

/* Coded frames one after the other in `data`, their ends in `ends`. */
static bool coded_frames(const struct recipe *recipe, const struct layout_of_pixels *layout, struct plane *plane,
                         struct buffer *data, uint64_t *ends, struct error *err)
{
    const bool deflate = strcmp(recipe_text(recipe, "syntax", ""), "deflated_frames") == 0;
    struct buffer raw = {0};
    uint32_t file = 0;
    size_t bit;
    bool ok = true;

    for (size_t i = 0; ok && i < recipe->setting_count; i++) /* one file a frame */
        if (strcmp(recipe->settings[i].name, "frame_file") == 0 && file < layout->frames) {
            ok = path_read_file(recipe->settings[i].value, SIZE_MAX / 4, data, err) &&
                 (data->size % 2 == 0 || buffer_put_u8(data, 0, err));
            ends[file++] = data->size;
        }
    for (uint32_t frame = file; ok && frame < layout->frames; frame++) {
        buffer_clear(&raw);
        bit = 0;
        ok = phantom_draw(recipe, frame, plane, err) &&
             frame_bytes(recipe, layout, plane, false, &bit, &raw, err) &&
             (deflate ? deflate_raw(raw.data, raw.size, data, err)
              : layout->allocated < 8
                  ? rle_encode(raw.data, raw.size, 1, 1, false, data, err)
                  : rle_encode(raw.data, (size_t)layout->rows * layout->columns, layout->samples,
                               layout->allocated / 8, layout->planar != 0, data, err)) &&
             (data->size % 2 == 0 || buffer_put_u8(data, 0, err));
        ends[frame] = data->size;
    }
    buffer_release(&raw);
    return ok;
}

static bool encapsulated_value(const struct recipe *recipe, const struct layout_of_pixels *layout,
                               const struct buffer *data, const uint64_t *ends, bool big_endian,
                               struct buffer *out, struct error *err)
{
    const struct writing writing = {false, big_endian};
    const char *const table = recipe_text(recipe, "offset_table", "full"); /* full empty wild */
    const uint64_t most = (uint64_t)recipe_number(recipe, "fragment_size", 1e15);
    struct buffer offsets = {0}, items = {0};
    uint64_t from = 0;
    bool ok = true;

    for (uint32_t frame = 0; ok && frame < layout->frames; frame++) {
        ok = strcmp(table, "empty") == 0 ||
             buffer_put_u32(&offsets, strcmp(table, "wild") == 0 ? 0x7fffff00u + frame : (uint32_t)items.size, err);
        while (ok && from < ends[frame]) {
            const uint64_t size = ends[frame] - from < most ? ends[frame] - from : most;

            ok = element_head(0xfffee000, "", (uint32_t)size, writing, &items, NULL, err) &&
                 buffer_append(&items, data->data + from, (size_t)size, err);
            from += size;
        }
    }
    ok = ok && element_head(0xfffee000, "", (uint32_t)offsets.size, writing, out, NULL, err) &&
         buffer_append(out, offsets.data, offsets.size, err) &&
         buffer_append(out, items.data, items.size, err) &&
         (!recipe_flag(recipe, "delimiter", true) || element_head(0xfffee0dd, "", 0, writing, out, NULL, err));
    buffer_release(&offsets);
    buffer_release(&items);
    return ok;
}

/* (7FE0,0001) and (7FE0,0002): offsets and lengths of 64 bits, one fragment a frame. */
static bool extended_table(const struct layout_of_pixels *layout, const uint64_t *ends, struct writing writing,
                           struct buffer *out, struct error *err)
{
    struct buffer offsets = {0}, lengths = {0};
    bool ok = true;

    for (uint32_t frame = 0; ok && frame < layout->frames; frame++) {
        const uint64_t from = frame > 0 ? ends[frame - 1] : 0;

        ok = buffer_put_u64(&offsets, from + 8u * frame, err) &&
             buffer_put_u64(&lengths, ends[frame] - from, err);
    }
    ok = ok && element_head(0x7fe00001, "OV", (uint32_t)offsets.size, writing, out, NULL, err) &&
         buffer_append(out, offsets.data, offsets.size, err) &&
         element_head(0x7fe00002, "OV", (uint32_t)lengths.size, writing, out, NULL, err) &&
         buffer_append(out, lengths.data, lengths.size, err);
    buffer_release(&offsets);
    buffer_release(&lengths);
    return ok;
}

bool pixels_write(const struct recipe *recipe, struct writing writing, bool encapsulated,
                  struct buffer *out, struct placed *placed, struct error *err)
{
    const struct layout_of_pixels layout = pixels_layout(recipe);
    struct plane plane = {layout.rows, layout.columns, layout.samples, NULL};
    uint64_t *ends = NULL;
    struct buffer data = {0};
    bool ok;

    if (recipe_text(recipe, "pixels", NULL) == NULL && recipe_text(recipe, "frame_file", NULL) == NULL)
        return true;
    plane.values = memory_array((size_t)layout.rows * layout.columns * layout.samples, sizeof(double), err);
    ends = memory_array(layout.frames, sizeof *ends, err);
    ok = plane.values != NULL && ends != NULL;
    if (ok && !encapsulated) {
        ok = native(recipe, &layout, &plane, writing, out, placed, err);
    } else if (ok) {
        ok = coded_frames(recipe, &layout, &plane, &data, ends, err) &&
             (!recipe_flag(recipe, "extended_table", false) || extended_table(&layout, ends, writing, out, err)) &&
             element_head(0x7fe00010, recipe_text(recipe, "pixel_vr", "OB"), UINT32_MAX, writing, out, placed, err) &&
             encapsulated_value(recipe, &layout, &data, ends, writing.big_endian, out, err);
    }
    buffer_release(&data);
    memory_free(ends);
    memory_free(plane.values);
    return ok;
}
