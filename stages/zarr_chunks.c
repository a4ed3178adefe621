#include "zarr_private.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "codec/blosc_encode.h"
#include "job/staging_tree.h"
#include "volume_voxels.h"

/* -- files -------------------------------------------------------------------------------------- */

static size_t plane_chunks(const struct volume_level *level)
{
    return (size_t)level->chunks[X] * level->chunks[Y];
}

size_t zarr_file_count(const struct zarr *zarr, unsigned level)
{
    const struct volume_level *const at = &zarr->levels.level[level];

    return at->chunks[Z] * (zarr->is_sharded ? 1 : plane_chunks(at));
}

uint64_t zarr_file_bytes(const struct zarr *zarr, unsigned level, uint32_t dimension, size_t file)
{
    return zarr->slabs[level].file_bytes[dimension * zarr_file_count(zarr, level) + file];
}

/* Zarr 3: the default chunk key encoding, "c/" before the coordinates; Zarr 2: dimension_separator "/". */
void zarr_file_path(const struct zarr *zarr, unsigned level, uint32_t dimension, size_t file, char path[ZARR_PATH])
{
    const struct volume_level *const at = &zarr->levels.level[level];
    const size_t in_slab = zarr->is_sharded ? 1 : plane_chunks(at), rest = file % in_slab;
    char further[16] = "";

    if (zarr_has_dimension(zarr))
        (void)snprintf(further, sizeof further, "%u/", dimension);
    (void)snprintf(path, ZARR_PATH, "%u/%s%s%zu/%zu/%zu", level, zarr->is_v2 ? "" : "c/", further, file / in_slab,
                   rest / at->chunks[X], rest % at->chunks[X]);
}

bool zarr_put_file(struct zarr *zarr, const char *path, const struct part *parts, size_t part_count, struct error *err)
{
    char whole[ZARR_PATH + sizeof ZARR_IMAGE];

    (void)snprintf(whole, sizeof whole, ZARR_IMAGE "/%s", path);
    return staging_tree_put(zarr->staging, whole, parts, part_count, err);
}

static bool put_file(struct zarr *zarr, unsigned level, size_t file, const struct part *parts, size_t part_count,
                     struct error *err)
{
    struct zarr_slab *const slab = &zarr->slabs[level];
    uint64_t *const bytes = &slab->file_bytes[zarr->dimension * zarr_file_count(zarr, level) + file];
    char path[ZARR_PATH];

    for (size_t i = 0; i < part_count; i++)
        *bytes += parts[i].size;
    zarr_file_path(zarr, level, zarr->dimension, file, path);
    return zarr_put_file(zarr, path, parts, part_count, err);
}

/* -- chunks ------------------------------------------------------------------------------------- */

/* Appends to zarr->coded, or points to the chunk itself where nothing is compressed. */
static bool encode(struct zarr *zarr, const uint8_t *chunk, size_t size, struct error *err)
{
    switch (zarr->coding) {
    case ZARR_BLOSC: return blosc_encode(chunk, size, sample_size(zarr->form->type), &zarr->coded, err);
    case ZARR_GZIP: return gzip_encode(zarr->gzip, chunk, size, &zarr->coded, err);
    case ZARR_NONE: break;
    }
    return true;
}

static bool put_chunks(struct zarr *zarr, unsigned level, struct error *err)
{
    const struct zarr_slab *const slab = &zarr->slabs[level];
    const size_t count = plane_chunks(&zarr->levels.level[level]);
    bool ok = true;

    for (size_t i = 0; ok && i < count; i++) {
        const uint8_t *const chunk = slab->voxels + i * slab->chunk_bytes;

        buffer_clear(&zarr->coded);
        ok = encode(zarr, chunk, slab->chunk_bytes, err);
        const struct part part = zarr->coding == ZARR_NONE ? (struct part){chunk, slab->chunk_bytes}
                                                           : (struct part){zarr->coded.data, zarr->coded.size};
        ok = ok && put_file(zarr, level, slab->z * count + i, &part, 1, err);
    }
    return ok;
}

/* CRC-32C (RFC 3720 B.4), as the index codec of Zarr's shards asks; some hundred bytes of it. */
static uint32_t crc32c(const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82F63B78) : 0);
    }
    return ~crc;
}

