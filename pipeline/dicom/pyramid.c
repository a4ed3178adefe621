#include "pyramid.h"

#include <string.h>

#include "base/memory.h"

enum { FRACTION_BITS = 8, BLOCK = 64 };

/* One level while rows come in. Rows before `strip_first` have gone out in tiles and are forgotten. */
struct level {
    uint32_t columns, rows;
    size_t line;          /* samples of a row */
    uint32_t next_row;    /* how many rows have come */
    uint32_t next_tiles;  /* rows of tiles that went out */
    uint32_t strip_first; /* row of the picture that stands first in the strip */
    uint8_t *strip;       /* NULL until it is needed */
    uint8_t *pending;     /* level that is given: the even row that waits for its odd one, of another call */
    uint16_t *made[2];    /* level that is made: the last even and odd row, with the fraction bits */
};

struct pyramid {
    struct pyramid_spec spec;
    unsigned count;
    struct pyramid_sink sink;
    void *client;
    struct picture tile;
    uint16_t *sums; /* of a row and the one below it, and neighbours in it */
    struct level levels[PYRAMID_LEVELS_MOST];
};

/* -- geometry --------------------------------------------------------------------------------- */

unsigned pyramid_levels(uint32_t columns, uint32_t rows)
{
    const uint32_t longer = columns > rows ? columns : rows;
    unsigned levels = 1;

    while ((UINT64_C(1) << (levels - 1)) < longer)
        levels++;
    return levels;
}

uint32_t pyramid_side(uint32_t side, unsigned level)
{
    return (uint32_t)((side + (UINT64_C(1) << level) - 1) >> level);
}

uint32_t pyramid_tiles(uint32_t side, uint32_t tile_size)
{
    return side / tile_size + (side % tile_size > 0);
}

void pyramid_extent(const struct pyramid_spec *spec, uint32_t side, uint32_t index, uint32_t *from, uint32_t *to)
{
    const uint64_t start = (uint64_t)index * spec->tile_size;
    const uint64_t end = start + spec->tile_size + spec->overlap;

    *from = (uint32_t)(start >= spec->overlap ? start - spec->overlap : 0);
    *to = end < side ? (uint32_t)end : side;
}

static bool is_made(const struct pyramid *pyramid, unsigned level)
{
    return level < pyramid->count && !pyramid->spec.is_given[level];
}

/* -- memory ----------------------------------------------------------------------------------- */

static uint32_t strip_rows(const struct pyramid *pyramid, const struct level *level)
{
    const uint64_t most = (uint64_t)pyramid->spec.tile_size + 2 * (uint64_t)pyramid->spec.overlap;

    return most < level->rows ? (uint32_t)most : level->rows;
}

static bool begin_strip(struct pyramid *pyramid, struct level *level, struct error *err)
{
    if (level->strip == NULL)
        level->strip = memory_array(strip_rows(pyramid, level), level->line, err);
    return level->strip != NULL;
}

/* What a level that is made needs once it has rows. */
static bool begin_made(struct pyramid *pyramid, unsigned number, struct error *err)
{
    struct level *const level = &pyramid->levels[number];

    for (int i = 0; i < 2; i++) {
        if (level->made[i] == NULL)
            level->made[i] = memory_array(level->line, sizeof *level->made[i], err);
        if (level->made[i] == NULL)
            return false;
    }
    return begin_strip(pyramid, level, err);
}

static bool check_spec(const struct pyramid_spec *spec, struct error *err)
{
    if (spec->columns == 0 || spec->rows == 0 || (spec->channels != 1 && spec->channels != 3) ||
        spec->tile_size == 0 || spec->overlap >= spec->tile_size)
        return error_set(err, ERROR_USAGE, "no tiles of %u + %u for %u x %u pixels of %u samples", spec->tile_size,
                         spec->overlap, spec->columns, spec->rows, spec->channels);
    return true;
}

bool pyramid_new(const struct pyramid_spec *spec, const struct pyramid_sink *sink, void *client,
                 struct pyramid **pyramid, struct error *err)
{
    size_t line;

