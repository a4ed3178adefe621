/* geometry.h - slices in space: what of a series makes a volume, and why it makes none
 *
 *     struct geometry geometry;
 *     geometry_sort(slices, count, &geometry, err)       slices of all instances, in any order
 *     geometry.volumes[0].verdict ...                    the series' own verdict
 *     geometry_release(&geometry);
 *
 * Pure: no file, no object, no clock; the same set of slices gives the same volumes whatever their
 * order. geometry_read.h makes the slices of one object, where hostile files may be opened; they
 * are flat and of fixed size, so that they can travel to the coordinator, which links this but no reader.
 *
 * Everything is in the patient's coordinates of PS3.3 C.7.6.2.1.1, in millimetres: x to the left, y
 * to the back, z to the head (LPS). The slices of a volume run along the normal, row direction x
 * column direction, so that its affine has a positive determinant. The order comes from Image Position
 * (Patient) alone, never from instance numbers, Slice Location or names, and spacing from positions,
 * never from Slice Thickness.
 *
 * What makes another volume: matrix, samples, image or frame type, stack, echo, channel (segment,
 * energy window), orientation, spacing in the plane, another line of positions (a second stack). Values
 * of the image type from the fourth on are the vendor's own: slices that differ there alone stay
 * together where they fill one even grid without overlap. Frame of Reference UID is not asked. Positions
 * that repeat become a further dimension: by temporal position, b-value and gradient direction
 * where they tell the repetitions apart, else by acquisition time, acquisition number or trigger
 * time, else by their order. Nothing that came in is left out: each slice is in one cell of one volume.
 */
#ifndef SLICEPRESS_DICOM_GEOMETRY_H
#define SLICEPRESS_DICOM_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* -- tolerances: one for each question ---------------------------------------------------- */

/* Two planes are parallel, and two rows in them, up to this angle. Cosines written with four decimals
 * are 0.006 degrees off; neighbours of a radial set are degrees apart. */
#define GEOMETRY_ORIENTATION_DEGREES 0.1
/* Direction cosines: how far a length may be from 1, and the cosine between row and column from 0. */
#define GEOMETRY_COSINE_LENGTH 0.02
#define GEOMETRY_COSINE_RIGHT_ANGLE 0.002
/* Pixel Spacing is the same up to this share of it (the last of six written digits). */
#define GEOMETRY_PIXEL_SPACING_SHARE 0.0005
/* Images nearer to each other along the normal are at one position. */
#define GEOMETRY_SAME_POSITION_MM 0.01
/* Spacing is even where no position is further than a share of the spacing from the even grid; the rounding of
 * positions written with one decimal is allowed for, as long as that is no more than SPACING_MOST of it. */
#define GEOMETRY_SPACING_SHARE 0.05
#define GEOMETRY_SPACING_ROUNDING_MM 0.0501
#define GEOMETRY_SPACING_MOST 0.2
/* Positions lie on one line, and a line is along the normal, up to this share of a pixel. */
#define GEOMETRY_IN_PLANE_PIXELS 0.25
/* ... and a line that leaves the normal by less than this angle is not called tilted. */
#define GEOMETRY_TILT_DEGREES 0.1
/* Echo times nearer than this are one echo. */
#define GEOMETRY_ECHO_TIME_MS 0.05

/* -- what comes in ------------------------------------------------------------------------ */

/* Why an image has no place in space: word, and what follows "images with". */
#define SLICE_FAULTS(X) \
    X(NONE, "a place in space") \
    X(TILED, "tiles of a larger image, not slices") \
    X(NO_FRAME_POSITIONS, "several frames without a position each") \
    X(PROJECTION, "projections of a scan that is not reconstructed") \
    X(NO_POSITION, "no usable Image Position (Patient)") \
    X(NO_ORIENTATION, "no usable Image Orientation (Patient)") \
    X(BAD_COSINES, "direction cosines that are not two unit vectors at a right angle") \
    X(NO_SPACING, "no usable Pixel Spacing") \
    X(DETECTOR_SPACING, "no Pixel Spacing, only Imager Pixel Spacing, which holds at the detector") \
    X(NO_SLICE_SPACING, "one position for all slices and no Spacing Between Slices") \
    X(BAD_OFFSETS, "a Grid Frame Offset Vector that does not fit frames or position") \
    X(BAD_MOSAIC, "slices in a mosaic that does not say how many and in which direction") \
    X(TOO_MANY, "more frames than are sorted")

enum slice_fault {
#define X(name, text) SLICE_##name,
    SLICE_FAULTS(X)
#undef X
    SLICE_FAULT_COUNT
};

#define SLICE_NO_NUMBER INT64_MIN /* an integer that the object does not give; doubles are NAN then */
enum { SLICE_TYPE_SIZE = 129 };

struct slice {
    uint64_t instance;         /* the caller's; comes back in nothing but this slice */
    char sop_instance_uid[65]; /* settles every tie */
    uint32_t frame;            /* from 1 */
    uint32_t frames;           /* how many frames this stands for: 1, or all where `fault` is set */
    enum slice_fault fault;
    uint32_t rows, columns;    /* of the slice; a mosaic's tile */
    uint32_t x, y;             /* its first pixel in the frame, 0 but in mosaics */
    uint16_t samples_per_pixel, bits_stored;
    bool is_signed, is_float;
    bool has_modality_lut;     /* no slope and intercept then */
    bool has_padding;
    double padding_low, padding_high; /* stored values, inclusive */
    double slope, intercept;

