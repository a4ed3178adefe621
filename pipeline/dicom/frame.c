#include "dicom/frame.h"

#include <string.h>

/* The defined terms of Photometric Interpretation (PS3.3 C.7.6.3.1.2), by enum photometric. */
static const char *const photometric_words[] = {
    [PHOTOMETRIC_UNKNOWN] = "",
    [PHOTOMETRIC_MONOCHROME1] = "MONOCHROME1",
    [PHOTOMETRIC_MONOCHROME2] = "MONOCHROME2",
    [PHOTOMETRIC_PALETTE_COLOR] = "PALETTE COLOR",
    [PHOTOMETRIC_RGB] = "RGB",
    [PHOTOMETRIC_YBR_FULL] = "YBR_FULL",
    [PHOTOMETRIC_YBR_FULL_422] = "YBR_FULL_422",
    [PHOTOMETRIC_YBR_PARTIAL_420] = "YBR_PARTIAL_420",
    [PHOTOMETRIC_YBR_PARTIAL_422] = "YBR_PARTIAL_422",
    [PHOTOMETRIC_YBR_ICT] = "YBR_ICT",
    [PHOTOMETRIC_YBR_RCT] = "YBR_RCT",
    [PHOTOMETRIC_HSV] = "HSV",
    [PHOTOMETRIC_ARGB] = "ARGB",
    [PHOTOMETRIC_CMYK] = "CMYK",
};
enum { PHOTOMETRIC_COUNT = sizeof photometric_words / sizeof photometric_words[0] };

size_t sample_size(enum sample_type type)
{
    static const size_t sizes[] = {
        [SAMPLE_U8] = 1,  [SAMPLE_S8] = 1,  [SAMPLE_U16] = 2, [SAMPLE_S16] = 2,
        [SAMPLE_U32] = 4, [SAMPLE_S32] = 4, [SAMPLE_F32] = 4, [SAMPLE_F64] = 8,
    };
    return sizes[type];
}

bool frame_is_beyond(uint64_t bytes, uint64_t samples, uint64_t most)
{
    return bytes > most || bytes + 4 * samples > 3 * most;
}

enum sample_type sample_type_of(uint16_t bits_allocated, bool is_signed)
{
    if (bits_allocated <= 8)
        return is_signed ? SAMPLE_S8 : SAMPLE_U8;
    if (bits_allocated <= 16)
        return is_signed ? SAMPLE_S16 : SAMPLE_U16;
    return is_signed ? SAMPLE_S32 : SAMPLE_U32;
}

const char *photometric_word(enum photometric photometric)
{
    return photometric_words[(int)photometric < PHOTOMETRIC_COUNT ? photometric
                                                                  : PHOTOMETRIC_UNKNOWN];
}

/* Terms differ in the field by blanks, underscores and case ("PALETTE COLOR ", "palette_color"). */
static bool same_term(const char *word, const char *term)
{
    for (; *term; word++, term++) {
        const char c = *word >= 'a' && *word <= 'z' ? (char)(*word - 'a' + 'A') : *word;
        const bool blank = (c == ' ' || c == '_') && (*term == ' ' || *term == '_');
        if (c != *term && !blank)
            return false;
    }
    return word[strspn(word, " ")] == '\0';
}

enum photometric photometric_of_word(const char *word)
{
    word += strspn(word, " ");
    for (int i = 1; i < PHOTOMETRIC_COUNT; i++)
        if (same_term(word, photometric_words[i]))
            return (enum photometric)i;
    return PHOTOMETRIC_UNKNOWN;
}
