/* The slices of one object. */
#include "dicom/geometry_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dicom/geometry_private.h"
#include "dicom/geometry_vector.h"
#include "dicom/geometry_vendor.h"

#define NM_IMAGE_STORAGE "1.2.840.10008.5.1.4.1.1.20"

struct reading {
    const struct object *object;
    const struct dataset *root;
    const struct image *image;
    geometry_take *take;
    void *client;
    struct slice common; /* what holds for all frames */
};

/* ---------------------------------------------------------------- values */

static void read_number(const struct dataset *dataset, uint32_t tag, const char vr[2], double *to)
{
    double number;
    if (dataset && dataset_numbers(dataset, tag, vr, &number, 1) == 1)
        *to = number;
}

static bool read_numbers(const struct dataset *dataset, uint32_t tag, const char vr[2], double *to,
                         size_t count)
{
    double numbers[6];
    if (!dataset || dataset_numbers(dataset, tag, vr, numbers, count) != count)
        return false;
    memcpy(to, numbers, count * sizeof *to);
    return true;
}

static void read_integer(const struct dataset *dataset, uint32_t tag, int64_t *to)
{
    int64_t integer;
    if (dataset && dataset_is(dataset, tag, &integer))
        *to = integer;
}

/* A longer type keeps its beginning, and ends with a number made of all of it. */
static void read_type(const struct dataset *dataset, uint32_t tag, char to[SLICE_TYPE_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char text[1025];
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    if (!dataset || !dataset_text(dataset, tag, text, sizeof text))
        return;
    const size_t length = strlen(text);
    if (length < SLICE_TYPE_SIZE) {
        memcpy(to, text, length + 1);
        return;
    }
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
    memcpy(to, text, SLICE_TYPE_SIZE);
    to[SLICE_TYPE_SIZE - 1] = '\0';
    for (size_t i = 0; i < 16; i++)
        to[SLICE_TYPE_SIZE - 2 - i] = digits[hash >> 4 * i & 15];
}

static bool read_orientation(const struct dataset *dataset, struct slice *slice)
{
    double cosines[6];
    if (!read_numbers(dataset, TAG(0x0020, 0x0037), "DS", cosines, 6))
        return false;
    memcpy(slice->row, cosines, sizeof slice->row);
    memcpy(slice->column, cosines + 3, sizeof slice->column);
    return true;
}

/* Between rows first (PS3.3 10.7.1.3). */
static bool read_pixel_spacing(const struct dataset *dataset, struct slice *slice)
{
    double spacing[2];
    if (!read_numbers(dataset, TAG(0x0028, 0x0030), "DS", spacing, 2))
        return false;
    slice->row_spacing_mm = spacing[0];
    slice->column_spacing_mm = spacing[1];
    return true;
}

/* ---------------------------------------------------------------- time */

/* Days since 0000-03-01 of the proleptic Gregorian calendar: leap days come last. */
static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
    year -= month < 3;
    return 365 * year + year / 4 - year / 100 + year / 400 +
           (153 * (month + (month < 3 ? 9 : -3)) + 2) / 5 + day - 1;
}

/* `count` digits; -1 where there are none, or the number is more than `most`. */
static int64_t take_digits(const char **text, size_t count, int64_t most)
{
    int64_t value = 0;
    for (size_t i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return -1;
        value = 10 * value + (**text - '0');
    }
    return value <= most ? value : -1;
}

static bool take_date(const char **text, int64_t *us)
{
    const int64_t year = take_digits(text, 4, 9999);
    const int64_t month = year < 0 ? -1 : take_digits(text, 2, 12);
    const int64_t day = month < 1 ? -1 : take_digits(text, 2, 31);
    if (day < 1)
        return false;
    *us = days_of_date(year, month, day) * 86400 * 1000000;
    return true;
}

/* HH[MM[SS[.FFFFFF]]] (PS3.5 6.2, TM). */
static bool take_time(const char **text, int64_t *us)
{
    const int64_t hours = take_digits(text, 2, 23);
    const int64_t minutes = hours < 0 || !**text ? 0 : take_digits(text, 2, 59);
    const int64_t seconds = minutes < 0 || !**text ? 0 : take_digits(text, 2, 60);
    if (hours < 0 || minutes < 0 || seconds < 0)
        return false;
    *us = ((hours * 60 + minutes) * 60 + seconds) * 1000000;
    if (**text != '.')
        return true;
    ++*text;
    for (int64_t digit = 100000; digit && **text >= '0' && **text <= '9'; digit /= 10)
        *us += digit * (*(*text)++ - '0');
    return true;
}

