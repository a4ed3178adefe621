#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"

enum { READ_SIZE = 65536 };

struct process {
    struct process_callbacks callbacks;
    uv_process_t handle;
    uv_pipe_t channel, output;
    struct message_parser parser;
    struct error protocol;
    struct process_end end;
    char ring[PROCESS_OUTPUT];
    size_t printed; /* in total; the ring holds the last PROCESS_OUTPUT of them */
    long children_peak_kib; /* of all children before */
    bool exited, channel_ended, output_ended;
    int open_handles;
    char incoming[READ_SIZE];
};

struct outgoing {
    uv_write_t request;
    struct buffer bytes;
};

static long children_peak(void)
{
    struct rusage usage = {0};

    (void)getrusage(RUSAGE_CHILDREN, &usage);
    return usage.ru_maxrss;
}

/* -- the end ----------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct process *const process = handle->data;

    if (--process->open_handles > 0)
        return;
    message_parser_release(&process->parser);
    memory_free(process);
}

static void copy_output(struct process *process)
{
    const size_t kept = process->printed < PROCESS_OUTPUT ? process->printed : PROCESS_OUTPUT;
    size_t length = 0;

    for (size_t i = 0; i < kept; i++) {
        const unsigned char c = (unsigned char)process->ring[(process->printed - kept + i) % PROCESS_OUTPUT];

        process->end.output[length++] = (char)((c >= 0x20 && c < 0x7F) || c == '\n' ? c : '?');
    }
    process->end.output[length] = '\0';
}

static void finish_if_over(struct process *process)
{
    if (!process->exited || !process->channel_ended || !process->output_ended)
        return;
    copy_output(process);
    process->callbacks.ended(process->callbacks.client, process, &process->end);
    uv_close((uv_handle_t *)&process->handle, on_closed);
    uv_close((uv_handle_t *)&process->channel, on_closed);
    uv_close((uv_handle_t *)&process->output, on_closed);
}

static void on_exit(uv_process_t *handle, int64_t exit_status, int term_signal)
{
    struct process *const process = handle->data;
    const long peak = children_peak();

    process->exited = true;
    process->end.exit_status = exit_status;
    process->end.signal = term_signal;
    if (peak > process->children_peak_kib && (uint64_t)peak > process->end.peak_kib)
        process->end.peak_kib = (uint64_t)peak;
    finish_if_over(process);
}

void process_kill(struct process *process)
{
    if (process->exited)
        return;
    process_sample(process);
    (void)uv_process_kill(&process->handle, SIGKILL);
}

/* -- reading ----------------------------------------------------------------------------- */

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
    struct process *const process = handle->data;

    (void)suggested;
    *room = uv_buf_init(process->incoming, READ_SIZE);
}

static void take_messages(struct process *process, const char *data, size_t size)
{
    struct error err = {0};
    struct message message;
    bool ok = message_feed(&process->parser, data, size, &err);

    while (ok && message_next(&process->parser, &message, &err))
        ok = process->callbacks.message(process->callbacks.client, process, &message, &err);
    if (err.kind == ERROR_NONE)
        return;
    process->protocol = err;
    process_kill(process);
}

static void on_channel(uv_stream_t *stream, ssize_t size, const uv_buf_t *room)
{
    struct process *const process = stream->data;

    if (size >= 0) {
        if (size > 0 && process->protocol.kind == ERROR_NONE)
            take_messages(process, room->base, (size_t)size);
        return;
    }
    (void)uv_read_stop(stream);
    process->channel_ended = true;
    finish_if_over(process);
}

static void on_output(uv_stream_t *stream, ssize_t size, const uv_buf_t *room)
{
    struct process *const process = stream->data;

    for (ssize_t i = 0; i < size; i++)
        process->ring[process->printed++ % PROCESS_OUTPUT] = room->base[i];
    if (size >= 0)
        return;
    (void)uv_read_stop(stream);
    process->output_ended = true;
    finish_if_over(process);
}

/* -- starting ---------------------------------------------------------------------------- */

