/* public_catalogue.h - public/catalogue.<digest16>.sqlite: studies and series for browsers
 *
 * schema/queries/public_catalogue.sql makes it from the full catalogue: no source paths, member names, error
 * details, runs or attempts; no STRICT (browsers read it with SQLite 3.35), page size 4096, journal mode
 * DELETE, no free pages: it is written in one go, in order. `catalogue.sqlite` is a hard link to the newest. The
 * same rows give the same bytes.
 */
#ifndef SLICEPRESS_COORDINATOR_PUBLIC_CATALOGUE_H
#define SLICEPRESS_COORDINATOR_PUBLIC_CATALOGUE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/path.h"
#include "coordinator/catalogue.h"
#include "coordinator/site.h"

/* `name` gets "catalogue.DIGEST16.sqlite". */
bool public_catalogue_put(struct site_context *context, char name[PATH_SIZE], struct error *err);
/* After a removal: replaced ones name the patient too, and do not wait for gc. */
bool public_catalogue_remove_former(struct catalogue *catalogue, const char *root, struct error *err);

#endif
