#include "session.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* To look at a site on a read-only medium: nobody runs there, so no lock; what is written goes to a copy. */
static bool open_copy(const char *root, struct session *session, struct error *err)
{
    return recover_make_copy(root, session->copy, err) && recover_make_folders(session->copy, err) &&
           catalogue_open(session->copy, CATALOGUE_WRITE, &session->catalogue, err) &&
           site_context_new(session->catalogue, root, SITE_COMPARE, &session->site, err) &&
           site_context_put_temporaries(session->site, session->copy, err);
}

bool session_open(const char *root, struct session_wishes wishes, struct session *session, struct error *err)
{
    *session = (struct session){.lock = -1};
    if (wishes.as_it_is && access(root, R_OK) == 0 && access(root, W_OK) != 0 && check_site(root, err)) {
        if (open_copy(root, session, err))
            return true;
        session_close(session);
        return false;
    }
    if ((wishes.make || check_site(root, err)) && recover_make_folders(root, err) &&
        lock_take(root, &session->lock, err) &&
        catalogue_open(root, CATALOGUE_WRITE, &session->catalogue, err) &&
        (wishes.as_it_is || recover_site(session->catalogue, root, &session->repaired, err)) &&
        site_context_new(session->catalogue, root, wishes.as_it_is ? SITE_COMPARE : SITE_WRITE, &session->site, err))
        return true;
    session_close(session);
    return false;
}

void session_close(struct session *session)
{
    struct error ignored;

    site_context_free(session->site);
    catalogue_close(session->catalogue);
    lock_release(session->lock);
    if (session->copy[0] != '\0')
        (void)path_remove_tree(session->copy, &ignored);
    *session = (struct session){.lock = -1};
}
