/* links: base dicom codec */
/* The codestream indexer against OpenJPEG: every prefix it names decodes to the reduced image, and not with a
 * byte less. Codestreams by OpenJPH (ours), by OpenJPEG in all its options, and from the data set. */
#include <dirent.h>
#include <fcntl.h>
#include <openjpeg.h>
#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "base/bytes.h"
#include "base/memory.h"
#include "codec/codestream_index.h"
#include "codec/htj2k_encode.h"
#include "codec/j2k_packet.h"
#include "codec/j2k_tileparts.h"
#include "dicom/frame_index.h"
#include "dicom/image.h"
#include "dicom/object.h"
#include "tests/support/hostile.h"
#include "tests/support/test.h"

static struct error err;

/* -- OpenJPEG ---------------------------------------------------------------------------------- */

struct memory_stream { struct buffer *bytes; size_t at; };

static OPJ_SIZE_T read_stream(void *to, OPJ_SIZE_T size, void *client)
{
    struct memory_stream *const stream = client;
    const size_t left = stream->bytes->size - stream->at, count = size < left ? size : left;

    if (count == 0)
        return (OPJ_SIZE_T)-1;
    memcpy(to, stream->bytes->data + stream->at, count);
    stream->at += count;
    return count;
}

static OPJ_SIZE_T write_stream(void *from, OPJ_SIZE_T size, void *client)
{
    struct memory_stream *const stream = client;

    while (stream->bytes->size < stream->at + size)
        CHECK_OK(buffer_put_u8(stream->bytes, 0, &err), err);
    memcpy(stream->bytes->data + stream->at, from, size);
    stream->at += size;
    return size;
}

static OPJ_OFF_T skip_stream(OPJ_OFF_T distance, void *client)
{
    struct memory_stream *const stream = client;

    if (distance < 0 || (size_t)distance > stream->bytes->size - stream->at)
        return -1;
    stream->at += (size_t)distance;
    return distance;
}

static OPJ_BOOL seek_stream(OPJ_OFF_T offset, void *client)
{
    struct memory_stream *const stream = client;

    if (offset < 0 || (size_t)offset > stream->bytes->size)
        return OPJ_FALSE;
    stream->at = (size_t)offset;
    return OPJ_TRUE;
}

static opj_stream_t *open_stream(struct memory_stream *memory, OPJ_BOOL is_input)
{
    opj_stream_t *const stream = opj_stream_default_create(is_input);

    opj_stream_set_read_function(stream, read_stream);
    opj_stream_set_write_function(stream, write_stream);
    opj_stream_set_skip_function(stream, skip_stream);
    opj_stream_set_seek_function(stream, seek_stream);
    opj_stream_set_user_data(stream, memory, NULL);
    if (is_input)
        opj_stream_set_user_data_length(stream, memory->bytes->size);
    return stream;
}

/* The first `size` bytes and EOC, strictly; NULL if that cannot be decoded. */
static opj_image_t *decode_prefix(const uint8_t *data, size_t size, unsigned reduce)
{
    struct buffer bytes = {0};
    struct memory_stream memory = {&bytes, 0};
    opj_dparameters_t parameters;
    opj_image_t *image = NULL;

    CHECK_OK(buffer_append(&bytes, data, size, &err) && buffer_append(&bytes, "\xFF\xD9", 2, &err), err);
    opj_stream_t *const stream = open_stream(&memory, OPJ_TRUE);
    opj_codec_t *const codec = opj_create_decompress(OPJ_CODEC_J2K);
    opj_set_default_decoder_parameters(&parameters);
    parameters.cp_reduce = reduce;
    const bool ok = opj_setup_decoder(codec, &parameters) && opj_decoder_set_strict_mode(codec, OPJ_TRUE) &&
                    opj_read_header(stream, codec, &image) &&
                    opj_set_decode_area(codec, image, 0, 0, 0, 0) && /* sizes for an image with an offset */
                    opj_decode(codec, stream, image) &&
                    opj_end_decompress(codec, stream);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    buffer_release(&bytes);
    if (!ok) {
        opj_image_destroy(image);
        image = NULL;
    }
    return image;
}

static bool equal_images(const opj_image_t *a, const opj_image_t *b)
{
    if (a->numcomps != b->numcomps)
        return false;
    for (unsigned c = 0; c < a->numcomps; c++) {
        const opj_image_comp_t *const one = &a->comps[c], *const two = &b->comps[c];
        if (one->w != two->w || one->h != two->h || one->data == NULL || two->data == NULL ||
            memcmp(one->data, two->data, (size_t)one->w * one->h * sizeof *one->data) != 0)
            return false;
    }
    return true;
}

/* -- one codestream ---------------------------------------------------------------------------- */

