/* zarr.c - a volume as OME-Zarr: 0.5 on Zarr 3, or 0.4 on Zarr 2 (https://ngff.openmicroscopy.org)
 *
 *     volume-1.DIGEST16/volume.json                  for pages: levels and chunks in the order in which to fetch them
 *     volume-1.DIGEST16/image.ome.zarr/zarr.json     the group: axes, levels, window, orientation
 *     volume-1.DIGEST16/image.ome.zarr/0/zarr.json   level 0, the finest
 *     volume-1.DIGEST16/image.ome.zarr/0/c/Z/Y/X     its chunks, or a shard for each Z
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "job/staging_tree.h"
#include "volume_voxels.h"
#include "zarr_private.h"

/* -- begin -------------------------------------------------------------------------------------- */

static bool zarr_is_on(const struct volume_options *options)
{
    (void)options;
    return true;
}

static enum zarr_coding coding_of(const char *word)
{
    return strcmp(word, "blosc") == 0 ? ZARR_BLOSC : strcmp(word, "gzip") == 0 ? ZARR_GZIP : ZARR_NONE;
}

static size_t coarse_voxels(const struct zarr *zarr)
{
    return (size_t)volume_level_voxels(&zarr->levels.level[zarr->levels.count - 1]);
}

static void keep_coarse(struct zarr *zarr, uint32_t slice, const void *voxels)
{
    const struct volume_level *const level = &zarr->levels.level[zarr->levels.count - 1];
    const size_t bytes = (size_t)level->size[X] * level->size[Y] * sample_size(zarr->form->type);

    memcpy(zarr->coarse + slice * bytes, voxels, bytes);
}

static bool take_level(void *client, unsigned level, uint32_t slice, const void *voxels, struct error *err)
{
    struct zarr *const zarr = client;

    if (level + 1 == zarr->levels.count && zarr->dimension == 0)
        keep_coarse(zarr, slice, voxels);
    return zarr_put_plane(zarr, level, slice, voxels, err);
}

static bool open_tree(struct zarr *zarr, struct error *err)
{
    const struct artefact_spec spec = {
        .place = PLACE_TREE,
        .name = zarr->form->name,
        .media_type = "application/vnd+zarr",
        .columns = zarr->form->size[X],
        .rows = zarr->form->size[Y]
    };

    return staging_tree(zarr->staging, &spec, err);
}

static bool zarr_begin(struct volume_writer *writer, struct error *err)
{
    struct zarr *const zarr = writer->state;
    const size_t voxel_bytes = sample_size(writer->form->type);

    zarr->form = writer->form;
    zarr->options = writer->options;
    zarr->staging = writer->staging;
    zarr->is_v2 = strcmp(writer->options->format, "0.4") == 0;
    zarr->is_sharded = writer->options->shards;
    zarr->coding = coding_of(writer->options->compress);
    zarr->least = (double)INFINITY;
    zarr->most = (double)-INFINITY;
    volume_levels_plan(zarr->form->size, zarr->form->spacing_mm, voxel_bytes, &zarr->options->chunk, &zarr->levels);
    zarr->coarse = memory_array(coarse_voxels(zarr), voxel_bytes, err);
    return zarr->coarse != NULL && (zarr->coding != ZARR_GZIP || gzip_encoder_new(&zarr->gzip, err)) &&
           zarr_chunks_begin(zarr, err) &&
           volume_pyramid_new(&zarr->levels, zarr->form->type, zarr->form->fill, take_level, zarr, &zarr->pyramid,
                              err) &&
           open_tree(zarr, err);
}

/* -- planes ------------------------------------------------------------------------------------- */

static bool zarr_plane(struct volume_writer *writer, const struct volume_plane *plane, struct error *err)
{
    struct zarr *const zarr = writer->state;
    const size_t count = (size_t)zarr->form->size[X] * zarr->form->size[Y];

    zarr->dimension = plane->dimension;
    if (!plane->is_hole)
        voxels_extent(zarr->form->type, plane->voxels, count, plane->has_padding ? plane->padding_low : 1,
                      plane->has_padding ? plane->padding_high : 0, &zarr->least, &zarr->most);
    return volume_pyramid_add(zarr->pyramid, plane, err);
}

/* -- the window --------------------------------------------------------------------------------- */

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

/* The 0.5th to the 99.5th percentile of the coarsest level, holes and padding aside. */
static bool window_of_voxels(struct zarr *zarr, struct error *err)
{
    const struct volume_form *const form = zarr->form;
    const bool has_holes = form->volume->missing_count > 0;
    const size_t count = coarse_voxels(zarr);
    double *const values = memory_array(count, sizeof *values, err);
    size_t there = 0;

    if (values == NULL)
        return false;
    voxels_to_doubles(form->type, zarr->coarse, count, form->has_padding ? form->padding_low : 1,
                      form->has_padding ? form->padding_high : 0, values);
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]) && !(has_holes && values[i] == form->fill))
            values[there++] = values[i];
    qsort(values, there, sizeof *values, compare_doubles);
    zarr->window_low = there > 0 ? values[there / 200] : 0;
    zarr->window_high = there > 0 ? values[there - 1 - there / 200] : 1;
    memory_free(values);
    return true;
}

/* From modality values to voxels. PS3.3 C.11.2.1.2.1: LINEAR spans width - 1 around center - 0.5. */
static void window_of_form(struct zarr *zarr)
{
    const struct window *const window = zarr->form->window;
    const double shift = window->function == VOI_LINEAR ? 0.5 : 0, width = window->width - 2 * shift;
    const double low = (window->center - shift - width / 2 - zarr->form->intercept) / zarr->form->slope;
    const double high = (window->center - shift + width / 2 - zarr->form->intercept) / zarr->form->slope;

    zarr->window_low = fmin(low, high);
    zarr->window_high = fmax(low, high);
}

static bool find_window(struct zarr *zarr, struct error *err)
{
    if (zarr->form->window != NULL && window_is_valid(zarr->form->window) && zarr->form->slope != 0)
        window_of_form(zarr);
    else if (!window_of_voxels(zarr, err))
        return false;
    if (!(zarr->window_high > zarr->window_low))
        zarr->window_high = zarr->window_low + 1;
    return true;
}

/* -- end ---------------------------------------------------------------------------------------- */

static bool zarr_end(struct volume_writer *writer, struct error *err)
{
    struct zarr *const zarr = writer->state;

    return find_window(zarr, err) && zarr_put_metadata(zarr, err) && zarr_put_description(zarr, err) &&
           staging_tree_end(zarr->staging, err);
}

static void zarr_release(struct volume_writer *writer)
{
    struct zarr *const zarr = writer->state;

    volume_pyramid_free(zarr->pyramid);
    zarr_chunks_release(zarr);
    gzip_encoder_free(zarr->gzip);
    buffer_release(&zarr->coded);
    buffer_release(&zarr->index);
    memory_free(zarr->coarse);
    if (zarr->staging != NULL)
        staging_tree_drop(zarr->staging); /* what did not end */
}

const struct volume_sink volume_zarr_sink = {
    .name = "zarr",
    .uses_stream = false,
    .state_size = sizeof(struct zarr),
    .is_on = zarr_is_on,
    .begin = zarr_begin,
    .plane = zarr_plane,
    .end = zarr_end,
    .release = zarr_release,
};
