#include "kept.h"

#include "job/keep.h"

void kept_release(struct kept *kept)
{
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

bool kept_open(struct worker *worker, struct kept *kept, const struct buffer *blob, struct instance *instance,
               struct error *err)
{
    if (blob->size == 0)
        return error_set(err, ERROR_IO, "the source is gone, and nothing is kept of it");
    return keep_parse_relic(blob->data, blob->size, &kept->relic, err) &&
           kept_open_relic(worker, kept, kept->relic.data, kept->relic.size, instance, err);
}
