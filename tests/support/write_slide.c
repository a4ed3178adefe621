/* links: base support */
/* write_slide - a slide of tiles as DICOM files, for tests and benches: any size, in bounded memory
 *
 *     write_slide FOLDER level=COLUMNSxROWS [level=...] [WORD=VALUE...]
 *
 *     tile=256, or 512x300     coding=jpeg (native, grey, grey16)     quality=90     chroma=2x2 (1x1)
 *     order=full (sparse, none: no Dimension Organization Type; positions: sparse, but every tile)
 *     paths=1  focal=1         optical paths, focal planes: TILED_FULL repeats the tiles for each
 *     parts=1                  instances of a concatenation that the first level is cut into
 *     table=basic (none, extended)   repeat=N: only N tiles are coded, and used in turn
 *     tiles=FOLDER             the JPEG tiles of a Deep Zoom tree (its _files), without overlap: none is drawn
 *     blank=X,Y,COLUMNS,ROWS   white; order=sparse leaves out the tiles in it (several)
 *     shift=N                  order=sparse: tiles in odd rows begin N pixels further right
 *     kind=VOLUME              Image Type 3 of the last level; kinds=label,overview,thumbnail: one more instance each
 *     icc=FILE  series=NAME  container=NAME  suffix=NAME (of UIDs and files)
 *
 * A pixel is a function of level, plane and place, so that no tile can stand for another one; what lies outside of the
 * matrix is magenta. Files: level-L-part-P.dcm, label.dcm...
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/path.h"
#include "dicom_writer.h"

enum { LEVELS_MOST = 16, BLANKS_MOST = 4 };
enum coding { CODING_JPEG, CODING_NATIVE, CODING_GREY, CODING_GREY16 };
enum order { ORDER_FULL, ORDER_SPARSE, ORDER_NONE, ORDER_POSITIONS };
enum table { TABLE_BASIC, TABLE_NONE, TABLE_EXTENDED };

struct rectangle { uint32_t x, y, columns, rows; };
struct plan {
    const char *folder, *series, *container, *suffix, *kinds, *kind, *icc, *tiles;
    uint32_t columns[LEVELS_MOST], rows[LEVELS_MOST], tile_columns, tile_rows, paths, focal, parts, repeat, shift, salt;
    unsigned levels, quality, chroma, blanks;
    struct rectangle blank[BLANKS_MOST];
    enum coding coding;
    enum order order;
    enum table table;
};

static struct error err;

static void fail(const char *text)
{
    fprintf(stderr, "write_slide: %s\n", text);
    exit(2);
}

static void must(bool ok)
{
    if (!ok)
        fail(err.text);
}

/* -- words ---------------------------------------------------------------------------------- */

static int choose(const char *text, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    fail(text);
    return 0;
}

static void take_pair(const char *text, uint32_t *columns, uint32_t *rows)
{
    const int found = sscanf(text, "%ux%u", columns, rows);

    if (found < 1)
        fail(text);
    if (found == 1)
        *rows = *columns;
}

static void take_blank(struct plan *plan, const char *text)
{
    struct rectangle *const r = &plan->blank[plan->blanks++ % BLANKS_MOST];

    if (sscanf(text, "%u,%u,%u,%u", &r->x, &r->y, &r->columns, &r->rows) != 4)
        fail(text);
}

static void take_choice(struct plan *plan, const char *name, const char *text)
{
    static const char *const codings[] = {"jpeg", "native", "grey", "grey16", NULL};
    static const char *const orders[] = {"full", "sparse", "none", "positions", NULL};
    static const char *const tables[] = {"basic", "none", "extended", NULL};

    if (strcmp(name, "coding") == 0)
        plan->coding = (enum coding)choose(text, codings);
    else if (strcmp(name, "order") == 0)
        plan->order = (enum order)choose(text, orders);
    else if (strcmp(name, "table") == 0)
        plan->table = (enum table)choose(text, tables);
    else
        fail(name);
}

static bool take_number(struct plan *plan, const char *name, const char *text)
{
    const struct { const char *name; uint32_t *value; } numbers[] = {
        {"paths", &plan->paths}, {"focal", &plan->focal}, {"parts", &plan->parts},
        {"repeat", &plan->repeat}, {"shift", &plan->shift}, {"quality", &plan->quality}};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(numbers[i].name, name) == 0) {
            *numbers[i].value = (uint32_t)strtoul(text, NULL, 10);
            return true;
        }
    return false;
}

