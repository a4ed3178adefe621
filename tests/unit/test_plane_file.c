/* links: base dicom job codec stages worker */
#include "worker/plane_file.h"

#include <sys/stat.h>

#include "base/memory.h"
#include "base/path.h"
#include "tests/support/hostile.h"
#include "tests/support/test.h"
#include "worker/plane_pack.h"
#include "worker/published.h"

static void path_of(char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/planes", test_folder());
}

/* Others' planes stand before. */
enum { OFFSET = 5000 };

static uint64_t size_of(const char *path)
{
    struct stat status;

    CHECK(stat(path, &status) == 0);
    return (uint64_t)status.st_size - OFFSET;
}

static void write_planes(void)
{
    static uint16_t samples[2][12];
    struct plane_writer *writer = NULL;
    struct buffer relic = {0};
    struct error err;
    char path[PATH_SIZE];
    uint64_t size = 0;

    path_of(path);
    CHECK_OK(plane_writer_new(path, OFFSET, &writer, &err), err);
    for (uint32_t i = 0; i < 2; i++) {
        for (uint16_t k = 0; k < 12; k++)
            samples[i][k] = (uint16_t)(100 * i + k);
        const struct frame frame = {.number = 3 + i, .rows = 3, .columns = 4, .samples_per_pixel = 1,
                                    .type = SAMPLE_U16, .bits_stored = 12,
                                    .photometric = PHOTOMETRIC_MONOCHROME2, .samples = samples[i],
                                    .size = sizeof samples[i]};
        CHECK_OK(plane_writer_add(writer, &frame, &err), err);
    }
    CHECK_OK(buffer_puts(&relic, "the relic", &err) && plane_writer_end(writer, &relic, &size, &err), err);
    CHECK_EQ_INT(size, 2 * 24 + 9 + 2 * (24 + 16) + 24); /* too narrow to be packed */
    plane_writer_free(writer);
    buffer_release(&relic);
}

TEST(test_plane_file__planes_and_relic_read_back)
{
    struct plane_reader *reader = NULL;
    struct buffer samples = {0};
    struct frame frame;
    struct error err;
    char path[PATH_SIZE];

    write_planes();
    path_of(path);
    CHECK_OK(plane_reader_open(path, OFFSET, size_of(path), &reader, &err), err);
    CHECK_EQ_STR(buffer_text(plane_reader_relic(reader)), "the relic");
    CHECK_OK(plane_reader_get(reader, 4, &samples, &frame, &err), err);
    CHECK_EQ_INT(frame.rows, 3);
    CHECK_EQ_INT(frame.bits_stored, 12);
    CHECK_EQ_INT(((const uint16_t *)frame.samples)[11], 111);
    CHECK(!plane_reader_get(reader, 5, &samples, &frame, &err));
    plane_reader_free(reader);
    buffer_release(&samples);
}

/* A slope with noise of up to `noise`: 0 the same everywhere, 65536 as it comes. */
static void fill(uint16_t *samples, size_t width, size_t rows, uint32_t noise)
{
    static uint32_t state = 5;

    for (size_t i = 0; i < width * rows; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] = (uint16_t)(noise == 0 ? 777 : i % width * 3 + (state >> 8) % noise);
    }
}

TEST(test_plane_pack__all_widths_and_noises_read_back)
{
    static const size_t widths[] = {1, 63, 64, 65, 128, 200}, row_counts[] = {1, 2, 9};
    static const uint32_t noises[] = {0, 1, 5, 100, 3000, 65536};
    uint16_t samples[200 * 9], found[200 * 9];

    for (size_t w = 0; w < 6; w++)
        for (size_t r = 0; r < 3; r++)
            for (size_t n = 0; n < 6; n++) {
                const size_t width = widths[w], rows = row_counts[r], bound = plane_pack_bound(width, rows);
                struct error err;
                uint8_t *const packed = memory_new(bound, &err); /* exactly: ASan sees one byte too far */

                fill(samples, width, rows, noises[n]);
                const size_t size = plane_pack(samples, width, rows, packed);
                CHECK(size <= bound);
                CHECK(plane_unpack(packed, size, found, width, rows));
                CHECK_EQ_MEM(found, samples, width * rows * 2);
                CHECK(!plane_unpack(packed, size - 1, found, width, rows));
                if (width == 128 && noises[n] <= 1)
                    CHECK(size < width * 2 * 2 + rows * 2 * 65);
                memory_free(packed);
            }
}

static enum error_kind try_unpack(const void *data, size_t size)
{
    uint16_t samples[130 * 4];

    return plane_unpack(data, size, samples, 130, 4) ? ERROR_NONE : ERROR_CORRUPT;
}

TEST(test_plane_pack__cut_and_changed_bytes_stay_in_bounds)
{
    uint16_t samples[130 * 4];
    uint8_t packed[130 * 4 * 3];

    fill(samples, 130, 4, 40);
    hostile_check(try_unpack, packed, plane_pack(samples, 130, 4, packed), ERROR_CORRUPT, 20000);
}