    if (!check_spec(spec, err))
        return false;
    if (!size_mul(spec->columns, spec->channels, &line))
        return error_set(err, ERROR_NOMEM, "a row of %u pixels", spec->columns);
    struct pyramid *const made = memory_zeroed(sizeof *made, err);
    if (made == NULL)
        return false;
    made->spec = *spec;
    made->spec.is_given[0] = true;
    made->count = pyramid_levels(spec->columns, spec->rows);
    made->sink = *sink;
    made->client = client;
    for (unsigned i = 0; i < made->count; i++) {
        made->levels[i].columns = pyramid_side(spec->columns, i);
        made->levels[i].rows = pyramid_side(spec->rows, i);
        made->levels[i].line = (size_t)made->levels[i].columns * spec->channels;
    }
    made->sums = memory_array(line + BLOCK, sizeof *made->sums, err);
    if (made->sums == NULL) {
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
        memory_free(pyramid->levels[i].made[0]);
        memory_free(pyramid->levels[i].made[1]);
    }
    memory_free(pyramid->sums);
    picture_release(&pyramid->tile);
    memory_free(pyramid);
}

/* -- tiles ------------------------------------------------------------------------------------ */

/* Rows of a level that are together in memory. */
struct band {
    const uint8_t *data;
    uint32_t from, to;
};

static bool send_tile(struct pyramid *pyramid, unsigned number, uint32_t x, struct band band, struct error *err)
{
    const struct level *const level = &pyramid->levels[number];
    const unsigned channels = pyramid->spec.channels;
    uint32_t from, to;

    if (pyramid->sink.wants != NULL && !pyramid->sink.wants(pyramid->client, number, x, level->next_tiles))
        return true;
    pyramid_extent(&pyramid->spec, level->columns, x, &from, &to);
    const size_t tile_line = (size_t)(to - from) * channels;
    if (!picture_resize(&pyramid->tile, band.to - band.from, to - from, channels, err))
        return false;
    for (uint32_t row = 0; row < band.to - band.from; row++)
        memcpy(pyramid->tile.data + row * tile_line, band.data + row * level->line + (size_t)from * channels, tile_line);
    return pyramid->sink.tile(pyramid->client, number, x, level->next_tiles, &pyramid->tile, err);
}

/* One row of tiles. */
static bool send_row(struct pyramid *pyramid, unsigned number, struct band band, struct error *err)
{
    struct level *const level = &pyramid->levels[number];
    const uint32_t across = pyramid_tiles(level->columns, pyramid->spec.tile_size);

    for (uint32_t x = 0; x < across; x++)
        if (!send_tile(pyramid, number, x, band, err))
            return false;
    level->next_tiles++;
    return true;
}

/* Only what the next row of tiles overlaps is kept. */
static void shift_strip(struct pyramid *pyramid, struct level *level)
{
    uint32_t next_from, next_to;

    pyramid_extent(&pyramid->spec, level->rows, level->next_tiles, &next_from, &next_to);
    if (level->next_tiles == pyramid_tiles(level->rows, pyramid->spec.tile_size))
        next_from = level->next_row;
    memmove(level->strip, level->strip + (next_from - level->strip_first) * level->line,
            (level->next_row - next_from) * level->line);
    level->strip_first = next_from;
}

static bool send_complete_rows(struct pyramid *pyramid, unsigned number, struct error *err)
{
    struct level *const level = &pyramid->levels[number];
    const uint32_t down = pyramid_tiles(level->rows, pyramid->spec.tile_size);
    struct band band = {0};

    while (level->next_tiles < down) {
        pyramid_extent(&pyramid->spec, level->rows, level->next_tiles, &band.from, &band.to);
        if (level->next_row < band.to)
            return true;
        band.data = level->strip + (band.from - level->strip_first) * level->line;
        if (!send_row(pyramid, number, band, err))
            return false;
        shift_strip(pyramid, level);
    }
    return true;
}

/* Tiles cut out of the caller's own rows, as many as make one row of tiles: no strip is needed. Without overlap, where the
 * strip holds nothing. */
static bool send_whole_row(struct pyramid *pyramid, unsigned number, const uint8_t *rows, uint32_t count, uint32_t *sent,
                           struct error *err)
{
    struct level *const level = &pyramid->levels[number];
    struct band band = {.data = rows};

