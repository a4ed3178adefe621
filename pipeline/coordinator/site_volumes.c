#include "coordinator/site_volumes.h"

#include <string.h>

enum { SPILL_AT = 1 << 16 };

struct writer {
    struct json *j;
    struct catalogue *catalogue;
    const char *study, *series;
    site_spill *spill; /* NULL: brief */
    void *client;
};

static bool spill_some(const struct writer *w, struct error *err)
{
    return w->spill == NULL || w->j->out->size < SPILL_AT || w->spill(w->client, w->j->out, err);
}

/* An array as member `key`: `put` for each row; nothing where there is no row. */
typedef bool put_row(const struct writer *w, const struct cursor *row, struct error *err);

static bool rows_member(const struct writer *w, const char *key, const char *sql, const struct value *values,
                        size_t count, put_row *put, struct error *err)
{
    struct cursor *row = NULL;
    struct error ignored;
    bool any = false, ok = catalogue_select(w->catalogue, sql, values, count, &row, err);

    while (ok && cursor_next(row)) {
        if (!any) {
            json_key(w->j, key);
            json_open_array(w->j);
            any = true;
        }
        ok = put(w, row, err) && spill_some(w, err);
    }
    if (any)
        json_close(w->j);
    return cursor_end(row, ok ? err : &ignored) && ok;
}

/* Columns as the elements of an array. */
static bool put_array(const struct writer *w, const struct cursor *row, struct error *err)
{
    (void)err;
    json_open_array(w->j);
    for (int i = 0; i < cursor_columns(row); i++) {
        switch (cursor_type(row, i)) {
        case VALUE_INT: json_put_int(w->j, cursor_int(row, i)); break;
        case VALUE_REAL: json_put_real(w->j, cursor_real(row, i)); break;
        case VALUE_TEXT: json_put_string(w->j, cursor_text(row, i)); break;
        case VALUE_NULL:
        case VALUE_BLOB: json_put_null(w->j); break;
        }
    }
    json_close(w->j);
    return true;
}

static bool put_slices(const struct writer *w, int64_t volume, struct error *err)
{
    return rows_member(w, "cells",
                       "SELECT dimension, slice, sop_instance_uid, frame, x, y FROM volume_slice"
                       " JOIN instance USING (instance_id) WHERE volume_id = ? ORDER BY dimension, slice",
                       VALUES(value_int(volume)), put_array, err) &&
           rows_member(w, "holes",
                       "SELECT dimension, slice, x_mm, y_mm, z_mm FROM volume_missing WHERE volume_id = ?"
                       " ORDER BY dimension, slice",
                       VALUES(value_int(volume)), put_array, err);
}

static void put_member(const struct writer *w, const struct cursor *row, int column)
{
    const char *const name = cursor_name(row, column);

    switch (cursor_type(row, column)) {
    case VALUE_INT: json_member_int(w->j, name, cursor_int(row, column)); break;
    case VALUE_REAL: json_member_real(w->j, name, cursor_real(row, column)); break;
    case VALUE_TEXT: json_member_text(w->j, name, cursor_text(row, column)); break;
    case VALUE_NULL:
    case VALUE_BLOB: break;
    }
}

static bool put_volume(const struct writer *w, const struct cursor *row, struct error *err)
{
    json_open_object(w->j);
    for (int i = 2; i < cursor_columns(row); i++)
        put_member(w, row, i);
    if (!cursor_is_null(row, 1)) {
        json_key(w->j, "affine");
        json_put_raw(w->j, cursor_text(row, 1), strlen(cursor_text(row, 1)));
    }
    const bool ok = w->spill == NULL || put_slices(w, cursor_int(row, 0), err);
    json_close(w->j);
    return ok;
}

/* [columns, rows, tile columns, tile rows, tiles, instances of one concatenation...] */
static bool put_level(const struct writer *w, const struct cursor *row, struct error *err)
{
    struct cursor *instance = NULL;
    struct error ignored;
    bool ok = catalogue_select(w->catalogue,
                               "SELECT sop_instance_uid FROM slide_level_instance JOIN instance USING (instance_id)"
                               " WHERE pyramid_id = ? AND level = ? ORDER BY instance_number, sop_instance_uid",
                               VALUES(value_int(cursor_int(row, 0)), value_int(cursor_int(row, 1))), &instance, err);

    json_open_array(w->j);
    for (int i = 2; i < cursor_columns(row); i++)
        json_put_int(w->j, cursor_int(row, i));
    while (ok && cursor_next(instance)) {
        json_put_string(w->j, cursor_text(instance, 0));
        ok = spill_some(w, err);
    }
    json_close(w->j);
    return cursor_end(instance, ok ? err : &ignored) && ok;
}

