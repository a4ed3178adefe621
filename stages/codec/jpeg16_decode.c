/* jpeg16_decode.c - JPEG through GDCM's libjpeg for 16 bits: lossless processes, 2 to 16 bits */
#include <stdio.h>

#include <gdcmjpeg/16/jpeglib.h>
#include <gdcmjpeg/16/jerror.h>

#include "codec/codec.h"

#define JPEG_DECODE jpeg16_decode
#include "codec/jpeg_decode.inc"
