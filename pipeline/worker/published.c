#include "published.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/path.h"
#include "codec/coded_form_read.h"
#include "dicom/transfer_syntax.h"

enum { HEAD_MOST = 1024, BOUNDARY_MOST = 72, UID_MOST = 64 };

static bool malformed(struct error *err, const char *what)
{
    return error_set(err, ERROR_CORRUPT, "a published frame is malformed: %s", what);
}

/* "transfer-syntax=1.2.3" in the part's header. */
static const struct transfer_syntax *find_syntax(const char *head, size_t size)
{
    static const char key[] = "transfer-syntax=";
    const char *const at = memmem(head, size, key, sizeof key - 1);
    char uid[UID_MOST + 1];

    if (at == NULL)
        return NULL;
    const char *const from = at + sizeof key - 1;
    const size_t left = (size_t)(head + size - from);
    size_t length = 0;
    while (length < left && length < UID_MOST && strchr("0123456789.", from[length]) != NULL && from[length] != '\0')
        length++;
    memcpy(uid, from, length);
    uid[length] = '\0';
    return transfer_syntax_find(uid);
}

struct envelope {
    size_t before; /* bytes before the payload */
    char tail[BOUNDARY_MOST + 8];
    size_t tail_size;
    const struct transfer_syntax *syntax;
};

/* By the first bytes of a body, HEAD_MOST at most. */
static bool read_head(const uint8_t *data, size_t size, struct envelope *envelope, struct error *err)
{
    const uint8_t *const line = size > 0 ? memmem(data, size, "\r\n", 2) : NULL;
    const uint8_t *const blank = line != NULL ? memmem(data, size, "\r\n\r\n", 4) : NULL;

    if (blank == NULL || data[0] != '-' || data[1] != '-' || line - data > BOUNDARY_MOST)
        return malformed(err, "no part");
    const int length = snprintf(envelope->tail, sizeof envelope->tail, "\r\n%.*s--\r\n", (int)(line - data),
                                (const char *)data);
    envelope->tail_size = (size_t)length;
    envelope->before = (size_t)(blank + 4 - data);
    envelope->syntax = find_syntax((const char *)data, envelope->before);
    return envelope->syntax != NULL || malformed(err, "no transfer syntax");
}

static bool check_tail(const struct envelope *envelope, const void *end, struct error *err)
{
    return memcmp(end, envelope->tail, envelope->tail_size) == 0 || malformed(err, "it does not end with its boundary");
}

bool published_part(const struct buffer *body, const uint8_t **payload, size_t *size,
                    const struct transfer_syntax **transfer_syntax, struct error *err)
{
    const uint8_t *const data = body->data;
    struct envelope envelope;

    if (!read_head(data, body->size < HEAD_MOST ? body->size : HEAD_MOST, &envelope, err))
        return false;
    if (body->size < envelope.before + envelope.tail_size)
        return malformed(err, "it does not end with its boundary");
    *transfer_syntax = envelope.syntax;
    *payload = data + envelope.before;
    *size = body->size - envelope.before - envelope.tail_size;
    return check_tail(&envelope, *payload + *size, err);
}

bool published_measure(const struct bytes *file, uint64_t *offset, uint64_t *size,
                       const struct transfer_syntax **transfer_syntax, struct error *err)
{
    uint8_t head[HEAD_MOST], end[BOUNDARY_MOST + 8];
    const size_t some = file->size < HEAD_MOST ? (size_t)file->size : HEAD_MOST;
    struct envelope envelope;

    if (!bytes_read_all(file, 0, head, some, err) || !read_head(head, some, &envelope, err))
        return false;
    if (file->size < envelope.before + envelope.tail_size)
        return malformed(err, "it does not end with its boundary");
    *transfer_syntax = envelope.syntax;
    *offset = envelope.before;
    *size = file->size - envelope.before - envelope.tail_size;
    return bytes_read_all(file, *offset + *size, end, envelope.tail_size, err) && check_tail(&envelope, end, err);
}

/* Chroma has been upsampled and a codestream's transform undone before the frame was published. */
static enum photometric decoded_photometric(enum photometric declared)
{
    switch (declared) {
    case PHOTOMETRIC_YBR_RCT:
    case PHOTOMETRIC_YBR_ICT:
        return PHOTOMETRIC_RGB;
    case PHOTOMETRIC_YBR_FULL_422:
        return PHOTOMETRIC_YBR_FULL;
    default:
        return declared;
    }
}

