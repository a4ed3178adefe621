#include "dicom/object.h"

#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "dicom/dicom_gdcm.h"
#include "dicom/header.h"
#include "dicom/inflate.h"
#include "dicom/object_private.h"

#define IMPLICIT_LITTLE "1.2.840.10008.1.2"
#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"
#define EXPLICIT_BIG "1.2.840.10008.1.2.2"

enum {
    PREAMBLE = 128,
    SNIFF_BYTES = 4096,
    SCORE_FOR_SURE = 3, /* of ENCODING_SCORE_MOST: three elements in order are no accident */
    GROUPS_KEPT = 4,
};

struct kept_group {
    size_t index;
    struct dataset *dataset;
};

struct object {
    const struct bytes *input; /* the caller's */
    struct bytes inflated;     /* of the spool file */
    int descriptor;            /* of the spool file, or -1 */
    bool cut;                  /* the deflated data ended early */
    struct buffer notes;
    uint64_t meta_at, dataset_at; /* of input */
    uint64_t from; /* first byte of the data set */
    struct encoding encoding;
    struct header header;
    struct dataset *dataset, *meta;
    char transfer_syntax_uid[65];
    const struct transfer_syntax *transfer_syntax;
    struct kept_group groups[GROUPS_KEPT]; /* the last ones asked for */
    size_t next_group;
};

/* ---------------------------------------------------------------- beginnings */

/* The first bytes of the data set or the file. */
static bool sniff(const struct bytes *bytes, uint64_t at, uint8_t *to, size_t *got,
                  struct error *err)
{
    *got = 0;
    return at >= bytes->size || bytes->read(bytes, at, to, SNIFF_BYTES, got, err);
}

/* Where File Meta (or, without one, the data set) begins. */
static bool find_beginning(struct object *object, uint64_t *at, bool *has_meta, struct error *err)
{
    uint8_t b[SNIFF_BYTES];
    size_t got;
    if (!sniff(object->input, 0, b, &got, err))
        return false;
    *has_meta = true;
    *at = 0;
    if (got >= PREAMBLE + 4 && !memcmp(b + PREAMBLE, "DICM", 4)) {
        *at = PREAMBLE + 4;
        return true;
    }
    if (got >= 4 && !memcmp(b, "DICM", 4)) {
        *at = 4;
        return buffer_puts(&object->notes, "no preamble before DICM\n", err);
    }
    if (got >= 8 && b[0] == 2 && !b[1] && !b[3] && vr_is_known(b + 4))
        return buffer_puts(&object->notes, "no preamble and no DICM before File Meta\n", err);
    *has_meta = false;
    return true;
}

/* File Meta is explicit little endian whatever the data set is (PS3.10 7.1). Some write it in
 * implicit VR. */
static bool read_meta(struct object *object, uint64_t at, uint64_t *end, struct error *err)
{
    struct header header;
    uint8_t b[SNIFF_BYTES];
    size_t got;
    struct encoding encoding = {true, false};
    if (!sniff(object->input, at, b, &got, err))
        return false;
    if (got >= 8 && b[0] == 2 && !b[1] && !vr_is_known(b + 4))
        encoding.explicit_vr = false;
    if (!header_walk(object->input, at, object->input->size, encoding, true, &object->notes,
                     &header, err))
        return error_context(err, "file meta information");
    const bool ok =
        gdcm_read(header.copy.data, header.copy.size, encoding, object, NULL, &object->meta, err);
    *end = header.end;
    header_release(&header);
    return ok;
}

static const char *uid_of_encoding(struct encoding encoding)
{
    return !encoding.explicit_vr ? IMPLICIT_LITTLE
           : encoding.big_endian ? EXPLICIT_BIG
                                 : EXPLICIT_LITTLE;
}

static void set_transfer_syntax(struct object *object, const char *uid)
{
    const size_t length = strnlen(uid, sizeof object->transfer_syntax_uid - 1);
    memmove(object->transfer_syntax_uid, uid, length);
    object->transfer_syntax_uid[length] = '\0';
    object->transfer_syntax = transfer_syntax_find(object->transfer_syntax_uid);
}

/* ---------------------------------------------------------------- encoding */

static bool same_encoding(struct encoding a, struct encoding b)
{
    return a.explicit_vr == b.explicit_vr && a.big_endian == b.big_endian;
}

