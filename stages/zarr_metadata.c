#include "zarr_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/blosc_encode.h"
#include "volume_voxels.h"

static const char *const space_names[SPACE] = {"x", "y", "z"};

/* -- pieces ------------------------------------------------------------------------------------- */

bool zarr_has_dimension(const struct zarr *zarr)
{
    return zarr->form->dimensions > 1;
}

bool zarr_dimension_is_time(const struct zarr *zarr)
{
    const char *const name = zarr->form->volume->dimension_name;

    return strstr(name, "b-value") == NULL && strstr(name, "diffusion") == NULL;
}

void zarr_put_sizes(struct json *j, const struct zarr *zarr, uint32_t further, const uint32_t sizes[SPACE])
{
    json_open_array(j);
    if (zarr_has_dimension(zarr))
        json_put_int(j, further);
    for (int axis = SPACE; axis-- > 0;)
        json_put_int(j, sizes[axis]);
    json_close(j);
}

void zarr_put_scale(struct json *j, const struct zarr *zarr, const struct volume_level *level)
{
    json_open_array(j);
    if (zarr_has_dimension(zarr))
        json_put_int(j, 1);
    for (int axis = SPACE; axis-- > 0;)
        json_put_real(j, volume_level_scale(level, zarr->form->spacing_mm, axis));
    json_close(j);
}

void zarr_put_translation(struct json *j, const struct zarr *zarr, const struct volume_level *level)
{
    json_open_array(j);
    if (zarr_has_dimension(zarr))
        json_put_int(j, 0);
    for (int axis = SPACE; axis-- > 0;)
        json_put_real(j, volume_level_translation(level, zarr->form->spacing_mm, axis));
    json_close(j);
}

void zarr_put_affine(struct json *j, const struct volume_form *form)
{
    json_open_array(j);
    for (int row = 0; row < 4; row++) {
        json_open_array(j);
        for (int column = 0; column < 4; column++)
            json_put_real(j, form->affine[row][column]);
        json_close(j);
    }
    json_close(j);
}

void zarr_put_voxel(struct json *j, const struct volume_form *form, double value)
{
    if (form->type == SAMPLE_F32 && isnan(value))
        json_put_string(j, "NaN");
    else
        json_put_real(j, value);
}

void zarr_shard_size(const struct volume_level *level, uint32_t size[SPACE])
{
    size[X] = level->chunk[X] * level->chunks[X];
    size[Y] = level->chunk[Y] * level->chunks[Y];
    size[Z] = level->chunk[Z];
}

/* -- axes --------------------------------------------------------------------------------------- */

/* RFC-4: where a column of the affine leads in the patient (LPS), if it is nearer to that axis than 45 degrees. */
static const char *anatomical(const double affine[4][4], int column)
{
    static const char *const words[SPACE][2] = {{"left-to-right", "right-to-left"},
                                                {"posterior-to-anterior", "anterior-to-posterior"},
                                                {"superior-to-inferior", "inferior-to-superior"}};
    const double length = sqrt(affine[0][column] * affine[0][column] + affine[1][column] * affine[1][column] +
                               affine[2][column] * affine[2][column]);

    for (int i = 0; i < SPACE; i++)
        if (fabs(affine[i][column]) > length * sqrt(0.5) * (1 + 1e-6))
            return words[i][affine[i][column] > 0];
    return NULL;
}

/* All three or none: of an oblique volume the affine alone tells. */
static bool is_roughly_aligned(const struct volume_form *form)
{
    return anatomical(form->affine, X) != NULL && anatomical(form->affine, Y) != NULL &&
           anatomical(form->affine, Z) != NULL;
}

static void put_further_axis(struct json *j, const struct zarr *zarr)
{
    const bool is_time = zarr_dimension_is_time(zarr);

    json_open_object(j);
    json_member_text(j, "name", is_time ? "t" : "c");
    json_member_text(j, "type", is_time ? "time" : "channel");
    json_close(j);
}

static void put_space_axis(struct json *j, const struct volume_form *form, int axis)
{
    json_open_object(j);
    json_member_text(j, "name", space_names[axis]);
    json_member_text(j, "type", "space");
    json_member_text(j, "unit", "millimeter");
    if (is_roughly_aligned(form)) {
        json_key(j, "orientation");
        json_open_object(j);
        json_member_text(j, "type", "anatomical");
        json_member_text(j, "value", anatomical(form->affine, axis));
        json_close(j);
    }
    json_close(j);
}

