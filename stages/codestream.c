/* codestream.c - the frame for DICOMweb clients: dicomweb/.../frames/N in multipart form (codec/frame_part.h)
 *
 * It holds the STORED values: no rescale, no window, indices of a palette, YBR as YBR. What came in a codestream that
 * clients read as we do is passed as it is, without being decoded (codec/frame_pass.h): HTJ2K, indexed anew; lossless
 * JPEG 2000; what is lossy already. All else is encoded without loss (codec/frame_code.h).
 *
 * All frames of an instance are published in one form, which one set of metadata describes: either all of them pass, or
 * none does. Byte ranges count from the file's first byte.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "codec/coded_form_read.h"
#include "codec/frame_code.h"
#include "codec/frame_part.h"
#include "codec/frame_pass.h"
#include "codec/htj2k_encode.h"
#include "frame_stream.h"
#include "stages.h"

struct options {
    char format[OPTION_TEXT], j2k_input[OPTION_TEXT], lossy_input[OPTION_TEXT];
    bool lossy;
    int64_t lossy_levels, max_frames;
};

static const struct option option_table[] = {
    {.name = "format",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct options, format),
     .default_value = "htj2k",
     .choices = "htj2k j2k both",
     .help = "of what is encoded: htj2k, j2k, or both: htj2k as frames/N and j2k beside it as j2k/N"},
    {.name = "j2k_input",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct options, j2k_input),
     .default_value = "pass",
     .choices = "pass encode",
     .help = "lossless JPEG 2000: pass it as it is, or encode it, for clients to show it progressively"},
    {.name = "lossy_input",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct options, lossy_input),
     .default_value = "pass",
     .choices = "pass encode",
     .help = "what is lossy already: pass it as it is where clients show it rightly, or encode it without loss"},
    {.name = "lossy",
     .type = OPTION_BOOL,
     .offset = offsetof(struct options, lossy),
     .default_value = "false",
     .help = "a small lossy HTJ2K of full size beside each frame, as lossy/N, for volume viewers to begin with"},
    {.name = "lossy_levels",
     .type = OPTION_INT,
     .offset = offsetof(struct options, lossy_levels),
     .default_value = "64",
     .least = 8,
     .most = 4096,
     .help = "steps that the range of a frame's values is quantised in there: more are finer, and larger"},
    {.name = "max_frames",
     .type = OPTION_INT,
     .offset = offsetof(struct options, max_frames),
     .default_value = "20000",
     .least = 1,
     .most = 200000,
     .help = "tiled objects of more frames than that have none: each is a file, and a pyramid shows them (slides)"},
    {.name = NULL},
};

enum { LARGE = 32 << 20 };

enum verdict { VERDICT_OPEN, VERDICT_PASS, VERDICT_ENCODE };

struct state {
    struct frame_coder coder;
    struct passer *passer; /* NULL: no frame can pass */
    struct pass_rules rules;
    enum verdict verdict;  /* of all frames */
    uint32_t surveyed;     /* frames that would pass, all in the form `promise` */
    struct coded_form promise;
    uint16_t bits;         /* that any of the frames surveyed has; 0: the data set's */
    uint32_t passed_number; /* of the frame that has just passed */
    struct frame_stream stream; /* of a frame in strips */
    bool told;              /* of frames in another format than asked for */
    bool told_lossy;        /* that there is no lossy one */
};

/* -- one file ------------------------------------------------------------------------------- */

static bool same_form(const struct coded_form *a, const struct coded_form *b)
{
    return strcmp(a->transfer_syntax, b->transfer_syntax) == 0 && a->rows == b->rows && a->columns == b->columns &&
           a->photometric == b->photometric && a->samples_per_pixel == b->samples_per_pixel &&
           a->planar_configuration == b->planar_configuration && a->bits_allocated == b->bits_allocated &&
           a->bits_stored == b->bits_stored && a->high_bit == b->high_bit && a->is_signed == b->is_signed;
}

/* One set of metadata describes all frames of an instance, so they must be alike; one lossy frame makes it lossy. */
static bool keep_form(struct stage_run *run, const struct coded_form *form, struct error *err)
{
    const struct coded_form before = *run->published;

    if (before.frames > 0 && !same_form(form, &before))
        return error_set(err, ERROR_UNSUPPORTED, "it cannot be published as the frames before it are: %s, %s, %u bits",
                         form->transfer_syntax, photometric_word(form->photometric), form->bits_stored);
    *run->published = *form;
    run->published->frames = before.frames + 1;
    run->published->lossy = before.lossy || form->lossy;
    return true;
}

