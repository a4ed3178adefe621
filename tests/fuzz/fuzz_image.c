/* links: base dicom */
/* A hostile DICOM object, all the way to the places and bytes of its frames. */
#include "base/buffer.h"
#include "base/bytes.h"
#include "dicom/frame_index.h"
#include "dicom/image.h"
#include "dicom/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_frames(const struct object *object, const struct image *image)
{
    struct frame_index *index = NULL;
    struct buffer notes = {0}, out = {0};
    struct error err;
    unsigned bit_offset;

    if (frame_index_open(object, image, &notes, &index, &err)) {
        const uint32_t count = frame_index_count(index);
        for (uint32_t frame = 1; frame <= count && frame <= 8; frame++)
            (void)frame_index_read(index, frame, &out, &bit_offset, &err);
    }
    frame_index_close(index);
    buffer_release(&notes);
    buffer_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes bytes = bytes_of_memory(data, size);
    struct object *object = NULL;
    struct buffer notes = {0};
    struct error err;
    struct image image;
    struct frame_display display;

    if (object_open(&bytes, NULL, &object, &err) && image_read(object, &image, &notes, &err)) {
        read_frames(object, &image);
        for (uint32_t frame = 1; frame <= 3; frame++)
            if (image_frame_display(object, &image, frame, &display, &err))
                frame_display_release(&display);
        image_release(&image);
    }
    object_close(object);
    buffer_release(&notes);
    return 0;
}