/* An exact copy: ASan sees a byte read beyond it. */
static uint8_t *exact_copy(const uint8_t *data, size_t size)
{
    uint8_t *const copy = malloc(size > 0 ? size : 1);

    CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

static bool index_copy(const uint8_t *data, size_t size, struct codestream_index *index, struct buffer *out)
{
    uint8_t *const copy = exact_copy(data, size);
    const bool ok = codestream_index(copy, size, index, &err) && codestream_rewrite(copy, size, index, out, &err);

    free(copy);
    return ok;
}

/* TLM, written as the last segment of the main header. */
static void check_tlm(const struct buffer *out, const struct j2k_tileparts *parts)
{
    static const uint8_t marker[] = {0xFF, 0x55};
    const uint8_t *const tlm = memmem(out->data, out->size, marker, sizeof marker);

    CHECK(tlm != NULL);
    CHECK_EQ_UINT(tlm[2] << 8 | tlm[3], 4 + 6 * parts->count);
    CHECK_EQ_UINT(tlm[4] << 8 | tlm[5], 0x60);
    size_t start = (size_t)(tlm - out->data) + 6 + 6 * parts->count;
    for (size_t i = 0; i < parts->count; i++) {
        const uint8_t *const entry = tlm + 6 + 6 * i, *const sot = out->data + start;

        CHECK_EQ_MEM(sot, "\xFF\x90\0\x0A\0", 6);
        CHECK_EQ_UINT(entry[0] << 8 | entry[1], 0);
        CHECK_EQ_MEM(entry + 2, sot + 6, 4);
        CHECK_EQ_UINT(sot[10], i);
        CHECK_EQ_UINT(sot[11], parts->count);
        start = parts->ends[i];
    }
}

static void check_structure(const struct buffer *out, const struct codestream_index *index, const char *what)
{
    struct j2k_tileparts parts;
    struct codestream_index second = {0};
    struct buffer again = {0};

    CHECK_EQ_UINT(out->size, index->size);
    CHECK_OK(j2k_tileparts_find(out->data, out->size, &parts, &err), err);
    CHECK_EQ_UINT(parts.count, index->count);
    for (size_t i = 0; i < parts.count; i++)
        if (parts.ends[i] != index->resolutions[i].end)
            TEST_FAIL("%s: tile-part %zu ends at %zu, resolution at %zu", what, i, parts.ends[i],
                      index->resolutions[i].end);
    if (!index->is_indexed)
        check_tlm(out, &parts);
    /* Once is enough. */
    CHECK(index_copy(out->data, out->size, &second, &again));
    CHECK(second.is_indexed);
    CHECK_EQ_UINT(again.size, out->size);
    CHECK_EQ_MEM(again.data, out->data, out->size);
    buffer_release(&again);
    codestream_index_release(&second);
}

/* What OpenJPEG makes of the source itself, reduced. */
static opj_image_t *decode_source(const uint8_t *data, size_t size, unsigned reduce)
{
    while (data[size - 1] == 0) /* a fragment's padding */
        size--;
    const bool has_eoc = data[size - 2] == 0xFF && data[size - 1] == 0xD9;

    return decode_prefix(data, has_eoc ? size - 2 : size, reduce);
}

/* Every resolution: columns, rows and pixels of its prefix; nothing, or something else, with a byte less. */
static void check_prefixes(const uint8_t *data, size_t size, const struct buffer *out,
                           const struct codestream_index *index, const char *what)
{
    for (unsigned r = 0; r < index->count; r++) {
        const struct codestream_resolution *const resolution = &index->resolutions[r];
        const unsigned reduce = index->count - 1 - r;
        opj_image_t *const full = decode_source(data, size, reduce);
        opj_image_t *const part = decode_prefix(out->data, resolution->end, reduce);

        if (full == NULL || part == NULL)
            TEST_FAIL("%s: resolution %u is not decoded (source %d, prefix %d)", what, r, full != NULL, part != NULL);
        if (part->comps[0].w != resolution->columns || part->comps[0].h != resolution->rows)
            TEST_FAIL("%s: resolution %u is %u x %u, expected %u x %u", what, r, part->comps[0].w, part->comps[0].h,
                      resolution->columns, resolution->rows);
        if (!equal_images(full, part))
            TEST_FAIL("%s: resolution %u has other pixels", what, r);
        opj_image_destroy(part);
        opj_image_t *const less = decode_prefix(out->data, resolution->end - 1, reduce);
        if (less != NULL && equal_images(full, less))
            TEST_FAIL("%s: resolution %u needs a byte less than %zu", what, r, resolution->end);
        opj_image_destroy(less);
        opj_image_destroy(full);
    }
}

/* False: refused as UNSUPPORTED. `out` if it is wanted. */
static bool check_codestream(const uint8_t *data, size_t size, const char *what)
{
    static struct codestream_index index; /* kept, as in a worker */
    struct buffer out = {0};

    CHECK_OK(buffer_puts(&out, "", &err), err);
    const bool ok = index_copy(data, size, &index, &out);
    if (!ok && err.kind != ERROR_UNSUPPORTED)
        TEST_FAIL("%s: %s", what, err.text);
    if (ok) {
        check_structure(&out, &index, what);
        check_prefixes(data, size, &out, &index, what);
    } else {
        CHECK_EQ_UINT(index.count, 0);
        CHECK_EQ_UINT(out.size, 0);
    }
    buffer_release(&out);
    return ok;
}

/* -- our encoder ------------------------------------------------------------------------------- */

enum pattern { NOISE, FLAT, SPARSE, SMOOTH, PATTERNS };

static int32_t pattern_value(enum pattern pattern, size_t x, size_t y, unsigned bits, bool is_signed, uint32_t *random)
{
    const int32_t span = (int32_t)1 << bits, least = is_signed ? -(span / 2) : 0;

    *random = *random * 1664525 + 1013904223;
    switch (pattern) {
    case NOISE: return least + (int32_t)((*random >> 7) % (uint32_t)span);
    case SPARSE: return least + (x % 200 == 3 && y % 150 == 5 ? span - 1 : 0);
    case SMOOTH: return least + (int32_t)((x * 3 + y * 2) / 4 % (size_t)span);
    case FLAT:
    case PATTERNS: break;
    }
    return least;
}

struct picture {
    uint32_t columns, rows;
    uint16_t samples, bits;
    bool is_signed;
    enum photometric photometric;
    enum pattern pattern;
};

static void encode_ours(const struct picture *picture, struct buffer *out)
{
    const size_t count = (size_t)picture->columns * picture->rows;
    int32_t *const samples = memory_new(count * picture->samples * 4, &err);
    uint32_t random = picture->columns * 31 + picture->rows;

    CHECK(samples != NULL);
    for (size_t i = 0; i < count * picture->samples; i++) {
        const size_t pixel = i / picture->samples;
        samples[i] = pattern_value(picture->pattern, pixel % picture->columns, pixel / picture->columns, picture->bits,
                                   picture->is_signed, &random);
    }
    const struct frame frame = {.number = 1, .rows = picture->rows, .columns = picture->columns,
                                .samples_per_pixel = picture->samples,
                                .type = picture->is_signed ? SAMPLE_S32 : SAMPLE_U32, .bits_stored = picture->bits,
                                .is_signed = picture->is_signed, .photometric = picture->photometric,
                                .samples = samples, .size = count * picture->samples * 4};
    CHECK_OK(htj2k_encode(&frame, out, &err), err);
    memory_free(samples);
}

static void check_ours(struct picture picture)
{
    struct buffer coded = {0};
    char what[100];

    (void)snprintf(what, sizeof what, "%u x %u x %u, %u bits%s, photometric %d, pattern %d", picture.columns,
                   picture.rows, picture.samples, picture.bits, picture.is_signed ? " signed" : "",
                   picture.photometric, picture.pattern);
    encode_ours(&picture, &coded);
    if (!check_codestream(coded.data, coded.size, what))
        TEST_FAIL("%s: %s", what, err.text);
    buffer_release(&coded);
}

static void check_size(uint32_t columns, uint32_t rows)
{
    for (int pattern = 0; pattern < PATTERNS; pattern++) {
        check_ours((struct picture){columns, rows, 1, 12, false, PHOTOMETRIC_MONOCHROME2, (enum pattern)pattern});
        check_ours((struct picture){columns, rows, 3, 8, false, PHOTOMETRIC_RGB, (enum pattern)pattern});
    }
    check_ours((struct picture){columns, rows, 1, 16, true, PHOTOMETRIC_MONOCHROME2, NOISE});
    check_ours((struct picture){columns, rows, 3, 8, false, PHOTOMETRIC_YBR_FULL, NOISE});
}

TEST(test_codestream_index__every_small_size)
{
    for (uint32_t columns = 1; columns <= 10; columns++)
        for (uint32_t rows = 1; rows <= 10; rows++)
            check_size(columns, rows);
}

TEST(test_codestream_index__lines_and_odd_sizes)
{
    static const uint32_t sides[][2] = {{1, 4000}, {4000, 1}, {2, 2}, {63, 63}, {63, 65}, {64, 64}, {65, 65},
                                        {65, 64}, {2, 4097}, {4097, 3}, {129, 2049}};

    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++)
        check_size(sides[i][0], sides[i][1]);
}

