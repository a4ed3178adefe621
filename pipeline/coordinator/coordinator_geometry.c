/* What the slices of a series make, when its instances are settled: rows of `volume`. In the task's thread. */
#include "coordinator_private.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "job/slices.h"

enum {
    VERSION = 1,                /* raised when the same slices give other rows */
    SERIES_SLICES_MOST = 1 << 18 /* half a kilobyte each while they are sorted */
};

#define MEMBERS_SQL \
    "SELECT instance_id, sop_instance_uid, source_digest, geometry FROM instance JOIN keep USING (instance_id)" \
    " WHERE study_instance_uid = ? AND series_instance_uid = ? AND is_current = 1 AND state = 'done'" \
    " AND geometry IS NOT NULL ORDER BY sop_instance_uid"
enum members_column { MEMBER_ID, MEMBER_SOP, MEMBER_DIGEST, MEMBER_GEOMETRY };

static bool select_members(const struct open_series *series, struct cursor **cursor, struct error *err)
{
    return catalogue_select(series->coordinator->catalogue, MEMBERS_SQL,
                            VALUES(value_text(series->study), value_text(series->series)), cursor, err);
}

/* -- digests ----------------------------------------------------------------------------- */

/* Of what the rows are made of, and of what the stages of the series see: rows know instances by their number, stages
 * by their bytes. */
struct digests { struct digest_state *rows, *input; };

static bool add_text(struct digest_state *state, const char *text, struct error *err)
{
    return digest_add(state, text, strlen(text) + 1, err);
}

static bool add_member(struct digests *digests, const struct cursor *row, struct error *err)
{
    char numbers[64];
    size_t size = 0;
    const void *const geometry = cursor_blob(row, MEMBER_GEOMETRY, &size);

    (void)snprintf(numbers, sizeof numbers, "%lld %zu", (long long)cursor_int(row, MEMBER_ID), size);
    return add_text(digests->rows, numbers, err) && digest_add(digests->rows, geometry, size, err) &&
           add_text(digests->input, cursor_text(row, MEMBER_SOP), err) &&
           add_text(digests->input, cursor_text(row, MEMBER_DIGEST), err) &&
           add_text(digests->input, strchr(numbers, ' '), err) && digest_add(digests->input, geometry, size, err);
}

