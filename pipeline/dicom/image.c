#include "dicom/image.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "dicom/kind.h"
#include "dicom/lut.h"
#include "dicom/object_private.h"
#include "dicom/signature.h"

enum { ICC_HEADER = 128 };

/* What the reading steps share. */
struct reading {
    const struct object *object;
    const struct dataset *dataset;
    struct image *image;
    struct buffer *notes;
    bool frames_known; /* Number of Frames is there and a number */
};

void image_release(struct image *image)
{
    palette_release(&image->palette);
    memory_free(image->icc);
    *image = (struct image){0};
}

/* Samples of a whole frame when native, times two (chroma is halved or quartered: PS3.3
 * C.7.6.3.1.2). */
static uint64_t twice_samples(const struct image *image)
{
    const uint64_t pixels = (uint64_t)image->rows * image->columns;
    switch (image->photometric) {
    case PHOTOMETRIC_YBR_FULL_422:
    case PHOTOMETRIC_YBR_PARTIAL_422:
        return pixels * 4;
    case PHOTOMETRIC_YBR_PARTIAL_420:
        return pixels * 3;
    default:
        return pixels * 2 * image->samples_per_pixel;
    }
}

uint64_t image_native_frame_bits(const struct image *image)
{
    return (twice_samples(image) * image->bits_allocated + 1) / 2;
}

/* ---------------------------------------------------------------- is it a picture */

static bool check_presence(const struct reading *r, struct error *err)
{
    const struct image *const image = r->image;
    const char *const kind = kind_without_image(image->sop_class_uid);
    if (object_is_dicomdir(r->object))
        return error_set(err, ERROR_NO_IMAGE, "a media directory (DICOMDIR)");
    if (image->element != PIXEL_ELEMENT_NONE)
        return true;
    if (kind)
        return error_set(err, ERROR_NO_IMAGE, "%s", kind);
    if (dataset_has(r->dataset, TAG(0x0028, 0x7fe0)))
        return error_set(err, ERROR_NO_IMAGE,
                         "pixel data are not in the object but with a provider (0028,7FE0)");
    if (dataset_has(r->dataset, TAG(0x0028, 0x0010)))
        return error_set(err, ERROR_NO_IMAGE, "an image header without pixel data");
    return error_set(err, ERROR_NO_IMAGE, "no pixel data (%s, SOP class %s)",
                     image->modality[0] ? image->modality : "no modality",
                     image->sop_class_uid[0] ? image->sop_class_uid : "absent");
}

static bool check_transfer_syntax(const struct reading *r, struct error *err)
{
    const struct transfer_syntax *const syntax = r->image->transfer_syntax;
    if (!syntax)
        return error_set(err, ERROR_UNSUPPORTED, "transfer syntax \"%s\" is not of the standard",
                         object_transfer_syntax_uid(r->object));
    if (syntax->coding == CODING_VIDEO)
        return error_set(err, ERROR_UNSUPPORTED, "video: %s", syntax->name);
    if (syntax->coding == CODING_UNSUPPORTED)
        return error_set(err, ERROR_UNSUPPORTED, "no codec for %s (%s)", syntax->name, syntax->uid);
    return true;
}

/* ---------------------------------------------------------------- Image Pixel module */

static bool repaired(const struct reading *r, struct error *err, const char *text)
{
    return buffer_puts(r->notes, text, err) && buffer_puts(r->notes, "\n", err);
}

static bool read_size(const struct reading *r, struct error *err)
{
    uint16_t rows, columns;
    if (!dataset_us(r->dataset, TAG(0x0028, 0x0010), &rows))
        return error_set(err, ERROR_CORRUPT, "Rows is absent or not a number");
    if (!dataset_us(r->dataset, TAG(0x0028, 0x0011), &columns))
        return error_set(err, ERROR_CORRUPT, "Columns is absent or not a number");
    if (!rows || !columns)
        return error_set(err, ERROR_CORRUPT, "%u rows and %u columns", rows, columns);
    r->image->rows = rows;
    r->image->columns = columns;
    return true;
}

static unsigned samples_of(enum photometric photometric)
{
    switch (photometric) {
    case PHOTOMETRIC_MONOCHROME1:
    case PHOTOMETRIC_MONOCHROME2:
    case PHOTOMETRIC_PALETTE_COLOR:
        return 1;
    case PHOTOMETRIC_ARGB:
    case PHOTOMETRIC_CMYK:
        return 4;
    default:
        return 3;
    }
}

