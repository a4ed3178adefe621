/* failpoint.h - dying at a named place, so that crash tests aim and do not race
 *
 * SLICEPRESS_FAILPOINT=publish:after-rename kills the process (SIGKILL) at that point; with ":3" at the end, the
 * third time. Nothing is read or compared when the variable is unset. Names in use:
 *     index:before-commit index:after-commit
 *     publish:before-sync publish:after-sync publish:after-identity publish:before-rename publish:after-rename publish:renamed
 *     publish:before-commit publish:after-commit publish:demoted publish:linked
 *     series:before-commit series:after-commit
 *     site:before-rename site:after-rename site:before-commit site:after-commit
 *     remove:after-commit run:before-finish run:before-end
 */
#ifndef SLICEPRESS_COORDINATOR_FAILPOINT_H
#define SLICEPRESS_COORDINATOR_FAILPOINT_H

#include <stdbool.h>

extern bool failpoint_armed;

void failpoint_open(void); /* reads the environment */
void failpoint_reach(const char *name);

#define FAILPOINT(name)                \
    do {                               \
        if (failpoint_armed)           \
            failpoint_reach(name);     \
    } while (0)

#endif
