#include "coordinator/feed_spool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"

void feed_spool_init(struct feed_spool *spool, const char *folder)
{
    *spool = (struct feed_spool){.folder = folder};
    (void)pthread_mutex_init(&spool->lock, NULL);
}

void feed_spool_destroy(struct feed_spool *spool)
{
    if (spool->folder == NULL)
        return;
    (void)pthread_mutex_destroy(&spool->lock);
    memory_free(spool->files);
    memory_free(spool->kept);
    *spool = (struct feed_spool){0};
}

/* -- files: with the lock held --------------------------------------------------------------- */

static bool find_file(struct feed_spool *spool, const char *name, uint32_t *file, struct error *err)
{
    size_t unused = spool->file_count;
    void *files = spool->files;

    for (size_t i = spool->file_count; i-- > 0;) {
        if (strcmp(spool->files[i].name, name) == 0) {
            *file = (uint32_t)i;
            return true;
        }
        unused = spool->files[i].name[0] == '\0' ? i : unused;
    }
    if (unused == spool->file_count) {
        if (!memory_grow(&files, &spool->file_capacity, unused + 1, sizeof *spool->files, err))
            return false;
        spool->files = files;
        spool->file_count++;
    }
    spool->files[unused] = (struct feed_file){.open = true};
    (void)snprintf(spool->files[unused].name, sizeof spool->files[unused].name, "%s", name);
    *file = (uint32_t)unused;
    return true;
}

static void remove_if_done(struct feed_spool *spool, struct feed_file *file)
{
    char path[PATH_SIZE];
    struct error ignored;

    if (file->wanted > 0 || file->open)
        return;
    if (path_join(path, spool->folder, file->name, &ignored))
        (void)unlink(path); /* else it stays until the run is over */
    file->name[0] = '\0';
}

static void drop(struct feed_spool *spool, uint32_t file)
{
    spool->files[file].wanted--;
    remove_if_done(spool, &spool->files[file]);
}

bool feed_spool_hold(struct feed_spool *spool, const char *name, uint32_t *file, struct error *err)
{
    (void)pthread_mutex_lock(&spool->lock);
    const bool ok = find_file(spool, name, file, err);
    if (ok)
        spool->files[*file].wanted++;
    (void)pthread_mutex_unlock(&spool->lock);
    return ok;
}

void feed_spool_drop(struct feed_spool *spool, uint32_t file)
{
    (void)pthread_mutex_lock(&spool->lock);
    drop(spool, file);
    (void)pthread_mutex_unlock(&spool->lock);
}

void feed_spool_close(struct feed_spool *spool, uint32_t file)
{
    (void)pthread_mutex_lock(&spool->lock);
    spool->files[file].open = false;
    remove_if_done(spool, &spool->files[file]);
    (void)pthread_mutex_unlock(&spool->lock);
}

/* -- kept members ---------------------------------------------------------------------------- */

/* Where the digest is, or would be. */
static size_t lower_bound(const struct feed_spool *spool, const struct digest *digest, bool *found)
{
    size_t low = 0, high = spool->kept_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (memcmp(spool->kept[middle].digest.bytes, digest->bytes, DIGEST_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < spool->kept_count && digest_equal(&spool->kept[low].digest, digest);
    return low;
}

static bool insert(struct feed_spool *spool, size_t at, const struct kept_member *member, struct error *err)
{
    void *kept = spool->kept;

    if (!memory_grow(&kept, &spool->kept_capacity, spool->kept_count + 1, sizeof *spool->kept, err))
        return false;
    spool->kept = kept;
    memmove(spool->kept + at + 1, spool->kept + at, (spool->kept_count - at) * sizeof *spool->kept);
    spool->kept[at] = *member;
    spool->kept_count++;
    spool->kept_bytes += member->source.size;
    return true;
}

bool feed_spool_keep(struct feed_spool *spool, const struct digest *digest, uint32_t file, const struct source *source,
                     struct error *err)
{
    struct kept_member member = {.digest = *digest, .file = file, .source = *source};
    bool found = false, ok = true;

    member.source.path = member.source.member_name = NULL;
    (void)pthread_mutex_lock(&spool->lock);
    const size_t at = lower_bound(spool, digest, &found);
    if (found)
        drop(spool, file);
    else
        ok = insert(spool, at, &member, err);
    (void)pthread_mutex_unlock(&spool->lock);
    return ok;
}

bool feed_spool_find(struct feed_spool *spool, const struct digest *digest, struct source *source, struct error *err)
{
    char path[PATH_SIZE];
    bool found = false, ok = true;

    (void)pthread_mutex_lock(&spool->lock);
    const size_t at = lower_bound(spool, digest, &found);
    if (found) {
        *source = spool->kept[at].source;
        ok = path_join(path, spool->folder, spool->files[spool->kept[at].file].name, err);
    }
    (void)pthread_mutex_unlock(&spool->lock);
    source->path = found && ok ? memory_string(path, err) : NULL;
    return ok && (!found || source->path != NULL);
}

void feed_spool_release(struct feed_spool *spool, const struct digest *digest)
{
    bool found = false;

    (void)pthread_mutex_lock(&spool->lock);
    const size_t at = lower_bound(spool, digest, &found);
    if (found) {
        spool->kept_bytes -= spool->kept[at].source.size;
        drop(spool, spool->kept[at].file);
        spool->kept_count--;
        memmove(spool->kept + at, spool->kept + at + 1, (spool->kept_count - at) * sizeof *spool->kept);
    }
    (void)pthread_mutex_unlock(&spool->lock);
}

bool feed_spool_is_empty(struct feed_spool *spool)
{
    return feed_spool_kept_bytes(spool) == 0;
}

uint64_t feed_spool_kept_bytes(struct feed_spool *spool)
{
    (void)pthread_mutex_lock(&spool->lock);
    const uint64_t bytes = spool->kept_bytes;
    (void)pthread_mutex_unlock(&spool->lock);
    return bytes;
}
