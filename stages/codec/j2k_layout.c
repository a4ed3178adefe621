#include "j2k_layout.h"

enum {
    SIZ_BYTES = 36,    /* before the components */
    COD_BYTES = 10,    /* before the precincts */
    BLOCK_SIDE = 10,   /* largest exponents: of a side, of the area (A.18) */
    BLOCK_AREA = 12,
    PRECINCT_SIDE = 15 /* when COD gives none */
};

static uint16_t u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)u16(at) << 16 | u16(at + 2);
}

static uint64_t ceil_shift(uint64_t value, unsigned bits)
{
    return (value + (UINT64_C(1) << bits) - 1) >> bits;
}

static uint64_t ceil_divide(uint64_t value, uint64_t by)
{
    return (value + by - 1) / by;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* -- the segments ------------------------------------------------------------------------------ */

static bool check_area(const struct j2k_layout *layout, const uint8_t *body, struct error *err)
{
    const uint32_t tile_columns = u32(body + 18), tile_rows = u32(body + 22);
    const uint32_t tile_x = u32(body + 26), tile_y = u32(body + 30);

    if (layout->x0 >= layout->x1 || layout->y0 >= layout->y1)
        return error_set(err, ERROR_CORRUPT, "SIZ with an empty image");
    if (tile_x > layout->x0 || tile_y > layout->y0 || (uint64_t)tile_x + tile_columns <= layout->x0 ||
        (uint64_t)tile_y + tile_rows <= layout->y0)
        return error_set(err, ERROR_CORRUPT, "SIZ with an empty first tile");
    if ((uint64_t)tile_x + tile_columns < layout->x1 || (uint64_t)tile_y + tile_rows < layout->y1)
        return error_set(err, ERROR_UNSUPPORTED, "a codestream of several tiles");
    return true;
}

bool j2k_layout_read_siz(struct j2k_layout *layout, const uint8_t *body, size_t size, struct error *err)
{
    const unsigned components = size < SIZ_BYTES ? 0 : u16(body + 34);

    if (layout->components != 0)
        return error_set(err, ERROR_CORRUPT, "a second SIZ");
    if (components == 0 || size < SIZ_BYTES + 3 * (size_t)components)
        return error_set(err, ERROR_CORRUPT, "SIZ of %zu bytes for %u components", size, components);
    if (components > J2K_LAYOUT_COMPONENTS)
        return error_set(err, ERROR_UNSUPPORTED, "a codestream with %u components", components);
    if (body[0] >> 7 != 0)
        return error_set(err, ERROR_UNSUPPORTED, "a codestream with extensions of part 2 (Rsiz %02X%02X)",
                         body[0], body[1]);
    layout->x1 = u32(body + 2);
    layout->y1 = u32(body + 6);
    layout->x0 = u32(body + 10);
    layout->y0 = u32(body + 14);
    layout->components = components;
    for (unsigned c = 0; c < components; c++) {
        layout->component[c].step_x = body[SIZ_BYTES + 3 * c + 1];
        layout->component[c].step_y = body[SIZ_BYTES + 3 * c + 2];
        if (layout->component[c].step_x == 0 || layout->component[c].step_y == 0)
            return error_set(err, ERROR_CORRUPT, "SIZ with a component of no samples");
    }
    return check_area(layout, body, err);
}

/* SPcod or SPcoc: levels, code-blocks, style, wavelet, precincts. */
static bool read_coding(struct j2k_component *component, const uint8_t *at, size_t size, bool has_precincts,
                        struct error *err)
{
    const unsigned levels = at[0];

    if (levels >= J2K_RESOLUTIONS_MOST || at[1] > BLOCK_SIDE - 2 || at[2] > BLOCK_SIDE - 2 ||
        at[1] + at[2] > BLOCK_AREA - 4)
        return error_set(err, ERROR_CORRUPT, "%u levels, code-blocks of 2^%u x 2^%u samples", levels,
                         at[1] + 2u, at[2] + 2u);
    if ((at[3] & J2K_STYLE_MIXED) != 0)
        return error_set(err, ERROR_UNSUPPORTED, "code-block style 0x%02x: HT and other blocks mixed", at[3]);
    component->block_x = (uint8_t)(at[1] + 2);
    component->block_y = (uint8_t)(at[2] + 2);
    component->style = at[3];
    if (has_precincts && size < 5 + (size_t)levels + 1)
        return error_set(err, ERROR_CORRUPT, "%zu bytes of coding style, precincts of %u levels are missing",
                         size, levels);
    for (unsigned r = 0; r <= levels; r++) {
        component->precinct_x[r] = has_precincts ? at[5 + r] & 15 : PRECINCT_SIDE;
        component->precinct_y[r] = has_precincts ? at[5 + r] >> 4 : PRECINCT_SIDE;
        if (r > 0 && (component->precinct_x[r] == 0 || component->precinct_y[r] == 0))
            return error_set(err, ERROR_CORRUPT, "a precinct of one sample in resolution %u", r);
    }
    return true;
}

bool j2k_layout_read_cod(struct j2k_layout *layout, const uint8_t *body, size_t size, struct error *err)
{
    struct j2k_component common = {0};

    if (size < COD_BYTES || layout->layers != 0)
        return error_set(err, ERROR_CORRUPT, "%s COD of %zu bytes", layout->layers != 0 ? "a second" : "a", size);
    layout->has_sop = body[0] >> 1 & 1;
    layout->has_eph = body[0] >> 2 & 1;
    layout->progression = body[1];
    layout->layers = u16(body + 2);
    layout->levels = body[5];
    if (layout->layers == 0 || layout->progression > J2K_CPRL)
        return error_set(err, ERROR_CORRUPT, "COD with %u layers, progression %u", layout->layers,
                         layout->progression);
    if (!read_coding(&common, body + 5, size - 5, body[0] & 1, err))
        return false;
    for (unsigned c = 0; c < layout->components; c++) {
        struct j2k_component *const component = &layout->component[c];

        common.step_x = component->step_x;
        common.step_y = component->step_y;
        *component = common;
    }
    return true;
}

bool j2k_layout_read_coc(struct j2k_layout *layout, const uint8_t *body, size_t size, struct error *err)
{
    enum { LEAST = 7 };

    if (size < LEAST || body[0] >= layout->components)
        return error_set(err, ERROR_CORRUPT, "COC of %zu bytes for component %u", size,
                         size > 0 ? body[0] : 0u);
    if (layout->layers == 0)
        return error_set(err, ERROR_UNSUPPORTED, "COC before COD");
    /* With resolutions of their own, components are not at one scale where a tile-part ends. */
    if (layout->levels != body[2])
        return error_set(err, ERROR_UNSUPPORTED, "component %u has %u levels, others %u", body[0], body[2],
                         layout->levels);
    return read_coding(&layout->component[body[0]], body + 2, size - 2, body[1] & 1, err);
}

/* -- geometry ---------------------------------------------------------------------------------- */

void j2k_layout_size(const struct j2k_layout *layout, unsigned c, unsigned r, uint32_t *columns, uint32_t *rows)
{
    const struct j2k_component *const component = &layout->component[c];
    const unsigned reduce = layout->levels - r;

    *columns = (uint32_t)(ceil_shift(ceil_divide(layout->x1, component->step_x), reduce) -
                          ceil_shift(ceil_divide(layout->x0, component->step_x), reduce));
    *rows = (uint32_t)(ceil_shift(ceil_divide(layout->y1, component->step_y), reduce) -
                       ceil_shift(ceil_divide(layout->y0, component->step_y), reduce));
}

/* B-15: a coordinate in a band after `levels` decompositions; `high` if it is high-pass in this direction. */
static uint64_t band_coordinate(uint64_t value, unsigned levels, bool high)
{
    const uint64_t half = high ? UINT64_C(1) << (levels - 1) : 0;

    /* (value - half + 2^levels - 1) is not negative: half is at most 2^levels / 2 */
    return (value + (UINT64_C(1) << levels) - 1 - half) >> levels;
}

static void fill_grid(const struct j2k_layout *layout, unsigned c, unsigned r, struct j2k_grid *grid)
{
    const struct j2k_component *const component = &layout->component[c];
    const unsigned reduce = layout->levels - r, lower = r > 0; /* bands of r > 0 have half its scale */
    const unsigned px = component->precinct_x[r], py = component->precinct_y[r];
    const uint64_t x0 = ceil_divide(layout->x0, component->step_x);
    const uint64_t x1 = ceil_divide(layout->x1, component->step_x);
    const uint64_t y0 = ceil_divide(layout->y0, component->step_y);
    const uint64_t y1 = ceil_divide(layout->y1, component->step_y);
    const bool is_empty = ceil_shift(x0, reduce) == ceil_shift(x1, reduce) ||
                          ceil_shift(y0, reduce) == ceil_shift(y1, reduce);

    *grid = (struct j2k_grid){
        .left = ceil_shift(x0, reduce) >> px,
        .top = ceil_shift(y0, reduce) >> py,
        .right = is_empty ? 0 : ceil_shift(ceil_shift(x1, reduce), px),
        .bottom = is_empty ? 0 : ceil_shift(ceil_shift(y1, reduce), py),
        .step_x = (uint64_t)component->step_x << (px + reduce),
        .step_y = (uint64_t)component->step_y << (py + reduce),
        .precinct_x = (uint8_t)(px - lower),
        .precinct_y = (uint8_t)(py - lower),
        .block_x = (uint8_t)smaller(component->block_x, px - lower),
        .block_y = (uint8_t)smaller(component->block_y, py - lower),
    };
    grid->column = grid->left;
    grid->row = grid->top;
    for (unsigned b = 0; b < (r > 0 ? J2K_LAYOUT_BANDS : 1u); b++) {
        const bool high_x = r > 0 && b != 1, high_y = r > 0 && b != 0; /* HL, LH, HH */

        grid->bands[b] = (struct j2k_band){band_coordinate(x0, reduce + lower, high_x),
                                              band_coordinate(y0, reduce + lower, high_y),
                                              band_coordinate(x1, reduce + lower, high_x),
                                              band_coordinate(y1, reduce + lower, high_y)};
    }
}

void j2k_layout_begin(const struct j2k_layout *layout, unsigned r, struct j2k_precincts *walk)
{
    walk->layout = layout;
    walk->bands = r > 0 ? J2K_LAYOUT_BANDS : 1;
    walk->y = UINT64_MAX;
    for (unsigned c = 0; c < layout->components; c++)
        fill_grid(layout, c, r, &walk->grids[c]);
}

bool j2k_layout_is_rpcl(const struct j2k_layout *layout)
{
    struct j2k_precincts walk;
    const bool one_layer = layout->layers == 1, one_component = layout->components == 1;

    if (layout->progression == J2K_RPCL)
        return true;
    if (layout->progression == J2K_LRCP ? !one_layer
        : layout->progression == J2K_RLCP ? !one_layer && !one_component : !one_component)
        return false;
    for (unsigned r = 0; r <= layout->levels; r++) {
        j2k_layout_begin(layout, r, &walk);
        for (unsigned c = 0; c < layout->components; c++)
            if (walk.grids[c].right > walk.grids[c].left + 1 || walk.grids[c].bottom > walk.grids[c].top + 1)
                return false;
    }
    return true;
}

static bool has_rows(const struct j2k_grid *grid)
{
    return grid->row < grid->bottom && grid->left < grid->right;
}

/* Where on the reference grid a precinct's turn comes: its corner, or the image's (B.12.1.3). */
static uint64_t row_at(const struct j2k_precincts *walk, const struct j2k_grid *grid)
{
    return larger(grid->row * grid->step_y, walk->layout->y0);
}

static uint64_t column_at(const struct j2k_precincts *walk, const struct j2k_grid *grid)
{
    return larger(grid->column * grid->step_x, walk->layout->x0);
}

static bool is_in_row(const struct j2k_precincts *walk, const struct j2k_grid *grid)
{
    return has_rows(grid) && row_at(walk, grid) == walk->y;
}

/* The component whose turn it is in the row at hand: the leftmost, the first of equals; -1 if the row is done. */
static int next_in_row(const struct j2k_precincts *walk)
{
    uint64_t least = UINT64_MAX;
    int found = -1;

    for (unsigned c = 0; c < walk->layout->components; c++) {
        const struct j2k_grid *const grid = &walk->grids[c];

        if (is_in_row(walk, grid) && grid->column < grid->right && column_at(walk, grid) < least) {
            least = column_at(walk, grid);
            found = (int)c;
        }
    }
    return found;
}

/* Leaves the row at hand for the next one; false behind the last. */
static bool next_row(struct j2k_precincts *walk)
{
    uint64_t least = UINT64_MAX;

    for (unsigned c = 0; c < walk->layout->components; c++) {
        struct j2k_grid *const grid = &walk->grids[c];

        if (is_in_row(walk, grid))
            grid->row++;
        grid->column = grid->left;
        if (has_rows(grid))
            least = smaller(least, row_at(walk, grid));
    }
    walk->y = least;
    return least != UINT64_MAX;
}

/* Code-blocks along one side: of [from, to) of a band, the part that lies in precinct `index`. */
static uint32_t count_blocks(uint64_t from, uint64_t to, uint64_t index, unsigned precinct, unsigned block)
{
    const uint64_t low = larger(from, index << precinct), high = smaller(to, (index + 1) << precinct);

    return low < high ? (uint32_t)(ceil_shift(high, block) - (low >> block)) : 0;
}

bool j2k_layout_next(struct j2k_precincts *walk, struct j2k_precinct *precinct)
{
    int c = next_in_row(walk);

    if (c < 0 && next_row(walk))
        c = next_in_row(walk);
    if (c < 0)
        return false;
    struct j2k_grid *const grid = &walk->grids[c];
    precinct->component = (unsigned)c;
    precinct->bands = walk->bands;
    for (unsigned b = 0; b < walk->bands; b++) {
        const struct j2k_band *const band = &grid->bands[b];

        precinct->blocks[b].columns =
            count_blocks(band->x0, band->x1, grid->column, grid->precinct_x, grid->block_x);
        precinct->blocks[b].rows = count_blocks(band->y0, band->y1, grid->row, grid->precinct_y, grid->block_y);
    }
    grid->column++;
    return true;
}
