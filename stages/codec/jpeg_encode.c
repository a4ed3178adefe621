#include "codec/jpeg_encode.h"

#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

#include "base/memory.h"

/* 255 APP2 segments of 65,535 bytes, less length, name and numbers (ICC.1 annex B.4). */
enum { ICC_MOST = 255 * 65519, FIRST_BYTES = 16384 };

/* What one call is about; the callbacks find it through client_data. */
struct job {
    const struct picture *picture;
    const struct jpeg_options *options;
    const uint8_t *icc;
    size_t icc_size;
    struct buffer *out;
    struct error *err;
};

struct jpeg_encoder {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    jmp_buf jump;
    struct job job;
    bool is_created;
    JHUFF_TBL standard[4]; /* ITU-T T.81 annex K: DC 0, 1, AC 0, 1 */
};

/* -- callbacks ---------------------------------------------------------------------------- */

static void on_error(j_common_ptr c)
{
    struct jpeg_encoder *const encoder = c->client_data;
    char text[JMSG_LENGTH_MAX];

    c->err->format_message(c, text);
    (void)error_set(encoder->job.err, c->err->msg_code == JERR_OUT_OF_MEMORY ? ERROR_NOMEM : ERROR_CODEC,
                    "libjpeg: %s", text);
    longjmp(encoder->jump, 1);
}

static void on_message(j_common_ptr c, int level)
{
    (void)c; /* warnings and traces: an encoder's are about nothing */
    (void)level;
}

/* Lends libjpeg the free part of the buffer; its last byte stays for the NUL. */
static void lend(struct jpeg_encoder *encoder, size_t bytes)
{
    struct buffer *const out = encoder->job.out;

    if (!buffer_reserve(out, bytes, encoder->job.err))
        longjmp(encoder->jump, 1);
    encoder->destination.next_output_byte = out->data + out->size;
    encoder->destination.free_in_buffer = out->capacity - out->size - 1;
}

static void on_start(j_compress_ptr c)
{
    lend(c->client_data, FIRST_BYTES);
}

static boolean on_full(j_compress_ptr c)
{
    struct jpeg_encoder *const encoder = c->client_data;

    encoder->job.out->size = encoder->job.out->capacity - 1;
    lend(encoder, encoder->job.out->size);
    return TRUE;
}

static void on_end(j_compress_ptr c)
{
    struct jpeg_encoder *const encoder = c->client_data;
    struct buffer *const out = encoder->job.out;

    out->size = out->capacity - 1 - encoder->destination.free_in_buffer;
    out->data[out->size] = 0;
}

/* -- work, in the reach of longjmp ---------------------------------------------------------- */

static JHUFF_TBL *table_of(struct jpeg_encoder *encoder, int i)
{
    return i < 2 ? encoder->c.dc_huff_tbl_ptrs[i] : encoder->c.ac_huff_tbl_ptrs[i - 2];
}

static void create(struct jpeg_encoder *encoder)
{
    jpeg_create_compress(&encoder->c);
    encoder->is_created = true;
    encoder->c.input_components = 3;
    encoder->c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&encoder->c);
    for (int i = 0; i < 4; i++)
        encoder->standard[i] = *table_of(encoder, i);
}

/* jpeg_set_defaults leaves Huffman tables that exist as they are, and those that were optimised for another
 * picture lack codes: libjpeg-turbo then writes garbage without an error. */
static void restore_tables(struct jpeg_encoder *encoder)
{
    for (int i = 0; i < 4; i++)
        *table_of(encoder, i) = encoder->standard[i];
}

static void configure(struct jpeg_encoder *encoder)
{
    struct jpeg_compress_struct *const c = &encoder->c;
    const struct picture *const picture = encoder->job.picture;
    const struct jpeg_options *const options = encoder->job.options;

    c->image_width = picture->columns;
    c->image_height = picture->rows;
    c->input_components = (int)picture->channels;
    c->in_color_space = picture->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    restore_tables(encoder);
    jpeg_set_defaults(c); /* resets what the picture before had set; 4:2:0 for YCbCr */
    jpeg_set_quality(c, options->quality, TRUE);
    c->dct_method = JDCT_ISLOW;
    c->optimize_coding = options->optimise || options->progressive;
    if (picture->channels == 3 && options->full_chroma)
        c->comp_info[0].h_samp_factor = c->comp_info[0].v_samp_factor = 1;
    if (options->progressive)
        jpeg_simple_progression(c);
}

static void compress(struct jpeg_encoder *encoder)
{
    struct jpeg_compress_struct *const c = &encoder->c;
    const struct job *const job = &encoder->job;
    const size_t row_bytes = (size_t)job->picture->columns * job->picture->channels;

    configure(encoder);
    jpeg_start_compress(c, TRUE);
    if (job->icc != NULL && job->icc_size > 0)
        jpeg_write_icc_profile(c, job->icc, (unsigned)job->icc_size);
    while (c->next_scanline < c->image_height) {
        JSAMPROW row = job->picture->data + c->next_scanline * row_bytes;
        (void)jpeg_write_scanlines(c, &row, 1);
    }
    jpeg_finish_compress(c);
}

/* The only setjmp: nothing local is used after a jump. */
static bool guarded(struct jpeg_encoder *encoder, void (*work)(struct jpeg_encoder *encoder))
{
    if (setjmp(encoder->jump) != 0)
        return false;
    work(encoder);
    return true;
}

/* ------------------------------------------------------------------------------------------- */

bool jpeg_encoder_new(struct jpeg_encoder **encoder, struct error *err)
{
    struct jpeg_encoder *const e = memory_zeroed(sizeof *e, err);

    if (e == NULL)
        return false;
    e->c.err = jpeg_std_error(&e->errors);
    e->errors.error_exit = on_error;
    e->errors.emit_message = on_message;
    e->c.client_data = e;
    e->job.err = err;
    if (!guarded(e, create)) {
        jpeg_encoder_free(e);
        return false;
    }
    e->destination = (struct jpeg_destination_mgr){
        .init_destination = on_start, .empty_output_buffer = on_full, .term_destination = on_end};
    e->c.dest = &e->destination;
    *encoder = e;
    return true;
}

void jpeg_encoder_free(struct jpeg_encoder *encoder)
{
    if (encoder == NULL)
        return;
    if (encoder->is_created)
        jpeg_destroy_compress(&encoder->c);
    memory_free(encoder);
}

bool jpeg_encode(struct jpeg_encoder *encoder, const struct picture *picture,
                 const struct jpeg_options *options, const uint8_t *icc, size_t icc_size,
                 struct buffer *out, struct error *err)
{
    const size_t start = out->size;

    if (picture->columns > JPEG_MAX_DIMENSION || picture->rows > JPEG_MAX_DIMENSION)
        return error_set(err, ERROR_LIMIT, "a JPEG of %u x %u, expected at most %d a side",
                         (unsigned)picture->columns, (unsigned)picture->rows, (int)JPEG_MAX_DIMENSION);
    if (icc != NULL && icc_size > ICC_MOST)
        return error_set(err, ERROR_LIMIT, "an ICC profile of %zu bytes, expected at most %d in a JPEG",
                         icc_size, (int)ICC_MOST);
    encoder->job = (struct job){picture, options, icc, icc_size, out, err};
    if (guarded(encoder, compress))
        return true;
    jpeg_abort_compress(&encoder->c);
    out->size = start;
    if (out->data != NULL)
        out->data[start] = 0;
    return false;
}
