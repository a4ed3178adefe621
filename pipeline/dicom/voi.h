/* voi.h - from a stored value to a grey level (PS3.3 C.11.1, C.11.2, C.11.6, C.7.5.1.1.2)
 *
 * A voi_curve is the whole way of one value: Modality LUT, VOI, 8 bits, inversion last; padding is black.
 * The level is the standard's formula in double, rounded half up. A VOI LUT is entered with the modality
 * value rounded to an integer; its entries are brought to 0..255 by their declared bits.
 */
#ifndef SLICEPRESS_DICOM_VOI_H
#define SLICEPRESS_DICOM_VOI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "dicom/image.h"

/* What the VOI step is: the first valid window of the display, else its first VOI LUT, else none.
 * (C.11.2: a VOI LUT, if present with a window, is an alternative view; a window is preferred.) */
enum voi_kind { VOI_KIND_NONE, VOI_KIND_WINDOW, VOI_KIND_LUT };
struct voi { enum voi_kind kind; struct window window; const struct lut *lut; };
struct voi voi_of_display(const struct frame_display *display);

struct voi_curve {
    const struct frame_display *display; /* borrowed */
    const struct voi *voi;               /* borrowed */
};

/* False (CORRUPT, or USAGE for kind NONE) unless every number in it can be used. Ask once, before the others. */
bool voi_curve_check(const struct voi_curve *curve, struct error *err);
/* PS3.3 C.11.2.1.2.1, C.11.2.1.3: 0..255, not rounded; `x` is a modality value. */
double voi_window_value(const struct window *window, double x);
/* The modality value of a stored value. */
double voi_modality_value(const struct frame_display *display, double stored);
/* One stored value; NaN and infinities are padding. */
uint8_t voi_grey(const struct voi_curve *curve, double stored);
/* zero[least..most] by stored value (`zero` points to the entry of value 0). */
bool voi_table_fill(const struct voi_curve *curve, int32_t least, int32_t most, uint8_t *zero,
                    struct error *err);
/* Appends all that the levels depend on, so that equal bytes mean an equal curve. voi NULL: only the modality
 * step and the padding. */
bool voi_key(const struct frame_display *display, const struct voi *voi, struct buffer *key,
             struct error *err);

#endif
