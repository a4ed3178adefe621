#include "staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/path.h"
#include "job/staging_private.h"
#include "job/staging_stream.h"
#include "job/text.h"

bool staging_open(const char *folder, struct manifest *manifest, struct staging **staging,
                  struct error *err)
{
    struct staging *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->descriptor = NOTHING;
    made->manifest = manifest;
    made->folder = memory_string(folder, err);
    if (made->folder == NULL || !digest_new(&made->digest, err)) {
        staging_close(made);
        return false;
    }
    *staging = made;
    return true;
}

void staging_number_from(struct staging *staging, uint32_t first)
{
    staging->first = staging->next = first;
}

void staging_close(struct staging *staging)
{
    if (staging == NULL)
        return;
    for (size_t i = 0; i < staging->opened_capacity; i++) {
        staged_stream_free(staging->opened[i].stream);
        staged_tree_free(staging->opened[i].tree);
    }
    memory_free(staging->opened);
    if (staging->descriptor != NOTHING)
        (void)close(staging->descriptor);
    digest_free(staging->digest);
    memory_free(staging->folder);
    memory_free(staging);
}

/* -- products ------------------------------------------------------------------------------ */

bool staging_begin(struct staging *staging, const char *stage, uint32_t version, struct error *err)
{
    const size_t before = staging->opened_capacity;
    void *opened = staging->opened;

    if (manifest_add(staging->manifest, stage, version, err) == NULL)
        return false;
    staging->selected = staging->manifest->product_count - 1;
    if (!memory_grow(&opened, &staging->opened_capacity, staging->selected + 1, sizeof *staging->opened, err))
        return false;
    staging->opened = opened;
    for (size_t i = before; i < staging->opened_capacity; i++)
        staging->opened[i] = (struct opened){0};
    return true;
}

size_t staging_selected(const struct staging *staging)
{
    return staging->selected;
}

void staging_select(struct staging *staging, size_t product)
{
    staging->selected = product;
}

struct product *staging_selected_product(const struct staging *staging)
{
    return &staging->manifest->products[staging->selected];
}

struct opened *staging_opened(const struct staging *staging)
{
    return &staging->opened[staging->selected];
}

const struct product *staging_product(const struct staging *staging)
{
    return staging_selected_product(staging);
}

bool staging_remove(const struct staging *staging, uint32_t number, struct error *err)
{
    char path[PATH_SIZE];

    return path_format(path, err, "%s/%u", staging->folder, number) && path_remove_tree(path, err);
}

static bool remove_artefacts(const struct staging *staging, struct product *product, struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < product->artefact_count; i++)
        ok = staging_remove(staging, product->artefacts[i].staged, err);
    while (product->artefact_count > 0)
        product_remove(product, product->artefact_count - 1);
    return ok;
}

bool staging_end(struct staging *staging, enum product_state state, const char *reason,
                 struct error *err)
{
    struct product *const product = staging_selected_product(staging);
    struct opened *const opened = staging_opened(staging);

    product->state = state;
    product->reason[0] = '\0';
    if (product_state_has_reason(state)) {
        const char *const text =
            reason != NULL && reason[0] != '\0' ? reason : "no reason was given";

        text_clean(text, strlen(text), false, product->reason, sizeof product->reason);
    }
    staging_stream_drop(staging);
    staged_tree_free(opened->tree);
    opened->tree = NULL;
    return product_state_has_artefacts(state) || remove_artefacts(staging, product, err);
}

void staging_discard(struct staging *staging)
{
    struct error ignored;

    for (uint32_t number = staging->first; number < staging->next; number++)
        (void)staging_remove(staging, number, &ignored); /* the coordinator removes what stays */
    (void)rmdir(staging->folder);                        /* unless others' files are in it */
}

/* -- artefacts and files ------------------------------------------------------------------- */

static bool open_folder(struct staging *staging, struct error *err)
{
    if (staging->descriptor != NOTHING)
        return true;
    /* emptied folders are used again: it is there more often than not */
    staging->descriptor = open(staging->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (staging->descriptor != NOTHING || errno != ENOENT)
        return staging->descriptor != NOTHING ||
               error_errno(err, errno, "cannot open the staging folder \"%s\"", staging->folder);
    if (!path_make_folder(staging->folder, 0755, err))
        return false;
    staging->descriptor = open(staging->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return staging->descriptor != NOTHING ||
           error_errno(err, errno, "cannot open the staging folder \"%s\"", staging->folder);
}

bool staging_take_number(struct staging *staging, uint32_t *number, char name[STAGING_NAME_SIZE], struct error *err)
{
    if (!open_folder(staging, err))
        return false;
    *number = staging->next++;
    (void)snprintf(name, STAGING_NAME_SIZE, "%u", *number);
    return true;
}

bool staging_digest(struct staging *staging, const struct part *parts, size_t part_count, struct digest *digest,
                    uint64_t *bytes, struct error *err)
{
    *bytes = 0;
    for (size_t i = 0; i < part_count; i++) {
        if (!digest_add(staging->digest, parts[i].data, parts[i].size, err))
            return false;
        *bytes += parts[i].size;
    }
    return digest_end(staging->digest, digest, err);
}

static bool copy_word(char *to, size_t size, const char *text, const char *what, struct error *err)
{
    const char *const from = text != NULL ? text : "";

    if (strlen(from) >= size)
        return error_set(err, ERROR_LIMIT, "%s of an artefact is too long: \"%s\"", what, from);
    memcpy(to, from, strlen(from) + 1);
    return true;
}

struct artefact *staging_add_artefact(struct staging *staging, const struct artefact_spec *spec, struct error *err)
{
    struct product *const product = staging_selected_product(staging);
    struct artefact *const artefact = product_add(product, err);

    if (artefact == NULL)
        return NULL;
    artefact->place = spec->place;
    artefact->frame = spec->frame;
    artefact->columns = spec->columns;
    artefact->rows = spec->rows;
    bool ok = copy_word(artefact->name, sizeof artefact->name, spec->name, "the name", err) &&
              copy_word(artefact->extension, sizeof artefact->extension, spec->extension,
                        "the extension", err) &&
              copy_word(artefact->media_type, sizeof artefact->media_type, spec->media_type,
                        "the media type", err);
    for (size_t i = 0; ok && i < spec->range_count; i++)
        ok = artefact_add_range(artefact, spec->ranges[i], err);
    if (ok)
        return artefact;
    product_remove(product, product->artefact_count - 1);
    return NULL;
}

bool staging_put(struct staging *staging, const struct artefact_spec *spec,
                 const struct part *parts, size_t part_count, struct error *err)
{
    char name[STAGING_NAME_SIZE];
    uint32_t staged;
    struct digest digest;
    uint64_t bytes;

    if (!staging_digest(staging, parts, part_count, &digest, &bytes, err) ||
        !staging_take_number(staging, &staged, name, err) ||
        !staging_file_put(staging->descriptor, name, parts, part_count, err))
        return false;
    struct artefact *const artefact = staging_add_artefact(staging, spec, err);
    if (artefact == NULL) {
        (void)unlinkat(staging->descriptor, name, 0);
        return false;
    }
    artefact->staged = staged;
    artefact->digest = digest;
    artefact->bytes = bytes;
    return true;
}
