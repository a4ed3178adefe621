/* links: base dicom codec */
/* Both lossless encoders against OpenJPEG's decoder: exactness, structure, refusals. */
#include <openjpeg.h>

#include "base/memory.h"
#include "codec/htj2k_encode.h"
#include "codec/j2k_encode.h"
#include "tests/support/test.h"

static struct error err;

/* -- frames ----------------------------------------------------------------------------------- */

struct recipe {
    uint32_t columns, rows;
    uint16_t samples, bits;
    bool is_signed;
    enum sample_type type;
    enum photometric photometric;
};

static int64_t value_of(const struct recipe *recipe, uint32_t random, size_t i)
{
    const int64_t span = INT64_C(1) << recipe->bits;
    const int64_t least = recipe->is_signed ? -(span / 2) : 0;

    if (i % 7 == 0) /* both extremes, and steps between them */
        return i % 14 == 0 ? least : least + span - 1;
    return least + (int64_t)(random % (uint64_t)span);
}

static void store(void *samples, enum sample_type type, size_t i, int64_t value)
{
    switch (type) {
    case SAMPLE_U8:
        ((uint8_t *)samples)[i] = (uint8_t)value;
        break;
    case SAMPLE_S8:
        ((int8_t *)samples)[i] = (int8_t)value;
        break;
    case SAMPLE_U16:
        ((uint16_t *)samples)[i] = (uint16_t)value;
        break;
    case SAMPLE_S16:
        ((int16_t *)samples)[i] = (int16_t)value;
        break;
    case SAMPLE_U32:
        ((uint32_t *)samples)[i] = (uint32_t)value;
        break;
    case SAMPLE_S32:
        ((int32_t *)samples)[i] = (int32_t)value;
        break;
    case SAMPLE_F32:
    case SAMPLE_F64:
        TEST_FAIL("no integer");
    }
}

static int64_t load(const void *samples, enum sample_type type, size_t i)
{
    switch (type) {
    case SAMPLE_U8:
        return ((const uint8_t *)samples)[i];
    case SAMPLE_S8:
        return ((const int8_t *)samples)[i];
    case SAMPLE_U16:
        return ((const uint16_t *)samples)[i];
    case SAMPLE_S16:
        return ((const int16_t *)samples)[i];
    case SAMPLE_U32:
        return ((const uint32_t *)samples)[i];
    case SAMPLE_S32:
        return ((const int32_t *)samples)[i];
    case SAMPLE_F32:
    case SAMPLE_F64:
        break;
    }
    return 0;
}

static struct frame make_frame(const struct recipe *recipe)
{
    const size_t count = (size_t)recipe->columns * recipe->rows * recipe->samples;
    const size_t size = count * sample_size(recipe->type);
    void *const samples = memory_new(size, &err);
    uint32_t random = recipe->columns * 31 + recipe->rows * 17 + recipe->bits;

    CHECK(samples != NULL);
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525 + 1013904223;
        store(samples, recipe->type, i, value_of(recipe, random >> 7, i));
    }
    return (struct frame){.number = 1,
                          .rows = recipe->rows,
                          .columns = recipe->columns,
                          .samples_per_pixel = recipe->samples,
                          .type = recipe->type,
                          .bits_stored = recipe->bits,
                          .is_signed = recipe->is_signed,
                          .photometric = recipe->photometric,
                          .samples = samples,
                          .size = size};
}

static void release_frame(struct frame *frame)
{
    void *samples;

    memcpy(&samples, &frame->samples, sizeof samples);
    memory_free(samples);
}

/* -- OpenJPEG's decoder ------------------------------------------------------------------------ */

struct memory_stream {
    const uint8_t *data;
    size_t size, at;
};

static OPJ_SIZE_T read_stream(void *to, OPJ_SIZE_T size, void *client)
{
    struct memory_stream *const stream = client;
    const size_t left = stream->size - stream->at, count = size < left ? size : left;

    if (count == 0)
        return (OPJ_SIZE_T)-1;
    memcpy(to, stream->data + stream->at, count);
    stream->at += count;
    return count;
}

static OPJ_OFF_T skip_stream(OPJ_OFF_T distance, void *client)
{
    struct memory_stream *const stream = client;

    if (distance < 0 || (size_t)distance > stream->size - stream->at)
        return -1;
    stream->at += (size_t)distance;
    return distance;
}

static OPJ_BOOL seek_stream(OPJ_OFF_T offset, void *client)
{
    struct memory_stream *const stream = client;

    if (offset < 0 || (size_t)offset > stream->size)
        return OPJ_FALSE;
    stream->at = (size_t)offset;
    return OPJ_TRUE;
}

