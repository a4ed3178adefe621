#include "volume_phantom.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t least_of(const struct volume_phantom *phantom)
{
    return phantom->is_signed ? -(INT64_C(1) << (phantom->bits - 1)) : 0;
}

int64_t volume_phantom_value(const struct volume_phantom *phantom, uint32_t d, uint32_t z, uint32_t y, uint32_t x)
{
    const uint64_t span = (UINT64_C(1) << phantom->bits) - 1;
    const uint64_t wave =
        UINT64_C(7) * x + UINT64_C(13) * y + UINT64_C(29) * z + UINT64_C(101) * d + (uint64_t)x * y * z % 31;

    if (phantom->has_padding && (x + 2 * y + 3 * z) % 11 == 0)
        return least_of(phantom);
    return least_of(phantom) + 1 + (int64_t)(wave % span);
}

static int64_t plane_value(const struct volume_phantom *phantom, const struct stage_slice *slice, uint32_t y,
                           uint32_t x)
{
    double value = phantom->plane[3];

    for (int i = 0; i < 3; i++)
        value += phantom->plane[i] *
                 (slice->position[i] + x * slice->volume->affine[i][0] + y * slice->volume->affine[i][1]);
    return llround(value);
}

static void store(struct volume_phantom *phantom, size_t i, int64_t value)
{
    switch (sample_size(phantom->frame.type)) {
    case 1: ((uint8_t *)phantom->samples)[i] = (uint8_t)value; break;
    case 2: ((uint16_t *)phantom->samples)[i] = (uint16_t)value; break;
    default: ((uint32_t *)phantom->samples)[i] = (uint32_t)value; break;
    }
}

static void make_cells(struct volume_phantom *phantom)
{
    struct volume *const volume = &phantom->volume;

    volume->missing = calloc(phantom->hole_count + 1, sizeof *volume->missing);
    if (volume->missing == NULL)
        abort();
    for (uint32_t i = 0; i < phantom->hole_count; i++)
        volume->missing[volume->missing_count++] = (struct volume_missing){.slice = phantom->holes[i]};
}

void volume_phantom_init(struct volume_phantom *phantom)
{
    struct volume *const volume = &phantom->volume;

    *volume = (struct volume){
        .ordinal = 1,
        .verdict = phantom->verdict,
        .reason = strdup("made for a test"),
        .columns = phantom->size[0],
        .rows = phantom->size[1],
        .slices = phantom->size[2],
        .dimensions = phantom->dimensions == 0 ? 1 : phantom->dimensions,
        .has_affine = true,
        .column_spacing_mm = phantom->spacing_mm[0],
        .row_spacing_mm = phantom->spacing_mm[1],
        .slice_spacing_mm = phantom->spacing_mm[2],
        .voxel = phantom->is_float ? VOXEL_FLOAT32 : VOXEL_STORED,
        .samples_per_pixel = 1,
        .bits_stored = phantom->bits,
        .is_signed = phantom->is_signed,
        .slope = 1,
        .has_padding = phantom->has_padding,
        .padding_low = (double)least_of(phantom),
        .padding_high = (double)least_of(phantom),
    };
    for (int i = 0; i < 3; i++) {
        volume->affine[i][i] = phantom->spacing_mm[i];
        volume->affine[i][3] = -10.0 * (i + 1);
    }
    volume->affine[3][3] = 1;
    (void)snprintf(volume->dimension_name, sizeof volume->dimension_name, "%s",
                   phantom->dimension_name != NULL ? phantom->dimension_name : "");
    make_cells(phantom);
    phantom->frame = (struct frame){
        .number = 1,
        .rows = phantom->size[1],
        .columns = phantom->size[0],
        .samples_per_pixel = 1,
        .type = sample_type_of(phantom->bits <= 8    ? 8
                               : phantom->bits <= 16 ? 16
                                                     : 32,
                               phantom->is_signed),
        .bits_stored = phantom->bits,
        .is_signed = phantom->is_signed,
        .photometric = PHOTOMETRIC_MONOCHROME2,
    };
    phantom->frame.size = (size_t)phantom->size[0] * phantom->size[1] * sample_size(phantom->frame.type);
    phantom->frame.samples = phantom->samples = malloc(phantom->frame.size);
    if (phantom->samples == NULL || volume->reason == NULL)
        abort();
}

void volume_phantom_release(struct volume_phantom *phantom)
{
    free(phantom->samples);
    free(phantom->volume.reason);
    free(phantom->volume.missing);
}

static bool is_hole(const struct volume_phantom *phantom, const struct stage_slice *slice)
{
    for (uint32_t i = 0; i < phantom->hole_count; i++)
        if (slice->dimension == 0 && slice->slice == phantom->holes[i])
            return true;
    return false;
}

void volume_phantom_place(void *client, struct stage_slice *slice)
{
    struct volume_phantom *const phantom = client;
    size_t i = 0;

    if (is_hole(phantom, slice))
        return;
    if (phantom->positions != NULL)
        memcpy(slice->position, phantom->positions[slice->slice], sizeof slice->position);
    if (phantom->is_float) {
        slice->slope = 0.5 + slice->slice / 4.0;
        slice->intercept = -(double)slice->slice;
    }
    for (uint32_t y = 0; y < phantom->size[1]; y++)
        for (uint32_t x = 0; x < phantom->size[0]; x++)
            store(phantom, i++,
                  phantom->is_plane ? plane_value(phantom, slice, y, x)
                                    : volume_phantom_value(phantom, slice->dimension, slice->slice, y, x));
    slice->frame = &phantom->frame;
}
