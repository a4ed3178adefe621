#include "catalogue_source.h"

#include <stdio.h>
#include <time.h>

#include "base/path.h"

bool source_find(struct catalogue *catalogue, const char *path, struct file_identity *identity, int64_t *read_ns,
                 bool *found, struct error *err)
{
    struct cursor *cursor = NULL;

    if (!catalogue_select(catalogue,
                          "SELECT device, inode, bytes, mtime_ns, ctime_ns, read_ns FROM source_file WHERE path = ?",
                          VALUES(value_text(path)), &cursor, err))
        return false;
    *found = cursor_next(cursor);
    if (*found) {
        *identity = (struct file_identity){cursor_int(cursor, 0), cursor_int(cursor, 1), cursor_int(cursor, 2),
                                           cursor_int(cursor, 3), cursor_int(cursor, 4)};
        *read_ns = cursor_int(cursor, 5);
    }
    return cursor_end(cursor, err);
}

bool source_put(struct catalogue *catalogue, const char *path, const struct file_identity *identity,
                int64_t read_ns, struct error *err)
{
    return catalogue_execute(catalogue,
                             "INSERT INTO source_file (path, device, inode, bytes, mtime_ns, ctime_ns, read_ns)"
                             " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (path) DO UPDATE SET device = ?2,"
                             " inode = ?3, bytes = ?4, mtime_ns = ?5, ctime_ns = ?6, read_ns = iif(read_ns = ?8, ?8, ?7)",
                             VALUES(value_text(path), value_int(identity->device), value_int(identity->inode),
                                    value_int(identity->bytes), value_int(identity->mtime_ns),
                                    value_int(identity->ctime_ns), value_int(read_ns), value_int(SOURCE_OFFERED)),
                             err);
}

bool source_begin(struct catalogue *catalogue, const char *path, struct error *err)
{
    return catalogue_execute(catalogue, "UPDATE source_file SET read_ns = 0 WHERE path = ? AND read_ns = ?",
                             VALUES(value_text(path), value_int(SOURCE_OFFERED)), err);
}

static struct value index_value(const struct origin *origin)
{
    return origin->member_index < 0 ? value_null() : value_int(origin->member_index);
}

bool source_reject(struct catalogue *catalogue, const struct origin *origin, const char *reason,
                   const char *detail, struct error *err)
{
    return catalogue_execute(catalogue,
                             "INSERT OR REPLACE INTO rejected (source, member, member_index, reason, detail)"
                             " VALUES (?, ?, ?, ?, ?)",
                             VALUES(value_text(origin->path), value_text(origin->member), index_value(origin),
                                    value_text(reason), value_filled(detail)),
                             err);
}

/* All duplicates of the same bytes say the same: one of them tells whether the others do. */
static bool retell_duplicates(struct catalogue *catalogue, const char *hex, const char *text, struct error *err)
{
    int64_t another = 0;

    return catalogue_number(catalogue,
                            "SELECT detail IS NOT ? FROM rejected WHERE source_digest = ? AND reason = 'duplicate' LIMIT 1",
                            VALUES(value_text(text), value_text(hex)), 0, &another, err) &&
           (another == 0 ||
            catalogue_execute(catalogue,
                              "UPDATE rejected SET detail = ? WHERE source_digest = ? AND reason = 'duplicate'",
                              VALUES(value_text(text), value_text(hex)), err));
}

bool source_reject_duplicate(struct catalogue *catalogue, const struct origin *origin, const struct digest *digest,
                             const struct origin *winner, struct error *err)
{
    char hex[DIGEST_HEX_SIZE];
    struct error text; /* a text of bounded size that is cut where a character ends */

    digest_hex(digest, hex);
    (void)error_set(&text, ERROR_NONE, "the same bytes as \"%s\"%s%s%s", winner->path,
                    winner->member != NULL ? ", member \"" : "", winner->member != NULL ? winner->member : "",
                    winner->member != NULL ? "\"" : "");
    return retell_duplicates(catalogue, hex, text.text, err) &&
           source_reject(catalogue, origin, "duplicate", text.text, err) &&
           catalogue_execute(catalogue,
                             "UPDATE rejected SET source_digest = ? WHERE source = ?"
                             " AND coalesce(member, '') = coalesce(?, '') AND coalesce(member_index, -1) = ?",
                             VALUES(value_text(hex), value_text(origin->path), value_text(origin->member),
                                    value_int(origin->member_index)),
                             err);
}

bool source_offer_again(struct catalogue *catalogue, const struct digest *digest, bool *any, struct error *err)
{
    char hex[DIGEST_HEX_SIZE];

    digest_hex(digest, hex);
    if (!catalogue_execute(catalogue,
                           "UPDATE source_file SET read_ns = ? WHERE path IN (SELECT source FROM rejected"
                           " WHERE source_digest = ? AND reason = 'duplicate')",
                           VALUES(value_int(SOURCE_OFFERED), value_text(hex)), err))
        return false;
    *any = *any || catalogue_changes(catalogue) > 0;
    return catalogue_execute(catalogue, "DELETE FROM rejected WHERE source_digest = ? AND reason = 'duplicate'",
                             VALUES(value_text(hex)), err);
}

bool source_unreject(struct catalogue *catalogue, const char *path, bool is_same, struct error *err)
{
    return catalogue_execute(catalogue,
                             "DELETE FROM rejected WHERE source = ? AND NOT (? AND (reason = 'removed'"
                             " OR (reason = 'duplicate' AND member IS NOT NULL)))",
                             VALUES(value_text(path), value_int(is_same)), err);
}

bool source_is_removed(struct catalogue *catalogue, const struct origin *origin, bool *removed, struct error *err)
{
    int64_t count = 0;
    const bool ok = catalogue_number(catalogue,
                                     "SELECT count(*) FROM rejected WHERE source = ? AND coalesce(member, '') ="
                                     " coalesce(?, '') AND coalesce(member_index, -1) = ? AND reason = 'removed'",
                                     VALUES(value_text(origin->path), value_text(origin->member),
                                            value_int(origin->member_index)), 0, &count, err);

    *removed = count != 0;
    return ok;
}

bool source_unreject_one(struct catalogue *catalogue, const struct origin *origin, struct error *err)
{
    return catalogue_execute(catalogue,
                             "DELETE FROM rejected WHERE source = ? AND coalesce(member, '') = coalesce(?, '')"
                             " AND coalesce(member_index, -1) = ?",
                             VALUES(value_text(origin->path), value_text(origin->member),
                                    value_int(origin->member_index)),
                             err);
}

bool garbage_add(struct catalogue *catalogue, const char *path, struct error *err)
{
    char whole[PATH_SIZE];

    return path_join(whole, "public", path, err) &&
           catalogue_execute(catalogue, "INSERT OR IGNORE INTO garbage (path, since_ns) VALUES (?, ?)",
                             VALUES(value_text(whole), value_int(clock_now_ns())), err);
}

bool garbage_forget(struct catalogue *catalogue, const char *path, struct error *err)
{
    char whole[PATH_SIZE];

    return path_join(whole, "public", path, err) &&
           catalogue_execute(catalogue, "DELETE FROM garbage WHERE path = ?", VALUES(value_text(whole)), err);
}

int64_t clock_now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
