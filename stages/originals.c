/* originals.c - the object as a file of PS3.10, for clients that load whole objects by their address
 *
 * as_is: the bytes as they came, but for the preamble: it may hide a program or another picture (PS3.10 7.1), so it is
 * zeros. An object that came without File Meta, or with one that says something else than the data set is, gets one.
 * Where a UID had to be replaced (layout.md) the data set is written anew, in explicit VR little endian, with the UIDs
 * that the site knows the object by; its pixel data are the same bytes.
 *
 * htj2k, j2k: pixel data coded anew without loss, the attributes that describe them changed with them, all others
 * written in explicit VR little endian (part10.h). Colour that HTJ2K readers would mistake becomes J2K (frame_code.h).
 * What cannot be coded exactly, or is coded so already, is published as it came: floats, more than 16 bits, pixels of
 * 1 bit, overlays inside the pixels, an object that was cut.
 *
 * Beside what is not compressed stands the same in gzip form, for servers that hand it out to whoever takes it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/htj2k_encode.h"
#include "dicom/part10.h"
#include "job/staging_stream.h"
#include "original_pixels.h"
#include "stages.h"

#define EXPLICIT_LITTLE "1.2.840.10008.1.2.1"

struct options {
    char format[OPTION_TEXT];
    bool gzip;
};

static const struct option option_table[] = {
    {.name = "format",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct options, format),
     .default_value = "as_is",
     .choices = "as_is htj2k j2k",
     .help = "as_is, or coded anew without loss: htj2k, j2k"},
    {.name = "gzip",
     .type = OPTION_BOOL,
     .offset = offsetof(struct options, gzip),
     .default_value = "true",
     .help = "also FILE.gz, where the file is not compressed and that makes it smaller"},
    {.name = NULL},
};

enum { OVERRIDES = 16, BLOCK = 256 << 10 };

enum way { WAY_COPIED, WAY_REWRITTEN, WAY_CODED };

struct changes {
    size_t count;
    struct part10_override overrides[OVERRIDES]; /* ascending */
    char texts[OVERRIDES][UID_SIZE];
};

struct state {
    enum way way;
    bool is_coded; /* a stream is open, with frames in it */
    struct original_pixels pixels;
    struct coded_form form; /* of the frames in it */
    struct buffer text;
};

static bool is_format(const struct stage_run *run, const char *word)
{
    const struct options *const options = run->options;

    return strcmp(options->format, word) == 0;
}

/* -- what is to be done --------------------------------------------------------------------- */

/* What is kept of an object when its source is gone has its size, but not its end. */
static bool check_source(const struct object *object, struct error *err)
{
    const struct object_source source = object_source(object);
    uint8_t last;
    size_t got = 0;

    if (source.bytes->size == 0 || !source.bytes->read(source.bytes, source.bytes->size - 1, &last, 1, &got, err))
        return source.bytes->size != 0 ? false : error_set(err, ERROR_TRUNCATED, "an object of no bytes");
    return got == 1 ||
           error_set(err, ERROR_UNSUPPORTED, "the source is gone: an original is made of nothing else");
}

static const struct identity { uint32_t tag; size_t offset; } identities[] = {
    {TAG(0x0008, 0x0018), offsetof(struct subject, sop)},
    {TAG(0x0020, 0x000d), offsetof(struct subject, study)},
    {TAG(0x0020, 0x000e), offsetof(struct subject, series)},
};
enum { IDENTITIES = sizeof identities / sizeof identities[0] };

/* The UID as published, if the data set says another one. */
static const char *replaced_uid(const struct stage_input *input, const struct identity *identity)
{
    const char *const uid = (const char *)input->subject + identity->offset;
    char found[UID_SIZE + 1];

    (void)dataset_text(object_dataset(input->object), identity->tag, found, sizeof found);
    return strcmp(found, uid) != 0 ? uid : NULL;
}

static bool has_replaced_uid(const struct stage_input *input)
{
    for (size_t i = 0; i < IDENTITIES; i++)
        if (replaced_uid(input, &identities[i]) != NULL)
            return true;
    return false;
}

/* Retired: bits of a pixel that are not its value (PS3.5 8.1.2 of 2004). */
static bool has_overlay_in_pixels(const struct dataset *dataset)
{
    for (uint16_t group = 0x6000; group <= 0x601e; group = (uint16_t)(group + 2))
        if (dataset_has(dataset, TAG(group, 0x0010)) && !dataset_has(dataset, TAG(group, 0x3000)))
            return true;
    return false;
}

