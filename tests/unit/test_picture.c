/* links: base dicom */
#include "test.h"

#include "dicom/picture_shrink.h"

static struct error err;

static uint32_t random_state = 7;

static uint32_t random_u32(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static struct picture noise(uint32_t columns, uint32_t rows, unsigned channels)
{
    struct picture picture = {0};

    CHECK_OK(picture_resize(&picture, rows, columns, channels, &err), err);
    for (size_t i = 0; i < (size_t)rows * columns * channels; i++)
        picture.data[i] = (uint8_t)(random_u32() % 4 == 0 ? 255 * (random_u32() & 1) : random_u32());
    return picture;
}

/* Every source pixel becomes columns x rows small ones; an output pixel is the mean of a whole block of them. */
static void check_by_replication(const struct picture *from, const struct picture *to)
{
    const uint64_t total = (uint64_t)from->columns * from->rows;

    for (uint32_t y = 0; y < to->rows; y++) {
        for (uint32_t x = 0; x < to->columns; x++) {
            for (unsigned c = 0; c < to->channels; c++) {
                uint64_t sum = 0;
                for (uint32_t v = y * from->rows; v < (y + 1) * from->rows; v++)
                    for (uint32_t u = x * from->columns; u < (x + 1) * from->columns; u++)
                        sum += from->data[((size_t)(v / to->rows) * from->columns + u / to->columns) *
                                              from->channels + c];
                const uint64_t expected = (2 * sum + total) / (2 * total);
                const size_t at = ((size_t)y * to->columns + x) * to->channels + c;
                if (to->data[at] != expected)
                    TEST_FAIL("%ux%u to %ux%u at %u,%u: %d, expected %d", from->columns, from->rows,
                              to->columns, to->rows, x, y, to->data[at], (int)expected);
            }
        }
    }
}

/* The same bytes, whatever the heights of the strips. */
static void check_strips(const struct picture *from, const struct picture *to)
{
    const size_t size = (size_t)from->columns * from->channels;
    const struct picture *small = NULL;
    struct strip_shrinker *strips = NULL;

    CHECK_OK(strip_shrinker_new(from->columns, from->rows, from->channels, to->columns, to->rows, &strips, &err), err);
    for (uint32_t row = 0, some; row < from->rows; row += some) {
        CHECK(small == NULL);
        some = 1 + random_u32() % (from->rows - row);
        const struct picture strip = {
            .columns = from->columns, .rows = some, .channels = from->channels, .data = from->data + row * size};
        small = strip_shrinker_add(strips, &strip);
    }
    CHECK(small != NULL);
    CHECK_EQ_UINT(small->columns, to->columns);
    CHECK_EQ_UINT(small->rows, to->rows);
    CHECK(memcmp(small->data, to->data, (size_t)to->columns * to->rows * to->channels) == 0);
    strip_shrinker_free(strips);
}

static void check_shrink(uint32_t columns, uint32_t rows, unsigned channels, uint32_t to_columns,
                         uint32_t to_rows)
{
    struct picture from = noise(columns, rows, channels), to = {0};

    CHECK_OK(picture_shrink(&from, to_columns, to_rows, &to, &err), err);
    CHECK_EQ_UINT(to.columns, to_columns);
    CHECK_EQ_UINT(to.rows, to_rows);
    CHECK_EQ_UINT(to.channels, channels);
    check_by_replication(&from, &to);
    check_strips(&from, &to);
    picture_release(&from);
    picture_release(&to);
}

TEST(test_picture__shrink_is_the_exact_area_average_of_random_sizes)
{
    for (int k = 0; k < 300; k++) {
        const uint32_t columns = 1 + random_u32() % 40, rows = 1 + random_u32() % 40;
        check_shrink(columns, rows, k % 3 == 0 ? 3 : 1, 1 + random_u32() % columns, 1 + random_u32() % rows);
    }
}

TEST(test_picture__many_units_and_any_number_of_rows)
{
    check_shrink(101, 97, 1, 99, 96); /* 9,797 units: the most that floats divide */
    check_shrink(103, 97, 1, 101, 96);
    check_shrink(34, 41, 3, 33, 37);
    for (uint32_t rows = 1; rows <= 17; rows++)
        check_shrink(30, 17, rows % 2 == 0 ? 3 : 1, 21, rows);
    for (uint32_t columns = 1; columns <= 9; columns++)
        check_shrink(9, 20, columns % 2 == 0 ? 3 : 1, columns, 15);
}

TEST(test_picture__an_axis_may_grow)
{
    for (int k = 0; k < 60; k++)
        check_shrink(1 + random_u32() % 20, 1 + random_u32() % 20, k % 2 == 0 ? 3 : 1,
                     1 + random_u32() % 30, 1 + random_u32() % 30);
}

TEST(test_picture__halving_and_integer_ratios)
{
    check_shrink(64, 2, 1, 32, 1);
    check_shrink(130, 66, 1, 65, 33);
    check_shrink(130, 66, 3, 65, 33);
    check_shrink(128, 64, 1, 32, 16);
    check_shrink(96, 96, 1, 32, 32);
    check_shrink(7, 300, 1, 7, 1); /* more than 257 units: 32-bit sums */
    check_shrink(5, 601, 3, 4, 2);
}

/* By area in double, within half a level and the doubles' own error. */
static void check_by_area(const struct picture *from, const struct picture *to)
{
    const double sx = (double)from->columns / to->columns, sy = (double)from->rows / to->rows;

    for (uint32_t y = 0; y < to->rows; y++) {
        for (uint32_t x = 0; x < to->columns; x++) {
            double sum = 0;
            for (uint32_t v = (uint32_t)(y * sy); v < from->rows && v < (y + 1) * sy; v++) {
                const double h = fmin(v + 1, (y + 1) * sy) - fmax(v, y * sy);
                for (uint32_t u = (uint32_t)(x * sx); u < from->columns && u < (x + 1) * sx; u++) {
                    const double w = fmin(u + 1, (x + 1) * sx) - fmax(u, x * sx);
                    if (w > 0 && h > 0)
                        sum += w * h * from->data[(size_t)v * from->columns + u];
                }
            }
            CHECK_NEAR(to->data[(size_t)y * to->columns + x], sum / (sx * sy), 0.5 + 1e-6);
        }
    }
}

TEST(test_picture__one_axis_alone_is_exact)
{
    static const uint32_t sizes[][4] = {{70, 13, 70, 14}, {70, 14, 70, 13}, {33, 20, 33, 7},
                                        {64, 9, 64, 31},  {1, 5, 1, 3},     {13, 70, 14, 70},
                                        {9, 64, 31, 64}};

    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++)
        for (unsigned channels = 1; channels <= 3; channels += 2)
            check_shrink(sizes[k][0], sizes[k][1], channels, sizes[k][2], sizes[k][3]);
}

