#include "dicom/header.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

enum {
    FIRST_WINDOW_BYTES = 8 << 10,
    WINDOW_BYTES = 32 << 10,
    TAG_ITEM = 0xfffee000u,
    TAG_ITEM_END = 0xfffee00du,
    TAG_SEQUENCE_END = 0xfffee0ddu,
    TAG_PER_FRAME_GROUPS = 0x52009230u,
    GROUP_OF_MARKS = 0xfffeu,
};
static const uint32_t UNDEFINED = UINT32_MAX;

struct element {
    uint32_t tag;
    uint8_t vr[2]; /* "UN" where the file has none */
    bool has_vr;
    uint64_t at, value; /* of the tag, of the value */
    uint32_t length;    /* UNDEFINED included */
};

/* What one walk carries along. `out` NULL: look, but copy nothing. */
struct walk {
    const struct bytes *bytes;
    struct header *header;
    struct buffer *out, *notes;
    uint32_t elements;
    uint64_t walked; /* bytes looked at, nested ones once a level */
    unsigned note_count;
    bool bare; /* nothing but one item: pixel data and groups are nothing special */
    uint64_t window_at;
    size_t window_size;
    uint8_t window[WINDOW_BYTES];
};

/* One data set: the top level, or an item's. delimited: an item of undefined length. *end is the
 * byte after it (delimiter included). */
static bool walk_dataset(struct walk *walk, struct encoding encoding, uint64_t from, uint64_t to,
                         bool delimited, unsigned depth, uint64_t *end, struct error *err);

/* ---------------------------------------------------------------- reading */

/* `size` (at most WINDOW_BYTES) bytes at `at`, which the caller knows to be inside the input. */
static const uint8_t *look(struct walk *walk, uint64_t at, size_t size, struct error *err)
{
    if (walk->bytes->memory)
        return walk->bytes->memory + at;
    if (at < walk->window_at || at + size > walk->window_at + walk->window_size) {
        /* most headers end within the first window; of a ZIP member all that is read must be inflated */
        const size_t window = walk->window_size == 0 && size <= FIRST_WINDOW_BYTES ? FIRST_WINDOW_BYTES : WINDOW_BYTES;
        size_t got = 0;
        if (!walk->bytes->read(walk->bytes, at, walk->window, window, &got, err))
            return NULL;
        walk->window_at = at;
        walk->window_size = got;
        if (got < size) {
            error_set(err, ERROR_TRUNCATED,
                      "the data end at byte %llu, %zu bytes were expected at %llu",
                      (unsigned long long)(at + got), size, (unsigned long long)at);
            return NULL;
        }
    }
    return walk->window + (at - walk->window_at);
}

/* Something reaches beyond `to`: the input was cut, or a length lies. */
static bool overrun(const struct walk *walk, uint32_t tag, uint64_t length, uint64_t left,
                    uint64_t to, struct error *err)
{
    const bool cut = to == walk->bytes->size;
    return error_set(err, cut ? ERROR_TRUNCATED : ERROR_CORRUPT,
                     "element (%04x,%04x) needs %llu bytes, %llu are left in its %s", tag >> 16,
                     tag & 0xffff, (unsigned long long)length, (unsigned long long)left,
                     cut ? "file" : "item");
}

