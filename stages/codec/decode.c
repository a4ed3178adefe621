/* decode.c - which codec reads a frame, and what its codes mean as stored values
 *
 * The order is always: the codestream's own header, reconciliation with the data set, memory,
 * decoding, settling (PS3.5 8.1.1). A contradiction is resolved where every reading gives the same
 * pixels or the standard decides; otherwise the frame is refused with both numbers.
 */
#include "codec/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "codec/codec.h"
#include "codec/jpeg_header.h"
#include "codec/samples.h"

struct decoder {
    struct scratch samples; /* of the frame that was handed out */
    struct scratch codes;   /* where a codec's container is not the frame's */
    struct scratch coded;   /* lent to codecs */
};

struct codec {
    const char *name;
    bool (*inspect)(const struct coded *coded, struct codestream *stream, struct error *err);
    bool (*decode)(const struct coded *coded, const struct codestream *stream, void *samples,
                   struct error *err);
};

static const struct codec native_codec = {"native", native_inspect, native_decode};
static const struct codec deflated_codec = {"deflated", deflated_inspect, deflated_decode};
static const struct codec rle_codec = {"RLE", rle_inspect, rle_decode};
static const struct codec jpeg_codec = {"JPEG", jpeg_inspect, jpeg_decode};
static const struct codec jls_codec = {"JPEG-LS", jls_inspect, jls_decode};
static const struct codec j2k_codec = {"JPEG 2000", j2k_inspect, j2k_decode};

static const struct codec *codec_of_coding(enum coding coding)
{
    switch (coding) {
    case CODING_NATIVE:
        return &native_codec;
    case CODING_DEFLATED_FRAME:
        return &deflated_codec;
    case CODING_RLE:
        return &rle_codec;
    case CODING_JPEG:
    case CODING_JPEG_LOSSLESS:
        return &jpeg_codec;
    case CODING_JPEG_LS:
        return &jls_codec;
    case CODING_JPEG_2000:
    case CODING_HTJ2K:
        return &j2k_codec;
    case CODING_VIDEO:
    case CODING_UNSUPPORTED:
        break;
    }
    return NULL;
}

/* What a codestream is by its first bytes; NULL if they are none that is known. An RLE header
 * cannot begin so: it would announce more than 15 segments. */
static const struct codec *codec_of_bytes(const uint8_t *data, size_t size)
{
    struct jpeg_header header;
    struct error ignored;

    if (size < 12)
        return NULL;
    if (memcmp(data, "\xff\x4f\xff\x51", 4) == 0 ||
        memcmp(data, "\0\0\0\x0cjP  \r\n\x87\n", 12) == 0)
        return &j2k_codec;
    if (memcmp(data, "\xff\xd8\xff", 3) != 0)
        return NULL;
    return jpeg_header_read(data, size, &header, &ignored) && header.process == JPEG_LS
               ? &jls_codec
               : &jpeg_codec;
}

/* The transfer syntax names the codec; a codestream of another family says so itself. */
static bool choose_codec(const struct coded *coded, const struct codec **codec, struct error *err)
{
    const struct transfer_syntax *syntax = coded->image->transfer_syntax;

    *codec = syntax ? codec_of_coding(syntax->coding) : NULL;
    if (!*codec)
        return error_set(err, ERROR_UNSUPPORTED, "no decoder for transfer syntax \"%s\"",
                         syntax ? syntax->name : "unknown");
    if (*codec == &native_codec || *codec == &deflated_codec)
        return true;
    const struct codec *found = codec_of_bytes(coded->data, coded->size);
    if (!found || found == *codec)
        return true;
    const char *said = (*codec)->name;
    *codec = found;
    return coded_note(coded, err, "transfer syntax says %s, the codestream is %s", said,
                      found->name);
}

/* image_read has looked at all of this; memory is taken by these numbers, so they are looked at
 * again. */
