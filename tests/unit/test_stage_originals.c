/* links: base dicom job codec stages support */
/* originals: what is copied is compared byte by byte, what is coded is opened and decoded again. */
#include <zlib.h>

#include "base/path.h"
#include "codec/decode.h"
#include "dicom/frame_index.h"
#include "dicom/image.h"
#include "dicom/part10.h"
#include "job/staging_stream.h"
#include "stages/original_pixels.h"
#include "stages/stages.h"
#include "tests/support/data_set.h"

#define IMPLICIT "1.2.840.10008.1.2"
#define EXPLICIT "1.2.840.10008.1.2.1"
#define DEFLATED "1.2.840.10008.1.2.1.99"
#define BIG "1.2.840.10008.1.2.2"
#define HTJ2K "1.2.840.10008.1.2.4.202"
#define J2K "1.2.840.10008.1.2.4.90"
#define SOP_CLASS "1.2.840.10008.5.1.4.1.1.2"

enum { SIDE = 70, PIXELS = SIDE * SIDE };

static struct error err;
static const struct subject subject = {.study = "1.2", .series = "1.2.3", .sop = "1.2.3.4"};

/* -- sources ----------------------------------------------------------------------------------- */

/* A preamble that is a program, and a File Meta as it should be. */
static struct set new_source(const char *transfer_syntax)
{
    struct set s = {0};
    uint8_t preamble[128];

    memset(preamble, 'M', sizeof preamble);
    set_bytes(&s, preamble, sizeof preamble);
    set_bytes(&s, "DICM", 4);
    set_head(&s, 0x00020000, "UL", 4);
    set_u32(&s, 0); /* patched below */
    const size_t from = s.data.size;
    set_raw(&s, 0x00020001, "OB", "\0\1", 2);
    set_raw(&s, 0x00020002, "UI", SOP_CLASS, strlen(SOP_CLASS));
    set_raw(&s, 0x00020003, "UI", subject.sop, strlen(subject.sop));
    set_raw(&s, 0x00020010, "UI", transfer_syntax, strlen(transfer_syntax));
    s.data.data[from - 4] = (uint8_t)(s.data.size - from);
    s.implicit = !strcmp(transfer_syntax, IMPLICIT);
    s.big_endian = !strcmp(transfer_syntax, BIG);
    return s;
}

static void put_identity(struct set *s, const char *study)
{
    set_text(s, 0x00080016, "UI", SOP_CLASS);
    set_raw(s, 0x00080018, "UI", subject.sop, strlen(subject.sop));
    set_text(s, 0x00080060, "CS", "CT");
    set_raw(s, 0x0020000d, "UI", study, strlen(study));
    set_raw(s, 0x0020000e, "UI", subject.series, strlen(subject.series));
}

static void put_pixel_module(struct set *s, uint16_t allocated, uint16_t stored, const char *frames)
{
    set_us(s, 0x00280002, 1);
    set_text(s, 0x00280004, "CS", "MONOCHROME2");
    if (frames != NULL)
        set_text(s, 0x00280008, "IS", frames);
    set_us(s, 0x00280010, SIDE);
    set_us(s, 0x00280011, SIDE);
    set_us(s, 0x00280100, allocated);
    set_us(s, 0x00280101, stored);
    set_us(s, 0x00280102, (uint16_t)(stored - 1));
    set_us(s, 0x00280103, 0);
}

static uint16_t pixel(unsigned frame, unsigned i)
{
    return (uint16_t)((i * 37 + i / SIDE * 11 + frame * 501) & 0xfff);
}

static void put_pixels(struct set *s, unsigned frames)
{
    set_head(s, 0x7fe00010, "OW", frames * PIXELS * 2);
    for (unsigned frame = 0; frame < frames; frame++)
        for (unsigned i = 0; i < PIXELS; i++)
            set_u16(s, pixel(frame, i));
}

static struct set grey_source(const char *transfer_syntax, const char *study, unsigned frames)
{
    struct set s = new_source(transfer_syntax);
    char count[8];

    (void)snprintf(count, sizeof count, "%u", frames);
    put_identity(&s, study);
    put_pixel_module(&s, 16, 12, frames > 1 ? count : NULL);
    put_pixels(&s, frames);
    return s;
}

