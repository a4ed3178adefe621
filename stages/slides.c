/* slides.c - the pyramids of slides as trees of tiles (tile_tree.h): studies/S/E/slide-N.DIGEST16/
 *
 * A level that the slide holds is used, whatever made it; the others are halved from the finer one. Where the grid of a
 * level's own tiles is the one that is wanted and they are baseline JPEG that any decoder shows in the right colours
 * (codec/frame_pass.h), their bytes become tiles as they are. Decoded are only the tiles at the right and lower edge, whose
 * padding has to go, and what a missing level is halved from.
 *
 * Where tiles are used as they are, all of the tree is in the colours of the slide's ICC profile, which lies beside it; else
 * everything is converted to sRGB.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "codec/frame_pass.h"
#include "job/staging_stream.h"
#include "job/staging_tree.h"
#include "stages.h"
#include "tile_options.h"

enum { FREE_PLACES = 1 << 16 }; /* an empty slide of 65,536 tiles is made without asking */

struct state { struct passer *passer; };

/* One pyramid. */
struct work {
    struct stage_run *run;
    const struct stage_slide *slide;
    struct tile_tree_spec spec;
    struct tile_tree *tree;
    unsigned levels;                                    /* of the tree */
    const struct slide_level *from[PYRAMID_LEVELS_MOST];   /* NULL: halved */
    bool needs_rows[PYRAMID_LEVELS_MOST];
    bool keeps_colours;                                 /* some level's tiles pass: no conversion to sRGB */
    struct buffer strip;                                /* a row of the slide's tiles, decoded */
    struct buffer details;
    uint64_t passed, coded;
};

static const struct pass_rules rules = {.wishes = PASS_LOSSY};

/* -- which levels there are ------------------------------------------------------------------ */

static const struct slide_level *find_level(const struct slide_pyramid *pyramid, uint32_t columns, uint32_t rows)
{
    for (size_t i = 0; i < pyramid->level_count; i++)
        if (pyramid->levels[i].columns == columns && pyramid->levels[i].rows == rows)
            return &pyramid->levels[i];
    return NULL;
}

/* The tile as it may be used: a JPEG with the pixels of a whole tile. */
static bool look(struct work *w, const struct slide_level *level, const struct slide_cell *cell,
                 struct passed_frame *passed, bool *passes, struct error *err)
{
    struct state *const state = w->run->state;
    struct coded_frame coded;

    if (!w->slide->coded(w->slide->reader, cell, &coded, err) ||
        !passer_look(state->passer, &rules, coded.image, coded.number, coded.data, coded.size, NULL, passed, err))
        return false;
    *passes = passed->why_not == NULL && passed->payload.syntax->coding == CODING_JPEG &&
              passed->like.columns == level->tile_columns && passed->like.rows == level->tile_rows;
    return true;
}

/* By its first tile; whether the others do is asked of each. */
static bool may_pass(struct work *w, const struct slide_level *level, bool *may, struct error *err)
{
    struct passed_frame passed;

    *may = false;
    if (!w->slide->is_colour || w->slide->profiles_differ || !level->is_aligned || level->cell_count == 0 ||
        level->tile_columns != level->tile_rows)
        return true;
    return look(w, level, &level->cells[0], &passed, may, err);
}

static bool choose_sources(struct work *w, struct error *err)
{
    const uint32_t side = w->spec.tile_size;

    for (unsigned i = 0; i < w->levels; i++) {
        uint32_t columns, rows;
        bool may = false;

        tile_tree_level_size(&w->spec, i, &columns, &rows);
        const struct slide_level *const level = find_level(w->slide->pyramid, columns, rows);
        w->from[i] = level;
        w->spec.source[i] = level != NULL ? TILE_SOURCE_ROWS : TILE_SOURCE_FINER;
        w->needs_rows[i] = level != NULL;
        if (level == NULL || w->spec.format != TILE_FORMAT_JPEG || w->spec.overlap != 0 || level->tile_columns != side)
            continue;
        if (!may_pass(w, level, &may, err))
            return false;
        if (may)
            w->spec.source[i] = TILE_SOURCE_CODED;
        w->needs_rows[i] = !may;
        w->keeps_colours = w->keeps_colours || may;
    }
    for (unsigned i = 0; i + 1 < w->levels; i++)
        w->needs_rows[i] = w->from[i] != NULL && (w->needs_rows[i] || w->spec.source[i + 1] == TILE_SOURCE_FINER);
    return true;
}

