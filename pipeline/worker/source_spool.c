/* Members of a stream in the spool: parts of a file that feed.c wrote. */
#include <stddef.h>

#include "source_private.h"

enum { LOADED_MOST = 8 << 20 }; /* larger parts are read piece by piece */

static bool read_part(const struct bytes *bytes, uint64_t offset, void *to, size_t size, size_t *got,
                      struct error *err)
{
    const struct sources *const sources =
        (const struct sources *)(const void *)((const char *)bytes - offsetof(struct sources, bytes));
    const uint64_t left = offset < bytes->size ? bytes->size - offset : 0;
    struct bytes file = {0};

    return bytes_of_descriptor(sources->descriptor, &file, err) &&
           file.read(&file, sources->from + offset, to, size < left ? size : (size_t)left, got, err);
}

bool source_spool_open(struct sources *sources, const struct source *source, struct error *err)
{
    struct buffer *const content = &sources->content;
    struct bytes *const bytes = &sources->bytes;

    if (!source_file_descriptor(source->path, &sources->descriptor, err))
        return false;
    sources->from = source->offset;
    *bytes = (struct bytes){.size = source->size, .read = read_part, .descriptor = -1};
    if (source->size > LOADED_MOST)
        return true;
    buffer_clear(content);
    if (!buffer_reserve(content, (size_t)source->size, err) ||
        !bytes_read_all(bytes, 0, content->data, (size_t)source->size, err))
        return false;
    content->size = (size_t)source->size;
    *bytes = bytes_of_memory(content->data, content->size);
    return true;
}