static bool check_image(const struct image *image, size_t *count, size_t *size, struct error *err)
{
    const bool is_integer = image->element == PIXEL_ELEMENT_INTEGER;
    const size_t bytes = !is_integer ? (image->element == PIXEL_ELEMENT_FLOAT ? 4 : 8)
                                     : sample_size(sample_type_of(image->bits_allocated, false));

    if (image->rows < 1 || image->columns < 1 || image->rows > LIMIT(SIDE) ||
        image->columns > LIMIT(SIDE) || image->samples_per_pixel < 1 ||
        image->samples_per_pixel > LIMIT(SAMPLES))
        return error_set(err, ERROR_CORRUPT, "image of %u x %u x %u samples", image->rows,
                         image->columns, image->samples_per_pixel);
    if (is_integer && (image->bits_stored < 1 || image->bits_stored > image->bits_allocated ||
                       image->high_bit >= image->bits_allocated ||
                       image->high_bit + 1u < image->bits_stored || image->bits_allocated > 32))
        return error_set(err, ERROR_CORRUPT, "%u bits stored up to bit %u in %u bits allocated",
                         image->bits_stored, image->high_bit, image->bits_allocated);
    *count = (size_t)image->rows * image->columns * image->samples_per_pixel;
    *size = *count * bytes;
    if (*size > LIMIT(FRAME_BYTES))
        return error_set(err, ERROR_LIMIT, "frame of %zu bytes, at most %llu (FRAME_BYTES)", *size,
                         (unsigned long long)LIMIT(FRAME_BYTES));
    return true;
}

static bool reconcile_shape(const struct coded *coded, const struct codestream *stream,
                            struct error *err)
{
    const struct image *image = coded->image;

    if (stream->rows != image->rows || stream->columns != image->columns)
        return error_set(err, ERROR_CORRUPT, "codestream is %u x %u, rows x columns are %u x %u",
                         stream->rows, stream->columns, image->rows, image->columns);
    if (stream->components != image->samples_per_pixel)
        return error_set(err, ERROR_CORRUPT,
                         "codestream has %u components, samples per pixel is %u",
                         stream->components, image->samples_per_pixel);
    if (image->element == PIXEL_ELEMENT_INTEGER && stream->precision > image->bits_allocated)
        return error_set(err, ERROR_CORRUPT, "codestream has %u bits, bits allocated is %u",
                         stream->precision, image->bits_allocated);
    if (coded->size < stream->least_size)
        return error_set(err, ERROR_TRUNCATED, "%zu coded bytes cannot hold %u x %u x %u samples",
                         coded->size, stream->rows, stream->columns, stream->components);
    return true;
}

/* Codes as they come from a codec, in the frame's container, to become stored values. */
struct settling {
    const struct coded *coded;
    const struct codestream *stream;
    void *samples;
    size_t count, bytes;
};

static bool any_bit(const struct settling *s, unsigned bit)
{
    return samples_union(s->samples, s->count, s->bytes) >> bit & 1u;
}

static bool sign_in_doubt(const struct settling *s, struct error *err)
{
    const struct image *image = s->coded->image;
    return error_set(err, ERROR_CORRUPT,
                     "codestream has %u %s bits, the data set %u %s ones: the sign is in doubt",
                     s->stream->precision, s->stream->sign == CODE_SIGNED ? "signed" : "unsigned",
                     image->bits_stored, image->is_signed ? "signed" : "unsigned");
}

/* A codestream that is signed where the data set is not: harmless while no value is negative. */
static bool check_unexpected_sign(const struct settling *s, struct error *err)
{
    if (s->stream->sign != CODE_SIGNED || s->coded->image->is_signed)
        return true;
    if (any_bit(s, (unsigned)(8 * s->bytes - 1)))
        return sign_in_doubt(s, err);
    return coded_note(s->coded, err,
                      "codestream is signed, pixel representation is not; no value is negative");
}