/* A DT: the zone is left away, as all of a series has one. */
static bool read_date_time(const struct dataset *dataset, uint32_t tag, int64_t *to)
{
    char text[65];
    const char *at = text;
    int64_t date, time;
    if (!dataset || !dataset_text(dataset, tag, text, sizeof text) || !take_date(&at, &date) ||
        !take_time(&at, &time))
        return false;
    *to = date + time;
    return true;
}

static void read_acquisition_time(const struct dataset *root, int64_t *to)
{
    char text[65];
    const char *at = text;
    int64_t date = 0, time;
    if (read_date_time(root, TAG(0x0008, 0x002a), to))
        return;
    if (dataset_text(root, TAG(0x0008, 0x0022), text, sizeof text) && !take_date(&at, &date))
        date = 0;
    at = text;
    if (dataset_text(root, TAG(0x0008, 0x0032), text, sizeof text) && take_time(&at, &time))
        *to = date + time;
}

/* ---------------------------------------------------------------- what holds for the object */

static void read_diffusion(const struct dataset *root, struct slice *slice)
{
    vendor_diffusion(root, &slice->b_value, slice->gradient);
    read_number(root, TAG(0x0018, 0x9087), "FD", &slice->b_value);
    read_numbers(root, TAG(0x0018, 0x9089), "FD", slice->gradient, 3);
}

static void read_common(struct reading *r)
{
    const struct dataset *const root = r->root;
    struct slice *const slice = &r->common;
    *slice = slice_absent();
    dataset_text(root, TAG(0x0008, 0x0018), slice->sop_instance_uid,
                 sizeof slice->sop_instance_uid);
    slice->rows = r->image->rows;
    slice->columns = r->image->columns;
    slice->samples_per_pixel = r->image->samples_per_pixel;
    slice->bits_stored = r->image->bits_stored;
    slice->is_signed = r->image->is_signed;
    slice->is_float = r->image->element != PIXEL_ELEMENT_INTEGER;
    read_type(root, TAG(0x0008, 0x0008), slice->image_type);
    read_integer(root, TAG(0x0018, 0x0086), &slice->echo_number);
    read_number(root, TAG(0x0018, 0x0081), "DS", &slice->echo_time_ms);
    read_number(root, TAG(0x0018, 0x0088), "DS", &slice->declared_spacing_mm);
    read_number(root, TAG(0x0018, 0x1060), "DS", &slice->trigger_time_ms);
    read_integer(root, TAG(0x0020, 0x0100), &slice->temporal_position);
    read_integer(root, TAG(0x0020, 0x0012), &slice->acquisition_number);
    read_integer(root, TAG(0x0020, 0x0013), &slice->instance_number);
    read_acquisition_time(root, &slice->acquisition_time_us);
    read_numbers(root, TAG(0x0020, 0x0032), "DS", slice->position, 3);
    read_orientation(root, slice);
    if (!strcmp(r->image->modality, "MR"))
        read_diffusion(root, slice);
    if (!read_pixel_spacing(root, slice) && dataset_has(root, TAG(0x0018, 0x1164)))
        slice->fault = SLICE_DETECTOR_SPACING;
}

/* ---------------------------------------------------------------- frames */

static bool give(const struct reading *r, struct slice *slice, uint32_t frame, struct error *err)
{
    struct frame_display display;
    if (!image_frame_display(r->object, r->image, frame, &display, err))
        return false;
    slice->frame = frame;
    slice->slope = display.slope;
    slice->intercept = display.intercept;
    slice->has_modality_lut = display.has_modality_lut;
    slice->has_padding = display.has_padding;
    slice->padding_low = display.padding_low;
    slice->padding_high = display.padding_high;
    frame_display_release(&display);
    return r->take(r->client, slice, err);
}

/* One slice for all frames. */
static bool give_fault(const struct reading *r, enum slice_fault fault, struct error *err)
{
    struct slice slice = r->common;
    slice.fault = fault;
    slice.frames = r->image->frames;
    return give(r, &slice, 1, err);
}

