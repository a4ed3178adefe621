#include "phantom.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

uint64_t random_seed(uint64_t seed, uint64_t stream)
{
    uint64_t state = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (stream + 1) * UINT64_C(0xbf58476d1ce4e5b9);

    state |= 1;
    for (int i = 0; i < 4; i++)
        (void)random_next(&state);
    return state;
}

/* One `pixels` line for one frame. */
struct formula {
    const char *text;
    uint32_t frame;
};

static bool argument_text(const struct formula *formula, const char *name, const char *sign,
                          const char **value)
{
    const size_t length = strlen(name), sign_length = strlen(sign);

    for (const char *at = strchr(formula->text, ' '); at != NULL; at = strchr(at, ' ')) {
        while (*at == ' ')
            at++;
        if (strncmp(at, name, length) == 0 && strncmp(at + length, sign, sign_length) == 0) {
            *value = at + length + sign_length;
            return true;
        }
    }
    return false;
}

static double argument(const struct formula *formula, const char *name, double absent)
{
    const char *text;
    double value = argument_text(formula, name, "=", &text) ? strtod(text, NULL) : absent;

    if (argument_text(formula, name, "+=", &text))
        value += formula->frame * strtod(text, NULL);
    return value;
}

static void rectangle(const struct plane *plane, double x, double y, double w, double h, double value)
{
    for (uint32_t row = 0; row < plane->rows; row++)
        for (uint32_t column = 0; column < plane->columns; column++)
            if (column >= x && column < x + w && row >= y && row < y + h)
                for (uint32_t s = 0; s < plane->samples; s++)
                    plane->values[((size_t)row * plane->columns + column) * plane->samples + s] = value;
}

static void gradient(const struct formula *formula, const struct plane *plane)
{
    const double from = argument(formula, "from", 0), to = argument(formula, "to", 255);
    const bool down = argument(formula, "down", 0) != 0;
    const uint32_t side = down ? plane->rows : plane->columns;

    for (uint32_t row = 0; row < plane->rows; row++)
        for (uint32_t column = 0; column < plane->columns; column++)
            for (uint32_t s = 0; s < plane->samples; s++)
                plane->values[((size_t)row * plane->columns + column) * plane->samples + s] =
                    floor(from + (to - from) * (down ? row : column) / (side > 1 ? side - 1 : 1) + 0.5);
}

static void corners(const struct formula *formula, const struct plane *plane)
{
    const double side = argument(formula, "side", 8);
    const double right = plane->columns - side, bottom = plane->rows - side;

    rectangle(plane, 0, 0, plane->columns, plane->rows, argument(formula, "base", 0));
    rectangle(plane, 0, 0, side, side, argument(formula, "tl", 0));
    rectangle(plane, right, 0, side, side, argument(formula, "tr", 0));
    rectangle(plane, 0, bottom, side, side, argument(formula, "bl", 0));
    rectangle(plane, right, bottom, side, side, argument(formula, "br", 0));
}

/* value = f(x, y, sample) over the whole plane. */
static void everywhere(const struct formula *formula, const struct plane *plane, const char *name)
{
    const bool is_noise = strcmp(name, "noise") == 0, is_checker = strcmp(name, "checker") == 0;
    const bool is_colour = strcmp(name, "colour") == 0, is_bars = strcmp(name, "bars") == 0;
    const double least = argument(formula, "least", 0), most = argument(formula, "most", 255);
    const double a = argument(formula, "a", 0), b = argument(formula, "b", 255);
    const double cell = argument(formula, "cell", 8);
    const double first = argument(formula, "first", 0), step = argument(formula, "step", 1);
    const double modulo = argument(formula, "modulo", 0);
    const char *const channels[] = {"r", "g", "b", "a"};
    uint64_t state = random_seed((uint64_t)argument(formula, "seed", 1), formula->frame);
    double colour[4], value;
    double *to = plane->values;

    for (unsigned s = 0; s < 4; s++)
        colour[s] = argument(formula, channels[s], 0);
    for (uint32_t row = 0; row < plane->rows; row++)
        for (uint32_t column = 0; column < plane->columns; column++)
            for (uint32_t s = 0; s < plane->samples; s++) {
                if (is_noise)
                    value = least + floor((most - least + 1) * (double)(random_next(&state) >> 11) /
                                          9007199254740992.0);
                else if (is_checker)
                    value = fmod(floor(row / cell) + floor(column / cell), 2) == 0 ? a : b;
                else if (is_colour)
                    value = colour[s];
                else if (is_bars) /* white yellow cyan green magenta red blue black */
                    value = (7 - (uint64_t)column * 8 / plane->columns) >> (s == 0 ? 1 : s == 1 ? 2 : 0) & 1
                                ? most : least;
                else
                    value = first + step * (double)((size_t)row * plane->columns + column);
                if (modulo > 0)
                    value = fmod(value, modulo);
                *to++ = value;
            }
}