/* NULL if it cannot be decoded; strict: all data must be there. */
static opj_image_t *decode(const uint8_t *data, size_t size, unsigned reduce)
{
    struct memory_stream source = {data, size, 0};
    opj_stream_t *const stream = opj_stream_default_create(OPJ_STREAM_READ);
    opj_codec_t *const codec = opj_create_decompress(OPJ_CODEC_J2K);
    opj_dparameters_t parameters;
    opj_image_t *image = NULL;

    opj_stream_set_read_function(stream, read_stream);
    opj_stream_set_skip_function(stream, skip_stream);
    opj_stream_set_seek_function(stream, seek_stream);
    opj_stream_set_user_data(stream, &source, NULL);
    opj_stream_set_user_data_length(stream, size);
    opj_set_default_decoder_parameters(&parameters);
    parameters.cp_reduce = reduce;
    const bool ok = opj_setup_decoder(codec, &parameters) &&
                    opj_decoder_set_strict_mode(codec, OPJ_TRUE) &&
                    opj_read_header(stream, codec, &image) && opj_decode(codec, stream, image) &&
                    opj_end_decompress(codec, stream);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    if (!ok) {
        opj_image_destroy(image);
        image = NULL;
    }
    return image;
}

static void check_decodes(const struct frame *frame, const uint8_t *data, size_t size,
                          const char *coder)
{
    opj_image_t *const image = decode(data, size, 0);
    char what[100];

    (void)snprintf(what, sizeof what, "%s %ux%ux%u, %u bits%s", coder, frame->columns, frame->rows,
                   frame->samples_per_pixel, frame->bits_stored,
                   frame->is_signed ? ", signed" : "");
    if (image == NULL)
        TEST_FAIL("%s: not decoded", what);
    CHECK_EQ_UINT(image->numcomps, frame->samples_per_pixel);
    for (size_t c = 0; c < frame->samples_per_pixel; c++) {
        const opj_image_comp_t *const component = &image->comps[c];

        CHECK_EQ_UINT(component->w, frame->columns);
        CHECK_EQ_UINT(component->h, frame->rows);
        CHECK_EQ_UINT(component->prec, frame->bits_stored);
        CHECK_EQ_UINT(component->sgnd, frame->is_signed);
        for (size_t i = 0; i < (size_t)frame->columns * frame->rows; i++) {
            const int64_t expected =
                load(frame->samples, frame->type, i * frame->samples_per_pixel + c);
            if (component->data[i] != expected)
                TEST_FAIL("%s: pixel %zu of component %zu is %d, expected %lld", what, i, c,
                          component->data[i], (long long)expected);
        }
    }
    opj_image_destroy(image);
}

/* -- the checks -------------------------------------------------------------------------------- */

/* Byte `offset` of the COD segment's parameters (ISO/IEC 15444-1 A.6.1). */
static unsigned cod_byte(const struct buffer *coded, size_t offset)
{
    const uint8_t marker[] = {0xFF, 0x52};
    const uint8_t *const cod = memmem(coded->data, coded->size, marker, 2);

    CHECK(cod != NULL);
    return cod[4 + offset];
}

static void check_structure(const struct frame *frame, const struct buffer *coded, unsigned decompositions)
{
    const bool transform = frame->samples_per_pixel == 3 && !frame->is_signed &&
                           frame->photometric == PHOTOMETRIC_RGB && frame->bits_stored < J2K_BITS_MOST;

    CHECK_EQ_UINT(cod_byte(coded, 1), 2); /* RPCL */
    CHECK_EQ_UINT(cod_byte(coded, 4), transform);
    CHECK_EQ_UINT(cod_byte(coded, 5), decompositions);
    CHECK_EQ_UINT(cod_byte(coded, 9), 1); /* reversible 5/3 */
}

static void check_j2k(const struct frame *frame)
{
    struct buffer coded = {0};
    struct j2k_tileparts parts;

    CHECK_OK(buffer_puts(&coded, "before", &err), err);
    CHECK_OK(j2k_encode(frame, &coded, &parts, &err), err);
    CHECK_EQ_MEM(coded.data, "before", 6);
    check_structure(frame, &coded, j2k_decompositions(frame->columns, frame->rows));
    CHECK_EQ_UINT(parts.count, j2k_decompositions(frame->columns, frame->rows) + 1u);
    CHECK_EQ_UINT(parts.ends[parts.count - 1], coded.size - 6 - 2);
    check_decodes(frame, coded.data + 6, coded.size - 6, "J2K");
    buffer_release(&coded);
}