/* All bits of the codestream count: its precision is Bits Stored or less. */
static bool settle_few(const struct settling *s, struct error *err)
{
    const struct image *image = s->coded->image;
    const unsigned precision = s->stream->precision;

    if (precision < image->bits_stored &&
        !coded_note(s->coded, err, "codestream has %u bits, bits stored is %u", precision,
                    image->bits_stored))
        return false;
    if (s->stream->sign == CODE_SIGNED)
        return check_unexpected_sign(s, err);
    /* A lossless JPEG codestream that is damaged can hold more than it says. */
    if (precision < 8 * s->bytes && samples_union(s->samples, s->count, s->bytes) >> precision != 0)
        return error_set(err, ERROR_CORRUPT, "codestream holds values of more than its %u bits",
                         precision);
    if (!image->is_signed)
        return true;
    if (precision == image->bits_stored) {
        /* Bit patterns of just the width that the data set gives a sign (J2K_pixelrep_mismatch). */
        samples_settle(s->samples, s->count, s->bytes, 0, precision, true);
        return s->stream->sign != CODE_UNSIGNED ||
               coded_note(s->coded, err,
                          "codestream is unsigned, pixel representation is signed: taken as two's "
                          "complement");
    }
    /* Fewer bits than the data set's: was the sign bit moved down, or was no sign needed? The same,
     * unless that bit is set. */
    return !any_bit(s, precision - 1) || sign_in_doubt(s, err);
}

/* More bits than Bits Stored, lossless: PS3.5 8.1.1 as for native pixels; the others are not image, where the codestream
 * fills the container (overlays of old objects). One of a width of its own, with values of that width, says otherwise. */
static bool settle_many_exact(const struct settling *s, struct error *err)
{
    const struct image *image = s->coded->image;
    const unsigned precision = s->stream->precision;

    if (precision < image->bits_allocated && image->high_bit + 1u == image->bits_stored &&
        !samples_fit(s->samples, s->count, s->bytes, precision, image->bits_stored, image->is_signed))
        return error_set(err, ERROR_CORRUPT, "codestream of %u bits holds values of more than the %u bits stored", precision,
                         image->bits_stored);
    if (image->high_bit >= s->stream->precision)
        return error_set(err, ERROR_CORRUPT, "high bit is %u, the codestream has %u bits",
                         image->high_bit, s->stream->precision);
    if (!check_unexpected_sign(s, err))
        return false;
    samples_settle(s->samples, s->count, s->bytes, image->high_bit + 1u - image->bits_stored,
                   image->bits_stored, image->is_signed);
    return true;
}

/* More bits than Bits Stored, lossy: a value may overshoot, and masking would turn white into
 * black. */
static bool settle_many_lossy(const struct settling *s, struct error *err)
{
    const struct image *image = s->coded->image;
    const int64_t half = INT64_C(1) << (image->bits_stored - 1);

    if (image->high_bit + 1u != image->bits_stored)
        return error_set(err, ERROR_CORRUPT,
                         "high bit is %u for %u bits stored, in a lossy codestream",
                         image->high_bit, image->bits_stored);
    if (!check_unexpected_sign(s, err))
        return false;
    if (!image->is_signed) {
        samples_clamp(s->samples, s->count, s->bytes, false, 0, 2 * half - 1);
    } else if (s->stream->sign == CODE_SIGNED) {
        samples_clamp(s->samples, s->count, s->bytes, true, -half, half - 1);
    } else {
        if (samples_union(s->samples, s->count, s->bytes) >> image->bits_stored != 0)
            return sign_in_doubt(s, err);
        samples_settle(s->samples, s->count, s->bytes, 0, image->bits_stored, true);
    }
    return true;
}

static bool settle(const struct settling *s, struct error *err)
{
    const struct image *image = s->coded->image;

    if (image->element != PIXEL_ELEMENT_INTEGER)
        return true;
    if (s->stream->precision <= image->bits_stored)
        return settle_few(s, err);
    return s->stream->lossy ? settle_many_lossy(s, err) : settle_many_exact(s, err);
}

/* What the samples are, once subsampled and transformed components have been made whole. */
static bool settle_photometric(const struct coded *coded, const struct codestream *stream,
                               enum photometric *photometric, struct error *err)
{
    const enum photometric said = coded->image->photometric;

