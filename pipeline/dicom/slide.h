/* slide.h - the pyramids of a slide: which frame of which instance is which tile of which level
 *
 *     slide_read(object, &image, &part, &is_part, notes, err)       slide_read.h: one instance
 *     slide_sort(parts, count, &slide, err)                         those of a series, in any order
 *     slide.pyramids[0].levels[0].cells ...
 *     slide_release(&slide)
 *
 * Pure: no file, no object, no clock; the same set of parts gives the same pyramids whatever their order. A part is what
 * one instance holds of a Total Pixel Matrix (PS3.3 C.8.12.4.1.1): a tiled multi-frame object, whole slide or not.
 *
 * Each optical path (or segment) and each focal plane is a pyramid of its own; so is what lies in another frame of
 * reference, another container, another pyramid by its UID. In a pyramid there is one level of a size, and each is the
 * first one made smaller: by any factor, the same across and down, to a pixel. What does not fit begins another pyramid.
 * The instances of a concatenation (PS3.3 C.7.6.16.2.2.4) are one image. LABEL and OVERVIEW are other pictures, and no
 * pyramids; a THUMBNAIL is a level where it fits.
 */
#ifndef SLICEPRESS_DICOM_SLIDE_H
#define SLICEPRESS_DICOM_SLIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Image Type, value 3 (PS3.3 C.8.12.4.1.1). */
enum slide_kind { SLIDE_VOLUME, SLIDE_THUMBNAIL, SLIDE_LABEL, SLIDE_OVERVIEW, SLIDE_KIND_COUNT };

#define SLIDE_FAULTS(X) \
    X(NONE, "tiles with a place each") \
    X(COUNT, "another number of frames than its Total Pixel Matrix has tiles, and no positions") \
    X(POSITIONS, "positions that are not there for every frame, or lie outside of its Total Pixel Matrix") \
    X(PLANES, "more optical paths and focal planes than are sorted") \
    X(TOO_LARGE, "a Total Pixel Matrix too large for a pyramid") \
    X(TOO_MANY, "more tiles than are sorted")

enum slide_fault {
#define X(name, text) SLIDE_FAULT_##name,
    SLIDE_FAULTS(X)
#undef X
    SLIDE_FAULT_COUNT_OF
};

enum {
    SLIDE_PLANES_MOST = 1024,
    SLIDE_CELLS_MOST = 1 << 22, /* of a series: 16 bytes each */
    SLIDE_PLACES_MOST = 1 << 22, /* of tiles in a level, empty ones included */
    SLIDE_SIDE_MOST = 1 << 24,
    SLIDE_CHANNEL_SIZE = 17, /* SH */
    SLIDE_UID_SIZE = 81     /* real ones are longer than they may be */
};

/* What lies one upon the other at the same place. */
struct slide_plane {
    char channel[SLIDE_CHANNEL_SIZE]; /* Optical Path Identifier, or Segment Number */
    int64_t focus_nm;                 /* Z offset, to 100 nm */
};

/* Of a frame of a TILED_SPARSE part. */
struct slide_place { uint32_t column, row, plane; };

struct slide_part {
    uint64_t instance;          /* the caller's: comes back in cells as the part's number */
    char sop_instance_uid[65];
    enum slide_kind kind;
    enum slide_fault fault;
    uint32_t columns, rows;     /* Total Pixel Matrix */
    uint32_t tile_columns, tile_rows;
    uint32_t frames;            /* that can be read */
    uint32_t first_frame;       /* Concatenation Frame Offset Number: so many are in the instances before */
    uint16_t samples_per_pixel;
    double row_spacing_mm, column_spacing_mm; /* 0: not known */
    uint64_t profile;           /* tells ICC profiles apart; 0: there is none */
    char frame_of_reference_uid[SLIDE_UID_SIZE], pyramid_uid[SLIDE_UID_SIZE], concatenation_uid[SLIDE_UID_SIZE];
    char container[65];         /* Container Identifier; "" of these four: none */
    size_t plane_count;         /* 1 or more */
    struct slide_plane *planes; /* owned; TILED_FULL: each has its share of the frames, in this order */
    struct slide_place *places; /* owned, of each frame; NULL: TILED_FULL */
};

/* Sorted by row, then column. */
struct slide_cell { uint32_t column, row, frame, part; }; /* first pixel in the matrix; frame from 1; in the parts sorted */

struct slide_level {
    uint32_t columns, rows, tile_columns, tile_rows;
    uint32_t across, down;      /* tiles */
    bool is_aligned;            /* every tile is in one place of the grid, and none in the same one */
    bool is_sparse;             /* by its own word not every place has a tile */
    size_t cell_count;
    struct slide_cell *cells;
    size_t part_count;
    uint32_t *parts;            /* the instances that hold it, ascending */
};

#define SLIDE_VERDICTS(X) \
    X(WHOLE, "whole") \
    X(SPARSE, "sparse") \
    X(INCOMPLETE, "incomplete") \
    X(OVERLAPPING, "overlapping") \
    X(UNUSABLE, "unusable")

enum slide_verdict {
#define X(name, word) SLIDE_##name,
    SLIDE_VERDICTS(X)
#undef X
    SLIDE_VERDICT_COUNT
};

struct slide_pyramid {
    uint32_t ordinal;           /* from 1 */
    enum slide_verdict verdict; /* of its worst level */
    bool profiles_differ;       /* of its instances */
    char reason[200];           /* in plain words */
    struct slide_plane plane;
    const struct slide_part *like; /* a part of the largest level: whose container, frame of reference, spacing */
    size_t level_count;         /* UNUSABLE: 0 */
    struct slide_level *levels; /* the largest first */
};

struct slide { size_t count; struct slide_pyramid *pyramids; };

const char *slide_verdict_word(enum slide_verdict verdict);
void slide_part_release(struct slide_part *part);
/* `parts` are borrowed, and stay as long as `slide`. NOMEM. */
bool slide_sort(const struct slide_part *parts, size_t count, struct slide *slide, struct error *err);
void slide_release(struct slide *slide);

/* The tile in place (x, y) of an aligned level's grid; NULL: there is none. */
const struct slide_cell *slide_level_at(const struct slide_level *level, uint32_t x, uint32_t y);
/* The cells that may reach into rows [from, to): *first up to, not including, *end. */
void slide_level_rows(const struct slide_level *level, uint32_t from, uint32_t to, size_t *first, size_t *end);

#endif
