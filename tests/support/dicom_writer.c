#include "dicom_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/memory.h"

static const struct syntax {
    const char *name, *uid;
    bool explicit_vr, big_endian, deflated, encapsulated;
} syntaxes[] = {
    {"explicit_le", "1.2.840.10008.1.2.1", true, false, false, false},
    {"implicit_le", "1.2.840.10008.1.2", false, false, false, false},
    {"explicit_be", "1.2.840.10008.1.2.2", true, true, false, false},
    {"deflated", "1.2.840.10008.1.2.1.99", true, false, true, false},
    {"rle", "1.2.840.10008.1.2.5", true, false, false, true},
    {"deflated_frames", "1.2.840.10008.1.2.8.1", true, false, false, true},
    {"encapsulated", "1.2.840.10008.1.2.4.50", true, false, false, true}, /* frames come as files */
};

bool name_uid(const char *name, char uid[65], struct error *err)
{
    struct digest digest;
    unsigned __int128 number = 0;
    char digits[48];
    size_t at = sizeof digits;

    if (!digest_of(name, strlen(name), &digest, err))
        return false;
    for (unsigned i = 0; i < 16; i++)
        number = number << 8 | digest.bytes[i];
    digits[--at] = '\0';
    do
        digits[--at] = (char)('0' + (int)(number % 10));
    while ((number /= 10) > 0);
    (void)snprintf(uid, 65, "2.25.%s", digits + at);
    return true;
}

static bool default_uids(struct recipe *recipe, struct error *err)
{
    const char *const study = recipe_text(recipe, "study", "study");
    const char *const series = recipe_text(recipe, "series", "series");
    const char *const instance = recipe_text(recipe, "instance", "instance");
    char name[512], uid[65];
    bool ok;

    (void)snprintf(name, sizeof name, "slicepress/%s", study);
    ok = name_uid(name, uid, err) && recipe_default(&recipe->elements, 0x0020000d, "UI", uid, err);
    (void)snprintf(name, sizeof name, "slicepress/%s/%s", study, series);
    ok = ok && name_uid(name, uid, err) && recipe_default(&recipe->elements, 0x0020000e, "UI", uid, err);
    (void)snprintf(name, sizeof name, "slicepress/%s/%s/frame-of-reference", study, series);
    ok = ok && name_uid(name, uid, err) &&
         (recipe_find(&recipe->elements, 0x00200032) == NULL ||
          recipe_default(&recipe->elements, 0x00200052, "UI", uid, err));
    (void)snprintf(name, sizeof name, "slicepress/%s/%s/%s", study, series, instance);
    return ok && name_uid(name, uid, err) && recipe_default(&recipe->elements, 0x00080018, "UI", uid, err);
}

static bool default_elements(struct recipe *recipe, struct error *err)
{
    static const struct { uint32_t tag; char vr[3]; const char *value; } plain[] = {
        {0x00080005, "CS", "ISO_IR 100"}, {0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"},
        {0x00080020, "DA", "20260102"},   {0x00080030, "TM", "101500"},
        {0x00080050, "SH", ""},           {0x00080060, "CS", "OT"},
        {0x00080090, "PN", ""},           {0x00100010, "PN", "Sample^Generated"},
        {0x00100020, "LO", "GEN-0"},      {0x00100030, "DA", ""},
        {0x00100040, "CS", "O"},          {0x00200010, "SH", "1"},
        {0x00200011, "IS", "1"},          {0x00200013, "IS", "1"},
    };
    bool ok = true;

    for (size_t i = 0; ok && i < sizeof plain / sizeof *plain; i++)
        ok = recipe_default(&recipe->elements, plain[i].tag, plain[i].vr, plain[i].value, err);
    return ok;
}

static bool default_number(struct recipe *recipe, uint32_t tag, const char *vr, uint32_t value, struct error *err)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%u", (unsigned)value);
    return recipe_default(&recipe->elements, tag, vr, text, err);
}

