/* publish.h - from staging folders to public/ and the catalogue, a batch at a time
 *
 * A publication is what one OBJECT or RENDER job made. A batch of them is published by publish_batch, in a task
 * (task.h), one batch at a time, in these steps:
 *
 *     1. identity    twins (rows with the same UIDs) are compared: duplicates are dropped, one of a conflict
 *                    becomes current; files of those that stop being current are linked to their conflict
 *                    address. If anything changed: sync, commit. Then, if an older object becomes current: its files
 *                    are linked over those at the current address, which no row names any more; sync, commit.
 *     2. check       every staged file is there with the size that the worker told
 *     3. sync        syncfs; fsync each if there are fewer than PUBLISH_FEW files
 *     4. rename      each file to its address
 *     5. sync        again: now the names are on the disk; syncfs, too, where a folder was made
 *     6. commit      one transaction: products, artefacts, states, garbage
 *     7. tidy        what is left in staging folders, files that nobody refers to any more
 *
 * If the program dies before 6, rows say pending or running, and the next run removes files without a row and makes
 * them again: the same bytes at the same place. If it dies after 6, step 7 is repeated by the next run. So a row
 * that is done always means complete files. A failure (a full disk) in any step leaves the batch's rows as they
 * were, and ends the run.
 *
 * A publication that cannot be published for a reason of its own (a staged file is missing) settles as failed and
 * does not hold up the others.
 */
#ifndef SLICEPRESS_COORDINATOR_PUBLISH_H
#define SLICEPRESS_COORDINATOR_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/path.h"
#include "coordinator/catalogue.h"
#include "coordinator/catalogue_instance.h"
#include "coordinator/catalogue_source.h"
#include "coordinator/shelf.h"
#include "coordinator/spool.h"
#include "job/job.h"

enum { PUBLISH_FEW = 16 };

/* A stage that is wanted in this run. */
struct wanted_stage {
    char name[32];
    uint32_t version, needs, scope; /* enum stage_scope of job/stage.h */
    char options_digest[DIGEST_HEX_SIZE];
};

struct publisher {
    struct catalogue *catalogue;
    const char *root;       /* SITE */
    int root_descriptor;    /* for syncfs */
    bool keep_first;
    const struct wanted_stage *stages;
    size_t stage_count;
};

struct publication {
    enum job_kind kind;       /* OBJECT, RENDER or SERIES; INDEX: a rejected source */
    int64_t instance_id;      /* 0: a member of a stream, which has no row yet */
    char *path, *member, *order; /* of such a member: its origin; owned */
    int64_t member_index;     /* -1; where it stands for a duplicate in a ZIP, that one's */
    char staging[48];         /* the folder's name; "" nothing is staged */
    struct shelf *shelf;      /* the same, the coordinator's */
    struct spool_place planes; /* of a member of a stream, until it has a row */
    char *stages;             /* asked for: "codestream,thumbnail"; owned */
    bool has_window;          /* RENDER: pictures were made with this window of the series */
    struct digest window_digest;
    char input[DIGEST_HEX_SIZE]; /* SERIES: product.input_digest; `row` names the series */
    char slide_input[DIGEST_HEX_SIZE]; /* ... of stages with NEEDS_SLIDE */
    struct job_result result; /* owned */
    void *owner;              /* the coordinator's */

    /* decided by publish_batch */
    struct instance_row row;
    bool dropped;             /* a duplicate, or its row is gone */
    bool is_current;
    bool is_new_bytes;        /* others than the row was known by */
    bool keeps;               /* it failed, and what was made of the same bytes before stays */
    bool is_amiss;            /* a staged file is not as told */
    bool is_staging_empty;    /* nothing of it is left in the folder */
    uint64_t files, bytes;
};

struct batch {
    struct publication **items; /* owned */
    size_t count, capacity;
    bool moves;                 /* published: a row goes by a member of an archive that was its duplicate */
    bool offers;                /* published: duplicates of what went are to be read again, source_offer_again */
};