/* Background is white where light falls through, black where something glows. */
static void choose_colours(struct work *w)
{
    w->spec.channels = w->slide->is_colour ? 3 : 1;
    memset(w->spec.blank, w->slide->is_colour ? 0xff : 0, sizeof w->spec.blank);
    if (w->keeps_colours && w->slide->icc != NULL) {
        w->spec.icc = w->slide->icc;
        w->spec.icc_size = w->slide->icc_size;
    }
}

static bool describe(struct work *w, struct error *err)
{
    static const char *const words[] = {
        [TILE_SOURCE_FINER] = "halved", [TILE_SOURCE_ROWS] = "decoded", [TILE_SOURCE_CODED] = "passed"};
    const struct slide_pyramid *const pyramid = w->slide->pyramid;
    struct json j;

    json_begin(&j, &w->details);
    json_open_object(&j);
    json_member_int(&j, "pyramid", pyramid->ordinal);
    json_member_text(&j, "verdict", slide_verdict_word(pyramid->verdict));
    json_member_text(&j, "optical_path", pyramid->plane.channel);
    json_member_real(&j, "focus_um", (double)pyramid->plane.focus_nm / 1000);
    json_key(&j, "levels");
    json_open_array(&j);
    for (unsigned i = 0; i < w->levels; i++)
        json_put_string(&j, words[w->spec.source[i]]);
    json_close(&j);
    json_close(&j);
    return json_finish(&j, err);
}

/* -- pictures -------------------------------------------------------------------------------- */

static bool draw(struct work *w, const struct slide_level *level, const struct slide_cell *cell,
                 const struct picture **picture, struct error *err)
{
    if (!w->slide->picture(w->slide->reader, cell, !w->keeps_colours, picture, err))
        return false;
    if ((*picture)->columns == level->tile_columns && (*picture)->rows == level->tile_rows &&
        (*picture)->channels == w->spec.channels)
        return true;
    return error_set(err, ERROR_CORRUPT, "tile at %u, %u: %u x %u pixels of %u samples, expected %u x %u of %u",
                     cell->column, cell->row, (*picture)->columns, (*picture)->rows, (*picture)->channels,
                     level->tile_columns, level->tile_rows, w->spec.channels);
}

/* What of the tile is in rows [from, from + count) of the level, into the strip that holds them. */
static void blit(struct work *w, const struct slide_level *level, const struct slide_cell *cell, uint32_t from,
                 uint32_t count, const struct picture *picture)
{
    const size_t channels = w->spec.channels, pitch = level->columns * channels;
    const uint32_t left = level->columns - cell->column;
    const size_t line = (left < picture->columns ? left : picture->columns) * channels;
    const uint32_t first = cell->row > from ? cell->row : from;
    const uint32_t end = cell->row + picture->rows < from + count ? cell->row + picture->rows : from + count;

    for (uint32_t row = first; row < end; row++)
        memcpy(w->strip.data + (row - from) * pitch + cell->column * channels,
               picture->data + (size_t)(row - cell->row) * picture->columns * channels, line);
}

/* The picture of a tile at the edge without its padding, or of any that cannot pass. */
static bool put_picture(struct work *w, unsigned number, const struct slide_level *level, const struct slide_cell *cell,
                        const struct picture *whole, struct error *err)
{
    const uint32_t x = cell->column / level->tile_columns, y = cell->row / level->tile_rows;
    struct picture part = {0};
    uint32_t columns, rows;

    tile_tree_tile_size(&w->spec, number, x, y, &columns, &rows);
    bool ok = picture_resize(&part, rows, columns, w->spec.channels, err);
    for (uint32_t row = 0; ok && row < rows; row++)
        memcpy(part.data + (size_t)row * columns * w->spec.channels,
               whole->data + (size_t)row * whole->columns * w->spec.channels, (size_t)columns * w->spec.channels);
    ok = ok && tile_tree_put_picture(w->tree, number, x, y, &part, err);
    picture_release(&part);
    w->coded += ok;
    return ok;
}

