#include "stage_set.h"

#include <string.h>

#include "base/memory.h"
#include "job/notes.h"
#include "job/text.h"
#include "stages/stages.h"

enum { STAGES_MOST = 32, REASON_SIZE = 200 };

struct stage_options {
    size_t count;              /* of stages[] */
    void *values[STAGES_MOST]; /* each the stage's own struct */
};

enum slot_state { SLOT_LIVE, SLOT_DEFERRED, SLOT_ENDED };

struct slot {
    struct stage_run run;
    struct buffer notes; /* the run's */
    enum slot_state state;
    bool begun;     /* release is due */
    bool saw_picture;
    bool surveyed;  /* it has seen enough of the coded frames */
    uint32_t taken; /* the last frame of which the coded bytes were enough */
    unsigned passes; /* of the volume at hand */
    unsigned failed; /* volumes */
    struct error first_fault; /* of the first of them */
    size_t product; /* in the staging's manifest */
};

struct stage_set {
    struct staging *staging;
    unsigned pass;
    size_t count;
    struct slot slots[STAGES_MOST];
};

/* -- options -------------------------------------------------------------------------------- */

static size_t stage_count(void)
{
    size_t count = 0;

    while (count < STAGES_MOST && stages[count] != NULL)
        count++;
    return count;
}

static const struct stage *owner_of_options(const struct stage *stage)
{
    return stage->options_of != NULL ? stage->options_of : stage;
}

/* To all stages that share these options. */
static bool apply_setting(struct stage_options *options, const struct stage_setting *setting, struct error *err)
{
    bool found = false;

    for (size_t i = 0; i < options->count; i++) {
        if (strcmp(owner_of_options(stages[i])->name, setting->stage) != 0)
            continue;
        found = true;
        if (!option_set(stages[i]->options, options->values[i], setting->option, setting->value, err))
            return error_context(err, "%s", setting->stage);
    }
    return found || error_set(err, ERROR_USAGE, "there is no stage \"%s\"", setting->stage);
}

bool stage_options_new(const struct stage_setting *settings, size_t count, struct stage_options **options,
                       struct error *err)
{
    struct stage_options *const made = memory_zeroed(sizeof *made, err);
    bool ok = made != NULL;

    for (size_t total = stage_count(); ok && made->count < total; made->count++) {
        void *const values = memory_zeroed(stages[made->count]->options_size, err);

        made->values[made->count] = values;
        ok = values != NULL && option_defaults(stages[made->count]->options, values, err);
    }
    for (size_t i = 0; ok && i < count; i++)
        ok = apply_setting(made, &settings[i], err);
    if (!ok) {
        stage_options_free(made);
        return false;
    }
    *options = made;
    return true;
}

void stage_options_free(struct stage_options *options)
{
    for (size_t i = 0; options != NULL && i < STAGES_MOST; i++)
        memory_free(options->values[i]);
    memory_free(options);
}

/* -- telling -------------------------------------------------------------------------------- */

static bool copy_text(const char *from, const char **to, struct error *err)
{
    *to = from != NULL ? memory_string(from, err) : NULL;
    return from == NULL || *to != NULL;
}

static bool tell_options(const struct option *table, struct stage_row *row, struct error *err)
{
    size_t count = 0;

    while (table != NULL && table[count].name != NULL)
        count++;
    row->options = memory_array(count + 1, sizeof *row->options, err);
    if (row->options == NULL)
        return false;
    for (; row->option_count < count; row->option_count++) {
        const struct option *const from = &table[row->option_count];
        struct option *const to = &row->options[row->option_count];

        *to = (struct option){.type = from->type, .least = from->least, .most = from->most, .for_join = from->for_join};
        if (!copy_text(from->name, &to->name, err) || !copy_text(from->default_value, &to->default_value, err) ||
            !copy_text(from->choices, &to->choices, err) || !copy_text(from->help, &to->help, err))
            return false;
    }
    return true;
}

