/* verify: published files against rows, both ways; --deep decodes the lossless frames */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "coordinator/command.h"
#include "coordinator/coordinator.h"
#include "coordinator/join.h"
#include "coordinator/session.h"
#include "coordinator/tree.h"
#include "job/layout.h"

struct verification {
    const struct settings *settings;
    struct session session;
    uint64_t files, bytes, problems;
    struct buffer out;
    struct json json;
};

/* One line, or one element. */
static bool report(struct verification *v, const char *what, const char *path, const char *detail, struct error *err)
{
    v->problems++;
    if (!v->settings->json)
        return buffer_printf(&v->out, err, "%s %s%s%s\n", what, path, detail[0] != '\0' ? ": " : "", detail);
    json_open_object(&v->json);
    json_member_text(&v->json, "problem", what);
    json_member_text(&v->json, "path", path);
    json_member_text(&v->json, "detail", detail[0] != '\0' ? detail : NULL);
    json_close(&v->json);
    return true;
}

/* -- rows against files ------------------------------------------------------------------ */

static bool digest_file(const char *path, uint64_t *size, struct digest *digest, struct error *err)
{
    struct bytes bytes;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (descriptor < 0)
        return error_errno(err, errno, "cannot open");
    const bool ok = bytes_of_descriptor(descriptor, &bytes, err) && digest_of_bytes(&bytes, digest, err);
    *size = bytes.size;
    (void)close(descriptor);
    return ok;
}

/* As the manifest of a tree has it: where the name of the tree stands in one of its files, zeros (schema/layout.md). */
static bool digest_unnamed(const char *path, const char *tree_hex, struct digest *digest, struct error *err)
{
    enum { SIZE_MOST = 1 << 20, DIGITS = DIGEST16_SIZE - 1 };
    struct buffer text = {0};
    bool ok = path_read_file(path, SIZE_MOST, &text, err);
    uint8_t *const name = ok ? memmem(text.data, text.size, tree_hex, DIGITS) : NULL;

    if (name != NULL)
        memset(name, '0', DIGITS);
    ok = ok && digest_of(text.data, text.size, digest, err);
    buffer_release(&text);
    return ok;
}

/* `tree_hex`: of the tree that the file is in; NULL: of none. */
static bool check_file(struct verification *v, const char *path, uint64_t expected_size, const char *expected_hex,
                       const char *tree_hex, struct error *err)
{
    char whole[PATH_SIZE], detail[160];
    struct digest expected, found;
    struct error why = {0};
    uint64_t size = 0;

    if (!path_format(whole, err, "%s/public/%s", v->settings->site, path))
        return false;
    v->files++;
    if (!digest_file(whole, &size, &found, &why))
        return report(v, "missing", path, why.text, err);
    v->bytes += size;
    if (size != expected_size) {
        (void)snprintf(detail, sizeof detail, "%llu bytes, expected %llu", (unsigned long long)size,
                       (unsigned long long)expected_size);
        return report(v, "size", path, detail, err);
    }
    if (!digest_parse(expected_hex, &expected) ||
        (!digest_equal(&expected, &found) &&
         (tree_hex == NULL || !digest_unnamed(whole, tree_hex, &found, &why) || !digest_equal(&expected, &found))))
        return report(v, "digest", path, "other bytes than those that were published", err);
    return true;
}

/* Lines `sha256 TAB bytes TAB path`. */
static bool check_tree_line(struct verification *v, const char *tree, const char *hex, char *line, struct error *err)
{
    char path[PATH_SIZE];
    char *const size = strchr(line, '\t');
    char *const name = size != NULL ? strchr(size + 1, '\t') : NULL;

    if (name == NULL)
        return report(v, "digest", tree, "manifest.tsv is malformed", err);
    *size = *name = '\0';
    return path_format(path, err, "%s/%s", tree, name + 1) &&
           check_file(v, path, strtoull(size + 1, NULL, 10), line, hex, err);
}

static bool check_tree(struct verification *v, const char *tree, const char *hex, struct error *err)
{
    enum { MANIFEST_MOST = 1 << 28 };
    char path[PATH_SIZE];
    struct buffer text = {0};
    struct digest expected, found;
    struct error why = {0};
    bool ok = path_format(path, err, "%s/public/%s/manifest.tsv", v->settings->site, tree);

    if (ok && !path_read_file(path, MANIFEST_MOST, &text, &why)) {
        ok = report(v, "missing", tree, why.text, err);
    } else if (ok) {
        ok = digest_of(text.data, text.size, &found, err);
        if (ok && (!digest_parse(hex, &expected) || !digest_equal(&expected, &found)))
            ok = report(v, "digest", tree, "another manifest.tsv than the published one", err);
        for (char *line = text.size > 0 ? (char *)text.data : NULL, *end; ok && line != NULL && *line != '\0'; line = end) {
            end = line + strcspn(line, "\n");
            if (*end == '\n')
                *end++ = '\0';
            ok = check_tree_line(v, tree, hex, line, err);
        }
    }
    buffer_release(&text);
    return ok;
}