/* -- tiles ----------------------------------------------------------------------------------- */

static bool is_whole(const struct slide_level *level, const struct slide_cell *cell)
{
    return level->columns - cell->column >= level->tile_columns && level->rows - cell->row >= level->tile_rows;
}

/* *put: its bytes are a tile. */
static bool try_pass(struct work *w, unsigned number, const struct slide_level *level, const struct slide_cell *cell,
                     bool *put, struct error *err)
{
    const uint32_t x = cell->column / level->tile_columns, y = cell->row / level->tile_rows;
    struct passed_frame passed;

    *put = false;
    if (w->spec.source[number] != TILE_SOURCE_CODED || !is_whole(level, cell))
        return true;
    if (!look(w, level, cell, &passed, put, err))
        return false;
    w->passed += *put;
    return !*put || tile_tree_put(w->tree, number, x, y, passed.payload.data, passed.payload.size, err);
}

static bool run_cell(struct work *w, unsigned number, const struct slide_cell *cell, uint32_t from, uint32_t count,
                     struct error *err)
{
    const struct slide_level *const level = w->from[number];
    const struct picture *picture = NULL;
    bool put = false;

    if (!try_pass(w, number, level, cell, &put, err))
        return false;
    if (put && !w->needs_rows[number])
        return true;
    if (!draw(w, level, cell, &picture, err))
        return false;
    if (w->needs_rows[number])
        blit(w, level, cell, from, count, picture);
    return put || w->spec.source[number] != TILE_SOURCE_CODED || put_picture(w, number, level, cell, picture, err);
}

/* Those places of a row of tiles that have none. */
static bool put_blanks(struct work *w, unsigned number, uint32_t y, struct error *err)
{
    const struct slide_level *const level = w->from[number];
    bool ok = true;

    for (uint32_t x = 0; ok && x < level->across; x++)
        ok = slide_level_at(level, x, y) != NULL || tile_tree_put_blank(w->tree, number, x, y, err);
    return ok;
}

static bool clear_strip(struct work *w, const struct slide_level *level, uint32_t count, struct error *err)
{
    const size_t size = (size_t)level->columns * w->spec.channels * count;

    buffer_clear(&w->strip);
    if (!buffer_reserve(&w->strip, size, err))
        return false;
    memset(w->strip.data, w->spec.blank[0], size);
    return true;
}

/* A row of tiles. Cells that overlap are drawn in the order of their places. */
static bool run_strip(struct work *w, unsigned number, uint32_t y, struct error *err)
{
    const struct slide_level *const level = w->from[number];
    const uint32_t from = y * level->tile_rows, left = level->rows - from;
    const uint32_t count = left < level->tile_rows ? left : level->tile_rows;
    size_t first, end;
    bool ok = !w->needs_rows[number] || clear_strip(w, level, count, err);

    slide_level_rows(level, from, from + count, &first, &end);
    for (size_t i = first; ok && i < end; i++)
        ok = run_cell(w, number, &level->cells[i], from, count, err);
    if (ok && w->spec.source[number] == TILE_SOURCE_CODED)
        ok = put_blanks(w, number, y, err);
    return ok && (!w->needs_rows[number] || tile_tree_rows(w->tree, number, w->strip.data, count, err));
}

static bool run_levels(struct work *w, struct error *err)
{
    bool ok = true;

    for (unsigned i = 0; ok && i < w->levels; i++)
        for (uint32_t y = 0; ok && w->from[i] != NULL && y < w->from[i]->down; y++)
            ok = run_strip(w, i, y, err);
    return ok;
}

/* -- one pyramid ----------------------------------------------------------------------------- */

