#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "coordinator/option_table.h"
#include "coordinator/profile.h"

/* -- values ------------------------------------------------------------------------------ */

static bool parse_number(const struct cli_option *option, const char *text, int64_t *number, struct error *err)
{
    char *end = NULL;

    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < option->least || value > option->most)
        return error_set(err, ERROR_USAGE, "--%s wants a number from %lld to %lld, not \"%s\"", option->name,
                         (long long)option->least, (long long)option->most, text);
    *number = value;
    return true;
}

static bool parse_choice(const struct cli_option *option, const char *text, int64_t *number, struct error *err)
{
    const size_t length = strlen(text);
    int64_t at = 0;

    for (const char *word = option->choices; *word != '\0'; at++) {
        const size_t size = strcspn(word, " ");

        if (size == length && memcmp(word, text, size) == 0) {
            *number = at;
            return true;
        }
        word += size + (word[size] == ' ');
    }
    return error_set(err, ERROR_USAGE, "--%s wants one of %s, not \"%s\"", option->name, option->choices, text);
}

bool settings_add_stage_setting(struct settings *settings, const char *text, struct error *err)
{
    const char *const dot = strchr(text, '.'), *const equals = strchr(text, '=');
    struct stage_setting *const grown =
        memory_resize(settings->stage_settings, (settings->setting_count + 1) * sizeof *grown, err);

    if (grown == NULL)
        return false;
    settings->stage_settings = grown;
    if (dot == NULL || equals == NULL || dot > equals || dot == text || equals == dot + 1)
        return error_set(err, ERROR_USAGE, "--set wants STAGE.OPTION=VALUE, not \"%s\"", text);
    struct stage_setting setting = {.stage = memory_string(text, err), .option = memory_string(dot + 1, err),
                                    .value = memory_string(equals + 1, err)};
    if (setting.stage == NULL || setting.option == NULL || setting.value == NULL) {
        memory_free(setting.stage);
        memory_free(setting.option);
        memory_free(setting.value);
        return false;
    }
    setting.stage[dot - text] = '\0';
    setting.option[equals - dot - 1] = '\0';
    settings->stage_settings[settings->setting_count++] = setting;
    return true;
}

/* Texts from a profile or from argv: copied, owned. */
static bool keep_text(struct settings *settings, const char *text, const char **kept, struct error *err)
{
    char **const grown = memory_resize(settings->texts, (settings->text_count + 1) * sizeof *grown, err);

    if (grown == NULL)
        return false;
    settings->texts = grown;
    char *const copy = memory_string(text, err);
    if (copy == NULL)
        return false;
    settings->texts[settings->text_count++] = copy;
    *kept = copy;
    return true;
}

bool settings_set(struct settings *settings, const struct cli_option *option, const char *text, struct error *err)
{
    char *const field = (char *)settings + option->offset;
    int64_t number = 0;

    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)field = true;
        return true;
    case CLI_NUMBER: return parse_number(option, text, (int64_t *)field, err);
    case CLI_TEXT: return keep_text(settings, text, (const char **)field, err);
    case CLI_STAGE_SETTING: return settings_add_stage_setting(settings, text, err);
    case CLI_PROFILE: return profile_load(settings, text, err);
    case CLI_PROGRESS:
        if (!parse_choice(option, text, &number, err))
            return false;
        settings->progress = (enum progress_mode)number;
        return true;
    case CLI_CONFLICT:
        if (!parse_choice(option, text, &number, err))
            return false;
        settings->keep_first = number == 1;
        return true;
    case CLI_HELP:
    case CLI_VERSION: break;
    }
    return true;
}

/* -- words ------------------------------------------------------------------------------- */

/* Absolute, "//" and "/./" taken out; links and ".." are left to the system. */
static char *absolute_path(const char *text, struct error *err)
{
    char here[PATH_MAX] = "";
    struct buffer path = {0};
    char *copy = NULL;

    if (text[0] != '/' && getcwd(here, sizeof here) == NULL) {
        (void)error_errno(err, errno, "cannot tell the current folder");
        return NULL;
    }
    bool ok = text[0] == '/' || buffer_puts(&path, here, err);
    for (const char *part = text; ok && *part != '\0';) {
        const size_t length = strcspn(part, "/");

        if (length > 0 && !(length == 1 && part[0] == '.'))
            ok = buffer_puts(&path, "/", err) && buffer_append(&path, part, length, err);
        part += length + (part[length] == '/');
    }
    if (ok)
        copy = memory_string(path.size > 0 ? buffer_text(&path) : "/", err);
    buffer_release(&path);
    return copy;
}

