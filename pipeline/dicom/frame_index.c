#include "dicom/frame_index.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "dicom/signature.h"

enum {
    TAG_ITEM = 0xfffee000u,
    TAG_SEQUENCE_END = 0xfffee0ddu,
    FRAGMENTS_MOST = 16 << 20, /* 256 MB of places; the largest slide has 394,830 tiles */
};

/* One item of encapsulated pixel data. */
struct fragment {
    uint64_t offset; /* of its first byte */
    uint32_t size;   /* as far as the input goes */
    bool cut;        /* it should have been longer */
};

/* Fragments [first, first + count) make a frame. */
struct frame_place {
    uint32_t first, count;
    uint32_t size; /* of all, where a table says it; 0: what the fragments hold */
};

struct frame_index {
    const struct bytes *bytes;
    const struct object *object;
    uint32_t count;
    /* native */
    bool native;
    uint64_t offset, length; /* of the pixel data that are there */
    uint64_t frame_bits;
    bool words; /* their bytes are to be swapped: always whole ones are handed out */
    /* encapsulated */
    enum coding coding;
    struct fragment *fragments;
    size_t fragment_count, fragment_capacity;
    uint64_t items_from; /* the first fragment's item tag: offsets count from here */
    uint32_t *table;     /* Basic Offset Table */
    size_t table_count;
    bool cut; /* the items end before their delimiter, or without sense */
    struct frame_place *places;
};

void frame_index_close(struct frame_index *index)
{
    if (!index)
        return;
    memory_free(index->fragments);
    memory_free(index->table);
    memory_free(index->places);
    memory_free(index);
}

uint32_t frame_index_count(const struct frame_index *index)
{
    return index->count;
}

static uint32_t u32(const uint8_t *b)
{
    return (uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0];
}

static uint64_t u64(const uint8_t *b)
{
    return (uint64_t)u32(b + 4) << 32 | u32(b);
}

/* ---------------------------------------------------------------- native */

static uint32_t whole_native(const struct frame_index *index)
{
    const uint64_t usable = index->words ? index->length & ~UINT64_C(1) : index->length;
    const uint64_t whole = usable * 8 / index->frame_bits;
    return whole < index->count ? (uint32_t)whole : index->count;
}

static bool open_native(struct frame_index *index, const struct image *image, struct buffer *notes,
                        struct error *err)
{
    const struct pixel_location pixels = object_pixels(index->object);
    const uint64_t rest =
        pixels.offset < index->bytes->size ? index->bytes->size - pixels.offset : 0;
    index->native = true;
    index->offset = pixels.offset;
    index->length = pixels.length < rest ? pixels.length : rest;
    index->frame_bits = image_native_frame_bits(image);
    index->words = image->swapped_pairs;
    index->count = image->frames;
    const uint64_t needed = (index->frame_bits * image->frames + 7) / 8;
    const uint64_t whole = index->length * 8 / index->frame_bits;
    if (index->length >= needed) {
        if (pixels.length > rest && !buffer_printf(notes, err, "pixel data claim %llu bytes, %llu are left\n",
                                                   (unsigned long long)pixels.length, (unsigned long long)rest))
            return false;
        return index->length - needed <= 1 ||
               buffer_printf(notes, err, "%llu bytes of pixel data beyond the last frame\n",
                             (unsigned long long)(index->length - needed));
    }
    if (pixels.length > rest)
        return buffer_printf(notes, err,
                             "pixel data are cut: %llu of %llu bytes, %llu of %u frames\n",
                             (unsigned long long)rest, (unsigned long long)needed,
                             (unsigned long long)whole, image->frames);
    if (!whole)
        return buffer_printf(notes, err, "pixel data are too short: %llu bytes, a frame has %llu\n",
                             (unsigned long long)index->length,
                             (unsigned long long)((index->frame_bits + 7) / 8));
    index->count = (uint32_t)whole;
    return buffer_printf(notes, err, "%u frames declared, pixel data hold %llu\n", image->frames,
                         (unsigned long long)whole);
}

