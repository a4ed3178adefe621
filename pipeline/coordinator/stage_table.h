/* stage_table.h - what the worker can do, and what is wanted of it
 *
 * The worker tells its stage table in its hello. It is kept in SITE/work/stages, named by the worker's own stat and
 * the settings, so that a run with nothing to do starts no worker.
 */
#ifndef SLICEPRESS_COORDINATOR_STAGE_TABLE_H
#define SLICEPRESS_COORDINATOR_STAGE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "coordinator/publish.h"
#include "coordinator/settings.h"
#include "job/job.h"

enum { STAGE_TABLE_KEY = 128 };

#define STAGE_OF_FRAMES "codestream" /* makes dicomweb/.../frames/N */

struct stage_table {
    char key[STAGE_TABLE_KEY];    /* of the cache; "" if it came from there */
    struct worker_hello hello;
    char libraries[512];          /* of both programs, one line */
    struct wanted_stage *wanted;  /* in run order */
    size_t wanted_count;
    char *all;                    /* their names: "codestream,thumbnail,volume" */
    char *of_instances;           /* "codestream,thumbnail" */
    bool wants_volumes, wants_slides; /* there are stages of series for them */
    bool makes_frames;            /* lossless frames are among what is wanted */
    char digest[DIGEST_HEX_SIZE]; /* of what is wanted: names, versions, options */
};

/* Gives a worker's hello, as worker_hello_write writes it, in a buffer that was empty. */
typedef bool hello_asker(void *client, struct buffer *hello, struct error *err);
/* Writes the cache, if the table is not from there; no failure matters. */
void stage_table_keep(const struct stage_table *table, const char *site);
/* Checks --stages and --set against the worker's table (USAGE). `site` NULL: no cache. Where the cache does not know it,
 * `ask` is called; NULL: a worker is started for it, and goes. */
bool stage_table_load(const struct settings *settings, const char *site, const char *worker,
                      const struct worker_setup *setup, hello_asker *ask, void *client, struct stage_table *table,
                      struct error *err);
bool stage_table_wants(const struct stage_table *table, const char *name);
void stage_table_release(struct stage_table *table);

#endif
