/* recover.h - a site as the last run left it, made fit for the next one
 *
 * A run that ended by itself leaves nothing to do here. After one that was killed: rows that say running become
 * pending, rows of stream members that never settled go (the stream gives them again), work/staging and
 * work/spool are emptied, and published files without a row are removed. That is the whole recovery.
 */
#ifndef SLICEPRESS_COORDINATOR_RECOVER_H
#define SLICEPRESS_COORDINATOR_RECOVER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/path.h"
#include "coordinator/catalogue.h"

bool recover_make_folders(const char *root, struct error *err);
/* work/staging and work/spool, when nothing runs. */
bool recover_empty_work(const char *root, struct error *err);
/* *repaired: it was necessary. The killed run's row stays as it is, so this is repeated until a new run has a row of its
 * own, which then ends with all that the killed one may not have come to (the site's own pages). */
bool recover_site(struct catalogue *catalogue, const char *root, bool *repaired, struct error *err);
/* A scratch site with a copy of the catalogue, for --dry-run. */
bool recover_make_copy(const char *root, char copy[PATH_SIZE], struct error *err);

/* Walks the artefact folders of public/ and calls `stray` for each file or tree (relative to public/) that neither an
 * artefact row nor garbage names. Site files (JSON, pages) are not asked about. */
typedef bool recover_stray(void *client, const char *path, struct error *err);
bool recover_find_strays(struct catalogue *catalogue, const char *root, recover_stray *stray, void *client,
                         struct error *err);

#endif
