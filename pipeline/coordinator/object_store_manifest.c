#include "object_store_manifest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "coordinator/tree.h"

/* -- what a file is, by its name; the same as in servers/ -------------------------------------------------- */

struct media { const char *extension, *type; bool is_text; };

static const struct media media_table[] = {
    {"html", "text/html; charset=utf-8", true},
    {"css", "text/css; charset=utf-8", true},
    {"js", "text/javascript; charset=utf-8", true},
    {"mjs", "text/javascript; charset=utf-8", true},
    {"txt", "text/plain; charset=utf-8", true},
    {"tsv", "text/tab-separated-values; charset=utf-8", true},
    {"json", "application/json", true},
    {"map", "application/json", true},
    {"zattrs", "application/json", false},
    {"zgroup", "application/json", false},
    {"zarray", "application/json", false},
    {"zmetadata", "application/json", false},
    {"xml", "application/xml", true},
    {"dzi", "application/xml", true},
    {"wasm", "application/wasm", true},
    {"pdf", "application/pdf", false},
    {"dcm", "application/dicom", false},
    {"gz", "application/gzip", false},
    {"zip", "application/zip", false},
    {"szi", "application/zip", false},
    {"sqlite", "application/vnd.sqlite3", false},
    {"webp", "image/webp", false},
    {"jpg", "image/jpeg", false},
    {"jpeg", "image/jpeg", false},
    {"png", "image/png", false},
    {"svg", "image/svg+xml", true},
    {"tif", "image/tiff", false},
    {"tiff", "image/tiff", false},
    {"ico", "image/x-icon", false},
    {"mp4", "video/mp4", false},
    {"woff2", "font/woff2", false},
};

static const struct media binary = {"", "application/octet-stream", false};
static const struct media dicom_json = {"", "application/dicom+json", true};
static const struct media multipart = {"", "multipart/related", false};
static const struct media jpeg = {"", "image/jpeg", false};

static const char *name_of(const char *path)
{
    const char *const slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static bool is_dicomweb(const char *path)
{
    return strncmp(path, "dicomweb/", 9) == 0;
}

static const struct media *media_of_extension(const char *path)
{
    const char *const dot = strrchr(name_of(path), '.');

    for (size_t i = 0; dot != NULL && i < sizeof media_table / sizeof *media_table; i++)
        if (strcmp(media_table[i].extension, dot + 1) == 0)
            return &media_table[i];
    return &binary;
}

/* .../frames/N, lossy/N, j2k/N */
static bool is_frame(const char *path)
{
    static const char *const folders[] = {"/frames/", "/lossy/", "/j2k/"};
    const char *const name = name_of(path);

    if (*name == '\0' || name[strspn(name, "0123456789")] != '\0')
        return false;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const size_t length = strlen(folders[i]);

        if ((size_t)(name - path) >= length && memcmp(name - length, folders[i], length) == 0)
            return true;
    }
    return false;
}

static const struct media *media_of(const char *path)
{
    const char *const name = name_of(path);
    const struct media *const known = media_of_extension(path);

    if (is_dicomweb(path) && (strcmp(name, "metadata") == 0 || strcmp(name, "index.json") == 0))
        return &dicom_json;
    /* objects that lost a conflict (studies/S/E/conflict/) are laid out as below dicomweb/ */
    if (!is_dicomweb(path) && strstr(path, "/conflict/") == NULL)
        return known;
    if (is_frame(path))
        return &multipart;
    if (strcmp(name, "thumbnail") == 0 || strcmp(name, "rendered") == 0)
        return &jpeg;
    if (strstr(path, "/bulkdata/") != NULL && strcmp(known->extension, "pdf") != 0 &&
        strcmp(known->extension, "mp4") != 0)
        return &binary;
    return known;
}

/* A component STEM.DIGEST16 or STEM.DIGEST16.EXTENSION whose stem begins with a letter: one of a UID may look like a
 * digest. */
static bool is_lasting(const char *path)
{
    for (const char *part = path; *part != '\0';) {
        const size_t length = strcspn(part, "/");

        for (size_t i = 1; isalpha((unsigned char)part[0]) && i + 17 <= length; i++)
            if (part[i] == '.' && strspn(part + i + 1, "0123456789abcdef") == 16 &&
                (part[i + 17] == '.' || part[i + 17] == '/'))
                return true;
        part += length + (part[length] == '/');
    }
    return false;
}

/* -- objects ----------------------------------------------------------------------------------------------- */

struct object {
    char *path; /* relative to public/; owned */
    int rank, depth;
};

struct object_list {
    size_t root_length;
    struct object *objects; /* owned */
    size_t count, capacity;
};

