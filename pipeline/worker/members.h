/* members.h - frames of the instances of a series, one instance open at a time, from the nearest place that has them
 *
 *     members_new(worker, job, &members, err)
 *     members_frame(members, number, frame, has_lut, &found, err), members_instance(members, number, &instance, err)
 *     members_free(members)
 *
 * Native pixels are read where they lie, without opening the data set, if the file is what it was when its digest was
 * taken; else planes in the spool, the source opened anew (its digest is taken again where it may have changed), the
 * published lossless frame.
 * What cannot be read in one way is tried in the next.
 */
#ifndef SLICEPRESS_WORKER_MEMBERS_H
#define SLICEPRESS_WORKER_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dicom/frame.h"
#include "dicom/image.h"
#include "worker/instance.h"
#include "worker/worker.h"

struct members;

/* `job` is borrowed; its members are taken out of it. What decoding says of them, their own jobs have told. */
bool members_new(struct worker *worker, struct job *job, struct members **members, struct error *err);
void members_free(struct members *members); /* NULL is fine */

const char *members_sop(const struct members *members); /* of the one that the last frame was of */

/* Lent until the next call; `modality_lut` is NULL where there is none. */
struct member_frame { const struct frame *frame; const struct lut *modality_lut; };

/* Frame `frame` (from 1) of member `member` (from 0); `has_lut`: a Modality LUT gives its values. */
bool members_frame(struct members *members, size_t member, uint32_t frame, bool has_lut, struct member_frame *found,
                   struct error *err);
/* job->members[member] itself, from its source, else from what is kept of it and its published frames: it has coded bytes.
 * Lent until another one is asked for. */
bool members_instance(struct members *members, size_t member, struct instance **instance, struct error *err);

#endif
