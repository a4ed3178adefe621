/* What scanners make: ellipses with soft edges, and noise that neighbours share */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "phantom.h"

/* Centre and half axes in -1..1 of the larger side; value is painted over what is below. */
struct ellipse {
    double x, y, a, b;
    double value;
    double sharp; /* pixels of the edge: larger is harder */
};

static double clamp(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

/* How much of the ellipse is at (x, y): 0..1 */
static double coverage(const struct ellipse *ellipse, double x, double y)
{
    const double dx = (x - ellipse->x) / ellipse->a, dy = (y - ellipse->y) / ellipse->b;

    return clamp((1 - dx * dx - dy * dy) * ellipse->sharp + 0.5, 0, 1);
}

/* Four 16-bit numbers added are near enough to a normal distribution; smoothed by 1 2 1 in both
 * directions, as a reconstruction kernel does. Standard deviation 1. */
static bool noise_new(const struct scanner *scanner, uint32_t rows, uint32_t columns, float **noise,
                      struct error *err)
{
    const unsigned grain = scanner->grain > 0 ? scanner->grain : 1;
    const uint32_t down = rows / grain + 3, across = columns / grain + 3;
    uint64_t state = scanner->seed;
    float *const raw = memory_array((size_t)down * across, sizeof *raw, err);
    float *const smooth = raw != NULL ? memory_array((size_t)down * across, sizeof *smooth, err) : NULL;

    if (smooth == NULL) {
        memory_free(raw);
        return false;
    }
    for (size_t i = 0; i < (size_t)down * across; i++) {
        const uint64_t r = random_next(&state);

        raw[i] = (float)((double)(r >> 48) + (double)(r >> 32 & 0xffff) + (double)(r >> 16 & 0xffff) +
                         (double)(r & 0xffff) - 131070) / 37837.2f;
    }
    for (uint32_t row = 1; row + 1 < down; row++)
        for (uint32_t column = 1; column + 1 < across; column++) {
            const float *const at = raw + (size_t)row * across + column;
            const float up = at[-(ptrdiff_t)across - 1] + 2 * at[-(ptrdiff_t)across] + at[-(ptrdiff_t)across + 1];
            const float here = at[-1] + 2 * at[0] + at[1];
            const float below = at[across - 1] + 2 * at[across] + at[across + 1];

            smooth[(size_t)row * across + column] = (up + 2 * here + below) / 6.0f;
        }
    memory_free(raw);
    *noise = smooth;
    return true;
}

static float noise_at(const struct scanner *scanner, const float *noise, uint32_t columns, uint32_t row,
                      uint32_t column)
{
    const unsigned grain = scanner->grain > 0 ? scanner->grain : 1;

    return noise[(size_t)(row / grain + 1) * (columns / grain + 3) + column / grain + 1];
}

static double settle(const struct scanner *scanner, double value)
{
    const double step = scanner->step > 0 ? scanner->step : 1;

    return clamp(floor((value + scanner->offset) / step + 0.5) * step, scanner->least, scanner->most);
}

/* Layers over `background`; noise_outside: share of the noise where there is no body (layer 0). */
static bool layers(const struct scanner *scanner, const struct plane *plane, double background,
                   const struct ellipse *ellipses, size_t count, double noise_outside, struct error *err)
{
    const double half = (plane->rows > plane->columns ? plane->rows : plane->columns) / 2.0;
    float *noise = NULL;

    if (!noise_new(scanner, plane->rows, plane->columns, &noise, err))
        return false;
    for (uint32_t row = 0; row < plane->rows; row++)
        for (uint32_t column = 0; column < plane->columns; column++) {
            const double x = (column + 0.5 - plane->columns / 2.0) / half;
            const double y = (row + 0.5 - plane->rows / 2.0) / half;
            const double n = (double)noise_at(scanner, noise, plane->columns, row, column) * scanner->noise;
            double value = background, share = noise_outside;

            for (size_t i = 0; i < count; i++) {
                const double part = coverage(&ellipses[i], x, y);

                value += (ellipses[i].value - value) * part;
                if (i == 0)
                    share += (1 - share) * part;
            }
            for (uint32_t s = 0; s < plane->samples; s++)
                plane->values[((size_t)row * plane->columns + column) * plane->samples + s] =
                    settle(scanner, value + n * share);
        }
    memory_free(noise);
    return true;
}

/* How wide the head is at this height. */
static double head_scale(double position)
{
    const double z = clamp((position - 0.35) * 1.35, -0.95, 0.95);

    return sqrt(1 - z * z);
}

bool scanner_ct_head(const struct scanner *scanner, const struct plane *plane, struct error *err)
{
    const double s = head_scale(scanner->position), low = clamp((0.3 - scanner->position) * 4, 0, 1);
    const double v = clamp(1 - fabs(scanner->position - 0.5) * 3, 0.05, 1);
    const struct ellipse ellipses[] = {
        {0, 0, 0.70 * s, 0.88 * s, 40, 60},               /* skin */
        {0, 0, 0.66 * s, 0.84 * s, 1050, 40},             /* skull */
        {0, 0, 0.60 * s, 0.78 * s, 34, 40},               /* brain, grey */
        {0, 0.02, 0.50 * s, 0.67 * s, 27, 4},             /* white */
        {0, -0.35 * s, 0.012, 0.40 * s, 48, 3},           /* falx */
        {-0.13 * s, -0.02, 0.07 * v, 0.24 * v, 6, 6},     /* ventricles */
        {0.13 * s, -0.02, 0.07 * v, 0.24 * v, 6, 6},
        {0.26 * s, 0.20 * s, 0.07, 0.09, 66, 8},          /* a bleeding */
        {-0.22 * s, -0.55 * s, 0.13 * low + 1e-6, 0.10 * low + 1e-6, -950, 10}, /* sinuses */
        {0.22 * s, -0.55 * s, 0.13 * low + 1e-6, 0.10 * low + 1e-6, -950, 10},
        {0, 1.30, 0.80, 0.36, -180, 30},                  /* the table */
    };

    return layers(scanner, plane, -1000, ellipses, sizeof ellipses / sizeof *ellipses, 0.75, err);
}

bool scanner_mr_head(const struct scanner *scanner, const struct plane *plane, struct error *err)
{
    const double s = head_scale(scanner->position);
    const double v = clamp(1 - fabs(scanner->position - 0.5) * 3, 0.05, 1);
    const struct ellipse ellipses[] = {
        {0, 0, 0.72 * s, 0.90 * s, 900, 40}, /* fat */
        {0, 0, 0.67 * s, 0.85 * s, 60, 40},  /* bone */
        {0, 0, 0.61 * s, 0.79 * s, 420, 30}, /* grey */
        {0, 0.02, 0.50 * s, 0.66 * s, 610, 6},
        {-0.13 * s, -0.02, 0.07 * v, 0.24 * v, 120, 6},
        {0.13 * s, -0.02, 0.07 * v, 0.24 * v, 120, 6},
        {-0.28 * s, 0.22 * s, 0.06, 0.08, 780, 8},
    };

    return layers(scanner, plane, 12, ellipses, sizeof ellipses / sizeof *ellipses, 0.3, err);
}

/* Values grow with what passes through: lungs high, bones low; the caller says MONOCHROME1. */
bool scanner_chest(const struct scanner *scanner, const struct plane *plane, struct error *err)
{
    struct ellipse ellipses[26] = {
        {0, 0.05, 0.78, 1.15, 1500, 8},      /* body */
        {-0.36, -0.05, 0.27, 0.52, 2700, 6}, /* lungs */
        {0.36, -0.05, 0.27, 0.52, 2700, 6},
        {0.10, 0.28, 0.26, 0.27, 1350, 4},   /* heart */
        {0, 0, 0.09, 1.2, 1100, 2},          /* spine */
        {-0.50, -0.66, 0.34, 0.035, 1200, 2},/* collar bones */
        {0.50, -0.66, 0.34, 0.035, 1200, 2},
        {0.42, -0.12, 0.035, 0.035, 2100, 2},/* a nodule */
    };
    size_t count = 8;

    for (int i = 0; i < 9; i++) {
        const double y = -0.52 + 0.12 * i;

        ellipses[count++] = (struct ellipse){-0.36, y, 0.235, 0.02, 2300, 1};
        ellipses[count++] = (struct ellipse){0.36, y, 0.235, 0.02, 2300, 1};
    }
    return layers(scanner, plane, 3900, ellipses, count, 0.2, err);
}

/* A fan with speckle, a beating ring, a box of colour Doppler, and marks of the machine. */
bool scanner_ultrasound(const struct scanner *scanner, const struct plane *plane, struct error *err)
{
    const double beat = fabs(scanner->time * 2 - 1); /* 1..0..1 over a cine */
    float *noise = NULL;

    if (!noise_new(scanner, plane->rows, plane->columns, &noise, err))
        return false;
    for (uint32_t row = 0; row < plane->rows; row++)
        for (uint32_t column = 0; column < plane->columns; column++) {
            const double x = (column + 0.5) / plane->columns * 2 - 1, y = (row + 0.5) / plane->rows;
            const double depth = sqrt(x * x * 0.8 + y * y), n = (double)noise_at(scanner, noise, plane->columns, row, column);
            const double wall = fabs(sqrt(x * x + (y - 0.55) * (y - 0.55)) - 0.16 - 0.06 * beat);
            double *const to = plane->values + ((size_t)row * plane->columns + column) * plane->samples;
            double grey = 0, red = 0, blue = 0;

            if (depth > 0.12 && depth < 0.97 && fabs(x) < y * 0.9) {
                grey = (90 - 50 * depth) * (1 + 0.5 * n);
                if (wall < 0.03)
                    grey = 190 + 30 * n;
                else if (wall < 0.1 && sqrt(x * x + (y - 0.55) * (y - 0.55)) < 0.16) {
                    grey = 10 + 6 * n;
                    red = x < 0 ? 170 * (1 - beat) : 0;
                    blue = x >= 0 ? 170 * (1 - beat) : 0;
                }
            }
            if (row < plane->rows / 16 && column > plane->columns - plane->columns / 5)
                grey = (column / 3 + row / 3) % 2 ? 220 : 0; /* burned-in marks */
            for (uint32_t s = 0; s < plane->samples; s++)
                to[s] = settle(scanner, clamp(floor((grey + (s == 0 ? red : s == 2 ? blue : 0)) / 4) * 4, 0, 255));
        }
    memory_free(noise);
    return true;
}
