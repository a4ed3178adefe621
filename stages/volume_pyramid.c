#include "volume_pyramid.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "volume_voxels.h"

/* A level below the first while its plane is being made. */
struct reduction {
    const struct volume_level *level;
    bool halves[SPACE]; /* of the level above */
    uint32_t taken;     /* planes of the level above, in this dimension */
    double *sums;       /* then the means; NAN: nothing there */
    uint8_t *counts;    /* voxels in each sum, at most 8 */
};

struct volume_pyramid {
    const struct volume_levels *levels;
    enum sample_type type;
    double fill;
    volume_pyramid_sink sink;
    void *client;
    double *row;                                     /* one of level 0 */
    void *voxels;                                    /* a plane of level 1 or below */
    struct reduction reductions[VOLUME_LEVELS_MOST]; /* [0] is not used */
};

static size_t plane_size(const struct volume_level *level)
{
    return (size_t)level->size[X] * level->size[Y];
}

static bool prepare(struct volume_pyramid *pyramid, struct error *err)
{
    const struct volume_levels *const levels = pyramid->levels;

    pyramid->row = memory_array(levels->level[0].size[X], sizeof *pyramid->row, err);
    if (pyramid->row == NULL)
        return false;
    for (unsigned i = 1; i < levels->count; i++) {
        struct reduction *const reduction = &pyramid->reductions[i];

        reduction->level = &levels->level[i];
        for (int axis = 0; axis < SPACE; axis++)
            reduction->halves[axis] = levels->level[i].halved[axis] > levels->level[i - 1].halved[axis];
        reduction->sums = memory_array(plane_size(reduction->level), sizeof *reduction->sums, err);
        if (reduction->sums == NULL)
            return false;
        reduction->counts = memory_array(plane_size(reduction->level), 1, err);
        if (reduction->counts == NULL)
            return false;
    }
    if (levels->count > 1) /* the largest of those that are made here */
        pyramid->voxels = memory_array(plane_size(&levels->level[1]), sample_size(pyramid->type), err);
    return levels->count == 1 || pyramid->voxels != NULL;
}

bool volume_pyramid_new(const struct volume_levels *levels, enum sample_type type, double fill,
                        volume_pyramid_sink sink, void *client, struct volume_pyramid **pyramid, struct error *err)
{
    struct volume_pyramid *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->levels = levels;
    made->type = type;
    made->fill = fill;
    made->sink = sink;
    made->client = client;
    if (!prepare(made, err)) {
        volume_pyramid_free(made);
        return false;
    }
    *pyramid = made;
    return true;
}

void volume_pyramid_free(struct volume_pyramid *pyramid)
{
    if (pyramid == NULL)
        return;
    for (unsigned i = 0; i < VOLUME_LEVELS_MOST; i++) {
        memory_free(pyramid->reductions[i].sums);
        memory_free(pyramid->reductions[i].counts);
    }
    memory_free(pyramid->row);
    memory_free(pyramid->voxels);
    memory_free(pyramid);
}

/* -- rows --------------------------------------------------------------------------------------- */

static inline void add_if_there(double value, double *sum, uint8_t *count)
{
    if (!isnan(value)) {
        *sum += value;
        (*count)++;
    }
}

/* `columns` values of the level above, some of which may be NAN. */
static void add_row_with_gaps(const double *row, uint32_t columns, bool halves, double *sums, uint8_t *counts)
{
    for (uint32_t x = 0; x < columns; x++)
        add_if_there(row[x], &sums[halves ? x / 2 : x], &counts[halves ? x / 2 : x]);
}

/* The same where all are numbers: without branches. */
static void add_row(const double *restrict row, uint32_t columns, bool halves, double *restrict sums,
                    uint8_t *restrict counts)
{
    const uint32_t whole = halves ? columns / 2 : columns;

    if (!halves) {
        for (uint32_t x = 0; x < whole; x++)
            sums[x] += row[x];
    } else {
        for (uint32_t x = 0; x < whole; x++)
            sums[x] += row[2 * x] + row[2 * x + 1];
    }
    for (uint32_t x = 0; x < whole; x++)
        counts[x] = (uint8_t)(counts[x] + (halves ? 2 : 1));
    if (halves && columns % 2 != 0) {
        sums[whole] += row[columns - 1];
        counts[whole]++;
    }
}

