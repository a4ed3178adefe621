/* The palette of PALETTE COLOR (PS3.3 C.7.6.3.1.5, C.7.9): three tables of one size. */
#include "dicom/image.h"
#include "dicom/lut.h"

#include "base/memory.h"

static bool read_table(const struct dataset *dataset, uint32_t index, struct lut *lut,
                       struct error *err)
{
    const uint32_t descriptor = TAG(0x0028, 0x1101) + index;
    const uint32_t segmented = TAG(0x0028, 0x1221) + index;
    if (dataset_has(dataset, segmented))
        return lut_read_segmented(dataset, descriptor, segmented, lut, err);
    return lut_read(dataset, descriptor, TAG(0x0028, 0x1201) + index, false, lut, err);
}

static uint16_t most(uint16_t a, uint16_t b)
{
    return a > b ? a : b;
}

bool palette_read(const struct dataset *dataset, struct palette *palette, struct error *err)
{
    struct lut *const tables[3] = {&palette->red, &palette->green, &palette->blue};
    *palette = (struct palette){0};
    for (uint32_t i = 0; i < 3; i++)
        if (!read_table(dataset, i, tables[i], err)) {
            palette_release(palette);
            return false;
        }
    /* A table without a bright entry must not be taken for one of fewer bits than its neighbours.
     */
    const uint16_t bits = most(palette->red.bits, most(palette->green.bits, palette->blue.bits));
    for (int i = 0; i < 3; i++)
        tables[i]->bits = bits;
    return true;
}

void palette_release(struct palette *palette)
{
    lut_release(&palette->red);
    lut_release(&palette->green);
    lut_release(&palette->blue);
}
