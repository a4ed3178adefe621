#include "stage_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/path.h"

static void must(bool ok, const char *what, const struct error *err)
{
    if (ok)
        return;
    printf("stage harness: %s: %s\n", what, err != NULL ? err->text : "");
    fflush(stdout);
    abort();
}

/* Smooth ramps with noise on top, and the extremes: something for every coder to trip over. */
int64_t stage_case_value(const struct stage_case *object, uint32_t frame, size_t sample)
{
    const uint64_t span = UINT64_C(1) << object->bits;
    const int64_t least = object->is_signed ? -(int64_t)(span / 2) : 0;
    const size_t pixel = sample / object->samples, channel = sample % object->samples;
    const uint64_t x = pixel % object->columns, y = pixel / object->columns;
    const uint64_t wave = ((x * 3 + y * 2 + channel * 50 + frame * 20) * span) >> 11;
    const uint64_t noise = ((sample + frame) * 2654435761u >> 13) % (span / 32 + 1);

    if (object->is_blank || (object->only_frame != 0 && object->only_frame != frame))
        return 0;
    if (sample % 997 == 0)
        return sample % 2 == 0 ? least : least + (int64_t)(span - 1);
    return least + (int64_t)((wave + noise) % span);
}

uint8_t stage_case_picture_value(const struct stage_case *object, uint32_t frame, size_t sample)
{
    const int64_t least = object->is_signed ? -(INT64_C(1) << (object->bits - 1)) : 0;
    const uint64_t value = (uint64_t)(stage_case_value(object, frame, sample) - least);

    return (uint8_t)(object->bits >= 8 ? value >> (object->bits - 8) : value << (8 - object->bits));
}

enum sample_type stage_case_type(const struct stage_case *object)
{
    if (object->is_float)
        return SAMPLE_F32;
    return sample_type_of(object->bits <= 8 ? 8 : object->bits <= 16 ? 16 : 32, object->is_signed);
}

static void store(void *samples, enum sample_type type, size_t i, int64_t value)
{
    switch (type) {
    case SAMPLE_U8:
        ((uint8_t *)samples)[i] = (uint8_t)value;
        break;
    case SAMPLE_S8:
        ((int8_t *)samples)[i] = (int8_t)value;
        break;
    case SAMPLE_U16:
        ((uint16_t *)samples)[i] = (uint16_t)value;
        break;
    case SAMPLE_S16:
        ((int16_t *)samples)[i] = (int16_t)value;
        break;
    case SAMPLE_U32:
        ((uint32_t *)samples)[i] = (uint32_t)value;
        break;
    case SAMPLE_S32:
        ((int32_t *)samples)[i] = (int32_t)value;
        break;
    case SAMPLE_F32:
        ((float *)samples)[i] = (float)value / 3;
        break;
    case SAMPLE_F64:
        break;
    }
}

static enum photometric photometric_of(const struct stage_case *object)
{
    if (object->photometric != PHOTOMETRIC_UNKNOWN)
        return object->photometric;
    return object->samples == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MONOCHROME2;
}

static struct image make_image(const struct stage_case *object)
{
    struct image image = {
        .rows = object->rows,
        .columns = object->columns,
        .frames = object->frames,
        .samples_per_pixel = object->samples,
        .bits_allocated = (uint16_t)(8 * sample_size(stage_case_type(object))),
        .bits_stored = object->bits,
        .high_bit = (uint16_t)(object->bits - 1),
        .is_signed = object->is_signed,
        .element = object->is_float ? PIXEL_ELEMENT_FLOAT : PIXEL_ELEMENT_INTEGER,
        .photometric = photometric_of(object),
        .row_spacing_mm = object->row_mm,
        .column_spacing_mm = object->column_mm,
        .spacing_source = object->row_mm > 0 ? "PixelSpacing" : NULL,
        .is_tiled = object->is_tiled,
        .transfer_syntax = object->transfer_syntax != NULL ? transfer_syntax_find(object->transfer_syntax) : NULL,
        .recommended_fps_x1000 = object->fps_x1000,
    };

    (void)snprintf(image.modality, sizeof image.modality, "%s",
                   object->modality != NULL ? object->modality : "OT");
    return image;
}