/* -- running ----------------------------------------------------------------------------------- */

struct made {
    struct manifest manifest;
    struct buffer notes, file;
    struct error err;
    bool ok, has_gzip;
};

struct work {
    struct object *object;
    struct image image;
    bool has_image;
    struct frame_index *index;
    struct decoder *decoder;
    struct buffer coded;
};

static void open_work(struct set *s, struct work *work, struct buffer *notes)
{
    *work = (struct work){0};
    CHECK_OK(set_open(s, &work->object, &err), err);
    work->has_image = image_read(work->object, &work->image, notes, &err);
    if (!work->has_image)
        return;
    CHECK_OK(frame_index_open(work->object, &work->image, notes, &work->index, &err), err);
    CHECK_OK(decoder_new(&work->decoder, &err), err);
}

static void close_work(struct work *work)
{
    frame_index_close(work->index);
    decoder_free(work->decoder);
    buffer_release(&work->coded);
    image_release(&work->image);
    object_close(work->object);
}

static void decode(struct work *work, uint32_t number, struct frame *frame, struct buffer *notes)
{
    unsigned bit_offset;

    CHECK_OK(frame_index_read(work->index, number, &work->coded, &bit_offset, &err), err);
    CHECK_OK(decoder_run(work->decoder, &work->image, number, work->coded.data, work->coded.size, bit_offset, frame,
                         notes, &err), err);
}

/* `odd`: a frame that is said to be of another kind; 0: none is. */
static bool run_frames(struct stage_run *run, struct work *work, uint32_t odd, struct error *why)
{
    for (uint32_t number = 1; work->has_image && number <= work->image.frames; number++) {
        struct frame frame;

        if (!originals_stage.wants(run, number))
            continue;
        decode(work, number, &frame, run->notes);
        if (number == odd)
            frame.photometric = PHOTOMETRIC_MONOCHROME1;
        if (!originals_stage.frame(run, &(struct stage_frame){.frame = &frame}, why))
            return false;
    }
    return true;
}

static void read_staged(const char *folder, uint32_t number, struct buffer *out)
{
    char path[PATH_SIZE];

    CHECK_OK(path_format(path, &err, "%s/%u", folder, number), err);
    CHECK_OK(path_read_file(path, 64 << 20, out, &err), err);
}

static struct made make_with(struct set *s, const char *format, uint32_t odd)
{
    static unsigned turn;
    struct made made = {0};
    struct work work;
    struct { char format[OPTION_TEXT]; bool gzip; } options; /* as the stage has them */
    char folder[PATH_SIZE];

    open_work(s, &work, &made.notes);
    CHECK(sizeof options == originals_stage.options_size);
    CHECK_OK(option_defaults(originals_stage.options, &options, &err), err);
    CHECK_OK(option_set(originals_stage.options, &options, "format", format, &err), err);
    const struct stage_input input = {
        .subject = &subject, .object = work.object, .image = work.has_image ? &work.image : NULL};
    struct stage_run run = {.stage = &originals_stage, .input = &input, .options = &options, .notes = &made.notes,
                            .state = calloc(1, originals_stage.state_size)};
    CHECK_OK(path_format(folder, &err, "%s/%u", test_folder(), turn++), err);
    CHECK_OK(staging_open(folder, &made.manifest, &run.staging, &err), err);
    CHECK_OK(staging_begin(run.staging, "originals", 1, &err), err);
    made.ok = originals_stage.begin(&run, &made.err) && run_frames(&run, &work, odd, &made.err) &&
              originals_stage.finish(&run, &made.err);
    originals_stage.release(&run);
    CHECK_OK(staging_end(run.staging, made.ok ? PRODUCT_DONE : PRODUCT_FAILED, made.err.text, &err), err);
    staging_close(run.staging);
    free(run.state);
    close_work(&work);
    if (!made.ok)
        return made;
    const struct product *const product = &made.manifest.products[0];
    CHECK_EQ_STR(product->artefacts[0].name, "original");
    CHECK_EQ_STR(product->artefacts[0].extension, "dcm");
    CHECK_EQ_STR(product->artefacts[0].media_type, "application/dicom");
    CHECK_EQ_INT(product->artefacts[0].place, PLACE_RENDITION);
    made.has_gzip = product->artefact_count == 2;
    read_staged(folder, product->artefacts[0].staged, &made.file);
    return made;
}