static bool check_rows(struct verification *v, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(v->session.catalogue,
                               "SELECT a.path, a.place, a.bytes, a.sha256 FROM artefact a JOIN product p USING (product_id)"
                               " LEFT JOIN instance i ON i.instance_id = a.instance_id"
                               " WHERE p.state = 'done' AND coalesce(i.state, 'done') NOT IN ('pending', 'running')"
                               " ORDER BY a.path", NO_VALUES, &cursor, err);

    while (ok && cursor_next(cursor))
        ok = cursor_int(cursor, 1) == PLACE_TREE
                 ? check_tree(v, cursor_text(cursor, 0), cursor_text(cursor, 3), err)
                 : check_file(v, cursor_text(cursor, 0), (uint64_t)cursor_int(cursor, 2), cursor_text(cursor, 3), NULL, err);
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

/* -- site files -------------------------------------------------------------------------- */

static bool on_difference(void *client, const char *path, const char *what, struct error *err)
{
    struct verification *const v = client;

    if (what != NULL)
        return report(v, what, path, "", err);
    v->files++;
    return catalogue_execute(v->session.catalogue, "INSERT OR IGNORE INTO temp.told (path) VALUES (?)",
                             VALUES(value_text(path)), err);
}

static bool check_site_files(struct verification *v, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_execute(v->session.catalogue, "CREATE TEMP TABLE told (path TEXT PRIMARY KEY) WITHOUT ROWID",
                                NO_VALUES, err);

    site_context_on_difference(v->session.site, on_difference, v);
    ok = ok && catalogue_begin(v->session.catalogue, err);
    if (!ok)
        return false;
    ok = catalogue_select(v->session.catalogue,
                          "SELECT study_instance_uid FROM study WHERE state = 'done' ORDER BY study_instance_uid",
                          NO_VALUES, &cursor, err);
    while (ok && cursor_next(cursor))
        ok = site_apply(v->session.site, site_join_study, cursor_text(cursor, 0), err);
    ok = cursor_end(cursor, ok ? err : &ignored) && ok;
    ok = ok && site_apply(v->session.site, site_finish, "", err);
    /* a join writes the digest of what it published: the same again; told paths must outlive it */
    return ok ? catalogue_commit(v->session.catalogue, err) : (catalogue_rollback(v->session.catalogue), false);
}

/* -- files against rows ------------------------------------------------------------------ */

static bool on_entry(void *client, const char *path, const struct stat *status, bool *enter, struct error *err)
{
    struct verification *const v = client;
    const char *const relative = path + strlen(v->settings->site) + strlen("/public/");
    int64_t known = 0;

    if (!catalogue_number(v->session.catalogue,
                          "SELECT 1 WHERE EXISTS (SELECT 1 FROM artefact WHERE path = ?1)"
                          " OR EXISTS (SELECT 1 FROM garbage WHERE path = 'public/' || ?1)"
                          " OR EXISTS (SELECT 1 FROM temp.told WHERE path = ?1)",
                          VALUES(value_text(relative)), 0, &known, err))
        return false;
    *enter = known == 0; /* a tree was checked as a whole */
    return known != 0 || S_ISDIR(status->st_mode) || report(v, "unexpected", relative, "", err);
}

static bool check_files(struct verification *v, struct error *err)
{
    char path[PATH_SIZE];

    return path_join(path, v->settings->site, "public", err) && tree_walk(path, on_entry, NULL, v, err);
}

/* -- the command ------------------------------------------------------------------------- */

static bool verify_deep(struct settings *settings, uint64_t *frames, uint64_t *bad, struct error *err)
{
    struct coordinator *coordinator = NULL;

    if (!coordinator_open(settings, &coordinator, err))
        return false;
    const bool ok = coordinator_verify(coordinator, frames, bad, err);
    coordinator_close(coordinator);
    return ok;
}

static bool verify_shallow(struct verification *v, struct error *err)
{
    const struct session_wishes wishes = {.as_it_is = true};

    if (!session_open(v->settings->site, wishes, &v->session, err))
        return false;
    if (v->settings->json) {
        json_begin(&v->json, &v->out);
        json_open_array(&v->json);
    }
    bool ok = check_rows(v, err) && check_site_files(v, err) && check_files(v, err);
    if (v->settings->json && ok) {
        json_close(&v->json);
        ok = json_finish(&v->json, err) && buffer_puts(&v->out, "\n", err);
    }
    session_close(&v->session);
    return ok && command_print(&v->out, err);
}

bool command_verify(struct settings *settings, enum exit_status *status, struct error *err)
{
    struct verification v = {.settings = settings, .session = {.lock = -1}};
    uint64_t frames = 0, bad = 0;
    char line[200], decoded[64] = "";
    bool ok = verify_shallow(&v, err);

    buffer_release(&v.out);
    ok = ok && (!settings->deep || verify_deep(settings, &frames, &bad, err));
    if (!ok)
        return false;
    if (settings->deep)
        (void)snprintf(decoded, sizeof decoded, ", %llu frame%s decoded", (unsigned long long)frames,
                       frames == 1 ? "" : "s");
    (void)snprintf(line, sizeof line, "slicepress: %llu files, %.1f MB verified%s: %llu problem%s",
                   (unsigned long long)v.files, (double)v.bytes / 1e6, decoded,
                   (unsigned long long)(v.problems + bad), v.problems + bad == 1 ? "" : "s");
    log_event(LOG_INFO, "verified", line, NULL);
    *status = v.problems + bad > 0 ? EXIT_SOME_FAILED : EXIT_ALL_DONE;
    return true;
}
