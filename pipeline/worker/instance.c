#include "instance.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "worker/published.h"

/* The end of a relic: u64 bytes of the whole object, u8 whether a form follows, form (or zeros), MAGIC. Bytes of pixel
 * data before it let image_read look at the first item. */
static const char magic[] = "SPRELIC1";
enum { MAGIC_SIZE = 8, TRAILER = 8 + 1 + PLANE_FORM_BYTES + MAGIC_SIZE, PIXEL_BYTES = 512, RELIC_MOST = 64 << 20,
       STRIP_BYTES = 16 << 20 };

/* -- the data set --------------------------------------------------------------------------- */

bool instance_open(struct instance *instance, const struct bytes *bytes, const struct spool_maker *spool,
                   struct error *err)
{
    *instance = (struct instance){0};
    return object_open(bytes, spool, &instance->object, err);
}

static bool has_functional_groups(const struct object *object)
{
    const struct dataset *const dataset = object_dataset(object);

    return dataset_has(dataset, TAG(0x5200, 0x9230));
}

bool instance_read_image(struct instance *instance, struct error *err)
{
    instance->varies = has_functional_groups(instance->object);
    return image_read(instance->object, &instance->image, &instance->notes, err);
}

void instance_release(struct instance *instance)
{
    if (instance->has_display)
        frame_display_release(&instance->display);
    frame_index_close(instance->index);
    plane_reader_free(instance->planes);
    image_release(&instance->image);
    object_close(instance->object);
    buffer_release(&instance->notes);
    buffer_release(&instance->frame_notes);
    buffer_release(&instance->picture_notes);
    *instance = (struct instance){0};
}

/* -- frames --------------------------------------------------------------------------------- */

bool instance_use_source(struct instance *instance, struct error *err)
{
    if (!frame_index_open(instance->object, &instance->image, &instance->notes, &instance->index, err))
        return false;
    const uint32_t count = frame_index_count(instance->index), whole = frame_index_whole(instance->index);
    instance->declared_frames = count > instance->image.frames ? count : instance->image.frames;
    instance->image.frames = instance->declared_frames == 1 ? count : whole;
    return instance->image.frames > 0 ||
           error_set(err, ERROR_TRUNCATED, "pixel data end in frame 1 of %u", instance->declared_frames);
}

void instance_use_planes(struct instance *instance, struct plane_reader *planes)
{
    instance->planes = planes;
    if (instance->has_form)
        instance->image.frames = instance->form.frames;
}

static bool published_path(const struct instance *instance, uint32_t number, char path[PATH_SIZE], struct error *err)
{
    char relative[PATH_SIZE];

    return layout_path(instance->subject, PLACE_FRAME, NULL, number, NULL, NULL, relative, err) &&
           path_join(path, instance->public_folder, relative, err);
}

bool instance_use_published(struct instance *instance, const char *public_folder, const struct subject *subject,
                            struct error *err)
{
    char path[PATH_SIZE];

    instance->public_folder = public_folder;
    instance->subject = subject;
    if (instance->has_form)
        instance->image.frames = instance->form.frames;
    if (!published_path(instance, instance->image.frames, path, err))
        return false;
    instance->is_plain = instance->image.element == PIXEL_ELEMENT_INTEGER && published_is_plain(path);
    return access(path, R_OK) == 0 ||
           error_set(err, ERROR_IO, "the source is gone, and frame %u of %u is not published",
                     instance->image.frames, instance->image.frames);
}

bool instance_has_coded(const struct instance *instance)
{
    return instance->index != NULL || (instance->planes == NULL && instance->public_folder != NULL);
}

static bool read_coded(struct instance *instance, uint32_t number, struct studio *studio, struct error *err)
{
    const struct plane_form *const form = instance->has_form ? &instance->form : NULL;
    char path[PATH_SIZE];

    instance->coded = (struct coded_frame){.image = &instance->image, .number = number};
    if (instance->index == NULL) {
        instance->coded.image = &instance->published_image;
        instance->coded.was_lossy = form != NULL && form->lossy;
        return published_path(instance, number, path, err) &&
               published_coded(path, &instance->image, form, studio, &instance->published_image,
                               &instance->coded.data, &instance->coded.size, err);
    }
    if (!frame_index_read(instance->index, number, &studio->coded, &instance->coded.bit_offset, err))
        return false;
    instance->coded.data = studio->coded.data;
    instance->coded.size = studio->coded.size;
    return true;
}

bool instance_coded(struct instance *instance, uint32_t number, struct studio *studio, struct coded_frame *coded,
                    struct error *err)
{
    if (instance->coded.number != number && !read_coded(instance, number, studio, err)) {
        instance->coded.number = 0;
        return false;
    }
    *coded = instance->coded;
    return true;
}

static bool decode_coded(struct instance *instance, uint32_t number, struct studio *studio, struct frame *frame,
                         struct error *err)
{
    struct coded_frame coded;