static bool add_members(struct digests *digests, struct open_series *series, struct error *err)
{
    static const char version[] = {VERSION};
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = digest_add(digests->rows, version, 1, err) && digest_add(digests->input, version, 1, err) &&
              select_members(series, &cursor, err);

    series->members = series->slices = 0;
    while (ok && cursor_next(cursor)) {
        size_t size = 0;
        const void *const geometry = cursor_blob(cursor, MEMBER_GEOMETRY, &size);

        ok = add_member(digests, cursor, err);
        series->members++;
        series->slices += slices_count(geometry, size);
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

static bool digest_members(struct open_series *series, char rows[DIGEST_HEX_SIZE], struct error *err)
{
    struct digests digests = {0};
    struct digest digest;
    const bool ok = digest_new(&digests.rows, err) && digest_new(&digests.input, err) &&
                    add_members(&digests, series, err) && digest_end(digests.rows, &digest, err) &&
                    digest_end(digests.input, &series->input_digest, err);

    if (ok)
        digest_hex(&digest, rows);
    digest_free(digests.rows);
    digest_free(digests.input);
    return ok;
}

/* -- the slices -------------------------------------------------------------------------- */

struct gathered {
    struct slice *slices; /* owned; `instance` is the row's number */
    size_t count, capacity;
};

static bool take_slices(struct gathered *all, const struct cursor *row, struct error *err)
{
    struct slices found = {0};
    size_t size = 0;
    const void *const blob = cursor_blob(row, MEMBER_GEOMETRY, &size);

    if (!slices_parse(blob, size, &found, err))
        return false;
    for (size_t i = 0; i < found.count && all->count < all->capacity; i++) {
        struct slice *const slice = &all->slices[all->count++];

        *slice = found.items[i];
        slice->instance = (uint64_t)cursor_int(row, MEMBER_ID);
        (void)snprintf(slice->sop_instance_uid, sizeof slice->sop_instance_uid, "%s", cursor_text(row, MEMBER_SOP));
    }
    slices_release(&found);
    return true;
}

/* Not more than SERIES_SLICES_MOST. PROTOCOL: those of one instance are damaged. */
static bool gather(const struct open_series *series, struct gathered *all, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;

    if (series->slices > SERIES_SLICES_MOST)
        return true;
    all->capacity = (size_t)series->slices;
    all->slices = memory_array(all->capacity, sizeof *all->slices, err);
    bool ok = all->slices != NULL && select_members(series, &cursor, err);
    while (ok && cursor_next(cursor)) {
        ok = take_slices(all, cursor, err);
        if (!ok && err->kind == ERROR_PROTOCOL)
            coordinator_report("keep_damaged", "catalogue.sqlite", cursor_text(cursor, MEMBER_SOP),
                               error_kind_word(ERROR_CORRUPT), err->text);
    }
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

/* -- rows -------------------------------------------------------------------------------- */

static bool affine_text(const struct volume *volume, struct buffer *out, struct error *err)
{
    struct json j;

    json_begin(&j, out);
    json_open_array(&j);
    for (int row = 0; row < 4; row++) {
        json_open_array(&j);
        for (int column = 0; column < 4; column++)
            json_put_real(&j, volume->affine[row][column]);
        json_close(&j);
    }
    json_close(&j);
    return json_finish(&j, err);
}

static bool insert_volume(const struct open_series *series, const struct volume *v, int64_t *id, struct error *err)
{
    struct catalogue *const catalogue = series->coordinator->catalogue;
    const bool is_stored = v->voxel == VOXEL_STORED;
    struct buffer affine = {0};
    const bool ok =
        (!v->has_affine || affine_text(v, &affine, err)) &&
        catalogue_execute(
            catalogue,
            "INSERT INTO volume (study_instance_uid, series_instance_uid, ordinal, verdict, reason, columns, rows,"
            " slices, dimensions, dimension_name, images, missing, affine, row_spacing_mm, column_spacing_mm,"
            " slice_spacing_mm, least_gap_mm, most_gap_mm, off_grid_mm, off_line_mm, tilt_degrees, voxel,"
            " samples_per_pixel, bits_stored, is_signed, slope, intercept, padding_low, padding_high)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            VALUES(value_text(series->study), value_text(series->series), value_int(v->ordinal),
                   value_text(volume_verdict_word(v->verdict)), value_text(v->reason), value_int(v->columns),
                   value_int(v->rows), value_int(v->slices), value_int(v->dimensions),
                   value_filled(v->dimension_name), value_int((int64_t)v->cell_count),
                   value_int((int64_t)v->missing_count), v->has_affine ? value_text(buffer_text(&affine)) : value_null(),
                   value_real(v->row_spacing_mm), value_real(v->column_spacing_mm), value_real(v->slice_spacing_mm),
                   value_real(v->least_gap_mm), value_real(v->most_gap_mm), value_real(v->off_grid_mm),
                   value_real(v->off_line_mm), value_real(v->tilt_degrees),
                   value_text(is_stored ? "stored" : "float32"), value_int(v->samples_per_pixel),
                   value_int(v->bits_stored), value_int(v->is_signed),
                   is_stored ? value_real(v->slope) : value_null(), is_stored ? value_real(v->intercept) : value_null(),
                   v->has_padding ? value_real(v->padding_low) : value_null(),
                   v->has_padding ? value_real(v->padding_high) : value_null()),
            err);

    *id = catalogue_last_id(catalogue);
    buffer_release(&affine);
    return ok;
}

static bool insert_cells(struct catalogue *catalogue, int64_t id, const struct volume *volume,
                         const struct slice *slices, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < volume->cell_count; i++) {
        const struct volume_cell *const cell = &volume->cells[i];
        const struct slice *const slice = &slices[cell->input];

        ok = catalogue_execute(catalogue,
                               "INSERT INTO volume_slice (volume_id, dimension, slice, instance_id, frame, x, y)"
                               " VALUES (?, ?, ?, ?, ?, ?, ?)",
                               VALUES(value_int(id), value_int(cell->dimension), value_int(cell->slice),
                                      value_int((int64_t)slice->instance), value_int(slice->frame),
                                      value_int(slice->x), value_int(slice->y)),
                               err);
    }
    return ok;
}

static bool insert_missing(struct catalogue *catalogue, int64_t id, const struct volume *volume, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < volume->missing_count; i++) {
        const struct volume_missing *const missing = &volume->missing[i];

        ok = catalogue_execute(catalogue,
                               "INSERT INTO volume_missing (volume_id, dimension, slice, x_mm, y_mm, z_mm)"
                               " VALUES (?, ?, ?, ?, ?, ?)",
                               VALUES(value_int(id), value_int(missing->dimension), value_int(missing->slice),
                                      value_real(missing->position[0]), value_real(missing->position[1]),
                                      value_real(missing->position[2])),
                               err);
    }
    return ok;
}

