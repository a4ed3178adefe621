#include "volume_resample.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "volume_voxels.h"

enum { PLANES_A_SLICE_MOST = 4, GROWTH_MOST = 3 };
static const double same_pixel = 0.01; /* shifts nearer to a whole pixel than this are one: rounding of positions */
static const double same_plane = 1e-4; /* the same for planes, as a share of the gap */

/* -- the plan ----------------------------------------------------------------------------------- */

struct directions {
    double row[SPACE], column[SPACE], normal[SPACE];
};

static double dot(const double a[SPACE], const double b[SPACE])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void column_of(const struct volume *volume, int column, double to[SPACE])
{
    for (int i = 0; i < SPACE; i++)
        to[i] = volume->affine[i][column];
}

static struct directions directions_of(const struct volume *volume)
{
    struct directions d;

    column_of(volume, 0, d.row);
    column_of(volume, 1, d.column);
    const double row_length = sqrt(dot(d.row, d.row)), column_length = sqrt(dot(d.column, d.column));
    for (int i = 0; i < SPACE; i++) {
        d.row[i] /= row_length;
        d.column[i] /= column_length;
    }
    for (int i = 0; i < SPACE; i++)
        d.normal[i] = d.row[(i + 1) % 3] * d.column[(i + 2) % 3] - d.row[(i + 2) % 3] * d.column[(i + 1) % 3];
    return d;
}

static double snapped(double pixels)
{
    return fabs(pixels - round(pixels)) < same_pixel ? round(pixels) : pixels;
}

/* Of each slice: columns, rows and mm from the first slice. */
static void set_places(const struct volume *volume, const double (*positions)[SPACE], const struct directions *d,
                       double (*places)[SPACE])
{
    double origin[SPACE], step[SPACE];

    column_of(volume, 3, origin);
    column_of(volume, 2, step);
    for (uint32_t i = 0; i < volume->slices; i++) {
        double from_first[SPACE];

        for (int k = 0; k < SPACE; k++)
            from_first[k] = isnan(positions[i][k]) ? i * step[k] : positions[i][k] - origin[k];
        places[i][X] = snapped(dot(from_first, d->row) / volume->column_spacing_mm);
        places[i][Y] = snapped(dot(from_first, d->column) / volume->row_spacing_mm);
        places[i][Z] = dot(from_first, d->normal);
    }
}

/* So that all places are at 0 or beyond, in whole pixels: slices that fit the first one's pixels stay as they are. */
static void set_plane(const struct volume *volume, struct volume_resample_plan *plan, double first[2])
{
    for (int axis = X; axis <= Y; axis++) {
        double least = 0, most = 0;

        for (uint32_t i = 0; i < volume->slices; i++) {
            least = fmin(least, plan->places[i][axis]);
            most = fmax(most, plan->places[i][axis]);
        }
        first[axis] = floor(least);
        const double grown = plan->from[axis] + ceil(most) - first[axis];
        plan->to[axis] = grown > UINT16_MAX ? UINT16_MAX : (uint32_t)grown;
        for (uint32_t i = 0; i < volume->slices; i++)
            plan->places[i][axis] -= first[axis];
    }
}

static void set_planes(const struct volume *volume, struct volume_resample_plan *plan)
{
    const uint32_t gaps = volume->slices - 1;
    const double extent = plan->places[gaps][Z], mean = extent / gaps;
    double least = mean;

    if (volume->verdict != VOLUME_TILTED)
        for (uint32_t i = 0; i < gaps; i++)
            least = fmin(least, plan->places[i + 1][Z] - plan->places[i][Z]);
    least = fmax(least, mean / PLANES_A_SLICE_MOST);
    plan->to[Z] = (uint32_t)llround(extent / least) + 1;
    plan->spacing_mm[Z] = extent / (plan->to[Z] - 1);
}