static bool guess_photometric(const struct reading *r, uint16_t samples, struct error *err)
{
    if (samples != 1)
        return error_set(err, ERROR_CORRUPT,
                         "Photometric Interpretation is absent with %u samples per pixel", samples);
    r->image->photometric = PHOTOMETRIC_MONOCHROME2;
    return repaired(r, err, "Photometric Interpretation is absent: taken as MONOCHROME2");
}

static bool read_samples(const struct reading *r, struct error *err)
{
    struct image *const image = r->image;
    char word[33];
    uint16_t samples = 0;
    const bool has_samples = dataset_us(r->dataset, TAG(0x0028, 0x0002), &samples);
    const bool has_word = dataset_value(r->dataset, TAG(0x0028, 0x0004), 0, word, sizeof word);
    if (has_word)
        image->photometric = photometric_of_word(word);
    else if (!guess_photometric(r, has_samples ? samples : 1, err))
        return false;
    if (image->photometric == PHOTOMETRIC_UNKNOWN)
        return error_set(err, ERROR_CORRUPT,
                         "Photometric Interpretation \"%s\" is not of the standard", word);
    const unsigned expected = samples_of(image->photometric);
    if (!has_samples) {
        samples = (uint16_t)expected;
        if (!repaired(r, err, "Samples per Pixel is absent: taken from Photometric Interpretation"))
            return false;
    }
    if (samples != expected)
        return error_set(err, ERROR_CORRUPT, "%s has %u samples per pixel, found %u",
                         photometric_word(image->photometric), expected, samples);
    image->samples_per_pixel = samples;
    return true;
}

static bool read_planar(const struct reading *r, struct error *err)
{
    uint16_t planar;
    if (r->image->samples_per_pixel == 1)
        return true;
    if (!dataset_us(r->dataset, TAG(0x0028, 0x0006), &planar))
        return repaired(r, err, "Planar Configuration is absent: taken as 0");
    if (planar > 1)
        return error_set(err, ERROR_CORRUPT, "Planar Configuration is 0 or 1, found %u", planar);
    r->image->planar_configuration = planar;
    return true;
}

/* High Bit: where it is wrong and there is only one place for the bits, they are there. */
static bool repair_high_bit(const struct reading *r, uint16_t high_bit, struct error *err)
{
    struct image *const image = r->image;
    image->high_bit = (uint16_t)(image->bits_stored - 1);
    if (high_bit == image->high_bit)
        return true;
    if (high_bit >= image->bits_stored && high_bit < image->bits_allocated) {
        image->high_bit = high_bit;
        return true;
    }
    if (image->bits_stored == image->bits_allocated ||
        image->transfer_syntax->coding != CODING_NATIVE)
        return buffer_printf(r->notes, err, "High Bit is %u with %u bits stored: taken as %u\n",
                             high_bit, image->bits_stored, image->high_bit);
    return error_set(err, ERROR_CORRUPT, "High Bit %u does not go with %u bits stored in %u",
                     high_bit, image->bits_stored, image->bits_allocated);
}

/* PS3.5 8.1.1: 1 or a multiple of 8; ACR-NEMA packed 12 bits (GH340.dcm). */
static bool is_known_allocation(const struct image *image)
{
    const uint16_t bits = image->bits_allocated;
    return bits == 1 || bits == 8 || bits == 16 || bits == 32 ||
           (bits == 12 && image->transfer_syntax->coding == CODING_NATIVE);
}

static bool is_rare_allocation(uint16_t bits)
{
    return bits == 12 || bits == 24 || bits == 64;
}