static void check_htj2k(const struct frame *frame)
{
    struct buffer coded = {0}, again = {0};

    CHECK_OK(buffer_puts(&coded, "before", &err), err);
    CHECK_OK(htj2k_encode(frame, &coded, &err), err);
    CHECK_EQ_MEM(coded.data, "before", 6);
    check_structure(frame, &coded, htj2k_decompositions(frame->columns, frame->rows));
    check_decodes(frame, coded.data + 6, coded.size - 6, "HTJ2K");
    CHECK_OK(htj2k_encode(frame, &again, &err), err);
    CHECK_EQ_UINT(again.size, coded.size - 6);
    CHECK_EQ_MEM(again.data, coded.data + 6, again.size);
    buffer_release(&coded);
    buffer_release(&again);
}

static enum sample_type container(uint16_t bits, bool is_signed)
{
    return sample_type_of(bits <= 8 ? 8 : bits <= 16 ? 16 : 32, is_signed);
}

static void check(struct recipe recipe)
{
    struct frame frame = make_frame(&recipe);

    check_j2k(&frame);
    if (recipe.bits <= HTJ2K_BITS_MOST)
        check_htj2k(&frame);
    release_frame(&frame);
}

static struct recipe grey(uint32_t columns, uint32_t rows, uint16_t bits, bool is_signed)
{
    return (struct recipe){
        columns, rows, 1, bits, is_signed, container(bits, is_signed), PHOTOMETRIC_MONOCHROME2};
}

TEST(test_lossless_encode__every_depth_and_sign)
{
    for (uint16_t bits = 1; bits <= J2K_BITS_MOST; bits++)
        for (int is_signed = 0; is_signed <= 1; is_signed++) {
            check(grey(67, 129, bits, is_signed));
            check((struct recipe){40, 33, 3, bits, is_signed, container(bits, is_signed),
                                  PHOTOMETRIC_RGB});
        }
}

/* Signs of the 5/3 wavelet's third high band in the middle of 64 samples: no values give it larger coefficients. */
static const char signs[] = "..........................-++-----+++++-----++-.................";

static void check_extremes(uint16_t bits, bool is_signed, uint16_t samples)
{
    const struct recipe recipe = {64, 64, samples, bits, is_signed, container(bits, is_signed),
                                  samples == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MONOCHROME2};
    struct frame frame = make_frame(&recipe);
    void *values;
    const int64_t least = is_signed ? -(INT64_C(1) << (bits - 1)) : 0, most = least + (INT64_C(1) << bits) - 1;

    memcpy(&values, &frame.samples, sizeof values);
    for (size_t i = 0; i < 64u * 64 * samples; i++) {
        const bool high = signs[i / samples % 64] == signs[i / samples / 64];
        store(values, frame.type, i, high == (i % samples == samples - 1u) ? most : least); /* blue against green */
    }
    check_j2k(&frame);
    if (bits <= HTJ2K_BITS_MOST)
        check_htj2k(&frame);
    release_frame(&frame);
}

TEST(test_lossless_encode__largest_coefficients)
{
    for (uint16_t bits = 8; bits <= J2K_BITS_MOST; bits++)
        for (int is_signed = 0; is_signed <= 1; is_signed++) {
            check_extremes(bits, is_signed, 1);
            check_extremes(bits, is_signed, 3);
        }
}

TEST(test_lossless_encode__every_small_size)
{
    for (uint32_t columns = 1; columns <= 20; columns++)
        for (uint32_t rows = 1; rows <= 20; rows++)
            check(grey(columns, rows, (uint16_t)(1 + (columns + rows) % 16), (columns ^ rows) & 1));
}

TEST(test_lossless_encode__odd_sizes)
{
    static const uint32_t sides[][2] = {
        {1, 7},   {7, 1},   {1, 4000}, {4000, 1}, {2, 4097},  {3, 4097},   {4097, 3},  {31, 32},
        {33, 32}, {63, 64}, {65, 64},  {64, 64},  {513, 511}, {127, 2500}, {1025, 65}, {2049, 17}};

    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        check(grey(sides[i][0], sides[i][1], 12, false));
        check(grey(sides[i][0], sides[i][1], 16, true));
        check((struct recipe){sides[i][0], sides[i][1], 3, 8, false, SAMPLE_U8, PHOTOMETRIC_RGB});
    }
}

