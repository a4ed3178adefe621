#include "coordinator/idle.h"

#include <string.h>

#include "base/memory.h"

bool idle_give(struct idle_names *idle, const char name[48], struct error *err)
{
    void *names = idle->names;

    if (!memory_grow(&names, &idle->capacity, idle->count + 1, sizeof *idle->names, err))
        return false;
    idle->names = names;
    memcpy(idle->names[idle->count++], name, sizeof *idle->names);
    return true;
}

bool idle_take(struct idle_names *idle, char name[48])
{
    if (idle->count == 0)
        return false;
    memcpy(name, idle->names[--idle->count], sizeof *idle->names);
    return true;
}

void idle_release(struct idle_names *idle)
{
    memory_free(idle->names);
    *idle = (struct idle_names){0};
}