static bool check_places(const struct volume *volume, const struct volume_resample_plan *plan, struct error *err)
{
    for (uint32_t i = 0; i + 1 < volume->slices; i++)
        if (!(plan->places[i + 1][Z] > plan->places[i][Z]))
            return error_set(err, ERROR_UNSUPPORTED, "slices %u and %u do not follow each other along the normal",
                             i + 1, i + 2);
    for (int axis = X; axis <= Y; axis++)
        if (plan->to[axis] / plan->from[axis] >= GROWTH_MOST)
            return error_set(err, ERROR_UNSUPPORTED, "slices of %u pixels lie %u pixels apart sideways",
                             plan->from[axis], plan->to[axis] - plan->from[axis]);
    return true;
}

static void set_affine(const struct volume *volume, const struct directions *d, const double first[2],
                       struct volume_resample_plan *plan)
{
    for (int i = 0; i < SPACE; i++) {
        plan->affine[i][0] = volume->affine[i][0];
        plan->affine[i][1] = volume->affine[i][1];
        plan->affine[i][2] = d->normal[i] * plan->spacing_mm[Z];
        plan->affine[i][3] = volume->affine[i][3] + first[X] * volume->affine[i][0] + first[Y] * volume->affine[i][1];
    }
    plan->affine[3][3] = 1;
}

bool volume_resample_plan(const struct volume *volume, const double (*positions)[SPACE],
                          struct volume_resample_plan *plan, struct error *err)
{
    const struct directions d = directions_of(volume);
    double first[2];

    *plan = (struct volume_resample_plan){.from = {volume->columns, volume->rows, volume->slices},
                                          .spacing_mm = {volume->column_spacing_mm, volume->row_spacing_mm, 0}};
    plan->places = memory_array(volume->slices, sizeof *plan->places, err);
    if (plan->places == NULL)
        return false;
    set_places(volume, positions, &d, plan->places);
    set_plane(volume, plan, first);
    if (!check_places(volume, plan, err)) {
        volume_resample_plan_release(plan);
        return false;
    }
    set_planes(volume, plan);
    set_affine(volume, &d, first, plan);
    return true;
}

void volume_resample_plan_release(struct volume_resample_plan *plan)
{
    memory_free(plan->places);
    plan->places = NULL;
}

/* -- planes ------------------------------------------------------------------------------------- */

struct volume_resampler {
    const struct volume_resample_plan *plan;
    const struct volume_form *form;
    volume_resample_sink sink;
    void *client;
    double *source;         /* the slice that came, two rows and columns of NAN around it */
    double *before, *after; /* it and the one before, moved */
    double *mean;
    void *voxels;
    uint32_t made; /* planes of this dimension */
};

bool volume_resampler_new(const struct volume_resample_plan *plan, const struct volume_form *form,
                          volume_resample_sink sink, void *client, struct volume_resampler **resampler,
                          struct error *err)
{
    const size_t from = ((size_t)plan->from[X] + 2) * (plan->from[Y] + 2), to = (size_t)plan->to[X] * plan->to[Y];
    struct volume_resampler *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->plan = plan;
    made->form = form;
    made->sink = sink;
    made->client = client;
    if ((made->source = memory_array(from, sizeof *made->source, err)) == NULL ||
        (made->before = memory_array(to, sizeof *made->before, err)) == NULL ||
        (made->after = memory_array(to, sizeof *made->after, err)) == NULL ||
        (made->mean = memory_array(to, sizeof *made->mean, err)) == NULL ||
        (made->voxels = memory_array(to, sample_size(form->type), err)) == NULL) {
        volume_resampler_free(made);
        return false;
    }
    *resampler = made;
    return true;
}

void volume_resampler_free(struct volume_resampler *resampler)
{
    if (resampler == NULL)
        return;
    memory_free(resampler->source);
    memory_free(resampler->before);
    memory_free(resampler->after);
    memory_free(resampler->mean);
    memory_free(resampler->voxels);
    memory_free(resampler);
}