static struct made make(struct set *s, const char *format)
{
    struct made made = make_with(s, format, 0);

    CHECK_OK(made.ok, made.err);
    return made;
}

static void release(struct made *made, struct set *s)
{
    manifest_release(&made->manifest);
    buffer_release(&made->notes);
    buffer_release(&made->file);
    set_release(s);
}

/* -- looking ----------------------------------------------------------------------------------- */

static void check_front(const struct buffer *file)
{
    static const uint8_t zeros[128];

    CHECK(file->size > 132);
    CHECK_EQ_MEM(file->data, zeros, sizeof zeros);
    CHECK_EQ_MEM(file->data + 128, "DICM", 4);
}

static void check_text(const struct dataset *dataset, uint32_t tag, const char *expected)
{
    char text[200];

    (void)dataset_text(dataset, tag, text, sizeof text);
    CHECK_EQ_STR(text, expected);
}

static void check_us(const struct dataset *dataset, uint32_t tag, unsigned expected)
{
    uint16_t value = 0;

    CHECK(dataset_us(dataset, tag, &value));
    CHECK_EQ_UINT(value, expected);
}

/* The file as a source again. */
static void open_made(const struct made *made, struct set *again, struct work *work, struct buffer *notes)
{
    *again = (struct set){0};
    set_bytes(again, made->file.data, made->file.size);
    open_work(again, work, notes);
}

static void check_meta(const struct object *object, const char *transfer_syntax)
{
    const struct dataset *const meta = object_meta(object);
    size_t size;

    check_text(meta, 0x00020002, SOP_CLASS);
    check_text(meta, 0x00020003, subject.sop);
    check_text(meta, 0x00020010, transfer_syntax);
    CHECK_EQ_STR(object_transfer_syntax_uid(object), transfer_syntax);
    CHECK(dataset_raw(meta, 0x00020001, &size) != NULL);
    CHECK_EQ_STR(object_notes(object), "");
}

static void check_pixels(struct work *work, unsigned frames)
{
    struct buffer notes = {0};

    CHECK(work->has_image);
    CHECK_EQ_UINT(work->image.frames, frames);
    for (unsigned number = 1; number <= frames; number++) {
        struct frame frame;

        decode(work, number, &frame, &notes);
        CHECK_EQ_INT(frame.type, SAMPLE_U16);
        for (unsigned i = 0; i < PIXELS; i++)
            if (((const uint16_t *)frame.samples)[i] != pixel(number - 1, i))
                TEST_FAIL("frame %u, pixel %u: %u", number, i, ((const uint16_t *)frame.samples)[i]);
    }
    buffer_release(&notes);
}

/* -- as it came -------------------------------------------------------------------------------- */

TEST(test_stage_originals__copy_is_the_source_but_for_the_preamble)
{
    static const char *const syntaxes[] = {IMPLICIT, EXPLICIT, BIG};

    for (size_t i = 0; i < sizeof syntaxes / sizeof syntaxes[0]; i++) {
        struct set s = grey_source(syntaxes[i], subject.study, 2);
        set_bytes(&s, "rubbish behind it", 17);
        struct made made = make(&s, "as_is");

        check_front(&made.file);
        CHECK_EQ_UINT(made.file.size, s.data.size);
        CHECK_EQ_MEM(made.file.data + 132, s.data.data + 132, s.data.size - 132);
        CHECK(made.has_gzip);
        CHECK_EQ_STR(buffer_text(&made.notes), "");
        release(&made, &s);
    }
}

TEST(test_stage_originals__object_without_a_picture)
{
    struct set s = new_source(EXPLICIT);
    put_identity(&s, subject.study);
    set_text(&s, 0x0040a040, "CS", "TEXT");
    struct made made = make(&s, "htj2k");

    check_front(&made.file);
    CHECK_EQ_MEM(made.file.data + 132, s.data.data + 132, s.data.size - 132);
    CHECK_EQ_UINT(made.manifest.products[0].artefacts[0].columns, 0);
    release(&made, &s);
}

