/* plan.h - the decisions, without the doing: pure functions, tested without files or processes */
#ifndef SLICEPRESS_COORDINATOR_PLAN_H
#define SLICEPRESS_COORDINATOR_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"
#include "dicom/image.h"
#include "job/job.h"

/* -- files ------------------------------------------------------------------------------- */

struct file_identity { int64_t device, inode, bytes, mtime_ns, ctime_ns; };

struct file_identity plan_file_identity(const struct stat *status);
/* Nothing changed since it was read at `read_ns`, and both times were older than that reading (a file written
 * twice within one tick of the clock looks the same). */
bool plan_file_unchanged(const struct file_identity *then, int64_t read_ns, const struct file_identity *now);

/* "in order of path": the path, then the member's number padded. member < 0: none. */
bool plan_source_order(const char *path, int64_t member, struct buffer *order, struct error *err);

/* -- identity: rows with the same three UIDs --------------------------------------------- */

/* What a row of such a group is like, once it has settled or is about to (its job's result is known). */
struct twin {
    int64_t instance_id;
    const char *source_order;
    bool has_digest;
    struct digest digest;
    bool settled;              /* false: its own job is still to come */
    bool is_new;               /* nothing is made of its bytes yet */
    bool presumed;             /* not settled, but its bytes are known: `state` says what is expected of it. It can
                                  be current; else it takes no part */
    enum instance_state state; /* DONE, SKIPPED, FAILED, QUARANTINED */
    /* decided: */
    size_t same_as;            /* index of the twin that stays, if this one is a duplicate; else its own index */
    size_t source_of;          /* of the twin that stays: whose source it goes by (the lowest order) */
    bool is_current;
    size_t chain, next;        /* plan_twins' own: indices */
};

/* Duplicates: of equal digests the best settled one stays (lowest instance_id among equals), under the lowest
 * source_order of all. Current: done before skipped before failed; then by source_order (equal: by instance_id),
 * the highest for keep-last, the lowest for keep-first. The outcome does not depend on the order of `twins`. */
void plan_twins(struct twin *twins, size_t count, bool keep_first);

/* -- products ---------------------------------------------------------------------------- */

/* SHA-256 of the canonical options, without those for the join. */
bool plan_options_digest(const struct stage_row *stage, char hex[DIGEST_HEX_SIZE], struct error *err);
/* Of the source digest and the window's digest (NULL: no window of the series took part). */
bool plan_input_digest(const struct digest *source, const struct digest *window, char hex[DIGEST_HEX_SIZE],
                       struct error *err);

/* -- thumbnails -------------------------------------------------------------------------- */

/* The slice that stands for a series: the highest information within the middle half of `count` slices in instance
 * order; of equals the one nearest the middle (the lower). count > 0. */
size_t plan_thumbnail(const int64_t *information, size_t count);

#endif
