/* limits.h - every bound on hostile input, with its reason
 *
 * One table: name, value, why. `slicepress stages --verbose` and the README print it. A limit
 * that is hit gives an error of kind LIMIT that names it and both numbers.
 */
#ifndef SLICEPRESS_BASE_LIMITS_H
#define SLICEPRESS_BASE_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#define LIMITS(X) \
    X(SIDE, 65535, "rows and columns are US (16 bit) in PS3.3 C.7.6.3") \
    X(FRAMES, 1000000, "the largest slide known here has 394,830 tiles") \
    X(SAMPLES, 4, "PS3.3 allows 1 and 3, retired CMYK and ARGB have 4") \
    X(FRAME_BYTES, UINT64_C(1) << 30, "a 23,000 x 23,000 16-bit frame; larger ones are read in strips, or not at all") \
    X(WHOLE_FRAME_BYTES, UINT64_C(192) << 20, \
      "a 10,000 x 10,000 16-bit frame, 120 million samples of 8 bits; larger ones are not coded, and read in strips") \
    X(HEADER_BYTES, UINT64_C(256) << 20, "data set before Pixel Data: per-frame groups of a slide reach 100 MB") \
    X(ELEMENT_BYTES, UINT64_C(128) << 20, "one value in the header, an ICC profile or LUT included") \
    X(SEQUENCE_DEPTH, 64, "real objects nest to 10; GDCM recurses, and its stack ends near 20,000") \
    X(INFLATED_BYTES, UINT64_C(1) << 30, "a deflated data set, inflated to the spool") \
    X(INFLATE_RATIO, 200, "deflated image data reaches 50; a bomb exceeds 1,000") \
    X(INFLATE_FREE_BYTES, UINT64_C(64) << 20, "below this the ratio is not asked: empty masks deflate 1,000 to 1") \
    X(ARCHIVE_MEMBERS, 2000000, "a year of slices in one TAR") \
    X(ARCHIVE_BYTES, UINT64_C(1) << 40, "all members of one archive, inflated") \
    X(ARCHIVE_DEPTH, 2, "an archive in an archive happens; deeper is a bomb") \
    X(MEMBER_BYTES, UINT64_C(64) << 30, "one member; enhanced objects reach tens of GB") \
    X(MEMBER_NAME, 4096, "PATH_MAX; longer names are cut in the catalogue") \
    X(FOLDER_DEPTH, 64, "input folders; a loop of mounts would never end") \
    X(LUT_ENTRIES, 65536, "PS3.3 C.11.1.1.1: 0 means 65,536") \
    X(WINDOWS, 64, "alternative windows kept for one frame") \
    X(MESSAGE_BYTES, UINT64_C(64) << 20, "one message between coordinator and worker") \
    X(TILES, 16000000, "of one picture: 900,000 x 900,000 pixels at 256; each costs some 100 bytes") \
    X(WEBP_SIDE, 16383, "libwebp's own limit, 14 bits less one") \
    X(WEBP_PIXELS, UINT64_C(1) << 26, "libwebp codes a picture at once, in 5 bytes a pixel with the picture's own")

enum limit_id {
#define X(name, value, why) LIMIT_ID_##name,
    LIMITS(X)
#undef X
    LIMIT_COUNT
};

struct limit { const char *name; uint64_t value; const char *why; };
extern const struct limit limits[LIMIT_COUNT];

#define LIMIT(name) (limits[LIMIT_ID_##name].value)

#endif
