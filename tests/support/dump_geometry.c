/* links: base dicom */
/* dump_geometry [-c] FILE... - what geometry_read and geometry_sort make of objects, series by
 * series in order of UID
 *
 *     volume  series  modality  ordinal  verdict  columns  rows  slices  dimensions  images missing
 * column, row and slice spacing  tilt  off grid  affine (12 numbers, rows of the matrix, "" if
 * none)  stored or float32 slope  intercept  samples  dimension name  reason cell    series ordinal
 * dimension  slice  file  frame  x  y                        (with -c) error   file  kind  text
 *
 * separated by tabs; numbers as %.9g. Exit status 1 if a file gave an error other than no_image. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "dicom/geometry_read.h"

struct series {
    char uid[65], modality[17];
    struct slice *slices;
    size_t count, capacity;
};

static struct series *all;
static size_t series_count, series_capacity;
static char **paths;
static int status;

static void report(const char *path, const struct error *err)
{
    printf("error\t%s\t%s\t%s\n", path, error_kind_word(err->kind), err->text);
    if (err->kind != ERROR_NO_IMAGE)
        status = 1;
}

static bool make_spool(void *client, int *descriptor, struct error *err)
{
    (void)client;
    *descriptor = memfd_create("spool", MFD_CLOEXEC);
    return *descriptor >= 0 || error_set(err, ERROR_IO, "memfd_create failed");
}

static struct series *find_series(const char *uid, const char *modality, struct error *err)
{
    for (size_t i = 0; i < series_count; i++)
        if (!strcmp(all[i].uid, uid))
            return &all[i];
    if (!memory_grow((void **)&all, &series_capacity, series_count + 1, sizeof *all, err))
        return NULL;
    struct series *const series = &all[series_count++];
    *series = (struct series){0};
    memcpy(series->uid, uid, strlen(uid) + 1);
    memcpy(series->modality, modality, strlen(modality) + 1);
    return series;
}

struct taking {
    struct series *series;
    uint64_t instance;
};

static bool take(void *client, const struct slice *slice, struct error *err)
{
    const struct taking *const taking = client;
    struct series *const series = taking->series;
    if (!memory_grow((void **)&series->slices, &series->capacity, series->count + 1,
                     sizeof *series->slices, err))
        return false;
    series->slices[series->count] = *slice;
    series->slices[series->count++].instance = taking->instance;
    return true;
}

static bool read_object(const struct object *object, uint64_t instance, struct error *err)
{
    struct image image = {0};
    struct buffer notes = {0};
    char uid[65];
    bool ok = image_read(object, &image, &notes, err);
    if (ok) {
        dataset_text(object_dataset(object), TAG(0x0020, 0x000e), uid, sizeof uid);
        struct taking taking = {find_series(uid, image.modality, err), instance};
        ok = taking.series && geometry_read(object, &image, take, &taking, err);
        image_release(&image);
    }
    buffer_release(&notes);
    return ok;
}

static void read_file(uint64_t instance)
{
    const struct spool_maker spool = {make_spool, NULL};
    struct error err = {0};
    struct bytes bytes;
    struct object *object = NULL;
    const int descriptor = open(paths[instance], O_RDONLY | O_CLOEXEC);
    if (!bytes_of_descriptor(descriptor, &bytes, &err) ||
        !object_open(&bytes, &spool, &object, &err) || !read_object(object, instance, &err))
        report(paths[instance], &err);
    object_close(object);
    if (descriptor >= 0)
        close(descriptor);
}

static void print_affine(const struct volume *volume)
{
    for (int i = 0; volume->has_affine && i < 12; i++)
        printf("%s%.9g", i ? " " : "", volume->affine[i / 4][i % 4]);
}

static void print_volume(const struct series *series, const struct volume *volume)
{
    printf("volume\t%s\t%s\t%u\t%s\t%u\t%u\t%u\t%u\t%zu\t%zu\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t",
           series->uid, series->modality, volume->ordinal, volume_verdict_word(volume->verdict),
           volume->columns, volume->rows, volume->slices, volume->dimensions, volume->cell_count,
           volume->missing_count, volume->column_spacing_mm, volume->row_spacing_mm,
           volume->slice_spacing_mm, volume->tilt_degrees, volume->off_grid_mm);
    print_affine(volume);
    printf("\t%s\t%.9g\t%.9g\t%u\t%s\t%s\n", volume->voxel == VOXEL_STORED ? "stored" : "float32",
           volume->slope, volume->intercept, volume->samples_per_pixel, volume->dimension_name,
           volume->reason);
}

static void print_cells(const struct series *series, const struct volume *volume)
{
    for (size_t i = 0; i < volume->cell_count; i++) {
        const struct volume_cell *const cell = &volume->cells[i];
        const struct slice *const slice = &series->slices[cell->input];
        printf("cell\t%s\t%u\t%u\t%u\t%s\t%u\t%u\t%u\n", series->uid, volume->ordinal,
               cell->dimension, cell->slice, paths[slice->instance], slice->frame, slice->x,
               slice->y);
    }
}

static void print_series(const struct series *series, bool cells)
{
    struct geometry geometry;
    struct error err;
    if (!geometry_sort(series->slices, series->count, &geometry, &err)) {
        report(series->uid, &err);
        return;
    }
    for (size_t i = 0; i < geometry.count; i++) {
        print_volume(series, &geometry.volumes[i]);
        if (cells)
            print_cells(series, &geometry.volumes[i]);
    }
    geometry_release(&geometry);
}

static int compare_series(const void *a, const void *b)
{
    return strcmp(((const struct series *)a)->uid, ((const struct series *)b)->uid);
}

int main(int argc, char **argv)
{
    const bool cells = argc > 1 && !strcmp(argv[1], "-c");
    paths = argv;
    for (int i = cells ? 2 : 1; i < argc; i++)
        read_file((uint64_t)i);
    if (series_count)
        qsort(all, series_count, sizeof *all, compare_series);
    for (size_t i = 0; i < series_count; i++) {
        print_series(&all[i], cells);
        memory_free(all[i].slices);
    }
    memory_free(all);
    return status;
}