static bool read_bits(const struct reading *r, struct error *err)
{
    struct image *const image = r->image;
    uint16_t high_bit, representation;
    if (!dataset_us(r->dataset, TAG(0x0028, 0x0100), &image->bits_allocated))
        return error_set(err, ERROR_CORRUPT, "Bits Allocated is absent");
    if (!is_known_allocation(image))
        return error_set(err, is_rare_allocation(image->bits_allocated) ? ERROR_UNSUPPORTED : ERROR_CORRUPT,
                         "Bits Allocated is 1, 8, 16 or 32, or 12 when native, found %u",
                         image->bits_allocated);
    image->bits_stored = image->bits_allocated;
    if (!dataset_us(r->dataset, TAG(0x0028, 0x0101), &image->bits_stored) &&
        !repaired(r, err, "Bits Stored is absent: taken as Bits Allocated"))
        return false;
    if (image->bits_stored == 0 || image->bits_stored > image->bits_allocated)
        return error_set(err, ERROR_CORRUPT, "%u bits stored in %u bits allocated",
                         image->bits_stored, image->bits_allocated);
    if (!dataset_us(r->dataset, TAG(0x0028, 0x0102), &high_bit))
        high_bit = (uint16_t)(image->bits_stored - 1);
    if (!dataset_us(r->dataset, TAG(0x0028, 0x0103), &representation)) {
        representation = 0;
        if (!repaired(r, err, "Pixel Representation is absent: taken as unsigned"))
            return false;
    }
    if (representation > 1)
        return error_set(err, ERROR_CORRUPT, "Pixel Representation is 0 or 1, found %u",
                         representation);
    image->is_signed = representation == 1;
    return repair_high_bit(r, high_bit, err);
}

/* Float and Double Float Pixel Data (PS3.3 C.7.6.24, C.7.6.25): one sample, no bits to speak of. */
static bool read_float_bits(const struct reading *r, struct error *err)
{
    struct image *const image = r->image;
    const uint16_t expected = image->element == PIXEL_ELEMENT_FLOAT ? 32 : 64;
    uint16_t allocated;
    if (image->samples_per_pixel != 1)
        return error_set(err, ERROR_CORRUPT, "float pixel data have 1 sample per pixel, found %u",
                         image->samples_per_pixel);
    if (image->transfer_syntax->coding != CODING_NATIVE)
        return error_set(err, ERROR_UNSUPPORTED, "float pixel data in %s",
                         image->transfer_syntax->name);
    if (dataset_us(r->dataset, TAG(0x0028, 0x0100), &allocated) && allocated != expected)
        return error_set(err, ERROR_CORRUPT,
                         "Bits Allocated is %u with this float pixel data, found %u", expected,
                         allocated);
    image->bits_allocated = image->bits_stored = expected;
    image->high_bit = (uint16_t)(expected - 1);
    image->is_signed = true;
    return true;
}

static bool read_frames(struct reading *r, struct error *err)
{
    const uint32_t tag = TAG(0x0028, 0x0008);
    int64_t frames = 1;
    r->frames_known = dataset_is(r->dataset, tag, &frames);
    if (!r->frames_known && dataset_has(r->dataset, tag) &&
        !repaired(r, err, "Number of Frames is not a number: taken from the data"))
        return false;
    if (r->frames_known && frames < 1) {
        r->frames_known = false;
        if (!repaired(r, err, "Number of Frames is less than 1: taken from the data"))
            return false;
    }
    if (!r->frames_known)
        frames = 1;
    if ((uint64_t)frames > LIMIT(FRAMES))
        return error_set(err, ERROR_LIMIT, "limit FRAMES: %lld frames, more than %llu",
                         (long long)frames, (unsigned long long)LIMIT(FRAMES));
    r->image->frames = (uint32_t)frames;
    return true;
}

uint64_t image_frame_bytes(const struct image *image)
{
    const enum sample_type type = sample_type_of(image->bits_allocated, image->is_signed);
    const size_t size = image->element == PIXEL_ELEMENT_DOUBLE ? 8 : sample_size(type);

    return (uint64_t)image->rows * image->columns * image->samples_per_pixel * size;
}

bool image_comes_in_strips(const struct image *image)
{
    const bool is_subsampled =
        image->photometric == PHOTOMETRIC_YBR_FULL_422 || image->photometric == PHOTOMETRIC_YBR_PARTIAL_422;

    if (image->transfer_syntax == NULL)
        return false;
    switch (image->transfer_syntax->coding) {
    case CODING_NATIVE:
        return image->element == PIXEL_ELEMENT_INTEGER && image->bits_allocated % 8 == 0 && !image->swapped_pairs &&
               !is_subsampled && (image->samples_per_pixel == 1 || image->planar_configuration == 0);
    case CODING_JPEG_2000:
    case CODING_HTJ2K:
        return true;
    default:
        return false;
    }
}

