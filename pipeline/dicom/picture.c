#include "dicom/picture.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/clones.h"
#include "base/limits.h"
#include "base/memory.h"

void picture_release(struct picture *picture)
{
    memory_free(picture->data);
    *picture = (struct picture){0};
}

bool picture_resize(struct picture *picture, uint32_t rows, uint32_t columns, unsigned channels,
                    struct error *err)
{
    size_t size;

    assert(channels == 1 || channels == 3);
    if (rows < 1 || columns < 1 || rows > LIMIT(SIDE) || columns > LIMIT(SIDE))
        return error_set(err, ERROR_LIMIT, "a picture of %u x %u, expected 1 to SIDE = %llu",
                         (unsigned)columns, (unsigned)rows, (unsigned long long)LIMIT(SIDE));
    if (!size_mul(rows, columns, &size) || !size_mul(size, channels, &size))
        return error_set(err, ERROR_LIMIT, "a picture of %u x %u does not fit memory", (unsigned)columns,
                         (unsigned)rows);
    if (size > picture->capacity) {
        uint8_t *const data = memory_new(size, err);
        if (data == NULL)
            return false;
        memory_free(picture->data);
        picture->data = data;
        picture->capacity = size;
    }
    picture->rows = rows;
    picture->columns = columns;
    picture->channels = channels;
    return true;
}

/* ---------------------------------------------------------------------------------------- */

static uint32_t fitted(double length, uint32_t side)
{
    const double rounded = floor(length + 0.5);
    return rounded < 1 ? 1 : rounded > side ? side : (uint32_t)rounded;
}

void picture_fit(uint32_t columns, uint32_t rows, double column_mm, double row_mm, uint32_t side,
                 uint32_t *out_columns, uint32_t *out_rows)
{
    const double most_ratio = 64; /* curved and thick-slice reformats reach 20; beyond is a slip of units */
    double column = column_mm, row = row_mm;

    if (!(column > 0) || !(row > 0) || !isfinite(column) || !isfinite(row) || !(column <= row * most_ratio) ||
        !(row <= column * most_ratio))
        column = row = 1;
    /* in units of the finer spacing an output pixel is `step` wide and high */
    const double finer = column < row ? column : row;
    const double width = columns * (column / finer), height = rows * (row / finer);
    const double longer = width > height ? width : height;
    const double step = longer > side ? longer / side : 1;
    *out_columns = fitted(width / step, side);
    *out_rows = fitted(height / step, side);
}

enum { BLOCK = 32 }; /* of constant length: the compiler uses the vector unit */

struct moments {
    uint64_t sum, squares;
};

static void add_luma(struct moments *m, const uint8_t *luma, size_t size)
{
    uint32_t sum = 0, squares = 0; /* of at most 4096 values: below 2^28 */
    size_t i = 0;

    for (; i + BLOCK <= size; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++) {
            sum += luma[i + k];
            squares += (uint32_t)luma[i + k] * luma[i + k];
        }
    for (; i < size; i++) {
        sum += luma[i];
        squares += (uint32_t)luma[i] * luma[i];
    }
    m->sum += sum;
    m->squares += squares;
}

/* BT.601 in 8 bits. */
static void luma_of(const uint8_t *rgb, size_t count, uint8_t *luma)
{
    for (size_t i = 0; i < count; i++)
        luma[i] = (uint8_t)((77u * rgb[3 * i] + 150u * rgb[3 * i + 1] + 29u * rgb[3 * i + 2] + 128) >> 8);
}

VECTOR_CLONES static struct moments moments_of(const struct picture *picture, size_t count)
{
    struct moments m = {0, 0};
    uint8_t luma[4096];

    for (size_t i = 0; i < count; i += sizeof luma) {
        const size_t size = count - i < sizeof luma ? count - i : sizeof luma;
        if (picture->channels == 3) {
            luma_of(picture->data + 3 * i, size, luma);
            add_luma(&m, luma, size);
        } else {
            add_luma(&m, picture->data + i, size);
        }
    }
    return m;
}

uint32_t picture_information(const struct picture *picture)
{
    const size_t count = (size_t)picture->rows * picture->columns;
    const struct moments m = moments_of(picture, count);

    if (count == 0)
        return 0;
    const double mean = (double)m.sum / (double)count;
    const double variance = (double)m.squares / (double)count - mean * mean;
    return variance > 0 ? (uint32_t)(100 * sqrt(variance) + 0.5) : 0;
}
