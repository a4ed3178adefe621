#include "dicom/element_vr.h"

#include <string.h>

#include "dicom/vr_table.h"

enum {
    TAG_PIXEL_REPRESENTATION = TAG(0x0028, 0x0103),
    TAG_WAVEFORM_BITS_ALLOCATED = TAG(0x5400, 0x1004),
};

static bool find_us(const struct dataset *dataset, uint32_t tag, uint16_t *value)
{
    for (; dataset; dataset = dataset_outer(dataset))
        if (dataset_us(dataset, tag, value))
            return true;
    return false;
}

/* "xs", "ox" and "lt" of the table. Without an explicit VR, OB or OW is OW (PS3.5 A.1), apart from waveforms of 8 bits
 * (PS3.3 C.10.9). */
static const char *settle_vr(const struct dataset *dataset, uint32_t tag, const char *vr)
{
    uint16_t value;
    if (!strcmp(vr, "xs"))
        return find_us(dataset, TAG_PIXEL_REPRESENTATION, &value) && value ? "SS" : "US";
    if (!strcmp(vr, "lt"))
        return "OW";
    if (strcmp(vr, "ox") != 0)
        return vr;
    return tag >> 16 == 0x5400 && find_us(dataset, TAG_WAVEFORM_BITS_ALLOCATED, &value) && value == 8 ? "OB" : "OW";
}

/* Bytes of one number of a binary VR; 1 for all others. */
static size_t unit_of(const char *vr)
{
    static const struct { char vr[3]; uint8_t size; } units[] = {
        {"US", 2}, {"SS", 2}, {"UL", 4}, {"SL", 4}, {"FL", 4}, {"AT", 4}, {"FD", 8}, {"SV", 8}, {"UV", 8},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (!strcmp(units[i].vr, vr))
            return units[i].size;
    return 1;
}

const char *element_vr(const struct dataset *dataset, const struct dataset_element *element, bool *found)
{
    const uint32_t tag = element->tag;
    *found = true;
    if (element->is_sequence)
        return "SQ";
    if (!strcmp(element->vr, "SQ")) /* with bytes: unreadable */
        return element->size ? "UN" : "SQ";
    if (strcmp(element->vr, "UN") != 0)
        return element->vr;
    *found = false;
    if (tag >> 16 & 1) /* private: only its creator is known */
        return (tag & 0xffff) >= 0x10 && (tag & 0xffff) <= 0xff ? "LO" : "UN";
    const char *vr = vr_of_tag(tag);
    if (!vr)
        return "UN";
    vr = settle_vr(dataset, tag, vr);
    return element->size && (!strcmp(vr, "SQ") || element->size % unit_of(vr)) ? "UN" : vr;
}
