/* links: base dicom codec */
#include "test.h"

#include <lcms2.h>

#include "codec/icc.h"

static struct error err;

struct profile {
    uint8_t *data;
    cmsUInt32Number size;
};

static struct profile saved(cmsHPROFILE handle)
{
    struct profile p = {NULL, 0};

    CHECK(handle != NULL);
    CHECK(cmsSaveProfileToMem(handle, NULL, &p.size));
    p.data = malloc(p.size);
    CHECK(p.data != NULL);
    CHECK(cmsSaveProfileToMem(handle, p.data, &p.size));
    cmsCloseProfile(handle);
    return p;
}

/* Adobe RGB (1998): D65, a wider green, one gamma. As a scanner's, which DICOM asks for. */
static struct profile adobe_rgb(double gamma)
{
    const cmsCIExyY white = {0.3127, 0.3290, 1};
    const cmsCIExyYTRIPLE primaries = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}};
    cmsToneCurve *const curve = cmsBuildGamma(NULL, gamma);
    cmsToneCurve *const curves[3] = {curve, curve, curve};
    const cmsHPROFILE handle = cmsCreateRGBProfile(&white, &primaries, curves);

    cmsSetDeviceClass(handle, cmsSigInputClass);
    cmsFreeToneCurve(curve);
    return saved(handle);
}

/* From the primaries, without any colour management: Adobe RGB -> XYZ (D65) -> sRGB (IEC 61966-2-1). */
static void expected_srgb(const uint8_t from[3], double gamma, double to[3])
{
    static const double to_xyz[3][3] = {{0.57667, 0.18556, 0.18823}, {0.29734, 0.62736, 0.07529},
                                        {0.02703, 0.07069, 0.99134}};
    static const double from_xyz[3][3] = {{3.24045, -1.53714, -0.49853}, {-0.96927, 1.87601, 0.04156},
                                          {0.05564, -0.20403, 1.05723}};
    double linear[3], xyz[3];

    for (int c = 0; c < 3; c++)
        linear[c] = pow(from[c] / 255.0, gamma);
    for (int c = 0; c < 3; c++)
        xyz[c] = to_xyz[c][0] * linear[0] + to_xyz[c][1] * linear[1] + to_xyz[c][2] * linear[2];
    for (int c = 0; c < 3; c++) {
        const double v = from_xyz[c][0] * xyz[0] + from_xyz[c][1] * xyz[1] + from_xyz[c][2] * xyz[2];
        const double inside = v < 0 ? 0 : v > 1 ? 1 : v;
        to[c] = 255 * (inside <= 0.0031308 ? 12.92 * inside : 1.055 * pow(inside, 1 / 2.4) - 0.055);
    }
}

static struct picture colours(void)
{
    struct picture picture = {0};

    CHECK_OK(picture_resize(&picture, 27, 27, 3, &err), err);
    for (uint32_t i = 0; i < 27 * 27; i++) {
        picture.data[3 * i] = (uint8_t)(i % 9 * 255 / 8);
        picture.data[3 * i + 1] = (uint8_t)(i / 9 % 9 * 255 / 8);
        picture.data[3 * i + 2] = (uint8_t)(i / 81 * 255 / 8);
    }
    return picture;
}

static void check_converts(struct icc *icc, const struct profile *profile, double gamma)
{
    struct picture before = colours(), after = colours();

    CHECK_OK(icc_to_srgb(icc, profile->data, profile->size, &after, &err), err);
    for (size_t i = 0; i < 27 * 27; i++) {
        double expected[3];
        expected_srgb(before.data + 3 * i, gamma, expected);
        for (size_t c = 0; c < 3; c++)
            CHECK_NEAR(after.data[3 * i + c], expected[c], 2);
    }
    picture_release(&before);
    picture_release(&after);
}

