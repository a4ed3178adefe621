#include "source_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOADED_MOST = 8 << 20 }; /* larger files are read piece by piece */

bool source_file_descriptor(const char *path, int *descriptor, struct error *err)
{
    struct stat status;
    /* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
    const int found = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (found < 0)
        return error_errno(err, errno, "cannot open \"%s\"", path);
    if (fstat(found, &status) != 0 || !S_ISREG(status.st_mode)) {
        (void)close(found);
        return error_set(err, ERROR_IO, "\"%s\" is no regular file", path);
    }
    *descriptor = found;
    return true;
}

bool source_file_load(struct sources *sources, int descriptor, uint64_t size, struct error *err)
{
    struct bytes file = {0};

    buffer_clear(&sources->content);
    if (!bytes_of_descriptor(descriptor, &file, err) ||
        !buffer_reserve(&sources->content, (size_t)size, err) ||
        !bytes_read_all(&file, 0, sources->content.data, (size_t)size, err))
        return false;
    sources->content.size = (size_t)size;
    sources->bytes = bytes_of_memory(sources->content.data, (size_t)size);
    return true;
}

bool source_file_open(struct sources *sources, const struct source *source, enum source_purpose purpose,
                      struct error *err)
{
    struct bytes *const bytes = &sources->bytes;

    if (!source_file_descriptor(source->path, &sources->descriptor, err) ||
        !bytes_of_descriptor(sources->descriptor, bytes, err))
        return false;
    if (source->size != 0 && bytes->size != source->size)
        return error_set(err, ERROR_IO, "changed while it was read: expected %" PRIu64 " bytes, found %" PRIu64,
                         source->size, bytes->size);
    if (purpose == SOURCE_HEADER || bytes->size > LOADED_MOST)
        return true;
    return source_file_load(sources, sources->descriptor, bytes->size, err);
}