static bool tell_stage(const struct stage *stage, const void *values, struct stage_row *row, struct error *err)
{
    struct buffer canonical = {0};
    bool ok = option_canonical(stage->options, values, &canonical, err);

    *row = (struct stage_row){.version = stage->version,
                              .scope = (uint32_t)stage->scope,
                              .needs = stage->needs,
                              .on_by_default = stage->on_by_default};
    row->name = memory_string(stage->name, err);
    row->summary = memory_string(stage->summary, err);
    row->canonical_options = memory_string(buffer_text(&canonical), err);
    ok = ok && row->name != NULL && row->summary != NULL && row->canonical_options != NULL &&
         tell_options(stage->options_of == NULL ? stage->options : NULL, row, err);
    buffer_release(&canonical);
    return ok;
}

bool stage_options_tell(const struct stage_options *options, struct worker_hello *hello, struct error *err)
{
    hello->stages = memory_array(options->count, sizeof *hello->stages, err);
    if (hello->stages == NULL)
        return false;
    for (; hello->stage_count < options->count; hello->stage_count++) {
        const size_t i = hello->stage_count;

        if (!tell_stage(stages[i], options->values[i], &hello->stages[i], err))
            return false;
    }
    return true;
}

/* -- one job -------------------------------------------------------------------------------- */

static bool is_named(const char *name, const char *names)
{
    const size_t length = strlen(name);

    for (const char *at = names; at != NULL && *at != '\0';) {
        const size_t word = strcspn(at, ",");

        if (word == length && memcmp(at, name, length) == 0)
            return true;
        at += word + (at[word] == ',');
    }
    return false;
}

bool stage_set_new(const struct stage_options *options, const char *names, const struct stage_input *input,
                   struct staging *staging, unsigned threads, struct stage_yield *yield, struct stage_set **set,
                   struct error *err)
{
    struct stage_set *const made = memory_zeroed(sizeof *made, err);
    const enum stage_scope scope = input->subject->sop[0] != '\0' ? SCOPE_INSTANCE : SCOPE_SERIES;

    if (made == NULL)
        return false;
    made->staging = staging;
    for (size_t i = 0; i < options->count; i++) {
        if (!is_named(stages[i]->name, names) || stages[i]->scope != scope ||
            (scope == SCOPE_INSTANCE && input->image == NULL && (stages[i]->needs & NEEDS_OBJECT) == 0))
            continue;
        struct slot *const slot = &made->slots[made->count];
        slot->state = SLOT_ENDED;
        slot->run = (struct stage_run){.stage = stages[i], .input = input, .options = options->values[i],
                                       .staging = staging, .threads = threads, .notes = &slot->notes,
                                       .published = &yield->published, .metadata = &yield->metadata};
        slot->run.state = memory_zeroed(stages[i]->state_size, err);
        if (slot->run.state == NULL) {
            stage_set_free(made);
            return false;
        }
        made->count++;
    }
    *set = made;
    return true;
}

void stage_set_free(struct stage_set *set)
{
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        struct slot *const slot = &set->slots[i];

        if (slot->begun && slot->run.stage->release != NULL)
            slot->run.stage->release(&slot->run);
        memory_free(slot->run.state);
        buffer_release(&slot->notes);
    }
    memory_free(set);
}

/* Ends a slot's product. */
static bool end(struct stage_set *set, struct slot *slot, enum product_state state, const char *reason,
                struct error *err)
{
    slot->state = SLOT_ENDED;
    staging_select(set->staging, slot->product);
    return staging_end(set->staging, state, reason, err);
}

/* A stage's own failure; a disk's is everybody's. */
static bool drop(struct stage_set *set, struct slot *slot, const struct error *why, struct error *err)
{
    struct error ignored;

    if (why->kind != ERROR_IO)
        return end(set, slot, PRODUCT_FAILED, why->text, err);
    (void)end(set, slot, PRODUCT_FAILED, why->text, &ignored);
    *err = *why;
    return false;
}

