/* links: base dicom job worker */
/* A hostile archive: listed and read as a ZIP on disk, and as the bytes of a stream (gzip taken off). */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "worker/feed_input.h"
#include "worker/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMBERS_MOST = 16, READ_MOST = 4 << 20 };

static void read_members(struct sources *sources, char *path)
{
    struct source source = {.kind = SOURCE_FILE, .path = path};
    struct index_result result = {0};
    const struct bytes *bytes;
    struct error err;
    uint8_t block[4096];
    size_t got;

    if (sources_list_zip(sources, &source, &result, &err))
        for (size_t i = 0; i < result.member_count && i < MEMBERS_MOST; i++) {
            source.kind = SOURCE_MEMBER;
            source.member = result.members[i].index;
            for (int whole = 0; whole < 2; whole++) {
                if (result.members[i].size <= READ_MOST &&
                    sources_open(sources, &source, whole ? SOURCE_WHOLE : SOURCE_HEADER, &bytes, &err))
                    (void)bytes->read(bytes, bytes->size / 2, block, sizeof block, &got, &err);
                sources_close(sources);
            }
        }
    index_result_release(&result);
}

static void read_stream(const uint8_t *data, size_t size)
{
    const struct bytes bytes = bytes_of_memory(data, size);
    struct feed_input input = {0};
    enum sniffed found;
    const char *what;
    struct error err;
    uint8_t block[4096];
    size_t got = 1, total = 0;

    if (feed_input_open(&input, &bytes, &found, &what, &err))
        while (got > 0 && total < READ_MOST && feed_input_read(&input, block, sizeof block, &got, &err))
            total += got;
    feed_input_close(&input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sources *sources = NULL;
    const int descriptor = memfd_create("fuzz", MFD_CLOEXEC);
    char path[64];
    struct error err;

    if (descriptor < 0 || write(descriptor, data, size) != (ssize_t)size ||
        !sources_new("/tmp", &sources, &err))
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    read_members(sources, path);
    sources_free(sources);
    (void)close(descriptor);
    read_stream(data, size);
    return 0;
}