TEST(test_lossless_encode__wide_container_and_other_colours)
{
    check((struct recipe){50, 60, 1, 12, false, SAMPLE_U32, PHOTOMETRIC_MONOCHROME1});
    check((struct recipe){50, 60, 1, 12, true, SAMPLE_S32, PHOTOMETRIC_MONOCHROME2});
    check((struct recipe){50, 60, 1, 5, true, SAMPLE_S16, PHOTOMETRIC_MONOCHROME2});
    check((struct recipe){50, 60, 1, 1, false, SAMPLE_U16, PHOTOMETRIC_MONOCHROME2});
    check((struct recipe){50, 60, 1, 8, false, SAMPLE_U8, PHOTOMETRIC_PALETTE_COLOR});
    check((struct recipe){50, 60, 3, 8, false, SAMPLE_U8, PHOTOMETRIC_YBR_FULL});
    check((struct recipe){50, 60, 3, 16, false, SAMPLE_U16, PHOTOMETRIC_RGB});
    check((struct recipe){50, 60, 4, 8, false, SAMPLE_U8, PHOTOMETRIC_ARGB});
    check((struct recipe){50, 60, 2, 8, false, SAMPLE_U8, PHOTOMETRIC_UNKNOWN});
}

TEST(test_lossless_encode__large_sides)
{
    check(grey(40000, 20, 8, false));
    check(grey(20, 65535, 8, false));
}

/* A prefix that ends with a resolution is a whole image of that size, one byte less is none. */
TEST(test_lossless_encode__j2k_prefixes_decode_at_their_resolution)
{
    const struct recipe recipe = grey(513, 300, 12, true);
    struct frame frame = make_frame(&recipe);
    struct buffer coded = {0};
    struct j2k_tileparts parts;

    CHECK_OK(j2k_encode(&frame, &coded, &parts, &err), err);
    CHECK_EQ_UINT(parts.count, 6);
    for (size_t i = 0; i < parts.count; i++) {
        const unsigned reduce = (unsigned)(parts.count - 1 - i);
        opj_image_t *const full = decode(coded.data, coded.size, reduce);
        uint8_t *const prefix = memory_new(parts.ends[i] + 2, &err);

        CHECK(full != NULL && prefix != NULL);
        memcpy(prefix, coded.data, parts.ends[i]);
        prefix[parts.ends[i]] = 0xFF;
        prefix[parts.ends[i] + 1] = 0xD9;
        opj_image_t *const part = decode(prefix, parts.ends[i] + 2, reduce);
        CHECK(part != NULL);
        CHECK_EQ_UINT(part->comps[0].w, j2k_reduced(frame.columns, reduce));
        CHECK_EQ_UINT(part->comps[0].h, j2k_reduced(frame.rows, reduce));
        CHECK_EQ_MEM(part->comps[0].data, full->comps[0].data,
                     part->comps[0].w * part->comps[0].h * 4);
        opj_image_destroy(part);
        prefix[parts.ends[i] - 1] = 0xFF;
        prefix[parts.ends[i]] = 0xD9;
        CHECK(decode(prefix, parts.ends[i] + 1, reduce) == NULL);
        opj_image_destroy(full);
        memory_free(prefix);
    }
    buffer_release(&coded);
    release_frame(&frame);
}

TEST(test_lossless_encode__decompositions)
{
    static const struct {
        uint32_t columns, rows;
        unsigned j2k, htj2k;
    } rows[] = {{1, 1, 0, 0},       {1, 64, 0, 0},      {1, 4000, 0, 6},       {2, 2, 1, 1},
                {3, 3, 1, 1},       {31, 31, 4, 4},     {32, 32, 5, 5},        {512, 512, 5, 5},
                {2048, 2048, 5, 5}, {2049, 2049, 6, 6}, {4097, 3001, 7, 7},    {65535, 65535, 10, 10},
                {65535, 16, 4, 10}, {3000, 40, 5, 6},   {65535, 1, 0, 10}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ_UINT(j2k_decompositions(rows[i].columns, rows[i].rows), rows[i].j2k);
        CHECK_EQ_UINT(htj2k_decompositions(rows[i].columns, rows[i].rows), rows[i].htj2k);
    }
    CHECK_EQ_UINT(j2k_reduced(513, 5), 17);
    CHECK_EQ_UINT(j2k_reduced(1, 32), 1);
}