TEST(test_codestream_index__sizes_around_512)
{
    for (uint32_t columns = 511; columns <= 513; columns++)
        for (uint32_t rows = 511; rows <= 513; rows++)
            check_ours((struct picture){columns, rows, 1, 12, rows % 2, PHOTOMETRIC_MONOCHROME2,
                                        rows % 2 ? SMOOTH : SPARSE});
    check_ours((struct picture){512, 512, 3, 8, false, PHOTOMETRIC_RGB, SMOOTH});
    check_ours((struct picture){512, 512, 1, 12, false, PHOTOMETRIC_MONOCHROME2, NOISE});
}

TEST(test_codestream_index__every_depth_and_sign)
{
    for (uint16_t bits = 1; bits <= HTJ2K_BITS_MOST; bits++)
        for (int is_signed = 0; is_signed <= 1; is_signed++)
            for (int pattern = 0; pattern < PATTERNS; pattern++) {
                check_ours((struct picture){67, 129, 1, bits, is_signed, PHOTOMETRIC_MONOCHROME2,
                                            (enum pattern)pattern});
                check_ours((struct picture){40, 33, 3, bits, is_signed, PHOTOMETRIC_RGB, (enum pattern)pattern});
            }
}

TEST(test_codestream_index__large)
{
    check_ours((struct picture){4097, 3001, 1, 8, false, PHOTOMETRIC_MONOCHROME2, SMOOTH});
}

/* Sides above 32,768 have several precincts by default. */
TEST(test_codestream_index__two_precincts_by_width)
{
    check_ours((struct picture){40000, 200, 1, 12, false, PHOTOMETRIC_MONOCHROME2, SPARSE});
    check_ours((struct picture){200, 40000, 3, 8, false, PHOTOMETRIC_RGB, FLAT});
    check_ours((struct picture){65535, 64, 3, 8, false, PHOTOMETRIC_YBR_FULL, SMOOTH});
}

/* -- OpenJPEG's encoder ------------------------------------------------------------------------ */

struct options {
    uint32_t x0, y0, columns, rows;
    unsigned components, dx[4], dy[4];
    int levels, layers, block_columns, block_rows, precincts, precinct_columns, precinct_rows, mode, csty;
    OPJ_PROG_ORDER progression;
    bool irreversible, transform;
    char parts; /* R, L, C or 0 */
    bool plt, tlm;
    enum pattern pattern;
};

static void ignore_message(const char *text, void *client)
{
    (void)text;
    (void)client;
}

