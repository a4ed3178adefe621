#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/memory.h"
#include "coordinator/catalogue_source.h"

struct folder {
    size_t path_length; /* of the scan's path, without the slash at the end */
    char **names;       /* sorted; owned */
    size_t count, at, capacity;
};

struct scan {
    char *const *inputs;
    size_t input_count, input;
    dev_t site_device;
    ino_t site_inode;
    char path[sizeof ((struct scan_file *)0)->path];
    struct folder *folders; /* a stack */
    size_t depth, capacity;
    char **too_deep; /* folders that were not entered; owned */
    size_t deep_count, deep_capacity;
};

/* -- folders ----------------------------------------------------------------------------- */

static void folder_release(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++)
        memory_free(folder->names[i]);
    memory_free(folder->names);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(struct folder *folder, const char *name, struct error *err)
{
    void *names = folder->names;
    char *const copy = memory_string(name, err);

    if (copy == NULL || !memory_grow(&names, &folder->capacity, folder->count + 1, sizeof *folder->names, err)) {
        memory_free(copy);
        return false;
    }
    folder->names = names;
    folder->names[folder->count++] = copy;
    return true;
}

static bool read_folder(const char *path, struct folder *folder, struct error *err)
{
    DIR *const stream = opendir(path);
    const struct dirent *entry = NULL;
    bool ok = stream != NULL || error_errno(err, errno, "cannot open folder \"%s\"", path);

    errno = 0;
    while (ok && (entry = readdir(stream)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = add_name(folder, entry->d_name, err);
    if (ok && errno != 0)
        ok = error_errno(err, errno, "cannot read folder \"%s\"", path);
    if (stream != NULL)
        (void)closedir(stream);
    if (ok && folder->count > 1)
        qsort(folder->names, folder->count, sizeof *folder->names, compare_names);
    return ok;
}

/* Told at the end; the other folders go on. */
static bool add_too_deep(struct scan *scan, struct error *err)
{
    void *paths = scan->too_deep;
    char *const copy = memory_string(scan->path, err);

    if (copy == NULL || !memory_grow(&paths, &scan->deep_capacity, scan->deep_count + 1, sizeof *scan->too_deep, err)) {
        memory_free(copy);
        return false;
    }
    scan->too_deep = paths;
    scan->too_deep[scan->deep_count++] = copy;
    return true;
}

size_t scan_too_deep(const struct scan *scan, char *const **paths)
{
    *paths = scan->too_deep;
    return scan->deep_count;
}

static bool push_folder(struct scan *scan, struct error *err)
{
    void *folders = scan->folders;
    struct folder folder = {.path_length = strlen(scan->path)};

    while (folder.path_length > 1 && scan->path[folder.path_length - 1] == '/')
        folder.path_length--;
    if (scan->depth >= LIMIT(FOLDER_DEPTH))
        return add_too_deep(scan, err);
    if (!read_folder(scan->path, &folder, err) ||
        !memory_grow(&folders, &scan->capacity, scan->depth + 1, sizeof *scan->folders, err)) {
        folder_release(&folder);
        return false;
    }
    scan->folders = folders;
    scan->folders[scan->depth++] = folder;
    return true;
}

/* -- files ------------------------------------------------------------------------------- */

static const char *odd_kind(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG: return NULL;
    case S_IFLNK: return "a symbolic link";
    case S_IFIFO: return "a pipe";
    case S_IFSOCK: return "a socket";
    default: return "a device";
    }
}

static void fill(struct scan_file *file, const char *path, const struct stat *status)
{
    (void)snprintf(file->path, sizeof file->path, "%s", path);
    file->identity = plan_file_identity(status);
    file->odd = odd_kind(status->st_mode);
}

static bool is_site(const struct scan *scan, const struct stat *status)
{
    return status->st_dev == scan->site_device && status->st_ino == scan->site_inode;
}

/* Makes scan->path the next name of the innermost folder; false: that folder is done. */
static bool next_name(struct scan *scan)
{
    struct folder *const folder = &scan->folders[scan->depth - 1];

    while (folder->at < folder->count) {
        const char *const name = folder->names[folder->at++];

        scan->path[folder->path_length] = '\0';
        const char *const slash = folder->path_length == 1 && scan->path[0] == '/' ? "" : "/";
        const size_t room = sizeof scan->path - folder->path_length;
        if ((size_t)snprintf(scan->path + folder->path_length, room, "%s%s", slash, name) < room)
            return true;
    }
    folder_release(folder);
    scan->depth--;
    return false;
}

/* The directory of a medium, by its meta information (PS3.10): UID 1.2.840.10008.1.3.10 near the beginning. */
static bool is_media_directory(const char *path)
{
    enum { PREAMBLE = 128, LOOK = 512 };
    static const char uid[] = "1.2.840.10008.1.3.10";
    char head[LOOK];
    FILE *const stream = fopen(path, "rbe");

    if (stream == NULL)
        return false;
    const size_t size = fread(head, 1, sizeof head, stream);
    (void)fclose(stream);
    return size > PREAMBLE + 4 && memcmp(head + PREAMBLE, "DICM", 4) == 0 &&
           memmem(head + PREAMBLE, size - PREAMBLE, uid, sizeof uid - 1) != NULL;
}

/* A DICOMDIR that is named by itself stands for its medium: the folder that holds it. */
static bool push_medium(struct scan *scan, struct error *err)
{
    struct stat status;
    char *const slash = strrchr(scan->path, '/');

    slash[slash == scan->path] = '\0';
    if (stat(scan->path, &status) != 0)
        return error_errno(err, errno, "cannot read input \"%s\"", scan->path);
    return is_site(scan, &status) || push_folder(scan, err);
}

static bool next_input(struct scan *scan, struct scan_file *file, bool *found, struct error *err)
{
    const char *const input = scan->inputs[scan->input++];
    struct stat status;

    if (strcmp(input, "-") == 0)
        return true;
    if (stat(input, &status) != 0)
        return error_errno(err, errno, "cannot read input \"%s\"", input);
    if ((size_t)snprintf(scan->path, sizeof scan->path, "%s", input) >= sizeof scan->path)
        return error_set(err, ERROR_LIMIT, "input \"%s\" has too long a name", input);
    if (S_ISDIR(status.st_mode))
        return is_site(scan, &status) || push_folder(scan, err);
    if (S_ISREG(status.st_mode) && strchr(input, '/') != NULL && is_media_directory(input))
        return push_medium(scan, err);
    fill(file, input, &status);
    *found = true;
    return true;
}

static bool next_entry(struct scan *scan, struct scan_file *file, bool *found, struct error *err)
{
    struct stat status;

    if (!next_name(scan))
        return true;
    if (lstat(scan->path, &status) != 0) /* gone since it was listed */
        return errno == ENOENT || error_errno(err, errno, "cannot read \"%s\"", scan->path);
    if (S_ISDIR(status.st_mode))
        return is_site(scan, &status) || push_folder(scan, err);
    fill(file, scan->path, &status);
    *found = true;
    return true;
}

bool scan_next(struct scan *scan, struct scan_file *file, bool *found, struct error *err)
{
    *found = false;
    while (!*found && (scan->depth > 0 || scan->input < scan->input_count))
        if (!(scan->depth > 0 ? next_entry(scan, file, found, err) : next_input(scan, file, found, err)))
            return false;
    return true;
}

bool scan_open(char *const *inputs, size_t count, const char *site, struct scan **scan, struct error *err)
{
    struct stat status;
    struct scan *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->inputs = inputs;
    made->input_count = count;
    if (stat(site, &status) == 0) {
        made->site_device = status.st_dev;
        made->site_inode = status.st_ino;
    }
    *scan = made;
    return true;
}

void scan_close(struct scan *scan)
{
    if (scan == NULL)
        return;
    for (size_t i = 0; i < scan->deep_count; i++)
        memory_free(scan->too_deep[i]);
    memory_free(scan->too_deep);
    while (scan->depth > 0)
        folder_release(&scan->folders[--scan->depth]);
    memory_free(scan->folders);
    memory_free(scan);
}