    *photometric = stream->photometric != PHOTOMETRIC_UNKNOWN ? stream->photometric : said;
    if (coded->image->samples_per_pixel != 3 || stream->photometric != PHOTOMETRIC_UNKNOWN)
        return true;
    if (said == PHOTOMETRIC_YBR_FULL_422)
        *photometric = PHOTOMETRIC_YBR_FULL;
    if (said == PHOTOMETRIC_YBR_PARTIAL_420)
        *photometric = PHOTOMETRIC_YBR_PARTIAL_422;
    if (said != PHOTOMETRIC_YBR_RCT && said != PHOTOMETRIC_YBR_ICT)
        return true;
    /* The label of a former JPEG 2000 codestream: the transform was undone with it. */
    *photometric = PHOTOMETRIC_RGB;
    return coded_note(coded, err,
                      "photometric interpretation is %s without that transform: taken as RGB",
                      photometric_word(said));
}

static enum sample_type frame_type(const struct image *image)
{
    if (image->element == PIXEL_ELEMENT_INTEGER)
        return sample_type_of(image->bits_allocated, image->is_signed);
    return image->element == PIXEL_ELEMENT_FLOAT ? SAMPLE_F32 : SAMPLE_F64;
}

/* What the headers say of a frame, reconciled; nothing is decoded. */
struct prospect {
    const struct codec *codec;
    struct codestream stream;
    struct frame frame; /* without samples; size is what they will take */
    size_t count;       /* of samples */
};

static struct frame frame_of(const struct image *image, const struct codestream *stream, enum photometric photometric,
                             size_t size)
{
    return (struct frame){
        .rows = image->rows,
        .columns = image->columns,
        .samples_per_pixel = image->samples_per_pixel,
        .type = frame_type(image),
        .bits_stored =
            image->element != PIXEL_ELEMENT_INTEGER || stream->precision > image->bits_stored
                ? image->bits_stored
                : stream->precision,
        .is_signed = image->is_signed,
        .photometric = photometric,
        .lossy = stream->lossy,
        .size = size,
    };
}

/* Of `rows` rows: all of the image, or a strip of it. */
static bool inspect(const struct coded *coded, uint32_t rows, struct prospect *prospect, struct error *err)
{
    struct image part = *coded->image;
    enum photometric photometric;
    size_t size = 0;

    part.rows = rows;
    if (!check_image(&part, &prospect->count, &size, err) || !choose_codec(coded, &prospect->codec, err) ||
        !prospect->codec->inspect(coded, &prospect->stream, err) || !reconcile_shape(coded, &prospect->stream, err) ||
        !settle_photometric(coded, &prospect->stream, &photometric, err))
        return false;
    prospect->frame = frame_of(&part, &prospect->stream, photometric, size);
    return true;
}

static bool decode(struct decoder *decoder, const struct coded *coded, struct prospect prospect, struct frame *frame,
                   struct error *err)
{
    const struct codestream *const stream = &prospect.stream;
    const size_t count = prospect.count, bytes = prospect.frame.size / count;
    const bool other_container = stream->sample_bytes != bytes;
    if (!scratch_fit(&decoder->samples, prospect.frame.size, err))
        return false;
    if (other_container && !scratch_fit(&decoder->codes, count * stream->sample_bytes, err))
        return false;
    if (!prospect.codec->decode(coded, stream,
                                other_container ? decoder->codes.data : decoder->samples.data, err))
        return false;
    if (other_container)
        samples_convert(decoder->codes.data, stream->sample_bytes, stream->sign == CODE_SIGNED, count,
                        decoder->samples.data, bytes);
    const struct settling settling = {coded, stream, decoder->samples.data, count, bytes};
    if (!settle(&settling, err))
        return false;
    *frame = prospect.frame;
    frame->samples = decoder->samples.data;
    return true;
}

bool decoder_new(struct decoder **decoder, struct error *err)
{
    *decoder = memory_zeroed(sizeof **decoder, err);
    return *decoder != NULL;
}

void decoder_free(struct decoder *decoder)
{
    if (!decoder)
        return;
    scratch_release(&decoder->samples);
    scratch_release(&decoder->codes);
    scratch_release(&decoder->coded);
    memory_free(decoder);
}