/* The Image Pixel module, from the settings that make the pixels. */
static bool default_image(struct recipe *recipe, struct error *err)
{
    const struct layout_of_pixels layout = pixels_layout(recipe);
    const bool floats = strcmp(recipe_text(recipe, "element", "integer"), "integer") != 0;
    const char *const photometric = recipe_text(recipe, "photometric", layout.samples == 3 ? "RGB" : "MONOCHROME2");
    bool ok = default_number(recipe, 0x00280002, "US", layout.samples, err) &&
              recipe_default(&recipe->elements, 0x00280004, "CS", photometric, err) &&
              default_number(recipe, 0x00280010, "US", layout.rows, err) &&
              default_number(recipe, 0x00280011, "US", layout.columns, err) &&
              default_number(recipe, 0x00280100, "US", layout.allocated, err);

    if (ok && layout.samples > 1)
        ok = default_number(recipe, 0x00280006, "US", layout.planar, err);
    if (ok && layout.frames > 1)
        ok = default_number(recipe, 0x00280008, "IS", layout.frames, err);
    if (ok && !floats)
        ok = default_number(recipe, 0x00280101, "US", layout.stored, err) &&
             default_number(recipe, 0x00280102, "US", layout.high, err) &&
             default_number(recipe, 0x00280103, "US", (uint32_t)recipe_number(recipe, "signed", 0), err);
    return ok;
}

static void take_away(struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->setting_count; i++)
        if (strcmp(recipe->settings[i].name, "-") == 0) {
            const char *const tag = recipe->settings[i].value;

            recipe_remove(&recipe->elements, (uint32_t)strtoul(tag, NULL, 16) << 16 | (uint32_t)strtoul(tag + 5, NULL, 16));
        }
}

/* Group 0002 out of the recipe, or made: always explicit little endian. */
static bool write_meta(struct recipe *recipe, const struct syntax *syntax, struct buffer *out, struct error *err)
{
    const struct writing writing = {true, false};
    const struct recipe_element *const sop_class = recipe_find(&recipe->elements, 0x00080016);
    const struct recipe_element *const sop = recipe_find(&recipe->elements, 0x00080018);
    struct recipe_set meta = {0};
    struct buffer body = {0};
    bool ok = recipe_put(&meta, 0x00020001, "OB", "hex:0001", err) &&
              recipe_put(&meta, 0x00020002, "UI", sop_class != NULL ? sop_class->value : "", err) &&
              recipe_put(&meta, 0x00020003, "UI", sop != NULL ? sop->value : "", err) &&
              recipe_put(&meta, 0x00020010, "UI", recipe_text(recipe, "transfer_syntax", syntax->uid), err) &&
              recipe_put(&meta, 0x00020012, "UI", "2.25.180412046311372931560398211067209512303", err) &&
              recipe_put(&meta, 0x00020013, "SH", "SLICEPRESS_TEST", err);

    for (size_t i = 0; ok && i < recipe->elements.count;) {
        const struct recipe_element *const element = &recipe->elements.elements[i];
        const uint32_t tag = element->tag;

        if (tag >> 16 != 2) {
            i++;
            continue;
        }
        ok = recipe_put(&meta, tag, element->vr, element->value, err);
        recipe_remove(&recipe->elements, tag);
    }
    for (size_t i = 0; i < recipe->setting_count; i++)
        if (strcmp(recipe->settings[i].name, "-") == 0 && strncmp(recipe->settings[i].value, "0002", 4) == 0)
            recipe_remove(&meta, 0x00020000u | (uint32_t)strtoul(recipe->settings[i].value + 5, NULL, 16));
    ok = ok && set_write(&meta, writing, &body, NULL, err) &&
         element_head(0x00020000, "UL", 4, writing, out, NULL, err) &&
         buffer_put_u32(out, (uint32_t)body.size, err) && buffer_append(out, body.data, body.size, err);
    buffer_release(&body);
    recipe_release(&(struct recipe){.elements = meta});
    return ok;
}

