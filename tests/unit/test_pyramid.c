/* links: base dicom */
#include "dicom/pyramid.h"

#include "base/memory.h"
#include "tests/support/test.h"

static struct error err;

struct request {
    uint32_t columns, rows;
    unsigned channels;
    uint32_t tile_size, overlap;
};

/* Levels put together again from the tiles, and checks on the way. */
struct album {
    struct request request;
    struct picture levels[33];
    uint32_t next[33]; /* tile of a level that must come next */
};

static uint32_t side_at(uint32_t side, unsigned reduce)
{
    return (uint32_t)(((uint64_t)side + (UINT64_C(1) << reduce) - 1) >> reduce);
}

static uint32_t tiles_of(uint32_t side, uint32_t tile_size)
{
    return (side + tile_size - 1) / tile_size;
}

static uint32_t expected_extent(uint32_t side, uint32_t index, const struct request *request,
                                uint32_t *from)
{
    const uint32_t start = index * request->tile_size,
                   to = start + request->tile_size + request->overlap;

    *from = index > 0 ? start - request->overlap : 0;
    return (to < side ? to : side) - *from;
}

static bool collect(void *client, unsigned level, uint32_t x, uint32_t y,
                    struct picture *tile, struct error *error)
{
    struct album *const album = client;
    struct picture *const to = &album->levels[level];
    const unsigned channels = album->request.channels;
    uint32_t left, top;

    (void)error;
    CHECK_EQ_UINT(tile->channels, channels);
    CHECK_EQ_UINT(tile->columns, expected_extent(to->columns, x, &album->request, &left));
    CHECK_EQ_UINT(tile->rows, expected_extent(to->rows, y, &album->request, &top));
    CHECK_EQ_UINT(y * tiles_of(to->columns, album->request.tile_size) + x, album->next[level]);
    album->next[level]++;
    for (uint32_t row = 0; row < tile->rows; row++)
        memcpy(to->data + ((size_t)(top + row) * to->columns + left) * channels,
               tile->data + (size_t)row * tile->columns * channels,
               (size_t)tile->columns * channels);
    return true;
}

static struct album make_album(struct request request)
{
    const unsigned count = pyramid_levels(request.columns, request.rows);
    struct album album = {.request = request};

    for (unsigned i = 0; i < count; i++)
        CHECK_OK(picture_resize(&album.levels[i], side_at(request.rows, i),
                                side_at(request.columns, i), request.channels, &err),
                 err);
    CHECK_EQ_UINT(album.levels[count - 1].columns, 1);
    CHECK_EQ_UINT(album.levels[count - 1].rows, 1);
    return album;
}

static void release_album(struct album *album)
{
    for (unsigned i = 0; i < 33; i++)
        picture_release(&album->levels[i]);
}

static uint8_t *make_source(struct request request)
{
    const size_t size = (size_t)request.columns * request.rows * request.channels;
    uint8_t *const source = memory_new(size, &err);
    uint32_t state = 1;

    CHECK(source != NULL);
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        source[i] = (uint8_t)(state >> 24);
    }
    return source;
}

/* Every level by the definition, in double: the average of averages, kept exact. */
static void check_levels(const struct album *album, const uint8_t *source)
{
    const unsigned count = pyramid_levels(album->request.columns, album->request.rows);
    const unsigned channels = album->request.channels;
    const size_t size = (size_t)album->request.columns * album->request.rows * channels;
    double *const exact = memory_array(size, sizeof *exact, &err);
    uint32_t columns = album->request.columns, rows = album->request.rows;

    CHECK(exact != NULL);
    for (size_t i = 0; i < size; i++)
        exact[i] = source[i];
    for (unsigned level = 0; level < count; level++) {
        for (size_t i = 0; i < (size_t)columns * rows * channels; i++)
            CHECK_NEAR(album->levels[level].data[i], exact[i], 0.5 + 0.004 * level);
        const uint32_t half_columns = (columns + 1) / 2, half_rows = (rows + 1) / 2;
        for (uint32_t y = 0; y < half_rows; y++)
            for (uint32_t x = 0; x < half_columns; x++)
                for (unsigned c = 0; c < channels; c++) {
                    const uint32_t x2 = 2 * x + 1 < columns ? 2 * x + 1 : 2 * x;
                    const uint32_t y2 = 2 * y + 1 < rows ? 2 * y + 1 : 2 * y;
#define AT(column, row) exact[((size_t)(row)*columns + (column)) * channels + c]
                    const double mean =
                        (AT(2 * x, 2 * y) + AT(x2, 2 * y) + AT(2 * x, y2) + AT(x2, y2)) / 4;
#undef AT
                    exact[((size_t)y * half_columns + x) * channels + c] = mean;
                }
        columns = half_columns;
        rows = half_rows;
    }
    memory_free(exact);
}