static bool begin_slot(struct stage_set *set, struct slot *slot, bool defer, struct error *err)
{
    const struct stage *const stage = slot->run.stage;
    char reason[REASON_SIZE] = "";
    struct error why = {0};

    if (!staging_begin(set->staging, stage->name, stage->version, err))
        return false;
    slot->product = staging_selected(set->staging);
    if (stage->accepts != NULL && !stage->accepts(slot->run.input, slot->run.options, reason, sizeof reason))
        return end(set, slot, PRODUCT_SKIPPED, reason, err);
    slot->begun = true;
    if (stage->begin != NULL && !stage->begin(&slot->run, &why))
        return drop(set, slot, &why, err);
    slot->state = defer && (stage->needs & NEEDS_PICTURE) != 0 ? SLOT_DEFERRED : SLOT_LIVE;
    return true;
}

bool stage_set_begin(struct stage_set *set, bool defer, struct error *err)
{
    for (size_t i = 0; i < set->count; i++)
        if (!begin_slot(set, &set->slots[i], defer, err))
            return false;
    return true;
}

bool stage_set_has_deferred(const struct stage_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->slots[i].state == SLOT_DEFERRED)
            return true;
    return false;
}

static bool has_need(const struct slot *slot, unsigned needs)
{
    return slot->state == SLOT_LIVE && (slot->run.stage->needs & needs) != 0;
}

bool stage_set_has(const struct stage_set *set, unsigned needs)
{
    for (size_t i = 0; i < set->count; i++)
        if (has_need(&set->slots[i], needs))
            return true;
    return false;
}

static bool slot_wants(const struct slot *slot, uint32_t number)
{
    const struct stage *const stage = slot->run.stage;

    return stage->frame != NULL && slot->taken != number &&
           (stage->wants == NULL || stage->wants(&slot->run, number));
}

bool stage_set_wants(const struct stage_set *set, unsigned needs, uint32_t number)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct slot *const slot = &set->slots[i];

        if (slot->state == SLOT_LIVE && (slot->run.stage->needs & needs) != 0 && slot_wants(slot, number))
            return true;
    }
    return false;
}

bool stage_set_defers(const struct stage_set *set, uint32_t number)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->slots[i].state == SLOT_DEFERRED && slot_wants(&set->slots[i], number))
            return true;
    return false;
}

bool stage_set_wants_survey(const struct stage_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->slots[i].state == SLOT_LIVE && set->slots[i].run.stage->survey != NULL && !set->slots[i].surveyed)
            return true;
    return false;
}

bool stage_set_survey(struct stage_set *set, const struct coded_frame *coded, struct error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct slot *const slot = &set->slots[i];
        struct error why = {0};

        if (slot->state != SLOT_LIVE || slot->run.stage->survey == NULL || slot->surveyed)
            continue;
        staging_select(set->staging, slot->product);
        if (!slot->run.stage->survey(&slot->run, coded, &slot->surveyed, &why) && !drop(set, slot, &why, err))
            return false;
    }
    return true;
}

static bool wants_coded(const struct slot *slot, uint32_t number)
{
    return slot->state == SLOT_LIVE && slot->run.stage->coded != NULL && slot_wants(slot, number);
}

bool stage_set_wants_coded(const struct stage_set *set, uint32_t number)
{
    for (size_t i = 0; i < set->count; i++)
        if (wants_coded(&set->slots[i], number))
            return true;
    return false;
}

bool stage_set_coded(struct stage_set *set, const struct coded_frame *coded, struct error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct slot *const slot = &set->slots[i];
        struct error why = {0};
        bool taken = false;

        if (!wants_coded(slot, coded->number))
            continue;
        staging_select(set->staging, slot->product);
        if (!slot->run.stage->coded(&slot->run, coded, &taken, &why)) {
            (void)error_context(&why, "frame %u", coded->number);
            if (!drop(set, slot, &why, err))
                return false;
        } else if (taken) {
            slot->taken = coded->number;
        }
    }
    return true;
}

static bool take_notes(struct slot *slot, const struct frame_telling *telling, bool with_picture, struct error *err)
{
    return (telling->notes == NULL || notes_merge(&slot->notes, buffer_text(telling->notes), err)) &&
           (!with_picture || notes_merge(&slot->notes, buffer_text(telling->picture_notes), err));
}