/* -- faults ------------------------------------------------------------------------------ */

static const struct placed *find_placed(const struct places *places, const char *tag)
{
    const uint32_t wanted = (uint32_t)strtoul(tag, NULL, 16) << 16 | (uint32_t)strtoul(tag + 5, NULL, 16);

    for (size_t i = 0; i < places->count; i++)
        if (places->items[i].tag == wanted)
            return &places->items[i];
    return NULL;
}

/* "132", "-4" (from the end), "@gggg,eeee+4" (of the element's value), "@gggg,eeee" */
static bool fault_offset(const char *text, const struct places *places, size_t size, size_t *offset,
                         struct error *err)
{
    double at;

    if (text[0] == '@') {
        const struct placed *const placed = strlen(text) >= 10 ? find_placed(places, text + 1) : NULL;

        if (placed == NULL)
            return error_set(err, ERROR_USAGE, "no element for \"%s\"", text);
        at = (double)placed->value + strtod(text + 10, NULL);
    } else {
        at = strtod(text, NULL);
        if (text[0] == '-')
            at += (double)size;
    }
    if (at < 0 || at > (double)size)
        return error_set(err, ERROR_USAGE, "\"%s\" lies outside %zu bytes", text, size);
    *offset = (size_t)at;
    return true;
}

static bool apply_fault(const char *fault, const struct places *places, struct buffer *out, struct error *err)
{
    char what[32] = "", where[64] = "", value[512] = "";
    const int words = sscanf(fault, "%31s %63s %511s", what, where, value); // ci-allow
    struct buffer bytes = {0};
    size_t offset = 0;
    bool ok;

    if (strcmp(what, "duplicate") == 0) /* done while writing */
        return true;
    if (strcmp(what, "length") == 0 && words == 3) { /* length gggg,eeee N: the length field lies */
        const struct placed *const placed = find_placed(places, where);
        const uint32_t length = (uint32_t)strtoul(value, NULL, 0);

        if (placed == NULL)
            return error_set(err, ERROR_USAGE, "no element for \"%s\"", where);
        for (unsigned i = 0; i < placed->length_size; i++)
            out->data[placed->length_at + i] = (uint8_t)(length >> 8 * i);
        return true;
    }
    if (strcmp(what, "append") == 0) {
        const struct recipe_element element = {.vr = "UN", .value = where};

        return element_value(&element, (struct writing){true, false}, out, err);
    }
    if (words < 2 || !fault_offset(where, places, out->size, &offset, err))
        return words >= 2 ? false : error_set(err, ERROR_USAGE, "cannot read fault \"%s\"", fault);
    if (strcmp(what, "truncate") == 0) {
        out->size = offset;
        return true;
    }
    if (strcmp(what, "remove") == 0) { /* remove OFFSET COUNT */
        const size_t count = strtoul(value, NULL, 0);

        if (count > out->size - offset)
            return error_set(err, ERROR_USAGE, "fault \"%s\" goes past the end", fault);
        memmove(out->data + offset, out->data + offset + count, out->size - offset - count);
        out->size -= count;
        return true;
    }
    if (strcmp(what, "patch") != 0)
        return error_set(err, ERROR_USAGE, "unknown fault \"%s\"", fault);
    ok = element_value(&(struct recipe_element){.vr = "UN", .value = value}, (struct writing){true, false}, &bytes, err);
    if (ok && bytes.size > out->size - offset)
        ok = error_set(err, ERROR_USAGE, "fault \"%s\" goes past the end", fault);
    if (ok && bytes.size > 0)
        memcpy(out->data + offset, bytes.data, bytes.size);
    buffer_release(&bytes);
    return ok;
}

/* -- the file ---------------------------------------------------------------------------- */

