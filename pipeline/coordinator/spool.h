/* spool.h - the files of work/spool that hold decoded planes, and which instance's are where
 *
 *     spool_take(&spool, &file, err)                for an OBJECT job: its planes go to the end of that file
 *     spool_give(&spool, file, bytes)               the job is over and left so many bytes there
 *     spool_keep(&spool, id, place, err)            they are those of this instance
 *     place = spool_find(&spool, id)                for its RENDER job
 *     spool_drop(&spool, id)                        ... when that is over; a file without planes is emptied
 *
 * One job writes to a file at a time, so there are as many as jobs run at once, and a few more: one that is FULL takes
 * no more planes, so that it becomes empty in the end. See shelf.h for why it is not a file an instance.
 */
#ifndef SLICEPRESS_COORDINATOR_SPOOL_H
#define SLICEPRESS_COORDINATOR_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { SPOOL_FULL = 64 << 20 };

struct spool_file {
    char name[48];
    uint64_t end;  /* where the next planes begin */
    uint64_t live; /* instances whose planes are wanted */
    bool taken;
};

struct spool_place {
    int64_t instance_id;
    uint32_t file;       /* number in spool->files, from 0 */
    uint64_t offset, bytes; /* bytes 0: dropped */
};

struct spool {
    const char *folder, *token; /* as in shelf.h; SITE/work/spool */
    struct spool_file *files;   /* owned; they never move to another number */
    size_t file_count, file_capacity;
    struct spool_place *places; /* owned; by instance_id */
    size_t place_count, place_capacity, dropped;
    uint64_t used;              /* bytes in all files */
};

bool spool_take(struct spool *spool, uint32_t *file, struct error *err);
/* `bytes` > 0: one instance's planes are there, to be kept or abandoned. */
void spool_give(struct spool *spool, uint32_t file, uint64_t bytes);
bool spool_keep(struct spool *spool, const struct spool_place *place, struct error *err);
void spool_abandon(struct spool *spool, uint32_t file);
/* NULL: it has no planes there. Until the next call of spool_keep. */
const struct spool_place *spool_find(const struct spool *spool, int64_t instance_id);
void spool_drop(struct spool *spool, int64_t instance_id);
void spool_release(struct spool *spool); /* the memory; the files go with work/spool */

#endif
