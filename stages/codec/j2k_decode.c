/* j2k_decode.c - JPEG 2000 and HTJ2K (T.800, T.814) by OpenJPEG
 *
 * Strict: OpenJPEG would otherwise hand out what it has of a codestream that ends early. It undoes
 * RCT and ICT. One image is one call; the library's objects live here only.
 */
#include <limits.h>
#include <openjpeg.h>
#include <stdio.h>
#include <string.h>

#include "codec/codec.h"
#include "codec/j2k_header.h"

enum { STREAM_BUFFER = 1 << 16 };

/* MCT means RCT or ICT of red, green and blue, whatever the data set says (PS3.5 8.2.4). Without it
 * the components are what the data set says, except that an external RCT or ICT does not exist. */
static bool settle_colour(const struct coded *coded, const struct j2k_header *header,
                          struct codestream *stream, struct error *err)
{
    const enum photometric said = coded->image->photometric;
    const bool is_ybr = said == PHOTOMETRIC_YBR_FULL || said == PHOTOMETRIC_YBR_FULL_422 ||
                        said == PHOTOMETRIC_YBR_PARTIAL_420 || said == PHOTOMETRIC_YBR_PARTIAL_422;

    stream->photometric = PHOTOMETRIC_UNKNOWN;
    if (header->components != 3 || !header->component_transform)
        return true;
    if (said == PHOTOMETRIC_HSV)
        return error_set(err, ERROR_CORRUPT, "photometric interpretation is HSV, but the codestream transforms RGB");
    stream->photometric = PHOTOMETRIC_RGB;
    return !is_ybr ||
           coded_note(coded, err,
                      "photometric interpretation is %s, but the codestream transforms RGB",
                      photometric_word(said));
}

bool j2k_inspect(const struct coded *coded, struct codestream *stream, struct error *err)
{
    struct j2k_header header;

    if (!j2k_header_read(coded->data, coded->size, &header, err))
        return false;
    if (header.precision > 31)
        return error_set(err, ERROR_UNSUPPORTED, "JPEG 2000 with %u bits", header.precision);
    *stream = (struct codestream){
        .rows = header.rows,
        .columns = header.columns,
        .components = header.components,
        .precision = header.precision,
        .sign = header.is_signed ? CODE_SIGNED : CODE_UNSIGNED,
        .lossy = !header.reversible,
        .sample_bytes = header.precision <= 8    ? 1
                        : header.precision <= 16 ? 2
                                                 : 4,
        .offset = header.offset,
        .size = header.size,
        .levels = header.components_differ ? UINT_MAX : header.levels,
        .endless_tile_part = header.endless_tile_part,
        .strip_rows = header.tiles > 1 && !header.has_origin ? header.tile_rows : 0,
        .tile_columns = header.tile_columns,
    };
    if (header.in_jp2 && !coded_note(coded, err, "JPEG 2000 codestream inside a JP2 file"))
        return false;
    if (header.endless_tile_part > 0 &&
        !coded_note(coded, err, "JPEG 2000 tile-part says %u bytes, there are %u: read to the end",
                    header.declared, header.there))
        return false;
    if (!header.has_end && !coded_note(coded, err, "JPEG 2000 codestream has no end (FFD9)"))
        return false;
    return settle_colour(coded, &header, stream, err);
}

/* A run of memory as OpenJPEG wants to read it; zeroes in [zero, zero + 4) if zero is not 0. */
struct memory_stream {
    const uint8_t *data;
    size_t size, at, zero;
};

static OPJ_SIZE_T stream_read(void *to, OPJ_SIZE_T size, void *client)
{
    struct memory_stream *stream = client;
    uint8_t *bytes = to;

    if (stream->at >= stream->size)
        return (OPJ_SIZE_T)-1;
    if (size > stream->size - stream->at)
        size = stream->size - stream->at;
    memcpy(bytes, stream->data + stream->at, size);
    if (stream->zero > 0)
        for (size_t i = stream->zero; i < stream->zero + 4; i++)
            if (i >= stream->at && i - stream->at < size)
                bytes[i - stream->at] = 0;
    stream->at += size;
    return size;
}

static OPJ_OFF_T stream_skip(OPJ_OFF_T count, void *client)
{
    struct memory_stream *stream = client;

    if (count < 0 || (uint64_t)count > stream->size - stream->at)
        return -1;
    stream->at += (size_t)count;
    return count;
}

static OPJ_BOOL stream_seek(OPJ_OFF_T to, void *client)
{
    struct memory_stream *stream = client;

    if (to < 0 || (uint64_t)to > stream->size)
        return OPJ_FALSE;
    stream->at = (size_t)to;
    return OPJ_TRUE;
}

/* The first error and the first warning, without their newlines. */
struct messages {
    char error[160], warning[160];
};

static void keep_first(char *kept, size_t size, const char *text)
{
    if (kept[0] == '\0') {
        snprintf(kept, size, "%s", text);
        kept[strcspn(kept, "\r\n")] = '\0';
    }
}

static void on_error(const char *text, void *client)
{
    struct messages *messages = client;
    keep_first(messages->error, sizeof messages->error, text);
}

static void on_warning(const char *text, void *client)
{
    struct messages *messages = client;
    keep_first(messages->warning, sizeof messages->warning, text);
}

static void on_info(const char *text, void *client)
{
    (void)text;
    (void)client;
}

