#include "studio.h"

#include <malloc.h>
#include <string.h>

#include "base/memory.h"

enum { KEPT_MOST = 32 << 20 };

bool studio_new(struct studio **studio, struct error *err)
{
    struct studio *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    if (!decoder_new(&made->decoder, err) || !renderer_new(&made->renderer, err) || !icc_new(&made->icc, err) ||
        !histogram_builder_new(&made->histogram, err)) {
        studio_free(made);
        return false;
    }
    *studio = made;
    return true;
}

void studio_free(struct studio *studio)
{
    if (studio == NULL)
        return;
    decoder_free(studio->decoder);
    renderer_free(studio->renderer);
    icc_free(studio->icc);
    histogram_builder_free(studio->histogram);
    picture_release(&studio->picture);
    buffer_release(&studio->coded);
    buffer_release(&studio->published);
    memory_free(studio);
}

bool studio_tidy(struct studio *studio, struct error *err)
{
    if (studio->coded.capacity <= KEPT_MOST && studio->published.capacity <= KEPT_MOST &&
        studio->picture.capacity <= KEPT_MOST)
        return true;
    buffer_release(&studio->coded);
    buffer_release(&studio->published);
    picture_release(&studio->picture);
    decoder_free(studio->decoder);
    studio->decoder = NULL;
    const bool ok = decoder_new(&studio->decoder, err);
    (void)malloc_trim(0);
    return ok;
}

/* Frames are alike: what is said of one need not be said again. */
static bool note_once(struct buffer *notes, const char *line, const char *why, struct error *err)
{
    return strstr(buffer_text(notes), line) != NULL || buffer_printf(notes, err, "%s: %s\n", line, why);
}

bool studio_draw(struct studio *studio, const struct image *image, const struct frame *frame,
                 const struct frame_display *display, const struct voi *voi, struct buffer *notes, struct error *err)
{
    struct error why = {0};

    if (!renderer_draw(studio->renderer, image, frame, display, voi, &studio->picture, err))
        return false;
    if (studio->picture.channels != 3 || image->icc == NULL ||
        icc_to_srgb(studio->icc, image->icc, image->icc_size, &studio->picture, &why))
        return true;
    return note_once(notes, "the ICC profile is not used", why.text, err);
}
