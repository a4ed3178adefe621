/* Where the files and planes of a job go: a shelf of work/staging, the end of a file of work/spool. */
#include "coordinator_private.h"

#include <stdio.h>
#include <string.h>

/* More than planes of its budget, relic and list can be: no worker says so. */
enum { BEYOND_BUDGET_MOST = 512 << 20 };

static bool is_equipped(const struct pool_job *job)
{
    return job->job.kind == JOB_OBJECT || job->job.kind == JOB_RENDER || job->job.kind == JOB_SERIES;
}

static uint64_t spool_left(struct coordinator *c)
{
    const uint64_t whole = (uint64_t)c->settings->spool_mib << 20;

    const uint64_t used = c->spool.used + feed_spool_kept_bytes(&c->feed_spool);

    return whole > used ? (whole - used) / (2 * (uint64_t)c->settings->jobs) : 0;
}

static bool take_spool(struct coordinator *c, struct pool_job *job, struct error *err)
{
    struct errand *const errand = job->owner;

    if (!errand->has_spool && !spool_take(&c->spool, &errand->planes.file, err))
        return false;
    const struct spool_file *const file = &c->spool.files[errand->planes.file];
    errand->has_spool = true;
    errand->planes.offset = job->job.spool_offset = file->end;
    job->job.spool_budget = spool_left(c);
    memcpy(job->job.spool, file->name, sizeof job->job.spool);
    return true;
}

bool equip_job(struct coordinator *c, struct pool_job *job, struct error *err)
{
    struct errand *const errand = job->owner;

    if (!is_equipped(job))
        return true;
    if (errand->shelf == NULL)
        errand->shelf = shelves_take(&c->shelves, err);
    if (errand->shelf == NULL)
        return false;
    memcpy(job->job.staging, errand->shelf->name, sizeof job->job.staging);
    job->job.staging_first = errand->shelf->next;
    return job->job.kind != JOB_OBJECT || take_spool(c, job, err);
}

static void give_spool(struct coordinator *c, struct errand *errand, uint64_t bytes)
{
    if (errand->has_spool)
        spool_give(&c->spool, errand->planes.file, bytes);
    errand->has_spool = false;
    errand->planes.bytes = bytes;
}

void equip_result(struct coordinator *c, struct pool_job *job, struct job_result *result)
{
    struct errand *const errand = job->owner;
    const bool is_failed = result->error != ERROR_NONE && result->state == INSTANCE_FAILED && !result->not_an_object;

    errand->has_staged = result->manifest.product_count > 0;
    shelf_advance(errand->shelf, &result->manifest);
    errand->shelf->closed = errand->shelf->closed || is_failed;
    if (job->job.kind == JOB_RENDER && !errand->series->keeps_planes)
        spool_drop(&c->spool, errand->instance_id);
    else if (job->job.kind == JOB_OBJECT)
        give_spool(c, errand,
                   result->not_an_object || result->spooled > job->job.spool_budget + BEYOND_BUDGET_MOST
                       ? 0
                       : result->spooled);
    errand->shelf->waiting++; /* until the errand is over, or what it left is published */
    shelf_give(errand->shelf);
}

void equip_lost(struct coordinator *c, struct pool_job *job)
{
    struct errand *const errand = job->owner;

    if (!is_equipped(job))
        return;
    give_spool(c, errand, 0);
    if (errand->shelf == NULL)
        return;
    errand->shelf->waiting++;
    shelf_give(errand->shelf);
    shelf_published(&c->shelves, errand->shelf, false);
    errand->shelf = NULL;
}

void equip_leave(struct coordinator *c, struct pool_job *job)
{
    struct errand *const errand = job->owner;

    if (errand->planes.bytes > 0)
        spool_abandon(&c->spool, errand->planes.file);
    if (errand->shelf != NULL)
        shelf_published(&c->shelves, errand->shelf, !errand->has_staged);
    errand->planes.bytes = 0;
    errand->shelf = NULL;
}

bool equip_publication(struct coordinator *c, struct errand *errand, struct publication *publication, struct error *err)
{
    publication->shelf = errand->shelf;
    if (errand->shelf != NULL)
        memcpy(publication->staging, errand->shelf->name, sizeof publication->staging);
    errand->shelf = NULL;
    publication->planes = errand->planes;
    errand->planes.bytes = 0;
    if (publication->planes.bytes == 0 || errand->instance_id == 0)
        return true; /* a member of a stream: its row is made when it is published */
    publication->planes.instance_id = errand->instance_id;
    if (!spool_keep(&c->spool, &publication->planes, err))
        return false;
    publication->planes.bytes = 0;
    return true;
}

bool equip_published(struct coordinator *c, struct publication *publication, struct error *err)
{
    if (publication->shelf != NULL)
        shelf_published(&c->shelves, publication->shelf, publication->is_staging_empty);
    publication->shelf = NULL;
    if (publication->planes.bytes == 0)
        return true;
    publication->planes.instance_id = publication->instance_id;
    if (!publication->dropped && publication->instance_id != 0)
        return spool_keep(&c->spool, &publication->planes, err);
    spool_abandon(&c->spool, publication->planes.file);
    return true;
}
