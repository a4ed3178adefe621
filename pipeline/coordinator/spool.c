#include "coordinator/spool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"

enum { DROPPED_MOST = 1024 }; /* then they are taken out of the list, if they are the half of it */

bool spool_take(struct spool *spool, uint32_t *file, struct error *err)
{
    void *files = spool->files;
    size_t i = 0;

    while (i < spool->file_count && (spool->files[i].taken || spool->files[i].end >= SPOOL_FULL))
        i++;
    if (i == spool->file_count) {
        if (!memory_grow(&files, &spool->file_capacity, i + 1, sizeof *spool->files, err))
            return false;
        spool->files = files;
        spool->files[i] = (struct spool_file){.end = 0};
        (void)snprintf(spool->files[i].name, sizeof spool->files[i].name, "%.24s-p%zu", spool->token, i);
        spool->file_count++;
    }
    spool->files[i].taken = true;
    *file = (uint32_t)i;
    return true;
}

/* Its blocks are given back at once: other files may need them. */
static void empty_if_unused(struct spool *spool, struct spool_file *file)
{
    char path[PATH_SIZE];
    struct error ignored;

    if (file->live > 0 || file->taken || file->end == 0)
        return;
    if (path_join(path, spool->folder, file->name, &ignored) && truncate(path, 0) != 0)
        (void)unlink(path); /* it is made again */
    spool->used -= file->end;
    file->end = 0;
}

void spool_give(struct spool *spool, uint32_t file, uint64_t bytes)
{
    struct spool_file *const given = &spool->files[file];

    given->taken = false;
    given->end += bytes;
    given->live += bytes > 0;
    spool->used += bytes;
    empty_if_unused(spool, given);
}

void spool_abandon(struct spool *spool, uint32_t file)
{
    spool->files[file].live--;
    empty_if_unused(spool, &spool->files[file]);
}

/* -- places ------------------------------------------------------------------------------ */

/* The first place that is not before this instance's. */
static size_t lower_bound(const struct spool *spool, int64_t instance_id)
{
    size_t low = 0, high = spool->place_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (spool->places[middle].instance_id < instance_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct spool_place *find(const struct spool *spool, int64_t instance_id)
{
    const size_t at = lower_bound(spool, instance_id);

    return at < spool->place_count && spool->places[at].instance_id == instance_id && spool->places[at].bytes > 0
               ? &spool->places[at]
               : NULL;
}

const struct spool_place *spool_find(const struct spool *spool, int64_t instance_id)
{
    return find(spool, instance_id);
}

static void take_out_dropped(struct spool *spool)
{
    size_t kept = 0;

    for (size_t i = 0; i < spool->place_count; i++)
        if (spool->places[i].bytes > 0)
            spool->places[kept++] = spool->places[i];
    spool->place_count = kept;
    spool->dropped = 0;
}

void spool_drop(struct spool *spool, int64_t instance_id)
{
    struct spool_place *const place = find(spool, instance_id);

    if (place == NULL)
        return;
    place->bytes = 0;
    spool->dropped++;
    spool_abandon(spool, place->file);
    if (spool->dropped == spool->place_count ||
        (spool->dropped > DROPPED_MOST && spool->dropped > spool->place_count / 2))
        take_out_dropped(spool);
}

/* Jobs end nearly in the order of their rows: the new one goes near the end. */
bool spool_keep(struct spool *spool, const struct spool_place *place, struct error *err)
{
    void *places = spool->places;

    spool_drop(spool, place->instance_id);
    if (!memory_grow(&places, &spool->place_capacity, spool->place_count + 1, sizeof *spool->places, err))
        return false;
    spool->places = places;
    const size_t at = lower_bound(spool, place->instance_id);
    if (at < spool->place_count && spool->places[at].instance_id == place->instance_id) {
        spool->places[at] = *place; /* of a dropped one */
        spool->dropped--;
        return true;
    }
    memmove(spool->places + at + 1, spool->places + at, (spool->place_count - at) * sizeof *spool->places);
    spool->places[at] = *place;
    spool->place_count++;
    return true;
}

void spool_release(struct spool *spool)
{
    memory_free(spool->files);
    memory_free(spool->places);
    *spool = (struct spool){0};
}
