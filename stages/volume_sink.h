/* volume_sink.h - one volume, plane by plane, for all that write it: OME-Zarr, NIfTI, VTK
 *
 * stages/volume.c makes the form and the planes and drives the sinks that are on:
 *
 *     begin -> plane for every place, in the order of memory -> end -> release (whatever happened)
 *
 * Adding one is its file with a `const struct volume_sink` at the end and a row in volume.c's table. A sink
 * puts one artefact; a product has one tree and one stream open at a time, so that sinks that stream take turns,
 * a pass over the slices each.
 *
 * Indices of space are X along a row, Y down a column, Z from slice to slice; arrays on disk are the other way round.
 */
#ifndef SLICEPRESS_STAGES_VOLUME_SINK_H
#define SLICEPRESS_STAGES_VOLUME_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/option.h"
#include "dicom/frame.h"
#include "dicom/geometry.h"
#include "dicom/image.h"
#include "job/staging.h"

enum { X, Y, Z, SPACE };

struct volume_options {
    char format[OPTION_TEXT];   /* "0.5" or "0.4" */
    char compress[OPTION_TEXT]; /* "blosc", "gzip", "none" */
    struct option_ints chunk;   /* z,y,x; empty: chosen by volume_levels.h */
    bool shards, resample, nifti, vti;
    int64_t max_axis;
};

/* What holds for the whole volume. All is borrowed for the time of the pass. */
struct volume_form {
    const char *name;            /* "volume-1", "volume-1-resampled" */
    const struct volume *volume; /* verdict and reason, holes, further dimension: of the slices as they came */
    bool is_resampled;
    uint32_t size[SPACE];
    uint32_t dimensions;
    double spacing_mm[SPACE];
    double affine[4][4];     /* (x, y, z, 1) -> mm, LPS */
    enum sample_type type;   /* U8, S8, U16, S16, U32, S32: as stored; F32: rescaled */
    double slope, intercept; /* of a voxel: 1 and 0 with F32 */
    /* Voxels that are no values: in this range where has_padding, NAN in F32. Holes are `fill`, which is padding
     * where there is some, else the least value of the first slice. */
    bool has_padding;
    double padding_low, padding_high;
    double fill;
    bool is_inverse;                  /* low values are bright: MONOCHROME1 */
    const struct window *window;      /* modality values; NULL: ask the voxels */
    const double (*positions)[SPACE]; /* of each slice as it came, NAN where none came; known at end() */
};

struct volume_plane {
    uint32_t dimension, slice;
    const void *voxels; /* size[X] * size[Y] of the form's type, rows top to bottom */
    bool is_hole;       /* all of it is `fill` */
    bool has_padding;   /* of this slice, which may differ from the form's */
    double padding_low, padding_high;
};

struct volume_writer;

struct volume_sink {
    const char *name; /* "zarr" */
    bool uses_stream; /* else a tree */
    size_t state_size;
    bool (*is_on)(const struct volume_options *options);
    bool (*begin)(struct volume_writer *writer, struct error *err);
    bool (*plane)(struct volume_writer *writer, const struct volume_plane *plane, struct error *err);
    bool (*end)(struct volume_writer *writer, struct error *err);
    void (*release)(struct volume_writer *writer);
};

struct volume_writer {
    const struct volume_sink *sink;
    const struct volume_form *form;
    const struct volume_options *options;
    struct staging *staging;
    struct buffer *notes;
    void *state; /* zeroed, state_size */
};

extern const struct volume_sink volume_nifti_sink;
extern const struct volume_sink volume_vti_sink;
extern const struct volume_sink volume_zarr_sink;

#endif
