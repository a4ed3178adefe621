/* catalogue_source.h - rows of source_file, rejected and garbage
 *
 * All are called inside a transaction or make one each.
 */
#ifndef SLICEPRESS_COORDINATOR_CATALOGUE_SOURCE_H
#define SLICEPRESS_COORDINATOR_CATALOGUE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "coordinator/catalogue.h"
#include "coordinator/plan.h"

/* Where an object comes from, as the catalogue names it. */
struct origin {
    const char *path;     /* absolute, or "-" */
    const char *member;   /* NULL: the file itself */
    int64_t member_index; /* of random access; -1: none */
    const char *order;    /* plan_source_order */
};

/* SQL, of a row of `instance`: it has no address of its own. It came with a stream, in an archive without random access, or
 * gzipped: as other bytes than its file has. */
#define SOURCE_IS_FED(i) \
    "(" i ".member_index IS NULL AND (" i ".source = '-' OR " i ".member IS NOT NULL OR EXISTS (SELECT 1" \
    " FROM source_file fed WHERE fed.path = " i ".source AND fed.bytes <> " i ".source_bytes)))"

bool source_find(struct catalogue *catalogue, const char *path, struct file_identity *identity, int64_t *read_ns,
                 bool *found, struct error *err);
/* read_ns of one that is to be read again: its object was a duplicate of what is gone. */
enum { SOURCE_OFFERED = -1 };
bool source_begin(struct catalogue *catalogue, const char *path, struct error *err); /* it is being read: not offered any more */
/* It has been read. One that was offered again in the meantime stays so. */
bool source_put(struct catalogue *catalogue, const char *path, const struct file_identity *identity,
                int64_t read_ns, struct error *err);

bool source_reject(struct catalogue *catalogue, const struct origin *origin, const char *reason,
                   const char *detail, struct error *err);
/* The same bytes as the row that stays, `winner`; all other duplicates of these bytes are told to be its, too. */
bool source_reject_duplicate(struct catalogue *catalogue, const struct origin *origin, const struct digest *digest,
                             const struct origin *winner, struct error *err);
/* The row with these bytes goes: its duplicates are no longer rejected, and their files count as not read:
 * SOURCE_OFFERED. *any becomes true if there are such. */
bool source_offer_again(struct catalogue *catalogue, const struct digest *digest, bool *any, struct error *err);
/* The path is read anew: what was said of it and its members is forgotten. Of one that is the same as before, what was
 * removed stays so, and so do duplicates: they may be of members that it had once, and does not tell again. */
bool source_unreject(struct catalogue *catalogue, const char *path, bool is_same, struct error *err);
/* Was it taken out by `remove`? It stays so when its archive is read again for another member's sake. */
bool source_is_removed(struct catalogue *catalogue, const struct origin *origin, bool *removed, struct error *err);
bool source_unreject_one(struct catalogue *catalogue, const struct origin *origin, struct error *err);

/* `path` is relative to public/. */
bool garbage_add(struct catalogue *catalogue, const char *path, struct error *err);
bool garbage_forget(struct catalogue *catalogue, const char *path, struct error *err);

int64_t clock_now_ns(void); /* CLOCK_REALTIME */

#endif