/* No meta: the first elements must say that this is DICOM, and how it is written. */
static bool guess_without_meta(struct object *object, const uint8_t *b, size_t got,
                               struct error *err)
{
    const struct encoding explicit_little = {true, false};
    const unsigned score =
        encoding_guess(b, got, object->input->size, explicit_little, &object->encoding);
    if (score < SCORE_FOR_SURE)
        return error_set(err, ERROR_NOT_DICOM,
                         "neither \"DICM\" at byte 128 nor data elements at byte 0");
    set_transfer_syntax(object, uid_of_encoding(object->encoding));
    return buffer_printf(&object->notes, err,
                         "no file meta information; the data set looks like %s\n",
                         object->transfer_syntax->name);
}

/* The encoding that the transfer syntax demands, against what the bytes look like. */
static bool settle_encoding(struct object *object, const uint8_t *b, size_t got, uint64_t rest,
                            struct error *err)
{
    const struct transfer_syntax *const syntax = object->transfer_syntax;
    const bool said = object->transfer_syntax_uid[0] != '\0';
    const struct encoding demanded = {!syntax || syntax->explicit_vr, syntax && syntax->big_endian};
    object->encoding = demanded;
    if (!rest)
        return true;
    const unsigned own = encoding_score(demanded, b, got, rest);
    const unsigned best = encoding_guess(b, got, rest, demanded, &object->encoding);
    if (own == best || best < SCORE_FOR_SURE || own + 2 > best) {
        object->encoding = demanded;
        if (said)
            return true;
    }
    if (!said && best < SCORE_FOR_SURE)
        return error_set(
            err, ERROR_NOT_DICOM,
            "file meta information without a transfer syntax, and no data set after it");
    if (!said) {
        set_transfer_syntax(object, uid_of_encoding(object->encoding));
        return buffer_printf(&object->notes, err,
                             "no transfer syntax in file meta; the data set looks like %s\n",
                             object->transfer_syntax->name);
    }
    if (same_encoding(object->encoding, demanded))
        return true;
    const char *const uid = uid_of_encoding(object->encoding);
    if (!buffer_printf(&object->notes, err,
                       "transfer syntax %s, but the data set is encoded as %s\n",
                       object->transfer_syntax_uid, transfer_syntax_find(uid)->name))
        return false;
    /* An uncompressed syntax is nothing but an encoding. Encapsulated pixel data keep their coding.
     */
    if (syntax && syntax->coding == CODING_NATIVE)
        set_transfer_syntax(object, uid);
    return true;
}

/* ---------------------------------------------------------------- deflated */

static bool inflate_into_spool(struct object *object, const struct spool_maker *spool,
                               struct error *err)
{
    if (!spool)
        return error_set(err, ERROR_UNSUPPORTED,
                         "a deflated data set, and no spool to inflate it to");
    if (!spool->make(spool->client, &object->descriptor, err) ||
        !inflate_data_set(object->input, object->from, object->descriptor, &object->cut, err) ||
        !bytes_of_descriptor(object->descriptor, &object->inflated, err))
        return false;
    object->from = 0;
    return !object->cut || buffer_puts(&object->notes, "deflated data end early\n", err);
}

/* Labelled deflated, yet legible as it stands: not deflated. */
static bool inflate_if_needed(struct object *object, const struct spool_maker *spool,
                              struct error *err)
{
    uint8_t b[SNIFF_BYTES];
    size_t got;
    const struct encoding plain = {true, false};
    if (!object->transfer_syntax || !object->transfer_syntax->deflated)
        return true;
    if (!sniff(object->input, object->from, b, &got, err))
        return false;
    if (encoding_score(plain, b, got, object->input->size - object->from) < SCORE_FOR_SURE)
        return inflate_into_spool(object, spool, err);
    set_transfer_syntax(object, EXPLICIT_LITTLE);
    return buffer_puts(&object->notes, "transfer syntax is deflated, but the data set is not\n",
                       err);
}

/* ---------------------------------------------------------------- opening */

static bool read_dataset(struct object *object, struct error *err)
{
    const struct bytes *const bytes = object_bytes(object);
    if (!header_walk(bytes, object->from, bytes->size, object->encoding, false, &object->notes,
                     &object->header, err) ||
        !gdcm_read(object->header.copy.data, object->header.copy.size, object->encoding, object,
                   NULL, &object->dataset, err))
        return false;
    buffer_release(&object->header.copy);
    if (object->dataset && object->header.end == object->from)
        return error_set(err, ERROR_NOT_DICOM, "file meta information without a data set");
    return true;
}

