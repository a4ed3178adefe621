/* How the stored values of one frame become something to see: frame_display of image.h. */
#include "dicom/image.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "dicom/lut.h"

enum {
    MODALITY_LUT_SEQUENCE = TAG(0x0028, 0x3000),
    VOI_LUT_SEQUENCE = TAG(0x0028, 0x3010),
    PIXEL_VALUE_TRANSFORMATION = TAG(0x0028, 0x9145),
    FRAME_VOI_LUT = TAG(0x0028, 0x9132),
};

void frame_display_release(struct frame_display *display)
{
    lut_release(&display->modality_lut);
    for (uint32_t i = 0; i < display->voi_lut_count; i++)
        lut_release(&display->voi_luts[i]);
    memory_free(display->voi_luts);
    memory_free(display->windows);
    *display = (struct frame_display){0};
}

/* ---------------------------------------------------------------- modality */

static double number_or(const struct dataset *dataset, uint32_t tag, double otherwise)
{
    double number;
    return dataset_numbers(dataset, tag, "DS", &number, 1) ? number : otherwise;
}

/* X-ray angiography and fluoroscopy: the Modality LUT Sequence linearises for measurements; pictures are
 * made without it unless Pixel Intensity Relationship says that it is linear (PS3.3 C.8.7.1.1.2,
 * C.11.1.1.2). A slope and intercept hold as everywhere. */
static bool sequence_is_for_measuring_only(const struct dataset *dataset, const struct image *image)
{
    char relationship[17];
    if (strcmp(image->sop_class_uid, "1.2.840.10008.5.1.4.1.1.12.1") != 0 &&
        strcmp(image->sop_class_uid, "1.2.840.10008.5.1.4.1.1.12.2") != 0)
        return false;
    return !dataset_text(dataset, TAG(0x0028, 0x1040), relationship, sizeof relationship) ||
           !strcmp(relationship, "LOG") || !strcmp(relationship, "DISP");
}

static bool read_rescale(const struct dataset *dataset, struct frame_display *display)
{
    if (!dataset_has(dataset, TAG(0x0028, 0x1053)) && !dataset_has(dataset, TAG(0x0028, 0x1052)))
        return false;
    display->slope = number_or(dataset, TAG(0x0028, 0x1053), 1);
    display->intercept = number_or(dataset, TAG(0x0028, 0x1052), 0);
    dataset_text(dataset, TAG(0x0028, 0x1054), display->rescale_type, sizeof display->rescale_type);
    return true;
}

static bool read_modality(const struct object *object, const struct image *image, uint32_t frame,
                          struct frame_display *display, struct error *err)
{
    const struct dataset *const root = object_dataset(object);
    const struct dataset *const group =
        object_functional_group(object, PIXEL_VALUE_TRANSFORMATION, frame);
    const struct dataset *const lut = dataset_item(root, MODALITY_LUT_SEQUENCE, 0);
    if (group && read_rescale(group, display))
        return true;
    if (lut && !sequence_is_for_measuring_only(root, image)) {
        if (!lut_read(lut, TAG(0x0028, 0x3002), TAG(0x0028, 0x3006), image->is_signed,
                      &display->modality_lut, err))
            return error_context(err, "Modality LUT Sequence");
        dataset_utf8(lut, TAG(0x0028, 0x3003), display->modality_lut.explanation,
                     sizeof display->modality_lut.explanation);
        dataset_text(lut, TAG(0x0028, 0x3004), display->rescale_type, sizeof display->rescale_type);
        display->has_modality_lut = true;
        return true;
    }
    if (!read_rescale(root, display))
        display->slope = number_or(root, TAG(0x3004, 0x000e), 1); /* Dose Grid Scaling */
    return true;
}

/* ---------------------------------------------------------------- VOI */

/* LINEAR, the default (PS3.3 C.11.2.1.2), counts integers: it runs from center - width/2 to center + width/2 - 1, and a
 * width of 1 is a threshold. Nobody means that over Float or Double Float Pixel Data, where 0.5/1 stands for 0..1:
 * there the default is LINEAR_EXACT, and so is a LINEAR that is no wider than 1. */
static enum voi_function read_function(const struct dataset *dataset, const struct image *image,
                                       double width)
{
    const bool is_integer = image->element == PIXEL_ELEMENT_INTEGER;
    char word[17];
    if (!dataset_text(dataset, TAG(0x0028, 0x1056), word, sizeof word))
        return is_integer ? VOI_LINEAR : VOI_LINEAR_EXACT;
    return !strcmp(word, "LINEAR_EXACT")   ? VOI_LINEAR_EXACT
           : !strcmp(word, "SIGMOID")      ? VOI_SIGMOID
           : is_integer || !(width <= 1.0) ? VOI_LINEAR
                                           : VOI_LINEAR_EXACT;
}

/* Explanation number `index` of all of them in UTF-8. */
static void copy_explanation(const char *all, size_t index, char *text, size_t size)
{
    for (; index; index--) {
        all = strchr(all, '\\');
        if (!all)
            return;
        all++;
    }
    size_t length = strcspn(all, "\\");
    while (length && all[length - 1] == ' ')
        length--;
    if (length >= size)
        length = size - 1;
    while (length && ((unsigned char)all[length] & 0xc0) == 0x80) /* not inside a character */
        length--;
    memcpy(text, all, length);
    text[length] = '\0';
}

