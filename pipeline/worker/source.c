#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "source_private.h"

bool sources_new(const char *spool_folder, struct sources **sources, struct error *err)
{
    struct sources *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->spool_folder = spool_folder;
    made->descriptor = -1;
    *sources = made;
    return true;
}

void sources_free(struct sources *sources)
{
    if (sources == NULL)
        return;
    sources_close(sources);
    source_zip_free(sources->archive);
    buffer_release(&sources->content);
    buffer_release(&sources->packed);
    memory_free(sources);
}

bool sources_open(struct sources *sources, const struct source *source, enum source_purpose purpose,
                  const struct bytes **bytes, struct error *err)
{
    sources_close(sources);
    *bytes = &sources->bytes;
    if (source->kind == SOURCE_SPOOL)
        return source_spool_open(sources, source, err);
    return source->kind == SOURCE_MEMBER ? source_zip_open(sources, source, purpose, err)
                                         : source_file_open(sources, source, purpose, err);
}

void sources_close(struct sources *sources)
{
    if (sources->descriptor >= 0)
        (void)close(sources->descriptor); /* only read from, or unlinked: nothing can be lost */
    sources->descriptor = -1;
    source_zip_close_member(sources->archive);
    if (sources->content.capacity > SOURCE_KEPT_MOST)
        buffer_release(&sources->content);
    if (sources->packed.capacity > SOURCE_KEPT_MOST)
        buffer_release(&sources->packed);
}

bool spool_temporary(const char *spool_folder, int *descriptor, struct error *err)
{
    int found = open(spool_folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (found < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) { /* overlay, some network disks */
        char path[PATH_SIZE];

        if (!path_format(path, err, "%s/temporary-%ld", spool_folder, (long)getpid()))
            return false;
        found = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (found >= 0)
            (void)unlink(path);
    }
    if (found < 0)
        return error_errno(err, errno, "cannot make a temporary file in \"%s\"", spool_folder);
    *descriptor = found;
    return true;
}

bool ratio_is_fair(uint64_t in, uint64_t out, struct error *err)
{
    if (out <= LIMIT(INFLATE_FREE_BYTES) || out / LIMIT(INFLATE_RATIO) <= in)
        return true;
    return error_set(err, ERROR_LIMIT,
                     "%" PRIu64 " packed bytes gave %" PRIu64 ", more than INFLATE_RATIO allows (%" PRIu64 ":1)", in,
                     out, LIMIT(INFLATE_RATIO));
}
