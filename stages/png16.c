/* png16.c - the stored values of every frame as PNG, for programs that read no DICOM
 *
 * Grey and palette indices become 16-bit PNG, the values as they are; PNG knows no sign, so signed
 * values are offset by 32,768 and the name says so. RGB of 8 bits becomes an 8-bit PNG.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "codec/png_encode.h"
#include "stages.h"

enum { BITS_MOST = 16, SIGN_OFFSET = 32768 };

struct options {
    int64_t level;
};

static const struct option option_table[] = {
    {.name = "level",
     .type = OPTION_INT,
     .offset = offsetof(struct options, level),
     .default_value = "6",
     .least = 1,
     .most = 9,
     .help = "zlib's: 1 fast, 9 small"},
    {.name = NULL},
};

struct state {
    uint16_t *samples; /* of the frame at hand, when they have to be widened */
    size_t capacity;
    struct buffer coded;
    bool told;
};

static bool png16_accepts(const struct stage_input *input, const void *options, char *reason,
                          size_t size)
{
    const struct image *const image = input->image;
    const char *why = NULL;

    (void)options;
    if (image->element != PIXEL_ELEMENT_INTEGER)
        why = "PNG holds no floating point";
    else if (image->bits_stored > BITS_MOST)
        why = "PNG holds no more than 16 bits";
    else if (image->samples_per_pixel != 1 && image->photometric != PHOTOMETRIC_RGB &&
             image->photometric != PHOTOMETRIC_YBR_RCT && image->photometric != PHOTOMETRIC_YBR_ICT)
        why = "PNG holds no colour but RGB, and a conversion is not lossless";
    else if (image->samples_per_pixel != 1 && image->is_signed)
        why = "PNG holds no signed colour";
    if (why != NULL)
        (void)snprintf(reason, size, "%s", why);
    return why == NULL;
}

static bool png16_begin(struct stage_run *run, struct error *err)
{
    (void)run;
    (void)err;
    return true;
}

static uint16_t sample_at(const struct frame *frame, size_t i)
{
    switch (frame->type) {
    case SAMPLE_U8:
        return ((const uint8_t *)frame->samples)[i];
    case SAMPLE_S8:
        return (uint16_t)(((const int8_t *)frame->samples)[i] + SIGN_OFFSET);
    case SAMPLE_U16:
        return ((const uint16_t *)frame->samples)[i];
    case SAMPLE_S16:
        return (uint16_t)(((const int16_t *)frame->samples)[i] + SIGN_OFFSET);
    case SAMPLE_U32:
        return (uint16_t)((const uint32_t *)frame->samples)[i];
    case SAMPLE_S32:
        return (uint16_t)(((const int32_t *)frame->samples)[i] + SIGN_OFFSET);
    case SAMPLE_F32:
    case SAMPLE_F64:
        break;
    }
    return 0;
}

static bool widen(struct state *state, const struct frame *frame, size_t count, struct error *err)
{
    void *samples = state->samples;

    if (!memory_grow(&samples, &state->capacity, count, sizeof *state->samples, err))
        return false;
    state->samples = samples;
    for (size_t i = 0; i < count; i++)
        state->samples[i] = sample_at(frame, i);
    return true;
}

/* The encoder only reads; a picture has no const form. */
static struct picture borrow_picture(const struct frame *frame)
{
    struct picture picture = {.rows = frame->rows, .columns = frame->columns, .channels = 3};

    memcpy(&picture.data, &frame->samples, sizeof picture.data);
    return picture;
}

static bool encode(struct stage_run *run, const struct frame *frame, struct error *err)
{
    const int level = (int)((const struct options *)run->options)->level;
    struct state *const state = run->state;
    const size_t count = (size_t)frame->rows * frame->columns * frame->samples_per_pixel;
    const unsigned significant = frame->is_signed ? BITS_MOST : frame->bits_stored;

    buffer_clear(&state->coded);
    if (frame->samples_per_pixel == 3 && frame->type == SAMPLE_U8 && frame->bits_stored == 8) {
        const struct picture picture = borrow_picture(frame);
        return png_encode(&picture, level, &state->coded, err);
    }
    if (frame->type == SAMPLE_U16)
        return png_encode_16(frame->samples, frame->columns, frame->rows, frame->samples_per_pixel,
                             significant, level, &state->coded, err);
    return widen(state, frame, count, err) &&
           png_encode_16(state->samples, frame->columns, frame->rows, frame->samples_per_pixel,
                         significant, level, &state->coded, err);
}

/* What the codestream brought may differ from what the header announced. */
static bool check_frame(const struct frame *frame, struct error *err)
{
    if (frame->bits_stored > BITS_MOST || frame->type == SAMPLE_F32 || frame->type == SAMPLE_F64)
        return error_set(err, ERROR_UNSUPPORTED, "PNG holds no more than 16 bits, the frame has %u",
                         frame->bits_stored);
    if (frame->samples_per_pixel != 1 &&
        (frame->samples_per_pixel != 3 || frame->photometric != PHOTOMETRIC_RGB ||
         frame->is_signed))
        return error_set(err, ERROR_UNSUPPORTED, "PNG holds unsigned RGB only, the frame is %s",
                         photometric_word(frame->photometric));
    return true;
}

static bool tell(struct stage_run *run, const struct frame *frame, struct error *err)
{
    struct state *const state = run->state;

    if (state->told || !frame->is_signed)
        return true;
    state->told = true;
    return buffer_puts(run->notes, "png16: signed values are offset by 32768\n", err);
}

static bool png16_frame(struct stage_run *run, const struct stage_frame *input, struct error *err)
{
    const struct frame *const frame = input->frame;
    struct state *const state = run->state;
    char name[48];

    if (!check_frame(frame, err) || !encode(run, frame, err) || !tell(run, frame, err))
        return false;
    (void)snprintf(name, sizeof name, frame->is_signed ? "png16-%u-offset32768" : "png16-%u",
                   frame->number);
    const struct part part = {state->coded.data, state->coded.size};
    const struct artefact_spec spec = {
        .place = PLACE_RENDITION,
        .name = name,
        .extension = "png",
        .media_type = "image/png",
        .frame = frame->number,
        .columns = frame->columns,
        .rows = frame->rows,
    };
    return staging_put(run->staging, &spec, &part, 1, err);
}

static bool png16_finish(struct stage_run *run, struct error *err)
{
    (void)run;
    (void)err;
    return true;
}

static void png16_release(struct stage_run *run)
{
    struct state *const state = run->state;

    buffer_release(&state->coded);
    memory_free(state->samples);
}

const struct stage png16_stage = {
    .name = "png16",
    .summary = "stored values as 16-bit PNG, lossless",
    .version = 1,
    .scope = SCOPE_INSTANCE,
    .needs = NEEDS_FRAME,
    .on_by_default = false,
    .options = option_table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .accepts = png16_accepts,
    .begin = png16_begin,
    .frame = png16_frame,
    .finish = png16_finish,
    .release = png16_release,
};
