/* lock.h - one writer a site: flock on SITE/work/lock, gone with the process however it ends */
#ifndef SLICEPRESS_COORDINATOR_LOCK_H
#define SLICEPRESS_COORDINATOR_LOCK_H

#include <stdbool.h>

#include "base/error.h"

/* BUSY when another process has it. *descriptor is closed by lock_release. */
bool lock_take(const char *site, int *descriptor, struct error *err);
void lock_release(int descriptor); /* -1 is fine */

#endif
