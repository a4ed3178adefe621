/* slicepress - the command line: a table of commands, dispatch, exit status */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "coordinator/catalogue.h"
#include "coordinator/command.h"
#include "coordinator/failpoint.h"
#include "coordinator/option_table.h"

enum { MMAP_FROM = 128 << 10 };

struct command {
    const char *name, *arguments, *summary;
    command_function *run;
    size_t least_inputs, most_inputs;
};

static const struct command commands[] = {
    {"run", "SITE INPUT...", "make or update a site from files, folders, archives or stdin (-)", command_run, 1, SIZE_MAX},
    {"list", "SITE [WHAT]", "studies, series, instances, artefacts, volumes, slides or rejected", command_list, 0, 1},
    {"status", "SITE", "what is done, pending, failed, and why", command_status, 0, 0},
    {"verify", "SITE", "files against rows both ways, sizes, digests", command_verify, 0, 0},
    {"reprocess", "SITE", "make products again", command_reprocess, 0, 0},
    {"remove", "SITE --study UID", "take a study out of the site", command_remove, 0, 0},
    {"gc", "SITE", "remove replaced files and what nothing refers to", command_gc, 0, 0},
    {"server-config", "SERVER SITE",
     "what serves the site: nginx, apache, caddy, lighttpd, lighttpd-lua, s3 (manifest), s3-upload",
     command_server_config, 0, 0},
    {"stages", "", "the stage table with options and defaults", command_stages, 0, 0},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* -- help and version -------------------------------------------------------------------- */

static bool put_help(struct buffer *text, struct error *err)
{
    bool ok = buffer_puts(text, "slicepress - from DICOM studies to a static site\n\nusage:\n", err);
    char words[64];

    for (size_t i = 0; ok && i < COMMAND_COUNT; i++) {
        (void)snprintf(words, sizeof words, "%s %s", commands[i].name, commands[i].arguments);
        ok = buffer_printf(text, err, "  slicepress %-24s %s\n", words, commands[i].summary);
    }
    ok = ok && buffer_puts(text, "\noptions:\n", err);
    for (const struct cli_option *option = cli_options; ok && option->name != NULL; option++) {
        (void)snprintf(words, sizeof words, "--%s %s", option->name,
                       option->choices != NULL ? option->choices : option->argument != NULL ? option->argument : "");
        for (char *c = words + strlen(option->name) + 3; option->choices != NULL && *c != '\0'; c++)
            if (*c == ' ')
                *c = '|';
        ok = buffer_printf(text, err, "  %-34s %s\n", words, option->help);
    }
    return ok && buffer_puts(text,
                             "\nexit status: 0 all done; 1 some objects failed, the rest is published; 2 usage;\n"
                             "3 input or site unusable; 4 interrupted, run again to go on; 75 another run holds the site\n",
                             err);
}

static bool put_version(const struct settings *settings, struct buffer *text, struct error *err)
{
    struct worker_hello hello = {0};
    struct error why = {0};
    bool ok = buffer_printf(text, err, "slicepress %s\n%s, libuv %s\n", SLICEPRESS_VERSION, catalogue_library_version(),
                            command_uv_version());

    if (ok && command_stage_table(settings, &hello, &why))
        ok = buffer_printf(text, err, "worker: %s\n", hello.libraries);
    else if (ok)
        ok = buffer_printf(text, err, "worker: %s\n", why.text);
    worker_hello_release(&hello);
    return ok;
}

static bool print_about(const struct settings *settings, bool version, struct error *err)
{
    struct buffer text = {0};
    const bool ok = (version ? put_version(settings, &text, err) : put_help(&text, err)) && command_print(&text, err);

    buffer_release(&text);
    return ok;
}

bool command_print(const struct buffer *text, struct error *err)
{
    for (size_t done = 0; done < text->size;) {
        const ssize_t size = write(STDOUT_FILENO, text->data + done, text->size - done);

        if (size < 0)
            return error_set(err, ERROR_IO, "cannot write to stdout");
        done += (size_t)size;
    }
    return true;
}

/* -- dispatch ---------------------------------------------------------------------------- */

static enum exit_status status_of(const struct error *err)
{
    switch (err->kind) {
    case ERROR_USAGE: return EXIT_USAGE;
    case ERROR_BUSY: return EXIT_BUSY;
    case ERROR_INTERRUPTED: return EXIT_INTERRUPTED;
    default: return EXIT_UNUSABLE;
    }
}

static bool check_words(const struct settings *settings, const struct command **command, struct error *err)
{
    if (settings->command == NULL)
        return error_set(err, ERROR_USAGE, "a command is wanted: see slicepress --help");
    *command = find_command(settings->command);
    if (*command == NULL)
        return error_set(err, ERROR_USAGE, "there is no command \"%s\": see slicepress --help", settings->command);
    if ((*command)->arguments[0] != '\0' && settings->site == NULL)
        return error_set(err, ERROR_USAGE, "usage: slicepress %s %s", (*command)->name, (*command)->arguments);
    if (settings->input_count < (*command)->least_inputs || settings->input_count > (*command)->most_inputs ||
        ((*command)->arguments[0] == '\0' && settings->site != NULL))
        return error_set(err, ERROR_USAGE, "usage: slicepress %s %s", (*command)->name, (*command)->arguments);
    return true;
}

static bool execute(struct settings *settings, int count, char **words, enum exit_status *status, struct error *err)
{
    const struct command *command = NULL;
    bool help = false, version = false;

    if (!settings_parse(settings, count, words, &help, &version, err))
        return false;
    if (help || version)
        return print_about(settings, version, err);
    return check_words(settings, &command, err) &&
           log_open(settings->quiet, settings->verbose, settings->log_json, err) &&
           command->run(settings, status, err);
}

/* Tasks follow one another more than they run side by side: one arena, so that what one gives back serves the next; and
 * what is large goes back to the system. */
static void tune_heap(void)
{
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_FROM);
}

int main(int count, char **words)
{
    struct settings settings = {0};
    struct error err = {0}, ignored;
    enum exit_status status = EXIT_ALL_DONE;

    tune_heap();
    failpoint_open();
    if (!execute(&settings, count, words, &status, &err)) {
        status = status_of(&err);
        log_event(LOG_ERROR, "stopped", err.text, "kind", error_kind_word(err.kind), NULL);
    }
    if (!log_close(&err) && status == EXIT_ALL_DONE) {
        status = EXIT_UNUSABLE;
        (void)log_open(false, false, NULL, &ignored);
        log_event(LOG_ERROR, "log", err.text, NULL);
    }
    settings_release(&settings);
    return (int)status;
}
