/* profile.h - options from an ini file
 *
 *     [slicepress]           options of the command line, without the dashes
 *     stages = codestream,thumbnail,webp
 *     [webp]                 options of a stage
 *     quality = 85
 *
 * What stands on the command line after --profile wins.
 */
#ifndef SLICEPRESS_COORDINATOR_PROFILE_H
#define SLICEPRESS_COORDINATOR_PROFILE_H

#include "base/error.h"
#include "coordinator/settings.h"

/* A name without a slash or dot is looked for in share/slicepress/profiles beside the program's folder. */
bool profile_load(struct settings *settings, const char *name, struct error *err);

#endif