/* Why the pixels stay as they are; NULL if they can be coded. */
static const char *why_not_coded(const struct stage_run *run)
{
    const struct image *const image = run->input->image;
    const struct dataset *const dataset = object_dataset(run->input->object);
    int64_t frames = 1;

    if (image->element != PIXEL_ELEMENT_INTEGER)
        return "its samples are floats";
    if (image->bits_allocated == 1)
        return "its pixels have 1 bit";
    if (image->bits_stored > HTJ2K_BITS_MOST)
        return "its samples have more than 16 bits";
    if (has_overlay_in_pixels(dataset))
        return "overlays are inside its pixels";
    if (dataset_is(dataset, TAG(0x0028, 0x0008), &frames) && frames > image->frames)
        return "frames are missing";
    return NULL;
}

static bool is_coded_so_already(const struct stage_run *run)
{
    const struct transfer_syntax *const syntax = object_transfer_syntax(run->input->object);

    return syntax != NULL && syntax->coding == (is_format(run, "j2k") ? CODING_JPEG_2000 : CODING_HTJ2K);
}

/* As it came; where a UID was replaced, with another beginning. */
static bool choose_copy(struct stage_run *run, struct error *err)
{
    struct state *const state = run->state;

    state->way = WAY_COPIED;
    if (!has_replaced_uid(run->input))
        return true;
    if (dataset_is_big_endian(object_dataset(run->input->object)))
        return buffer_puts(run->notes, "the original is big endian: it keeps the UIDs that were replaced\n", err);
    state->way = WAY_REWRITTEN;
    return true;
}

static bool originals_begin(struct stage_run *run, struct error *err)
{
    const struct image *const image = run->input->image;
    struct state *const state = run->state;

    if (!check_source(run->input->object, err))
        return false;
    if (is_format(run, "as_is") || image == NULL || is_coded_so_already(run))
        return choose_copy(run, err);
    const char *const why = why_not_coded(run);
    if (why != NULL)
        return buffer_printf(run->notes, err, "the original is published as it came: %s\n", why) &&
               choose_copy(run, err);
    state->way = WAY_CODED;
    state->pixels = (struct original_pixels){
        .coding = is_format(run, "j2k") ? FRAME_J2K : FRAME_HTJ2K,
        .frames = image->frames,
        .native_bits = image_native_frame_bits(image) * image->frames,
    };
    return true;
}

static bool originals_wants(const struct stage_run *run, uint32_t frame_number)
{
    const struct state *const state = run->state;

    (void)frame_number;
    return state->way == WAY_CODED;
}

/* -- what changes --------------------------------------------------------------------------- */

static void change_text(struct changes *changes, uint32_t tag, const char *vr, const char *text)
{
    struct part10_override *const override = &changes->overrides[changes->count];
    char *const copy = changes->texts[changes->count++];

    (void)snprintf(copy, UID_SIZE, "%s", text);
    *override = (struct part10_override){.tag = tag, .text = copy};
    memcpy(override->vr, vr, 2);
}

static void change_number(struct changes *changes, uint32_t tag, const char *vr, uint32_t number)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%" PRIu32, number);
    change_text(changes, tag, vr, text);
}

static void change_uids(const struct stage_input *input, struct changes *changes)
{
    for (size_t i = 0; i < IDENTITIES; i++) {
        const char *const uid = replaced_uid(input, &identities[i]);

        if (uid != NULL)
            change_text(changes, identities[i].tag, "UI", uid);
    }
}

/* The Image Pixel module as coded_form.h describes it; after the UIDs in order of tags. */
static void change_pixels(const struct stage_input *input, const struct coded_form *form, struct changes *changes)
{
    const struct dataset *const dataset = object_dataset(input->object);
    int64_t frames = 1;

    change_number(changes, TAG(0x0028, 0x0002), "US", form->samples_per_pixel);
    change_text(changes, TAG(0x0028, 0x0004), "CS", photometric_word(form->photometric));
    if (form->samples_per_pixel > 1)
        change_number(changes, TAG(0x0028, 0x0006), "US", form->planar_configuration);
    if ((dataset_is(dataset, TAG(0x0028, 0x0008), &frames) || form->frames > 1) && frames != form->frames)
        change_number(changes, TAG(0x0028, 0x0008), "IS", form->frames);
    change_number(changes, TAG(0x0028, 0x0010), "US", form->rows);
    change_number(changes, TAG(0x0028, 0x0011), "US", form->columns);
    change_number(changes, TAG(0x0028, 0x0100), "US", form->bits_allocated);
    change_number(changes, TAG(0x0028, 0x0101), "US", form->bits_stored);
    change_number(changes, TAG(0x0028, 0x0102), "US", form->high_bit);
    change_number(changes, TAG(0x0028, 0x0103), "US", form->is_signed ? 1 : 0);
}

/* -- writing -------------------------------------------------------------------------------- */

static bool put_text(void *client, struct buffer *text, struct error *err)
{
    struct stage_run *const run = client;
    const bool ok = staging_stream_put(run->staging, &(struct part){text->data, text->size}, 1, err);

    buffer_clear(text);
    return ok;
}

