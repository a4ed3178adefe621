/* site.h - the mutable files of a site: JSON, pages, the public catalogue
 *
 * The coordinator (run, remove, reprocess, verify) calls
 *
 *     site_join_study(context, uid, err)     every series of the study is settled: series.<digest16>.json,
 *                                            study.json, its pages, its dicomweb indexes
 *     site_drop_study(context, uid, err)     the study is being removed: its rows are gone already
 *     site_finish_run(context, err)          once, at the end of a run that changed something: studies.json,
 *                                            index.html, app/, public catalogue, dicomweb/studies/index.json
 *
 * in the publishing thread, never two at once. They read rows and put files into the context; they write
 * nothing themselves. What was put is afterwards compared with what stands in public/, and only what differs is
 * staged, synced and renamed, IN THE ORDER IN WHICH IT WAS PUT (so: bottom-up, study.json last); then rows changed by
 * them are committed. The functions run inside one transaction (catalogue_execute may be used freely; no
 * catalogue_begin). The same rows must give the same bytes: ORDER BY the UIDs, instance_number, source_order...,
 * never by ids, no clock.
 *
 * verify calls the same functions with a context that only compares: a site function must therefore not depend
 * on what is on disk, except to take away what has no place any more (site_names).
 */
#ifndef SLICEPRESS_COORDINATOR_SITE_H
#define SLICEPRESS_COORDINATOR_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/path.h"
#include "coordinator/catalogue.h"
#include "coordinator/site_option.h"

struct site_context; /* site_files.c */

struct catalogue *site_catalogue(struct site_context *context);
/* Absolute path of SITE (no slash at the end); public files are below SITE/public. */
const char *site_root(const struct site_context *context);
/* Those of the last run (site_option.h). */
const struct site_options *site_options(const struct site_context *context);

/* -- putting files: `path` is relative to public/, e.g. "studies/1.2.3/study.json"; bytes are copied -------
 *
 * Text files get their siblings, NAME.gz and by option NAME.br (sibling.h), without a word: they are put right before
 * the text, and go with it. */

/* A mutable file: replaced by rename, only if its bytes differ. */
bool site_put(struct site_context *context, const char *path, const void *data, size_t size, struct error *err);
/* The same for a file that was made at `made` (absolute; site_temporary gives one), which is consumed: for what grows
 * with a study. */
bool site_put_file(struct site_context *context, const char *path, const char *made, struct error *err);
/* An immutable file FOLDER/STEM.DIGEST16.EXTENSION (folder "": public/ itself); `name` gets "STEM.DIGEST16.EXTENSION".
 * Former ones (the same stem and extension, 16 hex digits between) go to garbage, to stay for gc's grace. */
bool site_put_named(struct site_context *context, const char *folder, const char *stem, const char *extension,
                    const void *data, size_t size, char name[PATH_SIZE], struct error *err);
/* The same for a file that was made. */
bool site_put_named_file(struct site_context *context, const char *folder, const char *stem, const char *extension,
                         const char *made, char name[PATH_SIZE], struct error *err);
/* Those of STEM and EXTENSION in the folder go to garbage: nothing follows them. */
bool site_retire(struct site_context *context, const char *folder, const char *stem, const char *extension,
                 struct error *err);
/* A fresh absolute path below work/ for site_put_file and site_put_named_file; removed afterwards if it is left. */
bool site_temporary(struct site_context *context, char path[PATH_SIZE], struct error *err);
/* `path` becomes a hard link to `target` (both relative to public/; target may have been put just now). */
bool site_link(struct site_context *context, const char *path, const char *target, struct error *err);
/* Takes a mutable file (or a whole folder) away at once; absent is fine. */
bool site_remove(struct site_context *context, const char *path, struct error *err);
/* What stands in a folder now, in no order: `path` is FOLDER/NAME. For finding what has to go: nothing is listed when
 * the context only compares. */
typedef bool site_name(void *client, const char *path, const char *name, struct error *err);
bool site_names(struct site_context *context, const char *folder, site_name *function, void *client, struct error *err);

/* -- site.c, site_lists.c ------------------------------------------------------------------ */

bool site_join_study(struct site_context *context, const char *study_uid, struct error *err);
bool site_drop_study(struct site_context *context, const char *study_uid, struct error *err);
bool site_finish_run(struct site_context *context, struct error *err);

/* -- site_files.c: the coordinator's side ------------------------------------------------- */

enum site_mode { SITE_WRITE, SITE_COMPARE };
typedef bool (*site_function)(struct site_context *context, const char *study_uid, struct error *err);

/* What SITE_COMPARE finds: `what` is "missing", "differs"; every path put is told with what NULL first. */
typedef bool (*site_difference)(void *client, const char *path, const char *what, struct error *err);

struct site_counts { uint64_t files, bytes; }; /* published */

bool site_context_new(struct catalogue *catalogue, const char *root, enum site_mode mode,
                      struct site_context **context, struct error *err);
/* site_temporary gives paths below FOLDER/work instead of the site's. */
bool site_context_put_temporaries(struct site_context *context, const char *folder, struct error *err);
void site_context_on_difference(struct site_context *context, site_difference difference, void *client);
/* Transaction, function, flush, commit. */
bool site_apply(struct site_context *context, site_function function, const char *study_uid, struct error *err);
struct site_counts site_context_counts(const struct site_context *context);
void site_context_free(struct site_context *context);

#endif
