/* jls_decode.c - JPEG-LS (T.87) by CharLS
 *
 * CharLS 2.4.1 can spend seconds at the end of a truncated codestream: it is given one that always
 * ends in a marker. Scans of single components (ILV none) come out as planes.
 */
#include <charls/charls.h>
#include <string.h>

#include "codec/codec.h"
#include "codec/jpeg_header.h"
#include "codec/samples.h"

enum { INTERLEAVE_NONE = 0, INTERLEAVE_MOST = 2 };
enum { END_SIZE = 2 }; /* FF D9, appended */

bool jls_inspect(const struct coded *coded, struct codestream *stream, struct error *err)
{
    struct jpeg_header header;

    if (!jpeg_header_read(coded->data, coded->size, &header, err))
        return false;
    if (header.process != JPEG_LS)
        return error_set(err, ERROR_CORRUPT, "expected a JPEG-LS codestream (FFF7), found FF%02X",
                         header.process);
    if (header.precision < 2 || header.precision > 16)
        return error_set(err, ERROR_UNSUPPORTED, "JPEG-LS with %u bits", header.precision);
    if (header.interleave > INTERLEAVE_MOST)
        return error_set(err, ERROR_CORRUPT, "JPEG-LS interleave mode %u", header.interleave);
    *stream = (struct codestream){
        .rows = header.rows,
        .columns = header.columns,
        .components = header.components,
        .precision = header.precision,
        .lossy = header.near > 0,
        .sample_bytes = header.precision <= 8 ? 1 : 2,
        .size = coded->size,
        .process = header.interleave,
    };
    return true;
}

static bool charls_failed(charls_jpegls_errc code, struct error *err)
{
    const bool cut = code == CHARLS_JPEGLS_ERRC_SOURCE_BUFFER_TOO_SMALL ||
                     code == CHARLS_JPEGLS_ERRC_UNEXPECTED_END_OF_IMAGE_MARKER;
    const enum error_kind kind = code == CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY ? ERROR_NOMEM
                                 : cut                                        ? ERROR_TRUNCATED
                                                                              : ERROR_CORRUPT;
    return error_set(err, kind, "JPEG-LS codestream: %s", charls_get_error_message(code));
}

/* CharLS has decoded a whole scan before it looks for the marker that follows. With one scan there
 * is nothing to come, and bytes before EOI (WG04's MR1_JLSL has a stray 00) change no pixel. */
static bool is_only_the_end(charls_jpegls_errc code, const struct codestream *stream)
{
    const bool one_scan = stream->components == 1 || stream->process != INTERLEAVE_NONE;
    return one_scan && code == CHARLS_JPEGLS_ERRC_JPEG_MARKER_START_BYTE_NOT_FOUND;
}

static bool run(charls_jpegls_decoder *decoder, const struct coded *coded, size_t source_size,
                const struct codestream *stream, void *to, size_t to_size, struct error *err)
{
    charls_frame_info info;
    charls_jpegls_errc code;

    code = charls_jpegls_decoder_set_source_buffer(decoder, coded->scratch->data, source_size);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_read_header(decoder);
    if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
        code = charls_jpegls_decoder_get_frame_info(decoder, &info);
    if (code != CHARLS_JPEGLS_ERRC_SUCCESS)
        return charls_failed(code, err);
    if (info.width != stream->columns || info.height != stream->rows ||
        info.component_count != stream->components || info.bits_per_sample != stream->precision)
        return error_set(err, ERROR_CORRUPT, "JPEG-LS frame header read as %u x %u x %d, %d bits",
                         info.height, info.width, info.component_count, info.bits_per_sample);
    code = charls_jpegls_decoder_decode_to_buffer(decoder, to, to_size, 0);
    if (is_only_the_end(code, stream))
        return coded_note(coded, err, "JPEG-LS codestream has bytes before its end of image");
    return code == CHARLS_JPEGLS_ERRC_SUCCESS || charls_failed(code, err);
}

static bool has_end(const uint8_t *data, size_t size)
{
    while (size > 2 && (data[size - 1] == 0 || data[size - 1] == 0xff))
        size--; /* padding */
    return size >= 2 && data[size - 2] == 0xff && data[size - 1] == 0xd9;
}

bool jls_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                struct error *err)
{
    const size_t pixels = (size_t)stream->rows * stream->columns;
    const size_t to_size = pixels * stream->components * stream->sample_bytes;
    const bool planes = stream->components > 1 && stream->process == INTERLEAVE_NONE;
    const size_t source_size = coded->size + END_SIZE;
    charls_jpegls_decoder *decoder = NULL;
    struct scratch planar = {0};
    bool ok = false;

    if (!scratch_fit(coded->scratch, source_size, err))
        return false;
    memcpy(coded->scratch->data, coded->data, coded->size);
    memcpy(coded->scratch->data + coded->size, "\xff\xd9", END_SIZE);
    if (planes && !scratch_fit(&planar, to_size, err))
        goto done;
    decoder = charls_jpegls_decoder_create();
    if (!decoder) {
        error_set(err, ERROR_NOMEM, "out of memory in CharLS");
        goto done;
    }
    ok = run(decoder, coded, source_size, stream, planes ? planar.data : samples, to_size, err);
    if (ok && !has_end(coded->data, coded->size))
        ok = coded_note(coded, err, "JPEG-LS codestream has no end of image");
    if (ok && planes)
        samples_interleave(planar.data, pixels, stream->components, stream->sample_bytes, samples);
done:
    charls_jpegls_decoder_destroy(decoder);
    scratch_release(&planar);
    return ok;
}
