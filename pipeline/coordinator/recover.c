#include "recover.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/catalogue_run.h"
#include "coordinator/catalogue_source.h"
#include "dicom/uid.h"

bool recover_make_folders(const char *root, struct error *err)
{
    static const struct { const char *name; bool spread; } folders[] = {
        {"public", true}, {"work/staging", true}, {"work/spool", false}};
    char path[PATH_SIZE];

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (!path_join(path, root, folders[i].name, err) || !path_make_folder(path, 0755, err))
            return false;
        if (folders[i].spread)
            path_spread_below(path);
    }
    return true;
}

/* -- walking ----------------------------------------------------------------------------- */

typedef bool visit(void *client, const char *folder, const char *name, bool is_folder, struct error *err);

/* Every name in a folder (absolute), in no order; absent is an empty one. */
static bool each_name(const char *folder, visit *function, void *client, struct error *err)
{
    DIR *const stream = opendir(folder);
    const struct dirent *entry = NULL;
    char path[PATH_SIZE];
    struct stat status;
    bool ok = true;

    if (stream == NULL)
        return errno == ENOENT || error_errno(err, errno, "cannot open folder \"%s\"", folder);
    while (ok && (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        ok = path_join(path, folder, entry->d_name, err);
        if (ok && lstat(path, &status) == 0)
            ok = function(client, folder, entry->d_name, S_ISDIR(status.st_mode), err);
    }
    (void)closedir(stream);
    return ok;
}

static bool remove_name(void *client, const char *folder, const char *name, bool is_folder, struct error *err)
{
    char path[PATH_SIZE];

    (void)client;
    (void)is_folder;
    return path_join(path, folder, name, err) && path_remove_tree(path, err);
}

static bool empty_folder(const char *root, const char *name, struct error *err)
{
    char path[PATH_SIZE];

    return path_join(path, root, name, err) && each_name(path, remove_name, NULL, err);
}

bool recover_empty_work(const char *root, struct error *err)
{
    return empty_folder(root, "work/staging", err) && empty_folder(root, "work/spool", err);
}

/* -- strays ------------------------------------------------------------------------------ */

struct search {
    struct catalogue *catalogue;
    size_t skip; /* length of "ROOT/public/" */
    recover_stray *stray;
    void *client;
    visit *inner;
};

static bool is_known(struct search *search, const char *path, bool *known, struct error *err)
{
    char whole[PATH_SIZE];
    int64_t found = 0;

    if (!path_join(whole, "public", path, err) ||
        !catalogue_number(search->catalogue,
                          "SELECT 1 WHERE EXISTS (SELECT 1 FROM artefact WHERE path = ?)"
                          " OR EXISTS (SELECT 1 FROM garbage WHERE path = ?)",
                          VALUES(value_text(path), value_text(whole)), 0, &found, err))
        return false;
    *known = found != 0;
    return true;
}

static bool check_name(void *client, const char *folder, const char *name, bool is_folder, struct error *err)
{
    struct search *const search = client;
    char path[PATH_SIZE];
    bool known = false;

    (void)is_folder; /* a tree is one artefact */
    if (!path_join(path, folder, name, err) || !is_known(search, path + search->skip, &known, err))
        return false;
    return known || search->stray(search->client, path + search->skip, err);
}

static bool has_row(struct search *search, const char *sql, const char *one, const char *two, bool *found,
                    struct error *err)
{
    int64_t count = 0;
    const struct value values[] = {value_text(one), value_text(two)};
    const bool ok = catalogue_number(search->catalogue, sql, values, two != NULL ? 2 : 1, 0, &count, err);

    *found = count != 0;
    return ok;
}

/* What is no artefact itself, but holds artefacts. */
static bool holds_files(const char *name, bool is_folder)
{
    return is_folder && (strcmp(name, "frames") == 0 || strcmp(name, "j2k") == 0 || strcmp(name, "lossy") == 0 ||
                         strcmp(name, "bulkdata") == 0);
}

/* dicomweb/studies/S/series/E/instances/U: {frames,j2k,lossy,bulkdata}/NAME, thumbnail and rendered */
static bool check_instance(void *client, const char *folder, const char *name, bool is_folder, struct error *err)
{
    struct search *const search = client;
    char path[PATH_SIZE];

    if (!is_folder)
        return true; /* a site file (metadata) */
    if (!path_join(path, folder, name, err))
        return false;
    return each_name(path, search->inner, client, err);
}

static bool check_web_entry(void *client, const char *folder, const char *name, bool is_folder, struct error *err)
{
    char path[PATH_SIZE];

    if ((strcmp(name, "thumbnail") == 0 || strcmp(name, "rendered") == 0) && !is_folder)
        return check_name(client, folder, name, is_folder, err);
    if (holds_files(name, is_folder))
        return path_join(path, folder, name, err) && each_name(path, check_name, client, err);
    return true;
}

static bool check_web_series(void *client, const char *folder, const char *name, bool is_folder, struct error *err)
{
    struct search *const search = client;
    char path[PATH_SIZE];

    if (!is_folder || !uid_is_valid(name))
        return true;
    search->inner = check_web_entry;
    return path_format(path, err, "%s/%s/instances", folder, name) && each_name(path, check_instance, client, err);
}

/* studies/S/E: what U and conflict/D hold */
static bool check_file_entry(void *client, const char *folder, const char *name, bool is_folder, struct error *err)
{
    if (holds_files(name, is_folder))
        return check_web_entry(client, folder, name, is_folder, err);
    return check_name(client, folder, name, is_folder, err);
}

static bool check_file_folder(void *client, const char *folder, const char *name, bool is_folder, struct error *err)
{
    struct search *const search = client;
    char path[PATH_SIZE];

    if (!is_folder) /* series.DIGEST.json is the site's own; others are of the series */
        return strncmp(name, "series.", strlen("series.")) == 0 || check_name(client, folder, name, is_folder, err);
    search->inner = check_file_entry;
    if (!path_join(path, folder, name, err))
        return false;
    if (strcmp(name, "conflict") == 0)
        return each_name(path, check_instance, client, err);
    if (uid_is_valid(name))
        return each_name(path, check_name, client, err);
    return check_name(client, folder, name, is_folder, err); /* a tree of the series */
}

static bool check_file_series(void *client, const char *folder, const char *name, bool is_folder, struct error *err)
{
    char path[PATH_SIZE];

    if (!is_folder || !uid_is_valid(name))
        return true;
    return path_join(path, folder, name, err) && each_name(path, check_file_folder, client, err);
}

static bool check_web_study(void *client, const char *folder, const char *name, bool is_folder, struct error *err)
{
    struct search *const search = client;
    char path[PATH_SIZE];
    bool found = false;

    if (!is_folder || !path_join(path, folder, name, err) ||
        !has_row(search, "SELECT 1 FROM study WHERE study_instance_uid = ?", name, NULL, &found, err))
        return !is_folder;
    if (!found)
        return search->stray(search->client, path + search->skip, err);
    return path_join(path, path, "series", err) && each_name(path, check_web_series, client, err);
}

static bool check_file_study(void *client, const char *folder, const char *name, bool is_folder, struct error *err)
{
    struct search *const search = client;
    char path[PATH_SIZE];
    bool found = false;

    if (!is_folder || !path_join(path, folder, name, err) ||
        !has_row(search, "SELECT 1 FROM study WHERE study_instance_uid = ?", name, NULL, &found, err))
        return !is_folder;
    if (!found)
        return search->stray(search->client, path + search->skip, err);
    return each_name(path, check_file_series, client, err);
}

bool recover_find_strays(struct catalogue *catalogue, const char *root, recover_stray *stray, void *client,
                         struct error *err)
{
    struct search search = {.catalogue = catalogue, .skip = strlen(root) + strlen("/public/"), .stray = stray,
                            .client = client};
    char path[PATH_SIZE];

    return path_join(path, root, "public/dicomweb/studies", err) &&
           each_name(path, check_web_study, &search, err) && path_join(path, root, "public/studies", err) &&
           each_name(path, check_file_study, &search, err);
}

/* -- the recovery ------------------------------------------------------------------------ */

static bool remove_stray(void *client, const char *path, struct error *err)
{
    char whole[PATH_SIZE];

    return path_format(whole, err, "%s/public/%s", (const char *)client, path) && path_remove_tree(whole, err);
}

/* What the spool held of an archive without random access is gone: it is read again if a series of its members was not
 * finished. */
static bool offer_archives_again(struct catalogue *catalogue, struct error *err)
{
    return catalogue_execute(catalogue,
                             "UPDATE source_file SET read_ns = 0 WHERE path IN (SELECT i.source FROM instance i JOIN series s"
                             " USING (study_instance_uid, series_instance_uid) WHERE s.state = 'pending'"
                             " AND i.source <> '-' AND " SOURCE_IS_FED("i") ")",
                             NO_VALUES, err);
}

/* A member of a stream has no address: what never settled comes again with the stream. */
static bool repair_rows(struct catalogue *catalogue, struct error *err)
{
    return offer_archives_again(catalogue, err) &&
           catalogue_execute(catalogue,
                             "UPDATE instance SET state = 'pending' WHERE state = 'running'"
                             " AND state IN ('pending', 'running')", NO_VALUES, err) &&
           catalogue_execute(catalogue,
                             "DELETE FROM instance WHERE state = 'pending' AND state IN ('pending', 'running')"
                             " AND " SOURCE_IS_FED("instance")
                             " AND NOT EXISTS (SELECT 1 FROM product p WHERE p.instance_id = instance.instance_id)",
                             NO_VALUES, err) &&
           catalogue_execute(catalogue,
                             "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM instance i WHERE"
                             " i.study_instance_uid = series.study_instance_uid"
                             " AND i.series_instance_uid = series.series_instance_uid)", NO_VALUES, err) &&
           catalogue_execute(catalogue,
                             "DELETE FROM study WHERE NOT EXISTS (SELECT 1 FROM series s WHERE"
                             " s.study_instance_uid = study.study_instance_uid)", NO_VALUES, err);
}

bool recover_site(struct catalogue *catalogue, const char *root, bool *repaired, struct error *err)
{
    if (!run_was_interrupted(catalogue, repaired, err))
        return false;
    if (!*repaired)
        return true;
    if (!recover_empty_work(root, err) ||
        !recover_find_strays(catalogue, root, remove_stray, (void *)root, err))
        return false;
    if (!catalogue_begin(catalogue, err))
        return false;
    if (!repair_rows(catalogue, err)) {
        catalogue_rollback(catalogue);
        return false;
    }
    return catalogue_commit(catalogue, err);
}

/* -- a copy ------------------------------------------------------------------------------ */

bool recover_make_copy(const char *root, char copy[PATH_SIZE], struct error *err)
{
    struct catalogue *catalogue = NULL;
    const char *const folder = getenv("TMPDIR");
    char from[PATH_SIZE], to[PATH_SIZE];
    struct stat status;

    if (!path_join(copy, folder != NULL ? folder : "/tmp", "slicepress-dry-XXXXXX", err))
        return false;
    if (mkdtemp(copy) == NULL) {
        const int code = errno;
        copy[0] = '\0';
        return error_errno(err, code, "cannot make a folder for the dry run");
    }
    if (!path_join(from, root, "catalogue.sqlite", err) || !path_join(to, copy, "catalogue.sqlite", err))
        return false;
    if (stat(from, &status) != 0)
        return true;
    const bool ok = catalogue_open(root, CATALOGUE_READ, &catalogue, err) &&
                    catalogue_execute(catalogue, "VACUUM INTO ?", VALUES(value_text(to)), err);
    catalogue_close(catalogue);
    return ok;
}
