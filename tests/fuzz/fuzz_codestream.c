/* links: base codec */
/* A hostile codestream: indexed, rewritten; what came out is in the indexer's own form and stays. */
#include <stdlib.h>
#include <string.h>

#include "codec/codestream_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ends(const struct codestream_index *index)
{
    for (unsigned r = 0; r < index->count; r++) {
        const struct codestream_resolution *const resolution = &index->resolutions[r];

        if (resolution->columns == 0 || resolution->rows == 0 || resolution->end > index->size - 2 ||
            (r > 0 && resolution->end <= resolution[-1].end))
            abort();
    }
    if (index->count == 0 || index->resolutions[index->count - 1].end != index->size - 2)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codestream_index index = {0}, second = {0};
    struct buffer once = {0}, twice = {0};
    struct error err;

    if (codestream_index(data, size, &index, &err)) {
        check_ends(&index);
        if (!codestream_rewrite(data, size, &index, &once, &err) || once.size != index.size ||
            !codestream_index(once.data, once.size, &second, &err) || !second.is_indexed ||
            !codestream_rewrite(once.data, once.size, &second, &twice, &err) || twice.size != once.size ||
            memcmp(once.data, twice.data, once.size) != 0)
            abort();
        check_ends(&second);
    }
    codestream_index_release(&index);
    codestream_index_release(&second);
    buffer_release(&once);
    buffer_release(&twice);
    return 0;
}
