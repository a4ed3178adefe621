/* log.h - what the program says while it works
 *
 * People read stderr; machines read the JSON lines file (--log-json). The coordinator only:
 * a worker reports by message. `event` is a fixed snake_case word; fields are appended in order.
 *
 *     log_event(LOG_WARNING, "instance_failed", "cannot publish \"x.dcm\": rows is 0",
 *               "source", path, "reason", "corrupt", NULL);
 */
#ifndef SLICEPRESS_BASE_LOG_H
#define SLICEPRESS_BASE_LOG_H

#include <stdbool.h>

#include "error.h"

/* NOTICE is what INFO is, but said even when quiet. */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERROR };

/* quiet drops INFO, verbose adds DEBUG on stderr; json_path NULL: no file. */
bool log_open(bool quiet, bool verbose, const char *json_path, struct error *err);
/* `before_line` is called before each line on stderr (so that a progress bar can step aside). */
void log_before_line(void (*before_line)(void *client), void *client);
void log_event(enum log_level level, const char *event, const char *text, ...)
    __attribute__((sentinel)); /* pairs of key, value (const char *), then NULL */
bool log_close(struct error *err);

#endif
