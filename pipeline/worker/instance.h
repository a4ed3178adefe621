/* instance.h - one object being worked on: data set, image, and where its frames come from
 *
 *     instance_open(&instance, bytes, &spool_maker, err)          the data set
 *     instance_read_image(&instance, err)                         what its pixels mean
 *     instance_use_source / _use_planes / _use_published(...)     where frames come from
 *     instance_frame(&instance, n, studio, &frame, err)
 *     instance_release(&instance)
 *
 * The relic of an instance is what must be kept so that its pictures can be made again from stored frames alone: the
 * encoded bytes up to the pixel data, a few bytes more, and how the first frame had been decoded.
 */
#ifndef SLICEPRESS_WORKER_INSTANCE_H
#define SLICEPRESS_WORKER_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/path.h"
#include "dicom/frame_index.h"
#include "dicom/image.h"
#include "dicom/object.h"
#include "job/layout.h"
#include "job/stage.h"
#include "worker/plane_file.h"
#include "worker/studio.h"

struct instance {
    struct object *object;
    struct image image;
    struct buffer notes;             /* of everything below the object: the same whatever is made of it */
    struct buffer frame_notes;       /* of decoding the frame at hand, or its strip */
    struct buffer picture_notes;     /* of drawing it */
    bool varies;                     /* what a frame means may differ by frame: functional groups */
    bool has_display;                /* display is filled, for display_frame (any, if it does not vary) */
    uint32_t display_frame;
    struct frame_display display;
    /* where frames come from: one of these */
    struct frame_index *index;
    struct coded_frame coded;        /* the one at hand, in the studio's buffers; number 0: none */
    uint32_t declared_frames;        /* before image.frames became what the source holds */
    struct plane_reader *planes;
    const char *public_folder;       /* published frames of `subject` */
    const struct subject *subject;
    struct image published_image;    /* what they are; borrows from `image` */
    bool is_plain;                   /* they are plain integers */
    /* how frames had been decoded, from the first one or from the relic */
    bool has_form;
    struct plane_form form;
};

bool instance_open(struct instance *instance, const struct bytes *bytes, const struct spool_maker *spool,
                   struct error *err);
bool instance_read_image(struct instance *instance, struct error *err);
void instance_release(struct instance *instance);

/* image.frames becomes the number of whole frames that are there: less than declared_frames if the data end early. A
 * single frame is left to instance_frame to refuse. */
bool instance_use_source(struct instance *instance, struct error *err);
void instance_use_planes(struct instance *instance, struct plane_reader *planes); /* released with the instance */
bool instance_use_published(struct instance *instance, const char *public_folder, const struct subject *subject,
                            struct error *err);
/* The stored values of frame `number`; lent until the next call. */
bool instance_frame(struct instance *instance, uint32_t number, struct studio *studio, struct frame *frame,
                    struct error *err);
bool instance_is_native(const struct instance *instance); /* the samples lie there as they are, in the source or published */
/* Frames are so large (WHOLE_FRAME_BYTES, less if the worker has little memory; 0: no limit) that not all that becomes of one
 * can be held, but they can be read in strips. They are then not spooled. */
bool instance_wants_strips(const struct instance *instance, uint64_t memory_bytes);
/* A codestream that has no strips for want of tiles may be decoded at once after all. */
bool instance_fits_whole(const struct instance *instance, uint64_t memory_bytes);
/* How many rows a strip of frame `number` has; the last one has what is left. */
bool instance_strip_rows(struct instance *instance, uint32_t number, struct studio *studio, uint32_t *rows,
                         struct error *err);
/* The stored values of `rows` rows from first_row on, a multiple of instance_strip_rows; frame->rows is `rows`. */
bool instance_strip(struct instance *instance, uint32_t number, uint32_t first_row, uint32_t rows, struct studio *studio,
                    struct frame *frame, struct error *err);
/* Frames come in coded bytes: from the source, or from published files. */
bool instance_has_coded(const struct instance *instance);
/* The coded bytes of frame `number`, in the studio's buffers until the next call: instance_frame does not read them
 * again. Only where there are some. */
bool instance_coded(struct instance *instance, uint32_t number, struct studio *studio, struct coded_frame *coded,
                    struct error *err);
/* The form of the frames without decoding one, from the headers of the coded bytes of frame `number`; at once when it
 * is known already. The relic needs it. */
bool instance_know_form(struct instance *instance, uint32_t number, struct studio *studio, struct error *err);
/* How the published frames hold the samples: the first of them is looked at. IO: there is none. */
bool instance_published_form(struct instance *instance, const char *public_folder, const struct subject *subject,
                             struct studio *studio, struct coded_form *form, struct error *err);
/* How frame `number` is to be shown; lent until another frame is asked for. */
bool instance_display(struct instance *instance, uint32_t number, const struct frame_display **display,
                      struct error *err);
/* By what the data set says, before any frame is decoded. */
bool instance_is_colour(const struct instance *instance);

/* Appends the relic; after a frame has been decoded if there is an image. */
bool instance_relic(const struct instance *instance, struct buffer *out, struct error *err);

/* The bytes of a relic as if the object were still as long as it was: what was not kept cannot be read, but lengths
 * that reach into it make sense. `relic` is borrowed; header->bytes is for instance_open. */
struct relic_header { struct bytes bytes; const uint8_t *data; size_t size; };
bool relic_parse(const void *relic, size_t size, struct relic_header *header, struct plane_form *form, bool *has_form,
                 struct error *err);

#endif
