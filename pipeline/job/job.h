/* job.h - what a coordinator asks of a worker, and what comes back
 *
 *   INDEX   headers of a batch of sources: one INDEXED message an item as soon as it is known, so that a
 *           crash costs one item only; then RESULT.
 *   OBJECT  one object decoded ONCE, all stages fed: record (on request), products, histogram, windows.
 *           Stages that need the series window while the object has no valid one of its own for every frame come back
 *           DEFERRED; their planes go to the spool while the job's budget lasts.
 *   RENDER  the deferred stages of one instance with the series window: planes from the spool file, else
 *           from the source, else from the published lossless frames, with the relic that the job carries.
 *   FEED    one pass over a stream or an archive that has no random access: every member is written to a
 *           spool file and told by MEMBER; at most `feed_window` are outstanding.
 *   SERIES  the stages of a series over the volumes that the slices of its instances make: slice by slice, read
 *           from the source (native ones as they lie there), planes in the spool, or published frames; and over the
 *           pyramids that its tiled instances make: tile by tile, as a stage asks for them.
 *   VERIFY  lossless frames of one instance decoded and compared with the source (or with its digest).
 *
 * Each struct has _write and _parse; parse checks everything (PROTOCOL) and gives owned copies.
 */
#ifndef SLICEPRESS_JOB_JOB_H
#define SLICEPRESS_JOB_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/option.h"
#include "dicom/image.h"
#include "job/layout.h"
#include "job/manifest.h"
#include "job/record.h"

/* -- hello ------------------------------------------------------------------------------ */

struct stage_setting { char *stage, *option, *value; };

struct worker_setup {
    char *site;          /* absolute; staging, spool and public lie under it */
    uint64_t memory_bytes; /* RLIMIT_AS of this worker */
    uint32_t cpu_seconds;  /* of one job */
    uint64_t file_bytes;   /* RLIMIT_FSIZE */
    uint32_t nice_threads; /* encoder threads a stage may use */
    size_t setting_count;
    struct stage_setting *settings; /* stage options that differ from the defaults */
};

/* One row of the stage table, as the coordinator knows it (it links no stage). */
struct stage_row {
    char *name, *summary;
    uint32_t version, scope, needs;
    bool on_by_default;
    size_t option_count;
    struct option *options;      /* option_count rows and the NULL row; texts owned; offset unused */
    char *canonical_options;     /* after the settings: base of options_digest */
};

struct worker_hello {
    uint32_t protocol;
    char *libraries;             /* "gdcm 3.0.21, openjpeg 2.5.0, ..." one line */
    size_t stage_count;
    struct stage_row *stages;
};

/* -- sources ---------------------------------------------------------------------------- */

enum source_kind {
    SOURCE_FILE,   /* path: a file on disk */
    SOURCE_MEMBER, /* path: a ZIP on disk; member: index in its central directory */
    SOURCE_SPOOL   /* path: a file in work/spool that a FEED job wrote; the member is a part of it */
};

struct source {
    enum source_kind kind;
    char *path;        /* absolute path to open; for stdin (FEED only) "-" = descriptor 0 */
    uint64_t member;   /* MEMBER */
    char *member_name; /* for messages and the catalogue; NULL: none. Never a path on disk */
    uint32_t depth;    /* archives around it so far */
    uint64_t size;     /* expected size of the file; 0 unknown. Another size: IO "changed while...". SPOOL: of the part */
    uint64_t offset;   /* SPOOL: where the part begins in the file */
};

/* -- jobs ------------------------------------------------------------------------------- */

enum job_kind { JOB_INDEX = 1, JOB_OBJECT, JOB_RENDER, JOB_FEED, JOB_VERIFY, JOB_SERIES };

/* A file as it was when its digest was taken: unchanged, it need not be taken again. */
struct source_identity { int64_t device, inode, bytes, mtime_ns, ctime_ns; };

/* One instance of a series: its slices, and where its pixels are, the nearest first. */
struct series_member {
    char sop[UID_SIZE];
    struct digest digest;      /* of its source */
    uint64_t slices_offset, slices_bytes; /* slices.h, in the job's `slices` */
    struct buffer slide;       /* slide_blob.h; empty: it is no part of a slide */
    bool has_source;
    struct source source;
    bool has_identity;         /* of the file at source.path; a SPOOL source is ours, and needs none */
    struct source_identity identity;
    char planes[48];           /* file in the spool; "" none */
    uint64_t planes_offset, planes_bytes;
    uint64_t relic_offset, relic_bytes; /* in the job's file of relics; 0 bytes: none */
};

