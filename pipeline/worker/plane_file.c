#include "plane_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/path.h"
#include "worker/plane_pack.h"

/* The part: planes, each as samples or packed (plane_pack.h) where that is shorter; then what a reader takes with one
 * read: relic, list of the planes (u32 number, form, u64 offset, u64 bytes), footer (u64 offset of the relic, u64 bytes
 * of it, MAGIC). */
static const char magic[] = "SPPLANE2";
enum { MAGIC_SIZE = 8, ENTRY = 4 + PLANE_FORM_BYTES + 2 * 8, FOOTER = 2 * 8 + MAGIC_SIZE };
enum { TAIL_ROOM = 16 << 10 };
/* Larger ones are not packed: that would take as much memory once more. */
enum { PACKED_MOST = 32 << 20 };
/* A plane of an ordinary slice is written together with the end of the file. */
enum { TOGETHER_MOST = 512 << 10 };

/* -- the form ------------------------------------------------------------------------------- */

struct plane_form plane_form_of(const struct frame *frame, uint32_t frames)
{
    return (struct plane_form){
        .frames = frames, .rows = frame->rows, .columns = frame->columns,
        .samples_per_pixel = frame->samples_per_pixel, .bits_stored = frame->bits_stored, .type = frame->type,
        .is_signed = frame->is_signed, .lossy = frame->lossy, .photometric = frame->photometric};
}

uint64_t plane_form_size(const struct plane_form *form)
{
    return (uint64_t)form->rows * form->columns * form->samples_per_pixel * sample_size(form->type);
}

bool plane_form_write(const struct plane_form *form, struct buffer *out, struct error *err)
{
    return buffer_put_u32(out, form->frames, err) && buffer_put_u32(out, form->rows, err) &&
           buffer_put_u32(out, form->columns, err) && buffer_put_u16(out, form->samples_per_pixel, err) &&
           buffer_put_u16(out, form->bits_stored, err) && buffer_put_u8(out, (uint8_t)form->type, err) &&
           buffer_put_u8(out, form->is_signed, err) && buffer_put_u8(out, form->lossy, err) &&
           buffer_put_u8(out, (uint8_t)form->photometric, err);
}

bool plane_form_parse(struct reader *reader, struct plane_form *form, struct error *err)
{
    struct plane_form found = {.frames = reader_u32(reader)};

    found.rows = reader_u32(reader);
    found.columns = reader_u32(reader);
    found.samples_per_pixel = reader_u16(reader);
    found.bits_stored = reader_u16(reader);
    const uint8_t type = reader_u8(reader), is_signed = reader_u8(reader), lossy = reader_u8(reader),
                  photometric = reader_u8(reader);
    if (reader->failed || type > SAMPLE_F64 || is_signed > 1 || lossy > 1 || photometric > PHOTOMETRIC_CMYK ||
        found.rows == 0 || found.rows > LIMIT(SIDE) || found.columns == 0 || found.columns > LIMIT(SIDE) ||
        found.samples_per_pixel == 0 || found.samples_per_pixel > LIMIT(SAMPLES) || found.bits_stored > 64 ||
        found.frames == 0 || found.frames > LIMIT(FRAMES))
        return error_set(err, ERROR_CORRUPT, "the form of a stored plane is malformed");
    found.type = (enum sample_type)type;
    found.is_signed = is_signed != 0;
    found.lossy = lossy != 0;
    found.photometric = (enum photometric)photometric;
    if (plane_form_size(&found) > LIMIT(FRAME_BYTES))
        return error_set(err, ERROR_LIMIT, "a stored plane is larger than FRAME_BYTES");
    *form = found;
    return true;
}

/* -- writing -------------------------------------------------------------------------------- */

struct plane_writer {
    int descriptor;        /* -1: nothing was written yet */
    uint64_t at;           /* in the file: where the next write goes */
    uint64_t size;         /* written, or in `pending` */
    struct buffer pending; /* what is to be written next */
    struct buffer list;
    char path[PATH_SIZE];
};

bool plane_writer_new(const char *path, uint64_t offset, struct plane_writer **writer, struct error *err)
{
    struct plane_writer *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->descriptor = -1;
    made->at = offset;
    if (!path_format(made->path, err, "%s", path)) {
        memory_free(made);
        return false;
    }
    *writer = made;
    return true;
}

