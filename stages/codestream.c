/* codestream.c - the lossless frame: dicomweb/.../frames/N in multipart form
 *
 *     --slicepress-part-0\r\n
 *     Content-Type: image/jphc;transfer-syntax=1.2.840.10008.1.2.4.202\r\n
 *     \r\n
 *     <codestream>\r\n
 *     --slicepress-part-0--\r\n
 *
 * Clients take boundary and part type from the body and want only `multipart/related` outside
 * (clients.md), so that one rule serves all frames. The boundary is the same word in every file in
 * which it does not occur by chance, so even a strict client can be given the full type by one
 * rule.
 *
 * The frame holds the STORED values: no rescale, no window, indices of a palette, YBR as YBR. HTJ2K
 * where it is exact here (16 bits), else JPEG 2000 (24 bits), else the plain little-endian samples.
 * An HTJ2K codestream gets one tile-part a resolution and TLM, which with RPCL and a base of at most 64
 * makes it 1.2.840.10008.1.2.4.202 (PS3.5 10.18); one that cannot be indexed or reduced so far stays
 * .201. Byte ranges count from the file's first byte.
 */
#include <stdio.h>
#include <string.h>

#include "codec/codestream_index.h"
#include "codec/htj2k_encode.h"
#include "codec/j2k_encode.h"
#include "stages.h"

struct options {
    char format[OPTION_TEXT];
};

static const struct option option_table[] = {
    {.name = "format",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct options, format),
     .default_value = "htj2k",
     .choices = "htj2k j2k both",
     .help = "htj2k, j2k, or both: htj2k as frames/N and j2k beside it as j2k/N"},
    {.name = NULL},
};

struct state {
    struct buffer coded, indexed; /* of the frame at hand; memory is kept */
    struct codestream_index index;
    bool told; /* of frames in another format than asked for */
};

enum format { FORMAT_HTJ2K, FORMAT_HTJ2K_RPCL, FORMAT_J2K, FORMAT_PLAIN, FORMAT_COUNT };
enum { BASE_MOST = 64 }; /* of the smallest resolution of .202 */

static const struct format_row {
    const char *media, *transfer_syntax;
} format_rows[FORMAT_COUNT] = {
    [FORMAT_HTJ2K] = {"image/jphc", "1.2.840.10008.1.2.4.201"},
    [FORMAT_HTJ2K_RPCL] = {"image/jphc", "1.2.840.10008.1.2.4.202"},
    [FORMAT_J2K] = {"image/jp2", "1.2.840.10008.1.2.4.90"},
    [FORMAT_PLAIN] = {"application/octet-stream", "1.2.840.10008.1.2.1"},
};

/* -- one part ------------------------------------------------------------------------------- */

struct envelope {
    char head[160], tail[48], media_type[128];
};

/* A boundary that the payload does not contain (RFC 2046 5.1.1). */
static bool choose_boundary(const void *payload, size_t size, char boundary[24], struct error *err)
{
    for (unsigned i = 0; i < 10; i++) {
        const int length = snprintf(boundary, 24, "slicepress-part-%u", i);

        if (memmem(payload, size, boundary, (size_t)length) == NULL)
            return true;
    }
    return error_set(err, ERROR_UNSUPPORTED, "a frame contains all words that could bound it");
}

static bool make_envelope(enum format format, const void *payload, size_t size,
                          struct envelope *envelope, struct error *err)
{
    const struct format_row *const row = &format_rows[format];
    char boundary[24];

    if (!choose_boundary(payload, size, boundary, err))
        return false;
    (void)snprintf(envelope->head, sizeof envelope->head,
                   "--%s\r\nContent-Type: %s;transfer-syntax=%s\r\n\r\n", boundary, row->media,
                   row->transfer_syntax);
    (void)snprintf(envelope->tail, sizeof envelope->tail, "\r\n--%s--\r\n", boundary);
    (void)snprintf(envelope->media_type, sizeof envelope->media_type,
                   "multipart/related; type=\"%s\"; transfer-syntax=%s; boundary=%s", row->media,
                   row->transfer_syntax, boundary);
    return true;
}

