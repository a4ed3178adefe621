/* path.h - names of files, made and checked in one place
 *
 * Whatever becomes part of a path under the site is checked here first; whole-file helpers
 * check every write and the close.
 */
#ifndef SLICEPRESS_BASE_PATH_H
#define SLICEPRESS_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "buffer.h"
#include "error.h"

enum { PATH_SIZE = 1024 }; /* of every path under a site, NUL included */

/* a/b into `out` (size PATH_SIZE); LIMIT if it does not fit. */
bool path_join(char out[PATH_SIZE], const char *a, const char *b, struct error *err);
bool path_format(char out[PATH_SIZE], struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Relative, shorter than PATH_SIZE, no empty, ".", ".." or overlong (255) component, no control
 * character or backslash. */
bool path_is_safe_relative(const char *path);
/* mkdir -p of `path` itself / of the folder that holds it. */
bool path_make_folder(const char *path, mode_t mode, struct error *err);
bool path_make_parent(const char *path, mode_t mode, struct error *err);
/* A hint to ext4 (chattr +T): what is in this folder belongs to other things each, so its subfolders are to lie in other
 * block groups, as those of /home do; else a large site goes into one group after the other, and a file made where many
 * were deleted a moment ago costs 20 times as much. Other file systems take no notice. */
void path_spread_below(const char *path);
/* Removes a tree, following no links; absent is success. */
bool path_remove_tree(const char *path, struct error *err);

/* The whole file, appended to `out`; refused beyond `most` bytes. */
bool path_read_file(const char *path, size_t most, struct buffer *out, struct error *err);
/* Creates or truncates; write and close checked; not synced. */
bool path_write_file(const char *path, const void *data, size_t size, struct error *err);
/* Writes beside `path`, fsyncs, renames, fsyncs the folder. Same content: nothing is touched. */
bool path_replace_file(const char *path, const void *data, size_t size, struct error *err);

#endif
