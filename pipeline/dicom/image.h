/* image.h - the Image Pixel module and everything else that gives stored values a meaning
 *
 * image_read checks the whole description before anybody allocates by it: rows, columns, samples,
 * bits, planar configuration, photometric interpretation, number of frames, against limits.h and
 * against each other (PS3.3 C.7.6.3). What merely can be repaired is repaired and noted; what would
 * make a pixel doubtful is refused with expected and found. NO_IMAGE: no pixel data, or a kind that
 * is no picture; UNSUPPORTED: video, JPEG XL and what no codec here reads.
 *
 * Values that may differ by frame (functional groups) are asked for with image_frame_display.
 */
#ifndef SLICEPRESS_DICOM_IMAGE_H
#define SLICEPRESS_DICOM_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/frame.h"
#include "dicom/object.h"

/* A LUT of PS3.3 C.11.1.1.1 or C.7.6.3.1.5: values[i] for input first + i; outside: the end values. */
struct lut {
    uint32_t entries;
    int32_t first;
    uint16_t bits;    /* of each entry, from the descriptor, corrected to 8 where the data say so */
    uint16_t *values; /* owned */
    char explanation[65];
};

enum voi_function { VOI_LINEAR, VOI_LINEAR_EXACT, VOI_SIGMOID };

struct window {
    double center, width;
    enum voi_function function;
    char explanation[65]; /* UTF-8, "" if none */
};

/* PS3.3 C.11.2.1.2: LINEAR wants width >= 1, the others > 0; both finite. */
bool window_is_valid(const struct window *window);

struct palette { struct lut red, green, blue; }; /* supplemental and segmented ones expanded */

struct image {
    uint32_t rows, columns, frames;
    uint16_t samples_per_pixel, bits_allocated, bits_stored, high_bit, planar_configuration;
    bool is_signed;
    enum pixel_element element; /* INTEGER, FLOAT or DOUBLE */
    enum photometric photometric; /* as declared */
    const struct transfer_syntax *transfer_syntax;
    bool big_endian;
    bool swapped_pairs; /* samples of 8 bits or fewer in OW, big endian: the bytes of each 16-bit word change places */
    char sop_class_uid[65], modality[17];
    bool has_palette; /* of PALETTE COLOR, or of ARGB for its alpha */
    bool has_supplement; /* Supplemental Palette (PS3.3 C.7.6.19): grey, but colours from its first index on */
    struct palette palette; /* either of them */
    uint8_t *icc; /* owned, NULL if none: ICC Profile (0028,2000) or of the optical path */
    size_t icc_size;
    /* physical size of a pixel for display, mm: row spacing, column spacing; 0 if unknown. */
    double row_spacing_mm, column_spacing_mm;
    const char *spacing_source; /* "PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio", ... or NULL */
    bool is_tiled;              /* a tiled multi-frame object (whole-slide microscopy, tiled SEG) */
    uint32_t recommended_fps_x1000; /* cine rate in frames per 1,000 s; 0 if none */
    bool lossy_declared;        /* Lossy Image Compression = 01 */
};

/* How stored values of one frame become something to see. Owned LUTs: release it. */
struct frame_display {
    bool has_modality_lut;
    struct lut modality_lut;  /* has priority over slope and intercept; ignored for XA, XRF (C.11.1.1.2) */
    double slope, intercept;  /* 1, 0 when absent; Dose Grid Scaling is a slope */
    char rescale_type[17];
    uint32_t window_count;
    struct window *windows;   /* all that are carried, valid or not, in order; owned */
    uint32_t voi_lut_count;
    struct lut *voi_luts;     /* owned */
    bool has_padding;
    double padding_low, padding_high; /* inclusive, in stored values (C.7.5.1.1.2) */
    bool inverse;             /* Presentation LUT Shape INVERSE, or MONOCHROME1 without a shape */
};

bool image_read(const struct object *object, struct image *image, struct buffer *notes, struct error *err);
void image_release(struct image *image);
uint64_t image_frame_bytes(const struct image *image); /* of its samples, decoded */
/* A frame may be read a few rows at a time, by its transfer syntax: native, or JPEG 2000 (if it has tiles). Others are
 * refused above LIMIT(FRAME_BYTES). */
bool image_comes_in_strips(const struct image *image);
/* frame from 1. */
bool image_frame_display(const struct object *object, const struct image *image, uint32_t frame,
                         struct frame_display *display, struct error *err);
void frame_display_release(struct frame_display *display);
/* Bytes of one frame when native: (rows x columns x samples x bits_allocated + 7) / 8, 422 and 1-bit aware. */
uint64_t image_native_frame_bits(const struct image *image);

#endif