static bool scanner(const struct formula *formula, const struct plane *plane, const char *name,
                    bool *known, struct error *err)
{
    const struct scanner settings = {
        .position = argument(formula, "position", 0.5),
        .noise = argument(formula, "noise", 10),
        .offset = argument(formula, "offset", 0),
        .least = argument(formula, "least", 0),
        .most = argument(formula, "most", 4095),
        .seed = random_seed((uint64_t)argument(formula, "seed", 1), formula->frame),
        .grain = (unsigned)argument(formula, "grain", 1),
        .step = argument(formula, "round", 1),
        .time = argument(formula, "time", 0),
    };

    *known = true;
    if (strcmp(name, "ct_head") == 0)
        return scanner_ct_head(&settings, plane, err);
    if (strcmp(name, "mr_head") == 0)
        return scanner_mr_head(&settings, plane, err);
    if (strcmp(name, "chest") == 0)
        return scanner_chest(&settings, plane, err);
    if (strcmp(name, "ultrasound") == 0)
        return scanner_ultrasound(&settings, plane, err);
    *known = false;
    return true;
}

static bool paint(const struct formula *formula, const struct plane *plane, struct error *err)
{
    static const char *const spread[] = {"noise", "checker", "colour", "bars", "ramp"};
    char name[32] = "";
    const size_t length = strcspn(formula->text, " ");
    bool known;

    if (length >= sizeof name)
        return error_set(err, ERROR_USAGE, "unknown formula \"%s\"", formula->text);
    memcpy(name, formula->text, length);
    if (argument(formula, "only", formula->frame + 1) != formula->frame + 1)
        return true;
    for (size_t i = 0; i < sizeof spread / sizeof *spread; i++)
        if (strcmp(name, spread[i]) == 0) {
            everywhere(formula, plane, name);
            return true;
        }
    if (strcmp(name, "constant") == 0)
        rectangle(plane, 0, 0, plane->columns, plane->rows, argument(formula, "value", 0));
    else if (strcmp(name, "rect") == 0)
        rectangle(plane, argument(formula, "x", 0), argument(formula, "y", 0), argument(formula, "w", 1),
                  argument(formula, "h", 1), argument(formula, "value", 0));
    else if (strcmp(name, "gradient") == 0)
        gradient(formula, plane);
    else if (strcmp(name, "corners") == 0)
        corners(formula, plane);
    else if (!scanner(formula, plane, name, &known, err))
        return false;
    else if (!known)
        return error_set(err, ERROR_USAGE, "unknown formula \"%s\"", name);
    return true;
}

bool phantom_draw(const struct recipe *recipe, uint32_t frame, const struct plane *plane,
                  struct error *err)
{
    rectangle(plane, 0, 0, plane->columns, plane->rows, 0);
    for (size_t i = 0; i < recipe->setting_count; i++)
        if (strcmp(recipe->settings[i].name, "pixels") == 0 &&
            !paint(&(struct formula){recipe->settings[i].value, frame}, plane, err))
            return false;
    return true;
}