/* A codestream and where its resolutions end in it. */
struct payload {
    const void *data;
    size_t size, range_count;
    struct byte_range ranges[J2K_RESOLUTIONS_MOST];
};

static bool put_frame(struct stage_run *run, const struct frame *frame, enum place place,
                      enum format format, struct payload *payload, struct error *err)
{
    struct envelope envelope;
    char name[48];

    if (!make_envelope(format, payload->data, payload->size, &envelope, err))
        return false;
    const struct part pieces[] = {{envelope.head, strlen(envelope.head)},
                                  {payload->data, payload->size},
                                  {envelope.tail, strlen(envelope.tail)}};
    for (size_t i = 0; i < payload->range_count; i++)
        payload->ranges[i].end_offset += pieces[0].size;
    (void)snprintf(name, sizeof name, "%s-%u", place == PLACE_J2K ? "j2k" : "frame", frame->number);
    const struct artefact_spec spec = {
        .place = place,
        .name = name,
        .media_type = envelope.media_type,
        .frame = frame->number,
        .columns = frame->columns,
        .rows = frame->rows,
        .ranges = payload->ranges,
        .range_count = payload->range_count,
    };
    return staging_put(run->staging, &spec, pieces, sizeof pieces / sizeof pieces[0], err);
}

static void take_resolutions(const struct codestream_index *index, struct payload *payload)
{
    payload->range_count = index->count;
    for (unsigned r = 0; r < index->count; r++)
        payload->ranges[r] = (struct byte_range){.resolution = r,
                                                 .columns = index->resolutions[r].columns,
                                                 .rows = index->resolutions[r].rows,
                                                 .end_offset = index->resolutions[r].end};
}

/* The codestream in state->coded, with its resolutions told where that can be done. */
static bool index_htj2k(struct state *state, struct payload *payload, enum format *format,
                        struct error *err)
{
    struct codestream_index *const index = &state->index;
    struct error why = {0};

    *format = FORMAT_HTJ2K;
    *payload = (struct payload){.data = state->coded.data, .size = state->coded.size};
    if (!codestream_index(state->coded.data, state->coded.size, index, &why)) {
        if (why.kind == ERROR_UNSUPPORTED)
            return true;
        *err = why;
        return false;
    }
    buffer_clear(&state->indexed);
    if (!codestream_rewrite(state->coded.data, state->coded.size, index, &state->indexed, err))
        return false;
    payload->data = state->indexed.data;
    payload->size = state->indexed.size;
    take_resolutions(index, payload);
    if (index->resolutions[0].columns <= BASE_MOST && index->resolutions[0].rows <= BASE_MOST)
        *format = FORMAT_HTJ2K_RPCL;
    return true;
}

static bool put_htj2k(struct stage_run *run, const struct frame *frame, struct error *err)
{
    struct state *const state = run->state;
    struct payload payload;
    enum format format;

    buffer_clear(&state->coded);
    return htj2k_encode(frame, &state->coded, err) &&
           index_htj2k(state, &payload, &format, err) &&
           put_frame(run, frame, PLACE_FRAME, format, &payload, err);
}

static bool put_j2k(struct stage_run *run, const struct frame *frame, enum place place,
                    struct error *err)
{
    struct state *const state = run->state;
    struct j2k_tileparts parts;

    buffer_clear(&state->coded);
    if (!j2k_encode(frame, &state->coded, &parts, err))
        return false;
    struct payload payload = {
        .data = state->coded.data, .size = state->coded.size, .range_count = parts.count};
    for (size_t i = 0; i < parts.count; i++) {
        const unsigned reduce = (unsigned)(parts.count - 1 - i);

        payload.ranges[i] = (struct byte_range){.resolution = (uint32_t)i,
                                                .columns = j2k_reduced(frame->columns, reduce),
                                                .rows = j2k_reduced(frame->rows, reduce),
                                                .end_offset = parts.ends[i]};
    }
    return put_frame(run, frame, place, FORMAT_J2K, &payload, err);
}

