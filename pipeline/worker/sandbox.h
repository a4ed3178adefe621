/* sandbox.h - what this process gives up before it sees the first byte of input
 *
 * Limits of address space, processor time, file size, descriptors; no core, no new privileges, death with the
 * coordinator; a system-call filter (libseccomp) without network, programs, processes and debugging; writing
 * only below the given folders where the kernel knows Landlock. Reading stays allowed: the coordinator has
 * resolved the paths.
 *
 * Left out under sanitizers and coverage, which need what is taken away.
 */
#ifndef SLICEPRESS_WORKER_SANDBOX_H
#define SLICEPRESS_WORKER_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct sandbox {
    uint64_t memory_bytes, file_bytes; /* 0: no limit */
    const char *writable[3];           /* folders that exist; NULL ends */
};

bool sandbox_enter(const struct sandbox *sandbox, struct error *err);
/* From now on at most `seconds` of processor time, until SIGXCPU; 0: no limit. */
bool sandbox_allow_cpu(uint32_t seconds, struct error *err);

#endif
