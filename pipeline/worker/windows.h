/* windows.h - the windows that an object carries, for the catalogue, and whether they do for all of its frames */
#ifndef SLICEPRESS_WORKER_WINDOWS_H
#define SLICEPRESS_WORKER_WINDOWS_H

#include <stdbool.h>

#include "base/error.h"
#include "job/job.h"
#include "worker/instance.h"

/* Fills result->windows and result->needs_window (a grey frame has neither a valid window nor a VOI LUT). Rows are of
 * frame 0 where all frames carry the same. */
bool windows_collect(struct instance *instance, struct job_result *result, struct error *err);

#endif
