#include "tile_tree.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "job/staging_tree.h"
#include "tile_private.h"

/* -- geometry --------------------------------------------------------------------------------- */

unsigned tile_tree_levels(uint32_t columns, uint32_t rows)
{
    return pyramid_levels(columns, rows);
}

void tile_tree_level_size(const struct tile_tree_spec *spec, unsigned level, uint32_t *columns, uint32_t *rows)
{
    *columns = pyramid_side(spec->columns, level);
    *rows = pyramid_side(spec->rows, level);
}

void tile_tree_level_tiles(const struct tile_tree_spec *spec, unsigned level, uint32_t *across, uint32_t *down)
{
    *across = pyramid_tiles(pyramid_side(spec->columns, level), spec->tile_size);
    *down = pyramid_tiles(pyramid_side(spec->rows, level), spec->tile_size);
}

static struct pyramid_spec pyramid_spec_of(const struct tile_tree_spec *spec)
{
    struct pyramid_spec made = {.columns = spec->columns,
                                .rows = spec->rows,
                                .channels = spec->channels,
                                .tile_size = spec->tile_size,
                                .overlap = spec->overlap};

    for (unsigned i = 0; i < PYRAMID_LEVELS_MOST; i++)
        made.is_given[i] = spec->source[i] != TILE_SOURCE_FINER;
    return made;
}

void tile_tree_tile_size(const struct tile_tree_spec *spec, unsigned level, uint32_t x, uint32_t y, uint32_t *columns,
                         uint32_t *rows)
{
    const struct pyramid_spec pyramid = pyramid_spec_of(spec);
    uint32_t from, to;

    pyramid_extent(&pyramid, pyramid_side(spec->columns, level), x, &from, &to);
    *columns = to - from;
    pyramid_extent(&pyramid, pyramid_side(spec->rows, level), y, &from, &to);
    *rows = to - from;
}

size_t tile_number(const struct tile_tree *tree, struct tile_place place)
{
    const struct tile_level *const level = &tree->levels[place.level];

    return level->first + (size_t)place.y * level->across + place.x;
}

unsigned tile_whole_level(const struct tile_tree *tree)
{
    unsigned level = 0;

    while (tree->levels[level].across > 1 || tree->levels[level].down > 1)
        level++;
    return level;
}

/* -- what has come ------------------------------------------------------------------------------ */

bool tile_bit(const uint8_t *bits, size_t number)
{
    return bits[number / 8] >> number % 8 & 1;
}

static void set_bit(uint8_t *bits, size_t number)
{
    bits[number / 8] = (uint8_t)(bits[number / 8] | 1u << number % 8);
}

bool tile_put_file(const struct tile_tree *tree, const char *path, const void *data, size_t size, struct error *err)
{
    const struct part part = {data, size};

    return staging_tree_put(tree->staging, path, &part, 1, err);
}

static bool put_coded(void *client, const struct tile_place *place, const void *data, size_t size, struct error *err)
{
    struct tile_tree *const tree = client;
    const unsigned forms = tree->spec.forms;

    return ((forms & TILE_FORM_DZI) == 0 || tile_dzi_put(tree, *place, data, size, err)) &&
           ((forms & TILE_FORM_IIIF) == 0 || tile_iiif_put(tree, *place, data, size, err)) &&
           ((forms & TILE_FORM_PACK) == 0 || tile_pack_put(tree, *place, data, size, err));
}

/* -- blank tiles -------------------------------------------------------------------------------- */

static bool is_blank(const struct tile_tree *tree, const struct picture *tile)
{
    const size_t channels = tile->channels, size = (size_t)tile->columns * tile->rows * channels;

    return memcmp(tile->data, tree->spec.blank, channels) == 0 &&
           memcmp(tile->data, tile->data + channels, size - channels) == 0;
}

