/* scan.h - the files of the inputs, one after another, folders sorted by name
 *
 *     scan_open(inputs, count, site, &scan, err)
 *     while (scan_next(scan, &file, &found, err) && found) ...
 *     scan_close(scan);
 *
 * Nothing is opened but folders; a folder's names are all that is held in memory. Symbolic links inside a folder
 * are not followed (what they name inside the input is met anyway, and outside it is none of ours): they come as
 * files with `odd` set, like pipes, sockets and devices. An input itself may be a link. The site's own folder is
 * left out. A DICOMDIR named as an input stands for the folder that holds it. "-" is not a scan's business and is passed over.
 */
#ifndef SLICEPRESS_COORDINATOR_SCAN_H
#define SLICEPRESS_COORDINATOR_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/path.h"
#include "coordinator/plan.h"

struct scan;

struct scan_file {
    char path[4096]; /* absolute, as offered */
    struct file_identity identity;
    const char *odd; /* NULL, or why it is no file to read: "a symbolic link" */
};

bool scan_open(char *const *inputs, size_t count, const char *site, struct scan **scan, struct error *err);
bool scan_next(struct scan *scan, struct scan_file *file, bool *found, struct error *err);
/* Folders beyond LIMIT(FOLDER_DEPTH), met so far and not entered: absolute, the scan's. */
size_t scan_too_deep(const struct scan *scan, char *const **paths);
void scan_close(struct scan *scan);

#endif
