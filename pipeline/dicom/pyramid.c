#include "pyramid.h"

#include <string.h>

#include "base/memory.h"

enum { LEVELS_MOST = 33, FRACTION_BITS = 8 };

/* One level while rows come in. Rows before `strip_first` have gone out in tiles and are forgotten.
 */
struct level {
    uint32_t columns, rows;
    uint32_t next_row;    /* how many rows have come */
    uint32_t next_tiles;  /* rows of tiles that went out */
    uint32_t strip_first; /* row of the picture that stands first in the strip */
    uint8_t *strip;
    uint16_t *pending, *halved; /* the even row that waits for its odd one; what they become */
};

struct pyramid {
    unsigned channels, count;
    uint32_t tile_size, overlap;
    pyramid_sink sink;
    void *client;
    struct picture tile;
    uint16_t *scaled;                 /* a source row with the fraction bits */
    struct level levels[LEVELS_MOST]; /* by number: 0 is one pixel */
};

unsigned pyramid_levels(uint32_t columns, uint32_t rows)
{
    const uint32_t longer = columns > rows ? columns : rows;
    unsigned levels = 1;

    while ((UINT64_C(1) << (levels - 1)) < longer)
        levels++;
    return levels;
}

static uint32_t strip_rows(const struct pyramid *pyramid, const struct level *level)
{
    const uint64_t most = (uint64_t)pyramid->tile_size + 2 * (uint64_t)pyramid->overlap;

    return most < level->rows ? (uint32_t)most : level->rows;
}

static bool level_init(struct pyramid *pyramid, struct level *level, struct error *err)
{
    size_t samples = 0;

    if (!size_mul(level->columns, pyramid->channels, &samples))
        return error_set(err, ERROR_NOMEM, "a row of %u pixels", level->columns);
    level->strip = memory_array(strip_rows(pyramid, level), samples, err);
    level->pending = memory_array(samples, sizeof *level->pending, err);
    level->halved = memory_array(samples / 2 + pyramid->channels, sizeof *level->halved, err);
    return level->strip != NULL && level->pending != NULL && level->halved != NULL;
}

bool pyramid_new(uint32_t columns, uint32_t rows, unsigned channels, uint32_t tile_size,
                 uint32_t overlap, pyramid_sink sink, void *client, struct pyramid **pyramid,
                 struct error *err)
{
    if (columns == 0 || rows == 0 || channels == 0 || tile_size == 0 || overlap >= tile_size)
        return error_set(err, ERROR_USAGE, "no tiles of %u + %u for %u x %u pixels", tile_size,
                         overlap, columns, rows);
    struct pyramid *const made = memory_zeroed(sizeof *made, err);
    if (made == NULL)
        return false;
    made->channels = channels;
    made->count = pyramid_levels(columns, rows);
    made->tile_size = tile_size;
    made->overlap = overlap;
    made->sink = sink;
    made->client = client;
    made->scaled = memory_array((size_t)columns * channels, sizeof *made->scaled, err);
    bool ok = made->scaled != NULL;
    for (unsigned i = made->count; ok && i > 0; i--) {
        struct level *const level = &made->levels[i - 1];

        level->columns = columns;
        level->rows = rows;
        ok = level_init(made, level, err);
        columns = columns / 2 + columns % 2;
        rows = rows / 2 + rows % 2;
    }
    if (!ok) {
        pyramid_free(made);
        return false;
    }
    *pyramid = made;
    return true;
}

void pyramid_free(struct pyramid *pyramid)
{
    if (pyramid == NULL)
        return;
    for (unsigned i = 0; i < pyramid->count; i++) {
        memory_free(pyramid->levels[i].strip);
        memory_free(pyramid->levels[i].pending);
        memory_free(pyramid->levels[i].halved);
    }
    memory_free(pyramid->scaled);
    picture_release(&pyramid->tile);
    memory_free(pyramid);
}

/* -- tiles ------------------------------------------------------------------------------------ */

/* What tile number `index` of an axis covers, neighbours' pixels included. */
static void tile_extent(const struct pyramid *pyramid, uint32_t side, uint32_t index,
                        uint32_t *from, uint32_t *to)
{
    const uint64_t start = (uint64_t)index * pyramid->tile_size;
    const uint64_t end = start + pyramid->tile_size + pyramid->overlap;

    *from = (uint32_t)(start >= pyramid->overlap ? start - pyramid->overlap : 0);
    *to = end < side ? (uint32_t)end : side;
}