/* What is pending, then `data`. */
static bool flush(struct plane_writer *writer, const void *data, size_t size, struct error *err)
{
    struct iovec parts[2] = {{writer->pending.data, writer->pending.size}, {(void *)(uintptr_t)data, size}};
    size_t first = parts[0].iov_len > 0 ? 0 : 1;

    if (writer->descriptor < 0)
        writer->descriptor = open(writer->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (writer->descriptor < 0)
        return error_errno(err, errno, "cannot make \"%s\"", writer->path);
    while (first < 2 && (first == 0 || parts[1].iov_len > 0)) {
        const ssize_t n = pwritev(writer->descriptor, parts + first, (int)(2 - first), (off_t)writer->at);

        if (n <= 0)
            return error_errno(err, errno, "cannot write to the spool");
        writer->at += (uint64_t)n;
        size_t left = (size_t)n;
        while (first < 2 && left >= parts[first].iov_len) {
            left -= parts[first].iov_len;
            first++;
        }
        if (first < 2) {
            parts[first].iov_base = (char *)parts[first].iov_base + left;
            parts[first].iov_len -= left;
        }
    }
    buffer_clear(&writer->pending);
    return true;
}

/* Appends the packed samples to what is pending; 0 bytes where they are not shorter. */
static bool pack(struct plane_writer *writer, const struct frame *frame, size_t *packed, struct error *err)
{
    const size_t width = (size_t)frame->columns * frame->samples_per_pixel;

    *packed = 0;
    if (sample_size(frame->type) != 2 || frame->size > PACKED_MOST)
        return true;
    if (!buffer_reserve(&writer->pending, plane_pack_bound(width, frame->rows), err))
        return false;
    *packed = plane_pack(frame->samples, width, frame->rows, writer->pending.data + writer->pending.size);
    if (*packed >= frame->size)
        *packed = 0;
    writer->pending.size += *packed;
    return true;
}

bool plane_writer_add(struct plane_writer *writer, const struct frame *frame, struct error *err)
{
    const struct plane_form form = plane_form_of(frame, 1);
    size_t bytes = 0;

    if (!pack(writer, frame, &bytes, err) ||
        (bytes == 0 ? !flush(writer, frame->samples, frame->size, err)
                    : writer->pending.size > TOGETHER_MOST && !flush(writer, NULL, 0, err)))
        return false;
    bytes = bytes > 0 ? bytes : frame->size;
    const uint64_t at = writer->size;
    writer->size += bytes;
    return buffer_put_u32(&writer->list, frame->number, err) && plane_form_write(&form, &writer->list, err) &&
           buffer_put_u64(&writer->list, at, err) && buffer_put_u64(&writer->list, bytes, err);
}

bool plane_writer_end(struct plane_writer *writer, const struct buffer *relic, uint64_t *bytes, struct error *err)
{
    if (!buffer_append(&writer->pending, relic->data, relic->size, err) ||
        !buffer_append(&writer->pending, writer->list.data, writer->list.size, err) ||
        !buffer_put_u64(&writer->pending, writer->size, err) || !buffer_put_u64(&writer->pending, relic->size, err) ||
        !buffer_append(&writer->pending, magic, MAGIC_SIZE, err) || !flush(writer, NULL, 0, err))
        return false;
    writer->size += relic->size + writer->list.size + FOOTER;
    const int descriptor = writer->descriptor;
    writer->descriptor = -1;
    if (close(descriptor) != 0)
        return error_errno(err, errno, "cannot write to the spool");
    *bytes = writer->size;
    return true;
}

void plane_writer_free(struct plane_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->descriptor >= 0)
        (void)close(writer->descriptor); /* what it wrote is garbage */
    buffer_release(&writer->pending);
    buffer_release(&writer->list);
    memory_free(writer);
}

/* -- reading -------------------------------------------------------------------------------- */

struct plane_place { uint32_t number; uint64_t offset, bytes; struct plane_form form; };

struct plane_reader {
    int descriptor;
    struct bytes file;
    uint64_t begin, size; /* the part of the file */
    struct buffer relic, packed;
    struct plane_place *places; /* `count` of them */
    size_t count;
};

static bool malformed(struct error *err)
{
    return error_set(err, ERROR_CORRUPT, "a spool file is malformed");
}

static bool read_part(const struct plane_reader *reader, uint64_t offset, void *to, size_t size, struct error *err)
{
    return bytes_read_all(&reader->file, reader->begin + offset, to, size, err);
}

/* Relic and list, from the end of the file: `tail` has them, *list_size bytes are the list. */
static bool read_tail(struct plane_reader *reader, struct buffer *tail, size_t *list_size, struct error *err)
{
    const uint64_t size = reader->size;
    size_t room = size < TAIL_ROOM ? (size_t)size : TAIL_ROOM;

    if (size < FOOTER)
        return malformed(err);
    if (!buffer_reserve(tail, room, err) || !read_part(reader, size - room, tail->data, room, err))
        return false;
    struct reader footer = reader_over(tail->data + room - FOOTER, FOOTER);
    const uint64_t relic = reader_u64(&footer), relic_size = reader_u64(&footer);
    if (memcmp(footer.data + footer.offset, magic, MAGIC_SIZE) != 0 || relic > size - FOOTER ||
        size - FOOTER - relic > LIMIT(HEADER_BYTES) + (uint64_t)LIMIT(FRAMES) * ENTRY ||
        relic_size > size - FOOTER - relic)
        return malformed(err);
    *list_size = (size_t)(size - FOOTER - relic - relic_size);
    if (room < size - relic) { /* it was longer than expected */
        room = (size_t)(size - relic);
        if (!buffer_reserve(tail, room, err) || !read_part(reader, relic, tail->data, room, err))
            return false;
    }
    tail->size = room;
    const uint8_t *const begin = tail->data + room - (size_t)(size - relic);
    if (!buffer_append(&reader->relic, begin, (size_t)relic_size, err))
        return false;
    memmove(tail->data, begin + relic_size, *list_size);
    return true;
}