static opj_image_t *make_image(const struct options *coding)
{
    opj_image_cmptparm_t components[4] = {{0}};
    const uint32_t x1 = coding->x0 + coding->columns, y1 = coding->y0 + coding->rows;
    uint32_t random = coding->columns + 7 * coding->rows;

    for (unsigned c = 0; c < coding->components; c++) {
        const uint32_t dx = coding->dx[c], dy = coding->dy[c];
        components[c] = (opj_image_cmptparm_t){.dx = dx, .dy = dy, .prec = 8, .x0 = (coding->x0 + dx - 1) / dx,
                                               .y0 = (coding->y0 + dy - 1) / dy};
        components[c].w = (x1 + dx - 1) / dx - components[c].x0;
        components[c].h = (y1 + dy - 1) / dy - components[c].y0;
        if (components[c].w == 0 || components[c].h == 0)
            return NULL;
    }
    opj_image_t *const image = opj_image_create(coding->components, components,
                                                coding->components == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
    CHECK(image != NULL);
    image->x0 = coding->x0;
    image->y0 = coding->y0;
    image->x1 = x1;
    image->y1 = y1;
    for (unsigned c = 0; c < coding->components; c++)
        for (uint32_t y = 0; y < components[c].h; y++)
            for (uint32_t x = 0; x < components[c].w; x++)
                image->comps[c].data[y * components[c].w + x] =
                    pattern_value(coding->pattern, x, y, 8, false, &random);
    return image;
}

static void set_parameters(const struct options *coding, opj_cparameters_t *parameters)
{
    opj_set_default_encoder_parameters(parameters);
    parameters->cp_disto_alloc = 1;
    parameters->tcp_numlayers = coding->layers;
    for (int i = 0; i < coding->layers; i++) /* the last lossless */
        parameters->tcp_rates[i] = i + 1 < coding->layers ? (float)(40 >> i) : 0.0f;
    parameters->numresolution = coding->levels + 1;
    parameters->cblockw_init = coding->block_columns;
    parameters->cblockh_init = coding->block_rows;
    parameters->mode = coding->mode;
    parameters->irreversible = coding->irreversible;
    parameters->prog_order = coding->progression;
    parameters->csty |= coding->csty;
    parameters->tcp_mct = coding->transform;
    parameters->res_spec = coding->precincts;
    for (int i = 0; i < coding->precincts; i++) {
        parameters->prcw_init[i] = coding->precinct_columns >> i < 2 ? 2 : coding->precinct_columns >> i;
        parameters->prch_init[i] = coding->precinct_rows >> i < 2 ? 2 : coding->precinct_rows >> i;
    }
    if (coding->precincts > 0)
        parameters->csty |= 1;
    parameters->tp_on = coding->parts != 0;
    parameters->tp_flag = coding->parts;
}

/* An encoder that refuses leaks, which is OpenJPEG's. */
static void count_leaks(bool yes)
{
#ifdef __SANITIZE_ADDRESS__
    (yes ? __lsan_enable : __lsan_disable)();
#else
    (void)yes;
#endif
}

/* False if OpenJPEG will not. */
static bool encode_theirs(const struct options *coding, struct buffer *out)
{
    const char *extra[3] = {NULL, NULL, NULL};
    opj_cparameters_t parameters;
    struct memory_stream memory = {out, 0};
    opj_image_t *const image = make_image(coding);

    if (image == NULL)
        return false;
    count_leaks(false);
    set_parameters(coding, &parameters);
    opj_codec_t *const codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_stream_t *const stream = open_stream(&memory, OPJ_FALSE);
    opj_set_error_handler(codec, ignore_message, NULL);
    extra[0] = coding->plt ? "PLT=YES" : coding->tlm ? "TLM=YES" : NULL;
    extra[1] = coding->plt && coding->tlm ? "TLM=YES" : NULL;
    const bool ok = opj_setup_encoder(codec, &parameters, image) &&
                    (extra[0] == NULL || opj_encoder_set_extra_options(codec, extra)) &&
                    opj_start_compress(codec, image, stream) && opj_encode(codec, stream) &&
                    opj_end_compress(codec, stream);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    count_leaks(true);
    opj_image_destroy(image);
    return ok;
}

static struct options plain(uint32_t columns, uint32_t rows, unsigned components)
{
    return (struct options){.columns = columns, .rows = rows, .components = components, .dx = {1, 1, 1, 1},
                           .dy = {1, 1, 1, 1}, .levels = 4, .layers = 1, .block_columns = 64, .block_rows = 64,
                           .progression = OPJ_RPCL, .pattern = SMOOTH};
}

static void name_coding(const struct options *c, char *what, size_t size)
{
    (void)snprintf(what, size, "%u,%u+%ux%ux%u /%u,%u,%u,%u %u,%u,%u,%u levels %d layers %d blocks %dx%d precincts %d: "
                   "%dx%d mode %d csty %d order %d irreversible %d mct %d parts %c plt %d tlm %d pattern %d",
                   c->x0, c->y0, c->columns, c->rows, c->components, c->dx[0], c->dx[1], c->dx[2], c->dx[3], c->dy[0],
                   c->dy[1], c->dy[2], c->dy[3], c->levels, c->layers, c->block_columns, c->block_rows, c->precincts,
                   c->precinct_columns, c->precinct_rows, c->mode, c->csty, (int)c->progression, c->irreversible,
                   c->transform, c->parts != 0 ? c->parts : '-', c->plt, c->tlm, (int)c->pattern);
}

enum outcome { NOT_ENCODED, REFUSED, INDEXED };

static enum outcome check_theirs(const struct options *coding)
{
    struct buffer coded = {0};
    enum outcome outcome = NOT_ENCODED;
    char what[320];

    name_coding(coding, what, sizeof what);
    if (encode_theirs(coding, &coded))
        outcome = check_codestream(coded.data, coded.size, what) ? INDEXED : REFUSED;
    buffer_release(&coded);
    return outcome;
}

static void check_indexed(struct options coding)
{
    if (check_theirs(&coding) != INDEXED)
        TEST_FAIL("not indexed: %s", err.text);
}

TEST(test_codestream_index__layers_precincts_markers)
{
    struct options coding = plain(300, 200, 3);

    check_indexed(coding);
    coding.transform = true;
    coding.layers = 4;
    check_indexed(coding);
    coding.csty = 2 | 4;
    check_indexed(coding);
    coding.precincts = 2;
    coding.precinct_columns = coding.precinct_rows = 64;
    check_indexed(coding);
    coding.csty = 4;
    coding.plt = true;
    coding.precinct_columns = 256;
    check_indexed(coding);
    coding.tlm = true;
    coding.parts = 'C';
    check_indexed(coding);
    coding.irreversible = true;
    check_indexed(coding);
}

TEST(test_codestream_index__block_styles)
{
    for (int mode = 0; mode < 64; mode++) {
        struct options coding = plain(150, 90, 1);

        coding.mode = mode;
        coding.layers = 3;
        coding.block_columns = coding.block_rows = 16;
        coding.pattern = NOISE;
        check_indexed(coding);
    }
}

/* Components of different sampling take turns at their own positions (B.12.1.3). */
TEST(test_codestream_index__subsampled_components)
{
    struct options coding = plain(230, 170, 3);

    coding.dx[1] = coding.dx[2] = coding.dy[1] = coding.dy[2] = 2;
    coding.precincts = 1;
    coding.precinct_columns = coding.precinct_rows = 32;
    check_indexed(coding);
    coding.dy[1] = 1;
    coding.dx[0] = 4;
    check_indexed(coding);
    coding.x0 = 37;
    coding.y0 = 11;
    coding.layers = 2;
    check_indexed(coding);
}

/* OpenJPEG's own tile-part by resolution with TLM needs nothing. */
TEST(test_codestream_index__indexed_ones_stay)
{
    struct options coding = plain(300, 200, 1);
    struct codestream_index index = {0};
    struct buffer coded = {0}, out = {0};

    coding.tlm = true;
    coding.parts = 'R';
    CHECK(encode_theirs(&coding, &coded));
    const size_t size = coded.size;
    CHECK_OK(buffer_append(&coded, "\0", 1, &err), err); /* padding behind EOC */
    CHECK(index_copy(coded.data, coded.size, &index, &out));
    CHECK(index.is_indexed);
    CHECK_EQ_UINT(out.size, size);
    CHECK_EQ_MEM(out.data, coded.data, size);
    /* a TLM that lies is no index */
    const uint8_t tlm[] = {0xFF, 0x55};
    uint8_t *const found = memmem(coded.data, coded.size, tlm, 2);
    CHECK(found != NULL);
    found[found[3] + 1] ^= 1;
    buffer_clear(&out);
    CHECK(index_copy(coded.data, coded.size, &index, &out));
    CHECK(!index.is_indexed);
    buffer_release(&coded);
    buffer_release(&out);
    codestream_index_release(&index);
}

static unsigned below(uint64_t *state, unsigned end)
{
    return (unsigned)(hostile_random(state) % end);
}

static struct options random_coding(uint64_t *state)
{
    struct options coding = plain(1 + below(state, 200), 1 + below(state, 200), 1 + below(state, 4));
    const bool same = below(state, 2);

    if (below(state, 2)) {
        coding.x0 = below(state, 90);
        coding.y0 = below(state, 90);
    }
    for (unsigned c = 0; c < coding.components; c++) {
        coding.dx[c] = same ? 1 : 1u << below(state, 3);
        coding.dy[c] = same ? 1 : 1u << below(state, 3);
    }
    coding.levels = (int)below(state, 6);
    coding.layers = 1 + (int)below(state, 3);
    coding.block_columns = 4 << below(state, 5);
    coding.block_rows = 4 << below(state, 5);
    coding.precincts = (int)below(state, 4);
    /* OpenJPEG halves them to 1, which only the smallest resolution may have (A.6.1) */
    coding.precinct_columns = 1 << (coding.levels + (int)below(state, 5) + (coding.levels == 0));
    coding.precinct_rows = 1 << (coding.levels + (int)below(state, 5) + (coding.levels == 0));
    coding.mode = below(state, 2) ? (int)below(state, 64) : 0;
    coding.csty = (int)below(state, 4) * 2;
    coding.progression = below(state, 3) ? OPJ_RPCL : (OPJ_PROG_ORDER)below(state, 5);
    /* OpenJPEG's 9/7 asserts that there is more than one sample */
    coding.irreversible = below(state, 3) == 0 && same && coding.columns > 64 && coding.rows > 64;
    coding.transform = same && coding.components == 3 && below(state, 2);
    /* OpenJPEG splits packets of one position wrongly: then its own decoder gives other pixels */
    coding.parts = "\0RLC"[below(state, same ? 4 : 2)];
    coding.plt = below(state, 3) == 0;
    coding.tlm = below(state, 3) == 0;
    coding.pattern = (enum pattern)below(state, PATTERNS);
    return coding;
}

static bool is_empty(uint32_t from, uint32_t count, uint32_t step, int levels)
{
    const uint32_t scale = UINT32_C(1) << levels;

    return ((from + step - 1) / step + scale - 1) / scale == ((from + count + step - 1) / step + scale - 1) / scale;
}

static bool has_empty_resolution(const struct options *coding)
{
    for (unsigned c = 0; c < coding->components; c++)
        if (is_empty(coding->x0, coding->columns, coding->dx[c], coding->levels) ||
            is_empty(coding->y0, coding->rows, coding->dy[c], coding->levels))
            return true;
    return false;
}

static void check_random(uint64_t state)
{
    unsigned counts[3] = {0};

    for (unsigned round = 0; round < 300; round++) {
        const struct options coding = random_coding(&state);
        const enum outcome outcome = check_theirs(&coding);

        counts[outcome]++;
        if (outcome == REFUSED && coding.progression == OPJ_RPCL && !has_empty_resolution(&coding) &&
            strcmp(err.text, "more than 255 tile-parts") != 0) /* OpenJPEG counts on from 0 */
            TEST_FAIL("round %u: refused: %s", round, err.text);
    }
    if (counts[INDEXED] < 150 || counts[REFUSED] < 30)
        TEST_FAIL("%u not encoded, %u refused, %u indexed", counts[0], counts[1], counts[2]);
}

TEST(test_codestream_index__random_options_1)
{
    check_random(20261121);
}

TEST(test_codestream_index__random_options_2)
{
    check_random(20261122);
}

TEST(test_codestream_index__random_options_3)
{
    check_random(20261123);
}

TEST(test_codestream_index__random_options_4)
{
    check_random(20261124);
}

/* -- the data set ------------------------------------------------------------------------------ */

static bool make_spool(void *client, int *descriptor, struct error *error)
{
    (void)client;
    *descriptor = memfd_create("test", MFD_CLOEXEC);
    return *descriptor >= 0 || error_set(error, ERROR_IO, "cannot make a spool");
}

struct tally { unsigned htj2k, htj2k_indexed, j2k, j2k_indexed, ready; };

static void check_frames(const struct object *object, const char *path, struct tally *tally)
{
    struct buffer notes = {0}, coded = {0};
    struct frame_index *index = NULL;
    struct image image = {0};
    unsigned bit_offset;

    if (image_read(object, &image, &notes, &err) && frame_index_open(object, &image, &notes, &index, &err)) {
        const bool is_ht = image.transfer_syntax->coding == CODING_HTJ2K;
        const uint32_t count = frame_index_count(index);

        for (uint32_t number = 1; number <= count; number += count > 1 ? count - 1 : 1) {
            CHECK_OK(frame_index_read(index, number, &coded, &bit_offset, &err), err);
            if (coded.size < 4 || coded.data[0] != 0xFF || coded.data[1] != 0x4F)
                continue;
            const bool indexed = check_codestream(coded.data, coded.size, path);
            if (!indexed)
                printf("%s: %s\n", path, err.text);
            *(is_ht ? &tally->htj2k : &tally->j2k) += 1;
            *(is_ht ? &tally->htj2k_indexed : &tally->j2k_indexed) += indexed;
        }
    }
    frame_index_close(index);
    image_release(&image);
    buffer_release(&notes);
    buffer_release(&coded);
}

static void check_file(const char *path, struct tally *tally)
{
    const struct spool_maker spool = {make_spool, NULL};
    struct object *object = NULL;
    struct bytes bytes;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);

    CHECK(descriptor >= 0);
    if (bytes_of_descriptor(descriptor, &bytes, &err) && object_open(&bytes, &spool, &object, &err)) {
        const struct transfer_syntax *const syntax = object_transfer_syntax(object);
        if (syntax != NULL && (syntax->coding == CODING_JPEG_2000 || syntax->coding == CODING_HTJ2K))
            check_frames(object, path, tally);
    }
    object_close(object);
    (void)close(descriptor);
}

