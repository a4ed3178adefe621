/* run.h - what OBJECT and RENDER jobs share: stages over the frames of one instance, products in the staging folder */
#ifndef SLICEPRESS_WORKER_RUN_H
#define SLICEPRESS_WORKER_RUN_H

#include <stdbool.h>

#include "base/error.h"
#include "job/staging.h"
#include "worker/frames.h"
#include "worker/instance.h"
#include "worker/worker.h"

struct run {
    struct worker *worker;
    const struct job *job;
    struct job_result *result;
    struct instance instance;
    struct stage_input input;
    struct subject subject;
    struct staging *staging;
    struct stage_set *stages;
};

/* Staging and stages; `defer`: those which need pictures wait. */
bool run_begin(struct run *run, bool defer, struct error *err);
/* Ends the products. */
bool run_finish(struct run *run, const struct frames_pass *pass, struct error *err);
/* Releases everything; `failed`: nothing that was made shall stay. */
void run_release(struct run *run, bool failed);
/* All notes of the object and of what was done with it, into the result. */
bool run_tell_notes(struct run *run, struct error *err);

#endif
