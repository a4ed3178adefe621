/* frame.h - the stored values of one frame, decoded, in one shape for everybody
 *
 * Samples are interleaved by pixel, rows top to bottom, without padding between rows, in host byte
 * order (little endian), in the smallest container of 8, 16, 32 or 64 bits that holds Bits Allocated
 * (1-bit pixels: one byte each, 0 or 1). A value is the STORED value (PS3.5 8.1.1): Bits Stored bits, shifted down
 * by High Bit + 1 - Bits Stored, bits above gone (overlays!), sign-extended when Pixel Representation
 * is 1. No rescale, no LUT, no window, no colour conversion, except that a codestream's own reversible
 * or irreversible component transform is undone, and chroma is upsampled (422 and 420 become 444).
 */
#ifndef SLICEPRESS_DICOM_FRAME_H
#define SLICEPRESS_DICOM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum photometric {
    PHOTOMETRIC_UNKNOWN,
    PHOTOMETRIC_MONOCHROME1,
    PHOTOMETRIC_MONOCHROME2,
    PHOTOMETRIC_PALETTE_COLOR,
    PHOTOMETRIC_RGB,
    PHOTOMETRIC_YBR_FULL,
    PHOTOMETRIC_YBR_FULL_422,
    PHOTOMETRIC_YBR_PARTIAL_420,
    PHOTOMETRIC_YBR_PARTIAL_422,
    PHOTOMETRIC_YBR_ICT,
    PHOTOMETRIC_YBR_RCT,
    PHOTOMETRIC_HSV,  /* retired */
    PHOTOMETRIC_ARGB, /* retired */
    PHOTOMETRIC_CMYK  /* retired */
};

enum sample_type { SAMPLE_U8, SAMPLE_S8, SAMPLE_U16, SAMPLE_S16, SAMPLE_U32, SAMPLE_S32, SAMPLE_F32, SAMPLE_F64 };

struct frame {
    uint32_t number; /* from 1 */
    uint32_t rows, columns;
    uint16_t samples_per_pixel;
    enum sample_type type;
    uint16_t bits_stored; /* significant bits of each sample after reconciliation with the codestream */
    bool is_signed;
    enum photometric photometric; /* of the samples as they are here: RCT, ICT are RGB; 422 is YBR_FULL */
    bool lossy;                   /* the source coding had lost information (by its own bytes) */
    const void *samples; /* borrowed: belongs to whoever filled the frame */
    size_t size;         /* bytes of samples */
};

size_t sample_size(enum sample_type type);
/* Container for a stored integer: bits_allocated 1..32. */
enum sample_type sample_type_of(uint16_t bits_allocated, bool is_signed);
/* Too large for all that may become of it at once: above `most` bytes, or above three times that in OpenJPEG, which reads
 * back what was coded, and has numbers of 32 bits beside the frame: as much as 16-bit samples of `most` bytes. */
bool frame_is_beyond(uint64_t bytes, uint64_t samples, uint64_t most);
const char *photometric_word(enum photometric photometric); /* "YBR_FULL_422" */
enum photometric photometric_of_word(const char *word);

#endif