static bool put_pyramid(const struct writer *w, const struct cursor *row, struct error *err)
{
    json_open_object(w->j);
    for (int i = 1; i < cursor_columns(row); i++)
        put_member(w, row, i);
    const bool ok = rows_member(w, "levels",
                                "SELECT pyramid_id, level, columns, rows, tile_columns, tile_rows, tiles FROM slide_level"
                                " WHERE pyramid_id = ? ORDER BY level",
                                VALUES(value_int(cursor_int(row, 0))), put_level, err);
    json_close(w->j);
    return ok;
}

static bool put_slide(const struct writer *w, struct error *err)
{
    return rows_member(w, "slides",
                       "SELECT pyramid_id, ordinal, verdict, reason, columns, rows, optical_path, focus_um,"
                       " samples_per_pixel, row_spacing_mm, column_spacing_mm, container_identifier,"
                       " frame_of_reference_uid, pyramid_uid FROM slide_pyramid WHERE study_instance_uid = ?"
                       " AND series_instance_uid = ? ORDER BY ordinal",
                       VALUES(value_text(w->study), value_text(w->series)), put_pyramid, err);
}

static bool put_artefact(const struct writer *w, const struct cursor *row, struct error *err)
{
    char address[PATH_SIZE];

    if (!site_address(cursor_text(row, 0), (enum place)cursor_int(row, 1), cursor_text(row, 2), address, err))
        return false;
    json_open_object(w->j);
    json_member_text(w->j, "stage", cursor_text(row, 3));
    json_member_text(w->j, "name", cursor_text(row, 4));
    json_member_text(w->j, "address", address);
    json_member_text(w->j, "media_type", cursor_text(row, 5));
    json_member_int(w->j, "files", cursor_int(row, 6));
    json_member_int(w->j, "bytes", cursor_int(row, 7));
    json_close(w->j);
    return true;
}

static bool put_product(const struct writer *w, const struct cursor *row, struct error *err)
{
    (void)err;
    json_open_object(w->j);
    site_json_row(w->j, row);
    json_close(w->j);
    return true;
}

static bool put_made(const struct writer *w, struct error *err)
{
    return rows_member(w, "artefacts",
                       "SELECT path, place, sha256, stage, name, media_type, files, bytes FROM artefact"
                       " WHERE study_instance_uid = ? AND series_instance_uid = ? AND instance_id IS NULL"
                       " ORDER BY stage, name, path",
                       VALUES(value_text(w->study), value_text(w->series)), put_artefact, err) &&
           rows_member(w, "products",
                       "SELECT stage, stage_version, options_digest, state, substr(input_digest, 1, 16) AS input_digest16,"
                       " reason FROM product WHERE study_instance_uid = ? AND series_instance_uid = ?"
                       " AND instance_id IS NULL ORDER BY stage",
                       VALUES(value_text(w->study), value_text(w->series)), put_product, err);
}

#define VOLUME_SQL \
    "volume_id, affine, ordinal, verdict, reason, columns, rows, slices, dimensions, dimension_name, images, missing," \
    " row_spacing_mm, column_spacing_mm, slice_spacing_mm"
#define OF_SERIES " FROM volume WHERE study_instance_uid = ? AND series_instance_uid = ? ORDER BY ordinal"

bool site_volumes_brief(struct json *j, struct catalogue *catalogue, const char *study, const char *series,
                        struct error *err)
{
    const struct writer w = {.j = j, .catalogue = catalogue, .study = study, .series = series};

    return rows_member(&w, "volumes", "SELECT " VOLUME_SQL OF_SERIES, VALUES(value_text(study), value_text(series)),
                       put_volume, err) &&
           put_slide(&w, err) && put_made(&w, err);
}

bool site_volumes_whole(struct json *j, struct catalogue *catalogue, const char *study, const char *series,
                        site_spill *spill, void *client, struct error *err)
{
    const struct writer w = {.j = j, .catalogue = catalogue, .study = study, .series = series, .spill = spill,
                             .client = client};

    return rows_member(&w, "volumes",
                       "SELECT " VOLUME_SQL ", least_gap_mm, most_gap_mm, off_grid_mm, off_line_mm, tilt_degrees, voxel,"
                       " samples_per_pixel, bits_stored, is_signed, slope, intercept, padding_low, padding_high" OF_SERIES,
                       VALUES(value_text(study), value_text(series)), put_volume, err) &&
           put_slide(&w, err) && put_made(&w, err);
}
