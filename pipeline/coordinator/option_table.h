/* option_table.h - the options of the command line: one table for parsing, profiles and --help */
#ifndef SLICEPRESS_COORDINATOR_OPTION_TABLE_H
#define SLICEPRESS_COORDINATOR_OPTION_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "coordinator/settings.h"

enum cli_kind {
    CLI_FLAG, CLI_NUMBER, CLI_TEXT, CLI_STAGE_SETTING, CLI_PROFILE, CLI_PROGRESS, CLI_CONFLICT, CLI_HELP, CLI_VERSION
};

struct cli_option {
    const char *name;     /* without the dashes; NULL ends the table */
    enum cli_kind kind;
    size_t offset;        /* of the field in struct settings */
    const char *argument; /* "N"; NULL: a flag */
    int64_t least, most;
    const char *choices;
    const char *help;
};

extern const struct cli_option cli_options[];

bool settings_set(struct settings *settings, const struct cli_option *option, const char *text, struct error *err);
bool settings_add_stage_setting(struct settings *settings, const char *text, struct error *err);

#endif
