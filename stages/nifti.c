/* nifti.c - a volume as one compressed NIfTI-1 file (https://nifti.nimh.nih.gov/nifti-1)
 *
 *     volume-1-nifti.DIGEST16.nii.gz             the first volume of the series
 *     volume-1-resampled-nifti.DIGEST16.nii.gz   with volume.resample=yes
 *
 * Voxels are stored values with scl_slope and scl_inter, or modality values as float32, in the
 * order in which they come: X fastest, rows from top to bottom, slices along the normal, then the
 * further dimension. The affine turns from LPS to NIfTI's RAS and stands in the sform; the qform
 * says the same where the axes are at right angles, else nothing, because a quaternion has no
 * shear.
 *
 * A NIfTI grid is even. Slices at uneven distances or off their line would lie in wrong places:
 * they are told of and not written; volume.resample=yes makes an even volume of them.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/gzip_stream.h"
#include "job/staging_stream.h"
#include "volume_sink.h"

enum { HEADER = 348, VOXELS = 352, DIM_MOST = 32767, DESCRIP = 80 };

struct nifti {
    bool is_refused;
    struct staging *staging;
    struct gzip_stream *gzip;
    char name[64];
};

/* -- the header --------------------------------------------------------------------------------- */

static void put16(uint8_t *header, size_t offset, uint32_t value)
{
    header[offset] = (uint8_t)value;
    header[offset + 1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *header, size_t offset, uint32_t value)
{
    put16(header, offset, value);
    put16(header, offset + 2, value >> 16);
}

static void put_float(uint8_t *header, size_t offset, double value)
{
    const float single = (float)value;
    uint32_t bits;

    memcpy(&bits, &single, sizeof bits);
    put32(header, offset, bits);
}

static uint32_t datatype_of(enum sample_type type)
{
    switch (type) {
    case SAMPLE_U8: return 2;
    case SAMPLE_S16: return 4;
    case SAMPLE_S32: return 8;
    case SAMPLE_F32: return 16;
    case SAMPLE_S8: return 256;
    case SAMPLE_U16: return 512;
    case SAMPLE_U32: return 768;
    default: break; /* no voxel type */
    }
    return 0;
}

/* Columns of the affine in RAS: steps along X, Y and Z, and the first voxel's centre. */
static void ras_of(const struct volume_form *form, double ras[SPACE][4])
{
    for (int row = 0; row < SPACE; row++)
        for (int column = 0; column < 4; column++)
            ras[row][column] = (row == Z ? 1 : -1) * form->affine[row][column];
}

static double length_of(double ras[SPACE][4], int column)
{
    return sqrt(ras[0][column] * ras[0][column] + ras[1][column] * ras[1][column] + ras[2][column] * ras[2][column]);
}

/* Unit vectors of the axes; false where two are not at a right angle, or one has no length. */
static bool find_axes(double ras[SPACE][4], double axes[SPACE][SPACE])
{
    const double most = sin(GEOMETRY_TILT_DEGREES * acos(-1) / 180);

    for (int column = 0; column < SPACE; column++) {
        const double length = length_of(ras, column);

        if (!(length > 0))
            return false;
        for (int row = 0; row < SPACE; row++)
            axes[row][column] = ras[row][column] / length;
    }
    for (int a = 0; a < SPACE; a++) {
        const int b = (a + 1) % SPACE;

        if (fabs(axes[0][a] * axes[0][b] + axes[1][a] * axes[1][b] + axes[2][a] * axes[2][b]) > most)
            return false;
    }
    return true;
}

static double sign_of(double value)
{
    return value < 0 ? -1 : 1;
}

/* The quaternion (a, b, c, d), a >= 0, of a proper rotation: nifti1.h, "QUATERNION REPRESENTATION
 * OF ROTATION MATRIX". The greatest member is found by its square, the others by division by it, so
 * that none loses its digits. */
static void quaternion_of(double r[SPACE][SPACE], double quaternion[4])
{
    const double squares[4] = {1 + r[0][0] + r[1][1] + r[2][2], 1 + r[0][0] - r[1][1] - r[2][2],
                               1 - r[0][0] + r[1][1] - r[2][2], 1 - r[0][0] - r[1][1] + r[2][2]};
    /* four times the products of two members, of the same index i in row i */
    const double products[4][4] = {
        {squares[0], r[2][1] - r[1][2], r[0][2] - r[2][0], r[1][0] - r[0][1]},
        {r[2][1] - r[1][2], squares[1], r[0][1] + r[1][0], r[0][2] + r[2][0]},
        {r[0][2] - r[2][0], r[0][1] + r[1][0], squares[2], r[1][2] + r[2][1]},
        {r[1][0] - r[0][1], r[0][2] + r[2][0], r[1][2] + r[2][1], squares[3]},
    };
    int most = 0;

    for (int i = 1; i < 4; i++)
        if (squares[i] > squares[most])
            most = i;
    const double divisor = 2 * sqrt(squares[most]) * sign_of(products[most][0]);
    for (int i = 0; i < 4; i++)
        quaternion[i] = products[most][i] / divisor;
}

static void put_qform(uint8_t *header, double ras[SPACE][4])
{
    double axes[SPACE][SPACE], quaternion[4];

    put_float(header, 76, 1); /* pixdim[0]: the sign of the third axis */
    if (!find_axes(ras, axes))
        return;
    const double determinant = axes[0][0] * (axes[1][1] * axes[2][2] - axes[1][2] * axes[2][1]) -
                               axes[0][1] * (axes[1][0] * axes[2][2] - axes[1][2] * axes[2][0]) +
                               axes[0][2] * (axes[1][0] * axes[2][1] - axes[1][1] * axes[2][0]);
    put_float(header, 76, sign_of(determinant));
    for (int row = 0; row < SPACE; row++)
        axes[row][Z] *= sign_of(determinant);
    quaternion_of(axes, quaternion);
    put16(header, 252, 1); /* qform_code: scanner's coordinates */
    for (size_t i = 0; i < SPACE; i++) {
        put_float(header, 256 + 4 * i, quaternion[1 + i]);
        put_float(header, 268 + 4 * i, ras[i][3]);
    }
}

static void put_geometry(uint8_t *header, const struct volume_form *form)
{
    double ras[SPACE][4];

    ras_of(form, ras);
    put_qform(header, ras);
    put16(header, 254, 1); /* sform_code: scanner's coordinates */
    for (int row = 0; row < SPACE; row++) {
        put_float(header, 80 + 4 * (size_t)row, length_of(ras, row)); /* pixdim[1..3]: a step, shear included */
        for (int column = 0; column < 4; column++)
            put_float(header, 280 + 16 * (size_t)row + 4 * (size_t)column, ras[row][column]);
    }
    header[123] = 2; /* xyzt_units: mm; what a step of the further dimension is, is not known */
}

/* cal_min and cal_max: what is shown black and white, in modality values. */
static void put_window(uint8_t *header, const struct volume_form *form)
{
    const struct window *const window = form->window;

    if (window == NULL || !window_is_valid(window))
        return;
    put_float(header, 124, window->center + window->width / 2);
    put_float(header, 128, window->center - window->width / 2);
}

static void make_header(uint8_t *header, const struct volume_form *form)
{
    char text[DESCRIP];

    memset(header, 0, VOXELS);
    put32(header, 0, HEADER);
    header[38] = 'r'; /* "regular", of ANALYZE 7.5 */
    put16(header, 40, form->dimensions > 1 ? 4 : 3);
    for (size_t axis = 0; axis < SPACE; axis++)
        put16(header, 42 + 2 * axis, form->size[axis]);
    put16(header, 48, form->dimensions);
    for (size_t axis = 4; axis < 7; axis++)
        put16(header, 42 + 2 * axis, 1);
    put16(header, 70, datatype_of(form->type));
    put16(header, 72, 8 * (uint32_t)sample_size(form->type));
    put_float(header, 108, VOXELS);
    put_float(header, 112, form->slope);
    put_float(header, 116, form->intercept);
    put_geometry(header, form);
    put_window(header, form);
    (void)snprintf(text, sizeof text, "%.31s%s%.40s", form->name, form->dimensions > 1 ? ", by " : "",
                   form->dimensions > 1 ? form->volume->dimension_name : "");
    memcpy(header + 148, text, strlen(text));
    memcpy(header + 344, "n+1", 4);
}

/* -- the sink ----------------------------------------------------------------------------------- */

static bool nifti_is_on(const struct volume_options *options)
{
    return options->nifti;
}

static const char *why_not(const struct volume_form *form)
{
    const enum volume_verdict verdict = form->volume->verdict;

    if (!form->is_resampled && (verdict == VOLUME_IRREGULAR_SPACING || verdict == VOLUME_SHIFTED_SLICES))
        return "whose grid is even; volume.resample=yes makes an even volume";
    for (int axis = 0; axis < SPACE; axis++)
        if (form->size[axis] > DIM_MOST)
            return "which has at most 32767 voxels a side";
    return form->dimensions > DIM_MOST ? "which has at most 32767 repetitions" : NULL;
}

static bool put_coded(void *client, const void *data, size_t size, struct error *err)
{
    const struct nifti *const nifti = client;
    const struct part part = {data, size};

    return staging_stream_put(nifti->staging, &part, 1, err);
}

static bool nifti_begin(struct volume_writer *writer, struct error *err)
{
    struct nifti *const nifti = writer->state;
    const struct volume_form *const form = writer->form;
    const char *const reason = why_not(form);
    uint8_t header[VOXELS];

    nifti->is_refused = reason != NULL;
    if (reason != NULL)
        return buffer_printf(writer->notes, err, "%s: not as NIfTI, %s\n", form->name, reason);
    (void)snprintf(nifti->name, sizeof nifti->name, "%s-nifti", form->name);
    nifti->staging = writer->staging;
    make_header(header, form);
    return staging_stream(writer->staging, err) &&
           gzip_stream_new(gzip_stream_threads(), put_coded, nifti, &nifti->gzip, err) &&
           gzip_stream_write(nifti->gzip, header, sizeof header, err);
}

static bool nifti_plane(struct volume_writer *writer, const struct volume_plane *plane, struct error *err)
{
    struct nifti *const nifti = writer->state;
    const struct volume_form *const form = writer->form;

    return nifti->is_refused || gzip_stream_write(nifti->gzip, plane->voxels,
                                                  (size_t)form->size[X] * form->size[Y] * sample_size(form->type), err);
}

static bool nifti_end(struct volume_writer *writer, struct error *err)
{
    struct nifti *const nifti = writer->state;
    const struct artefact_spec spec = {
        .place = PLACE_RENDITION,
        .name = nifti->name,
        .extension = "nii.gz",
        .media_type = "application/gzip",
        .columns = writer->form->size[X],
        .rows = writer->form->size[Y],
    };

    return nifti->is_refused ||
           (gzip_stream_end(nifti->gzip, err) && staging_stream_end(writer->staging, &spec, false, err));
}

static void nifti_release(struct volume_writer *writer)
{
    struct nifti *const nifti = writer->state;

    if (nifti->staging == NULL) /* refused */
        return;
    gzip_stream_free(nifti->gzip);
    staging_stream_drop(writer->staging); /* what did not end */
}

const struct volume_sink volume_nifti_sink = {
    .name = "nifti",
    .uses_stream = true,
    .state_size = sizeof(struct nifti),
    .is_on = nifti_is_on,
    .begin = nifti_begin,
    .plane = nifti_plane,
    .end = nifti_end,
    .release = nifti_release,
};
