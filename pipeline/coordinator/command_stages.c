#include "base/json.h"
#include "base/limits.h"
#include "coordinator/command.h"

static bool text_option(struct buffer *out, const struct stage_row *stage, const struct option *option,
                        struct error *err)
{
    if (!buffer_printf(out, err, "    --set %s.%s=%s  (%s", stage->name, option->name, option->default_value,
                       option->type == OPTION_CHOICE ? option->choices : option_type_word(option->type)))
        return false;
    const bool ranged = option->type == OPTION_INT || option->type == OPTION_REAL || option->type == OPTION_INT_LIST;
    if (ranged && !buffer_printf(out, err, " %g to %g", option->least, option->most)) return false;
    return buffer_printf(out, err, ")\n        %s\n", option->help);
}

static bool text_stage(struct buffer *out, const struct stage_row *stage, struct error *err)
{
    if (!buffer_printf(out, err, "%s  version %u%s\n    %s\n", stage->name, stage->version,
                       stage->on_by_default ? "" : ", off by default", stage->summary))
        return false;
    for (size_t i = 0; i < stage->option_count; i++)
        if (!text_option(out, stage, &stage->options[i], err)) return false;
    return true;
}

static bool text_limits(struct buffer *out, struct error *err)
{
    if (!buffer_puts(out, "limits\n", err)) return false;
    for (size_t i = 0; i < LIMIT_COUNT; i++)
        if (!buffer_printf(out, err, "    %-20s %15llu  %s\n", limits[i].name,
                           (unsigned long long)limits[i].value, limits[i].why))
            return false;
    return true;
}

static void json_stage(struct json *j, const struct stage_row *stage)
{
    json_open_object(j);
    json_member_text(j, "name", stage->name);
    json_member_text(j, "summary", stage->summary);
    json_member_int(j, "version", stage->version);
    json_member_bool(j, "on_by_default", stage->on_by_default);
    json_key(j, "options");
    json_open_array(j);
    for (size_t i = 0; i < stage->option_count; i++) {
        const struct option *option = &stage->options[i];
        json_open_object(j);
        json_member_text(j, "name", option->name);
        json_member_text(j, "type", option_type_word(option->type));
        json_member_text(j, "default", option->default_value);
        json_member_text(j, "choices", option->choices);
        json_member_text(j, "help", option->help);
        json_close(j);
    }
    json_close(j);
    json_close(j);
}

static bool stages_json(struct buffer *out, const struct worker_hello *hello, struct error *err)
{
    struct json j;
    json_begin(&j, out);
    json_open_array(&j);
    for (size_t i = 0; i < hello->stage_count; i++) json_stage(&j, &hello->stages[i]);
    json_close(&j);
    return json_finish(&j, err) && buffer_puts(out, "\n", err);
}

static bool stages_text(struct buffer *out, const struct worker_hello *hello, bool verbose, struct error *err)
{
    for (size_t i = 0; i < hello->stage_count; i++)
        if (!text_stage(out, &hello->stages[i], err)) return false;
    return !verbose || text_limits(out, err);
}

bool command_stages(struct settings *settings, enum exit_status *status, struct error *err)
{
    struct worker_hello hello = {0};
    struct buffer out = {0};
    bool ok = command_stage_table(settings, &hello, err) &&
              (settings->json ? stages_json(&out, &hello, err) : stages_text(&out, &hello, settings->verbose, err)) &&
              command_print(&out, err);
    buffer_release(&out);
    worker_hello_release(&hello);
    if (ok) *status = EXIT_ALL_DONE;
    return ok;
}