static bool opj_failed(const struct messages *messages, struct error *err)
{
    const char *text = messages->error[0] ? messages->error : messages->warning;
    /* "Size of tile data exceeds system limits": malloc() has failed; sizes are compared before */
    const bool is_memory = strstr(text, "system limits") != NULL || strstr(text, "memory") != NULL;
    return error_set(err, is_memory ? ERROR_NOMEM : ERROR_CORRUPT, "JPEG 2000 codestream: %s",
                     text[0] ? text : "refused by OpenJPEG");
}

static bool is_as_announced(const opj_image_t *image, const struct codestream *stream, uint32_t columns,
                            struct error *err)
{
    if (image->numcomps != stream->components)
        return error_set(err, ERROR_CORRUPT, "expected %u JPEG 2000 components, found %u",
                         stream->components, image->numcomps);
    for (unsigned c = 0; c < image->numcomps; c++) {
        const opj_image_comp_t *component = &image->comps[c];
        if (component->w != columns || component->h != stream->rows || !component->data)
            return error_set(err, ERROR_CORRUPT,
                             "JPEG 2000 component %u is %u x %u, expected %u x %u", c + 1,
                             component->h, component->w, stream->rows, columns);
        if (stream->levels != UINT_MAX && component->resno_decoded < stream->levels)
            return error_set(err, ERROR_TRUNCATED,
                             "JPEG 2000 component %u ends at resolution %u of %u", c + 1,
                             component->resno_decoded, stream->levels);
    }
    return true;
}

#define STORE_LOOP(type) \
    do { \
        for (unsigned c = 0; c < components; c++) { \
            const OPJ_INT32 *source = image->comps[c].data; \
            for (size_t row = 0; row < rows; row++) { \
                type *target = (type *)samples + (row * stream->columns + left) * components + c; \
                for (size_t i = 0; i < columns; i++) \
                    target[i * components] = (type)source[row * columns + i]; \
            } \
        } \
    } while (0)

/* Into the samples of whole rows, from column `left` on. */
static void store(const opj_image_t *image, const struct codestream *stream, uint32_t left, void *samples)
{
    const size_t columns = image->comps[0].w, rows = image->comps[0].h;
    const unsigned components = stream->components;

    if (stream->sample_bytes == 1)
        STORE_LOOP(uint8_t);
    else if (stream->sample_bytes == 2)
        STORE_LOOP(uint16_t);
    else
        STORE_LOOP(uint32_t);
}

static bool decode_whole(opj_codec_t *codec, opj_stream_t *input, opj_image_t *image, const struct messages *messages,
                         const struct codestream *stream, void *samples, struct error *err)
{
    if (!opj_decode(codec, input, image) || !opj_end_decompress(codec, input))
        return opj_failed(messages, err);
    if (!is_as_announced(image, stream, stream->columns, err))
        return false;
    store(image, stream, 0, samples);
    return true;
}

/* One row of tiles, tile by tile: OpenJPEG holds its samples as 32-bit numbers, of one tile only. */
static bool decode_strip(opj_codec_t *codec, opj_stream_t *input, opj_image_t *image, const struct messages *messages,
                         const struct codestream *stream, void *samples, struct error *err)
{
    const uint32_t across = stream->columns / stream->tile_columns + (stream->columns % stream->tile_columns > 0);
    const uint32_t first = stream->first_row / stream->strip_rows * across;

    for (uint32_t x = 0; x < across; x++) {
        const uint32_t left = x * stream->tile_columns, room = stream->columns - left;

        if (!opj_get_decoded_tile(codec, input, image, first + x))
            return opj_failed(messages, err);
        if (!is_as_announced(image, stream, room < stream->tile_columns ? room : stream->tile_columns, err))
            return false;
        store(image, stream, left, samples);
    }
    return true;
}

bool j2k_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                struct error *err)
{
    struct memory_stream memory = {coded->data + stream->offset, stream->size, 0,
                                   stream->endless_tile_part};
    struct messages messages = {{0}, {0}};
    opj_dparameters_t parameters;
    opj_codec_t *codec = NULL;
    opj_stream_t *input = NULL;
    opj_image_t *image = NULL;
    bool ok = false;

    codec = opj_create_decompress(OPJ_CODEC_J2K);
    input = opj_stream_create(STREAM_BUFFER, OPJ_TRUE);
    if (!codec || !input) {
        error_set(err, ERROR_NOMEM, "out of memory in OpenJPEG");
        goto done;
    }
    opj_set_error_handler(codec, on_error, &messages);
    opj_set_warning_handler(codec, on_warning, &messages);
    opj_set_info_handler(codec, on_info, NULL);
    opj_stream_set_read_function(input, stream_read);
    opj_stream_set_skip_function(input, stream_skip);
    opj_stream_set_seek_function(input, stream_seek);
    opj_stream_set_user_data(input, &memory, NULL);
    opj_stream_set_user_data_length(input, stream->size);
    opj_set_default_decoder_parameters(&parameters);
    if (!opj_setup_decoder(codec, &parameters) || !opj_decoder_set_strict_mode(codec, OPJ_TRUE) ||
        !opj_read_header(input, codec, &image)) {
        opj_failed(&messages, err);
        goto done;
    }
    ok = (stream->is_strip ? decode_strip : decode_whole)(codec, input, image, &messages, stream, samples, err) &&
         (messages.warning[0] == '\0' || coded_note(coded, err, "JPEG 2000 codestream: %s", messages.warning));
done:
    opj_image_destroy(image);
    opj_stream_destroy(input);
    opj_destroy_codec(codec);
    return ok;
}
