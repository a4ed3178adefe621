/* site_summary.h - what the lists of studies say of each, made when the study is joined
 *
 * The end of every run writes studies.json, index.html, dicomweb/studies/index.json and the public catalogue anew.
 * What they say of a study is counted and written once, by its join, into the catalogue (study_summary, and columns
 * of study and series), so that a run over a site of thousands of studies with one new object costs little more than
 * the copying.
 */
#ifndef SLICEPRESS_COORDINATOR_SITE_SUMMARY_H
#define SLICEPRESS_COORDINATOR_SITE_SUMMARY_H

#include <stdbool.h>

#include "base/error.h"
#include "coordinator/catalogue.h"

/* First: the counts in study and series. */
bool site_summary_count(struct catalogue *catalogue, const char *study, struct error *err);
/* Last, when study.published_digest is known: the row of study_summary. */
bool site_summary_keep(struct catalogue *catalogue, const char *study, struct error *err);

#endif
