#include "j2k_encode.h"

#include <string.h>

#include <openjpeg.h>

/* -- the stream: OpenJPEG writes, goes back for TLM and Psot, and writes again --------------- */

struct sink {
    struct buffer *out;
    size_t start, at; /* the codestream begins at `start` of the buffer */
    bool failed;
    struct error err;
};

static OPJ_SIZE_T sink_write(void *data, OPJ_SIZE_T size, void *client)
{
    struct sink *const sink = client;
    const size_t end = sink->at + size;

    if (end > sink->out->size) {
        if (!buffer_reserve(sink->out, end - sink->out->size, &sink->err)) {
            sink->failed = true;
            return (OPJ_SIZE_T)-1;
        }
        sink->out->size = end;
        sink->out->data[end] = 0;
    }
    memcpy(sink->out->data + sink->at, data, size);
    sink->at = end;
    return size;
}

static OPJ_BOOL sink_seek(OPJ_OFF_T offset, void *client)
{
    struct sink *const sink = client;

    if (offset < 0 || (uint64_t)offset > sink->out->size - sink->start)
        return OPJ_FALSE;
    sink->at = sink->start + (size_t)offset;
    return OPJ_TRUE;
}

static OPJ_OFF_T sink_skip(OPJ_OFF_T distance, void *client)
{
    const struct sink *const sink = client;

    return sink_seek((OPJ_OFF_T)(sink->at - sink->start) + distance, client) ? distance : -1;
}

static opj_stream_t *open_stream(struct sink *sink)
{
    opj_stream_t *const stream = opj_stream_default_create(OPJ_STREAM_WRITE);

    if (stream == NULL)
        return NULL;
    opj_stream_set_write_function(stream, sink_write);
    opj_stream_set_seek_function(stream, sink_seek);
    opj_stream_set_skip_function(stream, sink_skip);
    opj_stream_set_user_data(stream, sink, NULL);
    return stream;
}

/* -- what OpenJPEG has to say: the first error is kept, without its newline ------------------ */

struct voice {
    char text[160];
};

static void keep_text(const char *text, void *client)
{
    struct voice *const voice = client;

    if (voice->text[0] != '\0')
        return;
    const size_t length = strcspn(text, "\n");
    const size_t kept = length < sizeof voice->text ? length : sizeof voice->text - 1;
    memcpy(voice->text, text, kept);
    voice->text[kept] = '\0';
}

static void ignore_text(const char *text, void *client)
{
    (void)text;
    (void)client;
}

/* -- samples --------------------------------------------------------------------------------
 * Each loop returns which bits were used: a signed value's are those that differ from its sign. */

#define DEFINE_SPLIT(name, sample) \
    static uint32_t name(const struct frame *frame, size_t component, OPJ_INT32 *to) \
    { \
        const sample *const from = (const sample *)frame->samples + component; \
        const size_t stride = frame->samples_per_pixel; \
        const size_t count = (size_t)frame->rows * frame->columns; \
        uint32_t used = 0; \
\
        for (size_t i = 0; i < count; i++) { \
            to[i] = (OPJ_INT32)from[i * stride]; \
            used |= (uint32_t)(frame->is_signed ? to[i] ^ (to[i] >> 31) : to[i]); \
        } \
        return used; \
    }

DEFINE_SPLIT(split_u8, uint8_t)
DEFINE_SPLIT(split_s8, int8_t)
DEFINE_SPLIT(split_u16, uint16_t)
DEFINE_SPLIT(split_s16, int16_t)
DEFINE_SPLIT(split_u32, uint32_t)
DEFINE_SPLIT(split_s32, int32_t)

typedef uint32_t (*splitter)(const struct frame *, size_t, OPJ_INT32 *);

static splitter splitter_of(enum sample_type type)
{
    switch (type) {
    case SAMPLE_U8:
        return split_u8;
    case SAMPLE_S8:
        return split_s8;
    case SAMPLE_U16:
        return split_u16;
    case SAMPLE_S16:
        return split_s16;
    case SAMPLE_U32:
        return split_u32;
    case SAMPLE_S32:
        return split_s32;
    case SAMPLE_F32:
    case SAMPLE_F64:
        break;
    }
    return NULL;
}

static bool fill_image(const struct frame *frame, const opj_image_t *image, struct error *err)
{
    const splitter split = splitter_of(frame->type);
    const unsigned bits = frame->bits_stored - (frame->is_signed ? 1u : 0u);

    for (size_t c = 0; c < frame->samples_per_pixel; c++)
        if (split(frame, c, image->comps[c].data) >> bits != 0)
            return error_set(err, ERROR_CORRUPT, "a sample does not fit %u %s bits",
                             frame->bits_stored, frame->is_signed ? "signed" : "unsigned");
    return true;
}