TEST(test_icc__matrix_profile_gives_the_colours_of_its_primaries)
{
    struct icc *icc = NULL;
    struct profile p22 = adobe_rgb(2.19921875), p18 = adobe_rgb(1.8);

    CHECK_OK(icc_new(&icc, &err), err);
    check_converts(icc, &p22, 2.19921875);
    check_converts(icc, &p22, 2.19921875); /* the kept transform */
    check_converts(icc, &p18, 1.8);        /* another profile */
    check_converts(icc, &p22, 2.19921875);
    icc_free(icc);
    free(p22.data);
    free(p18.data);
}

TEST(test_icc__srgb_stays_as_it_is)
{
    struct icc *icc = NULL;
    struct profile p = saved(cmsCreate_sRGBProfile());
    struct picture before = colours(), after = colours();

    CHECK_OK(icc_new(&icc, &err), err);
    CHECK_OK(icc_to_srgb(icc, p.data, p.size, &after, &err), err);
    for (size_t i = 0; i < 27 * 27 * 3; i++)
        CHECK_NEAR(after.data[i], before.data[i], 1);
    icc_free(icc);
    free(p.data);
    picture_release(&before);
    picture_release(&after);
}

static void check_refused(struct icc *icc, const uint8_t *data, size_t size, enum error_kind kind)
{
    struct picture before = colours(), after = colours();

    for (int twice = 0; twice < 2; twice++) {
        err.kind = ERROR_NONE;
        CHECK(!icc_to_srgb(icc, data, size, &after, &err));
        CHECK_EQ_INT(err.kind, kind);
        CHECK_EQ_MEM(after.data, before.data, 27 * 27 * 3);
    }
    picture_release(&before);
    picture_release(&after);
}

TEST(test_icc__broken_profile_is_corrupt_and_changes_nothing)
{
    struct icc *icc = NULL;
    struct profile p = adobe_rgb(2.2);

    CHECK_OK(icc_new(&icc, &err), err);
    check_refused(icc, (const uint8_t *)"no profile", 10, ERROR_CORRUPT);
    check_refused(icc, p.data, 0, ERROR_CORRUPT);
    check_refused(icc, p.data, 100, ERROR_CORRUPT);
    memset(p.data + 128, 0xff, p.size - 128);
    check_refused(icc, p.data, p.size, ERROR_CORRUPT);
    icc_free(icc);
    free(p.data);
}

TEST(test_icc__profile_for_other_colours_is_unsupported)
{
    struct icc *icc = NULL;
    cmsToneCurve *const curve = cmsBuildGamma(NULL, 2.2);
    struct profile grey = saved(cmsCreateGrayProfile(cmsD50_xyY(), curve));
    struct profile lab = saved(cmsCreateLab4Profile(NULL));
    struct picture picture = {0};

    CHECK_OK(icc_new(&icc, &err), err);
    check_refused(icc, grey.data, grey.size, ERROR_UNSUPPORTED);
    check_refused(icc, lab.data, lab.size, ERROR_UNSUPPORTED);
    CHECK_OK(picture_resize(&picture, 2, 2, 1, &err), err);
    CHECK(!icc_to_srgb(icc, grey.data, grey.size, &picture, &err));
    CHECK_EQ_INT(err.kind, ERROR_UNSUPPORTED);
    picture_release(&picture);
    cmsFreeToneCurve(curve);
    free(grey.data);
    free(lab.data);
    icc_free(icc);
}

TEST(test_icc__mutated_profiles_never_crash)
{
    struct icc *icc = NULL;
    struct profile p = adobe_rgb(2.2);
    struct picture picture = colours();
    uint32_t state = 5;

    CHECK_OK(icc_new(&icc, &err), err);
    for (int k = 0; k < 1500; k++) {
        state = state * 1664525u + 1013904223u;
        const size_t at = (state >> 8) % p.size;
        const uint8_t old = p.data[at];
        p.data[at] = (uint8_t)(state >> 3);
        (void)icc_to_srgb(icc, p.data, p.size, &picture, &err);
        if (k % 4 != 0)
            p.data[at] = old;
    }
    icc_free(icc);
    free(p.data);
    picture_release(&picture);
}
