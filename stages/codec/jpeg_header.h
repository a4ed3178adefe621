/* jpeg_header.h - the marker segments of a JPEG (T.81) or JPEG-LS (T.87) codestream, without a
 * library
 *
 * What must be known before a decoder is chosen: process, precision, size, components; what tells
 * their colour space: JFIF, Adobe marker, component identifiers, subsampling; and, where a
 * codestream has several scans, whether all of them are there (a decoder fills missing ones with
 * grey, silently).
 */
#ifndef SLICEPRESS_STAGES_CODEC_JPEG_HEADER_H
#define SLICEPRESS_STAGES_CODEC_JPEG_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { JPEG_COMPONENTS = 4, JPEG_ADOBE_NONE = -1 };

enum jpeg_process { /* the code of the SOF marker */
                    JPEG_BASELINE = 0xc0,
                    JPEG_EXTENDED = 0xc1,
                    JPEG_PROGRESSIVE = 0xc2,
                    JPEG_LOSSLESS = 0xc3,
                    JPEG_LS = 0xf7
};

struct jpeg_header {
    unsigned process; /* SOF marker, known to enum jpeg_process or not */
    uint32_t rows, columns;
    uint16_t precision, components;
    struct {
        uint8_t id, across, down;
    } component[JPEG_COMPONENTS];
    bool has_jfif;
    int adobe_transform;       /* 0 none, 1 YCbCr, 2 YCCK */
    unsigned scans, scanned;   /* how many; bit i: component i is in one of them */
    unsigned near, interleave; /* JPEG-LS, first scan: NEAR, ILV */
    unsigned point_transform;  /* lossless, first scan */
    bool has_end;              /* EOI seen; looked for only where there are several scans */
    bool several_scans;
};

bool jpeg_header_read(const uint8_t *data, size_t size, struct jpeg_header *header,
                      struct error *err);

#endif