TEST(test_stage_originals__bare_data_set_gets_file_meta)
{
    struct set s = {.implicit = true}, again;
    struct buffer notes = {0};
    struct work work;

    put_identity(&s, subject.study);
    put_pixel_module(&s, 16, 12, NULL);
    put_pixels(&s, 1);
    struct made made = make(&s, "as_is");
    check_front(&made.file);
    CHECK(made.file.size > s.data.size);
    CHECK_EQ_MEM(made.file.data + made.file.size - s.data.size, s.data.data, s.data.size);
    open_made(&made, &again, &work, &notes);
    check_meta(work.object, IMPLICIT);
    check_text(object_meta(work.object), 0x00020012, PART10_IMPLEMENTATION_UID);
    check_pixels(&work, 1);
    close_work(&work);
    buffer_release(&notes);
    set_release(&again);
    release(&made, &s);
}

TEST(test_stage_originals__meta_that_lies_is_replaced)
{
    struct set s = new_source(EXPLICIT), again;
    struct buffer notes = {0};
    struct work work;

    s.implicit = true;
    const size_t from = s.data.size;
    put_identity(&s, subject.study);
    put_pixel_module(&s, 16, 12, NULL);
    put_pixels(&s, 1);
    struct made made = make(&s, "as_is");
    CHECK_EQ_MEM(made.file.data + made.file.size - (s.data.size - from), s.data.data + from, s.data.size - from);
    open_made(&made, &again, &work, &notes);
    check_meta(work.object, IMPLICIT);
    close_work(&work);
    buffer_release(&notes);
    set_release(&again);
    release(&made, &s);
}

static struct set deflated_source(const char *study)
{
    struct set plain = {0}, s = new_source(DEFLATED);
    z_stream stream = {0};
    uint8_t packed[PIXELS * 4];

    put_identity(&plain, study);
    put_pixel_module(&plain, 16, 12, NULL);
    put_pixels(&plain, 1);
    CHECK_EQ_INT(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = plain.data.data;
    stream.avail_in = (unsigned)plain.data.size;
    stream.next_out = packed;
    stream.avail_out = sizeof packed;
    CHECK_EQ_INT(deflate(&stream, Z_FINISH), Z_STREAM_END);
    set_bytes(&s, packed, stream.total_out);
    CHECK_EQ_INT(deflateEnd(&stream), Z_OK);
    set_release(&plain);
    return s;
}

TEST(test_stage_originals__deflated_stays_deflated_unless_a_uid_changes)
{
    struct set s = deflated_source(subject.study), again;
    struct buffer notes = {0};
    struct work work;
    struct made made = make(&s, "as_is");

    CHECK_EQ_UINT(made.file.size, s.data.size);
    CHECK_EQ_MEM(made.file.data + 132, s.data.data + 132, s.data.size - 132);
    CHECK(!made.has_gzip);
    release(&made, &s);

    s = deflated_source("no UID");
    made = make(&s, "as_is");
    open_made(&made, &again, &work, &notes);
    check_meta(work.object, EXPLICIT);
    check_text(object_dataset(work.object), 0x0020000d, subject.study);
    check_pixels(&work, 1);
    close_work(&work);
    buffer_release(&notes);
    set_release(&again);
    release(&made, &s);
}

TEST(test_stage_originals__replaced_uid_is_written_and_all_else_stays)
{
    struct set s = new_source(IMPLICIT), again;
    struct buffer notes = {0};
    struct work work;

    put_identity(&s, "no UID");
    set_open_sequence(&s, 0x00081140);
    set_open_item(&s);
    set_text(&s, 0x00081155, "UI", "1.9");
    set_close_item(&s);
    set_close_sequence(&s);
    set_text(&s, 0x00090010, "LO", "SOMEBODY");
    set_raw(&s, 0x00091001, "UN", "\1\2\3\4", 4);
    put_pixel_module(&s, 16, 12, NULL);
    set_us(&s, 0x00280106, 40000); /* US by Pixel Representation */
    put_pixels(&s, 1);
    struct made made = make(&s, "as_is");
    open_made(&made, &again, &work, &notes);
    const struct dataset *const dataset = object_dataset(work.object);
    char vr[3];
    size_t size;
    check_front(&made.file);
    check_meta(work.object, EXPLICIT);
    check_text(dataset, 0x0020000d, subject.study);
    check_text(dataset, 0x0020000e, subject.series);
    check_text(dataset_item(dataset, 0x00081140, 0), 0x00081155, "1.9");
    CHECK(dataset_vr(dataset, 0x00280106, vr) && !strcmp(vr, "US"));
    check_us(dataset, 0x00280106, 40000);
    CHECK(dataset_vr(dataset, 0x00091001, vr) && !strcmp(vr, "UN"));
    CHECK_EQ_MEM(dataset_raw(dataset, 0x00091001, &size), "\1\2\3\4", 4);
    check_text(dataset, 0x00090010, "SOMEBODY");
    check_pixels(&work, 1);
    close_work(&work);
    buffer_release(&notes);
    set_release(&again);
    release(&made, &s);
}

TEST(test_stage_originals__big_endian_keeps_its_uid_and_says_so)
{
    struct set s = grey_source(BIG, "no UID", 1);
    struct made made = make(&s, "as_is");

    CHECK_EQ_MEM(made.file.data + 132, s.data.data + 132, s.data.size - 132);
    CHECK_HAS(buffer_text(&made.notes), "keeps the UIDs");
    release(&made, &s);
}

/* As what is kept of an object: of its size, but without its end. */
static bool read_beginning(const struct bytes *bytes, uint64_t offset, void *to, size_t size, size_t *got,
                           struct error *why)
{
    const uint64_t kept = bytes->size - PIXELS;

