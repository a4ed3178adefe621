#include "codec/icc.h"

#include <stdio.h>
#include <string.h>

#include <lcms2.h>

#include "base/memory.h"

struct icc {
    cmsContext context;
    uint8_t *profile; /* the last one, owned */
    size_t size;
    cmsHTRANSFORM transform; /* NULL: it was refused, and `refusal` says why */
    struct error refusal;
    char said[160]; /* lcms's last words */
};

static void on_error(cmsContext context, cmsUInt32Number code, const char *text)
{
    struct icc *const icc = cmsGetContextUserData(context);

    (void)code;
    if (icc != NULL && icc->said[0] == '\0')
        (void)snprintf(icc->said, sizeof icc->said, "%s", text);
}

bool icc_new(struct icc **icc, struct error *err)
{
    struct icc *const i = memory_zeroed(sizeof *i, err);

    if (i == NULL)
        return false;
    i->context = cmsCreateContext(NULL, i);
    if (i->context == NULL) {
        memory_free(i);
        return error_set(err, ERROR_NOMEM, "lcms has no memory to start");
    }
    cmsSetLogErrorHandlerTHR(i->context, on_error);
    *icc = i;
    return true;
}

static void forget(struct icc *icc)
{
    if (icc->transform != NULL)
        cmsDeleteTransform(icc->transform);
    memory_free(icc->profile);
    icc->transform = NULL;
    icc->profile = NULL;
    icc->size = 0;
}

void icc_free(struct icc *icc)
{
    if (icc == NULL)
        return;
    forget(icc);
    cmsDeleteContext(icc->context);
    memory_free(icc);
}

/* PS3.3 C.11.15.1.1 wants an input profile for RGB; cameras' and scanners' software also leaves display and
 * colour space profiles (sRGB itself is one). */
static bool is_source_of_colour(cmsHPROFILE profile)
{
    const cmsProfileClassSignature class = cmsGetDeviceClass(profile);

    return class == cmsSigInputClass || class == cmsSigDisplayClass || class == cmsSigColorSpaceClass ||
           class == cmsSigOutputClass;
}

/* White of the source becomes white of the page, also where the header asks for absolute colorimetry. */
static cmsUInt32Number intent_of(cmsHPROFILE profile)
{
    const cmsUInt32Number intent = cmsGetHeaderRenderingIntent(profile);
    return intent <= INTENT_SATURATION ? intent : INTENT_RELATIVE_COLORIMETRIC;
}

static const char *said(const struct icc *icc)
{
    return icc->said[0] != '\0' ? icc->said : "no reason given";
}

static bool make_transform(struct icc *icc, cmsHPROFILE profile, struct error *err)
{
    if (cmsGetColorSpace(profile) != cmsSigRgbData || !is_source_of_colour(profile))
        return error_set(err, ERROR_UNSUPPORTED,
                         "ICC profile of class 0x%08x for color space 0x%08x, expected a source of RGB",
                         (unsigned)cmsGetDeviceClass(profile), (unsigned)cmsGetColorSpace(profile));
    const cmsHPROFILE srgb = cmsCreate_sRGBProfileTHR(icc->context);
    if (srgb == NULL)
        return error_set(err, ERROR_NOMEM, "lcms has no memory for sRGB");
    icc->transform =
        cmsCreateTransformTHR(icc->context, profile, TYPE_RGB_8, srgb, TYPE_RGB_8, intent_of(profile), 0);
    cmsCloseProfile(srgb);
    return icc->transform != NULL ||
           error_set(err, ERROR_CORRUPT, "ICC profile cannot be used: %s", said(icc));
}

static bool open_profile(struct icc *icc, struct error *err)
{
    icc->said[0] = '\0';
    const cmsHPROFILE profile =
        icc->size <= UINT32_MAX
            ? cmsOpenProfileFromMemTHR(icc->context, icc->profile, (cmsUInt32Number)icc->size)
            : NULL;
    if (profile == NULL)
        return error_set(err, ERROR_CORRUPT, "ICC profile of %zu bytes is broken: %s", icc->size, said(icc));
    const bool ok = make_transform(icc, profile, err);
    cmsCloseProfile(profile);
    return ok;
}

/* Makes `profile` the last one; a refusal is remembered as well, or every frame would try again. */
static bool ready(struct icc *icc, const uint8_t *profile, size_t size, struct error *err)
{
    if (icc->profile == NULL || icc->size != size || memcmp(icc->profile, profile, size) != 0) {
        forget(icc);
        icc->profile = memory_new(size, err);
        if (icc->profile == NULL)
            return false;
        memcpy(icc->profile, profile, size);
        icc->size = size;
        (void)open_profile(icc, &icc->refusal);
    }
    if (icc->transform == NULL)
        *err = icc->refusal;
    return icc->transform != NULL;
}

bool icc_to_srgb(struct icc *icc, const uint8_t *profile, size_t size, struct picture *picture,
                 struct error *err)
{
    const size_t row_bytes = (size_t)picture->columns * 3;

    if (picture->channels != 3)
        return error_set(err, ERROR_UNSUPPORTED, "an ICC profile for a grey picture");
    if (profile == NULL || size == 0)
        return error_set(err, ERROR_CORRUPT, "ICC profile is empty");
    if (!ready(icc, profile, size, err))
        return false;
    for (uint32_t i = 0; i < picture->rows; i++) {
        uint8_t *const row = picture->data + i * row_bytes;
        cmsDoTransform(icc->transform, row, row, picture->columns);
    }
    return true;
}
