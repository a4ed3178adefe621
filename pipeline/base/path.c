#include "path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    REMOVE_DEPTH = 128, /* one descriptor a level; no tree of ours is deeper than 16 */
    READ_STEP = 64 * 1024
};

bool path_format(char out[PATH_SIZE], struct error *err, const char *format, ...)
{
    char text[PATH_SIZE]; /* an argument may be `out` itself */
    va_list arguments;

    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= PATH_SIZE)
        return error_set(err, ERROR_LIMIT, "a path needs %d bytes, the limit is %d: \"%.80s...\"",
                         length, PATH_SIZE - 1, length < 0 ? "" : text);
    memcpy(out, text, (size_t)length + 1);
    return true;
}

bool path_join(char out[PATH_SIZE], const char *a, const char *b, struct error *err)
{
    const size_t length = strlen(a);
    const bool bare = length == 0 || a[length - 1] == '/';

    return path_format(out, err, "%s%s%s", a, bare ? "" : "/", b);
}

static bool is_safe_component(const char *name, size_t length)
{
    if (length == 0 || length > NAME_MAX || (length == 1 && name[0] == '.') ||
        (length == 2 && name[0] == '.' && name[1] == '.'))
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F || name[i] == '\\')
            return false;
    return true;
}

bool path_is_safe_relative(const char *path)
{
    if (path == NULL || strnlen(path, PATH_SIZE) == PATH_SIZE)
        return false;
    for (;;) {
        const size_t length = strcspn(path, "/");
        if (!is_safe_component(path, length))
            return false;
        if (path[length] == '\0')
            return true;
        path += length + 1;
    }
}

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Makes the folders of part[0..length) from the lowest that is missing: those above are mostly there, and
 * asking for each of them costs more than the one that is made. `part` comes back as it was. */
static bool make_from_below(char *part, size_t length, mode_t mode, struct error *err)
{
    size_t end = length; /* part[0..end) is to be made next */
    bool down = false;   /* what is above is there: a folder that cannot be found now never will (/proc/x) */

    for (;;) {
        const char kept = part[end];
        part[end] = '\0';
        const bool made = mkdir(part, mode) == 0;
        const int why = errno;
        /* also where mkdir says EROFS or EACCES of a folder that is there */
        const bool there = made || (why != ENOENT && is_folder(part));
        if (!there && (why != ENOENT || down))
            return error_errno(err, why, "cannot make folder \"%s\"", part);
        part[end] = kept;
        if (there && end == length)
            return true;
        if (there) {
            down = true;
            end++;
            while (end < length && (part[end] != '/' || part[end - 1] == '/'))
                end++;
            continue;
        }
        while (end > 0 && part[end - 1] != '/')
            end--;
        while (end > 0 && part[end - 1] == '/')
            end--;
        if (end == 0)
            return error_errno(err, ENOENT, "cannot make folder \"%s\"", part);
    }
}

bool path_make_folder(const char *path, mode_t mode, struct error *err)
{
    char part[PATH_MAX];
    size_t length = strnlen(path, sizeof part);

    if (length == 0 || length == sizeof part)
        return error_set(err, ERROR_LIMIT, "a folder's name has %zu bytes, the limit is %d",
                         length, PATH_MAX - 1);
    memcpy(part, path, length + 1);
    while (length > 1 && part[length - 1] == '/')
        part[--length] = '\0';
    return make_from_below(part, length, mode, err);
}

/* The folder that holds `path`, into `out` of PATH_MAX bytes. */
static bool parent_of(const char *path, char out[PATH_MAX], struct error *err)
{
    const char *const slash = strrchr(path, '/');
    const size_t length = slash == NULL ? 0 : (size_t)(slash - path);

    if (length >= PATH_MAX)
        return error_set(err, ERROR_LIMIT, "a path has %zu bytes, the limit is %d", strlen(path),
                         PATH_MAX - 1);
    memcpy(out, path, length);
    out[length] = '\0';
    if (length == 0)
        memcpy(out, slash == NULL ? "." : "/", 2);
    return true;
}

bool path_make_parent(const char *path, mode_t mode, struct error *err)
{
    char folder[PATH_MAX];

    return parent_of(path, folder, err) && path_make_folder(folder, mode, err);
}

void path_spread_below(const char *path)
{
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int flags = 0;

    if (folder < 0)
        return;
    if (ioctl(folder, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_TOPDIR_FL) == 0) {
        flags |= FS_TOPDIR_FL;
        (void)ioctl(folder, FS_IOC_SETFLAGS, &flags); /* a hint */
    }
    (void)close(folder);
}

static bool remove_below(int folder, const char *name, int depth, struct error *err);