static struct pyramid_spec spec_of(struct request request)
{
    return (struct pyramid_spec){.columns = request.columns,
                                 .rows = request.rows,
                                 .channels = request.channels,
                                 .tile_size = request.tile_size,
                                 .overlap = request.overlap};
}

/* In strips of `strip` rows. */
static void check(struct request request, uint32_t strip)
{
    struct album album = make_album(request);
    const unsigned count = pyramid_levels(request.columns, request.rows);
    uint8_t *const source = make_source(request);
    const size_t line = (size_t)request.columns * request.channels;
    const struct pyramid_spec spec = spec_of(request);
    const struct pyramid_sink sink = {.tile = collect};
    struct pyramid *pyramid = NULL;

    CHECK_OK(pyramid_new(&spec, &sink, &album, &pyramid, &err), err);
    for (uint32_t row = 0; row < request.rows; row += strip) {
        const uint32_t left = request.rows - row;
        CHECK_OK(pyramid_add(pyramid, 0, source + row * line, strip < left ? strip : left, &err), err);
    }
    CHECK_OK(pyramid_end(pyramid, &err), err);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ_UINT(album.next[i], tiles_of(album.levels[i].columns, request.tile_size) *
                                         tiles_of(album.levels[i].rows, request.tile_size));
    CHECK_EQ_MEM(album.levels[0].data, source, line * request.rows);
    check_levels(&album, source);
    pyramid_free(pyramid);
    memory_free(source);
    release_album(&album);
}

TEST(test_pyramid__sizes_around_multiples_of_the_tile)
{
    static const uint32_t sides[] = {1, 2, 3, 13, 14, 15, 16, 27, 28, 29, 30, 41, 42, 43, 44};
    const size_t count = sizeof sides / sizeof sides[0];

    for (size_t x = 0; x < count; x++)
        for (size_t y = 0; y < count; y++) {
            check((struct request){sides[x], sides[y], 1, 14, 1}, 1000);
            check((struct request){sides[x], sides[y], 3, 14, 1}, 5);
            check((struct request){sides[x], sides[y], 1, 14, 0}, 1);
            check((struct request){sides[x], sides[y], 1, 4, 3}, 7);
        }
}

TEST(test_pyramid__lines_of_pixels)
{
    check((struct request){1, 7000, 1, 510, 1}, 64);
    check((struct request){7000, 1, 3, 510, 1}, 1);
    check((struct request){1, 1, 3, 510, 1}, 1);
    check((struct request){2, 5001, 3, 254, 1}, 1);
}

TEST(test_pyramid__usual_size)
{
    check((struct request){1021, 1531, 3, 510, 1}, 100);
    check((struct request){1020, 1020, 1, 510, 1}, 1020);
}

TEST(test_pyramid__levels_end_at_one_pixel)
{
    CHECK_EQ_UINT(pyramid_levels(1, 1), 1);
    CHECK_EQ_UINT(pyramid_levels(1, 2), 2);
    CHECK_EQ_UINT(pyramid_levels(3, 1), 3);
    CHECK_EQ_UINT(pyramid_levels(4096, 4097), 14);
    CHECK_EQ_UINT(pyramid_levels(65535, 1), 17);
}