static bool frame_slot(struct stage_set *set, struct slot *slot, const struct stage_frame *frame,
                       const struct frame_telling *telling, struct error *err)
{
    const bool needs_picture = (slot->run.stage->needs & NEEDS_PICTURE) != 0;
    struct stage_frame given = *frame;
    struct error why = {0};

    if (!take_notes(slot, telling, needs_picture, err))
        return false;
    if (needs_picture && frame->picture == NULL) {
        why = telling->picture_fault;
        (void)error_context(&why, "frame %u", frame->frame->number);
        return drop(set, slot, &why, err);
    }
    if (!needs_picture)
        given.picture = NULL;
    slot->saw_picture = slot->saw_picture || needs_picture;
    staging_select(set->staging, slot->product);
    if (slot->run.stage->frame(&slot->run, &given, &why))
        return true;
    (void)error_context(&why, "frame %u", frame->frame->number);
    return drop(set, slot, &why, err);
}

bool stage_set_frame(struct stage_set *set, const struct stage_frame *frame, const struct frame_telling *telling,
                     struct error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct slot *const slot = &set->slots[i];

        if (slot->state == SLOT_LIVE && slot_wants(slot, frame->frame->number) &&
            !frame_slot(set, slot, frame, telling, err))
            return false;
    }
    return true;
}

bool stage_set_refuse(struct stage_set *set, uint32_t number, bool all, const struct error *why, struct error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct slot *const slot = &set->slots[i];

        if (slot->state == SLOT_LIVE && slot_wants(slot, number) && (all || !slot->run.stage->takes_strips) &&
            !drop(set, slot, why, err))
            return false;
    }
    return true;
}

/* -- volumes -------------------------------------------------------------------------------- */

/* The slot goes without the volume, or the pyramid. What a disk says is everybody's, unless it is about a source. */
static bool fail_part(struct stage_set *set, struct slot *slot, const struct error *why, struct error *err)
{
    staging_select(set->staging, slot->product);
    if (slot->run.stage->volume_drop != NULL)
        slot->run.stage->volume_drop(&slot->run);
    slot->passes = 0;
    if (slot->failed++ == 0)
        slot->first_fault = *why;
    return buffer_printf(&slot->notes, err, "%s: %s\n", slot->run.stage->name, why->text);
}

static bool drop_part(struct stage_set *set, struct slot *slot, const struct error *why, struct error *err)
{
    return why->kind == ERROR_IO ? drop(set, slot, why, err) : fail_part(set, slot, why, err);
}

bool stage_set_volume(struct stage_set *set, const struct volume *volume, unsigned *passes, struct error *err)
{
    *passes = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct slot *const slot = &set->slots[i];
        struct error why = {0};

        slot->passes = 0;
        if (slot->state != SLOT_LIVE || slot->run.stage->volume == NULL)
            continue;
        slot->passes = 1;
        staging_select(set->staging, slot->product);
        if (!slot->run.stage->volume(&slot->run, volume, &slot->passes, &why)) {
            (void)error_context(&why, "volume %u", volume->ordinal);
            if (!drop_part(set, slot, &why, err))
                return false;
        }
        if (slot->state == SLOT_LIVE && slot->passes > *passes)
            *passes = slot->passes;
    }
    return true;
}

static bool is_in_pass(const struct stage_set *set, const struct slot *slot)
{
    return slot->state == SLOT_LIVE && slot->passes > set->pass;
}

bool stage_set_pass(struct stage_set *set, unsigned pass)
{
    set->pass = pass;
    return stage_set_is_live(set);
}

bool stage_set_is_live(const struct stage_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (is_in_pass(set, &set->slots[i]))
            return true;
    return false;
}

bool stage_set_slice(struct stage_set *set, const struct stage_slice *slice, struct error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct slot *const slot = &set->slots[i];
        struct error why = {0};

        if (!is_in_pass(set, slot) || slot->run.stage->slice == NULL)
            continue;
        staging_select(set->staging, slot->product);
        if (slot->run.stage->slice(&slot->run, slice, &why))
            continue;
        (void)error_context(&why, "volume %u, slice %u", slice->volume->ordinal, slice->slice + 1);
        if (!drop_part(set, slot, &why, err))
            return false;
    }
    return true;
}

