/* process.h - one worker process: spawned, spoken to over its descriptor 3, listened to, buried
 *
 *     process_start(loop, path, stdin_wanted, &callbacks, &process, err)
 *     process_send(process, &bytes, err)           takes the buffer's memory
 *     process_kill(process)                        SIGKILL; `ended` follows
 *
 * `message` is called for every whole message; it may call process_kill. `ended` is called exactly once, when the
 * process has exited AND its channel and its output have come to their end, in whatever order; the process
 * frees itself after it. stdin is the null device (or our own descriptor 0), stdout and stderr go to a
 * bounded ring, of which the tail is kept. It runs in a session of its own, so that Ctrl-C reaches only us.
 */
#ifndef SLICEPRESS_COORDINATOR_PROCESS_H
#define SLICEPRESS_COORDINATOR_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/buffer.h"
#include "base/error.h"
#include "job/message.h"

enum { PROCESS_OUTPUT = 4096 };

struct process;

struct process_end {
    int64_t exit_status;
    int signal;             /* 0: none */
    uint64_t peak_kib;      /* 0: unknown */
    char output[PROCESS_OUTPUT + 1]; /* the last bytes it printed, made printable */
};

struct process_callbacks {
    void *client;
    /* False kills the process (`why` is then the protocol error that `ended` may ask for). */
    bool (*message)(void *client, struct process *process, const struct message *message, struct error *err);
    void (*ended)(void *client, struct process *process, const struct process_end *end);
};

bool process_start(uv_loop_t *loop, const char *path, bool give_stdin, const struct process_callbacks *callbacks,
                   struct process **process, struct error *err);
bool process_send(struct process *process, struct buffer *bytes, struct error *err);
void process_kill(struct process *process);
int process_id(const struct process *process);
/* Reads the peak from /proc while it lives. */
void process_sample(struct process *process);
/* What was wrong with what it sent; kind NONE: nothing. */
const struct error *process_protocol_error(const struct process *process);

const char *process_signal_name(int signal); /* "SIGSEGV" */

#endif
