/* stage_set.h - the stages of one job: accepts, begin, frame, finish, release, each at its time
 *
 *     stage_options_new(settings, count, &options, err)         once a process
 *     stage_set_new(options, "codestream,thumbnail", &input, staging, threads, &yield, &set, err)
 *     stage_set_begin(set, defer, err)                          products are made, some stages drop out
 *     for each frame, while stage_set_wants_survey(set): stage_set_survey(set, &coded, err)
 *     for each frame: if (stage_set_wants_coded(set, n)) stage_set_coded(set, &coded, err)
 *                     if (stage_set_wants(set, NEEDS_FRAME | NEEDS_PICTURE, n)) stage_set_frame(set, &frame, err)
 *     for each volume of a series: stage_set_volume(set, &volume, &passes, err)...
 *     for each pyramid of a slide: stage_set_slide(set, &slide, err)
 *     stage_set_finish(set, &information, err), stage_set_tell_notes(set, &manifest, err)
 *     stage_set_free(set)                                       whatever happened
 *
 * A stage that fails is dropped with its reason as its product's, and the others go on. False only for what concerns
 * all of them: a disk that does not take what is written (IO). Where there is no image, only those take part that need
 * the object alone.
 */
#ifndef SLICEPRESS_WORKER_STAGE_SET_H
#define SLICEPRESS_WORKER_STAGE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "job/job.h"
#include "job/stage.h"

struct stage_options;

/* USAGE for settings that no stage knows. */
bool stage_options_new(const struct stage_setting *settings, size_t count, struct stage_options **options,
                       struct error *err);
void stage_options_free(struct stage_options *options);
/* The stage table for the coordinator; the hello is its owner's to release. */
bool stage_options_tell(const struct stage_options *options, struct worker_hello *hello, struct error *err);

struct stage_set;

/* What the stages of one job tell one another, and the job. */
struct stage_yield {
    struct coded_form published; /* from the codestream stage */
    struct buffer metadata;      /* from the dicomweb stage */
};

bool stage_set_new(const struct stage_options *options, const char *names, const struct stage_input *input,
                   struct staging *staging, unsigned threads, struct stage_yield *yield, struct stage_set **set,
                   struct error *err);
void stage_set_free(struct stage_set *set);
/* `defer`: stages that need pictures end as DEFERRED; which frames they want can still be asked. */
bool stage_set_begin(struct stage_set *set, bool defer, struct error *err);
bool stage_set_has_deferred(const struct stage_set *set);
/* Whether a stage with one of these needs is at work. */
bool stage_set_has(const struct stage_set *set, unsigned needs);
/* Whether a stage with one of these needs wants frame `number`. */
bool stage_set_wants(const struct stage_set *set, unsigned needs, uint32_t number);
bool stage_set_defers(const struct stage_set *set, uint32_t number);
/* Whether a stage still wants to see coded frames before the pass begins; giving it one. */
bool stage_set_wants_survey(const struct stage_set *set);
bool stage_set_survey(struct stage_set *set, const struct coded_frame *coded, struct error *err);
/* Whether a stage wants to see the coded bytes of frame `number`; giving them to it. What it takes, stage_set_wants
 * does not ask for again. */
bool stage_set_wants_coded(const struct stage_set *set, uint32_t number);
bool stage_set_coded(struct stage_set *set, const struct coded_frame *coded, struct error *err);
/* Those that want frame `number` whole fail, or all that want it: it cannot be had. */
bool stage_set_refuse(struct stage_set *set, uint32_t number, bool all, const struct error *why, struct error *err);
/* What is said of a frame beside it. The notes become those of the products that are made of it. */
struct frame_telling {
    const struct buffer *notes;         /* of decoding; NULL: not told */
    const struct buffer *picture_notes; /* of drawing */
    struct error picture_fault;         /* why there is no picture: fails those who need one */
};
/* Gives the frame, or a strip, to whoever wants it. */
bool stage_set_frame(struct stage_set *set, const struct stage_frame *frame, const struct frame_telling *telling,
                     struct error *err);

/* Of a series' job, for each volume: *passes says how often its slices are wanted. Then for each pass: stage_set_pass,
 * stage_set_slice for every place, stage_set_volume_end. */
bool stage_set_volume(struct stage_set *set, const struct volume *volume, unsigned *passes, struct error *err);
bool stage_set_pass(struct stage_set *set, unsigned pass); /* from 0; false: nobody wants it */
bool stage_set_slice(struct stage_set *set, const struct stage_slice *slice, struct error *err);
bool stage_set_volume_end(struct stage_set *set, const struct volume *volume, struct error *err);
/* Whether a stage still takes part in the pass. */
bool stage_set_is_live(const struct stage_set *set);
/* Those that take part in the pass go without the volume, as a slice cannot be read. */
bool stage_set_fail(struct stage_set *set, const struct error *why, struct error *err);

/* Of a series' job, for each pyramid of a slide. */
bool stage_set_slide(struct stage_set *set, const struct stage_slide *slide, struct error *err);
/* Those that want slides go without the pyramid: it cannot be opened. */
bool stage_set_fail_slides(struct stage_set *set, const struct error *why, struct error *err);

bool stage_set_finish(struct stage_set *set, uint32_t *information, struct error *err);
/* The notes of each stage, into its product. */
bool stage_set_tell_notes(const struct stage_set *set, struct manifest *manifest, struct error *err);
/* For the products that got pictures: the series window was used. */
void stage_set_mark_window(const struct stage_set *set, struct manifest *manifest, const struct digest *window);

#endif