static bool check_frame_size(const struct reading *r, struct error *err)
{
    const struct image *const image = r->image;
    const uint64_t bytes = image_frame_bytes(image);
    if (bytes > LIMIT(FRAME_BYTES) && !image_comes_in_strips(image))
        return error_set(err, ERROR_LIMIT,
                         "limit FRAME_BYTES: a frame of %u x %u x %u is %llu bytes, more than %llu",
                         image->columns, image->rows, image->samples_per_pixel,
                         (unsigned long long)bytes, (unsigned long long)LIMIT(FRAME_BYTES));
    return true;
}

/* ---------------------------------------------------------------- pixel data against transfer
 * syntax */

static bool begins_with_item(const struct reading *r, const struct pixel_location *pixels)
{
    static const uint8_t item[4] = {0xfe, 0xff, 0x00, 0xe0};
    const struct bytes *const bytes = object_bytes(r->object);
    uint8_t b[4];
    size_t got;
    struct error err;
    return pixels->offset < bytes->size && bytes->read(bytes, pixels->offset, b, 4, &got, &err) &&
           got == 4 && !memcmp(b, item, 4);
}

/* How many whole frames the declared length holds; 0 if it does not come out even (but for the pad
 * byte). */
static uint64_t frames_by_length(const struct image *image, uint64_t length)
{
    const uint64_t bits = image_native_frame_bits(image);
    const uint64_t frames = length * 8 / bits;
    const uint64_t used = (frames * bits + 7) / 8;
    return length - used <= 1 ? frames : 0;
}

/* The transfer syntax says encapsulated, the pixel data have a length: native if that is exactly
 * the frames' size. */
static bool reconcile_native(const struct reading *r, const struct pixel_location *pixels,
                             struct error *err)
{
    struct image *const image = r->image;
    const char *const declared = image->transfer_syntax->name;
    if (begins_with_item(r, pixels))
        return error_set(err, ERROR_CORRUPT,
                         "%s: encapsulated pixel data with a defined length of %llu", declared,
                         (unsigned long long)pixels->length);
    if (frames_by_length(image, pixels->length) != image->frames)
        return error_set(
            err, ERROR_CORRUPT,
            "%s: pixel data are not encapsulated, and their %llu bytes are not %u native frames",
            declared, (unsigned long long)pixels->length, image->frames);
    image->transfer_syntax = transfer_syntax_find("1.2.840.10008.1.2.1");
    return buffer_printf(r->notes, err, "transfer syntax says %s, but pixel data are native\n",
                         declared);
}

/* The first bytes of the first fragment: after the offset table. */
static size_t sniff_fragment(const struct reading *r, const struct pixel_location *pixels,
                             uint8_t to[SIGNATURE_SNIFF])
{
    const struct bytes *const bytes = object_bytes(r->object);
    uint8_t b[8];
    struct error err;
    uint64_t at = pixels->offset;
    size_t got = 0;
    for (int i = 0; i < 2; i++) {
        if (!bytes_read_all(bytes, at, b, sizeof b, &err))
            return 0;
        const uint32_t size =
            (uint32_t)b[7] << 24 | (uint32_t)b[6] << 16 | (uint32_t)b[5] << 8 | b[4];
        at += sizeof b + (i == 0 ? size : 0);
        if (at > bytes->size)
            return 0;
    }
    return bytes->read(bytes, at, to, SIGNATURE_SNIFF, &got, &err) ? got : 0;
}

/* The transfer syntax says native, the pixel data are items: a codestream that says what it is
 * decides. */
static bool reconcile_encapsulated(const struct reading *r, const struct pixel_location *pixels,
                                   struct error *err)
{
    struct image *const image = r->image;
    uint8_t b[SIGNATURE_SNIFF];
    const bool items = begins_with_item(r, pixels);
    const struct transfer_syntax *const found =
        items ? signature_guess(b, sniff_fragment(r, pixels, b)) : NULL;
    if (!found || image->element != PIXEL_ELEMENT_INTEGER)
        return error_set(err, ERROR_CORRUPT, "%s: pixel data of undefined length%s",
                         image->transfer_syntax->name, items ? ", in items" : "");
    const char *const declared = image->transfer_syntax->name;
    image->transfer_syntax = found;
    return buffer_printf(r->notes, err, "transfer syntax says %s, but pixel data are %s\n",
                         declared, found->name);
}

