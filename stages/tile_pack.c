/* tile_pack.c - image.szi: the Deep Zoom files in one ZIP, stored, and image.index: where each tile is in it
 *
 * SZI (Smart In Media, 2018): a ZIP without compression; in it a folder named like its .dzi, which is what OpenSeadragon's
 * readers look for. Entries have no dates and no data descriptors: the CRC is known before the tile is written. The central
 * directory is made of the records at the end; ZIP64 (APPNOTE.TXT 4.3.14, 4.5.3) only where numbers are too large without.
 */
#include <libdeflate.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "job/staging_stream.h"
#include "job/staging_tree.h"
#include "tile_private.h"

#define FOLDER "image/"

enum {
    LOCAL_SIGNATURE = 0x04034b50,
    CENTRAL_SIGNATURE = 0x02014b50,
    END_SIGNATURE = 0x06054b50,
    END64_SIGNATURE = 0x06064b50,
    LOCATOR64_SIGNATURE = 0x07064b50,
    VERSION = 20,
    VERSION64 = 45,
    MADE_BY_UNIX = 3 << 8,
    FIRST_DATE = 0x21, /* 1980-01-01 */
    LOCAL_SIZE = 30,
    EXTRA64 = 1,
    FLUSH_SIZE = 1 << 20,
};

static const uint32_t too_large = UINT32_MAX, too_many = UINT16_MAX;
static const uint32_t mode_of_a_file = UINT32_C(0100644) << 16;

static uint32_t crc_of(const void *data, size_t size)
{
    return libdeflate_crc32(0, data, size);
}

/* What a local header and one of the central directory share, from the version needed to the length of the name. */
static bool put_common(struct buffer *out, const struct tile_record *record, unsigned version, size_t name,
                       struct error *err)
{
    return buffer_put_u16(out, (uint16_t)version, err) && buffer_put_u16(out, 0, err) && /* flags */
           buffer_put_u16(out, 0, err) &&                                               /* stored */
           buffer_put_u16(out, 0, err) && buffer_put_u16(out, FIRST_DATE, err) &&
           buffer_put_u32(out, record->crc, err) && buffer_put_u32(out, record->size, err) &&
           buffer_put_u32(out, record->size, err) && buffer_put_u16(out, (uint16_t)name, err);
}

static bool put_entry(struct tile_tree *tree, const char *name, const void *data, size_t size,
                      struct tile_record *record, struct error *err)
{
    struct buffer *const header = &tree->pack.header;
    const size_t name_size = strlen(name);

    if (size > UINT32_MAX)
        return error_set(err, ERROR_USAGE, "a tile of %zu bytes", size);
    record->offset = staging_stream_size(tree->staging) + LOCAL_SIZE + name_size;
    record->size = (uint32_t)size;
    record->crc = crc_of(data, size);
    buffer_clear(header);
    if (!buffer_put_u32(header, LOCAL_SIGNATURE, err) || !put_common(header, record, VERSION, name_size, err) ||
        !buffer_put_u16(header, 0, err) || !buffer_append(header, name, name_size, err))
        return false;
    const struct part parts[] = {{header->data, header->size}, {data, size}};
    tree->pack.entries++;
    return staging_stream_put(tree->staging, parts, 2, err);
}

bool tile_pack_begin(struct tile_tree *tree, struct error *err)
{
    struct buffer text = {0};

    tree->pack.records = memory_array(tree->tiles, sizeof *tree->pack.records, err);
    const bool ok = tree->pack.records != NULL && staging_tree_stream(tree->staging, "image.szi", err) &&
                    tile_dzi_descriptor(tree, &text, err) &&
                    put_entry(tree, FOLDER "image.dzi", text.data, text.size, &tree->pack.descriptor, err);
    buffer_release(&text);
    return ok;
}

void tile_pack_release(struct tile_pack *pack)
{
    memory_free(pack->records);
    buffer_release(&pack->header);
}

static void entry_name(const struct tile_tree *tree, struct tile_place place, char name[TILE_PATH + sizeof FOLDER])
{
    memcpy(name, FOLDER, sizeof FOLDER);
    tile_dzi_path(tree, place, name + sizeof FOLDER - 1);
}

bool tile_pack_put(struct tile_tree *tree, struct tile_place place, const void *data, size_t size, struct error *err)
{
    char name[TILE_PATH + sizeof FOLDER];

    entry_name(tree, place, name);
    return put_entry(tree, name, data, size, &tree->pack.records[tile_number(tree, place)], err);
}

/* -- the central directory ----------------------------------------------------------------------- */

static bool flush(struct tile_tree *tree, size_t least, struct error *err)
{
    struct buffer *const header = &tree->pack.header;
    const struct part part = {header->data, header->size};

    if (header->size < least || header->size == 0)
        return true;
    const bool ok = staging_stream_put(tree->staging, &part, 1, err);
    buffer_clear(header);
    return ok;
}