static bool put_plain(struct stage_run *run, const struct frame *frame, struct error *err)
{
    struct payload payload = {.data = frame->samples, .size = frame->size};

    return put_frame(run, frame, PLACE_FRAME, FORMAT_PLAIN, &payload, err);
}

/* -- the stage ------------------------------------------------------------------------------ */

static bool codestream_accepts(const struct stage_input *input, const void *options, char *reason,
                               size_t size)
{
    (void)input;
    (void)options;
    (void)reason;
    (void)size;
    return true; /* whatever has a frame has a lossless frame */
}

static bool codestream_begin(struct stage_run *run, struct error *err)
{
    (void)run;
    (void)err;
    return true;
}

/* The best format that holds this frame exactly. */
static enum format format_of(const struct frame *frame, bool wants_htj2k)
{
    if (frame->type == SAMPLE_F32 || frame->type == SAMPLE_F64 ||
        frame->bits_stored > J2K_BITS_MOST)
        return FORMAT_PLAIN;
    return wants_htj2k && frame->bits_stored <= HTJ2K_BITS_MOST ? FORMAT_HTJ2K : FORMAT_J2K;
}

static bool tell(struct stage_run *run, const struct frame *frame, enum format format,
                 bool wants_htj2k, struct error *err)
{
    struct state *const state = run->state;

    if (state->told || format == FORMAT_HTJ2K || (format == FORMAT_J2K && !wants_htj2k))
        return true;
    state->told = true;
    if (frame->type == SAMPLE_F32 || frame->type == SAMPLE_F64)
        return buffer_puts(
            run->notes, "frames are published as plain samples: no codec here holds floats\n", err);
    return buffer_printf(run->notes, err, "frames are published as %s: they have %u bits\n",
                         format == FORMAT_J2K ? "JPEG 2000" : "plain samples", frame->bits_stored);
}

static bool codestream_frame(struct stage_run *run, const struct stage_frame *input,
                             struct error *err)
{
    const struct options *const options = run->options;
    const struct frame *const frame = input->frame;
    const bool wants_htj2k = strcmp(options->format, "j2k") != 0;
    const enum format format = format_of(frame, wants_htj2k);

    if (!tell(run, frame, format, wants_htj2k, err))
        return false;
    switch (format) {
    case FORMAT_HTJ2K:
        return put_htj2k(run, frame, err) &&
               (strcmp(options->format, "both") != 0 || put_j2k(run, frame, PLACE_J2K, err));
    case FORMAT_J2K:
        return put_j2k(run, frame, PLACE_FRAME, err);
    case FORMAT_HTJ2K_RPCL: /* known once it is coded */
    case FORMAT_PLAIN:
    case FORMAT_COUNT:
        break;
    }
    return put_plain(run, frame, err);
}

static bool codestream_finish(struct stage_run *run, struct error *err)
{
    (void)run;
    (void)err;
    return true; /* each frame was put at once */
}

static void codestream_release(struct stage_run *run)
{
    struct state *const state = run->state;

    buffer_release(&state->coded);
    buffer_release(&state->indexed);
    codestream_index_release(&state->index);
}

const struct stage codestream_stage = {
    .name = "codestream",
    .summary = "the lossless frame of stored values, for DICOMweb clients",
    .version = 1,
    .scope = SCOPE_INSTANCE,
    .needs = NEEDS_FRAME,
    .on_by_default = true,
    .options = option_table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .accepts = codestream_accepts,
    .begin = codestream_begin,
    .frame = codestream_frame,
    .finish = codestream_finish,
    .release = codestream_release,
};
