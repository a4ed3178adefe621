/* placing.h - the slices or tiles of an object, for the barrier of its series: where they are, and where their pixels are */
#ifndef SLICEPRESS_WORKER_PLACING_H
#define SLICEPRESS_WORKER_PLACING_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "worker/instance.h"

/* What a stage of the series may want: some slice has a place in space; its frames need no decoder. */
struct placing { bool has_place, is_native; };

/* Appends slices.h's bytes; after instance_use_source, which tells how many frames there are. */
bool placing_collect(struct instance *instance, struct buffer *out, struct placing *placing, struct error *err);

/* Appends slide_blob.h's bytes, if it is part of a slide. What is too large for that is no part, and noted. */
bool placing_collect_slide(struct instance *instance, struct buffer *out, struct error *err);

#endif