static bool read_list(struct plane_reader *reader, const struct buffer *tail, size_t size, struct error *err)
{
    const uint64_t end = reader->size - FOOTER - size - reader->relic.size;
    struct reader list = reader_over(tail->data, size);

    if (size % ENTRY != 0)
        return malformed(err);
    if (size == 0)
        return true;
    reader->places = memory_array(size / ENTRY, sizeof *reader->places, err);
    if (reader->places == NULL)
        return false;
    while (reader->count < size / ENTRY) {
        struct plane_place place = {.number = reader_u32(&list)};

        if (!plane_form_parse(&list, &place.form, err))
            return false;
        place.offset = reader_u64(&list);
        place.bytes = reader_u64(&list);
        const uint64_t raw = plane_form_size(&place.form);
        const bool is_packed = sample_size(place.form.type) == 2 && raw <= PACKED_MOST && place.bytes < raw;
        if (place.offset > end || place.bytes > end - place.offset || (place.bytes != raw && !is_packed))
            return malformed(err);
        reader->places[reader->count++] = place;
    }
    return true;
}

static bool read_end(struct plane_reader *reader, struct error *err)
{
    struct buffer tail = {0};
    size_t list_size = 0;
    const bool ok = read_tail(reader, &tail, &list_size, err) && read_list(reader, &tail, list_size, err);

    buffer_release(&tail);
    return ok;
}

bool plane_reader_open(const char *path, uint64_t offset, uint64_t bytes, struct plane_reader **reader,
                       struct error *err)
{
    struct plane_reader *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->begin = offset;
    made->size = bytes;
    made->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = made->descriptor >= 0 || error_errno(err, errno, "cannot open \"%s\"", path);
    ok = ok && bytes_of_descriptor(made->descriptor, &made->file, err) &&
         ((offset <= made->file.size && bytes <= made->file.size - offset) || malformed(err)) && read_end(made, err);
    if (!ok) {
        plane_reader_free(made);
        return false;
    }
    *reader = made;
    return true;
}

void plane_reader_free(struct plane_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->descriptor >= 0)
        (void)close(reader->descriptor); /* only read from */
    buffer_release(&reader->relic);
    buffer_release(&reader->packed);
    memory_free(reader->places);
    memory_free(reader);
}

const struct buffer *plane_reader_relic(const struct plane_reader *reader)
{
    return &reader->relic;
}

static bool read_samples(struct plane_reader *reader, const struct plane_place *place, struct buffer *samples,
                         struct error *err)
{
    const struct plane_form *const form = &place->form;
    const size_t size = (size_t)plane_form_size(form);
    const bool is_packed = place->bytes < size;
    struct buffer *const raw = is_packed ? &reader->packed : samples;

    buffer_clear(samples);
    buffer_clear(raw);
    if (!buffer_reserve(samples, size, err) || !buffer_reserve(raw, (size_t)place->bytes, err) ||
        !read_part(reader, place->offset, raw->data, (size_t)place->bytes, err))
        return false;
    samples->size = size;
    return !is_packed ||
           plane_unpack(raw->data, (size_t)place->bytes, (uint16_t *)(void *)samples->data,
                        (size_t)form->columns * form->samples_per_pixel, form->rows) ||
           malformed(err);
}

bool plane_reader_get(struct plane_reader *reader, uint32_t number, struct buffer *samples, struct frame *frame,
                      struct error *err)
{
    const struct plane_place *place = NULL;

    for (size_t i = 0; place == NULL && i < reader->count; i++)
        if (reader->places[i].number == number)
            place = &reader->places[i];
    if (place == NULL)
        return error_set(err, ERROR_IO, "frame %u is not in the spool", number);
    if (!read_samples(reader, place, samples, err))
        return false;
    const struct plane_form *const form = &place->form;
    *frame = (struct frame){.number = number, .rows = form->rows, .columns = form->columns,
                            .samples_per_pixel = form->samples_per_pixel, .type = form->type,
                            .bits_stored = form->bits_stored, .is_signed = form->is_signed,
                            .photometric = form->photometric, .lossy = form->lossy, .samples = samples->data,
                            .size = samples->size};
    return true;
}
