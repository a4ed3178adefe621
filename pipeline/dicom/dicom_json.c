#include "dicom/dicom_json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "dicom/dicom_json_value.h"
#include "dicom/element_vr.h"
#include "dicom/encoding.h"
#include "dicom/vr_table.h"

enum {
    CHARSET_SIZE = 256,
    FLUSH_BYTES = 64 << 10,
    TAG_CHARSET = TAG(0x0008, 0x0005),
    TAG_ENCAPSULATED_DOCUMENT = TAG(0x0042, 0x0011),
    PALETTE_MOST = 2 * 65536, /* PS3.3 C.7.6.3.1.5: entries of two bytes; segmented ones are shorter */
    TAG_PIXEL_REPRESENTATION = TAG(0x0028, 0x0103),
};
#define UTF8 "ISO_IR 192"

/* What one object carries along. */
struct writer {
    struct dicom_json_out out;
    const struct object *object;
    const struct dicom_json_options *options;
    struct error *err;
    uint64_t flushed;         /* bytes that are out of the buffer already */
    size_t override;          /* the next one */
    bool charset, pixel_data; /* told */
    char path[DICOM_JSON_PATH + 1];
    size_t path_size; /* beyond DICOM_JSON_PATH: too deep for a path */
};

/* One data set that is being written. */
struct level {
    struct writer *writer;
    const char *charset;
    bool top, any; /* any: something is written, a comma is due */
};

static bool write_items(struct writer *writer, const char *charset, const struct dataset *dataset,
                        const struct dataset_element *element);

static bool ok(struct writer *writer)
{
    const struct dicom_json_options *const options = writer->options;
    const uint64_t size = writer->out.buffer->size;
    if (writer->out.failed)
        return false;
    if (options->most && writer->flushed + size > options->most)
        return error_set(writer->err, ERROR_LIMIT,
                         "metadata of more than %" PRIu64 " bytes, which is the most", options->most);
    if (!options->flush || size < FLUSH_BYTES)
        return true;
    writer->flushed += size;
    return options->flush(options->flush_client, writer->out.buffer, writer->err);
}

static void open_attribute(struct level *level, uint32_t tag, const char vr[3])
{
    if (level->any)
        dicom_json_put(&level->writer->out, ",", 1);
    level->any = true;
    dicom_json_put_key(&level->writer->out, tag, vr);
}

static void close_attribute(struct level *level)
{
    dicom_json_put(&level->writer->out, "}", 1);
}

/* Of binary VRs numbers are in decimal, tags in hexadecimal. */
static void put_text_attribute(struct level *level, uint32_t tag, const char vr[3],
                               const char *text)
{
    const char *const written_as = !strcmp(vr, "AT") ? "CS" : dicom_json_vr_size(vr) ? "IS" : vr;
    open_attribute(level, tag, vr);
    dicom_json_put_value(&level->writer->out, written_as, (const uint8_t *)text, strlen(text), UTF8,
                         false);
    close_attribute(level);
}

static void put_items(struct level *level, uint32_t tag, const char *items)
{
    struct dicom_json_out *const out = &level->writer->out;
    open_attribute(level, tag, "SQ");
    dicom_json_puts(out, ",\"Value\":[");
    dicom_json_puts(out, items);
    dicom_json_puts(out, "]");
    close_attribute(level);
}

static void put_uri(struct writer *writer, const char *prefix, const char *path)
{
    struct buffer *const uri = &writer->out.text;
    dicom_json_puts(&writer->out, ",\"BulkDataURI\":");
    buffer_clear(uri);
    if (!buffer_puts(uri, prefix, writer->err) || !buffer_puts(uri, path, writer->err))
        writer->out.failed = true;
    else
        dicom_json_put_string(&writer->out, buffer_text(uri), uri->size);
}

/* ---------------------------------------------------------------- what is put in */

