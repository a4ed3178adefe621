#include "manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "job/notes.h"
#include "job/text.h"

enum {
    PRODUCTS_MOST = 64,
    RESERVED_MOST = 64,      /* artefacts that get their room at once */
    RANGES_MOST = 33,        /* ISO 15444-1: at most 32 decompositions */
    RANGE_BYTES = 4 * 3 + 8, /* of each as it travels */
    ARTEFACT_BYTES = 4 * 3 + 1 + 4 * 3 + 8 + DIGEST_SIZE + 4 * 3, /* the least */
};

static const char *const state_words[] = {
    [PRODUCT_DONE] = "done",
    [PRODUCT_SKIPPED] = "skipped",
    [PRODUCT_FAILED] = "failed",
    [PRODUCT_DEFERRED] = "deferred",
    [PRODUCT_PARTIAL] = "partial",
};
enum { STATE_COUNT = sizeof state_words / sizeof state_words[0] };

const char *product_state_word(enum product_state state)
{
    return (unsigned)state < STATE_COUNT ? state_words[state] : "unknown";
}

bool product_state_has_reason(enum product_state state)
{
    return state == PRODUCT_SKIPPED || state == PRODUCT_FAILED || state == PRODUCT_PARTIAL;
}

bool product_state_has_artefacts(enum product_state state)
{
    return state == PRODUCT_DONE || state == PRODUCT_PARTIAL;
}

struct product *manifest_add(struct manifest *manifest, const char *stage, uint32_t version,
                             struct error *err)
{
    void *products = manifest->products;

    if (!memory_grow(&products, &manifest->product_capacity, manifest->product_count + 1,
                     sizeof *manifest->products, err))
        return NULL;
    manifest->products = products;
    struct product *const made = &manifest->products[manifest->product_count];
    *made = (struct product){.stage_version = version};
    if (strlen(stage) >= sizeof made->stage) {
        (void)error_set(err, ERROR_LIMIT, "a stage's name is too long: \"%s\"", stage);
        return NULL;
    }
    memcpy(made->stage, stage, strlen(stage) + 1);
    manifest->product_count++;
    return made;
}

struct artefact *product_add(struct product *product, struct error *err)
{
    void *artefacts = product->artefacts;

    if (!memory_grow(&artefacts, &product->artefact_capacity, product->artefact_count + 1,
                     sizeof *product->artefacts, err))
        return NULL;
    product->artefacts = artefacts;
    struct artefact *const made = &product->artefacts[product->artefact_count++];
    *made = (struct artefact){.files = 1};
    return made;
}

void product_remove(struct product *product, size_t index)
{
    struct artefact *const artefact = &product->artefacts[index];

    memory_free(artefact->ranges);
    product->artefact_count--;
    memmove(artefact, artefact + 1, (product->artefact_count - index) * sizeof *artefact);
}

bool artefact_add_range(struct artefact *artefact, struct byte_range range, struct error *err)
{
    struct byte_range *const grown = memory_resize(
        artefact->ranges, (artefact->range_count + (size_t)1) * sizeof *artefact->ranges, err);

    if (grown == NULL)
        return false;
    artefact->ranges = grown;
    artefact->ranges[artefact->range_count++] = range;
    return true;
}

/* The rendition that a compressed file stands beside; NULL if there is none. */
static const struct artefact *original_of(const struct product *product, size_t index)
{
    return index > 0 && product->artefacts[index - 1].place == PLACE_RENDITION ? &product->artefacts[index - 1] : NULL;
}

bool artefact_path(const struct subject *subject, const struct product *product, size_t index, char path[PATH_SIZE],
                   struct error *err)
{
    const enum place place = product->artefacts[index].place;
    const struct artefact *const named =
        place == PLACE_GZIP ? original_of(product, index) : &product->artefacts[index];

    if (named == NULL)
        return error_set(err, ERROR_PROTOCOL, "a compressed file stands beside none");
    return layout_path(subject, place, named->name, named->frame, &named->digest,
                       named->extension[0] != '\0' ? named->extension : NULL, path, err);
}

void product_release(struct product *product)
{
    for (size_t i = 0; i < product->artefact_count; i++)
        memory_free(product->artefacts[i].ranges);
    memory_free(product->artefacts);
    memory_free(product->notes);
    *product = (struct product){0};
}

void manifest_release(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->product_count; i++)
        product_release(&manifest->products[i]);
    memory_free(manifest->products);
    *manifest = (struct manifest){0};
}

