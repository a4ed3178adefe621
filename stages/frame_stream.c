#include "frame_stream.h"

#include <string.h>

#include "job/staging_stream.h"

const struct transfer_syntax *frame_stream_syntax(void)
{
    return transfer_syntax_find("1.2.840.10008.1.2.1");
}

static bool begin(struct frame_stream *stream, struct staging *staging, struct error *err)
{
    stream->scan = (struct frame_part_scan){0};
    return frame_part_describe(&stream->scan, frame_stream_syntax(), &stream->part, err) && staging_stream(staging, err) &&
           staging_stream_put(staging, &(struct part){stream->part.head, strlen(stream->part.head)}, 1, err);
}

/* The bound was chosen before the samples were seen. */
static bool end(struct frame_stream *stream, struct staging *staging, const struct artefact_spec *spec, struct error *err)
{
    struct artefact_spec whole = *spec;

    if (!frame_part_describe(&stream->scan, frame_stream_syntax(), &stream->part, err))
        return false;
    whole.media_type = stream->part.media_type;
    return staging_stream_patch(staging, 0, stream->part.head, strlen(stream->part.head), err) &&
           staging_stream_put(staging, &(struct part){stream->part.tail, strlen(stream->part.tail)}, 1, err) &&
           staging_stream_end(staging, &whole, false, err);
}

bool frame_stream_add(struct frame_stream *stream, struct staging *staging, const struct artefact_spec *spec,
                      const struct frame *strip, uint32_t first_row, uint32_t rows, struct error *err)
{
    if (first_row == 0 && !begin(stream, staging, err))
        return false;
    frame_part_look(&stream->scan, strip->samples, strip->size);
    if (!staging_stream_put(staging, &(struct part){strip->samples, strip->size}, 1, err))
        return false;
    return first_row + strip->rows < rows || end(stream, staging, spec, err);
}
