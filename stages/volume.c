/* volume.c - slices in space become volumes that viewers load: OME-Zarr in several resolutions
 *
 *     volume-1.DIGEST16/             the first volume of the series, as acquired (zarr.c)
 *     volume-1-resampled.DIGEST16/   by option, where that is tilted, shifted or unevenly spaced: straight and even
 *     volume-1-nifti.DIGEST16.nii.gz by option (nifti.c)
 *     volume-1-vti.DIGEST16.vti      by option (vti.c)
 *
 * The voxels of each slice are made once and handed to every sink that is on (volume_sink.h). What the geometry
 * does not call a volume (scouts, single slices, mixed orientations, images without a place) gives none, and so do two
 * slices, of which nothing can be cut across, and colour images; a note says why.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "stages.h"
#include "volume_resample.h"
#include "volume_sink.h"
#include "volume_voxels.h"

static const struct volume_sink *const sinks[] = {&volume_zarr_sink, &volume_nifti_sink, &volume_vti_sink};
enum { SINK_COUNT = sizeof sinks / sizeof *sinks };

static const struct option option_table[] = {
    {.name = "format",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct volume_options, format),
     .default_value = "0.5",
     .choices = "0.5 0.4",
     .help = "OME-Zarr 0.5 (Zarr 3) or 0.4 (Zarr 2)"},
    {.name = "compress",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct volume_options, compress),
     .default_value = "blosc",
     .choices = "blosc gzip none",
     .help = "chunks: blosc (zstd), gzip or none"},
    {.name = "chunk",
     .type = OPTION_INT_LIST,
     .offset = offsetof(struct volume_options, chunk),
     .default_value = "",
     .least = 1,
     .most = 1024,
     .help = "voxels a chunk: z,y,x; empty: up to 32,128,128, so that a chunk has at most 1 MiB"},
    {.name = "shards",
     .type = OPTION_BOOL,
     .offset = offsetof(struct volume_options, shards),
     .default_value = "no",
     .help = "few files: the chunks of one range of slices in one (format 0.5)"},
    {.name = "max_axis",
     .type = OPTION_INT,
     .offset = offsetof(struct volume_options, max_axis),
     .default_value = "2048",
     .least = 64,
     .most = 65536,
     .help = "volume.json shows the finest level without a longer side; finer ones come last"},
    {.name = "resample",
     .type = OPTION_BOOL,
     .offset = offsetof(struct volume_options, resample),
     .default_value = "no",
     .help = "tilted, shifted and unevenly spaced slices also as a straight, even volume"},
    {.name = "nifti",
     .type = OPTION_BOOL,
     .offset = offsetof(struct volume_options, nifti),
     .default_value = "no",
     .help = "each volume also as one NIfTI-1 file, .nii.gz"},
    {.name = "vti",
     .type = OPTION_BOOL,
     .offset = offsetof(struct volume_options, vti),
     .default_value = "no",
     .help = "each volume also as VTK ImageData, .vti, not compressed; tilted and repeated ones are left out"},
    {.name = NULL},
};

struct state {
    const struct volume *volume;
    unsigned pass, streams; /* passes over the slices as they came: as many as sinks that stream, at least one */
    bool is_begun;
    char name[48];
    struct volume_form form;
    double (*positions)[SPACE]; /* of each slice */
    void *voxels;               /* a slice as it came */
    bool has_plan;
    struct volume_resample_plan plan;
    struct volume_resampler *resampler;
    size_t writer_count;
    struct volume_writer writers[SINK_COUNT]; /* of this pass */
};

/* -- which volumes ------------------------------------------------------------------------------ */

static bool volume_begin(struct stage_run *run, struct error *err)
{
    const struct volume_options *const options = run->options;

    if (options->chunk.count != 0 && options->chunk.count != SPACE)
        return error_set(err, ERROR_USAGE, "volume.chunk has %zu numbers, expected z,y,x or none",
                         options->chunk.count);
    if (options->shards && strcmp(options->format, "0.5") != 0)
        return error_set(err, ERROR_USAGE, "volume.shards needs volume.format 0.5: Zarr 2 has none");
    return true;
}

enum { SLICES_LEAST = 3 };

