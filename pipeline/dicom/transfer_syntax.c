#include "dicom/transfer_syntax.h"

#include <stddef.h>
#include <string.h>

#define PREFIX "1.2.840.10008.1.2"

/* One line a transfer syntax; in the order of their use in the field, which is also the search
 * order. */
#define ENCAPSULATED(suffix, name, coding, lossy) \
    { \
        PREFIX suffix, name, coding, true, false, false, true, lossy \
    }

static const struct transfer_syntax table[] = {
    {PREFIX ".1", "Explicit VR Little Endian", CODING_NATIVE, true, false, false, false, false},
    {PREFIX "", "Implicit VR Little Endian", CODING_NATIVE, false, false, false, false, false},
    ENCAPSULATED(".4.70", "JPEG Lossless, First-Order Prediction (Process 14, Selection Value 1)",
                 CODING_JPEG_LOSSLESS, false),
    ENCAPSULATED(".4.50", "JPEG Baseline (Process 1)", CODING_JPEG, true),
    ENCAPSULATED(".4.90", "JPEG 2000 (Lossless Only)", CODING_JPEG_2000, false),
    ENCAPSULATED(".4.91", "JPEG 2000", CODING_JPEG_2000, true),
    ENCAPSULATED(".4.80", "JPEG-LS Lossless", CODING_JPEG_LS, false),
    ENCAPSULATED(".4.81", "JPEG-LS Lossy (Near-Lossless)", CODING_JPEG_LS, true),
    ENCAPSULATED(".5", "RLE Lossless", CODING_RLE, false),
    ENCAPSULATED(".4.51", "JPEG Extended (Process 2 and 4)", CODING_JPEG, true),
    ENCAPSULATED(".4.57", "JPEG Lossless (Process 14)", CODING_JPEG_LOSSLESS, false),
    ENCAPSULATED(".4.201", "HTJ2K (Lossless Only)", CODING_HTJ2K, false),
    ENCAPSULATED(".4.202", "HTJ2K with RPCL Options (Lossless Only)", CODING_HTJ2K, false),
    ENCAPSULATED(".4.203", "HTJ2K", CODING_HTJ2K, true),
    {PREFIX ".1.99", "Deflated Explicit VR Little Endian", CODING_NATIVE, true, false, true, false,
     false},
    {PREFIX ".2", "Explicit VR Big Endian", CODING_NATIVE, true, true, false, false, false},
    ENCAPSULATED(".8.1", "Deflated Image Frame Compression", CODING_DEFLATED_FRAME, false),
    /* Retired, but met: PS3.5-2003 A. .53 and .55 are extended and progressive JPEG. */
    ENCAPSULATED(".4.53", "JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)",
                 CODING_JPEG, true),
    ENCAPSULATED(".4.55", "JPEG Full Progression, Non-Hierarchical (Process 10 and 12)",
                 CODING_JPEG, true),
    ENCAPSULATED(".4.52", "JPEG Extended (Process 3 and 5)", CODING_UNSUPPORTED, true),
    ENCAPSULATED(".4.54", "JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)",
                 CODING_UNSUPPORTED, true),
    ENCAPSULATED(".4.56", "JPEG Full Progression, Non-Hierarchical (Process 11 and 13)",
                 CODING_UNSUPPORTED, true),
    ENCAPSULATED(".4.58", "JPEG Lossless (Process 15)", CODING_UNSUPPORTED, false),
    ENCAPSULATED(".4.59", "JPEG Extended, Hierarchical (Process 16 and 18)", CODING_UNSUPPORTED,
                 true),
    ENCAPSULATED(".4.60", "JPEG Extended, Hierarchical (Process 17 and 19)", CODING_UNSUPPORTED,
                 true),
    ENCAPSULATED(".4.61", "JPEG Spectral Selection, Hierarchical (Process 20 and 22)",
                 CODING_UNSUPPORTED, true),
    ENCAPSULATED(".4.62", "JPEG Spectral Selection, Hierarchical (Process 21 and 23)",
                 CODING_UNSUPPORTED, true),
    ENCAPSULATED(".4.63", "JPEG Full Progression, Hierarchical (Process 24 and 26)",
                 CODING_UNSUPPORTED, true),
    ENCAPSULATED(".4.64", "JPEG Full Progression, Hierarchical (Process 25 and 27)",
                 CODING_UNSUPPORTED, true),
    ENCAPSULATED(".4.65", "JPEG Lossless, Hierarchical (Process 28)", CODING_UNSUPPORTED, false),
    ENCAPSULATED(".4.66", "JPEG Lossless, Hierarchical (Process 29)", CODING_UNSUPPORTED, false),
    ENCAPSULATED(".4.92", "JPEG 2000 Part 2 Multi-component (Lossless Only)", CODING_UNSUPPORTED,
                 false),
    ENCAPSULATED(".4.93", "JPEG 2000 Part 2 Multi-component", CODING_UNSUPPORTED, true),
    ENCAPSULATED(".4.94", "JPIP Referenced", CODING_UNSUPPORTED, true),
    {PREFIX ".4.95", "JPIP Referenced Deflate", CODING_UNSUPPORTED, true, false, true, true, true},
    ENCAPSULATED(".4.204", "JPIP HTJ2K Referenced", CODING_UNSUPPORTED, true),
    {PREFIX ".4.205", "JPIP HTJ2K Referenced Deflate", CODING_UNSUPPORTED, true, false, true, true,
     true},
    ENCAPSULATED(".4.110", "JPEG XL Lossless", CODING_UNSUPPORTED, false),
    ENCAPSULATED(".4.111", "JPEG XL JPEG Recompression", CODING_UNSUPPORTED, true),
    ENCAPSULATED(".4.112", "JPEG XL", CODING_UNSUPPORTED, true),
    ENCAPSULATED(".4.100", "MPEG2 Main Profile / Main Level", CODING_VIDEO, true),
    ENCAPSULATED(".4.100.1", "Fragmentable MPEG2 Main Profile / Main Level", CODING_VIDEO, true),
    ENCAPSULATED(".4.101", "MPEG2 Main Profile / High Level", CODING_VIDEO, true),
    ENCAPSULATED(".4.101.1", "Fragmentable MPEG2 Main Profile / High Level", CODING_VIDEO, true),
    ENCAPSULATED(".4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1", CODING_VIDEO, true),
    ENCAPSULATED(".4.102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1", CODING_VIDEO,
                 true),
    ENCAPSULATED(".4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1", CODING_VIDEO,
                 true),
    ENCAPSULATED(".4.103.1", "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
                 CODING_VIDEO, true),
    ENCAPSULATED(".4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 for 2D Video", CODING_VIDEO,
                 true),
    ENCAPSULATED(".4.104.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 for 2D Video",
                 CODING_VIDEO, true),
    ENCAPSULATED(".4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 for 3D Video", CODING_VIDEO,
                 true),
    ENCAPSULATED(".4.105.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 for 3D Video",
                 CODING_VIDEO, true),
    ENCAPSULATED(".4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2", CODING_VIDEO, true),
    ENCAPSULATED(".4.106.1", "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
                 CODING_VIDEO, true),
    ENCAPSULATED(".4.107", "HEVC/H.265 Main Profile / Level 5.1", CODING_VIDEO, true),
    ENCAPSULATED(".4.108", "HEVC/H.265 Main 10 Profile / Level 5.1", CODING_VIDEO, true),
    ENCAPSULATED(".7.1", "SMPTE ST 2110-20 Uncompressed Progressive Active Video", CODING_VIDEO,
                 false),
    ENCAPSULATED(".7.2", "SMPTE ST 2110-20 Uncompressed Interlaced Active Video", CODING_VIDEO,
                 false),
    ENCAPSULATED(".7.3", "SMPTE ST 2110-30 PCM Digital Audio", CODING_VIDEO, false),
    ENCAPSULATED(".6.1", "RFC 2557 MIME Encapsulation", CODING_UNSUPPORTED, false),
    ENCAPSULATED(".6.2", "XML Encoding", CODING_UNSUPPORTED, false),
    {"1.2.840.10008.1.20", "Papyrus 3 Implicit VR Little Endian", CODING_UNSUPPORTED, false, false,
     false, false, false},
};

const struct transfer_syntax *transfer_syntax_find(const char *uid)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (!strcmp(uid, table[i].uid))
            return &table[i];
    return NULL;
}
