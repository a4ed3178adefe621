/* catalogue_run.h - rows of run and attempt */
#ifndef SLICEPRESS_COORDINATOR_CATALOGUE_RUN_H
#define SLICEPRESS_COORDINATOR_CATALOGUE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "coordinator/catalogue.h"
#include "coordinator/pool.h"

bool run_insert(struct catalogue *catalogue, const char *arguments, const char *libraries, int64_t *run_id,
                struct error *err);
/* `wanted`: what the products of all of the site are of now (stage_table.h). */
bool run_finish(struct catalogue *catalogue, int64_t run_id, int status, const char *summary,
                const char *wanted, struct error *err);
/* A run that makes nothing: products are of what they were of before it. */
bool run_keep_wanted(struct catalogue *catalogue, int64_t run_id, struct error *err);
/* The last run ended by itself, and left all of the site as it is wanted now. */
bool run_left_as_wanted(struct catalogue *catalogue, const char *wanted, bool *as_wanted,
                        struct error *err);
/* The last run did not end by itself. */
bool run_was_interrupted(struct catalogue *catalogue, bool *interrupted, struct error *err);
/* A remove did not end by itself, and no run has since. */
bool run_is_after_removal(struct catalogue *catalogue, bool *after, struct error *err);
bool attempt_insert(struct catalogue *catalogue, int64_t run_id, enum job_kind kind, const char *source,
                    const char *member, int64_t instance_id, const struct pool_failure *failure, struct error *err);
const char *job_kind_word(enum job_kind kind);

#endif
