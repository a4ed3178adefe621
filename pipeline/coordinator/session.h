/* session.h - a site in our hands: locked, its catalogue open, repaired if its last run was killed */
#ifndef SLICEPRESS_COORDINATOR_SESSION_H
#define SLICEPRESS_COORDINATOR_SESSION_H

#include <stdbool.h>

#include "base/error.h"
#include "base/path.h"
#include "coordinator/catalogue.h"
#include "coordinator/site.h"

struct session {
    int lock;
    struct catalogue *catalogue;
    struct site_context *site;
    bool repaired; /* the last run was killed */
    char copy[PATH_SIZE]; /* folder with a copy of the catalogue, when the site cannot be written; else "" */
};

struct session_wishes {
    bool make;     /* the site may be new */
    bool as_it_is; /* no repair; the site context only compares */
};

bool session_open(const char *root, struct session_wishes wishes, struct session *session, struct error *err);
void session_close(struct session *session); /* any state */

#endif