static void put_charset(struct level *level)
{
    level->writer->charset = true;
    put_text_attribute(level, TAG_CHARSET, "CS", UTF8);
}

static uint32_t pixel_data_tag(const struct writer *writer)
{
    const enum pixel_element element = object_pixels(writer->object).element;
    return element == PIXEL_ELEMENT_FLOAT    ? TAG(0x7fe0, 0x0008)
           : element == PIXEL_ELEMENT_DOUBLE ? TAG(0x7fe0, 0x0009)
                                             : TAG(0x7fe0, 0x0010);
}

static bool pixel_data_is_pending(const struct writer *writer)
{
    return !writer->pixel_data && writer->options->pixel_data_uri &&
           object_pixels(writer->object).element != PIXEL_ELEMENT_NONE;
}

static void put_pixel_data(struct level *level)
{
    struct writer *const writer = level->writer;
    const struct pixel_location pixels = object_pixels(writer->object);
    const char *vr = writer->options->pixel_data_vr ? writer->options->pixel_data_vr
                                                    : object_pixel_vr(writer->object);
    if (!dicom_json_vr_is_binary(vr) || !strcmp(vr, "UN"))
        vr = pixels.element == PIXEL_ELEMENT_FLOAT    ? "OF"
             : pixels.element == PIXEL_ELEMENT_DOUBLE ? "OD"
             : pixels.encapsulated                    ? "OB"
                                                      : "OW"; /* PS3.5 A.1 */
    writer->pixel_data = true;
    open_attribute(level, pixel_data_tag(writer), vr);
    put_uri(writer, writer->options->pixel_data_uri, "");
    close_attribute(level);
}

static const struct dicom_json_override *next_override(const struct writer *writer)
{
    return writer->override < writer->options->override_count
               ? &writer->options->overrides[writer->override]
               : NULL;
}