static void write_slice(uint32_t rows, uint32_t columns, const uint16_t *samples, uint64_t *size)
{
    const struct frame frame = {.number = 1, .rows = rows, .columns = columns, .samples_per_pixel = 1,
                                .type = SAMPLE_S16, .bits_stored = 16, .photometric = PHOTOMETRIC_MONOCHROME2,
                                .samples = samples, .size = (size_t)rows * columns * 2};
    struct plane_writer *writer = NULL;
    struct buffer relic = {0};
    struct error err;
    char path[PATH_SIZE];

    path_of(path);
    CHECK_OK(plane_writer_new(path, OFFSET, &writer, &err), err);
    CHECK_OK(plane_writer_add(writer, &frame, &err), err);
    CHECK_OK(buffer_reserve(&relic, 40000, &err), err); /* longer than what is read at first */
    memset(relic.data, 'r', 40000);
    relic.size = 40000;
    CHECK_OK(plane_writer_end(writer, &relic, size, &err), err);
    plane_writer_free(writer);
    buffer_release(&relic);
}

static void check_slice(uint32_t rows, uint32_t columns, const uint16_t *samples)
{
    struct plane_reader *reader = NULL;
    struct buffer found = {0};
    struct frame frame;
    struct error err;
    char path[PATH_SIZE];

    path_of(path);
    CHECK_OK(plane_reader_open(path, OFFSET, size_of(path), &reader, &err), err);
    CHECK_EQ_INT(plane_reader_relic(reader)->size, 40000);
    CHECK_OK(plane_reader_get(reader, 1, &found, &frame, &err), err);
    CHECK_EQ_INT(frame.size, (size_t)rows * columns * 2);
    CHECK_EQ_MEM(frame.samples, samples, frame.size);
    plane_reader_free(reader);
    buffer_release(&found);
}

TEST(test_plane_file__smooth_planes_are_packed_and_noise_is_not)
{
    enum { ROWS = 256, COLUMNS = 300 };
    static uint16_t samples[ROWS * COLUMNS];
    uint64_t size = 0;

    fill(samples, COLUMNS, ROWS, 50);
    write_slice(ROWS, COLUMNS, samples, &size);
    CHECK(size - 40000 < sizeof samples * 2 / 3);
    check_slice(ROWS, COLUMNS, samples);
    fill(samples, COLUMNS, ROWS, 65536);
    write_slice(ROWS, COLUMNS, samples, &size);
    CHECK_EQ_INT(size, sizeof samples + 40000 + (24 + 16) + 24);
    check_slice(ROWS, COLUMNS, samples);
}

static enum error_kind try_planes(const void *data, size_t size)
{
    struct plane_reader *reader = NULL;
    struct error err = {0};
    char path[PATH_SIZE];

    path_of(path);
    CHECK_OK(path_write_file(path, data, size, &err), err);
    if (!plane_reader_open(path, 0, size, &reader, &err))
        return err.kind == ERROR_LIMIT ? ERROR_CORRUPT : err.kind;
    struct buffer samples = {0};
    struct frame frame;
    const bool ok = plane_reader_get(reader, 3, &samples, &frame, &err);
    CHECK(ok || err.kind == ERROR_IO || err.kind == ERROR_CORRUPT);
    buffer_release(&samples);
    plane_reader_free(reader);
    return ERROR_NONE;
}

TEST(test_plane_file__cut_and_changed_files_are_corrupt)
{
    struct buffer file = {0};
    struct error err;
    char path[PATH_SIZE];

    write_planes();
    path_of(path);
    CHECK_OK(path_read_file(path, 1 << 20, &file, &err), err);
    hostile_check(try_planes, file.data + OFFSET, file.size - OFFSET, ERROR_CORRUPT, 3000);
    buffer_release(&file);
}

TEST(test_plane_file__a_part_that_is_not_there_is_refused)
{
    struct plane_reader *reader = NULL;
    struct error err;
    char path[PATH_SIZE];

    write_planes();
    path_of(path);
    const uint64_t size = size_of(path);
    CHECK(!plane_reader_open(path, OFFSET, size + 1, &reader, &err));
    CHECK(!plane_reader_open(path, OFFSET + 1, size, &reader, &err));
    CHECK(!plane_reader_open(path, OFFSET + size + 1, 0, &reader, &err));
    CHECK(!plane_reader_open(path, UINT64_MAX, 2, &reader, &err));
    CHECK(!plane_reader_open(path, 0, OFFSET, &reader, &err)); /* others' */
    CHECK_EQ_INT(err.kind, ERROR_CORRUPT);
}

TEST(test_plane_file__a_writer_with_nothing_to_write_makes_no_file)
{
    struct plane_writer *writer = NULL;
    struct error err;
    char path[PATH_SIZE];

    path_of(path);
    CHECK_OK(plane_writer_new(path, OFFSET, &writer, &err), err);
    plane_writer_free(writer);
    CHECK(access(path, F_OK) != 0);
}

static enum error_kind try_part(const void *data, size_t size)
{
    struct buffer body = {0};
    const uint8_t *payload = NULL;
    const struct transfer_syntax *syntax = NULL;
    size_t payload_size = 0;
    struct error err = {0};

    CHECK_OK(buffer_append(&body, data, size, &err), err);
    const bool ok = published_part(&body, &payload, &payload_size, &syntax, &err);
    CHECK(!ok || (payload >= body.data && payload + payload_size <= body.data + body.size));
    buffer_release(&body);
    return ok ? ERROR_NONE : err.kind;
}

TEST(test_published__one_part_is_found_and_nothing_else_is_taken_for_one)
{
    static const char body[] = "--slicepress-part-0\r\nContent-Type: image/jphc;transfer-syntax=1.2.840.10008.1.2.4.201\r\n"
                               "\r\nPAYLOAD\r\n--slicepress-part-0--\r\n";

    hostile_check(try_part, (const uint8_t *)body, sizeof body - 1, ERROR_CORRUPT, 5000);
}
