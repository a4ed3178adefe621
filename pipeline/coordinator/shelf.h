/* shelf.h - the folders of work/staging that jobs fill, one job after another
 *
 *     shelf = shelves_take(&shelves, err)      for a job that is handed out; its files are numbered from shelf->next
 *     shelf_advance(shelf, &manifest)          its result: the next job numbers its files after these
 *     shelf_give(shelf)                        the job is over
 *     shelf->waiting++, shelf_published(...)   while files in it are to be published
 *
 * As many are made as jobs run at once. A folder for each job costs more than all else that is done with it: ext4
 * passes over the inodes that were deleted in the last minutes at every create. A shelf that may hold what nobody has told of
 * (a worker died, a file was not as told) is closed: it takes no other job, and is removed when nothing in it waits.
 */
#ifndef SLICEPRESS_COORDINATOR_SHELF_H
#define SLICEPRESS_COORDINATOR_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "job/manifest.h"

struct shelf {
    char name[48];
    uint32_t next;    /* the number of the next job's first file */
    uint32_t waiting; /* jobs whose files are not published yet */
    bool taken;       /* by a job */
    bool closed;
};

struct shelves {
    const char *folder; /* absolute: SITE/work/staging */
    const char *token;  /* of the run: what a worker of a killed run still writes does no harm */
    uint64_t names;
    struct shelf **items; /* owned */
    size_t count, capacity;
};

/* NULL: no memory. */
struct shelf *shelves_take(struct shelves *shelves, struct error *err);
void shelf_advance(struct shelf *shelf, const struct manifest *manifest);
void shelf_give(struct shelf *shelf); /* NULL is fine */
/* The files of one job have been taken out; `emptied`: all of them. Closed shelves that are free now are removed. */
void shelf_published(struct shelves *shelves, struct shelf *shelf, bool emptied);
void shelves_release(struct shelves *shelves); /* the memory; the folders go with work/staging */

#endif
