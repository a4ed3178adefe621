/* An instance stops being the current one of its conflict, or becomes it: its files get links at the other address,
 * and its artefact rows follow. What stood at the old address is a leftover: the caller overwrites or removes it
 * after the commit. */
#include "publish.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "job/layout.h"

struct addresses { char current_web[PATH_SIZE], current_files[PATH_SIZE], conflict[PATH_SIZE], conflicts[PATH_SIZE]; };

static bool find_addresses(const struct instance_row *row, struct addresses *addresses, struct error *err)
{
    struct subject subject = {0};

    memcpy(subject.study, row->study, UID_SIZE);
    memcpy(subject.series, row->series, UID_SIZE);
    memcpy(subject.sop, row->sop, UID_SIZE);
    if (!layout_dicomweb_instance(&subject, addresses->current_web, err) ||
        !path_format(addresses->current_files, err, "studies/%s/%s/%s", row->study, row->series, row->sop) ||
        !path_format(addresses->conflicts, err, "studies/%s/%s/conflict/", row->study, row->series))
        return false;
    digest_hex16(&row->digest, subject.conflict);
    return layout_dicomweb_instance(&subject, addresses->conflict, err);
}

/* The same path with another beginning. What is at a conflict address may be named by the digest of former bytes. */
static bool translate(const struct addresses *addresses, const char *path, enum place place, bool to_current,
                      char translated[PATH_SIZE], struct error *err)
{
    const bool is_file = place_is_digest_named(place);
    const char *const current = is_file ? addresses->current_files : addresses->current_web;
    const size_t conflicts = strlen(addresses->conflicts), length = strlen(current);
    const char *rest = NULL;

    if (strncmp(path, addresses->conflicts, conflicts) == 0)
        rest = strchr(path + conflicts, '/');
    else if (strncmp(path, current, length) == 0 && path[length] == '/')
        rest = path + length;
    if (rest == NULL)
        return error_set(err, ERROR_CATALOGUE, "artefact \"%s\" is not below \"%s\"", path, current);
    return path_format(translated, err, "%s%s", to_current ? current : addresses->conflict, rest);
}

/* An artefact that is not where its row says, or is in the way: its instance is decoded anew. */
static bool disown(const struct publisher *publisher, const char *path, struct error *err)
{
    struct catalogue *const catalogue = publisher->catalogue;

    return catalogue_execute(catalogue,
                             "UPDATE instance SET state = 'pending' WHERE state <> 'running' AND instance_id ="
                             " (SELECT instance_id FROM artefact WHERE path = ?)", VALUES(value_text(path)), err) &&
           catalogue_execute(catalogue,
                             "UPDATE product SET options_digest = '' WHERE product_id ="
                             " (SELECT product_id FROM artefact WHERE path = ?)", VALUES(value_text(path)), err) &&
           catalogue_execute(catalogue, "DELETE FROM artefact WHERE path = ?", VALUES(value_text(path)), err);
}

static bool link_tree(const char *from, const char *to, struct error *err);

static bool link_entry(const char *from, const char *to, const char *name, struct error *err)
{
    char source[PATH_SIZE], target[PATH_SIZE];
    struct stat status;

    if (!path_join(source, from, name, err) || !path_join(target, to, name, err))
        return false;
    if (lstat(source, &status) != 0)
        return error_errno(err, errno, "cannot read \"%s\"", source);
    return S_ISDIR(status.st_mode) ? link_tree(source, target, err) : publish_link(source, target, err);
}

static bool link_tree(const char *from, const char *to, struct error *err)
{
    DIR *const folder = opendir(from);
    bool ok = folder != NULL || error_errno(err, errno, "cannot open \"%s\"", from);
    const struct dirent *entry = NULL;

    ok = ok && path_make_folder(to, 0755, err);
    while (ok && (entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            ok = link_entry(from, to, entry->d_name, err);
    if (folder != NULL)
        (void)closedir(folder);
    return ok;
}

static bool move_artefact(const struct publisher *publisher, int64_t artefact_id, const char *from, const char *to,
                          enum place place, struct leftovers *leftovers, struct error *err)
{
    char source[PATH_SIZE], target[PATH_SIZE];
    struct stat status;

    if (strcmp(from, to) == 0)
        return true;
    if (!path_format(source, err, "%s/public/%s", publisher->root, from) ||
        !path_format(target, err, "%s/public/%s", publisher->root, to))
        return false;
    if (lstat(source, &status) != 0 && errno == ENOENT)
        return disown(publisher, from, err);
    return disown(publisher, to, err) &&
           (place == PLACE_TREE ? link_tree(source, target, err) : publish_link(source, target, err)) &&
           catalogue_execute(publisher->catalogue, "UPDATE artefact SET path = ? WHERE artefact_id = ?",
                             VALUES(value_text(to), value_int(artefact_id)), err) &&
           garbage_forget(publisher->catalogue, to, err) && /* it may have left that address before */
           leftovers_add(leftovers, from, place_is_digest_named(place), err);
}

bool relocate_instance(const struct publisher *publisher, const struct instance_row *row, bool to_current,
                       struct leftovers *leftovers, struct error *err)
{
    struct addresses addresses;
    struct cursor *cursor = NULL;
    struct error ignored;
    char to[PATH_SIZE];
    bool ok = catalogue_execute(publisher->catalogue, "UPDATE instance SET is_current = ? WHERE instance_id = ?",
                                VALUES(value_int(to_current), value_int(row->instance_id)), err);

    if (!ok || !row->has_digest)
        return ok;
    ok = find_addresses(row, &addresses, err) &&
         catalogue_select(publisher->catalogue, "SELECT artefact_id, path, place FROM artefact WHERE instance_id = ?",
                          VALUES(value_int(row->instance_id)), &cursor, err);
    while (ok && cursor_next(cursor)) {
        const enum place place = (enum place)cursor_int(cursor, 2);

        ok = translate(&addresses, cursor_text(cursor, 1), place, to_current, to, err) &&
             move_artefact(publisher, cursor_int(cursor, 0), cursor_text(cursor, 1), to, place, leftovers, err);
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}
