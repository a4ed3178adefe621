/* original_pixels.h - pixel data coded anew, as they stand in a file: encapsulated, a fragment and an entry of the
 * offset table for each frame (PS3.5 A.4)
 *
 *     struct original_pixels pixels = {.coding = FRAME_HTJ2K, .frames = 96, .native_bits = ...};
 *     for each frame, in order:
 *         original_pixels_code(&pixels, &frame, err)
 *         before the first: the caller puts File Meta and data set by pixels.form; original_pixels_begin(...)
 *         original_pixels_put(&pixels, staging, err)
 *     original_pixels_end(&pixels, staging, err)
 *     original_pixels_release(&pixels)
 *
 * Several frames have a Basic Offset Table, or, where its 32 bits might not do, an Extended one (PS3.3 C.7.6.3.1.8).
 * Bytes go to the open stream of the staging; tables are filled as the frames come, so nothing is held but one frame.
 */
#ifndef SLICEPRESS_STAGES_ORIGINAL_PIXELS_H
#define SLICEPRESS_STAGES_ORIGINAL_PIXELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "codec/frame_code.h"
#include "dicom/coded_form.h"
#include "dicom/frame.h"
#include "job/staging.h"

struct original_pixels {
    enum frame_coding coding; /* wished: HTJ2K or J2K */
    uint32_t frames;          /* that are to come */
    uint64_t native_bits;     /* of all of them, not coded */
    /* of the frame coded last */
    struct coded_form form;   /* frames: as above */
    /* private */
    struct frame_coder coder;
    struct frame_payload payload;
    uint32_t put;
    uint64_t basic_table, extended_table, first_item; /* where they stand in the stream; 0: no such table */
};

/* What is coded is held until it is put. */
bool original_pixels_code(struct original_pixels *pixels, const struct frame *frame, struct error *err);
/* The head of the pixel data, tables included. */
bool original_pixels_begin(struct original_pixels *pixels, struct staging *staging, struct error *err);
bool original_pixels_put(struct original_pixels *pixels, struct staging *staging, struct error *err);
bool original_pixels_end(struct original_pixels *pixels, struct staging *staging, struct error *err);
void original_pixels_release(struct original_pixels *pixels);

#endif
