#include "codec/frame_pass.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "codec/codestream_index.h"
#include "codec/decode.h"
#include "codec/frame_code.h"
#include "codec/j2k_header.h"
#include "codec/jpeg_header.h"
#include "codec/jpeg_segments.h"

enum { BASE_MOST = 64, /* PS3.5 10.18: sides of the smallest resolution of .202 */ EOC_SIZE = 2, PSOT_SIZE = 4 };

struct passer {
    struct decoder *decoder; /* for its eyes only */
    struct codestream_index index;
    struct buffer repaired, written;
    char why_not[sizeof(((struct error *)0)->text)];
};

/* One look. */
struct look {
    struct passer *passer;
    const struct pass_rules *rules;
    const struct image *image;
    const uint8_t *data;
    size_t size;
    struct passed_frame *passed;
};

static bool refuse(struct look *look, const char *why_not)
{
    (void)snprintf(look->passer->why_not, sizeof look->passer->why_not, "%s", why_not);
    look->passed->why_not = look->passer->why_not;
    return true;
}

static bool pass(struct look *look, const char *uid, const uint8_t *data, size_t size)
{
    look->passed->payload.syntax = transfer_syntax_find(uid);
    look->passed->payload.data = data;
    look->passed->payload.size = size;
    return true;
}

/* -- JPEG 2000 and HTJ2K -------------------------------------------------------------------- */

static bool needs_no_sign(const struct look *look, const struct j2k_header *header)
{
    return header->is_signed && !look->image->is_signed && look->rules->has_largest &&
           look->rules->largest >> (header->precision - 1) == 0;
}

/* Where a decoder of the codestream alone gives other values than one that knows the data set. */
static const char *j2k_in_doubt(const struct look *look, const struct j2k_header *header)
{
    if (header->precision > look->image->bits_stored)
        return "it has more bits than Bits Stored";
    if (header->is_signed != look->image->is_signed && !needs_no_sign(look, header))
        return "its sign is not that of Pixel Representation";
    if (header->components_differ || header->tiles_differ)
        return "its components or tiles are coded in different ways";
    if (header->other_parts)
        return "it uses extensions";
    if (header->has_origin)
        return "it does not begin at the origin of its grid, which some decoders take as part of the image";
    return NULL;
}

/* The codestream as strict decoders read it: its last tile-part's length, its end. */
static bool repair_j2k(struct look *look, const struct j2k_header *header, const uint8_t **data, size_t *size,
                       struct error *err)
{
    struct buffer *const repaired = &look->passer->repaired;

    *data = look->data + header->offset;
    *size = header->size;
    if (header->endless_tile_part == 0 && header->has_end)
        return true;
    buffer_clear(repaired);
    if (!buffer_append(repaired, *data, *size, err) ||
        (!header->has_end && !buffer_append(repaired, "\xff\xd9", EOC_SIZE, err)))
        return false;
    for (unsigned i = 0; header->endless_tile_part > 0 && i < PSOT_SIZE; i++)
        repaired->data[header->endless_tile_part + i] = (uint8_t)(header->there >> (24 - 8 * i));
    *data = repaired->data;
    *size = repaired->size;
    return true;
}

static bool has_small_base(const struct codestream_index *index)
{
    return index->resolutions[0].columns <= BASE_MOST && index->resolutions[0].rows <= BASE_MOST;
}

static bool pass_indexed(struct look *look, const char *uid, const uint8_t *data, size_t size, struct error *err)
{
    struct passer *const passer = look->passer;

    frame_payload_take(&look->passed->payload, &passer->index);
    if (passer->index.is_indexed)
        return pass(look, uid, data, passer->index.size);
    buffer_clear(&passer->written);
    return codestream_rewrite(data, size, &passer->index, &passer->written, err) &&
           pass(look, uid, passer->written.data, passer->written.size);
}

static bool pass_htj2k(struct look *look, const uint8_t *data, size_t size, struct error *err)
{
    const char *const uid = look->passed->is_lossy ? "1.2.840.10008.1.2.4.203" : "1.2.840.10008.1.2.4.202";
    struct error why = {0};

    if (!codestream_index(data, size, &look->passer->index, &why)) {
        if (why.kind == ERROR_NOMEM) {
            *err = why;
            return false;
        }
        return look->passed->is_lossy && why.kind == ERROR_UNSUPPORTED ? pass(look, uid, data, size)
                                                                       : refuse(look, why.text);
    }
    if (!look->passed->is_lossy && !has_small_base(&look->passer->index))
        return refuse(look, "its smallest resolution is larger than 64");
    return pass_indexed(look, uid, data, size, err);
}

