#include "zarr_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "job/staging_tree.h"
#include "volume_voxels.h"

/* -- what the volume is ------------------------------------------------------------------------- */

static void put_reals(struct json *j, const double *values, int count)
{
    json_open_array(j);
    for (int i = 0; i < count; i++)
        json_put_real(j, values[i]);
    json_close(j);
}

static void put_grid(struct json *j, const struct volume_form *form)
{
    const struct volume *const volume = form->volume;

    json_member_int(j, "columns", form->size[X]);
    json_member_int(j, "rows", form->size[Y]);
    json_member_int(j, "slices", form->size[Z]);
    json_member_int(j, "dimensions", form->dimensions);
    if (form->dimensions > 1)
        json_member_text(j, "dimension_name", volume->dimension_name);
    json_member_text(j, "space", "LPS");
    json_key(j, "affine");
    zarr_put_affine(j, form);
    json_key(j, "spacing_mm");
    put_reals(j, form->spacing_mm, SPACE);
}

static void put_voxels(struct json *j, const struct zarr *zarr)
{
    const struct volume_form *const form = zarr->form;

    json_member_text(j, "voxel_type", voxel_type_word(form->type));
    json_member_int(j, "bits_stored", form->volume->bits_stored);
    json_member_real(j, "slope", form->slope);
    json_member_real(j, "intercept", form->intercept);
    if (form->has_padding) {
        const double padding[2] = {form->padding_low, form->padding_high};

        json_key(j, "padding");
        put_reals(j, padding, 2);
    }
    json_key(j, "fill");
    zarr_put_voxel(j, form, form->fill);
    if (zarr->least <= zarr->most) {
        json_member_real(j, "least", zarr->least);
        json_member_real(j, "most", zarr->most);
    }
    json_member_bool(j, "inverse", form->is_inverse);
    json_key(j, "window"); /* in modality values, from the first level that is black to the first that is white */
    json_open_object(j);
    json_member_real(j, "low", zarr->window_low * form->slope + form->intercept);
    json_member_real(j, "high", zarr->window_high * form->slope + form->intercept);
    json_member_text(j, "origin", form->window != NULL ? "series" : "percentiles");
    json_close(j);
}

static void put_missing(struct json *j, const struct volume *volume)
{
    json_key(j, "missing");
    json_open_array(j);
    for (size_t i = 0; i < volume->missing_count; i++) {
        json_open_array(j);
        json_put_int(j, volume->missing[i].dimension);
        json_put_int(j, volume->missing[i].slice);
        json_close(j);
    }
    json_close(j);
}

/* Where the affine does not tell: the first voxel of each slice as it came. */
static void put_positions(struct json *j, const struct volume_form *form)
{
    json_key(j, "positions");
    json_open_array(j);
    for (uint32_t i = 0; i < form->size[Z]; i++) {
        if (isnan(form->positions[i][0]))
            json_put_null(j);
        else
            put_reals(j, form->positions[i], SPACE);
    }
    json_close(j);
}

static void put_verdict(struct json *j, const struct volume_form *form)
{
    const struct volume *const volume = form->volume;
    const bool is_even = volume->verdict != VOLUME_IRREGULAR_SPACING && volume->verdict != VOLUME_SHIFTED_SLICES;

    json_member_int(j, "ordinal", volume->ordinal);
    json_member_text(j, "verdict", volume_verdict_word(volume->verdict));
    json_member_text(j, "reason", volume->reason);
    json_member_bool(j, "resampled", form->is_resampled);
    if (form->is_resampled)
        return;
    if (volume->missing_count > 0)
        put_missing(j, volume);
    if (!is_even)
        put_positions(j, form);
}

/* -- levels ------------------------------------------------------------------------------------- */

static uint64_t level_bytes(const struct zarr *zarr, unsigned level, uint32_t dimension)
{
    const size_t count = zarr_file_count(zarr, level);
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += zarr_file_bytes(zarr, level, dimension, i);
    return bytes;
}

static void put_level(struct json *j, const struct zarr *zarr, unsigned i)
{
    const struct volume_level *const level = &zarr->levels.level[i];
    char path[16];
    uint64_t bytes = 0;

    for (uint32_t d = 0; d < zarr->form->dimensions; d++)
        bytes += level_bytes(zarr, i, d);
    (void)snprintf(path, sizeof path, "%u", i);
    json_open_object(j);
    json_member_text(j, "path", path);
    json_key(j, "shape");
    zarr_put_sizes(j, zarr, zarr->form->dimensions, level->size);
    json_key(j, "chunk");
    zarr_put_sizes(j, zarr, 1, level->chunk);
    if (zarr->is_sharded) {
        uint32_t size[SPACE];

        zarr_shard_size(level, size);
        json_key(j, "shard");
        zarr_put_sizes(j, zarr, 1, size);
    }
    json_key(j, "scale");
    zarr_put_scale(j, zarr, level);
    json_key(j, "translation");
    zarr_put_translation(j, zarr, level);
    json_member_int(j, "files", (int64_t)(zarr_file_count(zarr, i) * zarr->form->dimensions));
    json_member_int(j, "bytes", (int64_t)bytes);
    json_close(j);
}

