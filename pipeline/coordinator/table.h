/* table.h - rows of the catalogue for people and programs
 *
 * Text: a line of column names, then a line a row, columns separated by tabs (tabs and line ends inside a
 * value become spaces). JSON: an array of objects, NULL columns left out. Written as it is read, so a listing
 * of a million rows takes no memory.
 */
#ifndef SLICEPRESS_COORDINATOR_TABLE_H
#define SLICEPRESS_COORDINATOR_TABLE_H

#include <stdbool.h>

#include "base/error.h"
#include "coordinator/catalogue.h"

bool table_print(struct catalogue *catalogue, const char *sql, bool json, struct error *err);

#endif
