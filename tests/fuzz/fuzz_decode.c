/* links: base dicom codec */
/* A hostile object through the codecs to a picture: every frame asked whether it may be published as it came, decoded
 * (dimensions capped, so that time goes to parsing), drawn with its window or one of our own, counted in a histogram. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "codec/coded_form_read.h"
#include "codec/decode.h"
#include "codec/frame_pass.h"
#include "dicom/frame_index.h"
#include "dicom/histogram.h"
#include "dicom/image.h"
#include "dicom/object.h"
#include "dicom/pixels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIXELS_MOST = 1 << 18, FRAMES_MOST = 3 };

struct tools {
    struct decoder *decoder;
    struct passer *passer;
    struct renderer *renderer;
    struct histogram_builder *builder;
    struct buffer coded, notes;
    struct picture picture;
};

static void draw(struct tools *tools, const struct object *object, const struct image *image,
                 const struct frame *frame)
{
    struct frame_display display;
    struct error err;

    if (!image_frame_display(object, image, frame->number, &display, &err))
        return;
    struct voi voi = voi_of_display(&display);
    if (voi.kind == VOI_KIND_NONE)
        voi = (struct voi){.kind = VOI_KIND_WINDOW, .window = {.center = 128, .width = 256}};
    (void)renderer_draw(tools->renderer, image, frame, &display, &voi, &tools->picture, &err);
    if (!frame_is_colour(frame))
        (void)histogram_builder_add(tools->builder, frame, &display, &err);
    frame_display_release(&display);
}

/* What passes must be readable as what it is told to be. */
static void pass(struct tools *tools, const struct image *image, uint32_t number)
{
    static const struct pass_rules rules = {.wishes = PASS_HTJ2K | PASS_J2K | PASS_LOSSY};
    struct passed_frame passed;
    struct coded_form form;
    struct error err;

    if (!passer_look(tools->passer, &rules, image, number, tools->coded.data, tools->coded.size, &tools->notes, &passed,
                     &err) ||
        passed.why_not != NULL)
        return;
    if (!coded_form_read(passed.payload.syntax, passed.payload.data, passed.payload.size, &passed.like, &form, &err))
        abort();
}

/* What can be had in strips is what can be had as a whole. */
static void check_strips(struct tools *tools, const struct image *image, uint32_t number, const struct frame *frame)
{
    const uint8_t *const coded = tools->coded.data;
    struct buffer whole = {0};
    uint32_t rows = 0;
    struct error err;

    if (!buffer_append(&whole, frame->samples, frame->size, &err))
        abort();
    const size_t line = frame->size / image->rows;
    if (decoder_strip_rows(tools->decoder, image, coded, tools->coded.size, &rows, &tools->notes, &err))
        for (uint32_t first = 0; first < image->rows; first += rows) {
            const uint32_t left = image->rows - first;
            struct frame strip;

            if (decoder_run_strip(tools->decoder, image, number, coded, tools->coded.size, first,
                                  rows < left ? rows : left, &strip, &tools->notes, &err) &&
                (strip.size != strip.rows * line || memcmp(strip.samples, whole.data + first * line, strip.size) != 0))
                abort();
        }
    buffer_release(&whole);
}

static void decode(struct tools *tools, const struct object *object, const struct image *image)
{
    struct frame_index *index = NULL;
    struct histogram histogram = {0};
    struct error err;

    if (!histogram_builder_new(&tools->builder, &err))
        abort();
    if (frame_index_open(object, image, &tools->notes, &index, &err)) {
        const uint32_t count = frame_index_count(index);

        for (uint32_t number = 1; number <= count && number <= FRAMES_MOST; number++) {
            struct frame frame;
            unsigned bit_offset;

            if (!frame_index_read(index, number, &tools->coded, &bit_offset, &err))
                continue;
            pass(tools, image, number);
            if (decoder_run(tools->decoder, image, number, tools->coded.data, tools->coded.size, bit_offset, &frame,
                            &tools->notes, &err)) {
                draw(tools, object, image, &frame);
                check_strips(tools, image, number, &frame);
            }
        }
    }
    if (histogram_builder_end(tools->builder, &histogram, &err))
        histogram_release(&histogram);
    histogram_builder_free(tools->builder);
    tools->builder = NULL;
    frame_index_close(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tools tools;
    const struct bytes bytes = bytes_of_memory(data, size);
    struct object *object = NULL;
    struct image image;
    struct error err;

    if (tools.decoder == NULL && (!decoder_new(&tools.decoder, &err) || !passer_new(&tools.passer, &err) ||
                                  !renderer_new(&tools.renderer, &err)))
        abort();
    buffer_clear(&tools.notes);
    if (object_open(&bytes, NULL, &object, &err) && image_read(object, &image, &tools.notes, &err)) {
        if ((uint64_t)image.rows * image.columns * image.samples_per_pixel <= PIXELS_MOST)
            decode(&tools, object, &image);
        image_release(&image);
    }
    object_close(object);
    return 0;
}
