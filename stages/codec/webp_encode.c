#include "codec/webp_encode.h"

#include <assert.h>
#include <string.h>

#include <webp/encode.h>
#include <webp/mux.h>

#include "base/limits.h"
#include "base/memory.h"

/* Part of a picture; x and y are even in an animation (the container counts pairs). */
struct rectangle {
    uint32_t x, y, columns, rows;
};

static bool check_size(uint32_t columns, uint32_t rows, struct error *err)
{
    if (columns <= LIMIT(WEBP_SIDE) && rows <= LIMIT(WEBP_SIDE))
        return true;
    return error_set(err, ERROR_LIMIT, "a WebP of %u x %u, expected at most WEBP_SIDE = %llu",
                     (unsigned)columns, (unsigned)rows, (unsigned long long)LIMIT(WEBP_SIDE));
}

/* -- one codestream ---------------------------------------------------------------------------- */

static bool codec_error(const WebPPicture *webp, struct error *err)
{
    static const char *const names[] = {
        "no error", "out of memory", "out of memory for the bitstream", "null parameter",
        "invalid configuration", "bad dimension", "partition 0 exceeds 512 KB", "a partition exceeds 16 MB",
        "the writer failed", "the file exceeds 4 GB", "aborted"};
    const unsigned code = (unsigned)webp->error_code;
    const bool memory = code == VP8_ENC_ERROR_OUT_OF_MEMORY || code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY;

    return error_set(err, memory ? ERROR_NOMEM : ERROR_CODEC, "libwebp: %s",
                     code < sizeof names / sizeof names[0] ? names[code] : "unknown error");
}

static bool configure(const struct webp_options *options, WebPConfig *config, struct error *err)
{
    bool ok = WebPConfigInit(config) != 0;

    if (options->lossless) {
        ok = ok && WebPConfigLosslessPreset(config, options->method) != 0;
    } else {
        config->quality = (float)options->quality;
        config->method = options->method;
    }
    if (!ok || !WebPValidateConfig(config))
        return error_set(err, ERROR_USAGE, "WebP options quality %d, method %d are out of range",
                         options->quality, options->method);
    return true;
}

/* Y of a grey level: BT.601 with head and foot room, which is what decoders assume. */
static void luma_table(uint8_t table[256])
{
    for (unsigned g = 0; g < 256; g++)
        table[g] = (uint8_t)(16 + (g * 219 * 2 + 255) / 510);
}

static void fill_luma(WebPPicture *webp, const struct picture *picture, struct rectangle r)
{
    uint8_t luma[256];

    luma_table(luma);
    for (uint32_t y = 0; y < r.rows; y++) {
        const uint8_t *const from = picture->data + (size_t)(r.y + y) * picture->columns + r.x;
        uint8_t *const to = webp->y + (size_t)y * (size_t)webp->y_stride;
        for (uint32_t x = 0; x < r.columns; x++)
            to[x] = luma[from[x]];
    }
    for (uint32_t y = 0; y < (r.rows + 1) / 2; y++) {
        memset(webp->u + (size_t)y * (size_t)webp->uv_stride, 128, (r.columns + 1) / 2);
        memset(webp->v + (size_t)y * (size_t)webp->uv_stride, 128, (r.columns + 1) / 2);
    }
}

static void fill_argb(WebPPicture *webp, const struct picture *picture, struct rectangle r)
{
    for (uint32_t y = 0; y < r.rows; y++) {
        const uint8_t *const from = picture->data + (size_t)(r.y + y) * picture->columns + r.x;
        uint32_t *const to = webp->argb + (size_t)y * (size_t)webp->argb_stride;
        for (uint32_t x = 0; x < r.columns; x++)
            to[x] = UINT32_C(0xff000000) | from[x] * UINT32_C(0x010101);
    }
}

static bool fill(WebPPicture *webp, const struct picture *picture, struct rectangle r)
{
    if (picture->channels == 3) {
        const size_t stride = (size_t)picture->columns * 3;
        return WebPPictureImportRGB(webp, picture->data + r.y * stride + (size_t)r.x * 3, (int)stride) != 0;
    }
    if (!WebPPictureAlloc(webp))
        return false;
    if (webp->use_argb)
        fill_argb(webp, picture, r);
    else
        fill_luma(webp, picture, r);
    return true;
}

struct sink {
    struct buffer *out;
    struct error *err;
    bool failed;
};