static void put_override(struct level *level, const struct dicom_json_override *override)
{
    struct writer *const writer = level->writer;
    writer->override++;
    assert(writer->override == writer->options->override_count || override[1].tag > override->tag);
    if (override->tag == TAG_CHARSET)
        writer->charset = true;
    else if (override->tag == pixel_data_tag(writer))
        writer->pixel_data = true;
    if (override->text && !strcmp(override->vr, "SQ"))
        put_items(level, override->tag, override->text);
    else if (override->text)
        put_text_attribute(level, override->tag, override->vr, override->text);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* All that is put in with tags up to `tag`; *replaced: an element with this tag is among them. */
static bool put_in(struct level *level, uint32_t tag, bool *replaced)
{
    static const uint64_t never = UINT64_MAX;
    struct writer *const writer = level->writer;
    *replaced = false;
    for (;;) {
        const struct dicom_json_override *const override = next_override(writer);
        const uint64_t charset = writer->charset ? never : TAG_CHARSET;
        const uint64_t pixels = pixel_data_is_pending(writer) ? pixel_data_tag(writer) : never;
        const uint64_t ours = override ? override->tag : never;
        const uint64_t next = least(ours, least(charset, pixels));
        if (next > tag)
            return ok(writer);
        *replaced = next == tag;
        if (next == ours)
            put_override(level, override);
        else if (next == charset)
            put_charset(level);
        else
            put_pixel_data(level);
    }
}

/* ---------------------------------------------------------------- VRs */

static bool is_private(uint32_t tag)
{
    return tag >> 16 & 1;
}

/* A LUT of 32768 entries or more: its first value would be a negative number as SS. */
static bool has_many_entries(const struct dataset_element *element, const char *vr)
{
    const struct encoding host = {.big_endian = false};
    return element->size == 6 && !strcmp(vr, "US") && encoding_u16(host, element->bytes) > INT16_MAX;
}

/* An icon says by itself what its pixels are. */
static bool has_own_sign(const struct dataset *dataset)
{
    uint16_t value;
    for (; dataset_outer(dataset); dataset = dataset_outer(dataset))
        if (dataset_us(dataset, TAG_PIXEL_REPRESENTATION, &value))
            return true;
    return false;
}

/* US or SS as the published frames want it, for attributes that follow Pixel Representation. */
static const char *signed_vr(const struct writer *writer, const struct dataset *dataset,
                             const struct dataset_element *element, const char *vr)
{
    const enum dicom_json_sign sign = writer->options->sign;
    if (sign == DICOM_JSON_SIGN_DECLARED || (strcmp(vr, "US") != 0 && strcmp(vr, "SS") != 0))
        return vr;
    const char *const table_vr = vr_of_tag(element->tag);
    if (!table_vr || strcmp(table_vr, "xs") != 0 || has_many_entries(element, vr) ||
        has_own_sign(dataset))
        return vr;
    return sign == DICOM_JSON_SIGNED ? "SS" : "US";
}

/* ---------------------------------------------------------------- values */

static bool has_path(const struct writer *writer)
{
    return writer->path_size + 8 <= DICOM_JSON_PATH;
}

static bool put_bulk(struct writer *writer, uint32_t tag, const char *vr, const uint8_t *bytes,
                     size_t size)
{
    const struct dicom_json_options *const options = writer->options;
    char name[DICOM_JSON_PATH + 1];
    dicom_json_put_hex(tag, writer->path + writer->path_size);
    writer->path[writer->path_size + 8] = '\0';
    const struct dicom_json_bulk bulk = {writer->path, vr, bytes, size};
    memcpy(name, writer->path, writer->path_size + 9);
    if (options->bulk && !options->bulk(options->bulk_client, &bulk, name, writer->err))
        return false;
    put_uri(writer, options->bulk_prefix, name);
    return true;
}

/* Colour palettes (PS3.3 C.7.6.3.1.5, C.7.9): viewers follow no address to them. */
static bool is_palette(uint32_t tag)
{
    return (tag >= TAG(0x0028, 0x1201) && tag <= TAG(0x0028, 0x1204)) ||
           (tag >= TAG(0x0028, 0x1221) && tag <= TAG(0x0028, 0x1224));
}

/* A palette of an odd number of one-byte entries is padded to even in the file; viewers take the length for the number
 * of entries, one byte or two each. */
static size_t value_size(const struct dataset *dataset, const struct dataset_element *element)
{
    enum { ENTRIES, FIRST, BITS, DESCRIPTOR };
    double numbers[DESCRIPTOR] = {0};

    if (element->tag < TAG(0x0028, 0x1201) || element->tag > TAG(0x0028, 0x1204) ||
        dataset_numbers(dataset, element->tag - 0x100, "US", numbers, DESCRIPTOR) != DESCRIPTOR)
        return element->size;
    const bool is_padded = element->size % 2 == 0 && numbers[ENTRIES] == (double)element->size - 1;
    return is_padded ? element->size - 1 : element->size;
}

/* A document is for viewers that open it by its address, however short it is. */
static bool is_bulk(const struct writer *writer, const struct dataset_element *element)
{
    if (is_palette(element->tag) && element->size <= PALETTE_MOST)
        return false;
    return writer->options->bulk_prefix && has_path(writer) &&
           (element->size > writer->options->inline_limit ||
            (element->tag == TAG_ENCAPSULATED_DOCUMENT && !writer->path_size));
}

static bool write_value(struct level *level, const struct dataset *dataset,
                        const struct dataset_element *element)
{
    struct writer *const writer = level->writer;
    bool found, done = true;
    const char *const vr =
        signed_vr(writer, dataset, element, element_vr(dataset, element, &found));
    open_attribute(level, element->tag, vr);
    if (element->is_sequence)
        done = write_items(writer, level->charset, dataset, element);
    else if (!element->size)
        ;
    else if (!dicom_json_vr_is_binary(vr))
        dicom_json_put_value(&writer->out, vr, element->bytes, element->size, level->charset,
                             !found && dataset_is_big_endian(dataset));
    else if (is_bulk(writer, element))
        done = put_bulk(writer, element->tag, vr, element->bytes, element->size);
    else
        dicom_json_put_binary(&writer->out, element->bytes, value_size(dataset, element));
    close_attribute(level);
    return done && ok(writer);
}

static bool is_left_out(const struct level *level, uint32_t tag)
{
    const uint32_t group = tag >> 16;
    if (group == 0x0000 || group == 0x0002 || group >= 0xfffe || (tag & 0xffff) == 0)
        return true;
    if (tag >= TAG(0x7fe0, 0x0001) && tag <= TAG(0x7fe0, 0x0003))
        return level->top;
    return is_private(tag) && !level->writer->options->private_attributes;
}

static bool write_element(void *client, const struct dataset *dataset,
                          const struct dataset_element *element, struct error *err)
{
    struct level *const level = client;
    bool replaced = false;
    (void)err; /* the writer's */
    if (is_left_out(level, element->tag))
        return true;
    if (level->top && !put_in(level, element->tag, &replaced))
        return false;
    if (replaced)
        return true;
    if (element->tag != TAG_CHARSET)
        return write_value(level, dataset, element);
    put_text_attribute(level, TAG_CHARSET, "CS", UTF8);
    return ok(level->writer);
}

/* ---------------------------------------------------------------- data sets */

static bool write_dataset(struct writer *writer, const char *outer_charset,
                          const struct dataset *dataset, bool top)
{
    char own[CHARSET_SIZE];
    struct level level = {.writer = writer, .charset = outer_charset, .top = top};
    bool replaced;
    if (dataset_text(dataset, TAG_CHARSET, own, sizeof own))
        level.charset = own;
    dicom_json_put(&writer->out, "{", 1);
    if (!dataset_each(dataset, write_element, &level, writer->err) ||
        (top && !put_in(&level, UINT32_MAX, &replaced)))
        return false;
    dicom_json_put(&writer->out, "}", 1);
    return ok(writer);
}

/* "GGGGEEEE-N-" after the path of `size` characters. */
static void enter_item(struct writer *writer, size_t size, uint32_t tag, size_t number)
{
    char digits[24], *const end = digits + sizeof digits, *begin = end;
    *--begin = '-';
    do
        *--begin = (char)('0' + number % 10);
    while (number /= 10);
    *--begin = '-';
    const size_t count = (size_t)(end - begin);
    writer->path_size = size + 8 + count;
    if (writer->path_size > DICOM_JSON_PATH)
        return;
    dicom_json_put_hex(tag, writer->path + size);
    memcpy(writer->path + size + 8, begin, count);
}

static bool write_items(struct writer *writer, const char *charset, const struct dataset *dataset,
                        const struct dataset_element *element)
{
    const size_t path_size = writer->path_size;
    if (!element->items)
        return true;
    dicom_json_puts(&writer->out, ",\"Value\":[");
    for (size_t i = 0; i < element->items; i++) {
        const struct dataset *const item = dataset_item(dataset, element->tag, i);
        if (i)
            dicom_json_put(&writer->out, ",", 1);
        enter_item(writer, path_size, element->tag, i + 1);
        if (!item)
            dicom_json_puts(&writer->out, "{}");
        else if (!write_dataset(writer, charset, item, false))
            return false;
    }
    writer->path_size = path_size;
    dicom_json_put(&writer->out, "]", 1);
    return ok(writer);
}

bool dicom_json_write(const struct object *object, const struct dicom_json_options *options,
                      struct buffer *out, struct error *err)
{
    struct writer writer = {
        .out = {.buffer = out, .err = err}, .object = object, .options = options, .err = err};
    const bool done = write_dataset(&writer, "", object_dataset(object), true);
    dicom_json_out_release(&writer.out);
    return done;
}