    *sent = 0;
    pyramid_extent(&pyramid->spec, level->rows, level->next_tiles, &band.from, &band.to);
    if (pyramid->spec.overlap > 0 || level->next_row != band.from || count < band.to - band.from)
        return true;
    if (!send_row(pyramid, number, band, err))
        return false;
    *sent = band.to - band.from;
    level->strip_first = band.to;
    return true;
}

/* -- halving ---------------------------------------------------------------------------------- *
 *
 * Sums of two by two samples for every place of a row, then every second pixel of them: twice the additions, but blocks of
 * a constant length without strides, which compilers turn into vector instructions (gcc at -O2 no others). */

static void sum_byte_block(const uint8_t *restrict above, const uint8_t *restrict below, size_t step, size_t count,
                           uint16_t *restrict sums)
{
    for (size_t i = 0; i < count; i++)
        sums[i] = (uint16_t)((above[i] + above[i + step] + below[i] + below[i + step]) << (FRACTION_BITS - 2));
}

static void sum_word_block(const uint16_t *restrict above, const uint16_t *restrict below, size_t step, size_t count,
                           uint16_t *restrict sums)
{
    for (size_t i = 0; i < count; i++)
        sums[i] = (uint16_t)(((uint32_t)above[i] + above[i + step] + below[i] + below[i + step] + 2) / 4);
}

static void sum_bytes(const void *above, const void *below, size_t step, size_t count, uint16_t *sums)
{
    const uint8_t *a = above, *b = below;

    for (; count >= BLOCK; a += BLOCK, b += BLOCK, sums += BLOCK, count -= BLOCK)
        sum_byte_block(a, b, step, BLOCK, sums);
    sum_byte_block(a, b, step, count, sums);
}

static void sum_words(const void *above, const void *below, size_t step, size_t count, uint16_t *sums)
{
    const uint16_t *a = above, *b = below;

    for (; count >= BLOCK; a += BLOCK, b += BLOCK, sums += BLOCK, count -= BLOCK)
        sum_word_block(a, b, step, BLOCK, sums);
    sum_word_block(a, b, step, count, sums);
}

/* Samples of bytes, without the fraction bits, or of words. */
struct halving {
    void (*sum)(const void *above, const void *below, size_t step, size_t count, uint16_t *sums);
    size_t sample;
};

static const struct halving of_bytes = {sum_bytes, 1}, of_words = {sum_words, 2};

/* At an odd edge the pixels that are there count twice, which is their average: a missing row is the row itself again, a
 * missing column the last one. */
static void pick(const struct pyramid *pyramid, size_t pairs, uint16_t *to)
{
    const uint16_t *from = pyramid->sums;

    if (pyramid->spec.channels == 1) {
        for (size_t i = 0; i < pairs; i++)
            to[i] = from[2 * i];
        return;
    }
    for (size_t i = 0; i < pairs; i++, from += 6, to += 3)
        memcpy(to, from, 3 * sizeof *to);
}

static void halve(const struct pyramid *pyramid, const struct level *level, const struct halving *halving,
                  const void *above, const void *below, uint16_t *to)
{
    const size_t step = pyramid->spec.channels, pairs = level->columns / 2;
    const size_t last = (level->line - step) * halving->sample;

    if (pairs > 0) {
        halving->sum(above, below, step, (2 * pairs - 1) * step, pyramid->sums);
        pick(pyramid, pairs, to);
    }
    if (level->columns % 2 == 1)
        halving->sum((const uint8_t *)above + last, (const uint8_t *)below + last, 0, step, to + pairs * step);
}

/* -- levels ----------------------------------------------------------------------------------- */

static void round_block(const uint16_t *restrict from, size_t count, uint8_t *restrict to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (uint8_t)((from[i] + (1u << (FRACTION_BITS - 1))) >> FRACTION_BITS);
}

static void round_row(const uint16_t *from, size_t count, uint8_t *to)
{
    size_t i = 0;

    for (; i + BLOCK <= count; i += BLOCK)
        round_block(from + i, BLOCK, to + i);
    round_block(from + i, count - i, to + i);
}

static uint8_t *strip_row(const struct level *level)
{
    return level->strip + (level->next_row - level->strip_first) * level->line;
}

/* Where the next row of a level that is made is to go. */
static uint16_t *next_made(const struct level *level)
{
    return level->made[level->next_row % 2];
}