static bool look_at_j2k(struct look *look, struct error *err)
{
    const struct transfer_syntax *const said = look->image->transfer_syntax;
    struct passed_frame *const passed = look->passed;
    struct j2k_header header;
    struct error why = {0};
    const uint8_t *data = NULL;
    size_t size = 0;

    if (!j2k_header_read(look->data, look->size, &header, &why))
        return refuse(look, why.text);
    const enum coding coding = header.high_throughput ? CODING_HTJ2K : CODING_JPEG_2000;
    const bool was_lossless = said->coding == coding && !said->lossy;
    passed->is_lossy = !header.reversible || (!was_lossless && look->image->lossy_declared);
    const unsigned wish = passed->is_lossy ? PASS_LOSSY : header.high_throughput ? PASS_HTJ2K : PASS_J2K;
    if ((look->rules->wishes & wish) == 0)
        return refuse(look, "it is not wished");
    const char *const doubt = j2k_in_doubt(look, &header);
    if (doubt != NULL)
        return refuse(look, doubt);
    if (!repair_j2k(look, &header, &data, &size, err))
        return false;
    if (header.high_throughput && header.components > 1 && !header.component_transform)
        return refuse(look, "browsers take its components for those of another plane");
    if (header.high_throughput)
        return pass_htj2k(look, data, size, err);
    return pass(look, header.reversible && was_lossless ? "1.2.840.10008.1.2.4.90" : "1.2.840.10008.1.2.4.91", data,
                size);
}

/* -- JPEG ----------------------------------------------------------------------------------- */

/* What libjpeg, and so browsers, take three components for (jdapimin.c: default_decompress_parms). */
static enum photometric plain_guess(const struct jpeg_header *header)
{
    if (header->has_jfif || header->adobe_transform > 0)
        return PHOTOMETRIC_YBR_FULL;
    if (header->adobe_transform == 0)
        return PHOTOMETRIC_RGB;
    return header->component[0].id == 'R' && header->component[1].id == 'G' && header->component[2].id == 'B'
               ? PHOTOMETRIC_RGB
               : PHOTOMETRIC_YBR_FULL;
}

/* Full size luminance, chroma alike and halved, quartered or full: what every decoder can do. */
static bool has_common_sampling(const struct jpeg_header *header)
{
    const unsigned across = header->component[0].across, down = header->component[0].down;
    bool same = true, unit = true;

    for (unsigned c = 1; c < header->components; c++) {
        same = same && header->component[c].across == across && header->component[c].down == down;
        unit = unit && header->component[c].across == 1 && header->component[c].down == 1;
    }
    return (same || unit) && (across == 1 || across == 2 || across == 4) && (down == 1 || down == 2);
}

static const char *jpeg_in_doubt(const struct look *look, const struct jpeg_header *header)
{
    if (header->process != JPEG_BASELINE || header->precision != 8)
        return "it is not 8-bit baseline JPEG, which alone all clients decode";
    if (look->image->bits_stored < 8 || look->image->is_signed)
        return "its values are to be clamped, or have a sign";
    if (look->passed->like.photometric == PHOTOMETRIC_PALETTE_COLOR)
        return "it holds indices of a palette";
    if (!has_common_sampling(header))
        return "its components are sampled in an unusual way";
    if (header->components == 3 && look->passed->like.photometric != PHOTOMETRIC_RGB &&
        look->passed->like.photometric != PHOTOMETRIC_YBR_FULL)
        return "its colours are neither RGB nor full-range YCbCr";
    return NULL;
}

static bool pass_jpeg(struct look *look, const struct jpeg_header *header, const struct jpeg_segments *segments,
                      struct error *err)
{
    static const char uid[] = "1.2.840.10008.1.2.4.50";
    const enum photometric right = look->passed->like.photometric;
    struct buffer *const written = &look->passer->written;
    enum jpeg_colour colour = JPEG_COLOUR_AS_IT_IS;