/* Row y of the level above. */
static void take_row(struct reduction *reduction, const double *row, uint32_t columns, uint32_t y, bool gaps)
{
    const size_t at = (size_t)(reduction->halves[Y] ? y / 2 : y) * reduction->level->size[X];

    (gaps ? add_row_with_gaps : add_row)(row, columns, reduction->halves[X], reduction->sums + at,
                                         reduction->counts + at);
}

/* -- planes ------------------------------------------------------------------------------------- */

static void take_plane(struct volume_pyramid *pyramid, const struct volume_plane *plane)
{
    const struct volume_level *const level = &pyramid->levels->level[0];
    const bool gaps = plane->has_padding || pyramid->type == SAMPLE_F32;
    const size_t row_size = level->size[X] * sample_size(pyramid->type);

    if (plane->is_hole)
        return;
    for (uint32_t y = 0; y < level->size[Y]; y++) {
        voxels_to_doubles(pyramid->type, (const uint8_t *)plane->voxels + y * row_size, level->size[X],
                          plane->has_padding ? plane->padding_low : 1, plane->has_padding ? plane->padding_high : 0,
                          pyramid->row);
        take_row(&pyramid->reductions[1], pyramid->row, level->size[X], y, gaps);
    }
}

/* The means of a level that is complete into the one below. */
static void take_means(struct reduction *reduction, const struct reduction *above)
{
    const uint32_t columns = above->level->size[X];

    for (uint32_t y = 0; y < above->level->size[Y]; y++)
        take_row(reduction, above->sums + (size_t)y * columns, columns, y, true);
}

static void make_means(struct reduction *reduction)
{
    const size_t count = plane_size(reduction->level);

    for (size_t i = 0; i < count; i++)
        reduction->sums[i] = reduction->counts[i] != 0 ? reduction->sums[i] / reduction->counts[i] : (double)NAN;
}

static void clear(struct reduction *reduction)
{
    memset(reduction->sums, 0, plane_size(reduction->level) * sizeof *reduction->sums);
    memset(reduction->counts, 0, plane_size(reduction->level));
}

/* After a plane of the level above: is one of this level complete? */
static bool is_complete(const struct reduction *reduction, const struct volume_level *above)
{
    return !reduction->halves[Z] || reduction->taken % 2 == 0 || reduction->taken == above->size[Z];
}

static bool put_means(struct volume_pyramid *pyramid, unsigned i, struct error *err)
{
    struct reduction *const reduction = &pyramid->reductions[i];
    const uint32_t slice = reduction->halves[Z] ? (reduction->taken - 1) / 2 : reduction->taken - 1;

    make_means(reduction);
    voxels_of_doubles(pyramid->type, reduction->sums, plane_size(reduction->level), pyramid->fill, pyramid->voxels);
    return pyramid->sink(pyramid->client, i, slice, pyramid->voxels, err);
}

bool volume_pyramid_add(struct volume_pyramid *pyramid, const struct volume_plane *plane, struct error *err)
{
    const struct volume_levels *const levels = pyramid->levels;

    if (!pyramid->sink(pyramid->client, 0, plane->slice, plane->voxels, err))
        return false;
    if (levels->count > 1)
        take_plane(pyramid, plane);
    for (unsigned i = 1; i < levels->count; i++) {
        struct reduction *const reduction = &pyramid->reductions[i];
        const bool is_last = ++reduction->taken == levels->level[i - 1].size[Z];

        if (!is_complete(reduction, &levels->level[i - 1]))
            return true;
        if (!put_means(pyramid, i, err))
            return false;
        if (i + 1 < levels->count)
            take_means(&pyramid->reductions[i + 1], reduction);
        clear(reduction);
        if (is_last)
            reduction->taken = 0; /* ready for the next dimension */
    }
    return true;
}