static int on_write(const uint8_t *data, size_t size, const WebPPicture *webp)
{
    struct sink *const sink = webp->custom_ptr;

    sink->failed = !buffer_append(sink->out, data, size, sink->err);
    return !sink->failed;
}

/* Appends a RIFF file with one VP8 or VP8L chunk; on failure perhaps a part of it. */
static bool encode_part(const struct picture *picture, struct rectangle r, const struct webp_options *options,
                        struct buffer *out, struct error *err)
{
    struct sink sink = {out, err, false};
    WebPConfig config;
    WebPPicture webp;

    if (!configure(options, &config, err))
        return false;
    if (!WebPPictureInit(&webp))
        return error_set(err, ERROR_CODEC, "libwebp is of another version than its header");
    webp.width = (int)r.columns;
    webp.height = (int)r.rows;
    webp.use_argb = options->lossless;
    webp.writer = on_write;
    webp.custom_ptr = &sink;
    const bool ok = fill(&webp, picture, r) && WebPEncode(&config, &webp);
    if (!ok && !sink.failed)
        (void)codec_error(&webp, err);
    WebPPictureFree(&webp);
    return ok;
}

/* -- the container ------------------------------------------------------------------------------ */

static bool mux_error(WebPMuxError code, const char *what, struct error *err)
{
    return error_set(err, code == WEBP_MUX_MEMORY_ERROR ? ERROR_NOMEM : ERROR_CODEC,
                     "libwebpmux: %s failed with error %d", what, (int)code);
}

/* Writes the mux with the metadata; frees nothing but what it made itself. */
static bool assemble(WebPMux *mux, const char *xmp, struct buffer *out, struct error *err)
{
    WebPData file;

    if (xmp != NULL) {
        const WebPData data = {(const uint8_t *)xmp, strlen(xmp)};
        const WebPMuxError set = WebPMuxSetChunk(mux, "XMP ", &data, 0);
        if (set != WEBP_MUX_OK)
            return mux_error(set, "XMP", err);
    }
    WebPDataInit(&file);
    const WebPMuxError code = WebPMuxAssemble(mux, &file);
    const bool ok = code == WEBP_MUX_OK ? buffer_append(out, file.bytes, file.size, err)
                                        : mux_error(code, "assembling", err);
    WebPDataClear(&file);
    return ok;
}

static bool add_metadata(const struct buffer *coded, const char *xmp, struct buffer *out, struct error *err)
{
    const WebPData data = {coded->data, coded->size};
    WebPMux *const mux = WebPMuxCreate(&data, 0);

    if (mux == NULL)
        return error_set(err, ERROR_CODEC, "libwebpmux cannot read what libwebp wrote");
    const bool ok = assemble(mux, xmp, out, err);
    WebPMuxDelete(mux);
    return ok;
}

bool webp_encode(const struct picture *picture, const struct webp_options *options, const char *xmp,
                 struct buffer *out, struct error *err)
{
    const struct rectangle all = {0, 0, picture->columns, picture->rows};
    const size_t start = out->size;
    struct buffer coded = {0};
    bool ok = check_size(picture->columns, picture->rows, err);

    if (ok && xmp == NULL)
        ok = encode_part(picture, all, options, out, err);
    else if (ok)
        ok = encode_part(picture, all, options, &coded, err) && add_metadata(&coded, xmp, out, err);
    buffer_release(&coded);
    if (!ok && out->data != NULL) {
        out->size = start;
        out->data[start] = 0;
    }
    return ok;
}

/* -- animation ---------------------------------------------------------------------------------- *
 * WebPAnimEncoder would take the detour over ARGB and code most frames two or three times over; a rectangle
 * of what changed, laid over the frame before, needs neither. */

enum { DURATION_MOST = (1 << 24) - 1 }; /* 24 bits in the ANMF chunk */

struct webp_animation {
    uint32_t columns, rows;
    struct webp_options options;
    WebPMux *mux;
    struct picture last;    /* of the frame that waits */
    bool has_waiting;
    struct buffer coded;    /* the frame that waits: its duration may still grow */
    struct rectangle place;
    uint32_t duration_ms;
};

bool webp_animation_new(uint32_t columns, uint32_t rows, const struct webp_options *options,
                        struct webp_animation **animation, struct error *err)
{
    const WebPMuxAnimParams params = {.bgcolor = 0xff000000, .loop_count = 0};