static void make_options(const struct stage *stage, const char *settings, void *options)
{
    struct error err;
    char text[512], *rest = text;

    must(option_defaults(stage->options, options, &err), "defaults", &err);
    (void)snprintf(text, sizeof text, "%s", settings != NULL ? settings : "");
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        char *const equals = strchr(line, '=');

        if (equals == NULL)
            continue;
        *equals = '\0';
        must(option_set(stage->options, options, line, equals + 1, &err), line, &err);
    }
}

/* Its samples are the caller's to free. */
static struct frame make_frame(const struct stage_case *object, uint32_t number, struct error *err)
{
    const enum sample_type type = stage_case_type(object);
    const size_t count = (size_t)object->rows * object->columns * object->samples;
    void *const samples = memory_new(count * sample_size(type), err);

    must(samples != NULL, "memory", err);
    for (size_t i = 0; i < count; i++)
        store(samples, type, i, stage_case_value(object, number, i));
    return (struct frame){
        .number = number,
        .rows = object->rows,
        .columns = object->columns,
        .samples_per_pixel = object->samples,
        .type = type,
        .bits_stored = object->bits,
        .is_signed = object->is_signed,
        .photometric = photometric_of(object),
        .samples = samples,
        .size = count * sample_size(type),
    };
}

/* One frame in both shapes, handed to the stage. */
static bool run_frame(struct stage_run *run, const struct stage_case *object, uint32_t number,
                      struct error *err)
{
    const size_t count = (size_t)object->rows * object->columns * object->samples;
    const struct frame frame = make_frame(object, number, err);
    struct picture picture = {0};
    struct frame_display display = {.slope = 2, .intercept = -1024};
    const struct voi voi = {.kind = object->samples == 1 ? VOI_KIND_WINDOW : VOI_KIND_NONE,
                            .window = {.center = 40.5, .width = 400, .function = VOI_LINEAR}};

    must(picture_resize(&picture, object->rows, object->columns, object->samples, err), "memory", err);
    for (size_t i = 0; i < count; i++)
        picture.data[i] = stage_case_picture_value(object, number, i);
    const struct stage_frame input = {.frame = &frame,
                                      .display = &display,
                                      .voi = &voi,
                                      .voi_origin = "tag",
                                      .picture = &picture};
    const bool ok = run->stage->frame(run, &input, err);
    picture_release(&picture);
    memory_free((void *)frame.samples);
    return ok;
}

/* One frame as the source holds it, shown to the stage. `before`: in the survey. */
static bool show_coded(struct stage_run *run, const struct stage_case *object, uint32_t number, bool before,
                       bool *done, struct error *err)
{
    const struct frame frame = make_frame(object, number, err);
    struct buffer bytes = {0};

    must(object->code(&frame, &bytes, err), "code", err);
    const struct coded_frame coded = {
        .image = run->input->image, .number = number, .data = bytes.data, .size = bytes.size};
    const bool ok = before ? run->stage->survey(run, &coded, done, err) : run->stage->coded(run, &coded, done, err);
    buffer_release(&bytes);
    memory_free((void *)frame.samples);
    return ok;
}

static bool survey(struct stage_run *run, const struct stage_case *object, struct error *err)
{
    bool enough = object->code == NULL || run->stage->survey == NULL || object->frames < 2;

    for (uint32_t number = 1; number <= object->frames && !enough; number++)
        if (!show_coded(run, object, number, true, &enough, err))
            return false;
    return true;
}

static bool run_frames(struct stage_run *run, const struct stage_case *object, struct stage_outcome *outcome)
{
    struct error *const err = &outcome->err;

    if (run->stage->frame == NULL)
        return true;
    if (!survey(run, object, err))
        return false;
    for (uint32_t number = 1; number <= object->frames; number++) {
        bool taken = false;

        if (run->stage->wants != NULL && !run->stage->wants(run, number))
            continue;
        if (object->code != NULL && run->stage->coded != NULL && !show_coded(run, object, number, false, &taken, err))
            return false;
        outcome->taken += taken;
        if (!taken && !run_frame(run, object, number, err))
            return false;
    }
    return true;
}

static void run_product(struct stage_run *run, const struct stage_case *object,
                        struct stage_outcome *outcome)
{
    struct error end;
    char reason[240] = "";
    bool ok = false;

