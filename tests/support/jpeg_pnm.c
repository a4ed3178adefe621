/* links: base support */
/* jpeg_pnm - what djpeg and cjpeg do, for tests: PNM (P2 P3 P5 P6, 8 bits) and JPEG over stdin and stdout
 *
 *     jpeg_pnm decode < in.jpg > out.pnm
 *     jpeg_pnm encode QUALITY [ACROSSxDOWN] < in.pnm > out.jpg      chroma halved: 2x1, 2x2
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "base/memory.h"

static int decode(void)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct error err;
    JSAMPROW row;

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_stdio_src(&jpeg, stdin);
    (void)jpeg_read_header(&jpeg, TRUE);
    (void)jpeg_start_decompress(&jpeg);
    (void)printf("P%d\n%u %u\n255\n", jpeg.output_components == 3 ? 6 : 5, jpeg.output_width, jpeg.output_height);
    row = memory_array(jpeg.output_width, (size_t)jpeg.output_components, &err);
    if (row == NULL)
        return 1;
    while (jpeg.output_scanline < jpeg.output_height) {
        (void)jpeg_read_scanlines(&jpeg, &row, 1);
        if (fwrite(row, (size_t)jpeg.output_components, jpeg.output_width, stdout) != jpeg.output_width)
            return 1;
    }
    (void)jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
    memory_free(row);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* A number of a PNM, comments skipped; -1 at the end. */
static int next_number(void)
{
    int value = 0, c = getchar();

    while (c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '#') {
        while (c == '#' && (c = getchar()) != '\n' && c != EOF)
            c = '#';
        c = getchar();
    }
    if (c < '0' || c > '9')
        return -1;
    for (; c >= '0' && c <= '9' && value < 100000; c = getchar())
        value = value * 10 + c - '0';
    return value;
}

static int encode(int quality, const char *sampling)
{
    const int magic = getchar() == 'P' ? getchar() - '0' : 0;
    const int columns = next_number(), rows = next_number(), most = next_number();
    const int channels = magic == 3 || magic == 6 ? 3 : 1;
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct error err;
    JSAMPROW row;

    if ((magic != 2 && magic != 3 && magic != 5 && magic != 6) || columns < 1 || rows < 1 || most != 255)
        return 1;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, stdout);
    jpeg.image_width = (JDIMENSION)columns;
    jpeg.image_height = (JDIMENSION)rows;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    if (channels == 3) {
        jpeg.comp_info[0].h_samp_factor = sampling[0] == '2' ? 2 : 1;
        jpeg.comp_info[0].v_samp_factor = strlen(sampling) == 3 && sampling[2] == '2' ? 2 : 1;
    }
    jpeg_start_compress(&jpeg, TRUE);
    row = memory_array((size_t)columns, (size_t)channels, &err);
    if (row == NULL)
        return 1;
    while (jpeg.next_scanline < jpeg.image_height) {
        for (int i = 0; i < columns * channels; i++)
            row[i] = (JSAMPLE)(magic < 4 ? next_number() : getchar());
        (void)jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    memory_free(row);
    return fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "decode") == 0)
        return decode();
    if ((argc == 3 || argc == 4) && strcmp(argv[1], "encode") == 0)
        return encode((int)strtol(argv[2], NULL, 10), argc == 4 ? argv[3] : "1x1");
    (void)fputs("usage: jpeg_pnm decode | encode QUALITY [ACROSSxDOWN]\n", stderr);
    return 2;
}