static bool add_word(struct settings *settings, const char *word, struct error *err)
{
    if (word[0] == '\0')
        return error_set(err, ERROR_USAGE, "an argument is empty: is a variable not set?");
    if (settings->command == NULL) {
        settings->command = word;
        return true;
    }
    if (settings->server == NULL && strcmp(settings->command, "server-config") == 0) {
        settings->server = word;
        return true;
    }
    if (settings->site == NULL)
        return (settings->site = absolute_path(word, err)) != NULL;
    char **const grown = memory_resize(settings->inputs, (settings->input_count + 1) * sizeof *grown, err);
    if (grown == NULL)
        return false;
    settings->inputs = grown;
    const bool is_path = strcmp(settings->command, "run") == 0 && strcmp(word, "-") != 0;
    char *const copy = is_path ? absolute_path(word, err) : memory_string(word, err);
    if (copy == NULL)
        return false;
    settings->inputs[settings->input_count++] = copy;
    return true;
}

static bool join_arguments(struct settings *settings, int count, char **words, struct error *err)
{
    struct buffer text = {0};
    bool ok = true;

    for (int i = 1; ok && i < count; i++)
        ok = buffer_printf(&text, err, "%s%s", i > 1 ? " " : "", words[i]);
    ok = ok && (settings->arguments = memory_string(buffer_text(&text), err)) != NULL;
    buffer_release(&text);
    return ok;
}

static const struct cli_option *find_option(const char *name, size_t length)
{
    for (const struct cli_option *option = cli_options; option->name != NULL; option++)
        if (strlen(option->name) == length && memcmp(option->name, name, length) == 0)
            return option;
    return NULL;
}

static bool parse_option(struct settings *settings, int count, char **words, int *at, bool *help, bool *version,
                         struct error *err)
{
    const char *const name = words[*at] + 2, *const equals = strchr(name, '=');
    const size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct cli_option *const option = find_option(name, length);

    if (option == NULL)
        return error_set(err, ERROR_USAGE, "unknown option \"--%.*s\"", (int)length, name);
    *help = *help || option->kind == CLI_HELP;
    *version = *version || option->kind == CLI_VERSION;
    if (option->argument == NULL) {
        if (equals != NULL)
            return error_set(err, ERROR_USAGE, "--%s takes no value", option->name);
        return settings_set(settings, option, "", err);
    }
    if (equals == NULL && *at + 1 >= count)
        return error_set(err, ERROR_USAGE, "--%s wants a value: %s", option->name, option->argument);
    return settings_set(settings, option, equals != NULL ? equals + 1 : words[++*at], err);
}

static void set_defaults(struct settings *settings)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);

    *settings = (struct settings){.jobs = processors > 0 ? processors : 1, .spool_mib = 1024, .grace_hours = 24,
                                  .progress = PROGRESS_AUTO};
}

bool settings_parse(struct settings *settings, int count, char **words, bool *help, bool *version,
                    struct error *err)
{
    bool only_words = false, ok = true;

    set_defaults(settings);
    ok = join_arguments(settings, count, words, err);
    for (int i = 1; ok && i < count; i++) {
        if (!only_words && strcmp(words[i], "--") == 0)
            only_words = true;
        else if (!only_words && strcmp(words[i], "-h") == 0)
            *help = true;
        else if (!only_words && strncmp(words[i], "--", 2) == 0)
            ok = parse_option(settings, count, words, &i, help, version, err);
        else if (!only_words && words[i][0] == '-' && words[i][1] != '\0')
            ok = error_set(err, ERROR_USAGE, "unknown option \"%s\"", words[i]);
        else
            ok = add_word(settings, words[i], err);
    }
    if (settings->memory_mib == 0)
        settings->memory_mib = settings->jobs * SETTINGS_WORKER_MIB + SETTINGS_OWN_MIB;
    return ok;
}

void settings_release(struct settings *settings)
{
    for (size_t i = 0; i < settings->setting_count; i++) {
        memory_free(settings->stage_settings[i].stage);
        memory_free(settings->stage_settings[i].option);
        memory_free(settings->stage_settings[i].value);
    }
    for (size_t i = 0; i < settings->input_count; i++)
        memory_free(settings->inputs[i]);
    for (size_t i = 0; i < settings->text_count; i++)
        memory_free(settings->texts[i]);
    memory_free(settings->stage_settings);
    memory_free(settings->inputs);
    memory_free(settings->texts);
    memory_free(settings->site);
    memory_free(settings->arguments);
    *settings = (struct settings){0};
}
