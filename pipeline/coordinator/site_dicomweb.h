/* site_dicomweb.h - static DICOMweb: the resources that are joined from rows and from metadata kept as text
 *
 * Below public/dicomweb (PS3.18 10.4 and 10.6; a server answers NAME by NAME/index.json):
 *
 *     studies/index.json                            the newest 10,000 studies
 *     studies/S/index.json                          the one study
 *     studies/S/series/index.json                   its series
 *     studies/S/series/E/index.json                 the one series
 *     studies/S/series/E/instances/index.json       its instances
 *     studies/S/series/E/metadata                   metadata of all of them
 *     studies/S/metadata                            by option study_metadata
 *     studies/S/instances/index.json                by option study_instances
 *     studies/S/series/E/instances/U/metadata       by option instance_metadata
 *
 * In them are the current instances which are published: done, or without a picture but with metadata (a report).
 * Series and studies without one are left out. The order is that of Instance Number, then of the UIDs. Texts are in
 * UTF-8 and say so in (0008,0005). Retrieve URL (0008,1190) is left out: no site knows its own address, and the
 * addresses of what belongs to an entry follow from its UIDs.
 *
 * The texts in keep.metadata are never parsed. Their BulkDataURIs resolve against the series' metadata; those of the
 * study's and of the instance's get a few characters in front: after ,"BulkDataURI":" which stands nowhere else.
 */
#ifndef SLICEPRESS_COORDINATOR_SITE_DICOMWEB_H
#define SLICEPRESS_COORDINATOR_SITE_DICOMWEB_H

#include "coordinator/site.h"

/* Rows `i` of instance that are in DICOMweb. */
#define IN_DICOMWEB \
    "i.is_current = 1 AND (i.state = 'done' OR (i.state = 'skipped'" \
    " AND EXISTS (SELECT 1 FROM keep k WHERE k.instance_id = i.instance_id AND k.metadata IS NOT NULL)))"

/* Bottom-up, all but the list of studies (site_lists.c). Wants the counts of site_summary.h. */
bool site_dicomweb_join(struct site_context *context, const char *study, struct error *err);
/* The study's entry in the list of studies, appended to `out`. */
bool site_dicomweb_study(struct catalogue *catalogue, const char *study, struct buffer *out, struct error *err);

#endif
