#include "coordinator/feed_spool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"

enum { KEPT_PLACES_LEAST = 64 }; /* a power of two */

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

    /* members come one after another */
    if (spool->last_file < spool->file_count && strcmp(spool->files[spool->last_file].name, name) == 0) {
        *file = spool->last_file;
        return true;
    }
    for (size_t i = spool->file_count; i-- > 0;) {
        if (strcmp(spool->files[i].name, name) == 0) {
            *file = spool->last_file = (uint32_t)i;
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
    *file = spool->last_file = (uint32_t)unused;
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

/* In open addressing, by the first bytes of their digests; at most three quarters of the places are taken. */
static size_t home_of(const struct feed_spool *spool, const struct digest *digest)
{
    uint64_t start;

    memcpy(&start, digest->bytes, sizeof start);
    return (size_t)start & (spool->kept_places - 1);
}

static size_t place_after(const struct feed_spool *spool, size_t at)
{
    return (at + 1) & (spool->kept_places - 1);
}

/* Where the digest is, or would be. There are places. */
static size_t find_place(const struct feed_spool *spool, const struct digest *digest)
{
    size_t at = home_of(spool, digest);

    while (spool->kept[at].is_taken && !digest_equal(&spool->kept[at].digest, digest))
        at = place_after(spool, at);
    return at;
}

static struct kept_member *find_kept(const struct feed_spool *spool, const struct digest *digest)
{
    struct kept_member *const place = spool->kept_places > 0 ? &spool->kept[find_place(spool, digest)] : NULL;

    return place != NULL && place->is_taken ? place : NULL;
}

static bool grow(struct feed_spool *spool, struct error *err)
{
    struct feed_spool grown = *spool;

    grown.kept_places = spool->kept_places > 0 ? 2 * spool->kept_places : KEPT_PLACES_LEAST;
    grown.kept = memory_array(grown.kept_places, sizeof *grown.kept, err);
    if (grown.kept == NULL)
        return false;
    for (size_t i = 0; i < spool->kept_places; i++)
        if (spool->kept[i].is_taken)
            grown.kept[find_place(&grown, &spool->kept[i].digest)] = spool->kept[i];
    memory_free(spool->kept);
    spool->kept = grown.kept;
    spool->kept_places = grown.kept_places;
    return true;
}

static bool insert(struct feed_spool *spool, const struct kept_member *member, struct error *err)
{
    if (spool->kept_count >= spool->kept_places / 4 * 3 && !grow(spool, err))
        return false;
    spool->kept[find_place(spool, &member->digest)] = *member;
    spool->kept_count++;
    spool->kept_bytes += member->source.size;
    return true;
}

/* Those behind it that would not be found across a free place move up. */
static void take_out(struct feed_spool *spool, struct kept_member *member)
{
    const size_t mask = spool->kept_places - 1;
    size_t hole = (size_t)(member - spool->kept);

    spool->kept_bytes -= member->source.size;
    spool->kept_count--;
    for (size_t at = place_after(spool, hole); spool->kept[at].is_taken; at = place_after(spool, at)) {
        const size_t home = home_of(spool, &spool->kept[at].digest);

        if (((at - home) & mask) >= ((at - hole) & mask)) {
            spool->kept[hole] = spool->kept[at];
            hole = at;
        }
    }
    spool->kept[hole].is_taken = false;
}

bool feed_spool_keep(struct feed_spool *spool, const struct digest *digest, uint32_t file, const struct source *source,
                     struct error *err)
{
    struct kept_member member = {.digest = *digest, .file = file, .is_taken = true, .source = *source};
    bool ok = true;

    member.source.path = member.source.member_name = NULL;
    (void)pthread_mutex_lock(&spool->lock);
    if (find_kept(spool, digest) != NULL)
        drop(spool, file);
    else
        ok = insert(spool, &member, err);
    (void)pthread_mutex_unlock(&spool->lock);
    return ok;
}

bool feed_spool_find(struct feed_spool *spool, const struct digest *digest, struct source *source, struct error *err)
{
    char path[PATH_SIZE];
    bool ok = true;

    (void)pthread_mutex_lock(&spool->lock);
    const struct kept_member *const member = find_kept(spool, digest);
    const bool found = member != NULL;
    if (found) {
        *source = member->source;
        ok = path_join(path, spool->folder, spool->files[member->file].name, err);
    }
    (void)pthread_mutex_unlock(&spool->lock);
    source->path = found && ok ? memory_string(path, err) : NULL;
    return ok && (!found || source->path != NULL);
}

void feed_spool_release(struct feed_spool *spool, const struct digest *digest)
{
    (void)pthread_mutex_lock(&spool->lock);
    struct kept_member *const member = find_kept(spool, digest);
    if (member != NULL) {
        drop(spool, member->file);
        take_out(spool, member);
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
