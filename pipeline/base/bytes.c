#include "bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_memory(const struct bytes *bytes, uint64_t offset, void *to, size_t size,
                        size_t *got, struct error *err)
{
    (void)err;
    const uint64_t left = offset < bytes->size ? bytes->size - offset : 0;

    *got = size < left ? size : (size_t)left;
    if (*got > 0)
        memcpy(to, bytes->memory + offset, *got);
    return true;
}

static bool read_descriptor(const struct bytes *bytes, uint64_t offset, void *to, size_t size,
                            size_t *got, struct error *err)
{
    size_t done = 0;

    if (offset > INT64_MAX - size)
        return error_set(err, ERROR_IO, "cannot read at offset %" PRIu64, offset);
    while (done < size) {
        const ssize_t n = pread(bytes->descriptor, (char *)to + done, size - done,
                                (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, errno, "cannot read %zu bytes at offset %" PRIu64, size,
                               offset);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *got = done;
    return true;
}

struct bytes bytes_of_memory(const void *data, size_t size)
{
    return (struct bytes){.size = size, .read = read_memory, .memory = data, .descriptor = -1};
}

bool bytes_of_descriptor(int descriptor, struct bytes *bytes, struct error *err)
{
    struct stat status;

    if (fstat(descriptor, &status) != 0)
        return error_errno(err, errno, "cannot ask for the size of an open file");
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_IO, "expected a regular file, found mode %o",
                         (unsigned)status.st_mode);
    *bytes = (struct bytes){
        .size = (uint64_t)status.st_size, .read = read_descriptor, .descriptor = descriptor};
    return true;
}

bool bytes_read_all(const struct bytes *bytes, uint64_t offset, void *to, size_t size,
                    struct error *err)
{
    size_t got = 0;

    if (!bytes->read(bytes, offset, to, size, &got, err))
        return false;
    if (got < size)
        return error_set(err, ERROR_TRUNCATED,
                         "expected %zu bytes at offset %" PRIu64 ", found %zu", size, offset, got);
    return true;
}
