#include "codec/j2k_header.h"

#include <string.h>

#include "base/memory.h"

enum {
    SOC = 0xff4f,
    SIZ = 0xff51,
    CAP = 0xff50,
    COD = 0xff52,
    COC = 0xff53,
    SOT = 0xff90,
    SOD = 0xff93,
    EOC = 0xffd9
};
enum { SOT_SIZE = 12, TILES_MOST = 65535, RSIZ_PART_2 = 0x8000, PCAP_PART_15 = 0x20000 };

static unsigned u16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)u16(at) << 16 | u16(at + 2);
}

static bool is_codestream(const uint8_t *data, size_t size)
{
    return size >= 4 && u16(data) == SOC && u16(data + 2) == SIZ;
}

/* The contents of the first jp2c box of a JP2 file (T.800 I.4); false if it is none. */
static bool find_in_jp2(const uint8_t *data, size_t size, size_t *offset, size_t *length)
{
    static const uint8_t signature[12] = {0, 0, 0, 12, 'j', 'P', ' ', ' ', 0x0d, 0x0a, 0x87, 0x0a};
    size_t at = 0;

    if (size < sizeof signature || memcmp(data, signature, sizeof signature) != 0)
        return false;
    while (size - at >= 8) {
        uint64_t box = u32(data + at);
        size_t head = 8;
        if (box == 1) {
            if (size - at < 16)
                return false;
            box = (uint64_t)u32(data + at + 8) << 32 | u32(data + at + 12);
            head = 16;
        }
        if (box == 0 || box > size - at)
            box = size - at;
        if (box < head)
            return false;
        if (memcmp(data + at + 4, "jp2c", 4) == 0) {
            *offset = at + head;
            *length = (size_t)box - head;
            return true;
        }
        at += (size_t)box;
    }
    return false;
}

static bool read_siz(const uint8_t *at, size_t size, struct j2k_header *header, struct error *err)
{
    if (size < 36 || size < 36u + 3u * u16(at + 34))
        return error_set(err, ERROR_CORRUPT, "SIZ of %zu bytes", size);
    const uint32_t x_end = u32(at + 2), y_end = u32(at + 6), x = u32(at + 10), y = u32(at + 14);
    const uint32_t tile_columns = u32(at + 18), tile_rows = u32(at + 22);
    const uint32_t tile_x = u32(at + 26), tile_y = u32(at + 30);
    const unsigned components = u16(at + 34);

    if (x >= x_end || y >= y_end || tile_columns == 0 || tile_rows == 0 || tile_x > x || tile_y > y)
        return error_set(err, ERROR_CORRUPT, "SIZ with an empty image or tile");
    if (components < 1 || components > J2K_COMPONENTS)
        return error_set(err, ERROR_CORRUPT, "JPEG 2000 codestream with %u components", components);
    header->rows = y_end - y;
    header->columns = x_end - x;
    header->has_origin = x != 0 || y != 0 || tile_x != 0 || tile_y != 0;
    header->other_parts = (u16(at) & RSIZ_PART_2) != 0;
    header->components = (uint16_t)components;
    const uint64_t across = ((uint64_t)x_end - tile_x + tile_columns - 1) / tile_columns;
    const uint64_t down = ((uint64_t)y_end - tile_y + tile_rows - 1) / tile_rows;
    if (across * down > TILES_MOST)
        return error_set(err, ERROR_CORRUPT, "JPEG 2000 codestream with more than %d tiles",
                         TILES_MOST);
    header->tiles = (uint32_t)(across * down);
    header->tile_columns = tile_columns;
    header->tile_rows = tile_rows;
    for (unsigned c = 0; c < components; c++) {
        const uint8_t *component = at + 36 + 3 * c;
        if (component[0] != at[36])
            return error_set(err, ERROR_UNSUPPORTED, "JPEG 2000 components of different bits");
        if (component[1] != 1 || component[2] != 1)
            return error_set(err, ERROR_UNSUPPORTED, "JPEG 2000 component subsampled %u x %u",
                             component[1], component[2]);
    }
    header->precision = (uint16_t)((at[36] & 0x7f) + 1);
    header->is_signed = at[36] >> 7;
    return true;
}

static bool read_cod(const uint8_t *at, size_t size, struct j2k_header *header, struct error *err)
{
    if (size < 10)
        return error_set(err, ERROR_CORRUPT, "COD of %zu bytes", size);
    header->component_transform = at[4] != 0;
    header->levels = at[5];
    header->reversible = at[9] == 1;
    return true;
}

/* From SOC to the first SOT; *at is left there. */
static bool read_main_header(const uint8_t *data, size_t size, size_t *at,
                             struct j2k_header *header, struct error *err)
{
    bool has_cod = false;

    for (*at = 2;;) {
        if (size - *at < 4)
            return error_set(err, ERROR_TRUNCATED,
                             "JPEG 2000 codestream ends in its header, at %zu", size);
        const unsigned marker = u16(data + *at), length = u16(data + *at + 2);
        if (marker == SOT)
            break;
        if (marker < 0xff00 || length < 2)
            return error_set(err, ERROR_CORRUPT, "expected a JPEG 2000 marker at %zu, found %04X",
                             *at, marker);
        if (length > size - *at - 2)
            return error_set(err, ERROR_TRUNCATED, "JPEG 2000 segment %04X at %zu of %zu bytes",
                             marker, *at, size);
        const uint8_t *body = data + *at + 4;
        if (marker == SIZ && !read_siz(body, length - 2, header, err))
            return false;
        if (marker == COD && !read_cod(body, length - 2, header, err))
            return false;
        has_cod = has_cod || marker == COD;
        header->components_differ = header->components_differ || marker == COC;
        header->high_throughput = header->high_throughput || marker == CAP;
        header->other_parts = header->other_parts || (marker == CAP && length >= 6 && u32(body) != PCAP_PART_15);
        *at += 2 + length;
    }
    if (header->components == 0 || !has_cod)
        return error_set(err, ERROR_CORRUPT, "JPEG 2000 header without %s",
                         has_cod ? "SIZ" : "COD");
    return true;
}