/* The largest strip there will be; and how much background a few tiles may bring with them. */
static bool check_size(const struct work *w, struct error *err)
{
    const struct slide_level *const level = &w->slide->pyramid->levels[0];
    const uint64_t bytes = (uint64_t)level->columns * level->tile_rows * w->spec.channels;
    const uint64_t places = (uint64_t)level->across * level->down;

    if (places > FREE_PLACES && places / LIMIT(INFLATE_RATIO) > level->cell_count)
        return error_set(err, ERROR_LIMIT, "limit INFLATE_RATIO: %zu tiles in %llu places, more than 1 to %llu",
                         level->cell_count, (unsigned long long)places, (unsigned long long)LIMIT(INFLATE_RATIO));
    return bytes <= LIMIT(FRAME_BYTES) ||
           error_set(err, ERROR_LIMIT, "limit FRAME_BYTES: a row of tiles of %u x %u pixels is %llu bytes, more than %llu",
                     level->columns, level->tile_rows, (unsigned long long)bytes,
                     (unsigned long long)LIMIT(FRAME_BYTES));
}

static bool choose(struct work *w, struct error *err)
{
    const struct slide_pyramid *const pyramid = w->slide->pyramid;
    const struct slide_level *const level = &pyramid->levels[0];
    bool may = false;

    w->spec.columns = level->columns;
    w->spec.rows = level->rows;
    w->spec.column_mm = pyramid->like->column_spacing_mm;
    w->spec.row_mm = pyramid->like->row_spacing_mm;
    w->spec.threads = w->run->threads;
    if (!may_pass(w, level, &may, err))
        return false;
    tile_options_use(w->run->options, may ? level->tile_columns : 0, &w->spec);
    w->levels = tile_tree_levels(w->spec.columns, w->spec.rows);
    if (!choose_sources(w, err))
        return false;
    choose_colours(w);
    if (!describe(w, err))
        return false;
    w->spec.details = buffer_text(&w->details);
    return check_size(w, err);
}

static bool tell(const struct work *w, struct error *err)
{
    struct buffer *const notes = w->run->notes;
    const uint32_t ordinal = w->slide->pyramid->ordinal;

    if (w->passed > 0 && !buffer_printf(notes, err, "slide-%u: %llu tiles are those of the slide as they came\n", ordinal,
                                        (unsigned long long)w->passed))
        return false;
    if (w->spec.icc != NULL)
        return buffer_printf(notes, err, "slide-%u: colours are those of the ICC profile beside it, not sRGB\n", ordinal);
    return w->slide->icc == NULL ||
           buffer_printf(notes, err, "slide-%u: converted to sRGB by the ICC profile\n", ordinal);
}

static bool run_pyramid(struct work *w, const char *name, struct error *err)
{
    char folder[PATH_SIZE];

    w->spec.name = name;
    w->spec.folder = folder;
    return layout_folder(w->run->input->subject, folder, err) && choose(w, err) &&
           tile_tree_new(&w->spec, w->run->staging, &w->tree, err) && run_levels(w, err) &&
           tile_tree_end(w->tree, err) && tell(w, err);
}

static bool slides_slide(struct stage_run *run, const struct stage_slide *slide, struct error *err)
{
    struct work w = {.run = run, .slide = slide};
    char name[32];

    (void)snprintf(name, sizeof name, "slide-%u", slide->pyramid->ordinal);
    const bool ok = run_pyramid(&w, name, err);
    if (!ok) { /* the next one may be whole */
        staging_stream_drop(run->staging);
        staging_tree_drop(run->staging);
    }
    tile_tree_free(w.tree);
    buffer_release(&w.strip);
    buffer_release(&w.details);
    return ok;
}

static bool slides_begin(struct stage_run *run, struct error *err)
{
    struct state *const state = run->state;

    return passer_new(&state->passer, err);
}

static void slides_release(struct stage_run *run)
{
    struct state *const state = run->state;

    passer_free(state->passer);
}

const struct stage slides_stage = {
    .name = "slides",
    .summary = "the pyramids of slides as tiles: their own where they can be used; options: those of tiles",
    .version = 2,
    .scope = SCOPE_SERIES,
    .needs = NEEDS_SLIDE,
    .on_by_default = true,
    .options = tile_option_table,
    .options_of = &tiles_stage,
    .options_size = sizeof(struct tile_options),
    .state_size = sizeof(struct state),
    .begin = slides_begin,
    .release = slides_release,
    .slide = slides_slide,
};
