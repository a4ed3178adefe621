/* phantom.h - synthetic pixel values by formula: the same values on every machine
 *
 * A recipe's `pixels = FORMULA name=value ...` lines paint one after the other on a plane of stored
 * values. `name+=step` adds step for each frame after the first; `only=3` keeps a line to frame 3.
 * Only + - * / and sqrt, so that no libm can change a bit.
 */
#ifndef SLICEPRESS_SUPPORT_PHANTOM_H
#define SLICEPRESS_SUPPORT_PHANTOM_H

#include <stdint.h>

#include "base/error.h"
#include "recipe.h"

struct plane {
    uint32_t rows, columns, samples;
    double *values; /* rows * columns * samples, interleaved */
};

/* `frame` from 0. */
bool phantom_draw(const struct recipe *recipe, uint32_t frame, const struct plane *plane,
                  struct error *err);

/* scanner.c: what scanners make, for phantom_draw. */
struct scanner {
    double position;      /* 0..1 along the body */
    double noise, offset; /* standard deviation; added to everything */
    double least, most;   /* clipped to */
    uint64_t seed;
    unsigned grain;       /* noise in cells of so many pixels */
    double step;          /* rounded to multiples of it */
    double time;          /* 0..1 in a cine */
};
bool scanner_ct_head(const struct scanner *scanner, const struct plane *plane, struct error *err);
bool scanner_mr_head(const struct scanner *scanner, const struct plane *plane, struct error *err);
bool scanner_chest(const struct scanner *scanner, const struct plane *plane, struct error *err);
bool scanner_ultrasound(const struct scanner *scanner, const struct plane *plane, struct error *err);

/* xorshift64*, never 0. */
uint64_t random_next(uint64_t *state);
uint64_t random_seed(uint64_t seed, uint64_t stream);

#endif