    double position[3];        /* of the centre of the first pixel */
    double row[3], column[3];  /* as written; geometry_sort checks and normalises */
    double row_spacing_mm, column_spacing_mm; /* between rows, between columns: Pixel Spacing's order */
    double declared_spacing_mm; /* Spacing Between Slices, for comparison only */

    /* other values: another volume */
    char image_type[SLICE_TYPE_SIZE]; /* Frame Type where there is one, else Image Type */
    char stack_id[17];
    int64_t echo_number;
    double echo_time_ms;
    int64_t channel;           /* segment number; NM: energy window, detector, R-R interval */

    /* other values: another point of the further dimension */
    int64_t temporal_position;
    double b_value, gradient[3];
    double trigger_time_ms;
    int64_t acquisition_number;
    int64_t acquisition_time_us; /* since 0000-03-01 00:00, or since midnight without a date */

    int64_t instance_number;   /* settles the order of repetitions, never that of positions */
    int64_t in_stack_position; /* checked against the positions */
};

/* Everything absent: numbers SLICE_NO_NUMBER or NAN, one frame, slope 1. */
struct slice slice_absent(void);

/* -- what comes out ----------------------------------------------------------------------- */

/* In the order of what matters most where several hold; the text finishes "this is". */
#define VOLUME_VERDICTS(X) \
    X(REGULAR, "regular", "an even grid") \
    X(TILTED, "tilted", "an even grid, sheared: the slices do not follow their normal") \
    X(REPEATED_POSITIONS, "repeated_positions", "some positions occur again, others do not") \
    X(MISSING_SLICES, "missing_slices", "an even grid with holes") \
    X(IRREGULAR_SPACING, "irregular_spacing", "slices at uneven distances") \
    X(SHIFTED_SLICES, "shifted_slices", "parallel slices that are not on one line") \
    X(SINGLE_SLICE, "single_slice", "one position") \
    X(MIXED_ORIENTATION, "mixed_orientation", "slices that are not parallel") \
    X(LOCALIZER, "localizer", "a scout") \
    X(NOT_VOLUMETRIC, "not_volumetric", "images without a place in space")

enum volume_verdict {
#define X(name, word, text) VOLUME_##name,
    VOLUME_VERDICTS(X)
#undef X
    VOLUME_VERDICT_COUNT
};
const char *volume_verdict_word(enum volume_verdict verdict);

/* Slice `input` of what came in is at (dimension, slice). */
struct volume_cell { uint32_t dimension, slice, input; };
/* An image that the grid has a place for, but that did not come; in which plane it would be. */
struct volume_missing { uint32_t dimension, slice; double position[3]; };

enum voxel { VOXEL_STORED, VOXEL_FLOAT32 };

struct volume {
    uint32_t ordinal; /* from 1: by number of slices, then by first position; not_volumetric last */
    enum volume_verdict verdict;
    char *reason;     /* owned: why, in plain English with the numbers, one line */

    /* `slices` counts the places of the even grid, holes included, where there is one (regular, tilted,
     * missing_slices, repeated_positions), and what came otherwise. */
    uint32_t columns, rows, slices, dimensions;
    char dimension_name[96]; /* what tells them apart: "b-value, diffusion direction", "order"; "" if there is one */

    /* (column, row, slice, 1) -> mm. The third column is the step from slice to slice, shear included;
     * exact where there is an even grid, else the mean step, or 1 mm along the normal. */
    bool has_affine; /* false: mixed_orientation, not_volumetric */
    double affine[4][4];
    double row_spacing_mm, column_spacing_mm;
    double slice_spacing_mm; /* between planes, along the normal; 0 with a single position */
    double least_gap_mm, most_gap_mm; /* between neighbours that came */
    double off_grid_mm;      /* the worst distance of a position from the even grid, or from the mean steps */
    double tilt_degrees;     /* between the line of positions and the normal */
    double off_line_mm;      /* the worst distance of a position from that line */

    /* Integers as stored only where all slices share slope, intercept and sign; else each slice is
     * rescaled by its own and the voxels are float32 (PET). */
    enum voxel voxel;
    uint16_t samples_per_pixel, bits_stored; /* the most of any slice */
    bool is_signed;
    double slope, intercept; /* with VOXEL_STORED */
    bool has_padding;        /* all slices share it; else ask each slice */
    double padding_low, padding_high;

    struct volume_cell *cells; /* owned, by dimension and slice */
    size_t cell_count;
    struct volume_missing *missing; /* owned, by dimension and slice */
    size_t missing_count;
};

struct geometry {
    struct volume *volumes; /* owned, by ordinal */
    size_t count;
};

/* NOMEM, and LIMIT beyond 2^31 slices, are the only errors: whatever the numbers say has a verdict. Who takes slices
 * from a worker checks that texts end and that `fault` is one of the list; numbers may be anything. */
bool geometry_sort(const struct slice *slices, size_t count, struct geometry *geometry,
                   struct error *err);
void geometry_release(struct geometry *geometry);

#endif