    if (run->stage->accepts != NULL && !run->stage->accepts(run->input, run->options, reason, sizeof reason)) {
        must(reason[0] != '\0', "no reason", NULL);
        must(staging_end(run->staging, PRODUCT_SKIPPED, reason, &end), "end", &end);
        return;
    }
    ok = (run->stage->begin == NULL || run->stage->begin(run, &outcome->err)) &&
         run_frames(run, object, outcome) &&
         (run->stage->finish == NULL || run->stage->finish(run, &outcome->err));
    if (run->stage->release != NULL)
        run->stage->release(run);
    must(staging_end(run->staging, ok ? PRODUCT_DONE : PRODUCT_FAILED,
                     ok ? NULL : outcome->err.text, &end),
         "end", &end);
}

/* -- an object for the stages that look at nothing else ---------------------------------------- */

enum { BULK_BYTES = 2000 };

/* Explicit VR little endian: SOP Class UID, ICC Profile. */
static void write_object(struct buffer *out)
{
    static const uint8_t front[128] = {0};
    static const char meta[] = "DICM\2\0\0\0UL\4\0\34\0\0\0\2\0\20\0UI\24\0" "1.2.840.10008.1.2.1";
    static const char head[] = "\10\0\26\0UI\32\0" "1.2.840.10008.5.1.4.1.1.7\0" "\50\0\0\40OB\0\0\320\7\0";
    struct error err;
    bool ok = buffer_append(out, front, sizeof front, &err) && buffer_append(out, meta, sizeof meta, &err) &&
              buffer_append(out, head, sizeof head, &err);

    for (unsigned i = 0; ok && i < BULK_BYTES; i++)
        ok = buffer_put_u8(out, (uint8_t)i, &err);
    must(ok, "memory", &err);
}

static bool no_spool(void *client, int *descriptor, struct error *err)
{
    (void)client;
    (void)descriptor;
    return error_set(err, ERROR_UNSUPPORTED, "the harness has no deflated objects");
}

/* NULL where the case has its own, or the stage wants none. */
static struct object *open_object(const struct stage *stage, const struct stage_case *object, struct buffer *data,
                                  struct bytes *bytes)
{
    static const struct spool_maker spool = {.make = no_spool};
    struct object *opened = NULL;
    struct error err;

    if (object->object != NULL || (stage->needs & NEEDS_OBJECT) == 0)
        return NULL;
    write_object(data);
    *bytes = bytes_of_memory(data->data, data->size);
    must(object_open(bytes, &spool, &opened, &err), "object", &err);
    return opened;
}

void stage_harness_run(const struct stage *stage, const char *settings,
                       const struct stage_case *object, const char *folder,
                       struct stage_outcome *outcome)
{
    static const struct error no_fault;
    static const struct subject subject = {.study = "1.2", .series = "1.2.3", .sop = "1.2.3.4"};
    struct error err;
    struct buffer data = {0};
    struct bytes bytes = {0};
    struct object *const opened = open_object(stage, object, &data, &bytes);
    const struct image image = make_image(object);
    const struct stage_input input = {.subject = &subject,
                                      .object = opened != NULL ? opened : object->object,
                                      .image = object->no_image ? NULL : &image,
                                      .published = &outcome->published,
                                      .published_fault = &no_fault};
    void *const options = memory_zeroed(stage->options_size, &err);
    struct stage_run run = {.stage = stage, .input = &input, .options = options, .threads = 2, .notes = &outcome->notes,
                            .published = &outcome->published, .metadata = &outcome->metadata};

    *outcome = (struct stage_outcome){.err = {.kind = ERROR_NONE}};
    if (object->published != NULL)
        outcome->published = *object->published;
    (void)snprintf(outcome->folder, sizeof outcome->folder, "%s", folder);
    run.state = memory_zeroed(stage->state_size, &err);
    must(options != NULL && run.state != NULL, "memory", &err);
    make_options(stage, settings, options);
    must(staging_open(folder, &outcome->manifest, &run.staging, &err), "open", &err);
    must(staging_begin(run.staging, stage->name, stage->version, &err), "begin", &err);
    run_product(&run, object, outcome);
    outcome->information = run.information;
    staging_close(run.staging);
    memory_free(run.state);
    memory_free(options);
    object_close(opened);
    buffer_release(&data);
}

/* -- series scope ------------------------------------------------------------------------------- */

