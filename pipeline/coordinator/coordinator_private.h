/* coordinator_private.h - the coordinator's own state, for coordinator*.c only */
#ifndef SLICEPRESS_COORDINATOR_COORDINATOR_PRIVATE_H
#define SLICEPRESS_COORDINATOR_COORDINATOR_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/error.h"
#include "base/hash_set.h"
#include "base/path.h"
#include "coordinator/catalogue.h"
#include "coordinator/coordinator.h"
#include "coordinator/feed_spool.h"
#include "coordinator/join.h"
#include "coordinator/pool.h"
#include "coordinator/progress.h"
#include "coordinator/publish.h"
#include "coordinator/scan.h"
#include "coordinator/session.h"
#include "coordinator/shelf.h"
#include "coordinator/site.h"
#include "coordinator/spool.h"
#include "coordinator/stage_table.h"
#include "coordinator/task.h"

enum { INDEX_BATCH = 64, BATCH_LEAST = 64, BATCH_MOST = 128, BATCH_MS = 2000, SERIES_END_MS = 250, REFILL = 128,
       JOIN_MOST = 64 };

enum phase { PHASE_INDEX, PHASE_DIGEST, PHASE_FEED, PHASE_OBJECT, PHASE_FINISH, PHASE_VERIFY, PHASE_OVER };

/* A list of jobs. */
struct job_queue { struct pool_job *first, **last; size_t count; };
void job_queue_init(struct job_queue *queue);
void job_queue_push(struct job_queue *queue, struct pool_job *job);
void job_queue_push_front(struct job_queue *queue, struct pool_job *job);
struct pool_job *job_queue_pop(struct job_queue *queue);

/* A ZIP whose members are being indexed. */
struct archive {
    char *path;
    struct file_identity identity;
    int64_t read_ns;
    struct zip_member *members; /* owned */
    size_t member_count, next_member;
    size_t left;                /* members that are not settled in the index yet */
    struct hash_set inner_names; /* of members of archives in it */
    bool is_settled;            /* or a twin's: not to be told as read */
    struct archive *next;
};

/* One item of an INDEX job. */
struct index_item {
    char *path;
    struct archive *archive; /* NULL: a file */
    size_t member;           /* number in archive->members */
    struct file_identity identity;
    int64_t read_ns;
    int64_t twin;            /* instance_id whose digest is asked for (PHASE_DIGEST) */
    bool known;              /* the path was read before */
};

/* A stream or archive that is read in one pass. */
struct feed {
    struct source source;    /* owned texts */
    char *name, *order;      /* as the catalogue names it: path, and its members' order prefix; owned */
    char *member_prefix;     /* "inner.zip" for a nested one, else NULL; owned */
    bool has_identity;
    struct file_identity identity;
    int64_t read_ns;
    struct archive *archive; /* a member of this ZIP, told as read when the feed is over */
    struct feed *outer;      /* nested: whose member it is, */
    unsigned outer_attempt;  /* told by this job of it */
    uint32_t part;           /* nested: of feed_spool, held */
    bool has_file;           /* its members are written to `file` of feed_spool */
    uint32_t file;
    struct pool_job *job;    /* while it runs */
    unsigned attempts;       /* jobs that were lost */
    uint32_t told;           /* members, by any of them */
    struct hash_set names;   /* of its members */
    struct hash_set inner_names; /* of members of archives in it; an outer one's */
    uint64_t out;            /* members not published yet, nested feeds included */
    bool started, ended;
    struct feed *next;
};