static bool reconcile_pixels(const struct reading *r, struct error *err)
{
    struct image *const image = r->image;
    const struct pixel_location pixels = object_pixels(r->object);
    const bool encapsulated = image->transfer_syntax->coding != CODING_NATIVE;
    if (encapsulated && !pixels.encapsulated)
        return reconcile_native(r, &pixels, err);
    if (!encapsulated && pixels.encapsulated)
        return reconcile_encapsulated(r, &pixels, err);
    return true;
}

/* 422 by name, but all chroma by the length: decompressed by a writer who kept the word. */
static bool reconcile_chroma(const struct reading *r, uint64_t length, struct error *err)
{
    struct image *const image = r->image;
    const enum photometric said = image->photometric;
    if ((said != PHOTOMETRIC_YBR_FULL_422 && said != PHOTOMETRIC_YBR_PARTIAL_422) ||
        frames_by_length(image, length) == image->frames)
        return true;
    image->photometric = PHOTOMETRIC_YBR_FULL;
    if (frames_by_length(image, length) != image->frames) {
        image->photometric = said;
        return true;
    }
    if (said == PHOTOMETRIC_YBR_PARTIAL_422) /* has no name when it is whole */
        return error_set(err, ERROR_UNSUPPORTED, "YBR_PARTIAL_422 by name, but not subsampled by its length");
    return repaired(r, err, "YBR_FULL_422 by name, but not subsampled by its length: taken as YBR_FULL");
}

/* Native: Number of Frames and 422 against the length that the element declares. */
static bool reconcile_length(const struct reading *r, struct error *err)
{
    struct image *const image = r->image;
    const struct pixel_location pixels = object_pixels(r->object);
    if (image->transfer_syntax->coding != CODING_NATIVE)
        return true;
    if (!reconcile_chroma(r, pixels.length, err))
        return false;
    const uint64_t frames = frames_by_length(image, pixels.length);
    if (!r->frames_known && frames > 1 && frames <= LIMIT(FRAMES)) {
        image->frames = (uint32_t)frames;
        return buffer_printf(r->notes, err, "%llu frames by the length of the pixel data\n",
                             (unsigned long long)frames);
    }
    return true;
}

/* ---------------------------------------------------------------- colour */

static bool read_icc(const struct reading *r, struct error *err)
{
    const struct dataset *from = r->dataset;
    size_t size;
    const uint8_t *icc = dataset_raw(from, TAG(0x0028, 0x2000), &size);
    if (!icc && (from = dataset_item(r->dataset, TAG(0x0048, 0x0105), 0)) != NULL)
        icc = dataset_raw(from, TAG(0x0028, 0x2000), &size);
    if (!icc || size < ICC_HEADER)
        return true;
    if (!(r->image->icc = memory_new(size, err)))
        return false;
    memcpy(r->image->icc, icc, size);
    r->image->icc_size = size;
    return true;
}

/* Without Pixel Presentation, tables of a grey image are left over from something else. */
static bool is_supplemented(const struct reading *r)
{
    char word[17];
    return r->image->photometric == PHOTOMETRIC_MONOCHROME2 && r->image->element == PIXEL_ELEMENT_INTEGER &&
           dataset_has(r->dataset, TAG(0x0028, 0x1101)) &&
           dataset_text(r->dataset, TAG(0x0008, 0x9205), word, sizeof word) &&
           (!strcmp(word, "COLOR") || !strcmp(word, "MIXED"));
}

static bool read_colour(const struct reading *r, struct error *err)
{
    struct image *const image = r->image;
    image->has_palette = image->photometric == PHOTOMETRIC_PALETTE_COLOR || image->photometric == PHOTOMETRIC_ARGB;
    image->has_supplement = is_supplemented(r);
    if ((image->has_palette || image->has_supplement) && !palette_read(r->dataset, &image->palette, err))
        return error_context(err, image->has_palette ? "palette" : "supplemental palette");
    return image->samples_per_pixel == 1 && !image->has_palette ? true : read_icc(r, err);
}

/* ---------------------------------------------------------------- size of a pixel, cine, tiles */

static bool read_spacing(const struct dataset *dataset, uint32_t tag, const char *source,
                         struct image *image)
{
    double mm[2];
    if (!dataset || dataset_numbers(dataset, tag, "DS", mm, 2) != 2 || !(mm[0] > 0) || !(mm[1] > 0))
        return false;
    image->row_spacing_mm = mm[0];
    image->column_spacing_mm = mm[1];
    image->spacing_source = source;
    return true;
}

