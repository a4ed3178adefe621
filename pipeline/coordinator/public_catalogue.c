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
