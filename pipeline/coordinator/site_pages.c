#include "coordinator/site_pages.h"

#include <stdio.h>
#include <string.h>

#include "job/layout.h"

enum { SLICES_OPEN = 60 };

static const char style_text[] = {
#include "generated/style.css.inc"
};
static const char placeholder_text[] = {
#include "generated/no-image.svg.inc"
};
const struct page_text page_style = {style_text, sizeof style_text - 1};
const struct page_text page_placeholder = {placeholder_text, sizeof placeholder_text - 1};

/* -- pieces -------------------------------------------------------------------------------- */

/* `up` leads from the page to public/: "" or "../../". */
static void page_begin(struct html *h, const struct page_assets *assets, const char *up)
{
    html_raw(h, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                "<meta name=\"robots\" content=\"noindex\">\n<link rel=\"stylesheet\" href=\"");
    html_reference(h, up);
    html_raw(h, "app/");
    html_reference(h, assets->style);
    html_raw(h, "\">\n<link rel=\"icon\" href=\"data:,\">\n<title>");
}

static void page_end(struct html *h)
{
    html_raw(h, "<footer>Published by slicepress. Pictures are windowed previews; the lossless frames are under"
                " <code>dicomweb/</code>. Not for diagnosis.</footer>\n</body>\n</html>\n");
}

/* An <img>, or the placeholder where path is "". */
static void picture(struct html *h, const struct page_assets *assets, const char *up, const char *path,
                    const char *sha256, const char *alt)
{
    html_raw(h, "<img loading=\"lazy\" decoding=\"async\" alt=\"");
    html_text(h, alt);
    html_raw(h, "\" src=\"");
    html_reference(h, up);
    if (path[0] == '\0') {
        html_raw(h, "app/");
        html_reference(h, assets->placeholder);
    } else {
        html_reference(h, path);
        /* a mutable address with the digest of its bytes: a browser's cache never shows an old picture */
        if (strncmp(path, "dicomweb/", 9) == 0 && strlen(sha256) >= 16) {
            char query[32];
            snprintf(query, sizeof query, "?d=%.16s", sha256);
            html_raw(h, query);
        }
    }
    html_raw(h, "\">");
}

/* The picture in its frame, which leads to the full one (or to itself) where there is one; on a study's page. */
static void framed_picture(struct html *h, const struct page_assets *assets, const char *class_name,
                           const char *path, const char *sha256, const char *full, const char *alt)
{
    const char *target = full[0] != '\0' ? full : path;
    const bool leads = target[0] != '\0';
    html_raw(h, leads ? "<a class=\"" : "<div class=\"");
    html_raw(h, class_name);
    if (leads) {
        html_raw(h, "\" href=\"../../");
        html_reference(h, target);
    }
    html_raw(h, "\">");
    picture(h, assets, "../../", path, sha256, alt);
    html_raw(h, leads ? "</a>" : "</div>");
}

static void chip(struct html *h, const char *class_name, const char *text)
{
    if (text[0] == '\0') return;
    html_raw(h, class_name[0] != '\0' ? "<li class=\"" : "<li>");
    if (class_name[0] != '\0') {
        html_raw(h, class_name);
        html_raw(h, "\">");
    }
    html_text(h, text);
    html_raw(h, "</li>");
}

static void counted(struct html *h, int64_t number, const char *one, const char *many)
{
    html_number(h, number);
    html_raw(h, " ");
    html_raw(h, number == 1 ? one : many);
}

static void fact(struct html *h, const char *name, const char *value, void (*show)(struct html *, const char *))
{
    if (value[0] == '\0') return;
    html_raw(h, "<div><dt>");
    html_raw(h, name);
    html_raw(h, "</dt><dd>");
    show(h, value);
    html_raw(h, "</dd></div>\n");
}

/* -- slices of a series --------------------------------------------------------------------- */

