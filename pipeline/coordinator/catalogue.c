#include "catalogue.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/hash_set.h"
#include "base/memory.h"
#include "base/path.h"
#include "coordinator/catalogue_function.h"

enum { STATEMENTS = 512, BUSY_MS = 10000 };

struct statement {
    sqlite3_stmt *prepared;
    bool in_use;
};

struct catalogue {
    sqlite3 *db;
    char path[PATH_SIZE];
    pthread_mutex_t lock; /* recursive */
    int64_t changes;
    bool has_clash; /* of the last catalogue_execute */
    struct statement statements[STATEMENTS]; /* open addressing by the text's hash */
    size_t statement_count;
};

struct cursor {
    struct catalogue *catalogue;
    sqlite3_stmt *prepared;
    struct statement *cached; /* NULL: finalized at the end */
    bool failed;
    struct error err;
};

/* schema/catalogue.sql, as it was when the program was built. */
static const char schema_text[] = {
#include "generated/catalogue.sql.inc"
};

/* From the version before to each that followed. */
static const char to_version_3[] = {
#include "generated/catalogue-3.sql.inc"
};
static const char to_version_4[] = {
#include "generated/catalogue-4.sql.inc"
};
static const char to_version_5[] = {
#include "generated/catalogue-5.sql.inc"
};
enum { OLDEST_VERSION = 2 };
static const char *const migrations[] = {to_version_3, to_version_4, to_version_5};

/* -- errors ------------------------------------------------------------------------------ */

static bool fail(sqlite3 *db, const char *what, struct error *err)
{
    const int code = db != NULL ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;

    return error_set(err, (code & 0xFF) == SQLITE_NOMEM ? ERROR_NOMEM : ERROR_CATALOGUE,
                     "catalogue: %s: %s (%d)", what, db != NULL ? sqlite3_errmsg(db) : "no memory",
                     code);
}