static bool note(struct walk *walk, struct error *err, const char *text, uint32_t tag)
{
    if (!walk->notes || walk->note_count++ >= 8)
        return true;
    return buffer_printf(walk->notes, err, "%s (%04x,%04x)\n", text, tag >> 16, tag & 0xffff);
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

/* The VR and length of an element in explicit VR. Writers err here: VRs that no edition names,
 * 16-bit lengths after a long VR (reserved bytes not zero), implicit elements in between (CP-246
 * and older). */
static bool read_explicit(struct walk *walk, struct encoding encoding, uint64_t to,
                          struct element *element, struct error *err)
{
    const uint8_t *b = look(walk, element->at, 8, err);
    if (!b)
        return false;
    const bool known = vr_is_known(b + 4);
    element->has_vr = known || (is_upper(b[4]) && is_upper(b[5]));
    element->value = element->at + 8;
    if (!element->has_vr) { /* an implicit element, or garbage: the length will tell */
        element->length = encoding_u32(encoding, b + 4);
        return true;
    }
    if (known)
        memcpy(element->vr, b + 4, 2);
    element->length = encoding_u16(encoding, b + 6);
    /* PS3.5 6.2: VRs of the future have 32-bit lengths. */
    if ((known && !vr_is_long(b + 4)) || element->length != 0)
        return true;
    if (to - element->at < 12)
        return known ? overrun(walk, element->tag, 12, to - element->at, to, err) : true;
    if (!(b = look(walk, element->at, 12, err)))
        return false;
    element->length = encoding_u32(encoding, b + 8);
    element->value = element->at + 12;
    return true;
}

/* The header of the element at `at` < to. */
static bool read_element(struct walk *walk, struct encoding encoding, uint64_t at, uint64_t to,
                         struct element *element, struct error *err)
{
    if (to - at < 8)
        return error_set(err, to == walk->bytes->size ? ERROR_TRUNCATED : ERROR_CORRUPT,
                         "an element needs 8 bytes at %llu, %llu are left", (unsigned long long)at,
                         (unsigned long long)(to - at));
    const uint8_t *b = look(walk, at, 8, err);
    if (!b)
        return false;
    *element = (struct element){
        .tag = encoding_tag(encoding, b), .vr = {'U', 'N'}, .at = at, .value = at + 8};
    if (encoding.explicit_vr && element->tag >> 16 != GROUP_OF_MARKS)
        return read_explicit(walk, encoding, to, element, err);
    element->length = encoding_u32(encoding, b + 4);
    return true;
}

/* Hostile nesting makes the same bytes be walked once a level: bounded. */
static bool count_work(struct walk *walk, uint64_t bytes, struct error *err)
{
    walk->walked += bytes;
    if (walk->walked > LIMIT(HEADER_BYTES) * 8)
        return error_set(err, ERROR_LIMIT,
                         "limit HEADER_BYTES: nested elements hold more than %llu bytes",
                         (unsigned long long)LIMIT(HEADER_BYTES) * 8);
    return true;
}

/* ---------------------------------------------------------------- copying */

static bool count_element(struct walk *walk, struct error *err)
{
    if (walk->out && ++walk->elements > HEADER_ELEMENTS)
        return error_set(err, ERROR_LIMIT, "more than %d elements and items before pixel data",
                         HEADER_ELEMENTS);
    return true;
}

static bool put_mark(struct walk *walk, struct encoding encoding, uint32_t tag, uint32_t length,
                     struct error *err)
{
    uint8_t b[8];
    if (!walk->out)
        return true;
    encoding_put_tag(encoding, tag, b);
    encoding_put_u32(encoding, length, b + 4);
    return buffer_append(walk->out, b, sizeof b, err);
}

static bool put_header(struct walk *walk, struct encoding encoding, uint32_t tag,
                       const uint8_t vr[2], uint32_t length, struct error *err)
{
    uint8_t b[12] = {0};
    if (!encoding.explicit_vr)
        return put_mark(walk, encoding, tag, length, err);
    const bool is_long = vr_is_long(vr) || (length > 0xffff && length != UNDEFINED);
    if (!walk->out)
        return true;
    encoding_put_tag(encoding, tag, b);
    memcpy(b + 4, vr_is_long(vr) || !is_long ? vr : (const uint8_t *)"UN", 2);
    if (is_long) {
        encoding_put_u32(encoding, length, b + 8);
        return buffer_append(walk->out, b, 12, err);
    }
    b[encoding.big_endian ? 6 : 7] = (uint8_t)(length >> 8);
    b[encoding.big_endian ? 7 : 6] = (uint8_t)length;
    return buffer_append(walk->out, b, 8, err);
}

/* GDCM 3.0.21 gives elements with these tags another meaning or length
 * (gdcmExplicitDataElement.txx): workarounds for single writers, which would make it lose its place
 * in our copy. */
static bool is_trap(const struct element *element)
{
    const uint32_t tag = element->tag;
    return tag == 0x00ff4aa5 || tag == 0x01f71070 || tag == 0x031e0324 ||
           (tag >> 16 == 0x0009 && element->length == 6 && !memcmp(element->vr, "UL", 2));
}

static bool copy_value(struct walk *walk, struct encoding encoding, const struct element *element,
                       struct error *err)
{
    const uint32_t even = element->length + (element->length & 1);
    if (!walk->out || is_trap(element) || element->tag == 0)
        return true;
    if (!count_element(walk, err) ||
        !put_header(walk, encoding, element->tag, element->vr, even, err) ||
        !buffer_reserve(walk->out, even, err))
        return false;
    uint8_t *to = walk->out->data + walk->out->size;
    if (element->length <= WINDOW_BYTES) {
        const uint8_t *from = look(walk, element->value, element->length, err);
        if (!from)
            return false;
        return buffer_append(walk->out, from, element->length, err) &&
               buffer_append(walk->out, "", even - element->length, err);
    }
    if (!bytes_read_all(walk->bytes, element->value, to, element->length, err))
        return false;
    walk->out->size += element->length;
    return buffer_append(walk->out, "", even - element->length, err);
}

/* ---------------------------------------------------------------- sequences */

/* PS3.5 A.4: items of bytes, until the delimiter. In nested data sets only (icons); nobody wants
 * them. */
static bool skip_fragments(struct walk *walk, struct encoding encoding, uint64_t at, uint64_t to,
                           uint64_t *end, struct error *err)
{
    while (at < to) {
        struct element item;
        if (!read_element(walk, encoding, at, to, &item, err))
            return false;
        if (item.tag == TAG_SEQUENCE_END) {
            *end = item.value;
            return true;
        }
        if (item.tag != TAG_ITEM)
            return error_set(err, ERROR_CORRUPT,
                             "nested pixel data: expected an item, found (%04x,%04x)",
                             item.tag >> 16, item.tag & 0xffff);
        if (item.length > to - item.value)
            return overrun(walk, item.tag, item.length, to - item.value, to, err);
        at = item.value + item.length;
    }
    *end = to;
    return true;
}

/* In which encoding the items of a sequence are. Inside UN it is implicit VR (PS3.5 6.2.2 note 2),
 * but writers leave explicit elements there, and whole big-endian sequences; the first element
 * tells. */
static bool item_encoding(struct walk *walk, struct encoding outer, const struct element *element,
                          uint64_t to, struct encoding *inner, bool *is_sequence, struct error *err)
{
    const uint64_t most = element->length == UNDEFINED ? to - element->value : element->length;
    *inner = outer;
    *is_sequence = element->length == 0 && !memcmp(element->vr, "SQ", 2);
    if (most < 8)
        return true;
    const size_t size = most < 28 ? (size_t)most : 28;
    const uint8_t *b = look(walk, element->value, size, err);
    if (!b)
        return false;
    if (!memcmp(element->vr, "UN", 2))
        inner->explicit_vr = false;
    const struct encoding little = {false, false}, big = {false, true};
    if (encoding_tag(little, b) == TAG_ITEM || encoding_tag(little, b) == TAG_SEQUENCE_END)
        inner->big_endian = false;
    else if (encoding_tag(big, b) == TAG_ITEM || encoding_tag(big, b) == TAG_SEQUENCE_END)
        inner->big_endian = true;
    else
        return true;
    *is_sequence = true;
    if (size < 16 || encoding_tag(*inner, b) != TAG_ITEM || encoding_u32(*inner, b + 4) == 0 ||
        encoding_tag(*inner, b + 8) >> 16 == GROUP_OF_MARKS)
        return true;
    inner->explicit_vr = vr_is_known(b + 12);
    return true;
}

static bool walk_item(struct walk *walk, struct encoding encoding, const struct element *item,
                      uint64_t to, unsigned depth, uint64_t *end, struct error *err)
{
    const bool delimited = item->length == UNDEFINED;
    if (!delimited && item->length > to - item->value)
        return overrun(walk, item->tag, item->length, to - item->value, to, err);
    return count_element(walk, err) && put_mark(walk, encoding, TAG_ITEM, UNDEFINED, err) &&
           walk_dataset(walk, encoding, item->value, delimited ? to : item->value + item->length,
                        delimited, depth + 1, end, err) &&
           put_mark(walk, encoding, TAG_ITEM_END, 0, err);
}

/* Long Per-frame Functional Groups leave the copy; from then on only places are kept. */
static bool keep_group(struct walk *walk, const struct element *item, uint64_t end,
                       struct error *err)
{
    struct header *header = walk->header;
    void *groups = header->groups;
    if (header->group_count >= LIMIT(FRAMES))
        return error_set(err, ERROR_LIMIT,
                         "limit FRAMES: more than %llu per-frame functional groups",
                         (unsigned long long)LIMIT(FRAMES));
    if (!memory_grow(&groups, &header->group_capacity, header->group_count + 1,
                     sizeof header->groups[0], err))
        return false;
    header->groups = groups;
    header->groups[header->group_count++] = (struct header_range){item->value, end};
    return true;
}

/* What stands where an item was expected: the end of the sequence, in whatever form. */
static bool sequence_ends(struct walk *walk, const struct element *found,
                          const struct element *sequence, bool *over, uint64_t *at,
                          struct error *err)
{
    *over = true;
    if (found->tag == TAG_SEQUENCE_END && sequence->length == UNDEFINED) {
        *at = found->value;
        return true;
    }
    if (found->tag == TAG_SEQUENCE_END) { /* DIRW0007; the length is what counts */
        *over = false;
        *at = found->value;
        return note(walk, err, "ignored a delimiter in a sequence of defined length",
                    sequence->tag);
    }
    if (found->tag == TAG_ITEM_END) { /* stray */
        *over = false;
        *at = found->value;
        return note(walk, err, "ignored a stray item delimiter in sequence", sequence->tag);
    }
    if (sequence->length != UNDEFINED)
        return error_set(
            err, ERROR_CORRUPT, "sequence (%04x,%04x): expected an item, found (%04x,%04x)",
            sequence->tag >> 16, sequence->tag & 0xffff, found->tag >> 16, found->tag & 0xffff);
    *at = found->at;
    return note(walk, err, "supplied the missing delimiter of sequence", sequence->tag);
}

static bool walk_items(struct walk *walk, struct encoding encoding, const struct element *sequence,
                       uint64_t to, unsigned depth, uint64_t *end, struct error *err)
{
    const uint64_t limit = sequence->length == UNDEFINED ? to : sequence->value + sequence->length;
    const bool groups = sequence->tag == TAG_PER_FRAME_GROUPS && depth == 0 && !walk->bare;
    struct buffer *const out = walk->out;
    const size_t start = out ? out->size : 0;
    uint64_t at = sequence->value;
    bool over = false, ok = true;
    while (ok && !over && at < limit) {
        struct element item;
        if (!(ok = read_element(walk, encoding, at, limit, &item, err)))
            break;
        if (item.tag != TAG_ITEM) {
            ok = sequence_ends(walk, &item, sequence, &over, &at, err);
            continue;
        }
        if (groups && !walk->out && item.length != UNDEFINED && item.length <= limit - item.value)
            at = item.value + item.length; /* looked at when it is asked for */
        else
            ok = walk_item(walk, encoding, &item, limit, depth, &at, err);
        if (ok && groups)
            ok = keep_group(walk, &item, at, err);
        if (groups && walk->out && out->size - start > HEADER_GROUPS_BYTES)
            walk->out = NULL;
    }
    if (groups && ok && walk->out) { /* short: they stay in the copy */
        walk->header->group_count = 0;
    } else if (groups && out) {
        out->size = start;
        walk->header->group_encoding = encoding;
    }
    walk->out = out;
    *end = at;
    return ok;
}

/* The header of a sequence in the copy says by its VR how GDCM shall read the items: "SQ" as the
 * outer data set, UN as implicit VR. */
static bool walk_sequence(struct walk *walk, struct encoding encoding,
                          const struct element *sequence, uint64_t to, unsigned depth,
                          uint64_t *end, struct error *err)
{
    struct encoding inner;
    bool is_sequence;
    if (depth >= LIMIT(SEQUENCE_DEPTH))
        return error_set(
            err, ERROR_LIMIT, "limit SEQUENCE_DEPTH: sequence (%04x,%04x) lies deeper than %llu",
            sequence->tag >> 16, sequence->tag & 0xffff, (unsigned long long)LIMIT(SEQUENCE_DEPTH));
    if (!item_encoding(walk, encoding, sequence, to, &inner, &is_sequence, err))
        return false;
    const bool foreign =
        inner.big_endian != encoding.big_endian || (inner.explicit_vr && !encoding.explicit_vr);
    struct buffer *const out = walk->out;
    const size_t start = out ? out->size : 0;
    if (foreign) { /* GDCM cannot read it, and nothing that matters has been seen there */
        if (!note(walk, err, "left out a sequence in another encoding", sequence->tag))
            return false;
        walk->out = NULL;
    }
    bool ok = count_element(walk, err) &&
              put_header(walk, encoding, sequence->tag,
                         (const uint8_t *)(inner.explicit_vr ? "SQ" : "UN"), UNDEFINED, err) &&
              walk_items(walk, inner, sequence, to, depth, end, err) &&
              put_mark(walk, encoding, TAG_SEQUENCE_END, 0, err);
    walk->out = out;
    if (ok && out && !depth && walk->header->group_count && sequence->tag == TAG_PER_FRAME_GROUPS)
        out->size = start;
    return ok;
}

/* ---------------------------------------------------------------- data sets */

/* A value that may be a sequence: by its VR, by undefined length, or, where no VR says so, by an
 * item in front. */
static bool may_be_sequence(struct walk *walk, struct encoding encoding,
                            const struct element *element, uint64_t to, bool *maybe,
                            struct error *err)
{
    struct encoding inner;
    *maybe = !memcmp(element->vr, "SQ", 2) || element->length == UNDEFINED;
    if (*maybe || memcmp(element->vr, "UN", 2) || element->length < 8)
        return true;
    return item_encoding(walk, encoding, element, to, &inner, maybe, err);
}

/* A sequence. One of defined length that makes no sense is kept as bytes: the place of what follows
 * is known. *kept: the element's bytes are still to be copied. */
static bool walk_as_sequence(struct walk *walk, struct encoding encoding, struct element *element,
                             uint64_t to, unsigned depth, uint64_t *end, bool *kept,
                             struct error *err)
{
    const size_t start = walk->out ? walk->out->size : 0;
    const uint32_t elements = walk->elements;
    struct error why;
    *kept = false;
    if (walk_sequence(walk, encoding, element, to, depth, end, &why))
        return true;
    const bool nonsense = why.kind == ERROR_CORRUPT || why.kind == ERROR_TRUNCATED;
    if (element->length == UNDEFINED || !nonsense || element->tag == TAG_PER_FRAME_GROUPS) {
        *err = why;
        return false;
    }
    if (walk->out)
        walk->out->size = start;
    walk->elements = elements;
    *kept = true;
    if (memcmp(element->vr, "SQ", 2) != 0)
        return true;
    memcpy(element->vr, "UN", 2);
    return note(walk, err, "unreadable sequence", element->tag);
}

static bool walk_value(struct walk *walk, struct encoding encoding, struct element *element,
                       uint64_t to, unsigned depth, uint64_t *end, struct error *err)
{
    const bool undefined = element->length == UNDEFINED;
    bool sequence, bytes = true;
    uint64_t reached = 0;
    if (!undefined && element->length > to - element->value)
        return overrun(walk, element->tag, element->length, to - element->value, to, err);
    if (!may_be_sequence(walk, encoding, element, to, &sequence, err))
        return false;
    if (sequence && !walk_as_sequence(walk, encoding, element, to, depth, &reached, &bytes, err))
        return false;
    *end = undefined ? reached : element->value + element->length;
    if (!bytes)
        return true;
    if (element->length > LIMIT(ELEMENT_BYTES))
        return error_set(err, ERROR_LIMIT,
                         "limit ELEMENT_BYTES: element (%04x,%04x) has %u bytes, more than %llu",
                         element->tag >> 16, element->tag & 0xffff, element->length,
                         (unsigned long long)LIMIT(ELEMENT_BYTES));
    return copy_value(walk, encoding, element, err);
}

static bool is_pixel_data(uint32_t tag)
{
    return tag == TAG(0x7fe0, 0x0010) || tag == TAG(0x7fe0, 0x0008) || tag == TAG(0x7fe0, 0x0009);
}

/* A mark inside an item: its end, or something that implies it. */
static bool item_ends(struct walk *walk, const struct element *mark, bool delimited, bool *over,
                      uint64_t *at, struct error *err)
{
    *over = delimited;
    *at = mark->value;
    if (mark->tag == TAG_ITEM_END && delimited)
        return true;
    if (delimited) { /* the next item, or the sequence's end: the delimiter is missing */
        *at = mark->at;
        return note(walk, err, "supplied the missing delimiter of an item before", mark->tag);
    }
    if (mark->length == 0 || mark->length == UNDEFINED)
        return note(walk, err, "ignored a stray delimiter", mark->tag);
    return error_set(err, ERROR_CORRUPT, "an item (%04x,%04x) outside a sequence", mark->tag >> 16,
                     mark->tag & 0xffff);
}

/* An icon's. */
static bool walk_nested_pixels(struct walk *walk, struct encoding encoding,
                               const struct element *element, uint64_t to, uint64_t *end,
                               struct error *err)
{
    if (element->length == UNDEFINED)
        return skip_fragments(walk, encoding, element->value, to, end, err);
    if (element->length > to - element->value)
        return overrun(walk, element->tag, element->length, to - element->value, to, err);
    *end = element->value + element->length;
    return element->length > LIMIT(ELEMENT_BYTES) || copy_value(walk, encoding, element, err);
}

static bool walk_dataset(struct walk *walk, struct encoding encoding, uint64_t from, uint64_t to,
                         bool delimited, unsigned depth, uint64_t *end, struct error *err)
{
    uint64_t at = from;
    while (at < to) {
        struct element element;
        uint64_t next = to;
        if (!read_element(walk, encoding, at, to, &element, err))
            return false;
        if (element.tag >> 16 == GROUP_OF_MARKS && (element.tag & 0xf000) == 0xe000) {
            bool over;
            if (!item_ends(walk, &element, delimited, &over, &at, err))
                return false;
            if (over) {
                *end = at;
                return true;
            }
            continue;
        }
        if (is_pixel_data(element.tag)) {
            if (!walk_nested_pixels(walk, encoding, &element, to, &next, err))
                return false;
        } else if (!walk_value(walk, encoding, &element, to, depth, &next, err)) {
            return false;
        }
        if (!count_work(walk, next - at, err))
            return false;
        at = next;
    }
    *end = at;
    if (delimited)
        return to == walk->bytes->size
                   ? error_set(err, ERROR_TRUNCATED, "the data end inside an item of a sequence")
                   : note(walk, err, "supplied the missing delimiter of an item before",
                          TAG_SEQUENCE_END);
    return true;
}

static struct pixel_location locate(const struct element *element)
{
    const uint32_t tag = element->tag;
    return (struct pixel_location){
        .element = tag == TAG(0x7fe0, 0x0010)   ? PIXEL_ELEMENT_INTEGER
                   : tag == TAG(0x7fe0, 0x0008) ? PIXEL_ELEMENT_FLOAT
                                                : PIXEL_ELEMENT_DOUBLE,
        .encapsulated = element->length == UNDEFINED,
        .offset = element->value,
        .length = element->length == UNDEFINED ? UINT64_MAX : element->length,
    };
}

/* The rest of the input is zeros, as some media pad their files: not an element. */
static bool is_padding(const struct element *element)
{
    return element->tag == 0 && element->length == 0;
}

/* Out of order and beyond the end: not cut, but no data elements at all (GH626: bare pixels after
 * the header). */
static bool check_sense(const struct element *element, uint32_t last_tag, uint64_t to,
                        struct error *err)
{
    if (element->tag >= last_tag || element->length == UNDEFINED ||
        element->length <= to - element->value)
        return true;
    return error_set(err, ERROR_CORRUPT,
                     "what follows element (%04x,%04x) at byte %llu is no data element",
                     last_tag >> 16, last_tag & 0xffff, (unsigned long long)element->at);
}

static bool walk_top(struct walk *walk, uint64_t from, uint64_t to, bool meta, struct error *err)
{
    struct header *header = walk->header;
    const struct encoding encoding = header->encoding;
    uint64_t at = from;
    uint32_t last_tag = 0;
    while (at < to) {
        struct element element;
        uint64_t next = to;
        header->end = at;
        if (meta) {
            const uint8_t *b = to - at < 2 ? NULL : look(walk, at, 2, err);
            if (to - at >= 2 && !b)
                return false;
            if (!b || encoding_u16(encoding, b) != 0x0002)
                return true;
        }
        if (!read_element(walk, encoding, at, to, &element, err))
            return false;
        if (is_padding(&element))
            return note(walk, err, "data set ends in padding", element.tag);
        if (!check_sense(&element, last_tag, to, err))
            return false;
        last_tag = element.tag;
        if (is_pixel_data(element.tag)) {
            header->pixels = locate(&element);
            memcpy(header->pixel_vr, element.vr, sizeof element.vr);
            return true;
        }
        if (element.tag >> 16 == GROUP_OF_MARKS) {
            bool over;
            if (!item_ends(walk, &element, false, &over, &next, err))
                return false;
        } else if (!walk_value(walk, encoding, &element, to, 0, &next, err)) {
            return false;
        }
        if (next - from > LIMIT(HEADER_BYTES))
            return error_set(err, ERROR_LIMIT,
                             "limit HEADER_BYTES: more than %llu bytes before pixel data",
                             (unsigned long long)LIMIT(HEADER_BYTES));
        at = next;
    }
    header->end = at;
    return true;
}

bool header_walk(const struct bytes *bytes, uint64_t from, uint64_t to, struct encoding encoding,
                 bool meta, struct buffer *notes, struct header *header, struct error *err)
{
    *header = (struct header){.encoding = encoding, .end = from};
    struct walk *walk =
        memory_new(sizeof *walk, err); /* the window makes it too large for the stack */
    if (!walk)
        return false;
    memset(walk, 0, offsetof(struct walk, window));
    walk->bytes = bytes;
    walk->header = header;
    walk->out = &header->copy;
    walk->notes = notes;
    const bool ok = walk_top(walk, from, to, meta, err);
    memory_free(walk);
    if (!ok)
        header_release(header);
    return ok;
}

bool header_item(const struct bytes *bytes, const struct header *header, size_t index,
                 struct buffer *copy, struct encoding *encoding, struct error *err)
{
    const struct header_range range = header->groups[index];
    uint64_t end;
    struct walk *walk = memory_new(sizeof *walk, err);
    if (!walk)
        return false;
    memset(walk, 0, offsetof(struct walk, window));
    walk->bytes = bytes;
    walk->out = copy;
    walk->bare = true;
    *encoding = header->group_encoding;
    buffer_clear(copy);
    const bool ok = walk_dataset(walk, *encoding, range.from, range.to, false, 1, &end, err);
    memory_free(walk);
    return ok;
}

void header_release(struct header *header)
{
    buffer_release(&header->copy);
    memory_free(header->groups);
    *header = (struct header){0};
}
