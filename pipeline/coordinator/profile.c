#include "profile.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ini.h>

#include "base/path.h"
#include "coordinator/option_table.h"

enum { PROFILE_MOST = 1 << 20 };

struct loading {
    struct settings *settings;
    struct error err;
};

static const struct cli_option *find_option(const char *name)
{
    for (const struct cli_option *option = cli_options; option->name != NULL; option++)
        if (strcmp(option->name, name) == 0 && option->kind != CLI_PROFILE && option->kind != CLI_HELP &&
            option->kind != CLI_VERSION && option->kind != CLI_STAGE_SETTING)
            return option;
    return NULL;
}

static bool set_own(struct settings *settings, const char *name, const char *value, struct error *err)
{
    const struct cli_option *const option = find_option(name);

    if (option == NULL)
        return error_set(err, ERROR_USAGE, "unknown option \"%s\"", name);
    if (option->kind == CLI_FLAG && strcmp(value, "false") == 0)
        return true;
    if (option->kind == CLI_FLAG && strcmp(value, "true") != 0)
        return error_set(err, ERROR_USAGE, "%s is true or false, not \"%s\"", name, value);
    return settings_set(settings, option, value, err);
}

static int on_line(void *client, const char *section, const char *name, const char *value)
{
    struct loading *const loading = client;
    char text[512];
    bool ok = true;

    if (section[0] == '\0' || strcmp(section, "slicepress") == 0) {
        ok = set_own(loading->settings, name, value, &loading->err);
    } else {
        (void)snprintf(text, sizeof text, "%s.%s=%s", section, name, value);
        ok = settings_add_stage_setting(loading->settings, text, &loading->err);
    }
    return ok ? 1 : 0;
}

static bool find_file(const char *name, char path[PATH_SIZE], struct error *err)
{
    char own[PATH_SIZE];

    if (strpbrk(name, "/.") != NULL)
        return path_format(path, err, "%s", name);
    const ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length <= 0)
        return error_set(err, ERROR_IO, "cannot tell where this program is");
    own[length] = '\0';
    *strrchr(own, '/') = '\0';
    return path_format(path, err, "%s/../share/slicepress/profiles/%s.ini", own, name);
}

bool profile_load(struct settings *settings, const char *name, struct error *err)
{
    struct loading loading = {.settings = settings};
    struct buffer text = {0};
    char path[PATH_SIZE];
    bool ok = find_file(name, path, err) && path_read_file(path, PROFILE_MOST, &text, err);

    if (!ok) {
        buffer_release(&text);
        (void)error_context(err, "profile \"%s\"", name);
        err->kind = ERROR_USAGE;
        return false;
    }
    const int line = ini_parse_string(buffer_text(&text), on_line, &loading);
    buffer_release(&text);
    if (line == 0)
        return true;
    *err = loading.err.kind != ERROR_NONE ? loading.err : (struct error){ERROR_USAGE, "no section, name or value"};
    return error_context(err, "profile \"%s\", line %d", path, line);
}
