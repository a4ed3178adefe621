/* command.h - the commands: the table in main.c serves dispatch and --help
 *
 * A command writes its results to stdout (command_print), all else goes through log.h. It gives false with
 * *err filled when it could not do its work; otherwise *status is the exit status.
 */
#ifndef SLICEPRESS_COORDINATOR_COMMAND_H
#define SLICEPRESS_COORDINATOR_COMMAND_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "coordinator/settings.h"
#include "job/job.h"

typedef bool command_function(struct settings *settings, enum exit_status *status, struct error *err);

command_function command_run, command_verify, command_reprocess, command_remove, command_gc;
command_function command_list, command_status, command_stages, command_server_config;

/* Writes all of it to stdout, checked. */
bool command_print(const struct buffer *text, struct error *err);

/* The worker's stage table with the settings applied (spawns a worker for it). For `stages` and planning. */
const char *command_uv_version(void);
bool command_stage_table(const struct settings *settings, struct worker_hello *hello, struct error *err);

#endif
