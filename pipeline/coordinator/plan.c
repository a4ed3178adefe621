#include "plan.h"

#include <string.h>

struct file_identity plan_file_identity(const struct stat *status)
{
    return (struct file_identity){
        (int64_t)status->st_dev, (int64_t)status->st_ino, (int64_t)status->st_size,
        (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec,
        (int64_t)status->st_ctim.tv_sec * 1000000000 + status->st_ctim.tv_nsec};
}

bool plan_file_unchanged(const struct file_identity *then, int64_t read_ns, const struct file_identity *now)
{
    return then->device == now->device && then->inode == now->inode && then->bytes == now->bytes &&
           then->mtime_ns == now->mtime_ns && then->ctime_ns == now->ctime_ns &&
           now->mtime_ns < read_ns && now->ctime_ns < read_ns;
}

bool plan_source_order(const char *path, int64_t member, struct buffer *order, struct error *err)
{
    buffer_clear(order);
    if (!buffer_puts(order, path, err))
        return false;
    return member < 0 || buffer_printf(order, err, "\x01%012lld", (long long)member);
}

/* -- identity ---------------------------------------------------------------------------- */

static int state_rank(const struct twin *twin)
{
    switch (twin->state) {
    case INSTANCE_DONE: return 0;
    case INSTANCE_SKIPPED: return 1;
    default: return 2;
    }
}

static int rank(const struct twin *twin)
{
    return twin->settled || (twin->presumed && !twin->is_new) ? state_rank(twin) : 3;
}

static int compare_order(const struct twin *a, const struct twin *b)
{
    const int order = strcmp(a->source_order, b->source_order);

    return order != 0 ? order : (a->instance_id > b->instance_id) - (a->instance_id < b->instance_id);
}

static bool equal_bytes(const struct twin *a, const struct twin *b)
{
    return a->has_digest && b->has_digest && digest_equal(&a->digest, &b->digest);
}

/* Which of two with the same bytes keeps its row. */
static bool is_better(const struct twin *a, const struct twin *b)
{
    if (rank(a) != rank(b))
        return rank(a) < rank(b);
    return a->is_new != b->is_new ? b->is_new : a->instance_id < b->instance_id;
}

static size_t chain_of(const struct twin *twin, size_t count)
{
    uint64_t start;

    memcpy(&start, twin->digest.bytes, sizeof start);
    return (size_t)(start % count);
}

/* A series may have thousands of objects with one UID: those with the same bytes are found by their digests. */
static void chain_digests(struct twin *twins, size_t count)
{
    for (size_t i = 0; i < count; i++)
        twins[i].chain = count;
    for (size_t i = 0; i < count; i++)
        if (twins[i].has_digest) {
            struct twin *const head = &twins[chain_of(&twins[i], count)];

            twins[i].next = head->chain;
            head->chain = i;
        }
}

static void find_duplicates(struct twin *twins, size_t count)
{
    chain_digests(twins, count);
    for (size_t i = 0; i < count; i++) {
        size_t best = i, lowest = i;

        for (size_t k = twins[i].has_digest ? twins[chain_of(&twins[i], count)].chain : count; k < count;
             k = twins[k].next) {
            if (k == i || !equal_bytes(&twins[i], &twins[k]))
                continue;
            if (is_better(&twins[k], &twins[best]))
                best = k;
            if (compare_order(&twins[k], &twins[lowest]) < 0)
                lowest = k;
        }
        twins[i].same_as = best;
        twins[i].source_of = lowest;
    }
}

void plan_twins(struct twin *twins, size_t count, bool keep_first)
{
    size_t current = count;

    find_duplicates(twins, count);
    for (size_t i = 0; i < count; i++) {
        twins[i].is_current = false;
        if (twins[i].same_as != i || (!twins[i].settled && !twins[i].presumed))
            continue;
        if (current == count || state_rank(&twins[i]) < state_rank(&twins[current])) {
            current = i;
            continue;
        }
        if (state_rank(&twins[i]) > state_rank(&twins[current]))
            continue;
        /* one that stays goes by the lowest order of its duplicates */
        const int order = compare_order(&twins[twins[i].source_of], &twins[twins[current].source_of]);
        if (keep_first ? order < 0 : order > 0)
            current = i;
    }
    if (current < count)
        twins[current].is_current = true;
}

/* -- products ---------------------------------------------------------------------------- */

static bool is_for_join(const struct stage_row *stage, const char *line)
{
    const size_t length = strcspn(line, "=");

    for (size_t i = 0; i < stage->option_count; i++)
        if (stage->options[i].for_join && strlen(stage->options[i].name) == length &&
            memcmp(stage->options[i].name, line, length) == 0)
            return true;
    return false;
}

bool plan_options_digest(const struct stage_row *stage, char hex[DIGEST_HEX_SIZE], struct error *err)
{
    struct buffer lines = {0};
    struct digest digest;
    bool ok = true;

    for (const char *line = stage->canonical_options; ok && *line != '\0';) {
        const size_t length = strcspn(line, "\n");

        ok = is_for_join(stage, line) || (buffer_append(&lines, line, length, err) && buffer_puts(&lines, "\n", err));
        line += length + (line[length] == '\n');
    }
    ok = ok && digest_of(lines.data, lines.size, &digest, err);
    buffer_release(&lines);
    if (ok)
        digest_hex(&digest, hex);
    return ok;
}

bool plan_input_digest(const struct digest *source, const struct digest *window, char hex[DIGEST_HEX_SIZE],
                       struct error *err)
{
    uint8_t both[2 * DIGEST_SIZE] = {0};
    struct digest digest;

    memcpy(both, source->bytes, DIGEST_SIZE);
    if (window != NULL)
        memcpy(both + DIGEST_SIZE, window->bytes, DIGEST_SIZE);
    if (!digest_of(both, sizeof both, &digest, err))
        return false;
    digest_hex(&digest, hex);
    return true;
}

/* -- thumbnails -------------------------------------------------------------------------- */

size_t plan_thumbnail(const int64_t *information, size_t count)
{
    const size_t first = count / 4, end = count - count / 4, middle = (count - 1) / 2;
    size_t best = middle;

    for (size_t i = first; i < end; i++) {
        const size_t far = i > middle ? i - middle : middle - i;
        const size_t best_far = best > middle ? best - middle : middle - best;

        if (information[i] > information[best] || (information[i] == information[best] && far < best_far))
            best = i;
    }
    return best;
}