static bool take_text(struct plan *plan, const char *name, const char *text)
{
    const struct { const char *name; const char **value; } texts[] = {
        {"series", &plan->series}, {"container", &plan->container}, {"suffix", &plan->suffix},
        {"kinds", &plan->kinds}, {"kind", &plan->kind}, {"icc", &plan->icc}, {"tiles", &plan->tiles}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].name, name) == 0) {
            *texts[i].value = text;
            return true;
        }
    return false;
}

static void take(struct plan *plan, char *word)
{
    char *const text = strchr(word, '=');
    uint32_t across, down;

    if (text == NULL)
        fail(word);
    *text = '\0';
    if (strcmp(word, "level") == 0 && plan->levels < LEVELS_MOST) {
        take_pair(text + 1, &plan->columns[plan->levels], &plan->rows[plan->levels]);
        plan->levels++;
    } else if (strcmp(word, "tile") == 0) {
        take_pair(text + 1, &plan->tile_columns, &plan->tile_rows);
    } else if (strcmp(word, "chroma") == 0) {
        take_pair(text + 1, &across, &down);
        plan->chroma = across;
    } else if (strcmp(word, "blank") == 0) {
        take_blank(plan, text + 1);
    } else if (!take_number(plan, word, text + 1) && !take_text(plan, word, text + 1)) {
        take_choice(plan, word, text + 1);
    }
}

/* -- pixels --------------------------------------------------------------------------------- */

/* 0..128, slowly: so that JPEG can follow. */
static uint32_t wave(uint32_t value)
{
    const uint32_t at = value % 2048;

    return (at < 1024 ? at : 2048 - at) / 8;
}

static bool is_blank(const struct plan *plan, uint32_t x, uint32_t y)
{
    for (unsigned i = 0; i < plan->blanks; i++) {
        const struct rectangle *const r = &plan->blank[i];

        if (x >= r->x && x - r->x < r->columns && y >= r->y && y - r->y < r->rows)
            return true;
    }
    return false;
}

static void put_pixel(const struct plan *plan, unsigned level, uint32_t plane, uint32_t x, uint32_t y, uint8_t *to)
{
    static const uint8_t outside[] = {255, 0, 255}, white[] = {255, 255, 255};
    const uint32_t fine = ((x >> 4 ^ y >> 4) & 1) != 0 ? 60 : 20, kind = level + plan->salt;
    const uint32_t red = fine + wave(x + 640 * kind), green = fine + wave(y + 900 * kind + 333 * plane);
    const uint32_t blue = fine + wave(x + y + 500 * plane);
    const uint8_t rgb[] = {(uint8_t)red, (uint8_t)green, (uint8_t)blue};
    const bool is_inside = x < plan->columns[level] && y < plan->rows[level];
    const uint8_t *const from = !is_inside ? outside : is_blank(plan, x, y) ? white : rgb;

    if (plan->coding == CODING_JPEG || plan->coding == CODING_NATIVE) {
        memcpy(to, from, 3);
    } else if (plan->coding == CODING_GREY) {
        *to = from[0];
    } else {
        const uint16_t value = (uint16_t)(from[0] * 128 + from[1]);

        to[0] = (uint8_t)value;
        to[1] = (uint8_t)(value >> 8);
    }
}

static size_t pixel_size(const struct plan *plan)
{
    return plan->coding == CODING_GREY ? 1 : plan->coding == CODING_GREY16 ? 2 : 3;
}

static void draw(const struct plan *plan, unsigned level, uint32_t plane, uint32_t x, uint32_t y, uint8_t *to)
{
    for (uint32_t row = 0; row < plan->tile_rows; row++)
        for (uint32_t column = 0; column < plan->tile_columns; column++, to += pixel_size(plan))
            put_pixel(plan, level, plane, x + column, y + row, to);
}

static void code(const struct plan *plan, uint8_t *pixels, struct buffer *out)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *coded = NULL;
    unsigned long size = 0;

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &coded, &size);
    jpeg.image_width = plan->tile_columns;
    jpeg.image_height = plan->tile_rows;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, (int)plan->quality, TRUE);
    jpeg.comp_info[0].h_samp_factor = jpeg.comp_info[0].v_samp_factor = (int)plan->chroma;
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = pixels + (size_t)jpeg.next_scanline * plan->tile_columns * 3;

        (void)jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    buffer_clear(out);
    must(buffer_append(out, coded, size, &err));
    jpeg_destroy_compress(&jpeg);
    free(coded); /* lint: allow */
}

