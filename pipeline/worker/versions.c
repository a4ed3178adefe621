#include "versions.h"

#include <archive.h>
#include <libdeflate.h>
#include <zip.h>

/* The codecs' own headers stay in their codec files; these are functions of their stable interfaces. */
extern const char *opj_version(void);
extern const char *charls_get_version_string(void);
extern const char *png_get_libpng_ver(const void *png);
extern int WebPGetEncoderVersion(void);
extern int cmsGetEncodedCMMversion(void);

bool versions_append(struct buffer *out, struct error *err)
{
    const int webp = WebPGetEncoderVersion(), lcms = cmsGetEncodedCMMversion();

    return buffer_printf(out, err,
                         "slicepress %s, openjpeg %s, charls %s, libwebp %d.%d.%d, libpng %s, lcms2 %d.%d, libzip "
                         "%s, %s, libdeflate %s",
                         SLICEPRESS_VERSION, opj_version(), charls_get_version_string(), webp >> 16,
                         webp >> 8 & 255, webp & 255, png_get_libpng_ver(NULL), lcms / 1000, lcms % 1000 / 10,
                         zip_libzip_version(), archive_version_string(), LIBDEFLATE_VERSION_STRING);
}
