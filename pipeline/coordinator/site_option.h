/* site_option.h - options that the site's own files depend on: those of the last run
 *
 * They are options of the stage `dicomweb`, whose other half is the join (site_dicomweb.h), and are kept in the
 * catalogue, so that verify, remove and a run with other inputs join with the same ones. When they change, or when the
 * site was joined by another version of the program, every study is joined again.
 */
#ifndef SLICEPRESS_COORDINATOR_SITE_OPTION_H
#define SLICEPRESS_COORDINATOR_SITE_OPTION_H

#include <stdbool.h>

#include "base/error.h"
#include "coordinator/catalogue.h"

struct worker_hello; /* job/job.h */

struct site_options {
    bool study_metadata;    /* studies/S/metadata */
    bool study_instances;   /* studies/S/instances */
    bool instance_metadata; /* .../instances/U/metadata */
    bool brotli;            /* NAME.br beside NAME.gz */
    bool labels;            /* slides' labels are published (coordinator_label.c) */
};

/* At the start of a run, outside a transaction: what the stage table says after the settings. */
bool site_options_keep(struct catalogue *catalogue, const struct worker_hello *hello, struct error *err);
/* All off where no run has said anything. */
bool site_options_read(struct catalogue *catalogue, struct site_options *options, struct error *err);

#endif