    if (header->components == 3 && plain_guess(header) != right)
        colour = right == PHOTOMETRIC_RGB ? JPEG_COLOUR_RGB : JPEG_COLOUR_YCBCR;
    if (colour == JPEG_COLOUR_AS_IT_IS && !segments->changes_looks)
        return pass(look, uid, look->data, segments->end);
    buffer_clear(written);
    return jpeg_segments_write(look->data, segments, colour, written, err) &&
           pass(look, uid, written->data, written->size);
}

/* CharLS gives bit patterns, planes where there is a scan for each component, and refuses a stray byte before EOI,
 * which ends like this. */
static const char *jls_in_doubt(const struct look *look, const struct jpeg_header *header,
                                const struct jpeg_segments *segments)
{
    if (header->precision > look->image->bits_stored)
        return "it has more bits than Bits Stored";
    if (look->image->is_signed && (header->precision != look->image->bits_stored || header->precision % 8 != 0))
        return "its values have a sign, but no sign bit of a whole sample";
    if (header->components == 3 && header->interleave == 0)
        return "its components are in scans of their own";
    if (segments->maps_samples)
        return "it maps samples or transforms colours";
    if (segments->last == 0)
        return "it may have a stray byte before its end";
    return NULL;
}

static bool look_at_jpeg(struct look *look, struct error *err)
{
    struct jpeg_header header;
    struct jpeg_segments segments;
    struct error why = {0};

    if (!jpeg_header_read(look->data, look->size, &header, &why))
        return refuse(look, why.text);
    look->passed->is_lossy = look->passed->like.lossy;
    if (!look->passed->is_lossy || (look->rules->wishes & PASS_LOSSY) == 0)
        return refuse(look, "it is not wished");
    const char *const broken = jpeg_segments_read(look->data, look->size, &segments);
    const char *const doubt = broken != NULL                 ? broken
                              : header.process == JPEG_LS ? jls_in_doubt(look, &header, &segments)
                                                             : jpeg_in_doubt(look, &header);
    if (doubt != NULL)
        return refuse(look, doubt);
    return header.process == JPEG_LS ? pass(look, "1.2.840.10008.1.2.4.81", look->data, segments.end)
                                     : pass_jpeg(look, &header, &segments, err);
}

/* -- all ------------------------------------------------------------------------------------ */

bool passer_new(struct passer **passer, struct error *err)
{
    struct passer *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    if (!decoder_new(&made->decoder, err)) {
        passer_free(made);
        return false;
    }
    *passer = made;
    return true;
}

void passer_free(struct passer *passer)
{
    if (passer == NULL)
        return;
    decoder_free(passer->decoder);
    codestream_index_release(&passer->index);
    buffer_release(&passer->repaired);
    buffer_release(&passer->written);
    memory_free(passer);
}

bool passer_may(const struct image *image)
{
    const struct transfer_syntax *const syntax = image->transfer_syntax;

    if (syntax == NULL || image->element != PIXEL_ELEMENT_INTEGER ||
        (image->samples_per_pixel != 1 && image->samples_per_pixel != 3))
        return false;
    switch (syntax->coding) {
    case CODING_JPEG:
    case CODING_JPEG_LOSSLESS:
    case CODING_JPEG_LS:
    case CODING_JPEG_2000:
    case CODING_HTJ2K:
        return true;
    default:
        return false;
    }
}

bool passer_look(struct passer *passer, const struct pass_rules *rules, const struct image *image, uint32_t number,
                 const uint8_t *data, size_t size, struct buffer *notes, struct passed_frame *passed,
                 struct error *err)
{
    struct look look = {passer, rules, image, data, size, passed};
    struct error why = {0};

    *passed = (struct passed_frame){0};
    if (!passer_may(image))
        return refuse(&look, "it is not wished");
    if (!decoder_inspect(passer->decoder, image, number, data, size, 0, &passed->like, notes, &why)) {
        if (why.kind != ERROR_NOMEM)
            return refuse(&look, why.text);
        *err = why;
        return false;
    }
    return size > 1 && data[0] == 0xff && data[1] == 0xd8 ? look_at_jpeg(&look, err) : look_at_j2k(&look, err);
}