static opj_image_t *make_image(const struct frame *frame, struct error *err)
{
    enum { COMPONENTS = 4 };
    opj_image_cmptparm_t components[COMPONENTS] = {{0}};

    for (size_t c = 0; c < frame->samples_per_pixel; c++)
        components[c] = (opj_image_cmptparm_t){
            .dx = 1,
            .dy = 1,
            .w = frame->columns,
            .h = frame->rows,
            .prec = frame->bits_stored,
            .bpp = frame->bits_stored,
            .sgnd = frame->is_signed,
        };
    opj_image_t *const image =
        opj_image_create(frame->samples_per_pixel, components, OPJ_CLRSPC_UNSPECIFIED);
    if (image == NULL) {
        (void)error_set(err, ERROR_NOMEM, "OpenJPEG has no memory for %u x %u pixels",
                        frame->columns, frame->rows);
        return NULL;
    }
    image->x1 = frame->columns;
    image->y1 = frame->rows;
    return image;
}

/* -- coding --------------------------------------------------------------------------------- */

static bool transforms(const struct frame *frame)
{
    return frame->samples_per_pixel == 3 && !frame->is_signed && frame->photometric == PHOTOMETRIC_RGB &&
           frame->bits_stored < J2K_BITS_MOST;
}

static void set_parameters(const struct frame *frame, opj_cparameters_t *parameters)
{
    opj_set_default_encoder_parameters(parameters);
    parameters->tcp_numlayers = 1;
    parameters->tcp_rates[0] = 0; /* lossless */
    parameters->cp_disto_alloc = 1;
    parameters->irreversible = 0;
    parameters->prog_order = OPJ_RPCL;
    parameters->tp_on = 1; /* a tile-part for each resolution */
    parameters->tp_flag = 'R';
    parameters->numresolution = (int)j2k_decompositions(frame->columns, frame->rows) + 1;
    parameters->tcp_mct = transforms(frame);
}

static bool run_codec(const struct frame *frame, opj_image_t *image, struct sink *sink,
                      struct error *err)
{
    /* two guard bits hold the largest coefficients, but not those of the transform's differences */
    const char *const extras[] = {"PLT=YES", "TLM=YES", transforms(frame) ? "GUARD_BITS=3" : NULL, NULL};
    opj_cparameters_t parameters;
    struct voice voice = {""};
    opj_codec_t *const codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_stream_t *const stream = open_stream(sink);
    bool ok = codec != NULL && stream != NULL;

    if (ok) {
        (void)opj_set_error_handler(codec, keep_text, &voice);
        (void)opj_set_warning_handler(codec, ignore_text, NULL);
        (void)opj_set_info_handler(codec, ignore_text, NULL);
        set_parameters(frame, &parameters);
        ok = opj_setup_encoder(codec, &parameters, image) &&
             opj_encoder_set_extra_options(codec, extras) &&
             opj_start_compress(codec, image, stream) && opj_encode(codec, stream) &&
             opj_end_compress(codec, stream);
    }
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    if (sink->failed)
        *err = sink->err;
    else if (!ok)
        (void)error_set(err, ERROR_CODEC, "OpenJPEG: %s",
                        voice.text[0] != '\0' ? voice.text : "cannot encode");
    return ok && !sink->failed;
}

static bool check_frame(const struct frame *frame, struct error *err)
{
    if (frame->bits_stored < 1 || frame->bits_stored > J2K_BITS_MOST ||
        splitter_of(frame->type) == NULL)
        return error_set(err, ERROR_UNSUPPORTED,
                         "JPEG 2000 is written for integers of 1 to %d bits, not for %u",
                         J2K_BITS_MOST, frame->bits_stored);
    if (frame->columns == 0 || frame->rows == 0 || frame->samples_per_pixel < 1 ||
        frame->samples_per_pixel > 4)
        return error_set(err, ERROR_CORRUPT, "a frame of %u x %u pixels, %u samples each",
                         frame->columns, frame->rows, frame->samples_per_pixel);
    return true;
}

static bool encode(const struct frame *frame, struct sink *sink, struct j2k_tileparts *parts,
                   struct error *err)
{
    opj_image_t *const image = make_image(frame, err);

    if (image == NULL)
        return false;
    const bool ok = fill_image(frame, image, err) && run_codec(frame, image, sink, err);
    opj_image_destroy(image);
    if (!ok || !j2k_tileparts_find(sink->out->data + sink->start, sink->out->size - sink->start,
                                   parts, err))
        return false;
    const size_t expected = j2k_decompositions(frame->columns, frame->rows) + 1u;
    return parts->count == expected ||
           error_set(err, ERROR_CODEC, "OpenJPEG wrote %zu tile-parts, expected %zu", parts->count,
                     expected);
}

bool j2k_encode(const struct frame *frame, struct buffer *out, struct j2k_tileparts *parts,
                struct error *err)
{
    struct sink sink = {.out = out, .start = out->size, .at = out->size};

    if (check_frame(frame, err) && buffer_reserve(out, frame->size / 2 + 4096, err) &&
        encode(frame, &sink, parts, err))
        return true;
    if (out->size > sink.start) {
        out->size = sink.start;
        out->data[out->size] = 0;
    }
    return false;
}
