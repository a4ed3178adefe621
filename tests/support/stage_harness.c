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

/* One frame in both shapes, handed to the stage. */
static bool run_frame(struct stage_run *run, const struct stage_case *object, uint32_t number,
                      struct error *err)
{
    const enum sample_type type = stage_case_type(object);
    const size_t count = (size_t)object->rows * object->columns * object->samples;
    void *const samples = memory_new(count * sample_size(type), err);
    struct picture picture = {0};
    struct frame_display display = {.slope = 2, .intercept = -1024};
    const struct voi voi = {.kind = object->samples == 1 ? VOI_KIND_WINDOW : VOI_KIND_NONE,
                            .window = {.center = 40.5, .width = 400, .function = VOI_LINEAR}};

    must(samples != NULL &&
             picture_resize(&picture, object->rows, object->columns, object->samples, err),
         "memory", err);
    for (size_t i = 0; i < count; i++) {
        store(samples, type, i, stage_case_value(object, number, i));
        picture.data[i] = stage_case_picture_value(object, number, i);
    }
    const struct frame frame = {
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
    const struct stage_frame input = {.frame = &frame,
                                      .display = &display,
                                      .voi = &voi,
                                      .voi_origin = "tag",
                                      .picture = &picture};
    const bool ok = run->stage->frame(run, &input, err);
    picture_release(&picture);
    memory_free(samples);
    return ok;
}

static bool run_frames(struct stage_run *run, const struct stage_case *object, struct error *err)
{
    for (uint32_t number = 1; number <= object->frames; number++)
        if ((run->stage->wants == NULL || run->stage->wants(run, number)) &&
            !run_frame(run, object, number, err))
            return false;
    return true;
}

static void run_product(struct stage_run *run, const struct stage_case *object,
                        struct stage_outcome *outcome)
{
    struct error end;
    char reason[240] = "";
    bool ok = false;

    if (!run->stage->accepts(run->input, run->options, reason, sizeof reason)) {
        must(reason[0] != '\0', "no reason", NULL);
        must(staging_end(run->staging, PRODUCT_SKIPPED, reason, &end), "end", &end);
        return;
    }
    ok = run->stage->begin(run, &outcome->err) && run_frames(run, object, &outcome->err) &&
         run->stage->finish(run, &outcome->err);
    run->stage->release(run);
    must(staging_end(run->staging, ok ? PRODUCT_DONE : PRODUCT_FAILED,
                     ok ? NULL : outcome->err.text, &end),
         "end", &end);
}

void stage_harness_run(const struct stage *stage, const char *settings,
                       const struct stage_case *object, const char *folder,
                       struct stage_outcome *outcome)
{
    static const struct subject subject = {.study = "1.2", .series = "1.2.3", .sop = "1.2.3.4"};
    struct error err;
    const struct image image = make_image(object);
    const struct stage_input input = {.subject = &subject, .image = &image};
    void *const options = memory_zeroed(stage->options_size, &err);
    struct stage_run run = {
        .stage = stage, .input = &input, .options = options, .notes = &outcome->notes};

    *outcome = (struct stage_outcome){.err = {.kind = ERROR_NONE}};
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
}

void stage_outcome_release(struct stage_outcome *outcome)
{
    manifest_release(&outcome->manifest);
    buffer_release(&outcome->notes);
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
