/* plane_file.h - decoded frames of one instance in the spool, until the series window is known
 *
 *     plane_writer_new(path, offset, &writer, err), plane_writer_add(writer, &frame, err)..., plane_writer_end(...)
 *     plane_reader_open(path, offset, bytes, &reader, err), plane_reader_relic(...), plane_reader_get(...)
 *
 * A file may hold the planes of many instances, one after another. Written by one worker and read by another, which
 * trusts nothing in it.
 */
#ifndef SLICEPRESS_WORKER_PLANE_FILE_H
#define SLICEPRESS_WORKER_PLANE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/frame.h"

/* How a frame's samples are to be read: struct frame without number and samples. */
struct plane_form {
    uint32_t frames; /* of the instance */
    uint32_t rows, columns;
    uint16_t samples_per_pixel, bits_stored;
    enum sample_type type;
    bool is_signed, lossy;
    enum photometric photometric;
};

struct plane_form plane_form_of(const struct frame *frame, uint32_t frames);
bool plane_form_write(const struct plane_form *form, struct buffer *out, struct error *err);
bool plane_form_parse(struct reader *reader, struct plane_form *form, struct error *err);
enum { PLANE_FORM_BYTES = 4 * 3 + 2 * 2 + 4 };
/* Bytes of samples; at most LIMIT(FRAME_BYTES) after plane_form_parse. */
uint64_t plane_form_size(const struct plane_form *form);

struct plane_writer;
/* What the file holds from `offset` on is overwritten. Nothing is written before there is much, or the end. */
bool plane_writer_new(const char *path, uint64_t offset, struct plane_writer **writer, struct error *err);
bool plane_writer_add(struct plane_writer *writer, const struct frame *frame, struct error *err);
/* The relic goes to the end. *bytes: of all, from `offset` on. */
bool plane_writer_end(struct plane_writer *writer, const struct buffer *relic, uint64_t *bytes, struct error *err);
/* Closes; what a writer that was not ended has written is garbage. NULL is fine. */
void plane_writer_free(struct plane_writer *writer);

struct plane_reader;
bool plane_reader_open(const char *path, uint64_t offset, uint64_t bytes, struct plane_reader **reader,
                       struct error *err);
void plane_reader_free(struct plane_reader *reader);
const struct buffer *plane_reader_relic(const struct plane_reader *reader);
/* Samples go into `samples`. IO if this frame is not in the file. */
bool plane_reader_get(struct plane_reader *reader, uint32_t number, struct buffer *samples, struct frame *frame,
                      struct error *err);

#endif
