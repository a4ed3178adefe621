/* versions.h - which libraries this worker was linked with, for the catalogue and `--version` */
#ifndef SLICEPRESS_WORKER_VERSIONS_H
#define SLICEPRESS_WORKER_VERSIONS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"

/* Appends one line without its end: "openjpeg 2.5.0, charls 2.4.1, ...". */
bool versions_append(struct buffer *out, struct error *err);

#endif
