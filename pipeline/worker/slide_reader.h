/* slide_reader.h - the tiles of a series' pyramids, for the stages that ask for them (job/stage.h: stage_slide)
 *
 *     slide_reader_new(worker, job, parts, members, &reader, err)
 *     slide_reader_begin(reader, &pyramid, &given, err)     for each pyramid: `given` is for the stages
 *     slide_reader_free(reader)
 *
 * One instance is open at a time, and one tile at hand, whatever the size of the slide.
 */
#ifndef SLICEPRESS_WORKER_SLIDE_READER_H
#define SLICEPRESS_WORKER_SLIDE_READER_H

#include <stdbool.h>

#include "base/error.h"
#include "dicom/slide.h"
#include "job/stage.h"
#include "worker/members.h"
#include "worker/worker.h"

struct slide_reader;

/* All is borrowed; parts[].instance is the number of a member. */
bool slide_reader_new(struct worker *worker, const struct job *job, const struct slide_part *parts,
                      struct members *members, struct slide_reader **reader, struct error *err);
void slide_reader_free(struct slide_reader *reader); /* NULL is fine */
bool slide_reader_begin(struct slide_reader *reader, const struct slide_pyramid *pyramid, struct stage_slide *given,
                        struct error *err);

#endif
