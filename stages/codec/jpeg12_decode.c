/* jpeg12_decode.c - JPEG through GDCM's libjpeg for 12 bits: lossy processes with 12 bits */
#include <stdio.h>

#include <gdcmjpeg/12/jpeglib.h>
#include <gdcmjpeg/12/jerror.h>

#include "codec/codec.h"

#define JPEG_DECODE jpeg12_decode
#include "codec/jpeg_decode.inc"
