/* stage.h - a stage turns the frames of one instance (or series) into artefacts
 *
 * A stage is a `const struct stage` at the end of its file in stages/; adding one is three edits: its
 * file, an extern line in stages/stages.h, a line in stages/registry.c. The runner (worker/run.c) owns the loop:
 *
 *     accepts? -> begin -> survey -> for each frame wanted: coded, frame -> finish -> release (whatever happened)
 *
 * and for a series, when all its instances are settled:
 *
 *     accepts? -> begin -> for each volume: volume, then slice..., volume_end or volume_drop -> finish -> release
 *     accepts? -> begin -> for each pyramid of a slide: slide, which asks for tiles -> finish -> release
 *
 * A function that has nothing to do is NULL. An object without a picture (a report, a presentation state) goes to the
 * stages that need the OBJECT only, with no image and no frames.
 *
 * A stage sees const input, its parsed options, zeroed state and the staging to put artefacts in; no
 * paths, no clock, no globals, no environment: the same input and options give the same bytes on any
 * number of workers. A stage that fails is dropped for this instance, or for this volume, and the others go on.
 */
#ifndef SLICEPRESS_JOB_STAGE_H
#define SLICEPRESS_JOB_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/option.h"
#include "dicom/coded_form.h"
#include "dicom/frame.h"
#include "dicom/geometry.h"
#include "dicom/image.h"
#include "dicom/object.h"
#include "dicom/pixels.h"
#include "dicom/slide.h"
#include "job/staging.h"

enum stage_scope { SCOPE_INSTANCE, SCOPE_SERIES };

enum stage_needs {
    NEEDS_FRAME = 1 << 0,   /* stored values: called in the one decode pass */
    NEEDS_PICTURE = 1 << 1, /* the windowed 8-bit picture: after the barrier where the series window is used */
    NEEDS_ORDER = 1 << 2,   /* frames in slice order (series scope) */
    NEEDS_OBJECT = 1 << 3,  /* the data set: objects without a picture are wanted, too */
    NEEDS_SLIDE = 1 << 4,   /* pyramids of tiles (series scope): series without one are not told */
};

struct stage_input {
    const struct subject *subject;
    const struct object *object; /* NULL in series scope; so are image, source_digest and published */
    const struct image *image; /* frames: as many as can be read; NULL: an object without a picture */
    const struct digest *source_digest;
    const struct window *window; /* series scope: the series window, in modality values; NULL if there is none */
    /* How frames/N hold the samples: what the codestream stage left, or what stands published when it does not take
     * part. Known from finish() on; its transfer_syntax is "" if no frame is published. */
    const struct coded_form *published;
    const struct error *published_fault; /* why that is not known though frames are there; kind NONE: it is */
};

/* The source's own bytes of a frame, before anything is decoded; of a source that is gone, the published frame's. */
struct coded_frame {
    const struct image *image; /* what these bytes are, as a decoder must know it */
    uint32_t number;           /* from 1 */
    const uint8_t *data;
    size_t size;
    unsigned bit_offset; /* native frames of 1 bit that do not begin at a byte */
    bool was_lossy;      /* before they were coded like this */
};

struct stage_frame {
    const struct frame *frame;            /* number from 1; samples NULL if only the picture is there */
    uint32_t first_row;                   /* of a strip: where it begins; frame and picture are of its rows */
    const struct frame_display *display;
    const struct voi *voi;                /* what the picture was made with; kind NONE for colour */
    const char *voi_origin;               /* "tag", "voi_lut", "computed", "" for colour */
    const struct picture *picture;        /* NULL unless NEEDS_PICTURE; sRGB (ICC applied) or grey */
};

/* One place of a volume (geometry.h). What a volume does not share among its slices is told for each. */
struct stage_slice {
    const struct volume *volume;
    uint32_t dimension, slice; /* from 0: repetition, place along the normal */
    const struct frame *frame; /* the decoded frame that holds it; NULL: a hole, nothing else below counts */
    uint32_t x, y;             /* its first pixel in the frame, 0 but in mosaics; volume->columns x rows from there */
    const struct lut *modality_lut; /* instead of slope and intercept; NULL: there is none */
    double slope, intercept;
    bool has_padding;
    double padding_low, padding_high; /* stored values, inclusive */
    double position[3];        /* of the centre of its first pixel, LPS mm */
};