/* The codestream without what was padded to it: up to its EOC, if the data end in one. */
static size_t trimmed(const uint8_t *data, size_t size)
{
    size_t end = size;

    while (end > 2 && (data[end - 1] == 0 || data[end - 1] == 0xff))
        end--;
    return end >= 2 && u16(data + end - 2) == EOC ? end : size;
}

/* How many tile-parts each tile has, and how many it says that it has (0 if it does not say). */
struct tile_count {
    uint8_t there, declared;
};

static bool tiles_are_whole(const struct tile_count *tiles, const struct j2k_header *header,
                            struct error *err)
{
    for (uint32_t t = 0; t < header->tiles; t++) {
        if (tiles[t].there == 0)
            return error_set(err, ERROR_TRUNCATED, "JPEG 2000 tile %u of %u is missing", t + 1,
                             header->tiles);
        if (tiles[t].there < tiles[t].declared)
            return error_set(err, ERROR_TRUNCATED, "JPEG 2000 tile %u has %u of %u tile-parts",
                             t + 1, tiles[t].there, tiles[t].declared);
    }
    return true;
}

/* Whether the header of the tile-part at `at` has a COD or COC of its own; what is odd in it is the decoder's. */
static bool changes_coding(const uint8_t *data, size_t size, size_t at)
{
    for (at += SOT_SIZE; at < size && size - at >= 4 && u16(data + at) != SOD; at += 2u + u16(data + at + 2))
        if (u16(data + at) == COD || u16(data + at) == COC)
            return true;
    return false;
}

static bool walk_tile_parts(const uint8_t *data, size_t size, size_t at, struct tile_count *tiles,
                            struct j2k_header *header, struct error *err)
{
    while (size - at >= 2 && u16(data + at) != EOC) {
        if (u16(data + at) != SOT)
            return error_set(err, ERROR_CORRUPT,
                             "expected a JPEG 2000 tile-part at %zu, found %04X", at,
                             u16(data + at));
        if (size - at < SOT_SIZE)
            return error_set(err, ERROR_TRUNCATED,
                             "JPEG 2000 codestream ends in a tile-part header");
        const unsigned tile = u16(data + at + 4);
        const uint32_t length = u32(data + at + 6);
        if (tile >= header->tiles)
            return error_set(err, ERROR_CORRUPT, "JPEG 2000 tile-part of tile %u, there are %u",
                             tile + 1, header->tiles);
        header->tile_parts++;
        tiles[tile].there = (uint8_t)(tiles[tile].there + (tiles[tile].there < UINT8_MAX));
        if (data[at + 11] > tiles[tile].declared)
            tiles[tile].declared = data[at + 11];
        if (length != 0 && length < SOT_SIZE + 2)
            return error_set(err, ERROR_CORRUPT, "JPEG 2000 tile-part of %u bytes", length);
        header->tiles_differ = header->tiles_differ || changes_coding(data, size, at);
        if (length == 0 || length > size - at) {
            /* To the end of the codestream. A length beyond it with EOC in place (the FDA phantoms
             * say 8,446 bytes too many) is a wrong number; without EOC the data are cut. */
            header->has_end = size - at >= SOT_SIZE + 2 && u16(data + size - 2) == EOC;
            if (!header->has_end && length != 0)
                return error_set(err, ERROR_TRUNCATED, "JPEG 2000 tile-part has %zu of %u bytes",
                                 size - at, length);
            if (!header->has_end)
                return error_set(err, ERROR_TRUNCATED, "JPEG 2000 codestream has no end (FFD9)");
            if (length != 0) {
                header->endless_tile_part = at + 6;
                header->declared = length;
                header->there = (uint32_t)(size - 2 - at);
            }
            return tiles_are_whole(tiles, header, err);
        }
        at += length;
    }
    header->has_end = size - at >= 2;
    /* Whether tile-parts are missing can be told by their number, where that is given. */
    for (uint32_t t = 0; t < header->tiles && !header->has_end; t++)
        if (tiles[t].declared == 0)
            return error_set(err, ERROR_TRUNCATED, "JPEG 2000 codestream has no end (FFD9)");
    return tiles_are_whole(tiles, header, err);
}

bool j2k_header_read(const uint8_t *data, size_t size, struct j2k_header *header, struct error *err)
{
    size_t at = 0;

    memset(header, 0, sizeof *header);
    header->size = size;
    if (!is_codestream(data, size)) {
        header->in_jp2 = find_in_jp2(data, size, &header->offset, &header->size);
        if (!header->in_jp2 || !is_codestream(data + header->offset, header->size))
            return error_set(err, size < 4 ? ERROR_TRUNCATED : ERROR_CORRUPT,
                             "expected a JPEG 2000 codestream (FF4F FF51), found %08X",
                             size < 4 ? 0 : u32(data));
    }
    data += header->offset;
    header->size = trimmed(data, header->size);
    if (!read_main_header(data, header->size, &at, header, err))
        return false;
    struct tile_count *tiles = memory_array(header->tiles, sizeof *tiles, err);
    if (!tiles)
        return false;
    const bool ok = walk_tile_parts(data, header->size, at, tiles, header, err);
    memory_free(tiles);
    return ok;
}