/* -- writing: a text equal to the one before in its product travels as NULL: slides have 400,000
 * frames -- */

static bool put_text(struct buffer *out, const char *text, const char *before, struct error *err)
{
    return buffer_put_string(out, before != NULL && strcmp(text, before) == 0 ? NULL : text, err);
}

static bool write_artefact(const struct artefact *artefact, const struct artefact *before,
                           struct buffer *out, struct error *err)
{
    bool ok =
        buffer_put_u8(out, (uint8_t)artefact->place, err) &&
        put_text(out, artefact->name, NULL, err) &&
        put_text(out, artefact->extension, before != NULL ? before->extension : NULL, err) &&
        put_text(out, artefact->media_type, before != NULL ? before->media_type : NULL, err) &&
        buffer_put_u32(out, artefact->frame, err) && buffer_put_u32(out, artefact->columns, err) &&
        buffer_put_u32(out, artefact->rows, err) && buffer_put_u64(out, artefact->bytes, err) &&
        buffer_append(out, artefact->digest.bytes, DIGEST_SIZE, err) &&
        buffer_put_u32(out, artefact->staged, err) && buffer_put_u32(out, artefact->files, err) &&
        buffer_put_u32(out, artefact->range_count, err);

    for (uint32_t i = 0; ok && i < artefact->range_count; i++) {
        const struct byte_range *const range = &artefact->ranges[i];

        ok = buffer_put_u32(out, range->resolution, err) &&
             buffer_put_u32(out, range->columns, err) && buffer_put_u32(out, range->rows, err) &&
             buffer_put_u64(out, range->end_offset, err);
    }
    return ok;
}

static bool write_product(const struct product *product, struct buffer *out, struct error *err)
{
    bool ok = buffer_put_string(out, product->stage, err) &&
              buffer_put_u32(out, product->stage_version, err) &&
              buffer_put_u8(out, (uint8_t)product->state, err) &&
              buffer_put_string(out, product->reason, err) &&
              buffer_put_string(out, product->notes, err) &&
              buffer_append(out, product->window_digest.bytes, DIGEST_SIZE, err) &&
              buffer_put_u32(out, (uint32_t)product->artefact_count, err);

    for (size_t i = 0; ok && i < product->artefact_count; i++)
        ok = write_artefact(&product->artefacts[i], i > 0 ? &product->artefacts[i - 1] : NULL, out,
                            err);
    return ok;
}

bool manifest_write(const struct manifest *manifest, struct buffer *out, struct error *err)
{
    bool ok = buffer_put_u32(out, (uint32_t)manifest->product_count, err);

    for (size_t i = 0; ok && i < manifest->product_count; i++)
        ok = write_product(&manifest->products[i], out, err);
    return ok;
}

/* -- parsing: a worker has read a hostile file, so its words are the file's ------------------ */

static bool refuse(struct error *err, const char *what)
{
    return error_set(err, ERROR_PROTOCOL, "manifest: %s", what);
}

static void parse_digest(struct reader *reader, struct digest *digest)
{
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        digest->bytes[i] = reader_u8(reader);
}

/* Copies a string into `to` (size bytes); NULL means `before`; without one the reader fails. */
static void parse_text(struct reader *reader, char *to, size_t size, const char *before)
{
    const char *text = reader_string(reader, size - 1);

    if (text == NULL)
        text = before;
    if (text == NULL)
        reader->failed = true;
    else
        memcpy(to, text, strlen(text) + 1);
}

static bool parse_notes(struct reader *reader, struct product *product, struct error *err)
{
    const char *const notes = reader_string(reader, NOTES_MOST);

    if (notes == NULL)
        return true;
    product->notes = memory_string(notes, err);
    return product->notes != NULL;
}

static bool media_type_is_valid(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c > 0x7E)
            return false;
    return text[0] != '\0' && text[0] != '/' && strchr(text, '/') != NULL;
}

static bool check_place(const struct artefact *artefact, struct error *err)
{
    const bool needs_extension = artefact->place == PLACE_RENDITION || artefact->place == PLACE_GZIP;
    const bool may_have_extension = needs_extension || artefact->place == PLACE_BULK;
    const bool has_extension = artefact->extension[0] != '\0';

    if ((needs_extension && !has_extension) || (!may_have_extension && has_extension) ||
        (has_extension && !layout_extension_is_valid(artefact->extension)))
        return refuse(err, "an extension does not fit its place");
    if (artefact->frame > LIMIT(FRAMES) || (place_is_numbered(artefact->place) && artefact->frame == 0))
        return refuse(err, "a frame number is out of range");
    if (artefact->files == 0 || (artefact->files > 1 && artefact->place != PLACE_TREE))
        return refuse(err, "a number of files does not fit its place");
    return true;
}