    (void)why;
    *got = offset >= kept ? 0 : kept - offset < size ? (size_t)(kept - offset) : size;
    if (*got > 0)
        memcpy(to, bytes->memory + offset, *got);
    return true;
}

TEST(test_stage_originals__without_the_source_there_is_no_original)
{
    static const char *const formats[] = {"as_is", "htj2k"};
    struct set s = grey_source(EXPLICIT, subject.study, 1);
    struct bytes bytes = bytes_of_memory(s.data.data, s.data.size);
    struct object *object = NULL;
    struct buffer notes = {0};

    bytes.read = read_beginning;
    CHECK_OK(object_open(&bytes, NULL, &object, &err), err);
    for (size_t i = 0; i < 2; i++) {
        struct { char format[OPTION_TEXT]; bool gzip; } options = {.gzip = true};
        const struct stage_input input = {.subject = &subject, .object = object};
        struct stage_run run = {.stage = &originals_stage, .input = &input, .options = &options, .notes = &notes,
                                .state = calloc(1, originals_stage.state_size)};

        (void)snprintf(options.format, sizeof options.format, "%s", formats[i]);
        CHECK(!originals_stage.begin(&run, &err));
        CHECK_EQ_INT(err.kind, ERROR_UNSUPPORTED);
        CHECK_HAS(err.text, "source is gone");
        originals_stage.release(&run);
        free(run.state);
    }
    object_close(object);
    set_release(&s);
}

/* -- coded anew -------------------------------------------------------------------------------- */

static void check_coded(const char *source_syntax, const char *format, const char *syntax, unsigned frames)
{
    struct set s = grey_source(source_syntax, "no UID", frames), again;
    struct buffer notes = {0};
    struct work work;
    struct made made = make(&s, format);

    CHECK(!made.has_gzip);
    check_front(&made.file);
    open_made(&made, &again, &work, &notes);
    check_meta(work.object, syntax);
    const struct dataset *const dataset = object_dataset(work.object);
    check_text(dataset, 0x0020000d, subject.study);
    check_us(dataset, 0x00280010, SIDE);
    check_us(dataset, 0x00280100, 16);
    check_us(dataset, 0x00280101, 12);
    check_us(dataset, 0x00280102, 11);
    check_text(dataset, 0x00280004, "MONOCHROME2");
    CHECK(object_pixels(work.object).encapsulated);
    CHECK_EQ_STR(object_pixel_vr(work.object), "OB");
    check_pixels(&work, frames);
    CHECK_EQ_STR(buffer_text(&notes), ""); /* of a table that lies, among others */
    close_work(&work);
    buffer_release(&notes);
    set_release(&again);
    release(&made, &s);
}

TEST(test_stage_originals__coded_pixels_come_back_from_every_encoding)
{
    check_coded(EXPLICIT, "htj2k", HTJ2K, 1);
    check_coded(IMPLICIT, "htj2k", HTJ2K, 3);
    check_coded(BIG, "htj2k", HTJ2K, 3);
    check_coded(EXPLICIT, "j2k", J2K, 3);
    check_coded(IMPLICIT, "j2k", J2K, 1);
}

static uint32_t u32_at(const struct buffer *file, size_t at)
{
    return (uint32_t)file->data[at] | (uint32_t)file->data[at + 1] << 8 | (uint32_t)file->data[at + 2] << 16 |
           (uint32_t)file->data[at + 3] << 24;
}

TEST(test_stage_originals__basic_offset_table_leads_to_each_fragment)
{
    struct set s = grey_source(EXPLICIT, subject.study, 3), again;
    struct buffer notes = {0};
    struct work work;
    struct made made = make(&s, "htj2k");

    open_made(&made, &again, &work, &notes);
    const size_t table = (size_t)object_pixels(work.object).offset;
    CHECK_EQ_UINT(u32_at(&made.file, table), PART10_ITEM >> 16 | (PART10_ITEM & 0xffff) << 16);
    CHECK_EQ_UINT(u32_at(&made.file, table + 4), 12);
    size_t at = table + 20;
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ_UINT(u32_at(&made.file, table + 8 + 4 * i), at - (table + 20));
        CHECK_EQ_MEM(made.file.data + at + 8, "\xff\x4f\xff\x51", 4);
        at += 8 + u32_at(&made.file, at + 4);
    }
    CHECK_EQ_MEM(made.file.data + at, "\xfe\xff\xdd\xe0\0\0\0\0", 8);
    CHECK_EQ_UINT(at + 8, made.file.size);
    close_work(&work);
    buffer_release(&notes);
    set_release(&again);
    release(&made, &s);
}

