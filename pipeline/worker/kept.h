/* kept.h - an instance opened again from its relic: of the job (job/keep.h), or the end of its spool file */
#ifndef SLICEPRESS_WORKER_KEPT_H
#define SLICEPRESS_WORKER_KEPT_H

#include "worker/instance.h"
#include "worker/worker.h"

/* What the instance lends from; released after it. */
struct kept { struct buffer relic; struct relic_header header; };

void kept_release(struct kept *kept);
/* The data set, its image, and the form of its decoded frames; frames are for the caller to find. */
bool kept_open_relic(struct worker *worker, struct kept *kept, const void *relic, size_t size,
                     struct instance *instance, struct error *err);
/* Of what the catalogue kept; IO: nothing was. */
bool kept_open(struct worker *worker, struct kept *kept, const struct buffer *blob, struct instance *instance,
               struct error *err);

#endif
