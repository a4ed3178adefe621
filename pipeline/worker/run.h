/* run.h - what OBJECT, RENDER and SERIES jobs share: stages over frames or slices, products in the staging folder */
#ifndef SLICEPRESS_WORKER_RUN_H
#define SLICEPRESS_WORKER_RUN_H

#include <stdbool.h>

#include "base/error.h"
#include "job/staging.h"
#include "worker/frames.h"
#include "worker/instance.h"
#include "worker/placing.h"
#include "worker/worker.h"

struct run {
    struct worker *worker;
    const struct job *job;
    struct job_result *result;
    struct instance instance;
    struct stage_input input;
    bool has_image;
    struct subject subject;
    const struct digest *source_digest;
    const struct window *window; /* SERIES */
    struct placing placing;      /* OBJECT */
    struct staging *staging;
    struct stage_set *stages;
    struct stage_yield yield;
    struct error published_fault;
    bool is_told; /* the result has all that it will have: a fault then takes nothing back */
};

/* Staging and stages; `defer`: those which need pictures wait. */
bool run_begin(struct run *run, bool defer, struct error *err);
/* Ends the products. */
bool run_finish(struct run *run, const struct frames_pass *pass, struct error *err);
/* Releases everything; `failed`: nothing that was made shall stay. */
void run_release(struct run *run, bool failed);

#endif
