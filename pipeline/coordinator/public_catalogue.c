#include "coordinator/public_catalogue.h"

static const char script[] = {
#include "generated/public_catalogue.sql.inc"
};

bool public_catalogue_put(struct site_context *context, char name[PATH_SIZE], struct error *err)
{
    char made[PATH_SIZE];
    return site_temporary(context, made, err) &&
           catalogue_make_database(site_catalogue(context), made, script, err) &&
           site_put_named_file(context, "", "catalogue", "sqlite", made, name, err) &&
           site_link(context, "catalogue.sqlite", name, err);
}

bool public_catalogue_remove_former(struct catalogue *catalogue, const char *root, struct error *err)
{
    struct cursor *cursor = NULL;
    struct error ignored;
    char path[PATH_SIZE];
    bool ok = catalogue_select(catalogue, "SELECT path FROM garbage WHERE path LIKE 'public/catalogue.%.sqlite'",
                               NO_VALUES, &cursor, err);

    while (ok && cursor_next(cursor))
        ok = path_join(path, root, cursor_text(cursor, 0), err) && path_remove_tree(path, err);
    return cursor_end(cursor, ok ? err : &ignored) && ok &&
           catalogue_execute(catalogue, "DELETE FROM garbage WHERE path LIKE 'public/catalogue.%.sqlite'", NO_VALUES,
                             err);
}