/* Bytes of the pixel data. */
static bool read_bytes(const struct frame_index *index, uint32_t frame, uint64_t from, uint64_t to, struct buffer *out,
                       struct error *err)
{
    if (to > index->length)
        return error_set(err, ERROR_TRUNCATED,
                         "frame %u ends at byte %llu of the pixel data, which end at %llu", frame,
                         (unsigned long long)to, (unsigned long long)index->length);
    if (!buffer_reserve(out, (size_t)(to - from), err) ||
        !bytes_read_all(index->bytes, index->offset + from, out->data, (size_t)(to - from), err))
        return false;
    out->size = (size_t)(to - from);
    out->data[out->size] = 0;
    return true;
}

static bool read_native(const struct frame_index *index, uint32_t frame, struct buffer *out,
                        unsigned *bit_offset, struct error *err)
{
    const uint64_t from_bit = (uint64_t)(frame - 1) * index->frame_bits;
    const uint64_t unit = index->words ? 16 : 8;
    const uint64_t from = from_bit / unit * (unit / 8);
    const uint64_t to = (from_bit + index->frame_bits + unit - 1) / unit * (unit / 8);
    *bit_offset = (unsigned)(from_bit % unit);
    return read_bytes(index, frame, from, to, out, err);
}

/* ---------------------------------------------------------------- items */

static bool add_fragment(struct frame_index *index, uint64_t offset, uint64_t size, bool cut,
                         struct error *err)
{
    void *fragments = index->fragments;
    if (index->fragment_count >= FRAGMENTS_MOST)
        return error_set(err, ERROR_LIMIT, "more than %d fragments", FRAGMENTS_MOST);
    if (!memory_grow(&fragments, &index->fragment_capacity, index->fragment_count + 1,
                     sizeof index->fragments[0], err))
        return false;
    index->fragments = fragments;
    index->fragments[index->fragment_count++] = (struct fragment){offset, (uint32_t)size, cut};
    return true;
}

/* The first item (PS3.5 A.4): empty, or one offset a frame. */
static bool read_table(struct frame_index *index, uint64_t offset, uint32_t size, struct error *err)
{
    uint8_t chunk[4096];
    index->table_count = size / 4;
    if (index->table_count > LIMIT(FRAMES))
        index->table_count = 0;
    if (!index->table_count)
        return true;
    if (!(index->table = memory_array(index->table_count, sizeof index->table[0], err)))
        return false;
    for (size_t i = 0; i < index->table_count;) {
        const size_t most = sizeof chunk / 4, left = index->table_count - i,
                     count = left < most ? left : most;
        if (!bytes_read_all(index->bytes, offset + 4 * (uint64_t)i, chunk, 4 * count, err))
            return false;
        for (size_t k = 0; k < count; k++)
            index->table[i + k] = u32(chunk + 4 * k);
        i += count;
    }
    return true;
}

/* One step along the items: *done at the delimiter and wherever sense ends. */
static bool walk_item(struct frame_index *index, uint64_t *at, bool first, bool *done,
                      struct buffer *notes, struct error *err)
{
    uint8_t b[8];
    size_t got;
    *done = true;
    if (*at >= index->bytes->size || index->bytes->size - *at < 8) {
        index->cut = true;
        return buffer_puts(notes, "encapsulated pixel data end without delimiter\n", err);
    }
    if (!index->bytes->read(index->bytes, *at, b, sizeof b, &got, err))
        return false;
    const uint32_t tag = (uint32_t)(b[1] << 8 | b[0]) << 16 | (uint32_t)(b[3] << 8 | b[2]);
    const uint32_t size = u32(b + 4);
    const uint64_t rest = index->bytes->size - *at - 8;
    if (got == sizeof b && tag == TAG_SEQUENCE_END)
        return true;
    if (tag != TAG_ITEM) {
        index->cut = true;
        return buffer_printf(notes, err,
                             "expected an item of pixel data at byte %llu, found (%04x,%04x)\n",
                             (unsigned long long)*at, tag >> 16, tag & 0xffff);
    }
    const bool cut = size > rest;
    index->cut |= cut;
    if (cut && !buffer_printf(notes, err, "an item of pixel data claims %u bytes, %llu are left\n",
                              size, (unsigned long long)rest))
        return false;
    if (first) {
        index->items_from = *at + 8 + size;
        if (!cut && !read_table(index, *at + 8, size, err))
            return false;
    } else if (!add_fragment(index, *at + 8, cut ? rest : size, cut, err)) {
        return false;
    }
    *at += 8 + (uint64_t)size;
    *done = cut;
    return true;
}