static void put_axes(struct json *j, const struct zarr *zarr)
{
    json_open_array(j);
    if (zarr_has_dimension(zarr))
        put_further_axis(j, zarr);
    for (int axis = SPACE; axis-- > 0;)
        put_space_axis(j, zarr->form, axis);
    json_close(j);
}

/* -- multiscales -------------------------------------------------------------------------------- */

static void put_dataset(struct json *j, const struct zarr *zarr, unsigned level)
{
    char path[16];

    (void)snprintf(path, sizeof path, "%u", level);
    json_open_object(j);
    json_member_text(j, "path", path);
    json_key(j, "coordinateTransformations");
    json_open_array(j);
    json_open_object(j);
    json_member_text(j, "type", "scale");
    json_key(j, "scale");
    zarr_put_scale(j, zarr, &zarr->levels.level[level]);
    json_close(j);
    json_open_object(j);
    json_member_text(j, "type", "translation");
    json_key(j, "translation");
    zarr_put_translation(j, zarr, &zarr->levels.level[level]);
    json_close(j);
    json_close(j);
    json_close(j);
}

static void put_multiscales(struct json *j, const struct zarr *zarr)
{
    json_open_array(j);
    json_open_object(j);
    if (zarr->is_v2)
        json_member_text(j, "version", "0.4");
    json_member_text(j, "name", zarr->form->name);
    json_member_text(j, "type", "mean");
    json_key(j, "axes");
    put_axes(j, zarr);
    json_key(j, "datasets");
    json_open_array(j);
    for (unsigned i = 0; i < zarr->levels.count; i++)
        put_dataset(j, zarr, i);
    json_close(j);
    json_key(j, "metadata");
    json_open_object(j);
    json_member_text(j, "description",
                     "means of two along each axis that is halved; padding and missing slices left out");
    json_close(j);
    json_close(j);
    json_close(j);
}

/* -- the window --------------------------------------------------------------------------------- */

static void put_channel(struct json *j, const struct zarr *zarr, uint32_t number)
{
    const bool has_voxels = zarr->least <= zarr->most;
    char label[32] = "voxel";

    if (zarr->form->dimensions > 1 && !zarr_dimension_is_time(zarr))
        (void)snprintf(label, sizeof label, "%u", number + 1);
    json_open_object(j);
    json_member_text(j, "label", label);
    json_member_text(j, "color", "FFFFFF");
    json_member_text(j, "family", "linear");
    json_member_int(j, "coefficient", 1);
    json_member_bool(j, "active", number == 0);
    json_member_bool(j, "inverted", zarr->form->is_inverse);
    json_key(j, "window");
    json_open_object(j);
    json_member_real(j, "start", zarr->window_low);
    json_member_real(j, "end", zarr->window_high);
    json_member_real(j, "min", has_voxels ? zarr->least : 0);
    json_member_real(j, "max", has_voxels ? zarr->most : 1);
    json_close(j);
    json_close(j);
}

static void put_omero(struct json *j, const struct zarr *zarr)
{
    const bool has_channels = zarr_has_dimension(zarr) && !zarr_dimension_is_time(zarr);

    json_open_object(j);
    if (zarr->is_v2)
        json_member_text(j, "version", "0.4");
    json_key(j, "channels");
    json_open_array(j);
    for (uint32_t i = 0; i < (has_channels ? zarr->form->dimensions : 1); i++)
        put_channel(j, zarr, i);
    json_close(j);
    json_key(j, "rdefs");
    json_open_object(j);
    json_member_text(j, "model", "greyscale");
    json_member_int(j, "defaultZ", zarr->form->size[Z] / 2);
    json_member_int(j, "defaultT", 0);
    json_close(j);
    json_close(j);
}

/* -- groups ------------------------------------------------------------------------------------- */

/* What OME-Zarr has no word for: where the volume is in the patient, and what a voxel means. */
static void put_own(struct json *j, const struct volume_form *form)
{
    json_open_object(j);
    json_member_text(j, "space", "LPS");
    json_key(j, "affine");
    zarr_put_affine(j, form);
    json_member_real(j, "slope", form->slope);
    json_member_real(j, "intercept", form->intercept);
    if (form->has_padding) {
        json_key(j, "padding");
        json_open_array(j);
        json_put_real(j, form->padding_low);
        json_put_real(j, form->padding_high);
        json_close(j);
    }
    json_member_text(j, "verdict", volume_verdict_word(form->volume->verdict));
    json_member_bool(j, "resampled", form->is_resampled);
    json_member_text(j, "description", "../volume.json");
    json_close(j);
}