static struct coded coded_of(struct decoder *decoder, const struct image *image, const uint8_t *data, size_t size,
                             unsigned bit_offset, struct buffer *notes)
{
    return (struct coded){.image = image, .data = data, .size = size, .bit_offset = bit_offset,
                          .scratch = &decoder->coded, .notes = notes};
}

bool decoder_run(struct decoder *decoder, const struct image *image, uint32_t frame_number,
                 const uint8_t *coded_bytes, size_t size, unsigned bit_offset, struct frame *frame,
                 struct buffer *notes, struct error *err)
{
    const struct coded coded = coded_of(decoder, image, coded_bytes, size, bit_offset, notes);
    struct prospect prospect;

    if (!inspect(&coded, image->rows, &prospect, err) || !decode(decoder, &coded, prospect, frame, err))
        return image->frames > 1 ? error_context(err, "frame %u", frame_number) : false;
    frame->number = frame_number;
    return true;
}

bool decoder_strip_rows(struct decoder *decoder, const struct image *image, const uint8_t *coded_bytes, size_t size,
                        uint32_t *rows, struct buffer *notes, struct error *err)
{
    const struct coded coded = coded_of(decoder, image, coded_bytes, size, 0, notes);
    struct prospect prospect;

    if (!inspect(&coded, 1, &prospect, err))
        return false;
    *rows = prospect.stream.strip_rows;
    return *rows > 0 || error_set(err, ERROR_LIMIT, "frame of %llu bytes: its codestream has no tiles",
                                  (unsigned long long)image_frame_bytes(image));
}

bool decoder_run_strip(struct decoder *decoder, const struct image *image, uint32_t frame_number,
                       const uint8_t *coded_bytes, size_t size, uint32_t first_row, uint32_t rows, struct frame *frame,
                       struct buffer *notes, struct error *err)
{
    const struct coded coded = coded_of(decoder, image, coded_bytes, size, 0, notes);
    struct prospect prospect;

    if (!inspect(&coded, rows, &prospect, err))
        return false;
    struct codestream *const stream = &prospect.stream;
    if (stream->strip_rows == 0 || first_row % stream->strip_rows != 0 || first_row >= image->rows ||
        (rows != stream->strip_rows && rows != image->rows - first_row))
        return error_set(err, ERROR_USAGE, "rows %u and %u more are no row of tiles", first_row, rows);
    stream->first_row = first_row;
    stream->rows = rows;
    stream->is_strip = true;
    if (!decode(decoder, &coded, prospect, frame, err))
        return false;
    frame->number = frame_number;
    return true;
}

bool decoder_inspect(struct decoder *decoder, const struct image *image, uint32_t frame_number,
                     const uint8_t *coded_bytes, size_t size, unsigned bit_offset, struct frame *frame,
                     struct buffer *notes, struct error *err)
{
    const struct coded coded = coded_of(decoder, image, coded_bytes, size, bit_offset, notes);
    struct prospect prospect;

    if (!inspect(&coded, image->rows, &prospect, err))
        return image->frames > 1 ? error_context(err, "frame %u", frame_number) : false;
    *frame = prospect.frame;
    frame->number = frame_number;
    return true;
}

bool scratch_fit(struct scratch *scratch, size_t size, struct error *err)
{
    if (size <= scratch->capacity && scratch->data)
        return true;
    scratch_release(scratch);
    scratch->data = memory_new(size, err);
    if (!scratch->data)
        return false;
    scratch->capacity = size;
    return true;
}

void scratch_release(struct scratch *scratch)
{
    memory_free(scratch->data);
    *scratch = (struct scratch){0};
}

bool coded_note(const struct coded *coded, struct error *err, const char *format, ...)
{
    char line[256];
    va_list arguments;

    va_start(arguments, format);
    const int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length < 0 || !coded->notes)
        return true;
    memcpy(line + strlen(line), "\n", 2);
    const char *found = strstr(buffer_text(coded->notes), line);
    if (found && (found == buffer_text(coded->notes) || found[-1] == '\n'))
        return true;
    return buffer_puts(coded->notes, line, err);
}