/* One pyramid of a slide (slide.h), and the tiles of it. What is lent stays until the next tile is asked for. Tiles cost
 * least in the order of their frames. */
struct stage_slide {
    const struct slide_pyramid *pyramid;
    bool is_colour;            /* pictures have three channels; one else */
    const uint8_t *icc;        /* that all levels share; NULL: there is none, or profiles differ */
    size_t icc_size;
    bool profiles_differ;
    void *reader;
    /* The bytes as they are, nothing decoded. */
    bool (*coded)(void *reader, const struct slide_cell *cell, struct coded_frame *coded, struct error *err);
    /* Windowed, 8 bits a sample; colours as they are, or sRGB by their ICC profile. */
    bool (*picture)(void *reader, const struct slide_cell *cell, bool as_srgb, const struct picture **picture,
                    struct error *err);
};

struct stage_run;

struct stage {
    const char *name;    /* "tiles": command line, catalogue */
    const char *summary; /* one line for `slicepress stages` */
    unsigned version;    /* raised whenever output bytes change */
    enum stage_scope scope;
    unsigned needs;
    bool on_by_default;
    const struct option *options;
    const struct stage *options_of; /* whose options these are, and whose settings hold; NULL: its own */
    size_t options_size, state_size;
    /* false with a reason (at most 200 bytes) to be recorded as skipped; NULL: everything */
    bool (*accepts)(const struct stage_input *input, const void *options, char *reason, size_t size);
    bool (*begin)(struct stage_run *run, struct error *err);
    /* Which frames frame() is to be called for; NULL: all. Asked before any decode; also tells what to spool. */
    bool (*wants)(const struct stage_run *run, uint32_t frame_number);
    /* Sees the coded bytes of one frame after the other before all else, where there are several: what is to hold for
     * all of them can be decided. *enough: no more of them are needed. Frames behind one that cannot be read are not
     * shown. */
    bool (*survey)(struct stage_run *run, const struct coded_frame *coded, bool *enough, struct error *err);
    /* Sees the coded bytes of every frame wanted, where they are at hand. *taken: frame() is not to be called for
     * it, and if no other stage wants its samples it is not decoded at all. */
    bool (*coded)(struct stage_run *run, const struct coded_frame *coded, bool *taken, struct error *err);
    bool (*frame)(struct stage_run *run, const struct stage_frame *frame, struct error *err);
    /* Frames above WHOLE_FRAME_BYTES come to frame() in strips, from top to bottom; else the product fails. */
    bool takes_strips;
    /* Series scope, instead of the four above. Every volume of the geometry comes, by ordinal, whatever its verdict; *passes
     * (1 before the call) says how often its slices are wanted, 0: not at all. A pass is slice() for every place, dimension
     * by dimension and in each by slice, holes included (dimensions * slices calls), then volume_end(). The volume stays
     * valid from volume() to the last volume_end(). */
    bool (*volume)(struct stage_run *run, const struct volume *volume, unsigned *passes, struct error *err);
    bool (*slice)(struct stage_run *run, const struct stage_slice *slice, struct error *err);
    bool (*volume_end)(struct stage_run *run, struct error *err);
    /* The volume has failed, because a slice cannot be read or by one of the three above: what was begun of it goes. What
     * of the series is whole is published all the same. */
    void (*volume_drop)(struct stage_run *run);
    /* Series scope, NEEDS_SLIDE: every pyramid by ordinal, but those of no level. What was begun of one that fails is to
     * be dropped; the others are published all the same. */
    bool (*slide)(struct stage_run *run, const struct stage_slide *slide, struct error *err);
    bool (*finish)(struct stage_run *run, struct error *err);
    void (*release)(struct stage_run *run);
};

struct stage_run {
    const struct stage *stage;
    const struct stage_input *input;
    const void *options; /* the stage's own struct */
    void *state;         /* zeroed, state_size */
    struct staging *staging;
    unsigned threads;     /* that it may start: what it makes does not depend on them */
    struct buffer *notes; /* lines for people: what was done that nobody would expect; they are the product's */
    uint32_t information; /* a stage may leave picture_information here: which slice says most */
    struct coded_form *published; /* the codestream stage fills it: stage_input.published of those after it */
    struct buffer *metadata;      /* the dicomweb stage's JSON of the instance, kept for the join */
};

extern const struct stage *const stages[]; /* NULL at the end, in run order: stages/registry.c */

#endif