/* By name, so that the sanitizers' runs stay short. */
static bool is_wanted(const char *name, const char *part)
{
    return strstr(name, part) != NULL;
}

static void check_folder(const char *folder, const char *part, struct tally *tally)
{
    DIR *const stream = opendir(folder);
    char path[1024];

    if (stream == NULL)
        TEST_SKIP("no data set");
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_DIR)
            check_folder(path, part, tally);
        else if (is_wanted(entry->d_name, part))
            check_file(path, tally);
    }
    (void)closedir(stream);
}

static struct tally check_data(const char *folder, const char *part)
{
    struct tally tally = {0};
    char path[512];

    (void)snprintf(path, sizeof path, "%s/%s", test_environment("SLICEPRESS_TEST_DATA"), folder);
    check_folder(path, part, &tally);
    return tally;
}

TEST(test_codestream_index__htj2k_of_wg04)
{
    const struct tally tally = check_data("conformance/wg04", "_JPH");

    CHECK_EQ_UINT(tally.htj2k, 10);
    CHECK_EQ_UINT(tally.htj2k_indexed, 10);
}

TEST(test_codestream_index__htj2k_of_pydicom)
{
    const struct tally tally = check_data("conformance/pydicom", "HTJ2K");

    CHECK_EQ_UINT(tally.htj2k, 2);
    CHECK_EQ_UINT(tally.htj2k_indexed, 2);
}

