#include "option_table.h"

#define FIELD(name) offsetof(struct settings, name)

const struct cli_option cli_options[] = {
    {"profile", CLI_PROFILE, 0, "NAME|FILE", 0, 0, NULL, "options from an ini file (NAME: below share/slicepress/profiles)"},
    {"set", CLI_STAGE_SETTING, 0, "STAGE.OPTION=VALUE", 0, 0, NULL, "an option of a stage (see slicepress stages)"},
    {"stages", CLI_TEXT, FIELD(stages), "A,B,C", 0, 0, NULL, "only these stages"},
    {"jobs", CLI_NUMBER, FIELD(jobs), "N", 1, 256, NULL, "workers (default: processors)"},
    {"memory-mib", CLI_NUMBER, FIELD(memory_mib), "N", 320, 1 << 20, NULL,
     "address space of all processes together; fewer workers if it is scarce"},
    {"spool-mib", CLI_NUMBER, FIELD(spool_mib), "N", 0, 1 << 24, NULL, "decoded frames waiting on disk for a series' window"},
    {"on-conflict", CLI_CONFLICT, FIELD(keep_first), "RULE", 0, 0, "keep-last keep-first",
     "which of several objects with the same UIDs is current, in order of path"},
    {"rehash", CLI_FLAG, FIELD(rehash), NULL, 0, 0, NULL, "read files again that look unchanged"},
    {"dry-run", CLI_FLAG, FIELD(dry_run), NULL, 0, 0, NULL, "say what would be done, do nothing"},
    {"study", CLI_TEXT, FIELD(study), "UID", 0, 0, NULL, "reprocess, remove: this study"},
    {"series", CLI_TEXT, FIELD(series), "UID", 0, 0, NULL, "reprocess: this series"},
    {"stage", CLI_TEXT, FIELD(stage), "NAME", 0, 0, NULL, "reprocess: this stage"},
    {"failed", CLI_FLAG, FIELD(failed), NULL, 0, 0, NULL, "reprocess: what failed"},
    {"deep", CLI_FLAG, FIELD(deep), NULL, 0, 0, NULL, "verify: decode lossless frames, compare with the source"},
    {"grace", CLI_NUMBER, FIELD(grace_hours), "HOURS", 0, 1 << 20, NULL, "gc: keep replaced files so long (default 24)"},
    {"listen", CLI_TEXT, FIELD(listen), "HOST:PORT", 0, 0, NULL, "server-config: where to listen (default 127.0.0.1:8080)"},
    {"progress", CLI_PROGRESS, FIELD(progress), "WHEN", 0, 0, "auto always never", "auto: on a terminal"},
    {"log-json", CLI_TEXT, FIELD(log_json), "FILE", 0, 0, NULL, "append events to FILE, a JSON object a line"},
    {"json", CLI_FLAG, FIELD(json), NULL, 0, 0, NULL, "results as JSON"},
    {"quiet", CLI_FLAG, FIELD(quiet), NULL, 0, 0, NULL, "say nothing unless something is wrong"},
    {"verbose", CLI_FLAG, FIELD(verbose), NULL, 0, 0, NULL, "say more"},
    {"help", CLI_HELP, 0, NULL, 0, 0, NULL, "this text"},
    {"version", CLI_VERSION, 0, NULL, 0, 0, NULL, "versions of the program and its libraries"},
    {NULL, CLI_FLAG, 0, NULL, 0, 0, NULL, NULL},
};