/* -- in which order to fetch -------------------------------------------------------------------- */

struct distance {
    double from_centre;
    size_t file;
};

static int compare_distances(const void *left, const void *right)
{
    const struct distance *const a = left, *const b = right;

    if (a->from_centre != b->from_centre)
        return a->from_centre < b->from_centre ? -1 : 1;
    return a->file < b->file ? -1 : a->file > b->file;
}

/* Files of a level from the middle slices outwards: those that three planes through the centre show come first. */
static struct distance *sorted_files(const struct zarr *zarr, unsigned i, struct error *err)
{
    const struct volume_level *const level = &zarr->levels.level[i];
    const size_t count = zarr_file_count(zarr, i), in_slab = count / level->chunks[Z];
    struct distance *const files = memory_array(count, sizeof *files, err);

    if (files == NULL)
        return NULL;
    for (size_t file = 0; file < count; file++) {
        const double from = (double)(file / in_slab) * level->chunk[Z];
        const double to = fmin(from + level->chunk[Z], level->size[Z]);

        files[file] = (struct distance){fabs((from + to - level->size[Z]) / 2), file};
    }
    qsort(files, count, sizeof *files, compare_distances);
    return files;
}

static bool put_step(struct json *j, const struct zarr *zarr, unsigned level, uint32_t dimension, struct error *err)
{
    const size_t count = zarr_file_count(zarr, level);
    struct distance *const files = sorted_files(zarr, level, err);

    if (files == NULL)
        return false;
    json_open_object(j);
    json_member_int(j, "level", level);
    if (zarr_has_dimension(zarr))
        json_member_int(j, "dimension", dimension);
    json_member_int(j, "bytes", (int64_t)level_bytes(zarr, level, dimension));
    json_key(j, "files");
    json_open_array(j);
    for (size_t i = 0; i < count; i++) {
        char path[ZARR_PATH];

        zarr_file_path(zarr, level, dimension, files[i].file, path);
        json_open_array(j);
        json_put_string(j, path);
        json_put_int(j, (int64_t)zarr_file_bytes(zarr, level, dimension, files[i].file));
        json_close(j);
    }
    json_close(j);
    json_close(j);
    memory_free(files);
    return true;
}

/* The coarsest level, then finer ones to the one that is shown; so for each point of a further dimension. What is
 * larger than a graphics processor holds comes last of all. */
static bool put_steps(struct json *j, const struct zarr *zarr, unsigned shown, struct error *err)
{
    for (uint32_t d = 0; d < zarr->form->dimensions; d++)
        for (unsigned i = zarr->levels.count; i-- > shown;)
            if (!put_step(j, zarr, i, d, err))
                return false;
    for (unsigned i = shown; i-- > 0;)
        for (uint32_t d = 0; d < zarr->form->dimensions; d++)
            if (!put_step(j, zarr, i, d, err))
                return false;
    return true;
}

/* -- the file ----------------------------------------------------------------------------------- */

static bool write_description(struct json *j, const struct zarr *zarr, struct error *err)
{
    const unsigned shown = volume_levels_default(&zarr->levels, zarr->options->max_axis);

    json_open_object(j);
    json_member_text(j, "name", zarr->form->name);
    json_member_text(j, "format", zarr->is_v2 ? "OME-Zarr 0.4" : "OME-Zarr 0.5");
    json_member_text(j, "image", ZARR_IMAGE);
    put_verdict(j, zarr->form);
    put_grid(j, zarr->form);
    put_voxels(j, zarr);
    json_key(j, "levels");
    json_open_array(j);
    for (unsigned i = 0; i < zarr->levels.count; i++)
        put_level(j, zarr, i);
    json_close(j);
    json_member_int(j, "default_level", shown);
    json_key(j, "fetch");
    json_open_array(j);
    if (!put_steps(j, zarr, shown, err))
        return false;
    json_close(j);
    json_close(j);
    return json_finish(j, err);
}

bool zarr_put_description(struct zarr *zarr, struct error *err)
{
    struct buffer text = {0};
    struct json j;
    bool ok;

    json_begin(&j, &text);
    j.indent = 1;
    ok = write_description(&j, zarr, err);
    const struct part part = {text.data, text.size};
    ok = ok && staging_tree_put(zarr->staging, "volume.json", &part, 1, err);
    buffer_release(&text);
    return ok;
}
