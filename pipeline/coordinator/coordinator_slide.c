/* What the tiled instances of a series make, when its instances are settled: rows of `slide_pyramid`. In the task's thread. */
#include "coordinator_private.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "dicom/slide.h"
#include "job/slide_blob.h"

enum { VERSION = 1 }; /* raised when the same parts give other rows */

struct gathered {
    struct slide_part *parts; /* owned; `instance` is the row's number */
    size_t count, capacity;
    struct digest_state *rows, *input; /* rows know instances by their number, stages by their bytes */
};

/* -- parts ------------------------------------------------------------------------------- */

enum column { PART_ID, PART_SOP, PART_DIGEST, PART_SLIDE };

static bool add_text(struct digest_state *state, const char *text, struct error *err)
{
    return digest_add(state, text, strlen(text) + 1, err);
}

static bool digest_part(struct gathered *all, const struct cursor *row, const struct slide_part *part, struct error *err)
{
    char numbers[64];
    size_t size = 0;
    const void *const blob = cursor_blob(row, PART_SLIDE, &size);
    const bool is_level = part->kind == SLIDE_VOLUME || part->kind == SLIDE_THUMBNAIL;

    (void)snprintf(numbers, sizeof numbers, "%lld %zu", (long long)cursor_int(row, PART_ID), size);
    return add_text(all->rows, numbers, err) && digest_add(all->rows, blob, size, err) &&
           (!is_level || (add_text(all->input, cursor_text(row, PART_SOP), err) &&
                          add_text(all->input, cursor_text(row, PART_DIGEST), err) &&
                          add_text(all->input, strchr(numbers, ' '), err) && digest_add(all->input, blob, size, err)));
}

/* *damaged: the former rows stay. */
static bool take_part(struct gathered *all, const struct cursor *row, bool *damaged, struct error *err)
{
    void *parts = all->parts;
    size_t size = 0;
    const void *const blob = cursor_blob(row, PART_SLIDE, &size);
    struct error why = {0};

    if (!memory_grow(&parts, &all->capacity, all->count + 1, sizeof *all->parts, err))
        return false;
    all->parts = parts;
    struct slide_part *const part = &all->parts[all->count];
    if (!slide_blob_parse(blob, size, part, &why)) {
        *damaged = true;
        coordinator_report("keep_damaged", "catalogue.sqlite", cursor_text(row, PART_SOP), error_kind_word(ERROR_CORRUPT),
                           why.text);
        return why.kind != ERROR_NOMEM || error_set(err, ERROR_NOMEM, "%s", why.text);
    }
    all->count++;
    part->instance = (uint64_t)cursor_int(row, PART_ID);
    (void)snprintf(part->sop_instance_uid, sizeof part->sop_instance_uid, "%s", cursor_text(row, PART_SOP));
    return digest_part(all, row, part, err);
}

static bool gather(const struct open_series *series, struct gathered *all, bool *damaged, struct error *err)
{
    static const char version[] = {VERSION};
    struct cursor *cursor = NULL;
    struct error ignored;
    bool ok = digest_new(&all->rows, err) && digest_new(&all->input, err) && digest_add(all->rows, version, 1, err) &&
              digest_add(all->input, version, 1, err) &&
              catalogue_select(series->coordinator->catalogue,
                               "SELECT instance_id, sop_instance_uid, source_digest, slide FROM instance"
                               " JOIN keep USING (instance_id) WHERE study_instance_uid = ? AND series_instance_uid = ?"
                               " AND is_current = 1 AND state = 'done' AND slide IS NOT NULL ORDER BY sop_instance_uid",
                               VALUES(value_text(series->study), value_text(series->series)), &cursor, err);

    while (ok && cursor_next(cursor))
        ok = take_part(all, cursor, damaged, err);
    return cursor_end(cursor, ok ? err : &ignored) && ok;
}

static void release(struct gathered *all)
{
    for (size_t i = 0; i < all->count; i++)
        slide_part_release(&all->parts[i]);
    memory_free(all->parts);
    digest_free(all->rows);
    digest_free(all->input);
}

/* -- rows -------------------------------------------------------------------------------- */

static struct value length(double mm)
{
    return mm > 0 ? value_real(mm) : value_null();
}

