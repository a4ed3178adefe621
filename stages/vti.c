/* vti.c - a volume as VTK XML ImageData (https://docs.vtk.org, "VTK XML Formats"), with Direction
 *
 *     volume-1-vti.DIGEST16.vti   the first volume of the series
 *
 * The voxels follow the XML as they are ("appended", "raw"): an underscore, eight bytes of length,
 * then X fastest, so that the file can be mapped. They are stored values, and field data has what
 * makes modality values of them, Slope and Intercept; or modality values as Float32. Coordinates
 * are the patient's (LPS), in mm.
 *
 * ImageData is an even grid at right angles without a further dimension. What has one, or is
 * tilted, uneven or shifted, is told of and not written; of the latter volume.resample=yes makes a
 * straight, even volume.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "job/staging_stream.h"
#include "volume_sink.h"

struct vti {
    bool is_refused;
    char name[64];
};

static bool vti_is_on(const struct volume_options *options)
{
    return options->vti;
}

static const char *why_not(const struct volume_form *form)
{
    const enum volume_verdict verdict = form->volume->verdict;

    if (form->dimensions > 1)
        return "which has no further dimension";
    if (!form->is_resampled &&
        (verdict == VOLUME_TILTED || verdict == VOLUME_IRREGULAR_SPACING || verdict == VOLUME_SHIFTED_SLICES))
        return "whose grid is even and at right angles; volume.resample=yes makes such a volume";
    return NULL;
}

static const char *type_of(enum sample_type type)
{
    switch (type) {
    case SAMPLE_U8: return "UInt8";
    case SAMPLE_S8: return "Int8";
    case SAMPLE_U16: return "UInt16";
    case SAMPLE_S16: return "Int16";
    case SAMPLE_U32: return "UInt32";
    case SAMPLE_S32: return "Int32";
    case SAMPLE_F32: return "Float32";
    default: break; /* no voxel type */
    }
    return "";
}

/* -- the XML ------------------------------------------------------------------------------------ */

/* Rows of the matrix whose columns are the unit vectors of the axes. */
static bool put_direction(struct buffer *xml, const struct volume_form *form, struct error *err)
{
    bool ok = buffer_puts(xml, " Direction=\"", err);

    for (int i = 0; ok && i < SPACE * SPACE; i++)
        ok = buffer_printf(xml, err, i == 0 ? "%.17g" : " %.17g",
                           form->affine[i / SPACE][i % SPACE] / form->spacing_mm[i % SPACE]);
    return ok && buffer_puts(xml, "\">\n", err);
}

static bool put_number(struct buffer *xml, const char *name, double value, struct error *err)
{
    return buffer_printf(xml, err,
                         "      <DataArray type=\"Float64\" Name=\"%s\" NumberOfTuples=\"1\" format=\"ascii\">%.17g"
                         "</DataArray>\n",
                         name, value);
}

static bool put_grid(struct buffer *xml, const struct volume_form *form, const char *extent, struct error *err)
{
    return buffer_printf(xml, err,
                         "<?xml version=\"1.0\"?>\n<VTKFile type=\"ImageData\" version=\"2.2\" "
                         "byte_order=\"LittleEndian\" header_type=\"UInt64\">\n"
                         "  <ImageData WholeExtent=\"%s\" Origin=\"%.17g %.17g %.17g\" "
                         "Spacing=\"%.17g %.17g %.17g\"",
                         extent, form->affine[0][3], form->affine[1][3], form->affine[2][3], form->spacing_mm[X],
                         form->spacing_mm[Y], form->spacing_mm[Z]) &&
           put_direction(xml, form, err);
}

static bool put_xml(struct buffer *xml, const struct volume_form *form, struct error *err)
{
    char extent[64];

    (void)snprintf(extent, sizeof extent, "0 %u 0 %u 0 %u", form->size[X] - 1, form->size[Y] - 1, form->size[Z] - 1);
    return put_grid(xml, form, extent, err) && buffer_puts(xml, "    <FieldData>\n", err) &&
           put_number(xml, "Slope", form->slope, err) && put_number(xml, "Intercept", form->intercept, err) &&
           buffer_printf(xml, err,
                         "    </FieldData>\n    <Piece Extent=\"%s\">\n      <PointData Scalars=\"voxels\">\n"
                         "        <DataArray type=\"%s\" Name=\"voxels\" format=\"appended\" offset=\"0\"/>\n"
                         "      </PointData>\n    </Piece>\n  </ImageData>\n  <AppendedData "
                         "encoding=\"raw\">\n_",
                         extent, type_of(form->type)) &&
           buffer_put_u64(xml, (uint64_t)form->size[X] * form->size[Y] * form->size[Z] * sample_size(form->type), err);
}

/* -- the sink ----------------------------------------------------------------------------------- */

static bool put(struct volume_writer *writer, const void *data, size_t size, struct error *err)
{
    const struct part part = {data, size};

    return staging_stream_put(writer->staging, &part, 1, err);
}

static bool vti_begin(struct volume_writer *writer, struct error *err)
{
    struct vti *const vti = writer->state;
    const char *const reason = why_not(writer->form);
    struct buffer xml = {0};

    vti->is_refused = reason != NULL;
    if (reason != NULL)
        return buffer_printf(writer->notes, err, "%s: not as VTK ImageData, %s\n", writer->form->name, reason);
    (void)snprintf(vti->name, sizeof vti->name, "%s-vti", writer->form->name);
    const bool ok = put_xml(&xml, writer->form, err) && staging_stream(writer->staging, err) &&
                    put(writer, xml.data, xml.size, err);
    buffer_release(&xml);
    return ok;
}

static bool vti_plane(struct volume_writer *writer, const struct volume_plane *plane, struct error *err)
{
    const struct vti *const vti = writer->state;
    const struct volume_form *const form = writer->form;

    return vti->is_refused ||
           put(writer, plane->voxels, (size_t)form->size[X] * form->size[Y] * sample_size(form->type), err);
}

static bool vti_end(struct volume_writer *writer, struct error *err)
{
    static const char end[] = "\n  </AppendedData>\n</VTKFile>\n";
    const struct vti *const vti = writer->state;
    const struct artefact_spec spec = {
        .place = PLACE_RENDITION,
        .name = vti->name,
        .extension = "vti",
        .media_type = "application/octet-stream",
        .columns = writer->form->size[X],
        .rows = writer->form->size[Y],
    };

    return vti->is_refused ||
           (put(writer, end, sizeof end - 1, err) && staging_stream_end(writer->staging, &spec, false, err));
}

static void vti_release(struct volume_writer *writer)
{
    const struct vti *const vti = writer->state;

    if (!vti->is_refused)
        staging_stream_drop(writer->staging); /* what did not end */
}

const struct volume_sink volume_vti_sink = {
    .name = "vti",
    .uses_stream = true,
    .state_size = sizeof(struct vti),
    .is_on = vti_is_on,
    .begin = vti_begin,
    .plane = vti_plane,
    .end = vti_end,
    .release = vti_release,
};
