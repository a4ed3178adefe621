/* Jobs, and what they are about. */
#include "coordinator_private.h"

#include "base/memory.h"

void job_queue_init(struct job_queue *queue)
{
    *queue = (struct job_queue){0};
    queue->last = &queue->first;
}

void job_queue_push(struct job_queue *queue, struct pool_job *job)
{
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
    queue->count++;
}

void job_queue_push_front(struct job_queue *queue, struct pool_job *job)
{
    job->next = queue->first;
    if (queue->first == NULL)
        queue->last = &job->next;
    queue->first = job;
    queue->count++;
}

struct pool_job *job_queue_pop(struct job_queue *queue)
{
    struct pool_job *const job = queue->first;

    if (job == NULL)
        return NULL;
    queue->first = job->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    queue->count--;
    job->next = NULL;
    return job;
}

struct errand *errand_new(struct pool_job *job, struct error *err)
{
    job->owner = memory_zeroed(sizeof(struct errand), err);
    return job->owner;
}

void errand_free(struct errand *errand)
{
    if (errand == NULL)
        return;
    for (size_t i = 0; i < errand->item_count; i++)
        memory_free(errand->items[i].path);
    memory_free(errand->items);
    memory_free(errand->member);
    memory_free(errand->order);
    memory_free(errand->stages);
    memory_free(errand);
}

void job_discard(struct pool_job *job)
{
    errand_free(job->owner);
    pool_job_free(job);
}