static bool walk_items(struct frame_index *index, struct buffer *notes, struct error *err)
{
    uint64_t at = object_pixels(index->object).offset;
    bool done = false;
    for (bool first = true; !done; first = false)
        if (!walk_item(index, &at, first, &done, notes, err))
            return false;
    return true;
}

/* ---------------------------------------------------------------- frames of fragments */

static bool new_places(struct frame_index *index, size_t count, struct error *err)
{
    memory_free(index->places);
    index->places = memory_array(count, sizeof index->places[0], err);
    return index->places != NULL;
}

/* The fragment whose item tag is `offset` after items_from; searched from *hint on. */
static bool fragment_at(const struct frame_index *index, uint64_t offset, size_t *hint)
{
    size_t low = *hint, high = index->fragment_count;
    const uint64_t wanted = index->items_from + offset + 8;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (index->fragments[middle].offset < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    *hint = low;
    return low < index->fragment_count && index->fragments[low].offset == wanted;
}

/* By a table of `count` offsets: each must be where a fragment begins, in order, from the first one
 * on. Offsets beyond the end of cut data are frames that are gone. */
static bool by_offsets(struct frame_index *index, size_t count,
                       uint64_t (*offset_of)(const void *, size_t), const void *table, bool *fits,
                       struct error *err)
{
    size_t hint = 0;
    *fits = false;
    if (!count || count > LIMIT(FRAMES) || offset_of(table, 0) != 0)
        return true;
    if (!new_places(index, count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const size_t before = hint;
        const bool found = fragment_at(index, offset_of(table, i), &hint);
        if (!found && !(index->cut && hint == index->fragment_count))
            return true;
        if (i && found && hint == before)
            return true;
        index->places[i].first = (uint32_t)hint;
        if (i)
            index->places[i - 1].count = (uint32_t)hint - index->places[i - 1].first;
    }
    index->places[count - 1].count =
        (uint32_t)index->fragment_count - index->places[count - 1].first;
    *fits = true;
    return true;
}

static uint64_t basic_offset(const void *table, size_t i)
{
    return ((const uint32_t *)table)[i];
}

static uint64_t extended_offset(const void *table, size_t i)
{
    return u64((const uint8_t *)table + 8 * i);
}

/* PS3.3 C.7.6.3.1.8: offsets and lengths in 64 bits, one fragment a frame. */
static bool by_extended_table(struct frame_index *index, uint32_t frames, bool *fits,
                              struct error *err)
{
    const struct dataset *const dataset = object_dataset(index->object);
    size_t size, lengths_size;
    const uint8_t *const offsets = dataset_raw(dataset, TAG(0x7fe0, 0x0001), &size);
    const uint8_t *const lengths = dataset_raw(dataset, TAG(0x7fe0, 0x0002), &lengths_size);
    *fits = false;
    if (!offsets || size / 8 != frames)
        return true;
    if (!by_offsets(index, frames, extended_offset, offsets, fits, err))
        return false;
    if (!*fits)
        return true;
    for (uint32_t i = 0; lengths && lengths_size / 8 == frames && i < frames; i++) {
        const struct frame_place *const place = &index->places[i];
        const uint64_t length = u64(lengths + 8 * (size_t)i);
        if (place->count == 1 && length && length <= index->fragments[place->first].size)
            index->places[i].size = (uint32_t)length;
    }
    return true;
}

/* ---------------------------------------------------------------- scanning */

/* A frame begins at each fragment that begins with a codestream. *found: how many; 0 also if the
 * first does not. */
static bool by_scanning(struct frame_index *index, uint32_t *found, struct error *err)
{
    uint8_t b[64];
    *found = 0;
    if (!new_places(index, index->fragment_count, err))
        return false;
    for (uint32_t i = 0; i < index->fragment_count; i++) {
        const struct fragment *const fragment = &index->fragments[i];
        const size_t size = fragment->size < sizeof b ? fragment->size : sizeof b;
        if (!bytes_read_all(index->bytes, fragment->offset, b, size, err))
            return false;
        if (signature_starts(index->coding, b, size))
            index->places[(*found)++] = (struct frame_place){.first = i};
        if (!*found)
            return true;
        index->places[*found - 1].count++;
    }
    return true;
}

static bool one_each(struct frame_index *index, struct error *err)
{
    if (!new_places(index, index->fragment_count, err))
        return false;
    for (uint32_t i = 0; i < index->fragment_count; i++)
        index->places[i] = (struct frame_place){.first = i, .count = 1};
    return true;
}

static bool settle(struct frame_index *index, uint32_t count, uint32_t declared, const char *how,
                   struct buffer *notes, struct error *err)
{
    index->count = count;
    return count == declared ||
           buffer_printf(notes, err, "%u frames declared, %u by %s\n", declared, count, how);
}

/* Scanned: as many as declared, or corrected; but frames lost with cut data stay counted. */
static bool settle_scanned(struct frame_index *index, uint32_t found, uint32_t declared,
                           struct buffer *notes, struct error *err)
{
    if (!index->cut || found >= declared)
        return settle(index, found, declared, "the starts of codestreams", notes, err);
    void *places = memory_resize(index->places, declared * sizeof index->places[0], err);
    if (!places)
        return false;
    index->places = places;
    for (uint32_t i = found; i < declared; i++)
        index->places[i] = (struct frame_place){.first = (uint32_t)index->fragment_count};
    index->count = declared;
    return true;
}

/* Fragments to frames, the ways of PS3.5 A.4 in the order of their trustworthiness. */
static bool assign(struct frame_index *index, uint32_t declared, struct buffer *notes,
                   struct error *err)
{
    bool fits;
    uint32_t found;
    if (!by_extended_table(index, declared, &fits, err))
        return false;
    if (fits)
        return settle(index, declared, declared, "", notes, err);
    if (dataset_has(object_dataset(index->object), TAG(0x7fe0, 0x0001)) &&
        !buffer_puts(notes, "the Extended Offset Table does not fit the items: ignored\n", err))
        return false;
    if (!by_offsets(index, index->table_count, basic_offset, index->table, &fits, err))
        return false;
    if (fits && (index->table_count == declared || index->table_count > 1))
        return settle(index, (uint32_t)index->table_count, declared, "the Basic Offset Table",
                      notes, err);
    if (index->table_count && !fits &&
        !buffer_puts(notes, "the Basic Offset Table does not fit the items: ignored\n", err))
        return false;
    if (declared == 1 && (!index->cut || index->fragment_count)) {
        if (!new_places(index, 1, err))
            return false;
        index->places[0] = (struct frame_place){.count = (uint32_t)index->fragment_count};
        return settle(index, 1, 1, "", notes, err);
    }
    if (index->fragment_count == declared)
        return one_each(index, err) && settle(index, declared, declared, "", notes, err);
    if (!by_scanning(index, &found, err))
        return false;
    if (found)
        return settle_scanned(index, found, declared, notes, err);
    if (index->fragment_count > declared)
        return error_set(
            err, ERROR_CORRUPT,
            "%u frames in %zu fragments, without a table and without starts of codestreams",
            declared, index->fragment_count);
    return one_each(index, err) &&
           settle_scanned(index, (uint32_t)index->fragment_count, declared, notes, err);
}

/* Empty fragments say nothing and would disturb the count of fragments against frames. */
static void drop_empty(struct frame_index *index)
{
    size_t kept = 0;
    for (size_t i = 0; i < index->fragment_count; i++)
        if (index->fragments[i].size || index->fragments[i].cut)
            index->fragments[kept++] = index->fragments[i];
    index->fragment_count = kept;
}

static bool open_encapsulated(struct frame_index *index, const struct image *image,
                              struct buffer *notes, struct error *err)
{
    index->coding = image->transfer_syntax->coding;
    if (!walk_items(index, notes, err))
        return false;
    drop_empty(index);
    if (!index->fragment_count)
        return error_set(err, index->cut ? ERROR_TRUNCATED : ERROR_CORRUPT,
                         "encapsulated pixel data without a fragment");
    return assign(index, image->frames, notes, err);
}

static bool read_encapsulated(const struct frame_index *index, uint32_t frame, struct buffer *out,
                              struct error *err)
{
    const struct frame_place *const place = &index->places[frame - 1];
    uint64_t total = 0;
    for (uint32_t i = 0; i < place->count; i++) {
        const struct fragment *const fragment = &index->fragments[place->first + i];
        if (fragment->cut)
            return error_set(err, ERROR_TRUNCATED, "frame %u: its data end after %llu bytes", frame,
                             (unsigned long long)(total + fragment->size));
        total += fragment->size;
    }
    if (!total)
        return error_set(err, ERROR_TRUNCATED, "frame %u has no data", frame);
    if (total > LIMIT(FRAME_BYTES) * 2)
        return error_set(err, ERROR_LIMIT, "limit FRAME_BYTES: frame %u has %llu coded bytes",
                         frame, (unsigned long long)total);
    if (place->size && place->size < total)
        total = place->size;
    if (!buffer_reserve(out, (size_t)total, err))
        return false;
    for (uint32_t i = 0; i < place->count && out->size < total; i++) {
        const struct fragment *const fragment = &index->fragments[place->first + i];
        const size_t left = (size_t)total - out->size,
                     size = fragment->size < left ? fragment->size : left;
        if (!bytes_read_all(index->bytes, fragment->offset, out->data + out->size, size, err))
            return false;
        out->size += size;
    }
    out->data[out->size] = 0;
    return true;
}

static bool is_whole(const struct frame_index *index, const struct frame_place *place)
{
    for (uint32_t i = 0; i < place->count; i++)
        if (index->fragments[place->first + i].cut)
            return false;
    return place->count > 0;
}

/* ---------------------------------------------------------------- */

uint32_t frame_index_whole(const struct frame_index *index)
{
    uint32_t whole = 0;
    if (index->native)
        return whole_native(index);
    while (whole < index->count && is_whole(index, &index->places[whole]))
        whole++;
    return whole;
}

bool frame_index_open(const struct object *object, const struct image *image, struct buffer *notes,
                      struct frame_index **out, struct error *err)
{
    struct frame_index *index = memory_zeroed(sizeof *index, err);
    if (!index)
        return false;
    index->object = object;
    index->bytes = object_bytes(object);
    const bool native = image->transfer_syntax->coding == CODING_NATIVE;
    if (!(native ? open_native(index, image, notes, err)
                 : open_encapsulated(index, image, notes, err))) {
        frame_index_close(index);
        return false;
    }
    *out = index;
    return true;
}

bool frame_index_read(const struct frame_index *index, uint32_t frame, struct buffer *out,
                      unsigned *bit_offset, struct error *err)
{
    buffer_clear(out);
    *bit_offset = 0;
    if (frame == 0 || frame > index->count)
        return error_set(err, ERROR_CORRUPT, "frame %u of %u", frame, index->count);
    return index->native ? read_native(index, frame, out, bit_offset, err)
                         : read_encapsulated(index, frame, out, err);
}

bool frame_index_read_part(const struct frame_index *index, uint32_t frame, uint64_t offset, size_t size,
                           struct buffer *out, struct error *err)
{
    const uint64_t bytes = index->frame_bits / 8;

    buffer_clear(out);
    if (!index->native || index->words || index->frame_bits % 8 != 0 || frame == 0 || frame > index->count ||
        offset > bytes || size > bytes - offset)
        return error_set(err, ERROR_USAGE, "%zu bytes from %llu on are no part of frame %u", size,
                         (unsigned long long)offset, frame);
    const uint64_t from = (frame - 1) * bytes + offset;
    return read_bytes(index, frame, from, from + size, out, err);
}