static bool code_blank(const struct tile_tree *tree, uint32_t columns, uint32_t rows, struct buffer *coded,
                       struct error *err)
{
    struct picture tile = {0};
    bool ok = picture_resize(&tile, rows, columns, tree->spec.channels, err);

    for (size_t i = 0; ok && i < (size_t)columns * rows * tile.channels; i++)
        tile.data[i] = tree->spec.blank[i % tile.channels];
    ok = ok && tile_coder_code(tree->coder, &tile, coded, err);
    picture_release(&tile);
    return ok;
}

static bool find_blank(struct tile_tree *tree, uint32_t columns, uint32_t rows, const struct buffer **coded,
                       struct error *err)
{
    struct tile_blanks *const blanks = &tree->blanks;
    void *sizes = blanks->sizes;

    for (size_t i = 0; i < blanks->count; i++)
        if (blanks->sizes[i].columns == columns && blanks->sizes[i].rows == rows) {
            *coded = &blanks->sizes[i].coded;
            return true;
        }
    if (!memory_grow(&sizes, &blanks->capacity, blanks->count + 1, sizeof *blanks->sizes, err))
        return false;
    blanks->sizes = sizes;
    struct tile_blank_size *const added = &blanks->sizes[blanks->count++];
    *added = (struct tile_blank_size){.columns = columns, .rows = rows};
    *coded = &added->coded;
    return code_blank(tree, columns, rows, &added->coded, err);
}

static bool put_blank(struct tile_tree *tree, struct tile_place place, struct error *err)
{
    const struct buffer *coded = NULL;
    uint32_t columns, rows;

    set_bit(tree->is_blank, tile_number(tree, place));
    tree->levels[place.level].blank++;
    if (tree->spec.blank_policy == TILE_BLANK_OMIT)
        return true;
    tile_tree_tile_size(&tree->spec, place.level, place.x, place.y, &columns, &rows);
    return find_blank(tree, columns, rows, &coded, err) &&
           tile_coder_pass(tree->coder, place, coded->data, coded->size, err);
}

/* -- rows --------------------------------------------------------------------------------------- */

static bool wants_tile(void *client, unsigned level, uint32_t x, uint32_t y)
{
    const struct tile_tree *const tree = client;

    return !tile_bit(tree->is_put, tile_number(tree, (struct tile_place){level, x, y}));
}

static bool take_tile(void *client, unsigned level, uint32_t x, uint32_t y, struct picture *tile, struct error *err)
{
    struct tile_tree *const tree = client;
    const struct tile_place place = {level, x, y};

    set_bit(tree->is_put, tile_number(tree, place));
    return is_blank(tree, tile) ? put_blank(tree, place, err) : tile_coder_add(tree->coder, place, tile, err);
}

bool tile_tree_rows(struct tile_tree *tree, unsigned level, const uint8_t *rows, uint32_t count, struct error *err)
{
    return pyramid_add(tree->pyramid, level, rows, count, err);
}

/* -- tiles -------------------------------------------------------------------------------------- */

/* One that is expected, and counts as put from now on. */
static bool expect_tile(struct tile_tree *tree, struct tile_place place, struct error *err)
{
    if (place.level >= tree->count || tree->spec.source[place.level] != TILE_SOURCE_CODED)
        return error_set(err, ERROR_USAGE, "level %u has no coded tiles", place.level);
    if (place.x >= tree->levels[place.level].across || place.y >= tree->levels[place.level].down)
        return error_set(err, ERROR_USAGE, "level %u has no tile %u, %u", place.level, place.x, place.y);
    const size_t number = tile_number(tree, place);
    if (tile_bit(tree->is_put, number))
        return error_set(err, ERROR_USAGE, "tile %u, %u of level %u comes twice", place.x, place.y, place.level);
    set_bit(tree->is_put, number);
    return true;
}

bool tile_tree_put(struct tile_tree *tree, unsigned level, uint32_t x, uint32_t y, const void *data, size_t size,
                   struct error *err)
{
    const struct tile_place place = {level, x, y};

