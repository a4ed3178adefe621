/* catalogue_function.h - what the SQL of this program can do beside SQLite's own
 *
 *     each_line_once(TEXT)     its lines without those that have been there before (job/notes.h); NULL: none
 */
#ifndef SLICEPRESS_COORDINATOR_CATALOGUE_FUNCTION_H
#define SLICEPRESS_COORDINATOR_CATALOGUE_FUNCTION_H

#include <stdbool.h>

struct sqlite3;

bool catalogue_functions_add(struct sqlite3 *db); /* false: the connection says why */

#endif
