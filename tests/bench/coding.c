/* links: base dicom codec */
/* coding - what indexing and rewriting a codestream costs beside encoding it
 *
 *     coding RAW COLUMNS ROWS BITS u|s      16-bit samples, little endian
 *
 * Prints the least CPU microseconds of each step over ROUNDS rounds, for scripts/bench.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/path.h"
#include "codec/codestream_index.h"
#include "codec/htj2k_encode.h"

enum { ROUNDS = 40, STEPS = 3 };

static double cpu_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void keep_least(double *least, double from)
{
    const double spent = cpu_us() - from;

    if (*least == 0 || spent < *least)
        *least = spent;
}

static bool run(const struct frame *frame, double least[STEPS], struct error *err)
{
    struct codestream_index index = {0};
    struct buffer coded = {0}, rewritten = {0};
    bool ok = true;

    for (int i = 0; ok && i < ROUNDS; i++) {
        buffer_clear(&coded);
        buffer_clear(&rewritten);
        double from = cpu_us();
        ok = htj2k_encode(frame, &coded, err);
        keep_least(&least[0], from);
        from = cpu_us();
        ok = ok && codestream_index(coded.data, coded.size, &index, err);
        keep_least(&least[1], from);
        from = cpu_us();
        ok = ok && codestream_rewrite(coded.data, coded.size, &index, &rewritten, err);
        keep_least(&least[2], from);
    }
    codestream_index_release(&index);
    buffer_release(&coded);
    buffer_release(&rewritten);
    return ok;
}

int main(int argc, char **argv)
{
    struct buffer raw = {0};
    struct error err = {0};
    double least[STEPS] = {0};

    if (argc != 6)
        return 2;
    const bool is_signed = argv[5][0] == 's';
    struct frame frame = {.number = 1,
                          .columns = (uint32_t)strtoul(argv[2], NULL, 10),
                          .rows = (uint32_t)strtoul(argv[3], NULL, 10),
                          .samples_per_pixel = 1,
                          .type = is_signed ? SAMPLE_S16 : SAMPLE_U16,
                          .bits_stored = (uint16_t)strtoul(argv[4], NULL, 10),
                          .is_signed = is_signed,
                          .photometric = PHOTOMETRIC_MONOCHROME2};
    bool ok = path_read_file(argv[1], 1 << 30, &raw, &err);
    frame.samples = raw.data;
    frame.size = raw.size;
    ok = ok && run(&frame, least, &err);
    buffer_release(&raw);
    if (!ok) {
        (void)fprintf(stderr, "coding: %s\n", err.text);
        return 1;
    }
    (void)printf("encode_us %.1f index_us %.1f rewrite_us %.1f\n", least[0], least[1], least[2]);
    return 0;
}
