/* site_lists.h - what every run ends with: the lists of studies
 *
 * studies.json and index.html name the newest 1,000 studies, dicomweb/studies/index.json the newest 10,000, the public
 * catalogue all. They are copied from the summaries (site_summary.h) in one pass.
 */
#ifndef SLICEPRESS_COORDINATOR_SITE_LISTS_H
#define SLICEPRESS_COORDINATOR_SITE_LISTS_H

#include "coordinator/site.h"
#include "coordinator/site_pages.h"

/* app/: what pages refer to. */
bool site_put_assets(struct site_context *context, struct page_assets *assets, struct error *err);

#endif