static bool write_set(struct recipe *recipe, const struct syntax *syntax, struct buffer *out,
                      struct places *places, struct error *err)
{
    const struct writing writing = {recipe_flag(recipe, "explicit_vr", syntax->explicit_vr),
                                    recipe_flag(recipe, "big_endian", syntax->big_endian)};
    struct recipe_set after = {0};
    struct placed placed = {0};
    bool ok = true;

    /* what stands behind Pixel Data is written behind it */
    for (size_t i = 0; ok && i < recipe->elements.count;) {
        const struct recipe_element *const element = &recipe->elements.elements[i];

        if (element->tag > 0x7fe00010) {
            ok = recipe_put(&after, element->tag, element->vr, element->value, err);
            recipe_remove(&recipe->elements, element->tag);
        } else {
            i++;
        }
    }
    for (size_t i = 0; ok && i < recipe->setting_count; i++) {
        const char *const fault = recipe->settings[i].value;

        if (strcmp(recipe->settings[i].name, "fault") == 0 && strncmp(fault, "duplicate ", 10) == 0) {
            const uint32_t tag = (uint32_t)strtoul(fault + 10, NULL, 16) << 16 | (uint32_t)strtoul(fault + 15, NULL, 16);
            const struct recipe_element *const element = recipe_find(&recipe->elements, tag);

            ok = element != NULL ? element_write(element, writing, out, NULL, err)
                                 : error_set(err, ERROR_USAGE, "no element for fault \"%s\"", fault);
        }
    }
    ok = ok && set_write(&recipe->elements, writing, out, places, err) &&
         pixels_write(recipe, writing, syntax->encapsulated, out, &placed, err);
    if (ok && placed.tag != 0) {
        void *items = places->items;

        ok = memory_grow(&items, &places->capacity, places->count + 1, sizeof *places->items, err);
        if (ok) {
            places->items = items;
            places->items[places->count++] = placed;
        }
    }
    ok = ok && set_write(&after, writing, out, NULL, err);
    recipe_release(&(struct recipe){.elements = after});
    return ok;
}

bool dicom_write(struct recipe *recipe, struct buffer *out, struct error *err)
{
    const char *const name = recipe_text(recipe, "syntax", "explicit_le");
    const struct syntax *syntax = NULL;
    struct places places = {0};
    struct buffer body = {0};
    bool ok = true;
    size_t start;

    for (size_t i = 0; i < sizeof syntaxes / sizeof *syntaxes; i++)
        if (strcmp(name, syntaxes[i].name) == 0)
            syntax = &syntaxes[i];
    if (syntax == NULL)
        return error_set(err, ERROR_USAGE, "unknown syntax \"%s\"", name);
    if (recipe_flag(recipe, "defaults", true)) {
        ok = default_uids(recipe, err) && default_elements(recipe, err);
        if (ok && recipe_flag(recipe, "image", true))
            ok = default_image(recipe, err);
    }
    take_away(recipe);
    if (ok && recipe_flag(recipe, "preamble", true)) {
        ok = buffer_reserve(out, 132, err);
        for (unsigned i = 0; ok && i < 128; i++)
            ok = buffer_put_u8(out, 0, err);
        ok = ok && buffer_puts(out, "DICM", err);
    }
    if (ok && recipe_flag(recipe, "meta", true))
        ok = write_meta(recipe, syntax, out, err);
    start = out->size;
    ok = ok && write_set(recipe, syntax, &body, &places, err) &&
         (syntax->deflated ? deflate_raw(body.data, body.size, out, err)
                           : buffer_append(out, body.data, body.size, err));
    for (size_t i = 0; i < places.count; i++) {
        places.items[i].at += start;
        places.items[i].length_at += start;
        places.items[i].value += start;
    }
    for (size_t i = 0; ok && i < recipe->setting_count; i++)
        if (strcmp(recipe->settings[i].name, "fault") == 0)
            ok = apply_fault(recipe->settings[i].value, &places, out, err);
    buffer_release(&body);
    memory_free(places.items);
    return ok;
}