struct job {
    enum job_kind kind;
    size_t source_count;      /* INDEX: up to 64; else 1 (RENDER, VERIFY may have 0: the relic is used) */
    struct source *sources;
    bool want_digest;         /* INDEX: the whole source is read, too */
    char *stages;             /* OBJECT, RENDER, SERIES: "codestream,thumbnail" */
    char staging[48];         /* folder under work/staging, a word; other jobs' files may be in it */
    uint32_t staging_first;   /* number of the first file */
    struct subject subject;   /* RENDER, VERIFY: whose; sop set. SERIES: not set */
    bool has_source_digest;   /* RENDER, VERIFY: what the source must hash to */
    struct digest source_digest;
    struct buffer relic;      /* RENDER, VERIFY: what is kept of the instance (keep.h); empty: nothing, or not needed */
    bool has_window;          /* RENDER, SERIES: the series window */
    struct window window;
    char spool[48];           /* OBJECT: where to put planes; RENDER: where they are; "" none */
    uint64_t spool_offset;    /* of the first plane: what stands before it are others' */
    uint64_t spool_bytes;     /* RENDER: of the planes */
    uint64_t spool_budget;    /* OBJECT: bytes */
    bool for_volumes;         /* OBJECT: a stage of the series will want all frames of an image with slices */
    bool for_slides;          /* OBJECT: a stage of the series will want what is part of a slide, from its source */
    bool with_labels;         /* OBJECT, RENDER: a slide's label is made like any other picture, not WITHHELD */
    uint32_t feed_window;     /* FEED: members */
    uint64_t feed_bytes;      /* FEED: bytes outstanding, at least one member */
    size_t expected_count;    /* VERIFY: the artefacts of the codestream product */
    struct artefact *expected;
    size_t member_count;      /* SERIES */
    struct series_member *members;
    struct buffer slices;     /* SERIES: those of all members, one after another */
    char relics[48];          /* SERIES: file in the spool; "" none */
};

/* -- what comes back -------------------------------------------------------------------- */

enum index_outcome {
    INDEX_OBJECT,   /* record, has_image or skip reason */
    INDEX_REJECTED, /* kind and text: not DICOM, ignored (DICOMDIR, notes), corrupt, over a limit */
    INDEX_ZIP,      /* a ZIP on disk with random access: members */
    INDEX_FEED      /* an archive that wants a FEED job (TAR, nested, damaged ZIP); text says what */
};

enum member_flag { MEMBER_FOLDER = 1, MEMBER_LINK = 2, MEMBER_ENCRYPTED = 4, MEMBER_UNREADABLE = 8 };

struct zip_member { uint64_t index, size, packed; uint32_t flags; char *name; };

struct index_result {
    uint32_t item;
    enum index_outcome outcome;
    struct record record;      /* OBJECT */
    bool ignored;              /* REJECTED: a DICOMDIR, notes, a thumbnail: reason `ignored`, no fault */
    enum error_kind kind;      /* REJECTED */
    char text[240];            /* REJECTED, FEED */
    bool has_digest;
    struct digest digest;
    uint64_t bytes, frames;    /* of the source; declared frames (for progress) */
    size_t member_count;
    struct zip_member *members; /* ZIP */
};

struct feed_member {
    uint32_t number;    /* from 0, in stream order */
    char *name;         /* as in the archive, UTF-8 made valid; NULL: nameless (a bare object on stdin) */
    char *spool;        /* file name in work/spool; NULL: nothing to read, see kind and text */
    uint64_t offset, bytes; /* in the file: others are before and behind it */
    bool ignored;
    enum error_kind kind; /* NONE, or why there is no file (link, encrypted, over a limit, damaged) */
    char text[240];
};

enum instance_state { INSTANCE_PENDING, INSTANCE_RUNNING, INSTANCE_DONE, INSTANCE_SKIPPED, INSTANCE_FAILED, INSTANCE_QUARANTINED };
const char *instance_state_word(enum instance_state state);
bool instance_state_of_word(const char *word, enum instance_state *state);

