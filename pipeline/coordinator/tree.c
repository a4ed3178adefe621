#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

struct walk {
    tree_visit *visit;
    tree_leave *leave;
    void *client;
};

static bool walk_folder(const struct walk *walk, const char *folder, struct error *err);

static bool walk_entry(const struct walk *walk, const char *folder, const char *name, struct error *err)
{
    char path[PATH_SIZE];
    struct stat status;
    bool enter = true;

    if (!path_join(path, folder, name, err))
        return false;
    if (lstat(path, &status) != 0)
        return errno == ENOENT || error_errno(err, errno, "cannot read \"%s\"", path);
    if (!walk->visit(walk->client, path, &status, &enter, err))
        return false;
    if (!S_ISDIR(status.st_mode) || !enter)
        return true;
    return walk_folder(walk, path, err) && (walk->leave == NULL || walk->leave(walk->client, path, err));
}

static bool walk_folder(const struct walk *walk, const char *folder, struct error *err)
{
    DIR *const stream = opendir(folder);
    const struct dirent *entry = NULL;
    bool ok = true;

    if (stream == NULL)
        return errno == ENOENT || error_errno(err, errno, "cannot open folder \"%s\"", folder);
    while (ok && (entry = readdir(stream)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = walk_entry(walk, folder, entry->d_name, err);
    (void)closedir(stream);
    return ok;
}

bool tree_walk(const char *root, tree_visit *visit, tree_leave *leave, void *client, struct error *err)
{
    const struct walk walk = {visit, leave, client};

    return walk_folder(&walk, root, err);
}

static bool look(void *client, const char *path, const struct stat *status, bool *enter, struct error *err)
{
    (void)client;
    (void)path;
    (void)status;
    (void)enter;
    (void)err;
    return true;
}

static bool remove_if_empty(void *client, const char *path, struct error *err)
{
    (void)client;
    if (rmdir(path) == 0 || errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT)
        return true;
    return error_errno(err, errno, "cannot remove folder \"%s\"", path);
}

bool tree_prune(const char *root, struct error *err)
{
    return tree_walk(root, look, remove_if_empty, NULL, err);
}
