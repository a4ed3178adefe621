/* links: base dicom */
/* dump_object FILE... - what object_open, image_read and frame_index_open make of files, a line
 * each:
 *
 *     path  result  transfer syntax  rows  columns  frames  samples  bits allocated  stored  signed
 * photometric pixel offset  length  frames by the index  readable frames  microseconds  patient's
 * name  notes or error
 *
 * separated by tabs. Result is "ok" or the kind of error; notes have " | " for line ends. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "dicom/frame_index.h"
#include "dicom/image.h"
#include "dicom/object.h"

static bool make_spool(void *client, int *descriptor, struct error *err)
{
    (void)client;
    *descriptor = memfd_create("spool", MFD_CLOEXEC);
    return *descriptor >= 0 || error_set(err, ERROR_IO, "memfd_create failed");
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void print_flat(const char *text)
{
    for (; *text; text++)
        if (*text == '\n')
            fputs(text[1] ? " | " : "", stdout);
        else
            putchar(*text == '\t' ? ' ' : *text);
}

static uint32_t count_readable(const struct frame_index *index)
{
    struct buffer out = {0};
    struct error err;
    uint32_t readable = 0;
    unsigned bit_offset;
    for (uint32_t i = 1; i <= frame_index_count(index); i++)
        readable += frame_index_read(index, i, &out, &bit_offset, &err);
    buffer_release(&out);
    return readable;
}

static void print_image(const struct image *image)
{
    printf("\t%u\t%u\t%u\t%u\t%u\t%u\t%d\t%s", image->rows, image->columns, image->frames,
           image->samples_per_pixel, image->bits_allocated, image->bits_stored, image->is_signed,
           photometric_word(image->photometric));
}

static void print_display(const struct object *object, const struct image *image)
{
    struct frame_display display;
    struct error err;
    if (!image_frame_display(object, image, 1, &display, &err)) {
        printf("display: %s", err.text);
        return;
    }
    printf("slope %g intercept %g windows %u voi luts %u%s%s%s%s; ", display.slope,
           display.intercept, display.window_count, display.voi_lut_count,
           display.has_modality_lut ? " modality lut" : "", display.has_padding ? " padding" : "",
           display.inverse ? " inverse" : "", image->icc ? " icc" : "");
    if (display.window_count)
        printf("window %g/%g %s; ", display.windows[0].center, display.windows[0].width,
               display.windows[0].explanation);
    if (image->spacing_source)
        printf("%s %g %g; ", image->spacing_source, image->row_spacing_mm,
               image->column_spacing_mm);
    if (image->has_palette)
        printf("palette %u from %d, %u bits; ", image->palette.red.entries,
               image->palette.red.first, image->palette.red.bits);
    frame_display_release(&display);
}

static void dump(const char *path, bool verbose)
{
    const struct spool_maker spool = {make_spool, NULL};
    struct error err = {0};
    struct bytes bytes;
    struct object *object = NULL;
    struct image image = {0};
    struct frame_index *index = NULL;
    struct buffer notes = {0};
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    const double begin = now_us();
    bool ok =
        bytes_of_descriptor(descriptor, &bytes, &err) && object_open(&bytes, &spool, &object, &err);
    const bool opened = ok;
    ok = ok && image_read(object, &image, &notes, &err);
    const bool read = ok;
    ok = ok && frame_index_open(object, &image, &notes, &index, &err);
    const double us = now_us() - begin;
    char name[400] = "";
    if (opened)
        dataset_utf8(object_dataset(object), TAG(0x0010, 0x0010), name, sizeof name);
    printf("%s\t%s\t%s", path, ok ? "ok" : error_kind_word(err.kind),
           opened ? object_transfer_syntax_uid(object) : "");
    if (read)
        print_image(&image);
    else
        printf("\t\t\t\t\t\t\t\t");
    if (opened)
        printf("\t%llu\t%lld", (unsigned long long)object_pixels(object).offset,
               (long long)object_pixels(object).length);
    else
        printf("\t\t");
    if (ok)
        printf("\t%u\t%u", frame_index_count(index), count_readable(index));
    else
        printf("\t\t");
    printf("\t%.0f\t%s\t", us, name);
    if (verbose && read)
        print_display(object, &image);
    if (opened)
        print_flat(object_notes(object));
    printf(" # ");
    print_flat(buffer_text(&notes));
    if (!ok)
        printf(" # %s", err.text);
    putchar('\n');
    frame_index_close(index);
    if (read)
        image_release(&image);
    object_close(object);
    buffer_release(&notes);
    if (descriptor >= 0)
        close(descriptor);
}

int main(int argc, char **argv)
{
    const bool verbose = argc > 1 && !strcmp(argv[1], "-v");
    for (int i = verbose ? 2 : 1; i < argc; i++)
        dump(argv[i], verbose);
    return 0;
}
