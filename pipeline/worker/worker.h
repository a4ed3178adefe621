/* worker.h - what lives as long as the process, and the jobs
 *
 * A job function answers with a filled job_result: a fault of the input is a result, not an error. It returns false
 * only when the process cannot go on (the coordinator is gone, memory is out where nothing can be told).
 */
#ifndef SLICEPRESS_WORKER_WORKER_H
#define SLICEPRESS_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/path.h"
#include "job/job.h"
#include "job/keep.h"
#include "worker/channel.h"
#include "worker/source.h"
#include "worker/stage_set.h"
#include "worker/studio.h"

struct worker {
    struct channel channel;
    struct worker_setup setup;
    char staging[PATH_SIZE], spool[PATH_SIZE], work[PATH_SIZE], public[PATH_SIZE];
    struct sources *sources;
    struct studio *studio;       /* decoder, renderer and their memory */
    struct stage_options *options; /* of every stage, parsed once */
    struct digest_state *digest;
    struct keep_packer *packer;
    struct buffer payload;       /* of the message being made; memory is kept */
    bool is_ready;               /* has its folders, and is in its sandbox */
};

bool worker_index(struct worker *worker, uint32_t number, const struct job *job, struct job_result *result,
                  struct error *err);
bool worker_feed(struct worker *worker, uint32_t number, const struct job *job, struct job_result *result,
                 struct error *err);
bool worker_object(struct worker *worker, const struct job *job, struct job_result *result, struct error *err);
bool worker_render(struct worker *worker, const struct job *job, struct job_result *result, struct error *err);
/* Takes the job's members. */
bool worker_series(struct worker *worker, struct job *job, struct job_result *result, struct error *err);
bool worker_verify(struct worker *worker, const struct job *job, struct job_result *result, struct error *err);

/* Puts kind and text of `err` into the result; gives true, so that a job can end with it. */
bool job_fault(struct job_result *result, const struct error *err);
/* SHA-256 of a source, with the worker's own digest state. */
bool worker_digest(struct worker *worker, const struct bytes *bytes, struct digest *digest, struct error *err);
/* Temporary files for inflated data sets. */
struct spool_maker worker_spool_maker(struct worker *worker);

#endif