static bool put_central(struct tile_tree *tree, const char *name, const struct tile_record *record, struct error *err)
{
    struct buffer *const out = &tree->pack.header;
    const size_t name_size = strlen(name);
    const uint64_t offset = record->offset - LOCAL_SIZE - name_size;
    const bool is_far = offset >= too_large;
    const unsigned version = is_far ? VERSION64 : VERSION;

    return buffer_put_u32(out, CENTRAL_SIGNATURE, err) &&
           buffer_put_u16(out, (uint16_t)(MADE_BY_UNIX | version), err) &&
           put_common(out, record, version, name_size, err) && buffer_put_u16(out, is_far ? 12 : 0, err) &&
           buffer_put_u16(out, 0, err) && buffer_put_u16(out, 0, err) && /* no comment, the first disk */
           buffer_put_u16(out, 0, err) && buffer_put_u32(out, mode_of_a_file, err) &&
           buffer_put_u32(out, is_far ? too_large : (uint32_t)offset, err) &&
           buffer_append(out, name, name_size, err) &&
           (!is_far || (buffer_put_u16(out, EXTRA64, err) && buffer_put_u16(out, 8, err) &&
                        buffer_put_u64(out, offset, err))) &&
           flush(tree, FLUSH_SIZE, err);
}

static bool put_directory(struct tile_tree *tree, struct error *err)
{
    char name[TILE_PATH + sizeof FOLDER];

    if (!put_central(tree, FOLDER "image.dzi", &tree->pack.descriptor, err))
        return false;
    for (unsigned i = tree->count; i-- > 0;)
        for (uint32_t y = 0; y < tree->levels[i].down; y++)
            for (uint32_t x = 0; x < tree->levels[i].across; x++) {
                const struct tile_place place = {i, x, y};
                const struct tile_record *const record = &tree->pack.records[tile_number(tree, place)];

                entry_name(tree, place, name);
                if (record->size > 0 && !put_central(tree, name, record, err))
                    return false;
            }
    return flush(tree, 0, err);
}

static bool put_end64(struct tile_tree *tree, uint64_t start, uint64_t end, struct error *err)
{
    struct buffer *const out = &tree->pack.header;
    const uint64_t entries = tree->pack.entries;

    return buffer_put_u32(out, END64_SIGNATURE, err) && buffer_put_u64(out, 44, err) && /* what follows */
           buffer_put_u16(out, MADE_BY_UNIX | VERSION64, err) && buffer_put_u16(out, VERSION64, err) &&
           buffer_put_u32(out, 0, err) && buffer_put_u32(out, 0, err) && /* disks */
           buffer_put_u64(out, entries, err) && buffer_put_u64(out, entries, err) &&
           buffer_put_u64(out, end - start, err) && buffer_put_u64(out, start, err) &&
           buffer_put_u32(out, LOCATOR64_SIGNATURE, err) && buffer_put_u32(out, 0, err) &&
           buffer_put_u64(out, end, err) && buffer_put_u32(out, 1, err);
}

static bool put_end(struct tile_tree *tree, uint64_t start, uint64_t end, struct error *err)
{
    struct buffer *const out = &tree->pack.header;
    const uint64_t entries = tree->pack.entries;
    const bool is_large = entries >= too_many || start >= too_large || end - start >= too_large;
    const uint16_t count = entries < too_many ? (uint16_t)entries : (uint16_t)too_many;

    return (!is_large || put_end64(tree, start, end, err)) && buffer_put_u32(out, END_SIGNATURE, err) &&
           buffer_put_u32(out, 0, err) && /* disks */
           buffer_put_u16(out, count, err) && buffer_put_u16(out, count, err) &&
           buffer_put_u32(out, end - start < too_large ? (uint32_t)(end - start) : too_large, err) &&
           buffer_put_u32(out, start < too_large ? (uint32_t)start : too_large, err) &&
           buffer_put_u16(out, 0, err) && flush(tree, 0, err);
}

/* -- the index ----------------------------------------------------------------------------------- */

static bool put_index(struct tile_tree *tree, struct error *err)
{
    struct buffer *const out = &tree->pack.header;

    if (!staging_tree_stream(tree->staging, "image.index", err))
        return false;
    for (size_t i = 0; i < tree->tiles; i++) {
        const struct tile_record *const record = &tree->pack.records[i];

        if (!buffer_put_u64(out, record->offset, err) || !buffer_put_u32(out, record->size, err) ||
            !flush(tree, FLUSH_SIZE, err))
            return false;
    }
    return flush(tree, 0, err) && staging_tree_stream_end(tree->staging, err);
}

bool tile_pack_end(struct tile_tree *tree, struct error *err)
{
    const uint64_t start = staging_stream_size(tree->staging);

    buffer_clear(&tree->pack.header);
    if (!put_directory(tree, err))
        return false;
    const uint64_t end = staging_stream_size(tree->staging);
    return put_end(tree, start, end, err) && staging_tree_stream_end(tree->staging, err) && put_index(tree, err);
}
