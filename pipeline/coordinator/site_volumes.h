/* site_volumes.h - the volumes of a series in study.json and series.<digest16>.json, and what was made of the series
 *
 * `volumes`: each with its verdict, the reason in plain words, and its numbers: the answer to "why is there no MPR". In
 * the series' JSON also `cells`, [dimension, slice, SOP Instance UID, frame, x, y] of every slice that came, and `holes`,
 * [dimension, slice, x, y, z in mm] of those that did not. `artefacts`, `products`: of the series as a whole.
 */
#ifndef SLICEPRESS_COORDINATOR_SITE_VOLUMES_H
#define SLICEPRESS_COORDINATOR_SITE_VOLUMES_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "coordinator/catalogue.h"
#include "coordinator/site_json.h"

/* Members of an open object; none where there is nothing. For study.json: */
bool site_volumes_brief(struct json *j, struct catalogue *catalogue, const char *study, const char *series,
                        struct error *err);
/* For the series' JSON; `spill` as in site_series_json. */
bool site_volumes_whole(struct json *j, struct catalogue *catalogue, const char *study, const char *series,
                        site_spill *spill, void *client, struct error *err);

#endif
