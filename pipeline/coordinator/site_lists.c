#include "coordinator/site_lists.h"

#include <string.h>

#include "coordinator/public_catalogue.h"
#include "coordinator/site_json.h"
#include "coordinator/site_text.h"

enum { LISTED_MOST = 1000 }; /* in studies.json and on index.html */

bool site_put_assets(struct site_context *context, struct page_assets *assets, struct error *err)
{
    return site_put_named(context, "app", "style", "css", page_style.data, page_style.size, assets->style, err) &&
           site_put_named(context, "app", "no-image", "svg", page_placeholder.data, page_placeholder.size,
                          assets->placeholder, err);
}

struct lists {
    struct page_assets assets;
    struct buffer page, listing;
    struct html html;
    struct json json;
    struct site_text dicomweb;
    int64_t count; /* of studies so far */
    bool any;      /* in dicomweb */
};

static bool add_study(struct lists *lists, const struct cursor *row, struct error *err)
{
    if (lists->count++ < LISTED_MOST) {
        page_of_site_entry(&lists->html, &lists->assets, cursor_text(row, 0), cursor_text(row, 1), cursor_text(row, 2),
                           cursor_text(row, 3));
        json_put_raw(&lists->json, cursor_text(row, 4), strlen(cursor_text(row, 4)));
    }
    if (!lists->html.ok || cursor_is_null(row, 5))
        return lists->html.ok;
    const bool first = !lists->any;
    lists->any = true;
    return buffer_puts(&lists->dicomweb.buffer, first ? "[" : ",\n", err) &&
           buffer_puts(&lists->dicomweb.buffer, cursor_text(row, 5), err);
}

/* The index study_newest has this order. */
static bool add_studies(struct lists *lists, struct catalogue *catalogue, struct error *err)
{
    struct cursor *row = NULL;
    struct error ignored;

    if (!catalogue_select(catalogue,
                          "SELECT s.study_instance_uid, m.picture, m.picture_sha256, m.card, m.listing, m.dicomweb"
                          " FROM study s CROSS JOIN study_summary m USING (study_instance_uid)"
                          " WHERE s.published_digest IS NOT NULL"
                          " ORDER BY s.study_date DESC, s.study_time DESC, s.study_instance_uid LIMIT 10000",
                          NO_VALUES, &row, err))
        return false;
    bool ok = true;
    while (ok && cursor_next(row))
        ok = add_study(lists, row, err);
    return cursor_end(row, ok ? err : &ignored) && ok;
}

static bool make_lists(struct lists *lists, struct site_context *context, const char *catalogue_file,
                       struct error *err)
{
    struct catalogue *const catalogue = site_catalogue(context);
    int64_t total = 0;

    if (!catalogue_number(catalogue, "SELECT count(*) FROM study WHERE published_digest IS NOT NULL", NO_VALUES, 0,
                          &total, err))
        return false;
    lists->html = html_into(&lists->page, err);
    page_of_site_begin(&lists->html, &lists->assets, total, total <= LISTED_MOST);
    site_studies_json_begin(&lists->json, &lists->listing, catalogue_file, total);
    if (!add_studies(lists, catalogue, err))
        return false;
    page_of_site_end(&lists->html);
    return lists->html.ok && site_studies_json_end(&lists->json, err) &&
           buffer_puts(&lists->dicomweb.buffer, lists->any ? "]\n" : "[]\n", err);
}

bool site_finish_run(struct site_context *context, struct error *err)
{
    struct lists lists = {.dicomweb = {.context = context}};
    char name[PATH_SIZE];
    const bool ok = site_put_assets(context, &lists.assets, err) && public_catalogue_put(context, name, err) &&
                    make_lists(&lists, context, name, err) &&
                    site_text_put(&lists.dicomweb, "dicomweb/studies/index.json", err) &&
                    site_put(context, "index.html", lists.page.data, lists.page.size, err) &&
                    site_put(context, "studies.json", lists.listing.data, lists.listing.size, err);

    site_text_release(&lists.dicomweb);
    buffer_release(&lists.page);
    buffer_release(&lists.listing);
    return ok;
}