/* A series that is being made. */
enum series_step { SERIES_OBJECTS, SERIES_WINDOW, SERIES_RENDERS, SERIES_CLOSING };
struct open_series {
    char study[UID_SIZE], series[UID_SIZE];
    enum series_step step;
    bool fetched;            /* no more rows to fetch in this step */
    uint64_t in_pool, in_batch; /* jobs with a worker or in a queue; results not published yet */
    bool has_window;
    struct window window;
    struct digest window_digest;
    int64_t last_id;         /* RENDERS: fetched up to this instance */
    int64_t renders;         /* the window task: pictures to be made */
    uint64_t members, slices; /* the window task: current instances with slices, and how many those are */
    struct digest input_digest; /* ... what the stages of the series see: bytes and slices of all of them */
    uint64_t pyramids;       /* ... that have a level */
    struct digest slide_digest; /* ... what the stages for slides see: bytes and tiles of what may be a level */
    bool has_volume_window;  /* ... the window for the stages of the series */
    struct window volume_window;
    char product_input[DIGEST_HEX_SIZE]; /* ... product.input_digest of those stages */
    char slide_input[DIGEST_HEX_SIZE];   /* ... of those for slides */
    struct pool_job *job;    /* ... made for them, if they are due; owned */
    unsigned attempts;       /* how often such a job was lost */
    int64_t *ids;            /* ... of the members, if there is a job; owned */
    bool keeps_planes;       /* the job wants them: they stay when a picture has been made of them */
    struct coordinator *coordinator;
    struct open_series *next;
};

/* What a pool job is about: pool_job.owner. */
struct errand {
    int64_t instance_id;
    struct open_series *series;
    struct feed *feed;
    unsigned attempt;        /* of the feed's job that told the member */
    char *member, *order;    /* of a feed's member */
    bool has_part;           /* OBJECT: `part` is held, where the feed wrote the member */
    uint32_t part;           /* in feed_spool */
    char *stages;
    uint64_t bytes;
    struct index_item *items; /* INDEX */
    size_t item_count;
    bool has_window;
    struct digest window_digest;
    struct shelf *shelf;     /* OBJECT, RENDER, when handed out: where its files are staged */
    bool has_staged;
    bool has_spool;          /* OBJECT: `planes.file` is its own while it runs */
    struct spool_place planes; /* OBJECT: what it left there; bytes 0: nothing */
};

struct counts {
    uint64_t instances, done, failed, skipped, rejected, files, bytes, read_bytes, verified, bad;
};

struct coordinator {
    struct settings *settings;
    const char *root;
    char real_root[PATH_SIZE], dry_root[PATH_SIZE], worker[PATH_SIZE], token[24];
    int root_descriptor;
    struct session session;
    struct catalogue *catalogue; /* the session's */
    struct stage_table table;
    struct worker_setup setup;
    struct publisher publisher;
    struct site_context *site;   /* the session's */
    bool with_labels;            /* slides' labels are published */

    uv_loop_t loop;
    bool loop_made;
    struct buffer hello;      /* of the first worker, until somebody asks */
    uv_timer_t timer;
    uv_signal_t interrupt, terminate;
    struct pool *pool;
    struct tasks *tasks;

    enum phase phase;
    struct error err;         /* what ended the run; NONE: nothing did */
    bool stopping, killed;    /* a signal came */
    bool offers;              /* sources are to be read again: what their duplicates were of is gone */
    bool moves;               /* rows go by members of archives that have been read, and may be out of date */
    bool has_read_again;
    bool fed, feed_gave;      /* stdin was read; an object or an archive's member was in it */
    uint64_t stop_ms;
    int64_t run_id;           /* 0: no row yet */
    bool left_as_wanted;      /* by the run before: nothing is outdated unless this one says so */
    bool has_marked; /* what is outdated: at the end of this run nothing is, but for what failed */
    bool met_fault;  /* something was not done: it may have kept what it had before */
    int64_t duplicates_before;
    uint64_t names;           /* of feeds */
    char staging_folder[PATH_SIZE], spool_folder[PATH_SIZE];
    struct shelves shelves;
    struct spool spool;
    struct feed_spool feed_spool;

    struct job_queue again;   /* jobs that came back */
    struct job_queue ready;

    /* index */
    struct scan *scan;
    bool scanned, in_transaction;
    uint64_t transaction_items;
    struct index_item *fresh, *digests; /* wait for a job; arrays */
    size_t fresh_count, fresh_capacity, digest_count, digest_capacity, digest_next;
    struct archive *archives;
    struct leftovers index_leftovers;

    /* feed */
    struct feed *feeds, **feed_last;