/* -- elements, explicit VR little endian ----------------------------------------------------- */

static const struct writing explicit_le = {.explicit_vr = true};

static void put(struct buffer *out, uint32_t tag, const char *vr, const void *data, size_t size, char pad)
{
    must(element_head(tag, vr, (uint32_t)(size + (size & 1)), explicit_le, out, NULL, &err) &&
         buffer_append(out, data, size, &err) && ((size & 1) == 0 || buffer_append(out, &pad, 1, &err)));
}

static void put_text(struct buffer *out, uint32_t tag, const char *vr, const char *text)
{
    put(out, tag, vr, text, strlen(text), strcmp(vr, "UI") == 0 ? '\0' : ' ');
}

static void put_number(struct buffer *out, uint32_t tag, const char *vr, uint32_t number)
{
    const uint8_t bytes[] = {(uint8_t)number, (uint8_t)(number >> 8), (uint8_t)(number >> 16), (uint8_t)(number >> 24)};
    char text[16];

    if (strcmp(vr, "IS") == 0) {
        (void)snprintf(text, sizeof text, "%u", number);
        put_text(out, tag, vr, text);
    } else {
        put(out, tag, vr, bytes, strcmp(vr, "US") == 0 ? 2 : 4, '\0');
    }
}

static void put_uid(const struct plan *plan, struct buffer *out, uint32_t tag, const char *name, unsigned number)
{
    char text[200], uid[65];

    (void)snprintf(text, sizeof text, "%s %s %u %s", name, plan->series, number, plan->suffix);
    must(name_uid(text, uid, &err));
    put_text(out, tag, "UI", uid);
}

static void put_head(struct buffer *out, uint32_t tag, const char *vr)
{
    must(element_head(tag, vr, UINT32_MAX, explicit_le, out, NULL, &err));
}

/* Items have no VR: tag and length. */
static void put_mark(struct buffer *out, uint32_t tag, uint32_t length)
{
    must(buffer_put_u16(out, (uint16_t)(tag >> 16), &err) && buffer_put_u16(out, (uint16_t)tag, &err) &&
         buffer_put_u32(out, length, &err));
}

enum { ITEM = 0xfffee000u, ITEM_END = 0xfffee00du, SEQUENCE_END = 0xfffee0ddu };

static void begin_item(struct buffer *out, uint32_t sequence)
{
    put_head(out, sequence, "SQ");
    put_mark(out, ITEM, UINT32_MAX);
}

static void end_item(struct buffer *out)
{
    put_mark(out, ITEM_END, 0);
    put_mark(out, SEQUENCE_END, 0);
}

/* -- one instance ---------------------------------------------------------------------------- */

struct place { uint32_t plane, x, y; };

struct instance {
    const struct plan *plan;
    const char *kind;
    unsigned level, part;
    uint32_t first, frames; /* of the level's */
    struct place *places;   /* of the level's frames */
    struct buffer header, coded;
    uint8_t *pixels;
    FILE *file;
};

