#include "slide_reader.h"

#include "base/memory.h"
#include "worker/sandbox.h"

enum { TILES_AN_ALLOWANCE = 16 };

struct slide_reader {
    struct worker *worker;
    const struct job *job;
    const struct slide_part *parts;
    struct members *members;
    struct buffer icc; /* of the pyramid at hand */
    uint64_t asked;    /* tiles */
};

bool slide_reader_new(struct worker *worker, const struct job *job, const struct slide_part *parts,
                      struct members *members, struct slide_reader **reader, struct error *err)
{
    struct slide_reader *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    *made = (struct slide_reader){.worker = worker, .job = job, .parts = parts, .members = members};
    *reader = made;
    return true;
}

void slide_reader_free(struct slide_reader *reader)
{
    if (reader != NULL)
        buffer_release(&reader->icc);
    memory_free(reader);
}

/* IO is the disk that does not take what is written, and everybody's; a tile that cannot be read is the slide's. */
static bool unreadable(const struct slide_cell *cell, struct error *err)
{
    if (err->kind == ERROR_IO)
        err->kind = ERROR_TRUNCATED;
    return error_context(err, "tile at %u, %u", cell->column, cell->row);
}

static bool open_part(struct slide_reader *r, const struct slide_cell *cell, struct instance **instance,
                      struct error *err)
{
    return (r->asked++ % TILES_AN_ALLOWANCE != 0 || sandbox_allow_cpu(r->worker->setup.cpu_seconds, err)) &&
           members_instance(r->members, (size_t)r->parts[cell->part].instance, instance, err);
}

static bool give_coded(void *client, const struct slide_cell *cell, struct coded_frame *coded, struct error *err)
{
    struct slide_reader *const r = client;
    struct instance *instance = NULL;

    return (open_part(r, cell, &instance, err) &&
            instance_coded(instance, cell->frame, r->worker->studio, coded, err)) ||
           unreadable(cell, err);
}

/* The frame's own window, else the series' (PS3.3 C.11.2). */
static struct voi choose_voi(const struct slide_reader *r, const struct frame *frame, const struct frame_display *display)
{
    struct voi voi = {.kind = VOI_KIND_NONE};

    if (!frame_is_colour(frame))
        voi = voi_of_display(display);
    if (!frame_is_colour(frame) && voi.kind == VOI_KIND_NONE && r->job->has_window)
        voi = (struct voi){.kind = VOI_KIND_WINDOW, .window = r->job->window};
    return voi;
}

static bool draw(struct slide_reader *r, struct instance *instance, const struct slide_cell *cell, bool as_srgb,
                 struct error *err)
{
    const struct frame_display *display = NULL;
    struct frame frame = {0};

    if (!instance_frame(instance, cell->frame, r->worker->studio, &frame, err) ||
        !instance_display(instance, cell->frame, &display, err))
        return false;
    struct image image = instance->image; /* borrows */
    if (!as_srgb)
        image.icc = NULL;
    const struct voi voi = choose_voi(r, &frame, display);
    return studio_draw(r->worker->studio, &image, &frame, display, &voi, &instance->notes, err);
}

static bool give_picture(void *client, const struct slide_cell *cell, bool as_srgb, const struct picture **picture,
                         struct error *err)
{
    struct slide_reader *const r = client;
    struct instance *instance = NULL;

    *picture = &r->worker->studio->picture;
    return (open_part(r, cell, &instance, err) && draw(r, instance, cell, as_srgb, err)) || unreadable(cell, err);
}

bool slide_reader_begin(struct slide_reader *reader, const struct slide_pyramid *pyramid, struct stage_slide *given,
                        struct error *err)
{
    struct instance *instance = NULL;

    if (!members_instance(reader->members, (size_t)pyramid->like->instance, &instance, err))
        return false;
    *given = (struct stage_slide){.pyramid = pyramid,
                                  .is_colour = instance_is_colour(instance) || instance->image.has_supplement,
                                  .profiles_differ = pyramid->profiles_differ, .reader = reader, .coded = give_coded,
                                  .picture = give_picture};
    buffer_clear(&reader->icc);
    if (instance->image.icc == NULL || pyramid->profiles_differ)
        return true;
    if (!buffer_append(&reader->icc, instance->image.icc, instance->image.icc_size, err))
        return false;
    given->icc = reader->icc.data;
    given->icc_size = reader->icc.size;
    return true;
}