static bool is_a_volume(const struct volume *volume)
{
    switch (volume->verdict) {
    case VOLUME_REGULAR:
    case VOLUME_TILTED:
    case VOLUME_REPEATED_POSITIONS:
    case VOLUME_MISSING_SLICES:
    case VOLUME_IRREGULAR_SPACING:
    case VOLUME_SHIFTED_SLICES: return volume->has_affine;
    case VOLUME_SINGLE_SLICE:
    case VOLUME_MIXED_ORIENTATION:
    case VOLUME_LOCALIZER:
    case VOLUME_NOT_VOLUMETRIC:
    case VOLUME_VERDICT_COUNT: break;
    }
    return false;
}

static bool can_be_resampled(const struct volume *volume)
{
    return volume->verdict == VOLUME_TILTED || volume->verdict == VOLUME_IRREGULAR_SPACING ||
           volume->verdict == VOLUME_SHIFTED_SLICES;
}

static bool note_none(struct stage_run *run, const struct volume *volume, const char *why, struct error *err)
{
    return buffer_printf(run->notes, err, "volume %u: none made, %s\n", volume->ordinal, why);
}

static unsigned count_streams(const struct volume_options *options)
{
    unsigned count = 0;

    for (size_t i = 0; i < SINK_COUNT; i++)
        count += sinks[i]->uses_stream && sinks[i]->is_on(options);
    return count > 0 ? count : 1;
}

static bool prepare(struct state *state, const struct volume *volume, struct error *err)
{
    state->volume = volume;
    state->pass = 0;
    state->positions = memory_array(volume->slices, sizeof *state->positions, err);
    if (state->positions == NULL)
        return false;
    for (uint32_t i = 0; i < volume->slices; i++)
        for (int axis = 0; axis < SPACE; axis++)
            state->positions[i][axis] = (double)NAN;
    return true;
}

static void tidy_volume(struct state *state)
{
    memory_free(state->positions);
    state->positions = NULL;
}

static bool volume_volume(struct stage_run *run, const struct volume *volume, unsigned *passes, struct error *err)
{
    struct state *const state = run->state;
    const struct volume_options *const options = run->options;

    *passes = 0;
    if (!is_a_volume(volume))
        return note_none(run, volume, volume->reason, err);
    if (volume->slices < SLICES_LEAST)
        return note_none(run, volume, "fewer than three slices", err);
    if (volume->samples_per_pixel != 1)
        return note_none(run, volume, "the images are in colour", err);
    tidy_volume(state);
    if (!prepare(state, volume, err))
        return false;
    state->streams = count_streams(options);
    *passes = state->streams * (options->resample && can_be_resampled(volume) ? 2 : 1);
    return true;
}

/* -- the form ----------------------------------------------------------------------------------- */

static bool is_resampled(const struct state *state)
{
    return state->pass >= state->streams;
}

static bool fits(enum sample_type type, double value)
{
    double least, most;

    voxel_type_range(type, &least, &most);
    return value >= least && value <= most;
}

/* Padding, else the least voxel of the first slice, whose voxels are made; else the least that the bits can say. */
static double choose_fill(const struct state *state, const struct stage_slice *first, enum sample_type type)
{
    const struct volume *const volume = state->volume;
    double least = (double)INFINITY, most = (double)-INFINITY;

    if (type == SAMPLE_F32)
        return (double)NAN;
    if (volume->has_padding && fits(type, volume->padding_low))
        return volume->padding_low;
    if (first->frame != NULL) {
        voxels_extent(type, state->voxels, (size_t)volume->columns * volume->rows, 1, 0, &least, &most);
        return least;
    }
    return volume->is_signed ? -ldexp(1, volume->bits_stored - 1) : 0;
}