/* A script of our own: schema, pragmas. */
static bool run_script(sqlite3 *db, const char *script, struct error *err)
{
    if (sqlite3_exec(db, script, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    return fail(db, "cannot run a script", err);
}

/* -- opening ----------------------------------------------------------------------------- */

static bool read_pragma(sqlite3 *db, const char *sql, int64_t *number, struct error *err)
{
    sqlite3_stmt *prepared = NULL;
    bool ok = sqlite3_prepare_v2(db, sql, -1, &prepared, NULL) == SQLITE_OK &&
              sqlite3_step(prepared) == SQLITE_ROW;

    if (ok)
        *number = sqlite3_column_int64(prepared, 0);
    else
        (void)fail(db, sql, err);
    (void)sqlite3_finalize(prepared);
    return ok;
}

static bool make_schema(sqlite3 *db, struct error *err)
{
    char tail[96];

    (void)snprintf(tail, sizeof tail, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                   CATALOGUE_APPLICATION_ID, CATALOGUE_VERSION);
    return run_script(db, "BEGIN IMMEDIATE", err) && run_script(db, schema_text, err) &&
           run_script(db, tail, err);
}

static bool migrate(sqlite3 *db, int64_t version, struct error *err)
{
    char tail[64];
    bool ok = run_script(db, "BEGIN IMMEDIATE", err);

    for (; ok && version < CATALOGUE_VERSION; version++)
        ok = run_script(db, migrations[version - OLDEST_VERSION], err);
    (void)snprintf(tail, sizeof tail, "PRAGMA user_version = %d; COMMIT", CATALOGUE_VERSION);
    if (ok && run_script(db, tail, err))
        return true;
    (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

/* Version 1 kept nothing of an instance in the catalogue; no program that writes it was ever released. */
static bool check_version(struct catalogue *catalogue, enum catalogue_mode mode, struct error *err)
{
    int64_t application = 0, version = 0;

    if (!read_pragma(catalogue->db, "PRAGMA application_id", &application, err) ||
        !read_pragma(catalogue->db, "PRAGMA user_version", &version, err))
        return false;
    if (application == 0 && version == 0 && mode == CATALOGUE_WRITE)
        return make_schema(catalogue->db, err);
    if (application != CATALOGUE_APPLICATION_ID)
        return error_set(err, ERROR_CATALOGUE, "\"%s\" is no catalogue of slicepress",
                         catalogue->path);
    if (version >= OLDEST_VERSION && version < CATALOGUE_VERSION && mode == CATALOGUE_WRITE)
        return migrate(catalogue->db, version, err);
    if (version < CATALOGUE_VERSION)
        return error_set(err, ERROR_CATALOGUE, "\"%s\" was made by an older version (%lld, this program knows %d): %s",
                         catalogue->path, (long long)version, CATALOGUE_VERSION,
                         version >= OLDEST_VERSION ? "the next run brings it up to date" : "make the site again");
    if (version > CATALOGUE_VERSION)
        return error_set(err, ERROR_CATALOGUE, "\"%s\" was made by a newer version (%lld, this program knows %d)",
                         catalogue->path, (long long)version, CATALOGUE_VERSION);
    return true;
}

/* Reading in WAL mode wants to write beside the file. Where that is impossible and no log waits to be read, the file is
 * opened as one that nobody changes: `name` becomes its URI. */
static bool name_unchanging(const char *path, char name[3 * PATH_SIZE])
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    char other[PATH_SIZE];
    struct error ignored;
    struct stat status;
    char *to = name + snprintf(name, 3 * PATH_SIZE, "file:");

    if (!path_format(other, &ignored, "%s-wal", path) || (stat(other, &status) == 0 && status.st_size > 0) ||
        !path_format(other, &ignored, "%s", path))
        return false;
    char *const slash = strrchr(other, '/');
    if (slash == NULL || slash == other)
        return false;
    *slash = '\0';
    if (access(other, W_OK) == 0 || strlen(path) > PATH_SIZE - 32)
        return false;
    for (const char *c = path; *c != '\0'; c++)
        to += strchr(plain, *c) != NULL ? (*to = *c, 1) : snprintf(to, 4, "%%%02X", (unsigned char)*c);
    (void)snprintf(to, sizeof "?immutable=1", "?immutable=1");
    return true;
}

static bool open_database(struct catalogue *catalogue, enum catalogue_mode mode, struct error *err)
{
    char name[3 * PATH_SIZE];
    const bool unchanging = mode == CATALOGUE_READ && name_unchanging(catalogue->path, name);
    /* our own lock guards the connection */
    const int flags = SQLITE_OPEN_NOMUTEX | (unchanging ? SQLITE_OPEN_URI : 0) | (mode == CATALOGUE_WRITE
                                                   ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                                   : SQLITE_OPEN_READONLY);

    if (sqlite3_open_v2(unchanging ? name : catalogue->path, &catalogue->db, flags, NULL) != SQLITE_OK)
        return fail(catalogue->db, "cannot open", err);
    (void)sqlite3_extended_result_codes(catalogue->db, 1);
    (void)sqlite3_busy_timeout(catalogue->db, BUSY_MS);
    if (!catalogue_functions_add(catalogue->db))
        return fail(catalogue->db, "cannot add a function", err);
    /* names of patients go: what is deleted is overwritten in the file */
    if (mode == CATALOGUE_WRITE &&
        !run_script(catalogue->db,
                    "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                    "PRAGMA secure_delete = ON", err))
        return false;
    return run_script(
               catalogue->db,
               "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -512",
               err) &&
           check_version(catalogue, mode, err);
}

/* Nobody asks SQLite how much memory it has: counting costs a lock at every allocation. */
static void configure_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* fails when it is at work already: then it counts */
}

bool catalogue_open(const char *site, enum catalogue_mode mode, struct catalogue **catalogue,
                    struct error *err)
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    struct catalogue *const made = memory_zeroed(sizeof *made, err);
    pthread_mutexattr_t recursive;
    struct stat status;

    if (made == NULL)
        return false;
    (void)pthread_once(&configured, configure_library);
    (void)pthread_mutexattr_init(&recursive);
    (void)pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    (void)pthread_mutex_init(&made->lock, &recursive);
    (void)pthread_mutexattr_destroy(&recursive);
    bool ok = path_join(made->path, site, "catalogue.sqlite", err);
    if (ok && mode == CATALOGUE_READ && stat(made->path, &status) != 0)
        ok = error_errno(err, errno, "\"%s\" is no site: cannot open \"%s\"", site, made->path);
    ok = ok && open_database(made, mode, err);
    if (!ok) {
        catalogue_close(made);
        return false;
    }
    *catalogue = made;
    return true;
}

void catalogue_trim(struct catalogue *catalogue)
{
    (void)pthread_mutex_lock(&catalogue->lock);
    (void)sqlite3_db_release_memory(catalogue->db);
    (void)pthread_mutex_unlock(&catalogue->lock);
}

void catalogue_close(struct catalogue *catalogue)
{
    if (catalogue == NULL)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(catalogue->statements[i].prepared);
    (void)sqlite3_close(catalogue->db);
    (void)pthread_mutex_destroy(&catalogue->lock);
    memory_free(catalogue);
}

/* -- values ------------------------------------------------------------------------------ */

struct value value_null(void)
{
    return (struct value){.type = VALUE_NULL};
}

struct value value_text(const char *text)
{
    return text == NULL ? value_null() : (struct value){.type = VALUE_TEXT, .as.text = text};
}

struct value value_blob(const void *data, size_t size)
{
    return size == 0 ? value_null() : (struct value){.type = VALUE_BLOB, .as.blob = data, .size = size};
}

struct value value_filled(const char *text)
{
    return text == NULL || text[0] == '\0' ? value_null() : value_text(text);
}

struct value value_int(int64_t integer)
{
    return (struct value){.type = VALUE_INT, .as.integer = integer};
}

struct value value_id(int64_t integer)
{
    return integer == 0 ? value_null() : value_int(integer);
}

struct value value_real(double real)
{
    return isfinite(real) ? (struct value){.type = VALUE_REAL, .as.real = real} : value_null();
}

/* `lives`: SQLITE_STATIC where texts and blobs stay until the statement is given back. */
static bool bind(sqlite3_stmt *prepared, const struct value *values, size_t count, sqlite3_destructor_type lives)
{
    int code = SQLITE_OK;

    for (size_t i = 0; code == SQLITE_OK && i < count; i++) {
        const int at = (int)i + 1;

        switch (values[i].type) {
        case VALUE_NULL: code = sqlite3_bind_null(prepared, at); break;
        case VALUE_INT: code = sqlite3_bind_int64(prepared, at, values[i].as.integer); break;
        case VALUE_REAL: code = sqlite3_bind_double(prepared, at, values[i].as.real); break;
        case VALUE_TEXT:
            code = sqlite3_bind_text(prepared, at, values[i].as.text, -1, lives);
            break;
        case VALUE_BLOB:
            code = sqlite3_bind_blob64(prepared, at, values[i].as.blob, values[i].size, lives);
            break;
        }
    }
    return code == SQLITE_OK;
}

/* -- statements -------------------------------------------------------------------------- */

/* The cached place for this text: holding it, or empty. NULL: the table is full enough. */
static struct statement *find_statement(struct catalogue *catalogue, const char *sql)
{
    for (size_t at = (size_t)(hash_text(sql) % STATEMENTS);; at = (at + 1) % STATEMENTS) {
        struct statement *const statement = &catalogue->statements[at];

        if (statement->prepared == NULL)
            return catalogue->statement_count < STATEMENTS / 2 ? statement : NULL;
        if (strcmp(sqlite3_sql(statement->prepared), sql) == 0)
            return statement;
    }
}

/* *cached is NULL when the statement is not from the cache (in use by an outer cursor, cache full). */
static bool prepare(struct catalogue *catalogue, const char *sql, sqlite3_stmt **prepared,
                    struct statement **cached, struct error *err)
{
    struct statement *const found = find_statement(catalogue, sql);
    const bool keep = found != NULL && found->prepared == NULL;

    *cached = NULL;
    if (found != NULL && found->prepared != NULL && !found->in_use) {
        found->in_use = true;
        *cached = found;
        *prepared = found->prepared;
        return true;
    }
    if (sqlite3_prepare_v3(catalogue->db, sql, -1, keep ? SQLITE_PREPARE_PERSISTENT : 0, prepared,
                           NULL) != SQLITE_OK ||
        *prepared == NULL)
        return fail(catalogue->db, sql, err);
    if (keep) {
        *found = (struct statement){.prepared = *prepared, .in_use = true};
        catalogue->statement_count++;
        *cached = found;
    }
    return true;
}

static void give_back(sqlite3_stmt *prepared, struct statement *cached)
{
    if (cached == NULL) {
        (void)sqlite3_finalize(prepared);
        return;
    }
    (void)sqlite3_reset(prepared);
    (void)sqlite3_clear_bindings(prepared);
    cached->in_use = false;
}

bool catalogue_execute(struct catalogue *catalogue, const char *sql, const struct value *values,
                       size_t count, struct error *err)
{
    sqlite3_stmt *prepared = NULL;
    struct statement *cached = NULL;
    int code = SQLITE_DONE;

    (void)pthread_mutex_lock(&catalogue->lock);
    bool ok = prepare(catalogue, sql, &prepared, &cached, err);
    catalogue->has_clash = false;
    if (ok) {
        ok = bind(prepared, values, count, SQLITE_STATIC);
        while (ok && (code = sqlite3_step(prepared)) == SQLITE_ROW)
            ;
        ok = ok && code == SQLITE_DONE;
        catalogue->has_clash = !ok && (sqlite3_extended_errcode(catalogue->db) & 0xFF) == SQLITE_CONSTRAINT;
        if (!ok)
            (void)fail(catalogue->db, sql, err);
        catalogue->changes = sqlite3_changes64(catalogue->db);
        give_back(prepared, cached);
    }
    (void)pthread_mutex_unlock(&catalogue->lock);
    return ok;
}

bool catalogue_has_clash(const struct catalogue *catalogue)
{
    return catalogue->has_clash;
}

int64_t catalogue_last_id(const struct catalogue *catalogue)
{
    return sqlite3_last_insert_rowid(catalogue->db);
}

int64_t catalogue_changes(const struct catalogue *catalogue)
{
    return catalogue->changes;
}

/* -- transactions ------------------------------------------------------------------------ */

bool catalogue_begin(struct catalogue *catalogue, struct error *err)
{
    (void)pthread_mutex_lock(&catalogue->lock);
    if (catalogue_execute(catalogue, "BEGIN IMMEDIATE", NO_VALUES, err))
        return true;
    (void)pthread_mutex_unlock(&catalogue->lock);
    return false;
}

bool catalogue_commit(struct catalogue *catalogue, struct error *err)
{
    if (!catalogue_execute(catalogue, "COMMIT", NO_VALUES, err)) {
        catalogue_rollback(catalogue);
        return false;
    }
    (void)pthread_mutex_unlock(&catalogue->lock);
    return true;
}

void catalogue_rollback(struct catalogue *catalogue)
{
    struct error ignored; /* the failure that led here is the one to tell */

    if (sqlite3_get_autocommit(catalogue->db) == 0)
        (void)catalogue_execute(catalogue, "ROLLBACK", NO_VALUES, &ignored);
    (void)pthread_mutex_unlock(&catalogue->lock);
}

/* -- cursors ----------------------------------------------------------------------------- */

bool catalogue_select(struct catalogue *catalogue, const char *sql, const struct value *values,
                      size_t count, struct cursor **cursor, struct error *err)
{
    struct cursor *const made = memory_zeroed(sizeof *made, err);

    *cursor = NULL;
    if (made == NULL)
        return false;
    made->catalogue = catalogue;
    (void)pthread_mutex_lock(&catalogue->lock);
    bool ok = prepare(catalogue, sql, &made->prepared, &made->cached, err);
    if (ok && !bind(made->prepared, values, count, SQLITE_TRANSIENT)) {
        ok = fail(catalogue->db, sql, err);
        give_back(made->prepared, made->cached);
    }
    if (!ok) {
        (void)pthread_mutex_unlock(&catalogue->lock);
        memory_free(made);
        return false;
    }
    *cursor = made;
    return true;
}

bool cursor_next(struct cursor *cursor)
{
    if (cursor == NULL || cursor->failed)
        return false;
    const int code = sqlite3_step(cursor->prepared);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE) {
        cursor->failed = true;
        (void)fail(cursor->catalogue->db, "cannot read rows", &cursor->err);
    }
    return false;
}

int cursor_columns(const struct cursor *cursor)
{
    return sqlite3_column_count(cursor->prepared);
}

const char *cursor_name(const struct cursor *cursor, int column)
{
    const char *const name = sqlite3_column_name(cursor->prepared, column);

    return name != NULL ? name : "";
}

bool cursor_is_null(const struct cursor *cursor, int column)
{
    return sqlite3_column_type(cursor->prepared, column) == SQLITE_NULL;
}

enum value_type cursor_type(const struct cursor *cursor, int column)
{
    switch (sqlite3_column_type(cursor->prepared, column)) {
    case SQLITE_INTEGER: return VALUE_INT;
    case SQLITE_FLOAT: return VALUE_REAL;
    case SQLITE_NULL: return VALUE_NULL;
    case SQLITE_BLOB: return VALUE_BLOB;
    default: return VALUE_TEXT;
    }
}

const char *cursor_text(const struct cursor *cursor, int column)
{
    const unsigned char *const text = sqlite3_column_text(cursor->prepared, column);

    return text != NULL ? (const char *)text : "";
}

const void *cursor_blob(const struct cursor *cursor, int column, size_t *size)
{
    const void *const blob = sqlite3_column_blob(cursor->prepared, column);

    *size = blob != NULL ? (size_t)sqlite3_column_bytes(cursor->prepared, column) : 0;
    return blob;
}

int64_t cursor_int(const struct cursor *cursor, int column)
{
    return sqlite3_column_int64(cursor->prepared, column);
}

double cursor_real(const struct cursor *cursor, int column)
{
    return sqlite3_column_double(cursor->prepared, column);
}

bool cursor_end(struct cursor *cursor, struct error *err)
{
    if (cursor == NULL)
        return true;
    const bool ok = !cursor->failed;
    if (!ok)
        *err = cursor->err;
    give_back(cursor->prepared, cursor->cached);
    (void)pthread_mutex_unlock(&cursor->catalogue->lock);
    memory_free(cursor);
    return ok;
}

bool catalogue_number(struct catalogue *catalogue, const char *sql, const struct value *values,
                      size_t count, int64_t otherwise, int64_t *number, struct error *err)
{
    struct cursor *cursor = NULL;

    if (!catalogue_select(catalogue, sql, values, count, &cursor, err))
        return false;
    *number = cursor_next(cursor) && !cursor_is_null(cursor, 0) ? cursor_int(cursor, 0) : otherwise;
    return cursor_end(cursor, err);
}

/* -- other databases --------------------------------------------------------------------- */

/* A connection of its own, because neither ATTACH nor VACUUM is possible in a transaction. */
bool catalogue_make_database(struct catalogue *catalogue, const char *path, const char *script,
                             struct error *err)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *attach = NULL;
    bool ok = sqlite3_open_v2(catalogue->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK ||
              fail(db, "cannot open", err);

    if (ok)
        ok = (sqlite3_busy_timeout(db, BUSY_MS) == SQLITE_OK &&
              sqlite3_prepare_v2(db, "ATTACH ? AS target", -1, &attach, NULL) == SQLITE_OK &&
              sqlite3_bind_text(attach, 1, path, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
              sqlite3_step(attach) == SQLITE_DONE) ||
             fail(db, "cannot make a database", err);
    (void)sqlite3_finalize(attach);
    ok = ok &&
         run_script(db, "PRAGMA target.page_size = 4096; PRAGMA target.journal_mode = DELETE;"
                        "PRAGMA target.synchronous = OFF; BEGIN", err) &&
         run_script(db, script, err) && run_script(db, "COMMIT", err);
    if (sqlite3_close(db) != SQLITE_OK && ok)
        ok = error_set(err, ERROR_CATALOGUE, "catalogue: cannot close \"%s\"", path);
    return ok;
}

const char *catalogue_library_version(void)
{
    static char text[32];

    (void)snprintf(text, sizeof text, "sqlite %s", sqlite3_libversion());
    return text;
}
