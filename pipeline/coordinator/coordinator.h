/* coordinator.h - a run: from inputs to a published site
 *
 *     coordinator_open(settings, &coordinator, err)     site, lock, catalogue, recovery, stage table
 *     coordinator_run(coordinator, err)                 the event loop, until everything is done or stopped
 *     coordinator_finish(...)                           the run's row, the summary line, the exit status
 *     coordinator_close(coordinator)
 *
 * The phases (pipeline/README.md): index, digests of twins, streams, objects series by series, finish. Rows are the queue:
 * memory does not grow with the study.
 */
#ifndef SLICEPRESS_COORDINATOR_COORDINATOR_H
#define SLICEPRESS_COORDINATOR_COORDINATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "coordinator/settings.h"

struct coordinator;

bool coordinator_open(struct settings *settings, struct coordinator **coordinator, struct error *err);
bool coordinator_run(struct coordinator *coordinator, struct error *err);
/* Marks what is to be made again; true with *marked 0: nothing fits. */
bool coordinator_mark(struct coordinator *coordinator, int64_t *marked, struct error *err);
/* VERIFY jobs for all lossless frames; *bad counts those that failed. */
bool coordinator_verify(struct coordinator *coordinator, uint64_t *checked, uint64_t *bad, struct error *err);
/* The run's row, the summary line; `failure` is what ended the run, NULL: nothing did. */
enum exit_status coordinator_finish(struct coordinator *coordinator, const struct error *failure, struct error *err);
void coordinator_close(struct coordinator *coordinator);

#endif