static bool make_form(struct stage_run *run, const struct stage_slice *first, struct error *err)
{
    struct state *const state = run->state;
    const struct volume *const volume = state->volume;
    const enum sample_type type = voxel_type_of(volume, first->frame);

    memory_free(state->voxels);
    state->voxels = memory_array((size_t)volume->columns * volume->rows, sample_size(type), err);
    if (state->voxels == NULL ||
        (first->frame != NULL && !voxels_of_slice(first, type, volume->columns, volume->rows, state->voxels, err)))
        return false;
    const bool has_padding = type != SAMPLE_F32 && volume->has_padding;
    state->form = (struct volume_form){
        .name = state->name,
        .volume = volume,
        .size = {volume->columns, volume->rows, volume->slices},
        .dimensions = volume->dimensions,
        .spacing_mm = {volume->column_spacing_mm, volume->row_spacing_mm, volume->slice_spacing_mm},
        .type = type,
        .slope = volume->slope,
        .intercept = volume->intercept,
        .has_padding = has_padding,
        .padding_low = has_padding ? volume->padding_low : 0,
        .padding_high = has_padding ? volume->padding_high : 0,
        .fill = choose_fill(state, first, type),
        .is_inverse = first->frame != NULL && first->frame->photometric == PHOTOMETRIC_MONOCHROME1,
        .window = run->input->window,
        .positions = (const double(*)[SPACE])state->positions,
    };
    memcpy(state->form.affine, volume->affine, sizeof volume->affine);
    (void)snprintf(state->name, sizeof state->name, "volume-%u%s", volume->ordinal,
                   is_resampled(state) ? "-resampled" : "");
    return true;
}

/* What lies outside of all slices is padding, also where the slices have none. */
static void make_resampled_form(struct state *state)
{
    struct volume_form *const form = &state->form;

    form->is_resampled = true;
    memcpy(form->size, state->plan.to, sizeof form->size);
    memcpy(form->spacing_mm, state->plan.spacing_mm, sizeof form->spacing_mm);
    memcpy(form->affine, state->plan.affine, sizeof form->affine);
    if (form->type != SAMPLE_F32 && !form->has_padding) {
        form->has_padding = true;
        form->padding_low = form->padding_high = form->fill;
    }
}

/* -- passes ------------------------------------------------------------------------------------- */

static bool to_writers(void *client, const struct volume_plane *plane, struct error *err)
{
    struct state *const state = client;

    for (size_t i = 0; i < state->writer_count; i++)
        if (!state->writers[i].sink->plane(&state->writers[i], plane, err))
            return false;
    return true;
}

static bool open_writer(struct stage_run *run, const struct volume_sink *sink, struct error *err)
{
    struct state *const state = run->state;
    void *const own = memory_zeroed(sink->state_size, err);

    if (own == NULL)
        return false;
    struct volume_writer *const writer = &state->writers[state->writer_count++];
    *writer = (struct volume_writer){.sink = sink,
                                     .form = &state->form,
                                     .options = run->options,
                                     .staging = run->staging,
                                     .notes = run->notes,
                                     .state = own};
    return sink->begin(writer, err);
}

/* All that write trees in the first pass, and one that streams in each. */
static bool open_writers(struct stage_run *run, struct error *err)
{
    struct state *const state = run->state;
    const unsigned turn = state->pass % state->streams;
    unsigned streams = 0;

    for (size_t i = 0; i < SINK_COUNT; i++) {
        if (!sinks[i]->is_on(run->options))
            continue;
        const bool has_turn = turn == (sinks[i]->uses_stream ? streams++ : 0);
        if (has_turn && !open_writer(run, sinks[i], err))
            return false;
    }
    return true;
}

static void close_writers(struct state *state)
{
    for (size_t i = 0; i < state->writer_count; i++) {
        state->writers[i].sink->release(&state->writers[i]);
        memory_free(state->writers[i].state);
    }
    state->writer_count = 0;
    volume_resampler_free(state->resampler);
    state->resampler = NULL;
    if (state->has_plan)
        volume_resample_plan_release(&state->plan);
    state->has_plan = false;
}

static bool open_resampler(struct state *state, struct error *err)
{
    if (!volume_resample_plan(state->volume, (const double(*)[SPACE])state->positions, &state->plan, err))
        return false;
    state->has_plan = true;
    make_resampled_form(state);
    return volume_resampler_new(&state->plan, &state->form, to_writers, state, &state->resampler, err);
}