/* Columns: sop, number, state, reason, frames, thumbnail path, thumbnail sha256, full picture path. */
#define SLICE_SQL(condition) \
    "SELECT i.sop_instance_uid, i.instance_number, i.state, i.reason, i.frames," \
    " (SELECT path FROM artefact a WHERE a.instance_id = i.instance_id AND stage = 'thumbnail'" \
    "  ORDER BY place = 2 DESC, place = 6, columns DESC, path LIMIT 1)," \
    " (SELECT sha256 FROM artefact a WHERE a.instance_id = i.instance_id AND stage = 'thumbnail'" \
    "  ORDER BY place = 2 DESC, place = 6, columns DESC, path LIMIT 1)," \
    " (SELECT path FROM artefact a WHERE a.instance_id = i.instance_id AND stage = 'webp'" \
    "  ORDER BY frame IS NULL DESC, columns DESC, frame, path LIMIT 1)" \
    " FROM instance i WHERE " condition " ORDER BY i.instance_number, i.sop_instance_uid, i.source_order"

static void slice(struct html *h, const struct page_assets *assets, const struct cursor *row)
{
    const char *full = cursor_text(row, 7), *thumbnail = cursor_text(row, 5);
    char label[160];
    if (cursor_is_null(row, 1)) snprintf(label, sizeof label, "instance");
    else snprintf(label, sizeof label, "%lld", (long long)cursor_int(row, 1));
    html_raw(h, "<li><figure>");
    framed_picture(h, assets, "picture", thumbnail, cursor_text(row, 6), full, label);
    html_raw(h, "<figcaption>");
    html_text(h, label);
    if (cursor_int(row, 4) > 1) {
        html_raw(h, " · ");
        counted(h, cursor_int(row, 4), "frame", "frames");
    }
    if (strcmp(cursor_text(row, 2), "done") != 0) {
        html_raw(h, " · <span class=\"warning\">");
        html_text(h, cursor_text(row, 2));
        html_raw(h, "</span> ");
        html_text(h, cursor_text(row, 3));
    }
    html_raw(h, "</figcaption></figure></li>\n");
}

static bool slices(struct html *h, struct catalogue *catalogue, const struct page_assets *assets,
                   const char *study, const char *series, int64_t count, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(catalogue,
                          SLICE_SQL("i.study_instance_uid = ? AND i.series_instance_uid = ? AND i.is_current"),
                          VALUES(value_text(study), value_text(series)), &row, err))
        return false;
    html_raw(h, count > 1 && count <= SLICES_OPEN ? "<details open><summary>" : "<details><summary>");
    counted(h, count, "object", "objects");
    html_raw(h, "</summary>\n<ul class=\"slices\">\n");
    while (h->ok && cursor_next(row)) slice(h, assets, row);
    html_raw(h, "</ul></details>\n");
    struct error ignored;
    return cursor_end(row, h->ok ? err : &ignored) && h->ok;
}

/* -- a series ------------------------------------------------------------------------------- */

/* Of the largest pyramid of a slide, which says more than that its tiles are no volume. */
#define PYRAMID(column) \
    "(SELECT " column " FROM slide_pyramid p WHERE p.study_instance_uid = s.study_instance_uid" \
    " AND p.series_instance_uid = s.series_instance_uid AND p.ordinal = 1)"

static const char series_sql[] =
    "SELECT s.series_instance_uid, s.modality, s.series_number, s.series_description, s.body_part_examined,"
    " s.protocol_name, coalesce(" PYRAMID("'slide, ' || p.verdict") ", s.volume_verdict),"
    " (SELECT count(*) FROM instance i WHERE i.study_instance_uid = s.study_instance_uid"
    "  AND i.series_instance_uid = s.series_instance_uid AND is_current),"
    " (SELECT path FROM artefact a WHERE a.instance_id = s.thumbnail_instance_id AND stage = 'thumbnail'"
    "  ORDER BY place = 2 DESC, place = 6, columns DESC, path LIMIT 1),"
    " (SELECT sha256 FROM artefact a WHERE a.instance_id = s.thumbnail_instance_id AND stage = 'thumbnail'"
    "  ORDER BY place = 2 DESC, place = 6, columns DESC, path LIMIT 1),"
    " coalesce(" PYRAMID("p.columns || ' × ' || p.rows") ","
    "  (SELECT columns || ' × ' || rows FROM instance i WHERE i.instance_id = s.thumbnail_instance_id)),"
    " (SELECT count(*) FROM instance i WHERE i.study_instance_uid = s.study_instance_uid"
    "  AND i.series_instance_uid = s.series_instance_uid AND is_current"
    "  AND state IN ('failed', 'quarantined')),"
    " (SELECT count(*) FROM instance i WHERE i.study_instance_uid = s.study_instance_uid"
    "  AND i.series_instance_uid = s.series_instance_uid AND NOT is_current),"
    " (SELECT center || ' / ' || width FROM voi_window w WHERE w.study_instance_uid = s.study_instance_uid"
    "  AND w.series_instance_uid = s.series_instance_uid AND origin = 'computed' LIMIT 1),"
    " (SELECT path FROM artefact a WHERE a.instance_id = s.thumbnail_instance_id AND stage = 'webp'"
    "  ORDER BY frame IS NULL DESC, columns DESC, frame, path LIMIT 1)"
    " FROM series s WHERE s.study_instance_uid = ?"
    " ORDER BY s.series_number IS NULL, s.series_number, s.series_instance_uid";

