#include "codec/coded_form_read.h"

#include <stdio.h>

#include "codec/j2k_header.h"
#include "codec/jpeg_header.h"

/* What a decoder writes to: nobody's containers have 24 bits. */
static uint16_t container_bits(unsigned bits)
{
    return bits <= 8 ? 8 : bits <= 16 ? 16 : bits <= 32 ? 32 : 64;
}

static struct coded_form form_like(const struct transfer_syntax *syntax, const struct frame *like)
{
    struct coded_form form = {
        .rows = like->rows,
        .columns = like->columns,
        .photometric = like->photometric,
        .samples_per_pixel = like->samples_per_pixel,
        .bits_allocated = container_bits(like->bits_stored),
        .bits_stored = like->bits_stored,
        .high_bit = (uint16_t)(like->bits_stored - (like->bits_stored > 0)),
        .is_signed = like->is_signed,
        .lossy = like->lossy,
    };

    (void)snprintf(form.transfer_syntax, sizeof form.transfer_syntax, "%s", syntax->uid);
    return form;
}

static bool check_shape(const struct frame *like, uint32_t rows, uint32_t columns, unsigned components,
                        struct error *err)
{
    return (like->rows == rows && like->columns == columns && like->samples_per_pixel == components) ||
           error_set(err, ERROR_CORRUPT, "expected a frame of %u x %u x %u samples, found %u x %u x %u", like->rows,
                     like->columns, like->samples_per_pixel, rows, columns, components);
}

/* PS3.5 8.2.4: a component transform is named by the Photometric Interpretation. */
static bool read_j2k(const uint8_t *data, size_t size, const struct frame *like, struct coded_form *form,
                     struct error *err)
{
    struct j2k_header header;

    if (!j2k_header_read(data, size, &header, err) ||
        !check_shape(like, header.rows, header.columns, header.components, err))
        return false;
    form->lossy = form->lossy || !header.reversible;
    if (header.components == 3 && header.component_transform)
        form->photometric = header.reversible ? PHOTOMETRIC_YBR_RCT : PHOTOMETRIC_YBR_ICT;
    return true;
}

static bool is_subsampled(const struct jpeg_header *header)
{
    for (unsigned c = 1; c < header->components; c++)
        if (header->component[c].across < header->component[0].across ||
            header->component[c].down < header->component[0].down)
            return true;
    return false;
}

static bool read_jpeg(const uint8_t *data, size_t size, const struct frame *like, struct coded_form *form,
                      struct error *err)
{
    struct jpeg_header header;

    if (!jpeg_header_read(data, size, &header, err) ||
        !check_shape(like, header.rows, header.columns, header.components, err))
        return false;
    if (like->photometric == PHOTOMETRIC_YBR_FULL && is_subsampled(&header))
        form->photometric = PHOTOMETRIC_YBR_FULL_422;
    return true;
}

bool coded_form_read(const struct transfer_syntax *syntax, const uint8_t *data, size_t size, const struct frame *like,
                     struct coded_form *form, struct error *err)
{
    *form = form_like(syntax, like);
    switch (syntax->coding) {
    case CODING_JPEG_2000:
    case CODING_HTJ2K:
        return read_j2k(data, size, like, form, err);
    case CODING_JPEG:
    case CODING_JPEG_LOSSLESS:
    case CODING_JPEG_LS:
        return read_jpeg(data, size, like, form, err);
    default: /* plain samples in the frame's own container */
        form->bits_allocated = (uint16_t)(8 * sample_size(like->type));
        return true;
    }
}
