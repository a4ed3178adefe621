#include "picture_box.h"

void picture_box_fit(const struct stage_run *run, int64_t side, uint32_t *columns, uint32_t *rows)
{
    const struct image *const image = run->input->image;

    picture_fit(image->columns, image->rows, image->column_spacing_mm, image->row_spacing_mm, (uint32_t)side, columns,
                rows);
}

static bool add_strip(struct picture_box *box, const struct stage_run *run, const struct stage_frame *frame,
                      uint32_t columns, uint32_t rows, const struct picture **picture, struct error *err)
{
    const struct image *const image = run->input->image;

    if (frame->first_row == 0) {
        strip_shrinker_free(box->strips);
        box->strips = NULL;
        if (!strip_shrinker_new(image->columns, image->rows, frame->picture->channels, columns, rows, &box->strips, err))
            return false;
    }
    *picture = strip_shrinker_add(box->strips, frame->picture);
    return true;
}

bool picture_box_add(struct picture_box *box, const struct stage_run *run, const struct stage_frame *frame,
                     uint32_t columns, uint32_t rows, const struct picture **picture, struct error *err)
{
    *picture = NULL;
    if (frame->picture->rows < run->input->image->rows)
        return add_strip(box, run, frame, columns, rows, picture, err);
    *picture = frame->picture;
    if (columns == frame->picture->columns && rows == frame->picture->rows)
        return true;
    *picture = &box->small;
    return picture_shrink(frame->picture, columns, rows, &box->small, err);
}

bool picture_box_add_fitted(struct picture_box *box, const struct stage_run *run, const struct stage_frame *frame,
                            int64_t side, const struct picture **picture, struct error *err)
{
    uint32_t columns, rows;

    picture_box_fit(run, side, &columns, &rows);
    return picture_box_add(box, run, frame, columns, rows, picture, err);
}

void picture_box_release(struct picture_box *box)
{
    picture_release(&box->small);
    strip_shrinker_free(box->strips);
    box->strips = NULL;
}
