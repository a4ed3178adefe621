/* progress.h - how far the run is, for people who watch
 *
 * A bar on a terminal (at most ten times a second), plain lines elsewhere if asked for; nothing otherwise. Lines of
 * the log make the bar step aside.
 */
#ifndef SLICEPRESS_COORDINATOR_PROGRESS_H
#define SLICEPRESS_COORDINATOR_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "coordinator/settings.h"

struct progress {
    bool active, bar, shown;
    uint64_t began_ms, shown_ms;
    /* the coordinator counts */
    const char *phase;    /* "indexing", "converting" */
    uint64_t done, total; /* 0: unknown */
    uint64_t bytes, total_bytes;
    uint64_t failed;
};

void progress_begin(struct progress *progress, enum progress_mode mode, bool quiet);
void progress_update(struct progress *progress);
void progress_end(struct progress *progress);
uint64_t progress_clock_ms(void);

#endif
