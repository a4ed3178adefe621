/* transfer_syntax.h - what a Transfer Syntax UID says (PS3.5 A, PS3.6 A) */
#ifndef SLICEPRESS_DICOM_TRANSFER_SYNTAX_H
#define SLICEPRESS_DICOM_TRANSFER_SYNTAX_H

#include <stdbool.h>

enum coding {
    CODING_NATIVE,
    CODING_DEFLATED_FRAME, /* 1.2.840.10008.1.2.8.1: each frame deflated on its own */
    CODING_RLE,
    CODING_JPEG,      /* lossy processes: .50 .51 .53 .55 */
    CODING_JPEG_LOSSLESS, /* .57 .70 */
    CODING_JPEG_LS,   /* .80 .81 */
    CODING_JPEG_2000, /* .90 .91 (.92 .93: multi-component, refused) */
    CODING_HTJ2K,     /* .201 .202 .203 */
    CODING_VIDEO,     /* MPEG, H.264, H.265: never decoded here */
    CODING_UNSUPPORTED /* JPEG XL, JPIP, hierarchical JPEG, private ones */
};

struct transfer_syntax {
    const char *uid, *name;
    enum coding coding;
    bool explicit_vr, big_endian, deflated, encapsulated;
    bool lossy; /* the coding may lose information */
};

/* NULL for a UID that no edition of the standard names. Trailing NUL and spaces are the caller's. */
const struct transfer_syntax *transfer_syntax_find(const char *uid);

#endif
