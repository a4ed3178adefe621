/* full_disk.c - preloaded: the n-th change of a file fails, as on a full disk, or is cut short
 *
 *     FULL_DISK_BELOW=/site FULL_DISK_AT=120 FULL_DISK_COUNT=/tmp/count LD_PRELOAD=full_disk.so slicepress ...
 *
 * Calls of all processes of a run are counted together, in the file FULL_DISK_COUNT. From the n-th on every write
 * fails with ENOSPC; FULL_DISK_SHORT=1: the n-th write is cut to half and all others succeed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned *counter;
static unsigned long from;
static int cut;
static const char *below;

__attribute__((constructor)) static void begin(void)
{
    const char *const count = getenv("FULL_DISK_COUNT"), *const at = getenv("FULL_DISK_AT");

    below = getenv("FULL_DISK_BELOW");
    if (count == NULL || at == NULL || below == NULL)
        return;
    const int descriptor = open(count, O_RDWR | O_CLOEXEC);
    void *const page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);

    close(descriptor);
    from = strtoul(at, NULL, 10);
    cut = getenv("FULL_DISK_SHORT") != NULL;
    counter = page == MAP_FAILED ? NULL : page;
}

/* Regular files below the site only: pipes, logs and stderr are no disk. */
static int is_below(int descriptor)
{
    char link[64], path[4096];
    struct stat status;

    if (counter == NULL || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = '\0';
    return strncmp(path, below, strlen(below)) == 0;
}

/* 0: as usual, 1: fail, 2: half */
static int fate(int descriptor)
{
    if (!is_below(descriptor))
        return 0;
    const unsigned long number = __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
    if (cut)
        return number == from ? 2 : 0;
    return number >= from ? 1 : 0;
}

ssize_t write(int descriptor, const void *data, size_t size)
{
    static ssize_t (*real)(int, const void *, size_t);
    const int what = fate(descriptor);

    if (real == NULL)
        real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (what == 1) {
        errno = ENOSPC;
        return -1;
    }
    return real(descriptor, data, what == 2 && size > 1 ? size / 2 : size);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    const int what = fate(descriptor);

    if (real == NULL)
        real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    if (what == 1) {
        errno = ENOSPC;
        return -1;
    }
    return real(descriptor, data, what == 2 && size > 1 ? size / 2 : size, offset);
}