/* A shard is a slab: its chunks, then offset and size of each, then the index's CRC-32C (Zarr 3 sharding_indexed). */
static bool put_shard(struct zarr *zarr, unsigned level, struct error *err)
{
    const struct zarr_slab *const slab = &zarr->slabs[level];
    const size_t count = plane_chunks(&zarr->levels.level[level]);
    const bool coded = zarr->coding != ZARR_NONE;
    bool ok = true;

    buffer_clear(&zarr->coded);
    buffer_clear(&zarr->index);
    for (size_t i = 0; ok && i < count; i++) {
        const size_t from = coded ? zarr->coded.size : i * slab->chunk_bytes;

        ok = encode(zarr, slab->voxels + i * slab->chunk_bytes, slab->chunk_bytes, err) &&
             buffer_put_u64(&zarr->index, from, err) &&
             buffer_put_u64(&zarr->index, coded ? zarr->coded.size - from : slab->chunk_bytes, err);
    }
    if (!ok || !buffer_put_u32(&zarr->index, crc32c(zarr->index.data, zarr->index.size), err))
        return false;
    const struct part parts[] = {coded ? (struct part){zarr->coded.data, zarr->coded.size}
                                       : (struct part){slab->voxels, count * slab->chunk_bytes},
                                 {zarr->index.data, zarr->index.size}};
    return put_file(zarr, level, slab->z, parts, 2, err);
}

/* -- slabs -------------------------------------------------------------------------------------- */

static size_t chunk_voxels(const struct volume_level *level)
{
    return (size_t)level->chunk[X] * level->chunk[Y] * level->chunk[Z];
}

bool zarr_chunks_begin(struct zarr *zarr, struct error *err)
{
    for (unsigned i = 0; i < zarr->levels.count; i++) {
        const struct volume_level *const level = &zarr->levels.level[i];
        struct zarr_slab *const slab = &zarr->slabs[i];
        const size_t voxels = chunk_voxels(level) * plane_chunks(level);

        slab->chunk_bytes = chunk_voxels(level) * sample_size(zarr->form->type);
        slab->voxels = memory_array(plane_chunks(level), slab->chunk_bytes, err);
        if (slab->voxels == NULL)
            return false;
        slab->file_bytes =
            memory_array((size_t)zarr->form->dimensions * zarr_file_count(zarr, i), sizeof *slab->file_bytes, err);
        if (slab->file_bytes == NULL)
            return false;
        /* what lies beyond the volume in the chunks of its edges is never written again */
        voxels_fill(zarr->form->type, slab->voxels, voxels, zarr->form->fill);
    }
    return true;
}

void zarr_chunks_release(struct zarr *zarr)
{
    for (unsigned i = 0; i < VOLUME_LEVELS_MOST; i++) {
        memory_free(zarr->slabs[i].voxels);
        memory_free(zarr->slabs[i].file_bytes);
    }
}

/* Rows of a plane into the chunks they belong to. */
static void scatter(const struct zarr *zarr, unsigned level, uint32_t slice, const uint8_t *voxels)
{
    const struct volume_level *const at = &zarr->levels.level[level];
    const struct zarr_slab *const slab = &zarr->slabs[level];
    const size_t size = sample_size(zarr->form->type), row_bytes = at->chunk[X] * size;
    const size_t plane_bytes = row_bytes * at->chunk[Y];

    for (uint32_t y = 0; y < at->size[Y]; y++) {
        uint8_t *to = slab->voxels + (size_t)(y / at->chunk[Y]) * at->chunks[X] * slab->chunk_bytes +
                      slice % at->chunk[Z] * plane_bytes + y % at->chunk[Y] * row_bytes;
        size_t left = at->size[X] * size;

        for (uint32_t x = 0; x < at->chunks[X]; x++, to += slab->chunk_bytes) {
            const size_t some = left < row_bytes ? left : row_bytes;

            memcpy(to, voxels, some);
            voxels += some;
            left -= some;
        }
    }
}

/* The planes that the last slab of a level does not have. */
static void fill_rest(const struct zarr *zarr, unsigned level)
{
    const struct volume_level *const at = &zarr->levels.level[level];
    const struct zarr_slab *const slab = &zarr->slabs[level];
    const size_t plane = (size_t)at->chunk[X] * at->chunk[Y], from = slab->planes * plane;
    const size_t size = sample_size(zarr->form->type);

    for (size_t i = 0; i < plane_chunks(at); i++)
        voxels_fill(zarr->form->type, slab->voxels + i * slab->chunk_bytes + from * size, chunk_voxels(at) - from,
                    zarr->form->fill);
}

bool zarr_put_plane(struct zarr *zarr, unsigned level, uint32_t slice, const void *voxels, struct error *err)
{
    const struct volume_level *const at = &zarr->levels.level[level];
    struct zarr_slab *const slab = &zarr->slabs[level];

    scatter(zarr, level, slice, voxels);
    slab->planes++;
    if (slab->planes < at->chunk[Z] && slice + 1 < at->size[Z])
        return true;
    fill_rest(zarr, level);
    slab->z = slice / at->chunk[Z];
    slab->planes = 0;
    return zarr->is_sharded ? put_shard(zarr, level, err) : put_chunks(zarr, level, err);
}