/* All of them LRCP: one layer of one precinct a resolution is the same as RPCL. */
TEST(test_codestream_index__j2k_of_wg04)
{
    const struct tally tally = check_data("conformance/wg04", "_J2KR");

    CHECK_EQ_UINT(tally.j2k, 11);
    CHECK_EQ_UINT(tally.j2k_indexed, 11);
}

TEST(test_codestream_index__lossy_j2k_of_wg04)
{
    const struct tally tally = check_data("conformance/wg04", "_J2KI");

    CHECK(tally.j2k >= 10);
    CHECK_EQ_UINT(tally.j2k_indexed, tally.j2k);
}

/* The two refused: 693_J2KI has three layers, GDCMJ2K_TextGBR many tiles. */
TEST(test_codestream_index__j2k_of_pydicom)
{
    const struct tally tally = check_data("conformance/pydicom", "");

    CHECK(tally.j2k >= 12);
    CHECK_EQ_UINT(tally.j2k_indexed, tally.j2k - 2);
}

/* -- packet headers by hand -------------------------------------------------------------------- */

static void check_packet(struct j2k_reader *reader, const char *bits, unsigned layer, size_t more, size_t expected)
{
    uint8_t bytes[64] = {0};
    struct j2k_packet packet;
    size_t at = 0;
    unsigned left = 8;

    for (; *bits != '\0'; bits++) {
        if (*bits == ' ')
            continue;
        if (left == 0) {
            left = bytes[at] == 0xFF ? 7 : 8;
            at++;
        }
        bytes[at] = (uint8_t)(bytes[at] | (unsigned)(*bits - '0') << --left);
    }
    at += bytes[at] == 0xFF ? 2 : 1;
    uint8_t *const exact = exact_copy(bytes, at + more);
    CHECK_OK(j2k_packet_read(reader, exact, at + more, layer, &packet, &err), err);
    CHECK_EQ_UINT(packet.size, expected);
    if (expected > 1) {
        uint8_t *const shorter = exact_copy(bytes, at + more - 1);
        struct j2k_reader other = {0};
        const struct j2k_precinct precinct = {.component = 0, .bands = 1, .blocks = {{1, 1}}};

        if (layer == 0) {
            CHECK(j2k_reader_begin(&other, &precinct, reader->style, &err));
            CHECK(!j2k_packet_read(&other, shorter, at + more - 1, 0, &packet, &err));
            CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
        }
        j2k_reader_release(&other);
        free(shorter);
    }
    free(exact);
}