static bool insert_volumes(const struct open_series *series, const struct geometry *geometry,
                           const struct slice *slices, struct error *err)
{
    struct catalogue *const catalogue = series->coordinator->catalogue;
    int64_t id = 0;
    bool ok = true;

    for (size_t i = 0; ok && i < geometry->count; i++)
        ok = insert_volume(series, &geometry->volumes[i], &id, err) &&
             insert_cells(catalogue, id, &geometry->volumes[i], slices, err) &&
             insert_missing(catalogue, id, &geometry->volumes[i], err);
    return ok;
}

/* They stand for themselves in the catalogue: nobody sorts them. */
static bool insert_too_many(const struct open_series *series, uint64_t count, struct error *err)
{
    char reason[96];
    struct volume volume = {.ordinal = 1, .verdict = VOLUME_NOT_VOLUMETRIC, .reason = reason};
    int64_t id = 0;

    (void)snprintf(reason, sizeof reason, "%llu slices, at most %d are sorted", (unsigned long long)count,
                   SERIES_SLICES_MOST);
    return insert_volume(series, &volume, &id, err);
}

static bool insert_rows(const struct open_series *series, const struct gathered *all, const char **verdict,
                        struct error *err)
{
    struct geometry geometry = {0};

    *verdict = volume_verdict_word(VOLUME_NOT_VOLUMETRIC);
    if (series->slices > SERIES_SLICES_MOST)
        return insert_too_many(series, series->slices, err);
    if (!geometry_sort(all->slices, all->count, &geometry, err))
        return false;
    if (geometry.count > 0)
        *verdict = volume_verdict_word(geometry.volumes[0].verdict);
    const bool ok = insert_volumes(series, &geometry, all->slices, err);
    geometry_release(&geometry);
    return ok;
}

static bool replace_rows(struct open_series *series, const char *digest, struct error *err)
{
    struct catalogue *const catalogue = series->coordinator->catalogue;
    const struct value study = value_text(series->study), uid = value_text(series->series);
    struct gathered all = {0};
    const char *verdict = NULL;
    bool ok = gather(series, &all, err);

    if (!ok && err->kind == ERROR_PROTOCOL) { /* the rows of all of them stay */
        series->members = 0;
        memory_free(all.slices);
        *err = (struct error){0};
        return true;
    }
    ok = ok && catalogue_execute(catalogue, "DELETE FROM volume WHERE study_instance_uid = ?"
                                 " AND series_instance_uid = ?", VALUES(study, uid), err) &&
         (series->slices == 0 || insert_rows(series, &all, &verdict, err)) &&
         catalogue_execute(catalogue, "UPDATE series SET volume_verdict = ?, geometry_digest = ?"
                           " WHERE study_instance_uid = ? AND series_instance_uid = ?",
                           VALUES(value_text(verdict), value_text(digest), study, uid), err);
    memory_free(all.slices);
    return ok;
}

bool geometry_settle(struct open_series *series, struct error *err)
{
    char digest[DIGEST_HEX_SIZE];
    int64_t current = 0;

    if (!digest_members(series, digest, err) ||
        !catalogue_number(series->coordinator->catalogue,
                          "SELECT 1 FROM series WHERE study_instance_uid = ? AND series_instance_uid = ?"
                          " AND geometry_digest = ?",
                          VALUES(value_text(series->study), value_text(series->series), value_text(digest)), 0,
                          &current, err))
        return false;
    return current != 0 || replace_rows(series, digest, err);
}
