/* geometry_vector.h - vectors of three; private to dicom/ */
#ifndef SLICEPRESS_DICOM_GEOMETRY_VECTOR_H
#define SLICEPRESS_DICOM_GEOMETRY_VECTOR_H

#include <math.h>
#include <stdbool.h>

static inline double vector_dot(const double a[3], const double b[3])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static inline double vector_length(const double a[3])
{
    return sqrt(vector_dot(a, a));
}

static inline void vector_cross(const double a[3], const double b[3], double to[3])
{
    to[0] = a[1] * b[2] - a[2] * b[1];
    to[1] = a[2] * b[0] - a[0] * b[2];
    to[2] = a[0] * b[1] - a[1] * b[0];
}

/* to = from + factor * along; `to` may be `from`. */
static inline void vector_add(const double from[3], double factor, const double along[3],
                              double to[3])
{
    for (int i = 0; i < 3; i++)
        to[i] = from[i] + factor * along[i];
}

static inline bool vector_is_finite(const double a[3])
{
    return isfinite(a[0]) && isfinite(a[1]) && isfinite(a[2]);
}

#endif
