/* dicom_writer.h - DICOM Part 10 objects from recipes; no GDCM, so that it can be wrong on purpose */
#ifndef SLICEPRESS_SUPPORT_DICOM_WRITER_H
#define SLICEPRESS_SUPPORT_DICOM_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "recipe.h"

struct writing { bool explicit_vr, big_endian; };

/* Where a top-level element went, in bytes of the file. */
struct placed { uint32_t tag; size_t at, length_at, value; unsigned length_size; };
struct places { size_t count, capacity; struct placed *items; /* owned */ };

/* The whole file; settings that are absent get their defaults in the recipe. */
bool dicom_write(struct recipe *recipe, struct buffer *out, struct error *err);

/* 2.25.N of a name: the same name, the same UID. */
bool name_uid(const char *name, char uid[65], struct error *err);

/* element_writer.c */
bool element_value(const struct recipe_element *element, struct writing writing, struct buffer *out,
                   struct error *err);
bool element_write(const struct recipe_element *element, struct writing writing, struct buffer *out,
                   struct placed *placed, struct error *err);
bool set_write(struct recipe_set *set, struct writing writing, struct buffer *out,
               struct places *places, struct error *err);
/* Tag, VR and length; 0xffffffff: undefined. */
bool element_head(uint32_t tag, const char *vr, uint32_t length, struct writing writing,
                  struct buffer *out, struct placed *placed, struct error *err);

/* pixel_writer.c: the pixel element, native or encapsulated, as the settings say */
struct layout_of_pixels {
    uint32_t rows, columns, frames, samples, planar;
    unsigned allocated, stored, high;
};
struct layout_of_pixels pixels_layout(const struct recipe *recipe);
bool pixels_write(const struct recipe *recipe, struct writing writing, bool encapsulated,
                  struct buffer *out, struct placed *placed, struct error *err);

/* pixel_coding.c */
bool rle_encode(const uint8_t *frame, size_t pixels, unsigned samples, unsigned bytes, bool planar,
                struct buffer *out, struct error *err);
bool deflate_raw(const void *data, size_t size, struct buffer *out, struct error *err);

#endif
