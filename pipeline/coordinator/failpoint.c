#include "failpoint.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool failpoint_armed;

static char wanted[64];
static long countdown = 1;

void failpoint_open(void)
{
    const char *const text = getenv("SLICEPRESS_FAILPOINT");

    if (text == NULL || text[0] == '\0' || strlen(text) >= sizeof wanted)
        return;
    memcpy(wanted, text, strlen(text) + 1);
    char *const last = strrchr(wanted, ':');
    char *end = NULL;
    const long number = last != NULL ? strtol(last + 1, &end, 10) : 0;
    if (last != NULL && end != last + 1 && *end == '\0' && number > 0) {
        countdown = number;
        *last = '\0';
    }
    failpoint_armed = true;
}

void failpoint_reach(const char *name)
{
    if (strcmp(name, wanted) == 0 && --countdown == 0)
        (void)kill(getpid(), SIGKILL);
}