TEST(test_stage_originals__what_follows_the_pixel_data_stays_but_for_padding_and_signatures)
{
    static const struct { uint32_t tag; const char *vr; bool stays; const char *note; } cases[] = {
        {0x7fe10010, "LO", true, ""},
        {0xfffafffa, "SQ", false, "signatures"},
        {0xfffcfffc, "OB", false, ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct set s = grey_source(EXPLICIT, subject.study, 1);
        const size_t from = s.data.size;
        set_raw(&s, cases[i].tag, cases[i].vr, "SOMEBODY", strcmp(cases[i].vr, "SQ") == 0 ? 0 : 8);
        const size_t size = s.data.size - from;
        struct made made = make(&s, "j2k");
        const bool stays = memcmp(made.file.data + made.file.size - size, s.data.data + from, size) == 0;
        CHECK_EQ_INT(stays, cases[i].stays);
        CHECK_HAS(buffer_text(&made.notes), cases[i].note);
        release(&made, &s);
    }
}

/* The original of `s` as it came, with this note. */
static void check_stays(struct set *s, const char *format, const char *note)
{
    struct made made = make(s, format);

    CHECK_EQ_UINT(made.file.size, s->data.size);
    CHECK_EQ_MEM(made.file.data + 132, s->data.data + 132, s->data.size - 132);
    CHECK_HAS(buffer_text(&made.notes), note);
    release(&made, s);
}

TEST(test_stage_originals__what_cannot_be_coded_exactly_stays_as_it_came)
{
    static const uint8_t zeros[PIXELS * 8];
    struct set s = new_source(EXPLICIT);

    put_identity(&s, subject.study);
    put_pixel_module(&s, 32, 32, NULL);
    set_raw(&s, 0x7fe00010, "OW", zeros, PIXELS * 4);
    check_stays(&s, "htj2k", "more than 16 bits");

    s = new_source(EXPLICIT);
    put_identity(&s, subject.study);
    put_pixel_module(&s, 32, 32, NULL);
    set_raw(&s, 0x7fe00008, "OF", zeros, PIXELS * 4);
    check_stays(&s, "j2k", "floats");

    s = new_source(EXPLICIT);
    put_identity(&s, subject.study);
    put_pixel_module(&s, 1, 1, NULL);
    set_raw(&s, 0x7fe00010, "OB", zeros, (PIXELS + 7) / 8);
    check_stays(&s, "htj2k", "1 bit");

    s = new_source(EXPLICIT);
    put_identity(&s, subject.study);
    put_pixel_module(&s, 16, 12, NULL);
    set_us(&s, 0x60000010, SIDE); /* no (6000,3000): it lies in the upper bits */
    put_pixels(&s, 1);
    check_stays(&s, "htj2k", "overlays");
}

TEST(test_stage_originals__what_is_coded_so_already_stays_as_it_came)
{
    struct set s = grey_source(EXPLICIT, subject.study, 2), coded = {0}, again = {0};
    struct made made = make(&s, "j2k");

    set_bytes(&coded, made.file.data, made.file.size);
    check_stays(&coded, "j2k", "");
    set_bytes(&again, made.file.data, made.file.size);
    struct made other = make(&again, "htj2k");
    CHECK(other.file.size != made.file.size);
    release(&other, &again);
    release(&made, &s);
}

TEST(test_stage_originals__frames_that_are_not_alike_stay_as_they_came)
{
    struct set s = grey_source(EXPLICIT, subject.study, 4);
    struct made made = make_with(&s, "htj2k", 3);

    CHECK_OK(made.ok, made.err);
    CHECK_EQ_MEM(made.file.data + 132, s.data.data + 132, s.data.size - 132);
    CHECK_HAS(buffer_text(&made.notes), "frame 3");
    CHECK_EQ_UINT(made.manifest.products[0].artefact_count, 2); /* with its gzip form, nothing half-made */
    release(&made, &s);
}

/* -- the tables of large objects --------------------------------------------------------------- */

TEST(test_stage_originals__extended_offset_table_where_32_bits_might_not_do)
{
    enum { FRAMES = 3 };
    struct original_pixels pixels = {.coding = FRAME_HTJ2K, .frames = FRAMES, .native_bits = UINT64_C(1) << 40};
    static const struct artefact_spec spec = {
        .place = PLACE_RENDITION, .name = "original", .extension = "dcm", .media_type = "application/dicom"};
    struct manifest manifest = {0};
    struct staging *staging = NULL;
    struct buffer file = {0};
    uint16_t samples[PIXELS];

    CHECK_OK(staging_open(test_folder(), &manifest, &staging, &err), err);
    CHECK_OK(staging_begin(staging, "originals", 1, &err), err);
    CHECK_OK(staging_stream(staging, &err), err);
    for (uint32_t number = 1; number <= FRAMES; number++) {
        for (unsigned i = 0; i < PIXELS; i++)
            samples[i] = pixel(number, i);
        const struct frame frame = {.number = number, .rows = SIDE, .columns = SIDE, .samples_per_pixel = 1,
                                    .type = SAMPLE_U16, .bits_stored = 12, .samples = samples, .size = sizeof samples,
                                    .photometric = PHOTOMETRIC_MONOCHROME2};
        CHECK_OK(original_pixels_code(&pixels, &frame, &err), err);
        CHECK_EQ_STR(pixels.form.transfer_syntax, HTJ2K);
        CHECK_OK(number > 1 || original_pixels_begin(&pixels, staging, &err), err);
        CHECK_OK(original_pixels_put(&pixels, staging, &err), err);
    }
    CHECK_OK(original_pixels_end(&pixels, staging, &err), err);
    CHECK_OK(staging_stream_end(staging, &spec, false, &err), err);
    read_staged(test_folder(), 0, &file);
    CHECK_EQ_MEM(file.data, "\xe0\x7f\1\0OV\0\0\30\0\0\0", 12);
    CHECK_EQ_MEM(file.data + 36, "\xe0\x7f\2\0OV\0\0\30\0\0\0", 12);
    CHECK_EQ_MEM(file.data + 72, "\xe0\x7f\20\0OB\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\0\0\0\0", 20);
    size_t at = 92;
    for (size_t i = 0; i < FRAMES; i++) {
        CHECK_EQ_UINT(u32_at(&file, 12 + 8 * i), at - 92);
        CHECK_EQ_UINT(u32_at(&file, 48 + 8 * i), u32_at(&file, at + 4));
        CHECK_EQ_MEM(file.data + at + 8, "\xff\x4f\xff\x51", 4);
        at += 8 + u32_at(&file, at + 4);
    }
    CHECK_EQ_UINT(at + 8, file.size);
    original_pixels_release(&pixels);
    staging_close(staging);
    manifest_release(&manifest);
    buffer_release(&file);
}