static const char *name_of(enum place place)
{
    return place == PLACE_FRAME ? "frame" : place == PLACE_J2K ? "j2k" : "lossy";
}

static bool put_part(struct stage_run *run, const struct frame *frame, enum place place,
                     const struct frame_payload *payload, struct error *err)
{
    struct byte_range ranges[J2K_RESOLUTIONS_MOST];
    struct frame_part part;
    char name[48];

    if (!frame_part_make(payload->syntax, payload->data, payload->size, &part, err))
        return false;
    const struct part pieces[] = {{part.head, strlen(part.head)},
                                  {payload->data, payload->size},
                                  {part.tail, strlen(part.tail)}};
    for (size_t r = 0; r < payload->count; r++)
        ranges[r] = (struct byte_range){.resolution = (uint32_t)r,
                                        .columns = payload->resolutions[r].columns,
                                        .rows = payload->resolutions[r].rows,
                                        .end_offset = pieces[0].size + payload->resolutions[r].end};
    (void)snprintf(name, sizeof name, "%s-%u", name_of(place), frame->number);
    const struct artefact_spec spec = {
        .place = place,
        .name = name,
        .media_type = part.media_type,
        .frame = frame->number,
        .columns = frame->columns,
        .rows = frame->rows,
        .ranges = ranges,
        .range_count = payload->count,
    };
    return staging_put(run->staging, &spec, pieces, sizeof pieces / sizeof pieces[0], err);
}

/* -- what passes ---------------------------------------------------------------------------- */

static struct pass_rules rules_of(const struct stage_input *input, const struct options *options)
{
    const bool is_both = strcmp(options->format, "both") == 0;
    struct pass_rules rules = {.wishes = (strcmp(options->format, "j2k") != 0 ? PASS_HTJ2K : 0u) |
                                         (strcmp(options->j2k_input, "pass") == 0 && !is_both ? PASS_J2K : 0u) |
                                         (strcmp(options->lossy_input, "pass") == 0 ? PASS_LOSSY : 0u)};

    rules.has_largest = !input->image->is_signed && input->object != NULL &&
                        dataset_us(object_dataset(input->object), TAG(0x0028, 0x0107), &rules.largest);
    return rules;
}

/* Some step has lost something: this coding, one before it, or one that only the data set knows of. */
static bool is_lossy(const struct frame *frame, const struct image *image, bool was_lossy)
{
    return frame->lossy || image->lossy_declared || was_lossy;
}

/* The verdict is to encode. What was lossy grows by that, which may surprise. */
static bool give_up(struct stage_run *run, const struct passed_frame *passed, struct error *err)
{
    struct state *const state = run->state;

    state->verdict = VERDICT_ENCODE;
    return !passed->is_lossy || (state->rules.wishes & PASS_LOSSY) == 0 ||
           buffer_printf(run->notes, err, "the lossy codestream is not published as it came: %s\n", passed->why_not);
}

/* Whether the frame passes, and in which form. */
static bool look(struct stage_run *run, const struct coded_frame *coded, struct buffer *notes,
                 struct passed_frame *passed, struct coded_form *form, struct error *err)
{
    struct state *const state = run->state;

    if (!passer_look(state->passer, &state->rules, coded->image, coded->number, coded->data, coded->size, notes, passed,
                     err))
        return false;
    if (passed->why_not != NULL)
        return true;
    passed->like.lossy = is_lossy(&passed->like, coded->image, coded->was_lossy);
    return coded_form_read(passed->payload.syntax, passed->payload.data, passed->payload.size, &passed->like, form,
                           err);
}

/* All frames are looked at even when they do not pass: what is encoded gets bits for all of them. */
static bool codestream_survey(struct stage_run *run, const struct coded_frame *coded, bool *enough, struct error *err)
{
    struct state *const state = run->state;
    struct passed_frame passed;
    struct coded_form form;

    *enough = state->passer == NULL;
    if (*enough)
        return true;
    if (!look(run, coded, NULL, &passed, &form, err))
        return false;
    if (passed.like.bits_stored > state->bits)
        state->bits = passed.like.bits_stored;
    if (state->verdict == VERDICT_ENCODE)
        return true;
    if (passed.why_not == NULL && state->surveyed > 0 && !same_form(&form, &state->promise))
        passed.why_not = "its frames are coded in different ways";
    if (passed.why_not != NULL)
        return give_up(run, &passed, err);
    state->promise = form;
    state->surveyed++;
    return true;
}

