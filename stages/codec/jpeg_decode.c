/* jpeg_decode.c - JPEG (T.81): which of three libjpegs decodes it, and what its components are
 *
 * libjpeg-turbo reads 8 bits; GDCM's builds of libjpeg read 12 bits (jpeg12_decode.c) and lossless
 * codestreams (jpeg16_decode.c). None converts colour: YBR stays YBR.
 */
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>

#include "codec/codec.h"
#include "codec/jpeg_header.h"

#define JPEG_DECODE jpeg8_decode
#include "codec/jpeg_decode.inc"

/* Three components are RGB or YCbCr, and the codestream may say which: an Adobe marker or the
 * identifiers R, G, B outright; JFIF (always YCbCr, but nobody converts before lossless coding) and
 * subsampling by what they imply. Otherwise the data set says (PS3.5 8.2.1), whatever a plain
 * decoder would guess: libjpeg takes SC_rgb_jpeg.dcm for YCbCr. */
static enum photometric colour_of_codestream(const struct jpeg_header *header)
{
    if (header->adobe_transform == 0)
        return PHOTOMETRIC_RGB;
    if (header->adobe_transform > 0 || (header->has_jfif && header->process != JPEG_LOSSLESS))
        return PHOTOMETRIC_YBR_FULL;
    if (header->component[0].id == 'R' && header->component[1].id == 'G' &&
        header->component[2].id == 'B')
        return PHOTOMETRIC_RGB;
    if (header->component[0].across > header->component[1].across ||
        header->component[0].down > header->component[1].down)
        return PHOTOMETRIC_YBR_FULL;
    return PHOTOMETRIC_UNKNOWN;
}

static enum photometric colour_of_data_set(enum photometric photometric)
{
    switch (photometric) {
    case PHOTOMETRIC_YBR_FULL_422:
    case PHOTOMETRIC_YBR_ICT:
    case PHOTOMETRIC_YBR_RCT:
        return PHOTOMETRIC_YBR_FULL;
    case PHOTOMETRIC_YBR_PARTIAL_420:
        return PHOTOMETRIC_YBR_PARTIAL_422; /* upsampled either way */
    default:
        return photometric;
    }
}

static bool settle_colour(const struct coded *coded, const struct jpeg_header *header,
                          struct codestream *stream, struct error *err)
{
    const enum photometric said = colour_of_data_set(coded->image->photometric);
    const enum photometric found = colour_of_codestream(header);

    stream->photometric = PHOTOMETRIC_UNKNOWN;
    if (header->components == 4 && header->adobe_transform > 0)
        return error_set(err, ERROR_UNSUPPORTED, "JPEG codestream in YCCK");
    if (header->components != 3)
        return true;
    stream->photometric = said;
    if (found == PHOTOMETRIC_UNKNOWN || found == said ||
        (found == PHOTOMETRIC_YBR_FULL && said == PHOTOMETRIC_YBR_PARTIAL_422) ||
        (found == PHOTOMETRIC_RGB && said == PHOTOMETRIC_HSV)) /* no transform is all that RGB says then */
        return true;
    if (said == PHOTOMETRIC_HSV)
        return error_set(err, ERROR_CORRUPT, "photometric interpretation is HSV, but the JPEG codestream is YCbCr");
    stream->photometric = found;
    return coded_note(coded, err, "photometric interpretation is %s, but the JPEG codestream is %s",
                      photometric_word(coded->image->photometric),
                      found == PHOTOMETRIC_RGB ? "RGB" : "YCbCr");
}

/* A bit each sample when lossless, else two bits (DC, end of block) each block of 64. */
static uint64_t least_size(const struct jpeg_header *header)
{
    const uint64_t pixels = (uint64_t)header->rows * header->columns;

    if (header->process == JPEG_LOSSLESS)
        return pixels * header->components / 8;
    return header->process == JPEG_PROGRESSIVE ? 0
                                               : pixels / 64 / 4; /* 0: end-of-band runs are long */
}

bool jpeg_inspect(const struct coded *coded, struct codestream *stream, struct error *err)
{
    struct jpeg_header header;

    if (!jpeg_header_read(coded->data, coded->size, &header, err))
        return false;
    const bool lossless = header.process == JPEG_LOSSLESS;
    if (header.process > JPEG_LOSSLESS)
        return error_set(err, ERROR_UNSUPPORTED, "JPEG process FF%02X (hierarchical or arithmetic)",
                         header.process);
    if (lossless ? header.precision < 2 || header.precision > 16
                 : header.precision != 8 && header.precision != 12)
        return error_set(err, ERROR_UNSUPPORTED, "JPEG process FF%02X with %u bits", header.process,
                         header.precision);
    if (header.rows == 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "JPEG codestream that gives its height at the end");
    *stream = (struct codestream){
        .rows = header.rows,
        .columns = header.columns,
        .components = header.components,
        .precision = header.precision,
        .lossy = !lossless || header.point_transform > 0,
        .sample_bytes = !lossless && header.precision == 8 ? 1 : 2,
        .least_size = least_size(&header),
        .size = coded->size,
        .process = header.process,
    };
    return settle_colour(coded, &header, stream, err);
}

bool jpeg_decode(const struct coded *coded, const struct codestream *stream, void *samples,
                 struct error *err)
{
    if (stream->process == JPEG_LOSSLESS)
        return jpeg16_decode(coded, stream, samples, err);
    if (stream->precision == 12)
        return jpeg12_decode(coded, stream, samples, err);
    return jpeg8_decode(coded, stream, samples, err);
}