static void read_spacings(const struct reading *r)
{
    const struct dataset *const measures =
        object_functional_group(r->object, TAG(0x0028, 0x9110), 1);
    /* In order of what they say about the patient; the ratio has no unit. */
    if (!read_spacing(measures, TAG(0x0028, 0x0030), "PixelSpacing", r->image) &&
        !read_spacing(r->dataset, TAG(0x0028, 0x0030), "PixelSpacing", r->image) &&
        !read_spacing(r->dataset, TAG(0x0018, 0x1164), "ImagerPixelSpacing", r->image) &&
        !read_spacing(r->dataset, TAG(0x0018, 0x2010), "NominalScannedPixelSpacing", r->image))
        read_spacing(r->dataset, TAG(0x0028, 0x0034), "PixelAspectRatio", r->image);
}

static double mean_frame_time_ms(const struct dataset *dataset)
{
    double times[64];
    double sum = 0;
    if (dataset_numbers(dataset, TAG(0x0018, 0x1063), "DS", times, 1))
        return times[0];
    const size_t count = dataset_numbers(dataset, TAG(0x0018, 0x1065), "DS", times, 64);
    for (size_t i = 1; i < count; i++) /* the first one is 0: PS3.3 C.7.6.5.1.2 */
        sum += times[i];
    return count > 1 ? sum / (double)(count - 1) : 0;
}

static void read_cine(const struct reading *r)
{
    double rate;
    if (!dataset_numbers(r->dataset, TAG(0x0008, 0x2144), "IS", &rate, 1) &&
        !dataset_numbers(r->dataset, TAG(0x0018, 0x0040), "IS", &rate, 1)) {
        const double time_ms = mean_frame_time_ms(r->dataset);
        rate = time_ms > 0 ? 1000 / time_ms : 0;
    }
    if (rate > 0 && rate < 1e6)
        r->image->recommended_fps_x1000 = (uint32_t)(rate * 1000 + 0.5);
}

static bool is_tiled(const struct reading *r)
{
    char organization[17];
    int64_t columns;
    if (dataset_text(r->dataset, TAG(0x0020, 0x9311), organization, sizeof organization) &&
        !strncmp(organization, "TILED", 5))
        return true;
    return dataset_is(r->dataset, TAG(0x0048, 0x0006), &columns) && columns > 0;
}

static void read_identity(const struct reading *r)
{
    struct image *const image = r->image;
    char lossy[3];
    if (!dataset_text(r->dataset, TAG(0x0008, 0x0016), image->sop_class_uid,
                      sizeof image->sop_class_uid))
        dataset_text(object_meta(r->object), TAG(0x0002, 0x0002), image->sop_class_uid,
                     sizeof image->sop_class_uid);
    dataset_text(r->dataset, TAG(0x0008, 0x0060), image->modality, sizeof image->modality);
    image->lossy_declared =
        dataset_text(r->dataset, TAG(0x0028, 0x2110), lossy, sizeof lossy) && !strcmp(lossy, "01");
}

static bool read_image(struct reading *r, struct error *err)
{
    struct image *const image = r->image;
    read_identity(r);
    if (!check_presence(r, err) || !check_transfer_syntax(r, err) || !read_size(r, err) ||
        !read_samples(r, err) || !read_planar(r, err))
        return false;
    if (!(image->element == PIXEL_ELEMENT_INTEGER ? read_bits(r, err) : read_float_bits(r, err)))
        return false;
    if (!read_frames(r, err) || !check_frame_size(r, err) || !reconcile_pixels(r, err) ||
        !reconcile_length(r, err) || !read_colour(r, err))
        return false;
    image->big_endian = image->transfer_syntax->big_endian;
    image->swapped_pairs = image->big_endian && image->bits_allocated <= 8 &&
                           !strcmp(object_pixel_vr(r->object), "OW");
    read_spacings(r);
    read_cine(r);
    image->is_tiled = is_tiled(r);
    return true;
}

bool image_read(const struct object *object, struct image *image, struct buffer *notes,
                struct error *err)
{
    struct reading r = {
        .object = object, .dataset = object_dataset(object), .image = image, .notes = notes};
    *image = (struct image){
        .element = object_pixels(object).element,
        .transfer_syntax = object_transfer_syntax(object),
    };
    if (read_image(&r, err))
        return true;
    image_release(image);
    return false;
}