static bool send_tile(struct pyramid *pyramid, unsigned number, uint32_t x, uint32_t from_row,
                      uint32_t to_row, struct error *err)
{
    const struct level *const level = &pyramid->levels[number];
    const size_t line = (size_t)level->columns * pyramid->channels;
    uint32_t from, to;

    tile_extent(pyramid, level->columns, x, &from, &to);
    const size_t tile_line = (size_t)(to - from) * pyramid->channels;
    if (!picture_resize(&pyramid->tile, to_row - from_row, to - from, pyramid->channels, err))
        return false;
    for (uint32_t row = from_row; row < to_row; row++)
        memcpy(pyramid->tile.data + (row - from_row) * tile_line,
               level->strip + (row - level->strip_first) * line + (size_t)from * pyramid->channels,
               tile_line);
    return pyramid->sink(pyramid->client, number, x, level->next_tiles, &pyramid->tile, err);
}

/* The row of tiles that is complete; then only what the next one overlaps is kept. */
static bool send_row(struct pyramid *pyramid, unsigned number, uint32_t from, uint32_t to,
                     struct error *err)
{
    struct level *const level = &pyramid->levels[number];
    const size_t line = (size_t)level->columns * pyramid->channels;
    uint32_t next_from, next_to;

    for (uint32_t x = 0; (uint64_t)x * pyramid->tile_size < level->columns; x++)
        if (!send_tile(pyramid, number, x, from, to, err))
            return false;
    level->next_tiles++;
    tile_extent(pyramid, level->rows, level->next_tiles, &next_from, &next_to);
    if (next_from < to)
        memmove(level->strip, level->strip + (next_from - level->strip_first) * line,
                (to - next_from) * line);
    level->strip_first = next_from;
    return true;
}

/* The last row of tiles may be complete together with the one before: when it is all overlap. */
static bool send_complete_rows(struct pyramid *pyramid, unsigned number, struct error *err)
{
    struct level *const level = &pyramid->levels[number];

    while ((uint64_t)level->next_tiles * pyramid->tile_size < level->rows) {
        uint32_t from, to;

        tile_extent(pyramid, level->rows, level->next_tiles, &from, &to);
        if (level->next_row < to)
            return true;
        if (!send_row(pyramid, number, from, to, err))
            return false;
    }
    return true;
}

/* -- levels ----------------------------------------------------------------------------------- */

/* Two rows into one of half the width. At an odd edge the pixels that are there count twice, which
 * is their average: a missing row is the row itself again, a missing column the last one. */
static void halve(const uint16_t *above, const uint16_t *below, uint32_t columns, unsigned channels,
                  uint16_t *to)
{
    for (size_t x = 0; x < columns; x += 2) {
        const size_t step = x + 1 < columns ? channels : 0;

        for (size_t c = 0; c < channels; c++) {
            const size_t left = x * channels + c, right = left + step;

            to[x / 2 * channels + c] =
                (uint16_t)(((uint32_t)above[left] + above[right] + below[left] + below[right] + 2) /
                           4);
        }
    }
}

static void store_row(const struct pyramid *pyramid, struct level *level, const uint16_t *row)
{
    const size_t line = (size_t)level->columns * pyramid->channels;
    uint8_t *const to = level->strip + (level->next_row - level->strip_first) * line;

    for (size_t i = 0; i < line; i++)
        to[i] = (uint8_t)((row[i] + (1u << (FRACTION_BITS - 1))) >> FRACTION_BITS);
    level->next_row++;
}

/* A row into its level, and every second one, halved, into the level below, and so on. */
static bool add_row(struct pyramid *pyramid, unsigned number, const uint16_t *row,
                    struct error *err)
{
    for (;; number--) {
        struct level *const level = &pyramid->levels[number];
        const bool is_even = level->next_row % 2 == 0, is_last = level->next_row + 1 == level->rows;

        store_row(pyramid, level, row);
        if (!send_complete_rows(pyramid, number, err))
            return false;
        if (number == 0)
            return true;
        if (is_even && !is_last) {
            memcpy(level->pending, row, (size_t)level->columns * pyramid->channels * sizeof *row);
            return true;
        }
        halve(is_even ? row : level->pending, row, level->columns, pyramid->channels,
              level->halved);
        row = level->halved;
    }
}

bool pyramid_add(struct pyramid *pyramid, const uint8_t *rows, uint32_t count, struct error *err)
{
    const unsigned top = pyramid->count - 1;
    const struct level *const level = &pyramid->levels[top];
    const size_t line = (size_t)level->columns * pyramid->channels;

    if (count > level->rows - level->next_row)
        return error_set(err, ERROR_USAGE, "more than %u rows for a pyramid", level->rows);
    for (uint32_t row = 0; row < count; row++) {
        for (size_t i = 0; i < line; i++)
            pyramid->scaled[i] = (uint16_t)(rows[row * line + i] << FRACTION_BITS);
        if (!add_row(pyramid, top, pyramid->scaled, err))
            return false;
    }
    return true;
}

bool pyramid_end(struct pyramid *pyramid, struct error *err)
{
    const struct level *const level = &pyramid->levels[pyramid->count - 1];

    return level->next_row == level->rows ||
           error_set(err, ERROR_USAGE, "%u of %u rows for a pyramid", level->next_row, level->rows);
}
