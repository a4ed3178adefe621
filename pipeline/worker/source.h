/* source.h - the bytes of what a job names: a file, a member of a ZIP on disk, a file in the spool
 *
 *     sources_new(spool_folder, &sources, err)
 *     sources_open(sources, &source, SOURCE_WHOLE, &bytes, err) ... sources_close(sources)
 *     sources_free(sources)
 *
 * One source is open at a time; `bytes` belong to it and are lent until it is closed. WHOLE: small ones are in
 * memory, larger ones are the file itself or an unlinked file in the spool. HEADER: nothing is read before it is
 * asked for, and of a member only as much is inflated; bytes->size is what the archive claims. Memory and the last
 * archive are kept for the next source: opening a ZIP is linear in its members.
 *
 * Nothing is allocated by a claimed size that the packed bytes could not give. Errors: IO (also when the
 * size is not the expected one: "changed while..."), UNSUPPORTED (encrypted), CORRUPT, TRUNCATED, LIMIT.
 */
#ifndef SLICEPRESS_WORKER_SOURCE_H
#define SLICEPRESS_WORKER_SOURCE_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"
#include "job/job.h"

struct sources;
enum source_purpose { SOURCE_HEADER, SOURCE_WHOLE };

bool sources_new(const char *spool_folder, struct sources **sources, struct error *err);
void sources_free(struct sources *sources);
bool sources_open(struct sources *sources, const struct source *source, enum source_purpose purpose,
                  const struct bytes **bytes, struct error *err);
void sources_close(struct sources *sources);

/* The members of the ZIP at source->path, added to `result` (released by its owner, also on failure). False: no random
 * access (TRUNCATED, CORRUPT) or another fault; err says why. */
bool sources_list_zip(struct sources *sources, const struct source *source, struct index_result *result,
                      struct error *err);

/* An unlinked file in the spool, read-write. */
bool spool_temporary(const char *spool_folder, int *descriptor, struct error *err);

/* True unless `out` bytes from `in` packed ones exceed LIMIT(INFLATE_RATIO); the first LIMIT(INFLATE_FREE_BYTES) are
 * free. */
bool ratio_is_fair(uint64_t in, uint64_t out, struct error *err);

#endif
