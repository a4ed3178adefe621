#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { BAR_MS = 100, LINE_MS = 5000, BAR_WIDTH = 24 };

uint64_t progress_clock_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void write_text(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return; /* nobody is watching */
}

static void step_aside(void *client)
{
    struct progress *const progress = client;

    if (progress->shown)
        write_text("\r\033[K");
    progress->shown = false;
    progress->shown_ms = 0;
}

void progress_begin(struct progress *progress, enum progress_mode mode, bool quiet)
{
    progress->bar = isatty(STDERR_FILENO) == 1;
    progress->active = mode == PROGRESS_ALWAYS || (mode == PROGRESS_AUTO && progress->bar && !quiet);
    progress->began_ms = progress->shown_ms = progress_clock_ms();
    if (progress->active && progress->bar) {
        progress->shown_ms = 0;
        log_before_line(step_aside, progress);
    }
}

static void format_rest(const struct progress *progress, uint64_t now, char *text, size_t size)
{
    const double seconds = (double)(now - progress->began_ms) / 1000;

    text[0] = '\0';
    if (progress->total == 0 || progress->done == 0 || seconds < 1)
        return;
    const double left = seconds * (double)(progress->total - progress->done) / (double)progress->done;
    (void)snprintf(text, size, ", %u:%02u left", (unsigned)left / 60, (unsigned)left % 60);
}

static void draw(const struct progress *progress, uint64_t now)
{
    char bar[BAR_WIDTH + 1], rest[32], line[256];
    const double seconds = (double)(now - progress->began_ms + 1) / 1000;
    const uint64_t filled = progress->total == 0 ? 0 : BAR_WIDTH * progress->done / progress->total;

    for (unsigned i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    format_rest(progress, now, rest, sizeof rest);
    (void)snprintf(line, sizeof line, "%s%s%s%s%s %llu/%llu, %.1f MB/s, %llu failed%s%s",
                   progress->bar ? "\r" : "slicepress: ", progress->phase, progress->bar ? " [" : "",
                   progress->bar ? bar : "", progress->bar ? "]" : ":", (unsigned long long)progress->done,
                   (unsigned long long)progress->total, (double)progress->bytes / 1e6 / seconds,
                   (unsigned long long)progress->failed, rest, progress->bar ? "\033[K" : "\n");
    write_text(line);
}

void progress_update(struct progress *progress)
{
    const uint64_t now = progress->active ? progress_clock_ms() : 0;

    if (!progress->active || now - progress->shown_ms < (progress->bar ? BAR_MS : LINE_MS) ||
        progress->phase == NULL)
        return;
    draw(progress, now);
    progress->shown = progress->bar;
    progress->shown_ms = now;
}

void progress_end(struct progress *progress)
{
    if (!progress->active)
        return;
    if (progress->bar)
        step_aside(progress);
    log_before_line(NULL, NULL);
    progress->active = false;
}