TEST(test_picture__large_sizes_agree_with_double)
{
    static const uint32_t sizes[][4] = {{512, 512, 256, 256}, {512, 512, 200, 200}, {512, 512, 255, 101},
                                        {512, 512, 511, 3},   {1021, 509, 256, 128}, {65535, 3, 7, 1},
                                        {2, 65535, 1, 64},    {65535, 1, 64, 1},     {1, 40000, 1, 256}};

    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct picture from = noise(sizes[k][0], sizes[k][1], 1), to = {0};
        CHECK_OK(picture_shrink(&from, sizes[k][2], sizes[k][3], &to, &err), err);
        check_by_area(&from, &to);
        check_strips(&from, &to);
        picture_release(&from);
        picture_release(&to);
    }
}

TEST(test_picture__flat_stays_flat)
{
    for (int level = 0; level < 256; level += 15) {
        struct picture from = noise(97, 61, 3), to = {0};
        memset(from.data, level, 97 * 61 * 3);
        CHECK_OK(picture_shrink(&from, 13, 7, &to, &err), err);
        for (int i = 0; i < 13 * 7 * 3; i++)
            CHECK_EQ_INT(to.data[i], level);
        picture_release(&from);
        picture_release(&to);
    }
}

TEST(test_picture__same_size_is_a_copy)
{
    struct picture from = noise(31, 17, 3), to = {0};

    CHECK_OK(picture_shrink(&from, 31, 17, &to, &err), err);
    CHECK_EQ_MEM(to.data, from.data, 31 * 17 * 3);
    check_strips(&from, &to);
    picture_release(&from);
    picture_release(&to);
}

TEST(test_picture__impossible_size_is_a_limit)
{
    struct picture picture = {0};

    CHECK(!picture_resize(&picture, 0, 5, 1, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
    CHECK(!picture_resize(&picture, 5, 65536, 1, &err));
    CHECK_EQ_INT(err.kind, ERROR_LIMIT);
}

static void check_fit(uint32_t columns, uint32_t rows, double column_mm, double row_mm, uint32_t side,
                      uint32_t expected_columns, uint32_t expected_rows)
{
    uint32_t c, r;

    picture_fit(columns, rows, column_mm, row_mm, side, &c, &r);
    if (c != expected_columns || r != expected_rows)
        TEST_FAIL("%ux%u of %gx%g in %u is %ux%u, expected %ux%u", columns, rows, column_mm, row_mm, side, c,
                  r, expected_columns, expected_rows);
}

TEST(test_picture__fit_keeps_the_physical_aspect)
{
    check_fit(512, 512, 0, 0, 256, 256, 256);
    check_fit(512, 256, 0.7, 0.7, 256, 256, 128);
    check_fit(100, 80, 1, 1, 256, 100, 80);   /* never larger */
    check_fit(100, 20, 1, 5, 256, 100, 100);  /* the coarser axis grows */
    check_fit(20, 100, 5, 1, 64, 64, 64);
    check_fit(512, 512, 0.5, 1, 256, 128, 256);
    check_fit(65535, 1, 1, 1, 256, 256, 1);   /* at least 1 */
    check_fit(1, 1, 3, 4, 256, 1, 1);
    check_fit(300, 300, 1, NAN, 100, 100, 100);
    check_fit(300, 300, -1, 1, 100, 100, 100);
    check_fit(300, 300, 1e-9, 1, 100, 100, 100); /* a slip of units */
    check_fit(1000, 700, 1, 1, 256, 256, 179);
}

TEST(test_picture__information_is_the_deviation_of_luma)
{
    struct picture picture = noise(64, 64, 1);

    memset(picture.data, 9, 64 * 64);
    CHECK_EQ_UINT(picture_information(&picture), 0);
    memset(picture.data, 0, 64 * 32);
    memset(picture.data + 64 * 32, 255, 64 * 32);
    CHECK_EQ_UINT(picture_information(&picture), 12750);
    picture_release(&picture);
    picture = noise(200, 99, 3);
    double sum = 0, squares = 0;
    const int count = 200 * 99;
    for (int i = 0; i < count; i++) {
        const double y = 0.299 * picture.data[3 * i] + 0.587 * picture.data[3 * i + 1] +
                         0.114 * picture.data[3 * i + 2];
        sum += y;
        squares += y * y;
    }
    CHECK_NEAR(picture_information(&picture), 100 * sqrt(squares / count - sum / count * sum / count), 30);
    picture_release(&picture);
}