static bool insert_pyramid(const struct open_series *series, const struct slide_pyramid *p, int64_t *id,
                           struct error *err)
{
    struct catalogue *const catalogue = series->coordinator->catalogue;
    const struct slide_part *const like = p->like;
    const bool ok = catalogue_execute(
        catalogue,
        "INSERT INTO slide_pyramid (study_instance_uid, series_instance_uid, ordinal, verdict, reason, columns, rows,"
        " levels, optical_path, focus_um, samples_per_pixel, row_spacing_mm, column_spacing_mm, container_identifier,"
        " frame_of_reference_uid, pyramid_uid) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        VALUES(value_text(series->study), value_text(series->series), value_int(p->ordinal),
               value_text(slide_verdict_word(p->verdict)), value_text(p->reason), value_int(like->columns),
               value_int(like->rows), value_int((int64_t)p->level_count), value_filled(p->plane.channel),
               value_real((double)p->plane.focus_nm / 1000), value_int(like->samples_per_pixel),
               length(like->row_spacing_mm), length(like->column_spacing_mm), value_filled(like->container),
               value_filled(like->frame_of_reference_uid), value_filled(like->pyramid_uid)),
        err);

    *id = catalogue_last_id(catalogue);
    return ok;
}

static bool insert_level(struct catalogue *catalogue, int64_t id, size_t number, const struct slide_level *level,
                         const struct slide_part *parts, struct error *err)
{
    bool ok = catalogue_execute(catalogue,
                                "INSERT INTO slide_level (pyramid_id, level, columns, rows, tile_columns, tile_rows,"
                                " tiles, is_aligned) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                                VALUES(value_int(id), value_int((int64_t)number), value_int(level->columns),
                                       value_int(level->rows), value_int(level->tile_columns),
                                       value_int(level->tile_rows), value_int((int64_t)level->cell_count),
                                       value_int(level->is_aligned)),
                                err);

    for (size_t i = 0; ok && i < level->part_count; i++)
        ok = catalogue_execute(catalogue,
                               "INSERT INTO slide_level_instance (pyramid_id, level, instance_id) VALUES (?, ?, ?)",
                               VALUES(value_int(id), value_int((int64_t)number),
                                      value_int((int64_t)parts[level->parts[i]].instance)),
                               err);
    return ok;
}

static bool insert_all(const struct open_series *series, const struct slide *slide, const struct slide_part *parts,
                       struct error *err)
{
    int64_t id = 0;
    bool ok = true;

    for (size_t i = 0; ok && i < slide->count; i++) {
        const struct slide_pyramid *const pyramid = &slide->pyramids[i];

        ok = insert_pyramid(series, pyramid, &id, err);
        for (size_t k = 0; ok && k < pyramid->level_count; k++)
            ok = insert_level(series->coordinator->catalogue, id, k, &pyramid->levels[k], parts, err);
    }
    return ok;
}

static bool replace_rows(const struct open_series *series, const struct gathered *all, const char *digest,
                         struct error *err)
{
    struct catalogue *const catalogue = series->coordinator->catalogue;
    const struct value study = value_text(series->study), uid = value_text(series->series);
    struct slide slide = {0};
    const bool ok = slide_sort(all->parts, all->count, &slide, err) &&
                    catalogue_execute(catalogue, "DELETE FROM slide_pyramid WHERE study_instance_uid = ?"
                                      " AND series_instance_uid = ?", VALUES(study, uid), err) &&
                    insert_all(series, &slide, all->parts, err) &&
                    catalogue_execute(catalogue, "UPDATE series SET slide_digest = ? WHERE study_instance_uid = ?"
                                      " AND series_instance_uid = ?", VALUES(value_text(digest), study, uid), err);

    slide_release(&slide);
    return ok;
}

static bool count_pyramids(struct open_series *series, struct error *err)
{
    int64_t count = 0;
    const bool ok = catalogue_number(series->coordinator->catalogue,
                                     "SELECT count(*) FROM slide_pyramid WHERE study_instance_uid = ?"
                                     " AND series_instance_uid = ? AND levels > 0",
                                     VALUES(value_text(series->study), value_text(series->series)), 0, &count, err);

    series->pyramids = (uint64_t)count;
    return ok;
}

static bool settle(struct open_series *series, struct gathered *all, bool damaged, struct error *err)
{
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;
    int64_t current = 0;

    if (!digest_end(all->rows, &digest, err) || !digest_end(all->input, &series->slide_digest, err))
        return false;
    digest_hex(&digest, hex);
    if (!catalogue_number(series->coordinator->catalogue,
                          "SELECT slide_digest = ?3 OR (slide_digest IS NULL AND ?4 = 0) FROM series"
                          " WHERE study_instance_uid = ?1 AND series_instance_uid = ?2",
                          VALUES(value_text(series->study), value_text(series->series), value_text(hex),
                                 value_int((int64_t)all->count)),
                          0, &current, err))
        return false;
    return (current != 0 || damaged || replace_rows(series, all, hex, err)) && count_pyramids(series, err);
}

bool slide_settle(struct open_series *series, struct error *err)
{
    struct gathered all = {0};
    bool damaged = false;
    const bool ok = gather(series, &all, &damaged, err) && settle(series, &all, damaged, err);

    release(&all);
    return ok;
}
