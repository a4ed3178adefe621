/* task.h - what waits on disks, done one after another in a thread of libuv's pool
 *
 * Publishing, series windows and joins are tasks: `work` runs off the event loop, never two at once, in the order of
 * task_add; `after` then runs on the loop, with work's outcome. The tasks own nothing.
 */
#ifndef SLICEPRESS_COORDINATOR_TASK_H
#define SLICEPRESS_COORDINATOR_TASK_H

#include <stdbool.h>

#include <uv.h>

#include "base/error.h"

struct tasks;

typedef bool task_work(void *data, struct error *err);
typedef void task_after(void *data, bool ok, const struct error *err);

bool tasks_new(uv_loop_t *loop, struct tasks **tasks, struct error *err);
bool task_add(struct tasks *tasks, task_work *work, task_after *after, void *data, struct error *err);
bool tasks_are_idle(const struct tasks *tasks);
void tasks_free(struct tasks *tasks); /* idle only; NULL is fine */

#endif
