/* tile_iiif.c - IIIF Image API 3.0, level 0: iiif/info.json, iiif/REGION/SIZE/0/default.jpg
 *
 * Promised, and there: the tiles of every level up to the first that is one tile (`tiles`), and that level as a whole picture
 * (`sizes`, and as the largest size that can be had, `max`). No more sizes: OpenSeadragon takes a list as long as that of the
 * levels for the list of the levels.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "job/staging_tree.h"
#include "tile_private.h"

#define NAME_TO_COME "0000000000000000" /* the first 16 digits of the tree's digest */

/* The size of a level's picture, as IIIF writes it. */
static void size_text(const struct tile_level *level, char text[32])
{
    (void)snprintf(text, 32, "%u,%u", level->columns, level->rows);
}

static bool put_at(const struct tile_tree *tree, const char *region, const char *size, const void *data, size_t bytes,
                   struct error *err)
{
    char path[TILE_PATH];

    (void)snprintf(path, sizeof path, "iiif/%s/%s/0/default.jpg", region, size);
    return tile_put_file(tree, path, data, bytes, err);
}

/* A region that is the whole picture may be asked for in any of these ways. */
static bool put_whole(const struct tile_tree *tree, unsigned level, const void *data, size_t bytes, struct error *err)
{
    char all[48], size[32];

    (void)snprintf(all, sizeof all, "0,0,%u,%u", tree->spec.columns, tree->spec.rows);
    size_text(&tree->levels[level], size);
    return put_at(tree, "full", size, data, bytes, err) && put_at(tree, "full", "max", data, bytes, err) &&
           put_at(tree, all, size, data, bytes, err) && (level > 0 || put_at(tree, all, "max", data, bytes, err));
}

bool tile_iiif_put(struct tile_tree *tree, struct tile_place place, const void *data, size_t size, struct error *err)
{
    const struct tile_tree_spec *const spec = &tree->spec;
    const unsigned whole = tile_whole_level(tree);
    const uint64_t side = (uint64_t)spec->tile_size << place.level; /* in pixels of the picture */
    const uint64_t left = place.x * side, top = place.y * side;
    uint32_t columns, rows;
    char region[96], pixels[32];

    if (place.level > whole)
        return true;
    if (place.level == whole)
        return put_whole(tree, place.level, data, size, err);
    tile_tree_tile_size(spec, place.level, place.x, place.y, &columns, &rows);
    (void)snprintf(region, sizeof region, "%llu,%llu,%llu,%llu", (unsigned long long)left, (unsigned long long)top,
                   (unsigned long long)(left + side < spec->columns ? side : spec->columns - left),
                   (unsigned long long)(top + side < spec->rows ? side : spec->rows - top));
    (void)snprintf(pixels, sizeof pixels, "%u,%u", columns, rows);
    return put_at(tree, region, pixels, data, size, err);
}

static void put_sizes(struct json *j, const struct tile_tree *tree, unsigned whole)
{
    json_key(j, "sizes");
    json_open_array(j);
    json_open_object(j);
    json_member_int(j, "width", tree->levels[whole].columns);
    json_member_int(j, "height", tree->levels[whole].rows);
    json_close(j);
    json_close(j);
}

static void put_tiles(struct json *j, const struct tile_tree *tree, unsigned whole)
{
    json_key(j, "tiles");
    json_open_array(j);
    json_open_object(j);
    json_member_int(j, "width", tree->spec.tile_size);
    json_member_int(j, "height", tree->spec.tile_size);
    json_key(j, "scaleFactors");
    json_open_array(j);
    for (unsigned i = 0; i <= whole; i++)
        json_put_int(j, INT64_C(1) << i);
    json_close(j);
    json_close(j);
    json_close(j);
}

/* `id` is used as it is by viewers, so it cannot be relative to info.json. A site that does not know its address says where
 * the folder is on its server. */
static bool put_id(const struct tile_tree *tree, struct buffer *id, struct error *err)
{
    const struct tile_tree_spec *const spec = &tree->spec;

    return buffer_printf(id, err, "%s%s/%s.%s/iiif", spec->base, spec->folder, spec->name, NAME_TO_COME);
}

static bool write_info(const struct tile_tree *tree, const char *id, struct buffer *out, struct error *err)
{
    const unsigned whole = tile_whole_level(tree);
    struct json j;

    json_begin(&j, out);
    json_open_object(&j);
    json_member_text(&j, "@context", "http://iiif.io/api/image/3/context.json");
    json_member_text(&j, "id", id);
    json_member_text(&j, "type", "ImageService3");
    json_member_text(&j, "protocol", "http://iiif.io/api/image");
    json_member_text(&j, "profile", "level0");
    json_member_int(&j, "width", tree->spec.columns);
    json_member_int(&j, "height", tree->spec.rows);
    json_member_int(&j, "maxWidth", tree->spec.tile_size);
    put_sizes(&j, tree, whole);
    put_tiles(&j, tree, whole);
    json_close(&j);
    return json_finish(&j, err);
}

bool tile_iiif_end(struct tile_tree *tree, struct error *err)
{
    struct buffer id = {0}, text = {0};
    bool ok = put_id(tree, &id, err) && write_info(tree, buffer_text(&id), &text, err);

    if (ok) {
        const char *const name = strstr(buffer_text(&text), NAME_TO_COME);
        ok = name != NULL ? staging_tree_put_naming(tree->staging, "iiif/info.json", text.data, text.size,
                                                    (uint64_t)(name - buffer_text(&text)), err)
                          : error_set(err, ERROR_USAGE, "\"%s\" cannot stand in info.json", tree->spec.base);
    }
    buffer_release(&id);
    buffer_release(&text);
    return ok;
}