struct publication *publication_new(enum job_kind kind, struct error *err);
void publication_free(struct publication *publication);
bool batch_add(struct batch *batch, struct publication *publication, struct error *err); /* takes it */
void batch_release(struct batch *batch);

bool publish_batch(const struct publisher *publisher, struct batch *batch, struct error *err);

/* -- the steps' own parts (publish_identity.c, publish_rows.c, relocate.c) ---------------- */

/* Paths, relative to public/, that may be left without a row. */
struct leftovers {
    struct leftover { char *path; bool digest_named; } *items;
    size_t count, capacity;
};
bool leftovers_add(struct leftovers *leftovers, const char *path, bool digest_named, struct error *err);
/* In the transaction: those that no artefact row names become garbage (digest-named) or stay to be removed. */
bool leftovers_settle(struct leftovers *leftovers, struct catalogue *catalogue, struct error *err);
/* After the commit: removes what stayed. */
bool leftovers_remove(const struct leftovers *leftovers, const char *root, struct error *err);
void leftovers_release(struct leftovers *leftovers);

/* *linked: files were linked, sync before the commit. Begins a transaction only if there is something to change. */
bool publish_identity(const struct publisher *publisher, struct batch *batch, struct leftovers *leftovers,
                      struct error *err);
/* The digest of a row that has a twin and has not settled yet is known: duplicates go, before they are decoded. Inside
 * a transaction. */
bool publish_twin_digest(const struct publisher *publisher, int64_t instance_id, const struct digest *digest,
                         struct leftovers *leftovers, struct error *err);
/* Conflicts whose current object is not the one that the rule asks for, or that have none: files are linked, rows
 * follow. *changed: there are such. A transaction a step: no row ever names a file of another object. What is left
 * over is settled in the last step, for leftovers_remove. */
enum decide_step { DECIDE_LOOK, DECIDE_DEMOTE, DECIDE_PROMOTE };
bool publish_decide_again(const struct publisher *publisher, enum decide_step step, struct leftovers *leftovers,
                          bool *changed, struct error *err);
/* Of a failed publication: whether there are artefacts of the same bytes. */
bool publish_find_kept(const struct publisher *publisher, struct publication *publication, struct error *err);
/* Products of these stages ("webp,tiles") become pending: a RENDER job is to make them. Inside a transaction. */
bool publish_defer(const struct publisher *publisher, int64_t instance_id, const char *stages, struct error *err);
/* Stages of an instance that failed and whose bytes cannot be had again: they fail as the instance did. */
bool publish_stay_failed(const struct publisher *publisher, int64_t instance_id, const char *stages, const char *reason,
                         struct error *err);
bool publish_rows(const struct publisher *publisher, struct publication *publication,
                  struct leftovers *leftovers, struct error *err);
/* What was made of the series as a whole, by this stage or (NULL) by any, becomes leftovers; its products go. */
bool publish_forget_series(const struct publisher *publisher, const char *study, const char *series, const char *stage,
                           struct leftovers *leftovers, struct error *err);
/* The artefacts of an instance become leftovers, the row is deleted. */
bool publish_forget(const struct publisher *publisher, int64_t instance_id, struct leftovers *leftovers,
                    struct error *err);
/* All artefacts of the instance get links at its current or conflict address, their rows follow. */
bool relocate_instance(const struct publisher *publisher, const struct instance_row *row, bool to_current,
                       struct leftovers *leftovers, struct error *err);

/* syncfs of the site's file system. */
bool publish_sync(const struct publisher *publisher, struct error *err);
/* fsync of one file or folder (absolute). */
bool publish_sync_path(const char *path, bool is_folder, struct error *err);
/* `last`: the folder synced last, "" at first: it is not synced again. */
bool publish_sync_parent(const char *path, char last[PATH_SIZE], struct error *err);
/* rename; makes the parent folder when it is missing, and says so: its name is new on the way up, and fsync of the parent
 * is not enough. */
bool publish_rename(const char *from, const char *to, bool *made_folder, struct error *err);
/* hard link, replacing what stands at `to`. */
bool publish_link(const char *from, const char *to, struct error *err);

#endif