/* ---------------------------------------------------------------- functional groups */

static const struct dataset *group(const struct reading *r, uint32_t macro, uint32_t frame)
{
    return object_functional_group(r->object, macro, frame);
}

/* Frame Type is in a macro of each kind of image: CT, MR, PET, XA and XRF, X-Ray 3D, Parametric
 * Map. */
static void read_frame_type(const struct reading *r, uint32_t frame, struct slice *slice)
{
    static const uint32_t macros[] = {TAG(0x0018, 0x9329), TAG(0x0018, 0x9226),
                                      TAG(0x0018, 0x9751), TAG(0x0018, 0x9412),
                                      TAG(0x0018, 0x9504), TAG(0x0040, 0x9092)};
    for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++)
        read_type(group(r, macros[i], frame), TAG(0x0008, 0x9007), slice->image_type);
}

/* PS3.3 C.7.6.16.2.2 */
static void read_frame_content(const struct dataset *content, struct slice *slice)
{
    if (!content)
        return;
    dataset_text(content, TAG(0x0020, 0x9056), slice->stack_id, sizeof slice->stack_id);
    read_integer(content, TAG(0x0020, 0x9057), &slice->in_stack_position);
    read_integer(content, TAG(0x0020, 0x9128), &slice->temporal_position);
    read_integer(content, TAG(0x0020, 0x9156), &slice->acquisition_number);
    read_date_time(content, TAG(0x0018, 0x9074), &slice->acquisition_time_us);
}

static void read_frame_diffusion(const struct dataset *diffusion, struct slice *slice)
{
    if (!diffusion)
        return;
    read_number(diffusion, TAG(0x0018, 0x9087), "FD", &slice->b_value);
    read_numbers(dataset_item(diffusion, TAG(0x0018, 0x9076), 0), TAG(0x0018, 0x9089), "FD",
                 slice->gradient, 3);
}

static void read_frame_place(const struct reading *r, uint32_t frame, struct slice *slice)
{
    const struct dataset *const measures = group(r, TAG(0x0028, 0x9110), frame);
    read_numbers(group(r, TAG(0x0020, 0x9113), frame), TAG(0x0020, 0x0032), "DS", slice->position,
                 3);
    read_orientation(group(r, TAG(0x0020, 0x9116), frame), slice);
    if (measures && read_pixel_spacing(measures, slice))
        slice->fault = SLICE_NONE;
    read_number(measures, TAG(0x0018, 0x0088), "DS", &slice->declared_spacing_mm);
}

