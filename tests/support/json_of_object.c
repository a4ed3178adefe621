/* links: base dicom */
/* json_of_object [-p] [-i BYTES] [-t COUNT] FILE... - the DICOM JSON Model of each file, a line
 * each:
 *
 *     path <tab> END <tab> JSON object        or        path <tab> END <tab> !kind: error text
 *
 * END: where the pixel data's element, or the end of the data set is in the file (0: unknown, or
 * deflated). -p: private attributes too. -i: longer binary values are BulkDataURI "bulk/PATH" (none
 * without). -t COUNT: write it COUNT times, and print microseconds for one instead of the JSON. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "dicom/dicom_json.h"

struct settings {
    struct dicom_json_options options;
    long times;
    size_t flushed;
};

static bool make_spool(void *client, int *descriptor, struct error *err)
{
    (void)client;
    *descriptor = memfd_create("spool", MFD_CLOEXEC);
    return *descriptor >= 0 || error_set(err, ERROR_IO, "memfd_create failed");
}

static bool print_part(void *client, struct buffer *out, struct error *err)
{
    struct settings *const settings = client;
    settings->flushed += out->size;
    if (!settings->times && fwrite(out->data, 1, out->size, stdout) != out->size)
        return error_set(err, ERROR_IO, "cannot write");
    buffer_clear(out);
    return true;
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static bool write_json(const struct object *object, struct settings *settings, struct error *err)
{
    struct buffer out = {0};
    bool ok = true;
    const double start = now_us();
    for (long i = 0; ok && i < (settings->times ? settings->times : 1); i++) {
        settings->flushed = 0;
        ok = dicom_json_write(object, &settings->options, &out, err) &&
             print_part(settings, &out, err);
    }
    if (ok && settings->times) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        printf("%.1f us, %zu bytes, peak %ld KiB", (now_us() - start) / (double)settings->times,
               settings->flushed, usage.ru_maxrss);
    }
    buffer_release(&out);
    return ok;
}

static bool convert(const char *path, struct settings *settings, struct error *err)
{
    static const struct spool_maker spool = {make_spool, NULL};
    struct bytes bytes;
    struct object *object = NULL;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(err, ERROR_IO, "cannot open");
    uint64_t from, end = 0;
    bool ok = bytes_of_descriptor(file, &bytes, err) && object_open(&bytes, &spool, &object, err);
    if (ok && object_bytes(object) == &bytes)
        object_header_range(object, &from, &end);
    printf("%llu\t", (unsigned long long)end);
    ok = ok && write_json(object, settings, err);
    object_close(object);
    close(file);
    return ok;
}

int main(int argc, char **argv)
{
    struct settings settings = {.options = {.pixel_data_uri = "frames"}};
    int option;
    settings.options.flush = print_part;
    settings.options.flush_client = &settings;
    while ((option = getopt(argc, argv, "pi:t:")) != -1)
        if (option == 'p') {
            settings.options.private_attributes = true;
        } else if (option == 'i') {
            settings.options.inline_limit = strtoul(optarg, NULL, 10);
            settings.options.bulk_prefix = "bulk/";
        } else if (option == 't') {
            settings.times = strtol(optarg, NULL, 10);
        } else {
            return 2;
        }
    for (int i = optind; i < argc; i++) {
        struct error err;
        printf("%s\t", argv[i]);
        if (!convert(argv[i], &settings, &err))
            printf("!%s: %s", error_kind_word(err.kind), err.text);
        putchar('\n');
        fflush(stdout);
    }
    return 0;
}