static bool check_artefact(const struct artefact *artefact, struct error *err)
{
    if (!layout_word_is_valid(artefact->name))
        return refuse(err, "a name is no word");
    if (!media_type_is_valid(artefact->media_type))
        return refuse(err, "a media type is none");
    if (artefact->columns > INT32_MAX || artefact->rows > INT32_MAX ||
        artefact->bytes > INT64_MAX || artefact->files > INT32_MAX)
        return refuse(err, "a number is out of range");
    return check_place(artefact, err);
}

static bool parse_ranges(struct reader *reader, struct artefact *artefact, uint32_t count,
                         struct error *err)
{
    uint64_t before = 0;

    if (count > RANGES_MOST || count > (reader->size - reader->offset) / RANGE_BYTES)
        return refuse(err, "too many byte ranges");
    for (uint32_t i = 0; i < count; i++) {
        struct byte_range range = {.resolution = reader_u32(reader)};

        range.columns = reader_u32(reader);
        range.rows = reader_u32(reader);
        range.end_offset = reader_u64(reader);
        if (range.resolution != i || range.columns == 0 || range.columns > artefact->columns ||
            range.rows == 0 || range.rows > artefact->rows || range.end_offset <= before ||
            range.end_offset > artefact->bytes)
            return refuse(err, "a byte range is out of order");
        before = range.end_offset;
        if (!artefact_add_range(artefact, range, err))
            return false;
    }
    return true;
}

static bool parse_artefact(struct reader *reader, struct product *product, struct error *err)
{
    struct artefact *const artefact = product_add(product, err);
    const struct artefact *before = NULL;
    uint8_t place = 0;
    uint32_t ranges = 0;

    if (artefact == NULL)
        return false;
    if (product->artefact_count > 1)
        before = artefact - 1;
    place = reader_u8(reader);
    artefact->place = place < PLACE_COUNT ? (enum place)place : PLACE_FRAME;
    parse_text(reader, artefact->name, sizeof artefact->name, NULL);
    parse_text(reader, artefact->extension, sizeof artefact->extension,
               before != NULL ? before->extension : NULL);
    parse_text(reader, artefact->media_type, sizeof artefact->media_type,
               before != NULL ? before->media_type : NULL);
    artefact->frame = reader_u32(reader);
    artefact->columns = reader_u32(reader);
    artefact->rows = reader_u32(reader);
    artefact->bytes = reader_u64(reader);
    parse_digest(reader, &artefact->digest);
    artefact->staged = reader_u32(reader);
    artefact->files = reader_u32(reader);
    ranges = reader_u32(reader);
    if (reader->failed || place >= PLACE_COUNT)
        return refuse(err, "an artefact is cut short or malformed");
    if (artefact->place == PLACE_GZIP && original_of(product, product->artefact_count - 1) == NULL)
        return refuse(err, "a compressed file stands beside none");
    return check_artefact(artefact, err) && parse_ranges(reader, artefact, ranges, err);
}

static bool check_product(const struct product *product, uint32_t artefacts, struct error *err)
{
    if (!layout_word_is_valid(product->stage))
        return refuse(err, "a stage's name is no word");
    if (product_state_has_reason(product->state) != (product->reason[0] != '\0'))
        return refuse(err, "a reason does not fit its state");
    if (!text_is_clean(product->reason, false))
        return refuse(err, "a reason is no line of UTF-8");
    if (product->notes != NULL && !text_is_clean(product->notes, true))
        return refuse(err, "notes are no lines of UTF-8");
    if (artefacts > 0 && !product_state_has_artefacts(product->state))
        return refuse(err, "a product that is not done has artefacts");
    return true;
}

/* What one message says is kept until its batch is published: no more room than it takes. */
static bool reserve_artefacts(struct product *product, uint32_t count, struct error *err)
{
    const uint32_t room = count < RESERVED_MOST ? count : RESERVED_MOST;

    if (room == 0)
        return true;
    product->artefacts = memory_array(room, sizeof *product->artefacts, err);
    product->artefact_capacity = product->artefacts != NULL ? room : 0;
    return product->artefacts != NULL;
}

