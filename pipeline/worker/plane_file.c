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

/* The file: MAGIC, planes (u32 number, form, samples), relic, footer (u64 offset of the relic, MAGIC). */
static const char magic[] = "SPPLANE1";
enum { MAGIC_SIZE = 8, PLANE_HEAD = 4 + PLANE_FORM_BYTES, FOOTER = 8 + MAGIC_SIZE };

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
    int descriptor;
    bool ended;
    uint64_t size;
    struct buffer head;
    char path[PATH_SIZE];
};

static bool write_both(struct plane_writer *writer, const void *data, size_t size, struct error *err)
{
    struct iovec parts[2] = {{writer->head.data, writer->head.size}, {(void *)(uintptr_t)data, size}};
    size_t first = 0;

    writer->size += writer->head.size + size;
    while (first < 2) {
        const ssize_t n = writev(writer->descriptor, parts + first, (int)(2 - first));

        if (n < 0 || (n == 0 && parts[first].iov_len > 0))
            return error_errno(err, errno, "cannot write to the spool");
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
    buffer_clear(&writer->head);
    return true;
}

bool plane_writer_new(const char *path, struct plane_writer **writer, struct error *err)
{
    struct plane_writer *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->descriptor = -1;
    if (!path_format(made->path, err, "%s", path)) {
        memory_free(made);
        return false;
    }
    made->descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (made->descriptor < 0) {
        (void)error_errno(err, errno, "cannot make \"%s\"", path);
        memory_free(made);
        return false;
    }
    if (!buffer_append(&made->head, magic, MAGIC_SIZE, err)) {
        plane_writer_free(made);
        return false;
    }
    *writer = made;
    return true;
}

bool plane_writer_add(struct plane_writer *writer, const struct frame *frame, struct error *err)
{
    const struct plane_form form = plane_form_of(frame, 1);

    return buffer_put_u32(&writer->head, frame->number, err) && plane_form_write(&form, &writer->head, err) &&
           write_both(writer, frame->samples, frame->size, err);
}

bool plane_writer_end(struct plane_writer *writer, const struct buffer *relic, uint64_t *bytes, struct error *err)
{
    const uint64_t at = writer->size + writer->head.size; /* the head: the magic, if there was no plane */

    if (!write_both(writer, relic->data, relic->size, err) || !buffer_put_u64(&writer->head, at, err) ||
        !buffer_append(&writer->head, magic, MAGIC_SIZE, err) || !write_both(writer, NULL, 0, err))
        return false;
    const int descriptor = writer->descriptor;
    writer->descriptor = -1;
    if (close(descriptor) != 0)
        return error_errno(err, errno, "cannot write to the spool");
    writer->ended = true;
    *bytes = writer->size;
    return true;
}

void plane_writer_free(struct plane_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->descriptor >= 0)
        (void)close(writer->descriptor); /* what it wrote is thrown away */
    if (!writer->ended)
        (void)unlink(writer->path);
    buffer_release(&writer->head);
    memory_free(writer);
}

/* -- reading -------------------------------------------------------------------------------- */

struct plane_place { uint32_t number; uint64_t offset; struct plane_form form; };

struct plane_reader {
    int descriptor;
    struct bytes bytes;
    struct buffer relic;
    struct plane_place *places;
    size_t count, capacity;
};

static bool malformed(struct error *err)
{
    return error_set(err, ERROR_CORRUPT, "a spool file is malformed");
}

static bool read_relic(struct plane_reader *reader, uint64_t *relic, struct error *err)
{
    uint8_t footer[FOOTER];

    if (reader->bytes.size < MAGIC_SIZE + FOOTER)
        return malformed(err);
    const uint64_t end = reader->bytes.size - FOOTER;
    if (!bytes_read_all(&reader->bytes, end, footer, FOOTER, err))
        return false;
    struct reader parser = reader_over(footer, FOOTER);
    *relic = reader_u64(&parser);
    if (memcmp(footer + 8, magic, MAGIC_SIZE) != 0 || *relic < MAGIC_SIZE || *relic > end ||
        end - *relic > LIMIT(HEADER_BYTES) + (1 << 20))
        return malformed(err);
    const size_t size = (size_t)(end - *relic);
    if (!buffer_reserve(&reader->relic, size, err) ||
        !bytes_read_all(&reader->bytes, *relic, reader->relic.data, size, err))
        return false;
    reader->relic.size = size;
    reader->relic.data[size] = 0;
    return true;
}

static bool find_planes(struct plane_reader *reader, uint64_t end, struct error *err)
{
    for (uint64_t at = MAGIC_SIZE; at < end;) {
        struct plane_place place = {.offset = at + PLANE_HEAD};
        void *places = reader->places;
        uint8_t head[PLANE_HEAD];

        if (end - at < PLANE_HEAD || !bytes_read_all(&reader->bytes, at, head, PLANE_HEAD, err))
            return malformed(err);
        struct reader parser = reader_over(head, PLANE_HEAD);
        place.number = reader_u32(&parser);
        if (!plane_form_parse(&parser, &place.form, err))
            return false;
        if (plane_form_size(&place.form) > end - place.offset)
            return malformed(err);
        if (!memory_grow(&places, &reader->capacity, reader->count + 1, sizeof place, err))
            return false;
        reader->places = places;
        reader->places[reader->count++] = place;
        at = place.offset + plane_form_size(&place.form);
    }
    return true;
}

bool plane_reader_open(const char *path, struct plane_reader **reader, struct error *err)
{
    struct plane_reader *const made = memory_zeroed(sizeof *made, err);
    uint64_t relic = 0;

    if (made == NULL)
        return false;
    made->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = made->descriptor >= 0 || error_errno(err, errno, "cannot open \"%s\"", path);
    ok = ok && bytes_of_descriptor(made->descriptor, &made->bytes, err) && read_relic(made, &relic, err) &&
         find_planes(made, relic, err);
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
    memory_free(reader->places);
    memory_free(reader);
}

const struct buffer *plane_reader_relic(const struct plane_reader *reader)
{
    return &reader->relic;
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
    const size_t size = (size_t)plane_form_size(&place->form);
    buffer_clear(samples);
    if (!buffer_reserve(samples, size, err) ||
        !bytes_read_all(&reader->bytes, place->offset, samples->data, size, err))
        return false;
    samples->size = size;
    const struct plane_form *const form = &place->form;
    *frame = (struct frame){.number = number, .rows = form->rows, .columns = form->columns,
                            .samples_per_pixel = form->samples_per_pixel, .type = form->type,
                            .bits_stored = form->bits_stored, .is_signed = form->is_signed,
                            .photometric = form->photometric, .lossy = form->lossy, .samples = samples->data,
                            .size = size};
    return true;
}