static void put_attributes(struct json *j, const struct zarr *zarr)
{
    json_key(j, "multiscales");
    put_multiscales(j, zarr);
    json_key(j, "omero");
    put_omero(j, zarr);
}

static void put_group_v3(struct json *j, const struct zarr *zarr)
{
    json_open_object(j);
    json_member_int(j, "zarr_format", 3);
    json_member_text(j, "node_type", "group");
    json_key(j, "attributes");
    json_open_object(j);
    json_key(j, "ome");
    json_open_object(j);
    json_member_text(j, "version", "0.5");
    put_attributes(j, zarr);
    json_close(j);
    json_key(j, "slicepress");
    put_own(j, zarr->form);
    json_close(j);
    json_close(j);
}

static void put_group_v2(struct json *j, const struct zarr *zarr)
{
    json_open_object(j);
    put_attributes(j, zarr);
    json_key(j, "slicepress");
    put_own(j, zarr->form);
    json_close(j);
}

/* -- arrays, Zarr 3 ----------------------------------------------------------------------------- */

static void put_codec(struct json *j, const char *name)
{
    json_open_object(j);
    json_member_text(j, "name", name);
    json_key(j, "configuration");
    json_open_object(j);
}

static void close_codec(struct json *j)
{
    json_close(j);
    json_close(j);
}

static void put_bytes_codec(struct json *j)
{
    put_codec(j, "bytes");
    json_member_text(j, "endian", "little");
    close_codec(j);
}

static void put_chunk_codecs(struct json *j, const struct zarr *zarr)
{
    json_open_array(j);
    put_bytes_codec(j);
    if (zarr->coding == ZARR_BLOSC) {
        put_codec(j, "blosc");
        json_member_text(j, "cname", BLOSC_COMPRESSOR);
        json_member_int(j, "clevel", BLOSC_LEVEL);
        json_member_text(j, "shuffle", BLOSC_SHUFFLE_WORD);
        json_member_int(j, "typesize", (int64_t)sample_size(zarr->form->type));
        json_member_int(j, "blocksize", 0);
        close_codec(j);
    } else if (zarr->coding == ZARR_GZIP) {
        put_codec(j, "gzip");
        json_member_int(j, "level", GZIP_LEVEL);
        close_codec(j);
    }
    json_close(j);
}

static void put_sharding_codec(struct json *j, const struct zarr *zarr, const struct volume_level *level)
{
    json_open_array(j);
    put_codec(j, "sharding_indexed");
    json_key(j, "chunk_shape");
    zarr_put_sizes(j, zarr, 1, level->chunk);
    json_key(j, "codecs");
    put_chunk_codecs(j, zarr);
    json_key(j, "index_codecs");
    json_open_array(j);
    put_bytes_codec(j);
    json_open_object(j);
    json_member_text(j, "name", "crc32c");
    json_close(j);
    json_close(j);
    json_member_text(j, "index_location", "end");
    close_codec(j);
    json_close(j);
}

static void put_grid(struct json *j, const struct zarr *zarr, const struct volume_level *level)
{
    uint32_t size[SPACE];

    zarr_shard_size(level, size);
    put_codec(j, "regular");
    json_key(j, "chunk_shape");
    zarr_put_sizes(j, zarr, 1, zarr->is_sharded ? size : level->chunk);
    close_codec(j);
}

static void put_array_v3(struct json *j, const struct zarr *zarr, const struct volume_level *level)
{
    json_open_object(j);
    json_member_int(j, "zarr_format", 3);
    json_member_text(j, "node_type", "array");
    json_key(j, "shape");
    zarr_put_sizes(j, zarr, zarr->form->dimensions, level->size);
    json_member_text(j, "data_type", voxel_type_word(zarr->form->type));
    json_key(j, "chunk_grid");
    put_grid(j, zarr, level);
    json_key(j, "chunk_key_encoding");
    put_codec(j, "default");
    json_member_text(j, "separator", "/");
    close_codec(j);
    json_key(j, "fill_value");
    zarr_put_voxel(j, zarr->form, zarr->form->fill);
    json_key(j, "codecs");
    if (zarr->is_sharded)
        put_sharding_codec(j, zarr, level);
    else
        put_chunk_codecs(j, zarr);
    json_key(j, "dimension_names");
    json_open_array(j);
    if (zarr_has_dimension(zarr))
        json_put_string(j, zarr_dimension_is_time(zarr) ? "t" : "c");
    for (int axis = SPACE; axis-- > 0;)
        json_put_string(j, space_names[axis]);
    json_close(j);
    json_key(j, "attributes");
    json_open_object(j);
    json_close(j);
    json_close(j);
}