/* With a frame of NAN, so that whoever looks one pixel further finds nothing. */
static void read_source(struct volume_resampler *resampler, const struct volume_plane *plane)
{
    const uint32_t *const from = resampler->plan->from;
    const size_t stride = (size_t)from[X] + 2, row_bytes = from[X] * sample_size(resampler->form->type);

    for (size_t i = 0; i < stride * (from[Y] + 2); i++)
        resampler->source[i] = (double)NAN;
    if (plane->is_hole)
        return;
    for (uint32_t y = 0; y < from[Y]; y++)
        voxels_to_doubles(resampler->form->type, (const uint8_t *)plane->voxels + y * row_bytes, from[X],
                          plane->has_padding ? plane->padding_low : 1, plane->has_padding ? plane->padding_high : 0,
                          resampler->source + (y + 1) * stride + 1);
}

/* Between two values, the first of which has the weight 1 - share. */
static inline double between(double a, double b, double share)
{
    if (share <= 0)
        return a;
    if (isnan(a) || isnan(b))
        return share < 0.5 ? a : b;
    return a + (b - a) * share;
}

/* Moves the slice by its place. An output pixel lies `share` beyond a source pixel in each direction. */
static void move_source(const struct volume_resampler *resampler, const double place[SPACE], double *moved)
{
    const uint32_t *const from = resampler->plan->from, *const to = resampler->plan->to;
    const size_t stride = (size_t)from[X] + 2;
    const int64_t shift_x = (int64_t)ceil(place[X]), shift_y = (int64_t)ceil(place[Y]);
    const double share_x = (double)shift_x - place[X], share_y = (double)shift_y - place[Y];

    for (int64_t y = 0; y < to[Y]; y++)
        for (int64_t x = 0; x < to[X]; x++) {
            const int64_t source_x = x - shift_x, source_y = y - shift_y;

            if (source_x < -1 || source_x >= from[X] || source_y < -1 || source_y >= from[Y]) {
                moved[y * to[X] + x] = (double)NAN;
                continue;
            }
            const double *const at = resampler->source + (size_t)(source_y + 1) * stride + (size_t)(source_x + 1);
            moved[y * to[X] + x] =
                between(between(at[0], at[1], share_x), between(at[stride], at[stride + 1], share_x), share_y);
        }
}

static bool put_plane(struct volume_resampler *resampler, uint32_t dimension, const double *values, struct error *err)
{
    const struct volume_form *const form = resampler->form;
    const struct volume_plane plane = {.dimension = dimension,
                                       .slice = resampler->made++,
                                       .voxels = resampler->voxels,
                                       .has_padding = form->has_padding,
                                       .padding_low = form->padding_low,
                                       .padding_high = form->padding_high};

    voxels_of_doubles(form->type, values, (size_t)form->size[X] * form->size[Y], form->fill, resampler->voxels);
    return resampler->sink(resampler->client, &plane, err);
}

/* All planes of the grid up to slice `slice`, which is in `after`. */
static bool put_planes(struct volume_resampler *resampler, uint32_t dimension, uint32_t slice, struct error *err)
{
    const struct volume_resample_plan *const plan = resampler->plan;
    const size_t count = (size_t)plan->to[X] * plan->to[Y];
    const double to = plan->places[slice][Z], from = slice > 0 ? plan->places[slice - 1][Z] : to - 1;

    while (resampler->made < plan->to[Z]) {
        const double share = (resampler->made * plan->spacing_mm[Z] - from) / (to - from);
        const double *values = share < same_plane ? resampler->before : resampler->after;

        if (share > 1 + same_plane)
            return true;
        if (share >= same_plane && share <= 1 - same_plane) {
            for (size_t i = 0; i < count; i++)
                resampler->mean[i] = between(resampler->before[i], resampler->after[i], share);
            values = resampler->mean;
        }
        if (!put_plane(resampler, dimension, values, err))
            return false;
    }
    return true;
}

bool volume_resampler_add(struct volume_resampler *resampler, const struct volume_plane *plane, struct error *err)
{
    double *const older = resampler->before;

    if (plane->slice == 0)
        resampler->made = 0;
    resampler->before = resampler->after;
    resampler->after = older;
    read_source(resampler, plane);
    move_source(resampler, resampler->plan->places[plane->slice], resampler->after);
    return put_planes(resampler, plane->dimension, plane->slice, err);
}
