/* stage_harness.h - runs one stage over a made-up object, as the worker would
 *
 *     struct stage_case object = {.columns = 64, .rows = 64, .samples = 1, .bits = 12, .frames =
 * 1}; struct stage_outcome outcome; stage_harness_run(&thumbnail_stage, "sizes=64\n", &object,
 * folder, &outcome); stage_outcome_release(&outcome);
 *
 * Stored values come from a formula (stage_case_value), pictures are their upper 8 bits. A fault in
 * the harness itself ends the program with its text.
 */
#ifndef SLICEPRESS_TESTS_STAGE_HARNESS_H
#define SLICEPRESS_TESTS_STAGE_HARNESS_H

#include "base/buffer.h"
#include "job/manifest.h"
#include "job/stage.h"

struct stage_case {
    uint32_t columns, rows, frames;
    uint16_t samples, bits; /* 1 or 3; 1..32, or 64 for floats */
    bool is_signed, is_float, is_tiled;
    enum photometric photometric; /* UNKNOWN: MONOCHROME2 or RGB */
    double row_mm, column_mm;
    const char *modality;
    uint32_t fps_x1000;
    bool is_blank; /* all samples 0 */
    uint32_t only_frame; /* all others are blank; 0: none is */
    /* How the source holds its frames; NULL: as they are, and the stage does not see them. */
    const char *transfer_syntax;
    bool (*code)(const struct frame *frame, struct buffer *coded, struct error *err);
    /* for stages that need the object */
    const struct object *object; /* NULL: a small one of the harness, with one bulk value of 2,000 bytes */
    bool no_image;
    const struct coded_form *published; /* what stands published before; NULL: nothing */
};

struct stage_outcome {
    struct manifest manifest; /* one product */
    struct buffer notes, metadata;
    struct coded_form published;
    struct error err; /* of the stage, when it failed */
    uint32_t information;
    uint32_t taken; /* frames of which the coded bytes were enough */
    char folder[256];
};

/* `settings`: lines name=value, or NULL. The folder is that of the staged files. */
void stage_harness_run(const struct stage *stage, const char *settings,
                       const struct stage_case *object, const char *folder,
                       struct stage_outcome *outcome);

/* A stage of series scope over volumes that the caller makes up. */
struct stage_series_case {
    const struct volume *volumes;
    size_t count;
    const struct window *window; /* or NULL */
    /* One place: `slice` comes with volume, dimension, slice and the volume's slope, intercept, padding and position of the
     * affine; a frame is to be set, or none for a hole. The frame stays the caller's and valid until the next call. */
    void (*place)(void *client, struct stage_slice *slice);
    void *client;
};
void stage_harness_run_series(const struct stage *stage, const char *settings, const struct stage_series_case *series,
                              const char *folder, struct stage_outcome *outcome);
void stage_outcome_release(struct stage_outcome *outcome);
const struct product *stage_outcome_product(const struct stage_outcome *outcome);
/* NULL if there is none of this name. */
const struct artefact *stage_outcome_find(const struct stage_outcome *outcome, const char *name);
/* The staged file of an artefact (`inner` NULL), or a file in its tree. */
void stage_outcome_read(const struct stage_outcome *outcome, const struct artefact *artefact,
                        const char *inner, struct buffer *out);

int64_t stage_case_value(const struct stage_case *object, uint32_t frame, size_t sample);
uint8_t stage_case_picture_value(const struct stage_case *object, uint32_t frame, size_t sample);
enum sample_type stage_case_type(const struct stage_case *object);

#endif