static void series_head(struct html *h, const struct page_assets *assets, const struct cursor *row)
{
    html_raw(h, "<section class=\"series\"><div class=\"head\">");
    framed_picture(h, assets, "picture lead", cursor_text(row, 8), cursor_text(row, 9), cursor_text(row, 14),
                   "the series at a glance");
    html_raw(h, "<div><span class=\"quiet\">Series ");
    html_text(h, cursor_text(row, 2));
    html_raw(h, "</span><h2>");
    const char *description = cursor_text(row, 3);
    html_text(h, description[0] != '\0' ? description : "no description");
    html_raw(h, "</h2><ul class=\"chips\">");
    chip(h, "modality", cursor_text(row, 1));
    chip(h, "", cursor_text(row, 4));
    if (strcmp(cursor_text(row, 5), description) != 0) chip(h, "", cursor_text(row, 5));
    chip(h, "", cursor_text(row, 10));
    chip(h, "", cursor_text(row, 6));
    html_raw(h, "</ul>");
    if (!cursor_is_null(row, 13)) {
        html_raw(h, "<p class=\"quiet\">Objects without a window of their own share a computed one: ");
        html_text(h, cursor_text(row, 13));
        html_raw(h, " (centre / width).</p>");
    }
    if (cursor_int(row, 11) > 0) {
        html_raw(h, "<p class=\"warning\">");
        counted(h, cursor_int(row, 11), "object could not be published.", "objects could not be published.");
        html_raw(h, "</p>");
    }
    if (cursor_int(row, 12) > 0) {
        html_raw(h, "<p class=\"warning\">");
        counted(h, cursor_int(row, 12), "object is a conflict: other bytes hold its UIDs.",
                "objects are conflicts: other bytes hold their UIDs.");
        html_raw(h, "</p>");
    }
    html_raw(h, "</div></div>\n");
}

static bool series_sections(struct html *h, struct catalogue *catalogue, const struct page_assets *assets,
                            const char *study, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(catalogue, series_sql, VALUES(value_text(study)), &row, err)) return false;
    bool ok = true;
    while (ok && h->ok && cursor_next(row)) {
        series_head(h, assets, row);
        ok = slices(h, catalogue, assets, study, cursor_text(row, 0), cursor_int(row, 7), err);
        html_raw(h, "</section>\n");
    }
    ok = ok && h->ok;
    struct error ignored;
    return cursor_end(row, ok ? err : &ignored) && ok;
}

/* -- pages ---------------------------------------------------------------------------------- */

static void study_head(struct html *h, const struct cursor *row)
{
    html_person_name(h, cursor_text(row, 0)[0] != '\0' ? cursor_text(row, 0) : "no name");
    html_raw(h, " · ");
    html_date(h, cursor_text(row, 4));
    html_raw(h, "</title>\n</head>\n<body>\n<header class=\"page\"><nav><a href=\"../../index.html\">All studies</a></nav>\n<h1>");
    html_person_name(h, cursor_text(row, 0)[0] != '\0' ? cursor_text(row, 0) : "no name");
    html_raw(h, "</h1><p>");
    html_text(h, cursor_text(row, 6)[0] != '\0' ? cursor_text(row, 6) : "no description");
    html_raw(h, "</p></header>\n<main><dl class=\"facts\">\n");
    fact(h, "Patient ID", cursor_text(row, 1), html_text);
    fact(h, "Birth date", cursor_text(row, 2), html_date);
    fact(h, "Sex", cursor_text(row, 3), html_text);
    fact(h, "Study date", cursor_text(row, 4), html_date);
    fact(h, "Accession number", cursor_text(row, 5), html_text);
    fact(h, "Referring physician", cursor_text(row, 7), html_person_name);
    fact(h, "Study Instance UID", cursor_text(row, 9), html_text);
    html_raw(h, "</dl>\n");
    if (!cursor_is_null(row, 8)) {
        html_raw(h, "<p class=\"warning\">");
        html_text(h, cursor_text(row, 8));
        html_raw(h, "</p>\n");
    }
}