static void list_release(struct object_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        memory_free(list->objects[i].path);
    memory_free(list->objects);
}

static int depth_of(const char *path)
{
    int depth = 0;

    for (; *path != '\0'; path++)
        depth += *path == '/';
    return depth;
}

/* The later, the more is named by it. */
static int rank_of(const char *path)
{
    const char *const name = name_of(path);

    if (strcmp(path, "index.html") == 0)
        return 6;
    if (strchr(path, '/') == NULL && strcmp(media_of(path)->extension, "json") == 0)
        return 5;
    if (strcmp(name, "study.json") == 0)
        return 4;
    if (strcmp(name, "index.html") == 0 || (is_dicomweb(path) && strcmp(name, "index.json") == 0))
        return 3;
    if (is_dicomweb(path) && strcmp(name, "metadata") == 0)
        return 2;
    return media_of(path)->is_text ? 1 : 0;
}

static int compare_objects(const void *a, const void *b)
{
    const struct object *const one = a, *const two = b;

    if (one->rank != two->rank)
        return one->rank < two->rank ? -1 : 1;
    if (one->depth != two->depth)
        return one->depth > two->depth ? -1 : 1;
    return strcmp(one->path, two->path);
}

/* FILE.gz or FILE.br of a text that stands beside it. */
static bool is_sibling(const char *path)
{
    const size_t length = strlen(path);
    char plain[PATH_SIZE];
    struct error ignored;

    if (length < 4 || (strcmp(path + length - 3, ".gz") != 0 && strcmp(path + length - 3, ".br") != 0))
        return false;
    return path_format(plain, &ignored, "%.*s", (int)(length - 3), path) && media_of(plain)->is_text;
}

/* Hidden files are no objects, but for those of Zarr 2 (.zattrs ...), which viewers ask for. */
static bool is_hidden(const char *path)
{
    const char *const name = name_of(path);

    return name[0] == '.' && media_of_extension(path) == &binary;
}

static bool has_controls(const char *path)
{
    for (; *path != '\0'; path++)
        if ((unsigned char)*path < 0x20 || *path == 0x7f)
            return true;
    return false;
}

static bool add_object(void *client, const char *path, const struct stat *status, bool *enter, struct error *err)
{
    struct object_list *const list = client;
    const char *const relative = path + list->root_length + 1;

    *enter = name_of(path)[0] != '.';
    if (!S_ISREG(status->st_mode) || is_sibling(relative) || is_hidden(relative))
        return true;
    if (has_controls(relative)) /* none of ours; and a line of the manifest is to be a line */
        return error_set(err, ERROR_UNSUPPORTED, "\"%s\" holds a control character: rename or remove it", path);
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity * 2 + 64;
        struct object *const grown = memory_resize(list->objects, capacity * sizeof *grown, err);

        if (grown == NULL)
            return false;
        list->objects = grown;
        list->capacity = capacity;
    }
    char *const copy = memory_string(relative, err);
    if (copy == NULL)
        return false;
    list->objects[list->count++] = (struct object){copy, rank_of(copy), depth_of(copy)};
    return true;
}

static bool put_object(const char *root, const char *path, struct buffer *out, struct error *err)
{
    static const char index_name[] = "/index.json";
    const struct media *const media = media_of(path);
    size_t key_length = strlen(path);
    char packed[PATH_SIZE];

    if (is_dicomweb(path) && key_length > sizeof index_name - 1 &&
        strcmp(path + key_length - (sizeof index_name - 1), index_name) == 0)
        key_length -= sizeof index_name - 1;
    if (!path_format(packed, err, "%s/%s.gz", root, path))
        return false;
    const bool is_packed = media->is_text && access(packed, R_OK) == 0;
    return buffer_printf(out, err, "%.*s\t%s%s\t%s\t%s\t%s\n", (int)key_length, path, path, is_packed ? ".gz" : "",
                         media->type, is_packed ? "gzip" : "",
                         is_lasting(path) ? "max-age=31536000, immutable" : "max-age=60");
}

bool object_store_manifest(const char *root, struct buffer *out, struct error *err)
{
    struct object_list list = {.root_length = strlen(root)};
    bool ok = tree_walk(root, add_object, NULL, &list, err) &&
              buffer_puts(out, "key\tfile\tcontent_type\tcontent_encoding\tcache_control\n", err);

    if (ok && list.count > 0)
        qsort(list.objects, list.count, sizeof *list.objects, compare_objects);
    for (size_t i = 0; ok && i < list.count; i++)
        ok = put_object(root, list.objects[i].path, out, err);
    list_release(&list);
    return ok;
}
