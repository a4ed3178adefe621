/* join.h - what the coordinator adds to the site functions of site.h: site_function's for site_apply */
#ifndef SLICEPRESS_COORDINATOR_JOIN_H
#define SLICEPRESS_COORDINATOR_JOIN_H

#include "coordinator/site.h"

/* The study's note, its files, and then its state; a study without rows loses its files. */
bool site_join(struct site_context *context, const char *study_uid, struct error *err);
/* The end of a run; the second argument is not looked at. */
bool site_finish(struct site_context *context, const char *nothing, struct error *err);

#endif
