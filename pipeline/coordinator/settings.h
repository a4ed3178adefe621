/* settings.h - what the command line and the profile say
 *
 * One table (settings.c) serves parsing, profiles and --help. Texts are borrowed from argv or owned by the
 * settings; settings_release frees the latter.
 */
#ifndef SLICEPRESS_COORDINATOR_SETTINGS_H
#define SLICEPRESS_COORDINATOR_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "job/job.h"

enum exit_status {
    EXIT_ALL_DONE = 0,
    EXIT_SOME_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_UNUSABLE = 3,
    EXIT_INTERRUPTED = 4,
    EXIT_BUSY = 75
};

/* Of address space: the coordinator's, and a worker's by default, which is what frames of WHOLE_FRAME_BYTES need at most. A
 * fifth of that is touched by usual ones. */
enum { SETTINGS_OWN_MIB = 64, SETTINGS_WORKER_MIB = 1216 };

enum progress_mode { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER };

struct settings {
    const char *command;
    const char *server;         /* server-config: the word before SITE */
    char *site;                 /* absolute; owned */
    size_t input_count;
    char **inputs;              /* run: absolute paths, or "-"; list: the words after SITE; owned */
    char *arguments;            /* the command line as one text, for the run row; owned */

    const char *stages;         /* "codestream,thumbnail"; NULL: those on by default */
    size_t setting_count;
    struct stage_setting *stage_settings; /* --set stage.option=value, in order; owned */
    int64_t jobs, memory_mib, spool_mib, grace_hours;
    bool keep_first, rehash, quiet, verbose, dry_run, json, deep, failed;
    const char *log_json, *study, *series, *stage, *listen;
    enum progress_mode progress;

    size_t text_count;
    char **texts;               /* what the texts above borrow from; owned */
};

/* USAGE with a text for people; `help` or `version` is set when that was asked for. */
bool settings_parse(struct settings *settings, int count, char **words, bool *help, bool *version,
                    struct error *err);
void settings_release(struct settings *settings);

#endif