static bool give_enhanced(const struct reading *r, struct error *err)
{
    for (uint32_t frame = 1; frame <= r->image->frames; frame++) {
        struct slice slice = r->common;
        read_frame_place(r, frame, &slice);
        read_frame_type(r, frame, &slice);
        read_frame_content(group(r, TAG(0x0020, 0x9111), frame), &slice);
        read_frame_diffusion(group(r, TAG(0x0018, 0x9117), frame), &slice);
        read_number(group(r, TAG(0x0018, 0x9114), frame), TAG(0x0018, 0x9082), "FD",
                    &slice.echo_time_ms);
        read_number(group(r, TAG(0x0018, 0x9118), frame), TAG(0x0020, 0x9153), "FD",
                    &slice.trigger_time_ms);
        read_integer(group(r, TAG(0x0062, 0x000a), frame), TAG(0x0062, 0x000b), &slice.channel);
        if (!give(r, &slice, frame, err))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- along the normal */

static bool read_normal(const struct slice *slice, double normal[3])
{
    vector_cross(slice->row, slice->column, normal);
    return vector_is_finite(normal) && vector_is_finite(slice->position);
}

/* Numbers for all frames; false if there are fewer. */
static bool read_vector(const struct reading *r, uint32_t tag, const char vr[2], double *numbers)
{
    return dataset_numbers(r->root, tag, vr, numbers, r->image->frames) == r->image->frames;
}

/* PS3.3 C.8.8.3.2: relative to the position if the first is 0, else the patient's z of each plane,
 * which then is the first position's (axial planes only). */
static bool offsets_are_usable(const struct slice *slice, const double normal[3],
                               const double *offsets)
{
    const bool is_axial = fabs(fabs(normal[2]) - 1) < 1e-4;
    return offsets[0] == 0 ||
           (is_axial && fabs(offsets[0] - slice->position[2]) <= GEOMETRY_SAME_POSITION_MM);
}

static bool give_offsets(const struct reading *r, const double *offsets, struct error *err)
{
    double normal[3];
    if (!read_normal(&r->common, normal) || !offsets_are_usable(&r->common, normal, offsets))
        return give_fault(r, SLICE_BAD_OFFSETS, err);
    const bool is_relative = offsets[0] == 0;
    for (uint32_t frame = 1; frame <= r->image->frames; frame++) {
        struct slice slice = r->common;
        if (is_relative)
            vector_add(slice.position, offsets[frame - 1], normal, slice.position);
        else
            slice.position[2] = offsets[frame - 1];
        if (!give(r, &slice, frame, err))
            return false;
    }
    return true;
}

static bool give_dose(const struct reading *r, struct error *err)
{
    double *const offsets = memory_array(r->image->frames, sizeof *offsets, err);
    if (!offsets)
        return false;
    const bool ok = read_vector(r, TAG(0x3004, 0x000c), "DS", offsets)
                        ? give_offsets(r, offsets, err)
                        : give_fault(r, SLICE_BAD_OFFSETS, err);
    memory_free(offsets);
    return ok;
}

/* ---------------------------------------------------------------- nuclear medicine */

/* The vectors of PS3.3 C.8.4.8; NULL where an object has none, which stands for 1, 1, 1... */
enum { SLICE_VECTOR, DETECTOR_VECTOR, TIME_SLOT_VECTOR, ENERGY_VECTOR, INTERVAL_VECTOR, VECTORS };

struct nm {
    double *vectors[VECTORS];
};

static void nm_release(struct nm *nm)
{
    for (int i = 0; i < VECTORS; i++)
        memory_free(nm->vectors[i]);
}

static bool nm_read(const struct reading *r, struct nm *nm, struct error *err)
{
    static const uint32_t tags[VECTORS] = {TAG(0x0054, 0x0080), TAG(0x0054, 0x0020),
                                           TAG(0x0054, 0x0070), TAG(0x0054, 0x0010),
                                           TAG(0x0054, 0x0060)};
    for (int i = 0; i < VECTORS; i++) {
        if (!(nm->vectors[i] = memory_array(r->image->frames, sizeof(double), err)))
            return false;
        if (!read_vector(r, tags[i], "US", nm->vectors[i])) {
            memory_free(nm->vectors[i]);
            nm->vectors[i] = NULL;
        }
    }
    return true;
}

/* 1 to 65535, they are US. */
static int64_t nm_value(const struct nm *nm, int vector, uint32_t frame)
{
    const double value = nm->vectors[vector] ? nm->vectors[vector][frame - 1] : 1;
    return value >= 1 && value <= 65535 ? (int64_t)value : 1;
}

/* Each detector, or reconstruction, has an item (C.8.4.11); the normal and a spacing, whose sign is
 * the direction (C.8.4.15), lead to the slice. */
static void nm_place(const struct reading *r, const struct nm *nm, uint32_t frame,
                     struct slice *slice)
{
    const size_t detector = (size_t)nm_value(nm, DETECTOR_VECTOR, frame) - 1;
    const struct dataset *const item = dataset_item(r->root, TAG(0x0054, 0x0022), detector);
    const int64_t number = nm->vectors[SLICE_VECTOR] ? nm_value(nm, SLICE_VECTOR, frame) : frame;
    double normal[3];
    read_numbers(item, TAG(0x0020, 0x0032), "DS", slice->position, 3);
    if (item)
        read_orientation(item, slice);
    if (number == 1 || !read_normal(slice, normal))
        return;
    if (!isfinite(slice->declared_spacing_mm) || slice->declared_spacing_mm == 0)
        slice->fault = SLICE_NO_SLICE_SPACING;
    else
        vector_add(slice->position, slice->declared_spacing_mm * (double)(number - 1), normal,
                   slice->position);
}

static bool give_nm_frames(const struct reading *r, const struct nm *nm, struct error *err)
{
    for (uint32_t frame = 1; frame <= r->image->frames; frame++) {
        struct slice slice = r->common;
        nm_place(r, nm, frame, &slice);
        slice.temporal_position = nm_value(nm, TIME_SLOT_VECTOR, frame);
        slice.channel = (nm_value(nm, ENERGY_VECTOR, frame) << 32) +
                        (nm_value(nm, DETECTOR_VECTOR, frame) << 16) +
                        nm_value(nm, INTERVAL_VECTOR, frame);
        if (!give(r, &slice, frame, err))
            return false;
    }
    return true;
}

static bool give_nm(const struct reading *r, struct error *err)
{
    struct nm nm = {0};
    if (!geometry_type_has(r->common.image_type, "RECON TOMO") &&
        !geometry_type_has(r->common.image_type, "RECON GATED TOMO"))
        return give_fault(r, SLICE_PROJECTION, err);
    const bool ok = nm_read(r, &nm, err) && give_nm_frames(r, &nm, err);
    nm_release(&nm);
    return ok;
}

/* ---------------------------------------------------------------- mosaic */

/* The size of a tile, and where the first one is: Image Position (Patient) is that of a slice as
 * large as the mosaic with the same centre as the first slice. */
static bool cut_tiles(const struct mosaic *mosaic, uint32_t *side, struct slice *slice)
{
    const double rows = slice->rows, columns = slice->columns;
    for (*side = 1; (uint64_t)*side * *side < mosaic->slices;)
        ++*side;
    if (slice->rows % *side || slice->columns % *side)
        return false;
    slice->rows /= *side;
    slice->columns /= *side;
    vector_add(slice->position, (columns - slice->columns) / 2 * slice->column_spacing_mm,
               slice->row, slice->position);
    vector_add(slice->position, (rows - slice->rows) / 2 * slice->row_spacing_mm, slice->column,
               slice->position);
    return true;
}

/* The step from slice to slice: along the plane's own normal, to the side that the vendor's shows.
 */
static bool find_mosaic_step(const struct mosaic *mosaic, const struct slice *slice, double step[3])
{
    double normal[3];
    if (!read_normal(slice, normal) || !(slice->declared_spacing_mm > 0))
        return false;
    const double cosine = vector_dot(normal, mosaic->normal);
    for (int i = 0; i < 3; i++)
        step[i] = copysign(slice->declared_spacing_mm, cosine) * normal[i];
    return fabs(fabs(cosine) - 1) < GEOMETRY_COSINE_LENGTH;
}

static bool give_mosaic(const struct reading *r, struct error *err)
{
    struct mosaic mosaic;
    struct slice slice = r->common;
    double step[3];
    uint32_t side;
    if (!vendor_mosaic(r->root, &mosaic) || !find_mosaic_step(&mosaic, &slice, step) ||
        !cut_tiles(&mosaic, &side, &slice))
        return give_fault(r, SLICE_BAD_MOSAIC, err);
    for (uint32_t i = 0; i < mosaic.slices; i++) {
        struct slice tile = slice;
        tile.x = i % side * slice.columns;
        tile.y = i / side * slice.rows;
        vector_add(slice.position, i, step, tile.position);
        if (!give(r, &tile, 1, err))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- which of them */

static bool has_groups(const struct reading *r)
{
    return dataset_items(r->root, TAG(0x5200, 0x9230)) ||
           dataset_items(r->root, TAG(0x5200, 0x9229));
}

bool geometry_read(const struct object *object, const struct image *image, geometry_take *take,
                   void *client, struct error *err)
{
    struct reading r = {.object = object,
                        .root = object_dataset(object),
                        .image = image,
                        .take = take,
                        .client = client};
    read_common(&r);
    if (image->is_tiled)
        return give_fault(&r, SLICE_TILED, err);
    if (has_groups(&r))
        return give_enhanced(&r, err);
    if (!strcmp(image->sop_class_uid, NM_IMAGE_STORAGE))
        return give_nm(&r, err);
    if (image->frames > 1 && dataset_has(r.root, TAG(0x3004, 0x000c)))
        return give_dose(&r, err);
    if (image->frames > 1)
        return give_fault(&r, SLICE_NO_FRAME_POSITIONS, err);
    if (vendor_is_mosaic(r.root))
        return give_mosaic(&r, err);
    struct slice slice = r.common;
    return give(&r, &slice, 1, err);
}