    /* objects */
    struct open_series *open, *filling;
    char last_study[UID_SIZE], last_series[UID_SIZE];
    bool all_series_opened;
    struct join { char study[UID_SIZE]; } *joins;
    size_t join_count, join_capacity;
    bool joining, finish_added;
    int64_t verify_last;
    bool verify_fetched;

    struct batch batch;       /* being gathered */
    struct batch publishing;  /* in the task */
    bool is_publishing;
    uint64_t batch_began_ms;

    struct counts counts;
    struct progress progress;
    uint64_t began_ms;
};

/* coordinator.c */
/* The loop and the pool, before anything of the site is there; coordinator_end_loop takes both apart. */
bool coordinator_make_pool(struct coordinator *c, struct error *err);
bool coordinator_ask(void *client, struct buffer *hello, struct error *err); /* a hello_asker */
void coordinator_end_loop(struct coordinator *c);
void coordinator_fail(struct coordinator *c, const struct error *err);
bool coordinator_is_failed(const struct coordinator *c);
bool coordinator_begin_run(struct coordinator *c, struct error *err); /* the run's row, once */
bool coordinator_count_duplicates(struct coordinator *c, int64_t *count, struct error *err);
uint64_t coordinator_wall_ms(void); /* of one job; SLICEPRESS_JOB_SECONDS for tests */
/* "PATH, MEMBER: REASON: TEXT": what is wrong with a source, said as a warning where it counts for the exit status. */
void coordinator_report(const char *event, const char *path, const char *member, const char *reason, const char *text);
bool coordinator_mark_failures(struct coordinator *c, struct error *err); /* before sources are looked at */
bool coordinator_mark_outdated(struct coordinator *c, struct error *err); /* coordinator_mark.c */
/* Those with members that are out of date: they get this read_ns, 0 or SOURCE_OFFERED. */
bool coordinator_offer_archives(struct coordinator *c, int64_t read_ns, struct error *err);
/* At the end of a run: nothing on the site is outdated. */
bool coordinator_is_as_wanted(struct coordinator *c, bool *as_wanted, struct error *err);
bool coordinator_new_name(struct coordinator *c, char name[48], struct error *err);
struct errand *errand_new(struct pool_job *job, struct error *err);
void errand_free(struct errand *errand);
void job_discard(struct pool_job *job); /* with its errand */

/* coordinator_label.c: at the start, when the options are kept */
bool label_settle(struct coordinator *c, struct error *err);

/* coordinator_equip.c: where a job's files and planes go */
/* Before it is handed out. */
bool equip_job(struct coordinator *c, struct pool_job *job, struct error *err);
/* Its result is there. */
void equip_result(struct coordinator *c, struct pool_job *job, struct job_result *result);
/* It was lost. */
void equip_lost(struct coordinator *c, struct pool_job *job);
/* The result gives no publication. */
void equip_leave(struct coordinator *c, struct pool_job *job);
/* The publication takes over what the job left. */
bool equip_publication(struct coordinator *c, struct errand *errand, struct publication *publication, struct error *err);
bool equip_published(struct coordinator *c, struct publication *publication, struct error *err);

/* coordinator_index.c */
bool index_begin(struct coordinator *c, struct error *err);
struct pool_job *index_next(struct coordinator *c);
void index_take(struct coordinator *c, struct pool_job *job, struct index_result *result);
void index_over(struct coordinator *c, struct pool_job *job, const struct job_result *result);
void index_lost(struct coordinator *c, struct pool_job *job, const struct pool_failure *failure);
bool index_is_over(const struct coordinator *c);
bool index_commit(struct coordinator *c, struct error *err);
bool index_folders(struct coordinator *c, struct error *err); /* coordinator_folders.c: those that are too deep */
bool index_find_twins(struct coordinator *c, struct error *err);
/* Between other phases' transactions: the path is an archive now, or (`why`) none that can be read. */
bool index_forget_file(struct coordinator *c, const char *path, enum error_kind why, struct error *err);
/* ZIPs are told as read. *again: sources that publications have offered again are to be read, once in a run. */
bool index_end_feeds(struct coordinator *c, bool *again, struct error *err);
void index_release(struct coordinator *c);