bool stage_set_volume_end(struct stage_set *set, const struct volume *volume, struct error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct slot *const slot = &set->slots[i];
        struct error why = {0};

        if (!is_in_pass(set, slot) || slot->run.stage->volume_end == NULL)
            continue;
        staging_select(set->staging, slot->product);
        if (slot->run.stage->volume_end(&slot->run, &why))
            continue;
        (void)error_context(&why, "volume %u", volume->ordinal);
        if (!drop_part(set, slot, &why, err))
            return false;
    }
    return true;
}

bool stage_set_fail(struct stage_set *set, const struct error *why, struct error *err)
{
    for (size_t i = 0; i < set->count; i++)
        if (is_in_pass(set, &set->slots[i]) && !fail_part(set, &set->slots[i], why, err))
            return false;
    return true;
}

/* -- slides --------------------------------------------------------------------------------- */

bool stage_set_fail_slides(struct stage_set *set, const struct error *why, struct error *err)
{
    for (size_t i = 0; i < set->count; i++)
        if (has_need(&set->slots[i], NEEDS_SLIDE) && !fail_part(set, &set->slots[i], why, err))
            return false;
    return true;
}

bool stage_set_slide(struct stage_set *set, const struct stage_slide *slide, struct error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct slot *const slot = &set->slots[i];
        struct error why = {0};

        if (slot->state != SLOT_LIVE || slot->run.stage->slide == NULL)
            continue;
        staging_select(set->staging, slot->product);
        if (slot->run.stage->slide(&slot->run, slide, &why))
            continue;
        (void)error_context(&why, "pyramid %u", slide->pyramid->ordinal);
        if (!drop_part(set, slot, &why, err))
            return false;
    }
    return true;
}

/* -- the end -------------------------------------------------------------------------------- */

/* A series without one of its volumes or pyramids. */
static bool end_partly(struct stage_set *set, struct slot *slot, struct error *err)
{
    const struct product *const product = staging_product(set->staging);
    struct error why = slot->first_fault;

    if (slot->failed > 1)
        (void)error_context(&why, "%u %s failed, the first", slot->failed,
                            slot->run.stage->slide != NULL ? "pyramids" : "volumes");
    return end(set, slot, product->artefact_count > 0 ? PRODUCT_PARTIAL : PRODUCT_FAILED, why.text, err);
}

static bool finish_slot(struct stage_set *set, struct slot *slot, uint32_t *information, struct error *err)
{
    struct error why = {0};

    if (slot->state == SLOT_DEFERRED)
        return end(set, slot, PRODUCT_DEFERRED, NULL, err);
    if (slot->state != SLOT_LIVE)
        return true;
    staging_select(set->staging, slot->product);
    if (slot->run.stage->finish != NULL && !slot->run.stage->finish(&slot->run, &why))
        return drop(set, slot, &why, err);
    if (slot->run.information > *information)
        *information = slot->run.information;
    return slot->failed > 0 ? end_partly(set, slot, err) : end(set, slot, PRODUCT_DONE, NULL, err);
}

bool stage_set_finish(struct stage_set *set, uint32_t *information, struct error *err)
{
    for (size_t i = 0; i < set->count; i++)
        if (!finish_slot(set, &set->slots[i], information, err))
            return false;
    return true;
}

static bool tell_notes(const struct slot *slot, struct product *product, struct error *err)
{
    if (slot->notes.size == 0)
        return true;
    product->notes = memory_new(NOTES_MOST, err);
    if (product->notes == NULL)
        return false;
    text_clean(buffer_text(&slot->notes), slot->notes.size, true, product->notes, NOTES_MOST);
    return true;
}

bool stage_set_tell_notes(const struct stage_set *set, struct manifest *manifest, struct error *err)
{
    for (size_t i = 0; i < set->count; i++)
        if (!tell_notes(&set->slots[i], &manifest->products[set->slots[i].product], err))
            return false;
    return true;
}

void stage_set_mark_window(const struct stage_set *set, struct manifest *manifest, const struct digest *window)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->slots[i].saw_picture)
            manifest->products[set->slots[i].product].window_digest = *window;
}