static struct stage_slice slice_of(const struct volume *volume, uint32_t dimension, uint32_t number)
{
    struct stage_slice slice = {
        .volume = volume,
        .dimension = dimension,
        .slice = number,
        .slope = volume->slope,
        .intercept = volume->intercept,
        .has_padding = volume->has_padding,
        .padding_low = volume->padding_low,
        .padding_high = volume->padding_high,
    };

    for (int i = 0; i < 3; i++)
        slice.position[i] = volume->affine[i][3] + number * volume->affine[i][2];
    return slice;
}

static bool run_slices(struct stage_run *run, const struct stage_series_case *series, const struct volume *volume,
                       struct error *err)
{
    for (uint32_t dimension = 0; dimension < volume->dimensions; dimension++)
        for (uint32_t number = 0; number < volume->slices; number++) {
            struct stage_slice slice = slice_of(volume, dimension, number);

            series->place(series->client, &slice);
            if (!run->stage->slice(run, &slice, err))
                return false;
        }
    return run->stage->volume_end(run, err);
}

static bool run_volumes(struct stage_run *run, const struct stage_series_case *series, struct error *err)
{
    for (size_t i = 0; i < series->count; i++) {
        unsigned passes = 1;

        if (!run->stage->volume(run, &series->volumes[i], &passes, err))
            return false;
        for (unsigned pass = 0; pass < passes; pass++)
            if (!run_slices(run, series, &series->volumes[i], err))
                return false;
    }
    return true;
}

static void run_series_product(struct stage_run *run, const struct stage_series_case *series,
                               struct stage_outcome *outcome)
{
    const struct stage *const stage = run->stage;
    struct error end;
    const bool ok = (stage->begin == NULL || stage->begin(run, &outcome->err)) &&
                    run_volumes(run, series, &outcome->err) &&
                    (stage->finish == NULL || stage->finish(run, &outcome->err));

    if (stage->release != NULL)
        stage->release(run);
    must(staging_end(run->staging, ok ? PRODUCT_DONE : PRODUCT_FAILED, ok ? NULL : outcome->err.text, &end), "end", &end);
}

void stage_harness_run_series(const struct stage *stage, const char *settings, const struct stage_series_case *series,
                              const char *folder, struct stage_outcome *outcome)
{
    static const struct subject subject = {.study = "1.2", .series = "1.2.3"};
    const struct stage_input input = {.subject = &subject, .window = series->window};
    struct error err;
    void *const options = memory_zeroed(stage->options_size, &err);
    struct stage_run run = {.stage = stage, .input = &input, .options = options, .threads = 2, .notes = &outcome->notes};

    *outcome = (struct stage_outcome){.err = {.kind = ERROR_NONE}};
    (void)snprintf(outcome->folder, sizeof outcome->folder, "%s", folder);
    run.state = memory_zeroed(stage->state_size, &err);
    must(options != NULL && run.state != NULL, "memory", &err);
    make_options(stage, settings, options);
    must(staging_open(folder, &outcome->manifest, &run.staging, &err), "open", &err);
    must(staging_begin(run.staging, stage->name, stage->version, &err), "begin", &err);
    run_series_product(&run, series, outcome);
    staging_close(run.staging);
    memory_free(run.state);
    memory_free(options);
}

void stage_outcome_release(struct stage_outcome *outcome)
{
    manifest_release(&outcome->manifest);
    buffer_release(&outcome->notes);
    buffer_release(&outcome->metadata);
}

const struct product *stage_outcome_product(const struct stage_outcome *outcome)
{
    return &outcome->manifest.products[0];
}

const struct artefact *stage_outcome_find(const struct stage_outcome *outcome, const char *name)
{
    const struct product *const product = stage_outcome_product(outcome);

    for (size_t i = 0; i < product->artefact_count; i++)
        if (strcmp(product->artefacts[i].name, name) == 0)
            return &product->artefacts[i];
    return NULL;
}

void stage_outcome_read(const struct stage_outcome *outcome, const struct artefact *artefact,
                        const char *inner, struct buffer *out)
{
    struct error err;
    char path[PATH_SIZE];

    must(artefact != NULL, "no such artefact", NULL);
    must(path_format(path, &err, "%s/%u%s%s", outcome->folder, artefact->staged,
                     inner != NULL ? "/" : "", inner != NULL ? inner : ""),
         "path", &err);
    buffer_clear(out);
    must(path_read_file(path, (size_t)1 << 30, out, &err), "read", &err);
}
