/* source_private.h - what source.c, source_file.c and source_zip.c share; both open functions fill sources->bytes */
#ifndef SLICEPRESS_WORKER_SOURCE_PRIVATE_H
#define SLICEPRESS_WORKER_SOURCE_PRIVATE_H

#include <sys/types.h>

#include "base/buffer.h"
#include "worker/source.h"

enum { SOURCE_MEMORY_MOST = 64 << 20, SOURCE_KEPT_MOST = 16 << 20 };

struct zip_archive; /* the last ZIP, open */

struct sources {
    struct bytes bytes;         /* of the open source; its read function finds the rest from here */
    const char *spool_folder;   /* borrowed */
    int descriptor;             /* of the open file or spool file, or -1 */
    struct buffer content;      /* a small source, whole; memory is kept */
    struct buffer packed;       /* a member as it is in the archive */
    uint64_t from;              /* of a part in the spool, in its file */
    struct zip_archive *archive;
};

bool source_file_open(struct sources *sources, const struct source *source, enum source_purpose purpose,
                      struct error *err);
/* A regular file, opened for reading. */
bool source_file_descriptor(const char *path, int *descriptor, struct error *err);
/* All of an open file into sources->content. */
bool source_file_load(struct sources *sources, int descriptor, uint64_t size, struct error *err);

bool source_spool_open(struct sources *sources, const struct source *source, struct error *err);

bool source_zip_open(struct sources *sources, const struct source *source, enum source_purpose purpose,
                     struct error *err);
void source_zip_close_member(struct zip_archive *archive); /* NULL is fine */
void source_zip_free(struct zip_archive *archive);

#endif