static bool reserve_products(struct manifest *manifest, uint32_t count, struct error *err)
{
    if (count == 0)
        return true;
    manifest->products = memory_array(count, sizeof *manifest->products, err);
    manifest->product_capacity = manifest->products != NULL ? count : 0;
    return manifest->products != NULL;
}

static bool parse_product(struct reader *reader, struct manifest *manifest, struct error *err)
{
    struct product *const product = manifest_add(manifest, "", 0, err);
    uint32_t artefacts = 0;
    uint8_t state = 0;

    if (product == NULL)
        return false;
    parse_text(reader, product->stage, sizeof product->stage, NULL);
    product->stage_version = reader_u32(reader);
    state = reader_u8(reader);
    product->state = state < STATE_COUNT ? (enum product_state)state : PRODUCT_FAILED;
    parse_text(reader, product->reason, sizeof product->reason, NULL);
    if (!parse_notes(reader, product, err))
        return false;
    parse_digest(reader, &product->window_digest);
    artefacts = reader_u32(reader);
    if (reader->failed || state >= STATE_COUNT || product->stage_version > INT32_MAX ||
        artefacts > (reader->size - reader->offset) / ARTEFACT_BYTES)
        return refuse(err, "a product is cut short or malformed");
    if (!check_product(product, artefacts, err) || !reserve_artefacts(product, artefacts, err))
        return false;
    for (uint32_t i = 0; i < artefacts; i++)
        if (!parse_artefact(reader, product, err))
            return false;
    return true;
}

/* -- nothing twice: neither a staged file, nor a published place, nor a name in a product ----- */

static int compare_staged(const void *left, const void *right)
{
    const struct artefact *const a = *(const struct artefact *const *)left;
    const struct artefact *const b = *(const struct artefact *const *)right;

    return (a->staged > b->staged) - (a->staged < b->staged);
}

static int compare_destination(const void *left, const void *right)
{
    const struct artefact *const a = *(const struct artefact *const *)left;
    const struct artefact *const b = *(const struct artefact *const *)right;

    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    if (place_is_numbered(a->place))
        return (a->frame > b->frame) - (a->frame < b->frame);
    return a->place == PLACE_THUMBNAIL || a->place == PLACE_RENDERED ? 0 : strcmp(a->name, b->name);
}

static int compare_name(const void *left, const void *right)
{
    const struct artefact *const a = *(const struct artefact *const *)left;
    const struct artefact *const b = *(const struct artefact *const *)right;

    return strcmp(a->name, b->name);
}

typedef int (*comparison)(const void *, const void *);

static bool has_pair(const struct artefact **list, size_t count, comparison compare)
{
    if (count > 1)
        qsort(list, count, sizeof *list, compare);
    for (size_t i = 1; i < count; i++)
        if (compare(&list[i - 1], &list[i]) == 0)
            return true;
    return false;
}

static bool check_uniqueness(const struct manifest *manifest, struct error *err)
{
    const struct artefact **list = NULL;
    size_t count = 0;
    bool ok = true;

    for (size_t p = 0; p < manifest->product_count; p++)
        count += manifest->products[p].artefact_count;
    list = memory_array(count, sizeof *list, err);
    if (list == NULL)
        return false;
    count = 0;
    for (size_t p = 0; ok && p < manifest->product_count; p++) {
        const struct product *const product = &manifest->products[p];
        const struct artefact **const first = list + count;

        for (size_t i = 0; i < product->artefact_count; i++)
            list[count++] = &product->artefacts[i];
        ok = !has_pair(first, product->artefact_count, compare_name);
    }
    ok =
        ok && !has_pair(list, count, compare_staged) && !has_pair(list, count, compare_destination);
    memory_free(list);
    return ok || refuse(err, "two artefacts have one file, one name or one place");
}

bool manifest_parse(struct reader *reader, struct manifest *manifest, struct error *err)
{
    struct manifest parsed = {0};
    const uint32_t products = reader_u32(reader);
    bool ok = (!reader->failed && products <= PRODUCTS_MOST) ||
              refuse(err, "the number of products is missing or too large");

    ok = ok && reserve_products(&parsed, products, err);
    for (uint32_t i = 0; ok && i < products; i++)
        ok = parse_product(reader, &parsed, err);
    if (ok && check_uniqueness(&parsed, err)) {
        *manifest = parsed;
        return true;
    }
    manifest_release(&parsed);
    return false;
}