    if (!instance_coded(instance, number, studio, &coded, err) ||
        !decoder_run(studio->decoder, coded.image, number, coded.data, coded.size, coded.bit_offset, frame,
                     &instance->frame_notes, err))
        return false;
    if (instance->index == NULL && instance->has_form)
        published_settle(&instance->form, frame);
    return true;
}

static void keep_form(struct instance *instance, const struct frame *frame)
{
    if (instance->has_form)
        return;
    instance->form = plane_form_of(frame, instance->image.frames);
    instance->has_form = true;
}

bool instance_frame(struct instance *instance, uint32_t number, struct studio *studio, struct frame *frame,
                    struct error *err)
{
    buffer_clear(&instance->frame_notes);
    const bool ok = instance->planes != NULL
                        ? plane_reader_get(instance->planes, number, &studio->coded, frame, err)
                        : decode_coded(instance, number, studio, frame, err);

    if (!ok) /* the decoder names the frame itself */
        return instance->image.frames > 1 && strncmp(err->text, "frame ", 6) != 0
                   ? error_context(err, "frame %u", number)
                   : false;
    keep_form(instance, frame);
    return true;
}

/* -- strips --------------------------------------------------------------------------------- */

/* The frame, its picture, and the codestream of it: what OpenJPH holds, what it gave, and that rewritten. */
enum { WHOLE_FRAMES_A_WORKER = 6 };

bool instance_is_native(const struct instance *instance)
{
    const struct transfer_syntax *const syntax = instance->image.transfer_syntax;

    return instance->index == NULL ? instance->is_plain : syntax != NULL && syntax->coding == CODING_NATIVE;
}

bool instance_wants_strips(const struct instance *instance, uint64_t memory_bytes)
{
    const struct image *const image = &instance->image;
    const uint64_t frame = image_frame_bytes(image);
    const uint64_t samples = (uint64_t)image->rows * image->columns * image->samples_per_pixel;
    const uint64_t share = memory_bytes / WHOLE_FRAMES_A_WORKER;
    const uint64_t most = memory_bytes > 0 && share < LIMIT(WHOLE_FRAME_BYTES) ? share : LIMIT(WHOLE_FRAME_BYTES);

    if (instance->index == NULL ? !instance->is_plain : !image_comes_in_strips(image))
        return false;
    const bool has_colours = image->photometric == PHOTOMETRIC_PALETTE_COLOR || image->has_supplement;

    return frame_is_beyond(frame, samples, most) || (has_colours && 3 * samples > most); /* its picture */
}

bool instance_fits_whole(const struct instance *instance, uint64_t memory_bytes)
{
    const struct image *const image = &instance->image;
    const uint64_t frame = image_frame_bytes(image);
    const uint64_t samples = (uint64_t)image->rows * image->columns * image->samples_per_pixel;

    /* OpenJPEG's 32-bit numbers, the frame, and its picture */
    return frame <= LIMIT(FRAME_BYTES) && (memory_bytes == 0 || frame + 5 * samples <= memory_bytes / 8 * 7);
}

bool instance_strip_rows(struct instance *instance, uint32_t number, struct studio *studio, uint32_t *rows,
                         struct error *err)
{
    const struct image *const image = &instance->image;
    const uint64_t line = image_frame_bytes(image) / image->rows;
    struct coded_frame coded;

    if (!instance_is_native(instance))
        return instance_coded(instance, number, studio, &coded, err) &&
               decoder_strip_rows(studio->decoder, image, coded.data, coded.size, rows, NULL, err);
    *rows = line < STRIP_BYTES ? (uint32_t)(STRIP_BYTES / line) : 1;
    return true;
}

/* An image of fewer rows. */
static bool native_strip(struct instance *instance, uint32_t number, uint32_t first_row, uint32_t rows,
                         struct studio *studio, struct frame *frame, struct error *err)
{
    struct image part = instance->image;
    const uint64_t line = (uint64_t)part.columns * part.samples_per_pixel * (part.bits_allocated / 8);

    part.rows = rows;
    instance->coded.number = 0; /* the buffer is not a whole frame's */
    return frame_index_read_part(instance->index, number, first_row * line, (size_t)(rows * line), &studio->coded,
                                 err) &&
           decoder_run(studio->decoder, &part, number, studio->coded.data, studio->coded.size, 0, frame,
                       &instance->frame_notes, err);
}

static bool plain_strip(struct instance *instance, uint32_t number, uint32_t first_row, uint32_t rows,
                        struct studio *studio, struct frame *frame, struct error *err)
{
    char path[PATH_SIZE];

    instance->coded.number = 0;
    return published_path(instance, number, path, err) &&
           published_strip(path, &instance->image, instance->has_form ? &instance->form : NULL, number, first_row, rows,
                           studio, &instance->frame_notes, frame, err);
}

bool instance_strip(struct instance *instance, uint32_t number, uint32_t first_row, uint32_t rows, struct studio *studio,
                    struct frame *frame, struct error *err)
{
    struct coded_frame coded;