static bool pass_frame(struct stage_run *run, const struct coded_frame *coded, struct error *err)
{
    struct state *const state = run->state;
    struct passed_frame passed;
    struct coded_form form;

    if (!look(run, coded, run->notes, &passed, &form, err))
        return false;
    if (passed.why_not != NULL)
        return give_up(run, &passed, err);
    state->passed_number = coded->number;
    return keep_form(run, &form, err) && put_part(run, &passed.like, PLACE_FRAME, &passed.payload, err);
}

/* What was put goes with the product. */
static bool forget_form(struct stage_run *run)
{
    *run->published = (struct coded_form){0};
    return false;
}

static bool codestream_coded(struct stage_run *run, const struct coded_frame *coded, bool *taken, struct error *err)
{
    struct state *const state = run->state;
    const struct options *const options = run->options;

    if (state->verdict == VERDICT_OPEN)
        state->verdict = state->passer != NULL && (run->input->image->frames == 1 ||
                                                   state->surveyed == run->input->image->frames)
                             ? VERDICT_PASS
                             : VERDICT_ENCODE;
    if (state->verdict == VERDICT_ENCODE)
        return true;
    if (!pass_frame(run, coded, err))
        return forget_form(run);
    *taken = state->passed_number == coded->number && strcmp(options->format, "both") != 0 && !options->lossy;
    return true;
}

/* -- the stage ------------------------------------------------------------------------------ */

static bool codestream_accepts(const struct stage_input *input, const void *values, char *reason, size_t size)
{
    const struct options *const options = values;

    if (!input->image->is_tiled || input->image->frames <= options->max_frames)
        return true;
    (void)snprintf(reason, size, "%u frames, a file each: codestream.max_frames is %lld", input->image->frames,
                   (long long)options->max_frames);
    return false;
}

/* Frames of one size in bytes have the bits of the data set; those of a codestream may have fewer, each as it likes. */
static bool codestream_begin(struct stage_run *run, struct error *err)
{
    struct state *const state = run->state;

    state->rules = rules_of(run->input, run->options);
    return !passer_may(run->input->image) || passer_new(&state->passer, err);
}

static uint16_t bits_of(const struct stage_run *run, const struct frame *frame)
{
    const struct state *const state = run->state;

    if (run->input->image->frames == 1)
        return frame->bits_stored;
    return state->bits > 0 ? state->bits : run->input->image->bits_stored;
}

static bool tell(struct stage_run *run, const struct frame *frame, enum frame_coding coding, struct error *err)
{
    struct state *const state = run->state;

    if (state->told)
        return true;
    state->told = true;
    if (frame->type == SAMPLE_F32 || frame->type == SAMPLE_F64)
        return buffer_puts(
            run->notes, "frames are published as plain samples: no codec here holds floats\n", err);
    if (frame_is_too_large(frame))
        return buffer_puts(run->notes, "frames are published as plain samples: they are too large to be coded\n", err);
    if (frame->bits_stored <= HTJ2K_BITS_MOST)
        return buffer_puts(run->notes,
                           "frames are published as JPEG 2000: browsers read no HTJ2K colours but RGB\n", err);
    return buffer_printf(run->notes, err, "frames are published as %s: they have %u bits\n",
                         coding == FRAME_J2K ? "JPEG 2000" : "plain samples", frame->bits_stored);
}

/* What an encoder cannot hold, or will not have, is published all the same. */
static bool code_or_plain(struct stage_run *run, const struct frame *frame, enum frame_coding coding,
                          struct frame_payload *payload, struct error *err)
{
    struct state *const state = run->state;
    struct error why = {0};

    if (frame_code(&state->coder, coding, frame, payload, &why))
        return true;
    if (coding == FRAME_PLAIN || (why.kind != ERROR_NOMEM && why.kind != ERROR_CODEC)) {
        *err = why;
        return false;
    }
    return buffer_printf(run->notes, err, "frame %u is published as plain samples: %s\n", frame->number, why.text) &&
           frame_code(&state->coder, FRAME_PLAIN, frame, payload, err);
}

static bool put_frame(struct stage_run *run, const struct frame *frame, enum frame_coding coding, struct error *err)
{
    struct frame_payload payload;
    struct coded_form form;

    return code_or_plain(run, frame, coding, &payload, err) &&
           coded_form_read(payload.syntax, payload.data, payload.size, frame, &form, err) &&
           keep_form(run, &form, err) && put_part(run, frame, PLACE_FRAME, &payload, err);
}