/* -- arrays, Zarr 2 ----------------------------------------------------------------------------- */

/* NumPy's words: byte order, kind, bytes. */
static const char *type_v2(enum sample_type type)
{
    switch (type) {
    case SAMPLE_U8: return "|u1";
    case SAMPLE_S8: return "|i1";
    case SAMPLE_U16: return "<u2";
    case SAMPLE_S16: return "<i2";
    case SAMPLE_U32: return "<u4";
    case SAMPLE_S32: return "<i4";
    case SAMPLE_F32: return "<f4";
    case SAMPLE_F64: break;
    }
    return "<f8";
}

static void put_compressor_v2(struct json *j, const struct zarr *zarr)
{
    if (zarr->coding == ZARR_NONE) {
        json_put_null(j);
        return;
    }
    json_open_object(j);
    if (zarr->coding == ZARR_BLOSC) {
        json_member_text(j, "id", "blosc");
        json_member_text(j, "cname", BLOSC_COMPRESSOR);
        json_member_int(j, "clevel", BLOSC_LEVEL);
        json_member_int(j, "shuffle", BLOSC_SHUFFLE_NUMBER);
        json_member_int(j, "blocksize", 0);
    } else {
        json_member_text(j, "id", "gzip");
        json_member_int(j, "level", GZIP_LEVEL);
    }
    json_close(j);
}

static void put_array_v2(struct json *j, const struct zarr *zarr, const struct volume_level *level)
{
    json_open_object(j);
    json_member_int(j, "zarr_format", 2);
    json_key(j, "shape");
    zarr_put_sizes(j, zarr, zarr->form->dimensions, level->size);
    json_key(j, "chunks");
    zarr_put_sizes(j, zarr, 1, level->chunk);
    json_member_text(j, "dtype", type_v2(zarr->form->type));
    json_key(j, "compressor");
    put_compressor_v2(j, zarr);
    json_key(j, "fill_value");
    zarr_put_voxel(j, zarr->form, zarr->form->fill);
    json_member_text(j, "order", "C");
    json_key(j, "filters");
    json_put_null(j);
    json_member_text(j, "dimension_separator", "/");
    json_close(j);
}

/* -- files -------------------------------------------------------------------------------------- */

static bool put_json(struct zarr *zarr, struct json *j, struct buffer *text, const char *path, struct error *err)
{
    if (!json_finish(j, err))
        return false;
    const struct part part = {text->data, text->size};
    const bool ok = zarr_put_file(zarr, path, &part, 1, err);

    buffer_clear(text);
    return ok;
}

static bool put_group(struct zarr *zarr, struct buffer *text, struct error *err)
{
    static const struct part v2_group = {"{\"zarr_format\":2}\n", 18};
    struct json j;

    json_begin(&j, text);
    j.indent = 1;
    if (!zarr->is_v2) {
        put_group_v3(&j, zarr);
        return put_json(zarr, &j, text, "zarr.json", err);
    }
    put_group_v2(&j, zarr);
    return put_json(zarr, &j, text, ".zattrs", err) && zarr_put_file(zarr, ".zgroup", &v2_group, 1, err);
}

static bool put_array(struct zarr *zarr, unsigned level, struct buffer *text, struct error *err)
{
    struct json j;
    char path[32];

    (void)snprintf(path, sizeof path, "%u/%s", level, zarr->is_v2 ? ".zarray" : "zarr.json");
    json_begin(&j, text);
    j.indent = 1;
    (zarr->is_v2 ? put_array_v2 : put_array_v3)(&j, zarr, &zarr->levels.level[level]);
    return put_json(zarr, &j, text, path, err);
}

bool zarr_put_metadata(struct zarr *zarr, struct error *err)
{
    struct buffer text = {0};
    bool ok = put_group(zarr, &text, err);

    for (unsigned i = 0; ok && i < zarr->levels.count; i++)
        ok = put_array(zarr, i, &text, err);
    buffer_release(&text);
    return ok;
}
