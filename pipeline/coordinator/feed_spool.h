/* feed_spool.h - what feeds write to work/spool: files that hold members one after another, and members that stay
 *
 *     feed_spool_hold(&spool, "feed-3-0", &file, err)    a member in that file was told
 *     feed_spool_drop(&spool, file)                      ... and has been read
 *     feed_spool_close(&spool, file)                     its feed writes to another one now
 *     feed_spool_keep(&spool, &digest, file, &source, err)   instead of drop: the member stays
 *     feed_spool_find(&spool, &digest, &source, err)     by what it holds
 *     feed_spool_release(&spool, &digest)                and goes
 *
 * A file is removed when no member in it is wanted. Few large files instead of one a member: making, closing and removing
 * one costs more than all else that is done with it (shelf.h). Kept members are found by their digest, because
 * their rows are made later; the same bytes are kept once. Any thread may call.
 */
#ifndef SLICEPRESS_COORDINATOR_FEED_SPOOL_H
#define SLICEPRESS_COORDINATOR_FEED_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>

#include "base/digest.h"
#include "base/error.h"
#include "job/job.h"

struct feed_file {
    char name[48];  /* "": not in use */
    uint64_t wanted; /* members */
    bool open;      /* more may come */
};

struct kept_member {
    struct digest digest;
    uint32_t file;
    bool is_taken; /* the place in feed_spool.kept */
    struct source source; /* without texts */
};

struct feed_spool {
    const char *folder; /* absolute: SITE/work/spool */
    pthread_mutex_t lock;
    struct feed_file *files; /* owned; they never move to another number */
    size_t file_count, file_capacity;
    uint32_t last_file; /* that was asked for */
    struct kept_member *kept; /* owned; found by digest */
    size_t kept_count, kept_places;
    uint64_t kept_bytes; /* in the spool */
};

void feed_spool_init(struct feed_spool *spool, const char *folder);
void feed_spool_destroy(struct feed_spool *spool); /* the memory; the files go with work/spool */

bool feed_spool_hold(struct feed_spool *spool, const char *name, uint32_t *file, struct error *err);
void feed_spool_drop(struct feed_spool *spool, uint32_t file);
void feed_spool_close(struct feed_spool *spool, uint32_t file);

/* `source`: the member's; copied. The hold of `file` goes over to what is kept. */
bool feed_spool_keep(struct feed_spool *spool, const struct digest *digest, uint32_t file, const struct source *source,
                     struct error *err);
/* source->path stays NULL if these bytes are not kept; else the source is its owner's to release. */
bool feed_spool_find(struct feed_spool *spool, const struct digest *digest, struct source *source, struct error *err);
void feed_spool_release(struct feed_spool *spool, const struct digest *digest); /* fine if they are not kept */
bool feed_spool_is_empty(struct feed_spool *spool); /* nothing is kept */
uint64_t feed_spool_kept_bytes(struct feed_spool *spool);

#endif