/* coordinator_absent.c: before an archive is told as read */
bool absent_may_be(struct coordinator *c, const char *path, const struct file_identity *now, bool *changed,
                   struct error *err); /* it is another one than before */
bool absent_tell(struct hash_set *told, const char *name, int64_t index, struct error *err); /* index -1: none */
/* Duplicates go that are in neither set. What has no index is in a set of names, too. */
bool absent_forget(struct coordinator *c, const char *path, const struct hash_set *told, const struct hash_set *inner,
                   struct error *err);

/* coordinator_object.c */
struct pool_job *object_next(struct coordinator *c);
void object_result(struct coordinator *c, struct pool_job *job, struct job_result *result);
void object_lost(struct coordinator *c, struct pool_job *job, const struct pool_failure *failure);
bool object_add_publication(struct coordinator *c, struct publication *publication, struct error *err);
void object_flush_if_due(struct coordinator *c);
bool object_fill_stages(struct pool_job *job, struct errand *errand, const char *asked, struct error *err);
/* What is kept of the instance, if anything is. */
bool object_fill_relic(struct coordinator *c, int64_t instance_id, struct job *job, struct error *err);

/* coordinator_series.c */
bool series_open_next(struct coordinator *c, struct error *err);
void series_advance(struct coordinator *c);
void series_join_if_due(struct coordinator *c);
bool series_all_over(const struct coordinator *c);
void series_release(struct coordinator *c);

bool series_count_joined(struct coordinator *c, int64_t *count, struct error *err);
bool series_add_join(struct coordinator *c, const char *study, struct error *err);

/* coordinator_verify.c */
struct pool_job *verify_next(struct coordinator *c);
void verify_result(struct coordinator *c, struct pool_job *job, struct job_result *result);
void verify_lost(struct coordinator *c, struct pool_job *job, const struct pool_failure *failure);
bool verify_is_over(const struct coordinator *c);

/* coordinator_window.c: in the task's thread */
bool window_work(void *data, struct error *err); /* struct open_series */
bool close_work(void *data, struct error *err);

/* coordinator_volume.c: the job of a series. In the window task's thread, when the rows are committed: */
bool volume_make_job(struct open_series *series, bool computed, struct error *err);
/* In the close task's thread: members of streams that were kept go. */
bool volume_drop_kept(struct open_series *series, struct error *err);
void volume_queue_job(struct coordinator *c, struct open_series *series); /* series->job is handed out */
/* It was lost, or came back, without its members: the series goes back to its window. Takes the job. */
void volume_make_again(struct coordinator *c, struct pool_job *job);
void volume_job_over(struct coordinator *c, const struct pool_job *job, const struct job_result *result);
void volume_close(struct coordinator *c, struct open_series *series);
/* What a feed wrote stays until its series is closed, if a stage of the series will want it; *kept: its hold is gone. */
bool volume_keep_member(struct coordinator *c, const struct pool_job *job, const struct job_result *result, bool *kept,
                        struct error *err);

/* coordinator_geometry.c: in the window task's transaction; fills series->members, input_digest */
bool geometry_settle(struct open_series *series, struct error *err);

/* coordinator_slide.c: the same; fills series->pyramids, slide_digest */
bool slide_settle(struct open_series *series, struct error *err);

/* coordinator_feed.c */
bool feed_add(struct coordinator *c, const struct feed *like, struct error *err);
struct pool_job *feed_next(struct coordinator *c);
void feed_member(struct coordinator *c, struct pool_job *job, struct feed_member *member);
void feed_result(struct coordinator *c, struct pool_job *job, struct job_result *result);
void feed_lost(struct coordinator *c, struct pool_job *job, const struct pool_failure *failure);
bool feed_object_result(struct coordinator *c, struct pool_job *job, struct job_result *result, struct error *err);
void feed_published(struct coordinator *c, struct feed *feed);
bool feeds_are_over(const struct coordinator *c);
void feed_release_all(struct coordinator *c);

#endif
