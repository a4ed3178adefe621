#include "staging_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "job/gzip_copy.h"
#include "job/staging_private.h"

enum { GZIP_PERCENT_MOST = 90 };

struct staged_stream *staged_stream_new(int folder, const char *path, struct error *err)
{
    struct staged_stream *const stream = memory_zeroed(sizeof *stream, err);

    if (stream == NULL)
        return NULL;
    stream->descriptor = NOTHING;
    stream->path = memory_string(path, err);
    bool ok = stream->path != NULL && digest_new(&stream->digest, err);
    if (ok) {
        stream->descriptor = staging_file_create(folder, path, O_RDWR);
        ok = stream->descriptor != NOTHING || error_errno(err, errno, "cannot create the staged file \"%s\"", path);
    }
    if (ok)
        return stream;
    staged_stream_free(stream);
    return NULL;
}

void staged_stream_free(struct staged_stream *stream)
{
    if (stream == NULL)
        return;
    digest_free(stream->digest);
    memory_free(stream->path);
    if (stream->descriptor != NOTHING)
        (void)close(stream->descriptor);
    memory_free(stream);
}

bool staged_stream_digest(struct staged_stream *stream, struct digest *digest, struct error *err)
{
    struct bytes bytes;

    if (!stream->is_patched)
        return digest_end(stream->digest, digest, err);
    return bytes_of_descriptor(stream->descriptor, &bytes, err) && digest_of_bytes(&bytes, digest, err);
}

bool opened_close_stream(struct opened *opened, struct error *err)
{
    struct staged_stream *const stream = opened->stream;
    const int descriptor = stream->descriptor;

    stream->descriptor = NOTHING;
    opened->stream = NULL;
    const bool ok = close(descriptor) == 0 ||
                    error_errno(err, errno, "cannot write the staged file \"%s\"", stream->path);
    staged_stream_free(stream);
    return ok;
}

bool staging_stream(struct staging *staging, struct error *err)
{
    struct opened *const opened = staging_opened(staging);
    char name[STAGING_NAME_SIZE];
    uint32_t staged;

    if (opened->stream != NULL)
        return error_set(err, ERROR_USAGE, "a stream of this product is open already");
    if (!staging_take_number(staging, &staged, name, err))
        return false;
    opened->stream = staged_stream_new(staging->descriptor, name, err);
    if (opened->stream == NULL)
        return false;
    opened->stream->staged = staged;
    return true;
}

bool staging_stream_put(struct staging *staging, const struct part *parts, size_t part_count, struct error *err)
{
    struct staged_stream *const stream = staging_opened(staging)->stream;

    if (stream == NULL)
        return error_set(err, ERROR_USAGE, "no stream of this product is open");
    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].size > 0 && !digest_add(stream->digest, parts[i].data, parts[i].size, err))
            return false;
        stream->size += parts[i].size;
    }
    return staging_file_write(stream->descriptor, parts, part_count) ||
           error_errno(err, errno, "cannot write the staged file \"%s\"", stream->path);
}

uint64_t staging_stream_size(const struct staging *staging)
{
    const struct staged_stream *const stream = staging_opened(staging)->stream;

    return stream != NULL ? stream->size : 0;
}

bool staging_stream_patch(struct staging *staging, uint64_t offset, const void *data, size_t size, struct error *err)
{
    struct staged_stream *const stream = staging_opened(staging)->stream;
    const uint8_t *bytes = data;

    if (stream == NULL || offset > stream->size || size > stream->size - offset)
        return error_set(err, ERROR_USAGE, "only what was put in a stream can be written over");
    stream->is_patched = true;
    while (size > 0) {
        const ssize_t written = pwrite(stream->descriptor, bytes, size, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return error_errno(err, errno, "cannot write the staged file \"%s\"", stream->path);
        bytes += written;
        size -= (size_t)written;
        offset += (uint64_t)written;
    }
    return true;
}

/* The same compressed, as the next artefact; no file stays where there is little to gain. */
static bool put_gzip(struct staging *staging, const struct staged_stream *stream, const struct artefact_spec *spec,
                     struct error *err)
{
    struct artefact_spec compressed = *spec;
    char number[STAGING_NAME_SIZE], name[64];
    uint32_t staged;
    struct gzip_copy copy = {0};

    if (!staging_take_number(staging, &staged, number, err))
        return false;
    (void)snprintf(name, sizeof name, "%s-gzip", spec->name);
    compressed.place = PLACE_GZIP;
    compressed.name = name;
    compressed.media_type = "application/gzip";
    const int to = staging_file_create(staging->descriptor, number, O_WRONLY);
    if (to == NOTHING)
        return error_errno(err, errno, "cannot create the staged file \"%s\"", number);
    bool ok = gzip_copy(stream->descriptor, stream->size, to, &copy, err);
    if (close(to) != 0 && ok)
        ok = error_errno(err, errno, "cannot write the staged file \"%s\"", number);
    struct artefact *artefact = NULL;
    if (ok && copy.size < stream->size / 100 * GZIP_PERCENT_MOST) {
        artefact = staging_add_artefact(staging, &compressed, err);
        ok = artefact != NULL;
    }
    if (artefact == NULL) {
        (void)unlinkat(staging->descriptor, number, 0);
        return ok;
    }
    artefact->staged = staged;
    artefact->digest = copy.digest;
    artefact->bytes = copy.size;
    return true;
}

bool staging_stream_end(struct staging *staging, const struct artefact_spec *spec, bool gzip, struct error *err)
{
    struct opened *const opened = staging_opened(staging);
    struct staged_stream *const stream = opened->stream;
    struct digest digest;

    if (stream == NULL || stream->is_in_tree)
        return error_set(err, ERROR_USAGE, "no stream of this product is open");
    if (!staged_stream_digest(stream, &digest, err))
        return false;
    struct artefact *const artefact = staging_add_artefact(staging, spec, err);
    if (artefact == NULL)
        return false;
    artefact->staged = stream->staged;
    artefact->digest = digest;
    artefact->bytes = stream->size;
    if (!gzip || put_gzip(staging, stream, spec, err))
        return opened_close_stream(opened, err);
    product_remove(staging_selected_product(staging), staging_selected_product(staging)->artefact_count - 1);
    return false; /* the stream is still open: it can be dropped */
}

void staging_stream_drop(struct staging *staging)
{
    struct opened *const opened = staging_opened(staging);

    if (opened->stream != NULL && !opened->stream->is_in_tree) /* a tree goes as a whole */
        (void)unlinkat(staging->descriptor, opened->stream->path, 0);
    staged_stream_free(opened->stream);
    opened->stream = NULL;
}
