/* member_list.h - the members of a series' job, out of the way: one is wanted at a time, and thousands take megabytes
 *
 *     member_list_new(spool, job, &list, err)       the job has none from then on
 *     member_list_get(list, number, err)            list->member, with its slices in list->slices
 *     member_list_free(list)
 *
 * As they travel (job.h), one after another in memory, or in a file of the spool without a name where they are many.
 */
#ifndef SLICEPRESS_WORKER_MEMBER_LIST_H
#define SLICEPRESS_WORKER_MEMBER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "job/job.h"

struct member_list {
    size_t count, number;        /* number: of `member`; SIZE_MAX: none */
    uint64_t *ends;              /* owned: where each ends */
    struct buffer coded;         /* all of them, or the last one read */
    int descriptor;              /* -1: they are in memory */
    struct series_member member; /* slices_offset is 0 */
    struct buffer slices;        /* its own */
};

/* `spool`: folder for the file. */
bool member_list_new(const char *spool, struct job *job, struct member_list **list, struct error *err);
bool member_list_get(struct member_list *list, size_t number, struct error *err);
void member_list_free(struct member_list *list); /* NULL is fine */

#endif
