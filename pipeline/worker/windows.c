#include "windows.h"

#include <string.h>

#include "base/memory.h"
#include "dicom/voi.h"

enum { ROWS_MOST = 100000 }; /* of one object: a slide has none, an enhanced MR thousands */

struct rows { struct window_row *rows; size_t count, capacity; };

static bool add_row(struct rows *rows, const struct window_row *row, struct error *err)
{
    void *grown = rows->rows;

    if (rows->count >= ROWS_MOST)
        return true;
    if (!memory_grow(&grown, &rows->capacity, rows->count + 1, sizeof *row, err))
        return false;
    rows->rows = grown;
    rows->rows[rows->count++] = *row;
    return true;
}

static bool add_display(struct rows *rows, uint32_t frame, const struct frame_display *display, struct error *err)
{
    for (uint32_t i = 0; i < display->window_count; i++) {
        const struct window_row row = {.frame = frame, .window = display->windows[i], .origin = "tag",
                                       .valid = window_is_valid(&display->windows[i])};

        if (!add_row(rows, &row, err))
            return false;
    }
    for (uint32_t i = 0; i < display->voi_lut_count; i++) {
        struct window_row row = {.frame = frame, .origin = "voi_lut", .valid = true};

        memcpy(row.window.explanation, display->voi_luts[i].explanation, sizeof row.window.explanation);
        if (!add_row(rows, &row, err))
            return false;
    }
    return true;
}

static bool is_same_row(const struct window_row *a, const struct window_row *b)
{
    return a->window.center == b->window.center && a->window.width == b->window.width &&
           a->window.function == b->window.function && strcmp(a->window.explanation, b->window.explanation) == 0 &&
           strcmp(a->origin, b->origin) == 0;
}

/* The rows from `start` repeat the first `first` ones. */
static bool repeats(const struct rows *rows, size_t first, size_t start)
{
    if (rows->count - start != first)
        return false;
    for (size_t i = 0; i < first; i++)
        if (!is_same_row(&rows->rows[i], &rows->rows[start + i]))
            return false;
    return true;
}

/* Frame by frame; *alike: all frames carried what the first one does, which then stands there once. */
static bool collect(struct instance *instance, bool one_by_one, struct rows *rows, bool *alike, bool *needs_window,
                    struct error *err)
{
    const bool is_colour = instance_is_colour(instance);
    const uint32_t frames = instance->varies && !is_colour ? instance->image.frames : 1;
    const struct frame_display *display = NULL;
    size_t first = 0;

    *alike = !one_by_one;
    for (uint32_t number = 1; number <= frames; number++) {
        const size_t start = rows->count;

        if (!instance_display(instance, number, &display, err) || !add_display(rows, number, display, err))
            return false;
        *needs_window = *needs_window || (!is_colour && voi_of_display(display).kind == VOI_KIND_NONE);
        if (number == 1)
            first = rows->count;
        else if (*alike && !repeats(rows, first, start))
            *alike = false;
        else if (*alike)
            rows->count = start;
    }
    for (size_t i = 0; *alike && i < rows->count; i++)
        rows->rows[i].frame = 0;
    return true;
}

bool windows_collect(struct instance *instance, struct job_result *result, struct error *err)
{
    struct rows rows = {0};
    bool alike = true;
    bool ok = collect(instance, false, &rows, &alike, &result->needs_window, err);

    if (ok && !alike) {
        rows.count = 0;
        ok = collect(instance, true, &rows, &alike, &result->needs_window, err);
    }
    if (!ok) {
        memory_free(rows.rows);
        return false;
    }
    result->windows = rows.rows;
    result->window_count = rows.count;
    return true;
}
