#include "dicom/pixels.h"

#include <assert.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "dicom/colour.h"

struct renderer {
    struct buffer key, wanted; /* of the table, of the frame at hand */
    uint8_t table[65536];      /* by stored value, from the type's least one on */
};

bool renderer_new(struct renderer **renderer, struct error *err)
{
    *renderer = memory_zeroed(sizeof **renderer, err);
    return *renderer != NULL;
}

void renderer_free(struct renderer *renderer)
{
    if (renderer == NULL)
        return;
    buffer_release(&renderer->key);
    buffer_release(&renderer->wanted);
    memory_free(renderer);
}

bool frame_is_colour(const struct frame *frame)
{
    return frame->samples_per_pixel > 1 || frame->photometric == PHOTOMETRIC_PALETTE_COLOR;
}

static bool is_signed_type(enum sample_type type)
{
    return type == SAMPLE_S8 || type == SAMPLE_S16;
}

/* The values that `bits` bits can have, within those of the container. */
static void value_range(const struct frame *frame, unsigned bits, int32_t *least, int32_t *most)
{
    *least = is_signed_type(frame->type) ? -(INT32_C(1) << (bits - 1)) : 0;
    *most = *least + (INT32_C(1) << bits) - 1;
}

/* Values beyond Bits Stored cannot come (frame.h); they would show as the nearest one that can. */
static bool build_table(struct renderer *renderer, const struct frame *frame, const struct voi_curve *curve,
                        struct error *err)
{
    const unsigned container = frame->type == SAMPLE_U8 || frame->type == SAMPLE_S8 ? 8 : 16;
    int32_t first, last, least, most;

    if (frame->bits_stored < 1 || frame->bits_stored > container)
        return error_set(err, ERROR_CORRUPT, "samples of %u bits in %u", (unsigned)frame->bits_stored,
                         container);
    value_range(frame, container, &first, &last);
    value_range(frame, frame->bits_stored, &least, &most);
    uint8_t *const zero = renderer->table - first;
    if (!voi_table_fill(curve, least, most, zero, err))
        return false;
    memset(zero + first, zero[least], (size_t)(least - first));
    memset(zero + most, zero[most], (size_t)(last - most) + 1);
    return true;
}

static bool ready_table(struct renderer *renderer, const struct frame *frame, const struct voi_curve *curve,
                        struct error *err)
{
    struct buffer *const wanted = &renderer->wanted;

    buffer_clear(wanted);
    if (!buffer_put_u8(wanted, (uint8_t)frame->type, err) ||
        !buffer_put_u16(wanted, frame->bits_stored, err) ||
        !voi_key(curve->display, curve->voi, wanted, err))
        return false;
    if (renderer->key.size == wanted->size && memcmp(renderer->key.data, wanted->data, wanted->size) == 0)
        return true;
    buffer_clear(&renderer->key); /* until the table is whole */
    if (!build_table(renderer, frame, curve, err))
        return false;
    const struct buffer old = renderer->key;
    renderer->key = *wanted;
    *wanted = old;
    return true;
}

#define MAP(type, zero) \
    do { \
        const type *const from = frame->samples; \
        for (size_t i = 0; i < count; i++) \
            to[i] = (zero)[from[i]]; \
    } while (0)

static void map_table(const uint8_t *table, const struct frame *frame, size_t count, uint8_t *to)
{
    switch (frame->type) {
    case SAMPLE_U8:
        MAP(uint8_t, table);
        break;
    case SAMPLE_S8:
        MAP(int8_t, table + 128);
        break;
    case SAMPLE_U16:
        MAP(uint16_t, table);
        break;
    default:
        assert(frame->type == SAMPLE_S16);
        MAP(int16_t, table + 32768);
    }
}

#define COMPUTE(type) \
    do { \
        const type *const from = frame->samples; \
        for (size_t i = 0; i < count; i++) \
            to[i] = voi_grey(curve, (double)from[i]); \
    } while (0)

static void compute(const struct voi_curve *curve, const struct frame *frame, size_t count, uint8_t *to)
{
    switch (frame->type) {
    case SAMPLE_U32:
        COMPUTE(uint32_t);
        break;
    case SAMPLE_S32:
        COMPUTE(int32_t);
        break;
    case SAMPLE_F32:
        COMPUTE(float);
        break;
    default:
        assert(frame->type == SAMPLE_F64);
        COMPUTE(double);
    }
}

static bool draw_grey(struct renderer *renderer, const struct frame *frame,
                      const struct frame_display *display, const struct voi *voi, struct picture *picture,
                      struct error *err)
{
    const struct voi_curve curve = {display, voi};
    const size_t count = (size_t)frame->rows * frame->columns;

    if (!voi_curve_check(&curve, err) || !picture_resize(picture, frame->rows, frame->columns, 1, err))
        return false;
    if (frame->type > SAMPLE_S16) {
        compute(&curve, frame, count, picture->data);
        return true;
    }
    if (!ready_table(renderer, frame, &curve, err))
        return false;
    map_table(renderer->table, frame, count, picture->data);
    return true;
}

bool renderer_draw(struct renderer *renderer, const struct image *image, const struct frame *frame,
                   const struct frame_display *display, const struct voi *voi, struct picture *picture,
                   struct error *err)
{
    const uint64_t expected =
        (uint64_t)frame->rows * frame->columns * frame->samples_per_pixel * sample_size(frame->type);

    if (frame->size != expected || frame->samples == NULL)
        return error_set(err, ERROR_CORRUPT, "frame has %zu bytes, expected %llu", frame->size,
                         (unsigned long long)expected);
    if (frame_is_colour(frame))
        return colour_draw(image, frame, picture, err);
    return draw_grey(renderer, frame, display, voi, picture, err) &&
           (image == NULL || !image->has_supplement || colour_supplement(image, frame, picture, err));
}
