/* tile_dzi.c - Deep Zoom: image.dzi, image_files/LEVEL/X_Y.EXT */
#include <stdio.h>

#include "tile_private.h"

unsigned tile_dzi_level(const struct tile_tree *tree, unsigned level)
{
    return tree->count - 1 - level;
}

void tile_dzi_path(const struct tile_tree *tree, struct tile_place place, char path[TILE_PATH])
{
    (void)snprintf(path, TILE_PATH, "image_files/%u/%u_%u.%s", tile_dzi_level(tree, place.level), place.x, place.y,
                   tile_format_extension(tree->spec.format));
}

bool tile_dzi_descriptor(const struct tile_tree *tree, struct buffer *out, struct error *err)
{
    const struct tile_tree_spec *const spec = &tree->spec;

    return buffer_printf(out, err,
                         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                         "<Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" Format=\"%s\" Overlap=\"%u\""
                         " TileSize=\"%u\">\n <Size Width=\"%u\" Height=\"%u\"/>\n</Image>\n",
                         tile_format_extension(spec->format), spec->overlap, spec->tile_size, spec->columns,
                         spec->rows);
}

bool tile_dzi_put(struct tile_tree *tree, struct tile_place place, const void *data, size_t size, struct error *err)
{
    char path[TILE_PATH];

    tile_dzi_path(tree, place, path);
    return tile_put_file(tree, path, data, size, err);
}

bool tile_dzi_end(struct tile_tree *tree, struct error *err)
{
    struct buffer text = {0};
    const bool ok =
        tile_dzi_descriptor(tree, &text, err) && tile_put_file(tree, "image.dzi", text.data, text.size, err);

    buffer_release(&text);
    return ok;
}
