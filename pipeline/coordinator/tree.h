/* tree.h - walking over the folders of a site */
#ifndef SLICEPRESS_COORDINATOR_TREE_H
#define SLICEPRESS_COORDINATOR_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/path.h"

/* What stands at `path` (absolute). For a folder, *enter tells whether to go in (true when called). */
typedef bool tree_visit(void *client, const char *path, const struct stat *status, bool *enter, struct error *err);
/* After all that is in the folder. */
typedef bool tree_leave(void *client, const char *path, struct error *err);

/* Everything below `root`, names in no order; links are not followed. `leave` may be NULL. Absent: nothing. */
bool tree_walk(const char *root, tree_visit *visit, tree_leave *leave, void *client, struct error *err);
/* Removes folders in which there is nothing but folders; `root` itself stays. */
bool tree_prune(const char *root, struct error *err);

#endif