static bool put_j2k(struct stage_run *run, const struct frame *frame, struct error *err)
{
    struct state *const state = run->state;
    struct frame_payload payload;

    return frame_code(&state->coder, FRAME_J2K, frame, &payload, err) &&
           put_part(run, frame, PLACE_J2K, &payload, err);
}

static bool put_lossy(struct stage_run *run, const struct frame *frame, struct error *err)
{
    const struct options *const options = run->options;
    struct state *const state = run->state;
    struct frame_payload payload;

    if (!frame_can_be_lossy(frame)) {
        const bool told = state->told_lossy;
        state->told_lossy = true;
        return told || buffer_puts(run->notes,
                                   "no lossy frames: masks, indices, floats, colours but RGB, and more than 16 bits "
                                   "have none\n",
                                   err);
    }
    return frame_code_lossy(&state->coder, frame, (unsigned)options->lossy_levels, &payload, err) &&
           put_part(run, frame, PLACE_LOSSY, &payload, err);
}

static bool put(struct stage_run *run, const struct frame *frame, struct error *err)
{
    const struct options *const options = run->options;
    const struct state *const state = run->state;
    const enum frame_coding wished = strcmp(options->format, "j2k") == 0 ? FRAME_J2K : FRAME_HTJ2K;
    const enum frame_coding coding = frame_code_best(frame, wished);

    if (state->passed_number != frame->number &&
        ((coding != wished && !tell(run, frame, coding, err)) || !put_frame(run, frame, coding, err)))
        return false;
    if (strcmp(options->format, "both") == 0 && coding == FRAME_HTJ2K && !put_j2k(run, frame, err))
        return false;
    return !options->lossy || put_lossy(run, frame, err);
}

static bool tell_strips(struct stage_run *run, struct error *err)
{
    const struct options *const options = run->options;
    struct state *const state = run->state;
    const bool told = state->told;

    state->told = true;
    return told || buffer_printf(run->notes, err, "frames are published as plain samples%s: they are too large to be coded\n",
                                 options->lossy || strcmp(options->format, "both") == 0 ? " alone" : "");
}

/* What is read in strips is not coded: a codestream is made of a whole frame. */
static bool put_strip(struct stage_run *run, const struct frame *strip, uint32_t first_row, struct error *err)
{
    const struct image *const image = run->input->image;
    struct state *const state = run->state;
    struct frame whole = *strip;
    struct coded_form form;
    char name[48];

    if (state->passed_number == strip->number)
        return true;
    whole.rows = image->rows;
    (void)snprintf(name, sizeof name, "%s-%u", name_of(PLACE_FRAME), strip->number);
    const struct artefact_spec spec = {
        .place = PLACE_FRAME, .name = name, .frame = strip->number, .columns = whole.columns, .rows = whole.rows};
    if (!frame_stream_add(&state->stream, run->staging, &spec, strip, first_row, whole.rows, err))
        return false;
    return first_row + strip->rows < whole.rows ||
           (tell_strips(run, err) && coded_form_read(frame_stream_syntax(), NULL, 0, &whole, &form, err) &&
            keep_form(run, &form, err));
}

static bool codestream_frame(struct stage_run *run, const struct stage_frame *input,
                             struct error *err)
{
    const struct image *const image = run->input->image;
    const bool is_strip = input->frame->rows < image->rows;
    struct frame frame = *input->frame;

    frame.bits_stored = bits_of(run, input->frame);
    frame.lossy = is_lossy(&frame, image, false);
    const bool ok = is_strip ? put_strip(run, &frame, input->first_row, err) : put(run, &frame, err);
    if (frame.size > LARGE)
        frame_coder_release(&((struct state *)run->state)->coder); /* the stages after this one need memory, too */
    return ok || forget_form(run);
}

static void codestream_release(struct stage_run *run)
{
    struct state *const state = run->state;

    frame_coder_release(&state->coder);
    passer_free(state->passer);
}

const struct stage codestream_stage = {
    .name = "codestream",
    .summary = "the frame of stored values, for DICOMweb clients",
    .version = 4,
    .scope = SCOPE_INSTANCE,
    .needs = NEEDS_FRAME,
    .on_by_default = true,
    .options = option_table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .accepts = codestream_accepts,
    .begin = codestream_begin,
    .survey = codestream_survey,
    .coded = codestream_coded,
    .frame = codestream_frame,
    .takes_strips = true,
    .release = codestream_release,
};