static bool put_range(struct stage_run *run, const struct bytes *bytes, uint64_t from, uint64_t to, struct error *err)
{
    struct state *const state = run->state;
    bool ok = true;

    buffer_clear(&state->text);
    while (ok && from < to) {
        const size_t size = to - from < BLOCK ? (size_t)(to - from) : BLOCK;

        ok = buffer_reserve(&state->text, size, err) && bytes_read_all(bytes, from, state->text.data, size, err) &&
             staging_stream_put(run->staging, &(struct part){state->text.data, size}, 1, err);
        from += size;
    }
    return ok;
}

/* File Meta and the data set up to the pixel data. */
static bool put_beginning(struct stage_run *run, const char *transfer_syntax, const struct changes *changes,
                          struct error *err)
{
    struct state *const state = run->state;
    const struct part10_options options = {.transfer_syntax = transfer_syntax,
                                           .sop_instance_uid = run->input->subject->sop,
                                           .overrides = changes->overrides,
                                           .override_count = changes->count,
                                           .flush = put_text,
                                           .flush_client = run};

    buffer_clear(&state->text);
    return part10_meta(run->input->object, &options, &state->text, err) &&
           part10_dataset(run->input->object, &options, &state->text, err) && put_text(run, &state->text, err);
}

/* What followed the pixel data. */
static bool put_rest(struct stage_run *run, struct error *err)
{
    const struct object *const object = run->input->object;
    const char *left_out = NULL;
    uint64_t from, to;

    return part10_rest(object, &from, &to, &left_out, err) &&
           (left_out == NULL || buffer_printf(run->notes, err, "the original is without %s\n", left_out)) &&
           put_range(run, object_bytes(object), from, to, err);
}

static bool end_file(struct stage_run *run, bool gzip, struct error *err)
{
    const struct options *const options = run->options;
    const struct image *const image = run->input->image;
    const struct artefact_spec spec = {
        .place = PLACE_RENDITION,
        .name = "original",
        .extension = "dcm",
        .media_type = "application/dicom",
        .columns = image != NULL ? image->columns : 0,
        .rows = image != NULL ? image->rows : 0,
    };

    return staging_stream_end(run->staging, &spec, gzip && options->gzip, err);
}

/* -- as it came ----------------------------------------------------------------------------- */

/* Nothing is known to be compressed. */
static bool is_plain(const struct object *object)
{
    const struct transfer_syntax *const syntax = object_transfer_syntax(object);

    return syntax != NULL && !syntax->deflated && !object_pixels(object).encapsulated;
}

/* A File Meta that says what the object is, in the encoding that it must have (PS3.10 7.1). */
static bool has_good_meta(const struct object *object, const struct object_source *source)
{
    char uid[UID_SIZE + 1];
    uint8_t head[6];
    struct error ignored;

    return source->meta < source->dataset && bytes_read_all(source->bytes, source->meta, head, sizeof head, &ignored) &&
           head[4] >= 'A' && head[4] <= 'Z' && head[5] >= 'A' && head[5] <= 'Z' &&
           dataset_has(object_meta(object), TAG(0x0002, 0x0002)) &&
           dataset_has(object_meta(object), TAG(0x0002, 0x0003)) &&
           dataset_text(object_meta(object), TAG(0x0002, 0x0010), uid, sizeof uid) &&
           strcmp(uid, object_transfer_syntax_uid(object)) == 0;
}

static bool put_copy(struct stage_run *run, struct error *err)
{
    static const uint8_t zeros[PART10_PREAMBLE];
    const struct object *const object = run->input->object;
    const struct object_source source = object_source(object);
    const struct part10_options options = {.transfer_syntax = object_transfer_syntax_uid(object),
                                           .sop_instance_uid = run->input->subject->sop};
    struct state *const state = run->state;
    const bool keeps_meta = has_good_meta(object, &source);

    buffer_clear(&state->text);
    return (keeps_meta ? buffer_append(&state->text, zeros, sizeof zeros, err) &&
                             buffer_puts(&state->text, "DICM", err)
                       : part10_meta(object, &options, &state->text, err)) &&
           put_text(run, &state->text, err) &&
           put_range(run, source.bytes, keeps_meta ? source.meta : source.dataset, source.bytes->size, err) &&
           end_file(run, is_plain(object), err);
}

static uint32_t pixel_tag(const struct pixel_location *pixels)
{
    return pixels->element == PIXEL_ELEMENT_FLOAT    ? TAG(0x7fe0, 0x0008)
           : pixels->element == PIXEL_ELEMENT_DOUBLE ? TAG(0x7fe0, 0x0009)
                                                     : TAG(0x7fe0, 0x0010);
}