/* The row that was made of the level before into the strip, and every second one, halved, into the level after. */
static bool take_made(struct pyramid *pyramid, unsigned number, struct error *err)
{
    for (;; number++) {
        struct level *const level = &pyramid->levels[number];
        const uint32_t row = level->next_row;
        const bool is_even = row % 2 == 0;

        round_row(level->made[row % 2], level->line, strip_row(level));
        level->next_row++;
        if (!send_complete_rows(pyramid, number, err))
            return false;
        if (!is_made(pyramid, number + 1) || (is_even && row + 1 < level->rows))
            return true;
        if (!begin_made(pyramid, number + 1, err))
            return false;
        halve(pyramid, level, &of_words, level->made[0], level->made[is_even ? 0 : 1],
              next_made(&pyramid->levels[number + 1]));
    }
}

/* `above` is the even row before, which is the row itself where it is the last. */
static bool make_row(struct pyramid *pyramid, unsigned number, const uint8_t *above, const uint8_t *row,
                     struct error *err)
{
    if (!begin_made(pyramid, number + 1, err))
        return false;
    halve(pyramid, &pyramid->levels[number], &of_bytes, above, row, next_made(&pyramid->levels[number + 1]));
    return take_made(pyramid, number + 1, err);
}

/* The rows that have just come to a level that is given, halved into the one that is made of it. *above: the last even one. */
static bool make_next(struct pyramid *pyramid, unsigned number, const uint8_t *rows, uint32_t count,
                      const uint8_t **above, struct error *err)
{
    const struct level *const level = &pyramid->levels[number];

    for (uint32_t row = level->next_row - count; row < level->next_row; row++, rows += level->line) {
        if (row % 2 == 0)
            *above = rows;
        if ((row % 2 == 1 || row + 1 == level->rows) && !make_row(pyramid, number, *above, rows, err))
            return false;
    }
    return true;
}

/* The odd row comes with another call. */
static bool keep_pending(struct level *level, const uint8_t *above, struct error *err)
{
    if (level->next_row % 2 == 0)
        return true;
    if (level->pending == NULL)
        level->pending = memory_new(level->line, err);
    if (level->pending != NULL && above != level->pending)
        memcpy(level->pending, above, level->line);
    return level->pending != NULL;
}

static bool store_row(struct pyramid *pyramid, unsigned number, const uint8_t *row, struct error *err)
{
    struct level *const level = &pyramid->levels[number];

    if (!begin_strip(pyramid, level, err))
        return false;
    memcpy(strip_row(level), row, level->line);
    level->next_row++;
    return send_complete_rows(pyramid, number, err);
}

bool pyramid_add(struct pyramid *pyramid, unsigned number, const uint8_t *rows, uint32_t count, struct error *err)
{
    if (number >= pyramid->count || is_made(pyramid, number))
        return error_set(err, ERROR_USAGE, "level %u of a pyramid is not given", number);
    struct level *const level = &pyramid->levels[number];
    const bool makes = is_made(pyramid, number + 1);
    const uint8_t *above = level->pending;

    if (count > level->rows - level->next_row)
        return error_set(err, ERROR_USAGE, "more than %u rows for level %u of a pyramid", level->rows, number);
    while (count > 0) {
        uint32_t taken = 0;

        if (!send_whole_row(pyramid, number, rows, count, &taken, err))
            return false;
        level->next_row += taken;
        if (taken == 0 && !store_row(pyramid, number, rows, err))
            return false;
        taken = taken > 0 ? taken : 1;
        if (makes && !make_next(pyramid, number, rows, taken, &above, err))
            return false;
        rows += taken * level->line;
        count -= taken;
    }
    return !makes || keep_pending(level, above, err);
}

bool pyramid_end(struct pyramid *pyramid, struct error *err)
{
    for (unsigned i = 0; i < pyramid->count; i++) {
        const struct level *const level = &pyramid->levels[i];

        if (level->next_row < level->rows && (level->next_row > 0 || is_made(pyramid, i + 1)))
            return error_set(err, ERROR_USAGE, "%u of %u rows for level %u of a pyramid", level->next_row, level->rows,
                             i);
    }
    return true;
}