/* T.814 B.3: placeholders and clean-up in one length, refinement in a second, here in three layers. */
TEST(test_codestream_index__ht_segments)
{
    const struct j2k_precinct precinct = {.component = 0, .bands = 1, .blocks = {{1, 1}}};
    struct j2k_reader reader = {0};

    /* not empty, included, 2 planes missing, 6 passes (1111 00000), Lblock 3+1, length 9 in 4+2 bits, 5 in 4+1 */
    CHECK_OK(j2k_reader_begin(&reader, &precinct, J2K_STYLE_HT, &err), err);
    check_packet(&reader, "1 1 001 111100000 10 001001 00101", 0, 14, 4 + 14);
    /* the set is complete: another pass would be another set */
    uint8_t full[] = {0xC0, 0, 0, 0};
    struct j2k_packet packet;
    CHECK(!j2k_packet_read(&reader, full, sizeof full, 1, &packet, &err));
    CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
    /* one pass, then one, then one: 3 bits each */
    CHECK_OK(j2k_reader_begin(&reader, &precinct, J2K_STYLE_HT, &err), err);
    check_packet(&reader, "1 1 1 0 0 101", 0, 5, 6);
    check_packet(&reader, "1 1 0 0 111", 1, 7, 8);
    check_packet(&reader, "1 1 0 0 000", 2, 0, 1);
    /* one pass, nothing, then two in one segment: 4 bits; the header ends in FF and has a byte more */
    CHECK_OK(j2k_reader_begin(&reader, &precinct, J2K_STYLE_HT, &err), err);
    check_packet(&reader, "1 1 1 0 0 010", 0, 2, 3);
    check_packet(&reader, "0", 1, 0, 1);
    check_packet(&reader, "1 1 10 0 0011", 2, 3, 5);
    j2k_reader_release(&reader);
}

TEST(test_codestream_index__stuffed_bits)
{
    const struct j2k_precinct precinct = {.component = 0, .bands = 1, .blocks = {{1, 1}}};
    struct j2k_reader reader = {0};

    /* 1 1 1, 37 + 0 passes: 1111 11111 0000000: Lblock 3, 3 + 5 bits of length: FF behind which 7 bits count */
    CHECK_OK(j2k_reader_begin(&reader, &precinct, 0, &err), err);
    check_packet(&reader, "111 111111111 0000000 0 00000011", 0, 3, 4 + 3);
    /* all ones to the last bit: 8 bits, then a stuffed byte */
    CHECK_OK(j2k_reader_begin(&reader, &precinct, 0, &err), err);
    check_packet(&reader, "1 1 1 0 11110 0000101", 0, 5, 2 + 5);
    j2k_reader_release(&reader);
    /* a bit of 1 where 0 is stuffed */
    const uint8_t wrong[] = {0xFF, 0x80, 0, 0, 0, 0};
    struct j2k_packet packet;
    CHECK_OK(j2k_reader_begin(&reader, &precinct, 0, &err), err);
    CHECK(!j2k_packet_read(&reader, wrong, sizeof wrong, 0, &packet, &err));
    CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
    j2k_reader_release(&reader);
}

/* -- what is refused --------------------------------------------------------------------------- */

static void check_refused(const struct buffer *coded, enum error_kind kind, const char *text)
{
    struct codestream_index index = {0};
    struct buffer out = {0};

    CHECK(!index_copy(coded->data, coded->size, &index, &out));
    CHECK_HAS(err.text, text);
    CHECK_EQ_INT(err.kind, kind);
    CHECK_EQ_UINT(index.count, 0);
    buffer_release(&out);
    codestream_index_release(&index);
}

/* `segment` behind COD, or in the first tile-part's header. */
static void check_with_segment(bool in_tile, const uint8_t *segment, size_t size, const char *text)
{
    const struct options coding = plain(60, 50, 2);
    const uint8_t sot[] = {0xFF, 0x90};
    struct buffer coded = {0}, changed = {0};

    CHECK(encode_theirs(&coding, &coded));
    uint8_t *const found = memmem(coded.data, coded.size, sot, 2);
    CHECK(found != NULL);
    const size_t at = (size_t)(found - coded.data) + (in_tile ? 12 : 0);
    if (in_tile)
        memset(found + 6, 0, 4); /* Psot: to the end */
    CHECK_OK(buffer_append(&changed, coded.data, at, &err) && buffer_append(&changed, segment, size, &err) &&
                 buffer_append(&changed, coded.data + at, coded.size - at, &err), err);
    if (text != NULL) {
        check_refused(&changed, ERROR_UNSUPPORTED, text);
    } else {
        CHECK(check_codestream(changed.data, changed.size, "with a segment"));
    }
    buffer_release(&coded);
    buffer_release(&changed);
}

TEST(test_codestream_index__markers_that_are_refused)
{
    static const uint8_t poc[] = {0xFF, 0x5F, 0, 9, 0, 0, 0, 1, 2, 2, 0}, ppm[] = {0xFF, 0x60, 0, 3, 0},
        ppt[] = {0xFF, 0x61, 0, 3, 0}, coc[] = {0xFF, 0x53, 0, 9, 1, 0, 3, 4, 4, 0, 1},
        cod[] = {0xFF, 0x52, 0, 12, 0, 2, 0, 1, 0, 4, 4, 4, 0, 1},
        sets[] = {0xFF, 0x50, 0, 8, 0, 2, 0, 0, 0x20, 0}, part_2[] = {0xFF, 0x50, 0, 8, 0x40, 0, 0, 0, 0, 0};

    check_with_segment(false, poc, sizeof poc, "POC");
    check_with_segment(false, ppm, sizeof ppm, "PPM");
    check_with_segment(false, coc, sizeof coc, "component 1 has 3 levels");
    check_with_segment(false, sets, sizeof sets, "HT sets");
    check_with_segment(false, part_2, sizeof part_2, "capabilities");
    check_with_segment(true, poc, sizeof poc, "POC");
    check_with_segment(true, ppt, sizeof ppt, "PPT");
    check_with_segment(true, coc, sizeof coc, "coding style");
    check_with_segment(true, cod, sizeof cod, "coding style");
}

/* Comments stay, a Psot of 0 is put right, COC with the same levels is obeyed. */
TEST(test_codestream_index__segments_that_stay)
{
    static const uint8_t comment[] = {0xFF, 0x64, 0, 6, 0, 1, 'a', 'b'},
        coc[] = {0xFF, 0x53, 0, 9, 1, 0, 4, 4, 4, 0, 1}, plt[] = {0xFF, 0x58, 0, 4, 0, 5};
    const struct options coding = plain(60, 50, 1);
    struct codestream_index index = {0};
    struct buffer coded = {0}, out = {0};

    check_with_segment(false, comment, sizeof comment, NULL);
    check_with_segment(true, comment, sizeof comment, NULL);
    check_with_segment(true, plt, sizeof plt, NULL);
    check_with_segment(false, coc, sizeof coc, NULL);
    /* without EOC, but whole */
    CHECK(encode_theirs(&coding, &coded));
    coded.size -= 2;
    CHECK(index_copy(coded.data, coded.size, &index, &out));
    CHECK_EQ_UINT(out.size, index.size);
    CHECK_EQ_MEM(out.data + out.size - 2, "\xFF\xD9", 2);
    buffer_release(&coded);
    buffer_release(&out);
    codestream_index_release(&index);
}

