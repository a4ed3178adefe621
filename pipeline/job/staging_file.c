#include "staging_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/path.h"

/* Writes all of it, whatever a call takes. */
static bool write_vector(int descriptor, struct iovec *vector, size_t count)
{
    while (count > 0) {
        ssize_t written = writev(descriptor, vector, (int)count);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        while (count > 0 && (size_t)written >= vector->iov_len) {
            written -= (ssize_t)vector->iov_len;
            vector++;
            count--;
        }
        if (count > 0) {
            vector->iov_base = (char *)vector->iov_base + written;
            vector->iov_len -= (size_t)written;
        }
    }
    return true;
}

bool staging_file_write(int descriptor, const struct part *parts, size_t part_count)
{
    enum { AT_ONCE = 16 };
    struct iovec vector[AT_ONCE];
    size_t count = 0;

    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].size > 0) {
            /* writev does not write to what iov_base points at */
            memcpy(&vector[count].iov_base, &parts[i].data, sizeof vector[count].iov_base);
            vector[count++].iov_len = parts[i].size;
        }
        if (count == AT_ONCE || (i + 1 == part_count && count > 0)) {
            if (!write_vector(descriptor, vector, count))
                return false;
            count = 0;
        }
    }
    return true;
}

/* The folders above `path` in `folder`, which are not all there. */
static bool make_folders(int folder, const char *path)
{
    char parent[PATH_SIZE];

    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        const size_t length = (size_t)(slash - path);

        memcpy(parent, path, length);
        parent[length] = '\0';
        if (mkdirat(folder, parent, 0755) != 0 && errno != EEXIST)
            return false;
    }
    return true;
}

int staging_file_create(int folder, const char *path, int mode)
{
    const int flags = mode | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int descriptor = openat(folder, path, flags, 0644);

    if (descriptor == NOTHING && errno == ENOENT && make_folders(folder, path))
        descriptor = openat(folder, path, flags, 0644);
    return descriptor;
}

bool staging_file_put(int folder, const char *path, const struct part *parts, size_t part_count, struct error *err)
{
    const int descriptor = staging_file_create(folder, path, O_WRONLY);

    if (descriptor == NOTHING)
        return error_errno(err, errno, "cannot create the staged file \"%s\"", path);
    bool ok = staging_file_write(descriptor, parts, part_count);
    int reason = errno;
    if (close(descriptor) != 0 && ok) {
        reason = errno;
        ok = false;
    }
    if (ok)
        return true;
    (void)unlinkat(folder, path, 0);
    return error_errno(err, reason, "cannot write the staged file \"%s\"", path);
}
