/* idle.h - names below work/ that are free to be used again
 *
 * A staging folder that was emptied, a spool file that was read: the next job takes it over. Making and
 * deleting one for each job costs more than all else that is done with it (ext4 passes over inodes that were
 * deleted in the last seconds at every create). recover_empty_work removes them when the run is over.
 */
#ifndef SLICEPRESS_COORDINATOR_IDLE_H
#define SLICEPRESS_COORDINATOR_IDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct idle_names { char (*names)[48]; size_t count, capacity; };

/* A copy of `name` is kept. */
bool idle_give(struct idle_names *idle, const char name[48], struct error *err);
bool idle_take(struct idle_names *idle, char name[48]); /* false: none is free */
void idle_release(struct idle_names *idle);

#endif
