#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/path.h"

bool lock_take(const char *site, int *descriptor, struct error *err)
{
    char path[PATH_SIZE];

    if (!path_join(path, site, "work/lock", err))
        return false;
    *descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*descriptor < 0)
        return error_errno(err, errno, "cannot open \"%s\"", path);
    if (flock(*descriptor, LOCK_EX | LOCK_NB) == 0)
        return true;
    const int code = errno;
    (void)close(*descriptor);
    *descriptor = -1;
    if (code == EWOULDBLOCK)
        return error_set(err, ERROR_BUSY, "another run holds the site \"%s\"", site);
    return error_errno(err, code, "cannot lock \"%s\"", path);
}

void lock_release(int descriptor)
{
    if (descriptor >= 0)
        (void)close(descriptor);
}
