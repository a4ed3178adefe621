/* links: base dicom codec */
/* decode_file [--all] [--time N] FILE - what the decoder makes of an object, one line a frame
 *
 * Prints tab-separated lines, as tests/decode/run wants them:
 *     frame NUMBER ROWS COLUMNS SAMPLES BITS_ALLOCATED BITS_STORED SIGNED PHOTOMETRIC MIN MAX MEAN
 * CRC32 LOSSY RGB_MIN RGB_MAX RGB_MEAN CRC32_422 note TEXT           error KIND TEXT          time
 * MILLISECONDS_A_FRAME Frames count from 0 here, as in EXPECTED.tsv; without --all the first and
 * the last. RGB_* are of the samples after BT.601 where they are YBR, else MIN MAX MEAN again;
 * CRC32_422 is of the samples thinned to Y1 Y2 Cb Cr again. Exit 0, or 1 after an `error`.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <libdeflate.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "codec/decode.h"
#include "dicom/frame_index.h"
#include "dicom/image.h"
#include "dicom/object.h"

static bool make_spool(void *client, int *descriptor, struct error *err)
{
    (void)client;
    *descriptor = memfd_create("decode_file", MFD_CLOEXEC);
    return *descriptor >= 0 || error_set(err, ERROR_IO, "cannot make a spool");
}

static double value_at(const struct frame *frame, size_t i)
{
    switch (frame->type) {
    case SAMPLE_U8:
        return ((const uint8_t *)frame->samples)[i];
    case SAMPLE_S8:
        return ((const int8_t *)frame->samples)[i];
    case SAMPLE_U16:
        return ((const uint16_t *)frame->samples)[i];
    case SAMPLE_S16:
        return ((const int16_t *)frame->samples)[i];
    case SAMPLE_U32:
        return ((const uint32_t *)frame->samples)[i];
    case SAMPLE_S32:
        return ((const int32_t *)frame->samples)[i];
    case SAMPLE_F32:
        return (double)((const float *)frame->samples)[i];
    case SAMPLE_F64:
        break;
    }
    return ((const double *)frame->samples)[i];
}

struct statistics {
    double least, most, sum;
    size_t count;
};

static void add(struct statistics *s, double value)
{
    if (s->count == 0 || value < s->least)
        s->least = value;
    if (s->count == 0 || value > s->most)
        s->most = value;
    s->sum += value;
    s->count++;
}

static double to_byte(double value)
{
    return value < 0 ? 0 : value > 255 ? 255 : floor(value + 0.5);
}

static struct statistics of_samples(const struct frame *frame, size_t count)
{
    struct statistics s = {0};

    for (size_t i = 0; i < count; i++)
        add(&s, value_at(frame, i));
    return s;
}

static struct statistics of_colour(const struct frame *frame, size_t count)
{
    struct statistics s = {0};

    if (frame->photometric != PHOTOMETRIC_YBR_FULL || frame->type != SAMPLE_U8)
        return of_samples(frame, count);
    for (size_t i = 0; i + 2 < count; i += 3) {
        const double y = value_at(frame, i), cb = value_at(frame, i + 1) - 128;
        const double cr = value_at(frame, i + 2) - 128;
        add(&s, to_byte(y + 1.402 * cr));
        add(&s, to_byte(y - 0.344136286 * cb - 0.714136286 * cr));
        add(&s, to_byte(y + 1.772 * cb));
    }
    return s;
}

/* The bytes of a native 422 frame from its 444 samples; 0 where there are none. */
static uint32_t crc_of_422(const struct frame *frame, size_t count)
{
    const uint8_t *from = frame->samples;
    uint32_t crc = 0;

    if (frame->type != SAMPLE_U8 || frame->samples_per_pixel != 3)
        return 0;
    for (size_t i = 0; i + 5 < count; i += 6) {
        const uint8_t pair[4] = {from[i], from[i + 3], from[i + 1], from[i + 2]};
        crc = libdeflate_crc32(crc, pair, sizeof pair);
    }
    return crc;
}

