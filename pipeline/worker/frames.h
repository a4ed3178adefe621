/* frames.h - the one pass over the frames of an instance: decoded once, handed to whoever wants them */
#ifndef SLICEPRESS_WORKER_FRAMES_H
#define SLICEPRESS_WORKER_FRAMES_H

#include <stdbool.h>

#include "base/error.h"
#include "dicom/histogram.h"
#include "worker/instance.h"
#include "worker/plane_file.h"
#include "worker/stage_set.h"
#include "worker/studio.h"

struct frames_pass {
    struct instance *instance;
    struct stage_set *stages;
    bool tells_notes;                    /* of decoding: to the products */
    struct studio *studio;
    const struct window *series_window;  /* for grey frames without a window of their own; NULL: none */
    struct histogram_builder *histogram; /* NULL: not wanted */
    struct plane_writer *planes;         /* of what the deferred stages want; NULL: none */
    bool keeps_all;                      /* ... of all frames */
    uint64_t memory_bytes;               /* of the worker: what does not fit comes in strips; 0: no limit */
    uint32_t cpu_seconds;                /* allowed for a few frames: an object may have a million */
    /* filled */
    bool used_series_window;
    uint32_t readable; /* frames before the one that failed; all of them without a failure */
};

/* A frame that cannot be read ends it: a missing or wrong frame must not pass in silence. */
bool frames_run(struct frames_pass *pass, struct error *err);
/* Whether the histogram wants this frame: all up to 64, then every k-th. */
bool frames_counted(uint32_t frames, uint32_t number);

#endif
