#include "member_list.h"

#include <errno.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "worker/source.h"

enum { IN_MEMORY_MOST = 64 << 10 };

/* -- putting away --------------------------------------------------------------------------- */

static bool spill(const char *spool, struct member_list *list, struct error *err)
{
    if (list->descriptor < 0 && !spool_temporary(spool, &list->descriptor, err))
        return false;
    for (size_t done = 0; done < list->coded.size;) {
        const ssize_t n = write(list->descriptor, list->coded.data + done, list->coded.size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(err, errno, "cannot write to the spool");
        done += (size_t)n;
    }
    buffer_clear(&list->coded);
    return true;
}

static bool put_away(const char *spool, const struct job *job, struct member_list *list, struct error *err)
{
    uint64_t end = 0;

    for (; list->count < job->member_count; list->count++) {
        const size_t before = list->coded.size;

        if (!series_member_write(job, list->count, &list->coded, err))
            return false;
        end += list->coded.size - before;
        list->ends[list->count] = end;
        if (list->coded.size > IN_MEMORY_MOST && !spill(spool, list, err))
            return false;
    }
    return list->descriptor < 0 || spill(spool, list, err);
}

bool member_list_new(const char *spool, struct job *job, struct member_list **list, struct error *err)
{
    struct member_list *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->descriptor = -1;
    made->number = SIZE_MAX;
    made->ends = memory_array(job->member_count, sizeof *made->ends, err);
    if (made->ends == NULL || !put_away(spool, job, made, err)) {
        member_list_free(made);
        return false;
    }
    job_drop_members(job);
    *list = made;
    return true;
}

/* -- getting back --------------------------------------------------------------------------- */

/* Into `coded`, where they are in a file. */
static bool read_coded(struct member_list *list, uint64_t from, size_t size, struct error *err)
{
    struct bytes file = {0};

    buffer_clear(&list->coded);
    if (!bytes_of_descriptor(list->descriptor, &file, err) || !buffer_reserve(&list->coded, size, err) ||
        !bytes_read_all(&file, from, list->coded.data, size, err))
        return false;
    list->coded.size = size;
    return true;
}

bool member_list_get(struct member_list *list, size_t number, struct error *err)
{
    const uint64_t from = number > 0 ? list->ends[number - 1] : 0;
    const size_t size = (size_t)(list->ends[number] - from);

    if (list->number == number)
        return true;
    list->number = SIZE_MAX;
    source_release(&list->member.source);
    list->member = (struct series_member){0};
    if (list->descriptor >= 0 && !read_coded(list, from, size, err))
        return false;
    if (!series_member_parse(list->coded.data + (list->descriptor < 0 ? from : 0), size, &list->member, &list->slices,
                             err))
        return false;
    list->number = number;
    return true;
}

void member_list_free(struct member_list *list)
{
    if (list == NULL)
        return;
    if (list->descriptor >= 0)
        (void)close(list->descriptor); /* it has no name */
    source_release(&list->member.source);
    buffer_release(&list->slices);
    buffer_release(&list->coded);
    memory_free(list->ends);
    memory_free(list);
}