    if (size == 0)
        return error_set(err, ERROR_USAGE, "no bytes for tile %u, %u of level %u", x, y, level);
    if (!expect_tile(tree, place, err))
        return false;
    tree->levels[level].coded++;
    return tile_coder_pass(tree->coder, place, data, size, err);
}

bool tile_tree_put_picture(struct tile_tree *tree, unsigned level, uint32_t x, uint32_t y,
                           const struct picture *picture, struct error *err)
{
    const struct tile_place place = {level, x, y};
    struct picture copy = {0};
    uint32_t columns, rows;

    if (!expect_tile(tree, place, err))
        return false;
    tile_tree_tile_size(&tree->spec, level, x, y, &columns, &rows);
    if (picture->columns != columns || picture->rows != rows || picture->channels != tree->spec.channels)
        return error_set(err, ERROR_USAGE, "a picture of %u x %u x %u for a tile of %u x %u x %u", picture->columns,
                         picture->rows, picture->channels, columns, rows, tree->spec.channels);
    if (is_blank(tree, picture))
        return put_blank(tree, place, err);
    if (!picture_resize(&copy, rows, columns, picture->channels, err))
        return false;
    memcpy(copy.data, picture->data, (size_t)columns * rows * picture->channels);
    const bool ok = tile_coder_add(tree->coder, place, &copy, err);
    picture_release(&copy);
    return ok;
}

bool tile_tree_put_blank(struct tile_tree *tree, unsigned level, uint32_t x, uint32_t y, struct error *err)
{
    const struct tile_place place = {level, x, y};

    return expect_tile(tree, place, err) && put_blank(tree, place, err);
}

/* -- from begin to end --------------------------------------------------------------------------- */

static bool check_spec(const struct tile_tree_spec *spec, struct error *err)
{
    if (spec->source[0] == TILE_SOURCE_FINER)
        return error_set(err, ERROR_USAGE, "nothing is finer than level 0");
    if (spec->forms == 0)
        return error_set(err, ERROR_USAGE, "tiles in no form");
    if ((spec->forms & TILE_FORM_IIIF) != 0 &&
        (spec->overlap > 0 || spec->format != TILE_FORMAT_JPEG || spec->blank_policy != TILE_BLANK_KEEP))
        return error_set(err, ERROR_USAGE, "tiles of IIIF are JPEG, all there, and do not overlap");
    return true;
}

/* Pixels and tiles of each level, and numbers of the tiles. */
static bool count_tiles(struct tile_tree *tree, struct error *err)
{
    uint64_t tiles = 0;

    tree->count = pyramid_levels(tree->spec.columns, tree->spec.rows);
    for (unsigned i = tree->count; i-- > 0;) {
        struct tile_level *const level = &tree->levels[i];

        tile_tree_level_size(&tree->spec, i, &level->columns, &level->rows);
        tile_tree_level_tiles(&tree->spec, i, &level->across, &level->down);
        level->first = (size_t)tiles;
        tiles += (uint64_t)level->across * level->down;
        if (tiles > LIMIT(TILES))
            return error_set(err, ERROR_LIMIT, "%u x %u pixels in tiles of %u, at most %llu of them (TILES)",
                             tree->spec.columns, tree->spec.rows, tree->spec.tile_size,
                             (unsigned long long)LIMIT(TILES));
    }
    tree->tiles = (size_t)tiles;
    return true;
}

static bool open_tree(struct tile_tree *tree, struct error *err)
{
    const struct tile_tree_spec *const spec = &tree->spec;
    const struct artefact_spec artefact = {
        .place = PLACE_TREE,
        .name = spec->name,
        .media_type = "application/json",
        .frame = spec->frame,
        .columns = spec->columns,
        .rows = spec->rows,
    };

    return staging_tree(tree->staging, &artefact, err) &&
           ((spec->forms & TILE_FORM_PACK) == 0 || tile_pack_begin(tree, err));
}

