#include "codec/gzip_encode.h"

#include <libdeflate.h>

#include "base/memory.h"

struct gzip_encoder {
    struct libdeflate_compressor *compressor;
};

bool gzip_encoder_new(struct gzip_encoder **encoder, struct error *err)
{
    struct gzip_encoder *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->compressor = libdeflate_alloc_compressor(GZIP_LEVEL);
    if (made->compressor == NULL) {
        memory_free(made);
        return error_set(err, ERROR_NOMEM, "no memory for a gzip compressor");
    }
    *encoder = made;
    return true;
}

bool gzip_encode(struct gzip_encoder *encoder, const void *data, size_t size, struct buffer *out, struct error *err)
{
    const size_t most = libdeflate_gzip_compress_bound(encoder->compressor, size);

    if (!buffer_reserve(out, most, err))
        return false;
    const size_t coded = libdeflate_gzip_compress(encoder->compressor, data, size, out->data + out->size, most);
    if (coded == 0)
        return error_set(err, ERROR_CODEC, "libdeflate cannot compress %zu bytes into %zu", size, most);
    out->size += coded;
    return true;
}

void gzip_encoder_free(struct gzip_encoder *encoder)
{
    if (encoder == NULL)
        return;
    libdeflate_free_compressor(encoder->compressor);
    memory_free(encoder);
}
