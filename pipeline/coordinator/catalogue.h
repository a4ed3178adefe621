/* catalogue.h - SITE/catalogue.sqlite: the only door to SQLite, and the only writer of the full catalogue
 *
 *     struct catalogue *catalogue = NULL;
 *     if (!catalogue_open(site, CATALOGUE_WRITE, &catalogue, err)) ...
 *     catalogue_begin(catalogue, err) && catalogue_execute(...) && ... && catalogue_commit(catalogue, err);
 *     catalogue_close(catalogue);
 *
 * One connection, guarded by one recursive lock: publishing runs in a thread of its own. A transaction holds
 * the lock from begin to commit (or rollback), a cursor from select to cursor_end, so both are short: no other
 * waiting is done inside them. A statement outside a transaction is one of its own.
 *
 * SQL texts are string literals: their prepared statements are cached by address and text. Values:
 *
 *     catalogue_execute(catalogue, "UPDATE study SET state = ? WHERE study_instance_uid = ?",
 *                       VALUES(value_text("done"), value_text(uid)), err);
 *
 * Reading rows: cursor_next gives false at the end and on a failure alike; cursor_end tells which.
 *
 *     struct cursor *cursor = NULL;
 *     ok = catalogue_select(catalogue, "SELECT ...", VALUES(...), &cursor, err);
 *     while (ok && cursor_next(cursor))
 *         ok = use(cursor_text(cursor, 0), cursor_int(cursor, 1), err);
 *     return cursor_end(cursor, err) && ok;      -- NULL cursor: true; ends it in any state
 *
 * (When `ok` is false already, pass another struct error to cursor_end, or check ok first: err is filled once.)
 * Rows of a transaction that is under way are seen. Within a cursor other statements may run.
 */
#ifndef SLICEPRESS_COORDINATOR_CATALOGUE_H
#define SLICEPRESS_COORDINATOR_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct catalogue;
struct cursor;

enum catalogue_mode {
    CATALOGUE_READ,  /* must exist; never writes (also works while a run is under way) */
    CATALOGUE_WRITE, /* made when absent; the caller holds the site's lock */
};

enum { CATALOGUE_APPLICATION_ID = 0x534c4943, /* "SLIC" */ CATALOGUE_VERSION = 5 };

bool catalogue_open(const char *site, enum catalogue_mode mode, struct catalogue **catalogue,
                    struct error *err);
/* Gives back what it holds of the file in memory: before something else wants much. */
void catalogue_trim(struct catalogue *catalogue);
/* Checkpoints and closes; NULL is fine. */
void catalogue_close(struct catalogue *catalogue);

/* -- values ------------------------------------------------------------------------------ */

enum value_type { VALUE_NULL, VALUE_TEXT, VALUE_INT, VALUE_REAL, VALUE_BLOB };
struct value {
    enum value_type type;
    union { const char *text; int64_t integer; double real; const void *blob; } as; /* borrowed for the call */
    size_t size; /* of a blob */
};

struct value value_text(const char *text); /* NULL gives NULL */
struct value value_int(int64_t integer);
struct value value_real(double real);      /* NaN and infinities give NULL */
struct value value_blob(const void *data, size_t size); /* 0 bytes give NULL */
struct value value_null(void);
/* 0 as NULL: ids and frame numbers that mean "none". */
struct value value_id(int64_t integer);
/* "" as NULL. */
struct value value_filled(const char *text);

#define VALUES(...) \
    (const struct value[]){__VA_ARGS__}, sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value)
#define NO_VALUES NULL, 0

/* -- statements -------------------------------------------------------------------------- */

bool catalogue_begin(struct catalogue *catalogue, struct error *err);
bool catalogue_commit(struct catalogue *catalogue, struct error *err); /* a failure rolls back */
void catalogue_rollback(struct catalogue *catalogue);

bool catalogue_execute(struct catalogue *catalogue, const char *sql, const struct value *values,
                       size_t count, struct error *err);
/* Whether the last catalogue_execute failed, and did so because rows would have contradicted one another (UNIQUE,
 * FOREIGN KEY, CHECK): the caller may be able to leave out what it wanted to write. */
bool catalogue_has_clash(const struct catalogue *catalogue);
int64_t catalogue_last_id(const struct catalogue *catalogue); /* of the last INSERT */
int64_t catalogue_changes(const struct catalogue *catalogue); /* rows of the last statement */

bool catalogue_select(struct catalogue *catalogue, const char *sql, const struct value *values,
                      size_t count, struct cursor **cursor, struct error *err);
bool cursor_next(struct cursor *cursor);
int cursor_columns(const struct cursor *cursor);
const char *cursor_name(const struct cursor *cursor, int column); /* of the column */
bool cursor_is_null(const struct cursor *cursor, int column);
enum value_type cursor_type(const struct cursor *cursor, int column);
const char *cursor_text(const struct cursor *cursor, int column); /* "" for NULL; until cursor_next */
/* Any bytes; NULL and 0 bytes for NULL; until cursor_next. */
const void *cursor_blob(const struct cursor *cursor, int column, size_t *size);
int64_t cursor_int(const struct cursor *cursor, int column);
double cursor_real(const struct cursor *cursor, int column);
bool cursor_end(struct cursor *cursor, struct error *err);

/* The first column of the first row; `otherwise` if there is none (or it is NULL). */
bool catalogue_number(struct catalogue *catalogue, const char *sql, const struct value *values,
                      size_t count, int64_t otherwise, int64_t *number, struct error *err);

/* Makes a fresh database file at `path` (journal_mode DELETE, page_size 4096, no free pages): attached as
 * schema "target" while the SQL of `script` runs, in which the catalogue is "main". The same rows in the same
 * order give the same bytes. */
bool catalogue_make_database(struct catalogue *catalogue, const char *path, const char *script,
                             struct error *err);

const char *catalogue_library_version(void); /* "sqlite 3.40.1" */

#endif
