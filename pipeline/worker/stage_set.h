/* stage_set.h - the stages of one job: accepts, begin, frame, finish, release, each at its time
 *
 *     stage_options_new(settings, count, &options, err)         once a process
 *     stage_set_new(options, "codestream,thumbnail", &input, staging, &notes, &set, err)
 *     stage_set_begin(set, defer, err)                          products are made, some stages drop out
 *     for each frame: if (stage_set_wants(set, NEEDS_FRAME | NEEDS_PICTURE, n)) stage_set_frame(set, &frame, err)
 *     stage_set_finish(set, &information, err)
 *     stage_set_free(set)                                       whatever happened
 *
 * A stage that fails is dropped with its reason as its product's, and the others go on. False only for what concerns
 * all of them: a disk that does not take what is written (IO).
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

bool stage_set_new(const struct stage_options *options, const char *names, const struct stage_input *input,
                   struct staging *staging, struct buffer *notes, struct stage_set **set, struct error *err);
void stage_set_free(struct stage_set *set);
/* `defer`: stages that need pictures end as DEFERRED; which frames they want can still be asked. */
bool stage_set_begin(struct stage_set *set, bool defer, struct error *err);
bool stage_set_has_deferred(const struct stage_set *set);
/* Whether a stage with one of these needs wants frame `number`. */
bool stage_set_wants(const struct stage_set *set, unsigned needs, uint32_t number);
bool stage_set_defers(const struct stage_set *set, uint32_t number);
/* Gives the frame to whoever wants it. `picture_fault`: why there is no picture; fails those who need one. */
bool stage_set_frame(struct stage_set *set, const struct stage_frame *frame, const struct error *picture_fault,
                     struct error *err);
bool stage_set_finish(struct stage_set *set, uint32_t *information, struct error *err);
/* For the products that got pictures: the series window was used. */
void stage_set_mark_window(const struct stage_set *set, struct manifest *manifest, const struct digest *window);

#endif
