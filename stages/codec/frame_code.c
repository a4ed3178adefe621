#include "codec/frame_code.h"

#include "base/limits.h"
#include "codec/htj2k_encode.h"
#include "codec/j2k_encode.h"

enum { BASE_MOST = 64, /* PS3.5 10.18: sides of the smallest resolution of .202 */ LOSSY_BITS_LEAST = 8 };

void frame_coder_release(struct frame_coder *coder)
{
    buffer_release(&coder->coded);
    buffer_release(&coder->indexed);
    codestream_index_release(&coder->index);
}

void frame_payload_take(struct frame_payload *payload, const struct codestream_index *index)
{
    payload->count = index->count;
    for (unsigned r = 0; r < index->count; r++)
        payload->resolutions[r] = (struct frame_resolution){.columns = index->resolutions[r].columns,
                                                            .rows = index->resolutions[r].rows,
                                                            .end = index->resolutions[r].end};
}

static bool is_float(const struct frame *frame)
{
    return frame->type == SAMPLE_F32 || frame->type == SAMPLE_F64;
}

bool frame_is_too_large(const struct frame *frame)
{
    return frame_is_beyond(frame->size, frame->size / sample_size(frame->type), LIMIT(WHOLE_FRAME_BYTES));
}

enum frame_coding frame_code_best(const struct frame *frame, enum frame_coding wished)
{
    if (is_float(frame) || frame->bits_stored > J2K_BITS_MOST || frame_is_too_large(frame))
        return FRAME_PLAIN;
    if (frame->bits_stored > HTJ2K_BITS_MOST || (frame->samples_per_pixel > 1 && !htj2k_transforms(frame)))
        return FRAME_J2K;
    return wished;
}

/* The codestream in coder->coded, with its resolutions told where that can be done. */
static bool index_htj2k(struct frame_coder *coder, struct frame_payload *payload, struct error *err)
{
    struct codestream_index *const index = &coder->index;
    struct error why = {0};

    *payload = (struct frame_payload){.data = coder->coded.data, .size = coder->coded.size};
    if (!codestream_index(coder->coded.data, coder->coded.size, index, &why)) {
        if (why.kind == ERROR_UNSUPPORTED)
            return true;
        *err = why;
        return false;
    }
    buffer_clear(&coder->indexed);
    if (!codestream_rewrite(coder->coded.data, coder->coded.size, index, &coder->indexed, err))
        return false;
    payload->data = coder->indexed.data;
    payload->size = coder->indexed.size;
    frame_payload_take(payload, index);
    return true;
}

static bool code_htj2k(struct frame_coder *coder, const struct frame *frame, struct frame_payload *payload,
                       struct error *err)
{
    buffer_clear(&coder->coded);
    if (!htj2k_encode(frame, &coder->coded, err) || !index_htj2k(coder, payload, err))
        return false;
    const bool has_small_base = payload->count > 0 && payload->resolutions[0].columns <= BASE_MOST &&
                                payload->resolutions[0].rows <= BASE_MOST;
    payload->syntax = transfer_syntax_find(has_small_base ? "1.2.840.10008.1.2.4.202" : "1.2.840.10008.1.2.4.201");
    return true;
}

static bool code_j2k(struct frame_coder *coder, const struct frame *frame, struct frame_payload *payload,
                     struct error *err)
{
    struct j2k_tileparts parts;

    buffer_clear(&coder->coded);
    if (!j2k_encode(frame, &coder->coded, &parts, err))
        return false;
    *payload = (struct frame_payload){.syntax = transfer_syntax_find("1.2.840.10008.1.2.4.90"),
                                      .data = coder->coded.data, .size = coder->coded.size, .count = parts.count};
    for (size_t r = 0; r < parts.count; r++) {
        const unsigned reduce = (unsigned)(parts.count - 1 - r);

        payload->resolutions[r] = (struct frame_resolution){.columns = j2k_reduced(frame->columns, reduce),
                                                            .rows = j2k_reduced(frame->rows, reduce),
                                                            .end = parts.ends[r]};
    }
    return true;
}

bool frame_code(struct frame_coder *coder, enum frame_coding coding, const struct frame *frame,
                struct frame_payload *payload, struct error *err)
{
    switch (coding) {
    case FRAME_HTJ2K:
        return code_htj2k(coder, frame, payload, err);
    case FRAME_J2K:
        return code_j2k(coder, frame, payload, err);
    case FRAME_PLAIN:
        break;
    }
    *payload = (struct frame_payload){.syntax = transfer_syntax_find("1.2.840.10008.1.2.1"), .data = frame->samples,
                                      .size = frame->size};
    return true;
}

/* -- lossy ---------------------------------------------------------------------------------- */

bool frame_can_be_lossy(const struct frame *frame)
{
    return !frame_is_too_large(frame) && !is_float(frame) && frame->bits_stored >= LOSSY_BITS_LEAST &&
           frame->bits_stored <= HTJ2K_BITS_MOST && frame->photometric != PHOTOMETRIC_PALETTE_COLOR &&
           (frame->samples_per_pixel == 1 || htj2k_transforms(frame));
}

#define RANGE_LOOP(type) \
    do { \
        const type *const from = frame->samples; \
        for (size_t i = 0; i < count; i++) { \
            least = from[i] < least ? from[i] : least; \
            most = from[i] > most ? from[i] : most; \
        } \
    } while (0)

static int64_t range_of(const struct frame *frame)
{
    const size_t count = frame->size / sample_size(frame->type);
    int64_t least = INT64_MAX, most = INT64_MIN;

    switch (frame->type) {
    case SAMPLE_U8:
        RANGE_LOOP(uint8_t);
        break;
    case SAMPLE_S8:
        RANGE_LOOP(int8_t);
        break;
    case SAMPLE_U16:
        RANGE_LOOP(uint16_t);
        break;
    case SAMPLE_S16:
        RANGE_LOOP(int16_t);
        break;
    case SAMPLE_U32:
        RANGE_LOOP(uint32_t);
        break;
    case SAMPLE_S32:
        RANGE_LOOP(int32_t);
        break;
    case SAMPLE_F32: /* frame_can_be_lossy */
    case SAMPLE_F64:
        return 0;
    }
    return most - least;
}

bool frame_code_lossy(struct frame_coder *coder, const struct frame *frame, unsigned levels,
                      struct frame_payload *payload, struct error *err)
{
    const int64_t range = range_of(frame);

    buffer_clear(&coder->coded);
    if (!htj2k_encode_lossy(frame, range > levels ? (double)range / levels : 1, &coder->coded, err) ||
        !index_htj2k(coder, payload, err))
        return false;
    payload->syntax = transfer_syntax_find("1.2.840.10008.1.2.4.203");
    return true;
}