TEST(test_codestream_index__orders_that_are_refused)
{
    struct options coding = plain(300, 200, 2);
    struct buffer coded = {0};

    coding.layers = 2;
    coding.progression = OPJ_LRCP;
    CHECK(encode_theirs(&coding, &coded));
    check_refused(&coded, ERROR_UNSUPPORTED, "not RPCL");
    buffer_clear(&coded);
    coding.layers = 1;
    coding.precincts = 1;
    coding.precinct_columns = coding.precinct_rows = 128;
    CHECK(encode_theirs(&coding, &coded));
    check_refused(&coded, ERROR_UNSUPPORTED, "not RPCL");
    buffer_release(&coded);
}

/* -- hostile input ----------------------------------------------------------------------------- */

/* Nothing but an answer; what is accepted is as announced. */
static bool try_bytes(const uint8_t *data, size_t size)
{
    static struct codestream_index index;
    static struct buffer out;

    buffer_clear(&out);
    if (!index_copy(data, size, &index, &out)) {
        if (err.kind != ERROR_CORRUPT && err.kind != ERROR_UNSUPPORTED)
            TEST_FAIL("kind %s: %s", error_kind_word(err.kind), err.text);
        return false;
    }
    CHECK_EQ_UINT(out.size, index.size);
    for (unsigned r = 0; r < index.count; r++)
        CHECK(index.resolutions[r].end <= index.size - 2 &&
              (r == 0 || index.resolutions[r].end > index.resolutions[r - 1].end));
    CHECK_EQ_UINT(index.resolutions[index.count - 1].end, index.size - 2);
    return true;
}

static void check_hostile(const struct buffer *coded, unsigned rounds)
{
    static const uint8_t evil[] = {0x00, 0x01, 0x7F, 0x80, 0x90, 0xFE, 0xFF};
    uint8_t *const mutant = exact_copy(coded->data, coded->size);
    uint64_t state = 20261121;

    CHECK(try_bytes(coded->data, coded->size));
    for (size_t size = 0; size < coded->size; size++)
        if (size != coded->size - 2 && try_bytes(coded->data, size))
            TEST_FAIL("%zu of %zu bytes are accepted", size, coded->size);
    for (unsigned round = 0; round < rounds; round++) {
        memcpy(mutant, coded->data, coded->size);
        for (unsigned i = 1 + below(&state, 4); i > 0; i--) {
            const size_t reach = below(&state, 2) && coded->size > 200 ? 200 : coded->size;
            mutant[hostile_random(&state) % reach] =
                below(&state, 2) ? (uint8_t)hostile_random(&state) : evil[below(&state, sizeof evil)];
        }
        (void)try_bytes(mutant, coded->size);
    }
    free(mutant);
}

TEST(test_codestream_index__hostile_htj2k)
{
    struct buffer coded = {0};

    encode_ours(&(struct picture){70, 90, 1, 12, false, PHOTOMETRIC_MONOCHROME2, SMOOTH}, &coded);
    check_hostile(&coded, 50000);
    buffer_release(&coded);
}

TEST(test_codestream_index__hostile_j2k)
{
    struct options coding = plain(60, 70, 3);
    struct buffer coded = {0};

    coding.dx[1] = coding.dy[2] = 2;
    coding.layers = 3;
    coding.csty = 6;
    coding.precincts = 2;
    coding.precinct_columns = coding.precinct_rows = 32;
    coding.block_columns = coding.block_rows = 8;
    coding.parts = 'C';
    coding.plt = coding.tlm = true;
    CHECK(encode_theirs(&coding, &coded));
    check_hostile(&coded, 50000);
    buffer_release(&coded);
}

/* A few bytes that claim the largest image of the smallest blocks, precincts and the most layers. */
TEST(test_codestream_index__bombs)
{
    static const uint8_t precincts[] = {0xFF, 0x00, 0x11, 0x22, 0xAA};
    struct buffer bomb = {0};

    for (size_t p = 0; p < sizeof precincts; p++) {
        for (unsigned first = 0; first < 2; first++) {
            uint8_t head[] = {0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0,
                0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 1, 1,
                0xFF, 0x52, 0, 13, 1, 2, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1, precincts[p],
                0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0x93};
            buffer_clear(&bomb);
            CHECK_OK(buffer_append(&bomb, head, sizeof head, &err), err);
            for (size_t i = 0; i < 1000000; i++)
                CHECK_OK(buffer_put_u8(&bomb, first ? 0x80 : 0, &err), err);
            CHECK_OK(buffer_append(&bomb, "\xFF\xD9", 2, &err), err);
            CHECK(!try_bytes(bomb.data, bomb.size));
        }
    }
    buffer_release(&bomb);
}

TEST(test_codestream_index__only_what_was_indexed_is_rewritten)
{
    struct buffer coded = {0}, out = {0};
    struct codestream_index index = {0};

    encode_ours(&(struct picture){20, 20, 1, 8, false, PHOTOMETRIC_MONOCHROME2, NOISE}, &coded);
    CHECK(!codestream_rewrite(coded.data, coded.size, &index, &out, &err));
    CHECK_OK(codestream_index(coded.data, coded.size, &index, &err), err);
    CHECK(!codestream_rewrite(coded.data, coded.size - 1, &index, &out, &err));
    CHECK(!codestream_index(coded.data, 10, &index, &err));
    CHECK(!codestream_rewrite(coded.data, coded.size, &index, &out, &err));
    CHECK_EQ_UINT(out.size, 0);
    buffer_release(&coded);
    codestream_index_release(&index);
}
