/* server-config: a complete configuration that serves SITE/public, or what an object store is told
 *
 * The texts are servers/NAME, with @ROOT@ (SITE/public), @LISTEN@ (HOST:PORT), @ADDRESS@ and @PORT@ (its parts, an IPv6
 * address without brackets), @LUA@, and the headers that are the same everywhere put in.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/path.h"
#include "coordinator/catalogue.h"
#include "coordinator/command.h"
#include "coordinator/object_store_manifest.h"

static const char nginx_text[] = {
#include "generated/nginx.conf.inc"
};
static const char apache_text[] = {
#include "generated/apache.conf.inc"
};
static const char caddy_text[] = {
#include "generated/Caddyfile.inc"
};
static const char lighttpd_text[] = {
#include "generated/lighttpd.conf.inc"
};
static const char lighttpd_lua_text[] = {
#include "generated/lighttpd.lua.inc"
};
static const char s3_upload_text[] = {
#include "generated/s3.sh.inc"
};

/* Our pages carry no script; a viewer put beside them may use WebAssembly codecs, workers from blob: addresses and
 * blob: images. Anything of another origin is refused. */
static const char content_security_policy[] =
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src 'self' blob: data:; "
    "media-src 'self' blob:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; connect-src 'self' blob: data:; "
    "object-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'";
static const char exposed_headers[] = "Accept-Ranges, Content-Encoding, Content-Length, Content-Range, ETag";

struct server { const char *name, *text; };

static const struct server servers[] = {
    {"nginx", nginx_text},       {"apache", apache_text},           {"caddy", caddy_text},
    {"lighttpd", lighttpd_text}, {"lighttpd-lua", lighttpd_lua_text}, {"s3", NULL},
    {"s3-upload", s3_upload_text},
};

enum { ADDRESS_MOST = 256 };

struct placeholder { const char *name, *value; };

static const struct server *find_server(const char *name)
{
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
        if (strcmp(servers[i].name, name) == 0)
            return &servers[i];
    return NULL;
}

/* -- values -------------------------------------------------------------------------------- */

/* Each language quotes in its own way, and nginx has none for "$": a name that would need it is refused. */
static bool check_root(const char *root, struct error *err)
{
    for (const char *c = root; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr("\"'`\\$%{}<>*?[]#@", *c) != NULL)
            return error_set(err, ERROR_UNSUPPORTED,
                             "\"%s\" holds a character that a server's configuration cannot: rename the folder", root);
    struct stat status;
    if (stat(root, &status) != 0 || !S_ISDIR(status.st_mode))
        return error_set(err, ERROR_IO, "there is no folder \"%s\" yet: see slicepress run", root);
    return true;
}

static bool is_host(const char *host, size_t length)
{
    const bool bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';

    for (size_t i = bracketed; i < length - bracketed; i++)
        if (!(bracketed ? isxdigit((unsigned char)host[i]) || strchr(":.", host[i]) != NULL
                        : isalnum((unsigned char)host[i]) || strchr(".-", host[i]) != NULL))
            return false;
    return length > 0 && length < ADDRESS_MOST;
}

/* HOST:PORT; *port gets what follows the last colon, `address` the host without brackets. */
static bool split_listen(const char *listen, char address[ADDRESS_MOST], const char **port, struct error *err)
{
    const char *const colon = strrchr(listen, ':');
    const size_t length = colon != NULL ? (size_t)(colon - listen) : 0;
    const size_t digits = colon != NULL ? strspn(colon + 1, "0123456789") : 0;
    const bool bracketed = listen[0] == '[';

    if (!is_host(listen, length) || digits == 0 || digits > 5 || colon[1 + digits] != '\0' ||
        strtol(colon + 1, NULL, 10) < 1 || strtol(colon + 1, NULL, 10) > 65535)
        return error_set(err, ERROR_USAGE, "--listen wants HOST:PORT (0.0.0.0:80, [::1]:8080), not \"%s\"", listen);
    *port = colon + 1;
    memcpy(address, listen + bracketed, length - 2U * bracketed);
    address[length - 2U * bracketed] = '\0';
    return true;
}

static bool put_text(const char *text, const struct placeholder *values, struct buffer *out, struct error *err)
{
    while (*text != '\0') {
        const size_t plain = strcspn(text, "@");
        const struct placeholder *value = values;

        if (!buffer_append(out, text, plain, err))
            return false;
        text += plain;
        while (*text != '\0' && value->name != NULL && strncmp(text, value->name, strlen(value->name)) != 0)
            value++;
        if (*text == '\0')
            break;
        const char *const put = value->name != NULL ? value->value : "@";
        if (!buffer_puts(out, put, err))
            return false;
        text += value->name != NULL ? strlen(value->name) : 1;
    }
    return true;
}

/* -- the command --------------------------------------------------------------------------- */

static bool put_configuration(const struct settings *settings, const struct server *server, const char *root,
                              struct buffer *out, struct error *err)
{
    const char *const listen = settings->listen != NULL ? settings->listen : "127.0.0.1:8080";
    const char *port = NULL;
    char address[ADDRESS_MOST];

    if (!split_listen(listen, address, &port, err))
        return false;
    const struct placeholder values[] = {
        {"@ROOT@", root}, {"@LISTEN@", listen}, {"@ADDRESS@", address}, {"@PORT@", port},
        {"@LUA@", "/etc/lighttpd/slicepress.lua"}, {"@CSP@", content_security_policy},
        {"@EXPOSE@", exposed_headers}, {NULL, NULL},
    };
    return put_text(server->text, values, out, err);
}

static bool check_site(const char *site, struct error *err)
{
    struct catalogue *catalogue = NULL;
    const bool ok = catalogue_open(site, CATALOGUE_READ, &catalogue, err);

    catalogue_close(catalogue);
    return ok;
}

bool command_server_config(struct settings *settings, enum exit_status *status, struct error *err)
{
    const struct server *const server = find_server(settings->server);
    struct buffer out = {0};
    char root[PATH_SIZE];

    if (server == NULL)
        return error_set(err, ERROR_USAGE,
                         "no configuration for \"%s\": expected one of nginx, apache, caddy, lighttpd, lighttpd-lua, s3,"
                         " s3-upload", settings->server);
    const bool ok = check_site(settings->site, err) && path_join(root, settings->site, "public", err) &&
                    check_root(root, err) &&
                    (server->text == NULL ? object_store_manifest(root, &out, err)
                                          : put_configuration(settings, server, root, &out, err)) &&
                    command_print(&out, err);
    buffer_release(&out);
    if (ok)
        *status = EXIT_ALL_DONE;
    return ok;
}