static void check_refused(const struct frame *frame, enum error_kind kind)
{
    struct buffer out = {0};
    struct j2k_tileparts parts;

    CHECK_OK(buffer_puts(&out, "x", &err), err);
    CHECK(!j2k_encode(frame, &out, &parts, &err));
    CHECK_EQ_INT(err.kind, kind);
    CHECK(!htj2k_encode(frame, &out, &err));
    CHECK_EQ_INT(err.kind, kind);
    CHECK_EQ_UINT(out.size, 1);
    CHECK_EQ_STR(buffer_text(&out), "x");
    buffer_release(&out);
}

TEST(test_lossless_encode__what_would_not_be_exact_is_refused)
{
    const struct recipe recipe = grey(9, 9, 12, false), of_signed = grey(9, 9, 12, true);
    struct frame frame = make_frame(&recipe);

    frame.bits_stored = 11; /* a sample beyond: the decoder's fault, but never a wrong picture */
    check_refused(&frame, ERROR_CORRUPT);
    frame.bits_stored = 25;
    check_refused(&frame, ERROR_UNSUPPORTED);
    frame.bits_stored = 0;
    check_refused(&frame, ERROR_UNSUPPORTED);
    frame.bits_stored = 12;
    frame.type = SAMPLE_F32;
    check_refused(&frame, ERROR_UNSUPPORTED);
    frame.type = SAMPLE_U16;
    frame.columns = 0;
    check_refused(&frame, ERROR_CORRUPT);
    release_frame(&frame);
    frame = make_frame(&of_signed);
    frame.bits_stored = 11;
    check_refused(&frame, ERROR_CORRUPT);
    release_frame(&frame);
}

TEST(test_lossless_encode__tileparts_of_nonsense_are_refused)
{
    const struct recipe recipe = grey(70, 70, 8, false);
    struct frame frame = make_frame(&recipe);
    struct buffer coded = {0};
    struct j2k_tileparts parts;

    CHECK_OK(j2k_encode(&frame, &coded, &parts, &err), err);
    for (size_t size = 0; size < coded.size; size++) {
        uint8_t *const copy = malloc(size > 0 ? size : 1);

        CHECK(copy != NULL);
        memcpy(copy, coded.data, size);
        CHECK(!j2k_tileparts_find(copy, size, &parts, &err));
        free(copy);
    }
    for (size_t i = 0; i < 300; i++) {
        coded.data[i] ^= 0xFF;
        (void)j2k_tileparts_find(coded.data, coded.size, &parts, &err);
        coded.data[i] ^= 0xFF;
    }
    buffer_release(&coded);
    release_frame(&frame);
}

/* Leaves the heap full of `byte`: one large run for the encoder to take from. What is allocated
 * behind it keeps the run from going back to the system. */
static void *litter(int byte)
{
    enum { RUN = 100000 };
    void *const run = malloc(RUN), *const pin = malloc(2000);

    CHECK(run != NULL && pin != NULL);
    memset(run, byte, RUN);
    __asm__ volatile("" : : "r"(run) : "memory"); /* or the compiler drops stores before a free */
    free(run);
    return pin;
}

static void check_same_after_litter(struct recipe recipe, bool blank)
{
    struct frame frame = make_frame(&recipe);
    struct buffer first = {0}, second = {0};

    if (blank) {
        void *samples;
        memcpy(&samples, &frame.samples, sizeof samples);
        memset(samples, 0, frame.size);
    }
    void *const one = litter(0x55);
    CHECK_OK(htj2k_encode(&frame, &first, &err), err);
    void *const two = litter(0xAA);
    CHECK_OK(htj2k_encode(&frame, &second, &err), err);
    free(one);
    free(two);
    CHECK_EQ_UINT(first.size, second.size);
    CHECK_EQ_MEM(first.data, second.data, first.size);
    buffer_release(&first);
    buffer_release(&second);
    release_frame(&frame);
}

/* OpenJPH 0.9.0 looks behind the end of its lines: blank blocks at odd right edges took on
 * leftovers. */
TEST(test_lossless_encode__what_was_in_memory_does_not_change_htj2k)
{
    static const uint32_t sides[][2] = {{6, 16},  {13, 6},  {17, 8},   {18, 9},
                                        {33, 16}, {60, 61}, {101, 57}, {1, 50}};

    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
        for (uint16_t samples = 1; samples <= 3; samples += 2)
            for (int blank = 0; blank <= 1; blank++)
                for (uint16_t bits = 1; bits <= 12; bits = (uint16_t)(bits + 11))
                    check_same_after_litter((struct recipe){sides[i][0], sides[i][1], samples, bits,
                                                            false, container(bits, false),
                                                            PHOTOMETRIC_RGB},
                                            blank);
}