bool tile_tree_new(const struct tile_tree_spec *spec, struct staging *staging, struct tile_tree **tree,
                   struct error *err)
{
    const struct pyramid_spec pyramid = pyramid_spec_of(spec);
    const struct pyramid_sink sink = {.wants = wants_tile, .tile = take_tile};
    const struct tile_coder_options coding = {
        .format = spec->format, .quality = spec->quality, .threads = spec->threads};

    if (!check_spec(spec, err))
        return false;
    struct tile_tree *const made = memory_zeroed(sizeof *made, err);
    if (made == NULL)
        return false;
    made->spec = *spec;
    made->staging = staging;
    bool ok = pyramid_new(&pyramid, &sink, made, &made->pyramid, err) && count_tiles(made, err) &&
              tile_coder_new(&coding, put_coded, made, &made->coder, err);
    if (ok) {
        made->is_put = memory_array(made->tiles / 8 + 1, 1, err);
        made->is_blank = memory_array(made->tiles / 8 + 1, 1, err);
        ok = made->is_put != NULL && made->is_blank != NULL && open_tree(made, err);
    }
    if (!ok) {
        tile_tree_free(made);
        return false;
    }
    *tree = made;
    return true;
}

void tile_tree_free(struct tile_tree *tree)
{
    if (tree == NULL)
        return;
    tile_coder_free(tree->coder);
    pyramid_free(tree->pyramid);
    for (size_t i = 0; i < tree->blanks.count; i++)
        buffer_release(&tree->blanks.sizes[i].coded);
    memory_free(tree->blanks.sizes);
    tile_pack_release(&tree->pack);
    memory_free(tree->is_put);
    memory_free(tree->is_blank);
    memory_free(tree);
}

static bool check_complete(const struct tile_tree *tree, struct error *err)
{
    for (unsigned i = 0; i < tree->count; i++) {
        const struct tile_level *const level = &tree->levels[i];
        const size_t count = (size_t)level->across * level->down;

        for (size_t tile = 0; tile < count; tile++)
            if (!tile_bit(tree->is_put, level->first + tile))
                return error_set(err, ERROR_USAGE, "tile %zu, %zu of level %u has not come", tile % level->across,
                                 tile / level->across, i);
    }
    return true;
}

/* What clients draw instead of the tiles that are not there. */
static bool put_shared_blank(struct tile_tree *tree, struct error *err)
{
    const uint32_t side = tree->spec.tile_size + 2 * tree->spec.overlap;
    char path[TILE_PATH];
    struct buffer coded = {0};
    bool ok = true;
    size_t blank = 0;

    for (unsigned i = 0; i < tree->count; i++)
        blank += tree->levels[i].blank;
    if (tree->spec.blank_policy != TILE_BLANK_OMIT || blank == 0)
        return true;
    (void)snprintf(path, sizeof path, "blank.%s", tile_format_extension(tree->spec.format));
    ok = code_blank(tree, side, side, &coded, err) && tile_put_file(tree, path, coded.data, coded.size, err);
    buffer_release(&coded);
    return ok;
}

bool tile_tree_end(struct tile_tree *tree, struct error *err)
{
    const struct tile_tree_spec *const spec = &tree->spec;

    return pyramid_end(tree->pyramid, err) && tile_coder_flush(tree->coder, err) && check_complete(tree, err) &&
           put_shared_blank(tree, err) && ((spec->forms & TILE_FORM_DZI) == 0 || tile_dzi_end(tree, err)) &&
           ((spec->forms & TILE_FORM_IIIF) == 0 || tile_iiif_end(tree, err)) &&
           ((spec->forms & TILE_FORM_PACK) == 0 || tile_pack_end(tree, err)) &&
           (spec->icc == NULL || tile_put_file(tree, "profile.icc", spec->icc, spec->icc_size, err)) &&
           tile_put_description(tree, err) && staging_tree_end(tree->staging, err);
}
