#include "coordinator/shelf.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/path.h"

/* Numbers are never used twice in a shelf: a new one long before they end. */
enum { NEXT_MOST = 1 << 30 };

static struct shelf *add(struct shelves *shelves, struct error *err)
{
    void *items = shelves->items;

    if (!memory_grow(&items, &shelves->capacity, shelves->count + 1, sizeof *shelves->items, err))
        return NULL;
    shelves->items = items;
    struct shelf *const shelf = memory_zeroed(sizeof *shelf, err);
    if (shelf == NULL)
        return NULL;
    (void)snprintf(shelf->name, sizeof shelf->name, "%.24s-%llu", shelves->token, (unsigned long long)++shelves->names);
    shelves->items[shelves->count++] = shelf;
    return shelf;
}

struct shelf *shelves_take(struct shelves *shelves, struct error *err)
{
    struct shelf *found = NULL;

    for (size_t i = 0; found == NULL && i < shelves->count; i++)
        if (!shelves->items[i]->taken && !shelves->items[i]->closed)
            found = shelves->items[i];
    if (found == NULL)
        found = add(shelves, err);
    if (found != NULL)
        found->taken = true;
    return found;
}

void shelf_advance(struct shelf *shelf, const struct manifest *manifest)
{
    for (size_t p = 0; p < manifest->product_count; p++)
        for (size_t i = 0; i < manifest->products[p].artefact_count; i++) {
            const uint32_t number = manifest->products[p].artefacts[i].staged;

            if (number >= shelf->next && number < UINT32_MAX)
                shelf->next = number + 1;
        }
    shelf->closed = shelf->closed || shelf->next > NEXT_MOST;
}

void shelf_give(struct shelf *shelf)
{
    if (shelf != NULL)
        shelf->taken = false;
}

static void remove_closed(struct shelves *shelves)
{
    char path[PATH_SIZE];
    struct error ignored;

    for (size_t i = shelves->count; i-- > 0;) {
        struct shelf *const shelf = shelves->items[i];

        if (!shelf->closed || shelf->taken || shelf->waiting > 0)
            continue;
        if (path_join(path, shelves->folder, shelf->name, &ignored))
            (void)path_remove_tree(path, &ignored); /* else it stays until the run is over */
        memory_free(shelf);
        shelves->items[i] = shelves->items[--shelves->count];
    }
}

void shelf_published(struct shelves *shelves, struct shelf *shelf, bool emptied)
{
    shelf->waiting--;
    shelf->closed = shelf->closed || !emptied;
    if (shelf->closed)
        remove_closed(shelves);
}

void shelves_release(struct shelves *shelves)
{
    for (size_t i = 0; i < shelves->count; i++)
        memory_free(shelves->items[i]);
    memory_free(shelves->items);
    *shelves = (struct shelves){0};
}