    if (!check_size(columns, rows, err))
        return false;
    struct webp_animation *const a = memory_zeroed(sizeof *a, err);
    if (a == NULL)
        return false;
    a->columns = columns;
    a->rows = rows;
    a->options = *options;
    a->mux = WebPMuxNew();
    if (a->mux == NULL || WebPMuxSetCanvasSize(a->mux, (int)columns, (int)rows) != WEBP_MUX_OK ||
        WebPMuxSetAnimationParams(a->mux, &params) != WEBP_MUX_OK) {
        webp_animation_free(a);
        return error_set(err, ERROR_NOMEM, "libwebpmux has no memory to start");
    }
    *animation = a;
    return true;
}

void webp_animation_free(struct webp_animation *animation)
{
    if (animation == NULL)
        return;
    WebPMuxDelete(animation->mux);
    picture_release(&animation->last);
    buffer_release(&animation->coded);
    memory_free(animation);
}

static bool push_waiting(struct webp_animation *animation, struct error *err)
{
    WebPMuxFrameInfo frame = {
        .bitstream = {animation->coded.data, animation->coded.size},
        .x_offset = (int)animation->place.x,
        .y_offset = (int)animation->place.y,
        .duration = (int)animation->duration_ms,
        .id = WEBP_CHUNK_ANMF,
        .dispose_method = WEBP_MUX_DISPOSE_NONE,
        .blend_method = WEBP_MUX_NO_BLEND,
    };

    if (!animation->has_waiting)
        return true;
    const WebPMuxError code = WebPMuxPushFrame(animation->mux, &frame, 1);
    animation->has_waiting = false;
    return code == WEBP_MUX_OK || mux_error(code, "adding a frame", err);
}

/* First and last byte of a row that differ, widened into *from and *to; false if none does. */
static bool widen(const uint8_t *a, const uint8_t *b, size_t size, size_t *from, size_t *to)
{
    size_t first = 0, last = size;

    if (memcmp(a, b, size) == 0)
        return false;
    while (a[first] == b[first])
        first++;
    while (a[last - 1] == b[last - 1])
        last--;
    *from = first < *from ? first : *from;
    *to = last > *to ? last : *to;
    return true;
}

/* What differs from the last frame; false if nothing does. */
static bool changed_part(const struct webp_animation *animation, const struct picture *picture,
                         struct rectangle *part)
{
    const struct picture *const last = &animation->last;
    const size_t channels = picture->channels, row_bytes = picture->columns * channels;
    size_t from = row_bytes, to = 0;
    uint32_t first_row = picture->rows, last_row = 0;

    *part = (struct rectangle){0, 0, picture->columns, picture->rows};
    if (!animation->has_waiting || last->channels != picture->channels)
        return true;
    for (uint32_t y = 0; y < picture->rows; y++) {
        if (widen(last->data + y * row_bytes, picture->data + y * row_bytes, row_bytes, &from, &to)) {
            first_row = y < first_row ? y : first_row;
            last_row = y;
        }
    }
    if (from >= to)
        return false;
    part->x = (uint32_t)(from / channels) & ~1u;
    part->y = first_row & ~1u;
    part->columns = (uint32_t)((to - 1) / channels) + 1 - part->x;
    part->rows = last_row + 1 - part->y;
    return true;
}

static bool keep_last(struct webp_animation *animation, const struct picture *picture, struct error *err)
{
    if (!picture_resize(&animation->last, picture->rows, picture->columns, picture->channels, err))
        return false;
    memcpy(animation->last.data, picture->data,
           (size_t)picture->rows * picture->columns * picture->channels);
    return true;
}

bool webp_animation_add(struct webp_animation *animation, const struct picture *picture,
                        uint32_t duration_ms, struct error *err)
{
    struct rectangle part;

    assert(picture->columns == animation->columns && picture->rows == animation->rows);
    const bool changed = changed_part(animation, picture, &part);
    const uint32_t duration = duration_ms < DURATION_MOST ? duration_ms : DURATION_MOST;
    if (!changed && animation->duration_ms + duration <= DURATION_MOST) {
        animation->duration_ms += duration;
        return true;
    }
    if (!push_waiting(animation, err))
        return false;
    buffer_clear(&animation->coded);
    if (!encode_part(picture, part, &animation->options, &animation->coded, err) ||
        !keep_last(animation, picture, err))
        return false;
    animation->place = part;
    animation->duration_ms = duration;
    animation->has_waiting = true;
    return true;
}

bool webp_animation_end(struct webp_animation *animation, const char *xmp, struct buffer *out,
                        struct error *err)
{
    return push_waiting(animation, err) && assemble(animation->mux, xmp, out, err);
}
