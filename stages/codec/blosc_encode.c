#include "codec/blosc_encode.h"

#include <blosc.h>

_Static_assert(BLOSC_SHUFFLE_NUMBER == BLOSC_BITSHUFFLE, "the number in metadata is c-blosc's own");

bool blosc_encode(const void *data, size_t size, size_t sample_bytes, struct buffer *out, struct error *err)
{
    if (size > BLOSC_MAX_BUFFERSIZE)
        return error_set(err, ERROR_LIMIT, "a chunk of %zu bytes, Blosc takes %d", size, BLOSC_MAX_BUFFERSIZE);
    if (!buffer_reserve(out, size + BLOSC_MAX_OVERHEAD, err))
        return false;
    /* The form with a context: no global state, no threads of its own. */
    const int coded = blosc_compress_ctx(BLOSC_LEVEL, BLOSC_BITSHUFFLE, sample_bytes, size, data, out->data + out->size,
                                         size + BLOSC_MAX_OVERHEAD, BLOSC_COMPRESSOR, 0, 1);
    if (coded <= 0)
        return error_set(err, ERROR_CODEC, "Blosc cannot compress a chunk of %zu bytes: %d", size, coded);
    out->size += (size_t)coded;
    return true;
}