static int spawn(uv_loop_t *loop, struct process *process, const char *path, bool give_stdin, int output)
{
    char *arguments[] = {(char *)path, NULL};
    uv_stdio_container_t stdio[4] = {
        {.flags = give_stdin ? UV_INHERIT_FD : UV_IGNORE, .data.fd = STDIN_FILENO},
        {.flags = UV_INHERIT_FD, .data.fd = output},
        {.flags = UV_INHERIT_FD, .data.fd = output},
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE,
         .data.stream = (uv_stream_t *)&process->channel},
    };
    const uv_process_options_t options = {
        .exit_cb = on_exit,
        .file = path,
        .args = arguments,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 4,
        .stdio = stdio,
    };

    return uv_spawn(loop, &process->handle, &options);
}

/* uv_spawn has failed: nothing runs, but the handles want closing. */
static void abandon(struct process *process)
{
    uv_close((uv_handle_t *)&process->handle, on_closed);
    uv_close((uv_handle_t *)&process->channel, on_closed);
    uv_close((uv_handle_t *)&process->output, on_closed);
}

bool process_start(uv_loop_t *loop, const char *path, bool give_stdin, const struct process_callbacks *callbacks,
                   struct process **process, struct error *err)
{
    int ends[2];
    struct process *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        memory_free(made);
        return error_errno(err, errno, "cannot make a pipe for a worker");
    }
    made->callbacks = *callbacks;
    made->children_peak_kib = children_peak();
    made->open_handles = 3;
    made->handle.data = made->channel.data = made->output.data = made;
    (void)uv_pipe_init(loop, &made->channel, 0);
    (void)uv_pipe_init(loop, &made->output, 0);
    made->channel.data = made->output.data = made;
    (void)uv_pipe_open(&made->output, ends[0]);
    const int code = spawn(loop, made, path, give_stdin, ends[1]);
    made->handle.data = made;
    (void)close(ends[1]);
    if (code != 0) {
        abandon(made);
        return error_set(err, ERROR_IO, "cannot start worker \"%s\": %s", path, uv_strerror(code));
    }
    (void)uv_read_start((uv_stream_t *)&made->channel, give_room, on_channel);
    (void)uv_read_start((uv_stream_t *)&made->output, give_room, on_output);
    *process = made;
    return true;
}

/* -- writing ----------------------------------------------------------------------------- */

/* A failed write means that the process is gone or going: its end tells. */
static void on_written(uv_write_t *request, int status)
{
    struct outgoing *const outgoing = request->data;

    (void)status;
    buffer_release(&outgoing->bytes);
    memory_free(outgoing);
}

bool process_send(struct process *process, struct buffer *bytes, struct error *err)
{
    struct outgoing *const outgoing = memory_zeroed(sizeof *outgoing, err);

    if (outgoing == NULL)
        return false;
    outgoing->bytes = *bytes;
    *bytes = (struct buffer){0};
    outgoing->request.data = outgoing;
    const uv_buf_t part = uv_buf_init((char *)outgoing->bytes.data, (unsigned)outgoing->bytes.size);
    if (uv_write(&outgoing->request, (uv_stream_t *)&process->channel, &part, 1, on_written) != 0)
        on_written(&outgoing->request, 0);
    return true;
}

/* -- looking ----------------------------------------------------------------------------- */

int process_id(const struct process *process)
{
    return process->handle.pid;
}

void process_sample(struct process *process)
{
    char path[64], text[4096];
    unsigned long long peak = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/status", process->handle.pid);
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    const ssize_t size = read(descriptor, text, sizeof text - 1);
    (void)close(descriptor);
    text[size > 0 ? size : 0] = '\0';
    const char *const line = strstr(text, "VmHWM:");
    if (line != NULL && sscanf(line, "VmHWM: %llu", &peak) == 1 && peak > process->end.peak_kib)
        process->end.peak_kib = peak;
}

const struct error *process_protocol_error(const struct process *process)
{
    return &process->protocol;
}

const char *process_signal_name(int number)
{
    static const struct { int number; const char *name; } names[] = {
        {SIGABRT, "SIGABRT"}, {SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"},
        {SIGILL, "SIGILL"}, {SIGKILL, "SIGKILL"}, {SIGTERM, "SIGTERM"}, {SIGXCPU, "SIGXCPU"},
        {SIGXFSZ, "SIGXFSZ"}, {SIGSYS, "SIGSYS"}, {SIGINT, "SIGINT"}, {SIGTRAP, "SIGTRAP"},
        {SIGPIPE, "SIGPIPE"}, {SIGHUP, "SIGHUP"}, {SIGQUIT, "SIGQUIT"}, {SIGALRM, "SIGALRM"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            return names[i].name;
    return "unknown signal";
}