static void put_file_meta(struct instance *in)
{
    struct buffer meta = {0}, *const out = &in->header;
    const bool is_jpeg = in->plan->coding == CODING_JPEG;

    put(&meta, 0x00020001, "OB", "\0\1", 2, '\0');
    put_text(&meta, 0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.77.1.6");
    put_uid(in->plan, &meta, 0x00020003, in->kind, in->level * 1000 + in->part);
    put_text(&meta, 0x00020010, "UI", is_jpeg ? "1.2.840.10008.1.2.4.50" : "1.2.840.10008.1.2.1");
    put_text(&meta, 0x00020012, "UI", "2.25.1");
    must(buffer_reserve(out, 132, &err));
    memset(out->data, 0, 128);
    memcpy(out->data + 128, "DICM", 4);
    out->size = 132;
    put_number(out, 0x00020000, "UL", (uint32_t)meta.size);
    must(buffer_append(out, meta.data, meta.size, &err));
    buffer_release(&meta);
}

static void put_identity(struct instance *in)
{
    struct buffer *const out = &in->header;
    const struct plan *const plan = in->plan;
    const bool is_part = plan->parts > 1 && in->level == 0;
    char type[64];

    (void)snprintf(type, sizeof type, "%s\\PRIMARY\\%s\\%s", in->level == 0 ? "ORIGINAL" : "DERIVED", in->kind,
                   in->level == 0 ? "NONE" : "RESAMPLED");
    put_text(out, 0x00080008, "CS", type);
    put_text(out, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.77.1.6");
    put_uid(plan, out, 0x00080018, in->kind, in->level * 1000 + in->part);
    put_text(out, 0x00080023, "DA", "20260101");
    put_text(out, 0x00080033, "TM", "120000");
    put_text(out, 0x00080060, "CS", "SM");
    put_text(out, 0x00100010, "PN", "Slide^Test");
    put_text(out, 0x00100020, "LO", "slide-1");
    put_uid(plan, out, 0x0020000d, "study", 0);
    put_uid(plan, out, 0x0020000e, "series", 0);
    put_number(out, 0x00200013, "IS", in->level * 100 + in->part + 1);
    put_uid(plan, out, 0x00200052, "frame of reference", 0);
    if (is_part) {
        put_uid(plan, out, 0x00209161, "concatenation", in->level);
        put_number(out, 0x00209162, "US", in->part + 1);
        put_number(out, 0x00209163, "US", plan->parts);
        put_number(out, 0x00209228, "UL", in->first);
    }
    if (plan->order != ORDER_NONE)
        put_text(out, 0x00209311, "CS", plan->order == ORDER_FULL ? "TILED_FULL" : "TILED_SPARSE");
}

static void put_image(struct instance *in)
{
    struct buffer *const out = &in->header;
    const struct plan *const plan = in->plan;
    const bool is_colour = plan->coding == CODING_JPEG || plan->coding == CODING_NATIVE;
    const uint32_t bits = plan->coding == CODING_GREY16 ? 16 : 8;

    put_number(out, 0x00280002, "US", is_colour ? 3 : 1);
    put_text(out, 0x00280004, "CS", plan->coding == CODING_JPEG ? "YBR_FULL_422" : is_colour ? "RGB" : "MONOCHROME2");
    if (is_colour)
        put_number(out, 0x00280006, "US", 0);
    put_number(out, 0x00280008, "IS", in->frames);
    put_number(out, 0x00280010, "US", plan->tile_rows);
    put_number(out, 0x00280011, "US", plan->tile_columns);
    put_number(out, 0x00280100, "US", bits);
    put_number(out, 0x00280101, "US", bits);
    put_number(out, 0x00280102, "US", bits - 1);
    put_number(out, 0x00280103, "US", 0);
    put_text(out, 0x00282110, "CS", plan->coding == CODING_JPEG ? "01" : "00");
}

static void put_optical_paths(struct instance *in, const struct buffer *icc)
{
    struct buffer *const out = &in->header;
    char name[16];

    put_head(out, 0x00480105, "SQ");
    for (uint32_t i = 0; i < in->plan->paths; i++) {
        put_mark(out, ITEM, UINT32_MAX);
        if (icc->size > 0)
            put(out, 0x00282000, "OB", icc->data, icc->size, '\0');
        (void)snprintf(name, sizeof name, "path %u", i + 1);
        put_text(out, 0x00480106, "SH", name);
        put_mark(out, ITEM_END, 0);
    }
    put_mark(out, SEQUENCE_END, 0);
}

static void put_matrix(struct instance *in, const struct buffer *icc)
{
    struct buffer *const out = &in->header;
    const struct plan *const plan = in->plan;

    put_number(out, 0x00480006, "UL", plan->columns[in->level]);
    put_number(out, 0x00480007, "UL", plan->rows[in->level]);
    begin_item(out, 0x00480008);
    put_text(out, 0x0040072a, "DS", "0");
    put_text(out, 0x0040073a, "DS", "0");
    end_item(out);
    put_text(out, 0x00480010, "CS", strcmp(in->kind, "LABEL") == 0 ? "YES" : "NO");
    put_optical_paths(in, icc);
    put_number(out, 0x00480302, "UL", plan->paths);
    put_number(out, 0x00480303, "UL", plan->focal);
}

static void put_groups(struct instance *in)
{
    struct buffer *const out = &in->header;
    const struct plan *const plan = in->plan;
    char text[48];
    const double spacing = 0.00025 * plan->columns[0] / plan->columns[in->level];

    begin_item(out, 0x52009229);
    begin_item(out, 0x00289110);
    put_text(out, 0x00180088, "DS", "0.001");
    (void)snprintf(text, sizeof text, "%.8f\\%.8f", spacing, spacing);
    put_text(out, 0x00280030, "DS", text);
    end_item(out);
    end_item(out);
    if (plan->order != ORDER_SPARSE && plan->order != ORDER_POSITIONS)
        return;
    put_head(out, 0x52009230, "SQ");
    for (uint32_t i = in->first; i < in->first + in->frames; i++) {
        const struct place *const place = &in->places[i];

        put_mark(out, ITEM, UINT32_MAX);
        begin_item(out, 0x0048021a);
        (void)snprintf(text, sizeof text, "%.3f", 0.001 * (place->plane % plan->focal));
        put_text(out, 0x0040074a, "DS", text);
        put_number(out, 0x0048021e, "SL", place->x + 1);
        put_number(out, 0x0048021f, "SL", place->y + 1);
        end_item(out);
        begin_item(out, 0x00480207);
        (void)snprintf(text, sizeof text, "path %u", place->plane / plan->focal + 1);
        put_text(out, 0x00480106, "SH", text);
        end_item(out);
        put_mark(out, ITEM_END, 0);
    }
    put_mark(out, SEQUENCE_END, 0);
}

static void put_header(struct instance *in)
{
    struct buffer icc = {0};

    if (in->plan->icc != NULL)
        must(path_read_file(in->plan->icc, 1 << 24, &icc, &err));
    put_file_meta(in);
    put_identity(in);
    put_image(in);
    if (in->plan->container[0] != '\0')
        put_text(&in->header, 0x00400512, "LO", in->plan->container);
    put_matrix(in, &icc);
    put_groups(in);
    buffer_release(&icc);
}

static void write_bytes(struct instance *in, const void *data, size_t size)
{
    if (size > 0 && fwrite(data, 1, size, in->file) != size)
        fail("cannot write");
}

/* Level 0 of a Deep Zoom tree has one pixel, each other one twice as many as the one before. */
static void read_tile(const struct plan *plan, unsigned level, const struct place *place, struct buffer *out)
{
    const uint32_t longer = plan->columns[level] > plan->rows[level] ? plan->columns[level] : plan->rows[level];
    unsigned folder = 0;
    char path[PATH_SIZE];

    while (folder < 31 && 1u << folder < longer)
        folder++;
    must(path_format(path, &err, "%s/%u/%u_%u.jpg", plan->tiles, folder, place->x / plan->tile_columns,
                     place->y / plan->tile_rows));
    buffer_clear(out);
    must(path_read_file(path, 1 << 24, out, &err));
}

/* The pixels of a frame as they stand in the file. */
static const struct buffer *make_frame(struct instance *in, uint32_t frame)
{
    const struct plan *const plan = in->plan;
    const struct place *const place = &in->places[in->first + frame];
    const size_t size = (size_t)plan->tile_columns * plan->tile_rows * pixel_size(plan);

    if (plan->tiles != NULL) {
        read_tile(plan, in->level, place, &in->coded);
        return &in->coded;
    }
    draw(plan, in->level, place->plane, place->x, place->y, in->pixels);
    if (plan->coding == CODING_JPEG) {
        code(plan, in->pixels, &in->coded);
        return &in->coded;
    }
    buffer_clear(&in->coded);
    must(buffer_append(&in->coded, in->pixels, size, &err));
    return &in->coded;
}

static void write_native(struct instance *in)
{
    const struct plan *const plan = in->plan;
    const uint64_t size = (uint64_t)plan->tile_columns * plan->tile_rows * pixel_size(plan) * in->frames;
    const bool is_long = size >= UINT32_MAX; /* then its length cannot be told: not DICOM, and nobody's test */

    if (is_long)
        fail("more than 4 GiB of native pixels: take parts");
    must(element_head(0x7fe00010, pixel_size(plan) == 2 ? "OW" : "OB", (uint32_t)(size + (size & 1)), explicit_le,
                      &in->header, NULL, &err));
    write_bytes(in, in->header.data, in->header.size);
    for (uint32_t i = 0; i < in->frames; i++) {
        const struct buffer *const frame = make_frame(in, plan->repeat > 0 ? i % plan->repeat : i);
        write_bytes(in, frame->data, frame->size);
    }
    if ((size & 1) != 0)
        write_bytes(in, "", 1);
}

/* Frames one after another into a file of their own; `offsets` from the first item, `sizes` without the pad. */
static void write_items(struct instance *in, FILE *items, uint64_t *offsets, uint64_t *sizes)
{
    const struct plan *const plan = in->plan;
    struct buffer *kept = plan->repeat > 0 ? memory_array(plan->repeat, sizeof *kept, &err) : NULL;
    uint64_t at = 0;

    for (uint32_t i = 0; i < in->frames; i++) {
        struct buffer head = {0};
        struct buffer *const own = kept != NULL ? &kept[i % plan->repeat] : NULL;
        const struct buffer *frame = own;

        if (own == NULL || own->size == 0)
            frame = make_frame(in, i);
        if (own != NULL && own->size == 0)
            must(buffer_append(own, frame->data, frame->size, &err));
        offsets[i] = at;
        sizes[i] = frame->size;
        put_mark(&head, ITEM, (uint32_t)(frame->size + (frame->size & 1)));
        if (fwrite(head.data, 1, head.size, items) != head.size ||
            fwrite(frame->data, 1, frame->size, items) != frame->size ||
            ((frame->size & 1) != 0 && fputc(0, items) == EOF))
            fail("cannot write");
        at += head.size + frame->size + (frame->size & 1);
        buffer_release(&head);
    }
    for (uint32_t i = 0; kept != NULL && i < plan->repeat; i++)
        buffer_release(&kept[i]);
    memory_free(kept);
}

static void put_tables(struct instance *in, const uint64_t *offsets, const uint64_t *sizes)
{
    struct buffer *const out = &in->header;
    const bool is_basic = in->plan->table == TABLE_BASIC;

    if (in->plan->table == TABLE_EXTENDED) {
        put(out, 0x7fe00001, "OV", offsets, 8 * (size_t)in->frames, '\0'); /* little endian, as the machine is */
        put(out, 0x7fe00002, "OV", sizes, 8 * (size_t)in->frames, '\0');
    }
    put_head(out, 0x7fe00010, "OB");
    put_mark(out, ITEM, is_basic ? 4 * in->frames : 0);
    for (uint32_t i = 0; is_basic && i < in->frames; i++)
        must(buffer_put_u32(out, (uint32_t)offsets[i], &err));
}

static void copy_items(struct instance *in, FILE *items)
{
    char block[1 << 16];
    size_t got;

    rewind(items);
    while ((got = fread(block, 1, sizeof block, items)) > 0)
        write_bytes(in, block, got);
}

static void write_encapsulated(struct instance *in)
{
    uint64_t *const offsets = memory_array(in->frames, sizeof *offsets, &err);
    uint64_t *const sizes = memory_array(in->frames, sizeof *sizes, &err);
    FILE *const items = tmpfile();
    struct buffer end = {0};

    if (offsets == NULL || sizes == NULL || items == NULL)
        fail("no memory, or no temporary file");
    write_items(in, items, offsets, sizes);
    put_tables(in, offsets, sizes);
    write_bytes(in, in->header.data, in->header.size);
    copy_items(in, items);
    put_mark(&end, SEQUENCE_END, 0);
    write_bytes(in, end.data, end.size);
    buffer_release(&end);
    memory_free(offsets);
    memory_free(sizes);
    (void)fclose(items);
}

static void write_instance(struct instance *in, const char *name)
{
    const struct plan *const plan = in->plan;
    char path[PATH_SIZE];

    must(path_format(path, &err, "%s/%s%s.dcm", plan->folder, name, plan->suffix));
    in->pixels = memory_new((size_t)plan->tile_columns * plan->tile_rows * pixel_size(plan), &err);
    in->file = fopen(path, "wb");
    if (in->pixels == NULL || in->file == NULL)
        fail(path);
    put_header(in);
    if (plan->coding == CODING_JPEG)
        write_encapsulated(in);
    else
        write_native(in);
    if (fclose(in->file) != 0)
        fail(path);
    memory_free(in->pixels);
    buffer_release(&in->header);
    buffer_release(&in->coded);
}

/* -- levels ---------------------------------------------------------------------------------- */

/* All of the tile is in one of the blank rectangles. */
static bool is_left_out(const struct plan *plan, unsigned level, uint32_t x, uint32_t y)
{
    const uint32_t right = x + plan->tile_columns < plan->columns[level] ? x + plan->tile_columns : plan->columns[level];
    const uint32_t low = y + plan->tile_rows < plan->rows[level] ? y + plan->tile_rows : plan->rows[level];

    return plan->order == ORDER_SPARSE && is_blank(plan, x, y) && is_blank(plan, right - 1, y) &&
           is_blank(plan, x, low - 1) && is_blank(plan, right - 1, low - 1);
}

/* Columns, rows, focal planes, optical paths (PS3.3 C.7.6.17.3). */
static uint32_t list_places(const struct plan *plan, unsigned level, struct place **places)
{
    const uint32_t across = (plan->columns[level] - 1) / plan->tile_columns + 1;
    const uint32_t down = (plan->rows[level] - 1) / plan->tile_rows + 1;
    uint32_t count = 0;

    *places = memory_array((size_t)across * down * plan->paths * plan->focal, sizeof **places, &err);
    if (*places == NULL)
        fail(err.text);
    for (uint32_t plane = 0; plane < plan->paths * plan->focal; plane++)
        for (uint32_t i = 0; i < across * down; i++) {
            const uint32_t shift = (i / across & 1) != 0 ? plan->shift : 0;
            const uint32_t x = i % across * plan->tile_columns + shift, y = i / across * plan->tile_rows;

            if (x < plan->columns[level] && !is_left_out(plan, level, x, y))
                (*places)[count++] = (struct place){plane, x, y};
        }
    return count;
}

static void write_level(const struct plan *plan, unsigned level, const char *kind)
{
    const uint32_t parts = level == 0 ? plan->parts : 1;
    struct place *places = NULL;
    const uint32_t total = list_places(plan, level, &places);
    char name[64];

    for (uint32_t part = 0; part < parts; part++) {
        const uint32_t first = (uint32_t)((uint64_t)total * part / parts);
        struct instance in = {.plan = plan, .kind = kind, .level = level, .part = part, .first = first,
                              .frames = (uint32_t)((uint64_t)total * (part + 1) / parts) - first, .places = places};

        (void)snprintf(name, sizeof name, "level-%u-part-%u", level, part);
        if (strcmp(kind, "VOLUME") != 0)
            (void)snprintf(name, sizeof name, "%s", kind);
        write_instance(&in, name);
    }
    memory_free(places);
}

/* A picture of one frame beside the pyramid. */
static void write_kind(const struct plan *plan, const char *kind, uint32_t salt)
{
    struct plan other = *plan;

    other.levels = 1;
    other.columns[0] = other.tile_columns = 300;
    other.rows[0] = other.tile_rows = 200;
    other.paths = other.focal = other.parts = 1;
    other.order = ORDER_FULL;
    other.blanks = 0;
    other.salt = salt;
    other.tiles = NULL;
    write_level(&other, 0, kind);
}

static void write_kinds(const struct plan *plan)
{
    static const char *const kinds[] = {"LABEL", "OVERVIEW", "THUMBNAIL"};
    static const char *const words[] = {"label", "overview", "thumbnail"};

    for (int i = 0; i < 3; i++)
        if (strstr(plan->kinds, words[i]) != NULL)
            write_kind(plan, kinds[i], (uint32_t)i + 1);
}

/* A frame has all of its tile's pixels, a Deep Zoom tile at an edge only those inside. */
static void check_tiles(const struct plan *plan)
{
    for (unsigned i = 0; plan->tiles != NULL && i < plan->levels; i++)
        if (plan->coding != CODING_JPEG || plan->columns[i] % plan->tile_columns != 0 ||
            plan->rows[i] % plan->tile_rows != 0)
            fail("tiles= wants JPEG, and levels of whole tiles");
}

int main(int argc, char **argv)
{
    struct plan plan = {.series = "slide", .container = "", .suffix = "", .kinds = "", .kind = "VOLUME",
                        .tile_columns = 256, .tile_rows = 256, .paths = 1, .focal = 1, .parts = 1, .quality = 90,
                        .chroma = 2};

    if (argc < 3)
        fail("FOLDER level=COLUMNSxROWS ...");
    plan.folder = argv[1];
    for (int i = 2; i < argc; i++)
        take(&plan, argv[i]);
    check_tiles(&plan);
    (void)mkdir(plan.folder, 0755);
    for (unsigned i = 0; i < plan.levels; i++)
        write_level(&plan, i, i + 1 == plan.levels ? plan.kind : "VOLUME");
    write_kinds(&plan);
    return 0;
}
