#include "volume_levels.h"

#include <math.h>
#include <string.h>

enum { CHUNK_SIDE = 128, CHUNK_SIDE_MOST = 1024, CHUNK_BYTES_LEAST = 256 * 1024, CHUNK_BYTES_MOST = 1024 * 1024 };

uint64_t volume_level_voxels(const struct volume_level *level)
{
    return (uint64_t)level->size[X] * level->size[Y] * level->size[Z];
}

/* -- chunks ------------------------------------------------------------------------------------- */

static uint32_t pieces(uint32_t size, uint32_t most)
{
    return size / most + (size % most != 0);
}

/* The same number of chunks, as even as they can be. */
static uint32_t evened(uint32_t size, uint32_t most)
{
    return pieces(size, pieces(size, most));
}

/* The same for slices, from depths near the greatest: 100 make 4 times 25. What is left over costs memory and bytes. */
static uint32_t evened_depth(uint32_t slices, uint32_t most)
{
    uint32_t best = evened(slices, most), left_over = best * pieces(slices, best) - slices;

    for (uint32_t depth = most; left_over > 0 && depth-- > most - most / 4;) {
        const uint32_t even = evened(slices, depth), rest = even * pieces(slices, even) - slices;

        if (rest < left_over) {
            best = even;
            left_over = rest;
        }
    }
    return best;
}

static uint32_t least_of(uint64_t a, uint64_t b)
{
    return (uint32_t)(a < b ? a : b);
}

static void choose_chunk(struct volume_level *level, size_t voxel_bytes)
{
    const uint64_t plane_bytes = (uint64_t)level->size[X] * level->size[Y] * voxel_bytes;
    const uint64_t in_slab = VOLUME_SLAB_BYTES / plane_bytes;
    const uint32_t in_chunk = (uint32_t)(CHUNK_BYTES_MOST / (CHUNK_SIDE * CHUNK_SIDE * voxel_bytes));
    uint32_t depth = least_of(in_slab == 0 ? 1 : in_slab, in_chunk < 32 ? in_chunk : 32), side = CHUNK_SIDE;

    depth = least_of(depth, level->size[Z]);
    while (side < CHUNK_SIDE_MOST && (uint64_t)side * side * depth * voxel_bytes < CHUNK_BYTES_LEAST)
        side *= 2;
    level->chunk[X] = evened(level->size[X], side);
    level->chunk[Y] = evened(level->size[Y], side);
    level->chunk[Z] = evened_depth(level->size[Z], depth);
}

static void set_chunks(struct volume_level *level, size_t voxel_bytes, const struct option_ints *chunk)
{
    if (chunk->count != SPACE)
        choose_chunk(level, voxel_bytes);
    for (int axis = 0; axis < SPACE; axis++) {
        if (chunk->count == SPACE)
            level->chunk[axis] = least_of((uint64_t)chunk->values[SPACE - 1 - axis], level->size[axis]);
        level->chunks[axis] = pieces(level->size[axis], level->chunk[axis]);
    }
}

/* -- levels ------------------------------------------------------------------------------------- */

double volume_level_scale(const struct volume_level *level, const double spacing_mm[SPACE], int axis)
{
    return ldexp(spacing_mm[axis], (int)level->halved[axis]);
}

double volume_level_translation(const struct volume_level *level, const double spacing_mm[SPACE], int axis)
{
    return spacing_mm[axis] * (ldexp(1, (int)level->halved[axis]) - 1) / 2;
}

static double spacing_of(const struct volume_level *level, const double spacing_mm[SPACE], int axis)
{
    const double spacing = volume_level_scale(level, spacing_mm, axis);

    return spacing > 0 && isfinite(spacing) ? spacing : 0;
}

static struct volume_level halve(const struct volume_level *above, const double spacing_mm[SPACE])
{
    struct volume_level level = *above;
    double finest = (double)INFINITY;

    for (int axis = 0; axis < SPACE; axis++)
        if (above->size[axis] > 1)
            finest = fmin(finest, spacing_of(above, spacing_mm, axis));
    for (int axis = 0; axis < SPACE; axis++)
        if (above->size[axis] > 1 && spacing_of(above, spacing_mm, axis) <= finest * sqrt(2) * (1 + 1e-9)) {
            level.size[axis] = above->size[axis] / 2 + above->size[axis] % 2;
            level.halved[axis]++;
        }
    return level;
}

void volume_levels_plan(const uint32_t size[SPACE], const double spacing_mm[SPACE], size_t voxel_bytes,
                        const struct option_ints *chunk, struct volume_levels *levels)
{
    struct volume_level level = {.size = {size[X], size[Y], size[Z]}};

    memset(levels, 0, sizeof *levels);
    for (;;) {
        set_chunks(&level, voxel_bytes, chunk);
        levels->level[levels->count++] = level;
        if (volume_level_voxels(&level) * voxel_bytes <= VOLUME_COARSE_BYTES || levels->count == VOLUME_LEVELS_MOST)
            return;
        level = halve(&level, spacing_mm);
    }
}

unsigned volume_levels_default(const struct volume_levels *levels, int64_t max_axis)
{
    for (unsigned i = 0; i + 1 < levels->count; i++) {
        const uint32_t *const size = levels->level[i].size;

        if (size[X] <= max_axis && size[Y] <= max_axis && size[Z] <= max_axis)
            return i;
    }
    return levels->count - 1;
}