    buffer_clear(&instance->frame_notes);
    if (instance_is_native(instance)) {
        if (!(instance->index != NULL ? native_strip : plain_strip)(instance, number, first_row, rows, studio, frame, err))
            return false;
    } else if (!instance_coded(instance, number, studio, &coded, err) ||
               !decoder_run_strip(studio->decoder, coded.image, number, coded.data, coded.size, first_row, rows, frame,
                                  &instance->frame_notes, err)) {
        return false;
    }
    struct frame whole = *frame;
    whole.rows = instance->image.rows;
    keep_form(instance, &whole);
    return true;
}

bool instance_know_form(struct instance *instance, uint32_t number, struct studio *studio, struct error *err)
{
    struct coded_frame coded;
    struct frame frame = {0};

    if (instance->has_form || !instance_has_coded(instance))
        return true;
    if (!instance_coded(instance, number, studio, &coded, err) ||
        !decoder_inspect(studio->decoder, coded.image, number, coded.data, coded.size, coded.bit_offset, &frame, NULL,
                         err))
        return false;
    keep_form(instance, &frame);
    return true;
}

bool instance_published_form(struct instance *instance, const char *public_folder, const struct subject *subject,
                             struct studio *studio, struct coded_form *form, struct error *err)
{
    char path[PATH_SIZE];

    instance->coded.number = 0;
    instance->public_folder = public_folder;
    instance->subject = subject;
    if (!published_path(instance, 1, path, err) ||
        !published_form(path, &instance->image, instance->has_form ? &instance->form : NULL, studio, form, err))
        return false;
    form->frames = instance->image.frames;
    return true;
}

/* -- display -------------------------------------------------------------------------------- */

bool instance_display(struct instance *instance, uint32_t number, const struct frame_display **display,
                      struct error *err)
{
    *display = &instance->display;
    if (instance->has_display && (!instance->varies || instance->display_frame == number))
        return true;
    if (instance->has_display)
        frame_display_release(&instance->display);
    instance->display_frame = number;
    instance->has_display =
        image_frame_display(instance->object, &instance->image, number, &instance->display, err);
    return instance->has_display;
}

bool instance_is_colour(const struct instance *instance)
{
    const struct frame frame = {.samples_per_pixel = instance->image.samples_per_pixel,
                                .photometric = instance->image.photometric};

    return frame_is_colour(&frame);
}

/* -- the relic ------------------------------------------------------------------------------ */

bool instance_relic(const struct instance *instance, struct buffer *out, struct error *err)
{
    const struct bytes *const bytes = object_bytes(instance->object);
    const struct pixel_location pixels = object_pixels(instance->object);
    uint64_t from = 0, end = 0;
    size_t got = 0;

    object_header_range(instance->object, &from, &end);
    if (pixels.element != PIXEL_ELEMENT_NONE)
        end = pixels.offset + PIXEL_BYTES;
    if (end > bytes->size)
        end = bytes->size;
    if (end > RELIC_MOST)
        return error_set(err, ERROR_LIMIT, "a header of %" PRIu64 " bytes is not kept, %d is the most", end,
                         RELIC_MOST);
    if (!buffer_reserve(out, (size_t)end + TRAILER, err) ||
        !bytes->read(bytes, 0, out->data + out->size, (size_t)end, &got, err))
        return false;
    out->size += got;
    static const struct plane_form none;
    return buffer_put_u64(out, bytes->size, err) && buffer_put_u8(out, instance->has_form, err) &&
           plane_form_write(instance->has_form ? &instance->form : &none, out, err) &&
           buffer_append(out, magic, MAGIC_SIZE, err);
}

static bool read_relic(const struct bytes *bytes, uint64_t offset, void *to, size_t size, size_t *got,
                       struct error *err)
{
    const struct relic_header *const header = (const struct relic_header *)(const void *)bytes; /* its first member */
    const size_t left = offset < header->size ? header->size - (size_t)offset : 0;

    (void)err;
    *got = size < left ? size : left;
    if (*got > 0)
        memcpy(to, header->data + offset, *got);
    return true;
}

bool relic_parse(const void *relic, size_t size, struct relic_header *header, struct plane_form *form, bool *has_form,
                 struct error *err)
{
    const uint8_t *const data = relic;

    if (size < TRAILER || memcmp(data + size - MAGIC_SIZE, magic, MAGIC_SIZE) != 0)
        return error_set(err, ERROR_CORRUPT, "what is kept of the instance is malformed");
    struct reader reader = reader_over(data + size - TRAILER, TRAILER - MAGIC_SIZE);
    *header = (struct relic_header){.bytes = {.size = reader_u64(&reader), .read = read_relic, .descriptor = -1},
                                    .data = data, .size = size - TRAILER};
    *has_form = reader_u8(&reader) != 0;
    return !*has_form || plane_form_parse(&reader, form, err);
}
