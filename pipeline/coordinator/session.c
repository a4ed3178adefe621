#include "session.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/path.h"
#include "coordinator/lock.h"
#include "coordinator/recover.h"

static bool check_site(const char *root, struct error *err)
{
    char path[PATH_SIZE];
    struct stat status;

    if (!path_join(path, root, "catalogue.sqlite", err))
        return false;
    return stat(path, &status) == 0 || error_errno(err, errno, "\"%s\" is no site: cannot open \"%s\"", root, path);
}

bool session_open(const char *root, struct session_wishes wishes, struct session *session, struct error *err)
{
    *session = (struct session){.lock = -1};
    if ((wishes.make || check_site(root, err)) && recover_make_folders(root, err) &&
        lock_take(root, &session->lock, err) &&
        catalogue_open(root, CATALOGUE_WRITE, &session->catalogue, err) &&
        (wishes.as_it_is || recover_site(session->catalogue, root, err)) &&
        site_context_new(session->catalogue, root, wishes.as_it_is ? SITE_COMPARE : SITE_WRITE, &session->site, err))
        return true;
    session_close(session);
    return false;
}

void session_close(struct session *session)
{
    site_context_free(session->site);
    catalogue_close(session->catalogue);
    lock_release(session->lock);
    *session = (struct session){.lock = -1};
}