/* Removes what is in the open folder; takes the descriptor. */
static bool empty_folder(int descriptor, const char *name, int depth, struct error *err)
{
    DIR *const folder = fdopendir(descriptor);
    bool ok = true;

    if (folder == NULL) {
        const int why = errno;
        (void)close(descriptor);
        return error_errno(err, why, "cannot read folder \"%s\"", name);
    }
    while (ok) {
        errno = 0;
        const struct dirent *const entry = readdir(folder);
        if (entry == NULL) {
            if (errno != 0)
                ok = error_errno(err, errno, "cannot read folder \"%s\"", name);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = remove_below(dirfd(folder), entry->d_name, depth + 1, err);
    }
    (void)closedir(folder); /* was only read */
    return ok;
}

static bool remove_below(int folder, const char *name, int depth, struct error *err)
{
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno != EISDIR && errno != EPERM)
        return error_errno(err, errno, "cannot remove \"%s\"", name);
    if (depth > REMOVE_DEPTH)
        return error_set(err, ERROR_LIMIT, "folders nest deeper than %d at \"%s\"", REMOVE_DEPTH,
                         name);
    const int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner < 0)
        return errno == ENOENT || error_errno(err, errno, "cannot open folder \"%s\"", name);
    if (!empty_folder(inner, name, depth, err))
        return false;
    if (unlinkat(folder, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return error_errno(err, errno, "cannot remove folder \"%s\"", name);
    return true;
}

bool path_remove_tree(const char *path, struct error *err)
{
    return remove_below(AT_FDCWD, path, 0, err);
}

static bool read_descriptor(int descriptor, const char *path, size_t most, struct buffer *out,
                            struct error *err)
{
    const size_t before = out->size;
    struct stat status;
    size_t step = READ_STEP;

    if (fstat(descriptor, &status) != 0)
        return error_errno(err, errno, "cannot read \"%s\"", path);
    if (S_ISREG(status.st_mode) && (uint64_t)status.st_size > most)
        return error_set(err, ERROR_LIMIT, "\"%s\" has %lld bytes, the limit is %zu", path,
                         (long long)status.st_size, most);
    if (S_ISREG(status.st_mode))
        step = (size_t)status.st_size + 1; /* one read, and one that finds the end */
    for (;;) {
        if (!buffer_reserve(out, step, err))
            return false;
        const ssize_t n = read(descriptor, out->data + out->size, step);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, errno, "cannot read \"%s\"", path);
        out->size += (size_t)n;
        out->data[out->size] = 0;
        if (out->size - before > most)
            return error_set(err, ERROR_LIMIT, "\"%s\" has more than %zu bytes", path, most);
        if (n == 0)
            return true;
        step = READ_STEP;
    }
}

bool path_read_file(const char *path, size_t most, struct buffer *out, struct error *err)
{
    const size_t before = out->size;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);

    if (descriptor < 0)
        return error_errno(err, errno, "cannot open \"%s\"", path);
    const bool ok = read_descriptor(descriptor, path, most, out, err);
    (void)close(descriptor);
    if (!ok && out->data != NULL) {
        out->size = before;
        out->data[before] = 0;
    }
    return ok;
}

static bool write_all(int descriptor, const char *path, const void *data, size_t size,
                      struct error *err)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = write(descriptor, (const char *)data + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, errno, "cannot write \"%s\"", path);
        done += (size_t)n;
    }
    return true;
}

static bool write_new(const char *path, const void *data, size_t size, bool sync,
                      struct error *err)
{
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok;

    if (descriptor < 0)
        return error_errno(err, errno, "cannot create \"%s\"", path);
    ok = write_all(descriptor, path, data, size, err);
    if (ok && sync && fsync(descriptor) != 0)
        ok = error_errno(err, errno, "cannot sync \"%s\"", path);
    if (close(descriptor) != 0 && ok)
        ok = error_errno(err, errno, "cannot close \"%s\"", path);
    return ok;
}

bool path_write_file(const char *path, const void *data, size_t size, struct error *err)
{
    return write_new(path, data, size, false, err);
}

static bool has_content(const char *path, const void *data, size_t size)
{
    struct buffer there = {0};
    struct error ignored;
    const bool same = path_read_file(path, size, &there, &ignored) && there.size == size &&
                      (size == 0 || memcmp(there.data, data, size) == 0);

    buffer_release(&there);
    return same;
}

static bool sync_parent(const char *path, struct error *err)
{
    char folder[PATH_MAX];
    bool ok = true;

    if (!parent_of(path, folder, err))
        return false;
    const int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return error_errno(err, errno, "cannot open folder \"%s\"", folder);
    if (fsync(descriptor) != 0)
        ok = error_errno(err, errno, "cannot sync folder \"%s\"", folder);
    if (close(descriptor) != 0 && ok)
        ok = error_errno(err, errno, "cannot close folder \"%s\"", folder);
    return ok;
}

bool path_replace_file(const char *path, const void *data, size_t size, struct error *err)
{
    char part[PATH_SIZE];

    if (has_content(path, data, size))
        return true;
    if (!path_format(part, err, "%s.part", path))
        return false;
    if (!write_new(part, data, size, true, err)) {
        (void)unlink(part);
        return false;
    }
    if (rename(part, path) != 0) {
        (void)error_errno(err, errno, "cannot rename \"%s\" to \"%s\"", part, path);
        (void)unlink(part);
        return false;
    }
    return sync_parent(path, err);
}