/* The VR of the pixel data's element; without one, as implicit VR has it (PS3.5 A.1). */
static const char *pixel_vr(const struct object *object, const struct pixel_location *pixels)
{
    const char *const vr = object_pixel_vr(object);

    if (vr[0] == 'O')
        return vr;
    return pixels->element == PIXEL_ELEMENT_FLOAT    ? "OF"
           : pixels->element == PIXEL_ELEMENT_DOUBLE ? "OD"
           : pixels->encapsulated                    ? "OB"
                                                     : "OW";
}

static bool put_same_pixels(struct stage_run *run, struct error *err)
{
    const struct object *const object = run->input->object;
    const struct pixel_location pixels = object_pixels(object);
    struct state *const state = run->state;
    uint64_t end;

    if (pixels.element == PIXEL_ELEMENT_NONE)
        return true;
    buffer_clear(&state->text);
    return part10_pixels_end(object, &end, err) &&
           part10_put_head(&state->text, pixel_tag(&pixels), pixel_vr(object, &pixels),
                           pixels.encapsulated ? UINT32_MAX : (uint32_t)pixels.length, err) &&
           put_text(run, &state->text, err) && put_range(run, object_bytes(object), pixels.offset, end, err);
}

static bool put_rewritten(struct stage_run *run, struct error *err)
{
    const struct object *const object = run->input->object;
    const struct transfer_syntax *const syntax = object_transfer_syntax(object);
    const bool is_native = syntax == NULL || syntax->coding == CODING_NATIVE;
    struct changes changes = {0};

    change_uids(run->input, &changes);
    return put_beginning(run, is_native ? EXPLICIT_LITTLE : syntax->uid, &changes, err) &&
           put_same_pixels(run, err) && put_rest(run, err) &&
           end_file(run, !object_pixels(object).encapsulated, err);
}

/* -- coded ---------------------------------------------------------------------------------- */

static bool same_form(const struct coded_form *a, const struct coded_form *b)
{
    return strcmp(a->transfer_syntax, b->transfer_syntax) == 0 && a->rows == b->rows && a->columns == b->columns &&
           a->photometric == b->photometric && a->samples_per_pixel == b->samples_per_pixel &&
           a->bits_stored == b->bits_stored && a->is_signed == b->is_signed;
}

static bool begin_coded(struct stage_run *run, struct error *err)
{
    struct state *const state = run->state;
    struct changes changes = {0};

    state->form = state->pixels.form;
    change_uids(run->input, &changes);
    change_pixels(run->input, &state->form, &changes);
    state->is_coded = true;
    return staging_stream(run->staging, err) && put_beginning(run, state->form.transfer_syntax, &changes, err) &&
           original_pixels_begin(&state->pixels, run->staging, err);
}

/* One data set cannot describe frames that are not alike. */
static bool give_up(struct stage_run *run, uint32_t number, struct error *err)
{
    struct state *const state = run->state;

    staging_stream_drop(run->staging);
    state->is_coded = false;
    return buffer_printf(run->notes, err,
                         "the original is published as it came: frame %u is of another kind than those before it\n",
                         number) &&
           choose_copy(run, err);
}

static bool originals_frame(struct stage_run *run, const struct stage_frame *input, struct error *err)
{
    struct state *const state = run->state;
    struct frame frame = *input->frame;

    frame.bits_stored = run->input->image->bits_stored; /* a source's frames may use fewer, each as it likes */
    if (!original_pixels_code(&state->pixels, &frame, err))
        return false;
    if (state->is_coded && !same_form(&state->pixels.form, &state->form))
        return give_up(run, frame.number, err);
    return (state->is_coded || begin_coded(run, err)) && original_pixels_put(&state->pixels, run->staging, err);
}

static bool end_coded(struct stage_run *run, struct error *err)
{
    struct state *const state = run->state;

    return original_pixels_end(&state->pixels, run->staging, err) && put_rest(run, err) &&
           end_file(run, false, err);
}

/* -- the stage ------------------------------------------------------------------------------ */

static bool originals_finish(struct stage_run *run, struct error *err)
{
    const struct state *const state = run->state;

    if (state->way == WAY_CODED)
        return end_coded(run, err);
    return staging_stream(run->staging, err) &&
           (state->way == WAY_COPIED ? put_copy(run, err) : put_rewritten(run, err));
}

static void originals_release(struct stage_run *run)
{
    struct state *const state = run->state;

    original_pixels_release(&state->pixels);
    buffer_release(&state->text);
}

const struct stage originals_stage = {
    .name = "originals",
    .summary = "the object as a DICOM file, as it came or coded anew without loss",
    .version = 1,
    .scope = SCOPE_INSTANCE,
    .needs = NEEDS_FRAME | NEEDS_OBJECT,
    .options = option_table,
    .options_size = sizeof(struct options),
    .state_size = sizeof(struct state),
    .begin = originals_begin,
    .wants = originals_wants,
    .frame = originals_frame,
    .finish = originals_finish,
    .release = originals_release,
};