/* A window the object carries: frame 0 = all frames. origin "tag", "voi_lut" (name only). */
struct window_row { uint32_t frame; struct window window; char origin[12]; bool valid; };

enum { JOB_METADATA_MOST = 40 << 20 }; /* a result must fit LIMIT(MESSAGE_BYTES) */

struct job_result {
    enum job_kind kind;
    enum error_kind error;      /* NONE: the job did what was asked; else why the object (or archive) gave nothing */
    char text[240];
    /* OBJECT */
    bool not_an_object;         /* rejected rather than failed (used when there was no INDEX before) */
    bool is_archive;            /* ... because it is one: a nested FEED may look into it */
    bool ignored;
    bool has_record;            /* record is filled: the data set could be read and is an instance's */
    struct record record;
    enum instance_state state;  /* DONE, SKIPPED, FAILED */
    char *notes;                /* OBJECT: of the object itself (notes.h), NULL or "" none; others are its products' */
    struct digest source_digest;
    uint64_t source_bytes;
    uint32_t frames;            /* readable */
    uint32_t information;
    bool needs_window;          /* the series window is wanted (some stage is DEFERRED or would be) */
    bool has_histogram;         /* some value was counted */
    uint64_t spooled;           /* bytes of planes in the spool; 0 none */
    bool wants_source;          /* a stage of the series will read the source: not all frames are in the spool */
    struct buffer relic;        /* OBJECT: what is kept of it (keep.h); empty: too large, or there was a fault */
    struct buffer histogram;    /* where the series window is wanted */
    struct buffer geometry;     /* of an image: its slices (slices.h) */
    struct buffer slide;        /* of a part of a slide (slide_blob.h) */
    char *metadata;             /* the instance's DICOM JSON (PS3.18 Annex F), of the dicomweb stage; NULL: none */
    size_t window_count;
    struct window_row *windows;
    struct manifest manifest;   /* OBJECT, RENDER, SERIES */
    /* FEED */
    uint64_t members;
    /* VERIFY */
    uint32_t frames_compared;
};

/* What product.window_digest is where the series window was used: of its numbers, not of its name. */
bool window_digest(const struct window *window, struct digest *digest, struct error *err);

bool worker_setup_write(const struct worker_setup *setup, struct buffer *out, struct error *err);
bool worker_setup_parse(const void *data, size_t size, struct worker_setup *setup, struct error *err);
void worker_setup_release(struct worker_setup *setup);
bool worker_hello_write(const struct worker_hello *hello, struct buffer *out, struct error *err);
bool worker_hello_parse(const void *data, size_t size, struct worker_hello *hello, struct error *err);
void worker_hello_release(struct worker_hello *hello);
bool job_write(const struct job *job, struct buffer *out, struct error *err);
bool job_parse(const void *data, size_t size, struct job *job, struct error *err);
void job_release(struct job *job);
/* SERIES: what is large in it. */
void job_drop_members(struct job *job);
/* One of them alone, with its slices (it has them at offset 0 then) but without what it holds of a slide. `member` is empty
 * before, its owner's to release. */
bool series_member_write(const struct job *job, size_t number, struct buffer *out, struct error *err);
bool series_member_parse(const void *data, size_t size, struct series_member *member, struct buffer *slices,
                         struct error *err);
bool index_result_write(const struct index_result *result, struct buffer *out, struct error *err);
bool index_result_parse(const void *data, size_t size, struct index_result *result, struct error *err);
void index_result_release(struct index_result *result);
bool feed_member_write(const struct feed_member *member, struct buffer *out, struct error *err);
bool feed_member_parse(const void *data, size_t size, struct feed_member *member, struct error *err);
void feed_member_release(struct feed_member *member);
bool job_result_write(const struct job_result *result, struct buffer *out, struct error *err);
bool job_result_parse(const void *data, size_t size, struct job_result *result, struct error *err);
void job_result_release(struct job_result *result);
/* Relic, histogram, geometry, slide and metadata: of a result that turned into a failure. */
void job_result_drop_kept(struct job_result *result);
void source_release(struct source *source);

#endif
