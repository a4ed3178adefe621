#include "ahead.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"

enum { SLOTS = 3, PLANE_MOST = 8 << 20 };

/* A slice that has been read. */
struct slot {
    struct frame frame; /* of the slice alone: x and y are 0 */
    struct buffer samples;
    bool failed;
    struct error why;
};

struct ahead {
    struct members *members;
    const struct volume *volume;
    const struct slice_place *places;
    size_t next;         /* cell to be given */
    bool is_threaded;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t made, given;  /* cells read; cells that are not needed any more */
    bool stop;
    struct slot slots[SLOTS];
};

/* -- one slice ------------------------------------------------------------------------------ */

/* The stages take columns x rows from (x, y): the frame must have them. */
static bool check_frame(const struct ahead *a, const struct slice_place *place, const struct frame *frame,
                        struct error *err)
{
    const struct volume *const volume = a->volume;

    if (place->x + volume->columns <= frame->columns && place->y + volume->rows <= frame->rows &&
        frame->samples_per_pixel == volume->samples_per_pixel)
        return true;
    return error_set(err, ERROR_CORRUPT, "instance %s, frame %u: %u x %u pixels of %u samples, expected %u x %u of %u",
                     members_sop(a->members), place->frame, frame->columns, frame->rows,
                     frame->samples_per_pixel, place->x + volume->columns, place->y + volume->rows,
                     volume->samples_per_pixel);
}

static bool read_cell(struct ahead *a, size_t cell, struct slice_frame *found, struct error *err)
{
    const struct slice_place *const place = &a->places[a->volume->cells[cell].input];
    struct member_frame read;

    if (!members_frame(a->members, place->member, place->frame, place->has_modality_lut, &read, err) ||
        !check_frame(a, place, read.frame, err))
        return false;
    *found = (struct slice_frame){read.frame, read.modality_lut, place->x, place->y};
    return true;
}

static bool copy_slice(const struct volume *volume, const struct slice_frame *from, struct slot *slot,
                       struct error *err)
{
    const struct frame *const frame = from->frame;
    const size_t pixel = sample_size(frame->type) * frame->samples_per_pixel;
    const size_t line = volume->columns * pixel, pitch = frame->columns * pixel;
    const uint8_t *at = (const uint8_t *)frame->samples + from->y * pitch + from->x * pixel;

    buffer_clear(&slot->samples);
    if (!buffer_reserve(&slot->samples, line * volume->rows, err))
        return false;
    if (line == pitch)
        memcpy(slot->samples.data, at, line * volume->rows);
    else
        for (size_t row = 0; row < volume->rows; row++, at += pitch)
            memcpy(slot->samples.data + row * line, at, line);
    slot->samples.size = line * volume->rows;
    slot->frame = *frame;
    slot->frame.columns = volume->columns;
    slot->frame.rows = volume->rows;
    slot->frame.samples = slot->samples.data;
    slot->frame.size = slot->samples.size;
    return true;
}

/* -- the thread ----------------------------------------------------------------------------- */

/* False: nothing more is wanted. */
static bool wait_for_slot(struct ahead *a)
{
    (void)pthread_mutex_lock(&a->lock);
    while (!a->stop && a->made - a->given == SLOTS)
        (void)pthread_cond_wait(&a->changed, &a->lock);
    const bool go_on = !a->stop;
    (void)pthread_mutex_unlock(&a->lock);
    return go_on;
}

static void *read_all(void *client)
{
    struct ahead *const a = client;
    bool ok = true;

    for (size_t cell = 0; ok && cell < a->volume->cell_count && wait_for_slot(a); cell++) {
        struct slot *const slot = &a->slots[cell % SLOTS];
        struct slice_frame found;

        ok = read_cell(a, cell, &found, &slot->why) && copy_slice(a->volume, &found, slot, &slot->why);
        slot->failed = !ok;
        (void)pthread_mutex_lock(&a->lock);
        a->made++;
        (void)pthread_cond_signal(&a->changed);
        (void)pthread_mutex_unlock(&a->lock);
    }
    return NULL;
}

/* -- the stages' side ----------------------------------------------------------------------- */

static bool fits(const struct ahead *a)
{
    const struct volume *const volume = a->volume;
    const uint64_t sample = volume->bits_stored <= 8 ? 1 : volume->bits_stored <= 16 ? 2 : 8;

    if ((uint64_t)volume->columns * volume->rows * volume->samples_per_pixel * sample > PLANE_MOST)
        return false;
    for (size_t i = 0; i < volume->cell_count; i++)
        if (a->places[volume->cells[i].input].has_modality_lut)
            return false;
    return volume->cell_count > 1;
}

bool ahead_new(struct members *members, const struct volume *volume, const struct slice_place *places,
               struct ahead **ahead, struct error *err)
{
    struct ahead *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->members = members;
    made->volume = volume;
    made->places = places;
    (void)pthread_mutex_init(&made->lock, NULL);
    (void)pthread_cond_init(&made->changed, NULL);
    made->is_threaded = fits(made) && pthread_create(&made->thread, NULL, read_all, made) == 0;
    *ahead = made;
    return true;
}

void ahead_free(struct ahead *ahead)
{
    if (ahead == NULL)
        return;
    (void)pthread_mutex_lock(&ahead->lock);
    ahead->stop = true;
    (void)pthread_cond_signal(&ahead->changed);
    (void)pthread_mutex_unlock(&ahead->lock);
    if (ahead->is_threaded)
        (void)pthread_join(ahead->thread, NULL);
    (void)pthread_mutex_destroy(&ahead->lock);
    (void)pthread_cond_destroy(&ahead->changed);
    for (size_t i = 0; i < SLOTS; i++)
        buffer_release(&ahead->slots[i].samples);
    memory_free(ahead);
}

bool ahead_next(struct ahead *ahead, struct slice_frame *found, struct error *err)
{
    const size_t cell = ahead->next++;

    if (!ahead->is_threaded)
        return read_cell(ahead, cell, found, err);
    (void)pthread_mutex_lock(&ahead->lock);
    ahead->given = cell; /* the one before is not needed any more */
    (void)pthread_cond_signal(&ahead->changed);
    while (ahead->made <= cell)
        (void)pthread_cond_wait(&ahead->changed, &ahead->lock);
    (void)pthread_mutex_unlock(&ahead->lock);
    const struct slot *const slot = &ahead->slots[cell % SLOTS];
    if (slot->failed) {
        *err = slot->why;
        return false;
    }
    *found = (struct slice_frame){.frame = &slot->frame};
    return true;
}