/* Slices that cannot be resampled are told of, and their pass goes by without writers. */
static bool begin_pass(struct stage_run *run, const struct stage_slice *first, struct error *err)
{
    struct state *const state = run->state;
    struct error why;

    state->is_begun = true;
    if (!make_form(run, first, err))
        return false;
    if (!is_resampled(state) || open_resampler(state, &why))
        return open_writers(run, err);
    if (why.kind == ERROR_UNSUPPORTED)
        return buffer_printf(run->notes, err, "%s: none made, %s\n", state->name, why.text);
    *err = why;
    return false;
}

/* -- slices ------------------------------------------------------------------------------------- */

static void note_position(struct state *state, const struct stage_slice *slice)
{
    double *const position = state->positions[slice->slice];

    if (slice->frame != NULL && isnan(position[0]))
        memcpy(position, slice->position, sizeof slice->position);
}

/* Most frames are a slice as it is wanted; else it is made in state->voxels. NULL: *err tells why. */
static const void *make_voxels(struct state *state, const struct stage_slice *slice, struct error *err)
{
    const struct volume *const volume = state->volume;
    const struct frame *const frame = slice->frame;

    if (frame == NULL) {
        voxels_fill(state->form.type, state->voxels, (size_t)volume->columns * volume->rows, state->form.fill);
        return state->voxels;
    }
    if (frame->type == state->form.type && frame->type != SAMPLE_F32 && frame->samples_per_pixel == 1 &&
        frame->columns == volume->columns && frame->rows == volume->rows && slice->x == 0 && slice->y == 0)
        return frame->samples;
    if (!voxels_of_slice(slice, state->form.type, volume->columns, volume->rows, state->voxels, err))
        return NULL;
    return state->voxels;
}

static bool volume_slice(struct stage_run *run, const struct stage_slice *slice, struct error *err)
{
    struct state *const state = run->state;

    if (!state->is_begun && !begin_pass(run, slice, err))
        return false;
    if (state->writer_count == 0)
        return true;
    note_position(state, slice);
    const void *const voxels = make_voxels(state, slice, err);
    if (voxels == NULL)
        return false;
    const bool has_padding = slice->frame != NULL && slice->has_padding && state->form.type != SAMPLE_F32;
    const struct volume_plane plane = {.dimension = slice->dimension,
                                       .slice = slice->slice,
                                       .voxels = voxels,
                                       .is_hole = slice->frame == NULL,
                                       .has_padding = has_padding,
                                       .padding_low = has_padding ? slice->padding_low : 0,
                                       .padding_high = has_padding ? slice->padding_high : 0};
    return state->resampler != NULL ? volume_resampler_add(state->resampler, &plane, err)
                                    : to_writers(state, &plane, err);
}

static bool note_uncorrected(struct stage_run *run, struct error *err)
{
    const struct state *const state = run->state;
    const struct volume_options *const options = run->options;

    if (is_resampled(state) || options->resample || !can_be_resampled(state->volume))
        return true;
    return buffer_printf(run->notes, err,
                         "%s: slices as acquired, %s; volume.resample=yes adds a straight, even volume\n", state->name,
                         state->volume->reason);
}

static bool volume_volume_end(struct stage_run *run, struct error *err)
{
    struct state *const state = run->state;
    bool ok = true;

    for (size_t i = 0; ok && i < state->writer_count; i++)
        ok = state->writers[i].sink->end(&state->writers[i], err);
    close_writers(state);
    ok = ok && note_uncorrected(run, err);
    state->pass++;
    state->is_begun = false;
    return ok;
}

static void volume_drop(struct stage_run *run)
{
    struct state *const state = run->state;

    close_writers(state);
    state->is_begun = false;
}

static void volume_release(struct stage_run *run)
{
    struct state *const state = run->state;

    close_writers(state);
    tidy_volume(state);
    memory_free(state->voxels);
}

const struct stage volume_stage = {
    .name = "volume",
    .summary = "volumes as OME-Zarr, in several resolutions",
    .version = 2,
    .scope = SCOPE_SERIES,
    .needs = NEEDS_FRAME | NEEDS_ORDER,
    .on_by_default = true,
    .options = option_table,
    .options_size = sizeof(struct volume_options),
    .state_size = sizeof(struct state),
    .begin = volume_begin,
    .volume = volume_volume,
    .slice = volume_slice,
    .volume_end = volume_volume_end,
    .volume_drop = volume_drop,
    .release = volume_release,
};