static bool accept(void *client, unsigned level, uint32_t x, uint32_t y, struct picture *tile, struct error *error)
{
    (void)level;
    (void)x;
    (void)y;
    (void)tile;
    return *(int *)client > 0 || error_set(error, ERROR_IO, "no room");
}

TEST(test_pyramid__wrong_row_counts_and_a_failing_sink_are_errors)
{
    const struct pyramid_sink sink = {.tile = accept};
    const uint8_t rows[16] = {0};
    struct pyramid *pyramid = NULL;
    int room = 1;

    struct pyramid_spec spec = {.columns = 0, .rows = 4, .channels = 1, .tile_size = 14, .overlap = 1};
    CHECK(!pyramid_new(&spec, &sink, &room, &pyramid, &err));
    spec = (struct pyramid_spec){.columns = 4, .rows = 4, .channels = 1, .tile_size = 1, .overlap = 1};
    CHECK(!pyramid_new(&spec, &sink, &room, &pyramid, &err));
    spec = (struct pyramid_spec){.columns = 4, .rows = 4, .channels = 1, .tile_size = 14, .overlap = 1};
    CHECK_OK(pyramid_new(&spec, &sink, &room, &pyramid, &err), err);
    CHECK(!pyramid_add(pyramid, 1, rows, 1, &err)); /* it is made of level 0 */
    CHECK(!pyramid_add(pyramid, 3, rows, 1, &err)); /* there is none */
    CHECK_OK(pyramid_add(pyramid, 0, rows, 3, &err), err);
    CHECK(!pyramid_end(pyramid, &err));
    CHECK(!pyramid_add(pyramid, 0, rows, 2, &err));
    room = 0;
    CHECK(!pyramid_add(pyramid, 0, rows, 1, &err));
    CHECK_EQ_STR(err.text, "no room");
    pyramid_free(pyramid);
}

/* Level 1 is another picture than that of level 0; the levels after it are made of it. */
TEST(test_pyramid__levels_that_are_given_are_what_the_next_is_made_of)
{
    const struct request request = {77, 51, 3, 16, 1}, half = {39, 26, 3, 16, 1};
    struct pyramid_spec spec = spec_of(request);
    const struct pyramid_sink sink = {.tile = collect};
    struct album album = make_album(request), expected = make_album(half);
    uint8_t *const source = make_source(request), *const other = make_source(half);
    struct pyramid *pyramid = NULL;

    for (size_t i = 0; i < (size_t)half.columns * half.rows * 3; i++)
        other[i] = (uint8_t)(255 - other[i]);
    spec.is_given[1] = true;
    CHECK_OK(pyramid_new(&spec, &sink, &album, &pyramid, &err), err);
    for (uint32_t row = 0; row < request.rows; row++) {
        CHECK_OK(pyramid_add(pyramid, 0, source + (size_t)row * request.columns * 3, 1, &err), err);
        if (row % 2 == 0)
            CHECK_OK(pyramid_add(pyramid, 1, other + (size_t)(row / 2) * half.columns * 3, 1, &err), err);
    }
    CHECK_OK(pyramid_end(pyramid, &err), err);
    pyramid_free(pyramid);
    const struct pyramid_spec half_spec = spec_of(half);
    CHECK_OK(pyramid_new(&half_spec, &sink, &expected, &pyramid, &err), err);
    CHECK_OK(pyramid_add(pyramid, 0, other, half.rows, &err), err);
    CHECK_OK(pyramid_end(pyramid, &err), err);
    pyramid_free(pyramid);
    CHECK_EQ_MEM(album.levels[0].data, source, (size_t)request.columns * request.rows * 3);
    for (unsigned i = 0; i < pyramid_levels(half.columns, half.rows); i++)
        CHECK_EQ_MEM(album.levels[i + 1].data, expected.levels[i].data,
                     (size_t)expected.levels[i].columns * expected.levels[i].rows * 3);
    memory_free(source);
    memory_free(other);
    release_album(&album);
    release_album(&expected);
}
