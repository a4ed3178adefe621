#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/path.h"

enum { TRIES = 12, PAUSE_MS = 25 };

/* A child that its parent has forked a moment ago, and that has not come to exec yet, holds the lock of a parent that
 * was killed just then: so not at the first refusal. */
static bool lock_soon(int descriptor)
{
    for (int i = 0; i < TRIES; i++) {
        if (flock(descriptor, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (errno != EWOULDBLOCK || i + 1 == TRIES)
            return false;
        (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
    }
    return false;
}

bool lock_take(const char *site, int *descriptor, struct error *err)
{
    char path[PATH_SIZE];

    if (!path_join(path, site, "work/lock", err))
        return false;
    *descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*descriptor < 0)
        return error_errno(err, errno, "cannot open \"%s\"", path);
    if (lock_soon(*descriptor))
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
