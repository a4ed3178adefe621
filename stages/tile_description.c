/* tile_description.c - tiles.json: what there is, for pages (schema/layout.md) */
#include <string.h>

#include "base/json.h"
#include "tile_private.h"

static void put_forms(struct json *j, const struct tile_tree *tree)
{
    const unsigned forms = tree->spec.forms;

    json_key(j, "forms");
    json_open_object(j);
    if ((forms & TILE_FORM_DZI) != 0)
        json_member_text(j, "dzi", "image.dzi");
    if ((forms & TILE_FORM_IIIF) != 0)
        json_member_text(j, "iiif", "iiif/info.json");
    if ((forms & TILE_FORM_PACK) != 0) {
        json_member_text(j, "pack", "image.szi");
        json_member_text(j, "index", "image.index");
    }
    json_close(j);
}

/* Runs of tiles, row by row: the first so many are blank, then so many are not, and so on. */
static void put_occupancy(struct json *j, const struct tile_tree *tree, const struct tile_level *level)
{
    const size_t end = level->first + (size_t)level->across * level->down;
    size_t run = 0;
    bool blank = true;

    json_key(j, "occupancy");
    json_open_array(j);
    for (size_t i = level->first; i < end; i++, run++)
        if (tile_bit(tree->is_blank, i) != blank) {
            json_put_int(j, (int64_t)run);
            run = 0;
            blank = !blank;
        }
    json_put_int(j, (int64_t)run);
    json_close(j);
}

static void put_level(struct json *j, const struct tile_tree *tree, unsigned number)
{
    const struct tile_level *const level = &tree->levels[number];

    json_open_object(j);
    json_member_int(j, "level", tile_dzi_level(tree, number));
    json_member_int(j, "columns", level->columns);
    json_member_int(j, "rows", level->rows);
    json_member_int(j, "across", level->across);
    json_member_int(j, "down", level->down);
    json_member_int(j, "first", (int64_t)level->first);
    if (level->coded > 0)
        json_member_int(j, "passed_through", (int64_t)level->coded);
    if (level->blank > 0)
        put_occupancy(j, tree, level);
    json_close(j);
}

static void put_levels(struct json *j, const struct tile_tree *tree)
{
    json_key(j, "levels");
    json_open_array(j);
    for (unsigned i = 0; i < tree->count; i++)
        put_level(j, tree, i);
    json_close(j);
}

static void put_blank(struct json *j, const struct tile_tree *tree)
{
    size_t blank = 0;

    for (unsigned i = 0; i < tree->count; i++)
        blank += tree->levels[i].blank;
    if (blank == 0)
        return;
    json_key(j, "blank");
    json_open_object(j);
    json_key(j, "colour");
    json_open_array(j);
    for (unsigned c = 0; c < tree->spec.channels; c++)
        json_put_int(j, tree->spec.blank[c]);
    json_close(j);
    json_member_bool(j, "is_written", tree->spec.blank_policy == TILE_BLANK_KEEP);
    if (tree->spec.blank_policy == TILE_BLANK_OMIT)
        json_member_text(j, "tile", tree->spec.format == TILE_FORMAT_JPEG ? "blank.jpg" : "blank.webp");
    json_close(j);
}

bool tile_put_description(const struct tile_tree *tree, struct error *err)
{
    const struct tile_tree_spec *const spec = &tree->spec;
    struct buffer text = {0};
    struct json j;

    json_begin(&j, &text);
    j.indent = 1;
    json_open_object(&j);
    json_member_int(&j, "columns", spec->columns);
    json_member_int(&j, "rows", spec->rows);
    json_member_int(&j, "tile_size", spec->tile_size);
    json_member_int(&j, "overlap", spec->overlap);
    json_member_text(&j, "media_type", tile_format_media_type(spec->format));
    if (spec->column_mm > 0 && spec->row_mm > 0) {
        json_member_real(&j, "column_mm", spec->column_mm);
        json_member_real(&j, "row_mm", spec->row_mm);
    }
    if (spec->icc != NULL)
        json_member_text(&j, "icc", "profile.icc");
    put_forms(&j, tree);
    put_blank(&j, tree);
    if (spec->details != NULL) {
        json_key(&j, "details");
        json_put_raw(&j, spec->details, strlen(spec->details));
    }
    put_levels(&j, tree);
    json_close(&j);
    const bool ok = json_finish(&j, err) && tile_put_file(tree, "tiles.json", text.data, text.size, err);
    buffer_release(&text);
    return ok;
}
