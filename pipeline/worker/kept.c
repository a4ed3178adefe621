#include "kept.h"

#include "base/limits.h"
#include "job/keep.h"

void kept_release(struct kept *kept)
{
    buffer_release(&kept->file);
    buffer_release(&kept->relic);
}

bool kept_open_relic(struct worker *worker, struct kept *kept, const void *relic, size_t size,
                     struct instance *instance, struct error *err)
{
    const struct spool_maker spool = worker_spool_maker(worker);
    struct plane_form form = {0};
    bool has_form = false;

    if (!relic_parse(relic, size, &kept->header, &form, &has_form, err) ||
        !instance_open(instance, &kept->header.bytes, &spool, err))
        return false;
    instance->form = form;
    instance->has_form = has_form;
    return instance_read_image(instance, err);
}

bool kept_open(struct worker *worker, struct kept *kept, const struct digest *source, struct instance *instance,
               struct error *err)
{
    char relative[PATH_SIZE], path[PATH_SIZE];

    return layout_keep(source, relative, err) && path_join(path, worker->work, relative, err) &&
           path_read_file(path, LIMIT(HEADER_BYTES), &kept->file, err) &&
           keep_parse(kept->file.data, kept->file.size, &kept->relic, NULL, NULL, err) &&
           kept_open_relic(worker, kept, kept->relic.data, kept->relic.size, instance, err);
}