/* The image as its published frames are: its own coding, no planes, no bits above those stored. */
static struct image published_image(const struct image *image, const struct plane_form *form,
                                    const struct transfer_syntax *syntax)
{
    struct image made = *image; /* borrows the LUTs */

    made.transfer_syntax = syntax;
    made.big_endian = made.swapped_pairs = false;
    made.planar_configuration = 0;
    made.photometric = decoded_photometric(image->photometric);
    if (form != NULL) {
        made.photometric = form->photometric;
        made.is_signed = form->is_signed;
        made.samples_per_pixel = form->samples_per_pixel;
    }
    if (made.element == PIXEL_ELEMENT_INTEGER)
        made.bits_allocated = (uint16_t)(8 * sample_size(form != NULL ? form->type
                                                                      : sample_type_of(image->bits_allocated,
                                                                                       image->is_signed)));
    made.high_bit = (uint16_t)(made.bits_stored - 1);
    return made;
}

bool published_coded(const char *path, const struct image *image, const struct plane_form *form, struct studio *studio,
                     struct image *made, const uint8_t **data, size_t *size, struct error *err)
{
    const struct transfer_syntax *syntax = NULL;

    buffer_clear(&studio->published);
    if (!path_read_file(path, LIMIT(FRAME_BYTES) + LIMIT(FRAME_BYTES) / 4, &studio->published, err) ||
        !published_part(&studio->published, data, size, &syntax, err))
        return false;
    *made = published_image(image, form, syntax);
    return true;
}

void published_settle(const struct plane_form *form, struct frame *frame)
{
    frame->photometric = form->photometric;
    frame->lossy = form->lossy;
}

bool published_frame(const char *path, const struct image *image, const struct plane_form *form, uint32_t number,
                     struct studio *studio, struct buffer *notes, struct frame *frame, struct error *err)
{
    const uint8_t *data = NULL;
    struct image made;
    size_t size = 0;

    if (!published_coded(path, image, form, studio, &made, &data, &size, err) ||
        !decoder_run(studio->decoder, &made, number, data, size, 0, frame, notes, err))
        return false;
    if (form != NULL)
        published_settle(form, frame);
    return true;
}

/* -- plain samples: read in parts ------------------------------------------------------------- */

static bool read_rows(const struct bytes *file, struct image *made, const struct image *image,
                      const struct plane_form *form, uint32_t first_row, uint32_t rows, struct buffer *to,
                      struct error *err)
{
    const struct transfer_syntax *syntax = NULL;
    uint64_t offset = 0, size = 0;

    if (!published_measure(file, &offset, &size, &syntax, err))
        return false;
    *made = published_image(image, form, syntax);
    if (syntax->coding != CODING_NATIVE || size != image_frame_bytes(made))
        return malformed(err, "other samples than its image has");
    const uint64_t line = size / made->rows;
    buffer_clear(to);
    if (!buffer_reserve(to, (size_t)(rows * line), err) ||
        !bytes_read_all(file, offset + first_row * line, to->data, (size_t)(rows * line), err))
        return false;
    to->size = (size_t)(rows * line);
    made->rows = rows;
    return true;
}

bool published_is_plain(const char *path)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    const struct transfer_syntax *syntax = NULL;
    uint64_t offset = 0, size = 0;
    struct error ignored;
    struct bytes file;

    if (descriptor < 0)
        return false;
    const bool is_plain = bytes_of_descriptor(descriptor, &file, &ignored) &&
                          published_measure(&file, &offset, &size, &syntax, &ignored) && syntax->coding == CODING_NATIVE;
    (void)close(descriptor);
    return is_plain;
}

bool published_strip(const char *path, const struct image *image, const struct plane_form *form, uint32_t number,
                     uint32_t first_row, uint32_t rows, struct studio *studio, struct buffer *notes, struct frame *frame,
                     struct error *err)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct image made;
    struct bytes file;

    if (descriptor < 0)
        return error_errno(err, errno, "cannot open \"%s\"", path);
    const bool ok = bytes_of_descriptor(descriptor, &file, err) &&
                    read_rows(&file, &made, image, form, first_row, rows, &studio->published, err) &&
                    decoder_run(studio->decoder, &made, number, studio->published.data, studio->published.size, 0, frame,
                                notes, err);
    (void)close(descriptor);
    if (ok && form != NULL)
        published_settle(form, frame);
    return ok;
}

bool published_form(const char *path, const struct image *image, const struct plane_form *form, struct studio *studio,
                    struct coded_form *coded, struct error *err)
{
    const uint8_t *data = NULL;
    struct frame like = {0};
    struct image made = {.transfer_syntax = transfer_syntax_find("1.2.840.10008.1.2.1")};
    size_t size = 0;

    if (published_is_plain(path)) {
        if (!published_strip(path, image, form, 1, 0, 1, studio, NULL, &like, err))
            return false;
        like.rows = image->rows;
    } else if (!published_coded(path, image, form, studio, &made, &data, &size, err) ||
               !decoder_inspect(studio->decoder, &made, 1, data, size, 0, &like, NULL, err)) {
        return false;
    }
    like.lossy = like.lossy || (form != NULL && form->lossy) || image->lossy_declared;
    return coded_form_read(made.transfer_syntax, data, size, &like, coded, err);
}