static bool read_windows(const struct dataset *dataset, const struct image *image,
                         struct frame_display *display, struct error *err)
{
    double centers[64], widths[64];
    char explanations[1024];
    const size_t most = LIMIT(WINDOWS) < 64 ? (size_t)LIMIT(WINDOWS) : 64;
    size_t count = dataset_numbers(dataset, TAG(0x0028, 0x1050), "DS", centers, most);
    const size_t count_of_widths =
        dataset_numbers(dataset, TAG(0x0028, 0x1051), "DS", widths, most);
    if (count_of_widths < count)
        count = count_of_widths;
    if (!count)
        return true;
    if (!(display->windows = memory_array(count, sizeof display->windows[0], err)))
        return false;
    display->window_count = (uint32_t)count;
    dataset_utf8(dataset, TAG(0x0028, 0x1055), explanations, sizeof explanations);
    for (size_t i = 0; i < count; i++) {
        struct window *const window = &display->windows[i];
        *window = (struct window){.center = centers[i], .width = widths[i]};
        window->function = read_function(dataset, image, widths[i]);
        copy_explanation(explanations, i, window->explanation, sizeof window->explanation);
    }
    return true;
}

/* Whether what the VOI step looks up may be negative (PS3.3 C.11.2.1.1: the descriptor's first
 * input value is signed then). */
static bool modality_values_are_signed(const struct image *image,
                                       const struct frame_display *display)
{
    if (display->has_modality_lut)
        return false;
    const double range = ldexp(1, image->bits_stored < 32 ? image->bits_stored : 32);
    const double low = image->is_signed ? -range / 2 : 0, high = low + range - 1;
    return fmin(low * display->slope, high * display->slope) + display->intercept < 0;
}

static bool read_voi_luts(const struct dataset *dataset, const struct image *image,
                          struct frame_display *display, struct error *err)
{
    size_t count = dataset_items(dataset, VOI_LUT_SEQUENCE);
    if (count > LIMIT(WINDOWS))
        count = (size_t)LIMIT(WINDOWS);
    if (!count)
        return true;
    if (!(display->voi_luts = memory_array(count, sizeof display->voi_luts[0], err)))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct dataset *const item = dataset_item(dataset, VOI_LUT_SEQUENCE, i);
        struct lut *const lut = &display->voi_luts[display->voi_lut_count];
        struct error why;
        if (!lut_read(item, TAG(0x0028, 0x3002), TAG(0x0028, 0x3006),
                      modality_values_are_signed(image, display), lut, &why)) {
            lut_release(lut); /* an alternative view less */
            if (why.kind == ERROR_NOMEM) {
                *err = why;
                return false;
            }
            continue;
        }
        dataset_utf8(item, TAG(0x0028, 0x3003), lut->explanation, sizeof lut->explanation);
        display->voi_lut_count++;
    }
    return true;
}

static bool read_voi(const struct object *object, const struct image *image, uint32_t frame,
                     struct frame_display *display, struct error *err)
{
    const struct dataset *const root = object_dataset(object);
    const struct dataset *const group = object_functional_group(object, FRAME_VOI_LUT, frame);
    if (group && !read_windows(group, image, display, err))
        return false;
    if (!display->window_count && !read_windows(root, image, display, err))
        return false;
    return read_voi_luts(root, image, display, err);
}

/* ---------------------------------------------------------------- padding, shape */

/* Its VR is ambiguous (US or SS), so that it is often written in the wrong one. */
static double as_stored(double value, const struct image *image)
{
    if (image->element != PIXEL_ELEMENT_INTEGER)
        return value;
    if (image->is_signed && value > INT16_MAX && value <= UINT16_MAX)
        return value - 65536;
    if (!image->is_signed && value < 0 && value >= INT16_MIN)
        return value + 65536;
    return value;
}

/* PS3.3 C.7.5.1.1.2; Float and Double Float Pixel Padding for those pixel elements. */
static void read_padding(const struct dataset *dataset, const struct image *image,
                         struct frame_display *display)
{
    const char *const vr = image->element == PIXEL_ELEMENT_FLOAT    ? "FL"
                           : image->element == PIXEL_ELEMENT_DOUBLE ? "FD"
                           : image->is_signed                       ? "SS"
                                                                    : "US";
    const uint32_t tag = image->element == PIXEL_ELEMENT_FLOAT    ? TAG(0x0028, 0x0122)
                         : image->element == PIXEL_ELEMENT_DOUBLE ? TAG(0x0028, 0x0123)
                                                                  : TAG(0x0028, 0x0120);
    const uint32_t limit_tag =
        image->element == PIXEL_ELEMENT_INTEGER ? TAG(0x0028, 0x0121) : tag + 2;
    double value, limit;
    if (image->samples_per_pixel != 1 || !dataset_numbers(dataset, tag, vr, &value, 1))
        return;
    value = as_stored(value, image);
    limit = dataset_numbers(dataset, limit_tag, vr, &limit, 1) ? as_stored(limit, image) : value;
    display->has_padding = true;
    display->padding_low = fmin(value, limit);
    display->padding_high = fmax(value, limit);
}

static bool is_inverse(const struct dataset *dataset, const struct image *image)
{
    char shape[17];
    if (image->photometric != PHOTOMETRIC_MONOCHROME1 &&
        image->photometric != PHOTOMETRIC_MONOCHROME2)
        return false;
    if (dataset_text(dataset, TAG(0x2050, 0x0020), shape, sizeof shape))
        return !strcmp(shape, "INVERSE");
    return image->photometric == PHOTOMETRIC_MONOCHROME1;
}

bool image_frame_display(const struct object *object, const struct image *image, uint32_t frame,
                         struct frame_display *display, struct error *err)
{
    const struct dataset *const root = object_dataset(object);
    *display = (struct frame_display){.slope = 1};
    if (!read_modality(object, image, frame, display, err) ||
        !read_voi(object, image, frame, display, err)) {
        frame_display_release(display);
        return false;
    }
    if (display->slope == 0)
        display->slope = 1; /* would make all of the picture one value */
    read_padding(root, image, display);
    display->inverse = is_inverse(root, image);
    return true;
}