static bool open_object(struct object *object, const struct spool_maker *spool, struct error *err)
{
    uint8_t b[SNIFF_BYTES];
    uint64_t at;
    size_t got;
    bool has_meta;
    if (!find_beginning(object, &at, &has_meta, err))
        return false;
    if (!has_meta)
        return sniff(object->input, 0, b, &got, err) && guess_without_meta(object, b, got, err) &&
               gdcm_read(NULL, 0, object->encoding, object, NULL, &object->meta, err) &&
               read_dataset(object, err);
    if (!read_meta(object, at, &object->from, err))
        return false;
    object->meta_at = at;
    object->dataset_at = object->from;
    char uid[65];
    dataset_text(object->meta, TAG(0x0002, 0x0010), uid, sizeof uid);
    set_transfer_syntax(object, uid);
    if (!inflate_if_needed(object, spool, err) ||
        !sniff(object_bytes(object), object->from, b, &got, err) ||
        !settle_encoding(object, b, got, object_bytes(object)->size - object->from, err))
        return false;
    if (read_dataset(object, err))
        return true;
    if (object->inflated.read && !object->cut && err->kind == ERROR_TRUNCATED)
        err->kind = ERROR_CORRUPT; /* the deflated data were whole, so nothing was cut */
    return false;
}

bool object_open(const struct bytes *bytes, const struct spool_maker *spool, struct object **out,
                 struct error *err)
{
    struct object *object = memory_zeroed(sizeof *object, err);
    if (!object)
        return false;
    object->input = bytes;
    object->descriptor = -1;
    if (!open_object(object, spool, err)) {
        object_close(object);
        return false;
    }
    *out = object;
    return true;
}

void object_close(struct object *object)
{
    if (!object)
        return;
    for (size_t i = 0; i < GROUPS_KEPT; i++)
        gdcm_free(object->groups[i].dataset);
    gdcm_free(object->dataset);
    gdcm_free(object->meta);
    header_release(&object->header);
    if (object->descriptor >= 0)
        close(object->descriptor);
    buffer_release(&object->notes);
    memory_free(object);
}

/* ---------------------------------------------------------------- asking */

const struct dataset *object_dataset(const struct object *object)
{
    return object->dataset;
}

const struct dataset *object_meta(const struct object *object)
{
    return object->meta;
}

const struct transfer_syntax *object_transfer_syntax(const struct object *object)
{
    return object->transfer_syntax;
}

const char *object_transfer_syntax_uid(const struct object *object)
{
    return object->transfer_syntax_uid;
}

struct pixel_location object_pixels(const struct object *object)
{
    return object->header.pixels;
}

const struct bytes *object_bytes(const struct object *object)
{
    return object->inflated.read ? &object->inflated : object->input;
}

struct object_source object_source(const struct object *object)
{
    return (struct object_source){object->input, object->meta_at, object->dataset_at};
}

const char *object_notes(const struct object *object)
{
    return buffer_text(&object->notes);
}

bool object_is_dicomdir(const struct object *object)
{
    char uid[65];
    return (dataset_text(object->meta, TAG(0x0002, 0x0002), uid, sizeof uid) &&
            !strcmp(uid, "1.2.840.10008.1.3.10")) ||
           dataset_items(object->dataset, TAG(0x0004, 0x1220)) > 0;
}

void object_header_range(const struct object *object, uint64_t *from, uint64_t *to)
{
    *from = object->from;
    *to = object->header.end;
}

struct encoding object_encoding(const struct object *object)
{
    return object->encoding;
}

const char *object_pixel_vr(const struct object *object)
{
    return object->header.pixel_vr;
}

size_t object_group_count(const struct object *object)
{
    return object->header.group_count;
}

const struct dataset *object_group(const struct object *object, size_t index)
{
    struct object *const cache =
        (struct object *)(uintptr_t)object; /* asking changes nothing that shows */
    struct buffer copy = {0};
    struct encoding encoding;
    struct dataset *dataset = NULL;
    struct error err;
    if (index >= object->header.group_count)
        return NULL;
    for (size_t i = 0; i < GROUPS_KEPT; i++)
        if (object->groups[i].dataset && object->groups[i].index == index)
            return object->groups[i].dataset;
    if (header_item(object_bytes(object), &object->header, index, &copy, &encoding, &err))
        gdcm_read(copy.data, copy.size, encoding, object, object->dataset, &dataset, &err);
    buffer_release(&copy);
    if (!dataset)
        return NULL;
    struct kept_group *const kept = &cache->groups[cache->next_group];
    cache->next_group = (cache->next_group + 1) % GROUPS_KEPT;
    gdcm_free(kept->dataset);
    *kept = (struct kept_group){index, dataset};
    return dataset;
}
