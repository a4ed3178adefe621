/* site_json.h - series.<digest16>.json, study.json and studies.json from the catalogue's rows
 *
 * Members are the catalogue's columns (schema/catalogue.sql), those that are NULL left out; `address` is a path
 * relative to public/, with ?d=<digest16> where the name does not change with the bytes. Sources, member names and error
 * details are not public. A study.json is written series by series:
 *
 *     site_study_json_begin(&j, &buffer, catalogue, study, err)
 *     site_study_json_series(&j, catalogue, study, series, series_file, thumbnail, err)   each
 *     site_study_json_end(&j, thumbnail, err)
 */
#ifndef SLICEPRESS_COORDINATOR_SITE_JSON_H
#define SLICEPRESS_COORDINATOR_SITE_JSON_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "coordinator/catalogue.h"
#include "job/layout.h"

/* The members of the row's columns that are not NULL, into an open object. */
void site_json_row(struct json *j, const struct cursor *row);
/* The address of a published path for pages and JSON. */
bool site_address(const char *path, enum place place, const char *sha256, char address[PATH_SIZE],
                  struct error *err);

/* Takes what was written so far, which leaves the buffer: a series of 100,000 frames does not fit in memory. */
typedef bool site_spill(void *client, struct buffer *text, struct error *err);

/* Into `out`, which `spill` empties now and then and once at the end. */
bool site_series_json(struct catalogue *catalogue, const char *study, const char *series, struct buffer *out,
                      site_spill *spill, void *client, struct error *err);
bool site_study_json_begin(struct json *j, struct buffer *out, struct catalogue *catalogue, const char *study,
                           struct error *err);
/* `series_file` and `thumbnail` are relative to public/; thumbnail NULL: none. */
bool site_study_json_series(struct json *j, struct catalogue *catalogue, const char *study,
                            const char *series, const char *series_file, const char *thumbnail,
                            struct error *err);
bool site_study_json_end(struct json *j, const char *thumbnail, struct error *err);
/* studies.json: begin, json_put_raw of the newest studies' entries, end. */
bool site_study_listing(struct catalogue *catalogue, const char *study, struct buffer *out, struct error *err);
void site_studies_json_begin(struct json *j, struct buffer *out, const char *catalogue_file, int64_t studies);
bool site_studies_json_end(struct json *j, struct error *err);

#endif