bool page_of_study(struct catalogue *catalogue, const struct page_assets *assets, const char *study,
                   struct buffer *out, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(catalogue,
                          "SELECT patient_name, patient_id, patient_birth_date, patient_sex, study_date,"
                          " accession_number, study_description, referring_physician_name, note,"
                          " study_instance_uid FROM study WHERE study_instance_uid = ?",
                          VALUES(value_text(study)), &row, err))
        return false;
    struct html h = html_into(out, err);
    page_begin(&h, assets, "../../");
    if (cursor_next(row)) study_head(&h, row);
    struct error ignored;
    if (!cursor_end(row, h.ok ? err : &ignored) || !h.ok) return false;
    if (!series_sections(&h, catalogue, assets, study, err)) return false;
    html_raw(&h, "</main>\n");
    page_end(&h);
    return h.ok;
}

static void study_card(struct html *h, const struct cursor *row)
{
    html_raw(h, "<div><h2>");
    html_person_name(h, cursor_text(row, 0)[0] != '\0' ? cursor_text(row, 0) : "no name");
    html_raw(h, "</h2><div class=\"quiet\">");
    html_text(h, cursor_text(row, 1));
    html_raw(h, cursor_text(row, 1)[0] != '\0' && cursor_text(row, 3)[0] != '\0' ? " · " : "");
    html_text(h, cursor_text(row, 3));
    html_raw(h, "</div><ul class=\"chips\">");
    char modalities[128];
    snprintf(modalities, sizeof modalities, "%s", cursor_text(row, 4));
    char *rest = modalities;
    for (char *m = strsep(&rest, "\\"); m != NULL; m = strsep(&rest, "\\")) chip(h, "modality", m);
    html_raw(h, "</ul></div><div class=\"count\"><div>");
    html_date(h, cursor_text(row, 2));
    html_raw(h, "</div><div class=\"quiet\">");
    counted(h, cursor_int(row, 5), "series", "series");
    html_raw(h, "<br>");
    counted(h, cursor_int(row, 6), "object", "objects");
    html_raw(h, "</div></div>");
}

bool page_card_of_study(struct catalogue *catalogue, const char *study, struct buffer *out, struct error *err)
{
    struct cursor *row = NULL;
    if (!catalogue_select(catalogue,
                          "SELECT patient_name, patient_id, study_date, study_description, modalities_in_study,"
                          " series, instances FROM study WHERE study_instance_uid = ?",
                          VALUES(value_text(study)), &row, err))
        return false;
    struct html h = html_into(out, err);
    if (cursor_next(row)) study_card(&h, row);
    struct error ignored;
    return cursor_end(row, h.ok ? err : &ignored) && h.ok;
}

void page_of_site_begin(struct html *h, const struct page_assets *assets, int64_t total, bool all)
{
    page_begin(h, assets, "");
    html_raw(h, "Studies</title>\n</head>\n<body>\n<header class=\"page\"><h1>Studies</h1><p>");
    counted(h, total, "study", "studies");
    if (!all) html_raw(h, ", the newest are shown; all are in the catalogue");
    html_raw(h, "</p></header>\n<main><ul class=\"studies\">\n");
}

void page_of_site_entry(struct html *h, const struct page_assets *assets, const char *study, const char *path,
                        const char *sha256, const char *card)
{
    html_raw(h, "<li><a href=\"studies/");
    html_reference(h, study);
    html_raw(h, "/index.html\"><div class=\"picture\">");
    picture(h, assets, "", path, sha256, "");
    html_raw(h, "</div>");
    html_raw(h, card);
    html_raw(h, "</a></li>\n");
}

void page_of_site_end(struct html *h)
{
    html_raw(h, "</ul></main>\n");
    page_end(h);
}