static void print_frame(const struct image *image, const struct frame *frame)
{
    const size_t count = (size_t)frame->rows * frame->columns * frame->samples_per_pixel;
    const struct statistics plain = of_samples(frame, count), colour = of_colour(frame, count);

    printf("frame\t%u\t%u\t%u\t%u\t%u\t%u\t%d\t%s\t%.17g\t%.17g\t%.17g\t%08x\t%c\t%.17g\t%.17g\t%."
           "17g\t%08x\n",
           frame->number - 1, frame->rows, frame->columns, frame->samples_per_pixel,
           image->bits_allocated, frame->bits_stored, frame->is_signed,
           photometric_word(frame->photometric), plain.least, plain.most,
           plain.sum / (double)plain.count, libdeflate_crc32(0, frame->samples, frame->size),
           frame->lossy ? 'y' : 'n', colour.least, colour.most, colour.sum / (double)colour.count,
           crc_of_422(frame, count));
}

struct options {
    bool all;
    int repeats;
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

struct opened {
    struct object *object;
    struct image image;
    struct frame_index *index;
    struct decoder *decoder;
    struct buffer coded, notes;
};

static bool decode_frame(struct opened *o, uint32_t number, const struct options *options,
                         struct error *err)
{
    struct frame frame;
    unsigned bit_offset = 0;
    double spent = 0;

    for (int i = 0; i < options->repeats; i++) {
        if (!frame_index_read(o->index, number, &o->coded, &bit_offset, err))
            return false;
        /* A copy of exactly the size: a sanitizer sees a byte read beyond it. */
        uint8_t *exact = memory_new(o->coded.size, err);
        if (!exact)
            return false;
        if (o->coded.size > 0)
            memcpy(exact, o->coded.data, o->coded.size);
        const double start = now_ms();
        const bool ok = decoder_run(o->decoder, &o->image, number, exact, o->coded.size, bit_offset,
                                    &frame, &o->notes, err);
        spent += now_ms() - start;
        memory_free(exact);
        if (!ok)
            return false;
    }
    print_frame(&o->image, &frame);
    if (options->repeats > 1)
        printf("time\t%.3f\n", spent / options->repeats);
    return true;
}

/* Every frame is tried; the first failure is told. */
static bool decode_frames(struct opened *o, const struct options *options, struct error *err)
{
    const uint32_t count = frame_index_count(o->index);
    bool ok = count > 0 || error_set(err, ERROR_NO_IMAGE, "no frames");

    for (uint32_t number = 1; number <= count; number++) {
        struct error failure;
        if (!options->all && number != 1 && number != count)
            continue;
        if (!decode_frame(o, number, options, &failure) && ok) {
            *err = failure;
            ok = false;
        }
    }
    return ok;
}

static bool decode_object(const struct bytes *bytes, struct opened *o,
                          const struct options *options, struct error *err)
{
    const struct spool_maker spool = {make_spool, NULL};

    return object_open(bytes, &spool, &o->object, err) &&
           buffer_puts(&o->notes, object_notes(o->object), err) &&
           image_read(o->object, &o->image, &o->notes, err) &&
           frame_index_open(o->object, &o->image, &o->notes, &o->index, err) &&
           decoder_new(&o->decoder, err) && decode_frames(o, options, err);
}

static void print_notes(const char *text)
{
    for (; *text; text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n'))
        printf("note\t%.*s\n", (int)strcspn(text, "\n"), text);
}

int main(int argc, char **argv)
{
    struct options options = {false, 1};
    struct opened opened = {0};
    struct bytes bytes;
    struct error err = {0};
    int i = 1;

    for (; i < argc - 1 && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--all") == 0)
            options.all = true;
        else if (strcmp(argv[i], "--time") == 0 && i + 2 < argc)
            options.repeats = (int)strtol(argv[++i], NULL, 10);
        else
            break;
    }
    if (i != argc - 1 || options.repeats < 1) {
        fprintf(stderr, "usage: decode_file [--all] [--time N] FILE\n");
        return 2;
    }
    const int descriptor = open(argv[i], O_RDONLY | O_CLOEXEC);
    bool ok = descriptor >= 0 || error_set(&err, ERROR_IO, "cannot open \"%s\"", argv[i]);
    ok = ok && bytes_of_descriptor(descriptor, &bytes, &err) &&
         decode_object(&bytes, &opened, &options, &err);
    print_notes(buffer_text(&opened.notes));
    if (!ok)
        printf("error\t%s\t%s\n", error_kind_word(err.kind), err.text);
    decoder_free(opened.decoder);
    frame_index_close(opened.index);
    image_release(&opened.image);
    object_close(opened.object);
    buffer_release(&opened.coded);
    buffer_release(&opened.notes);
    if (descriptor >= 0)
        close(descriptor);
    return ok ? 0 : 1;
}
