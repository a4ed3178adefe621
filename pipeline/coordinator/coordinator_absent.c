/* Duplicates in an archive that it does not hold any more: a row goes by the member that has its bytes now, and the one
 * that had them before the archive changed became its duplicate. It is not offered any more. */
#include "coordinator_private.h"

#include <string.h>

#include "coordinator/catalogue_source.h"

/* Without an index: the hash of the name. */
static uint64_t hash_member(const char *name, int64_t index)
{
    return hash_text(name) ^ (uint64_t)(index + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

bool absent_tell(struct hash_set *told, const char *name, int64_t index, struct error *err)
{
    return hash_set_add(told, hash_member(name, index), err);
}

bool absent_may_be(struct coordinator *c, const char *path, const struct file_identity *now, bool *changed,
                   struct error *err)
{
    struct file_identity then;
    int64_t read_ns = 0;
    bool found = false;

    if (!source_find(c->catalogue, path, &then, &read_ns, &found, err))
        return false;
    *changed = found && memcmp(&then, now, sizeof then) != 0;
    return true;
}

bool absent_forget(struct coordinator *c, const char *path, const struct hash_set *told, const struct hash_set *inner,
                   struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = catalogue_select(c->catalogue,
                               "SELECT member, coalesce(member_index, -1) FROM rejected WHERE source = ?"
                               " AND reason = 'duplicate' AND member IS NOT NULL ORDER BY member || ''",
                               VALUES(value_text(path)), &cursor, err);

    while (ok && cursor_next(cursor)) {
        const struct origin origin = {path, cursor_text(cursor, 0), cursor_int(cursor, 1), ""};

        const uint64_t hash = hash_member(origin.member, origin.member_index);

        if (!hash_set_has(told, hash) && !hash_set_has(inner, hash))
            ok = source_unreject_one(c->catalogue, &origin, err);
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}
