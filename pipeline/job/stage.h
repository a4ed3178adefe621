/* stage.h - a stage turns the frames of one instance (or series) into artefacts
 *
 * A stage is a `const struct stage` at the end of its file in stages/; adding one is three edits: its
 * file, an extern line in stages/stages.h, a line in stages/registry.c. The runner (worker/run.c) owns the loop:
 *
 *     accepts? -> begin -> for each frame wanted: frame -> finish -> release (whatever happened)
 *
 * A stage sees const input, its parsed options, zeroed state and the staging to put artefacts in; no
 * paths, no clock, no globals, no environment: the same input and options give the same bytes on any
 * number of workers. A stage that fails is dropped for this instance and the others go on.
 */
#ifndef SLICEPRESS_JOB_STAGE_H
#define SLICEPRESS_JOB_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/option.h"
#include "dicom/frame.h"
#include "dicom/image.h"
#include "dicom/pixels.h"
#include "job/staging.h"

enum stage_scope { SCOPE_INSTANCE, SCOPE_SERIES };

enum stage_needs {
    NEEDS_FRAME = 1 << 0,   /* stored values: called in the one decode pass */
    NEEDS_PICTURE = 1 << 1, /* the windowed 8-bit picture: after the barrier where the series window is used */
    NEEDS_ORDER = 1 << 2,   /* frames in slice order (series scope) */
};

struct stage_input {
    const struct subject *subject;
    const struct image *image; /* frames: as many as can be read */
};

struct stage_frame {
    const struct frame *frame;            /* number from 1; samples NULL if only the picture is there */
    const struct frame_display *display;
    const struct voi *voi;                /* what the picture was made with; kind NONE for colour */
    const char *voi_origin;               /* "tag", "voi_lut", "computed", "" for colour */
    const struct picture *picture;        /* NULL unless NEEDS_PICTURE; sRGB (ICC applied) or grey */
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
    size_t options_size, state_size;
    /* false with a reason (at most 200 bytes) to be recorded as skipped */
    bool (*accepts)(const struct stage_input *input, const void *options, char *reason, size_t size);
    bool (*begin)(struct stage_run *run, struct error *err);
    /* Which frames frame() is to be called for; NULL: all. Asked before any decode; also tells what to spool. */
    bool (*wants)(const struct stage_run *run, uint32_t frame_number);
    bool (*frame)(struct stage_run *run, const struct stage_frame *frame, struct error *err);
    bool (*finish)(struct stage_run *run, struct error *err);
    void (*release)(struct stage_run *run);
};

struct stage_run {
    const struct stage *stage;
    const struct stage_input *input;
    const void *options; /* the stage's own struct */
    void *state;         /* zeroed, state_size */
    struct staging *staging;
    struct buffer *notes; /* lines for people: what was done that nobody would expect */
    uint32_t information; /* a stage may leave picture_information here: which slice says most */
};

extern const struct stage *const stages[]; /* NULL at the end, in run order: stages/registry.c */

#endif
